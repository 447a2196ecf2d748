//! Results of the laboratory and of imaging, and vital signs.
//!
//! Not for: habits, which C-CDA has elsewhere (`history`).

use std::collections::{BTreeMap, HashSet};

use serde_json::{Value, json};

use super::super::records::{list, number, text};
use super::parts::{Form, LOINC, Row, SNOMED, Section, at, code, day, fixed, oid, span, status, template, words};
use super::xml::Xml;
use super::{ORGANIZATIONS, Summary, first_code, name};
use crate::synth::sink::Type;

static RESULTS: Form = Form {
    template: ("22.2.3.1", "2015-08-01"),
    loinc: "30954-2",
    title: "Results",
    prefix: "result",
    columns: &["Test", "Value", "Flag", "Reference range", "Date"],
};

static VITALS: Form = Form {
    template: ("22.2.4.1", "2015-08-01"),
    loinc: "8716-3",
    title: "Vital Signs",
    prefix: "vital",
    columns: &["Sign", "Value", "Date"],
};

fn organizer(x: &mut Xml, kind: &str, of: &str, inner: impl FnOnce(&mut Xml)) {
    x.tag("organizer", &[("classCode", kind), ("moodCode", "EVN")], |x| {
        template(x, of, "2015-08-01");
        inner(x);
    });
}

impl Summary<'_> {
    /// Panels as they were reported; a result of no panel is a panel of itself, for C-CDA has no others.
    pub fn results(&self) -> Section {
        let mut section = Section::new(&RESULTS);
        let in_laboratory = |record: &&Value| first_code(record, "/category/0") == "laboratory";
        let results: BTreeMap<&str, &Value> =
            self.all(Type::Observation).filter(in_laboratory).map(|result| (text(result, "/id"), result)).collect();
        let mut reported = HashSet::new();
        for report in self.all(Type::DiagnosticReport) {
            let ids = list(report, "/result").iter().filter_map(|r| text(r, "/reference").strip_prefix("Observation/"));
            let inside: Vec<&Value> = ids.filter_map(|id| results.get(id).copied()).collect();
            reported.extend(inside.iter().map(|result| text(result, "/id")));
            match inside.is_empty() {
                true => self.panel(&mut section, report, &[&imaging(report)]),
                false => self.panel(&mut section, report, &inside),
            }
        }
        let alone = self.all(Type::Observation).filter(in_laboratory);
        for result in alone.filter(|result| !reported.contains(text(result, "/id"))) {
            self.panel(&mut section, result, &[result]);
        }
        section
    }

    fn panel(&self, section: &mut Section, report: &Value, results: &[&Value]) {
        self.tell(Type::DiagnosticReport);
        let rows: Vec<Row> = results.iter().map(|result| row(section, result)).collect();
        let when = text(report, "/effectiveDateTime");
        section.entry(|x| {
            organizer(x, "BATTERY", "22.4.1", |x| {
                x.empty("id", &[("root", text(report, "/id")), ("extension", "panel")]);
                code(x, "code", "", &report["code"], "");
                status(x, "completed");
                span(x, "", when, when);
                for (result, row) in results.iter().zip(&rows) {
                    self.tell(Type::Observation);
                    x.tag("component", &[], |x| measured(x, "22.4.2", "2015-08-01", result, row));
                }
            });
        });
    }

    /// The signs taken at one visit together; those of a monitor, which belong to none, one by one.
    pub fn vitals(&self) -> Section {
        let mut section = Section::new(&VITALS);
        let mut sets: Vec<(&str, Vec<Value>)> = Vec::new();
        for sign in self.all(Type::Observation).filter(|o| first_code(o, "/category/0") == "vital-signs") {
            let visit = text(sign, "/encounter/reference");
            let is_same = !visit.is_empty() && sets.last().is_some_and(|(before, _)| *before == visit);
            if !is_same {
                sets.push((visit, Vec::new()));
            }
            if let Some((_, set)) = sets.last_mut() {
                set.extend(signs(sign));
            }
        }
        for (_, set) in &sets {
            self.signs(&mut section, set);
        }
        section
    }

    fn signs(&self, section: &mut Section, set: &[Value]) {
        let rows: Vec<Row> = set
            .iter()
            .map(|sign| section.row(&[name(sign, "/code"), &shown(sign), &day(text(sign, "/effectiveDateTime"))]))
            .collect();
        let Some(first) = set.first() else { return };
        section.entry(|x| {
            organizer(x, "CLUSTER", "22.4.26", |x| {
                x.empty("id", &[("root", text(first, "/of")), ("extension", "set")]);
                x.tag("code", &[("code", "46680005"), ("codeSystem", SNOMED), ("displayName", "Vital signs")], |x| {
                    fixed(x, "translation", "74728-7", LOINC, "Vital signs");
                });
                status(x, "completed");
                at(x, text(first, "/effectiveDateTime"));
                for (sign, row) in set.iter().zip(&rows) {
                    self.tell(Type::Observation);
                    x.tag("component", &[], |x| measured(x, "22.4.27", "2014-06-09", sign, row));
                }
            });
        });
    }
}

/// A vital sign, or the parts of one: C-CDA tells systolic and diastolic pressure apart.
fn signs(sign: &Value) -> Vec<Value> {
    let parts = list(sign, "/component");
    let of = |part: &Value, number: usize| {
        let mut one = part.clone();
        one["id"] = sign["id"].clone();
        one["of"] = sign["id"].clone();
        one["part"] = json!(if parts.is_empty() { String::new() } else { (number + 1).to_string() });
        one["effectiveDateTime"] = sign["effectiveDateTime"].clone();
        one["status"] = sign["status"].clone();
        one
    };
    if parts.is_empty() { vec![of(sign, 0)] } else { parts.iter().enumerate().map(|(n, part)| of(part, n)).collect() }
}

/// The words of an imaging report as the one result in it.
fn imaging(report: &Value) -> Value {
    json!({
        "id": report["id"],
        "code": {
            "coding": [{"system": "http://loinc.org", "code": "18782-3", "display": "Radiology study observation (narrative)"}],
            "text": "Findings",
        },
        "effectiveDateTime": report["effectiveDateTime"],
        "valueString": report["conclusion"],
    })
}

fn row(section: &mut Section, result: &Value) -> Row {
    let (low, high) = (number(result, "/referenceRange/0/low/value"), number(result, "/referenceRange/0/high/value"));
    let range = if low.is_empty() { String::new() } else { format!("{low} to {high}") };
    let flag = text(result, "/interpretation/0/coding/0/code");
    section.row(&[name(result, "/code"), &shown(result), flag, &range, &day(text(result, "/effectiveDateTime"))])
}

/// A value as people read it.
fn shown(result: &Value) -> String {
    let quantity = &result["valueQuantity"];
    match quantity.is_null() {
        true => text(result, "/valueString").to_owned(),
        false => format!("{}{} {}", text(quantity, "/comparator"), number(quantity, "/value"), text(quantity, "/unit"))
            .trim()
            .to_owned(),
    }
}

/// One measured value.
fn measured(x: &mut Xml, of: &str, since: &str, result: &Value, row: &Row) {
    x.tag("observation", &[("classCode", "OBS"), ("moodCode", "EVN")], |x| {
        template(x, of, since);
        x.empty("id", &[("root", text(result, "/id")), ("extension", text(result, "/part"))]);
        code(x, "code", "", &result["code"], &row.cell(0));
        words(x, row.whole());
        status(x, "completed");
        at(x, text(result, "/effectiveDateTime"));
        value(x, result);
        for flag in list(result, "/interpretation/0/coding") {
            x.empty("interpretationCode", &[("code", text(flag, "/code")), ("codeSystem", oid(text(flag, "/system")))]);
        }
        if text(result, "/performer/0/reference") == "Organization/org-3" {
            laboratory(x);
        }
        for range in list(result, "/referenceRange") {
            x.tag("referenceRange", &[], |x| x.tag("observationRange", &[], |x| limits(x, range)));
        }
    });
}

fn value(x: &mut Xml, result: &Value) {
    let quantity = &result["valueQuantity"];
    if quantity.is_null() {
        x.leaf("value", &[("xsi:type", "ST")], text(result, "/valueString"));
        return;
    }
    let (amount, unit) = (number(quantity, "/value"), text(quantity, "/code"));
    if text(quantity, "/comparator") == "<" {
        x.tag("value", &[("xsi:type", "IVL_PQ")], |x| {
            x.empty("high", &[("value", &amount), ("unit", unit), ("inclusive", "false")]);
        });
    } else {
        x.empty("value", &[("xsi:type", "PQ"), ("value", &amount), ("unit", unit)]);
    }
}

fn laboratory(x: &mut Xml) {
    x.tag("performer", &[], |x| {
        x.tag("assignedEntity", &[], |x| {
            x.empty("id", &[("root", ORGANIZATIONS), ("extension", "org-3")]);
            x.tag("representedOrganization", &[], |x| x.leaf("name", &[], "Saint Odile Laboratory"));
        });
    });
}

fn limits(x: &mut Xml, range: &Value) {
    x.tag("value", &[("xsi:type", "IVL_PQ")], |x| {
        for end in ["low", "high"] {
            let (amount, unit) = (number(&range[end], "/value"), text(&range[end], "/unit"));
            x.empty(end, &[("value", &amount), ("unit", unit)]);
        }
    });
}

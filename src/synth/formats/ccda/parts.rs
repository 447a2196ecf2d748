//! What all parts of a document share: codes, times, templates, people, and sections with their narrative.
//!
//! Not for: what a section tells (`history`, `drugs`, `results`, `plan`).

use serde_json::Value;

use super::super::records::{list, text};
use super::xml::Xml;
use crate::synth::hospital::{Hospital, Practitioner};

pub const NPI: &str = "2.16.840.1.113883.4.6";
pub const SNOMED: &str = "2.16.840.1.113883.6.96";
pub const LOINC: &str = "2.16.840.1.113883.6.1";
pub const ACT_CODE: &str = "2.16.840.1.113883.5.4";
pub const ACT_CLASS: &str = "2.16.840.1.113883.5.6";
/// Root under which HL7 keeps its templates.
const TEMPLATES: &str = "2.16.840.1.113883.10.20.";

/// The OID of a code system.
pub fn oid(system: &str) -> &str {
    const SYSTEMS: [(&str, &str); 11] = [
        ("http://snomed.info/sct", SNOMED),
        ("http://loinc.org", LOINC),
        ("http://www.nlm.nih.gov/research/umls/rxnorm", "2.16.840.1.113883.6.88"),
        ("http://hl7.org/fhir/sid/icd-10-cm", "2.16.840.1.113883.6.90"),
        ("http://hl7.org/fhir/sid/cvx", "2.16.840.1.113883.12.292"),
        ("http://terminology.hl7.org/CodeSystem/v3-ActCode", ACT_CODE),
        ("http://terminology.hl7.org/CodeSystem/v3-MaritalStatus", "2.16.840.1.113883.5.2"),
        ("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "2.16.840.1.113883.5.111"),
        ("http://terminology.hl7.org/CodeSystem/v3-ActReason", "2.16.840.1.113883.5.8"),
        ("http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", "2.16.840.1.113883.5.83"),
        ("http://terminology.hl7.org/CodeSystem/discharge-disposition", "2.16.840.1.113883.4.642.4.1093"),
    ];
    let known = SYSTEMS.iter().find(|(uri, _)| *uri == system).map(|(_, oid)| *oid);
    known.or_else(|| system.strip_prefix("urn:oid:")).unwrap_or_default()
}

/// A FHIR date or time as CDA writes it: `20240201150400-0500`.
pub fn stamp(time: &str) -> String {
    let (date, clock) = time.split_once('T').unwrap_or((time, ""));
    let cut = clock.find(['+', '-']).unwrap_or(clock.len());
    let (clock, zone) = clock.split_at(cut);
    format!("{}{}{}", date.replace('-', ""), clock.replace(':', ""), zone.replace(':', ""))
}

/// A day as people of this hospital read it.
pub fn day(time: &str) -> String {
    match (time.get(..4), time.get(5..7), time.get(8..10)) {
        (Some(year), Some(month), Some(day)) => format!("{month}/{day}/{year}"),
        (Some(year), Some(month), None) => format!("{month}/{year}"),
        _ => time.to_owned(),
    }
}

/// The claim to be of a template, in the form of R2.1 and, where there was one, in that of R1.1.
pub fn template(x: &mut Xml, root: &str, since: &str) {
    let root = format!("{TEMPLATES}{root}");
    x.empty("templateId", &[("root", &root), ("extension", since)]);
    if !since.is_empty() {
        x.empty("templateId", &[("root", &root)]);
    }
}

/// The id of a record.
pub fn id(x: &mut Xml, record: &Value) {
    x.empty("id", &[("root", text(record, "/id"))]);
}

/// A code that stands in the program.
pub fn fixed(x: &mut Xml, name: &str, code: &str, system: &str, words: &str) {
    x.empty(name, &[("code", code), ("codeSystem", system), ("displayName", words)]);
}

/// A CodeableConcept: its first coding, its words by reference to the narrative, its other codings. `kind` is the type of
/// a `value`.
pub fn code(x: &mut Xml, name: &str, kind: &str, concept: &Value, cell: &str) {
    let codings = list(concept, "/coding");
    let of = |coding: &Value, key: &str| text(coding, key).to_owned();
    let mut attrs = vec![("xsi:type", kind.to_owned())];
    match codings.first() {
        Some(first) => {
            attrs.push(("code", of(first, "/code")));
            attrs.push(("codeSystem", oid(text(first, "/system")).to_owned()));
            attrs.push(("displayName", of(first, "/display")));
        }
        None => attrs.push(("nullFlavor", "OTH".to_owned())),
    }
    let attrs: Vec<(&str, &str)> = attrs.iter().map(|(key, value)| (*key, value.as_str())).collect();
    x.tag(name, &attrs, |x| {
        if !cell.is_empty() {
            x.tag("originalText", &[], |x| x.empty("reference", &[("value", cell)]));
        }
        for coding in codings.iter().skip(1) {
            fixed(x, "translation", text(coding, "/code"), oid(text(coding, "/system")), text(coding, "/display"));
        }
    });
}

/// The words of an entry: its row of the narrative.
pub fn words(x: &mut Xml, place: &str) {
    x.tag("text", &[], |x| x.empty("reference", &[("value", place)]));
}

pub fn status(x: &mut Xml, code: &str) {
    x.empty("statusCode", &[("code", code)]);
}

/// A point in time.
pub fn at(x: &mut Xml, time: &str) {
    let time = stamp(time);
    let unknown = if time.is_empty() { "UNK" } else { "" };
    x.empty("effectiveTime", &[("value", &time), ("nullFlavor", unknown)]);
}

/// An interval; its beginning is said to be unknown where it is, an end only when there is one.
pub fn span(x: &mut Xml, kind: &str, low: &str, high: &str) {
    x.tag("effectiveTime", &[("xsi:type", kind)], |x| {
        bound(x, "low", low);
        if !high.is_empty() {
            bound(x, "high", high);
        }
    });
}

fn bound(x: &mut Xml, name: &str, time: &str) {
    let time = stamp(time);
    let unknown = if time.is_empty() { "UNK" } else { "" };
    x.empty(name, &[("value", &time), ("nullFlavor", unknown)]);
}

/// The staff, by what records call them.
pub struct Staff(pub Hospital);

impl Staff {
    pub fn find(&self, reference: &Value) -> Option<&Practitioner> {
        let named = text(reference, "/reference");
        let number = named.rsplit_once('|').map(|(_, npi)| npi);
        let id = named.strip_prefix("Practitioner/");
        self.0.staff.iter().find(|who| number == Some(who.npi.as_str()) || id == Some(who.id.to_string().as_str()))
    }

    /// Who wrote an entry, and when.
    pub fn author(&self, x: &mut Xml, time: &str, who: &Value) {
        let Some(who) = self.find(who) else { return };
        x.tag("author", &[], |x| {
            template(x, "22.4.119", "");
            x.empty("time", &[("value", &stamp(time))]);
            x.tag("assignedAuthor", &[], |x| {
                x.empty("id", &[("root", NPI), ("extension", &who.npi)]);
                x.tag("assignedPerson", &[], |x| person(x, who));
            });
        });
    }

    /// Who did it.
    pub fn performer(&self, x: &mut Xml, who: &Value) {
        let Some(who) = self.find(who) else { return };
        x.tag("performer", &[("typeCode", "PRF")], |x| x.tag("assignedEntity", &[], |x| entity(x, who)));
    }
}

/// What stands in the entity of a member of staff.
pub fn entity(x: &mut Xml, who: &Practitioner) {
    x.empty("id", &[("root", NPI), ("extension", &who.npi)]);
    address(x);
    x.tag("assignedPerson", &[], |x| person(x, who));
    x.tag("representedOrganization", &[], |x| {
        x.empty("id", &[("root", super::ORGANIZATIONS), ("extension", "org-1")]);
        x.leaf("name", &[], super::HOSPITAL);
        x.empty("telecom", &[("value", "tel:(802)555-0100"), ("use", "WP")]);
        street(x);
    });
}

/// The name of a member of staff.
pub fn person(x: &mut Xml, who: &Practitioner) {
    x.tag("name", &[], |x| {
        x.leaf("given", &[], who.given);
        x.leaf("family", &[], &who.family);
        x.leaf("suffix", &[], if who.specialty < 10 { "MD" } else { "RN" });
    });
}

/// Address and telephone of the hospital.
pub fn address(x: &mut Xml) {
    street(x);
    x.empty("telecom", &[("value", "tel:(802)555-0100"), ("use", "WP")]);
}

pub fn street(x: &mut Xml) {
    x.tag("addr", &[("use", "WP")], |x| {
        x.leaf("streetAddressLine", &[], "1 Hospital Drive");
        x.leaf("city", &[], "Saint Odile");
        x.leaf("state", &[], "VT");
        x.leaf("postalCode", &[], "05904");
        x.leaf("country", &[], "US");
    });
}

/// The form of a section.
pub struct Form {
    /// Template, and since when.
    pub template: (&'static str, &'static str),
    pub loinc: &'static str,
    pub title: &'static str,
    /// Begins the names of its rows.
    pub prefix: &'static str,
    pub columns: &'static [&'static str],
}

/// A row of a section's table, by the name of which entries refer to it.
pub struct Row(String);

impl Row {
    pub fn whole(&self) -> &str {
        &self.0
    }

    /// A cell, from 0.
    pub fn cell(&self, number: usize) -> String {
        format!("{}-{number}", self.0)
    }
}

/// A section in the making: a table, and entries that refer to its rows.
pub struct Section {
    form: &'static Form,
    rows: Xml,
    entries: Xml,
    count: usize,
}

impl Section {
    pub fn new(form: &'static Form) -> Section {
        Section { form, rows: Xml::default(), entries: Xml::default(), count: 0 }
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds a row to the table.
    pub fn row(&mut self, cells: &[&str]) -> Row {
        self.count += 1;
        let row = Row(format!("#{}{}", self.form.prefix, self.count));
        let name = |place: &str| place.trim_start_matches('#').to_owned();
        self.rows.tag("tr", &[("ID", &name(row.whole()))], |x| {
            for (number, cell) in cells.iter().enumerate() {
                x.tag("td", &[], |x| x.leaf("content", &[("ID", &name(&row.cell(number)))], cell));
            }
        });
        row
    }

    pub fn entry(&mut self, inner: impl FnOnce(&mut Xml)) {
        self.entries.tag("entry", &[("typeCode", "DRIV")], inner);
    }

    /// Writes the section; one without rows says that there is no information. `label` is a sensitivity code of all that
    /// stands in it.
    pub fn write(self, x: &mut Xml, label: &str) {
        let nothing = if self.is_empty() { "NI" } else { "" };
        x.tag("component", &[], |x| {
            x.tag("section", &[("nullFlavor", nothing)], |x| {
                template(x, self.form.template.0, self.form.template.1);
                fixed(x, "code", self.form.loinc, LOINC, self.form.title);
                x.leaf("title", &[], self.form.title);
                if self.is_empty() {
                    x.leaf("text", &[], "No Information");
                    return;
                }
                x.tag("text", &[], |x| self.table(x));
                confidentiality(x, label);
                if !label.is_empty() {
                    mark(x, label);
                }
                x.text.push_str(&self.entries.text);
            });
        });
    }

    fn table(&self, x: &mut Xml) {
        x.tag("table", &[], |x| {
            let heads = |x: &mut Xml| self.form.columns.iter().for_each(|column| x.leaf("th", &[], column));
            x.tag("thead", &[], |x| x.tag("tr", &[], heads));
            x.tag("tbody", &[], |x| x.text.push_str(&self.rows.text));
        });
    }
}

/// How confidential a document or a section is.
pub fn confidentiality(x: &mut Xml, label: &str) {
    let (code, words) = if label.is_empty() { ("N", "normal") } else { ("R", "restricted") };
    fixed(x, "confidentialityCode", code, "2.16.840.1.113883.5.25", words);
}

/// Why something is restricted, as data segmentation for privacy says it.
pub fn mark(x: &mut Xml, label: &str) {
    let name = match label {
        "PSY" => "psychiatry disorder information sensitivity",
        "HIV" => "HIV/AIDS information sensitivity",
        _ => "substance use disorder information sensitivity",
    };
    x.tag("entry", &[("typeCode", "COMP")], |x| {
        x.empty("templateId", &[("root", "2.16.840.1.113883.3.3251.1.9")]);
        x.tag("organizer", &[("classCode", "CLUSTER"), ("moodCode", "EVN")], |x| {
            x.empty("templateId", &[("root", "2.16.840.1.113883.3.3251.1.4")]);
            status(x, "active");
            x.tag("component", &[("typeCode", "COMP")], |x| {
                x.tag("observation", &[("classCode", "OBS"), ("moodCode", "EVN")], |x| {
                    x.empty("templateId", &[("root", "2.16.840.1.113883.3.445.21")]);
                    fixed(x, "code", "SECCATOBS", ACT_CODE, "security category");
                    status(x, "completed");
                    x.empty("value", &[("xsi:type", "CE"), ("code", label), ("codeSystem", ACT_CODE), ("displayName", name)]);
                });
            });
        });
    });
}

//! What the entry templates demand, as a table: template, number of the conformance statement, demand.
//!
//! Not for: how values are written (`forms`).

use super::{Breach, Held, demand};
use crate::render::ccd::cda::{Class, Entry, Time, Value};
use crate::render::ccd::codes::{ACT_CLASS, ACT_CODE, LOINC, SNOMED};

const ENTRY: &str = "2.16.840.1.113883.10.20.22.4.";

/// Something that a statement has to have.
#[derive(Clone, Copy)]
enum Need {
    Class(&'static str),
    Mood(&'static [&'static str]),
    Id,
    Code,
    CodeIs(&'static str, &'static str),
    Translation(&'static str),
    Status(&'static [&'static str]),
    Time,
    /// The interval's beginning.
    Low,
    /// A completed concern has ended.
    HighWhenCompleted,
    BothBounds,
    Point,
    /// One value, of this type where one is named.
    Value(&'static str),
    /// The value is a code and no null flavor.
    Valued,
    Unit,
    Negation,
    Dose,
    RateUnit,
    /// A product that claims this template.
    Product(&'static str),
    Allergen,
    Related(&'static str, &'static str),
    Member(&'static str),
    Text,
    Author,
    /// A range has a value.
    RangeValue,
}

use Need::{
    Allergen, Author, BothBounds, Class as ClassIs, Code, CodeIs, Dose, HighWhenCompleted, Id, Low, Member, Mood, Negation,
    Point, Product, RangeValue, RateUnit, Related, Status, Text, Time as Timed, Translation, Unit, Value as ValueOf, Valued,
};

const EVENT: Need = Mood(&["EVN"]);
const TAKEN: Need = Mood(&["EVN", "INT"]);
const COMPLETED: Need = Status(&["completed"]);
const ANY: Need = Status(&[]);
const CONCERN: Need = Status(&["active", "suspended", "aborted", "completed"]);
const RESULT: Need = Status(&["aborted", "active", "cancelled", "completed", "held", "suspended"]);
const PROCEDURE: Need = Status(&["completed", "active", "aborted", "cancelled"]);

/// By template: the conformance statements (C-CDA R2.1) and what they demand.
#[rustfmt::skip]
const RULES: &[(&str, &[(&str, Need)])] = &[
    ("30", &[("1198-7469", ClassIs("ACT")), ("1198-7470", EVENT), ("1198-7472", Id), ("1198-19158", CodeIs("CONC", ACT_CLASS)),
        ("1198-19086", CONCERN), ("1198-7498", Timed), ("1198-7504", Low), ("1198-10085", HighWhenCompleted), ("1198-7509", Related("SUBJ", "7"))]),
    ("7", &[("1098-7379", ClassIs("OBS")), ("1098-7380", EVENT), ("1098-7382", Id), ("1098-15948", CodeIs("ASSERTION", ACT_CODE)),
        ("1098-19085", COMPLETED), ("1098-31538", Low), ("1098-7390", ValueOf("CD")), ("1098-7402", Allergen)]),
    ("9", &[("1098-7325", ClassIs("OBS")), ("1098-7326", EVENT), ("1098-7329", Id), ("1098-31124", CodeIs("ASSERTION", ACT_CODE)),
        ("1098-19114", COMPLETED), ("1098-7335", ValueOf("CD"))]),
    ("8", &[("1098-7345", ClassIs("OBS")), ("1098-19169", CodeIs("SEV", ACT_CODE)), ("1098-19115", COMPLETED), ("1098-7356", ValueOf("CD"))]),
    ("145", &[("81-32921", ClassIs("OBS")), ("81-32925", CodeIs("82606-5", LOINC)), ("81-32927", COMPLETED), ("81-32928", ValueOf("CD"))]),
    ("28", &[("1198-7318", ClassIs("OBS")), ("1198-19131", CodeIs("33999-4", LOINC)), ("1198-19087", COMPLETED), ("1198-7322", ValueOf("CE"))]),
    ("3", &[("1198-9024", ClassIs("ACT")), ("1198-9025", EVENT), ("1198-9026", Id), ("1198-19184", CodeIs("CONC", ACT_CLASS)),
        ("1198-9029", CONCERN), ("1198-9030", Timed), ("1198-9032", Low), ("1198-9034", Related("SUBJ", "4"))]),
    ("4", &[("1198-9041", ClassIs("OBS")), ("1198-9042", EVENT), ("1198-9043", Id), ("1198-9045", Code), ("1198-19112", COMPLETED),
        ("1198-9050", Timed), ("1198-15603", Low), ("1198-9058", ValueOf("CD"))]),
    ("6", &[("1198-7357", ClassIs("OBS")), ("1198-19163", CodeIs("33999-4", LOINC)), ("1198-19113", COMPLETED), ("1198-7365", ValueOf("CD"))]),
    ("16", &[("1098-7496", ClassIs("SBADM")), ("1098-7497", TAKEN), ("1098-7500", Id), ("1098-7507", ANY), ("1098-7508", Timed),
        ("1098-7516", Dose), ("1098-7525", RateUnit), ("1098-16085", Product("23"))]),
    ("17", &[("1098-7427", ClassIs("SPLY")), ("1098-7428", Mood(&["INT"])), ("1098-7430", Id), ("1098-7432", ANY)]),
    ("18", &[("1098-7451", ClassIs("SPLY")), ("1098-7452", EVENT), ("1098-7454", Id), ("1098-7455", ANY)]),
    ("1", &[("1198-7122", EVENT), ("1198-7127", Id), ("1198-7128", Code), ("1198-14848", RESULT), ("1198-32488", BothBounds),
        ("1198-7124", Member("2"))]),
    ("2", &[("1198-7130", ClassIs("OBS")), ("1198-7131", EVENT), ("1198-7137", Id), ("1198-7133", Code), ("1198-14849", RESULT),
        ("1198-7140", Timed), ("1198-7143", ValueOf("")), ("1198-32175", RangeValue)]),
    ("26", &[("1198-7279", ClassIs("CLUSTER")), ("1198-7280", EVENT), ("1198-7282", Id), ("1198-32741", CodeIs("46680005", SNOMED)),
        ("1198-32743", Translation("74728-7")), ("1198-19120", COMPLETED), ("1198-7288", Timed), ("1198-7285", Member("27"))]),
    ("27", &[("1098-7297", ClassIs("OBS")), ("1098-7300", Id), ("1098-7301", Code), ("1098-19119", COMPLETED), ("1098-7304", Timed),
        ("1098-7305", ValueOf("PQ")), ("1098-31579", Unit)]),
    ("78", &[("1098-14806", ClassIs("OBS")), ("1098-32401", Id), ("1098-31039", CodeIs("72166-2", LOINC)), ("1098-19116", COMPLETED),
        ("1098-31928", Timed), ("1098-32894", Point), ("1098-14810", ValueOf("CD")), ("1098-14817", Valued)]),
    ("85", &[("1098-16558", ClassIs("OBS")), ("1098-32400", Id), ("1098-19175", CodeIs("11367-0", LOINC)), ("1098-19118", COMPLETED),
        ("1098-16564", Timed), ("1098-16565", Low), ("1098-16562", ValueOf("CD"))]),
    ("38", &[("1198-8548", ClassIs("OBS")), ("1198-8551", Id), ("1198-8558", Code), ("1198-19117", COMPLETED), ("1198-31868", Timed)]),
    ("14", &[("1098-7652", ClassIs("PROC")), ("1098-7653", EVENT), ("1098-7655", Id), ("1098-7656", Code), ("1098-7661", PROCEDURE)]),
    ("12", &[("1098-8289", ClassIs("ACT")), ("1098-8290", EVENT), ("1098-8292", Id), ("1098-8293", Code), ("1098-8298", PROCEDURE),
        ("1098-8299", Timed)]),
    ("13", &[("1098-8282", ClassIs("OBS")), ("1098-8237", EVENT), ("1098-8239", Id), ("1098-19197", Code), ("1098-32365", PROCEDURE),
        ("1098-16846", ValueOf(""))]),
    ("52", &[("1198-8826", ClassIs("SBADM")), ("1198-8827", TAKEN), ("1198-8985", Negation), ("1198-8829", Id), ("1198-8833", ANY),
        ("1198-8834", Timed), ("1198-15546", Product("54"))]),
    ("53", &[("81-8991", ClassIs("OBS")), ("81-8994", Id), ("81-8995", Code), ("81-19104", COMPLETED)]),
    ("49", &[("1198-8710", ClassIs("ENC")), ("1198-8711", EVENT), ("1198-8713", Id), ("1198-8714", Code), ("1198-8715", Timed)]),
    ("80", &[("1198-14889", ClassIs("ACT")), ("1198-19183", CodeIs("29308-4", LOINC)), ("1198-14892", Related("SUBJ", "4"))]),
    ("202", &[("3250-16899", ClassIs("ACT")), ("3250-16942", CodeIs("34109-9", LOINC)), ("3250-16894", Text), ("3250-16916", ANY),
        ("3250-16903", Timed), ("3250-16913", Author)]),
];

pub fn check(entry: &Entry) -> Held {
    for template in &entry.templates {
        let Some(number) = template.root.strip_prefix(ENTRY) else { continue };
        let rules = RULES.iter().filter(|(of, _)| *of == number).flat_map(|(_, rules)| rules.iter());
        for (rule, need) in rules {
            holds(entry, *need).map_err(|says| Breach::new(rule, says))?;
        }
    }
    demand(entry.class != Class::Organizer || entry.status.is_some(), "CDA", "an organizer has a status")
}

fn holds(entry: &Entry, need: Need) -> Result<(), &'static str> {
    let code = entry.code.as_ref();
    let (is_so, says) = match need {
        Need::Class(class) => (entry.class_code() == class, "its class is that of its template"),
        Mood(moods) => (moods.contains(&entry.mood()), "its mood is that of its template"),
        Id => (!entry.ids.is_empty(), "it has an id"),
        Code => (code.is_some(), "it has a code"),
        CodeIs(wanted, system) => {
            let is_it =
                |c: &crate::render::ccd::cda::Code| c.code.as_deref() == Some(wanted) && c.system.as_deref() == Some(system);
            (code.is_some_and(is_it), "its code is that of its template")
        }
        Translation(wanted) => {
            let has = |c: &crate::render::ccd::cda::Code| c.translations.iter().any(|t| t.code.as_deref() == Some(wanted));
            (code.is_some_and(has), "its code is translated")
        }
        Status(wanted) => {
            let is_it = |status: &str| wanted.is_empty() || wanted.contains(&status);
            // That of a drug may be unknown: it is written as that.
            let may_be_unknown = wanted.is_empty() && entry.class == Class::SubstanceAdministration;
            (entry.status.map_or(may_be_unknown, is_it), "its status is one of its template's")
        }
        Need::Time | Low | HighWhenCompleted | BothBounds | Point => time(entry, need),
        Need::Value(_) | Valued | Unit | RangeValue => value(entry, need),
        _ => part(entry, need),
    };
    if is_so { Ok(()) } else { Err(says) }
}

/// The time of a statement; how often something is done stands in further ones.
fn time(entry: &Entry, need: Need) -> (bool, &'static str) {
    let is_first = |time: &&Time| !matches!(time, Time::Every { .. } | Time::Event(_));
    let mut all = entry.times.iter().filter(is_first);
    let (first, is_one) = (all.next(), all.next().is_none());
    match need {
        Low => (matches!(first, Some(Time::Span { low: Some(_), .. })), "its time has a beginning"),
        HighWhenCompleted => {
            let has_end = matches!(first, Some(Time::Span { high: Some(_), .. }));
            (has_end || entry.status != Some("completed"), "a completed concern has an end")
        }
        BothBounds => {
            let both = matches!(first, None | Some(Time::Span { low: Some(_), high: Some(_) }));
            (both, "its time has a beginning and an end")
        }
        Point => (matches!(first, Some(Time::At(_) | Time::Null(_))), "its time is a point"),
        _ => (first.is_some() && is_one, "it has one time"),
    }
}

fn value(entry: &Entry, need: Need) -> (bool, &'static str) {
    let coded = |value: &Value| matches!(value, Value::Code(code) | Value::CodeCe(code) if code.code.is_some());
    let is_unit = |value: &Value| match value {
        Value::Quantity(quantity) => quantity.unit.is_some(),
        _ => true,
    };
    match need {
        Valued => (entry.values.iter().all(coded), "its value is a code and no null flavor"),
        Unit => (entry.values.iter().all(is_unit), "its value has a unit"),
        RangeValue => (entry.ranges.iter().all(|range| range.value.is_some()), "a range has a value"),
        Need::Value(of) => {
            let is_it = of.is_empty() || entry.values.iter().all(|value| xsi_type(value) == of);
            (entry.values.len() == 1 && is_it, "it has one value of its template's type")
        }
        _ => (true, ""),
    }
}

fn xsi_type(value: &Value) -> &'static str {
    match value {
        Value::Code(_) => "CD",
        Value::CodeCe(_) => "CE",
        Value::Quantity(_) => "PQ",
        Value::Range { .. } => "IVL_PQ",
        Value::Text(_) => "ST",
        Value::Integer(_) => "INT",
        Value::Boolean(_) => "BL",
        Value::Time(Time::Span { .. }) => "IVL_TS",
        Value::Time(_) => "TS",
        Value::Null(of, _) => of,
    }
}

fn part(entry: &Entry, need: Need) -> (bool, &'static str) {
    let claims = |entry: &Entry, number: &str| entry.templates.iter().any(|t| t.root.strip_prefix(ENTRY) == Some(number));
    match need {
        Negation => (entry.negated.is_some(), "it says whether it is negated"),
        Dose => (entry.dose.is_some(), "it has a dose"),
        RateUnit => (entry.rate.as_ref().is_none_or(|rate| rate.unit.is_some()), "a rate has a unit"),
        Product(number) => {
            let has =
                |p: &crate::render::ccd::cda::Product| p.templates.iter().any(|t| t.root.strip_prefix(ENTRY) == Some(number));
            (entry.product.as_ref().is_some_and(has), "it has a product of its template")
        }
        Allergen => {
            let is_it = |p: &crate::render::ccd::cda::Participant| {
                let is_coded = p.player.as_ref().is_some_and(|player| player.class_code == Some("MMAT") && player.code.is_some());
                p.type_code == "CSM" && p.class_code == Some("MANU") && is_coded
            };
            (entry.participants.iter().filter(|p| is_it(p)).count() == 1, "it names one substance")
        }
        Related(type_code, number) => {
            let is_it = entry.related.iter().any(|r| r.type_code == type_code && claims(&r.entry, number));
            (is_it, "it holds the statement that it is about")
        }
        Member(number) => (entry.components.iter().any(|member| claims(member, number)), "it has a member"),
        Text => (entry.text.is_some(), "it has a text"),
        Author => (!entry.authors.is_empty(), "it has an author"),
        _ => (true, ""),
    }
}

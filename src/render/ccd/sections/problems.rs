//! Problems and diagnoses, from Condition.
//!
//! The act around a problem says whether it is still followed; whether it is over stands in its own times and status. What was
//! refuted, is only one of several possibilities, or was entered in error makes no statement: the narrative tells it as that.
//!
//! Not for: health concerns that are on no list of problems.

use super::routing::Place;
use super::rows::{
    Frame, Sheet, about, comment, concepts_words, date_words, entry, joined, name_words, notes, part_id, section, snomed,
    status_words, when_words, word,
};
use super::tables::{About, negative};
use crate::formats::fhir::node::{Node, concept};
use crate::render::ccd::cda::{Bound, Class, Code, Entry, Null, Related, Section, Template, Time, Ts, Value};
use crate::render::ccd::chart::Item;
use crate::render::ccd::codes::{ACT_CLASS, ACT_CODE, LOINC, SNOMED, fixed};
use crate::render::ccd::context::Context;
use crate::render::ccd::narrative::Anchor;
use crate::render::ccd::values;

const FRAME: Frame = Frame {
    templates: [
        Template::both("2.16.840.1.113883.10.20.22.2.5.1", "2015-08-01"),
        Template::both("2.16.840.1.113883.10.20.22.2.5", "2015-08-01"),
    ],
    code: "11450-4",
    display: "Problem list - Reported",
    title: "Problems",
};
const CONCERN: Template = Template::both("2.16.840.1.113883.10.20.22.4.3", "2015-08-01");
const OBSERVATION: Template = Template::both("2.16.840.1.113883.10.20.22.4.4", "2015-08-01");
const STATUS: Template = Template::both("2.16.840.1.113883.10.20.22.4.6", "2019-06-20");
const SEVERITY: Template = Template::both("2.16.840.1.113883.10.20.22.4.8", "2014-06-09");

const COLUMNS: [&str; 10] =
    ["Problem", "Kind", "Status", "Since", "Until", "Severity and site", "Recorded", "Codes", "Source", "Comment"];

pub fn problems(cx: &Context<'_>) -> Section {
    let mut sheet = Sheet::new("problem", &COLUMNS);
    let entries: Vec<Entry> = cx.placed(Place::Problems).iter().filter_map(|item| problem(cx, &mut sheet, item)).collect();
    section(cx, &FRAME, vec![sheet], entries)
}

/// Where the words of a problem stand.
struct Told {
    row: Anchor,
    name: Option<Anchor>,
    severity: Option<Anchor>,
    note: Option<Anchor>,
}

fn problem(cx: &Context<'_>, sheet: &mut Sheet, item: &Item<'_>) -> Option<Entry> {
    let root = item.root();
    let told = tell(sheet, item);
    if matches!(word(root.at("verificationStatus")).as_str(), "refuted" | "entered-in-error" | "differential") {
        return None;
    }
    let negated = negative("problem", root.at("code"));
    if negated == Some(About::WordsOnly) {
        return None;
    }
    let observation = observation(cx, item, &told, negated.is_some());
    Some(concern(cx, item, &told.row, observation))
}

fn tell(sheet: &mut Sheet, item: &Item<'_>) -> Told {
    let root = item.root();
    let row = sheet.row();
    let name = sheet.cite("name", &name_words(root.at("code"), root));
    sheet.say(kinds(root));
    sheet.say(statuses(root));
    sheet.say(when_words(root, "onset"));
    sheet.say(when_words(root, "abatement"));
    let stage = root.at("stage").items().filter_map(|stage| concept(stage.at("summary"))).collect::<Vec<_>>().join(", ");
    let sites = concepts_words(root.at("bodySite"));
    let severity = sheet.cite("severity", &joined(&[concept(root.at("severity")).unwrap_or_default(), sites, stage], "; "));
    sheet.say(recorded(root).map(|text| date_words(&text)).unwrap_or_default());
    let concepts: Vec<Node<'_>> = [root.at("code"), root.at("severity")].into_iter().chain(root.at("bodySite").items()).collect();
    let evidence: Vec<String> = root.at("evidence").items().map(|e| concepts_words(e.at("code"))).collect();
    let evidence = joined(&evidence, "; ");
    let evidence = if evidence.is_empty() { evidence } else { format!("evidence: {evidence}") };
    let note = sheet.tail(item, &concepts, &joined(&[notes(root), evidence], "; "));
    Told { row, name, severity: severity.filter(|_| root.at("severity").exists()), note }
}

/// Categories in words.
fn kinds(root: Node<'_>) -> String {
    let named = |category: Node<'_>| match word(category).as_str() {
        "problem-list-item" => Some("problem list".to_owned()),
        "encounter-diagnosis" => Some("diagnosis of a visit".to_owned()),
        "health-concern" => Some("health concern".to_owned()),
        _ => concept(category),
    };
    let all: Vec<String> = root.at("category").items().filter_map(named).collect();
    all.join(", ")
}

fn statuses(root: Node<'_>) -> String {
    let verification = word(root.at("verificationStatus"));
    let said = match verification.as_str() {
        "" => String::new(),
        "refuted" => "refuted: the source says that this is not so".to_owned(),
        "differential" => "differential: one of several possibilities".to_owned(),
        other => status_words(other),
    };
    joined(&[status_words(&clinical(root)), said], ", ")
}

fn clinical(root: Node<'_>) -> String {
    word(root.at("clinicalStatus"))
}

fn recorded(root: Node<'_>) -> Option<String> {
    ["recordedDate", "assertedDate", "dateRecorded"].iter().find_map(|name| root.at(name).text())
}

fn has_ended(root: Node<'_>) -> bool {
    const ENDS: [&str; 5] = ["abatementDateTime", "abatementPeriod", "abatementAge", "abatementRange", "abatementString"];
    let is_said = root.at("abatementBoolean").text().as_deref() == Some("true");
    is_said || ENDS.iter().any(|name| root.at(name).exists())
}

fn concern(cx: &Context<'_>, item: &Item<'_>, row: &Anchor, observation: Entry) -> Entry {
    let root = item.root();
    let is_over = match clinical(root).as_str() {
        "inactive" | "resolved" => true,
        "" => has_ended(root),
        _ => false,
    };
    let bound = |text: Option<String>| text.and_then(|text| values::ts(&text)).map_or(Bound::Null(Null::Unknown), Bound::Given);
    let time = Time::Span { low: Some(bound(recorded(root))), high: is_over.then(|| bound(None)) };
    Entry {
        class: Class::Act,
        templates: vec![CONCERN],
        ids: vec![part_id(&cx.id(item), "concern")],
        code: Some(fixed("CONC", ACT_CLASS, "Concern")),
        text: Some(row.clone()),
        status: Some(if is_over { "completed" } else { "active" }),
        times: vec![time],
        related: vec![Related { type_code: "SUBJ", is_inverted: false, entry: observation }],
        ..Entry::default()
    }
}

fn observation(cx: &Context<'_>, item: &Item<'_>, told: &Told, is_negated: bool) -> Entry {
    let root = item.root();
    let mut own = entry(cx, item, Class::Observation, OBSERVATION, &told.row);
    own.negated = is_negated.then_some(true);
    own.code = Some(kind(root));
    own.status = Some("completed");
    own.times =
        vec![if is_negated { Time::Span { low: Some(Bound::Null(Null::NoInformation)), high: None } } else { span(root) }];
    let named = match is_negated {
        true => Code { original: told.name.clone(), ..fixed("55607006", SNOMED, "Problem") },
        false => snomed(root.at("code"), told.name.clone()),
    };
    own.values = vec![Value::Code(named)];
    own.target_sites = root.at("bodySite").items().map(|site| snomed(site, None)).collect();
    let qualified = |template, code, value| Entry {
        class: Class::Observation,
        templates: vec![template],
        code: Some(code),
        text: Some(told.row.clone()),
        status: Some("completed"),
        values: vec![Value::Code(value)],
        ..Entry::default()
    };
    if !is_negated {
        let status = clinical_status(&clinical(root)).map(|value| (STATUS, fixed("33999-4", LOINC, "Status"), value));
        let severity = root
            .at("severity")
            .exists()
            .then(|| (SEVERITY, fixed("SEV", ACT_CODE, "Severity"), snomed(root.at("severity"), told.severity.clone())));
        own.related.extend(status.map(|(template, code, value)| Related {
            type_code: "REFR",
            is_inverted: false,
            entry: qualified(template, code, value),
        }));
        own.related.extend(severity.map(|(template, code, value)| about(qualified(template, code, value))));
    }
    own.related.extend(comment(told.note.clone()));
    own
}

/// The kind of problem, SNOMED CT with its LOINC translation.
fn kind(root: Node<'_>) -> Code {
    let is = |category: &str| root.at("category").items().any(|c| word(c) == category);
    let (snomed, loinc) = if is("problem-list-item") {
        (("55607006", "Problem"), ("75326-9", "Problem"))
    } else if is("encounter-diagnosis") {
        (("282291009", "Diagnosis"), ("29308-4", "Diagnosis"))
    } else {
        (("64572001", "Condition"), ("75323-6", "Condition"))
    };
    let mut code = fixed(snomed.0, SNOMED, snomed.1);
    code.translations = vec![fixed(loinc.0, LOINC, loinc.1)];
    code
}

/// From onset to abatement. An end that is said and not dated is `UNK`.
fn span(root: Node<'_>) -> Time {
    let onset = values::time(root, "onset").and_then(|time| values::start(&time).cloned());
    let is_over = clinical(root) == "resolved" || has_ended(root);
    let end = values::time(root, "abatement").and_then(|time| end(&time));
    let high = is_over.then(|| end.map_or(Bound::Null(Null::Unknown), Bound::Given));
    Time::Span { low: Some(onset.map_or(Bound::Null(Null::Unknown), Bound::Given)), high }
}

fn end(time: &Time) -> Option<Ts> {
    match time {
        Time::At(ts) => Some(ts.clone()),
        Time::Span { high: Some(Bound::Given(ts)), .. } => Some(ts.clone()),
        _ => None,
    }
}

/// Problem Status (value set 2.16.840.1.113883.3.88.12.80.68).
fn clinical_status(status: &str) -> Option<Code> {
    let (code, display) = match status {
        "active" => ("55561003", "Active"),
        "recurrence" => ("246455001", "Recurrence"),
        "relapse" => ("263855007", "Relapse phase"),
        "inactive" => ("73425007", "Inactive"),
        "remission" => ("277022003", "Remission phase"),
        "resolved" => ("413322009", "Problem resolved"),
        _ => return None,
    };
    Some(fixed(code, SNOMED, display))
}

//! Family history: relatives and what they had.
//!
//! Not for: the patient's own problems, or relatives as contacts.

use crate::formats::fhir::node::{Node, concept};
use crate::render::ccd::cda::{Class, Code, Entry, Id, Null, Section, Subject, Template, Time, Value};
use crate::render::ccd::chart::Item;
use crate::render::ccd::codes::{self, ACT_CODE, LOINC, SNOMED, SNOMED_URI};
use crate::render::ccd::context::Context;
use crate::render::ccd::narrative::Anchor;
use crate::render::ccd::values;

use super::routing::Place;
use super::sheet::{self, Sheet, Spec, part_id, related};
use super::words;

const SPEC: Spec = Spec {
    prefix: "family",
    code: ("10157-6", "History of family member diseases Narrative"),
    title: "Family History",
    templates: &[Template::both("2.16.840.1.113883.10.20.22.2.15", "2015-08-01")],
    with_entries: &[],
    needs_entries: false,
    columns: &["Date", "Relative", "Condition", "Details"],
};

const ORGANIZER: Template = Template::both("2.16.840.1.113883.10.20.22.4.45", "2015-08-01");
const OBSERVATION: Template = Template::both("2.16.840.1.113883.10.20.22.4.46", "2015-08-01");
const AGE: Template = Template::root("2.16.840.1.113883.10.20.22.4.31");
const DEATH: Template = Template::root("2.16.840.1.113883.10.20.22.4.47");

const ROLES: [&str; 2] = ["http://terminology.hl7.org/CodeSystem/v3-RoleCode", "http://hl7.org/fhir/v3/RoleCode"];
const GENDER: &str = "2.16.840.1.113883.5.1";

pub fn family_history(cx: &Context<'_>) -> Section {
    let mut sheet = Sheet::new(cx, &SPEC);
    for item in cx.placed(Place::FamilyHistory) {
        let root = item.root();
        let row = sheet.begin();
        sheet.say(words::when(root, "date"));
        let relation = sheet.key("relative", words::joined_by(", ", [concept(root.at("relationship")), root.at("name").text()]));
        let what = sheet.key("what", words::joined(root.at("condition").items().map(condition_words)));
        sheet.add(details(root));
        let conditions = root.at("condition").items().flat_map(|had| [had.at("code"), had.at("outcome")]);
        let coded = [root.at("relationship"), root.at("sex")].into_iter();
        sheet.end(&item, coded.chain(root.at("reasonCode").items()).chain(conditions).collect::<Vec<_>>());
        if !words::is_mistaken(root) {
            sheet.push(relative(cx, &item, row, relation, what));
        }
    }
    sheet.finish()
}

fn condition_words(had: Node<'_>) -> Option<String> {
    let death = had.at("contributedToDeath").text().filter(|text| text == "true").map(|_| "contributed to death".to_owned());
    let onset = words::when(had, "onset").or_else(|| words::range(had.at("onsetRange")));
    words::joined_by(
        ", ",
        [concept(had.at("code")), words::named("onset", onset), concept(had.at("outcome")), death, words::notes(had)],
    )
}

fn details(root: Node<'_>) -> Option<String> {
    let flag = |name: &str| root.at(name).text().map(|text| if text == "true" { "yes" } else { "no" }.to_owned());
    let died =
        flag("deceasedBoolean").or_else(|| words::when(root, "deceased")).or_else(|| words::range(root.at("deceasedRange")));
    words::joined([
        words::named("Sex", concept(root.at("sex"))),
        words::named("Born", words::when(root, "born")),
        words::named("Age", words::amount(root.at("ageAge")).or_else(|| root.at("ageString").text())),
        words::named("Died", died),
        words::named("Unknown because", concept(root.at("dataAbsentReason"))),
        words::named("Remark", words::notes(root)),
    ])
}

fn relative(cx: &Context<'_>, item: &Item<'_>, row: Anchor, relation: Option<Anchor>, what: Option<Anchor>) -> Entry {
    let root = item.root();
    let mut entry = sheet::entry(cx, item, &row, Class::Organizer);
    entry.class_code = Some("CLUSTER");
    entry.status = Some("completed");
    entry.subject = Some(subject(root, relation));
    let had = root.at("condition").items().enumerate().filter(|(_, had)| concept(had.at("code")).is_some());
    entry.components = had.map(|(at, had)| condition(cx, item, at, had, &row, what.clone())).collect();
    // The template wants a condition. A relative of whom none is told is written without it.
    if !entry.components.is_empty() {
        entry.templates.push(ORGANIZER);
    }
    entry
}

fn subject(root: Node<'_>, relation: Option<Anchor>) -> Subject {
    let birth = ["bornDate", "bornString"].iter().find_map(|name| values::ts(&root.at(name).text()?));
    let birth = birth.or_else(|| values::ts(&root.at("bornPeriod").at("start").text()?));
    let sex = root.at("sex").at("coding").items().find_map(|coding| coding.at("code").text()).or_else(|| concept(root.at("sex")));
    let gender = match sex.map(|sex| sex.to_lowercase()).as_deref() {
        Some("male" | "m" | "248153007") => Some(codes::fixed("M", GENDER, "Male")),
        Some("female" | "f" | "248152002") => Some(codes::fixed("F", GENDER, "Female")),
        Some("other" | "un") => Some(codes::fixed("UN", GENDER, "Undifferentiated")),
        Some(_) => Some(Code { null: Some(Null::Unknown), ..Code::default() }),
        // A subject with a date of birth has to have a sex.
        None => birth.is_some().then(|| Code { null: Some(Null::Unknown), ..Code::default() }),
    };
    Subject { relationship: codes::code(root.at("relationship"), &ROLES, relation), gender, birth }
}

fn condition(cx: &Context<'_>, item: &Item<'_>, at: usize, had: Node<'_>, row: &Anchor, what: Option<Anchor>) -> Entry {
    let mut code = codes::fixed("64572001", SNOMED, "Condition");
    code.translations.push(codes::fixed("75323-6", LOINC, "Condition"));
    let onset = had.at("onsetString").text().and_then(|text| values::ts(&text)).map(Time::At);
    let onset = onset.or_else(|| values::span(had.at("onsetPeriod")));
    let mut related_entries = Vec::new();
    related_entries.extend(age(had.at("onsetAge")).map(|age| {
        let mut age = related("SUBJ", age);
        age.is_inverted = true;
        age
    }));
    if had.at("contributedToDeath").text().as_deref() == Some("true") {
        related_entries.push(related("CAUS", death(part_id(cx, item, &format!("death-{}", at + 1)))));
    }
    Entry {
        class: Class::Observation,
        templates: vec![OBSERVATION],
        ids: vec![part_id(cx, item, &format!("condition-{}", at + 1))],
        code: Some(code),
        text: Some(row.clone()),
        status: Some("completed"),
        times: onset.into_iter().collect(),
        values: vec![Value::Code(codes::code(had.at("code"), &[SNOMED_URI], what))],
        related: related_entries,
        ..Entry::default()
    }
}

/// Age at onset; units that the template does not have stay in the words.
fn age(node: Node<'_>) -> Option<Entry> {
    let mut quantity = values::pq(node)?;
    let unit =
        quantity.unit.as_deref().or(Some("a")).filter(|unit| ["a", "mo", "wk", "d", "h", "min"].contains(unit))?.to_owned();
    quantity.unit = Some(unit);
    Some(Entry {
        class: Class::Observation,
        templates: vec![AGE],
        code: Some(codes::fixed("445518008", SNOMED, "Age at onset")),
        status: Some("completed"),
        values: vec![Value::Quantity(quantity)],
        ..Entry::default()
    })
}

fn death(id: Id) -> Entry {
    Entry {
        class: Class::Observation,
        templates: vec![DEATH],
        ids: vec![id],
        code: Some(codes::fixed("ASSERTION", ACT_CODE, "Assertion")),
        status: Some("completed"),
        values: vec![Value::Code(codes::fixed("419099009", SNOMED, "Dead"))],
        ..Entry::default()
    }
}

//! Social history: smoking, other habits and circumstances, sex at birth, gender identity.
//!
//! Not for: scales of function and mind (`functional`, `mental`).

use std::sync::LazyLock;

use serde::Deserialize;

use crate::formats::fhir::node::{Node, concept};
use crate::render::ccd::cda::{Class, Code, Entry, Null, Section, Template, Time, Value};
use crate::render::ccd::chart::Item;
use crate::render::ccd::codes::{self, LOINC, LOINC_URI, SNOMED, SNOMED_URI};
use crate::render::ccd::context::Context;
use crate::render::ccd::values;

use super::findings::{self, Said};
use super::questionnaires;
use super::routing::{Place, codings};
use super::sheet::{Sheet, Spec, part_id};
use super::words;

const SPEC: Spec = Spec {
    prefix: "social",
    code: ("29762-2", "Social history"),
    title: "Social History",
    templates: &[Template::both("2.16.840.1.113883.10.20.22.2.17", "2015-08-01")],
    with_entries: &[],
    needs_entries: false,
    columns: findings::COLUMNS,
};

const SMOKING: Template = Template::both("2.16.840.1.113883.10.20.22.4.78", "2014-06-09");
const TOBACCO: Template = Template::both("2.16.840.1.113883.10.20.22.4.85", "2014-06-09");
const OTHER: Template = Template::both("2.16.840.1.113883.10.20.22.4.38", "2015-08-01");
const BIRTH_SEX: Template = Template::new("2.16.840.1.113883.10.20.22.4.200", "2016-06-01");

const GENDER: &str = "2.16.840.1.113883.5.1";
const US_CORE: &str = "http://hl7.org/fhir/us/core/StructureDefinition/";

pub fn social_history(cx: &Context<'_>) -> Section {
    let mut sheet = Sheet::new(cx, &SPEC);
    for item in cx.placed(Place::SocialHistory) {
        if item.kind == "QuestionnaireResponse" {
            questionnaires::add(&mut sheet, &item);
            continue;
        }
        let said = findings::row(&mut sheet, &item);
        if !words::is_mistaken(item.root()) {
            sheet.push(observation(cx, &item, &said));
        }
    }
    for patient in &cx.chart.patients {
        of_patient(&mut sheet, patient);
    }
    sheet.finish()
}

fn observation(cx: &Context<'_>, item: &Item<'_>, said: &Said) -> Entry {
    let root = item.root();
    let mut entry = findings::entry(cx, item, said);
    let is = |loinc: &str| codings(root.at("code")).any(|(system, code)| system == LOINC_URI && code == loinc);
    let found = root.at("valueCodeableConcept");
    if is("72166-2")
        && let Some(status) = smoking(root)
    {
        entry.templates.push(SMOKING);
        entry.code = Some(leading(root.at("code"), "72166-2", "Tobacco smoking status NHIS", said));
        entry.times = vec![findings::point(values::time(root, "effective"))];
        let mut value = codes::fixed(&status.code, SNOMED, &status.display);
        value.original = said.finding.clone();
        value.translations = translations(found, &status.code);
        entry.values = vec![Value::Code(value)];
    } else if is("11367-0") && concept(found).is_some() {
        entry.templates.push(TOBACCO);
        entry.code = Some(leading(root.at("code"), "11367-0", "History of tobacco use", said));
        entry.times = vec![findings::from_low(values::time(root, "effective"))];
        entry.values = vec![Value::Code(codes::code(found, &[SNOMED_URI], said.finding.clone()))];
    } else if is("76689-9")
        && let Some(value) = birth_sex(found, root)
    {
        entry.templates.push(BIRTH_SEX);
        entry.code = Some(leading(root.at("code"), "76689-9", "Sex assigned at birth", said));
        entry.times = vec![findings::point(values::time(root, "effective"))];
        entry.values = vec![value];
    } else {
        entry.templates.push(OTHER);
        if let Some(code) = &mut entry.code {
            translate(code);
        }
    }
    entry
}

/// The code of LOINC that a template demands, with the source's words and other codes.
fn leading(concept: Node<'_>, code: &str, display: &str, said: &Said) -> Code {
    let mut leading = codes::fixed(code, LOINC, display);
    leading.original = said.what.clone();
    leading.translations = translations(concept, code);
    leading
}

/// The codings beside one that leads.
fn translations(concept: Node<'_>, leading: &str) -> Vec<Code> {
    let all = concept.at("coding").items().filter(|coding| coding.at("code").text().as_deref() != Some(leading));
    all.map(codes::coding).collect()
}

/// A code that is not LOINC's has a translation to be valid: what all of these are.
fn translate(code: &mut Code) {
    let is_loinc = |code: &Code| code.system.as_deref() == Some(LOINC) && code.code.is_some();
    if !is_loinc(code) && !code.translations.iter().any(is_loinc) {
        code.translations.push(codes::fixed("8689-2", LOINC, "History of Social function"));
    }
}

/// Male, female, or told to be unknown; `None` for a value that the template does not hold.
fn birth_sex(found: Node<'_>, root: Node<'_>) -> Option<Value> {
    let said = codings(found).map(|(_, code)| code).next().or_else(|| root.at("valueCode").text());
    let said = said.or_else(|| concept(found)).or_else(|| root.at("valueString").text());
    sex(said.as_deref())
}

fn sex(said: Option<&str>) -> Option<Value> {
    match said {
        Some("M" | "male" | "Male" | "248153007") => Some(Value::Code(codes::fixed("M", GENDER, "Male"))),
        Some("F" | "female" | "Female" | "248152002") => Some(Value::Code(codes::fixed("F", GENDER, "Female"))),
        None | Some("UNK" | "unknown" | "Unknown" | "ASKU") => Some(Value::Null("CD", Null::Unknown)),
        Some(_) => None,
    }
}

/// What US Core keeps in the Patient and C-CDA in this section.
fn of_patient(sheet: &mut Sheet<'_, '_>, patient: &Item<'_>) {
    let root = patient.root();
    for extension in root.at("extension").items() {
        let Some(url) = extension.at("url").text() else { continue };
        let (loinc, display, part) = match url.strip_prefix(US_CORE) {
            Some("us-core-birthsex") => ("76689-9", "Sex assigned at birth", "birth-sex"),
            Some("us-core-genderIdentity") => ("76691-5", "Gender identity", "gender-identity"),
            _ => continue,
        };
        let coded = extension.at("valueCodeableConcept");
        let said = words::value(extension);
        let row = sheet.begin();
        sheet.say(None);
        let what = sheet.key("what", Some(display.to_owned()));
        let finding = sheet.key("finding", said.clone());
        sheet.say(Some("from the archived patient record".to_owned()));
        sheet.end(patient, [coded]);
        let mut code = codes::fixed(loinc, LOINC, display);
        code.original = what;
        let mut entry = Entry {
            class: Class::Observation,
            ids: vec![part_id(sheet.cx, patient, part)],
            code: Some(code),
            text: Some(row),
            status: Some("completed"),
            informants: vec![sheet.cx.informant(patient)],
            times: vec![Time::Null(Null::Unknown)],
            ..Entry::default()
        };
        match sex(said.as_deref()).filter(|_| part == "birth-sex") {
            Some(value) => {
                entry.templates.push(BIRTH_SEX);
                entry.values = vec![value];
            }
            None => {
                entry.templates.push(OTHER);
                entry.values = findings::value(extension, finding).into_iter().collect();
            }
        }
        sheet.push(entry);
    }
}

/// The status of the value set that a finding means; what the record does not know is `266927001`. `None` when it means
/// something else.
fn smoking(root: Node<'_>) -> Option<&'static Status> {
    let found = root.at("valueCodeableConcept");
    let by_code = codings(found).find_map(|(_, code)| STATUSES.iter().find(|s| s.code == code || s.loinc.contains(&code)));
    if by_code.is_some() {
        return by_code;
    }
    let Some(said) = words::value(root) else {
        return STATUSES.iter().find(|status| status.code == "266927001");
    };
    let said = said.to_lowercase();
    STATUSES.iter().find(|status| status.words.contains(&said))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    status: Vec<Status>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Status {
    code: String,
    display: String,
    loinc: Vec<String>,
    words: Vec<String>,
}

static STATUSES: LazyLock<Vec<Status>> = LazyLock::new(|| {
    let file: File = toml::from_str(include_str!("../../../../schemas/ccda/smoking.toml"))
        .expect("the statuses are part of the program, and a test reads them");
    file.status
});

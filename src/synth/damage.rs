//! The damage that is planted on purpose, each kind with the fate that it must meet at ingest.
//!
//! Not for: damage to files as such (bits, missing files): tests do that themselves.

use super::calendar::{Day, Moment};
use super::chart::meta;
use super::dice::{Dice, Stream};
use super::fhir::{CATEGORY, Code, Concept, Ref};
use super::json::{Json, emit};
use super::people::{self, Person};
use super::registration;
use super::sink::{Sink, Type};
use super::terms::{LOINC, SNOMED};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    Archived,
    Duplicate,
    Quarantined,
}

/// A line to be added at the end of a file.
pub struct Line {
    pub what: &'static str,
    pub file: Type,
    /// Without a line end.
    pub bytes: Vec<u8>,
    pub fate: Fate,
    /// Whether the line counts as a resource of the file's type.
    pub typed: bool,
    pub id: Option<String>,
    /// Whether it is a new record of the patient's, over and above those of the manifest's counts.
    pub new: bool,
    /// No line end follows: the end of a file that was cut off.
    pub cut: bool,
    /// Whether it carries a restricted label.
    pub labelled: bool,
}

/// The lines to add, in order. `made` holds all records of the last patient, `person`; `patients_only` keeps the damage
/// to Patient.ndjson.
pub fn lines(seed: u64, person: &Person, made: &Sink, patients_only: bool) -> Vec<Line> {
    let mut dice = Dice::new(seed, Stream::Damage, 0);
    let mut lines = vec![merged(seed, person)];
    let repeated: &[Type] = if patients_only { &[Type::Patient] } else { &[Type::Patient, Type::Encounter, Type::Observation] };
    for kind in repeated {
        lines.extend(first_line(made, *kind).map(|bytes| plain("duplicate line", *kind, bytes.to_vec(), Fate::Duplicate)));
    }
    let versioned = if patients_only { Type::Patient } else { Type::AllergyIntolerance };
    lines.extend(first_line(made, versioned).map(|bytes| {
        let later = plain("later version of the same id", versioned, second_version(bytes), Fate::Archived);
        Line { id: id_of(bytes), ..later }
    }));
    if !patients_only {
        lines.push(dangling(person, &mut dice));
        lines.push(impossible_date(person, &mut dice));
    }
    let file = |kind: Type| if patients_only { Type::Patient } else { kind };
    let untyped =
        |what, kind, text: &str| Line { typed: false, ..plain(what, file(kind), text.as_bytes().to_vec(), Fate::Quarantined) };
    lines.push(untyped("not JSON", Type::Condition, "ERROR 1205: export thread was chosen as deadlock victim"));
    lines.push(untyped("no resourceType", Type::Encounter, r#"{"id":"no-type-1","status":"finished"}"#));
    lines.push(untyped("unknown resourceType", Type::Procedure, r#"{"resourceType":"PatientMaster","id":"pm-1"}"#));
    if let Some(bytes) = first_line(made, file(Type::Observation)) {
        // Cut in the middle, at a place that is never between two characters of one letter.
        let half = (bytes.len() / 2..bytes.len()).find(|&i| bytes[i].is_ascii()).unwrap_or(0);
        let cut = plain("truncated last line", file(Type::Observation), bytes[..half].to_vec(), Fate::Quarantined);
        lines.push(Line { typed: false, cut: true, ..cut });
    }
    lines
}

pub(super) fn plain(what: &'static str, file: Type, bytes: Vec<u8>, fate: Fate) -> Line {
    Line { what, file, bytes, fate, typed: true, id: None, new: false, cut: false, labelled: false }
}

fn first_line(made: &Sink, kind: Type) -> Option<&[u8]> {
    made.files[kind as usize].json.bytes.split(|b| *b == b'\n').next().filter(|line| !line.is_empty())
}

fn id_of(line: &[u8]) -> Option<String> {
    let value: serde_json::Value = serde_json::from_slice(line).ok()?;
    Some(value.get("id")?.as_str()?.to_string())
}

/// The same record as it was changed on the last evening: a higher version and a later `lastUpdated`.
fn second_version(line: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(line).into_owned();
    let (head, tail) = text.split_once("\"lastUpdated\":\"").unwrap_or((&text, ""));
    let rest = tail.split_once('"').map_or("", |(_, rest)| rest);
    let head = head.replace("\"versionId\":\"1\"", "\"versionId\":\"2\"");
    format!("{head}\"lastUpdated\":\"2024-06-30T23:30:00-04:00\"{rest}").into_bytes()
}

/// The same person as a hasty clerk registered him again.
pub(super) fn double(seed: u64, person: &Person) -> Person {
    // An index far beyond every real one: nobody else has this id or number.
    let mut double = people::person(seed, (1 << 42) + person.index);
    double.family.clone_from(&person.family);
    (double.given, double.birth, double.female, double.died) = (person.given, person.birth, person.female, person.died);
    double.mrn = person.mrn.replacen('1', "9", 1);
    double
}

/// A second registration of the last patient, merged into the first.
fn merged(seed: u64, person: &Person) -> Line {
    let double = double(seed, person);
    let mut out = Json::default();
    registration::emit_patient(&mut out, &double, Some(Ref("Patient", person.id)));
    let line = plain("patient merged into another", Type::Patient, out.bytes, Fate::Archived);
    Line { id: Some(double.id.to_string()), ..line }
}

fn dangling(person: &Person, dice: &mut Dice) -> Line {
    let (id, nowhere, at) = (dice.id(), dice.id(), Moment::new(Day::CUTOVER.plus(-9), 600));
    let mut out = Json::default();
    emit!(&mut out, {
        "resourceType": "Observation",
        "id": id,
        "meta": (meta(at, "", None)),
        "status": "final",
        "category": [(Code(CATEGORY, "laboratory"))],
        "code": (Concept(LOINC, "4537-7", "Erythrocyte sedimentation rate")),
        "subject": (Ref("Patient", person.id)),
        "encounter": (Ref("Encounter", nowhere)),
        "effectiveDateTime": at,
        "valueString": "see paper chart",
    });
    Line { id: Some(id.to_string()), new: true, ..plain("dangling reference", Type::Observation, out.bytes, Fate::Archived) }
}

fn impossible_date(person: &Person, dice: &mut Dice) -> Line {
    let (id, at) = (dice.id(), Moment::new(Day::CUTOVER.plus(-9), 610));
    let mut out = Json::default();
    emit!(&mut out, {
        "resourceType": "Condition",
        "id": id,
        "meta": (meta(at, "", None)),
        "clinicalStatus": (Code("http://terminology.hl7.org/CodeSystem/condition-clinical", "inactive")),
        "category": [(Code("http://terminology.hl7.org/CodeSystem/condition-category", "problem-list-item")) ],
        "code": (Concept(SNOMED, "247472004", "Hives")),
        "subject": (Ref("Patient", person.id)),
        "onsetDateTime": "2019-02-31",
    });
    Line { id: Some(id.to_string()), new: true, ..plain("impossible date", Type::Condition, out.bytes, Fate::Archived) }
}

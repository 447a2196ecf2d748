//! Patients, visits, allergies and problems: ADT and PPR messages, and the identities that are mixed up on purpose.
//!
//! Not for: what was found or given at a visit (`clinical`, `pharmacy`).

use serde_json::Value;

use super::super::output::Output;
use super::super::records::{Records, labels, list, text};
use super::message::{
    HOSPITAL, Message, address, concept, confidentiality, later, name, number, parts, plain, repeated, staff, telephone, time,
};
use crate::synth::Options;
use crate::synth::damage;
use crate::synth::people::Person;
use crate::synth::sink::{Sink, Type};

/// Every message about who the patient is and when he was here.
pub(super) fn write(records: &Records<'_>, messages: &mut Vec<Message>, out: &mut Output) {
    let patient = records.patient();
    let opened = text(records.all(Type::Coverage).first().unwrap_or(patient), "/meta/lastUpdated");
    // When the patient was first seen nobody had asked for more than name, address and insurance.
    messages.push(whole("ADT^A28^ADT_A05", records, opened, false));
    let died = text(patient, "/deceasedDateTime");
    let updated = text(patient, "/meta/lastUpdated").to_owned();
    let updated = if died.is_empty() { updated } else { format!("{died}T23:30:00{}", &updated[19..]) };
    messages.push(whole("ADT^A31^ADT_A05", records, &updated, true));
    for encounter in records.all(Type::Encounter) {
        visit(records, encounter, messages);
    }
    for problem in records.all(Type::Condition).iter().filter(|c| is_on_list(c)) {
        messages.push(problem_list(records, problem));
    }
    for kind in [
        Type::Patient,
        Type::RelatedPerson,
        Type::Coverage,
        Type::AllergyIntolerance,
        Type::Encounter,
        Type::Condition,
        Type::Procedure,
    ] {
        out.tell(kind, records.all(kind).len() as u64);
    }
}

/// Whether a problem stands on the list, or is the diagnosis of one visit.
fn is_on_list(condition: &Value) -> bool {
    text(condition, "/category/0/coding/0/code") == "problem-list-item"
}

fn evn(message: &mut Message, at: &str) {
    message.segment("EVN", &[(2, time(at))]);
}

/// All that the front desk knows.
fn whole(kind: &'static str, records: &Records<'_>, at: &str, is_full: bool) -> Message {
    let mut message = Message::new(kind, at);
    evn(&mut message, at);
    pid(&mut message, records.patient(), is_full);
    message.segment("PD1", &[(3, format!("Saint Odile Regional Hospital^^^^^{HOSPITAL}"))]);
    for relative in records.all(Type::RelatedPerson) {
        next_of_kin(&mut message, relative);
    }
    message.segment("PV1", &[(1, "1".into()), (2, "N".into())]);
    if is_full {
        allergies(&mut message, records, "9");
    }
    for coverage in records.all(Type::Coverage) {
        insurance(&mut message, coverage);
    }
    // What this registration screen holds and no standard has a place for.
    message.segment("ZPD", &[(1, "1".into()), (3, "PORTAL~PAPER".into()), (4, "Y".into())]);
    message
}

/// The patient as the registration knows him; before `is_full` without what was told later.
fn pid(message: &mut Message, patient: &Value, is_full: bool) {
    let of = |pointer: &str| text(patient, pointer);
    let names = list(patient, "/name");
    let contacts = list(patient, "/telecom");
    let addresses = list(patient, "/address");
    let first = |all: &'_ [Value]| all.iter().take(if is_full { all.len() } else { 1 }).cloned().collect::<Vec<_>>();
    let category = |at: usize| {
        let coding = &patient["extension"][at]["extension"][0]["valueCoding"];
        parts([text(coding, "/code"), text(coding, "/display"), "CDCREC"])
    };
    let ssn = list(patient, "/identifier").iter().find(|i| text(i, "/type/coding/0/code") == "SS").map(|i| text(i, "/value"));
    let birth_order = patient.get("multipleBirthInteger").map(ToString::to_string).unwrap_or_default();
    // A death is told from its day on.
    let died = Some(time(of("/deceasedDateTime"))).filter(|died| message.at >= *died).unwrap_or_default();
    let death = if died.is_empty() { String::new() } else { "Y".into() };
    let language = &patient["communication"][0]["language"]["coding"][0];
    message.segment(
        "PID",
        &[
            (1, "1".into()),
            (3, mrn(of("/identifier/0/value"))),
            (5, repeated(&first(names), name)),
            (7, time(of("/birthDate"))),
            (8, sex(of("/gender"))),
            (10, category(0)),
            (11, repeated(&first(addresses), address)),
            (13, repeated(&first(contacts), telephone)),
            (15, parts([text(language, "/code"), text(language, "/display"), "ISO6391"])),
            (16, parts([of("/maritalStatus/coding/0/code"), of("/maritalStatus/text"), "HL70002"])),
            (19, ssn.unwrap_or_default().to_owned()),
            (22, category(1)),
            (24, if birth_order.is_empty() { String::new() } else { "Y".into() }),
            (25, birth_order),
            (29, died),
            (30, death),
        ],
    );
}

/// The patient as other departments name him: number, name, birth, sex.
pub(super) fn short_pid(message: &mut Message, records: &Records<'_>) {
    let patient = records.patient();
    let of = |pointer: &str| text(patient, pointer);
    let fields = [
        (1, "1".into()),
        (3, mrn(of("/identifier/0/value"))),
        (5, name(&patient["name"][0])),
        (7, time(of("/birthDate"))),
        (8, sex(of("/gender"))),
    ];
    message.segment("PID", &fields);
}

fn sex(gender: &str) -> String {
    if gender == "female" { "F".into() } else { "M".into() }
}

/// A medical record number as CX.
fn mrn(number: &str) -> String {
    format!("{number}^^^{HOSPITAL}&2.16.840.1.113883.19.5.99.1&ISO^MR")
}

fn next_of_kin(message: &mut Message, relative: &Value) {
    let relation = &relative["relationship"][0];
    let code = match text(relation, "/coding/0/code") {
        "SPS" => "SPO",
        "CHILD" => "CHD",
        "FRND" => "FND",
        code => code,
    };
    let known = text(relative, "/identifier/0/value");
    message.segment(
        "NK1",
        &[
            (1, "1".into()),
            (2, name(&relative["name"][0])),
            (3, parts([code, text(relation, "/text"), "HL70063"])),
            (4, repeated(list(relative, "/address"), address)),
            (5, repeated(list(relative, "/telecom"), telephone)),
            (33, if known.is_empty() { String::new() } else { mrn(known) }),
        ],
    );
}

fn insurance(message: &mut Message, coverage: &Value) {
    let of = |pointer: &str| text(coverage, pointer);
    let company = of("/payor/0/reference").trim_start_matches("Organization/");
    let fields = [
        (1, "1".into()),
        (2, "STD^Standard plan".into()),
        (3, format!("{company}^^^{HOSPITAL}")),
        (4, plain(of("/payor/0/display"))),
        (8, plain(of("/class/0/value"))),
        (9, plain(of("/class/0/name"))),
        (12, day(of("/period/start"))),
        (13, day(of("/period/end"))),
        (15, "EHCPOL".into()),
        (17, "SEL^Self^HL70063".into()),
        (36, plain(of("/subscriberId"))),
    ];
    message.segment("IN1", &fields);
}

fn day(fhir: &str) -> String {
    time(fhir.split('T').next().unwrap_or_default())
}

/// What the patient cannot bear, as far as it was known by then.
fn allergies(message: &mut Message, records: &Records<'_>, until: &str) {
    let known = records.all(Type::AllergyIntolerance).iter().filter(|a| text(a, "/recordedDate") <= until);
    for (set, allergy) in (1..).zip(known) {
        let kind = match text(allergy, "/category/0") {
            "medication" => "DA",
            "food" => "FA",
            "environment" => "EA",
            _ => "",
        };
        let severity = match text(allergy, "/reaction/0/severity") {
            "severe" => "SV",
            "mild" => "MI",
            _ => "",
        };
        message.segment(
            "AL1",
            &[
                (1, format!("{set}")),
                (2, kind.into()),
                (3, concept(&allergy["code"])),
                (4, severity.into()),
                (5, concept(&allergy["reaction"][0]["manifestation"][0])),
            ],
        );
    }
}

/// Arrival; departure; what was found and done, when there is any.
fn visit(records: &Records<'_>, encounter: &Value, messages: &mut Vec<Message>) {
    let (start, end) = (text(encounter, "/period/start"), text(encounter, "/period/end"));
    let stays = text(encounter, "/class/code") == "IMP";
    let begin = |kind, at: &str, has_ended| {
        let mut message = Message::new(kind, at);
        evn(&mut message, at);
        pid(&mut message, records.patient(), true);
        pv1(&mut message, records, encounter, has_ended);
        restrict(&mut message, encounter);
        message
    };
    let mut arrival = begin(if stays { "ADT^A01^ADT_A01" } else { "ADT^A04^ADT_A01" }, start, false);
    allergies(&mut arrival, records, start);
    messages.push(arrival);
    messages.push(begin("ADT^A03^ADT_A03", end, true));
    let here = format!("Encounter/{}", text(encounter, "/id"));
    let is_here = |record: &&Value| text(record, "/encounter/reference") == here;
    let found: Vec<&Value> = records.all(Type::Condition).iter().filter(is_here).filter(|c| !is_on_list(c)).collect();
    let done: Vec<&Value> = records.all(Type::Procedure).iter().filter(is_here).collect();
    if !found.is_empty() || !done.is_empty() {
        // Coded when the patient had left.
        let mut coded = begin("ADT^A08^ADT_A01", &later(end, 45), true);
        (1..).zip(found).for_each(|(set, condition)| diagnosis(&mut coded, records, set, condition));
        (1..).zip(done).for_each(|(set, procedure)| self::procedure(&mut coded, records, set, procedure));
        messages.push(coded);
    }
}

/// The visit a message belongs to. Departments other than the registration name it by its number.
pub(super) fn short_pv1(message: &mut Message, records: &Records<'_>, reference: &str) {
    if let Some(encounter) = records.target(Type::Encounter, reference) {
        message.segment("PV1", &[(1, "1".into()), (2, class(encounter)), (19, visit_number(encounter))]);
    }
}

fn class(encounter: &Value) -> String {
    match text(encounter, "/class/code") {
        "IMP" => "I",
        "EMER" => "E",
        _ => "O",
    }
    .into()
}

fn visit_number(encounter: &Value) -> String {
    format!("{}^^^{HOSPITAL}V&2.16.840.1.113883.19.5.99.2&ISO^VN", text(encounter, "/identifier/0/value"))
}

fn pv1(message: &mut Message, records: &Records<'_>, encounter: &Value, has_ended: bool) {
    let of = |pointer: &str| text(encounter, pointer);
    let disposition = match of("/hospitalization/dischargeDisposition/coding/0/code") {
        "home" => "01",
        "snf" => "03",
        _ => "",
    };
    message.segment(
        "PV1",
        &[
            (1, "1".into()),
            (2, class(encounter)),
            (3, plain(of("/location/0/location/display"))),
            (7, staff(records, &encounter["participant"][0]["individual"])),
            (18, concept(&encounter["type"][0])),
            (19, visit_number(encounter)),
            (36, if has_ended { disposition.into() } else { String::new() }),
            (44, time(of("/period/start"))),
            (45, if has_ended { time(of("/period/end")) } else { String::new() }),
        ],
    );
    let reason = concept(&encounter["reasonCode"][0]);
    if !reason.is_empty() {
        message.segment("PV2", &[(3, reason)]);
    }
}

/// What makes a record sensitive.
pub(super) fn restrict(message: &mut Message, record: &Value) {
    let codes = labels(record);
    if !codes.is_empty() {
        message.segment("ARV", &[(1, "1".into()), (2, "A".into()), (3, confidentiality(&codes))]);
    }
}

fn diagnosis(message: &mut Message, records: &Records<'_>, set: usize, condition: &Value) {
    message.segment(
        "DG1",
        &[
            (1, format!("{set}")),
            (3, concept(&condition["code"])),
            (5, time(text(condition, "/onsetDateTime"))),
            (6, "F".into()),
            (16, staff(records, &condition["recorder"])),
            (19, time(text(condition, "/recordedDate"))),
            (20, number("DX", condition)),
        ],
    );
}

fn procedure(message: &mut Message, records: &Records<'_>, set: usize, procedure: &Value) {
    let (start, end) = (text(procedure, "/performedPeriod/start"), text(procedure, "/performedPeriod/end"));
    let minutes = match (start.parse::<jiff::Timestamp>(), end.parse::<jiff::Timestamp>()) {
        (Ok(start), Ok(end)) => ((end.as_second() - start.as_second()) / 60).to_string(),
        _ => String::new(),
    };
    message.segment(
        "PR1",
        &[
            (1, format!("{set}")),
            (3, concept(&procedure["code"])),
            (5, time(start)),
            (7, minutes),
            (11, staff(records, &procedure["performer"][0]["actor"])),
            (19, number("PX", procedure)),
        ],
    );
}

fn problem_list(records: &Records<'_>, condition: &Value) -> Message {
    let of = |pointer: &str| text(condition, pointer);
    let mut message = Message::new("PPR^PC1^PPR_PC1", of("/meta/lastUpdated"));
    short_pid(&mut message, records);
    short_pv1(&mut message, records, of("/encounter/reference"));
    restrict(&mut message, condition);
    let status = of("/clinicalStatus/coding/0/code");
    message.segment(
        "PRB",
        &[
            (1, "AD".into()),
            (2, time(of("/meta/lastUpdated"))),
            (3, concept(&condition["code"])),
            (4, number("PB", condition)),
            (7, time(of("/recordedDate"))),
            (9, time(of("/abatementDateTime"))),
            (13, "C^Confirmed".into()),
            (14, if status == "active" { "A^Active".into() } else { "R^Resolved".into() }),
            (16, time(of("/onsetDateTime"))),
        ],
    );
    message
}

/// Registers some patients twice and mends it: the last patient's second number is merged into his first; the first
/// patient's too, in a message that comes before the double's own registration; the second patient's is merged by
/// mistake, and taken apart again.
pub(super) fn plant(options: &Options, person: &Person, messages: &mut Vec<Message>, out: &mut Output) {
    let (what, is_early) = match person.index {
        n if n + 1 == options.patients => ("patient merged into another (A40)", false),
        0 => ("patient merged into another, before he was registered (A40)", true),
        1 => ("patients merged (A40) and unlinked (A37)", false),
        _ => return,
    };
    let double = damage::double(options.seed, person);
    let mut sink = Sink::default();
    crate::synth::registration::patient(&double, &mut sink);
    let line = sink.files[Type::Patient as usize].json.bytes.as_slice();
    let Ok(patient) = serde_json::from_slice::<Value>(line) else { return };
    let registered = if is_early { "2024-06-12T09:00:00-04:00" } else { "2024-06-10T09:00:00-04:00" };
    let mut registration = Message::new("ADT^A28^ADT_A05", registered);
    evn(&mut registration, registered);
    pid(&mut registration, &patient, true);
    registration.segment("PV1", &[(1, "1".into()), (2, "N".into())]);
    messages.push(registration);
    out.tell(Type::Patient, 1);
    let named = |message: &mut Message, person: &Person| {
        message.segment("PID", &[(1, "1".into()), (3, mrn(&person.mrn)), (5, parts([&person.family, person.given]))]);
    };
    let merged = "2024-06-11T10:00:00-04:00";
    let mut merge = Message::new("ADT^A40^ADT_A39", merged);
    evn(&mut merge, merged);
    named(&mut merge, person);
    merge.segment("MRG", &[(1, mrn(&double.mrn))]);
    merge.planted = Some((what, double.mrn.clone()));
    messages.push(merge);
    if what.contains("A37") {
        let parted = "2024-06-13T08:15:00-04:00";
        let mut unlink = Message::new("ADT^A37^ADT_A37", parted);
        evn(&mut unlink, parted);
        for one in [person, &double] {
            named(&mut unlink, one);
            unlink.segment("PV1", &[(1, "1".into()), (2, "N".into())]);
        }
        messages.push(unlink);
    }
}

//! What the front desk records: Patient, RelatedPerson, Coverage, Consent.
//!
//! Not for: deciding who the person is (`people`).

use super::calendar::{Day, Moment};
use super::chart::{Chart, meta};
use super::dice::{Dice, Stream};
use super::fhir::{Code, Concept, Meta, Period, Ref};
use super::hospital::ORGANIZATIONS;
use super::json::{Emit, Json, With, emit};
use super::names::{LANGUAGES, MARITAL, RACES, TOWNS};
use super::people::{self, Address, Person, Role};
use super::sink::{Sink, Type};

pub const MRN_SYSTEM: &str = "urn:oid:2.16.840.1.113883.19.5.99.1";
const ROLE_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-RoleCode";

pub fn write(seed: u64, chart: &mut Chart<'_>) {
    let person = chart.person;
    patient(person, chart.sink);
    related(seed, chart);
    coverage(chart);
    account(chart);
    consent(chart);
}

/// Adds the Patient record alone.
pub fn patient(person: &Person, sink: &mut Sink) {
    sink.record(Type::Patient, &[person.index], |out| emit_patient(out, person, None));
}

/// Writes a Patient; `replaced_by` makes it one that was merged into another.
pub fn emit_patient(out: &mut Json, person: &Person, replaced_by: Option<Ref>) {
    let updated = Moment::new(person.last_day().plus(-1).max(person.birth), 600 + (person.index % 400) as i64);
    let (race, display) = RACES[person.race];
    let hispanic = if person.hispanic { ("2135-2", "Hispanic or Latino") } else { ("2186-5", "Not Hispanic or Latino") };
    let (language, tag) = LANGUAGES[person.language];
    let (marital, status) = MARITAL[person.marital];
    let member = match person.role {
        Role::FirstTwin => Some(1),
        Role::SecondTwin => Some(2),
        _ => None,
    };
    emit!(out, {
        "resourceType": "Patient",
        "id": (person.id),
        "meta": (Meta { updated, profile: Some("us-core-patient"), sensitivity: None }),
        "extension": [
            (category("us-core-race", race, display)),
            (category("us-core-ethnicity", hispanic.0, hispanic.1)),
            {
                "url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex",
                "valueCode": (if person.female { "F" } else { "M" }),
            },
        ],
        "identifier": (identifiers(person)),
        "active": (replaced_by.is_none()),
        "name": (names(person)),
        "telecom": (telecom(person)),
        "gender": (gender(person)),
        "birthDate": (person.birth),
        "deceasedDateTime": (person.died),
        "address": (addresses(person)),
        "maritalStatus": (Concept("http://terminology.hl7.org/CodeSystem/v3-MaritalStatus", marital, status)),
        "multipleBirthInteger": member,
        "communication": [{"language": (Concept("urn:ietf:bcp:47", tag, language)), "preferred": true}],
        "managingOrganization": {"reference": "Organization/org-1"},
        "link": (replaced_by.map(|other| With(move |out: &mut Json| emit!(out, [{"other": other, "type": "replaced-by"}])))),
    });
}

pub fn gender(person: &Person) -> &'static str {
    if person.female { "female" } else { "male" }
}

fn category<'a>(name: &'a str, code: &'static str, display: &'static str) -> impl Emit + 'a {
    With(move |out| {
        emit!(out, {
            "extension": [
                {"url": "ombCategory", "valueCoding": {"system": "urn:oid:2.16.840.1.113883.6.238", "code": code, "display": display}},
                {"url": "text", "valueString": display},
            ],
            "url": (format!("http://hl7.org/fhir/us/core/StructureDefinition/{name}")),
        });
    })
}

fn identifiers(person: &Person) -> impl Emit + '_ {
    const TYPES: &str = "http://terminology.hl7.org/CodeSystem/v2-0203";
    With(move |out| {
        let ssn = person.ssn.as_ref().map(|number| {
            With(move |out: &mut Json| {
                emit!(out, {"type": (Code(TYPES, "SS")), "system": "http://hl7.org/fhir/sid/us-ssn", "value": number});
            })
        });
        emit!(out, [
            {"use": "usual", "type": (Code(TYPES, "MR")), "system": MRN_SYSTEM, "value": (person.mrn)},
            ssn,
        ]);
    })
}

fn names(person: &Person) -> impl Emit + '_ {
    With(move |out| {
        let given = [Some(person.given), person.middle];
        let former = person
            .former_family
            .as_ref()
            .map(|family| With(move |out: &mut Json| emit!(out, {"use": "maiden", "family": family, "given": [(person.given)]})));
        let nickname = person.nickname.map(|name| With(move |out: &mut Json| emit!(out, {"use": "nickname", "given": [name]})));
        emit!(out, [{"use": "official", "family": (person.family), "given": (given[..])}, former, nickname]);
    })
}

fn telecom(person: &Person) -> impl Emit + '_ {
    With(move |out| {
        let mobile = person
            .mobile
            .as_ref()
            .map(|number| With(move |out: &mut Json| emit!(out, {"system": "phone", "value": number, "use": "mobile"})));
        emit!(out, [{"system": "phone", "value": (person.phone), "use": "home"}, mobile]);
    })
}

fn addresses(person: &Person) -> impl Emit + '_ {
    With(move |out| {
        let former = person.former_address.as_ref().map(|old| {
            With(move |out: &mut Json| emit_address(out, old, "old", Some(Day::OPENING.plus((person.index % 3000) as i64))))
        });
        emit!(out, [(With(|out| emit_address(out, &person.address, "home", None))), former]);
    })
}

fn emit_address(out: &mut Json, address: &Address, usage: &str, until: Option<Day>) {
    let (town, zip, area) = TOWNS[address.town];
    emit!(out, {
        "use": usage,
        "line": [(address.line)],
        "city": town,
        "state": (if area == "603" { "NH" } else { "VT" }),
        "postalCode": zip,
        "country": "US",
        "period": (until.map(|end| With(move |out: &mut Json| emit!(out, {"end": end})))),
    });
}

/// The mother of a child, or somebody to call for everybody else.
fn related(seed: u64, chart: &mut Chart<'_>) {
    let (person, id) = (chart.person, chart.dice.id());
    let (relative, code, display) = match person.mother_index() {
        Some(mother) => (people::person(seed, mother), "MTH", "mother"),
        None if chart.dice.percent(55) => {
            let relatives = [("SPS", "spouse"), ("SIB", "sibling"), ("CHILD", "child"), ("FRND", "unrelated friend")];
            let (code, display) = *chart.dice.pick(&relatives);
            (stranger(seed, person), code, display)
        }
        None => return,
    };
    let subject = chart.subject();
    let known = person.mother_index().is_some();
    let mrn = known.then_some(With(|out: &mut Json| emit!(out, [{"system": MRN_SYSTEM, "value": (relative.mrn)}])));
    let updated = Moment::new(person.birth.max(Day::OPENING), 660);
    chart.record(Type::RelatedPerson, None, |out| {
        emit!(out, {
            "resourceType": "RelatedPerson",
            "id": id,
            "meta": (meta(updated, "", None)),
            "identifier": mrn,
            "active": true,
            "patient": subject,
            "relationship": [(Concept(ROLE_CODE, code, display))],
            "name": [{"use": "official", "family": (relative.family), "given": [(relative.given)]}],
            "telecom": [{"system": "phone", "value": (relative.phone)}],
            "address": [(With(|out| emit_address(out, &relative.address, "home", None)))],
        });
    });
}

/// A relative who is not a patient here: same surname and home, a first name of their own.
fn stranger(seed: u64, person: &Person) -> Person {
    let number = Dice::new(seed, Stream::Person, person.index + (1 << 40)).below(1 << 32) + (1 << 41);
    let mut other = people::person(seed, number);
    other.family.clone_from(&person.family);
    other.address = person.address.clone();
    other
}

fn coverage(chart: &mut Chart<'_>) {
    let (subject, id) = (chart.subject(), chart.coverage);
    let payer = if chart.person.age_on(Day::CUTOVER) > 65 { 5 } else { 3 + chart.dice.below(3) as usize };
    let (organization, name, _) = ORGANIZATIONS[payer];
    let (member, group) = (chart.dice.digits(9), chart.dice.digits(5));
    let start = chart.person.birth.max(Day::OPENING);
    let end = chart.person.died;
    chart.record(Type::Coverage, None, |out| {
        emit!(out, {
            "resourceType": "Coverage",
            "id": id,
            "meta": (meta(Moment::new(start, 600), "", None)),
            "status": "active",
            "type": (Code("http://terminology.hl7.org/CodeSystem/v3-ActCode", "EHCPOL")),
            "subscriberId": (format!("GV{member}")),
            "beneficiary": subject,
            "relationship": (Code("http://terminology.hl7.org/CodeSystem/subscriber-relationship", "self")),
            "period": (Period(start, end)),
            "payor": [{"reference": (format!("Organization/{organization}")), "display": name}],
            "class": [{
                "type": (Code("http://terminology.hl7.org/CodeSystem/coverage-class", "group")),
                "value": (group),
                "name": "Employer group",
            }],
        });
    });
}

fn account(chart: &mut Chart<'_>) {
    let (subject, id, coverage) = (chart.subject(), chart.account, Ref("Coverage", chart.coverage));
    let (start, end) = (chart.person.birth.max(Day::OPENING), chart.person.died);
    chart.record(Type::Account, None, |out| {
        emit!(out, {
            "resourceType": "Account",
            "id": id,
            "meta": (meta(Moment::new(start, 600), "", None)),
            "status": (if end.is_some() { "inactive" } else { "active" }),
            "type": (Code("http://terminology.hl7.org/CodeSystem/v3-ActCode", "PBILLACCT")),
            "subject": [subject],
            "servicePeriod": (Period(start, end)),
            "coverage": [{"coverage": coverage, "priority": 1}],
            "owner": {"reference": "Organization/org-1"},
        });
    });
}

fn consent(chart: &mut Chart<'_>) {
    if !chart.dice.percent(40) {
        return;
    }
    let (subject, id) = (chart.subject(), chart.dice.id());
    let given = Moment::new(chart.person.birth.max(Day::OPENING).plus(3), 615);
    let decision = if chart.dice.percent(92) { "permit" } else { "deny" };
    chart.record(Type::Consent, None, |out| {
        emit!(out, {
            "resourceType": "Consent",
            "id": id,
            "meta": (meta(given, "", None)),
            "status": "active",
            "scope": (Code("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy")),
            "category": [(Concept("http://loinc.org", "59284-0", "Consent Document"))],
            "patient": subject,
            "dateTime": given,
            "organization": [{"reference": "Organization/org-1"}],
            "policyRule": (Code("http://terminology.hl7.org/CodeSystem/v3-ActCode", "OPTIN")),
            "provision": {"type": decision, "purpose": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "TREAT"}]},
        });
    });
}

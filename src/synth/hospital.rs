//! The hospital itself: organizations, places, staff and its formulary, which all patients share.
//!
//! Not for: patients. Organizations, locations and medications have short ids made by hand, as old systems do; staff
//! have random ones.

use super::calendar::{Day, Moment};
use super::dice::{Dice, Id, Stream};
use super::fhir::{Code, Coding, Concept, Meta, Ref, RefText, Text};
use super::json::emit;
use super::names;
use super::sink::{Sink, Type};
use super::terms::{DRUGS, RXNORM, SNOMED};

pub const ORGANIZATIONS: [(&str, &str, &str); 6] = [
    ("org-1", "Saint Odile Regional Hospital", "prov"),
    ("org-2", "Larchmere Family Practice", "prov"),
    ("org-3", "Saint Odile Laboratory", "dept"),
    ("org-4", "Green Valley Health Plan", "pay"),
    ("org-5", "Tri-County Mutual", "pay"),
    ("org-6", "Commonwealth Medical Assistance", "pay"),
];

/// (id, name, v3-RoleCode)
pub const LOCATIONS: [(&str, &str, &str); 10] = [
    ("loc-1", "Internal Medicine Clinic", "OF"),
    ("loc-2", "Larchmere Family Practice, Room 2", "OF"),
    ("loc-3", "Emergency Department", "ER"),
    ("loc-4", "Ward 4 East", "HU"),
    ("loc-5", "Ward 5 West", "HU"),
    ("loc-6", "Birthing Center", "HU"),
    ("loc-7", "Operating Room 1", "HU"),
    ("loc-8", "Imaging", "RADDX"),
    ("loc-9", "Specialty Clinic", "OF"),
    ("loc-10", "Pediatrics Clinic", "OF"),
];

/// (NUCC code, specialty)
const SPECIALTIES: [(&str, &str); 12] = [
    ("207R00000X", "Internal Medicine"),
    ("207Q00000X", "Family Medicine"),
    ("208000000X", "Pediatrics"),
    ("207P00000X", "Emergency Medicine"),
    ("208600000X", "Surgery"),
    ("207RC0000X", "Cardiovascular Disease"),
    ("207V00000X", "Obstetrics & Gynecology"),
    ("2084P0800X", "Psychiatry"),
    ("2085R0202X", "Diagnostic Radiology"),
    ("207RE0101X", "Endocrinology, Diabetes & Metabolism"),
    ("363LF0000X", "Nurse Practitioner, Family"),
    ("163W00000X", "Registered Nurse"),
];

pub struct Practitioner {
    pub id: Id,
    /// Id of the PractitionerRole.
    pub role: Id,
    pub npi: String,
    pub given: &'static str,
    pub family: String,
    pub specialty: usize,
}

impl Practitioner {
    pub fn signature(&self) -> String {
        let title = if self.specialty < 10 { "MD" } else { "RN" };
        format!("{} {}, {title}", self.given, self.family)
    }

    /// A reference as most records write it, or, now and then, by NPI instead of id.
    pub fn reference(&self, dice: &mut Dice) -> RefText {
        let display = Some(self.signature());
        if dice.percent(4) {
            return RefText(format!("Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|{}", self.npi), display);
        }
        RefText(format!("Practitioner/{}", self.id), display)
    }
}

pub struct Hospital {
    pub staff: Vec<Practitioner>,
}

impl Hospital {
    pub fn new(seed: u64) -> Hospital {
        let mut d = Dice::new(seed, Stream::Hospital, 0);
        let staff = (0..48)
            .map(|i| {
                let female = d.percent(50);
                let given = d.pick(if female { &names::WOMEN } else { &names::MEN }).0;
                Practitioner {
                    id: d.id(),
                    role: d.id(),
                    npi: npi(i),
                    given,
                    family: names::surname(&mut d),
                    specialty: (i % SPECIALTIES.len() as u64) as usize,
                }
            })
            .collect();
        Hospital { staff }
    }

    /// Someone of this specialty (an index into the list of twelve).
    pub fn any_of(&self, specialty: usize, dice: &mut Dice) -> usize {
        specialty + SPECIALTIES.len() * dice.below((self.staff.len() / SPECIALTIES.len()) as u64) as usize
    }

    /// Writes the shared records.
    pub fn write(&self, sink: &mut Sink) {
        organizations(sink);
        locations(sink);
        self.people(sink);
        formulary(sink);
    }

    fn people(&self, sink: &mut Sink) {
        for person in &self.staff {
            let (code, specialty) = SPECIALTIES[person.specialty];
            sink.record(Type::Practitioner, &[], |out| {
                emit!(out, {
                    "resourceType": "Practitioner",
                    "id": (person.id),
                    "meta": (meta("us-core-practitioner")),
                    "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": (person.npi)}],
                    "active": true,
                    "name": [{"use": "official", "family": (person.family), "given": [(person.given)], "suffix": ["MD"]}],
                });
            });

            sink.record(Type::PractitionerRole, &[], |out| {
                emit!(out, {
                    "resourceType": "PractitionerRole",
                    "id": (person.role),
                    "meta": (meta("us-core-practitionerrole")),
                    "active": true,
                    "practitioner": (Ref("Practitioner", person.id)),
                    "organization": {"reference": "Organization/org-1"},
                    "specialty": [(Concept("http://nucc.org/provider-taxonomy", code, specialty))],
                    "telecom": [{"system": "phone", "value": "(802) 555-0100", "use": "work"}],
                });
            });
        }
    }
}

/// A ten-digit number in the form of an NPI, from a range of this hospital's own.
fn npi(index: u64) -> String {
    format!("19999{:05}", 10_000 + index * 37)
}

fn meta(profile: &'static str) -> Meta {
    Meta { updated: Moment::new(Day::OPENING, 480), profile: Some(profile), sensitivity: None }
}

fn organizations(sink: &mut Sink) {
    for (id, name, kind) in ORGANIZATIONS {
        sink.record(Type::Organization, &[], |out| {
            emit!(out, {
                "resourceType": "Organization",
                "id": id,
                "meta": (meta("us-core-organization")),
                "active": true,
                "type": [(Code("http://terminology.hl7.org/CodeSystem/organization-type", kind))],
                "name": name,
                "telecom": [{"system": "phone", "value": "(802) 555-0100"}],
                "address": [{"line": ["1 Hospital Drive"], "city": "Saint Odile", "state": "VT", "postalCode": "05904", "country": "US"}],
            });
        });
    }
}

fn locations(sink: &mut Sink) {
    for (id, name, kind) in LOCATIONS {
        sink.record(Type::Location, &[], |out| {
            emit!(out, {
                "resourceType": "Location",
                "id": id,
                "meta": (meta("us-core-location")),
                "status": "active",
                "name": name,
                "type": [(Code("http://terminology.hl7.org/CodeSystem/v3-RoleCode", kind))],
                "managingOrganization": {"reference": "Organization/org-1"},
            });
        });
    }
}

fn formulary(sink: &mut Sink) {
    for (i, drug) in DRUGS.iter().enumerate() {
        let form = if drug.strength.contains("tablet") { ("385055001", "Tablet") } else { ("385049006", "Capsule") };
        let solid = drug.strength.contains("tablet") || drug.strength.contains("capsule");
        sink.record(Type::Medication, &[], |out| {
            emit!(out, {
                "resourceType": "Medication",
                "id": (format!("med-{i}")),
                "meta": (meta("us-core-medication")),
                "code": {"coding": [(Coding(RXNORM, drug.rxnorm, drug.name))], "text": (format!("{} {}", drug.name, drug.strength))},
                "form": (if solid { Some(Concept(SNOMED, form.0, form.1)) } else { None }),
                "ingredient": [{"itemCodeableConcept": (Text(drug.name)), "isActive": true}],
            });
        });
    }
}

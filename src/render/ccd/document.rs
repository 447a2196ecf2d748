//! The parts of a C-CDA header, as types in schema order; the typed parts of its body stand in `cda`.
//!
//! Not for: where their content comes from (`header`), or bytes (`write`).

use super::cda::{Address, Assigned, Author, Bound, Code, Id, Name, Null, Organization, Section, Telecom, Template, Ts};

/// A whole document.
#[derive(Clone, PartialEq, Debug)]
pub struct Document {
    pub templates: Vec<Template>,
    pub id: Id,
    pub code: Code,
    pub title: String,
    pub time: Ts,
    /// N, R or V.
    pub confidentiality: &'static str,
    pub set_id: Id,
    pub version: u32,
    pub patient: RecordTarget,
    /// The archive first; then who wrote the file that is wrapped.
    pub authors: Vec<Author>,
    /// Legacy systems.
    pub informants: Vec<Organization>,
    pub custodian: Organization,
    /// Next of kin, emergency contacts.
    pub participants: Vec<Associate>,
    pub service: Service,
    /// What this document takes the place of, or was made from.
    pub related: Vec<RelatedDocument>,
    pub encounter: Option<Encompassing>,
    pub body: Body,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Body {
    Sections(Vec<Section>),
    /// A file as it is: media type and bytes.
    File {
        media_type: &'static str,
        bytes: Vec<u8>,
    },
}

/// `recordTarget/patientRole`.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct RecordTarget {
    pub ids: Vec<Id>,
    pub addresses: Vec<Address>,
    pub telecoms: Vec<Telecom>,
    pub names: Vec<Name>,
    pub gender: Code,
    pub birth: Option<Ts>,
    pub deceased: Option<bool>,
    pub deceased_time: Option<Ts>,
    pub is_multiple_birth: Option<bool>,
    pub birth_order: Option<String>,
    pub marital: Option<Code>,
    pub religion: Option<Code>,
    /// The first is `raceCode`, further ones `sdtc:raceCode`.
    pub races: Vec<Code>,
    pub ethnicities: Vec<Code>,
    pub guardians: Vec<Associate>,
    pub birthplace: Option<Address>,
    pub languages: Vec<Language>,
    pub organization: Option<Organization>,
}

/// Somebody who belongs to the patient: a guardian, next of kin, an emergency contact.
#[derive(Clone, PartialEq, Debug)]
pub struct Associate {
    /// GUARD, NOK, ECON, CAREGIVER …
    pub class_code: &'static str,
    pub code: Option<Code>,
    pub addresses: Vec<Address>,
    pub telecoms: Vec<Telecom>,
    pub name: Option<Name>,
    pub organization: Option<String>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Language {
    pub code: String,
    pub is_preferred: Option<bool>,
}

/// `documentationOf/serviceEvent`: the span of the care that is covered.
#[derive(Clone, PartialEq, Debug)]
pub struct Service {
    pub low: Bound<Ts>,
    pub high: Bound<Ts>,
    pub performers: Vec<Assigned>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct RelatedDocument {
    /// RPLC, XFRM or APND.
    pub type_code: &'static str,
    pub ids: Vec<Id>,
    pub code: Option<Code>,
}

/// `componentOf/encompassingEncounter`.
#[derive(Clone, PartialEq, Debug)]
pub struct Encompassing {
    pub ids: Vec<Id>,
    pub code: Option<Code>,
    pub low: Bound<Ts>,
    pub high: Option<Bound<Ts>>,
    pub disposition: Option<Code>,
    pub participants: Vec<(&'static str, Assigned)>,
    pub place: Option<Facility>,
}

/// `healthCareFacility`.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Facility {
    pub ids: Vec<Id>,
    pub name: Option<String>,
    pub address: Option<Address>,
}

/// A bound that says why it is not there.
pub fn bound(ts: Option<Ts>, otherwise: Null) -> Bound<Ts> {
    ts.map_or(Bound::Null(otherwise), Bound::Given)
}

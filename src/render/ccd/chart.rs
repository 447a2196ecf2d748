//! What a document is made from and what is asked for: the records of one person, and the request.
//!
//! Not for: what is read out of the records (`context`, `sections`).

use serde_json::Value;

use super::cda;
use crate::formats::fhir::node::Node;

/// What of the archive the document is made from: the records of one person that the permit leaves, already filtered.
#[derive(Debug, Default)]
pub struct Chart<'a> {
    /// Every Patient record of the person (linked identities give several), the one of the request first.
    pub patients: Vec<Item<'a>>,
    /// All other records, in the order of the chart.
    pub records: Vec<Item<'a>>,
    /// Practitioners, organizations, locations, medications that records refer to.
    pub directory: Vec<Item<'a>>,
}

/// A record with where it comes from.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// `Condition`
    pub kind: &'a str,
    /// The archive's id of the record.
    pub id: &'a str,
    /// FHIR R4, as it is served (with the codings that code maps add).
    pub value: &'a Value,
    /// Name of the legacy system.
    pub source: &'a str,
    /// `Encounter` id it belongs to, if it names one.
    pub encounter: Option<&'a str>,
}

impl<'a> Item<'a> {
    pub fn root(&self) -> Node<'a> {
        Node::new(self.value)
    }
}

/// What is asked for. All of it stands in the document; none of it comes from the clock or the machine.
#[derive(Clone, Debug)]
pub struct Request {
    /// Archive's own identity: root of the ids that this archive gives (a UUID).
    pub archive: String,
    /// Custodian as configured.
    pub custodian: cda::Organization,
    /// Release of this software.
    pub software: String,
    /// When the document was asked for: HL7 time to the second with zone.
    pub created: cda::Ts,
    /// Last day of the legacy system's data.
    pub cutover: Option<cda::Ts>,
    /// Only what happened in this encounter.
    pub encounter: Option<String>,
    /// Only what happened from this day to that day (inclusive), `YYYY-MM-DD`.
    pub from: Option<String>,
    pub to: Option<String>,
    /// N, R or V: the high-water mark of what is in it.
    pub confidentiality: &'static str,
    /// Words of the notice for records of 42 CFR Part 2, when such are in it.
    pub prohibition: Option<String>,
    /// Whether records were withheld and the policy lets the document say so.
    pub says_withheld: bool,
    /// SSNs show their last four digits.
    pub masks_ids: bool,
}

pub(super) fn is_asked(request: &Request, date: &str, item: &Item<'_>) -> bool {
    if let Some(encounter) = &request.encounter {
        let is_it = item.kind == "Encounter" && item.id == encounter;
        if !is_it && item.encounter != Some(encounter.as_str()) {
            return false;
        }
    }
    if date.is_empty() {
        return true;
    }
    // A partial date lies in a range when any of its days does.
    let shared = |bound: &str| date.len().min(bound.len()).min(10);
    let after = request.from.as_deref().is_none_or(|from| date.get(..shared(from)) >= from.get(..shared(from)));
    let before = request.to.as_deref().is_none_or(|to| date.get(..shared(to)) <= to.get(..shared(to)));
    after && before
}

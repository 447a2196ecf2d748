//! Statements out of what sources say of identity: messages, `Patient.link`, numbers that several systems share.
//!
//! Not for: crosswalk files (`crosswalk`).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::limits::LINKED_KEYS_MAX;
use crate::mapping::IdentityEvent;
use crate::model::{PatientKey, archive_id};
use crate::statements::{Evidence, Statement};

/// The statements that identity events of one source system make, in their order; each event with what it rests on. The
/// time of an event becomes part of the evidence. An unclear event makes none: it stands in the ledger for review.
pub fn statements_of(events: &[(IdentityEvent, Evidence)], source_system: &str) -> Vec<Statement> {
    let key = |id: &str| archive_id(source_system, "Patient", id).as_str().to_string();
    let reason = || "said by the source".to_string();
    events
        .iter()
        .filter_map(|(event, evidence)| {
            Some(match event {
                IdentityEvent::Merge { from, into, at } => {
                    Statement::Merge { from: key(from), into: key(into), reason: reason(), evidence: dated(evidence, at) }
                }
                IdentityEvent::Unmerge { from, into, at } => {
                    Statement::Unmerge { from: key(from), into: key(into), reason: reason(), evidence: dated(evidence, at) }
                }
                IdentityEvent::Link { a, b, at } => {
                    Statement::Link { a: key(a), b: key(b), reason: reason(), evidence: dated(evidence, at) }
                }
                IdentityEvent::Unlink { a, b, at } => {
                    Statement::Unlink { a: key(a), b: key(b), reason: reason(), evidence: dated(evidence, at) }
                }
                IdentityEvent::Unclear(_) => return None,
            })
        })
        .collect()
}

fn dated(evidence: &Evidence, happened: &Option<String>) -> Evidence {
    match evidence {
        Evidence::Message { accession, item, at } => {
            Evidence::Message { accession: accession.clone(), item: *item, at: at.clone().or_else(|| happened.clone()) }
        }
        other => other.clone(),
    }
}

/// What the `link` members of a Patient say (FHIR R4 §8.1.11), as served: its references lead to archive ids. Links to a
/// RelatedPerson, or to what is not an archive id, say nothing here.
pub fn links_of_patient(patient: &PatientKey, json: &Value) -> Vec<Statement> {
    let links = json.get("link").and_then(Value::as_array).into_iter().flatten();
    let own = patient.to_string();
    links
        .filter_map(|link| {
            let other = link.pointer("/other/reference").and_then(Value::as_str)?.strip_prefix("Patient/")?;
            let other = PatientKey::parse(other).filter(|other| other != patient)?.to_string();
            let (reason, evidence) = ("Patient.link".to_string(), Evidence::PatientLink { patient: own.clone() });
            Some(match link.get("type").and_then(Value::as_str)? {
                "replaced-by" => Statement::Merge { from: own.clone(), into: other, reason, evidence },
                "replaces" => Statement::Merge { from: other, into: own.clone(), reason, evidence },
                "refer" | "seealso" => Statement::Link { a: own.clone(), b: other, reason, evidence },
                _ => return None,
            })
        })
        .collect()
}

/// Patients who have the same number in a namespace that the site declared to be shared by its systems.
#[derive(Debug, Default)]
pub struct SharedNamespaces {
    namespaces: Vec<String>,
    holders: BTreeMap<(usize, String), Vec<PatientKey>>,
}

impl SharedNamespaces {
    /// `namespaces` are values of `Identifier.system`.
    pub fn new(namespaces: &[String]) -> SharedNamespaces {
        SharedNamespaces { namespaces: namespaces.to_vec(), holders: BTreeMap::new() }
    }

    /// Takes the identifiers of one Patient.
    pub fn add(&mut self, patient: &PatientKey, json: &Value) {
        if self.namespaces.is_empty() {
            return;
        }
        for identifier in json.get("identifier").and_then(Value::as_array).into_iter().flatten() {
            let text = |member: &str| identifier.get(member).and_then(Value::as_str).map(str::trim);
            let (Some(system), Some(value)) = (text("system"), text("value")) else { continue };
            let Some(number) = self.namespaces.iter().position(|name| name == system) else { continue };
            if text("use") == Some("old") || is_placeholder(value) {
                continue;
            }
            let holders = self.holders.entry((number, value.to_string())).or_default();
            if holders.len() <= LINKED_KEYS_MAX && !holders.contains(patient) {
                holders.push(patient.clone());
            }
        }
    }

    /// A link from the first holder of each number to every other; and how many numbers have too many holders to be true.
    pub fn finish(self) -> (Vec<Statement>, usize) {
        let (mut statements, mut refused) = (Vec::new(), 0);
        for ((number, _), holders) in self.holders {
            let [first, others @ ..] = holders.as_slice() else { continue };
            if holders.len() > LINKED_KEYS_MAX {
                refused += 1;
                continue;
            }
            let namespace = self.namespaces.get(number).map_or("", String::as_str);
            statements.extend(others.iter().map(|other| Statement::Link {
                a: first.to_string(),
                b: other.to_string(),
                reason: format!("the same number in {namespace}"),
                evidence: Evidence::Rule { rule: "shared-namespace".into() },
            }));
        }
        (statements, refused)
    }
}

/// Numbers that stand for none: empty, or one digit repeated.
fn is_placeholder(value: &str) -> bool {
    let mut letters = value.chars().filter(|c| c.is_alphanumeric());
    let first = letters.next();
    first.is_none() || (value.len() > 1 && letters.all(|c| Some(c) == first))
}

//! What a list of found patients says of each beside who he is: the years that each source holds of him, and whom on the same
//! list he could be taken for. And what no search for patients can see.
//!
//! Not for: finding them (`find`). A likeness is told, never acted on.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::QueryError;
use super::chart::coverage;
use super::find::PatientHit;
use super::linked::linked_patient;
use super::part::parts_of;
use super::snapshot::{Archive, Snapshot};
use crate::access::{Filter, Permit};
use crate::identity::{Features, compare, weights};
use crate::model::{Coverage, LinkedPatient, PatientKey};

/// One row of a list.
#[derive(Clone, Debug, Default)]
pub struct Outline {
    /// By source, under all keys of the person that the permit shows.
    pub coverage: Vec<Coverage>,
    /// The first patient above him on the list whom he could be taken for: his place, from 0.
    pub alike: Option<(usize, Likeness)>,
}

/// How two patients of a list stand to each other, the more certain first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Likeness {
    /// Somebody said that they are two people.
    SaidToBeTwo,
    /// As alike as those who are put before a reviewer; nobody has linked them.
    MayBeOne,
    /// A family name and a birth year in common.
    Namesakes,
}

/// What a search cannot see of a source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unseen {
    /// Delivered records that could not be read and were set aside.
    SetAside { source_system: String, records: u64 },
    /// Deliveries that are loaded and not in force before somebody has accepted them.
    NotInForce { source_system: String, deliveries: u64 },
}

impl Archive {
    /// What to show beside each hit. Scope: `FindPatients`.
    pub fn outlines(&self, permit: &Permit, hits: &[PatientHit]) -> Result<Vec<Outline>, QueryError> {
        if !permit.covers_finding() {
            return Err(QueryError::OutOfScope);
        }
        let snapshot = self.snapshot();
        let features: Vec<Features> =
            hits.iter().map(|hit| Features::of(&hit.patient.key, &hit.patient.identity, &Value::Null)).collect();
        let mut outlines = Vec::with_capacity(hits.len());
        for (row, hit) in hits.iter().enumerate() {
            let mut keys = vec![hit.patient.key.clone()];
            keys.extend(hit.linked.iter().map(|linked| linked.key.clone()));
            let above = features.iter().take(row).enumerate();
            let alike = above.filter_map(|(at, other)| Some((at, likeness(&snapshot, other, features.get(row)?)?)));
            outlines.push(Outline {
                coverage: coverage_of(&snapshot, permit.filter(), &keys)?,
                alike: alike.min_by_key(|(at, how)| (*how, *at)),
            });
        }
        Ok(outlines)
    }

    /// Who these patients are, in this order; left out who is not here or hidden, and further keys of a person who has come
    /// already. Scope: `FindPatients`.
    pub fn people(&self, permit: &Permit, keys: &[PatientKey]) -> Result<Vec<LinkedPatient>, QueryError> {
        if !permit.covers_finding() {
            return Err(QueryError::OutOfScope);
        }
        let snapshot = self.snapshot();
        let mut found: Vec<LinkedPatient> = Vec::new();
        for key in keys {
            if !found.iter().any(|known| snapshot.identity.are_one(&known.key, key)) {
                found.extend(linked_patient(&snapshot, permit.filter(), key)?);
            }
        }
        Ok(found)
    }

    /// What no search can see, by source, of the sources that the permit shows: sums over the archive, nothing of a patient,
    /// so any permit does.
    pub fn unseen(&self, permit: &Permit) -> Vec<Unseen> {
        let snapshot = self.snapshot();
        let is_open = |source: &str| !permit.filter().hide_sources.contains(source);
        let mut aside: BTreeMap<&str, u64> = BTreeMap::new();
        for accession in snapshot.accessions.iter().filter(|accession| is_open(&accession.source_system)) {
            *aside.entry(&accession.seal.source_system).or_default() += accession.seal.ledger.quarantined;
        }
        let mut waiting: BTreeMap<&str, u64> = BTreeMap::new();
        for accession in snapshot.catalog.awaiting.iter().filter(|accession| is_open(&accession.source_system)) {
            *waiting.entry(&accession.source_system).or_default() += 1;
        }
        let aside = aside.into_iter().filter(|(_, records)| *records > 0);
        let aside = aside.map(|(source, records)| Unseen::SetAside { source_system: source.into(), records });
        let waiting = waiting.into_iter();
        let waiting = waiting.map(|(source, deliveries)| Unseen::NotInForce { source_system: source.into(), deliveries });
        aside.chain(waiting).collect()
    }
}

/// As a chart tells it, so that the list and the chart say the same.
fn coverage_of(snapshot: &Snapshot, filter: &Filter, keys: &[PatientKey]) -> Result<Vec<Coverage>, QueryError> {
    let parts = parts_of(snapshot, filter, keys)?;
    let mut seen = Vec::new();
    for part in &parts {
        if part.shows_anything(filter)? {
            seen.push(part);
        }
    }
    let mut held = coverage(&seen, filter)?;
    // In the order in which all pages name the sources.
    let order: Vec<&Arc<str>> = snapshot.accessions.iter().map(|accession| &accession.source_system).collect();
    held.sort_by_key(|it| order.iter().position(|source| **source == it.source_system));
    Ok(held)
}

fn likeness(snapshot: &Snapshot, a: &Features, b: &Features) -> Option<Likeness> {
    let namesakes = || {
        let year = |of: &Features| of.born.get(..4).map(str::to_string);
        let shares = a.family.iter().any(|name| b.family.contains(name));
        (shares && year(a).is_some() && year(a) == year(b)).then_some(Likeness::Namesakes)
    };
    let score = compare(a, b).0;
    let identity = &snapshot.identity;
    match score >= weights().review {
        true if identity.are_two(&a.key, &b.key) => Some(Likeness::SaidToBeTwo),
        true if !identity.are_apart(&a.key, &b.key) => Some(Likeness::MayBeOne),
        _ => namesakes(),
    }
}

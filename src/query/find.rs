//! Finding patients. Several keys of one person are one hit.
//!
//! Not for: how names are matched (`index`), or why keys are one person (`identity`).

use ahash::AHashMap;

use super::QueryError;
use super::linked::linked_patient;
use super::sight;
use super::snapshot::{Archive, Snapshot};
use crate::access::{Filter, Permit};
use crate::index::{self, Matched};
use crate::limits::PAGE_MAX;
use crate::model::{LinkedPatient, PatientIndexDoc, PatientKey, When, civil_from_days};

/// One person found: the key that matches best, and his others.
#[derive(Clone, Debug)]
pub struct PatientHit {
    pub patient: PatientIndexDoc,
    /// Higher is better; only for ordering.
    pub score: f32,
    /// Reasons in words, for instance "family name", "start of given name", "birth year", "record number".
    pub why: Vec<String>,
    /// What of the patient matched, for marking it where it is shown.
    pub matched: Vec<Matched>,
    /// The person's other keys in the archive, whether they match or not, as far as the permit shows them.
    pub linked: Vec<LinkedPatient>,
}

/// One page of patient hits, best first.
#[derive(Clone, Debug, Default)]
pub struct PatientHits {
    pub hits: Vec<PatientHit>,
    /// Exact number of matches under the permit's filter, up to a cap.
    pub total: u64,
    pub total_capped: bool,
    /// How the question was understood, in words: ("name", "quill"), ("birth date", "1957-03-14").
    pub understood: Vec<(String, String)>,
}

impl Archive {
    /// Patients that match free text: names in any order, birth date in usual forms, identifiers, phone.
    /// Scope: `FindPatients`.
    pub fn find_patients(&self, permit: &Permit, text: &str, offset: usize, limit: usize) -> Result<PatientHits, QueryError> {
        if !permit.covers_finding() {
            return Err(QueryError::OutOfScope);
        }
        let snapshot = self.snapshot();
        let Some(searcher) = &snapshot.searcher else { return Ok(PatientHits::default()) };
        if snapshot.identity.is_empty() {
            let found = searcher.find_patients(text, permit.filter(), offset, limit)?;
            let recounted = found.hits.into_iter().map(|hit| recounted(&snapshot, permit.filter(), hit));
            let hits = recounted.map(|hit| Ok(alone(hit?, Vec::new()))).collect::<Result<_, QueryError>>()?;
            let (total, total_capped) = (found.total, found.total_capped);
            return Ok(PatientHits { hits, total, total_capped, understood: found.understood });
        }
        // Pages count persons, so all that can be paged to is grouped before a page is cut.
        let found = searcher.find_patients(text, permit.filter(), 0, PAGE_MAX)?;
        let matches = found.hits.len();
        let persons = by_person(&snapshot, found.hits);
        let total = found.total.saturating_sub((matches - persons.len()) as u64);
        let page = persons.into_iter().skip(offset).take(limit);
        let hits = page.map(|hit| with_linked(&snapshot, permit.filter(), hit)).collect::<Result<_, _>>()?;
        Ok(PatientHits { hits, total, total_capped: found.total_capped, understood: found.understood })
    }
}

/// The hit with its records counted under the filter. The index has counted all of them, which is right where nothing of
/// the patient is hidden.
fn recounted(snapshot: &Snapshot, filter: &Filter, mut hit: index::PatientHit) -> Result<index::PatientHit, QueryError> {
    let is_right = filter.allows(hit.patient.chart_label) && filter.hide_sources.is_empty() && filter.hide_kinds.is_empty();
    if is_right {
        return Ok(hit);
    }
    let (mut records, mut last) = (0, None);
    for accession in sight::accessions(snapshot, filter) {
        let Some(entry) = accession.patient(&hit.patient.key)? else { continue };
        let (count, days) = sight::extent(filter, accession, &entry)?;
        records += count;
        last = last.max(days.map(|(_, last)| last));
    }
    let day = |day: i32| When::parse(&day_text(i64::from(day)));
    (hit.patient.records, hit.patient.last_seen) = (records, last.and_then(day));
    Ok(hit)
}

/// `YYYY-MM-DD` of a day counted from 1970-01-01.
fn day_text(day: i64) -> String {
    let (y, m, d) = civil_from_days(day);
    format!("{y:04}-{m:02}-{d:02}")
}

fn alone(hit: index::PatientHit, linked: Vec<LinkedPatient>) -> PatientHit {
    PatientHit { patient: hit.patient, score: hit.score, why: hit.why, matched: hit.matched, linked }
}

/// The best hit of each person, in the order of the hits, with what any of his keys matched by.
fn by_person(snapshot: &Snapshot, hits: Vec<index::PatientHit>) -> Vec<index::PatientHit> {
    let mut first_of: AHashMap<PatientKey, usize> = AHashMap::new();
    let mut persons: Vec<index::PatientHit> = Vec::new();
    for hit in hits {
        // Keys of a person come sorted: the first stands for all.
        let Some(person) = snapshot.identity.person(&hit.patient.key).into_iter().next() else { continue };
        match first_of.get(&person).and_then(|at| persons.get_mut(*at)) {
            Some(best) => {
                for why in hit.why {
                    if !best.why.contains(&why) {
                        best.why.push(why);
                    }
                }
                best.matched.extend(hit.matched);
            }
            None => {
                first_of.insert(person, persons.len());
                persons.push(hit);
            }
        }
    }
    persons
}

fn with_linked(snapshot: &Snapshot, filter: &Filter, hit: index::PatientHit) -> Result<PatientHit, QueryError> {
    let mut linked = Vec::new();
    for key in snapshot.identity.person(&hit.patient.key).iter().filter(|key| **key != hit.patient.key) {
        linked.extend(linked_patient(snapshot, filter, key)?);
    }
    Ok(alone(recounted(snapshot, filter, hit)?, linked))
}

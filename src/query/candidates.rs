//! Who may be the same person: pairs of patients for review, two of them side by side, and what may be said of a pair. Scope:
//! `IdentityReview`.
//!
//! All patients are compared in the background once for each catalog; what was said since is left out when a page is read. A
//! patient whom the permit hides is in no pair. Not for: the comparison (`identity`), or writing statements (`statements`).

use jiff::Timestamp;
use serde_json::Value;

use super::QueryError;
use super::background::Pairs;
use super::linked::linked_patient;
use super::sight;
use super::slow::Looked;
use super::snapshot::{Archive, Snapshot};
use crate::access::{Filter, Permit};
use crate::identity::{Agreement, Candidate, Features, Reassignment, Said, candidates, compare, weights};
use crate::index::identity_of;
use crate::limits::IDENTITY_PAIRS_MAX;
use crate::model::{ArchiveId, Kind, LinkedPatient, PatientKey, civil_from_days};
use crate::statements::{Evidence, Statement};

/// How long a comparison is used; pairs that were parted since come back with the next one.
const GOOD_FOR_S: i64 = 3600;

/// One patient of a pair.
#[derive(Clone, Debug)]
pub struct PairSide {
    pub patient: LinkedPatient,
    /// Records that are not hidden, and the days that they span, `YYYY-MM-DD`.
    pub records: u64,
    pub days: Option<(String, String)>,
}

/// Two patients who may be one person.
#[derive(Clone, Debug)]
pub struct PairRow {
    pub a: PairSide,
    pub b: PairSide,
    /// In bits.
    pub score: f64,
    pub agreements: Vec<Agreement>,
    /// Somebody looked and put it off.
    pub put_off: Option<Said>,
    /// They are one person by what was said, or two.
    pub are_one: bool,
    pub are_two: bool,
}

/// A page of pairs, the likeliest first.
#[derive(Clone, Debug)]
pub struct PairPage {
    pub rows: Vec<PairRow>,
    /// Pairs that wait for a decision, and how many of them were put off.
    pub total: u64,
    pub put_off: u64,
    /// More were found than are listed.
    pub is_capped: bool,
    /// When all patients were compared, and how many.
    pub at: Timestamp,
    pub patients: u64,
}

/// What a person says of a pair.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision {
    Link,
    NotSame,
    Later,
}

impl Decision {
    pub const ALL: [Decision; 3] = [Decision::Link, Decision::NotSame, Decision::Later];

    pub fn name(self) -> &'static str {
        match self {
            Decision::Link => "link",
            Decision::NotSame => "not-same",
            Decision::Later => "later",
        }
    }

    pub fn from_name(name: &str) -> Option<Decision> {
        Decision::ALL.into_iter().find(|decision| decision.name() == name)
    }
}

/// Why a decision says nothing new, or contradicts what was said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DecisionRefused {
    OneAlready,
    TwoAlready,
}

impl Archive {
    /// Pairs that wait for a decision; those that were put off come last.
    pub fn identity_pairs(&self, permit: &Permit, offset: usize, size: usize) -> Result<Looked<PairPage>, QueryError> {
        if !permit.covers_identities() {
            return Err(QueryError::OutOfScope);
        }
        let snapshot = self.snapshot();
        let key = (snapshot.catalog.number, permit.filter().clone());
        let oldest = Timestamp::now().as_second() - GOOD_FOR_S;
        self.background().pairs.forget(|held, pairs| held.0 != key.0 || pairs.at.as_second() < oldest);
        let (archive, filter) = (self.clone(), permit.filter().clone());
        let pairs = match self.background().pairs.look(&key, move || compared(&archive, &filter)) {
            Looked::Done(pairs) => pairs,
            Looked::Running => return Ok(Looked::Running),
            Looked::Failed => return Ok(Looked::Failed),
        };
        let identity = &snapshot.identity;
        let waits = |pair: &&Candidate| !identity.are_one(&pair.a, &pair.b) && !identity.are_two(&pair.a, &pair.b);
        let (later, now): (Vec<&Candidate>, Vec<&Candidate>) =
            pairs.pairs.iter().filter(waits).partition(|pair| identity.put_off(&pair.a, &pair.b).is_some());
        let (total, put_off) = ((now.len() + later.len()) as u64, later.len() as u64);
        let mut rows = Vec::new();
        for pair in now.into_iter().chain(later).skip(offset).take(size) {
            rows.extend(row(&snapshot, permit.filter(), &pair.a, &pair.b)?);
        }
        let is_capped = pairs.found > pairs.pairs.len() as u64;
        Ok(Looked::Done(PairPage { rows, total, put_off, is_capped, at: pairs.at, patients: pairs.patients }.into()))
    }

    /// Two patients side by side. `NotFound` when either is not there or hidden.
    pub fn identity_pair(&self, permit: &Permit, a: &PatientKey, b: &PatientKey) -> Result<PairRow, QueryError> {
        if !permit.covers_identities() {
            return Err(QueryError::OutOfScope);
        }
        row(&self.snapshot(), permit.filter(), a, b)?.filter(|_| a != b).ok_or(QueryError::NotFound)
    }

    /// Records that statements moved to another chart: which, from whom, to whom, and by what reason. Those of which anything
    /// is hidden are left out.
    pub fn reassigned_records(&self, permit: &Permit) -> Result<Vec<(Kind, ArchiveId, Reassignment)>, QueryError> {
        if !permit.covers_identities() {
            return Err(QueryError::OutOfScope);
        }
        let snapshot = self.snapshot();
        let mut all = Vec::new();
        for (kind, id, it) in snapshot.reassigned.iter() {
            if !is_hidden(&snapshot, permit.filter(), kind, id, it)? {
                all.push((kind, id.clone(), it.clone()));
            }
        }
        all.sort_by(|a, b| b.2.said.at.cmp(&a.2.said.at).then_with(|| (a.0, &a.1).cmp(&(b.0, &b.1))));
        Ok(all)
    }
}

impl PairRow {
    /// The statement that a decision makes.
    pub fn decide(&self, decision: Decision, reason: &str) -> Result<Statement, DecisionRefused> {
        let (a, b, reason) = (self.a.patient.key.to_string(), self.b.patient.key.to_string(), reason.to_string());
        match decision {
            _ if self.are_one => Err(DecisionRefused::OneAlready),
            _ if self.are_two => Err(DecisionRefused::TwoAlready),
            Decision::Link => Ok(Statement::Link { a, b, reason, evidence: Evidence::Person }),
            Decision::NotSame => Ok(Statement::NotSame { a, b, reason }),
            Decision::Later => Ok(Statement::Later { a, b, reason }),
        }
    }
}

/// Compares all patients whom the filter leaves.
fn compared(archive: &Archive, filter: &Filter) -> Option<Pairs> {
    let (at, identity) = (Timestamp::now(), archive.snapshot().identity.clone());
    let mut features = Vec::new();
    let walked = archive.walk_patients(filter, &mut |key, record| {
        let json: Value = serde_json::from_str(&record.json).unwrap_or_default();
        features.push(Features::of(key, &identity_of(&json), &json));
    });
    if let Err(error) = walked {
        tracing::error!(%error, "the patients could not be compared");
        return None;
    }
    let mut pairs = candidates(&features, &identity, weights().review).pairs;
    let found = pairs.len() as u64;
    pairs.truncate(IDENTITY_PAIRS_MAX);
    Some(Pairs { at, patients: features.len() as u64, found, pairs })
}

fn row(snapshot: &Snapshot, filter: &Filter, a: &PatientKey, b: &PatientKey) -> Result<Option<PairRow>, QueryError> {
    let (Some(one), Some(other)) = (linked_patient(snapshot, filter, a)?, linked_patient(snapshot, filter, b)?) else {
        return Ok(None);
    };
    // The number of a child of a multiple birth is in no identity; without the resource it does not count.
    let features = |patient: &LinkedPatient| Features::of(&patient.key, &patient.identity, &Value::Null);
    let (score, agreements) = compare(&features(&one), &features(&other));
    let identity = &snapshot.identity;
    Ok(Some(PairRow {
        a: side(snapshot, filter, one)?,
        b: side(snapshot, filter, other)?,
        score,
        agreements,
        put_off: identity.put_off(a, b).cloned(),
        are_one: identity.are_one(a, b),
        are_two: identity.are_two(a, b),
    }))
}

fn side(snapshot: &Snapshot, filter: &Filter, patient: LinkedPatient) -> Result<PairSide, QueryError> {
    let (mut records, mut span): (u64, sight::Days) = (0, None);
    for accession in sight::accessions(snapshot, filter) {
        let Some(entry) = accession.patient(&patient.key)? else { continue };
        let (count, days) = sight::extent(filter, accession, &entry)?;
        records += count;
        span = match (span, days) {
            (Some((from, to)), Some((first, last))) => Some((from.min(first), to.max(last))),
            (known, other) => known.or(other),
        };
    }
    Ok(PairSide { patient, records, days: span.map(|(from, to)| (day(from), day(to))) })
}

fn day(days: i32) -> String {
    let (year, month, day) = civil_from_days(i64::from(days));
    format!("{year:04}-{month:02}-{day:02}")
}

/// Whether the filter hides a reassigned record, or either patient.
fn is_hidden(snapshot: &Snapshot, filter: &Filter, kind: Kind, id: &ArchiveId, it: &Reassignment) -> Result<bool, QueryError> {
    for patient in [&it.from, &it.to] {
        if sight::hides_patient(snapshot, filter, patient)? {
            return Ok(true);
        }
    }
    for accession in snapshot.accessions.iter().filter(|accession| accession.may_hold(kind, id.as_str())) {
        for found in accession.find(kind, id.as_str())? {
            let frame = accession.frame(found.frame, false)?;
            if !sight::sees(filter, accession, &frame, found.index) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

//! A person's several patient keys: which of them a reader may see, and what is known of each.
//!
//! Links come from statements and are looked up at each question; nothing that is stored knows of them. A key whose
//! Patient the permit hides is left out with all its records, as if nothing linked it. Not for: resolving statements
//! (`identity`), or reading records (`chart`, `record`).

use std::sync::Arc;

use serde_json::Value;

use super::QueryError;
use super::record::record_at;
use super::sight::{self, hides_patient};
use super::snapshot::{Archive, Snapshot};
use crate::access::{Filter, Maintenance, Permit, Scope};
use crate::index::identity_of;
use crate::model::{Kind, Label, LinkedPatient, PatientIdentity, PatientKey, Record};
use crate::store::Accession;

/// How another Patient is linked, as FHIR R4 `Patient.link.type` tells it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LinkType {
    ReplacedBy,
    Replaces,
    SeeAlso,
}

impl LinkType {
    pub fn code(self) -> &'static str {
        match self {
            LinkType::ReplacedBy => "replaced-by",
            LinkType::Replaces => "replaces",
            LinkType::SeeAlso => "seealso",
        }
    }
}

impl Archive {
    /// What to ask the gate for in order to open the chart of a patient: all keys of the person, this one first.
    pub fn chart_scope(&self, patient: &PatientKey) -> Scope {
        let mut keys = self.snapshot().identity.person(patient);
        if keys.len() <= 1 {
            return Scope::Chart(patient.clone());
        }
        keys.retain(|key| key != patient);
        keys.insert(0, patient.clone());
        Scope::Person(keys)
    }

    /// The person's other keys that are in the archive and that the permit does not hide. Scope: that of the Patient.
    pub fn patient_links(&self, permit: &Permit, patient: &PatientKey) -> Result<Vec<(PatientKey, LinkType)>, QueryError> {
        if !permit.covers_record(Kind::PATIENT, &patient.0, Some(patient)) {
            return Err(QueryError::OutOfScope);
        }
        let snapshot = self.snapshot();
        let identity = &snapshot.identity;
        let mut links = Vec::new();
        if hides_patient(&snapshot, permit.filter(), patient)? {
            return Ok(links);
        }
        for other in identity.person(patient).into_iter().filter(|other| other != patient) {
            if current_patient(&snapshot, permit.filter(), &other)?.is_none() {
                continue;
            }
            let link = if !identity.merges(patient, &other).is_empty() {
                LinkType::ReplacedBy
            } else if !identity.merges(&other, patient).is_empty() {
                LinkType::Replaces
            } else {
                LinkType::SeeAlso
            };
            links.push((other, link));
        }
        Ok(links)
    }

    /// Every current Patient record of the archive, accession after accession in the order of its charts; for commands
    /// that compare all patients. Scope: `IdentityReview` or `Everything`.
    pub fn each_patient(&self, permit: &Permit, visit: &mut dyn FnMut(&PatientKey, &Record)) -> Result<(), QueryError> {
        if !permit.covers_identities() {
            return Err(QueryError::OutOfScope);
        }
        self.walk_patients(permit.filter(), visit)
    }

    /// Who every patient is, with the label of his record, for marks that are compared and never shown: hidden ones too.
    pub fn each_identity(
        &self,
        _permit: &Maintenance,
        visit: &mut dyn FnMut(&PatientKey, PatientIdentity, Label),
    ) -> Result<(), QueryError> {
        self.walk_patients(&Filter::default(), &mut |key, record| {
            let json = serde_json::from_str(&record.json).unwrap_or_default();
            visit(key, identity_of(&json), record.label);
        })
    }

    pub(super) fn walk_patients(&self, filter: &Filter, visit: &mut dyn FnMut(&PatientKey, &Record)) -> Result<(), QueryError> {
        let snapshot = self.snapshot();
        let accessions: Vec<_> = sight::accessions(&snapshot, filter).collect();
        for (number, accession) in accessions.iter().enumerate() {
            let shown = Shown { snapshot: &snapshot, filter, later: &accessions[number + 1..] };
            // Versions stand one after the other, the current one last.
            let mut waiting: Option<(PatientKey, Record)> = None;
            for frame in 0..accession.frames() {
                let frame = accession.frame(frame, false)?;
                for at in (0..frame.len()).filter(|at| frame.kind(*at) == Some(Kind::PATIENT)) {
                    let Some(record) = record_at(accession, &frame, at, None) else { continue };
                    let key = PatientKey(record.id.clone());
                    if let Some((before, record)) = waiting.take().filter(|(before, _)| *before != key) {
                        shown.show(&before, record, visit)?;
                    }
                    waiting = Some((key, record));
                }
            }
            if let Some((key, record)) = waiting {
                shown.show(&key, record, visit)?;
            }
        }
        Ok(())
    }

    /// What was said of a patient key: the keys of the person, and the reasons in words. No record content.
    pub fn said_of(&self, patient: &PatientKey) -> (Vec<PatientKey>, Vec<String>) {
        let identity = &self.snapshot().identity;
        (identity.person(patient), identity.reasons(patient))
    }
}

/// Which Patient records of an accession are shown.
struct Shown<'a> {
    snapshot: &'a Snapshot,
    filter: &'a Filter,
    later: &'a [&'a Arc<Accession>],
}

impl Shown<'_> {
    /// Shows a Patient unless it is hidden, or a later accession holds a newer version.
    fn show(&self, key: &PatientKey, record: Record, visit: &mut dyn FnMut(&PatientKey, &Record)) -> Result<(), QueryError> {
        for accession in self.later {
            if accession.patient(key)?.is_some_and(|entry| entry.runs.iter().any(|run| run.kind == Kind::PATIENT)) {
                return Ok(());
            }
        }
        if !hides_patient(self.snapshot, self.filter, key)? {
            visit(key, &Record { patient: Some(key.clone()), ..record });
        }
        Ok(())
    }
}

/// The keys whose records the chart of `patient` shows under this permit: his own, and the linked ones that are not hidden.
pub(super) fn keys(snapshot: &Snapshot, permit: &Permit, patient: &PatientKey) -> Result<Vec<PatientKey>, QueryError> {
    if !permit.covers_patient(patient) {
        return Err(QueryError::OutOfScope);
    }
    if hides_patient(snapshot, permit.filter(), patient)? {
        return Err(QueryError::NotFound);
    }
    let mut keys = vec![patient.clone()];
    if let Some(all) = permit.person() {
        for key in all.iter().filter(|key| *key != patient) {
            if !hides_patient(snapshot, permit.filter(), key)? {
                keys.push(key.clone());
            }
        }
    }
    Ok(keys)
}

/// The current Patient record of a key; `None` when there is none or it is hidden.
fn current_patient(snapshot: &Snapshot, filter: &Filter, key: &PatientKey) -> Result<Option<Record>, QueryError> {
    if hides_patient(snapshot, filter, key)? {
        return Ok(None);
    }
    let mut current: Option<(String, Record)> = None;
    for accession in sight::accessions(snapshot, filter) {
        for found in accession.find(Kind::PATIENT, key.as_str())? {
            let frame = accession.frame(found.frame, false)?;
            let updated = super::record::last_updated(&frame, found.index);
            let record = record_at(accession, &frame, found.index, Some(key.clone()));
            if let Some(record) = record.filter(|_| current.as_ref().is_none_or(|(before, _)| *before <= updated)) {
                current = Some((updated, record));
            }
        }
    }
    Ok(current.map(|(_, record)| record))
}

/// What a chart or a hit says of one linked key; `None` when the permit shows no Patient record of it.
pub(super) fn linked_patient(
    snapshot: &Snapshot,
    filter: &Filter,
    key: &PatientKey,
) -> Result<Option<LinkedPatient>, QueryError> {
    let Some(record) = current_patient(snapshot, filter, key)? else { return Ok(None) };
    let json: Value = serde_json::from_str(&record.json).unwrap_or_default();
    Ok(Some(LinkedPatient {
        key: key.clone(),
        identity: identity_of(&json),
        source_system: record.source_system,
        place: record.place,
        label: record.label,
        reasons: snapshot.identity.reasons(key),
    }))
}

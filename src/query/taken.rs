//! Records taken by their places, whole: what is served, the bytes as delivered, the attachments, and the proof of where they
//! stand in their accession. For releases and exports, which freeze places and read them again.
//!
//! Not for: choosing records (`chart`), or one record for a reader (`record`).

use std::sync::Arc;

use super::QueryError;
use super::reassigned::patients_now;
use super::record::record_at;
use super::sight;
use super::snapshot::{Archive, Snapshot};
use crate::access::Permit;
use crate::merkle::Hash;
use crate::model::{ArchiveId, PatientKey, Place, Record};
use crate::store::{Accession, ChartFrame};

/// A record with everything that a release needs of it.
#[derive(Clone, Debug)]
pub struct Taken {
    pub record: Record,
    /// The bytes that the leaf is made of: as delivered, or as the mapping wrote them.
    pub original: Vec<u8>,
    /// The record's salt and leaf in the accession's tree; `None` where the accession's secret is not there.
    pub leaf: Option<(Hash, Hash)>,
}

impl Archive {
    /// What lies at a place, if the permit covers it and does not hide it. Scope: the `Chart` or `Person` it lies in, or
    /// `Everything`.
    ///
    /// # Errors
    /// `NotFound` when nothing lies there any more (its accession was withdrawn or packed anew) or it is hidden; `OutOfScope`.
    pub fn taken(&self, permit: &Permit, place: &Place) -> Result<Taken, QueryError> {
        let snapshot = self.snapshot();
        let (accession, number) = frame_of(&snapshot, permit, place)?;
        taken_of(&snapshot, permit, accession, &accession.frame(number, false)?, place.ordinal)
    }

    /// The bytes of an attachment of what lies at a place, by its number as in [`crate::model::DocumentId`]s; of that very version,
    /// where `document` gives those of the current one. `None`: not delivered. Scope and errors as [`Archive::taken`].
    pub fn taken_file(&self, permit: &Permit, place: &Place, number: usize) -> Result<Option<Vec<u8>>, QueryError> {
        self.taken(permit, place)?;
        let snapshot = self.snapshot();
        let is_it = |a: &&Arc<Accession>| a.id == place.accession && a.generation == place.generation;
        let accession = sight::accessions(&snapshot, permit.filter()).find(is_it).ok_or(QueryError::NotFound)?;
        let frame = accession.frame(accession.frame_of(place.ordinal).ok_or(QueryError::NotFound)?, false)?;
        let at = usize::try_from(place.ordinal.saturating_sub(frame.first_ordinal())).unwrap_or(usize::MAX);
        Ok(frame.attachment(at, number)?)
    }
}

/// The accession that a place lies in, and the frame in it.
pub(super) fn frame_of<'s>(
    snapshot: &'s Snapshot,
    permit: &Permit,
    place: &Place,
) -> Result<(&'s Arc<Accession>, u32), QueryError> {
    let is_it = |a: &&Arc<Accession>| a.id == place.accession && a.generation == place.generation;
    let accession = sight::accessions(snapshot, permit.filter()).find(is_it).ok_or(QueryError::NotFound)?;
    Ok((accession, accession.frame_of(place.ordinal).ok_or(QueryError::NotFound)?))
}

/// What a frame holds at an ordinal, as [`Archive::taken`] gives it.
pub(super) fn taken_of(
    snapshot: &Snapshot,
    permit: &Permit,
    accession: &Accession,
    frame: &ChartFrame<'_>,
    ordinal: u64,
) -> Result<Taken, QueryError> {
    let at = usize::try_from(ordinal.saturating_sub(frame.first_ordinal())).unwrap_or(usize::MAX);
    let (kind, (id, _)) = frame.kind(at).zip(frame.names(at)).ok_or(QueryError::NotFound)?;
    let id = ArchiveId::parse(&id).ok_or(QueryError::NotFound)?;
    let patients = patients_now(snapshot, accession, frame, at);
    let covers = |patient: Option<&PatientKey>| permit.covers_record(kind, &id, patient);
    let patient = patients.iter().find(|p| covers(Some(p))).or(patients.first());
    if !covers(patient) {
        return Err(QueryError::OutOfScope);
    }
    let mut is_hidden = !sight::sees(permit.filter(), accession, frame, at);
    for patient in patients.first().into_iter().chain(patient) {
        is_hidden = is_hidden || sight::hides_patient(snapshot, permit.filter(), patient)?;
    }
    let record = record_at(accession, frame, at, patient.cloned()).filter(|_| !is_hidden).ok_or(QueryError::NotFound)?;
    let original = frame.original(at)?;
    let leaf = accession.leaf_hasher().map(|hasher| {
        let (kind, name) = (record.kind, record.id.as_str());
        (hasher.salt(kind, name), hasher.leaf(kind, name, &original))
    });
    Ok(Taken { record, original, leaf })
}

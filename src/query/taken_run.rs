//! Many records taken by their places, with their files. Neighbours lie in one frame, which is read once for all of them.
//!
//! Not for: one record (`taken`).

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::QueryError;
use super::document::attachment;
use super::snapshot::{Archive, Snapshot};
use super::taken::{Taken, frame_of, taken_of};
use crate::access::Permit;
use crate::model::{Document, DocumentId, Place, Record};
use crate::store::{ChartFrame, parse_document_id};

/// A record with those of its files that were asked for and are there.
#[derive(Clone, Debug)]
pub struct TakenWith {
    pub taken: Taken,
    pub documents: Vec<Document>,
}

/// Accession and number of a frame that is open.
type Open<'s> = (String, u32, ChartFrame<'s>);

impl Archive {
    /// What lies at places, each with its files: those of that very version. Scope and errors of each as of [`Archive::taken`].
    pub fn taken_run(&self, permit: &Permit, wanted: &[(Place, Vec<DocumentId>)]) -> Vec<Result<TakenWith, QueryError>> {
        let snapshot = self.snapshot();
        let mut open: Option<Open<'_>> = None;
        wanted.iter().map(|(place, ids)| self.taken_with(&snapshot, permit, &mut open, place, ids)).collect()
    }

    fn taken_with<'s>(
        &self,
        snapshot: &'s Snapshot,
        permit: &Permit,
        open: &mut Option<Open<'s>>,
        place: &Place,
        ids: &[DocumentId],
    ) -> Result<TakenWith, QueryError> {
        let (accession, number) = frame_of(snapshot, permit, place)?;
        if open.as_ref().is_none_or(|(id, frame, _)| id != place.accession.as_str() || *frame != number) {
            *open = Some((place.accession.as_str().to_owned(), number, accession.frame(number, false)?));
        }
        let Some((_, _, frame)) = open else { return Err(QueryError::NotFound) };
        let taken = taken_of(snapshot, permit, accession, frame, place.ordinal)?;
        let json: Value = if ids.is_empty() { Value::Null } else { serde_json::from_str(&taken.record.json).unwrap_or_default() };
        let at = usize::try_from(place.ordinal.saturating_sub(frame.first_ordinal())).unwrap_or(usize::MAX);
        let mut documents = Vec::with_capacity(ids.len());
        for id in ids {
            let own = parse_document_id(id).filter(|(kind, record, _)| (*kind, record) == (taken.record.kind, &taken.record.id));
            let found = match own {
                Some((_, _, number)) => frame.attachment(at, number)?.map(|bytes| document(&taken.record, &json, id, bytes)),
                // A Binary that was delivered as a record of its own.
                None => match self.document(permit, id) {
                    Ok(found) => Some(found),
                    Err(QueryError::NotFound) => None,
                    Err(error) => return Err(error),
                },
            };
            documents.extend(found);
        }
        Ok(TakenWith { taken, documents })
    }
}

fn document(record: &Record, json: &Value, id: &DocumentId, bytes: Vec<u8>) -> Document {
    let told = attachment(json, id);
    let text = |member: &str| told.and_then(|it| it.get(member)).and_then(Value::as_str).map(str::to_owned);
    Document {
        id: id.clone(),
        content_type: text("contentType").unwrap_or_else(|| "application/octet-stream".into()),
        title: text("title"),
        sha256: Sha256::digest(&bytes).into(),
        bytes,
        record: record.clone(),
    }
}

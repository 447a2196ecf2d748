//! Attachments: the bytes behind a document id, and all searchable text of a record.
//!
//! Not for: rendering (`render`).

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::QueryError;
use super::record::{located, located_where};
use super::snapshot::Archive;
use crate::access::Permit;
use crate::index::text_of_record;
use crate::model::{ArchiveId, Document, DocumentId, Kind, PatientKey};
use crate::store::{StoreError, parse_document_id};

impl Archive {
    /// An attachment's bytes, held against the digest under which they were sealed, or those of a Binary that was delivered as a record. Scope: `Record` of its record or of the
    /// document itself (as a `Binary`), or the `Chart` it lies in. The label that counts is that of its record.
    pub fn document(&self, permit: &Permit, id: &DocumentId) -> Result<Document, QueryError> {
        let attachment = match parse_document_id(id) {
            Some((kind, record, number)) => self.attachment(permit, id, kind, &record, number),
            None => Err(QueryError::NotFound),
        };
        match attachment {
            Err(QueryError::NotFound) => self.attachment(permit, id, Kind::BINARY, &id.0, 0),
            found => found,
        }
    }

    /// The file beside a document that names its body instead of holding it: what the same record refers to next. `None`
    /// when that was not delivered. Scope: the `Chart` it lies in, or its record.
    pub fn body_of(&self, permit: &Permit, document: &Document) -> Result<Option<Document>, QueryError> {
        let json: Value = serde_json::from_str(&document.record.json).unwrap_or_default();
        let contents = json.get("content").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let ids = contents.iter().map(|content| content.pointer("/attachment/url")?.as_str()?.strip_prefix("Binary/"));
        let Some(id) = ids.skip_while(|id| *id != Some(document.id.0.as_str())).nth(1).flatten() else { return Ok(None) };
        let Some(id) = ArchiveId::parse(id) else { return Ok(None) };
        match self.document(permit, &DocumentId(id)) {
            Ok(body) if body.record.place == document.record.place => Ok(Some(body)),
            Ok(_) | Err(QueryError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Attachment `number` of a record.
    fn attachment(
        &self,
        permit: &Permit,
        id: &DocumentId,
        kind: Kind,
        record_id: &ArchiveId,
        number: usize,
    ) -> Result<Document, QueryError> {
        let snapshot = self.snapshot();
        let covers = |patient: Option<&PatientKey>| permit.covers_document(&id.0, kind, record_id, patient);
        let all = located_where(&snapshot, permit, kind, record_id, &covers)?;
        let (record, accession, found) = all.into_iter().next_back().ok_or(QueryError::NotFound)?;
        // What is shown is what was sealed: a small attachment lies in the frame itself, a larger one in a pack.
        let frame = accession.frame(found.frame, true).map_err(of_content)?;
        let bytes = frame.attachment(found.index, number).map_err(of_content)?.ok_or(QueryError::NotFound)?;
        let json: Value = serde_json::from_str(&record.json).unwrap_or_default();
        let attachment = attachment(&json, id);
        let text = |member: &str| attachment.and_then(|a| a.get(member)).and_then(Value::as_str).map(str::to_string);
        Ok(Document {
            id: id.clone(),
            content_type: text("contentType").unwrap_or_else(|| "application/octet-stream".into()),
            title: text("title"),
            sha256: Sha256::digest(&bytes).into(),
            bytes,
            record,
        })
    }

    /// All words of a record: conclusions, narrative, attachments. Scope as `document`.
    pub fn text_of(&self, permit: &Permit, kind: Kind, id: &ArchiveId) -> Result<String, QueryError> {
        let snapshot = self.snapshot();
        let (record, accession, found) = located(&snapshot, permit, kind, id)?.pop().ok_or(QueryError::NotFound)?;
        let frame = accession.frame(found.frame, false)?;
        let json: Value = serde_json::from_str(&record.json).unwrap_or_default();
        Ok(text_of_record(&frame, found.index, &json)?.text)
    }
}

fn of_content(error: StoreError) -> QueryError {
    match error {
        StoreError::Damaged { .. } => QueryError::Damaged(error.to_string()),
        other => other.into(),
    }
}

/// The attachment (or Binary) whose `url` leads to the document.
pub(super) fn attachment<'a>(json: &'a Value, id: &DocumentId) -> Option<&'a Value> {
    if json.get("resourceType").and_then(Value::as_str) == Some("Binary") {
        return Some(json);
    }
    let url = format!("Binary/{}", id.0);
    fn search<'a>(value: &'a Value, url: &str, depth: usize) -> Option<&'a Value> {
        if depth > 16 {
            return None;
        }
        match value {
            Value::Object(members) if members.get("url").and_then(Value::as_str) == Some(url) => Some(value),
            Value::Object(members) => members.values().find_map(|v| search(v, url, depth + 1)),
            Value::Array(items) => items.iter().find_map(|v| search(v, url, depth + 1)),
            _ => None,
        }
    }
    search(json, &url, 0)
}

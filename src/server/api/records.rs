//! Single records: as stored, and as delivered.
//!
//! Not for: the FHIR form with completed `meta` (`fhir::read`).

use crate::access::Scope;
use crate::model::{ArchiveId, Kind};
use crate::query::Source;
use crate::server::answer::{Answer, ApiError, Body, JSON};
use crate::server::call::{Call, shown};

/// `GET /records/{kind}/{id}`
pub fn read(call: &Call) -> Result<Answer, ApiError> {
    let (kind, id) = (call.kind_param("kind")?, call.id_param("id")?);
    let permit = call.ask(Scope::Record(kind, id.clone()))?;
    let found = call.archive().record(&permit, kind, &id);
    let (permit, record) = call.found(permit, "record.read", found)?;
    let entry = shown("record.read", [&record]);
    Ok(permit.answer(Body::new(JSON, record.json.as_bytes()), entry)?.into())
}

/// `GET /records/{kind}/{id}/original?version=`
pub fn original(call: &Call) -> Result<Answer, ApiError> {
    deliver(call, call.kind_param("kind")?, call.id_param("id")?)
}

/// `GET /records/{id}/original`: the archive says which type the id is of; of several, the first in chart order.
pub fn original_by_id(call: &Call) -> Result<Answer, ApiError> {
    let id = call.id_param("id")?;
    // An id that no record has is asked for all the same, so that the refusal is the same and stands in the log.
    let kind = call.archive().kinds_of(&id).into_iter().next().unwrap_or(Kind::PATIENT);
    deliver(call, kind, id)
}

fn deliver(call: &Call, kind: Kind, id: ArchiveId) -> Result<Answer, ApiError> {
    let version = match call.query("version") {
        None => None,
        Some(text) => Some(text.parse::<u32>().map_err(|_| ApiError::bad("'version' must be a whole number."))?),
    };
    let permit = call.ask(Scope::Record(kind, id.clone()))?;
    let found = call.archive().origin(&permit, kind, &id, version);
    let (permit, (record, origin)) = call.found(permit, "record.read", found)?;
    let Source::Shown { bytes, beside } = origin.source else {
        // Nothing is answered but that there is something: the permit's entry names the record asked for.
        let entry = shown("record.read", [&record]);
        let text = "The source record also speaks of what may not be shown here.";
        return Ok(permit.answer(Body::new("text/plain; charset=utf-8", text).status(403), entry)?.into());
    };
    let entry = shown("record.read", [&record].into_iter().chain(&beside));
    // As delivered, whatever it is: records that came as FHIR are JSON, others a message, a document or a row.
    let looks_like_json = bytes.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{');
    let kind = if looks_like_json { "application/fhir+json" } else { "application/octet-stream" };
    Ok(permit.answer(Body::new(kind, bytes), entry)?.into())
}

//! For compliance and the archivist: who looked at a chart, and which accessions are in force.
//!
//! Not for: verifying the log (`chartkeep audit verify`).

use crate::access::{Scope, Shown};
use crate::audit::{self, Found};
use crate::model::PatientKey;
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::Call;

use super::shapes::{AccessEntries, AccessEntry, Accession, Accessions};

/// Most entries of one answer, the newest.
const ENTRIES_MAX: usize = 5_000;

/// `GET /access?patient=`
pub fn entries(call: &Call) -> Result<Answer, ApiError> {
    let patient = call.query("patient").and_then(PatientKey::parse).ok_or_else(|| ApiError::bad("'patient' is missing."))?;
    let permit = call.ask(Scope::AuditLog(Some(patient.clone())))?;
    let found = entries_about(call, &patient)?;
    let entry = shown_entries(Some(patient.clone()), found.len());
    let entries = found
        .into_iter()
        .map(|found| AccessEntry { stream: found.stream, seq: found.seq, time: found.ts.to_string(), entry: found.entry })
        .collect();
    Ok(permit.answer(Body::json(&AccessEntries { patient: patient.to_string(), entries })?, entry)?.into())
}

/// The log's entries about a patient, newest first. Call it with an `AuditLog` permit in hand.
pub fn entries_about(call: &Call, patient: &PatientKey) -> Result<Vec<Found>, ApiError> {
    let query = audit::Query { patient: Some(patient.to_string()), limit: ENTRIES_MAX, ..audit::Query::default() };
    audit::read(&call.app.folder, &query).map_err(|error| {
        tracing::error!(%error, "the access log cannot be read");
        ApiError::internal()
    })
}

/// The entry that says that entries were read.
pub fn shown_entries(patient: Option<PatientKey>, count: usize) -> Shown {
    Shown { event: "audit.query", patients: patient.into_iter().collect(), hits: Some(count as u64), ..Shown::default() }
}

/// `GET /accessions`
pub fn accessions(call: &Call) -> Result<Answer, ApiError> {
    let permit = call.ask(Scope::Accessions)?;
    let accessions = call.archive().accessions(&permit)?;
    let entry =
        Shown { event: "audit.query", hits: Some(accessions.len() as u64), query: Some("accessions".into()), ..Shown::default() };
    let accessions = accessions
        .into_iter()
        .map(|it| Accession {
            accession: it.accession.to_string(),
            generation: it.generation,
            source_system: it.source_system,
            records: it.records,
            patients: it.patients,
            bytes: it.bytes,
            quarantined: it.quarantined,
            sealed_at: it.sealed_at,
        })
        .collect();
    Ok(permit.answer(Body::json(&Accessions { accessions })?, entry)?.into())
}

//! The forms in which the log and its reports are handed out: FHIR AuditEvent, CSV, JSON, evidence that verifies offline.
//!
//! Not for: what is in a report (`reports`), or who may have it (`access`).

pub mod bundle;
pub mod csv;
pub mod export;
pub mod fhir;
mod fhir_codes;
pub mod json;
pub mod wide;

#[cfg(test)]
mod tests;

//! Pure readers of what deliveries hold: bytes in, values and findings out, no IO.
//!
//! Not for: opening files (`sources`), deciding what becomes of a record (`ingest`).

pub mod fhir;

//! Tests of the patient's side of the mapping of HL7 v2.
//!
//! Not for: results, documents and orders, which have their own.

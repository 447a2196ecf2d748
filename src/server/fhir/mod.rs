//! The FHIR R4 REST interface under `/fhir`: JSON, read-only.
//!
//! Not for: the route table (`server::routes`), or how records are stored.

pub mod audit_event;
pub mod binary;
pub mod bulk;
mod bundle;
pub mod capability;
mod cursor;
pub mod docref;
pub mod everything;
mod group;
mod links;
pub mod outcome;
mod patients;
pub mod read;
mod search;
mod sight;
mod splice;

#[cfg(test)]
pub(super) mod testing;

use super::answer::{Answer, ApiError};
use super::call::Call;
use crate::access::Permit;
use crate::model::{Kind, PatientKey, Record};
use crate::query::{Archive, QueryError};

/// Completes a Patient with its links; the keys that these name.
pub fn complete_links(archive: &Archive, permit: &Permit, record: &mut Record) -> Result<Vec<PatientKey>, QueryError> {
    links::complete_from(archive, permit, record).map(|added| added.patients)
}

pub fn search_get(call: &Call) -> Result<Answer, ApiError> {
    want_json(call)?;
    let kind = kind(call)?;
    if audit_event::is_asked(call, kind) {
        return audit_event::search(call);
    }
    match group::search(call, kind)? {
        Some(answer) => Ok(answer),
        None => search::search(call, kind),
    }
}

/// The same search with its parameters in a form, which keeps them out of addresses.
pub fn search_post(call: &Call) -> Result<Answer, ApiError> {
    search_get(call)
}

/// The kind in the path; 404 for a type that FHIR R4 does not have.
fn kind(call: &Call) -> Result<Kind, ApiError> {
    let unknown = || ApiError::new(404, "no-such-type", "not-found", "This is not a FHIR R4 resource type.");
    Kind::from_name(call.param("kind")).ok_or_else(unknown)
}

/// Checks `_format` and `Accept`: JSON of FHIR 4.0, or whatever the client would take.
fn want_json(call: &Call) -> Result<(), ApiError> {
    let wanted = call.query("_format").or_else(|| call.header("accept")).unwrap_or("*/*");
    if acceptable(wanted) { Ok(()) } else { Err(ApiError::not_acceptable()) }
}

fn acceptable(wanted: &str) -> bool {
    const JSON: [&str; 7] =
        ["*/*", "application/*", "application/fhir+json", "application/json", "text/json", "json", "application/json+fhir"];
    // An unescaped `+` of a query string arrives as a space.
    let wanted = wanted.replace("fhir json", "fhir+json").to_ascii_lowercase();
    wanted.split(',').any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or("");
        let version = parts.find_map(|part| part.strip_prefix("fhirversion="));
        (kind.is_empty() || JSON.contains(&kind)) && version.is_none_or(|version| version.trim_matches('"') == "4.0")
    })
}

#[cfg(test)]
mod tests {
    use super::acceptable;

    #[test]
    fn json_is_served_and_xml_is_not() {
        for yes in [
            "*/*",
            "",
            "json",
            "application/fhir+json",
            "application/fhir json",
            "application/fhir+xml, application/json;q=0.5",
            "application/fhir+json; fhirVersion=4.0",
            "text/html,*/*;q=0.8",
        ] {
            assert!(acceptable(yes), "{yes}");
        }
        for no in ["xml", "application/fhir+xml", "text/html", "application/fhir+json; fhirVersion=3.0"] {
            assert!(!acceptable(no), "{no}");
        }
    }
}

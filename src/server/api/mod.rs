//! The JSON API under `/api/v1`: what the viewer shows, for programs. Field names are part of the contract and stand in
//! the OpenAPI document, which is made from the route table.
//!
//! Not for: FHIR searches (`fhir`).

pub mod access;
pub mod documents;
pub mod ehi;
pub mod openapi;
pub mod patients;
pub mod records;
pub mod releases;
pub mod search;
pub mod shapes;

use crate::access::Public;

use super::answer::{Answer, ApiError, Body};
use super::call::Call;

/// Who asks. Nothing here comes from the archive, so nothing is logged.
pub fn me(call: &Call) -> Result<Answer, ApiError> {
    let principal = call.principal()?;
    let me = shapes::Me {
        subject: principal.subject.clone(),
        name: principal.name.clone(),
        role: principal.role.name(),
        purpose: principal.purpose.code(),
    };
    Ok(Public(Body::json(&me)?).into())
}

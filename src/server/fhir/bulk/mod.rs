//! FHIR Bulk Data (IG 2.0): `$export` of the system, of all patients, of a group; asked for here, made in the background by
//! `server::jobs`, fetched through `status`.
//!
//! A group is a source system of the archive (`fhir::group`): `Group/<source system>/$export` gives its patients. Beside patients' records an
//! export of patients or of a group brings those that say who and where. Not for: one person (`$everything`, `/api/v1/…/ehi`).

pub mod lines;
pub mod status;
pub mod wanted;

use serde_json::Value;

use crate::access::{Act, Scope, Shown};
use crate::server::answer::{Answer, ApiError, Body, FHIR_JSON};
use crate::server::api::ehi::busy;
use crate::server::call::Call;
use crate::server::jobs::{self, Asked, JobRecord, Level, What};

use super::sight::Sight;
use wanted::Wanted;

pub fn whole(call: &Call) -> Result<Answer, ApiError> {
    kick_off(call, Level::System)
}

pub fn patients(call: &Call) -> Result<Answer, ApiError> {
    kick_off(call, Level::Patients)
}

pub fn group(call: &Call) -> Result<Answer, ApiError> {
    kick_off(call, Level::Source(call.param("id").to_string()))
}

/// Takes an export in, and says where to ask for it.
fn kick_off(call: &Call, level: Level) -> Result<Answer, ApiError> {
    super::want_json(call)?;
    Sight::of(call)?.want_any(Act::Search)?;
    let permit = call.ask(Scope::Bulk)?;
    let prefers_async = call
        .header("prefer")
        .is_some_and(|prefer| prefer.split([',', ';']).any(|part| part.trim().eq_ignore_ascii_case("respond-async")));
    if !prefers_async {
        return Err(ApiError::new(400, "async-only", "not-supported", "An export is asked for with 'Prefer: respond-async'."));
    }
    let wanted = Wanted::read(call)?;
    if let Level::Source(source) = &level
        && !super::group::is_there(call.archive(), &permit, source)
    {
        permit.answer((), Shown { event: "export.bulk.start", hits: Some(0), ..Shown::default() })?;
        return Err(ApiError::not_found());
    }
    if level == Level::System && wanted.patients.is_some() {
        return Err(ApiError::unsupported("'patient' goes with Patient/$export or Group/<id>/$export."));
    }
    let principal = call.principal()?;
    let asked = Asked {
        request: format!("{}{}", call.base, call.context.path),
        base: call.base.clone(),
        name: principal.name.clone(),
        scopes: principal.scopes.as_ref().map(|scopes| scopes.text.clone()).unwrap_or_default(),
        token: principal.token_id.clone(),
        ip: call.context.ip.clone(),
        user_agent: call.context.user_agent.clone(),
        request_id: call.context.request_id.clone(),
        method: call.context.method.clone(),
        path: call.context.path.clone(),
    };
    let job = call.app.jobs.add(JobRecord::new(principal, What::Bulk(Box::new(wanted.bulk(asked, level))))).map_err(busy)?;
    let entry = Shown { event: "export.bulk.start", query: Some(format!("bulk export {}", job.id)), ..Shown::default() };
    let address = format!("{}/fhir/bulk/{}", call.base, job.id);
    let body = Body::new(FHIR_JSON, super::outcome::json("information", "informational", "The export is under way."));
    match permit.answer(body.status(202).with("Content-Location", address), entry) {
        Ok(answer) => {
            jobs::start_bulk(&call.app, &job);
            Ok(answer.into())
        }
        Err(error) => {
            call.app.jobs.remove(&job);
            Err(error.into())
        }
    }
}

/// The parameters of an operation as pairs, from a Parameters resource; `None` when it is none.
pub fn parameters(body: &[u8]) -> Option<Vec<(String, String)>> {
    let resource: Value = serde_json::from_slice(body).ok()?;
    if resource.get("resourceType")?.as_str()? != "Parameters" {
        return None;
    }
    let one = |parameter: &Value| {
        let name = parameter.get("name")?.as_str()?.to_string();
        let (_, value) = parameter.as_object()?.iter().find(|(name, _)| name.starts_with("value"))?;
        let value = match value {
            Value::Object(reference) => reference.get("reference")?.as_str()?.to_string(),
            Value::String(text) => text.clone(),
            Value::Bool(_) | Value::Number(_) => value.to_string(),
            _ => return None,
        };
        Some((name, value))
    };
    resource.get("parameter").map_or(Some(Vec::new()), |all| all.as_array()?.iter().map(one).collect())
}

#[cfg(test)]
mod tests {
    use super::parameters;

    #[test]
    fn parameters_are_read_or_refused_whole() {
        let read = |text: &str| parameters(text.as_bytes());
        let body = r#"{"resourceType":"Parameters","parameter":[{"name":"_type","valueString":"Patient"},
            {"name":"patient","valueReference":{"reference":"Patient/mer.1"}},{"name":"x","valueBoolean":true}]}"#;
        let pairs = [("_type", "Patient"), ("patient", "Patient/mer.1"), ("x", "true")];
        assert_eq!(read(body).unwrap(), pairs.map(|(name, value)| (name.to_string(), value.to_string())));
        assert_eq!(read(r#"{"resourceType":"Parameters"}"#).unwrap(), []);
        for bad in [
            "",
            "[]",
            r#"{"resourceType":"Patient"}"#,
            r#"{"resourceType":"Parameters","parameter":[{"name":"patient"}]}"#,
            r#"{"resourceType":"Parameters","parameter":[{"name":"patient","valueReference":{"display":"x"}}]}"#,
        ] {
            assert!(read(bad).is_none(), "{bad}");
        }
    }
}

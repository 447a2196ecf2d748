//! The archive as authorisation server of programs: SMART Backend Services, introspection, and what says so.
//!
//! Not for: people, who sign in at the viewer or at an identity provider; tokens of these are checked at the door.

mod client;
pub mod introspect;
pub mod smart;
pub mod token;

use serde_json::json;

use crate::access::{Principal, entry};
use crate::audit::{Entry, Outcome};

use super::answer::{Answer, ApiError, Body, JSON};
use super::call::Call;
use super::events;
use super::rate::address_of;

pub use client::ClientKeySources;

/// Path of the token endpoint.
const TOKEN_PATH: &str = "/oauth/token";

/// The token endpoint as assertions must name it. It comes from the configuration: a name that a request gives itself (`Host`)
/// would let an assertion that was made for another server be used here.
fn token_endpoint(call: &Call) -> Option<String> {
    let public = call.app.config.access.public_url.as_ref()?;
    Some(format!("{}{TOKEN_PATH}", public.trim_end_matches('/')))
}

/// An error as RFC 6749 §5.2 has it.
#[derive(Debug)]
enum Refusal {
    /// Told to the client, with its code.
    Told(u16, &'static str, &'static str),
    Failed(ApiError),
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Refusal {
        Refusal::Failed(error)
    }
}

/// The one value of a parameter of the form (RFC 6749 §3.2: sent once, and empty is as good as absent).
fn once<'c>(call: &'c Call, name: &str) -> Result<&'c str, Refusal> {
    let mut values = call.form.iter().filter(|(given, _)| given == name).map(|(_, value)| value.as_str());
    let value = values.next().unwrap_or("");
    match values.next() {
        None => Ok(value),
        Some(_) => Err(Refusal::Told(400, "invalid_request", "A parameter stands there twice.")),
    }
}

fn answer(work: Result<Answer, Refusal>) -> Result<Answer, ApiError> {
    match work {
        Ok(answer) => Ok(answer),
        Err(Refusal::Failed(error)) => Err(error),
        Err(Refusal::Told(status, code, text)) => {
            let body = json!({"error": code, "error_description": text});
            let body = Body::new(JSON, body.to_string()).status(status).with("Pragma", "no-cache");
            Ok(crate::access::Public(body).into())
        }
    }
}

/// An assertion or a request for a token was refused, with its entry; `reason` is for the log alone.
fn refused(call: &Call, client: &str, reason: &'static str, assertion: &str, told: Refusal) -> Refusal {
    let address = address_of(call.context.ip.as_deref());
    if let Err(exceeded) = call.app.rates.may_attempt(&address) {
        return Refusal::Failed(events::rate_limited(call, "tokens", exceeded));
    }
    call.app.rates.failed(&address);
    let mut entry: Entry = entry("auth.token_rejected", &Principal::unproven(client), &call.context);
    entry.outcome = Outcome::MinorFailure;
    entry.outcome_desc = Some(reason.to_string());
    entry.client_id = Some(client.chars().filter(|c| !c.is_control()).take(64).collect::<String>()).filter(|id| !id.is_empty());
    if !assertion.is_empty() {
        entry.detail = vec![("token_sha256", events::sha256(assertion))];
    }
    if call.gate().log().enqueue(entry).is_err() {
        tracing::error!(reason, "a refused client could not be written to the access log");
    }
    told
}

//! `POST /oauth/introspect`: whether a token of this archive stands, for the program that it was issued to (RFC 7662).
//!
//! Not for: tokens of outside issuers, whose issuers answer for them, or of people: of those a program learns nothing.

use serde_json::{Value, json};

use crate::access::{Public, entry};
use crate::register::TokenMark;
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::Call;
use crate::server::door::register_down;
use crate::server::events;

use super::client::authenticate;
use super::{Refusal, answer, once};

pub fn introspect(call: &Call) -> Result<Answer, ApiError> {
    answer(tell(call))
}

fn tell(call: &Call) -> Result<Answer, Refusal> {
    let client = authenticate(call)?;
    let token = once(call, "token")?;
    if token.is_empty() {
        return Err(Refusal::Told(400, "invalid_request", "A token is needed."));
    }
    let told = state(call, &client.id, token)?;
    let mut entry = entry("auth.token_introspected", &crate::access::Principal::unproven(&client.id), &call.context);
    entry.client_id = Some(client.id);
    entry.detail = vec![("active", told["active"].to_string())];
    if let Some(id) = told["jti"].as_str() {
        entry.detail.push(("token_jti", id.to_string()));
    }
    events::write(call, entry)?;
    Ok(Public(Body::json(&told)?).into())
}

/// RFC 7662 §2.2: of a token that does not stand, or is none of this program's, nothing is said but that.
fn state(call: &Call, client: &str, token: &str) -> Result<Value, Refusal> {
    let nothing = json!({"active": false});
    let Ok(accepted) = call.app.tokens.accept_own(token) else { return Ok(nothing) };
    let principal = &accepted.principal;
    let Some(id) = principal.token_id.as_deref().filter(|_| principal.client_id.as_deref() == Some(client)) else {
        return Ok(nothing);
    };
    let digest = events::sha256(token);
    let mark = TokenMark {
        names: &[id, &digest],
        issuer: &principal.issuer,
        subject: &principal.subject,
        issued: i64::try_from(accepted.issued).unwrap_or(i64::MAX),
    };
    if call.wait(call.app.register.is_token_revoked(mark)).map_err(|error| register_down(&error))? {
        return Ok(nothing);
    }
    Ok(json!({
        "active": true,
        "scope": principal.scopes.as_ref().map_or("", |scopes| scopes.text.as_str()),
        "client_id": client,
        "sub": principal.subject,
        "iss": principal.issuer,
        "aud": principal.issuer,
        "token_type": "bearer",
        "exp": accepted.expires,
        "jti": id,
    }))
}

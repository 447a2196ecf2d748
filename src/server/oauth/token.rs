//! `POST /oauth/token`: a short token for a registered program that proves who it is (RFC 6749 §4.4 with `private_key_jwt`;
//! SMART Backend Services).
//!
//! Not for: people, refresh, or any other grant.

use std::time::Duration;

use serde_json::json;

use crate::access::{Grant, Holder, Public, Role, Scopes, entry};
use crate::register::Client;
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::Call;
use crate::server::events;

use super::client::authenticate;
use super::{Refusal, answer, once, refused};

/// Life of a token, in seconds (SMART: at most 300).
const LIFETIME_S: u64 = 300;

pub fn token(call: &Call) -> Result<Answer, ApiError> {
    answer(give(call))
}

fn give(call: &Call) -> Result<Answer, Refusal> {
    match once(call, "grant_type")? {
        "client_credentials" => {}
        "" => return Err(Refusal::Told(400, "invalid_request", "A grant_type is needed.")),
        _ => return Err(Refusal::Told(400, "unsupported_grant_type", "Only client_credentials is offered here.")),
    }
    let asked = once(call, "scope")?.to_string();
    let client = authenticate(call)?;
    if !Scopes::parse(&client.scopes).held_by(Holder::Client).cover(&asked) {
        let told = Refusal::Told(400, "invalid_scope", "The scope is empty, not understood, or more than is registered.");
        return Err(refused(call, &client.id, "scope", "", told));
    }
    issue(call, &client, asked)
}

fn issue(call: &Call, client: &Client, scopes: String) -> Result<Answer, Refusal> {
    let role = Role::Service;
    let grant = Grant {
        subject: client.id.clone(),
        name: client.label.clone(),
        role,
        purpose: role.usual_purpose(),
        lifetime: Duration::from_secs(LIFETIME_S),
        client_id: Some(client.id.clone()),
        scopes: Some(scopes.clone()),
        patient: None,
    };
    let signer = call.app.token_signer.as_deref().ok_or_else(ApiError::internal)?;
    let token = call.app.tokens.issue(signer, &grant).map_err(|_| ApiError::internal())?;
    // What the token itself will say of its holder.
    let principal = call.app.tokens.accept_own(&token.text).map_err(|_| ApiError::internal())?.principal;
    let mut entry = entry("auth.token_issued", &principal, &call.context);
    entry.detail = vec![
        ("subject", client.id.clone()),
        ("role", role.name().into()),
        ("purpose", grant.purpose.code().into()),
        ("vouched_by", "client".into()),
        ("token_jti", token.id),
        ("expires", token.expires.to_string()),
    ];
    events::write(call, entry)?;
    let body = json!({"access_token": token.text, "token_type": "bearer", "expires_in": LIFETIME_S, "scope": scopes});
    Ok(Public(Body::json(&body)?.with("Pragma", "no-cache")).into())
}

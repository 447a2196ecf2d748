//! The assertion by which a program proves who it is at the token endpoint: `private_key_jwt` (RFC 7523 §3, SMART App Launch
//! 2.2 "Client Authentication: Asymmetric").
//!
//! Not for: which programs there are and which assertions they have used (`register`).

use jsonwebtoken::Algorithm;
use serde_json::Value;

use super::TokenError;
use super::claims::{SKEW_S, seconds, texts};
use super::jwks::{Key, KeySet, algorithm};
use super::jwks_source::KeySource;
use super::token_form::parts;

/// How far ahead the end of an assertion may lie, in seconds.
const AHEAD_MAX_S: u64 = 300;
/// Longest `jti`, in bytes.
const ID_BYTES_MAX: usize = 255;

/// Where the keys of a program are.
pub trait KeysOfClient {
    fn key(&self, kid: &str) -> Result<Key, TokenError>;
}

impl KeysOfClient for KeySet {
    fn key(&self, kid: &str) -> Result<Key, TokenError> {
        self.get(kid).cloned().ok_or(TokenError::UnknownKey)
    }
}

impl KeysOfClient for KeySource {
    fn key(&self, kid: &str) -> Result<Key, TokenError> {
        KeySource::key(self, kid)
    }
}

/// An assertion that was found good; it is still to be used up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Assertion {
    pub id: String,
    /// Unix seconds.
    pub expires: u64,
}

/// The client that an assertion claims to be of, unproven.
///
/// # Errors
/// `Form`, `Header` or `Claims` for what is no assertion.
pub fn client_claimed(assertion: &str) -> Result<String, TokenError> {
    let claims = parts(assertion)?.claims;
    match (claims.get("iss").and_then(Value::as_str), claims.get("sub").and_then(Value::as_str)) {
        (Some(iss), Some(sub)) if iss == sub && !sub.is_empty() => Ok(sub.to_string()),
        _ => Err(TokenError::Claims),
    }
}

/// Proves that `client` made the assertion for this token endpoint, lately.
///
/// # Errors
/// Why it is void, for the audit entry only.
pub fn check_assertion(assertion: &str, client: &str, endpoint: &str, keys: &dyn KeysOfClient) -> Result<Assertion, TokenError> {
    check_at(assertion, client, endpoint, keys, jsonwebtoken::get_current_timestamp())
}

fn check_at(assertion: &str, client: &str, endpoint: &str, keys: &dyn KeysOfClient, now: u64) -> Result<Assertion, TokenError> {
    let token = parts(assertion)?;
    if token.typ.as_deref().is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT")) {
        return Err(TokenError::Type);
    }
    let algorithm = algorithm(&token.alg)
        .filter(|named| matches!(named, Algorithm::RS384 | Algorithm::ES384))
        .ok_or(TokenError::Algorithm)?;
    keys.key(token.kid.as_deref().ok_or(TokenError::KeyName)?)?.verify(&token, algorithm)?;
    let claims = &token.claims;
    if ["iss", "sub"].iter().any(|name| claims.get(*name).and_then(Value::as_str) != Some(client)) {
        return Err(TokenError::Issuer);
    }
    if !texts(claims.get("aud")).is_some_and(|names| names.contains(&endpoint)) {
        return Err(TokenError::Audience);
    }
    let expires = seconds(claims, "exp")?.ok_or(TokenError::Time)?;
    let latest = now.saturating_add(SKEW_S);
    let early = |name: &str| seconds(claims, name).map(|time| time.is_some_and(|time| time > latest));
    let is_now = now < expires.saturating_add(SKEW_S) && expires <= latest.saturating_add(AHEAD_MAX_S);
    if !is_now || early("nbf")? || early("iat")? {
        return Err(TokenError::Time);
    }
    let id = claims.get("jti").and_then(Value::as_str).filter(|id| (1..=ID_BYTES_MAX).contains(&id.len()));
    Ok(Assertion { id: id.ok_or(TokenError::Claims)?.to_string(), expires })
}

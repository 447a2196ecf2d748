//! Bearer tokens of the archive itself: JWT (RFC 7519) in the access-token profile (RFC 9068), signed with Ed25519.
//!
//! Not for: tokens of outside identity providers (`issuer`), revocation (`register`), or HTTP headers beyond the one value.
//!
//! The archive reads only what it writes: any header or claim that it never issues makes a token void. So there is no
//! `jku` to follow, no `crit` to honour and no second spelling of anything.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::signing::{KeyPurpose, KeyRing, Signer};

use super::issuer_claims::{Accepted, LaunchPatient};
use super::scopes::{Holder, Scopes};
use super::token_backend::install_backend;
use super::token_error::TokenError;
use super::token_form::TOKEN_BYTES_MAX;
use super::{Principal, Purpose, Role};

/// Clock skew that is forgiven, in seconds.
const LEEWAY_S: u64 = 60;
/// Longest life of a token, in seconds.
const LIFETIME_MAX_S: u64 = 24 * 3600;
/// The media type of an access token (RFC 9068 §2.1).
const TOKEN_TYPE: &str = "at+jwt";
/// The one algorithm (RFC 8037 §3.1).
const ALGORITHM: &str = "EdDSA";

/// The name of an archive as issuer and audience of its tokens: `urn:chartkeep:` and 32 hex digits that stand for its
/// first token key, which never changes.
///
/// # Errors
/// `NoKey` when the ring has none.
pub fn archive_urn(ring: &KeyRing) -> Result<String, TokenError> {
    let keys = ring.verifiers(KeyPurpose::Token);
    let first = keys.first().ok_or(TokenError::NoKey)?;
    let digest = Sha256::digest(first.public_key());
    Ok(digest[..16].iter().fold(String::from("urn:chartkeep:"), |urn, byte| format!("{urn}{byte:02x}")))
}

/// What a token is issued for.
#[derive(Clone, Debug)]
pub struct Grant {
    pub subject: String,
    pub name: String,
    pub role: Role,
    pub purpose: Purpose,
    /// At most 24 hours; whole seconds.
    pub lifetime: Duration,
    /// The client that it is issued to, when it is one and not a person who holds it himself.
    pub client_id: Option<String>,
    /// SMART scopes; `None`: the role alone rules.
    pub scopes: Option<String>,
    /// The patient of whom `patient/` scopes speak, by his key in the archive.
    pub patient: Option<String>,
}

/// A fresh token with what its audit entry needs.
pub struct IssuedToken {
    /// The token itself: a secret, for its holder alone.
    pub text: String,
    /// Its `jti`.
    pub id: String,
    /// Unix seconds.
    pub expires: u64,
}

impl fmt::Debug for IssuedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedToken").field("id", &self.id).field("expires", &self.expires).finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StrictHeader {
    typ: String,
    alg: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    iss: String,
    aud: Audience,
    sub: String,
    name: String,
    roles: Vec<String>,
    purpose: String,
    iat: u64,
    nbf: u64,
    exp: u64,
    jti: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    patient: Option<String>,
}

/// RFC 7519 §4.1.3: one string or an array of strings.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn names(&self, urn: &str) -> bool {
        match self {
            Audience::One(one) => one == urn,
            Audience::Several(several) => several.iter().any(|one| one == urn),
        }
    }
}

/// A token of the archive named `urn`, signed with its token key.
///
/// # Errors
/// `Lifetime` outside 1 s to 24 h.
pub fn issue_token(urn: &str, signer: &dyn Signer, grant: &Grant) -> Result<IssuedToken, TokenError> {
    issue_at(urn, signer, grant, jsonwebtoken::get_current_timestamp())
}

fn issue_at(urn: &str, signer: &dyn Signer, grant: &Grant, now: u64) -> Result<IssuedToken, TokenError> {
    let lifetime = grant.lifetime.as_secs();
    if !(1..=LIFETIME_MAX_S).contains(&lifetime) {
        return Err(TokenError::Lifetime);
    }
    let header = StrictHeader { typ: TOKEN_TYPE.into(), alg: ALGORITHM.into() };
    let claims = Claims {
        iss: urn.into(),
        aud: Audience::One(urn.into()),
        sub: grant.subject.clone(),
        name: grant.name.clone(),
        roles: vec![grant.role.name().into()],
        purpose: grant.purpose.code().into(),
        iat: now,
        nbf: now,
        exp: now + lifetime,
        jti: uuid::Uuid::now_v7().to_string(),
        client_id: grant.client_id.clone(),
        scope: grant.scopes.clone(),
        patient: grant.patient.clone(),
    };
    // RFC 7515 §5.1. The key signs behind `Signer`, where the JWT library could not reach one that is held in hardware.
    let message = format!("{}.{}", segment(&header)?, segment(&claims)?);
    let signature = signer.sign(message.as_bytes());
    let text = format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature));
    if text.len() > TOKEN_BYTES_MAX {
        return Err(TokenError::Form);
    }
    Ok(IssuedToken { text, id: claims.jti, expires: claims.exp })
}

fn segment(value: &impl Serialize) -> Result<String, TokenError> {
    serde_json::to_vec(value).map(|json| URL_SAFE_NO_PAD.encode(json)).map_err(|_| TokenError::Form)
}

/// Checks tokens that this archive has issued.
#[derive(Clone)]
pub struct TokenVerifier {
    urn: String,
    keys: Vec<DecodingKey>,
    validation: Validation,
}

impl fmt::Debug for TokenVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenVerifier").field("urn", &self.urn).finish_non_exhaustive()
    }
}

impl TokenVerifier {
    /// For the tokens of the archive whose key ring this is: signed by the token key in force, or by one that was
    /// within the longest life of a token.
    ///
    /// # Errors
    /// `NoKey` when the ring has no token key.
    pub fn of_archive(ring: &KeyRing) -> Result<TokenVerifier, TokenError> {
        let oldest = jiff::Timestamp::now().as_second() - LIFETIME_MAX_S as i64;
        let keys: Vec<[u8; 32]> = ring
            .entries()
            .iter()
            .filter(|entry| entry.purpose == KeyPurpose::Token && entry.to.is_none_or(|to| to.as_second() > oldest))
            .map(|entry| entry.key.public_key())
            .collect();
        Ok(TokenVerifier::new(&archive_urn(ring)?, &keys))
    }

    /// `urn` is issuer and audience; the keys are raw Ed25519 public keys (RFC 8032 §5.1.5).
    fn new(urn: &str, public_keys: &[[u8; 32]]) -> TokenVerifier {
        install_backend();
        // The algorithm is the key's, never the header's.
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[urn]);
        validation.set_audience(&[urn]);
        validation.set_required_spec_claims(&["iss", "aud", "sub"]);
        // Times are checked in `check_times`: the library reads numbers as "any" value, and with serde_json's
        // `arbitrary_precision`, which the records need, it would take every number for malformed.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let keys = public_keys.iter().map(|key| DecodingKey::from_ed_der(key)).collect();
        TokenVerifier { urn: urn.into(), keys, validation }
    }

    /// The principal that a token speaks for; its `jti` is the principal's `token_id`, to be held against the revoked
    /// ones by the caller. Order of checks: spec access.md §2.
    ///
    /// # Errors
    /// Why the token is void, for the audit entry only.
    pub fn verify(&self, token: &str) -> Result<Principal, TokenError> {
        Ok(self.accept(token)?.principal)
    }

    /// As `verify`, with what the token says beside the principal.
    pub(super) fn accept(&self, token: &str) -> Result<Accepted, TokenError> {
        self.verify_at(token, jsonwebtoken::get_current_timestamp())
    }

    /// The archive's name as issuer and audience.
    pub fn urn(&self) -> &str {
        &self.urn
    }

    fn verify_at(&self, token: &str, now: u64) -> Result<Accepted, TokenError> {
        let (header, payload) = parts(token)?;
        let header: StrictHeader = serde_json::from_slice(&header).map_err(|_| TokenError::Header)?;
        if header.alg != ALGORITHM || header.typ != TOKEN_TYPE {
            return Err(TokenError::Header);
        }
        let checks = |key| jsonwebtoken::decode::<serde::de::IgnoredAny>(token, key, &self.validation).is_ok();
        if !self.keys.iter().any(checks) {
            return Err(TokenError::Signature);
        }
        // Serde refuses a claim that is unknown, missing, of another type, or there twice.
        let claims: Claims = serde_json::from_slice(&payload).map_err(|_| TokenError::Claims)?;
        if claims.iss != self.urn || !claims.aud.names(&self.urn) {
            return Err(TokenError::Signature);
        }
        check_times(&claims, now)?;
        accepted(claims)
    }
}

/// Header and payload, decoded; the signature must be base64url too, though only the library reads it.
fn parts(token: &str) -> Result<(Vec<u8>, Vec<u8>), TokenError> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(TokenError::Form);
    }
    let segments: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = segments[..] else { return Err(TokenError::Form) };
    let decode = |segment: &str| URL_SAFE_NO_PAD.decode(segment).map_err(|_| TokenError::Form);
    if decode(signature)?.len() != 64 {
        return Err(TokenError::Form);
    }
    Ok((decode(header)?, decode(payload)?))
}

fn check_times(claims: &Claims, now: u64) -> Result<(), TokenError> {
    // RFC 7519 §4.1.4: "on or after" the time in `exp` a token must not be accepted.
    let expired = now >= claims.exp.saturating_add(LEEWAY_S);
    let latest = now.saturating_add(LEEWAY_S);
    let too_early = claims.nbf > latest || claims.iat > latest;
    let odd = claims.exp <= claims.iat || claims.exp - claims.iat > LIFETIME_MAX_S;
    if expired || too_early || odd { Err(TokenError::Time) } else { Ok(()) }
}

fn accepted(claims: Claims) -> Result<Accepted, TokenError> {
    let [role] = &claims.roles[..] else { return Err(TokenError::Claims) };
    let role = Role::from_name(role).ok_or(TokenError::Claims)?;
    let purpose = Purpose::from_code(&claims.purpose).ok_or(TokenError::Claims)?;
    if claims.sub.is_empty() || claims.jti.is_empty() {
        return Err(TokenError::Claims);
    }
    let mut principal = Principal::without_credentials(&claims.iss, &claims.sub, &claims.name, role, purpose);
    principal.token_id = Some(claims.jti);
    let holder = if claims.client_id.as_ref() == Some(&claims.sub) { Holder::Client } else { Holder::Person };
    principal.scopes = claims.scope.map(|text| Arc::new(Scopes::parse(&text).held_by(holder)));
    principal.client_id = claims.client_id;
    let patient = claims.patient.map(LaunchPatient::Own);
    Ok(Accepted { principal, patient, issued: claims.iat, expires: claims.exp })
}

/// The token in the value of an `Authorization` header (RFC 6750 §2.1); `None` for any other scheme or form.
pub fn bearer_token(header_value: &str) -> Option<&str> {
    let (scheme, token) = header_value.split_once(' ')?;
    let ok = scheme.eq_ignore_ascii_case("Bearer") && !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic());
    ok.then_some(token)
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;

//! Asking an issuer whether a token of its own stands, and whose it is (RFC 7662): for tokens that say nothing themselves,
//! and for signed ones that the issuer may have taken back since.
//!
//! Not for: the archive's own introspection endpoint (`server::oauth`), or what the claims make of a person
//! (`issuer_claims`). The endpoint stands in the configuration; no token and no answer names one.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::config::Issuer;
use crate::limits::{INTROSPECTION_ANSWER_MAX, INTROSPECTIONS_AT_ONCE, INTROSPECTIONS_KEPT};
use crate::outbound::{Caller, is_allowed};

use super::TokenError;
use super::claims::{LIFETIME_MAX_S, SKEW_S, seconds, texts};
use super::client_proof::{Credentials, form_urlencoded};
use super::token_form::{TOKEN_BYTES_MAX, object};

/// How long an answer is believed; never longer than the token lives (spec access.md §2 step 10).
const BELIEVED_FOR: Duration = Duration::from_secs(60);
/// How long an endpoint that could not be reached is not tried again.
const AWAY_FOR: Duration = Duration::from_secs(2);

/// The endpoint of one issuer, and what it lately answered.
#[derive(Debug)]
pub(super) struct Introspection {
    url: String,
    client_id: String,
    credentials: Credentials,
    caller: Caller,
    known: Mutex<HashMap<[u8; 32], Known>>,
    asking: AtomicUsize,
    away_since: Mutex<Option<Instant>>,
}

/// What was answered about one token.
#[derive(Clone, Debug)]
struct Known {
    asked: Instant,
    /// Unix seconds at which the token itself ends.
    ends: u64,
    /// `None`: it does not stand.
    claims: Option<Arc<Map<String, Value>>>,
}

impl Known {
    fn holds(&self, now: u64) -> bool {
        self.asked.elapsed() < BELIEVED_FOR && now < self.ends
    }
}

/// One question on its way; the count goes down when it ends, however it ends.
struct Asking<'a>(&'a AtomicUsize);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Introspection {
    /// `None` for an issuer whose row names no endpoint.
    ///
    /// # Errors
    /// What is missing in the row.
    pub fn of(row: &Issuer, caller: &Caller) -> Result<Option<Introspection>, String> {
        let Some(url) = &row.introspection_url else {
            return if row.opaque_tokens { Err("opaque_tokens needs introspection_url".into()) } else { Ok(None) };
        };
        if !is_allowed(url) {
            return Err("introspection_url is neither https nor an address of this machine".into());
        }
        let client_id = row.client_id.clone().ok_or("introspection_url needs client_id")?;
        Ok(Some(Introspection {
            url: url.clone(),
            client_id,
            credentials: Credentials::of(row)?,
            caller: caller.clone(),
            known: Mutex::default(),
            asking: AtomicUsize::new(0),
            away_since: Mutex::default(),
        }))
    }

    /// Whether an answer about the token is at hand, so that nothing goes out for it.
    pub fn knows(&self, token: &str, now: u64) -> bool {
        self.lately(&digest(token), now).is_some()
    }

    /// What the issuer says of a token that stands. May wait for its answer.
    ///
    /// # Errors
    /// `Inactive` when it does not stand, `Unavailable` when the issuer gives no answer that can be used: nothing is taken
    /// on trust meanwhile.
    pub fn claims(&self, token: &str, now: u64) -> Result<Arc<Map<String, Value>>, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::Form);
        }
        let name = digest(token);
        if let Some(known) = self.lately(&name, now) {
            return known.claims.ok_or(TokenError::Inactive);
        }
        let asked = Instant::now();
        let answer = self.ask(token)?;
        let stands = match answer.get("active") {
            Some(Value::Bool(stands)) => *stands,
            _ => return Err(TokenError::Unavailable),
        };
        let claims = stands.then(|| Arc::new(answer));
        let ends = claims.as_ref().and_then(|claims| seconds(claims, "exp").ok().flatten()).unwrap_or(u64::MAX);
        self.remember(name, Known { asked, ends, claims: claims.clone() }, now);
        claims.ok_or(TokenError::Inactive)
    }

    fn lately(&self, name: &[u8; 32], now: u64) -> Option<Known> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(name).filter(|known| known.holds(now)).cloned()
    }

    fn remember(&self, name: [u8; 32], answer: Known, now: u64) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= INTROSPECTIONS_KEPT {
            known.retain(|_, other| other.holds(now) && other.claims.is_some());
        }
        if known.len() < INTROSPECTIONS_KEPT {
            known.insert(name, answer);
        }
    }

    /// One question. Only so many are on their way at once, and none to an endpoint that just could not be reached.
    fn ask(&self, token: &str) -> Result<Map<String, Value>, TokenError> {
        let away = || self.away_since.lock().unwrap_or_else(PoisonError::into_inner);
        if away().is_some_and(|since| since.elapsed() < AWAY_FOR) {
            return Err(TokenError::Unavailable);
        }
        let before = self.asking.fetch_add(1, Ordering::AcqRel);
        let _asking = Asking(&self.asking);
        if before >= INTROSPECTIONS_AT_ONCE {
            return Err(TokenError::Unavailable);
        }
        let proof = self.credentials.prove(&self.client_id, &self.url, &[]).ok_or(TokenError::Unavailable)?;
        let mut pairs = vec![("token", token), ("token_type_hint", "access_token")];
        pairs.extend(proof.parameters.iter().map(|(name, value)| (*name, value.as_str())));
        let body = zeroize::Zeroizing::new(form_urlencoded(&pairs));
        let mut headers = vec![("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json")];
        headers.extend(proof.authorization.as_deref().map(|value| ("authorization", value.as_str())));
        let reply = self.caller.post(&self.url, &headers, body.as_bytes(), INTROSPECTION_ANSWER_MAX).map_err(|error| {
            tracing::warn!(%error, "a token could not be asked about");
            *away() = Some(Instant::now());
            TokenError::Unavailable
        })?;
        if reply.status != 200 {
            tracing::warn!(status = reply.status, "an issuer does not answer about a token");
            return Err(TokenError::Unavailable);
        }
        object(&reply.body).ok_or(TokenError::Unavailable)
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// Checks what an issuer says of a token that says nothing itself: that it is the issuer's own, for this archive, for now,
/// and not bound to a key that its holder would have to prove.
pub(super) fn check(claims: &Map<String, Value>, iss: &str, audience: &[String], now: u64) -> Result<(), TokenError> {
    if claims.get("iss").is_some_and(|said| said.as_str() != Some(iss)) {
        return Err(TokenError::Issuer);
    }
    let is_bearer = |kind: &Value| kind.as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"));
    if !claims.get("token_type").is_none_or(is_bearer) {
        return Err(TokenError::Type);
    }
    // RFC 7662 §2.2 leaves the audience out where it likes; without it anyone's token would do.
    let names = texts(claims.get("aud")).ok_or(TokenError::Audience)?;
    if !names.iter().any(|name| audience.iter().any(|own| own == name)) {
        return Err(TokenError::Audience);
    }
    if claims.contains_key("cnf") {
        return Err(TokenError::Confirmation);
    }
    let ends = seconds(claims, "exp")?.ok_or(TokenError::Time)?;
    let begins = [seconds(claims, "iat")?, seconds(claims, "nbf")?];
    let is_early = begins.into_iter().flatten().any(|begins| begins > now.saturating_add(SKEW_S));
    let lives_too_long = ends.saturating_sub(begins[0].unwrap_or(now)) > LIFETIME_MAX_S;
    if now >= ends || is_early || lives_too_long { Err(TokenError::Time) } else { Ok(()) }
}

/// Checks that an answer about a signed token is not about another one.
pub(super) fn agrees(answer: &Map<String, Value>, signed: &Map<String, Value>) -> Result<(), TokenError> {
    let differs = |name: &str| answer.get(name).is_some_and(|said| Some(said) != signed.get(name));
    if ["iss", "sub", "jti"].into_iter().any(differs) { Err(TokenError::Claims) } else { Ok(()) }
}

#[cfg(test)]
#[path = "introspection_tests.rs"]
mod tests;

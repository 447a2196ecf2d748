//! The table of outside issuers and the verification of their tokens, in the order of spec access.md §2. No issuer is
//! learned while running, and no token names an address that is asked.
//!
//! Not for: what the claims make of a person (`issuer_claims`), the archive's own tokens (`token`), revocation (`register`).

use std::collections::BTreeMap;
use std::sync::Arc;

use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};

use crate::config::{AccessConfig, Issuer, IssuerUse};
use crate::outbound::{Caller, OutboundError};

use super::claims::{LIFETIME_MAX_S, SKEW_S, seconds, texts};
use super::introspection::{self, Introspection};
use super::issuer_claims::{self, Accepted};
use super::jwks::{Key, algorithm};
use super::jwks_source::{KeySource, Place};
use super::token_form::{Parts, parts};
use super::{Role, TokenError};

/// Why the issuer table cannot be used; `serve` does not start then.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    #[error("access.issuer {iss}: {problem}")]
    Row { iss: String, problem: String },
    #[error("access.issuer {iss}: {source}")]
    Outbound { iss: String, source: OutboundError },
}

/// What a token is, which decides what it must hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TokenKind {
    /// For `/fhir` and `/api` (RFC 9068, or a plain JWT where the row allows it).
    Access,
    /// Of a sign-in (OpenID Connect Core §2): for this archive as client. The nonce is for the caller to compare.
    Id,
    /// Of a sign-out at the issuer (OpenID Connect Back-Channel Logout §2.4).
    Logout,
}

/// One issuer with its keys.
#[derive(Debug)]
pub struct IssuerKeys {
    row: Issuer,
    audience: Vec<String>,
    algorithms: Vec<Algorithm>,
    roles: BTreeMap<String, Role>,
    source: KeySource,
    introspection: Option<Introspection>,
}

/// The issuers of the configuration, by their exact name.
#[derive(Debug, Default)]
pub struct Issuers {
    by_name: BTreeMap<String, Arc<IssuerKeys>>,
}

impl Issuers {
    /// Reads the table and fetches nothing yet.
    ///
    /// # Errors
    /// The row that is not usable, and why.
    pub fn of(config: &AccessConfig) -> Result<Issuers, IssuerError> {
        let resource = config.public_url.as_ref().map(|url| format!("{}/fhir", url.trim_end_matches('/')));
        let mut by_name = BTreeMap::new();
        for row in &config.issuer {
            let keys = IssuerKeys::of(row, resource.as_deref())?;
            if by_name.insert(row.iss.clone(), Arc::new(keys)).is_some() {
                return Err(IssuerError::Row { iss: row.iss.clone(), problem: "stands twice".into() });
            }
        }
        let mut opaque = config.issuer.iter().filter(|row| row.opaque_tokens);
        if let (Some(_), Some(second)) = (opaque.next(), opaque.next()) {
            return Err(IssuerError::Row { iss: second.iss.clone(), problem: "is the second with opaque_tokens".into() });
        }
        Ok(Issuers { by_name })
    }

    /// The issuer whose tokens need not be signed ones.
    pub(super) fn of_opaque(&self) -> Option<(&IssuerKeys, &Introspection)> {
        let issuer = self.all().find(|issuer| issuer.row.opaque_tokens && issuer.serves(IssuerUse::Resource))?;
        Some((issuer, issuer.introspection.as_ref()?))
    }

    /// Whether a token that is not signed has to be asked about first.
    pub(super) fn would_ask(&self, token: &str, now: u64) -> bool {
        self.of_opaque().is_some_and(|(_, introspection)| !introspection.knows(token, now))
    }

    /// What an issuer says of an access token that is not signed. May wait for its answer.
    ///
    /// # Errors
    /// Why the token is void, for the audit entry only.
    pub(super) fn accept_opaque(&self, token: &str, now: u64) -> Result<Accepted, TokenError> {
        let (issuer, introspection) = self.of_opaque().ok_or(TokenError::Form)?;
        let claims = introspection.claims(token, now)?;
        introspection::check(&claims, &issuer.row.iss, &issuer.audience, now)?;
        issuer_claims::accept(&issuer.row, &issuer.roles, &claims)
    }

    /// The issuer of exactly this name.
    pub fn find(&self, iss: &str) -> Option<&Arc<IssuerKeys>> {
        self.by_name.get(iss)
    }

    pub fn all(&self) -> impl Iterator<Item = &Arc<IssuerKeys>> {
        self.by_name.values()
    }

    /// What an access token says, proven. May wait for one answer of the issuer.
    ///
    /// # Errors
    /// Why the token is void, for the audit entry only.
    pub(super) fn accept(&self, text: &str, token: &Parts<'_>, now: u64) -> Result<Accepted, TokenError> {
        let iss = token.claims.get("iss").and_then(Value::as_str).ok_or(TokenError::Issuer)?;
        let issuer = self.find(iss).filter(|issuer| issuer.serves(IssuerUse::Resource)).ok_or(TokenError::Issuer)?;
        issuer.check(token, TokenKind::Access, now)?;
        if let Some(introspection) = &issuer.introspection {
            introspection::agrees(&*introspection.claims(text, now)?, &token.claims)?;
        }
        issuer_claims::accept(&issuer.row, &issuer.roles, &token.claims)
    }
}

impl IssuerKeys {
    fn of(row: &Issuer, resource: Option<&str>) -> Result<IssuerKeys, IssuerError> {
        let wrong = |problem: String| IssuerError::Row { iss: row.iss.clone(), problem };
        let algorithms: Vec<Algorithm> = row
            .algorithms
            .iter()
            .map(|name| algorithm(name).ok_or_else(|| wrong(format!("{name} is no algorithm that is taken"))))
            .collect::<Result<_, _>>()?;
        let roles = row
            .roles
            .iter()
            .map(|(value, role)| Some((value.clone(), Role::from_name(role)?)))
            .collect::<Option<_>>()
            .ok_or_else(|| wrong("roles leads to a role that does not exist".into()))?;
        let place = match (&row.jwks_file, &row.jwks_url) {
            (Some(_), Some(_)) => return Err(wrong("has jwks_file and jwks_url; keep one".into())),
            (Some(file), None) => Place::File(file.clone()),
            (None, Some(url)) => Place::Url(url.clone()),
            (None, None) => Place::Discovery(row.iss.clone()),
        };
        let audience =
            if row.audience.is_empty() { resource.map(str::to_string).into_iter().collect() } else { row.audience.clone() };
        if audience.is_empty() && row.uses.contains(&IssuerUse::Resource) {
            return Err(wrong("has no audience".into()));
        }
        let caller =
            Caller::new(row.ca_file.as_deref()).map_err(|source| IssuerError::Outbound { iss: row.iss.clone(), source })?;
        let introspection = Introspection::of(row, &caller).map_err(wrong)?;
        let source = KeySource::new(place, caller);
        Ok(IssuerKeys { row: row.clone(), audience, algorithms, roles, source, introspection })
    }

    pub fn row(&self) -> &Issuer {
        &self.row
    }

    pub fn serves(&self, wanted: IssuerUse) -> bool {
        self.row.uses.contains(&wanted)
    }

    /// What the values of the roles claim mean here.
    pub fn roles(&self) -> &BTreeMap<String, Role> {
        &self.roles
    }

    /// The issuer's discovery document, when its keys are found by it and it answers.
    pub fn discovery(&self) -> Option<Arc<Map<String, Value>>> {
        self.source.discovery()
    }

    /// The claims of a token of this issuer, with signature, issuer, audience and times checked. May wait for one answer
    /// of the issuer: call it where blocking is allowed.
    ///
    /// # Errors
    /// Why the token is void, for the audit entry only; `Unavailable` when the issuer's keys cannot be had.
    pub fn verify(&self, token: &str, kind: TokenKind) -> Result<Map<String, Value>, TokenError> {
        let token = parts(token)?;
        self.check(&token, kind, jsonwebtoken::get_current_timestamp())?;
        Ok(token.claims)
    }

    /// Steps 2 to 9 and 11, for a token whose `iss` led here.
    pub(super) fn check(&self, token: &Parts<'_>, kind: TokenKind, now: u64) -> Result<(), TokenError> {
        if !self.takes_type(token.typ.as_deref(), kind) {
            return Err(TokenError::Type);
        }
        let claims = &token.claims;
        let is_own = |claims: &Map<String, Value>| claims.get("iss").and_then(Value::as_str) == Some(self.row.iss.as_str());
        if !is_own(claims) {
            return Err(TokenError::Issuer);
        }
        let algorithm = algorithm(&token.alg).filter(|named| self.allows(*named)).ok_or(TokenError::Algorithm)?;
        let kid = token.kid.as_deref().ok_or(TokenError::KeyName)?;
        let key: Key = self.source.key(kid)?;
        key.verify(token, algorithm)?;
        check_times(claims, kind, now)?;
        self.check_audience(claims, kind)?;
        check_nature(claims, kind)
    }

    /// Without a list, what the keys themselves can do; that is asymmetric in any case.
    fn allows(&self, algorithm: Algorithm) -> bool {
        self.algorithms.is_empty() || self.algorithms.contains(&algorithm)
    }

    fn takes_type(&self, typ: Option<&str>, kind: TokenKind) -> bool {
        let is = |name: &str| typ.is_some_and(|typ| typ.eq_ignore_ascii_case(name));
        let is_plain = typ.is_none() || is("JWT");
        match kind {
            TokenKind::Access => is("at+jwt") || is("application/at+jwt") || self.row.allow_untyped && is_plain,
            TokenKind::Id => is_plain,
            TokenKind::Logout => is("logout+jwt") || is_plain,
        }
    }

    /// An audience is compared whole: no prefix of it, and no slash more or less.
    fn check_audience(&self, claims: &Map<String, Value>, kind: TokenKind) -> Result<(), TokenError> {
        let names = texts(claims.get("aud")).filter(|names| !names.is_empty()).ok_or(TokenError::Audience)?;
        let named = match (kind, &self.row.client_id) {
            (TokenKind::Access, _) => names.iter().any(|name| self.audience.iter().any(|own| own == name)),
            (_, Some(client)) => names.contains(&client.as_str()),
            (_, None) => false,
        };
        // OpenID Connect Core §3.1.3.7: a token for several parties names the one that asked for it.
        let party = claims.get("azp").map(|party| party.as_str() == self.row.client_id.as_deref());
        let is_ours = kind == TokenKind::Access || party.unwrap_or(names.len() == 1);
        if named && is_ours { Ok(()) } else { Err(TokenError::Audience) }
    }
}

fn check_times(claims: &Map<String, Value>, kind: TokenKind, now: u64) -> Result<(), TokenError> {
    let issued = seconds(claims, "iat")?.ok_or(TokenError::Time)?;
    let before = seconds(claims, "nbf")?;
    // A logout token may be without an end; it is of use only while it is fresh.
    let expires = match (seconds(claims, "exp")?, kind) {
        (Some(expires), _) => expires,
        (None, TokenKind::Logout) => issued.saturating_add(2 * SKEW_S),
        (None, _) => return Err(TokenError::Time),
    };
    // RFC 7519 §4.1.4: "on or after" the time in `exp` a token must not be accepted.
    let expired = now >= expires.saturating_add(SKEW_S);
    let latest = now.saturating_add(SKEW_S);
    let too_early = issued > latest || before.is_some_and(|before| before > latest);
    let odd = expires <= issued || expires - issued > LIFETIME_MAX_S;
    if expired || too_early || odd { Err(TokenError::Time) } else { Ok(()) }
}

/// Refuses one kind of token in the place of another, and one that is bound to a key of its holder: neither mutual TLS nor
/// DPoP is offered here, so nobody could prove that he holds it.
fn check_nature(claims: &Map<String, Value>, kind: TokenKind) -> Result<(), TokenError> {
    let has = |name: &str| claims.contains_key(name);
    match kind {
        TokenKind::Access => {
            let of_sign_in = ["nonce", "at_hash", "c_hash"].into_iter().any(has) && !has("scope") && !has("scp");
            // Keycloak says in the claims what a token is.
            let says_so = claims.get("typ").and_then(Value::as_str).is_some_and(|typ| typ != "Bearer");
            if of_sign_in || says_so || has("events") {
                return Err(TokenError::Type);
            }
            if has("cnf") { Err(TokenError::Confirmation) } else { Ok(()) }
        }
        TokenKind::Id => {
            if has("events") {
                Err(TokenError::Type)
            } else {
                Ok(())
            }
        }
        TokenKind::Logout => {
            let event = "http://schemas.openid.net/event/backchannel-logout";
            let is_logout = claims.get("events").and_then(|events| events.get(event)).is_some();
            if is_logout && !has("nonce") { Ok(()) } else { Err(TokenError::Type) }
        }
    }
}

#[cfg(test)]
#[path = "issuer_tests.rs"]
mod tests;

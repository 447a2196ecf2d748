//! Any bearer token: of the archive itself, or of an outside issuer of the configuration.
//!
//! Not for: revocation and disabled clients (`register`), or whom a launch's patient is (`query`).

use std::sync::Arc;

use serde_json::Value;

use super::TokenError;
use super::issuer::Issuers;
use super::issuer_claims::Accepted;
use super::token::TokenVerifier;
use super::token_form::parts;

/// All whose tokens are taken. One per process.
#[derive(Clone, Debug)]
pub struct Tokens {
    own: TokenVerifier,
    issuers: Arc<Issuers>,
}

impl Tokens {
    pub fn new(own: TokenVerifier, issuers: Arc<Issuers>) -> Tokens {
        Tokens { own, issuers }
    }

    /// What a token says, proven. May wait for one answer of its issuer: call it where blocking is allowed.
    ///
    /// # Errors
    /// Why the token is void, for the audit entry only; `Unavailable` when its issuer's keys cannot be had.
    pub fn accept(&self, token: &str) -> Result<Accepted, TokenError> {
        let read = parts(token)?;
        if read.claims.get("iss").and_then(Value::as_str) == Some(self.own.urn()) {
            return self.own.accept(token);
        }
        self.issuers.accept(&read, jsonwebtoken::get_current_timestamp())
    }

    /// Whether a principal's token is the archive's own.
    pub fn is_own(&self, issuer: &str) -> bool {
        issuer == self.own.urn()
    }
}

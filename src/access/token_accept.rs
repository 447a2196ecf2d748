//! Any bearer token: of the archive itself, or of an outside issuer of the configuration.
//!
//! Not for: revocation and disabled clients (`register`), or whom a launch's patient is (`query`).

use std::sync::Arc;

use serde_json::Value;

use crate::signing::Signer;

use super::TokenError;
use super::issuer::Issuers;
use super::issuer_claims::Accepted;
use super::token::{Grant, IssuedToken, TokenVerifier, issue_token};
use super::token_form::{is_signed, parts};

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

    /// What a token says, proven, or said by the issuer that was asked about it. May wait for answers of its issuer: call
    /// it where blocking is allowed.
    ///
    /// # Errors
    /// Why the token is void, for the audit entry only; `Unavailable` when its issuer gives no answer.
    pub fn accept(&self, token: &str) -> Result<Accepted, TokenError> {
        let now = jsonwebtoken::get_current_timestamp();
        if !is_signed(token) {
            return self.issuers.accept_opaque(token, now);
        }
        let read = parts(token)?;
        if read.claims.get("iss").and_then(Value::as_str) == Some(self.own.urn()) {
            return self.own.accept(token);
        }
        self.issuers.accept(token, &read, now)
    }

    /// Whether nothing can be said of the token before its issuer has been asked, so that whoever guesses tokens can be
    /// held back first.
    pub fn would_ask(&self, token: &str) -> bool {
        !is_signed(token) && self.issuers.would_ask(token, jsonwebtoken::get_current_timestamp())
    }

    /// The same for a token of the archive itself; those of others are void.
    ///
    /// # Errors
    /// Why the token is void.
    pub fn accept_own(&self, token: &str) -> Result<Accepted, TokenError> {
        self.own.accept(token)
    }

    /// A token of the archive itself.
    ///
    /// # Errors
    /// `Lifetime` outside 1 s to 24 h; `Form` when it would be too long.
    pub fn issue(&self, signer: &dyn Signer, grant: &Grant) -> Result<IssuedToken, TokenError> {
        issue_token(self.own.urn(), signer, grant)
    }

    /// The archive's name as issuer.
    pub fn urn(&self) -> &str {
        self.own.urn()
    }

    /// Whether a principal's token is the archive's own.
    pub fn is_own(&self, issuer: &str) -> bool {
        issuer == self.own.urn()
    }
}

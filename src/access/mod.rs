//! The gate: principals, policy, permits. Every record that leaves the archive passes here.
//!
//! Not for: reading records (`query`), HTTP (`server`), or account storage (`register`).

mod claims;
mod client_proof;
mod entry;
mod gate;
mod introspection;
mod issuer;
mod issuer_claims;
mod jwks;
mod jwks_source;
mod permit;
mod policy;
mod principal;
mod reach;
mod request;
mod scopes;
mod token;
mod token_accept;
mod token_assertion;
mod token_backend;
mod token_error;
mod token_form;

#[cfg(test)]
mod gate_tests;
#[cfg(test)]
#[path = "../../tests/support/issuer.rs"]
mod issuer_testing;
#[cfg(test)]
mod tests;

pub use client_proof::{ClientProof, Credentials, form_urlencoded};
pub use entry::entry;
pub use gate::{Gate, Lookup};
pub use issuer::{IssuerError, IssuerKeys, Issuers, TokenKind};
pub use issuer_claims::{Accepted, LaunchPatient, attributes, held_roles};
pub use jwks::{JwksError, KeySet};
pub use jwks_source::{KeySource, Place};
pub use permit::{Audited, GateError, Maintenance, Permit, Public, Shown};
pub use policy::{
    Allowed, CaseOutcome, Cases, CellOutcome, Decision, Denied, DenyReason, Fault, Policy, PolicyError, Question, Right,
    RuleWords, decide,
};
pub use principal::{Attributes, BreakGlassGrant, Channel, Principal, Purpose, Role};
pub use reach::{Filter, Scope, is_directory};
pub use request::RequestContext;
pub use scopes::{Act, Holder, Scopes};
pub use token::{Grant, IssuedToken, TokenVerifier, archive_urn, bearer_token, issue_token};
pub use token_accept::Tokens;
pub use token_assertion::{Assertion, KeysOfClient, check_assertion, client_claimed};
pub use token_backend::{install_backend, token_self_test};
pub use token_error::TokenError;
pub use token_form::{hints, token_id};

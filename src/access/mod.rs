//! The gate: principals, policy, permits. Every record that leaves the archive passes here.
//!
//! Not for: reading records (`query`), HTTP (`server`), or account storage (`register`).

mod entry;
mod gate;
mod permit;
mod policy;
mod principal;
mod scopes;
mod token;

#[cfg(test)]
mod tests;

pub use entry::entry;
pub use gate::{Gate, GateError, Lookup, RequestContext};
pub use permit::{Audited, Filter, Maintenance, Permit, Public, Scope, Shown};
pub use policy::{
    Allowed, CaseOutcome, Cases, Channel, Decision, Denied, DenyReason, Fault, Policy, PolicyError, Question, Right, decide,
};
pub use principal::{Attributes, BreakGlassGrant, Principal, Purpose, Role};
pub use scopes::Scopes;
pub use token::{Grant, IssuedToken, TokenError, TokenVerifier, archive_urn, bearer_token, issue_token, token_self_test};

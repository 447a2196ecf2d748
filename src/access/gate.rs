//! The gate itself: decides, makes permits, logs denials.
//!
//! Not for: what the policy says (`policy`).

use crate::audit::AuditLog;

use super::policy::{Decision, decide};
use super::{Permit, Principal, Scope, entry};

/// Where a request came from, for its audit entry.
#[derive(Clone, Debug, Default)]
pub struct RequestContext {
    /// TCP peer, or the address set by a configured trusted proxy.
    pub ip: Option<String>,
    pub user_agent: Option<String>,
    /// `X-Request-Id`, else generated; echoed in the response.
    pub request_id: String,
    pub method: String,
    /// Path and query exactly as received (no headers).
    pub path: String,
}

/// Why no permit or no answer was given. The texts carry no patient data.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    #[error("not allowed")]
    Denied,
    #[error("the access log cannot be written, so nothing is shown")]
    LogUnavailable,
}

/// Decides who may read what. One per process.
#[derive(Clone, Debug)]
pub struct Gate {
    log: AuditLog,
}

impl Gate {
    pub fn new(log: AuditLog) -> Gate {
        Gate { log }
    }

    pub fn log(&self) -> &AuditLog {
        &self.log
    }

    /// A permit for `scope`, or a denial whose audit entry is already durable. Denials wait for the disk: call it where
    /// blocking is allowed.
    ///
    /// # Errors
    /// `Denied` when the policy refuses; also when the refusal itself could not be logged, since either way nothing leaves.
    pub fn ask(&self, principal: &Principal, scope: Scope, context: RequestContext) -> Result<Permit, GateError> {
        match decide(principal.role, principal.purpose, principal.channel(), &scope) {
            Decision::Allow(filter) => {
                Ok(Permit { scope, filter, principal: principal.clone(), context, log: self.log.clone(), answered: false })
            }
            Decision::Deny(reason) => {
                metrics::counter!("chartkeep_gate_denied_total", "reason" => reason.code()).increment(1);
                if self.log.append(entry::denied(principal, &context, &scope, reason)).is_err() {
                    tracing::error!(reason = reason.code(), "a denial could not be written to the audit log");
                }
                Err(GateError::Denied)
            }
        }
    }
}

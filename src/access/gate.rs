//! The gate itself: decides, makes permits, logs denials.
//!
//! Not for: what a policy says beyond the roles of the spine (the access issue brings policy as data).

use crate::audit::AuditLog;

use super::{Permit, Principal, Scope};

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

    /// A permit for `scope`, or a denial whose audit entry is already durable.
    pub fn ask(&self, principal: &Principal, scope: Scope, context: RequestContext) -> Result<Permit, GateError> {
        let _ = (principal, scope, context);
        Err(GateError::Denied)
    }
}

//! Where a request came from.
//!
//! Not for: reading it from HTTP (`server`).

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
    /// Whether the route applies SMART scopes to each record that it shows, as those of FHIR do. Where none does, a token
    /// whose scopes leave out anything is denied.
    pub applies_scopes: bool,
}

//! Liveness, readiness and metrics. None of them holds patient data: metrics are counted by route template.
//!
//! Not for: business figures.

use std::time::Duration;

use crate::access::Public;

use super::answer::{Answer, ApiError, Body, TEXT};
use super::call::Call;

pub fn live(_: &Call) -> Result<Answer, ApiError> {
    Ok(Public(Body::new(TEXT, "ok\n")).into())
}

/// 503 when the access log cannot be written or the register does not answer: this server can show nothing then.
pub fn ready(call: &Call) -> Result<Answer, ApiError> {
    if !super::events::log_is_well(call) {
        return Err(ApiError::log_unavailable());
    }
    if !call.wait(call.app.register.is_well()) {
        return Err(ApiError::new(503, "register-unavailable", "transient", "The register does not answer."));
    }
    Ok(Public(Body::new(TEXT, "ready\n")).into())
}

pub fn metrics(call: &Call) -> Result<Answer, ApiError> {
    let text = call.app.metrics.as_ref().map_or_else(String::new, crate::telemetry::Metrics::render);
    Ok(Public(Body::new("text/plain; version=0.0.4; charset=utf-8", text)).into())
}

/// Counts one response. `template` is the route's path as the table writes it, never what a client sent.
pub(super) fn count(method: &str, template: &'static str, status: u16, took: Duration) {
    let method = match method {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        _ => "other",
    };
    let status = match status {
        200 => "200",
        304 => "304",
        400 => "400",
        401 => "401",
        403 => "403",
        404 => "404",
        405 => "405",
        503 => "503",
        other => ["1xx", "2xx", "3xx", "4xx", "5xx"].get(usize::from(other / 100).wrapping_sub(1)).copied().unwrap_or("other"),
    };
    metrics::counter!("chartkeep_http_requests_total", "route" => template, "method" => method, "status" => status).increment(1);
    metrics::histogram!("chartkeep_http_request_seconds", "route" => template).record(took.as_secs_f64());
}

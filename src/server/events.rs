//! Audit entries of the server itself: sign-ins, sign-outs, tokens that were refused, changes that people make to their own
//! accounts.
//!
//! Not for: what was read; those entries are made by the permit.

use sha2::{Digest, Sha256};

use crate::access::{Principal, RequestContext, entry, hints};
use crate::audit::{Entry, Outcome};

use super::answer::ApiError;
use super::call::Call;
use super::rate::{Exceeded, address_of};

/// A session began or ended. Waits until the entry is on disk; nobody is signed in unlogged.
pub fn session(call: &Call, event: &'static str, principal: &Principal) -> Result<(), ApiError> {
    write(call, entry(event, principal, &context(call)))
}

/// A change that the signed-in person makes to his own account, or a proof that it is still he. Waits until the entry is on
/// disk. `failed` says why it did not come to it.
pub fn own_account(
    call: &Call,
    event: &'static str,
    failed: Option<&str>,
    detail: Vec<(&'static str, String)>,
) -> Result<(), ApiError> {
    let mut entry = Entry { detail, ..entry(event, call.principal()?, &context(call)) };
    if let Some(why) = failed {
        entry.outcome = Outcome::MinorFailure;
        entry.outcome_desc = Some(why.to_string());
    }
    write(call, entry)
}

/// A sign-in was refused. `reason` is for the log alone.
pub fn login_failed(call: &Call, account: &str, reason: &'static str) -> Result<(), ApiError> {
    call.app.rates.failed(&address_of(call.context.ip.as_deref()));
    let mut entry = entry("auth.login_failed", &Principal::unproven(account), &context(call));
    entry.outcome = Outcome::MinorFailure;
    entry.outcome_desc = Some(reason.to_string());
    write(call, entry)
}

/// A token was refused: why, and what it says of its issuer and key, unproven; the token itself stands there as a hash
/// alone. Not waited for: the answer shows nothing, and a flood of bad tokens must not stall readers.
pub fn token_rejected(call: &Call, reason: &'static str, token: &str) {
    call.app.rates.failed(&address_of(call.context.ip.as_deref()));
    let mut entry = entry("auth.token_rejected", &Principal::unproven(""), &context(call));
    entry.outcome = Outcome::MinorFailure;
    entry.outcome_desc = Some(reason.to_string());
    let (kid, iss) = hints(token);
    entry.detail = [("kid", kid), ("iss", iss), ("token_sha256", Some(sha256(token)))]
        .into_iter()
        .filter_map(|(name, text)| Some((name, text?)))
        .collect();
    entry.policy = Some(call.gate().policy().digest());
    if call.gate().log().enqueue(entry).is_err() {
        tracing::error!(reason, "a refused token could not be written to the access log");
    }
}

/// A token was good and its scopes are too small. Waits until that is on disk, like any denial.
pub fn scope_denied(call: &Call, principal: &Principal) -> Result<(), ApiError> {
    metrics::counter!("chartkeep_gate_denied_total", "reason" => "scope").increment(1);
    let mut entry = entry("authz.denied", principal, &context(call));
    entry.outcome = Outcome::SeriousFailure;
    entry.outcome_desc = Some("request refused: scope".to_string());
    entry.patients = principal.bound_to.iter().cloned().collect();
    write(call, entry)
}

/// In hex.
pub fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold(String::with_capacity(64), |hex, byte| format!("{hex}{byte:02x}"))
}

/// A caller asked too much. Logged once in a while for each, so that a flood of requests is no flood of entries.
pub fn rate_limited(call: &Call, what: &'static str, exceeded: Exceeded) -> ApiError {
    metrics::counter!("chartkeep_rate_limited_total", "what" => what).increment(1);
    if exceeded.is_first {
        let unproven = Principal::unproven("");
        let principal = call.principal().unwrap_or(&unproven);
        let mut entry = entry("auth.rate_limited", principal, &context(call));
        entry.outcome = Outcome::MinorFailure;
        entry.outcome_desc = Some(what.to_string());
        if call.gate().log().enqueue(entry).is_err() {
            tracing::error!(what, "a breach of the limits could not be written to the access log");
        }
    }
    ApiError::too_many(exceeded.retry_after_s)
}

/// A window that is not this session's, or whose patient is open no longer.
pub fn foreign_window(call: &Call, principal: &Principal) -> Result<(), ApiError> {
    let mut entry = entry("authz.denied", principal, &context(call));
    entry.outcome = Outcome::SeriousFailure;
    entry.outcome_desc = Some("stale-context".to_string());
    write(call, entry)
}

/// A form that another site sent, or one that has expired. Not waited for, and bounded for each address: nothing is shown, and
/// whoever lures a browser here must not fill the log.
pub fn form_refused(call: &Call, code: &'static str) {
    if !call.app.rates.may_tell("form", &address_of(call.context.ip.as_deref())) {
        return;
    }
    let unproven = Principal::unproven("");
    let mut entry = entry("authz.denied", call.principal().unwrap_or(&unproven), &context(call));
    entry.outcome = Outcome::SeriousFailure;
    entry.outcome_desc = Some(format!("form refused: {code}"));
    entry.policy = Some(call.gate().policy().digest());
    if call.gate().log().enqueue(entry).is_err() {
        tracing::error!(code, "a refused form could not be written to the access log");
    }
}

/// Whether entries can be written at present.
pub fn log_is_well(call: &Call) -> bool {
    call.gate().log().healthy()
}

/// Writes an entry and waits until it is on disk. It names the policy in force, as the entries of the gate do.
pub fn write(call: &Call, mut entry: Entry) -> Result<(), ApiError> {
    entry.policy.get_or_insert_with(|| call.gate().policy().digest());
    call.gate().log().append(entry).map(|_| ()).map_err(|_| ApiError::log_unavailable())
}

fn context(call: &Call) -> RequestContext {
    call.context.clone()
}

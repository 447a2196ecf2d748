//! Claims as they are read from any issuer's token: texts, times, and the bounds that all times have.
//!
//! Not for: what the claims make of a person (`issuer_claims`), or whether a token is good (`issuer`).

use serde_json::{Map, Value};

use super::token_error::TokenError;

/// Clock skew that is forgiven, in seconds.
pub(super) const SKEW_S: u64 = 60;
/// Longest life of a token, in seconds.
pub(super) const LIFETIME_MAX_S: u64 = 24 * 3600;

/// Strings of a claim that is one string or a list of them; `None` when it is anything else.
pub(super) fn texts(claim: Option<&Value>) -> Option<Vec<&str>> {
    match claim? {
        Value::String(one) => Some(vec![one]),
        Value::Array(several) => several.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

/// Times are whole numbers of seconds; a token that has them otherwise has none (RFC 7519 §2 allows fractions, and nobody
/// who issues for a whole second needs them).
pub(super) fn seconds(claims: &Map<String, Value>, name: &str) -> Result<Option<u64>, TokenError> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::Number(number)) => number.as_u64().map(Some).ok_or(TokenError::Time),
        Some(_) => Err(TokenError::Time),
    }
}

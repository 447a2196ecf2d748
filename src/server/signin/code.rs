//! The authorization code flow with PKCE (OpenID Connect Core §3.1, RFC 7636, RFC 9207): sending a browser away to its
//! provider, and what it brings back.
//!
//! Not for: what the token says of the person (`person`), or the patient of a launch (`launch`).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::access::{Public, TokenError, TokenKind};
use crate::config::IssuerUse;
use crate::register::{Begin, RegisterError, SignInUnderWay};
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::Call;
use crate::server::rate::address_of;
use crate::server::{events, pages};

use super::again;
use super::arrive::{self, cookie};
use super::launch;
use super::person;
use super::provider::{Endpoints, Provider, ProviderError, with_query};
use super::refusal::{Refusal, Stop};

/// Longest parameter of an answer that is looked at, in bytes.
const PARAMETER_MAX: usize = 4 << 10;
/// How long ago a person may have proved at his provider who he is, in seconds: as long as a session lasts. Asking for it
/// makes the provider say when that was (OpenID Connect Core §3.1.2.1).
const SIGNED_IN_WITHIN_S: &str = "43200";
/// How much of `state` stands in the name of its cookie, so that two sign-ins of one browser do not meet.
const TAG: usize = 8;

/// `GET /signin/start?issuer=&next=`: to the provider, when it is one of ours.
pub fn start(call: &Call) -> Result<Answer, ApiError> {
    begin(call).map_or_else(|stop| stop.answer(call), |body| Ok(Public(body).into()))
}

fn begin(call: &Call) -> Result<Body, Stop> {
    may_attempt(call)?;
    let asked = call.query("issuer").unwrap_or("");
    let provider = call.app.elsewhere.provider(asked, IssuerUse::SignIn).ok_or_else(Refusal::unknown_issuer)?;
    let next = pages::sign::safe_next(call.query("next"));
    let mut asked = vec![("scope", "openid profile"), ("max_age", SIGNED_IN_WITHIN_S)];
    if let Some(acr) = &provider.row().min_acr {
        asked.push(("acr_values", acr));
    }
    send_away(call, provider, IssuerUse::SignIn, Purpose::SignIn { next: &next }, &asked)
}

/// What a browser is sent away for.
#[derive(Clone, Copy)]
pub enum Purpose<'a> {
    SignIn {
        next: &'a str,
    },
    Launch,
    /// That it is still this subject.
    Prove {
        subject: &'a str,
        next: &'a str,
    },
}

/// Who failed too often lately is not heard.
pub fn may_attempt(call: &Call) -> Result<(), Stop> {
    let attempt = call.app.rates.may_attempt(&address_of(call.context.ip.as_deref()));
    attempt.map_err(|exceeded| events::rate_limited(call, "sign-in", exceeded).into())
}

/// Sends the browser to the provider with what only the two of them will know.
pub fn send_away(
    call: &Call,
    provider: &Provider,
    wanted: IssuerUse,
    purpose: Purpose<'_>,
    parameters: &[(&str, &str)],
) -> Result<Body, Stop> {
    let endpoints = provider.endpoints(wanted)?;
    let launched = wanted == IssuerUse::Launch;
    let (next, proves) = match purpose {
        Purpose::SignIn { next } => (next, None),
        Purpose::Launch => ("/", None),
        Purpose::Prove { subject, next } => (next, Some(subject)),
    };
    let away = match call.wait(call.app.register.send_away(provider.iss(), launched, next, proves)) {
        Err(RegisterError::TooMany) => {
            let text = "Too many people are signing in at this moment. Try again in a minute.";
            return Err(ApiError::new(503, "too-many-sign-ins", "throttled", text).with("Retry-After", "60").into());
        }
        other => other?,
    };
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(away.verifier.as_bytes()));
    let redirect_uri = call.app.elsewhere.callback_url();
    let mut query = vec![
        ("response_type", "code"),
        ("client_id", provider.client_id()),
        ("redirect_uri", &redirect_uri),
        ("state", &away.state),
        ("nonce", &away.nonce),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    query.extend(parameters);
    let embedded = launched && provider.embeds();
    let name = cookie_name(call, &away.state).ok_or_else(ApiError::internal)?;
    let cookie = cookie(call, &name, &away.cookie, embedded, "; Max-Age=600");
    Ok(Body::see_other(with_query(&endpoints.authorization, &query)).with("Set-Cookie", cookie))
}

/// The pre-session cookie of a `state`; `None` when that is not of the form of ours.
fn cookie_name(call: &Call, state: &str) -> Option<String> {
    let plain = state.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    let prefix = if call.is_secure() { "__Host-" } else { "" };
    Some(format!("{prefix}signin-{}", state.get(..TAG).filter(|_| plain && state.len() == 43)?))
}

/// `GET /signin/callback`: what the provider sent the browser back with.
pub fn callback(call: &Call) -> Result<Answer, ApiError> {
    let answer = come_back(call).map_or_else(|stop| stop.answer(call), |body| Ok(Public(body).into()));
    // Whatever came of it, the cookie is spent.
    match call.query("state").and_then(|state| cookie_name(call, state)) {
        Some(name) => answer.map(|answer| answer.with("Set-Cookie", cookie(call, &name, "", false, "; Max-Age=0"))),
        None => answer,
    }
}

fn come_back(call: &Call) -> Result<Body, Stop> {
    may_attempt(call)?;
    let state = only(call, "state")?.ok_or_else(Refusal::state)?;
    let secret = cookie_name(call, state).and_then(|name| call.cookie(&name).map(str::to_string));
    let secret = Zeroizing::new(secret.ok_or_else(Refusal::state)?);
    let under_way = call.wait(call.app.register.come_back(state, &secret))?.ok_or_else(Refusal::state)?;
    let wanted = if under_way.launched { IssuerUse::Launch } else { IssuerUse::SignIn };
    let provider = call.app.elsewhere.provider(&under_way.issuer, wanted).ok_or_else(Refusal::unknown_issuer)?.clone();
    let endpoints = provider.endpoints(wanted)?;
    // RFC 9207 §2.4: another issuer's answer, or none where one is promised, is an answer to someone else's question.
    match only(call, "iss")? {
        Some(iss) if iss != provider.iss() => return Err(Refusal::mixed_up().into()),
        None if endpoints.names_itself => return Err(Refusal::mixed_up().into()),
        _ => {}
    }
    if call.query("error").is_some() {
        return Err(Refusal::by_provider().into());
    }
    let code = only(call, "code")?.ok_or_else(|| Refusal::bad_token("no-code"))?;
    let answer = provider.exchange(&endpoints, code, &under_way.verifier, &call.app.elsewhere.callback_url())?;
    let mut claims = id_claims(&provider, &answer, &under_way)?;
    add_userinfo(&provider, &endpoints, &answer, &mut claims)?;
    let (person, role) = person::of(provider.row(), provider.keys.roles(), &claims)?;
    if let Some(subject) = &under_way.proves {
        return again::finish(call, &under_way, subject, &claims, &person);
    }
    if under_way.launched {
        return launch::finish(call, &provider, &answer, &person, role);
    }
    let arrived = arrive::begin(call, &person, role, Begin::Free, None)?;
    let next = if under_way.next == "/" { pages::home_of(role).to_string() } else { under_way.next };
    Ok(Body::see_other(next).with("Set-Cookie", arrived.cookie))
}

/// Providers that keep id_tokens short tell name and groups only when asked. What the signed token says is never replaced.
fn add_userinfo(
    provider: &Provider,
    endpoints: &Endpoints,
    answer: &Map<String, Value>,
    claims: &mut Map<String, Value>,
) -> Result<(), Stop> {
    let roles = provider.row().roles_claim.as_deref().unwrap_or("roles");
    let is_whole = claims.contains_key("name") && claims.contains_key(roles);
    let token = answer.get("access_token").and_then(Value::as_str);
    let subject = claims.get("sub").and_then(Value::as_str).map(str::to_string);
    if let (false, Some(url), Some(token), Some(subject)) = (is_whole, &endpoints.userinfo, token, subject) {
        for (name, value) in provider.userinfo(url, token, &subject)? {
            claims.entry(name).or_insert(value);
        }
    }
    Ok(())
}

/// A parameter that stands once; one that stands twice is refused, since two readers may choose differently.
fn only<'c>(call: &'c Call, name: &str) -> Result<Option<&'c str>, Stop> {
    let mut values = call.query.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str());
    match (values.next(), values.next()) {
        (value, None) if value.is_none_or(|value| value.len() <= PARAMETER_MAX) => Ok(value),
        _ => Err(Refusal::state().into()),
    }
}

/// The claims of the id_token, proven and for this very sign-in.
fn id_claims(provider: &Provider, answer: &Map<String, Value>, under_way: &SignInUnderWay) -> Result<Map<String, Value>, Stop> {
    let token = answer.get("id_token").and_then(Value::as_str).ok_or_else(|| Refusal::bad_token("no-id-token"))?;
    let claims = provider.keys.verify(token, TokenKind::Id).map_err(|error| match error {
        TokenError::Unavailable => Refusal::from(ProviderError::Unreachable),
        other => Refusal::bad_token("id-token").with("why", other.code()),
    })?;
    let nonce = claims.get("nonce").and_then(Value::as_str).unwrap_or("");
    if !bool::from(nonce.as_bytes().ct_eq(under_way.nonce.as_bytes())) {
        return Err(Refusal::bad_token("nonce").into());
    }
    Ok(claims)
}

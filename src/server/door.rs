//! Who stands at the door of a route: bearer tokens for programs, sessions for browsers, and the checks that keep other
//! sites from acting through a browser.
//!
//! Not for: what the principal may then do (`access::Gate`).

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::access::{Principal, Purpose, Role, bearer_token};
use crate::register::{Activity, RegisterError, Session};

use super::answer::{ApiError, Body};
use super::call::Call;
use super::events;
use super::pages::{account, break_glass};
use super::rate::address_of;
use super::routes::{Area, Door};

/// How long a token that was found standing is taken for so without asking the register again.
const STANDING_FOR: Duration = Duration::from_secs(1);
/// Most tokens remembered as standing.
const STANDING_MAX: usize = 10_000;

/// Tokens that the register lately said are neither revoked nor of a disabled account.
#[derive(Debug, Default)]
pub struct Standing(Mutex<HashMap<String, Instant>>);

/// Lets the caller in, an error, or the redirect that a browser gets instead.
pub fn enter(call: &mut Call, door: Door, area: Area) -> Result<Option<Body>, ApiError> {
    match door {
        Door::Open => Ok(None),
        Door::SignIn => same_origin(call).map(|()| None),
        Door::Token if call.header("authorization").is_none() && area == Area::Api && call.is_get() => {
            same_origin(call)?;
            if !by_session(call)? {
                return Err(ApiError::login());
            }
            match account::owed(call) {
                None => Ok(None),
                Some(_) => Err(ApiError::new(403, "account-unfinished", "forbidden", "Finish setting up your account first.")),
            }
        }
        Door::Token => by_token(call).map(|()| None),
        Door::Session => {
            if !by_session(call)? {
                return Ok(Some(to_sign_in(call)));
            }
            if let Some(first) = account::owed(call) {
                return Ok(Some(Body::see_other(first)));
            }
            if !call.is_get() {
                same_origin(call)?;
                let right = call.session.as_ref().is_some_and(|session| session.csrf_matches(call.field("csrf")));
                if !right {
                    return Err(ApiError::new(
                        403,
                        "form-expired",
                        "forbidden",
                        "This form has expired. Go back and send it again.",
                    ));
                }
            }
            Ok(None)
        }
    }
}

fn by_token(call: &mut Call) -> Result<(), ApiError> {
    let header = call.header("authorization").ok_or_else(ApiError::login)?;
    let token = bearer_token(header).ok_or_else(ApiError::login)?;
    let refused = |reason: &'static str| {
        // Good tokens from the same address are still taken: one bad program behind a proxy must not lock out a hospital.
        if let Err(exceeded) = call.app.rates.may_attempt(&address_of(call.context.ip.as_deref())) {
            return events::rate_limited(call, "tokens", exceeded);
        }
        events::token_rejected(call, reason);
        let challenge = "Bearer realm=\"chartkeep\", error=\"invalid_token\"";
        let mut error = ApiError::login();
        error.headers = vec![("WWW-Authenticate", challenge.to_string())];
        error
    };
    let principal = call.app.tokens.verify(token).map_err(|error| refused(error.code()))?;
    match stands(call, &principal) {
        Ok(true) => {}
        Ok(false) => return Err(refused("revoked")),
        Err(error) => return Err(register_down(&error)),
    }
    call.principal = Some(principal);
    Ok(())
}

/// Whether the token is not revoked and its account, where there is one, may still act in its role.
fn stands(call: &Call, principal: &Principal) -> Result<bool, RegisterError> {
    let Some(id) = &principal.token_id else { return Ok(false) };
    let standing = |map: &HashMap<String, Instant>| map.get(id).is_some_and(|since| since.elapsed() < STANDING_FOR);
    if call.app.standing.0.lock().is_ok_and(|map| standing(&map)) {
        return Ok(true);
    }
    let register = &call.app.register;
    let (revoked, account) = call.wait(async {
        Ok::<_, RegisterError>((register.is_token_revoked(id).await?, register.account(&principal.subject).await?))
    })?;
    let barred = account.is_some_and(|account| account.disabled || !account.holds(principal.role.name()));
    if revoked || barred {
        return Ok(false);
    }
    if let Ok(mut map) = call.app.standing.0.lock() {
        if map.len() >= STANDING_MAX {
            map.retain(|_, since| since.elapsed() < STANDING_FOR);
        }
        map.insert(id.clone(), Instant::now());
    }
    Ok(true)
}

/// Takes the principal from the session cookie; `false` when there is no live session.
fn by_session(call: &mut Call) -> Result<bool, ApiError> {
    let Some(id) = call.cookie(call.session_cookie()).map(str::to_string) else { return Ok(false) };
    // A page asked for by a person keeps the session alive; images and script calls do not.
    let activity = match call.header("sec-fetch-mode") {
        None | Some("navigate") => Activity::Person,
        Some(_) => Activity::Script,
    };
    let register = &call.app.register;
    let session = call.wait(register.session(&id, activity)).map_err(|error| register_down(&error))?;
    let Some((session, mut principal)) = session.and_then(|session| Some((principal(&session)?, session))).map(|(p, s)| (s, p))
    else {
        return Ok(false);
    };
    principal.grants = call.wait(break_glass::in_force(register, &principal)).map_err(|error| register_down(&error))?;
    call.principal = Some(principal);
    call.session = Some(session);
    Ok(true)
}

/// The principal of a session, acting for the usual purpose of its role.
pub fn principal(session: &Session) -> Option<Principal> {
    let role = Role::from_name(&session.role)?;
    let purpose: Purpose = role.usual_purpose();
    let mut principal = Principal::local(&session.account, &session.display_name, role, purpose, &session.audit_id);
    principal.attributes.auth_time = Some(session.auth_time);
    Some(principal)
}

/// A request that a browser makes for another site is refused, whatever it carries (spec access.md §10).
fn same_origin(call: &Call) -> Result<(), ApiError> {
    let site_ok = match call.header("sec-fetch-site") {
        None | Some("same-origin" | "none") => true,
        // A link from elsewhere may open the sign-in page, but nothing may be sent from elsewhere.
        Some(_) => call.is_get() && call.header("sec-fetch-mode") == Some("navigate"),
    };
    // Our own forms say `Origin: null`, since our pages send no referrer (Fetch standard, "append a request Origin
    // header"); then the browser's own word on the site must be there.
    let origin_ok = match call.header("origin") {
        None => true,
        Some("null") => call.header("sec-fetch-site") == Some("same-origin"),
        Some(origin) => origin == call.base,
    };
    if site_ok && origin_ok {
        Ok(())
    } else {
        Err(ApiError::new(403, "other-site", "forbidden", "This request came from another site."))
    }
}

fn to_sign_in(call: &Call) -> Body {
    if !call.is_get() {
        return Body::see_other("/signin");
    }
    let next = percent_encoding::utf8_percent_encode(&call.context.path, percent_encoding::NON_ALPHANUMERIC);
    Body::see_other(format!("/signin?next={next}"))
}

pub fn register_down(error: &RegisterError) -> ApiError {
    tracing::error!(%error, "the register cannot be used");
    ApiError::new(503, "register-unavailable", "transient", "Sign-in is not possible at the moment.").with("Retry-After", "10")
}

//! Who stands at the door of a route: bearer tokens for programs, sessions for browsers, and the checks that keep other
//! sites from acting through a browser.
//!
//! Not for: what the principal may then do (`access::Gate`).

use std::sync::Arc;

use crate::access::{Accepted, BreakGlassGrant, LaunchPatient, Principal, Purpose, Role, TokenError, bearer_token};
use crate::model::PatientKey;
use crate::register::{Activity, BreakGlassUse, Register, RegisterError, Session, TokenMark, Who};

use super::answer::{ApiError, Body};
use super::area::Area;
use super::call::Call;
use super::events;
use super::owed::owed;
use super::rate::address_of;

/// What a caller must show before the handler runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Door {
    /// Nothing: the answer holds no patient data.
    Open,
    /// A bearer token; for `GET` under `/api` the viewer's own session does too.
    Token,
    /// A browser session, else a redirect to the sign-in page. A `POST` also needs the session's CSRF token.
    Session,
    /// Likewise, for what concerns the session itself and no patient: open to one that is bound to launched patients too.
    Account,
    /// The sign-in form itself: no session yet, but the same-origin checks of a form.
    SignIn,
}

/// Lets the caller in, an error, or the redirect that a browser gets instead.
pub fn enter(call: &mut Call, door: Door, area: Area) -> Result<Option<Body>, ApiError> {
    match door {
        Door::Open => Ok(None),
        Door::SignIn => same_origin(call).map(|()| None),
        Door::Token if call.header("authorization").is_none() && area == Area::Api && call.is_get() => {
            same_origin(call)?;
            if !by_session(call, door)? {
                return Err(ApiError::login());
            }
            match owed(call) {
                None => Ok(None),
                Some(_) => Err(ApiError::new(403, "account-unfinished", "forbidden", "Finish setting up your account first.")),
            }
        }
        Door::Token => by_token(call, area).map(|()| None),
        Door::Session | Door::Account => {
            if !by_session(call, door)? {
                return to_sign_in(call).map(Some);
            }
            if let Some(first) = owed(call) {
                return Ok(Some(Body::see_other(first)));
            }
            if !call.is_get() {
                same_origin(call)?;
                let right = call.session.as_ref().is_some_and(|session| session.csrf_matches(call.field("csrf")));
                if !right {
                    events::form_refused(call, "form-expired");
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

fn by_token(call: &mut Call, area: Area) -> Result<(), ApiError> {
    let mut headers = call.headers.get_all("authorization").map(|value| value.to_str().unwrap_or(""));
    let header = headers.next().ok_or_else(ApiError::login)?.to_string();
    let is_one = headers.next().is_none();
    let Some(token) = bearer_token(&header).filter(|_| is_one) else {
        return Err(refused(call, "form", "", "invalid_request"));
    };
    let refuse = |reason: &'static str| refused(call, reason, token, "invalid_token");
    // Whoever lately failed too often does not make us ask an issuer about each of his guesses.
    if call.app.tokens.would_ask(token)
        && let Err(exceeded) = call.app.rates.may_attempt(&address_of(call.context.ip.as_deref()))
    {
        return Err(events::rate_limited(call, "tokens", exceeded));
    }
    let accepted = match call.app.tokens.accept(token) {
        Ok(accepted) => accepted,
        Err(TokenError::Unavailable) => {
            events::token_rejected(call, TokenError::Unavailable.code(), token);
            return Err(issuer_down());
        }
        Err(error) => return Err(refuse(error.code())),
    };
    match stands(call, &accepted, token) {
        Ok(true) => {}
        Ok(false) => return Err(refuse("revoked")),
        Err(error) => return Err(register_down(&error)),
    }
    let principal = bound(call, accepted)?;
    // Scopes speak of FHIR resources; what `/api` shows cannot be cut to them.
    let is_whole = principal.scopes.as_ref().is_none_or(|scopes| scopes.is_whole());
    if !is_whole && (area == Area::Api || principal.scopes.as_ref().is_some_and(|scopes| !scopes.grants_any())) {
        events::scope_denied(call, &principal)?;
        return Err(ApiError::insufficient_scope());
    }
    call.principal = Some(principal);
    Ok(())
}

/// A token that opens nothing, with its entry. `error` is what the client hears of it (RFC 6750 §3.1), `reason` is for the log.
fn refused(call: &Call, reason: &'static str, token: &str, error: &str) -> ApiError {
    // Good tokens from the same address are still taken: one bad program behind a proxy must not lock out a hospital.
    if let Err(exceeded) = call.app.rates.may_attempt(&address_of(call.context.ip.as_deref())) {
        return events::rate_limited(call, "tokens", exceeded);
    }
    events::token_rejected(call, reason, token);
    let mut refusal = ApiError::login();
    refusal.headers = vec![("WWW-Authenticate", format!("Bearer realm=\"chartkeep\", error=\"{error}\""))];
    refusal
}

fn issuer_down() -> ApiError {
    let text = "The token's issuer cannot be asked at the moment.";
    ApiError::new(503, "issuer-unavailable", "transient", text).with("Retry-After", "60")
}

/// The principal with the patient of whom his token speaks. Scopes of a patient whom nobody here knows grant nothing.
fn bound(call: &Call, accepted: Accepted) -> Result<Principal, ApiError> {
    let Accepted { mut principal, patient, issued, .. } = accepted;
    // Whoever gave this archive's own token vouched for the person at that moment.
    if principal.attributes.auth_time.is_none() && call.app.tokens.is_own(&principal.issuer) {
        principal.attributes.auth_time = i64::try_from(issued).ok();
    }
    let Some(scopes) = principal.scopes.clone().filter(|scopes| scopes.binds_to_patient()) else { return Ok(principal) };
    principal.bound_to = match patient {
        None => None,
        Some(LaunchPatient::Own(key)) => PatientKey::parse(&key),
        Some(LaunchPatient::Foreign { namespace, id }) => call.archive().patient_named(&namespace, &id)?,
    };
    if principal.bound_to.is_none() {
        principal.scopes = Some(Arc::new((*scopes).clone().without_patient()));
    }
    Ok(principal)
}

/// Whether the token is not revoked and whoever holds it may still act: the client enabled; the account, where there is
/// one, enabled and in its role.
fn stands(call: &Call, accepted: &Accepted, token: &str) -> Result<bool, RegisterError> {
    let principal = &accepted.principal;
    let is_own = call.app.tokens.is_own(&principal.issuer);
    let digest = events::sha256(token);
    let mut names = vec![digest.as_str()];
    match &principal.token_id {
        Some(id) => names.push(id),
        // An outside token may have no id; ours always do.
        None if is_own => return Ok(false),
        None => {}
    }
    if call.app.standing.holds(&digest) {
        return Ok(true);
    }
    let issued = i64::try_from(accepted.issued).unwrap_or(i64::MAX);
    let mark = TokenMark { names: &names, issuer: &principal.issuer, subject: &principal.subject, issued };
    let register = &call.app.register;
    let barred = call.wait(async {
        Ok::<_, RegisterError>(match (&principal.client_id, is_own) {
            _ if register.is_token_revoked(mark).await? => true,
            // Its own issuer answers for a person from outside.
            (_, false) => false,
            (Some(client), true) if *client == principal.subject => match register.client(client).await? {
                Some(client) => client.disabled,
                // Vouched for by the operator who made the token.
                None => false,
            },
            (_, true) => {
                let account = register.account(&principal.subject).await?;
                account.is_some_and(|account| account.disabled || !account.holds(principal.role.name()))
            }
        })
    })?;
    if barred {
        return Ok(false);
    }
    call.app.standing.remember(digest);
    Ok(true)
}

/// Takes the principal from the session cookie, bound to the patient of the window that the address names; `false` when
/// there is no live session.
fn by_session(call: &mut Call, door: Door) -> Result<bool, ApiError> {
    let Some(id) = call.cookie(call.session_cookie()).map(str::to_string) else { return Ok(false) };
    // A page asked for by a person keeps the session alive; images and script calls do not, unless our script says that a
    // person typed or pressed something. No other site's script can send that header along.
    let activity = match call.header("sec-fetch-mode") {
        None | Some("navigate") => Activity::Person,
        Some(_) if call.header("x-acted").is_some() => Activity::Person,
        Some(_) => Activity::Script,
    };
    let down = |error: RegisterError| register_down(&error);
    let register = &call.app.register;
    let session = call.wait(register.session(&id, activity)).map_err(down)?;
    let stands = |session: &Session| match &session.who {
        Who::Account(_) => true,
        Who::Outside { issuer, .. } => call.app.elsewhere.vouches(issuer),
    };
    let session = session.filter(stands).and_then(|session| Some((principal(&session)?, session)));
    let Some((mut principal, session)) = session else { return Ok(false) };
    let window = match call.param("window") {
        "" => None,
        window => Some(call.wait(register.context(&id, window)).map_err(down)?),
    };
    match window {
        Some(Some(window)) => {
            principal.bound_to = Some(window.patient.clone());
            call.window = Some(window);
        }
        // A window of another session, or one whose patient gave way to newer ones.
        Some(None) if door != Door::Account => {
            events::foreign_window(call, &principal)?;
            let text = "The patient of this window is open no longer, or someone else has signed in since. Open the patient again in the EHR.";
            return Err(ApiError::new(409, "stale-window", "conflict", text));
        }
        None if session.bound && door != Door::Account => {
            let text = "You came from the EHR for one patient, and this address names none. Go back to that window, or open the patient again in the EHR.";
            return Err(ApiError::new(409, "no-window", "conflict", text));
        }
        _ => {}
    }
    principal.grants = call.wait(in_force(&call.app.register, &principal)).map_err(down)?;
    call.principal = Some(principal);
    call.session = Some(session);
    Ok(true)
}

/// The principal of a session, acting for the usual purpose of its role.
pub fn principal(session: &Session) -> Option<Principal> {
    let role = Role::from_name(&session.role)?;
    let mut principal = match &session.who {
        Who::Account(account) => {
            let purpose: Purpose = role.usual_purpose();
            Principal::local(account, &session.display_name, role, purpose, &session.audit_id)
        }
        Who::Outside { issuer, subject } => {
            let attributes = serde_json::from_str(&session.attributes).ok()?;
            let mut principal = Principal::outside(issuer, subject, &session.display_name, role, attributes);
            principal.session = Some(session.audit_id.clone());
            principal
        }
    };
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
        events::form_refused(call, "other-site");
        Err(ApiError::new(403, "other-site", "forbidden", "This request came from another site."))
    }
}

fn to_sign_in(call: &Call) -> Result<Body, ApiError> {
    if !call.param("window").is_empty() {
        let text = "Your session has ended. Open the patient again in the EHR.";
        return Err(ApiError::new(401, "session-ended", "login", text));
    }
    if !call.is_get() {
        return Ok(Body::see_other("/signin"));
    }
    let next = percent_encoding::utf8_percent_encode(&call.context.path, percent_encoding::NON_ALPHANUMERIC);
    Ok(Body::see_other(format!("/signin?next={next}")))
}

pub fn register_down(error: &RegisterError) -> ApiError {
    tracing::error!(%error, "the register cannot be used");
    ApiError::new(503, "register-unavailable", "transient", "Sign-in is not possible at the moment.").with("Retry-After", "10")
}

/// The grants of a person in his session, as the register has them now.
async fn in_force(register: &Register, principal: &Principal) -> Result<Vec<BreakGlassGrant>, RegisterError> {
    let Some(session) = &principal.session else { return Ok(Vec::new()) };
    let uses = register.break_glass_in_force(&principal.issuer, &principal.subject, session).await?;
    let grant = |it: BreakGlassUse| BreakGlassGrant {
        id: it.id,
        patients: it.patients,
        classes: it.classes,
        reason_code: it.reason_code,
        expires: it.expires,
    };
    Ok(uses.into_iter().map(grant).collect())
}

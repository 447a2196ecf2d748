//! Proving again who one is, at the provider where one signed in: before something that a session of hours ago must not do
//! by itself (spec access.md §9). The person comes back into the session that he has, under another id.
//!
//! Not for: accounts of this archive, which are asked for password or code (`pages::break_glass`), or signing in.

use serde_json::{Map, Value};

use crate::access::{Public, Role, entry, form_urlencoded};
use crate::config::IssuerUse;
use crate::register::{Activity, Begin, Outside, Session, SignInUnderWay, Who};
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::Call;
use crate::server::{door, events, pages};

use super::arrive::session_cookie;
use super::code;
use super::provider::Provider;
use super::refusal::{Refusal, Stop};

/// How much later than its own clock says the provider's may be, in seconds.
const SKEW_S: i64 = 60;

/// Whether a session's person can be sent to the one who vouched for him. A signed launch address has no such place.
pub fn may_prove_again(call: &Call) -> bool {
    call.session.as_ref().is_some_and(|session| provider_of(call, session).is_some())
}

/// Where that begins; `next` is where to come back to.
pub fn again_address(next: &str) -> String {
    format!("/account/again?{}", form_urlencoded(&[("next", next)]))
}

fn provider_of<'c>(call: &'c Call, session: &'c Session) -> Option<(&'c Provider, IssuerUse, &'c str)> {
    let Who::Outside { issuer, subject } = &session.who else { return None };
    let uses = if session.bound || session.embedded {
        [IssuerUse::Launch, IssuerUse::SignIn]
    } else {
        [IssuerUse::SignIn, IssuerUse::Launch]
    };
    uses.into_iter().find_map(|wanted| Some((&**call.app.elsewhere.provider(issuer, wanted)?, wanted, subject.as_str())))
}

/// `GET /account/again?next=`: to the provider, who is to ask for the person himself and not to remember him.
pub fn again(call: &Call) -> Result<Answer, ApiError> {
    begin(call).map_or_else(|stop| stop.answer(call), |body| Ok(Public(body).into()))
}

fn begin(call: &Call) -> Result<Body, Stop> {
    code::may_attempt(call)?;
    let session = call.session.as_ref().ok_or_else(ApiError::login)?;
    let (provider, wanted, subject) = provider_of(call, session).ok_or_else(ApiError::forbidden)?;
    let next = pages::sign::safe_next(call.query("next"));
    let scope = if wanted == IssuerUse::Launch { "openid fhirUser" } else { "openid profile" };
    // OpenID Connect Core §3.1.2.1: `max_age` makes the provider say when it was, `prompt` makes it ask.
    let mut asked = vec![("scope", scope), ("prompt", "login"), ("max_age", "0")];
    if let Some(acr) = &provider.row().min_acr {
        asked.push(("acr_values", acr));
    }
    code::send_away(call, provider, wanted, code::Purpose::Prove { subject, next: &next }, &asked)
}

/// The provider has answered. Another person, or a sign-in of before, proves nothing, and the session stays as it is.
pub fn finish(
    call: &Call,
    under_way: &SignInUnderWay,
    subject: &str,
    claims: &Map<String, Value>,
    person: &Outside,
) -> Result<Body, Stop> {
    let register = &call.app.register;
    let old = call.cookie(call.session_cookie()).map(str::to_string).unwrap_or_default();
    let session = call.wait(register.session(&old, Activity::Person))?;
    let who = Who::Outside { issuer: under_way.issuer.clone(), subject: subject.to_string() };
    let session = session.filter(|session| session.who == who).ok_or_else(Refusal::state)?;
    let principal = door::principal(&session).ok_or_else(ApiError::internal)?;
    let failed = |reason: &'static str| Stop::from(Refusal::not_proved(reason)).of(&principal);
    if person.subject != subject {
        return Err(failed("another-person"));
    }
    let proved = claims.get("auth_time").and_then(Value::as_i64);
    if proved.is_none_or(|at| at.saturating_add(SKEW_S) < under_way.begun) {
        return Err(failed("auth-time"));
    }
    let role = Role::from_name(&session.role).ok_or_else(ApiError::internal)?;
    let begin = if session.bound || session.embedded { Begin::Launched { embedded: session.embedded } } else { Begin::Free };
    let renewed = call.wait(register.start_outside_session(Some(&old), person, role.name(), begin));
    let renewed = renewed.map_err(|_| failed("role"))?;
    let principal = door::principal(&renewed.session).ok_or_else(ApiError::internal)?;
    let logged = (|| {
        call.wait(register.came_from(&renewed.id, call.context.ip.as_deref(), call.context.user_agent.as_deref()))?;
        let mut proved = entry("auth.step_up", &principal, &call.context);
        proved.detail = vec![("session_before", session.audit_id.clone())];
        events::write(call, proved)?;
        Ok::<_, Stop>(())
    })();
    if let Err(stop) = logged {
        call.wait(register.end_session(&renewed.id))?;
        return Err(stop);
    }
    let cookie = session_cookie(call, &renewed.id, renewed.session.embedded, "");
    Ok(Body::see_other(under_way.next.clone()).with("Set-Cookie", cookie))
}

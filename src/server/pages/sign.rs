//! Signing in and out.
//!
//! Not for: checking passwords and lock-out (`register`).

use crate::access::{Public, Role, entry};
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::Call;
use crate::server::rate::address_of;
use crate::server::viewer::{self, SignIn};
use crate::server::{door, events, signin};

/// `GET /signin?next=`
pub fn form(call: &Call) -> Result<Answer, ApiError> {
    let form = SignIn { next: safe_next(call.query("next")), asks_code: asks_code(call)?, ..elsewhere(call, call.query("next")) };
    Ok(Public(Body::html(viewer::sign_in(&super::frame(call), &form))).into())
}

/// Where any account has a second factor, everyone is asked for a code: the form must not tell who has one.
fn asks_code(call: &Call) -> Result<bool, ApiError> {
    call.wait(call.app.register.any_second_factor()).map_err(|error| door::register_down(&error))
}

/// `POST /signin`: one answer for every reason of refusal; the reason stands in the log. Password and code are judged
/// together, so that nobody learns that a guessed password was right.
pub fn sign_in(call: &Call) -> Result<Answer, ApiError> {
    let (user, password) = (call.field("user").trim(), call.field("password"));
    let register = &call.app.register;
    let attempt = call.app.rates.may_attempt(&address_of(call.context.ip.as_deref()));
    attempt.map_err(|exceeded| events::rate_limited(call, "sign-in", exceeded))?;
    let refused = |reason: &'static str| {
        events::login_failed(call, user, reason)?;
        let form = SignIn {
            user: user.to_string(),
            next: safe_next(Some(call.field("next"))),
            asks_code: asks_code(call)?,
            problem: Some("The name, the password or the code is not right, or the account is locked.".into()),
            ..elsewhere(call, Some(call.field("next")))
        };
        Ok(Public(Body::html(viewer::sign_in(&super::frame(call), &form)).status(403)).into())
    };
    if !call.app.elsewhere.has_local_accounts() {
        return refused("no-local-accounts");
    }
    let login = call.wait(register.login(user, password, call.field("code"))).map_err(|error| door::register_down(&error))?;
    let account = match login {
        Ok(account) => account,
        Err(refusal) => return refused(refusal.code()),
    };
    // One active role at a time (spec access.md §7): the one asked for, else the first that the account holds.
    let asked = Role::from_name(call.field("role"));
    let Some(role) = Role::ALL.into_iter().find(|role| account.holds(role.name()) && asked.is_none_or(|asked| asked == *role))
    else {
        return refused("no-role");
    };
    // A cookie from before is never taken over: the session is new, and the old one ends.
    if let Some(old) = call.cookie(call.session_cookie()) {
        call.wait(register.end_session(old)).map_err(|error| door::register_down(&error))?;
    }
    let started = call.wait(register.start_session(&account.name, role.name())).map_err(|error| door::register_down(&error))?;
    let came_from = register.came_from(&started.id, call.context.ip.as_deref(), call.context.user_agent.as_deref());
    call.wait(came_from).map_err(|error| door::register_down(&error))?;
    let principal = door::principal(&started.session).ok_or_else(ApiError::internal)?;
    let mut entry = entry("auth.login", &principal, &call.context);
    let proof = if started.session.has_second_factor { "password and code" } else { "password" };
    entry.detail = vec![("proof", proof.to_string())];
    if let Err(error) = events::write(call, entry) {
        call.wait(register.end_session(&started.id)).map_err(|error| door::register_down(&error))?;
        return Err(error);
    }
    let next =
        Some(safe_next(Some(call.field("next")))).filter(|next| next != "/").unwrap_or_else(|| super::home_of(role).into());
    let body = Body::see_other(next).with("Set-Cookie", cookie(call, &started.id, ""));
    Ok(Public(body).into())
}

/// `POST /signout`
pub fn sign_out(call: &Call) -> Result<Answer, ApiError> {
    if let Some(id) = call.cookie(call.session_cookie()) {
        call.wait(call.app.register.end_session(id)).map_err(|error| door::register_down(&error))?;
    }
    events::session(call, "auth.logout", call.principal()?)?;
    let body = Body::see_other(signin::after_sign_out(call, call.session.as_ref()))
        .with("Set-Cookie", cookie(call, "", "; Max-Age=0"))
        .with("Clear-Site-Data", "\"cache\", \"storage\"");
    Ok(Public(body).into())
}

/// The form with the providers where one may sign in instead.
fn elsewhere(call: &Call, next: Option<&str>) -> SignIn {
    let next = safe_next(next);
    let elsewhere = &call.app.elsewhere;
    let link = |(issuer, name): (&str, &str)| (name.to_string(), signin::start_address(issuer, &next));
    SignIn {
        providers: elsewhere.sign_in_at().map(link).collect(),
        no_accounts: !elsewhere.has_local_accounts(),
        ..SignIn::default()
    }
}

pub(super) fn cookie(call: &Call, id: &str, more: &str) -> String {
    let embedded = call.session.as_ref().is_some_and(|session| session.embedded);
    signin::session_cookie(call, id, embedded, more)
}

/// A path of this site to go on to; anything that could lead elsewhere becomes the start page.
pub fn safe_next(next: Option<&str>) -> String {
    let next = next.unwrap_or("/");
    let own = next.starts_with('/') && !next.starts_with("//") && next.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if own && next.len() <= 2_000 { next.to_string() } else { "/".to_string() }
}

#[cfg(test)]
mod tests {
    use super::safe_next;

    #[test]
    fn signing_in_never_leads_to_another_site() {
        assert_eq!(safe_next(Some("/patients/a?x=1&y=%20")), "/patients/a?x=1&y=%20");
        for bad in ["https://e.example", "//e.example", "/\\e.example", "", "x", "/a\r\nSet-Cookie: b", "/ a"] {
            assert_eq!(safe_next(Some(bad)), "/", "{bad:?}");
        }
        assert_eq!(safe_next(None), "/");
    }
}

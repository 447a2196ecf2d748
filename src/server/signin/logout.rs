//! Signing out where one signed in: at the provider after signing out here (RP-Initiated Logout 1.0), and here when the
//! provider says so (Back-Channel Logout 1.0).
//!
//! No id_token is kept for this, so none passes through the browser; the provider asks the person instead. Not for: ending
//! the session here by the person himself (`pages::sign`).

use serde_json::Value;

use crate::access::{Principal, Public, TokenKind, entry, form_urlencoded};
use crate::audit::User;
use crate::config::IssuerUse;
use crate::register::{Session, Who};
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::Call;
use crate::server::viewer::{self, Message};
use crate::server::{door, events, pages};

use super::provider::with_query;

/// How long the id of a logout token without an end is remembered, in seconds.
const REMEMBERED_S: i64 = 600;

/// Where a person goes on to once his session has ended here. Leaving a launched patient ends nothing in the EHR.
pub fn after_sign_out(call: &Call, session: Option<&Session>) -> String {
    match session.map(|session| (&session.who, session.bound || session.embedded)) {
        Some((Who::Outside { issuer, .. }, false)) if call.app.elsewhere.provider(issuer, IssuerUse::SignIn).is_some() => {
            with_query("/signin/ended", &[("issuer", issuer)])
        }
        _ => "/signin".into(),
    }
}

/// `GET /signin/ended?issuer=`: says that the session here is over and goes on to the provider's own sign-out. A page of
/// its own, since browsers hold the redirect of a form to the form's own origin (`form-action`).
pub fn ended(call: &Call) -> Result<Answer, ApiError> {
    let elsewhere = &call.app.elsewhere;
    let provider = call.query("issuer").and_then(|issuer| elsewhere.provider(issuer, IssuerUse::SignIn));
    let Some(provider) = provider else { return Ok(Public(Body::see_other("/signin")).into()) };
    let mut message = Message {
        title: "You are signed out of the archive.".into(),
        text: "Close the window if this is not your own computer.".into(),
        link: Some(("Sign in again".into(), "/signin".into())),
        ..Message::default()
    };
    let end = provider.endpoints(IssuerUse::SignIn).ok().and_then(|endpoints| endpoints.end_session.clone());
    let back = format!("{}/signin", elsewhere.public_url);
    let end = end.map(|url| with_query(&url, &[("client_id", provider.client_id()), ("post_logout_redirect_uri", &back)]));
    if let Some(url) = &end {
        message.text = format!("You are being signed out at {} too.", provider.called());
        message.link = Some(("Go on there".into(), url.clone()));
    }
    let body = Body::html(viewer::message(&pages::bare_frame(call), &message));
    Ok(Public(match end {
        Some(url) => body.with("Refresh", format!("1; url={url}")),
        None => body,
    })
    .into())
}

/// `POST /signin/backchannel` with `logout_token`: the provider's word that a person, or one session of his, has ended.
pub fn backchannel(call: &Call) -> Result<Answer, ApiError> {
    let refused = |reason: &'static str| {
        events::token_rejected(call, reason, call.field("logout_token"));
        let body = Body::new(crate::server::answer::JSON, r#"{"error":"invalid_request"}"#).status(400);
        Ok(Public(body).into())
    };
    let token = call.field("logout_token");
    // A token is looked at by the issuer that it names alone; the others refuse it unread.
    let found = call.app.elsewhere.providers.values().find_map(|provider| {
        let claims = provider.keys.verify(token, TokenKind::Logout).ok()?;
        Some((provider.iss().to_string(), claims))
    });
    let Some((issuer, claims)) = found else { return refused("logout-token") };
    let text = |name: &str| claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let (subject, sid) = (text("sub"), text("sid"));
    let Some(id) = text("jti").filter(|_| subject.is_some() || sid.is_some()) else { return refused("logout-claims") };
    let ends = claims.get("exp").and_then(Value::as_i64).unwrap_or_else(|| jiff::Timestamp::now().as_second() + REMEMBERED_S);
    let register = &call.app.register;
    let down = |error| door::register_down(&error);
    if !call.wait(register.use_once(&issuer, id, ends)).map_err(down)? {
        return refused("logout-repeated");
    }
    let ended = call.wait(register.end_outside_sessions(&issuer, subject, sid)).map_err(down)?;
    for (session, subject) in ended {
        let mut entry = entry("auth.session_ended", &Principal::unproven(""), &call.context);
        entry.user = Some(User { iss: issuer.clone(), sub: subject, ..User::default() });
        (entry.session, entry.detail) = (Some(session), vec![("by", "the provider".to_string())]);
        events::write(call, entry)?;
    }
    Ok(Public(Body::new(crate::server::answer::TEXT, "")).into())
}

/// The address that begins a sign-in at a provider and goes on to `next`.
pub fn start_address(issuer: &str, next: &str) -> String {
    format!("/signin/start?{}", form_urlencoded(&[("issuer", issuer), ("next", next)]))
}

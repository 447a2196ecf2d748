//! One's own sessions: where one is signed in, and ending one of them.
//!
//! Not for: other people's sessions (`chartkeep user sessions`).

use crate::access::{Public, entry};
use crate::register::SessionSummary;
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::Call;
use crate::server::viewer::{self, SessionRow};
use crate::server::{door, events, signin};

/// `GET /account/sessions`
pub fn own(call: &Call) -> Result<Answer, ApiError> {
    let session = call.session.as_ref().ok_or_else(ApiError::login)?;
    let found = call.wait(call.app.register.sessions(Some(&session.who))).map_err(|error| door::register_down(&error))?;
    let rows: Vec<SessionRow> = found.iter().map(|found| row(found, &session.audit_id)).collect();
    Ok(Public(Body::html(viewer::sessions(&super::frame(call), &rows))).into())
}

fn row(it: &SessionSummary, own: &str) -> SessionRow {
    SessionRow {
        id: it.audit_id.clone(),
        is_this: it.audit_id == own,
        began: moment(it.created),
        seen: moment(it.last_seen),
        role: it.role.clone(),
        from: it.ip.clone().unwrap_or_else(|| "not recorded".into()),
        with: it.agent.clone().unwrap_or_else(|| "not recorded".into()),
        launched: it.launched,
    }
}

/// Of this server's clock, to the minute.
fn moment(at: i64) -> String {
    let zone = jiff::tz::TimeZone::system();
    jiff::Timestamp::from_second(at).map_or_else(|_| String::new(), |at| at.to_zoned(zone).strftime("%Y-%m-%d %H:%M").to_string())
}

/// `POST /account/sessions/end` with `session`.
pub fn end(call: &Call) -> Result<Answer, ApiError> {
    let session = call.session.as_ref().ok_or_else(ApiError::login)?;
    let asked = call.field("session");
    let ended = call.wait(call.app.register.end_session_called(asked, Some(&session.who)));
    let ended = ended.map_err(|error| door::register_down(&error))?.ok_or_else(ApiError::not_found)?;
    let mut entry = entry("auth.session_ended", call.principal()?, &call.context);
    entry.detail = vec![("session", ended.audit_id.clone()), ("by", "its owner".to_string())];
    events::write(call, entry)?;
    if ended.audit_id == session.audit_id {
        let gone = signin::session_cookie(call, "", session.embedded, "; Max-Age=0");
        return Ok(Public(Body::see_other(signin::after_sign_out(call, Some(session))).with("Set-Cookie", gone)).into());
    }
    Ok(Public(Body::see_other("/account/sessions")).into())
}

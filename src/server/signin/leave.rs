//! What a person does with his session himself: leave the launched patient for the whole archive, or act in another role.
//!
//! Not for: ending sessions (`logout`, `pages::sessions`).

use crate::access::{Public, Role, Scope, Shown, entry};
use crate::register::RegisterError;
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::Call;
use crate::server::{door, events, pages};

use super::arrive::session_cookie;

/// `POST /account/leave`: for whoever may look for patients. From now on his session opens what his role may; the windows
/// on launched patients stay what they are.
pub fn leave(call: &Call) -> Result<Answer, ApiError> {
    let mut principal = call.principal()?.clone();
    principal.bound_to = None;
    let permit = call.gate().ask(&principal, Scope::FindPatients, call.context.clone())?;
    let id = call.cookie(call.session_cookie()).ok_or_else(ApiError::login)?;
    let patients = call.window.iter().map(|window| window.patient.clone()).collect();
    let shown = Shown { event: "auth.launch", patients, query: Some("left the launched patient".into()), ..Shown::default() };
    permit.answer((), shown)?;
    call.wait(call.app.register.unbind(id)).map_err(|error| door::register_down(&error))?;
    Ok(Public(Body::see_other(pages::home_of(principal.role))).into())
}

/// `POST /account/role`: one active role at a time (spec access.md §7); the session gets a new id.
pub fn switch_role(call: &Call) -> Result<Answer, ApiError> {
    let role = Role::from_name(call.field("role")).ok_or_else(ApiError::forbidden)?;
    let before = call.principal()?.role;
    let id = call.cookie(call.session_cookie()).ok_or_else(ApiError::login)?;
    let switched = match call.wait(call.app.register.switch_role(id, role.name())) {
        Err(RegisterError::RoleNotHeld) => return Err(ApiError::forbidden()),
        other => other.map_err(|error| door::register_down(&error))?.ok_or_else(ApiError::login)?,
    };
    let principal = door::principal(&switched.session).ok_or_else(ApiError::internal)?;
    let mut entry = entry("auth.login", &principal, &call.context);
    entry.detail = vec![("role_before", before.name().to_string())];
    if let Err(error) = events::write(call, entry) {
        call.wait(call.app.register.end_session(&switched.id)).map_err(|error| door::register_down(&error))?;
        return Err(error);
    }
    let next = match &call.window {
        Some(window) => format!("/patients/{}", window.patient),
        None if switched.session.bound => "/account/sessions".to_string(),
        None => pages::home_of(role).to_string(),
    };
    let cookie = session_cookie(call, &switched.id, switched.session.embedded, "");
    Ok(Public(Body::see_other(next).with("Set-Cookie", cookie)).into())
}

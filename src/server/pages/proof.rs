//! Proving again who one is, before something that a session of hours ago must not do by itself (spec access.md §9): by password or
//! code here, or at the identity provider.
//!
//! Not for: signing in (`sign`).

use crate::access::Principal;
use crate::register::RegisterError;
use crate::server::answer::ApiError;
use crate::server::call::Call;
use crate::server::viewer::ProofAsked;
use crate::server::{door, events, signin};

/// What has to be proved, when what was proved may be `fresh_s` seconds old.
pub fn asked(call: &Call, fresh_s: i64) -> ProofAsked {
    let Ok(principal) = call.principal() else { return ProofAsked::Relaunch };
    let fresh = principal.attributes.auth_time.is_some_and(|at| jiff::Timestamp::now().as_second() - at <= fresh_s);
    match &call.session {
        _ if fresh => ProofAsked::Nothing,
        Some(session) if principal.issuer == "local" && session.has_second_factor => ProofAsked::Code,
        Some(_) if principal.issuer == "local" => ProofAsked::Password,
        _ if signin::may_prove_again(call) => ProofAsked::SignInAgain,
        _ => ProofAsked::Relaunch,
    }
}

pub enum Proved {
    /// The proof of before is fresh enough.
    Fresh,
    /// Just now: the session has a new id, in this cookie, and this principal.
    Now(Box<(String, Principal)>),
    Not,
}

/// Asks for a fresh proof where the last one is old. A good one gives the session another id (spec access.md §10).
pub fn prove(call: &Call, fresh_s: i64) -> Result<Proved, ApiError> {
    let asked = asked(call, fresh_s);
    if asked == ProofAsked::Nothing {
        return Ok(Proved::Fresh);
    }
    let (Some(session), ProofAsked::Password | ProofAsked::Code) = (&call.session, asked) else { return Ok(Proved::Not) };
    let down = |error: RegisterError| door::register_down(&error);
    let register = &call.app.register;
    let proof = register.prove(session.who.account().unwrap_or_default(), call.field("password"), call.field("code"));
    if let Err(refusal) = call.wait(proof).map_err(down)? {
        events::own_account(call, "auth.step_up", Some(refusal.code()), Vec::new())?;
        return Ok(Proved::Not);
    }
    events::own_account(call, "auth.step_up", None, Vec::new())?;
    let id = call.cookie(call.session_cookie()).unwrap_or("");
    let renewed = call.wait(register.renew_session(id)).map_err(down)?.ok_or_else(ApiError::login)?;
    let principal = door::principal(&renewed.session).ok_or_else(ApiError::internal)?;
    Ok(Proved::Now(Box::new((super::sign::cookie(call, &renewed.id, ""), principal))))
}

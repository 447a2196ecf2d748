//! The session of a person who came from elsewhere, and its cookie.
//!
//! Not for: who he is (`person`, `signed`).

use zeroize::Zeroizing;

use crate::access::{Principal, Role, entry};
use crate::model::PatientKey;
use crate::register::{Begin, Context, Outside};
use crate::server::answer::ApiError;
use crate::server::call::Call;
use crate::server::{door, events};

use super::refusal::{Refusal, Stop};

/// A session that has begun.
pub struct Arrived {
    /// The header value that gives the browser its session.
    pub cookie: String,
    /// The window on the launched patient.
    pub window: Option<Context>,
}

/// Begins the session, with a window on `patient` when he was launched. Nobody is signed in unlogged: when the entry
/// cannot be written the session ends again.
pub fn begin(call: &Call, person: &Outside, role: Role, begin: Begin, patient: Option<&PatientKey>) -> Result<Arrived, Stop> {
    let register = &call.app.register;
    let old = call.cookie(call.session_cookie());
    let started = call.wait(register.start_outside_session(old, person, role.name(), begin))?;
    let opened = (|| {
        call.wait(register.came_from(&started.id, call.context.ip.as_deref(), call.context.user_agent.as_deref()))?;
        let window = patient.map(|patient| call.wait(register.open_context(&started.id, patient))).transpose()?;
        let principal = door::principal(&started.session).ok_or_else(ApiError::internal)?;
        let mut entry = entry("auth.login", &principal, &call.context);
        entry.detail.extend(proof(&principal));
        if let Some(window) = &window {
            entry.patients = vec![window.patient.clone()];
            entry.detail.push(("window", window.id.clone()));
        }
        events::write(call, entry)?;
        Ok::<_, Stop>(window)
    })();
    match opened {
        Ok(window) => {
            let cookie = session_cookie(call, &started.id, started.session.embedded, "");
            Ok(Arrived { cookie, window })
        }
        Err(stop) => {
            call.wait(register.end_session(&started.id))?;
            Err(stop)
        }
    }
}

/// How strongly the provider says that he proved it, where it says so.
fn proof(principal: &Principal) -> impl Iterator<Item = (&'static str, String)> {
    let said = &principal.attributes;
    let amr = Some(said.amr.join(" ")).filter(|methods| !methods.is_empty());
    [("acr", said.acr.clone()), ("amr", amr)].into_iter().filter_map(|(name, said)| Some((name, said?)))
}

/// The person before he has a session, for the gate.
pub fn principal(person: &Outside, role: Role) -> Result<Principal, Stop> {
    let attributes = serde_json::from_str(&person.attributes).map_err(|_| Refusal::bad_token("claims"))?;
    Ok(Principal::outside(&person.issuer, &person.subject, &person.name, role, attributes))
}

/// `Set-Cookie` for the session. In a frame of another site a browser sends only a cookie that says it may cross sites,
/// and keeps it apart for each site that frames us.
pub fn session_cookie(call: &Call, id: &str, embedded: bool, more: &str) -> String {
    cookie(call, call.session_cookie(), &Zeroizing::new(id.to_string()), embedded, more)
}

pub fn cookie(call: &Call, name: &str, value: &str, embedded: bool, more: &str) -> String {
    let site = match (call.is_secure(), embedded) {
        (true, true) => "SameSite=None; Secure; Partitioned",
        (true, false) => "SameSite=Lax; Secure",
        // Browsers take neither `None` nor the `__Host-` prefix without TLS; this is for one's own machine.
        (false, _) => "SameSite=Lax",
    };
    format!("{name}={value}; Path=/; HttpOnly; {site}{more}")
}

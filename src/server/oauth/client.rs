//! Who a program is: its assertion, held against its registered keys, and used up.
//!
//! Not for: what it may be given (`token`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::access::{KeySet, KeySource, KeysOfClient, Place, TokenError, check_assertion, client_claimed};
use crate::outbound::Caller;
use crate::register::{Client, ClientKeys};
use crate::server::answer::ApiError;
use crate::server::call::Call;
use crate::server::door::register_down;
use crate::server::events;

use super::{Refusal, once, refused, token_endpoint};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Key sets of programs that publish them, by address. Only addresses of the register come in.
#[derive(Debug, Default)]
pub struct ClientKeySources(Mutex<HashMap<String, Arc<KeySource>>>);

impl ClientKeySources {
    fn of(&self, url: &str) -> Result<Arc<KeySource>, ApiError> {
        let mut sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(source) = sources.get(url) {
            return Ok(source.clone());
        }
        let caller = Caller::new(None).map_err(|_| ApiError::internal())?;
        let source = Arc::new(KeySource::new(Place::Url(url.to_string()), caller));
        sources.insert(url.to_string(), source.clone());
        Ok(source)
    }
}

/// The program that sends this form, proven by its assertion. The assertion is used up by this.
pub(super) fn authenticate(call: &Call) -> Result<Client, Refusal> {
    let invalid = || Refusal::Told(401, "invalid_client", "The client could not be told by its assertion.");
    let endpoint = token_endpoint(call).ok_or(Refusal::Told(
        400,
        "invalid_request",
        "This archive has no public address, so no client can be told.",
    ))?;
    let assertion = once(call, "client_assertion")?;
    if once(call, "client_assertion_type")? != ASSERTION_TYPE || assertion.is_empty() {
        let told = Refusal::Told(400, "invalid_request", "A client_assertion of the type jwt-bearer is needed.");
        return Err(refused(call, once(call, "client_id")?, "no-assertion", "", told));
    }
    let claimed = client_claimed(assertion).map_err(|error| refused(call, "", error.code(), assertion, invalid()))?;
    let stated = once(call, "client_id")?;
    let register = &call.app.register;
    let known = call.wait(register.client(&claimed)).map_err(|error| register_down(&error))?;
    let refuse = |reason: &'static str| refused(call, &claimed, reason, assertion, invalid());
    let client = known.ok_or_else(|| refuse("unknown-client"))?;
    if client.disabled {
        return Err(refuse("disabled-client"));
    }
    if !stated.is_empty() && stated != client.id {
        return Err(refuse("other-client"));
    }
    let good = match &client.keys {
        ClientKeys::Set(set) => {
            let keys = KeySet::parse(set.as_bytes()).map_err(|_| ApiError::internal())?;
            check_assertion(assertion, &client.id, &endpoint, &keys as &dyn KeysOfClient)
        }
        ClientKeys::Url(url) => check_assertion(assertion, &client.id, &endpoint, &*call.app.client_keys.of(url)?),
    };
    let good = match good {
        Ok(good) => good,
        Err(TokenError::Unavailable) => {
            let told = Refusal::Told(503, "temporarily_unavailable", "The client's keys cannot be had at the moment.");
            return Err(refused(call, &client.id, TokenError::Unavailable.code(), assertion, told));
        }
        Err(error) => return Err(refuse(error.code())),
    };
    let expires = i64::try_from(good.expires).map_err(|_| refuse("time"))?;
    let first = call.wait(register.use_assertion(&client.id, &good.id, expires)).map_err(|error| register_down(&error))?;
    if !first {
        return Err(refuse("replayed"));
    }
    // The door counts those who come with a token; these come for one.
    let caller = format!("{} {}", call.app.tokens.urn(), client.id);
    call.app.rates.request(&caller).map_err(|exceeded| events::rate_limited(call, "requests", exceeded))?;
    Ok(client)
}

//! Where a key set comes from and how long it is believed: a file that is read again when it changes, or an address of
//! the configuration, asked seldom and never because a token says so more than once a minute (spec access.md §3).
//!
//! Not for: what a set holds (`jwks`).

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Map, Value};

use crate::limits::{DISCOVERY_BYTES_MAX, JWKS_BYTES_MAX};
use crate::outbound::{Caller, Reply};

use super::TokenError;
use super::jwks::{Key, KeySet};
use super::token_form;

/// After which time without a good answer the keys are believed no longer.
const HARD_AGE: Duration = Duration::from_secs(24 * 3600);
/// How long a set is fresh when its answer does not say.
const FRESH_FOR: Duration = Duration::from_secs(3600);
/// Least time between two attempts: after a good one because the set is stale, and in all other cases (an unknown key, an
/// attempt that failed). The last is for all names of keys together, so that no list of absent names has to be kept.
const REFRESH_EVERY: Duration = Duration::from_secs(300);
const RETRY_EVERY: Duration = Duration::from_secs(60);
/// Most requests that wait for one answer of an issuer. Further ones are told what is known without it: an issuer that is
/// slow must not take the threads by which everybody else is served.
const WAITING_MAX: usize = 16;

/// Where a set is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    File(PathBuf),
    Url(String),
    /// In the discovery document of this issuer (OpenID Connect Discovery §4).
    Discovery(String),
}

/// The keys of one issuer or client. One per process and issuer, shared by all requests.
pub struct KeySource {
    place: Place,
    caller: Caller,
    state: Mutex<State>,
    /// Held while a set is fetched: others who need it wait for that one answer.
    turn: Mutex<()>,
}

#[derive(Default)]
struct State {
    set: Option<Arc<KeySet>>,
    /// The discovery document that led to it.
    discovery: Option<Arc<Map<String, Value>>>,
    /// When the set in hand was last found good.
    good_at: Option<Instant>,
    fresh_for: Duration,
    tried_at: Option<Instant>,
    /// Requests that fetch, or wait for the answer.
    waiting: usize,
    /// Of the file that the set was read from.
    stamp: Option<(SystemTime, u64)>,
}

impl std::fmt::Debug for KeySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeySource").field("place", &self.place).finish_non_exhaustive()
    }
}

/// What one attempt brought.
struct Fetched {
    set: KeySet,
    discovery: Option<Map<String, Value>>,
    fresh_for: Duration,
}

impl KeySource {
    pub fn new(place: Place, caller: Caller) -> KeySource {
        KeySource { place, caller, state: Mutex::default(), turn: Mutex::default() }
    }

    /// The key of this name. May wait for one answer of the issuer: call it where blocking is allowed.
    ///
    /// # Errors
    /// `UnknownKey` when the issuer has no such key; `Unavailable` when its keys cannot be had.
    pub fn key(&self, kid: &str) -> Result<Key, TokenError> {
        self.key_at(kid, Instant::now())
    }

    /// The issuer's discovery document, as far as its keys were found by it.
    pub fn discovery(&self) -> Option<Arc<Map<String, Value>>> {
        let now = Instant::now();
        self.refresh_when(now, false, &|state| state.is_stale(now));
        self.state().discovery.clone()
    }

    pub(super) fn key_at(&self, kid: &str, now: Instant) -> Result<Key, TokenError> {
        self.refresh_when(now, false, &|state| state.is_stale(now));
        if let Some(key) = self.state().find(kid, now) {
            return Ok(key);
        }
        self.refresh_when(now, true, &|state| state.find(kid, now).is_none());
        let state = self.state();
        match state.believed(now) {
            None => Err(TokenError::Unavailable),
            Some(set) => set.get(kid).cloned().ok_or(TokenError::UnknownKey),
        }
    }

    /// Fetches the set when `is_due` says so and an attempt is allowed; of many who ask at once, one does. The others wait for
    /// his answer when they have `need` of it.
    fn refresh_when(&self, now: Instant, need: bool, is_due: &dyn Fn(&State) -> bool) {
        if let Place::File(path) = &self.place {
            return self.read_again(path, now);
        }
        {
            let mut state = self.state();
            let takes_part = match state.waiting {
                0 => state.may_try(now),
                others => need && others < WAITING_MAX,
            };
            if !takes_part || !is_due(&state) {
                return;
            }
            state.waiting += 1;
        }
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever had the turn before may have brought what is wanted, or have failed to.
        let is_wanted = {
            let mut state = self.state();
            let is_wanted = is_due(&state) && state.may_try(now);
            if is_wanted {
                state.tried_at = Some(now);
            }
            is_wanted
        };
        let fetched = is_wanted.then(|| self.fetch());
        let mut state = self.state();
        state.waiting -= 1;
        match fetched {
            Some(Ok(fetched)) => {
                state.set = Some(Arc::new(fetched.set));
                state.discovery = fetched.discovery.map(Arc::new);
                (state.good_at, state.fresh_for) = (Some(now), fetched.fresh_for);
            }
            Some(Err(why)) => {
                tracing::warn!(source = ?self.place, %why, "keys could not be fetched; those in hand stay until a day old");
            }
            None => {}
        }
        drop(state);
        drop(turn);
    }

    fn fetch(&self) -> Result<Fetched, String> {
        let (discovery, url) = match &self.place {
            Place::File(_) => return Err("not an address".into()),
            Place::Url(url) => (None, url.clone()),
            Place::Discovery(issuer) => {
                let document = self.discover(issuer)?;
                let url = document.get("jwks_uri").and_then(Value::as_str).ok_or("the discovery document names no keys")?;
                let url = url.to_string();
                (Some(document), url)
            }
        };
        let reply = self.get(&url, JWKS_BYTES_MAX)?;
        let set = KeySet::parse(&reply.body).map_err(|error| error.to_string())?;
        Ok(Fetched { set, discovery, fresh_for: fresh_for(reply.cache_control.as_deref()) })
    }

    /// The document must speak of the issuer that it was asked of (OpenID Connect Discovery §4.3).
    fn discover(&self, issuer: &str) -> Result<Map<String, Value>, String> {
        let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let reply = self.get(&url, DISCOVERY_BYTES_MAX)?;
        let document = token_form::object(&reply.body).ok_or("the discovery document is no JSON object")?;
        if document.get("issuer").and_then(Value::as_str) != Some(issuer) {
            return Err("the discovery document is another issuer's".into());
        }
        Ok(document)
    }

    fn get(&self, url: &str, most: u64) -> Result<Reply, String> {
        let reply = self.caller.get(url, &[("accept", "application/json")], most).map_err(|error| error.to_string())?;
        if reply.status == 200 { Ok(reply) } else { Err(format!("status {}", reply.status)) }
    }

    /// A file is looked at each time, which is one question to the file system.
    fn read_again(&self, path: &std::path::Path, now: Instant) {
        let mut state = self.state();
        let stamp = std::fs::metadata(path).and_then(|file| Ok((file.modified()?, file.len()))).ok();
        if stamp.is_some() && stamp == state.stamp {
            state.good_at = state.set.as_ref().map(|_| now).or(state.good_at);
            return;
        }
        let size = stamp.map_or(0, |(_, size)| size);
        let bytes = if size <= JWKS_BYTES_MAX { std::fs::read(path).ok() } else { None };
        match bytes.as_deref().map(KeySet::parse) {
            Some(Ok(set)) => {
                state.set = Some(Arc::new(set));
                (state.good_at, state.stamp) = (Some(now), stamp);
            }
            bad if state.tried_at.is_none_or(|tried| now.duration_since(tried) >= RETRY_EVERY) => {
                state.tried_at = Some(now);
                let why = bad.and_then(Result::err).map_or_else(|| "it cannot be read".to_string(), |error| error.to_string());
                tracing::warn!(path = %path.display(), %why, "the key file is not usable; keys read before stay until a day old");
            }
            _ => {}
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The set, unless it is too old to be believed.
    fn believed(&self, now: Instant) -> Option<&Arc<KeySet>> {
        let good_at = self.good_at?;
        self.set.as_ref().filter(|_| now.duration_since(good_at) < HARD_AGE)
    }

    fn find(&self, kid: &str, now: Instant) -> Option<Key> {
        self.believed(now)?.get(kid).cloned()
    }

    fn is_stale(&self, now: Instant) -> bool {
        let is_fresh = self.good_at.is_some_and(|at| now.duration_since(at) < self.fresh_for.max(REFRESH_EVERY));
        self.set.is_none() || !is_fresh
    }

    fn may_try(&self, now: Instant) -> bool {
        self.tried_at.is_none_or(|tried| now.duration_since(tried) >= RETRY_EVERY)
    }
}

/// How long the answer lets its set be held (RFC 9111 §5.2.2.1), at most a day.
fn fresh_for(cache_control: Option<&str>) -> Duration {
    let directives = cache_control.unwrap_or("").split(',').map(|part| part.trim().to_ascii_lowercase());
    let mut fresh = FRESH_FOR;
    for directive in directives {
        if directive == "no-store" || directive == "no-cache" {
            return Duration::ZERO;
        }
        if let Some(seconds) = directive.strip_prefix("max-age=").and_then(|text| text.trim_matches('"').parse().ok()) {
            fresh = Duration::from_secs(seconds);
        }
    }
    fresh.min(HARD_AGE)
}

#[cfg(test)]
#[path = "jwks_source_tests.rs"]
mod tests;

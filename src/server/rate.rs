//! How much one caller may ask: requests, searches for patients, and failed attempts to get in (spec access.md §11).
//!
//! Not for: bounds of one request (`router`), or the lock-out of an account (`register`).

use std::collections::HashMap;
use std::hash::RandomState;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::access::Principal;
use crate::config::HttpConfig;

/// Window in which failures are counted and a breach is told once.
const WINDOW: Duration = Duration::from_secs(60);
/// Most callers remembered in a window; when they are more, the oldest are forgotten.
const CALLERS_MAX: usize = 100_000;

type Limiter = RateLimiter<String, DashMapStateStore<String, RandomState>, DefaultClock>;

/// The limits of this process.
pub struct Rates {
    requests: Limiter,
    searches: Limiter,
    failures: Windows,
    failures_max: u32,
    told: Windows,
}

/// A caller asked too much: when to come again, and whether this breach is the first of its window and to be logged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Exceeded {
    pub retry_after_s: u64,
    pub is_first: bool,
}

impl Rates {
    pub fn new(config: &HttpConfig) -> Rates {
        let some = |n: u32| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        let requests = Quota::per_second(some(config.requests_per_second)).allow_burst(some(config.requests_burst));
        let searches = Quota::per_minute(some(config.patient_searches_per_minute));
        Rates {
            requests: RateLimiter::dashmap(requests),
            searches: RateLimiter::dashmap(searches),
            failures: Windows::default(),
            failures_max: config.failures_per_minute,
            told: Windows::default(),
        }
    }

    /// Counts one request of `caller`.
    pub fn request(&self, caller: &str) -> Result<(), Exceeded> {
        self.take(&self.requests, "request", caller)
    }

    /// Counts one search for patients by `caller`.
    pub fn search(&self, caller: &str) -> Result<(), Exceeded> {
        self.take(&self.searches, "search", caller)
    }

    fn take(&self, limiter: &Limiter, what: &str, caller: &str) -> Result<(), Exceeded> {
        limiter.check_key(&caller.to_string()).map_err(|not_yet| {
            let wait = not_yet.wait_time_from(DefaultClock::default().now());
            self.exceeded(what, caller, wait)
        })
    }

    /// Notes a failed attempt to get in from `address`.
    pub fn failed(&self, address: &str) {
        self.failures.note(address);
    }

    /// Whether `address` has failed too often to be heard.
    pub fn may_attempt(&self, address: &str) -> Result<(), Exceeded> {
        if self.failures.count(address) < self.failures_max {
            return Ok(());
        }
        Err(self.exceeded("failure", address, WINDOW))
    }

    /// Whether what `address` did is still to be logged, of which it may do as often as it likes.
    pub fn may_tell(&self, what: &str, address: &str) -> bool {
        self.told.note(&format!("{what} {address}")) <= self.failures_max
    }

    fn exceeded(&self, what: &str, caller: &str, wait: Duration) -> Exceeded {
        let is_first = self.told.note(&format!("{what} {caller}")) == 1;
        Exceeded { retry_after_s: wait.as_secs().max(1), is_first }
    }

    /// Forgets callers whose bucket is full again.
    pub fn sweep(&self) {
        self.requests.retain_recent();
        self.searches.retain_recent();
    }
}

/// The caller's name for the limits: the person or program, wherever it comes from.
pub fn caller_of(principal: &Principal) -> String {
    format!("{} {}", principal.issuer, principal.subject)
}

/// An address's name for the limits; of IPv6 the network, since one host has as many addresses there as it likes.
pub fn address_of(ip: Option<&str>) -> String {
    match ip.and_then(|ip| ip.parse::<std::net::IpAddr>().ok()) {
        Some(std::net::IpAddr::V6(six)) => format!("{:x?}", &six.segments()[..4]),
        Some(four) => four.to_string(),
        None => "unknown".to_string(),
    }
}

/// Counts by name within a window.
#[derive(Default)]
struct Windows(Mutex<HashMap<String, (Instant, u32)>>);

impl Windows {
    /// Counts one and gives the count of the running window.
    fn note(&self, name: &str) -> u32 {
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if map.len() >= CALLERS_MAX {
            map.retain(|_, (since, _)| since.elapsed() < WINDOW);
            // A flood within one window: better to begin anew than to grow.
            if map.len() >= CALLERS_MAX {
                map.clear();
            }
        }
        let (since, count) = map.entry(name.to_string()).or_insert_with(|| (Instant::now(), 0));
        if since.elapsed() >= WINDOW {
            (*since, *count) = (Instant::now(), 0);
        }
        *count = count.saturating_add(1);
        *count
    }

    fn count(&self, name: &str) -> u32 {
        let map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        map.get(name).filter(|(since, _)| since.elapsed() < WINDOW).map_or(0, |(_, count)| *count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates() -> Rates {
        let config = HttpConfig {
            requests_per_second: 1,
            requests_burst: 3,
            patient_searches_per_minute: 2,
            failures_per_minute: 2,
            ..HttpConfig::default()
        };
        Rates::new(&config)
    }

    #[test]
    fn one_caller_is_held_back_and_another_is_not() {
        let rates = rates();
        assert_eq!((0..3).filter(|_| rates.request("local a").is_ok()).count(), 3);
        let first = rates.request("local a").unwrap_err();
        assert!(first.is_first && first.retry_after_s >= 1);
        assert!(!rates.request("local a").unwrap_err().is_first);
        assert!(rates.request("local b").is_ok());
        assert_eq!((0..5).filter(|_| rates.search("local a").is_ok()).count(), 2);
    }

    #[test]
    fn an_address_that_fails_too_often_is_not_heard() {
        let rates = rates();
        assert!(rates.may_attempt("10.0.0.1").is_ok());
        rates.failed("10.0.0.1");
        assert!(rates.may_attempt("10.0.0.1").is_ok());
        rates.failed("10.0.0.1");
        assert!(rates.may_attempt("10.0.0.1").is_err());
        assert!(rates.may_attempt("10.0.0.2").is_ok());
    }

    #[test]
    fn one_ipv6_network_is_one_caller() {
        assert_eq!(address_of(Some("2001:db8:1:2::1")), address_of(Some("2001:db8:1:2:ffff::9")));
        assert_ne!(address_of(Some("2001:db8:1:2::1")), address_of(Some("2001:db8:1:3::1")));
        assert_eq!(address_of(Some("10.0.0.1")), "10.0.0.1");
    }
}

//! A live session as callers see it, the same in a list, and how long sessions live.
//!
//! Not for: looking one up (`session`), its row (`row`).

use std::fmt::{self, Write as _};

use subtle::ConstantTimeEq;

use crate::register::settings::Settings;
use crate::register::who::Who;

/// How long sessions live, in seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionTimes {
    pub idle_s: i64,
    pub absolute_s: i64,
}

impl Default for SessionTimes {
    /// 15 minutes idle, 12 hours in all.
    fn default() -> SessionTimes {
        SessionTimes { idle_s: 15 * 60, absolute_s: 12 * 3600 }
    }
}

/// A live session.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    pub who: Who,
    pub display_name: String,
    /// The active role and all that the person holds.
    pub role: String,
    pub roles: Vec<String>,
    /// JSON, as it was given at sign-in.
    pub attributes: String,
    /// Opens launched patients alone.
    pub bound: bool,
    /// Begun where the EHR may show it in a frame.
    pub embedded: bool,
    /// SHA-256 of the id cut to 16 bytes, in hex: what audit entries say.
    pub audit_id: String,
    /// Unix seconds at which it ends when nothing more happens.
    pub ends: i64,
    /// Unix seconds at which the person last proved who he is.
    pub auth_time: i64,
    /// What the account's holder must do before anything else, and what he has done.
    pub must_change: bool,
    pub second_factor_required: bool,
    pub has_second_factor: bool,
    /// What the person has chosen for his pages.
    pub settings: Settings,
    pub(super) csrf: String,
}

impl fmt::Debug for Session {
    /// Without the CSRF token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("who", &self.who)
            .field("role", &self.role)
            .field("audit_id", &self.audit_id)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// The synchroniser token to be put into forms.
    pub fn csrf(&self) -> &str {
        &self.csrf
    }

    /// Whether `given` is this session's token; takes the same time wherever they differ.
    pub fn csrf_matches(&self, given: &str) -> bool {
        self.csrf.as_bytes().ct_eq(given.as_bytes()).into()
    }
}

/// A session as its owner or an administrator sees it listed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionSummary {
    pub audit_id: String,
    pub who: Who,
    pub name: String,
    pub role: String,
    /// Unix seconds.
    pub created: i64,
    pub last_seen: i64,
    pub ip: Option<String>,
    pub agent: Option<String>,
    /// Whether it came from a launch with a patient.
    pub launched: bool,
}

pub(super) fn audit_id(hash: &[u8]) -> String {
    hash.iter().take(16).fold(String::with_capacity(32), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

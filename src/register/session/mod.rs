//! Sessions of signed-in people (spec access.md §10): opaque random ids, kept only as their hashes. Here is what a session
//! is and how one is looked up.
//!
//! Not for: cookies and headers (`server`), principals (`access`), or launched patients (`context`).

mod begin;
mod end;
mod row;

use std::fmt::{self, Write as _};

use sha2::{Digest, Sha256};
use sqlx::SqliteConnection;
use subtle::ConstantTimeEq;

use super::{Register, RegisterError, Settings, now};
use row::{SELECT, SessionRow};

pub use begin::{Begin, Outside, StartedSession};

/// A session is marked as seen at most this often, so that reading charts does not write to the register each time.
/// The idle time may thus end this much early, never late.
const SEEN_EVERY_S: i64 = 10;

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

/// Whether a request shows that the person is there. Polling by scripts must not keep a session alive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Activity {
    Person,
    Script,
}

/// Whose a session is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Who {
    /// An account of this archive, by name.
    Account(String),
    /// A person whom an issuer vouches for; he is this pair and nothing less.
    Outside { issuer: String, subject: String },
}

impl Who {
    pub fn account(&self) -> Option<&str> {
        match self {
            Who::Account(name) => Some(name),
            Who::Outside { .. } => None,
        }
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
    csrf: String,
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

impl Register {
    async fn live(&self, connection: &mut SqliteConnection, id: &str) -> Result<Option<SessionRow>, RegisterError> {
        let now = now();
        let row: Option<SessionRow> = sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} AND s.id_hash = ?3")))
            .bind(now - self.times.idle_s)
            .bind(now - self.times.absolute_s)
            .bind(&id_hash(id)[..])
            .fetch_optional(connection)
            .await?;
        Ok(row.filter(SessionRow::holds_its_role))
    }

    /// The live session behind a cookie; `None` when there is none, it has ended, or its account has been disabled or
    /// has lost the role. A person's activity keeps it alive.
    pub async fn session(&self, id: &str, activity: Activity) -> Result<Option<Session>, RegisterError> {
        let mut connection = self.pool.acquire().await?;
        let Some(mut row) = self.live(&mut connection, id).await? else { return Ok(None) };
        let now = now();
        if activity == Activity::Person && now - row.last_seen >= SEEN_EVERY_S {
            row.last_seen = now;
            sqlx::query("UPDATE sessions SET last_seen = ? WHERE id_hash = ?")
                .bind(now)
                .bind(&row.hash)
                .execute(&mut *connection)
                .await?;
        }
        Ok(Some(row.into_session(self.times)))
    }

    /// The live sessions, the newest first: of one person, or of everyone.
    pub async fn sessions(&self, of: Option<&Who>) -> Result<Vec<SessionSummary>, RegisterError> {
        let now = now();
        let rows: Vec<SessionRow> = sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} ORDER BY s.created DESC")))
            .bind(now - self.times.idle_s)
            .bind(now - self.times.absolute_s)
            .fetch_all(&self.pool)
            .await?;
        let wanted = |row: &SessionRow| row.holds_its_role() && of.is_none_or(|who| row.who == *who);
        Ok(rows.into_iter().filter(wanted).map(SessionRow::into_summary).collect())
    }
}

pub(super) fn id_hash(id: &str) -> [u8; 32] {
    Sha256::digest(id.as_bytes()).into()
}

fn audit_id(hash: &[u8]) -> String {
    hash.iter().take(16).fold(String::with_capacity(32), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

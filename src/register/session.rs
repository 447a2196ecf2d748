//! Sessions of signed-in people (spec access.md §10): opaque random ids, kept only as their hashes.
//!
//! Not for: cookies and headers (`server`), or principals (`access`).

use std::fmt::{self, Write as _};

use sha2::{Digest, Sha256};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{Register, RegisterError, now, password};

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

/// A live session.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    pub account: String,
    pub display_name: String,
    /// The active role and all that the account holds.
    pub role: String,
    pub roles: Vec<String>,
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
    csrf: String,
}

impl fmt::Debug for Session {
    /// Without the CSRF token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("account", &self.account)
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

/// A session that has just begun, with the secret for the cookie.
pub struct StartedSession {
    pub id: Zeroizing<String>,
    pub session: Session,
}

impl fmt::Debug for StartedSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartedSession").field("session", &self.session).finish_non_exhaustive()
    }
}

/// A row of `sessions` with what is needed of its account.
struct SessionRow {
    account: String,
    display_name: String,
    role: String,
    roles: String,
    csrf: String,
    created: i64,
    last_seen: i64,
    auth_time: i64,
    must_change: bool,
    second_factor_required: bool,
    has_second_factor: bool,
}

impl FromRow<'_, SqliteRow> for SessionRow {
    fn from_row(row: &SqliteRow) -> Result<SessionRow, sqlx::Error> {
        Ok(SessionRow {
            account: row.try_get("account")?,
            display_name: row.try_get("display_name")?,
            role: row.try_get("role")?,
            roles: row.try_get("roles")?,
            csrf: row.try_get("csrf")?,
            created: row.try_get("created")?,
            last_seen: row.try_get("last_seen")?,
            auth_time: row.try_get("auth_time")?,
            must_change: row.try_get("must_change")?,
            second_factor_required: row.try_get("totp_required")?,
            has_second_factor: row.try_get("has_second_factor")?,
        })
    }
}

impl Register {
    /// Begins a session of `account` in `role`.
    ///
    /// # Errors
    /// `Unknown` when the account is not there or disabled, `RoleNotHeld` when it lacks the role.
    pub async fn start_session(&self, account: &str, role: &str) -> Result<StartedSession, RegisterError> {
        let account = self.account(account).await?.filter(|account| !account.disabled).ok_or(RegisterError::Unknown)?;
        if !account.holds(role) {
            return Err(RegisterError::RoleNotHeld);
        }
        let (id, csrf) = (password::random_text::<32>()?, password::random_text::<32>()?);
        let now = now();
        sqlx::query(
            "INSERT INTO sessions (id_hash, account, role, csrf, created, last_seen, auth_time) VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?5)",
        )
        .bind(&id_hash(&id)[..])
        .bind(&account.name)
        .bind(role)
        .bind(csrf.as_str())
        .bind(now)
        .execute(&self.pool)
        .await?;
        let session = Session {
            account: account.name,
            display_name: account.display_name,
            role: role.into(),
            roles: account.roles,
            audit_id: audit_id(&id_hash(&id)),
            ends: now + self.times.idle_s.min(self.times.absolute_s),
            auth_time: now,
            must_change: account.must_change,
            second_factor_required: account.second_factor_required,
            has_second_factor: account.has_second_factor,
            csrf: csrf.to_string(),
        };
        Ok(StartedSession { id, session })
    }

    /// The live session behind a cookie; `None` when there is none, it has ended, or its account has been disabled or
    /// has lost the role. A person's activity keeps it alive.
    pub async fn session(&self, id: &str, activity: Activity) -> Result<Option<Session>, RegisterError> {
        let hash = id_hash(id);
        let now = now();
        let row: Option<SessionRow> = sqlx::query_as(
            "SELECT s.account, a.display_name, s.role, a.roles, s.csrf, s.created, s.last_seen, s.auth_time, \
               a.must_change, a.totp_required, a.totp_secret IS NOT NULL AS has_second_factor \
             FROM sessions s JOIN accounts a ON a.name = s.account \
             WHERE s.id_hash = ? AND a.disabled = 0 AND s.last_seen > ? AND s.created > ?",
        )
        .bind(&hash[..])
        .bind(now - self.times.idle_s)
        .bind(now - self.times.absolute_s)
        .fetch_optional(&self.pool)
        .await?;
        let Some(mut row) = row.filter(|row| row.roles.split_whitespace().any(|held| held == row.role)) else {
            return Ok(None);
        };
        if activity == Activity::Person && now - row.last_seen >= SEEN_EVERY_S {
            row.last_seen = now;
            sqlx::query("UPDATE sessions SET last_seen = ? WHERE id_hash = ?")
                .bind(now)
                .bind(&hash[..])
                .execute(&self.pool)
                .await?;
        }
        Ok(Some(Session {
            ends: (row.last_seen + self.times.idle_s).min(row.created + self.times.absolute_s),
            account: row.account,
            display_name: row.display_name,
            role: row.role,
            roles: row.roles.split_whitespace().map(String::from).collect(),
            auth_time: row.auth_time,
            must_change: row.must_change,
            second_factor_required: row.second_factor_required,
            has_second_factor: row.has_second_factor,
            audit_id: audit_id(&hash),
            csrf: row.csrf,
        }))
    }

    /// The same person in another of his roles, under a new id and a new CSRF token; the old id is void. The absolute
    /// end stays where it was. `None` when the session is not live.
    ///
    /// # Errors
    /// `RoleNotHeld` when the account lacks the role.
    pub async fn switch_role(&self, id: &str, role: &str) -> Result<Option<StartedSession>, RegisterError> {
        let Some(mut session) = self.session(id, Activity::Person).await? else { return Ok(None) };
        if !session.roles.iter().any(|held| held == role) {
            return Err(RegisterError::RoleNotHeld);
        }
        let (new_id, csrf) = (password::random_text::<32>()?, password::random_text::<32>()?);
        let changed = sqlx::query("UPDATE sessions SET id_hash = ?, role = ?, csrf = ? WHERE id_hash = ?")
            .bind(&id_hash(&new_id)[..])
            .bind(role)
            .bind(csrf.as_str())
            .bind(&id_hash(id)[..])
            .execute(&self.pool)
            .await?;
        if changed.rows_affected() == 0 {
            return Ok(None);
        }
        session.audit_id = audit_id(&id_hash(&new_id));
        session.role = role.into();
        session.csrf = csrf.to_string();
        Ok(Some(StartedSession { id: new_id, session }))
    }

    /// The same session after its person has proved again who he is: under a new id, with this instant as its time of
    /// proof. `None` when it is not live.
    pub async fn renew_session(&self, id: &str) -> Result<Option<StartedSession>, RegisterError> {
        let Some(session) = self.session(id, Activity::Person).await? else { return Ok(None) };
        let Some(mut started) = self.switch_role(id, &session.role).await? else { return Ok(None) };
        started.session.auth_time = now();
        sqlx::query("UPDATE sessions SET auth_time = ? WHERE id_hash = ?")
            .bind(started.session.auth_time)
            .bind(&id_hash(&started.id)[..])
            .execute(&self.pool)
            .await?;
        Ok(Some(started))
    }

    /// Ends one session (sign-out). Ending one that is not there is no error.
    pub async fn end_session(&self, id: &str) -> Result<(), RegisterError> {
        sqlx::query("DELETE FROM sessions WHERE id_hash = ?").bind(&id_hash(id)[..]).execute(&self.pool).await?;
        Ok(())
    }

    /// Ends all sessions of an account; returns how many there were.
    pub async fn end_sessions_of(&self, account: &str) -> Result<u64, RegisterError> {
        let ended = sqlx::query("DELETE FROM sessions WHERE account = ?").bind(account).execute(&self.pool).await?;
        Ok(ended.rows_affected())
    }

    /// Removes sessions and revocations that time has ended; to be called now and then.
    pub async fn sweep(&self) -> Result<(), RegisterError> {
        let now = now();
        sqlx::query("DELETE FROM sessions WHERE last_seen <= ? OR created <= ?")
            .bind(now - self.times.idle_s)
            .bind(now - self.times.absolute_s)
            .execute(&self.pool)
            .await?;
        self.forget_ended_revocations(now).await
    }
}

pub(super) fn id_hash(id: &str) -> [u8; 32] {
    Sha256::digest(id.as_bytes()).into()
}

fn audit_id(hash: &[u8; 32]) -> String {
    hash[..16].iter().fold(String::with_capacity(32), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

//! Sessions of signed-in people (spec access.md §10): opaque random ids, kept only as their hashes. Here is how one is
//! looked up.
//!
//! Not for: what one is (`live`), cookies and headers (`server`), principals (`access`), or launched patients (`context`).

mod begin;
mod end;
mod live;
mod row;

use sha2::{Digest, Sha256};
use sqlx::SqliteConnection;

use super::who::Who;
use super::{Register, RegisterError, now};
use row::{SELECT, SessionRow};

pub use begin::{Begin, Outside, StartedSession};
pub use live::{Session, SessionSummary, SessionTimes};

/// A session is marked as seen at most this often, so that reading charts does not write to the register each time.
/// The idle time may thus end this much early, never late.
const SEEN_EVERY_S: i64 = 10;

/// Whether a request shows that the person is there. Polling by scripts must not keep a session alive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Activity {
    Person,
    Script,
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

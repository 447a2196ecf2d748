//! Notices on their way out: a durable outbox, so that a notice that could not be delivered is tried again, after a
//! restart too.
//!
//! Not for: sending (`server`), or what a notice says.

use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row, SqliteConnection};

use super::{Register, RegisterError, now};

/// For how long a notice belongs to the process that took it up.
const CLAIMED_FOR_S: i64 = 60;
/// The first wait after a failure; each further one is twice as long, up to a bound.
const WAIT_S: i64 = 2;
const WAIT_MOST_S: i64 = 300;

/// By which way a notice goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Channel {
    Webhook,
    Syslog,
}

impl Channel {
    pub fn name(self) -> &'static str {
        match self {
            Channel::Webhook => "webhook",
            Channel::Syslog => "syslog",
        }
    }

    fn from_name(name: &str) -> Option<Channel> {
        [Channel::Webhook, Channel::Syslog].into_iter().find(|channel| channel.name() == name)
    }
}

/// A notice that is to be sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice {
    pub number: i64,
    pub channel: Channel,
    /// What it tells of, as audit entries call it.
    pub about: String,
    /// JSON.
    pub body: String,
    /// Unix seconds.
    pub created: i64,
    /// Attempts, the present one counted.
    pub attempts: i64,
}

impl FromRow<'_, SqliteRow> for Notice {
    fn from_row(row: &SqliteRow) -> Result<Notice, sqlx::Error> {
        let channel: String = row.try_get("channel")?;
        Ok(Notice {
            number: row.try_get("number")?,
            channel: Channel::from_name(&channel).ok_or_else(|| sqlx::Error::Decode("an unknown channel".into()))?,
            about: row.try_get("about")?,
            body: row.try_get("body")?,
            created: row.try_get("created")?,
            attempts: row.try_get("attempts")?,
        })
    }
}

pub(super) async fn insert(
    connection: &mut SqliteConnection,
    channel: Channel,
    about: &str,
    body: &str,
) -> Result<(), RegisterError> {
    sqlx::query("INSERT INTO notices (channel, about, body, created, next_try) VALUES (?1, ?2, ?3, ?4, ?4)")
        .bind(channel.name())
        .bind(about)
        .bind(body)
        .bind(now())
        .execute(connection)
        .await?;
    Ok(())
}

impl Register {
    /// Lays a notice out to be sent.
    pub async fn put_notice(&self, channel: Channel, about: &str, body: &str) -> Result<(), RegisterError> {
        insert(&mut *self.pool.acquire().await?, channel, about, body).await
    }

    /// Takes up the notices that are due. Until they are settled nobody else gets them, or for a minute.
    pub async fn due_notices(&self, most: i64) -> Result<Vec<Notice>, RegisterError> {
        Ok(sqlx::query_as(
            "UPDATE notices SET attempts = attempts + 1, next_try = ?1 + ?2 WHERE number IN \
             (SELECT number FROM notices WHERE done = 0 AND next_try <= ?1 ORDER BY number LIMIT ?3) RETURNING *",
        )
        .bind(now())
        .bind(CLAIMED_FOR_S)
        .bind(most)
        .fetch_all(&self.pool)
        .await?)
    }

    /// The notice was delivered, or given up.
    pub async fn notice_done(&self, number: i64) -> Result<(), RegisterError> {
        sqlx::query("UPDATE notices SET done = ? WHERE number = ?").bind(now()).bind(number).execute(&self.pool).await?;
        Ok(())
    }

    /// The notice is tried again later, the later the more often it failed.
    pub async fn notice_later(&self, notice: &Notice) -> Result<(), RegisterError> {
        let wait = WAIT_S << (notice.attempts.clamp(1, 10) - 1);
        sqlx::query("UPDATE notices SET next_try = ? WHERE number = ?")
            .bind(now() + wait.min(WAIT_MOST_S))
            .bind(notice.number)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

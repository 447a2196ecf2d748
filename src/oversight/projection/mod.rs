//! The projection: the access log as tables that answer a report's questions quickly. An SQLite file beside the log, filled
//! from it entry by entry, and made anew from it at any time.
//!
//! Each batch is one transaction that holds the acts and how far the stream was taken in, so a crash leaves both or neither.
//! Before a stream is taken further its last entry is compared with the log: one that a crash cut off is forgotten again.
//! Several processes may fill the file; each batch starts where the file says. Not for: proof. A report names the entries
//! that it stands on, and those are proved in the log (`audit`).

mod ask;
mod figures;
mod fill;
mod past;
mod place;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use tokio::runtime::Runtime;

use crate::audit::{self, LogError, ProofError};
use crate::durable::{self, DurableError};
use crate::model::hex;

pub use ask::{Order, Seen, Select, Tally, UserPatient};
pub use figures::{RoleDay, UserDay};
pub use place::Original;

/// The file's name inside an archive.
pub const OVERSIGHT_FILE: &str = "oversight.db";

const SCHEMA: &str = include_str!("schema.sql");
const INDEXES: &str = include_str!("indexes.sql");
const TABLES: [&str; 11] =
    ["about", "stream", "place", "user", "patient", "word", "act", "user_day", "user_hour", "user_chart", "stale"];

const BUSY_TIMEOUT: Duration = Duration::from_secs(60);
const CONNECTIONS_MAX: u32 = 4;
/// Memory that one connection keeps of the file, in KiB.
const CACHE_KIB: u32 = 64 << 10;

/// Why the projection cannot be filled or asked. The texts hold nothing of an entry.
#[derive(Debug, thiserror::Error)]
pub enum OversightError {
    #[error("the projection of the access log cannot be used: {0}")]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Proof(#[from] ProofError),
    #[error(transparent)]
    File(#[from] DurableError),
    #[error("no runtime for the projection: {0}")]
    Runtime(std::io::Error),
    #[error("stream {0} has more entries than the projection can number")]
    TooLong(String),
    /// A question that would take more than it may; the text says how to ask for less.
    #[error("{0}")]
    TooMuch(&'static str),
    #[error("{0}")]
    BadQuestion(String),
    #[error("the data of the program are wrong: {0}")]
    Program(String),
}

/// How far one stream is taken in, and which of its signed checkpoints covers how much of that.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct StandsAt {
    pub stream: String,
    /// Entries taken in: the numbers from 0 to one less.
    pub entries: u64,
    /// Entries under the stream's last signed checkpoint, and its root in base64; `None` when there is no checkpoint.
    pub checkpoint: Option<(u64, String)>,
}

/// An open projection. Its calls wait for the disk: not for async code.
pub struct Projection {
    /// Always there until the drop.
    runtime: Option<Runtime>,
    pool: SqlitePool,
    archive: PathBuf,
    /// Where "off hours" are told.
    zone: TimeZone,
    known: Mutex<Known>,
}

/// Ids given already, of the file as it was when `epoch` was read.
#[derive(Default)]
struct Known {
    epoch: String,
    words: HashMap<String, i64>,
    patients: HashMap<String, i64>,
    users: HashMap<(String, String), (i64, String)>,
}

impl std::fmt::Debug for Projection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Projection({})", self.archive.display())
    }
}

impl Drop for Projection {
    /// The threads of SQLite end by themselves; a runtime may not wait for anything where async code drops it.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Projection {
    /// Opens the projection of an archive, makes it when it is absent, and makes it anew when it is of another version.
    pub fn open(archive: &Path) -> Result<Projection, OversightError> {
        Projection::open_in(archive, TimeZone::system())
    }

    /// As [`Projection::open`], with the zone that tells which hours are off.
    pub fn open_in(archive: &Path, zone: TimeZone) -> Result<Projection, OversightError> {
        let path = archive.join(OVERSIGHT_FILE);
        match durable::write_secret(&path, b"") {
            Err(error) if !error.is_already_exists() => return Err(error.into()),
            _ => {}
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(OversightError::Runtime)?;
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .busy_timeout(BUSY_TIMEOUT)
            .journal_mode(SqliteJournalMode::Wal)
            // What a power cut takes is read from the log again.
            .synchronous(SqliteSynchronous::Normal)
            .pragma("cache_size", format!("-{CACHE_KIB}"))
            .pragma("temp_store", "memory");
        let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS_MAX);
        let pool = runtime.block_on(pool.connect_with(options))?;
        let projection =
            Projection { runtime: Some(runtime), pool, archive: archive.to_path_buf(), zone, known: Mutex::default() };
        projection.wait(projection.prepare(false))?;
        Ok(projection)
    }

    /// Forgets everything and reads the log from its beginning. Returns the entries read.
    pub fn rebuild(&self) -> Result<u64, OversightError> {
        self.wait(self.prepare(true))?;
        self.catch_up()
    }

    /// Takes in what the log has by now. Returns the entries read.
    pub fn catch_up(&self) -> Result<u64, OversightError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let filled = self.wait(self.fill(&mut known));
        if filled.is_err() {
            // Ids given in a transaction that failed were never given.
            *known = Known::default();
        }
        filled
    }

    /// How far each stream is taken in.
    pub fn stands_at(&self) -> Result<Vec<StandsAt>, OversightError> {
        let question = "SELECT name, next_seq FROM stream ORDER BY name";
        let streams: Vec<(String, i64)> = self.wait(sqlx::query_as(question).fetch_all(&self.pool))?;
        let stands = streams.into_iter().map(|(stream, next)| {
            let checkpoint = audit::last_checkpoint(&self.archive, &stream);
            StandsAt { stream, entries: next.unsigned_abs(), checkpoint }
        });
        Ok(stands.collect())
    }

    /// The zone that tells which hours are off and where a day begins.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The folder of the archive whose log this is.
    pub fn archive(&self) -> &Path {
        &self.archive
    }

    /// Runs a question of the database to its end.
    fn wait<F: Future>(&self, work: F) -> F::Output {
        match &self.runtime {
            Some(runtime) => runtime.block_on(work),
            None => unreachable!("only a drop takes the runtime, and nothing is asked after it"),
        }
    }

    /// Brings the file to the tables of this version; with `anew` also when they are there.
    async fn prepare(&self, anew: bool) -> Result<(), OversightError> {
        let version = hex(&Sha256::digest([SCHEMA, INDEXES].concat()));
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let has_about: Option<i64> =
            sqlx::query_scalar("SELECT 1 FROM sqlite_master WHERE name = 'about'").fetch_optional(&mut *transaction).await?;
        let is_current = has_about.is_some() && {
            let found: Option<String> =
                sqlx::query_scalar("SELECT value FROM about WHERE name = 'schema'").fetch_optional(&mut *transaction).await?;
            found.as_deref() == Some(&version)
        };
        if is_current && !anew {
            return Ok(());
        }
        for table in TABLES {
            sqlx::raw_sql(sqlx::AssertSqlSafe(format!("DROP TABLE IF EXISTS {table}"))).execute(&mut *transaction).await?;
        }
        sqlx::raw_sql(SCHEMA).execute(&mut *transaction).await?;
        let facts = [("schema", version), ("epoch", uuid::Uuid::new_v4().to_string())];
        for (name, value) in facts {
            let insert = sqlx::query("INSERT INTO about (name, value) VALUES (?, ?)").bind(name).bind(value);
            insert.execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}

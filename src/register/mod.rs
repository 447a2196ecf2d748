//! The register: workflow state that changes, in one embedded SQLite file: accounts, sessions, revoked tokens, programs,
//! uses of break-glass and their review, alerts, notices on their way, care relations, requests for records.
//!
//! Not for: what happened (`audit`), statements about records (`statements`), or what a role may do (`access`).
//! Role names are plain text here. Several processes use the file at once: every change is one statement or one
//! immediate transaction.

mod account;
mod alert;
mod blocking;
mod break_glass;
mod care_relation;
mod client;
mod context;
mod disclosure;
mod known;
mod notice;
mod password;
mod reasons;
mod release;
mod release_way;
mod review;
mod revocation;
mod session;
mod settings;
mod signin;
mod totp;
mod who;

#[cfg(test)]
mod break_glass_tests;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use tokio::sync::Semaphore;

use crate::durable::{self, DurableError};

pub use account::{Account, LoginRefusal, NewAccount, Terms, is_account_name};
pub use alert::{Alert, NewAlert};
pub use blocking::BlockingRegister;
pub use break_glass::{BreakGlassRefusal, BreakGlassUse, Emergency, NewBreakGlass, REASON_CHARS_MIN};
pub use care_relation::CareRelation;
pub use client::{Client, ClientKeys};
pub use context::Context;
pub use disclosure::Suspension;
pub use notice::{Channel, Notice};
pub use password::{PasswordRefusal, PasswordRules, generate_password};
pub use reasons::{Reason, reason, reasons};
pub use release::{BatesRange, KeptStep, ReleaseFacts, ReleaseRow, step_digest};
pub use release_way::{PendingHandover, ReleaseLink};
pub use review::{NewReview, Review, Reviewed, Verdict};
pub use revocation::TokenMark;
pub use session::{Activity, Begin, Outside, Session, SessionSummary, SessionTimes, StartedSession};
pub use settings::{Settings, Theme};
pub use signin::{SentAway, SignInUnderWay};
pub use totp::Enrolment;
pub use who::Who;

/// The file's name inside an archive.
pub const REGISTER_FILE: &str = "register.db";

/// How long a writer waits for another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECTIONS_MAX: u32 = 4;
/// Password hashes computed at the same time: each takes 19 MiB, and a flood of sign-ins must not take the memory.
const HASHES_AT_ONCE: usize = 2;

/// One step per version of the file; only ever appended to. `PRAGMA user_version` counts the steps taken.
const MIGRATIONS: &[&str] = &[
    include_str!("001_accounts_and_sessions.sql"),
    include_str!("002_accounts.sql"),
    include_str!("003_break_glass.sql"),
    include_str!("004_outside_identity.sql"),
    include_str!("005_clients.sql"),
    include_str!("006_care_relations.sql"),
    include_str!("007_disclosures.sql"),
    include_str!("008_releases.sql"),
    include_str!("009_alerts_and_revocations.sql"),
    include_str!("010_release_desk.sql"),
    include_str!("011_settings.sql"),
];

/// Why the register refused or failed. The texts carry no secrets and no patient data.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    #[error("the register cannot be used: {0}")]
    Database(#[from] sqlx::Error),
    #[error("the register was written by a newer version of this program (step {0})")]
    TooNew(i64),
    #[error("an account of this name exists already")]
    Exists,
    #[error("no account of this name")]
    Unknown,
    #[error("a client of this name exists already")]
    ClientExists,
    #[error("no client of this name")]
    UnknownClient,
    #[error("no suspension of this id is in force")]
    UnknownSuspension,
    #[error("no request of this number")]
    UnknownRelease,
    #[error("somebody else changed the request meanwhile")]
    ReleaseMoved,
    #[error("the steps of the request are not those that were written")]
    ReleaseChanged,
    #[error("there are no Bates numbers to give")]
    NoNumbers,
    #[error("an account name is 1 to 64 letters, digits, or . _ - @")]
    BadName,
    #[error(transparent)]
    BadPassword(PasswordRefusal),
    #[error("the list of known passwords {}: {what}", path.display())]
    KnownPasswords { path: PathBuf, what: &'static str },
    #[error("no use of break-glass of this name")]
    UnknownBreakGlass,
    #[error("who broke the glass cannot review it")]
    OwnBreakGlass,
    #[error("too many sign-ins are under way")]
    TooMany,
    #[error("the account does not hold this role")]
    RoleNotHeld,
    #[error("the password could not be hashed")]
    Hashing,
    #[error("the system gives no random numbers")]
    NoRandomness,
    #[error("no runtime for the register: {0}")]
    Runtime(std::io::Error),
    #[error(transparent)]
    File(#[from] DurableError),
}

/// An open register. Cheap to clone; safe to share between threads.
#[derive(Clone, Debug)]
pub struct Register {
    pool: SqlitePool,
    times: SessionTimes,
    hashing: Arc<Semaphore>,
    rules: Arc<PasswordRules>,
}

impl Register {
    /// Opens the register at `path`, makes it when absent, and brings it up to this version's tables.
    ///
    /// # Errors
    /// `TooNew` when a later version has changed the tables; `Database` for anything that SQLite reports.
    pub async fn open(path: &Path, times: SessionTimes) -> Result<Register, RegisterError> {
        create_private(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .busy_timeout(BUSY_TIMEOUT)
            .journal_mode(SqliteJournalMode::Wal)
            // A committed lock-out or ended session must survive a power cut; NORMAL may lose the last ones under WAL.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true);
        let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS_MAX).connect_with(options).await?;
        migrate(&pool).await?;
        let hashing = Arc::new(Semaphore::new(HASHES_AT_ONCE));
        Ok(Register { pool, times, hashing, rules: Arc::new(PasswordRules::default()) })
    }

    /// The same register, with rules on new passwords beyond their length.
    #[must_use]
    pub fn with_rules(self, rules: PasswordRules) -> Register {
        Register { rules: Arc::new(rules), ..self }
    }

    /// Whether the register answers; for readiness.
    pub async fn is_well(&self) -> bool {
        sqlx::query("SELECT 1").execute(&self.pool).await.is_ok()
    }

    /// Waits for running statements and closes the file.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// Password hashes are for the archive's owner alone. An empty file is an empty database, and SQLite gives the files that
/// it puts beside it the same mode.
fn create_private(path: &Path) -> Result<(), DurableError> {
    match durable::write_secret(path, b"") {
        Err(error) if !error.is_already_exists() => Err(error),
        _ => Ok(()),
    }
}

async fn migrate(pool: &SqlitePool) -> Result<(), RegisterError> {
    // Immediate: of two processes that open a new register at once, the second waits and then finds nothing to do.
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    let done: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *transaction).await?;
    let taken = usize::try_from(done).ok().filter(|steps| *steps <= MIGRATIONS.len()).ok_or(RegisterError::TooNew(done))?;
    for step in &MIGRATIONS[taken..] {
        sqlx::raw_sql(*step).execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Unix seconds.
fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

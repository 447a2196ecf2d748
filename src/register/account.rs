//! Accounts: adding, listing, disabling, roles, and signing in with a lock-out.
//!
//! Not for: sessions (`session`), or what a role may do (`access`).

use sqlx::FromRow;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use zeroize::Zeroizing;

use super::{Register, RegisterError, now, password};

/// Attempts in a row after which an account is locked, and for how long.
const FAILURES_MAX: i64 = 5;
const LOCKED_FOR_S: i64 = 15 * 60;

/// One account as others may see it: without its password hash.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    pub name: String,
    pub display_name: String,
    pub roles: Vec<String>,
    pub disabled: bool,
    /// Unix seconds until which signing in is refused; `None`: not locked now.
    pub locked_until: Option<i64>,
    /// Unix seconds.
    pub created: i64,
}

impl Account {
    pub fn holds(&self, role: &str) -> bool {
        self.roles.iter().any(|held| held == role)
    }
}

impl FromRow<'_, SqliteRow> for Account {
    fn from_row(row: &SqliteRow) -> Result<Account, sqlx::Error> {
        let roles: String = row.try_get("roles")?;
        let locked_until: i64 = row.try_get("locked_until")?;
        Ok(Account {
            name: row.try_get("name")?,
            display_name: row.try_get("display_name")?,
            roles: roles.split_whitespace().map(String::from).collect(),
            disabled: row.try_get("disabled")?,
            locked_until: (locked_until > now()).then_some(locked_until),
            created: row.try_get("created")?,
        })
    }
}

/// What an account is made from.
#[derive(Clone, Debug)]
pub struct NewAccount {
    pub name: String,
    pub display_name: String,
    pub roles: Vec<String>,
}

/// Why a sign-in was refused. For the audit entry; the person learns only that it failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LoginRefusal {
    UnknownAccount,
    WrongPassword,
    Locked,
    Disabled,
}

impl LoginRefusal {
    pub fn code(self) -> &'static str {
        match self {
            LoginRefusal::UnknownAccount => "unknown-account",
            LoginRefusal::WrongPassword => "wrong-password",
            LoginRefusal::Locked => "locked",
            LoginRefusal::Disabled => "disabled",
        }
    }
}

/// 1 to 64 of `[A-Za-z0-9._@-]`; upper and lower case are the same account.
pub fn is_account_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._@-".contains(&b))
}

impl Register {
    /// # Errors
    /// `Exists`, `BadName`, `BadPassword`, or what the database reports.
    pub async fn add_account(&self, account: &NewAccount, password: &str) -> Result<(), RegisterError> {
        if !is_account_name(&account.name) {
            return Err(RegisterError::BadName);
        }
        password::check_length(password)?;
        let hash = self.hash(password).await?;
        let added = sqlx::query(
            "INSERT INTO accounts (name, display_name, password_hash, roles, created) VALUES (?, ?, ?, ?, ?) \
             ON CONFLICT DO NOTHING",
        )
        .bind(&account.name)
        .bind(&account.display_name)
        .bind(hash)
        .bind(account.roles.join(" "))
        .bind(now())
        .execute(&self.pool)
        .await?;
        if added.rows_affected() == 1 { Ok(()) } else { Err(RegisterError::Exists) }
    }

    /// By name.
    pub async fn accounts(&self) -> Result<Vec<Account>, RegisterError> {
        Ok(sqlx::query_as("SELECT * FROM accounts ORDER BY name").fetch_all(&self.pool).await?)
    }

    pub async fn account(&self, name: &str) -> Result<Option<Account>, RegisterError> {
        Ok(sqlx::query_as("SELECT * FROM accounts WHERE name = ?").bind(name).fetch_optional(&self.pool).await?)
    }

    /// Disables an account and ends its sessions in one step, or enables it again; either way it is unlocked, as the
    /// one who decides has looked at it. Returns how many sessions ended.
    ///
    /// # Errors
    /// `Unknown` when there is no such account.
    pub async fn set_disabled(&self, name: &str, disabled: bool) -> Result<u64, RegisterError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let changed = sqlx::query("UPDATE accounts SET disabled = ?, failures = 0, locked_until = 0 WHERE name = ?")
            .bind(disabled)
            .bind(name)
            .execute(&mut *transaction)
            .await?;
        if changed.rows_affected() == 0 {
            return Err(RegisterError::Unknown);
        }
        let ended = if disabled {
            sqlx::query("DELETE FROM sessions WHERE account = ?").bind(name).execute(&mut *transaction).await?.rows_affected()
        } else {
            0
        };
        transaction.commit().await?;
        Ok(ended)
    }

    /// Gives an account another password, unlocks it and ends its sessions. Returns how many ended.
    ///
    /// # Errors
    /// `Unknown`, `BadPassword`, or what the database reports.
    pub async fn set_password(&self, name: &str, password: &str) -> Result<u64, RegisterError> {
        password::check_length(password)?;
        let hash = self.hash(password).await?;
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let changed = sqlx::query("UPDATE accounts SET password_hash = ?, failures = 0, locked_until = 0 WHERE name = ?")
            .bind(hash)
            .bind(name)
            .execute(&mut *transaction)
            .await?;
        if changed.rows_affected() == 0 {
            return Err(RegisterError::Unknown);
        }
        let ended = sqlx::query("DELETE FROM sessions WHERE account = ?").bind(name).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(ended.rows_affected())
    }

    /// Signs in: `Ok(Ok(account))` when the password is right and the account neither locked nor disabled.
    ///
    /// Each attempt is counted before the password is looked at, so that many attempts at once cannot pass the bound;
    /// the fifth in a row locks the account for 15 minutes. The work is the same for unknown and locked accounts.
    pub async fn login(&self, name: &str, password: &str) -> Result<Result<Account, LoginRefusal>, RegisterError> {
        let now = now();
        let counted: Option<(String, bool)> = sqlx::query_as(
            "UPDATE accounts SET \
               failures = CASE WHEN locked_until > 0 THEN 1 ELSE failures + 1 END, \
               locked_until = CASE WHEN locked_until = 0 AND failures + 1 >= ?1 THEN ?2 ELSE 0 END \
             WHERE name = ?3 AND locked_until <= ?4 RETURNING password_hash, disabled",
        )
        .bind(FAILURES_MAX)
        .bind(now + LOCKED_FOR_S)
        .bind(name)
        .bind(now)
        .fetch_optional(&self.pool)
        .await?;
        if counted.is_none() {
            sqlx::query("UPDATE unmatched_logins SET count = count + 1").execute(&self.pool).await?;
        }
        let (hash, disabled) = counted.unzip();
        let good = self.matches(password, hash).await?;
        match (good, disabled) {
            (true, Some(false)) => self.signed_in(name).await,
            (true, Some(true)) => Ok(Err(LoginRefusal::Disabled)),
            (false, Some(_)) => Ok(Err(LoginRefusal::WrongPassword)),
            (_, None) => {
                let known = self.account(name).await?.is_some();
                Ok(Err(if known { LoginRefusal::Locked } else { LoginRefusal::UnknownAccount }))
            }
        }
    }

    async fn signed_in(&self, name: &str) -> Result<Result<Account, LoginRefusal>, RegisterError> {
        let account =
            sqlx::query_as("UPDATE accounts SET failures = 0, locked_until = 0 WHERE name = ? AND disabled = 0 RETURNING *")
                .bind(name)
                .fetch_optional(&self.pool)
                .await?;
        Ok(account.ok_or(LoginRefusal::Disabled))
    }

    async fn hash(&self, password: &str) -> Result<String, RegisterError> {
        let password = Zeroizing::new(password.to_string());
        self.on_hashing_thread(move || password::hash(&password)).await?
    }

    async fn matches(&self, password: &str, stored: Option<String>) -> Result<bool, RegisterError> {
        let password = Zeroizing::new(password.to_string());
        self.on_hashing_thread(move || password::matches(&password, stored.as_deref())).await
    }

    /// Runs a hash off the request threads, a few at a time.
    async fn on_hashing_thread<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, RegisterError> {
        let _turn = self.hashing.acquire().await.map_err(|_| RegisterError::Hashing)?;
        tokio::task::spawn_blocking(work).await.map_err(|_| RegisterError::Hashing)
    }
}

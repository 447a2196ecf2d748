//! Accounts: adding, listing, disabling, roles, passwords, and signing in with a lock-out.
//!
//! Not for: sessions (`session`), codes of the second factor (`totp`), or what a role may do (`access`).

use sqlx::FromRow;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use zeroize::Zeroizing;

use super::password::PasswordRefusal;
use super::{Register, RegisterError, now, password};

/// Attempts in a row after which an account is locked, and for how long: each lock without a good sign-in between lasts
/// twice as long as the one before, up to a bound.
const FAILURES_MAX: i64 = 5;
const LOCKED_FOR_S: i64 = 15 * 60;
const LOCKED_FOR_MOST_S: i64 = 4 * 3600;

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
    /// The password is to be changed at the next sign-in.
    pub must_change: bool,
    /// A second factor is demanded of this account, whatever its role.
    pub second_factor_required: bool,
    /// A second factor is enrolled.
    pub has_second_factor: bool,
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
            must_change: row.try_get("must_change")?,
            second_factor_required: row.try_get("totp_required")?,
            has_second_factor: row.try_get::<Option<Vec<u8>>, _>("totp_secret")?.is_some(),
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

/// For how long and how a password is good that someone else than its account's holder has seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Terms {
    /// The holder must choose another one before anything else.
    pub must_change: bool,
    /// Unix seconds from when on it is not taken; `None`: no end.
    pub ends: Option<i64>,
}

/// Why a sign-in was refused. For the audit entry; the person learns only that it failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LoginRefusal {
    UnknownAccount,
    WrongPassword,
    /// The password was right and the code was not.
    WrongCode,
    /// The code was right and had been used before.
    CodeUsed,
    /// A one-time password after its end.
    PasswordEnded,
    /// Wrong, and the last attempt before the account was locked.
    LockedNow,
    Locked,
    Disabled,
}

impl LoginRefusal {
    pub fn code(self) -> &'static str {
        match self {
            LoginRefusal::UnknownAccount => "unknown-account",
            LoginRefusal::WrongPassword => "wrong-password",
            LoginRefusal::WrongCode => "wrong-code",
            LoginRefusal::CodeUsed => "code-used-before",
            LoginRefusal::PasswordEnded => "password-ended",
            LoginRefusal::LockedNow => "wrong-and-now-locked",
            LoginRefusal::Locked => "locked",
            LoginRefusal::Disabled => "disabled",
        }
    }
}

/// What a person shows to prove who he is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Proof {
    /// The password, and a code when a second factor is enrolled.
    Whole,
    /// The password alone: for changing it.
    Password,
    /// In a session: a code when a second factor is enrolled, else the password.
    Again,
}

/// A counted attempt: what the account's row says, for comparing.
struct Attempt {
    hash: String,
    disabled: bool,
    locked: bool,
    secret: Option<Zeroizing<Vec<u8>>>,
    password_ends: i64,
}

impl FromRow<'_, SqliteRow> for Attempt {
    fn from_row(row: &SqliteRow) -> Result<Attempt, sqlx::Error> {
        Ok(Attempt {
            hash: row.try_get("password_hash")?,
            disabled: row.try_get("disabled")?,
            locked: row.try_get::<i64, _>("locked_until")? > 0,
            secret: row.try_get::<Option<Vec<u8>>, _>("totp_secret")?.map(Zeroizing::new),
            password_ends: row.try_get("password_ends")?,
        })
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
        self.add_account_on(account, password, Terms::default()).await
    }

    /// As [`Register::add_account`], the password being good on `terms`.
    pub async fn add_account_on(&self, account: &NewAccount, password: &str, terms: Terms) -> Result<(), RegisterError> {
        if !is_account_name(&account.name) {
            return Err(RegisterError::BadName);
        }
        let hash = self.hash(&account.name, password).await?;
        let added = sqlx::query(
            "INSERT INTO accounts (name, display_name, password_hash, roles, created, must_change, password_ends) \
             VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(&account.name)
        .bind(&account.display_name)
        .bind(hash)
        .bind(account.roles.join(" "))
        .bind(now())
        .bind(terms.must_change)
        .bind(terms.ends.unwrap_or(0))
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
        let changed = sqlx::query("UPDATE accounts SET disabled = ?, failures = 0, locked_until = 0, locks = 0 WHERE name = ?")
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

    /// Lets a locked account sign in again at once. `false`: it was not locked.
    ///
    /// # Errors
    /// `Unknown` when there is no such account.
    pub async fn unlock(&self, name: &str) -> Result<bool, RegisterError> {
        let account = self.account(name).await?.ok_or(RegisterError::Unknown)?;
        sqlx::query("UPDATE accounts SET failures = 0, locked_until = 0, locks = 0 WHERE name = ?")
            .bind(name)
            .execute(&self.pool)
            .await?;
        Ok(account.locked_until.is_some())
    }

    /// Gives an account another password, unlocks it and ends its sessions. Returns how many ended.
    ///
    /// # Errors
    /// `Unknown`, `BadPassword`, or what the database reports.
    pub async fn set_password(&self, name: &str, password: &str) -> Result<u64, RegisterError> {
        self.set_password_on(name, password, Terms::default()).await
    }

    /// As [`Register::set_password`], the password being good on `terms`.
    pub async fn set_password_on(&self, name: &str, password: &str, terms: Terms) -> Result<u64, RegisterError> {
        let hash = self.hash(name, password).await?;
        self.replace_password(name, hash, terms, &[]).await
    }

    /// Whether the holder knows his password and the new one would be taken. Wrong attempts count towards the lock like
    /// those of signing in.
    ///
    /// # Errors
    /// `BadPassword` when the new one is not taken.
    pub async fn may_change_password(&self, name: &str, old: &str, new: &str) -> Result<Result<(), LoginRefusal>, RegisterError> {
        if let Err(refusal) = self.judge(name, old, "", Proof::Password).await? {
            return Ok(Err(refusal));
        }
        if old == new {
            return Err(RegisterError::BadPassword(PasswordRefusal::Same));
        }
        let (rules, account, new) = (self.rules.clone(), name.to_string(), Zeroizing::new(new.to_string()));
        self.on_hashing_thread(move || rules.check(&account, &new)).await??;
        Ok(Ok(()))
    }

    /// The holder's own change, after [`Register::may_change_password`]: his sessions end, but for the one of the id `keep`.
    ///
    /// # Errors
    /// As [`Register::set_password`].
    pub async fn change_password(&self, name: &str, new: &str, keep: &str) -> Result<u64, RegisterError> {
        let hash = self.hash(name, new).await?;
        self.replace_password(name, hash, Terms::default(), &super::session::id_hash(keep)).await
    }

    async fn replace_password(&self, name: &str, hash: String, terms: Terms, keep: &[u8]) -> Result<u64, RegisterError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let changed = sqlx::query(
            "UPDATE accounts SET password_hash = ?, must_change = ?, password_ends = ?, failures = 0, locked_until = 0, locks = 0 \
             WHERE name = ?",
        )
        .bind(hash)
        .bind(terms.must_change)
        .bind(terms.ends.unwrap_or(0))
        .bind(name)
        .execute(&mut *transaction)
        .await?;
        if changed.rows_affected() == 0 {
            return Err(RegisterError::Unknown);
        }
        let ended = sqlx::query("DELETE FROM sessions WHERE account = ? AND id_hash <> ?")
            .bind(name)
            .bind(keep)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(ended.rows_affected())
    }

    /// Signs in: `Ok(Ok(account))` when the password is right, the code too where a second factor is enrolled, and the
    /// account is neither locked nor disabled.
    ///
    /// Each attempt is counted before anything is looked at, so that many attempts at once cannot pass the bound; the fifth
    /// in a row locks the account. The work is the same for unknown and locked accounts, and whichever of the two was wrong.
    pub async fn login(&self, name: &str, password: &str, code: &str) -> Result<Result<Account, LoginRefusal>, RegisterError> {
        self.judge(name, password, code, Proof::Whole).await
    }

    /// The same person proves again in a session that he is there: by a code when a second factor is enrolled, else by the
    /// password. Counted like a sign-in.
    pub async fn prove(&self, name: &str, password: &str, code: &str) -> Result<Result<Account, LoginRefusal>, RegisterError> {
        self.judge(name, password, code, Proof::Again).await
    }

    async fn judge(
        &self,
        name: &str,
        password: &str,
        code: &str,
        proof: Proof,
    ) -> Result<Result<Account, LoginRefusal>, RegisterError> {
        let attempt = self.counted(name).await?;
        let secret = attempt.as_ref().and_then(|attempt| attempt.secret.as_ref());
        let fit = match secret {
            Some(secret) => self.fitting(name, secret, code).await?,
            None => None,
        };
        let by_code_alone = proof == Proof::Again && secret.is_some();
        let stored = attempt.as_ref().map(|attempt| attempt.hash.clone());
        let password_good = by_code_alone || self.matches(password, stored).await?;
        let Some(attempt) = attempt else {
            let known = self.account(name).await?.is_some();
            return Ok(Err(if known { LoginRefusal::Locked } else { LoginRefusal::UnknownAccount }));
        };
        let wants_code = attempt.secret.is_some() && proof != Proof::Password;
        let wrong = |refusal| Ok(Err(if attempt.locked { LoginRefusal::LockedNow } else { refusal }));
        if !password_good {
            return wrong(LoginRefusal::WrongPassword);
        }
        if attempt.disabled {
            return Ok(Err(LoginRefusal::Disabled));
        }
        if attempt.password_ends > 0 && attempt.password_ends <= now() {
            return wrong(LoginRefusal::PasswordEnded);
        }
        if wants_code {
            let Some(fit) = fit else { return wrong(LoginRefusal::WrongCode) };
            if !self.use_up(name, &fit).await? {
                return wrong(LoginRefusal::CodeUsed);
            }
        }
        self.signed_in(name).await
    }

    /// Counts an attempt, and locks the account when it was one too many. `None`: no such account, or it is locked.
    async fn counted(&self, name: &str) -> Result<Option<Attempt>, RegisterError> {
        let counted: Option<Attempt> = sqlx::query_as(
            "UPDATE accounts SET \
               failures = CASE WHEN locked_until > 0 THEN 1 ELSE failures + 1 END, \
               locked_until = CASE WHEN locked_until = 0 AND failures + 1 >= ?1 THEN ?2 + min(?3 << min(locks, 10), ?4) ELSE 0 END, \
               locks = CASE WHEN locked_until = 0 AND failures + 1 >= ?1 THEN locks + 1 ELSE locks END \
             WHERE name = ?5 AND locked_until <= ?2 \
             RETURNING password_hash, disabled, locked_until, totp_secret, password_ends",
        )
        .bind(FAILURES_MAX)
        .bind(now())
        .bind(LOCKED_FOR_S)
        .bind(LOCKED_FOR_MOST_S)
        .bind(name)
        .fetch_optional(&self.pool)
        .await?;
        if counted.is_none() {
            sqlx::query("UPDATE unmatched_logins SET count = count + 1").execute(&self.pool).await?;
        }
        Ok(counted)
    }

    async fn signed_in(&self, name: &str) -> Result<Result<Account, LoginRefusal>, RegisterError> {
        let account = sqlx::query_as(
            "UPDATE accounts SET failures = 0, locked_until = 0, locks = 0 WHERE name = ? AND disabled = 0 RETURNING *",
        )
        .bind(name)
        .fetch_optional(&self.pool)
        .await?;
        Ok(account.ok_or(LoginRefusal::Disabled))
    }

    /// Hashes a new password of `account`, when the rules take it.
    async fn hash(&self, account: &str, password: &str) -> Result<String, RegisterError> {
        let (rules, account, password) = (self.rules.clone(), account.to_string(), Zeroizing::new(password.to_string()));
        let work = move || {
            rules.check(&account, &password)?;
            password::hash(&password)
        };
        self.on_hashing_thread(work).await?
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

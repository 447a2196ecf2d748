//! The second factor of local accounts: time-based codes (RFC 6238), each taken once, and recovery codes.
//!
//! Not for: when a second factor is asked for (`account`), or pages (`server`). The secrets lie in the register, which is
//! its owner's alone; they are shown once, at enrolment.

use std::fmt;

use sha2::{Digest, Sha256};
use totp_rs::{Builder, Secret, Totp};
use zeroize::Zeroizing;

use super::{Register, RegisterError, now};

/// Bytes of a secret: as many as the hash has (RFC 4226 §4).
const SECRET_BYTES: usize = 20;
const STEP_S: u64 = 30;
/// Recovery codes made at enrolment, and the random bytes of each: enough that a plain hash keeps them.
const RECOVERY_CODES: usize = 10;
const RECOVERY_BYTES: usize = 15;
/// Longest text that is looked at as a code, in bytes.
const CODE_MAX: usize = 64;

/// A secret that is shown to be put into an app, and not yet confirmed.
pub struct Enrolment {
    /// In base32, as people type it.
    pub secret: Zeroizing<String>,
}

impl fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Enrolment")
    }
}

impl Enrolment {
    /// The address that an app reads from the picture.
    pub fn address(&self, issuer: &str, account: &str) -> Zeroizing<String> {
        let part = |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
        let (issuer, account) = (part(&issuer.replace(':', " ")), part(account));
        Zeroizing::new(format!(
            "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm=SHA1&digits=6&period={STEP_S}",
            self.secret.as_str()
        ))
    }
}

/// A code that fits an account.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Fit {
    /// Of this time step.
    Step(u64),
    /// A recovery code, by its hash.
    Recovery([u8; 32]),
}

/// SHA-1, six digits, 30 seconds: what every app knows. One step before and after is taken, for clocks that differ.
fn totp(secret: &[u8]) -> Option<Totp> {
    Builder::new().with_secret(secret.to_vec()).with_skew(1).build().ok()
}

/// The time step whose code this is; spaces in it do not count.
pub(super) fn fitting_step(secret: &[u8], code: &str, at: i64) -> Option<u64> {
    let bare: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let is_code = bare.len() == 6 && bare.bytes().all(|b| b.is_ascii_digit());
    if !is_code {
        return None;
    }
    totp(secret)?.check(&bare, u64::try_from(at).ok()?)
}

/// The hash of what may be a recovery code, however it is written.
fn recovery_hash(code: &str) -> Option<[u8; 32]> {
    let bare: String = code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
    (bare.len() == RECOVERY_BYTES * 8 / 5).then(|| Sha256::digest(bare.as_bytes()).into())
}

fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, RegisterError> {
    let mut bytes = Zeroizing::new([0u8; N]);
    getrandom::fill(bytes.as_mut()).map_err(|_| RegisterError::NoRandomness)?;
    Ok(bytes)
}

fn base32(bytes: &[u8]) -> String {
    Secret::from(bytes.to_vec()).to_base32()
}

/// `ABCDEF-GHIJKL-MNOPQR-STUVWX`
fn recovery_code() -> Result<Zeroizing<String>, RegisterError> {
    let text = Zeroizing::new(base32(random::<RECOVERY_BYTES>()?.as_ref()));
    let groups: Vec<&str> = (0..text.len()).step_by(6).filter_map(|at| text.get(at..at + 6)).collect();
    Ok(Zeroizing::new(groups.join("-")))
}

impl Register {
    /// Makes a secret for the account, to be shown and confirmed; one that was not confirmed is forgotten. A second factor
    /// in force stays so until then.
    pub async fn begin_second_factor(&self, account: &str) -> Result<(), RegisterError> {
        let secret = random::<SECRET_BYTES>()?;
        sqlx::query("UPDATE accounts SET totp_pending = ? WHERE name = ?")
            .bind(&secret[..])
            .bind(account)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// The secret that waits to be confirmed.
    pub async fn pending_second_factor(&self, account: &str) -> Result<Option<Enrolment>, RegisterError> {
        let secret: Option<Option<Vec<u8>>> = sqlx::query_scalar("SELECT totp_pending FROM accounts WHERE name = ?")
            .bind(account)
            .fetch_optional(&self.pool)
            .await?;
        Ok(secret.flatten().map(Zeroizing::new).map(|secret| Enrolment { secret: Zeroizing::new(base32(&secret)) }))
    }

    /// Whether `code` is one of the secret that waits.
    pub async fn pending_fits(&self, account: &str, code: &str) -> Result<bool, RegisterError> {
        let pending: Option<Option<Vec<u8>>> = sqlx::query_scalar("SELECT totp_pending FROM accounts WHERE name = ?")
            .bind(account)
            .fetch_optional(&self.pool)
            .await?;
        Ok(pending.flatten().map(Zeroizing::new).is_some_and(|secret| fitting_step(&secret, code, now()).is_some()))
    }

    /// Puts the waiting secret in force when `code` is one of it, and gives new recovery codes, which are shown this once.
    /// Sessions other than `keep` (a session's id) end. `None`: nothing waits, or the code does not fit.
    pub async fn confirm_second_factor(
        &self,
        account: &str,
        code: &str,
        keep: &str,
    ) -> Result<Option<Vec<Zeroizing<String>>>, RegisterError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let pending: Option<Option<Vec<u8>>> = sqlx::query_scalar("SELECT totp_pending FROM accounts WHERE name = ?")
            .bind(account)
            .fetch_optional(&mut *transaction)
            .await?;
        let step = pending.flatten().map(Zeroizing::new).and_then(|secret| fitting_step(&secret, code, now()));
        let Some(step) = step else { return Ok(None) };
        sqlx::query("UPDATE accounts SET totp_secret = totp_pending, totp_pending = NULL, totp_step = ? WHERE name = ?")
            .bind(i64::try_from(step).unwrap_or(i64::MAX))
            .bind(account)
            .execute(&mut *transaction)
            .await?;
        let codes = replace_recovery_codes(&mut transaction, account).await?;
        sqlx::query("DELETE FROM sessions WHERE account = ? AND id_hash <> ?")
            .bind(account)
            .bind(&super::session::id_hash(keep)[..])
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(Some(codes))
    }

    /// New recovery codes in place of the old ones.
    pub async fn new_recovery_codes(&self, account: &str) -> Result<Vec<Zeroizing<String>>, RegisterError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let codes = replace_recovery_codes(&mut transaction, account).await?;
        transaction.commit().await?;
        Ok(codes)
    }

    pub async fn recovery_codes_left(&self, account: &str) -> Result<i64, RegisterError> {
        let left = sqlx::query_scalar("SELECT count(*) FROM recovery_codes WHERE account = ?").bind(account);
        Ok(left.fetch_one(&self.pool).await?)
    }

    /// Takes the second factor away, with its recovery codes, and ends the account's sessions but the one to `keep`: who held
    /// one of them without it has to sign in anew. `false`: there was none.
    pub async fn remove_second_factor(&self, account: &str, keep: &str) -> Result<bool, RegisterError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let forget = "UPDATE accounts SET totp_secret = NULL, totp_pending = NULL WHERE name = ? AND totp_secret IS NOT NULL";
        let changed = sqlx::query(forget).bind(account).execute(&mut *transaction).await?.rows_affected();
        sqlx::query("DELETE FROM recovery_codes WHERE account = ?").bind(account).execute(&mut *transaction).await?;
        if changed > 0 {
            sqlx::query("DELETE FROM sessions WHERE account = ? AND id_hash <> ?")
                .bind(account)
                .bind(&super::session::id_hash(keep)[..])
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(changed > 0)
    }

    /// Demands a second factor of the account, or no longer does.
    ///
    /// # Errors
    /// `Unknown` when there is no such account.
    pub async fn require_second_factor(&self, account: &str, required: bool) -> Result<(), RegisterError> {
        let set = sqlx::query("UPDATE accounts SET totp_required = ? WHERE name = ?").bind(required).bind(account);
        if set.execute(&self.pool).await?.rows_affected() == 1 { Ok(()) } else { Err(RegisterError::Unknown) }
    }

    /// Whether any account has a second factor, so that the sign-in page asks everyone for a code.
    pub async fn any_second_factor(&self) -> Result<bool, RegisterError> {
        let found: i64 = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM accounts WHERE totp_secret IS NOT NULL)")
            .fetch_one(&self.pool)
            .await?;
        Ok(found == 1)
    }

    /// Whether `code` fits the account now; changes nothing.
    pub(super) async fn fitting(&self, account: &str, secret: &[u8], code: &str) -> Result<Option<Fit>, RegisterError> {
        if code.len() > CODE_MAX {
            return Ok(None);
        }
        if let Some(step) = fitting_step(secret, code, now()) {
            return Ok(Some(Fit::Step(step)));
        }
        let Some(hash) = recovery_hash(code) else { return Ok(None) };
        let found: Option<i64> = sqlx::query_scalar("SELECT 1 FROM recovery_codes WHERE account = ? AND hash = ?")
            .bind(account)
            .bind(&hash[..])
            .fetch_optional(&self.pool)
            .await?;
        Ok(found.map(|_| Fit::Recovery(hash)))
    }

    /// Uses a code up. `false`: it, or a later one, was used before.
    pub(super) async fn use_up(&self, account: &str, fit: &Fit) -> Result<bool, RegisterError> {
        let done = match fit {
            Fit::Step(step) => {
                let step = i64::try_from(*step).unwrap_or(i64::MAX);
                let take = "UPDATE accounts SET totp_step = ?1 WHERE name = ?2 AND totp_step < ?1";
                sqlx::query(take).bind(step).bind(account).execute(&self.pool).await?
            }
            Fit::Recovery(hash) => {
                let take = "DELETE FROM recovery_codes WHERE account = ? AND hash = ?";
                sqlx::query(take).bind(account).bind(&hash[..]).execute(&self.pool).await?
            }
        };
        Ok(done.rows_affected() == 1)
    }
}

async fn replace_recovery_codes(
    transaction: &mut sqlx::SqliteConnection,
    account: &str,
) -> Result<Vec<Zeroizing<String>>, RegisterError> {
    sqlx::query("DELETE FROM recovery_codes WHERE account = ?").bind(account).execute(&mut *transaction).await?;
    let mut codes = Vec::with_capacity(RECOVERY_CODES);
    for _ in 0..RECOVERY_CODES {
        let code = recovery_code()?;
        let Some(hash) = recovery_hash(&code) else { return Err(RegisterError::NoRandomness) };
        let insert = "INSERT INTO recovery_codes (account, hash) VALUES (?, ?)";
        sqlx::query(insert).bind(account).bind(&hash[..]).execute(&mut *transaction).await?;
        codes.push(code);
    }
    Ok(codes)
}

/// The code of an app that holds this base32 secret, at a time: for tests, which play the app.
#[cfg(test)]
pub(super) fn code_at(secret: &str, at: i64) -> String {
    let secret = Secret::try_from_base32(secret).unwrap();
    totp(secret.as_bytes()).unwrap().generate(u64::try_from(at).unwrap()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238 appendix B, SHA-1, the last six digits of its eight.
    #[test]
    fn codes_are_those_of_the_standard() {
        let secret = b"12345678901234567890";
        for (at, code) in [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")] {
            assert_eq!(fitting_step(secret, code, at), Some(at as u64 / 30), "{code}");
            assert_eq!(fitting_step(secret, code, at + 30), Some(at as u64 / 30), "a step late");
            assert_eq!(fitting_step(secret, code, at + 90), None, "three steps late");
            assert_eq!(fitting_step(secret, code, at - 90), None, "three steps early");
        }
        assert_eq!(fitting_step(secret, "287 082", 59), Some(1));
        for odd in ["", "28708", "2870822", "28708x", "٢٨٧٠٨٢", "-87082"] {
            assert_eq!(fitting_step(secret, odd, 59), None, "{odd}");
        }
    }

    #[test]
    fn a_recovery_code_is_taken_however_it_is_typed() {
        let code = recovery_code().unwrap();
        assert_eq!((code.len(), code.matches('-').count()), (27, 3));
        let hash = recovery_hash(&code);
        assert!(hash.is_some());
        assert_eq!(recovery_hash(&code.to_lowercase().replace('-', " ")), hash);
        assert_eq!(recovery_hash("ABCDEF"), None);
    }

    #[test]
    fn an_enrolment_says_nothing_of_its_secret_but_where_it_must() {
        let enrolment = Enrolment { secret: Zeroizing::new("JBSWY3DPEHPK3PXP".into()) };
        assert_eq!(format!("{enrolment:?}"), "Enrolment");
        let address = enrolment.address("Sankt: Elsewhere", "ann@x");
        assert!(
            address.starts_with("otpauth://totp/Sankt%20%20Elsewhere:ann%40x?secret=JBSWY3DPEHPK3PXP&issuer=Sankt"),
            "{}",
            *address
        );
    }
}

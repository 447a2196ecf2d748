//! Sign-ins under way at identity providers, and tokens that count once.
//!
//! Not for: talking to a provider, or what its answer means (`server::signin`).

use std::fmt;

use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row};
use zeroize::Zeroizing;

use super::session::id_hash;
use super::{Register, RegisterError, now, password};
use crate::limits::SIGNINS_MAX;

/// How long a person may take at his provider, in seconds.
const UNDER_WAY_S: i64 = 10 * 60;
/// How long after its end a token that counts once is remembered: longer than any clock skew that is forgiven.
const KEPT_AFTER_END_S: i64 = 300;

/// What the browser takes along when it is sent to the provider: one secret in the address, one in a cookie, and what
/// the provider is to repeat in its token or is asked to check.
pub struct SentAway {
    pub state: Zeroizing<String>,
    pub cookie: Zeroizing<String>,
    pub nonce: Zeroizing<String>,
    /// The PKCE verifier; its digest is what goes to the provider now.
    pub verifier: Zeroizing<String>,
}

impl fmt::Debug for SentAway {
    /// Without the secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SentAway(…)")
    }
}

/// A sign-in that has come back.
pub struct SignInUnderWay {
    pub issuer: String,
    /// By the EHR, with a patient.
    pub launched: bool,
    pub nonce: Zeroizing<String>,
    pub verifier: Zeroizing<String>,
    pub next: String,
    /// Unix seconds.
    pub begun: i64,
    /// The subject who is to prove again that it is he, in the session that he has; `None`: a sign-in.
    pub proves: Option<String>,
}

impl fmt::Debug for SignInUnderWay {
    /// Without the secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignInUnderWay").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl FromRow<'_, SqliteRow> for SignInUnderWay {
    fn from_row(row: &SqliteRow) -> Result<SignInUnderWay, sqlx::Error> {
        Ok(SignInUnderWay {
            issuer: row.try_get("issuer")?,
            launched: row.try_get("launched")?,
            nonce: Zeroizing::new(row.try_get("nonce")?),
            verifier: Zeroizing::new(row.try_get("verifier")?),
            next: row.try_get("next")?,
            begun: row.try_get("begun")?,
            proves: row.try_get("proves")?,
        })
    }
}

impl Register {
    /// Begins a sign-in at `issuer`, to be finished within ten minutes; with `proves`, a proof that it is still this
    /// subject.
    ///
    /// # Errors
    /// `TooMany` when more are under way than the bound allows.
    pub async fn send_away(
        &self,
        issuer: &str,
        launched: bool,
        next: &str,
        proves: Option<&str>,
    ) -> Result<SentAway, RegisterError> {
        let away = SentAway {
            state: password::random_text::<32>()?,
            cookie: password::random_text::<32>()?,
            nonce: password::random_text::<32>()?,
            verifier: password::random_text::<32>()?,
        };
        let now = now();
        self.forget_ended_signins(now).await?;
        let added = sqlx::query(
            "INSERT INTO signins (state_hash, cookie_hash, issuer, launched, nonce, verifier, next, begun, proves, expires) \
             SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE (SELECT count(*) FROM signins) < ?",
        )
        .bind(&id_hash(&away.state)[..])
        .bind(&id_hash(&away.cookie)[..])
        .bind(issuer)
        .bind(launched)
        .bind(away.nonce.as_str())
        .bind(away.verifier.as_str())
        .bind(next)
        .bind(now)
        .bind(proves)
        .bind(now + UNDER_WAY_S)
        .bind(SIGNINS_MAX)
        .execute(&self.pool)
        .await?;
        if added.rows_affected() == 1 { Ok(away) } else { Err(RegisterError::TooMany) }
    }

    /// Takes out the sign-in that both secrets belong to: `None` when there is none, it is too old, it came back before,
    /// or the two are not of one browser.
    pub async fn come_back(&self, state: &str, cookie: &str) -> Result<Option<SignInUnderWay>, RegisterError> {
        let found = sqlx::query_as("DELETE FROM signins WHERE state_hash = ? AND cookie_hash = ? AND expires > ? RETURNING *")
            .bind(&id_hash(state)[..])
            .bind(&id_hash(cookie)[..])
            .bind(now())
            .fetch_optional(&self.pool)
            .await?;
        Ok(found)
    }

    /// Uses up the token `id` of `issuer`, which ends at `expires` (Unix seconds); `false` when it was used before.
    pub async fn use_once(&self, issuer: &str, id: &str, expires: i64) -> Result<bool, RegisterError> {
        let added = sqlx::query("INSERT INTO used_tokens (issuer, id, expires) VALUES (?, ?, ?) ON CONFLICT DO NOTHING")
            .bind(issuer)
            .bind(id)
            .bind(expires)
            .execute(&self.pool)
            .await?;
        Ok(added.rows_affected() == 1)
    }

    pub(super) async fn forget_ended_signins(&self, now: i64) -> Result<(), RegisterError> {
        sqlx::query("DELETE FROM signins WHERE expires <= ?").bind(now).execute(&self.pool).await?;
        sqlx::query("DELETE FROM used_tokens WHERE expires <= ?").bind(now - KEPT_AFTER_END_S).execute(&self.pool).await?;
        Ok(())
    }
}

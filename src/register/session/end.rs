//! How sessions end: by sign-out, by their owner or the operator, by the provider, by time.
//!
//! Not for: breaks of rules that end all sessions of an account at once (`account`).

use super::live::{SessionSummary, audit_id};
use crate::register::who::Who;
use crate::register::{Register, RegisterError, now};

impl Register {
    /// Ends one session (sign-out). Ending one that is not there is no error.
    pub async fn end_session(&self, id: &str) -> Result<(), RegisterError> {
        sqlx::query("DELETE FROM sessions WHERE id_hash = ?").bind(&super::id_hash(id)[..]).execute(&self.pool).await?;
        Ok(())
    }

    /// Ends all sessions of an account; returns how many there were.
    pub async fn end_sessions_of(&self, account: &str) -> Result<u64, RegisterError> {
        let ended = sqlx::query("DELETE FROM sessions WHERE account = ?").bind(account).execute(&self.pool).await?;
        Ok(ended.rows_affected())
    }

    /// Ends the session that audit entries call `audit_id`, when it is of this person (`None`: of anyone). Returns it.
    pub async fn end_session_called(&self, audit_id: &str, of: Option<&Who>) -> Result<Option<SessionSummary>, RegisterError> {
        let Some(found) = self.sessions(of).await?.into_iter().find(|session| session.audit_id == audit_id) else {
            return Ok(None);
        };
        let ended = sqlx::query("DELETE FROM sessions WHERE lower(hex(substr(id_hash, 1, 16))) = ?").bind(audit_id);
        Ok((ended.execute(&self.pool).await?.rows_affected() > 0).then_some(found))
    }

    /// Ends the sessions that an issuer says have ended: those of the subject, and of its own session where it names one
    /// (OpenID Connect Back-Channel Logout §2.6). Returns what audit entries call them, and whose each was.
    pub async fn end_outside_sessions(
        &self,
        issuer: &str,
        subject: Option<&str>,
        provider_sid: Option<&str>,
    ) -> Result<Vec<(String, String)>, RegisterError> {
        if subject.is_none() && provider_sid.is_none() {
            return Ok(Vec::new());
        }
        let ended: Vec<(Vec<u8>, String)> = sqlx::query_as(
            "DELETE FROM sessions WHERE issuer = ?1 AND (?2 IS NULL OR subject = ?2) AND (?3 IS NULL OR provider_sid = ?3) \
             RETURNING id_hash, subject",
        )
        .bind(issuer)
        .bind(subject)
        .bind(provider_sid)
        .fetch_all(&self.pool)
        .await?;
        Ok(ended.into_iter().map(|(hash, subject)| (audit_id(&hash), subject)).collect())
    }

    /// Removes sessions and revocations that time has ended; to be called now and then.
    pub async fn sweep(&self) -> Result<(), RegisterError> {
        let now = now();
        sqlx::query("DELETE FROM sessions WHERE last_seen <= ? OR created <= ?")
            .bind(now - self.times.idle_s)
            .bind(now - self.times.absolute_s)
            .execute(&self.pool)
            .await?;
        self.forget_ended_signins(now).await?;
        self.forget_ended_assertions(now).await?;
        self.forget_ended_revocations(now).await
    }
}

//! Revoked tokens, by their `jti`, until the time at which they would have ended anyway.
//!
//! Not for: checking a token's signature or times (`access`).

use super::{Register, RegisterError};

/// How long after its end a revoked token is remembered: longer than any clock skew that is forgiven.
const KEPT_AFTER_END_S: i64 = 300;

impl Register {
    /// Makes the token `jti` void from now on; `expires` are Unix seconds.
    pub async fn revoke_token(&self, jti: &str, expires: i64) -> Result<(), RegisterError> {
        sqlx::query("INSERT INTO revoked_tokens (jti, expires) VALUES (?, ?) ON CONFLICT DO NOTHING")
            .bind(jti)
            .bind(expires)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    pub async fn is_token_revoked(&self, jti: &str) -> Result<bool, RegisterError> {
        let found: Option<i64> =
            sqlx::query_scalar("SELECT 1 FROM revoked_tokens WHERE jti = ?").bind(jti).fetch_optional(&self.pool).await?;
        Ok(found.is_some())
    }

    pub(super) async fn forget_ended_revocations(&self, now: i64) -> Result<(), RegisterError> {
        sqlx::query("DELETE FROM revoked_tokens WHERE expires <= ?").bind(now - KEPT_AFTER_END_S).execute(&self.pool).await?;
        Ok(())
    }
}

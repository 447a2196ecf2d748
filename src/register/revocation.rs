//! Tokens that were taken back: single ones by their name until they would have ended anyway, and all of one person's that
//! were issued up to an instant.
//!
//! Not for: checking a token's signature or times (`access`).

use super::{Register, RegisterError, now};

/// How long after its end a revoked token is remembered: longer than any clock skew that is forgiven.
const KEPT_AFTER_END_S: i64 = 300;
/// No token that is taken lives longer, whoever issued it.
const LIFE_MAX_S: i64 = 24 * 3600;

/// A token as revocations know it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TokenMark<'a> {
    /// Its `jti` where it has one, and its SHA-256 in hex: either may have been revoked.
    pub names: &'a [&'a str],
    pub issuer: &'a str,
    pub subject: &'a str,
    /// Unix seconds; 0 when it does not say.
    pub issued: i64,
}

impl Register {
    /// Makes the token of this name (`jti`, or its SHA-256 in hex) void from now on; `expires` are Unix seconds.
    pub async fn revoke_token(&self, name: &str, expires: i64) -> Result<(), RegisterError> {
        sqlx::query("INSERT INTO revoked_tokens (jti, expires) VALUES (?, ?) ON CONFLICT DO NOTHING")
            .bind(name)
            .bind(expires)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Makes every token void that was issued to this person up to now.
    pub async fn revoke_tokens_of(&self, issuer: &str, subject: &str) -> Result<(), RegisterError> {
        sqlx::query(
            "INSERT INTO revoked_subjects (issuer, subject, until) VALUES (?1, ?2, ?3) \
             ON CONFLICT DO UPDATE SET until = max(until, ?3)",
        )
        .bind(issuer)
        .bind(subject)
        .bind(now())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    pub async fn is_token_revoked(&self, token: TokenMark<'_>) -> Result<bool, RegisterError> {
        for name in token.names {
            let found: Option<i64> =
                sqlx::query_scalar("SELECT 1 FROM revoked_tokens WHERE jti = ?").bind(name).fetch_optional(&self.pool).await?;
            if found.is_some() {
                return Ok(true);
            }
        }
        let found: Option<i64> =
            sqlx::query_scalar("SELECT 1 FROM revoked_subjects WHERE issuer = ? AND subject = ? AND until >= ?")
                .bind(token.issuer)
                .bind(token.subject)
                .bind(token.issued)
                .fetch_optional(&self.pool)
                .await?;
        Ok(found.is_some())
    }

    pub(super) async fn forget_ended_revocations(&self, now: i64) -> Result<(), RegisterError> {
        sqlx::query("DELETE FROM revoked_tokens WHERE expires <= ?").bind(now - KEPT_AFTER_END_S).execute(&self.pool).await?;
        sqlx::query("DELETE FROM revoked_subjects WHERE until <= ?")
            .bind(now - LIFE_MAX_S - KEPT_AFTER_END_S)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

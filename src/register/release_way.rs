//! Packages on their way out: handovers that are under way, and links by which recipients fetch.
//!
//! Not for: who may hand out or fetch (`release::desk`).

use sqlx::FromRow;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::{Register, RegisterError, now};

/// A handing out that was begun and whose step is not kept yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PendingHandover {
    pub id: String,
    pub number: String,
    pub by: String,
    /// Unix seconds.
    pub at: i64,
    /// JSON.
    pub handover: String,
}

/// A link by which a recipient fetches a package.
#[derive(Clone, PartialEq, Eq)]
pub struct ReleaseLink {
    /// SHA-256 of the token, in hex.
    pub token: String,
    pub number: String,
    pub handover: i64,
    pub subject: i64,
    pub file: String,
    pub name: String,
    pub salt: String,
    pub proof: String,
    pub created: i64,
    pub expires: i64,
    pub tries: i64,
    pub fetched: Option<i64>,
}

impl std::fmt::Debug for ReleaseLink {
    /// Without what opens it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReleaseLink").field("number", &self.number).field("tries", &self.tries).finish_non_exhaustive()
    }
}

impl<'r> FromRow<'r, SqliteRow> for PendingHandover {
    fn from_row(row: &'r SqliteRow) -> Result<PendingHandover, sqlx::Error> {
        Ok(PendingHandover {
            id: row.try_get("id")?,
            number: row.try_get("number")?,
            by: row.try_get("by")?,
            at: row.try_get("at")?,
            handover: row.try_get("handover")?,
        })
    }
}

impl<'r> FromRow<'r, SqliteRow> for ReleaseLink {
    fn from_row(row: &'r SqliteRow) -> Result<ReleaseLink, sqlx::Error> {
        Ok(ReleaseLink {
            token: row.try_get("token")?,
            number: row.try_get("number")?,
            handover: row.try_get("handover")?,
            subject: row.try_get("subject")?,
            file: row.try_get("file")?,
            name: row.try_get("name")?,
            salt: row.try_get("salt")?,
            proof: row.try_get("proof")?,
            created: row.try_get("created")?,
            expires: row.try_get("expires")?,
            tries: row.try_get("tries")?,
            fetched: row.try_get("fetched")?,
        })
    }
}

impl Register {
    /// Writes down that packages of a request are about to be handed out.
    pub async fn begin_handover(&self, it: &PendingHandover) -> Result<(), RegisterError> {
        sqlx::query("INSERT INTO release_handovers (id, number, by, at, handover) VALUES (?, ?, ?, ?, ?)")
            .bind(&it.id)
            .bind(&it.number)
            .bind(&it.by)
            .bind(it.at)
            .bind(&it.handover)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// It is done, or never happened.
    pub async fn end_handover(&self, id: &str) -> Result<(), RegisterError> {
        sqlx::query("DELETE FROM release_handovers WHERE id = ?").bind(id).execute(&self.pool).await?;
        Ok(())
    }

    /// Handings out of a request that were begun and not ended, the oldest first.
    pub async fn pending_handovers(&self, number: &str) -> Result<Vec<PendingHandover>, RegisterError> {
        Ok(sqlx::query_as("SELECT * FROM release_handovers WHERE number = ? ORDER BY at, id")
            .bind(number)
            .fetch_all(&self.pool)
            .await?)
    }

    pub async fn add_release_link(&self, it: &ReleaseLink) -> Result<(), RegisterError> {
        sqlx::query(
            "INSERT INTO release_links (token, number, handover, subject, file, name, salt, proof, created, expires) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&it.token)
        .bind(&it.number)
        .bind(it.handover)
        .bind(it.subject)
        .bind(&it.file)
        .bind(&it.name)
        .bind(&it.salt)
        .bind(&it.proof)
        .bind(it.created)
        .bind(it.expires)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The link of a token, by the token's digest.
    pub async fn release_link(&self, token: &str) -> Result<Option<ReleaseLink>, RegisterError> {
        Ok(sqlx::query_as("SELECT * FROM release_links WHERE token = ?").bind(token).fetch_optional(&self.pool).await?)
    }

    /// The links of a request, the newest first.
    pub async fn release_links(&self, number: &str) -> Result<Vec<ReleaseLink>, RegisterError> {
        Ok(sqlx::query_as("SELECT * FROM release_links WHERE number = ? ORDER BY created DESC, subject")
            .bind(number)
            .fetch_all(&self.pool)
            .await?)
    }

    /// Counts an answer before it is looked at: `false` when no more are taken, or the link is over. So no two guesses at once
    /// are more than one.
    pub async fn try_release_link(&self, token: &str, most: i64) -> Result<bool, RegisterError> {
        let counted = sqlx::query(
            "UPDATE release_links SET tries = tries + 1 WHERE token = ? AND tries < ? AND fetched IS NULL AND expires > ?",
        );
        Ok(counted.bind(token).bind(most).bind(now()).execute(&self.pool).await?.rows_affected() == 1)
    }

    /// The answer was right: the link is spent. `false` when it was already.
    pub async fn spend_release_link(&self, token: &str) -> Result<bool, RegisterError> {
        let spent = sqlx::query("UPDATE release_links SET fetched = ?, tries = tries - 1 WHERE token = ? AND fetched IS NULL");
        Ok(spent.bind(now()).bind(token).execute(&self.pool).await?.rows_affected() == 1)
    }

    /// Ends the links of a request that nobody used yet.
    pub async fn end_release_links(&self, number: &str) -> Result<(), RegisterError> {
        let ended = sqlx::query("UPDATE release_links SET expires = ?1 WHERE number = ?2 AND fetched IS NULL AND expires > ?1");
        ended.bind(now()).bind(number).execute(&self.pool).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::SessionTimes;

    #[tokio::test]
    async fn a_link_takes_few_answers_and_is_spent_once() {
        let folder = tempfile::tempdir().unwrap();
        let register = Register::open(&folder.path().join("register.db"), SessionTimes::default()).await.unwrap();
        let number = register.open_release(2026, 100).await.unwrap();
        let link = ReleaseLink {
            token: "t".into(),
            number: number.clone(),
            handover: 0,
            subject: 0,
            file: "f".into(),
            name: "n".into(),
            salt: "s".into(),
            proof: "p".into(),
            created: now(),
            expires: now() + 100,
            tries: 0,
            fetched: None,
        };
        register.add_release_link(&link).await.unwrap();
        for expected in [true, true, false] {
            assert_eq!(register.try_release_link("t", 2).await.unwrap(), expected);
        }
        let over = ReleaseLink { token: "u".into(), expires: now(), ..link.clone() };
        register.add_release_link(&over).await.unwrap();
        assert!(!register.try_release_link("u", 2).await.unwrap(), "its time is over");
        register.add_release_link(&ReleaseLink { token: "v".into(), ..link }).await.unwrap();
        assert!(register.try_release_link("v", 2).await.unwrap());
        assert!(register.spend_release_link("v").await.unwrap());
        assert!(!register.spend_release_link("v").await.unwrap());
        assert!(!register.try_release_link("v", 2).await.unwrap(), "it is spent");
        let ended = ReleaseLink { token: "w".into(), ..register.release_link("t").await.unwrap().unwrap() };
        register.add_release_link(&ended).await.unwrap();
        register.end_release_links(&number).await.unwrap();
        assert!(!register.try_release_link("w", 9).await.unwrap());
        assert_eq!(register.release_links(&number).await.unwrap().len(), 4);
    }
}

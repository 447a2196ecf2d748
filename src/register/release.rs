//! Requests for records: their steps, in a chain, and what the board shows of them; Bates numbers.
//!
//! Not for: what a step means or whether it may be taken (`release::workflow`); a step is a text here.

use sha2::{Digest, Sha256};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row as _};

use super::{Register, RegisterError, now};

/// What the board shows of a request, and the digest of its last step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReleaseRow {
    pub number: String,
    /// Unix seconds.
    pub received: i64,
    pub state: String,
    pub basis: String,
    pub priority: String,
    pub due: Option<i64>,
    pub assignee: Option<String>,
    pub steps: i64,
    pub head: String,
    pub changed: i64,
}

/// What a step makes of the row.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ReleaseFacts {
    pub state: String,
    pub basis: String,
    pub priority: String,
    pub due: Option<i64>,
    pub assignee: Option<String>,
    /// Every key of every person in it.
    pub patients: Vec<String>,
}

/// A step as it is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptStep {
    /// JSON.
    pub made: String,
    /// Where its entry stands in the access log: `stream/number`.
    pub entry: Option<String>,
}

/// Bates numbers given to a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BatesRange {
    pub prefix: String,
    pub first: i64,
    pub last: i64,
    pub number: String,
    pub at: i64,
    pub void_because: Option<String>,
}

impl<'r> FromRow<'r, SqliteRow> for ReleaseRow {
    fn from_row(row: &'r SqliteRow) -> Result<ReleaseRow, sqlx::Error> {
        Ok(ReleaseRow {
            number: row.try_get("number")?,
            received: row.try_get("received")?,
            state: row.try_get("state")?,
            basis: row.try_get("basis")?,
            priority: row.try_get("priority")?,
            due: row.try_get("due")?,
            assignee: row.try_get("assignee")?,
            steps: row.try_get("steps")?,
            head: row.try_get("head")?,
            changed: row.try_get("changed")?,
        })
    }
}

impl<'r> FromRow<'r, SqliteRow> for BatesRange {
    fn from_row(row: &'r SqliteRow) -> Result<BatesRange, sqlx::Error> {
        Ok(BatesRange {
            prefix: row.try_get("prefix")?,
            first: row.try_get("first")?,
            last: row.try_get("last")?,
            number: row.try_get("number")?,
            at: row.try_get("at")?,
            void_because: row.try_get("void_because")?,
        })
    }
}

const ROW: &str = "number, received, state, basis, priority, due, assignee, steps, head, changed";

/// The digest of a step: over the one before it and the step itself.
pub fn step_digest(before: &str, made: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(before.as_bytes());
    hasher.update([0]);
    hasher.update(made.as_bytes());
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Register {
    /// Opens a request that was received `at` (Unix seconds) in `year`: its number is the next of that year.
    pub async fn open_release(&self, year: i16, at: i64) -> Result<String, RegisterError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let last: Option<i64> = sqlx::query_scalar("SELECT max(serial) FROM release_requests WHERE year = ?")
            .bind(year)
            .fetch_one(&mut *transaction)
            .await?;
        let serial = last.unwrap_or(0) + 1;
        let number = format!("{year}-{serial:06}");
        sqlx::query(
            "INSERT INTO release_requests (number, year, serial, received, state, basis, priority, steps, head, changed) \
             VALUES (?, ?, ?, ?, 'draft', '', 'routine', 0, '', ?)",
        )
        .bind(&number)
        .bind(year)
        .bind(serial)
        .bind(at)
        .bind(now())
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(number)
    }

    pub async fn release(&self, number: &str) -> Result<Option<ReleaseRow>, RegisterError> {
        let question = format!("SELECT {ROW} FROM release_requests WHERE number = ?");
        Ok(sqlx::query_as(sqlx::AssertSqlSafe(question)).bind(number).fetch_optional(&self.pool).await?)
    }

    /// Requests, those due first before all others; without those that ended, unless `ended`.
    pub async fn releases(&self, ended: bool) -> Result<Vec<ReleaseRow>, RegisterError> {
        let question = format!(
            "SELECT {ROW} FROM release_requests WHERE ? OR state NOT IN ('closed', 'rejected', 'cancelled', 'superseded', 'revoked') \
             ORDER BY due IS NULL, due, number"
        );
        Ok(sqlx::query_as(sqlx::AssertSqlSafe(question)).bind(ended).fetch_all(&self.pool).await?)
    }

    /// Numbers of the requests about any of these patient keys, newest first.
    pub async fn releases_of(&self, patients: &[String]) -> Result<Vec<String>, RegisterError> {
        let mut found = Vec::new();
        for patient in patients {
            let numbers: Vec<String> = sqlx::query_scalar("SELECT number FROM release_patients WHERE patient = ?")
                .bind(patient)
                .fetch_all(&self.pool)
                .await?;
            found.extend(numbers);
        }
        found.sort_unstable_by(|a, b| b.cmp(a));
        found.dedup();
        Ok(found)
    }

    /// The steps of a request, in order, as they were written.
    ///
    /// # Errors
    /// `ReleaseChanged` when a digest does not follow from the one before it.
    pub async fn release_steps(&self, number: &str) -> Result<Vec<KeptStep>, RegisterError> {
        let question = "SELECT made, digest, entry FROM release_steps WHERE number = ? ORDER BY step";
        let rows: Vec<(String, String, Option<String>)> = sqlx::query_as(question).bind(number).fetch_all(&self.pool).await?;
        let mut before = String::new();
        for (made, digest, _) in &rows {
            if step_digest(&before, made) != *digest {
                return Err(RegisterError::ReleaseChanged);
            }
            before.clone_from(digest);
        }
        Ok(rows.into_iter().map(|(made, _, entry)| KeptStep { made, entry }).collect())
    }

    /// Appends a step to a request that has `steps` of them, and what the row then shows. `before_commit` is told the step's
    /// digest when everything is written but not yet kept: there the audit entry is made, and its place (`stream/number`) is given
    /// back. When it fails, nothing has happened.
    ///
    /// # Errors
    /// `ReleaseMoved` when somebody else took a step since; whatever `before_commit` gives.
    pub async fn add_release_step<E: From<RegisterError>>(
        &self,
        number: &str,
        steps: i64,
        made: &str,
        facts: &ReleaseFacts,
        before_commit: impl FnOnce(&str) -> Result<String, E>,
    ) -> Result<String, E> {
        let failed = |error: sqlx::Error| E::from(RegisterError::Database(error));
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        let head: Option<(i64, String)> = sqlx::query_as("SELECT steps, head FROM release_requests WHERE number = ?")
            .bind(number)
            .fetch_optional(&mut *transaction)
            .await
            .map_err(failed)?;
        let (there, head) = head.ok_or_else(|| E::from(RegisterError::UnknownRelease))?;
        if there != steps {
            return Err(RegisterError::ReleaseMoved.into());
        }
        let digest = step_digest(&head, made);
        sqlx::query("INSERT INTO release_steps (number, step, made, digest) VALUES (?, ?, ?, ?)")
            .bind(number)
            .bind(steps)
            .bind(made)
            .bind(&digest)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        show(&mut transaction, number, steps + 1, &digest, facts).await.map_err(failed)?;
        let entry = before_commit(&digest)?;
        sqlx::query("UPDATE release_steps SET entry = ? WHERE number = ? AND step = ?")
            .bind(entry)
            .bind(number)
            .bind(steps)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        Ok(digest)
    }

    /// Gives `count` Bates numbers of a prefix to a request; no number is ever given twice.
    ///
    /// # Errors
    /// `NoNumbers` when `count` is 0 or the numbers run out.
    pub async fn give_bates(&self, prefix: &str, count: i64, number: &str) -> Result<BatesRange, RegisterError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let next: Option<i64> = sqlx::query_scalar("SELECT next FROM bates_counters WHERE prefix = ?")
            .bind(prefix)
            .fetch_optional(&mut *transaction)
            .await?;
        let first = next.unwrap_or(1);
        let after = first.checked_add(count).filter(|_| count > 0).ok_or(RegisterError::NoNumbers)?;
        sqlx::query(
            "INSERT INTO bates_counters (prefix, next) VALUES (?, ?) ON CONFLICT (prefix) DO UPDATE SET next = excluded.next",
        )
        .bind(prefix)
        .bind(after)
        .execute(&mut *transaction)
        .await?;
        let range = BatesRange {
            prefix: prefix.to_owned(),
            first,
            last: after - 1,
            number: number.to_owned(),
            at: now(),
            void_because: None,
        };
        sqlx::query("INSERT INTO bates_ranges (prefix, first, last, number, at) VALUES (?, ?, ?, ?, ?)")
            .bind(&range.prefix)
            .bind(range.first)
            .bind(range.last)
            .bind(&range.number)
            .bind(range.at)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(range)
    }

    /// Says why no package that left bears the numbers of a range.
    pub async fn void_bates(&self, prefix: &str, first: i64, because: &str) -> Result<(), RegisterError> {
        sqlx::query("UPDATE bates_ranges SET void_because = ? WHERE prefix = ? AND first = ? AND void_because IS NULL")
            .bind(because)
            .bind(prefix)
            .bind(first)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Every range that a request was given, the oldest first.
    pub async fn bates_of(&self, number: &str) -> Result<Vec<BatesRange>, RegisterError> {
        let question =
            "SELECT prefix, first, last, number, at, void_because FROM bates_ranges WHERE number = ? ORDER BY at, prefix, first";
        Ok(sqlx::query_as(question).bind(number).fetch_all(&self.pool).await?)
    }

    /// Every range of a prefix, in order: what became of each number.
    pub async fn bates(&self, prefix: &str) -> Result<Vec<BatesRange>, RegisterError> {
        let question = "SELECT prefix, first, last, number, at, void_because FROM bates_ranges WHERE prefix = ? ORDER BY first";
        Ok(sqlx::query_as(question).bind(prefix).fetch_all(&self.pool).await?)
    }
}

/// Writes what the board shows of a request after a step.
async fn show(
    connection: &mut sqlx::SqliteConnection,
    number: &str,
    steps: i64,
    digest: &str,
    facts: &ReleaseFacts,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE release_requests SET state = ?, basis = ?, priority = ?, due = ?, assignee = ?, steps = ?, head = ?, changed = ? \
             WHERE number = ?",
    )
    .bind(&facts.state)
    .bind(&facts.basis)
    .bind(&facts.priority)
    .bind(facts.due)
    .bind(&facts.assignee)
    .bind(steps)
    .bind(digest)
    .bind(now())
    .bind(number)
    .execute(&mut *connection)
    .await?;
    sqlx::query("DELETE FROM release_patients WHERE number = ?").bind(number).execute(&mut *connection).await?;
    for patient in &facts.patients {
        sqlx::query("INSERT OR IGNORE INTO release_patients (number, patient) VALUES (?, ?)")
            .bind(number)
            .bind(patient)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::SessionTimes;

    async fn register(folder: &tempfile::TempDir) -> Register {
        Register::open(&folder.path().join("register.db"), SessionTimes::default()).await.unwrap()
    }

    fn facts(state: &str) -> ReleaseFacts {
        ReleaseFacts {
            state: state.into(),
            priority: "routine".into(),
            patients: vec!["mer.1".into()],
            ..ReleaseFacts::default()
        }
    }

    #[tokio::test]
    async fn a_step_is_kept_with_its_entry_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let register = register(&folder).await;
        let number = register.open_release(2026, 100).await.unwrap();
        assert_eq!(number, "2026-000001");
        assert_eq!(register.open_release(2026, 100).await.unwrap(), "2026-000002");
        assert_eq!(register.open_release(2027, 100).await.unwrap(), "2027-000001");
        let kept = |_: &str| Ok::<_, RegisterError>("s/1".to_owned());
        let first = register.add_release_step(&number, 0, "{\"a\":1}", &facts("verifying"), kept).await.unwrap();
        let refused =
            register.add_release_step(&number, 1, "{\"b\":1}", &facts("scoped"), |_| Err(RegisterError::NoRandomness)).await;
        assert!(matches!(refused, Err(RegisterError::NoRandomness)));
        let row = register.release(&number).await.unwrap().unwrap();
        assert_eq!((row.state.as_str(), row.steps, &row.head), ("verifying", 1, &first), "nothing of the refused step stays");
        let late = register.add_release_step(&number, 0, "{\"c\":1}", &facts("scoped"), kept).await;
        assert!(matches!(late, Err(RegisterError::ReleaseMoved)));
        register.add_release_step(&number, 1, "{\"d\":1}", &facts("closed"), kept).await.unwrap();
        let steps = register.release_steps(&number).await.unwrap();
        assert_eq!(steps.iter().map(|step| step.made.as_str()).collect::<Vec<_>>(), ["{\"a\":1}", "{\"d\":1}"]);
        assert!(steps.iter().all(|step| step.entry.as_deref() == Some("s/1")));
        assert_eq!(register.releases_of(&["mer.1".into()]).await.unwrap(), ["2026-000001"]);
        assert_eq!(register.releases(false).await.unwrap().len(), 2);
        assert_eq!(register.releases(true).await.unwrap().len(), 3);
        sqlx::query("UPDATE release_steps SET made = '{}' WHERE step = 0").execute(&register.pool).await.unwrap();
        assert!(matches!(register.release_steps(&number).await, Err(RegisterError::ReleaseChanged)));
    }

    #[tokio::test]
    async fn no_bates_number_is_given_twice() {
        let folder = tempfile::tempdir().unwrap();
        let register = register(&folder).await;
        let mut tasks = Vec::new();
        for count in 1..=100_i64 {
            let register = register.clone();
            tasks.push(tokio::spawn(async move { register.give_bates("RIV26", count % 7 + 1, "2026-000001").await.unwrap() }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        assert!(matches!(register.give_bates("RIV26", 0, "2026-000001").await, Err(RegisterError::NoNumbers)));
        let ranges = register.bates("RIV26").await.unwrap();
        assert_eq!(ranges.len(), 100);
        let mut next = 1;
        for range in &ranges {
            assert_eq!(range.first, next);
            next = range.last + 1;
        }
        register.void_bates("RIV26", 1, "build failed").await.unwrap();
        assert_eq!(register.bates("RIV26").await.unwrap()[0].void_because.as_deref(), Some("build failed"));
    }
}

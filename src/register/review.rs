//! The review of break-glass: the queue, verdicts, and who may give one.
//!
//! Not for: whether a role may review (`access`, `server`).

use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row};

use super::{BreakGlassUse, Register, RegisterError, now};

/// What a reviewer thinks of a use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    Appropriate,
    Inappropriate,
    /// Not decided: something is to be asked first. The use stays in the queue.
    NeedsInformation,
}

impl Verdict {
    pub const ALL: [Verdict; 3] = [Verdict::Appropriate, Verdict::Inappropriate, Verdict::NeedsInformation];

    pub fn name(self) -> &'static str {
        match self {
            Verdict::Appropriate => "appropriate",
            Verdict::Inappropriate => "inappropriate",
            Verdict::NeedsInformation => "needs-information",
        }
    }

    pub fn from_name(name: &str) -> Option<Verdict> {
        Verdict::ALL.into_iter().find(|verdict| verdict.name() == name)
    }
}

/// Who reviews, and what he finds.
#[derive(Clone, Debug)]
pub struct NewReview {
    pub issuer: String,
    pub subject: String,
    pub name: String,
    pub verdict: Verdict,
    pub comment: String,
}

/// One verdict that was given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Review {
    /// Unix seconds.
    pub at: i64,
    pub subject: String,
    pub name: String,
    pub verdict: Verdict,
    pub comment: String,
}

/// A use with its newest verdict.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reviewed {
    pub it: BreakGlassUse,
    pub verdict: Option<Verdict>,
}

impl Reviewed {
    /// Whether a verdict is still to be given.
    pub fn is_open(&self) -> bool {
        matches!(self.verdict, None | Some(Verdict::NeedsInformation))
    }

    /// The instant by which it is to be reviewed, in Unix seconds.
    pub fn due(&self, days: u32) -> i64 {
        self.it.started + i64::from(days) * 86_400
    }
}

fn verdict_of(row: &SqliteRow) -> Result<Option<Verdict>, sqlx::Error> {
    let name: Option<String> = row.try_get("verdict")?;
    name.map(|name| Verdict::from_name(&name).ok_or_else(|| sqlx::Error::Decode("an unknown verdict".into()))).transpose()
}

impl FromRow<'_, SqliteRow> for Review {
    fn from_row(row: &SqliteRow) -> Result<Review, sqlx::Error> {
        Ok(Review {
            at: row.try_get("at")?,
            subject: row.try_get("subject")?,
            name: row.try_get("name")?,
            verdict: verdict_of(row)?.ok_or(sqlx::Error::RowNotFound)?,
            comment: row.try_get("comment")?,
        })
    }
}

impl FromRow<'_, SqliteRow> for Reviewed {
    fn from_row(row: &SqliteRow) -> Result<Reviewed, sqlx::Error> {
        Ok(Reviewed { it: BreakGlassUse::from_row(row)?, verdict: verdict_of(row)? })
    }
}

const NEWEST_VERDICT: &str = "(SELECT verdict FROM break_glass_reviews r WHERE r.id = b.id ORDER BY number DESC LIMIT 1)";

impl Register {
    /// Uses with their newest verdict: those that wait for one first, the longest waiting on top; then, with `all`, the
    /// others, the newest on top.
    pub async fn reviews(&self, all: bool, offset: i64, most: i64) -> Result<Vec<Reviewed>, RegisterError> {
        let question = format!(
            "SELECT * FROM (SELECT b.*, {NEWEST_VERDICT} AS verdict FROM break_glass b WHERE in_force = 1) \
             WHERE ?1 OR verdict IS NULL OR verdict = 'needs-information' \
             ORDER BY (verdict IS NULL OR verdict = 'needs-information') DESC, \
               CASE WHEN verdict IS NULL OR verdict = 'needs-information' THEN started ELSE -started END \
             LIMIT ?2 OFFSET ?3"
        );
        let rows = sqlx::query_as(sqlx::AssertSqlSafe(question)).bind(all).bind(most).bind(offset);
        Ok(rows.fetch_all(&self.pool).await?)
    }

    /// How many uses wait for a verdict, and how many there are.
    pub async fn review_counts(&self) -> Result<(u64, u64), RegisterError> {
        let question = format!(
            "SELECT count(*) FILTER (WHERE verdict IS NULL OR verdict = 'needs-information'), count(*) FROM \
             (SELECT {NEWEST_VERDICT} AS verdict FROM break_glass b WHERE in_force = 1)"
        );
        let (open, all): (i64, i64) = sqlx::query_as(sqlx::AssertSqlSafe(question)).fetch_one(&self.pool).await?;
        Ok((u64::try_from(open).unwrap_or(0), u64::try_from(all).unwrap_or(0)))
    }

    /// The verdicts on a use, oldest first.
    pub async fn reviews_of(&self, id: &str) -> Result<Vec<Review>, RegisterError> {
        let given = sqlx::query_as("SELECT * FROM break_glass_reviews WHERE id = ? ORDER BY number").bind(id);
        Ok(given.fetch_all(&self.pool).await?)
    }

    /// Whether this person may give a verdict on the use: it is there, and it is not his own.
    ///
    /// # Errors
    /// `UnknownBreakGlass`, `OwnBreakGlass`.
    pub async fn reviewable(&self, id: &str, issuer: &str, subject: &str) -> Result<BreakGlassUse, RegisterError> {
        let it = self.break_glass(id).await?.ok_or(RegisterError::UnknownBreakGlass)?;
        // At the command line a person is known by his name on that machine alone: the same name is taken for the same person.
        let same_house = it.issuer == issuer || issuer == "cli";
        if same_house && it.subject.eq_ignore_ascii_case(subject) {
            return Err(RegisterError::OwnBreakGlass);
        }
        Ok(it)
    }

    /// Gives a verdict.
    ///
    /// # Errors
    /// As [`Register::reviewable`].
    pub async fn review(&self, id: &str, review: &NewReview) -> Result<(), RegisterError> {
        self.reviewable(id, &review.issuer, &review.subject).await?;
        sqlx::query(
            "INSERT INTO break_glass_reviews (id, at, issuer, subject, name, verdict, comment) VALUES (?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(id)
        .bind(now())
        .bind(&review.issuer)
        .bind(&review.subject)
        .bind(&review.name)
        .bind(review.verdict.name())
        .bind(&review.comment)
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

//! Figures of each person's day, made once from his acts: how many charts, how many of them only found, how many refusals,
//! how far he walked through the numbers.
//!
//! Not for: what is unusual about them (`reports::volume`).

use sqlx::SqliteConnection;

use super::fill::{DAY_US, IS_FIRST};
use super::{OversightError, Projection};
use crate::oversight::UserId;

/// Two numbers belong to one walk when no more than this lies between the first and the last of twenty, in microseconds.
const WALK_TIME_US: i64 = 600_000_000;
/// Consecutive numbers that make a walk (spec audit.md §8.5).
pub const WALK: usize = 20;

/// One person's day in one role.
#[derive(Clone, PartialEq, Debug)]
pub struct UserDay {
    /// Days since 1970-01-01, UTC.
    pub day: i64,
    pub user: UserId,
    pub name: String,
    pub role: String,
    /// Entries.
    pub acts: u64,
    /// Patients of whom something was opened.
    pub patients: u64,
    /// Patients whom a search showed, and those of them who were opened too.
    pub found: u64,
    pub found_opened: u64,
    pub records: u64,
    pub searches: u64,
    pub denied: u64,
    /// Entries out of hours.
    pub off_hours: u64,
    /// Longest run of consecutive patient numbers, each twenty of it within ten minutes; zero below twenty.
    pub walk: u64,
}

/// Sums of all people of one role on one day.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoleDay {
    /// Days since 1970-01-01, UTC.
    pub day: i64,
    pub role: String,
    /// Charts opened, each once for each person.
    pub charts: u64,
    pub searches: u64,
    pub refused: u64,
}

/// Events that open a chart or part of it. The words' ids are those of the schema.
const OPENS: &str =
    "event IN (1, 2, 4, 5) OR event IN (SELECT id FROM word WHERE text IN ('document.download', 'document.print'))";

impl Projection {
    /// Makes the figures of the days that changed.
    pub(super) async fn settle(&self) -> Result<(), OversightError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query("DELETE FROM user_day WHERE (user, day) IN (SELECT user, day FROM stale)").execute(&mut *transaction).await?;
        let figures = format!(
            "INSERT INTO user_day (day, user, role, acts, patients, found, found_opened, records, searches, denied, off_hours, walk)
             SELECT day, user, role, sum(firsts), sum(opened), sum(found), sum(found AND opened), sum(records), sum(searches),
                    sum(denied), sum(off_hours), 0
             FROM (
                 SELECT stale.day, act.user, act.role, act.patient,
                        sum({IS_FIRST}) AS firsts,
                        max(act.patient IS NOT NULL AND act.outcome = 0 AND act.records > 0 AND ({OPENS})) AS opened,
                        max(act.patient IS NOT NULL AND act.event = 3 AND act.records > 0) AS found,
                        sum({IS_FIRST} * act.records) AS records,
                        sum({IS_FIRST} AND act.event = 3) AS searches,
                        sum({IS_FIRST} AND act.outcome >= 8) AS denied,
                        sum({IS_FIRST} AND act.off_hours) AS off_hours
                 FROM stale JOIN act ON act.user = stale.user
                      AND act.at >= stale.day * {DAY_US} AND act.at < (stale.day + 1) * {DAY_US}
                 GROUP BY stale.day, act.user, act.role, act.patient
             )
             GROUP BY day, user, role"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(figures)).execute(&mut *transaction).await?;
        let walkers: Vec<(i64, i64, i64)> = sqlx::query_as(
            "SELECT DISTINCT day, user, role FROM user_day WHERE patients >= ? AND (user, day) IN (SELECT user, day FROM stale)",
        )
        .bind(i64::try_from(WALK).unwrap_or(i64::MAX))
        .fetch_all(&mut *transaction)
        .await?;
        for (day, user, role) in walkers {
            let walk = walk_of(&mut transaction, day, user, role).await?;
            if walk > 0 {
                sqlx::query("UPDATE user_day SET walk = ? WHERE day = ? AND user = ? AND role = ?")
                    .bind(i64::try_from(walk).unwrap_or(i64::MAX))
                    .bind(day)
                    .bind(user)
                    .bind(role)
                    .execute(&mut *transaction)
                    .await?;
            }
        }
        super::past::settle(&mut transaction).await?;
        sqlx::query("DELETE FROM stale").execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// One person's days from one (Unix microseconds) up to before another, each with the patients of whom he opened something.
    pub fn days_of(&self, user: &UserId, from: i64, to: i64) -> Result<Vec<(i64, u64)>, OversightError> {
        let rows: Vec<(i64, i64)> = self.wait(
            sqlx::query_as(
                "SELECT day, sum(patients) FROM user_day WHERE user = (SELECT id FROM user WHERE issuer = ? AND subject = ?) \
                 AND day >= ? AND day < ? GROUP BY day ORDER BY day",
            )
            .bind(&user.issuer)
            .bind(&user.subject)
            .bind(from.div_euclid(DAY_US))
            .bind(to.saturating_add(DAY_US - 1).div_euclid(DAY_US))
            .fetch_all(&self.pool),
        )?;
        Ok(rows.into_iter().map(|(day, patients)| (day, patients.unsigned_abs())).collect())
    }

    /// The sums of each role and day from one (Unix microseconds) up to before another, by day.
    pub fn role_days(&self, from: i64, to: i64) -> Result<Vec<RoleDay>, OversightError> {
        let rows: Vec<(i64, String, i64, i64, i64)> = self.wait(
            sqlx::query_as(
                "SELECT day, word.text, sum(patients), sum(searches), sum(denied) FROM user_day \
                 JOIN word ON word.id = user_day.role WHERE day >= ? AND day < ? GROUP BY day, user_day.role ORDER BY day",
            )
            .bind(from.div_euclid(DAY_US))
            .bind(to.saturating_add(DAY_US - 1).div_euclid(DAY_US))
            .fetch_all(&self.pool),
        )?;
        let count = |n: i64| n.unsigned_abs();
        let days = rows.into_iter().map(|(day, role, charts, searches, refused)| RoleDay {
            day,
            role,
            charts: count(charts),
            searches: count(searches),
            refused: count(refused),
        });
        Ok(days.collect())
    }

    /// The figures of all days from one (Unix microseconds) up to before another, by day.
    pub fn user_days(&self, from: i64, to: i64) -> Result<Vec<UserDay>, OversightError> {
        type Stored = (i64, String, String, String, String, i64, i64, i64, i64, i64, i64, i64, i64, i64);
        let rows: Vec<Stored> = self.wait(
            sqlx::query_as(
                "SELECT day, issuer, subject, name, word.text, acts, patients, found, found_opened, records, searches, denied, \
                 off_hours, walk FROM user_day JOIN user ON user.id = user_day.user JOIN word ON word.id = user_day.role \
                 WHERE day >= ? AND day < ? ORDER BY day, issuer, subject, word.text",
            )
            .bind(from.div_euclid(DAY_US))
            .bind(to.saturating_add(DAY_US - 1).div_euclid(DAY_US))
            .fetch_all(&self.pool),
        )?;
        let count = |n: i64| n.unsigned_abs();
        let days = rows.into_iter().map(|row| UserDay {
            day: row.0,
            user: UserId { issuer: row.1, subject: row.2 },
            name: row.3,
            role: row.4,
            acts: count(row.5),
            patients: count(row.6),
            found: count(row.7),
            found_opened: count(row.8),
            records: count(row.9),
            searches: count(row.10),
            denied: count(row.11),
            off_hours: count(row.12),
            walk: count(row.13),
        });
        Ok(days.collect())
    }
}

async fn walk_of(connection: &mut SqliteConnection, day: i64, user: i64, role: i64) -> Result<usize, OversightError> {
    let opened = format!(
        "SELECT act.at, patient.number FROM act JOIN patient ON patient.id = act.patient
         WHERE act.user = ? AND act.at >= ? AND act.at < ? AND act.role = ? AND patient.number IS NOT NULL AND ({OPENS})
         ORDER BY act.at, act.id"
    );
    let opened: Vec<(i64, i64)> = sqlx::query_as(sqlx::AssertSqlSafe(opened))
        .bind(user)
        .bind(day * DAY_US)
        .bind((day + 1) * DAY_US)
        .bind(role)
        .fetch_all(connection)
        .await?;
    Ok(longest_walk(&opened))
}

/// The longest run of numbers each one above the one before, any [`WALK`] of which lie within ten minutes. Looking again at
/// the same number does not end it.
fn longest_walk(opened: &[(i64, i64)]) -> usize {
    let mut longest = 0;
    let mut run: Vec<(i64, i64)> = Vec::new();
    let mut is_walk = false;
    for (at, number) in opened {
        match run.last() {
            Some((_, last)) if last == number => continue,
            Some((_, last)) if last + 1 == *number => {}
            _ => {
                run.clear();
                is_walk = false;
            }
        }
        run.push((*at, *number));
        is_walk |=
            run.len().checked_sub(WALK).and_then(|first| run.get(first)).is_some_and(|(first, _)| at - first <= WALK_TIME_US);
        if is_walk {
            longest = longest.max(run.len());
        }
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_is_twenty_numbers_in_a_row_within_ten_minutes() {
        let walk = |count: i64, step_s: i64| (0..count).map(|n| (n * step_s * 1_000_000, 100 + n)).collect::<Vec<_>>();
        assert_eq!(longest_walk(&walk(19, 1)), 0);
        assert_eq!(longest_walk(&walk(20, 1)), 20);
        assert_eq!(longest_walk(&walk(40, 10)), 40);
        assert_eq!(longest_walk(&walk(40, 60)), 0, "a number a minute");
        let twice: Vec<_> = walk(20, 1).into_iter().flat_map(|it| [it, it]).collect();
        assert_eq!(longest_walk(&twice), 20, "each looked at twice");
        let mut broken = walk(30, 1);
        broken[15].1 = 7;
        assert_eq!(longest_walk(&broken), 0);
    }
}

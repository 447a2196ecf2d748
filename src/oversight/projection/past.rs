//! What people did before a day, in brief: the hours that they keep, when they were last here, and on how many days they
//! opened a chart. A summary that each fill keeps up, so that a question about a day need not read the weeks before it.
//!
//! Not for: what follows from it (`signals`).

use jiff::ToSpan;
use jiff::civil::{Date, date};
use sqlx::SqliteConnection;

use super::fill::DAY_US;
use super::{OversightError, Projection};
use crate::limits::SIGNAL_HISTORY_DAYS;
use crate::model::PatientKey;
use crate::oversight::UserId;
use crate::oversight::signals::{Opened, Past};

/// Acts that opened a chart, as `signals` counts them.
const OPENED: &str = "act.patient IS NOT NULL AND act.outcome = 0 AND (act.event IN (1, 2, 4, 5) OR act.event IN
    (SELECT id FROM word WHERE text IN ('document.download', 'document.print')))
    AND act.role <> coalesce((SELECT id FROM word WHERE text = 'service'), -1)";
const EPOCH: Date = date(1970, 1, 1);

/// Makes the summary of the days that changed.
pub(super) async fn settle(connection: &mut SqliteConnection) -> Result<(), OversightError> {
    let of_stale = format!(
        "FROM stale JOIN act ON act.user = stale.user
             AND act.at >= stale.day * {DAY_US} AND act.at < (stale.day + 1) * {DAY_US}
         WHERE {OPENED}"
    );
    let hours = format!(
        "INSERT INTO user_hour (user, day, hour, acts)
         SELECT stale.user, stale.day, act.hour, count(*) {of_stale} GROUP BY stale.user, stale.day, act.hour"
    );
    let charts = format!(
        "INSERT INTO user_chart (user, day, local, patient)
         SELECT DISTINCT stale.user, stale.day, act.hour / 24, act.patient {of_stale}"
    );
    for statement in [
        "DELETE FROM user_hour WHERE (user, day) IN (SELECT user, day FROM stale)",
        "DELETE FROM user_chart WHERE (user, day) IN (SELECT user, day FROM stale)",
    ] {
        sqlx::query(statement).execute(&mut *connection).await?;
    }
    for statement in [hours, charts] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut *connection).await?;
    }
    Ok(())
}

impl Projection {
    /// What one person did before a day; of charts those alone that are among his acts of that day. `None`: nothing.
    pub fn past(&self, user: &UserId, on: Date) -> Result<Option<Past>, OversightError> {
        let start = |day: Date| day.to_zoned(self.zone().clone()).map(|at| at.timestamp().as_microsecond());
        let (Ok(from), Ok(to)) = (start(on), on.tomorrow().and_then(start)) else { return Ok(None) };
        self.wait(self.past_of(user, since_epoch(on), from, to))
    }

    /// `day` counts days since 1970; the acts of the day lie from one moment to before another.
    async fn past_of(&self, user: &UserId, day: i64, from: i64, to: i64) -> Result<Option<Past>, OversightError> {
        let first = day - i64::from(SIGNAL_HISTORY_DAYS);
        let id = sqlx::query_scalar("SELECT id FROM user WHERE issuer = ? AND subject = ?");
        let id: Option<i64> = id.bind(&user.issuer).bind(&user.subject).fetch_optional(&self.pool).await?;
        let Some(id) = id else { return Ok(None) };
        // However long ago: an account that slept for a year slept.
        let last =
            "SELECT hour / 24 FROM user_hour WHERE user = ? AND day <= ? AND hour < ? ORDER BY day DESC, hour DESC LIMIT 1";
        let last: Option<i64> = sqlx::query_scalar(last).bind(id).bind(day + 1).bind(day * 24).fetch_optional(&self.pool).await?;
        let Some(last) = last else { return Ok(None) };
        let mut past = Past { last_active: date_of(last), ..Past::default() };
        // The days of the rows are those of UTC, and may lie beside the local ones.
        let hours: Vec<(i64, i64)> = sqlx::query_as(
            "SELECT hour % 24, sum(acts) FROM user_hour
             WHERE user = ? AND day >= ? AND day <= ? AND hour >= ? AND hour < ? GROUP BY hour % 24",
        )
        .bind(id)
        .bind(first - 1)
        .bind(day + 1)
        .bind(first * 24)
        .bind(day * 24)
        .fetch_all(&self.pool)
        .await?;
        for (hour, acts) in hours {
            if let Some(count) = usize::try_from(hour).ok().and_then(|hour| past.hours.get_mut(hour)) {
                *count = u32::try_from(acts).unwrap_or(u32::MAX);
            }
        }
        let charts: Vec<(String, i64, i64)> = sqlx::query_as(
            "SELECT (SELECT key FROM patient WHERE id = user_chart.patient), count(DISTINCT local), min(local) FROM user_chart
             WHERE user = ?1 AND day >= ?2 AND day <= ?3 AND local >= ?4 AND local < ?5
               AND patient IN (SELECT patient FROM act WHERE user = ?1 AND at >= ?6 AND at < ?7)
             GROUP BY patient",
        )
        .bind(id)
        .bind(first - 1)
        .bind(day + 1)
        .bind(first)
        .bind(day)
        .bind(from)
        .bind(to)
        .fetch_all(&self.pool)
        .await?;
        let opened = charts.into_iter().filter_map(|(key, days, first)| {
            let days = u32::try_from(days).unwrap_or(u32::MAX);
            Some((PatientKey::parse(&key)?, Opened { days, first: date_of(first)? }))
        });
        past.charts = opened.collect();
        Ok(Some(past))
    }

    /// Every row of the summary in words, in their order: for the test that makes it anew and compares.
    #[cfg(test)]
    pub(super) fn summary(&self) -> Vec<(String, i64, i64, String, i64)> {
        let question = "SELECT subject, day, hour, '', acts FROM user_hour JOIN user ON user.id = user_hour.user
             UNION ALL
             SELECT subject, day, local, key, 0 FROM user_chart JOIN user ON user.id = user_chart.user
             JOIN patient ON patient.id = user_chart.patient ORDER BY 1, 2, 3, 4";
        self.wait(sqlx::query_as(question).fetch_all(&self.pool)).unwrap()
    }
}

fn since_epoch(day: Date) -> i64 {
    i64::from(EPOCH.until(day).map_or(0, |span| span.get_days()))
}

fn date_of(days: i64) -> Option<Date> {
    EPOCH.checked_add(i32::try_from(days).ok()?.days()).ok()
}

//! Alerts that wait until somebody whose business it is has seen them.
//!
//! Not for: telling people outside at once (`notice`), or whose business it is (`access`).

use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row};

use super::notice::{self, Channel};
use super::{Register, RegisterError, now};
use crate::model::PatientKey;

/// Something that was found and should be looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewAlert {
    /// A code, as audit entries have it.
    pub about: &'static str,
    /// Every key of the person whom it is about.
    pub patients: Vec<PatientKey>,
    /// What was found, in codes; nothing of a record.
    pub detail: String,
    /// At whose request.
    pub issuer: String,
    pub subject: String,
    pub name: String,
}

/// An alert that nobody has marked as seen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Alert {
    pub number: i64,
    pub about: String,
    pub patients: Vec<PatientKey>,
    pub detail: String,
    pub issuer: String,
    pub subject: String,
    pub name: String,
    /// Unix seconds.
    pub first: i64,
    pub last: i64,
    pub times: i64,
}

impl FromRow<'_, SqliteRow> for Alert {
    fn from_row(row: &SqliteRow) -> Result<Alert, sqlx::Error> {
        let patients: String = row.try_get("patients")?;
        Ok(Alert {
            number: row.try_get("number")?,
            about: row.try_get("about")?,
            patients: patients.split_whitespace().filter_map(PatientKey::parse).collect(),
            detail: row.try_get("detail")?,
            issuer: row.try_get("issuer")?,
            subject: row.try_get("subject")?,
            name: row.try_get("name")?,
            first: row.try_get("first")?,
            last: row.try_get("last")?,
            times: row.try_get("times")?,
        })
    }
}

impl Register {
    /// Raises an alert, together with the notices of it. While one of the same kind, person and patient has not been seen,
    /// it is counted there, and nobody is told twice.
    pub async fn raise_alert(&self, new: &NewAlert, notices: &[(Channel, String)]) -> Result<(), RegisterError> {
        let patients = new.patients.iter().map(PatientKey::as_str).collect::<Vec<_>>().join(" ");
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let again = sqlx::query(
            "UPDATE alerts SET last = ?1, times = times + 1 WHERE seen = 0 AND about = ?2 AND patients = ?3 AND detail = ?4 \
             AND issuer = ?5 AND subject = ?6",
        );
        let again = again.bind(now()).bind(new.about).bind(&patients).bind(&new.detail).bind(&new.issuer).bind(&new.subject);
        if again.execute(&mut *transaction).await?.rows_affected() == 0 {
            sqlx::query(
                "INSERT INTO alerts (first, last, about, patients, detail, issuer, subject, name) \
                 VALUES (?1, ?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )
            .bind(now())
            .bind(new.about)
            .bind(&patients)
            .bind(&new.detail)
            .bind(&new.issuer)
            .bind(&new.subject)
            .bind(&new.name)
            .execute(&mut *transaction)
            .await?;
            for (channel, body) in notices {
                notice::insert(&mut transaction, *channel, new.about, body).await?;
            }
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Alerts that nobody has seen, the newest first.
    pub async fn unseen_alerts(&self, most: i64) -> Result<Vec<Alert>, RegisterError> {
        let found = sqlx::query_as("SELECT * FROM alerts WHERE seen = 0 ORDER BY last DESC, number DESC LIMIT ?").bind(most);
        Ok(found.fetch_all(&self.pool).await?)
    }

    /// The alert of this number, if nobody has seen it.
    pub async fn unseen_alert(&self, number: i64) -> Result<Option<Alert>, RegisterError> {
        let found = sqlx::query_as("SELECT * FROM alerts WHERE seen = 0 AND number = ?").bind(number);
        Ok(found.fetch_optional(&self.pool).await?)
    }

    /// Somebody has seen it, and it waits no longer.
    pub async fn alert_seen(&self, number: i64, issuer: &str, subject: &str) -> Result<(), RegisterError> {
        sqlx::query("UPDATE alerts SET seen = ?, seen_by = ? WHERE number = ? AND seen = 0")
            .bind(now())
            .bind(format!("{issuer} {subject}"))
            .bind(number)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

//! Suspensions of the accounting of disclosures.
//!
//! Not for: the disclosures themselves, which are entries of the log, or which of them count (`oversight::accounting`).

use super::{BlockingRegister, Register, RegisterError, now};

/// One suspension.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Suspension {
    pub id: String,
    pub patient: String,
    pub agency: String,
    pub is_written: bool,
    pub statement: String,
    /// Unix seconds.
    pub starts: i64,
    pub ends: i64,
    pub made_by: String,
    /// When it was ended before its time.
    pub resumed: Option<i64>,
}

impl Suspension {
    /// Whether it hides anything at a time (Unix seconds).
    pub fn is_in_force(&self, at: i64) -> bool {
        (self.starts..self.ends).contains(&at) && self.resumed.is_none_or(|resumed| at < resumed)
    }
}

type Row = (String, String, String, bool, String, i64, i64, String, Option<i64>);

fn suspension(row: Row) -> Suspension {
    let (id, patient, agency, is_written, statement, starts, ends, made_by, resumed) = row;
    Suspension { id, patient, agency, is_written, statement, starts, ends, made_by, resumed }
}

impl Register {
    pub async fn add_suspension(&self, it: &Suspension) -> Result<(), RegisterError> {
        sqlx::query("INSERT INTO disclosure_suspensions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
            .bind(&it.id)
            .bind(&it.patient)
            .bind(&it.agency)
            .bind(it.is_written)
            .bind(&it.statement)
            .bind(it.starts)
            .bind(it.ends)
            .bind(&it.made_by)
            .bind(it.resumed)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// All suspensions about any of these patient keys, ended ones too, oldest first.
    pub async fn suspensions(&self, patients: &[String]) -> Result<Vec<Suspension>, RegisterError> {
        let mut found = Vec::new();
        for patient in patients {
            let rows: Vec<Row> = sqlx::query_as(
                "SELECT id, patient, agency, is_written, statement, starts, ends, made_by, resumed FROM disclosure_suspensions \
                 WHERE patient = ? ORDER BY starts, id",
            )
            .bind(patient)
            .fetch_all(&self.pool)
            .await?;
            found.extend(rows.into_iter().map(suspension));
        }
        found.sort_by(|a, b| (a.starts, &a.id).cmp(&(b.starts, &b.id)));
        Ok(found)
    }

    /// The suspension of an id, as it was before, ended now.
    ///
    /// # Errors
    /// `Unknown` when there is none, or it was ended before.
    pub async fn end_suspension(&self, id: &str) -> Result<Suspension, RegisterError> {
        let row: Option<Row> = sqlx::query_as(
            "UPDATE disclosure_suspensions SET resumed = ? WHERE id = ? AND resumed IS NULL \
             RETURNING id, patient, agency, is_written, statement, starts, ends, made_by, resumed",
        )
        .bind(now())
        .bind(id)
        .fetch_optional(&self.pool)
        .await?;
        row.map(suspension).ok_or(RegisterError::UnknownSuspension)
    }
}

impl BlockingRegister {
    pub fn add_suspension(&self, it: &Suspension) -> Result<(), RegisterError> {
        self.wait(|register| register.add_suspension(it))
    }

    pub fn suspensions(&self, patients: &[String]) -> Result<Vec<Suspension>, RegisterError> {
        self.wait(|register| register.suspensions(patients))
    }

    pub fn end_suspension(&self, id: &str) -> Result<Suspension, RegisterError> {
        self.wait(|register| register.end_suspension(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::SessionTimes;

    #[tokio::test]
    async fn a_suspension_holds_for_its_time_or_until_it_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let register = Register::open(&folder.path().join("register.db"), SessionTimes::default()).await.unwrap();
        let written = Suspension {
            id: "s-1".into(),
            patient: "mer.1".into(),
            agency: "State police".into(),
            is_written: true,
            statement: "letter of 2 March".into(),
            starts: 100,
            ends: i64::MAX,
            made_by: "ann".into(),
            resumed: None,
        };
        register.add_suspension(&written).await.unwrap();
        assert_eq!(register.suspensions(&["mer.2".into(), "mer.1".into()]).await.unwrap(), std::slice::from_ref(&written));
        assert_eq!([99, 100, 200].map(|at| written.is_in_force(at)), [false, true, true]);
        let ended = register.end_suspension("s-1").await.unwrap();
        assert!(!ended.is_in_force(now() + 1) && ended.is_in_force(200));
        assert!(matches!(register.end_suspension("s-1").await, Err(RegisterError::UnknownSuspension)));
    }
}

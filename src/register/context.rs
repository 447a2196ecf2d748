//! Launched patients: which patient each window of a session is about. A window names its context in every address, so
//! two windows cannot cross.
//!
//! Not for: finding the patient of a launch (`server::signin`).

use super::session::id_hash;
use super::{Register, RegisterError, now, password};
use crate::limits::CONTEXTS_MAX;
use crate::model::PatientKey;

/// A window that was opened with a patient.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Context {
    /// As it stands in addresses.
    pub id: String,
    pub patient: PatientKey,
}

impl Register {
    /// Opens a window on `patient` in the session; the oldest beyond the bound is forgotten.
    ///
    /// # Errors
    /// `Database` when the session is not there.
    pub async fn open_context(&self, session: &str, patient: &PatientKey) -> Result<Context, RegisterError> {
        let id = password::random_text::<16>()?;
        let session = id_hash(session);
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query("INSERT INTO contexts (id, session, patient, created) VALUES (?, ?, ?, ?)")
            .bind(id.as_str())
            .bind(&session[..])
            .bind(patient.as_str())
            .bind(now())
            .execute(&mut *transaction)
            .await?;
        sqlx::query(
            "DELETE FROM contexts WHERE session = ?1 AND id <> ?2 AND id NOT IN \
             (SELECT id FROM contexts WHERE session = ?1 AND id <> ?2 ORDER BY created DESC LIMIT ?3)",
        )
        .bind(&session[..])
        .bind(id.as_str())
        .bind(CONTEXTS_MAX - 1)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(Context { id: id.to_string(), patient: patient.clone() })
    }

    /// The window `id`, when it is of this session.
    pub async fn context(&self, session: &str, id: &str) -> Result<Option<Context>, RegisterError> {
        let patient: Option<String> = sqlx::query_scalar("SELECT patient FROM contexts WHERE id = ? AND session = ?")
            .bind(id)
            .bind(&id_hash(session)[..])
            .fetch_optional(&self.pool)
            .await?;
        let patient = patient.and_then(|key| PatientKey::parse(&key));
        Ok(patient.map(|patient| Context { id: id.to_string(), patient }))
    }

    /// From now on the session opens what its role may, beside its launched patients.
    pub async fn unbind(&self, session: &str) -> Result<(), RegisterError> {
        sqlx::query("UPDATE sessions SET bound = 0 WHERE id_hash = ?").bind(&id_hash(session)[..]).execute(&self.pool).await?;
        Ok(())
    }
}

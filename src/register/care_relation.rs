//! Care relations: which person may say that he cares for which patient, and when; and the policy that ruled last.
//!
//! Not for: what a relation opens (`access::policy`), or reading files of relations (`commands`).

use super::{Register, RegisterError, now};

/// That a person cares for a patient.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CareRelation {
    /// `local` for accounts of this archive, else the issuer's URL.
    pub issuer: String,
    pub subject: String,
    /// The patient's key.
    pub patient: String,
    /// Unix seconds, from this one on …
    pub begins: i64,
    /// … until before this one.
    pub ends: i64,
}

impl Register {
    /// Puts these relations in the place of all that there were; either all of them or, after an error, none. Of two that
    /// begin at once the longer one counts. Gives how many there are now.
    pub async fn replace_care_relations(&self, relations: &[CareRelation]) -> Result<u64, RegisterError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query("DELETE FROM care_relations").execute(&mut *transaction).await?;
        for relation in relations {
            sqlx::query(
                "INSERT INTO care_relations (issuer, subject, patient, begins, ends) VALUES (?, ?, ?, ?, ?)
                 ON CONFLICT DO UPDATE SET ends = max(ends, excluded.ends)",
            )
            .bind(&relation.issuer)
            .bind(&relation.subject)
            .bind(&relation.patient)
            .bind(relation.begins)
            .bind(relation.ends)
            .execute(&mut *transaction)
            .await?;
        }
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM care_relations").fetch_one(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(count.unsigned_abs())
    }

    /// Whether the person cares at `time` (Unix seconds) for a patient of one of these keys.
    pub async fn cares_for<'k>(
        &self,
        issuer: &str,
        subject: &str,
        keys: impl IntoIterator<Item = &'k str>,
        time: i64,
    ) -> Result<bool, RegisterError> {
        for key in keys {
            let found: Option<i64> = sqlx::query_scalar(
                "SELECT 1 FROM care_relations
                 WHERE issuer = ? AND subject = ? AND patient = ? AND begins <= ? AND ends > ? LIMIT 1",
            )
            .bind(issuer)
            .bind(subject)
            .bind(key)
            .bind(time)
            .bind(time)
            .fetch_optional(&self.pool)
            .await?;
            if found.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The patients (by key) for whom a person cared at some time from one moment to before another, in Unix seconds.
    pub async fn cared_for(&self, issuer: &str, subject: &str, from: i64, to: i64) -> Result<Vec<String>, RegisterError> {
        let question = "SELECT DISTINCT patient FROM care_relations WHERE issuer = ? AND subject = ? AND begins < ? AND ends > ?";
        let patients = sqlx::query_scalar(question).bind(issuer).bind(subject).bind(to).bind(from);
        Ok(patients.fetch_all(&self.pool).await?)
    }

    /// Whether any relations are on file: without them, that somebody has none says nothing.
    pub async fn has_care_relations(&self) -> Result<bool, RegisterError> {
        let found: Option<i64> = sqlx::query_scalar("SELECT 1 FROM care_relations LIMIT 1").fetch_optional(&self.pool).await?;
        Ok(found.is_some())
    }

    /// Digest of the policy that ruled last; `None` when none was noted yet.
    pub async fn last_policy(&self) -> Result<Option<String>, RegisterError> {
        Ok(sqlx::query_scalar("SELECT digest FROM policy_in_force").fetch_optional(&self.pool).await?)
    }

    /// Notes that the policy of this digest rules from now on.
    pub async fn note_policy(&self, digest: &str) -> Result<(), RegisterError> {
        sqlx::query(
            "INSERT INTO policy_in_force (only_one, digest, since) VALUES (1, ?1, ?2)
             ON CONFLICT DO UPDATE SET digest = ?1, since = ?2",
        )
        .bind(digest)
        .bind(now())
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{REGISTER_FILE, SessionTimes};
    use super::*;

    async fn register() -> (tempfile::TempDir, Register) {
        let folder = tempfile::tempdir().unwrap();
        let register = Register::open(&folder.path().join(REGISTER_FILE), SessionTimes::default()).await.unwrap();
        (folder, register)
    }

    fn relation(subject: &str, patient: &str, begins: i64, ends: i64) -> CareRelation {
        CareRelation { issuer: "local".into(), subject: subject.into(), patient: patient.into(), begins, ends }
    }

    #[tokio::test]
    async fn a_relation_holds_for_its_person_its_patient_and_its_time() {
        let (_folder, register) = register().await;
        let list =
            [relation("ann", "mer.1", 100, 200), relation("ann", "mer.1", 100, 150), relation("bob", "mer.2", 0, i64::MAX)];
        assert_eq!(register.replace_care_relations(&list).await.unwrap(), 2);
        let cares = async |issuer: &str, subject: &str, keys: &[&str], time| {
            register.cares_for(issuer, subject, keys.iter().copied(), time).await.unwrap()
        };
        for (time, expected) in [(99, false), (100, true), (199, true), (200, false)] {
            assert_eq!(cares("local", "ann", &["mer.1"], time).await, expected, "at {time}");
        }
        assert!(cares("local", "ann", &["pvs.7", "mer.1"], 150).await, "any key of the person");
        assert!(!cares("local", "ann", &["mer.2"], 150).await && !cares("local", "ann", &[], 150).await);
        assert!(!cares("https://idp.example", "ann", &["mer.1"], 150).await, "another issuer's ann is another person");

        for (from, to, expected) in [(0, 100, 0), (0, 101, 1), (199, 900, 1), (200, 900, 0)] {
            assert_eq!(register.cared_for("local", "ann", from, to).await.unwrap().len(), expected, "{from} to {to}");
        }
        assert!(register.has_care_relations().await.unwrap());

        assert_eq!(register.replace_care_relations(&list[2..]).await.unwrap(), 1);
        assert!(!cares("local", "ann", &["mer.1"], 150).await, "an import takes the place of the one before");
        assert!(cares("local", "bob", &["mer.2"], 150).await);
    }

    #[tokio::test]
    async fn the_last_policy_is_remembered() {
        let (_folder, register) = register().await;
        assert_eq!(register.last_policy().await.unwrap(), None);
        for digest in ["aa", "bb"] {
            register.note_policy(digest).await.unwrap();
            assert_eq!(register.last_policy().await.unwrap().as_deref(), Some(digest));
        }
    }
}

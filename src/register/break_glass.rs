//! Uses of break-glass: leave for one person, in one session, to see classes of one patient's records for an hour (spec
//! access.md §9). A use opens nothing before its entry is in the access log.
//!
//! Not for: what may be opened (`access`), who may ask (`server`), or the verdict on it (`review`).

use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row, SqliteConnection};

use super::{Channel, Register, RegisterError, now};
use crate::limits::{BREAK_GLASS_PER_HOUR, BREAK_GLASS_SECONDS};
use crate::model::{Label, PatientKey};

/// Fewest characters of a reason, spaces not counted.
pub const REASON_CHARS_MIN: usize = 15;
/// How long a use may wait for its entry; after that whoever asked is gone.
const UNCONFIRMED_FOR_S: i64 = 60;

/// What 42 CFR 2.51(c) wants recorded of a medical emergency.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Emergency {
    /// Name of the medical personnel to whom the records are disclosed.
    pub personnel: String,
    pub facility: String,
    /// Nature of the emergency.
    pub nature: String,
}

/// What a use begins with.
#[derive(Clone, Debug)]
pub struct NewBreakGlass {
    pub issuer: String,
    pub subject: String,
    pub name: String,
    pub role: String,
    /// As audit entries call it.
    pub session: String,
    /// Every key of the person whose chart it opens.
    pub patients: Vec<PatientKey>,
    pub classes: Label,
    pub reason_code: String,
    pub reason_text: String,
    pub emergency: Option<Emergency>,
}

/// One use, as it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BreakGlassUse {
    pub id: String,
    pub issuer: String,
    pub subject: String,
    pub name: String,
    pub role: String,
    pub session: String,
    pub patients: Vec<PatientKey>,
    pub classes: Label,
    pub reason_code: String,
    pub reason_text: String,
    pub emergency: Option<Emergency>,
    /// Unix seconds.
    pub started: i64,
    pub expires: i64,
    pub stopped: Option<i64>,
    pub stop_reason: Option<String>,
    /// Answers that showed records under it, and records in them; counted when it has ended.
    pub answers: u64,
    pub records: u64,
}

/// Why no use begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BreakGlassRefusal {
    ShortReason,
    /// The same person gave this reason before, word for word.
    RepeatedReason,
    /// As many as one person may begin in an hour; the instant (Unix seconds) from when on another is possible.
    TooMany {
        again_at: i64,
    },
    /// No patient.
    Nobody,
}

impl BreakGlassRefusal {
    pub fn code(self) -> &'static str {
        match self {
            BreakGlassRefusal::ShortReason => "short-reason",
            BreakGlassRefusal::RepeatedReason => "repeated-reason",
            BreakGlassRefusal::TooMany { .. } => "too-many",
            BreakGlassRefusal::Nobody => "nobody",
        }
    }
}

impl FromRow<'_, SqliteRow> for BreakGlassUse {
    fn from_row(row: &SqliteRow) -> Result<BreakGlassUse, sqlx::Error> {
        let patients: String = row.try_get("patients")?;
        let stopped: i64 = row.try_get("stopped")?;
        let personnel: Option<String> = row.try_get("personnel")?;
        let field = |name: &str| row.try_get::<Option<String>, _>(name).map(Option::unwrap_or_default);
        let (facility, nature) = (field("facility")?, field("nature")?);
        let count = |name: &str| row.try_get::<i64, _>(name).map(|n| u64::try_from(n).unwrap_or(0));
        // A bit that does not fit is none: what cannot be read must not open anything.
        let classes = u32::try_from(row.try_get::<i64, _>("classes")?).unwrap_or(0);
        Ok(BreakGlassUse {
            id: row.try_get("id")?,
            issuer: row.try_get("issuer")?,
            subject: row.try_get("subject")?,
            name: row.try_get("name")?,
            role: row.try_get("role")?,
            session: row.try_get("session")?,
            patients: patients.split(' ').filter_map(PatientKey::parse).collect(),
            classes: Label::from_bits(classes),
            reason_code: row.try_get("reason_code")?,
            reason_text: row.try_get("reason_text")?,
            emergency: personnel.map(|personnel| Emergency { personnel, facility, nature }),
            started: row.try_get("started")?,
            expires: row.try_get("expires")?,
            stopped: (stopped > 0).then_some(stopped),
            stop_reason: row.try_get("stop_reason")?,
            answers: count("answers")?,
            records: count("records")?,
        })
    }
}

/// Letters and digits of a reason in lower case: two that differ in nothing else are one.
fn bare(reason: &str) -> String {
    reason.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

impl Register {
    /// Begins a use that opens nothing yet. Its entry is to be written next, and then [`Register::confirm_break_glass`]
    /// called.
    pub async fn begin_break_glass(&self, new: NewBreakGlass) -> Result<Result<BreakGlassUse, BreakGlassRefusal>, RegisterError> {
        if new.patients.is_empty() {
            return Ok(Err(BreakGlassRefusal::Nobody));
        }
        if new.reason_text.chars().filter(|c| !c.is_whitespace() && !c.is_control()).count() < REASON_CHARS_MIN {
            return Ok(Err(BreakGlassRefusal::ShortReason));
        }
        let now = now();
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        if let Some(refusal) = refusal(&mut transaction, &new, now).await? {
            return Ok(Err(refusal));
        }
        let begun = BreakGlassUse {
            id: uuid::Uuid::now_v7().to_string(),
            issuer: new.issuer,
            subject: new.subject,
            name: new.name,
            role: new.role,
            session: new.session,
            patients: new.patients,
            classes: new.classes,
            reason_code: new.reason_code,
            reason_text: new.reason_text,
            emergency: new.emergency,
            started: now,
            expires: now + BREAK_GLASS_SECONDS,
            stopped: None,
            stop_reason: None,
            answers: 0,
            records: 0,
        };
        insert(&mut transaction, &begun).await?;
        transaction.commit().await?;
        Ok(Ok(begun))
    }

    /// Puts a use in force whose entry is in the access log, and with the same stroke lays out the notices of it.
    pub async fn confirm_break_glass(&self, id: &str, notices: &[(Channel, String)]) -> Result<(), RegisterError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let confirm = "UPDATE break_glass SET in_force = 1 WHERE id = ? AND stopped = 0";
        if sqlx::query(confirm).bind(id).execute(&mut *transaction).await?.rows_affected() == 0 {
            return Err(RegisterError::UnknownBreakGlass);
        }
        for (channel, body) in notices {
            super::notice::insert(&mut transaction, *channel, id, body).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Forgets a use whose entry could not be written.
    pub async fn withdraw_break_glass(&self, id: &str) -> Result<(), RegisterError> {
        sqlx::query("DELETE FROM break_glass WHERE id = ? AND in_force = 0").bind(id).execute(&self.pool).await?;
        Ok(())
    }

    /// The uses that open something for this person in this session, now.
    pub async fn break_glass_in_force(
        &self,
        issuer: &str,
        subject: &str,
        session: &str,
    ) -> Result<Vec<BreakGlassUse>, RegisterError> {
        Ok(sqlx::query_as(
            "SELECT * FROM break_glass WHERE issuer = ? AND subject = ? AND session = ? \
             AND in_force = 1 AND stopped = 0 AND expires > ? ORDER BY started",
        )
        .bind(issuer)
        .bind(subject)
        .bind(session)
        .bind(now())
        .fetch_all(&self.pool)
        .await?)
    }

    pub async fn break_glass(&self, id: &str) -> Result<Option<BreakGlassUse>, RegisterError> {
        let one = sqlx::query_as("SELECT * FROM break_glass WHERE id = ? AND in_force = 1").bind(id);
        Ok(one.fetch_optional(&self.pool).await?)
    }

    /// Ends a use. `false`: it had ended before. Its entry is still to be written: see
    /// [`Register::break_glass_to_be_logged`].
    pub async fn stop_break_glass(&self, id: &str, why: &str) -> Result<bool, RegisterError> {
        let stop = "UPDATE break_glass SET stopped = ?, stop_reason = ? WHERE id = ? AND in_force = 1 AND stopped = 0";
        Ok(sqlx::query(stop).bind(now()).bind(why).bind(id).execute(&self.pool).await?.rows_affected() == 1)
    }

    /// Ends what time has ended: uses that have expired, and uses of sessions that are gone. Forgets those that never came
    /// into force.
    pub async fn expire_break_glass(&self) -> Result<(), RegisterError> {
        let now = now();
        let forget = "DELETE FROM break_glass WHERE in_force = 0 AND started <= ?";
        sqlx::query(forget).bind(now - UNCONFIRMED_FOR_S).execute(&self.pool).await?;
        sqlx::query(
            "UPDATE break_glass SET stopped = expires, stop_reason = 'expired' WHERE in_force = 1 AND stopped = 0 AND expires <= ?",
        )
        .bind(now)
        .execute(&self.pool)
        .await?;
        sqlx::query(
            "UPDATE break_glass SET stopped = ?1, stop_reason = 'session-ended' \
             WHERE in_force = 1 AND stopped = 0 AND NOT EXISTS ( \
               SELECT 1 FROM sessions s WHERE lower(hex(substr(s.id_hash, 1, 16))) = break_glass.session \
               AND s.last_seen > ?2 AND s.created > ?3)",
        )
        .bind(now)
        .bind(now - self.times.idle_s)
        .bind(now - self.times.absolute_s)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Uses that have ended and whose end is not in the access log yet.
    pub async fn break_glass_to_be_logged(&self) -> Result<Vec<BreakGlassUse>, RegisterError> {
        let ended = "SELECT * FROM break_glass WHERE in_force = 1 AND stopped > 0 AND stop_logged = 0 ORDER BY stopped LIMIT 100";
        Ok(sqlx::query_as(ended).fetch_all(&self.pool).await?)
    }

    /// The end of this use is in the log; so many answers and records were shown under it.
    pub async fn break_glass_logged(&self, id: &str, answers: u64, records: u64) -> Result<(), RegisterError> {
        let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        sqlx::query("UPDATE break_glass SET stop_logged = 1, answers = ?, records = ? WHERE id = ?")
            .bind(count(answers))
            .bind(count(records))
            .bind(id)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

/// What speaks against a new use, of what its person did before.
async fn refusal(
    connection: &mut SqliteConnection,
    new: &NewBreakGlass,
    now: i64,
) -> Result<Option<BreakGlassRefusal>, RegisterError> {
    let lately: Vec<i64> = sqlx::query_scalar(
        "SELECT started FROM break_glass WHERE issuer = ? AND subject = ? AND started > ? ORDER BY started DESC LIMIT ?",
    )
    .bind(&new.issuer)
    .bind(&new.subject)
    .bind(now - 3600)
    .bind(i64::from(BREAK_GLASS_PER_HOUR))
    .fetch_all(&mut *connection)
    .await?;
    if lately.len() >= BREAK_GLASS_PER_HOUR as usize {
        let oldest = lately.last().copied().unwrap_or(now);
        return Ok(Some(BreakGlassRefusal::TooMany { again_at: oldest + 3600 }));
    }
    let said: i64 = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM break_glass WHERE issuer = ? AND subject = ? AND reason_bare = ? AND in_force = 1)",
    )
    .bind(&new.issuer)
    .bind(&new.subject)
    .bind(bare(&new.reason_text))
    .fetch_one(&mut *connection)
    .await?;
    Ok((said == 1).then_some(BreakGlassRefusal::RepeatedReason))
}

async fn insert(connection: &mut SqliteConnection, it: &BreakGlassUse) -> Result<(), RegisterError> {
    let patients: Vec<&str> = it.patients.iter().map(PatientKey::as_str).collect();
    let emergency = it.emergency.as_ref();
    sqlx::query(
        "INSERT INTO break_glass (id, issuer, subject, name, role, session, patients, classes, reason_code, reason_text, \
           reason_bare, personnel, facility, nature, started, expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&it.id)
    .bind(&it.issuer)
    .bind(&it.subject)
    .bind(&it.name)
    .bind(&it.role)
    .bind(&it.session)
    .bind(patients.join(" "))
    .bind(i64::from(it.classes.bits()))
    .bind(&it.reason_code)
    .bind(&it.reason_text)
    .bind(bare(&it.reason_text))
    .bind(emergency.map(|e| e.personnel.as_str()))
    .bind(emergency.map(|e| e.facility.as_str()))
    .bind(emergency.map(|e| e.nature.as_str()))
    .bind(it.started)
    .bind(it.expires)
    .execute(connection)
    .await?;
    Ok(())
}

//! How sessions begin, and go on under another id: sign-in, another role, a fresh proof.
//!
//! Not for: checking who it is (`account`, `server::signin`).

use std::fmt;

use sqlx::SqliteConnection;
use zeroize::Zeroizing;

use super::{Activity, Session, id_hash};
use crate::register::who::Who;
use crate::register::{Register, RegisterError, now, password};

/// A person without an account here, as his issuer describes him at sign-in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outside {
    pub issuer: String,
    pub subject: String,
    pub name: String,
    pub roles: Vec<String>,
    /// JSON, kept as it is.
    pub attributes: String,
    /// The provider's own session (`sid`).
    pub provider_sid: Option<String>,
    /// When he last proved who he is, in Unix seconds.
    pub auth_time: i64,
}
/// A session that has just begun, with the secret for the cookie.
pub struct StartedSession {
    pub id: Zeroizing<String>,
    pub session: Session,
}

impl fmt::Debug for StartedSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartedSession").field("session", &self.session).finish_non_exhaustive()
    }
}

/// How a session of a person without an account begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Begin {
    /// Signed in at the provider: open to whatever his role may.
    Free,
    /// Launched with a patient; `embedded`: the EHR may show it in a frame.
    Launched { embedded: bool },
}

impl Register {
    /// Begins a session of `account` in `role`.
    ///
    /// # Errors
    /// `Unknown` when the account is not there or disabled, `RoleNotHeld` when it lacks the role.
    pub async fn start_session(&self, account: &str, role: &str) -> Result<StartedSession, RegisterError> {
        let account = self.account(account).await?.filter(|account| !account.disabled).ok_or(RegisterError::Unknown)?;
        if !account.holds(role) {
            return Err(RegisterError::RoleNotHeld);
        }
        let (id, csrf) = (password::random_text::<32>()?, password::random_text::<32>()?);
        let now = now();
        sqlx::query(
            "INSERT INTO sessions (id_hash, account, role, csrf, created, last_seen, auth_time) VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?5)",
        )
        .bind(&id_hash(&id)[..])
        .bind(&account.name)
        .bind(role)
        .bind(csrf.as_str())
        .bind(now)
        .execute(&self.pool)
        .await?;
        self.started(id).await
    }

    /// Begins a session of a person without an account here, under a new id whatever the browser brought along. Where
    /// `old` is a live session of the same person, it goes on as this one, so that his other windows keep their patients;
    /// anyone else's ends.
    ///
    /// # Errors
    /// `RoleNotHeld` when he does not hold the role.
    pub async fn start_outside_session(
        &self,
        old: Option<&str>,
        person: &Outside,
        role: &str,
        begin: Begin,
    ) -> Result<StartedSession, RegisterError> {
        if !person.roles.iter().any(|held| held == role) {
            return Err(RegisterError::RoleNotHeld);
        }
        let who = Who::Outside { issuer: person.issuer.clone(), subject: person.subject.clone() };
        let (mut csrf, mut bound) = (password::random_text::<32>()?, begin != Begin::Free);
        let id = password::random_text::<32>()?;
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        self.insert_outside(&mut transaction, &id, person, role, begin).await?;
        if let Some(old) = old {
            if let Some(before) = self.live(&mut transaction, old).await?.filter(|before| before.who == who) {
                csrf = Zeroizing::new(before.csrf);
                // A launch beside a session that he opened freely does not take that away from him.
                bound = bound && before.bound;
                sqlx::query("UPDATE contexts SET session = ? WHERE session = ?")
                    .bind(&id_hash(&id)[..])
                    .bind(&id_hash(old)[..])
                    .execute(&mut *transaction)
                    .await?;
            }
            sqlx::query("DELETE FROM sessions WHERE id_hash = ?").bind(&id_hash(old)[..]).execute(&mut *transaction).await?;
        }
        sqlx::query("UPDATE sessions SET csrf = ?, bound = ? WHERE id_hash = ?")
            .bind(csrf.as_str())
            .bind(bound)
            .bind(&id_hash(&id)[..])
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        self.started(id).await
    }

    async fn insert_outside(
        &self,
        connection: &mut SqliteConnection,
        id: &str,
        person: &Outside,
        role: &str,
        begin: Begin,
    ) -> Result<(), RegisterError> {
        let now = now();
        sqlx::query(
            "INSERT INTO sessions (id_hash, issuer, subject, name, roles, attributes, provider_sid, role, csrf, created, \
             last_seen, auth_time, embedded) VALUES (?, ?, ?, ?, ?, ?, ?, ?, '', ?, ?, ?, ?)",
        )
        .bind(&id_hash(id)[..])
        .bind(&person.issuer)
        .bind(&person.subject)
        .bind(&person.name)
        .bind(person.roles.join(" "))
        .bind(&person.attributes)
        .bind(&person.provider_sid)
        .bind(role)
        .bind(now)
        .bind(now)
        .bind(person.auth_time)
        .bind(begin == Begin::Launched { embedded: true })
        .execute(connection)
        .await?;
        Ok(())
    }

    async fn started(&self, id: Zeroizing<String>) -> Result<StartedSession, RegisterError> {
        let mut connection = self.pool.acquire().await?;
        let row = self.live(&mut connection, &id).await?.ok_or(RegisterError::Unknown)?;
        Ok(StartedSession { id, session: row.into_session(self.times) })
    }

    /// Remembers from where a session began, for its owner's list.
    pub async fn came_from(&self, id: &str, ip: Option<&str>, agent: Option<&str>) -> Result<(), RegisterError> {
        sqlx::query("UPDATE sessions SET ip = ?, agent = ? WHERE id_hash = ?")
            .bind(ip)
            .bind(agent)
            .bind(&id_hash(id)[..])
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// The same person in another of his roles, under a new id and a new CSRF token; the old id is void. The absolute
    /// end stays where it was. `None` when the session is not live.
    ///
    /// # Errors
    /// `RoleNotHeld` when the person lacks the role.
    pub async fn switch_role(&self, id: &str, role: &str) -> Result<Option<StartedSession>, RegisterError> {
        let Some(session) = self.session(id, Activity::Person).await? else { return Ok(None) };
        if !session.roles.iter().any(|held| held == role) {
            return Err(RegisterError::RoleNotHeld);
        }
        let (new_id, csrf) = (password::random_text::<32>()?, password::random_text::<32>()?);
        let changed = sqlx::query("UPDATE sessions SET id_hash = ?, role = ?, csrf = ? WHERE id_hash = ?")
            .bind(&id_hash(&new_id)[..])
            .bind(role)
            .bind(csrf.as_str())
            .bind(&id_hash(id)[..])
            .execute(&self.pool)
            .await?;
        if changed.rows_affected() == 0 {
            return Ok(None);
        }
        self.started(new_id).await.map(Some)
    }

    /// The same session after its person has proved again who he is: under a new id, with this instant as its time of
    /// proof. `None` when it is not live.
    pub async fn renew_session(&self, id: &str) -> Result<Option<StartedSession>, RegisterError> {
        let Some(session) = self.session(id, Activity::Person).await? else { return Ok(None) };
        let Some(mut started) = self.switch_role(id, &session.role).await? else { return Ok(None) };
        started.session.auth_time = now();
        sqlx::query("UPDATE sessions SET auth_time = ? WHERE id_hash = ?")
            .bind(started.session.auth_time)
            .bind(&id_hash(&started.id)[..])
            .execute(&self.pool)
            .await?;
        Ok(Some(started))
    }
}

//! Sessions of signed-in people (spec access.md §10): opaque random ids, kept only as their hashes.
//!
//! Not for: cookies and headers (`server`), principals (`access`), or launched patients (`context`).

use std::fmt::{self, Write as _};

use sha2::{Digest, Sha256};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row, SqliteConnection};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{Register, RegisterError, now, password};

/// A session is marked as seen at most this often, so that reading charts does not write to the register each time.
/// The idle time may thus end this much early, never late.
const SEEN_EVERY_S: i64 = 10;

/// How long sessions live, in seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionTimes {
    pub idle_s: i64,
    pub absolute_s: i64,
}

impl Default for SessionTimes {
    /// 15 minutes idle, 12 hours in all.
    fn default() -> SessionTimes {
        SessionTimes { idle_s: 15 * 60, absolute_s: 12 * 3600 }
    }
}

/// Whether a request shows that the person is there. Polling by scripts must not keep a session alive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Activity {
    Person,
    Script,
}

/// Whose a session is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Who {
    /// An account of this archive, by name.
    Account(String),
    /// A person whom an issuer vouches for; he is this pair and nothing less.
    Outside { issuer: String, subject: String },
}

impl Who {
    pub fn account(&self) -> Option<&str> {
        match self {
            Who::Account(name) => Some(name),
            Who::Outside { .. } => None,
        }
    }
}

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

/// A live session.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    pub who: Who,
    pub display_name: String,
    /// The active role and all that the person holds.
    pub role: String,
    pub roles: Vec<String>,
    /// JSON, as it was given at sign-in.
    pub attributes: String,
    /// Opens launched patients alone.
    pub bound: bool,
    /// Begun where the EHR may show it in a frame.
    pub embedded: bool,
    /// SHA-256 of the id cut to 16 bytes, in hex: what audit entries say.
    pub audit_id: String,
    /// Unix seconds at which it ends when nothing more happens.
    pub ends: i64,
    /// Unix seconds at which the person last proved who he is.
    pub auth_time: i64,
    /// What the account's holder must do before anything else, and what he has done.
    pub must_change: bool,
    pub second_factor_required: bool,
    pub has_second_factor: bool,
    csrf: String,
}

impl fmt::Debug for Session {
    /// Without the CSRF token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("who", &self.who)
            .field("role", &self.role)
            .field("audit_id", &self.audit_id)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// The synchroniser token to be put into forms.
    pub fn csrf(&self) -> &str {
        &self.csrf
    }

    /// Whether `given` is this session's token; takes the same time wherever they differ.
    pub fn csrf_matches(&self, given: &str) -> bool {
        self.csrf.as_bytes().ct_eq(given.as_bytes()).into()
    }
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

/// A session as its owner or an administrator sees it listed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionSummary {
    pub audit_id: String,
    pub who: Who,
    pub name: String,
    pub role: String,
    /// Unix seconds.
    pub created: i64,
    pub last_seen: i64,
    pub ip: Option<String>,
    pub agent: Option<String>,
    /// Whether it came from a launch with a patient.
    pub launched: bool,
}

/// A row of `sessions` with what is needed of its account.
struct SessionRow {
    hash: Vec<u8>,
    who: Who,
    name: String,
    role: String,
    roles: String,
    attributes: String,
    bound: bool,
    embedded: bool,
    csrf: String,
    created: i64,
    last_seen: i64,
    ip: Option<String>,
    agent: Option<String>,
    auth_time: i64,
    must_change: bool,
    second_factor_required: bool,
    has_second_factor: bool,
}

/// What every reading of sessions selects; of an account what the account holds now, else what the issuer said.
const SELECT: &str = "SELECT s.id_hash, s.account, s.issuer, s.subject, coalesce(a.display_name, s.name) AS name, s.role, \
     coalesce(a.roles, s.roles) AS roles, s.attributes, s.bound, s.embedded, s.csrf, s.created, s.last_seen, s.ip, s.agent, \
     s.auth_time, coalesce(a.must_change, 0) AS must_change, coalesce(a.totp_required, 0) AS totp_required, \
     a.totp_secret IS NOT NULL AS has_second_factor \
     FROM sessions s LEFT JOIN accounts a ON a.name = s.account \
     WHERE (a.disabled = 0 OR s.account IS NULL) AND s.last_seen > ?1 AND s.created > ?2";

impl FromRow<'_, SqliteRow> for SessionRow {
    fn from_row(row: &SqliteRow) -> Result<SessionRow, sqlx::Error> {
        let who = match row.try_get::<Option<String>, _>("account")? {
            Some(account) => Who::Account(account),
            None => Who::Outside { issuer: row.try_get("issuer")?, subject: row.try_get("subject")? },
        };
        Ok(SessionRow {
            hash: row.try_get("id_hash")?,
            who,
            name: row.try_get("name")?,
            role: row.try_get("role")?,
            roles: row.try_get("roles")?,
            attributes: row.try_get("attributes")?,
            bound: row.try_get("bound")?,
            embedded: row.try_get("embedded")?,
            csrf: row.try_get("csrf")?,
            created: row.try_get("created")?,
            last_seen: row.try_get("last_seen")?,
            ip: row.try_get("ip")?,
            agent: row.try_get("agent")?,
            auth_time: row.try_get("auth_time")?,
            must_change: row.try_get("must_change")?,
            second_factor_required: row.try_get("totp_required")?,
            has_second_factor: row.try_get("has_second_factor")?,
        })
    }
}

impl SessionRow {
    fn holds_its_role(&self) -> bool {
        self.roles.split_whitespace().any(|held| held == self.role)
    }

    fn into_session(self, times: SessionTimes) -> Session {
        Session {
            ends: (self.last_seen + times.idle_s).min(self.created + times.absolute_s),
            audit_id: audit_id(&self.hash),
            who: self.who,
            display_name: self.name,
            role: self.role,
            roles: self.roles.split_whitespace().map(String::from).collect(),
            attributes: self.attributes,
            bound: self.bound,
            embedded: self.embedded,
            auth_time: self.auth_time,
            must_change: self.must_change,
            second_factor_required: self.second_factor_required,
            has_second_factor: self.has_second_factor,
            csrf: self.csrf,
        }
    }

    fn into_summary(self) -> SessionSummary {
        SessionSummary {
            audit_id: audit_id(&self.hash),
            who: self.who,
            name: self.name,
            role: self.role,
            created: self.created,
            last_seen: self.last_seen,
            ip: self.ip,
            agent: self.agent,
            launched: self.bound,
        }
    }
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

    async fn live(&self, connection: &mut SqliteConnection, id: &str) -> Result<Option<SessionRow>, RegisterError> {
        let now = now();
        let row: Option<SessionRow> = sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} AND s.id_hash = ?3")))
            .bind(now - self.times.idle_s)
            .bind(now - self.times.absolute_s)
            .bind(&id_hash(id)[..])
            .fetch_optional(connection)
            .await?;
        Ok(row.filter(SessionRow::holds_its_role))
    }

    /// The live session behind a cookie; `None` when there is none, it has ended, or its account has been disabled or
    /// has lost the role. A person's activity keeps it alive.
    pub async fn session(&self, id: &str, activity: Activity) -> Result<Option<Session>, RegisterError> {
        let mut connection = self.pool.acquire().await?;
        let Some(mut row) = self.live(&mut connection, id).await? else { return Ok(None) };
        let now = now();
        if activity == Activity::Person && now - row.last_seen >= SEEN_EVERY_S {
            row.last_seen = now;
            sqlx::query("UPDATE sessions SET last_seen = ? WHERE id_hash = ?")
                .bind(now)
                .bind(&row.hash)
                .execute(&mut *connection)
                .await?;
        }
        Ok(Some(row.into_session(self.times)))
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

    /// Ends one session (sign-out). Ending one that is not there is no error.
    pub async fn end_session(&self, id: &str) -> Result<(), RegisterError> {
        sqlx::query("DELETE FROM sessions WHERE id_hash = ?").bind(&id_hash(id)[..]).execute(&self.pool).await?;
        Ok(())
    }

    /// Ends all sessions of an account; returns how many there were.
    pub async fn end_sessions_of(&self, account: &str) -> Result<u64, RegisterError> {
        let ended = sqlx::query("DELETE FROM sessions WHERE account = ?").bind(account).execute(&self.pool).await?;
        Ok(ended.rows_affected())
    }

    /// The live sessions, the newest first: of one person, or of everyone.
    pub async fn sessions(&self, of: Option<&Who>) -> Result<Vec<SessionSummary>, RegisterError> {
        let now = now();
        let rows: Vec<SessionRow> = sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} ORDER BY s.created DESC")))
            .bind(now - self.times.idle_s)
            .bind(now - self.times.absolute_s)
            .fetch_all(&self.pool)
            .await?;
        let wanted = |row: &SessionRow| row.holds_its_role() && of.is_none_or(|who| row.who == *who);
        Ok(rows.into_iter().filter(wanted).map(SessionRow::into_summary).collect())
    }

    /// Ends the session that audit entries call `audit_id`, when it is of this person (`None`: of anyone). Returns it.
    pub async fn end_session_called(&self, audit_id: &str, of: Option<&Who>) -> Result<Option<SessionSummary>, RegisterError> {
        let Some(found) = self.sessions(of).await?.into_iter().find(|session| session.audit_id == audit_id) else {
            return Ok(None);
        };
        let ended = sqlx::query("DELETE FROM sessions WHERE lower(hex(substr(id_hash, 1, 16))) = ?").bind(audit_id);
        Ok((ended.execute(&self.pool).await?.rows_affected() > 0).then_some(found))
    }

    /// Ends the sessions that an issuer says have ended: those of the subject, and of its own session where it names one
    /// (OpenID Connect Back-Channel Logout §2.6). Returns what audit entries call them, and whose each was.
    pub async fn end_outside_sessions(
        &self,
        issuer: &str,
        subject: Option<&str>,
        provider_sid: Option<&str>,
    ) -> Result<Vec<(String, String)>, RegisterError> {
        if subject.is_none() && provider_sid.is_none() {
            return Ok(Vec::new());
        }
        let ended: Vec<(Vec<u8>, String)> = sqlx::query_as(
            "DELETE FROM sessions WHERE issuer = ?1 AND (?2 IS NULL OR subject = ?2) AND (?3 IS NULL OR provider_sid = ?3) \
             RETURNING id_hash, subject",
        )
        .bind(issuer)
        .bind(subject)
        .bind(provider_sid)
        .fetch_all(&self.pool)
        .await?;
        Ok(ended.into_iter().map(|(hash, subject)| (audit_id(&hash), subject)).collect())
    }

    /// Removes sessions and revocations that time has ended; to be called now and then.
    pub async fn sweep(&self) -> Result<(), RegisterError> {
        let now = now();
        sqlx::query("DELETE FROM sessions WHERE last_seen <= ? OR created <= ?")
            .bind(now - self.times.idle_s)
            .bind(now - self.times.absolute_s)
            .execute(&self.pool)
            .await?;
        self.forget_ended_signins(now).await?;
        self.forget_ended_assertions(now).await?;
        self.forget_ended_revocations(now).await
    }
}

pub(super) fn id_hash(id: &str) -> [u8; 32] {
    Sha256::digest(id.as_bytes()).into()
}

fn audit_id(hash: &[u8]) -> String {
    hash.iter().take(16).fold(String::with_capacity(32), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

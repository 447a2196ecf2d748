//! A row of `sessions` as it is read, joined with its account.
//!
//! Not for: what a row means to callers (`Session`, `SessionSummary`).

use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row};

use super::live::{Session, SessionSummary, SessionTimes, audit_id};
use crate::register::settings::{Settings, Theme};
use crate::register::who::Who;

/// A row of `sessions` with what is needed of its account.
pub(super) struct SessionRow {
    pub(super) hash: Vec<u8>,
    pub(super) who: Who,
    pub(super) name: String,
    pub(super) role: String,
    pub(super) roles: String,
    pub(super) attributes: String,
    pub(super) bound: bool,
    pub(super) embedded: bool,
    pub(super) csrf: String,
    pub(super) created: i64,
    pub(super) last_seen: i64,
    pub(super) ip: Option<String>,
    pub(super) agent: Option<String>,
    pub(super) auth_time: i64,
    pub(super) must_change: bool,
    pub(super) second_factor_required: bool,
    pub(super) has_second_factor: bool,
    pub(super) settings: Settings,
}

/// What every reading of sessions selects; of an account what the account holds now, else what the issuer said.
pub(super) const SELECT: &str = "SELECT s.id_hash, s.account, s.issuer, s.subject, coalesce(a.display_name, s.name) AS name, s.role, \
     coalesce(a.roles, s.roles) AS roles, s.attributes, s.bound, s.embedded, s.csrf, s.created, s.last_seen, s.ip, s.agent, \
     s.auth_time, coalesce(a.must_change, 0) AS must_change, coalesce(a.totp_required, 0) AS totp_required, \
     a.totp_secret IS NOT NULL AS has_second_factor, p.theme, coalesce(p.single_keys, 1) AS single_keys \
     FROM sessions s LEFT JOIN accounts a ON a.name = s.account \
     LEFT JOIN settings p ON p.issuer = coalesce(s.issuer, '') AND p.subject = coalesce(s.subject, s.account) \
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
            settings: Settings {
                theme: row.try_get::<Option<String>, _>("theme")?.as_deref().and_then(Theme::from_name).unwrap_or_default(),
                single_keys: row.try_get("single_keys")?,
            },
        })
    }
}

impl SessionRow {
    pub(super) fn holds_its_role(&self) -> bool {
        self.roles.split_whitespace().any(|held| held == self.role)
    }

    pub(super) fn into_session(self, times: SessionTimes) -> Session {
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
            settings: self.settings,
            csrf: self.csrf,
        }
    }

    pub(super) fn into_summary(self) -> SessionSummary {
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

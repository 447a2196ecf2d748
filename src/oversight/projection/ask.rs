//! Questions to the projection: acts by whom, on whom, when and what; tallies of them; people and patients.
//!
//! Not for: words and columns of a report (`reports`).

use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite};

use super::fill::{IS_FIRST, act_id, entry_of, patient_number};
use super::{OversightError, Projection, StandsAt};
use crate::model::PatientKey;
use crate::oversight::{Act, UserId};

/// Which acts are wanted. What is empty or `None` does not narrow.
#[derive(Clone, Debug, Default)]
pub struct Select {
    /// Any of these keys of one person.
    pub patients: Vec<PatientKey>,
    pub user: Option<UserId>,
    /// At or after and before, in Unix microseconds.
    pub from: Option<i64>,
    pub to: Option<i64>,
    /// Any of these events.
    pub events: Vec<String>,
    pub actions: Vec<String>,
    pub outcomes: Vec<u8>,
    pub purposes: Vec<String>,
    pub ip: Option<String>,
    /// Digest of the policy that decided.
    pub policy: Option<String>,
    pub break_glass: Option<String>,
    /// Only acts under some use of break-glass.
    pub any_break_glass: bool,
    /// Only one row for each entry, its first patient's.
    pub entries_only: bool,
    /// Only what was taken in when a report began, so that its pages fit together.
    pub until: Option<Vec<(String, u64)>>,
    pub order: Order,
    pub offset: u64,
    /// Zero: no more than the caller's own bound allows.
    pub limit: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Order {
    #[default]
    NewestFirst,
    OldestFirst,
}

impl Select {
    /// Whether an index other than that of time leads to these acts.
    fn is_narrow(&self) -> bool {
        let is_rare = !self.events.is_empty() && !self.events.iter().any(|event| COMMON.contains(&event.as_str()));
        let is_named = !self.patients.is_empty() || self.user.is_some();
        is_named || is_rare || self.any_break_glass || self.break_glass.is_some()
    }
}

/// An act with what the reports show of it beside.
#[derive(Clone, PartialEq, Debug)]
pub struct Seen {
    pub act: Act,
    /// The number of the patient within the entry, from 0.
    pub number: usize,
    pub action: String,
    pub client: String,
    pub domains: String,
    pub labels: String,
    pub off_hours: bool,
}

/// How much a selection comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    pub acts: u64,
    pub users: u64,
    pub patients: u64,
}

/// What one person did with one patient.
#[derive(Clone, PartialEq, Debug)]
pub struct UserPatient {
    /// `None`: acts that name no patient.
    pub patient: Option<String>,
    pub acts: u64,
    pub opened: u64,
    pub found: u64,
    pub records: u64,
    pub denied: u64,
    pub break_glass: u64,
    pub first: i64,
    pub last: i64,
}

const COLUMNS: &str = "SELECT act.id, act.at, act.outcome, act.records, act.hits, act.off_hours, event.text AS event,
    action.text AS action, role.text AS role, purpose.text AS purpose, ip.text AS ip, session.text AS session,
    client.text AS client, domains.text AS domains, labels.text AS labels, break_glass.text AS break_glass,
    user.issuer, user.subject, user.name, patient.key, stream.name AS stream ";

const JOINS: &str = " FROM act
    JOIN user ON user.id = act.user
    JOIN word event ON event.id = act.event JOIN word action ON action.id = act.action JOIN word role ON role.id = act.role
    JOIN word purpose ON purpose.id = act.purpose JOIN word ip ON ip.id = act.ip JOIN word session ON session.id = act.session
    JOIN word client ON client.id = act.client JOIN word domains ON domains.id = act.domains
    JOIN word labels ON labels.id = act.labels JOIN stream ON stream.id = act.id >> 49
    LEFT JOIN word break_glass ON break_glass.id = act.break_glass LEFT JOIN patient ON patient.id = act.patient ";

impl Projection {
    /// The acts selected, at most `limit` of them.
    pub fn acts(&self, select: &Select) -> Result<Vec<Seen>, OversightError> {
        // The rows are chosen by numbers alone, and only those of the page get their words.
        let mut query = QueryBuilder::<Sqlite>::new(COLUMNS);
        query.push(JOINS).push(" WHERE act.id IN (SELECT act.id FROM act ");
        self.narrow(&mut query, select)?;
        let order = match select.order {
            Order::NewestFirst => "act.at DESC, act.id DESC",
            Order::OldestFirst => "act.at, act.id",
        };
        // A plus keeps SQLite from walking through all acts by time where another index leads to the few that are wanted.
        query.push(if select.is_narrow() { " ORDER BY +" } else { " ORDER BY " }).push(order).push(" LIMIT ");
        query.push_bind(if select.limit == 0 { -1 } else { select.limit.cast_signed() });
        query.push(" OFFSET ").push_bind(select.offset.cast_signed());
        query.push(") ORDER BY ").push(order);
        let rows: Vec<SqliteRow> = self.wait(query.build().fetch_all(&self.pool))?;
        rows.iter().map(|row| seen(row).map_err(OversightError::from)).collect()
    }

    /// How many acts, people and patients a selection comes to; `limit` and `offset` do not count.
    pub fn tally(&self, select: &Select) -> Result<Tally, OversightError> {
        let mut query =
            QueryBuilder::<Sqlite>::new("SELECT count(*), count(DISTINCT act.user), count(DISTINCT act.patient) FROM act ");
        self.narrow(&mut query, select)?;
        let (acts, users, patients): (i64, i64, i64) = self.wait(query.build_query_as().fetch_one(&self.pool))?;
        Ok(Tally { acts: acts.unsigned_abs(), users: users.unsigned_abs(), patients: patients.unsigned_abs() })
    }

    /// What a person did, by patient.
    pub fn by_patient(&self, select: &Select) -> Result<Vec<UserPatient>, OversightError> {
        let mut query = QueryBuilder::<Sqlite>::new(format!(
            "SELECT (SELECT key FROM patient WHERE patient.id = act.patient), count(*),
                 sum(act.event IN (1, 2, 4, 5) AND act.outcome = 0 AND act.records > 0), sum(act.event = 3),
                 sum({IS_FIRST} * act.records), sum(act.outcome >= 8), sum(act.break_glass IS NOT NULL), min(act.at), max(act.at)
             FROM act "
        ));
        self.narrow(&mut query, select)?;
        query.push(" GROUP BY act.patient");
        type Stored = (Option<String>, i64, i64, i64, i64, i64, i64, i64, i64);
        let rows: Vec<Stored> = self.wait(query.build_query_as().fetch_all(&self.pool))?;
        let rows = rows.into_iter().map(|row| UserPatient {
            patient: row.0,
            acts: row.1.unsigned_abs(),
            opened: row.2.unsigned_abs(),
            found: row.3.unsigned_abs(),
            records: row.4.unsigned_abs(),
            denied: row.5.unsigned_abs(),
            break_glass: row.6.unsigned_abs(),
            first: row.7,
            last: row.8,
        });
        Ok(rows.collect())
    }

    /// People whose name or subject begins with a text, in their order, at most so many.
    pub fn people(&self, begins: &str, limit: u32) -> Result<Vec<(UserId, String)>, OversightError> {
        let question = "SELECT issuer, subject, name FROM user WHERE subject <> '' AND (lower(substr(subject, 1, length(?1))) = \
                        lower(?1) OR lower(substr(name, 1, length(?1))) = lower(?1)) ORDER BY name, subject, issuer LIMIT ?2";
        let rows: Vec<(String, String, String)> =
            self.wait(sqlx::query_as(question).bind(begins).bind(limit).fetch_all(&self.pool))?;
        Ok(rows.into_iter().map(|(issuer, subject, name)| (UserId { issuer, subject }, name)).collect())
    }

    /// How far each stream is taken in, as a selection's `until`.
    pub fn now(stands_at: &[StandsAt]) -> Vec<(String, u64)> {
        stands_at.iter().map(|at| (at.stream.clone(), at.entries)).collect()
    }

    /// The conditions of a selection.
    fn narrow(&self, query: &mut QueryBuilder<Sqlite>, select: &Select) -> Result<(), OversightError> {
        query.push(" WHERE 1 = 1");
        if !select.patients.is_empty() {
            query.push(" AND act.patient IN (SELECT id FROM patient WHERE key IN (");
            list(query, select.patients.iter().map(|key| key.as_str().to_string()));
            query.push("))");
        }
        if let Some(user) = &select.user {
            query.push(" AND act.user = (SELECT id FROM user WHERE issuer = ").push_bind(user.issuer.clone());
            query.push(" AND subject = ").push_bind(user.subject.clone()).push(")");
        }
        if let Some(from) = select.from {
            query.push(" AND act.at >= ").push_bind(from);
        }
        if let Some(to) = select.to {
            query.push(" AND act.at < ").push_bind(to);
        }
        let is_rare = !select.events.is_empty() && !select.events.iter().any(|event| COMMON.contains(&event.as_str()));
        if is_rare {
            query.push(" AND act.event > 8");
        }
        let words = [
            ("event", &select.events),
            ("action", &select.actions),
            ("purpose", &select.purposes),
            ("ip", &select.ip.iter().cloned().collect()),
            ("policy", &select.policy.iter().cloned().collect()),
            ("break_glass", &select.break_glass.iter().cloned().collect()),
        ];
        for (column, texts) in words.into_iter().filter(|(_, texts)| !texts.is_empty()) {
            query.push(format!(" AND act.{column} IN (SELECT id FROM word WHERE text IN ("));
            list(query, texts.iter().cloned());
            query.push("))");
        }
        if !select.outcomes.is_empty() {
            query.push(" AND act.outcome IN (");
            let mut outcomes = query.separated(", ");
            for outcome in &select.outcomes {
                outcomes.push_bind(i64::from(*outcome));
            }
            query.push(")");
        }
        if select.any_break_glass {
            query.push(" AND act.break_glass IS NOT NULL");
        }
        if select.entries_only {
            query.push(" AND ").push(IS_FIRST);
        }
        self.narrow_until(query, select)
    }

    /// Leaves out entries that were taken in after a report began.
    fn narrow_until(&self, query: &mut QueryBuilder<Sqlite>, select: &Select) -> Result<(), OversightError> {
        let Some(until) = &select.until else { return Ok(()) };
        let ids: Vec<(String, i64)> = self.wait(sqlx::query_as("SELECT name, id FROM stream").fetch_all(&self.pool))?;
        query.push(" AND (1 = 0");
        for (stream, entries) in until {
            let Some((_, id)) = ids.iter().find(|(name, _)| name == stream) else { continue };
            query.push(" OR (act.id >= ").push_bind(act_id(*id, 0, 0));
            query.push(" AND act.id < ").push_bind(act_id(*id, *entries, 0)).push(")");
        }
        query.push(")");
        Ok(())
    }
}

/// Events without an index of their own, as in the schema.
const COMMON: [&str; 9] = [
    "",
    "record.read",
    "record.search",
    "patient.search",
    "document.view",
    "record.everything",
    "auth.login",
    "auth.logout",
    "audit.query",
];

fn list(query: &mut QueryBuilder<Sqlite>, texts: impl Iterator<Item = String>) {
    let mut list = query.separated(", ");
    for text in texts {
        list.push_bind(text);
    }
}

fn seen(row: &SqliteRow) -> Result<Seen, sqlx::Error> {
    let id: i64 = row.try_get("id")?;
    let some = |text: String| (!text.is_empty()).then_some(text);
    let count = |n: i64| n.unsigned_abs();
    let key: Option<String> = row.try_get("key")?;
    let act = Act {
        at: row.try_get("at")?,
        stream: row.try_get("stream")?,
        seq: entry_of(id).1,
        event: row.try_get("event")?,
        outcome: u8::try_from(row.try_get::<i64, _>("outcome")?).unwrap_or(12),
        user: UserId { issuer: row.try_get("issuer")?, subject: row.try_get("subject")? },
        user_name: row.try_get("name")?,
        role: row.try_get("role")?,
        purpose: some(row.try_get("purpose")?),
        patient: key.and_then(|key| PatientKey::parse(&key)),
        ip: some(row.try_get("ip")?),
        session: some(row.try_get("session")?),
        break_glass: row.try_get("break_glass")?,
        records: count(row.try_get("records")?),
        hits: row.try_get::<Option<i64>, _>("hits")?.map(count),
    };
    Ok(Seen {
        act,
        number: patient_number(id),
        action: row.try_get("action")?,
        client: row.try_get("client")?,
        domains: row.try_get("domains")?,
        labels: row.try_get("labels")?,
        off_hours: row.try_get::<i64, _>("off_hours")? != 0,
    })
}

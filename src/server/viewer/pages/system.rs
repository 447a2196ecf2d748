//! How the archive and its server stand: checks of fixity, accounts, the policy in force in words, and the health of disk, log,
//! index and keys. All of it to be read; what changes anything is the command line's.
//!
//! Not for: finding any of it out (the handlers).

use askama::Template;

use super::super::frame::Frame;
use super::super::table::{Cell, Paging, Row, Table};
use super::super::text;
use super::render;
use crate::access::RuleWords;

/// One run of `chartkeep verify`, as the access log has it.
#[derive(Clone, Debug, Default)]
pub struct CheckRow {
    /// RFC 3339, UTC.
    pub at: String,
    pub who: String,
    /// In words: what was checked.
    pub what: String,
    pub findings: Option<u64>,
    pub bytes: Option<u64>,
    pub records: Option<u64>,
    pub failed: bool,
}

impl CheckRow {
    fn is_good(&self) -> bool {
        !self.failed && self.findings == Some(0)
    }
}

#[derive(Template)]
#[template(path = "fixity.html")]
struct Fixity<'a> {
    frame: &'a Frame,
    last: Option<&'a CheckRow>,
    last_at: String,
    last_words: String,
    is_good: bool,
    table: Table,
}

/// `rows`: newest first.
pub fn fixity(frame: &Frame, rows: &[CheckRow]) -> String {
    let columns =
        [("When", "date"), ("What was checked", ""), ("By", ""), ("Read", "num drop"), ("Records", "num drop"), ("Result", "")];
    let row = |r: &CheckRow| {
        Row::new(vec![
            Cell::date(Some(&r.at)),
            Cell::Text(r.what.clone()),
            Cell::Text(r.who.clone()),
            Cell::optional(r.bytes.map(text::bytes)),
            Cell::optional(r.records.map(text::count)),
            match (r.findings, r.failed) {
                (Some(0), false) => Cell::Tag("Everything checks".into(), "good"),
                (Some(n), _) if n > 0 => Cell::Tag(text::counted(n, "fault", "faults"), "alert"),
                (_, true) => Cell::Tag("Not in order".into(), "alert"),
                _ => Cell::Tag("Done".into(), ""),
            },
        ])
    };
    // The log alone is less than the archive: what stands on top is the newest check of the archive.
    let last = rows.iter().find(|r| r.records.is_some());
    render(Fixity {
        frame,
        last_at: last.map_or_else(String::new, |r| moment(&r.at)),
        last_words: last.map_or_else(String::new, |r| {
            let read = format!(
                "{}, {} read",
                text::bytes(r.bytes.unwrap_or(0)),
                text::counted(r.records.unwrap_or(0), "record", "records")
            );
            format!("{}; {read}, by {}.", r.what, r.who)
        }),
        is_good: last.is_some_and(CheckRow::is_good),
        table: Table::new("Checks, newest first", &columns, "No check stands in the access log.")
            .rows(rows.iter().map(row).collect()),
        last,
    })
}

/// An instant as day and minute with its offset.
pub(super) fn moment(at: &str) -> String {
    let date = text::date(at);
    date.time.map_or(date.day.clone(), |time| format!("{} {time}", date.day))
}

/// One account, or a program with a client of its own.
#[derive(Clone, Debug, Default)]
pub struct UserRow {
    pub name: String,
    pub account: String,
    pub roles: String,
    /// RFC 3339; `None`: never, as far as the log goes back.
    pub last_sign_in: Option<String>,
    pub factor: (&'static str, &'static str),
    pub state: (&'static str, &'static str),
}

#[derive(Template)]
#[template(path = "users.html")]
struct Users<'a> {
    frame: &'a Frame,
    fact: String,
    without: String,
    table: Table,
    paging: Paging,
    clients: Table,
}

/// `clients`: id, name, scopes, whether disabled.
pub fn users(frame: &Frame, rows: Vec<UserRow>, page: usize, clients: &[(String, String, String, bool)]) -> String {
    let columns = [("Person", ""), ("Role", ""), ("Last sign-in", "date"), ("Second factor", ""), ("State", "")];
    let without = rows.iter().filter(|r| r.factor.1 == "alert").count() as u64;
    let fact = text::counted(rows.len() as u64, "account", "accounts");
    let (shown, paging) = Paging::cut(rows, page, "/system/users?page=");
    let row = |r: &UserRow| {
        Row::new(vec![
            Cell::main(Some(r.name.clone()), None, Some(r.account.clone())),
            Cell::Text(r.roles.clone()),
            match &r.last_sign_in {
                Some(at) => Cell::date(Some(at)),
                None => Cell::Text("never".into()),
            },
            Cell::Tag(r.factor.0.into(), r.factor.1),
            Cell::Tag(r.state.0.into(), r.state.1),
        ])
    };
    let client = |(id, name, scopes, disabled): &(String, String, String, bool)| {
        Row::new(vec![
            Cell::main(Some(name.clone()), None, Some(id.clone())),
            Cell::Text(scopes.clone()),
            if *disabled { Cell::Tag("Disabled".into(), "caution") } else { Cell::Tag("Active".into(), "good") },
        ])
    };
    render(Users {
        frame,
        fact,
        without: match without {
            0 => String::new(),
            n => format!(
                "{} a second factor and {} none.",
                text::counted(n, "account needs", "accounts need"),
                if n == 1 { "has" } else { "have" }
            ),
        },
        table: Table::new(
            "Accounts by name",
            &columns,
            "Nobody has an account here; people sign in through an identity provider.",
        )
        .rows(shown.iter().map(row).collect()),
        paging,
        clients: Table::new("Programs", &[("Program", ""), ("Scopes", ""), ("State", "")], "No program has access.")
            .rows(clients.iter().map(client).collect()),
    })
}

/// The policy in force.
pub struct PolicyPage<'a> {
    pub name: &'a str,
    pub version: &'a str,
    pub digest: &'a str,
    pub rules: &'a [RuleWords],
    /// The site named none of its own.
    pub is_built_in: bool,
}

#[derive(Template)]
#[template(path = "policy.html")]
struct PolicyView<'a> {
    frame: &'a Frame,
    page: &'a PolicyPage<'a>,
    rules: String,
}

pub fn policy(frame: &Frame, page: &PolicyPage<'_>) -> String {
    render(PolicyView { frame, rules: text::counted(page.rules.len() as u64, "rule", "rules"), page })
}

/// One thing that is well or not.
#[derive(Clone, Debug, Default)]
pub struct HealthRow {
    pub what: &'static str,
    /// (words, tone).
    pub state: (&'static str, &'static str),
    pub words: String,
}

/// A key of the archive.
#[derive(Clone, Debug, Default)]
pub struct KeyRow {
    pub purpose: String,
    pub name: String,
    pub from: String,
    pub to: Option<String>,
}

pub struct HealthPage<'a> {
    pub rows: &'a [HealthRow],
    pub keys: &'a [KeyRow],
    /// (what, words).
    pub versions: &'a [(&'static str, String)],
    /// RFC 3339.
    pub at: String,
}

#[derive(Template)]
#[template(path = "health.html")]
struct Health<'a> {
    frame: &'a Frame,
    page: &'a HealthPage<'a>,
    at: String,
    tone: &'static str,
    result: String,
    table: Table,
    keys: Table,
}

pub fn health(frame: &Frame, page: &HealthPage<'_>) -> String {
    let row = |r: &HealthRow| {
        Row::new(vec![Cell::Text(r.what.into()), Cell::Tag(r.state.0.into(), r.state.1), Cell::Text(r.words.clone())])
    };
    let key = |k: &KeyRow| {
        Row::new(vec![
            Cell::main(Some(text::sentence(&k.purpose)), None, Some(k.name.clone())),
            Cell::day(Some(&k.from)),
            match &k.to {
                Some(to) => Cell::Text(format!("until {}", text::day(Some(to)))),
                None => Cell::Tag("In use".into(), "good"),
            },
        ])
    };
    let faults = page.rows.iter().filter(|r| r.state.1 == "alert").count() as u64;
    let cautions = page.rows.iter().filter(|r| r.state.1 == "caution").count() as u64;
    render(Health {
        frame,
        at: moment(&page.at),
        tone: match (faults, cautions) {
            (0, 0) => "good",
            (0, _) => "caution",
            _ => "error",
        },
        result: match (faults, cautions) {
            (0, 0) => "Everything is well.".into(),
            (0, n) => format!("{} a look.", text::counted(n, "thing needs", "things need")),
            (n, _) => format!("{} not in order.", text::counted(n, "thing is", "things are")),
        },
        table: Table::new("What was looked at", &[("What", ""), ("State", ""), ("In words", "")], "Nothing.")
            .rows(page.rows.iter().map(row).collect()),
        keys: Table::new("Keys", &[("Key", ""), ("Since", "date"), ("State", "")], "No keys.")
            .rows(page.keys.iter().map(key).collect()),
        page,
    })
}

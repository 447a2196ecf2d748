//! How the system stands: checks of fixity, accounts, the policy in force, and the health of this server.
//!
//! Not for: changing any of it, which is the command line's.

use jiff::Timestamp;
use serde_json::Value;

use super::looked_at;
use crate::access::{Policy, Role, Scope};
use crate::audit;
use crate::oversight::UserId;
use crate::oversight::projection::Select;
use crate::register::Account;
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::Call;
use crate::server::door;
use crate::server::viewer::{self, CheckRow, HealthPage, HealthRow, KeyRow, PolicyPage, UserRow};
use crate::signing::KeyRing;

/// Checks listed.
const CHECKS: u64 = 50;
/// Days after which a check of the archive is old.
const CHECK_GOOD_DAYS: i64 = 92;
/// Notices counted as waiting.
const NOTICES_MAX: i64 = 1_000;

/// `GET /system/fixity`
pub fn fixity(call: &Call) -> Result<Answer, ApiError> {
    let permit = call.ask(Scope::System)?;
    let rows = checks(call)?;
    let html = viewer::fixity(&super::super::frame(call), &rows);
    Ok(permit.answer(Body::html(html), looked_at("checks of fixity", rows.len() as u64))?.into())
}

/// The newest checks in the log. Who ran them, what was checked and what came of it; whom the log is about is not in such an
/// entry.
fn checks(call: &Call) -> Result<Vec<CheckRow>, ApiError> {
    let projection = call.app.oversight()?;
    projection.catch_up()?;
    let asked = Select { events: vec!["audit.verify".into()], entries_only: true, limit: CHECKS, ..Select::default() };
    let seen = projection.acts(&asked)?;
    let places: Vec<(String, u64)> = seen.iter().map(|seen| (seen.act.stream.clone(), seen.act.seq)).collect();
    let originals = projection.originals(&places)?;
    let rows = seen.iter().zip(&places).map(|(seen, place)| {
        let json: Value = originals.get(place).and_then(|it| serde_json::from_slice(&it.payload).ok()).unwrap_or_default();
        let detail = |name: &str| json.pointer(&format!("/detail/{name}")).and_then(Value::as_str).map(String::from);
        let number = |name: &str| detail(name)?.parse::<u64>().ok();
        CheckRow {
            at: Timestamp::from_microsecond(seen.act.at).unwrap_or_default().to_string(),
            who: if seen.act.user_name.is_empty() { seen.act.user.subject.clone() } else { seen.act.user_name.clone() },
            what: what_was_checked(detail("what").as_deref(), number("records").is_some()).into(),
            findings: number("findings"),
            bytes: number("bytes"),
            records: number("records"),
            failed: seen.act.outcome != 0,
        }
    });
    Ok(rows.collect())
}

fn what_was_checked(what: Option<&str>, is_of_archive: bool) -> &'static str {
    match what {
        Some("everything") => "The whole archive, every record",
        Some("files") => "Digests and signatures of every file",
        Some("sample") => "Digests and signatures, and a sample of records",
        _ if is_of_archive => "The archive",
        _ => "The access log",
    }
}

/// `GET /system/users?page=`
pub fn users(call: &Call) -> Result<Answer, ApiError> {
    let permit = call.ask(Scope::Accounts)?;
    let register = &call.app.register;
    let (accounts, clients) = call
        .wait(async { Ok((register.accounts().await?, register.clients().await?)) })
        .map_err(|error| door::register_down(&error))?;
    let projection = call.app.oversight()?;
    projection.catch_up()?;
    let last_sign_in = |account: &Account| {
        let user = Some(UserId { issuer: "local".into(), subject: account.name.clone() });
        let asked = Select { user, events: vec!["auth.login".into()], outcomes: vec![0], limit: 1, ..Select::default() };
        let found = projection.acts(&asked)?;
        Ok::<_, ApiError>(found.first().and_then(|seen| Some(Timestamp::from_microsecond(seen.act.at).ok()?.to_string())))
    };
    let mut rows = Vec::new();
    for account in &accounts {
        rows.push(user_row(account, last_sign_in(account)?));
    }
    let clients: Vec<_> = clients.into_iter().map(|c| (c.id, c.label, c.scopes, c.disabled)).collect();
    let (page, count) = (call.number("page", 1, 10_000)?, rows.len() as u64);
    let html = viewer::users(&super::super::frame(call), rows, page, &clients);
    Ok(permit.answer(Body::html(html), looked_at("accounts", count))?.into())
}

fn user_row(account: &Account, last_sign_in: Option<String>) -> UserRow {
    let roles = account.roles.iter().filter_map(|name| Role::from_name(name)).map(viewer::role_name);
    UserRow {
        name: account.display_name.clone(),
        account: account.name.clone(),
        roles: roles.collect::<Vec<_>>().join(", "),
        last_sign_in,
        factor: match (account.has_second_factor, account.second_factor_required) {
            (true, _) => ("Set up", "good"),
            (false, true) => ("Required, not set up", "alert"),
            (false, false) => ("None", ""),
        },
        state: match account {
            account if account.disabled => ("Disabled", "caution"),
            account if account.locked_until.is_some() => ("Locked after wrong attempts", "alert"),
            account if account.must_change => ("Must choose a password", "caution"),
            _ => ("Active", "good"),
        },
    }
}

/// `GET /system/policy`
pub fn policy(call: &Call) -> Result<Answer, ApiError> {
    let permit = call.ask(Scope::Policy)?;
    let policy = call.gate().policy();
    let (rules, digest) = (policy.in_words(), policy.digest());
    let page = PolicyPage {
        name: policy.name(),
        version: policy.version(),
        digest: &digest,
        rules: &rules,
        is_built_in: digest == Policy::built_in().digest(),
    };
    let html = viewer::policy(&super::super::frame(call), &page);
    Ok(permit.answer(Body::html(html), looked_at(format!("policy {digest}"), rules.len() as u64))?.into())
}

/// `GET /system`
pub fn health(call: &Call) -> Result<Answer, ApiError> {
    let permit = call.ask(Scope::System)?;
    let custody = call.archive().custody(&permit)?;
    let facts = call.archive().facts();
    let notices = call.wait(call.app.register.due_notices(NOTICES_MAX)).map(|due| due.len()).ok();
    let register_is_well = call.wait(call.app.register.is_well());
    let rows = vec![
        disk(call),
        log(call)?,
        last_check(&checks(call)?),
        HealthRow {
            what: "Catalog",
            state: ("In force", "good"),
            words: format!(
                "number {}, published {}: {}. {}, {} records, {}.",
                custody.number,
                minute(&custody.published_at),
                custody.reason,
                counted(facts.accessions, "accession"),
                custody.records,
                viewer::bytes(custody.bytes)
            ),
        },
        match custody.index {
            Some(number) => HealthRow {
                what: "Search index",
                state: ("In force", "good"),
                words: format!("number {number}, over all accessions"),
            },
            None => HealthRow {
                what: "Search index",
                state: ("None", "caution"),
                words: "nothing can be searched; made with the first delivery".into(),
            },
        },
        HealthRow {
            what: "Register of accounts",
            state: if register_is_well { ("Answers", "good") } else { ("Does not answer", "alert") },
            words: if register_is_well { "accounts and sessions can be read".into() } else { "nobody can sign in".into() },
        },
        match notices {
            Some(0) => {
                HealthRow { what: "Notices", state: ("None wait", "good"), words: "everybody who must be told was told".into() }
            }
            Some(n) => HealthRow { what: "Notices", state: ("Waiting", "caution"), words: format!("{n} due and not sent yet") },
            None => HealthRow { what: "Notices", state: ("Unknown", "caution"), words: "the register does not say".into() },
        },
    ];
    let keys = keys(call);
    let versions = versions(call, &facts.archive, &custody.sha256);
    let page = HealthPage { rows: &rows, keys: &keys, versions: &versions, at: Timestamp::now().to_string() };
    let html = viewer::health(&super::super::frame(call), &page);
    Ok(permit.answer(Body::html(html), looked_at("state of the system", rows.len() as u64))?.into())
}

fn counted(n: u64, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

/// An instant to the minute.
fn minute(at: &str) -> String {
    at.parse::<Timestamp>().map_or_else(|_| at.to_string(), |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

fn disk(call: &Call) -> HealthRow {
    let what = "Disk";
    let Some((usable, free)) = audit::disk_of(&call.app.folder) else {
        return HealthRow { what, state: ("Unknown", "caution"), words: "the system does not say how much is free".into() };
    };
    let reserve = call.app.config.audit.reserve_mib.map_or_else(audit::Reserve::default, audit::Reserve::of_mib);
    let words = format!("{} free of {}", viewer::bytes(free), viewer::bytes(usable));
    if reserve.is_reached(usable, free) {
        HealthRow {
            what, state: ("Full", "alert"), words: format!("{words}; below the log’s reserve, so that nothing is shown")
        }
    } else if free < usable / 10 {
        HealthRow { what, state: ("Nearly full", "caution"), words }
    } else {
        HealthRow { what, state: ("Room left", "good"), words }
    }
}

fn log(call: &Call) -> Result<HealthRow, ApiError> {
    let streams = call.app.oversight()?.stands_at()?;
    let entries: u64 = streams.iter().map(|at| at.entries).sum();
    let signed: u64 = streams.iter().filter_map(|at| at.checkpoint.as_ref().map(|(size, _)| *size)).sum();
    let words =
        format!("{}, {entries} entries, {signed} of them under signed checkpoints", counted(streams.len() as u64, "stream"));
    let state = if call.gate().log().healthy() { ("Written", "good") } else { ("Cannot be written", "alert") };
    Ok(HealthRow { what: "Access log", state, words })
}

fn last_check(checks: &[CheckRow]) -> HealthRow {
    let what = "Last check of the archive";
    let Some(last) = checks.iter().find(|row| row.records.is_some()) else {
        return HealthRow { what, state: ("Never", "caution"), words: "chartkeep verify was never run".into() };
    };
    let at = last.at.parse::<Timestamp>().unwrap_or_default();
    let days = (Timestamp::now().as_second() - at.as_second()) / 86_400;
    let words = format!("{}, {}", minute(&last.at), last.what.to_lowercase());
    let state = match last.findings {
        Some(0) if days > CHECK_GOOD_DAYS => ("Long ago", "caution"),
        Some(0) => ("In order", "good"),
        _ => ("Not in order", "alert"),
    };
    HealthRow { what, state, words }
}

fn keys(call: &Call) -> Vec<KeyRow> {
    let Ok(ring) = KeyRing::load(&call.app.folder) else { return Vec::new() };
    let row = |entry: &crate::signing::RingEntry| KeyRow {
        purpose: entry.purpose.name().into(),
        name: entry.key.name().into(),
        from: entry.from.to_string(),
        to: entry.to.map(|to| to.to_string()),
    };
    ring.entries().iter().map(row).collect()
}

fn versions(call: &Call, archive: &str, catalog_sha256: &str) -> Vec<(&'static str, String)> {
    let policy = call.gate().policy();
    vec![
        ("Software", format!("chartkeep {}", env!("CARGO_PKG_VERSION"))),
        ("Format of accessions", "1, as ops/exit/README.md describes it to the byte".into()),
        ("Archive", archive.to_string()),
        ("Catalog’s digest", catalog_sha256.to_string()),
        ("Policy", format!("{} {}", policy.name(), policy.version())),
    ]
}

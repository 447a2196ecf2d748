//! The accounting of disclosures of one person: when, to whom, what and why (45 CFR 164.528(b)).
//!
//! The plain version is what the patient is given: accountable disclosures, without those that a suspension holds back and
//! without a word of it. The full version is for the privacy office and has every one. Not for: the rules (`accounting`).

use std::collections::BTreeSet;

use super::{Ask, Cell, Column, Draft, Version, all_acts, day, within, words};
pub use crate::audit::{DESCRIPTION, PURPOSE};
use crate::model::PatientKey;
use crate::oversight::accounting::{Rules, Suspension, is_suspended};
use crate::oversight::line::Line;
use crate::oversight::projection::{OversightError, Projection, Seen, Select};

/// The fact of an entry that says when a disclosure was made, when that is not when it was recorded.
pub const DISCLOSED: &str = "disclosed";

/// One disclosure, or several to one recipient for one purpose.
struct Told {
    first: String,
    last: String,
    times: u64,
    recipient: String,
    address: Option<String>,
    description: Option<String>,
    purpose: Option<String>,
    basis: String,
    /// Number of the request that it answered, when it left as a release.
    request: Option<String>,
}

/// What of the disclosures is told.
pub(super) struct Narrowed<'a> {
    pub suspended: &'a [Suspension],
    /// One row for several to one recipient.
    pub summarised: bool,
    /// Only what answered this request.
    pub request: Option<&'a str>,
}

pub(super) fn accounting(
    projection: &Projection,
    patients: &[PatientKey],
    narrowed: &Narrowed<'_>,
    ask: &Ask,
) -> Result<Draft, OversightError> {
    let rules = Rules::shipped()?;
    if patients.is_empty() {
        return Ok(Draft::default());
    }
    let now = jiff::Timestamp::now();
    // A disclosure may be recorded long after it was made: the dates asked for are compared with when it was made.
    let select = Select { patients: patients.to_vec(), events: vec!["disclosure".into()], from: None, to: None, ..within(ask) };
    let mut acts = all_acts(projection, select)?;
    let mut entries = BTreeSet::new();
    acts.retain(|seen| entries.insert((seen.act.stream.clone(), seen.act.seq)));
    let wanted: Vec<(String, u64)> = entries.into_iter().collect();
    let originals = projection.originals(&wanted)?;
    let first_day = ask.from.map_or_else(|| years_ago(now, rules.years), |from| day(from, ask).to_string());
    let last_day = ask.to.map_or_else(|| "9999".to_string(), |to| day(to - 1, ask).to_string());
    let mut told: Vec<Told> = Vec::new();
    let mut kept: Vec<Seen> = Vec::new();
    let (mut held_back, mut not_counted) = (0u64, 0u64);
    for seen in acts.into_iter().rev() {
        let Some(original) = originals.get(&(seen.act.stream.clone(), seen.act.seq)) else { continue };
        let line = original.line();
        let made = line.fact(DISCLOSED).unwrap_or_else(|| day(seen.act.at, ask).to_string());
        let is_in_time = made >= first_day && made.get(..10).unwrap_or(&made) <= last_day.as_str();
        let is_asked = |number: &str| line.fact("request").is_some_and(|own| own.eq_ignore_ascii_case(number));
        if seen.act.outcome != 0 || !is_in_time || !narrowed.request.is_none_or(is_asked) {
            continue;
        }
        let basis = line.recipient.authority.as_str();
        kept.push(seen);
        if !rules.is_accountable(basis) {
            not_counted += 1;
        } else if is_suspended(&line, rules.basis(basis), narrowed.suspended, now.as_second()) {
            held_back += 1;
        } else {
            add(&mut told, of_line(&line, made, rules), narrowed.summarised);
        }
    }
    kept.reverse();
    told.sort_by(|a, b| b.first.cmp(&a.first));
    let total: u64 = told.iter().map(|it| it.times).sum();
    let summary = match total {
        0 => format!("No disclosure to be accounted for since {first_day}."),
        n => format!("{} to be accounted for since {first_day}.", words::counted(n, "disclosure", "disclosures")),
    };
    // Only the privacy office hears what is not in the patient's copy.
    let mut notes = match ask.version {
        Version::Full => vec![
            format!("{not_counted} disclosures are exempt by their legal basis."),
            format!("{held_back} disclosures are held back by a suspension that is in force."),
        ],
        Version::Plain => vec![format!("Made under {}.", rules.citation)],
    };
    if let Some(number) = narrowed.request {
        notes.push(format!("Only what answered request {number} is listed: this is not the whole accounting."));
    }
    Ok(Draft {
        summary,
        columns: COLUMNS.to_vec(),
        rows: told.into_iter().map(row).collect(),
        notes,
        acts: kept,
        ..Draft::default()
    })
}

const COLUMNS: [Column; 9] = [
    Column::new("date", "Date"),
    Column::new("last", "Last of several"),
    Column::new("times", "Times"),
    Column::new("recipient", "To whom"),
    Column::new("address", "Address"),
    Column::new("description", "What was disclosed"),
    Column::new("purpose", "Why"),
    Column::new("basis", "Legal basis"),
    Column::new("request", "Request"),
];

fn years_ago(now: jiff::Timestamp, years: i16) -> String {
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    today.checked_sub(jiff::Span::new().years(years)).unwrap_or(today).to_string()
}

fn of_line(line: &Line, made: String, rules: &Rules) -> Told {
    let name = line.recipient.name.some().unwrap_or_else(|| "not recorded".into());
    let recipient = match line.recipient.org.some() {
        Some(organisation) if organisation != name => format!("{name}, {organisation}"),
        _ => name,
    };
    let code = line.recipient.authority.as_str();
    let basis = rules.basis(code).map_or_else(|| code.to_string(), |basis| basis.words.clone());
    Told {
        first: made.clone(),
        last: made,
        times: 1,
        recipient,
        address: line.recipient.address.some(),
        description: line.fact(DESCRIPTION),
        purpose: line.fact(PURPOSE),
        basis,
        request: line.fact("request"),
    }
}

/// Adds a disclosure; with `summarised` to the earlier ones of the same recipient, purpose and basis.
fn add(told: &mut Vec<Told>, next: Told, summarised: bool) {
    let same = |it: &&mut Told| it.recipient == next.recipient && it.purpose == next.purpose && it.basis == next.basis;
    match told.iter_mut().find(same).filter(|_| summarised) {
        Some(earlier) => {
            earlier.times += 1;
            // One row for answers to several requests names none of them.
            earlier.request = earlier.request.take().filter(|request| Some(request) == next.request.as_ref());
            if next.first < earlier.first {
                earlier.first = next.first;
                earlier.description = next.description;
                earlier.address = next.address;
            } else if next.last > earlier.last {
                earlier.last = next.last;
            }
        }
        None => told.push(next),
    }
}

fn row(it: Told) -> Vec<Cell> {
    vec![
        Cell::Text(it.first),
        Cell::some((it.times > 1).then_some(it.last)),
        Cell::Count(it.times),
        Cell::Text(it.recipient),
        Cell::some(it.address),
        Cell::some(it.description),
        Cell::some(it.purpose),
        Cell::Text(it.basis),
        Cell::some(it.request),
    ]
}

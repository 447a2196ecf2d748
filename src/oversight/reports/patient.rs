//! Who saw a person's chart: act by act, or by user and day. Searches that showed him, exports and disclosures count.
//!
//! Not for: what was in the records; kinds of data stand here, never content.

use std::collections::{BTreeMap, BTreeSet};

use super::{Ask, ByDay, Cell, Column, Draft, all_acts, day, time, who, within, words};
use crate::model::PatientKey;
use crate::oversight::UserId;
use crate::oversight::projection::{OversightError, Projection, Seen, Select};

/// Looking into the log about somebody is told, and is no look at his chart.
const ABOUT_LOG: [&str; 2] = ["audit.query", "audit.export"];

fn acts_on(projection: &Projection, keys: &[PatientKey], ask: &Ask) -> Result<Vec<Seen>, OversightError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let acts = all_acts(projection, Select { patients: keys.to_vec(), ..within(ask) })?;
    // An entry that names several keys of one person is one act on him.
    let mut entries = BTreeSet::new();
    Ok(acts.into_iter().filter(|seen| entries.insert((seen.act.stream.clone(), seen.act.seq))).collect())
}

fn summary(acts: &[Seen]) -> String {
    let looks: Vec<&Seen> = acts.iter().filter(|seen| !ABOUT_LOG.contains(&seen.act.event.as_str())).collect();
    let shown = looks.iter().filter(|seen| seen.act.records > 0 && seen.act.outcome == 0);
    let people: BTreeSet<&UserId> = shown.clone().map(|seen| &seen.act.user).collect();
    let refused = looks.iter().filter(|seen| seen.act.outcome >= 8).count() as u64;
    match shown.count() as u64 {
        0 if refused == 0 => "Nobody was shown anything of this chart.".into(),
        0 => format!(
            "Nobody was shown anything of this chart; {} refused.",
            words::counted(refused, "attempt was", "attempts were")
        ),
        n => format!(
            "Something of this chart was shown {} to {}{}.",
            words::counted(n, "time", "times"),
            words::counted(people.len() as u64, "person", "people"),
            match refused {
                0 => String::new(),
                n => format!("; {} refused", words::counted(n, "attempt was", "attempts were")),
            }
        ),
    }
}

/// How often something was shown, by day.
fn looks(acts: &[Seen], ask: &Ask) -> Option<ByDay> {
    let shown = acts.iter().filter(|seen| seen.act.records > 0 && seen.act.outcome == 0);
    let shown = shown.filter(|seen| !ABOUT_LOG.contains(&seen.act.event.as_str()));
    Some(ByDay::of("Times shown", shown.map(|seen| (day(seen.act.at, ask), 1))))
}

pub(super) fn by_act(projection: &Projection, keys: &[PatientKey], ask: &Ask) -> Result<Draft, OversightError> {
    let acts = acts_on(projection, keys, ask)?;
    let columns = vec![
        Column::new("time", "Day and time"),
        Column::new("who", "Who"),
        Column::new("role", "Role"),
        Column::new("purpose", "Stated purpose"),
        Column::new("what", "What happened"),
        Column::new("kinds", "Kinds of data"),
        Column::new("records", "Records"),
        Column::new("from", "From"),
        Column::new("entry", "Entry"),
    ];
    let row = |seen: &Seen| {
        let act = &seen.act;
        let what = words::event(&act.event, act.outcome, act.records);
        let what = if act.break_glass.is_some() { format!("{what}, under break-glass") } else { what };
        vec![
            time(act.at, ask),
            Cell::Text(who(&act.user_name, &act.user)),
            Cell::Text(words::role(&act.role)),
            Cell::Text(words::purpose(act.purpose.as_deref().unwrap_or(""))),
            Cell::Text(what),
            Cell::some(Some(words::domains(&seen.domains)).filter(|kinds| !kinds.is_empty())),
            Cell::Count(act.records),
            Cell::some(act.ip.clone()),
            Cell::Text(format!("{}:{}", act.stream, act.seq)),
        ]
    };
    let (summary, by_day, rows) = (summary(&acts), looks(&acts, ask), acts.iter().map(row).collect());
    Ok(Draft { summary, columns, rows, by_day, acts, ..Draft::default() })
}

/// What one user did on one day.
#[derive(Default)]
struct UserDay {
    name: String,
    roles: BTreeSet<String>,
    purposes: BTreeSet<String>,
    acts: u64,
    shown: u64,
    records: u64,
    refused: u64,
    first: i64,
    last: i64,
}

pub(super) fn by_day(projection: &Projection, keys: &[PatientKey], ask: &Ask) -> Result<Draft, OversightError> {
    let acts = acts_on(projection, keys, ask)?;
    let mut days: BTreeMap<(String, UserId), UserDay> = BTreeMap::new();
    for seen in &acts {
        let act = &seen.act;
        let it = days.entry((day(act.at, ask).to_string(), act.user.clone())).or_default();
        it.name.clone_from(&act.user_name);
        it.roles.insert(words::role(&act.role));
        it.purposes.insert(words::purpose(act.purpose.as_deref().unwrap_or("")));
        it.acts += 1;
        it.shown += u64::from(act.records > 0 && act.outcome == 0);
        it.records += act.records;
        it.refused += u64::from(act.outcome >= 8);
        it.last = it.last.max(act.at);
        it.first = if it.first == 0 { act.at } else { it.first.min(act.at) };
    }
    let columns = vec![
        Column::new("day", "Day"),
        Column::new("who", "Who"),
        Column::new("role", "Role"),
        Column::new("purpose", "Stated purpose"),
        Column::new("acts", "Acts"),
        Column::new("shown", "Times shown"),
        Column::new("records", "Records"),
        Column::new("refused", "Refused"),
        Column::new("first", "First"),
        Column::new("last", "Last"),
    ];
    let joined = |texts: BTreeSet<String>| texts.into_iter().collect::<Vec<_>>().join(", ");
    let row = |((day, user), it): ((String, UserId), UserDay)| {
        vec![
            Cell::Text(day),
            Cell::Text(who(&it.name, &user)),
            Cell::Text(joined(it.roles)),
            Cell::Text(joined(it.purposes)),
            Cell::Count(it.acts),
            Cell::Count(it.shown),
            Cell::Count(it.records),
            Cell::Count(it.refused),
            time(it.first, ask),
            time(it.last, ask),
        ]
    };
    let rows = days.into_iter().rev().map(row).collect();
    Ok(Draft { summary: summary(&acts), columns, rows, by_day: looks(&acts, ask), acts, ..Draft::default() })
}

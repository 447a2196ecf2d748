//! Uses of break-glass: who, why, for how long, what was opened under it, and what the review found.
//!
//! Not for: the queue in which they are reviewed (`server`).

use std::collections::{BTreeMap, BTreeSet};

use super::{Ask, Cell, Column, Draft, all_acts, time, who, within, words};
use crate::model::PatientKey;
use crate::oversight::projection::{OversightError, Projection, Seen, Select};

/// One use, gathered from its acts.
#[derive(Default)]
struct Use {
    name: String,
    first: i64,
    last: i64,
    patients: BTreeSet<String>,
    shown: u64,
    records: u64,
    /// The entries that may say why, until when, and with what verdict.
    telling: Vec<(String, u64)>,
}

const TELLING: [&str; 4] = ["btg.start", "btg.use", "btg.stop", "btg.reviewed"];
const NO_VERDICT: &str = "not reviewed yet";

pub(super) fn uses(projection: &Projection, ask: &Ask) -> Result<Draft, OversightError> {
    let acts = all_acts(projection, Select { any_break_glass: true, ..within(ask) })?;
    let mut uses: BTreeMap<String, Use> = BTreeMap::new();
    for seen in acts.iter().rev() {
        take(&mut uses, seen);
    }
    let telling: Vec<(String, u64)> = uses.values().flat_map(|it| it.telling.clone()).collect();
    let originals = projection.originals(&telling)?;
    let mut open = 0;
    let mut rows: Vec<(i64, Vec<Cell>)> = Vec::new();
    for it in uses.values() {
        let (mut reason, mut text, mut until, mut verdict) = Default::default();
        for line in it.telling.iter().filter_map(|place| originals.get(place)).map(|original| original.line()) {
            reason = line.btg.reason_code.some().or(reason);
            text = line.btg.reason_text.some().or(text);
            until = line.btg.expires.some().or(until);
            if line.event == "btg.reviewed" {
                verdict = line.fact("verdict").or(verdict);
            }
        }
        open += u64::from(verdict.is_none());
        let patients: Vec<&str> = it.patients.iter().map(String::as_str).collect();
        let row = vec![
            time(it.first, ask),
            Cell::Text(it.name.clone()),
            Cell::Text(patients.join(", ")),
            Cell::some(reason.map(|code: String| code.replace(['-', '_'], " "))),
            Cell::some(text),
            until
                .and_then(|text: String| text.parse::<jiff::Timestamp>().ok())
                .map_or(Cell::Missing, |at| time(at.as_microsecond(), ask)),
            Cell::Count(it.shown),
            Cell::Count(it.records),
            time(it.last, ask),
            Cell::Text(verdict.unwrap_or_else(|| NO_VERDICT.into())),
        ];
        rows.push((it.first, row));
    }
    rows.sort_by_key(|(first, _)| std::cmp::Reverse(*first));
    let summary = match rows.len() as u64 {
        0 => "Nobody used break-glass.".into(),
        n => format!("{}; {open} not reviewed yet.", words::counted(n, "use of break-glass", "uses of break-glass")),
    };
    let columns = vec![
        Column::new("begun", "Begun"),
        Column::new("who", "Who"),
        Column::new("patient", "Patient key"),
        Column::new("reason", "Reason"),
        Column::new("text", "In his words"),
        Column::new("until", "Allowed until"),
        Column::new("shown", "Times shown"),
        Column::new("records", "Records"),
        Column::new("last", "Last used"),
        Column::new("verdict", "Review"),
    ];
    Ok(Draft { summary, columns, rows: rows.into_iter().map(|(_, row)| row).collect(), acts, ..Draft::default() })
}

fn take(uses: &mut BTreeMap<String, Use>, seen: &Seen) {
    let act = &seen.act;
    let Some(id) = &act.break_glass else { return };
    let it = uses.entry(id.clone()).or_default();
    if act.event != "btg.reviewed" {
        if it.first == 0 {
            it.first = act.at;
            it.name = who(&act.user_name, &act.user);
        }
        it.last = act.at;
    }
    it.patients.extend(act.patient.as_ref().map(PatientKey::to_string));
    if !act.event.starts_with("btg.") && act.outcome == 0 && seen.number == 0 && act.records > 0 {
        it.shown += 1;
        it.records += act.records;
    }
    if TELLING.contains(&act.event.as_str()) && seen.number == 0 {
        it.telling.push((act.stream.clone(), act.seq));
    }
}

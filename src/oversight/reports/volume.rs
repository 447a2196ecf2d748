//! Days that stand out: more patients than others of the role, walking through the numbers, work at odd hours, searches
//! after which nothing is opened (spec audit.md §8.5).
//!
//! Each is a sign with its figures beside, and never a verdict. Not for: relations between user and patient (`signals`).

use std::collections::BTreeMap;

use super::{Ask, ByDay, Cell, Column, Draft, date_of, who, words};
use crate::oversight::projection::{OversightError, Projection, UserDay};

/// When a figure counts as a sign.
struct Bounds {
    /// Robust z of the patients of a day among the role's peers.
    z: f64,
    /// Instead, where the peers are all alike: so many above their median.
    above_median: f64,
    /// Fewer peers than this say nothing.
    peers: usize,
    /// Share of acts out of hours, with at least so many patients, where the role's median share is below `off_usual`.
    off_share: f64,
    off_patients: u64,
    off_usual: f64,
    /// Share of found patients who were not opened, with at least so many found.
    unopened_share: f64,
    found: u64,
}

const BOUNDS: Bounds = Bounds {
    z: 3.5,
    above_median: 10.0,
    peers: 5,
    off_share: 0.5,
    off_patients: 10,
    off_usual: 0.2,
    unopened_share: 0.9,
    found: 50,
};
/// Days looked at when no dates are given.
const DAYS: i64 = 30;
const DAY_US: i64 = 86_400_000_000;

/// What the peers of one role do on one day.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Peers {
    count: usize,
    median: f64,
    /// Median of the distances from the median.
    mad: f64,
    off_median: f64,
}

impl Peers {
    fn of(days: &[&UserDay]) -> Peers {
        let patients: Vec<f64> = days.iter().map(|day| day.patients as f64).collect();
        let middle = median(&patients);
        let distances: Vec<f64> = patients.iter().map(|x| (x - middle).abs()).collect();
        let off: Vec<f64> = days.iter().map(|day| share(day.off_hours, day.acts)).collect();
        Peers { count: days.len(), median: middle, mad: median(&distances), off_median: median(&off) }
    }

    /// How far a day lies above its peers; `None` where that cannot be told.
    fn z(&self, patients: u64) -> Option<f64> {
        (self.mad > 0.0).then(|| 0.6745 * (patients as f64 - self.median) / self.mad)
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.get(middle.wrapping_sub(1)), sorted.get(middle)) {
        (Some(a), Some(b)) if sorted.len().is_multiple_of(2) => f64::midpoint(*a, *b),
        (_, Some(b)) => *b,
        _ => 0.0,
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// The signs of a day, in words.
fn signs(day: &UserDay, peers: &Peers) -> Vec<String> {
    let mut signs = Vec::new();
    if peers.count >= BOUNDS.peers {
        let is_far = match peers.z(day.patients) {
            Some(z) => z > BOUNDS.z,
            None => day.patients as f64 > peers.median + BOUNDS.above_median,
        };
        if is_far {
            signs.push(format!("{} patients, where others of the role had {:.0}", day.patients, peers.median));
        }
        let off = share(day.off_hours, day.acts);
        if off > BOUNDS.off_share && day.patients >= BOUNDS.off_patients && peers.off_median < BOUNDS.off_usual {
            signs.push(format!("{:.0} % of the work at odd hours", off * 100.0));
        }
    }
    if day.walk > 0 {
        signs.push(format!("{} patient numbers one after the other", day.walk));
    }
    let unopened = share(day.found - day.found_opened.min(day.found), day.found);
    if day.found >= BOUNDS.found && unopened > BOUNDS.unopened_share {
        signs.push(format!("{} patients found in searches, {} of them opened", day.found, day.found_opened));
    }
    signs
}

pub(super) fn days(projection: &Projection, all: bool, ask: &Ask) -> Result<Draft, OversightError> {
    let to = ask.to.unwrap_or_else(|| jiff::Timestamp::now().as_microsecond());
    let from = ask.from.unwrap_or(to - DAYS * DAY_US);
    let mut found = projection.user_days(from, to)?;
    // What the archive does by itself has no peers.
    found.retain(|day| !day.user.subject.is_empty() && !day.role.is_empty());
    let mut by_role: BTreeMap<(i64, &str), Vec<&UserDay>> = BTreeMap::new();
    for day in &found {
        by_role.entry((day.day, &day.role)).or_default().push(day);
    }
    let peers: BTreeMap<(i64, &str), Peers> = by_role.into_iter().map(|(key, days)| (key, Peers::of(&days))).collect();
    let mut rows = Vec::new();
    let mut flagged = 0u64;
    for day in &found {
        let Some(peers) = peers.get(&(day.day, day.role.as_str())) else { continue };
        let signs = signs(day, peers);
        flagged += u64::from(!signs.is_empty());
        if all || !signs.is_empty() {
            rows.push((std::cmp::Reverse(day.day), std::cmp::Reverse(signs.len()), row(day, peers, &signs)));
        }
    }
    rows.sort_by_key(|(day, signs, _)| (*day, *signs));
    let summary = format!(
        "{} in the dates looked at; {} stand out.",
        words::counted(found.len() as u64, "working day of one person", "working days of people"),
        flagged
    );
    let by_day = ByDay::of("Charts opened by everybody", found.iter().map(|day| (date_of(day.day), day.patients)));
    Ok(Draft {
        summary,
        by_day: Some(by_day),
        columns: COLUMNS.to_vec(),
        rows: rows.into_iter().map(|(_, _, row)| row).collect(),
        notes: vec!["A sign is a reason to look, and no finding about anybody. Days are those of UTC; odd hours are nights and weekends where the archive runs.".into()],
        acts: Vec::new(),
    })
}

const COLUMNS: [Column; 14] = [
    Column::new("day", "Day"),
    Column::new("who", "Who"),
    Column::new("role", "Role"),
    Column::new("signs", "What stands out"),
    Column::new("patients", "Patients opened"),
    Column::new("usual", "Median of the role"),
    Column::new("z", "Distance (robust z)"),
    Column::new("records", "Records"),
    Column::new("searches", "Searches"),
    Column::new("found", "Patients found"),
    Column::new("found_opened", "Of them opened"),
    Column::new("off_hours", "Share at odd hours"),
    Column::new("walk", "Numbers in a row"),
    Column::new("refused", "Refused"),
];

fn row(day: &UserDay, peers: &Peers, signs: &[String]) -> Vec<Cell> {
    vec![
        Cell::Text(date_of(day.day).to_string()),
        Cell::Text(who(&day.name, &day.user)),
        Cell::Text(words::role(&day.role)),
        Cell::some((!signs.is_empty()).then(|| signs.join("; "))),
        Cell::Count(day.patients),
        Cell::Number(peers.median),
        peers.z(day.patients).map_or(Cell::Missing, Cell::Number),
        Cell::Count(day.records),
        Cell::Count(day.searches),
        Cell::Count(day.found),
        Cell::Count(day.found_opened),
        Cell::Number(share(day.off_hours, day.acts)),
        Cell::Count(day.walk),
        Cell::Count(day.denied),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oversight::UserId;

    fn day(patients: u64) -> UserDay {
        UserDay {
            day: 0,
            user: UserId { issuer: "local".into(), subject: "u".into() },
            name: String::new(),
            role: "clinician".into(),
            acts: 10,
            patients,
            found: 0,
            found_opened: 0,
            records: 0,
            searches: 0,
            denied: 0,
            off_hours: 0,
            walk: 0,
        }
    }

    fn peers(counts: &[u64]) -> Peers {
        let days: Vec<UserDay> = counts.iter().map(|count| day(*count)).collect();
        Peers::of(&days.iter().collect::<Vec<_>>())
    }

    #[test]
    fn every_sign_has_its_bound() {
        let usual = peers(&[8, 9, 10, 11, 12, 10, 9, 11]);
        assert_eq!((usual.median, usual.mad), (10.0, 1.0));
        let even = peers(&[10; 8]);
        let cases: [(&str, UserDay, Peers, bool); 12] = [
            ("z of 3.4", day(15), usual, false),
            ("z of 4.0", day(16), usual, true),
            ("few peers", day(60), peers(&[10, 10, 10, 10]), false),
            ("no spread, ten above", day(20), even, false),
            ("no spread, eleven above", day(21), even, true),
            ("walk", UserDay { walk: 20, ..day(10) }, usual, true),
            ("half at odd hours", UserDay { off_hours: 5, ..day(10) }, usual, false),
            ("most at odd hours", UserDay { off_hours: 6, ..day(10) }, usual, true),
            ("odd hours, few patients", UserDay { off_hours: 10, ..day(9) }, usual, false),
            ("odd hours of the whole role", UserDay { off_hours: 10, ..day(10) }, Peers { off_median: 0.9, ..usual }, false),
            ("searches, opened", UserDay { found: 100, found_opened: 20, ..day(10) }, usual, false),
            ("searches, not opened", UserDay { found: 100, found_opened: 2, ..day(10) }, usual, true),
        ];
        for (name, day, peers, expected) in cases {
            assert_eq!(!signs(&day, &peers).is_empty(), expected, "{name}: {:?}", signs(&day, &peers));
        }
    }
}

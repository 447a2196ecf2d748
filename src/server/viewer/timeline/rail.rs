//! The rail of years: each year with its encounters by month as small multiples, years without any as one line, older ones folded.
//! Hatched is what no source held, and what lies after the cutover.
//!
//! Not for: the encounters of a year (`timeline`).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::super::banner::End;
use super::super::html::Markup;
use super::super::text;
use super::visit::{Visit, year_of};
use crate::model::Coverage;

/// Years that stand open in the rail; the older ones are folded, so many together.
const OPEN: usize = 12;
const FOLDED: usize = 6;
/// Years between two encounters beyond which a gap is one line without looking at each.
const GAP_MAX: i32 = 200;

pub struct Rail {
    pub rows: Vec<Row>,
    pub folds: Vec<Fold>,
    /// Encounters whose date is not there or cannot be read: how many, where they are, and whether they are shown.
    pub undated: Option<(String, String, bool)>,
}

/// Older years under one line.
pub struct Fold {
    pub title: String,
    pub years: String,
    pub count: String,
    pub open: bool,
    pub rows: Vec<Row>,
}

pub enum Row {
    Year { year: i32, href: String, count: String, months: String, bars: Markup, current: bool },
    Gap { title: String, words: &'static str, hatched: bool },
}

/// The rail for these encounters. `none` is said of years without any, `address` makes the link of a year.
pub fn rail(
    visits: &[Visit<'_>],
    coverage: &[Coverage],
    end: &End,
    chosen: Option<i32>,
    none: &'static str,
    address: &dyn Fn(&str) -> String,
) -> Rail {
    let mut by_year: BTreeMap<i32, [usize; 13]> = BTreeMap::new();
    let mut undated = 0;
    for visit in visits {
        match visit.year() {
            Some(year) => {
                if let Some(n) = by_year.entry(year).or_default().get_mut(visit.month().unwrap_or(0)) {
                    *n += 1;
                }
            }
            None => undated += 1,
        }
    }
    let most = by_year.values().flat_map(|months| months.iter().skip(1)).copied().max().unwrap_or(1).max(1);
    let held = held_years(coverage);
    let mut rows: Vec<(Row, i32, usize)> = Vec::new();
    let mut later: Option<i32> = None;
    for (year, months) in by_year.iter().rev() {
        if let Some(later) = later {
            gaps((*year, later), &held, none, &mut rows);
        }
        let n: usize = months.iter().sum();
        let row = Row::Year {
            year: *year,
            href: address(&year.to_string()),
            count: text::count(n as u64),
            months: in_words(months),
            bars: bars(months, most, cutover_in(end, *year)),
            current: chosen == Some(*year),
        };
        rows.push((row, *year, n));
        later = Some(*year);
    }
    let older = rows.split_off(rows.len().min(if rows.len() > OPEN + 1 { OPEN } else { OPEN + 1 }));
    let undated = (undated > 0).then(|| (text::count(undated as u64), address("undated"), chosen.is_none()));
    Rail { rows: rows.into_iter().map(|(row, ..)| row).collect(), folds: folded(older), undated }
}

fn folded(older: Vec<(Row, i32, usize)>) -> Vec<Fold> {
    let mut folds = Vec::new();
    let mut older = older.into_iter().peekable();
    while older.peek().is_some() {
        let part: Vec<_> = older.by_ref().take(FOLDED).collect();
        let (newest, oldest) = (part.first().map_or(0, |it| it.1), part.last().map_or(0, |it| it.1));
        let years = part.iter().filter(|(row, ..)| matches!(row, Row::Year { .. })).count();
        folds.push(Fold {
            title: if newest == oldest { newest.to_string() } else { format!("{oldest}–{newest}") },
            years: text::counted(years as u64, "year", "years"),
            count: text::count(part.iter().map(|it| it.2).sum::<usize>() as u64),
            open: part.iter().any(|(row, ..)| matches!(row, Row::Year { current: true, .. })),
            rows: part.into_iter().map(|(row, ..)| row).collect(),
        });
    }
    folds
}

/// Years that a source held, first and last.
fn held_years(coverage: &[Coverage]) -> Vec<(i32, i32)> {
    let year = |when: &Option<crate::model::When>| year_of(when.as_ref()?.date_text());
    coverage.iter().filter_map(|c| Some((year(&c.first)?, year(&c.last)?))).collect()
}

/// Lines for the years between two with encounters: apart where no source held them.
fn gaps((earlier, later): (i32, i32), held: &[(i32, i32)], none: &'static str, rows: &mut Vec<(Row, i32, usize)>) {
    if later - earlier < 2 {
        return;
    }
    let is_held = |year: i32| held.iter().any(|(first, last)| (*first..=*last).contains(&year));
    let years: Vec<i32> = match later - earlier {
        wide if wide > GAP_MAX => vec![later - 1, earlier + 1],
        _ => ((earlier + 1)..later).rev().collect(),
    };
    for part in years.chunk_by(|a, b| is_held(*a) == is_held(*b)) {
        let (Some(newest), Some(oldest)) = (part.first(), part.last()) else { continue };
        let hatched = !is_held(*newest);
        let title = if newest == oldest { newest.to_string() } else { format!("{oldest}–{newest}") };
        let words = if hatched { "no source held this" } else { none };
        rows.push((Row::Gap { title, words, hatched }, *newest, 0));
    }
}

/// The share of a year that lies before the cutover, in the year of the cutover.
fn cutover_in(end: &End, year: i32) -> Option<f64> {
    if !end.known || year_of(&end.day)? != year {
        return None;
    }
    let month: f64 = end.day.get(5..7).and_then(|m| m.parse().ok()).unwrap_or(12.0);
    let day: f64 = end.day.get(8..10).and_then(|d| d.parse().ok()).unwrap_or(31.0);
    Some(((month - 1.0 + day / 31.0) / 12.0).clamp(0.0, 1.0))
}

const NAMES: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// What the bars show, for who does not see them.
fn in_words(months: &[usize; 13]) -> String {
    let mut words: Vec<String> =
        NAMES.iter().zip(months.iter().skip(1)).filter(|(_, n)| **n > 0).map(|(name, n)| format!("{name} {n}")).collect();
    if let Some(n) = months.first().filter(|n| **n > 0) {
        words.push(format!("month not recorded {n}"));
    }
    words.join(", ")
}

const WIDTH: f64 = 92.0;
const HEIGHT: f64 = 20.0;

/// Twelve bars in one path; every year has the same scale.
fn bars(months: &[usize; 13], most: usize, cutover: Option<f64>) -> Markup {
    let step = WIDTH / 12.0;
    let mut s =
        format!(r#"<svg class="months" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">"#);
    let edge = cutover.map_or(WIDTH, |share| share * WIDTH);
    if edge < WIDTH {
        let _ = write!(s, r#"<rect x="{edge:.1}" y="0" width="{:.1}" height="{HEIGHT}" fill="url(#hatch)"/>"#, WIDTH - edge);
    }
    let _ = write!(s, r#"<path class="rule" d="M0 {:.1}H{edge:.1}"/>"#, HEIGHT - 0.5);
    let mut path = String::new();
    for (at, n) in months.iter().skip(1).enumerate().filter(|(_, n)| **n > 0) {
        // A month with one encounter has to be seen beside one with a hundred.
        let high = ((HEIGHT - 1.0) * *n as f64 / most as f64).max(3.0);
        let _ = write!(path, "M{:.1} {:.1}v{high:.1}h5v-{high:.1}z", at as f64 * step + 1.3, HEIGHT - 1.0 - high);
    }
    if !path.is_empty() {
        let _ = write!(s, r#"<path class="amount" d="{path}"/>"#);
    }
    if edge < WIDTH {
        let _ = write!(s, r#"<path class="cutover" d="M{edge:.1} 0V{HEIGHT}"/>"#);
    }
    s.push_str("</svg>");
    Markup::trusted(s)
}

//! The flowsheet: one row per test and unit, time from left to right with the newest column at the right, a sparkline
//! and the range beside each name, the cutover as the last column.
//!
//! Not for: reading observations (`series`), the large chart (`trend`).

use std::collections::HashMap;

use askama::Template;

use crate::model::Chart;

use super::banner::End;
use super::fhir;
use super::html::Markup;
use super::series::{Flag, Measure, Series};
use super::source::Badge;
use super::svg;
use super::table::Paging;
use super::text;

/// Collection times on one page of the sheet: as many as fit beside the fixed columns at 1440 px.
pub const COLUMNS: usize = 11;
/// Tests on one page of a sheet that has too many for one: each with a value in every column, they stay under 3,000 elements.
pub const ROWS: usize = 40;
/// Elements of the rows of a sheet that stands on one page.
const ELEMENTS: usize = 2_700;

#[derive(Template)]
#[template(path = "parts/flowsheet.html")]
pub struct Flowsheet {
    pub caption: String,
    pub years: Vec<(String, usize)>,
    pub columns: Vec<Column>,
    pub groups: Vec<FlowGroup>,
    pub first_year: String,
    pub last_year: String,
    pub end: End,
    pub words: String,
    pub earlier: Option<String>,
    pub later: Option<String>,
    /// Further tests, where there are too many for one page.
    pub paging: Paging,
    pub computed_flags: bool,
    pub times_missing: bool,
}

impl askama::filters::HtmlSafe for Flowsheet {}

pub struct Column {
    pub month_day: String,
    /// The first collection time.
    pub time: String,
    /// The last one, when several share the column.
    pub until: Option<String>,
    pub badge: Badge,
    pub starts_year: bool,
    /// Time as archived and source of each value in it.
    keys: Vec<(String, String)>,
    started_us: i64,
    tests: Vec<usize>,
}

pub struct FlowGroup {
    pub heading: Option<String>,
    pub rows: Vec<FlowRow>,
    /// Whether the cutover's words stand in the last column of this group.
    pub says_end: bool,
}

pub struct FlowRow {
    pub name: String,
    pub rest: String,
    pub full: String,
    pub href: String,
    pub range: String,
    pub spark: Markup,
    pub cells: Vec<Option<FlowCell>>,
    pub current: bool,
}

pub struct FlowCell {
    pub text: String,
    pub number: bool,
    pub flag: Option<Flag>,
    pub href: String,
    /// Further values of the same test at the same time.
    pub more: usize,
    /// `c` for corrected, `p` for preliminary.
    pub mark: Option<(char, String)>,
}

/// How a sheet is to be cut and linked.
pub struct Layout<'a> {
    pub patient: &'a str,
    /// The address of the page, without a query.
    pub href: String,
    /// Columns up to this one (exclusive, counted from the oldest); `None`: to the newest.
    pub to: Option<usize>,
    /// Query text kept in the links, for instance `&abnormal=1`.
    pub keep: String,
    pub selected: Option<String>,
}

impl Flowsheet {
    pub fn new(caption: &str, rows: Rows<'_>, end: &End, layout: &Layout<'_>) -> Flowsheet {
        let series = rows.series();
        let all = columns(&series);
        let total = all.len();
        let to = layout.to.unwrap_or(total).clamp(total.min(1), total);
        let from = to.saturating_sub(COLUMNS);
        let mut columns: Vec<Column> = all.into_iter().skip(from).take(to - from).collect();
        let years = years(&mut columns);
        let first = series.iter().flat_map(|s| &s.measures).filter_map(|m| m.us).min().unwrap_or(end.us);
        let place: HashMap<_, _> = {
            let keys = |(i, c): (usize, &Column)| c.keys.iter().map(move |key| (key.clone(), i)).collect::<Vec<_>>();
            columns.iter().enumerate().flat_map(keys).collect()
        };
        let row = |s: &Series| FlowRow {
            name: s.short_name().0,
            rest: s.short_name().1,
            full: s.name.clone(),
            href: s.href(layout.patient),
            range: s.range(),
            spark: svg::sparkline(&s.dots(), s.band(), first, end.us, 92, 20),
            cells: cells(s, &place, columns.len()),
            current: layout.selected.as_ref() == Some(&s.key),
        };
        let mut groups: Vec<FlowGroup> = rows
            .groups
            .into_iter()
            .map(|(heading, list)| FlowGroup { heading, rows: list.into_iter().map(row).collect(), says_end: false })
            .collect();
        // The words run upwards and need the height of some rows.
        if let Some(tall) = groups.iter_mut().find(|g| g.rows.len() >= 6) {
            tall.says_end = true;
        }
        let link = |to: usize| format!("{}?to={to}{}", layout.href, layout.keep);
        Flowsheet {
            caption: caption.to_string(),
            groups,
            first_year: svg::year_of(first).to_string(),
            paging: rows.paging,
            last_year: end.day.get(..4).unwrap_or_default().to_string(),
            words: match total {
                0 => "No collection times.".into(),
                _ => format!(
                    "Columns {} to {} of {}. Values within 90 minutes share a column. Blank means not measured.",
                    from + 1,
                    to,
                    text::count(total as u64)
                ),
            },
            earlier: (from > 0).then(|| link(from)),
            later: (to < total).then(|| link((to + COLUMNS).min(total))),
            computed_flags: series.iter().flat_map(|s| &s.measures).any(|m| m.flag.as_ref().is_some_and(|f| f.computed)),
            times_missing: columns.iter().any(|c| c.time == "—"),
            end: end.clone(),
            years,
            columns,
        }
    }

    pub fn width(&self) -> usize {
        self.columns.len() + 4
    }
}

/// The collection times with their sources, oldest first. What one source collected within 90 minutes of a day stands in
/// one column, unless a test would have two values in it. Values without a readable date have no column.
fn columns<'s>(series: &[&'s Series]) -> Vec<Column> {
    const TOGETHER_US: i64 = 90 * 60 * 1_000_000;
    let of_series = |(test, s): (usize, &&'s Series)| s.measures.iter().filter_map(move |m| Some((m.us?, test, m)));
    let mut seen: Vec<(i64, usize, &Measure)> = series.iter().enumerate().flat_map(of_series).collect();
    seen.sort_by(|a, b| (a.0, &a.2.source.name).cmp(&(b.0, &b.2.source.name)));
    let mut columns: Vec<Column> = Vec::new();
    for (us, test, m) in &seen {
        let key = (m.when.clone(), m.source.name.clone());
        let same = |c: &&mut Column| c.keys.contains(&key);
        if let Some(column) = columns.iter_mut().rev().take(4).find(same) {
            column.tests.push(*test);
            continue;
        }
        let time = m.date.time.as_deref().and_then(|t| t.get(..5));
        let fits = |c: &&mut Column| {
            c.badge.name == m.source.name
                && us - c.started_us <= TOGETHER_US
                && c.keys[0].0.get(..10) == m.when.get(..10)
                && !c.tests.contains(test)
                && time.is_some()
                && c.time != "—"
        };
        match (columns.last_mut().filter(fits), time) {
            (Some(column), Some(time)) => {
                column.until = Some(time.to_string()).filter(|until| *until != column.time);
                column.keys.push(key);
                column.tests.push(*test);
            }
            _ => columns.push(Column {
                month_day: m.date.day.get(5..).unwrap_or("—").to_string(),
                time: time.unwrap_or("—").to_string(),
                until: None,
                badge: m.source.clone(),
                starts_year: false,
                keys: vec![key],
                started_us: *us,
                tests: vec![*test],
            }),
        }
    }
    columns
}

fn years(columns: &mut [Column]) -> Vec<(String, usize)> {
    let mut years: Vec<(String, usize)> = Vec::new();
    for c in columns {
        let year = c.keys[0].0.get(..4).unwrap_or_default().to_string();
        match years.last_mut() {
            Some((y, n)) if *y == year => *n += 1,
            _ => {
                c.starts_year = true;
                years.push((year, 1));
            }
        }
    }
    years
}

fn cells(series: &Series, place: &HashMap<(String, String), usize>, width: usize) -> Vec<Option<FlowCell>> {
    let mut cells: Vec<Option<FlowCell>> = Vec::new();
    cells.resize_with(width, || None);
    for m in &series.measures {
        let Some(i) = place.get(&(m.when.clone(), m.source.name.clone())) else { continue };
        let more = cells[*i].as_ref().map_or(0, |c| c.more + 1);
        let mark = m.status.as_ref().and_then(|s| s.chars().next().map(|c| (c, s.clone())));
        cells[*i] = Some(FlowCell {
            text: m.text.clone(),
            number: m.number.is_some() || m.text.len() < 9,
            flag: m.flag.clone(),
            href: m.href.clone(),
            more,
            mark,
        });
    }
    cells
}

/// The tests of one page of a sheet under their headings.
pub struct Rows<'a> {
    groups: Vec<(Option<String>, Vec<&'a Series>)>,
    paging: Paging,
}

impl<'a> Rows<'a> {
    pub fn series(&self) -> Vec<&'a Series> {
        self.groups.iter().flat_map(|(_, list)| list.iter().copied()).collect()
    }
}

/// Which report each observation belongs to, and in which order the report lists it.
#[derive(Default)]
pub struct Groups {
    of_observation: HashMap<String, (String, usize)>,
}

impl Groups {
    pub fn of_chart(chart: &Chart) -> Groups {
        let mut of_observation = HashMap::new();
        for report in fhir::items(chart, &["DiagnosticReport"]) {
            let Some(name) = fhir::concept(report.root().at("code")) else { continue };
            for (i, result) in report.root().at("result").items().enumerate() {
                let Some(reference) = result.at("reference").text() else { continue };
                let id = reference.rsplit('/').next().unwrap_or_default().to_string();
                of_observation.insert(id, (name.clone(), i));
            }
        }
        Groups { of_observation }
    }

    /// The rows of a page (from 1) of these tests: all of them, when that is not too much; else so many, and the way to the
    /// others. `href` is the address of a page.
    pub fn page<'a>(&self, series: &'a [Series], page: usize, href: impl Fn(usize) -> String) -> Rows<'a> {
        let groups = self.arrange(series);
        // At most a cell of five elements for each value in each column, and what stands before the columns.
        let cost: usize = series.iter().map(|s| 14 + COLUMNS + 4 * s.measures.len().min(COLUMNS)).sum();
        if series.len() <= ROWS || cost <= ELEMENTS {
            return Rows { groups, paging: Paging::default() };
        }
        let start = (page.clamp(1, series.len().div_ceil(ROWS)) - 1) * ROWS;
        let (mut left, mut cut, mut passed) = (ROWS, Vec::new(), 0);
        for (heading, list) in groups {
            let total = list.len();
            let from = start.saturating_sub(passed).min(total);
            let shown: Vec<&Series> = list.into_iter().skip(from).take(left).collect();
            passed += total;
            left -= shown.len();
            if shown.is_empty() {
                continue;
            }
            let words = |heading: String| match shown.len() == total {
                true => format!("{heading}, {}", text::counted(total as u64, "test", "tests")),
                false => format!("{heading}, {} of {} tests here", shown.len(), text::count(total as u64)),
            };
            cut.push((heading.map(words), shown));
        }
        let paging = Paging::of(start, ROWS - left, series.len() as u64, false, href, ROWS);
        let words = paging.words.replacen("Rows", "Tests", 1);
        Rows { groups: cut, paging: Paging { words, ..paging } }
    }

    /// Series under the report that most of their values came in; reports with the newest values first, tests without
    /// a report last.
    fn arrange<'a>(&self, series: &'a [Series]) -> Vec<(Option<String>, Vec<&'a Series>)> {
        type Placed<'s> = Vec<(usize, &'s Series)>;
        let mut groups: Vec<(Option<String>, Placed<'_>)> = Vec::new();
        for s in series {
            let mut votes: HashMap<&str, (usize, usize)> = HashMap::new();
            for (name, at) in s.ids.iter().filter_map(|id| self.of_observation.get(id)) {
                let vote = votes.entry(name).or_insert((0, *at));
                vote.0 += 1;
            }
            let best = votes.into_iter().max_by_key(|(name, (n, _))| (*n, std::cmp::Reverse(*name)));
            let (heading, order) = best.map_or((None, 0), |(name, (_, at))| (Some(name.to_string()), at));
            match groups.iter_mut().find(|g| g.0 == heading) {
                Some(group) => group.1.push((order, s)),
                None => groups.push((heading, vec![(order, s)])),
            }
        }
        groups.sort_by_key(|g| g.0.is_none());
        let alone = groups.len() == 1;
        groups
            .into_iter()
            .map(|(heading, mut list)| {
                list.sort_by_key(|(order, _)| *order);
                let heading = heading.or_else(|| (!alone).then(|| "Other tests".to_string()));
                (heading, list.into_iter().map(|(_, s)| s).collect())
            })
            .collect()
    }
}

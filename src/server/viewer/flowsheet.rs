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
use super::text;

/// Collection times on one page of the sheet: as many as fit beside the fixed columns at 1440 px.
pub const COLUMNS: usize = 11;

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
    pub rows: usize,
    pub words: String,
    pub earlier: Option<String>,
    pub later: Option<String>,
    pub computed_flags: bool,
    pub times_missing: bool,
}

impl askama::filters::HtmlSafe for Flowsheet {}

pub struct Column {
    pub month_day: String,
    pub time: String,
    pub badge: Badge,
    pub starts_year: bool,
    key: (String, String),
}

pub struct FlowGroup {
    pub heading: Option<String>,
    pub rows: Vec<FlowRow>,
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
    pub fn new(caption: &str, series: &[Series], groups: &Groups, end: &End, layout: &Layout<'_>) -> Flowsheet {
        let all = columns(series);
        let total = all.len();
        let to = layout.to.unwrap_or(total).clamp(total.min(1), total);
        let from = to.saturating_sub(COLUMNS);
        let mut columns: Vec<Column> = all.into_iter().skip(from).take(to - from).collect();
        let years = years(&mut columns);
        let first = series.iter().flat_map(|s| &s.measures).filter_map(|m| m.us).min().unwrap_or(end.us);
        let place: HashMap<_, _> = columns.iter().enumerate().map(|(i, c)| (c.key.clone(), i)).collect();
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
        let groups = groups.arrange(series).into_iter();
        let link = |to: usize| format!("{}?to={to}{}", layout.href, layout.keep);
        Flowsheet {
            caption: caption.to_string(),
            groups: groups.map(|(heading, list)| FlowGroup { heading, rows: list.into_iter().map(row).collect() }).collect(),
            first_year: first_year(first),
            last_year: end.day.get(..4).unwrap_or_default().to_string(),
            rows: series.len(),
            words: match total {
                0 => "No collection times.".into(),
                _ => format!("Columns {} to {} of {}. Blank means not measured.", from + 1, to, text::count(total as u64)),
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

fn first_year(us: i64) -> String {
    let days = us.div_euclid(86_400_000_000);
    (1970 + days.div_euclid(365) - i64::from(days.div_euclid(365) > 40)).to_string()
}

/// The distinct collection times with their sources, oldest first. Values without a readable date have no column.
fn columns(series: &[Series]) -> Vec<Column> {
    let mut seen: Vec<(i64, &Measure)> = series.iter().flat_map(|s| &s.measures).filter_map(|m| Some((m.us?, m))).collect();
    seen.sort_by(|a, b| (a.0, &a.1.source.name).cmp(&(b.0, &b.1.source.name)));
    seen.dedup_by(|a, b| a.1.when == b.1.when && a.1.source.name == b.1.source.name);
    seen.into_iter()
        .map(|(_, m)| Column {
            month_day: m.date.day.get(5..).unwrap_or("—").to_string(),
            time: m.date.time.as_deref().and_then(|t| t.get(..5)).unwrap_or("—").to_string(),
            badge: m.source.clone(),
            starts_year: false,
            key: (m.when.clone(), m.source.name.clone()),
        })
        .collect()
}

fn years(columns: &mut [Column]) -> Vec<(String, usize)> {
    let mut years: Vec<(String, usize)> = Vec::new();
    for c in columns {
        let year = c.key.0.get(..4).unwrap_or_default().to_string();
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

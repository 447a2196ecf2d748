//! Laboratory results and vital signs: the flowsheet with a trend below it, and the summary's list with sparklines.
//!
//! Not for: reading observations into series (`series`).

use super::super::banner::End;
use super::super::flowsheet::{Flowsheet, Groups, Layout};
use super::super::html::Markup;
use super::super::panel::Panel;
use super::super::series::{self, Category, Series};
use super::super::svg;
use super::super::table::{Cell, Row, Table};
use super::super::text;
use super::super::trend::{self, Trend};
use super::Ask;

/// The flowsheet page of the laboratory's results or of the vital signs.
pub struct Sheet {
    pub fact: String,
    pub flowsheet: Flowsheet,
    pub trend: Option<Trend>,
    /// Only rows with a value outside its range.
    pub abnormal_only: bool,
    /// What was typed into the test field.
    pub test: String,
    /// Said when nothing is left to show.
    pub empty: Option<String>,
}

pub fn sheet(ask: &Ask<'_>, end: &End, vitals: bool) -> Sheet {
    let wanted = if vitals { Category::Vitals } else { Category::Laboratory };
    let all = series::of_chart(ask.chart, &ask.frame.sources, |c| c == wanted);
    let values: usize = all.iter().map(|s| s.measures.len()).sum();
    let span = span(&all);
    let tests = all.len();
    let abnormal_only = ask.query.get("abnormal") == Some("1");
    let test = ask.query.get("test").unwrap_or_default().trim().to_string();
    let shown: Vec<Series> = all
        .into_iter()
        .filter(|s| !abnormal_only || s.measures.iter().any(|m| m.flag.is_some()))
        .filter(|s| s.name.to_lowercase().contains(&test.to_lowercase()))
        .collect();
    let selected = pick(&shown);
    let mut keep = String::new();
    if abnormal_only {
        keep.push_str("&abnormal=1");
    }
    if !test.is_empty() {
        keep.push_str(&format!("&test={}", super::super::html::url_part(&test)));
    }
    let groups = if vitals { Groups::default() } else { Groups::of_chart(ask.chart) };
    let layout = Layout {
        patient: ask.chart.index.patient.as_str(),
        href: ask.href.clone(),
        to: ask.query.number("to"),
        keep,
        selected: selected.map(|s| s.key.clone()),
    };
    let what = if vitals { ("measurement", "measurements") } else { ("result", "results") };
    let trend = selected.map(|s| Trend::new(s, end, Some(s.href(layout.patient))));
    let empty = shown.is_empty().then(|| match (test.is_empty(), abnormal_only) {
        (false, _) => format!("No test here matches “{test}”. The chart has {tests} tests."),
        (_, true) => "No value outside its range.".to_string(),
        _ => super::nothing(ask, what.1),
    });
    Sheet {
        fact: format!("{}, {}{span}", text::counted(values as u64, what.0, what.1), text::counted(tests as u64, "test", "tests")),
        flowsheet: Flowsheet::new(
            if vitals { "Vital signs by date" } else { "Results by collection time" },
            &shown,
            &groups,
            end,
            &layout,
        ),
        trend,
        abnormal_only,
        test,
        empty,
    }
}

/// The series whose trend stands below the sheet: the one with most numbers among those with a value out of range.
fn pick(series: &[Series]) -> Option<&Series> {
    let score = |s: &&Series| (s.measures.iter().any(|m| m.flag.is_some()), s.dots().len());
    series.iter().rev().max_by_key(score).filter(|s| s.dots().len() >= 3)
}

fn span(series: &[Series]) -> String {
    let dated = || series.iter().flat_map(|s| &s.measures).filter(|m| m.us.is_some());
    match (dated().min_by_key(|m| m.us), dated().max_by_key(|m| m.us)) {
        (Some(a), Some(b)) => format!(", {} to {}", a.date.day, b.date.day),
        _ => String::new(),
    }
}

/// One code's trend and its values as a table.
pub struct OneTest {
    pub title: String,
    pub fact: String,
    pub trends: Vec<(Trend, Panel)>,
}

/// All series of a code, one for each unit. `None` when the chart has no such code.
pub fn one(ask: &Ask<'_>, end: &End, code: &str) -> Option<OneTest> {
    let mut found = series::of_chart(ask.chart, &ask.frame.sources, |_| true);
    found.retain(|s| s.key == code || s.parent.as_deref() == Some(code));
    let values: usize = found.iter().map(|s| s.measures.len()).sum();
    let fact = match found.len() {
        1 => text::counted(values as u64, "value", "values"),
        n => format!("{} in {n} units or parts, each drawn by itself", text::counted(values as u64, "value", "values")),
    };
    Some(OneTest {
        title: found.first()?.name.clone(),
        fact,
        trends: found
            .iter()
            .map(|s| (Trend::new(s, end, None), Panel::of_table("Values", "newest first", trend::table(s))))
            .collect(),
    })
}

/// The newest results of the summary: tests outside their range first, then those most often measured.
pub fn summary(ask: &Ask<'_>, end: &End) -> Panel {
    const ROWS: usize = 8;
    let all = series::of_chart(ask.chart, &ask.frame.sources, |c| c == Category::Laboratory);
    let values: usize = all.iter().map(|s| s.measures.len()).sum();
    let mut shown: Vec<&Series> = all.iter().filter(|s| s.latest().is_some()).collect();
    shown.sort_by_key(|s| {
        let flag = s.latest().and_then(|m| m.flag.as_ref());
        std::cmp::Reverse((flag.is_some_and(|f| f.critical), flag.is_some(), s.measures.len()))
    });
    shown.truncate(ROWS);
    let first = shown.iter().flat_map(|s| &s.measures).filter_map(|m| m.us).min().unwrap_or(end.us);
    let patient = ask.chart.index.patient.as_str();
    let rows = shown
        .iter()
        .filter_map(|s| {
            let m = s.latest()?;
            let (name, rest) = s.short_name();
            Some(Row::new(vec![
                Cell::main(Some(name), Some(s.href(patient)), (!rest.is_empty()).then_some(rest)),
                Cell::Markup(trend::value_markup(m)),
                Cell::Text(s.range()),
                Cell::Markup(spark(s, first, end)),
                Cell::count(s.measures.len() as u64),
                Cell::Text(m.date.day.clone()),
                Cell::Badge(m.source.clone()),
            ]))
        })
        .collect();
    let columns = [
        ("Test", "clip"),
        ("Latest", "value"),
        ("Reference", "range"),
        ("Trend", "spark"),
        ("No.", "num drop"),
        ("Date", "date"),
        ("Source", "src"),
    ];
    let table = Table::new("Latest laboratory results", &columns, super::nothing(ask, "laboratory results")).rows(rows);
    Panel::of_table("Results", format!("latest of {}", text::counted(all.len() as u64, "test", "tests")), table)
        .link(format!("All {}", text::counted(values as u64, "result", "results")), format!("{}/results", ask.href))
}

fn spark(s: &Series, first: i64, end: &End) -> Markup {
    svg::sparkline(&s.dots(), s.band(), first, end.us, 150, 24)
}

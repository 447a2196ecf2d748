//! Laboratory results and vital signs: the flowsheet with a trend below it, and the summary's list with sparklines.
//!
//! The summary has eight tests, by the latest value of each and the weight that its laboratory gave it: critical values; values
//! outside their range of the tests that are looked at first ([`LOOKED_AT_FIRST`], in that order); other values outside their
//! range; those tests inside it; and the rest. What weighs the same stands by date, newest first.
//!
//! Not for: reading observations into series (`series`).

use super::super::banner::End;
use super::super::chart_nav::section_count;
use super::super::flowsheet::{Flowsheet, Groups, Layout};
use super::super::html::{Markup, escape, url_part};
use super::super::panel::Panel;
use super::super::series::{self, Category, Series};
use super::super::svg;
use super::super::table::{Cell, Row, Table};
use super::super::text;
use super::super::trend::{self, Trend};
use super::{Ask, Section};

/// Tests that whoever does not know the patient looks at first, each by its LOINC codes.
const LOOKED_AT_FIRST: [&[&str]; 15] = [
    // Hemoglobin A1c, creatinine, eGFR, potassium, hemoglobin, LDL cholesterol, natriuretic peptides, troponin.
    &["4548-4", "17856-6"],
    &["2160-0", "38483-4"],
    &["33914-3", "62238-1", "48642-3", "48643-1", "77147-7", "98979-8", "69405-9", "50044-7"],
    &["2823-3", "6298-4"],
    &["718-7", "20509-6"],
    &["18262-6", "13457-7", "2089-1"],
    &["33762-6", "83107-3", "30934-4", "42637-9"],
    &["89579-7", "67151-1", "10839-9", "6598-7"],
    // TSH, INR, sodium, glucose, platelets, white cells, albumin in urine.
    &["3016-3", "11580-8"],
    &["6301-6", "34714-6"],
    &["2951-2", "2947-0"],
    &["2345-7", "2339-0", "1558-6"],
    &["777-3", "26515-7"],
    &["6690-2", "26464-8"],
    &["9318-7", "14959-1", "32294-1"],
];

/// Tests on the summary.
const ROWS: usize = 8;

/// The flowsheet page of the laboratory's results or of the vital signs.
pub struct Sheet {
    pub fact: String,
    pub flowsheet: Flowsheet,
    pub trend: Option<Trend>,
    /// Only rows with a value outside its range.
    pub abnormal_only: bool,
    /// What was typed into the test field.
    pub test: String,
    /// Both as text of an address, from `&` on; and the letters of the source that was asked for.
    pub keep: String,
    pub source: Option<String>,
    /// Said when nothing is left to show.
    pub empty: Option<Markup>,
}

pub fn sheet(ask: &Ask<'_>, end: &End, vitals: bool) -> Sheet {
    let (wanted, section) = if vitals { (Category::Vitals, Section::Vitals) } else { (Category::Laboratory, Section::Results) };
    let all = series::of_chart(ask.chart, &ask.frame.sources, |c| c == wanted);
    let values: usize = all.iter().map(|s| s.measures.len()).sum();
    let (span, tests) = (span(&all), all.len());
    let narrow = Narrow::of(ask);
    let shown: Vec<Series> = all
        .into_iter()
        .filter(|s| !narrow.abnormal_only || s.measures.iter().any(|m| m.flag.is_some()))
        .filter(|s| s.name.to_lowercase().contains(&narrow.test.to_lowercase()))
        .collect();
    let what = if vitals { ("measurement", "measurements") } else { ("result", "results") };
    let all_of_it = |words: String| Markup::trusted(format!("{} <a href=\"{}\">Show all</a>", escape(&words), escape(&ask.href)));
    let empty = shown.is_empty().then(|| match (narrow.test.is_empty(), narrow.abnormal_only) {
        (false, _) => all_of_it(format!("No test here matches “{}”. The chart has {tests} tests.", narrow.test)),
        (_, true) => all_of_it("No value outside its range.".to_string()),
        _ => super::nothing(ask, section, what.1),
    });
    let groups = if vitals { Groups::default() } else { Groups::of_chart(ask.chart) };
    let source = ask.frame.only.as_deref().map(|only| ask.frame.badge(only).letters);
    let of_source = source.as_ref().map_or(String::new(), |letters| format!("&source={}", url_part(letters)));
    let keep = format!("{}{of_source}", narrow.keep());
    let rows = groups.page(&shown, ask.query.number("tests").unwrap_or(1), |page| format!("{}?tests={page}{keep}", ask.href));
    let selected = pick(rows.series());
    let layout = Layout {
        patient: ask.chart.index.patient.as_str(),
        href: ask.href.clone(),
        to: ask.query.number("to"),
        keep: format!("{}{keep}", ask.query.number("tests").map_or(String::new(), |page| format!("&tests={page}"))),
        selected: selected.map(|s| s.key.clone()),
    };
    let caption = if vitals { "Vital signs by date" } else { "Results by collection time" };
    Sheet {
        fact: format!("{}, {}{span}", text::counted(values as u64, what.0, what.1), text::counted(tests as u64, "test", "tests")),
        trend: selected.map(|s| Trend::new(s, end, Some(s.href(layout.patient)))),
        flowsheet: Flowsheet::new(caption, rows, end, &layout),
        abnormal_only: narrow.abnormal_only,
        keep: narrow.keep(),
        source,
        test: narrow.test,
        empty,
    }
}

/// What narrows a sheet beside its source.
struct Narrow {
    abnormal_only: bool,
    test: String,
}

impl Narrow {
    fn of(ask: &Ask<'_>) -> Narrow {
        let test = ask.query.get("test").unwrap_or_default().trim().to_string();
        Narrow { abnormal_only: ask.query.get("abnormal") == Some("1"), test }
    }

    /// The same as text of an address, from `&` on.
    fn keep(&self) -> String {
        let mut keep = String::new();
        if self.abnormal_only {
            keep.push_str("&abnormal=1");
        }
        if !self.test.is_empty() {
            keep.push_str(&format!("&test={}", url_part(&self.test)));
        }
        keep
    }
}

/// The series whose trend stands below the sheet: the one with most numbers among those with a value out of range.
fn pick(series: Vec<&Series>) -> Option<&Series> {
    let score = |s: &&Series| (s.measures.iter().any(|m| m.flag.is_some()), s.dots().len());
    series.into_iter().rev().max_by_key(score).filter(|s| s.dots().len() >= 3)
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
    let page = ask.query.number("page").unwrap_or(1);
    let drawn = |s: &Series| {
        let (table, paging) = trend::table(s, page, &format!("{}?page=", s.href(ask.chart.index.patient.as_str())));
        (Trend::new(s, end, None), Panel { paging, ..Panel::of_table("Values", "newest first", table) })
    };
    Some(OneTest { title: found.first()?.name.clone(), fact, trends: found.iter().map(drawn).collect() })
}

/// Where a test stands on the summary: how heavy its latest value is, and where it is looked for; less comes first.
fn weight(s: &Series) -> (u8, usize) {
    let flag = s.latest().and_then(|m| m.flag.as_ref());
    let place = LOOKED_AT_FIRST.iter().position(|codes| codes.contains(&s.key.as_str()));
    let tier = match (flag.map(|f| f.critical), place.is_some()) {
        (Some(true), _) => 0,
        (Some(false), true) => 1,
        (Some(false), false) => 2,
        (None, true) => 3,
        (None, false) => 4,
    };
    (tier, place.unwrap_or(LOOKED_AT_FIRST.len()))
}

/// The latest results for the summary, the heaviest first.
pub fn summary(ask: &Ask<'_>, end: &End) -> Panel {
    let all = series::of_chart(ask.chart, &ask.frame.sources, |c| c == Category::Laboratory);
    let values: usize = all.iter().map(|s| s.measures.len()).sum();
    let mut shown: Vec<&Series> = all.iter().filter(|s| s.latest().is_some()).collect();
    shown.sort_by_key(|s| (weight(s), std::cmp::Reverse(s.latest().and_then(|m| m.us))));
    shown.truncate(ROWS);
    let first = shown.iter().flat_map(|s| &s.measures).filter_map(|m| m.us).min().unwrap_or(end.us);
    let patient = ask.chart.index.patient.as_str();
    let row = |s: &&Series| {
        let m = s.latest()?;
        let (name, rest) = s.short_name();
        Some(Row::new(vec![
            Cell::main(Some(name), Some(s.href(patient)), (!rest.is_empty()).then_some(rest)),
            Cell::Markup(trend::value_markup(m)),
            trend::flag_cell(m),
            Cell::Text(s.range()),
            Cell::Markup(svg::sparkline(&s.dots(), s.band(), first, end.us, 150, 24)),
            Cell::count(s.measures.len() as u64),
            Cell::Text(m.date.day.clone()),
            Cell::Badge(m.source.clone()),
        ]))
    };
    let columns = [
        ("Test", "clip"),
        ("Latest", "value"),
        ("Flag", "flag"),
        ("Reference", "range"),
        ("Trend", "spark"),
        ("No.", "num drop"),
        ("Date", "date"),
        ("Source", "src"),
    ];
    let empty = super::nothing(ask, Section::Results, "laboratory results");
    let mut table = Table::new("Latest laboratory results", &columns, empty).rows(shown.iter().filter_map(row).collect());
    table.years = svg::year_marks(first.min(end.us), end.us);
    // Of a large chart the newest are read; how many there are is known all the same.
    let read = super::capped(ask, &["Observation"]);
    let held = read.as_ref().and_then(|_| section_count(ask.frame, ask.chart, Section::Results)).unwrap_or(values as u64);
    let fact = format!("latest of {}", text::counted(all.len() as u64, "test", "tests"));
    let fact = read.map_or(fact.clone(), |words| format!("{fact} in {words} observations"));
    Panel::of_table("Results", fact, table)
        .link(format!("All {}", text::counted(held, "result", "results")), format!("{}/results", ask.href))
}

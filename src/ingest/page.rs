//! The report as a page to print and sign: what `web/templates/report.html` shows, in the order in which it shows it.
//!
//! Not for: what is in a report (`report`), or the viewer's own page of an accession (`server`).

use std::collections::BTreeMap;

use askama::Template;
use serde::Serialize;

use super::declared::DeclaredLine;
use super::profile::ElementLine;
use super::report::{ColumnLine, MadeLine, Report};
use crate::store::manifest::LedgerTotals;

/// What is known of an accession only after its sealing.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Later {
    pub codes: Option<Codes>,
    pub sign_offs: Vec<SignedOff>,
}

/// How far codes have a standard one beside them. Codes and their words come from records.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Codes {
    pub coverage: Vec<CodeCoverage>,
    /// Codes that stand alone, all of them.
    pub unmapped: u64,
    /// The most frequent of these.
    pub most_frequent: Vec<LoneCode>,
}

#[derive(Clone, Debug, Serialize)]
pub struct CodeCoverage {
    pub kind: String,
    pub standard: u64,
    pub by_map: u64,
    pub local: u64,
}

#[derive(Clone, Debug, Serialize)]
pub struct LoneCode {
    pub system: String,
    pub code: String,
    pub display: String,
    pub count: u64,
    /// A record that holds it: `Type/id`.
    pub example: String,
}

/// A sign-off as the page shows it.
#[derive(Clone, Debug, Serialize)]
pub struct SignedOff {
    /// RFC 3339, UTC.
    pub at: String,
    pub reviewer: String,
    /// `accepted` or `rejected`.
    pub result: String,
    pub note: String,
    pub seed: String,
    pub sampled: usize,
    /// Whether it was given for the seal that the accession has.
    pub is_of_this_seal: bool,
}

/// Source records of one form.
struct Form {
    words: &'static str,
    kinds: Vec<(String, LedgerTotals)>,
    sum: LedgerTotals,
}

/// The records by year, drawn.
struct Curve {
    years: Vec<Year>,
    /// Records of the few years before those drawn: one stray date must not press the others together.
    earlier: u64,
}

/// The records of one year.
struct Year {
    year: i32,
    records: u64,
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    has_label: bool,
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    report: &'a Report,
    later: &'a Later,
    is_later: bool,
    forms: Vec<Form>,
    classes: Vec<(&'a str, Vec<&'a ElementLine>)>,
    elements_there: usize,
    curve: Curve,
    gaps: Vec<(String, String)>,
    columns: Vec<(&'a str, u64, Vec<&'a ColumnLine>)>,
    made: u64,
    repeated: u64,
    fresh: u64,
    /// Declared words that mean no element of USCDI.
    other_words: Vec<&'a str>,
    /// Counts that the sending system declared, and those of them that differ.
    declared: usize,
    differing: Vec<DeclaredLine>,
}

impl Page<'_> {
    fn share(&self, part: impl Number, of: impl Number) -> String {
        percent(part.value(), of.value())
    }
}

/// Width of the curve, and height of its tallest year.
const WIDTH: f64 = 880.0;
const HEIGHT: f64 = 72.0;
/// The oldest records are not drawn while together they are fewer than one of so many.
const STRAY: u64 = 200;
/// A kind with fewer records a year is not asked for gaps.
const GAP_RECORDS: u64 = 12;

impl Report {
    /// A page that prints on paper and needs nothing else.
    pub fn to_html(&self, later: Option<&Later>) -> Vec<u8> {
        let none = Later::default();
        let said = self.compared();
        let page = Page {
            report: self,
            later: later.unwrap_or(&none),
            is_later: later.is_some(),
            forms: forms(&self.kinds),
            classes: classes(&self.profile.elements),
            elements_there: self.profile.elements.iter().filter(|e| e.records > 0).count(),
            curve: curve(&self.profile.years),
            gaps: gaps(&self.profile.years),
            columns: columns(&self.columns),
            made: self.made.values().map(|line| line.made).sum(),
            repeated: self.made.values().map(|line| line.repeated).sum(),
            fresh: self.made.values().map(MadeLine::fresh).sum(),
            other_words: other_words(self),
            declared: said.len(),
            differing: said.into_iter().filter(|line| !line.agrees()).collect(),
        };
        page.render().unwrap_or_else(|_| String::from("The report could not be written.")).into_bytes()
    }
}

/// What a source record's kind says of its form.
fn form_of(kind: &str) -> &'static str {
    match kind.split(':').next().unwrap_or_default() {
        "hl7v2" => "HL7 v2 messages",
        "cda" => "CDA documents",
        "row" => "Rows of tables",
        "file" => "Loose documents",
        _ => "FHIR resources",
    }
}

fn forms(kinds: &BTreeMap<String, LedgerTotals>) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    for (kind, fates) in kinds {
        let words = form_of(kind);
        let at = forms.iter().position(|f| f.words == words).unwrap_or_else(|| {
            forms.push(Form { words, kinds: Vec::new(), sum: LedgerTotals::default() });
            forms.len() - 1
        });
        let name = match kind.split_once(':') {
            Some((_, name)) if words != "FHIR resources" => name,
            _ if kind == "?" => "type not readable",
            _ => kind,
        };
        let sum = &mut forms[at].sum;
        sum.input += fates.input;
        sum.archived += fates.archived;
        sum.duplicate += fates.duplicate;
        sum.quarantined += fates.quarantined;
        sum.excluded += fates.excluded;
        sum.joined += fates.joined;
        forms[at].kinds.push((name.to_string(), *fates));
    }
    forms.sort_by_key(|f| std::cmp::Reverse(f.sum.input));
    forms
}

fn classes(elements: &[ElementLine]) -> Vec<(&str, Vec<&ElementLine>)> {
    elements.chunk_by(|a, b| a.class == b.class).map(|all| (all[0].class.as_str(), all.iter().collect())).collect()
}

fn columns(columns: &[ColumnLine]) -> Vec<(&str, u64, Vec<&ColumnLine>)> {
    let shown = |kind: &[ColumnLine]| kind.iter().any(|c| c.filled > 0 || c.unreadable > 0);
    let kinds = columns.chunk_by(|a, b| a.kind == b.kind).filter(|kind| shown(kind));
    kinds
        .map(|kind| {
            // Reports of the first version do not say which columns count.
            let is_key = |c: &&ColumnLine| c.is_key || c.unreadable > 0 || c.rows == 0;
            let key: Vec<&ColumnLine> = kind.iter().filter(is_key).collect();
            (kind[0].kind.as_str(), kind[0].rows, key)
        })
        .filter(|(_, _, key)| !key.is_empty())
        .collect()
}

fn curve(years: &BTreeMap<i32, BTreeMap<String, u64>>) -> Curve {
    let total = |year: i32| years.get(&year).map_or(0, |kinds| kinds.values().sum::<u64>());
    let all: u64 = years.keys().map(|year| total(*year)).sum();
    let mut earlier = 0;
    let first = years.keys().find(|year| {
        let is_stray = (earlier + total(**year)) * STRAY < all;
        earlier += if is_stray { total(**year) } else { 0 };
        !is_stray
    });
    let (Some(first), Some((last, _))) = (first, years.last_key_value()) else {
        return Curve { years: Vec::new(), earlier: 0 };
    };
    let most = years.keys().map(|year| total(*year)).max().unwrap_or(1).max(1);
    let count = last - first + 1;
    let step = (WIDTH / f64::from(count)).min(40.0);
    let label_every = if count <= 20 { 1 } else { 5 };
    let drawn = (*first..=*last).map(|year| {
        let records = total(year);
        // A year with anything in it is seen.
        let height = if records == 0 { 0.0 } else { (records as f64 * HEIGHT / most as f64).max(1.0) };
        let x = f64::from(year - first) * step;
        let has_label = year % label_every == 0;
        Year { year, records, x: x + step * 0.1, y: HEIGHT - height, width: step * 0.8, height, has_label }
    });
    Curve { years: drawn.collect(), earlier }
}

/// Years without a record between the first and the last of a kind that otherwise has many.
fn gaps(years: &BTreeMap<i32, BTreeMap<String, u64>>) -> Vec<(String, String)> {
    let mut by_kind: BTreeMap<&str, Vec<(i32, u64)>> = BTreeMap::new();
    for (year, kinds) in years {
        for (kind, count) in kinds {
            by_kind.entry(kind).or_default().push((*year, *count));
        }
    }
    let mut gaps = Vec::new();
    for (kind, held) in by_kind {
        let sum: u64 = held.iter().map(|(_, count)| count).sum();
        if sum < GAP_RECORDS * held.len() as u64 {
            continue;
        }
        let runs: Vec<String> = held
            .windows(2)
            .filter_map(|pair| match (pair[0].0 + 1, pair[1].0 - 1) {
                (from, to) if from > to => None,
                (from, to) if from == to => Some(from.to_string()),
                (from, to) => Some(format!("{from}–{to}")),
            })
            .collect();
        if !runs.is_empty() {
            gaps.push((kind.to_string(), runs.join(", ")));
        }
    }
    gaps
}

fn other_words(report: &Report) -> Vec<&str> {
    let means_any = |word: &str| {
        let mut elements = report.profile.elements.iter();
        elements.any(|e| super::uscdi::Checklist::means(word, &e.class, &e.element))
    };
    report.never_delivered.iter().map(String::as_str).filter(|word| !means_any(word)).collect()
}

/// A share in percent, cut down: what is not whole does not read as 100 %.
pub fn percent(part: u64, of: u64) -> String {
    if of == 0 || part == 0 {
        return "0 %".into();
    }
    let tenths = u128::from(part) * 1000 / u128::from(of);
    match tenths {
        0 => "< 0.1 %".into(),
        t if t % 10 == 0 => format!("{} %", t / 10),
        t => format!("{}.{} %", t / 10, t % 10),
    }
}

/// A number as templates hand it over: behind any number of references.
trait Number {
    fn value(&self) -> u64;
}

impl Number for u64 {
    fn value(&self) -> u64 {
        *self
    }
}

impl<T: Number> Number for &T {
    fn value(&self) -> u64 {
        (*self).value()
    }
}

/// Filters of the template.
mod filters {
    use super::Number;

    /// A number with thin spaces between its thousands; nothing for zero where it would only be noise.
    #[askama::filter_fn]
    pub fn n(number: impl Number, _: &dyn askama::Values) -> askama::Result<String> {
        Ok(super::grouped(number.value()))
    }

    /// As `n`, and a dot for zero.
    #[askama::filter_fn]
    pub fn z(number: impl Number, _: &dyn askama::Values) -> askama::Result<String> {
        Ok(match number.value() {
            0 => "·".into(),
            number => super::grouped(number),
        })
    }
}

/// A number with thin spaces between its thousands.
fn grouped(number: u64) -> String {
    crate::mapping::profile::grouped(number).replace(',', "\u{2009}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_never_rounded_up_to_the_whole() {
        let texts = [(999, 1000), (99_999, 100_000), (1, 100_000), (0, 5), (5, 5), (0, 0)].map(|(a, b)| percent(a, b));
        assert_eq!(texts, ["99.9 %", "99.9 %", "< 0.1 %", "0 %", "100 %", "0 %"]);
    }

    #[test]
    fn a_gap_is_a_year_without_records_between_years_with_many() {
        let many = |kind: &str| (kind.to_string(), 40);
        let years = BTreeMap::from([
            (2001, BTreeMap::from([many("Observation"), ("Goal".to_string(), 1)])),
            (2002, BTreeMap::from([many("Observation")])),
            (2005, BTreeMap::from([many("Observation")])),
            (2007, BTreeMap::from([many("Observation"), ("Goal".to_string(), 1)])),
        ]);
        assert_eq!(gaps(&years), [("Observation".to_string(), "2003–2004, 2006".to_string())]);
        assert_eq!(curve(&years).years.iter().filter(|y| y.records == 0).count(), 3);
    }
}

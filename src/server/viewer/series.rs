//! Observations as series: one for each test and unit, its values oldest first, each with the laboratory's own flag.
//!
//! Not for: drawing (`svg`, `trend`) or laying out (`flowsheet`). Units are never converted and values never rounded.

use std::collections::HashMap;

use crate::model::{Chart, When};

use super::fhir::{self, Item, Node};
use super::html::url_part;
use super::source::{Badge, Sources};
use super::svg::{Band, Dot};
use super::text::{self, Date};

/// Which observations: the laboratory's, the vital signs, or all others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Category {
    Laboratory,
    Vitals,
    Other,
}

impl Category {
    pub fn of(root: Node<'_>) -> Category {
        for category in root.at("category").items() {
            for coding in category.at("coding").items() {
                match coding.at("code").text().as_deref() {
                    Some("laboratory" | "LAB") => return Category::Laboratory,
                    Some("vital-signs") => return Category::Vitals,
                    _ => {}
                }
            }
        }
        Category::Other
    }
}

/// A laboratory's judgement of a value, as it was flagged, or as we read it from the printed range (then in parentheses).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    pub letters: String,
    pub critical: bool,
    pub computed: bool,
}

impl Flag {
    /// What the flag means, for those who hear the page.
    pub fn words(&self) -> &'static str {
        match self.letters.trim_matches(['(', ')']) {
            "H" => "high",
            "L" => "low",
            "HH" => "critically high",
            "LL" => "critically low",
            _ => "abnormal",
        }
    }
}

/// One measured value.
#[derive(Clone, Debug)]
pub struct Measure {
    pub us: Option<i64>,
    pub date: Date,
    /// The date as archived: the key of its flowsheet column.
    pub when: String,
    pub text: String,
    pub number: Option<f64>,
    /// The lower of two values that belong together: the diastolic pressure.
    pub second: Option<f64>,
    pub flag: Option<Flag>,
    pub range: Option<String>,
    pub band: Band,
    pub source: Badge,
    pub href: String,
    /// `preliminary`, `corrected`, `entered-in-error` …; `None` when final.
    pub status: Option<String>,
}

/// All values of one test in one unit.
#[derive(Clone, Debug)]
pub struct Series {
    /// The code, as it stands in the address of its trend page.
    pub key: String,
    /// The code of the panel that the values are components of.
    pub parent: Option<String>,
    pub name: String,
    pub unit: Option<String>,
    pub measures: Vec<Measure>,
    /// Ids of the observations, to find their report.
    pub ids: Vec<String>,
}

impl Series {
    pub fn latest(&self) -> Option<&Measure> {
        self.measures.last()
    }

    pub fn href(&self, patient: &str) -> String {
        format!("/patients/{patient}/results/{}", url_part(self.parent.as_ref().unwrap_or(&self.key)))
    }

    /// The numeric values with a date.
    pub fn dots(&self) -> Vec<Dot> {
        let dot = |m: &Measure| Some(Dot { us: m.us?, value: m.number?, outside: m.flag.is_some() });
        self.measures.iter().filter_map(dot).collect()
    }

    /// The newest reference interval.
    pub fn band(&self) -> Band {
        self.measures.iter().rev().map(|m| m.band).find(Band::is_given).unwrap_or_default()
    }

    /// The newest range in words, with the unit.
    pub fn range(&self) -> String {
        let range = self.measures.iter().rev().find_map(|m| m.range.clone());
        match (range, &self.unit) {
            (Some(r), Some(u)) => format!("{r}\u{a0}{u}"),
            (Some(r), None) => r,
            (None, Some(u)) => u.clone(),
            (None, None) => String::new(),
        }
    }

    /// The name before and after what LOINC puts in brackets, since the first part is what people say.
    pub fn short_name(&self) -> (String, String) {
        match self.name.split_once(" [") {
            Some((head, tail)) => {
                let rest = tail.split_once(']').map_or("", |(_, r)| r);
                (head.to_string(), rest.trim_start_matches('.').to_string())
            }
            None => (self.name.clone(), String::new()),
        }
    }
}

/// The observations of one category as series, in the order of their newest value.
pub fn of_chart(chart: &Chart, sources: &Sources, wanted: impl Fn(Category) -> bool) -> Vec<Series> {
    let mut all = Builder::default();
    for item in fhir::items(chart, &["Observation"]).iter().rev() {
        let root = item.root();
        if wanted(Category::of(root)) {
            all.observation(item, root, sources);
        }
    }
    all.finish()
}

#[derive(Default)]
struct Builder {
    series: Vec<Series>,
    places: HashMap<(String, Option<String>), usize>,
}

impl Builder {
    fn observation(&mut self, item: &Item<'_>, root: Node<'_>, sources: &Sources) {
        let key = code_key(root);
        if has_value(root) || !root.at("component").exists() {
            self.value(item, root, root, None, sources);
        }
        if let Some(measure) = blood_pressure(item, root, sources) {
            self.push(key.clone(), None, name(root), Some("mm[Hg]".into()), measure, item);
            return;
        }
        for part in root.at("component").items().filter(|p| has_value(*p)) {
            self.value(item, root, part, Some(key.clone()), sources);
        }
    }

    fn value(&mut self, item: &Item<'_>, root: Node<'_>, part: Node<'_>, parent: Option<String>, sources: &Sources) {
        let (measure, unit) = measure(item, root, part, sources);
        self.push(code_key(part), parent, name(part), unit, measure, item);
    }

    fn push(&mut self, key: String, parent: Option<String>, name: String, unit: Option<String>, m: Measure, item: &Item<'_>) {
        // Text-only results ("see note") belong to the row of their test, whatever its unit.
        let place = match &unit {
            None => self.series.iter().position(|s| s.key == key),
            Some(_) => self.places.get(&(key.clone(), unit.clone())).copied(),
        };
        let place = place.unwrap_or_else(|| {
            self.series.push(Series { key: key.clone(), parent, name, unit: unit.clone(), measures: vec![], ids: vec![] });
            self.places.insert((key, unit), self.series.len() - 1);
            self.series.len() - 1
        });
        self.series[place].measures.push(m);
        self.series[place].ids.push(item.record.id.to_string());
    }

    fn finish(mut self) -> Vec<Series> {
        for s in &mut self.series {
            s.measures.sort_by_key(|m| m.us.unwrap_or(i64::MIN));
        }
        self.series.sort_by_key(|s| std::cmp::Reverse(s.latest().and_then(|m| m.us)));
        self.series
    }
}

fn code_key(node: Node<'_>) -> String {
    fhir::code(node.at("code")).or_else(|| fhir::concept(node.at("code"))).unwrap_or_else(|| "none".into())
}

fn name(node: Node<'_>) -> String {
    fhir::concept(node.at("code")).unwrap_or_else(|| "Test not recorded".into())
}

fn has_value(node: Node<'_>) -> bool {
    const VALUES: [&str; 11] = [
        "valueQuantity",
        "valueString",
        "valueCodeableConcept",
        "valueInteger",
        "valueBoolean",
        "valueRange",
        "valueRatio",
        "valueDateTime",
        "valueTime",
        "valueSampledData",
        "valuePeriod",
    ];
    VALUES.iter().any(|v| node.at(v).exists())
}

/// A value in words, its number if it is one, and its unit.
pub fn value_of(node: Node<'_>) -> (String, Option<f64>, Option<String>) {
    if let Some((value, unit)) = fhir::quantity(node.at("valueQuantity")) {
        let number = node.at("valueQuantity").at("comparator").text().is_none().then(|| value.parse().ok()).flatten();
        return (text::value(&value), number, unit);
    }
    if let Some(words) = fhir::concept(node.at("valueCodeableConcept")) {
        return (words, None, None);
    }
    let plain = ["valueString", "valueInteger", "valueBoolean", "valueDateTime", "valueTime"];
    if let Some(words) = plain.iter().find_map(|v| node.at(v).text()) {
        let number = node.at("valueInteger").exists().then(|| words.parse().ok()).flatten();
        return (words, number, None);
    }
    let range = node.at("valueRange");
    if let (Some((low, unit)), Some((high, _))) = (fhir::quantity(range.at("low")), fhir::quantity(range.at("high"))) {
        return (format!("{low}–{high}"), None, unit);
    }
    let ratio = node.at("valueRatio");
    if let (Some((a, _)), Some((b, _))) = (fhir::quantity(ratio.at("numerator")), fhir::quantity(ratio.at("denominator"))) {
        return (format!("{a}:{b}"), None, None);
    }
    let absent = fhir::concept(node.at("dataAbsentReason")).map(|r| format!("not recorded ({r})"));
    (absent.unwrap_or_else(|| text::NOT_RECORDED.into()), None, None)
}

fn measure(item: &Item<'_>, root: Node<'_>, part: Node<'_>, sources: &Sources) -> (Measure, Option<String>) {
    let (text, number, unit) = value_of(part);
    let (range, band) = reference(part, unit.as_deref());
    let flag = flag(part, number, band);
    let mut m = blank(item, root, sources);
    (m.text, m.number, m.range, m.band, m.flag) = (text, number, range, band, flag);
    (m, unit)
}

fn blank(item: &Item<'_>, root: Node<'_>, sources: &Sources) -> Measure {
    let when = fhir::date_of(root).unwrap_or_default();
    let parsed = When::parse(&when);
    Measure {
        us: parsed.as_ref().map(When::start_us),
        date: if when.is_empty() { Date { day: text::NOT_RECORDED.into(), time: None } } else { text::date(&when) },
        when,
        text: String::new(),
        number: None,
        second: None,
        flag: None,
        range: None,
        band: Band::default(),
        source: sources.badge(&item.record.source_system),
        href: item.href(),
        status: root.at("status").text().filter(|s| s != "final"),
    }
}

/// Systolic over diastolic, as people read a blood pressure; drawn by its systolic value.
fn blood_pressure(item: &Item<'_>, root: Node<'_>, sources: &Sources) -> Option<Measure> {
    let part = |code: &str| root.at("component").items().find(|c| fhir::code(c.at("code")).as_deref() == Some(code));
    let (systolic, diastolic) = (part("8480-6")?, part("8462-4")?);
    let mut m = blank(item, root, sources);
    m.text = format!("{}/{}", value_of(systolic).0, value_of(diastolic).0);
    (m.number, m.second) = (value_of(systolic).1, value_of(diastolic).1);
    m.flag = flag(systolic, None, Band::default()).or_else(|| flag(diastolic, None, Band::default()));
    Some(m)
}

/// The range as printed by the laboratory and as numbers.
fn reference(node: Node<'_>, unit: Option<&str>) -> (Option<String>, Band) {
    let range = node.at("referenceRange").first();
    let low = range.at("low").at("value").text();
    let high = range.at("high").at("value").text();
    let number = |t: &Option<String>| t.as_ref().and_then(|t| t.parse::<f64>().ok());
    let band = Band { low: number(&low), high: number(&high) };
    let words = match (low, high) {
        (Some(l), Some(h)) => Some(format!("{}–{}", text::value(&l), text::value(&h))),
        (Some(l), None) => Some(format!("≥ {}", text::value(&l))),
        (None, Some(h)) => Some(format!("≤ {}", text::value(&h))),
        (None, None) => {
            let printed = range.at("text").text();
            // A range printed with its unit would show it twice.
            printed.map(|t| unit.and_then(|u| t.strip_suffix(u)).map_or(t.clone(), |t| t.trim().to_string()))
        }
    };
    (words, band)
}

fn flag(node: Node<'_>, number: Option<f64>, band: Band) -> Option<Flag> {
    let given = node.at("interpretation").items().find_map(|i| fhir::code(i).or_else(|| fhir::concept(i)));
    if let Some(code) = given {
        let critical = matches!(code.as_str(), "HH" | "LL" | "AA" | "HU" | "LU" | "H>" | "L<");
        let plain = matches!(code.as_str(), "N" | "NEG" | "NR" | "ND" | "S" | "IND" | "U" | "D" | "B" | "W");
        let letters = if code.len() <= 3 { code } else { "A".into() };
        return (!plain).then_some(Flag { letters, critical, computed: false });
    }
    let value = number?;
    let letters = match (band.low, band.high) {
        (Some(low), _) if value < low => "(L)",
        (_, Some(high)) if value > high => "(H)",
        _ => return None,
    };
    Some(Flag { letters: letters.into(), critical: false, computed: true })
}

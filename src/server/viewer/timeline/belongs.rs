//! What belongs to an encounter: the records that name it, in groups, each with its lines. A record that names none is tied to
//! none: dates alone say nothing about where it belongs.
//!
//! Not for: encounters themselves (`visit`).

use super::super::fhir::{self, Item, Node};
use super::super::frame::Frame;
use super::super::sections::notes;
use super::super::series::{self, Category, Flag};
use super::super::text;
use super::visit::{id_in, year_of};
use crate::model::{Chart, ChartIndex, Record};

/// Groups in the order in which a reader looks at them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Group {
    Documents,
    Results,
    Medications,
    Vitals,
    Reports,
    Procedures,
    Diagnoses,
    Orders,
    Immunizations,
    Other,
}

impl Group {
    pub const ALL: [Group; 10] = [
        Group::Documents,
        Group::Results,
        Group::Medications,
        Group::Vitals,
        Group::Reports,
        Group::Procedures,
        Group::Diagnoses,
        Group::Orders,
        Group::Immunizations,
        Group::Other,
    ];

    pub fn code(self) -> &'static str {
        match self {
            Group::Documents => "documents",
            Group::Results => "results",
            Group::Medications => "medications",
            Group::Vitals => "vitals",
            Group::Reports => "reports",
            Group::Procedures => "procedures",
            Group::Diagnoses => "diagnoses",
            Group::Orders => "orders",
            Group::Immunizations => "immunizations",
            Group::Other => "other",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Group::Documents => "Notes and documents",
            Group::Results => "Results",
            Group::Medications => "Medications",
            Group::Vitals => "Vital signs",
            Group::Reports => "Reports",
            Group::Procedures => "Procedures",
            Group::Diagnoses => "Diagnoses",
            Group::Orders => "Orders",
            Group::Immunizations => "Immunizations",
            Group::Other => "Other records",
        }
    }

    fn counted(self, n: usize) -> String {
        let (one, many) = match self {
            Group::Documents => ("note", "notes"),
            Group::Results => ("result", "results"),
            Group::Medications => ("medication record", "medication records"),
            Group::Vitals => ("vital sign", "vital signs"),
            Group::Reports => ("report", "reports"),
            Group::Procedures => ("procedure", "procedures"),
            Group::Diagnoses => ("diagnosis", "diagnoses"),
            Group::Orders => ("order", "orders"),
            Group::Immunizations => ("immunization", "immunizations"),
            Group::Other => ("other record", "other records"),
        };
        text::counted(n as u64, one, many)
    }

    fn of(kind: &str, root: Node<'_>) -> Group {
        match kind {
            "DocumentReference" | "Composition" => Group::Documents,
            "Observation" if Category::of(root) == Category::Vitals => Group::Vitals,
            "Observation" => Group::Results,
            "MedicationRequest" | "MedicationStatement" | "MedicationAdministration" | "MedicationDispense" => Group::Medications,
            "DiagnosticReport" | "ImagingStudy" => Group::Reports,
            "Procedure" => Group::Procedures,
            "Condition" => Group::Diagnoses,
            "ServiceRequest" | "DeviceRequest" | "NutritionOrder" => Group::Orders,
            "Immunization" => Group::Immunizations,
            _ => Group::Other,
        }
    }
}

/// Kinds that the timeline reads beside encounters.
pub const KINDS: [&str; 27] = [
    "CarePlan",
    "CareTeam",
    "Claim",
    "ClinicalImpression",
    "Communication",
    "Composition",
    "Condition",
    "DeviceRequest",
    "DiagnosticReport",
    "DocumentReference",
    "ExplanationOfBenefit",
    "Flag",
    "Goal",
    "ImagingStudy",
    "Immunization",
    "Media",
    "MedicationAdministration",
    "MedicationDispense",
    "MedicationRequest",
    "MedicationStatement",
    "NutritionOrder",
    "Observation",
    "Procedure",
    "QuestionnaireResponse",
    "RiskAssessment",
    "ServiceRequest",
    "Specimen",
];

/// A record with what it names.
pub struct Thing<'a> {
    pub item: Item<'a>,
    pub group: Group,
    /// As written.
    pub date: Option<String>,
    /// Ids of the encounters that it names.
    pub encounters: Vec<String>,
}

impl<'a> Thing<'a> {
    pub fn of(item: Item<'a>) -> Thing<'a> {
        let root = item.root();
        let context = root.at("context");
        let mut encounters: Vec<String> = Vec::new();
        let places = [root.at("encounter"), context, context.at("encounter")];
        let of_items = root.at("item").items().map(|item| item.at("encounter"));
        for place in places.into_iter().chain(of_items) {
            for id in place.items().filter_map(id_in) {
                if !encounters.contains(&id) {
                    encounters.push(id);
                }
            }
        }
        let group = Group::of(item.record.kind.name(), root);
        Thing { date: fhir::date_of(root).or_else(|| context.at("period").at("start").text()), group, encounters, item }
    }

    pub fn year(&self) -> Option<i32> {
        year_of(self.date.as_deref()?)
    }
}

/// One line of a group.
pub struct Line {
    pub date: String,
    pub text: String,
    pub href: String,
    /// A result's first value.
    pub value: String,
    pub flag: Option<Flag>,
    /// What comes after: a status, a later value, a dose.
    pub aside: String,
}

/// A group of an open encounter.
pub struct Listed {
    pub group: Group,
    pub count: String,
    pub lines: Vec<Line>,
    /// "9 more", and where they are.
    pub more: Option<(String, String)>,
}

/// "1 note", "4 results": groups that hold something, in their order.
pub fn tallied(things: &[&Thing<'_>]) -> Vec<String> {
    let held = |group: Group| things.iter().filter(|thing| thing.group == group).count();
    Group::ALL.into_iter().map(|group| (group, held(group))).filter(|(_, n)| *n > 0).map(|(group, n)| group.counted(n)).collect()
}

/// Lines of a group that are shown at first, and when all of it was asked for.
const LINES: usize = 7;
const LINES_MAX: usize = 300;

/// The groups of these things, each cut to a few lines but the one that was asked for in whole. `href` is the address that
/// opens a group, up to its code.
pub fn listed(frame: &Frame, index: &ChartIndex, things: &[&Thing<'_>], whole: Option<&str>, href: &str) -> Vec<Listed> {
    let mut all = Vec::new();
    for group in Group::ALL {
        let own: Vec<&Thing<'_>> = things.iter().copied().filter(|thing| thing.group == group).collect();
        if own.is_empty() {
            continue;
        }
        let mut lines = match group {
            Group::Results | Group::Vitals => values(frame, index, &own),
            Group::Medications => medications(&own),
            Group::Documents => documents(index, &own),
            _ => plain(&own),
        };
        let total = lines.len();
        let is_whole = whole == Some(group.code());
        lines.truncate(if is_whole { LINES_MAX } else { LINES });
        let left = total - lines.len();
        let more = match left {
            0 => None,
            n if is_whole => Some((format!("{} more in the chart", text::count(n as u64)), section_href(index, group))),
            n => Some((format!("{} more", text::count(n as u64)), format!("{href}{}#open", group.code()))),
        };
        all.push(Listed { group, count: text::count(own.len() as u64), lines, more });
    }
    all
}

fn section_href(index: &ChartIndex, group: Group) -> String {
    let section = match group {
        Group::Documents => "notes",
        Group::Results => "results",
        Group::Medications => "medications",
        Group::Vitals => "vitals",
        Group::Reports => "reports",
        Group::Procedures => "procedures",
        Group::Diagnoses => "problems",
        Group::Immunizations => "immunizations",
        Group::Orders | Group::Other => "everything",
    };
    format!("/patients/{}/{section}", index.patient)
}

/// Each test once: its first value, and what became of it. Tests outside their range stand first.
fn values(frame: &Frame, index: &ChartIndex, own: &[&Thing<'_>]) -> Vec<Line> {
    // Things come newest first, as a chart is read; series want a chart's order.
    let records: Vec<Record> = own.iter().rev().map(|thing| thing.item.record.clone()).collect();
    let chart = Chart { index: index.clone(), records };
    let mut all = series::of_chart(&chart, &frame.sources, |_| true);
    all.sort_by_key(|s| {
        let flags = || s.measures.iter().filter_map(|m| m.flag.as_ref());
        std::cmp::Reverse((flags().any(|f| f.critical), flags().next().is_some(), s.measures.len()))
    });
    let line = |s: &series::Series| {
        let (first, last) = (s.measures.first()?, s.measures.last()?);
        let unit = s.unit.as_deref().unwrap_or_default();
        let aside = match s.measures.len() {
            1 => unit.to_string(),
            _ => {
                let flag = last.flag.as_ref().map_or(String::new(), |flag| format!(" {}", flag.letters));
                format!("to {}{flag} {unit}", last.text)
            }
        };
        Some(Line {
            date: first.date.day.clone(),
            text: s.short_name().0,
            href: s.href(index.patient.as_str()),
            value: first.text.clone(),
            flag: first.flag.clone(),
            aside: aside.trim().to_string(),
        })
    };
    all.iter().filter_map(line).collect()
}

/// Each medication once for each thing that was done with it.
fn medications(own: &[&Thing<'_>]) -> Vec<Line> {
    let mut lines: Vec<(Line, usize)> = Vec::new();
    for thing in own {
        let (root, record) = (thing.item.root(), thing.item.record);
        let name = fhir::concept(root.at("medicationCodeableConcept"))
            .or_else(|| thing.item.reference(root.at("medicationReference")))
            .unwrap_or_else(|| "Medication not recorded".into());
        let status = root.at("status").text().unwrap_or_default();
        let done = match (record.kind.name(), status.as_str()) {
            (_, "stopped" | "cancelled" | "entered-in-error" | "draft" | "on-hold") => text::sentence(&status),
            ("MedicationRequest", _) => "Ordered".into(),
            ("MedicationAdministration", "not-done") => "Not given".into(),
            ("MedicationAdministration", _) => "Given".into(),
            ("MedicationDispense", _) => "Dispensed".into(),
            _ => "Stated".into(),
        };
        match lines.iter_mut().find(|(line, _)| line.text == name && line.value == done) {
            Some((_, times)) => *times += 1,
            None => {
                let line = Line { value: done, ..line_of(thing, name, thing.item.href(), String::new()) };
                lines.push((line, 1));
            }
        }
    }
    let told = |(line, times): (Line, usize)| Line {
        aside: if times > 1 { format!("{} times", text::count(times as u64)) } else { String::new() },
        ..line
    };
    lines.into_iter().map(told).collect()
}

fn documents(index: &ChartIndex, own: &[&Thing<'_>]) -> Vec<Line> {
    let base = format!("/patients/{}", index.patient);
    let line = |thing: &&Thing<'_>| {
        let view = notes::View::of(Item::new(thing.item.record));
        let status = view.tag.map_or_else(|| status_of(thing), |(words, _)| words.to_lowercase());
        line_of(thing, view.title.clone().unwrap_or_else(|| text::NOT_RECORDED.into()), view.href(&base), status)
    };
    own.iter().map(line).collect()
}

fn plain(own: &[&Thing<'_>]) -> Vec<Line> {
    let line = |thing: &&Thing<'_>| {
        let root = thing.item.root();
        let words = ["code", "vaccineCode", "type", "category", "description"];
        let name = words.iter().find_map(|key| fhir::concepts(root.at(key)));
        let name = name.unwrap_or_else(|| text::field_name(thing.item.record.kind.name()));
        line_of(thing, name, thing.item.href(), status_of(thing))
    };
    own.iter().map(line).collect()
}

/// What is worth saying of a status: nothing where all went its way.
fn status_of(thing: &Thing<'_>) -> String {
    let status = thing.item.root().at("status").text().unwrap_or_default();
    let usual = ["completed", "final", "current", "active", "available", "unknown"];
    if usual.contains(&status.as_str()) { String::new() } else { text::sentence(&status).to_lowercase() }
}

fn line_of(thing: &Thing<'_>, text: String, href: String, aside: String) -> Line {
    Line { date: text::day(thing.date.as_deref()), text, href, value: String::new(), flag: None, aside }
}

//! Medications: orders, statements, administrations and dispenses as recorded. "Last ordered", never "taking".
//!
//! What is recorded of one medication stands together, from all sources: orders and statements, doses given, and what was
//! dispensed, each by itself. A medication is active where any of its records says so; when a newer one says something else, that
//! is said beside it, because an old order that nobody closed and a new one that ran out look the same from here.
//!
//! Not for: reconciling them; the archive does not know what a patient took.

use super::super::alike::{self, Alike, Moment, Traits, What};
use super::super::fhir::{self, Item, Node};
use super::super::panel::Panel;
use super::super::table::{Cell, Row, Table};
use super::super::text;
use super::{Ask, Body, Section, nothing, tally};

const KINDS: [&str; 4] = ["MedicationRequest", "MedicationStatement", "MedicationAdministration", "MedicationDispense"];
/// Medications on the summary: active ones, and those that had ended.
const ROWS: usize = 8;
const ENDED: usize = 3;

struct View<'a> {
    item: Item<'a>,
    name: Option<String>,
    dosage: Option<String>,
    status: Option<String>,
    date: Option<String>,
    by: Option<String>,
}

impl<'a> View<'a> {
    fn of(item: Item<'a>) -> View<'a> {
        let root = item.root();
        View {
            name: name(&item),
            dosage: dosage(root),
            status: root.at("status").text(),
            date: fhir::date_of(root).or_else(|| root.at("whenPrepared").text()),
            by: item.reference(root.at("requester")).or_else(|| item.reference(root.at("performer").first().at("actor"))),
            item,
        }
    }

    fn is_active(&self) -> bool {
        matches!(self.status.as_deref(), Some("active" | "on-hold" | "intended"))
    }

    fn is_order(&self) -> bool {
        self.item.record.kind.name() == "MedicationRequest"
    }

    fn what(&self) -> &'static str {
        match self.item.record.kind.name() {
            "MedicationRequest" => "Ordered",
            "MedicationStatement" => "Stated",
            "MedicationAdministration" => "Given",
            _ => "Dispensed",
        }
    }

    fn named(&self) -> String {
        self.name.clone().unwrap_or_else(|| text::NOT_RECORDED.into())
    }

    fn traits(&self) -> Traits {
        let concept = self.item.root().at("medicationCodeableConcept");
        let what = if concept.exists() { What::of(concept) } else { What::named(self.name.as_deref()) };
        let sort = match self.what() {
            "Ordered" | "Stated" => "to be taken",
            other => other,
        };
        Traits {
            what: what.of_sort(sort),
            moment: Moment::Always,
            source: self.item.record.source_system.to_string(),
            facts: vec![("status", self.status.clone()), ("dose", self.dosage.clone())],
        }
    }

    fn main(&self, sub: String) -> Cell {
        Cell::main(self.name.clone(), Some(self.item.href()), Some(sub))
    }

    fn dose(&self) -> String {
        self.dosage.clone().unwrap_or_else(|| "dose not recorded".into())
    }
}

/// The medication by name: coded in place, contained in the resource, or referred to.
fn name(item: &Item<'_>) -> Option<String> {
    let root = item.root();
    fhir::concept(root.at("medicationCodeableConcept")).or_else(|| item.reference(root.at("medicationReference")))
}

/// The dosage in the source's words; without words, dose and route from the structure.
fn dosage(root: Node<'_>) -> Option<String> {
    let list = if root.at("dosageInstruction").exists() { root.at("dosageInstruction") } else { root.at("dosage") };
    let mut all: Vec<String> = Vec::new();
    for d in list.items() {
        let dose = || {
            let dose = d.at("doseAndRate").first().at("doseQuantity");
            let dose = if dose.exists() { dose } else { d.at("dose") };
            let (value, unit) = fhir::quantity(dose)?;
            let route = fhir::concept(d.at("route"));
            Some([Some(value), unit, route].into_iter().flatten().collect::<Vec<_>>().join(" "))
        };
        all.extend(d.at("text").text().or_else(|| d.at("patientInstruction").text()).or_else(dose));
    }
    (!all.is_empty()).then(|| all.join("; "))
}

/// All records of medications, active ones first, each part newest first.
fn views<'a>(ask: &Ask<'a>) -> Vec<View<'a>> {
    let mut views: Vec<View<'a>> = ask.items(&KINDS).into_iter().map(View::of).collect();
    views.sort_by_key(|v| !v.is_active());
    views
}

pub fn body(ask: &Ask<'_>) -> Body {
    let views = views(ask);
    let total = views.len();
    let active = views.iter().filter(|v| v.is_active()).count();
    let medications = groups(views.iter().filter(|v| v.is_active())).len();
    let medications = text::counted(medications as u64, "medication", "medications");
    let active_fact = format!("{} of {medications} active at cutover", if active == 1 { "record" } else { "records" });
    let fact = tally(&[(active, active_fact.as_str()), (total - active, "ended or other")]);
    let row = |v: &View<'_>| {
        let status = match (&v.status, v.is_active()) {
            (Some(s), true) => Cell::Tag(text::sentence(s), "plain"),
            (Some(s), false) => Cell::Text(text::sentence(s)),
            (None, _) => Cell::Missing,
        };
        let cells = vec![
            v.main(v.dose()),
            status,
            Cell::Text(v.what().into()),
            Cell::day(v.date.as_deref()),
            Cell::text(v.by.clone()),
            ask.badge(&v.item),
        ];
        (v.named(), v.traits(), Row::new(cells))
    };
    let rows = views.iter().map(row).collect();
    let columns =
        [("Medication and dose", ""), ("Status", ""), ("Record", "drop"), ("Date", "date"), ("By", "drop"), ("Source", "src")];
    let empty = nothing(ask, Section::Medications, "medications");
    let table = Table::new("Medications, active ones first", &columns, empty);
    let (table, paging) = ask.grouped(table, rows, "records of this medication");
    Body { fact, panels: vec![Panel { table: Some(table), paging, ..Panel::default() }] }
}

/// What is recorded of each medication, in the order of the first of each.
fn groups<'v, 'a: 'v>(views: impl Iterator<Item = &'v View<'a>>) -> Vec<Alike<&'v View<'a>>> {
    alike::group(views.collect(), |v| v.traits())
}

/// The medications for the summary by the status that was last known: those active at cutover, each by its newest order; then, as
/// far as there is room, those that had ended, the last one first.
pub fn summary(ask: &Ask<'_>, total: u64) -> Panel {
    let views = views(ask);
    let to_be_taken = views.iter().filter(|v| matches!(v.what(), "Ordered" | "Stated"));
    let (on, off): (Vec<_>, Vec<_>) =
        groups(to_be_taken).into_iter().partition(|group| group.items.iter().any(|v| v.is_active()));
    let fact = format!("{} active at cutover", text::count(on.len() as u64));
    let columns = [("Medication", ""), ("Last ordered", "date"), ("Source", "src")];
    let empty = nothing(ask, Section::Medications, "medications");
    let mut table = Table::new("Medications by the status last known", &columns, empty);
    table.group(None, on.iter().take(ROWS).filter_map(|group| row(ask, group)).collect());
    let room = (ROWS - on.len().min(ROWS)).min(ENDED);
    let heading = match (on.is_empty(), off.len().saturating_sub(room)) {
        (true, 0) => "None was active at cutover. Ended before".to_string(),
        (true, more) => format!("None was active at cutover. Ended before, and {} more", text::count(more as u64)),
        (false, 0) => "Ended before cutover".to_string(),
        (false, more) => format!("Ended before cutover, and {} more", text::count(more as u64)),
    };
    table.group(Some(heading), off.iter().take(room).filter_map(|group| row(ask, group)).collect());
    Panel::of_table("Medications", fact, table).link(format!("All {}", text::count(total)), format!("{}/medications", ask.href))
}

/// One medication: the newest record with the status that it is listed under, and what differs from it.
fn row(ask: &Ask<'_>, group: &Alike<&View<'_>>) -> Option<Row> {
    let shown = group.lead()?;
    let newest = group.items.iter().max_by(|a, b| a.date.cmp(&b.date))?;
    let mut sub = vec![shown.dose()];
    match (shown.is_active(), newest.is_active(), &newest.status) {
        (true, false, Some(status)) => {
            sub.push(format!("a record of {} says {}", text::day(newest.date.as_deref()), text::sentence(status).to_lowercase()));
        }
        (false, _, Some(status)) => sub.push(text::sentence(status).to_lowercase()),
        (false, _, None) => sub.push("status not recorded".into()),
        _ if shown.status.as_deref() != Some("active") => {
            sub.extend(shown.status.as_deref().map(|s| text::sentence(s).to_lowercase()));
        }
        _ => {}
    }
    sub.extend(ask.told(group));
    let ordered = group.items.iter().filter(|v| v.is_order()).max_by(|a, b| a.date.cmp(&b.date));
    let date = match ordered {
        Some(order) => Cell::day(order.date.as_deref()),
        None => Cell::Text(format!("stated {}", text::day(shown.date.as_deref()))),
    };
    Some(Row::new(vec![shown.main(sub.join("; ")), date, ask.badges(group)]))
}

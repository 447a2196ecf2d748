//! Medications: orders, statements, administrations and dispenses as recorded. "Last ordered", never "taking".
//!
//! Not for: reconciling them; the archive does not know what a patient took.

use super::super::fhir::{self, Item, Node};
use super::super::panel::Panel;
use super::super::table::{Cell, Row, Table};
use super::super::text;
use super::{Ask, Body, nothing, tally};

const KINDS: [&str; 4] = ["MedicationRequest", "MedicationStatement", "MedicationAdministration", "MedicationDispense"];

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

    fn what(&self) -> &'static str {
        match self.item.record.kind.name() {
            "MedicationRequest" => "Ordered",
            "MedicationStatement" => "Stated",
            "MedicationAdministration" => "Given",
            _ => "Dispensed",
        }
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

fn views<'a>(ask: &Ask<'a>) -> Vec<View<'a>> {
    ask.items(&KINDS).into_iter().map(View::of).collect()
}

pub fn body(ask: &Ask<'_>) -> Body {
    let views = views(ask);
    let active = views.iter().filter(|v| v.is_active()).count();
    let mut named: Vec<&str> = views.iter().filter(|v| v.is_active()).filter_map(|v| v.name.as_deref()).collect();
    named.sort_unstable();
    named.dedup();
    let medications = text::counted(named.len() as u64, "medication", "medications");
    let active_fact = format!("records of {medications} active at cutover");
    let fact = tally(&[(active, active_fact.as_str()), (views.len() - active, "ended or other")]);
    let (on, off): (Vec<_>, Vec<_>) = views.iter().partition(|v| v.is_active());
    let row = |v: &View<'_>| {
        let status = match (&v.status, v.is_active()) {
            (Some(s), true) => Cell::Tag(text::sentence(s), "plain"),
            (Some(s), false) => Cell::Text(text::sentence(s)),
            (None, _) => Cell::Missing,
        };
        Row::new(vec![
            Cell::main(v.name.clone(), Some(v.item.href()), Some(v.dosage.clone().unwrap_or("dose not recorded".into()))),
            status,
            Cell::Text(v.what().into()),
            Cell::day(v.date.as_deref()),
            Cell::text(v.by.clone()),
            ask.badge(&v.item),
        ])
    };
    let (rows, paging) = ask.page(on.into_iter().chain(off).map(row).collect());
    let columns =
        [("Medication and dose", ""), ("Status", ""), ("Record", "drop"), ("Date", "date"), ("By", "drop"), ("Source", "src")];
    let table = Table::new("Medications, active ones first", &columns, nothing(ask, "medications")).rows(rows);
    Body { fact, panels: vec![Panel { table: Some(table), paging, ..Panel::default() }] }
}

/// The active medications for the summary, each by its newest order.
pub fn summary(ask: &Ask<'_>, total: u64) -> Panel {
    let views = views(ask);
    let mut named: Vec<String> = Vec::new();
    let mut rows = Vec::new();
    for v in views.iter().filter(|v| v.is_active()) {
        let name = v.name.clone().unwrap_or_default();
        if !named.contains(&name) {
            named.push(name);
            rows.push(Row::new(vec![
                Cell::main(v.name.clone(), Some(v.item.href()), Some(v.dosage.clone().unwrap_or("dose not recorded".into()))),
                Cell::day(v.date.as_deref()),
                ask.badge(&v.item),
            ]));
        }
    }
    let fact = format!("{} active at cutover", text::count(named.len() as u64));
    rows.truncate(8);
    let empty = if views.is_empty() { nothing(ask, "medications") } else { "No order was active at cutover.".into() };
    let columns = [("Medication", ""), ("Last ordered", "date"), ("Source", "src")];
    Panel::of_table("Medications", fact, Table::new("Medications active at cutover", &columns, empty).rows(rows))
        .link(format!("All {}", text::count(total)), format!("{}/medications", ask.href))
}

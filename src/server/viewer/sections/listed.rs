//! The sections that are plain lists, newest first: reports, orders, care team, family and social history, directives,
//! billing, corrections, the old system's own audit trail. What, when, status, by whom, source.
//!
//! Not for: sections with columns of their own.

use super::super::chart_nav::{Section, group_of, section_count};
use super::super::fhir::{self, Item};
use super::super::panel::Panel;
use super::super::table::{Cell, Paging, Row, Table};
use super::super::text;
use super::{Ask, Body, everything, nothing};

pub fn body(ask: &Ask<'_>, section: Section) -> Body {
    let mut items = match section {
        Section::Corrections => corrected(ask),
        other => ask.items(other.kinds_shown()),
    };
    items.retain(|i| section == Section::Corrections || section.holds(i.record.kind, group_of(i.record.kind.name(), i.root())));
    let at_hand = items.len() as u64;
    let held = section_count(ask.frame, ask.chart, section).unwrap_or(at_hand);
    let what = section.title().to_lowercase();
    let page = ask.query.number("page").unwrap_or(1);
    let href = ask.page_href();
    let rows: Vec<Row> = items.iter().map(|item| row(ask, item)).collect();
    let (rows, mut paging) = Paging::cut(rows, page, &href);
    if held > at_hand {
        let last = items.len().div_ceil(Paging::ROWS).max(1);
        paging =
            Paging::of((page.clamp(1, last) - 1) * Paging::ROWS, rows.len(), held, false, |p| format!("{href}{p}"), Paging::ROWS);
    }
    let columns = [("Record", ""), ("Date", "date"), ("Status", ""), ("Kind", "drop"), ("By", "drop"), ("Source", "src")];
    let table = Table::new(format!("{}, newest first", section.title()), &columns, nothing(ask, section, &what)).rows(rows);
    let fact = format!("{}, newest first", text::counted(held, "record", "records"));
    Body { fact, panels: vec![Panel { table: Some(table), paging, ..Panel::default() }] }
}

/// The records that were read for this page as corrected ones.
fn corrected<'a>(ask: &Ask<'a>) -> Vec<Item<'a>> {
    let Some(census) = &ask.frame.census else { return Vec::new() };
    let named: std::collections::HashSet<_> = census.corrected(ask.frame.only.as_deref()).collect();
    let is_one = |r: &&crate::model::Record| named.contains(&(r.kind, &r.id));
    let mut found: Vec<_> = ask.chart.records.iter().filter(is_one).map(|record| Item::named(record, &ask.frame.names)).collect();
    found.sort_by_cached_key(|i| std::cmp::Reverse(fhir::date_of(i.root()).unwrap_or_default()));
    found
}

fn row(ask: &Ask<'_>, item: &Item<'_>) -> Row {
    const PEOPLE: [&str; 9] =
        ["requester", "performer", "author", "recorder", "provider", "asserter", "enterer", "organization", "payor"];
    let root = item.root();
    let kind = item.record.kind.name();
    let title = if kind == "FamilyMemberHistory" { fhir::concept(root.at("relationship")) } else { everything::title(root) };
    let agent = || root.at("agent").items().find_map(|a| a.at("name").text().or_else(|| item.reference(a.at("who"))));
    let by = PEOPLE.iter().find_map(|place| root.at(place).items().find_map(|p| item.reference(p))).or_else(agent);
    let status = root.at("status").text().or_else(|| fhir::code(root.at("verificationStatus")));
    let versions = item.record.version;
    let status =
        status.map(|s| if versions > 1 { format!("{}, version {versions}", text::sentence(&s)) } else { text::sentence(&s) });
    Row::new(vec![
        Cell::main(title.or_else(|| Some(everything::kind_name(kind))), Some(item.href()), detail(item)),
        Cell::date(fhir::date_of(root).as_deref()),
        Cell::text(status),
        Cell::Text(everything::kind_name(kind)),
        Cell::text(by),
        ask.badge(item),
    ])
}

/// The second line: what a reader of this kind wants to know first.
fn detail(item: &Item<'_>) -> Option<String> {
    let root = item.root();
    let list = |key: &str, of: fn(fhir::Node<'_>) -> Option<String>| {
        let words: Vec<String> = root.at(key).items().filter_map(of).take(6).collect();
        (!words.is_empty()).then(|| words.join(", "))
    };
    let money =
        |node: fhir::Node<'_>| Some(format!("{} {}", node.at("value").text()?, node.at("currency").text().unwrap_or_default()));
    match item.record.kind.name() {
        "DiagnosticReport" | "ImagingStudy" => root.at("conclusion").text().or_else(|| fhir::concepts(root.at("modality"))),
        "MedicationRequest" => list("dosageInstruction", |d| d.at("text").text()),
        "ServiceRequest" => {
            fhir::concepts(root.at("reasonCode")).or_else(|| root.at("intent").text().as_deref().map(text::sentence))
        }
        "FamilyMemberHistory" => list("condition", |c| fhir::concept(c.at("code"))),
        "Observation" => Some(super::super::series::value_of(root).0),
        "CareTeam" => {
            let people: Vec<String> =
                root.at("participant").items().filter_map(|p| item.reference(p.at("member"))).take(6).collect();
            (!people.is_empty()).then(|| people.join(", "))
        }
        "Claim" | "ClaimResponse" | "ExplanationOfBenefit" | "ChargeItem" | "Invoice" => money(root.at("total"))
            .or_else(|| money(root.at("total").first().at("amount")))
            .or_else(|| money(root.at("priceOverride"))),
        "AuditEvent" => root.at("outcomeDesc").text().or_else(|| fhir::concepts(root.at("subtype"))),
        _ => None,
    }
}

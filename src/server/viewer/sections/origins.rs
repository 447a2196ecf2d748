//! Where the records of this chart came from: its sources, and the deliveries of each with their totals and digests.
//!
//! Not for: the way of one record (its own page shows that), or the reconciliation of a delivery (`accessions`).

use super::super::panel::Panel;
use super::super::table::{Cell, Row, Table};
use super::super::text;
use super::{Ask, Body, Section, nothing};

pub fn body(ask: &Ask<'_>) -> Body {
    let coverage = &ask.chart.index.coverage;
    let row = |c: &crate::model::Coverage| {
        let day = |when: &Option<crate::model::When>| when.as_ref().map(|w| w.date_text().to_string());
        let counted = ask.frame.census.as_ref().map_or(c.records, |census| census.count(Some(&c.source_system), |_, _| true));
        Row::new(vec![
            Cell::Text(c.source_system.to_string()),
            Cell::count(counted),
            Cell::text(day(&c.first)),
            Cell::text(day(&c.last)),
            Cell::Badge(ask.frame.badge(&c.source_system)),
        ])
    };
    let columns = [("Old system", ""), ("Records here", "num"), ("First", "date"), ("Last", "date"), ("Source", "src")];
    let table = Table::new("Old systems of this chart", &columns, nothing(ask, Section::Everything, "records"))
        .rows(coverage.iter().map(row).collect());
    let sources = Panel::of_table("Old systems", "records in this chart that you may see, and the days they span", table);
    let columns = [
        ("Delivery", ""),
        ("Archived", "date"),
        ("Records in all", "num"),
        ("Digest of what was delivered", "digest"),
        ("Source", "src"),
    ];
    let row = |p: &crate::query::Provenance| {
        let made = if p.mapping.is_empty() { "delivered as FHIR".to_string() } else { format!("mapped by {}", p.mapping) };
        Row::new(vec![
            Cell::main(Some(p.accession.clone()), None, Some(made)),
            Cell::day(Some(&p.sealed_at)),
            Cell::count(p.records),
            Cell::Text(p.delivery_sha256.clone()),
            Cell::Badge(ask.frame.badge(&p.source_system)),
        ])
    };
    let rows = ask.frame.deliveries.iter().map(row).collect();
    let table = Table::new("Deliveries of these systems", &columns, "No delivery is in force.").rows(rows);
    let words = "of these systems as a whole, whoever is in them";
    Body {
        fact: text::counted(coverage.len() as u64, "old system", "old systems"),
        panels: vec![sources, Panel::of_table("Deliveries", words, table)],
    }
}

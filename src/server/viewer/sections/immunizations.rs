//! Immunizations by vaccine group: vaccine, date, lot and site, status.
//!
//! Not for: forecasting what is due; the archive does not advise.

use super::super::alike::{Moment, Traits, What};
use super::super::fhir;
use super::super::panel::Panel;
use super::super::table::{Cell, Row, Table};
use super::super::text;
use super::{Ask, Body, Section, nothing, vaccines};

pub fn body(ask: &Ask<'_>) -> Body {
    let items = ask.items(&["Immunization"]);
    let row = |item: &fhir::Item<'_>| {
        let root = item.root();
        let status = root.at("status").text();
        let not_done = status.as_deref() != Some("completed");
        let date = fhir::date_of(root).or_else(|| root.at("occurrenceString").text());
        let reason = fhir::concept(root.at("statusReason"));
        let row = Row::new(vec![
            Cell::main(fhir::concept(root.at("vaccineCode")), Some(item.href()), reason),
            Cell::day(date.as_deref()),
            match status {
                Some(s) if not_done => Cell::Tag(text::sentence(&s), "caution"),
                s => Cell::text(s.as_deref().map(text::sentence)),
            },
            Cell::text(root.at("lotNumber").text()),
            Cell::text(fhir::concept(root.at("site"))),
            Cell::text(item.reference(root.at("performer").first().at("actor"))),
            ask.badge(item),
        ]);
        let name = fhir::concept(root.at("vaccineCode")).unwrap_or_else(|| text::NOT_RECORDED.into());
        let traits = Traits {
            what: What::of(root.at("vaccineCode")),
            moment: Moment::On(fhir::date_of(root)),
            source: item.record.source_system.to_string(),
            facts: vec![("status", root.at("status").text())],
        };
        (vaccines::group_of(root.at("vaccineCode")), (name, traits, row))
    };
    let mut rows: Vec<_> = items.iter().map(row).collect();
    // By name, the unnamed group last; within a group the newest stays first.
    rows.sort_by_key(|(group, _)| (*group == vaccines::OTHER, *group));
    let fact = match items.len() as u64 {
        0 => String::new(),
        n => text::counted(n, "record by vaccine group", "records by vaccine group, newest first"),
    };
    let columns = [
        ("Vaccine", ""),
        ("Date", "date"),
        ("Status", ""),
        ("Lot", "drop"),
        ("Site", "drop"),
        ("Given by", "drop"),
        ("Source", "src"),
    ];
    let table = Table::new(
        "Immunizations by vaccine group, newest first",
        &columns,
        nothing(ask, Section::Immunizations, "immunizations"),
    );
    let (table, paging) = ask.headed(table, rows);
    Body { fact, panels: vec![Panel { table: Some(table), paging, ..Panel::default() }] }
}

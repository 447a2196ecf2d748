//! Diagnostic reports and imaging studies: what, when, by which laboratory, with which conclusion.
//!
//! Not for: the values of a laboratory report (`results`), or images.

use super::super::fhir::{self, Item};
use super::super::panel::Panel;
use super::super::table::{Cell, Row, Table};
use super::super::text;
use super::{Ask, Body, nothing};

pub fn body(ask: &Ask<'_>) -> Body {
    let items = ask.items(&["DiagnosticReport", "ImagingStudy"]);
    let fact = text::counted(items.len() as u64, "report, newest first", "reports, newest first");
    let (rows, paging) = ask.page(items.iter().map(|i| row(ask, i)).collect());
    let columns = [
        ("Report", ""),
        ("Date", "date"),
        ("Kind", "drop"),
        ("Status", "drop"),
        ("By", "drop"),
        ("Results", "num"),
        ("Source", "src"),
    ];
    let table = Table::new("Reports, newest first", &columns, nothing(ask, "reports")).rows(rows);
    Body { fact, panels: vec![Panel { table: Some(table), paging, ..Panel::default() }] }
}

fn row(ask: &Ask<'_>, item: &Item<'_>) -> Row {
    let root = item.root();
    let title = fhir::concept(root.at("code")).or_else(|| root.at("description").text());
    let title = title.or_else(|| fhir::concepts(root.at("modality")));
    let results = root.at("result").items().count() as u64;
    let status = root.at("status").text();
    Row::new(vec![
        Cell::main(title, Some(item.href()), root.at("conclusion").text()),
        Cell::date(fhir::date_of(root).as_deref()),
        Cell::text(fhir::concepts(root.at("category")).or_else(|| fhir::concepts(root.at("modality")))),
        match status {
            Some(s) if !matches!(s.as_str(), "final" | "available") => Cell::Tag(text::sentence(&s), "caution"),
            s => Cell::text(s.as_deref().map(text::sentence)),
        },
        Cell::text(root.at("performer").items().find_map(|p| item.reference(p))),
        Cell::count(results),
        ask.badge(item),
    ])
}

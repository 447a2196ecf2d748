//! Procedures: what was done, when, by whom, why.
//!
//! Not for: orders for procedures (`everything` shows them).

use super::super::alike::{Moment, Traits, What};
use super::super::fhir;
use super::super::panel::Panel;
use super::super::table::{Cell, Row, Table};
use super::super::text;
use super::{Ask, Body, LOOK_THE_SAME, Section, nothing};

pub fn body(ask: &Ask<'_>) -> Body {
    let items = ask.items(&["Procedure"]);
    let row = |item: &fhir::Item<'_>| {
        let root = item.root();
        let people: Vec<_> = root.at("performer").items().filter_map(|p| item.reference(p.at("actor"))).collect();
        let place = item.reference(root.at("location"));
        let status = root.at("status").text();
        let row = Row::new(vec![
            Cell::main(fhir::concept(root.at("code")), Some(item.href()), fhir::concepts(root.at("bodySite"))),
            Cell::date(fhir::date_of(root).or_else(|| root.at("performedString").text()).as_deref()),
            match status {
                Some(s) if s != "completed" => Cell::Tag(text::sentence(&s), "caution"),
                s => Cell::text(s.as_deref().map(text::sentence)),
            },
            Cell::text(fhir::concepts(root.at("reasonCode"))),
            Cell::text((!people.is_empty()).then(|| people.join(", ")).or(place)),
            ask.badge(item),
        ]);
        let name = fhir::concept(root.at("code")).unwrap_or_else(|| text::NOT_RECORDED.into());
        let traits = Traits {
            what: What::of(root.at("code")),
            moment: Moment::On(fhir::date_of(root)),
            source: item.record.source_system.to_string(),
            facts: vec![("status", root.at("status").text())],
        };
        (name, traits, row)
    };
    let fact = match items.len() as u64 {
        0 => String::new(),
        n => text::counted(n, "procedure, newest first", "procedures, newest first"),
    };
    let rows = items.iter().map(row).collect();
    let columns = [("Procedure", ""), ("Date", "date"), ("Status", ""), ("For", "drop"), ("By", "drop"), ("Source", "src")];
    let table = Table::new("Procedures, newest first", &columns, nothing(ask, Section::Procedures, "procedures"));
    let (table, paging) = ask.grouped(table, rows, LOOK_THE_SAME);
    Body { fact, panels: vec![Panel { table: Some(table), paging, ..Panel::default() }] }
}

//! The records of a chart as the pages read them: parsed once, with the names of what they refer to.
//!
//! Not for: reading elements (`formats::fhir::node`), or the pages themselves.

use serde_json::Value;

pub use crate::formats::fhir::node::{Node, code, concept, concepts, date_of, quantity};
use crate::model::{Chart, Record};

use super::names::{self, Names};

/// One record with its JSON parsed. Unreadable JSON is an empty object: every field then says "not recorded".
pub struct Item<'a> {
    pub record: &'a Record,
    value: Value,
    names: &'a Names,
}

impl<'a> Item<'a> {
    /// A record of whose references nothing is shown.
    pub fn new(record: &'a Record) -> Item<'a> {
        Item::named(record, &names::NONE)
    }

    /// A record with the names of what it refers to.
    pub fn named(record: &'a Record, names: &'a Names) -> Item<'a> {
        Item { record, value: serde_json::from_str(&record.json).unwrap_or(Value::Null), names }
    }

    /// A Reference in words: its display, the name of what it leads to (in the record itself or in the directory), its
    /// identifier; at last what kind of thing it leads to.
    pub fn reference(&self, node: Node<'_>) -> Option<String> {
        let target = node.at("reference").text();
        let contained = || {
            let id = target.as_deref()?.strip_prefix('#')?;
            let found = self.root().at("contained").items().find(|c| c.at("id").text().as_deref() == Some(id))?;
            names::name_of(found)
        };
        node.at("display")
            .text()
            .or_else(contained)
            .or_else(|| self.names.get(target.as_deref()?).map(str::to_string))
            .or_else(|| node.at("identifier").at("value").text())
            .or_else(|| target.as_deref().map(names::unnamed))
    }

    pub fn root(&self) -> Node<'_> {
        Node::new(&self.value)
    }

    /// The address of the record's own page.
    pub fn href(&self) -> String {
        record_href(self.record)
    }
}

/// The address of a record's page: in its chart, or by itself when it belongs to no patient.
pub fn record_href(record: &Record) -> String {
    match &record.patient {
        Some(p) => format!("/patients/{p}/records/{}/{}", record.kind, record.id),
        None => format!("/records/{}/{}", record.kind, record.id),
    }
}

/// The records of these kinds, newest first (a chart holds them newest last).
pub fn items<'a>(chart: &'a Chart, kinds: &[&str]) -> Vec<Item<'a>> {
    named_items(chart, &names::NONE, kinds)
}

/// As [`items`], with the names of what they refer to.
pub fn named_items<'a>(chart: &'a Chart, names: &'a Names, kinds: &[&str]) -> Vec<Item<'a>> {
    let of_kinds = chart.records.iter().rev().filter(|r| kinds.contains(&r.kind.name()));
    let mut found: Vec<_> = of_kinds.map(|record| Item::named(record, names)).collect();
    // Kinds come one after the other; a section that shows several of them wants one order by date.
    if kinds.len() > 1 {
        found.sort_by_cached_key(|i| std::cmp::Reverse(date_of(i.root()).unwrap_or_default()));
    }
    found
}

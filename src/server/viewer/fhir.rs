//! Reading FHIR R4 JSON with a light hand: any element may be missing or of a wrong type, and nothing here fails.
//!
//! Not for: validating resources, or changing a value; numbers and dates keep the text that was archived.

use serde_json::Value;

use crate::model::{Chart, Record};

use super::names::{self, Names};

/// A place in a JSON tree that may not be there.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a>(Option<&'a Value>);

impl<'a> Node<'a> {
    pub fn new(value: &'a Value) -> Node<'a> {
        Node(Some(value))
    }

    /// The element `key` of an object.
    pub fn at(self, key: &str) -> Node<'a> {
        Node(self.0.and_then(|v| v.get(key)))
    }

    /// The items of an array. A lone value where an array belongs counts as its one item.
    pub fn items(self) -> impl Iterator<Item = Node<'a>> {
        let slice: &'a [Value] = match self.0 {
            None | Some(Value::Null) => &[],
            Some(Value::Array(items)) => items,
            Some(one) => std::slice::from_ref(one),
        };
        slice.iter().map(Node::new)
    }

    pub fn first(self) -> Node<'a> {
        Node(self.items().next().and_then(|n| n.0))
    }

    pub fn exists(self) -> bool {
        !matches!(self.0, None | Some(Value::Null))
    }

    pub fn value(self) -> Option<&'a Value> {
        self.0
    }

    /// A string, number or boolean as archived; `None` for anything else and for blank text.
    pub fn text(self) -> Option<String> {
        match self.0? {
            Value::String(s) if !s.trim().is_empty() => Some(s.trim().to_string()),
            Value::Number(n) => Some(n.to_string()),
            Value::Bool(b) => Some(b.to_string()),
            _ => None,
        }
    }
}

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

/// The date that a reader would file the resource under, as written.
pub fn date_of(root: Node<'_>) -> Option<String> {
    const PLACES: [&str; 17] = [
        "effectiveDateTime",
        "effectiveInstant",
        "performedDateTime",
        "occurrenceDateTime",
        "authoredOn",
        "onsetDateTime",
        "date",
        "dateAsserted",
        "whenHandedOver",
        "recordedDate",
        "issued",
        "started",
        "created",
        "recorded",
        "sent",
        "dateTime",
        "start",
    ];
    const PERIODS: [&str; 5] = ["period", "effectivePeriod", "performedPeriod", "occurrencePeriod", "billablePeriod"];
    let plain = PLACES.iter().find_map(|p| root.at(p).text());
    plain.or_else(|| PERIODS.iter().find_map(|p| root.at(p).at("start").text().or_else(|| root.at(p).at("end").text())))
}

/// A CodeableConcept in words: its text, else a display, else a code.
pub fn concept(node: Node<'_>) -> Option<String> {
    let codings = || node.at("coding").items();
    (node.at("text").text())
        .or_else(|| codings().find_map(|c| c.at("display").text()))
        .or_else(|| codings().find_map(|c| c.at("code").text()))
        .or_else(|| node.at("display").text())
        .or_else(|| node.text())
}

/// The first code of a CodeableConcept.
pub fn code(node: Node<'_>) -> Option<String> {
    node.at("coding").items().find_map(|c| c.at("code").text())
}

/// The words of all concepts of a list, joined by commas.
pub fn concepts(node: Node<'_>) -> Option<String> {
    let words: Vec<_> = node.items().filter_map(concept).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// A Quantity as archived: comparator and number, and its unit.
pub fn quantity(node: Node<'_>) -> Option<(String, Option<String>)> {
    let value = node.at("value").text()?;
    let value = match node.at("comparator").text() {
        Some(sign) => format!("{} {value}", sign.replace("<=", "≤").replace(">=", "≥")),
        None => value,
    };
    Some((value, node.at("unit").text().or_else(|| node.at("code").text())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_json_reads_as_not_there() {
        let v: Value = serde_json::from_str(r#"{"code":[1,{"text":" "}],"n":10.0,"one":{"a":"b"},"list":"x"}"#).unwrap();
        let root = Node::new(&v);
        assert_eq!(concept(root.at("code")), None);
        assert_eq!(root.at("n").text().as_deref(), Some("10.0"), "trailing zero kept");
        assert_eq!(root.at("one").first().at("a").text().as_deref(), Some("b"));
        assert_eq!(root.at("list").items().count(), 1);
        assert!(root.at("no").at("way").first().text().is_none());
    }
}

//! Reading FHIR R4 JSON with a light hand: any element may be missing or of a wrong type, and nothing here fails.
//!
//! Not for: validating resources, or changing a value; numbers and dates keep the text that was archived.

use serde_json::Value;

/// A place in a JSON tree that may not be there.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a>(Option<&'a Value>);

impl<'a> Node<'a> {
    pub fn new(value: &'a Value) -> Node<'a> {
        Node(Some(value))
    }

    /// A place that is not there.
    pub fn none() -> Node<'static> {
        Node(None)
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

//! Everything in the chart: each kind with its count, each record of a kind as a row, and any record as plain
//! name and value pairs, whatever its kind.
//!
//! Not for: a better view of the kinds that have their own section.

use serde_json::Value;

use super::super::fhir::{self, Item, Node};
use super::super::names::Names;
use super::super::panel::Panel;
use super::super::table::{Cell, Row, Table};
use super::super::text;
use super::{Ask, Body, Section};

pub fn body(ask: &Ask<'_>) -> Body {
    match ask.query.get("kind").and_then(crate::model::Kind::from_name) {
        Some(kind) => of_kind(ask, kind.name()),
        None => kinds(ask),
    }
}

fn kinds(ask: &Ask<'_>) -> Body {
    let counts = &ask.chart.index.counts;
    let total: u64 = counts.iter().map(|c| c.count).sum();
    let row = |c: &crate::model::KindCount| {
        let href = format!("{}?kind={}", ask.href, c.kind);
        Row::new(vec![
            Cell::main(Some(kind_name(c.kind.name())), Some(href), None),
            Cell::Text(c.kind.name().into()),
            Cell::count(c.count),
        ])
    };
    let rows = counts.iter().filter(|c| c.count > 0).map(row).collect();
    let columns = [("Kind of record", ""), ("FHIR type", ""), ("Records", "num")];
    let table =
        Table::new("Kinds of record in this chart", &columns, super::nothing(ask, Section::Everything, "records")).rows(rows);
    let fact =
        format!("{} of {}", text::counted(total, "record", "records"), text::counted(counts.len() as u64, "kind", "kinds"));
    Body { fact, panels: vec![Panel { table: Some(table), ..Panel::default() }] }
}

fn of_kind(ask: &Ask<'_>, kind: &str) -> Body {
    let items = ask.items(&[kind]);
    let row = |item: &Item<'_>| {
        let root = item.root();
        Row::new(vec![
            Cell::date(fhir::date_of(root).as_deref()),
            Cell::link(Some(title(root).unwrap_or_else(|| kind_name(kind))), item.href()),
            Cell::optional(root.at("status").text().as_deref().map(text::sentence)),
            ask.badge(item),
        ])
    };
    let held = super::super::chart_nav::held(&ask.chart.index, &[kind]).max(items.len() as u64);
    let page = ask.query.number("page").unwrap_or(1);
    let href = format!("{}?kind={kind}&page=", ask.href);
    let size = super::Paging::ROWS;
    let is_page = ask.frame.only.is_none() && held > items.len() as u64 && items.len() <= size;
    let (rows, mut paging) = super::Paging::cut(items.iter().map(row).collect(), page, &href);
    if is_page {
        // The page asked for alone was read.
        let start = (page.clamp(1, held.div_ceil(size as u64) as usize) - 1) * size;
        paging = super::Paging::of(start, rows.len(), held, false, |p| format!("{href}{p}"), size);
    } else if held > items.len() as u64 {
        let start = (page.clamp(1, items.len().div_ceil(super::Paging::ROWS).max(1)) - 1) * super::Paging::ROWS;
        paging = super::Paging::of(start, rows.len(), held, false, |p| format!("{href}{p}"), super::Paging::ROWS);
    }
    let columns = [("Date", "date"), ("Record", ""), ("Status", "drop"), ("Source", "src")];
    // Another source's records of all kinds would say nothing of this one.
    let empty = match &ask.frame.only {
        Some(only) => format!("No records of this kind from {only}.").into(),
        None => super::nothing(ask, Section::Everything, "records of this kind"),
    };
    let table = Table::new(kind_name(kind), &columns, empty).rows(rows);
    let fact = format!("{}, newest first", text::count(held));
    let panel = Panel { paging, ..Panel::of_table(kind_name(kind), fact, table).link("All kinds", ask.href.clone()) };
    Body { fact: String::new(), panels: vec![panel] }
}

/// What a reader would call a record.
pub fn title(root: Node<'_>) -> Option<String> {
    const PLACES: [&str; 8] =
        ["code", "type", "vaccineCode", "medicationCodeableConcept", "serviceType", "category", "relationship", "scope"];
    let coded = PLACES.iter().find_map(|p| fhir::concept(root.at(p)).or_else(|| fhir::concepts(root.at(p))));
    coded.or_else(|| ["title", "description", "name", "comment"].iter().find_map(|p| root.at(p).text()))
}

/// A FHIR type as people call it.
pub fn kind_name(kind: &str) -> String {
    match kind {
        "AllergyIntolerance" => "Allergies and intolerances".into(),
        "Condition" => "Problems and diagnoses".into(),
        "MedicationRequest" => "Medication orders".into(),
        "Observation" => "Results, vital signs and other findings".into(),
        "DocumentReference" => "Notes and documents".into(),
        "ServiceRequest" => "Orders".into(),
        "AuditEvent" => "Old system audit trail".into(),
        "ExplanationOfBenefit" => "Benefit statements".into(),
        other => text::field_name(other),
    }
}

/// One line of a record as plain pairs: how deep it lies, its name, its value (`None`: a heading).
pub struct Pair {
    pub depth: usize,
    pub name: String,
    pub value: Option<String>,
}

/// Any JSON as name and value pairs in the order archived. Bounded in depth, so that no input can exhaust the stack.
pub fn pairs(json: &str, names: &Names) -> Vec<Pair> {
    let mut out = Vec::new();
    if let Ok(value) = serde_json::from_str::<Value>(json) {
        walk(&value, names, None, 0, &mut out);
    }
    out
}

fn walk(value: &Value, names: &Names, name: Option<&str>, depth: usize, out: &mut Vec<Pair>) {
    const DEEPEST: usize = 12;
    let label = || name.map_or_else(|| "Item".to_string(), text::field_name);
    match value {
        Value::Object(fields) => {
            if let Some(line) = in_a_line(value, names) {
                out.push(Pair { depth, name: label(), value: Some(line) });
                return;
            }
            let below = if name.is_some() {
                out.push(Pair { depth, name: label(), value: None });
                depth + 1
            } else {
                depth
            };
            for (key, field) in fields.iter().take_while(|_| depth < DEEPEST) {
                walk(field, names, Some(key), below, out);
            }
        }
        Value::Array(items) => {
            for item in items {
                walk(item, names, name, depth, out);
            }
        }
        Value::Null => {}
        plain => out.push(Pair { depth, name: label(), value: Node::new(plain).text() }),
    }
}

/// The small data types that read best in one line: Quantity, Reference, Coding, Period, Identifier.
fn in_a_line(value: &Value, names: &Names) -> Option<String> {
    let node = Node::new(value);
    let object = value.as_object()?;
    let only = |keys: &[&str]| object.keys().all(|k| keys.contains(&k.as_str()));
    if only(&["value", "unit", "system", "code", "comparator"]) && node.at("value").value().is_some_and(Value::is_number) {
        let (value, unit) = fhir::quantity(node)?;
        return Some([Some(value), unit].into_iter().flatten().collect::<Vec<_>>().join("\u{a0}"));
    }
    if only(&["reference", "display", "type"]) {
        let target = node.at("reference").text();
        let name = node.at("display").text().or_else(|| names.get(target.as_deref()?).map(str::to_string));
        return match (name, target) {
            (Some(d), Some(t)) => Some(format!("{d} ({t})")),
            (d, t) => d.or(t),
        };
    }
    if only(&["system", "code", "display", "version", "userSelected"]) && node.at("code").exists() {
        let parts = [node.at("display").text(), node.at("code").text(), node.at("system").text()];
        return Some(parts.into_iter().flatten().collect::<Vec<_>>().join(" · "));
    }
    if only(&["start", "end"]) {
        let shown = |k: &str| node.at(k).text().unwrap_or_else(|| "not recorded".into());
        return Some(format!("{} to {}", shown("start"), shown("end")));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::super::names::NONE;

    #[test]
    fn any_json_becomes_pairs_and_depth_is_bounded() {
        let pairs = |json| super::pairs(json, &NONE);
        let p = pairs(r#"{"code":{"text":"A"},"valueQuantity":{"value":5.10,"unit":"mg"},"x":[{"a":1},{"a":2}],"n":null}"#);
        let lines: Vec<_> = p.iter().map(|p| format!("{}{}={}", p.depth, p.name, p.value.as_deref().unwrap_or("-"))).collect();
        assert_eq!(lines, ["0Code=-", "1Text=A", "0Value quantity=5.10\u{a0}mg", "0X=-", "1A=1", "0X=-", "1A=2"]);
        let deep = format!("{}1{}", r#"{"a":"#.repeat(100), "}".repeat(100));
        assert!(pairs(deep.as_str()).len() <= 20);
        assert!(pairs("not json").is_empty());
    }
}

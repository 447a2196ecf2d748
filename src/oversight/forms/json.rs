//! A report as JSON: its rows as objects by the columns' keys, and what it stands on.
//!
//! Not for: entries of the log as they are (`fhir`, `bundle`).

use serde_json::{Map, Value, json};

use crate::oversight::reports::{Cell, Report};

/// The report.
pub fn report(report: &Report) -> Value {
    let columns: Vec<Value> = report.columns.iter().map(|it| json!({ "key": it.key, "head": it.head })).collect();
    let rows: Vec<Value> = report
        .rows
        .iter()
        .map(|row| {
            let cells = report.columns.iter().zip(row).filter(|(_, cell)| **cell != Cell::Missing);
            Value::Object(cells.map(|(column, cell)| (column.key.to_string(), value(cell))).collect::<Map<_, _>>())
        })
        .collect();
    let about: Map<String, Value> = report.about.iter().map(|(name, text)| (name.clone(), json!(text))).collect();
    json!({
        "report": report.name,
        "version": report.version.name(),
        "title": report.title,
        "about": about,
        "summary": report.summary,
        "made_at": report.made_at.to_string(),
        "time_zone": report.zone,
        "stands_at": report.stands_at,
        "columns": columns,
        "total": report.total,
        "offset": report.offset,
        "rows": rows,
        "notes": report.notes,
    })
}

fn value(cell: &Cell) -> Value {
    match cell {
        Cell::Text(text) => json!(text),
        Cell::Count(count) => json!(count),
        Cell::Number(number) => json!(number),
        Cell::Time { text, .. } => json!(text),
        Cell::Missing => Value::Null,
    }
}

//! The reports on the access log as pages: who, when, what kind, never the content of a record.
//!
//! Not for: what is in a report (`oversight::reports`), or checking the log (`audit`).

use askama::Template;

use super::super::bars::bars;
use super::super::frame::Frame;
use super::super::html::{Markup, url_part};
use super::super::table::{Cell, Paging, Row, Table};
use super::super::text;
use super::render;
use crate::oversight::forms::wide;
use crate::oversight::line::Line;
use crate::oversight::projection::Original;
use crate::oversight::reports::{self, Cell as Value, Report, Version, words};
use crate::query::Told;

/// Columns for which a sheet that stands upright has room.
const COLUMNS_UPRIGHT: usize = 7;

/// A report with the address that it was asked for at.
pub struct AccessReport<'a> {
    pub report: &'a Report,
    /// Its name in the address.
    pub name: &'a str,
    /// Parameters of the address, decoded.
    pub parameters: Vec<(String, String)>,
    /// Up to where the log counts, for the pages after this one.
    pub until: &'a str,
    /// Rows of one page.
    pub page_size: usize,
    /// For paper: everything on one page, and nothing to press.
    pub is_copy: bool,
}

/// A head of the report's table: its words, and the address that sorts by it.
struct Head {
    text: &'static str,
    href: String,
    class: &'static str,
    /// `ascending`, `descending`, or empty.
    sorted: &'static str,
}

struct Field {
    /// The head of its column: on paper an entry of the full version is a list of its fields.
    head: &'static str,
    text: String,
    class: &'static str,
    href: Option<String>,
}

#[derive(Template)]
#[template(path = "access_report.html")]
struct Page<'a> {
    frame: &'a Frame,
    report: &'a Report,
    name: &'a str,
    is_full: bool,
    is_copy: bool,
    /// Of so many columns that a sheet lies on its side.
    is_landscape: bool,
    /// About one patient, so that it may be handed to him.
    is_of_patient: bool,
    by_day: Option<(String, Markup)>,
    /// Parameters that the form keeps.
    kept: Vec<(String, String)>,
    from: String,
    to: String,
    request: String,
    csv: String,
    json: String,
    copy: String,
    back: String,
    also: Vec<(&'static str, String)>,
    heads: Vec<Head>,
    rows: Vec<Vec<Field>>,
    paging: Paging,
    made_at: String,
}

impl AccessReport<'_> {
    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The address of the same report with some parameters changed; an empty value takes one away.
    fn address(&self, changes: &[(&str, &str)]) -> String {
        let kept = self.parameters.iter().filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
        let pairs = kept.map(|(name, value)| (name.as_str(), value.as_str())).chain(changes.iter().copied());
        let pairs: Vec<String> = pairs
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{}={}", url_part(name), url_part(value)))
            .collect();
        format!("/access/reports/{}?{}", url_part(self.name), pairs.join("&"))
    }

    fn heads(&self) -> Vec<Head> {
        let sort = self.parameter("sort").unwrap_or("");
        let head = |(at, column): (usize, &reports::Column)| {
            let is_number = self.report.rows.iter().any(|row| matches!(row.get(at), Some(Value::Count(_) | Value::Number(_))));
            let descending = format!("-{}", column.key);
            let (sorted, next) = match sort {
                it if it == column.key => ("ascending", descending),
                it if it == descending => ("descending", column.key.to_string()),
                _ if is_number => ("", descending),
                _ => ("", column.key.to_string()),
            };
            let href = self.address(&[("sort", &next), ("offset", ""), ("until", self.until)]);
            Head { text: column.head, href, class: if is_number { "num" } else { "" }, sorted }
        };
        self.report.columns.iter().enumerate().map(head).collect()
    }

    fn field(&self, column: &reports::Column, value: &Value) -> Field {
        let class = match value {
            Value::Count(_) | Value::Number(_) => "num",
            Value::Time { .. } => "date",
            _ if ["day", "date", "last"].contains(&column.key) => "date",
            // Keys of patients are longer than any column and have no blanks.
            _ if column.key == "patient" => "key",
            _ => "",
        };
        let text = match value {
            Value::Count(count) => text::count(*count),
            other => other.text(),
        };
        // A key alone leads to the report about that patient.
        let is_key = column.key == "patient" && crate::model::PatientKey::parse(&text).is_some();
        let href = is_key.then(|| format!("/access?patient={}", url_part(&text)));
        let href = href.or_else(|| (column.key == "entry" && text.contains(':')).then(|| format!("/access/entries/{text}")));
        Field { head: column.head, text, class, href: href.filter(|_| !self.is_copy) }
    }
}

/// A page of a report.
pub fn access_report(frame: &Frame, ask: &AccessReport<'_>) -> String {
    let report = ask.report;
    let is_full = report.version == Version::Full;
    let rows = report.rows.iter().map(|row| report.columns.iter().zip(row).map(|(c, v)| ask.field(c, v)).collect()).collect();
    let size = report.rows.len().max(ask.page_size).max(1);
    let turned = |page: usize| ask.address(&[("offset", &((page - 1) * size).to_string()), ("until", ask.until)]);
    let start = usize::try_from(report.offset).unwrap_or(usize::MAX);
    let kept = ask
        .parameters
        .iter()
        .filter(|(name, _)| !["from", "to", "request", "offset", "until", "version", "copy"].contains(&name.as_str()));
    let patient = ask.parameter("patient").unwrap_or("");
    let sibling = |name: &str| format!("/access/reports/{name}?patient={}", url_part(patient));
    let also = match ask.name {
        "patient" => vec![("By person and day", sibling("patient-days")), ("Accounting of disclosures", sibling("disclosures"))],
        "patient-days" | "disclosures" if !patient.is_empty() => vec![("Act by act", sibling("patient"))],
        _ => Vec::new(),
    };
    let whole = |format: &str| ask.address(&[("format", format), ("offset", ""), ("until", ask.until)]);
    render(Page {
        frame,
        report,
        name: ask.name,
        is_full,
        is_copy: ask.is_copy,
        is_landscape: !is_full && report.columns.len() > COLUMNS_UPRIGHT,
        is_of_patient: matches!(ask.name, "patient" | "patient-days"),
        by_day: report.by_day.as_ref().and_then(bars),
        kept: kept.cloned().collect(),
        from: ask.parameter("from").unwrap_or("").to_string(),
        to: ask.parameter("to").unwrap_or("").to_string(),
        request: ask.parameter("request").unwrap_or("").to_string(),
        csv: whole("csv"),
        json: whole("json"),
        copy: ask.address(&[("copy", "1"), ("offset", ""), ("limit", ""), ("until", ask.until)]),
        back: ask.address(&[("copy", "")]),
        also,
        heads: ask.heads(),
        rows,
        paging: Paging::of(start, report.rows.len(), report.total, false, turned, size),
        made_at: report.made_at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
    })
}

#[derive(Template)]
#[template(path = "access_entry.html")]
struct EntryPage<'a> {
    frame: &'a Frame,
    name: String,
    what: String,
    facts: Vec<(&'static str, String)>,
    records: Table,
}

/// One entry with everything that it says, and the records that it names by kind and date.
pub fn access_entry(frame: &Frame, original: &Original, line: &Line, told: &[Told]) -> String {
    let patients: Vec<&str> = line.patients.iter().map(|patient| patient.archive_id.as_str()).collect();
    let cells = wide::row(original, line, Some(&patients.join(", ")));
    let facts = wide::COLUMNS.iter().zip(cells).filter(|(_, cell)| *cell != Value::Missing);
    let row = |told: &Told| {
        Row::new(vec![
            Cell::text(told.kind.map(|kind| kind.name().to_string())),
            Cell::day(told.day.as_deref()),
            Cell::Text(told.place.accession.to_string()),
            Cell::count(told.place.ordinal),
        ])
    };
    let columns = [("Kind", ""), ("Day of the record", "date"), ("Accession", "mono"), ("Number in it", "num mono")];
    render(EntryPage {
        frame,
        name: format!("{}:{}", original.stream, original.seq),
        what: words::event(&line.event, line.outcome(), line.records()),
        facts: facts.map(|(column, cell)| (column.head, cell.text())).collect(),
        records: Table::new("Records that were shown", &columns, "No record was shown.").rows(told.iter().map(row).collect()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oversight::reports::Column;

    /// What users may have typed, in every form that has harmed a page.
    const HOSTILE: [&str; 5] =
        ["a\nb", "\u{1b}[31mred", "=cmd|' /C calc'!A0", "x\u{2028}y", "<script>alert(1)</script>\"onload=\"x"];

    fn report(version: Version, columns: Vec<Column>, rows: Vec<Vec<Value>>, total: u64) -> Report {
        Report {
            name: "patient",
            title: "Who saw",
            version,
            about: vec![("Patient key".into(), HOSTILE[4].into())],
            summary: HOSTILE[4].into(),
            columns,
            rows,
            total,
            offset: 0,
            by_day: None,
            notes: vec![HOSTILE[4].into()],
            stands_at: Vec::new(),
            made_at: jiff::Timestamp::UNIX_EPOCH,
            zone: "UTC".into(),
        }
    }

    #[test]
    fn a_long_history_in_full_is_light_on_the_screen_and_whole_on_paper() {
        let row = || wide::COLUMNS.iter().map(|_| Value::Text("s0000:7".into())).collect::<Vec<_>>();
        let page = |rows: usize, is_copy| {
            let report = report(Version::Full, wide::COLUMNS.to_vec(), (0..rows).map(|_| row()).collect(), 2_000);
            let parameters = vec![("patient".to_string(), "mer.1".to_string()), ("version".to_string(), "full".to_string())];
            let page_size = if is_copy { 2_000 } else { 40 };
            access_report(
                &Frame::default(),
                &AccessReport { report: &report, name: "patient", parameters, until: "s0000-5", page_size, is_copy },
            )
        };
        let screen = page(40, false);
        let elements = screen.matches('<').count() - screen.matches("</").count();
        assert!(elements < 3_000, "{elements}");
        assert!(screen.contains("Rows 1 to 40 of 2,000") && screen.contains("copy=1"), "{screen}");
        let paper = page(2_000, true);
        assert_eq!(paper.matches("data-head=\"Stream\"").count(), 2_000);
        assert!(!paper.contains("<form class=\"panel") && !paper.contains("rel=\"next\""), "nothing to press on paper");
    }

    #[test]
    fn what_users_typed_is_text_on_the_page() {
        let rows = HOSTILE.iter().map(|text| vec![Value::Text(text.to_string()), Value::Count(1)]).collect();
        let columns = vec![Column::new("who", "Who"), Column::new("records", "Records")];
        let report = report(Version::Plain, columns, rows, 5);
        let parameters = vec![("patient".to_string(), HOSTILE[4].to_string()), ("sort".to_string(), "who".to_string())];
        let ask = AccessReport { report: &report, name: "patient", parameters, until: "s0000-5", page_size: 100, is_copy: false };
        let html = access_report(&Frame::default(), &ask);
        assert!(!html.contains("<script>alert") && !html.contains("\"onload"), "{html}");
        assert!(html.contains("aria-sort=\"ascending\"") && html.contains("sort=-who"), "{html}");
    }
}

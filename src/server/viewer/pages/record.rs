//! One record as archived: its content as name and value pairs, where it came from, its versions, and the JSON itself.
//!
//! Not for: documents' content (`document`).

use askama::Template;

use super::super::fhir::{self, Item};
use super::super::frame::Frame;
use super::super::sections::everything::{self, Pair};
use super::super::source::Badge;
use super::super::text;
use super::{Shell, render};
use crate::model::{Chart, Record};

/// A record with what is known of its custody.
pub struct RecordPage<'a> {
    pub record: &'a Record,
    /// All versions, oldest first; may be empty when there is only this one.
    pub versions: &'a [Record],
    /// SHA-256 of the original bytes, when it was computed at this reading.
    pub digest: Option<[u8; 32]>,
    /// Delivery, file and position, in words.
    pub origin: Option<String>,
}

#[derive(Template)]
#[template(path = "record.html")]
struct InChart<'a> {
    frame: &'a Frame,
    shell: Shell,
    body: Body,
}

#[derive(Template)]
#[template(path = "record_alone.html")]
struct Alone<'a> {
    frame: &'a Frame,
    body: Body,
}

#[derive(Template)]
#[template(path = "parts/record.html")]
struct Body {
    title: String,
    kind: &'static str,
    fact: String,
    badge: Badge,
    pairs: Vec<Pair>,
    versions: Vec<(String, bool)>,
    facts: Vec<(&'static str, String, bool)>,
    json: String,
    original: String,
    /// The page of its content, when it has some.
    document: Option<String>,
    /// Set when the JSON could not be read as JSON.
    unreadable: bool,
}

impl askama::filters::HtmlSafe for Body {}

/// The page of a record; `chart` is its patient's chart (for the banner), if it has a patient.
pub fn record(frame: &Frame, chart: Option<&Chart>, page: &RecordPage<'_>) -> String {
    let record = page.record;
    let item = Item::new(record);
    let pairs = everything::pairs(&record.json, &frame.names);
    let date = fhir::date_of(item.root()).map(|d| text::date(&d));
    let fact = date
        .map_or("date not recorded".to_string(), |d| [Some(d.day), d.time].into_iter().flatten().collect::<Vec<_>>().join(" "));
    let place = &record.place;
    let mut facts = vec![
        ("Source", record.source_system.to_string(), false),
        ("Id in the source", record.original_id.to_string(), true),
        ("Id in this archive", record.id.to_string(), true),
        ("Accession", place.accession.as_str().to_string(), true),
        ("Place", format!("generation {}, record {}", place.generation, text::count(place.ordinal)), false),
    ];
    if let Some(origin) = &page.origin {
        facts.push(("Delivered as", origin.clone(), true));
    }
    if let Some(digest) = &page.digest {
        facts.push(("SHA-256 of the original", text::digest(digest), true));
    }
    let versions = page.versions.iter().map(|v| (format!("Version {}", v.version), v.version == record.version)).collect();
    let body = Body {
        title: everything::title(item.root()).unwrap_or_else(|| text::field_name(record.kind.name())),
        kind: record.kind.name(),
        fact,
        badge: frame.badge(&record.source_system),
        unreadable: pairs.is_empty(),
        pairs,
        versions,
        facts,
        json: pretty(&record.json),
        document: record
            .patient
            .as_ref()
            .and_then(|patient| super::search::document_of(record).map(|id| format!("/patients/{patient}/documents/{id}"))),
        original: format!("/api/v1/records/{}/{}/original", record.kind, record.id),
    };
    match chart {
        Some(chart) => render(InChart { frame, shell: Shell::new(frame, chart, None), body }),
        None => render(Alone { frame, body }),
    }
}

fn pretty(json: &str) -> String {
    let value: Result<serde_json::Value, _> = serde_json::from_str(json);
    value.ok().and_then(|v| serde_json::to_string_pretty(&v).ok()).unwrap_or_else(|| json.to_string())
}

//! One record as archived: its content as name and value pairs, where it came from, its versions, and the JSON itself.
//!
//! Not for: documents' content (`document`).

use askama::Template;
use sha2::{Digest, Sha256};

use super::super::fhir::{self, Item};
use super::super::frame::Frame;
use super::super::sections::everything::{self, Pair};
use super::super::source::Badge;
use super::super::text;
use super::record_said::{self, Code, Fact};
use super::{Shell, render};
use crate::model::{Chart, Record};
use crate::query::{Origin, Reassignment, Source};

/// A record with what is known of its custody.
pub struct RecordPage<'a> {
    pub record: &'a Record,
    /// All versions, oldest first; may be empty when there is only this one.
    pub versions: &'a [Record],
    /// Where it came from, when that could be told.
    pub origin: Option<&'a Origin>,
    /// Whether the archive's file has, read just now, the digest that it was sealed with; `None` when that cannot be told.
    pub intact: Option<bool>,
    /// The statement that moved it to the chart it lies in, if one did.
    pub reassigned: Option<&'a Reassignment>,
}

/// Longest source record that is shown in the page; a longer one is there to be saved.
const SOURCE_SHOWN: usize = 64 << 10;

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
    said: Vec<Fact>,
    codes: Vec<Code>,
    intact: Option<bool>,
    looked: String,
    kind: String,
    fact: String,
    badge: Badge,
    pairs: Vec<Pair>,
    versions: Vec<Version>,
    facts: Vec<(&'static str, String, bool)>,
    /// The source record as delivered, when it is text and not long.
    source: Option<String>,
    json: String,
    original: String,
    /// The page of its content, when it has some.
    document: Option<String>,
    /// Set when the JSON could not be read as JSON.
    unreadable: bool,
}

/// One version of the record.
struct Version {
    number: u32,
    href: String,
    shown: bool,
    /// When the source changed it.
    changed: String,
}

impl askama::filters::HtmlSafe for Body {}

/// The page of a record; `chart` is its patient's chart (for the banner), if it has a patient.
pub fn record(frame: &Frame, chart: Option<&Chart>, page: &RecordPage<'_>) -> String {
    let record = page.record;
    let item = Item::named(record, &frame.names);
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
    if let Some(it) = page.reassigned {
        facts.push(("Reassigned", format!("from {} to {} by statement, {}", it.from, it.to, it.said.words()), false));
    }
    if let Some(origin) = page.origin {
        facts.extend(origin_facts(origin));
    }
    let own = match chart {
        Some(chart) => format!("/patients/{}/records/{}/{}", chart.index.patient, record.kind, record.id),
        None => format!("/records/{}/{}", record.kind, record.id),
    };
    let address = |v: &Record| format!("{own}?version={}", v.version);
    let version = |v: &Record| Version {
        number: v.version,
        href: address(v),
        shown: v.version == record.version,
        changed: Item::new(v)
            .root()
            .at("meta")
            .at("lastUpdated")
            .text()
            .map_or("change not dated".into(), |at| text::date(&at).day),
    };
    let versions = page.versions.iter().rev().map(version).collect();
    let body = Body {
        title: everything::title(item.root()).unwrap_or_else(|| text::field_name(record.kind.name())),
        said: record_said::facts(&item),
        codes: record_said::codes(&item),
        intact: page.intact,
        looked: frame.made.clone(),
        kind: text::field_name(record.kind.name()),
        fact,
        badge: frame.badge(&record.source_system),
        unreadable: pairs.is_empty(),
        pairs,
        versions,
        facts,
        source: page.origin.and_then(source_text),
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

/// The place in the delivery, and the digest of what was delivered.
fn origin_facts(origin: &Origin) -> Vec<(&'static str, String, bool)> {
    let mut facts = vec![("Delivered in", origin.file.clone(), true)];
    let unit = match origin.form.as_deref().and_then(|form| form.split_once(':')).map(|(form, _)| form) {
        Some("hl7v2") => "message",
        Some("row") => "row",
        _ => "record",
    };
    let mut place = Vec::new();
    if origin.number > 0 {
        place.push(format!("{unit} {}", text::count(origin.number)));
    }
    if let Some((offset, length)) = origin.span {
        place.push(format!("{} bytes from byte {} on", text::count(length), text::count(offset)));
    }
    if !place.is_empty() {
        facts.push(("Place in the file", place.join(", "), false));
    }
    if let (Some(form), Some(mapping)) = (&origin.form, &origin.mapping) {
        facts.push(("Made of", form.clone(), true));
        facts.push(("Mapping", mapping.clone(), false));
    }
    if let Some(zone) = &origin.time_zone {
        facts.push(("Times without a zone", format!("read as {zone}"), false));
    }
    if origin.repeated > 0 {
        facts.push(("Said again by", format!("{} more of the delivery", text::count(origin.repeated as u64)), false));
    }
    match &origin.source {
        Source::Shown { bytes, .. } => {
            let digest: [u8; 32] = Sha256::digest(bytes).into();
            facts.push(("SHA-256 of the original", text::digest(&digest), true));
        }
        Source::Withheld => facts.push(("Original", "speaks of more than may be shown here".into(), false)),
    }
    facts
}

/// The source record to be read in the page: only where it is another form than the record's own JSON.
fn source_text(origin: &Origin) -> Option<String> {
    let Source::Shown { bytes, .. } = &origin.source else { return None };
    if origin.form.is_none() || bytes.len() > SOURCE_SHOWN {
        return None;
    }
    let text = std::str::from_utf8(bytes).map_or_else(|_| bytes.iter().map(|b| char::from(*b)).collect(), str::to_string);
    // HL7 v2 ends its segments with a carriage return alone.
    Some(text.replace("\r\n", "\n").replace('\r', "\n"))
}

fn pretty(json: &str) -> String {
    let value: Result<serde_json::Value, _> = serde_json::from_str(json);
    value.ok().and_then(|v| serde_json::to_string_pretty(&v).ok()).unwrap_or_else(|| json.to_string())
}

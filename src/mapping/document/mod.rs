//! Loose documents: files that mean something by what an index says of them, or by where they lie. Each becomes a
//! DocumentReference that points at the delivered file.
//!
//! What a document is, is told by its bytes; what the index or the name claims is never believed, and a difference is
//! noted. No part of a name is guessed: a path of the index names one delivered file or none.
//!
//! Not for: reading the documents' text (`formats`), CDA documents' entries (`mapping::cda`).

mod index;
mod pattern;
mod table;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use serde::Deserialize;

pub use index::{Index, IndexError, Problem};

use super::fhir::{Object, Resource};
use super::id::id;
use super::systems::Coding;
use super::time::{Time, offset_in};
use super::{Context, Fate, Mapped, attachment};
use crate::formats::{MediaKind, sniff};
use crate::model::Finding;

/// How a site's loose documents are to be understood.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// The file that lists the documents.
    pub manifest: Option<Manifest>,
    /// What the path of a document says, for files that the manifest does not list: folders and names with parts in
    /// braces (`{patient}/{date:%Y%m%d}_{type}_{*}.{ext}`). It is held against the end of the path, whole folders only.
    pub pattern: Option<String>,
    /// First part of patients' ids, as other mappings of the source have it (an assigning authority).
    pub patient_namespace: String,
    /// First part of encounters' ids.
    pub encounter_namespace: String,
    /// Forms of dates, as `strftime` writes them, tried in order.
    pub date_formats: Vec<String>,
    /// Words that stand for nothing (`NULL`).
    pub null: Vec<String>,
    /// The source's document types, by its code for each.
    pub types: BTreeMap<String, Type>,
}

/// A table of documents, in a delivered file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Its name in the delivery.
    pub file: String,
    #[serde(default = "comma")]
    pub delimiter: char,
    pub columns: Columns,
    /// Beginnings to take off its paths; drives, servers and shares go by themselves.
    #[serde(default)]
    pub strip: Vec<String>,
    /// Folder of the delivery in which its paths begin. Without it they begin beside the manifest, or at the top.
    #[serde(default)]
    pub below: Option<String>,
}

fn comma() -> char {
    ','
}

/// Names of the manifest's columns.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Columns {
    pub file: String,
    pub patient: String,
    pub date: Option<String>,
    pub r#type: Option<String>,
    pub author: Option<String>,
    pub title: Option<String>,
    pub encounter: Option<String>,
    pub description: Option<String>,
}

/// What is known of a document type of the source.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Type {
    pub display: String,
    /// LOINC code of the type.
    pub loinc: String,
    pub loinc_display: String,
    /// Confidentiality and sensitivity codes for all documents of the type.
    pub security: Vec<String>,
}

/// What the index says of one document, as it stands there.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Entry {
    pub patient: String,
    pub date: String,
    /// The form of the date, where the pattern names one.
    pub date_format: Option<String>,
    pub kind: String,
    pub author: String,
    pub title: String,
    pub encounter: String,
    pub description: String,
}

/// Maps a document by its first bytes; `size` is that of all of it. One resource for each entry, for a scan may stand in
/// several charts; without any, the file is kept and listed.
pub fn map(rules: &Rules, head: &[u8], size: u64, entries: &[Entry], cx: &Context<'_>) -> Mapped {
    let media = sniff(head, None);
    let mut mapped = Mapped { kind: format!("file:{}", media.media_type()), units: 1, ..Mapped::default() };
    if entries.is_empty() {
        mapped.fate = Fate::Quarantined("document-unindexed: neither the index nor the path tells whose it is".into());
        return mapped;
    }
    if let Some(claimed) = kind_of_name(cx.file).filter(|claimed| !claimed.contains(&media)) {
        let claimed = claimed.first().map_or("", |kind| kind.media_type());
        let note = format!("named as {claimed}, but is {}", media.media_type());
        mapped.findings.push(Finding { code: "document.type-mismatch", offset: cx.offset, note });
    }
    for entry in entries {
        mapped.resources.push(reference(rules, media, size, entry, cx, &mut mapped.findings));
    }
    mapped
}

fn reference(
    rules: &Rules,
    media: MediaKind,
    size: u64,
    entry: &Entry,
    cx: &Context<'_>,
    findings: &mut Vec<Finding>,
) -> Vec<u8> {
    let kind = rules.types.get(&entry.kind);
    let time = date(rules, entry, cx.zone);
    if time.text.is_empty() && !entry.date.is_empty() {
        let note = "the date has none of the forms that are declared".to_owned();
        findings.push(Finding { code: "date-invalid", offset: cx.offset, note });
    }
    if time.zone_assumed {
        let note = "the time is taken to be in the zone of the source".to_owned();
        findings.push(Finding { code: "time.zone-assumed", offset: cx.offset, note });
    }
    let patient = id(&[&rules.patient_namespace, &entry.patient]);
    let mut out = Resource::new("DocumentReference", &id(&["file", &rules.patient_namespace, &entry.patient, cx.file]));
    let security: Vec<Coding> = kind.iter().flat_map(|kind| &kind.security).map(|code| security_code(code)).collect();
    out.meta("", &security);
    let mut o = out.object();
    o.text("status", "current").concept("type", &codings(kind, entry, cx), &entry.kind);
    o.reference("subject", "Patient", &patient, "").text("date", time.instant());
    o.array("author", |list| list.reference("", "", &entry.author));
    o.text("description", &entry.description);
    o.array("content", |list| {
        list.object(|content| {
            content.object("attachment", |o| attached(o, media, size, title(kind, entry, cx.file), &time.text, cx.file));
        });
    });
    o.object("context", |context| {
        let encounter = id(&[&rules.encounter_namespace, &entry.encounter]);
        context.array("encounter", |list| list.reference("Encounter", &encounter, ""));
    });
    out.finish()
}

fn attached(o: &mut Object<'_>, media: MediaKind, size: u64, title: &str, creation: &str, file: &str) {
    o.text("contentType", media.media_type()).text("url", &attachment::file_url(file));
    // FHIR's sizes have 31 bits.
    if size <= i32::MAX as u64 {
        o.number("size", &size.to_string());
    }
    o.text("title", title).text("creation", creation);
}

/// The source's own type, and the LOINC code that the rules give it.
fn codings(kind: Option<&Type>, entry: &Entry, cx: &Context<'_>) -> Vec<Coding> {
    let display = kind.map_or("", |kind| kind.display.as_str());
    let system = format!("urn:archive:{}:document-type", cx.source_system);
    let mut codings = vec![Coding::new(system, &*entry.kind, display)];
    codings.extend(kind.map(|kind| Coding::new("http://loinc.org", &*kind.loinc, &*kind.loinc_display)));
    codings
}

/// The title given; else the words for its type; else the file's own name.
fn title<'a>(kind: Option<&'a Type>, entry: &'a Entry, file: &'a str) -> &'a str {
    let name = file.rsplit('/').next().unwrap_or(file);
    let display = kind.map_or("", |kind| kind.display.as_str());
    [entry.title.as_str(), display, &entry.kind, name].into_iter().find(|text| !text.is_empty()).unwrap_or_default()
}

fn security_code(code: &str) -> Coding {
    let is_level = matches!(code, "U" | "L" | "M" | "N" | "R" | "V");
    let system = if is_level { "v3-Confidentiality" } else { "v3-ActCode" };
    Coding::new(format!("http://terminology.hl7.org/CodeSystem/{system}"), code, "")
}

/// The date of an entry, to the precision given; empty when it has none of the forms declared.
fn date(rules: &Rules, entry: &Entry, zone: &TimeZone) -> Time {
    let read = |format: &String| date_as(format, &entry.date, zone);
    let found = match &entry.date_format {
        Some(format) => read(format),
        None => rules.date_formats.iter().find_map(read),
    };
    found.unwrap_or_default()
}

fn date_as(format: &str, text: &str, zone: &TimeZone) -> Option<Time> {
    let parts = strtime::parse(format, text).ok()?;
    let whole = parts.to_date().ok();
    let year = whole.map(Date::year).or(parts.year()).filter(|year| *year >= 100)?;
    let (Some(date), Some(_)) = (whole, parts.hour()) else {
        let text = match (whole, parts.month()) {
            (Some(date), _) => date.to_string(),
            (None, Some(month)) if (1..=12).contains(&month) => format!("{year:04}-{month:02}"),
            _ => format!("{year:04}"),
        };
        return Some(Time { text, zone_assumed: false });
    };
    let civil = date.to_datetime(parts.to_time().ok()?);
    let zone_assumed = parts.offset().is_none();
    let offset = match parts.offset() {
        Some(offset) => offset_in(&TimeZone::fixed(offset), civil),
        None => offset_in(zone, civil),
    };
    Some(Time { text: format!("{}{offset}", civil.strftime("%Y-%m-%dT%H:%M:%S")), zone_assumed })
}

/// What a file's ending claims that it is.
fn kind_of_name(file: &str) -> Option<&'static [MediaKind]> {
    let (_, ending) = file.rsplit('/').next()?.rsplit_once('.')?;
    Some(match ending.to_ascii_lowercase().as_str() {
        "pdf" => &[MediaKind::Pdf],
        "tif" | "tiff" => &[MediaKind::Tiff],
        "jpg" | "jpeg" => &[MediaKind::Jpeg],
        "png" => &[MediaKind::Png],
        "gif" => &[MediaKind::Gif],
        "bmp" => &[MediaKind::Bmp],
        "wav" => &[MediaKind::Wav],
        "rtf" => &[MediaKind::Rtf],
        "htm" | "html" => &[MediaKind::Html],
        "txt" => &[MediaKind::Text],
        "xml" => &[MediaKind::Xml, MediaKind::Cda],
        "docx" => &[MediaKind::Docx],
        "xlsx" => &[MediaKind::Xlsx],
        "doc" | "xls" | "msg" => &[MediaKind::Ole],
        _ => return None,
    })
}

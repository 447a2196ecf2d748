//! C-CDA R2.1 from archived records: a Continuity of Care Document, or an Unstructured Document around one file.
//!
//! Pure: the same chart, request and software give the same bytes. Nothing is made up: what the archive does not know is a
//! null flavor, the source's own words and codes stand beside the standard ones, and what no coded form can hold still stands
//! in the narrative.
//!
//! Not for: which records may leave (`access`, before this), reading them (`query`), or archived CDA documents, which leave as
//! their own bytes.

pub mod cda;
mod chart;
pub mod codes;
pub mod context;
pub mod document;
mod header;
pub mod ids;
pub mod narrative;
mod patient;
mod people;
pub mod sections;
pub mod values;
mod write;
mod xml;

mod about;
mod rules;

pub use self::chart::{Chart, Item, Request};

use self::cda::Section;
use self::context::Context;
use self::document::{Body, Document};
use crate::limits::RECORD_BYTES_MAX;

/// Why no document is made.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Fault {
    #[error("the chart holds no Patient record, and a document is about a patient")]
    NoPatient,
    #[error("a C-CDA document cannot hold a file of this type; export the file itself")]
    MediaType,
    #[error("the file is too large for a document")]
    TooLarge,
    /// A mistake in this program, found before the document leaves.
    #[error("the document would break rule {rule} of C-CDA R2.1 ({says}), at {place}")]
    Rule { rule: &'static str, says: &'static str, place: String },
}

/// A Continuity of Care Document of the chart.
pub fn ccd(chart: &Chart<'_>, request: &Request) -> Result<Vec<u8>, Fault> {
    let cx = context(chart, request)?;
    let mut all: Vec<Section> = about::sections(&cx);
    all.extend(sections::all(&cx));
    finish(header::ccd(&cx, all))
}

/// An Unstructured Document around a file as it is; `item` is the DocumentReference that tells of it, if one does, and `name`
/// is the archive's name of the file.
pub fn unstructured(
    chart: &Chart<'_>,
    request: &Request,
    item: Option<&Item<'_>>,
    name: &str,
    media_type: &str,
    bytes: Vec<u8>,
) -> Result<Vec<u8>, Fault> {
    let cx = context(chart, request)?;
    let media_type = file_type(media_type).ok_or(Fault::MediaType)?;
    if bytes.len() > RECORD_BYTES_MAX {
        return Err(Fault::TooLarge);
    }
    finish(header::unstructured(&cx, item, name, Body::File { media_type, bytes }))
}

/// The time at which a document is said to have been made, of a FHIR instant: to the second, with its zone.
pub fn created(text: &str) -> Option<cda::Ts> {
    let (second, zone) = text.trim().split_at(text.trim().rfind(['Z', '+', '-'])?);
    let second = second.split_once('.').map_or(second, |(second, _)| second);
    values::ts(&format!("{second}{zone}")).filter(|ts| ts.0.len() == 19)
}

/// Whether a record lies in the encounter and days of the request. One without a date is taken unless an encounter is asked for:
/// leaving it out would hide it.
pub fn is_asked(request: &Request, item: &Item<'_>) -> bool {
    let date = crate::formats::fhir::node::date_of(item.root()).unwrap_or_default();
    chart::is_asked(request, &date, item)
}

fn context<'a>(chart: &'a Chart<'a>, request: &'a Request) -> Result<Context<'a>, Fault> {
    if chart.patients.is_empty() { Err(Fault::NoPatient) } else { Ok(Context::new(chart, request)) }
}

fn finish(document: Document) -> Result<Vec<u8>, Fault> {
    rules::check(&document)?;
    Ok(write::write(&document))
}

/// The type under which a document may carry a file (value set SupportedFileFormats).
fn file_type(given: &str) -> Option<&'static str> {
    const TYPES: [(&str, &str); 13] = [
        ("application/msword", "application/msword"),
        ("application/pdf", "application/pdf"),
        ("text/plain", "text/plain"),
        ("text/rtf", "text/rtf"),
        ("application/rtf", "text/rtf"),
        ("text/html", "text/html"),
        ("application/xhtml+xml", "text/html"),
        ("image/gif", "image/gif"),
        ("image/tiff", "image/tiff"),
        ("image/tif", "image/tiff"),
        ("image/jpeg", "image/jpeg"),
        ("image/jpg", "image/jpeg"),
        ("image/png", "image/png"),
    ];
    let bare = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    TYPES.iter().find(|(name, _)| *name == bare).map(|(_, of)| *of)
}

//! One document set for paper: whose it is on top, what it says, and that it is not the certified record.
//!
//! Not for: the document on a screen (`document`).

use askama::Template;

use super::super::banner::Banner;
use super::super::fhir::Item;
use super::super::frame::Frame;
use super::super::sections::notes::{View, format_name};
use super::super::text;
use super::render;
use crate::limits::{PRINT_PAGES_MAX, PRINT_PAGES_UNASKED};
use crate::model::{Chart, DocumentId, Record};

/// What a sheet shows beneath its head.
#[derive(PartialEq, Eq, Debug)]
pub enum PrintBody {
    Text(String),
    /// Page images `/documents/{id}/page/{first}.png` to `last`.
    Pages {
        first: u32,
        last: u32,
        total: u32,
    },
    /// It has so many pages that its reader is asked which of them are meant.
    Ask(u32),
    /// A kind of document that cannot be set on paper here.
    None,
}

pub struct PrintPage<'a> {
    pub id: &'a DocumentId,
    pub record: &'a Record,
    pub title: Option<&'a str>,
    pub content_type: &'a str,
    pub sha256: [u8; 32],
    /// When it was asked for, in words.
    pub printed: String,
}

/// What stands on top of each printed document.
#[derive(Template)]
#[template(path = "parts/print_head.html")]
struct Head {
    patient: String,
    born: String,
    sex: String,
    numbers: String,
    title: String,
    date: String,
    author: String,
    place: Option<String>,
    source: String,
    institution: String,
    printed: String,
    by: String,
    format: String,
    digest: String,
}

impl askama::filters::HtmlSafe for Head {}

#[derive(Template)]
#[template(path = "print.html")]
struct Page<'a> {
    frame: &'a Frame,
    head: Head,
    body: &'a PrintBody,
    id: String,
    pages: std::ops::RangeInclusive<u32>,
    /// Parts of a long document: words and address.
    parts: Vec<(String, String)>,
    back: String,
}

/// A long document in parts, and as a whole when one print holds that.
fn parts(own: &str, body: &PrintBody) -> Vec<(String, String)> {
    let PrintBody::Ask(total) = body else { return Vec::new() };
    let part = |first: u32| {
        let last = (first + PRINT_PAGES_UNASKED - 1).min(*total);
        (format!("Pages {first} to {last}"), format!("{own}/print?from={first}&to={last}"))
    };
    let whole = (*total <= PRINT_PAGES_MAX).then(|| (format!("All {total} pages"), format!("{own}/print?from=1&to={total}")));
    (1..=*total).step_by(PRINT_PAGES_UNASKED as usize).map(part).chain(whole).collect()
}

fn head(frame: &Frame, chart: &Chart, page: &PrintPage<'_>) -> Head {
    let banner = Banner::new(frame, chart);
    let view = View::of(Item::named(page.record, &frame.names));
    let date = view.date.as_deref().map(text::date);
    Head {
        patient: banner.name.listed(),
        born: banner.born,
        sex: banner.sex,
        numbers: banner.numbers.iter().map(|(number, _)| number.as_str()).collect::<Vec<_>>().join(", "),
        title: page.title.map(str::to_string).or(view.title).unwrap_or_else(|| "Document without a title".into()),
        date: date
            .map_or("date not recorded".into(), |d| [Some(d.day), d.time].into_iter().flatten().collect::<Vec<_>>().join(" ")),
        author: view.author.unwrap_or_else(|| "author not recorded".into()),
        place: view.place,
        source: page.record.source_system.to_string(),
        institution: frame.institution.clone(),
        printed: page.printed.clone(),
        by: frame.person.as_ref().map_or_else(String::new, |person| person.name.clone()),
        format: format_name(page.content_type),
        digest: text::digest(&page.sha256),
    }
}

/// The head alone, for archived markup that is a page of its own.
pub fn print_head(frame: &Frame, chart: &Chart, page: &PrintPage<'_>) -> String {
    render(head(frame, chart, page))
}

pub fn print(frame: &Frame, chart: &Chart, page: &PrintPage<'_>, body: &PrintBody) -> String {
    let back = format!("/patients/{}/documents/{}", chart.index.patient, page.id.0);
    render(Page {
        frame,
        head: head(frame, chart, page),
        body,
        id: page.id.0.to_string(),
        #[allow(clippy::reversed_empty_ranges, reason = "no pages at all")]
        pages: if let PrintBody::Pages { first, last, .. } = body { *first..=*last } else { 1..=0 },
        parts: parts(&back, body),
        back,
    })
}

//! A document set for paper, by itself. That it is printed stands in the log before the page is there to be printed: what a
//! browser does with a page cannot be seen from here.
//!
//! Not for: the document's page on a screen (`documents`), or certified copies, which the releases make.

use crate::formats::{self, MediaKind, encoding};
use crate::limits::{PRINT_PAGES_MAX, PRINT_PAGES_UNASKED};
use crate::model::{Document, DocumentId, Kind};
use crate::query::Selection;
use crate::render::{cda, narrative, page_images};
use crate::server::answer::{Answer, ApiError, Body, HTML};
use crate::server::call::{Call, shown};
use crate::server::headers::DOCUMENT_POLICY;
use crate::server::viewer::{self, PrintBody, PrintPage};

use super::cda::notices;
use super::documents::FRAME_STYLE;

/// `GET /patients/{patient}/documents/{id}/print`
pub fn print(call: &Call) -> Result<Answer, ApiError> {
    let (patient, id) = (call.patient_param("patient")?, DocumentId(call.id_param("id")?));
    let permit = call.ask_chart(&patient)?;
    // The sheet holds the document and whose it is, and so does its entry.
    let found = call.archive().chart(&permit, &patient, &Selection { kinds: vec![Kind::PATIENT], newest: Some(1) });
    let (permit, chart) = call.found(permit, "document.print", found)?;
    let found = call.archive().document(&permit, &id);
    let (permit, document) = call.found(permit, "document.print", found)?;
    let records = || chart.records.iter().chain([&document.record]);
    let looked = call.app.directory.look(call.archive(), &permit, records());
    let set = body_of(&document, asked_pages(call)?);
    // Asking which pages are meant shows none of them.
    let event = if matches!(set, Set::InPage(PrintBody::Ask(_))) { "document.view" } else { "document.print" };
    let mut entry = shown(event, records());
    looked.add_to(&mut entry);
    if !entry.patients.contains(&patient) {
        entry.patients.push(patient);
    }
    let frame = super::chart_frame(call, &permit, &chart, looked.names);
    let page = PrintPage {
        id: &document.id,
        record: &document.record,
        title: document.title.as_deref(),
        content_type: &document.content_type,
        sha256: document.sha256,
        printed: jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string(),
    };
    let body = match set {
        Set::InPage(body) => Body::html(viewer::print(&frame, &chart, &page, &body)),
        // Archived markup never stands in a page of ours: it is a page of its own, and ours is a strip on top of each sheet.
        Set::Alone(html) => {
            let html = under_head(&html, &viewer::print_head(&frame, &chart, &page));
            Body::new(HTML, html).with("Content-Security-Policy", DOCUMENT_POLICY)
        }
    };
    Ok(permit.answer(body, entry)?.into())
}

/// The rules of `print.css` that archived markup needs: its page takes no file of ours.
const SHEET_STYLE: &str = "<style>@page{size:letter;margin:.6in;@bottom-left{content:'Printed from the archive. Not the certified record.';\
font:9pt sans-serif}@bottom-right{content:'Page ' counter(page) ' of ' counter(pages);font:9pt sans-serif}}\
.sheets{display:table;width:100%;table-layout:fixed}.sheet-head{display:table-header-group;break-inside:avoid}.sheet-body{display:table-row-group}\
.sheet-head p,.sheet-head h1{margin:0 0 1px;font:8.5pt/1.35 sans-serif;overflow-wrap:anywhere}\
.sheet-head .whose,.sheet-head h1{font-size:11pt}.sheet-head h1{font-weight:600}\
.sheet-head p:last-child{margin-bottom:10pt;padding-bottom:5pt;border-bottom:1.5pt solid #000}\
@media print{body{margin:0;padding:0;max-width:none}}</style></head>";

/// A whole page of archived markup under a head that stands on every sheet. Archived words cannot be taken for its tags: they
/// are escaped.
fn under_head(html: &str, head: &str) -> String {
    let (before, end) = html.rsplit_once("</body>").unwrap_or((html, ""));
    let opened = before.replacen("</head>", SHEET_STYLE, 1);
    let opened = opened.replacen("<body>", &format!("<body><div class=\"sheets\">{head}<div class=\"sheet-body\">"), 1);
    format!("{opened}</div></div></body>{end}")
}

/// `from=` and `to=`: pages of a scan or PDF, from 1; without them all, as far as that goes without asking.
fn asked_pages(call: &Call) -> Result<Option<(u32, u32)>, ApiError> {
    let of = |name| call.number(name, 0, u32::MAX as usize).map(|n| n as u32);
    let (from, to) = (of("from")?, of("to")?);
    Ok((from > 0 || to > 0).then_some((from.max(1), to)))
}

/// The pages of a document that are set for paper: what was asked for, as far as it has them and one print goes.
fn pages_of(total: u32, asked: Option<(u32, u32)>) -> PrintBody {
    match asked {
        None if total > PRINT_PAGES_UNASKED => PrintBody::Ask(total),
        None => PrintBody::Pages { first: 1, last: total, total },
        Some((from, to)) => {
            let first = from.clamp(1, total);
            let last = if to == 0 { total } else { to };
            PrintBody::Pages { first, last: last.clamp(first, total).min(first + PRINT_PAGES_MAX - 1), total }
        }
    }
}

/// How a document comes onto paper.
enum Set {
    InPage(PrintBody),
    Alone(String),
}

fn body_of(document: &Document, asked: Option<(u32, u32)>) -> Set {
    let (bytes, declared) = (&document.bytes, Some(document.content_type.as_str()));
    let text = || PrintBody::Text(formats::text_of(bytes, declared).text);
    Set::InPage(match formats::sniff(bytes, declared) {
        MediaKind::Html => {
            let text = encoding::decode(bytes, encoding::charset(declared), &mut Vec::new());
            return Set::Alone(narrative::safe_html_document(&text).replacen("</head>", FRAME_STYLE, 1));
        }
        MediaKind::Cda => match cda::page(bytes, cda::Options { mask_ids: true }) {
            Ok(mut page) => {
                page.notices = notices(&document.record);
                return Set::Alone(cda::standalone(&page));
            }
            Err(_) => text(),
        },
        kind if page_images::is_paged(kind) => match page_images::page_count(bytes, kind) {
            Ok(pages) if pages > 0 => pages_of(pages, asked),
            _ => PrintBody::None,
        },
        MediaKind::Text | MediaKind::Json | MediaKind::Rtf | MediaKind::Docx | MediaKind::Xml => text(),
        _ => PrintBody::None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_document_is_asked_about_and_what_was_asked_for_stays_within_it() {
        assert_eq!(pages_of(51, None), PrintBody::Ask(51));
        let cases = [
            (50, None, (1, 50)),
            (412, Some((51, 100)), (51, 100)),
            (412, Some((401, 450)), (401, 412)),
            (412, Some((1, 0)), (1, 412)),
            (412, Some((900, 5)), (412, 412)),
            (5_000, Some((1, 5_000)), (1, 500)),
        ];
        for (total, asked, (first, last)) in cases {
            assert_eq!(pages_of(total, asked), PrintBody::Pages { first, last, total }, "{asked:?} of {total}");
        }
    }
}

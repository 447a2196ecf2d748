//! A document set for paper, by itself. That it is printed stands in the log before the page is there to be printed: what a
//! browser does with a page cannot be seen from here.
//!
//! Not for: the document's page on a screen (`documents`), or certified copies, which the releases make.

use crate::formats::{self, MediaKind, encoding};
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
    let mut entry = shown("document.print", records());
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
    let body = match body_of(&document) {
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
.sheets{display:table;width:100%;table-layout:fixed}.sheet-head{display:table-header-group}.sheet-body{display:table-row-group}\
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

/// How a document comes onto paper.
enum Set {
    InPage(PrintBody),
    Alone(String),
}

fn body_of(document: &Document) -> Set {
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
            Ok(pages) if pages > 0 => PrintBody::Pages(pages),
            _ => PrintBody::None,
        },
        MediaKind::Text | MediaKind::Json | MediaKind::Rtf | MediaKind::Docx | MediaKind::Xml => text(),
        _ => PrintBody::None,
    })
}

//! A document's page, and the parts that it shows: cleaned HTML in a frame, page images, the original to download.
//!
//! Not for: reading formats (`formats`) or drawing pages (`render`).

use super::cda;
use crate::access::Permit;
use crate::formats::{self, MediaKind, encoding};
use crate::model::{Document, DocumentId};
use crate::query::{Selection, TextQuestion, marks, parse_question};
use crate::render::{narrative, page_images};
use crate::server::answer::{Answer, ApiError, Body, HTML};
use crate::server::api::documents::open;
use crate::server::call::{Call, shown};
use crate::server::fhir::binary;
use crate::server::headers::{DOCUMENT_POLICY, PAGE_POLICY, RENDERED_POLICY};
use crate::server::viewer::{self, DocumentBody, DocumentPage, Section};

/// How a cleaned document looks: paper, whatever the page around it does.
pub(super) const FRAME_STYLE: &str = "<style>body{margin:20px 28px;max-width:68ch;font:14.5px/23px Georgia,'Noto Serif','Liberation Serif',serif;\
color:#1a1d21;background:#fff}h1,h2,h3,h4{font-size:15px;line-height:23px;margin:14px 0 2px}p{margin:0 0 8px}\
table{border-collapse:collapse;font-size:13px;line-height:19px}td,th{padding:3px 10px;border:1px solid #cdc9be;text-align:left}\
img{max-width:100%}mark{background:#ffe27a}</style></head>";

/// Documents of a chart that the list beside the open one is made from.
const LIST_NEWEST: usize = 500;

/// `GET /patients/{patient}/documents/{id}`
pub fn page(call: &Call) -> Result<Answer, ApiError> {
    let patient = call.patient_param("patient")?;
    let (_, question) = looked_for(call);
    show(call, &|permit, document| {
        let body = match cda::is_cda(document) {
            true => cda::shown_body(call, permit, document, &patient, question.as_ref())?,
            false => body_of(document, question.as_ref()),
        };
        Ok(Some(body))
    })
}

/// What of a document its page shows; `None` where there is nothing of that form.
type BodyOf<'a> = dyn Fn(&Permit, &Document) -> Result<Option<DocumentBody>, ApiError> + 'a;

/// The page of a document with the body that `body_of` makes of it.
pub(super) fn show(call: &Call, body_of: &BodyOf<'_>) -> Result<Answer, ApiError> {
    let (patient, id) = (call.patient_param("patient")?, DocumentId(call.id_param("id")?));
    let permit = call.ask_chart(&patient)?;
    let selection = Selection { kinds: Section::Notes.kinds(), newest: Some(LIST_NEWEST) };
    let found = call.archive().chart(&permit, &patient, &selection);
    let (permit, chart) = call.found(permit, "document.view", found)?;
    let found = call.archive().document(&permit, &id);
    let (permit, document) = call.found(permit, "document.view", found)?;
    let mut entry = shown("document.view", chart.records.iter().chain([&document.record]));
    let Some(body) = body_of(&permit, &document)? else {
        permit.answer((), shown("document.view", [&document.record]))?;
        return Err(ApiError::not_found());
    };
    let policy = if matches!(body, DocumentBody::Rendered(_)) { RENDERED_POLICY } else { PAGE_POLICY };
    let page = DocumentPage {
        id: &document.id,
        record: &document.record,
        content_type: &document.content_type,
        title: document.title.as_deref(),
        bytes: document.bytes.len() as u64,
        sha256: document.sha256,
        body,
        is_xml: matches!(formats::sniff(&document.bytes, Some(&document.content_type)), MediaKind::Cda | MediaKind::Xml),
        q: looked_for(call).0,
        origin: None,
    };
    let looked = call.app.directory.look(call.archive(), &permit, chart.records.iter().chain([&document.record]));
    looked.add_to(&mut entry);
    let frame = super::chart_frame(call, &permit, &chart, looked.names);
    let html = viewer::document(&frame, &chart, &page);
    Ok(permit.answer(Body::html(html).with("Content-Security-Policy", policy), entry)?.into())
}

/// The words that led to a document, as typed and as a question; `None` without any.
pub(super) fn looked_for(call: &Call) -> (&str, Option<TextQuestion>) {
    let q = call.query("q").unwrap_or("").trim();
    let (words, phrases) = parse_question(q);
    let question = TextQuestion { words, phrases, ..TextQuestion::default() };
    (q, Some(question).filter(|question| !q.is_empty() && (!question.words.is_empty() || !question.phrases.is_empty())))
}

fn body_of(document: &Document, looked_for: Option<&TextQuestion>) -> DocumentBody {
    let (bytes, declared) = (&document.bytes, Some(document.content_type.as_str()));
    match formats::sniff(bytes, declared) {
        MediaKind::Html => DocumentBody::Html,
        kind if page_images::is_paged(kind) => match page_images::page_count(bytes, kind) {
            Ok(pages) if pages > 0 => DocumentBody::Pages(pages),
            Ok(_) => DocumentBody::None("This document has no pages.".into()),
            Err(error) => DocumentBody::None(format!("Its pages cannot be shown: {error}.")),
        },
        MediaKind::Text | MediaKind::Json | MediaKind::Rtf | MediaKind::Docx | MediaKind::Cda | MediaKind::Xml => {
            let text = formats::text_of(bytes, declared).text;
            let marks = looked_for.map_or_else(Vec::new, |question| marks(question, &text));
            DocumentBody::Text(text, marks)
        }
        _ => DocumentBody::None("Documents of this kind are kept, but not shown here.".into()),
    }
}

/// `GET /documents/{id}/body`: an HTML document written anew without anything that acts, for the frame of its page.
pub fn body(call: &Call) -> Result<Answer, ApiError> {
    let (permit, document) = open(call)?;
    let entry = shown("document.view", [&document.record]);
    let charset = encoding::charset(Some(&document.content_type));
    let text = encoding::decode(&document.bytes, charset, &mut Vec::new());
    let mut html = narrative::safe_html_document(&text).replacen("</head>", FRAME_STYLE, 1);
    if let (_, Some(question)) = looked_for(call) {
        html = marked_html(&html, &question);
    }
    Ok(permit.answer(Body::new(HTML, html).with("Content-Security-Policy", DOCUMENT_POLICY), entry)?.into())
}

/// Marks the words looked for between the tags of a cleaned document. A match that would cut an escaped character is
/// left alone.
pub(super) fn marked_html(html: &str, question: &TextQuestion) -> String {
    let mut out = String::with_capacity(html.len() + 256);
    for piece in html.split_inclusive('>') {
        let (text, tag) = piece.find('<').map_or((piece, ""), |at| piece.split_at(at));
        let mut at = 0;
        for mark in marks(question, text) {
            let escaped = text[..mark.start].rfind('&').is_some_and(|amp| !text[amp..mark.start].contains(';'));
            if !escaped {
                out.extend([&text[at..mark.start], "<mark>", &text[mark.clone()], "</mark>"]);
                at = mark.end;
            }
        }
        out.push_str(&text[at..]);
        out.push_str(tag);
    }
    out
}

/// `GET /documents/{id}/original`: the bytes, to be saved and not opened.
pub fn original(call: &Call) -> Result<Answer, ApiError> {
    let (permit, document) = open(call)?;
    let entry = shown("document.download", [&document.record]);
    Ok(permit.answer(binary::bytes(document), entry)?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_marked_in_text_and_never_in_tags_or_escapes() {
        let question = TextQuestion { words: vec!["lt".into(), "table".into()], ..TextQuestion::default() };
        let html = "<table><tr><td>LT 5 &lt; 6, a table</td></tr></table>";
        let marked = "<table><tr><td><mark>LT</mark> 5 &lt; 6, a <mark>table</mark></td></tr></table>";
        assert_eq!(marked_html(html, &question), marked);
    }
}

//! Notes and documents of a chart: their list, a document's page, and the parts that it shows: cleaned HTML in a frame, page
//! images, the original to download.
//!
//! Not for: reading formats (`formats`), drawing pages (`render`), what a CDA document shows (`cda`), paper (`print`).

use base64::Engine;

use super::cda;
use crate::access::{Permit, Shown};
use crate::formats::{self, MediaKind, encoding, pdf};
use crate::model::{Chart, Document, DocumentId, PatientKey, Record};
use crate::query::{QueryError, Selection, TextHits, TextQuestion, marks, parse_question};
use crate::render::{narrative, page_images};
use crate::server::answer::{Answer, ApiError, Body, HTML};
use crate::server::api::documents::open;
use crate::server::api::search::shown_hits;
use crate::server::call::{Call, shown};
use crate::server::fhir::binary;
use crate::server::headers::{DOCUMENT_POLICY, PAGE_POLICY, rendered_policy};
use crate::server::viewer::{
    self, DocumentBody, DocumentPage, Frame, Listing, Provenance, Query, Scan, Section, TextBody, Zoom, document_of,
};

/// How a cleaned document looks: paper, whatever the page around it does.
pub(super) const FRAME_STYLE: &str = "<style>body{margin:20px 28px;max-width:68ch;font:14.5px/23px Georgia,'Noto Serif','Liberation Serif',serif;\
color:#1a1d21;background:#fff}h1,h2,h3,h4{font-size:15px;line-height:23px;margin:14px 0 2px}p{margin:0 0 8px}\
table{border-collapse:collapse;font-size:13px;line-height:19px}td,th{padding:3px 10px;border:1px solid #cdc9be;text-align:left}\
img{max-width:100%}mark{background:#ffe27a;color:inherit;text-decoration:underline}mark:target{outline:2px solid #1a1d21;outline-offset:1px}\
</style></head>";

/// Documents of a chart that its list is made from: the newest.
const LIST_NEWEST: usize = 2_000;
/// Documents that a search for words names: the newest.
const FOUND_MAX: usize = 1_000;
/// Most matches of an HTML document or of a part of XML that are marked.
pub(super) const MARKS_MAX: usize = 1_000;

/// Bytes of a long text on one page, about.
const TEXT_PART_BYTES: usize = 64 << 10;

/// A chart's documents as a page asked for them.
struct Listed {
    permit: Permit,
    chart: Chart,
    frame: Frame,
    found: Option<TextHits>,
    entry: Shown,
}

/// Opens the chart and looks for the words of the address in its documents.
fn listed(call: &Call, patient: &PatientKey, event: &'static str) -> Result<Listed, ApiError> {
    let permit = call.ask_chart(patient)?;
    let selection = Selection { kinds: Section::Notes.kinds(), newest: Some(LIST_NEWEST) };
    let found = call.archive().chart(&permit, patient, &selection);
    let (permit, chart) = call.found(permit, event, found)?;
    let question = looked_for(call).1.map(|question| TextQuestion {
        patient: Some(patient.clone()),
        kinds: chart_kinds(&chart),
        newest_first: true,
        limit: FOUND_MAX,
        ..question
    });
    let found = question.map(|question| call.archive().found_text(&permit, &question)).transpose()?;
    let mut entry = shown(event, &chart.records);
    if !entry.patients.contains(patient) {
        entry.patients.push(patient.clone());
    }
    if let Some(found) = &found {
        let searched = shown_hits(call, Some(patient.clone()), found);
        (entry.query, entry.hits) = (searched.query, searched.hits);
        entry.places.extend(searched.places);
    }
    let looked = call.app.directory.look(call.archive(), &permit, &chart.records);
    looked.add_to(&mut entry);
    let frame = super::chart_frame(call, &permit, &chart, looked.names);
    Ok(Listed { permit, chart, frame, found, entry })
}

/// The kinds of documents, without what the banner needs.
fn chart_kinds(chart: &Chart) -> Vec<crate::model::Kind> {
    let kinds = ["DocumentReference", "Composition"].into_iter().filter_map(crate::model::Kind::from_name);
    kinds.filter(|kind| chart.index.counts.iter().any(|c| c.kind == *kind)).collect()
}

/// The list as the address narrows it, with the snippets of its page.
fn listing<'a>(call: &Call, it: &'a Listed, open: Option<&Record>) -> Result<Listing<'a>, ApiError> {
    let mut listing = Listing::new(&it.frame, &it.chart, &Query::new(call.query.clone()), it.found.as_ref(), open);
    if let (_, Some(question)) = looked_for(call) {
        let mut hits = listing.hits();
        let counts = call.archive().snippets(&it.permit, &question, &mut hits)?;
        listing.tell(hits, &counts);
    }
    Ok(listing)
}

/// `GET /patients/{patient}/notes`
pub fn list(call: &Call) -> Result<Answer, ApiError> {
    let patient = call.patient_param("patient")?;
    let mut it = listed(call, &patient, "record.read")?;
    if it.found.is_some() {
        it.entry.event = "record.search";
    } else {
        it.entry.hits = Some(it.chart.records.len() as u64);
    }
    let html = viewer::documents(&it.frame, &it.chart, &listing(call, &it, None)?);
    Ok(it.permit.answer(Body::html(html), it.entry)?.into())
}

/// `GET /patients/{patient}/documents/{id}`
pub fn page(call: &Call) -> Result<Answer, ApiError> {
    let patient = call.patient_param("patient")?;
    let (_, question) = looked_for(call);
    show(call, &|permit, document| {
        let body = match cda::is_cda(document) {
            true => cda::shown_body(call, permit, document, &patient, question.as_ref())?,
            false => body_of(call, document, question.as_ref())?,
        };
        Ok(Some(body))
    })
}

/// What of a document its page shows; `None` where there is nothing of that form.
type BodyOf<'a> = dyn Fn(&Permit, &Document) -> Result<Option<DocumentBody>, ApiError> + 'a;

/// The page of a document with the body that `body_of` makes of it.
pub(super) fn show(call: &Call, body_of: &BodyOf<'_>) -> Result<Answer, ApiError> {
    let (patient, id) = (call.patient_param("patient")?, DocumentId(call.id_param("id")?));
    let it = listed(call, &patient, "document.view")?;
    let found = match call.archive().document(&it.permit, &id) {
        Err(QueryError::Damaged(why)) => return damaged(call, it, &id, &why),
        found => found,
    };
    let Listed { permit, chart, frame, found: words, mut entry } = it;
    let (permit, document) = call.found(permit, "document.view", found)?;
    let Some(body) = body_of(&permit, &document)? else {
        permit.answer((), shown("document.view", [&document.record]))?;
        return Err(ApiError::not_found());
    };
    let opened = shown("document.view", [&document.record]);
    entry.places.extend(opened.places);
    entry.label = entry.label.union(opened.label);
    entry.kinds.extend(opened.kinds.into_iter().filter(|kind| !chart.records.iter().any(|r| r.kind == *kind)));
    let nonce = if matches!(body, DocumentBody::Rendered(_)) { nonce()? } else { String::new() };
    let policy = if nonce.is_empty() { PAGE_POLICY.to_string() } else { rendered_policy(&nonce) };
    let kind = formats::sniff(&document.bytes, Some(&document.content_type));
    let page = DocumentPage {
        id: &document.id,
        record: &document.record,
        content_type: &document.content_type,
        title: document.title.as_deref(),
        bytes: document.bytes.len() as u64,
        sha256: document.sha256,
        unsearched: unsearched(&body, &document),
        body,
        is_xml: matches!(kind, MediaKind::Cda | MediaKind::Xml),
        coded: cda::coded_count(&document),
        q: looked_for(call).0,
        provenance: provenance(call, &permit, &document.record),
        nonce: &nonce,
    };
    let it = Listed { permit, chart, frame, found: words, entry };
    let html = viewer::document(&it.frame, &it.chart, &page, &listing(call, &it, Some(&document.record))?);
    Ok(it.permit.answer(Body::html(html).with("Content-Security-Policy", policy), it.entry)?.into())
}

/// The page of a document whose stored bytes are not what was sealed: that, and nothing of them.
fn damaged(call: &Call, it: Listed, id: &DocumentId, why: &str) -> Result<Answer, ApiError> {
    tracing::error!(%why, "a document does not match its digest and is not shown");
    let record = it.chart.records.iter().find(|r| document_of(r).as_deref() == Some(id.0.as_str())).cloned();
    let Some(record) = record else {
        it.permit.answer((), it.entry)?;
        return Err(QueryError::Damaged(why.to_string()).into());
    };
    let page = DocumentPage {
        id,
        record: &record,
        content_type: "",
        title: None,
        bytes: 0,
        sha256: [0; 32],
        body: DocumentBody::Damaged,
        is_xml: false,
        coded: None,
        q: "",
        unsearched: None,
        provenance: provenance(call, &it.permit, &record),
        nonce: "",
    };
    let html = viewer::document(&it.frame, &it.chart, &page, &listing(call, &it, Some(&record))?);
    Ok(it.permit.answer(Body::html(html).status(500), it.entry)?.into())
}

/// Names our script for one answer: nothing else can be run on its page.
fn nonce() -> Result<String, ApiError> {
    let mut bytes = [0u8; 18];
    getrandom::fill(&mut bytes).map_err(|_| ApiError::internal())?;
    Ok(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes))
}

fn provenance(call: &Call, permit: &Permit, record: &Record) -> Provenance {
    let archive = call.archive();
    let sealed = archive.sealed_at(&record.place.accession).map(|at| format!(", sealed {}", at.get(..10).unwrap_or(&at)));
    let file = archive.delivered_in(permit, record).ok();
    Provenance {
        delivery: format!("Accession {}{}", record.place.accession, sealed.unwrap_or_default()),
        file: file.map(|(file, number)| if number == 0 { file } else { format!("{file}, record {number}") }),
        checked: jiff::Timestamp::now().strftime("%H:%M:%S UTC").to_string(),
    }
}

/// Why words cannot be looked for in a document.
fn unsearched(body: &DocumentBody, document: &Document) -> Option<&'static str> {
    match body {
        DocumentBody::Scan(_) => {
            let read = formats::head_of(&document.bytes, Some(&document.content_type));
            match read.kind {
                _ if read.searchable => None,
                MediaKind::Pdf => Some("This PDF has no text that can be read, as scans have none. Look through its pages."),
                _ => Some("It is a picture, and pictures are not read. Look through its pages."),
            }
        }
        DocumentBody::None(_) => Some("It is kept in a form that is not read here."),
        _ => None,
    }
}

/// The words that led to a document, as typed and as a question; `None` without any.
pub(super) fn looked_for(call: &Call) -> (&str, Option<TextQuestion>) {
    let q = call.query("q").unwrap_or("").trim();
    let (words, phrases) = parse_question(q);
    let question = TextQuestion { words, phrases, ..TextQuestion::default() };
    (q, Some(question).filter(|question| !q.is_empty() && (!question.words.is_empty() || !question.phrases.is_empty())))
}

fn body_of(call: &Call, document: &Document, looked_for: Option<&TextQuestion>) -> Result<DocumentBody, ApiError> {
    let (bytes, declared) = (&document.bytes, Some(document.content_type.as_str()));
    Ok(match formats::sniff(bytes, declared) {
        MediaKind::Html => DocumentBody::Html(framed_html(document, looked_for).1),
        kind if page_images::is_paged(kind) => match page_images::page_count(bytes, kind) {
            Ok(pages) if pages > 0 => DocumentBody::Scan(scan(call, document, kind, pages, looked_for)?),
            Ok(_) => DocumentBody::None("It has no pages.".into()),
            Err(error) => DocumentBody::None(format!("Its pages cannot be shown: {error}.")),
        },
        MediaKind::Text | MediaKind::Json | MediaKind::Rtf | MediaKind::Docx | MediaKind::Cda | MediaKind::Xml => {
            let text = formats::text_of(bytes, declared).text;
            DocumentBody::Text(text_body(call.number("part", 0, usize::MAX)?, text, looked_for))
        }
        _ => DocumentBody::None("Documents of this kind are kept, but not shown here.".into()),
    })
}

/// A part of a text; without one asked for, the first that holds the words looked for. The parts follow from the text alone.
fn text_body(asked: usize, text: String, looked_for: Option<&TextQuestion>) -> TextBody {
    let all = looked_for.map_or_else(Vec::new, |question| marks(question, &text));
    let starts = part_starts(&text);
    let of = |at: usize| starts.partition_point(|start| *start <= at).max(1);
    let part = if asked > 0 { asked } else { all.first().map_or(1, |mark| of(mark.start)) }.clamp(1, starts.len());
    let span = starts.get(part - 1).copied().unwrap_or(0)..starts.get(part).copied().unwrap_or(text.len());
    let within = all.iter().filter(|m| span.start <= m.start && m.end <= span.end).take(MARKS_MAX);
    let marks = within.map(|m| m.start - span.start..m.end - span.start).collect();
    let (parts, found) = (starts.len(), all.len() as u64);
    let text = if parts == 1 { text } else { text.get(span).unwrap_or_default().to_string() };
    TextBody { text, marks, part, parts, found }
}

/// Where the parts of a text begin: at the first line after so many bytes, or inside a line that is longer.
fn part_starts(text: &str) -> Vec<usize> {
    let (mut starts, mut at) = (vec![0], 0);
    while text.len() - at > 2 * TEXT_PART_BYTES {
        let least = text.floor_char_boundary(at + TEXT_PART_BYTES);
        let rest = &text[least..text.floor_char_boundary(least + TEXT_PART_BYTES)];
        at = rest.find('\n').map_or(least, |line| least + line + 1);
        starts.push(at);
    }
    starts
}

/// `sheet=`, `zoom=fit|100|200`, `turn=0|90|180|270`. Without a sheet the first page that holds the words looked for is open.
fn scan(
    call: &Call,
    document: &Document,
    kind: MediaKind,
    pages: u32,
    looked_for: Option<&TextQuestion>,
) -> Result<Scan, ApiError> {
    let asked = call.number("sheet", 0, u32::MAX as usize)? as u32;
    let turn = (call.number("turn", 0, 270)? / 90 * 90) as u16;
    let is_pdf = kind == MediaKind::Pdf;
    let mut texts = looked_for.filter(|_| is_pdf).and_then(|_| pdf::page_texts(&document.bytes)).unwrap_or_default();
    let count = |question: &TextQuestion| {
        let on = texts.iter().enumerate().map(|(at, text)| (at as u32 + 1, marks(question, text).len() as u64));
        on.filter(|(_, hits)| *hits > 0).collect::<Vec<_>>()
    };
    let found = looked_for.map(count).unwrap_or_default();
    let number = if asked > 0 { asked } else { found.first().map_or(1, |(page, _)| *page) }.clamp(1, pages);
    let at = number as usize - 1;
    let words = if texts.len() > at { Some(texts.swap_remove(at)) } else { None };
    let words = words.or_else(|| if is_pdf { pdf::page_text(&document.bytes, at) } else { None });
    let words = words.filter(|words| !words.trim().is_empty());
    let marks = looked_for.zip(words.as_ref()).map_or_else(Vec::new, |(question, words)| marks(question, words));
    Ok(Scan { pages, number, zoom: Zoom::of(call.query("zoom")), turn, words, marks, found })
}

/// An HTML document written anew without anything that acts, with the words looked for marked, and how many were.
fn framed_html(document: &Document, looked_for: Option<&TextQuestion>) -> (String, u64) {
    let charset = encoding::charset(Some(&document.content_type));
    let text = encoding::decode(&document.bytes, charset, &mut Vec::new());
    let html = narrative::safe_html_document(&text);
    let (html, hits) = looked_for.map_or((html.clone(), 0), |question| marked_html(&html, question));
    (html.replacen("</head>", FRAME_STYLE, 1), hits)
}

/// `GET /documents/{id}/body`: an HTML document for the frame of its page.
pub fn body(call: &Call) -> Result<Answer, ApiError> {
    let (permit, document) = open(call)?;
    let entry = shown("document.view", [&document.record]);
    let (html, _) = framed_html(&document, looked_for(call).1.as_ref());
    Ok(permit.answer(Body::new(HTML, html).with("Content-Security-Policy", DOCUMENT_POLICY), entry)?.into())
}

/// Marks and numbers the words looked for between the tags of a cleaned document; tells how many. A match that would cut an
/// escaped character is left alone.
pub(super) fn marked_html(html: &str, question: &TextQuestion) -> (String, u64) {
    let mut out = String::with_capacity(html.len() + 256);
    let mut number = 0;
    for piece in html.split_inclusive('>') {
        let (text, tag) = piece.find('<').map_or((piece, ""), |at| piece.split_at(at));
        mark(text, question, &mut number, &mut out);
        out.push_str(tag);
    }
    (out, number as u64)
}

/// The same in the words of an XML source, as the renderer wrote it: not in names of elements, nor in numbers of lines.
pub(super) fn marked_source(html: &str, question: &TextQuestion) -> (String, u64) {
    let mut out = String::with_capacity(html.len() + 256);
    let (mut number, mut is_words, mut is_line) = (0, false, false);
    for piece in html.split_inclusive('>') {
        let (text, tag) = piece.find('<').map_or((piece, ""), |at| piece.split_at(at));
        match is_words && !is_line {
            true => mark(text, question, &mut number, &mut out),
            false => out.push_str(text),
        }
        out.push_str(tag);
        match tag {
            "<span class=\"words\">" => is_words = true,
            "</span>" => is_words = false,
            "<i>" => is_line = true,
            "</i>" => is_line = false,
            _ => {}
        }
    }
    (out, number as u64)
}

/// Writes escaped text with its matches marked and numbered.
fn mark(text: &str, question: &TextQuestion, number: &mut usize, out: &mut String) {
    let mut at = 0;
    let found = if *number < MARKS_MAX && !text.trim().is_empty() { marks(question, text) } else { Vec::new() };
    for mark in found {
        let escaped = text[..mark.start].rfind('&').is_some_and(|amp| !text[amp..mark.start].contains(';'));
        if !escaped {
            *number += 1;
            let open = format!("<mark id=\"hit-{number}\">");
            out.extend([&text[at..mark.start], &open, &text[mark.clone()], "</mark>"]);
            at = mark.end;
        }
    }
    out.push_str(&text[at..]);
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
        let marked = "<table><tr><td><mark id=\"hit-1\">LT</mark> 5 &lt; 6, a <mark id=\"hit-2\">table</mark></td></tr></table>";
        assert_eq!(marked_html(html, &question), (marked.to_string(), 2));
    }

    #[test]
    fn in_a_source_words_are_marked_and_not_its_elements_or_lines() {
        let question = TextQuestion { words: vec!["patient".into(), "2".into()], ..TextQuestion::default() };
        let html = crate::render::cda::xml::source(b"<patient a='2'>the patient\n2</patient>", 1).html;
        let (marked, hits) = marked_source(&html, &question);
        assert_eq!(hits, 2, "{marked}");
        assert!(marked.contains("the <mark id=\"hit-1\">patient</mark>") && marked.contains("<i>2</i>"), "{marked}");
    }

    #[test]
    fn a_long_text_comes_in_parts_that_hold_every_character() {
        let line = format!("{} metoprolol äöü\n", "word ".repeat(20));
        for text in [line.repeat(5_000), "ä".repeat(300_000), "short".to_string(), String::new()] {
            let question = TextQuestion { words: vec!["metoprolol".into()], ..TextQuestion::default() };
            let parts = text_body(1, text.clone(), None).parts;
            let all: String = (1..=parts).map(|part| text_body(part, text.clone(), None).text).collect();
            assert!(all == text);
            for part in 1..=parts {
                let body = text_body(part, text.clone(), Some(&question));
                assert!(body.text.len() <= 3 * TEXT_PART_BYTES && body.marks.len() <= MARKS_MAX);
                assert!(body.marks.iter().all(|mark| &body.text[mark.clone()] == "metoprolol"));
            }
            assert_eq!(text_body(usize::MAX, text.clone(), None).part, parts);
        }
        let late = format!("{}metoprolol", "word word word\n".repeat(20_000));
        let question = TextQuestion { words: vec!["metoprolol".into()], ..TextQuestion::default() };
        let body = text_body(0, late, Some(&question));
        assert_eq!((body.part, body.found), (body.parts, 1), "the first part that holds the words is open");
    }
}

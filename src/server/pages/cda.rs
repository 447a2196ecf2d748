//! A CDA document in its chart: as its page in the viewer, by itself for print, as XML, and the pictures, files and links that
//! it holds. Each is asked for under the chart's permit, and each answer has its entry.
//!
//! Not for: markup of the document (`render::cda`) or of the page around it (`viewer`).

use std::collections::BTreeSet;

use serde_json::Value;

use crate::access::{Permit, Role};
use crate::formats::{self, MediaKind};
use crate::model::{Class, Document, DocumentId, PatientKey, Record};
use crate::query::TextQuestion;
use crate::release::ccda::PROHIBITION;
use crate::render::cda::view::{self, Places, View};
use crate::render::cda::{self, Media, Options, Page, SectionPage, xml};
use crate::render::page_images::page_png;
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::{Call, shown};
use crate::server::fhir::binary;
use crate::server::headers::{DOCUMENT_POLICY, RENDERED_POLICY};
use crate::server::viewer::{self, CodedSection, DocumentBody, LinkPage, Rendered, hits_by_section};

use super::documents::{looked_for, marked_html, marked_source, show};

/// Width of a picture, in pixels, at most.
const PICTURE_WIDTH: u32 = 1_200;
/// What the body of a document is called among its media.
const BODY: &str = "body";

/// Addresses of what a document shows.
struct Addresses {
    base: String,
}

impl Addresses {
    fn of(patient: &PatientKey, id: &DocumentId) -> Addresses {
        Addresses { base: format!("/patients/{patient}/documents/{}", id.0) }
    }

    fn media(&self, media: Option<usize>) -> String {
        let name = media.map_or_else(|| BODY.to_string(), |at| at.to_string());
        format!("{}/media/{name}", self.base)
    }
}

impl Places for Addresses {
    fn picture(&self, media: Option<usize>, number: u32) -> String {
        format!("{}/{number}.png", self.media(media))
    }

    fn file(&self, media: Option<usize>) -> String {
        format!("{}/original", self.media(media))
    }

    fn outside(&self, address: &str) -> String {
        format!("{}/links/{}", self.base, view::address_key(address))
    }
}

pub fn is_cda(document: &Document) -> bool {
    formats::sniff(&document.bytes, Some(&document.content_type)) == MediaKind::Cda
}

/// The typed page of a document, with the file beside it that it names as its body, if the archive has that.
fn page_of(call: &Call, permit: &Permit, document: &Document) -> Result<Result<Page, String>, ApiError> {
    // A social security number is of use to those who answer requests for records, and to nobody else.
    let mask_ids = call.principal()?.role != Role::Him;
    let mut page = match cda::page(&document.bytes, Options { mask_ids }) {
        Ok(page) => page,
        Err(why) => return Ok(Err(format!("It is kept as it was delivered, and not shown as a page: {why}."))),
    };
    if view::body_is_elsewhere(&page)
        && let Some(body) = call.archive().body_of(permit, document)?
    {
        view::set_body(&mut page, body.bytes, &body.content_type);
    }
    page.notices = notices(&document.record);
    Ok(Ok(page))
}

/// What the archive knows of a document beyond its own words: that the law protects it, that another took its place.
pub(super) fn notices(record: &Record) -> Vec<String> {
    let json: Value = serde_json::from_str(&record.json).unwrap_or_default();
    let mut notices = Vec::new();
    if record.label.holds(Class::SubstanceUse) {
        notices.push(PROHIBITION.to_owned());
    }
    match json["status"].as_str() {
        Some("superseded") => notices.push("A newer document has taken the place of this one.".to_owned()),
        Some("entered-in-error") => notices.push("The source marked this document as entered in error.".to_owned()),
        _ => {}
    }
    notices
}

/// What the document page shows of a CDA document: in the view that the query asks for, with the words looked for marked.
pub fn shown_body(
    call: &Call,
    permit: &Permit,
    document: &Document,
    patient: &PatientKey,
    question: Option<&TextQuestion>,
) -> Result<DocumentBody, ApiError> {
    let page = match page_of(call, permit, document)? {
        Ok(page) => page,
        Err(why) => return Ok(DocumentBody::None(why)),
    };
    let (asked, places) = (view_of(call), Addresses::of(patient, &document.id));
    let (mut body, mut hits) = (view::body(&page, &asked, &places), 0);
    if let Some(question) = question {
        (body, hits) = marked_html(&body, question);
    }
    let contents = view::contents(&page, &asked);
    Ok(DocumentBody::Rendered(Rendered {
        head: view::head(&page, &places),
        hits,
        section_hits: hits_by_section(&body, &contents),
        notes: page.warnings.iter().map(|warning| u64::from(warning.count)).sum(),
        body,
        foot: view::foot(&page, &places),
        findings: view::findings(&page, &places),
        contents,
        language: page.language.clone(),
        view: asked,
    }))
}

/// `view=clinical`, `only=` any number of sections, `fold=all`. Anything else is the author's own order.
fn view_of(call: &Call) -> View {
    if call.query("view") != Some("clinical") {
        return View::Author;
    }
    let only: BTreeSet<String> = call.query.iter().filter(|(name, _)| name == "only").map(|(_, path)| path.clone()).collect();
    View::Clinical { only, folded: call.query("fold") == Some("all") }
}

/// The document with the permit of its chart.
fn open(call: &Call) -> Result<(Permit, PatientKey, Document), ApiError> {
    let (patient, id) = (call.patient_param("patient")?, DocumentId(call.id_param("id")?));
    let permit = call.ask_chart(&patient)?;
    let found = call.archive().document(&permit, &id);
    let (permit, document) = call.found(permit, "document.view", found)?;
    Ok((permit, patient, document))
}

/// That something was asked for stands in the log, though there is nothing to give.
fn nothing(permit: Permit, document: &Document) -> ApiError {
    match permit.answer((), shown("document.view", [&document.record])) {
        Ok(_) => ApiError::not_found(),
        Err(error) => error.into(),
    }
}

/// `GET /patients/{patient}/documents/{id}/rendered`
pub fn rendered(call: &Call) -> Result<Answer, ApiError> {
    let (permit, patient, document) = open(call)?;
    let page = if is_cda(&document) { page_of(call, &permit, &document)?.ok() } else { None };
    let Some(page) = page else { return Err(nothing(permit, &document)) };
    let places = Addresses::of(&patient, &document.id);
    let all = Rendered {
        head: view::head(&page, &places),
        body: view::body(&page, &View::Author, &places),
        foot: view::foot(&page, &places),
        findings: view::findings(&page, &places),
        language: page.language.clone(),
        ..Rendered::default()
    };
    let html = viewer::document_alone(&super::frame(call), &document, &page.title, &all);
    let entry = shown("document.print", [&document.record]);
    Ok(permit.answer(Body::html(html).with("Content-Security-Policy", RENDERED_POLICY), entry)?.into())
}

/// `GET /patients/{patient}/documents/{id}/xml?part=` (or `page=`), with the words looked for marked.
pub fn xml(call: &Call) -> Result<Answer, ApiError> {
    let number = call.number("part", call.number("page", 1, usize::MAX)?, usize::MAX)?;
    let (_, question) = looked_for(call);
    show(call, &|_, document| {
        let kind = formats::sniff(&document.bytes, Some(&document.content_type));
        if !matches!(kind, MediaKind::Cda | MediaKind::Xml) {
            return Ok(None);
        }
        let (mut source, mut hits) = (xml::source(&document.bytes, number), 0);
        if let Some(question) = &question {
            (source.html, hits) = marked_source(&source.html, question);
        }
        Ok(Some(DocumentBody::Source(source, hits)))
    })
}

/// `GET /patients/{patient}/documents/{id}/coded`: what a CDA document says in codes.
pub fn coded(call: &Call) -> Result<Answer, ApiError> {
    show(call, &|permit, document| {
        let page = if is_cda(document) { page_of(call, permit, document)?.ok() } else { None };
        let Some(page) = page else { return Ok(None) };
        let (mut sections, mut left) = (Vec::new(), CODED_MAX);
        page.sections.iter().for_each(|section| add_coded(section, &mut left, &mut sections));
        Ok(Some(DocumentBody::Coded(sections)))
    })
}

/// Most coded entries that a page lists.
const CODED_MAX: usize = 500;

fn add_coded(section: &SectionPage, left: &mut usize, out: &mut Vec<CodedSection>) {
    let total = section.coded.len().max(section.entries as usize);
    if total > 0 {
        let shown = section.coded.iter().take(*left).map(|e| (e.kind.clone(), e.words.clone(), e.in_narrative));
        let entries: Vec<_> = shown.collect();
        *left -= entries.len();
        out.push(CodedSection { heading: section.heading.clone(), entries, total });
    }
    section.sections.iter().for_each(|inner| add_coded(inner, left, out));
}

/// The coded entries of a document; `None` when it is no CDA document that can be shown.
pub fn coded_count(document: &Document) -> Option<usize> {
    fn count(section: &SectionPage) -> usize {
        section.coded.len().max(section.entries as usize) + section.sections.iter().map(count).sum::<usize>()
    }
    let page = if is_cda(document) { cda::page(&document.bytes, Options { mask_ids: true }).ok() } else { None };
    page.map(|page| page.sections.iter().map(count).sum())
}

/// The media of a document by the name in the address.
fn media_of<'p>(page: &'p Page, name: &str) -> Option<&'p Media> {
    if name == BODY { page.file.as_ref() } else { page.media.get(name.parse::<usize>().ok()?) }
}

/// The media that the address names, taken out of its document.
fn open_media(call: &Call) -> Result<(Permit, Document, Media), ApiError> {
    let (permit, _, document) = open(call)?;
    let page = if is_cda(&document) { page_of(call, &permit, &document)?.ok() } else { None };
    let media = page.as_ref().and_then(|page| media_of(page, call.param("media"))).filter(|media| !media.bytes.is_empty());
    match media.cloned() {
        Some(media) => Ok((permit, document, media)),
        None => Err(nothing(permit, &document)),
    }
}

/// `GET /patients/{patient}/documents/{id}/media/{media}/{page}`, where `page` is a number from 1 and `.png`.
pub fn picture(call: &Call) -> Result<Answer, ApiError> {
    let number = call.param("page").strip_suffix(".png").and_then(|n| n.parse::<u32>().ok()).filter(|n| *n > 0);
    let (permit, document, media) = open_media(call)?;
    let kind = formats::sniff(&media.bytes, Some(&media.media_type));
    let png = number.and_then(|number| page_png(&media.bytes, kind, number - 1, PICTURE_WIDTH).ok());
    let Some(png) = png else { return Err(nothing(permit, &document)) };
    let entry = shown("document.view", [&document.record]);
    Ok(permit.answer(Body::new("image/png", png).with("Content-Security-Policy", DOCUMENT_POLICY), entry)?.into())
}

/// `GET /patients/{patient}/documents/{id}/media/{media}/original`: the bytes, to be saved and not opened.
pub fn media(call: &Call) -> Result<Answer, ApiError> {
    let (permit, document, media) = open_media(call)?;
    let entry = shown("document.download", [&document.record]);
    let name = if media.id.is_empty() { "attachment".to_string() } else { media.id };
    let file = Document { title: Some(name), content_type: media.media_type, bytes: media.bytes, ..document };
    Ok(permit.answer(binary::bytes(file), entry)?.into())
}

/// `GET /patients/{patient}/documents/{id}/links/{link}`: names the site before anyone goes there. Only addresses that stand
/// in the document can be asked for.
pub fn link(call: &Call) -> Result<Answer, ApiError> {
    let (permit, patient, document) = open(call)?;
    let page = if is_cda(&document) { page_of(call, &permit, &document)?.ok() } else { None };
    let address = page.as_ref().and_then(|page| view::outside(page, call.param("link")));
    let Some(address) = address else { return Err(nothing(permit, &document)) };
    let back = Addresses::of(&patient, &document.id).base;
    let html = viewer::link_out(&super::frame(call), &LinkPage { address, back: &back });
    Ok(permit.answer(Body::html(html), shown("document.view", [&document.record]))?.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AccessionId, ArchiveId, Kind, Label, Place};

    #[test]
    fn a_document_says_that_it_is_protected_or_replaced() {
        let notices_of = |label: Label, status: &str| {
            let place = Place { accession: AccessionId::parse("acc-0123456789abcdef").unwrap(), generation: 1, ordinal: 0 };
            notices(&Record {
                kind: Kind::from_name("DocumentReference").unwrap(),
                id: ArchiveId::parse("d1").unwrap(),
                original_id: "d1".into(),
                patient: None,
                place,
                source_system: "mer".into(),
                version: 1,
                label,
                json: format!(r#"{{"status":"{status}"}}"#).into(),
            })
        };
        assert!(notices_of(Label::NORMAL, "current").is_empty());
        assert_eq!(notices_of(Label::of(Class::SubstanceUse), "current"), [PROHIBITION]);
        assert_eq!(notices_of(Label::of(Class::SubstanceUse), "superseded").len(), 2);
        assert!(notices_of(Label::NORMAL, "entered-in-error")[0].contains("in error"));
    }
}

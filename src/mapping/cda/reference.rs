//! The document itself: a DocumentReference to the delivered file, and to the file that it carries.
//!
//! Not for: its parts (`composition`, `entries`).

use super::types::{self, Concept};
use super::{About, note};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::formats::attachment::{Encoding, file_url, span_url};
use crate::formats::cda::{Body, Document, Element};
use crate::formats::{MediaKind, sniff};
use crate::mapping::fhir::{Array, Object, Resource};
use crate::mapping::systems::Coding;
use crate::mapping::{Context, Mapped, id};

const FORMATS: &str = "http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode";

/// The id of a document. Its own number alone is not enough: systems exist that give the same one to all documents, of
/// several patients even, and no document may hide another. A document that is made anew, with the same number, counts
/// as another one; one that is delivered again is the same.
pub(super) fn id_of(document: &Document<'_>, about: &About) -> String {
    let Some(ii) = document.header("id") else { return String::new() };
    let time = document.header("effectiveTime").map_or("", |time| time.attr("value"));
    let (root, extension) = (ii.attr("root"), ii.attr("extension"));
    let number = if extension.is_empty() { [root, ""] } else { [extension, root] };
    if number[0].is_empty() {
        return String::new();
    }
    id::id(&[&about.patient, time, number[1], number[0]])
}

/// Makes the DocumentReference.
pub(super) fn map(document: &Document<'_>, composition: &str, about: &About, place: Whole<'_>, out: &mut Mapped) {
    let cx = place.cx;
    let mut resource = Resource::new("DocumentReference", &id_of(document, about));
    resource.meta(&about.last_updated, &about.security);
    let mut o = resource.object();
    let named = |name: &str| document.header(name).filter(|ii| !ii.attr("root").is_empty() || !ii.attr("extension").is_empty());
    if let Some(ii) = named("id") {
        o.object("masterIdentifier", |o| types::identifier(o, &ii));
    }
    if let Some(ii) = named("setId") {
        o.array("identifier", |list| list.object(|o| types::identifier(o, &ii)));
    }
    o.text("status", "current");
    o.text("docStatus", if is_signed(document) { "final" } else { "" });
    kind(document, cx).write(&mut o, "type");
    let categories = "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category";
    o.array("category", |list| list.concept(&[Coding::new(categories, "clinical-note", "Clinical Note")], ""));
    o.reference("subject", "Patient", &about.patient, "");
    o.text("date", &about.last_updated);
    o.array("author", |list| authors(list, document));
    o.object("authenticator", |o| {
        let signer = document.header("legalAuthenticator").and_then(|legal| legal.child("assignedEntity"));
        signer.iter().for_each(|entity| types::party(o, entity));
    });
    o.object("custodian", |o| custodian(o, document));
    o.array("relatesTo", |list| {
        for (code, ii) in related(document) {
            list.object(|o| {
                o.text("code", code).object("target", |o| {
                    o.object("identifier", |o| types::identifier(o, &ii));
                });
            });
        }
    });
    let title = title(document, cx);
    o.text("description", &title);
    o.array("securityLabel", |list| {
        about.security.iter().for_each(|coding| list.concept(std::slice::from_ref(coding), ""));
    });
    o.array("content", |list| content(list, document, about, &title, place));
    o.object("context", |o| context(o, document, composition, about, cx));
    out.resources.push(resource.finish());
    if let Body::File(text) = document.body()
        && text.text().trim().is_empty()
    {
        note(out, "cda.body-elsewhere", Some(text), "the body is another file, or missing");
    }
}

/// Where the document lies.
#[derive(Clone, Copy)]
pub(super) struct Whole<'a> {
    pub cx: &'a Context<'a>,
    pub len: u64,
}

fn kind(document: &Document<'_>, cx: &Context<'_>) -> Concept {
    document.header("code").map(|code| types::concept(document, &code, cx)).unwrap_or_default()
}

/// A title that is never empty.
pub(super) fn title(document: &Document<'_>, cx: &Context<'_>) -> String {
    let title = document.title();
    let title = if title.is_empty() { kind(document, cx).text } else { title };
    if title.is_empty() { "Clinical document".to_owned() } else { title }
}

/// Signed, and not only meant to be (`X`).
fn is_signed(document: &Document<'_>) -> bool {
    let signature = document.header("legalAuthenticator").and_then(|legal| legal.child("signatureCode"));
    signature.is_some_and(|code| code.attr("code") == "S")
}

pub(super) fn authors(list: &mut Array<'_>, document: &Document<'_>) {
    for author in document.authors().filter_map(|author| author.child("assignedAuthor")) {
        list.object(|o| types::party(o, &author));
    }
}

pub(super) fn custodian(o: &mut Object<'_>, document: &Document<'_>) {
    let Some(custodian) = document.custodian() else { return };
    let name = custodian.child("name").map(|name| types::name_line(&name)).unwrap_or_default();
    if let Some(ii) = types::ids(&custodian).first() {
        o.object("identifier", |o| types::identifier(o, ii));
    }
    o.text("display", &name);
}

/// Earlier documents that this one replaces, adds to or is made of: how, and their numbers. What their ids are in the
/// archive cannot be told from here.
pub(super) fn related<'t>(document: &'t Document<'_>) -> impl Iterator<Item = (&'static str, Element<'t>)> {
    document.related_documents().filter_map(|related| {
        let code = match related.attr("typeCode") {
            "RPLC" => "replaces",
            "APND" => "appends",
            "XFRM" => "transforms",
            _ => return None,
        };
        Some((code, types::ids(&related.child("parentDocument")?).first().copied()?))
    })
}

/// The delivered file, and the file that stands in it in place of sections.
fn content(list: &mut Array<'_>, document: &Document<'_>, about: &About, title: &str, place: Whole<'_>) {
    let Context { file, offset, .. } = *place.cx;
    let url = match offset {
        0 => file_url(file),
        _ => span_url(file, Encoding::Raw, offset, place.len),
    };
    let language = document.header("languageCode").map_or("", |code| code.attr("code"));
    list.object(|o| {
        o.object("attachment", |o| {
            o.text("contentType", "text/xml").text("language", language).text("url", &url);
            o.text("title", title).text("creation", &about.time);
        });
        o.object("format", |o| Coding::new(FORMATS, format(document), "").write(o));
    });
    let Body::File(text) = document.body() else { return };
    list.object(|o| {
        o.object("attachment", |o| carried(o, document, &text, place));
    });
}

/// The file inside: pointed to where it stands in one piece of base64, or beside the document, else copied.
fn carried(o: &mut Object<'_>, document: &Document<'_>, text: &Element<'_>, place: Whole<'_>) {
    let (declared, whole) = (text.attr("mediaType"), text.text());
    let span = document.base64_span(*text);
    let is_text = declared.is_empty() || declared.starts_with("text/");
    let is_base64 = match text.attr("representation") {
        "" => !is_text && span.is_some(),
        representation => representation.eq_ignore_ascii_case("B64"),
    };
    if whole.trim().is_empty() {
        let Some(url) = beside(text, place.cx) else { return };
        o.text("contentType", declared).text("url", &url);
    } else if !is_base64 {
        o.text("contentType", if declared.is_empty() { "text/plain" } else { declared });
        o.text("data", &STANDARD.encode(whole.trim()));
    } else {
        o.text("contentType", &content_type(&whole, text));
        match span {
            Some(span) => {
                let offset = place.cx.offset + span.start as u64;
                o.text("url", &span_url(place.cx.file, Encoding::Base64, offset, span.len() as u64));
            }
            None => {
                o.text("data", &whole.split_whitespace().collect::<String>());
            }
        }
    }
    o.text("title", "Body of the document");
}

/// The media type of a file in base64, judged by its first bytes.
fn content_type(base64: &str, text: &Element<'_>) -> String {
    const HEAD: usize = 4096;
    if !text.attr("compression").is_empty() {
        return "application/octet-stream".to_owned();
    }
    let head: Vec<u8> = base64.bytes().filter(|b| !b.is_ascii_whitespace()).take(HEAD).collect();
    let declared = text.attr("mediaType");
    match STANDARD.decode(&head).map(|bytes| sniff(&bytes, Some(declared))) {
        Ok(MediaKind::Unknown) | Err(_) => declared.to_owned(),
        Ok(kind) => kind.media_type().to_owned(),
    }
}

/// The address of a body that is another file of the delivery, named relative to the document.
fn beside(text: &Element<'_>, cx: &Context<'_>) -> Option<String> {
    let name = text.child("reference")?.attr("value");
    let stays = name.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if !stays || name.contains([':', '?', '#', '\\']) {
        return None;
    }
    let folder = cx.file.rsplit_once('/').map_or("", |(folder, _)| folder);
    Some(file_url(&if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }))
}

/// What IHE calls the form of the document, where it is a C-CDA.
fn format(document: &Document<'_>) -> &'static str {
    let is_file = matches!(document.body(), Body::File(_));
    let header = |t: &Element<'_>| t.attr("root") == "2.16.840.1.113883.10.20.22.1.1";
    let mut versions = document.root().children("templateId").filter(header).map(|t| t.attr("extension")).peekable();
    if versions.peek().is_none() {
        return "";
    }
    match (versions.any(|version| version >= "2015-08-01"), is_file) {
        (true, false) => "urn:hl7-org:sdwg:ccda-structuredBody:2.1",
        (true, true) => "urn:hl7-org:sdwg:ccda-nonXMLBody:2.1",
        (false, false) => "urn:hl7-org:sdwg:ccda-structuredBody:1.1",
        (false, true) => "urn:hl7-org:sdwg:ccda-nonXMLBody:1.1",
    }
}

fn context(o: &mut Object<'_>, document: &Document<'_>, composition: &str, about: &About, cx: &Context<'_>) {
    let visit = document.encompassing_encounter();
    o.array("encounter", |list| list.reference("Encounter", &about.encounter, ""));
    let time = visit.and_then(|visit| visit.child("effectiveTime"));
    let (start, end) = time.map(|time| types::interval(&time, cx)).unwrap_or_default();
    o.period("period", &start, &end);
    let code = visit.and_then(|visit| visit.path(&["location", "healthCareFacility", "code"]));
    code.map(|code| types::concept(document, &code, cx)).unwrap_or_default().write(o, "facilityType");
    o.array("related", |list| list.reference("Composition", composition, ""));
}

//! The text of an XML document; of a CDA, the narrative (CDA R2, 4.3.5) and the titles.
//!
//! Not for: CDA entries and headers, validating anything. Entities of a document type are never expanded, nothing
//! outside the document is ever loaded.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use encoding_rs::Encoding;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::flow::Flow;
use super::{Extracted, MediaKind, encoding, finding};
use crate::limits::XML_DEPTH_MAX;

/// A document carried by a CDA instead of sections (`nonXMLBody`).
pub(super) struct Inner {
    pub bytes: Vec<u8>,
    pub media_type: Option<String>,
}

pub(super) fn read(bytes: &[u8], declared_type: Option<&str>, read: &mut Extracted) -> Option<Inner> {
    let declared = declaration_encoding(bytes).or_else(|| encoding::charset(declared_type));
    let xml = encoding::decode(bytes, declared, &mut read.findings);
    let mut walk = Walk { cda: read.kind == MediaKind::Cda, ..Walk::default() };
    let mut reader = Reader::from_str(&xml);
    reader.config_mut().allow_dangling_amp = true;
    while let Some(problem) = walk.step(&mut reader) {
        match problem {
            Step::On => {}
            Step::Note(code, text) => {
                if !read.findings.iter().any(|f| f.code == code) {
                    read.findings.push(finding(code, reader.buffer_position() as usize, text));
                }
            }
            Step::Stop(code, text) => {
                read.findings.push(finding(code, reader.error_position() as usize, text));
                break;
            }
        }
    }
    read.text = walk.flow.finish();
    read.searchable = !walk.body_elsewhere;
    if walk.body_elsewhere {
        read.findings.push(finding("cda.body-elsewhere", 0, "the body is another file, which is not part of this document"));
    }
    walk.inner.and_then(|inner| {
        let packed: Vec<u8> = inner.base64.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
        match STANDARD.decode(packed) {
            Ok(bytes) => Some(Inner { bytes, media_type: inner.media_type }),
            Err(_) => {
                read.searchable = false;
                read.findings.push(finding("cda.damaged-body", 0, "the embedded document is not base64"));
                None
            }
        }
    })
}

/// The encoding named by the XML declaration, which is readable in every encoding that concerns us.
pub(super) fn declaration_encoding(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(256)]);
    let declaration = head.trim_start_matches('\u{feff}').strip_prefix("<?xml")?.split("?>").next()?;
    let value = declaration.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    encoding::named(value[1..].split(quote).next()?)
}

enum Step {
    On,
    Note(&'static str, &'static str),
    Stop(&'static str, &'static str),
}

struct Base64Body {
    media_type: Option<String>,
    base64: String,
}

#[derive(Default)]
struct Walk {
    cda: bool,
    depth: usize,
    roots: usize,
    /// Depth at which the shown text began: a CDA shows `title` and `text` only.
    shown_from: Option<usize>,
    /// Depth of `nonXMLBody`.
    body_from: Option<usize>,
    in_base64: bool,
    /// The body is another file, named by a reference.
    body_elsewhere: bool,
    inner: Option<Base64Body>,
    flow: Flow,
}

impl Walk {
    /// Reads one event; `None` at the sound end of the document.
    fn step(&mut self, reader: &mut Reader<&[u8]>) -> Option<Step> {
        Some(match reader.read_event() {
            Ok(Event::Start(start)) => {
                if self.depth == XML_DEPTH_MAX {
                    return Some(Step::Stop("xml.too-deep", "elements nested beyond the limit; the rest is left out"));
                }
                self.roots += usize::from(self.depth == 0);
                self.depth += 1;
                self.open(&start);
                if self.roots > 1 { Step::Note("xml.second-root", "more than one root element") } else { Step::On }
            }
            Ok(Event::Empty(start)) => {
                self.roots += usize::from(self.depth == 0);
                self.body_elsewhere |= self.body_from.is_some() && start.local_name().as_ref() == "reference";
                self.boundary(start.local_name().as_ref(), true);
                Step::On
            }
            Ok(Event::End(end)) => {
                self.boundary(end.local_name().as_ref(), true);
                self.close();
                Step::On
            }
            Ok(Event::Text(text)) => self.text(&text.xml10_content()),
            Ok(Event::CData(text)) => self.text(&text.xml10_content()),
            Ok(Event::GeneralRef(reference)) => {
                let named = quick_xml::escape::resolve_xml_entity(&reference);
                match (named, reference.resolve_char_ref()) {
                    (Some(text), _) => self.text(text),
                    (None, Ok(Some(c))) => self.text(c.encode_utf8(&mut [0; 4])),
                    _ => {
                        self.text("\u{fffd}");
                        Step::Note("xml.entity", "an entity that is not expanded")
                    }
                }
            }
            Ok(Event::DocType(_)) => Step::Note("xml.doctype", "has a document type, which is ignored"),
            Ok(Event::Eof) if self.depth > 0 => Step::Stop("xml.cut", "ends within an element"),
            Ok(Event::Eof) if self.roots == 0 => Step::Stop("xml.no-root", "has no element"),
            Ok(Event::Eof) => return None,
            Ok(Event::Comment(_) | Event::Decl(_) | Event::PI(_)) => Step::On,
            Err(_) => Step::Stop("xml.not-well-formed", "not well-formed from here on; read up to here"),
        })
    }

    fn open(&mut self, start: &BytesStart) {
        let name = start.local_name();
        let name = name.as_ref();
        if self.cda && self.shown_from.is_none() {
            match name {
                "nonXMLBody" => self.body_from = Some(self.depth),
                "text" if self.body_from.is_some() && is_base64(start) => {
                    self.in_base64 = true;
                    let media_type = attribute(start, "mediaType");
                    self.inner = Some(Base64Body { media_type, base64: String::new() });
                }
                "title" | "text" => self.shown_from = Some(self.depth),
                _ => {}
            }
        }
        self.body_elsewhere |= self.body_from.is_some() && name == "reference";
        self.boundary(name, false);
    }

    fn close(&mut self) {
        if self.shown_from == Some(self.depth) {
            self.shown_from = None;
        }
        if self.body_from == Some(self.depth) {
            self.body_from = None;
        }
        self.in_base64 = false;
        self.depth = self.depth.saturating_sub(1);
    }

    fn text(&mut self, text: &str) -> Step {
        if self.in_base64
            && let Some(inner) = &mut self.inner
        {
            inner.base64.push_str(text);
        } else if !self.cda || self.shown_from.is_some() {
            self.flow.text(text);
        }
        if self.flow.is_full() { Step::Stop("text.cut", "the text is longer than what is kept for search") } else { Step::On }
    }

    /// Sets lines and cells apart. In a CDA narrative `content`, `sub`, `linkHtml` and the like run on; elsewhere every
    /// element stands by itself.
    fn boundary(&mut self, name: &str, end: bool) {
        match name {
            "td" | "th" if end => self.flow.cell(),
            "tr" | "table" | "thead" | "tbody" | "tfoot" => self.flow.row(),
            "content" | "sub" | "sup" | "linkHtml" | "footnote" | "footnoteRef" | "td" | "th" if self.cda => {}
            _ => self.flow.block(),
        }
    }
}

fn is_base64(start: &BytesStart) -> bool {
    attribute(start, "representation").is_some_and(|r| r == "B64")
}

fn attribute(start: &BytesStart, name: &str) -> Option<String> {
    let found = start.attributes().flatten().find(|a| a.key.as_ref() == name)?;
    Some(found.value.into_owned())
}

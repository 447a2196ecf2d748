//! The text of a Word document (OOXML, ECMA-376 part 1, 17) and what kind of document a zip file is.
//!
//! Only the parts that hold text are opened: the body, headers, footers, foot- and endnotes. Macros, embedded objects
//! and whatever lies outside the file are never looked at.
//!
//! Not for: spreadsheets and presentations, which are told apart and not read; zip files of a delivery (`sources`).

use std::io::{Cursor, Read};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use zip::ZipArchive;

use super::flow::Flow;
use super::{Extracted, MediaKind, encoding, finding};
use crate::limits::{DOCX_UNPACKED_MAX, XML_DEPTH_MAX};
use crate::model::Finding;

type Package<'a> = ZipArchive<Cursor<&'a [u8]>>;

/// The part that says what every other part is (OPC, part 2, 10.1.2).
const CONTENT_TYPES: &str = "[Content_Types].xml";
/// Ends of content types of the parts that hold text, in the order in which they are read.
const TEXT_PARTS: [&str; 5] = [".main+xml", ".header+xml", ".footer+xml", ".footnotes+xml", ".endnotes+xml"];

/// Tells whether a zip file is a Word document or a spreadsheet. The beginning of the file is enough for most.
pub(super) fn kind(bytes: &[u8]) -> MediaKind {
    if let Some(mut package) = open(bytes) {
        let parts = parts(&mut package);
        let holds = |family: &str| parts.iter().any(|part| part.is_main() && part.content_type.contains(family));
        return match () {
            () if holds("word") => MediaKind::Docx,
            () if holds("spreadsheetml") || holds("ms-excel") => MediaKind::Xlsx,
            () => MediaKind::Zip,
        };
    }
    // Only the beginning is at hand. The first member of an OPC package is one of these.
    let name_length = bytes.get(26..28).map_or(0, |n| usize::from(n[0]) | usize::from(n[1]) << 8);
    let first = bytes.get(30..30 + name_length).unwrap_or_default();
    let is_package =
        [b"[Content_Types].xml".as_slice(), b"_rels/", b"docProps/", b"word/", b"xl/"].iter().any(|n| first.starts_with(n));
    let names = |folder: &[u8]| is_package && memchr::memmem::find(bytes, folder).is_some();
    match () {
        () if names(b"word/") => MediaKind::Docx,
        () if names(b"xl/") => MediaKind::Xlsx,
        () => MediaKind::Zip,
    }
}

pub(super) fn read(bytes: &[u8], read: &mut Extracted) {
    let Some(mut package) = open(bytes) else {
        read.findings.push(finding("docx.damaged", 0, "the file that holds the document cannot be opened"));
        return;
    };
    let parts = parts(&mut package);
    let mut flow = Flow::default();
    let mut left = DOCX_UNPACKED_MAX;
    for kind in TEXT_PARTS {
        for part in parts.iter().filter(|part| part.content_type.ends_with(kind)) {
            let Some(xml) = unpack(&mut package, &part.name, &mut left, &mut read.findings) else { continue };
            let text = encoding::decode(&xml, None, &mut read.findings);
            words(&text, &mut flow, &mut read.findings);
            flow.block();
        }
    }
    read.text = flow.finish();
    read.searchable = !read.text.trim().is_empty();
    if !read.searchable && read.findings.is_empty() {
        read.findings.push(finding("docx.no-text", 0, "holds no text"));
    }
}

/// Opens a zip file in memory. One so large that it needs zip64 is no document, and may declare any number of members.
fn open(bytes: &[u8]) -> Option<Package<'_>> {
    const TAIL: usize = (1 << 16) + 22 + 20;
    let tail = &bytes[bytes.len().saturating_sub(TAIL)..];
    let is_zip64 = memchr::memmem::find(tail, b"PK\x06\x07").is_some();
    if is_zip64 { None } else { ZipArchive::new(Cursor::new(bytes)).ok() }
}

struct Part {
    name: String,
    content_type: String,
}

impl Part {
    fn is_main(&self) -> bool {
        self.content_type.ends_with(TEXT_PARTS[0])
    }
}

/// The parts that are named with a content type of their own, as all that hold text are.
fn parts(package: &mut Package<'_>) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut left = DOCX_UNPACKED_MAX;
    let Some(xml) = unpack(package, CONTENT_TYPES, &mut left, &mut Vec::new()) else { return parts };
    let text = encoding::decode(&xml, None, &mut Vec::new());
    let mut reader = Reader::from_str(&text);
    loop {
        match reader.read_event() {
            Ok(Event::Empty(start) | Event::Start(start)) if start.local_name().as_ref() == "Override" => {
                if let (Some(name), Some(content_type)) = (attribute(&start, "PartName"), attribute(&start, "ContentType")) {
                    parts.push(Part { name: name.trim_start_matches('/').to_owned(), content_type });
                }
            }
            Ok(Event::Eof) | Err(_) => return parts,
            Ok(_) => {}
        }
    }
}

fn attribute(start: &BytesStart, name: &str) -> Option<String> {
    Some(start.attributes().flatten().find(|a| a.key.as_ref() == name)?.value.into_owned())
}

/// A part's bytes, as far as `left` allows for all parts together.
fn unpack(package: &mut Package<'_>, name: &str, left: &mut u64, findings: &mut Vec<Finding>) -> Option<Vec<u8>> {
    let Ok(part) = package.by_name(name) else {
        findings.push(finding("docx.damaged", 0, "a part of the document cannot be opened"));
        return None;
    };
    let mut bytes = Vec::new();
    if part.take(*left).read_to_end(&mut bytes).is_err() {
        findings.push(finding("docx.damaged", 0, "a part of the document is damaged; read up to there"));
    }
    *left -= bytes.len() as u64;
    if *left == 0 {
        findings.push(finding("docx.too-large", 0, "unpacks to more than is read; the rest is left out"));
    }
    Some(bytes)
}

/// Adds the words of one part.
fn words(xml: &str, flow: &mut Flow, findings: &mut Vec<Finding>) {
    let mut reader = Reader::from_str(xml);
    let mut depth = 0;
    // Depths at which shown text, and text that is not shown, began.
    let (mut text_from, mut hidden_from) = (None, None);
    let problem = loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => {
                if depth == XML_DEPTH_MAX {
                    break Some(("xml.too-deep", "elements nested beyond the limit; the rest is left out"));
                }
                depth += 1;
                match start.local_name().as_ref() {
                    "t" if text_from.is_none() => text_from = Some(depth),
                    // The older form of what stands beside it, and what was moved elsewhere.
                    "Fallback" | "moveFrom" if hidden_from.is_none() => hidden_from = Some(depth),
                    "tr" | "tbl" => flow.row(),
                    _ => {}
                }
            }
            Ok(Event::Empty(start)) => empty(start.local_name().as_ref(), flow),
            Ok(Event::End(end)) => {
                match end.local_name().as_ref() {
                    "p" => flow.block(),
                    "tc" => flow.cell(),
                    "tr" | "tbl" => flow.row(),
                    _ => {}
                }
                text_from = text_from.filter(|from| *from != depth);
                hidden_from = hidden_from.filter(|from| *from != depth);
                depth = depth.saturating_sub(1);
            }
            Ok(Event::Text(text)) if text_from.is_some() && hidden_from.is_none() => flow.text(&text.xml10_content()),
            Ok(Event::CData(text)) if text_from.is_some() && hidden_from.is_none() => flow.text(&text.xml10_content()),
            Ok(Event::GeneralRef(reference)) if text_from.is_some() && hidden_from.is_none() => {
                match (quick_xml::escape::resolve_xml_entity(&reference), reference.resolve_char_ref()) {
                    (Some(text), _) => flow.text(text),
                    (None, Ok(Some(c))) => flow.text(c.encode_utf8(&mut [0; 4])),
                    _ => flow.text("\u{fffd}"),
                }
            }
            Ok(Event::Eof) if depth > 0 => break Some(("xml.cut", "ends within an element")),
            Ok(Event::Eof) => break None,
            Ok(_) => {}
            Err(_) => break Some(("xml.not-well-formed", "not well-formed from here on; read up to here")),
        }
        if flow.is_full() {
            break Some(("text.cut", "the text is longer than what is kept for search"));
        }
    };
    if let Some((code, note)) = problem {
        findings.push(finding(code, 0, note));
    }
}

fn empty(name: &str, flow: &mut Flow) {
    match name {
        "tab" | "ptab" => flow.text(" "),
        "br" | "cr" => flow.line(),
        "noBreakHyphen" => flow.text("-"),
        "p" => flow.block(),
        "tc" => flow.cell(),
        _ => {}
    }
}

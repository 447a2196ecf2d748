//! From bytes to the tree: encoding, well-formedness, namespaces, limits.
//!
//! quick-xml reads the tokens and pairs the tags; that a document is whole, has one root, stays within bounds and what its
//! prefixes mean is seen to here.
//!
//! Not for: what elements mean (`document`).

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::Fault;
use super::tree::{Attribute, Kind, Namespace, Record, Slice, Tree};
use crate::formats::{encoding, markup, xml_text};
use crate::limits::{RECORD_BYTES_MAX, XML_ATTRIBUTES_MAX, XML_DEPTH_MAX, XML_ELEMENTS_MAX, XML_NAMESPACES_MAX};
use crate::model::Finding;

/// UTF-16 whose first character is `<`, without the byte-order mark that it ought to have.
pub(super) fn utf16_without_mark(bytes: &[u8]) -> Option<&'static Encoding> {
    match bytes {
        [b'<', 0, _, 0, ..] => Some(UTF_16LE),
        [0, b'<', 0, _, ..] => Some(UTF_16BE),
        _ => None,
    }
}

/// Reads a document.
pub(super) fn build<'a>(bytes: &'a [u8], findings: &mut Vec<Finding>) -> Result<Tree<'a>, Fault> {
    if bytes.len() > RECORD_BYTES_MAX {
        return Err(Fault { code: "xml.too-large", offset: RECORD_BYTES_MAX as u64 });
    }
    let declared = utf16_without_mark(bytes).or_else(|| xml_text::declaration_encoding(bytes));
    let text = encoding::decode(bytes, declared, findings);
    let mark = Encoding::for_bom(bytes).map_or(0, |(_, mark)| mark);
    let origin = Origin { as_given: matches!(text, Cow::Borrowed(_)), wide: bytes.iter().take(64).any(|&b| b == 0), mark };
    let mut builder = Builder::new(&text, origin, findings);
    builder.read()?;
    let Builder { changed, nodes, attributes, mut ids, .. } = builder;
    let mut tree = Tree { text, changed, nodes, attributes, ids: Vec::new(), mark };
    ids.sort_by(|(a, _), (b, _)| tree.str(*a).cmp(tree.str(*b)));
    tree.ids = ids;
    Ok(tree)
}

/// How the decoded text lay in the given bytes.
#[derive(Clone, Copy)]
struct Origin {
    as_given: bool,
    wide: bool,
    mark: usize,
}

impl Origin {
    /// The place in the given bytes; in a damaged document of a wide encoding only nearly.
    fn place(&self, text: &str, at: usize) -> u64 {
        let head = &text[..text.floor_char_boundary(at)];
        let len = match (self.as_given, self.wide) {
            (true, _) => head.len(),
            (false, true) => 2 * head.encode_utf16().count(),
            (false, false) => head.chars().count(),
        };
        (len + self.mark) as u64
    }
}

/// Elements whose white space may matter; in all others text that is only white space is layout of the file.
const MIXED: [&str; 3] = ["text", "title", "originalText"];

struct Builder<'x> {
    text: &'x str,
    origin: Origin,
    findings: &'x mut Vec<Finding>,
    changed: String,
    nodes: Vec<Record>,
    attributes: Vec<Attribute>,
    ids: Vec<(Slice, u32)>,
    open: Vec<u32>,
    /// Prefixes in force, innermost last: how many elements were open, prefix, meaning.
    bindings: Vec<(usize, &'x str, Namespace)>,
    /// What elements without prefix mean where nothing was declared for them.
    unprefixed: Namespace,
    /// The URI that this document uses where CDA's ought to stand.
    v3: &'x str,
    /// How many elements were open where mixed content began.
    mixed_from: Option<usize>,
    /// Whether the node read last is text that may go on.
    in_text: bool,
    elements: usize,
    roots: usize,
}

impl<'x> Builder<'x> {
    fn new(text: &'x str, origin: Origin, findings: &'x mut Vec<Finding>) -> Self {
        let room = text.len() / 32;
        Builder {
            text,
            origin,
            findings,
            changed: String::new(),
            nodes: Vec::with_capacity(room.min(XML_ELEMENTS_MAX)),
            attributes: Vec::with_capacity(room.min(XML_ELEMENTS_MAX)),
            ids: Vec::new(),
            open: Vec::new(),
            bindings: Vec::new(),
            unprefixed: Namespace::Other,
            v3: "urn:hl7-org:v3",
            mixed_from: None,
            in_text: false,
            elements: 0,
            roots: 0,
        }
    }

    fn read(&mut self) -> Result<(), Fault> {
        let mut reader = Reader::from_str(self.text);
        reader.config_mut().allow_dangling_amp = true;
        loop {
            let at = reader.buffer_position() as usize;
            let event = reader.read_event();
            let end = reader.buffer_position() as usize;
            match event {
                Ok(Event::Start(start)) => self.open(&start, at, end)?,
                Ok(Event::Empty(start)) => {
                    self.open(&start, at, end)?;
                    self.close(end, end);
                }
                Ok(Event::End(_)) => self.close(at, end),
                Ok(Event::Text(text)) => self.add_text(&text.xml10_content(), at),
                Ok(Event::CData(text)) => self.add_text(&text.xml10_content(), at),
                Ok(Event::GeneralRef(reference)) => self.reference(&reference, at, end),
                Ok(Event::DocType(subset)) => match subset.contains('[') {
                    true => self.note("cda.internal-subset", at, "declares entities or the like, which are never used"),
                    false => self.note("xml.doctype", at, "has a document type, which is ignored"),
                },
                Ok(Event::Comment(_) | Event::Decl(_) | Event::PI(_)) => {}
                Ok(Event::Eof) if !self.open.is_empty() => return Err(self.fault("xml.cut", at)),
                Ok(Event::Eof) if self.roots == 0 => return Err(self.fault("xml.no-root", at)),
                Ok(Event::Eof) => return Ok(()),
                Err(_) => return Err(self.fault("xml.not-well-formed", reader.error_position() as usize)),
            }
        }
    }

    fn fault(&self, code: &'static str, at: usize) -> Fault {
        Fault { code, offset: self.origin.place(self.text, at) }
    }

    /// Each code once, at its first place.
    fn note(&mut self, code: &'static str, at: usize, note: &str) {
        if !self.findings.iter().any(|f| f.code == code) {
            let offset = self.origin.place(self.text, at);
            self.findings.push(Finding { code, offset, note: note.to_owned() });
        }
    }

    fn open(&mut self, start: &BytesStart<'_>, at: usize, end: usize) -> Result<(), Fault> {
        self.in_text = false;
        let is_root = self.open.is_empty();
        self.roots += usize::from(is_root);
        self.elements += 1;
        if self.roots > 1 {
            return Err(self.fault("xml.second-root", at));
        }
        if self.open.len() == XML_DEPTH_MAX {
            return Err(self.fault("xml.too-deep", at));
        }
        if self.elements > XML_ELEMENTS_MAX {
            return Err(self.fault("xml.too-many-elements", at));
        }
        let node = self.nodes.len() as u32;
        let first = self.attributes.len();
        self.read_attributes(start, at, node)?;
        let name = self.source(at + 1, start.name().as_ref().len());
        let (prefix, local) = split(name);
        if is_root {
            self.settle_namespace(prefix, local, at);
        }
        let namespace = self.namespace_of(prefix, at);
        for attribute in first..self.attributes.len() {
            self.resolve_attribute(attribute, at);
        }
        let name = self.keep(local);
        let attribute_count = (self.attributes.len() - first) as u16;
        let kind = Kind::Element { namespace, name, attributes: first as u32, attribute_count };
        self.nodes.push(Record { kind, end: node + 1, outer: (at as u32, end as u32), inner: (end as u32, end as u32) });
        if self.mixed_from.is_none() && MIXED.contains(&local) {
            self.mixed_from = Some(self.open.len());
        }
        self.open.push(node);
        Ok(())
    }

    fn close(&mut self, inner_end: usize, end: usize) {
        self.in_text = false;
        let Some(node) = self.open.pop() else { return };
        let next = self.nodes.len() as u32;
        if let Some(record) = self.nodes.get_mut(node as usize) {
            record.end = next;
            record.outer.1 = end as u32;
            record.inner.1 = inner_end as u32;
        }
        let depth = self.open.len();
        if self.mixed_from == Some(depth) {
            self.mixed_from = None;
        }
        while self.bindings.last().is_some_and(|(from, _, _)| *from >= depth) {
            self.bindings.pop();
        }
    }

    /// Takes in attributes, their names still with the prefix, and namespace declarations.
    fn read_attributes(&mut self, start: &BytesStart<'_>, at: usize, node: u32) -> Result<(), Fault> {
        for (number, attribute) in start.attributes().enumerate() {
            if number == XML_ATTRIBUTES_MAX {
                self.note("xml.too-many-attributes", at, "an element with more attributes than are read");
                break;
            }
            let Ok(attribute) = attribute else { return Err(self.fault("xml.not-well-formed", at)) };
            let (key, raw) = (attribute.key.as_ref(), attribute.value.as_ref());
            let declared = key.strip_prefix("xmlns").filter(|rest| rest.is_empty() || rest.starts_with(':'));
            if let Some(prefix) = declared {
                self.declare(prefix.trim_start_matches(':'), raw, at);
                continue;
            }
            let name = self.keep(key);
            let value = if raw.bytes().any(|b| matches!(b, b'&' | b'\t' | b'\n' | b'\r')) {
                let value = self.unescape(&raw.replace("\r\n", " ").replace(['\t', '\n', '\r'], " "), at);
                self.keep(&value)
            } else {
                self.keep(raw)
            };
            if key == "ID" {
                self.ids.push((value, node));
            }
            self.attributes.push(Attribute { namespace: Namespace::V3, name, value });
        }
        Ok(())
    }

    fn declare(&mut self, prefix: &str, uri: &str, at: usize) {
        if self.bindings.len() == XML_NAMESPACES_MAX {
            self.note("xml.too-many-namespaces", at, "more namespace prefixes than are kept");
            return;
        }
        let uri = uri.trim();
        let namespace = match uri {
            "urn:hl7-org:v3" => Namespace::V3,
            "urn:hl7-org:sdtc" => Namespace::Sdtc,
            "http://www.w3.org/2001/XMLSchema-instance" => Namespace::Xsi,
            _ if uri == self.v3 => Namespace::V3,
            _ => Namespace::Other,
        };
        let prefix = self.part_of_text(prefix);
        self.bindings.push((self.open.len(), prefix, namespace));
    }

    /// A `ClinicalDocument` is one, whatever it says its namespace is: that of the root then counts as CDA's.
    fn settle_namespace(&mut self, prefix: &str, local: &str, at: usize) {
        if local != "ClinicalDocument" {
            return;
        }
        match self.bindings.iter_mut().find(|(_, bound, _)| *bound == prefix) {
            Some((_, _, Namespace::V3)) => return,
            Some((_, _, namespace)) => *namespace = Namespace::V3,
            None if prefix.is_empty() => self.unprefixed = Namespace::V3,
            None => {
                let prefix = self.part_of_text(prefix);
                self.bindings.push((0, prefix, Namespace::V3));
            }
        }
        self.note("cda.namespace", at, "the root is not in the namespace of CDA; read as if it were");
    }

    /// The meaning of a prefix. One that was never declared is taken at its word.
    fn namespace_of(&mut self, prefix: &str, at: usize) -> Namespace {
        if let Some((_, _, namespace)) = self.bindings.iter().rev().find(|(_, bound, _)| *bound == prefix) {
            return *namespace;
        }
        if prefix.is_empty() {
            return self.unprefixed;
        }
        if prefix != "xml" {
            self.note("xml.undeclared-prefix", at, "a namespace prefix that is not declared");
        }
        match prefix {
            "sdtc" => Namespace::Sdtc,
            "xsi" => Namespace::Xsi,
            _ => Namespace::Other,
        }
    }

    fn resolve_attribute(&mut self, number: usize, at: usize) {
        let Some(name) = self.attributes.get(number).map(|a| a.name) else { return };
        let key = self.source(name.start as usize, name.len as usize);
        let (prefix, local) = split(key);
        if prefix.is_empty() {
            return;
        }
        let (namespace, name) = (self.namespace_of(prefix, at), self.keep(local));
        if let Some(attribute) = self.attributes.get_mut(number) {
            attribute.namespace = namespace;
            attribute.name = name;
        }
    }

    fn reference(&mut self, name: &str, at: usize, end: usize) {
        let raw = self.text.get(at..end).unwrap_or(name);
        let resolved = self.unescape(raw, at);
        self.add_text(&resolved, at);
    }

    /// Character references, and the entities of XML and HTML, become characters. Any other entity stays as it is
    /// written, whatever a document type says of it; what XML does not allow becomes U+FFFD.
    fn unescape(&mut self, raw: &str, at: usize) -> String {
        let mut out = String::with_capacity(raw.len());
        markup::unescape(raw, &mut out);
        let is_forbidden = |c: char| c < ' ' && !matches!(c, '\t' | '\n' | '\r');
        if out.contains(is_forbidden) {
            out = out.replace(is_forbidden, "\u{fffd}");
        }
        let is_known = |after: &str| ["amp;", "lt;", "gt;", "quot;", "apos;", "#"].iter().any(|name| after.starts_with(name));
        if !raw.split('&').skip(1).all(is_known) {
            self.note("xml.entity", at, "an entity that XML does not know, or a bare ampersand");
        }
        out
    }

    fn add_text(&mut self, text: &str, at: usize) {
        let blank = text.bytes().all(|b| b.is_ascii_whitespace());
        if self.open.is_empty() || text.is_empty() {
            if !blank {
                self.note("xml.outside-root", at, "text before or after the document, which is left out");
            }
            return;
        }
        if self.in_text
            && let Some(Kind::Text(before)) = self.nodes.last().map(|last| last.kind)
        {
            let joined = Kind::Text(self.join(before, text));
            self.nodes.last_mut().into_iter().for_each(|last| last.kind = joined);
            return;
        }
        if blank && self.mixed_from.is_none() {
            return;
        }
        self.in_text = true;
        let (slice, at, end) = (self.keep(text), at as u32, self.nodes.len() as u32 + 1);
        self.nodes.push(Record { kind: Kind::Text(slice), end, outer: (at, at), inner: (at, at) });
    }

    /// Text that references cut apart becomes one string again, at the end of the changed ones.
    fn join(&mut self, before: Slice, text: &str) -> Slice {
        let mut start = before.start;
        if (start as usize) < self.text.len() {
            let first = self.source(start as usize, before.len as usize);
            start = (self.text.len() + self.changed.len()) as u32;
            self.changed.push_str(first);
        }
        self.changed.push_str(text);
        Slice { start, len: before.len + text.len() as u32 }
    }

    /// A part of the decoded text.
    fn source(&self, start: usize, len: usize) -> &'x str {
        self.text.get(start..start + len).unwrap_or("")
    }

    /// Where a string lies in the decoded text, when it does.
    fn offset(&self, string: &str) -> Option<usize> {
        let start = (string.as_ptr() as usize).checked_sub(self.text.as_ptr() as usize)?;
        (start + string.len() <= self.text.len()).then_some(start)
    }

    fn part_of_text(&self, string: &str) -> &'x str {
        self.offset(string).map_or("", |start| self.source(start, string.len()))
    }

    /// Keeps a string: by its place when it lies in the decoded text, else as a changed one.
    fn keep(&mut self, string: &str) -> Slice {
        let len = string.len() as u32;
        if let Some(start) = self.offset(string) {
            return Slice { start: start as u32, len };
        }
        let start = (self.text.len() + self.changed.len()) as u32;
        self.changed.push_str(string);
        Slice { start, len }
    }
}

fn split(name: &str) -> (&str, &str) {
    name.split_once(':').unwrap_or(("", name))
}

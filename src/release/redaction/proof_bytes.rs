//! The proof for files that are no PDF: records as NDJSON, C-CDA documents, lists, texts, and what is packed inside them.
//!
//! Values are searched and not the names of the form around them: `code` stands in every FHIR file.
//!
//! Not for: PDF files of a package (`proof`).

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::Redactions;
use super::fold::{Needles, Order, Scope};
use super::proof::{Leak, Spot};
use crate::formats::markup::unescape;
use crate::formats::{MediaKind, sniff, text_of};

/// Bytes of values that are searched at once.
const CHUNK: usize = 4 << 20;
/// Shortest run of base64 that is looked into, and how deep files lie in files.
const PACKED_LEAST: usize = 24;
const DEPTH_MAX: u32 = 3;

/// Searches any other file that goes with a package. `item`: whose it is; `None`: it speaks of many, and only the terms of all
/// items are looked for. A file whose words cannot be read is a leak as well.
///
/// # Errors
/// What was found.
pub fn prove_bytes(bytes: &[u8], redactions: &Redactions, item: Option<usize>) -> Result<(), Vec<Leak>> {
    let needles = Needles::of(redactions, item.map_or(Scope::Everywhere, Scope::Item));
    if needles.is_empty() {
        return Ok(());
    }
    let mut search = Search { needles: &needles, found: BTreeSet::new(), is_readable: true };
    search.file(bytes, 0);
    let mut leaks: Vec<Leak> = search.found.into_iter().map(|term| Leak::Term { term, spot: Spot::File }).collect();
    if !search.is_readable {
        leaks.push(Leak::Unreadable);
    }
    if leaks.is_empty() { Ok(()) } else { Err(leaks) }
}

struct Search<'n> {
    needles: &'n Needles,
    found: BTreeSet<usize>,
    is_readable: bool,
}

impl Search<'_> {
    fn file(&mut self, bytes: &[u8], depth: u32) {
        let kind = sniff(bytes, None);
        let text = String::from_utf8_lossy(bytes);
        match kind {
            MediaKind::Json => self.json(&text, depth),
            MediaKind::Xml | MediaKind::Cda | MediaKind::Html => {
                let words = words_of_markup(&text);
                self.words(&words);
                for piece in text.split('<') {
                    self.packed(piece.split_once('>').map_or(piece, |(_, after)| after), depth);
                }
                self.extracted(bytes, true);
            }
            MediaKind::Text => {
                self.words(&text);
                self.packed(&text, depth);
                self.extracted(bytes, true);
            }
            MediaKind::Rtf | MediaKind::Docx | MediaKind::Pdf => self.extracted(bytes, false),
            _ => self.is_readable = false,
        }
    }

    /// What the readers of documents make of it.
    fn extracted(&mut self, bytes: &[u8], was_searched: bool) {
        let read = text_of(bytes, None);
        self.words(&read.text);
        self.is_readable &= was_searched || (read.searchable && read.findings.is_empty());
    }

    fn words(&mut self, text: &str) {
        self.found.extend(self.needles.hits(text, Order::Drawn).into_iter().map(|hit| hit.term));
    }

    /// The values of JSON, one after the other.
    fn json(&mut self, text: &str, depth: u32) {
        let mut values = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('"') {
            // Numbers stand between strings.
            let between = rest.get(..at).unwrap_or_default().chars();
            values.extend(between.filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-')));
            values.push('\n');
            let (value, after) = json_string(rest.get(at + 1..).unwrap_or_default());
            rest = after;
            if !rest.trim_start().starts_with(':') {
                self.packed(&value, depth);
                values.push_str(&value);
                values.push('\n');
            }
            if values.len() > CHUNK {
                self.words(&values);
                let keep = values.ceil_char_boundary(values.len().saturating_sub(self.needles.reach() * 8));
                values.drain(..keep);
            }
        }
        values.push_str(rest);
        self.words(&values);
    }

    /// Files that are packed as base64.
    fn packed(&mut self, text: &str, depth: u32) {
        if depth == DEPTH_MAX {
            return;
        }
        let is_packed =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'\r' | b'\n' | b'\t' | b' ');
        for run in text.as_bytes().split(|byte| !is_packed(*byte)).filter(|run| run.len() >= PACKED_LEAST) {
            // Words with blanks between them are no base64, but a file wrapped into lines is.
            for part in [run.to_vec(), longest_word(run)] {
                let packed: Vec<u8> = part.into_iter().filter(|byte| !byte.is_ascii_whitespace() && *byte != b'=').collect();
                if packed.len() < PACKED_LEAST {
                    continue;
                }
                let Ok(file) = STANDARD_NO_PAD.decode(&packed) else { continue };
                match sniff(&file, None) {
                    MediaKind::Unknown => {}
                    MediaKind::Text if std::str::from_utf8(&file).is_err() => {}
                    _ => self.file(&file, depth + 1),
                }
            }
        }
    }
}

fn longest_word(run: &[u8]) -> Vec<u8> {
    run.split(u8::is_ascii_whitespace).max_by_key(|word| word.len()).unwrap_or_default().to_vec()
}

/// A string of JSON up to its closing quote, and what follows it.
fn json_string(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut units: Vec<u16> = Vec::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        if character != '\\' || !text.get(at..).unwrap_or_default().starts_with("\\u") {
            value.push_str(&String::from_utf16_lossy(&units));
            units.clear();
        }
        match character {
            '"' => return (value, text.get(at + 1..).unwrap_or_default()),
            '\\' => match characters.next().map(|(_, escaped)| escaped) {
                Some('u') => {
                    let digits = text.get(at + 2..at + 6).unwrap_or_default();
                    units.push(u16::from_str_radix(digits, 16).unwrap_or(0xfffd));
                    characters.nth(3);
                }
                Some('n' | 'r') => value.push('\n'),
                Some('t') => value.push('\t'),
                Some(other) => value.push(other),
                None => {}
            },
            other => value.push(other),
        }
    }
    (value, "")
}

/// Text, values of attributes and comments of markup, without the names of its form.
pub fn words_of_markup(markup: &str) -> String {
    let mut words = String::with_capacity(markup.len() / 2);
    let mut rest = markup;
    while let Some(at) = rest.find('<') {
        unescape(rest.get(..at).unwrap_or_default(), &mut words);
        rest = rest.get(at..).unwrap_or_default();
        let verbatim = [("<!--", "-->"), ("<![CDATA[", "]]>")].into_iter().find(|(open, _)| rest.starts_with(open));
        if let Some((open, close)) = verbatim {
            let end = rest.find(close).unwrap_or(rest.len());
            words.push_str(rest.get(open.len()..end).unwrap_or_default());
            rest = rest.get(end + close.len()..).unwrap_or_default();
            continue;
        }
        let end = rest.find('>').map_or(rest.len(), |end| end + 1);
        let mut tag = rest.get(..end).unwrap_or_default();
        rest = rest.get(end..).unwrap_or_default();
        // What every such file begins with says nothing.
        if tag.starts_with("<?xml ") || tag.starts_with("<?xpacket ") {
            continue;
        }
        while let Some(quote) = tag.find(['"', '\'']) {
            let name = tag.get(..quote).unwrap_or_default().split_ascii_whitespace().next_back().unwrap_or_default();
            let is_namespace = name.starts_with("xmlns");
            let mark = tag.get(quote..quote + 1).unwrap_or("\"");
            let value = tag.get(quote + 1..).unwrap_or_default();
            let close = value.find(mark).unwrap_or(value.len());
            if !is_namespace {
                words.push('\n');
                unescape(value.get(..close).unwrap_or_default(), &mut words);
                words.push('\n');
            }
            tag = value.get(close + 1..).unwrap_or_default();
        }
    }
    unescape(rest, &mut words);
    words
}

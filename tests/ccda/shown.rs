//! What a page shows, read back from its outputs: words of HTML section by section, words of a PDF, and what HTML is made of.
//!
//! Not for: what a document says (`source`).

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use super::source::tokens;

/// HTML that the product wrote, by its tags: the product writes no `>` inside of values.
pub struct Tag<'h> {
    pub name: &'h str,
    pub attributes: Vec<(&'h str, &'h str)>,
    pub is_end: bool,
}

pub enum Piece<'h> {
    Tag(Tag<'h>),
    Text(&'h str),
}

pub fn pieces(html: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        pieces.push(Piece::Text(&rest[..at]));
        let end = rest[at..].find('>').expect("every tag ends") + at;
        pieces.push(Piece::Tag(tag(&rest[at + 1..end])));
        rest = &rest[end + 1..];
    }
    pieces.push(Piece::Text(rest));
    pieces
}

fn tag(inside: &str) -> Tag<'_> {
    let is_end = inside.starts_with('/');
    let inside = inside.trim_start_matches('/');
    let (name, mut rest) = inside.split_once(' ').unwrap_or((inside, ""));
    let mut attributes = Vec::new();
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").unwrap_or((rest, "\""));
        let (value, after) = after.split_once('"').expect("values are quoted");
        attributes.push((name.trim(), value));
        rest = after.trim_start();
    }
    Tag { name, attributes, is_end }
}

/// Text of a piece: the product writes no other references.
pub fn plain(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&")
}

/// Words that a browser runs into their neighbours; all other elements stand apart.
const INLINE: [&str; 9] = ["span", "a", "sup", "sub", "ins", "del", "code", "small", "b"];

/// Words by the section that they stand in, without those of the sections inside; outside of all it is `""`.
pub fn words_by_section(html: &str) -> BTreeMap<String, Vec<String>> {
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    // What is open, and for each the section that begins there.
    let mut open: Vec<Option<String>> = Vec::new();
    for piece in pieces(html) {
        let section = open.iter().rev().flatten().next().cloned().unwrap_or_default();
        let text = texts.entry(section).or_default();
        match piece {
            Piece::Text(piece) => text.push_str(&plain(piece)),
            Piece::Tag(tag) => {
                text.push_str(if INLINE.contains(&tag.name) { "" } else { " " });
                let own = tag.attributes.iter().find_map(|(name, value)| (*name == "id").then_some(*value));
                if tag.is_end {
                    open.pop();
                } else if !["br", "hr", "img", "col"].contains(&tag.name) {
                    let path = own.filter(|_| tag.name == "section").and_then(|id| id.strip_prefix("section-"));
                    open.push(path.map(str::to_owned));
                }
            }
        }
    }
    assert!(open.is_empty(), "every element is closed");
    texts.into_iter().map(|(path, text)| (path, tokens(&text))).collect()
}

/// What HTML may be made of, as `schemas/cda/elements.toml` says.
pub struct Allowed {
    any: BTreeSet<String>,
    elements: BTreeMap<String, BTreeSet<String>>,
    schemes: Vec<String>,
}

impl Allowed {
    pub fn read() -> Allowed {
        let table: toml::Table = include_str!("../../schemas/cda/elements.toml").parse().expect("the list reads");
        let words = |value: &toml::Value| -> Vec<String> {
            value.as_array().expect("a list").iter().map(|word| word.as_str().expect("a word").to_owned()).collect()
        };
        let html = &table["html"];
        let elements = html["elements"].as_table().expect("elements");
        Allowed {
            any: words(&html["any"]).into_iter().collect(),
            elements: elements.iter().map(|(name, list)| (name.clone(), words(list).into_iter().collect())).collect(),
            schemes: words(&html["addresses"]["schemes"]),
        }
    }

    /// Holds HTML against the list.
    #[track_caller]
    pub fn check(&self, html: &str, name: &str) {
        for piece in pieces(html) {
            let Piece::Tag(tag) = piece else { continue };
            let attributes = self.elements.get(tag.name).unwrap_or_else(|| panic!("{name}: <{}> is not on the list", tag.name));
            for (attribute, value) in &tag.attributes {
                let is_known = self.any.contains(*attribute) || attributes.contains(*attribute);
                assert!(is_known, "{name}: <{} {attribute}> is not on the list", tag.name);
                let scheme = plain(value).split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
                match *attribute {
                    "href" if value.starts_with('#') => {}
                    "href" => assert!(scheme.is_some_and(|s| self.schemes.contains(&s)), "{name}: a link to {value}"),
                    "src" => assert!(value.starts_with("data:image/png;base64,"), "{name}: a picture at {value}"),
                    _ => {}
                }
            }
        }
    }
}

/// Words of a PDF in the order of its content.
pub fn pdf_words(pdf: &std::path::Path) -> Vec<String> {
    let read = Command::new("pdftotext").args(["-raw", "-enc", "UTF-8"]).arg(pdf).arg("-").output();
    let read = read.expect("pdftotext (poppler-utils) is there");
    assert!(read.status.success(), "pdftotext: {}", String::from_utf8_lossy(&read.stderr));
    tokens(&String::from_utf8_lossy(&read.stdout))
}

/// The first words of `wanted` that `got` does not have in their order.
pub fn missing<'w>(wanted: &'w [String], got: &[String], from: &mut usize) -> Option<&'w [String]> {
    for (at, word) in wanted.iter().enumerate() {
        match got[*from..].iter().position(|own| own == word) {
            Some(found) => *from += found + 1,
            None => return Some(&wanted[at..wanted.len().min(at + 8)]),
        }
    }
    None
}

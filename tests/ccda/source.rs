//! What a CDA document says, read without the product: a plain walk over quick-xml's events. Words are told apart as
//! `cda_text_reference.py` of the corpus does.
//!
//! Not for: what a page makes of it.

use quick_xml::Reader;
use quick_xml::escape::resolve_html5_entity;
use quick_xml::events::{BytesStart, Event};
use unicode_normalization::UnicodeNormalization;

/// An element, its name without prefix.
#[derive(Default)]
pub struct Element {
    pub name: String,
    pub attributes: Vec<(String, String)>,
    pub nodes: Vec<Node>,
}

pub enum Node {
    Element(Element),
    Text(String),
}

impl Element {
    pub fn attr(&self, name: &str) -> &str {
        self.attributes.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value.trim())
    }

    pub fn elements(&self) -> impl Iterator<Item = &Element> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    pub fn children<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.elements().filter(move |element| element.name == name)
    }

    pub fn all(&self) -> Vec<&Element> {
        let mut all = vec![self];
        self.elements().for_each(|element| all.extend(element.all()));
        all
    }

    /// Text directly inside, and below when `deep`.
    pub fn text(&self, deep: bool) -> String {
        let mut out = String::new();
        for node in &self.nodes {
            match node {
                Node::Text(text) => out.push_str(text),
                Node::Element(element) if deep => out.push_str(&element.text(true)),
                Node::Element(_) => {}
            }
        }
        out
    }
}

/// Reads a document; none when it is not well-formed.
pub fn read(bytes: &[u8]) -> Option<Element> {
    let text = decoded(bytes);
    let mut reader = Reader::from_str(&text);
    let mut open = vec![Element::default()];
    loop {
        let event = reader.read_event().ok()?;
        let top = open.last_mut()?;
        match event {
            Event::Start(start) => open.push(element(&start)),
            Event::Empty(start) => top.nodes.push(Node::Element(element(&start))),
            Event::End(_) => {
                let done = open.pop()?;
                open.last_mut()?.nodes.push(Node::Element(done));
            }
            Event::Text(text) => top.nodes.push(Node::Text(text.xml10_content().into_owned())),
            Event::CData(text) => top.nodes.push(Node::Text(text.xml10_content().into_owned())),
            Event::GeneralRef(name) => top.nodes.push(Node::Text(resolved(&name))),
            Event::Eof => break,
            _ => {}
        }
    }
    let top = open.pop().filter(|_| open.is_empty())?;
    top.nodes.into_iter().find_map(|node| match node {
        Node::Element(root) => Some(root),
        Node::Text(_) => None,
    })
}

fn decoded(bytes: &[u8]) -> String {
    match encoding_rs::Encoding::for_bom(bytes) {
        Some((encoding, _)) => encoding.decode(bytes).0.into_owned(),
        None => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => encoding_rs::WINDOWS_1252.decode(bytes).0.into_owned(),
        },
    }
}

fn element(start: &BytesStart<'_>) -> Element {
    let local = |name: &str| name.rsplit(':').next().unwrap_or(name).to_owned();
    let attributes = start.attributes().flatten().filter(|attribute| !attribute.key.as_ref().starts_with("xmlns"));
    let attributes = attributes.map(|attribute| {
        let value = quick_xml::escape::unescape_with(&attribute.value, resolve_html5_entity);
        (local(attribute.key.as_ref()), value.map_or_else(|_| attribute.value.to_string(), |value| value.into_owned()))
    });
    Element { name: local(start.name().as_ref()), attributes: attributes.collect(), nodes: Vec::new() }
}

fn resolved(name: &str) -> String {
    let written = format!("&{name};");
    quick_xml::escape::unescape_with(&written, resolve_html5_entity).map_or(written.clone(), |text| text.into_owned())
}

/// A section's own words: its title and narrative.
pub struct Section<'e> {
    pub path: String,
    pub element: &'e Element,
    pub words: Vec<String>,
}

/// All sections in order, with those inside them.
pub fn sections(root: &Element) -> Vec<Section<'_>> {
    let mut all = Vec::new();
    for body in root.children("component").flat_map(|component| component.children("structuredBody")) {
        walk(body, "", &mut all);
    }
    all
}

fn walk<'e>(outer: &'e Element, path: &str, all: &mut Vec<Section<'e>>) {
    let sections = outer.children("component").flat_map(|component| component.children("section"));
    for (at, element) in sections.enumerate() {
        let path = if path.is_empty() { (at + 1).to_string() } else { format!("{path}.{}", at + 1) };
        let mut text = String::new();
        for part in element.elements().filter(|part| matches!(part.name.as_str(), "title" | "text")) {
            visible(part, &mut text);
            text.push(' ');
        }
        all.push(Section { path: path.clone(), element, words: tokens(&text) });
        walk(element, &path, all);
    }
}

/// Words of narrative, apart where an element stands on lines of its own or in a cell.
fn visible(element: &Element, out: &mut String) {
    const APART: [&str; 23] = [
        "paragraph",
        "list",
        "item",
        "table",
        "thead",
        "tbody",
        "tfoot",
        "tr",
        "caption",
        "br",
        "footnote",
        "renderMultiMedia",
        "title",
        "p",
        "div",
        "ul",
        "ol",
        "li",
        "pre",
        "dl",
        "dd",
        "td",
        "th",
    ];
    for node in &element.nodes {
        match node {
            Node::Text(text) => out.push_str(text),
            Node::Element(inner) => {
                let is_apart = APART.contains(&inner.name.as_str());
                out.push_str(if is_apart { " " } else { "" });
                visible(inner, out);
                out.push_str(if is_apart { " " } else { "" });
            }
        }
    }
}

/// Words: letters, digits and underscores, folded.
pub fn tokens(text: &str) -> Vec<String> {
    let folded: String = text.nfkc().flat_map(char::to_lowercase).collect();
    let words = folded.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

/// A fact of the header: where it stands, and the words that must stand together.
pub struct Fact {
    pub place: String,
    pub words: Vec<String>,
}

/// Everything that the header says: texts, names of codes, numbers, addresses, dates.
pub fn facts(root: &Element) -> Vec<Fact> {
    let mut facts = Vec::new();
    for element in root.elements().filter(|element| element.name != "component") {
        gather(element, &element.name, &mut facts);
    }
    facts
}

fn gather(element: &Element, place: &str, facts: &mut Vec<Fact>) {
    // Which specification a part follows is no fact of anyone; the document's own stand among the details.
    if element.name == "templateId" && place.contains('/') {
        return;
    }
    let mut add = |kind: &str, text: &str| {
        let words = tokens(text);
        if !words.is_empty() {
            facts.push(Fact { place: format!("{place}{kind}"), words });
        }
    };
    add("", &element.text(false));
    add("@displayName", element.attr("displayName"));
    add("@extension", element.attr("extension"));
    // Where a number has no extension its root is all there is of it.
    if element.attr("extension").is_empty() {
        add("@root", element.attr("root"));
    }
    let has_words = !element.attr("displayName").is_empty() || !tokens(&element.text(true)).is_empty();
    let has_other_words = element.all().iter().skip(1).any(|inner| !inner.attr("displayName").is_empty());
    // Their codes stand as words.
    let is_worded = ["administrativeGenderCode", "confidentialityCode"].contains(&element.name.as_str());
    let refers = element.all().iter().any(|inner| inner.name == "reference");
    if !has_words && !has_other_words && !is_worded && !refers {
        add("@code", element.attr("code"));
    }
    let value = element.attr("value");
    let is_time = element.name.ends_with("Time") || matches!(element.name.as_str(), "time" | "low" | "high" | "center");
    match element.name.as_str() {
        "telecom" => add("@value", value.split_once(':').map_or(value, |(_, rest)| rest)),
        "reference" | "preferenceInd" => {}
        _ if is_time => dated(value).iter().for_each(|part| add("@value", part)),
        _ if matches!(value, "true" | "false") => {}
        _ => add("@value", value),
    }
    for inner in element.elements() {
        gather(inner, &format!("{place}/{}", inner.name), facts);
    }
}

/// A date as a reader expects it, in the parts that stand together.
fn dated(value: &str) -> Vec<String> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let digits = value.split(|c: char| !c.is_ascii_digit()).next().unwrap_or("");
    let month = digits.get(4..6).and_then(|month| MONTHS.get(month.parse::<usize>().ok()?.checked_sub(1)?));
    let day = digits.get(6..8).and_then(|day| day.parse::<u8>().ok()).filter(|day| (1..=31).contains(day));
    let mut parts = match (digits.len(), month, day) {
        (4, _, _) => vec![digits.to_owned()],
        (6, Some(month), _) => vec![format!("{month} {}", &digits[..4])],
        (8 | 12 | 14, Some(month), Some(day)) => vec![format!("{day} {month} {}", &digits[..4])],
        _ => return Vec::new(),
    };
    if digits.len() >= 12 {
        parts.push(format!("{}:{}", &digits[8..10], &digits[10..12]));
        let zone = value.find(['+', '-']).and_then(|at| value.get(at + 1..at + 5));
        parts.extend(zone.map(|zone| format!("{}:{}", &zone[..2], &zone[2..])));
    }
    parts
}

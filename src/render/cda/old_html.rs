//! HTML that is the body of a document, or a file in it: put in order and read as narrative is, through the same list.
//!
//! Not for: HTML documents of the archive on their own (`render::narrative`).

use crate::formats::cda::Document;
use crate::formats::markup::{Piece, Pieces, attributes, unescape};
use crate::limits::HTML_DEPTH_MAX;

use super::allow::{Role, allowed};
use super::narrative::Reader;
use super::node::Node;
use super::warnings::Warnings;

/// The nodes of HTML; whatever tags it opens or forgets, all its words are there.
pub(super) fn nodes(html: &str, warnings: &mut Warnings) -> Vec<Node> {
    let xml = Ordered::default().write(html);
    let Ok(document) = Document::read(xml.as_bytes()) else { return vec![Node::Text(html.to_owned())] };
    let Some(text) = document.root().child("text") else { return Vec::new() };
    let mut media = Vec::new();
    // Its words are no section's narrative: notes and links inside are its own.
    let mut reader = Reader::new(&document, std::iter::once(document.root()), &mut media, warnings);
    reader.text(text)
}

/// HTML written again with every element closed and none where it cannot stand.
#[derive(Default)]
struct Ordered {
    out: String,
    open: Vec<&'static str>,
}

/// HTML names that are written as others.
const NAMES: [(&str, &str); 3] = [("title", "h1"), ("caption", "caption"), ("listing", "pre")];
/// Elements without content.
const VOID: [&str; 4] = ["br", "hr", "img", "col"];
/// Attributes that the list may take, by their names in HTML.
const ATTRIBUTES: [(&str, &str); 11] = [
    ("id", "ID"),
    ("lang", "language"),
    ("href", "href"),
    ("name", "name"),
    ("title", "title"),
    ("alt", "alt"),
    ("colspan", "colspan"),
    ("rowspan", "rowspan"),
    ("align", "align"),
    ("valign", "valign"),
    ("scope", "scope"),
];

impl Ordered {
    fn write(mut self, html: &str) -> String {
        self.out.push_str("<ClinicalDocument xmlns=\"urn:hl7-org:v3\"><text>");
        let mut plain = String::new();
        for piece in Pieces::new(html) {
            match piece {
                Piece::Text(raw) => {
                    plain.clear();
                    unescape(raw, &mut plain);
                    escape(&plain, &mut self.out);
                }
                Piece::Open { name, attributes, .. } => self.start(name, attributes),
                Piece::Close { name } => self.end(name),
            }
        }
        while let Some(name) = self.open.pop() {
            close(name, &mut self.out);
        }
        self.out.push_str("</text></ClinicalDocument>");
        self.out
    }

    fn start(&mut self, name: &str, inside: &str) {
        let Some((name, role)) = known(name) else { return };
        let ends: &[&str] = match role {
            Role::Item => &["li"],
            Role::Cell | Role::HeadingCell => &["td", "th"],
            Role::Row => &["td", "th", "tr"],
            Role::Head | Role::Body | Role::Foot => &["td", "th", "tr", "thead", "tbody", "tfoot"],
            _ if matches!(name, "dt" | "dd") => &["dt", "dd"],
            Role::Paragraph | Role::Table | Role::Heading | Role::Preformatted | Role::Ordered | Role::Unordered | Role::Rule => {
                &["p"]
            }
            _ => &[],
        };
        while let Some(at) = self.reach(role).iter().rposition(|open| ends.contains(open)) {
            self.close_from(self.open.len() - self.reach(role).len() + at);
        }
        let is_void = VOID.contains(&name);
        if !is_void && self.open.len() >= HTML_DEPTH_MAX {
            return;
        }
        self.out.push('<');
        self.out.push_str(name);
        self.attributes(inside);
        self.out.push_str(if is_void { "/>" } else { ">" });
        if !is_void {
            self.open.push(name);
        }
    }

    /// What is open as far out as an element of this role may close: not beyond its own list or table, nor beyond a cell.
    fn reach(&self, role: Role) -> &[&'static str] {
        let stops: &[&str] = match role {
            Role::Item => &["ul", "ol", "table", "td", "th"],
            Role::Cell | Role::HeadingCell | Role::Row | Role::Head | Role::Body | Role::Foot => &["table"],
            _ => &["table", "td", "th", "li"],
        };
        let from = self.open.iter().rposition(|open| stops.contains(open)).map_or(0, |at| at + 1);
        self.open.get(from..).unwrap_or_default()
    }

    fn attributes(&mut self, inside: &str) {
        let mut written: Vec<&str> = Vec::new();
        let mut value = String::new();
        for (name, raw) in attributes(inside) {
            let known = ATTRIBUTES.iter().find(|(html, _)| name.eq_ignore_ascii_case(html));
            let Some((_, name)) = known.filter(|(_, name)| !written.contains(name)) else { continue };
            written.push(name);
            value.clear();
            unescape(raw, &mut value);
            self.out.push(' ');
            self.out.push_str(name);
            self.out.push_str("=\"");
            escape(&value, &mut self.out);
            self.out.push('"');
        }
    }

    fn end(&mut self, name: &str) {
        let Some((name, role)) = known(name) else { return };
        let is_table = role == Role::Table;
        let reach = if is_table { self.open.as_slice() } else { self.reach(role) };
        // A cell's own end is where its reach begins.
        let own = self.open.len() - reach.len();
        let at = match reach.iter().rposition(|open| *open == name) {
            Some(at) => own + at,
            None if own > 0 && self.open.get(own - 1) == Some(&name) => own - 1,
            None => return,
        };
        self.close_from(at);
    }

    fn close_from(&mut self, at: usize) {
        while self.open.len() > at {
            if let Some(name) = self.open.pop() {
                close(name, &mut self.out);
            }
        }
    }
}

/// An HTML element that the list takes, by the name that is written.
fn known(name: &str) -> Option<(&'static str, Role)> {
    let lower = name.to_ascii_lowercase();
    let written = NAMES.iter().find(|(html, _)| *html == lower).map_or(lower.as_str(), |(_, written)| written);
    let (written, rule) = allowed().named(written)?;
    Some((written, rule.role))
}

fn close(name: &str, out: &mut String) {
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() && !matches!(c, '\n' | '\r' | '\t') => out.push('\u{FFFD}'),
            c => out.push(c),
        }
    }
}

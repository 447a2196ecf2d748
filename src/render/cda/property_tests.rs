//! Whatever tree a narrative is, its page is made of the list's elements, attributes and addresses, and holds the narrative's text.
//!
//! Not for: single cases (`tests`).

use proptest::prelude::*;

use super::allow::allowed;
use super::*;
use crate::render::pdf::content::{Block, Cell, Run};

const NAMES: [&str; 40] = [
    "paragraph",
    "content",
    "br",
    "sub",
    "sup",
    "list",
    "item",
    "caption",
    "table",
    "colgroup",
    "col",
    "thead",
    "tbody",
    "tfoot",
    "tr",
    "th",
    "td",
    "linkHtml",
    "footnote",
    "footnoteRef",
    "renderMultiMedia",
    "div",
    "pre",
    "ul",
    "ol",
    "li",
    "h1",
    "hr",
    "span",
    "b",
    "del",
    "a",
    "script",
    "iframe",
    "form",
    "svg",
    "x-y",
    "style",
    "input",
    "p",
];
const ATTRIBUTES: [&str; 18] = [
    "ID",
    "styleCode",
    "language",
    "revised",
    "listType",
    "colspan",
    "rowspan",
    "scope",
    "headers",
    "align",
    "href",
    "title",
    "name",
    "summary",
    "width",
    "onclick",
    "style",
    "class",
];
const VALUES: [&str; 16] = [
    "a",
    "Bold xAlert",
    "en-US",
    "delete",
    "ordered",
    "3",
    "999999",
    "col",
    "center",
    "#a",
    "https://x.example/?q=1&r=2",
    "javascript:alert(1)",
    "\"><script>",
    "data:text/html,x",
    "50%",
    " jAvAsCrIpT:x",
];
const TEXTS: [&str; 10] = ["word", " two words ", "<b>&amp;", "\"'>", "5 µg", "\n\t", "a  b   c", "]]>", "é\u{a0}ü", "\u{202e}x"];

#[derive(Clone, Debug)]
enum Tree {
    Text(&'static str),
    Element(&'static str, Vec<(&'static str, &'static str)>, Vec<Tree>),
}

fn trees() -> impl Strategy<Value = Tree> {
    let text = prop::sample::select(TEXTS.to_vec()).prop_map(Tree::Text);
    text.prop_recursive(6, 60, 6, |inner| {
        let attributes =
            prop::collection::vec((prop::sample::select(ATTRIBUTES.to_vec()), prop::sample::select(VALUES.to_vec())), 0..4);
        (prop::sample::select(NAMES.to_vec()), attributes, prop::collection::vec(inner, 0..6))
            .prop_map(|(name, attributes, children)| Tree::Element(name, attributes, children))
    })
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn written(tree: &Tree, out: &mut String) {
    match tree {
        Tree::Text(text) => out.push_str(&escaped(text)),
        Tree::Element(name, attributes, children) => {
            out.push('<');
            out.push_str(name);
            let mut given: Vec<&str> = Vec::new();
            for (name, value) in attributes {
                if !given.contains(name) {
                    given.push(name);
                    out.push_str(&format!(" {name}=\"{}\"", escaped(value)));
                }
            }
            out.push('>');
            children.iter().for_each(|child| written(child, out));
            out.push_str(&format!("</{name}>"));
        }
    }
}

/// The text of a tree in its order, without white space.
fn words(tree: &Tree, out: &mut String) {
    match tree {
        Tree::Text(text) => out.extend(text.chars().filter(|c| !c.is_whitespace())),
        Tree::Element(_, _, children) => children.iter().for_each(|child| words(child, out)),
    }
}

/// Holds HTML against the list, and gives the text of its narrative without what the page adds: marks, addresses, numbers of notes.
fn held(html: &str) -> String {
    let added = ["mark", "missing", "address", "address print"];
    let mut text = String::new();
    let mut open: Vec<(String, bool)> = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        let is_narrative = open.iter().any(|(name, _)| name == "narrative");
        if is_narrative && !open.iter().any(|(_, is_added)| *is_added) {
            text.push_str(&rest[..at]);
        }
        let end = at + rest[at..].find('>').expect("a tag ends");
        let inside = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = inside.strip_prefix('/') {
            let opened = open.pop().map(|(name, _)| name).map(|own| if own == "narrative" { "div".to_owned() } else { own });
            assert_eq!(opened.as_deref(), Some(name), "elements are closed in order: {html}");
            continue;
        }
        let (name, mut attributes) = inside.split_once(' ').unwrap_or((inside, ""));
        let known = allowed().html.elements.get(name).unwrap_or_else(|| panic!("<{name}> is not on the list: {html}"));
        let (mut class, mut is_note_mark) = ("", false);
        while !attributes.is_empty() {
            let Some((attribute, after)) = attributes.split_once("=\"") else {
                assert_eq!(attributes, "open");
                break;
            };
            let (value, after) = after.split_once('"').expect("quoted");
            assert!(known.iter().chain(&allowed().html.any).any(|own| own == attribute), "<{name} {attribute}>: {html}");
            match attribute {
                "href" => {
                    let is_safe = value.starts_with('#') || value.starts_with("https://");
                    assert!(is_safe, "a link to {value}");
                    is_note_mark |= value.starts_with("#note-");
                }
                "class" => class = value,
                _ => {}
            }
            attributes = after.trim_start();
        }
        if !["br", "hr", "img", "col"].contains(&name) {
            let is_added = added.contains(&class) || is_note_mark || name == "figure";
            let name = if class == "narrative" { class } else { name };
            open.push((name.to_owned(), is_added));
        }
    }
    assert!(open.is_empty(), "every element is closed");
    for (entity, plain) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")] {
        text = text.replace(entity, plain);
    }
    text.replace("[U+202E]", "\u{202e}").chars().filter(|c| !c.is_whitespace()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn any_tree_keeps_its_text_and_nothing_else(trees in prop::collection::vec(trees(), 1..5)) {
        let (mut inside, mut wanted) = (String::new(), String::new());
        for tree in &trees {
            written(tree, &mut inside);
            words(tree, &mut wanted);
        }
        let source = format!(
            "<ClinicalDocument xmlns='urn:hl7-org:v3'><component><structuredBody><component><section><title>T</title><text>{inside}</text>\
             </section></component></structuredBody></component></ClinicalDocument>"
        );
        let page = page(source.as_bytes(), Options::default()).expect("a page");
        let html = fragment(&page);
        let got = strip_numbers(&held(&html), &wanted).replace(['(', ')'], "");
        prop_assert_eq!(&got, &wanted, "{}", html);
        // Printed, all of it is there as well.
        let mut printed = String::new();
        blocks(&paper(&page, true).parts[0].blocks, &mut printed);
        let mut rest = printed.as_str();
        for c in wanted.chars().filter(|c| *c != '\u{202e}') {
            rest = rest.split_once(c).unwrap_or_else(|| panic!("{c} is not printed in its place: {printed}")).1;
        }
    }
}

/// Takes numbers of notes, `[1]`, out of text that has no brackets of its own.
fn strip_numbers(got: &str, wanted: &str) -> String {
    assert!(!wanted.contains('['));
    let mut out = String::new();
    let mut rest = got;
    while let Some((before, after)) = rest.split_once('[') {
        out.push_str(before);
        rest = after.split_once(']').map_or("", |(_, after)| after);
    }
    out + rest
}

/// All words of printed blocks, in order.
fn blocks(all: &[Block], out: &mut String) {
    let runs = |runs: &[Run], out: &mut String| runs.iter().for_each(|run| out.push_str(&run.text));
    let rows = |rows: &[Vec<Cell>], out: &mut String| rows.iter().flatten().for_each(|cell| blocks(&cell.blocks, out));
    for block in all {
        match block {
            Block::Heading { words, .. } | Block::Paragraph { words, .. } => runs(words, out),
            Block::List { items, .. } => items.iter().for_each(|item| blocks(item, out)),
            Block::Table(table) => {
                runs(&table.caption, out);
                rows(&table.head, out);
                rows(&table.body, out);
                rows(&table.foot, out);
            }
            Block::Box { blocks: inner, .. } | Block::Indent(inner) => blocks(inner, out),
            _ => {}
        }
    }
}

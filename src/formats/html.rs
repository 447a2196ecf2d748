//! The text of an HTML document, in reading order.
//!
//! Not for: showing the document (`render::narrative`), deciding what is hidden by style sheets.

use encoding_rs::Encoding;

use super::flow::Flow;
use super::markup::{Piece, Pieces, attributes, unescape};
use super::{Extracted, encoding, finding};

/// The HTML standard looks for `<meta charset>` in the first 1024 bytes.
const META_WITHIN: usize = 1024;

pub(super) fn read(bytes: &[u8], declared_type: Option<&str>, read: &mut Extracted) {
    let declared = encoding::charset(declared_type).or_else(|| meta_charset(bytes));
    let html = encoding::decode(bytes, declared, &mut read.findings);
    let mut pieces = Pieces::new(&html);
    read.text = text(&mut pieces);
    read.searchable = true;
    if pieces.is_cut() {
        read.findings.push(finding("html.cut", bytes.len(), "ends within a tag, comment or script"));
    }
}

fn meta_charset(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(META_WITHIN)]);
    Pieces::new(&head).find_map(|piece| match piece {
        Piece::Open { name, attributes: inside, .. } if name.eq_ignore_ascii_case("meta") => {
            attributes(inside).find_map(|(name, value)| match name.to_ascii_lowercase().as_str() {
                "charset" => encoding::named(value.trim()),
                "content" => encoding::charset(Some(value)),
                _ => None,
            })
        }
        _ => None,
    })
}

fn text(pieces: &mut Pieces) -> String {
    let mut flow = Flow::default();
    let mut preformatted = 0u32;
    let mut plain = String::new();
    for piece in pieces.by_ref() {
        match piece {
            Piece::Text(raw) => {
                plain.clear();
                unescape(raw, &mut plain);
                if preformatted > 0 { flow.preformatted(&plain) } else { flow.text(&plain) }
            }
            Piece::Open { name, .. } => {
                preformatted += u32::from(name.eq_ignore_ascii_case("pre"));
                at_tag(&mut flow, name, false);
            }
            Piece::Close { name } => {
                preformatted = preformatted.saturating_sub(u32::from(name.eq_ignore_ascii_case("pre")));
                at_tag(&mut flow, name, true);
            }
        }
        if flow.is_full() {
            break;
        }
    }
    flow.finish()
}

fn at_tag(flow: &mut Flow, name: &str, close: bool) {
    let mut lower = [0u8; 10];
    let Some(lower) = lower.get_mut(..name.len()) else { return };
    lower.copy_from_slice(name.as_bytes());
    lower.make_ascii_lowercase();
    match &*lower {
        b"br" => flow.line(),
        b"td" | b"th" if close => flow.cell(),
        b"tr" | b"table" | b"thead" | b"tbody" | b"tfoot" => flow.row(),
        b"address" | b"article" | b"aside" | b"blockquote" | b"body" | b"caption" | b"center" | b"dd" | b"details" | b"dir"
        | b"div" | b"dl" | b"dt" | b"fieldset" | b"figcaption" | b"figure" | b"footer" | b"form" | b"h1" | b"h2" | b"h3"
        | b"h4" | b"h5" | b"h6" | b"head" | b"header" | b"hr" | b"html" | b"legend" | b"li" | b"main" | b"nav" | b"ol"
        | b"option" | b"p" | b"pre" | b"section" | b"select" | b"summary" | b"textarea" | b"title" | b"ul" | b"xmp" => {
            flow.block()
        }
        _ => {}
    }
}

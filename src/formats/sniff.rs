//! What kind of document some bytes are, judged by the bytes.
//!
//! Not for: believing a file name or a declared type; the declared type decides only between kinds that look the same.

use super::media_kind::MediaKind;
use super::{docx, encoding};

/// As much of the beginning as is looked at; a CDA may open with long comments and stylesheet instructions.
const HEAD: usize = 8 << 10;
/// Readers of PDF accept that much in front of the header (ISO 32000-1, Annex H, note 13).
const PDF_HEADER_WITHIN: usize = 1024;

/// Tells the kind of `bytes`. `declared` is the media type that came with them, a hint at most.
pub fn sniff(bytes: &[u8], declared: Option<&str>) -> MediaKind {
    let head = &bytes[..bytes.len().min(HEAD)];
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return docx::kind(bytes);
    }
    binary_kind(head).unwrap_or_else(|| text_kind(head, declared))
}

fn binary_kind(head: &[u8]) -> Option<MediaKind> {
    if head.starts_with(b"II*\0") || head.starts_with(b"MM\0*") || head.starts_with(b"II+\0") || head.starts_with(b"MM\0+") {
        return Some(MediaKind::Tiff);
    }
    if head.starts_with(b"\xFF\xD8\xFF") {
        return Some(MediaKind::Jpeg);
    }
    if head.starts_with(b"\x89PNG\r\n\x1A\n") {
        return Some(MediaKind::Png);
    }
    if head.starts_with(b"GIF87a") || head.starts_with(b"GIF89a") {
        return Some(MediaKind::Gif);
    }
    // The size of its header tells it from words that begin with these letters.
    if head.starts_with(b"BM") && matches!(head.get(14..18), Some([12 | 40 | 52 | 56 | 64 | 108 | 124, 0, 0, 0])) {
        return Some(MediaKind::Bmp);
    }
    if (head.starts_with(b"RIFF") || head.starts_with(b"RF64")) && head.get(8..12) == Some(b"WAVE") {
        return Some(MediaKind::Wav);
    }
    if head.starts_with(b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1") {
        return Some(MediaKind::Ole);
    }
    let near = &head[..head.len().min(PDF_HEADER_WITHIN)];
    memchr::memmem::find(near, b"%PDF-").map(|_| MediaKind::Pdf)
}

fn text_kind(head: &[u8], declared: Option<&str>) -> MediaKind {
    if head.iter().all(|&b| b == 0) && !head.is_empty() {
        return MediaKind::Unknown;
    }
    let text = encoding::decode_head(head, declared);
    let text = text.trim_start();
    if text.starts_with("{\\rtf") {
        return MediaKind::Rtf;
    }
    if looks_like_json(text) {
        return MediaKind::Json;
    }
    if let Some(kind) = markup_kind(text) {
        return kind;
    }
    if is_binary(text) {
        return MediaKind::Unknown;
    }
    let declared_html = declared.is_some_and(|d| d.to_ascii_lowercase().contains("html"));
    if declared_html && text.contains(['<', '&']) { MediaKind::Html } else { MediaKind::Text }
}

/// An opening bracket alone is no sign: notes begin with `[x] Diabetes`.
fn looks_like_json(text: &str) -> bool {
    let inner = |rest: &str, starts: &[char]| rest.trim_start().starts_with(starts);
    match text.as_bytes().first() {
        Some(b'{') => inner(&text[1..], &['"', '}']),
        Some(b'[') => inner(&text[1..], &['{', '"', '[']),
        _ => false,
    }
}

fn markup_kind(text: &str) -> Option<MediaKind> {
    let declared_xml = text.starts_with("<?xml");
    let Some((doctype, root)) = prolog(text) else {
        return declared_xml.then_some(MediaKind::Xml);
    };
    let local = root.rsplit(':').next().unwrap_or(root);
    if local == "ClinicalDocument" {
        return Some(MediaKind::Cda);
    }
    // With an XML declaration `<a>` may be anything, without one it is a piece of HTML.
    let html_roots = if declared_xml { &HTML_ROOTS[..1] } else { HTML_ROOTS };
    if doctype.is_some_and(|d| d.eq_ignore_ascii_case("html")) || html_roots.iter().any(|h| local.eq_ignore_ascii_case(h)) {
        return Some(MediaKind::Html);
    }
    // `<name` must be followed by what can follow a tag name, or it is prose such as `<patient name here` or `<a@b.org>`.
    let after = text[root.as_ptr() as usize - text.as_ptr() as usize + root.len()..].chars().next();
    let closed = text.contains("</") || text.contains("/>");
    let is_tag = after.is_some_and(|c| c == '>' || c == '/' || c.is_whitespace()) && closed;
    (declared_xml || is_tag).then_some(MediaKind::Xml)
}

/// Elements with which an HTML document or fragment begins.
const HTML_ROOTS: &[&str] = &[
    "html", "head", "body", "title", "meta", "style", "script", "div", "p", "table", "span", "br", "b", "i", "u", "font",
    "center", "h1", "h2", "h3", "h4", "pre", "ul", "ol", "hr", "img", "strong", "em", "a",
];

/// Skips XML declaration, instructions, comments and document type; gives the doctype's name and the root element's.
pub(super) fn prolog(mut text: &str) -> Option<(Option<&str>, &str)> {
    let mut doctype = None;
    loop {
        text = text.trim_start();
        let rest = text.strip_prefix('<')?;
        if let Some(instruction) = rest.strip_prefix('?') {
            text = instruction.split_once("?>")?.1;
        } else if let Some(comment) = rest.strip_prefix("!--") {
            text = comment.split_once("-->")?.1;
        } else if let Some(declaration) = rest.strip_prefix('!') {
            let end = declaration_end(declaration)?;
            doctype = declaration[..end].split(|c: char| c.is_whitespace() || c == '[').nth(1);
            text = &declaration[end + 1..];
        } else {
            let end = rest.find(|c: char| !(c.is_alphanumeric() || "_-.:".contains(c))).unwrap_or(rest.len());
            return rest.starts_with(|c: char| c.is_alphabetic() || c == '_').then_some((doctype, &rest[..end]));
        }
    }
}

/// Where a document type ends: at its first `>`, or at the first one behind `]` when it has an internal subset.
fn declaration_end(declaration: &str) -> Option<usize> {
    let end = declaration.find('>')?;
    let Some(subset) = declaration[..end].find('[') else { return Some(end) };
    let mut close = subset + declaration[subset..].find(']')?;
    loop {
        let after = declaration[close + 1..].trim_start();
        if after.starts_with('>') {
            return Some(declaration.len() - after.len());
        }
        close += 1 + declaration[close + 1..].find(']')?;
    }
}

/// More than one control character in ten (other than tab, line ends, form feed, escape), or NULs, is not text.
fn is_binary(text: &str) -> bool {
    let (mut control, mut all) = (0usize, 0usize);
    for c in text.chars() {
        all += 1;
        control += usize::from(c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{c}' | '\u{b}' | '\u{1b}'));
    }
    control * 10 > all
}

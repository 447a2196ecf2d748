//! Markup made by our own code, told apart from text by its type: text is escaped by the templates, `Markup` is not.
//!
//! Not for: archived HTML. That is never put into a page of ours; it is shown in a sandboxed frame. A CDA document is no HTML:
//! the renderer writes it anew, and its page has a policy that lets no script run but ours.

use std::fmt;
use std::ops::Range;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};

/// HTML or SVG written by the viewer itself, every piece of outside text in it already escaped.
#[derive(Clone, Default, Debug)]
pub struct Markup(String);

impl Markup {
    /// The caller vouches that every outside text in `html` went through [`escape`].
    pub(super) fn trusted(html: String) -> Markup {
        Markup(html)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&str> for Markup {
    fn from(text: &str) -> Markup {
        Markup(escape(text))
    }
}

impl From<String> for Markup {
    fn from(text: String) -> Markup {
        Markup::from(text.as_str())
    }
}

impl fmt::Display for Markup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl askama::filters::HtmlSafe for Markup {}

/// Text made safe for element content and for double-quoted attributes.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

/// All but what RFC 3986, section 2.3, leaves as it is.
const ESCAPED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One path segment or query value of a URL.
pub fn url_part(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, &ESCAPED).to_string()
}

/// A text in pieces, the marked ones told apart. Ranges that do not fit the text are ignored.
pub fn pieces(text: &str, marks: &[Range<usize>]) -> Vec<(String, bool)> {
    let (mut out, mut at) = (Vec::new(), 0);
    for m in marks {
        let (Some(before), Some(word)) = (text.get(at..m.start), text.get(m.clone())) else { continue };
        out.push((before.to_string(), false));
        out.push((word.to_string(), true));
        at = m.end;
    }
    out.push((text.get(at..).unwrap_or_default().to_string(), false));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::single_range_in_vec_init, reason = "one mark is a list of one range")]
    fn wrong_marks_do_no_harm() {
        let text =
            |p: Vec<(String, bool)>| p.into_iter().map(|(t, on)| if on { format!("[{t}]") } else { t }).collect::<String>();
        assert_eq!(text(pieces("für Metoprolol", &[5..15])), "für [Metoprolol]");
        assert_eq!(text(pieces("für", &[2..3, 9..12])), "für");
    }
}

//! Markup made by our own code, told apart from text by its type: text is escaped by the templates, `Markup` is not.
//!
//! Not for: archived HTML. That is never put into a page of ours; it is shown in a sandboxed frame.

use std::fmt;

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

/// One path segment or query value of a URL.
pub fn url_part(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

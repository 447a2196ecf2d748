//! Writing XML: elements, attributes and text, escaped where they stand; what XML cannot hold is shown by a visible sign.
//!
//! Not for: which elements there are (`write`).

use std::fmt::Write as _;

/// A document being written.
#[derive(Debug, Default)]
pub struct Xml {
    out: String,
    /// The start tag of the element last begun is not closed yet.
    is_tag_open: bool,
}

impl Xml {
    pub fn new() -> Xml {
        Xml { out: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".into(), is_tag_open: false }
    }

    pub fn finish(self) -> String {
        self.out
    }

    /// An element with what `inside` writes.
    pub fn element(&mut self, name: &str, inside: impl FnOnce(&mut Xml)) {
        self.close_tag();
        self.out.push('<');
        self.out.push_str(name);
        self.is_tag_open = true;
        inside(self);
        if self.is_tag_open {
            self.out.push_str("/>");
            self.is_tag_open = false;
        } else {
            self.out.push_str("</");
            self.out.push_str(name);
            self.out.push('>');
        }
    }

    /// An attribute of the element begun last; one without a value is not written.
    pub fn attr(&mut self, name: &str, value: &str) {
        debug_assert!(self.is_tag_open, "{name} comes too late");
        if self.is_tag_open && !value.is_empty() {
            self.out.push(' ');
            self.out.push_str(name);
            self.out.push_str("=\"");
            escape(&mut self.out, value, true);
            self.out.push('"');
        }
    }

    pub fn attr_if(&mut self, name: &str, value: Option<&str>) {
        self.attr(name, value.unwrap_or_default());
    }

    pub fn text(&mut self, text: &str) {
        if !text.is_empty() {
            self.close_tag();
            escape(&mut self.out, text, false);
        }
    }

    /// Text that is known to need no escaping.
    pub fn plain(&mut self, text: &str) {
        self.close_tag();
        self.out.push_str(text);
    }

    /// A line break between elements, for whoever reads the source.
    pub fn line(&mut self) {
        self.close_tag();
        self.out.push('\n');
    }

    fn close_tag(&mut self) {
        if self.is_tag_open {
            self.out.push('>');
            self.is_tag_open = false;
        }
    }
}

fn escape(out: &mut String, text: &str, in_attribute: bool) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' if in_attribute => out.push_str("&quot;"),
            // As they are, a reader would make blanks of them.
            '\t' | '\n' if in_attribute => {
                let _ = write!(out, "&#{};", c as u32);
            }
            '\t' | '\n' => out.push(c),
            '\r' => out.push_str("&#13;"),
            // XML cannot hold these, not even escaped: the signs for control characters stand in their place.
            '\0'..='\x1f' => out.push(char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}')),
            '\u{fffe}' | '\u{ffff}' => {
                let _ = write!(out, "[U+{:04X}]", c as u32);
            }
            _ => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_escaped_and_nothing_illegal_is_written() {
        let mut x = Xml::default();
        x.element("a", |x| {
            x.attr("b", "<\"&\n\u{1}\u{ffff}>");
            x.attr("c", "");
            x.text("<i>\r\u{8}&amp;");
            x.element("d", |_| {});
        });
        let whole = "<a b=\"&lt;&quot;&amp;&#10;␁[U+FFFF]&gt;\">&lt;i&gt;&#13;␈&amp;amp;<d/></a>";
        assert_eq!(x.finish(), whole);
    }
}

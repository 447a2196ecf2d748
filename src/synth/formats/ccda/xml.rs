//! Writing XML: elements with attributes and text, escaped. A call is an element, so that what is opened is closed.
//!
//! Not for: reading XML, or what the elements mean.

/// Attributes by name; those with an empty value are left out.
pub type Attrs<'a> = &'a [(&'a str, &'a str)];

/// XML in the making.
#[derive(Default)]
pub struct Xml {
    pub text: String,
}

impl Xml {
    /// An element and what stands in it; `<name/>` when that is nothing.
    pub fn tag(&mut self, name: &str, attrs: Attrs<'_>, inner: impl FnOnce(&mut Xml)) {
        self.start(name, attrs);
        self.text.push('>');
        let empty = self.text.len();
        inner(self);
        if self.text.len() == empty {
            self.text.pop();
            self.text.push_str("/>\n");
            return;
        }
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push_str(">\n");
    }

    /// An element without content.
    pub fn empty(&mut self, name: &str, attrs: Attrs<'_>) {
        self.tag(name, attrs, |_| {});
    }

    /// An element with text.
    pub fn leaf(&mut self, name: &str, attrs: Attrs<'_>, text: &str) {
        self.tag(name, attrs, |x| x.words(text));
    }

    /// Text.
    pub fn words(&mut self, text: &str) {
        escape(&mut self.text, text);
    }

    fn start(&mut self, name: &str, attrs: Attrs<'_>) {
        self.text.push('<');
        self.text.push_str(name);
        for (key, value) in attrs.iter().filter(|(_, value)| !value.is_empty()) {
            self.text.push(' ');
            self.text.push_str(key);
            self.text.push_str("=\"");
            escape(&mut self.text, value);
            self.text.push('"');
        }
    }
}

fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
}

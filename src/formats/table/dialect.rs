//! How a table is written down: delimiters or fixed columns, quotes, line ends, header, encoding; and how a mapping file
//! says so.
//!
//! Not for: finding it out (`detect`).

use serde::Deserialize;

/// How the rows of one file are written.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "Written")]
pub struct Dialect {
    pub layout: Layout,
    pub line_end: LineEnd,
    /// Whether the first row names the columns.
    pub header: bool,
    /// The names of the columns where no header does; may be empty.
    pub names: Vec<String>,
    pub encoding: TextEncoding,
}

/// Where a field ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Layout {
    Delimited(Delimited),
    FixedWidth(Vec<FixedColumn>),
}

/// Fields between delimiters. Both bytes are ASCII and differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delimited {
    pub byte: u8,
    /// A field that begins with it ends with it and may hold delimiters and line ends.
    pub quote: Option<u8>,
    pub escape: Escape,
}

/// How a quote stands inside a quoted field.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Escape {
    /// `""`
    #[default]
    Doubled,
    /// `\"`; the backslash also takes the meaning from delimiters, line ends and itself, in fields with and without quotes.
    /// In a dialect without quotes `\n`, `\r` and `\t` stand for themselves, as in PostgreSQL's COPY text.
    Backslash,
}

/// One column of a fixed-width table. Positions count characters, the first is 1, as data dictionaries have it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixedColumn {
    pub name: String,
    pub start: usize,
    pub len: usize,
}

/// What ends a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LineEnd {
    /// LF, or CR LF.
    #[default]
    Lf,
    /// CR LF alone: a single LF belongs to its field.
    Crlf,
    /// CR alone.
    Cr,
}

/// How characters are written as bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
pub enum TextEncoding {
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    #[serde(rename = "utf-16le")]
    Utf16Le,
    #[serde(rename = "utf-16be")]
    Utf16Be,
    #[serde(rename = "windows-1252")]
    Windows1252,
    /// Row by row: UTF-8, and windows-1252 in the rows that are not. For files that several programs wrote into.
    #[serde(rename = "utf-8-or-windows-1252")]
    Mixed,
}

impl TextEncoding {
    /// As a mapping file names it.
    pub fn name(self) -> &'static str {
        match self {
            TextEncoding::Utf8 => "utf-8",
            TextEncoding::Utf16Le => "utf-16le",
            TextEncoding::Utf16Be => "utf-16be",
            TextEncoding::Windows1252 => "windows-1252",
            TextEncoding::Mixed => "utf-8-or-windows-1252",
        }
    }

    pub(super) fn is_wide(self) -> bool {
        matches!(self, TextEncoding::Utf16Le | TextEncoding::Utf16Be)
    }
}

impl Default for Dialect {
    /// Commas, double quotes, a header, UTF-8.
    fn default() -> Dialect {
        let comma = Delimited { byte: b',', quote: Some(b'"'), escape: Escape::Doubled };
        Dialect {
            layout: Layout::Delimited(comma),
            line_end: LineEnd::Lf,
            header: true,
            names: Vec::new(),
            encoding: TextEncoding::Utf8,
        }
    }
}

/// Why a dialect cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("dialect: {0}")]
pub struct DialectError(&'static str);

/// The form in a mapping file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    delimiter: Option<String>,
    #[serde(default)]
    quote: Option<String>,
    #[serde(default)]
    escape: Option<Escape>,
    /// Makes it a fixed-width table.
    #[serde(default)]
    columns: Option<Vec<FixedColumn>>,
    #[serde(default)]
    line_end: LineEnd,
    #[serde(default)]
    header: Option<bool>,
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    encoding: TextEncoding,
}

impl TryFrom<Written> for Dialect {
    type Error = DialectError;

    fn try_from(w: Written) -> Result<Dialect, DialectError> {
        let (layout, header) = match w.columns {
            Some(columns) => {
                if w.delimiter.is_some() || w.quote.is_some() || w.escape.is_some() || !w.names.is_empty() {
                    return Err(DialectError("columns of fixed width have no delimiter, quote, escape or names beside them"));
                }
                if columns.is_empty()
                    || columns.iter().any(|c| c.start == 0 || c.len == 0 || c.start.checked_add(c.len).is_none())
                {
                    return Err(DialectError("a column of fixed width starts at 1 or later and is at least 1 long"));
                }
                (Layout::FixedWidth(columns), w.header.unwrap_or(false))
            }
            None => {
                let byte = one_byte(w.delimiter.as_deref().unwrap_or(","))?.ok_or(DialectError("a table needs a delimiter"))?;
                let quote = one_byte(w.quote.as_deref().unwrap_or("\""))?;
                if quote == Some(byte) {
                    return Err(DialectError("delimiter and quote are the same"));
                }
                let escape = w.escape.unwrap_or_default();
                (Layout::Delimited(Delimited { byte, quote, escape }), w.header.unwrap_or(true))
            }
        };
        if header && !w.names.is_empty() {
            return Err(DialectError("a file with a header takes its names from there; say header = false to give others"));
        }
        Ok(Dialect { layout, line_end: w.line_end, header, names: w.names, encoding: w.encoding })
    }
}

/// A delimiter or quote: one ASCII character, `tab`, or `none`.
fn one_byte(text: &str) -> Result<Option<u8>, DialectError> {
    match (text, text.as_bytes()) {
        ("tab", _) => Ok(Some(b'\t')),
        ("none", _) => Ok(None),
        (_, &[byte]) if byte.is_ascii() && !matches!(byte, b'\r' | b'\n' | b'\\' | 0) => Ok(Some(byte)),
        _ => {
            Err(DialectError("delimiter and quote are one ASCII character each (no line end, no backslash), \"tab\" or \"none\""))
        }
    }
}

impl Dialect {
    /// As an inline table of TOML that reads back as this dialect.
    pub fn to_toml(&self) -> String {
        let mut parts = Vec::new();
        match &self.layout {
            Layout::Delimited(d) => {
                parts.push(format!("delimiter = {}", byte_text(d.byte)));
                parts.push(format!("quote = {}", d.quote.map_or("\"none\"".to_string(), byte_text)));
                if d.escape == Escape::Backslash {
                    parts.push("escape = \"backslash\"".to_string());
                }
            }
            Layout::FixedWidth(columns) => {
                let one = |c: &FixedColumn| format!("{{ name = {}, start = {}, len = {} }}", toml_text(&c.name), c.start, c.len);
                parts.push(format!("columns = [{}]", columns.iter().map(one).collect::<Vec<_>>().join(", ")));
            }
        }
        match self.line_end {
            LineEnd::Lf => {}
            LineEnd::Crlf => parts.push("line_end = \"crlf\"".to_string()),
            LineEnd::Cr => parts.push("line_end = \"cr\"".to_string()),
        }
        parts.push(format!("header = {}", self.header));
        if !self.names.is_empty() {
            let names: Vec<String> = self.names.iter().map(|name| toml_text(name)).collect();
            parts.push(format!("names = [{}]", names.join(", ")));
        }
        parts.push(format!("encoding = \"{}\"", self.encoding.name()));
        format!("{{ {} }}", parts.join(", "))
    }
}

fn byte_text(byte: u8) -> String {
    if byte == b'\t' { "\"tab\"".to_string() } else { toml_text(&char::from(byte).to_string()) }
}

fn toml_text(text: &str) -> String {
    toml::Value::String(text.to_string()).to_string()
}

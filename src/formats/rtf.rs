//! The text of an RTF document (Microsoft RTF specification 1.9.1).
//!
//! A reader for text alone: characters, paragraphs, tabs and cells. Code pages follow the font of each run, as they
//! do in notes that mix languages. Damage ends the reading and is told; what was read until then is kept.
//!
//! Not for: looks, pictures, embedded objects, the HTML that Outlook hides in RTF.

use encoding_rs::{BIG5, EUC_KR, Encoding, GBK, IBM866, MACINTOSH, SHIFT_JIS, UTF_8, WINDOWS_874, WINDOWS_1250};
use encoding_rs::{
    WINDOWS_1251, WINDOWS_1252, WINDOWS_1253, WINDOWS_1254, WINDOWS_1255, WINDOWS_1256, WINDOWS_1257, WINDOWS_1258,
};
use memchr::memchr3;

use super::{Extracted, finding};
use crate::limits::RTF_DEPTH_MAX;
use crate::model::Finding;

pub(super) fn read(bytes: &[u8], read: &mut Extracted) {
    let mut reader = Reader::new(bytes);
    reader.run();
    read.text = reader.text;
    read.findings.append(&mut reader.findings);
    read.searchable = true;
}

/// What a group inherits from the one around it.
#[derive(Clone, Copy)]
struct Group {
    /// Its text is no part of the document.
    skipped: bool,
    /// Within the font table, where `\f` and `\fcharset` define instead of use.
    fonts: bool,
    /// Marked as hidden (`\v`) or as deleted by a tracked change.
    hidden: bool,
    /// How many plain characters stand in for a `\u` (`\uc`).
    stand_ins: usize,
    encoding: &'static Encoding,
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    group: Group,
    outer: Vec<Group>,
    /// Encoding of the document (`\ansicpg`), and of each font that names another.
    default: &'static Encoding,
    fonts: Vec<(i32, &'static Encoding)>,
    font_defined: i32,
    default_font: i32,
    /// Bytes not decoded yet; a character of a double-byte code page comes in two parts.
    pending: Vec<u8>,
    /// First half of a character outside the basic plane.
    high_surrogate: Option<u16>,
    /// Stand-ins still to be skipped.
    skip: usize,
    text: String,
    findings: Vec<Finding>,
}

/// Groups whose text is not the document's. A group that opens with `\*` is one too unless it is in [`KEPT`].
const SKIPPED: &[&[u8]] = &[
    b"colortbl",
    b"stylesheet",
    b"info",
    b"pict",
    b"nonshppict",
    b"shprslt",
    b"sn",
    b"sv",
    b"xe",
    b"tc",
    b"rxe",
    b"filetbl",
    b"listtable",
    b"listoverridetable",
    b"revtbl",
    b"rsidtbl",
    b"template",
    b"generator",
    b"fldinst",
    b"objdata",
    b"objclass",
    b"atnid",
    b"atnauthor",
    b"datafield",
    b"themedata",
    b"colorschememapping",
    b"datastore",
    b"latentstyles",
    b"operator",
];
/// Optional groups with text that was written by somebody: comments, text boxes.
const KEPT: &[&[u8]] = &[b"annotation", b"shpinst", b"shptxt"];
/// Font numbers beyond this many are not remembered.
const FONTS_MAX: usize = 4096;

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Reader<'a> {
        let group = Group { skipped: false, fonts: false, hidden: false, stand_ins: 1, encoding: WINDOWS_1252 };
        Reader {
            bytes,
            at: 0,
            group,
            outer: Vec::new(),
            default: WINDOWS_1252,
            fonts: Vec::new(),
            font_defined: 0,
            default_font: 0,
            pending: Vec::new(),
            high_surrogate: None,
            skip: 0,
            text: String::with_capacity(bytes.len() / 2),
            findings: Vec::new(),
        }
    }

    fn run(&mut self) {
        while let Some(&b) = self.bytes.get(self.at) {
            self.at += 1;
            match b {
                b'{' => {
                    if self.outer.len() == RTF_DEPTH_MAX {
                        self.note("rtf.too-deep", "groups nested beyond the limit; the rest is left out");
                        break;
                    }
                    self.flush();
                    self.outer.push(self.group);
                }
                b'}' => {
                    self.flush();
                    match self.outer.pop() {
                        Some(group) => self.group = group,
                        None => self.note("rtf.unbalanced", "a closing brace too many"),
                    }
                    if self.outer.is_empty() {
                        break;
                    }
                }
                b'\\' => self.control(),
                b'\r' | b'\n' | 0 => {}
                _ => self.plain(),
            }
        }
        self.flush();
        if !self.outer.is_empty() && self.at >= self.bytes.len() {
            self.note("rtf.cut", "ends within a group");
        }
    }

    fn note(&mut self, code: &'static str, text: &str) {
        if !self.findings.iter().any(|f| f.code == code) {
            self.findings.push(finding(code, self.at, text));
        }
    }

    /// A run of characters that stand for themselves, the first of them already passed.
    fn plain(&mut self) {
        let start = self.at - 1;
        let rest = &self.bytes[self.at..];
        let len = match self.group.skipped {
            // Pictures: megabytes of hexadecimal digits.
            true => memchr3(b'\\', b'{', b'}', rest).unwrap_or(rest.len()),
            false => rest.iter().take_while(|b| !matches!(b, b'\\' | b'{' | b'}' | b'\r' | b'\n' | 0)).count(),
        };
        self.at += len;
        let run = &self.bytes[start..self.at];
        let skipped = self.skip.min(run.len());
        self.skip -= skipped;
        self.characters(&run[skipped..]);
    }

    fn characters(&mut self, run: &[u8]) {
        if run.is_empty() || self.is_silent() {
            return;
        }
        match std::str::from_utf8(run) {
            Ok(ascii) if self.pending.is_empty() && run.is_ascii() => {
                self.drop_half();
                self.text.push_str(ascii);
            }
            _ => self.pending.extend_from_slice(run),
        }
    }

    fn is_silent(&mut self) -> bool {
        if self.group.hidden && !self.group.skipped {
            self.note("rtf.hidden-text", "text marked as hidden or deleted is left out");
        }
        self.group.skipped || self.group.fonts || self.group.hidden
    }

    /// Decodes the bytes gathered so far.
    fn flush(&mut self) {
        if !self.pending.is_empty() {
            self.drop_half();
            let (text, damaged) = self.group.encoding.decode_without_bom_handling(&self.pending);
            self.text.push_str(&text);
            self.pending.clear();
            if damaged {
                self.note("rtf.damaged-encoding", "characters that the code page does not have");
            }
        }
    }

    fn drop_half(&mut self) {
        if self.high_surrogate.take().is_some() {
            self.text.push(char::REPLACEMENT_CHARACTER);
        }
    }

    /// What follows a backslash: a hexadecimal byte, a symbol, or a word with an optional number.
    fn control(&mut self) {
        let Some(&first) = self.bytes.get(self.at) else { return };
        if first == b'\'' {
            return self.hex_byte();
        }
        if !first.is_ascii_alphabetic() {
            self.at += 1;
            return self.symbol(first);
        }
        let rest = &self.bytes[self.at..];
        let len = rest.iter().take_while(|b| b.is_ascii_alphabetic()).count();
        let (word, rest) = rest.split_at(len);
        let minus = usize::from(rest.first() == Some(&b'-') && rest.get(1).is_some_and(u8::is_ascii_digit));
        let digits = rest[minus..].iter().take_while(|b| b.is_ascii_digit()).count();
        let number = (digits > 0).then(|| {
            let value =
                rest[minus..minus + digits].iter().fold(0i32, |n, b| n.saturating_mul(10).saturating_add(i32::from(b - b'0')));
            if minus == 1 { -value } else { value }
        });
        self.at += len + minus + digits;
        if self.bytes.get(self.at) == Some(&b' ') {
            self.at += 1;
        }
        self.word(word, number);
    }

    fn hex_byte(&mut self) {
        let digit = |b: Option<&u8>| b.and_then(|b| (*b as char).to_digit(16));
        let (high, low) = (digit(self.bytes.get(self.at + 1)), digit(self.bytes.get(self.at + 2)));
        let (Some(high), Some(low)) = (high, low) else {
            self.at += 1;
            return self.note("rtf.damaged-byte", "not two hexadecimal digits");
        };
        self.at += 3;
        if self.skip > 0 {
            self.skip -= 1;
        } else if !self.is_silent() {
            self.pending.push((high * 16 + low) as u8);
        }
    }

    fn symbol(&mut self, symbol: u8) {
        match symbol {
            b'\\' | b'{' | b'}' if self.skip == 0 => self.characters(&[symbol]),
            b'\\' | b'{' | b'}' | b'~' | b'_' | b'-' if self.skip > 0 => self.skip -= 1,
            b'~' => self.give(" "),
            b'_' => self.give("-"),
            b'\r' | b'\n' => self.give("\n"),
            b'*' => self.optional_group(),
            _ => {}
        }
    }

    /// `\*` marks a group to be passed over by readers who do not know the word that follows.
    fn optional_group(&mut self) {
        let rest = &self.bytes[self.at..];
        let space = rest.iter().take_while(|b| b.is_ascii_whitespace()).count();
        let word = rest[space..].strip_prefix(b"\\").unwrap_or_default();
        let len = word.iter().take_while(|b| b.is_ascii_alphabetic()).count();
        self.group.skipped |= !KEPT.contains(&&word[..len]);
    }

    fn word(&mut self, word: &[u8], number: Option<i32>) {
        match word {
            b"u" => return self.unicode(number.unwrap_or(0)),
            b"bin" => {
                self.at = self.at.saturating_add(usize::try_from(number.unwrap_or(0)).unwrap_or(0)).min(self.bytes.len());
                return;
            }
            _ => {}
        }
        self.flush();
        // A control word counts as one stand-in.
        self.skip = self.skip.saturating_sub(1);
        let on = number != Some(0);
        match word {
            b"par" | b"line" | b"sect" | b"page" | b"row" | b"nestrow" => self.give("\n"),
            b"tab" | b"cell" | b"nestcell" => self.give("\t"),
            b"emdash" => self.give("\u{2014}"),
            b"endash" => self.give("\u{2013}"),
            b"lquote" => self.give("\u{2018}"),
            b"rquote" => self.give("\u{2019}"),
            b"ldblquote" => self.give("\u{201c}"),
            b"rdblquote" => self.give("\u{201d}"),
            b"bullet" => self.give("\u{2022}"),
            b"emspace" | b"enspace" | b"qmspace" => self.give(" "),
            b"uc" => self.group.stand_ins = usize::try_from(number.unwrap_or(1)).unwrap_or(1),
            b"v" | b"deleted" => self.group.hidden = on,
            b"fonttbl" => self.group.fonts = true,
            b"f" => self.font(number.unwrap_or(0)),
            b"fcharset" => self.font_charset(number.unwrap_or(1)),
            b"deff" => self.default_font = number.unwrap_or(0),
            b"plain" => {
                self.group.hidden = false;
                self.font(self.default_font);
            }
            b"ansicpg" | b"mac" | b"pc" | b"pca" => self.code_page(word, number),
            _ if SKIPPED.contains(&word) => self.group.skipped = true,
            _ => {}
        }
    }

    fn give(&mut self, text: &str) {
        if !self.is_silent() {
            self.flush();
            self.drop_half();
            self.text.push_str(text);
        }
    }

    /// `\uN`: a UTF-16 unit as a signed number, followed by its stand-ins for older readers.
    fn unicode(&mut self, number: i32) {
        self.flush();
        self.skip = self.group.stand_ins;
        if self.is_silent() {
            return;
        }
        let unit = number as u16;
        match (self.high_surrogate.take(), unit) {
            (Some(high), 0xDC00..=0xDFFF) => {
                self.text.extend(char::decode_utf16([high, unit]).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
            }
            (_, 0xD800..=0xDBFF) => self.high_surrogate = Some(unit),
            _ => self.text.push(char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER)),
        }
    }

    fn font(&mut self, font: i32) {
        if self.group.fonts {
            self.font_defined = font;
        } else {
            let known = self.fonts.iter().rev().find(|(f, _)| *f == font);
            self.group.encoding = known.map_or(self.default, |(_, encoding)| encoding);
        }
    }

    fn font_charset(&mut self, charset: i32) {
        if !self.group.fonts || self.fonts.len() >= FONTS_MAX {
            return;
        }
        // 0 is ANSI, 1 the default, 2 symbols: all follow the document.
        let encoding = match charset {
            77 => MACINTOSH,
            128 => SHIFT_JIS,
            129 => EUC_KR,
            134 => GBK,
            136 => BIG5,
            161 => WINDOWS_1253,
            162 => WINDOWS_1254,
            163 => WINDOWS_1258,
            177 => WINDOWS_1255,
            178 => WINDOWS_1256,
            186 => WINDOWS_1257,
            204 => WINDOWS_1251,
            222 => WINDOWS_874,
            238 => WINDOWS_1250,
            _ => return,
        };
        self.fonts.push((self.font_defined, encoding));
    }

    fn code_page(&mut self, word: &[u8], number: Option<i32>) {
        let known = match (word, number) {
            (b"mac", _) | (_, Some(10000)) => Some(MACINTOSH),
            (b"ansicpg", Some(page)) => match page {
                0 | 1252 => Some(WINDOWS_1252),
                866 => Some(IBM866),
                874 => Some(WINDOWS_874),
                932 => Some(SHIFT_JIS),
                936 => Some(GBK),
                949 => Some(EUC_KR),
                950 => Some(BIG5),
                1250 => Some(WINDOWS_1250),
                1251 => Some(WINDOWS_1251),
                1253 => Some(WINDOWS_1253),
                1254 => Some(WINDOWS_1254),
                1255 => Some(WINDOWS_1255),
                1256 => Some(WINDOWS_1256),
                1257 => Some(WINDOWS_1257),
                1258 => Some(WINDOWS_1258),
                65001 => Some(UTF_8),
                _ => None,
            },
            _ => None,
        };
        match known {
            Some(encoding) => {
                self.default = encoding;
                self.group.encoding = encoding;
            }
            None => self.note("rtf.code-page", "a code page that is not known; read as windows-1252"),
        }
    }
}

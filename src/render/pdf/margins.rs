//! The words in the margins of pages, read back from a file that the press wrote: whoever checks a file asks what is printed, not
//! what was meant to be.
//!
//! Not for: the content of pages (`formats::pdf` reads any PDF), or PDF files that others made.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read as _};

use flate2::read::ZlibDecoder;

use super::excerpt::{Index, Reader, references};
use super::press::FONTS;

/// What the codes of each font mean.
#[derive(Debug, Default)]
pub struct Margins {
    fonts: BTreeMap<String, HashMap<u16, String>>,
}

/// Most bytes that a table of a font or the margins of a page unpack to.
const UNPACKED_MAX: u64 = 8 << 20;

impl Margins {
    /// Reads what the fonts of a file mean.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn of(index: &Index, read: &Reader<'_>) -> io::Result<Margins> {
        let mut fonts = BTreeMap::new();
        for (name, font) in references(&index.object(FONTS, read)?) {
            let font = index.object(font, read)?;
            let Some((_, table)) = references(&font).into_iter().find(|(key, _)| *key == b"ToUnicode") else { continue };
            fonts.insert(String::from_utf8_lossy(name).into_owned(), meanings(&unpacked(&index.object(table, read)?)?));
        }
        Ok(Margins { fonts })
    }

    /// The lines in the margins of a page (from 0): what the press drew last.
    ///
    /// # Errors
    /// The page cannot be read.
    pub fn lines(&self, index: &Index, page: usize, read: &Reader<'_>) -> io::Result<Vec<String>> {
        let number = index.number_of(page)?;
        let object = index.object(number, read)?;
        let last = references(&object).into_iter().rfind(|(key, _)| *key == b"Contents").map(|(_, number)| number);
        let Some(last) = last else { return Ok(Vec::new()) };
        Ok(self.drawn(&unpacked(&index.object(last, read)?)?))
    }

    /// The texts of a drawing; each that is begun is a line.
    fn drawn(&self, drawing: &[u8]) -> Vec<String> {
        let (mut lines, mut font) = (Vec::new(), None);
        let mut rest = drawing;
        while let Some((first, after)) = rest.split_first() {
            match first {
                b'/' => {
                    let end = after.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(after.len());
                    let (name, next) = after.split_at(end);
                    font = std::str::from_utf8(name).ok().and_then(|name| self.fonts.get(name)).or(font);
                    rest = next;
                }
                b'B' if after.first() == Some(&b'T') => {
                    lines.push(String::new());
                    rest = after;
                }
                b'(' => {
                    let (codes, next) = text(after);
                    let said = codes.chunks_exact(2).filter_map(|code| font?.get(&u16::from_be_bytes([code[0], code[1]])));
                    if let Some(line) = lines.last_mut() {
                        line.extend(said.map(String::as_str));
                    }
                    rest = next;
                }
                _ => rest = after,
            }
        }
        lines
    }
}

/// A text in round brackets, and what follows it.
fn text(mut rest: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut bytes = Vec::new();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match (first, after.split_first()) {
            (b')', _) => break,
            (b'\\', Some((escaped, next))) => {
                bytes.push(if *escaped == b'r' { b'\r' } else { *escaped });
                rest = next;
            }
            (byte, _) => bytes.push(*byte),
        }
    }
    (bytes, rest)
}

/// What the stream of an object unpacks to.
fn unpacked(object: &[u8]) -> io::Result<Vec<u8>> {
    let start = memchr::memmem::find(object, b"stream\n").map_or(object.len(), |at| at + b"stream\n".len());
    let mut out = Vec::new();
    ZlibDecoder::new(object.get(start..).unwrap_or_default()).take(UNPACKED_MAX).read_to_end(&mut out)?;
    Ok(out)
}

/// `<code> <UTF-16>`, line by line.
fn meanings(table: &[u8]) -> HashMap<u16, String> {
    let hex = |text: &str| -> Option<Vec<u16>> {
        let digits = text.strip_prefix('<')?.strip_suffix('>')?;
        let units = (0..digits.len()).step_by(4).map(|at| u16::from_str_radix(digits.get(at..at + 4)?, 16).ok());
        units.collect()
    };
    let meaning = |line: &str| {
        let (code, said) = line.split_once(' ')?;
        let code = hex(code).filter(|code| code.len() == 1)?;
        Some((*code.first()?, String::from_utf16(&hex(said)?).ok()?))
    };
    String::from_utf8_lossy(table).lines().filter_map(meaning).collect()
}

#[cfg(test)]
mod tests {
    use super::super::content::{Bates, Block, Content, Furniture, Line, Look, Part, Run};
    use super::*;

    #[test]
    fn what_stands_in_the_margins_is_read_back() {
        let line = |left: &str, right: &str| Line { left: left.into(), right: right.into(), ..Line::default() };
        let furniture = Furniture {
            head: vec![line("WÜNSCH, Ágnes (née \\ Σ)", "AVATAR To fi 12")],
            foot: vec![line("page {page} of {pages} of this document", "{bates}"), line("", "page {sheet} of {sheets}")],
            bates: Some(Bates { prefix: "RIV26-".into(), first: 41, digits: 8, is_of_file: true }),
            banner: Some("Not for others".into()),
        };
        let words = vec![Run { text: "lorem ipsum ".repeat(700), ..Run::default() }];
        let blocks = vec![Block::Paragraph { words, look: Look::Body, anchor: None }];
        let part = || Part { furniture: furniture.clone(), blocks: blocks.clone() };
        let file = super::super::typeset(&Content { parts: vec![part(), part()], ..Content::default() }).unwrap();
        let bytes = &file.bytes;
        let read = |at: u64, length: usize| Ok(bytes[at as usize..at as usize + length].to_vec());
        let index = Index::of(bytes.len() as u64, &read).unwrap();
        let margins = Margins::of(&index, &read).unwrap();
        let (pages, first) = (file.printed.pages as usize, file.printed.parts[0].end as usize - 1);
        assert!(first > 1 && pages > first, "{pages} {first}");
        let lines = margins.lines(&index, first, &read).unwrap();
        for said in [
            "Not for others",
            "WÜNSCH, Ágnes (née \\ Σ)",
            "AVATAR To fi 12",
            &format!("page 1 of {} of this document", pages - first),
            &format!("RIV26-{:08}", 41 + first),
            &format!("page {} of {pages}", first + 1),
        ] {
            assert!(lines.iter().any(|line| line == said), "{said}: {lines:?}");
        }
        assert!(!lines.iter().any(|line| line.contains("lorem")));
        assert!(margins.lines(&index, pages, &read).is_err());
    }
}

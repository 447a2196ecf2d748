//! One page of a file that the press wrote, as a file of its own: the objects that the page leads to, and no others. So a page
//! of thousands can be drawn without the rest of them.
//!
//! The objects are taken over as they stand, under their numbers; only the catalog and the page's node of the tree are new.
//!
//! Not for: PDF files that others made, or whether a file is the one it should be (its reader checks that).

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::press::TREE;
use crate::limits::{PDF_BYTES_MAX, PDF_SHEET_OBJECTS_MAX};

/// Gives so many bytes of the file from a place on.
pub type Reader<'r> = dyn Fn(u64, usize) -> io::Result<Vec<u8>> + 'r;

/// Where the objects and pages of a file stand.
#[derive(Debug)]
pub struct Index {
    /// Where each object starts, from number 1 on; 0: there is none.
    places: Vec<u64>,
    /// The same in order, with the end of the last object.
    starts: Vec<u64>,
    /// Numbers of each page and of its node.
    pages: Vec<(u32, u32)>,
}

/// Bytes from the end of a file in which it says where its table is.
const TAIL: usize = 64;
/// Bytes of a row of the table.
const ROW: usize = 20;

impl Index {
    /// Reads the table of a file of so many bytes.
    ///
    /// # Errors
    /// The file cannot be read, or the press did not write it.
    pub fn of(bytes: u64, read: &Reader<'_>) -> io::Result<Index> {
        let tail = read(bytes.saturating_sub(TAIL as u64), TAIL.min(bytes as usize))?;
        let at = memchr::memmem::rfind(&tail, b"startxref\n").ok_or_else(foreign)? + b"startxref\n".len();
        let start = number(tail.get(at..).unwrap_or_default()).filter(|start| *start < bytes).ok_or_else(foreign)?;
        let length = usize::try_from(bytes - start).ok().filter(|length| *length <= PDF_BYTES_MAX).ok_or_else(foreign)?;
        let table = read(start, length)?;
        let rows = table.strip_prefix(b"xref\n0 ").ok_or_else(foreign)?;
        let count = number(rows).ok_or_else(foreign)? as usize;
        let head = memchr::memchr(b'\n', rows).ok_or_else(foreign)? + 1;
        let mut places = Vec::new();
        for row in rows.get(head..).unwrap_or_default().chunks_exact(ROW).take(count).skip(1) {
            let is_used = row.get(17) == Some(&b'n');
            places.push(number(row).filter(|place| is_used && *place < start).unwrap_or(0));
        }
        let mut starts: Vec<u64> = places.iter().copied().filter(|place| *place > 0).chain([start]).collect();
        starts.sort_unstable();
        let mut index = Index { places, starts, pages: Vec::new() };
        for (_, node) in references(&index.object(TREE, read)?).into_iter().filter(|(key, _)| *key == b"Kids") {
            let object = index.object(node, read)?;
            index.pages.extend(references(&object).into_iter().filter(|(key, _)| *key == b"Kids").map(|(_, page)| (page, node)));
            // Each page is an object of its own; a tree that says otherwise could grow without end.
            if index.pages.len() > index.places.len() {
                return Err(foreign());
            }
        }
        Ok(index)
    }

    /// Pages of the file.
    pub fn pages(&self) -> usize {
        self.pages.len()
    }

    /// The number of the object that a page (from 0) is.
    pub(super) fn number_of(&self, page: usize) -> io::Result<u32> {
        self.pages.get(page).map(|(number, _)| *number).ok_or_else(foreign)
    }

    /// Bytes that this takes in memory.
    pub fn weight(&self) -> usize {
        (self.places.len() + self.starts.len() + self.pages.len()) * size_of::<u64>()
    }

    /// A page (from 0) as a file.
    ///
    /// # Errors
    /// There is no such page; it leads to more than what is opened.
    pub fn page(&self, page: usize, read: &Reader<'_>) -> io::Result<Vec<u8>> {
        let (page, node) = self.pages.get(page).copied().ok_or_else(foreign)?;
        let mut out = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec();
        // The file's own catalog is never led to.
        let mut table = vec![(CATALOG, out.len()), (node, 0)];
        write!(out, "{CATALOG} 0 obj\n<</Type /Catalog /Pages {node} 0 R>>\nendobj\n")?;
        table[1].1 = out.len();
        write!(out, "{node} 0 obj\n<</Type /Pages /Count 1 /Kids [{page} 0 R]>>\nendobj\n")?;
        let mut known = BTreeSet::from([CATALOG, node, page]);
        let mut open = vec![page];
        while let Some(next) = open.pop() {
            let object = self.object(next, read)?;
            let leads = references(&object).into_iter().filter(|(key, _)| !matches!(*key, b"Parent" | b"Dest"));
            open.extend(leads.map(|(_, number)| number).filter(|number| known.insert(*number)));
            table.push((next, out.len()));
            out.extend_from_slice(&object);
            if out.len() > PDF_BYTES_MAX || known.len() > PDF_SHEET_OBJECTS_MAX {
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the page is larger than what is opened"));
            }
        }
        let start = out.len();
        let last = table.iter().map(|(number, _)| *number).max().unwrap_or(0);
        out.extend_from_slice(b"xref\n0 1\n0000000000 65535 f \n");
        for (number, place) in table {
            write!(out, "{number} 1\n{place:010} 00000 n \n")?;
        }
        write!(out, "trailer\n<</Size {} /Root {CATALOG} 0 R>>\nstartxref\n{start}\n%%EOF\n", u64::from(last) + 1)?;
        Ok(out)
    }

    /// An object as it stands in the file; nothing, when there is none of the number.
    pub(super) fn object(&self, number: u32, read: &Reader<'_>) -> io::Result<Vec<u8>> {
        let place = (number as usize).checked_sub(1).and_then(|at| self.places.get(at)).copied().unwrap_or(0);
        if place == 0 {
            return Ok(Vec::new());
        }
        let end = self.starts.get(self.starts.partition_point(|start| *start <= place)).copied().ok_or_else(foreign)?;
        let length = usize::try_from(end - place).ok().filter(|length| *length <= PDF_BYTES_MAX).ok_or_else(foreign)?;
        read(place, length)
    }
}

const CATALOG: u32 = super::press::CATALOG;

fn foreign() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the file is not as it was printed")
}

/// The number that a text begins with.
fn number(text: &[u8]) -> Option<u64> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(text.get(..digits)?).ok()?.parse().ok()
}

/// Where an object leads to: each number with the name that stands last before it. Texts and streams lead nowhere.
pub(super) fn references(object: &[u8]) -> Vec<(&[u8], u32)> {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.*'\"_#".contains(byte);
    let (mut found, mut key, mut numbers) = (Vec::new(), &b""[..], [None, None]);
    let mut rest = object;
    while let Some((first, after)) = rest.split_first() {
        match first {
            b'(' => rest = after_text(after),
            b'<' if after.first() != Some(&b'<') => {
                rest = memchr::memchr(b'>', after).and_then(|end| after.get(end + 1..)).unwrap_or_default();
            }
            b'<' => rest = after.get(1..).unwrap_or_default(),
            b'/' => {
                // As names are written: what else could stand in them is escaped.
                let end = after.iter().position(|byte| byte.is_ascii_whitespace() || b"()<>[]{}/%".contains(byte));
                let end = end.unwrap_or(after.len());
                (key, rest) = (after.get(..end).unwrap_or_default(), after.get(end..).unwrap_or_default());
                numbers = [None, None];
            }
            byte if is_word(byte) => {
                let end = rest.iter().position(|byte| !is_word(byte)).unwrap_or(rest.len());
                let (word, next) = rest.split_at(end);
                rest = next;
                match (word, numbers) {
                    (b"stream", _) => break,
                    (b"R", [Some(number), Some(_)]) => {
                        found.push((key, number));
                        numbers = [None, None];
                    }
                    _ => {
                        let number = std::str::from_utf8(word).ok().and_then(|word| word.parse::<u32>().ok());
                        numbers = [numbers[1].filter(|_| number.is_some()), number];
                    }
                }
            }
            _ => rest = after,
        }
    }
    found
}

/// What follows a text in round brackets; those inside it are escaped.
fn after_text(mut text: &[u8]) -> &[u8] {
    while let Some((first, after)) = text.split_first() {
        match first {
            b'\\' => text = after.get(1..).unwrap_or_default(),
            b')' => return after,
            _ => text = after,
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::content::{Anchor, Block, Content, Furniture, Look, Part, Picture, Pixels, Run};
    use super::*;
    use crate::formats::{MediaKind, pdf};
    use crate::render::page_images::page_png;

    fn reader(bytes: &[u8]) -> impl Fn(u64, usize) -> io::Result<Vec<u8>> {
        |at, length| bytes.get(at as usize..at as usize + length).map(<[u8]>::to_vec).ok_or_else(foreign)
    }

    /// Pages with words, links to one another, and a picture on every seventh.
    fn printed(pages: usize) -> Vec<u8> {
        let part = |number: usize| {
            let words = |text: String| vec![Run { text, link: Some(Anchor(format!("p{}", number / 2))), ..Run::default() }];
            let anchor = Some(Anchor(format!("p{number}")));
            let heading = format!("Page (5 0 R) {number}");
            let mut blocks = vec![
                Block::Heading { level: 1, words: words(heading.clone()), anchor, outline: Some(heading) },
                Block::Paragraph {
                    words: words(format!("Only here: w{number}w, \u{3b1}\u{44f}")),
                    look: Look::Body,
                    anchor: None,
                },
            ];
            if number.is_multiple_of(7) {
                let bytes = (0..90 * 60).map(|at| (at % 251) as u8 ^ number as u8).collect();
                let pixels = Pixels::Grey { bytes, width: 90, height: 60 };
                let picture = Picture { pixels, alt: "a scan".into(), caption: Vec::new(), is_scan: false, words: Vec::new() };
                blocks.push(Block::Picture(picture));
            }
            Part { furniture: Furniture::default(), blocks }
        };
        let content = Content { parts: (0..pages).map(part).collect(), ..Content::default() };
        super::super::typeset(&content).expect("printed").bytes
    }

    #[test]
    fn a_page_alone_shows_what_it_shows_among_all_and_holds_no_other() {
        let file = printed(150);
        let read = reader(&file);
        let index = Index::of(file.len() as u64, &read).expect("an index");
        assert_eq!(index.pages(), 150);
        for page in [0, 1, 7, 63, 64, 149] {
            let alone = index.page(page, &read).expect("a page");
            assert_eq!(pdf::page_text(&alone, 0), pdf::page_text(&file, page), "{page}");
            assert_eq!(pdf::page_text(&alone, 1), None);
            let png = |file: &[u8], page: usize| page_png(file, MediaKind::Pdf, page as u32, 300).expect("drawn");
            assert_eq!(png(&alone, 0), png(&file, page), "{page}");
            assert!(alone.len() < file.len() / 4, "{} of {}", alone.len(), file.len());
        }
        assert!(index.page(150, &read).is_err());
        assert!(index.weight() < file.len());
    }

    #[test]
    fn a_file_that_is_another_is_refused_and_never_harms() {
        let file = printed(3);
        for end in [0, 3, 40, file.len() / 2, file.len() - 1] {
            let cut = &file[..end];
            if let Ok(index) = Index::of(cut.len() as u64, &reader(cut)) {
                let _ = index.page(0, &reader(cut));
            }
        }
        let mut foreign = file.clone();
        let at = memchr::memmem::rfind(&foreign, b"xref\n0 ").unwrap();
        foreign[at..at + 4].copy_from_slice(b"xxxx");
        assert!(Index::of(foreign.len() as u64, &reader(&foreign)).is_err());
    }

    #[test]
    fn texts_and_streams_lead_nowhere() {
        let object = b"7 0 obj\n<</Parent 3 0 R /T (a \\) 8 0 R) /H <38203020> /K [1 0 R 12 0 R] /D 5 /N /X>>\nstream\n/Q 9 0 R";
        assert_eq!(references(object), [(&b"Parent"[..], 3), (b"K", 1), (b"K", 12)]);
    }
}

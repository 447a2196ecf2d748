//! The numbers that are printed on the pages of a package, read off each page: whoever swapped two pages, or left one out and filled
//! the gap, changed a number too.
//!
//! Not for: whether a volume is the file that was signed (`verify`), or what else stands on its pages.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use super::manifest::Manifest;
use super::verify::Report;
use crate::render::pdf::excerpt::Index;
use crate::render::pdf::margins::Margins;

/// Pages that are named; of more their count is told.
const NAMED_MAX: usize = 8;

/// Bates numbers from a page on.
#[derive(Clone, Debug)]
pub struct Numbering {
    prefix: String,
    next: u64,
    digits: usize,
}

impl Numbering {
    /// Those that the manifest gives to the first page; `None`: pages bear none.
    pub fn of(manifest: &Manifest) -> Option<Numbering> {
        let bates = manifest.bates.as_ref()?;
        let digits = bates.first.strip_prefix(bates.prefix.as_str())?;
        Some(Numbering { prefix: bates.prefix.clone(), next: digits.parse().ok()?, digits: digits.len() })
    }

    /// Those after so many pages.
    pub fn after(self, pages: u64) -> Option<Numbering> {
        Some(Numbering { next: self.next.checked_add(pages)?, ..self })
    }

    /// Whether a text is the number of a page (from 0). The prefix can have been redacted.
    fn is_at(&self, page: u64, text: &str) -> bool {
        let digits = format!("{:0width$}", self.next.saturating_add(page), width = self.digits);
        text.strip_suffix(&digits).is_some_and(|prefix| prefix == self.prefix || prefix.ends_with(']'))
    }
}

/// Reads the numbers off the pages of a volume and reports each page that bears another; how many pages there are. `None`: the file
/// is none of ours, and no page of it was read.
///
/// # Errors
/// The copy of the volume cannot be read.
pub fn read(path: &str, volume: &File, bates: Option<&Numbering>, report: &mut Report) -> io::Result<Option<u64>> {
    let read = |at: u64, length: usize| {
        let mut bytes = vec![0; length];
        volume.read_exact_at(&mut bytes, at)?;
        Ok(bytes)
    };
    let Ok(index) = Index::of(volume.metadata()?.len(), &read) else { return Ok(None) };
    let Ok(margins) = Margins::of(&index, &read) else { return Ok(None) };
    let pages = index.pages() as u64;
    let is_right = |page: u64| {
        let lines = margins.lines(&index, page as usize, &read).unwrap_or_default();
        lines.iter().any(|text| is_page(page + 1, pages, text))
            && bates.is_none_or(|bates| lines.iter().any(|text| bates.is_at(page, text)))
    };
    let wrong: Vec<u64> = (0..pages).filter(|page| !is_right(*page)).map(|page| page + 1).collect();
    if !wrong.is_empty() {
        report.find(path, found(&wrong));
    }
    Ok(Some(pages))
}

/// Whether a text of the margins is `page 3 of 12`, the number of the volume before it or not. The word can have been redacted.
fn is_page(page: u64, pages: u64, text: &str) -> bool {
    let before = text.strip_suffix(&format!("{page} of {pages}"));
    before.is_some_and(|before| before.ends_with("page ") || before.ends_with("] "))
}

fn found(wrong: &[u64]) -> String {
    let named: Vec<String> = wrong.iter().take(NAMED_MAX).map(u64::to_string).collect();
    let more = wrong.len() - named.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    match wrong {
        [page] => format!("page {page} does not bear the number that it should"),
        _ => format!("pages {}{more} do not bear the numbers that they should", named.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::render::pdf::content::{Bates, Block, Content, Furniture, Line, Look, Part, Run};
    use crate::render::pdf::typeset;

    const PREFIX: &str = "RIV26-";

    /// A volume of so many parts, each of several pages.
    fn volume(parts: usize, page: &str, prefix: &str) -> Vec<u8> {
        let bates = Bates { prefix: prefix.into(), first: 41, digits: 8, is_of_file: true };
        let line = |left: &str, middle: &str, right: &str| Line { left: left.into(), middle: middle.into(), right: right.into() };
        let foot = vec![
            line("Office · request 7 · Copy, page 2 of 4", "", "{bates}"),
            line(
                "As of today",
                "page {page} of {pages} of this document",
                &format!("volume 1 of 3, {page} {{sheet}} of {{sheets}}"),
            ),
            line("A notice that goes with it, page 1 of 1", "", ""),
        ];
        let words = vec![Run { text: "lorem ipsum ".repeat(900), ..Run::default() }];
        let block = Block::Paragraph { words, look: Look::Body, anchor: None };
        let furniture = Furniture { foot, bates: Some(bates), ..Furniture::default() };
        let part = || Part { furniture: furniture.clone(), blocks: vec![block.clone()] };
        typeset(&Content { parts: (0..parts).map(|_| part()).collect(), ..Content::default() }).unwrap().bytes
    }

    fn checked(bytes: &[u8], bates: Option<&Numbering>) -> (Option<u64>, Vec<String>) {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        let mut report = Report::default();
        let pages = read("release.pdf", &file, bates, &mut report).unwrap();
        (pages, report.findings.into_iter().map(|it| it.what).collect())
    }

    fn from(next: u64) -> Numbering {
        Numbering { prefix: PREFIX.into(), next, digits: 8 }
    }

    #[test]
    fn pages_bear_their_numbers_also_where_words_of_them_were_redacted() {
        let whole = volume(3, "page", PREFIX);
        let (pages, found) = checked(&whole, Some(&from(41)));
        assert!(found.is_empty() && pages.is_some_and(|pages| pages > 6), "{pages:?} {found:?}");
        assert_eq!(checked(&whole, None), (pages, Vec::new()));
        let redacted = volume(3, "[R-1: third party]", "[R-1: third party]");
        assert_eq!(checked(&redacted, Some(&from(41))), (pages, Vec::new()));
        // Numbers that begin elsewhere: every page is wrong, and the first of them are named.
        let (_, found) = checked(&whole, Some(&from(42)));
        let all = pages.unwrap();
        let named: Vec<String> = (1..=all.min(8)).map(|page| page.to_string()).collect();
        assert!(found.len() == 1 && found[0].starts_with(&format!("pages {}", named.join(", "))), "{found:?}");
        assert!(from(41).after(u64::MAX).is_none() && from(41).after(2).unwrap().is_at(0, "RIV26-00000043"));
    }

    #[test]
    fn a_page_in_anothers_place_is_named_and_a_damaged_file_harms_nobody() {
        let whole = volume(2, "page", PREFIX);
        let kids = b"/Kids [";
        let at = whole.windows(kids.len()).position(|bytes| bytes == kids).unwrap() + kids.len();
        let list = String::from_utf8(whole[at..at + 60].to_vec()).unwrap();
        let first = list.split(" 0 R").next().unwrap().trim().to_owned();
        let second = list.split(" 0 R").nth(1).unwrap().trim().to_owned();
        assert_eq!(first.len(), second.len());
        let mut twice = whole.clone();
        let other = list.replacen(&format!("{second} 0 R"), &format!("{first} 0 R"), 1);
        twice[at..at + 60].copy_from_slice(other.as_bytes());
        let (_, found) = checked(&twice, Some(&from(41)));
        assert_eq!(found, ["page 2 does not bear the number that it should"]);
        for end in (0..whole.len()).step_by(whole.len() / 50) {
            checked(&whole[..end], Some(&from(41)));
        }
        for at in (0..whole.len()).step_by(whole.len() / 150) {
            let mut other = whole.clone();
            other[at] ^= 0x10;
            checked(&other, Some(&from(41)));
        }
    }
}

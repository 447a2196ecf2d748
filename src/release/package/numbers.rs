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

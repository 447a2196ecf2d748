//! How many pages a selection is going to take, to be shown while somebody chooses: counted where the archived file says it, guessed
//! from the length of words elsewhere.
//!
//! Not for: the pages of a package, which are counted when they are set (`paper`).

use super::{Item, Selection};

/// A guess at pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Estimate {
    pub pages: u64,
    /// Of these, pages of scans and PDFs, which are counted.
    pub counted: u64,
    /// Whether nothing had to be guessed; "about" otherwise.
    pub is_exact: bool,
}

/// Characters of a page of running text, with its margins and heads.
const TEXT_OF_PAGE: u64 = 3_000;
/// Of a hundred bytes of marked-up text so many are words.
const WORDS_PER_MARKUP: u64 = 35;
/// Of a hundred bytes of a record's JSON so many are printed; the rest are names of its parts.
const WORDS_PER_JSON: u64 = 40;

/// Guesses the pages of what a selection takes.
pub fn estimate(selection: &Selection) -> Estimate {
    of_items(selection.items.iter())
}

/// Likewise, of some of its items.
pub fn of_items<'a>(items: impl Iterator<Item = &'a Item>) -> Estimate {
    let (mut counted, mut guessed) = (0_u64, 0_u64);
    for item in items {
        // Each record begins a page of its own; the text of its files goes on there, their pages come after.
        let mut text = item.length * WORDS_PER_JSON / 100;
        for file in &item.attachments {
            match file.pages {
                Some(pages) => counted += u64::from(pages),
                None => text += words(&file.media_type, file.bytes),
            }
        }
        guessed += text.div_ceil(TEXT_OF_PAGE).max(1);
    }
    Estimate { pages: counted + guessed, counted, is_exact: guessed == 0 }
}

fn words(media_type: &str, bytes: u64) -> u64 {
    let media_type = media_type.to_ascii_lowercase();
    let is_markup = ["xml", "html", "rtf"].iter().any(|form| media_type.contains(form));
    if is_markup { bytes * WORDS_PER_MARKUP / 100 } else { bytes }
}

#[cfg(test)]
mod tests {
    use super::super::Attachment;
    use super::*;

    #[test]
    fn counted_pages_are_exact_and_words_are_about() {
        let file =
            |media_type: &str, bytes, pages| Attachment { media_type: media_type.into(), bytes, pages, ..Attachment::default() };
        let item = |attachments| Item { attachments, length: 1_000, ..Item::default() };
        let scan = item(vec![file("image/tiff", 90_000, Some(7))]);
        assert_eq!(of_items([&scan].into_iter()), Estimate { pages: 8, counted: 7, is_exact: false });
        let note = item(vec![file("text/plain", 7_000, None)]);
        let result = item(Vec::new());
        let all = of_items([&scan, &note, &result].into_iter());
        assert_eq!(all, Estimate { pages: 8 + 3 + 1, counted: 7, is_exact: false });
        assert_eq!(estimate(&Selection::default()), Estimate { pages: 0, counted: 0, is_exact: true });
    }
}

//! Previews that are being looked at. Each is read through and checked against its digest once, and then kept open with the table
//! of its objects; of a page its own objects are read and nothing else, so that the last page of thousands comes as fast as the
//! first and no preview is held in memory.
//!
//! Not for: drawing pages (`looking`), or making them (`jobs`).

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::DeskError;
use crate::limits::{PREVIEWS_OPEN_BYTES_MAX, PREVIEWS_OPEN_MAX};
use crate::release::shelf::{Shelf, ShelfFault, stamp};
use crate::render::pdf::excerpt::Index;

/// Those that were looked at last; the last of them at the end.
#[derive(Debug, Default)]
pub(super) struct Previews(Mutex<Vec<Arc<Opened>>>);

/// A preview that was found to be what it was.
#[derive(Debug)]
struct Opened {
    sha256: String,
    file: File,
    /// Of before it was checked: a file that has another one is checked anew.
    stamp: (u64, SystemTime),
    index: Index,
}

impl Opened {
    fn of(shelf: &Shelf, sha256: &str) -> Result<Opened, DeskError> {
        let before = stamp(&shelf.open(sha256)?).map_err(ShelfFault::from)?;
        let file = shelf.checked(sha256)?;
        let index = Index::of(before.0, &|at, length| read(&file, at, length)).map_err(ShelfFault::from)?;
        Ok(Opened { sha256: sha256.to_owned(), file, stamp: before, index })
    }

    fn is_as_it_was(&self) -> bool {
        stamp(&self.file).is_ok_and(|now| now == self.stamp)
    }
}

fn read(file: &File, at: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, at)?;
    Ok(bytes)
}

impl Previews {
    /// A page (from 1) of a preview, as a file of its own.
    pub fn page(&self, shelf: &Shelf, sha256: &str, page: u32) -> Result<Vec<u8>, DeskError> {
        let opened = self.opened(shelf, sha256)?;
        let at = (page as usize).checked_sub(1).filter(|at| *at < opened.index.pages()).ok_or(DeskError::NotThere)?;
        let alone = opened.index.page(at, &|at, length| read(&opened.file, at, length));
        alone.map_err(|error| DeskError::Undrawable(error.to_string()))
    }

    /// The lock is held while one is opened: the pages of a strip are asked for together, and it is read through once for all.
    fn opened(&self, shelf: &Shelf, sha256: &str) -> Result<Arc<Opened>, DeskError> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.iter().position(|it| it.sha256 == sha256).map(|at| all.remove(at)).filter(|it| it.is_as_it_was());
        let opened = match known {
            Some(known) => known,
            None => Arc::new(Opened::of(shelf, sha256)?),
        };
        all.push(Arc::clone(&opened));
        let weight = |all: &[Arc<Opened>]| all.iter().map(|it| it.index.weight()).sum::<usize>();
        while all.len() > 1 && (all.len() > PREVIEWS_OPEN_MAX || weight(&all) > PREVIEWS_OPEN_BYTES_MAX) {
            all.remove(0);
        }
        Ok(opened)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::pdf::content::{Block, Content, Furniture, Look, Part, Run};
    use crate::render::pdf::typeset;

    fn pages(count: usize) -> Vec<u8> {
        let part = |number: usize| {
            let words = (0..120).map(|at| format!("{}", (number * 7_919 + at * 104_729) % 99_991)).collect::<Vec<_>>().join(" ");
            let words = vec![Run { text: format!("Page {number} {words}"), ..Run::default() }];
            Part { furniture: Furniture::default(), blocks: vec![Block::Paragraph { words, look: Look::Body, anchor: None }] }
        };
        typeset(&Content { parts: (1..=count).map(part).collect(), ..Content::default() }).unwrap().bytes
    }

    #[test]
    fn pages_come_alone_and_a_preview_that_was_changed_is_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let (shelf, previews) = (Shelf::of(folder.path()), Previews::default());
        let sha256 = shelf.put(&pages(70)).unwrap();
        let words = |page| crate::formats::pdf::page_text(&previews.page(&shelf, &sha256, page).unwrap(), 0).unwrap();
        assert!(words(1).starts_with("Page 1 ") && words(70).starts_with("Page 70 "));
        assert!(matches!(previews.page(&shelf, &sha256, 71), Err(DeskError::NotThere)));
        assert!(matches!(previews.page(&shelf, &sha256, 0), Err(DeskError::NotThere)));
        let path = folder.path().join("releases/files").join(&sha256[..2]).join(&sha256);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[5_000] ^= 1;
        std::thread::sleep(std::time::Duration::from_millis(20));
        std::fs::write(&path, bytes).unwrap();
        assert!(matches!(previews.page(&shelf, &sha256, 1), Err(DeskError::Shelf(ShelfFault::Changed(_)))));
    }

    #[test]
    fn few_are_kept_open() {
        let folder = tempfile::tempdir().unwrap();
        let (shelf, previews) = (Shelf::of(folder.path()), Previews::default());
        for count in 1..PREVIEWS_OPEN_MAX + 4 {
            let sha256 = shelf.put(&pages(count)).unwrap();
            previews.page(&shelf, &sha256, 1).unwrap();
        }
        assert_eq!(previews.0.lock().unwrap().len(), PREVIEWS_OPEN_MAX);
    }
}

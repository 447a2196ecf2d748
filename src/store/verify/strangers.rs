//! What lies in a folder, and which files of it nothing names.
//!
//! Not for: what a file holds (`files`).

use std::path::{Path, PathBuf};

use super::Checker;
use crate::durable;

/// Entries of a folder: (path, is a folder), but no unfinished files, which belong to nobody.
pub(super) fn entries(checker: &Checker<'_>, dir: &Path) -> Vec<(PathBuf, bool)> {
    let listed = std::fs::read_dir(dir).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
    match listed {
        Ok(entries) => entries
            .into_iter()
            .filter(|e| !e.file_name().to_str().is_some_and(durable::is_temporary))
            .map(|e| (e.path(), e.file_type().is_ok_and(|t| t.is_dir())))
            .collect(),
        Err(error) => {
            checker.find(dir, None, format!("the folder cannot be read: {error}"));
            Vec::new()
        }
    }
}

/// Files of a folder that are not known; folders in it are looked at elsewhere.
pub(super) fn strangers(checker: &Checker<'_>, dir: &Path, known: &[PathBuf]) {
    for (path, is_dir) in entries(checker, dir) {
        if !is_dir && !known.contains(&path) {
            checker.find(&path, None, "nothing names this file");
        }
    }
}

pub(super) fn strangers_below(checker: &Checker<'_>, dir: &Path, known: &[PathBuf]) {
    strangers(checker, dir, known);
    for (path, is_dir) in entries(checker, dir) {
        if is_dir {
            strangers_below(checker, &path, known);
        }
    }
}

//! Other names under which references may ask for a record (`Practitioner?identifier=system|value`): noted on scratch
//! disk while records are spread, and kept where a reference does ask. A directory of millions would fill the memory of
//! the ingest and of everyone who opens the accession, for names that nobody says.
//!
//! Not for: names that records have by themselves (`store::locator`).

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use crate::store::StoreError;
use crate::store::locator::alias_hash;

/// An alias and what it stands for as a line: neither holds a line end, since both are written as JSON.
pub fn line(alias: &str, own: &str) -> Vec<u8> {
    let mut line = serde_json::json!([alias, own]).to_string().into_bytes();
    line.push(b'\n');
    line
}

/// Reads the lines and adds those aliases that are asked for. Of several records with one alias the first by name has it,
/// whichever was met first.
pub fn add_asked(path: &Path, is_asked: impl Fn(u64) -> bool, aliases: &mut BTreeMap<String, String>) -> Result<(), StoreError> {
    for line in BufReader::new(File::open(path).map_err(StoreError::read(path))?).lines() {
        let line = line.map_err(StoreError::read(path))?;
        let pair: Result<(String, String), _> = serde_json::from_str(&line);
        let Ok((alias, own)) = pair else { return Err(StoreError::damaged(path, 0, "an alias did not read back")) };
        if is_asked(alias_hash(alias.as_bytes())) {
            let held = aliases.entry(alias).or_insert_with(|| own.clone());
            if own < *held {
                *held = own;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_asked_for_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("aliases");
        let all = [line("a?identifier=s|1\n", "a/2"), line("b", "b/1"), line("a?identifier=s|1\n", "a/1")];
        std::fs::write(&path, all.concat()).unwrap();
        let mut aliases = BTreeMap::new();
        add_asked(&path, |hash| hash != alias_hash(b"b"), &mut aliases).unwrap();
        assert_eq!(aliases.into_iter().collect::<Vec<_>>(), [("a?identifier=s|1\n".to_string(), "a/1".to_string())]);
    }
}

//! Given names that stand for each other (`Bill` for `William`), from `schemas/nicknames.toml`.
//!
//! Not for: family names, or names in other scripts.

use std::sync::OnceLock;

use ahash::AHashMap;
use serde::Deserialize;

#[derive(Deserialize)]
struct Table {
    groups: Vec<Vec<String>>,
}

/// All other names that stand in a group with `name` (folded), without repeats.
pub fn nicknames(name: &str) -> &'static [String] {
    static TABLE: OnceLock<AHashMap<String, Vec<String>>> = OnceLock::new();
    let table = TABLE.get_or_init(|| by_name(include_str!("../../schemas/nicknames.toml")));
    table.get(name).map_or(&[], Vec::as_slice)
}

/// The table is part of the program and held right by a test; a broken one gives no nicknames.
fn by_name(text: &str) -> AHashMap<String, Vec<String>> {
    let groups = toml::from_str::<Table>(text).map(|t| t.groups).unwrap_or_default();
    let mut table: AHashMap<String, Vec<String>> = AHashMap::new();
    for group in &groups {
        for name in group {
            let others = table.entry(name.clone()).or_default();
            others.extend(group.iter().filter(|other| *other != name).cloned());
            others.sort();
            others.dedup();
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_well_formed_and_goes_both_ways() {
        let table: Table = toml::from_str(include_str!("../../schemas/nicknames.toml")).unwrap();
        assert!(table.groups.len() >= 100);
        for name in table.groups.iter().flatten() {
            assert!(name.bytes().all(|b| b.is_ascii_lowercase()), "{name}");
        }
        assert!(nicknames("bill").iter().any(|n| n == "william"));
        assert!(nicknames("william").iter().any(|n| n == "bill"));
        assert!(nicknames("pepe").iter().any(|n| n == "jose"));
        assert!(nicknames("quill").is_empty());
    }
}

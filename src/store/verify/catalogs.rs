//! The chain of catalogs: every one from the first is signed, numbered, and names the digest of the one before.
//!
//! Not for: what a catalog names (`files`).

use super::Checker;
use super::strangers::strangers;
use crate::signing::VerifierKey;
use crate::store::catalog;
use crate::store::layout::Layout;
use crate::store::manifest::Catalog;

/// The catalogs that could be read, oldest first.
#[derive(Debug, Default)]
pub struct Chain {
    pub catalogs: Vec<Catalog>,
}

impl Chain {
    /// The catalog in force.
    pub fn current(&self) -> Option<&Catalog> {
        self.catalogs.last()
    }

    /// What the newest catalog that names an index says of its manifest.
    pub fn index_digest(&self, number: u64) -> Option<&str> {
        let named = self.catalogs.iter().rev().filter_map(|c| c.index.as_ref());
        named.into_iter().find(|i| i.number == number).map(|i| i.manifest_sha256.as_str())
    }
}

pub(super) fn chain(checker: &Checker<'_>, layout: &Layout, keys: &[VerifierKey], bytes: &mut u64) -> Chain {
    let mut chain = Chain::default();
    let numbers = match catalog::numbers(layout) {
        Ok(numbers) => numbers,
        Err(error) => {
            checker.error(&layout.catalogs(), &error);
            return chain;
        }
    };
    let known: Vec<_> = numbers.iter().map(|n| layout.catalog(*n)).collect();
    strangers(checker, &layout.catalogs(), &known);
    if numbers.is_empty() {
        checker.find(&layout.catalog(0), None, "the first catalog is missing");
    }
    let mut before: Option<String> = Some(String::new());
    let mut expected = 0;
    for number in numbers {
        for missing in expected..number {
            checker.find(&layout.catalog(missing), None, "the catalog is missing");
            before = None;
        }
        expected = number + 1;
        let path = layout.catalog(number);
        *bytes += path.metadata().map_or(0, |m| m.len());
        match catalog::read(layout, number, keys) {
            Err(error) => {
                checker.error(&path, &error);
                before = None;
            }
            Ok((read, sha256)) => {
                if before.is_some_and(|digest| digest != read.previous_sha256) {
                    checker.find(&path, None, "it does not follow the catalog before it");
                }
                if chain.catalogs.first().is_some_and(|first| first.archive != read.archive) {
                    checker.find(&path, None, "it is the catalog of another archive");
                }
                before = Some(sha256);
                chain.catalogs.push(read);
            }
        }
    }
    chain
}

//! The code maps of a generation. A map adds codings when a record is served and changes no stored byte: charts, seal
//! and proofs stay what they are, and another version of a map is another generation that shares all other files.
//!
//! Not for: reading maps (`formats::code_map`), or which codes no map knows (`store::unmapped`).

use std::path::Path;

use ahash::AHashMap;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::StoreError;
use super::manifest::FORMAT;
use crate::durable::{self, FileDigest};
use crate::formats::code_map::{CodeMap, Equivalence};
use crate::formats::fhir::{CodingList, Part, leaf_text};

/// The extension of an added coding that says which map added it: its name, `|`, its version.
pub const ADDED_BY: &str = "urn:chartkeep:code-map";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: u32,
    maps: Vec<CodeMap>,
}

/// The code maps of an open accession.
#[derive(Debug, Default)]
pub struct Terminology {
    maps: Vec<CodeMap>,
    /// System → code → codings to add, as JSON text, each with its system and code.
    added: AHashMap<Box<str>, AHashMap<Box<str>, Vec<Added>>>,
}

#[derive(Debug)]
struct Added {
    system: Box<str>,
    code: Box<str>,
    json: Box<str>,
}

/// Writes the maps of a generation.
pub fn write(path: &Path, maps: &[CodeMap]) -> Result<FileDigest, StoreError> {
    let document = Document { format: FORMAT, maps: maps.to_vec() };
    let mut text = serde_json::to_vec(&document).map_err(|e| StoreError::Refused(e.to_string()))?;
    text.push(b'\n');
    Ok(durable::write_new(path, &text)?)
}

impl Terminology {
    /// Opens the maps of a generation; one without the file has none.
    pub fn open(path: &Path) -> Result<Terminology, StoreError> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Terminology::default()),
            Err(e) => return Err(StoreError::read(path)(e)),
        };
        let document: Document = serde_json::from_slice(&bytes)
            .map_err(|e| StoreError::damaged(path, 0, &format!("not of the known form: line {}", e.line())))?;
        Ok(Terminology::of(document.maps))
    }

    /// Prepares maps for use. Of targets that several maps name, the first map's counts.
    pub fn of(maps: Vec<CodeMap>) -> Terminology {
        let mut added: AHashMap<Box<str>, AHashMap<Box<str>, Vec<Added>>> = AHashMap::new();
        for map in &maps {
            let by = format!("{}|{}", map.name, map.version);
            for mapping in map.mappings.iter().filter(|m| m.equivalence == Equivalence::Equivalent) {
                let codings = added.entry(mapping.system.as_str().into()).or_default();
                let codings = codings.entry(mapping.code.as_str().into()).or_default();
                let (system, code) = (mapping.target_system.as_str(), mapping.target_code.as_str());
                if codings.iter().any(|a| (&*a.system, &*a.code) == (system, code)) {
                    continue;
                }
                let mut coding = json!({
                    "extension": [{ "url": ADDED_BY, "valueString": by }],
                    "system": system,
                    "code": code,
                });
                if !mapping.target_display.is_empty() {
                    coding["display"] = mapping.target_display.as_str().into();
                }
                codings.push(Added { system: system.into(), code: code.into(), json: coding.to_string().into() });
            }
        }
        Terminology { maps, added }
    }

    pub fn is_empty(&self) -> bool {
        self.added.is_empty()
    }

    pub fn maps(&self) -> &[CodeMap] {
        &self.maps
    }

    /// Codes that the maps give to a code: system and code of each.
    pub fn targets<'a>(&'a self, system: &str, code: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.found(system, code).iter().map(|a| (&*a.system, &*a.code))
    }

    fn found(&self, system: &str, code: &str) -> &[Added] {
        self.added.get(system).and_then(|codes| codes.get(code)).map_or(&[], Vec::as_slice)
    }

    /// Appends the codings that are added to a list, each after a comma. `leaf` as in `Serving::write`.
    pub(super) fn add_to<'a>(&self, list: &CodingList, leaf: &impl Fn(usize) -> Option<&'a [u8]>, out: &mut Vec<u8>) {
        let pairs = codes_of(list, leaf);
        let mut done: Vec<(&str, &str)> = Vec::new();
        for (system, code) in &pairs {
            for added in self.found(system, code) {
                let target = (&*added.system, &*added.code);
                let is_there = pairs.iter().any(|(s, c)| (s.as_str(), c.as_str()) == target) || done.contains(&target);
                if !is_there {
                    out.push(b',');
                    out.extend_from_slice(added.json.as_bytes());
                    done.push(target);
                }
            }
        }
    }
}

/// System and code of each coding of a list in one record.
pub(super) fn codes_of<'a>(list: &CodingList, leaf: &impl Fn(usize) -> Option<&'a [u8]>) -> Vec<(String, String)> {
    let text = |part: &Part| match part {
        Part::Constant(value) => leaf_text(value.as_bytes()).into_owned(),
        Part::Leaf(index) => leaf_text(leaf(*index).unwrap_or(b"")).into_owned(),
    };
    list.codings.iter().map(|(system, code)| (text(system), text(code))).collect()
}

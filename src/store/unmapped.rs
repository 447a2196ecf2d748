//! Codes of an accession that stand alone: in no list with a standard coding, delivered or added by a map. What is left
//! to be mapped, most frequent first.
//!
//! Not for: mapping them (`store::terminology`).

use ahash::AHashMap;

use super::terminology::codes_of;
use super::{Accession, StoreError};
use crate::formats::fhir::{CodingList, Shape};
use crate::model::Kind;

/// One code that no standard coding goes with.
#[derive(Clone, Debug)]
pub struct Unmapped {
    pub system: String,
    pub code: String,
    /// The words that came with it first.
    pub display: String,
    pub count: u64,
    /// Kinds of record it stands in.
    pub kinds: Vec<Kind>,
    /// A record that holds it: type and archive id.
    pub example: (Kind, String),
}

/// How the lists of codings of one kind stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Coverage {
    /// Lists that hold a coding of a standard system.
    pub standard: u64,
    /// Of these, lists that hold it through a map.
    pub by_map: u64,
    /// Lists that hold local codes alone.
    pub local: u64,
}

/// What a walk over an accession found.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// Most frequent first.
    pub unmapped: Vec<Unmapped>,
    /// By kind, in the order of kinds.
    pub coverage: Vec<(Kind, Coverage)>,
}

/// Whether a system is one that others know too: any but the URIs that the archive makes for local codes.
pub fn is_standard(system: &str) -> bool {
    let is_web = system.starts_with("http://") || system.starts_with("https://");
    let is_hl7_oid = system.starts_with("urn:oid:2.16.840.1.113883.6.") || system.starts_with("urn:oid:2.16.840.1.113883.5.");
    (is_web || is_hl7_oid) && !system.contains("example.") && !system.is_empty()
}

/// Lists of codings that say what a record is of; categories and flags are HL7's own and would only hide the others.
fn is_clinical(path_owner: &str) -> bool {
    const OWNERS: [&str; 8] = [
        "code",
        "medicationCodeableConcept",
        "vaccineCode",
        "type",
        "valueCodeableConcept",
        "substance",
        "service",
        "productOrService",
    ];
    OWNERS.contains(&path_owner)
}

type Found = AHashMap<(String, String), Unmapped>;

/// Walks over all records; the maps of the accession count.
pub fn survey(accession: &Accession) -> Result<Survey, StoreError> {
    let mut found = Found::new();
    let mut coverage: AHashMap<Kind, Coverage> = AHashMap::new();
    for number in 0..accession.frames() {
        let frame = accession.frame(number, false)?;
        for index in 0..frame.len() {
            frame.view(index, |shape, leaf| {
                for list in shape.codings().iter().filter(|list| is_clinical(owner(list))) {
                    let codes = codes_of(list, &|i| leaf(i));
                    let counts = coverage.entry(shape.kind()).or_default();
                    let terminology = accession.terminology();
                    let by_map = || codes.iter().any(|(s, c)| terminology.targets(s, c).any(|(s, _)| is_standard(s)));
                    if codes.iter().any(|(system, _)| is_standard(system)) {
                        counts.standard += 1;
                    } else if by_map() {
                        counts.standard += 1;
                        counts.by_map += 1;
                    } else {
                        counts.local += 1;
                        let example = || frame.names(index).map_or_else(String::new, |(id, _)| id);
                        codes.into_iter().for_each(|pair| note(&mut found, pair, shape, list, &leaf, example));
                    }
                }
            });
        }
    }
    let mut unmapped: Vec<Unmapped> = found.into_values().collect();
    unmapped.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| (&a.system, &a.code).cmp(&(&b.system, &b.code))));
    let mut coverage: Vec<(Kind, Coverage)> = coverage.into_iter().collect();
    coverage.sort_by_key(|(kind, _)| *kind);
    Ok(Survey { unmapped, coverage })
}

fn note<'x>(
    found: &mut Found,
    pair: (String, String),
    shape: &Shape,
    list: &CodingList,
    leaf: &impl Fn(usize) -> Option<&'x [u8]>,
    example: impl Fn() -> String,
) {
    let kind = shape.kind();
    let entry = found.entry(pair).or_insert_with_key(|(system, code)| Unmapped {
        system: system.clone(),
        code: code.clone(),
        display: display(shape, list, leaf),
        count: 0,
        kinds: Vec::new(),
        example: (kind, example()),
    });
    entry.count += 1;
    if !entry.kinds.contains(&kind) {
        entry.kinds.push(kind);
    }
}

/// The member that a list of codings belongs to, for instance `code`.
fn owner(list: &CodingList) -> &str {
    let path = list.path.strip_suffix(".coding").unwrap_or("");
    let last = path.rsplit('.').next().unwrap_or(path);
    last.split('[').next().unwrap_or(last)
}

/// The words of the first coding, or of the concept.
fn display<'x>(shape: &Shape, list: &CodingList, leaf: &impl Fn(usize) -> Option<&'x [u8]>) -> String {
    let concept = list.path.strip_suffix("coding").unwrap_or("");
    let wanted = [format!("{}[0].display", list.path), format!("{concept}text")];
    let value = wanted.iter().find_map(|w| shape.paths().iter().position(|p| p.as_ref() == w).and_then(leaf));
    value.map(|l| crate::formats::fhir::leaf_text(l).into_owned()).unwrap_or_default()
}

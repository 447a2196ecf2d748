//! The lists of codings (`CodeableConcept.coding`) of a shape: which leaves and constants hold their codes, and where in
//! the template one more coding would be put.
//!
//! Not for: what a code means, or what is added (`store::terminology`).

use ahash::AHashMap;

/// A value that every record of the shape shares, or a leaf.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Part {
    Constant(Box<str>),
    Leaf(usize),
}

/// One list of codings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CodingList {
    /// For instance `code.coding`.
    pub path: Box<str>,
    /// The template piece that holds the closing bracket, and the bracket's place in it.
    pub piece: usize,
    pub at: usize,
    /// System and code of each coding that has both.
    pub codings: Box<[(Part, Part)]>,
}

/// A list of codings as the walk over the template met it.
pub(super) struct Closed {
    pub path: String,
    /// Place of the closing bracket in the template.
    pub place: u32,
    pub elements: usize,
}

/// Finds what each list holds; `marks` are the places of the leaves in the template.
pub(super) fn lists(
    closed: &[Closed],
    marks: &[u32],
    paths: &[Box<str>],
    constants: &[(Box<str>, Box<str>)],
) -> Box<[CodingList]> {
    if closed.is_empty() {
        return Box::default();
    }
    let leaves = paths.iter().enumerate().map(|(i, path)| (path.as_ref(), Part::Leaf(i)));
    let fixed = constants.iter().map(|(path, value)| (path.as_ref(), Part::Constant(value.clone())));
    let parts: AHashMap<&str, Part> = leaves.chain(fixed).collect();
    let part = |path: String| parts.get(path.as_str()).cloned();
    let mut lists: Vec<CodingList> = closed
        .iter()
        .map(|Closed { path, place, elements }| {
            let pair = |i: usize| part(format!("{path}[{i}].system")).zip(part(format!("{path}[{i}].code")));
            let piece = marks.partition_point(|mark| mark < place);
            let start = piece.checked_sub(1).map_or(0, |before| marks[before] + 1);
            CodingList {
                path: path.as_str().into(),
                piece,
                at: (place - start) as usize,
                codings: (0..*elements).filter_map(pair).collect(),
            }
        })
        .filter(|list| !list.codings.is_empty())
        .collect();
    lists.sort_by_key(|list| (list.piece, list.at));
    lists.into()
}

//! The entries of sections as records: problems, medications, allergies, results and so on.
//!
//! Not for: the document and its header (`super`).

use super::About;
use crate::formats::cda::{Document, Section};
use crate::mapping::{Context, Mapped};

/// Maps the entries directly in a section and gives references (`Type/id`) to those made that have an id.
pub(super) fn section(
    _document: &Document<'_>,
    _section: &Section<'_>,
    _about: &About,
    _cx: &Context<'_>,
    _out: &mut Mapped,
) -> Vec<String> {
    Vec::new()
}

//! What stands around the records of a release: cover letter, certificate of the custodian, notices, completeness, contents,
//! exceptions, digests.
//!
//! Not for: the records themselves (`items`).

use crate::release::build::{BuildRecord, Plan};
use crate::release::selection::{Item, Selection};
use crate::render::pdf::content::Part;

use super::{Exception, Setting};

/// What the pages around the records speak of.
#[derive(Clone, Copy, Debug)]
pub struct Front<'a> {
    pub plan: &'a Plan,
    pub selection: &'a Selection,
    pub setting: &'a Setting,
    /// The items that go out, in order.
    pub items: &'a [&'a Item],
    /// Those of this volume.
    pub of_volume: &'a [&'a Item],
    /// Absent in the preview.
    pub build: Option<&'a BuildRecord>,
    /// Files that go beside the pages, by path.
    pub native: &'a [String],
}

/// Cover, certificate, notices, completeness and contents; the later volumes of several have a short cover and their contents.
pub fn opening(front: &Front<'_>) -> Vec<Part> {
    let _ = front;
    Vec::new()
}

/// Exceptions and digests, at the end of the last volume; the last page bears the anchor `end`.
pub fn closing(front: &Front<'_>, exceptions: &[Exception]) -> Vec<Part> {
    let _ = (front, exceptions);
    Vec::new()
}

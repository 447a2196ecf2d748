//! The document itself.
use super::*;
pub(super) fn map(_document: &Document<'_>, _composition: &str, _about: &About, _cx: &Context<'_>, _out: &mut Mapped) {}

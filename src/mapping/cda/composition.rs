//! How a document is built up.
use super::*;
pub(super) fn map(_document: &Document<'_>, _parts: &[Part<'_>], _about: &About, _cx: &Context<'_>, _out: &mut Mapped) -> String {
    String::new()
}

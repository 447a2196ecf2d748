//! The visit of a document.
use super::*;
pub(super) fn map(document: &Document<'_>, _about: &About, _cx: &Context<'_>, _out: &mut Mapped) -> String {
    document.encompassing_encounter().map(|visit| types::id_of(&visit)).unwrap_or_default()
}

//! The patient of a document.
use super::*;
pub(super) fn map(document: &Document<'_>, _rules: &Rules, _about: &About, _cx: &Context<'_>, _out: &mut Mapped) -> String {
    document.patient_roles().next().map(|role| types::id_of(&role)).unwrap_or_default()
}

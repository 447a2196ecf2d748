//! Looking at the pages of a preview.
//!
//! Not for: making them (`jobs`).

use super::*;

impl Desk {
    /// A page of a subject's preview as PNG; `page` counts from 1.
    pub async fn page_png(
        &self,
        number: &str,
        subject: usize,
        page: u32,
        width: u32,
        who: &Worker<'_>,
    ) -> Result<Audited<Vec<u8>>, DeskError> {
        let _ = (number, subject, page, width, who);
        Err(DeskError::NotBuilt)
    }

    /// The words of that page.
    pub async fn page_words(
        &self,
        number: &str,
        subject: usize,
        page: u32,
        who: &Worker<'_>,
    ) -> Result<Audited<String>, DeskError> {
        let _ = (number, subject, page, who);
        Err(DeskError::NotBuilt)
    }

    /// The first and last page of each item in a subject's preview, by the item's number in the selection.
    pub async fn item_pages(
        &self,
        number: &str,
        subject: usize,
        who: &Worker<'_>,
    ) -> Result<Audited<Vec<(usize, u32, u32)>>, DeskError> {
        let _ = (number, subject, who);
        Err(DeskError::NotBuilt)
    }
}

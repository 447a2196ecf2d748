//! Looking at the pages of a preview.
//!
//! Not for: making them (`jobs`).

use super::*;
use crate::formats::{MediaKind, pdf};
use crate::release::workflow::Previewed;
use crate::render::page_images;

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
        let (permit, case, previewed) = self.previewed(number, subject, who).await?;
        let page = checked(page, &previewed)?;
        let bytes = self.shelf.get(&previewed.pdf_sha256)?;
        let png = page_images::page_png(&bytes, MediaKind::Pdf, page - 1, width.clamp(50, WIDTH_MAX));
        let png = png.map_err(|error| DeskError::Undrawable(error.to_string()))?;
        Ok(permit.answer(png, viewed(&case, format!("patient {}, page {page}", subject + 1)))?)
    }

    /// The words of that page.
    pub async fn page_words(
        &self,
        number: &str,
        subject: usize,
        page: u32,
        who: &Worker<'_>,
    ) -> Result<Audited<String>, DeskError> {
        let (permit, case, previewed) = self.previewed(number, subject, who).await?;
        let page = checked(page, &previewed)?;
        let bytes = self.shelf.get(&previewed.pdf_sha256)?;
        let words = pdf::page_text(&bytes, page as usize - 1).ok_or(DeskError::NotThere)?;
        Ok(permit.answer(words, viewed(&case, format!("patient {}, words of page {page}", subject + 1)))?)
    }

    /// The first and last page of each item in a subject's preview, by the item's number in the selection.
    pub async fn item_pages(
        &self,
        number: &str,
        subject: usize,
        who: &Worker<'_>,
    ) -> Result<Audited<Vec<(usize, u32, u32)>>, DeskError> {
        let (permit, case, previewed) = self.previewed(number, subject, who).await?;
        let pages = self.pages_of_items(&previewed)?;
        Ok(permit.answer(pages, viewed(&case, format!("patient {}, where its items are", subject + 1)))?)
    }

    async fn previewed(&self, number: &str, subject: usize, who: &Worker<'_>) -> Result<(Permit, Case, Previewed), DeskError> {
        let case = self.entered(number, who).await?.case;
        let permit = self.permit_for(&case, subject, who)?;
        let previewed = case.preview.as_ref().and_then(|it| it.subjects.get(subject)).cloned();
        let previewed = previewed.ok_or(DeskError::Refused(Refusal::NoPreview))?;
        Ok((permit, case, previewed))
    }
}

/// Widest picture of a page, in pixels.
const WIDTH_MAX: u32 = 2_400;

fn checked(page: u32, previewed: &Previewed) -> Result<u32, DeskError> {
    if page >= 1 && u64::from(page) <= previewed.pages { Ok(page) } else { Err(DeskError::NotThere) }
}

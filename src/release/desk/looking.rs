//! Looking at the pages of a preview.
//!
//! Not for: making them (`jobs`).

use super::*;
use crate::formats::{MediaKind, pdf};
use crate::release::redaction::Cause;
use crate::release::workflow::Previewed;
use crate::render::page_images;

/// What is known of a preview.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PreviewTold {
    /// The first and last page of each item, by the item's number in the selection.
    pub items: Vec<(usize, u32, u32)>,
    /// Pages on which words that were to go cannot be looked for: they show pictures, or letters without a meaning.
    pub unread: Vec<u32>,
    /// Redactions, by their places, that nothing was found for.
    pub idle: Vec<Cause>,
}

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
        let alone = Arc::new(self.previews.page(&self.shelf, &previewed.pdf_sha256, page)?);
        let png = page_images::page_png_of(&alone, MediaKind::Pdf, 0, width.clamp(50, WIDTH_MAX));
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
        let alone = self.previews.page(&self.shelf, &previewed.pdf_sha256, page)?;
        let words = pdf::page_text(&alone, 0).ok_or(DeskError::NotThere)?;
        Ok(permit.answer(words, viewed(&case, format!("patient {}, words of page {page}", subject + 1)))?)
    }

    /// What is known of a subject's preview: where its items stand, and what a person has to look at.
    pub async fn preview_told(&self, number: &str, subject: usize, who: &Worker<'_>) -> Result<Audited<PreviewTold>, DeskError> {
        let (permit, case, previewed) = self.previewed(number, subject, who).await?;
        let told = self.told(&previewed)?;
        Ok(permit.answer(told, viewed(&case, format!("patient {}, where its items are", subject + 1)))?)
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

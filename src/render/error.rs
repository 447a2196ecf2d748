//! Why there is no picture of a page.
//!
//! Not for: how a page is drawn (`page_images`).

use crate::formats::bounded::Stopped;

/// Why there is no picture of a page.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    #[error("documents of this kind have no pages to show")]
    NotPaged,
    #[error("the document has {pages} pages")]
    NoSuchPage { pages: u32 },
    #[error("the document is encrypted with a password that is not known")]
    Encrypted,
    #[error("the document is damaged")]
    Damaged,
    #[error("the picture is stored in a way that cannot be read: {0}")]
    Unsupported(String),
    #[error("the page is larger than what is shown")]
    TooLarge,
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

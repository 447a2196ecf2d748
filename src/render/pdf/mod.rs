//! PDF: blocks set on pages with embedded fonts, an outline, links inside, and furniture on every page.
//!
//! A character that no font has is printed as its code point and reported, never dropped. The same content gives the same bytes.
//!
//! Not for: reading PDF (`formats::pdf`), pages as pictures (`page_images`), or what a release holds (`release`).

pub mod content;

pub use content::Content;

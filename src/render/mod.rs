//! Pure functions from records and documents to what a person sees: pages as pictures, safe HTML.
//!
//! Not for: reading anything by itself, deciding who may see what (`access`).

pub mod cda;
mod fax;
pub mod narrative;
pub mod page_images;
mod tiff_pages;

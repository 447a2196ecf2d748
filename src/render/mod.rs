//! Pure functions from records and documents to what a person sees: pages as pictures, safe
//! HTML, PDF, and C-CDA documents.
//!
//! Not for: reading anything by itself, deciding who may see what (`access`).

pub mod ccd;
pub mod cda;
mod error;
mod escape;
mod fax;
pub mod narrative;
pub mod page_images;
pub mod pdf;
pub mod scans;
mod tiff_pages;

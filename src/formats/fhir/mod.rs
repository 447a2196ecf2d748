//! FHIR R4 JSON: a record's shape (its text without its values), its leaves (the values), and what each leaf means.
//!
//! Not for: searching or serving FHIR (`server::fhir`).

mod bundle;
mod concepts;
pub mod node;
mod reference;
mod shape;
mod tokens;

pub use bundle::{BundleEntry, BundleParts, split_bundle};
pub use concepts::{CodingList, Part};
pub use reference::{Target, leaf_text, target};
pub use shape::{Role, Shape, ShapeFault};
pub use tokens::{BARE, Leaf, STRING, TokenFault, Tokenizer};

//! Proposes the dialect of a file from its beginning, and says what that rests on.
//!
//! Not for: deciding. A person confirms the proposal by writing it into the mapping file.

use super::dialect::Dialect;
use crate::model::Finding;

/// The dialect that `head`, the beginning of a file, seems to be written in.
pub fn detect(_head: &[u8]) -> (Dialect, Vec<Finding>) {
    (Dialect::default(), Vec::new())
}

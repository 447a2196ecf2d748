//! Plain text.
//!
//! Not for: recognising structure in it; a note is kept as it was typed, line ends included.

use super::{Extracted, encoding};

pub(super) fn read(bytes: &[u8], declared_type: Option<&str>, read: &mut Extracted) {
    let text = encoding::decode(bytes, encoding::charset(declared_type), &mut read.findings);
    read.text = text.into_owned();
    read.searchable = true;
}

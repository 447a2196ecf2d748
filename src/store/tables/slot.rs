//! The stored columns of a table: how each is encoded, and the paths that fill it.
//!
//! Not for: the columns as declared (`schema`).

use super::path::Path;

/// How one column is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    Text,
    Code,
    Decimal,
    Integer,
    Boolean,
    When,
    Link,
}

/// One column on disk (three for `When`) with the paths that fill it.
#[derive(Debug)]
pub(super) struct Slot {
    pub name: String,
    pub form: Form,
    pub paths: Vec<Path>,
}

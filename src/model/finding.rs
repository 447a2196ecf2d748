//! What was odd about an input, and what became of each source record.
//!
//! Not for: errors of the program itself (each module has its own enum).

/// The fate of one source record. Every input record has exactly one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Outcome {
    Archived,
    /// Archived too, as a further version: same type and id, different bytes.
    Version,
    Duplicate,
    Quarantined,
    Excluded,
}

impl Outcome {
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Archived => "archived",
            Outcome::Version => "version",
            Outcome::Duplicate => "duplicate",
            Outcome::Quarantined => "quarantined",
            Outcome::Excluded => "excluded",
        }
    }
}

/// Something a reader noticed. `code` is stable; `note` never holds record content.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    pub code: &'static str,
    /// Byte offset in the input that was read.
    pub offset: u64,
    pub note: String,
}

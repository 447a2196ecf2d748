//! The classes of what a check of a log can find.
//!
//! Not for: where it is and in which words; that stands in a `LogFinding`.

/// What kind of damage or tampering a finding shows. The words for people stand beside it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Fault {
    /// Bytes are not those that were written.
    Altered,
    /// An entry, a file or a stream was taken out.
    Missing,
    /// Entries stand in another order than they were written in, or twice.
    OutOfOrder,
    /// The end of a segment or of the log was cut off.
    Truncated,
    /// A file of an earlier time or of another place stands here.
    Replayed,
    /// The log, or its checkpoints, are those of an earlier time.
    RolledBack,
    /// Entries are not those that a checkpoint was signed over.
    Rewritten,
    /// Signed by a key that does not belong to this archive, or that was replaced before.
    UnknownKey,
    /// Something that does not belong to a log.
    Stray,
    /// A file that cannot be read at all.
    Unreadable,
}

impl Fault {
    /// The class as a word of a program.
    pub fn name(self) -> &'static str {
        match self {
            Fault::Altered => "altered",
            Fault::Missing => "missing",
            Fault::OutOfOrder => "out-of-order",
            Fault::Truncated => "truncated",
            Fault::Replayed => "replayed",
            Fault::RolledBack => "rolled-back",
            Fault::Rewritten => "rewritten",
            Fault::UnknownKey => "unknown-key",
            Fault::Stray => "stray",
            Fault::Unreadable => "unreadable",
        }
    }
}

/// What is wrong at a place that the one who looks knows.
pub(crate) type Wrong = (Fault, &'static str);

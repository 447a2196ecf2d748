//! The chart frame codec: many records in, one payload out, and back, byte for byte.
//!
//! A payload groups its records by shape and stores each leaf as a column ("stream"), in the smallest of a few forms:
//! one value for all, the same as another stream, a function of another stream, UUIDs and times as numbers in tables
//! shared by the whole frame, or the plain values. The template text is not in the frame at all; it stands once in the
//! accession's shape file. `ops/exit/read_archive.py` undoes every form without this software.
//!
//! Not for: compression and files (`frames`), or which records share a frame (`ingest`).

mod decode;
mod encode;
#[cfg(test)]
mod tests;
pub mod wire;

pub use decode::{Decoded, GroupView};
pub use encode::{Encoder, RecordIn};

/// Number of the shape whose only leaf is the whole record, for texts without a shared template.
pub const WHOLE: u32 = 0;

/// Why a payload cannot be read. A sealed payload never gives one: it means damage or a foreign file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("chart frame: {0}")]
pub struct CodecError(pub &'static str);

/// Forms of a stream on disk. Numbers are only ever added.
mod form {
    pub const PLAIN: u8 = 0;
    pub const CONST: u8 = 1;
    pub const SIZED: u8 = 2;
    pub const SAME: u8 = 3;
    pub const MAP: u8 = 4;
    pub const UUID: u8 = 5;
    pub const UUID_CONST: u8 = 6;
    pub const TIME: u8 = 7;
    pub const TIME_CONST: u8 = 8;
    pub const DICT: u8 = 9;
    pub const DOCUMENT: u8 = 10;
}

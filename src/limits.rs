//! Every bound of the archive in one table, so that a reader sees at once what can grow and how far.
//!
//! Not for: configuration; these are properties of the software, changed by a release.

/// Longest line or resource that is parsed, in bytes. A longer one is quarantined whole.
pub const RECORD_BYTES_MAX: usize = 256 << 20;
/// Deepest nesting of a JSON record.
pub const JSON_DEPTH_MAX: usize = 100;
/// Most values (strings, numbers, literals) of one record that are kept apart from its template.
pub const LEAVES_MAX: usize = 100_000;
/// Most shapes (JSON templates) that one accession keeps in its shared table; further ones stand in their frames.
pub const SHAPES_MAX: usize = 60_000;
/// Bytes of all shared shapes together.
pub const SHAPES_BYTES_MAX: usize = 64 << 20;
/// Raw bytes of the records of one chart frame (a frame holds at least one record).
pub const FRAME_RAW_MAX: usize = 1 << 20;
/// Largest unpacked frame payload that a reader accepts.
pub const FRAME_PAYLOAD_MAX: usize = 1 << 30;
/// Raw bytes of the documents of one pack frame (a frame holds at least one document).
pub const PACK_RAW_MAX: usize = 64 << 10;
/// Zip, gzip or zstd expansion beyond this ratio is refused once the output passes 64 MiB.
pub const EXPANSION_RATIO_MAX: u64 = 200;
/// Longest text of one document that is indexed, in bytes.
pub const INDEX_TEXT_MAX: usize = 8 << 20;
/// Largest HTTP request body, in bytes.
pub const REQUEST_BODY_MAX: usize = 1 << 20;
/// Most hits of one page of any search.
pub const PAGE_MAX: usize = 1000;
/// Most patient keys that are shown as one person; a larger group is a mistake somewhere, and each key stands alone until it
/// is looked into.
pub const LINKED_KEYS_MAX: usize = 64;
/// Largest crosswalk file, in bytes.
pub const CROSSWALK_BYTES_MAX: u64 = 1 << 30;
/// Longest user-given free text in an audit entry, in bytes.
pub const AUDIT_TEXT_MAX: usize = 64 << 10;
/// Longest text taken out of one document, in bytes; the rest is left with a finding.
pub const EXTRACTED_TEXT_MAX: usize = 64 << 20;
/// Deepest nesting of an XML document.
pub const XML_DEPTH_MAX: usize = 512;
/// Deepest nesting of groups in an RTF document.
pub const RTF_DEPTH_MAX: usize = 1000;
/// Deepest nesting of elements in HTML that is shown again; deeper tags are dropped, their text is kept.
pub const HTML_DEPTH_MAX: usize = 200;
/// Largest PDF that is opened, in bytes.
pub const PDF_BYTES_MAX: usize = 256 << 20;
/// Most bytes that one packed stream of a PDF may unpack to.
pub const PDF_STREAM_MAX: u64 = 512 << 20;
/// Most pages of a PDF whose text is read.
pub const PDF_PAGES_MAX: usize = 5_000;
/// Seconds that reading the text of one PDF may take; pages read until then are kept.
pub const PDF_TEXT_SECONDS_MAX: u64 = 20;
/// Seconds that drawing one page may take.
pub const PAGE_SECONDS_MAX: u64 = 20;
/// Most pixels of a picture that is decoded or drawn.
pub const PICTURE_PIXELS_MAX: u64 = 40_000_000;
/// Most document workers (threads with a time limit) alive at once, those included that overran and cannot be stopped.
pub const DOCUMENT_WORKERS_MAX: usize = 64;

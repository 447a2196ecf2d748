//! Files as answers: sent piece by piece from the disk, whole or the range that a client asks for, so that a download that broke off
//! goes on where it was (RFC 9110 §14); or all of one, packed with gzip on its way.
//!
//! Not for: deciding who gets a file.

use std::fs::File;
use std::future::Future;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::task::JoinHandle;

use super::answer::{ApiError, Body, FileRun};
use super::call::Call;

/// Bytes of one piece.
const PIECE: u64 = 256 << 10;
/// How hard lines of records are packed: about as small as with more, in a third of the time.
const LEVEL: u32 = 4;

/// Which bytes of a file are asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    All,
    /// From, and up to but without.
    Part(u64, u64),
    /// None that it has.
    Nothing,
}

/// What a request wants of a file of this length and tag. A range of several parts, one that is not understood, and one of another
/// state of the file want all of it.
pub fn wanted(call: &Call, length: u64, tag: &str) -> Wanted {
    match call.header("range").filter(|_| call.header("if-range").is_none_or(|held| held == tag)) {
        Some(range) => of_range(range, length),
        None => Wanted::All,
    }
}

fn of_range(range: &str, length: u64) -> Wanted {
    let Some((from, to)) = range.strip_prefix("bytes=").filter(|range| !range.contains(',')).and_then(|r| r.split_once('-'))
    else {
        return Wanted::All;
    };
    let part = match (from.trim().parse::<u64>(), to.trim()) {
        (Ok(from), "") => (from, length),
        (Ok(from), to) => match to.parse::<u64>() {
            Ok(to) if to >= from => (from, length.min(to.saturating_add(1))),
            _ => return Wanted::All,
        },
        (Err(_), to) if from.trim().is_empty() => match to.parse::<u64>() {
            Ok(0) => return Wanted::Nothing,
            Ok(last) => (length.saturating_sub(last), length),
            Err(_) => return Wanted::All,
        },
        _ => return Wanted::All,
    };
    if part.0 < part.1 { Wanted::Part(part.0, part.1) } else { Wanted::Nothing }
}

/// The answer that sends this of a file.
///
/// # Errors
/// 416 when none of it is wanted.
pub fn body(file: File, length: u64, wanted: Wanted, content_type: &'static str, tag: &str) -> Result<Body, ApiError> {
    let (at, end) = match wanted {
        Wanted::All => (0, length),
        Wanted::Part(at, end) => (at, end),
        Wanted::Nothing => {
            let text = "The file has no such bytes.";
            return Err(ApiError::new(416, "range", "value", text).with("Content-Range", format!("bytes */{length}")));
        }
    };
    let mut body = Body::new(content_type, "").with("Accept-Ranges", "bytes").with("ETag", tag);
    if wanted != Wanted::All {
        body = body.status(206).with("Content-Range", format!("bytes {at}-{}/{length}", end - 1));
    }
    body.file = Some(FileRun { file: Arc::new(file), at, end, is_packed: false });
    Ok(body)
}

/// The answer that sends all of a file packed with gzip. How long it gets nobody knows before, so it is not given in parts; its tag
/// is the file's own with a mark, since these are other bytes.
pub fn packed_body(file: File, length: u64, content_type: &'static str, tag: &str) -> Body {
    let tag = format!("{}-gzip\"", tag.trim_end_matches('"'));
    let mut body = Body::new(content_type, "").with("Content-Encoding", "gzip").with("ETag", tag);
    body.file = Some(FileRun { file: Arc::new(file), at: 0, end: length, is_packed: true });
    body
}

/// The run on its way.
pub(super) struct FileStream {
    run: FileRun,
    length: u64,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
}

impl FileStream {
    pub(super) fn new(run: FileRun) -> FileStream {
        FileStream { length: run.end - run.at, run, reading: None }
    }
}

impl MessageBody for FileStream {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.length)
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, io::Error>>> {
        let this = &mut *self;
        if this.run.at == this.run.end {
            return Poll::Ready(None);
        }
        let (file, at, count) = (this.run.file.clone(), this.run.at, (this.run.end - this.run.at).min(PIECE));
        let reading = this.reading.get_or_insert_with(|| {
            tokio::task::spawn_blocking(move || {
                let mut bytes = vec![0; count as usize];
                file.read_exact_at(&mut bytes, at).map(|()| Bytes::from(bytes))
            })
        });
        let read = ready!(Pin::new(reading).poll(context));
        this.reading = None;
        let read = read.unwrap_or_else(|_| Err(io::Error::other("a file was not read")));
        if let Ok(bytes) = &read {
            this.run.at += bytes.len() as u64;
        }
        Poll::Ready(Some(read))
    }
}

/// A run on its way through gzip: one piece at a time is read, packed and sent, so a file of any length needs the memory of a few.
pub(super) struct PackedStream {
    run: FileRun,
    /// `None`: the end was sent, or a piece is being packed.
    encoder: Option<Encoder>,
    packing: Option<JoinHandle<io::Result<PackedPiece>>>,
}

type Encoder = GzEncoder<Vec<u8>>;
/// The encoder, unless that was the last piece, and what it gave.
type PackedPiece = (Option<Encoder>, Bytes);

impl PackedStream {
    pub(super) fn new(run: FileRun) -> PackedStream {
        PackedStream { run, encoder: Some(GzEncoder::new(Vec::new(), Compression::new(LEVEL))), packing: None }
    }
}

/// Packs the next piece.
fn packed_piece(file: &File, at: u64, count: u64, is_last: bool, mut encoder: Encoder) -> io::Result<PackedPiece> {
    let mut bytes = vec![0; count as usize];
    file.read_exact_at(&mut bytes, at)?;
    encoder.write_all(&bytes)?;
    if is_last {
        return Ok((None, encoder.finish()?.into()));
    }
    let ready = std::mem::take(encoder.get_mut());
    Ok((Some(encoder), ready.into()))
}

impl MessageBody for PackedStream {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, io::Error>>> {
        let this = &mut *self;
        loop {
            if this.packing.is_none() {
                let Some(encoder) = this.encoder.take() else { return Poll::Ready(None) };
                let (file, at, count) = (this.run.file.clone(), this.run.at, (this.run.end - this.run.at).min(PIECE));
                this.run.at += count;
                let is_last = this.run.at == this.run.end;
                this.packing = Some(tokio::task::spawn_blocking(move || packed_piece(&file, at, count, is_last, encoder)));
            }
            let Some(packing) = this.packing.as_mut() else { return Poll::Ready(None) };
            let packed = ready!(Pin::new(packing).poll(context));
            this.packing = None;
            match packed.unwrap_or_else(|_| Err(io::Error::other("a file was not read"))) {
                Err(error) => return Poll::Ready(Some(Err(error))),
                // So little that gzip still holds it.
                Ok((Some(encoder), bytes)) if bytes.is_empty() => this.encoder = Some(encoder),
                Ok((encoder, bytes)) => {
                    this.encoder = encoder;
                    return Poll::Ready(Some(Ok(bytes)));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;

    use super::*;

    /// A file of many pieces, and one of no byte: what arrives unpacks to it, and at no time more than a piece is held.
    #[tokio::test]
    async fn a_file_is_packed_piece_by_piece() {
        for lines in [0, 150_000] {
            let text: String =
                (0..lines).map(|n| format!("{{\"n\":{n},\"hash\":\"{:x}\"}}\n", n * 0x9e37_79b9_7f4a_7c15_u128)).collect();
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            let body = packed_body(file, text.len() as u64, "application/fhir+ndjson", "\"ab\"");
            assert!(body.headers.contains(&("ETag", "\"ab-gzip\"".into())));
            let mut stream = PackedStream::new(body.file.unwrap());
            let (mut packed, mut pieces) = (Vec::new(), 0);
            while let Some(piece) = std::future::poll_fn(|context| Pin::new(&mut stream).poll_next(context)).await {
                let piece = piece.unwrap();
                assert!(!piece.is_empty() && piece.len() as u64 <= PIECE + 1_024, "{}", piece.len());
                packed.extend_from_slice(&piece);
                pieces += 1;
            }
            assert!(lines == 0 || pieces > 10, "{pieces}");
            let mut unpacked = String::new();
            GzDecoder::new(packed.as_slice()).read_to_string(&mut unpacked).unwrap();
            assert!(unpacked == text && (lines == 0 || packed.len() < text.len()));
        }
    }

    #[test]
    fn ranges_are_those_of_rfc_9110() {
        for (range, expected) in [
            ("bytes=0-3", Wanted::Part(0, 4)),
            ("bytes=4-", Wanted::Part(4, 10)),
            ("bytes=4-400", Wanted::Part(4, 10)),
            ("bytes=-3", Wanted::Part(7, 10)),
            ("bytes=-30", Wanted::Part(0, 10)),
            ("bytes=10-", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=5-4", Wanted::All),
            ("bytes=0-1,3-4", Wanted::All),
            ("pages=1-2", Wanted::All),
            ("bytes=x-", Wanted::All),
            ("bytes=18446744073709551615-18446744073709551615", Wanted::Nothing),
        ] {
            assert_eq!(of_range(range, 10), expected, "{range}");
        }
    }
}

//! Files as answers: sent piece by piece from the disk, whole or the range that a client asks for, so that a download that broke off
//! goes on where it was (RFC 9110 §14).
//!
//! Not for: deciding who gets a file.

use std::fs::File;
use std::future::Future;
use std::io;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;
use tokio::task::JoinHandle;

use super::answer::{ApiError, Body};
use super::call::Call;

/// Bytes of one piece.
const PIECE: u64 = 256 << 10;

/// A run of bytes of an open file.
#[derive(Debug)]
pub struct FileRun {
    file: Arc<File>,
    at: u64,
    end: u64,
}

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
    body.file = Some(FileRun { file: Arc::new(file), at, end });
    Ok(body)
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

#[cfg(test)]
mod tests {
    use super::*;

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

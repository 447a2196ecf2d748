//! Frames and the hash chain: the bytes of a log segment.
//!
//! A segment is a 16-byte mark, then frames `length u32le ‖ CRC-32C u32le ‖ payload`, then zeros of space not yet used.
//! Not for: what a payload says.

use std::io::{self, Read};

use sha2::{Digest, Sha256};

/// First bytes of every segment: a name and the format's version.
pub(crate) const SEGMENT_MARK: [u8; 16] = *b"chartkeep log 1\n";

/// Longest payload, in bytes.
pub(crate) const PAYLOAD_BYTES_MAX: usize = 4 << 20;

pub(crate) type Hash = [u8; 32];

/// Adds one frame to `out`.
pub(crate) fn push_frame(out: &mut Vec<u8>, payload: &[u8]) {
    out.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    out.extend_from_slice(&crc32c::crc32c(payload).to_le_bytes());
    out.extend_from_slice(payload);
}

/// The chain value after an entry: SHA-256(0x02 ‖ value before ‖ payload).
pub(crate) fn chain_next(previous: &Hash, payload: &[u8]) -> Hash {
    let mut hash = Sha256::new();
    hash.update([2]);
    hash.update(previous);
    hash.update(payload);
    hash.finalize().into()
}

/// What stands next in a segment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// A frame whose checksum holds. Its payload starts 8 bytes after `offset`.
    Frame { offset: u64, payload: Vec<u8> },
    /// The end of the data; zeros follow, or nothing.
    End { offset: u64, tail_bytes: u64 },
    /// No good frame begins here, and the bytes are not all zero. `bad_bytes` reaches to the last byte that is not zero;
    /// `is_cut` says that the file ends within the frame.
    Bad { offset: u64, bad_bytes: u64, bad_sha256: Hash, is_cut: bool },
}

/// Reads the frames of one segment in order, with memory for one payload.
#[derive(Debug)]
pub(crate) struct FrameReader<R> {
    input: R,
    offset: u64,
}

impl<R: Read> FrameReader<R> {
    /// Starts after the mark; `None` when the mark is not there.
    pub(crate) fn new(mut input: R) -> io::Result<Option<FrameReader<R>>> {
        let mut mark = Vec::new();
        (&mut input).take(SEGMENT_MARK.len() as u64).read_to_end(&mut mark)?;
        Ok((mark == SEGMENT_MARK).then_some(FrameReader { input, offset: mark.len() as u64 }))
    }

    /// After `End` or `Bad` the reader is used up.
    pub(crate) fn next(&mut self) -> io::Result<Next> {
        let mut bytes = self.read_up_to(8)?;
        let mut is_cut = bytes.len() < 8;
        if let Some((length, crc)) = split_head(&bytes) {
            let body = self.read_up_to(length)?;
            if body.len() == length && crc32c::crc32c(&body) == crc {
                let offset = self.offset;
                self.offset += 8 + length as u64;
                return Ok(Next::Frame { offset, payload: body });
            }
            is_cut = body.len() < length;
            bytes.extend_from_slice(&body);
        }
        self.rest(bytes, is_cut)
    }

    fn read_up_to(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(count);
        (&mut self.input).take(count as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Tells a clean tail from a bad one, `start` being the bytes at the offset that were read already.
    fn rest(&mut self, start: Vec<u8>, is_cut: bool) -> io::Result<Next> {
        let mut hash = Sha256::new();
        let (mut total, mut hashed, mut zeros) = (0u64, 0u64, 0u64);
        let mut chunk = start;
        while !chunk.is_empty() {
            if let Some(last) = chunk.iter().rposition(|b| *b != 0) {
                // Zeros count as discarded only when something follows them.
                feed_zeros(&mut hash, zeros);
                hash.update(&chunk[..=last]);
                hashed = total + last as u64 + 1;
                zeros = 0;
                zeros += (chunk.len() - last - 1) as u64;
            } else {
                zeros += chunk.len() as u64;
            }
            total += chunk.len() as u64;
            chunk = self.read_up_to(64 << 10)?;
        }
        let offset = self.offset;
        if hashed == 0 {
            return Ok(Next::End { offset, tail_bytes: total });
        }
        Ok(Next::Bad { offset, bad_bytes: hashed, bad_sha256: hash.finalize().into(), is_cut })
    }
}

/// Length and checksum of a frame head, when it can be one.
fn split_head(head: &[u8]) -> Option<(usize, u32)> {
    let (length, crc) = head.split_first_chunk::<4>()?;
    let crc: &[u8; 4] = crc.try_into().ok()?;
    let length = u32::from_le_bytes(*length) as usize;
    (1..=PAYLOAD_BYTES_MAX).contains(&length).then_some((length, u32::from_le_bytes(*crc)))
}

fn feed_zeros(hash: &mut Sha256, mut count: u64) {
    let zeros = [0u8; 4096];
    while count > 0 {
        let step = count.min(zeros.len() as u64);
        hash.update(&zeros[..step as usize]);
        count -= step;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(payloads: &[&[u8]], tail: &[u8]) -> Vec<u8> {
        let mut bytes = SEGMENT_MARK.to_vec();
        for payload in payloads {
            push_frame(&mut bytes, payload);
        }
        bytes.extend_from_slice(tail);
        bytes
    }

    #[test]
    fn frames_come_back_and_the_tail_is_told_apart() {
        let bytes = segment(&[b"one", b"two"], &[0; 100]);
        let mut reader = FrameReader::new(&bytes[..]).unwrap().unwrap();
        assert_eq!(reader.next().unwrap(), Next::Frame { offset: 16, payload: b"one".to_vec() });
        assert_eq!(reader.next().unwrap(), Next::Frame { offset: 27, payload: b"two".to_vec() });
        assert_eq!(reader.next().unwrap(), Next::End { offset: 38, tail_bytes: 100 });

        let mut tail = vec![0; 70_000];
        tail.push(9);
        tail.extend_from_slice(&[0; 50]);
        let bytes = segment(&[], &tail);
        let mut reader = FrameReader::new(&bytes[..]).unwrap().unwrap();
        let sha256: Hash = Sha256::digest(&tail[..70_001]).into();
        assert_eq!(reader.next().unwrap(), Next::Bad { offset: 16, bad_bytes: 70_001, bad_sha256: sha256, is_cut: false });
        let cut = segment(&[b"whole", b"torn"], b"");
        let mut reader = FrameReader::new(&cut[..cut.len() - 1]).unwrap().unwrap();
        reader.next().unwrap();
        assert!(matches!(reader.next().unwrap(), Next::Bad { offset: 29, is_cut: true, .. }));
        assert!(FrameReader::new(&b"something else.."[..]).unwrap().is_none());
    }

    #[test]
    fn no_flipped_byte_of_a_frame_passes() {
        let good = segment(&[b"payload"], &[0; 9]);
        for at in SEGMENT_MARK.len()..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 0x10;
            let mut reader = FrameReader::new(&bytes[..]).unwrap().unwrap();
            let mut next = reader.next().unwrap();
            if let Next::Frame { .. } = next {
                next = reader.next().unwrap();
            }
            assert!(matches!(next, Next::Bad { .. }), "byte {at}");
        }
    }
}

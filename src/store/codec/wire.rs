//! Small numbers on the wire: LEB128 varints, UUIDs as 16 bytes, times as seconds with their zone.
//!
//! Not for: anything that is not part of a frame payload.

use super::CodecError;
use crate::model::{civil_from_days, days_from_civil};

pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// A checked cursor over untrusted bytes.
#[derive(Clone, Copy)]
pub struct Cursor<'a> {
    pub bytes: &'a [u8],
    pub at: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Cursor { bytes, at: 0 }
    }

    #[inline]
    pub fn byte(&mut self) -> Result<u8, CodecError> {
        let byte = *self.bytes.get(self.at).ok_or(CodecError("cut short"))?;
        self.at += 1;
        Ok(byte)
    }

    #[inline]
    pub fn varint(&mut self) -> Result<u64, CodecError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(CodecError("a number is too long"))
    }

    /// A varint that counts things of at least one byte each, so it can be no larger than `most`.
    pub fn count(&mut self, most: usize) -> Result<usize, CodecError> {
        let value = self.varint()?;
        usize::try_from(value).ok().filter(|v| *v <= most).ok_or(CodecError("a count is out of bounds"))
    }

    /// The next `length` bytes as a range.
    pub fn take(&mut self, length: usize) -> Result<std::ops::Range<usize>, CodecError> {
        let end = self.at.checked_add(length).filter(|e| *e <= self.bytes.len()).ok_or(CodecError("cut short"))?;
        let range = self.at..end;
        self.at = end;
        Ok(range)
    }

    pub fn slice(&mut self, length: usize) -> Result<&'a [u8], CodecError> {
        let range = self.take(length)?;
        Ok(&self.bytes[range])
    }
}

const fn hex_table() -> [u8; 256] {
    let mut table = [0xff; 256];
    let mut i = 0;
    while i < 16 {
        table[b"0123456789abcdef"[i] as usize] = i as u8;
        i += 1;
    }
    table
}
static HEX: [u8; 256] = hex_table();

/// The 16 bytes of a lower-case hyphenated UUID; `None` for any other text.
#[inline]
pub fn uuid_bytes(text: &[u8]) -> Option<[u8; 16]> {
    if text.len() != 36 || text[8] != b'-' || text[13] != b'-' || text[18] != b'-' || text[23] != b'-' {
        return None;
    }
    let mut out = [0u8; 16];
    let mut bad = 0u8;
    let starts = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
    for (byte, start) in out.iter_mut().zip(starts) {
        let (high, low) = (HEX[text[start] as usize], HEX[text[start + 1] as usize]);
        bad |= high | low;
        *byte = (high << 4) | (low & 15);
    }
    (bad < 16).then_some(out)
}

#[inline]
pub fn push_uuid(out: &mut Vec<u8>, bytes: &[u8; 16]) {
    let mut text = [b'-'; 36];
    let starts = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
    for (byte, start) in bytes.iter().zip(starts) {
        text[start] = b"0123456789abcdef"[usize::from(byte >> 4)];
        text[start + 1] = b"0123456789abcdef"[usize::from(byte & 15)];
    }
    out.extend_from_slice(&text);
}

/// A time of the one form `YYYY-MM-DDThh:mm:ss` followed by any zone text: seconds of the local clock since 1970, and
/// where the zone text begins. `None` when writing it again would not give the same bytes.
#[inline]
pub fn time_seconds(text: &[u8]) -> Option<(i64, &[u8])> {
    if text.len() < 19
        || text.len() > 32
        || text[4] != b'-'
        || text[7] != b'-'
        || text[10] != b'T'
        || text[13] != b':'
        || text[16] != b':'
    {
        return None;
    }
    let mut bad = false;
    let mut two = |i: usize| {
        let (a, b) = (text[i].wrapping_sub(b'0'), text[i + 1].wrapping_sub(b'0'));
        bad |= a > 9 || b > 9;
        i64::from(a) * 10 + i64::from(b)
    };
    let (y, m, d) = (two(0) * 100 + two(2), two(5), two(8));
    let (h, min, s) = (two(11), two(14), two(17));
    if bad || !(1..=12).contains(&m) || !(1..=31).contains(&d) || h > 23 || min > 59 || s > 59 {
        return None;
    }
    let days = days_from_civil(y, m, d);
    (civil_from_days(days) == (y, m, d)).then_some((days * 86_400 + h * 3600 + min * 60 + s, &text[19..]))
}

#[inline]
pub fn push_time(out: &mut Vec<u8>, seconds: i64, zone: &[u8]) {
    let (y, m, d) = civil_from_days(seconds.div_euclid(86_400));
    let clock = seconds.rem_euclid(86_400);
    let mut text = *b"0000-00-00T00:00:00";
    let mut two = |at: usize, value: i64| {
        text[at] = b'0' + (value / 10 % 10) as u8;
        text[at + 1] = b'0' + (value % 10) as u8;
    };
    two(0, y / 100);
    two(2, y % 100);
    two(5, m);
    two(8, d);
    two(11, clock / 3600);
    two(14, clock / 60 % 60);
    two(17, clock % 60);
    out.extend_from_slice(&text);
    out.extend_from_slice(zone);
}

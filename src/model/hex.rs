//! Bytes as lower-case hex and back.
//!
//! Not for: other encodings.

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for half in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(half), 16).unwrap_or('0'));
        }
    }
    text
}

/// Bytes of lower-case hex; `None` for anything else.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f').then(|| (b as char).to_digit(16)).flatten();
    text.len().is_multiple_of(2).then_some(())?;
    text.as_bytes().chunks_exact(2).map(|c| Some((digit(c[0])? * 16 + digit(c[1])?) as u8)).collect()
}

//! Archive ids: pure functions of (source system, resource type, original id), so that load order, restore and
//! parallel builds can never change a URL.
//!
//! Not for: looking ids up (`store::locator`) or linking patients (`statements`).

use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};

/// The id of a record in this archive's URLs: 1 to 64 characters of `[A-Za-z0-9.-]` (FHIR R4 `id`).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ArchiveId(Arc<str>);

impl ArchiveId {
    /// An id as it came in a URL; `None` when it is not of the FHIR `id` form.
    pub fn parse(text: &str) -> Option<Self> {
        let ok =
            !text.is_empty() && text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-');
        ok.then(|| Self(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ArchiveId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ArchiveId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ArchiveId(…)")
    }
}

/// The key of one patient in one source system: the archive id of its `Patient` record. Several keys may be one
/// person; links between them are statements.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct PatientKey(pub ArchiveId);

impl PatientKey {
    pub fn parse(text: &str) -> Option<Self> {
        ArchiveId::parse(text).map(Self)
    }

    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for PatientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

/// The name of one accession: `acc-` and 16 hex digits of the delivery's fingerprint.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct AccessionId(pub Arc<str>);

impl AccessionId {
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.strip_prefix("acc-")?;
        (hex.len() == 16 && hex.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase())).then(|| Self(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether `text` is a lower-case RFC 9562 UUID of a version that is unique by construction (1 to 8, variant 10).
/// Hand-made ids such as `00000000-0000-0000-0000-000000000001` are not, since two systems may both have used them.
pub fn is_true_uuid(text: &str) -> bool {
    let b = text.as_bytes();
    b.len() == 36
        && b.iter().enumerate().all(|(i, c)| match i {
            8 | 13 | 18 | 23 => *c == b'-',
            14 => (b'1'..=b'8').contains(c),
            19 => matches!(c, b'8' | b'9' | b'a' | b'b'),
            _ => c.is_ascii_digit() || (b'a'..=b'f').contains(c),
        })
}

/// Longest qualified id without its dot.
const QUALIFIED_MAX: usize = 54;

/// The archive id of a record: a true UUID stays itself; anything else is `<source>.<id>` when that is a valid FHIR id
/// of at most 54 characters (which leaves room for document ids) and cannot be mistaken for another pair, else `x.` and 52 base32 digits of
/// SHA-256(source ‖ 0 ‖ type ‖ 0 ‖ id).
pub fn archive_id(source_system: &str, kind: &str, original: &str) -> ArchiveId {
    if is_true_uuid(original) {
        return ArchiveId(original.into());
    }
    let plain = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let dotted = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
    // The source may hold no dot here, so that the first dot always parts source and id.
    if plain(source_system) && source_system != "x" && dotted(original) && source_system.len() + original.len() < QUALIFIED_MAX {
        return ArchiveId(format!("{source_system}.{original}").into());
    }
    let mut hash = Sha256::new();
    for part in [source_system, kind, original] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let digest = hash.finalize();
    let mut text = String::from("x.");
    let (mut acc, mut bits) = (0u32, 0);
    for byte in digest {
        acc = (acc << 8) | u32::from(byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(b"abcdefghijklmnopqrstuvwxyz234567"[((acc >> bits) & 31) as usize]));
        }
        acc &= (1 << bits) - 1;
    }
    if bits > 0 {
        text.push(char::from(b"abcdefghijklmnopqrstuvwxyz234567"[((acc << (5 - bits)) & 31) as usize]));
    }
    ArchiveId(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_true_uuid_stays_itself_and_others_are_qualified() {
        let uuid = "7c1c9a4e-0d31-4c6b-a5a7-2f7d6e0b9c11";
        assert_eq!(archive_id("mer", "Patient", uuid).as_str(), uuid);
        assert_eq!(archive_id("mer", "Patient", "123").as_str(), "mer.123");
        let made = archive_id("mer", "Patient", "00000000-0000-0000-0000-000000000001");
        assert_eq!(made.as_str(), "mer.00000000-0000-0000-0000-000000000001");
        assert_ne!(archive_id("a", "Patient", "b_c"), archive_id("a", "Observation", "b_c"));
        let long = archive_id("mer", "Patient", &"9".repeat(90));
        assert_eq!(long.as_str().len(), 54);
        assert!(ArchiveId::parse(long.as_str()).is_some());
    }

    #[test]
    fn no_two_pairs_share_an_id() {
        assert_ne!(archive_id("a", "Patient", "b.c"), archive_id("a.b", "Patient", "c"));
        assert_ne!(archive_id("x", "Patient", "1"), archive_id("y", "Patient", "1"));
    }
}

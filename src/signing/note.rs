//! Signed notes: a text with Ed25519 signatures under it (C2SP signed-note), read strictly.
//!
//! Every byte counts: a note is accepted only in the one form in which it is written, so that no flipped byte passes.
//! Not for: what the text means.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};

use super::Signer;

/// The algorithm byte of Ed25519 in key ids and key texts.
const ED25519: u8 = 1;
/// What each signature line starts with: an em dash and a space.
const SIGNATURE_LABEL: &str = "\u{2014} ";

/// Why a note or a key text is not accepted.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoteError {
    #[error("not a signed note")]
    Malformed,
    #[error("signed by an unknown key")]
    UnknownKey,
    #[error("the signature does not match the text")]
    BadSignature,
    #[error("not a verifier key")]
    BadKey,
}

/// A public key with its name, as written `name+keyid+base64` (C2SP signed-note "verifier key").
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifierKey {
    name: String,
    public: [u8; 32],
}

impl VerifierKey {
    pub fn new(name: &str, public: [u8; 32]) -> VerifierKey {
        VerifierKey { name: name.to_string(), public }
    }

    /// Reads the text form; anything but the exact form that [`std::fmt::Display`] writes is refused.
    pub fn parse(text: &str) -> Result<VerifierKey, NoteError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(_), Some(encoded)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::BadKey);
        };
        let bytes = BASE64.decode(encoded).map_err(|_| NoteError::BadKey)?;
        let public: [u8; 32] = bytes.strip_prefix(&[ED25519]).and_then(|rest| rest.try_into().ok()).ok_or(NoteError::BadKey)?;
        let key = VerifierKey::new(name, public);
        if !is_key_name(name) || VerifyingKey::from_bytes(&public).is_err() || key.to_string() != text {
            return Err(NoteError::BadKey);
        }
        Ok(key)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn public_key(&self) -> [u8; 32] {
        self.public
    }

    fn id(&self) -> [u8; 4] {
        key_id(&self.name, &self.public)
    }

    fn verify(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        VerifyingKey::from_bytes(&self.public)
            .is_ok_and(|key| key.verify_strict(message, &Signature::from_bytes(signature)).is_ok())
    }
}

impl std::fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let id = u32::from_be_bytes(self.id());
        let mut encoded = vec![ED25519];
        encoded.extend_from_slice(&self.public);
        write!(f, "{}+{id:08x}+{}", self.name, BASE64.encode(encoded))
    }
}

/// Signs a text, which must end with a line feed and hold no other control characters.
pub fn sign_note(text: &str, signer: &dyn Signer) -> String {
    debug_assert!(is_note_text(text) && is_key_name(signer.key_name()));
    let mut blob = key_id(signer.key_name(), &signer.public_key()).to_vec();
    blob.extend_from_slice(&signer.sign(text.as_bytes()));
    format!("{text}\n{SIGNATURE_LABEL}{} {}\n", signer.key_name(), BASE64.encode(blob))
}

/// The text of a note whose every signature is by one of `keys` and holds. Stricter than the format asks: a line of an
/// unknown signer is an error and not ignored.
pub fn verify_note<'a>(note: &'a str, keys: &[VerifierKey]) -> Result<&'a str, NoteError> {
    let split = note.rfind("\n\n").ok_or(NoteError::Malformed)?;
    let (text, signatures) = (&note[..=split], &note[split + 2..]);
    if !is_note_text(text) || signatures.is_empty() || !signatures.ends_with('\n') {
        return Err(NoteError::Malformed);
    }
    let mut seen = Vec::new();
    for line in signatures.split_terminator('\n') {
        let (name, encoded) = line.strip_prefix(SIGNATURE_LABEL).and_then(|l| l.split_once(' ')).ok_or(NoteError::Malformed)?;
        let blob = BASE64.decode(encoded).map_err(|_| NoteError::Malformed)?;
        let (id, signature) = blob.split_at_checked(4).ok_or(NoteError::Malformed)?;
        let signature: &[u8; 64] = signature.try_into().map_err(|_| NoteError::Malformed)?;
        let key = keys.iter().find(|k| k.name == name && k.id() == id).ok_or(NoteError::UnknownKey)?;
        if seen.contains(&key.public) {
            return Err(NoteError::Malformed);
        }
        seen.push(key.public);
        if !key.verify(text.as_bytes(), signature) {
            return Err(NoteError::BadSignature);
        }
    }
    Ok(text)
}

/// A key name is not empty and holds neither white space nor `+`.
pub(super) fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

fn is_note_text(text: &str) -> bool {
    text.ends_with('\n') && !text.chars().any(|c| c.is_control() && c != '\n')
}

/// SHA-256(name ‖ line feed ‖ algorithm ‖ public key), its first four bytes.
fn key_id(name: &str, public: &[u8; 32]) -> [u8; 4] {
    let mut hash = Sha256::new();
    hash.update(name.as_bytes());
    hash.update([b'\n', ED25519]);
    hash.update(public);
    let digest: [u8; 32] = hash.finalize().into();
    [digest[0], digest[1], digest[2], digest[3]]
}

#[cfg(test)]
mod tests {
    use super::super::SigningKey;
    use super::*;

    /// The published example of the format (spec audit.md §5.3).
    const VKEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    const NOTE: &str = "This is an example message.\n\n\u{2014} example.com/foo \
        Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

    #[test]
    fn the_published_example_verifies() {
        let key = VerifierKey::parse(VKEY).unwrap();
        assert_eq!(key.to_string(), VKEY);
        assert_eq!(verify_note(NOTE, &[key]).unwrap(), "This is an example message.\n");
    }

    #[test]
    fn no_flipped_byte_of_a_note_passes() {
        let key = SigningKey::random("chartkeep-test").unwrap();
        let note = sign_note("origin\n17\nAAAA\n", &key);
        let keys = [VerifierKey::parse(VKEY).unwrap(), key.verifier()];
        assert_eq!(verify_note(&note, &keys).unwrap(), "origin\n17\nAAAA\n");
        for at in 0..note.len() {
            for bit in 0..8 {
                let mut bytes = note.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let passed = std::str::from_utf8(&bytes).is_ok_and(|text| verify_note(text, &keys).is_ok());
                assert!(!passed, "byte {at} bit {bit}");
            }
        }
    }

    #[test]
    fn other_forms_of_a_good_note_are_refused() {
        let key = SigningKey::random("k").unwrap();
        let keys = [key.verifier()];
        let note = sign_note("text\n", &key);
        let line = note.split("\n\n").nth(1).unwrap().to_string();
        for bad in [note.trim_end().to_string(), format!("{note}\n"), format!("{note}{line}"), note.replace("=\n", "\n")] {
            assert!(verify_note(&bad, &keys).is_err(), "{bad:?}");
        }
        let stranger = SigningKey::random("k").unwrap();
        assert_eq!(verify_note(&note, &[stranger.verifier()]), Err(NoteError::UnknownKey));
        assert_eq!(verify_note(&note, &[]), Err(NoteError::UnknownKey));
    }

    #[test]
    fn no_flipped_byte_of_a_key_text_gives_a_key() {
        for at in 0..VKEY.len() {
            let mut bytes = VKEY.as_bytes().to_vec();
            bytes[at] ^= 1;
            assert!(VerifierKey::parse(std::str::from_utf8(&bytes).unwrap()).is_err(), "byte {at}");
        }
    }
}

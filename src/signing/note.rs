//! Signed notes: a text with Ed25519 signatures under it (C2SP signed-note), read strictly.
//!
//! Every byte counts: a note is accepted only in the one form in which it is written, so that no flipped byte passes.
//! Not for: what the text means.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::Signer;
use super::verifier::{NoteError, VerifierKey, is_key_name, key_id};

/// What each signature line starts with: an em dash and a space.
const SIGNATURE_LABEL: &str = "\u{2014} ";

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
        let key = keys.iter().find(|k| k.name() == name && k.id() == id).ok_or(NoteError::UnknownKey)?;
        if seen.contains(&key.public_key()) {
            return Err(NoteError::Malformed);
        }
        seen.push(key.public_key());
        if !key.verify(text.as_bytes(), signature) {
            return Err(NoteError::BadSignature);
        }
    }
    Ok(text)
}

fn is_note_text(text: &str) -> bool {
    text.ends_with('\n') && !text.chars().any(|c| c.is_control() && c != '\n')
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

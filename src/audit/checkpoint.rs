//! Signed checkpoints of a stream (C2SP tlog-checkpoint): its size and Merkle root, signed.
//!
//! A stream's `checkpoints` file is those notes one after the other. When a key takes over from another, one is signed by
//! both. Not for: when one is due (`stream`) and whether its root is right (`verify`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::signing::{NoteError, Signer, VerifierKey, sign_note, verify_note};

use super::fault::{Fault, Wrong};
use super::frame::Hash;

/// Lines of a checkpoint before its signatures: origin, size, root, empty line.
const TEXT_LINES: usize = 4;
const SIGNATURE_START: &str = "\u{2014} ";

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Checkpoint {
    pub size: u64,
    pub root: Hash,
}

impl Checkpoint {
    pub(crate) fn sign(&self, origin: &str, signer: &dyn Signer) -> String {
        sign_note(&format!("{origin}\n{}\n{}\n", self.size, BASE64.encode(self.root)), signer)
    }

    /// Signed by a key and its successor.
    pub(crate) fn sign_by_both(&self, origin: &str, old: &dyn Signer, new: &dyn Signer) -> String {
        let (first, second) = (self.sign(origin, old), self.sign(origin, new));
        let signature = second.split_once("\n\n").map_or("", |(_, signature)| signature);
        first + signature
    }

    pub(crate) fn parse(note: &str, origin: &str, keys: &[VerifierKey]) -> Result<Checkpoint, Wrong> {
        let text = verify_note(note, keys).map_err(|error| match error {
            NoteError::UnknownKey => (Fault::UnknownKey, "a checkpoint is signed by an unknown key"),
            NoteError::BadSignature => (Fault::Altered, "the signature of a checkpoint does not hold"),
            NoteError::Malformed | NoteError::BadKey => (Fault::Altered, "not a checkpoint"),
        })?;
        let mut lines = text.lines();
        let found_origin = lines.next();
        let checkpoint = (|| {
            let size_text = lines.next()?;
            let size: u64 = size_text.parse().ok().filter(|n: &u64| n.to_string() == size_text)?;
            let root = BASE64.decode(lines.next()?).ok()?.try_into().ok()?;
            lines.next().is_none().then_some(Checkpoint { size, root })
        })();
        if found_origin != Some(origin) {
            return Err((Fault::Replayed, "it is a checkpoint of another log"));
        }
        checkpoint.ok_or((Fault::Altered, "not a checkpoint"))
    }
}

/// What a `checkpoints` file holds.
#[derive(Debug, Default)]
pub(crate) struct CheckpointFile {
    pub checkpoints: Vec<Checkpoint>,
    /// Bytes up to the end of the last good checkpoint.
    pub good_bytes: u64,
    /// What is wrong with the bytes after that, if there are any.
    pub bad: Option<Bad>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Bad {
    /// The file ends within a checkpoint, as after a crash.
    Torn,
    Wrong(Fault, &'static str),
}

/// Reads a file up to the first thing that is wrong. Sizes must grow, but for a second signing when the key changes; and a
/// key that was replaced signs no more.
pub(crate) fn read_checkpoints(bytes: &[u8], origin: &str, keys: &[VerifierKey]) -> CheckpointFile {
    let mut file = CheckpointFile::default();
    let mut newest_key = 0;
    let mut rest = bytes;
    while !rest.is_empty() {
        let Some(length) = note_bytes(rest) else {
            file.bad = Some(Bad::Torn);
            break;
        };
        let parsed = std::str::from_utf8(&rest[..length])
            .map_err(|_| (Fault::Altered, "not a checkpoint"))
            .and_then(|note| Ok((Checkpoint::parse(note, origin, keys)?, signers(note, keys))))
            .and_then(|(next, signers)| {
                let is_second_signing = |last: &Checkpoint| last == &next && signers.len() > 1;
                let newest = signers.iter().max().copied().unwrap_or(0);
                match file.checkpoints.last() {
                    _ if newest < newest_key => Err((Fault::UnknownKey, "a checkpoint is signed by a key that was replaced")),
                    Some(last) if last.size >= next.size && !is_second_signing(last) => {
                        Err((Fault::OutOfOrder, "a checkpoint is out of order"))
                    }
                    _ => Ok((next, newest)),
                }
            });
        match parsed {
            Ok((checkpoint, newest)) => {
                file.checkpoints.push(checkpoint);
                newest_key = newest;
            }
            Err((fault, what)) => {
                file.bad = Some(Bad::Wrong(fault, what));
                break;
            }
        }
        file.good_bytes += length as u64;
        rest = &rest[length..];
    }
    file
}

/// The places among `keys` of those that signed a note, which was verified before.
fn signers(note: &str, keys: &[VerifierKey]) -> Vec<usize> {
    let names = note.lines().filter_map(|line| line.strip_prefix(SIGNATURE_START)?.split(' ').next());
    names.filter_map(|name| keys.iter().position(|key| key.name() == name)).collect()
}

/// The length of the note that `bytes` begin with, all its signatures included; `None` when it does not end here.
pub(crate) fn note_bytes(bytes: &[u8]) -> Option<usize> {
    let line = |from: usize| memchr::memchr(b'\n', bytes.get(from..)?).map(|at| from + at + 1);
    let mut end = 0;
    for _ in 0..=TEXT_LINES {
        end = line(end)?;
    }
    while bytes[end..].starts_with(SIGNATURE_START.as_bytes()) {
        end = line(end)?;
    }
    Some(end)
}

/// The notes in a file, cut where one ends and the next begins; what is left over at the end is no whole one.
pub(crate) fn notes(text: &str) -> Vec<&str> {
    let mut notes = Vec::new();
    let mut rest = text;
    while let Some(length) = note_bytes(rest.as_bytes()) {
        notes.push(&rest[..length]);
        rest = &rest[length..];
    }
    notes
}

/// A checkpoint of this stream that was kept outside the archive.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Pin(pub Checkpoint);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signing::SigningKey;

    #[test]
    fn a_file_is_read_up_to_what_is_wrong() {
        let key = SigningKey::random("k").unwrap();
        let keys = [key.verifier()];
        let note = |size: u64| Checkpoint { size, root: [size as u8; 32] }.sign("chartkeep/audit/s0000", &key);
        let good = note(0) + &note(7);
        let file = read_checkpoints(good.as_bytes(), "chartkeep/audit/s0000", &keys);
        assert_eq!((file.checkpoints.len(), file.good_bytes, file.bad), (2, good.len() as u64, None));

        let torn = format!("{good}{}", &note(9)[..40]);
        let file = read_checkpoints(torn.as_bytes(), "chartkeep/audit/s0000", &keys);
        assert_eq!((file.checkpoints.len(), file.good_bytes, file.bad), (2, good.len() as u64, Some(Bad::Torn)));

        for bad in [note(7) + &note(7), note(9) + &note(7)] {
            let file = read_checkpoints(bad.as_bytes(), "chartkeep/audit/s0000", &keys);
            assert!(file.checkpoints.len() == 1 && matches!(file.bad, Some(Bad::Wrong(Fault::OutOfOrder, _))));
        }
        assert!(read_checkpoints(good.as_bytes(), "chartkeep/audit/s0001", &keys).bad.is_some());
    }

    #[test]
    fn a_key_takes_over_by_a_checkpoint_that_both_sign() {
        let origin = "chartkeep/audit/s0000";
        let (old, new) = (SigningKey::random("old").unwrap(), SigningKey::random("new").unwrap());
        let keys = [old.verifier(), new.verifier()];
        let at = |size: u64| Checkpoint { size, root: [size as u8; 32] };
        let both = at(7).sign_by_both(origin, &old, &new);
        let good = at(7).sign(origin, &old) + &both + &at(9).sign(origin, &new);
        let file = read_checkpoints(good.as_bytes(), origin, &keys);
        assert_eq!((file.checkpoints.len(), file.good_bytes, file.bad), (3, good.len() as u64, None));
        assert_eq!(notes(&good), [at(7).sign(origin, &old), both.clone(), at(9).sign(origin, &new)]);
        // The old key after that, the second signing of another root, and a second line cut off.
        for (bad, fault) in [
            (good.clone() + &at(10).sign(origin, &old), Fault::UnknownKey),
            (
                at(7).sign(origin, &old) + &Checkpoint { size: 7, root: [0; 32] }.sign_by_both(origin, &old, &new),
                Fault::OutOfOrder,
            ),
        ] {
            assert!(matches!(read_checkpoints(bad.as_bytes(), origin, &keys).bad, Some(Bad::Wrong(found, _)) if found == fault));
        }
        assert_eq!(read_checkpoints(&both.as_bytes()[..both.len() - 9], origin, &keys).bad, Some(Bad::Torn));
    }
}

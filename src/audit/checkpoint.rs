//! Signed checkpoints of a stream (C2SP tlog-checkpoint): its size and Merkle root, signed.
//!
//! A stream's `checkpoints` file is those notes one after the other, five lines each. Not for: when one is due
//! (`stream`) and whether its root is right (`verify`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::signing::{Signer, VerifierKey, sign_note, verify_note};

use super::frame::Hash;

/// Lines of one checkpoint: origin, size, root, empty line, signature.
const LINES: usize = 5;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Checkpoint {
    pub size: u64,
    pub root: Hash,
}

impl Checkpoint {
    pub(crate) fn sign(&self, origin: &str, signer: &dyn Signer) -> String {
        sign_note(&format!("{origin}\n{}\n{}\n", self.size, BASE64.encode(self.root)), signer)
    }

    fn parse(note: &str, origin: &str, keys: &[VerifierKey]) -> Result<Checkpoint, String> {
        let text = verify_note(note, keys).map_err(|e| e.to_string())?;
        let mut lines = text.lines();
        let found_origin = lines.next();
        let checkpoint = (|| {
            let size_text = lines.next()?;
            let size: u64 = size_text.parse().ok().filter(|n: &u64| n.to_string() == size_text)?;
            let root = BASE64.decode(lines.next()?).ok()?.try_into().ok()?;
            lines.next().is_none().then_some(Checkpoint { size, root })
        })();
        if found_origin != Some(origin) {
            return Err("it is a checkpoint of another log".to_string());
        }
        checkpoint.ok_or_else(|| "not a checkpoint".to_string())
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
    Wrong(String),
}

/// Reads a file up to the first thing that is wrong. Sizes must grow.
pub(crate) fn read_checkpoints(bytes: &[u8], origin: &str, keys: &[VerifierKey]) -> CheckpointFile {
    let mut file = CheckpointFile::default();
    let mut rest = bytes;
    while !rest.is_empty() {
        let Some(length) = note_bytes(rest) else {
            file.bad = Some(Bad::Torn);
            break;
        };
        let parsed = std::str::from_utf8(&rest[..length])
            .map_err(|_| "not text".to_string())
            .and_then(|note| Checkpoint::parse(note, origin, keys))
            .and_then(|next| match file.checkpoints.last() {
                Some(last) if last.size >= next.size => Err("it is out of order".to_string()),
                _ => Ok(next),
            });
        match parsed {
            Ok(checkpoint) => file.checkpoints.push(checkpoint),
            Err(what) => {
                file.bad = Some(Bad::Wrong(what));
                break;
            }
        }
        file.good_bytes += length as u64;
        rest = &rest[length..];
    }
    file
}

/// The length of the note that `bytes` begin with: five lines.
fn note_bytes(bytes: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'\n', bytes).nth(LINES - 1).map(|at| at + 1)
}

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
            assert!(file.checkpoints.len() == 1 && matches!(file.bad, Some(Bad::Wrong(_))));
        }
        assert!(read_checkpoints(good.as_bytes(), "chartkeep/audit/s0001", &keys).bad.is_some());
    }
}

//! Proofs for strangers: that an entry stands in the log, and that the log only grew. Checked with a public key alone.
//!
//! A proof is one JSON object with everything in it but the key to trust. Not for: choosing what is shown to whom
//! (`commands`, `oversight`).

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use crate::merkle::{self, Hash, leaf_hash, verify_consistency, verify_inclusion};
use crate::signing::{KeyPurpose, KeyRing, VerifierKey};

use super::checkpoint::{Checkpoint, notes};
use super::folder::{CHECKPOINTS_FILE, LogFolder, read};
use super::read::entry_bytes;
use super::tiles::{self, Leaves};
use super::{FOLDER, LogError};

const ENTRY_FORMAT: &str = "chartkeep entry proof v1";
const GROWTH_FORMAT: &str = "chartkeep growth proof v1";

/// Why there is no proof, or why one does not hold.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("there is no signed checkpoint of {0} entries")]
    NoCheckpoint(u64),
    #[error("no signed checkpoint covers entry {0} yet")]
    NotCovered(u64),
    #[error("a proof of growth goes from a smaller size to a larger one")]
    Backwards,
    #[error("not a proof: {0}")]
    Malformed(&'static str),
    #[error("the checkpoint is not signed by a key that you trust")]
    Untrusted,
    #[error("the proof does not hold: {0}")]
    Wrong(&'static str),
}

/// What a proof file holds. Hashes are in base64.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "format", deny_unknown_fields)]
pub enum Proof {
    #[serde(rename = "chartkeep entry proof v1")]
    Entry {
        stream: String,
        seq: u64,
        /// The entry, byte for byte. Missing once it was retired.
        #[serde(skip_serializing_if = "Option::is_none")]
        entry: Option<String>,
        /// SHA-256(0x00 ‖ entry).
        leaf: String,
        path: Vec<String>,
        checkpoint: String,
        /// The keys that signed, for comparing with one that you hold: not to be trusted from here.
        keys: Vec<String>,
    },
    #[serde(rename = "chartkeep growth proof v1")]
    Growth { stream: String, path: Vec<String>, from: String, to: String, keys: Vec<String> },
}

/// What a proof that holds says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Proved {
    /// Entry `seq` of a log that had `size` entries when this was signed.
    Entry { stream: String, seq: u64, size: u64, entry: Option<String> },
    /// A log of `from` entries grew to one of `to`, and none of them was changed.
    Growth { stream: String, from: u64, to: u64 },
}

/// Proves that an entry stands in the log: under the checkpoint of `size` entries, or under the newest.
pub fn prove_entry(archive: &Path, ring: &KeyRing, stream: &str, seq: u64, size: Option<u64>) -> Result<Proof, ProofError> {
    let prover =
        Prover::under(archive, ring, stream, size)?.ok_or(size.map_or(ProofError::NotCovered(seq), ProofError::NoCheckpoint))?;
    let Inclusion { leaf, path } = prover.inclusion(seq)?;
    let entry = entry_bytes(&prover.place.folder, stream, seq)?.and_then(|bytes| String::from_utf8(bytes).ok());
    let proof = Proof::Entry {
        stream: stream.to_string(),
        seq,
        entry,
        leaf: BASE64.encode(leaf),
        path: texts(&path),
        checkpoint: prover.note.clone(),
        keys: prover.place.key_texts(),
    };
    // A log that is damaged gives no proof rather than one that does not hold.
    check(&proof, &prover.place.keys)?;
    Ok(proof)
}

/// Proves entries of one stream under one checkpoint. Reads a few hashes for each, however long the log is.
pub struct Prover {
    place: Place,
    checkpoint: Checkpoint,
    note: String,
}

/// That an entry stands in the tree of a checkpoint: the hash of its bytes, and the hashes beside the way to the root.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Inclusion {
    pub leaf: Hash,
    pub path: Vec<Hash>,
}

impl Prover {
    /// Under the checkpoint of so many entries, or under the newest; `None` when there is none that is signed as it should be.
    pub fn under(archive: &Path, ring: &KeyRing, stream: &str, size: Option<u64>) -> Result<Option<Prover>, ProofError> {
        let place = Place::open(archive, ring, stream)?;
        Ok(place.checkpoint(size).map(|(checkpoint, note)| Prover { place, checkpoint, note }))
    }

    /// Entries that the checkpoint covers.
    pub fn size(&self) -> u64 {
        self.checkpoint.size
    }

    /// The signed checkpoint.
    pub fn note(&self) -> &str {
        &self.note
    }

    /// The proof of one entry, which holds: it was checked against the checkpoint's root.
    pub fn inclusion(&self, seq: u64) -> Result<Inclusion, ProofError> {
        if seq >= self.checkpoint.size {
            return Err(ProofError::NotCovered(seq));
        }
        let dir = &self.place.dir;
        let leaf = Leaves::open(dir, seq)?.map(|mut leaves| leaves.next()).transpose()?.flatten();
        let leaf = leaf.ok_or(ProofError::Wrong("the hashes of the log are missing; audit verify says which"))?;
        let path = merkle::inclusion_path(seq, self.checkpoint.size, |height, index| tiles::node(dir, height, index))?;
        if !verify_inclusion(seq, self.checkpoint.size, &leaf, &path, &self.checkpoint.root) {
            return Err(ProofError::Wrong("the entry does not stand in this log at this place"));
        }
        Ok(Inclusion { leaf, path })
    }
}

/// Proves that the log of `from` entries is the beginning of that of `to`; both need a signed checkpoint.
pub fn prove_growth(archive: &Path, ring: &KeyRing, stream: &str, from: u64, to: Option<u64>) -> Result<Proof, ProofError> {
    let place = Place::open(archive, ring, stream)?;
    let (old, from_note) = place.checkpoint(Some(from)).ok_or(ProofError::NoCheckpoint(from))?;
    let (new, to_note) = place.checkpoint(to).ok_or(ProofError::NoCheckpoint(to.unwrap_or(0)))?;
    if old.size == 0 || old.size > new.size {
        return Err(ProofError::Backwards);
    }
    let path = merkle::consistency_path(old.size, new.size, |height, index| tiles::node(&place.dir, height, index))?;
    let keys = place.key_texts();
    let proof = Proof::Growth { stream: stream.to_string(), path: texts(&path), from: from_note, to: to_note, keys };
    check(&proof, &place.keys)?;
    Ok(proof)
}

/// One stream with its checkpoints.
struct Place {
    folder: LogFolder,
    dir: std::path::PathBuf,
    origin: String,
    keys: Vec<VerifierKey>,
    notes: String,
}

impl Place {
    fn open(archive: &Path, ring: &KeyRing, stream: &str) -> Result<Place, ProofError> {
        let folder = LogFolder::new(archive, FOLDER);
        if !folder.streams()?.iter().any(|name| name == stream) {
            return Err(ProofError::Malformed("there is no such stream"));
        }
        let (dir, origin) = (folder.path.join(stream), folder.origin(stream));
        let notes = String::from_utf8_lossy(&read(&dir.join(CHECKPOINTS_FILE))?).into_owned();
        Ok(Place { folder, dir, origin, keys: ring.verifiers(KeyPurpose::Audit), notes })
    }

    /// The checkpoint of a size, or the newest.
    fn checkpoint(&self, size: Option<u64>) -> Option<(Checkpoint, String)> {
        let all = notes(&self.notes).into_iter().rev();
        let good = all.filter_map(|note| Some((Checkpoint::parse(note, &self.origin, &self.keys).ok()?, note.to_string())));
        good.into_iter().find(|(checkpoint, _)| size.is_none_or(|size| checkpoint.size == size))
    }

    fn key_texts(&self) -> Vec<String> {
        self.keys.iter().map(ToString::to_string).collect()
    }
}

/// Checks a proof with the keys that one trusts, and nothing else.
pub fn check(proof: &Proof, keys: &[VerifierKey]) -> Result<Proved, ProofError> {
    match proof {
        Proof::Entry { stream, seq, entry, leaf, path, checkpoint, .. } => {
            let checkpoint = trusted(checkpoint, stream, keys)?;
            let leaf = hash(leaf)?;
            if let Some(entry) = entry {
                if leaf_hash(entry.as_bytes()) != leaf {
                    return Err(ProofError::Wrong("the entry is not the one that was hashed"));
                }
                let said: serde_json::Value = serde_json::from_str(entry).map_err(|_| ProofError::Malformed("no entry"))?;
                if said.get("seq").and_then(serde_json::Value::as_u64) != Some(*seq) {
                    return Err(ProofError::Wrong("the entry has another number"));
                }
            }
            if !verify_inclusion(*seq, checkpoint.size, &leaf, &hashes(path)?, &checkpoint.root) {
                return Err(ProofError::Wrong("the entry does not stand in this log at this place"));
            }
            Ok(Proved::Entry { stream: stream.clone(), seq: *seq, size: checkpoint.size, entry: entry.clone() })
        }
        Proof::Growth { stream, path, from, to, .. } => {
            let (from, to) = (trusted(from, stream, keys)?, trusted(to, stream, keys)?);
            if !verify_consistency(from.size, to.size, &hashes(path)?, &from.root, &to.root) {
                return Err(ProofError::Wrong("the longer log does not begin with the shorter one"));
            }
            Ok(Proved::Growth { stream: stream.clone(), from: from.size, to: to.size })
        }
    }
}

impl Proof {
    /// Reads a proof file.
    pub fn parse(text: &str) -> Result<Proof, ProofError> {
        serde_json::from_str(text).map_err(|_| ProofError::Malformed("it is no proof of this software, or of a later version"))
    }

    /// As a proof file holds it.
    pub fn to_json(&self) -> String {
        // Texts and numbers alone: this cannot fail.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// The form's name, for people.
    pub fn format(&self) -> &'static str {
        match self {
            Proof::Entry { .. } => ENTRY_FORMAT,
            Proof::Growth { .. } => GROWTH_FORMAT,
        }
    }
}

/// A checkpoint under the signature of one of `keys`. Signatures by others beside it do not count (C2SP signed-note).
fn trusted(note: &str, stream: &str, keys: &[VerifierKey]) -> Result<Checkpoint, ProofError> {
    let (text, signatures) = note.split_once("\n\n").ok_or(ProofError::Malformed("no checkpoint"))?;
    let is_known = |line: &&str| {
        let name = line.strip_prefix("\u{2014} ").and_then(|rest| rest.split(' ').next());
        keys.iter().any(|key| Some(key.name()) == name)
    };
    let ours: String = signatures.split_inclusive('\n').filter(is_known).collect();
    let origin = LogFolder::new(Path::new(""), FOLDER).origin(stream);
    Checkpoint::parse(&format!("{text}\n\n{ours}"), &origin, keys).map_err(|_| ProofError::Untrusted)
}

fn texts(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(|hash| BASE64.encode(hash)).collect()
}

fn hashes(texts: &[String]) -> Result<Vec<Hash>, ProofError> {
    texts.iter().map(|text| hash(text)).collect()
}

fn hash(text: &str) -> Result<Hash, ProofError> {
    BASE64.decode(text).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(ProofError::Malformed("a hash cannot be read"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Fixture, OPTIONS, entry};
    use super::*;

    /// A log of many entries in two streams, with every tenth size signed.
    fn log() -> (Fixture, KeyRing, Vec<VerifierKey>) {
        let fixture = Fixture::new();
        let options = super::super::Options { checkpoint_entries: 10, ..OPTIONS };
        let (one, two) = (fixture.open(options), fixture.open(options));
        (0..300).for_each(|number| drop(one.append(entry(number)).unwrap()));
        two.append(entry(0)).unwrap();
        one.close();
        two.close();
        let ring = KeyRing::load(&fixture.archive()).unwrap();
        let keys = ring.verifiers(KeyPurpose::Audit);
        (fixture, ring, keys)
    }

    #[test]
    fn every_entry_is_proved_under_every_checkpoint_over_it() {
        let (fixture, ring, keys) = log();
        let archive = fixture.archive();
        for size in [10, 100, 250] {
            for seq in (0..size).step_by(7).chain([size - 1]) {
                let proof = prove_entry(&archive, &ring, "s0000", seq, Some(size)).unwrap();
                let again = Proof::parse(&proof.to_json()).unwrap();
                let Proved::Entry { entry: Some(entry), size: under, .. } = check(&again, &keys).unwrap() else { panic!() };
                assert!(under == size && entry.contains(&format!("\"seq\":{seq},")), "{entry}");
            }
            for from in (10..=size).step_by(10) {
                let proof = prove_growth(&archive, &ring, "s0000", from, Some(size)).unwrap();
                assert_eq!(check(&proof, &keys).unwrap(), Proved::Growth { stream: "s0000".into(), from, to: size });
            }
        }
        assert!(matches!(prove_entry(&archive, &ring, "s0000", 10, Some(10)), Err(ProofError::NotCovered(10))));
        assert!(matches!(prove_entry(&archive, &ring, "s0000", 3, Some(11)), Err(ProofError::NoCheckpoint(11))));
        assert!(matches!(prove_growth(&archive, &ring, "s0000", 100, Some(10)), Err(ProofError::Backwards)));
        assert!(matches!(prove_entry(&archive, &ring, "s0007", 0, None), Err(ProofError::Malformed(_))));
    }

    #[test]
    fn a_proof_that_somebody_changed_does_not_hold() {
        let (fixture, ring, keys) = log();
        let archive = fixture.archive();
        let good = prove_entry(&archive, &ring, "s0000", 123, Some(250)).unwrap();
        let growth = prove_growth(&archive, &ring, "s0000", 100, Some(250)).unwrap();
        let other = prove_entry(&archive, &ring, "s0001", 0, None).unwrap();
        let (text, growth_text, other_text) = (good.to_json(), growth.to_json(), other.to_json());
        let Proof::Entry { checkpoint: foreign, .. } = &other else { panic!() };
        let Proof::Entry { checkpoint, leaf, path, .. } = &good else { panic!() };
        let line = |note: &str| serde_json::to_string(note).unwrap();
        for (what, changed) in [
            ("the entry", text.replace("mer.", "mer.9")),
            ("its number", text.replace("\"seq\": 123", "\"seq\": 122")),
            ("its hash", text.replace(leaf.as_str(), &path[0])),
            ("the path", text.replacen(&path[0], leaf, 1)),
            ("the stream", text.replace("\"stream\": \"s0000\"", "\"stream\": \"s0001\"")),
            ("the checkpoint", text.replace(&line(checkpoint), &line(foreign))),
            ("the size that was signed", text.replace("\\n250\\n", "\\n251\\n")),
            ("the growth", growth_text.replace("\\n100\\n", "\\n90\\n")),
        ] {
            assert!(![&text, &growth_text, &other_text].contains(&&changed), "{what} was not changed");
            assert!(Proof::parse(&changed).and_then(|proof| check(&proof, &keys)).is_err(), "{what}");
        }
        assert!(matches!(check(&good, &[]), Err(ProofError::Untrusted)));
        let stranger = crate::signing::SigningKey::random("stranger").unwrap();
        assert!(matches!(check(&good, &[stranger.verifier()]), Err(ProofError::Untrusted)));
    }
}

//! Evidence: entries as they stand in the log, each with the proof that it is in the tree of a signed checkpoint. Whoever has
//! the public key checks it without the archive.
//!
//! A proof is a file after C2SP tlog-proof: the entry's number, the hashes beside its way to the root, the checkpoint. Not
//! for: proving that nothing was added or left out since (`audit::verify`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::audit::{self, Follower, LogError, leaf_hash, node_hash, verify_inclusion};
use crate::merkle::Hash;
use crate::signing::{VerifierKey, verify_note};

/// First line of a proof.
const PROOF_LINE: &str = "c2sp.org/tlog-proof@v1";

/// One entry with its proof.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Exhibit {
    pub stream: String,
    pub seq: u64,
    pub payload: Vec<u8>,
    /// `None`: no signed checkpoint covers the entry yet.
    pub proof: Option<String>,
}

impl Exhibit {
    /// The name of its files, without the ending.
    pub fn file_stem(&self) -> String {
        format!("{}-{:012}", self.stream, self.seq)
    }
}

/// A perfect subtree: its height and its number from the left.
type Node = (u32, u64);

/// The entries of these numbers of one stream, with their proofs under the stream's last checkpoint. Reads the stream once.
pub fn exhibits(archive: &Path, stream: &str, wanted: &BTreeSet<u64>) -> Result<Vec<Exhibit>, LogError> {
    let note = audit::last_checkpoint_note(archive, stream);
    let size = audit::last_checkpoint(archive, stream).map_or(0, |(size, _)| size);
    let mut nodes: BTreeMap<Node, Option<Hash>> = BTreeMap::new();
    for seq in wanted.iter().filter(|seq| **seq < size) {
        path(*seq, 0, size, &mut |from, to| {
            nodes.extend(perfect(from, to).into_iter().map(|node| (node, None)));
        });
    }
    let mut payloads: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
    let mut open: Vec<(Node, Hash)> = Vec::new();
    let Some(mut follower) = Follower::start(archive, stream)? else { return Ok(Vec::new()) };
    let end = size.max(wanted.last().map_or(0, |last| last + 1));
    while follower.place().seq < end
        && let Some(entry) = follower.next_entry()?
    {
        grow(&mut open, &mut nodes, (0, entry.place.seq), leaf_hash(&entry.payload));
        if wanted.contains(&entry.place.seq) {
            payloads.insert(entry.place.seq, entry.payload);
        }
    }
    let exhibits = payloads.into_iter().map(|(seq, payload)| {
        let hashes = (seq < size).then(|| inclusion(seq, size, &nodes)).flatten();
        let proof = hashes.zip(note.as_deref()).map(|(hashes, note)| proof_text(seq, &hashes, note));
        Exhibit { stream: stream.to_string(), seq, payload, proof }
    });
    Ok(exhibits.collect())
}

/// Adds a node at the right and joins what is whole; nodes that are asked for are kept.
fn grow(open: &mut Vec<(Node, Hash)>, nodes: &mut BTreeMap<Node, Option<Hash>>, node: Node, hash: Hash) {
    let (mut node, mut hash) = (node, hash);
    loop {
        if let Some(wanted) = nodes.get_mut(&node) {
            *wanted = Some(hash);
        }
        match open.last() {
            Some(((height, _), left)) if *height == node.0 && node.1 % 2 == 1 => {
                hash = node_hash(left, &hash);
                open.pop();
                node = (node.0 + 1, node.1 / 2);
            }
            _ => break,
        }
    }
    open.push((node, hash));
}

/// The ranges beside the way from entry `seq` to the root of `from..to`, from the entry upwards (RFC 6962 §2.1.1).
fn path(seq: u64, from: u64, to: u64, beside: &mut dyn FnMut(u64, u64)) {
    if to - from <= 1 {
        return;
    }
    let middle = from + (to - from).next_power_of_two() / 2;
    if seq < middle {
        path(seq, from, middle, beside);
        beside(middle, to);
    } else {
        path(seq, middle, to, beside);
        beside(from, middle);
    }
}

/// The perfect subtrees that a range of a tree consists of, widest first.
fn perfect(from: u64, to: u64) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut at = from;
    while at < to {
        let height = (to - at).ilog2();
        nodes.push((height, at >> height));
        at += 1 << height;
    }
    nodes
}

fn inclusion(seq: u64, size: u64, nodes: &BTreeMap<Node, Option<Hash>>) -> Option<Vec<Hash>> {
    let mut hashes: Vec<Option<Hash>> = Vec::new();
    path(seq, 0, size, &mut |from, to| {
        let parts: Option<Vec<Hash>> = perfect(from, to).iter().map(|node| nodes.get(node).copied().flatten()).collect();
        hashes.push(parts.and_then(|parts| parts.into_iter().rev().reduce(|right, left| node_hash(&left, &right))));
    });
    hashes.into_iter().collect()
}

fn proof_text(seq: u64, hashes: &[Hash], checkpoint: &str) -> String {
    let hashes: String = hashes.iter().map(|hash| format!("{}\n", BASE64.encode(hash))).collect();
    format!("{PROOF_LINE}\nindex {seq}\n{hashes}\n{checkpoint}")
}

/// Whether a proof shows that these bytes are an entry of the log of one of these keys. Says which: the checkpoint's origin
/// and the entry's number.
///
/// # Errors
/// In words, what does not fit.
pub fn check(payload: &[u8], proof: &str, keys: &[VerifierKey]) -> Result<(String, u64), String> {
    let (head, checkpoint) = proof.split_once("\n\n").ok_or("this is no proof")?;
    let mut lines = head.lines();
    if lines.next() != Some(PROOF_LINE) {
        return Err("this is no proof".into());
    }
    let index = lines.next().and_then(|line| line.strip_prefix("index ")?.parse().ok()).ok_or("the proof names no entry")?;
    let hash = |line: &str| BASE64.decode(line).ok().and_then(|bytes| Hash::try_from(bytes).ok());
    let hashes: Option<Vec<Hash>> = lines.map(hash).collect();
    let text = verify_note(checkpoint, keys).map_err(|_| "the checkpoint is not signed by a key that is trusted here")?;
    let mut lines = text.lines();
    let origin = lines.next().unwrap_or_default().to_string();
    let size: Option<u64> = lines.next().and_then(|line| line.parse().ok());
    let root = lines.next().and_then(hash);
    let (Some(size), Some(root), Some(hashes)) = (size, root, hashes) else { return Err("the proof is malformed".into()) };
    if verify_inclusion(index, size, &leaf_hash(payload), &hashes, &root) {
        Ok((origin, index))
    } else {
        Err("the entry is not in the tree of the checkpoint".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{AuditLog, Entry};
    use crate::signing::{KeyPurpose, KeyRing};

    #[test]
    fn every_entry_of_every_size_is_proved_and_no_other_bytes_are() {
        let (folder, log) = AuditLog::temporary();
        let archive = folder.path().join("archive");
        for _ in 0..13 {
            log.append(Entry::new("app.start")).unwrap();
        }
        log.close();
        let keys = KeyRing::load(&archive).unwrap().verifiers(KeyPurpose::Audit);
        let stream = audit::streams(&archive).unwrap().remove(0);
        let size = audit::last_checkpoint(&archive, &stream).unwrap().0;
        assert!(size >= 13);
        let all = exhibits(&archive, &stream, &(0..size).collect()).unwrap();
        assert_eq!(all.len() as u64, size);
        for (exhibit, other) in all.iter().zip(all.iter().skip(1)) {
            let proof = exhibit.proof.as_deref().unwrap();
            assert_eq!(check(&exhibit.payload, proof, &keys).unwrap().1, exhibit.seq);
            assert!(check(&other.payload, proof, &keys).is_err());
            assert!(check(&exhibit.payload, proof, &[]).is_err());
            assert!(check(&exhibit.payload, &proof.replacen("index ", "index 1", 1), &keys).is_err());
        }
    }
}

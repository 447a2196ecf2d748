//! Evidence: entries as they stand in the log, each with the proof that it is in the tree of a signed checkpoint. Whoever has
//! the public key checks it without the archive.
//!
//! A proof is a file after C2SP tlog-proof: the entry's number, the hashes beside its way to the root, the checkpoint. Not
//! for: proving that nothing was added or left out since (`audit::verify`).

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Seek, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::export::ExportError;
use crate::audit::{Inclusion, ProofError, Prover, leaf_hash, verify_inclusion};
use crate::merkle::Hash;
use crate::oversight::projection::{OversightError, Projection};
use crate::signing::{KeyPurpose, KeyRing, VerifierKey, verify_note};

/// First line of a proof.
const PROOF_LINE: &str = "c2sp.org/tlog-proof@v1";
/// Entries whose proofs are made at once.
const AT_ONCE: usize = 1_000;
/// The public keys in a bundle, and how to check it.
pub const KEYS: &str = "keys.txt";
pub const README: &str = "README.txt";
/// What lies beside the entries of every bundle.
pub const HOW_TO_CHECK: &str = "Evidence from the access log of an archive.

Each entry is two files: <stream>-<number>.json holds its bytes as they stand in the log, and the file of the same name that
ends in .tlog-proof holds the proof (C2SP tlog-proof): the number of the entry, hashes, and a signed checkpoint (C2SP
tlog-checkpoint). keys.txt names the public keys; compare them with what you have from elsewhere.

To check by hand: SHA-256 over a zero byte and the bytes of the .json file is the leaf. With the hashes of the proof it gives
the root of the checkpoint as RFC 9162, section 2.1.3.2, says. The checkpoint's text is signed with Ed25519.

With the software: chartkeep audit check-bundle BUNDLE --key KEY, where BUNDLE is the folder or the .zip

That an entry is proved says that the log has it, word for word. It does not say that the log has no other.
";

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

/// The entries of these numbers of one stream, with their proofs under the stream's newest checkpoint. What the log holds no
/// more is missing.
pub fn exhibits(
    projection: &Projection,
    ring: &KeyRing,
    stream: &str,
    wanted: &BTreeSet<u64>,
) -> Result<Vec<Exhibit>, OversightError> {
    let prover = Prover::under(projection.archive(), ring, stream, None)?;
    let places: Vec<(String, u64)> = wanted.iter().map(|seq| (stream.to_string(), *seq)).collect();
    let mut exhibits = Vec::new();
    for ((stream, seq), original) in projection.originals(&places)? {
        let proof = match prover.as_ref().filter(|prover| seq < prover.size()) {
            None => None,
            Some(prover) => {
                let Inclusion { leaf, path } = prover.inclusion(seq)?;
                // What is handed out are these bytes, so it is they that the proof has to be of.
                if leaf != original.leaf {
                    return Err(ProofError::Wrong("the entry is not the one that was hashed").into());
                }
                Some(proof_text(seq, &path, prover.note()))
            }
        };
        exhibits.push(Exhibit { stream, seq, payload: original.payload, proof });
    }
    Ok(exhibits)
}

/// The public keys of the log, one to a line.
pub fn keys_text(ring: &KeyRing) -> String {
    ring.verifiers(KeyPurpose::Audit).iter().map(|key| format!("{key}\n")).collect()
}

/// What was packed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Packed {
    pub entries: u64,
    /// Those of them that no signed checkpoint covers yet.
    pub unproved: u64,
    /// Entries that the log holds no more.
    pub expired: u64,
}

/// Writes these entries, by stream, with their proofs as one ZIP, whose bytes follow from its files alone.
pub fn pack(
    projection: &Projection,
    ring: &KeyRing,
    wanted: &BTreeMap<String, BTreeSet<u64>>,
    out: &mut (impl Write + Seek),
) -> Result<Packed, ExportError> {
    let mut zip = ZipWriter::new(out);
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    let mut packed = Packed::default();
    let mut put = |name: String, bytes: &[u8]| -> io::Result<()> {
        zip.start_file(name, options).map_err(io::Error::from)?;
        zip.write_all(bytes)
    };
    put(README.into(), HOW_TO_CHECK.as_bytes())?;
    put(KEYS.into(), keys_text(ring).as_bytes())?;
    for (stream, numbers) in wanted {
        let numbers: Vec<u64> = numbers.iter().copied().collect();
        for some in numbers.chunks(AT_ONCE) {
            let found = exhibits(projection, ring, stream, &some.iter().copied().collect())?;
            packed.expired += (some.len() - found.len()) as u64;
            for exhibit in found {
                packed.entries += 1;
                put(format!("{}.json", exhibit.file_stem()), &exhibit.payload)?;
                match &exhibit.proof {
                    Some(proof) => put(format!("{}.tlog-proof", exhibit.file_stem()), proof.as_bytes())?,
                    None => packed.unproved += 1,
                }
            }
        }
    }
    zip.finish().map_err(io::Error::from)?;
    Ok(packed)
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
    use crate::audit::{self, AuditLog, Entry};
    use crate::signing::KeyPurpose;

    #[test]
    fn every_entry_of_every_size_is_proved_and_no_other_bytes_are() {
        let (folder, log) = AuditLog::temporary();
        let archive = folder.path().join("archive");
        for _ in 0..13 {
            log.append(Entry::new("app.start")).unwrap();
        }
        log.close();
        let ring = KeyRing::load(&archive).unwrap();
        let keys = ring.verifiers(KeyPurpose::Audit);
        let projection = Projection::open(&archive).unwrap();
        projection.catch_up().unwrap();
        let stream = audit::streams(&archive).unwrap().remove(0);
        let size = audit::last_checkpoint(&archive, &stream).unwrap().0;
        assert!(size >= 13);
        let all = exhibits(&projection, &ring, &stream, &(0..size).collect()).unwrap();
        assert_eq!(all.len() as u64, size);
        for (exhibit, other) in all.iter().zip(all.iter().skip(1)) {
            let proof = exhibit.proof.as_deref().unwrap();
            assert_eq!(check(&exhibit.payload, proof, &keys).unwrap().1, exhibit.seq);
            assert!(check(&other.payload, proof, &keys).is_err());
            assert!(check(&exhibit.payload, proof, &[]).is_err());
            assert!(check(&exhibit.payload, &proof.replacen("index ", "index 1", 1), &keys).is_err());
        }
        let wanted = BTreeMap::from([(stream, (1..size + 3).collect())]);
        let packed = |projection| {
            let mut out = io::Cursor::new(Vec::new());
            (pack(projection, &ring, &wanted, &mut out).unwrap(), out.into_inner())
        };
        let (told, bytes) = packed(&projection);
        assert_eq!(told, Packed { entries: size - 1, unproved: 0, expired: 3 });
        assert_eq!(bytes, packed(&projection).1, "the same entries are the same file");
        let zip = zip::ZipArchive::new(io::Cursor::new(bytes)).unwrap();
        assert_eq!(zip.len() as u64, 2 * (size - 1) + 2, "each with its proof, the keys, and how to check it");
    }
}

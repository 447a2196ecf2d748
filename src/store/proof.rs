//! The proof of an accession: one Merkle leaf per record in locator order, salted so that a proof tells nothing of its
//! neighbours.
//!
//! leaf = SHA-256(0x00 ‖ salt ‖ original bytes), salt = HMAC-SHA-256(accession secret, `Type/archive-id`). The salt
//! hangs on the record's name and not on its number, so that a leaf can be made before all records are counted.
//!
//! Not for: the tree of the audit log (`audit`), although the arithmetic is the same (`merkle`).

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::StoreError;
use crate::merkle::{Hash, Tree};
use crate::model::{ArchiveId, Kind, archive_id};

/// Makes Merkle leaves.
#[derive(Clone)]
pub struct LeafHasher {
    mac: Hmac<Sha256>,
}

impl LeafHasher {
    pub fn new(secret: &[u8; 32]) -> LeafHasher {
        // A key shorter than a block is padded with zeros (RFC 2104 §2): padding it here leaves no error to handle.
        let mut block = [0u8; 64];
        block[..32].copy_from_slice(secret);
        LeafHasher { mac: Hmac::<Sha256>::new(&block.into()) }
    }

    /// The salt of a record, to be shown with that record only.
    pub fn salt(&self, kind: Kind, id: &str) -> Hash {
        let mut mac = self.mac.clone();
        mac.update(kind.name().as_bytes());
        mac.update(b"/");
        mac.update(id.as_bytes());
        mac.finalize().into_bytes().into()
    }

    pub fn leaf(&self, kind: Kind, id: &str, original: &[u8]) -> Hash {
        let mut hash = Sha256::new();
        hash.update([0]);
        hash.update(self.salt(kind, id));
        hash.update(original);
        hash.finalize().into()
    }
}

/// The archive id of a record that has none of its own: named by the SHA-256 of its bytes.
pub fn id_of_bytes(source_system: &str, kind: Kind, original: &[u8]) -> ArchiveId {
    let digest = super::manifest::hex(&Sha256::digest(original));
    archive_id(source_system, kind.name(), &format!("sha256:{digest}"))
}

/// Leaves in one perfect subtree that a worker reduces by itself.
const CHUNK: usize = 1 << 14;

/// The root over leaf files, one after the other, of 32 bytes a leaf. All cores reduce subtrees.
pub fn merkle_root(files: &[PathBuf]) -> Result<(u64, Hash), StoreError> {
    let mut tree = Tree::default();
    let mut carry: Vec<u8> = Vec::with_capacity(CHUNK * 32);
    for path in files {
        let mut file = File::open(path).map_err(StoreError::read(path))?;
        loop {
            let mut block = vec![0u8; (16 * CHUNK * 32) - carry.len()];
            let count = read_full(&mut file, &mut block).map_err(StoreError::read(path))?;
            carry.extend_from_slice(&block[..count]);
            let whole = carry.len() / (CHUNK * 32);
            push_chunks(&mut tree, &carry[..whole * CHUNK * 32]);
            carry.drain(..whole * CHUNK * 32);
            if count < block.len() {
                break;
            }
        }
    }
    for leaf in carry.chunks_exact(32) {
        tree.push(to_hash(leaf));
    }
    Ok((tree.size(), tree.root()))
}

fn push_chunks(tree: &mut Tree, bytes: &[u8]) {
    let chunks: Vec<&[u8]> = bytes.chunks_exact(CHUNK * 32).collect();
    let halves = chunks.split_at(chunks.len() / 2);
    let reduce = |chunks: &[&[u8]]| -> Vec<Hash> {
        chunks
            .iter()
            .map(|chunk| {
                let mut subtree = Tree::default();
                for leaf in chunk.chunks_exact(32) {
                    subtree.push(to_hash(leaf));
                }
                subtree.root()
            })
            .collect()
    };
    let (first, second) = std::thread::scope(|scope| {
        let other = scope.spawn(|| reduce(halves.1));
        (reduce(halves.0), other.join())
    });
    for root in first.into_iter().chain(second.unwrap_or_else(|_| reduce(halves.1))) {
        tree.push_perfect(root, CHUNK.trailing_zeros());
    }
}

fn to_hash(bytes: &[u8]) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(bytes);
    hash
}

fn read_full(file: &mut File, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

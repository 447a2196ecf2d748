//! The Merkle tree of RFC 6962 §2.1 over records or log entries, and the check of its proofs.
//!
//! Kept as a compact range: the roots of the perfect subtrees from left to right. Not for: where nodes are stored.

mod path;

use sha2::{Digest, Sha256};

pub use path::{consistency_path, inclusion_path};

/// A SHA-256 value.
pub type Hash = [u8; 32];

/// SHA-256(0x00 ‖ payload).
pub fn leaf_hash(payload: &[u8]) -> Hash {
    let mut hash = Sha256::new();
    hash.update([0]);
    hash.update(payload);
    hash.finalize().into()
}

/// SHA-256(0x01 ‖ left ‖ right).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut hash = Sha256::new();
    hash.update([1]);
    hash.update(left);
    hash.update(right);
    hash.finalize().into()
}

/// A tree that grows at its end: one hash for every bit set in its size, widest subtree first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tree {
    size: u64,
    nodes: Vec<Hash>,
}

impl Tree {
    /// A tree from its stored nodes; `None` when they are not as many as the size asks for.
    pub fn from_nodes(size: u64, nodes: Vec<Hash>) -> Option<Tree> {
        (nodes.len() == size.count_ones() as usize).then_some(Tree { size, nodes })
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn nodes(&self) -> &[Hash] {
        &self.nodes
    }

    pub fn push(&mut self, leaf: Hash) {
        self.push_noting(leaf, |_, _| ());
    }

    /// Adds a leaf and names each perfect subtree that it completes, by height: itself at height 0 first.
    pub fn push_noting(&mut self, leaf: Hash, mut note: impl FnMut(u32, &Hash)) {
        let mut node = leaf;
        note(0, &node);
        // Every trailing one bit of the size is a subtree as wide as the node: they join.
        for height in 1..=self.size.trailing_ones() {
            if let Some(left) = self.nodes.pop() {
                node = node_hash(&left, &node);
                note(height, &node);
            }
        }
        self.nodes.push(node);
        self.size += 1;
    }

    /// Adds a perfect subtree of 2^`height` leaves by its root. The tree's size must be a multiple of its width.
    pub fn push_perfect(&mut self, root: Hash, height: u32) {
        debug_assert!(self.size.trailing_zeros() >= height);
        let mut node = root;
        for _ in 0..(self.size >> height).trailing_ones() {
            if let Some(left) = self.nodes.pop() {
                node = node_hash(&left, &node);
            }
        }
        self.nodes.push(node);
        self.size += 1 << height;
    }

    /// The root; of an empty tree the hash of nothing.
    pub fn root(&self) -> Hash {
        let mut nodes = self.nodes.iter().rev();
        match nodes.next() {
            None => Sha256::digest([]).into(),
            Some(last) => nodes.fold(*last, |right, left| node_hash(left, &right)),
        }
    }
}

/// Whether `proof` shows that `leaf` is entry `index` of the tree of `size` entries with this root (RFC 9162 §2.1.3.2).
pub fn verify_inclusion(index: u64, size: u64, leaf: &Hash, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut at, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for step in proof {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            hash = node_hash(step, &hash);
            skip_right_edge(&mut at, &mut last);
        } else {
            hash = node_hash(&hash, step);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Whether `proof` shows that the tree of `new_size` entries begins with the tree of `old_size` (RFC 9162 §2.1.4.2).
pub fn verify_consistency(old_size: u64, new_size: u64, proof: &[Hash], old_root: &Hash, new_root: &Hash) -> bool {
    if old_size == new_size {
        return proof.is_empty() && old_root == new_root;
    }
    if old_size == 0 || old_size > new_size {
        return false;
    }
    let (mut at, mut last) = (old_size - 1, new_size - 1);
    while at & 1 == 1 {
        at >>= 1;
        last >>= 1;
    }
    // A perfect old tree is itself the first node, and is not repeated in the proof.
    let (first, steps) = match proof.split_first() {
        _ if old_size.is_power_of_two() => (old_root, proof),
        Some((first, steps)) => (first, steps),
        None => return false,
    };
    let (mut old, mut new) = (*first, *first);
    for step in steps {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            old = node_hash(step, &old);
            new = node_hash(step, &new);
            skip_right_edge(&mut at, &mut last);
        } else {
            new = node_hash(&new, step);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && old == *old_root && new == *new_root
}

/// Climbs from a left child without sibling to where the path turns.
fn skip_right_edge(at: &mut u64, last: &mut u64) {
    while *at & 1 == 0 && *at != 0 {
        *at >>= 1;
        *last >>= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::hex;

    /// The leaves of the published vectors (spec audit.md §5.2).
    fn leaves() -> Vec<Hash> {
        let texts: [&[u8]; 8] = [
            b"",
            &[0x00],
            &[0x10],
            &[0x20, 0x21],
            &[0x30, 0x31],
            &[0x40, 0x41, 0x42, 0x43],
            &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
            &[0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f],
        ];
        texts.iter().map(|t| leaf_hash(t)).collect()
    }

    fn tree(leaves: &[Hash]) -> Tree {
        let mut tree = Tree::default();
        leaves.iter().for_each(|leaf| tree.push(*leaf));
        tree
    }

    fn root(leaves: &[Hash]) -> Hash {
        tree(leaves).root()
    }

    fn split(count: usize) -> usize {
        count.next_power_of_two() / 2
    }

    /// PATH of RFC 6962 §2.1.1, as defined there.
    fn inclusion(index: usize, leaves: &[Hash]) -> Vec<Hash> {
        if leaves.len() == 1 {
            return vec![];
        }
        let (left, right) = leaves.split_at(split(leaves.len()));
        let (mut path, sibling) = if index < left.len() {
            (inclusion(index, left), root(right))
        } else {
            (inclusion(index - left.len(), right), root(left))
        };
        path.push(sibling);
        path
    }

    /// SUBPROOF of RFC 6962 §2.1.2, as defined there.
    fn consistency(old: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
        if old == leaves.len() {
            return if whole { vec![] } else { vec![root(leaves)] };
        }
        let (left, right) = leaves.split_at(split(leaves.len()));
        let (mut path, sibling) = if old <= left.len() {
            (consistency(old, left, whole), root(right))
        } else {
            (consistency(old - left.len(), right, false), root(left))
        };
        path.push(sibling);
        path
    }

    fn starts(proof: &[Hash]) -> Vec<String> {
        proof.iter().map(|h| hex(&h[..8])).collect()
    }

    #[test]
    fn roots_and_proofs_are_those_of_the_published_vectors() {
        let leaves = leaves();
        let expected = [
            (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
            (3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
            (7, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
            (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
        ];
        for (count, text) in expected {
            assert_eq!(hex(&root(&leaves[..count])), text);
        }
        let proof = inclusion(5, &leaves[..7]);
        assert_eq!(starts(&proof), ["bc1a0643b12e4d2d", "b08693ec2e721597", "d37ee418976dd957"]);
        let proof = consistency(3, &leaves[..7], true);
        assert_eq!(starts(&proof), ["0298d122906dcfc1", "07506a85fd9dd2f1", "fac54203e7cc696c", "837dbb152e9b0790"]);
        let proof = consistency(6, &leaves, true);
        assert_eq!(starts(&proof), ["0ebc5d3437fbe2db", "ca854ea128ed050b", "d37ee418976dd957"]);
    }

    #[test]
    fn every_proof_up_to_eight_leaves_holds_and_no_other_does() {
        let leaves = leaves();
        for n in 1..=leaves.len() {
            let new_root = root(&leaves[..n]);
            for i in 0..n {
                let proof = inclusion(i, &leaves[..n]);
                let holds = |index: u64| verify_inclusion(index, n as u64, &leaves[i], &proof, &new_root);
                assert!((0..10).all(|index| holds(index) == (index == i as u64)), "{i} of {n}");
            }
            for m in 1..=n {
                let proof = consistency(m, &leaves[..n], true);
                let old_root = root(&leaves[..m]);
                assert!(verify_consistency(m as u64, n as u64, &proof, &old_root, &new_root), "{m} to {n}");
                assert!(m == n || !verify_consistency(m as u64, n as u64, &proof, &new_root, &new_root));
                assert!(proof.is_empty() || !verify_consistency(m as u64, n as u64, &proof[1..], &old_root, &new_root));
            }
        }
    }

    #[test]
    fn paths_made_from_nodes_are_those_of_the_definition() {
        let leaves: Vec<Hash> = (0..70u8).map(|n| leaf_hash(&[n])).collect();
        let node = |height: u32, index: u64| -> Result<Hash, ()> {
            let start = (index << height) as usize;
            Ok(root(&leaves[start..start + (1 << height)]))
        };
        for n in 1..=leaves.len() {
            for m in 0..n {
                assert_eq!(inclusion_path(m as u64, n as u64, node).unwrap(), inclusion(m, &leaves[..n]), "{m} of {n}");
                let (old, new) = (m as u64 + 1, n as u64);
                assert_eq!(consistency_path(old, new, node).unwrap(), consistency(m + 1, &leaves[..n], true), "{old} to {n}");
            }
        }
    }

    #[test]
    fn a_tree_goes_on_from_its_stored_nodes() {
        let leaves = leaves();
        for n in 0..leaves.len() {
            let whole = tree(&leaves[..n]);
            let mut restored = Tree::from_nodes(n as u64, whole.nodes().to_vec()).unwrap();
            leaves[n..].iter().for_each(|leaf| restored.push(*leaf));
            assert_eq!(restored, tree(&leaves));
        }
        assert!(Tree::from_nodes(3, vec![[0; 32]]).is_none());
    }
}

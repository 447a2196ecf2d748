//! Where records stand in the trees of their accessions. Leaves are made once for an accession and kept in a file beside the
//! shelf, so that a proof reads a few hashes however many records there are.
//!
//! The file: the leaves, 32 bytes each, then the roots of runs of 1,024 of them. It is believed as far as it leads to the root
//! that the seal names: the runs' roots when it is opened, the leaves of a run when the run is read.
//!
//! Not for: making leaves (`query`), or checking proofs (`merkle`).

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::BuildFault;
use super::job::Job;
use crate::durable::NewFile;
use crate::merkle::{Hash, Tree, inclusion_path, node_hash};
use crate::model::AccessionId;
use crate::query::Sealed;

/// Height of a run: 1,024 leaves.
const RUN: u32 = 10;
const HASH: usize = 32;

/// The leaves of one accession.
pub struct Leaves {
    file: File,
    records: u64,
    /// Roots of perfect subtrees by height from `RUN` on.
    levels: Vec<Vec<Hash>>,
    /// Roots of all runs, the last one of which may be short.
    runs: Vec<Hash>,
    /// The run read last.
    open: Option<(u64, Vec<Hash>)>,
}

impl Leaves {
    /// The leaves of an accession; they are made when there are none that lead to its root.
    ///
    /// # Errors
    /// `Root` when the records themselves do not lead to it.
    pub fn of(job: &Job<'_>, accession: &str, seal: &Sealed) -> Result<Leaves, BuildFault> {
        let id = AccessionId::parse(accession).ok_or_else(|| BuildFault::Root(accession.to_owned()))?;
        let path = job.shop.shelf.leaves(&id)?;
        if let Some(leaves) = open(&path, seal)? {
            return Ok(leaves);
        }
        make(job, &id, &path)?;
        open(&path, seal)?.ok_or_else(|| BuildFault::Root(accession.to_owned()))
    }

    /// The path from a leaf to the root, when it is the leaf at this place.
    pub fn path(&mut self, at: u64, leaf: &Hash) -> io::Result<Option<Vec<Hash>>> {
        if at >= self.records || self.run(at >> RUN)?.get((at % (1 << RUN)) as usize) != Some(leaf) {
            return Ok(None);
        }
        inclusion_path(at, self.records, |height, index| self.node(height, index)).map(Some)
    }

    /// The root of a perfect subtree.
    fn node(&mut self, height: u32, index: u64) -> io::Result<Hash> {
        let damaged = || io::Error::other("the leaves of an accession are damaged");
        if height >= RUN {
            let level = self.levels.get((height - RUN) as usize);
            return usize::try_from(index).ok().and_then(|at| level?.get(at)).copied().ok_or_else(damaged);
        }
        let first = index << height;
        let (from, width) = ((first % (1 << RUN)) as usize, 1 << height);
        let leaves = self.run(first >> RUN)?.get(from..from + width).ok_or_else(damaged)?;
        Ok(root_of(leaves))
    }

    /// The leaves of a run, which have to give its root.
    fn run(&mut self, number: u64) -> io::Result<&[Hash]> {
        if self.open.as_ref().is_none_or(|(open, _)| *open != number) {
            let first = number << RUN;
            let count = (self.records - first.min(self.records)).min(1 << RUN);
            self.file.seek(SeekFrom::Start(first * HASH as u64))?;
            let leaves = hashes(&mut self.file, count as usize)?;
            let root = usize::try_from(number).ok().and_then(|at| self.runs.get(at));
            if root != Some(&root_of(&leaves)) {
                return Err(io::Error::other("the leaves of an accession are damaged"));
            }
            self.open = Some((number, leaves));
        }
        Ok(self.open.as_ref().map_or(&[], |(_, leaves)| leaves))
    }
}

fn root_of(leaves: &[Hash]) -> Hash {
    let mut tree = Tree::default();
    leaves.iter().for_each(|leaf| tree.push(*leaf));
    tree.root()
}

fn hashes(file: &mut File, count: usize) -> io::Result<Vec<Hash>> {
    let mut bytes = vec![0; count * HASH];
    file.read_exact(&mut bytes)?;
    Ok(bytes.as_chunks::<HASH>().0.to_vec())
}

/// The file, when it is one of this accession.
fn open(path: &Path, seal: &Sealed) -> io::Result<Option<Leaves>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let count = seal.records.div_ceil(1 << RUN);
    if file.metadata()?.len() != (seal.records + count) * HASH as u64 {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(seal.records * HASH as u64))?;
    let runs = hashes(&mut file, count as usize)?;
    let whole = (seal.records >> RUN) as usize;
    let perfect: Vec<Hash> = runs.iter().take(whole).copied().collect();
    let mut leaves = Leaves { file, records: seal.records, levels: levels(perfect), runs, open: None };
    Ok(leaves.leads_to(&seal.root).then_some(leaves))
}

impl Leaves {
    fn leads_to(&mut self, root: &Hash) -> bool {
        let mut tree = Tree::default();
        let whole = (self.records >> RUN) as usize;
        self.runs.iter().take(whole).for_each(|run| tree.push_perfect(*run, RUN));
        if self.runs.len() > whole {
            let Ok(last) = self.run(whole as u64) else { return false };
            last.iter().for_each(|leaf| tree.push(*leaf));
        }
        tree.root() == *root
    }
}

/// Perfect subtrees over perfect runs, level by level.
fn levels(runs: Vec<Hash>) -> Vec<Vec<Hash>> {
    let mut levels = vec![runs];
    while let Some(last) = levels.last().filter(|level| level.len() > 1) {
        let next = last.as_chunks::<2>().0.iter().map(|[left, right]| node_hash(left, right)).collect();
        levels.push(next);
    }
    levels
}

/// Reads all records of the accession and writes the file.
fn make(job: &Job<'_>, id: &AccessionId, path: &Path) -> Result<(), BuildFault> {
    let mut file = NewFile::create(path)?;
    let (mut runs, mut run) = (Vec::new(), Vec::with_capacity(1 << RUN));
    job.shop.archive.leaves(job.shop.permit, id, job.threads, |leaves| -> Result<(), BuildFault> {
        for leaf in leaves {
            file.write_all(leaf)?;
            run.push(*leaf);
            if run.len() == 1 << RUN {
                runs.push(root_of(&run));
                run.clear();
            }
        }
        Ok(())
    })?;
    if !run.is_empty() {
        runs.push(root_of(&run));
    }
    for root in &runs {
        file.write_all(root)?;
    }
    file.finish()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::{leaf_hash, verify_inclusion};

    fn kept(folder: &Path, leaves: &[Hash]) -> std::path::PathBuf {
        let path = folder.join("leaves");
        let mut bytes: Vec<u8> = leaves.concat();
        leaves.chunks(1 << RUN).for_each(|run| bytes.extend_from_slice(&root_of(run)));
        std::fs::write(&path, bytes).unwrap();
        path
    }

    #[test]
    fn every_leaf_is_proved_from_the_file_and_a_changed_file_proves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        for count in [1_u64, 2, 1023, 1024, 1025, 5000, 8192] {
            let leaves: Vec<Hash> = (0..count).map(|at| leaf_hash(&at.to_be_bytes())).collect();
            let path = kept(folder.path(), &leaves);
            let seal = Sealed { generation: 1, source_system: "s".into(), records: count, root: root_of(&leaves) };
            let mut open_file = open(&path, &seal).unwrap().unwrap();
            for at in (0..count).step_by(37).chain([count - 1]) {
                let proof = open_file.path(at, &leaves[at as usize]).unwrap().unwrap();
                assert!(verify_inclusion(at, count, &leaves[at as usize], &proof, &seal.root), "{at} of {count}");
            }
            assert_eq!(open_file.path(0, &leaf_hash(b"another")).unwrap(), None);
            assert_eq!(open_file.path(count, &leaves[0]).unwrap(), None);
            let mut bytes = std::fs::read(&path).unwrap();
            bytes[0] ^= 1;
            std::fs::write(&path, &bytes).unwrap();
            let changed = open(&path, &seal).unwrap().map(|mut it| it.path(0, &leaves[0]));
            assert!(changed.is_none_or(|it| it.is_err()), "{count}");
            bytes[0] ^= 1;
            *bytes.last_mut().unwrap() ^= 1;
            std::fs::write(&path, &bytes).unwrap();
            assert!(open(&path, &seal).unwrap().is_none());
            assert!(open(&path, &Sealed { records: count + 1, ..seal.clone() }).unwrap().is_none());
        }
        assert!(
            open(&folder.path().join("none"), &Sealed { generation: 1, source_system: String::new(), records: 1, root: [0; 32] })
                .unwrap()
                .is_none()
        );
    }
}

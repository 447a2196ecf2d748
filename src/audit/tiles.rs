//! The hashes of a stream's Merkle tree on disk, so that proofs need a few reads whatever the size of the log.
//!
//! Hashes of level 0 are those of the entries; each of level n+1 is the root over 256 of level n. They lie one after the
//! other in a file for each level, `tiles/<level>`: tile `index` is the 8192 bytes from `8192 × index`, and the last one
//! grows. A checkpoint is written after the hashes that it covers, so none of those is ever missing. Not for: entries,
//! from which all of this can be made again.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::durable::{self, NewFile};
use crate::merkle::{Hash, Tree, leaf_hash};

use super::LogError;
use super::checkpoint::Checkpoint;
use super::folder::{LogFolder, Part};
use super::frame::{FrameReader, Next};

pub(crate) const TILES_FOLDER: &str = "tiles";
/// log2 of the width of a tile.
const TILE_HEIGHT: u32 = 8;
/// Levels that a tree of 2^64 entries has.
const LEVELS: u32 = u64::BITS / TILE_HEIGHT;
const HASH_BYTES: u64 = 32;

/// Hashes that a log of `size` entries has on a level.
fn count(size: u64, level: u32) -> u64 {
    size >> (TILE_HEIGHT * level)
}

/// The level whose hashes have this height, if there is one.
pub(crate) fn level_of(height: u32) -> Option<u32> {
    height.is_multiple_of(TILE_HEIGHT).then_some(height / TILE_HEIGHT)
}

pub(crate) fn path(stream_dir: &Path, level: u32) -> PathBuf {
    stream_dir.join(TILES_FOLDER).join(level.to_string())
}

/// The level that a file of the tiles' folder holds.
pub(crate) fn level_of_name(name: &str) -> Option<u32> {
    (0..LEVELS).find(|level| level.to_string() == name)
}

/// Hashes made since the last checkpoint, not on disk yet.
#[derive(Debug, Default)]
pub(crate) struct NewHashes {
    levels: Vec<Vec<u8>>,
}

impl NewHashes {
    /// Takes a node of the tree; those between two levels are not kept.
    pub(crate) fn note(&mut self, height: u32, hash: &Hash) {
        let Some(level) = level_of(height).map(|level| level as usize) else { return };
        if self.levels.len() <= level {
            self.levels.resize_with(level + 1, Vec::new);
        }
        self.levels[level].extend_from_slice(hash);
    }

    /// Makes them durable behind those that are there.
    pub(crate) fn append_to(&mut self, stream_dir: &Path) -> Result<(), LogError> {
        for (level, bytes) in (0..).zip(&mut self.levels) {
            if !bytes.is_empty() {
                durable::append(&path(stream_dir, level), bytes)?;
                bytes.clear();
            }
        }
        Ok(())
    }
}

/// Brings the tiles to the state of the last checkpoint: what a crash left behind it is cut off, what is missing is made
/// again. Only for the holder of the stream.
pub(crate) fn restore(folder: &LogFolder, stream: &str, checkpoint: &Checkpoint) -> Result<(), LogError> {
    let dir = folder.path.join(stream);
    durable::create_dir_all(&dir.join(TILES_FOLDER))?;
    durable::remove_temporaries(&dir.join(TILES_FOLDER))?;
    let mut is_whole = true;
    for level in 0..LEVELS {
        let path = path(&dir, level);
        let wanted = count(checkpoint.size, level) * HASH_BYTES;
        let found = std::fs::metadata(&path).map_or(0, |m| m.len());
        if found > wanted {
            durable::truncate(&path, wanted)?;
        }
        is_whole &= found >= wanted;
    }
    if is_whole { Ok(()) } else { rebuild(folder, stream, checkpoint) }
}

/// Makes every level anew from the entries, and from level 0 where entries were retired.
fn rebuild(folder: &LogFolder, stream: &str, checkpoint: &Checkpoint) -> Result<(), LogError> {
    let dir = folder.path.join(stream);
    let mut files = Vec::new();
    let mut tree = Tree::default();
    let mut failed = None;
    let mut take = |leaf: Hash| {
        tree.push_noting(leaf, |height, hash| {
            let Some(level) = level_of(height) else { return };
            let done = match files.get_mut(level as usize) {
                None => NewFile::create(&path(&dir, level)).map_err(LogError::from).and_then(|file| {
                    files.push(file);
                    write_hash(files.last_mut(), hash, &dir)
                }),
                file => write_hash(file, hash, &dir),
            };
            failed = failed.take().or(done.err());
        });
        failed.is_none() && tree.size() < checkpoint.size
    };
    each_leaf(folder, stream, &mut take)?;
    if let Some(error) = failed {
        return Err(error);
    }
    if tree.size() != checkpoint.size || tree.root() != checkpoint.root {
        let what = "the hashes of the entries are missing, and cannot be made again".to_string();
        return Err(LogError::Damaged { file: format!("{}/{stream}/{TILES_FOLDER}/0", folder.name), offset: 0, what });
    }
    for file in files {
        file.finish()?;
    }
    Ok(())
}

fn write_hash(file: Option<&mut NewFile>, hash: &Hash, dir: &Path) -> Result<(), LogError> {
    let Some(file) = file else { return Ok(()) };
    file.write_all(hash).map_err(|source| LogError::Read { path: dir.join(TILES_FOLDER), source })
}

/// Hands on the hash of every entry, in order, until `take` returns false.
fn each_leaf(folder: &LogFolder, stream: &str, take: &mut impl FnMut(Hash) -> bool) -> Result<(), LogError> {
    let dir = folder.path.join(stream);
    let parts = folder.parts(stream)?;
    for (i, part) in parts.iter().enumerate() {
        match part {
            Part::Retired(first) => {
                let end = parts.get(i + 1).map_or(u64::MAX, Part::first);
                let Some(mut leaves) = Leaves::open(&dir, *first)? else { return Ok(()) };
                for _ in *first..end {
                    let Some(leaf) = leaves.next()? else { return Ok(()) };
                    if !take(leaf) {
                        return Ok(());
                    }
                }
            }
            Part::Segment(first) => {
                let path = dir.join(folder.segment_name(*first));
                let failed = |source| LogError::Read { path: path.clone(), source };
                let input = BufReader::with_capacity(1 << 18, File::open(&path).map_err(failed)?);
                let Some(mut frames) = FrameReader::new(input).map_err(failed)? else { return Ok(()) };
                let mut is_head = true;
                while let Next::Frame { payload, .. } = frames.next().map_err(failed)? {
                    if !std::mem::replace(&mut is_head, false) && !take(leaf_hash(&payload)) {
                        return Ok(());
                    }
                }
            }
        }
    }
    Ok(())
}

/// The stored hashes of one level in order.
pub(crate) struct Leaves {
    input: std::io::Take<BufReader<File>>,
    path: PathBuf,
}

impl Leaves {
    /// The hashes of entries from number `first` on; `None` when there is no such file.
    pub(crate) fn open(stream_dir: &Path, first: u64) -> Result<Option<Leaves>, LogError> {
        Leaves::of_level(stream_dir, 0, first)
    }

    /// The hashes that a level has at this moment, from number `first` on.
    pub(crate) fn of_level(stream_dir: &Path, level: u32, first: u64) -> Result<Option<Leaves>, LogError> {
        let path = path(stream_dir, level);
        let failed = |source| LogError::Read { path: path.clone(), source };
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let bytes = file.metadata().map_err(failed)?.len();
        file.seek(SeekFrom::Start(first * HASH_BYTES)).map_err(failed)?;
        let input = BufReader::with_capacity(1 << 16, file).take(bytes.saturating_sub(first * HASH_BYTES));
        Ok(Some(Leaves { input, path }))
    }

    /// Whether bytes are left.
    pub(crate) fn has_more(&mut self) -> bool {
        self.input.limit() > 0
    }

    /// The next one; `None` at the end, where less than a whole hash may be left.
    pub(crate) fn next(&mut self) -> Result<Option<Hash>, LogError> {
        let mut hash = [0; 32];
        let mut filled = 0;
        while filled < hash.len() {
            match self.input.read(&mut hash[filled..]) {
                Ok(0) => return Ok(None),
                Ok(read) => filled += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(source) => return Err(LogError::Read { path: self.path.clone(), source }),
            }
        }
        Ok(Some(hash))
    }
}

/// A node of the stored tree: the root over the entries from `index << height`. Reads within one tile.
pub(crate) fn node(stream_dir: &Path, height: u32, index: u64) -> Result<Hash, LogError> {
    let (level, inner) = (height / TILE_HEIGHT, height % TILE_HEIGHT);
    let path = path(stream_dir, level);
    let failed = |source| LogError::Read { path: path.clone(), source };
    let mut file = File::open(&path).map_err(failed)?;
    file.seek(SeekFrom::Start((index << inner) * HASH_BYTES)).map_err(failed)?;
    let mut tree = Tree::default();
    for _ in 0..1u32 << inner {
        let mut hash = [0; 32];
        file.read_exact(&mut hash).map_err(failed)?;
        tree.push(hash);
    }
    Ok(tree.root())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::{consistency_path, inclusion_path, verify_consistency, verify_inclusion};

    #[test]
    fn proofs_come_from_a_few_reads_of_stored_hashes() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join(TILES_FOLDER)).unwrap();
        let leaf = |number: u64| leaf_hash(&number.to_le_bytes());
        // Three levels, the last two of them begun.
        let sizes = [1, 255, 256, 257, 4_000, 65_536, 65_537, 70_001];
        let (mut tree, mut new, mut roots) = (Tree::default(), NewHashes::default(), Vec::new());
        for size in sizes {
            (tree.size()..size).for_each(|number| tree.push_noting(leaf(number), |height, hash| new.note(height, hash)));
            new.append_to(dir.path()).unwrap();
            roots.push(tree.root());
        }
        let lengths: Vec<u64> =
            (0..4).map(|level| std::fs::metadata(path(dir.path(), level)).map_or(0, |m| m.len() / 32)).collect();
        assert_eq!(lengths, [70_001, 273, 1, 0]);
        let mut reads = 0;
        for (size, root) in sizes.into_iter().zip(&roots) {
            for index in [0, 1, size / 3, size / 2, size - 1].into_iter().filter(|index| *index < size) {
                reads = 0;
                let proof = inclusion_path(index, size, |height, index| {
                    reads += 1;
                    node(dir.path(), height, index)
                })
                .unwrap();
                assert!(verify_inclusion(index, size, &leaf(index), &proof, root), "{index} of {size}");
            }
            for (old, old_root) in sizes.into_iter().zip(&roots).filter(|(old, _)| *old <= size) {
                let proof = consistency_path(old, size, |height, index| node(dir.path(), height, index)).unwrap();
                assert!(verify_consistency(old, size, &proof, old_root, root), "{old} to {size}");
            }
        }
        assert!(reads <= 2 * 17, "{reads} reads");
    }
}

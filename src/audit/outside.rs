//! What a copy of the checkpoints outside the archive says at a glance: whether it is there, how far it reaches, and whether its
//! last checkpoint is one of the log's.
//!
//! Not for: proof. `verify` compares every checkpoint that was kept, and its signature.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::FOLDER;
use super::checkpoint::notes;
use super::folder::{CHECKPOINTS_FILE, LogFolder};
use super::witness::ENDING;

/// Bytes read from the end of a file of checkpoints, some hundreds of them.
const TAIL: u64 = 128 << 10;

/// How the copy outside stands to the log, for one stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Outside {
    /// None is configured.
    #[default]
    NotKept,
    /// The place cannot be read now.
    Away,
    /// The place is there and has nothing of this stream.
    Nothing,
    /// It has the log's last checkpoint.
    Agrees { size: u64 },
    /// Its last checkpoint is an earlier one of the log.
    Behind { size: u64 },
    /// Its last checkpoint is not one that the log has.
    Differs,
}

/// Looks at the copy of a stream's checkpoints in a witness folder.
pub fn outside_copy(archive: &Path, stream: &str, witness: Option<&Path>) -> Outside {
    let Some(dir) = witness else { return Outside::NotKept };
    if !dir.is_dir() {
        return Outside::Away;
    }
    let folder = LogFolder::new(archive, FOLDER);
    let origin = folder.origin(stream);
    let Some(kept) = tail(&dir.join(format!("{stream}{ENDING}")), &origin) else { return Outside::Nothing };
    // The copy is read first: the log may go on meanwhile, and the copy with it.
    let own = tail(&folder.path.join(stream).join(CHECKPOINTS_FILE), &origin).unwrap_or_default();
    let Some((size, root)) = kept.last() else { return Outside::Nothing };
    match own.iter().rev().find(|(own_size, _)| own_size == size) {
        Some((_, own_root)) if own_root != root => Outside::Differs,
        Some(_) if own.last().is_some_and(|(last, _)| last == size) => Outside::Agrees { size: *size },
        Some(_) => Outside::Behind { size: *size },
        // Older than what was read of the log's own file: nothing speaks against it here.
        None if own.first().is_some_and(|(first, _)| size < first) => Outside::Behind { size: *size },
        None => Outside::Differs,
    }
}

/// Size and root of the last checkpoints in a file, the oldest first. `None`: there is no such file.
fn tail(path: &Path, origin: &str) -> Option<Vec<(u64, String)>> {
    let mut file = File::open(path).ok()?;
    let end = file.seek(SeekFrom::End(0)).ok()?;
    file.seek(SeekFrom::Start(end.saturating_sub(TAIL))).ok()?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let first = format!("{origin}\n");
    let begins = text.match_indices(&first).map(|(at, _)| at).filter(|at| *at == 0 || text[..*at].ends_with('\n'));
    let read = |at: usize| {
        let mut lines = notes(&text[at..]).first()?.lines().skip(1);
        Some((lines.next()?.parse().ok()?, lines.next()?.to_string()))
    };
    Some(begins.filter_map(read).collect())
}

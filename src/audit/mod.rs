//! The tamper-evident audit log: entries, hash chain, Merkle tree, signed checkpoints, verification.
//!
//! Each process appends to a stream of its own, a folder that it holds by a lock file. An entry is acknowledged once it
//! is on disk, chained to the one before; signed checkpoints pin size and Merkle root. Whoever holds the private key
//! could still rewrite all of it, which only a checkpoint kept elsewhere shows. `statements` uses the same streams.
//!
//! Not for: deciding what may be read (`access`).

mod checkpoint;
#[cfg(test)]
mod detection_tests;
mod entry;
mod fault;
mod folder;
mod follow;
mod frame;
mod json;
mod log;
mod outlet;
#[cfg(test)]
mod outlet_tests;
mod outside;
mod proof;
mod read;
mod report;
mod retention;
#[cfg(test)]
mod retention_tests;
mod retired;
mod room;
mod rotate;
mod state;
mod stream;
#[cfg(test)]
mod tests;
mod tile_check;
mod tiles;
mod verify;
mod walk;
mod witness;

use std::path::PathBuf;

use crate::durable::DurableError;
use crate::outbound::SyslogError;
use crate::signing::RingError;

pub use crate::merkle::{Tree, leaf_hash, node_hash, verify_consistency, verify_inclusion};
pub use entry::{Action, BreakGlass, DESCRIPTION, EVENTS, Entry, Outcome, PURPOSE, QueryText, Recipient, User, parse_ranges};
pub use fault::Fault;
pub use follow::{EntryPlace, Followed, Follower, last_checkpoint, streams};
pub(crate) use json::canonical;
pub use log::{Ack, AuditError, AuditLog, Options, Pending};
pub use outside::{Outside, outside_copy};
pub use proof::{Inclusion, Proof, ProofError, Proved, Prover, check as check_proof, prove_entry, prove_growth};
pub use read::{Found, Query, read};
pub use report::{LogFinding, Report};
pub use retention::{
    Approval, Candidate, RETENTION_YEARS_MIN, RetireError, Stays, candidates as retention_candidates, cutoff, holds, retire,
};
pub use room::{Reserve, disk_of};
pub use rotate::rotate_audit_key;
pub use verify::{Against, verify, verify_against};

pub(crate) use folder::{CHECKPOINTS_FILE, LogFolder};
pub(crate) use read::for_each_entry;
pub(crate) use stream::{BATCH_BYTES_MAX, Stream, StreamOptions};
pub(crate) use verify::verify_folder;

/// The folder of the audit log in an archive.
pub const FOLDER: &str = "audit";

/// Why a log cannot be opened, read or written. The texts hold no entry content.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error(transparent)]
    Durable(#[from] DurableError),
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Ring(#[from] RingError),
    /// Tampering or a media fault: what a crash cannot explain. Nothing is repaired.
    #[error("{file} at byte {offset}: {what}")]
    Damaged { file: String, offset: u64, what: String },
    #[error("every stream of {folder} is held by another process")]
    Busy { folder: &'static str },
    #[error("{stream} is being written by another process; end it first")]
    Held { stream: String },
    #[error("the clock of this machine is not set")]
    ClockUnset,
    #[error("the signing key is not in the archive's ring of keys")]
    ForeignKey,
    #[error("cannot start the writer: {0}")]
    Thread(std::io::Error),
    #[error("an entry of {bytes} bytes is too large")]
    TooLarge { bytes: usize },
    #[error(transparent)]
    Syslog(#[from] SyslogError),
}

pub(crate) use crate::model::hex;

/// A hash from 64 lower-case hex digits.
fn parse_hash(text: &str) -> Option<frame::Hash> {
    let mut hash = [0u8; 32];
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
        return None;
    }
    for (i, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok()?;
    }
    Some(hash)
}

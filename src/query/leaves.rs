//! The leaves of an accession's tree, for proofs that a record stands in it. They are not stored; this makes them anew.
//!
//! A leaf is a salted hash and tells nothing of its record, so whoever may read one chart may have the hashes beside it.
//!
//! Not for: paths through the tree (`merkle`), or keeping the leaves (`release`).

use std::sync::Arc;

use super::QueryError;
use super::sight;
use super::snapshot::{Archive, Snapshot};
use crate::access::Permit;
use crate::merkle::Hash;
use crate::model::{AccessionId, ArchiveId, unhex};
use crate::store::Accession;

/// What the seal of an accession says of its tree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sealed {
    /// In force; places of earlier ones hold the same records.
    pub generation: u32,
    pub source_system: String,
    pub records: u64,
    pub root: Hash,
}

/// Frames that a thread reads before the leaves of all threads are put in order.
const FRAMES: u32 = 8;

impl Archive {
    /// The seal of an accession in force. `NotFound` when there is none of this name.
    pub fn sealed(&self, permit: &Permit, accession: &AccessionId) -> Result<Sealed, QueryError> {
        let snapshot = self.snapshot();
        let accession = in_force(&snapshot, permit, accession)?;
        let root = unhex(&accession.seal.merkle_root).and_then(|bytes| bytes.try_into().ok());
        Ok(Sealed {
            generation: accession.generation,
            source_system: accession.source_system.to_string(),
            records: accession.records(),
            root: root.ok_or_else(|| QueryError::Unreadable("the root in a seal".into()))?,
        })
    }

    /// Gives every leaf of an accession to `take`, in the order of the tree, some at a time. Reads all of its records.
    ///
    /// # Errors
    /// Besides what reading gives: what `take` gives.
    pub fn leaves<E: From<QueryError>>(
        &self,
        permit: &Permit,
        accession: &AccessionId,
        threads: usize,
        mut take: impl FnMut(&[Hash]) -> Result<(), E>,
    ) -> Result<(), E> {
        let snapshot = self.snapshot();
        let accession = in_force(&snapshot, permit, accession)?;
        let threads = u32::try_from(threads.max(1)).unwrap_or(u32::MAX);
        let mut first = 0;
        while first < accession.frames() {
            let end = first.saturating_add(FRAMES.saturating_mul(threads)).min(accession.frames());
            let starts = (first..end).step_by(FRAMES as usize);
            let read: Vec<Result<Vec<Hash>, QueryError>> = std::thread::scope(|scope| {
                let running: Vec<_> =
                    starts.map(|at| scope.spawn(move || of_frames(accession, at..(at + FRAMES).min(end)))).collect();
                let stopped = || Err(QueryError::Unreadable("a thread ended early".into()));
                running.into_iter().map(|thread| thread.join().unwrap_or_else(|_| stopped())).collect()
            });
            for leaves in read {
                take(&leaves?)?;
            }
            first = end;
        }
        Ok(())
    }
}

fn in_force<'s>(snapshot: &'s Snapshot, permit: &Permit, id: &AccessionId) -> Result<&'s Arc<Accession>, QueryError> {
    sight::accessions(snapshot, permit.filter()).find(|it| it.id == *id).ok_or(QueryError::NotFound)
}

fn of_frames(accession: &Accession, frames: std::ops::Range<u32>) -> Result<Vec<Hash>, QueryError> {
    let secret = || QueryError::Unreadable("the secret in a seal".into());
    let hasher = accession.leaf_hasher().ok_or_else(secret)?;
    let mut leaves = Vec::new();
    for number in frames {
        let frame = accession.frame(number, false)?;
        for index in 0..frame.len() {
            let named = frame.kind(index).zip(frame.names(index).and_then(|(id, _)| ArchiveId::parse(&id)));
            let (kind, id) = named.ok_or_else(|| QueryError::Unreadable("a record has no readable type or name".into()))?;
            leaves.push(hasher.leaf(kind, id.as_str(), &frame.original(index)?));
        }
    }
    Ok(leaves)
}

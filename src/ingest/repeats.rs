//! Made resources that only say again, at a later time, what the version before said: a message feed repeats a patient
//! and a visit with every message, and each repetition would look like a change.
//!
//! Not for: delivered FHIR records, whose every difference counts, or repetitions to the byte (`gather`).

use ahash::AHashMap;
use xxhash_rust::xxh3::Xxh3;

use super::error::IngestError;
use super::gather::{Gatherer, Work};
use super::spill::Spilled;
use crate::formats::fhir::leaf_text;
use crate::model::{Kind, When};

/// Key of a resource that repeats another one, with its kind and the key of the first that said it.
pub type Repeats = AHashMap<u64, (Kind, u64)>;

/// One version of a name: when the source says it was made, the key, and the digest of all but that time.
type Version = (i64, u64, u128);

/// Finds the repetitions among one compartment's records.
pub(super) fn find(gatherer: &mut Gatherer<'_>, records: &[(u64, Spilled<'_>)]) -> Result<Repeats, IngestError> {
    let mut by_name: AHashMap<(Kind, String), Vec<Version>> = AHashMap::new();
    for (_, spilled) in records.iter().filter(|(_, s)| s.derived) {
        let work = gatherer.prepare(spilled.clone())?;
        let version = (updated(&work), spilled.key, digest(&work));
        by_name.entry((work.planned.shape.kind(), work.name)).or_default().push(version);
    }
    let mut repeats = Repeats::new();
    for ((kind, _), mut versions) in by_name {
        versions.sort_unstable();
        let mut said = None;
        for (_, key, digest) in versions {
            match said {
                Some((first, same)) if same == digest => _ = repeats.insert(key, (kind, first)),
                _ => said = Some((key, digest)),
            }
        }
    }
    Ok(repeats)
}

fn updated(work: &Work<'_>) -> i64 {
    let text = work.planned.updated.map(|leaf| leaf_text(work.leaves[leaf]));
    text.and_then(|text| When::parse(&text)).map_or(i64::MIN, |when| when.start_us())
}

fn digest(work: &Work<'_>) -> u128 {
    let mut hash = Xxh3::new();
    hash.update(work.planned.shape.template());
    for (leaf, value) in work.leaves.iter().enumerate() {
        if Some(leaf) != work.planned.updated {
            hash.update(&(value.len() as u64).to_le_bytes());
            hash.update(value);
        }
    }
    hash.digest128()
}

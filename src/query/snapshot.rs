//! The open archive: all accessions in force and their index, as one catalog names them, and who is who by the statements
//! made so far. A newer catalog and new statements are noticed while serving.
//!
//! Not for: answering questions (the other files of `query`).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::QueryError;
use super::background::Background;
use super::moved::Moved;
use crate::access::Permit;
use crate::identity::{Reassigned, Resolver};
use crate::index::Searcher;
use crate::model::{AccessionId, Kind, When};
use crate::signing::VerifierKey;
use crate::statements::{self, SignOff};
use crate::store::layout::Layout;
use crate::store::manifest::{Catalog, InForce, LedgerTotals, Withdrawn};
use crate::store::{Accession, StoreError, catalog};

/// How often a newer catalog and new statements are looked for.
const REFRESH: Duration = Duration::from_secs(1);

/// An open archive, for reading. Cheap to clone; safe to share between threads.
#[derive(Clone)]
pub struct Archive {
    inner: Arc<Inner>,
}

struct Inner {
    layout: Layout,
    keys: Vec<VerifierKey>,
    cutover: BTreeMap<String, When>,
    with_awaiting: bool,
    current: RwLock<Arc<Snapshot>>,
    looked: Mutex<Instant>,
    /// Whether it stays at the catalog and the statements of now.
    is_pinned: bool,
    /// What takes minutes over a large archive, done once.
    slow: Background,
}

/// What changes with every statement.
type Stamp = Vec<(String, u64)>;

/// What one catalog names, open, with what was said by then.
#[derive(Clone)]
pub(super) struct Snapshot {
    pub catalog: Catalog,
    /// SHA-256 of the catalog's file, hex.
    pub catalog_sha256: String,
    /// In the order of publication: the later one has the newer versions.
    pub accessions: Vec<Arc<Accession>>,
    /// Only for a review: accessions that await sign-off. No question but `Archive::sampled` and `kept_item` looks here.
    pub awaiting: Vec<Arc<Accession>>,
    pub searcher: Option<Searcher>,
    pub identity: Arc<Resolver>,
    pub reassigned: Arc<Reassigned>,
    /// Where the reassigned records lie.
    pub moved: Arc<Moved>,
    /// Of the statements that these are made of.
    stamp: Stamp,
    pub cutover: BTreeMap<String, When>,
}

/// What the archive says of itself on every page: no record content, so no permit.
#[derive(Clone, Debug, Default)]
pub struct ArchiveFacts {
    /// Random name of the archive, a UUID.
    pub archive: String,
    /// Accessions in force.
    pub accessions: u64,
    /// The number of the catalog in force.
    pub catalog: u64,
    /// In the order of publication.
    pub source_systems: Vec<String>,
    /// The last day that the records reach: declared, or found.
    pub last_day: Option<When>,
}

/// One accession in force, in totals; no record content.
#[derive(Clone, Debug)]
pub struct AccessionSummary {
    pub accession: AccessionId,
    pub generation: u32,
    pub source_system: String,
    /// RFC 3339, UTC.
    pub sealed_at: String,
    /// Records archived, further versions included.
    pub records: u64,
    pub patients: u64,
    pub quarantined: u64,
    /// Bytes of its files.
    pub bytes: u64,
    pub bytes_in: u64,
    pub data_to: Option<String>,
    pub ledger: LedgerTotals,
    pub by_kind: BTreeMap<String, u64>,
    pub merkle_root: String,
    /// The reconciliation report, as JSON.
    pub report_json: String,
    /// It is sealed and waits for a sign-off; nobody reads it.
    pub is_awaiting: bool,
    /// Its reviews, oldest first: when, and what; whether it was of the seal in force.
    pub sign_offs: Vec<(Timestamp, SignOff, bool)>,
}

/// The catalog in force, in totals.
#[derive(Clone, Debug)]
pub struct Custody {
    pub number: u64,
    /// Hex.
    pub sha256: String,
    /// RFC 3339, UTC.
    pub published_at: String,
    pub reason: String,
    /// Number of the index in force.
    pub index: Option<u64>,
    pub withdrawn: Vec<Withdrawn>,
    /// Of the accessions in force.
    pub records: u64,
    pub bytes: u64,
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Archive({})", self.inner.layout.root().display())
    }
}

impl Archive {
    /// Opens the archive at `root` with the public keys of its seal. `cutover` holds the declared last days by source.
    pub fn open(root: &Path, keys: Vec<VerifierKey>, cutover: BTreeMap<String, When>) -> Result<Archive, QueryError> {
        Archive::open_as(root, keys, cutover, false)
    }

    /// Likewise, for an operator's review: samples and kept items of accessions that await sign-off can be looked at too.
    pub fn open_with_awaiting(
        root: &Path,
        keys: Vec<VerifierKey>,
        cutover: BTreeMap<String, When>,
    ) -> Result<Archive, QueryError> {
        Archive::open_as(root, keys, cutover, true)
    }

    fn open_as(
        root: &Path,
        keys: Vec<VerifierKey>,
        cutover: BTreeMap<String, When>,
        with_awaiting: bool,
    ) -> Result<Archive, QueryError> {
        let layout = Layout::new(root);
        let snapshot = Snapshot::open(&layout, &keys, &cutover, with_awaiting)?;
        let (current, looked) = (RwLock::new(Arc::new(snapshot)), Mutex::new(Instant::now()));
        let slow = Background::default();
        let inner = Inner { layout, keys, cutover, with_awaiting, current, looked, is_pinned: false, slow };
        Ok(Archive { inner: Arc::new(inner) })
    }

    /// The same archive as it is now, whatever is published or said later: for work that goes on for hours and must agree
    /// with itself.
    #[must_use]
    pub fn pinned(&self) -> Archive {
        let inner = &self.inner;
        let (current, looked) = (RwLock::new(self.snapshot()), Mutex::new(Instant::now()));
        let (layout, keys, cutover) = (inner.layout.clone(), inner.keys.clone(), inner.cutover.clone());
        let (with_awaiting, slow) = (inner.with_awaiting, inner.slow.clone());
        Archive { inner: Arc::new(Inner { layout, keys, cutover, with_awaiting, current, looked, is_pinned: true, slow }) }
    }

    /// A name of the state that is read: another catalog or further statements are another state. No record content.
    pub fn state(&self) -> String {
        let snapshot = self.snapshot();
        let said: Vec<String> = snapshot.stamp.iter().map(|(stream, size)| format!("{stream}={size}")).collect();
        [vec![format!("catalog={}", snapshot.catalog.number)], said].concat().join(" ")
    }

    pub(super) fn background(&self) -> &Background {
        &self.inner.slow
    }

    /// Has the next question look for new statements at once, after this process wrote one.
    pub fn look_again(&self) {
        let mut looked = self.inner.looked.lock().unwrap_or_else(PoisonError::into_inner);
        *looked = looked.checked_sub(REFRESH).unwrap_or(*looked);
    }

    /// The snapshot in force. Once a second the next catalog and new statements are looked for, which is a few questions
    /// to the file system.
    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        let inner = &self.inner;
        let current = inner.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        let is_due = {
            let mut looked = inner.looked.lock().unwrap_or_else(PoisonError::into_inner);
            let due = looked.elapsed() >= REFRESH;
            if due {
                *looked = Instant::now();
            }
            due
        };
        if !is_due || inner.is_pinned {
            return current;
        }
        let next = if inner.layout.catalog(current.catalog.number + 1).exists() {
            Snapshot::open(&inner.layout, &inner.keys, &inner.cutover, inner.with_awaiting)
        } else if statements::stamp(inner.layout.root()) != current.stamp {
            current.with_new_statements(&inner.layout)
        } else {
            return current;
        };
        match next {
            Ok(next) => {
                let next = Arc::new(next);
                *inner.current.write().unwrap_or_else(PoisonError::into_inner) = next.clone();
                next
            }
            Err(error) => {
                tracing::error!(%error, "a newer catalog or new statements cannot be read; what was in force before stays so");
                current
            }
        }
    }

    /// What every page says of the archive.
    pub fn facts(&self) -> ArchiveFacts {
        let snapshot = self.snapshot();
        let mut source_systems: Vec<String> = Vec::new();
        for accession in &snapshot.accessions {
            if !source_systems.contains(&accession.seal.source_system) {
                source_systems.push(accession.seal.source_system.clone());
            }
        }
        ArchiveFacts {
            archive: snapshot.catalog.archive.clone(),
            accessions: snapshot.accessions.len() as u64,
            catalog: snapshot.catalog.number,
            source_systems,
            last_day: snapshot.data_to(),
        }
    }

    /// When an accession was sealed (RFC 3339, UTC). No record content.
    pub fn sealed_at(&self, accession: &AccessionId) -> Option<String> {
        self.snapshot().accession(accession).map(|held| held.seal.sealed_at.clone())
    }

    /// The accessions in force, with their reports. Scope: `Accessions`.
    pub fn accessions(&self, permit: &Permit) -> Result<Vec<AccessionSummary>, QueryError> {
        if !permit.covers_accessions() {
            return Err(QueryError::OutOfScope);
        }
        let snapshot = self.snapshot();
        self.summaries(&snapshot, &snapshot.accessions)
    }

    /// The accessions that wait for a sign-off, likewise; none when the archive was opened without them.
    pub fn awaiting(&self, permit: &Permit) -> Result<Vec<AccessionSummary>, QueryError> {
        if !permit.covers_accessions() {
            return Err(QueryError::OutOfScope);
        }
        let snapshot = self.snapshot();
        let mut waiting = self.summaries(&snapshot, &snapshot.awaiting)?;
        waiting.iter_mut().for_each(|summary| summary.is_awaiting = true);
        Ok(waiting)
    }

    fn summaries(&self, snapshot: &Snapshot, accessions: &[Arc<Accession>]) -> Result<Vec<AccessionSummary>, QueryError> {
        let said = statements::read(self.inner.layout.root())?;
        let seal_of = |id: &AccessionId| {
            let entry = snapshot.catalog.reviewable().find(|a| a.accession == id.as_str());
            entry.map_or("", |a| a.seal_sha256.as_str())
        };
        let with_reviews = |accession: &Arc<Accession>| {
            let mut summary = summary(accession)?;
            let seal = seal_of(&accession.id);
            let reviews = statements::sign_offs(&said, accession.id.as_str()).into_iter();
            summary.sign_offs = reviews.map(|(made, it)| (made.at, it.clone(), it.seal_sha256 == seal)).collect();
            Ok(summary)
        };
        accessions.iter().map(with_reviews).collect()
    }

    /// The catalog in force and what it names, in totals. Scope: `Accessions` or `System`.
    pub fn custody(&self, permit: &Permit) -> Result<Custody, QueryError> {
        if !permit.covers_accessions() && !permit.covers_system() {
            return Err(QueryError::OutOfScope);
        }
        let snapshot = self.snapshot();
        let catalog = &snapshot.catalog;
        Ok(Custody {
            number: catalog.number,
            sha256: snapshot.catalog_sha256.clone(),
            published_at: catalog.published_at.clone(),
            reason: catalog.reason.clone(),
            index: catalog.index.as_ref().map(|index| index.number),
            withdrawn: catalog.withdrawn.clone(),
            records: snapshot.accessions.iter().map(|a| a.seal.records).sum(),
            bytes: snapshot.accessions.iter().flat_map(|a| &a.manifest.files).map(|f| f.bytes).sum(),
        })
    }

    /// Kinds that the archive holds at all, for the CapabilityStatement. No patient data.
    pub fn kinds(&self) -> Vec<Kind> {
        let snapshot = self.snapshot();
        let mut kinds: Vec<Kind> =
            snapshot.accessions.iter().flat_map(|a| a.seal.by_kind.keys().filter_map(|k| Kind::from_name(k))).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }
}

/// The statements resolved, under a stamp taken before they were read: what comes meanwhile is read again.
fn said(layout: &Layout, catalog: &Catalog) -> Result<(Stamp, Resolver, Reassigned), QueryError> {
    let stamp = statements::stamp(layout.root());
    let said = statements::read(layout.root())?;
    let resolver = Resolver::in_force(&said, |accession| catalog.has_in_force(accession));
    Ok((stamp, resolver, Reassigned::of(&said)))
}

fn summary(accession: &Accession) -> Result<AccessionSummary, QueryError> {
    let path = accession.paths().report_json();
    let report_json = std::fs::read_to_string(&path).map_err(|e| QueryError::Unreadable(e.to_string()))?;
    let seal = &accession.seal;
    Ok(AccessionSummary {
        accession: accession.id.clone(),
        generation: accession.generation,
        source_system: seal.source_system.clone(),
        sealed_at: seal.sealed_at.clone(),
        records: seal.records,
        patients: accession.directory().len(),
        quarantined: seal.ledger.quarantined,
        bytes: accession.manifest.files.iter().map(|f| f.bytes).sum(),
        bytes_in: seal.bytes_in,
        data_to: seal.data_to.clone(),
        ledger: seal.ledger,
        by_kind: seal.by_kind.clone(),
        merkle_root: seal.merkle_root.clone(),
        report_json,
        is_awaiting: false,
        sign_offs: Vec::new(),
    })
}

impl Snapshot {
    fn open(
        layout: &Layout,
        keys: &[VerifierKey],
        cutover: &BTreeMap<String, When>,
        with_awaiting: bool,
    ) -> Result<Snapshot, QueryError> {
        let (catalog, catalog_sha256) = catalog::current(layout, keys)?;
        let open_all = |entries: &[InForce]| -> Result<Vec<_>, StoreError> {
            entries.iter().map(|entry| Accession::open(layout, entry, keys).map(Arc::new)).collect()
        };
        let accessions = open_all(&catalog.accessions)?;
        let awaiting = if with_awaiting { open_all(&catalog.awaiting)? } else { Vec::new() };
        let searcher = match &catalog.index {
            Some(index) => Some(Searcher::open(&layout.index(index.number))?),
            None => None,
        };
        let (stamp, identity, reassigned) = said(layout, &catalog)?;
        let moved = Arc::new(Moved::of(&accessions, &reassigned)?);
        let (identity, reassigned, cutover) = (Arc::new(identity), Arc::new(reassigned), cutover.clone());
        Ok(Snapshot { catalog, catalog_sha256, accessions, awaiting, searcher, identity, reassigned, moved, stamp, cutover })
    }

    /// The same catalog, with what was said since.
    fn with_new_statements(&self, layout: &Layout) -> Result<Snapshot, QueryError> {
        let (stamp, identity, reassigned) = said(layout, &self.catalog)?;
        let moved = Arc::new(Moved::of(&self.accessions, &reassigned)?);
        let (identity, reassigned) = (Arc::new(identity), Arc::new(reassigned));
        Ok(Snapshot { identity, reassigned, moved, stamp, ..self.clone() })
    }

    pub(super) fn data_to(&self) -> Option<When> {
        let declared = self.cutover.values().cloned();
        let found = self.accessions.iter().filter_map(|a| a.seal.data_to.as_deref().and_then(When::parse));
        let newest_declared = declared.max_by_key(When::start_us);
        newest_declared.or_else(|| found.max_by_key(When::start_us))
    }

    /// The accession of an id.
    pub(super) fn accession(&self, id: &AccessionId) -> Option<&Arc<Accession>> {
        self.accessions.iter().find(|a| a.id == *id)
    }
}

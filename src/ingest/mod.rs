//! From a delivery to a published accession: spread the records to buckets by patient, gather bucket after bucket into
//! frames, documents and tables, assemble, seal, publish.
//!
//! Memory is bounded by the bucket size, not by the delivery. A crash at any point leaves the last catalog in force;
//! the next run sweeps what was left behind.
//!
//! Not for: the search index (`index`, built by the command between sealing and publishing).

mod aliases;
mod assemble;
pub mod declared;
mod deliver;
mod earlier;
mod error;
mod gather;
mod items;
pub mod labels;
pub mod page;
mod planned;
pub mod profile;
mod readers;
pub mod relabel;
mod repeats;
pub mod report;
mod sample;
mod spill;
mod spread;
mod summary;
mod tally;
mod uscdi;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use sha2::{Digest, Sha256};

use crate::durable;
use crate::mapping::settings::Settings;
use crate::mapping::{Context, IdentityEvent};
use crate::model::{AccessionId, When};
use crate::signing::{Signer, VerifierKey};
use crate::sources::{self, DeliveryFile};
use crate::store::layout::{Generation, Layout};
use crate::store::ledger::FileRecord;
use crate::store::manifest::{Catalog, InForce, IndexInForce, LedgerTotals, Manifest, Seal, hex};
use crate::store::{Accession, StoreError, catalog};

pub use assemble::{day_text, write_manifest};
use declared::Declared;
pub use deliver::hash_file;
pub use error::IngestError;
use gather::{GatherPlan, Gatherer, PartOutput};
use planned::ShapeRegistry;
use readers::Readers;
use spill::Buckets;
use spread::{BucketPlan, Source, SpreadCounts, Spreader};
pub use summary::IngestSummary;

/// zstd level of an ingest; `compact` uses a higher one.
pub const LEVEL: i32 = 3;
/// Buckets to a part: a part has its own files and is gathered by one worker.
const BUCKETS_PER_PART: usize = 12;

/// What an ingest is asked to do.
pub struct IngestOptions<'a> {
    pub paths: &'a [PathBuf],
    pub source_system: &'a str,
    pub threads: usize,
    /// RFC 3339, UTC.
    pub now: String,
    pub settings: &'a Settings,
    /// The accession whose quarantined source records are read again; `None` for a delivery.
    pub reprocess_of: Option<&'a str>,
}

/// How far it is. Bytes are those read from the delivery; records those gathered.
#[derive(Clone, Copy, Debug)]
pub enum Progress {
    Reading { bytes: u64, of: u64 },
    Gathering { done: usize, of: usize },
    Assembling,
}

/// What came of it.
pub enum Ingested {
    /// The same delivery lies in this accession already.
    Known { accession: String, summary: IngestSummary },
    /// Sealed and checked, ready to be published.
    Sealed(Box<Sealed>),
}

/// A sealed accession that no catalog names yet. Publishing consumes it.
pub struct Sealed {
    pub entry: InForce,
    pub seal: Seal,
    pub manifest: Manifest,
    pub summary: IngestSummary,
    pub report: report::Report,
    pub generation: Generation,
    /// What the delivery says about who is who: item and event, in the order of the delivery.
    pub identity: Vec<(u64, IdentityEvent)>,
}

/// Reads a delivery into a sealed accession. The caller holds the write lock of the archive.
pub fn run(
    layout: &Layout,
    current: &Catalog,
    keys: &[VerifierKey],
    signer: &(dyn Signer + Sync),
    options: &IngestOptions<'_>,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Ingested, IngestError> {
    let started = Instant::now();
    if options.source_system.is_empty() || options.source_system.len() > 64 {
        return Err(IngestError::Delivery("the name of the source system must have 1 to 64 bytes".into()));
    }
    sweep(layout)?;
    let mut listed = sources::list(options.paths, &layout.building())?;
    listed.with_containers();
    let readers = Readers::prepare(options.settings, &mut listed)?;
    let delivery = &listed.files;
    let declared = match options.reprocess_of {
        None => Declared::of(delivery)?,
        Some(_) => None,
    };
    if delivery.is_empty() {
        return Err(IngestError::Delivery("the delivery holds no files".into()));
    }
    let of_source = |entries: &[InForce]| -> Result<Vec<_>, StoreError> {
        let of_it = entries.iter().filter(|a| a.source_system == options.source_system);
        of_it.map(|entry| Accession::open(layout, entry, keys).map(Arc::new)).collect()
    };
    let (earlier, awaiting) = (of_source(&current.accessions)?, of_source(&current.awaiting)?);
    let known = match options.reprocess_of {
        None => same_delivery(&[&earlier[..], &awaiting[..]].concat(), delivery)?,
        Some(_) => None,
    };
    if let Some(known) = known {
        sweep(layout)?;
        return Ok(known);
    }
    if let Some(first) = awaiting.first() {
        sweep(layout)?;
        return Err(IngestError::Delivery(awaits_first(first)));
    }
    let scratch = layout.building().join("spill");
    durable::create_dir_all(&scratch)?;
    let draft = layout.building().join("draft");
    let generation = Generation::at(draft.join("0001"));
    for folder in ["charts", "documents", "tables", "locator", "ledger"] {
        durable::create_dir_all(&generation.dir().join(folder))?;
    }
    let total_bytes: u64 = delivery.iter().map(|f| f.bytes * if f.packing == sources::Packing::Plain { 1 } else { 12 }).sum();
    let plan = BucketPlan::for_bytes(total_bytes);
    let buckets = Buckets::create(&scratch, plan.total())?;
    let rules = labels::rules(layout)?;
    let source_rules = rules.of_source(options.source_system);
    let registry = ShapeRegistry::new(Arc::clone(&source_rules));
    let (files, spread) = spread_all(delivery, &readers, options, plan, &registry, &buckets, progress)?;
    if let Some(declared) = &declared {
        declared.demand_digests(&files)?;
    }
    let mut spread = spread;
    for (code, count) in &readers.findings {
        *spread.findings.entry(code.clone()).or_default() += count;
    }
    let mut identity = std::mem::take(&mut spread.identity);
    // As it happened, where the source says when; else as it was delivered.
    identity.sort_by(|(a, one), (b, two)| (one.at(), a).cmp(&(two.at(), b)));
    let fingerprint = fingerprint(&files, options);
    let id = accession_id(options.source_system, &fingerprint);
    if let Some(withdrawn) = current.withdrawn.iter().find(|w| w.accession.accession == id.as_str()) {
        let (day, name) = (&withdrawn.at[..withdrawn.at.len().min(10)], id.as_str());
        return Err(IngestError::Delivery(format!(
            "this delivery was archived as {name} and withdrawn on {day}; bring it back with `chartkeep accession restore`"
        )));
    }
    if current.accessions.iter().any(|a| a.accession == id.as_str()) {
        let what = match options.reprocess_of {
            Some(_) => "what was quarantined has been read again with this mapping already",
            None => "an accession of this name exists already",
        };
        return Err(IngestError::Delivery(what.into()));
    }
    let (shapes, finals) = registry.finish();
    let mut secret = [0u8; 32];
    getrandom::fill(&mut secret).map_err(|_| IngestError::Scratch("no random numbers"))?;
    let mut gather_plan = GatherPlan {
        source_system: options.source_system,
        generation: generation.clone(),
        rules: source_rules,
        beyond: labels::gathered(std::mem::take(&mut spread.beyond)),
        scratch,
        shapes,
        finals,
        chart_dictionary: None,
        document_dictionary: None,
        level: LEVEL,
        secret,
        today: When::parse(&options.now).map_or(i64::MAX, |now| now.start_us().div_euclid(86_400_000_000)),
        earlier,
        table_metadata: vec![
            ("chartkeep.accession".into(), id.as_str().into()),
            ("chartkeep.source_system".into(), options.source_system.into()),
        ],
    };
    sample::train(&mut gather_plan, &buckets, plan)?;
    let parts = gather_all(&gather_plan, &buckets, plan, options.threads, progress)?;
    progress(Progress::Assembling);
    let pieces = assemble::Pieces {
        accession: id.as_str(),
        source_system: options.source_system,
        fingerprint,
        generation: generation.clone(),
        parts,
        spread,
        files,
        shapes: &gather_plan.shapes,
        kept_bucket: buckets.path(plan.kept()),
        alias_bucket: buckets.path(plan.aliases()),
        document_dictionary: gather_plan.document_dictionary.clone(),
        level: LEVEL,
        secret,
        now: options.now.clone(),
        seconds: started.elapsed().as_secs_f64(),
        settings: options.settings,
        reprocess_of: options.reprocess_of,
        declared,
        label_rules: labels::named(&rules),
    };
    let (seal, manifest, summary, report) = assemble::assemble(pieces, &draft.join("seal.json"), signer)?;
    let mut sealed = settle(layout, &draft, &id, seal, manifest, summary, report)?;
    sealed.identity = identity;
    durable::remove_dir_all(&layout.building())?;
    Ok(Ingested::Sealed(Box::new(sealed)))
}

/// Deliveries of one source come into force in their order: what a later one repeats is compared with the earlier ones,
/// and nobody can tell yet whether that which awaits sign-off will be one of them.
fn awaits_first(awaiting: &Accession) -> String {
    format!(
        "accession {} of this source system awaits sign-off; accept it first (chartkeep signoff), or take it out (chartkeep \
         accession withdraw)",
        awaiting.id
    )
}

/// Removes what an interrupted run left behind.
fn sweep(layout: &Layout) -> Result<(), IngestError> {
    if layout.building().exists() {
        durable::remove_dir_all(&layout.building())?;
    }
    Ok(())
}

/// Moves the sealed draft to its place.
fn settle(
    layout: &Layout,
    draft: &std::path::Path,
    id: &AccessionId,
    seal: Seal,
    manifest: Manifest,
    summary: IngestSummary,
    report: report::Report,
) -> Result<Sealed, IngestError> {
    let target = layout.accession(id);
    if target.exists() {
        // Sealed by a run that died before it published; no catalog names it.
        durable::remove_dir_all(&target)?;
    }
    durable::rename(draft, &target)?;
    durable::sync_dir(&layout.accessions())?;
    let generation = layout.generation(id, 1);
    let (_, seal_sha256) = hash_file(&layout.seal(id)).map_err(StoreError::read(&layout.seal(id)))?;
    let (_, manifest_sha256) = hash_file(&generation.manifest()).map_err(StoreError::read(&generation.manifest()))?;
    let entry = InForce {
        accession: id.as_str().into(),
        generation: 1,
        source_system: seal.source_system.clone(),
        seal_sha256,
        manifest_sha256,
    };
    Ok(Sealed { entry, seal, manifest, summary, report, generation, identity: Vec::new() })
}

/// How a sealed accession is published.
pub enum Standing {
    /// To be read from now on, with the index that covers it.
    InForce(IndexInForce),
    /// To be read once it is signed off.
    Awaiting,
}

impl Sealed {
    /// Publishes the accession. Demands that every file of the generation has
    /// the size and digest of its manifest.
    pub fn publish(
        self,
        layout: &Layout,
        current: &Catalog,
        current_sha256: &str,
        standing: Standing,
        signer: &dyn Signer,
        now: &str,
    ) -> Result<Catalog, IngestError> {
        for file in &self.manifest.files {
            let path = self.generation.dir().join(&file.path);
            let (bytes, sha256) = hash_file(&path).map_err(StoreError::read(&path))?;
            if (bytes, &sha256) != (file.bytes, &file.sha256) {
                return Err(StoreError::damaged(&path, 0, "differs from what was just sealed; not published").into());
            }
        }
        let mut next = current.clone();
        next.reason = "ingest".into();
        match standing {
            Standing::InForce(index) => {
                next.accessions.push(self.entry);
                next.index = Some(index);
            }
            Standing::Awaiting => next.awaiting.push(self.entry),
        }
        Ok(catalog::publish(layout, next, current_sha256, now, signer)?)
    }
}

fn fingerprint(files: &[FileRecord], options: &IngestOptions<'_>) -> String {
    let mut hash = Sha256::new();
    if let Some(accession) = options.reprocess_of {
        // The same bytes read again under another mapping are another accession.
        hash.update(accession.as_bytes());
        hash.update([0]);
        hash.update(options.settings.sha256.as_bytes());
        hash.update([0]);
    }
    for file in files {
        hash.update(file.name.as_bytes());
        hash.update([0]);
        hash.update(file.bytes.to_le_bytes());
        hash.update(file.sha256.as_bytes());
        hash.update([0]);
    }
    hex(&hash.finalize())
}

fn accession_id(source_system: &str, fingerprint: &str) -> AccessionId {
    let mut hash = Sha256::new();
    hash.update(source_system.as_bytes());
    hash.update([0]);
    hash.update(fingerprint.as_bytes());
    AccessionId(format!("acc-{}", &hex(&hash.finalize())[..16]).into())
}

/// The accession that holds exactly this delivery. Files are hashed only where names and sizes agree.
fn same_delivery(earlier: &[Arc<Accession>], delivery: &[DeliveryFile]) -> Result<Option<Ingested>, IngestError> {
    for accession in earlier {
        let alike = accession.files.len() == delivery.len()
            && accession.files.iter().zip(delivery).all(|(a, d)| a.name == d.name && a.bytes == d.bytes);
        if !alike {
            continue;
        }
        let mut same = true;
        for (file, delivered) in accession.files.iter().zip(delivery) {
            let (_, sha256) = hash_file(&delivered.path).map_err(StoreError::read(&delivered.path))?;
            if sha256 != file.sha256 {
                same = false;
                break;
            }
        }
        if same {
            let input = accession.seal.ledger.input;
            let records = LedgerTotals { input, duplicate: input, ..Default::default() };
            let summary = IngestSummary {
                records,
                by_kind: accession.seal.by_kind.clone(),
                bytes_in: accession.seal.bytes_in,
                agreement: None,
            };
            return Ok(Some(Ingested::Known { accession: accession.id.as_str().into(), summary }));
        }
    }
    Ok(None)
}

fn spread_all(
    delivery: &[DeliveryFile],
    readers: &Readers,
    options: &IngestOptions<'_>,
    plan: BucketPlan,
    registry: &ShapeRegistry,
    buckets: &Buckets,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<(Vec<FileRecord>, SpreadCounts), IngestError> {
    let of: u64 = delivery.iter().map(|f| f.bytes).sum();
    let read = std::sync::atomic::AtomicU64::new(0);
    let note = |bytes: u64| {
        let total = read.fetch_add(bytes, Ordering::Relaxed) + bytes;
        progress(Progress::Reading { bytes: total.min(of), of });
    };
    let (sender, receiver) = crossbeam_channel::bounded::<deliver::Block>(options.threads * 2 + 2);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..options.threads)
            .map(|_| {
                let receiver = receiver.clone();
                scope.spawn(move || -> Result<SpreadCounts, IngestError> {
                    let mut spreader = Spreader::new(options.source_system, plan, registry, buckets);
                    for block in receiver {
                        spread_block(&mut spreader, &block, options)?;
                    }
                    Ok(spreader.finish()?)
                })
            })
            .collect();
        drop(receiver);
        let reading = |place: usize| readers.reading_of(place);
        let files = deliver::deliver(delivery, &reading, &sender, &note);
        drop(sender);
        let mut total = SpreadCounts::default();
        for worker in workers {
            let counts = worker.join().map_err(|_| IngestError::Scratch("a worker panicked"))??;
            total.records += counts.records;
            total.aliases.extend(counts.aliases);
            total.beyond.extend(counts.beyond);
            total.identity.extend(counts.identity);
            total.items.append(counts.items);
            for (sum, part) in [
                (&mut total.by_kind, counts.by_kind),
                (&mut total.reasons, counts.reasons),
                (&mut total.derived, counts.derived),
                (&mut total.findings, counts.findings),
            ] {
                part.into_iter().for_each(|(word, count)| *sum.entry(word).or_default() += count);
            }
        }
        let (files, findings) = files?;
        for finding in findings {
            *total.findings.entry(finding.code.to_string()).or_default() += 1;
        }
        Ok((files, total))
    })
}

/// Spreads what is in a block.
fn spread_block(spreader: &mut Spreader<'_>, block: &deliver::Block, options: &IngestOptions<'_>) -> Result<(), StoreError> {
    match &block.what {
        deliver::What::Piece(file, number) => spreader.piece(*file, *number, &block.bytes),
        deliver::What::Json => {
            block.items.iter().try_for_each(|(item, start, end)| spreader.item(*item, &block.bytes[*start..*end]))
        }
        deliver::What::Records { mapper, file, base, length } => {
            let (source_system, zone) = (options.source_system, &options.settings.zone);
            block.items.iter().try_for_each(|(item, start, end)| {
                let bytes = &block.bytes[*start..*end];
                let cx = Context { source_system, zone, file, offset: base + *start as u64 };
                let length = length.unwrap_or(bytes.len() as u64);
                spreader.mapped(&Source { item: *item, bytes, length }, mapper.as_ref(), &cx)
            })
        }
    }
}

/// Gathers all parts, each by one worker at a time, in the order of parts.
fn gather_all(
    plan: &GatherPlan<'_>,
    buckets: &Buckets,
    bucket_plan: BucketPlan,
    threads: usize,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Vec<PartOutput>, IngestError> {
    let data_buckets: Vec<usize> = (0..bucket_plan.kept()).collect();
    let at_least = data_buckets.len().div_ceil(gather::PARTS_MAX);
    let per_part = BUCKETS_PER_PART.max(at_least).min(data_buckets.len().div_ceil(threads)).max(1);
    let groups: Vec<&[usize]> = data_buckets.chunks(per_part).collect();
    let next = AtomicUsize::new(0);
    let done = AtomicUsize::new(0);
    let outputs = Mutex::new(Vec::new());
    let of = data_buckets.len();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| -> Result<(), IngestError> {
                    loop {
                        let part = next.fetch_add(1, Ordering::Relaxed);
                        let Some(group) = groups.get(part) else { return Ok(()) };
                        let mut gatherer = Gatherer::new(plan, part as u32)?;
                        for bucket in *group {
                            let bytes = spill::load(buckets.path(*bucket))?;
                            gatherer.bucket(&bytes)?;
                            progress(Progress::Gathering { done: done.fetch_add(1, Ordering::Relaxed) + 1, of });
                        }
                        let output = gatherer.finish()?;
                        outputs.lock().map_err(|_| IngestError::Stopped)?.push(output);
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.join().map_err(|_| IngestError::Scratch("a worker panicked"))??;
        }
        Ok::<(), IngestError>(())
    })?;
    let mut outputs = outputs.into_inner().map_err(|_| IngestError::Stopped)?;
    outputs.sort_by_key(|o| o.part);
    Ok(outputs)
}

//! A new, smaller generation of an accession: the same records in the same order, packed at a high level with
//! dictionaries trained on the whole of it. The seal stays; the new generation is proved against it before it counts.
//!
//! Not for: publishing (the command does), or the index, which names accessions and ordinals and stays as it is.

use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::documents::PackFrame;
use super::framed::{Framed, FramedWriter};
use super::layout::{Generation, Layout};
use super::ledger::{LedgerWriter, read_rows};
use super::manifest::{FileEntry, Manifest};
use super::verify::{self, Progress};
use super::{Accession, StoreError, directory, tables};
use crate::durable::{self, FileDigest};
use crate::model::Kind;

/// zstd level. 22 and long windows save nothing on frames of this size.
pub const LEVEL: i32 = 19;
/// A dictionary is this much smaller than what it is trained on, within bounds: a larger one pays for itself only in a
/// large accession, and still has to fit into a processor's cache. It saves far more than larger frames of documents
/// would (1 MiB in place of 256 KiB: 1 %), so these stay small and quick to open.
const DICTIONARY_SHARE: u64 = 128;
const DICTIONARY_MIN: u64 = 112 << 10;
const DICTIONARY_MAX: u64 = 1 << 20;
/// Bytes of samples for each dictionary.
const SAMPLE_BYTES: usize = 64 << 20;
/// A longer sample teaches nothing more.
const SAMPLE_MAX: usize = 128 << 10;

/// One group of files, before and after.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    pub name: String,
    pub before: u64,
    pub after: u64,
}

/// A new generation in its draft folder, proved.
pub struct Compacted {
    pub draft: Generation,
    pub manifest: Manifest,
    pub parts: Vec<Part>,
}

impl Compacted {
    pub fn before(&self) -> u64 {
        self.parts.iter().map(|p| p.before).sum()
    }

    pub fn after(&self) -> u64 {
        self.parts.iter().map(|p| p.after).sum()
    }
}

/// A file of the generation and how it is written anew.
enum Job<'a> {
    Frames { file: &'a Framed, dictionary: &'a [u8] },
    Directory,
    Table(Kind),
    Ledger,
    Copy,
}

struct Compaction<'a> {
    accession: &'a Accession,
    draft: Generation,
    chart_dictionary: Vec<u8>,
    document_dictionary: Vec<u8>,
}

/// Writes a new generation of `accession` below `layout.building()` and proves it against the seal.
pub fn compact(
    layout: &Layout,
    accession: &Accession,
    threads: usize,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Compacted, StoreError> {
    let draft = Generation::at(layout.building().join(format!("{}-{:04}", accession.id.as_str(), accession.generation + 1)));
    let compaction = Compaction {
        accession,
        draft,
        chart_dictionary: train(accession.charts.iter(), &|chart, number| Ok(vec![chart.read(number, true)?.0]))?,
        document_dictionary: train(accession.documents.iter(), &documents_of)?,
    };
    let mut manifest = Manifest { generation: accession.generation + 1, ..accession.manifest.clone() };
    manifest.files = compaction.write_all(threads, progress)?;
    let mut text = serde_json::to_vec_pretty(&manifest).map_err(|e| StoreError::Refused(e.to_string()))?;
    text.push(b'\n');
    durable::write_new(&compaction.draft.manifest(), &text)?;
    let parts = parts(&accession.manifest.files, &manifest.files);
    let quiet = |_: Progress| {};
    let findings = verify::generation(&accession.id, &compaction.draft, &accession.seal, &manifest, threads, &quiet);
    match findings.first() {
        None => Ok(Compacted { draft: compaction.draft, manifest, parts }),
        Some(f) => {
            Err(StoreError::Refused(format!("the new generation does not check ({}: {}); nothing was changed", f.file, f.what)))
        }
    }
}

impl Compaction<'_> {
    fn write_all(&self, threads: usize, progress: &(dyn Fn(usize, usize) + Sync)) -> Result<Vec<FileEntry>, StoreError> {
        let files = &self.accession.manifest.files;
        let mut order: Vec<usize> = (0..files.len()).collect();
        order.sort_by_key(|i| std::cmp::Reverse(files[*i].bytes));
        let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let written: Mutex<Vec<(usize, FileEntry)>> = Mutex::default();
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads.max(1))
                .map(|_| {
                    scope.spawn(|| -> Result<(), StoreError> {
                        while let Some(number) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                            let entry = self.write(&files[*number])?;
                            written.lock().unwrap_or_else(PoisonError::into_inner).push((*number, entry));
                            progress(done.fetch_add(1, Ordering::Relaxed) + 1, files.len());
                        }
                        Ok(())
                    })
                })
                .collect();
            workers.into_iter().try_for_each(|w| w.join().map_err(|_| StoreError::Refused("a worker panicked".into()))?)
        })?;
        let mut written = written.into_inner().unwrap_or_else(PoisonError::into_inner);
        written.sort_by_key(|(number, _)| *number);
        Ok(written.into_iter().map(|(_, entry)| entry).collect())
    }

    fn write(&self, file: &FileEntry) -> Result<FileEntry, StoreError> {
        let (from, to) = (self.accession.paths.dir().join(&file.path), self.draft.dir().join(&file.path));
        durable::create_dir_all(to.parent().unwrap_or(self.draft.dir()))?;
        let digest = match self.job(&from, &file.path) {
            Job::Frames { file, dictionary } => frames(file, dictionary, &to)?,
            Job::Directory => directory::recompress(&self.accession.directory, &to, LEVEL)?,
            Job::Table(kind) => tables::recompress(kind, &from, &to, LEVEL)
                .map_err(|e| StoreError::Refused(format!("{}: {e}", from.display())))?,
            Job::Ledger => ledger(&from, &to)?,
            Job::Copy if from == self.accession.paths.chart_dictionary() => durable::write_new(&to, &self.chart_dictionary)?,
            Job::Copy if from == self.accession.paths.document_dictionary() => {
                durable::write_new(&to, &self.document_dictionary)?
            }
            Job::Copy => durable::write_new(&to, &std::fs::read(&from).map_err(StoreError::read(&from))?)?,
        };
        Ok(FileEntry::new(&file.path, &digest, file.rows))
    }

    fn job(&self, from: &Path, name: &str) -> Job<'_> {
        let accession = self.accession;
        let table = || Kind::from_name(name.strip_prefix("tables/")?.split('/').next()?);
        if let Some(chart) = accession.charts.iter().find(|c| c.path() == from) {
            Job::Frames { file: chart, dictionary: &self.chart_dictionary }
        } else if let Some(pack) = accession.documents.iter().find(|d| d.path() == from) {
            Job::Frames { file: pack, dictionary: &self.document_dictionary }
        } else if let Some(kind) = table() {
            Job::Table(kind)
        } else if from == accession.paths.directory() {
            Job::Directory
        } else if from == accession.paths.ledger() {
            Job::Ledger
        } else {
            Job::Copy
        }
    }
}

/// The same frames with the same numbers, so that opening a chart or a document reads no more than before.
fn frames(file: &Framed, dictionary: &[u8], to: &Path) -> Result<FileDigest, StoreError> {
    // No dictionary is an empty file.
    let mut writer = FramedWriter::create(to, LEVEL, (!dictionary.is_empty()).then_some(dictionary))?;
    for (number, meta) in file.frames().iter().enumerate() {
        let (raw, side) = file.read(number, true)?;
        writer.push(&raw, &side, meta.items, meta.base, to)?;
    }
    writer.finish(to)
}

fn ledger(from: &Path, to: &Path) -> Result<FileDigest, StoreError> {
    let mut writer = LedgerWriter::create_at(to, LEVEL)?;
    let mut failed = None;
    read_rows(from, |row| {
        if failed.is_none() {
            failed = writer.push(row, to).err();
        }
    })?;
    match failed {
        Some(error) => Err(error),
        None => Ok(writer.finish(to)?.0),
    }
}

/// Gives the samples in a frame.
type SamplesOf<'a> = &'a dyn Fn(&Framed, usize) -> Result<Vec<Vec<u8>>, StoreError>;

fn documents_of(pack: &Framed, number: usize) -> Result<Vec<Vec<u8>>, StoreError> {
    let frame = PackFrame::read(pack, number, true)?;
    Ok((0..frame.len()).filter_map(|i| frame.get(i)).map(<[u8]>::to_vec).collect())
}

/// Trains a dictionary on frames spread evenly over the files; too little to learn from gives none.
fn train<'a>(files: impl Iterator<Item = &'a Framed> + Clone, samples_of: SamplesOf<'_>) -> Result<Vec<u8>, StoreError> {
    let raw: u64 = files.clone().flat_map(|f| f.frames()).map(|m| u64::from(m.raw_len)).sum();
    let size = (raw / DICTIONARY_SHARE).clamp(DICTIONARY_MIN, DICTIONARY_MAX) as usize;
    let step = (raw / SAMPLE_BYTES as u64 + 1) as usize;
    let (mut bytes, mut sizes) = (Vec::new(), Vec::new());
    for (number, (file, frame)) in files.flat_map(|f| (0..f.frames().len()).map(move |i| (f, i))).enumerate() {
        if number % step != 0 {
            continue;
        }
        for sample in samples_of(file, frame)?.iter().filter(|s| s.len() > 8) {
            let sample = &sample[..sample.len().min(SAMPLE_MAX)];
            bytes.extend_from_slice(sample);
            sizes.push(sample.len());
        }
    }
    if sizes.len() < 16 || bytes.len() < 4 * size {
        return Ok(Vec::new());
    }
    Ok(zstd::dict::from_continuous(&bytes, &sizes, size).unwrap_or_default())
}

fn parts(before: &[FileEntry], after: &[FileEntry]) -> Vec<Part> {
    let group = |path: &str| path.split_once('/').map_or("report", |(folder, _)| folder).to_string();
    let mut parts: Vec<Part> = Vec::new();
    for (old, new) in before.iter().zip(after) {
        let name = group(&old.path);
        let at = parts.iter().position(|p| p.name == name).unwrap_or_else(|| {
            parts.push(Part { name, before: 0, after: 0 });
            parts.len() - 1
        });
        parts[at].before += old.bytes;
        parts[at].after += new.bytes;
    }
    parts
}

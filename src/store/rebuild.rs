//! Rebuilding delivered files, byte for byte, from the archive: the custody proof that needs no trust in the ingest.
//!
//! Charts stand in another order than files. A first pass over the charts learns how long each record is, the ledger
//! says which record stands where, and a second pass writes each record at its places in a temporary file, which is then
//! hashed file by file.
//!
//! Not for: exporting records (`query`).

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest, Sha256};

use super::ledger::{FileRecord, LedgerRow, read_rows};
use super::manifest::hex;
use super::restore::{Restorer, units};
use super::verify::Finding;
use super::{Accession, StoreError};
use crate::formats::fhir::{Shape, Tokenizer, leaf_text};
use crate::limits;
use crate::model::{archive_id, is_true_uuid};

/// A file as it lies on disk.
#[derive(Clone, Debug)]
pub struct Delivered {
    /// Its name in the delivery.
    pub name: String,
    pub path: PathBuf,
}

/// What a comparison came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Files that were rebuilt and are the same.
    pub same: u64,
    pub findings: Vec<Finding>,
}

/// A piece of a delivered file that is no record of this accession's charts.
enum Piece {
    /// Bytes that are known now.
    Bytes(Vec<u8>),
    Record(u64),
    /// The record lies in an earlier accession of the same source; its bytes are looked up there.
    Earlier,
}

/// Rebuilds every file of the accessions that is among `delivered` and compares it with the file on disk. `beside` is
/// the archive's folder: the temporary file is made next to it.
pub fn compare(
    accessions: &[Accession],
    delivered: &[Delivered],
    beside: &Path,
    threads: usize,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Outcome, StoreError> {
    let mut outcome = Outcome::default();
    let mut of_accession: Vec<Vec<(&FileRecord, Option<&Delivered>)>> = vec![Vec::new(); accessions.len()];
    for file in delivered {
        match holder(accessions, file) {
            Ok((number, record)) => of_accession[number].push((record, Some(file))),
            Err(what) => outcome.findings.push(wrong(file, what)),
        }
    }
    for (number, mut files) in of_accession.into_iter().enumerate().filter(|(_, files)| !files.is_empty()) {
        files.sort_by_key(|(record, _)| (record.first_item, record.items));
        let earlier = accessions[..number].iter().collect();
        let rebuild = Rebuild { accession: &accessions[number], earlier, files, threads, progress };
        rebuild.run(beside, &mut |file, delivered, rebuilt| {
            let Some(delivered) = delivered else { return Ok(()) };
            match rebuilt {
                Err(what) => outcome.findings.push(wrong(delivered, what)),
                Ok((scratch, start, end)) => {
                    let rebuilt = hash_range(scratch, start, end).map_err(StoreError::write(beside))?;
                    match on_disk(file, delivered) {
                        Err(what) => outcome.findings.push(wrong(delivered, what)),
                        Ok(held) if held == rebuilt => outcome.same += 1,
                        Ok(_) => outcome.findings.push(wrong(delivered, "the file rebuilt from the archive differs")),
                    }
                }
            }
            Ok(())
        })?;
    }
    Ok(outcome)
}

/// What is done with the content of a rebuilt file, or with the reason why it cannot be rebuilt.
pub type Take<'a> = &'a mut dyn FnMut(&FileRecord, Result<&mut dyn std::io::Read, String>) -> Result<(), StoreError>;

/// Rebuilds the files of `accession` that are put together from records, and gives the content of each to `take`, in their
/// order. `earlier` are the accessions before it. A file that repeats records of an earlier delivery cannot be rebuilt without
/// that very file, since the ledger does not name them.
pub fn restore(
    accession: &Accession,
    earlier: Vec<&Accession>,
    beside: &Path,
    threads: usize,
    take: Take<'_>,
) -> Result<(), StoreError> {
    let mut files: Vec<_> = accession.files.iter().filter(|file| file.document.is_none()).map(|file| (file, None)).collect();
    files.sort_by_key(|(record, _)| (record.first_item, record.items));
    let rebuild = Rebuild { accession, earlier, files, threads, progress: &|_, _| {} };
    rebuild.run(beside, &mut |file, _, rebuilt| match rebuilt {
        Err(what) => take(file, Err(what)),
        Ok((scratch, start, end)) => take(file, Ok(&mut Span { file: scratch, at: start, end })),
    })
}

/// A run of bytes of a file, to be read.
struct Span<'a> {
    file: &'a File,
    at: u64,
    end: u64,
}

impl std::io::Read for Span<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = buffer.len().min((self.end - self.at) as usize);
        let count = self.file.read_at(&mut buffer[..most], self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// The accession that took in this very file, by name and digest, and what it noted of it.
fn holder<'a>(accessions: &'a [Accession], file: &Delivered) -> Result<(usize, &'a FileRecord), String> {
    let read = |e: std::io::Error| format!("cannot be read: {e}");
    let sha256 = digest(&mut File::open(&file.path).map_err(read)?)?;
    let mut named = accessions.iter().enumerate().flat_map(|(i, a)| a.files.iter().map(move |f| (i, f)));
    match named.find(|(_, f)| f.name == file.name && f.sha256 == sha256) {
        Some(found) => Ok(found),
        None if accessions.iter().any(|a| a.files.iter().any(|f| f.name == file.name)) => {
            Err("it is not the file of this name that was delivered: its digest is another".into())
        }
        None => Err("no accession holds a delivered file of this name".into()),
    }
}

fn wrong(file: &Delivered, what: impl Into<String>) -> Finding {
    Finding { file: file.path.display().to_string(), offset: None, what: what.into() }
}

struct Rebuild<'a> {
    accession: &'a Accession,
    /// Accessions before it, in which records may lie that it repeats.
    earlier: Vec<&'a Accession>,
    /// Each with the file on disk, where there is one to compare with.
    files: Vec<(&'a FileRecord, Option<&'a Delivered>)>,
    threads: usize,
    progress: &'a (dyn Fn(u64, u64) + Sync),
}

/// A record, and where it has to be written.
type Place = (u64, u64);

/// What is done with a file: where it lies in the temporary file, or why it cannot be rebuilt.
type Done<'a> = &'a mut dyn FnMut(&FileRecord, Option<&Delivered>, Result<(&File, u64, u64), String>) -> Result<(), StoreError>;

/// What is done with a frame: its first ordinal and the texts of its records.
type FrameWork<'a> = &'a (dyn Fn(u64, &[Vec<u8>]) -> Result<(), StoreError> + Sync);

impl Rebuild<'_> {
    fn run(&self, beside: &Path, done: Done<'_>) -> Result<(), StoreError> {
        let lengths = self.lengths()?;
        let scratch = scratch_file(beside)?;
        let mut layout = FileLayout {
            rebuild: self,
            lengths: &lengths,
            scratch: &scratch,
            places: Vec::new(),
            at: 0,
            open: None,
            spans: Vec::new(),
        };
        layout.lay_out()?;
        let (mut places, spans) = (layout.places, layout.spans);
        places.sort_unstable();
        self.write_records(&places, &scratch)?;
        for ((file, delivered), span) in self.files.iter().zip(spans) {
            done(file, *delivered, span.map(|(start, end)| (&scratch, start, end)))?;
        }
        Ok(())
    }

    /// The length of every record's text.
    fn lengths(&self) -> Result<Vec<u32>, StoreError> {
        let lengths = Mutex::new(vec![0u32; self.accession.records() as usize]);
        self.each_unit(0, &|first, texts| {
            let mut held = lengths.lock().unwrap_or_else(PoisonError::into_inner);
            for (slot, text) in held[first as usize..].iter_mut().zip(texts) {
                *slot = text.len() as u32;
            }
            Ok(())
        })?;
        Ok(lengths.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn write_records(&self, places: &[Place], scratch: &File) -> Result<(), StoreError> {
        self.each_unit(self.accession.records(), &|first, texts| {
            let from = places.partition_point(|(ordinal, _)| *ordinal < first);
            let mine = places[from..].iter().take_while(|(ordinal, _)| *ordinal < first + texts.len() as u64);
            for (ordinal, at) in mine {
                scratch.write_all_at(&texts[(ordinal - first) as usize], *at).map_err(scratch_fault)?;
            }
            Ok(())
        })
    }

    /// The record with these very bytes, if an earlier accession of the same source holds it.
    fn earlier(&self, text: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let mut tokenizer = Tokenizer::default();
        if tokenizer.cut(text).is_err() {
            return Ok(None);
        }
        let Ok(shape) = Shape::new(&tokenizer.template) else { return Ok(None) };
        let source = &self.accession.source_system;
        let id = shape.id_leaf().map(|i| &tokenizer.leaves[i]);
        let name = match id.map(|leaf| leaf_text(&text[leaf.start as usize..leaf.end as usize])) {
            Some(id) if is_true_uuid(&id) => id.into_owned(),
            Some(id) => archive_id(source, shape.kind().name(), &id).as_str().to_string(),
            None => super::id_of_bytes(source, shape.kind(), text).as_str().to_string(),
        };
        for accession in self.earlier.iter().filter(|a| a.source_system == *source) {
            for found in accession.find(shape.kind(), &name)? {
                let held = accession.original(found)?;
                if held == text {
                    return Ok(Some(held));
                }
            }
        }
        Ok(None)
    }

    /// Restores all records on all cores, frame by frame: `work` gets the first ordinal and the texts.
    fn each_unit(&self, before: u64, work: FrameWork<'_>) -> Result<(), StoreError> {
        let units = units(self.accession);
        let (next, done, of) = (AtomicUsize::new(0), AtomicU64::new(before), 2 * self.accession.records());
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..self.threads.max(1))
                .map(|_| {
                    scope.spawn(|| -> Result<(), StoreError> {
                        while let Some(unit) = units.get(next.fetch_add(1, Ordering::Relaxed)) {
                            let mut restorer = Restorer::new(self.accession, unit.part);
                            for number in unit.frames.clone() {
                                let frame = self.accession.frame(number, true)?;
                                restorer.next = frame.document_base();
                                let mut texts = Vec::with_capacity(frame.len());
                                for index in 0..frame.len() {
                                    let mut text = Vec::new();
                                    restorer.text(&frame, index, &mut text)?;
                                    texts.push(text);
                                }
                                work(frame.first_ordinal(), &texts)?;
                                let records = texts.len() as u64;
                                (self.progress)(done.fetch_add(records, Ordering::Relaxed) + records, of);
                            }
                        }
                        Ok(())
                    })
                })
                .collect();
            workers.into_iter().try_for_each(|w| w.join().map_err(|_| StoreError::Refused("a worker panicked".into()))?)
        })
    }
}

/// Lays the files out one behind the other in the temporary file: writes what is no record, notes where records go.
/// Rows of the ledger pass by once, in the order of files and items.
struct FileLayout<'a> {
    rebuild: &'a Rebuild<'a>,
    lengths: &'a [u32],
    scratch: &'a File,
    places: Vec<Place>,
    at: u64,
    open: Option<OpenFile<'a>>,
    spans: Vec<Extent>,
}

/// A file in work.
struct OpenFile<'a> {
    delivered: Option<&'a Delivered>,
    start: u64,
    separators: Vec<(u64, Vec<u8>)>,
    /// Run of separators in use, and how often it stands yet.
    run: usize,
    left: u64,
    /// The content on disk, where it is needed to learn which record of an earlier delivery is repeated.
    source: Option<File>,
    failed: Option<String>,
}

/// Begin and end of a file in the temporary file, or why it cannot be rebuilt.
type Extent = Result<(u64, u64), String>;

impl<'a> FileLayout<'a> {
    fn lay_out(&mut self) -> Result<(), StoreError> {
        let rebuild = self.rebuild;
        let mut item: Vec<LedgerRow> = Vec::new();
        let mut done = Ok(());
        read_rows(&rebuild.accession.paths.ledger(), |row| {
            if done.is_err() {
                return;
            }
            if item.first().is_some_and(|first| first.item != row.item) {
                done = self.item(&item);
                item.clear();
            }
            item.push(row);
        })?;
        done?;
        self.item(&item)?;
        while self.spans.len() < rebuild.files.len() {
            if self.open.is_none() {
                self.open_next()?;
            }
            self.close();
        }
        Ok(())
    }

    /// Opens the file after the ones that are done.
    fn open_next(&mut self) -> Result<(), StoreError> {
        let accession = self.rebuild.accession;
        let (file, delivered) = self.rebuild.files[self.spans.len()];
        let unreadable = |_| StoreError::damaged(&accession.paths.ledger_files(), 0, "bytes between items cannot be read");
        let mut separators = Vec::with_capacity(file.separators.len());
        for (count, text) in &file.separators {
            separators.push((*count, BASE64.decode(text).map_err(unreadable)?));
        }
        let left = separators.first().map_or(0, |(count, _)| *count);
        self.open = Some(OpenFile { delivered, start: self.at, separators, run: 0, left, source: None, failed: None });
        self.put(&BASE64.decode(&file.lead).map_err(unreadable)?)?;
        let pieces = file.document.into_iter().flat_map(|first| first..first + file.pieces);
        pieces.map(|piece| accession.kept(piece)).try_for_each(|bytes| self.put(&bytes?))
    }

    fn close(&mut self) {
        if let Some(open) = self.open.take() {
            self.spans.push(open.failed.map_or(Ok((open.start, self.at)), Err));
        }
    }

    /// Takes all rows of one item.
    fn item(&mut self, rows: &[LedgerRow]) -> Result<(), StoreError> {
        let files = &self.rebuild.files;
        let Some(item) = rows.first().map(|row| row.item) else { return Ok(()) };
        let Some(at) = files.partition_point(|(f, _)| f.first_item <= item).checked_sub(1) else { return Ok(()) };
        // A file that is kept whole is not put together from its records.
        if item >= files[at].0.first_item + files[at].0.items || files[at].0.document.is_some() {
            return Ok(());
        }
        while self.spans.len() < at || self.open.is_none() {
            self.close();
            self.open_next()?;
        }
        for piece in self.pieces(rows)? {
            match piece {
                Piece::Bytes(bytes) => self.put(&bytes)?,
                Piece::Record(ordinal) => {
                    self.places.push((ordinal, self.at));
                    self.at += u64::from(self.lengths.get(ordinal as usize).copied().unwrap_or(0));
                }
                Piece::Earlier => self.put_earlier(item)?,
            }
        }
        self.put_separator()
    }

    fn put_separator(&mut self) -> Result<(), StoreError> {
        let Some(open) = &mut self.open else { return Ok(()) };
        while open.left == 0 && open.run + 1 < open.separators.len() {
            open.run += 1;
            open.left = open.separators[open.run].0;
        }
        if open.left == 0 {
            return Ok(());
        }
        open.left -= 1;
        let text = &open.separators[open.run].1;
        self.scratch.write_all_at(text, self.at).map_err(scratch_fault)?;
        self.at += text.len() as u64;
        Ok(())
    }

    /// Puts a record that the ledger says lies in an earlier accession: the delivered file shows which one it is.
    fn put_earlier(&mut self, item: u64) -> Result<(), StoreError> {
        let Some(open) = &mut self.open else { return Ok(()) };
        let Some(delivered) = open.delivered else {
            open.failed.get_or_insert_with(|| "it repeats records of an earlier delivery".into());
            return Ok(());
        };
        let source = match &open.source {
            Some(source) => source,
            None => open.source.insert(content(delivered)?),
        };
        let found = match value_at(source, self.at - open.start).map_err(StoreError::read(&delivered.path))? {
            Some(text) => self.rebuild.earlier(&text)?,
            None => None,
        };
        match found {
            Some(text) => self.put(&text),
            None => {
                open.failed.get_or_insert(format!("item {item} repeats a record that no earlier accession holds"));
                Ok(())
            }
        }
    }

    /// What an item is made of: one record or kept text, or a Bundle's envelope with its entries.
    fn pieces(&self, rows: &[LedgerRow]) -> Result<Vec<Piece>, StoreError> {
        let accession = self.rebuild.accession;
        let ledger = accession.paths.ledger();
        let damaged = |what: &str| StoreError::damaged(&ledger, 0, what);
        let piece = |row: &LedgerRow| -> Result<Piece, StoreError> {
            match (row.ordinal, row.document) {
                (Some(ordinal), _) => Ok(Piece::Record(ordinal)),
                (None, Some(document)) => Ok(Piece::Bytes(accession.kept(document)?)),
                (None, None) => Ok(Piece::Earlier),
            }
        };
        let (first, entries) = rows.split_first().ok_or_else(|| damaged("an item has no row"))?;
        if first.outcome != "envelope" {
            return Ok(vec![piece(first)?]);
        }
        let envelope = accession.kept(first.document.ok_or_else(|| damaged("an envelope was not kept"))?)?;
        let texts: Vec<&[u8]> = envelope.split(|b| *b == 0).collect();
        if texts.len() != entries.len() + 1 {
            return Err(damaged("an envelope has another number of entries than rows"));
        }
        let mut pieces = vec![Piece::Bytes(texts[0].to_vec())];
        for (row, text) in entries.iter().zip(&texts[1..]) {
            pieces.push(piece(row)?);
            pieces.push(Piece::Bytes(text.to_vec()));
        }
        Ok(pieces)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.scratch.write_all_at(bytes, self.at).map_err(scratch_fault)?;
        self.at += bytes.len() as u64;
        Ok(())
    }
}

fn scratch_fault(error: std::io::Error) -> StoreError {
    StoreError::Refused(format!("the temporary file for rebuilding cannot be written: {error}"))
}

/// A file without a name, beside the archive, or where temporary files lie when nothing may be written there.
fn scratch_file(beside: &Path) -> Result<File, StoreError> {
    let dir = beside.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    tempfile::tempfile_in(dir).or_else(|_| tempfile::tempfile()).map_err(scratch_fault)
}

fn hash_range(file: &File, start: u64, end: u64) -> std::io::Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0u8; 1 << 20];
    let mut at = start;
    while at < end {
        let length = buffer.len().min((end - at) as usize);
        file.read_exact_at(&mut buffer[..length], at)?;
        hash.update(&buffer[..length]);
        at += length as u64;
    }
    Ok(hex(&hash.finalize()))
}

/// Opens a delivered file through its packing, which is told from its first bytes.
fn open_content(path: &Path, is_packed: bool) -> Result<Box<dyn std::io::Read>, StoreError> {
    let file = File::open(path).map_err(StoreError::read(path))?;
    let mut head = [0u8; 4];
    let packing = if is_packed && file.read_exact_at(&mut head, 0).is_ok() { head } else { [0; 4] };
    Ok(match packing {
        [0x1f, 0x8b, ..] => Box::new(flate2::read::MultiGzDecoder::new(std::io::BufReader::with_capacity(1 << 20, file))),
        [0x28, 0xb5, 0x2f, 0xfd] => Box::new(zstd::stream::read::Decoder::new(file).map_err(StoreError::read(path))?),
        _ => Box::new(file),
    })
}

/// The content of a delivered file, unpacked.
fn content(delivered: &Delivered) -> Result<File, StoreError> {
    let mut unpacked = tempfile::tempfile().map_err(scratch_fault)?;
    let mut source = open_content(&delivered.path, true)?;
    std::io::copy(&mut source, &mut unpacked).map_err(StoreError::read(&delivered.path))?;
    Ok(unpacked)
}

/// The JSON text that begins at a place of a file; `None` when none does.
fn value_at(file: &File, at: u64) -> std::io::Result<Option<Vec<u8>>> {
    let length = file.metadata()?.len().saturating_sub(at);
    let mut window = 64 << 10;
    loop {
        let mut bytes = vec![0u8; length.min(window) as usize];
        file.read_exact_at(&mut bytes, at)?;
        let mut values = serde_json::Deserializer::from_slice(&bytes).into_iter::<serde::de::IgnoredAny>();
        if matches!(values.next(), Some(Ok(_))) {
            let end = values.byte_offset();
            bytes.truncate(end);
            return Ok(Some(bytes));
        }
        if window >= length || window > limits::RECORD_BYTES_MAX as u64 {
            return Ok(None);
        }
        window *= 8;
    }
}

/// SHA-256 of the content of a delivered file on disk.
fn on_disk(file: &FileRecord, delivered: &Delivered) -> Result<String, String> {
    digest(&mut open_content(&delivered.path, file.packing != "plain").map_err(|e| e.to_string())?)
}

fn digest(source: &mut dyn std::io::Read) -> Result<String, String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0u8; 1 << 20];
    loop {
        match source.read(&mut buffer) {
            Ok(0) => return Ok(hex(&hash.finalize())),
            Ok(count) => hash.update(&buffer[..count]),
            Err(error) => return Err(format!("cannot be read: {error}")),
        }
    }
}

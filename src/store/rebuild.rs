//! Rebuilding delivered files, byte for byte, from the archive: the custody proof that needs no trust in the ingest.
//!
//! Charts stand in another order than files. A first pass over the charts learns how long each record is, the ledger
//! says which record stands where, and a second pass writes each record at its places in a temporary file, which is then
//! hashed file by file.
//!
//! Not for: exporting records (`query`): what is rebuilt is compared and thrown away.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use ahash::AHashMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest, Sha256};

use super::ledger::{FileRecord, LedgerRow, read_rows};
use super::manifest::hex;
use super::restore::{Restorer, units};
use super::verify::Finding;
use super::{Accession, StoreError};
use crate::formats::fhir::{Role, Shape, Tokenizer};
use crate::model::{archive_id, is_true_uuid};

/// A file as it lies on disk.
#[derive(Clone, Debug)]
pub struct Delivered {
    /// Its name in the delivery.
    pub name: String,
    pub path: PathBuf,
    pub bytes: u64,
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
    let mut matched = vec![false; delivered.len()];
    let by_name: AHashMap<&str, usize> = delivered.iter().enumerate().map(|(i, d)| (d.name.as_str(), i)).collect();
    for (number, accession) in accessions.iter().enumerate() {
        let wanted: Vec<(&FileRecord, usize)> =
            accession.files.iter().filter_map(|f| Some((f, *by_name.get(f.name.as_str())?))).collect();
        // Of several deliveries with equal names the one is meant whose files are alike on disk.
        let alike = |(file, at): &(&FileRecord, usize)| file.bytes == delivered[*at].bytes;
        if wanted.is_empty() || (accessions.len() > 1 && !wanted.iter().any(alike)) {
            continue;
        }
        wanted.iter().for_each(|(_, at)| matched[*at] = true);
        let files = wanted.into_iter().map(|(file, at)| (file, &delivered[at])).collect();
        let rebuild = Rebuild { accession, earlier: &accessions[..number], files, threads, progress };
        rebuild.run(beside, &mut outcome)?;
    }
    for (file, _) in delivered.iter().zip(matched).filter(|(_, matched)| !matched) {
        outcome.findings.push(wrong(file, "no accession holds a delivered file of this name"));
    }
    Ok(outcome)
}

fn wrong(file: &Delivered, what: impl Into<String>) -> Finding {
    Finding { file: file.path.display().to_string(), offset: None, what: what.into() }
}

struct Rebuild<'a> {
    accession: &'a Accession,
    /// Accessions before it, in which records may lie that it repeats.
    earlier: &'a [Accession],
    files: Vec<(&'a FileRecord, &'a Delivered)>,
    threads: usize,
    progress: &'a (dyn Fn(u64, u64) + Sync),
}

/// Where a record has to be written.
type Place = (u64, u64);

impl Rebuild<'_> {
    fn run(&self, beside: &Path, outcome: &mut Outcome) -> Result<(), StoreError> {
        let lengths = self.lengths()?;
        let scratch = scratch_file(beside)?;
        let mut layout = FileLayout { rebuild: self, lengths: &lengths, scratch: &scratch, places: Vec::new(), at: 0 };
        let spans = layout.lay_out()?;
        let mut places = layout.places;
        places.sort_unstable();
        self.write_records(&places, &scratch)?;
        for ((file, delivered), span) in self.files.iter().zip(spans) {
            match span {
                Err(what) => outcome.findings.push(wrong(delivered, what)),
                Ok((start, end)) => {
                    let rebuilt = hash_range(&scratch, start, end).map_err(StoreError::write(beside))?;
                    match on_disk(file, delivered) {
                        Err(what) => outcome.findings.push(wrong(delivered, what)),
                        Ok(held) if held == rebuilt => outcome.same += 1,
                        Ok(_) => outcome.findings.push(wrong(delivered, "the file rebuilt from the archive differs")),
                    }
                }
            }
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

    /// Restores all records on all cores, frame by frame: `work` gets the first ordinal and the texts.
    fn each_unit(
        &self,
        before: u64,
        work: &(dyn Fn(u64, &[Vec<u8>]) -> Result<(), StoreError> + Sync),
    ) -> Result<(), StoreError> {
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
struct FileLayout<'a> {
    rebuild: &'a Rebuild<'a>,
    lengths: &'a [u32],
    scratch: &'a File,
    places: Vec<Place>,
    at: u64,
}

/// Begin and end of a file in the temporary file, or why it cannot be rebuilt.
type Span = Result<(u64, u64), String>;

impl FileLayout<'_> {
    fn lay_out(&mut self) -> Result<Vec<Span>, StoreError> {
        let mut rows = self.rows()?;
        let mut spans = Vec::new();
        for (file, delivered) in &self.rebuild.files {
            let start = self.at;
            let mine = rows.remove(&file.first_item).unwrap_or_default();
            let done = self.file(file, delivered, mine)?;
            spans.push(done.map(|()| (start, self.at)));
        }
        Ok(spans)
    }

    /// Rows of the wanted files, by the files' first items.
    fn rows(&self) -> Result<AHashMap<u64, Vec<LedgerRow>>, StoreError> {
        let mut wanted: Vec<&FileRecord> = self.rebuild.files.iter().map(|(f, _)| *f).filter(|f| f.items > 0).collect();
        wanted.sort_by_key(|f| f.first_item);
        let mut rows: AHashMap<u64, Vec<LedgerRow>> = AHashMap::new();
        read_rows(&self.rebuild.accession.paths.ledger(), |mut row| {
            let Some(at) = wanted.partition_point(|f| f.first_item <= row.item).checked_sub(1) else { return };
            let file = wanted[at];
            if row.item < file.first_item + file.items {
                // Texts are not needed any more, and rows are many.
                (row.kind, row.reason) = (String::new(), None);
                rows.entry(file.first_item).or_default().push(row);
            }
        })?;
        Ok(rows)
    }

    fn file(&mut self, file: &FileRecord, delivered: &Delivered, rows: Vec<LedgerRow>) -> Result<Result<(), String>, StoreError> {
        let unreadable =
            |_| StoreError::damaged(&self.rebuild.accession.paths.ledger_files(), 0, "bytes between items cannot be read");
        let lead = BASE64.decode(&file.lead).map_err(unreadable)?;
        let mut separators = Vec::with_capacity(file.separators.len());
        for (count, text) in &file.separators {
            separators.push((*count, BASE64.decode(text).map_err(unreadable)?));
        }
        let start = self.at;
        self.put(&lead)?;
        if let Some(document) = file.document {
            let kept = self.rebuild.accession.kept(document)?;
            self.put(&kept)?;
            return Ok(Ok(()));
        }
        let mut source: Option<Vec<u8>> = None;
        let mut rows = rows.into_iter().peekable();
        let (mut run, mut left) = (0, separators.first().map_or(0, |(count, _)| *count));
        for item in file.first_item..file.first_item + file.items {
            let mut of_item = Vec::new();
            while let Some(row) = rows.next_if(|row| row.item == item) {
                of_item.push(row);
            }
            for piece in self.pieces(&of_item)? {
                match piece {
                    Piece::Bytes(bytes) => self.put(&bytes)?,
                    Piece::Record(ordinal) => {
                        self.places.push((ordinal, self.at));
                        self.at += u64::from(self.lengths.get(ordinal as usize).copied().unwrap_or(0));
                    }
                    Piece::Earlier => {
                        if source.is_none() {
                            source = Some(content(delivered)?);
                        }
                        let rest = source.as_deref().and_then(|s| s.get((self.at - start) as usize..));
                        match self.earlier(rest.unwrap_or_default())? {
                            Some(text) => self.put(&text)?,
                            None => return Ok(Err(format!("item {item} repeats a record that no earlier accession holds"))),
                        }
                    }
                }
            }
            while left == 0 && run + 1 < separators.len() {
                run += 1;
                left = separators[run].0;
            }
            if left > 0 {
                left -= 1;
                let text = std::mem::take(&mut separators[run].1);
                self.put(&text)?;
                separators[run].1 = text;
            }
        }
        Ok(Ok(()))
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

    /// The record at the beginning of `rest`, if an earlier accession of the same source holds these very bytes.
    fn earlier(&self, rest: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<serde::de::IgnoredAny>();
        let Some(Ok(_)) = values.next() else { return Ok(None) };
        let text = &rest[..values.byte_offset()];
        let mut tokenizer = Tokenizer::default();
        let Ok(shape) = tokenizer.cut(text).map_err(|_| ()).and_then(|()| Shape::new(&tokenizer.template).map_err(|_| ())) else {
            return Ok(None);
        };
        let source = &self.rebuild.accession.source_system;
        let id = shape.roles().iter().position(|r| *r == Role::Id).map(|i| &tokenizer.leaves[i]);
        let name = match id.map(|leaf| crate::formats::fhir::leaf_text(&text[leaf.start as usize..leaf.end as usize])) {
            Some(id) if is_true_uuid(&id) => id.into_owned(),
            Some(id) => archive_id(source, shape.kind().name(), &id).as_str().to_string(),
            None => super::id_of_bytes(source, shape.kind(), text).as_str().to_string(),
        };
        for accession in self.rebuild.earlier.iter().filter(|a| a.source_system == *source) {
            for found in accession.find(shape.kind(), &name)? {
                let held = accession.original(found)?;
                if held == text {
                    return Ok(Some(held));
                }
            }
        }
        Ok(None)
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

fn content(delivered: &Delivered) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut open_content(&delivered.path, true)?, &mut bytes)
        .map_err(StoreError::read(&delivered.path))?;
    Ok(bytes)
}

/// SHA-256 of the content of a delivered file on disk.
fn on_disk(file: &FileRecord, delivered: &Delivered) -> Result<String, String> {
    let mut source = open_content(&delivered.path, file.packing != "plain").map_err(|e| e.to_string())?;
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

//! From patients to files: threads make runs of patients, one writer puts them on disk in order.
//!
//! Not for: what a patient is made of.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::damage::{self, Fate};
use super::hospital::Hospital;
use super::manifest::{FILE_NAME, Manifest, Planted, Tally};
use super::sink::{Sink, Type};
use super::{Options, SynthError, chart, people, plants, registration};

/// Patients in a run: some MB of lines either way.
const RUN: u64 = 16;
const RUN_PATIENTS_ONLY: u64 = 2048;

pub(super) fn write(dir: &Path, options: &Options, threads: usize) -> Result<Manifest, SynthError> {
    let mut delivery = Delivery::create(dir, options)?;
    let hospital = Hospital::new(options.seed);
    if !options.patients_only {
        let mut shared = Sink::default();
        hospital.write(&mut shared);
        delivery.put(shared)?;
    }
    std::thread::scope(|scope| {
        let runs: Vec<Receiver<Sink>> = (0..threads)
            .map(|worker| {
                let (sender, receiver) = sync_channel(1);
                let hospital = &hospital;
                scope.spawn(move || make(options, hospital, worker, threads, &sender));
                receiver
            })
            .collect();
        // Run number k comes from worker k mod threads, so taking turns keeps the order, and a worker that is ahead
        // waits. A worker that has no more runs hangs up.
        for receiver in runs.iter().cycle() {
            match receiver.recv() {
                Ok(sink) => delivery.put(sink)?,
                Err(_) => break,
            }
        }
        Ok(())
    })?;
    if options.releases && options.patients > 0 && !options.patients_only {
        let last = options.patients - 1;
        delivery.plant(last, plants::lines(options.seed, &people::person(options.seed, last)))?;
    }
    if options.damage && options.patients > 0 {
        delivery.spoil(options, &hospital)?;
    }
    delivery.finish(options)
}

/// One worker's share: every `threads`-th run. Ends early when the writer has gone away.
fn make(options: &Options, hospital: &Hospital, worker: usize, threads: usize, sender: &SyncSender<Sink>) {
    let run = if options.patients_only { RUN_PATIENTS_ONLY } else { RUN };
    let starts = (0..options.patients).step_by(run as usize).skip(worker).step_by(threads);
    for start in starts {
        let mut sink = Sink::default();
        for index in start..(start + run).min(options.patients) {
            one(options, hospital, index, &mut sink);
        }
        if sender.send(sink).is_err() {
            return;
        }
    }
}

pub(super) fn one(options: &Options, hospital: &Hospital, index: u64, sink: &mut Sink) {
    let person = people::person(options.seed, index);
    if options.patients_only {
        registration::patient(&person, sink);
    } else {
        let giant = options.giant_patient.filter(|_| index == 0);
        chart::write(options.seed, &person, hospital, giant, sink);
    }
}

/// The open files of a delivery.
struct Delivery {
    dir: PathBuf,
    files: BTreeMap<Type, BufWriter<File>>,
    tally: Tally,
}

impl Delivery {
    fn create(dir: &Path, options: &Options) -> Result<Delivery, SynthError> {
        folder(dir)?;
        Ok(Delivery { dir: dir.to_path_buf(), files: BTreeMap::new(), tally: Tally::new(options) })
    }

    fn put(&mut self, mut sink: Sink) -> Result<(), SynthError> {
        for (kind, lines) in Type::ALL.iter().zip(&sink.files) {
            if lines.count > 0 {
                self.append(*kind, &lines.json.bytes)?;
                self.tally.lines(&file_name(*kind), Some(kind.name()), lines.count);
                self.tally.manifest.ledger.archived += lines.count;
            }
        }
        for (path, bytes) in sink.attachments.drain(..) {
            let path = self.dir.join(path);
            create(&path)?.write_all(&bytes).map_err(|e| failed(&path, e))?;
            self.tally.manifest.documents += 1;
            self.tally.manifest.bytes += bytes.len() as u64;
        }
        self.tally.absorb(&mut sink);
        Ok(())
    }

    fn append(&mut self, kind: Type, bytes: &[u8]) -> Result<(), SynthError> {
        let path = self.dir.join(file_name(kind));
        self.tally.manifest.bytes += bytes.len() as u64;
        let file = match self.files.entry(kind) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(place) => place.insert(BufWriter::with_capacity(1 << 16, create(&path)?)),
        };
        file.write_all(bytes).map_err(|e| failed(&path, e))
    }

    /// Adds the planted damage, which concerns the last patient.
    fn spoil(&mut self, options: &Options, hospital: &Hospital) -> Result<(), SynthError> {
        let last = options.patients - 1;
        let person = people::person(options.seed, last);
        let mut made = Sink::default();
        one(&Options { giant_patient: None, ..options.clone() }, hospital, last, &mut made);
        self.plant(last, damage::lines(options.seed, &person, &made, options.patients_only))
    }

    /// Adds lines about a patient at the ends of their files.
    fn plant(&mut self, patient: u64, lines: Vec<damage::Line>) -> Result<(), SynthError> {
        for line in lines {
            let file = file_name(line.file);
            self.append(line.file, &line.bytes)?;
            if !line.cut {
                self.append(line.file, b"\n")?;
            }
            self.tally.lines(&file, line.typed.then(|| line.file.name()), 1);
            let manifest = &mut self.tally.manifest;
            let (count, fate) = match line.fate {
                Fate::Archived => (&mut manifest.ledger.archived, "archived"),
                Fate::Duplicate => (&mut manifest.ledger.duplicate, "duplicate"),
                Fate::Quarantined => (&mut manifest.ledger.quarantined, "quarantined"),
            };
            *count += 1;
            manifest.restricted += u64::from(line.labelled);
            let number = manifest.files[&file];
            let planted = Planted { what: line.what.into(), file, line: number, fate: fate.into(), id: line.id };
            manifest.damage.push(planted);
            if line.new {
                self.tally.count_for(patient, line.file);
            }
        }
        Ok(())
    }

    fn finish(self, options: &Options) -> Result<Manifest, SynthError> {
        for (kind, file) in self.files {
            let path = self.dir.join(file_name(kind));
            file.into_inner().map_err(|e| failed(&path, e.into_error()))?;
        }
        write_manifest(&self.dir, self.tally.finish(options))
    }
}

/// Writes what a delivery says about itself, last of all.
pub(super) fn write_manifest(dir: &Path, manifest: Manifest) -> Result<Manifest, SynthError> {
    let path = dir.join(FILE_NAME);
    let mut file = BufWriter::new(create(&path)?);
    serde_json::to_writer_pretty(&mut file, &manifest).map_err(|e| failed(&path, e.into()))?;
    file.write_all(b"\n").and_then(|()| file.flush()).map_err(|e| failed(&path, e))?;
    Ok(manifest)
}

fn file_name(kind: Type) -> String {
    format!("{}.ndjson", kind.name())
}

/// Makes a new folder, or sees that the one there is empty.
pub(super) fn folder(dir: &Path) -> Result<(), SynthError> {
    fs::create_dir_all(dir).map_err(|e| failed(dir, e))?;
    match fs::read_dir(dir).map_err(|e| failed(dir, e))?.next() {
        Some(_) => Err(SynthError::NotEmpty(dir.to_path_buf())),
        None => Ok(()),
    }
}

/// Creates a file that must not exist, in a folder that may not exist yet. A made-up delivery can be made again: it is
/// not synced.
pub(super) fn create(path: &Path) -> Result<File, SynthError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|e| failed(folder, e))?;
    }
    File::create_new(path).map_err(|e| failed(path, e))
}

pub(super) fn failed(path: &Path, source: std::io::Error) -> SynthError {
    SynthError::Io { path: path.to_path_buf(), source }
}

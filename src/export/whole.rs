//! Many patients, part by part: each part is written whole or not at all, and knows nothing of the others.
//!
//! Not for: which parts there are (`query`), or what a program asked for (`server::fhir::bulk`).

use std::path::Path;

use super::files::{FileEntry, Lines, ending, folder, join, put, shown};
use super::{ExportError, Listing};
use crate::access::{GateError, Permit, Shown, is_directory};
use crate::durable;
use crate::limits::EXPORT_FILE_BYTES;
use crate::model::{ArchiveId, DocumentId, Kind, PatientKey, Record};
use crate::query::{Archive, QueryError, WholePart};

/// Patients and records that one entry of the audit log names at most, more or less: a chart is not cut.
const PATIENTS_AT_A_TIME: usize = 64;
const RECORDS_AT_A_TIME: usize = 2_000;
/// Bytes of documents that wait for one entry.
const DOCUMENT_BYTES_AT_A_TIME: usize = 16 << 20;

/// A part of the work.
#[derive(Clone, Debug)]
pub enum Part {
    /// As the archive is cut.
    Cut(WholePart),
    /// These patients.
    Named(Vec<PatientKey>),
}

/// A record as it is written.
pub struct Shaped {
    pub line: Vec<u8>,
    /// Patients whom the line names beside those of the record, for the entry.
    pub also: Vec<PatientKey>,
}

/// Asks the gate for leave, anew for each entry.
pub type Ask<'a> = &'a dyn Fn() -> Result<Permit, GateError>;
/// Puts a record into the form in which it leaves; `None` leaves it out.
pub type Shape<'a> = &'a dyn Fn(&Permit, &Record) -> Result<Option<Shaped>, QueryError>;

/// How to write the parts of an export.
pub struct Whole<'a> {
    pub archive: &'a Archive,
    /// Of this source system alone.
    pub source: Option<&'a str>,
    /// Of these types alone; empty: of all.
    pub kinds: &'a [Kind],
    /// Of the records that name no patient only those that say who and where.
    pub directory_only: bool,
    pub with_documents: bool,
    pub ask: Ask<'a>,
    pub shape: Shape<'a>,
    /// For the audit entries: which export, in words.
    pub about: &'a str,
    /// Whether to go on.
    pub goes_on: &'a dyn Fn() -> bool,
}

/// Records that wait for their entry.
#[derive(Default)]
struct Batch {
    lines: Vec<(Kind, Vec<u8>)>,
    shown: Option<Shown>,
    patients: usize,
    /// Records with documents.
    holders: Vec<Record>,
}

impl Whole<'_> {
    /// Writes one part below `dir` and gives what it wrote. Whatever an earlier run left of it is overwritten.
    pub fn write(&self, part: &Part, number: usize, dir: &Path) -> Result<Listing, ExportError> {
        folder(dir, "fhir")?;
        let name = move |kind: Kind, file: u32| match file {
            1 => format!("fhir/{kind}.{number:05}.ndjson"),
            _ => format!("fhir/{kind}.{number:05}-{file}.ndjson"),
        };
        let mut lines = Lines::new(dir, EXPORT_FILE_BYTES, &name);
        let mut documents = Vec::new();
        let mut missing = Vec::new();
        let mut flush = |batch: &mut Batch, permit: Permit| -> Result<(), ExportError> {
            let batch = std::mem::take(batch);
            documents.extend(self.flush(batch, permit, number, dir, &mut lines)?);
            Ok(())
        };
        match part {
            Part::Cut(cut) if !cut.is_of_patients() => self.nobodys(cut, &mut flush)?,
            Part::Cut(cut) => {
                let permit = (self.ask)()?;
                let patients = self.archive.patients_of_part(&permit, cut, self.source)?;
                self.patients(&patients, permit, &mut flush, &mut |_| {})?;
            }
            Part::Named(patients) => {
                self.patients(patients, (self.ask)()?, &mut flush, &mut |key| missing.push(key.to_string()))?;
            }
        }
        let mut files = lines.finish()?;
        files.extend(documents);
        Ok(Listing { files, left_out: missing })
    }

    fn patients(
        &self,
        patients: &[PatientKey],
        permit: Permit,
        flush: &mut dyn FnMut(&mut Batch, Permit) -> Result<(), ExportError>,
        missing: &mut dyn FnMut(&PatientKey),
    ) -> Result<(), ExportError> {
        let mut batch = Batch::default();
        let mut held = Some(permit);
        for key in patients {
            self.check()?;
            let permit = match held.take() {
                Some(permit) => permit,
                None => (self.ask)()?,
            };
            let of_source = |record: &Record| self.source.is_none_or(|source| *record.source_system == *source);
            match self.archive.compartment(&permit, key, self.kinds) {
                Ok(records) => self.add(&permit, records.into_iter().filter(of_source).collect(), &mut batch)?,
                // Not there and not to be seen are the same.
                Err(QueryError::NotFound) => missing(key),
                Err(error) => return Err(error.into()),
            }
            batch.patients += 1;
            if batch.patients >= PATIENTS_AT_A_TIME || batch.lines.len() >= RECORDS_AT_A_TIME {
                flush(&mut batch, permit)?;
            } else {
                held = Some(permit);
            }
        }
        held.map_or(Ok(()), |permit| flush(&mut batch, permit))
    }

    fn nobodys(
        &self,
        cut: &WholePart,
        flush: &mut dyn FnMut(&mut Batch, Permit) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        let directory: Vec<Kind>;
        let kinds = match self.directory_only {
            false => self.kinds,
            true => {
                let is_wanted = |kind: &Kind| is_directory(*kind) && (self.kinds.is_empty() || self.kinds.contains(kind));
                directory = Kind::all().filter(is_wanted).collect();
                if directory.is_empty() {
                    return Ok(());
                }
                &directory
            }
        };
        let mut from = cut.start();
        loop {
            self.check()?;
            let permit = (self.ask)()?;
            let Some((records, next)) = self.archive.nobodys(&permit, cut, from, kinds)? else {
                permit.answer((), Shown { event: "export.bulk.file", hits: Some(0), ..Shown::default() })?;
                return Ok(());
            };
            from = next;
            let mut batch = Batch::default();
            self.add(&permit, records, &mut batch)?;
            flush(&mut batch, permit)?;
        }
    }

    fn add(&self, permit: &Permit, records: Vec<Record>, batch: &mut Batch) -> Result<(), ExportError> {
        let mut kept = Vec::with_capacity(records.len());
        let mut also = Vec::new();
        for record in records {
            let Some(shaped) = (self.shape)(permit, &record)? else { continue };
            batch.lines.push((record.kind, shaped.line));
            also.extend(shaped.also);
            kept.push(record);
        }
        let mut about = shown(self.about, &kept);
        about.patients.extend(also);
        match &mut batch.shown {
            Some(before) => join(before, about),
            None => batch.shown = Some(about),
        }
        if self.with_documents {
            batch.holders.extend(kept.into_iter().filter(|record| !document_ids(&record.json).is_empty()));
        }
        Ok(())
    }

    /// Has the entry written, and then the lines, and then the documents of their records.
    fn flush(
        &self,
        batch: Batch,
        permit: Permit,
        number: usize,
        dir: &Path,
        lines: &mut Lines<'_>,
    ) -> Result<Vec<FileEntry>, ExportError> {
        let about = batch.shown.unwrap_or_else(|| shown(self.about, []));
        for (kind, line) in permit.answer(batch.lines, about)?.into_inner() {
            lines.push(kind, &line)?;
        }
        documents(self.archive, self.ask, self.about, &batch.holders, dir, &format!("documents/{number:05}"))
    }

    fn check(&self) -> Result<(), ExportError> {
        if (self.goes_on)() { Ok(()) } else { Err(ExportError::Stopped) }
    }
}

/// Writes the documents of these records as files of `below`. Each entry names the records whose documents follow it.
pub(super) fn documents(
    archive: &Archive,
    ask: Ask<'_>,
    about: &str,
    holders: &[Record],
    dir: &Path,
    below: &str,
) -> Result<Vec<FileEntry>, ExportError> {
    let mut files = Vec::new();
    let mut wanted =
        holders.iter().flat_map(|record| document_ids(&record.json).into_iter().map(move |id| (record, id))).peekable();
    if wanted.peek().is_some() {
        folder(dir, below)?;
    }
    while wanted.peek().is_some() {
        let permit = ask()?;
        let (mut found, mut records, mut bytes) = (Vec::new(), Vec::new(), 0);
        while let Some((record, id)) = (bytes < DOCUMENT_BYTES_AT_A_TIME).then(|| wanted.next()).flatten() {
            match archive.document(&permit, &id) {
                Ok(document) => {
                    bytes += document.bytes.len();
                    records.push(record);
                    found.push((record, document));
                }
                // A Binary that is a record of its own and holds no data, or one that was never delivered.
                Err(QueryError::NotFound) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let entry = shown(&format!("{about}: documents"), records);
        for (record, document) in permit.answer(found, entry)?.into_inner() {
            let path = format!("{below}/{}.{}", document.id.0, ending(&document.content_type));
            let entry = put(dir, path, &document.content_type, &document.bytes)?;
            files.push(entry.about("record", &format!("{}/{}", record.kind, record.id)).about("binary", document.id.0.as_str()));
        }
    }
    files.sort_by(|a: &FileEntry, b| a.path.cmp(&b.path));
    files.dedup_by(|a, b| a.path == b.path);
    Ok(files)
}

/// Removes what a part left that was not finished.
pub fn clear(dir: &Path, number: usize) -> Result<(), ExportError> {
    let documents = dir.join(format!("documents/{number:05}"));
    if documents.exists() {
        durable::remove_dir_all(&documents)?;
    }
    Ok(())
}

/// The documents that a record's attachments lead to.
pub(super) fn document_ids(json: &str) -> Vec<DocumentId> {
    let mut ids: Vec<DocumentId> = json
        .match_indices("\"Binary/")
        .filter_map(|(at, lead)| {
            let rest = &json[at + lead.len()..];
            ArchiveId::parse(&rest[..rest.find('"')?]).map(DocumentId)
        })
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

//! The files of an export: lines of NDJSON by type, single files, and what the manifest says of each.
//!
//! Not for: which records they hold (`whole`, `person`).

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::ExportError;
use crate::access::Shown;
use crate::durable::{self, FileDigest, NewFile};
use crate::model::{Kind, PatientKey, Record, hex};

/// Media type of records in lines.
const NDJSON: &str = "application/fhir+ndjson";

/// A file of an export.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Below the folder of the export, with `/`.
    pub path: String,
    pub bytes: u64,
    /// In hex.
    pub sha256: String,
    pub media: String,
    /// Resource type and number of its lines, for NDJSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<u64>,
    /// Where it comes from: the record of a document, the delivered file of a message.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub about: BTreeMap<String, String>,
}

impl FileEntry {
    pub fn new(path: String, media: &str, digest: FileDigest) -> FileEntry {
        let (bytes, sha256) = (digest.bytes, hex(&digest.sha256));
        FileEntry { path, bytes, sha256, media: media.into(), kind: None, records: None, about: BTreeMap::new() }
    }

    #[must_use]
    pub fn about(mut self, name: &str, value: &str) -> FileEntry {
        self.about.insert(name.into(), value.into());
        self
    }
}

/// Writes one file below `dir`, in place of what an earlier run left there.
pub(super) fn put(dir: &Path, path: String, media: &str, bytes: &[u8]) -> Result<FileEntry, ExportError> {
    let digest = durable::replace(&dir.join(&path), bytes)?;
    Ok(FileEntry::new(path, media, digest))
}

/// Files of NDJSON in the making, one for each type of record; a further one for a type whose file has grown too large.
pub struct Lines<'a> {
    dir: &'a Path,
    /// Path of the file of a type below `dir`; its number begins with 1.
    name: &'a dyn Fn(Kind, u32) -> String,
    largest: u64,
    open: BTreeMap<Kind, Open>,
    done: Vec<FileEntry>,
}

struct Open {
    file: NewFile,
    path: String,
    number: u32,
    lines: u64,
}

impl<'a> Lines<'a> {
    pub fn new(dir: &'a Path, largest: u64, name: &'a dyn Fn(Kind, u32) -> String) -> Lines<'a> {
        Lines { dir, name, largest, open: BTreeMap::new(), done: Vec::new() }
    }

    /// Adds a line without its end.
    pub fn push(&mut self, kind: Kind, line: &[u8]) -> Result<(), ExportError> {
        let is_full = |open: &Open| open.file.bytes_written() + line.len() as u64 >= self.largest && open.lines > 0;
        let number = match self.open.get(&kind) {
            Some(open) if is_full(open) => open.number + 1,
            Some(open) => open.number,
            None => 1,
        };
        if self.open.get(&kind).is_some_and(|open| open.number != number) {
            self.close(kind)?;
        }
        let open = match self.open.entry(kind) {
            std::collections::btree_map::Entry::Occupied(open) => open.into_mut(),
            std::collections::btree_map::Entry::Vacant(free) => {
                let path = (self.name)(kind, number);
                free.insert(Open { file: NewFile::create(&self.dir.join(&path))?, path, number, lines: 0 })
            }
        };
        open.file.write_all(line)?;
        open.file.write_all(b"\n")?;
        open.lines += 1;
        Ok(())
    }

    fn close(&mut self, kind: Kind) -> Result<(), ExportError> {
        let Some(open) = self.open.remove(&kind) else { return Ok(()) };
        let mut entry = FileEntry::new(open.path, NDJSON, open.file.finish()?);
        (entry.kind, entry.records) = (Some(kind.name().into()), Some(open.lines));
        self.done.push(entry);
        Ok(())
    }

    /// The files, by path.
    pub fn finish(mut self) -> Result<Vec<FileEntry>, ExportError> {
        for kind in self.open.keys().copied().collect::<Vec<_>>() {
            self.close(kind)?;
        }
        self.done.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(self.done)
    }
}

/// A resource as one line. Raw ends of lines can only stand between its tokens.
pub fn line_of(json: &[u8]) -> Vec<u8> {
    json.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }).collect()
}

/// The audit entry's account of these records.
pub fn shown<'r>(about: &str, records: impl IntoIterator<Item = &'r Record>) -> Shown {
    let mut shown = Shown { event: "export.bulk.file", query: Some(about.into()), ..Shown::default() };
    let mut patients: Vec<PatientKey> = Vec::new();
    for record in records {
        shown.places.push(record.place.clone());
        shown.label = shown.label.union(record.label);
        shown.kinds.push(record.kind);
        if record.patient.is_some() && patients.last() != record.patient.as_ref() {
            patients.extend(record.patient.clone());
        }
    }
    shown.kinds.sort_unstable();
    shown.kinds.dedup();
    patients.sort_unstable();
    patients.dedup();
    shown.hits = Some(shown.places.len() as u64);
    shown.patients = patients;
    shown
}

/// Adds what another account says to one.
pub(super) fn join(shown: &mut Shown, other: Shown) {
    shown.places.extend(other.places);
    shown.label = shown.label.union(other.label);
    shown.kinds.extend(other.kinds);
    shown.kinds.sort_unstable();
    shown.kinds.dedup();
    shown.patients.extend(other.patients);
    shown.patients.sort_unstable();
    shown.patients.dedup();
    shown.hits = Some(shown.places.len() as u64);
}

/// The ending of a file of this media type, for people who open it.
pub(super) fn ending(media: &str) -> &'static str {
    match media.split(';').next().unwrap_or("").trim().to_ascii_lowercase().as_str() {
        "application/pdf" => "pdf",
        "text/plain" => "txt",
        "text/html" => "html",
        "text/xml" | "application/xml" | "application/hl7-cda+xml" | "application/cda+xml" => "xml",
        "text/rtf" | "application/rtf" => "rtf",
        "image/jpeg" | "image/jpg" => "jpg",
        "image/png" => "png",
        "image/tiff" => "tif",
        "application/json" | "application/fhir+json" => "json",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => "docx",
        "audio/wav" | "audio/x-wav" => "wav",
        _ => "bin",
    }
}

/// A folder below the export, made when it is missing.
pub(super) fn folder(dir: &Path, name: &str) -> Result<PathBuf, ExportError> {
    let path = dir.join(name);
    durable::create_dir_all(&path)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_file_is_followed_by_the_next_and_a_line_is_never_cut() {
        let folder = tempfile::tempdir().unwrap();
        let name = |kind: Kind, number: u32| format!("{kind}.{number}.ndjson");
        let mut lines = Lines::new(folder.path(), 25, &name);
        let observation = Kind::from_name("Observation").unwrap();
        for text in ["0123456789", "0123456789", "0123456789", "a line that is longer than any file may be"] {
            lines.push(observation, text.as_bytes()).unwrap();
        }
        lines.push(Kind::PATIENT, b"p").unwrap();
        let done = lines.finish().unwrap();
        let told: Vec<_> = done.iter().map(|file| (file.path.as_str(), file.records, file.bytes)).collect();
        let expected = [
            ("Observation.1.ndjson", Some(2), 22),
            ("Observation.2.ndjson", Some(1), 11),
            ("Observation.3.ndjson", Some(1), 43),
            ("Patient.1.ndjson", Some(1), 2),
        ];
        assert_eq!(told, expected);
        assert_eq!(std::fs::read(folder.path().join("Observation.2.ndjson")).unwrap(), b"0123456789\n");
        assert_eq!(line_of(b"{\r\n \"a\": 1.50\n}"), b"{   \"a\": 1.50 }");
    }
}

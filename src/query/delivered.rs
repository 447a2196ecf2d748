//! The delivered files themselves, byte for byte, for whoever takes the whole archive over.
//!
//! They hold anything of anybody, so that the permit must hide nothing. A file that came compressed is given as its content;
//! the members of a container are not given beside it. Not for: one record's source (`origin`), or a person's (`sources`).

use std::io::{Read, Write};
use std::path::Path;

use super::QueryError;
use super::snapshot::Archive;
use crate::access::Permit;
use crate::model::AccessionId;
use crate::store::ledger::{FileRecord, PIECE_BYTES};
use crate::store::{Accession, StoreError, rebuild};

/// A delivered file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delivered {
    pub accession: AccessionId,
    pub source_system: String,
    /// Its place among the files of the accession.
    pub number: usize,
    /// Its name in the delivery, and what it was compressed with (`plain`: nothing).
    pub name: String,
    pub packing: String,
    /// Size and SHA-256 of its content, in hex.
    pub bytes: u64,
    pub sha256: String,
    /// Kept whole: it can be read by itself. Else it is put together from records.
    pub is_kept: bool,
}

/// What is done with a file's content, or with the reason why it cannot be given.
pub type TakeFile<'a> = &'a mut dyn FnMut(&Delivered, Result<&mut dyn Read, String>) -> std::io::Result<()>;

impl Archive {
    /// The delivered files, accession by accession in the order of publication. Scope: `Everything`, and nothing hidden.
    pub fn delivered(&self, permit: &Permit) -> Result<Vec<Delivered>, QueryError> {
        covers(permit)?;
        let snapshot = self.snapshot();
        Ok(snapshot.accessions.iter().flat_map(|accession| files_of(accession)).collect())
    }

    /// Writes the content of a file that is kept whole. Scope as `delivered`.
    pub fn delivered_content(&self, permit: &Permit, file: &Delivered, out: &mut dyn Write) -> Result<(), QueryError> {
        covers(permit)?;
        let snapshot = self.snapshot();
        let accession = snapshot.accession(&file.accession).ok_or(QueryError::NotFound)?;
        let record = accession.files.get(file.number).ok_or(QueryError::NotFound)?;
        for at in (0..record.content_bytes).step_by(PIECE_BYTES) {
            let bytes = accession.kept_bytes(record, at, (record.content_bytes - at).min(PIECE_BYTES as u64))?;
            out.write_all(&bytes).map_err(|error| QueryError::Unreadable(format!("a file cannot be written: {error}")))?;
        }
        Ok(())
    }

    /// Puts the other files of an accession together again and gives each to `take`. They are made in one file without a name in
    /// `scratch`. Scope as `delivered`.
    pub fn delivered_records(
        &self,
        permit: &Permit,
        accession: &AccessionId,
        scratch: &Path,
        threads: usize,
        take: TakeFile<'_>,
    ) -> Result<(), QueryError> {
        covers(permit)?;
        let snapshot = self.snapshot();
        let at = snapshot.accessions.iter().position(|held| held.id == *accession).ok_or(QueryError::NotFound)?;
        let (held, earlier) = (&snapshot.accessions[at], &snapshot.accessions[..at]);
        let listed: Vec<Delivered> = files_of(held).collect();
        let earlier = earlier.iter().map(AsRef::as_ref).collect();
        let mut given = |record: &FileRecord, content: Result<&mut dyn Read, String>| {
            match listed.iter().find(|file| file.name == record.name && !file.is_kept) {
                Some(file) => {
                    take(file, content).map_err(|error| StoreError::Refused(format!("a file cannot be written: {error}")))
                }
                // A member of a container that is kept whole.
                None => Ok(()),
            }
        };
        rebuild::restore(held, earlier, &scratch.join("scratch"), threads, &mut given)?;
        Ok(())
    }

    /// The code maps in force of each accession that has any, as its file holds them. No record content. Scope: `Everything`.
    pub fn code_maps(&self, permit: &Permit) -> Result<Vec<(AccessionId, Vec<u8>)>, QueryError> {
        if !permit.covers_all() {
            return Err(QueryError::OutOfScope);
        }
        let snapshot = self.snapshot();
        let mut maps = Vec::new();
        for accession in &snapshot.accessions {
            match std::fs::read(accession.paths().terminology()) {
                Ok(bytes) => maps.push((accession.id.clone(), bytes)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(QueryError::Unreadable(error.to_string())),
            }
        }
        Ok(maps)
    }
}

/// Files as they were delivered, members of containers left out.
fn files_of(accession: &Accession) -> impl Iterator<Item = Delivered> {
    let containers: Vec<String> =
        accession.files.iter().filter(|file| file.fate == "container").map(|file| format!("{}/", file.name)).collect();
    let files = accession.files.iter().enumerate();
    files.filter(move |(_, file)| !containers.iter().any(|container| file.name.starts_with(container))).map(|(number, file)| {
        Delivered {
            accession: accession.id.clone(),
            source_system: accession.seal.source_system.clone(),
            number,
            name: file.name.clone(),
            packing: file.packing.clone(),
            bytes: file.content_bytes,
            sha256: file.content_sha256.clone(),
            is_kept: file.document.is_some(),
        }
    })
}

fn covers(permit: &Permit) -> Result<(), QueryError> {
    if permit.covers_quarantine() && permit.covers_all() { Ok(()) } else { Err(QueryError::OutOfScope) }
}

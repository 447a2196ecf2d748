//! Builds an index folder: patients and texts in, two Tantivy indexes and a manifest out.
//!
//! Not for: searching, or changing an index. An index is built once and then only read.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use tantivy::indexer::NoMergePolicy;
use tantivy::schema::Schema;
use tantivy::{Index, IndexWriter, TantivyDocument};

use crate::durable;
use crate::limits::INDEX_TEXT_MAX;
use crate::model::{IndexDoc, PatientIndexDoc};

use super::manifest::{self, PATIENTS, TEXT};
use super::schema::{self, Group, MARK_NO_TEXT, PatientFields, TextFields, day_number, key_bytes, uuid_number};
use super::{IndexError, names, stored};

/// Memory for the postings that one indexing thread gathers before it writes a segment, in bytes.
const TEXT_BYTES_PER_THREAD: usize = 96 << 20;
const PATIENT_BYTES: usize = 64 << 20;
/// Segments are merged until each holds this many documents: one segment answers fastest and is smallest, but one
/// merge of everything would cost an hour at the largest sizes.
const SEGMENT_DOCS: u64 = 8_000_000;
/// Longest title or author kept for showing, in bytes.
const SHOWN_BYTES_MAX: usize = 300;

/// What was built.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IndexReport {
    pub patients: u64,
    /// Documents of the text index, those without text included.
    pub texts: u64,
    /// Documents without text.
    pub not_searchable: u64,
    /// Bytes of all files, the manifest included.
    pub bytes: u64,
    /// SHA-256 of `index.json` in lower-case hex, for the catalog.
    pub manifest_sha256: String,
}

/// An index being built. Documents may be added from several threads; tokenizing runs on the builder's own.
pub struct IndexBuilder {
    dir: PathBuf,
    patients: IndexWriter,
    patient_fields: PatientFields,
    texts: IndexWriter,
    text_fields: TextFields,
    patient_count: AtomicU64,
    text_count: AtomicU64,
    wordless_count: AtomicU64,
    no_text_count: AtomicU64,
}

impl IndexBuilder {
    /// Starts an index in `dir`, a new or empty folder, with `threads` indexing threads.
    pub fn create(dir: &Path, threads: usize) -> Result<IndexBuilder, IndexError> {
        let (patient_schema, patient_fields) = schema::patient_schema();
        let (text_schema, text_fields) = schema::text_schema();
        let threads = threads.max(1);
        Ok(IndexBuilder {
            dir: dir.to_path_buf(),
            patients: writer(&dir.join(PATIENTS), patient_schema, 1, PATIENT_BYTES)?,
            patient_fields,
            texts: writer(&dir.join(TEXT), text_schema, threads, threads * TEXT_BYTES_PER_THREAD)?,
            text_fields,
            patient_count: AtomicU64::new(0),
            text_count: AtomicU64::new(0),
            wordless_count: AtomicU64::new(0),
            no_text_count: AtomicU64::new(0),
        })
    }

    pub fn add_patient(&self, patient: PatientIndexDoc) -> Result<(), IndexError> {
        let fields = &self.patient_fields;
        let mut doc = TantivyDocument::default();
        for term in names::terms(&patient) {
            doc.add_text(fields.term, term);
        }
        let born = patient.identity.birth_date.as_ref().and_then(|w| day_number(w.date_text()));
        doc.add_u64(fields.order, names::order(&patient.identity));
        doc.add_u64(fields.born, born.unwrap_or(0));
        doc.add_u64(fields.tie, xxhash_rust::xxh3::xxh3_64(patient.key.as_str().as_bytes()));
        doc.add_text(fields.source, &patient.source_system);
        doc.add_bytes(fields.doc, &stored::write(&patient)?);
        self.patients.add_document(doc)?;
        self.patient_count.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    pub fn add_text(&self, text: IndexDoc) -> Result<(), IndexError> {
        let fields = &self.text_fields;
        let mut doc = TantivyDocument::default();
        for (_, mark) in schema::label_marks(text.label) {
            doc.add_text(fields.mark, mark);
        }
        let body = prefix(&text.text, INDEX_TEXT_MAX);
        if body.trim().is_empty() {
            doc.add_text(fields.mark, MARK_NO_TEXT);
            self.no_text_count.fetch_add(1, Ordering::Relaxed);
        }
        let title = prefix(&text.title, SHOWN_BYTES_MAX);
        for part in [title, body].into_iter().filter(|part| !part.trim().is_empty()) {
            doc.add_text(fields.text, part);
        }
        if let Some(patient) = &text.patient {
            doc.add_bytes(fields.patient, &key_bytes(patient));
        }
        doc.add_text(fields.group, Group::text_of(&text));
        doc.add_u64(fields.ordinal, text.place.ordinal);
        if let Some(day) = text.when.as_ref().and_then(|w| day_number(w.date_text())) {
            doc.add_u64(fields.day, day);
        }
        match uuid_number(text.id.as_str()) {
            Some(number) => {
                doc.add_u64(fields.id_high, (number >> 64) as u64);
                doc.add_u64(fields.id_low, number as u64);
            }
            None => doc.add_text(fields.id_text, text.id.as_str()),
        }
        doc.add_text(fields.title, title);
        if let Some(author) = &text.author {
            doc.add_text(fields.author, prefix(author, SHOWN_BYTES_MAX));
        }
        self.texts.add_document(doc)?;
        self.text_count.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Counts a record that holds nothing to search and is not missed by a search either.
    pub fn leave_out(&self) {
        self.wordless_count.fetch_add(1, Ordering::Relaxed);
    }

    /// Commits both indexes, merges their segments and writes the manifest. Until it returns there is no index.
    pub fn finish(self) -> Result<IndexReport, IndexError> {
        let (patients, texts) = (self.patients, self.texts);
        let patients_done = std::thread::scope(|scope| {
            let other = scope.spawn(|| seal(patients));
            seal(texts).and(other.join().unwrap_or(Err(IndexError::Engine("an indexing thread failed"))))
        });
        patients_done?;
        for folder in [PATIENTS, TEXT] {
            for lock in [".tantivy-writer.lock", ".tantivy-meta.lock"] {
                match durable::remove_file(&self.dir.join(folder).join(lock)) {
                    Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e.into()),
                    _ => {}
                }
            }
        }
        let (patients, texts) = (self.patient_count.into_inner(), self.text_count.into_inner());
        let not_searchable = self.no_text_count.into_inner();
        let counts = manifest::Counts { patients, texts, not_searchable, wordless: self.wordless_count.into_inner() };
        let (manifest_sha256, bytes) = manifest::write(&self.dir, counts)?;
        Ok(IndexReport { patients, texts, not_searchable, bytes, manifest_sha256 })
    }
}

fn writer(dir: &Path, schema: Schema, threads: usize, bytes: usize) -> Result<IndexWriter, IndexError> {
    durable::create_dir_all(dir)?;
    let index = Index::builder()
        .schema(schema)
        .tokenizers(schema::tokenizers())
        .fast_field_tokenizers(schema::tokenizers())
        .create_in_dir(dir)?;
    let writer = index.writer_with_num_threads(threads, bytes)?;
    writer.set_merge_policy(Box::new(NoMergePolicy));
    Ok(writer)
}

/// Commits, merges neighbours up to `SEGMENT_DOCS`, and removes the files that the merges left behind.
fn seal(mut writer: IndexWriter) -> Result<(), IndexError> {
    writer.commit()?;
    let mut batches: Vec<(u64, Vec<_>)> = Vec::new();
    for segment in writer.index().searchable_segment_metas()? {
        let docs = u64::from(segment.num_docs());
        match batches.last_mut() {
            Some((sum, ids)) if *sum + docs <= SEGMENT_DOCS => {
                *sum += docs;
                ids.push(segment.id());
            }
            _ => batches.push((docs, vec![segment.id()])),
        }
    }
    for (_, ids) in batches.into_iter().filter(|(_, ids)| ids.len() > 1) {
        writer.merge(&ids).wait()?;
    }
    writer.garbage_collect_files().wait()?;
    writer.wait_merging_threads()?;
    Ok(())
}

/// At most `bytes` bytes of `text`, cut between characters.
fn prefix(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

//! Opening an index for reading, in a way that cannot change it and that works on a read-only mount.
//!
//! Not for: the searches themselves (`patients`, `text`).

use std::io;
use std::path::Path;
use std::sync::Arc;

use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{DirectoryLock, FileHandle, Lock, MmapDirectory, WatchCallback, WatchHandle, WritePtr};
use tantivy::schema::Schema;
use tantivy::{Directory, Index, ReloadPolicy, SegmentReader};

use super::IndexError;
use super::manifest::{self, PATIENTS, TEXT};
use super::schema::{self, PatientFields, TextFields};
use super::segments::{PatientSegment, TextSegment};

/// An open index: a fixed state of both, for reading. Cheap to clone; safe to share between threads.
#[derive(Clone)]
pub struct Searcher {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub patients: tantivy::Searcher,
    pub patient_fields: PatientFields,
    pub patient_segments: Vec<PatientSegment>,
    pub texts: tantivy::Searcher,
    pub text_fields: TextFields,
    pub text_segments: Vec<TextSegment>,
}

impl Searcher {
    /// Opens the index in `dir`. Fails with `OtherVersion` when it was made by a version that wrote it otherwise.
    pub fn open(dir: &Path) -> Result<Searcher, IndexError> {
        manifest::read(dir)?;
        let (patient_schema, patient_fields) = schema::patient_schema();
        let (text_schema, text_fields) = schema::text_schema();
        let patients = open_one(&dir.join(PATIENTS), &patient_schema)?;
        let texts = open_one(&dir.join(TEXT), &text_schema)?;
        let patient_segments = segments(&patients, |s| PatientSegment::open(s, &patient_fields))?;
        let text_segments = segments(&texts, |s| TextSegment::open(s, &text_fields))?;
        let inner = Inner { patients, patient_fields, patient_segments, texts, text_fields, text_segments };
        Ok(Searcher { inner: Arc::new(inner) })
    }
}

impl std::fmt::Debug for Searcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (patients, texts) = (self.inner.patients.num_docs(), self.inner.texts.num_docs());
        write!(f, "Searcher {{ patients: {patients}, texts: {texts} }}")
    }
}

fn segments<T>(
    searcher: &tantivy::Searcher,
    open: impl Fn(&SegmentReader) -> Result<T, IndexError>,
) -> Result<Vec<T>, IndexError> {
    searcher.segment_readers().iter().map(open).collect()
}

fn open_one(dir: &Path, schema: &Schema) -> Result<tantivy::Searcher, IndexError> {
    let directory = MmapDirectory::open(dir).map_err(tantivy::TantivyError::from)?;
    let index = Index::open(ReadOnly(directory))?;
    if index.schema() != *schema {
        return Err(IndexError::OtherVersion);
    }
    let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
    Ok(reader.searcher())
}

/// A directory that reads and never writes. Tantivy's own takes a lock file even to read, which a read-only mount
/// refuses; a published index is never changed, so no lock is needed.
#[derive(Clone, Debug)]
struct ReadOnly(MmapDirectory);

fn refused() -> io::Error {
    io::Error::new(io::ErrorKind::ReadOnlyFilesystem, "a published index is never changed")
}

impl Directory for ReadOnly {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        self.0.get_file_handle(path)
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.0.exists(path)
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        self.0.atomic_read(path)
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        Err(DeleteError::IoError { io_error: Arc::new(refused()), filepath: path.to_path_buf() })
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        Err(OpenWriteError::wrap_io_error(refused(), path.to_path_buf()))
    }

    fn atomic_write(&self, _: &Path, _: &[u8]) -> io::Result<()> {
        Err(refused())
    }

    fn sync_directory(&self) -> io::Result<()> {
        Err(refused())
    }

    fn acquire_lock(&self, _: &Lock) -> Result<DirectoryLock, LockError> {
        Ok(DirectoryLock::from(Box::new(())))
    }

    fn watch(&self, _: WatchCallback) -> tantivy::Result<WatchHandle> {
        Ok(WatchHandle::empty())
    }
}

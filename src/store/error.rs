//! What can go wrong in the store: which file, where, what. File names of an archive hold no patient data.
//!
//! Not for: findings about deliveries (`model::Finding`).

use std::io;
use std::path::{Path, PathBuf};

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{path}: cannot be read: {source}", path = path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{path}: cannot be written: {source}", path = path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Durable(#[from] crate::durable::DurableError),
    /// The bytes are not what was sealed.
    #[error("{path}: at byte {offset}: {what}", path = path.display())]
    Damaged { path: PathBuf, offset: u64, what: String },
    #[error("{0}")]
    Refused(String),
}

impl StoreError {
    pub fn read(path: &Path) -> impl FnOnce(io::Error) -> StoreError {
        move |source| StoreError::Read { path: path.to_path_buf(), source }
    }

    pub fn write(path: &Path) -> impl FnOnce(io::Error) -> StoreError {
        move |source| StoreError::Write { path: path.to_path_buf(), source }
    }

    pub fn damaged(path: &Path, offset: u64, what: &str) -> StoreError {
        StoreError::Damaged { path: path.to_path_buf(), offset, what: what.to_string() }
    }
}

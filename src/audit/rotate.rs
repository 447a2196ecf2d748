//! Another key takes over: the old one vouches for it in the ring, and each stream gets a checkpoint signed by both.
//!
//! Not for: keys of other purposes (`signing`).

use std::path::Path;
use std::sync::Arc;

use crate::durable;
use crate::signing::{KeyPurpose, KeyRing, load_signer, rotate_key};

use super::folder::{LOCK_FILE, LogFolder};
use super::log::stage_recovered;
use super::stream::{Stream, StreamOptions};
use super::{FOLDER, LogError};

/// Puts a new audit key in force for the streams of these logs. Nobody else may be writing: a server goes on signing with
/// the key that it started with.
///
/// # Errors
/// `Held` when a stream is in use; nothing was changed then.
pub fn rotate_audit_key(archive: &Path, private_dir: &Path, logs: &[&'static str]) -> Result<KeyRing, LogError> {
    let old = Arc::new(load_signer(private_dir, KeyPurpose::Audit).map_err(crate::signing::RingError::from)?);
    let keys = KeyRing::load(archive)?.verifiers(KeyPurpose::Audit);
    let mut held = Vec::new();
    for folder in logs.iter().map(|name| LogFolder::new(archive, name)) {
        for name in folder.streams()? {
            let lock = durable::lock_exclusive(&folder.path.join(&name).join(LOCK_FILE))?;
            let lock = lock.ok_or_else(|| LogError::Held { stream: format!("{}/{name}", folder.name) })?;
            held.push((folder.clone(), name, lock));
        }
    }
    let mut streams = Vec::new();
    for (folder, name, lock) in held {
        let options = StreamOptions::default();
        let is_audit = folder.name == FOLDER;
        let (mut stream, opened) = Stream::open_held(folder, name, lock, old.clone(), options, &keys)?;
        if is_audit {
            stage_recovered(&mut stream, &opened)?;
            stream.commit()?;
        }
        streams.push(stream);
    }
    let ring = rotate_key(archive, private_dir, KeyPurpose::Audit)?;
    let new = load_signer(private_dir, KeyPurpose::Audit).map_err(crate::signing::RingError::from)?;
    for stream in &mut streams {
        stream.hand_over(&new)?;
    }
    Ok(ring)
}

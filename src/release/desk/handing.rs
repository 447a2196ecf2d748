//! Handing packages out: the disclosure is durable first, then the step, then the bytes; receipts; links for recipients.
//!
//! Not for: making packages (`jobs`).

use std::fs::File;

use super::*;

/// How packages are handed out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Delivering {
    /// portal (a link), media, mail, pickup, print.
    pub channel: String,
    pub tracking: String,
    /// Subjects whose packages are handed out; empty: all.
    pub subjects: Vec<usize>,
    /// As an AES-256 archive, whose secret goes another way.
    pub is_encrypted: bool,
}

/// What was handed out. The secrets in it are shown once and kept nowhere.
#[derive(Debug)]
pub struct Handed {
    pub seen: Seen,
    /// Which handing out it is of the request, from 0: its receipt is asked for by it.
    pub handover: usize,
    pub files: Vec<HandedFile>,
    pub links: Vec<Link>,
}

/// A package as it leaves. Its bytes are asked for by `Desk::package`.
pub struct HandedFile {
    pub subject: usize,
    pub name: String,
    pub bytes: u64,
    pub sha256: String,
    /// Opens the encrypted form.
    pub secret: Option<zeroize::Zeroizing<String>>,
}

/// A link by which the recipient fetches a package, once.
pub struct Link {
    pub subject: usize,
    /// Path below the site's address.
    pub path: zeroize::Zeroizing<String>,
    /// To be told to the recipient on another way.
    pub pin: zeroize::Zeroizing<String>,
    /// Unix seconds.
    pub expires: i64,
}

impl std::fmt::Debug for HandedFile {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HandedFile").field("subject", &self.subject).field("sha256", &self.sha256).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Link {
    /// Without the link and its PIN.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("subject", &self.subject).field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// A package to be read.
#[derive(Debug)]
pub struct PackageFile {
    pub name: String,
    pub bytes: u64,
    pub sha256: String,
    pub file: File,
}

impl Desk {
    /// Hands the packages of a request out, for the first time or again.
    pub async fn deliver(&self, seen: &Seen, how: Delivering, who: &Worker<'_>) -> Result<Audited<Handed>, DeskError> {
        let _ = (seen, how, who);
        Err(DeskError::NotBuilt)
    }

    /// A file that was handed out, by its digest as [`HandedFile`] has it.
    pub async fn package(&self, number: &str, sha256: &str, who: &Worker<'_>) -> Result<Audited<PackageFile>, DeskError> {
        let _ = (number, sha256, who);
        Err(DeskError::NotBuilt)
    }

    /// The proof that a handing out stands in the access log, as JSON that anyone can check.
    pub async fn receipt(&self, number: &str, handover: usize, who: &Worker<'_>) -> Result<Audited<Vec<u8>>, DeskError> {
        let _ = (number, handover, who);
        Err(DeskError::NotBuilt)
    }
}

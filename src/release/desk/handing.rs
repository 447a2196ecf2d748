//! Handing packages out: the disclosure is durable first, then the step, then the bytes; receipts; links for recipients.
//!
//! Not for: making packages (`jobs`).

use std::fs::File;

use super::*;
use crate::audit::{self, Proof, ProofError};
use crate::release::workflow::{Handover, Package, Wrapped};
use crate::signing::{KeyRing, RingError};

/// The channel of links.
pub const PORTAL: &str = "portal";

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

impl std::fmt::Debug for HandedFile {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HandedFile").field("subject", &self.subject).field("sha256", &self.sha256).finish_non_exhaustive()
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
    ///
    /// # Errors
    /// The guard's refusal, before anything is written down.
    pub async fn deliver(&self, seen: &Seen, how: Delivering, who: &Worker<'_>) -> Result<Audited<Handed>, DeskError> {
        let permit = self.permit(who)?;
        let entered = self.as_seen(seen, who).await?;
        let case = &entered.case;
        let subjects: Vec<usize> = match how.subjects.is_empty() {
            true => (0..case.packages.len()).collect(),
            false => how.subjects.clone(),
        };
        let packages: Vec<(usize, &Package)> = subjects
            .iter()
            .map(|subject| case.packages.get(*subject).map(|package| (*subject, package)).ok_or(DeskError::NotThere))
            .collect::<Result<_, _>>()?;
        let mut handover = Handover {
            channel: how.channel.clone(),
            tracking: how.tracking.clone(),
            manifests: packages.iter().map(|(_, package)| package.manifest_sha256.clone()).collect(),
            ..Handover::default()
        };
        let trial = Handover { disclosure_entry: "pending".into(), ..handover.clone() };
        self.try_out(case, Move::Deliver(trial), who)?;
        let mut files = Vec::new();
        for (subject, package) in packages {
            let name = package_name(&case.number, subject);
            if how.is_encrypted {
                let (sha256, bytes, secret) = self.wrap(package, &name)?;
                handover.wrapped.push(Wrapped {
                    manifest_sha256: package.manifest_sha256.clone(),
                    sha256: sha256.clone(),
                    bytes,
                });
                files.push(HandedFile { subject, name: format!("{name}-encrypted.zip"), bytes, sha256, secret: Some(secret) });
            } else {
                let (bytes, sha256) = (package.bytes, package.package_sha256.clone());
                files.push(HandedFile { subject, name: format!("{name}.zip"), bytes, sha256, secret: None });
            }
        }
        let at = now();
        let what = self.description(case, &subjects);
        let done = self.ledger().deliver(&entered, handover, &subjects, who, at, &what).await?;
        let index = done.case.handovers.len().saturating_sub(1);
        let mut links = Vec::new();
        if how.channel == PORTAL {
            for file in &files {
                links.push(self.new_link(&done.case, index, file, at).await?);
            }
        }
        let seen = Seen { number: done.case.number.clone(), steps: done.steps };
        let shown = viewed(&done.case, "handed out");
        Ok(permit.answer(Handed { seen, handover: index, files, links }, shown)?)
    }

    /// A file that was handed out, by its digest as [`HandedFile`] has it.
    pub async fn package(&self, number: &str, sha256: &str, who: &Worker<'_>) -> Result<Audited<PackageFile>, DeskError> {
        let permit = self.permit(who)?;
        let case = self.entered(number, who).await?.case;
        let (subject, file) = self.handed_file(&case, sha256)?;
        let mut shown = viewed(&case, format!("package of patient {}, {sha256}", subject + 1));
        shown.patients = self.keys(&case, subject)?;
        Ok(permit.answer(file, shown)?)
    }

    /// The proof that a handing out stands in the access log, as JSON that anyone can check.
    pub async fn receipt(&self, number: &str, handover: usize, who: &Worker<'_>) -> Result<Audited<Vec<u8>>, DeskError> {
        let permit = self.permit(who)?;
        let case = self.entered(number, who).await?.case;
        let place = case.handovers.get(handover).map(|it| it.disclosure_entry.as_str()).and_then(place_of);
        let (stream, seq) = place.ok_or(DeskError::NotThere)?;
        let proof = self.prove(stream, seq)?;
        let text = proof.to_json() + "\n";
        Ok(permit.answer(text.into_bytes(), viewed(&case, format!("receipt {}", handover + 1)))?)
    }

    /// Proves that an entry stands in the access log, under a checkpoint that covers it.
    pub(super) fn prove(&self, stream: &str, seq: u64) -> Result<Proof, DeskError> {
        let ring = KeyRing::load(&self.folder).map_err(ProofFault::from)?;
        match audit::prove_entry(&self.folder, &ring, stream, seq, None) {
            Err(ProofError::NotCovered(_)) => {
                self.log().checkpoint().map_err(LedgerError::from)?;
                Ok(audit::prove_entry(&self.folder, &ring, stream, seq, None).map_err(ProofFault::from)?)
            }
            other => Ok(other.map_err(ProofFault::from)?),
        }
    }

    /// A package of the case that left, in the form in which it left.
    pub(super) fn handed_file(&self, case: &Case, sha256: &str) -> Result<(usize, PackageFile), DeskError> {
        if case.handovers.is_empty() {
            return Err(DeskError::NotThere);
        }
        let wrapped = case.handovers.iter().flat_map(|handover| &handover.wrapped).find(|it| it.sha256 == sha256);
        let is_it = |package: &Package| match wrapped {
            Some(wrapped) => package.manifest_sha256 == wrapped.manifest_sha256,
            None => package.package_sha256 == sha256,
        };
        let (subject, package) = case.packages.iter().enumerate().find(|(_, it)| is_it(it)).ok_or(DeskError::NotThere)?;
        let has_left = case.handovers.iter().any(|it| it.manifests.contains(&package.manifest_sha256));
        if !has_left {
            return Err(DeskError::NotThere);
        }
        let name = package_name(&case.number, subject);
        let name = if wrapped.is_some() { format!("{name}-encrypted.zip") } else { format!("{name}.zip") };
        let bytes = wrapped.map_or(package.bytes, |it| it.bytes);
        Ok((subject, PackageFile { name, bytes, sha256: sha256.to_owned(), file: self.shelf.open(sha256)? }))
    }

    /// What leaves, in words for the accounting: how much, from when, which kinds, which pages.
    fn description(&self, case: &Case, subjects: &[usize]) -> String {
        let packages = || subjects.iter().filter_map(|subject| case.packages.get(*subject));
        let pages: u64 = packages().map(|package| package.pages).sum();
        let scope = &case.request.scope;
        let mut words = vec![format!("Medical records, {pages} pages")];
        if !scope.types.is_empty() {
            words.push(scope.types.join(", "));
        }
        match (scope.from, scope.to) {
            (Some(from), Some(to)) => words.push(format!("service from {from} to {to}")),
            (Some(from), None) => words.push(format!("service from {from} on")),
            (None, Some(to)) => words.push(format!("service up to {to}")),
            (None, None) => {}
        }
        let numbered = packages().filter(|package| !package.first_bates.is_empty());
        words.extend(numbered.map(|package| format!("pages {} to {}", package.first_bates, package.last_bates)));
        format!("{} (request {})", words.join("; "), case.number)
    }
}

/// Why there is no proof of an entry.
#[derive(Debug, thiserror::Error)]
pub enum ProofFault {
    #[error(transparent)]
    Proof(#[from] ProofError),
    #[error(transparent)]
    Ring(#[from] RingError),
}

/// `stream/number`
pub(super) fn place_of(text: &str) -> Option<(&str, u64)> {
    let (stream, seq) = text.rsplit_once('/')?;
    Some((stream, seq.parse().ok()?))
}

/// `ROI-2026-000123`; of the second patient of a request and the following ones with their number.
fn package_name(number: &str, subject: usize) -> String {
    if subject == 0 { format!("ROI-{number}") } else { format!("ROI-{number}-{}", subject + 1) }
}

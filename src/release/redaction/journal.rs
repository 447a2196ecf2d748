//! What a build took out, as it did it: what the proof looks for, and the internal log of a release (spec legal-release.md §6).
//!
//! Pages are made by several threads; the journal is read in the order of items and pages, whatever their pace.
//!
//! Not for: the audit log. `redaction-log.json` stays inside and never goes with a package.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::pixels::Box;
use super::sheet::{Cause, Plan};
use super::{Redactions, VERSION};
use crate::release::package::sha256_hex;
use crate::release::selection::Selection;

/// What was taken out of one thing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Done {
    pub item: usize,
    /// The attachment and its page, from 1; `None`: the words of the record.
    pub page: Option<(String, u32)>,
    /// Each cause with how often it was met.
    pub causes: Vec<(Cause, u64)>,
    /// SHA-256 of the file, or of what stood in the words, before and after.
    pub original_sha256: String,
    pub result_sha256: String,
    pub picture: Option<Burnt>,
}

/// A picture that boxes were burnt into.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Burnt {
    pub width: u32,
    pub height: u32,
    pub boxes: Vec<(Box, Cause)>,
    /// SHA-256 of the pixels as they stand in the PDF, before they are packed; before: of the scan as it came.
    pub before_sha256: Option<String>,
    pub after_sha256: String,
}

/// A file of an item: its number and the attachment's id.
type OfItem = (usize, String);

/// Notes of a build. Plans of files are kept for their next pages.
#[derive(Default)]
pub struct Journal {
    done: Mutex<Vec<Done>>,
    plans: Mutex<VecDeque<(OfItem, Arc<Known>)>>,
}

/// What is known of a file after its first page was asked for.
pub(super) struct Known {
    pub plan: Plan,
    pub sha256: String,
    pub bytes: usize,
}

/// Files whose plans are kept: one for each thread that sets pages, and some more.
const PLANS: usize = 16;

impl std::fmt::Debug for Journal {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Journal")
    }
}

/// A note is one push; a thread that panicked in between left nothing half done.
fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Journal {
    pub(super) fn note(&self, done: Done) {
        lock(&self.done).push(done);
    }

    pub(super) fn known(&self, item: usize, attachment: &str, bytes: usize) -> Option<Arc<Known>> {
        let plans = lock(&self.plans);
        let found = plans.iter().find(|(key, known)| key.0 == item && key.1 == attachment && known.bytes == bytes);
        found.map(|(_, known)| Arc::clone(known))
    }

    pub(super) fn keep(&self, item: usize, attachment: &str, known: &Arc<Known>) {
        let mut plans = lock(&self.plans);
        if plans.len() == PLANS {
            plans.pop_front();
        }
        plans.push_back(((item, attachment.to_owned()), Arc::clone(known)));
    }

    /// What was done, by items and pages; what was done twice, because pages were made twice, stands once.
    pub fn done(&self) -> Vec<Done> {
        let mut done = lock(&self.done).clone();
        done.sort();
        done.dedup();
        done
    }
}

/// `redaction-log.json`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    pub v: u32,
    pub request: String,
    pub subject: usize,
    pub redactions_sha256: String,
    pub entries: Vec<Entry>,
    /// Terms and regions, by their places, that nothing was found for: somebody has to look.
    pub idle: Vec<Cause>,
}

/// One rule met at one place.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub item: usize,
    /// FHIR type and archive id of the record.
    pub record: String,
    pub attachment: Option<String>,
    pub page: Option<u32>,
    pub cause: Cause,
    /// Left, top, width and height in ten-thousandths of the page, of a region.
    pub region: Option<[u32; 4]>,
    /// How often it was met here.
    pub count: u64,
    /// Code and words of the reason.
    pub rule: String,
    pub by: String,
    pub at: i64,
    pub original_sha256: String,
    pub result_sha256: String,
}

impl Log {
    pub fn of(selection: &Selection, redactions: &Redactions, journal: &Journal) -> Log {
        let done = journal.done();
        let entry = |done: &Done, cause: Cause, count: u64| {
            let (by, at, region) = match cause {
                Cause::Term(at) => redactions.terms.get(at).map(|it| (it.by.clone(), it.at, None)),
                Cause::Region(at) => {
                    redactions.regions.get(at).map(|it| (it.by.clone(), it.at, Some([it.left, it.top, it.width, it.height])))
                }
            }
            .unwrap_or_default();
            let record = selection.items.iter().find(|item| item.n == done.item);
            Entry {
                item: done.item,
                record: record.map_or_else(String::new, |item| format!("{}/{}", item.kind, item.id)),
                attachment: done.page.as_ref().map(|page| page.0.clone()),
                page: done.page.as_ref().map(|page| page.1),
                cause,
                region,
                count,
                rule: super::words::named(redactions, cause.code(redactions)),
                by,
                at,
                original_sha256: done.original_sha256.clone(),
                result_sha256: done.result_sha256.clone(),
            }
        };
        let entries: Vec<Entry> =
            done.iter().flat_map(|done| done.causes.iter().map(move |(cause, count)| entry(done, *cause, *count))).collect();
        let all = (0..redactions.terms.len()).map(Cause::Term).chain((0..redactions.regions.len()).map(Cause::Region));
        let idle = all.filter(|cause| !entries.iter().any(|entry| entry.cause == *cause)).collect();
        Log {
            v: VERSION,
            request: selection.request.clone(),
            subject: selection.subject,
            redactions_sha256: redactions.digest(),
            entries,
            idle,
        }
    }

    /// The file: canonical JSON (RFC 8785).
    pub fn to_bytes(&self) -> Vec<u8> {
        crate::release::canonical(self)
    }

    /// Names the log.
    pub fn digest(&self) -> String {
        sha256_hex(&self.to_bytes())
    }
}

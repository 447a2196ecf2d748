//! The proof that what was redacted is gone, of every file that was made. One leak, and nothing is made.
//!
//! Not for: how files are searched (`redaction`).

use std::collections::BTreeMap;
use std::io::Read;

use super::BuildFault;
use super::beside::OfItems;
use super::job::Job;
use super::print::Printout;
use super::stock::Stocked;
use crate::release::paper::Pages;
use crate::release::redaction::{Journal, Log, prove, prove_bytes};

/// Searches the pages of a volume; those that terms cannot be looked for on, so that somebody has to look at them.
pub fn pages(job: &Job<'_>, name: &str, pdf: &[u8], printed: &Printout, journal: &Journal) -> Result<Vec<u32>, BuildFault> {
    if job.redactions.is_empty() {
        return Ok(Vec::new());
    }
    let narrow = |page: u64| u32::try_from(page).unwrap_or(u32::MAX);
    let pages: Pages = printed.items.iter().map(|(item, (first, last))| (*item, (narrow(*first), narrow(*last)))).collect();
    prove(pdf, &job.redactions, &pages, &journal.done()).map(|report| report.unread).map_err(|leaks| leak(name, &leaks))
}

/// Searches what goes beside the pages: what belongs to an item for that item's terms too.
pub fn beside(job: &Job<'_>, stocked: &Stocked, of_items: &OfItems) -> Result<(), BuildFault> {
    if job.redactions.is_empty() {
        return Ok(());
    }
    let paths = of_items.iter().flat_map(|(item, own)| own.original.iter().chain(&own.native).map(|path| (path.as_str(), *item)));
    let owners: BTreeMap<&str, usize> = paths.collect();
    for file in stocked.files.iter().filter(|file| file.pages.is_none()) {
        let mut bytes = Vec::new();
        stocked.open(&file.path)?.read_to_end(&mut bytes)?;
        bytes_of(job, &file.path, &bytes, owners.get(file.path.as_str()).copied())?;
    }
    Ok(())
}

/// Searches one file.
pub fn bytes_of(job: &Job<'_>, name: &str, bytes: &[u8], item: Option<usize>) -> Result<(), BuildFault> {
    prove_bytes(bytes, &job.redactions, item).map_err(|leaks| leak(name, &leaks))
}

fn leak(name: &str, leaks: &[crate::release::redaction::Leak]) -> BuildFault {
    let first = leaks.first().map_or_else(String::new, ToString::to_string);
    let more = leaks.len().saturating_sub(1);
    let more = if more > 0 { format!(", and {more} more places") } else { String::new() };
    BuildFault::Leak(format!("{name}: {first}{more}"))
}

/// The log of what was taken out, for those who review it; `None` when nothing was.
pub fn log(job: &Job<'_>, journal: &Journal) -> Option<Log> {
    (!job.redactions.is_empty()).then(|| Log::of(&job.selection, &job.redactions, journal))
}

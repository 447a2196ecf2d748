//! The pages as they would leave, for those who look at them and approve.
//!
//! Not for: Bates numbers and volumes, which only the package has (`sealing`).

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::job::Job;
use super::print::{Run, print};
use super::{BuildFault, Plan, Workshop, beside, frozen, proved};
use crate::durable::NewFile;
use crate::release::package::hex;
use crate::release::paper::Exception;
use crate::release::redaction::{Cause, Journal};
use crate::release::shelf::{Bench, Shelf};
use crate::release::workflow::Previewed;
use crate::render::pdf::Cover;

/// What stands on the pages of a preview instead of what they will be.
const STANDING: &str = "Preview, not released";

/// A preview that lies on the shelf.
#[derive(Clone, Debug, Default)]
pub struct Made {
    pub previewed: Previewed,
    pub told: Told,
}

/// What was learnt from a preview: which pages are whose, and what stands on none. It lies on the shelf as well.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Told {
    pub plan_sha256: String,
    pub pdf_sha256: String,
    pub pages: u64,
    /// Items in the order of the package.
    pub items: Vec<Pages>,
    /// Pages that belong to no item.
    pub around: u64,
    /// Bytes that belong to no item.
    pub shared_bytes: u64,
    pub exceptions: Vec<Exception>,
    /// Code points that no font has, with how often they stand there.
    pub missing: Vec<(u32, u32)>,
    /// Digest of the log of what was taken out, when anything was; it stays here.
    pub redaction_log_sha256: Option<String>,
    /// Pages on which words that were to go cannot be looked for, because they show pictures or letters without a meaning.
    #[serde(default)]
    pub unread: Vec<u32>,
    /// Redactions, by their places, that nothing was found for.
    #[serde(default)]
    pub idle: Vec<Cause>,
}

/// Where the pages of an item stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pages {
    /// The item's number in the selection.
    pub n: usize,
    /// From 1; 0: it has none.
    pub first: u64,
    pub pages: u64,
    pub bytes: u64,
}

/// Makes the pages of a plan and keeps them on the shelf, with the plan.
///
/// # Errors
/// Whatever keeps a page from being made; then nothing is kept.
pub fn preview(shop: &Workshop<'_>, plan: &Plan) -> Result<Made, BuildFault> {
    let plan = frozen::frozen(shop, plan)?;
    let job = Job::open(shop, plan.clone())?;
    let bench = shop.shelf.bench()?;
    let told = make(&job, &bench)?;
    shop.shelf.take(&bench.file(FILE), &told.pdf_sha256)?;
    let previewed = Previewed {
        plan_sha256: shop.shelf.put(&plan.to_bytes())?,
        pdf_sha256: told.pdf_sha256.clone(),
        pages: told.pages,
        exceptions: told.exceptions.len() as u64,
        told_sha256: shop.shelf.put(&crate::release::canonical(&told))?,
    };
    Ok(Made { previewed, told })
}

/// What was learnt from a preview that lies on the shelf.
pub fn told(shelf: &Shelf, previewed: &Previewed) -> Result<Told, BuildFault> {
    serde_json::from_slice(&shelf.get(&previewed.told_sha256)?).map_err(|_| BuildFault::Form("preview"))
}

const FILE: &str = "preview.pdf";

/// Makes the pages on a bench.
pub(super) fn make(job: &Job<'_>, bench: &Bench) -> Result<Told, BuildFault> {
    // Numbers take the room that they will take, and nobody takes them for those.
    let mut setting = job.setting(STANDING, &job.plan.made, Some(1));
    if let Some(bates) = &mut setting.bates {
        bates.prefix = "PREVIEW-".into();
    }
    let cover = cover(job, &job.plan.made, &["preview", &job.plan_sha256])?;
    let native = beside::foreseen(job);
    let journal = Journal::default();
    let run = Run {
        journal: &journal,
        setting: &setting,
        cover,
        items: 0..job.out.len(),
        volumes: &[],
        pages: None,
        build: None,
        native: &native,
    };
    let mut file = NewFile::create(&bench.file(FILE))?;
    let mut exceptions = beside::left_out(job);
    let printed = print(job, &run, &mut exceptions, &mut file)?;
    let all = file.bytes_written();
    let digest = file.finish()?;
    let unread = match job.redactions.is_empty() {
        true => Vec::new(),
        false => proved::pages(job, FILE, &std::fs::read(bench.file(FILE))?, &printed, &journal)?,
    };
    let log = proved::log(job, &journal);
    let redaction_log_sha256 = log.as_ref().map(|log| job.shop.shelf.put(&log.to_bytes())).transpose()?;
    let of_item: std::collections::BTreeMap<usize, (u64, u64)> = printed.items.iter().copied().collect();
    let pages = |(item, bytes): (&crate::release::selection::Item, &u64)| {
        let (first, pages) = of_item.get(&item.n).map_or((0, 0), |(first, last)| (*first, last - first + 1));
        Pages { n: item.n, first, pages, bytes: *bytes }
    };
    let items: Vec<Pages> = job.items().into_iter().zip(&printed.bytes).map(pages).collect();
    Ok(Told {
        plan_sha256: job.plan_sha256.clone(),
        pdf_sha256: hex(&digest.sha256),
        pages: printed.pages,
        around: printed.pages - items.iter().map(|item| item.pages).sum::<u64>(),
        shared_bytes: all - items.iter().map(|item| item.bytes).sum::<u64>(),
        items,
        redaction_log_sha256,
        unread,
        idle: log.map(|log| log.idle).unwrap_or_default(),
        exceptions,
        missing: printed.missing.iter().map(|(character, count)| (u32::from(*character), *count)).collect(),
    })
}

/// What a file of pages says of itself; `seed` names what it is made from.
pub(super) fn cover(job: &Job<'_>, at: &str, seed: &[&str]) -> Result<Cover, BuildFault> {
    let time: jiff::Timestamp = at.parse().map_err(|_| BuildFault::Time(at.chars().take(40).collect()))?;
    Ok(Cover {
        title: format!("Records for request {}", job.plan.request),
        language: Some("en".into()),
        created: time.as_second(),
        seed: Sha256::digest(seed.join("\n")).into(),
        threads: job.threads,
    })
}

//! `chartkeep label`: what is labelled by which rules, and labelling anew when the rules have changed.
//!
//! Not for: the rules (`mapping::sensitivity`), or following references (`ingest::labels`).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::archive::{OpenArchive, now};
use super::operator::{Workplace, operator_entry};
use crate::access::Role;
use crate::durable;
use crate::index;
use crate::ingest::{labels, relabel::relabel};
use crate::mapping::sensitivity::Rules;
use crate::model::{Class, Label};
use crate::signing::KeyPurpose;
use crate::store::labels::Labels;
use crate::store::layout::Layout;
use crate::store::manifest::{InForce, hex};
use crate::store::{Accession, StoreError, catalog, remap};

/// Sensitivity labels: see what is labelled, and label anew when the rules have changed.
#[derive(Debug, clap::Args)]
pub struct LabelArgs {
    #[command(subcommand)]
    command: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Show(ShowArgs),
    Apply(ApplyArgs),
}

/// Count the labelled records by class and type, and name the rules by which they were labelled.
///
/// Counts only: no record and no patient is named.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  chartkeep label show /data/old-ehr")]
struct ShowArgs {
    /// Folder of the archive
    archive: PathBuf,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Label all records anew by the rules of today: the built-in lists, and `sensitivity.toml` in the archive's folder.
///
/// Each accession whose labels change gets a new generation that shares all files with the one before but the labels. No
/// record changes. The index is made anew.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  chartkeep label apply /data/old-ehr --dry-run\n  chartkeep label apply /data/old-ehr\n\nExit codes: 0 done, 2 refused or failed."
)]
struct ApplyArgs {
    /// Folder of the archive
    archive: PathBuf,
    /// Only say what would change
    #[arg(long)]
    dry_run: bool,
}

/// Runs the command.
pub fn run(args: &LabelArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        What::Show(args) => show(args),
        What::Apply(args) => apply(args),
    }
}

/// Class and type → records.
type Counts = BTreeMap<(Class, &'static str), u64>;

/// Reads the types of the labelled records; frames without one are passed over.
fn counts(accession: &Accession) -> anyhow::Result<Counts> {
    let mut counts = Counts::new();
    let mut frame = None;
    for (run, label) in accession.labels().within(0..accession.records()) {
        for ordinal in run {
            let number = accession.frame_of(ordinal).context("an ordinal lies in no frame")?;
            if frame.as_ref().is_none_or(|(held, _)| *held != number) {
                frame = Some((number, accession.frame(number, false)?));
            }
            let Some((_, frame)) = &frame else { continue };
            let kind = frame.kind((ordinal - frame.first_ordinal()) as usize).map_or("?", |kind| kind.name());
            for class in label.classes() {
                *counts.entry((class, kind)).or_default() += 1;
            }
        }
    }
    Ok(counts)
}

fn show(args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let open = OpenArchive::open(&args.archive)?;
    let today = labels::rules(&open.layout)?;
    let mut all = Vec::new();
    for entry in open.catalog.reviewable() {
        let accession = Accession::open(&open.layout, entry, &open.keys)?;
        let (counts, rules) = (counts(&accession)?, &accession.manifest.label_rules);
        if args.json {
            let counts: Vec<_> = counts
                .iter()
                .map(|((class, kind), count)| json!({ "class": class.name(), "kind": kind, "records": count }))
                .collect();
            all.push(json!({
                "accession": accession.id.as_str(),
                "generation": accession.generation,
                "rules": rules.version,
                "rules_sha256": rules.sha256,
                "up_to_date": rules.sha256 == today.sha256(),
                "counts": counts,
            }));
            continue;
        }
        println!("{} (generation {}), labelled by {}", accession.id, accession.generation, rules.version);
        if rules.sha256 != today.sha256() {
            println!("  The rules have changed since; chartkeep label apply puts them in force.");
        }
        if counts.is_empty() {
            println!("  No record is labelled.");
        }
        for ((class, kind), count) in &counts {
            println!("  {:20} {kind:24} {count:>9}", class.name());
        }
    }
    if args.json {
        println!("{}", json!({ "accessions": all }));
    }
    Ok(ExitCode::SUCCESS)
}

/// What becomes of the labels of an accession.
#[derive(Clone, Copy, Default)]
struct Change {
    gained: u64,
    lost: u64,
}

impl Change {
    /// Compares stretch by stretch: labels are sparse, and so are changes.
    fn between(before: &Labels, after: &Labels, records: u64) -> Change {
        let mut edges: Vec<u64> = [before, after]
            .into_iter()
            .flat_map(|labels| labels.within(0..records))
            .flat_map(|(run, _)| [run.start, run.end])
            .collect();
        edges.sort_unstable();
        edges.dedup();
        let mut change = Change::default();
        for stretch in edges.windows(2) {
            let (old, new) = (before.of(stretch[0]), after.of(stretch[0]));
            let length = stretch[1] - stretch[0];
            let is_any = |label: Label| u64::from(label.is_restricted()) * length;
            change.gained += is_any(new.without(old));
            change.lost += is_any(old.without(new));
        }
        change
    }
}

fn apply(args: &ApplyArgs) -> anyhow::Result<ExitCode> {
    let (open, _lock) = OpenArchive::open_to_change(&args.archive)?;
    let rules = labels::rules(&open.layout)?;
    let workplace = Workplace::open(&args.archive)?;
    let signer = workplace.signer(KeyPurpose::Seal)?;
    if open.layout.building().exists() {
        durable::remove_dir_all(&open.layout.building())?;
    }
    let mut next = open.catalog.clone();
    let mut is_changed = false;
    for entry in next.accessions.iter_mut().chain(&mut next.awaiting) {
        let accession = Accession::open(&open.layout, entry, &open.keys)?;
        let new = relabel(&accession, &rules)?;
        let change = Change::between(accession.labels(), &new, accession.records());
        println!("{}: {} records gain a class, {} lose one", accession.id, change.gained, change.lost);
        let is_same = accession.manifest.label_rules.sha256 == rules.sha256() && *accession.labels() == new;
        if is_same || args.dry_run {
            continue;
        }
        is_changed = true;
        let detail = vec![
            ("accession", accession.id.to_string()),
            ("rules", rules.version()),
            ("rules_sha256", rules.sha256().to_string()),
            ("gained", change.gained.to_string()),
            ("lost", change.lost.to_string()),
        ];
        workplace.log.append(operator_entry("label.changed", Role::Archivist, "label apply", detail))?;
        *entry = settle(&open.layout, &accession, entry, &new, &rules)?;
    }
    if is_changed {
        let mut accessions = Vec::new();
        for entry in &next.accessions {
            accessions.push(Arc::new(Accession::open(&open.layout, entry, &open.keys)?));
        }
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        next.index =
            Some(index::rebuild(&open.layout, &open.catalog, &accessions, threads).context("the index cannot be built")?);
        next.reason = "label".into();
        let published = catalog::publish(&open.layout, next, &open.catalog_sha256, &now(), &signer)?;
        index::remove_unused(&open.layout, &published, &open.catalog)?;
        durable::remove_dir_all(&open.layout.building())?;
        println!("In force: {}.", rules.version());
    } else {
        println!("Nothing was changed.");
    }
    workplace.log.close();
    Ok(ExitCode::SUCCESS)
}

/// Makes the new generation and moves it to its place; no catalog names it yet.
fn settle(layout: &Layout, accession: &Accession, entry: &InForce, new: &Labels, rules: &Rules) -> anyhow::Result<InForce> {
    let (draft, manifest) = remap::relabel(layout, accession, new, labels::named(rules))?;
    let target = layout.generation(&accession.id, manifest.generation);
    if target.dir().exists() {
        // Left by a run that died before it published.
        durable::remove_dir_all(target.dir())?;
    }
    durable::rename(draft.dir(), target.dir())?;
    let path = target.manifest();
    let text = std::fs::read(&path).map_err(StoreError::read(&path))?;
    Ok(InForce { generation: manifest.generation, manifest_sha256: hex(&Sha256::digest(&text)), ..entry.clone() })
}

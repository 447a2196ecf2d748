//! `chartkeep ingest`: a delivery becomes a published accession.
//!
//! Not for: the passes themselves (`ingest`), the index (`index`).

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, bail};
use serde_json::json;

use super::archive::{OpenArchive, bytes_below, now};
use super::identity;
use super::operator::{Workplace, operator_entry};
use super::progress::Meter;
use super::{DONE_WITH_FINDINGS, REFUSED};
use crate::access::Role;
use crate::config::Config;
use crate::identity::statements_of;
use crate::index;
use crate::ingest::declared::Agreement;
use crate::ingest::{self, IngestOptions, IngestSummary, Ingested, Progress, Standing};
use crate::mapping::IdentityEvent;
use crate::mapping::settings::Settings;
use crate::mapping::tabular::ready;
use crate::signing::KeyPurpose;
use crate::statements::{Evidence, Statement};
use crate::store::Accession;
use crate::store::manifest::{InForce, IndexInForce};

/// Read a delivery into the archive: check it, seal it, index it, publish it.
///
/// Files, folders, .zip and .tar of FHIR R4 (bulk NDJSON, Bundles, one resource per file, with attachments inside or as
/// files beside), HL7 v2 messages and C-CDA documents; tables (CSV, fixed width) and loose documents with a mapping file.
/// Every source record ends as archived, duplicate, quarantined, excluded or joined; the ledger balances or nothing is
/// published. A manifest.toml in the delivery says what its sender counted (files with path, rows and sha256, and counts
/// by type): another digest stops the ingest, another count stands in the report.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  chartkeep ingest /data/old-ehr /deliveries/2024-07-02 --source-system mer\n\nExit codes: 0 \
published, 1 published with quarantined records to look at, 2 refused or failed.")]
pub struct IngestArgs {
    /// Folder of the archive
    pub archive: PathBuf,
    /// Files and folders of the delivery
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Short name of the system that the records come from; part of record ids for ever
    #[arg(long, value_name = "NAME")]
    pub source_system: String,
    /// Mapping file of the source, or the name of one that comes with the program (see `chartkeep map`)
    #[arg(long, value_name = "FILE|NAME")]
    pub mapping: Option<String>,
    /// Worker threads
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Print the result as one JSON object, last
    #[arg(long)]
    pub json: bool,
}

/// What an ingest came to.
pub(super) struct Outcome {
    pub accession: String,
    pub summary: IngestSummary,
    pub is_known: bool,
    /// Sealed, and read by nobody until it is signed off.
    pub awaits: bool,
    pub seconds: f64,
    pub bytes_archive: u64,
}

/// Runs the command.
pub fn run(args: &IngestArgs) -> anyhow::Result<ExitCode> {
    let meter = Meter::new();
    let settings = args.mapping.as_deref().map_or_else(|| Ok(Settings::default()), mapping_named);
    let done = settings.and_then(|settings| {
        let what = Delivered { paths: &args.paths, source_system: &args.source_system, settings: &settings, reprocess_of: None };
        ingest(&args.archive, &what, args.threads, &meter)
    });
    meter.end();
    let outcome = match done {
        Ok(outcome) => outcome,
        Err(error) => {
            if args.json {
                println!("{}", json!({ "error": format!("{error:#}") }));
            }
            eprintln!("chartkeep: {error:#}");
            return Ok(ExitCode::from(REFUSED));
        }
    };
    let records = outcome.summary.records;
    if args.json {
        let mut result = json!({
            "accession": outcome.accession,
            "records": records,
            "by_kind": outcome.summary.by_kind,
            "seconds": (outcome.seconds * 1000.0).round() / 1000.0,
            "bytes_in": outcome.summary.bytes_in,
            "bytes_archive": outcome.bytes_archive,
        });
        if outcome.awaits {
            result["awaits_signoff"] = true.into();
        }
        if let Some(agreement) = outcome.summary.agreement {
            result["declared"] = json!(agreement);
        }
        println!("{result}");
    } else {
        print_summary(&outcome, &args.archive);
    }
    Ok(if records.quarantined > 0 && !outcome.is_known { ExitCode::from(DONE_WITH_FINDINGS) } else { ExitCode::SUCCESS })
}

pub(super) fn print_summary(outcome: &Outcome, archive: &Path) {
    let records = outcome.summary.records;
    if outcome.is_known {
        let awaits = if outcome.awaits { ", which awaits sign-off" } else { "" };
        println!("This delivery is already archived as {}{awaits}. Nothing was changed.", outcome.accession);
        return;
    }
    match outcome.awaits {
        false => println!("Accession {} is published.", outcome.accession),
        true => println!("Accession {} is sealed and awaits sign-off; nobody reads it before.", outcome.accession),
    }
    println!(
        "  {} records read = {} archived + {} duplicate + {} quarantined + {} excluded. The ledger balances.",
        records.input, records.archived, records.duplicate, records.quarantined, records.excluded
    );
    let (bytes_in, bytes_archive) = (outcome.summary.bytes_in, outcome.bytes_archive.max(1));
    println!(
        "  {:.1} MB in, archive {:.1} MB ({:.1} : 1), {:.1} s, {:.0} records/s.",
        bytes_in as f64 / 1e6,
        bytes_archive as f64 / 1e6,
        bytes_in as f64 / bytes_archive as f64,
        outcome.seconds,
        records.input as f64 / outcome.seconds.max(0.001)
    );
    match outcome.summary.agreement {
        Some(Agreement { compared, differing: 0 }) => println!("  All {compared} counts that the sending system declared agree."),
        Some(Agreement { compared, differing }) => {
            println!(
                "  {differing} of {compared} counts that the sending system declared DIFFER from what was read: see the report."
            );
        }
        None => {}
    }
    if records.quarantined > 0 {
        println!("  Look at what was quarantined: chartkeep report {} --accession {}", archive.display(), outcome.accession);
    }
    if outcome.awaits {
        println!("  Next: chartkeep signoff sample {} {} --out review.html", archive.display(), outcome.accession);
    }
}

/// What is to be ingested, and how it is read.
pub(super) struct Delivered<'a> {
    pub paths: &'a [PathBuf],
    pub source_system: &'a str,
    pub settings: &'a Settings,
    /// The accession whose quarantined source records these are.
    pub reprocess_of: Option<&'a str>,
}

/// A mapping file by its path, or one that comes with the program by its name.
pub(super) fn mapping_named(mapping: &str) -> anyhow::Result<Settings> {
    let text = match std::fs::read_to_string(mapping) {
        Ok(text) => text,
        Err(error) => match ready::text(mapping) {
            Some(text) => text,
            None => bail!("{mapping}: {error}; mappings that come with the program: {}", ready::names().join(", ")),
        },
    };
    Ok(Settings::parse(&text)?)
}

/// Ingests, indexes and publishes; writes the audit entries.
pub(super) fn ingest(
    archive: &Path,
    delivered: &Delivered<'_>,
    threads: Option<usize>,
    meter: &Meter,
) -> anyhow::Result<Outcome> {
    let Delivered { paths, source_system, settings, reprocess_of } = *delivered;
    let started = Instant::now();
    let (open, _lock) = OpenArchive::open_to_change(archive)?;
    let workplace = Workplace::open(archive)?;
    let signer = workplace.signer(KeyPurpose::Seal)?;
    let awaits = Config::load(archive)?.publish_needs_signoff;
    let threads = threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(2, usize::from)).max(1);
    let options = IngestOptions { paths, source_system, threads, now: now(), settings, reprocess_of };
    let show = |progress: Progress| match progress {
        Progress::Reading { bytes, of } => meter.show("reading", bytes, of, true),
        Progress::Gathering { done, of } => meter.show("gathering", done as u64, of as u64, false),
        Progress::Assembling => meter.show("sealing", 1, 1, false),
    };
    let log = |accession: &str, what: &str, summary: &IngestSummary| {
        workplace.log.append(operator_entry(
            "ingest.run",
            Role::Archivist,
            "ingest",
            vec![
                ("accession", accession.to_string()),
                ("source_system", source_system.to_string()),
                ("what", what.to_string()),
                ("input", summary.records.input.to_string()),
                ("archived", summary.records.archived.to_string()),
                ("duplicate", summary.records.duplicate.to_string()),
                ("quarantined", summary.records.quarantined.to_string()),
                ("excluded", summary.records.excluded.to_string()),
                ("declared", summary.agreement.map_or_else(|| "not given".into(), said_of)),
            ],
        ))
    };
    let sealed = match ingest::run(&open.layout, &open.catalog, &open.keys, &signer, &options, &show)? {
        Ingested::Known { accession, summary } => {
            log(&accession, "known delivery", &summary)?;
            let seconds = started.elapsed().as_secs_f64();
            let awaits = open.catalog.awaits(&accession);
            return Ok(Outcome { accession, summary, is_known: true, awaits, seconds, bytes_archive: bytes_of(&open) });
        }
        Ingested::Sealed(sealed) => sealed,
    };
    let summary = sealed.summary.clone();
    let accession = sealed.entry.accession.clone();
    let identity = who_is_who(&accession, &sealed.identity, source_system);
    let standing = match awaits {
        true => Standing::Awaiting,
        false => Standing::InForce(indexed(&open, &sealed.entry, threads, meter)?),
    };
    log(&accession, if awaits { "publishing to await sign-off" } else { "publishing" }, &summary)?;
    // Before the catalog: after a crash in between, the next run says them again, which changes nothing. They count once
    // the accession is in force.
    if !identity.is_empty() {
        identity::say(&workplace, archive, Role::Archivist, "ingest", &accession, &identity)?;
    }
    let published = sealed.publish(&open.layout, &open.catalog, &open.catalog_sha256, standing, &signer, &now())?;
    index::remove_unused(&open.layout, &published, &open.catalog)?;
    let seconds = started.elapsed().as_secs_f64();
    Ok(Outcome { accession, summary, is_known: false, awaits, seconds, bytes_archive: bytes_of(&open) })
}

fn said_of(agreement: Agreement) -> String {
    format!("{} of {} agree", agreement.compared - agreement.differing, agreement.compared)
}

/// The index over what is in force and what is about to be.
fn indexed(open: &OpenArchive, sealed: &InForce, threads: usize, meter: &Meter) -> anyhow::Result<IndexInForce> {
    let mut accessions = Vec::new();
    for entry in open.catalog.accessions.iter().chain([sealed]) {
        accessions.push(Arc::new(Accession::open(&open.layout, entry, &open.keys)?));
    }
    meter.show("indexing", 0, 1, false);
    index::rebuild(&open.layout, &open.catalog, &accessions, threads).context("the index cannot be built")
}

/// What the source records say about who is who, as statements that name the message they rest on.
fn who_is_who(accession: &str, events: &[(u64, IdentityEvent)], source_system: &str) -> Vec<Statement> {
    let evidence = |item: u64| Evidence::Message { accession: accession.to_string(), item, at: None };
    let events: Vec<_> = events.iter().map(|(item, event)| (event.clone(), evidence(*item))).collect();
    statements_of(&events, source_system)
}

fn bytes_of(open: &OpenArchive) -> u64 {
    bytes_below(&open.layout.accessions()) + bytes_below(&open.layout.indexes())
}

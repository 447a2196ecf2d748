//! `chartkeep compact`: packs every accession anew as small as it gets, and publishes that.
//!
//! Not for: the packing (`store::compact`).

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use sha2::{Digest, Sha256};

use super::archive::{OpenArchive, bytes_below, now};
use super::operator::{Workplace, operator_entry};
use super::progress::Meter;
use crate::access::Role;
use crate::durable;
use crate::signing::KeyPurpose;
use crate::store::compact::{Compacted, compact};
use crate::store::manifest::{InForce, hex};
use crate::store::{Accession, StoreError, catalog};

/// Pack every accession anew, smaller. Takes time once and saves space for as long as the archive is kept.
///
/// Each accession gets a new generation of files, which is proved record by record against its seal before a new catalog
/// names it. The old files are removed after that. Readers go on meanwhile.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  chartkeep compact /data/old-ehr\n\nExit codes: 0 done, 2 refused or failed.")]
pub struct CompactArgs {
    /// Folder of the archive
    pub archive: PathBuf,
    /// Worker threads
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

/// Runs the command.
pub fn run(args: &CompactArgs) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let (open, _lock) = OpenArchive::open_to_change(&args.archive)?;
    let workplace = Workplace::open(&args.archive)?;
    let signer = workplace.signer(KeyPurpose::Seal)?;
    let threads = args.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(2, usize::from)).max(1);
    remove_old(&open)?;
    let meter = Meter::new();
    let mut next = open.catalog.clone();
    let mut done = 0;
    for entry in &mut next.accessions {
        let accession = Accession::open(&open.layout, entry, &open.keys)?;
        let made = compact(&open.layout, &accession, threads, &|done, of| meter.show("packing", done as u64, of as u64, false))?;
        if made.after() >= made.before() {
            println!("{}: cannot be packed smaller.", entry.accession);
            continue;
        }
        print(&entry.accession, &made);
        *entry = settle(&open, &accession, entry, made)?;
        done += 1;
    }
    meter.end();
    if open.layout.building().exists() {
        durable::remove_dir_all(&open.layout.building())?;
    }
    if done == 0 {
        println!("Nothing was changed.");
        return Ok(ExitCode::SUCCESS);
    }
    next.reason = "compact".into();
    let detail = vec![("what", "compacted".to_string()), ("accessions", done.to_string())];
    workplace.log.append(operator_entry("archive.maintained", Role::Archivist, "compact", detail))?;
    catalog::publish(&open.layout, next, &open.catalog_sha256, &now(), &signer)?;
    remove_old(&OpenArchive::open(&args.archive)?)?;
    workplace.log.close();
    let bytes = bytes_below(&open.layout.accessions()) + bytes_below(&open.layout.indexes());
    println!("The archive has {:.1} MB now; {:.1} s.", bytes as f64 / 1e6, started.elapsed().as_secs_f64());
    Ok(ExitCode::SUCCESS)
}

fn print(accession: &str, made: &Compacted) {
    println!("{accession}: {:.2} MB, before {:.2} MB", made.after() as f64 / 1e6, made.before() as f64 / 1e6);
    for part in &made.parts {
        println!("  {:10} {:9.2} MB, before {:9.2} MB", part.name, part.after as f64 / 1e6, part.before as f64 / 1e6);
    }
}

/// Moves the new generation to its place; no catalog names it yet.
fn settle(open: &OpenArchive, accession: &Accession, entry: &InForce, made: Compacted) -> anyhow::Result<InForce> {
    let generation = made.manifest.generation;
    let target = open.layout.generation(&accession.id, generation);
    durable::rename(made.draft.dir(), target.dir())?;
    let manifest = std::fs::read(target.manifest()).map_err(StoreError::read(&target.manifest()))?;
    Ok(InForce { generation, manifest_sha256: hex(&Sha256::digest(&manifest)), ..entry.clone() })
}

/// Removes generations that the catalog in force does not name: older ones, and what an interrupted run left behind.
fn remove_old(open: &OpenArchive) -> anyhow::Result<()> {
    if open.layout.building().exists() {
        durable::remove_dir_all(&open.layout.building())?;
    }
    for entry in &open.catalog.accessions {
        let accession = open.layout.accessions().join(&entry.accession);
        for found in std::fs::read_dir(&accession).map_err(StoreError::read(&accession))? {
            let found = found.map_err(StoreError::read(&accession))?;
            let number = found.file_name().to_str().and_then(|n| n.parse::<u32>().ok());
            if number.is_some_and(|n| n != entry.generation) {
                durable::remove_dir_all(&found.path())?;
            }
        }
    }
    Ok(())
}

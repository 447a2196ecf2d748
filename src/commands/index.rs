//! `chartkeep index`: makes the search index anew from the store.
//!
//! Not for: what is in an index (`index`).

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, ensure};

use super::archive::{OpenArchive, bytes_below, now};
use super::operator::{Workplace, operator_entry};
use crate::access::Role;
use crate::index;
use crate::signing::KeyPurpose;
use crate::store::{Accession, catalog};

/// Make the search index anew from the records.
///
/// The index in force serves until the new one is whole; then a new catalog names it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  chartkeep index /data/old-ehr --rebuild\n\nExit codes: 0 done, 2 refused or failed.")]
pub struct IndexArgs {
    /// Folder of the archive
    pub archive: PathBuf,
    /// Build it anew
    #[arg(long)]
    pub rebuild: bool,
    /// Worker threads
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

/// Runs the command.
pub fn run(args: &IndexArgs) -> anyhow::Result<ExitCode> {
    ensure!(args.rebuild, "say what to do with the index: --rebuild");
    let started = Instant::now();
    let (open, _lock) = OpenArchive::open_to_change(&args.archive)?;
    let workplace = Workplace::open(&args.archive)?;
    let signer = workplace.signer(KeyPurpose::Seal)?;
    let threads = args.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(2, usize::from)).max(1);
    let mut accessions = Vec::new();
    for entry in &open.catalog.accessions {
        accessions.push(Arc::new(Accession::open(&open.layout, entry, &open.keys)?));
    }
    let made = index::rebuild(&open.layout, &open.catalog, &accessions, threads).context("the index cannot be built")?;
    let detail = vec![("what", "index rebuilt".to_string()), ("index", made.number.to_string())];
    workplace.log.append(operator_entry("archive.maintained", Role::Archivist, "index", detail))?;
    let mut next = open.catalog.clone();
    next.reason = "index".into();
    let number = made.number;
    next.index = Some(made);
    let published = catalog::publish(&open.layout, next, &open.catalog_sha256, &now(), &signer)?;
    index::remove_unused(&open.layout, &published, &open.catalog)?;
    workplace.log.close();
    let bytes = bytes_below(&open.layout.index(number)) as f64 / 1e6;
    println!("Index {number} is in force: {bytes:.1} MB, {:.1} s.", started.elapsed().as_secs_f64());
    Ok(ExitCode::SUCCESS)
}

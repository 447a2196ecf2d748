//! `chartkeep accession`: which accessions are in force, taking a wrong one out, bringing it back.
//!
//! Not for: making one (`ingest`). Nothing is deleted here.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use serde_json::json;

use super::archive::{OpenArchive, now};
use super::operator::{Workplace, operator_entry, operator_name};
use crate::access::Role;
use crate::index;
use crate::signing::KeyPurpose;
use crate::store::manifest::{Catalog, Withdrawn};
use crate::store::{Accession, catalog};

/// List accessions, withdraw a wrong one, restore it.
#[derive(Debug, clap::Args)]
pub struct AccessionArgs {
    #[command(subcommand)]
    command: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    List(ListArgs),
    Withdraw(WithdrawArgs),
    Restore(RestoreArgs),
}

/// List the accessions in force, and those that were withdrawn.
#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Folder of the archive
    archive: PathBuf,
    /// As one JSON object
    #[arg(long)]
    json: bool,
}

/// Take an accession out of force: a wrong extract, or one under a wrong name.
///
/// Its files are kept and stay checked; nobody reads them until it is restored.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  chartkeep accession withdraw /data/old-ehr acc-0123456789abcdef --reason \"test system, not production\""
)]
struct WithdrawArgs {
    /// Folder of the archive
    archive: PathBuf,
    /// The accession
    accession: String,
    /// Why; stands in the catalog and in the audit log
    #[arg(long)]
    reason: String,
    /// The accession that holds the right records instead
    #[arg(long, value_name = "ACCESSION")]
    replaced_by: Option<String>,
}

/// Put a withdrawn accession into force again.
#[derive(Debug, clap::Args)]
struct RestoreArgs {
    /// Folder of the archive
    archive: PathBuf,
    /// The accession
    accession: String,
    /// Why; stands in the audit log
    #[arg(long)]
    reason: String,
}

/// Runs the command.
pub fn run(args: &AccessionArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        What::List(args) => list(args),
        What::Withdraw(args) => withdraw(args),
        What::Restore(args) => restore(args),
    }
}

fn list(args: &ListArgs) -> anyhow::Result<ExitCode> {
    let open = OpenArchive::open(&args.archive)?;
    if args.json {
        println!("{}", json!({ "in_force": open.catalog.accessions, "withdrawn": open.catalog.withdrawn }));
        return Ok(ExitCode::SUCCESS);
    }
    for entry in &open.catalog.accessions {
        println!("{}  {}  generation {}", entry.accession, entry.source_system, entry.generation);
    }
    for gone in &open.catalog.withdrawn {
        let entry = &gone.accession;
        println!("{}  {}  withdrawn {} by {}: {}", entry.accession, entry.source_system, gone.at, gone.by, gone.reason);
        if let Some(other) = &gone.replaced_by {
            println!("    in its place: {other}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn withdraw(args: &WithdrawArgs) -> anyhow::Result<ExitCode> {
    ensure!(!args.reason.trim().is_empty(), "say why, with --reason");
    change(&args.archive, "withdraw", &args.accession, &args.reason, |next| {
        let at = next.accessions.iter().position(|a| a.accession == args.accession);
        let accession = next.accessions.remove(at.context("no accession in force has this name")?);
        if let Some(other) = &args.replaced_by
            && !next.accessions.iter().any(|a| a.accession == *other)
        {
            bail!("{other} is not in force; ingest the right delivery first");
        }
        let (reason, replaced_by) = (args.reason.clone(), args.replaced_by.clone());
        next.withdrawn.push(Withdrawn { accession, reason, by: operator_name(), at: now(), replaced_by });
        Ok(())
    })?;
    println!("{} is withdrawn. Its files are kept: chartkeep accession restore brings it back.", args.accession);
    Ok(ExitCode::SUCCESS)
}

fn restore(args: &RestoreArgs) -> anyhow::Result<ExitCode> {
    ensure!(!args.reason.trim().is_empty(), "say why, with --reason");
    change(&args.archive, "restore", &args.accession, &args.reason, |next| {
        let at = next.withdrawn.iter().position(|w| w.accession.accession == args.accession);
        let back = next.withdrawn.remove(at.context("no withdrawn accession has this name")?);
        next.accessions.push(back.accession);
        Ok(())
    })?;
    println!("{} is in force again.", args.accession);
    Ok(ExitCode::SUCCESS)
}

/// Publishes a changed catalog with an index of what is then in force.
fn change(
    archive: &std::path::Path,
    what: &str,
    accession: &str,
    reason: &str,
    edit: impl FnOnce(&mut Catalog) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let (open, _lock) = OpenArchive::open_to_change(archive)?;
    let workplace = Workplace::open(archive)?;
    let signer = workplace.signer(KeyPurpose::Seal)?;
    let mut next = open.catalog.clone();
    edit(&mut next)?;
    next.reason = what.into();
    let mut accessions = Vec::new();
    for entry in &next.accessions {
        accessions.push(Arc::new(Accession::open(&open.layout, entry, &open.keys)?));
    }
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    next.index = Some(index::rebuild(&open.layout, &open.catalog, &accessions, threads).context("the index cannot be built")?);
    let detail =
        vec![("what", format!("accession {what}")), ("accession", accession.to_string()), ("reason", reason.to_string())];
    workplace.log.append(operator_entry("archive.maintained", Role::Archivist, "accession", detail))?;
    let published = catalog::publish(&open.layout, next, &open.catalog_sha256, &now(), &signer)?;
    index::remove_unused(&open.layout, &published, &open.catalog)?;
    workplace.log.close();
    Ok(())
}

//! `chartkeep accession`: which accessions are in force, taking a wrong one out, bringing it back; and putting one into
//! force that was signed off.
//!
//! Not for: making one (`ingest`). Nothing is deleted here.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use serde_json::json;

use super::archive::{OpenArchive, now};
use super::operator::{Workplace, operator_entry, operator_name};
use crate::access::Role;
use crate::config::Config;
use crate::index;
use crate::signing::KeyPurpose;
use crate::statements::{self, Made, Verdict};
use crate::store::manifest::{Catalog, InForce, Withdrawn};
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

/// List the accessions in force, those that await sign-off, and those that were withdrawn.
#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Folder of the archive
    archive: PathBuf,
    /// As one JSON object
    #[arg(long)]
    json: bool,
}

/// Take an accession out: a wrong extract, or one under a wrong name.
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
///
/// Where publishing needs sign-off, one that was never accepted awaits it.
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
        let Catalog { accessions, awaiting, withdrawn, .. } = &open.catalog;
        println!("{}", json!({ "in_force": accessions, "awaiting_signoff": awaiting, "withdrawn": withdrawn }));
        return Ok(ExitCode::SUCCESS);
    }
    for entry in &open.catalog.accessions {
        println!("{}  {}  generation {}", entry.accession, entry.source_system, entry.generation);
    }
    for entry in &open.catalog.awaiting {
        println!("{}  {}  awaits sign-off", entry.accession, entry.source_system);
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
        let place = |entries: &[InForce]| entries.iter().position(|a| a.accession == args.accession);
        let accession = match (place(&next.accessions), place(&next.awaiting)) {
            (Some(at), _) => next.accessions.remove(at),
            (None, Some(at)) => next.awaiting.remove(at),
            (None, None) => bail!("no accession in force or awaiting sign-off has this name"),
        };
        if let Some(other) = &args.replaced_by
            && !next.has_in_force(other)
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
    let needs_signoff = Config::load(&args.archive)?.publish_needs_signoff;
    let said = statements::read(&args.archive)?;
    let mut awaits = false;
    change(&args.archive, "restore", &args.accession, &args.reason, |next| {
        let at = next.withdrawn.iter().position(|w| w.accession.accession == args.accession);
        let back = next.withdrawn.remove(at.context("no withdrawn accession has this name")?).accession;
        awaits = needs_signoff && !is_accepted(&said, &back);
        if awaits {
            next.awaiting.push(back)
        } else {
            next.accessions.push(back)
        }
        Ok(())
    })?;
    match awaits {
        false => println!("{} is in force again.", args.accession),
        true => println!("{} was never accepted and awaits sign-off: chartkeep signoff", args.accession),
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether the last sign-off of this very seal accepted the accession.
fn is_accepted(said: &[Made], entry: &InForce) -> bool {
    let mut of_it = statements::sign_offs(said, &entry.accession).into_iter();
    let last = of_it.rfind(|(_, it)| it.seal_sha256 == entry.seal_sha256);
    last.is_some_and(|(_, it)| it.result == Verdict::Accepted)
}

/// Puts an accession into force that awaited the sign-off which it now has.
pub(super) fn accept(archive: &Path, accession: &str, reviewer: &str) -> anyhow::Result<()> {
    change(archive, "accept", accession, &format!("signed off by {reviewer}"), |next| {
        let at = next.awaiting.iter().position(|a| a.accession == accession);
        let accepted = next.awaiting.remove(at.context("no accession that awaits sign-off has this name")?);
        next.accessions.push(accepted);
        Ok(())
    })
}

/// Publishes a changed catalog with an index of what is then in force.
fn change(
    archive: &Path,
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
    if next.accessions != open.catalog.accessions {
        let mut accessions = Vec::new();
        for entry in &next.accessions {
            accessions.push(Arc::new(Accession::open(&open.layout, entry, &open.keys)?));
        }
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        let index = index::rebuild(&open.layout, &open.catalog, &accessions, threads);
        next.index = Some(index.context("the index cannot be built")?);
    }
    let detail =
        vec![("what", format!("accession {what}")), ("accession", accession.to_string()), ("reason", reason.to_string())];
    workplace.log.append(operator_entry("archive.maintained", Role::Archivist, "accession", detail))?;
    let published = catalog::publish(&open.layout, next, &open.catalog_sha256, &now(), &signer)?;
    index::remove_unused(&open.layout, &published, &open.catalog)?;
    workplace.log.close();
    Ok(())
}

//! `chartkeep quarantine`: what could not be read, by place and reason, and one such item as it was delivered.
//!
//! Not for: deciding what is quarantined (`ingest`, `mapping`), or reading it again.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use serde_json::json;

use super::archive::OpenArchive;
use super::operator::{Workplace, operator_name};
use crate::access::{Principal, Purpose, RequestContext, Role, Scope, Shown};
use crate::config::Config;
use crate::model::AccessionId;
use crate::query::{Archive, QueryError};
use crate::signing::KeyPurpose;
use crate::store::Accession;
use crate::store::ledger::{LedgerRow, read_rows};

/// List what is in quarantine, or show one item as it was delivered.
#[derive(Debug, clap::Args)]
pub struct QuarantineArgs {
    #[command(subcommand)]
    command: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    List(ListArgs),
    Show(ShowArgs),
}

/// List quarantined items by their places and reasons; none of their content.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  chartkeep quarantine list /data/old-ehr --reason hl7v2.pid-missing")]
struct ListArgs {
    /// Folder of the archive
    archive: PathBuf,
    /// Only this accession
    #[arg(long, value_name = "ACCESSION")]
    accession: Option<String>,
    /// Only reasons that begin so
    #[arg(long, value_name = "CODE")]
    reason: Option<String>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// Print one quarantined or excluded item, byte for byte, to standard output.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  chartkeep quarantine show /data/old-ehr acc-0123456789abcdef 4711 > item.hl7")]
struct ShowArgs {
    /// Folder of the archive
    archive: PathBuf,
    /// The accession
    accession: String,
    /// The item's number, as the list gives it
    item: u64,
    /// Entry of a Bundle
    #[arg(long, value_name = "N", default_value_t = 0)]
    entry: u32,
    /// Purpose of use; the built-in policy shows it for RECORDMGT alone
    #[arg(long, default_value = "RECORDMGT", value_parser = super::export::parse_purpose)]
    purpose: Purpose,
}

/// Runs the command.
pub fn run(args: &QuarantineArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        What::List(args) => list(args),
        What::Show(args) => show(args),
    }
}

fn list(args: &ListArgs) -> anyhow::Result<ExitCode> {
    let open = OpenArchive::open(&args.archive)?;
    let is_wanted = |id: &str| args.accession.as_deref().is_none_or(|wanted| wanted == id);
    let entries: Vec<_> = open.catalog.reviewable().filter(|a| is_wanted(&a.accession)).collect();
    if let (true, Some(id)) = (entries.is_empty(), &args.accession) {
        bail!("there is no accession {id} in force or awaiting sign-off");
    }
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut total = 0u64;
    for entry in entries {
        let accession = Accession::open(&open.layout, entry, &open.keys)?;
        let mut failed = None;
        read_rows(&accession.paths().ledger(), |row| {
            let reason = row.reason.as_deref().unwrap_or_default();
            let is_listed = row.outcome == "quarantined" && args.reason.as_deref().is_none_or(|code| reason.starts_with(code));
            if is_listed && failed.is_none() {
                total += 1;
                failed = write_row(&mut out, &accession, &row, args.json).err();
            }
        })?;
        if let Some(error) = failed {
            return Err(error.into());
        }
    }
    if !args.json {
        match total {
            0 => writeln!(out, "Nothing is in quarantine.")?,
            total => writeln!(out, "{total} in all. One as it was delivered: chartkeep quarantine show ARCHIVE ACCESSION ITEM")?,
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn write_row(out: &mut impl Write, accession: &Accession, row: &LedgerRow, is_json: bool) -> std::io::Result<()> {
    let at = accession.files.partition_point(|f| f.first_item + f.items <= row.item);
    let (file, number) =
        accession.files.get(at).map_or(("", 0), |f| (f.name.as_str(), row.item.saturating_sub(f.first_item) + 1));
    let reason = row.reason.as_deref().unwrap_or_default();
    if is_json {
        let (id, kind) = (accession.id.as_str(), &row.kind);
        let line = json!({
            "accession": id, "item": row.item, "entry": row.entry, "file": file, "number": number, "kind": kind, "reason": reason
        });
        return writeln!(out, "{line}");
    }
    let entry = if row.entry > 0 { format!(" --entry {}", row.entry) } else { String::new() };
    writeln!(out, "{} {}{entry}  {file} item {number}  {}  {reason}", accession.id, row.item, row.kind)
}

fn show(args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let workplace = Workplace::open(&args.archive)?;
    let config = Config::load(&args.archive)?;
    let archive = Archive::open_with_awaiting(&args.archive, workplace.ring.verifiers(KeyPurpose::Seal), config.cutover)?;
    let principal = Principal::operator(&operator_name(), Role::Him, args.purpose);
    let context = RequestContext {
        request_id: uuid::Uuid::now_v7().to_string(),
        method: "CLI".into(),
        path: "quarantine show".into(),
        ..RequestContext::default()
    };
    let id = AccessionId::parse(&args.accession).context("not the name of an accession")?;
    let permit = workplace.gate()?.ask(&principal, Scope::Quarantine, context)?;
    // Nobody knows whose it is: the entry names the place instead of a patient.
    let place = format!("kept item {}.{} of {id}", args.item, args.entry);
    let shown = |hits| Shown { event: "document.download", hits: Some(hits), query: Some(place.clone()), ..Shown::default() };
    let found = archive.kept_item(&permit, &id, args.item, args.entry);
    let item = match found {
        Ok(item) => permit.answer(item, shown(1))?.into_inner(),
        Err(QueryError::NotFound) => {
            permit.answer((), shown(0))?;
            workplace.log.close();
            bail!("no quarantined or excluded item is there; see: chartkeep quarantine list");
        }
        Err(error) => return Err(error.into()),
    };
    workplace.log.close();
    eprintln!("{} item {}: {} {}, {}", item.file, item.number, item.kind, item.outcome, item.reason);
    std::io::stdout().write_all(&item.bytes)?;
    Ok(ExitCode::SUCCESS)
}

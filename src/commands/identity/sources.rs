//! What the site's crosswalk file says, and what the archived records say themselves: `import` and `scan`.
//!
//! Not for: what a person says (`say`), or messages, which an ingest reads.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, ensure};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Desk, operator_name, words};
use crate::access::Shown;
use crate::commands::DONE_WITH_FINDINGS;
use crate::identity::{Crosswalk, Known, Plan, SharedNamespaces, Trouble, links_of_patient};
use crate::limits::CROSSWALK_BYTES_MAX;
use crate::model::{PatientKey, Record, hex};
use crate::statements::Statement;

/// Rows of a kind of trouble that are listed by number.
const ROWS_SHOWN: usize = 20;

/// Import the site's crosswalk file: which numbers of which sources are one person.
///
/// A delimited text with a heading. Columns: local id; authority (the source system, or the namespace of the number);
/// enterprise id; and, if there, status (active, retired, removed) and date. The file is authoritative for the numbers that
/// it names: what an earlier file said otherwise of them is taken back. What a person said outweighs it. Numbers of the EHR
/// that launches the viewer (patient_namespace in chartkeep.toml) are remembered with the patients that they stand for.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  chartkeep identity import archive mpi.csv --by 'A. Example' --dry-run
  chartkeep identity import archive mpi.csv --by 'A. Example'

Exit codes: 0 done, 1 done and some rows were not used, 2 refused or failed.")]
pub struct ImportArgs {
    /// Folder of the archive
    archive: PathBuf,
    /// The crosswalk file
    file: PathBuf,
    /// Who vouches for the file
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Only print what would be said
    #[arg(long)]
    dry_run: bool,
}

/// Read what archived patients say of each other: Patient.link, and numbers that sources share.
///
/// Two patients with the same number in a namespace named with --shared-namespace are linked. What a person took back is
/// not said again.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  chartkeep identity scan archive --dry-run
  chartkeep identity scan archive --shared-namespace urn:oid:2.16.840.1.113883.4.999")]
pub struct ScanArgs {
    /// Folder of the archive
    archive: PathBuf,
    /// An identifier namespace (`Identifier.system`) that several sources share; may be given several times
    #[arg(long, value_name = "URI")]
    shared_namespace: Vec<String>,
    /// Only print what would be said
    #[arg(long)]
    dry_run: bool,
}

/// Calls `visit` with every patient, and logs that they were read.
fn read_patients(desk: &Desk, command: &str, visit: &mut dyn FnMut(&PatientKey, &Record, &Value)) -> anyhow::Result<()> {
    let permit = desk.ask_for_patients(command)?;
    let mut count = 0;
    desk.archive.each_patient(&permit, &mut |key, record| {
        count += 1;
        visit(key, record, &serde_json::from_str(&record.json).unwrap_or_default());
    })?;
    // Read and not shown: only keys come out of it.
    permit.answer((), Shown { event: "identity.reviewed", hits: Some(count), ..Shown::default() })?;
    Ok(())
}

/// Imports a crosswalk file on somebody's word, as the command does.
pub(in crate::commands) fn import_file(archive: &Path, file: &Path, by: &str) -> anyhow::Result<()> {
    import(&ImportArgs { archive: archive.to_path_buf(), file: file.to_path_buf(), by: by.into(), dry_run: false })?;
    Ok(())
}

pub fn import(args: &ImportArgs) -> anyhow::Result<ExitCode> {
    let size = std::fs::metadata(&args.file).with_context(|| args.file.display().to_string())?.len();
    ensure!(size <= CROSSWALK_BYTES_MAX, "a crosswalk file of more than {CROSSWALK_BYTES_MAX} bytes is not read");
    let bytes = std::fs::read(&args.file).with_context(|| args.file.display().to_string())?;
    let name = args.file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let crosswalk = Crosswalk::parse(&bytes)?;
    let desk = Desk::open(&args.archive)?;
    let mut known = Known::new(&crosswalk);
    read_patients(&desk, "identity import", &mut |key, record, json| {
        known.add(key, &record.source_system, &record.original_id, json);
    })?;
    let plan = Plan::of(&crosswalk, &known, &desk.resolver, &desk.launching, &name, &hex(&Sha256::digest(&bytes)));
    if args.dry_run {
        plan.statements.iter().for_each(|statement| println!("would say: {}", words(statement)));
    } else if !plan.statements.is_empty() {
        desk.say("identity import", &args.by, &plan.statements)?;
    }
    desk.workplace.log.close();
    print_plan(&crosswalk, &plan, args.dry_run);
    Ok(if plan.troubles.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(DONE_WITH_FINDINGS) })
}

fn print_plan(crosswalk: &Crosswalk, plan: &Plan, is_dry: bool) {
    let rows = crosswalk.rows.len() + crosswalk.bad.len();
    println!("{rows} rows: {} numbers found in this archive, {} people with more than one.", plan.found, plan.people);
    let mut by_trouble: BTreeMap<Trouble, Vec<u64>> = BTreeMap::new();
    for (row, trouble) in &plan.troubles {
        by_trouble.entry(*trouble).or_default().push(*row);
    }
    for (trouble, rows) in by_trouble {
        let listed: Vec<String> = rows.iter().take(ROWS_SHOWN).map(u64::to_string).collect();
        let more = if rows.len() > ROWS_SHOWN { ", …" } else { "" };
        println!("  {} not used, {}: rows {}{more}", rows.len(), trouble.words(), listed.join(", "));
    }
    println!("{} statements {}.", plan.statements.len(), if is_dry { "would be made" } else { "made" });
}

pub fn scan(args: &ScanArgs) -> anyhow::Result<ExitCode> {
    let desk = Desk::open(&args.archive)?;
    let mut found = Vec::new();
    let mut shared = SharedNamespaces::new(&args.shared_namespace);
    read_patients(&desk, "identity scan", &mut |key, _, json| {
        found.extend(links_of_patient(key, json));
        shared.add(key, json);
    })?;
    let (links, refused) = shared.finish();
    found.extend(links);
    let (mut statements, mut held_back) = (Vec::new(), 0);
    for statement in found {
        match standing(&desk, &statement) {
            Standing::New => statements.push(statement),
            Standing::HeldBack => held_back += 1,
            Standing::Said => {}
        }
    }
    statements.dedup();
    if args.dry_run {
        statements.iter().for_each(|statement| println!("would say: {}", words(statement)));
    } else if !statements.is_empty() {
        desk.say("identity scan", &operator_name(), &statements)?;
    }
    desk.workplace.log.close();
    println!("{} statements {}.", statements.len(), if args.dry_run { "would be made" } else { "made" });
    if held_back > 0 {
        println!("{held_back} were not, since a person said otherwise.");
    }
    if refused > 0 {
        println!("{refused} numbers are held by too many patients to be anyone's.");
    }
    Ok(ExitCode::SUCCESS)
}

/// How what a record says stands to what was said before.
enum Standing {
    New,
    Said,
    HeldBack,
}

fn standing(desk: &Desk, statement: &Statement) -> Standing {
    let (a, b, said) = match statement {
        Statement::Link { a, b, .. } => (a, b, false),
        Statement::Merge { from, into, .. } => (from, into, true),
        _ => return Standing::Said,
    };
    let (Some(a), Some(b)) = (PatientKey::parse(a), PatientKey::parse(b)) else { return Standing::Said };
    let said = if said { desk.resolver.merges(&a, &b) } else { desk.resolver.links(&a, &b) };
    if !said.is_empty() {
        Standing::Said
    } else if desk.resolver.are_apart(&a, &b) {
        Standing::HeldBack
    } else {
        Standing::New
    }
}

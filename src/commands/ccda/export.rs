//! `chartkeep ccda export`: a person's chart as a C-CDA document, a file of it as an Unstructured Document, or an archived
//! document as its own bytes.
//!
//! Not for: packages for a requester (`release`), or FHIR (`chartkeep export`). What leaves goes through the gate, with an
//! operator and a purpose.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::ValueEnum;

use crate::access::{Gate, Permit, Principal, Purpose, RequestContext, Role, Scope, Shown};
use crate::commands::export::parse_purpose;
use crate::commands::operator::{Workplace, operator_name};
use crate::config::Config;
use crate::durable;
use crate::model::{ArchiveId, DocumentId, Kind, Label, PatientKey, Record};
use crate::query::Archive;
use crate::release::ccda::{self, Made, Wanted};
use crate::signing::KeyPurpose;

/// Write a C-CDA document: a summary of a chart (ccd), a file of it wrapped as it is (unstructured), or an archived document
/// byte for byte (original).
///
/// The document says that this archive made it. Two calls with the same arguments and the same --created give the same bytes.
/// The access log names every record in it before it is written.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  chartkeep ccda export /data/old-ehr --patient 7c1c9a4e-0d31-4c6b-a5a7-2f7d6e0b9c11 --type ccd --out summary.xml --purpose PATRQT
  chartkeep ccda export /data/old-ehr --patient 7c1c9a4e-0d31-4c6b-a5a7-2f7d6e0b9c11 --type unstructured --document 19-0-mer.77 --out scan.xml
  chartkeep ccda export /data/old-ehr --patient 7c1c9a4e-0d31-4c6b-a5a7-2f7d6e0b9c11 --type original --document 19-0-mer.78 --out visit.xml")]
pub struct ExportArgs {
    /// Folder of the archive
    archive: PathBuf,
    /// The patient (the key, as in the viewer's address)
    #[arg(long, value_name = "ID")]
    patient: String,
    /// What to write
    #[arg(long = "type", value_enum)]
    kind: What,
    /// Only this encounter
    #[arg(long, value_name = "ID", conflicts_with = "document")]
    encounter: Option<String>,
    /// Only from this day on, YYYY-MM-DD; records without a date stay in
    #[arg(long, value_name = "DAY", conflicts_with = "document")]
    from: Option<String>,
    /// Only up to this day
    #[arg(long, value_name = "DAY", conflicts_with = "document")]
    to: Option<String>,
    /// The file, by its id as in the viewer's address, for unstructured and original
    #[arg(long, value_name = "ID", required_if_eq_any([("kind", "unstructured"), ("kind", "original")]))]
    document: Option<String>,
    /// When the document is said to have been made, as 2025-01-02T15:04:05-05:00 [default: now]
    #[arg(long, value_name = "TIME")]
    created: Option<String>,
    /// File to write; must not exist
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Purpose of use: RECORDMGT, HLEGAL or PATRQT
    #[arg(long, default_value = "RECORDMGT", value_parser = parse_purpose)]
    purpose: Purpose,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum What {
    Ccd,
    Unstructured,
    Original,
}

/// Runs `chartkeep ccda export`.
pub fn run(args: &ExportArgs) -> anyhow::Result<ExitCode> {
    let patient = PatientKey::parse(&args.patient).context("not a patient key")?;
    let workplace = Workplace::open(&args.archive)?;
    let config = Config::load(&args.archive)?;
    let archive = Archive::open(&args.archive, workplace.ring.verifiers(KeyPurpose::Seal), config.cutover.clone())?;
    let gate = workplace.gate()?;
    let done = export(args, &patient, &gate, &archive, &config).and_then(|bytes| write(&args.out, &bytes));
    workplace.log.close();
    done.map(|()| ExitCode::SUCCESS)
}

/// The document, once its entry stands in the log.
fn export(args: &ExportArgs, patient: &PatientKey, gate: &Gate, archive: &Archive, config: &Config) -> anyhow::Result<Vec<u8>> {
    let principal = Principal::operator(&operator_name(), Role::Him, args.purpose);
    let permit = gate.ask(&principal, archive.chart_scope(patient), context())?;
    let made = make(args, patient, &permit, archive, config)?;
    let mut shown = shown(args.kind, &made.records);
    shown.patients = match permit.scope() {
        Scope::Person(keys) => keys.clone(),
        _ => vec![patient.clone()],
    };
    Ok(permit.answer(made.bytes, shown)?.into_inner())
}

fn make(args: &ExportArgs, patient: &PatientKey, permit: &Permit, archive: &Archive, config: &Config) -> anyhow::Result<Made> {
    let created = match &args.created {
        Some(time) => time.clone(),
        None => jiff::Zoned::now().strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
    };
    let all = |_: &Record| true;
    if args.kind == What::Ccd {
        let encounter = args.encounter.as_deref().map(|id| ArchiveId::parse(id).context("not an encounter's id")).transpose()?;
        let wanted = Wanted { patient: patient.clone(), encounter, from: args.from.clone(), to: args.to.clone(), created };
        return Ok(ccda::ccd(archive, config, permit, &wanted, &all)?);
    }
    let id = args.document.as_deref().and_then(ArchiveId::parse).context("name the document by its id")?;
    let document = archive.document(permit, &DocumentId(id))?;
    Ok(match args.kind {
        What::Original => Made { bytes: document.bytes, records: vec![document.record] },
        _ => ccda::unstructured(archive, config, permit, document, &created, &all)?,
    })
}

fn write(out: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    durable::write_new(out, bytes).with_context(|| format!("{} cannot be written", out.display()))?;
    println!("{} bytes are in {}.", bytes.len(), out.display());
    Ok(())
}

fn context() -> RequestContext {
    RequestContext {
        request_id: uuid::Uuid::now_v7().to_string(),
        method: "CLI".into(),
        path: "ccda export".into(),
        ..RequestContext::default()
    }
}

fn shown(kind: What, records: &[Record]) -> Shown {
    let mut kinds: Vec<Kind> = records.iter().map(|r| r.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    Shown {
        event: if kind == What::Original { "document.download" } else { "export.bulk.file" },
        places: records.iter().map(|r| r.place.clone()).collect(),
        label: records.iter().fold(Label::NORMAL, |l, r| l.union(r.label)),
        kinds,
        hits: Some(records.len() as u64),
        ..Shown::default()
    }
}

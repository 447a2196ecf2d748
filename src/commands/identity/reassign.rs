//! `chartkeep identity reassign`: a record that was filed under the wrong patient shows in the right chart.
//!
//! Not for: patients who are one person (`say`).

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};

use super::{Desk, key, operator_name, words};
use crate::access::{Principal, Purpose, RequestContext, Role, Scope, Shown};
use crate::identity::Reassigned;
use crate::model::{ArchiveId, Kind, PatientKey};
use crate::statements::{self, Evidence, Statement};

/// Say that a single record was filed under the wrong patient: it shows in the other's chart and no longer in this one
///
/// The record itself stays as delivered, its subject too; its page tells of the statement. All versions of it go along.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  chartkeep identity reassign archive Observation/mer.7 --to mer.124 --reason 'blood of the patient in the next bed'
  chartkeep identity reassign archive Observation/mer.7 --undo --reason 'it was his after all'")]
pub struct ReassignArgs {
    /// Folder of the archive
    archive: PathBuf,
    /// The record, as Type/id
    record: String,
    /// The patient key of whom it is
    #[arg(long, value_name = "KEY", required_unless_present = "undo", conflicts_with = "undo")]
    to: Option<String>,
    /// Take it back: the record shows where it was filed
    #[arg(long)]
    undo: bool,
    /// Why; stands on the record's page and in the log
    #[arg(long)]
    reason: String,
    /// Who vouches for it [default: the operator]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

pub fn reassign(args: &ReassignArgs) -> anyhow::Result<ExitCode> {
    ensure!(!args.reason.trim().is_empty(), "say why with --reason");
    let parsed = args.record.split_once('/').and_then(|(kind, id)| Some((Kind::from_name(kind)?, ArchiveId::parse(id)?)));
    let (kind, id) = parsed.context("name the record as Type/id")?;
    ensure!(kind != Kind::PATIENT, "a patient is not reassigned; two that are one person are linked: see identity link");
    let desk = Desk::open(&args.archive)?;
    let reassigned = Reassigned::of(&statements::read(&desk.path)?);
    let stands = reassigned.get(kind, &id);
    let (reason, evidence) = (args.reason.clone(), Evidence::Person);
    let (kind_name, id_text) = (kind.name().to_string(), id.to_string());
    let statement = match (&args.to, stands) {
        (None, None) => bail!("it was not reassigned"),
        (None, Some(it)) => {
            let (from, to) = (it.from.to_string(), it.to.to_string());
            Statement::ReassignBack { kind: kind_name, id: id_text, from, to, reason, evidence }
        }
        (Some(_), Some(it)) => bail!("it was reassigned to {} already; take that back first: --undo", it.to),
        (Some(to), None) => {
            let to = key(to)?;
            ensure!(desk.archive.kinds_of(&to.0).contains(&Kind::PATIENT), "{to} is no patient of this archive");
            let from = patient_of(&desk, kind, &id)?;
            ensure!(from != to, "it lies in that chart already");
            let (from, to) = (from.to_string(), to.to_string());
            Statement::Reassign { kind: kind_name, id: id_text, from, to, reason, evidence }
        }
    };
    let said = words(&statement);
    desk.say("identity reassign", &args.by.clone().unwrap_or_else(operator_name), &[statement])?;
    desk.workplace.log.close();
    println!("Said: {said}.");
    Ok(ExitCode::SUCCESS)
}

/// In whose chart the record lies. It is read through the gate, so that the log says so.
fn patient_of(desk: &Desk, kind: Kind, id: &ArchiveId) -> anyhow::Result<PatientKey> {
    let principal = Principal::operator(&operator_name(), Role::Him, Purpose::RecordManagement);
    let context = RequestContext {
        request_id: uuid::Uuid::now_v7().to_string(),
        method: "CLI".into(),
        path: "identity reassign".into(),
        ..RequestContext::default()
    };
    let permit = desk.gate.ask(&principal, Scope::Record(kind, id.clone()), context)?;
    let record = desk.archive.record(&permit, kind, id)?;
    let shown = Shown {
        event: "identity.reviewed",
        patients: record.patient.iter().cloned().collect(),
        places: vec![record.place],
        label: record.label,
        kinds: vec![kind],
        ..Shown::default()
    };
    let patient = permit.answer(record.patient, shown)?.into_inner();
    patient.context("the record names no patient, so it is in no chart to be taken from")
}

//! `chartkeep identity`: who is who among the patients of several sources. Everything said is appended, audited, and can be
//! taken back.
//!
//! Not for: what follows from what is said (`identity`).

mod reassign;
mod review;
mod say;
mod sources;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, ensure};

use super::archive::OpenArchive;
use super::operator::{Workplace, operator_entry, operator_name};
use crate::access::{Gate, Permit, Principal, RequestContext, Role, Scope};
use crate::audit::Outcome;
use crate::config::Config;
use crate::identity::Resolver;
use crate::model::PatientKey;
use crate::query::Archive;
use crate::signing::KeyPurpose;
use crate::statements::{self, Statement, StatementLog};

/// Link and unlink patients of several sources, import a crosswalk file, look at likely duplicates.
#[derive(Debug, clap::Args)]
pub struct IdentityArgs {
    #[command(subcommand)]
    action: IdentityAction,
}

#[derive(Debug, clap::Subcommand)]
enum IdentityAction {
    Import(sources::ImportArgs),
    Scan(sources::ScanArgs),
    /// Say that two patient keys are one person: their charts open as one
    #[command(after_help = "Example:\n  chartkeep identity link archive mer.123 pvs.77 --reason 'same person, ID card seen'")]
    Link(say::PairArgs),
    /// Take back what connects two patient keys, links and merges alike
    #[command(
        after_help = "Example:\n  chartkeep identity unlink archive mer.123 pvs.77 --reason 'other birth date on the card'"
    )]
    Unlink(say::PairArgs),
    NotSame(say::NotSameArgs),
    Reassign(reassign::ReassignArgs),
    List(review::ListArgs),
    /// Show the keys of a person, and what connects them
    #[command(after_help = "Example:\n  chartkeep identity show archive mer.123")]
    Show(review::ShowArgs),
    Candidates(review::CandidatesArgs),
}

pub(super) use sources::import_file;

/// Runs `chartkeep identity`.
pub fn run(args: &IdentityArgs) -> anyhow::Result<ExitCode> {
    match &args.action {
        IdentityAction::Import(args) => sources::import(args),
        IdentityAction::Scan(args) => sources::scan(args),
        IdentityAction::Link(args) => say::link(args),
        IdentityAction::Unlink(args) => say::unlink(args),
        IdentityAction::NotSame(args) => say::not_same(args),
        IdentityAction::Reassign(args) => reassign::reassign(args),
        IdentityAction::List(args) => review::list(args),
        IdentityAction::Show(args) => review::show(args),
        IdentityAction::Candidates(args) => review::candidates(args),
    }
}

/// Keys that one audit entry names; a longer list takes several entries.
const KEYS_OF_ENTRY: usize = 1_000;

/// An archive as these commands see it.
struct Desk {
    path: PathBuf,
    workplace: Workplace,
    gate: Gate,
    archive: Archive,
    /// Who is who as things stand.
    resolver: Resolver,
    /// Whose numbers launches of the viewer come with.
    launching: Vec<String>,
}

impl Desk {
    fn open(path: &Path) -> anyhow::Result<Desk> {
        let workplace = Workplace::open(path)?;
        let config = Config::load(path)?;
        let launching = config.access.patient_namespaces();
        let archive = Archive::open(path, workplace.ring.verifiers(KeyPurpose::Seal), config.cutover)?;
        let gate = workplace.gate()?;
        let catalog = OpenArchive::open(path)?.catalog;
        let resolver = Resolver::in_force(&statements::read(path)?, |accession| catalog.has_in_force(accession));
        Ok(Desk { path: path.to_path_buf(), workplace, gate, archive, resolver, launching })
    }

    /// Leave to read every patient, for `command`.
    fn ask_for_patients(&self, command: &str) -> anyhow::Result<Permit> {
        let principal = Principal::operator(&operator_name(), Role::Him, crate::access::Purpose::RecordManagement);
        let context = RequestContext {
            request_id: uuid::Uuid::now_v7().to_string(),
            method: "CLI".into(),
            path: command.into(),
            ..RequestContext::default()
        };
        Ok(self.gate.ask(&principal, Scope::IdentityReview, context)?)
    }

    fn say(&self, command: &str, by: &str, statements: &[Statement]) -> anyhow::Result<()> {
        say(&self.workplace, &self.path, Role::Him, command, by, statements)
    }

    /// An entry that says what was looked at.
    fn looked_at(&self, command: &str, keys: &[PatientKey]) -> anyhow::Result<()> {
        for keys in keys.chunks(KEYS_OF_ENTRY) {
            let mut entry = operator_entry("identity.reviewed", Role::Him, command, Vec::new());
            entry.patients = keys.to_vec();
            self.workplace.log.append(entry)?;
        }
        Ok(())
    }
}

fn keys_of(statement: &Statement) -> Vec<&str> {
    match statement {
        Statement::LabelPut { .. } | Statement::SignOff(_) => vec![],
        Statement::Link { a, b, .. }
        | Statement::Unlink { a, b, .. }
        | Statement::NotSame { a, b, .. }
        | Statement::MaybeSame { a, b, .. }
        | Statement::Later { a, b, .. } => vec![a, b],
        Statement::Merge { from, into, .. } | Statement::Unmerge { from, into, .. } => vec![from, into],
        Statement::Reassign { from, to, .. } | Statement::ReassignBack { from, to, .. } => vec![from, to],
        Statement::Retire { key, .. }
        | Statement::Reinstate { key, .. }
        | Statement::Number { key, .. }
        | Statement::NumberBack { key, .. } => vec![key],
    }
}

/// A statement in words, without its reason.
fn words(statement: &Statement) -> String {
    match statement {
        Statement::LabelPut { kind, id, .. } => format!("label {kind}/{id}"),
        Statement::SignOff(it) => format!("sign-off of {}", it.accession),
        Statement::Link { a, b, .. } => format!("link {a} and {b}"),
        Statement::Unlink { a, b, .. } => format!("unlink {a} and {b}"),
        Statement::Merge { from, into, .. } => format!("merge {from} into {into}"),
        Statement::Unmerge { from, into, .. } => format!("unmerge {from} from {into}"),
        Statement::NotSame { a, b, .. } => format!("{a} and {b} are two people"),
        Statement::MaybeSame { a, b, .. } => format!("{a} and {b} may be one person"),
        Statement::Later { a, b, .. } => format!("whether {a} and {b} are one person is put off"),
        Statement::Reassign { kind, id, from, to, .. } => format!("reassign {kind}/{id} from {from} to {to}"),
        Statement::ReassignBack { kind, id, from, to, .. } => format!("{kind}/{id} back from {to} to {from}"),
        Statement::Number { key, authority, number, .. } => format!("{key} is {number} at {authority}"),
        Statement::NumberBack { key, authority, number, .. } => format!("{key} is no longer {number} at {authority}"),
        Statement::Retire { key, .. } => format!("retire {key}"),
        Statement::Reinstate { key, .. } => format!("reinstate {key}"),
    }
}

fn key(text: &str) -> anyhow::Result<PatientKey> {
    PatientKey::parse(text).context("not a patient key; it is the last part of the chart's address")
}

/// Two different keys.
fn pair(a: &str, b: &str) -> anyhow::Result<(PatientKey, PatientKey)> {
    let (a, b) = (key(a)?, key(b)?);
    ensure!(a != b, "name two different patients");
    Ok((a, b))
}

/// Appends statements, once entries that name every patient key in them are durable. `by` is who vouches for them.
pub(super) fn say(
    workplace: &Workplace,
    archive: &Path,
    role: Role,
    command: &str,
    by: &str,
    statements: &[Statement],
) -> anyhow::Result<()> {
    let mut keys: Vec<PatientKey> = statements.iter().flat_map(keys_of).filter_map(PatientKey::parse).collect();
    keys.sort_unstable();
    keys.dedup();
    let entry = |outcome, text: Option<String>, keys: &[PatientKey]| {
        let detail = vec![("statements", statements.len().to_string()), ("by", by.to_string())];
        let mut entry = operator_entry("identity.changed", role, command, detail);
        (entry.outcome, entry.outcome_desc, entry.patients) = (outcome, text, keys.to_vec());
        entry
    };
    for keys in keys.chunks(KEYS_OF_ENTRY) {
        workplace.log.append(entry(Outcome::Success, None, keys))?;
    }
    let signer = workplace.signer(KeyPurpose::Audit)?;
    let said = StatementLog::open(archive, std::sync::Arc::new(signer)).and_then(|log| log.append("cli", by, statements));
    if let Err(error) = said {
        workplace.log.append(entry(Outcome::MinorFailure, Some(error.to_string()), &[]))?;
        return Err(error.into());
    }
    Ok(())
}

//! One file per command of the command line, and the exit codes.
//!
//! Not for: the work itself; a command wires modules together and prints.

mod accession;
mod archive;
pub mod audit;
mod break_glass;
mod ccda;
mod client;
mod compact;
mod demo;
mod disclosure;
mod export;
mod identity;
mod index;
mod ingest;
mod init;
mod label;
mod map;
mod operator;
mod overseer;
mod policy;
mod progress;
mod quarantine;
mod relations;
mod release;
mod report;
mod reprocess;
pub mod serve;
mod sessions;
mod signoff;
pub mod synth;
mod terminology;
pub mod token;
pub mod user;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A read-only archive for retired electronic health record systems.
#[derive(Debug, Parser)]
#[command(name = "chartkeep", version, max_term_width = 100, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::InitArgs),
    Ingest(ingest::IngestArgs),
    Map(map::MapArgs),
    Serve(serve::ServeArgs),
    Export(export::ExportArgs),
    Demo(demo::DemoArgs),
    Verify(verify::VerifyArgs),
    Accession(accession::AccessionArgs),
    Ccda(ccda::CcdaArgs),
    Compact(compact::CompactArgs),
    Index(index::IndexArgs),
    Identity(identity::IdentityArgs),
    Report(report::ReportArgs),
    Quarantine(quarantine::QuarantineArgs),
    Signoff(signoff::SignoffArgs),
    Reprocess(reprocess::ReprocessArgs),
    Audit(audit::AuditArgs),
    Disclosure(disclosure::DisclosureArgs),
    Release(release::ReleaseArgs),
    User(user::UserArgs),
    BreakGlass(break_glass::BreakGlassArgs),
    Policy(policy::PolicyArgs),
    Relations(relations::RelationsArgs),
    Terminology(terminology::TerminologyArgs),
    Label(label::LabelArgs),
    Token(token::TokenArgs),
    Client(client::ClientArgs),
    Synth(synth::SynthArgs),
}

/// Exit code of a command that was done, with findings to look at.
pub(crate) const DONE_WITH_FINDINGS: u8 = 1;
/// Exit code of a command that was refused or failed.
pub(crate) const REFUSED: u8 = 2;
/// Exit code when a log is damaged as no crash explains: it is not opened, and nothing is repaired.
const LOG_DAMAGED: u8 = 3;

/// Parses the command line and runs the command. Exit codes: 0 done, 1 done with findings, 2 refused or failed, 3 refused
/// because a log is damaged.
pub fn main() -> ExitCode {
    crate::telemetry::install_panic_hook();
    let cli = Cli::parse();
    let done = match &cli.command {
        Command::Init(args) => init::run(args),
        Command::Ingest(args) => ingest::run(args),
        Command::Map(args) => map::run(args),
        Command::Serve(args) => serve::run(args),
        Command::Export(args) => export::run(args),
        Command::Demo(args) => demo::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Accession(args) => accession::run(args),
        Command::Ccda(args) => ccda::run(args),
        Command::Compact(args) => compact::run(args),
        Command::Index(args) => index::run(args),
        Command::Identity(args) => identity::run(args),
        Command::Report(args) => report::run(args),
        Command::Quarantine(args) => quarantine::run(args),
        Command::Signoff(args) => signoff::run(args),
        Command::Reprocess(args) => reprocess::run(args),
        Command::Audit(args) => audit::run(args),
        Command::Disclosure(args) => disclosure::run(args),
        Command::Release(args) => release::run(args),
        Command::User(args) => user::run(args),
        Command::BreakGlass(args) => break_glass::run(args),
        Command::Policy(args) => policy::run(args),
        Command::Relations(args) => relations::run(args),
        Command::Terminology(args) => terminology::run(args),
        Command::Label(args) => label::run(args),
        Command::Token(args) => token::run(args),
        Command::Client(args) => client::run(args),
        Command::Synth(args) => return synth::command(args),
    };
    done.unwrap_or_else(|error| {
        eprintln!("chartkeep: {error:#}");
        let is_damage = |cause: &(dyn std::error::Error + 'static)| {
            matches!(cause.downcast_ref(), Some(crate::audit::LogError::Damaged { .. }))
        };
        ExitCode::from(if error.chain().any(is_damage) { LOG_DAMAGED } else { REFUSED })
    })
}

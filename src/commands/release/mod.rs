//! `chartkeep release`: requests for records and their packages from the command line.
//!
//! Not for: packages themselves (`release::package`), or working on requests (the workspace, and `release::desk` behind it).

mod build;
mod keys;
mod list;
mod office;
mod show;
mod texts;
mod verify;

use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;

use crate::signing::VerifierKey;

/// Requests for records and their packages: list, show, build and check them. The workspace is where people work on them.
#[derive(Debug, clap::Args)]
pub struct ReleaseArgs {
    #[command(subcommand)]
    command: ReleaseCommand,
}

#[derive(Debug, Subcommand)]
enum ReleaseCommand {
    List(list::ListArgs),
    Show(show::ShowArgs),
    Build(build::BuildArgs),
    Verify(verify::VerifyArgs),
    Keys(keys::KeysArgs),
    Texts(texts::TextsArgs),
}

/// Runs `chartkeep release`.
pub fn run(args: &ReleaseArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        ReleaseCommand::List(args) => list::run(args),
        ReleaseCommand::Show(args) => show::run(args),
        ReleaseCommand::Build(args) => build::run(args),
        ReleaseCommand::Verify(args) => verify::run(args),
        ReleaseCommand::Keys(args) => keys::run(args),
        ReleaseCommand::Texts(args) => texts::run(args),
    }
}

/// Public keys as they are given on the command line: the key itself, or a file of such lines.
fn given_keys(given: &[String]) -> anyhow::Result<Vec<VerifierKey>> {
    let mut keys = Vec::new();
    for text in given {
        match VerifierKey::parse(text) {
            Ok(key) => keys.push(key),
            Err(_) => {
                let read = super::audit::trusted_keys(text.as_ref());
                keys.extend(read.with_context(|| format!("{text} is neither a public key nor a file of them"))?);
            }
        }
    }
    Ok(keys)
}

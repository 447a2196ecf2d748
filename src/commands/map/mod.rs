//! `chartkeep map`: from the tables of an old system to a mapping file. Profile them, draft a mapping, check it, see what
//! it makes of a row.
//!
//! Not for: reading a delivery into an archive (`ingest`).

mod check;
mod draft;
mod profile;
mod tables;

use std::process::ExitCode;

use clap::Subcommand;

/// Look at the tables of an old system, draft a mapping file for them, check it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  chartkeep map profile /deliveries/2024-07-02 --html profile.html\n  chartkeep map draft \
/deliveries/2024-07-02 > mapping.toml")]
pub struct MapArgs {
    #[command(subcommand)]
    command: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    Profile(profile::ProfileArgs),
    Draft(draft::DraftArgs),
    Check(check::CheckArgs),
    Explain(check::ExplainArgs),
}

/// Runs the command.
pub fn run(args: &MapArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        Step::Profile(args) => profile::run(args),
        Step::Draft(args) => draft::run(args),
        Step::Check(args) => check::run(args),
        Step::Explain(args) => check::explain(args),
    }
}

//! `chartkeep ccda`: C-CDA documents from the command line.
//!
//! Not for: the documents themselves (`render::cda`, `render::ccd`).

mod render;

use std::process::ExitCode;

use clap::Subcommand;

/// Render C-CDA documents.
#[derive(Debug, clap::Args)]
pub struct CcdaArgs {
    #[command(subcommand)]
    command: CcdaCommand,
}

#[derive(Debug, Subcommand)]
enum CcdaCommand {
    Render(render::RenderArgs),
}

/// Runs `chartkeep ccda`.
pub fn run(args: &CcdaArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        CcdaCommand::Render(args) => render::run(args),
    }
}

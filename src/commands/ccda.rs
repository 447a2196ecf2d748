//! `chartkeep ccda`: documents out of an archive (`export`), and `ccda render`: a CDA document as a page or as text, from a file, without an archive.
//!
//! Not for: documents of an archive, which leave it through the gate alone (`export`, the server).

mod export;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;

use crate::durable;
use crate::render::cda::{self, Options};

use super::DONE_WITH_FINDINGS;

/// Render C-CDA documents, and export them from an archive.
#[derive(Debug, clap::Args)]
pub struct CcdaArgs {
    #[command(subcommand)]
    command: CcdaCommand,
}

#[derive(Debug, Subcommand)]
enum CcdaCommand {
    Render(RenderArgs),
    Export(export::ExportArgs),
}

/// Show one document as a page of HTML or as plain text, complete and in its author's order.
///
/// Nothing in the document is run and nothing is fetched. Exit code 1: the page was made, and something was left out or
/// mended; the findings stand on the page and on standard error.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  chartkeep ccda render visit.xml --html visit.html
  chartkeep ccda render visit.xml --text -")]
struct RenderArgs {
    /// The document
    file: PathBuf,
    /// Write a page here; `-` for standard output
    #[arg(long, value_name = "FILE", required_unless_present = "text")]
    html: Option<PathBuf>,
    /// Write plain text here; `-` for standard output
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,
    /// Show the last four digits of social security numbers only
    #[arg(long)]
    mask_ids: bool,
}

/// Runs `chartkeep ccda`.
pub fn run(args: &CcdaArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        CcdaCommand::Render(args) => render(args),
        CcdaCommand::Export(args) => export::run(args),
    }
}

fn render(args: &RenderArgs) -> anyhow::Result<ExitCode> {
    let bytes = std::fs::read(&args.file).with_context(|| format!("{} cannot be read", args.file.display()))?;
    let page = cda::page(&bytes, Options { mask_ids: args.mask_ids }).with_context(|| args.file.display().to_string())?;
    if let Some(out) = &args.html {
        write(out, cda::standalone(&page).as_bytes())?;
    }
    if let Some(out) = &args.text {
        write(out, cda::text(&page).as_bytes())?;
    }
    for warning in &page.warnings {
        eprintln!("{}: {} {} × {}", args.file.display(), warning.code, warning.about, warning.count);
    }
    Ok(if page.warnings.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(DONE_WITH_FINDINGS) })
}

fn write(out: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    if out == Path::new("-") {
        use std::io::Write as _;
        return Ok(std::io::stdout().lock().write_all(bytes)?);
    }
    durable::replace(out, bytes)?;
    Ok(())
}

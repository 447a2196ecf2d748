//! `chartkeep ccda render`: a CDA document as a page, as text or in print, from a file, without an archive.
//!
//! Not for: documents of an archive, which leave it through the gate alone (`export`, the server).

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;

use crate::durable;
use crate::render::cda::{self, Options};

use crate::commands::DONE_WITH_FINDINGS;

/// Show one document as a page of HTML, as plain text or in print, complete and in its author's order.
///
/// Nothing in the document is run and nothing is fetched. Exit code 1: the page was made, and something was left out or
/// mended; the findings stand on the page and on standard error.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  chartkeep ccda render visit.xml --html visit.html
  chartkeep ccda render visit.xml --pdf visit.pdf
  chartkeep ccda render visit.xml --text -")]
pub struct RenderArgs {
    /// The document
    file: PathBuf,
    /// Write a page here; `-` for standard output
    #[arg(long, value_name = "FILE", required_unless_present_any = ["text", "pdf"])]
    html: Option<PathBuf>,
    /// Write plain text here; `-` for standard output
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,
    /// Write a PDF here; `-` for standard output
    #[arg(long, value_name = "FILE")]
    pdf: Option<PathBuf>,
    /// Show the last four digits of social security numbers only
    #[arg(long)]
    mask_ids: bool,
}

/// Runs `chartkeep ccda render`.
pub fn run(args: &RenderArgs) -> anyhow::Result<ExitCode> {
    let bytes = std::fs::read(&args.file).with_context(|| format!("{} cannot be read", args.file.display()))?;
    let page = cda::page(&bytes, Options { mask_ids: args.mask_ids }).with_context(|| args.file.display().to_string())?;
    if let Some(out) = &args.html {
        write(out, cda::standalone(&page).as_bytes())?;
    }
    if let Some(out) = &args.text {
        write(out, cda::text(&page).as_bytes())?;
    }
    if let Some(out) = &args.pdf {
        let made = cda::pdf(&page).with_context(|| format!("{} cannot be printed", args.file.display()))?;
        write(out, &made.bytes)?;
        for (character, count) in &made.printed.missing {
            eprintln!("{}: no font has U+{:04X}, printed as that × {count}", args.file.display(), *character as u32);
        }
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

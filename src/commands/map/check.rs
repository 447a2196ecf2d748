//! `chartkeep map check` and `chartkeep map explain`: whether a mapping file fits the tables, and what it makes of a row.
//!
//! Not for: running a mapping over a delivery (`ingest`).

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;

/// Check a mapping file, against the tables where they are given.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  chartkeep map check mapping.toml /deliveries/2024-07-02")]
pub struct CheckArgs {
    /// The mapping file
    pub mapping: PathBuf,
    /// Folder of the tables
    pub dir: Option<PathBuf>,
}

/// Show what a mapping file makes of one row.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  chartkeep map explain mapping.toml /deliveries/2024-07-02 patients.csv 1")]
pub struct ExplainArgs {
    /// The mapping file
    pub mapping: PathBuf,
    /// Folder of the tables
    pub dir: PathBuf,
    /// Name of the file in it
    pub file: String,
    /// Number of the row, from 1; the header is not counted
    pub row: u64,
}

/// Runs `map check`.
pub fn run(_args: &CheckArgs) -> anyhow::Result<ExitCode> {
    bail!("mapping files are not checked yet")
}

/// Runs `map explain`.
pub fn explain(_args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    bail!("rows are not explained yet")
}

//! `chartkeep map draft`: a first mapping file for the tables of an old system, to be edited by a person.
//!
//! Not for: what goes into it (`mapping::profile::draft`).

use std::path::PathBuf;
use std::process::ExitCode;

use super::super::progress::Meter;
use super::tables;
use crate::mapping::profile::draft;

/// Print a first mapping file for the tables of an old system, to be read and edited.
///
/// It rests on names of columns and on what stands in them. Lines with `# ?` are guesses that a person has to decide. No
/// values of patients' records are in it, but for codes that occur often.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  chartkeep map draft /deliveries/2024-07-02 > mapping.toml\n\nExit codes: 0 done, 2 refused or \
failed."
)]
pub struct DraftArgs {
    /// Folder of the tables
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Short name of the source system, for the head of the file
    #[arg(long, value_name = "NAME", default_value = "old-system")]
    pub source: String,
    /// Worker threads
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

/// Runs the command.
pub fn run(args: &DraftArgs) -> anyhow::Result<ExitCode> {
    let meter = Meter::new();
    let threads = args.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(2, usize::from));
    let profile = tables::profile(&args.dir, threads, &meter);
    meter.end();
    print!("{}", draft::draft(&profile?, &args.source));
    Ok(ExitCode::SUCCESS)
}

//! `chartkeep synth`: writes a made-up delivery.
//!
//! Not for: how it is made (`synth`).

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use crate::synth::{self, Format, MANIFEST_FILE_NAME, Options};

/// Write a made-up hospital as FHIR R4 bulk NDJSON, or as an older system would deliver it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  chartkeep synth hospital --patients 200 --seed 7\n  chartkeep synth \
messages --format hl7v2 --patients 20\n\nThe same seed gives the same \
bytes. What is in the delivery, planted damage included, stands in its synth-manifest.json.")]
pub struct SynthArgs {
    /// Folder to write into; must be new or empty
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Form of the delivery
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Number of patients, about 300 resources each
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub patients: u64,
    /// Everything follows from this number
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Write Patient.ndjson only
    #[arg(long, conflicts_with = "format")]
    pub patients_only: bool,
    /// Give the first patient so many resources
    #[arg(long, value_name = "N")]
    pub giant: Option<u64>,
    /// Plant no damage
    #[arg(long)]
    pub no_damage: bool,
    /// Plant what a release of records has to find: another patient's scan, drafts, corrected results
    #[arg(long, conflicts_with_all = ["format", "patients_only"])]
    pub releases: bool,
    /// Print the totals as one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Runs the command. Exit codes: 0 written, 2 refused or failed.
pub fn command(args: &SynthArgs) -> ExitCode {
    let options = Options {
        format: args.format,
        patients: args.patients,
        seed: args.seed,
        patients_only: args.patients_only,
        giant_patient: args.giant,
        damage: !args.no_damage,
        releases: args.releases,
    };
    let started = Instant::now();
    let manifest = match synth::write(&args.dir, &options) {
        Ok(manifest) => manifest,
        Err(error) => {
            eprintln!("synth: {error}");
            return ExitCode::from(2);
        }
    };
    let seconds = started.elapsed().as_secs_f64();
    if args.json {
        let totals = serde_json::json!({
            "patients": manifest.patients,
            "seed": manifest.seed,
            "records": manifest.ledger,
            "by_kind": manifest.by_kind,
            "files": manifest.files,
            "bytes": manifest.bytes,
            "seconds": (seconds * 1000.0).round() / 1000.0,
        });
        println!("{totals}");
        return ExitCode::SUCCESS;
    }
    println!(
        "{} patients, {} records in {} files and {} documents, {:.1} MB, {:.1} s",
        manifest.patients,
        manifest.ledger.input,
        manifest.files.len(),
        manifest.documents,
        manifest.bytes as f64 / 1e6,
        seconds
    );
    println!("planted damage: {}; totals in {}", manifest.damage.len(), args.dir.join(MANIFEST_FILE_NAME).display());
    ExitCode::SUCCESS
}

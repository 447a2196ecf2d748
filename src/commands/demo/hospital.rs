//! The demo's hospital and what its two old systems delivered: the clinics' system everything as FHIR, the hospital's own some
//! of the same people as C-CDA documents, and the site's crosswalk between their numbers.
//!
//! Not for: what is in the deliveries (`synth`).

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde_json::Value;

use super::DemoArgs;
use crate::commands::identity;
use crate::commands::ingest::{self, Delivered};
use crate::commands::progress::Meter;
use crate::durable;
use crate::mapping::settings::Settings;
use crate::synth::{self, Format, Options};

/// The two systems, as source systems of the archive.
const CLINICS: &str = "mer";
const HOSPITAL: &str = "hbi";
/// People of whom the hospital's system delivered documents too.
const IN_BOTH: u64 = 10;
const CROSSWALK_FILE: &str = "crosswalk.csv";

/// Makes the deliveries, archives them, and says whose numbers belong to one person.
pub(super) fn archive(args: &DemoArgs, archive: &Path) -> anyhow::Result<()> {
    let both = args.patients.min(IN_BOTH);
    let clinics =
        delivery(args, "delivery", &Options { patients: args.patients, seed: 7, releases: true, ..Options::default() })?;
    let of_hospital = Options { format: Format::Ccda, patients: both, seed: 7, damage: false, ..Options::default() };
    let hospital = delivery(args, "delivery-hospital", &of_hospital)?;
    println!("Archiving it…");
    ingest(archive, &clinics, CLINICS)?;
    ingest(archive, &hospital, HOSPITAL)?;
    let crosswalk = args.dir.join(CROSSWALK_FILE);
    if !crosswalk.exists() {
        let text = crosswalk_of(&clinics, usize::try_from(both)?)?;
        durable::write_new(&crosswalk, text.as_bytes()).context("the demo's crosswalk cannot be written")?;
    }
    identity::import_file(archive, &crosswalk, "the demo")
}

fn delivery(args: &DemoArgs, name: &str, options: &Options) -> anyhow::Result<PathBuf> {
    let folder = args.dir.join(name);
    if !folder.exists() {
        println!("Making the delivery of {} patients…", options.patients);
        synth::write(&folder, options).context("the made-up hospital cannot be written")?;
    }
    Ok(folder)
}

fn ingest(archive: &Path, delivery: &Path, source_system: &str) -> anyhow::Result<()> {
    let (paths, settings) = ([delivery.to_path_buf()], Settings::default());
    let delivered = Delivered { paths: &paths, source_system, settings: &settings, reprocess_of: None };
    let outcome = ingest::ingest(archive, &delivered, None, &Meter::new())?;
    let records = outcome.summary.records;
    ensure!(records.balances(), "the ledger does not balance");
    println!(
        "{source_system}: {} records read = {} archived + {} duplicate + {} quarantined + {} excluded (some damage is planted). {:.1} s.",
        records.input, records.archived, records.duplicate, records.quarantined, records.excluded, outcome.seconds
    );
    Ok(())
}

/// The medical record numbers of the first people, which both systems used.
fn crosswalk_of(delivery: &Path, people: usize) -> anyhow::Result<String> {
    let file = std::fs::File::open(delivery.join("Patient.ndjson")).context("the delivery has no patients")?;
    let mut text = String::from("local id,authority,enterprise id\n");
    let mut left = people;
    for line in BufReader::new(file).lines() {
        // Some lines are damaged on purpose.
        let Ok(patient) = serde_json::from_str::<Value>(&line?) else { continue };
        let Some(number) = patient["identifier"][0]["value"].as_str().filter(|_| left > 0) else { continue };
        left -= 1;
        for system in [CLINICS, HOSPITAL] {
            text.push_str(&format!("{number},{system},{number}\n"));
        }
    }
    Ok(text)
}

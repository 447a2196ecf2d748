//! `chartkeep release build`: makes the packages of an approved request, or makes those of a sealed one again and compares.
//!
//! Not for: how packages are made (`release::build`).

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{bail, ensure};

use super::office::{Office, at_the_desk};
use crate::commands::DONE_WITH_FINDINGS;
use crate::release::build::Rebuilt;
use crate::release::desk::{JobState, View};
use crate::release::workflow::State;

/// Make the packages of an approved request. Of a request that is sealed already they are made again from the build record and
/// compared with what left, byte for byte; nothing is kept then.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  chartkeep release build /data/old-ehr 2026-000123

Exit codes: 0 made, or the same bytes again; 1 the packages made again are others; 2 refused or failed.")]
pub struct BuildArgs {
    /// Folder of the archive
    archive: PathBuf,
    /// Number of the request
    number: String,
}

pub fn run(args: &BuildArgs) -> anyhow::Result<ExitCode> {
    at_the_desk(&args.archive, "release build", async |office| {
        let view = office.desk.get(&args.number, &office.worker()).await?.into_inner();
        if view.case.state == State::Approved {
            return seal(office, &view).await;
        }
        ensure!(!view.case.packages.is_empty(), "a request that is {} has no package", view.case.state.name());
        let rebuilt = office.desk.rebuild(&args.number, &office.worker()).await?.into_inner();
        let differ = rebuilt.iter().enumerate().filter(|(at, it)| !told(*at, it)).count();
        Ok(if differ == 0 { ExitCode::SUCCESS } else { ExitCode::from(DONE_WITH_FINDINGS) })
    })
}

/// Waits for the job to be over.
async fn seal(office: &Office, view: &View) -> anyhow::Result<ExitCode> {
    let number = &view.case.number;
    office.desk.seal(&view.seen, &office.worker()).await?;
    loop {
        match office.desk.job(number).map(|job| job.state) {
            Some(JobState::Running) => tokio::time::sleep(Duration::from_millis(100)).await,
            Some(JobState::Done) => break,
            Some(JobState::Failed { why }) => bail!("{why}"),
            None => bail!("the making of the package was given up"),
        }
    }
    let view = office.desk.get(number, &office.worker()).await?.into_inner();
    for (at, package) in view.case.packages.iter().enumerate() {
        println!("Package {}: {} pages, {} bytes, SHA-256 {}", at + 1, package.pages, package.bytes, package.package_sha256);
    }
    Ok(ExitCode::SUCCESS)
}

/// Says what came of making a package again; whether it is the same.
fn told(at: usize, rebuilt: &Rebuilt) -> bool {
    let number = at + 1;
    for difference in &rebuilt.differences {
        println!("Package {number}: {} {}", difference.path, difference.what);
    }
    if rebuilt.differences.is_empty() {
        match &rebuilt.package_sha256 {
            Some(sha256) => println!("Package {number}: the same bytes as it left with, SHA-256 {sha256}"),
            None => println!("Package {number}: the same manifest; the file itself is not here to compare with"),
        }
    }
    rebuilt.differences.is_empty()
}

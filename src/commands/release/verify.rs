//! `chartkeep release verify`: checks a package with a public key, without any archive.
//!
//! Not for: the check itself (`release::package::verify`).

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use serde_json::json;

use super::given_keys;
use crate::commands::{DONE_WITH_FINDINGS, REFUSED};
use crate::release::package::manifest::Manifest;
use crate::release::package::verify::{Report, verify_with};
use crate::release::package::wrap;
use crate::release::shelf::digest_of;

/// Check a release package: every file and every byte of it, the signature, where each record stands in its archive, and
/// whether pages and numbers agree.
///
/// It needs the package and the sender's public key, which you got on another way, and no archive. Every file that was altered,
/// is missing or was added is named.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  chartkeep release verify ROI-2026-000123.zip --key hospital.keys
  chartkeep release verify ROI-2026-000123.zip --key chartkeep-release-1f2e3d4c+0a1b2c3d+AQ… --json

Exit codes: 0 the package holds, 1 something in it does not, 2 it cannot be checked.")]
pub struct VerifyArgs {
    /// The package
    package: PathBuf,
    /// A public key that you trust, name+id+base64, or a file of such lines as `release keys` prints; may be given several times
    #[arg(long, value_name = "KEY", required = true)]
    key: Vec<String>,
    /// Keys of the access log, to prove the approval with [default: those of --key]
    #[arg(long, value_name = "KEY")]
    log_key: Vec<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(args: &VerifyArgs) -> anyhow::Result<ExitCode> {
    let keys = given_keys(&args.key)?;
    let log = if args.log_key.is_empty() { keys.clone() } else { given_keys(&args.log_key)? };
    let open = || File::open(&args.package).with_context(|| format!("cannot read {}", args.package.display()));
    if wrap::is_wrapped(open()?) {
        eprintln!("chartkeep: this package is encrypted; open it with its secret and check what is inside");
        return Ok(ExitCode::from(REFUSED));
    }
    let sha256 = digest_of(open()?)?;
    let report = verify_with(open()?, &keys, &log)?;
    if args.json {
        println!("{}", object(&report, &sha256));
    } else {
        print!("{}", words(&args.package, &report, &sha256));
    }
    Ok(if report.holds() { ExitCode::SUCCESS } else { ExitCode::from(DONE_WITH_FINDINGS) })
}

fn object(report: &Report, sha256: &str) -> serde_json::Value {
    let findings: Vec<_> = report.findings.iter().map(|it| json!({"item": it.item, "what": it.what})).collect();
    let said = report.manifest.as_ref();
    json!({
        "holds": report.holds(),
        "sha256": sha256,
        "findings": findings,
        "package": said.map(|it| &it.package_id),
        "request": said.map(|it| &it.request_no),
        "created": said.map(|it| &it.created),
        "files": report.files,
        "bytes": report.bytes,
        "pages": report.pages,
        "records": said.map(|it| it.items.len()),
        "proofs": report.proofs,
        "originals": report.originals,
        "approval_proved": report.is_approval_proved,
    })
}

/// What was checked, in the words that a certificate under rule 902(13) or (14) needs: what, who, when, which software, which
/// method, which digest.
fn words(path: &Path, report: &Report, sha256: &str) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let mut out = if report.holds() {
        format!("{name} holds: nothing was altered, is missing or was added.\n\n")
    } else {
        let mut out = format!("{name} does NOT hold:\n");
        for finding in &report.findings {
            out += &format!("  {}: {}\n", finding.item, finding.what);
        }
        out + "\nWhat it says of itself, not to be believed:\n"
    };
    if let Some(manifest) = &report.manifest {
        facts(manifest, report).into_iter().for_each(|(label, text)| out += &format!("  {label:<11} {text}\n"));
    }
    out += &format!("  {:<11} {sha256}\n", "SHA-256");
    out
}

fn facts(manifest: &Manifest, report: &Report) -> Vec<(&'static str, String)> {
    let counted = |count: usize, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
    let mut facts = vec![
        ("package", manifest.package_id.clone()),
        ("request", format!("{}, {}", manifest.request_no, manifest.authority.words)),
        ("as of", manifest.created.clone()),
        ("made by", format!("{} {}", manifest.generator.name, manifest.generator.version)),
    ];
    for approval in &manifest.approvals {
        facts.push(("", format!("{} by {}, {}", approval.role, approval.name, approval.at)));
    }
    if let Some(bates) = &manifest.bates {
        facts.push(("numbers", format!("{} to {}", bates.first, bates.last)));
    }
    let redacted = manifest.items.iter().filter(|item| item.redacted).count();
    let (records, all) = (counted(manifest.items.len(), "record", "records"), counted(report.files as usize, "file", "files"));
    facts.push((
        "holds",
        format!("{records} on {} pages, {redacted} of them redacted; {all}, {} bytes", report.pages, report.bytes),
    ));
    for accession in &manifest.accessions {
        facts.push((
            "from",
            format!("{} ({}), {} records, root {}", accession.id, accession.source, accession.records, accession.root),
        ));
    }
    facts.push((
        "checked",
        format!(
            "SHA-256 of every file against the signed list; {} records against the trees of their accessions (RFC 6962), {} of them \
             by their own bytes",
            report.proofs, report.originals
        ),
    ));
    facts.push((
        "approval",
        match (&manifest.audit, report.is_approval_proved) {
            (Some(audit), true) => format!("entry {}/{} of the access log, proved", audit.stream, audit.seq),
            (Some(audit), false) => format!("entry {}/{} of the access log; no key of it was given", audit.stream, audit.seq),
            (None, _) => "comes without a proof".into(),
        },
    ));
    facts
}

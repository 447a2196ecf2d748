//! `chartkeep audit prove` and `chartkeep audit check-proof`: that an entry stands in the log, for those who hold nothing
//! but a public key.
//!
//! Not for: whole reports with proofs (`audit report`).

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use serde_json::{Value, json};

use crate::access::Role;
use crate::audit::{self, Action, Entry, Proof, Proved};
use crate::durable;
use crate::model::PatientKey;
use crate::signing::VerifierKey;

use super::super::REFUSED;
use super::super::operator::{Workplace, operator_entry};
use super::{show, trusted_keys};

/// Write a proof that an entry stands in the access log, or that the log only grew.
///
/// The proof is a JSON object: the entry, its place, the path of hashes to the root, and the checkpoint signed over it.
/// Whoever gets it needs the public key alone, which you give by another way. Writing one is itself logged.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chartkeep audit prove /data/old-ehr --stream s0000 --seq 1234 --out entry-1234.proof
  chartkeep audit prove /data/old-ehr --stream s0000 --from 1000 --to 25000 --out growth.proof")]
pub struct ProveArgs {
    /// Folder of the archive
    archive: PathBuf,
    /// Stream of the entry, as audit show names it before the slash
    #[arg(long, value_name = "NAME", default_value = "s0000")]
    stream: String,
    /// Number of the entry
    #[arg(long, value_name = "N", required_unless_present = "from", conflicts_with = "from")]
    seq: Option<u64>,
    /// Prove it under the checkpoint of so many entries [default: the newest]
    #[arg(long, value_name = "M", requires = "seq")]
    size: Option<u64>,
    /// Prove that the log of so many entries is the beginning of the one of --to
    #[arg(long, value_name = "M")]
    from: Option<u64>,
    /// The longer log [default: the newest checkpoint]
    #[arg(long, value_name = "N", requires = "from")]
    to: Option<u64>,
    /// File to write; must not exist [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Check a proof offline, with nothing but the public key.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  chartkeep audit check-proof entry-1234.proof --key chartkeep-audit-1f2e3d4c+0a1b2c3d+AQ…

Exit codes: 0 the proof holds, 2 it does not.")]
pub struct CheckProofArgs {
    /// File of the proof
    file: PathBuf,
    /// A public key that you trust, name+id+base64, or a file of such lines; may be given several times
    #[arg(long, value_name = "VKEY", required = true)]
    key: Vec<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(args: &ProveArgs) -> anyhow::Result<ExitCode> {
    let workplace = Workplace::open(&args.archive)?;
    // An entry of a moment ago is covered then as well.
    workplace.log.checkpoint()?;
    let proof = match (args.seq, args.from) {
        (Some(seq), _) => audit::prove_entry(&args.archive, &workplace.ring, &args.stream, seq, args.size)?,
        (None, Some(from)) => audit::prove_growth(&args.archive, &workplace.ring, &args.stream, from, args.to)?,
        (None, None) => bail!("name an entry with --seq, or a size with --from"),
    };
    workplace.log.append(handed_out(args, &proof))?;
    workplace.log.close();
    let text = proof.to_json() + "\n";
    match &args.out {
        Some(file) => {
            durable::write_new(file, text.as_bytes())?;
            println!("The proof is in {}.", file.display());
        }
        None => std::io::stdout().write_all(text.as_bytes())?,
    }
    Ok(ExitCode::SUCCESS)
}

/// A proof of an entry shows the entry, and whom it is about.
fn handed_out(args: &ProveArgs, proof: &Proof) -> Entry {
    let mut detail = vec![("what", proof.format().to_string()), ("stream", args.stream.clone())];
    let mut patients = Vec::new();
    if let Proof::Entry { seq, entry, .. } = proof {
        detail.push(("seq", seq.to_string()));
        let entry: Value = entry.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let named = entry.get("patients").and_then(Value::as_array).into_iter().flatten();
        patients = named.filter_map(|p| PatientKey::parse(p.get("archive_id")?.as_str()?)).collect();
    }
    Entry { action: Action::Read, patients, ..operator_entry("audit.export", Role::Compliance, "audit prove", detail) }
}

pub fn check(args: &CheckProofArgs) -> anyhow::Result<ExitCode> {
    let mut keys = Vec::new();
    for key in &args.key {
        match VerifierKey::parse(key) {
            Ok(key) => keys.push(key),
            Err(_) => keys.extend(trusted_keys(key.as_ref()).context("--key is neither a public key nor a file of them")?),
        }
    }
    let text = std::fs::read_to_string(&args.file).with_context(|| format!("cannot read {}", args.file.display()))?;
    let checked = Proof::parse(&text).and_then(|proof| audit::check_proof(&proof, &keys));
    let mut out = std::io::stdout().lock();
    let code = if checked.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(REFUSED) };
    if args.json {
        let object = match &checked {
            Ok(Proved::Entry { stream, seq, size, .. }) => json!({ "ok": true, "stream": stream, "seq": seq, "size": size }),
            Ok(Proved::Growth { stream, from, to }) => json!({ "ok": true, "stream": stream, "from": from, "to": to }),
            Err(error) => json!({ "ok": false, "what": error.to_string() }),
        };
        writeln!(out, "{object}")?;
        return Ok(code);
    }
    match checked {
        Ok(Proved::Entry { stream, seq, size, entry }) => {
            writeln!(out, "The proof holds: entry {seq} stood in stream {stream} when it had {size} entries.")?;
            match entry {
                Some(entry) => writeln!(out, "{}", show::text(Some(&Value::String(entry))))?,
                None => writeln!(out, "Its content was retired; the hash of it is what is proved.")?,
            }
        }
        Ok(Proved::Growth { stream, from, to }) => {
            writeln!(
                out,
                "The proof holds: stream {stream} grew from {from} entries to {to}, and none of the first was changed."
            )?;
        }
        Err(error) => writeln!(out, "NOT proved: {error}")?,
    }
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::super::tests::archive;
    use super::*;
    use crate::signing::{KeyPurpose, KeyRing};

    #[test]
    fn a_proof_is_written_once_logged_and_checked_with_the_key_alone() {
        let (dir, archive) = archive();
        let file = dir.path().join("entry.proof");
        let args = ProveArgs {
            archive: archive.clone(),
            stream: "s0000".into(),
            seq: Some(0),
            size: None,
            from: None,
            to: None,
            out: Some(file.clone()),
        };
        run(&args).unwrap();
        assert!(run(&args).is_err(), "a file is never written over");
        let key = KeyRing::load(&archive).unwrap().current(KeyPurpose::Audit).unwrap().key.to_string();
        std::fs::remove_dir_all(&archive).unwrap();
        let check_with = |key: &str| check(&CheckProofArgs { file: file.clone(), key: vec![key.to_string()], json: true });
        assert_eq!(check_with(&key).unwrap(), ExitCode::SUCCESS);
        let other = crate::signing::SigningKey::random("other").unwrap().verifier().to_string();
        assert_eq!(check_with(&other).unwrap(), ExitCode::from(REFUSED));
        assert!(check_with("no key").is_err());
    }
}

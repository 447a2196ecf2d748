//! `chartkeep audit bundle` and `chartkeep audit check-bundle`: entries with their proofs, for whoever has to rely on them.
//!
//! Not for: the whole log (`audit verify`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, ensure};
use clap::Args;
use jiff::tz::TimeZone;

use crate::commands::DONE_WITH_FINDINGS;
use crate::commands::overseer::Overseer;
use crate::durable;
use crate::model::PatientKey;
use crate::oversight::forms::bundle::{self, Exhibit};
use crate::oversight::projection::{Projection, Select};
use crate::oversight::reports::range;
use crate::signing::{KeyPurpose, KeyRing, VerifierKey};

/// Write entries as they stand in the log, each with a proof under a signed checkpoint, to be checked without the archive.
///
/// Choose them by patient and dates, or name one as stream:number. Exit code 1 when some entry has no checkpoint over it yet.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chartkeep audit bundle /data/old-ehr /out/evidence --patient mer.123 --from 2026-01-01
  chartkeep audit bundle /data/old-ehr /out/evidence --entry s0000:1234")]
pub struct BundleArgs {
    /// Folder of the archive
    archive: PathBuf,
    /// Folder to write into; must be new or empty
    dir: PathBuf,
    /// Entries about this patient, by all keys of the person
    #[arg(long, value_name = "ID", required_unless_present = "entry")]
    patient: Option<String>,
    /// One entry, as the reports name it
    #[arg(long, value_name = "STREAM:NUMBER", conflicts_with = "patient")]
    entry: Vec<String>,
    /// Day (or instant) from which on
    #[arg(long, value_name = "DATE")]
    from: Option<String>,
    /// Last day (or the instant before which)
    #[arg(long, value_name = "DATE")]
    to: Option<String>,
}

/// Check a bundle with nothing but a public key. Exit code 2 when anything does not check.
///
/// The key is to come from outside the bundle; the one inside only says which was used.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chartkeep audit check-bundle /out/evidence --key archive/audit/1+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")]
pub struct CheckBundleArgs {
    /// The bundle's folder
    dir: PathBuf,
    /// A public key of the log, or a file with some, one to a line
    #[arg(long, value_name = "KEY|FILE")]
    key: String,
}

const HOW_TO_CHECK: &str = "Evidence from the access log of an archive.

Each entry is two files: <stream>-<number>.json holds its bytes as they stand in the log, and the file of the same name that
ends in .tlog-proof holds the proof (C2SP tlog-proof): the number of the entry, hashes, and a signed checkpoint (C2SP
tlog-checkpoint). keys.txt names the public keys; compare them with what you have from elsewhere.

To check by hand: SHA-256 over a zero byte and the bytes of the .json file is the leaf. With the hashes of the proof it gives
the root of the checkpoint as RFC 9162, section 2.1.3.2, says. The checkpoint's text is signed with Ed25519.

With the software: chartkeep audit check-bundle FOLDER --key KEY
";

/// Runs `chartkeep audit bundle`.
pub fn run(args: &BundleArgs) -> anyhow::Result<ExitCode> {
    let is_free = std::fs::read_dir(&args.dir).map_or(!args.dir.exists(), |mut entries| entries.next().is_none());
    ensure!(is_free, "{} exists and is not empty", args.dir.display());
    let overseer = Overseer::open(&args.archive)?;
    let patients = args.patient.as_deref().map(|key| overseer.person(key)).transpose()?.unwrap_or_default();
    // What this process wrote is under a checkpoint then as well; another that is running signs its own.
    overseer.workplace.log.checkpoint()?;
    let exhibits = overseer.answer("audit bundle", "audit.export", &patients, |projection| {
        let exhibits = exhibits(args, projection, &overseer.workplace.ring, &patients)?;
        let count = exhibits.len() as u64;
        Ok((exhibits, count, format!("form=evidence entry={:?} from={:?} to={:?}", args.entry, args.from, args.to)))
    })?;
    durable::create_dir_all(&args.dir)?;
    let write = |name: String, bytes: &[u8]| durable::write_new(&args.dir.join(name), bytes).map(drop);
    let mut unproved = 0;
    for exhibit in &exhibits {
        write(format!("{}.json", exhibit.file_stem()), &exhibit.payload)?;
        match &exhibit.proof {
            Some(proof) => write(format!("{}.tlog-proof", exhibit.file_stem()), proof.as_bytes())?,
            None => unproved += 1,
        }
    }
    let keys = overseer.workplace.ring.verifiers(KeyPurpose::Audit);
    let keys: String = keys.iter().map(|key| format!("{key}\n")).collect();
    write("keys.txt".into(), keys.as_bytes())?;
    write("README.txt".into(), HOW_TO_CHECK.as_bytes())?;
    overseer.close();
    println!("{} entries are in {}, {unproved} of them under no signed checkpoint yet.", exhibits.len(), args.dir.display());
    Ok(if unproved == 0 { ExitCode::SUCCESS } else { ExitCode::from(DONE_WITH_FINDINGS) })
}

fn exhibits(args: &BundleArgs, projection: &Projection, ring: &KeyRing, patients: &[PatientKey]) -> anyhow::Result<Vec<Exhibit>> {
    projection.catch_up()?;
    let mut wanted: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    for entry in &args.entry {
        let named = entry.split_once(':').and_then(|(stream, seq)| Some((stream.to_string(), seq.parse().ok()?)));
        let (stream, seq) = named.with_context(|| format!("not an entry: {entry}"))?;
        wanted.entry(stream).or_default().insert(seq);
    }
    if !patients.is_empty() {
        let zone = TimeZone::system();
        let date = |text: &Option<String>, read: fn(&str, &TimeZone) -> Option<i64>| match text {
            None => Ok(None),
            Some(text) => read(text, &zone).map(Some).with_context(|| format!("not a date: {text}")),
        };
        let (from, to) = (date(&args.from, range::from)?, date(&args.to, range::to)?);
        for seen in projection.acts(&Select { patients: patients.to_vec(), from, to, ..Select::default() })? {
            wanted.entry(seen.act.stream).or_default().insert(seen.act.seq);
        }
    }
    let mut all = Vec::new();
    for (stream, numbers) in wanted {
        let found = bundle::exhibits(projection, ring, &stream, &numbers)?;
        ensure!(found.len() == numbers.len(), "stream {stream} does not hold all of these entries");
        all.extend(found);
    }
    Ok(all)
}

/// Runs `chartkeep audit check-bundle`.
pub fn check(args: &CheckBundleArgs) -> anyhow::Result<ExitCode> {
    let keys = keys(&args.key)?;
    let mut names: Vec<PathBuf> = std::fs::read_dir(&args.dir)
        .with_context(|| format!("cannot read {}", args.dir.display()))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .collect();
    names.sort();
    ensure!(!names.is_empty(), "{} holds no entries", args.dir.display());
    let mut bad = 0;
    for path in &names {
        match check_one(path, &keys) {
            Ok(said) => println!("{said}"),
            Err(error) => {
                bad += 1;
                println!("{}: {error:#}", path.display());
            }
        }
    }
    println!("{} entries, {bad} of them not proved.", names.len());
    Ok(if bad == 0 { ExitCode::SUCCESS } else { ExitCode::from(crate::commands::REFUSED) })
}

fn check_one(path: &Path, keys: &[VerifierKey]) -> anyhow::Result<String> {
    let payload = std::fs::read(path)?;
    let proof = std::fs::read_to_string(path.with_extension("tlog-proof")).context("there is no proof")?;
    let (origin, seq) = bundle::check(&payload, &proof, keys).map_err(anyhow::Error::msg)?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let stream = origin.rsplit('/').next().unwrap_or_default().to_string();
    let named = Exhibit { stream, seq, payload: Vec::new(), proof: None }.file_stem();
    ensure!(named == stem, "the proof is of entry {named}");
    Ok(format!("{stem}: entry {seq} of {origin}"))
}

fn keys(text: &str) -> anyhow::Result<Vec<VerifierKey>> {
    let lines = if Path::new(text).is_file() { std::fs::read_to_string(text)? } else { text.to_string() };
    let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| VerifierKey::parse(line).context("not a public key")).collect()
}

//! `chartkeep audit bundle` and `chartkeep audit check-bundle`: entries with their proofs, for whoever has to rely on them.
//!
//! Not for: the whole log (`audit verify`).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, ensure};
use clap::Args;
use jiff::tz::TimeZone;
use zip::ZipArchive;

use crate::commands::DONE_WITH_FINDINGS;
use crate::commands::overseer::Overseer;
use crate::durable;
use crate::model::PatientKey;
use crate::oversight::forms::bundle::{self, Exhibit};
use crate::oversight::projection::{Projection, Select};
use crate::oversight::reports::range;
use crate::signing::{KeyRing, VerifierKey};

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
/// It is a folder, or the .zip that compliance saved from a page. The key is to come from outside the bundle; the one inside only says which was used.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chartkeep audit check-bundle /out/evidence --key archive/audit/1+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k
  chartkeep audit check-bundle evidence.zip --key keys-from-the-site.txt")]
pub struct CheckBundleArgs {
    /// The bundle: a folder, or a .zip
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
    /// A public key of the log, or a file with some, one to a line
    #[arg(long, value_name = "KEY|FILE")]
    key: String,
}

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
    write(bundle::KEYS.into(), bundle::keys_text(&overseer.workplace.ring).as_bytes())?;
    write(bundle::README.into(), bundle::HOW_TO_CHECK.as_bytes())?;
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
    let mut files = Files::open(&args.bundle)?;
    let stems = files.stems()?;
    ensure!(!stems.is_empty(), "{} holds no entries", args.bundle.display());
    let mut bad = 0;
    for stem in &stems {
        match check_one(&mut files, stem, &keys) {
            Ok(said) => println!("{said}"),
            Err(error) => {
                bad += 1;
                println!("{stem}: {error:#}");
            }
        }
    }
    println!("{} entries, {bad} of them not proved.", stems.len());
    Ok(if bad == 0 { ExitCode::SUCCESS } else { ExitCode::from(crate::commands::REFUSED) })
}

fn check_one(files: &mut Files, stem: &str, keys: &[VerifierKey]) -> anyhow::Result<String> {
    let payload = files.read(&format!("{stem}.json"))?;
    let proof = files.read(&format!("{stem}.tlog-proof")).context("there is no proof")?;
    let proof = String::from_utf8(proof).context("this is no proof")?;
    let (origin, seq) = bundle::check(&payload, &proof, keys).map_err(anyhow::Error::msg)?;
    let stream = origin.rsplit('/').next().unwrap_or_default().to_string();
    let named = Exhibit { stream, seq, payload: Vec::new(), proof: None }.file_stem();
    ensure!(named == stem, "the proof is of entry {named}");
    Ok(format!("{stem}: entry {seq} of {origin}"))
}

/// Longest file of a bundle that is read. An entry is a small part of it.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// The files of a bundle, however it came.
enum Files {
    Folder(PathBuf),
    Zip(ZipArchive<BufReader<File>>),
}

impl Files {
    fn open(path: &Path) -> anyhow::Result<Files> {
        let unreadable = || format!("cannot read {}", path.display());
        if path.is_dir() {
            return Ok(Files::Folder(path.to_path_buf()));
        }
        let file = File::open(path).with_context(unreadable)?;
        Ok(Files::Zip(ZipArchive::new(BufReader::new(file)).with_context(unreadable)?))
    }

    /// The names of its entries without the ending, in order.
    fn stems(&self) -> anyhow::Result<Vec<String>> {
        let names: Vec<String> = match self {
            Files::Folder(dir) => {
                let entries = std::fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
                entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
            }
            Files::Zip(zip) => {
                let names: Result<Vec<String>, _> = zip.file_names().map(|name| name.map(Cow::into_owned)).collect();
                names.context("a name in it cannot be read")?
            }
        };
        let mut stems: Vec<String> = names.iter().filter_map(|name| name.strip_suffix(".json")).map(String::from).collect();
        stems.sort();
        Ok(stems)
    }

    fn read(&mut self, name: &str) -> anyhow::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        match self {
            Files::Folder(dir) => File::open(dir.join(name))?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?,
            Files::Zip(zip) => zip.by_name(name)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?,
        };
        ensure!(bytes.len() as u64 <= FILE_BYTES_MAX, "it is larger than an entry can be");
        Ok(bytes)
    }
}

fn keys(text: &str) -> anyhow::Result<Vec<VerifierKey>> {
    let lines = if Path::new(text).is_file() { std::fs::read_to_string(text)? } else { text.to_string() };
    let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| VerifierKey::parse(line).context("not a public key")).collect()
}

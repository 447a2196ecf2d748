//! `chartkeep verify`: re-reads the archive and says whether everything in it is as it was sealed.
//!
//! Not for: the checks themselves (`store::verify`, `index`, `audit`, `statements`, `signing`), or repair.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, ensure};
use serde_json::{Map, Value, json};

use super::REFUSED;
use super::archive::bytes_below;
use super::operator::{Workplace, operator_entry};
use super::progress::Meter;
use crate::access::Role;
use crate::audit::{self, Query};
use crate::index;
use crate::signing::{KeyPurpose, KeyRing, VerifierKey};
use crate::statements;
use crate::store::layout::Layout;
use crate::store::manifest::Catalog;
use crate::store::rebuild;
use crate::store::verify::{self, Chain, Depth, Finding, Progress, Report};
use crate::store::{Accession, catalog};

/// Re-read everything in the archive and check it against its seals, digests and signatures.
///
/// Reads the keys, the chain of catalogs, every file, every record, table, document and ledger row, the index, the
/// statements and the audit log. Works on a read-only mount.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  chartkeep verify /data/old-ehr\n  chartkeep verify /data/old-ehr --files-only --json\n  \
chartkeep verify /data/old-ehr --delivery /deliveries/2024-07-02 --trust keys-held-elsewhere.txt\n\nExit codes: 0 everything \
checks, 2 something does not.")]
pub struct VerifyArgs {
    /// Folder of the archive
    pub archive: PathBuf,
    /// Only digests and signatures
    #[arg(long)]
    pub files_only: bool,
    /// Digests and signatures, and N records drawn at random
    #[arg(long, value_name = "N", conflicts_with = "files_only")]
    pub sample: Option<u64>,
    /// Seed of the sample; drawn and printed when not given
    #[arg(long, value_name = "S", requires = "sample")]
    pub seed: Option<u64>,
    /// Rebuild the delivered files from the archive and compare them with these files and folders
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub delivery: Vec<PathBuf>,
    /// File with public keys held outside the archive, one to a line; the archive's first keys must be among them
    #[arg(long, value_name = "FILE")]
    pub trust: Option<PathBuf>,
    /// Print the result as one JSON object, last
    #[arg(long)]
    pub json: bool,
    /// Worker threads
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

/// Everything that came of a check.
#[derive(Default)]
struct Verdict {
    findings: Vec<Finding>,
    bytes: u64,
    records: u64,
    rebuilt: u64,
    leftovers: Vec<String>,
    seed: Option<u64>,
}

/// How often a check is made anew because another command published while it ran.
const LOOKS_MAX: u32 = 3;

/// Runs the command.
pub fn run(args: &VerifyArgs) -> anyhow::Result<ExitCode> {
    let trusted = args.trust.as_deref().map(trusted_keys).transpose()?;
    let meter = Meter::new();
    let layout = Layout::new(&args.archive);
    let mut verdict = Verdict::default();
    for _ in 0..LOOKS_MAX {
        let before = catalog::numbers(&layout).unwrap_or_default();
        verdict = check(args, &layout, trusted.as_deref(), &meter)?;
        if verdict.findings.is_empty() || catalog::numbers(&layout).unwrap_or_default() == before {
            break;
        }
    }
    meter.end();
    let unlogged = log(args, &verdict).err();
    print(args, &verdict, unlogged)?;
    Ok(if verdict.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(REFUSED) })
}

fn check(args: &VerifyArgs, layout: &Layout, trusted: Option<&[VerifierKey]>, meter: &Meter) -> anyhow::Result<Verdict> {
    let (ring, ring_findings) =
        KeyRing::check(&args.archive).with_context(|| format!("{} is not an archive", args.archive.display()))?;
    let mut verdict = Verdict { bytes: bytes_below(&layout.keys()), ..Verdict::default() };
    let foreign = trusted.map(|keys| ring.check_against(keys)).unwrap_or_default();
    verdict.findings.extend(ring_findings.into_iter().chain(foreign).map(|f| finding(f.file, None, f.what)));
    let keys = ring.verifiers(KeyPurpose::Seal);
    let threads = args.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(2, usize::from));
    let depth = match args.sample {
        _ if args.files_only => Depth::Files,
        Some(records) => Depth::Sample { records, seed: *verdict.seed.insert(args.seed.map_or_else(getrandom::u64, Ok)?) },
        None => Depth::Everything,
    };
    let show = |progress: Progress| match progress {
        Progress::Files { bytes, of } => meter.show("hashing", bytes, of, true),
        Progress::Records { done, of } => meter.show("records", done, of, false),
    };
    let (report, logs) = std::thread::scope(|scope| {
        let logs = scope.spawn(|| [audit::verify(&args.archive, &ring), statements::verify(&args.archive, &ring)]);
        (verify::verify(layout, &keys, depth, threads, &show), logs.join())
    });
    let [audit_report, statement_report] = logs.map_err(|_| anyhow::anyhow!("a worker panicked"))?;
    if audit_report.streams == 0 {
        verdict.findings.push(finding(audit::FOLDER.into(), None, "the audit log is missing"));
    }
    for log in [audit_report, statement_report] {
        verdict.bytes += log.bytes;
        verdict.findings.extend(log.findings.into_iter().map(|f| finding(f.file, Some(f.offset), f.what)));
    }
    indexes(layout, &report, depth, &mut verdict)?;
    leftovers(&args.archive, &report, &mut verdict);
    if !args.delivery.is_empty() {
        deliveries(args, layout, &report.chain, &keys, threads, meter, &mut verdict);
    }
    verdict.bytes += report.bytes;
    verdict.records = report.records;
    verdict.findings.extend(report.findings);
    Ok(verdict)
}

fn finding(file: String, offset: Option<u64>, what: impl Into<String>) -> Finding {
    Finding { file, offset, what: what.into() }
}

/// Every index that a catalog names; the one in force must also hold as many documents as the store has for it.
fn indexes(layout: &Layout, report: &Report, depth: Depth, verdict: &mut Verdict) -> anyhow::Result<()> {
    let in_force = report.chain.current().and_then(|c| c.index.as_ref()).map(|i| i.number);
    let mut numbers: Vec<u64> = in_force.into_iter().collect();
    let listed = std::fs::read_dir(layout.indexes()).with_context(|| layout.indexes().display().to_string())?;
    for entry in listed {
        let name = entry?.file_name().to_string_lossy().into_owned();
        match name.parse::<u64>().ok().filter(|n| layout.index(*n).ends_with(&name)) {
            Some(number) if in_force == Some(number) => {}
            Some(number) if report.chain.index_digest(number).is_some() => numbers.push(number),
            Some(_) => verdict.leftovers.push(format!("indexes/{name}")),
            None => verdict.findings.push(finding(format!("indexes/{name}"), None, "nothing names it")),
        }
    }
    for number in numbers {
        let dir = layout.index(number);
        let folder = format!("indexes/{number:04}");
        verdict.bytes += bytes_below(&dir);
        match index::verify(&dir, report.chain.index_digest(number)) {
            Ok(found) => {
                verdict.findings.extend(found.into_iter().map(|f| finding(format!("{folder}/{}", f.file), None, f.what)));
            }
            Err(error) => verdict.findings.push(finding(folder.clone(), None, error.to_string())),
        }
        if depth == Depth::Everything && in_force == Some(number) && report.is_complete {
            let what = index_counts(&dir.join("index.json"), report);
            verdict.findings.extend(what.map(|what| finding(format!("{folder}/index.json"), None, what)));
        }
    }
    Ok(())
}

/// What is wrong about the numbers of documents that an index says it holds.
fn index_counts(path: &Path, report: &Report) -> Option<String> {
    let manifest: Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    let kinds = report.by_kind.iter().filter(|(kind, _)| crate::model::Kind::from_name(kind).is_some_and(index::is_text_kind));
    let texts: u64 = kinds.map(|(_, count)| count).sum();
    let listed = |member: &str| manifest.get(member).and_then(Value::as_u64).unwrap_or(0);
    let in_index = [("patients", listed("patients")), ("texts", listed("texts") + listed("wordless"))];
    for ((member, listed), held) in in_index.into_iter().zip([report.indexed_patients, texts]) {
        if listed != held {
            return Some(format!("the store holds {held} {member} to be searched, the index {listed}"));
        }
    }
    None
}

/// An accession that no catalog names was left by an interrupted ingest, unless the audit log says that it was about to
/// be published: then the catalog that named it may have been taken away.
fn leftovers(archive: &Path, report: &Report, verdict: &mut Verdict) {
    let query = Query { event: Some("ingest.run".into()), limit: usize::MAX, ..Query::default() };
    let published = audit::read(archive, &query).unwrap_or_default();
    let was_published = |accession: &str| {
        published.iter().any(|found| {
            let detail = |name: &str| found.entry.get("detail")?.get(name)?.as_str();
            detail("accession") == Some(accession) && detail("what") == Some("publishing")
        })
    };
    for leftover in &report.leftovers {
        if leftover.unpublished.as_deref().is_some_and(was_published) {
            let what = "the audit log says that it was being published, but no catalog names it";
            verdict.findings.push(finding(leftover.folder.clone(), None, what));
        } else {
            verdict.leftovers.push(leftover.folder.clone());
        }
    }
}

/// Rebuilds the delivered files of every accession in force or awaiting sign-off whose names are among the given paths.
fn deliveries(
    args: &VerifyArgs,
    layout: &Layout,
    chain: &Chain,
    keys: &[VerifierKey],
    threads: usize,
    meter: &Meter,
    verdict: &mut Verdict,
) {
    let mut accessions = Vec::new();
    for entry in chain.current().into_iter().flat_map(Catalog::reviewable) {
        match Accession::open(layout, entry, keys) {
            Ok(accession) => accessions.push(accession),
            Err(error) => verdict.findings.push(finding(format!("accessions/{}", entry.accession), None, error.to_string())),
        }
    }
    let beside = args.archive.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let delivered = match crate::sources::list(&args.delivery, beside) {
        Ok(mut delivered) => {
            delivered.with_containers();
            delivered
        }
        Err(error) => return verdict.findings.push(finding(error.path.display().to_string(), None, error.what.to_string())),
    };
    let files: Vec<rebuild::Delivered> =
        delivered.files.iter().map(|f| rebuild::Delivered { name: f.name.clone(), path: f.path.clone() }).collect();
    let show = |done: u64, of: u64| meter.show("rebuilding", done, of, false);
    match rebuild::compare(&accessions, &files, layout.root(), threads, &show) {
        Ok(outcome) => {
            verdict.rebuilt = outcome.same;
            verdict.findings.extend(outcome.findings);
        }
        Err(error) => verdict.findings.push(finding("accessions".into(), None, error.to_string())),
    }
}

/// Writes the audit entry. An archive on a read-only mount is checked all the same. A log that is not in order is left
/// as it is: opening it to write might take a changed tail for a torn one.
fn log(args: &VerifyArgs, verdict: &Verdict) -> anyhow::Result<()> {
    let is_of_log = |f: &&Finding| f.file.starts_with(audit::FOLDER) || f.file.starts_with("keys");
    ensure!(!verdict.findings.iter().any(|f| is_of_log(&f)), "the audit log or the keys are not in order");
    let workplace = Workplace::open(&args.archive)?;
    let depth = if args.files_only {
        "files"
    } else if args.sample.is_some() {
        "sample"
    } else {
        "everything"
    };
    let detail = vec![
        ("what", depth.to_string()),
        ("findings", verdict.findings.len().to_string()),
        ("bytes", verdict.bytes.to_string()),
        ("records", verdict.records.to_string()),
    ];
    workplace.log.append(operator_entry("audit.verify", Role::Archivist, "verify", detail))?;
    workplace.log.close();
    Ok(())
}

fn print(args: &VerifyArgs, verdict: &Verdict, unlogged: Option<anyhow::Error>) -> anyhow::Result<()> {
    if let Some(error) = &unlogged {
        eprintln!("chartkeep: no audit entry of this check could be written: {error:#}");
    }
    let mut out = std::io::stdout().lock();
    let is_ok = verdict.findings.is_empty();
    if args.json {
        let findings: Vec<Value> =
            verdict.findings.iter().map(|f| json!({ "file": f.file, "offset": f.offset, "what": f.what })).collect();
        let mut object = Map::new();
        object.insert("ok".into(), is_ok.into());
        object.insert("bytes".into(), verdict.bytes.into());
        object.insert("records".into(), verdict.records.into());
        if !args.delivery.is_empty() {
            object.insert("rebuilt_files".into(), verdict.rebuilt.into());
        }
        object.extend(verdict.seed.map(|seed| ("seed".to_string(), seed.into())));
        object.insert("leftovers".into(), verdict.leftovers.clone().into());
        object.insert("logged".into(), unlogged.is_none().into());
        object.insert("findings".into(), findings.into());
        writeln!(out, "{}", Value::Object(object))?;
        return Ok(());
    }
    for finding in &verdict.findings {
        match finding.offset {
            Some(offset) => writeln!(out, "{} at byte {offset}: {}", finding.file, finding.what)?,
            None => writeln!(out, "{}: {}", finding.file, finding.what)?,
        }
    }
    for folder in &verdict.leftovers {
        writeln!(out, "{folder} is not in force; nothing needs it.")?;
    }
    if let Some(seed) = verdict.seed {
        writeln!(out, "The sample was drawn with --seed {seed}.")?;
    }
    if !args.delivery.is_empty() {
        writeln!(out, "{} delivered files rebuilt byte for byte.", verdict.rebuilt)?;
    }
    let state = if is_ok { "Everything checks" } else { "NOT in order" };
    writeln!(out, "{state}: {:.1} MB and {} records read.", verdict.bytes as f64 / 1e6, verdict.records)?;
    Ok(())
}

/// Public keys held elsewhere: one to a line; empty lines and lines that start with `#` do not count.
fn trusted_keys(path: &Path) -> anyhow::Result<Vec<VerifierKey>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let lines = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
    lines.map(|l| VerifierKey::parse(l).with_context(|| format!("{} holds a line that is no key", path.display()))).collect()
}

//! `chartkeep signoff`: a sample of an accession drawn at random, its source beside the archived view, and the record of what
//! a reviewer found.
//!
//! Not for: drawing (`store::sample`), or the report that lists sign-offs (`report`).

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, ensure};
use askama::Template;
use serde_json::Value;

use super::accession;
use super::archive::OpenArchive;
use super::operator::{Workplace, operator_entry, operator_name};
use crate::access::{Principal, Purpose, RequestContext, Role, Scope, Shown};
use crate::audit;
use crate::config::Config;
use crate::durable;
use crate::ingest::page::SignedOff;
use crate::model::{Kind, Label, PatientKey};
use crate::query::{Archive, Sampled};
use crate::signing::KeyPurpose;
use crate::statements::{self, Made, SignOff, Statement, StatementLog, Verdict};
use crate::store::Accession;
use crate::store::sample::{Drawn, SAMPLE_MAX, draw};

/// Review an accession: look at a random sample, and record what came of it.
#[derive(Debug, clap::Args)]
pub struct SignoffArgs {
    #[command(subcommand)]
    command: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Sample(SampleArgs),
    Record(RecordArgs),
}

/// Draw records at random and write a page that shows each beside its source.
///
/// Every kind of record is drawn, the large ones more. The same seed draws the same records. The page holds patients'
/// records; the audit log names each of them before it is written.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  chartkeep signoff sample /data/old-ehr acc-0123456789abcdef --sample 100 --out review.html")]
struct SampleArgs {
    /// Folder of the archive
    archive: PathBuf,
    /// The accession
    accession: String,
    /// How many records
    #[arg(long, value_name = "N", default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..=SAMPLE_MAX as i64))]
    sample: u32,
    /// What to draw with; default: drawn itself
    #[arg(long, value_name = "SEED", value_parser = parse_seed)]
    seed: Option<String>,
    /// The page to write; a new file
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Record what a reviewer found in a sample that was drawn before.
///
/// An accession that awaits sign-off is put into force when it is accepted.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  chartkeep signoff record /data/old-ehr acc-0123456789abcdef --reviewer \"Dr. A. Quill\" --sample 100 --seed 7f3a… \\
    --result accepted --note \"All 100 agree with their source.\"")]
struct RecordArgs {
    /// Folder of the archive
    archive: PathBuf,
    /// The accession
    accession: String,
    /// Who looked at the records
    #[arg(long, value_name = "NAME")]
    reviewer: String,
    /// How many records were drawn
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=SAMPLE_MAX as i64))]
    sample: u32,
    /// What they were drawn with; stands on the page
    #[arg(long, value_name = "SEED", value_parser = parse_seed)]
    seed: String,
    /// Whether the accession may be relied on
    #[arg(long, value_parser = parse_verdict, value_name = "accepted|rejected")]
    result: Verdict,
    /// What was found; no patient data
    #[arg(long, value_name = "TEXT")]
    note: String,
}

fn parse_seed(text: &str) -> Result<String, String> {
    let is_plain = (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if is_plain { Ok(text.into()) } else { Err("a seed has 1 to 64 letters, digits and hyphens".into()) }
}

fn parse_verdict(text: &str) -> Result<Verdict, String> {
    [Verdict::Accepted, Verdict::Rejected].into_iter().find(|v| v.word() == text).ok_or_else(|| "accepted or rejected".into())
}

/// Runs the command.
pub fn run(args: &SignoffArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        What::Sample(args) => sample(args),
        What::Record(args) => record(args),
    }
}

/// The sign-offs of an accession as reports show them.
pub(super) fn sign_offs_of(said: &[Made], accession: &str, seal_sha256: &str) -> Vec<SignedOff> {
    let shown = |(made, it): (&Made, &SignOff)| SignedOff {
        at: made.at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        reviewer: it.reviewer.clone(),
        result: it.result.word().into(),
        note: it.note.clone(),
        seed: it.seed.clone(),
        sampled: it.sample.len(),
        is_of_this_seal: it.seal_sha256 == seal_sha256,
    };
    statements::sign_offs(said, accession).into_iter().map(shown).collect()
}

/// What the audit log keeps of a drawing, and a sign-off asks for.
const DRAWING: &str = "sign-off sample";

fn sample(args: &SampleArgs) -> anyhow::Result<ExitCode> {
    ensure!(!args.out.exists(), "{} exists already", args.out.display());
    let (accession, _) = opened(&args.archive, &args.accession)?;
    let seed = match &args.seed {
        Some(seed) => seed.clone(),
        None => random_seed()?,
    };
    let drawn = draw(&accession, args.sample as usize, &seed)?;
    ensure!(!drawn.is_empty(), "the accession holds no records to draw from");
    let workplace = Workplace::open(&args.archive)?;
    let config = Config::load(&args.archive)?;
    let archive = Archive::open_with_awaiting(&args.archive, workplace.ring.verifiers(KeyPurpose::Seal), config.cutover)?;
    let principal = Principal::operator(&operator_name(), Role::Him, Purpose::RecordManagement);
    let context = RequestContext {
        request_id: uuid::Uuid::now_v7().to_string(),
        method: "CLI".into(),
        path: "signoff sample".into(),
        ..RequestContext::default()
    };
    let permit = workplace.gate()?.ask(&principal, Scope::Everything, context)?;
    let sampled: Vec<Sampled> = drawn.iter().map(|one| archive.sampled(&permit, &accession.id, one)).collect::<Result<_, _>>()?;
    let shown = shown(&sampled);
    let sampled = permit.answer(sampled, shown)?.into_inner();
    let detail = vec![
        ("what", DRAWING.to_string()),
        ("accession", args.accession.clone()),
        ("seed", seed.clone()),
        ("sample", args.sample.to_string()),
    ];
    workplace.log.append(operator_entry("archive.maintained", Role::Him, "signoff sample", detail))?;
    workplace.log.close();
    let page = Page { accession: &accession, seed: &seed, asked: args.sample, records: sampled.iter().map(Shot::of).collect() };
    durable::write_new(&args.out, page.render()?.as_bytes())?;
    println!("{}: {} records, drawn with seed {seed}. It holds patients' records.", args.out.display(), drawn.len());
    println!(
        "Then: chartkeep signoff record {} {} --sample {} --seed {seed} --reviewer … --result … --note …",
        args.archive.display(),
        args.accession,
        args.sample
    );
    Ok(ExitCode::SUCCESS)
}

fn record(args: &RecordArgs) -> anyhow::Result<ExitCode> {
    ensure!(!args.reviewer.trim().is_empty(), "say who looked, with --reviewer");
    ensure!(!args.note.trim().is_empty(), "say what was found, with --note");
    let (accession, seal_sha256) = opened(&args.archive, &args.accession)?;
    ensure!(was_drawn(args)?, "no sample of this size was drawn with this seed: chartkeep signoff sample");
    let drawn = draw(&accession, args.sample as usize, &args.seed)?;
    let workplace = Workplace::open(&args.archive)?;
    let detail = vec![
        ("what", "sign-off".to_string()),
        ("accession", args.accession.clone()),
        ("reviewer", args.reviewer.clone()),
        ("result", args.result.word().to_string()),
        ("seed", args.seed.clone()),
        ("sample", drawn.len().to_string()),
    ];
    workplace.log.append(operator_entry("archive.maintained", Role::Archivist, "signoff record", detail))?;
    let statement = Statement::SignOff(SignOff {
        accession: args.accession.clone(),
        seal_sha256,
        reviewer: args.reviewer.clone(),
        result: args.result,
        note: args.note.clone(),
        seed: args.seed.clone(),
        sample: drawn.iter().map(|one: &Drawn| (one.item, one.entry)).collect(),
    });
    let signer = workplace.signer(KeyPurpose::Audit)?;
    StatementLog::open(&args.archive, Arc::new(signer))?.append("cli", &operator_name(), &[statement])?;
    workplace.log.close();
    println!("Recorded: {} {} by {}, after {} records.", args.accession, args.result.word(), args.reviewer, drawn.len());
    if OpenArchive::open(&args.archive)?.catalog.awaits(&args.accession) {
        follow(args)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What a sign-off means for an accession that awaited it.
fn follow(args: &RecordArgs) -> anyhow::Result<()> {
    match args.result {
        Verdict::Accepted => {
            accession::accept(&args.archive, &args.accession, &args.reviewer)
                .context("the sign-off stands, but the accession is not in force yet; record it once more")?;
            println!("It is in force now.");
        }
        Verdict::Rejected => {
            println!("It still awaits sign-off, and nobody reads it. To take it out:");
            println!("  chartkeep accession withdraw {} {} --reason …", args.archive.display(), args.accession);
        }
    }
    Ok(())
}

/// An accession in force or awaiting sign-off, with the digest of its seal.
fn opened(archive: &std::path::Path, id: &str) -> anyhow::Result<(Accession, String)> {
    let open = OpenArchive::open(archive)?;
    let entry = open.catalog.reviewable().find(|a| a.accession == id);
    let entry = entry.context("no accession in force or awaiting sign-off has this name")?;
    Ok((Accession::open(&open.layout, entry, &open.keys)?, entry.seal_sha256.clone()))
}

/// Whether the audit log knows of the drawing that a sign-off speaks of.
fn was_drawn(args: &RecordArgs) -> anyhow::Result<bool> {
    let question = audit::Query { event: Some("archive.maintained".into()), limit: usize::MAX, ..audit::Query::default() };
    let is = |entry: &Value, name: &str, wanted: &str| entry[name].as_str() == Some(wanted);
    let found = audit::read(&args.archive, &question)?;
    Ok(found.iter().filter_map(|found| found.entry.get("detail")).any(|detail| {
        is(detail, "what", DRAWING)
            && is(detail, "accession", &args.accession)
            && is(detail, "seed", &args.seed)
            && is(detail, "sample", &args.sample.to_string())
    }))
}

fn random_seed() -> anyhow::Result<String> {
    let mut bytes = [0u8; 8];
    getrandom::fill(&mut bytes).map_err(|_| anyhow::anyhow!("the system gives no random numbers"))?;
    Ok(crate::model::hex(&bytes))
}

fn shown(sampled: &[Sampled]) -> Shown {
    let mut patients: Vec<PatientKey> = sampled.iter().filter_map(|s| s.record.patient.clone()).collect();
    patients.sort_unstable();
    patients.dedup();
    let mut kinds: Vec<Kind> = sampled.iter().map(|s| s.record.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    Shown {
        event: "export.bulk.file",
        patients,
        places: sampled.iter().flat_map(|s| s.places.iter().cloned()).collect(),
        label: sampled.iter().fold(Label::NORMAL, |label, s| label.union(s.record.label)),
        kinds,
        hits: Some(sampled.len() as u64),
        query: Some(DRAWING.into()),
    }
}

/// The page that a reviewer reads.
#[derive(Template)]
#[template(path = "signoff.html")]
struct Page<'a> {
    accession: &'a Accession,
    seed: &'a str,
    asked: u32,
    records: Vec<Shot<'a>>,
}

/// One record on the page.
struct Shot<'a> {
    sampled: &'a Sampled,
    source: String,
    is_cut: bool,
    pairs: Vec<(String, String)>,
}

/// Characters of a value, and of a source text, that the page shows.
const VALUE_CHARS: usize = 600;
const SOURCE_CHARS: usize = 6_000;

impl<'a> Shot<'a> {
    fn of(sampled: &'a Sampled) -> Shot<'a> {
        // Segments of messages end in a carriage return alone.
        let text = String::from_utf8_lossy(&sampled.source).replace("\r\n", "\n").replace('\r', "\n");
        let source: String = text.chars().take(SOURCE_CHARS).collect();
        let is_cut = source.len() < text.len() || (sampled.source.len() as u64) < sampled.source_bytes;
        let mut pairs = Vec::new();
        flatten("", &serde_json::from_str(&sampled.record.json).unwrap_or_default(), &mut pairs);
        Shot { sampled, source, is_cut, pairs }
    }
}

/// The values of a JSON text with their paths. The parser has bounded the depth.
fn flatten(path: &str, value: &Value, out: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(&path, value, out);
            }
        }
        Value::Array(values) => values.iter().enumerate().for_each(|(at, v)| flatten(&format!("{path}[{at}]"), v, out)),
        Value::String(text) => {
            let mut shown: String = text.chars().take(VALUE_CHARS).collect();
            if shown.len() < text.len() {
                shown.push('…');
            }
            out.push((path.into(), shown));
        }
        other => out.push((path.into(), other.to_string())),
    }
}

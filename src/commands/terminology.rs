//! `chartkeep terminology`: which codes stand alone, and code maps that add the standard ones.
//!
//! Not for: what a map holds (`formats::code_map`), or adding codings (`store::terminology`).

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::archive::{OpenArchive, now};
use super::operator::{Workplace, operator_entry};
use crate::access::Role;
use crate::durable;
use crate::formats::code_map::{self, CodeMap, Equivalence};
use crate::index;
use crate::signing::KeyPurpose;
use crate::store::layout::Layout;
use crate::store::manifest::{InForce, hex};
use crate::store::unmapped::{Survey, survey};
use crate::store::{Accession, StoreError, catalog, remap::remap};

/// Code maps: see which codes stand alone, and add standard ones beside them.
#[derive(Debug, clap::Args)]
pub struct TerminologyArgs {
    #[command(subcommand)]
    command: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Unmapped(UnmappedArgs),
    Apply(ApplyArgs),
    Show(ShowArgs),
}

/// List the codes that no standard coding goes with, most frequent first.
///
/// Codes and the words beside them come from records; take care where the list goes.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  chartkeep terminology unmapped /data/old-ehr --csv > to-map.csv")]
struct UnmappedArgs {
    /// Folder of the archive
    archive: PathBuf,
    /// Only this accession
    #[arg(long, value_name = "ACCESSION")]
    accession: Option<String>,
    /// As a code map to fill in
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
    /// Most codes to list
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
}

/// Put code maps in force, in place of those before.
///
/// Each accession gets a new generation that shares all files with the one before but the maps. No record changes: a map
/// adds codings when records are read. Without a map, all maps are taken away again.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  chartkeep terminology apply /data/old-ehr labs.csv drugs.json\n\nExit codes: 0 done, 2 refused or failed."
)]
struct ApplyArgs {
    /// Folder of the archive
    archive: PathBuf,
    /// Code maps: CSV tables or FHIR ConceptMaps
    #[arg(value_name = "MAP")]
    maps: Vec<PathBuf>,
    /// Only for this accession
    #[arg(long, value_name = "ACCESSION")]
    accession: Option<String>,
    /// Take all maps away
    #[arg(long, conflicts_with = "maps")]
    none: bool,
}

/// Show the code maps in force.
#[derive(Debug, clap::Args)]
struct ShowArgs {
    /// Folder of the archive
    archive: PathBuf,
}

/// Runs the command.
pub fn run(args: &TerminologyArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        What::Unmapped(args) => unmapped(args),
        What::Apply(args) => apply(args),
        What::Show(args) => show(args),
    }
}

fn opened(open: &OpenArchive, only: Option<&str>) -> anyhow::Result<Vec<Accession>> {
    let wanted = open.catalog.accessions.iter().filter(|a| only.is_none_or(|only| a.accession == only));
    let found: Vec<_> = wanted.map(|a| Accession::open(&open.layout, a, &open.keys)).collect::<Result<_, _>>()?;
    ensure!(!found.is_empty(), "no accession in force has this name");
    Ok(found)
}

fn unmapped(args: &UnmappedArgs) -> anyhow::Result<ExitCode> {
    let open = OpenArchive::open(&args.archive)?;
    let workplace = Workplace::open(&args.archive)?;
    let mut surveys = Vec::new();
    for accession in opened(&open, args.accession.as_deref())? {
        surveys.push((accession.id.to_string(), survey(&accession)?));
    }
    // Codes and words of records leave the archive here.
    let detail = vec![("what", "unmapped codes".to_string()), ("accessions", surveys.len().to_string())];
    workplace.log.append(operator_entry("archive.maintained", Role::Archivist, "terminology unmapped", detail))?;
    workplace.log.close();
    if args.csv {
        print_table(&surveys, args.limit);
    } else if args.json {
        print_json(&surveys, args.limit);
    } else {
        surveys.iter().for_each(|(accession, survey)| print_survey(accession, survey, args.limit));
    }
    Ok(ExitCode::SUCCESS)
}

fn print_survey(accession: &str, survey: &Survey, limit: usize) {
    println!("{accession}: codes with a standard coding, by type of record");
    for (kind, coverage) in &survey.coverage {
        let all = coverage.standard + coverage.local;
        let percent = 100.0 * coverage.standard as f64 / all.max(1) as f64;
        println!("  {kind:26} {percent:5.1} % of {all}, {} through a map", coverage.by_map);
    }
    if survey.unmapped.is_empty() {
        println!("  No code stands alone.");
        return;
    }
    println!("  Codes that stand alone, most frequent first ({} in all):", survey.unmapped.len());
    for code in survey.unmapped.iter().take(limit) {
        let (kind, example) = &code.example;
        println!("  {:>8}  {} | {}  {}  (as in {kind}/{example})", code.count, code.system, code.code, code.display);
    }
}

fn print_json(surveys: &[(String, Survey)], limit: usize) {
    let accessions: Vec<_> = surveys
        .iter()
        .map(|(accession, survey)| {
            let coverage: serde_json::Map<_, _> = survey
                .coverage
                .iter()
                .map(|(k, c)| (k.name().to_string(), json!({ "standard": c.standard, "by_map": c.by_map, "local": c.local })))
                .collect();
            let codes: Vec<_> = survey
                .unmapped
                .iter()
                .take(limit)
                .map(|u| {
                    json!({
                        "system": u.system,
                        "code": u.code,
                        "display": u.display,
                        "count": u.count,
                        "kinds": u.kinds.iter().map(|k| k.name()).collect::<Vec<_>>(),
                        "example": format!("{}/{}", u.example.0, u.example.1),
                    })
                })
                .collect();
            json!({ "accession": accession, "coverage": coverage, "unmapped": survey.unmapped.len(), "codes": codes })
        })
        .collect();
    println!("{}", json!({ "accessions": accessions }));
}

/// The codes as a code map whose targets are still to be filled in.
fn print_table(surveys: &[(String, Survey)], limit: usize) {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    println!("# name: \n# version: 1\n# owner: \n# date: {}", &now()[..10]);
    println!("source_system,source_code,target_system,target_code,target_display,equivalence,source_display,count");
    let mut all: Vec<_> = surveys.iter().flat_map(|(_, survey)| &survey.unmapped).collect();
    all.sort_by(|a, b| (&a.system, &a.code).cmp(&(&b.system, &b.code)));
    all.dedup_by(|a, b| (&a.system, &a.code) == (&b.system, &b.code));
    all.sort_by_key(|code| std::cmp::Reverse(code.count));
    for code in all.into_iter().take(limit) {
        let (system, display) = (quoted(&code.system), quoted(&code.display));
        println!("{system},{},,,,,{display},{}", quoted(&code.code), code.count);
    }
}

fn read_maps(paths: &[PathBuf]) -> anyhow::Result<Vec<CodeMap>> {
    let mut maps: Vec<CodeMap> = Vec::new();
    for path in paths {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let map = code_map::read(&bytes).with_context(|| format!("{} is no code map", path.display()))?;
        if maps.iter().any(|m| m.name == map.name) {
            bail!("{}: another map is called {} too", path.display(), map.name);
        }
        maps.push(map);
    }
    Ok(maps)
}

fn apply(args: &ApplyArgs) -> anyhow::Result<ExitCode> {
    ensure!(args.none || !args.maps.is_empty(), "name the code maps, or take all away with --none");
    let maps = read_maps(&args.maps)?;
    let (open, _lock) = OpenArchive::open_to_change(&args.archive)?;
    let workplace = Workplace::open(&args.archive)?;
    let signer = workplace.signer(KeyPurpose::Seal)?;
    if open.layout.building().exists() {
        durable::remove_dir_all(&open.layout.building())?;
    }
    let mut next = open.catalog.clone();
    for accession in opened(&open, args.accession.as_deref())? {
        let entry = next.accessions.iter_mut().find(|a| a.accession == accession.id.as_str());
        let entry = entry.context("the catalog does not name the accession")?;
        *entry = settle(&open.layout, &accession, entry, &maps)?;
    }
    let mut accessions = Vec::new();
    for entry in &next.accessions {
        accessions.push(Arc::new(Accession::open(&open.layout, entry, &open.keys)?));
    }
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    next.index = Some(index::rebuild(&open.layout, &open.catalog, &accessions, threads).context("the index cannot be built")?);
    next.reason = "terminology".into();
    let names: Vec<String> = maps.iter().map(|m| format!("{}|{}", m.name, m.version)).collect();
    let detail = vec![("what", "code maps".to_string()), ("maps", names.join(", "))];
    workplace.log.append(operator_entry("archive.maintained", Role::Archivist, "terminology apply", detail))?;
    let published = catalog::publish(&open.layout, next, &open.catalog_sha256, &now(), &signer)?;
    index::remove_unused(&open.layout, &published, &open.catalog)?;
    workplace.log.close();
    durable::remove_dir_all(&open.layout.building())?;
    match names.is_empty() {
        true => println!("No code map is in force any more."),
        false => println!("In force: {}.", names.join(", ")),
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes the new generation and moves it to its place; no catalog names it yet.
fn settle(layout: &Layout, accession: &Accession, entry: &InForce, maps: &[CodeMap]) -> anyhow::Result<InForce> {
    let (draft, manifest) = remap(layout, accession, maps)?;
    let target = layout.generation(&accession.id, manifest.generation);
    if target.dir().exists() {
        // Left by a run that died before it published.
        durable::remove_dir_all(target.dir())?;
    }
    durable::rename(draft.dir(), target.dir())?;
    let text = read(&target.manifest())?;
    Ok(InForce { generation: manifest.generation, manifest_sha256: hex(&Sha256::digest(&text)), ..entry.clone() })
}

fn read(path: &Path) -> Result<Vec<u8>, StoreError> {
    std::fs::read(path).map_err(StoreError::read(path))
}

fn show(args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let open = OpenArchive::open(&args.archive)?;
    for accession in opened(&open, None)? {
        println!("{} (generation {})", accession.id, accession.generation);
        let maps = accession.terminology().maps();
        if maps.is_empty() {
            println!("  no code map");
        }
        for map in maps {
            let added = map.mappings.iter().filter(|m| m.equivalence == Equivalence::Equivalent).count();
            let others = map.mappings.len() - added;
            println!(
                "  {} {} of {}, {}: {added} codes mapped, {others} not close enough to add",
                map.name, map.version, map.owner, map.date
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

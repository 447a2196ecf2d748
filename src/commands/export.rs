//! `chartkeep export`: the whole archive for its successor, all there is of one person, or one record's original bytes.
//!
//! Not for: packages for a requester (`release`). What leaves goes through the gate, with an operator and a purpose.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};

use super::DONE_WITH_FINDINGS;
use super::operator::{Workplace, operator_name};
use crate::access::{Gate, GateError, Permit, Principal, Purpose, RequestContext, Role, Scope, Shown};
use crate::config::Config;
use crate::durable;
use crate::export::{self, Listing, MANIFEST, Manifest, Part, Shaped, Whole};
use crate::model::{ArchiveId, Kind, PatientKey};
use crate::query::{Archive, Source};
use crate::signing::KeyPurpose;

/// What an export that is under way is: written first, and what a further run must agree with.
const PLAN: &str = "plan.json";

/// Write records back as FHIR R4 NDJSON, with documents, originals, and a manifest of digests.
///
/// The whole archive is written part by part: a run that was stopped is taken up again by the same command. With --patient all
/// there is of one person is written, as a folder, or as one ZIP when the name ends so. With --original one record's bytes go to
/// standard output exactly as they were delivered. The access log names each record before it is written.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  chartkeep export /data/old-ehr /out
  chartkeep export --check /out
  chartkeep export /data/old-ehr /out/quill.zip --patient mer.7c1c9a4e --purpose PATRQT
  chartkeep export /data/old-ehr --original Observation/7c1c9a4e-0d31-4c6b-a5a7-2f7d6e0b9c11 --purpose HLEGAL

Exit codes: 0 done, 1 --check found something, 2 refused or failed.")]
pub struct ExportArgs {
    /// Folder of the archive
    #[arg(required_unless_present = "check")]
    pub archive: Option<PathBuf>,
    /// Folder to write into: new, empty, or that of a run that was stopped
    pub dir: Option<PathBuf>,
    /// Only the person who has this patient (the key, as in the viewer's address); DIR may end in .zip
    #[arg(long, value_name = "ID")]
    pub patient: Option<String>,
    /// Print one record's original bytes: Type/id
    #[arg(long, value_name = "TYPE/ID", conflicts_with_all = ["patient", "dir"])]
    pub original: Option<String>,
    /// Read an export again and name every file that is missing, altered or added
    #[arg(long, value_name = "DIR", exclusive = true)]
    pub check: Option<PathBuf>,
    /// Purpose of use: RECORDMGT, HLEGAL or PATRQT
    #[arg(long, default_value = "RECORDMGT", value_parser = parse_purpose)]
    pub purpose: Purpose,
}

pub(super) fn parse_purpose(text: &str) -> Result<Purpose, String> {
    Purpose::from_code(text).ok_or_else(|| "not a purpose of use that this archive knows".into())
}

/// The gate and the archive as the operator meets them.
struct Exporter {
    gate: Gate,
    archive: Archive,
    principal: Principal,
}

/// Runs `chartkeep export`.
pub fn run(args: &ExportArgs) -> anyhow::Result<ExitCode> {
    if let Some(dir) = &args.check {
        return check(dir);
    }
    let root = args.archive.as_deref().context("name the folder of the archive")?;
    let workplace = Workplace::open(root)?;
    let config = Config::load(root)?;
    let archive = Archive::open(root, workplace.ring.verifiers(KeyPurpose::Seal), config.cutover)?;
    let exporter = Exporter {
        gate: workplace.gate()?,
        // Whatever is published meanwhile, the export agrees with itself.
        archive: archive.pinned(),
        principal: Principal::operator(&operator_name(), Role::Him, args.purpose),
    };
    let done = match (&args.original, &args.dir, &args.patient) {
        (Some(name), ..) => exporter.original(name),
        (None, Some(to), Some(patient)) => exporter.person(to, patient),
        (None, Some(dir), None) => exporter.all(dir),
        (None, None, _) => bail!("name a folder to write into"),
    };
    workplace.log.close();
    done.map(|()| ExitCode::SUCCESS)
}

fn check(dir: &Path) -> anyhow::Result<ExitCode> {
    let checked = export::check(dir).with_context(|| format!("{} cannot be checked", dir.display()))?;
    for (path, what) in &checked.faults {
        println!("{path}: {what}");
    }
    println!("{} files, {} bytes as the manifest says; {} faults.", checked.files, checked.bytes, checked.faults.len());
    Ok(if checked.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(DONE_WITH_FINDINGS) })
}

impl Exporter {
    fn ask(&self, scope: Scope) -> Result<Permit, GateError> {
        let context = RequestContext {
            request_id: uuid::Uuid::now_v7().to_string(),
            method: "CLI".into(),
            path: "export".into(),
            ..RequestContext::default()
        };
        self.gate.ask(&self.principal, scope, context)
    }

    fn original(&self, name: &str) -> anyhow::Result<()> {
        let parsed = name.split_once('/').and_then(|(kind, id)| Some((Kind::from_name(kind)?, ArchiveId::parse(id)?)));
        let (kind, id) = parsed.context("name the record as Type/id")?;
        let permit = self.ask(Scope::Record(kind, id.clone()))?;
        let (record, origin) = self.archive.origin(&permit, kind, &id, None)?;
        let Source::Shown { bytes, mut beside } = origin.source else {
            bail!("the source record also speaks of what may not be shown with this purpose");
        };
        beside.insert(0, record);
        let shown = Shown { event: "document.download", query: None, ..export::shown("", &beside) };
        let bytes = permit.answer(bytes, shown)?.into_inner();
        std::io::stdout().write_all(&bytes)?;
        Ok(())
    }

    /// All there is of one person, in a folder, or packed beside it and put in its place.
    fn person(&self, to: &Path, patient: &str) -> anyhow::Result<()> {
        let patient = PatientKey::parse(patient).context("not a patient key")?;
        let scope = export::scope(&self.archive, &patient);
        let ask = || self.ask(scope.clone());
        let purpose = self.principal.purpose.code();
        let is_zip = to.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("zip"));
        if !is_zip {
            ensure!(is_free(to), "{} exists and is not empty", to.display());
            durable::create_dir_all(to)?;
            let manifest = export::person(&self.archive, &ask, &patient, purpose, to)?;
            println!("{}", told(&manifest, to));
            return Ok(());
        }
        ensure!(!to.exists(), "{} exists", to.display());
        let name = to.file_stem().and_then(|name| name.to_str()).context("the name of the ZIP is not plain text")?;
        let beside = to.with_extension("unpacked");
        ensure!(is_free(&beside), "{} exists and is not empty", beside.display());
        durable::create_dir_all(&beside)?;
        let manifest = export::person(&self.archive, &ask, &patient, purpose, &beside);
        let packed = manifest.and_then(|manifest| export::pack(&beside, &manifest, name, to).map(|_| manifest));
        durable::remove_dir_all(&beside)?;
        println!("{}", told(&packed?, to));
        Ok(())
    }

    /// The whole archive, part by part.
    fn all(&self, dir: &Path) -> anyhow::Result<()> {
        let permit = self.ask(Scope::Everything)?;
        let parts = self.archive.parts(&permit, None)?;
        let start = Shown { event: "export.bulk.start", hits: Some(parts.len() as u64), ..Shown::default() };
        let parts = permit.answer(parts, start)?.into_inner();
        let facts = self.archive.facts();
        let mut manifest = Manifest::new("archive", &facts.archive, &self.archive.state(), self.principal.purpose.code());
        manifest.sources = facts.source_systems;
        manifest.parts = Some(parts.len() as u64);
        begin(dir, &manifest)?;
        let ask = || self.ask(Scope::Everything);
        let shape = |_: &Permit, record: &crate::model::Record| {
            Ok(Some(Shaped { line: export::line_of(record.json.as_bytes()), also: Vec::new() }))
        };
        let whole = Whole {
            archive: &self.archive,
            source: None,
            kinds: &[],
            directory_only: false,
            with_documents: true,
            ask: &ask,
            shape: &shape,
            about: "export of the archive",
            goes_on: &|| true,
        };
        let (mut records, mut documents) = (0, 0);
        for (number, part) in parts.into_iter().enumerate().map(|(number, part)| (number + 1, Part::Cut(part))) {
            let path = format!("parts/{number:05}.json");
            let (listing, entry) = match Listing::read(dir, &path)? {
                Some(done) => done,
                None => {
                    export::clear(dir, number)?;
                    let listing = whole.write(&part, number, dir)?;
                    let entry = listing.write(dir, &path)?;
                    (listing, entry)
                }
            };
            records += listing.files.iter().filter_map(|file| file.records).sum::<u64>();
            documents += listing.files.iter().filter(|file| file.records.is_none()).count();
            manifest.files.push(entry);
        }
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let originals = export::originals(&self.archive, &ask, dir, threads)?;
        manifest.files.extend(originals.files);
        manifest.left_out = originals.left_out;
        self.ask(Scope::Everything)?.answer((), Shown { event: "export.bulk.end", hits: Some(records), ..Shown::default() })?;
        finish(dir, manifest)?;
        println!("{records} records and {documents} documents are in {}.", dir.display());
        Ok(())
    }
}

fn is_free(dir: &Path) -> bool {
    std::fs::read_dir(dir).map_or(!dir.exists(), |mut entries| entries.next().is_none())
}

fn told(manifest: &Manifest, to: &Path) -> String {
    let records: u64 = manifest.files.iter().filter_map(|file| file.records).sum();
    let documents = manifest.files.iter().filter(|file| file.path.starts_with("documents/")).count();
    format!("{records} records and {documents} documents are in {}.", to.display())
}

/// Begins an export in an empty folder, or takes up one that was stopped, if it is of the same state and purpose.
fn begin(dir: &Path, manifest: &Manifest) -> anyhow::Result<()> {
    let plan = serde_json::to_vec_pretty(manifest)?;
    if is_free(dir) {
        durable::create_dir_all(&dir.join("parts"))?;
        durable::replace(&dir.join(PLAN), &plan)?;
        return Ok(());
    }
    if dir.join(MANIFEST).exists() {
        // Stopped between the last two steps.
        if dir.join(PLAN).exists() {
            durable::remove_file(&dir.join(PLAN))?;
        }
        bail!("{} holds a finished export; `chartkeep export --check` reads it again", dir.display());
    }
    let Ok(before) = std::fs::read(dir.join(PLAN)) else { bail!("{} exists and is not empty", dir.display()) };
    ensure!(
        before == plan,
        "{} holds the beginning of another export: of an earlier state of the archive, for another purpose, or by another version. \
         Begin in an empty folder.",
        dir.display()
    );
    sweep(dir)?;
    eprintln!("Going on with the export in {}.", dir.display());
    Ok(())
}

/// Removes what the run that was stopped was writing.
fn sweep(dir: &Path) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sweep(&entry.path())?;
        }
    }
    durable::remove_temporaries(dir)?;
    Ok(())
}

/// The manifest first: with it the export is whole, and the plan has done its work.
fn finish(dir: &Path, manifest: Manifest) -> anyhow::Result<()> {
    manifest.write(dir)?;
    durable::remove_file(&dir.join(PLAN))?;
    Ok(())
}

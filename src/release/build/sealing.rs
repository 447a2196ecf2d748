//! After approval: the pages with their numbers, the files beside them, manifest, signatures, the one file that leaves.
//!
//! Not for: leave to do so (`workflow`), or handing the package out (`desk`).

use std::io::{self, BufWriter, IntoInnerError, Read};
use std::path::{Path, PathBuf};

use super::beside;
use super::job::{Job, frozen};
use super::preview::{self, Told, cover};
use super::print::{Printout, Run, print};
use super::stock::{Stock, Stocked};
use super::{BuildFault, BuildRecord, Plan, Workshop, facts, proved, volumes};
use crate::audit;
use crate::durable;
use crate::release::package::manifest::{self, MANIFEST, Manifest};
use crate::release::package::{AUDIT_PROOF, container, hex, seal as signatures, sha256_hex};
use crate::release::paper::front::verify_text;
use crate::release::paper::{Exception, Setting};
use crate::release::redaction::Journal;
use crate::release::shelf::{Bench, Shelf, digest_of};
use crate::release::workflow::Package;
use crate::signing::{KeyRing, Signer};

const PDF: &str = "application/pdf";
const TEXT: &str = "text/plain";
/// Names of the texts that say how to check a package, and who may do so with what.
pub const VERIFY: &str = "VERIFY.txt";
pub const LICENSE: &str = "LICENSE-verify.txt";

/// Bates numbers that the package of a record takes: its pages with all covers. The record's own numbers do not count yet.
pub fn numbers(shop: &Workshop<'_>, record: &BuildRecord, told: &Told) -> Result<u64, BuildFault> {
    let job = Job::open(shop, frozen::<Plan>(shop, &record.plan_sha256, "plan")?)?;
    let record = BuildRecord { bates_first: Some(1), ..record.clone() };
    counted(&job, &record, told)
}

/// Pages of all volumes, printed to nowhere.
fn counted(job: &Job<'_>, record: &BuildRecord, told: &Told) -> Result<u64, BuildFault> {
    let volumes = volumes(job, record, told, Some(told.pages), |_, _, run, exceptions| print(job, run, exceptions, io::sink()))?;
    Ok(volumes.iter().map(|volume| volume.pages).sum())
}

/// Makes the package of a record and puts both on the shelf.
///
/// # Errors
/// `NotThePreview` when the pages that were approved cannot be made again; whatever keeps it from being made. Nothing is kept then,
/// and whoever gave Bates numbers voids them.
pub fn seal(shop: &Workshop<'_>, record: &BuildRecord, signer: &dyn Signer) -> Result<Package, BuildFault> {
    if signer.key_name() != record.key || hex(&signer.public_key()) != record.key_public {
        return Err(BuildFault::OtherKey(record.key.clone()));
    }
    let bench = shop.shelf.bench()?;
    let made = make(shop, record, &bench)?;
    let (jws, signature) = signatures::sign(&made.manifest, signer);
    let file = made.pack(&bench, jws.as_bytes(), &signature)?;
    let package_sha256 = digest_of(std::fs::File::open(&file)?)?;
    let bytes = std::fs::metadata(&file)?.len();
    let build_sha256 = shop.shelf.put(&record.to_bytes())?;
    shop.shelf.take(&file, &package_sha256)?;
    let bates = made.bates;
    Ok(Package {
        manifest_sha256: sha256_hex(&made.manifest),
        package_sha256,
        build_sha256,
        first_bates: bates.as_ref().map(|it| it.first.clone()).unwrap_or_default(),
        last_bates: bates.map(|it| it.last).unwrap_or_default(),
        pages: made.pages,
        bytes,
    })
}

/// What came of making a package again.
#[derive(Clone, Debug, Default)]
pub struct Rebuilt {
    pub manifest_sha256: String,
    /// `None` when the package as it left is not there to compare with.
    pub package_sha256: Option<String>,
    /// Empty when all bytes are the same.
    pub differences: Vec<Difference>,
}

/// A file that is another than it was.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    pub path: String,
    pub what: &'static str,
}

/// Makes a package again from its record and compares it with what left, byte for byte. The signatures are those that left with
/// it: whether the manifest is the one they are under is what is compared. Nothing is kept.
pub fn rebuild(shop: &Workshop<'_>, kept: &Package) -> Result<Rebuilt, BuildFault> {
    let record: BuildRecord = frozen(shop, &kept.build_sha256, "build record")?;
    let bench = shop.shelf.bench()?;
    let made = make(shop, &record, &bench)?;
    let manifest_sha256 = sha256_hex(&made.manifest);
    let mut rebuilt = Rebuilt { manifest_sha256, ..Rebuilt::default() };
    if !shop.shelf.has(&kept.package_sha256) {
        if rebuilt.manifest_sha256 != kept.manifest_sha256 {
            rebuilt.differences.push(Difference { path: MANIFEST.into(), what: "is another" });
        }
        return Ok(rebuilt);
    }
    let mut zip = zip::ZipArchive::new(shop.shelf.open(&kept.package_sha256)?).map_err(io::Error::from)?;
    let (folder, _) = container::members(&mut zip)?;
    let mut member = |name: &str| -> Result<Vec<u8>, BuildFault> {
        let mut bytes = Vec::new();
        zip.by_name(&format!("{folder}/{name}")).map_err(io::Error::from)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let (manifest, jws, signature) = (member(MANIFEST)?, member(signatures::JWS)?, member(signatures::SIG)?);
    rebuilt.differences = differences(&Manifest::parse(&manifest)?, &Manifest::parse(&made.manifest)?);
    let digest = digest_of(std::fs::File::open(made.pack(&bench, &jws, &signature)?)?)?;
    if rebuilt.differences.is_empty() && digest != kept.package_sha256 {
        rebuilt.differences.push(Difference { path: "package".into(), what: "is another outside its files" });
    }
    rebuilt.package_sha256 = Some(digest);
    Ok(rebuilt)
}

fn differences(kept: &Manifest, made: &Manifest) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut find = |path: &str, what| found.push(Difference { path: path.to_owned(), what });
    for file in &kept.files {
        match made.file(&file.path) {
            None => find(&file.path, "is not made any more"),
            Some(other) if other != file => find(&file.path, "is another"),
            Some(_) => {}
        }
    }
    let added = made.files.iter().filter(|file| kept.file(&file.path).is_none());
    added.for_each(|file| find(&file.path, "was not there"));
    if kept.to_bytes() != made.to_bytes() {
        find(MANIFEST, "is another");
    }
    found
}

/// Proves where the approval stands in the access log, under a checkpoint that covers it, and keeps the proof on the shelf.
pub fn audit_proof(
    archive: &Path,
    ring: &KeyRing,
    shelf: &Shelf,
    stream: &str,
    seq: u64,
) -> Result<(manifest::Audit, String), BuildFault> {
    let proof = audit::prove_entry(archive, ring, stream, seq, None)?;
    let text = proof.to_json() + "\n";
    let audit::Proved::Entry { size, .. } = audit::check_proof(&proof, &ring.verifiers(crate::signing::KeyPurpose::Audit))?
    else {
        return Err(BuildFault::Form("proof of the approval"));
    };
    let sha256 = shelf.put(text.as_bytes())?;
    Ok((manifest::Audit { stream: stream.to_owned(), seq, tree_size: size }, sha256))
}

/// A package without its signatures.
struct Content {
    folder: String,
    manifest: Vec<u8>,
    stocked: Stocked,
    bates: Option<manifest::Bates>,
    pages: u64,
}

fn make(shop: &Workshop<'_>, record: &BuildRecord, bench: &Bench) -> Result<Content, BuildFault> {
    let job = Job::open(shop, frozen::<Plan>(shop, &record.plan_sha256, "plan")?)?;
    if record.v != super::VERSION {
        return Err(BuildFault::Form("build record"));
    }
    let told = preview::make(&job, bench)?;
    if told.pdf_sha256 != record.pdf_sha256 {
        return Err(BuildFault::NotThePreview);
    }
    let mut stock = Stock::new(bench.file("stock"))?;
    // A cover of several volumes says how many pages they have together.
    let all = match volumes::split(&told, job.plan.volume_pages, job.plan.volume_bytes).len() {
        1 => None,
        _ if record.bates_count > 0 => Some(record.bates_count),
        _ => Some(counted(&job, record, &told)?),
    };
    let volumes = volumes(&job, record, &told, all, |at, of, run, exceptions| {
        let name = volume_name(at, of);
        let printed = stock.add(&name, PDF, |member| print(&job, run, exceptions, member))?;
        stock.has_pages(printed.pages);
        if !job.redactions.is_empty() {
            // Which pages a person has to look at was told of the preview.
            proved::pages(&job, &name, &stock.last()?, &printed, run.journal)?;
        }
        Ok(printed)
    })?;
    let pages: u64 = volumes.iter().map(|volume| volume.pages).sum();
    let given = all.or((record.bates_first.is_some() && job.plan.bates.is_some()).then_some(record.bates_count));
    if let Some(given) = given.filter(|given| *given != pages) {
        return Err(BuildFault::Numbers { given, needed: pages });
    }
    let of_items = beside::write(&job, record, &told.exceptions, &mut stock)?;
    if let Some(digest) = &record.audit_proof_sha256 {
        stock.add_bytes(AUDIT_PROOF, "application/json", &shop.shelf.get(digest)?)?;
    }
    let folder = folder(&job);
    stock.add_bytes(VERIFY, TEXT, verify_text(&job.plan, record).as_bytes())?;
    stock.add_bytes(LICENSE, TEXT, include_bytes!("../package/LICENSE-verify.txt"))?;
    let stocked = stock.finish()?;
    let manifest = facts::manifest(
        &job,
        record,
        &facts::Made { volumes: &volumes, of_items: &of_items, exceptions: &told.exceptions, files: &stocked.files, pages },
    )?;
    proved::beside(&job, &stocked, &of_items)?;
    if !job.redactions.is_empty() {
        proved::bytes_of(&job, MANIFEST, &manifest.to_bytes(), None)?;
    }
    Ok(Content { folder, bates: manifest.bates.clone(), manifest: manifest.to_bytes(), stocked, pages })
}

/// `ROI-2026-000123`; of the second patient of a request and the following ones with their number.
fn folder(job: &Job<'_>) -> String {
    match job.plan.subject {
        0 => format!("ROI-{}", job.plan.request),
        subject => format!("ROI-{}-{}", job.plan.request, subject + 1),
    }
}

fn volume_name(at: usize, of: usize) -> String {
    if of == 1 { "release.pdf".into() } else { format!("release-{:03}.pdf", at + 1) }
}

/// Prints all volumes, one after the other, with the numbers that they take.
fn volumes(
    job: &Job<'_>,
    record: &BuildRecord,
    told: &Told,
    pages_of_all: Option<u64>,
    mut print: impl FnMut(usize, usize, &Run<'_>, &mut Vec<Exception>) -> Result<Printout, BuildFault>,
) -> Result<Vec<Printout>, BuildFault> {
    let standing = if job.plan.certificate.is_some() { "Certified copy" } else { "Copy, not certified" };
    let native = beside::foreseen(job);
    let ranges = volumes::split(told, job.plan.volume_pages, job.plan.volume_bytes);
    let mut exceptions = beside::left_out(job);
    let (mut done, mut pages) = (Vec::with_capacity(ranges.len()), 0);
    let digest = record.digest();
    let of_items: Vec<u32> = (1..).zip(&ranges).flat_map(|(volume, items)| items.clone().map(move |_| volume)).collect();
    for (at, items) in ranges.iter().enumerate() {
        let mut setting: Setting = job.setting(standing, &record.approved, record.bates_first.map(|first| first + pages));
        if ranges.len() > 1 {
            setting.volume = Some((at as u32 + 1, ranges.len() as u32));
        }
        let journal = Journal::default();
        let run = Run {
            setting: &setting,
            cover: cover(job, &record.approved, &["volume", &digest, &at.to_string()])?,
            items: items.clone(),
            volumes: if ranges.len() > 1 { &of_items } else { &[] },
            pages: pages_of_all.filter(|_| ranges.len() > 1),
            build: Some(record),
            native: &native,
            journal: &journal,
        };
        let printed = print(at, ranges.len(), &run, &mut exceptions)?;
        pages += printed.pages;
        done.push(printed);
    }
    Ok(done)
}

impl Content {
    /// Writes the container.
    fn pack(&self, bench: &Bench, jws: &[u8], signature: &[u8]) -> Result<PathBuf, BuildFault> {
        let path = bench.file("package.zip");
        let small = [(MANIFEST, self.manifest.as_slice()), (signatures::JWS, jws), (signatures::SIG, signature)];
        let sizes = self.stocked.files.iter().map(|file| (file.path.clone(), file.bytes));
        let members = sizes.chain(small.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.len() as u64))).collect();
        let file = BufWriter::with_capacity(1 << 20, durable::create_new(&path)?);
        let file = container::write(file, &self.folder, &members, |name| -> io::Result<Box<dyn Read + '_>> {
            match small.iter().find(|(it, _)| *it == name) {
                Some((_, bytes)) => Ok(Box::new(*bytes)),
                None => Ok(Box::new(self.stocked.open(name)?)),
            }
        })?;
        file.into_inner().map_err(IntoInnerError::into_error)?.sync_all()?;
        Ok(path)
    }
}

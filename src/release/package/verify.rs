//! Checks a package with nothing but the public key: every file, nothing missing, nothing added, every byte of the file that
//! holds them, and whether it agrees with itself (spec legal-release.md §12).
//!
//! Not for: whether the release was lawful, or the paper that was printed from it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, BufWriter, IntoInnerError, Read, Seek, SeekFrom};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest, Sha256};
use zip::ZipArchive;

use crate::merkle;
use crate::signing::VerifierKey;

use super::container::{self, ContainerFault};
use super::contents;
use super::manifest::{MANIFEST, Manifest};
use super::numbers::{self, Numbering};
use super::seal::{self, JWS, SIG};

/// Largest manifest and signature that are read into memory.
const MANIFEST_BYTES_MAX: u64 = 512 << 20;
/// Largest proof of an approval.
const PROOF_BYTES_MAX: u64 = 1 << 20;

/// Something that does not hold.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Finding {
    /// Path in the package; `package` for the file that holds all.
    pub item: String,
    pub what: String,
}

/// What a check found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub findings: Vec<Finding>,
    /// Present when the manifest can be read; to be believed only when there are no findings.
    pub manifest: Option<Manifest>,
    pub files: u64,
    pub bytes: u64,
    /// Records whose place in their accession's tree was checked.
    pub proofs: u64,
    /// Records given as they were delivered that are what their leaves were made of.
    pub originals: u64,
    /// Pages of all volumes.
    pub pages: u64,
    /// Whether the approval was found in the access log, under a key of it that was given.
    pub is_approval_proved: bool,
}

impl Report {
    pub fn holds(&self) -> bool {
        self.findings.is_empty() && self.manifest.is_some()
    }

    pub(super) fn find(&mut self, item: &str, what: impl Into<String>) {
        self.findings.push(Finding { item: item.to_owned(), what: what.into() });
    }
}

/// Checks a package. `key`: the release key of whoever sent it, got on another way than the package.
///
/// # Errors
/// Reading the package or making room for the comparison failed; a package that is wrong is no error.
pub fn verify<R: Read + Seek>(package: R, key: &VerifierKey) -> std::io::Result<Report> {
    verify_with(package, std::slice::from_ref(key), &[])
}

/// As [`verify`], with all keys that the sender's releases were signed with in the course of time, and those of the access log,
/// under which the approval is proved.
///
/// # Errors
/// As [`verify`].
pub fn verify_with<R: Read + Seek>(package: R, keys: &[VerifierKey], log: &[VerifierKey]) -> std::io::Result<Report> {
    let mut report = Report::default();
    let mut zip = match ZipArchive::new(package) {
        Ok(zip) => zip,
        Err(error) => {
            report.find("package", format!("it is damaged or cut off: {error}"));
            return Ok(report);
        }
    };
    let (folder, members) = match container::members(&mut zip) {
        Ok(found) => found,
        Err(fault) => {
            report.find(fault_item(&fault), fault.to_string());
            return Ok(report);
        }
    };
    let manifest = signed_manifest(&mut zip, &folder, &members, keys, &mut report);
    let digests = digests(&mut zip, &folder, &members, &mut report);
    if let Some(manifest) = manifest {
        compare(&manifest, &members, &digests, &mut report);
        inclusions(&manifest, &mut report);
        contents_agree(&mut zip, &folder, &manifest, log, &mut report)?;
        report.manifest = Some(manifest);
    }
    if report.findings.is_empty() {
        rebuilt(zip, &folder, &members, &mut report)?;
    }
    report.findings.sort();
    Ok(report)
}

fn fault_item(fault: &ContainerFault) -> &str {
    match fault {
        ContainerFault::Name(path) | ContainerFault::Twice(path) | ContainerFault::Member { path, .. } => path,
        ContainerFault::Write(_) | ContainerFault::NotOne(_) => "package",
    }
}

/// The manifest, when its signatures hold.
fn signed_manifest<R: Read + Seek>(
    zip: &mut ZipArchive<R>,
    folder: &str,
    members: &BTreeMap<String, u64>,
    keys: &[VerifierKey],
    report: &mut Report,
) -> Option<Manifest> {
    let mut bytes_of = |name: &str, report: &mut Report| -> Option<Vec<u8>> {
        let size = members.get(name).copied();
        if size.is_none_or(|size| size > MANIFEST_BYTES_MAX) {
            report.find(name, if size.is_some() { "is too large" } else { "is missing" });
            return None;
        }
        let mut bytes = Vec::new();
        let read = zip
            .by_name(&format!("{folder}/{name}"))
            .map_err(|_| ())
            .and_then(|mut it| it.read_to_end(&mut bytes).map_err(|_| ()));
        if read.is_err() {
            report.find(name, "is damaged");
            return None;
        }
        Some(bytes)
    };
    let manifest = bytes_of(MANIFEST, report);
    let jws = bytes_of(JWS, report);
    let signature = bytes_of(SIG, report);
    let manifest = manifest?;
    let jws = jws.map(|jws| String::from_utf8(jws).unwrap_or_default());
    let said = jws.as_deref().and_then(seal::said_key);
    let is_said = |key: &&VerifierKey| said.as_ref().is_some_and(|said| *said == seal::key_id(&key.public_key()));
    let Some(public) = keys.iter().find(is_said).or(keys.first()).map(VerifierKey::public_key) else {
        report.find(JWS, "no key was given to check it with");
        return None;
    };
    if let Some(fault) = jws.and_then(|jws| seal::check_jws(&jws, &manifest, &public).err()) {
        report.find(JWS, format!("{fault}: the manifest or its signature was changed, or this is not the sender's key"));
    }
    if let Some(fault) = signature.and_then(|signature| seal::check(&signature, &manifest, &public).err()) {
        report.find(SIG, fault.to_string());
    }
    match Manifest::parse(&manifest) {
        Ok(manifest) => Some(manifest),
        Err(fault) => {
            report.find(MANIFEST, fault.to_string());
            None
        }
    }
}

/// SHA-256 of every member.
fn digests<R: Read + Seek>(
    zip: &mut ZipArchive<R>,
    folder: &str,
    members: &BTreeMap<String, u64>,
    report: &mut Report,
) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut buffer = vec![0; 1 << 20];
    for path in members.keys() {
        let Ok(mut member) = zip.by_name(&format!("{folder}/{path}")) else {
            report.find(path, "is damaged");
            continue;
        };
        let mut hasher = Sha256::new();
        let done = loop {
            match member.read(&mut buffer) {
                Ok(0) => break true,
                Ok(read) => hasher.update(buffer.get(..read).unwrap_or_default()),
                // The ZIP's own checksum tells first.
                Err(_) => break false,
            }
        };
        if done {
            found.insert(path.clone(), super::hex(&hasher.finalize()));
        } else {
            report.find(path, "was changed");
        }
    }
    found
}

/// Every file that the manifest names is there and is that file; nothing else is.
fn compare(manifest: &Manifest, members: &BTreeMap<String, u64>, digests: &BTreeMap<String, String>, report: &mut Report) {
    let mut named: BTreeSet<&str> = BTreeSet::from([MANIFEST, JWS, SIG]);
    for file in &manifest.files {
        if !named.insert(&file.path) {
            report.find(&file.path, "stands twice in the manifest");
        }
        let Some(size) = members.get(&file.path) else {
            report.find(&file.path, "is missing");
            continue;
        };
        report.files += 1;
        report.bytes += size;
        let is_same = *size == file.bytes && digests.get(&file.path).is_none_or(|digest| *digest == file.sha256);
        if !is_same {
            report.find(&file.path, "was changed");
        }
    }
    for path in members.keys().filter(|path| !named.contains(path.as_str())) {
        report.find(path, "was added");
    }
}

/// Each record's place in its accession's tree: the path leads from some leaf to the root that the manifest names. The leaf
/// itself is bound to the record's bytes by whoever has them; of records given natively that is checked here.
fn inclusions(manifest: &Manifest, report: &mut Report) {
    for item in &manifest.items {
        let Some(proof) = &item.proof else { continue };
        let name = format!("item {}", item.n);
        let accession = manifest.accessions.iter().find(|it| it.id == proof.accession);
        let root = accession.and_then(|it| hash(&it.root));
        let path: Option<Vec<merkle::Hash>> = proof.path.iter().map(|text| hash(text)).collect();
        let leaf = hash(&proof.leaf);
        let (Some(accession), Some(root), Some(path), Some(leaf)) = (accession, root, path, leaf) else {
            report.find(&name, "its proof cannot be read");
            continue;
        };
        if merkle::verify_inclusion(proof.index, accession.records, &leaf, &path, &root) {
            report.proofs += 1;
        } else {
            report.find(&name, "does not stand in the accession that it is said to come from");
        }
    }
}

/// Compares what the manifest says with what the files hold.
fn contents_agree<R: Read + Seek>(
    zip: &mut ZipArchive<R>,
    folder: &str,
    manifest: &Manifest,
    log: &[VerifierKey],
    report: &mut Report,
) -> std::io::Result<()> {
    let mut counted = Vec::new();
    let mut numbering = Numbering::of(manifest);
    for file in manifest.files.iter().filter(|file| file.pages.is_some()) {
        let Ok(mut member) = zip.by_name(&format!("{folder}/{}", file.path)) else { continue };
        let mut copy = tempfile::tempfile()?;
        if std::io::copy(&mut member, &mut copy).is_ok() {
            counted.push((file.path.clone(), numbers::read(&file.path, &copy, numbering.as_ref(), report)?));
        }
        numbering = numbering.and_then(|numbering| numbering.after(file.pages?));
    }
    contents::pages(manifest, &counted, report);
    let mut bytes_of = |path: &str, bytes_max: u64| -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let member = zip.by_name(&format!("{folder}/{path}")).ok()?;
        member.take(bytes_max).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    };
    let named: BTreeSet<&str> = manifest.files.iter().map(|file| file.path.as_str()).collect();
    for item in &manifest.items {
        if let Some(path) = item.original.iter().chain(&item.files).find(|path| !named.contains(path.as_str())) {
            report.find(path, format!("is named as a file of {} and is none of the package", contents::name(item)));
        }
        if let Some(bytes) = item.original.as_ref().and_then(|path| bytes_of(path, MANIFEST_BYTES_MAX)) {
            contents::original(item, &bytes, report);
        }
    }
    let proof = bytes_of(contents::AUDIT_PROOF, PROOF_BYTES_MAX);
    contents::approval(manifest, proof.as_deref(), log, report);
    Ok(())
}

fn hash(text: &str) -> Option<merkle::Hash> {
    BASE64.decode(text).ok()?.try_into().ok()
}

/// Writes the package again from its members, and compares: so no byte outside the members can be another either.
fn rebuilt<R: Read + Seek>(
    mut zip: ZipArchive<R>,
    folder: &str,
    members: &BTreeMap<String, u64>,
    report: &mut Report,
) -> std::io::Result<()> {
    let copy = container::write(BufWriter::new(tempfile::tempfile()?), folder, members, |path| {
        let mut member = zip.by_name(&format!("{folder}/{path}")).map_err(std::io::Error::other)?;
        let mut file = tempfile::tempfile()?;
        std::io::copy(&mut member, &mut file)?;
        file.seek(SeekFrom::Start(0))?;
        Ok(file)
    });
    let copy = match copy {
        Ok(copy) => copy.into_inner().map_err(IntoInnerError::into_error)?,
        Err(ContainerFault::Write(error)) => return Err(error),
        Err(fault) => {
            report.find(fault_item(&fault), fault.to_string());
            return Ok(());
        }
    };
    if let Some(place) = first_difference(zip.into_inner(), copy)? {
        report.find("package", format!("was changed outside its files, at byte {place}"));
    }
    Ok(())
}

/// Where two files are first unlike, counted from 0.
fn first_difference<A: Read + Seek, B: Read + Seek>(mut a: A, mut b: B) -> std::io::Result<Option<u64>> {
    a.seek(SeekFrom::Start(0))?;
    b.seek(SeekFrom::Start(0))?;
    let (mut a, mut b) = (BufReader::with_capacity(1 << 20, a), BufReader::with_capacity(1 << 20, b));
    let mut at = 0;
    loop {
        let (left, right) = (a.fill_buf()?, b.fill_buf()?);
        let both = left.len().min(right.len());
        if let Some(unlike) = left.iter().zip(right).position(|(x, y)| x != y) {
            return Ok(Some(at + unlike as u64));
        }
        if both == 0 {
            return Ok((left.len() != right.len()).then_some(at));
        }
        at += both as u64;
        a.consume(both);
        b.consume(both);
    }
}

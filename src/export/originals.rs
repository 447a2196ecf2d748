//! What the archive was delivered, for whoever takes it over: the delivered files byte for byte, and the code maps in force.
//!
//! Not for: what of that one person may have (`person`).

use std::io::Read;
use std::path::Path;

use super::ExportError;
use super::files::{FileEntry, folder, put};
use super::manifest::Listing;
use super::whole::Ask;
use crate::access::{Permit, Shown};
use crate::durable::NewFile;
use crate::query::{Archive, Delivered};

/// Where the listing of an accession's delivered files lies.
fn listing_of(accession: &str) -> String {
    format!("parts/delivered-{accession}.json")
}

/// Writes the delivered files of every accession and the code maps, and gives the listings. An accession whose listing stands
/// already is left as it is. A permit that hides anything gives no files, and that is said.
pub fn originals(archive: &Archive, ask: Ask<'_>, dir: &Path, threads: usize) -> Result<Listing, ExportError> {
    let permit = ask()?;
    let mut whole = Listing::default();
    let maps = archive.code_maps(&permit)?;
    if !permit.covers_quarantine() {
        permit.answer((), entry("code maps"))?;
        whole.left_out.push("the delivered files: they hold what the purpose of this export does not cover".into());
        whole.files = code_maps(maps, dir)?;
        return Ok(whole);
    }
    let files = archive.delivered(&permit)?;
    permit.answer((), entry("code maps, names of delivered files"))?;
    whole.files = code_maps(maps, dir)?;
    for files in files.chunk_by(|a, b| a.accession == b.accession) {
        let Some(first) = files.first() else { continue };
        let path = listing_of(first.accession.as_str());
        let (listing, entry) = match Listing::read(dir, &path)? {
            Some(done) => done,
            None => {
                let listing = accession(archive, ask, files, dir, threads)?;
                let entry = listing.write(dir, &path)?;
                (listing, entry)
            }
        };
        whole.files.push(entry);
        whole.left_out.extend(listing.left_out);
    }
    Ok(whole)
}

fn code_maps(maps: Vec<(crate::model::AccessionId, Vec<u8>)>, dir: &Path) -> Result<Vec<FileEntry>, ExportError> {
    if !maps.is_empty() {
        folder(dir, "code-maps")?;
    }
    let write = |(accession, bytes): (crate::model::AccessionId, Vec<u8>)| {
        put(dir, format!("code-maps/{}.json", accession.as_str()), "application/json", &bytes)
    };
    maps.into_iter().map(write).collect()
}

/// All files of one accession.
fn accession(archive: &Archive, ask: Ask<'_>, files: &[Delivered], dir: &Path, threads: usize) -> Result<Listing, ExportError> {
    let Some(first) = files.first() else { return Ok(Listing::default()) };
    let below = format!("delivered/{}", first.accession.as_str());
    folder(dir, &below)?;
    let mut listing = Listing::default();
    for file in files.iter().filter(|file| file.is_kept) {
        let permit = ask()?;
        let path = path_of(&below, file);
        let mut new = NewFile::create(&dir.join(&path))?;
        archive.delivered_content(&permit, file, &mut new)?;
        let new = release(permit, new, file)?;
        listing.files.push(told(path, file, new.finish()?));
    }
    if files.iter().any(|file| !file.is_kept) {
        let permit = ask()?;
        // Made in files without a name, which get theirs once the entry stands.
        let mut made: Vec<(String, Delivered, NewFile)> = Vec::new();
        let mut left_out = Vec::new();
        archive.delivered_records(&permit, &first.accession, dir, threads, &mut |file, content| {
            match content {
                Ok(content) => {
                    let path = path_of(&below, file);
                    let mut new = NewFile::create(&dir.join(&path)).map_err(|error| error.source)?;
                    copy(content, &mut new)?;
                    made.push((path, file.clone(), new));
                }
                Err(why) => left_out.push(format!("{}, file {}: {why}", file.accession.as_str(), file.number)),
            }
            Ok(())
        })?;
        listing.left_out.extend(left_out);
        let made = permit.answer(made, entry(&format!("delivered files of {}", first.accession.as_str())))?.into_inner();
        for (path, file, new) in made {
            let entry = told(path, &file, new.finish()?);
            if entry.sha256 == file.sha256 {
                listing.files.push(entry);
            } else {
                crate::durable::remove_file(&dir.join(&entry.path))?;
                let what = "it cannot be put together from the archive alone";
                listing.left_out.push(format!("{}, file {}: {what}", file.accession.as_str(), file.number));
            }
        }
    }
    listing.files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(listing)
}

fn copy(from: &mut dyn Read, to: &mut NewFile) -> std::io::Result<()> {
    std::io::copy(from, to).map(|_| ())
}

fn release(permit: Permit, new: NewFile, file: &Delivered) -> Result<NewFile, ExportError> {
    let about = format!("delivered file {} of {}", file.number, file.accession.as_str());
    Ok(permit.answer(new, entry(&about))?.into_inner())
}

/// An entry that names no record: each of them stands in an entry of this export already.
fn entry(about: &str) -> Shown {
    Shown { event: "export.bulk.file", query: Some(about.into()), ..Shown::default() }
}

fn told(path: String, file: &Delivered, digest: crate::durable::FileDigest) -> FileEntry {
    let entry = FileEntry::new(path, "application/octet-stream", digest).about("name", &file.name);
    let entry = entry.about("source", &file.source_system);
    if file.packing == "plain" { entry } else { entry.about("came-as", &file.packing) }
}

/// Numbered, and with as much of the name as any system can bear.
fn path_of(below: &str, file: &Delivered) -> String {
    let last = file.name.rsplit('/').next().unwrap_or("");
    let plain: String =
        last.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' }).take(100).collect();
    let plain = plain.trim_matches('.');
    let unpacked = [".gz", ".zst", ".zstd"].iter().find_map(|ending| plain.strip_suffix(ending));
    let plain = unpacked.filter(|_| file.packing != "plain").unwrap_or(plain);
    format!("{below}/{:05}-{plain}", file.number)
}

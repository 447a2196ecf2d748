//! What goes into a package beside its pages: archived files and records as they are, FHIR resources, a document that the
//! archive makes, papers that came with the request.
//!
//! Of what is redacted, nothing goes as it is.
//!
//! Not for: pages (`print`), or the manifest (`sealing`).

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use super::job::Job;
use super::stock::Stock;
use super::{BuildFault, BuildRecord};
use crate::config::Config;
use crate::model::{PatientKey, When};
use crate::query::TakenWith;
use crate::release::ccda;
use crate::release::paper::Exception;
use crate::release::selection::{Attachment, Item};

/// Files that belong to an item.
#[derive(Clone, Debug, Default)]
pub struct OfItem {
    /// The record's bytes as they were delivered.
    pub original: Option<String>,
    pub native: Vec<String>,
}

/// By the item's number.
pub type OfItems = BTreeMap<usize, OfItem>;

const REDACTED: &str = "Parts of it are redacted; it is given as pages alone.";

/// Paths of the files that go beside the pages, as far as they are known before the pages are made.
pub fn foreseen(job: &Job<'_>) -> Vec<String> {
    let formats = job.plan.formats;
    let free = || free_items(job).map(|(_, item)| item);
    let mut paths: Vec<String> = Vec::new();
    for (place, item) in free_items(job) {
        paths.extend(chosen(job, item).map(|(at, attachment)| native_path(place, at, attachment)));
        if formats.native {
            paths.push(original_path(place, item));
        }
    }
    if formats.ndjson {
        let kinds: BTreeSet<&str> = free().map(|item| item.kind.as_str()).collect();
        paths.extend(kinds.into_iter().map(ndjson_path));
    }
    if formats.ccd && free().next().is_some() {
        paths.push(CCD.into());
    }
    paths.sort_unstable();
    paths
}

/// What is left out of these files because something of it is redacted: the pages say so.
pub fn left_out(job: &Job<'_>) -> Vec<Exception> {
    let formats = job.plan.formats;
    if !(formats.native || formats.ndjson || formats.ccd) {
        return Vec::new();
    }
    let items = job.out.iter().filter_map(|at| job.selection.items.get(*at)).filter(|item| !job.may_go_native(item));
    items.map(|item| Exception { item: item.n, why: REDACTED.into(), ..Exception::default() }).collect()
}

/// Writes all of it. `exceptions`: what stands on no page; its files go along.
pub fn write(job: &Job<'_>, record: &BuildRecord, exceptions: &[Exception], stock: &mut Stock) -> Result<OfItems, BuildFault> {
    let mut of_items = OfItems::new();
    let unprinted: BTreeSet<(usize, &str)> = exceptions
        .iter()
        .filter(|exception| exception.is_native)
        .filter_map(|exception| Some((exception.item, exception.attachment.as_deref()?)))
        .collect();
    // Only items of which something goes along are read.
    let goes = |item: &Item| {
        let is_unprinted = item.attachments.iter().any(|file| unprinted.contains(&(item.n, file.id.as_str())));
        job.plan.formats.native || is_unprinted || chosen(job, item).next().is_some()
    };
    let places: Vec<usize> = free_items(job).filter(|(_, item)| goes(item)).map(|(place, _)| place).collect();
    super::line::in_order(
        job.threads,
        places.len(),
        |at| one(job, *places.get(at).ok_or(BuildFault::Form("selection"))?, true),
        |line| -> Result<(), BuildFault> {
            for (place, found) in places.iter().zip(line) {
                let (item, found) = found?;
                let own = of_items.entry(item.n).or_default();
                native(job, (*place, item), &unprinted, &found, own, stock)?;
                if job.plan.formats.native {
                    let path = original_path(*place, item);
                    stock.add_bytes(&path, "application/fhir+json", &found.taken.original)?;
                    own.original = Some(path);
                }
            }
            Ok(())
        },
    )??;
    if job.plan.formats.ndjson {
        ndjson(job, stock)?;
    }
    if job.plan.formats.ccd {
        ccd(job, record, stock)?;
    }
    consents(job, stock)?;
    Ok(of_items)
}

/// One item by its number in the package.
fn one<'j>(job: &'j Job<'_>, place: usize, with_files: bool) -> Result<(&'j Item, TakenWith), BuildFault> {
    job.taken(place - 1..place, with_files)?.pop().ok_or(BuildFault::Form("selection"))
}

/// Items of which nothing is redacted, with their numbers in the package, from 1.
fn free_items<'j>(job: &'j Job<'_>) -> impl Iterator<Item = (usize, &'j Item)> {
    let items = job.out.iter().zip(1..).filter_map(|(at, place)| Some((place, job.selection.items.get(*at)?)));
    items.filter(|(_, item)| job.may_go_native(item))
}

/// Files that go along because they were asked for, or because a C-CDA document always goes with its XML.
fn chosen<'i>(job: &Job<'_>, item: &'i Item) -> impl Iterator<Item = (usize, &'i Attachment)> {
    let all = job.plan.formats.native;
    let is_chosen = move |it: &&'i Attachment| !it.sha256.is_empty() && (all || it.media_type.contains("xml"));
    item.attachments.iter().enumerate().filter(move |(_, it)| is_chosen(it))
}

fn native(
    job: &Job<'_>,
    (place, item): (usize, &Item),
    unprinted: &BTreeSet<(usize, &str)>,
    found: &TakenWith,
    own: &mut OfItem,
    stock: &mut Stock,
) -> Result<(), BuildFault> {
    let mut wanted: BTreeMap<&str, usize> = chosen(job, item).map(|(at, it)| (it.id.as_str(), at)).collect();
    let also = item.attachments.iter().enumerate().filter(|(_, it)| unprinted.contains(&(item.n, it.id.as_str())));
    wanted.extend(also.map(|(at, it)| (it.id.as_str(), at)));
    for document in &found.documents {
        let at = wanted.remove(document.id.0.as_str());
        if let Some((at, attachment)) = at.and_then(|at| Some((at, item.attachments.get(at)?))) {
            let path = native_path(place, at, attachment);
            stock.add_bytes(&path, &plain_media(&attachment.media_type), &document.bytes)?;
            own.native.push(path);
        }
    }
    Ok(())
}

/// A name that says nothing of what is in it.
fn native_path(place: usize, at: usize, attachment: &Attachment) -> String {
    format!("native/{place:05}-{}.{}", at + 1, ending(&attachment.media_type))
}

fn original_path(place: usize, item: &Item) -> String {
    format!("original/{place:05}-{}.json", item.kind)
}

fn plain_media(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn ending(media_type: &str) -> &'static str {
    const ENDINGS: [(&str, &str); 14] = [
        ("application/pdf", "pdf"),
        ("image/tiff", "tif"),
        ("image/jpeg", "jpg"),
        ("image/png", "png"),
        ("image/gif", "gif"),
        ("image/bmp", "bmp"),
        ("text/plain", "txt"),
        ("text/html", "html"),
        ("application/rtf", "rtf"),
        ("text/rtf", "rtf"),
        ("application/dicom", "dcm"),
        ("application/msword", "doc"),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
        ("application/json", "json"),
    ];
    let plain = plain_media(media_type);
    let known = ENDINGS.iter().find(|(media, _)| *media == plain).map(|(_, ending)| *ending);
    known.unwrap_or(if plain.contains("xml") { "xml" } else { "bin" })
}

const CCD: &str = "ccd.xml";

fn ndjson_path(kind: &str) -> String {
    format!("fhir/{kind}.ndjson")
}

/// Records as the archive serves them, a file for each type, in the order of the package.
fn ndjson(job: &Job<'_>, stock: &mut Stock) -> Result<(), BuildFault> {
    let mut kinds: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (place, item) in free_items(job) {
        kinds.entry(&item.kind).or_default().push(place);
    }
    for (kind, places) in kinds {
        stock.add(&ndjson_path(kind), "application/fhir+ndjson", |member| {
            super::line::in_order(
                job.threads,
                places.len(),
                |at| Ok(one(job, *places.get(at).ok_or(BuildFault::Form("selection"))?, false)?.1.taken),
                |line| {
                    for taken in line {
                        // Raw line ends stand between the tokens of JSON alone.
                        let json = taken?.record.json.replace(['\n', '\r'], " ");
                        writeln!(member, "{json}")?;
                    }
                    Ok(())
                },
            )?
        })?;
    }
    Ok(())
}

/// A CCD of the records that go out, which says of itself that the archive made it.
fn ccd(job: &Job<'_>, record: &BuildRecord, stock: &mut Stock) -> Result<(), BuildFault> {
    let Some(patient) = job.selection.keys.first().and_then(|key| PatientKey::parse(key)) else { return Ok(()) };
    let free: BTreeSet<(&str, &str)> = free_items(job).map(|(_, item)| (item.kind.as_str(), item.id.as_str())).collect();
    if free.is_empty() {
        return Ok(());
    }
    let time: jiff::Timestamp = record.approved.parse().map_err(|_| BuildFault::Time("approved".into()))?;
    let second = jiff::Timestamp::from_second(time.as_second()).map_err(|_| BuildFault::Time("approved".into()))?;
    let wanted = ccda::Wanted { patient, encounter: None, from: None, to: None, created: second.to_string() };
    let made = ccda::ccd(job.shop.archive, &keeper(job), job.shop.permit, &wanted, &|record| {
        free.contains(&(record.kind.name(), record.id.as_str()))
    })?;
    stock.add_bytes(CCD, "application/xml", &made.bytes)
}

/// The configuration as far as such a document shows it, as it was when the preview was made.
fn keeper(job: &Job<'_>) -> Config {
    let frozen = &job.plan.frozen;
    let cutover = frozen.cutover.iter().filter_map(|(source, day)| Some((source.clone(), When::parse(day)?)));
    Config { custodian: frozen.keeper.clone(), cutover: cutover.collect(), ..Config::default() }
}

/// Copies of the consents (42 CFR 2.32).
fn consents(job: &Job<'_>, stock: &mut Stock) -> Result<(), BuildFault> {
    for (at, digest) in job.plan.consents.iter().enumerate() {
        let bytes = job.shop.shelf.get(digest)?;
        let (media_type, ending) = match bytes.as_slice() {
            [b'%', b'P', b'D', b'F', ..] => ("application/pdf", "pdf"),
            [0x89, b'P', b'N', b'G', ..] => ("image/png", "png"),
            [0xff, 0xd8, ..] => ("image/jpeg", "jpg"),
            [b'I', b'I', 0x2a, 0, ..] | [b'M', b'M', 0, 0x2a, ..] => ("image/tiff", "tif"),
            _ => ("application/octet-stream", "bin"),
        };
        stock.add_bytes(&format!("consent/{}.{ending}", at + 1), media_type, &bytes)?;
    }
    Ok(())
}

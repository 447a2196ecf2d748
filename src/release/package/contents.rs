//! What a package says against what is in it: pages and Bates numbers against the PDFs, records against their leaves, the
//! approval against the access log.
//!
//! Not for: whether the files are the ones that were signed (`verify`).

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::manifest::{Item, Manifest};
use super::sha256_hex;
use super::verify::Report;
use crate::audit::{self, Proof, Proved};
use crate::merkle::leaf_hash;
use crate::render::pdf::excerpt::Index;
use crate::render::pdf::margins::Margins;
use crate::signing::VerifierKey;

/// Name of the proof of the approval.
pub const AUDIT_PROOF: &str = "audit-proof.json";

/// Whether pages and numbers agree with each other; `counted`: pages of each PDF of the package as counted.
pub fn pages(manifest: &Manifest, counted: &[(String, Option<u64>)], report: &mut Report) {
    for (path, pages) in counted {
        let said = manifest.file(path).and_then(|file| file.pages);
        if pages.is_none() || *pages != said {
            report.find(path, "has not as many pages as the manifest says");
        }
    }
    let all: u64 = counted.iter().filter_map(|(_, pages)| *pages).sum();
    report.pages = all;
    if let Some(bates) = &manifest.bates {
        let number = |text: &str| text.strip_prefix(bates.prefix.as_str())?.parse::<u64>().ok();
        let range = number(&bates.first).zip(number(&bates.last));
        let is_whole = range.is_some_and(|(first, last)| last.checked_sub(first) == bates.pages.checked_sub(1));
        if !is_whole || bates.pages != all {
            report.find("manifest.json", "its Bates numbers are not as many as there are pages");
        }
        let mut next = range.map_or(0, |(first, _)| first);
        for item in manifest.items.iter().filter(|item| item.pages > 0) {
            let own = item.bates_first.as_deref().and_then(number).zip(item.bates_last.as_deref().and_then(number));
            let holds = own.is_some_and(|(first, last)| {
                first >= next && last.checked_sub(first) == Some(item.pages - 1) && range.is_some_and(|it| last <= it.1)
            });
            if !holds {
                report.find(&name(item), "its Bates numbers do not fit its pages");
            }
            next = own.map_or(next, |(_, last)| last.saturating_add(1));
        }
    }
    if manifest.items.iter().map(|item| item.pages).sum::<u64>() > all {
        report.find("manifest.json", "its items have more pages than there are");
    }
}

pub fn name(item: &Item) -> String {
    format!("item {}", item.n)
}

/// Whether an item's bytes as delivered are those that its leaf was made of.
pub fn original(item: &Item, bytes: &[u8], report: &mut Report) {
    let path = item.original.as_deref().unwrap_or_default();
    let leaf = item.proof.as_ref().and_then(|proof| {
        let salt = BASE64.decode(&proof.salt).ok().filter(|salt| !salt.is_empty())?;
        Some(BASE64.encode(leaf_hash(&[&salt, bytes].concat())) == proof.leaf)
    });
    match leaf {
        Some(true) if sha256_hex(bytes) == item.original_sha256 => report.originals += 1,
        None if item.proof.is_none() && sha256_hex(bytes) == item.original_sha256 => report.originals += 1,
        _ => report.find(path, format!("is not the record of {}", name(item))),
    }
}

/// Whether the proof of the approval holds, under keys of the access log that the checker holds.
pub fn approval(manifest: &Manifest, proof: Option<&[u8]>, keys: &[VerifierKey], report: &mut Report) {
    let (Some(said), Some(proof)) = (&manifest.audit, proof) else {
        if manifest.audit.is_some() != proof.is_some() {
            report.find(AUDIT_PROOF, "the manifest and the package do not agree whether there is one");
        }
        return;
    };
    let Some(proof) = std::str::from_utf8(proof).ok().and_then(|text| Proof::parse(text).ok()) else {
        return report.find(AUDIT_PROOF, "cannot be read");
    };
    if keys.is_empty() {
        return;
    }
    match audit::check_proof(&proof, keys) {
        Ok(Proved::Entry { stream, seq, size, entry }) => {
            if (&stream, seq, size) != (&said.stream, said.seq, said.tree_size) {
                report.find(AUDIT_PROOF, "proves another entry than the manifest names");
            }
            let entry: Option<serde_json::Value> = entry.and_then(|text| serde_json::from_str(&text).ok());
            if let Some(entry) = entry
                && (entry["event"] != "release.approved" || entry["detail"]["request"] != manifest.request_no.as_str())
            {
                report.find(AUDIT_PROOF, "the entry is not the approval of this request");
            }
            report.is_approval_proved = true;
        }
        Ok(Proved::Growth { .. }) => report.find(AUDIT_PROOF, "is the proof of something else"),
        Err(error) => report.find(AUDIT_PROOF, error.to_string()),
    }
}

/// The numbers that the pages of a volume bear: the first one's Bates number, when they bear any.
#[derive(Clone, Debug)]
pub struct Numbering {
    pub prefix: String,
    pub first: u64,
    pub digits: usize,
}

impl Numbering {
    pub fn of(manifest: &Manifest) -> Option<Numbering> {
        let bates = manifest.bates.as_ref()?;
        let digits = bates.first.strip_prefix(bates.prefix.as_str())?;
        Some(Numbering { prefix: bates.prefix.clone(), first: digits.parse().ok()?, digits: digits.len() })
    }

    fn page(&self, page: u64) -> String {
        format!("{}{:0width$}", self.prefix, self.first.saturating_add(page), width = self.digits)
    }
}

/// Reads the numbers off the pages of a volume; how many pages it has. `None`: it is no file of ours.
///
/// # Errors
/// The copy of the volume cannot be read.
pub fn numbers(path: &str, volume: &File, bates: Option<&Numbering>, report: &mut Report) -> io::Result<Option<u64>> {
    let read = |at: u64, length: usize| {
        let mut bytes = vec![0; length];
        volume.read_exact_at(&mut bytes, at)?;
        Ok(bytes)
    };
    let Ok(index) = Index::of(volume.metadata()?.len(), &read) else { return Ok(None) };
    let Ok(margins) = Margins::of(&index, &read) else { return Ok(None) };
    let pages = index.pages() as u64;
    let is_numbered = |page: u64| {
        let Ok(lines) = margins.lines(&index, page as usize, &read) else { return false };
        let said = lines.iter().flat_map(|line| line.split(' ')).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        let own = format!("page {} of {pages}", page + 1);
        let said = format!(" {said} ").replace(" of this document ", "\n ");
        let stands = |words: &str| said.contains(&format!(" {words} "));
        stands(&own) && bates.is_none_or(|bates| stands(&bates.page(page)))
    };
    let wrong: Vec<u64> = (0..pages).filter(|page| !is_numbered(*page)).map(|page| page + 1).collect();
    if let Some(first) = wrong.first() {
        let more = wrong.len() - 1;
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        report.find(path, format!("page {first}{more} does not bear the number that it should"));
    }
    Ok(Some(pages))
}

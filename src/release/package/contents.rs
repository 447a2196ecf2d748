//! What a package says against what is in it: how many pages and numbers there are, records against their leaves, the approval
//! against the access log.
//!
//! Not for: whether the files are the ones that were signed (`verify`), or what is printed on their pages (`numbers`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::manifest::{Item, Manifest};
use super::sha256_hex;
use super::verify::Report;
use crate::audit::{self, Proof, Proved};
use crate::merkle::leaf_hash;
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

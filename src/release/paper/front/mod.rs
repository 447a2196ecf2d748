//! What stands around the records of a release: cover letter, certificate of the custodian, notices, completeness, contents,
//! exceptions, digests.
//!
//! `texts` holds the site's words, `fill` sets facts into them; the other modules are one kind of page each. `verify_text` is
//! the recipe for whoever checks a package without this software.
//!
//! Not for: the records themselves (`items`).

mod certificate;
mod completeness;
mod contents;
mod cover;
mod digests;
mod fill;
mod notices;
#[cfg(test)]
mod tests;
pub mod texts;
mod verify_text;
mod words;

use std::collections::BTreeSet;

use crate::config::Config;
use crate::query::Archive;
use crate::release::build::{BuildRecord, Custodian, Plan, Provenance};
use crate::release::redaction::Redactions;
use crate::release::selection::{Item, Selection};
use crate::render::pdf::content::{Anchor, Block, Furniture, Part};

use super::{Exception, Setting, furniture};
pub use completeness::withheld;
pub use texts::{Chosen, TextFault, Texts};
pub use verify_text::{key_fingerprint, key_pem, verify_text};
pub use words::section_title;

/// The anchor on the last page of a file.
pub const END: &str = "end";

/// Pages after the records, with their places.
const MATTER_AFTER: [(&str, &str); 2] = [("Exceptions", "exceptions"), ("Digests", "digests")];

/// What the pages around the records speak of.
#[derive(Clone, Copy, Debug)]
pub struct Front<'a> {
    pub plan: &'a Plan,
    pub selection: &'a Selection,
    pub setting: &'a Setting,
    /// The notices and the certificate of the plan (`Chosen::of`).
    pub texts: &'a Chosen,
    /// What is redacted; `None`: nothing.
    pub redactions: Option<&'a Redactions>,
    /// The items that go out, in order. An item's number in the package is its place here, from 1.
    pub items: &'a [&'a Item],
    /// Those of this volume.
    pub of_volume: &'a [&'a Item],
    /// The volume of each of `items`, from 1; empty when there is one volume.
    pub volumes: &'a [u32],
    /// Pages of all volumes together. They are known once the pages were printed, as they are for the preview; `None`: this
    /// file's, as it turns out. The number stands alone in its line, so both set the same pages.
    pub pages: Option<u64>,
    /// Absent in the preview.
    pub build: Option<&'a BuildRecord>,
    /// Files that go beside the pages, by path.
    pub native: &'a [String],
}

/// Cover, certificate, notices, completeness and contents; the later volumes of several have a short cover and their contents.
pub fn opening(front: &Front<'_>) -> Vec<Part> {
    if front.is_later_volume() {
        return vec![cover::short(front), contents::part(front)];
    }
    let mut parts = vec![cover::part(front)];
    parts.extend(certificate::part(front));
    parts.extend(notices::part(front));
    parts.push(completeness::part(front));
    parts.push(contents::part(front));
    parts
}

/// Exceptions and digests, at the end of the last volume; the earlier volumes end with a sheet that names the next. The last
/// page of either bears the anchor `end`.
pub fn closing(front: &Front<'_>, exceptions: &[Exception]) -> Vec<Part> {
    match front.setting.volume {
        Some((at, all)) if at < all => vec![contents::end_of_volume(front, at)],
        _ => vec![digests::part(front, exceptions)],
    }
}

/// A sheet in the place of a document that was withheld, where the site's policy asks for one. `why`: words that the recipient
/// may read.
pub fn slip_sheet(setting: &Setting, item: &Item, why: &str) -> Part {
    contents::slip_sheet(setting, item, why)
}

/// The organization as letters name it, from the configuration.
pub fn custodian(config: &Config) -> Custodian {
    let (of, contact) = (&config.custodian, &config.release.contact);
    let name = of.name.clone().or_else(|| config.institution.clone()).unwrap_or_else(|| "The custodian of the records".into());
    let mut address = of.address.clone();
    let place = [of.state.as_deref(), of.postal_code.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let town = [of.city.as_deref(), Some(place.as_str())].into_iter().flatten().filter(|it| !it.is_empty());
    address.push(town.collect::<Vec<_>>().join(", "));
    address.retain(|line| !line.is_empty());
    Custodian {
        name,
        department: contact.department.clone().unwrap_or_else(|| "Health Information Management".into()),
        address,
        phone: contact.phone.clone().or_else(|| of.telephone.clone()).unwrap_or_default(),
        email: contact.email.clone().unwrap_or_default(),
        hours: contact.hours.clone().unwrap_or_default(),
    }
}

/// Where the items of a selection come from, for the plan.
pub fn provenance(archive: &Archive, selection: &Selection) -> Vec<Provenance> {
    let accessions: BTreeSet<&str> = selection.items.iter().map(|item| item.accession.as_str()).collect();
    let accessions: Vec<&str> = accessions.into_iter().collect();
    let found = archive.provenance(&accessions).into_iter();
    found
        .map(|it| Provenance {
            accession: it.accession,
            system: it.source_system,
            data_to: it.data_to,
            sealed: it.sealed_at,
            made_by: it.made_by,
            mapping: it.mapping,
            mapping_sha256: it.mapping_sha256,
            time_zone: it.time_zone,
            delivery_sha256: it.delivery_sha256,
            records: it.records,
            merkle_root: it.merkle_root,
            input: it.ledger.input,
            archived: it.ledger.archived,
            duplicate: it.ledger.duplicate,
            quarantined: it.ledger.quarantined,
            excluded: it.ledger.excluded,
            joined: it.ledger.joined,
            derived: it.derived,
        })
        .collect()
}

impl Front<'_> {
    fn is_later_volume(&self) -> bool {
        self.setting.volume.is_some_and(|(at, _)| at > 1)
    }

    /// Pages before the records, with their places.
    fn matter_before(&self) -> Vec<(&str, &'static str)> {
        let mut matter = vec![("Cover letter", "cover")];
        matter.extend(self.texts.certificate.as_ref().map(|certificate| (certificate.title.as_str(), "certificate")));
        if !self.texts.notices.is_empty() {
            matter.push(("Notices", "notices"));
        }
        matter.extend([("Completeness", "completeness"), ("Contents", "contents")]);
        matter
    }

    fn package_id(&self) -> String {
        self.build.map_or_else(|| "(named at approval)".to_owned(), |build| build.package_id.clone())
    }

    /// Pages with the furniture of all others.
    fn page(&self, title: &str, blocks: Vec<Block>) -> Part {
        Part { furniture: self.furniture(title), blocks }
    }

    fn furniture(&self, title: &str) -> Furniture {
        furniture(self.setting, title, &format!("Request {}", self.setting.request), None)
    }
}

/// The place of a page of the front matter.
fn place(name: &str) -> Anchor {
    Anchor(format!("front-{name}"))
}

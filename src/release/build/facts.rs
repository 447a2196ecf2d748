//! The manifest of a package that was made.
//!
//! Not for: its form (`package::manifest`), or its signatures (`package::seal`).

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::beside::OfItems;
use super::job::{Facts, Job};
use super::leaves::Leaves;
use super::print::Printout;
use super::{BuildFault, BuildRecord};
use crate::release::package::manifest::{self, Manifest, VERSION};
use crate::release::package::sha256_hex;
use crate::release::paper::{Exception, front};
use crate::release::request::Party;
use crate::release::selection::Item;
use crate::render::pdf::content::Bates;

/// What was made.
pub struct Made<'m> {
    pub volumes: &'m [Printout],
    pub of_items: &'m OfItems,
    pub exceptions: &'m [Exception],
    pub files: &'m [manifest::File],
    pub pages: u64,
}

/// Everything that the package says of itself.
pub fn manifest(job: &Job<'_>, record: &BuildRecord, made: &Made<'_>) -> Result<Manifest, BuildFault> {
    let plan = &job.plan;
    let scope = &job.selection.scope;
    let numbers = Numbers::of(job, record);
    Ok(Manifest {
        v: VERSION,
        package_id: record.package_id.clone(),
        request_no: plan.request.clone(),
        created: record.approved.clone(),
        generator: plan.generator.clone(),
        patient: patient(job),
        requester: named(&plan.requester),
        recipient: named(&plan.recipient),
        authority: plan.authority.clone(),
        purpose: plan.purpose.clone(),
        scope: manifest::Scope {
            from: scope.from.map(|day| day.to_string()),
            to: scope.to.map(|day| day.to_string()),
            types: scope.types.clone(),
            record_set: job.selection.record_set.clone(),
        },
        bates: numbers.range(made.pages),
        files: made.files.to_vec(),
        items: items(job, made, &numbers)?,
        accessions: accessions(job),
        notices: plan.notices.iter().map(|notice| notice.name.clone()).collect(),
        withheld: front::withheld(plan, &job.selection),
        approvals: record.approvals.clone(),
        audit: record.audit.clone(),
        supersedes: record.supersedes.clone(),
        plan_sha256: record.plan_sha256.clone(),
        preview_sha256: record.pdf_sha256.clone(),
        unprinted: unprinted(made),
    })
}

fn named(party: &Party) -> String {
    let parts = [party.name.as_str(), party.organisation.as_str()];
    parts.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", ")
}

fn patient(job: &Job<'_>) -> manifest::Patient {
    let mut keys = job.selection.keys.clone();
    keys.sort_unstable();
    let lines: String = keys.iter().map(|key| format!("{key}\n")).collect();
    let person = &job.printed.patient;
    manifest::Patient {
        keys_sha256: sha256_hex(lines.as_bytes()),
        name: person.name.clone(),
        birth_date: person.birth_date.clone(),
        numbers: person.numbers.clone(),
    }
}

/// Bates numbers as they are printed.
struct Numbers(Option<Bates>);

impl Numbers {
    fn of(job: &Job<'_>, record: &BuildRecord) -> Numbers {
        Numbers(job.setting("", "", record.bates_first).bates)
    }

    /// The number of a page of the package, from 1.
    fn page(&self, page: u64) -> Option<String> {
        self.0.as_ref().map(|it| format!("{}{:0width$}", it.prefix, it.first + page - 1, width = usize::from(it.digits)))
    }

    fn range(&self, pages: u64) -> Option<manifest::Bates> {
        let (first, last) = self.page(1).zip(self.page(pages.max(1)))?;
        Some(manifest::Bates { prefix: self.0.as_ref()?.prefix.clone(), first, last, pages })
    }
}

fn items(job: &Job<'_>, made: &Made<'_>, numbers: &Numbers) -> Result<Vec<manifest::Item>, BuildFault> {
    let mut pages: BTreeMap<usize, (u64, u64)> = BTreeMap::new();
    let mut before = 0;
    for volume in made.volumes {
        pages.extend(volume.items.iter().map(|(n, (first, last))| (*n, (first + before, last + before))));
        before += volume.pages;
    }
    let whole: BTreeSet<usize> = made.exceptions.iter().filter(|it| it.attachment.is_none()).map(|it| it.item).collect();
    let facts = made.volumes.iter().flat_map(|volume| &volume.facts);
    let mut trees: BTreeMap<&str, Leaves> = BTreeMap::new();
    let mut items = Vec::with_capacity(job.out.len());
    for (place, (at, facts)) in job.out.iter().zip(facts).enumerate() {
        let (item, printed) = (job.item(*at)?, job.printed.items.get(*at).ok_or(BuildFault::Form("selection"))?);
        let range = pages.get(&item.n);
        let of_item = made.of_items.get(&item.n);
        let files: Vec<String> = of_item.map(|it| it.native.clone()).unwrap_or_default();
        let is_on_pages = range.is_some() && (!whole.contains(&item.n) || !job.may_go_native(item));
        let given = if is_on_pages {
            "pages"
        } else if files.is_empty() {
            "exception"
        } else {
            "native"
        };
        items.push(manifest::Item {
            n: place as u64 + 1,
            record: format!("{}/{}", item.kind, item.id),
            version: item.version,
            kind: item.section.clone(),
            title: printed.title.clone(),
            date: item.date.clone().unwrap_or_default(),
            author: printed.author.clone().unwrap_or_default(),
            source: manifest::Source {
                system: item.source.system.clone(),
                file: item.source.file.clone(),
                offset: (item.source.number > 0).then_some(item.source.number),
            },
            original_sha256: if job.may_go_native(item) { item.sha256.clone() } else { String::new() },
            proof: proof(job, item, facts, &mut trees)?,
            pages: range.map_or(0, |(first, last)| last - first + 1),
            bates_first: range.and_then(|(first, _)| numbers.page(*first)),
            bates_last: range.and_then(|(_, last)| numbers.page(*last)),
            redacted: !job.may_go_native(item),
            given: given.into(),
            original: of_item.and_then(|it| it.original.clone()),
            files,
        });
    }
    Ok(items)
}

/// Where a record stands in its accession. The salt of a redacted one stays here: with it the rest could be guessed.
fn proof<'j>(
    job: &'j Job<'_>,
    item: &'j Item,
    facts: &Facts,
    trees: &mut BTreeMap<&'j str, Leaves>,
) -> Result<Option<manifest::Inclusion>, BuildFault> {
    let Some((salt, leaf)) = facts.leaf else { return Ok(None) };
    let changed = || BuildFault::Changed(item.n);
    if !trees.contains_key(item.accession.as_str()) {
        let seal = job.seals.get(&item.accession).ok_or_else(changed)?;
        trees.insert(&item.accession, Leaves::of(job, &item.accession, seal)?);
    }
    let tree = trees.get_mut(item.accession.as_str()).ok_or_else(changed)?;
    let path = tree.path(item.ordinal, &leaf)?.ok_or_else(changed)?;
    Ok(Some(manifest::Inclusion {
        accession: item.accession.clone(),
        index: item.ordinal,
        salt: if job.may_go_native(item) { BASE64.encode(salt) } else { String::new() },
        leaf: BASE64.encode(leaf),
        path: path.iter().map(|hash| BASE64.encode(hash)).collect(),
    }))
}

fn accessions(job: &Job<'_>) -> Vec<manifest::Accession> {
    let of = |(id, seal): (&String, &crate::query::Sealed)| manifest::Accession {
        id: id.clone(),
        source: seal.source_system.clone(),
        records: seal.records,
        root: BASE64.encode(seal.root),
    };
    job.seals.iter().map(of).collect()
}

/// Characters that stand as their code points on the pages of all volumes.
fn unprinted(made: &Made<'_>) -> Vec<manifest::Unprinted> {
    let mut counts: BTreeMap<char, u64> = BTreeMap::new();
    for (character, count) in made.volumes.iter().flat_map(|volume| &volume.missing) {
        *counts.entry(*character).or_default() += u64::from(*count);
    }
    let of = |(character, times)| manifest::Unprinted { code_point: format!("U+{:04X}", u32::from(character)), times };
    counts.into_iter().map(of).collect()
}

//! What was searched, what the archive never got, what is not in the package, what is given as files.
//!
//! The recipient reads nothing here that tells of records of a protected class: 42 CFR 2.13(c) forbids to say that there are
//! any, and so no class is counted, whatever the site's policy is.
//!
//! Not for: items that could not be brought onto pages (`digests`).

use std::collections::BTreeMap;

use super::Front;
use super::certificate::redaction;
use super::words::*;
use crate::limits::RELEASE_FILES_LISTED_MAX;
use crate::release::build::Plan;
use crate::release::package::manifest::Withheld;
use crate::release::selection::Selection;
use crate::render::pdf::content::{Block, Marker, Part, Table};

pub fn part(front: &Front<'_>) -> Part {
    let mut blocks = vec![title("Completeness", "completeness")];
    blocks.push(heading("What was searched"));
    blocks.extend(searched(front));
    blocks.push(heading("What the archive never got, or could not read"));
    blocks.extend(not_loaded(front));
    blocks.push(heading("What was not asked for"));
    blocks.extend(beyond(front));
    blocks.push(heading("What was withheld"));
    blocks.extend(held_back(front));
    blocks.extend(redaction(front));
    blocks.push(heading("What is given as files"));
    blocks.extend(files(front));
    front.page("Completeness", blocks)
}

fn searched(front: &Front<'_>) -> Vec<Block> {
    let searched = &front.selection.coverage.searched;
    if searched.is_empty() {
        return vec![says("The archive holds no records of this patient.")];
    }
    let head = head(&["Source system", "Accession", ">Records", "From", "To", ">Not readable"]);
    let mut table = Table { head, is_full: true, ..Table::default() };
    for it in searched {
        let day = |day: &Option<String>| cell(vec![plain(day.as_deref().unwrap_or("–"))]);
        table.body.push(vec![
            cell(vec![plain(&it.system)]),
            cell(vec![plain(&it.accession)]),
            right(vec![plain(&count(it.records))]),
            day(&it.first),
            day(&it.last),
            right(vec![plain(&count(it.quarantined))]),
        ]);
    }
    let asked = super::cover::asked(&front.selection.scope).join("; ");
    vec![
        says(
            "Every delivery in the archive was searched for this patient, under all names and numbers that are linked to the patient.",
        ),
        Block::Table(table),
        facts(vec![
            ("Asked for", vec![asked]),
            ("Definition of records", vec![front.selection.record_set.clone()]),
            ("State of the archive", vec![front.selection.catalog.clone()]),
        ]),
    ]
}

/// Also stands in certificates.
pub fn not_loaded(front: &Front<'_>) -> Vec<Block> {
    let coverage = &front.selection.coverage;
    let unreadable: u64 = coverage.searched.iter().map(|it| it.quarantined).sum();
    let mut blocks = Vec::new();
    if !coverage.not_loaded.is_empty() {
        let items = coverage.not_loaded.iter().map(|words| vec![says(words)]).collect();
        blocks.push(Block::List { marker: Marker::Disc, items });
    }
    if unreadable > 0 {
        let what = counted(
            unreadable,
            "item of the deliveries that were searched could",
            "items of the deliveries that were searched could",
        );
        blocks.push(says(&format!(
            "{what} not be read when they were taken in. They are kept as they came; whose they are is not known, so a record of \
             this patient may be among them."
        )));
    }
    if blocks.is_empty() {
        blocks
            .push(says("The archive knows of nothing that it was to get and did not, and of nothing in it that cannot be read."));
    }
    blocks
}

fn beyond(front: &Front<'_>) -> Vec<Block> {
    let beyond = &front.selection.beyond;
    if beyond.iter().all(|it| it.count == 0) {
        return vec![says("Nothing: what was asked for is all that the definition of records holds.")];
    }
    let mut table = Table { head: head(&["Section", ">Records that were not asked for"]), is_full: true, ..Table::default() };
    for it in beyond.iter().filter(|it| it.count > 0) {
        table.body.push(vec![cell(vec![plain(&section_title(&it.section))]), right(vec![plain(&count(it.count))])]);
    }
    vec![
        says("The archive holds more records of this patient that were not asked for. They are not in this package."),
        Block::Table(table),
    ]
}

fn held_back(front: &Front<'_>) -> Vec<Block> {
    let neutral = "Some records may be given only with a consent or an order that names them. This page does not say whether the \
                   archive holds any such records of this patient.";
    let mut blocks = vec![says(neutral)];
    if !front.plan.tells_withheld {
        return blocks;
    }
    let told = withheld(front.plan, front.selection);
    if told.is_empty() {
        blocks.push(says("Nothing else that was asked for was withheld."));
        return blocks;
    }
    let mut table = Table { head: head(&["Withheld", "Because", ">Records"]), is_full: true, ..Table::default() };
    for it in &told {
        table.body.push(vec![
            cell(vec![plain(&it.category)]),
            cell(vec![plain(&it.basis)]),
            right(vec![plain(&count(it.items))]),
        ]);
    }
    blocks.push(Block::Table(table));
    blocks
}

/// What was withheld as far as the recipient may know: by category, never by class. The manifest says the same.
pub fn withheld(plan: &Plan, selection: &Selection) -> Vec<Withheld> {
    if !plan.tells_withheld {
        return Vec::new();
    }
    let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for exclusion in &selection.excluded {
        if let Some(words) = category(&exclusion.why) {
            *counts.entry(words).or_default() += exclusion.count.max(1);
        }
    }
    // A class may be why somebody decided so: such an item is not counted either.
    let decided = plan.excluded.iter().filter(|n| selection.items.get(**n).is_some_and(|item| item.classes.is_empty()));
    let decided = decided.count() as u64;
    if decided > 0 {
        *counts.entry(("Single records", "Decided after looking at each")).or_default() += decided;
    }
    let told = counts.into_iter();
    told.map(|((category, basis), items)| Withheld { category: category.into(), basis: basis.into(), items }).collect()
}

/// Words for a reason that may be told; `None`: it may tell of a protected class, or is not known.
fn category(why: &str) -> Option<(&'static str, &'static str)> {
    match why {
        "record-set" => Some(("Outside the definition of records", "Drafts, work lists and what else is no part of it")),
        "wrong-patient" => Some(("Filed under this patient in error", "They are another person's records")),
        "reassigned" => Some(("Moved to another patient", "They were found to be another person's records")),
        _ => None,
    }
}

fn files(front: &Front<'_>) -> Vec<Block> {
    if front.native.is_empty() {
        return vec![says("No file goes beside the pages.")];
    }
    let listed = front.native.iter().take(RELEASE_FILES_LISTED_MAX);
    let items = listed.map(|path| vec![paragraph(vec![mono(path)])]).collect();
    let mut blocks = vec![Block::List { marker: Marker::Disc, items }];
    let more = front.native.len().saturating_sub(RELEASE_FILES_LISTED_MAX);
    if more > 0 {
        blocks.push(says(&format!("and {}; manifest.json names them all.", counted(more as u64, "more file", "more files"))));
    }
    blocks
}

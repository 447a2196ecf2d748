//! Pages of a package, streamed: what opens them, the items as they are read, what closes them.
//!
//! Not for: which items go into which volume (`volumes`), or what stands on the pages (`paper`).

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::Write;
use std::ops::Range;

use super::job::{Facts, Job};
use super::{BuildFault, BuildRecord};
use crate::query::TakenWith;
use crate::release::paper::front::{self, Front};
use crate::release::paper::{Exception, Paged, Setting, items};
use crate::release::redaction::{Journal, Redactor};
use crate::release::selection::Item;
use crate::render::pdf::content::Part;
use crate::render::pdf::{Cover, Printed, press};

/// One file of pages.
pub struct Run<'a> {
    pub setting: &'a Setting,
    pub cover: Cover,
    /// Items of this volume, as places among those that go out.
    pub items: Range<usize>,
    /// The volume of each of all items, from 1; empty when there is one volume.
    pub volumes: &'a [u32],
    /// Pages of all volumes, when there are several.
    pub pages: Option<u64>,
    /// Absent in the preview.
    pub build: Option<&'a BuildRecord>,
    /// Files that go beside the pages.
    pub native: &'a [String],
    /// What was taken out of the pages.
    pub journal: &'a Journal,
}

/// A file as it was printed.
#[derive(Default)]
pub struct Printout {
    pub pages: u64,
    /// First and last page of each item of the volume; an item without a page is not there.
    pub items: Vec<(usize, (u64, u64))>,
    /// Bytes that each item takes, in the order of the volume.
    pub bytes: Vec<u64>,
    pub facts: Vec<Facts>,
    pub missing: Vec<(char, u32)>,
}

/// Prints a volume to `to`. `exceptions` holds those of the volumes before and takes in its own.
pub fn print(job: &Job<'_>, run: &Run<'_>, exceptions: &mut Vec<Exception>, to: impl Write) -> Result<Printout, BuildFault> {
    let all = job.items();
    let of_volume = all.get(run.items.clone()).unwrap_or_default();
    let front = Front {
        plan: &job.plan,
        selection: &job.printed,
        setting: run.setting,
        texts: &job.texts,
        redactions: job.plan.redactions_sha256.as_ref().map(|_| &job.redactions),
        items: &all,
        of_volume,
        volumes: run.volumes,
        pages: run.pages,
        build: run.build,
        native: run.native,
    };
    // What is redacted everywhere is redacted here too; words of single items are gone from `printed`.
    let everywhere = Redactor::new(&job.redactions, usize::MAX);
    let opening: Vec<Part> = front::opening(&front).into_iter().map(|part| everywhere.part(part)).collect();
    // Which part each item is: sheets for what was taken out stand between them.
    let (next, of_items) = (Cell::new(opening.len()), RefCell::new(Vec::new()));
    let slips = RefCell::new(slips(job, run).into_iter().map(|(at, sheet)| (at, everywhere.part(sheet))).collect::<Vec<_>>());
    let before = |place: usize| -> Vec<Part> {
        let mut slips = slips.borrow_mut();
        let due = slips.iter().take_while(|(at, _)| *at <= place).count();
        next.set(next.get() + due);
        slips.drain(..due).map(|(_, sheet)| sheet).collect()
    };
    let (exceptions, facts, fault) = (RefCell::new(exceptions), RefCell::new(Vec::new()), RefCell::new(None));
    let runs = job.runs(run.items.clone());
    let read = |at: usize| -> Result<Vec<(Paged, Facts)>, BuildFault> {
        let items = runs.get(at).cloned().unwrap_or_default();
        job.taken(items, true)?.into_iter().map(|(item, found)| paged(job, run, item, &found)).collect()
    };
    let printed = super::line::in_order(job.threads, runs.len(), read, |line| {
        let parts = line.map_while(|done| match done {
            Ok(run) => Some(run),
            Err(error) => {
                *fault.borrow_mut() = Some(error);
                None
            }
        });
        let parts = parts.flatten().zip(run.items.clone()).flat_map(|((paged, own), place)| {
            exceptions.borrow_mut().extend(paged.exceptions);
            facts.borrow_mut().push(own);
            let mut parts = before(place);
            of_items.borrow_mut().push(next.replace(next.get() + 1));
            parts.push(paged.part);
            parts
        });
        let last = std::iter::once_with(|| before(usize::MAX)).flatten();
        // Asked for when all items went by: only then is it known what could not be printed.
        let closing =
            std::iter::once_with(|| closing(&front, &mut exceptions.borrow_mut())).flatten().map(|part| everywhere.part(part));
        let cover = Cover { threads: job.threads, ..run.cover.clone() };
        press(&cover, opening.into_iter().chain(parts).chain(last).chain(closing), to)
    })?;
    match fault.into_inner() {
        Some(fault) => Err(fault),
        None => Ok(printout(printed?, &of_items.into_inner(), of_volume, facts.into_inner())),
    }
}

/// Makes the pages of an item.
fn paged(job: &Job<'_>, run: &Run<'_>, item: &Item, found: &TakenWith) -> Result<(Paged, Facts), BuildFault> {
    let redactor = job.redactor(item).noting(run.journal);
    let mut paged = items::paged(item, &found.taken, &found.documents, run.setting, &redactor)?;
    // Whether the file itself goes along is decided here, where the files are.
    for exception in &mut paged.exceptions {
        let is_there = |id: &String| found.documents.iter().any(|document| document.id.0.as_str() == id);
        // The bytes of a record that cannot be read go along when originals do.
        let is_here = exception.attachment.as_ref().map_or(job.plan.formats.native, is_there);
        exception.is_native = job.may_go_native(item) && is_here;
    }
    Ok((paged, Facts { leaf: found.taken.leaf }))
}

fn closing(front: &Front<'_>, exceptions: &mut Vec<Exception>) -> Vec<Part> {
    exceptions.sort();
    exceptions.dedup();
    front::closing(front, exceptions)
}

/// Sheets for what a person decided to take out, where the site asks for them, with the place among the items that go out before
/// which each stands. What a rule keeps out leaves none: its kind alone could tell too much.
fn slips(job: &Job<'_>, run: &Run<'_>) -> Vec<(usize, Part)> {
    let is_last = run.items.end == job.out.len();
    let is_here = |place: &usize| run.items.contains(place) || (is_last && *place == run.items.end);
    let excluded: BTreeMap<usize, &Item> = match job.plan.slip_sheets {
        true => job.plan.excluded.iter().filter_map(|at| Some((*at, job.printed.items.get(*at)?))).collect(),
        false => BTreeMap::new(),
    };
    let placed = excluded.into_iter().map(|(at, item)| (job.out.partition_point(|out| *out < at), item));
    placed
        .filter(|(place, _)| is_here(place))
        .map(|(place, item)| (place, front::slip_sheet(run.setting, item, TAKEN_OUT)))
        .collect()
}

/// What a recipient is told of a document that was taken out: not the reason that was written for us.
const TAKEN_OUT: &str = "The custodian reviewed this document and did not release it with this request.";

/// `of_items`: which part of the file each item is.
fn printout(printed: Printed, of_items: &[usize], of_volume: &[&Item], facts: Vec<Facts>) -> Printout {
    let pages = |(item, range): (&&Item, &Range<u32>)| {
        (!range.is_empty()).then(|| (item.n, (u64::from(range.start), u64::from(range.end) - 1)))
    };
    Printout {
        pages: u64::from(printed.pages),
        items: of_volume.iter().zip(of_items.iter().filter_map(|at| printed.parts.get(*at))).filter_map(pages).collect(),
        bytes: of_items.iter().filter_map(|at| printed.bytes.get(*at).copied()).collect(),
        facts,
        missing: printed.missing,
    }
}

//! The parts of a chart: for each accession and each key of the person, the run of records that lies there, less those
//! that statements moved away, and with those that they moved here.
//!
//! Not for: what a chart says of its parts (`chart`).

use std::ops::Range;

use super::QueryError;
use super::linked;
use super::moved::Moved;
use super::sight::{self, Days};
use super::snapshot::Snapshot;
use super::wanted::{Between, Selection};
use crate::access::{Filter, Permit};
use crate::model::{AccessionId, Kind, PatientKey};
use crate::store::directory::PatientEntry;
use crate::store::{Accession, ChartFrame};

/// One key's part of one accession.
pub(super) struct Part<'a> {
    pub accession: &'a Accession,
    pub key: PatientKey,
    pub entry: PatientEntry,
    moved: &'a Moved,
    /// How many records of the run were moved to another chart, hidden ones left out.
    left: u64,
    /// Ordinals of the records that were moved here.
    arrived: Vec<u64>,
}

/// The patient's parts in all accessions, and those of the person's other keys, once the permit has been checked.
pub(super) fn parts<'a>(snapshot: &'a Snapshot, permit: &Permit, patient: &PatientKey) -> Result<Vec<Part<'a>>, QueryError> {
    let keys = linked::keys(snapshot, permit, patient)?;
    let parts = parts_of(snapshot, permit.filter(), &keys)?;
    if parts.is_empty() { Err(QueryError::NotFound) } else { Ok(parts) }
}

/// The parts of these keys, for a caller that has checked the permit himself.
pub(super) fn parts_of<'a>(snapshot: &'a Snapshot, filter: &Filter, keys: &[PatientKey]) -> Result<Vec<Part<'a>>, QueryError> {
    let mut parts = Vec::new();
    for accession in sight::accessions(snapshot, filter) {
        for key in keys {
            parts.extend(Part::of(snapshot, accession, key, filter)?);
        }
    }
    without_repeats(&mut parts);
    Ok(parts)
}

/// Whether the chart holds records of other compartments: those of the person's other keys, and reassigned ones.
pub(super) fn is_pieced(parts: &[Part<'_>], patient: &PatientKey) -> bool {
    parts.iter().any(|part| part.key != *patient || !part.arrived.is_empty())
}

/// A record that names several keys of one person is shown once.
fn without_repeats(parts: &mut [Part<'_>]) {
    let own: Vec<(AccessionId, Range<u64>)> =
        parts.iter().map(|part| (part.accession.id.clone(), part.entry.ordinals())).collect();
    let mut seen = ahash::AHashSet::new();
    for part in parts.iter_mut() {
        let here = &part.accession.id;
        part.entry.also.retain(|ordinal| {
            !own.iter().any(|(accession, run)| accession == here && run.contains(ordinal))
                && seen.insert((here.clone(), *ordinal))
        });
    }
}

impl<'a> Part<'a> {
    /// The part of `key` in an accession, less what was moved away, and with what was moved to it.
    pub(super) fn of(
        snapshot: &'a Snapshot,
        accession: &'a Accession,
        key: &PatientKey,
        filter: &Filter,
    ) -> Result<Option<Part<'a>>, QueryError> {
        let (moved, here) = (snapshot.moved.as_ref(), &accession.id);
        let mut arrived = Vec::new();
        for ordinal in moved.arrived(here, key) {
            let missing = || QueryError::Unreadable("an ordinal lies in no frame".into());
            let frame = accession.frame(accession.frame_of(ordinal).ok_or_else(missing)?, false)?;
            // One that is hidden must not even make this a chart of several pieces, which are put in another order.
            if sight::sees(filter, accession, &frame, (ordinal - frame.first_ordinal()) as usize) {
                arrived.push(ordinal);
            }
        }
        let mut entry = match accession.patient(key)? {
            Some(entry) => entry,
            None if arrived.is_empty() => return Ok(None),
            None => PatientEntry::default(),
        };
        entry.also.retain(|ordinal| moved.to(here, *ordinal).is_none());
        let is_open = |kind: &Kind| !filter.hide_kinds.contains(kind);
        let open = entry.by_kind().filter(|(kind, _)| is_open(kind)).flat_map(|(_, run)| moved.within(here, run));
        let left = open.filter(|ordinal| filter.allows(accession.labels().of(*ordinal))).count() as u64;
        Ok(Some(Part { accession, key: key.clone(), entry, moved, left, arrived }))
    }

    /// Whether the directory's totals say something else than what lies here now.
    pub(super) fn is_touched(&self) -> bool {
        self.left > 0 || !self.arrived.is_empty()
    }

    /// Calls `visit` for each record of the selection that the filter does not hide, by kind and date.
    pub(super) fn visit(
        &self,
        selection: &Selection,
        filter: &Filter,
        visit: &mut dyn FnMut(&ChartFrame<'_>, usize) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let labels = self.accession.labels();
        let is_wanted = |kind: Kind| selection.kinds.is_empty() || selection.kinds.contains(&kind);
        let mut wanted: Vec<Range<u64>> = Vec::new();
        for (_, run) in self.entry.by_kind().filter(|(kind, _)| is_wanted(*kind) && !filter.hide_kinds.contains(kind)) {
            // Older versions count too little to matter here; a few more are read for them.
            let most = selection.newest.map(|n| n as u64 + self.left + 64);
            let from = most.map_or(run.start, |most| labels.start_of_last(run.clone(), filter.hide, most));
            match wanted.last_mut().filter(|before| before.end == from) {
                Some(before) => before.end = run.end,
                None => wanted.push(from..run.end),
            }
        }
        for range in wanted {
            let may_hide = labels.hidden(range.clone(), filter.hide) > 0;
            sight::each(self.accession, range, &mut |frame, index| {
                let is_here = self.left == 0 || self.moved.to(&self.accession.id, frame.ordinal(index)).is_none();
                let is_shown = is_here && (!may_hide || filter.allows(frame.label(index)));
                if is_shown { visit(frame, index) } else { Ok(()) }
            })?;
        }
        for ordinal in self.entry.also.iter().chain(&self.arrived) {
            self.one(*ordinal, selection, filter, visit)?;
        }
        Ok(())
    }

    /// Calls `visit` for the records between two instants; gives how many of them were passed over, the oldest of a kind that
    /// has more than wanted. A run is in the order of dates, so that its frames outside are not unpacked.
    pub(super) fn visit_between(
        &self,
        wanted: &Between,
        filter: &Filter,
        visit: &mut dyn FnMut(&ChartFrame<'_>, usize) -> Result<(), QueryError>,
    ) -> Result<u64, QueryError> {
        let labels = self.accession.labels();
        let is_open = |kind: &Kind| wanted.kinds.contains(kind) && !filter.hide_kinds.contains(kind);
        let mut passed_over = 0;
        for (_, run) in self.entry.by_kind().filter(|(kind, _)| is_open(kind)) {
            let run = self.dated(run, wanted)?;
            let from = labels.start_of_last(run.clone(), filter.hide, wanted.newest as u64 + self.left);
            passed_over += (from - run.start) - labels.hidden(run.start..from, filter.hide);
            sight::each(self.accession, from..run.end, &mut |frame, index| {
                let is_here = self.left == 0 || self.moved.to(&self.accession.id, frame.ordinal(index)).is_none();
                let is_shown = is_here && filter.allows(frame.label(index)) && is_between(frame, index, wanted);
                if is_shown { visit(frame, index) } else { Ok(()) }
            })?;
        }
        let selection = Selection { kinds: wanted.kinds.clone(), newest: None };
        for ordinal in self.entry.also.iter().chain(&self.arrived) {
            self.one(*ordinal, &selection, filter, &mut |frame, index| {
                if is_between(frame, index, wanted) { visit(frame, index) } else { Ok(()) }
            })?;
        }
        Ok(passed_over)
    }

    /// The part of a run of one kind that may lie between the instants.
    fn dated(&self, run: Range<u64>, wanted: &Between) -> Result<Range<u64>, QueryError> {
        // A short run costs less to read than to search.
        const SEARCHED: u64 = 256;
        if run.end - run.start < SEARCHED {
            return Ok(run);
        }
        let starts_at = |instant: i64| -> Result<u64, QueryError> {
            let (mut low, mut high) = (run.start, run.end);
            while low < high {
                let middle = low + (high - low) / 2;
                let mut is_before = false;
                sight::each(self.accession, middle..middle + 1, &mut |frame, index| {
                    is_before = start_us(frame, index) < instant;
                    Ok(())
                })?;
                if is_before { low = middle + 1 } else { high = middle }
            }
            Ok(low)
        };
        Ok(starts_at(wanted.from)?..starts_at(wanted.until)?)
    }

    /// How many records of its own compartment the filter leaves, as the directory and the labels tell.
    pub(super) fn left_by(&self, filter: &Filter) -> u64 {
        sight::left_of_all(filter, self.accession, &self.entry)
    }

    /// Whether the filter leaves anything of this part. A source that holds hidden records alone is not named.
    pub(super) fn shows_anything(&self, filter: &Filter) -> Result<bool, QueryError> {
        let mut any = false;
        let mut note = |_: &ChartFrame<'_>, _: usize| {
            any = true;
            Ok(())
        };
        if self.is_touched() {
            self.visit(&Selection::default(), filter, &mut note)?;
            return Ok(any);
        }
        if self.left_by(filter) > 0 {
            return Ok(true);
        }
        for ordinal in &self.entry.also {
            self.one(*ordinal, &Selection::default(), filter, &mut note)?;
        }
        Ok(any)
    }

    /// How many records of the compartment the filter leaves, and the days that these span.
    pub(super) fn extent(&self, filter: &Filter) -> Result<(u64, Days), QueryError> {
        if !self.is_touched() {
            return sight::extent(filter, self.accession, &self.entry);
        }
        let (mut records, mut days) = (0, None);
        self.visit(&Selection::default(), filter, &mut |frame, index| {
            if !self.entry.also.contains(&frame.ordinal(index)) {
                records += 1;
                days = sight::widened(days, frame, index);
            }
            Ok(())
        })?;
        Ok((records, days))
    }

    fn one(
        &self,
        ordinal: u64,
        selection: &Selection,
        filter: &Filter,
        visit: &mut dyn FnMut(&ChartFrame<'_>, usize) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        sight::each(self.accession, ordinal..ordinal + 1, &mut |frame, index| {
            let is_wanted = selection.kinds.is_empty() || frame.kind(index).is_some_and(|k| selection.kinds.contains(&k));
            if is_wanted && sight::sees(filter, self.accession, frame, index) { visit(frame, index) } else { Ok(()) }
        })
    }
}

/// The instant by which a run is ordered: what has no date stands first.
fn start_us(frame: &ChartFrame<'_>, index: usize) -> i64 {
    frame.date(index).map_or(i64::MIN, |when| when.start_us())
}

fn is_between(frame: &ChartFrame<'_>, index: usize, wanted: &Between) -> bool {
    (wanted.from..wanted.until).contains(&start_us(frame, index))
}

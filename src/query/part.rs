//! The parts of a chart: for each accession and each key of the person, the run of records that lies there, less those
//! that statements moved away, and with those that they moved here.
//!
//! Not for: what a chart says of its parts (`chart`).

use std::ops::Range;

use super::QueryError;
use super::chart::Selection;
use super::linked;
use super::reassigned::Moved;
use super::snapshot::Snapshot;
use crate::access::{Filter, Permit};
use crate::model::{AccessionId, Kind, PatientKey};
use crate::store::directory::PatientEntry;
use crate::store::{Accession, ChartFrame};

const DAY_US: i64 = 86_400_000_000;

/// One key's part of one accession.
pub(super) struct Part<'a> {
    pub accession: &'a Accession,
    pub key: PatientKey,
    pub entry: PatientEntry,
    moved: &'a Moved,
    /// How many records of the run were moved to another chart.
    left: u64,
    /// Ordinals of the records that were moved here.
    arrived: Vec<u64>,
}

/// The patient's parts in all accessions, and those of the person's other keys, once the permit has been checked.
pub(super) fn parts<'a>(snapshot: &'a Snapshot, permit: &Permit, patient: &PatientKey) -> Result<Vec<Part<'a>>, QueryError> {
    let keys = linked::keys(snapshot, permit, patient)?;
    let mut parts = Vec::new();
    for accession in &snapshot.accessions {
        for key in &keys {
            parts.extend(Part::of(snapshot, accession, key, permit.filter())?);
        }
    }
    without_repeats(&mut parts);
    if parts.is_empty() { Err(QueryError::NotFound) } else { Ok(parts) }
}

/// Whether the chart holds records of other compartments: those of the person's other keys, and reassigned ones.
pub(super) fn is_pieced(parts: &[Part<'_>], patient: &PatientKey) -> bool {
    parts.iter().any(|part| part.key != *patient || !part.arrived.is_empty())
}

/// A record that names several keys of one person is shown once.
fn without_repeats(parts: &mut [Part<'_>]) {
    let own: Vec<(AccessionId, Range<u64>)> =
        parts.iter().map(|part| (part.accession.id.clone(), part.entry.first..part.entry.first + part.entry.count())).collect();
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
    fn of(
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
            if filter.allows(frame.label((ordinal - frame.first_ordinal()) as usize)) {
                arrived.push(ordinal);
            }
        }
        let mut entry = match accession.patient(key)? {
            Some(entry) => entry,
            None if arrived.is_empty() => return Ok(None),
            None => PatientEntry::default(),
        };
        entry.also.retain(|ordinal| moved.to(here, *ordinal).is_none());
        let left = moved.count(here, entry.first..entry.first + entry.count());
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
        let mut start = self.entry.first;
        let mut wanted: Vec<(u64, u64)> = Vec::new();
        for run in &self.entry.runs {
            let end = start + run.count;
            if selection.kinds.is_empty() || selection.kinds.contains(&run.kind) {
                // Older versions and hidden records count too little to matter here; a few more are read for them.
                let from =
                    selection.newest.map_or(start, |n| start.max(end.saturating_sub(n as u64 + run.restricted + self.left + 64)));
                match wanted.last_mut().filter(|(_, last)| *last == from) {
                    Some((_, last)) => *last = end,
                    None => wanted.push((from, end)),
                }
            }
            start = end;
        }
        let may_hide = filter.hide.is_restricted() && self.entry.runs.iter().any(|r| r.restricted > 0);
        for (from, end) in wanted {
            self.range(from, end, may_hide.then_some(filter), &mut |frame, index| {
                let is_here = self.left == 0 || self.moved.to(&self.accession.id, frame.ordinal(index)).is_none();
                if is_here { visit(frame, index) } else { Ok(()) }
            })?;
        }
        for ordinal in self.entry.also.iter().chain(&self.arrived) {
            self.one(*ordinal, selection, filter, visit)?;
        }
        Ok(())
    }

    fn range(
        &self,
        from: u64,
        end: u64,
        filter: Option<&Filter>,
        visit: &mut dyn FnMut(&ChartFrame<'_>, usize) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let mut at = from;
        while at < end {
            let number =
                self.accession.frame_of(at).ok_or_else(|| QueryError::Unreadable("an ordinal lies in no frame".into()))?;
            let frame = self.accession.frame(number, false)?;
            let first = frame.first_ordinal();
            let last = end.min(first + frame.len() as u64);
            for ordinal in at..last {
                let index = (ordinal - first) as usize;
                if filter.is_none_or(|f| f.allows(frame.label(index))) {
                    visit(&frame, index)?;
                }
            }
            at = last;
        }
        Ok(())
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
        if !filter.hide.is_restricted() || self.entry.unrestricted() > 0 {
            return Ok(true);
        }
        for ordinal in &self.entry.also {
            self.one(*ordinal, &Selection::default(), filter, &mut note)?;
        }
        Ok(any)
    }

    /// How many records of the compartment the filter leaves, and the first and last clinical day of those without a
    /// label, counted from 1970-01-01.
    pub(super) fn extent(&self, filter: &Filter) -> Result<(u64, Option<(i32, i32)>), QueryError> {
        if !self.is_touched() {
            let records = if filter.hide.is_restricted() { self.entry.unrestricted() } else { self.entry.count() };
            return Ok((records, self.entry.days));
        }
        let (mut records, mut days) = (0, None);
        self.visit(&Selection::default(), filter, &mut |frame, index| {
            if self.entry.also.contains(&frame.ordinal(index)) {
                return Ok(());
            }
            records += 1;
            // As the directory has it: a birth is no visit, and a day that only a labelled record reaches would tell of it.
            let is_dated = frame.kind(index) != Some(Kind::PATIENT) && !frame.label(index).is_restricted();
            if let Some(when) = frame.date(index).filter(|_| is_dated) {
                let day = when.start_us().div_euclid(DAY_US) as i32;
                let (from, to) = days.unwrap_or((day, day));
                days = Some((from.min(day), to.max(day)));
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
        self.range(ordinal, ordinal + 1, Some(filter), &mut |frame, index| {
            let is_wanted = selection.kinds.is_empty() || frame.kind(index).is_some_and(|k| selection.kinds.contains(&k));
            if is_wanted { visit(frame, index) } else { Ok(()) }
        })
    }
}

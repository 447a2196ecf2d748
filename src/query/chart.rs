//! Opening a chart: its cover (identity, counts, coverage) and its records.
//!
//! Not for: single records (`record`).

use std::sync::Arc;

use super::QueryError;
use super::found::Found;
use super::linked::linked_patient;
use super::part::{Part, is_pieced, parts};
use super::record::{last_updated, named_at, record_at};
use super::sight;
use super::snapshot::{Archive, Snapshot};
use super::wanted::{PageOf, Selection};
use crate::access::{Filter, Permit};
use crate::index::identity_of;
use crate::model::{Chart, ChartIndex, Coverage, Kind, KindCount, Label, LinkedPatient, PatientKey, Place, Record, When};
use crate::store::{Accession, ChartFrame};

/// Charts of at most this many records are counted record by record, so that older versions are left out of the counts.
const COUNTED_EXACTLY: u64 = 5_000;

/// A whole chart as bytes: a head, then the served JSON of each record, joined by commas; and what an audit entry needs
/// beside it.
#[derive(Clone, Debug, Default)]
pub struct ChartBytes {
    pub json: Vec<u8>,
    pub places: Vec<Place>,
    pub kinds: Vec<Kind>,
    pub label: Label,
}

/// Bytes to reserve for a record's JSON, and for how many records at most.
const RECORD_BYTES: usize = 1_200;
const CAPACITY_RECORDS: usize = 4_000;

impl ChartBytes {
    fn of(chart: &Chart, head: &[u8]) -> ChartBytes {
        let mut out = ChartBytes { json: head.to_vec(), ..ChartBytes::default() };
        for record in &chart.records {
            if !out.places.is_empty() {
                out.json.push(b',');
            }
            out.json.extend_from_slice(record.json.as_bytes());
            out.places.push(record.place.clone());
            out.label = out.label.union(record.label);
            if !out.kinds.contains(&record.kind) {
                out.kinds.push(record.kind);
            }
        }
        out
    }
}

impl Archive {
    /// Identity, counts and coverage of one patient. Scope: `Chart` of this patient, or `Everything`.
    pub fn chart_index(&self, permit: &Permit, patient: &PatientKey) -> Result<ChartIndex, QueryError> {
        let snapshot = self.snapshot();
        let parts = parts(&snapshot, permit, patient)?;
        index_of(&snapshot, &parts, permit.filter(), patient)
    }

    /// The chart with the selected records. Scope: `Chart` of this patient, or `Everything`.
    pub fn chart(&self, permit: &Permit, patient: &PatientKey, selection: &Selection) -> Result<Chart, QueryError> {
        let snapshot = self.snapshot();
        let parts = parts(&snapshot, permit, patient)?;
        let index = index_of(&snapshot, &parts, permit.filter(), patient)?;
        let mut found = Found::of(is_pieced(&parts, patient).then(|| patient.clone()));
        for part in &parts {
            part.visit(selection, permit.filter(), &mut |frame, at| {
                if let Some(record) = record_at(part.accession, frame, at, Some(part.key.clone())) {
                    found.add(frame, at, record);
                }
                Ok(())
            })?;
        }
        Ok(Chart { index, records: found.current(selection.newest) })
    }

    /// One page of the records of a kind, oldest first as in a chart, after the records of the kinds in `beside`. Only those of the
    /// page are read as records: of the newer ones it is seen that they are there. A page beyond the end is the last one. Scope as
    /// `chart`.
    pub fn chart_page(
        &self,
        permit: &Permit,
        patient: &PatientKey,
        page: PageOf,
        beside: Vec<Kind>,
    ) -> Result<Chart, QueryError> {
        let mut chart = match beside.is_empty() {
            true => Chart { index: self.chart_index(permit, patient)?, records: Vec::new() },
            false => self.chart(permit, patient, &Selection { kinds: beside, newest: None })?,
        };
        let snapshot = self.snapshot();
        let parts = parts(&snapshot, permit, patient)?;
        let mut found = Found::of(is_pieced(&parts, patient).then(|| patient.clone()));
        let until = page.from.saturating_add(page.rows);
        let selection = Selection { kinds: vec![page.kind], newest: Some(until) };
        for part in &parts {
            part.visit(&selection, permit.filter(), &mut |frame, at| {
                if let Some(record) = named_at(part.accession, frame, at, Some(part.key.clone())) {
                    found.add(frame, at, record);
                }
                Ok(())
            })?;
        }
        let named = found.current(selection.newest);
        let last = named.len().saturating_sub(1) / page.rows.max(1) * page.rows;
        let end = named.len() - page.from.min(last);
        let shown = named.get(end.saturating_sub(page.rows)..end).unwrap_or_default();
        chart.records.extend(read_whole(&snapshot, shown)?);
        Ok(chart)
    }

    /// The whole chart as stored, without taking records apart: the fastest way to all of it. `json` begins with `head`,
    /// so that an answer is made in one piece. Scope as `chart`.
    pub fn chart_bytes(&self, permit: &Permit, patient: &PatientKey, head: &[u8]) -> Result<ChartBytes, QueryError> {
        let snapshot = self.snapshot();
        let parts = parts(&snapshot, permit, patient)?;
        if is_pieced(&parts, patient) {
            return Ok(ChartBytes::of(&self.chart(permit, patient, &Selection::default())?, head));
        }
        let count = parts.iter().map(|p| p.entry.count() as usize).sum::<usize>().min(CAPACITY_RECORDS);
        let mut out = ChartBytes { json: Vec::with_capacity(head.len() + count * RECORD_BYTES), ..ChartBytes::default() };
        out.json.extend_from_slice(head);
        let mut seen: ahash::AHashSet<u64> = ahash::AHashSet::with_capacity(count);
        let mut has_versions = false;
        let mut is_shown = false;
        for part in &parts {
            part.visit(&Selection::default(), permit.filter(), &mut |frame, at| {
                let Some(kind) = frame.kind(at) else { return Ok(()) };
                frame.with_id(at, |id| {
                    has_versions |= !seen.insert(crate::store::locator::name_hash(kind.name(), id.as_bytes()));
                    is_shown |= kind == Kind::PATIENT && id == patient.as_str();
                    if !out.places.is_empty() {
                        out.json.push(b',');
                    }
                    frame.served(at, id, &mut out.json);
                    out.places.push(part.accession.place(frame.ordinal(at)));
                    if !out.kinds.contains(&kind) {
                        out.kinds.push(kind);
                    }
                    out.label = out.label.union(frame.label(at));
                });
                Ok(())
            })?;
        }
        if has_versions || !is_shown {
            // Rare: choosing the current versions, and telling whether a patient without a record is there at all, is the
            // careful way's business.
            return Ok(ChartBytes::of(&self.chart(permit, patient, &Selection::default())?, head));
        }
        Ok(out)
    }
}

/// The records that were only named, read with what they say. Neighbours lie in one frame, which is unpacked once.
fn read_whole(snapshot: &Snapshot, named: &[Record]) -> Result<Vec<Record>, QueryError> {
    let missing = || QueryError::Unreadable("an ordinal lies in no frame".into());
    let mut whole = Vec::with_capacity(named.len());
    let mut open: Option<(&Arc<Accession>, u32, ChartFrame<'_>)> = None;
    for record in named {
        let ordinal = record.place.ordinal;
        let accession =
            snapshot.accessions.iter().find(|accession| accession.place(ordinal) == record.place).ok_or_else(missing)?;
        let number = accession.frame_of(ordinal).ok_or_else(missing)?;
        if !open.as_ref().is_some_and(|(held, at, _)| Arc::ptr_eq(held, accession) && *at == number) {
            open = Some((accession, number, accession.frame(number, false)?));
        }
        let Some((_, _, frame)) = &open else { return Err(missing()) };
        let at = (ordinal - frame.first_ordinal()) as usize;
        let read = record_at(accession, frame, at, record.patient.clone()).ok_or_else(missing)?;
        whole.push(Record { version: record.version, ..read });
    }
    Ok(whole)
}

/// Calls `visit` for each selected record of a patient that the permit does not hide.
pub(super) fn visit_chart(
    snapshot: &Snapshot,
    permit: &Permit,
    patient: &PatientKey,
    selection: &Selection,
    visit: &mut dyn FnMut(&Accession, &ChartFrame<'_>, usize) -> Result<(), QueryError>,
) -> Result<(), QueryError> {
    for part in &parts(snapshot, permit, patient)? {
        part.visit(selection, permit.filter(), &mut |frame, at| visit(part.accession, frame, at))?;
    }
    Ok(())
}

fn index_of(snapshot: &Snapshot, parts: &[Part<'_>], filter: &Filter, patient: &PatientKey) -> Result<ChartIndex, QueryError> {
    let mut identity = None;
    for part in parts {
        let only_patients = Selection { kinds: vec![Kind::PATIENT], newest: None };
        part.visit(&only_patients, filter, &mut |frame, at| {
            let Some((id, _)) = frame.names(at).filter(|(id, _)| id == patient.as_str()) else { return Ok(()) };
            let mut json = Vec::new();
            frame.served(at, &id, &mut json);
            let updated = last_updated(frame, at);
            if identity.as_ref().is_none_or(|(before, _)| *before <= updated) {
                identity = Some((updated, identity_of(&serde_json::from_slice(&json).unwrap_or_default())));
            }
            Ok(())
        })?;
    }
    let counts = counts(parts, filter)?;
    if counts.is_empty() {
        return Err(QueryError::NotFound);
    }
    let mut seen = Vec::new();
    for part in parts {
        if part.shows_anything(filter)? {
            seen.push(part);
        }
    }
    let linked = linked_of(snapshot, parts, filter, patient)?;
    // A number that was given up before its patient was ever recorded shows who it leads to.
    let heir = snapshot.identity.survivor(patient);
    let heir = linked.iter().find(|other| other.key == heir).or(linked.first());
    let identity = identity.map(|(_, identity)| identity).or_else(|| heir.map(|other| other.identity.clone()));
    Ok(ChartIndex {
        patient: patient.clone(),
        linked,
        identity: identity.unwrap_or_default(),
        counts,
        coverage: coverage(&seen, filter)?,
        cutover: cutover(snapshot, &seen),
    })
}

/// Who the patient is under the person's other keys, as far as they have parts here.
fn linked_of(
    snapshot: &Snapshot,
    parts: &[Part<'_>],
    filter: &Filter,
    patient: &PatientKey,
) -> Result<Vec<LinkedPatient>, QueryError> {
    let mut others: Vec<&PatientKey> = parts.iter().map(|part| &part.key).filter(|key| *key != patient).collect();
    others.sort_unstable();
    others.dedup();
    let mut linked = Vec::new();
    for key in others {
        linked.extend(linked_patient(snapshot, filter, key)?);
    }
    Ok(linked)
}

fn counts(parts: &[Part<'_>], filter: &Filter) -> Result<Vec<KindCount>, QueryError> {
    let total: u64 = parts.iter().map(|part| part.left_by(filter)).sum();
    let mut by_kind: std::collections::BTreeMap<Kind, u64> = std::collections::BTreeMap::new();
    if total <= COUNTED_EXACTLY || parts.iter().any(Part::is_touched) {
        let mut seen = ahash::AHashSet::new();
        for part in parts {
            part.visit(&Selection::default(), filter, &mut |frame, at| {
                if let (Some(kind), Some((id, _))) = (frame.kind(at), frame.names(at))
                    && seen.insert((kind, id))
                {
                    *by_kind.entry(kind).or_default() += 1;
                }
                Ok(())
            })?;
        }
    } else {
        for part in parts {
            for (kind, run) in part.entry.by_kind() {
                let left = sight::left_of(filter, part.accession, kind, run);
                if left > 0 {
                    *by_kind.entry(kind).or_default() += left;
                }
            }
        }
    }
    Ok(by_kind.into_iter().map(|(kind, count)| KindCount { kind, count }).collect())
}

pub(super) fn coverage(parts: &[&Part<'_>], filter: &Filter) -> Result<Vec<Coverage>, QueryError> {
    let day = |day: i32| {
        let (y, m, d) = crate::model::civil_from_days(i64::from(day));
        When::parse(&format!("{y:04}-{m:02}-{d:02}"))
    };
    let mut all: Vec<Coverage> = Vec::new();
    for part in parts {
        let (records, days) = part.extent(filter)?;
        let (first, last) = days.map_or((None, None), |(from, to)| (day(from), day(to)));
        match all.iter_mut().find(|c| c.source_system == part.accession.source_system) {
            None => all.push(Coverage { source_system: part.accession.source_system.clone(), first, last, records }),
            Some(held) => {
                held.first = [held.first.take(), first].into_iter().flatten().min_by_key(When::start_us);
                held.last = [held.last.take(), last].into_iter().flatten().max_by_key(When::start_us);
                held.records += records;
            }
        }
    }
    Ok(all)
}

/// The declared last day of the sources of this chart, else the newest day that these sources hold.
fn cutover(snapshot: &Snapshot, parts: &[&Part<'_>]) -> Option<When> {
    let declared = parts.iter().filter_map(|p| snapshot.cutover.get(p.accession.source_system.as_ref()).cloned());
    let found = parts.iter().filter_map(|p| p.accession.seal.data_to.as_deref().and_then(When::parse));
    declared.max_by_key(When::start_us).or_else(|| found.max_by_key(When::start_us))
}

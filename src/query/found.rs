//! Records of a chart as they are found, so that only the current version of each is shown, in the order of the chart.
//!
//! Not for: finding them (`part`).

use ahash::AHashMap;

use super::record::last_updated;
use crate::model::{ArchiveId, Kind, PatientKey, Place, Record};
use crate::store::ChartFrame;

/// Records by name, so that only the current version of each is shown.
#[derive(Default)]
pub(super) struct Found {
    records: Vec<(String, Record)>,
    by_name: AHashMap<(Kind, ArchiveId), usize>,
    /// The key asked for, when records of several compartments stand together by date.
    person: Option<PatientKey>,
    dates: AHashMap<Place, i64>,
}

impl Found {
    /// `person`: the key asked for, when records of several compartments stand together.
    pub(super) fn of(person: Option<PatientKey>) -> Found {
        Found { person, ..Found::default() }
    }

    pub(super) fn add(&mut self, frame: &ChartFrame<'_>, at: usize, mut record: Record) {
        let name = (record.kind, record.id.clone());
        if self.person.is_some() {
            let day = frame.date(at).map_or(i64::MIN, |when| when.start_us());
            self.dates.insert(record.place.clone(), day);
        }
        match self.by_name.get(&name) {
            None => {
                self.by_name.insert(name, self.records.len());
                self.records.push((String::new(), record));
            }
            Some(place) => {
                let updated = last_updated(frame, at);
                let held = &mut self.records[*place];
                let versions = held.1.version + 1;
                if updated >= held.0 {
                    record.version = versions;
                    *held = (updated, record);
                } else {
                    held.1.version = versions;
                }
            }
        }
    }

    /// In the order of kinds, within a kind as found: by date within each source, or over all of them for a person of
    /// several keys.
    pub(super) fn current(self, newest: Option<usize>) -> Vec<Record> {
        let mut records: Vec<Record> = self.records.into_iter().map(|(_, record)| record).collect();
        let is_other = |r: &Record| self.person.as_ref().is_some_and(|own| r.kind == Kind::PATIENT && r.id != own.0);
        records.sort_by_key(|r| (r.kind, is_other(r), self.dates.get(&r.place).copied()));
        let Some(most) = newest else { return records };
        let mut left: AHashMap<Kind, usize> = AHashMap::new();
        for record in &records {
            *left.entry(record.kind).or_default() += 1;
        }
        // The newest stand last.
        records.retain(|record| {
            let count = left.entry(record.kind).or_default();
            *count -= 1;
            *count < most
        });
        records
    }
}

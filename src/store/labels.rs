//! The sensitivity labels of an accession: a file of the generation that holds the label of every labelled record, and
//! of no other. Records follow each other in runs of one label, so what is kept in memory grows with the labelled
//! records alone, and a whole labelled source is one run.
//!
//! `labels.bin` is a framed file. A frame holds runs in the order of ordinals: the gap since the run before (in the first
//! run of a frame, since the frame's base), how many records, and the bits of `model::Label`, all varints.
//!
//! Not for: which label a record gets (`ingest::labels`), or what a label hides from whom (`access`).

use std::ops::Range;
use std::path::Path;

use super::StoreError;
use super::codec::CodecError;
use super::codec::wire::{Cursor, put_varint};
use super::framed::{Framed, FramedWriter};
use super::layout::LABELS;
use super::manifest::{Manifest, read_checked};
use crate::durable::FileDigest;
use crate::model::Label;

/// Runs in one frame.
const FRAME_RUNS: usize = 1 << 15;

/// Neighbouring records of one label.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Run {
    start: u64,
    end: u64,
    label: Label,
}

/// The labels of all records of an accession, by ordinal.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Labels {
    runs: Vec<Run>,
    /// Every class that any record carries.
    all: Label,
}

impl Labels {
    /// Notes the label of a record; ordinals must ascend. No label is nothing to note.
    pub fn push(&mut self, ordinal: u64, label: Label) {
        if !label.is_restricted() {
            return;
        }
        debug_assert!(self.runs.last().is_none_or(|run| run.end <= ordinal));
        self.all = self.all.union(label);
        match self.runs.last_mut().filter(|run| run.end == ordinal && run.label == label) {
            Some(run) => run.end += 1,
            None => self.runs.push(Run { start: ordinal, end: ordinal + 1, label }),
        }
    }

    /// Writes the file; gives its digest and the number of runs in it.
    pub fn write(&self, path: &Path) -> Result<(FileDigest, u64), StoreError> {
        let mut framed = FramedWriter::create(path, 3, None)?;
        for runs in self.runs.chunks(FRAME_RUNS) {
            let base = runs.first().map_or(0, |run| run.start);
            let (mut raw, mut at) = (Vec::with_capacity(runs.len() * 4), base);
            for run in runs {
                put_varint(&mut raw, run.start - at);
                put_varint(&mut raw, run.end - run.start);
                put_varint(&mut raw, u64::from(run.label.bits()));
                at = run.end;
            }
            framed.push(&raw, &[], runs.len() as u32, base, path)?;
        }
        Ok((framed.finish(path)?, self.runs.len() as u64))
    }

    /// Opens the labels of a generation. What the manifest does not name, is not there, has another digest or cannot be
    /// read is an error: without its labels an accession must not be shown at all.
    pub fn open(path: &Path, manifest: &Manifest) -> Result<Labels, StoreError> {
        let entry = manifest.files.iter().find(|file| file.path == LABELS);
        let entry = entry.ok_or_else(|| StoreError::damaged(path, 0, "the manifest names no labels"))?;
        read_checked(path, &entry.sha256)?;
        let records = manifest.parts.iter().sum();
        let framed = Framed::open(path, None)?;
        let mut labels = Labels::default();
        for (number, meta) in framed.frames().iter().enumerate() {
            let (raw, _) = framed.read(number, true)?;
            let damaged = |e: CodecError| StoreError::damaged(path, meta.offset, e.0);
            labels.take_frame(&raw, meta.base, meta.items, records).map_err(damaged)?;
        }
        Ok(labels)
    }

    fn take_frame(&mut self, raw: &[u8], base: u64, runs: u32, records: u64) -> Result<(), CodecError> {
        let mut cursor = Cursor::new(raw);
        let mut at = base;
        for _ in 0..runs {
            let (gap, count) = (cursor.varint()?, cursor.varint()?);
            let bits = u32::try_from(cursor.varint()?).map_err(|_| CodecError("a label is out of bounds"))?;
            let start = at.checked_add(gap).ok_or(CodecError("an ordinal is out of bounds"))?;
            let end = start.checked_add(count).filter(|end| *end <= records && count > 0);
            let end = end.ok_or(CodecError("a label lies on no record"))?;
            let label = Label::from_bits(bits);
            let is_next = self.runs.last().is_none_or(|run| run.end <= start);
            if !is_next || !label.is_restricted() {
                return Err(CodecError("the labels are not in order"));
            }
            self.all = self.all.union(label);
            self.runs.push(Run { start, end, label });
            at = end;
        }
        if cursor.at == raw.len() { Ok(()) } else { Err(CodecError("bytes follow the last label")) }
    }

    /// How many runs there are.
    pub fn runs(&self) -> u64 {
        self.runs.len() as u64
    }

    /// Every class that any record carries.
    pub fn all(&self) -> Label {
        self.all
    }

    /// The label of a record.
    pub fn of(&self, ordinal: u64) -> Label {
        let at = self.runs.partition_point(|run| run.end <= ordinal);
        self.runs.get(at).filter(|run| run.start <= ordinal).map_or(Label::NORMAL, |run| run.label)
    }

    /// The labelled stretches of a range, in order.
    pub fn within(&self, range: Range<u64>) -> impl DoubleEndedIterator<Item = (Range<u64>, Label)> {
        let from = self.runs.partition_point(|run| run.end <= range.start);
        let to = if range.is_empty() { from } else { self.runs.partition_point(|run| run.start < range.end) };
        let clip = move |run: &Run| (run.start.max(range.start)..run.end.min(range.end), run.label);
        self.runs[from..to].iter().map(clip)
    }

    /// Every class that a record of a range carries.
    pub fn union(&self, range: Range<u64>) -> Label {
        self.within(range).fold(Label::NORMAL, |all, (_, label)| all.union(label))
    }

    /// How many records of a range carry a class of `hide`.
    pub fn hidden(&self, range: Range<u64>, hide: Label) -> u64 {
        if !self.all.intersects(hide) {
            return 0;
        }
        self.within(range).filter(|(_, label)| label.intersects(hide)).map(|(run, _)| run.end - run.start).sum()
    }

    /// Where the last `count` records of a range begin that carry no class of `hide`; its start when there are fewer.
    pub fn start_of_last(&self, range: Range<u64>, hide: Label, count: u64) -> u64 {
        let (mut end, mut left) = (range.end, count);
        for (run, _) in self.within(range.clone()).rev().filter(|(_, label)| label.intersects(hide)) {
            let open = end - run.end;
            if left <= open {
                return end - left;
            }
            (end, left) = (run.start, left - open);
        }
        end.saturating_sub(left).max(range.start)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Class;
    use crate::store::manifest::FileEntry;

    fn labels_of(bits: &[u32]) -> Labels {
        let mut labels = Labels::default();
        bits.iter().enumerate().for_each(|(at, bits)| labels.push(at as u64, Label::from_bits(*bits)));
        labels
    }

    fn manifest(records: u64, entry: Option<FileEntry>) -> Manifest {
        let files = entry.into_iter().collect();
        Manifest { format: 1, accession: "acc-1".into(), generation: 1, parts: vec![records], files, ..Manifest::default() }
    }

    proptest! {
        /// The sparse list says what a full one would, of single records and of ranges, and so does the file.
        #[test]
        fn it_answers_as_a_full_list_does(
            bits in prop::collection::vec(prop::sample::select(vec![0, 0, 0, 1, 1, 6, 1 << 31]), 0..60),
            (from, to, hide, count) in (0..60usize, 0..60usize, prop::sample::select(vec![0, 1, 2, 5, u32::MAX]), 0..20usize),
        ) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join(LABELS);
            let made = labels_of(&bits);
            let (digest, runs) = made.write(&path).unwrap();
            let manifest = manifest(bits.len() as u64, Some(FileEntry::new(LABELS, &digest, Some(runs))));
            let labels = Labels::open(&path, &manifest).unwrap();
            prop_assert_eq!(&labels, &made);
            let (from, to) = (from.min(to).min(bits.len()), from.max(to).min(bits.len()));
            let range = from as u64..to as u64;
            let hide = Label::from_bits(hide);
            let full = |at: usize| Label::from_bits(bits[at]);
            for at in 0..bits.len() {
                prop_assert_eq!(labels.of(at as u64), full(at));
            }
            let inside = || (from..to).filter(|at| full(*at).intersects(hide));
            prop_assert_eq!(labels.hidden(range.clone(), hide), inside().count() as u64);
            prop_assert_eq!(labels.union(range.clone()), (from..to).fold(Label::NORMAL, |all, at| all.union(full(at))));
            let open: Vec<usize> = (from..to).filter(|at| !full(*at).intersects(hide)).collect();
            let start = labels.start_of_last(range.clone(), hide, count as u64) as usize;
            let shown = open.iter().filter(|at| **at >= start).count();
            prop_assert_eq!(shown, count.min(open.len()));
        }
    }

    #[test]
    fn a_file_that_is_missing_tampered_with_or_not_named_is_an_error_and_never_no_label() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(LABELS);
        let (digest, runs) = labels_of(&[0, Label::of(Class::Hiv).bits(), 0]).write(&path).unwrap();
        let good = manifest(3, Some(FileEntry::new(LABELS, &digest, Some(runs))));
        assert_eq!(Labels::open(&path, &good).unwrap().of(1), Label::of(Class::Hiv));
        assert!(Labels::open(&path, &manifest(3, None)).is_err());
        // One that lies on records that are not there.
        assert!(Labels::open(&path, &manifest(1, good.files.first().cloned())).is_err());
        // Another file that is whole in itself.
        std::fs::remove_file(&path).unwrap();
        assert!(Labels::open(&path, &good).is_err());
        labels_of(&[0, 0, 0]).write(&path).unwrap();
        assert!(Labels::open(&path, &good).is_err());
    }
}

//! Labels an accession anew, by the rules of today: every record is looked at once, chart by chart.
//!
//! Not for: the generation that holds them (`store::remap`), or publishing it (the command).

use std::ops::Range;
use std::sync::Arc;

use super::error::IngestError;
use super::labels::{Beyond, Compartment, ShapeLabels, gathered, names, with_attached};
use crate::mapping::sensitivity::{Rules, SourceRules};
use crate::model::{Kind, Label};
use crate::store::codec::WHOLE;
use crate::store::labels::Labels;
use crate::store::{Accession, ChartFrame, StoreError};

/// The labels that the rules put on the records of an accession.
pub fn relabel(accession: &Accession, rules: &Rules) -> Result<Labels, IngestError> {
    let mut work = Work::new(accession, rules);
    // Records without a patient lie behind all charts.
    let mut charts = Vec::new();
    let mut end = 0;
    for frame in 0..accession.directory().frames() {
        for entry in accession.directory().frame(frame, true)?.iter().filter(|entry| entry.count() > 0) {
            let own = entry.ordinals();
            end = end.max(own.end);
            charts.push(own.start);
        }
    }
    charts.push(end);
    let (others, given) = work.compartment(end..accession.records(), &Beyond::new())?;
    // What medicines and places are labelled with is known before the charts that name them.
    let beyond = gathered(given);
    let mut labels = Vec::new();
    for chart in charts.windows(2) {
        let (mut own, _) = work.compartment(chart[0]..chart[1], &beyond)?;
        labels.append(&mut own);
    }
    let (mut others, _) =
        if beyond.is_empty() { (others, Vec::new()) } else { work.compartment(end..accession.records(), &beyond)? };
    labels.append(&mut others);
    with_attached(&mut labels, &work.binaries, &gathered(work.attached));
    let mut all = Labels::default();
    labels.into_iter().for_each(|(ordinal, label)| all.push(ordinal, label));
    Ok(all)
}

/// What is known while an accession is walked through.
struct Work<'a> {
    accession: &'a Accession,
    rules: Arc<SourceRules>,
    /// By the number of the shape, once met.
    shapes: Vec<Option<Arc<ShapeLabels>>>,
    /// Name and ordinal of every Binary.
    binaries: Vec<(u64, u64)>,
    /// What documents give to Binaries in other compartments.
    attached: Vec<(u64, Label)>,
    /// The frame read last: charts that are neighbours share it.
    frame: Option<ChartFrame<'a>>,
}

/// Ordinals with labels, and names with labels.
type Found = (Vec<(u64, Label)>, Vec<(u64, Label)>);

impl<'a> Work<'a> {
    fn new(accession: &'a Accession, rules: &Rules) -> Work<'a> {
        let rules = rules.of_source(&accession.source_system);
        Work { accession, rules, shapes: Vec::new(), binaries: Vec::new(), attached: Vec::new(), frame: None }
    }

    /// Labels one compartment; gives what its labelled records give to others by their names, too.
    fn compartment(&mut self, range: Range<u64>, beyond: &Beyond) -> Result<Found, IngestError> {
        let source_system = Arc::clone(&self.accession.source_system);
        let mut compartment = Compartment::new(&source_system);
        let mut given = Vec::new();
        for ordinal in range {
            self.record(ordinal, &mut compartment, &mut given)?;
        }
        let settled = compartment.settle(beyond);
        self.attached.extend(settled.attached);
        Ok((settled.labels, given))
    }

    fn record(
        &mut self,
        ordinal: u64,
        compartment: &mut Compartment<'_>,
        given: &mut Vec<(u64, Label)>,
    ) -> Result<(), IngestError> {
        let unreadable = || StoreError::damaged(&self.accession.paths().shapes(), 0, "a record has no readable type or name");
        let is_here = |f: &ChartFrame<'_>| (f.first_ordinal()..f.first_ordinal() + f.len() as u64).contains(&ordinal);
        if !self.frame.as_ref().is_some_and(is_here) {
            let number = self.accession.frame_of(ordinal).ok_or_else(unreadable)?;
            self.frame = Some(self.accession.frame(number, true)?);
        }
        let Some(frame) = self.frame.as_ref() else { return Ok(()) };
        let index = (ordinal - frame.first_ordinal()) as usize;
        let (id, _) = frame.names(index).ok_or_else(unreadable)?;
        let number = frame.decoded.shape(index);
        let (rules, shapes) = (&self.rules, &mut self.shapes);
        let looked = frame.view(index, |shape, leaf| {
            let slot = number as usize;
            let labels = if number == WHOLE {
                Arc::new(ShapeLabels::of(rules, shape))
            } else {
                if shapes.len() <= slot {
                    shapes.resize(slot + 1, None);
                }
                Arc::clone(shapes[slot].get_or_insert_with(|| Arc::new(ShapeLabels::of(rules, shape))))
            };
            let leaf = |at: usize| leaf(at).unwrap_or_default();
            let (label, kind) = (labels.plan.label(leaf), shape.kind());
            let gives = label.union(labels.plan.place(leaf));
            compartment.take((ordinal, kind, &id), label, &labels, leaf);
            (kind, gives)
        });
        let (kind, gives) = looked.ok_or_else(unreadable)?;
        if kind == Kind::BINARY {
            self.binaries.extend(names(kind, &id).map(|name| (name, ordinal)));
        }
        if gives.is_restricted() {
            given.extend(names(kind, &id).map(|name| (name, gives)));
        }
        Ok(())
    }
}

//! Restoring the original texts of whole frames in order, each pack frame opened once.
//!
//! Not for: single records (`ChartFrame::original`).

use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::codec::WHOLE;
use super::documents::PackFrame;
use super::{Accession, ChartFrame, StoreError};
use crate::formats::fhir::Role;

/// Chart frames that a worker takes at a time.
const UNIT_FRAMES: u32 = 24;

/// A run of neighbouring frames of one part, to be read by one worker.
#[derive(Clone, Debug)]
pub struct Unit {
    pub part: usize,
    /// Numbers counted through all parts.
    pub frames: Range<u32>,
    /// Number of the part's first frame.
    pub part_start: u32,
}

/// All frames of an accession in units, in order.
pub fn units(accession: &Accession) -> Vec<Unit> {
    let mut units = Vec::new();
    let mut part_start = 0;
    for (part, chart) in accession.charts.iter().enumerate() {
        let end = part_start + chart.frames().len() as u32;
        let mut at = part_start;
        while at < end {
            let to = (at + UNIT_FRAMES).min(end);
            units.push(Unit { part, frames: at..to, part_start });
            at = to;
        }
        part_start = end;
    }
    units
}

/// Puts attachments back into records, walking through one part's documents.
pub struct Restorer<'a> {
    accession: &'a Accession,
    part: usize,
    open: Option<(usize, PackFrame)>,
    /// Number of the next document.
    pub next: u64,
}

impl<'a> Restorer<'a> {
    pub fn new(accession: &'a Accession, part: usize) -> Restorer<'a> {
        Restorer { accession, part, open: None, next: 0 }
    }

    /// Appends the text of a record. Records must come in order from where `next` was set at a frame's beginning; the
    /// digests of the pack frames are checked.
    pub fn text(&mut self, frame: &ChartFrame<'_>, index: usize, out: &mut Vec<u8>) -> Result<(), StoreError> {
        let number = frame.decoded.shape(index);
        if number == WHOLE {
            out.extend_from_slice(frame.decoded.leaf(index, 0).unwrap_or(b""));
            return Ok(());
        }
        let Some(shape) = self.accession.shapes.get(number) else {
            return Err(StoreError::damaged(&self.accession.paths.shapes(), 0, "a shape is missing or cannot be read"));
        };
        for (leaf, role) in shape.roles().iter().enumerate() {
            out.extend_from_slice(shape.piece(leaf));
            match frame.decoded.leaf(index, leaf) {
                Some(value) => out.extend_from_slice(value),
                None if *role == Role::Data => self.document(out)?,
                None => {
                    let chart = &self.accession.charts[self.part];
                    return Err(StoreError::damaged(chart.path(), 0, "a value is missing that is no attachment"));
                }
            }
        }
        out.extend_from_slice(shape.piece(shape.leaves()));
        Ok(())
    }

    fn document(&mut self, out: &mut Vec<u8>) -> Result<(), StoreError> {
        let number = self.next;
        self.next += 1;
        let pack = &self.accession.documents[self.part];
        let missing = || StoreError::damaged(pack.path(), 0, "a document is missing");
        let wanted = pack.frame_of(number).ok_or_else(missing)?;
        if self.open.as_ref().is_none_or(|(frame, _)| *frame != wanted) {
            self.open = Some((wanted, PackFrame::read(pack, wanted, true)?));
        }
        let first = pack.frames()[wanted].first_item;
        let bytes = self.open.as_ref().and_then(|(_, open)| open.get((number - first) as usize)).ok_or_else(missing)?;
        let start = out.len();
        out.resize(start + bytes.len().div_ceil(3) * 4, b'=');
        BASE64.encode_slice(bytes, &mut out[start..]).map_err(|_| missing())?;
        Ok(())
    }
}

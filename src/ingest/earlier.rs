//! What the archive holds already of the records that come in again: the earlier accessions of the same source system.
//!
//! Records come patient by patient, in the order in which earlier charts lie too, so that a frame once opened answers for
//! many of them; the last few are kept open.
//!
//! Not for: repetitions within a delivery (`gather`).

use std::collections::VecDeque;
use std::sync::Arc;

use ahash::AHashMap;

use crate::model::Kind;
use crate::store::{Accession, ChartFrame, StoreError};

/// Frames kept open: those of a chart in a few accessions, and of the patientless records that it meets.
const OPEN_MAX: usize = 8;

/// What is known of a record by its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Known {
    Nothing,
    /// The name, with other bytes.
    OtherBytes,
    SameBytes,
}

pub struct Earlier<'a> {
    accessions: &'a [Arc<Accession>],
    /// The frame used last stands last.
    open: VecDeque<OpenFrame<'a>>,
}

struct OpenFrame<'a> {
    accession: usize,
    number: u32,
    frame: ChartFrame<'a>,
    by_name: AHashMap<(Kind, String), Vec<usize>>,
}

impl<'a> Earlier<'a> {
    pub fn new(accessions: &'a [Arc<Accession>]) -> Earlier<'a> {
        Earlier { accessions, open: VecDeque::with_capacity(OPEN_MAX + 1) }
    }

    pub fn is_empty(&self) -> bool {
        self.accessions.is_empty()
    }

    /// Looks for a record by type and archive id, and compares its bytes with `original`.
    pub fn look_for(&mut self, kind: Kind, name: &str, original: &[u8]) -> Result<Known, StoreError> {
        let wanted = (kind, name.to_string());
        let mut known = Known::Nothing;
        for (number, accession) in self.accessions.iter().enumerate() {
            for frame in accession.frames_that_may_hold(kind, name) {
                let open = self.open_frame(number, frame)?;
                for index in open.by_name.get(&wanted).map_or(&[][..], Vec::as_slice) {
                    if open.frame.original(*index)? == original {
                        return Ok(Known::SameBytes);
                    }
                    known = Known::OtherBytes;
                }
            }
        }
        Ok(known)
    }

    fn open_frame(&mut self, accession: usize, number: u32) -> Result<&OpenFrame<'a>, StoreError> {
        let found = self.open.iter().position(|open| (open.accession, open.number) == (accession, number));
        let open = match found.and_then(|at| self.open.remove(at)) {
            Some(open) => open,
            None => {
                let frame = self.accessions[accession].frame(number, false)?;
                let mut by_name: AHashMap<(Kind, String), Vec<usize>> = AHashMap::new();
                for index in 0..frame.len() {
                    if let (Some(kind), Some((name, _))) = (frame.kind(index), frame.names(index)) {
                        by_name.entry((kind, name)).or_default().push(index);
                    }
                }
                OpenFrame { accession, number, frame, by_name }
            }
        };
        if self.open.len() == OPEN_MAX {
            self.open.pop_front();
        }
        self.open.push_back(open);
        Ok(&self.open[self.open.len() - 1])
    }
}

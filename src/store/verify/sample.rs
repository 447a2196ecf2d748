//! A sample: records drawn at random, each restored, named, found by its name and held against the directory.
//!
//! Not for: the Merkle root, which needs every record (`contents`).

use super::{Checker, Progress, Report};
use crate::formats::fhir::Tokenizer;
use crate::model::PatientKey;
use crate::store::{Accession, StoreError};

/// Draws `count` records over all accessions, the same for the same seed.
pub(super) fn records(checker: &Checker<'_>, opened: &[(Accession, Vec<String>)], count: u64, seed: u64, report: &mut Report) {
    let all: u64 = opened.iter().map(|(a, _)| a.records()).sum();
    if all == 0 {
        return;
    }
    let mut state = seed;
    for done in 0..count {
        let mut at = draw(&mut state) % all;
        for (accession, _) in opened {
            if at < accession.records() {
                if let Err(error) = record(accession, at) {
                    checker.error(&accession.paths.manifest(), &error);
                }
                break;
            }
            at -= accession.records();
        }
        report.records += 1;
        (checker.progress)(Progress::Records { done: done + 1, of: count });
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, and the same on every machine.
fn draw(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn record(accession: &Accession, ordinal: u64) -> Result<(), StoreError> {
    let damaged = |what: &str| StoreError::damaged(&accession.paths.manifest(), 0, &format!("record {ordinal} {what}"));
    let number = accession.frame_of(ordinal).ok_or_else(|| damaged("lies in no frame"))?;
    let frame = accession.frame(number, true)?;
    let index = (ordinal - frame.first_ordinal()) as usize;
    let text = frame.original(index)?;
    let mut tokenizer = Tokenizer::default();
    tokenizer.cut(&text).map_err(|_| damaged("is no JSON"))?;
    let (kind, (name, _)) = frame.kind(index).zip(frame.names(index)).ok_or_else(|| damaged("has no name"))?;
    let found = accession.find(kind, &name)?;
    if !found.iter().any(|f| f.frame == number && f.index == index) {
        return Err(damaged("is not found by its name"));
    }
    if kind != crate::model::Kind::PATIENT {
        return Ok(());
    }
    let key = PatientKey::parse(&name).ok_or_else(|| damaged("has no key"))?;
    let entry = accession.patient(&key)?;
    let holds = |e: crate::store::directory::PatientEntry| (e.first..e.first + e.count()).contains(&ordinal);
    if entry.is_some_and(holds) { Ok(()) } else { Err(damaged("is a patient that the directory does not lead to")) }
}

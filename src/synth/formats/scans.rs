//! The hospital's documents alone: a folder of files, an index, and the mapping file that explains the index.
//!
//! Not for: reading such folders.

use super::super::SynthError;
use super::super::people::Person;
use super::Writer;
use super::output::Output;
use super::records::Records;

#[derive(Default)]
pub(super) struct Scans {}

impl Writer for Scans {
    fn patient(&mut self, _person: &Person, _records: &Records<'_>, _out: &mut Output) -> Result<(), SynthError> {
        Err(SynthError::NotMade("scans"))
    }

    fn finish(&mut self, _out: &mut Output) -> Result<(), SynthError> {
        Ok(())
    }
}

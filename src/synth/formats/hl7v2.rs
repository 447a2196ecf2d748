//! The hospital as HL7 v2 messages.
//!
//! Not for: reading messages.

use super::super::people::Person;
use super::super::{Options, SynthError};
use super::Writer;
use super::output::Output;
use super::records::Records;

pub(super) struct Messages {}

impl Messages {
    pub fn new(_options: &Options) -> Messages {
        Messages {}
    }
}

impl Writer for Messages {
    fn patient(&mut self, _person: &Person, _records: &Records<'_>, _out: &mut Output) -> Result<(), SynthError> {
        Err(SynthError::NotMade("hl7v2"))
    }

    fn finish(&mut self, _out: &mut Output) -> Result<(), SynthError> {
        Ok(())
    }
}

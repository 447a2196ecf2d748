//! The same hospital in the forms in which old systems leave: what the FHIR records of a patient say, written again.
//!
//! Each form is made of the records that the FHIR delivery would hold, so that all forms tell the same story, and what a
//! form cannot say is left out and nothing else.
//!
//! Not for: what happens to patients, or the FHIR delivery itself (`delivery`).

mod ccda;
mod csv;
mod hl7v2;
mod output;
mod records;
mod scans;

use std::path::Path;

use serde::{Deserialize, Serialize};

use self::output::Output;
use self::records::{Records, Shared};
use super::hospital::Hospital;
use super::manifest::Manifest;
use super::people::{self, Person};
use super::sink::Sink;
use super::{Options, SynthError, delivery};

/// The form of a delivery.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// FHIR R4 bulk NDJSON
    #[default]
    Fhir,
    /// HL7 v2 messages, in batches and dumps
    Hl7v2,
    /// C-CDA documents
    Ccda,
    /// Tables, with a mapping file
    Csv,
    /// Documents alone, with an index and a mapping file
    Scans,
}

/// Writes one form. Patients come in their order, one at a time, so that memory stays bounded.
trait Writer {
    /// What one patient's records say.
    fn patient(&mut self, person: &Person, records: &Records<'_>, out: &mut Output) -> Result<(), SynthError>;

    /// What can only be written when all patients are known.
    fn finish(&mut self, out: &mut Output) -> Result<(), SynthError>;
}

/// Writes a delivery and its manifest. Threads are for FHIR; the other forms are made patient by patient.
pub(super) fn write(dir: &Path, options: &Options, threads: usize) -> Result<Manifest, SynthError> {
    let mut writer: Box<dyn Writer> = match options.format {
        Format::Fhir => return delivery::write(dir, options, threads),
        Format::Hl7v2 => Box::new(hl7v2::Messages::new(options)),
        Format::Ccda => ccda::writer(options)?,
        Format::Csv => csv::writer(options)?,
        Format::Scans => Box::new(scans::Scans::default()),
    };
    let mut out = Output::create(dir, options)?;
    let hospital = Hospital::new(options.seed);
    let mut shared = Sink::default();
    hospital.write(&mut shared);
    let shared = Shared::new(&shared);
    for index in 0..options.patients {
        let person = people::person(options.seed, index);
        let mut sink = Sink::default();
        delivery::one(options, &hospital, index, &mut sink);
        writer.patient(&person, &Records::new(&sink, &shared), &mut out)?;
        out.absorb(&mut sink);
    }
    writer.finish(&mut out)?;
    out.finish(options)
}

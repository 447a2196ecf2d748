//! The files of a delivery that is no NDJSON, with the counts that the manifest states.
//!
//! Not for: what stands in them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::synth::manifest::{Manifest, Planted, Tally};
use crate::synth::sink::{Sink, Type};
use crate::synth::{Options, SynthError, delivery};

/// A delivery in the making.
pub(super) struct Output {
    dir: PathBuf,
    open: BTreeMap<String, BufWriter<File>>,
    tally: Tally,
}

impl Output {
    pub fn create(dir: &Path, options: &Options) -> Result<Output, SynthError> {
        delivery::folder(dir)?;
        Ok(Output { dir: dir.to_path_buf(), open: BTreeMap::new(), tally: Tally::new(options) })
    }

    /// Writes a whole file. Its name may hold folders.
    pub fn file(&mut self, name: &str, bytes: &[u8]) -> Result<(), SynthError> {
        let path = self.dir.join(name);
        self.tally.manifest.bytes += bytes.len() as u64;
        delivery::create(&path)?.write_all(bytes).map_err(|e| delivery::failed(&path, e))
    }

    /// Adds to a file that stays open until the end.
    pub fn append(&mut self, name: &str, bytes: &[u8]) -> Result<(), SynthError> {
        let path = self.dir.join(name);
        self.tally.manifest.bytes += bytes.len() as u64;
        if !self.open.contains_key(name) {
            self.open.insert(name.to_owned(), BufWriter::new(delivery::create(&path)?));
        }
        match self.open.get_mut(name) {
            Some(file) => file.write_all(bytes).map_err(|e| delivery::failed(&path, e)),
            None => Ok(()),
        }
    }

    /// Counts source records of a file, of a kind as the ledger names it (`hl7v2:ORU^R01`, `row:patients`). All are
    /// good ones.
    pub fn count(&mut self, file: &str, kind: &str, records: u64) {
        self.tally.lines(file, Some(kind), records);
        self.tally.manifest.ledger.archived += records;
    }

    /// Counts source records that are used up by others.
    pub fn joined(&mut self, file: &str, kind: &str, records: u64) {
        self.tally.lines(file, Some(kind), records);
        self.tally.manifest.ledger.joined += records;
    }

    /// Counts source records that a rule of the mapping keeps out.
    pub fn excluded(&mut self, file: &str, kind: &str, records: u64) {
        self.tally.lines(file, Some(kind), records);
        self.tally.manifest.ledger.excluded += records;
    }

    /// Counts things that these source records tell, by the FHIR type of each.
    pub fn tell(&mut self, kind: Type, things: u64) {
        *self.tally.manifest.told.entry(kind.name().to_owned()).or_default() += things;
    }

    /// Notes something that was planted.
    pub fn planted(&mut self, planted: Planted) {
        self.tally.manifest.damage.push(planted);
    }

    pub fn absorb(&mut self, sink: &mut Sink) {
        self.tally.absorb(sink);
    }

    pub fn finish(self, options: &Options) -> Result<Manifest, SynthError> {
        for (name, file) in self.open {
            file.into_inner().map_err(|e| delivery::failed(&self.dir.join(name), e.into_error()))?;
        }
        delivery::write_manifest(&self.dir, self.tally.finish(options))
    }
}

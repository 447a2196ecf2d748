//! What lies in an archive, read through the library: for tests that ask what a command left on disk.
//!
//! Not for: what people are shown; that goes through the gate, and tests of it ask a server.

use std::path::Path;

use chartkeep::model::{Kind, Label};
use chartkeep::signing::{KeyPurpose, KeyRing};
use chartkeep::store::ledger::{LedgerRow, read_rows};
use chartkeep::store::manifest::Catalog;
use chartkeep::store::{Accession, catalog, layout::Layout};

/// One archived record.
pub struct Record {
    pub kind: Kind,
    /// As the archive calls it.
    pub id: String,
    /// Its bytes as delivered.
    pub original: Vec<u8>,
    pub label: Label,
}

/// The catalog in force, its chain and signature checked.
pub fn in_force(archive: &Path) -> Catalog {
    let keys = KeyRing::load(archive).expect("the keys read").verifiers(KeyPurpose::Seal);
    catalog::current(&Layout::new(archive), &keys).expect("a catalog is in force").0
}

/// All accessions in force, in the order of their publication.
pub fn accessions(archive: &Path) -> Vec<Accession> {
    let keys = KeyRing::load(archive).expect("the keys read").verifiers(KeyPurpose::Seal);
    let open = |entry| Accession::open(&Layout::new(archive), entry, &keys).expect("the accession opens");
    in_force(archive).accessions.iter().map(open).collect()
}

/// All records of an accession, in the order of their ordinals, every frame's digest checked.
pub fn records(accession: &Accession) -> Vec<Record> {
    let mut records = Vec::new();
    for number in 0..accession.frames() {
        let frame = accession.frame(number, true).expect("the frame reads");
        for index in 0..frame.len() {
            let (id, _) = frame.names(index).expect("a record has a name");
            let original = frame.original(index).expect("a record reads");
            let kind = frame.kind(index).expect("a record has a type");
            records.push(Record { kind, id, original, label: frame.label(index) });
        }
    }
    records
}

/// The ledger of an accession.
pub fn ledger(accession: &Accession) -> Vec<LedgerRow> {
    let mut rows = Vec::new();
    read_rows(&accession.paths().ledger(), |row| rows.push(row)).expect("the ledger reads");
    rows
}

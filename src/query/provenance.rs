//! How accessions came into the archive: totals and digests of their seals, without record content.
//!
//! Not for: the reconciliation report of a delivery (`Archive::accessions`), or one record's way (`origin`).

use super::snapshot::Archive;
use crate::model::ChartIndex;
use crate::store::manifest::LedgerTotals;

/// What the seal of an accession says of its origin.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Provenance {
    pub accession: String,
    pub source_system: String,
    /// Newest clinical day, `YYYY-MM-DD`.
    pub data_to: Option<String>,
    /// RFC 3339, UTC.
    pub sealed_at: String,
    /// Software that read the delivery.
    pub made_by: String,
    /// Name and version of the mapping, and the digest of its file; empty when nothing was mapped.
    pub mapping: String,
    pub mapping_sha256: String,
    /// The zone in which times without an offset were read.
    pub time_zone: String,
    /// Resources that were made of mapped source records.
    pub derived: u64,
    pub delivery_sha256: String,
    pub records: u64,
    /// Hex.
    pub merkle_root: String,
    pub ledger: LedgerTotals,
}

impl Archive {
    /// The seals of the accessions of a chart's sources: of the sources that its index names, and of no other.
    pub fn deliveries_of(&self, index: &ChartIndex) -> Vec<Provenance> {
        let named = |source: &str| index.coverage.iter().any(|of| *of.source_system == *source);
        let snapshot = self.snapshot();
        let seals = snapshot.accessions.iter().map(|accession| &accession.seal);
        let ids: Vec<&str> = seals.filter(|seal| named(&seal.source_system)).map(|seal| seal.accession.as_str()).collect();
        self.provenance(&ids)
    }

    /// The seals of accessions in force, in the order of publication. They hold no record content, so no permit is asked for.
    pub fn provenance(&self, accessions: &[&str]) -> Vec<Provenance> {
        let snapshot = self.snapshot();
        let seals = snapshot.accessions.iter().map(|accession| &accession.seal);
        seals
            .filter(|seal| accessions.contains(&seal.accession.as_str()))
            .map(|seal| Provenance {
                accession: seal.accession.clone(),
                source_system: seal.source_system.clone(),
                data_to: seal.data_to.clone(),
                sealed_at: seal.sealed_at.clone(),
                made_by: seal.made_by.clone(),
                mapping: seal.derived.mapping.clone(),
                mapping_sha256: seal.derived.mapping_sha256.clone(),
                time_zone: seal.derived.time_zone.clone(),
                derived: seal.derived.made,
                delivery_sha256: seal.delivery_sha256.clone(),
                records: seal.records,
                merkle_root: seal.merkle_root.clone(),
                ledger: seal.ledger,
            })
            .collect()
    }
}

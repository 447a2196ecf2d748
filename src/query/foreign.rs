//! Whom another system's id of a patient means: its EHR's, as a launch or a token names him.
//!
//! Not for: telling people alike by their names. An id that cannot be placed, or that several patients have, is nobody's.

use super::QueryError;
use super::record::record_at;
use super::snapshot::Archive;
use crate::access::Filter;
use crate::identity::{Crosswalk, Known, Row, Status};
use crate::model::{Kind, PatientKey, archive_id};

/// Most patients that are compared with one id.
const CANDIDATES_MAX: usize = 50;

impl Archive {
    /// The patient of the archive whom `id` means in `namespace`: a source system, or the namespace of an identifier as
    /// crosswalk files name it. An id that statements alone know leads to the person whom they give it to or link it with; what
    /// they say goes before what records say. Says nothing about whether he may be seen: what a caller does with the key needs a permit.
    pub fn patient_named(&self, namespace: &str, id: &str) -> Result<Option<PatientKey>, QueryError> {
        let snapshot = self.snapshot();
        if snapshot.identity.names_number(namespace, id) {
            return Ok(snapshot.identity.numbered(namespace, id));
        }
        let own = PatientKey(archive_id(namespace, "Patient", id));
        let mut candidates = snapshot.identity.person(&own);
        if let Some(searcher) = &snapshot.searcher {
            let hits = searcher.find_patients(id, &Filter::default(), 0, CANDIDATES_MAX)?;
            candidates.extend(hits.hits.into_iter().map(|hit| hit.patient.key));
        }
        let row = Row {
            number: 0,
            local: id.to_string(),
            authority: namespace.to_string(),
            enterprise: String::new(),
            status: Status::Active,
        };
        let mut known = Known::new(&Crosswalk { rows: vec![row.clone()], bad: Vec::new() });
        let mut archived = Vec::new();
        for key in &candidates {
            for accession in &snapshot.accessions {
                for found in accession.find(Kind::PATIENT, key.as_str())? {
                    let frame = accession.frame(found.frame, false)?;
                    let Some(record) = record_at(accession, &frame, found.index, None) else { continue };
                    let json = serde_json::from_str(&record.json).unwrap_or_default();
                    known.add(key, &record.source_system, &record.original_id, &json);
                    if !archived.contains(key) {
                        archived.push(key.clone());
                    }
                }
            }
        }
        match known.find(&row) {
            Ok(key) => Ok(Some(key.clone())),
            Err(crate::identity::Trouble::Ambiguous) => Ok(None),
            // Linked by a statement, and never delivered itself: any key of the person opens his chart.
            Err(_) => Ok(snapshot.identity.person(&own).into_iter().find(|key| archived.contains(key))),
        }
    }
}

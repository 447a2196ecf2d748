//! Where a patient was: the visits of a chart, each with the names of its place. For who compares users' departments with
//! those that treated a patient.
//!
//! What is read here goes to no screen, so a maintenance permit is enough, and hidden visits count. Not for: showing visits
//! (`chart`).

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;

use super::QueryError;
use super::part::Part;
use super::record::record_at;
use super::snapshot::{Archive, Snapshot};
use super::wanted::Selection;
use crate::access::{Filter, Maintenance};
use crate::limits::PLACE_NAMES_MAX;
use crate::model::{ArchiveId, Kind, PatientKey};

/// One visit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Visit {
    /// Of its wards and rooms, and of the organization that gave the care, as recorded.
    pub places: Vec<Arc<str>>,
    /// The last day that it touches, `YYYY-MM-DD` or shorter.
    pub day: String,
}

/// Visits of an archive as it stands. Names of places are looked up once.
pub struct Visits {
    snapshot: Arc<Snapshot>,
    encounter: Kind,
    names: HashMap<String, Option<Arc<str>>>,
}

impl Archive {
    /// The visits of patients, for marks that are compared and never shown.
    pub fn visits(&self, _permit: &Maintenance) -> Result<Visits, QueryError> {
        let encounter = Kind::from_name("Encounter").ok_or(QueryError::NotFound)?;
        Ok(Visits { snapshot: self.snapshot(), encounter, names: HashMap::new() })
    }
}

/// What is read of an Encounter.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Encounter {
    location: Vec<At>,
    #[serde(rename = "serviceProvider")]
    provider: Reference,
    period: Period,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct At {
    location: Reference,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Reference {
    reference: Option<String>,
    display: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Period {
    start: Option<String>,
    end: Option<String>,
}

/// What is read of a Location or an Organization.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Place {
    name: Option<String>,
}

impl Visits {
    /// The visits recorded under one key, oldest first within an accession. Reads the part of the chart that holds them.
    pub fn of(&mut self, patient: &PatientKey) -> Result<Vec<Visit>, QueryError> {
        let snapshot = self.snapshot.clone();
        let (filter, selection) = (Filter::default(), Selection { kinds: vec![self.encounter], newest: None });
        let mut found: Vec<Encounter> = Vec::new();
        for accession in &snapshot.accessions {
            let Some(part) = Part::of(&snapshot, accession, patient, &filter)? else { continue };
            part.visit(&selection, &filter, &mut |frame, at| {
                let record = record_at(accession, frame, at, None);
                found.extend(record.and_then(|record| serde_json::from_str::<Encounter>(&record.json).ok()));
                Ok(())
            })?;
        }
        found.into_iter().map(|encounter| self.visit(encounter)).collect()
    }

    fn visit(&mut self, encounter: Encounter) -> Result<Visit, QueryError> {
        let mut places: Vec<Arc<str>> = Vec::new();
        for reference in encounter.location.into_iter().map(|at| at.location).chain([encounter.provider]) {
            let name = reference.reference.as_deref().map(|reference| self.name(reference)).transpose()?.flatten();
            for name in reference.display.map(Arc::from).into_iter().chain(name) {
                if !places.contains(&name) {
                    places.push(name);
                }
            }
        }
        let day = encounter.period.end.or(encounter.period.start).unwrap_or_default();
        Ok(Visit { places, day: day.get(..10).unwrap_or(&day).to_string() })
    }

    /// The name of the place or organization that a reference leads to.
    fn name(&mut self, reference: &str) -> Result<Option<Arc<str>>, QueryError> {
        if let Some(known) = self.names.get(reference) {
            return Ok(known.clone());
        }
        let target = reference.split_once('/').and_then(|(kind, id)| Some((Kind::from_name(kind)?, ArchiveId::parse(id)?)));
        let mut name = None;
        if let Some((kind, id)) = target {
            for accession in &self.snapshot.accessions {
                for found in accession.find(kind, id.as_str())? {
                    let frame = accession.frame(found.frame, false)?;
                    let record = record_at(accession, &frame, found.index, None);
                    name = record.and_then(|record| serde_json::from_str::<Place>(&record.json).ok()?.name).or(name);
                }
            }
        }
        let name: Option<Arc<str>> = name.map(Arc::from);
        // Departments are few. Where every bed is a place of its own, looking some of them up again is the lesser harm.
        if self.names.len() < PLACE_NAMES_MAX {
            self.names.insert(reference.to_string(), name.clone());
        }
        Ok(name)
    }
}

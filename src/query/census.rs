//! How many records of each kind and group each source has in a chart, counted under the permit's filter: for the
//! navigation, whose counts have to be those of the pages. And which records were corrected.
//!
//! Not for: the records themselves (`chart`); the index of a chart, which knows kinds alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use ahash::AHashMap;

use super::QueryError;
use super::chart::visit_chart;
use super::snapshot::Archive;
use super::wanted::Selection;
use crate::access::Permit;
use crate::formats::fhir::{Shape, leaf_text};
use crate::limits::CORRECTIONS_LISTED_MAX;
use crate::model::{ArchiveId, Kind, PatientKey};

/// What tells records of one kind apart that stand in different sections.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Group {
    #[default]
    Plain,
    Laboratory,
    Vitals,
    Social,
    Imaging,
}

impl Group {
    /// By the codes of a record's categories, the first that says something.
    pub fn of<'a>(kind: &str, mut categories: impl Iterator<Item = &'a str>) -> Group {
        let known = |code: &str| match (kind, code) {
            ("Observation", "laboratory" | "LAB") => Some(Group::Laboratory),
            ("Observation", "vital-signs") => Some(Group::Vitals),
            ("Observation", "social-history") => Some(Group::Social),
            ("DiagnosticReport", "RAD" | "imaging" | "RUS" | "CT" | "CUS" | "NMR" | "NMS" | "RX" | "VUS" | "LP29684-5") => {
                Some(Group::Imaging)
            }
            _ => None,
        };
        categories.find_map(known).unwrap_or_default()
    }
}

/// The counts of one chart.
#[derive(Clone, Debug, Default)]
pub struct Census {
    /// By source system, kind and group; each record once, by its current version.
    counts: BTreeMap<(Arc<str>, Kind, Group), u64>,
    /// Records of which there are several versions or whose status says that they were changed or withdrawn, by source.
    corrections: BTreeMap<Arc<str>, u64>,
    /// The same by name, in the order of the chart.
    corrected: Vec<(Arc<str>, Kind, ArchiveId)>,
}

impl Census {
    /// Of made-up counts.
    #[cfg(test)]
    pub fn of<'a>(counts: impl IntoIterator<Item = (&'a str, Kind, Group, u64)>) -> Census {
        let counts = counts.into_iter().map(|(source, kind, group, n)| ((Arc::from(source), kind, group), n)).collect();
        Census { counts, ..Census::default() }
    }

    /// Records of one source, or of all, that `is_wanted`.
    pub fn count(&self, source: Option<&str>, is_wanted: impl Fn(Kind, Group) -> bool) -> u64 {
        let of_source = |of: &str| source.is_none_or(|source| source == of);
        self.counts.iter().filter(|((of, kind, group), _)| of_source(of) && is_wanted(*kind, *group)).map(|(_, n)| n).sum()
    }

    /// The kinds that one source, or all, have, with their counts.
    pub fn kinds(&self, source: Option<&str>) -> BTreeMap<Kind, u64> {
        let mut kinds = BTreeMap::new();
        for ((of, kind, _), n) in &self.counts {
            if source.is_none_or(|source| source == &**of) {
                *kinds.entry(*kind).or_default() += n;
            }
        }
        kinds
    }

    pub fn corrections(&self, source: Option<&str>) -> u64 {
        self.corrections.iter().filter(|(of, _)| source.is_none_or(|source| source == &***of)).map(|(_, n)| n).sum()
    }

    /// Names of corrected records.
    pub fn corrected(&self, source: Option<&str>) -> impl Iterator<Item = (Kind, &ArchiveId)> {
        let source = source.map(str::to_string);
        let of_source = move |of: &str| source.as_deref().is_none_or(|source| source == of);
        self.corrected.iter().filter(move |(of, _, _)| of_source(of)).map(|(_, kind, id)| (*kind, id))
    }
}

/// A record as it was met.
struct Met {
    source: Arc<str>,
    group: Group,
    is_corrected: bool,
}

impl Archive {
    /// Counts a chart. Scope: `Chart` of this patient, or `Everything`.
    pub fn census(&self, permit: &Permit, patient: &PatientKey) -> Result<Census, QueryError> {
        let snapshot = self.snapshot();
        let mut met: AHashMap<(Kind, String), usize> = AHashMap::new();
        let mut all: Vec<((Kind, String), Met)> = Vec::new();
        visit_chart(&snapshot, permit, patient, &Selection::default(), &mut |accession, frame, at| {
            let (Some(kind), Some((id, _))) = (frame.kind(at), frame.names(at)) else { return Ok(()) };
            let (group, is_corrected) = frame.view(at, |shape, leaf| read(kind, shape, leaf)).unwrap_or_default();
            let mut found = Met { source: accession.source_system.clone(), group, is_corrected };
            match met.get(&(kind, id.clone())).and_then(|place| all.get_mut(*place)) {
                // Accessions come in the order of publication: the later version is the current one.
                Some((_, held)) => {
                    found.is_corrected = true;
                    *held = found;
                }
                None => {
                    met.insert((kind, id.clone()), all.len());
                    all.push(((kind, id), found));
                }
            }
            Ok(())
        })?;
        let mut census = Census::default();
        for ((kind, id), found) in all {
            *census.counts.entry((found.source.clone(), kind, found.group)).or_default() += 1;
            if found.is_corrected {
                *census.corrections.entry(found.source.clone()).or_default() += 1;
                let id = ArchiveId::parse(&id).filter(|_| census.corrected.len() < CORRECTIONS_LISTED_MAX);
                census.corrected.extend(id.map(|id| (found.source, kind, id)));
            }
        }
        Ok(census)
    }
}

/// The group of a record and whether its status says that it was corrected.
fn read<'x>(kind: Kind, shape: &Shape, leaf: &dyn Fn(usize) -> Option<&'x [u8]>) -> (Group, bool) {
    let text = |at: usize| leaf(at).map(|bytes| leaf_text(bytes).into_owned());
    let is_grouped = matches!(kind.name(), "Observation" | "DiagnosticReport");
    let (mut categories, mut is_corrected) = (Vec::new(), false);
    for (at, path) in shape.paths().iter().enumerate() {
        let path: &str = path;
        if is_grouped && path.starts_with("category") && path.contains(".coding") && path.ends_with(".code") {
            categories.extend(text(at));
        } else if path == "status" || path == "docStatus" || (path.starts_with("verificationStatus") && path.ends_with(".code")) {
            is_corrected |= text(at).is_some_and(|status| is_correction(&status));
        }
    }
    (Group::of(kind.name(), categories.iter().map(String::as_str)), is_corrected)
}

/// Whether a status says that a record was changed after it had been given out, or withdrawn.
pub fn is_correction(status: &str) -> bool {
    matches!(status, "entered-in-error" | "amended" | "corrected" | "appended")
}

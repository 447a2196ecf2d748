//! The sections of a chart and the navigation with their counts.
//!
//! Not for: what a section shows (`sections`).

use askama::Template;

use crate::model::{Chart, ChartIndex, Kind};

use super::fhir::Item;
use super::frame::Frame;
use super::series::Category;
use super::text;

/// A section of the chart; each has its own page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Section {
    Summary,
    Problems,
    Allergies,
    Medications,
    Results,
    Vitals,
    Immunizations,
    Encounters,
    Procedures,
    Notes,
    Reports,
    Everything,
}

impl Section {
    pub const ALL: [Section; 12] = [
        Section::Summary,
        Section::Problems,
        Section::Allergies,
        Section::Medications,
        Section::Results,
        Section::Vitals,
        Section::Immunizations,
        Section::Encounters,
        Section::Procedures,
        Section::Notes,
        Section::Reports,
        Section::Everything,
    ];

    /// The last part of the section's address; the summary has none.
    pub fn slug(self) -> &'static str {
        match self {
            Section::Summary => "",
            Section::Problems => "problems",
            Section::Allergies => "allergies",
            Section::Medications => "medications",
            Section::Results => "results",
            Section::Vitals => "vitals",
            Section::Immunizations => "immunizations",
            Section::Encounters => "encounters",
            Section::Procedures => "procedures",
            Section::Notes => "notes",
            Section::Reports => "reports",
            Section::Everything => "everything",
        }
    }

    pub fn from_slug(slug: &str) -> Option<Section> {
        Section::ALL.into_iter().find(|s| s.slug() == slug)
    }

    pub fn title(self) -> &'static str {
        match self {
            Section::Summary => "Summary",
            Section::Problems => "Problems",
            Section::Allergies => "Allergies",
            Section::Medications => "Medications",
            Section::Results => "Results",
            Section::Vitals => "Vital signs",
            Section::Immunizations => "Immunizations",
            Section::Encounters => "Encounters",
            Section::Procedures => "Procedures",
            Section::Notes => "Notes and documents",
            Section::Reports => "Reports",
            Section::Everything => "Everything",
        }
    }

    fn kind_names(self) -> &'static [&'static str] {
        match self {
            Section::Summary | Section::Everything => &[],
            Section::Problems => &["Condition"],
            Section::Allergies => &["AllergyIntolerance"],
            Section::Medications => {
                &["MedicationRequest", "MedicationStatement", "MedicationAdministration", "MedicationDispense"]
            }
            Section::Results | Section::Vitals => &["Observation"],
            Section::Immunizations => &["Immunization"],
            Section::Encounters => &["Encounter"],
            Section::Procedures => &["Procedure"],
            Section::Notes => &["DocumentReference", "Composition"],
            Section::Reports => &["DiagnosticReport", "ImagingStudy"],
        }
    }

    pub(super) fn kinds_shown(self) -> &'static [&'static str] {
        self.kind_names()
    }

    /// The kinds that a page of this section needs in `Chart::records`; empty: all. The banner's allergies are among
    /// them, since they stand on every page.
    pub fn kinds(self) -> Vec<Kind> {
        let mut names = match self {
            Section::Summary => vec![
                "Condition",
                "MedicationRequest",
                "MedicationStatement",
                "Observation",
                "DiagnosticReport",
                "DocumentReference",
                "Encounter",
                "Immunization",
                "Procedure",
            ],
            Section::Everything => return Vec::new(),
            Section::Results => vec!["Observation", "DiagnosticReport"],
            other => other.kind_names().to_vec(),
        };
        names.extend(["AllergyIntolerance", "Patient"]);
        names.sort_unstable();
        names.dedup();
        names.into_iter().filter_map(Kind::from_name).collect()
    }
}

/// The navigation at the left of a chart.
#[derive(Template)]
#[template(path = "parts/nav.html")]
pub struct ChartNav {
    pub base: String,
    pub items: Vec<NavItem>,
}

impl askama::filters::HtmlSafe for ChartNav {}

pub struct NavItem {
    pub section: Section,
    pub href: String,
    /// Thousands set apart; `None` when it is not known without reading more.
    pub count: Option<String>,
    pub current: bool,
}

impl ChartNav {
    pub fn new(frame: &Frame, chart: &Chart, current: Option<Section>) -> ChartNav {
        let observed = frame.observations.or_else(|| observations(chart));
        let base = format!("/patients/{}", chart.index.patient);
        let item = |section: Section| NavItem {
            section,
            href: if section == Section::Summary { base.clone() } else { format!("{base}/{}", section.slug()) },
            count: section_count(chart, section, observed).map(text::count),
            current: current == Some(section),
        };
        ChartNav { items: Section::ALL.into_iter().map(item).collect(), base }
    }
}

/// Records of these kinds in the whole chart.
pub fn held(index: &ChartIndex, kinds: &[&str]) -> u64 {
    index.counts.iter().filter(|c| kinds.contains(&c.kind.name())).map(|c| c.count).sum()
}

/// All records of the chart.
pub fn held_in_all(index: &ChartIndex) -> u64 {
    index.counts.iter().map(|c| c.count).sum()
}

fn section_count(chart: &Chart, section: Section, observed: Option<(u64, u64)>) -> Option<u64> {
    match section {
        Section::Summary => None,
        Section::Everything => Some(held_in_all(&chart.index)),
        Section::Results => observed.map(|(laboratory, _)| laboratory),
        Section::Vitals => observed.map(|(_, vitals)| vitals),
        other => Some(held(&chart.index, other.kind_names())),
    }
}

/// Laboratory results and vital signs, when all observations are at hand to be told apart.
pub fn observations(chart: &Chart) -> Option<(u64, u64)> {
    let held = held(&chart.index, &["Observation"]);
    if held == 0 {
        return Some((0, 0));
    }
    let at_hand: Vec<_> = chart.records.iter().filter(|r| r.kind.name() == "Observation").collect();
    if at_hand.len() as u64 != held {
        return None;
    }
    let (mut laboratory, mut vitals) = (0, 0);
    for record in at_hand {
        match Category::of(Item::new(record).root()) {
            Category::Laboratory => laboratory += 1,
            Category::Vitals => vitals += 1,
            Category::Other => {}
        }
    }
    Some((laboratory, vitals))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_section_is_found_by_its_slug_and_asks_for_the_banner() {
        for section in Section::ALL {
            assert_eq!(Section::from_slug(section.slug()), Some(section));
            let kinds = section.kinds();
            assert!(section == Section::Everything || kinds.iter().any(|k| k.name() == "AllergyIntolerance"));
        }
        assert_eq!(Section::from_slug("secrets"), None);
    }
}

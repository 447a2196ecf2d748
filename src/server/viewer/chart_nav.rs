//! The sections of a chart and the navigation with their counts.
//!
//! Not for: what a section shows (`sections`).

use askama::Template;

use crate::model::{Chart, ChartIndex, Kind};

use super::fhir::Node;
use super::frame::Frame;
use super::text;
use crate::query::{Census, Group};

/// A section of the chart; each has its own page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Section {
    Summary,
    Timeline,
    Problems,
    Allergies,
    Medications,
    Results,
    Vitals,
    Immunizations,
    Encounters,
    Procedures,
    Notes,
    Imaging,
    Reports,
    Orders,
    CareTeam,
    Family,
    Directives,
    Billing,
    Corrections,
    Audit,
    Origins,
    Everything,
}

/// Section, slug, title, and the kinds of record that stand in it.
type Entry = (Section, &'static str, &'static str, &'static [&'static str]);

const SECTIONS: [Entry; 22] = [
    (Section::Summary, "", "Summary", &[]),
    (Section::Timeline, "timeline", "Timeline", &[]),
    (Section::Problems, "problems", "Problems", &["Condition"]),
    (Section::Allergies, "allergies", "Allergies", &["AllergyIntolerance"]),
    (
        Section::Medications,
        "medications",
        "Medications",
        &["MedicationRequest", "MedicationStatement", "MedicationAdministration", "MedicationDispense"],
    ),
    (Section::Results, "results", "Results", &["Observation"]),
    (Section::Vitals, "vitals", "Vital signs", &["Observation"]),
    (Section::Immunizations, "immunizations", "Immunizations", &["Immunization"]),
    (Section::Encounters, "encounters", "Encounters", &["Encounter"]),
    (Section::Procedures, "procedures", "Procedures", &["Procedure"]),
    (Section::Notes, "notes", "Notes and documents", &["DocumentReference", "Composition"]),
    (Section::Imaging, "imaging", "Imaging reports", &["DiagnosticReport", "ImagingStudy"]),
    (Section::Reports, "reports", "Other reports", &["DiagnosticReport"]),
    (Section::Orders, "orders", "Orders", &["ServiceRequest", "MedicationRequest", "DeviceRequest", "NutritionOrder"]),
    (Section::CareTeam, "care-team", "Care team and plans", &["CareTeam", "CarePlan", "Goal", "EpisodeOfCare", "RelatedPerson"]),
    (Section::Family, "family-social", "Family and social", &["FamilyMemberHistory", "Observation"]),
    (Section::Directives, "directives", "Directives and consents", &["Consent"]),
    (
        Section::Billing,
        "billing",
        "Billing",
        &["Claim", "ClaimResponse", "ExplanationOfBenefit", "ChargeItem", "Account", "Coverage", "Invoice"],
    ),
    (Section::Corrections, "corrections", "Corrections", &[]),
    (Section::Audit, "old-audit", "Old system audit trail", &["AuditEvent", "Provenance"]),
    (Section::Origins, "origins", "Record origins", &[]),
    (Section::Everything, "everything", "Everything else", &[]),
];

impl Section {
    /// In the order of the navigation.
    pub fn all() -> impl Iterator<Item = Section> {
        SECTIONS.iter().map(|entry| entry.0)
    }

    fn entry(self) -> &'static Entry {
        SECTIONS.iter().find(|entry| entry.0 == self).unwrap_or(&SECTIONS[0])
    }

    /// The last part of the section's address; the summary has none.
    pub fn slug(self) -> &'static str {
        self.entry().1
    }

    pub fn from_slug(slug: &str) -> Option<Section> {
        Section::all().find(|s| s.slug() == slug)
    }

    pub fn title(self) -> &'static str {
        self.entry().2
    }

    pub(super) fn kinds_shown(self) -> &'static [&'static str] {
        self.entry().3
    }

    /// Whether a record of this kind and group stands in the section.
    pub fn holds(self, kind: Kind, group: Group) -> bool {
        let of_group = match (self, kind.name()) {
            (Section::Everything, _) => return true,
            (Section::Results, _) => group == Group::Laboratory,
            (Section::Vitals, _) => group == Group::Vitals,
            (Section::Family, "Observation") => group == Group::Social,
            (Section::Imaging, "DiagnosticReport") => group == Group::Imaging,
            (Section::Reports, _) => group != Group::Imaging,
            _ => true,
        };
        of_group && self.kinds_shown().contains(&kind.name())
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
            other => other.kinds_shown().to_vec(),
        };
        names.extend(["AllergyIntolerance", "Patient"]);
        names.sort_unstable();
        names.dedup();
        names.into_iter().filter_map(Kind::from_name).collect()
    }
}

/// The group of a record by its own categories.
pub fn group_of(kind: &str, root: Node<'_>) -> Group {
    let codes: Vec<String> =
        root.at("category").items().flat_map(|c| c.at("coding").items()).filter_map(|c| c.at("code").text()).collect();
    Group::of(kind, codes.iter().map(String::as_str))
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
    /// Thousands set apart; `None` when the section has none to count, or the chart could not be counted.
    pub count: Option<String>,
    pub current: bool,
}

impl ChartNav {
    pub fn new(frame: &Frame, chart: &Chart, current: Option<Section>) -> ChartNav {
        let base = format!("/patients/{}", chart.index.patient);
        let kept = frame.only.as_deref().map_or_else(String::new, |only| format!("?source={}", frame.badge(only).letters));
        let item = |section: Section| {
            let path = if section == Section::Summary { base.clone() } else { format!("{base}/{}", section.slug()) };
            NavItem {
                section,
                href: format!("{path}{kept}"),
                count: section_count(frame, chart, section).map(text::count),
                current: current == Some(section),
            }
        };
        ChartNav { items: Section::all().map(item).collect(), base }
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

/// How many records a section has, of the source that was asked for or of all. Without a census only whole kinds are known.
pub fn section_count(frame: &Frame, chart: &Chart, section: Section) -> Option<u64> {
    let only = frame.only.as_deref();
    let known = |census: &Census| match section {
        Section::Corrections => census.corrections(only),
        other => census.count(only, |kind, group| other.holds(kind, group)),
    };
    match (section, &frame.census) {
        (Section::Summary | Section::Timeline | Section::Origins, _) => None,
        (_, Some(census)) => Some(known(census)),
        (Section::Everything, None) => Some(held_in_all(&chart.index)),
        (
            Section::Results | Section::Vitals | Section::Family | Section::Imaging | Section::Reports | Section::Corrections,
            None,
        ) => None,
        (other, None) => Some(held(&chart.index, other.kinds_shown())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_section_is_found_by_its_slug_and_asks_for_the_banner() {
        for section in Section::all() {
            assert_eq!(Section::from_slug(section.slug()), Some(section));
            let kinds = section.kinds();
            assert!(section == Section::Everything || kinds.iter().any(|k| k.name() == "AllergyIntolerance"));
            for name in section.kinds_shown() {
                assert!(Kind::from_name(name).is_some(), "{name}");
            }
        }
        assert_eq!(Section::from_slug("secrets"), None);
    }

    #[test]
    fn an_observation_or_a_report_stands_in_one_section() {
        let named = |name| Kind::from_name(name).unwrap();
        let of =
            |kind, group| Section::all().filter(|s| *s != Section::Everything && s.holds(named(kind), group)).collect::<Vec<_>>();
        assert_eq!(of("Observation", Group::Laboratory), [Section::Results]);
        assert_eq!(of("Observation", Group::Social), [Section::Family]);
        assert_eq!(of("Observation", Group::Plain), []);
        assert_eq!(of("DiagnosticReport", Group::Imaging), [Section::Imaging]);
        assert_eq!(of("DiagnosticReport", Group::Plain), [Section::Reports]);
    }
}

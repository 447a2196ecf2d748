//! Where each record of a chart stands in the document: one section, and exactly one.
//!
//! The kind decides, for some kinds with the record's own categories and codes. What no section is made for is listed under
//! "Additional archived records", so that no record is lost in silence.
//!
//! Not for: what a section says about a record (the section's own file).

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::formats::fhir::node::Node;
use crate::render::ccd::chart::Item;

/// A part of the document that records stand in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// The patient: the header says who it is.
    Header,
    Allergies,
    Medications,
    Problems,
    Results,
    VitalSigns,
    Procedures,
    Immunizations,
    SocialHistory,
    Encounters,
    Plan,
    Goals,
    CareTeam,
    FamilyHistory,
    FunctionalStatus,
    MentalStatus,
    Equipment,
    Payers,
    Notes,
    AdvanceDirectives,
    HealthConcerns,
    Assessment,
    /// Of a kind that no section is made for.
    Additional,
}

/// The place of a record.
pub fn section_of(item: &Item<'_>) -> Place {
    let root = item.root();
    match item.kind {
        "Patient" => Place::Header,
        "AllergyIntolerance" => Place::Allergies,
        "Condition" => condition(root),
        "MedicationRequest" | "MedicationStatement" | "MedicationAdministration" | "MedicationDispense" => Place::Medications,
        "Immunization" => Place::Immunizations,
        "Observation" => observation(root),
        "DiagnosticReport" => Place::Results,
        "Procedure" => Place::Procedures,
        // A visit that was only planned has not been.
        "Encounter" if root.at("status").text().as_deref() == Some("planned") => Place::Plan,
        "Encounter" | "EpisodeOfCare" => Place::Encounters,
        "CarePlan"
        | "ServiceRequest"
        | "Appointment"
        | "AppointmentResponse"
        | "DeviceRequest"
        | "NutritionOrder"
        | "CommunicationRequest"
        | "RequestGroup"
        | "Task"
        | "ImmunizationRecommendation"
        | "VisionPrescription"
        | "SupplyRequest" => Place::Plan,
        "Goal" => Place::Goals,
        "CareTeam" => Place::CareTeam,
        "FamilyMemberHistory" => Place::FamilyHistory,
        "QuestionnaireResponse" => questionnaire(root),
        "Device" | "DeviceUseStatement" | "SupplyDelivery" => Place::Equipment,
        "Coverage" => Place::Payers,
        "DocumentReference" | "Composition" | "DocumentManifest" => Place::Notes,
        "Consent" if is_directive(root) => Place::AdvanceDirectives,
        "Flag" | "DetectedIssue" => Place::HealthConcerns,
        "ClinicalImpression" | "RiskAssessment" => Place::Assessment,
        _ => Place::Additional,
    }
}

/// The records of each place that the request asks for, in the order of the document.
pub type Places<'a> = HashMap<Place, Vec<Item<'a>>>;

/// A concern that stands on no list of problems and was no diagnosis of a visit.
fn condition(root: Node<'_>) -> Place {
    let is = |code: &str| has_category(root, &[code]);
    match is("health-concern") && !is("problem-list-item") && !is("encounter-diagnosis") {
        true => Place::HealthConcerns,
        false => Place::Problems,
    }
}

fn observation(root: Node<'_>) -> Place {
    let listed = codings(root.at("code")).find_map(|(_, code)| TABLE.get(code.as_str()).copied());
    if has_category(root, &["vital-signs"]) {
        return Place::VitalSigns;
    }
    // A scale that a laboratory or a ward files as its result stays there.
    let is_result = has_category(root, &["laboratory", "imaging", "procedure", "exam", "therapy"]);
    let is_told = has_category(root, &["survey", "social-history", "functional-status", "disability-status", "cognitive-status"]);
    if has_category(root, &["42348-3", "observation-adi-documentation"])
        || has_category(root, &["treatment-intervention-preference", "care-experience-preference"])
    {
        return Place::AdvanceDirectives;
    }
    if let Some(place) = listed.filter(|_| is_told || !is_result) {
        return place;
    }
    if has_category(root, &["social-history", "sdoh"]) {
        Place::SocialHistory
    } else if has_category(root, &["cognitive-status"]) {
        Place::MentalStatus
    } else if is_told {
        Place::FunctionalStatus
    } else {
        Place::Results
    }
}

/// By the first question whose code is in a list.
fn questionnaire(root: Node<'_>) -> Place {
    let mut waiting: Vec<Node<'_>> = root.at("item").items().collect();
    waiting.reverse();
    let named = root.at("questionnaire").text().unwrap_or_default();
    if let Some(place) = named.rsplit('/').next().and_then(|code| TABLE.get(code)) {
        return *place;
    }
    // Bounded by the record itself, which was read without recursion.
    while let Some(item) = waiting.pop() {
        let link = item.at("linkId").text().unwrap_or_default();
        if let Some(place) = TABLE.get(link.trim_start_matches('/')) {
            return *place;
        }
        let below = waiting.len();
        waiting.extend(item.at("item").items());
        waiting[below..].reverse();
    }
    Place::FunctionalStatus
}

/// Whether a Consent is about care that is wanted or not, and no permission to use data.
fn is_directive(root: Node<'_>) -> bool {
    const CODES: [&str; 7] = ["adr", "acd", "dnr", "emrgonly", "hcd", "hpowatt", "polst"];
    let is = |code: &str| CODES.contains(&code) || TABLE.get(code) == Some(&Place::AdvanceDirectives);
    let mut said = std::iter::once(root.at("scope")).chain(root.at("category").items());
    said.any(|concept| codings(concept).any(|(_, code)| is(&code)))
}

/// Whether a record has one of these categories.
pub fn has_category(root: Node<'_>, any: &[&str]) -> bool {
    root.at("category").items().any(|category| codings(category).any(|(_, code)| any.contains(&code.as_str())))
}

/// System (empty when not given) and code of each coding of a concept.
pub fn codings<'a>(concept: Node<'a>) -> impl Iterator<Item = (String, String)> + 'a {
    let coding = concept.at("coding");
    let listed = coding.value().and_then(serde_json::Value::as_array).map_or(&[][..], Vec::as_slice);
    let alone = coding.value().filter(|value| value.is_object());
    let pair = |coding: Node<'a>| Some((coding.at("system").text().unwrap_or_default(), coding.at("code").text()?));
    listed.iter().chain(alone).map(Node::new).filter_map(pair)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    list: Vec<List>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    place: Place,
    /// For the reader of the file.
    #[serde(rename = "why")]
    _why: serde::de::IgnoredAny,
    #[serde(default)]
    loinc: Vec<String>,
    #[serde(default)]
    snomed: Vec<String>,
}

/// Place by code. LOINC codes have a hyphen and SNOMED CT codes have none, so that they cannot meet.
static TABLE: LazyLock<HashMap<String, Place>> = LazyLock::new(|| {
    let file: File = toml::from_str(include_str!("../../../../schemas/ccda/surveys.toml"))
        .expect("the lists are part of the program, and a test reads them");
    let codes = file.list.into_iter().flat_map(|list| {
        let place = list.place;
        list.loinc.into_iter().chain(list.snomed).map(move |code| (code, place))
    });
    codes.collect()
});

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn place(value: &Value) -> Place {
        let kind = value["resourceType"].as_str().unwrap();
        section_of(&Item { kind, id: "1", value, source: "Old", encounter: None })
    }

    #[test]
    fn records_stand_where_their_kind_category_and_code_say() {
        let coding = |code: &str| json!({"coding": [{"code": code}]});
        let observation = |category: &[&str], code: &str| {
            let category: Vec<_> = category.iter().map(|c| coding(c)).collect();
            place(&json!({"resourceType": "Observation", "category": category, "code": coding(code)}))
        };
        for (category, code, expected) in [
            (&["survey"][..], "72166-2", Place::SocialHistory),
            (&["social-history"], "local", Place::SocialHistory),
            (&[], "76689-9", Place::SocialHistory),
            (&["survey"], "44261-6", Place::MentalStatus),
            (&["sdoh", "survey"], "made-up", Place::SocialHistory),
            (&["survey"], "made-up", Place::FunctionalStatus),
            (&["survey", "disability-status"], "69861-3", Place::FunctionalStatus),
            (&["42348-3"], "304251008", Place::AdvanceDirectives),
            (&["laboratory"], "11331-6", Place::Results),
            (&["vital-signs"], "9269-2", Place::VitalSigns),
            (&["laboratory"], "718-7", Place::Results),
            (&[], "", Place::Results),
        ] {
            assert_eq!(observation(category, code), expected, "{category:?} {code}");
        }
        let consent = |scope: &str| place(&json!({"resourceType": "Consent", "scope": coding(scope)}));
        assert_eq!((consent("adr"), consent("patient-privacy")), (Place::AdvanceDirectives, Place::Additional));
        let visit = |status: &str| place(&json!({"resourceType": "Encounter", "status": status}));
        assert_eq!((visit("planned"), visit("finished")), (Place::Plan, Place::Encounters));
        let concern = |category: &[&str]| {
            let category: Vec<_> = category.iter().map(|c| coding(c)).collect();
            place(&json!({"resourceType": "Condition", "category": category}))
        };
        assert_eq!(concern(&["health-concern"]), Place::HealthConcerns);
        assert_eq!(concern(&["health-concern", "problem-list-item"]), Place::Problems);
        let answered =
            json!({"resourceType": "QuestionnaireResponse", "item": [{"linkId": "1", "item": [{"linkId": "/44250-9"}]}]});
        assert_eq!(place(&answered), Place::MentalStatus);
    }

    #[test]
    fn odd_shapes_have_a_place_too() {
        for odd in [
            json!({"resourceType": "Observation", "category": "survey", "code": "x"}),
            json!({"resourceType": "Observation", "category": {"coding": {"code": "social-history"}}}),
            json!({"resourceType": "QuestionnaireResponse", "item": 7}),
            json!({"resourceType": "Unheard", "status": [1]}),
        ] {
            place(&odd);
        }
        assert_eq!(
            place(&json!({"resourceType": "Observation", "category": {"coding": {"code": "social-history"}}})),
            Place::SocialHistory
        );
        assert_eq!(place(&json!({"resourceType": "AuditEvent"})), Place::Additional);
    }

    #[test]
    fn no_code_is_listed_for_two_places() {
        let file: File = toml::from_str(include_str!("../../../../schemas/ccda/surveys.toml")).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for list in &file.list {
            assert!(list.loinc.iter().all(|code| code.contains('-')) && list.snomed.iter().all(|code| !code.contains('-')));
            for code in list.loinc.iter().chain(&list.snomed) {
                assert!(seen.insert(code), "{code}");
            }
        }
        assert!(TABLE.len() == seen.len() && seen.len() > 100);
    }
}

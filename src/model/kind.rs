//! The kinds of record: the resource types of FHIR R4 (4.0.1), in the order in which a chart lists them.
//!
//! Not for: columns and search parameters of a kind (`schemas/tables`).

use std::fmt;

/// One FHIR R4 resource type. The number is its place in `NAMES` and is stored in files: names are only ever appended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kind(u16);

/// The stored order: encounters before what happened in them, then what a clinician reads first, then the rest by the
/// alphabet.
const NAMES: [&str; 146] = [
    "Patient",
    "AllergyIntolerance",
    "Condition",
    "MedicationRequest",
    "MedicationStatement",
    "MedicationAdministration",
    "MedicationDispense",
    "Medication",
    "Immunization",
    "Observation",
    "DiagnosticReport",
    "DocumentReference",
    "Encounter",
    "EpisodeOfCare",
    "Procedure",
    "ServiceRequest",
    "CarePlan",
    "CareTeam",
    "Goal",
    "FamilyMemberHistory",
    "Appointment",
    "ImagingStudy",
    "Specimen",
    "Device",
    "Composition",
    "Consent",
    "QuestionnaireResponse",
    "Communication",
    "RelatedPerson",
    "Coverage",
    "Claim",
    "ExplanationOfBenefit",
    "Account",
    "ChargeItem",
    "Provenance",
    "AuditEvent",
    "Practitioner",
    "PractitionerRole",
    "Organization",
    "Location",
    "ActivityDefinition",
    "AdverseEvent",
    "AppointmentResponse",
    "Basic",
    "Binary",
    "BiologicallyDerivedProduct",
    "BodyStructure",
    "Bundle",
    "CapabilityStatement",
    "CatalogEntry",
    "ChargeItemDefinition",
    "ClaimResponse",
    "ClinicalImpression",
    "CodeSystem",
    "CommunicationRequest",
    "CompartmentDefinition",
    "ConceptMap",
    "Contract",
    "CoverageEligibilityRequest",
    "CoverageEligibilityResponse",
    "DetectedIssue",
    "DeviceDefinition",
    "DeviceMetric",
    "DeviceRequest",
    "DeviceUseStatement",
    "DocumentManifest",
    "EffectEvidenceSynthesis",
    "Endpoint",
    "EnrollmentRequest",
    "EnrollmentResponse",
    "EventDefinition",
    "Evidence",
    "EvidenceVariable",
    "ExampleScenario",
    "Flag",
    "GraphDefinition",
    "Group",
    "GuidanceResponse",
    "HealthcareService",
    "ImmunizationEvaluation",
    "ImmunizationRecommendation",
    "ImplementationGuide",
    "InsurancePlan",
    "Invoice",
    "Library",
    "Linkage",
    "List",
    "Measure",
    "MeasureReport",
    "Media",
    "MedicationKnowledge",
    "MedicinalProduct",
    "MedicinalProductAuthorization",
    "MedicinalProductContraindication",
    "MedicinalProductIndication",
    "MedicinalProductIngredient",
    "MedicinalProductInteraction",
    "MedicinalProductManufactured",
    "MedicinalProductPackaged",
    "MedicinalProductPharmaceutical",
    "MedicinalProductUndesirableEffect",
    "MessageDefinition",
    "MessageHeader",
    "MolecularSequence",
    "NamingSystem",
    "NutritionOrder",
    "ObservationDefinition",
    "OperationDefinition",
    "OperationOutcome",
    "OrganizationAffiliation",
    "Parameters",
    "PaymentNotice",
    "PaymentReconciliation",
    "Person",
    "PlanDefinition",
    "Questionnaire",
    "RequestGroup",
    "ResearchDefinition",
    "ResearchElementDefinition",
    "ResearchStudy",
    "ResearchSubject",
    "RiskAssessment",
    "RiskEvidenceSynthesis",
    "Schedule",
    "SearchParameter",
    "Slot",
    "SpecimenDefinition",
    "StructureDefinition",
    "StructureMap",
    "Subscription",
    "Substance",
    "SubstanceNucleicAcid",
    "SubstancePolymer",
    "SubstanceProtein",
    "SubstanceReferenceInformation",
    "SubstanceSourceMaterial",
    "SubstanceSpecification",
    "SupplyDelivery",
    "SupplyRequest",
    "Task",
    "TerminologyCapabilities",
    "TestReport",
    "TestScript",
    "ValueSet",
    "VerificationResult",
    "VisionPrescription",
];

impl Kind {
    pub const PATIENT: Kind = Kind(0);
    pub const BINARY: Kind = Kind(44);

    /// The kind of a `resourceType`; `None` when FHIR R4 has no such type.
    pub fn from_name(name: &str) -> Option<Kind> {
        static TABLE: std::sync::OnceLock<ahash::AHashMap<&'static str, u16>> = std::sync::OnceLock::new();
        let table = TABLE.get_or_init(|| NAMES.iter().enumerate().map(|(i, n)| (*n, i as u16)).collect());
        table.get(name).map(|i| Kind(*i))
    }

    /// The kind with this stored number; `None` for a number that no version of ours has written.
    pub fn from_number(number: u16) -> Option<Kind> {
        (usize::from(number) < NAMES.len()).then_some(Kind(number))
    }

    pub fn number(self) -> u16 {
        self.0
    }

    pub fn name(self) -> &'static str {
        NAMES[usize::from(self.0)]
    }

    pub fn all() -> impl Iterator<Item = Kind> {
        (0..NAMES.len() as u16).map(Kind)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_one_name_and_the_constants_are_right() {
        let names: std::collections::BTreeSet<_> = Kind::all().map(Kind::name).collect();
        assert_eq!(names.len(), NAMES.len());
        assert_eq!(Kind::PATIENT.name(), "Patient");
        assert_eq!(Kind::BINARY.name(), "Binary");
        assert!(Kind::from_name("Unicorn").is_none());
        assert!(Kind::all().all(|k| Kind::from_name(k.name()) == Some(k)));
    }
}

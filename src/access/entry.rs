//! Audit entries of the gate: from a principal, a request and what was shown to the entry that is written.
//!
//! Not for: how an entry is encoded, chained or kept (`audit`).

use std::collections::BTreeSet;

use crate::audit::{self, Entry};
use crate::model::{Kind, Label};

use super::policy::{DenyReason, Right};
use super::{Principal, RequestContext, Scope, Shown};

/// Outcome of an entry: FHIR `audit-event-outcome` as far as it is used here.
const SUCCESS: u8 = 0;
const MINOR_FAILURE: u8 = 4;
const SERIOUS_FAILURE: u8 = 8;

/// An entry of success for `event` with who asked and from where; callers add what it was about. For sign-ins, tokens
/// and account changes as well as for the gate's own entries.
pub fn entry(event: &'static str, principal: &Principal, context: &RequestContext) -> Entry {
    Entry {
        event: event.into(),
        action: action(event).into(),
        outcome: SUCCESS,
        user: audit::User {
            iss: principal.issuer.clone(),
            sub: principal.subject.clone(),
            name: principal.name.clone(),
            roles: vec![principal.role.name().into()],
        },
        client: audit::Client { session: principal.session.clone(), jti: principal.token_id.clone() },
        net: audit::Net { ip: context.ip.clone(), ua: context.user_agent.clone() },
        purpose: Some(principal.purpose.code().into()),
        query: Some(audit::Query { method: context.method.clone(), path: context.path.clone(), hits: None, text: None }),
        req_id: Some(context.request_id.clone()),
        ..Entry::default()
    }
}

/// The entry of an answer: every record shown, by place.
pub(super) fn answered(principal: &Principal, context: &RequestContext, scope: &Scope, shown: Shown) -> Entry {
    let mut entry = entry(shown.event, principal, context);
    entry.patients = shown.patients;
    // Whom the question was about stands in the entry even when nothing was found.
    if let Some(patient) = scope.patient().filter(|patient| !entry.patients.contains(patient)) {
        entry.patients.push(patient.clone());
    }
    entry.places = shown.places;
    entry.domains = shown.kinds.iter().map(|kind| domain(*kind)).collect::<BTreeSet<_>>().into_iter().map(String::from).collect();
    entry.labels = labels(shown.label);
    if let Some(query) = entry.query.as_mut() {
        query.hits = shown.hits;
        query.text = shown.query;
    }
    entry
}

/// The entry of a refusal. Names the scope, so that probing shows up in the reports of the patient concerned.
pub(super) fn denied(principal: &Principal, context: &RequestContext, scope: &Scope, reason: DenyReason) -> Entry {
    let mut entry = entry("authz.denied", principal, context);
    entry.outcome = SERIOUS_FAILURE;
    entry.outcome_desc = Some(format!("{} refused: {}", scope_name(scope), reason.code()));
    entry.patients = scope.patient().cloned().into_iter().collect();
    entry
}

/// The entry of a permit that was given and never answered: an error or a client that went away. Nothing was shown.
pub(super) fn abandoned(principal: &Principal, context: &RequestContext, scope: &Scope) -> Entry {
    let mut entry = entry(usual_event(scope), principal, context);
    entry.outcome = MINOR_FAILURE;
    entry.outcome_desc = Some("abandoned: nothing was shown".into());
    entry.patients = scope.patient().cloned().into_iter().collect();
    entry
}

/// FHIR `audit-event-action`: a search or an operation executes, anything else that shows records reads.
fn action(event: &str) -> &'static str {
    match event {
        "record.read" | "document.view" | "document.download" | "document.print" | "audit.query" => "R",
        "user.role_changed" | "config.changed" | "policy.changed" | "label.changed" => "U",
        _ => "E",
    }
}

fn usual_event(scope: &Scope) -> &'static str {
    match scope {
        Scope::FindPatients => "patient.search",
        Scope::Chart(_) | Scope::Record(..) => "record.read",
        Scope::SearchAll => "record.search",
        Scope::Everything => "export.bulk.end",
        Scope::AuditLog(_) | Scope::Accessions => "audit.query",
    }
}

fn scope_name(scope: &Scope) -> &'static str {
    match Right::of(scope) {
        Right::FindPatients => "patient search",
        Right::Chart => "chart",
        Right::Record => "record",
        Right::SearchAll => "search across patients",
        Right::Everything => "export of everything",
        Right::AuditLog => "audit log",
        Right::Accessions => "accessions",
    }
}

/// ASTM E2147-18 §7.1.9 wants to know whether specially protected data was touched, and of which sort.
fn labels(label: Label) -> Vec<String> {
    if label.is_restricted() { vec!["R".into()] } else { Vec::new() }
}

/// The category of data that a kind of record belongs to (the `domains` of spec audit.md §3).
fn domain(kind: Kind) -> &'static str {
    match kind.name() {
        "Patient" | "RelatedPerson" | "Person" => "demographics",
        "AllergyIntolerance" => "allergies",
        "Condition" | "EpisodeOfCare" | "FamilyMemberHistory" => "problems",
        "Immunization" | "ImmunizationEvaluation" | "ImmunizationRecommendation" => "immunizations",
        "Observation" | "DiagnosticReport" | "Specimen" => "results",
        "DocumentReference" | "Composition" | "Binary" | "DocumentManifest" => "documents",
        "ImagingStudy" | "Media" => "images",
        "Claim" | "ClaimResponse" | "ExplanationOfBenefit" | "Account" | "ChargeItem" | "Coverage" | "Invoice" => "billing",
        "Encounter" | "Appointment" => "encounters",
        "Procedure" | "ServiceRequest" => "procedures",
        name if name.starts_with("Medication") => "medications",
        _ => "other",
    }
}

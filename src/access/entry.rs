//! Audit entries of the gate: from a principal, a request and what was shown to the entry that is written.
//!
//! Not for: how an entry is encoded, chained or kept (`audit`).

use std::collections::BTreeSet;

use crate::audit::{Action, Entry, Outcome, QueryText, User};

use super::policy::{DenyReason, Right};
use super::{Principal, RequestContext, Scope, Shown};

/// An entry of success for `event` with who asked and from where; callers add what it was about. For sign-ins, tokens
/// and account changes as well as for the gate's own entries.
pub fn entry(event: &'static str, principal: &Principal, context: &RequestContext) -> Entry {
    Entry {
        action: action(event),
        user: Some(User {
            iss: principal.issuer.clone(),
            sub: principal.subject.clone(),
            name: principal.name.clone(),
            roles: vec![principal.role.name().into()],
        }),
        session: principal.session.clone(),
        token_id: principal.token_id.clone(),
        ip: context.ip.clone(),
        user_agent: context.user_agent.clone(),
        purpose: Some(principal.purpose.code()),
        query: Some(QueryText { method: context.method.clone(), path: context.path.clone(), ..QueryText::default() }),
        request_id: Some(context.request_id.clone()),
        client_id: principal.client_id.clone(),
        scopes: principal.scopes.as_ref().map(|scopes| scopes.text.clone()),
        ..Entry::new(event)
    }
}

/// The entry of an answer: every record shown, by place.
pub(super) fn answered(principal: &Principal, context: &RequestContext, scope: &Scope, shown: Shown) -> Entry {
    let mut entry = entry(shown.event, principal, context);
    // Whom the question was about stands in the entry even when nothing was found; of a person, every key that was opened.
    let mut named = BTreeSet::new();
    let patients = shown.patients.into_iter().chain(scope.patients().iter().cloned());
    entry.patients = patients.filter(|patient| named.insert(patient.clone())).collect();
    entry.shown = shown.places;
    entry.kinds = shown.kinds;
    entry.label = shown.label;
    if let Some(query) = entry.query.as_mut() {
        query.hits = shown.hits;
        query.text = shown.query;
    }
    entry
}

/// The entry of a refusal. Names the patient of the scope, so that probing shows up in the reports about him.
pub(super) fn denied(principal: &Principal, context: &RequestContext, scope: &Scope, reason: DenyReason) -> Entry {
    Entry {
        outcome: Outcome::SeriousFailure,
        outcome_desc: Some(format!("{} refused: {}", scope_name(scope), reason.code())),
        patients: scope.patients().to_vec(),
        ..entry("authz.denied", principal, context)
    }
}

/// The entry of a permit that was given and never answered: an error, or a client that went away. Nothing was shown.
pub(super) fn abandoned(principal: &Principal, context: &RequestContext, scope: &Scope) -> Entry {
    Entry {
        outcome: Outcome::MinorFailure,
        outcome_desc: Some(format!("{} permitted, nothing shown", scope_name(scope))),
        patients: scope.patients().to_vec(),
        ..entry("authz.abandoned", principal, context)
    }
}

/// What FHIR calls the act: changes by their kind, plain reading as such, and everything else (searches, operations,
/// sign-ins) as executing.
fn action(event: &str) -> Action {
    match event {
        "record.read" | "document.view" | "document.download" | "document.print" | "audit.query" => Action::Read,
        "user.created" | "client.created" | "auth.token_issued" => Action::Create,
        "user.disabled"
        | "user.role_changed"
        | "user.credential_changed"
        | "user.unlocked"
        | "client.disabled"
        | "policy.changed"
        | "label.changed"
        | "identity.changed"
        | "relation.imported"
        | "config.changed" => Action::Update,
        _ => Action::Execute,
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

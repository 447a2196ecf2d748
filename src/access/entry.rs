//! Audit entries from a principal and a request: of what was done, and of what was refused.
//!
//! Not for: what an answer shows (`permit`), or how an entry is encoded, chained or kept (`audit`).

use std::sync::Arc;

use crate::audit::{Action, Entry, Outcome, QueryText, User};
use crate::model::{Kind, PatientKey};

use super::Principal;
use super::policy::{Denied, Right};
use super::reach::Scope;
use super::request::RequestContext;

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

/// The entry of a refusal. Names the patient of the scope, so that probing shows up in the reports about him.
pub(super) fn denied(principal: &Principal, context: &RequestContext, scope: &Scope, denied: &Denied, policy: Arc<str>) -> Entry {
    Entry {
        outcome: Outcome::SeriousFailure,
        outcome_desc: Some(format!("{} refused: {}", Right::of(scope).words(), denied.reason.code())),
        patients: asked_about(scope),
        policy: Some(policy),
        detail: vec![("rule", denied.rule.to_string())],
        ..entry("authz.denied", principal, context)
    }
}

/// Whom a question was about: also who is asked for by his own record, so that probing shows up in the reports about him.
fn asked_about(scope: &Scope) -> Vec<PatientKey> {
    match scope {
        Scope::Record(Kind::PATIENT, id) => vec![PatientKey(id.clone())],
        other => other.patients().to_vec(),
    }
}

/// What FHIR calls the act: changes by their kind, plain reading as such, and everything else (searches, operations,
/// sign-ins) as executing.
fn action(event: &str) -> Action {
    match event {
        "record.read" | "document.view" | "document.download" | "document.print" | "audit.query" | "archive.viewed" => {
            Action::Read
        }
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

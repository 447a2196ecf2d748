//! Audit entries of the gate: from a principal, a request and what was shown to the entry that is written.
//!
//! Not for: how an entry is encoded, chained or kept (`audit`).

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::audit::{Action, BreakGlass, Entry, Outcome, QueryText, User};
use crate::model::{Kind, PatientKey};

use super::policy::{Denied, Right};
use super::{Permit, Principal, Purpose, RequestContext, Scope, Shown};

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
pub(super) fn answered(permit: &Permit, shown: Shown) -> Entry {
    let mut entry = under(permit, shown.event);
    // Whom the question was about stands in the entry even when nothing was found; of a person, every key that was opened.
    let mut named = BTreeSet::new();
    let patients = shown.patients.into_iter().chain(permit.scope.patients().iter().cloned());
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

/// The entry of a permit that was given and never answered: an error, or a client that went away. Nothing was shown.
pub(super) fn abandoned(permit: &Permit) -> Entry {
    Entry {
        outcome: Outcome::MinorFailure,
        outcome_desc: Some(format!("{} permitted, nothing shown", Right::of(&permit.scope).words())),
        patients: permit.scope.patients().to_vec(),
        ..under(permit, "authz.abandoned")
    }
}

/// An entry about what a permit allows, with the policy that did, and the break-glass under which it is read.
fn under(permit: &Permit, event: &'static str) -> Entry {
    let mut entry = entry(event, &permit.principal, &permit.context);
    entry.policy = Some(permit.policy.clone());
    if let Some((grant, others)) = permit.allowed.grants.split_first() {
        entry.also_purpose = Some(Purpose::BreakGlass.code());
        entry.break_glass = Some(BreakGlass {
            id: grant.id.clone(),
            reason_code: grant.reason_code.clone(),
            reason_text: None,
            expires: jiff::Timestamp::from_second(grant.expires).ok().map(|time| time.to_string()),
        });
        let others: Vec<&str> = others.iter().map(|grant| grant.id.as_str()).collect();
        entry.detail.extend((!others.is_empty()).then(|| ("other_btg", others.join(" "))));
    }
    entry
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

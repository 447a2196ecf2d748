//! The decision: a pure function of the policy and the question.
//!
//! Not for: finding out what the question says of relations and aliases (`gate`).

use std::sync::Arc;

use super::rule::{Asked, Breaks, Effect, Rule};
use super::terms::smart;
use super::{DenyReason, Policy, Right};
use crate::access::reach::{Filter, Scope, is_directory};
use crate::access::{BreakGlassGrant, Principal};
use crate::model::{Class, Label, PatientKey};

/// Id of the rule that wins when none permits.
pub(super) const NO_RULE: &str = "no-rule";
/// Ids of what stands in no file: a bound principal stays with his patient, narrow scopes with FHIR.
pub(super) const BOUND: &str = "bound-to-patient";
pub(super) const NARROW_SCOPES: &str = "narrow-scopes";
/// And notes are shown to their originator, which nobody is whom the provider gives no number.
pub(super) const NO_ORIGINATOR: &str = "no-originator";

/// All that a decision depends on, beside the policy.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    pub principal: &'a Principal,
    pub scope: &'a Scope,
    /// In whose charts it lies what is asked for: the patients of the scope, or those of the record. May be left empty where
    /// neither grants nor relations matter.
    pub patients: &'a [PatientKey],
    /// Every key of the person to whom the principal is bound.
    pub bound: &'a [PatientKey],
    /// Those of `patients` to whom a care relation is on file.
    pub related: &'a [PatientKey],
    /// Whether the route applies SMART scopes to each record itself, as those of FHIR do.
    pub applies_scopes: bool,
    /// Unix seconds.
    pub now: i64,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Decision {
    Allow(Allowed),
    Deny(Denied),
}

/// What is allowed, and by what.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Allowed {
    /// The rules that permit it: the first one won, the others add what they see.
    pub rules: Vec<Arc<str>>,
    pub filter: Filter,
    /// Hidden classes that a break-glass could open here, whether or not there is any such record.
    pub withheld: Label,
    /// Classes that are shown because of a break-glass alone.
    pub opened: Label,
    /// The break-glass grants in force for these patients, the longest first.
    pub grants: Vec<BreakGlassGrant>,
    /// For a single record: the only patients of whom it may be. Records of nobody (places, practitioners) stay readable.
    pub limit: Option<Vec<PatientKey>>,
}

/// What is denied, by which rule, and what was lacking.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Denied {
    pub rule: Arc<str>,
    pub reason: DenyReason,
}

fn denied(rule: &str, reason: DenyReason) -> Decision {
    Decision::Deny(Denied { rule: rule.into(), reason })
}

/// Whether the question is allowed, and what it hides. Deterministic and without IO. What no rule permits is denied, a
/// denial outweighs every permit, and what a question lacks never makes the answer wider.
pub fn decide(policy: &Policy, question: &Question<'_>) -> Decision {
    if let Some((rule, reason)) = outside_of_credential(question) {
        return denied(rule, reason);
    }
    let grants = grants_in_force(question);
    let related = related(question, &grants);
    let asked = asked(question, !related.is_empty());
    if let Some(rule) = policy.rules.iter().find(|rule| rule.effect == Effect::Deny && rule.strikes(&asked)) {
        return denied(&rule.id, DenyReason::Rule);
    }

    let (mut rules, mut seen, mut breakable) = (Vec::new(), Label::NORMAL, Vec::new());
    let mut nearest = DenyReason::Role;
    for rule in &policy.rules {
        let Effect::Permit { sees, breaks, .. } = &rule.effect else { continue };
        match rule.refusal(&asked) {
            Some(reason) => nearest = nearest.max(reason),
            None => {
                rules.push(rule.id.clone());
                seen = seen.union(*sees);
                breakable.extend(breaks);
            }
        }
    }
    if rules.is_empty() {
        return denied(NO_RULE, nearest);
    }

    let mut filter = Filter { hide: all_but(seen), ..Filter::default() };
    for rule in policy.rules.iter().filter(|rule| rule.strikes(&asked)) {
        if let Some(refused) = hide(rule, question.scope, &mut filter) {
            return refused;
        }
    }
    let (mut withheld, mut opened) = (Label::NORMAL, Label::NORMAL);
    if asked.right.is_of_one_person() {
        withheld = common(filter.hide, union(breakable.iter().map(|breaks| breaks.classes)));
        opened = common(filter.hide, union(grants.iter().map(|grant| opened_by(grant, &breakable))));
    }
    filter.hide = filter.hide.without(opened);
    withheld = withheld.without(opened);
    let limit = limit(policy, question, &grants, related);
    Decision::Allow(Allowed { rules, filter, withheld, opened, grants, limit })
}

/// What a break-glass would open here: `None` when it would change nothing, else the classes, which may be none where it
/// opens the chart itself.
pub fn break_glass_offer(policy: &Policy, question: &Question<'_>) -> Option<Label> {
    if question.patients.is_empty() {
        return None;
    }
    let mut principal = question.principal.clone();
    // One grant of every reason that the policy knows, and one of a reason that it does not.
    let reasons = policy.breaks().flat_map(|breaks| breaks.reasons.iter().flatten()).map(String::as_str);
    principal.grants = reasons
        .chain([""])
        .map(|reason| BreakGlassGrant {
            id: String::new(),
            patients: question.patients.to_vec(),
            classes: Label::EVERY,
            reason_code: reason.into(),
            expires: i64::MAX,
        })
        .collect();
    let Decision::Allow(with) = decide(policy, &Question { principal: &principal, ..*question }) else { return None };
    match decide(policy, question) {
        Decision::Allow(now) => Some(now.filter.hide.without(with.filter.hide)).filter(|more| more.is_restricted()),
        Decision::Deny(_) => Some(with.opened),
    }
}

/// What the credential itself rules out, whatever the policy says.
fn outside_of_credential(question: &Question<'_>) -> Option<(&'static str, DenyReason)> {
    let principal = question.principal;
    if principal.bound_to.is_some() {
        let is_own = match question.scope {
            Scope::Chart(patient) => question.bound.contains(patient),
            Scope::Person(keys) | Scope::OwnNotes(keys) => keys.iter().any(|key| question.bound.contains(key)),
            Scope::Record(..) => true,
            _ => false,
        };
        if !is_own {
            return Some((BOUND, DenyReason::Bound));
        }
    }
    if matches!(question.scope, Scope::OwnNotes(_)) && principal.attributes.npi.as_ref().is_none_or(String::is_empty) {
        return Some((NO_ORIGINATOR, DenyReason::Attributes));
    }
    let is_narrow = !question.applies_scopes && !smart::are_whole(principal);
    is_narrow.then_some((NARROW_SCOPES, DenyReason::Scopes))
}

fn asked<'a>(question: &Question<'a>, is_related: bool) -> Asked<'a> {
    let principal = question.principal;
    // A place or a practitioner is nobody's patient: whoever may read records may read them.
    let is_of_nobody = matches!(question.scope, Scope::Record(kind, _) if is_directory(*kind));
    Asked {
        role: principal.role,
        right: Right::of(question.scope),
        purpose: principal.purpose,
        channel: principal.channel(),
        facility: principal.attributes.facility.as_deref(),
        department: principal.attributes.department.as_deref(),
        has_system_scope: smart::of_system(principal),
        is_related: is_related || is_of_nobody,
    }
}

/// The grants that are not over and cover every patient of the question, the longest first.
fn grants_in_force(question: &Question<'_>) -> Vec<BreakGlassGrant> {
    if question.patients.is_empty() || !Right::of(question.scope).is_of_one_person() {
        return Vec::new();
    }
    let covers = |grant: &&BreakGlassGrant| question.patients.iter().all(|patient| grant.patients.contains(patient));
    let in_force = question.principal.grants.iter().filter(|grant| question.now < grant.expires);
    let mut grants: Vec<BreakGlassGrant> = in_force.filter(covers).cloned().collect();
    grants.sort_by(|a, b| b.expires.cmp(&a.expires).then_with(|| a.id.cmp(&b.id)));
    grants
}

/// The patients to whom the principal has a relation: on file, by a launch for them, or by breaking the glass.
fn related<'a>(question: &Question<'a>, grants: &[BreakGlassGrant]) -> Vec<&'a PatientKey> {
    let is_related = |patient: &&PatientKey| {
        !grants.is_empty()
            || question.related.contains(patient)
            || question.principal.bound_to.is_some() && question.bound.contains(patient)
    };
    question.patients.iter().filter(is_related).collect()
}

/// The classes that one grant opens: those it was given for, as far as a rule lets its reason open them.
fn opened_by(grant: &BreakGlassGrant, breakable: &[&Breaks]) -> Label {
    let breaks = breakable.iter().filter(|breaks| breaks.open_for(&grant.reason_code));
    common(grant.classes, union(breaks.map(|breaks| breaks.classes)))
}

/// Takes away what a rule hides; a denial when that is all that was asked for.
fn hide(rule: &Rule, scope: &Scope, filter: &mut Filter) -> Option<Decision> {
    let Effect::Hide { classes, sources, kinds } = &rule.effect else { return None };
    filter.hide = filter.hide.union(with_later(*classes));
    filter.hide_sources.extend(sources.iter().cloned());
    filter.hide_kinds.extend(kinds.iter().copied());
    match scope {
        Scope::Record(kind, _) if kinds.contains(kind) => Some(denied(&rule.id, DenyReason::Rule)),
        _ => None,
    }
}

/// A record is found by its id, and whose it is turns out when it is read: then it must be one of these patients'.
fn limit(
    policy: &Policy,
    question: &Question<'_>,
    grants: &[BreakGlassGrant],
    related: Vec<&PatientKey>,
) -> Option<Vec<PatientKey>> {
    if !matches!(question.scope, Scope::Record(..)) {
        return None;
    }
    let principal = question.principal;
    let mut limits: Vec<Vec<PatientKey>> = Vec::new();
    if principal.bound_to.is_some() {
        limits.push(question.bound.to_vec());
    }
    if !grants.is_empty() {
        limits.push(question.patients.to_vec());
    }
    if policy.asks_for_relation(principal.role) && !related.is_empty() {
        limits.push(related.into_iter().cloned().collect());
    }
    limits.into_iter().reduce(|all, next| all.into_iter().filter(|patient| next.contains(patient)).collect())
}

/// What is hidden from one who sees these classes.
fn all_but(seen: Label) -> Label {
    Label::EVERY.without(with_later(seen))
}

/// A class of a later version is as unknown as `unknown`, whether that is seen or hidden.
fn with_later(label: Label) -> Label {
    let known: Label = Class::ALL.into_iter().collect();
    if label.holds(Class::Unknown) { label.union(Label::EVERY.without(known)) } else { label }
}

fn union(labels: impl Iterator<Item = Label>) -> Label {
    labels.fold(Label::NORMAL, Label::union)
}

fn common(a: Label, b: Label) -> Label {
    a.without(a.without(b))
}

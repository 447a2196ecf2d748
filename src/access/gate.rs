//! The gate itself: decides by the policy in force, makes permits, logs denials.
//!
//! Not for: what the policy says (`policy`).

use std::sync::{Arc, PoisonError, RwLock};

use crate::audit::AuditLog;
use crate::model::{ArchiveId, Kind, Label, PatientKey};

use super::permit::{Audited, GateError, Permit};
use super::policy::{Decision, Policy, Question, Right, break_glass_offer, decide};
use super::reach::Scope;
use super::request::RequestContext;
use super::{Principal, entry};

/// What the gate looks up before it decides, each only when the principal or the policy makes it matter. Whatever cannot be
/// found out is answered with nothing, which never widens.
pub trait Lookup: Send + Sync + std::fmt::Debug {
    /// The patients in whose charts a record lies, or the record of the document `id` for a `Binary`.
    fn patients_of(&self, kind: Kind, id: &ArchiveId) -> Vec<PatientKey>;

    /// Every key of the person who has this key, this one among them.
    fn keys_of(&self, patient: &PatientKey) -> Vec<PatientKey>;

    /// Whether a care relation of the principal to the person of these keys is on file; `now` in Unix seconds.
    fn cares_for(&self, principal: &Principal, person: &[PatientKey], now: i64) -> bool;
}

/// Decides who may read what. One per process; a clone decides by the same policy.
#[derive(Clone, Debug)]
pub struct Gate {
    log: AuditLog,
    policy: Arc<RwLock<Arc<Policy>>>,
    lookup: Option<Arc<dyn Lookup>>,
}

impl Gate {
    /// A gate that knows of no aliases and no care relations.
    pub fn new(log: AuditLog, policy: Arc<Policy>) -> Gate {
        Gate { log, policy: Arc::new(RwLock::new(policy)), lookup: None }
    }

    #[must_use]
    pub fn with_lookup(self, lookup: Arc<dyn Lookup>) -> Gate {
        Gate { lookup: Some(lookup), ..self }
    }

    pub fn log(&self) -> &AuditLog {
        &self.log
    }

    /// The policy in force.
    pub fn policy(&self) -> Arc<Policy> {
        self.policy.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts another policy into force for every question that comes after, and gives back the one before. Write the entry
    /// `policy.changed` first.
    pub fn set_policy(&self, policy: Arc<Policy>) -> Arc<Policy> {
        std::mem::replace(&mut *self.policy.write().unwrap_or_else(PoisonError::into_inner), policy)
    }

    /// A permit for `scope`, or a denial whose audit entry is already durable. Denials wait for the disk: call it where
    /// blocking is allowed.
    ///
    /// # Errors
    /// `Denied` when the policy refuses; also when the refusal itself could not be logged, since either way nothing leaves.
    pub fn ask(&self, principal: &Principal, scope: Scope, context: RequestContext) -> Result<Permit, GateError> {
        let policy = self.policy();
        let known = self.find_out(&policy, principal, &scope);
        match decide(&policy, &known.question(principal, &scope, &context)) {
            Decision::Allow(allowed) => {
                let (principal, log, policy) = (principal.clone(), self.log.clone(), policy.digest());
                Ok(Permit { scope, allowed, policy, principal, context, log, answered: false })
            }
            Decision::Deny(denied) => {
                metrics::counter!("chartkeep_gate_denied_total", "reason" => denied.reason.code()).increment(1);
                if self.log.append(entry::denied(principal, &context, &scope, &denied, policy.digest())).is_err() {
                    tracing::error!(reason = denied.reason.code(), "a denial could not be written to the audit log");
                }
                Err(GateError::Denied)
            }
        }
    }

    /// Whether [`Gate::ask`] would give a permit, without asking: no entry is written. For choosing which of two answers is
    /// meant, each of which asks for itself; nothing may leave on this word.
    pub fn would_allow(&self, principal: &Principal, scope: &Scope, context: &RequestContext) -> bool {
        let policy = self.policy();
        let known = self.find_out(&policy, principal, scope);
        matches!(decide(&policy, &known.question(principal, scope, context)), Decision::Allow(_))
    }

    /// What a recipient outside fetches, who has no account: his leave is an approved release and the link that was made for
    /// him, which the caller has checked. The entry is durable before the value is given back.
    ///
    /// # Errors
    /// `Denied` for any entry but that of such a fetch; `LogUnavailable`. The value is dropped either way.
    pub fn handed_to_recipient<T>(&self, value: T, entry: crate::audit::Entry) -> Result<Audited<T>, GateError> {
        if entry.event != "release.fetched" {
            return Err(GateError::Denied);
        }
        self.log.append(entry).map_err(|_| GateError::LogUnavailable)?;
        Ok(Audited(value))
    }

    /// The classes that a break-glass would open to `principal` here, for the page that asks for it: `None` when it would
    /// change nothing. No class at all where it opens a chart that is denied without it. Says nothing of what there is.
    pub fn break_glass_offer(&self, principal: &Principal, scope: &Scope, context: &RequestContext) -> Option<Label> {
        let policy = self.policy();
        let mut known = self.find_out(&policy, principal, scope);
        if known.patients.is_empty() {
            known.patients = scope.patients().to_vec();
        }
        break_glass_offer(&policy, &known.question(principal, scope, context))
    }

    fn find_out(&self, policy: &Policy, principal: &Principal, scope: &Scope) -> Known {
        let now = jiff::Timestamp::now().as_second();
        let keys_of = |patient: &PatientKey| match &self.lookup {
            Some(lookup) => lookup.keys_of(patient),
            None => vec![patient.clone()],
        };
        let bound = principal.bound_to.as_ref().map(keys_of).unwrap_or_default();
        let asks_for_relation = policy.asks_for_relation(principal.role);
        let is_about_one = Right::of(scope).is_of_one_person();
        if !is_about_one || !asks_for_relation && principal.grants.is_empty() {
            return Known { patients: Vec::new(), bound, related: Vec::new(), now };
        }
        let patients = match (scope, &self.lookup) {
            (Scope::Record(Kind::PATIENT, id), _) => vec![PatientKey(id.clone())],
            (Scope::Record(kind, id), Some(lookup)) => lookup.patients_of(*kind, id),
            _ => scope.patients().to_vec(),
        };
        let cares_for = |patient: &&PatientKey| {
            self.lookup.as_ref().is_some_and(|lookup| lookup.cares_for(principal, &lookup.keys_of(patient), now))
        };
        let related = if asks_for_relation { patients.iter().filter(cares_for).cloned().collect() } else { Vec::new() };
        Known { patients, bound, related, now }
    }
}

/// What was looked up for a question.
struct Known {
    patients: Vec<PatientKey>,
    bound: Vec<PatientKey>,
    related: Vec<PatientKey>,
    now: i64,
}

impl Known {
    fn question<'a>(&'a self, principal: &'a Principal, scope: &'a Scope, context: &RequestContext) -> Question<'a> {
        Question {
            principal,
            scope,
            patients: &self.patients,
            bound: &self.bound,
            related: &self.related,
            applies_scopes: context.applies_scopes,
            now: self.now,
        }
    }
}

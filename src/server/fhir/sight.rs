//! What the scopes of a token let be seen: one question, put to every record that a FHIR route is about to show, however it
//! was come by (read, version, history, search, included, `$everything`, Binary).
//!
//! Not for: the person's own permission and labels, which the gate and the permit's filter decide before this is asked.

use crate::access::{Act, Principal, Role, Scopes, is_directory};
use crate::model::{Kind, PatientKey, Record};
use crate::server::answer::ApiError;
use crate::server::call::Call;
use crate::server::events;

use super::search::parse;

/// The sight of one request's principal.
pub struct Sight<'c> {
    call: &'c Call,
    principal: &'c Principal,
    /// `None`: the credential knows no scopes, and nothing is narrowed.
    scopes: Option<&'c Scopes>,
    /// All keys of the one person of whom the token speaks.
    person: Option<Vec<PatientKey>>,
}

impl<'c> Sight<'c> {
    pub fn of(call: &'c Call) -> Result<Sight<'c>, ApiError> {
        let principal = call.principal()?;
        let person = principal.bound_to.as_ref().map(|patient| call.archive().chart_scope(patient).patients().to_vec());
        Ok(Sight { call, principal, scopes: principal.scopes.as_deref(), person })
    }

    /// Refuses, with its entry, what no scope of the token can be about.
    pub fn want(&self, kind: Kind, act: Act) -> Result<(), ApiError> {
        self.or_refuse(self.may(kind, act))
    }

    /// Whether records of a kind can be shown at all.
    pub fn may(&self, kind: Kind, act: Act) -> bool {
        self.scopes.is_none_or(|scopes| scopes.permits(kind, act)) && self.may_ever(kind)
    }

    /// The same for an act on records of all kinds.
    pub fn want_any(&self, act: Act) -> Result<(), ApiError> {
        self.or_refuse(self.scopes.is_none_or(|scopes| scopes.permits_any(act)))
    }

    /// Whether this record may be shown. One that may not is not there.
    pub fn shows(&self, act: Act, record: &Record) -> bool {
        self.may_ever(record.kind)
            && self.is_of_person(record)
            && self.scopes.is_none_or(|scopes| scopes.shows(record.kind, act, || parse(record)))
    }

    /// The patient of whom the token speaks, when it is bound to one.
    pub fn bound_to(&self) -> Option<&PatientKey> {
        self.principal.bound_to.as_ref()
    }

    /// The log of accesses is the compliance office's, whatever a scope says.
    fn may_ever(&self, kind: Kind) -> bool {
        kind.name() != "AuditEvent" || self.scopes.is_none() || self.principal.role == Role::Compliance
    }

    /// Of the person of whom the token speaks, or of nobody and telling of nobody but those who cared.
    fn is_of_person(&self, record: &Record) -> bool {
        match (&self.person, &record.patient) {
            (None, _) => true,
            (Some(keys), Some(patient)) => keys.contains(patient),
            (Some(_), None) => is_directory(record.kind),
        }
    }

    fn or_refuse(&self, allowed: bool) -> Result<(), ApiError> {
        if allowed {
            return Ok(());
        }
        events::scope_denied(self.call, self.principal)?;
        Err(ApiError::insufficient_scope())
    }
}

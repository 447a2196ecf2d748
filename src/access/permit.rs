//! Permits and answers: the types without which nothing can be read and nothing can be sent.
//!
//! Not for: deciding (`gate`).

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::audit::{Ack, AuditError, AuditLog, BreakGlass, Entry, Outcome};
use crate::model::{ArchiveId, Kind, Label, PatientKey, Place};

use super::entry::{self, entry};
use super::policy::{Allowed, Denied, DenyReason, Right};
use super::reach::{Filter, Scope, is_directory};
use super::request::RequestContext;
use super::{BreakGlassGrant, Principal, Purpose};

/// Why no permit or no answer was given. The texts carry no patient data.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    #[error("not allowed")]
    Denied,
    #[error("the access log cannot be written, so nothing is shown")]
    LogUnavailable,
}

/// Leave to read within a scope, made by the gate alone. Answering consumes it; dropping it unanswered is logged.
///
/// It cannot be forged, since its fields are private and it has no constructor:
///
/// ```compile_fail,E0451
/// use chartkeep::access::{Permit, Scope};
/// fn forge(real: Permit) -> Permit {
///     Permit { scope: Scope::Everything, ..real }
/// }
/// ```
///
/// nor defaulted or cloned:
///
/// ```compile_fail,E0599
/// let permit = chartkeep::access::Permit::default();
/// ```
///
/// ```compile_fail,E0599
/// fn twice(permit: chartkeep::access::Permit) -> [chartkeep::access::Permit; 2] {
///     [permit.clone(), permit]
/// }
/// ```
///
/// nor used twice:
///
/// ```compile_fail,E0382
/// use chartkeep::access::{Permit, Shown};
/// fn twice(permit: Permit) {
///     let first = permit.answer("one", Shown::default());
///     let second = permit.answer("two", Shown::default());
/// }
/// ```
///
/// Used once, the same code compiles:
///
/// ```
/// use chartkeep::access::{Audited, GateError, Permit, Shown};
/// fn once(permit: Permit) -> Result<Audited<&'static str>, GateError> {
///     permit.answer("one", Shown::default())
/// }
/// ```
#[must_use]
#[derive(Debug)]
pub struct Permit {
    pub(super) scope: Scope,
    pub(super) allowed: Allowed,
    /// Digest of the policy that decided.
    pub(super) policy: Arc<str>,
    pub(super) principal: Principal,
    pub(super) context: RequestContext,
    pub(super) log: AuditLog,
    pub(super) answered: bool,
}

/// What an answer shows, for its audit entry: every record, compactly.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// Event code of spec audit.md §2, for instance `record.read`, `patient.search`, `document.view`.
    pub event: &'static str,
    /// Patients whose data leave, or whom the question was about.
    pub patients: Vec<PatientKey>,
    /// Every record shown. Written as ranges of ordinals per accession.
    pub places: Vec<Place>,
    /// Highest label among them.
    pub label: Label,
    /// Kinds shown (the `domains` of the entry).
    pub kinds: Vec<Kind>,
    pub hits: Option<u64>,
    /// The question in words or parameters, as understood (searches).
    pub query: Option<String>,
}

impl Permit {
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    pub fn filter(&self) -> &Filter {
        &self.allowed.filter
    }

    /// Hidden classes that a break-glass could open here by the policy, whether or not there is any such record.
    pub fn withheld(&self) -> Label {
        self.allowed.withheld
    }

    /// The break-glass under which this is read, if one is in force here.
    pub fn break_glass(&self) -> Option<&BreakGlassGrant> {
        self.allowed.grants.first()
    }

    /// The rule of the policy that allows it.
    pub fn rule(&self) -> &str {
        self.allowed.rules.first().map_or("", |rule| rule)
    }

    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Whether the chart of `patient` may be read: its index, its records, search inside it.
    pub fn covers_patient(&self, patient: &PatientKey) -> bool {
        match &self.scope {
            Scope::Chart(allowed) => allowed == patient,
            Scope::Person(keys) | Scope::Ehi(keys) => keys.contains(patient),
            Scope::Everything | Scope::Bulk => true,
            _ => false,
        }
    }

    /// Whether the record `kind`/`id` may be read, which lies in the compartment of `patient` (`None`: of nobody).
    pub fn covers_record(&self, kind: Kind, id: &ArchiveId, patient: Option<&PatientKey>) -> bool {
        match (&self.scope, patient) {
            (Scope::Record(allowed_kind, allowed_id), _) => {
                (*allowed_kind, allowed_id) == (kind, id) && self.is_within_limit(kind, patient)
            }
            // Who may find patients may see who they are, and no more.
            (Scope::FindPatients, _) => kind == Kind::PATIENT,
            // A chart without the names of those who wrote it could not be read.
            (Scope::Chart(_) | Scope::Person(_) | Scope::Ehi(_), None) => is_directory(kind),
            (_, Some(patient)) => self.covers_patient(patient),
            (_, None) => self.covers_all(),
        }
    }

    /// Whether it is for records of everybody, and of nobody: an export of many patients.
    pub fn covers_all(&self) -> bool {
        matches!(self.scope, Scope::Everything | Scope::Bulk)
    }

    /// The keys of the one person whose chart it opens, when there may be several; the one asked for first.
    pub fn person(&self) -> Option<&[PatientKey]> {
        match &self.scope {
            Scope::Person(keys) | Scope::Ehi(keys) => Some(keys),
            _ => None,
        }
    }

    /// Whether the document `id` (an attachment of the record `kind`/`record`) may be read.
    pub fn covers_document(&self, id: &ArchiveId, kind: Kind, record: &ArchiveId, patient: Option<&PatientKey>) -> bool {
        match &self.scope {
            Scope::Record(Kind::BINARY, allowed) if allowed == id => self.is_within_limit(kind, patient),
            _ => self.covers_record(kind, record, patient),
        }
    }

    /// Whether a single record may be of this patient. A principal who is bound to one, or who reads by a relation or a
    /// break-glass, reads no record of another by its id.
    fn is_within_limit(&self, kind: Kind, patient: Option<&PatientKey>) -> bool {
        match (&self.allowed.limit, patient) {
            (None, _) => true,
            (Some(patients), Some(patient)) => patients.contains(patient),
            (Some(_), None) => is_directory(kind),
        }
    }

    /// Whose psychotherapy notes may be read, and by which number their writer is known: this permit's holder, and nobody
    /// else. `None` for any other scope.
    pub fn own_notes(&self) -> Option<(&[PatientKey], &str)> {
        match &self.scope {
            Scope::OwnNotes(keys) => Some((keys, self.principal.attributes.npi.as_deref()?)),
            _ => None,
        }
    }

    /// Whether text may be searched: inside the chart of `patient`, or across all patients for `None`.
    pub fn covers_search(&self, patient: Option<&PatientKey>) -> bool {
        self.scope == Scope::SearchAll || patient.is_some_and(|patient| self.covers_patient(patient))
    }

    /// Whether patients may be looked for.
    pub fn covers_finding(&self) -> bool {
        self.scope == Scope::FindPatients
    }

    /// Whether the audit log may be read: about `patient`, or all of it for `None`.
    pub fn covers_audit_log(&self, patient: Option<&PatientKey>) -> bool {
        match &self.scope {
            Scope::AuditLog(None) => true,
            Scope::AuditLog(allowed) => allowed.as_ref() == patient,
            _ => false,
        }
    }

    /// Whether every patient's identity may be looked at.
    pub fn covers_identities(&self) -> bool {
        matches!(self.scope, Scope::IdentityReview | Scope::Everything)
    }

    /// Whether what was kept whole may be read: nobody knows what is in it, so nothing may be hidden.
    pub fn covers_quarantine(&self) -> bool {
        matches!(self.scope, Scope::Quarantine | Scope::Everything) && self.filter().is_open()
    }

    /// Whether the form of what was kept whole may be looked at, its letters and digits replaced.
    pub fn covers_kept_form(&self) -> bool {
        matches!(self.scope, Scope::QuarantineMasked)
    }

    /// Whether the state of the archive may be looked at.
    pub fn covers_system(&self) -> bool {
        matches!(self.scope, Scope::System)
    }

    /// Whether accessions and their reports may be read.
    pub fn covers_accessions(&self) -> bool {
        matches!(self.scope, Scope::Accessions | Scope::Everything)
    }

    /// Writes the entry that names everything shown, waits until it is on disk, and only then gives the value back in
    /// the one wrapper that a route may send. The wait blocks the thread: call it where blocking is allowed.
    ///
    /// # Errors
    /// `LogUnavailable` when the entry cannot be made durable; `Denied` when `shown` has a label or a kind that the permit
    /// hides, which is a mistake in the program and must not become a leak, or when something that only a break-glass opened
    /// is to be taken away. The value is dropped either way.
    pub fn answer<T>(mut self, value: T, shown: Shown) -> Result<Audited<T>, GateError> {
        let (entry, verdict) = self.entry_of(shown);
        let written = self.log.append(entry);
        release(value, verdict, written)
    }

    /// Writes that what was asked for lies beyond this permit, and waits until that is on disk. Nothing is shown.
    pub fn refuse(mut self) {
        self.answered = true;
        let denied = Denied { rule: "scope".into(), reason: DenyReason::Bound };
        let entry = entry::denied(&self.principal, &self.context, &self.scope, &denied, self.policy.clone());
        if self.log.append(entry).is_err() {
            tracing::error!("a denial could not be written to the audit log");
        }
    }

    /// As [`Permit::answer`], for async code: the task waits and the thread does not. A future that is dropped before
    /// its end has shown nothing, yet its entry may stand.
    pub async fn answer_async<T>(mut self, value: T, shown: Shown) -> Result<Audited<T>, GateError> {
        let (entry, verdict) = self.entry_of(shown);
        let written = self.log.append_async(entry).durable().await;
        release(value, verdict, written)
    }

    /// The entry that an answer needs, and whether the answer may leave once that is written.
    fn entry_of(&mut self, shown: Shown) -> (Entry, Result<(), GateError>) {
        self.answered = true;
        let reason = match self.objection(&shown) {
            None => return (answered(self, shown), Ok(())),
            Some(reason) => reason,
        };
        if reason == DenyReason::LabelBeyondPermit {
            tracing::error!("an answer held records that its permit hides; it was refused");
        }
        let denied = Denied { rule: self.rule().into(), reason };
        let entry = entry::denied(&self.principal, &self.context, &self.scope, &denied, self.policy.clone());
        (entry, Err(GateError::Denied))
    }

    fn objection(&self, shown: &Shown) -> Option<DenyReason> {
        let takes_away = ["document.download", "document.print", "record.everything"].contains(&shown.event)
            || ["export.", "release."].iter().any(|family| shown.event.starts_with(family));
        if !self.filter().allows(shown.label) || shown.kinds.iter().any(|kind| self.filter().hide_kinds.contains(kind)) {
            Some(DenyReason::LabelBeyondPermit)
        } else {
            (takes_away && self.allowed.opened.intersects(shown.label)).then_some(DenyReason::BreakGlassStays)
        }
    }
}

/// Lets a value go when its entry is written and nothing speaks against it.
fn release<T>(value: T, verdict: Result<(), GateError>, written: Result<Ack, AuditError>) -> Result<Audited<T>, GateError> {
    if let Err(error) = written {
        metrics::counter!("chartkeep_gate_log_unavailable_total").increment(1);
        tracing::error!(%error, "an answer was withheld: its audit entry could not be written");
        return Err(GateError::LogUnavailable);
    }
    verdict.map(|()| Audited(value))
}

impl Drop for Permit {
    /// Nothing was shown, so nothing waits for this entry.
    fn drop(&mut self) {
        if !self.answered {
            let entry = abandoned(self);
            if let Err(error) = self.log.enqueue(entry) {
                tracing::warn!(%error, "a permit was abandoned and that could not be logged");
            }
        }
    }
}

/// The entry of an answer: every record shown, by place.
fn answered(permit: &Permit, shown: Shown) -> Entry {
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

/// The entry of a permit that was given and never answered: an error, or a client that went away. Nothing was shown.
fn abandoned(permit: &Permit) -> Entry {
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

/// Leave to read records in order to check or rebuild the archive itself. It has no `answer`: what is read under it
/// cannot be sent to anyone.
#[must_use]
#[derive(Debug)]
pub struct Maintenance {
    command: &'static str,
}

impl Maintenance {
    /// The commands that read records without showing them.
    const COMMANDS: [&'static str; 6] = ["verify", "index", "compact", "remap", "ingest", "signals"];

    /// A maintenance permit for the command `name`.
    ///
    /// # Panics
    /// When `name` is none of `verify`, `index`, `compact`, `remap`, `ingest`, `signals`: a mistake in the program.
    pub fn for_command(name: &'static str) -> Maintenance {
        assert!(Self::COMMANDS.contains(&name), "no maintenance permit for this command");
        Maintenance { command: name }
    }

    pub fn command(&self) -> &'static str {
        self.command
    }
}

/// A value whose audit entry is durable. Made by [`Permit::answer`] alone.
///
/// ```compile_fail,E0423
/// let unlogged = chartkeep::access::Audited("a chart");
/// ```
#[derive(Debug)]
pub struct Audited<T>(pub(super) T);

impl<T> Audited<T> {
    pub fn into_inner(self) -> T {
        self.0
    }

    /// What is in it, for deciding how it is to be told.
    pub fn value(&self) -> &T {
        &self.0
    }

    /// The same answer in another form (its rendering); nothing can be added from outside by this.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Audited<U> {
        Audited(f(self.0))
    }
}

impl<T, E> Audited<Result<T, E>> {
    /// The answer in a form that could be made, or why not.
    pub fn transpose(self) -> Result<Audited<T>, E> {
        self.0.map(Audited)
    }
}

/// A value that holds no patient data: metadata, sign-in pages, health.
#[derive(Debug)]
pub struct Public<T>(pub T);

#[cfg(test)]
impl Permit {
    /// A permit with any filter, for tests of what reads under it.
    pub(crate) fn for_test(scope: Scope, filter: Filter, log: &AuditLog) -> Permit {
        let principal = Principal::operator("test", super::Role::Him, super::Purpose::Treat);
        let (policy, context) = (Arc::from(""), RequestContext::default());
        let allowed = Allowed { filter, ..Allowed::default() };
        Permit { scope, allowed, policy, principal, context, log: log.clone(), answered: true }
    }
}

//! The words of a policy that are not roles, purposes or classes: rights, and why something is denied.
//!
//! Not for: who has which right (the file).

use crate::access::reach::Scope;

/// What a scope asks for, without naming whose.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Right {
    FindPatients,
    Chart,
    Record,
    SearchAll,
    Everything,
    AuditLog,
    Accessions,
    IdentityReview,
    Quarantine,
    BreakGlassReviews,
    Accounts,
    Policy,
    OwnNotes,
    Bulk,
    Ehi,
    Releases,
    QuarantineMasked,
    System,
}

impl Right {
    pub const ALL: [Right; 18] = [
        Right::FindPatients,
        Right::Chart,
        Right::Record,
        Right::SearchAll,
        Right::Everything,
        Right::AuditLog,
        Right::Accessions,
        Right::IdentityReview,
        Right::Quarantine,
        Right::BreakGlassReviews,
        Right::Accounts,
        Right::Policy,
        Right::OwnNotes,
        Right::Bulk,
        Right::Ehi,
        Right::Releases,
        Right::QuarantineMasked,
        Right::System,
    ];

    pub fn of(scope: &Scope) -> Right {
        match scope {
            Scope::FindPatients => Right::FindPatients,
            Scope::Chart(_) | Scope::Person(_) => Right::Chart,
            Scope::Record(..) => Right::Record,
            Scope::SearchAll => Right::SearchAll,
            Scope::Everything => Right::Everything,
            Scope::AuditLog(_) => Right::AuditLog,
            Scope::Accessions => Right::Accessions,
            Scope::IdentityReview => Right::IdentityReview,
            Scope::Quarantine => Right::Quarantine,
            Scope::BreakGlassReviews => Right::BreakGlassReviews,
            Scope::Accounts => Right::Accounts,
            Scope::Policy => Right::Policy,
            Scope::OwnNotes(_) => Right::OwnNotes,
            Scope::Bulk => Right::Bulk,
            Scope::Ehi(_) => Right::Ehi,
            Scope::Releases => Right::Releases,
            Scope::QuarantineMasked => Right::QuarantineMasked,
            Scope::System => Right::System,
        }
    }

    /// The name in policies.
    pub fn name(self) -> &'static str {
        match self {
            Right::FindPatients => "find-patients",
            Right::Chart => "chart",
            Right::Record => "record",
            Right::SearchAll => "search-across-patients",
            Right::Everything => "export-everything",
            Right::AuditLog => "audit-log",
            Right::Accessions => "accessions",
            Right::IdentityReview => "identity-review",
            Right::Quarantine => "quarantine",
            Right::BreakGlassReviews => "break-glass-reviews",
            Right::Accounts => "accounts",
            Right::Policy => "policy",
            Right::OwnNotes => "own-notes",
            Right::Bulk => "bulk-export",
            Right::Ehi => "export-person",
            Right::Releases => "releases",
            Right::QuarantineMasked => "quarantine-masked",
            Right::System => "system",
        }
    }

    /// In the words of an audit entry.
    pub(in crate::access) fn words(self) -> &'static str {
        match self {
            Right::FindPatients => "patient search",
            Right::Chart => "chart",
            Right::Record => "record",
            Right::SearchAll => "search across patients",
            Right::Everything => "export of everything",
            Right::AuditLog => "audit log",
            Right::Accessions => "accessions",
            Right::IdentityReview => "identity review",
            Right::Quarantine => "quarantine",
            Right::BreakGlassReviews => "break-glass reviews",
            Right::Accounts => "accounts",
            Right::Policy => "policy",
            Right::OwnNotes => "own psychotherapy notes",
            Right::Bulk => "bulk export",
            Right::Ehi => "export of a person",
            Right::Releases => "releases",
            Right::QuarantineMasked => "quarantine, masked",
            Right::System => "state of the system",
        }
    }

    /// Whether what it gives holds words of patients' records.
    pub fn shows_records(self) -> bool {
        use Right::{
            Bulk, Chart, Ehi, Everything, FindPatients, IdentityReview, OwnNotes, Quarantine, Record, Releases, SearchAll,
        };
        let of_one = matches!(self, Chart | Record | OwnNotes | Ehi | Releases);
        of_one || matches!(self, FindPatients | SearchAll | Everything | IdentityReview | Quarantine | Bulk)
    }

    /// Whether it is about the records of one person at a time. Break-glass and care relations speak of these alone.
    pub fn is_of_one_person(self) -> bool {
        matches!(self, Right::Chart | Right::Record | Right::OwnNotes)
    }
}

/// Why a question is refused; the code stands in the audit entry, never in the answer. In the order in which a question
/// comes nearer to being permitted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum DenyReason {
    Role,
    Channel,
    Purpose,
    /// The token's scopes do not reach so far.
    Scopes,
    /// Facility or department.
    Attributes,
    Relation,
    /// The principal is bound to another patient.
    Bound,
    /// A rule of the policy denies it, or hides all of its kind.
    Rule,
    /// The answer held records that the permit hides.
    LabelBeyondPermit,
    /// What only a break-glass opened was to be printed, downloaded or exported.
    BreakGlassStays,
}

impl DenyReason {
    pub fn code(self) -> &'static str {
        match self {
            DenyReason::Role => "role",
            DenyReason::Channel => "channel",
            DenyReason::Purpose => "purpose",
            DenyReason::Scopes => "scopes",
            DenyReason::Attributes => "attributes",
            DenyReason::Relation => "relation",
            DenyReason::Bound => "bound-to-another-patient",
            DenyReason::Rule => "rule",
            DenyReason::LabelBeyondPermit => "label-beyond-permit",
            DenyReason::BreakGlassStays => "break-glass-stays",
        }
    }
}

/// What SMART scopes mean to the policy. Their meaning for single records belongs to the FHIR routes.
pub(super) mod smart {
    use std::sync::Arc;

    use crate::access::scopes::Holder;
    use crate::access::{Principal, Role, Scopes};

    /// The scopes of a made-up token in the hands of this role.
    pub fn scopes(text: &str, role: Role) -> Arc<Scopes> {
        let holder = if role == Role::Service { Holder::Client } else { Holder::Person };
        Arc::new(Scopes::parse(text).held_by(holder))
    }

    /// Whether a token with scopes for a whole system stands behind the question.
    pub fn of_system(principal: &Principal) -> bool {
        principal.scopes.as_ref().is_some_and(|scopes| scopes.speaks_for_system())
    }

    /// Whether the scopes leave nothing out. `true` for a credential that knows no scopes.
    pub fn are_whole(principal: &Principal) -> bool {
        principal.scopes.as_ref().is_none_or(|scopes| scopes.is_whole())
    }
}

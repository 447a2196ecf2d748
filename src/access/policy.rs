//! The decision table: who may ask for what, for which purposes, and what stays hidden from him. Data and one pure
//! function, so that the whole policy can be read on one screen and tested cell by cell.
//!
//! Not for: authentication, logging (`gate`), labels of single records beyond the permit's filter. Care relations,
//! consent and break-glass come with the access issue and will tighten these rows, never widen them.

use super::{Filter, Purpose, Role, Scope};

/// What a scope asks for, without naming whose.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Right {
    FindPatients,
    Chart,
    Record,
    SearchAll,
    Everything,
    AuditLog,
    Accessions,
}

impl Right {
    pub(super) fn of(scope: &Scope) -> Right {
        match scope {
            Scope::FindPatients => Right::FindPatients,
            Scope::Chart(_) | Scope::Person(_) => Right::Chart,
            Scope::Record(..) => Right::Record,
            Scope::SearchAll => Right::SearchAll,
            Scope::Everything => Right::Everything,
            Scope::AuditLog(_) => Right::AuditLog,
            Scope::Accessions => Right::Accessions,
        }
    }
}

/// By which door a principal came in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Channel {
    /// An operator on the archive's own machine, vouched for by the operating system.
    CommandLine,
    /// A session or a token over HTTP.
    Network,
}

/// Why a question is refused; the code stands in the audit entry, never in the answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DenyReason {
    Role,
    Purpose,
    Channel,
    /// The answer held records that the permit hides.
    LabelBeyondPermit,
}

impl DenyReason {
    pub fn code(self) -> &'static str {
        match self {
            DenyReason::Role => "role",
            DenyReason::Purpose => "purpose",
            DenyReason::Channel => "channel",
            DenyReason::LabelBeyondPermit => "label-beyond-permit",
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Decision {
    Allow(Filter),
    Deny(DenyReason),
}

/// One row: these rights, for these purposes, by this door.
struct Rule {
    role: Role,
    rights: &'static [Right],
    purposes: &'static [Purpose],
    /// Only for an operator at the command line.
    command_line_only: bool,
    sees_restricted: bool,
}

/// Spec access.md §7, as far as the spine goes. What no row allows is denied. `Admin` has no row: he keeps accounts
/// and sees no patient content. A clinician searches text inside a chart (scope `Chart`), not across patients.
const RULES: [Rule; 6] = [
    Rule {
        role: Role::Clinician,
        rights: &[Right::FindPatients, Right::Chart, Right::Record],
        purposes: &[Purpose::Treat, Purpose::Operations],
        command_line_only: false,
        sees_restricted: false,
    },
    Rule {
        role: Role::Him,
        rights: &[Right::FindPatients, Right::Chart, Right::Record, Right::SearchAll],
        purposes: &[Purpose::Treat, Purpose::Operations, Purpose::Legal, Purpose::RecordManagement, Purpose::PatientRequest],
        command_line_only: false,
        sees_restricted: true,
    },
    Rule {
        role: Role::Him,
        rights: &[Right::Everything],
        purposes: &[Purpose::RecordManagement, Purpose::Legal, Purpose::PatientRequest],
        command_line_only: true,
        sees_restricted: true,
    },
    Rule {
        role: Role::Compliance,
        rights: &[Right::AuditLog],
        purposes: &[Purpose::Compliance],
        command_line_only: false,
        sees_restricted: false,
    },
    Rule {
        role: Role::Archivist,
        rights: &[Right::Accessions],
        purposes: &[Purpose::RecordManagement, Purpose::Operations, Purpose::SystemAdministration],
        command_line_only: false,
        sees_restricted: false,
    },
    Rule {
        role: Role::Archivist,
        rights: &[Right::Everything],
        purposes: &[Purpose::RecordManagement],
        command_line_only: true,
        sees_restricted: false,
    },
];

/// Whether `role`, for `purpose` and by `channel`, may ask for `scope`. Deterministic and without IO; deny is the default.
pub fn decide(role: Role, purpose: Purpose, channel: Channel, scope: &Scope) -> Decision {
    let right = Right::of(scope);
    let mut reason = DenyReason::Role;
    for rule in RULES.iter().filter(|rule| rule.role == role && rule.rights.contains(&right)) {
        if rule.command_line_only && channel != Channel::CommandLine {
            reason = DenyReason::Channel;
        } else if !rule.purposes.contains(&purpose) {
            reason = DenyReason::Purpose;
        } else {
            let filter = if rule.sees_restricted { Filter::default() } else { Filter::unlabelled_only() };
            return Decision::Allow(filter);
        }
    }
    Decision::Deny(reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ArchiveId, Kind, PatientKey};

    fn scopes() -> Vec<Scope> {
        let patient = PatientKey::parse("mer.1").unwrap();
        vec![
            Scope::FindPatients,
            Scope::Chart(patient.clone()),
            Scope::Person(vec![patient.clone(), PatientKey::parse("pvs.1").unwrap()]),
            Scope::Record(Kind::PATIENT, ArchiveId::parse("mer.1").unwrap()),
            Scope::SearchAll,
            Scope::Everything,
            Scope::AuditLog(None),
            Scope::AuditLog(Some(patient)),
            Scope::Accessions,
        ]
    }

    /// `+` allowed, restricted records hidden; `R` allowed with restricted records; `r` denied for the role, `c` for the
    /// channel. Columns in the order of `scopes`; each role for its usual purpose.
    #[test]
    fn every_role_and_scope_is_decided_as_written_here() {
        use Channel::{CommandLine, Network};
        let table = [
            (Role::Clinician, Network, "++++rrrrr"),
            (Role::Him, Network, "RRRRRcrrr"),
            (Role::Compliance, Network, "rrrrrr++r"),
            (Role::Archivist, Network, "rrrrrcrr+"),
            (Role::Admin, Network, "rrrrrrrrr"),
            (Role::Clinician, CommandLine, "++++rrrrr"),
            (Role::Him, CommandLine, "RRRRRRrrr"),
            (Role::Compliance, CommandLine, "rrrrrr++r"),
            (Role::Archivist, CommandLine, "rrrrr+rr+"),
            (Role::Admin, CommandLine, "rrrrrrrrr"),
        ];
        assert_eq!(table.len(), Role::ALL.len() * 2);
        for (role, channel, expected) in table {
            let got: String = scopes()
                .iter()
                .map(|scope| match decide(role, role.usual_purpose(), channel, scope) {
                    Decision::Allow(filter) => {
                        if filter.hide.is_restricted() {
                            '+'
                        } else {
                            'R'
                        }
                    }
                    Decision::Deny(DenyReason::Role) => 'r',
                    Decision::Deny(DenyReason::Channel) => 'c',
                    Decision::Deny(_) => 'p',
                })
                .collect();
            assert_eq!(got, expected, "{role:?} by {channel:?}");
        }
    }

    /// The purposes for which anything at all is allowed, per role.
    #[test]
    fn a_purpose_foreign_to_the_role_opens_nothing() {
        use Purpose::{Compliance, Legal, Operations, PatientRequest, RecordManagement, SystemAdministration, Treat};
        let allowed: [(Role, &[Purpose]); 5] = [
            (Role::Clinician, &[Treat, Operations]),
            (Role::Him, &[Treat, Operations, Legal, RecordManagement, PatientRequest]),
            (Role::Compliance, &[Compliance]),
            (Role::Archivist, &[Operations, RecordManagement, SystemAdministration]),
            (Role::Admin, &[]),
        ];
        for (role, purposes) in allowed {
            for purpose in Purpose::ALL {
                let any =
                    scopes().iter().any(|scope| matches!(decide(role, purpose, Channel::CommandLine, scope), Decision::Allow(_)));
                assert_eq!(any, purposes.contains(&purpose), "{role:?} for {purpose:?}");
            }
        }
        let export = |role, purpose| decide(role, purpose, Channel::CommandLine, &Scope::Everything);
        assert_eq!(export(Role::Him, Treat), Decision::Deny(DenyReason::Purpose));
        assert_eq!(export(Role::Archivist, Operations), Decision::Deny(DenyReason::Purpose));
    }

    #[test]
    fn only_him_ever_sees_restricted_records() {
        for role in Role::ALL.into_iter().filter(|role| *role != Role::Him) {
            for purpose in Purpose::ALL {
                for channel in [Channel::CommandLine, Channel::Network] {
                    for scope in scopes() {
                        if let Decision::Allow(filter) = decide(role, purpose, channel, &scope) {
                            assert!(filter.hide.is_restricted(), "{role:?} {purpose:?} {scope:?}");
                        }
                    }
                }
            }
        }
    }
}

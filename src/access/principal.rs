//! Who asks: a principal with one active role and a purpose of use.
//!
//! Not for: how a principal proves who he is (tokens, sessions).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::{Label, PatientKey};

use super::scopes::Scopes;

/// Issuer of operators at the command line; no token can carry it, since token issuers are URNs of archives.
const COMMAND_LINE_ISSUER: &str = "cli";
/// Issuer of the archive's own accounts, signed in by password.
const LOCAL_ISSUER: &str = "local";

/// By which door a principal came in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Channel {
    /// An operator on the archive's own machine, vouched for by the operating system.
    CommandLine,
    /// A session or a token over HTTP.
    Network,
}

impl Channel {
    pub const ALL: [Channel; 2] = [Channel::Network, Channel::CommandLine];

    pub fn name(self) -> &'static str {
        match self {
            Channel::CommandLine => "command-line",
            Channel::Network => "network",
        }
    }
}

/// The roles (spec access.md §7).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Role {
    Clinician,
    Him,
    Compliance,
    Archivist,
    Admin,
    /// Reviews uses of break-glass: why, when and what was opened, not the records.
    Reviewer,
    /// A program with a client of its own and no person behind it.
    Service,
}

impl Role {
    pub const ALL: [Role; 7] =
        [Role::Clinician, Role::Him, Role::Compliance, Role::Archivist, Role::Admin, Role::Reviewer, Role::Service];

    pub fn name(self) -> &'static str {
        match self {
            Role::Clinician => "clinician",
            Role::Him => "him",
            Role::Compliance => "compliance",
            Role::Archivist => "archivist",
            Role::Admin => "admin",
            Role::Reviewer => "reviewer",
            Role::Service => "service",
        }
    }

    pub fn from_name(name: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|r| r.name() == name)
    }

    /// The purpose of use that a principal of this role has when none is stated.
    pub fn usual_purpose(self) -> Purpose {
        match self {
            Role::Clinician => Purpose::Treat,
            Role::Him | Role::Archivist => Purpose::RecordManagement,
            Role::Compliance | Role::Reviewer => Purpose::Compliance,
            Role::Admin => Purpose::SystemAdministration,
            Role::Service => Purpose::Operations,
        }
    }
}

/// Purpose of use, a code of v3-ActReason (spec audit.md §4.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Purpose {
    Treat,
    Operations,
    Legal,
    RecordManagement,
    PatientRequest,
    Compliance,
    SystemAdministration,
    EmergencyTreat,
    /// Only under a grant of break-glass; asking for it alone opens nothing.
    BreakGlass,
    Payment,
    PublicHealth,
    Research,
    FamilyRequest,
    PowerOfAttorney,
}

impl Purpose {
    pub const ALL: [Purpose; 14] = [
        Purpose::Treat,
        Purpose::Operations,
        Purpose::Legal,
        Purpose::RecordManagement,
        Purpose::PatientRequest,
        Purpose::Compliance,
        Purpose::SystemAdministration,
        Purpose::EmergencyTreat,
        Purpose::BreakGlass,
        Purpose::Payment,
        Purpose::PublicHealth,
        Purpose::Research,
        Purpose::FamilyRequest,
        Purpose::PowerOfAttorney,
    ];

    pub fn code(self) -> &'static str {
        match self {
            Purpose::Treat => "TREAT",
            Purpose::Operations => "HOPERAT",
            Purpose::Legal => "HLEGAL",
            Purpose::RecordManagement => "RECORDMGT",
            Purpose::PatientRequest => "PATRQT",
            Purpose::Compliance => "HCOMPL",
            Purpose::SystemAdministration => "HSYSADMIN",
            Purpose::EmergencyTreat => "ETREAT",
            Purpose::BreakGlass => "BTG",
            Purpose::Payment => "HPAYMT",
            Purpose::PublicHealth => "PUBHLTH",
            Purpose::Research => "HRESCH",
            Purpose::FamilyRequest => "FAMRQT",
            Purpose::PowerOfAttorney => "PWATRNY",
        }
    }

    pub fn from_code(code: &str) -> Option<Purpose> {
        Purpose::ALL.into_iter().find(|p| p.code() == code)
    }
}

/// An authenticated person or service. Identity is (`issuer`, `subject`), never the name. Never `Default`.
#[derive(Clone, Debug)]
pub struct Principal {
    /// `local` for accounts of this archive, `cli` for an operator at the command line, else the issuer's URL.
    pub issuer: String,
    pub subject: String,
    pub name: String,
    pub role: Role,
    pub purpose: Purpose,
    /// `jti` of the token, when one was used.
    pub token_id: Option<String>,
    /// SHA-256 of the session id cut to 16 bytes, in hex; never the id itself.
    pub session: Option<String>,
    /// OAuth client that asks, when one does.
    pub client_id: Option<String>,
    /// What the issuer or the account says of the person; rules of the policy ask for it.
    pub attributes: Attributes,
    /// SMART scopes of the token. `None`: the credential knows no scopes, and only the policy rules. They narrow, and never
    /// widen what the policy allows.
    pub scopes: Option<Arc<Scopes>>,
    /// The one patient that a launch or a `patient/` token binds this principal to.
    pub bound_to: Option<PatientKey>,
    /// Break-glass grants of this person that are in force now.
    pub grants: Vec<BreakGlassGrant>,
}

/// What an identity provider or an account says of a person beside his role.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Attributes {
    pub facility: Option<String>,
    pub department: Option<String>,
    /// US National Provider Identifier.
    pub npi: Option<String>,
    /// URL of the person's own FHIR resource (`fhirUser`).
    pub fhir_user: Option<String>,
    /// Authentication context class and methods (OpenID Connect Core §2).
    pub acr: Option<String>,
    pub amr: Vec<String>,
    /// When the person last proved who he is, in Unix seconds.
    pub auth_time: Option<i64>,
}

/// Leave to see classes of one patient's records that the policy hides, for a short time and a stated reason (spec
/// access.md §9). Kept in the register; the policy decides what it opens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BreakGlassGrant {
    pub id: String,
    /// Every key of the person whose chart it opens, as they were linked when it was given.
    pub patients: Vec<PatientKey>,
    pub classes: Label,
    pub reason_code: String,
    /// Unix seconds.
    pub expires: i64,
}

impl Principal {
    /// An operator at the command line, as the operating system names him, acting in `role` for `purpose`.
    pub fn operator(name: &str, role: Role, purpose: Purpose) -> Principal {
        Principal::without_credentials(COMMAND_LINE_ISSUER, name, name, role, purpose)
    }

    /// A person with an account of this archive and a live session; `session` is its audit id, never its secret.
    pub fn local(account: &str, display_name: &str, role: Role, purpose: Purpose, session: &str) -> Principal {
        let mut principal = Principal::without_credentials(LOCAL_ISSUER, account, display_name, role, purpose);
        principal.session = Some(session.into());
        principal
    }

    /// A person whom an outside issuer vouches for, acting for the usual purpose of his role; callers add the session.
    pub fn outside(issuer: &str, subject: &str, name: &str, role: Role, attributes: Attributes) -> Principal {
        let principal = Principal::without_credentials(issuer, subject, name, role, role.usual_purpose());
        Principal { attributes, ..principal }
    }

    /// By which door this principal came in.
    pub fn channel(&self) -> Channel {
        if self.issuer == COMMAND_LINE_ISSUER { Channel::CommandLine } else { Channel::Network }
    }

    /// With no token, session, attribute or grant; callers add what the credential holds.
    pub(super) fn without_credentials(issuer: &str, subject: &str, name: &str, role: Role, purpose: Purpose) -> Principal {
        Principal {
            issuer: issuer.into(),
            subject: subject.into(),
            name: name.into(),
            role,
            purpose,
            token_id: None,
            session: None,
            client_id: None,
            attributes: Attributes::default(),
            scopes: None,
            bound_to: None,
            grants: Vec::new(),
        }
    }

    /// Stands in an entry for someone who has proved nothing: no role is true of him, so the least one is written.
    pub fn unproven(named: &str) -> Principal {
        let named: String = named.chars().filter(|c| !c.is_control()).take(64).collect();
        Principal::without_credentials("unauthenticated", &named, &named, Role::Admin, Purpose::SystemAdministration)
    }
}

//! Who asks: a principal with one active role and a purpose of use.
//!
//! Not for: how a principal proves who he is (tokens, sessions).

use super::policy::Channel;

/// Issuer of operators at the command line; no token can carry it, since token issuers are URNs of archives.
const COMMAND_LINE_ISSUER: &str = "cli";
/// Issuer of the archive's own accounts, signed in by password.
const LOCAL_ISSUER: &str = "local";

/// The roles of the spine (spec access.md §7).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Role {
    Clinician,
    Him,
    Compliance,
    Archivist,
    Admin,
}

impl Role {
    pub const ALL: [Role; 5] = [Role::Clinician, Role::Him, Role::Compliance, Role::Archivist, Role::Admin];

    pub fn name(self) -> &'static str {
        match self {
            Role::Clinician => "clinician",
            Role::Him => "him",
            Role::Compliance => "compliance",
            Role::Archivist => "archivist",
            Role::Admin => "admin",
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
            Role::Compliance => Purpose::Compliance,
            Role::Admin => Purpose::SystemAdministration,
        }
    }
}

/// Purpose of use, a code of v3-ActReason: TREAT, HOPERAT, HLEGAL, RECORDMGT, PATRQT, HCOMPL, HSYSADMIN.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Purpose {
    Treat,
    Operations,
    Legal,
    RecordManagement,
    PatientRequest,
    Compliance,
    SystemAdministration,
}

impl Purpose {
    pub const ALL: [Purpose; 7] = [
        Purpose::Treat,
        Purpose::Operations,
        Purpose::Legal,
        Purpose::RecordManagement,
        Purpose::PatientRequest,
        Purpose::Compliance,
        Purpose::SystemAdministration,
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

    /// By which door this principal came in.
    pub fn channel(&self) -> Channel {
        if self.issuer == COMMAND_LINE_ISSUER { Channel::CommandLine } else { Channel::Network }
    }

    fn without_credentials(issuer: &str, subject: &str, name: &str, role: Role, purpose: Purpose) -> Principal {
        Principal {
            issuer: issuer.into(),
            subject: subject.into(),
            name: name.into(),
            role,
            purpose,
            token_id: None,
            session: None,
        }
    }
}

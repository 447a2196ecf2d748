//! Who asks: a principal with one active role and a purpose of use.
//!
//! Not for: how a principal proves who he is (tokens, sessions).

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

//! Why a bearer token is void, of the archive or of an outside issuer.
//!
//! Not for: what a client is told, which is the same for all of them (`server`).

/// Why a token is void. The code is for the audit entry; a client learns only that its token is invalid.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TokenError {
    #[error("the token is too long or not three base64url segments")]
    Form,
    #[error("the token's header is not one that this archive writes")]
    Header,
    #[error("the token's signature, issuer or audience does not check")]
    Signature,
    #[error("the token's claims are not those that this archive writes")]
    Claims,
    #[error("the token has expired or is not valid yet")]
    Time,
    #[error("the token is of no issuer that is known here")]
    Issuer,
    #[error("the token is of another type")]
    Type,
    #[error("the token is signed in a way that its issuer or its key does not allow")]
    Algorithm,
    #[error("the token names no key, or not by a name")]
    KeyName,
    #[error("the issuer has no key of this name")]
    UnknownKey,
    #[error("the issuer's keys cannot be had at present")]
    Unavailable,
    #[error("the issuer says that the token does not stand")]
    Inactive,
    #[error("the token is for another audience")]
    Audience,
    #[error("the token is bound to a key of its holder, which cannot be proven here")]
    Confirmation,
    #[error("the token's person has no role here")]
    Role,
    #[error("the token's person has several roles here")]
    RoleAmbiguous,
    #[error("the token's purpose of use is not known")]
    Purpose,
    #[error("the token's person was not signed in as strongly as his issuer must")]
    Acr,
    #[error("the token speaks of a patient in a way that cannot be understood")]
    Patient,
    #[error("the archive has no token key")]
    NoKey,
    #[error("a token's life is from 1 second to 24 hours")]
    Lifetime,
    #[error("the JWT library fails its self-test")]
    SelfTest,
}

impl TokenError {
    /// The stable code for an audit entry `auth.token_rejected`.
    pub fn code(self) -> &'static str {
        match self {
            TokenError::Form => "form",
            TokenError::Header => "header",
            TokenError::Signature => "signature",
            TokenError::Claims => "claims",
            TokenError::Time => "time",
            TokenError::Issuer => "issuer",
            TokenError::Type => "type",
            TokenError::Algorithm => "algorithm",
            TokenError::KeyName => "key-name",
            TokenError::UnknownKey => "unknown-key",
            TokenError::Unavailable => "issuer-unavailable",
            TokenError::Inactive => "inactive",
            TokenError::Audience => "audience",
            TokenError::Confirmation => "confirmation",
            TokenError::Role => "no-role",
            TokenError::RoleAmbiguous => "role-ambiguous",
            TokenError::Purpose => "purpose",
            TokenError::Acr => "acr",
            TokenError::Patient => "patient",
            TokenError::NoKey => "no-key",
            TokenError::Lifetime => "lifetime",
            TokenError::SelfTest => "self-test",
        }
    }
}

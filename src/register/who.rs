//! Whose something is: an account of this archive, or a person whom an issuer vouches for.
//!
//! Not for: what is known of him (`account`, `session`).

/// Whose a session is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Who {
    /// An account of this archive, by name.
    Account(String),
    /// A person whom an issuer vouches for; he is this pair and nothing less.
    Outside { issuer: String, subject: String },
}

impl Who {
    pub fn account(&self) -> Option<&str> {
        match self {
            Who::Account(name) => Some(name),
            Who::Outside { .. } => None,
        }
    }
}

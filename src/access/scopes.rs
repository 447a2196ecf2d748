//! SMART on FHIR v2 scopes: the grammar and what a set of them allows (spec access.md §4).
//!
//! Not for: the person's own permission, which is the ceiling (`policy`). Scopes narrow and never widen.

/// The scopes of a token, parsed. An unknown or malformed scope grants nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Scopes {
    /// As the token says them, for the audit entry.
    pub text: String,
}

impl Scopes {
    pub fn parse(text: &str) -> Scopes {
        Scopes { text: text.to_string() }
    }
}

//! Codings, and code systems by the names that old formats give them.
//!
//! Not for: the table of systems (`formats::code_systems`), mapping one code to another (code maps), or what a code means.

use std::borrow::Cow;

use crate::formats::code_systems::uri_of_name;
pub use crate::formats::code_systems::uri_of_oid;

/// A code with its system and the words that came with it. All may be empty; a coding without system and code is not
/// written.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Coding {
    /// URI.
    pub system: String,
    pub code: String,
    pub display: String,
}

impl Coding {
    pub fn new(system: impl Into<String>, code: impl Into<String>, display: impl Into<String>) -> Coding {
        Coding { system: system.into(), code: code.into(), display: display.into() }
    }
}

/// The URI of a coding system by its name in HL7 v2 (CWE.3). `HL7nnnn` are HL7's own tables; any other name becomes a
/// URI of the source system, `urn:archive:<source>:<name>`, so that a local code never passes for a standard one.
pub fn uri_of_v2(name: &str, source_system: &str) -> Cow<'static, str> {
    let name = name.trim();
    if name.is_empty() {
        return Cow::Owned(format!("urn:archive:{source_system}:local"));
    }
    if let Some(uri) = uri_of_name(name) {
        return Cow::Borrowed(uri);
    }
    if let Some(table) = name.strip_prefix("HL7").filter(|t| t.len() == 4 && t.bytes().all(|b| b.is_ascii_digit())) {
        return Cow::Owned(format!("http://terminology.hl7.org/CodeSystem/v2-{table}"));
    }
    Cow::Owned(format!("urn:archive:{source_system}:{}", super::id::id(&[name])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_systems() {
        assert_eq!(uri_of_v2("ln", "old"), "http://loinc.org");
        assert_eq!(uri_of_v2("HL70064", "old"), "http://terminology.hl7.org/CodeSystem/v2-0064");
        assert_eq!(uri_of_v2("L", "old"), "urn:archive:old:L");
        assert_eq!(uri_of_v2("", "old"), "urn:archive:old:local");
    }
}

//! Configuration of the custodian: the organization that keeps the archive, as documents that leave it name it.
//!
//! Not for: the name in the viewer's head (`institution`), which counts here too where no other is given.

use serde::{Deserialize, Serialize};

use super::Problem;

/// `[custodian]`. What is not given stands in documents as not known.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct CustodianConfig {
    pub name: Option<String>,
    /// Its national provider number.
    pub npi: Option<String>,
    /// Its own object identifier.
    pub oid: Option<String>,
    /// `+1-617-555-0100`
    pub telephone: Option<String>,
    /// Lines of its address.
    pub address: Vec<String>,
    pub city: Option<String>,
    pub state: Option<String>,
    pub postal_code: Option<String>,
    /// Two letters (ISO 3166).
    pub country: Option<String>,
}

impl CustodianConfig {
    pub(super) fn check(&self) -> Result<(), Problem> {
        let invalid = |key: &str, problem| Err((format!("custodian.{key}"), problem));
        if self.npi.as_deref().is_some_and(|npi| npi.len() != 10 || !npi.bytes().all(|b| b.is_ascii_digit())) {
            return invalid("npi", "is a number of ten digits");
        }
        let is_oid = |oid: &str| {
            let arcs: Vec<&str> = oid.split('.').collect();
            let is_arc =
                |arc: &&str| !arc.is_empty() && arc.bytes().all(|b| b.is_ascii_digit()) && (*arc == "0" || !arc.starts_with('0'));
            arcs.len() > 1 && matches!(arcs.first(), Some(&("0" | "1" | "2"))) && arcs.iter().all(is_arc)
        };
        if self.oid.as_deref().is_some_and(|oid| !is_oid(oid)) {
            return invalid("oid", "is an object identifier, as 2.16.840.1.113883.19.5");
        }
        if self.telephone.as_deref().is_some_and(|number| number.contains(char::is_whitespace) || number.is_empty()) {
            return invalid("telephone", "is a number without blanks");
        }
        if self.address.len() > 4 {
            return invalid("address", "has four lines at most");
        }
        if self.country.as_deref().is_some_and(|code| code.len() != 2 || !code.bytes().all(|b| b.is_ascii_uppercase())) {
            return invalid("country", "is a code of two capital letters");
        }
        Ok(())
    }
}

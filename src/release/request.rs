//! A request for records as the ledger keeps it (spec legal-release.md §3).
//!
//! Not for: where it stands in its course (`workflow`), or what a basis asks for (`basis`).

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Days as `YYYY-MM-DD`.
mod day {
    use jiff::civil::Date;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "the form that serde asks for")]
    pub(super) fn serialize<S: Serializer>(day: &Option<Date>, to: S) -> Result<S::Ok, S::Error> {
        day.map(|day| day.to_string()).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Date>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
    }
}

/// Everything that is written down about a request. It holds patients' data: it is never logged.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Request {
    pub requester: Party,
    /// To whom the records go; the requester when absent.
    pub recipient: Option<Party>,
    /// The patients as the request writes them, with the persons of the archive once they are resolved.
    pub subjects: Vec<Subject>,
    /// Code of a basis.
    pub basis: String,
    /// What the records are wanted for, in the request's words.
    pub purpose: String,
    pub scope: Scope,
    /// Names of classes that the request's document names, each with the quoted words.
    pub named_classes: Vec<NamedClass>,
    /// Answers to the checks of the basis.
    pub checks: Vec<Check>,
    /// Last day of the authorization; an event in words otherwise.
    #[serde(with = "day")]
    pub expires: Option<Date>,
    pub expires_with: Option<String>,
    #[serde(with = "day")]
    pub revoked: Option<Date>,
    /// Certification of the custodian is wanted.
    pub wants_certificate: bool,
    /// Which certificate, a name of `schemas/release/certificates`.
    pub certificate: Option<String>,
    pub formats: Formats,
    pub delivery: Delivery,
    pub priority: Priority,
    pub notes: Vec<Note>,
    pub fees: Vec<Fee>,
    /// Number of the request whose place it takes.
    pub supersedes: Option<String>,
    /// Papers on file: the request itself, authorization, order, proof of identity.
    pub papers: Vec<Paper>,
}

/// A person or organisation outside.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Party {
    pub name: String,
    pub organisation: String,
    pub address: Vec<String>,
    pub phone: String,
    pub email: String,
    /// To the patient: self, parent, executor, attorney, court, insurer …
    pub relation: String,
}

/// A patient of the request.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Subject {
    /// As on the request.
    pub name: String,
    pub birth_date: Option<String>,
    pub numbers: Vec<String>,
    /// All patient keys of the one person whom a named user found it to be; empty until then.
    pub keys: Vec<String>,
}

/// What is asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scope {
    /// Days of service, both inclusive; a record without a date is shown to the person who chooses.
    #[serde(with = "day")]
    pub from: Option<Date>,
    #[serde(with = "day")]
    pub to: Option<Date>,
    /// Types of legal-release.md §5: `results`, `imaging`, `notes` …; empty: those of the record set.
    pub types: Vec<String>,
    /// Name and version of a definition of records.
    pub record_set: String,
    pub encounters: Vec<String>,
    pub sources: Vec<String>,
    pub authors: Vec<String>,
    /// Only records whose text holds this.
    pub text: Option<String>,
    /// Earlier versions of records too.
    pub all_versions: bool,
}

/// A class of records that the request's document names.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedClass {
    pub class: String,
    /// The document's own words.
    pub words: String,
}

/// An answer to a check.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Check {
    pub code: String,
    pub holds: bool,
    /// How it was found out: photo identification, call back, letterhead …
    pub how: String,
    pub by: String,
    /// Unix seconds.
    pub at: i64,
}

/// What the package holds beside the pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Formats {
    pub pdf: bool,
    /// Archived files as they are.
    pub native: bool,
    pub ndjson: bool,
    /// A CCD that the archive makes.
    pub ccd: bool,
}

impl Default for Formats {
    fn default() -> Formats {
        Formats { pdf: true, native: false, ndjson: false, ccd: false }
    }
}

/// How it reaches the recipient.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Delivery {
    /// portal, media, mail, pickup, print.
    pub channel: String,
    pub address: String,
    /// The package is handed out encrypted, with its secret on another way.
    pub is_encrypted: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Priority {
    #[default]
    Routine,
    Urgent,
    /// Care is waiting for it.
    Emergency,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    pub text: String,
    pub by: String,
    pub at: i64,
}

/// A fee; money is counted in the smallest unit of its currency.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fee {
    pub what: String,
    pub cents: i64,
    pub currency: String,
}

/// A paper on file. Its bytes lie in the archive under its digest.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paper {
    /// request, authorization, consent, order, subpoena, identity, other.
    pub kind: String,
    pub name: String,
    pub media_type: String,
    pub bytes: u64,
    pub sha256: String,
}

impl Request {
    /// Who gets the records.
    pub fn recipient(&self) -> &Party {
        self.recipient.as_ref().unwrap_or(&self.requester)
    }

    /// What is missing before somebody can begin with it, in words; empty when it is complete.
    pub fn missing(&self) -> Vec<&'static str> {
        let mut missing = Vec::new();
        let mut need = |is_there: bool, words: &'static str| {
            if !is_there {
                missing.push(words);
            }
        };
        need(!self.requester.name.is_empty() || !self.requester.organisation.is_empty(), "who asks");
        need(!self.basis.is_empty(), "the legal basis");
        need(!self.purpose.is_empty(), "the purpose");
        need(!self.subjects.is_empty(), "the patient");
        need(self.subjects.iter().all(|it| !it.name.is_empty()), "the patient's name as on the request");
        need(!self.delivery.channel.is_empty(), "how it is to be delivered");
        need(!self.recipient().address.is_empty() || self.delivery.channel == "pickup", "the recipient's address");
        missing
    }
}

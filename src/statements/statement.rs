//! What can be said about records, and what it rests on. The JSON form is what the log keeps: names are only ever added.
//!
//! Not for: what follows from it (`identity`, `query`).

use serde::{Deserialize, Serialize};

/// One statement. Patients are named by their keys, which need not be in the archive yet.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "statement", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Statement {
    /// The label of a record from now on, in place of an earlier one.
    LabelPut {
        /// Resource type and archive id.
        kind: String,
        id: String,
        /// Bits of `model::Label`.
        label: u8,
        reason: String,
    },
    /// Two patient keys are one person, and both stay in use.
    Link {
        a: String,
        b: String,
        reason: String,
        #[serde(default, skip_serializing_if = "Evidence::is_person")]
        evidence: Evidence,
    },
    /// An earlier link between the two no longer holds.
    Unlink {
        a: String,
        b: String,
        reason: String,
        #[serde(default, skip_serializing_if = "Evidence::is_person")]
        evidence: Evidence,
    },
    /// A patient key was given up for another of the same person.
    Merge {
        from: String,
        into: String,
        reason: String,
        #[serde(default, skip_serializing_if = "Evidence::is_person")]
        evidence: Evidence,
    },
    /// An earlier merge no longer holds.
    Unmerge {
        from: String,
        into: String,
        reason: String,
        #[serde(default, skip_serializing_if = "Evidence::is_person")]
        evidence: Evidence,
    },
    /// Two patient keys are two people: whatever says otherwise of this very pair does not count.
    NotSame { a: String, b: String, reason: String },
    /// That they are two people is no longer said.
    MaybeSame { a: String, b: String, reason: String },
    /// Whether two patient keys are one person cannot be said yet; somebody looked and gives the reason.
    Later { a: String, b: String, reason: String },
    /// A patient key is out of use in its source. It still leads to its records.
    Retire {
        key: String,
        reason: String,
        #[serde(default, skip_serializing_if = "Evidence::is_person")]
        evidence: Evidence,
    },
    /// A retired key is in use after all.
    Reinstate {
        key: String,
        reason: String,
        #[serde(default, skip_serializing_if = "Evidence::is_person")]
        evidence: Evidence,
    },
    /// A record was filed under the wrong patient: it lies in the chart of `to` from now on, and in no other.
    Reassign {
        /// Resource type and archive id.
        kind: String,
        id: String,
        from: String,
        to: String,
        reason: String,
        #[serde(default, skip_serializing_if = "Evidence::is_person")]
        evidence: Evidence,
    },
    /// That a record was reassigned no longer holds: it lies where it was filed.
    ReassignBack {
        kind: String,
        id: String,
        /// The two patients as the statement names them that this one takes back.
        from: String,
        to: String,
        reason: String,
        #[serde(default, skip_serializing_if = "Evidence::is_person")]
        evidence: Evidence,
    },
    /// A patient has this number in a system that the archive does not hold, for instance in the EHR that launches the viewer.
    Number {
        key: String,
        /// The namespace of the number, as the site calls it.
        authority: String,
        number: String,
        reason: String,
        #[serde(default, skip_serializing_if = "Evidence::is_person")]
        evidence: Evidence,
    },
    /// The number is not that patient's any more.
    NumberBack {
        key: String,
        authority: String,
        number: String,
        reason: String,
        #[serde(default, skip_serializing_if = "Evidence::is_person")]
        evidence: Evidence,
    },
    /// A person looked at a sample of an accession and says whether it may be relied on.
    SignOff(SignOff),
}

impl Statement {
    /// The accession with the message that it rests on, if it rests on one.
    pub fn accession(&self) -> Option<&str> {
        let evidence = match self {
            Statement::Link { evidence, .. }
            | Statement::Unlink { evidence, .. }
            | Statement::Merge { evidence, .. }
            | Statement::Unmerge { evidence, .. }
            | Statement::Retire { evidence, .. }
            | Statement::Reinstate { evidence, .. }
            | Statement::Number { evidence, .. }
            | Statement::NumberBack { evidence, .. }
            | Statement::Reassign { evidence, .. }
            | Statement::ReassignBack { evidence, .. } => evidence,
            Statement::LabelPut { .. }
            | Statement::NotSame { .. }
            | Statement::MaybeSame { .. }
            | Statement::Later { .. }
            | Statement::SignOff(_) => {
                return None;
            }
        };
        match evidence {
            Evidence::Message { accession, .. } => Some(accession),
            _ => None,
        }
    }
}

/// The result of a review of an accession.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignOff {
    pub accession: String,
    /// Of the seal that was in force: the review holds for these records and no others.
    pub seal_sha256: String,
    pub reviewer: String,
    pub result: Verdict,
    pub note: String,
    /// What the sample was drawn with (`store::sample`).
    pub seed: String,
    /// Item and entry in the accession's ledger of each record of the sample.
    pub sample: Vec<(u64, u32)>,
}

/// What a review came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Accepted,
    Rejected,
}

impl Verdict {
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Accepted => "accepted",
            Verdict::Rejected => "rejected",
        }
    }
}

/// What a statement about identity rests on.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Evidence {
    /// The judgement of whoever made it.
    #[default]
    Person,
    /// A row of a crosswalk file that the site supplied.
    Crosswalk {
        /// Its name, without folders.
        file: String,
        sha256: String,
        /// From 1, the heading included.
        row: u64,
    },
    /// A message of an accession.
    Message {
        accession: String,
        /// Number of the source record in the accession's ledger.
        item: u64,
        /// When it happened, as the source wrote it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<String>,
    },
    /// `Patient.link` of this archived Patient.
    PatientLink { patient: String },
    /// A rule that the site switched on.
    Rule { rule: String },
}

impl Evidence {
    pub fn is_person(&self) -> bool {
        *self == Evidence::Person
    }
}

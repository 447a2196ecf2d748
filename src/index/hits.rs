//! The questions to the index and its answers, as `query`, the server and the viewer see them.
//!
//! Not for: how an answer is found (`patients`, `text`).

use std::collections::{BTreeMap, BTreeSet};

use ahash::AHashMap;

use crate::model::{AccessionId, ArchiveId, Kind, PatientIndexDoc, PatientKey, Place};

/// One patient hit with why it matched.
#[derive(Clone, Debug)]
pub struct PatientHit {
    pub patient: PatientIndexDoc,
    /// Higher is better; only for ordering.
    pub score: f32,
    /// Reasons in words, for instance "family name", "start of given name", "birth year", "family name with one letter
    /// missing", "nickname of given name", "sounds like family name", "record number".
    pub why: Vec<String>,
    /// What of the patient matched, for marking it where it is shown.
    pub matched: Vec<Matched>,
}

/// What of a patient a typed piece met.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Matched {
    /// A part of a name, folded.
    Name(String),
    /// So much of the start of a part of a name, folded.
    Start(String),
    /// A part of a name that sounds like this.
    Sound(String),
    /// Digits of the birth date from the year on.
    Born(String),
    BirthMonth,
    /// Letters and digits of a number, folded.
    Number(String),
    /// The last of them.
    NumberEnd(String),
    /// The last digits of a phone number.
    Phone(String),
}

/// One page of patient hits, best first.
#[derive(Clone, Debug, Default)]
pub struct PatientMatches {
    pub hits: Vec<PatientHit>,
    /// Exact number of matches, up to the cap of 1,000.
    pub total: u64,
    pub total_capped: bool,
    /// How the question was understood, in words: ("family or given name", "quill"), ("birth date", "1957-03-14").
    /// Empty when there was nothing to search for.
    pub understood: Vec<(String, String)>,
}

/// Records that lie in another chart than the one they were indexed in.
#[derive(Clone, Debug, Default)]
pub struct Moves {
    /// By accession and ordinal: in whose chart each of them lies.
    pub to: AHashMap<AccessionId, BTreeMap<u64, PatientKey>>,
    /// The patients in whose charts the index has those that lie in the chart asked for.
    pub from: Vec<PatientKey>,
}

/// A typed question to the text index. Users never write engine syntax.
#[derive(Clone, Debug, Default)]
pub struct TextQuestion {
    /// Words that must all occur (stemmed).
    pub words: Vec<String>,
    /// Phrases that must occur as written.
    pub phrases: Vec<Vec<String>>,
    pub patient: Option<PatientKey>,
    /// Further keys of that patient. `query` knows them.
    pub linked: Vec<PatientKey>,
    /// Records that lie in another chart than the index says. `query` knows them.
    pub moves: Option<Moves>,
    /// Records that were moved to patients who are hidden, by accession and ordinal. `query` knows them.
    pub withheld: BTreeSet<(AccessionId, u64)>,
    pub kinds: Vec<Kind>,
    pub type_codes: Vec<String>,
    pub sources: Vec<String>,
    /// Inclusive days, `YYYY-MM-DD`.
    pub from: Option<String>,
    pub to: Option<String>,
    pub newest_first: bool,
    pub offset: usize,
    pub limit: usize,
}

#[derive(Clone, Debug)]
pub struct TextHit {
    pub kind: Kind,
    pub id: ArchiveId,
    pub patient: Option<PatientKey>,
    pub place: Place,
    pub source_system: String,
    pub type_code: Option<String>,
    pub title: String,
    pub author: Option<String>,
    pub date: Option<String>,
    /// Plain text; `marks` are byte ranges of hits inside it. Empty until the caller, who has the document's text,
    /// fills both from [`super::Searcher::snippet`].
    pub snippet: String,
    pub marks: Vec<std::ops::Range<usize>>,
    /// How often the words occur in the whole text, as far as was counted. 0 like the snippet at first.
    pub occurs: usize,
    /// The title of the section that the snippet begins in, where the document has sections. Empty like the snippet at
    /// first.
    pub section: Option<String>,
}

/// One facet: its values with counts under the present question, most frequent first (years: newest first). Hits
/// without the fact (no type, no date) are in no value.
#[derive(Clone, Debug, Default)]
pub struct Facet {
    pub values: Vec<(String, u64)>,
}

#[derive(Clone, Debug, Default)]
pub struct TextHits {
    pub hits: Vec<TextHit>,
    pub total: u64,
    pub kinds: Facet,
    pub types: Facet,
    pub sources: Facet,
    pub years: Facet,
    /// Documents that fit everything asked but the words, have no text, and so were not searched.
    pub not_searchable: u64,
}

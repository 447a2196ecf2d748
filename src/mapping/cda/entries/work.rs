//! What is at hand while the entries of one document are read, and the resources made so far.
//!
//! **Names.** The `id` of an entry does not name it by itself. Exporters copy ids out of HL7's samples, give one id to a
//! list of problems, or number entries anew in each document. So a name is made of the patient, the id and the code of
//! what the entry is about; ids of the samples name nothing; and a name that one document gives to different contents is
//! given to none of them: what shares a name would hide behind it as an older version. A record without a name is named
//! by its content, and bears no time of its document, so that the same content in two documents is one record.
//!
//! Not for: reading elements (`read`), the rules.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};

use super::super::About;
use super::super::types::{self, Concept};
use super::read::{key, related, status};
use super::rules::{Rule, Topic, has, rule};
use crate::formats::cda::{Document, Element};
use crate::limits::{CDA_FINDINGS_MAX, CDA_REFERENCED_TEXT_MAX};
use crate::mapping::Context;
use crate::mapping::fhir::Resource;
use crate::mapping::id::id;
use crate::model::Finding;

/// Ends of ids that stand in HL7's published samples and from there came into the documents of many products.
const SAMPLE_IDS: [&str; 12] = [
    // The node of the web page on which the first samples had their UUIDs made.
    "-0800200c9a66",
    "ab1791b0-5c71-11db-b0de-0800200c9a68",
    "ec8a6ff8-ed4b-4f7e-82c3-e98e58b45de7",
    "e6f1ba43-c0ed-4b9b-9f12-f435d8ad8f92",
    "2a620155-9d11-439e-92b3-5d9815ff4de8",
    "45efb604-7049-4a2e-ad33-d38556c9636c",
    "31b73bd0-cffc-4599-902e-dbe54bc56cb4",
    "d68b7e32-7810-4f5b-9cc2-acd54b0fd85d",
    "9a6d1bac-17d3-4195-89c4-1121bc809b5a",
    "b63a8636-cfff-4461-b018-40ba58ba8b32",
    "c6b5a04b-2bf4-49d1-8336-636a3813df0a",
    "4eab0e52-dd7d-4285-99eb-72d32ddb195c",
];

/// Longest part of a name that says what the entry is about.
const WHAT_MAX: usize = 40;

/// Where an entry stands.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    pub topic: Topic,
    /// The element `section`.
    pub section: Element<'a>,
    /// What is around it.
    pub around: Around<'a>,
    pub depth: usize,
}

/// The organizer or concern around an entry, which says what the entry itself leaves out. Read once, however many entries
/// it holds.
#[derive(Clone, Copy, Default)]
pub struct Around<'a> {
    pub is_organizer: bool,
    /// It gathers the diagnoses of a visit.
    pub is_diagnosis: bool,
    /// The status of a concern.
    pub concern: &'a str,
    pub time: Option<Element<'a>>,
    pub author: Option<Element<'a>>,
    pub performer: Option<Element<'a>>,
    pub specimen: Option<Element<'a>>,
    pub encounter: Option<Element<'a>>,
}

impl<'a> Scope<'a> {
    /// The scope of what lies in `outer`.
    pub fn within(self, outer: Element<'a>) -> Scope<'a> {
        let around = Around {
            is_organizer: outer.is("organizer"),
            is_diagnosis: has(outer, &["22.4.80", "22.4.33", "22.4.34"]),
            concern: if outer.is("act") { status(outer) } else { "" },
            time: outer.child("effectiveTime").filter(|_| outer.is("organizer")),
            author: outer.child("author"),
            performer: outer.child("performer"),
            specimen: outer.child("specimen"),
            encounter: related(outer).map(|(_, act)| act).find(|act| act.is("encounter")),
        };
        Scope { around, depth: self.depth + 1, ..self }
    }
}

/// A resource in the making, its name and common members written.
pub struct Draft {
    pub resource: Resource,
    kind: &'static str,
    id: String,
}

/// What a resource is referred to by; `id` may be empty.
#[derive(Clone, Debug)]
pub struct Ref {
    pub kind: &'static str,
    pub id: String,
    pub display: String,
}

/// A resource that was made.
pub struct Made {
    pub reference: Ref,
    pub json: Vec<u8>,
}

/// What is known of the whole document.
#[derive(Default)]
pub struct Known<'a> {
    /// Names that it gives to different contents.
    pub repeated: HashSet<String>,
    /// Names of people and organizations by their ids; an entry may give no more than the id.
    pub people: HashMap<(&'a str, &'a str), String>,
    /// The encounters that its entries tell of, by id: only these are referred to.
    pub encounters: HashSet<(&'a str, &'a str)>,
    /// Bytes of narrative that references may still bring in.
    pub text_left: Cell<usize>,
}

impl<'a> Known<'a> {
    pub fn of(document: &'a Document<'a>) -> Known<'a> {
        let sections = document.all_sections();
        let entries = sections.iter().flat_map(|section| section.entries()).flat_map(|entry| entry.children("encounter"));
        let told = entries.filter(|e| rule(*e, Topic::Encounters) == Some(Rule::Encounter));
        Known {
            repeated: HashSet::new(),
            people: people(document),
            encounters: told.filter_map(usable_id).collect(),
            text_left: Cell::new(CDA_REFERENCED_TEXT_MAX),
        }
    }
}

fn people<'a>(document: &'a Document<'a>) -> HashMap<(&'a str, &'a str), String> {
    let mut people = HashMap::new();
    for entity in document.root().descendants().filter(|e| matches!(e.name(), "assignedAuthor" | "assignedEntity")) {
        let line = types::party_line(&entity);
        if !line.is_empty() {
            for ii in types::ids(&entity) {
                people.entry((ii.attr("root"), ii.attr("extension"))).or_insert_with(|| line.clone());
            }
        }
    }
    people
}

pub struct Work<'a> {
    pub document: &'a Document<'a>,
    pub about: &'a About,
    pub cx: &'a Context<'a>,
    pub known: &'a Known<'a>,
    pub made: Vec<Made>,
    pub findings: Vec<Finding>,
    /// How many entries said that there is nothing to say (no known problems).
    pub none_known: u32,
}

impl<'a> Work<'a> {
    pub fn new(document: &'a Document<'a>, about: &'a About, cx: &'a Context<'a>, known: &'a Known<'a>) -> Work<'a> {
        Work { document, about, cx, known, made: Vec::new(), findings: Vec::new(), none_known: 0 }
    }

    /// The name of an entry as a resource of a kind; empty when it has none that can be relied on.
    fn name(&self, kind: &str, entry: Element<'_>, what: &str) -> String {
        let Some((root, extension)) = usable_id(entry) else { return String::new() };
        let what = &what[..what.floor_char_boundary(WHAT_MAX)];
        let name = match (what, extension) {
            ("", "") => id(&[root]),
            ("", _) => id(&[root, extension]),
            _ => id(&[root, extension, what]),
        };
        self.unrepeated(kind, format!("{}..{name}", self.about.patient))
    }

    fn unrepeated(&self, kind: &str, name: String) -> String {
        if self.known.repeated.contains(&format!("{kind}/{name}")) { String::new() } else { name }
    }

    /// The id of the encounter that an entry names inside itself; empty when the document tells no more about it.
    pub fn encounter_of(&self, entry: Element<'a>) -> String {
        let inside = related(entry).map(|(_, act)| act).find(|act| act.is("encounter"));
        inside.map(|encounter| self.encounter_id(encounter)).unwrap_or_default()
    }

    /// The id of an encounter that an entry points to.
    pub fn encounter_id(&self, encounter: Element<'a>) -> String {
        let header = self.about.encounter.strip_prefix(&self.about.patient).and_then(|id| id.strip_prefix(".."));
        if header.is_some_and(|id| id == types::id_of(&encounter)) {
            return self.about.encounter.clone();
        }
        let is_told = usable_id(encounter).is_some_and(|id| self.known.encounters.contains(&id));
        if is_told { self.name("Encounter", encounter, "") } else { String::new() }
    }

    /// Begins a resource about an entry, which is about `what`.
    pub fn begin(&self, kind: &'static str, entry: Element<'a>, what: &Concept) -> Draft {
        self.begin_as(kind, entry, key(what))
    }

    pub fn begin_as(&self, kind: &'static str, entry: Element<'a>, what: &str) -> Draft {
        self.begin_named(kind, entry, self.name(kind, entry, what))
    }

    /// Begins a resource whose name falls back on what it says, where the entry has no id: other records refer to it.
    pub fn begin_told(&self, kind: &'static str, entry: Element<'a>, what: &str, says: &[&str]) -> Draft {
        let mut name = self.name(kind, entry, what);
        if name.is_empty() && says.iter().all(|part| !part.is_empty()) {
            let parts: Vec<&str> = says.iter().map(|part| &part[..part.floor_char_boundary(WHAT_MAX)]).collect();
            name = self.unrepeated(kind, format!("{}..told.{}", self.about.patient, id(&parts)));
        }
        self.begin_named(kind, entry, name)
    }

    fn begin_named(&self, kind: &'static str, entry: Element<'a>, id: String) -> Draft {
        let mut resource = Resource::new(kind, &id);
        let last_updated = if id.is_empty() { "" } else { self.about.last_updated.as_str() };
        resource.meta(last_updated, &self.about.security);
        resource.object().array("identifier", |list| types::identifiers(list, &entry));
        Draft { resource, kind, id }
    }

    /// Adds a resource to what was made.
    pub fn keep(&mut self, draft: Draft, display: &str) -> Ref {
        let reference = Ref { kind: draft.kind, id: draft.id, display: display.to_owned() };
        self.made.push(Made { reference: reference.clone(), json: draft.resource.finish() });
        reference
    }

    pub fn note(&mut self, code: &'static str, entry: Element<'_>, note: String) {
        if self.findings.len() < CDA_FINDINGS_MAX {
            let offset = entry.span().map_or(0, |span| span.start as u64);
            self.findings.push(Finding { code, offset, note });
        }
    }

    /// An entry that is understood but holds nothing.
    pub fn empty(&mut self, entry: Element<'_>) {
        self.note("cda.entry-empty", entry, format!("{} without a code or text", entry.name()));
    }
}

/// The first id by which an entry may be named. A root alone must be a UUID (an OID alone is that of a system), and not
/// one of the samples'.
pub fn usable_id<'t>(entry: Element<'t>) -> Option<(&'t str, &'t str)> {
    types::ids(&entry).into_iter().find_map(|ii| {
        let (root, extension) = (ii.attr("root"), ii.attr("extension"));
        let is_sample = || {
            let root = root.to_ascii_lowercase();
            SAMPLE_IDS.iter().any(|sample| root.ends_with(sample))
        };
        (!extension.is_empty() || !types::id_from(&ii).is_empty() && !is_sample()).then_some((root, extension))
    })
}

//! What one form says otherwise than FHIR because it has to, each with its reason.
//!
//! Not for: mistakes. A difference that nothing needs any more fails the test.

use super::facts::{Fact, Facts};

/// What a form does to a fact.
pub enum Act {
    /// It has no place for this field.
    Forgets(&'static str),
    /// It has no record of this kind at all.
    Lacks,
    /// It puts this field otherwise.
    Rewords(&'static str, fn(&str) -> String),
}

/// Facts of all kinds.
const ANY: &str = "";

pub struct Difference {
    /// The kind of facts it concerns.
    pub what: &'static str,
    pub of: fn(&Fact) -> bool,
    pub act: Act,
    pub why: &'static str,
}

/// Takes a field that is forgotten out of both sides, and puts the FHIR side as the form would.
pub fn apply(differences: &[&Difference], facts: &Facts, is_fhir: bool) -> Facts {
    let mut changed = facts.clone();
    for facts in changed.values_mut() {
        for difference in differences {
            let concerns = |fact: &Fact| [ANY, fact.what].contains(&difference.what) && (difference.of)(fact);
            match difference.act {
                Act::Lacks if is_fhir => facts.retain(|fact| !concerns(fact)),
                Act::Lacks => {}
                Act::Forgets(field) => facts.iter_mut().filter(|f| concerns(f)).for_each(|fact| {
                    fact.fields.remove(field);
                }),
                Act::Rewords(field, reword) if is_fhir => {
                    for fact in facts.iter_mut().filter(|f| concerns(f)) {
                        if let Some(said) = fact.fields.get_mut(field) {
                            *said = reword(said);
                        }
                    }
                }
                Act::Rewords(..) => {}
            }
        }
        facts.sort();
    }
    changed.retain(|_, facts| !facts.is_empty());
    changed
}

fn all(_: &Fact) -> bool {
    true
}

fn is_diagnosis(fact: &Fact) -> bool {
    fact.get("category") == "encounter-diagnosis"
}

/// Notes end with their last word.
fn trimmed(text: &str) -> String {
    text.trim_end().to_owned()
}

const fn difference(what: &'static str, act: Act, why: &'static str) -> Difference {
    Difference { what, of: all, act, why }
}

use Act::{Forgets, Lacks, Rewords};

pub const HL7V2: &[Difference] = &[
    difference(
        ANY,
        Rewords("sensitivity", |codes| codes.replace("SUD", "ETHUD")),
        "table 0177, for ARV-3, ORC-28, OBX-13 and TXA-18, has one code for what is told of alcohol and drugs",
    ),
    difference(
        "relative",
        Rewords("relation", |code| match code {
            "SPS" => "SPO".into(),
            "CHILD" => "CHD".into(),
            "FRND" => "FND".into(),
            other => other.into(),
        }),
        "NK1-3 takes its codes from table 0063",
    ),
    difference("visit", Rewords("class", |code| code.replace("VR", "AMB")), "table 0004 has no class for a telephone call"),
    difference(
        "visit",
        Rewords("then", |code| if code == "home" { "01".into() } else { "03".into() }),
        "PV1-36 takes its codes from table 0112",
    ),
    Difference { what: "problem", of: is_diagnosis, act: Forgets("end"), why: "DG1 has no field for the end of a diagnosis" },
    Difference {
        what: "problem",
        of: is_diagnosis,
        act: Forgets("status"),
        why: "DG1 has no field for the state of a diagnosis",
    },
    difference("allergy", Forgets("recorded"), "AL1 does not say when an allergy was written down"),
    difference("allergy", Forgets("verified"), "AL1 does not say how sure anybody was"),
    difference("medicine ordered", Forgets("a day"), "RXE-7 holds instructions in words"),
    difference("medicine handed out", Forgets("days"), "RXD has no field for the days that a supply lasts"),
    difference("medicine given", Forgets("how"), "RXA holds what was given, and no instructions"),
    difference("medicine reported", Lacks, "no message tells what a patient says he takes"),
    difference(
        "result",
        Rewords("category", |code| code.replace("social-history", "procedure")),
        "OBR-24 has no section for habits",
    ),
    difference(
        "immunization",
        Rewords("why not", |_| "urn:archive:mer:NIP002|03 Patient decision".into()),
        "RXA-18 takes its codes from table NIP002",
    ),
    difference("document", Rewords("content", trimmed), "OBX holds lines, and nothing tells of blank ones behind the last"),
];

/// Everything that is no document.
const fn missing(what: &'static str) -> Difference {
    difference(what, Lacks, "a scanning station holds documents alone")
}

pub const SCANS: &[Difference] = &[
    missing("patient"),
    missing("relative"),
    missing("visit"),
    missing("problem"),
    missing("allergy"),
    missing("medicine ordered"),
    missing("medicine reported"),
    missing("medicine handed out"),
    missing("medicine given"),
    missing("result"),
    missing("immunization"),
    difference("document", Forgets("type"), "the index has codes of its own, to which the mapping adds those of LOINC"),
    difference(
        "document",
        Rewords("media", |media| media.replace("; charset=utf-8", "")),
        "a file does not tell its character set",
    ),
];

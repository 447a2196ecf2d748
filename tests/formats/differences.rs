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
    /// It says this field in a way of its own: both are put alike.
    Likens(&'static str, fn(&str) -> String),
    /// It tells more than there was.
    Adds,
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
            let reworded = |facts: &mut Vec<Fact>, field: &str, reword: fn(&str) -> String| {
                for said in facts.iter_mut().filter(|f| concerns(f)).filter_map(|fact| fact.fields.get_mut(field)) {
                    *said = reword(said);
                }
            };
            match difference.act {
                Act::Lacks if is_fhir => facts.retain(|fact| !concerns(fact)),
                Act::Adds if !is_fhir => facts.retain(|fact| !concerns(fact)),
                Act::Forgets(field) => facts.iter_mut().filter(|f| concerns(f)).for_each(|fact| {
                    fact.fields.remove(field);
                }),
                Act::Rewords(field, reword) if is_fhir => reworded(facts, field, reword),
                Act::Likens(field, reword) => reworded(facts, field, reword),
                Act::Lacks | Act::Adds | Act::Rewords(..) => {}
            }
        }
        facts.iter_mut().for_each(|fact| fact.fields.retain(|_, said| !said.is_empty()));
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

use Act::{Adds, Forgets, Lacks, Likens, Rewords};

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
    difference(
        "medicine ordered",
        Rewords("how often", |times| match times {
            "1" => "QD".into(),
            "2" => "BID".into(),
            "3" => "TID".into(),
            "4" => "QID".into(),
            other => other.into(),
        }),
        "TQ1-3 takes its codes from table 0335, and a day's times are told by a code",
    ),
    difference("medicine handed out", Forgets("days"), "RXD has no field for the days that a supply lasts"),
    difference("medicine given", Forgets("how"), "RXA holds what was given, and no instructions"),
    difference("medicine reported", Lacks, "no message tells what a patient says he takes"),
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

/// The clock on the wall, to the minute.
fn wall(time: &str) -> String {
    time.get(..16).unwrap_or(time).to_owned()
}

/// Standard codes in an order of their own, and the words.
fn standard(concept: &str) -> String {
    let (codes, words): (Vec<&str>, Vec<&str>) = concept.split(' ').partition(|part| part.contains('|'));
    let mut codes: Vec<&str> = codes.into_iter().filter(|code| !code.starts_with("urn:archive:odile:")).collect();
    codes.sort_unstable();
    codes.into_iter().chain(words).collect::<Vec<_>>().join(" ")
}

fn is_scan(document: &Fact) -> bool {
    !document.get("media").starts_with("text/")
}

const CLOCK: &str = "the tables give local times, to the minute and without a zone; the hospital's own clock and that of \
    New York differ for some days in March and November";
const MAPPED: &str = "the system has codes of its own; the standard ones come from the code map, behind them";

pub const CSV: &[Difference] = &[
    difference("relative", Lacks, "the extract holds no contacts"),
    difference(ANY, Likens("start", wall), CLOCK),
    difference(ANY, Likens("end", wall), CLOCK),
    difference(ANY, Likens("when", wall), CLOCK),
    difference("visit", Likens("type", standard), MAPPED),
    difference("visit", Likens("why", standard), MAPPED),
    difference("problem", Likens("code", standard), MAPPED),
    difference("allergy", Likens("to", standard), MAPPED),
    difference("allergy", Likens("reaction", standard), MAPPED),
    difference("medicine ordered", Likens("medicine", standard), MAPPED),
    difference("medicine reported", Likens("medicine", standard), MAPPED),
    difference("medicine handed out", Likens("medicine", standard), MAPPED),
    difference("medicine given", Likens("medicine", standard), MAPPED),
    difference("result", Likens("code", standard), MAPPED),
    difference("result", Likens("value", standard), MAPPED),
    difference("problem", Forgets("verified"), "the system does not ask how sure anybody is"),
    difference("allergy", Forgets("verified"), "the system does not ask how sure anybody is"),
    difference("medicine given", Forgets("route"), "the table of doses has no column for the route"),
    difference("medicine given", Forgets("note"), "the table of doses has no column for remarks"),
    Difference {
        what: "document",
        of: is_scan,
        act: Forgets("type"),
        why: "the index of scans has codes of its own, to which the mapping adds those of LOINC",
    },
];

fn only(name: &str) -> String {
    let parts = name.split("; ").map(|part| match part.strip_prefix("nickname: ") {
        Some(nickname) => format!("nickname: {}", nickname.split(' ').next().unwrap_or_default()),
        None => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("; ")
}

fn without_spaces(contact: &str) -> String {
    contact.replace(") ", ")")
}

fn without_end(address: &str) -> String {
    let is_day = |word: &str| word.len() == 10 && word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('-');
    let parts = address.split("; ").map(|part| match part.rsplit_once(' ') {
        Some((rest, day)) if is_day(day) => rest.trim_end().to_owned(),
        _ => part.trim_end().to_owned(),
    });
    parts.collect::<Vec<_>>().join("; ")
}

fn without_commas(name: &str) -> String {
    name.replace(',', "")
}

fn is_entry(fact: &Fact) -> bool {
    !["document", "visit"].contains(&fact.what)
}

fn is_file(document: &Fact) -> bool {
    document.what == "document" && !document.get("media").starts_with("text/plain")
}

fn is_summary(document: &Fact) -> bool {
    document.get("title").starts_with("Summary of care")
}

fn is_imaging(result: &Fact) -> bool {
    result.get("code").contains("|18782-3 ")
}

pub const CCDA: &[Difference] = &[
    Difference { what: "document", of: is_summary, act: Adds, why: "each patient has a summary, which is a document too" },
    Difference {
        what: "result",
        of: is_imaging,
        act: Adds,
        why: "C-CDA has no reports beside results: the words of an imaging report are a result",
    },
    Difference {
        what: "document",
        of: is_file,
        act: Rewords("sensitivity", |codes| codes.split(' ').next().unwrap_or_default().to_owned()),
        why: "an unstructured document can say how confidential it is, and not why",
    },
    difference(
        ANY,
        Likens("sensitivity", |codes| codes.split(' ').filter(|code| *code != "N").collect::<Vec<_>>().join(" ")),
        "a document says so when it is not restricted",
    ),
    difference("document", Rewords("media", |_| "text/xml".into()), "what is kept is the document, whatever stands in it"),
    difference("document", Forgets("content"), "the note stands in the document"),
    difference("patient", Likens("name", only), "C-CDA wants a family name in every name"),
    difference("patient", Likens("contact", without_spaces), "numbers are addresses (tel:), which have no spaces"),
    difference("patient", Likens("address", without_end), "addresses have no dates in a US document"),
    difference("relative", Lacks, "contacts stand in the header, and nothing there is a record of its own"),
    Difference { what: ANY, of: is_entry, act: Forgets("visit"), why: "entries do not name the visit that they belong to" },
    difference(ANY, Likens("by", without_commas), "names are written in parts"),
    difference("problem", Forgets("verified"), "C-CDA does not say how sure anybody was"),
    difference("allergy", Forgets("verified"), "C-CDA does not say how sure anybody was"),
    difference("medicine ordered", Rewords("a day", |_| "1".into()), "C-CDA tells the time from dose to dose"),
    difference("medicine handed out", Forgets("how"), "a supply holds no directions"),
    difference("medicine handed out", Forgets("days"), "a supply holds no number of days"),
    difference("medicine given", Rewords("dose", |_| "1 {dose}".into()), "C-CDA has codes of units, and no names for them"),
    difference("medicine given", Forgets("how"), "directions of doses are those of the narrative"),
    difference("medicine given", Forgets("route"), "C-CDA takes routes from the NCI Thesaurus"),
    difference("medicine given", Forgets("note"), "remarks are those of the narrative"),
    difference("result", Rewords("status", |status| status.replace("corrected", "final")), "C-CDA knows completed results"),
    difference("result", Forgets("note"), "remarks are those of the narrative"),
    difference("immunization", Rewords("why not", |code| format!("{code} Patient objection")), "a code has its name with it"),
];

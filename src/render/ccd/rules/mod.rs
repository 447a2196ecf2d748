//! What C-CDA R2.1 demands of a document, held against its typed parts before they are written: a document that breaks a rule
//! does not leave.
//!
//! The order of elements needs no rule, since parts cannot be written in another. The rules here are those of the Schematron
//! that a mistake in a section could break, and what no Schematron tests: that references resolve, that both forms of a
//! template are declared, that codes, times and units are written as their types demand.
//!
//! Not for: mending a document.

mod entries;
mod forms;
mod header;

use super::Fault;
use super::cda::{Entry, Section, Template};
use super::document::{Body, Document};

const SECTION: &str = "2.16.840.1.113883.10.20.22.2.";

/// A breach: the rule, and where. The place names sections and numbers, and no content.
pub(super) struct Breach {
    pub rule: &'static str,
    pub says: &'static str,
    pub place: String,
}

impl Breach {
    fn new(rule: &'static str, says: &'static str) -> Breach {
        Breach { rule, says, place: String::new() }
    }

    fn within(mut self, place: &str) -> Breach {
        self.place = if self.place.is_empty() { place.to_owned() } else { format!("{place}/{}", self.place) };
        self
    }
}

type Held = Result<(), Breach>;

fn demand(holds: bool, rule: &'static str, says: &'static str) -> Held {
    if holds { Ok(()) } else { Err(Breach::new(rule, says)) }
}

/// Holds all rules against a document; the first one that is broken is told.
pub fn check(document: &Document) -> Result<(), Fault> {
    let held = document_holds(document);
    held.map_err(|breach| Fault::Rule { rule: breach.rule, says: breach.says, place: breach.place })
}

fn document_holds(document: &Document) -> Held {
    header::check(document).map_err(|breach| breach.within("header"))?;
    let Body::Sections(sections) = &document.body else { return Ok(()) };
    body(sections)?;
    forms::anchors(sections)?;
    for section in sections {
        section_holds(section).map_err(|breach| breach.within(section.title))?;
    }
    Ok(())
}

/// Sections that every CCD has once, by template.
fn body(sections: &[Section]) -> Held {
    const SHALL: [(&str, &str, &str); 6] = [
        ("6.1", "1198-30661", "one Allergies section, entries required"),
        ("1.1", "1198-30663", "one Medications section, entries required"),
        ("5.1", "1198-30665", "one Problem section, entries required"),
        ("3.1", "1198-30669", "one Results section, entries required"),
        ("17", "1198-30687", "one Social History section"),
        ("4.1", "1198-30689", "one Vital Signs section, entries required"),
    ];
    for (template, rule, says) in SHALL {
        let root = |t: &Template| t.root.strip_prefix(SECTION) == Some(template);
        demand(sections.iter().filter(|s| s.templates.iter().any(root)).count() == 1, rule, says)?;
    }
    Ok(())
}

fn section_holds(section: &Section) -> Held {
    forms::templates(&section.templates)?;
    forms::code(&section.code)?;
    demand(section.code.code.is_some(), "1198-section-code", "a section has a code")?;
    demand(!section.title.is_empty(), "1198-section-title", "a section has a title")?;
    // An empty section says so; the entries-required templates take it instead of entries.
    let requires = |t: &Template| t.root.strip_prefix(SECTION).is_some_and(|rest| rest.ends_with(".1") && rest.contains('.'));
    let has_content = !section.entries.is_empty() || section.null.is_some();
    demand(
        has_content || !section.templates.iter().any(requires),
        "1198-entries",
        "a section that requires entries has some, or says NI",
    )?;
    section.authors.iter().try_for_each(forms::author)?;
    for (number, given) in section.entries.iter().enumerate() {
        entry_holds(&given.entry).map_err(|breach| breach.within(&format!("entry {}", number + 1)))?;
    }
    Ok(())
}

fn entry_holds(entry: &Entry) -> Held {
    let own = || {
        forms::entry(entry)?;
        entries::check(entry)
    };
    own().map_err(|breach| breach.within(entry.element()))?;
    let inner = entry.related.iter().map(|related| &related.entry).chain(&entry.components);
    for entry_inside in inner {
        entry_holds(entry_inside).map_err(|breach| breach.within(entry.element()))?;
    }
    Ok(())
}

//! A CDA document as FHIR: the patient, the document itself, how it is built up, the visit, and the entries of its
//! sections.
//!
//! The document stays whole in the archive and is what counts; the resources make it findable and its coded entries
//! usable. So nothing that is odd in a well-formed document keeps it out.
//!
//! Not for: reading XML (`formats::cda`).

mod composition;
mod encounter;
mod entries;
mod patient;
mod reference;
pub mod types;

#[cfg(test)]
mod tests;

use serde::Deserialize;

use super::systems::Coding;
use super::{Context, Fate, Mapped};
use crate::formats::cda::{Document, Element, Section};
use crate::model::{Finding, Label};

/// What a site can decide about how CDA documents are read.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// Roots (OIDs) of the patient numbers to take as a patient's id where a document gives several; the first one found
    /// counts. Others follow in the order of the document, social security numbers last.
    pub patient_roots: Vec<String>,
}

/// What all resources of one document share.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// Id of the Patient; empty when the document names none.
    pub patient: String,
    /// Id of the Encounter made of the header's visit; empty without one. An entry with this id is the same visit.
    pub encounter: String,
    /// FHIR instant for `meta.lastUpdated`; empty when the document's time is less precise.
    pub last_updated: String,
    /// The time of the document as FHIR dateTime; may be partial or empty.
    pub time: String,
    /// Codes for `meta.security`: those of the document, and of the section where it is one's entries.
    pub security: Vec<Coding>,
}

/// Maps one document.
pub fn map(bytes: &[u8], rules: &Rules, cx: &Context<'_>) -> Mapped {
    let mut out = Mapped { kind: "cda".into(), ..Mapped::default() };
    let document = match Document::read(bytes) {
        Ok(document) => document,
        Err(fault) => {
            out.fate = Fate::Quarantined(fault.to_string());
            return out;
        }
    };
    out.findings = document.findings().to_vec();
    out.units = document.entry_count();
    let code = document.header("code").map_or("", |code| code.attr("code"));
    // Only what can be a code stands in the ledger.
    if (1..=20).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        out.kind = format!("cda:{code}");
    }
    let mut about = about(&document, cx, &mut out);
    about.patient = patient::map(&document, rules, &about, cx, &mut out);
    about.encounter = encounter::map(&document, &about, cx, &mut out);
    let parts = {
        let known = entries::survey(&document, &about, cx);
        sections(&document, &document.sections(), &about, &known, cx, &mut out)
    };
    about.security = labels(&document, cx);
    let composition = composition::map(&document, &parts, &about, cx, &mut out);
    let whole = reference::Whole { cx, len: bytes.len() as u64 };
    reference::map(&document, &composition, &about, whole, &mut out);
    out
}

/// A section with what was made of it.
pub(crate) struct Part<'t> {
    pub section: Section<'t>,
    /// References to the resources made of its entries.
    pub made: Vec<String>,
    pub inside: Vec<Part<'t>>,
}

/// Maps the entries of sections. Sections nest no deeper than a third of what elements may.
fn sections<'t>(
    document: &'t Document<'_>,
    sections_here: &[Section<'t>],
    about: &About,
    known: &entries::Known<'_>,
    cx: &Context<'_>,
    out: &mut Mapped,
) -> Vec<Part<'t>> {
    let mut parts = Vec::new();
    for section in sections_here {
        let mut about = about.clone();
        for coding in confidentiality(&section.element, cx).chain(section.entries().flat_map(|entry| privacy(entry, cx))) {
            add(&mut about.security, coding);
        }
        // Entries without a patient are nobody's: they stay in the document.
        let made = match about.patient.is_empty() {
            true => Vec::new(),
            false => entries::section(document, section, &about, known, cx, out),
        };
        let inside = sections(document, &section.subsections(), &about, known, cx, out);
        parts.push(Part { section: section.clone(), made, inside });
    }
    parts
}

fn about(document: &Document<'_>, cx: &Context<'_>, out: &mut Mapped) -> About {
    let time = document.header("effectiveTime").map(|e| types::time(&e, cx)).unwrap_or_default();
    if time.text.is_empty() {
        note(out, "cda.no-time", document.header("effectiveTime"), "says not, or not readably, when it was made");
    }
    About {
        last_updated: time.instant().to_owned(),
        time: time.text,
        security: confidentiality(&document.root(), cx).collect(),
        ..About::default()
    }
}

/// The confidentiality that an element gives to what it holds.
fn confidentiality<'t>(element: &Element<'t>, cx: &Context<'t>) -> impl Iterator<Item = Coding> + use<'t> {
    let cx = *cx;
    element.children("confidentialityCode").filter_map(move |code| types::coding(&code, &cx))
}

/// Privacy marks among the entries (HL7 Data Segmentation for Privacy): confidentiality, sensitivity, handling.
fn privacy<'t>(entry: Element<'t>, cx: &Context<'t>) -> impl Iterator<Item = Coding> + use<'t> {
    let cx = *cx;
    let is_mark = |e: &Element<'_>| e.is("observation") && e.children("templateId").any(|t| t.attr("root").starts_with(MARKS));
    const MARKS: &str = "2.16.840.1.113883.3.445.";
    entry.descendants().filter(is_mark).filter_map(move |mark| types::coding(&mark.child("value")?, &cx))
}

/// All codes of confidentiality and privacy in a document: it is as confidential as the most confidential in it.
fn labels(document: &Document<'_>, cx: &Context<'_>) -> Vec<Coding> {
    let mut all = Vec::new();
    let given = document.root().descendants().filter(|e| e.is("confidentialityCode"));
    for coding in given.filter_map(|code| types::coding(&code, cx)).chain(privacy(document.root(), cx)) {
        add(&mut all, coding);
    }
    all
}

/// Adds a code once. A document of endless codes keeps the first ones, but never loses that it is restricted.
fn add(list: &mut Vec<Coding>, coding: Coding) {
    const CODES_MAX: usize = 100;
    let is_restricted = |c: &Coding| Label::of_security_code(&c.code).is_restricted();
    let has_room = list.len() < CODES_MAX || is_restricted(&coding) && !list.iter().any(is_restricted);
    if has_room && !list.iter().any(|c| (&c.system, &c.code) == (&coding.system, &coding.code)) {
        list.push(coding);
    }
}

/// Notes something odd: a stable code, the place, and words that hold nothing of the document.
pub(crate) fn note(out: &mut Mapped, code: &'static str, place: Option<Element<'_>>, note: &str) {
    let offset = place.and_then(|element| element.span()).map_or(0, |span| span.start as u64);
    out.findings.push(Finding { code, offset, note: note.to_owned() });
}

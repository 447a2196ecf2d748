//! A document by its parts: header, sections, body.
//!
//! Not for: what the parts mean in FHIR (`mapping::cda`).

use std::ops::Range;

use super::Fault;
use super::build::build;
use super::tree::{Element, Tree};
use crate::model::Finding;

/// A document that was read.
#[derive(Debug)]
pub struct Document<'a> {
    tree: Tree<'a>,
    findings: Vec<Finding>,
}

/// What a document has for a body.
pub enum Body<'t> {
    /// Sections; the element is `structuredBody`.
    Structured(Element<'t>),
    /// One file of another kind; the element is `nonXMLBody/text`.
    File(Element<'t>),
    None,
}

/// A section of a document.
#[derive(Clone)]
pub struct Section<'t> {
    pub element: Element<'t>,
    /// Which it is, counted from 1, with those that it lies in: `3.1`.
    pub path: String,
}

impl<'a> Document<'a> {
    /// Reads a document; refused when it is not well-formed, goes beyond the limits, or is another kind of XML.
    pub fn read(bytes: &'a [u8]) -> Result<Document<'a>, Fault> {
        let mut findings = Vec::new();
        let tree = build(bytes, &mut findings)?;
        let is_document = Element::first(&tree).is("ClinicalDocument");
        if is_document { Ok(Document { tree, findings }) } else { Err(Fault { code: "cda.no-document", offset: 0 }) }
    }

    /// What was odd about how it is written.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Whether it declares entities or the like. Nothing of that is ever used, and such a document is not shown as a
    /// page.
    pub fn has_internal_subset(&self) -> bool {
        self.findings.iter().any(|f| f.code == "cda.internal-subset")
    }

    /// The element `ClinicalDocument`, with all of the header inside.
    pub fn root(&self) -> Element<'_> {
        Element::first(&self.tree)
    }

    /// The first element of that attribute `ID`: what `#…` in the document points to.
    pub fn by_id(&self, id: &str) -> Option<Element<'_>> {
        self.tree.by_id(id)
    }

    /// What a `reference/@value` that begins with `#` points to.
    pub fn referenced(&self, value: &str) -> Option<Element<'_>> {
        self.by_id(value.trim().strip_prefix('#')?)
    }

    /// The header's first element of that name (`id`, `code`, `title`, `effectiveTime`, `confidentialityCode`,
    /// `languageCode`, `setId`, `versionNumber`, `custodian`, `legalAuthenticator`, …).
    pub fn header(&self, name: &str) -> Option<Element<'_>> {
        self.root().child(name)
    }

    pub fn patient_roles(&self) -> impl Iterator<Item = Element<'_>> {
        self.root().children("recordTarget").filter_map(|target| target.child("patientRole"))
    }

    pub fn authors(&self) -> impl Iterator<Item = Element<'_>> {
        self.root().children("author")
    }

    pub fn custodian(&self) -> Option<Element<'_>> {
        self.root().path(&["custodian", "assignedCustodian", "representedCustodianOrganization"])
    }

    pub fn encompassing_encounter(&self) -> Option<Element<'_>> {
        self.root().path(&["componentOf", "encompassingEncounter"])
    }

    /// `relatedDocument`s; `typeCode` says how this document relates to the `parentDocument` inside.
    pub fn related_documents(&self) -> impl Iterator<Item = Element<'_>> {
        self.root().children("relatedDocument")
    }

    /// Its title, white space put in order.
    pub fn title(&self) -> String {
        self.header("title").map(|title| spaced(&title.text())).unwrap_or_default()
    }

    pub fn body(&self) -> Body<'_> {
        for component in self.root().children("component") {
            if let Some(body) = component.child("structuredBody") {
                return Body::Structured(body);
            }
            if let Some(text) = component.path(&["nonXMLBody", "text"]) {
                return Body::File(text);
            }
        }
        Body::None
    }

    /// The sections at the top.
    pub fn sections(&self) -> Vec<Section<'_>> {
        match self.body() {
            Body::Structured(body) => inside(body, ""),
            _ => Vec::new(),
        }
    }

    /// All sections, at any depth, in order.
    pub fn all_sections(&self) -> Vec<Section<'_>> {
        let mut waiting = self.sections();
        waiting.reverse();
        let mut all = Vec::new();
        while let Some(section) = waiting.pop() {
            let mut inner = section.subsections();
            inner.reverse();
            waiting.append(&mut inner);
            all.push(section);
        }
        all
    }

    /// How many `entry` elements stand directly in a `section`, wherever that is.
    pub fn entry_count(&self) -> u32 {
        let sections = self.root().descendants().filter(|e| e.is("section"));
        sections.map(|s| s.children("entry").count()).sum::<usize>() as u32
    }

    /// Where the base64 text of `nonXMLBody/text` lies in the document as it was given, when it lies there in one piece.
    pub fn base64_span(&self, text: Element<'_>) -> Option<Range<usize>> {
        let span = text.inner_span()?;
        let given = self.tree.text.get(span.start - self.tree.mark..span.end - self.tree.mark)?;
        let is_plain = given.bytes().all(|b| b.is_ascii_alphanumeric() || b.is_ascii_whitespace() || b"+/=".contains(&b));
        is_plain.then_some(span)
    }
}

fn inside<'t>(element: Element<'t>, path: &str) -> Vec<Section<'t>> {
    let sections = element.children("component").flat_map(|component| component.children("section"));
    let point = if path.is_empty() { "" } else { "." };
    sections.enumerate().map(|(i, element)| Section { element, path: format!("{path}{point}{}", i + 1) }).collect()
}

impl<'t> Section<'t> {
    /// The element `code`.
    pub fn code(&self) -> Option<Element<'t>> {
        self.element.child("code")
    }

    /// Its title, else the words of its code.
    pub fn title(&self) -> String {
        let title = self.element.child("title").map(|title| spaced(&title.text())).filter(|title| !title.is_empty());
        title.unwrap_or_else(|| self.code().map_or("", |code| code.attr("displayName")).to_owned())
    }

    /// The narrative.
    pub fn text(&self) -> Option<Element<'t>> {
        self.element.child("text")
    }

    /// The elements `entry`.
    pub fn entries(&self) -> impl Iterator<Item = Element<'t>> + use<'t> {
        self.element.children("entry")
    }

    /// Whether one of its `templateId`s has this root.
    pub fn has_template(&self, root: &str) -> bool {
        self.element.children("templateId").any(|template| template.attr("root") == root)
    }

    /// The sections directly inside.
    pub fn subsections(&self) -> Vec<Section<'t>> {
        inside(self.element, &self.path)
    }
}

/// Runs of white space as one space, none at the ends.
pub(super) fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

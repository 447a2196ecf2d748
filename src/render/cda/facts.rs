//! Facts of the header as rows: the header is walked whole, each element by what it is called, so that what is not known here gets a
//! row under its own name and nothing is left out.
//!
//! Not for: which panels there are (`header`), data types in words (`values`).

use std::borrow::Cow;

use crate::formats::cda::{Document, Element, Node};

use super::page::{Panel, Row};
use super::values::{address, full_code, identifier, interval, name, null_flavor_words, quantity, spaced, telecom};

/// What facts are called, in the order in which a panel shows them.
const LABELS: [(&str, &str); 39] = [
    ("name", "Name"),
    ("birthTime", "Born"),
    ("age", "Age"),
    ("administrativeGenderCode", "Sex"),
    ("genderIdentityCode", "Gender identity"),
    ("deceasedInd", "Deceased"),
    ("deceasedTime", "Died"),
    ("manufacturerModelName", "Device"),
    ("softwareName", "Software"),
    ("signature", "Signature"),
    ("signatureText", "Signed text"),
    ("time", "When"),
    ("functionCode", "Function"),
    ("modeCode", "Way"),
    ("effectiveTime", "Period"),
    ("code", "Role"),
    ("specialty", "Specialty"),
    ("id", "Number"),
    ("setId", "Series"),
    ("versionNumber", "Version"),
    ("statusCode", "Status"),
    ("addr", "Address"),
    ("telecom", "Contact"),
    ("maritalStatusCode", "Marital status"),
    ("raceCode", "Race"),
    ("ethnicGroupCode", "Ethnicity"),
    ("religiousAffiliationCode", "Religion"),
    ("languageCommunication", "Language"),
    ("birthplace", "Birthplace"),
    ("multipleBirthInd", "Multiple birth"),
    ("multipleBirthOrderNumber", "Birth order"),
    ("dischargeDispositionCode", "Discharge"),
    ("admissionReferralSourceCode", "Referral source"),
    ("guardian", "Guardian"),
    ("providerOrganization", "Provider"),
    ("organisation", "Organisation"),
    ("healthCareFacility", "Place"),
    ("identifiedBy", "Also identified by"),
    ("copyTime", "Copied"),
];

/// Elements whose facts stand together in one row.
fn group(name: &str) -> Option<&'static str> {
    Some(match name {
        "birthplace" => "birthplace",
        "guardian" => "guardian",
        "providerOrganization" => "providerOrganization",
        "healthCareFacility" => "healthCareFacility",
        "identifiedBy" => "identifiedBy",
        "asOrganizationPartOf" => "organisation",
        _ if name.ends_with("Organization") => "organisation",
        _ => return None,
    })
}

/// A row's place and label, for the name of an element.
fn label(name: &str) -> (usize, Cow<'static, str>) {
    match LABELS.iter().position(|(known, _)| *known == name) {
        Some(at) => (at, LABELS.get(at).map_or("", |row| row.1).into()),
        None => (LABELS.len(), plain(name).into()),
    }
}

/// `dischargeDispositionCode` as `Discharge disposition`.
pub(super) fn plain(name: &str) -> String {
    let mut out = String::new();
    for c in name.strip_suffix("Code").filter(|rest| !rest.is_empty()).unwrap_or(name).chars() {
        match c {
            c if out.is_empty() => out.extend(c.to_uppercase()),
            c if c.is_uppercase() => {
                out.push(' ');
                out.extend(c.to_lowercase());
            }
            c => out.push(c),
        }
    }
    out
}

/// Names of elements that hold one value, whatever lies inside.
fn is_datum(element: Element<'_>) -> bool {
    let name = element.name();
    let is_known = matches!(name, "name" | "addr" | "telecom" | "id" | "languageCommunication" | "time");
    let is_typed = name.ends_with("Time") || name.ends_with("Code") || name == "code";
    let has_value = ["code", "value", "extension", "root", "displayName"].into_iter().any(|a| !element.attr(a).is_empty());
    is_known || is_typed || has_value || element.elements().next().is_none()
}

/// Collects the rows of a panel; what says nothing makes no row.
pub(super) struct Rows<'d, 'a> {
    document: &'d Document<'a>,
    mask: bool,
    rows: Vec<(usize, Row)>,
}

impl<'d, 'a> Rows<'d, 'a> {
    pub(super) fn new(document: &'d Document<'a>, mask: bool) -> Rows<'d, 'a> {
        Rows { document, mask, rows: Vec::new() }
    }

    pub(super) fn panel(mut self, heading: impl Into<String>) -> Panel {
        self.rows.sort_by_key(|(place, _)| *place);
        Panel { heading: heading.into(), rows: self.rows.into_iter().map(|(_, row)| row).collect() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Lines under the label of an element's name; those of one label stand together.
    pub(super) fn put(&mut self, name: &str, lines: impl IntoIterator<Item = String>) {
        let (place, label) = label(name);
        self.add(place, label, lines, true);
    }

    /// Lines under a label of their own, behind all others.
    pub(super) fn put_as(&mut self, label: &'static str, lines: impl IntoIterator<Item = String>) {
        self.add(LABELS.len(), label.into(), lines, true);
    }

    fn add(&mut self, place: usize, label: Cow<'static, str>, lines: impl IntoIterator<Item = String>, joins: bool) {
        let lines = lines.into_iter().filter(|line| !line.is_empty());
        match self.rows.iter_mut().find(|(_, row)| joins && row.label == label) {
            Some((_, row)) => row.lines.extend(lines),
            None => {
                let lines: Vec<String> = lines.collect();
                if !lines.is_empty() {
                    self.rows.push((place, Row { label, lines }));
                }
            }
        }
    }

    /// A row that is there whether or not the document says anything.
    pub(super) fn must(&mut self, name: &str) {
        let (place, label) = label(name);
        if !self.rows.iter().any(|(_, row)| row.label == label) {
            self.rows.push((place, Row { label, lines: vec!["not given".into()] }));
        }
    }

    pub(super) fn must_as(&mut self, label: &'static str) {
        if !self.rows.iter().any(|(_, row)| row.label == label) {
            self.rows.push((LABELS.len(), Row { label: label.into(), lines: vec!["not given".into()] }));
        }
    }

    /// Everything inside an element but what `skip` names.
    pub(super) fn inside(&mut self, element: Element<'_>, skip: &[&str]) {
        for node in element.nodes() {
            match node {
                Node::Text(text) => self.put("note", Some(spaced(text))),
                Node::Element(inner) if skip.contains(&inner.name()) || is_bookkeeping(inner.name()) => {}
                Node::Element(inner) => self.element(inner, skip),
            }
        }
    }

    /// An element and everything inside it.
    pub(super) fn element(&mut self, element: Element<'_>, skip: &[&str]) {
        if let Some(kind) = group(element.name()) {
            let lines = self.lines(element);
            let (place, label) = label(kind);
            return self.add(place, label, lines, false);
        }
        if !is_datum(element) {
            return self.inside(element, skip);
        }
        let words = self.datum(element);
        // A person's legal name comes first, whatever stands before it.
        let is_legal = element.name() == "name" && element.attr("use").split_ascii_whitespace().any(|u| u == "L");
        let names = self.rows.iter_mut().find(|(_, row)| row.label == "Name");
        match (names, words) {
            (Some((_, row)), Some(words)) if is_legal => row.lines.insert(0, words),
            (_, words) => self.put(element.name(), words),
        }
    }

    /// Everything that an element holds, a line for each fact, names before numbers.
    pub(super) fn lines(&self, element: Element<'_>) -> Vec<String> {
        let mut lines = Vec::new();
        self.gather(element, &mut lines);
        lines.sort_by_key(|(place, _)| *place);
        lines.into_iter().map(|(_, line)| line).collect()
    }

    /// The same in the order of the document.
    pub(super) fn lines_as_written(&self, element: Element<'_>) -> Vec<String> {
        let mut lines = Vec::new();
        self.gather(element, &mut lines);
        lines.into_iter().map(|(_, line)| line).collect()
    }

    fn gather(&self, element: Element<'_>, lines: &mut Vec<(usize, String)>) {
        // What a reader tells at a glance needs no label.
        const BARE: [&str; 6] = ["name", "id", "addr", "telecom", "code", "setId"];
        if is_datum(element) && (group(element.name()).is_none() || element.elements().next().is_none()) {
            let (place, label) = label(element.name());
            let is_bare = BARE.contains(&element.name()) || group(element.name()).is_some();
            let words = self.datum(element);
            lines.extend(words.map(|words| (place, if is_bare { words } else { format!("{label}: {words}") })));
            return;
        }
        for node in element.nodes() {
            match node {
                Node::Text(text) => {
                    lines.extend(Some(spaced(text)).filter(|text| !text.is_empty()).map(|text| (LABELS.len(), text)));
                }
                Node::Element(inner) if is_bookkeeping(inner.name()) => {}
                Node::Element(inner) => self.gather(inner, lines),
            }
        }
    }

    /// One value in words, by its type: told by its name, else by what it holds.
    pub(super) fn datum(&self, element: Element<'_>) -> Option<String> {
        let own = element.name();
        let has = |attribute: &str| !element.attr(attribute).is_empty();
        let is_interval = element.child("low").is_some() || element.child("high").is_some();
        let words = match own {
            "name" => name(element),
            "addr" => address(element),
            "telecom" => telecom(element),
            "languageCommunication" => self.language(element),
            "id" | "setId" => identifier(element, self.mask),
            _ if own == "time" || own.ends_with("Time") || is_interval => interval(element),
            _ if own.ends_with("Code") || own == "code" || has("code") || has("displayName") => {
                full_code(self.document, element, known_code)
            }
            _ if has("extension") || has("root") => identifier(element, self.mask),
            _ if matches!(element.attr("value"), "true" | "false") => {
                Some(if element.attr("value") == "true" { "yes" } else { "no" }.to_owned())
            }
            _ if has("value") => quantity(element),
            _ => None,
        };
        let text = || Some(spaced(&element.text())).filter(|text| !text.is_empty());
        words.or_else(text).or_else(|| null_flavor_words(element.null_flavor()).map(str::to_owned))
    }

    /// A language that a patient speaks: which, how, how well, and whether it is the preferred one.
    fn language(&self, communication: Element<'_>) -> Option<String> {
        let mut words = communication.child("languageCode").and_then(|tag| full_code(self.document, tag, |_| None));
        let mut more: Vec<String> = Vec::new();
        for part in communication.elements().filter(|part| !is_bookkeeping(part.name())) {
            match part.name() {
                "languageCode" => {}
                "preferenceInd" if part.attr("value") == "true" => more.push("preferred".into()),
                "preferenceInd" if part.attr("value") == "false" => more.push("not preferred".into()),
                _ => more.extend(self.datum(part)),
            }
        }
        if words.is_none() && !more.is_empty() {
            words = Some("not given".into());
        }
        words.map(|words| if more.is_empty() { words } else { format!("{words} ({})", more.join(", ")) })
    }
}

/// Elements that say which specification a part follows, and nothing of anyone.
pub(super) fn is_bookkeeping(name: &str) -> bool {
    matches!(name, "templateId" | "typeId" | "realmCode")
}

/// Words for codes of the header that come without any.
fn known_code(code: &str) -> Option<&'static str> {
    Some(match code {
        "M" => "Male",
        "F" => "Female",
        "UN" => "Undifferentiated",
        _ => return None,
    })
}

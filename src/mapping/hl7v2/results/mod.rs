//! Results: OBR and OBX as DiagnosticReport and Observation, SPM as Specimen. Other kinds of message bring OBX too.
//!
//! A document within a report is a presented form of it, and so is prose; nothing is shown twice. A document below no
//! report is a DocumentReference.
//!
//! Not for: the patient and the visit (`patient`, `visit`), or what a value says (`value`).

mod codes;
mod observation;
mod range;
mod report;
mod specimen;
mod value;

use std::collections::HashMap;

use super::attachment::{Attachment, Documents};
use super::blocks::Block;
use super::document_reference;
use super::group::Group;
use super::scope::{Names, Scope};
use crate::formats::hl7v2::{Segment, Value};
use crate::mapping::{Mapped, id};

use self::codes::Section;
use self::observation::Around;
pub(super) use self::observation::Entry;
pub(super) use self::report::prose;
pub(super) use self::value::Unit;

pub(super) fn map(group: &Group<'_>, out: &mut Mapped) {
    let mut results = Results::new(Scope::new(group));
    for block in Block::all(group) {
        results.block(&block, block.obr, out);
    }
}

/// Only observations and documents: in messages whose OBR is an order.
pub(super) fn map_observations(group: &Group<'_>, out: &mut Mapped) {
    map_below(group, |_| true, out);
}

/// The same for the orders that are wanted.
pub(super) fn map_below(group: &Group<'_>, wanted: impl Fn(&Block<'_>) -> bool, out: &mut Mapped) {
    let mut results = Results::new(Scope::new(group));
    for block in Block::all(group).iter().filter(|block| wanted(block)) {
        results.block(block, None, out);
    }
}

/// The results of one patient's part of a message.
struct Results<'g, 'm> {
    scope: Scope<'g, 'm>,
    names: Names,
    /// Observations by filler number, code and sub-id, for reflex tests that name the result they follow from.
    written: HashMap<String, String>,
}

impl<'g, 'm> Results<'g, 'm> {
    fn new(scope: Scope<'g, 'm>) -> Results<'g, 'm> {
        Results { scope, names: Names::default(), written: HashMap::new() }
    }

    /// Maps an order's results; those that stand below no OBR without a report.
    fn block(&mut self, block: &Block<'m>, obr: Option<Segment<'m>>, out: &mut Mapped) {
        let (mut entries, mut documents) = self.read(block, out);
        let code = obr.or(block.obr).map(|obr| obr.field(4));
        let mut section = obr.map_or_else(|| self.section_without_report(), |obr| section_of(&self.scope, obr));
        let is_prose = obr.is_some() && is_document(&entries, section, obr);
        if is_prose {
            entries.retain(|entry| !observation::is_withdrawn(entry.obx));
        }
        if is_prose && entries.iter().any(|e| report::is_report_part(e.code())) && obr.is_some_and(|o| o.field(24).is_empty()) {
            section = Section::Imaging;
        }
        let key = code.map_or_else(String::new, |code| self.name_of(block, code));
        let specimens = self.specimens(block, &key, out);
        let effective = self.effective(block, obr);
        let parent = block.obr.and_then(|obr| self.written.get(&parent_key(obr))).cloned().unwrap_or_default();
        let issued = block.obr.map(|obr| self.scope.time(obr.field(22))).unwrap_or_default();
        let status = block.obr.map(|obr| obr.field(25).text().to_ascii_uppercase()).unwrap_or_default();
        let (specimen, words) = match specimens.as_slice() {
            [one] => (one.0.as_str(), one.1.as_str()),
            _ => ("", ""),
        };
        let around = Around {
            section,
            effective: &effective,
            issued: issued.instant(),
            status: &status,
            specimen: (specimen, words),
            parent: &parent,
        };
        let values: &[Entry<'m>] = if is_prose { &[] } else { &entries };
        let ids = self.observations(values, block.obr, &key, &around, out);
        let Some(obr) = obr else {
            for (obx, document) in documents.iter().filter(|(obx, _)| obx.field(11).text() != "W") {
                document_reference::stray(&self.scope, *obx, document, &mut self.names, out);
            }
            return;
        };
        documents.retain(|(obx, _)| !observation::is_withdrawn(*obx));
        let documents: Vec<Attachment> = documents.into_iter().map(|(_, document)| document).collect();
        let parts = report::Parts {
            section,
            effective: &effective,
            results: &ids,
            specimens: &specimens,
            prose: if is_prose { &entries } else { &[] },
            documents: &documents,
            first: block.first("OBX"),
        };
        let id = self.names.unique("DiagnosticReport", key);
        out.resources.push(report::write(&self.scope, block, obr, &parts, &id));
    }

    /// Below no report only a laboratory's message tells where an observation comes from.
    fn section_without_report(&self) -> Section {
        match self.scope.code.as_str() {
            "ORU" | "OUL" => Section::Laboratory,
            "ORM" | "OML" | "OMG" | "OMI" | "OMP" | "RDE" => Section::Order,
            _ => Section::Unknown,
        }
    }

    /// The values of a block, lines of one text together, and its documents.
    fn read(&self, block: &Block<'m>, out: &mut Mapped) -> (Vec<Entry<'m>>, Vec<(Segment<'m>, Attachment)>) {
        let mut entries: Vec<Entry<'m>> = Vec::new();
        let mut documents = Documents::new(*self.scope.cx);
        let mut carriers: Vec<Segment<'m>> = Vec::new();
        let mut pointers = Vec::new();
        let mut is_of_entry = false;
        for &segment in &block.rest {
            match segment.name() {
                "OBX" => {
                    let kind = segment.field(2).text().to_ascii_uppercase();
                    is_of_entry = false;
                    if segment.field(11).text() == "W" {
                        self.scope.note(
                            out,
                            "wrong-patient",
                            segment,
                            "is said to belong to another patient; its value is left out",
                        );
                    }
                    match kind.as_str() {
                        "ED" => {
                            let (before, title) = (documents.len(), title(segment));
                            for value in segment.field(5).repetitions() {
                                if !value.component(5).is_empty() && !documents.add(value, &title) {
                                    self.scope.note(out, "attachment-decode", segment, "holds a document that cannot be decoded");
                                }
                            }
                            carriers.extend(std::iter::repeat_n(segment, documents.len() - before));
                        }
                        "RP" if Attachment::is_pointer(segment.field(5)) => {
                            let found = segment.field(5).repetitions().filter_map(|v| Attachment::pointer(v, &title(segment)));
                            pointers.extend(found.map(|pointer| (segment, pointer)));
                        }
                        _ if segment.field(3).is_empty() && segment.field(5).is_empty() => {}
                        _ => {
                            is_of_entry = true;
                            match entries.last_mut().filter(|last| last.goes_on_with(segment)) {
                                Some(last) => last.more.push(segment),
                                None => entries.push(Entry::new(segment)),
                            }
                        }
                    }
                }
                "NTE" if is_of_entry => entries.last_mut().into_iter().for_each(|e| e.notes.push(segment)),
                "PRT" => {}
                _ => is_of_entry = false,
            }
        }
        let mut found: Vec<_> = carriers.into_iter().zip(documents.finish()).collect();
        found.extend(pointers);
        (entries, found)
    }

    /// Writes the observations of a block; gives their names.
    fn observations(
        &mut self,
        entries: &[Entry<'m>],
        obr: Option<Segment<'m>>,
        key: &str,
        around: &Around<'_>,
        out: &mut Mapped,
    ) -> Vec<String> {
        let mut ids = Vec::new();
        for entry in entries {
            let id = self.name_of_entry(entry, key, around.effective);
            out.resources.push(observation::write(&self.scope, entry, around, &id));
            if let Some(obr) = obr.filter(|_| !id.is_empty()) {
                let (filler, sub) = (obr.field(3).text(), entry.obx.field(4).text());
                self.written.insert(key_of(&filler, entry.code(), &sub), id.clone());
            }
            ids.push(id);
        }
        ids
    }

    /// The specimens of a block, each with its id and words; the older field names one in words only.
    fn specimens(&mut self, block: &Block<'m>, report: &str, out: &mut Mapped) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for spm in block.specimen.into_iter().chain(block.all_of("SPM")) {
            let id = specimen::id(&self.scope, spm, report);
            if !self.names.is_known("Specimen", &id) {
                out.resources.push(specimen::write(&self.scope, spm, &id));
            }
            found.push((id, specimen::display(spm)));
        }
        let source = block.obr.map(|obr| specimen::display_of_source(obr.field(15))).unwrap_or_default();
        if found.is_empty() && !source.is_empty() {
            found.push((String::new(), source));
        }
        found
    }

    /// OBR-7, else the specimen's time.
    fn effective(&self, block: &Block<'m>, obr: Option<Segment<'m>>) -> String {
        let stated = obr.map(|obr| self.scope.time_text(obr.field(7))).filter(|t| !t.is_empty());
        let taken = || block.specimen.or_else(|| block.first("SPM")).map(|spm| self.scope.time_text(spm.field(17)));
        stated.or_else(taken).unwrap_or_default()
    }

    /// The name of a report: the laboratory's number, else the orderer's, each with the code; else code and time, else
    /// the message.
    fn name_of(&self, block: &Block<'m>, code: Value<'m>) -> String {
        let code = code_text(code);
        let numbered = |n: usize, kind: &str| {
            let of = |s: Option<Segment<'m>>| s.map(|s| s.field(n)).filter(|v| !v.text().is_empty());
            let number = of(block.obr).or_else(|| of(block.orc))?;
            Some(self.scope.name_of_order(kind, number, &[&code]))
        };
        if let Some(id) = numbered(3, "filler").or_else(|| numbered(2, "placer")) {
            return id;
        }
        let time = block.obr.map(|obr| obr.field(7).text().into_owned()).unwrap_or_default();
        if !time.is_empty() {
            return self.scope.name(&["at", &code, &time]);
        }
        let header = self.scope.message.header();
        match header.field(10).text() {
            control if control.is_empty() => String::new(),
            control => {
                self.scope.name(&["message", &header.field(3).text(), &control, if code.is_empty() { "-" } else { &code }])
            }
        }
    }

    /// The name of an observation: its report's, with code and sub-id; below no report the visit's and its time.
    fn name_of_entry(&mut self, entry: &Entry<'m>, report: &str, effective: &str) -> String {
        let (code, sub) = (code_text(entry.code()), entry.obx.field(4).text());
        let time = entry.obx.field(14).text();
        let id = match (report.is_empty(), sub.is_empty()) {
            _ if code.is_empty() => String::new(),
            (false, true) => format!("{report}.{}", id::id(&[&code])),
            (false, false) => format!("{report}.{}", id::id(&[&code, &sub])),
            (true, _) => {
                let time = if time.is_empty() { effective } else { &time };
                self.scope.name(&["seen", &self.scope.encounter, time, &sub, &code])
            }
        };
        self.names.unique("Observation", id)
    }
}

fn section_of(scope: &Scope<'_, '_>, obr: Segment<'_>) -> Section {
    let codings = scope.codings(obr.field(4), "");
    let first = codings.first();
    Section::of(&obr.field(24).text(), first.map_or("", |c| &c.code), first.map_or("", |c| &c.system))
}

/// Whether a report is a text to be read as a whole, rather than values that happen to be texts.
fn is_document(entries: &[Entry<'_>], section: Section, obr: Option<Segment<'_>>) -> bool {
    const LINES: usize = 3;
    const CHARS: usize = 240;
    if entries.is_empty() || !entries.iter().all(Entry::is_text) {
        return false;
    }
    let code = obr.map(|obr| obr.field(24).text().to_ascii_uppercase()).unwrap_or_default();
    let is_read = matches!(section, Section::Imaging | Section::Other) || codes::is_narrative(&code);
    let is_part = || entries.iter().any(|e| report::is_report_part(e.code()));
    let is_long = || entries.iter().map(Entry::text).any(|t| t.lines().count() >= LINES || t.chars().count() >= CHARS);
    (is_read && entries.iter().any(Entry::is_prose)) || is_part() || is_long()
}

fn title(obx: Segment<'_>) -> String {
    super::types::words(obx.field(3))
}

/// The code of a CWE for a name: whatever is there first, with its suffix.
fn code_text(code: Value<'_>) -> String {
    let suffix = code.sub(2).text();
    let text = [1, 4, 2, 9].into_iter().map(|n| code.component(n).text()).find(|t| !t.is_empty()).unwrap_or_default();
    if suffix.is_empty() { text.into_owned() } else { format!("{text}&{suffix}") }
}

fn key_of(filler: &str, code: Value<'_>, sub: &str) -> String {
    format!("{filler}\n{}\n{sub}", code_text(code))
}

/// OBR-26 (code and sub-id of the result) and OBR-29 (placer and filler number of its order).
fn parent_key(obr: Segment<'_>) -> String {
    let (parent, order) = (obr.field(26), obr.field(29));
    let filler = order.component(2).text();
    if parent.is_empty() {
        return String::new();
    }
    let code = parent.sub(1).text();
    format!("{filler}\n{code}\n{}", parent.component(2).text())
}

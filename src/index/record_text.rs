//! The words of a record: its own, and those of the documents attached to it.
//!
//! Not for: how words are searched (`text`), reading documents (`formats`).

use serde_json::Value;

use crate::formats::{self, MediaKind, cda};
use crate::limits::{INDEX_TEXT_MAX, JSON_DEPTH_MAX};
use crate::store::{ChartFrame, StoreError};

/// The words of a record.
#[derive(Clone, Default, Debug)]
pub struct RecordText {
    pub text: String,
    /// Where the sections of its documents begin, in order, with their titles. What is no part of a section begins with an
    /// empty one.
    sections: Vec<(usize, String)>,
}

impl RecordText {
    /// The title of the section that the byte `at` lies in.
    pub fn section_at(&self, at: usize) -> Option<&str> {
        let before = self.sections.partition_point(|(start, _)| *start <= at);
        let (_, title) = self.sections[..before].last()?;
        (!title.is_empty()).then_some(title)
    }

    fn push(&mut self, title: &str, words: &str) {
        if !self.text.is_empty() {
            self.text.push_str("\n\n");
        }
        if !title.is_empty() || !self.sections.is_empty() {
            self.sections.push((self.text.len(), title.to_owned()));
        }
        self.text.push_str(words);
    }

    /// The narrative of a Composition's sections, those inside others too.
    fn push_sections(&mut self, json: &Value, depth: usize) {
        let sections = json.get("section").and_then(Value::as_array).into_iter().flatten();
        for section in sections.filter(|_| depth < JSON_DEPTH_MAX) {
            let title = section.get("title").and_then(Value::as_str).unwrap_or_default();
            if let Some(div) = section.pointer("/text/div").and_then(Value::as_str) {
                let words = formats::text_of(div.as_bytes(), Some("text/html")).text;
                self.push(title, &format!("{title}\n{words}"));
            }
            self.push_sections(section, depth + 1);
        }
    }

    /// A CDA document section by section, any other one whole.
    fn push_document(&mut self, bytes: &[u8], declared: Option<&str>) {
        let sections = match formats::sniff(bytes, declared) {
            MediaKind::Cda => cda::Document::read(bytes).map(|document| cda::section_texts(&document)).unwrap_or_default(),
            _ => Vec::new(),
        };
        if sections.is_empty() {
            let words = formats::text_of(bytes, declared).text;
            // The file that a CDA document carries is an attachment of its own too, and was read with its carrier.
            if !self.text.ends_with(&words) {
                self.push("", &words);
            }
        }
        for section in sections {
            self.push(&section.title, &format!("{}\n{}", section.title, section.text));
        }
    }
}

/// All text of a record that a person would read: conclusions, narrative, and the words of its attachments.
pub fn text_of_record(frame: &ChartFrame<'_>, index: usize, json: &Value) -> Result<RecordText, StoreError> {
    let mut out = RecordText::default();
    for member in ["conclusion", "description", "summary"] {
        if let Some(words) = json.get(member).and_then(Value::as_str) {
            out.push("", words);
        }
    }
    for payload in json.get("payload").and_then(Value::as_array).into_iter().flatten() {
        if let Some(words) = payload.get("contentString").and_then(Value::as_str) {
            out.push("", words);
        }
    }
    if let Some(div) = json.pointer("/text/div").and_then(Value::as_str) {
        out.push("", &formats::text_of(div.as_bytes(), Some("text/html")).text);
    }
    out.push_sections(json, 0);
    for number in 0..attachments(json) {
        let Some(bytes) = frame.attachment(index, number)? else { continue };
        out.push_document(&bytes, attachment_type(json, number).as_deref());
        if out.text.len() > INDEX_TEXT_MAX {
            break;
        }
    }
    Ok(out)
}

/// The attachments of a record in the order in which `store` numbers them.
fn attachment_values(json: &Value) -> Vec<&Value> {
    let listed = |pointer: &str| json.get(pointer).and_then(Value::as_array).into_iter().flatten();
    listed("content")
        .filter_map(|c| c.get("attachment"))
        .chain(listed("presentedForm"))
        .chain(json.get("content").filter(|c| c.is_object()))
        .collect()
}

fn attachments(json: &Value) -> usize {
    attachment_values(json).iter().filter(|a| a.get("url").is_some() || a.get("data").is_some()).count()
}

fn attachment_type(json: &Value, number: usize) -> Option<String> {
    let values = attachment_values(json);
    let mut with_bytes = values.iter().filter(|a| a.get("url").is_some() || a.get("data").is_some());
    with_bytes.nth(number)?.get("contentType")?.as_str().map(str::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(body: &str) -> String {
        format!("<ClinicalDocument xmlns='urn:hl7-org:v3'><title>All</title><component>{body}</component></ClinicalDocument>")
    }

    #[test]
    fn a_place_in_the_text_is_in_the_section_that_it_came_from() {
        let section = |title: &str, text: &str| {
            format!("<component><section><title>{title}</title><text>{text}</text></section></component>")
        };
        let body = format!("<structuredBody>{}{}</structuredBody>", section("Allergies", "Latex"), section("Plan", "Rest"));
        let mut words = RecordText::default();
        words.push("", "before");
        words.push_document(document(&body).as_bytes(), None);
        words.push_document(b"plain words", None);
        assert_eq!(words.text, "before\n\nAllergies\nLatex\n\nPlan\nRest\n\nplain words");
        let section = |of: &str| words.section_at(words.text.find(of).unwrap());
        let found = [section("before"), section("Latex"), section("Plan"), section("Rest"), section("plain")];
        assert_eq!(found, [None, Some("Allergies"), Some("Plan"), Some("Plan"), None]);
    }

    #[test]
    fn sections_of_a_composition_are_read_with_their_titles() {
        let inner = serde_json::json!({"title": "Inner", "text": {"div": "<div>two</div>"}});
        let outer = serde_json::json!({"title": "Outer", "text": {"div": "<div>one</div>"}, "section": [inner]});
        let mut words = RecordText::default();
        words.push_sections(&serde_json::json!({"section": [{"title": "Bare"}, outer]}), 0);
        let section = |of: &str| words.section_at(words.text.find(of).unwrap());
        assert_eq!((words.section_at(0), section("two")), (Some("Outer"), Some("Inner")));
        assert!(!words.text.contains("Bare"));
    }

    #[test]
    fn a_carried_file_is_read_once() {
        let body = "<nonXMLBody><text mediaType='text/plain' representation='B64'>aW5uZXIgd29yZHM=</text></nonXMLBody>";
        let mut words = RecordText::default();
        words.push_document(document(body).as_bytes(), None);
        words.push_document(b"inner words", Some("text/plain"));
        assert_eq!(words.text, "All\ninner words");
    }
}

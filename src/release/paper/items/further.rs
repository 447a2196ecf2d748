//! The rest of a record: every element that its form has not said, by its name, nested as it is. For kinds without a form of their
//! own this is all of it.
//!
//! Not for: wording single values (`words`).

use serde_json::{Map, Value};

use super::blocks::{kept, label_line};
use super::labels::{kind, label};
use super::reading::Reading;
use super::words::Shape;
use crate::render::cda;
use crate::render::pdf::content::Block;

/// Deeper nesting is told in one line.
const DEPTH_MAX: usize = 5;

impl Reading<'_> {
    /// Whatever of the record has not been said.
    pub fn further(&self) -> Vec<Block> {
        self.root.as_object().map(|members| self.rest(members, 0)).unwrap_or_default()
    }

    /// Whatever of an object has not been said.
    pub fn rest(&self, members: &Map<String, Value>, depth: usize) -> Vec<Block> {
        let mut out = Vec::new();
        let mut facts = Vec::new();
        for (key, value) in members.iter().filter(|(_, value)| self.has_more(value)) {
            if key == "text" && value.get("div").is_some() {
                settle(&mut facts, &mut out);
                out.append(&mut self.narrative(value, "Text of the source"));
            } else if key == "contained" {
                settle(&mut facts, &mut out);
                out.append(&mut self.contained(value));
            } else if key.ends_with("xtension") {
                facts.append(&mut self.extensions(key, value));
            } else if let Some(text) = lines_of(value) {
                settle(&mut facts, &mut out);
                self.pass(value);
                out.push(label_line(&label(key)));
                out.extend(kept(text));
            } else if depth >= DEPTH_MAX || is_plain(key, value) {
                let lines = each(value).map(|item| self.phrase(key, item)).filter(|line| !line.is_empty()).collect();
                facts.push((label(key), lines));
            } else {
                settle(&mut facts, &mut out);
                out.append(&mut self.nested(key, value, depth));
            }
        }
        settle(&mut facts, &mut out);
        out
    }

    /// Objects with an inside of their own, one after the other.
    fn nested(&self, key: &str, value: &Value, depth: usize) -> Vec<Block> {
        let count = each(value).count();
        let mut out = Vec::new();
        for (at, item) in each(value).enumerate().filter(|(_, item)| self.has_more(item)) {
            let of = if count > 1 { format!(" {} of {count}", at + 1) } else { String::new() };
            out.push(label_line(&format!("{}{of}", label(key))));
            out.push(Block::Indent(match item {
                Value::Object(members) => self.rest(members, depth + 1),
                other => vec![Block::Facts(vec![(String::new(), vec![self.phrase(key, other)])])],
            }));
        }
        out
    }

    fn contained(&self, value: &Value) -> Vec<Block> {
        let mut out = Vec::new();
        for item in each(value) {
            let Some(members) = item.as_object() else { continue };
            let name = members.get("resourceType").and_then(Value::as_str).unwrap_or("Record");
            ["resourceType", "id", "meta"].iter().filter_map(|key| members.get(*key)).for_each(|value| self.pass(value));
            if self.has_more(item) {
                out.push(label_line(&format!("Inside this record: {}", kind(name).to_lowercase())));
                out.push(Block::Indent(self.rest(members, 1)));
            }
        }
        out
    }

    /// Extensions by their own names.
    fn extensions(&self, key: &str, value: &Value) -> Vec<(String, Vec<String>)> {
        let mut facts: Vec<(String, Vec<String>)> = Vec::new();
        for item in each(value).filter(|item| self.has_more(item)) {
            let words = self.phrase(key, item);
            let (name, words) = words.split_once(": ").unwrap_or((words.as_str(), ""));
            let name = if key == "modifierExtension" { format!("Changes the meaning: {name}") } else { name.to_owned() };
            match facts.last_mut().filter(|(last, _)| *last == name) {
                Some((_, lines)) => lines.push(words.to_owned()),
                None => facts.push((name, vec![words.to_owned()])),
            }
        }
        facts
    }

    /// Narrative as authored.
    pub fn narrative(&self, value: &Value, heading: &str) -> Vec<Block> {
        let Some(div) = value.get("div").filter(|div| !self.is_said(div)) else { return Vec::new() };
        let status = value.get("status").map(|status| self.phrase("", status)).unwrap_or_default();
        self.pass(div);
        let mut blocks = cda::html_blocks(div.as_str().unwrap_or_default(), "narrative");
        if !heading.is_empty() {
            let heading = if status.is_empty() { heading.to_owned() } else { format!("{heading} ({status})") };
            blocks.insert(0, label_line(&heading));
        }
        blocks
    }
}

fn settle(facts: &mut Vec<(String, Vec<String>)>, out: &mut Vec<Block>) {
    facts.retain(|(_, lines)| !lines.is_empty());
    if !facts.is_empty() {
        out.push(Block::Facts(std::mem::take(facts)));
    }
}

/// The items of an array, or the one value.
pub fn each(value: &Value) -> impl Iterator<Item = &Value> {
    match value {
        Value::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    }
    .iter()
}

/// A text of several lines, which keeps them.
pub fn lines_of(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| text.trim().contains(['\n', '\r']))
}

/// Whether a value reads well in a line: single values and data types, no structure of its own.
fn is_plain(key: &str, value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().all(|item| is_plain(key, item)),
        Value::Object(members) => {
            let is_small = members.len() <= 3 && members.values().all(|value| !value.is_object() && !value.is_array());
            let has_lines = members.values().any(|value| lines_of(value).is_some());
            !has_lines && (is_small || Shape::of(key, members) != Shape::Other)
        }
        _ => true,
    }
}

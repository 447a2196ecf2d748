//! Values of FHIR in words: concepts with their codes, quantities, people, places, times. Whatever a data type has beyond what its
//! words take is said after them, by its element's name.
//!
//! Not for: blocks (`further`), which value comes first (`forms`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::labels::{date, extension, is_plumbing, label, sentence, system};
use super::reading::Reading;
use crate::model::hex;

/// What a JSON object is, by its members.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    Concept,
    Coding,
    Reference,
    Quantity,
    Range,
    Ratio,
    Telecom,
    Identifier,
    Name,
    Address,
    Period,
    Timing,
    Extension,
    Attachment,
    /// Words with more beside them: a note, a dosage.
    Text,
    Other,
}

const TELECOMS: [&str; 7] = ["phone", "fax", "email", "pager", "url", "sms", "other"];

impl Shape {
    pub fn of(key: &str, members: &Map<String, Value>) -> Shape {
        let has = |key: &str| members.contains_key(key);
        let text = |key: &str| members.get(key).and_then(Value::as_str);
        let any = |keys: &[&str]| keys.iter().any(|key| has(key));
        let object = |key: &str| members.get(key).is_some_and(Value::is_object);
        match () {
            () if key.ends_with("xtension") => Shape::Extension,
            () if has("coding") => Shape::Concept,
            () if has("contentType") || key == "attachment" || text("url").is_some_and(|url| url.starts_with("Binary/")) => {
                Shape::Attachment
            }
            () if text("reference").is_some() => Shape::Reference,
            () if members.get("value").is_some_and(Value::is_number) => Shape::Quantity,
            () if object("low") || object("high") => Shape::Range,
            () if object("numerator") || object("denominator") => Shape::Ratio,
            () if text("value").is_some() && text("system").is_some_and(|it| TELECOMS.contains(&it)) => Shape::Telecom,
            () if text("value").is_some() && any(&["system", "use", "type", "assigner"]) => Shape::Identifier,
            () if text("code").is_some() && any(&["system", "display"]) => Shape::Coding,
            () if text("display").is_some() => Shape::Reference,
            () if text("family").is_some() || members.get("given").is_some_and(Value::is_array) => Shape::Name,
            () if any(&["line", "postalCode"]) || text("city").is_some() => Shape::Address,
            () if text("start").is_some() || text("end").is_some() => Shape::Period,
            () if object("repeat") => Shape::Timing,
            () if text("text").is_some() => Shape::Text,
            () => Shape::Other,
        }
    }
}

impl Reading<'_> {
    /// Everything of a value that has not been said, in one line; empty when nothing is left.
    pub fn phrase(&self, key: &str, value: &Value) -> String {
        match value {
            Value::Null => String::new(),
            Value::Array(items) => joined("; ", items.iter().map(|item| self.phrase(key, item))),
            Value::Object(members) => {
                let shape = Shape::of(key, members);
                let head = self.head(shape, members);
                let rest = members.iter().filter(|(_, value)| self.has_more(value)).map(|(name, value)| {
                    let words = self.phrase(name, value);
                    let is_value = shape == Shape::Extension && name.starts_with("value");
                    if is_value || name == "extension" { words } else { format!("{}: {words}", label(name)) }
                });
                let rest = joined("; ", rest);
                match shape {
                    Shape::Extension if !head.is_empty() && !rest.is_empty() => format!("{head}: {rest}"),
                    _ => joined("; ", [head, rest]),
                }
            }
            leaf => self.scalar(key, leaf).unwrap_or_default(),
        }
    }

    /// A lone value, noted as said; `None` when it was said before or is empty.
    pub fn scalar(&self, key: &str, leaf: &Value) -> Option<String> {
        if self.is_said(leaf) {
            return None;
        }
        self.pass(leaf);
        Some(match leaf {
            Value::Bool(yes) => if *yes { "Yes" } else { "No" }.to_owned(),
            Value::Number(number) => number.to_string(),
            Value::String(text) if text.trim().is_empty() => return None,
            Value::String(text) => match key {
                "system" => system(text).to_owned(),
                "div" => crate::formats::text_of(text.as_bytes(), Some("text/html")).text,
                "data" => data(text).unwrap_or_else(|| text.trim().to_owned()),
                _ if is_word(key) && is_token(text) => sentence(text),
                _ => date(text.trim()),
            },
            _ => return None,
        })
    }

    /// What a data type says first.
    fn head(&self, shape: Shape, members: &Map<String, Value>) -> String {
        let take = |key: &str| self.take(members, key).map(str::to_owned).unwrap_or_default();
        let phrase = |key: &str| members.get(key).map(|value| self.phrase(key, value)).unwrap_or_default();
        match shape {
            Shape::Concept => self.concept(members),
            Shape::Coding => self.coding(members, ""),
            Shape::Reference => self.reference(members),
            Shape::Quantity => self.quantity(members),
            Shape::Range => match (phrase("low"), phrase("high")) {
                (low, high) if high.is_empty() => {
                    if low.is_empty() {
                        low
                    } else {
                        format!("{low} or more")
                    }
                }
                (low, high) if low.is_empty() => format!("{high} or less"),
                (low, high) => format!("{low} to {high}"),
            },
            Shape::Ratio => joined(" : ", [phrase("numerator"), phrase("denominator")]),
            Shape::Telecom => {
                let (kind, value, usage) = (take("system"), take("value"), take("use"));
                let kind = if usage.is_empty() { sentence(&kind) } else { format!("{} ({usage})", sentence(&kind)) };
                format!("{kind} {value}")
            }
            Shape::Identifier => {
                let kind = phrase("type");
                let (uri, value, usage) = (take("system"), take("value"), take("use"));
                let about = joined(", ", [system(&uri).to_owned(), usage]);
                let value = joined(" ", [kind, value]);
                if about.is_empty() { value } else { format!("{value} ({about})") }
            }
            Shape::Name => self.name(members),
            Shape::Address => self.address(members),
            Shape::Period => match (take("start"), take("end")) {
                (start, end) if start == end => date(&start),
                (start, end) if end.is_empty() => format!("from {}", date(&start)),
                (start, end) if start.is_empty() => format!("until {}", date(&end)),
                (start, end) => format!("{} to {}", date(&start), date(&end)),
            },
            Shape::Timing => joined(", ", [phrase("code"), members.get("repeat").map(|it| self.repeat(it)).unwrap_or_default()]),
            Shape::Extension => members.get("url").map(|url| self.address_of(url)).unwrap_or_default(),
            Shape::Attachment => self.attachment(members),
            Shape::Text => {
                let who = || joined(", ", [phrase("authorString"), phrase("authorReference"), date(&take("time"))]);
                let text = take("text");
                let who = if members.contains_key("time") || members.keys().any(|key| key.starts_with("author")) {
                    who()
                } else {
                    String::new()
                };
                if who.is_empty() { text } else { format!("{text} ({who})") }
            }
            Shape::Other => String::new(),
        }
    }

    fn address_of(&self, url: &Value) -> String {
        self.pass(url);
        extension(url.as_str().unwrap_or_default())
    }

    /// A CodeableConcept: its words, then each code with its system.
    fn concept(&self, members: &Map<String, Value>) -> String {
        let codings: Vec<&Map<String, Value>> =
            members.get("coding").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object).collect();
        let text = self.take(members, "text").map(str::to_owned);
        let words = text.or_else(|| codings.iter().find_map(|coding| self.take(coding, "display")).map(str::to_owned));
        let codes = joined("; ", codings.iter().map(|coding| self.coding(coding, words.as_deref().unwrap_or_default())));
        match words {
            None => codes,
            Some(words) if codes.is_empty() => words,
            Some(words) => format!("{words} ({codes})"),
        }
    }

    /// A Coding beside words that were said: `44054006 SNOMED CT Diabetes mellitus type 2`. A word of the standard that says the
    /// same is not said again.
    fn coding(&self, members: &Map<String, Value>, said: &str) -> String {
        let uri = members.get("system").and_then(Value::as_str).unwrap_or_default();
        let display = self.take(members, "display").unwrap_or_default();
        let code = self.take(members, "code").unwrap_or_default();
        members.get("system").into_iter().for_each(|system| self.pass(system));
        let same = |a: &str, b: &str| folded(a) == folded(b);
        let display = if same(display, said) { "" } else { display };
        if same(code, said) || same(code, display) {
            let name = if is_plumbing(uri) { "" } else { system(uri) };
            let words = if display.is_empty() && said.is_empty() { code } else { display };
            return joined(" ", [words.to_owned(), name.to_owned()]);
        }
        let version = self.take(members, "version").map(|version| format!("version {version}")).unwrap_or_default();
        let name = if is_plumbing(uri) { "" } else { system(uri) };
        let code = if is_plumbing(uri) && is_token(code) && said.is_empty() && display.is_empty() {
            sentence(code)
        } else {
            code.to_owned()
        };
        let coded = joined(" ", [code, name.to_owned(), version]);
        match (said.is_empty(), display.is_empty()) {
            (_, true) => coded,
            (true, false) if coded.is_empty() => display.to_owned(),
            (true, false) => format!("{display} ({coded})"),
            (false, false) => format!("{coded} {display}"),
        }
    }

    /// Whom or what is meant, in words; the reference itself only where nothing else is known.
    fn reference(&self, members: &Map<String, Value>) -> String {
        let at = members.get("reference").and_then(Value::as_str).map(str::trim).unwrap_or_default();
        ["reference", "type"].iter().filter_map(|key| members.get(*key)).for_each(|value| self.pass(value));
        let display = self.take(members, "display").map(str::to_owned);
        let named = display.or_else(|| self.named(at));
        let number = members.get("identifier").map(|it| self.phrase("identifier", it)).unwrap_or_default();
        match named {
            Some(words) => joined(", ", [words, number]),
            None if !number.is_empty() => number,
            None => at.to_owned(),
        }
    }

    /// Comparator, number and unit; the code of a unit that says the same is not said again.
    fn quantity(&self, members: &Map<String, Value>) -> String {
        let sign = self.take(members, "comparator").unwrap_or_default().replace("<=", "≤").replace(">=", "≥");
        let number = members.get("value").map(|value| self.phrase("value", value)).unwrap_or_default();
        let unit = self.unit(members);
        let money = self.take(members, "currency").unwrap_or_default().to_owned();
        joined(" ", [sign, number, unit, money])
    }

    /// The unit of a Quantity; its code where that is another.
    pub fn unit(&self, members: &Map<String, Value>) -> String {
        let unit = self.take(members, "unit").unwrap_or_default();
        let code = self.take(members, "code").unwrap_or_default();
        members.get("system").into_iter().for_each(|system| self.pass(system));
        match (unit, code) {
            (unit, code) if unit.is_empty() || unit == code => code.to_owned(),
            (unit, "") => unit.to_owned(),
            (unit, code) => format!("{unit} [{code}]"),
        }
    }

    fn name(&self, members: &Map<String, Value>) -> String {
        let list = |key: &str| members.get(key).map(|value| self.words_of(value)).unwrap_or_default();
        let text = self.take(members, "text").unwrap_or_default().to_owned();
        let family = self.take(members, "family").unwrap_or_default().to_owned();
        let parts = joined(" ", [list("prefix"), list("given"), family, list("suffix")]);
        let usage = self.take(members, "use").map(|usage| format!("({usage})")).unwrap_or_default();
        let parts = if folded(&parts) == folded(&text) { String::new() } else { parts };
        joined(" ", [joined("; ", [text, parts]), usage])
    }

    /// Lone values of a list, with spaces between.
    fn words_of(&self, value: &Value) -> String {
        match value {
            Value::Array(items) => joined(" ", items.iter().map(|item| self.phrase("", item))),
            one => self.phrase("", one),
        }
    }

    fn address(&self, members: &Map<String, Value>) -> String {
        let take = |key: &str| self.take(members, key).map(str::to_owned).unwrap_or_default();
        let text = take("text");
        let lines = members.get("line").map(|line| match line {
            Value::Array(lines) => joined(", ", lines.iter().map(|line| self.phrase("", line))),
            one => self.phrase("", one),
        });
        let place = joined(" ", [take("state"), take("postalCode")]);
        let parts = joined(", ", [lines.unwrap_or_default(), take("city"), take("district"), place, take("country")]);
        let about = joined(", ", [take("use"), take("type")]);
        let about = if about.is_empty() { about } else { format!("({about})") };
        joined(" ", [joined("; ", [text, parts]), about])
    }

    /// `Timing.repeat`: `2 times per 1 d`.
    fn repeat(&self, repeat: &Value) -> String {
        let Some(members) = repeat.as_object() else { return String::new() };
        let get = |key: &str| members.get(key).map(|value| self.phrase(key, value)).unwrap_or_default();
        let (often, every, unit) = (get("frequency"), get("period"), get("periodUnit"));
        match (often.is_empty(), every.is_empty()) {
            (true, true) => String::new(),
            (true, false) => format!("every {every} {unit}"),
            (false, true) => times(&often),
            (false, false) => format!("{} per {every} {unit}", times(&often)),
        }
    }

    /// A file: what it is called and what it is. Its bytes have pages of their own.
    fn attachment(&self, members: &Map<String, Value>) -> String {
        let take = |key: &str| self.take(members, key).map(str::to_owned).unwrap_or_default();
        if members.get("url").and_then(Value::as_str).is_some_and(|url| url.starts_with("Binary/")) {
            members.get("url").into_iter().for_each(|url| self.pass(url));
        }
        let size = members.get("size").map(|size| format!("{} bytes", self.phrase("size", size))).unwrap_or_default();
        // Its digest stands with its content.
        members.get("data").into_iter().for_each(|data| self.pass(data));
        let created = take("creation");
        let created = if created.is_empty() { created } else { format!("created {}", date(&created)) };
        joined(", ", [take("title"), take("contentType"), take("language"), size, created, take("url")])
    }
}

fn times(often: &str) -> String {
    if often == "1" { "1 time".to_owned() } else { format!("{often} times") }
}

/// What stands for base64 in print.
fn data(text: &str) -> Option<String> {
    // Short words and rows of numbers (SampledData) are base64 by accident.
    let plain: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let bytes = BASE64.decode(&plain).ok().filter(|_| plain.len() >= 16 && !text.trim().contains(' '))?;
    Some(format!("{} bytes, SHA-256 {}", bytes.len(), hex(&Sha256::digest(&bytes))))
}

/// Letters and digits without case, to tell whether two texts say the same.
pub fn folded(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Elements whose values are words of the standard.
fn is_word(key: &str) -> bool {
    const WORDS: [&str; 16] = [
        "status",
        "intent",
        "priority",
        "use",
        "criticality",
        "type",
        "category",
        "gender",
        "docStatus",
        "lifecycleStatus",
        "severity",
        "mode",
        "action",
        "outcome",
        "relationship",
        "participationStatus",
    ];
    WORDS.contains(&key)
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
}

/// Those that are not empty, with `between` between them.
pub fn joined(between: &str, parts: impl IntoIterator<Item = String>) -> String {
    let mut out = String::new();
    for part in parts.into_iter().filter(|part| !part.is_empty()) {
        if !out.is_empty() {
            out.push_str(between);
        }
        out.push_str(&part);
    }
    out
}

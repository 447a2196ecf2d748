//! The value of an OBX-5 by its type (OBX-2): numbers with their signs, ranges, ratios, codes, times, text.
//!
//! Senders put text where the type says number; such a value stays what it is, as text. Not for: documents in a value
//! (`attachment`), lines of a report (`report`).

use crate::formats::hl7v2::Value;
use crate::mapping::fhir::{Object, decimal};
use crate::mapping::systems::Coding;

use super::super::group::Group;
use super::super::types;

/// A value as FHIR has it.
#[derive(Clone, PartialEq, Debug)]
pub enum Answer {
    Quantity { comparator: &'static str, number: String },
    Range { low: String, high: String },
    Ratio { numerator: String, denominator: String },
    Concept(Vec<Coding>, String),
    Moment(String),
    Clock(String),
    Period(String, String),
    Text(String),
}

/// A unit, with its code where it is UCUM's.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Unit {
    pub words: String,
    pub code: String,
}

const UCUM: &str = "http://unitsofmeasure.org";

impl Unit {
    /// Of an OBX-6 (CE or CWE). The code is what people read; its name may be a sentence.
    pub fn of(field: Value<'_>) -> Unit {
        let (code, name) = (field.text(), field.component(2).text());
        let is_ucum = field.component(3).text().eq_ignore_ascii_case("UCUM");
        Unit {
            words: if code.is_empty() { name.into_owned() } else { code.to_string() },
            code: if is_ucum { code.into_owned() } else { String::new() },
        }
    }

    /// Of a code and words below a component (CQ: `12^mL&milliliter&UCUM`).
    pub fn of_parts(component: Value<'_>) -> Unit {
        let (code, name) = (component.sub(1).text(), component.sub(2).text());
        let is_ucum = component.sub(3).text().eq_ignore_ascii_case("UCUM");
        Unit {
            words: if code.is_empty() { name.into_owned() } else { code.to_string() },
            code: if is_ucum { code.into_owned() } else { String::new() },
        }
    }

    pub fn write(&self, o: &mut Object<'_>) {
        o.text("unit", &self.words);
        if !self.code.is_empty() {
            o.text("system", UCUM).text("code", &self.code);
        }
    }
}

/// Reads one repetition of an OBX-5; `None` when it says nothing.
pub fn read(kind: &str, value: Value<'_>, group: &Group<'_>) -> Option<Answer> {
    if value.is_empty() || value.is_null() {
        return None;
    }
    let answer = match kind {
        "NM" => number(&value.whole()),
        "SN" => structured(value),
        "CE" | "CWE" | "CNE" | "CF" => {
            let (codings, text) = (group.codings(value, ""), types::words(value));
            (!codings.is_empty() || !text.is_empty()).then_some(Answer::Concept(codings, text))
        }
        "IS" | "ID" => Some(Answer::Concept(Vec::new(), value.text().trim().to_string())),
        "DT" | "TS" | "DTM" => some(group.time_text(value)).map(Answer::Moment),
        "TM" => clock(&value.text()).map(Answer::Clock),
        "DR" => {
            let (start, end) = (group.time_text(value), group.time_text(value.component(2)));
            (!start.is_empty() || !end.is_empty()).then_some(Answer::Period(start, end))
        }
        "NR" => match (decimal(&value.text()), decimal(&value.component(2).text())) {
            (None, None) => None,
            (low, high) => Some(Answer::Range { low: low.unwrap_or_default(), high: high.unwrap_or_default() }),
        },
        // FHIR has sampled data only with a known rhythm, which these types do not tell.
        "NA" | "MA" => Some(Answer::Text(joined(value, ", "))),
        "TX" | "FT" | "ST" | "" => Some(Answer::Text(value.whole().into_owned())),
        // Names, addresses, numbers of things: their parts, in order.
        _ => Some(Answer::Text(joined(value, " "))),
    };
    answer.or_else(|| some(value.whole().trim().to_string()).map(Answer::Text))
}

fn some(text: String) -> Option<String> {
    (!text.trim().is_empty()).then_some(text)
}

/// The parts of a value that are stated.
fn joined(value: Value<'_>, between: &str) -> String {
    let parts: Vec<_> = value.components().map(|c| c.text()).filter(|t| !t.is_empty()).collect();
    parts.join(between)
}

const COMPARATORS: [(&str, &str); 7] =
    [("<=", "<="), ("=<", "<="), ("≤", "<="), (">=", ">="), ("≥", ">="), ("<", "<"), (">", ">")];

/// A plain number, or one behind a comparator: `<0.01` is what many write although the type forbids it.
fn number(text: &str) -> Option<Answer> {
    let text = text.trim();
    let (comparator, rest) = COMPARATORS
        .iter()
        .find_map(|(sign, comparator)| text.strip_prefix(sign).map(|rest| (*comparator, rest)))
        .unwrap_or(("", text));
    decimal(rest).map(|number| Answer::Quantity { comparator, number })
}

/// SN: comparator, number, separator, number.
fn structured(value: Value<'_>) -> Option<Answer> {
    let part = |n: usize| value.component(n).text().trim().to_string();
    let (sign, first, separator, second) = (part(1), part(2), part(3), part(4));
    let comparator = COMPARATORS.iter().find(|(s, _)| *s == sign).map(|(_, c)| *c);
    let (low, high) = (decimal(&first), decimal(&second));
    match (comparator, separator.as_str(), low, high) {
        (Some(comparator), "", Some(number), None) => Some(Answer::Quantity { comparator, number }),
        (None, "", Some(number), None) if sign.is_empty() || sign == "=" => Some(Answer::Quantity { comparator: "", number }),
        (None, "-", Some(low), Some(high)) if sign.is_empty() => Some(Answer::Range { low, high }),
        (None, ":" | "/", Some(numerator), Some(denominator)) if sign.is_empty() => {
            Some(Answer::Ratio { numerator, denominator })
        }
        // The whole number in the first place is a common mistake.
        (None, "", None, None) if first.is_empty() && second.is_empty() => number(&sign),
        _ => some(format!("{sign}{first}{separator}{second}")).map(Answer::Text),
    }
}

/// `HHMM[SS[.S…]]` as FHIR's time.
fn clock(text: &str) -> Option<String> {
    let digits = text.split(['.', '+', '-']).next().unwrap_or_default();
    let pair = |at: usize| digits.get(at..at + 2).filter(|p| p.bytes().all(|b| b.is_ascii_digit()));
    let (hour, minute, second) = (pair(0)?, pair(2).unwrap_or("00"), pair(4).unwrap_or("00"));
    (hour < "24" && minute < "60" && second < "60").then(|| format!("{hour}:{minute}:{second}"))
}

impl Answer {
    pub fn write(&self, unit: &Unit, o: &mut Object<'_>) {
        let side = |o: &mut Object<'_>, key: &str, number: &str| {
            o.object(key, |q| {
                if q.number("value", number) {
                    unit.write(q);
                }
            });
        };
        match self {
            Answer::Quantity { comparator, number } => {
                o.object("valueQuantity", |q| {
                    q.number("value", number);
                    q.text("comparator", comparator);
                    unit.write(q);
                });
            }
            Answer::Range { low, high } => {
                o.object("valueRange", |r| {
                    side(r, "low", low);
                    side(r, "high", high);
                });
            }
            Answer::Ratio { numerator, denominator } => {
                o.object("valueRatio", |r| {
                    side(r, "numerator", numerator);
                    side(r, "denominator", denominator);
                });
            }
            Answer::Concept(codings, text) => {
                o.concept("valueCodeableConcept", codings, text);
            }
            Answer::Moment(time) => {
                o.text("valueDateTime", time);
            }
            Answer::Clock(time) => {
                o.text("valueTime", time);
            }
            Answer::Period(start, end) => {
                o.period("valuePeriod", start, end);
            }
            Answer::Text(text) => {
                let unit = if unit.words.is_empty() { String::new() } else { format!(" {}", unit.words) };
                o.verbatim("valueString", &format!("{}{unit}", text.trim_end()));
            }
        }
    }

    /// In words, for notes and documents.
    pub fn words(&self, unit: &Unit) -> String {
        let text = match self {
            Answer::Quantity { comparator, number } => format!("{comparator}{number}"),
            Answer::Range { low, high } => format!("{low}-{high}"),
            Answer::Ratio { numerator, denominator } => format!("{numerator}:{denominator}"),
            Answer::Concept(codings, text) if text.is_empty() => {
                codings.first().map(|c| if c.display.is_empty() { c.code.clone() } else { c.display.clone() }).unwrap_or_default()
            }
            Answer::Concept(_, text) | Answer::Text(text) | Answer::Moment(text) | Answer::Clock(text) => text.clone(),
            Answer::Period(start, end) => format!("{start} – {end}"),
        };
        if unit.words.is_empty() { text } else { format!("{text} {}", unit.words) }
    }
}

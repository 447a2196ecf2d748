//! Writing the members of a resource from a row.
//!
//! Not for: which resources a row makes (`map`).

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::auto_value;
use super::expr::{Expr, Slot, Value};
use super::times;
use super::tree::{Content, Leaf, Object as Node, Precision, Source, Times, What};
use super::view::{Fault, View};
use crate::mapping::fhir::{Array, Object, decimal};
use crate::mapping::id::id;
use crate::model::Finding;

/// Writes what a row says; the first fault stops it.
pub struct Writer<'w, 'a> {
    pub view: View<'a>,
    /// Columns for the residual.
    pub unused: &'a [usize],
    pub offset: u64,
    pub findings: &'w mut Vec<Finding>,
    pub fault: Option<Fault<'a>>,
}

/// A single value, ready to be written.
enum Piece<'a> {
    Nothing,
    Text(Cow<'a, str>),
    Verbatim(Cow<'a, str>),
    Number(String),
    Boolean(bool),
}

impl<'a> Writer<'_, 'a> {
    /// Writes the members of an object; tells whether it is to be kept.
    pub fn object(&mut self, o: &mut Object<'_>, node: &'a Node<Slot>) -> bool {
        let (mut says, mut is_whole) = (node.is_constant, true);
        for (key, content) in &node.members {
            if self.fault.is_some() {
                return false;
            }
            match content {
                Content::Leaf(leaf) => {
                    let wrote = self.member(o, key, leaf);
                    says |= wrote && !leaf.is_constant();
                    is_whole &= wrote || !leaf.is_needed;
                }
                Content::Object(inner) => {
                    let mut kept = false;
                    o.object_if(key, |o| {
                        kept = self.object(o, inner);
                        kept
                    });
                    says |= kept && !inner.is_constant;
                }
                Content::Array(elements) => {
                    o.array(key, |a| {
                        for (_, element) in elements {
                            says |= self.element(a, element);
                        }
                    });
                }
            }
        }
        says && is_whole
    }

    /// Writes an element of a list; tells whether it says anything of the row.
    fn element(&mut self, a: &mut Array<'_>, content: &'a Content<Slot>) -> bool {
        match content {
            Content::Object(node) => {
                let mut kept = false;
                a.object_if(|o| {
                    kept = self.object(o, node);
                    kept
                });
                kept && !node.is_constant
            }
            Content::Leaf(Leaf { what: What::Residual, .. }) => self.residual(a),
            Content::Leaf(leaf) => match self.piece(leaf) {
                Piece::Text(text) | Piece::Verbatim(text) if !text.trim().is_empty() => {
                    a.text(&text);
                    !leaf.is_constant()
                }
                _ => false,
            },
            Content::Array(_) => false,
        }
    }

    fn member(&mut self, o: &mut Object<'_>, key: &str, leaf: &'a Leaf<Slot>) -> bool {
        if let What::AutoValue { source, unit, unit_system } = &leaf.what {
            return self.auto_value(o, leaf, source, unit.as_ref(), unit_system);
        }
        match self.piece(leaf) {
            Piece::Nothing => return false,
            Piece::Text(text) if text.trim().is_empty() => return false,
            Piece::Text(text) => _ = o.text(key, &text),
            Piece::Verbatim(text) => _ = o.verbatim(key, &text),
            Piece::Number(number) => return o.number(key, &number),
            Piece::Boolean(value) => _ = o.boolean(key, Some(value)),
        }
        true
    }

    fn piece(&mut self, leaf: &'a Leaf<Slot>) -> Piece<'a> {
        match &leaf.what {
            What::Text(text) => Piece::Text(Cow::Borrowed(text)),
            What::Raw(toml::Value::Boolean(value)) => Piece::Boolean(*value),
            What::Raw(value) => Piece::Number(value.to_string()),
            What::String(source) => self.text(leaf, source).map_or(Piece::Nothing, Piece::Text),
            What::Verbatim(source) => self.verbatim(leaf, source).map_or(Piece::Nothing, Piece::Verbatim),
            What::Base64(source) => match self.verbatim(leaf, source) {
                Some(text) => Piece::Text(Cow::Owned(STANDARD.encode(text.as_bytes()))),
                None => Piece::Nothing,
            },
            What::Boolean(source) => self.typed(leaf, source, |text| truth(text).map(Piece::Boolean)),
            What::Integer(source) => {
                self.typed(leaf, source, |text| decimal(text).filter(|digits| !digits.contains('.')).map(Piece::Number))
            }
            What::Decimal(source) => self.typed(leaf, source, |text| decimal(text).map(Piece::Number)),
            What::Time(source, times) => {
                self.time(leaf, source, times).map_or(Piece::Nothing, |text| Piece::Text(Cow::Owned(text)))
            }
            What::Reference { kind, namespace, parts } => self.reference(leaf, kind, namespace, parts),
            What::AutoValue { .. } | What::Residual => Piece::Nothing,
        }
    }

    /// The value of an expression; `None` when it is null or fails.
    fn eval(&mut self, leaf: &'a Leaf<Slot>, expr: &'a Expr<Slot>) -> Option<Cow<'a, str>> {
        match expr.eval(&self.view) {
            Ok(value) => Value::into_text(value),
            Err(failed) => {
                self.fault = Some(Fault { reason: "expr-error", field: &leaf.field, at: failed.0 });
                None
            }
        }
    }

    fn fail(&mut self, reason: &'static str, leaf: &'a Leaf<Slot>) {
        self.fault = Some(Fault { reason, field: &leaf.field, at: 0 });
    }

    fn note(&mut self, code: &'static str, leaf: &Leaf<Slot>) {
        let note = format!("{}.{}", self.view.table.name, leaf.field);
        self.findings.push(Finding { code, offset: self.offset, note });
    }

    /// The text of a source, translated, with its defaults.
    fn text(&mut self, leaf: &'a Leaf<Slot>, source: &'a Source<Slot>) -> Option<Cow<'a, str>> {
        let Some(text) = self.eval(leaf, &source.expr) else {
            if self.fault.is_none() && source.when_null.is_some() {
                self.note("mapping.default-for-null", leaf);
            } else if self.fault.is_none() && source.is_required {
                self.fail("key-null", leaf);
            }
            return source.when_null.as_deref().map(Cow::Borrowed);
        };
        let Some(set) = &source.set else { return Some(text) };
        match (set.get(text.as_ref()), &source.when_unmapped) {
            (Some(translated), _) => Some(Cow::Borrowed(translated)),
            (None, Some(default)) => {
                self.note("mapping.default-for-unmapped", leaf);
                Some(Cow::Borrowed(default.as_str()))
            }
            (None, None) => {
                self.fail("code-required-unmapped", leaf);
                None
            }
        }
    }

    /// A column with its spaces; any other expression as it is.
    fn verbatim(&mut self, leaf: &'a Leaf<Slot>, source: &'a Source<Slot>) -> Option<Cow<'a, str>> {
        let text = self.text(leaf, source)?;
        match source.expr {
            Expr::Column(Slot::Own(place)) if source.set.is_none() => Some(self.view.row.get(place).map_or(text, Cow::Borrowed)),
            _ => Some(text),
        }
    }

    /// A value of a type; one that is not of it stops the row, or is left out with a finding.
    fn typed(
        &mut self,
        leaf: &'a Leaf<Slot>,
        source: &'a Source<Slot>,
        read: impl FnOnce(&str) -> Option<Piece<'a>>,
    ) -> Piece<'a> {
        let Some(text) = self.text(leaf, source) else { return Piece::Nothing };
        match read(&text) {
            Some(piece) => piece,
            None => {
                self.invalid("type", leaf, source);
                Piece::Nothing
            }
        }
    }

    fn invalid(&mut self, reason: &'static str, leaf: &'a Leaf<Slot>, source: &Source<Slot>) {
        if source.omit_invalid { self.note(reason, leaf) } else { self.fail(reason, leaf) }
    }

    fn time(&mut self, leaf: &'a Leaf<Slot>, source: &'a Source<Slot>, times: &Times) -> Option<String> {
        let text = self.text(leaf, source)?;
        let read = read_time(&text, times, &self.view);
        if read.is_none() {
            self.invalid("date-invalid", leaf, source);
        }
        read.filter(|time| !time.is_empty())
    }

    /// Type and id of another record; nothing when a part of its name is null.
    fn reference(&mut self, leaf: &'a Leaf<Slot>, kind: &str, namespace: &str, parts: &'a [Expr<Slot>]) -> Piece<'a> {
        let mut named = Vec::with_capacity(1 + parts.len());
        named.push(Cow::Borrowed(namespace));
        for part in parts {
            match self.eval(leaf, part) {
                Some(text) => named.push(text),
                None => return Piece::Nothing,
            }
        }
        let named: Vec<&str> = named.iter().map(AsRef::as_ref).collect();
        Piece::Text(Cow::Owned(format!("{kind}/{}", id(&named))))
    }

    fn auto_value(
        &mut self,
        o: &mut Object<'_>,
        leaf: &'a Leaf<Slot>,
        source: &'a Source<Slot>,
        unit: Option<&'a Expr<Slot>>,
        system: &str,
    ) -> bool {
        let Some(text) = self.text(leaf, source) else { return false };
        let unit = unit.and_then(|unit| self.eval(leaf, unit)).unwrap_or_default();
        let quantity = |o: &mut Object<'_>, number: &str, comparator: &str, unit: &str| {
            o.number("value", number);
            o.text("comparator", comparator).text("unit", unit);
            if !system.is_empty() && !unit.is_empty() {
                o.text("system", system).text("code", unit);
            }
        };
        match auto_value::read(&text, &unit) {
            auto_value::Value::Quantity { comparator, number, unit } => {
                o.object("valueQuantity", |o| quantity(o, &number, comparator, unit));
            }
            auto_value::Value::Range { low, high, unit } => {
                o.object("valueRange", |o| {
                    o.object("low", |o| quantity(o, &low, "", unit)).object("high", |o| quantity(o, &high, "", unit));
                });
            }
            auto_value::Value::Titre { numerator, denominator } => {
                o.object("valueRatio", |o| {
                    o.object("numerator", |o| quantity(o, &numerator, "", ""));
                    o.object("denominator", |o| quantity(o, &denominator, "", ""));
                });
            }
            auto_value::Value::Words(words) => {
                o.text("valueString", words);
            }
        }
        true
    }

    /// The columns that nothing else uses, by name.
    fn residual(&mut self, a: &mut Array<'_>) -> bool {
        let view = self.view;
        let mut says = false;
        a.object_if(|o| {
            o.text("url", "urn:archive:residual").array("extension", |list| {
                for place in self.unused {
                    let name = view.table.columns.get(*place);
                    let Some((name, value)) = name.zip(view.own(*place)) else { continue };
                    says = true;
                    list.object(|o| {
                        o.text("url", name).text("valueString", value);
                    });
                }
            });
            says
        });
        says
    }
}

/// A time as FHIR writes it; empty for a sentinel, `None` when no format fits.
pub fn read_time(text: &str, times: &Times, view: &View<'_>) -> Option<String> {
    let sentinels = &view.table.sentinels;
    if sentinels.iter().any(|sentinel| sentinel == text) {
        return Some(String::new());
    }
    let zone = times.zone.as_ref().unwrap_or(view.zone);
    let mut read = times::read(text, &times.formats, zone)?;
    let date = read.get(..10).unwrap_or(&read);
    if sentinels.iter().any(|sentinel| sentinel == date) {
        return Some(String::new());
    }
    match times.precision {
        Precision::DateTime => {}
        Precision::Date => read.truncate(10),
        // An instant orders states; of one known to the day, the day's beginning is as good as any.
        Precision::Instant if read.len() == 10 => return times::midnight(&read, zone),
        Precision::Instant if read.len() < 20 => return None,
        Precision::Instant => {}
    }
    Some(read)
}

/// The usual ways to write true and false; others take a set of values.
fn truth(text: &str) -> Option<bool> {
    let is = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    match text {
        _ if is(&["true", "t", "yes", "y", "1"]) => Some(true),
        _ if is(&["false", "f", "no", "n", "0"]) => Some(false),
        _ => None,
    }
}

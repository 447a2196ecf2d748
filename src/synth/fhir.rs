//! The small parts that all resources share: references, concepts, meta, quantities.
//!
//! Not for: whole resources, or any meaning beyond their shape.

use super::calendar::Moment;
use super::dice::Id;
use super::json::{Decimal, Emit, Json, emit};
use super::terms::UCUM;

pub const CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/observation-category";
pub const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";

/// A relative reference to a record with a random id.
#[derive(Clone, Copy)]
pub struct Ref(pub &'static str, pub Id);

impl Emit for Ref {
    fn emit(&self, out: &mut Json) {
        out.bytes.extend_from_slice(b"{\"reference\":\"");
        out.bytes.extend_from_slice(self.0.as_bytes());
        out.bytes.push(b'/');
        self.1.push_to(&mut out.bytes);
        out.bytes.extend_from_slice(b"\"}");
    }
}

/// A reference written out by the caller (hand-made ids, conditional references, contained records), with a display.
pub struct RefText(pub String, pub Option<String>);

impl Emit for RefText {
    fn emit(&self, out: &mut Json) {
        emit!(out, {"reference": (self.0), "display": (self.1)});
    }
}

/// A CodeableConcept of one coding whose display is also its text: system, code, display.
#[derive(Clone, Copy)]
pub struct Concept(pub &'static str, pub &'static str, pub &'static str);

impl Emit for Concept {
    fn emit(&self, out: &mut Json) {
        emit!(out, {"coding": [(Coding(self.0, self.1, self.2))], "text": (self.2)});
    }
}

/// A Coding: system, code, display.
#[derive(Clone, Copy)]
pub struct Coding(pub &'static str, pub &'static str, pub &'static str);

impl Emit for Coding {
    fn emit(&self, out: &mut Json) {
        emit!(out, {"system": (self.0), "code": (self.1), "display": (self.2)});
    }
}

/// A CodeableConcept of a code that is its own explanation: status values and categories.
#[derive(Clone, Copy)]
pub struct Code(pub &'static str, pub &'static str);

impl Emit for Code {
    fn emit(&self, out: &mut Json) {
        emit!(out, {"coding": [{"system": (self.0), "code": (self.1)}]});
    }
}

/// A CodeableConcept without a code.
pub struct Text<'a>(pub &'a str);

impl Emit for Text<'_> {
    fn emit(&self, out: &mut Json) {
        emit!(out, {"text": (self.0)});
    }
}

/// `meta` of a first version: time of the last change, US Core profile, and labels of a restricted record.
pub struct Meta {
    pub updated: Moment,
    pub profile: Option<&'static str>,
    pub sensitivity: Option<&'static str>,
}

impl Emit for Meta {
    fn emit(&self, out: &mut Json) {
        let profile = self.profile.map(|name| format!("http://hl7.org/fhir/us/core/StructureDefinition/{name}"));
        let confidential =
            self.sensitivity.map(|_| Coding("http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "R", "restricted"));
        let sensitive = self.sensitivity.map(|code| Coding(ACT_CODE, code, sensitivity_name(code)));
        emit!(out, {
            "versionId": "1",
            "lastUpdated": (self.updated),
            "profile": (vec![profile]),
            "security": (vec![confidential, sensitive]),
        });
    }
}

fn sensitivity_name(code: &str) -> &'static str {
    match code {
        "PSY" => "psychiatry disorder information sensitivity",
        "HIV" => "HIV/AIDS information sensitivity",
        _ => "substance use disorder information sensitivity",
    }
}

/// A Quantity in a UCUM unit.
#[derive(Clone, Copy)]
pub struct Quantity {
    pub value: Decimal,
    pub unit: &'static str,
    pub comparator: Option<&'static str>,
}

impl Quantity {
    pub fn new(units: i64, places: u8, unit: &'static str) -> Quantity {
        Quantity { value: Decimal::new(units, places), unit, comparator: None }
    }
}

impl Emit for Quantity {
    fn emit(&self, out: &mut Json) {
        let annotation = self.unit.strip_prefix('{').and_then(|u| u.strip_suffix('}'));
        let unit = annotation.unwrap_or(self.unit);
        emit!(out, {
            "value": (self.value), "comparator": (self.comparator), "unit": unit, "system": UCUM, "code": (self.unit),
        });
    }
}

/// A Period; the end may be open.
#[derive(Clone, Copy)]
pub struct Period<T>(pub T, pub Option<T>);

impl<T: Emit> Emit for Period<T> {
    fn emit(&self, out: &mut Json) {
        emit!(out, {"start": (self.0), "end": (self.1)});
    }
}

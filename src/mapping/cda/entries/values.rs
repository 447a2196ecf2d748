//! Values of observations: from the data types of CDA to the `value[x]` of FHIR.
//!
//! Not for: what an observation is about (`observations`).

use super::super::types;
use super::read::{is_bare, name};
use super::work::Work;
use crate::formats::cda::Element;
use crate::mapping::fhir::{Object, decimal};

const UCUM: &str = "http://unitsofmeasure.org";

/// Units that are UCUM as written and often met. CDA demands UCUM, and gets `tablet(s)`; what is not known here keeps
/// its words and no claim to a system.
const UNITS: [&str; 82] = [
    "%",
    "/min",
    "/uL",
    "/mL",
    "/L",
    "/[HPF]",
    "/[LPF]",
    "[degF]",
    "Cel",
    "mm[Hg]",
    "cm",
    "m",
    "mm",
    "[in_i]",
    "[ft_i]",
    "kg",
    "g",
    "mg",
    "ug",
    "ng",
    "[lb_av]",
    "[oz_av]",
    "kg/m2",
    "m2",
    "mL",
    "L",
    "dL",
    "uL",
    "fL",
    "pg",
    "g/dL",
    "mg/dL",
    "ug/dL",
    "ng/dL",
    "g/L",
    "mg/L",
    "ug/L",
    "ug/mL",
    "ng/mL",
    "pg/mL",
    "mmol/L",
    "umol/L",
    "nmol/L",
    "pmol/L",
    "meq/L",
    "mosm/kg",
    "10*3/uL",
    "10*6/uL",
    "10*9/L",
    "10*12/L",
    "10*3/mm3",
    "10*6/mm3",
    "[IU]",
    "[IU]/L",
    "[IU]/mL",
    "m[IU]/L",
    "u[IU]/mL",
    "U/L",
    "mm/h",
    "s",
    "min",
    "h",
    "d",
    "wk",
    "mo",
    "a",
    "mL/min",
    "mL/h",
    "L/min",
    "mg/h",
    "mg/kg",
    "mg/mL",
    "mg/(24.h)",
    "mmol/mol",
    "{score}",
    "{ratio}",
    "{INR}",
    "{copies}/mL",
    "[pH]",
    "mL/min/{1.73_m2}",
    "[drp]",
    "{tbl}",
];

/// A Quantity by its number and unit as written.
pub fn quantity(o: &mut Object<'_>, comparator: &str, value: &str, unit: &str) {
    if decimal(value).is_none() {
        return;
    }
    o.number("value", value);
    let unit = if unit == "1" { "" } else { unit };
    o.text("comparator", comparator).text("unit", unit);
    if UNITS.contains(&unit) {
        o.text("system", UCUM).text("code", unit);
    }
}

/// The unit of a PQ: as a code, or as words where there is none for it.
pub fn unit(pq: Element<'_>) -> String {
    let own = pq.attr("unit");
    let words = || {
        let translation = pq.child("translation")?;
        let own_words = translation.child("originalText").map(|text| types::spaced(&text.text())).unwrap_or_default();
        let all = [own_words.as_str(), translation.attr("displayName"), translation.attr("code")];
        all.into_iter().find(|words| !words.is_empty()).map(str::to_owned)
    };
    match own {
        "" | "1" => words().unwrap_or_else(|| own.to_owned()),
        _ => own.to_owned(),
    }
}

/// A Quantity of a PQ.
pub fn pq(o: &mut Object<'_>, comparator: &str, pq: Element<'_>) {
    quantity(o, comparator, pq.attr("value"), &unit(pq));
}

/// Why there is no value, by nullFlavor, in the words of FHIR.
pub fn absent_reason(null_flavor: &str) -> &'static str {
    match null_flavor {
        "ASKU" => "asked-unknown",
        "NASK" => "not-asked",
        "NAV" => "temp-unknown",
        "MSK" => "masked",
        "NA" => "not-applicable",
        "OTH" => "unsupported",
        "NINF" => "negative-infinity",
        "PINF" => "positive-infinity",
        _ => "unknown",
    }
}

impl<'a> Work<'a> {
    /// A member `value…` of an entry; false when the element holds none.
    pub fn value(&self, o: &mut Object<'_>, entry: Element<'a>, value: Element<'a>) -> bool {
        match value.xsi_type() {
            "PQ" | "INT" | "REAL" | "MO" => self.number(o, value),
            "CD" | "CE" | "CO" | "CV" | "CS" | "CR" => self.coded(o, entry, value),
            "BL" | "BN" => {
                matches!(value.attr("value"), "true" | "false") && {
                    o.boolean("valueBoolean", Some(value.attr("value") == "true"));
                    true
                }
            }
            "TS" | "IVL_TS" => {
                let span = self.span(Some(value));
                span.write(o, "value");
                !span.is_empty() || self.string(o, value)
            }
            "IVL_PQ" | "IVL_INT" | "IVL_REAL" => range(o, value) || self.string(o, value),
            kind if kind.starts_with("RTO") => ratio(o, value) || self.string(o, value),
            // No type given: what it holds tells.
            "" if !value.attr("code").is_empty() => self.coded(o, entry, value),
            "" if !value.attr("value").is_empty() => self.number(o, value),
            _ => self.string(o, value),
        }
    }

    fn number(&self, o: &mut Object<'_>, value: Element<'a>) -> bool {
        let (number, unit) = (value.attr("value"), unit(value));
        let is_whole = value.xsi_type() == "INT" && decimal(number).is_some_and(|n| n.len() < 10 && !n.contains('.'));
        if is_whole {
            return o.number("valueInteger", number);
        }
        if decimal(number).is_some() {
            o.object("valueQuantity", |o| quantity(o, "", number, &unit));
            return true;
        }
        // Such as "<5" in a field for numbers.
        if number.is_empty() {
            return self.string(o, value);
        }
        o.text("valueString", &format!("{number} {unit}"));
        true
    }

    fn coded(&self, o: &mut Object<'_>, entry: Element<'a>, value: Element<'a>) -> bool {
        let mut concept = self.concept(Some(value));
        if is_bare(&concept) && !concept.is_empty() {
            concept.text = self.short_words(entry.child("text"));
        }
        concept.write(o, "valueCodeableConcept");
        !concept.is_empty() || self.string(o, value)
    }

    fn string(&self, o: &mut Object<'_>, value: Element<'a>) -> bool {
        let words = self.value_words(value);
        o.text("valueString", &words);
        !words.is_empty()
    }

    /// A value in words.
    pub fn value_words(&self, value: Element<'a>) -> String {
        let concept = self.concept(Some(value));
        if !concept.is_empty() {
            return name(&concept).to_owned();
        }
        let (number, unit) = (value.attr("value"), unit(value));
        let words = if number.is_empty() { self.words(Some(value)) } else { number.to_owned() };
        let unit = if unit == "1" { "" } else { unit.as_str() };
        types::spaced(&format!("{words} {unit}"))
    }
}

/// An interval of numbers: both ends are a Range, one is a Quantity with a comparator.
fn range(o: &mut Object<'_>, value: Element<'_>) -> bool {
    let end = |name: &str| value.child(name).filter(|e| decimal(e.attr("value")).is_some());
    let open = |end: Element<'_>| end.attr("inclusive") == "false";
    match (end("low"), end("high")) {
        (Some(low), Some(high)) => {
            o.object("valueRange", |o| {
                o.object("low", |o| pq(o, "", low)).object("high", |o| pq(o, "", high));
            });
        }
        (Some(low), None) => {
            o.object("valueQuantity", |o| pq(o, if open(low) { ">" } else { ">=" }, low));
        }
        (None, Some(high)) => {
            o.object("valueQuantity", |o| pq(o, if open(high) { "<" } else { "<=" }, high));
        }
        (None, None) => return false,
    }
    true
}

fn ratio(o: &mut Object<'_>, value: Element<'_>) -> bool {
    let part = |name: &str| value.child(name).filter(|e| decimal(e.attr("value")).is_some());
    let (Some(numerator), Some(denominator)) = (part("numerator"), part("denominator")) else { return false };
    o.object("valueRatio", |o| {
        o.object("numerator", |o| pq(o, "", numerator)).object("denominator", |o| pq(o, "", denominator));
    });
    true
}

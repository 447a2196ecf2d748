//! How a drug is taken: words, dose, route and times of FHIR's Dosage, as C-CDA has them.
//!
//! Several instructions, a dose from one amount to another or a rhythm that C-CDA cannot hold stand in words alone: half of them,
//! coded, would say something else.
//!
//! Not for: which drug it is (`medications`).

use super::rows::{joined, quantity_words, range_words, ratio_words, span_words, word};
use super::tables::{amount, timing};
use crate::formats::fhir::node::{Node, concept, concepts};
use crate::render::ccd::cda::{Bound, Null, Quantity, Time, Value};
use crate::render::ccd::{codes, values};

/// The one instruction that can be coded; none when there are several.
pub(super) fn only(list: Node<'_>) -> Option<Node<'_>> {
    let mut items = list.items();
    items.next().filter(|_| items.next().is_none())
}

/// All instructions in words: the source's own text, else its parts.
pub(super) fn words(list: Node<'_>) -> String {
    let all: Vec<String> = list.items().map(one_words).collect();
    joined(&all, "; then ")
}

fn one_words(dosage: Node<'_>) -> String {
    let text = dosage.at("text").text();
    let patient = dosage.at("patientInstruction").text().filter(|words| Some(words) != text.as_ref());
    let more = concepts(dosage.at("additionalInstruction"));
    let said = text.unwrap_or_else(|| joined(&[dose_words(dosage), route_words(dosage), often_words(dosage)], ", "));
    joined(&[said, patient.unwrap_or_default(), more.unwrap_or_default()], "; ")
}

/// Amount, rate and most that may be taken.
pub(super) fn dose_words(dosage: Node<'_>) -> String {
    let of = dose_and_rate(dosage);
    let dose = joined(&[quantity_words(amount_of(of)), range_words(of.at("doseRange"))], " ");
    let rate =
        joined(&[quantity_words(of.at("rateQuantity")), range_words(of.at("rateRange")), ratio_words(of.at("rateRatio"))], " ");
    let rate = if rate.is_empty() { rate } else { format!("at {rate}") };
    let most = ratio_words(dosage.at("maxDosePerPeriod"));
    let most = if most.is_empty() { most } else { format!("at most {most}") };
    joined(&[dose, rate, most], ", ")
}

fn route_words(dosage: Node<'_>) -> String {
    joined(&["route", "site", "method"].map(|name| concept(dosage.at(name)).unwrap_or_default()), ", ")
}

/// How often and for how long.
fn often_words(dosage: Node<'_>) -> String {
    let (timing, repeat) = (dosage.at("timing"), dosage.at("timing").at("repeat"));
    let part = |name: &str| repeat.at(name).text();
    let times = part("frequency").map(|n| joined(&[n, part("frequencyMax").map(|m| format!("to {m}")).unwrap_or_default()], " "));
    let every = part("period").map(|n| {
        let n = joined(&[n, part("periodMax").map(|m| format!("to {m}")).unwrap_or_default()], " ");
        format!("{n} {}", part("periodUnit").unwrap_or_default())
    });
    let rhythm = match (times, every) {
        (Some(times), Some(every)) => format!("{times} times every {every}"),
        (None, Some(every)) => format!("every {every}"),
        (Some(times), None) => format!("{times} times"),
        (None, None) => String::new(),
    };
    let when: Vec<String> =
        ["when", "dayOfWeek", "timeOfDay"].iter().flat_map(|name| repeat.at(name).items().filter_map(|w| w.text())).collect();
    let bounds = repeat.at("boundsPeriod");
    let duration = joined(&[quantity_words(repeat.at("boundsDuration")), range_words(repeat.at("boundsRange"))], " ");
    let duration = if duration.is_empty() { duration } else { format!("for {duration}") };
    let count = part("count").map(|n| format!("{n} times in all")).unwrap_or_default();
    let needed = match needed(dosage) {
        Some(_) => joined(&["as needed".to_owned(), concept(dosage.at("asNeededCodeableConcept")).unwrap_or_default()], " for "),
        None => String::new(),
    };
    joined(
        &[concept(timing.at("code")).unwrap_or_default(), rhythm, when.join(", "), duration, span_words(bounds), count, needed],
        ", ",
    )
}

/// The dose: an amount with its unit, or a count of what the product is (tablets). The unit in words where it is no UCUM.
pub(super) fn dose(dosage: Node<'_>) -> (Bound<Quantity>, Option<String>) {
    let of = dose_and_rate(dosage);
    let given = amount_of(of);
    if let Some(quantity) = amount(given) {
        return (Bound::Given(quantity), None);
    }
    let number = given.at("value").text().filter(|n| values::is_decimal(n) && !given.at("comparator").exists());
    let unit = given.at("unit").text().or_else(|| given.at("code").text());
    match (number, unit) {
        (Some(value), Some(unit)) => (Bound::Given(Quantity { value, unit: None }), Some(unit)),
        _ if of.at("doseRange").exists() => (Bound::Null(Null::NoInformation), None),
        _ => (Bound::Null(Null::Unknown), None),
    }
}

/// The rate; it must have a unit.
pub(super) fn rate(dosage: Node<'_>) -> Option<Quantity> {
    let of = dose_and_rate(dosage);
    amount(of.at("rateQuantity")).filter(|rate| rate.unit.is_some())
}

/// In R4 within `doseAndRate`; in an administration, and in older releases, on the dosage itself.
fn dose_and_rate(dosage: Node<'_>) -> Node<'_> {
    let inside = dosage.at("doseAndRate").first();
    if inside.exists() { inside } else { dosage }
}

/// The amount; an administration has another name for it.
fn amount_of(of: Node<'_>) -> Node<'_> {
    let quantity = of.at("doseQuantity");
    if quantity.exists() { quantity } else { of.at("dose") }
}

/// Why it is taken as needed: a concept, or the dosage itself where no reason is given.
fn needed(dosage: Node<'_>) -> Option<Node<'_>> {
    let concept = dosage.at("asNeededCodeableConcept");
    if concept.exists() {
        return Some(concept);
    }
    let is_needed = dosage.at("asNeededBoolean");
    (is_needed.text().as_deref() == Some("true")).then_some(is_needed)
}

/// The precondition of what is taken as needed.
pub(super) fn precondition(dosage: Node<'_>) -> Option<Value> {
    let reason = needed(dosage)?;
    Some(match concept(reason.at("coding").first()).is_some() || reason.at("text").exists() {
        true => Value::Code(codes::code(reason, &[codes::SNOMED_URI], None)),
        false => Value::Null("CD", Null::NoInformation),
    })
}

/// How often, where it is one even rhythm or one event of the day.
pub(super) fn often(dosage: Node<'_>) -> Option<Time> {
    let repeat = dosage.at("timing").at("repeat");
    let has_more = ["frequencyMax", "periodMax", "dayOfWeek", "timeOfDay"].iter().any(|name| repeat.at(name).exists());
    if has_more {
        return None;
    }
    let events: Vec<String> = repeat.at("when").items().filter_map(|when| when.text()).collect();
    let rhythm = every(repeat);
    match (events.as_slice(), rhythm) {
        ([event], None) if !repeat.at("offset").exists() => {
            EVENTS.iter().find(|known| *known == event).map(|known| Time::Event(known))
        }
        ([], Some(rhythm)) => Some(rhythm),
        ([], None) if !repeat.at("period").exists() => by_code(dosage.at("timing").at("code")),
        _ => None,
    }
}

fn by_code(code: Node<'_>) -> Option<Time> {
    let coded = word(code).to_ascii_uppercase();
    timing(&coded).or_else(|| EVENTS.iter().find(|known| **known == coded).map(|known| Time::Event(known)))
}

/// Events of the day that CDA R2 has a code for.
const EVENTS: [&str; 13] = ["AC", "ACD", "ACM", "ACV", "HS", "IC", "ICD", "ICM", "ICV", "PC", "PCD", "PCM", "PCV"];

/// `frequency` times in a `period` as one rhythm, when it comes out even in whole seconds or months.
fn every(repeat: Node<'_>) -> Option<Time> {
    let unit = repeat.at("periodUnit").text()?;
    let period = repeat.at("period").text()?;
    let frequency = repeat.at("frequency").text().map_or(Some(1), |text| text.parse::<u64>().ok()).filter(|n| *n > 0)?;
    if frequency == 1 {
        const UNITS: [&str; 7] = ["s", "min", "h", "d", "wk", "mo", "a"];
        let is_known = values::is_decimal(&period) && UNITS.contains(&unit.as_str());
        return is_known.then_some(Time::Every { value: period, unit, by_institution: false });
    }
    let small = |unit: &str| match unit {
        "s" => Some((1, false)),
        "min" => Some((60, false)),
        "h" => Some((3600, false)),
        "d" => Some((86_400, false)),
        "wk" => Some((604_800, false)),
        "mo" => Some((1, true)),
        "a" => Some((12, true)),
        _ => None,
    };
    let (size, is_month) = small(&unit)?;
    let whole = period.parse::<u64>().ok()?.checked_mul(size)?;
    let each = (whole.is_multiple_of(frequency)).then(|| whole / frequency).filter(|n| *n > 0)?;
    let (size, unit) = match is_month {
        true => (1, "mo"),
        false => *[(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")].iter().find(|(size, _)| each.is_multiple_of(*size))?,
    };
    Some(Time::Every { value: (each / size).to_string(), unit: unit.to_owned(), by_institution: true })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    #[test]
    fn even_rhythms_are_coded_and_others_are_not() {
        let every = |value: &str, unit: &str, by_institution| {
            Some(Time::Every { value: value.into(), unit: unit.into(), by_institution })
        };
        let repeat = |json: Json| often(Node::new(&json!({"timing": {"repeat": json}})));
        for (given, want) in [
            (json!({"frequency": 1, "period": 6, "periodUnit": "h"}), every("6", "h", false)),
            (json!({"frequency": 2, "period": 1, "periodUnit": "d"}), every("12", "h", true)),
            (json!({"frequency": 3, "period": 1, "periodUnit": "wk"}), every("56", "h", true)),
            (json!({"frequency": 7, "period": 1, "periodUnit": "d"}), None),
            (json!({"frequency": 2, "period": 1, "periodUnit": "a"}), every("6", "mo", true)),
            (json!({"frequency": 1, "period": 4, "periodMax": 6, "periodUnit": "h"}), None),
            (json!({"frequency": 0, "period": 1, "periodUnit": "d"}), None),
            (json!({"frequency": 1, "period": 1, "periodUnit": "fortnight"}), None),
            (json!({"when": ["HS"]}), Some(Time::Event("HS"))),
            (json!({"when": ["MORN"]}), None),
            (json!({"when": ["HS", "ACM"]}), None),
        ] {
            assert_eq!(repeat(given.clone()), want, "{given}");
        }
        assert_eq!(often(Node::new(&json!({"timing": {"code": {"text": "BID"}}}))), every("12", "h", true));
    }

    #[test]
    fn a_dose_is_an_amount_or_a_count() {
        let of = |json: Json| dose(Node::new(&json!({"doseAndRate": [{"doseQuantity": json}]})));
        let given = |value: &str, unit: Option<&str>| Bound::Given(Quantity { value: value.into(), unit: unit.map(Into::into) });
        assert_eq!(of(json!({"value": 500, "unit": "mg"})), (given("500", Some("mg")), None));
        assert_eq!(of(json!({"value": 2, "unit": "tablets"})), (given("2", None), Some("tablets".into())));
        assert_eq!(of(json!({"value": 2})), (given("2", None), None));
        assert_eq!(of(json!({"comparator": "<", "value": 2, "unit": "tab"})).0, Bound::Null(Null::Unknown));
        let range = json!({"doseRange": {"low": {"value": 1, "unit": "mg"}}});
        assert_eq!(dose(Node::new(&range)).0, Bound::Null(Null::NoInformation));
        assert_eq!(dose(Node::new(&json!({}))).0, Bound::Null(Null::Unknown));
    }

    #[test]
    fn instructions_in_words() {
        let list = json!([{"text": "1 tab PO BID"}, {"doseAndRate": [{"doseRange": {"low": {"value": 1}, "high": {"value": 2, "unit": "tab"}}}],
            "timing": {"repeat": {"frequency": 1, "period": 4, "periodMax": 6, "periodUnit": "h"}},
            "asNeededCodeableConcept": {"text": "pain"}}, {"asNeededBoolean": true}]);
        let told = "1 tab PO BID; then 1 to 2 tab, 1 times every 4 to 6 h, as needed for pain; then as needed";
        assert_eq!(words(Node::new(&list)), told);
        assert!(only(Node::new(&list)).is_none());
    }
}

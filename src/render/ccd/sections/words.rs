//! What a record says, in words for the narrative: dates with the precision given, statuses, values, codes as the source has
//! them, who is meant by a reference.
//!
//! Not for: the coded forms of the same (`codes`, `values`).

use crate::formats::fhir::node::{Node, concept, concepts, quantity};
use crate::model::{Precision, When};
use crate::render::ccd::context::Context;
use crate::render::ccd::values;

/// A date or time as people write it; what is none stands as it was written.
pub fn date(raw: &str) -> String {
    let raw = raw.trim();
    let Some(when) = When::parse(raw) else {
        return format!("“{raw}”, date as written");
    };
    if when.precision() < Precision::Minute {
        return when.date_text().to_owned();
    }
    // Seconds are told where they were told to us.
    let clock = raw.get(11..).unwrap_or_default();
    let clock = clock.split(['Z', '+', '-']).next().unwrap_or_default();
    match when.offset_min() {
        Some(0) => format!("{} {clock} UTC", when.date_text()),
        Some(m) => {
            let (sign, m) = (if m < 0 { '−' } else { '+' }, m.abs());
            format!("{} {clock} {sign}{:02}:{:02}", when.date_text(), m / 60, m % 60)
        }
        None => format!("{} {clock}", when.date_text()),
    }
}

/// A Period.
pub fn period(node: Node<'_>) -> Option<String> {
    match (node.at("start").text(), node.at("end").text()) {
        (Some(start), Some(end)) if start == end => Some(date(&start)),
        (Some(start), Some(end)) => Some(format!("{} to {}", date(&start), date(&end))),
        (Some(start), None) => Some(format!("from {}", date(&start))),
        (None, Some(end)) => Some(format!("until {}", date(&end))),
        (None, None) => None,
    }
}

/// When something was: `{name}DateTime`, `{name}Period`, … of a record, or the element `name` itself.
pub fn when(root: Node<'_>, name: &str) -> Option<String> {
    let of = |suffix: &str| root.at(&format!("{name}{suffix}"));
    let point = ["DateTime", "Instant", "Date", ""].iter().find_map(|suffix| of(suffix).text());
    (point.map(|text| date(&text)))
        .or_else(|| period(of("Period")))
        .or_else(|| period(of("")))
        .or_else(|| joined(of("Timing").at("event").items().map(|event| event.text().map(|text| date(&text)))))
        .or_else(|| period(of("Timing").at("repeat").at("boundsPeriod")))
        .or_else(|| of("String").text())
        .or_else(|| age(of("Age")))
}

fn age(node: Node<'_>) -> Option<String> {
    let (value, unit) = quantity(node)?;
    Some(format!("age {value} {}", unit.unwrap_or_default()).trim_end().to_owned())
}

/// A word of the standard for people: first letter large, hyphens as spaces.
pub fn sentence(code: &str) -> String {
    let text = code.replace(['-', '_'], " ");
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// `ChargeItem` as `Charge item`.
pub fn field_name(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for (at, c) in name.char_indices() {
        if at > 0 && c.is_ascii_uppercase() {
            out.push(' ');
            out.extend(c.to_lowercase());
        } else {
            out.push(c);
        }
    }
    out
}

/// The status of a record; the words of FHIR, which are those that the archive has.
pub fn status(root: Node<'_>) -> Option<String> {
    let plain = ["status", "lifecycleStatus"].iter().find_map(|name| root.at(name).text());
    let coded = || ["clinicalStatus", "verificationStatus"].iter().find_map(|name| concept(root.at(name)));
    plain.or_else(coded).map(|status| sentence(&status))
}

/// Whether the source says that the record should never have been.
pub fn is_mistaken(root: Node<'_>) -> bool {
    let is = |node: Node<'_>| node.text().as_deref() == Some("entered-in-error");
    let coded = |name: &str| root.at(name).at("coding").items().any(|coding| is(coding.at("code")));
    ["status", "lifecycleStatus", "docStatus"].iter().any(|name| is(root.at(name))) || coded("verificationStatus")
}

/// The codings of concepts as the source has them: `E11.9 (http://hl7.org/fhir/sid/icd-10-cm)`.
pub fn codes<'a>(concepts: impl IntoIterator<Item = Node<'a>>) -> Option<String> {
    let mut said: Vec<String> = Vec::new();
    for concept in concepts {
        let alone = concept.at("code").exists().then_some(concept);
        for coding in concept.at("coding").items().chain(alone) {
            let Some(code) = coding.at("code").text() else { continue };
            let words = match coding.at("system").text() {
                Some(system) => format!("{code} ({})", system_name(&system)),
                None => code,
            };
            if !said.contains(&words) {
                said.push(words);
            }
        }
    }
    (!said.is_empty()).then(|| said.join("; "))
}

/// A system as people call it; one that is known to no one but the source, by its URI.
pub fn system_name(uri: &str) -> &str {
    const NAMES: [(&str, &str); 11] = [
        ("http://loinc.org", "LOINC"),
        ("http://snomed.info/sct", "SNOMED CT"),
        ("http://hl7.org/fhir/sid/icd-10-cm", "ICD-10-CM"),
        ("http://hl7.org/fhir/sid/icd-10", "ICD-10"),
        ("http://hl7.org/fhir/sid/icd-9-cm", "ICD-9-CM"),
        ("http://www.nlm.nih.gov/research/umls/rxnorm", "RxNorm"),
        ("http://www.ama-assn.org/go/cpt", "CPT"),
        ("http://hl7.org/fhir/sid/cvx", "CVX"),
        ("http://hl7.org/fhir/sid/ndc", "NDC"),
        ("http://terminology.hl7.org/CodeSystem/v3-ActCode", "HL7 ActCode"),
        ("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "HL7 RoleCode"),
    ];
    NAMES.iter().find(|(known, _)| *known == uri).map_or(uri, |(_, name)| name)
}

/// Whom or what a Reference of `record` means: its words, else those of the record that it leads to, else the reference.
pub fn reference(cx: &Context<'_>, record: Node<'_>, node: Node<'_>) -> Option<String> {
    let at = node.at("reference").text();
    let target = at.as_deref().and_then(|at| match at.strip_prefix('#') {
        Some(inside) => record.at("contained").items().find(|r| r.at("id").text().as_deref() == Some(inside)).and_then(title),
        None => cx.resolve(at).and_then(|item| title(item.root())),
    });
    node.at("display").text().or(target).or_else(|| node.at("identifier").at("value").text()).or(at)
}

/// Whom or what all References of a list mean.
pub fn references(cx: &Context<'_>, record: Node<'_>, list: Node<'_>) -> Option<String> {
    joined(list.items().map(|node| reference(cx, record, node)))
}

/// What a reader would call a record.
pub fn title(root: Node<'_>) -> Option<String> {
    const CODED: [&str; 10] = [
        "code",
        "type",
        "vaccineCode",
        "medicationCodeableConcept",
        "description",
        "serviceType",
        "reasonCode",
        "category",
        "relationship",
        "scope",
    ];
    let name = || root.at("name").items().find_map(|name| Some(values::name_words(&values::name(name)?)));
    let device = || root.at("deviceName").items().find_map(|name| name.at("name").text());
    let plain = || ["title", "name", "comment", "summary"].iter().find_map(|place| root.at(place).text());
    plain()
        .or_else(name)
        .or_else(device)
        .or_else(|| CODED.iter().find_map(|p| concept(root.at(p)).or_else(|| concepts(root.at(p)))))
}

/// `value[x]` of an observation, a component, an answer.
pub fn value(root: Node<'_>) -> Option<String> {
    let of = |name: &str| root.at(&format!("value{name}"));
    let plain = ["String", "Integer", "Decimal", "Time", "Uri", "Code"].iter().find_map(|name| of(name).text());
    (plain)
        .or_else(|| amount(of("Quantity")))
        .or_else(|| concept(of("CodeableConcept")))
        .or_else(|| of("Coding").at("display").text().or_else(|| of("Coding").at("code").text()))
        .or_else(|| of("Boolean").text().map(|text| if text == "true" { "Yes" } else { "No" }.to_owned()))
        .or_else(|| ["DateTime", "Date", "Instant"].iter().find_map(|name| of(name).text()).map(|text| date(&text)))
        .or_else(|| period(of("Period")))
        .or_else(|| range(of("Range")))
        .or_else(|| ratio(of("Ratio")))
        .or_else(|| of("Reference").at("display").text().or_else(|| of("Reference").at("reference").text()))
        .or_else(|| of("Attachment").at("title").text().or_else(|| of("Attachment").at("url").text()))
        .or_else(|| of("SampledData").exists().then(|| "sampled data, in the archived record".to_owned()))
}

/// A Quantity with its unit.
pub fn amount(node: Node<'_>) -> Option<String> {
    let (value, unit) = quantity(node)?;
    Some(joined_by(" ", [Some(value), unit]).unwrap_or_default())
}

pub fn range(node: Node<'_>) -> Option<String> {
    match (amount(node.at("low")), amount(node.at("high"))) {
        (Some(low), Some(high)) => Some(format!("{low} to {high}")),
        (Some(low), None) => Some(format!("{low} or more")),
        (None, Some(high)) => Some(format!("{high} or less")),
        (None, None) => None,
    }
}

pub fn ratio(node: Node<'_>) -> Option<String> {
    Some(format!("{} : {}", amount(node.at("numerator"))?, amount(node.at("denominator"))?))
}

/// Remarks of a record.
pub fn notes(root: Node<'_>) -> Option<String> {
    joined_by(" ", root.at("note").items().map(|note| note.at("text").text().or_else(|| note.text())))
}

/// Those that are there, separated by semicolons; `None` when none is.
pub fn joined(parts: impl IntoIterator<Item = Option<String>>) -> Option<String> {
    joined_by("; ", parts)
}

pub fn joined_by(between: &str, parts: impl IntoIterator<Item = Option<String>>) -> Option<String> {
    let parts: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    (!parts.is_empty()).then(|| parts.join(between))
}

/// Words with what they are in front: `Reason: chest pain`.
pub fn named(name: &str, words: Option<String>) -> Option<String> {
    words.map(|words| format!("{name}: {words}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn dates_have_the_precision_that_was_given() {
        for (raw, words) in [
            ("2014", "2014"),
            ("2014-03", "2014-03"),
            ("2014-03-12T09:30:05-05:00", "2014-03-12 09:30:05 −05:00"),
            ("2014-03-12T09:30:00Z", "2014-03-12 09:30:00 UTC"),
            ("2014-03-12T09:30", "2014-03-12 09:30"),
            ("spring", "“spring”, date as written"),
        ] {
            assert_eq!(date(raw), words);
        }
        let root =
            json!({"period": {"start": "2014"}, "onsetAge": {"value": 5, "unit": "a"}, "performedPeriod": {"end": "2015-02"}});
        let root = Node::new(&root);
        assert_eq!(when(root, "period").as_deref(), Some("from 2014"));
        assert_eq!(when(root, "onset").as_deref(), Some("age 5 a"));
        assert_eq!(when(root, "performed").as_deref(), Some("until 2015-02"));
        assert_eq!(when(root, "issued"), None);
    }

    #[test]
    fn values_and_codes_say_what_the_source_said() {
        for (value_json, words) in [
            (json!({"valueQuantity": {"value": 3, "comparator": "<", "unit": "packs"}}), Some("< 3 packs")),
            (json!({"valueBoolean": false}), Some("No")),
            (json!({"valueRange": {"low": {"value": 1}}}), Some("1 or more")),
            (json!({"valueCodeableConcept": {"coding": [{"code": "x"}]}}), Some("x")),
            (json!({"valueInteger": 0}), Some("0")),
            (json!({"valueQuantity": 3}), None),
        ] {
            assert_eq!(value(Node::new(&value_json)).as_deref(), words, "{value_json}");
        }
        let concept =
            json!({"coding": [{"system": "urn:archive:old:dx", "code": "D1"}, {"system": "http://loinc.org", "code": "1-8"}]});
        let said = codes([Node::new(&concept), Node::new(&concept)]);
        assert_eq!(said.as_deref(), Some("D1 (urn:archive:old:dx); 1-8 (LOINC)"));
        assert!(is_mistaken(Node::new(&json!({"verificationStatus": {"coding": [{"code": "entered-in-error"}]}}))));
    }
}

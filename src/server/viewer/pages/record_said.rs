//! What a record says, in the order in which a reader asks: what, how it stands, when, who, and the codes as the source wrote
//! them apart from those that this archive's code maps added.
//!
//! Not for: every field (`sections::everything`), or where the record came from (`record`).

use serde_json::Value;

use super::super::fhir::{self, Item, Node};
use super::super::text;

/// The extension of a coding that a code map of this archive added; it names the map.
const ADDED_BY: &str = "urn:chartkeep:code-map";
/// Most codes that are listed; the fields below hold all.
const CODES_MAX: usize = 40;

/// One fact in words.
pub type Fact = (&'static str, String);

/// One coding of the record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Code {
    /// Of which field.
    pub field: String,
    pub code: String,
    pub words: String,
    pub system: String,
    /// The map of this archive that added it; `None`: the source wrote it.
    pub added_by: Option<String>,
}

/// The facts that most kinds of record have, those that this one has.
pub fn facts(item: &Item<'_>) -> Vec<Fact> {
    let root = item.root();
    let mut facts: Vec<Fact> = Vec::new();
    let mut add = |name: &'static str, said: Option<String>| facts.extend(said.map(|said| (name, said)));
    add("Value", value(root));
    add("Reading", fhir::concepts(root.at("interpretation")));
    add("Reference range", range(root));
    let status = ["clinicalStatus", "status", "docStatus"].iter().find_map(|name| fhir::concept(root.at(name)));
    add("Status", status.as_deref().map(text::sentence));
    add("Certainty", fhir::concept(root.at("verificationStatus")).as_deref().map(text::sentence));
    add("Reaction", reactions(root));
    add("Dose", doses(root));
    add("Body site", fhir::concepts(root.at("bodySite")).or_else(|| fhir::concept(root.at("bodySite"))));
    add("Reason", fhir::concepts(root.at("reasonCode")));
    add("When", when(root));
    add("Until", first(root, &["abatementDateTime"]).as_deref().map(written));
    add(
        "Recorded",
        first(root, &["recordedDate", "issued", "authoredOn", "dateAsserted", "recorded", "created"]).as_deref().map(written),
    );
    add("By", people(item));
    add("In encounter", Some(root.at("encounter")).filter(|it| it.exists()).and_then(|it| item.reference(it)));
    add("Last changed there", root.at("meta").at("lastUpdated").text().as_deref().map(written));
    let notes: Vec<String> = root.at("note").items().filter_map(|note| note.at("text").text()).collect();
    add("Note", Some(notes.join("\n")).filter(|notes| !notes.is_empty()));
    facts
}

/// The first of these fields that holds something.
fn first(root: Node<'_>, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| root.at(name).text())
}

/// A date with the precision and the time that the source gave.
fn written(date: &str) -> String {
    let date = text::date(date);
    [Some(date.day), date.time].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn when(root: Node<'_>) -> Option<String> {
    let plain = ["effectiveDateTime", "performedDateTime", "occurrenceDateTime", "onsetDateTime", "started", "date"];
    let period = || {
        let period = ["period", "effectivePeriod", "performedPeriod", "onsetPeriod"]
            .iter()
            .map(|name| root.at(name))
            .find(|p| p.exists())?;
        let side = |name| period.at(name).text().map_or(text::NOT_RECORDED.to_string(), |date| written(&date));
        Some(format!("{} to {}", side("start"), side("end")))
    };
    first(root, &plain).as_deref().map(written).or_else(period).or_else(|| first(root, &["onsetString"]))
}

fn value(root: Node<'_>) -> Option<String> {
    let quantity = |node: Node<'_>| {
        let (value, unit) = fhir::quantity(node)?;
        Some([Some(text::value(&value)), unit].into_iter().flatten().collect::<Vec<_>>().join("\u{a0}"))
    };
    let own = |node: Node<'_>| {
        quantity(node.at("valueQuantity"))
            .or_else(|| fhir::concept(node.at("valueCodeableConcept")))
            .or_else(|| first(node, &["valueString", "valueInteger", "valueBoolean", "valueDateTime"]))
    };
    let parts = || {
        let parts: Vec<String> = root
            .at("component")
            .items()
            .filter_map(|part| Some(format!("{} {}", fhir::concept(part.at("code"))?, own(part)?)))
            .collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    };
    own(root).or_else(parts)
}

fn range(root: Node<'_>) -> Option<String> {
    let range = root.at("referenceRange").first();
    let side = |name| fhir::quantity(range.at(name));
    let unit =
        |(value, unit): (String, Option<String>)| [Some(value), unit].into_iter().flatten().collect::<Vec<_>>().join("\u{a0}");
    range.at("text").text().or_else(|| match (side("low"), side("high")) {
        (Some(low), Some(high)) => Some(format!("{}–{}", low.0, unit(high))),
        (Some(low), None) => Some(format!("≥ {}", unit(low))),
        (None, Some(high)) => Some(format!("≤ {}", unit(high))),
        (None, None) => None,
    })
}

fn reactions(root: Node<'_>) -> Option<String> {
    let one = |reaction: Node<'_>| {
        let said = fhir::concepts(reaction.at("manifestation"))?;
        Some(match reaction.at("severity").text() {
            Some(severity) => format!("{said} ({severity})"),
            None => said,
        })
    };
    let all: Vec<String> = root.at("reaction").items().filter_map(one).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

fn doses(root: Node<'_>) -> Option<String> {
    let of = |name| root.at(name).items().filter_map(|dose| dose.at("text").text()).collect::<Vec<_>>();
    let all: Vec<String> = ["dosageInstruction", "dosage"].into_iter().flat_map(of).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// Everyone whom the record names as having had a hand in it.
fn people(item: &Item<'_>) -> Option<String> {
    let root = item.root();
    let mut names: Vec<String> = Vec::new();
    for field in ["recorder", "asserter", "author", "performer", "requester", "participant", "authenticator"] {
        let node = root.at(field);
        let alone = item.reference(node).filter(|_| node.at("reference").exists() || node.at("display").exists());
        let listed = node.items().filter_map(|it| item.reference(within(it)));
        for name in alone.into_iter().chain(listed) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    (!names.is_empty()).then(|| names.join(", "))
}

/// Who is meant by an entry of a list of people, which often says in what part he acted beside it.
fn within(entry: Node<'_>) -> Node<'_> {
    ["actor", "individual"].iter().map(|name| entry.at(name)).find(|inner| inner.exists()).unwrap_or(entry)
}

/// Every coding, in the order of the record.
pub fn codes(item: &Item<'_>) -> Vec<Code> {
    let mut codes = Vec::new();
    if let Some(Value::Object(fields)) = item.root().value() {
        for (name, value) in fields.iter().filter(|(name, _)| *name != "meta" && *name != "contained") {
            walk(&text::field_name(name), value, 0, &mut codes);
        }
    }
    codes
}

fn walk(field: &str, value: &Value, depth: usize, codes: &mut Vec<Code>) {
    if depth > 4 || codes.len() >= CODES_MAX {
        return;
    }
    match value {
        Value::Array(all) => all.iter().for_each(|it| walk(field, it, depth + 1, codes)),
        Value::Object(fields) if fields.contains_key("coding") => {
            let found =
                Node::new(value).at("coding").items().filter_map(|coding| code(field, coding)).take(CODES_MAX - codes.len());
            codes.extend(found.collect::<Vec<_>>());
        }
        Value::Object(fields) => fields.iter().for_each(|(name, it)| walk(&text::field_name(name), it, depth + 1, codes)),
        _ => {}
    }
}

fn code(field: &str, coding: Node<'_>) -> Option<Code> {
    let mut extensions = coding.at("extension").items();
    let added = extensions.find(|it| it.at("url").text().as_deref() == Some(ADDED_BY));
    Some(Code {
        field: field.to_string(),
        code: coding.at("code").text()?,
        words: coding.at("display").text().unwrap_or_default(),
        system: coding.at("system").text().map_or_else(|| "system not recorded".into(), |system| system_name(&system)),
        added_by: added.map(|it| it.at("valueString").text().unwrap_or_default().replace('|', " ")),
    })
}

/// A code system as people call it; one that few know stands as written.
fn system_name(system: &str) -> String {
    let name = match system.trim_start_matches("urn:oid:") {
        "http://snomed.info/sct" | "2.16.840.1.113883.6.96" => "SNOMED CT",
        "http://loinc.org" | "2.16.840.1.113883.6.1" => "LOINC",
        "http://hl7.org/fhir/sid/icd-10-cm" | "2.16.840.1.113883.6.90" => "ICD-10-CM",
        "http://hl7.org/fhir/sid/icd-9-cm" | "2.16.840.1.113883.6.103" => "ICD-9-CM",
        "http://www.nlm.nih.gov/research/umls/rxnorm" | "2.16.840.1.113883.6.88" => "RxNorm",
        "http://hl7.org/fhir/sid/cvx" | "2.16.840.1.113883.12.292" => "CVX",
        "http://hl7.org/fhir/sid/ndc" | "2.16.840.1.113883.6.69" => "NDC",
        "http://www.ama-assn.org/go/cpt" | "2.16.840.1.113883.6.12" => "CPT",
        "http://unitsofmeasure.org" => "UCUM",
        other => {
            return other
                .strip_prefix("http://terminology.hl7.org/CodeSystem/")
                .map_or(system.to_string(), |it| format!("HL7 {it}"));
        }
    };
    name.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::fhir::testing::record;

    fn of(json: &str) -> (Vec<Fact>, Vec<Code>) {
        let record = record("Observation", json);
        let item = Item::new(&record);
        (facts(&item), codes(&item))
    }

    #[test]
    fn a_record_says_what_when_and_who_first() {
        let (facts, codes) =
            of(r#"{"resourceType":"Observation","id":"o1","status":"final","meta":{"lastUpdated":"2024-01-02T03:04:05Z"},
            "code":{"coding":[{"system":"http://loinc.org","code":"4548-4","display":"HbA1c"},
                {"system":"x","code":"1","extension":[{"url":"urn:chartkeep:code-map","valueString":"local-to-loinc|3"}]}]},
            "valueQuantity":{"value":1840.0,"unit":"mg"},"referenceRange":[{"low":{"value":4},"high":{"value":5.6,"unit":"%"}}],
            "effectiveDateTime":"2024-01-01","issued":"2024-01-02T08:00:00-05:00","performer":[{"display":"Lab"}],
            "note":[{"text":"seen"}]}"#);
        let said: Vec<String> = facts.iter().map(|(name, words)| format!("{name}: {words}")).collect();
        assert_eq!(
            said,
            [
                "Value: 1,840.0\u{a0}mg",
                "Reference range: 4–5.6\u{a0}%",
                "Status: Final",
                "When: 2024-01-01",
                "Recorded: 2024-01-02 08:00 −05:00",
                "By: Lab",
                "Last changed there: 2024-01-02 03:04 UTC",
                "Note: seen"
            ]
        );
        let told: Vec<_> = codes.iter().map(|it| (it.system.as_str(), it.code.as_str(), it.added_by.as_deref())).collect();
        assert_eq!(told, [("LOINC", "4548-4", None), ("x", "1", Some("local-to-loinc 3"))]);
    }

    #[test]
    fn odd_json_says_nothing_and_does_no_harm() {
        for json in [
            r#"{"resourceType":"Basic","id":"b"}"#,
            r#"{"resourceType":"Basic","id":"b","code":7,"note":"x","period":3,"component":[{}]}"#,
        ] {
            let (facts, codes) = of(json);
            assert!(codes.is_empty() && facts.iter().all(|(_, said)| !said.is_empty()), "{facts:?}");
        }
    }
}

//! Value sets of the clinical sections, from `schemas/ccda`: units, routes, how often, and the words for "none known".
//!
//! Not for: codes that only one place needs, which stand there.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

use crate::formats::fhir::node::{Node, concept};
use crate::render::ccd::cda::{Code, Quantity, Time, Value};
use crate::render::ccd::narrative::Anchor;
use crate::render::ccd::{codes, values};

const UCUM: &str = "http://unitsofmeasure.org";
const NCI: &str = "2.16.840.1.113883.3.26.1.1";
const NCI_URIS: [&str; 3] =
    ["http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl", "http://ncithesaurus-stage.nci.nih.gov", "http://ncimeta.nci.nih.gov"];

/// A FHIR Quantity as CDA's; a unit in the words of the legacy system counts as the UCUM unit that it means.
pub(super) fn measured(quantity: Node<'_>) -> Option<Value> {
    let mended = in_ucum(quantity);
    values::quantity(mended.as_ref().map_or(quantity, Node::new))
}

/// As `measured`, for what has no comparator and must be a number with its unit.
pub(super) fn amount(quantity: Node<'_>) -> Option<Quantity> {
    match measured(quantity)? {
        Value::Quantity(quantity) => Some(quantity),
        _ => None,
    }
}

/// The Quantity with its unit as UCUM, when the unit is one of the table. An empty unit is none.
fn in_ucum(quantity: Node<'_>) -> Option<Json> {
    let unit = quantity.at("code").text().filter(|_| quantity.at("system").text().as_deref() == Some(UCUM));
    let unit = unit.or_else(|| quantity.at("unit").text()).or_else(|| quantity.at("code").text())?;
    let ucum = UNITS.get(&folded(&unit))?;
    let part = |name: &str| quantity.at(name).value().cloned().unwrap_or(Json::Null);
    Some(json!({"value": part("value"), "comparator": part("comparator"), "unit": unit, "system": UCUM, "code": ucum}))
}

/// A route of administration by the code that C-CDA takes; one that the table does not know keeps its codes as translations.
pub(super) fn route(route: Node<'_>, original: Option<Anchor>) -> Code {
    let given = codes::code(route, &NCI_URIS, original);
    if given.code.is_some() {
        return Code { system: Some(NCI.to_owned()), ..given };
    }
    let coded = route.at("coding").items().filter_map(|c| c.at("code").text());
    let names = route.at("coding").items().filter_map(|c| c.at("display").text()).chain(route.at("text").text());
    let known = coded.chain(names).find_map(|said| ROUTES.get(&folded(&said)));
    let Some((nci, name)) = known else { return given };
    Code { null: None, ..Code { code: Some(nci.clone()), system: Some(NCI.to_owned()), display: Some(name.clone()), ..given } }
}

/// How often, from the abbreviation of a prescription.
pub(super) fn timing(code: &str) -> Option<Time> {
    TIMINGS.iter().find(|timing| timing.code.eq_ignore_ascii_case(code.trim())).map(|timing| Time::Every {
        value: timing.every.clone(),
        unit: timing.unit.clone(),
        by_institution: timing.by_institution,
    })
}

/// What a record says that there is none of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum About {
    Any,
    Drug,
    Food,
    Environment,
    /// Said, but in a way that only the narrative can hold.
    WordsOnly,
}

/// Whether a code is no allergy, problem or drug but the statement that there is none.
pub(super) fn negative(of: &str, code: Node<'_>) -> Option<About> {
    let coded: Vec<String> = code.at("coding").items().filter_map(|c| c.at("code").text()).collect();
    let names = code.at("coding").items().filter_map(|c| c.at("display").text()).chain(concept(code));
    let names: Vec<String> = names.map(|name| folded(name.trim_end_matches(['.', ' ']))).collect();
    let is_said = |entry: &&Negative| {
        entry.codes.iter().any(|code| coded.contains(code)) || entry.words.iter().any(|words| names.contains(&folded(words)))
    };
    NEGATIVES.iter().filter(|entry| entry.of == of).find(is_said).map(|entry| entry.about)
}

/// Without regard to case and spaces.
fn folded(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unit {
    ucum: String,
    written: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Route {
    nci: String,
    name: String,
    snomed: Vec<String>,
    words: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Timing {
    code: String,
    every: String,
    unit: String,
    by_institution: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Negative {
    of: String,
    about: About,
    codes: Vec<String>,
    words: Vec<String>,
}

/// The list of a file that has one key. A file that cannot be read would be found by the tests.
fn list<T: DeserializeOwned>(file: &str) -> Vec<T> {
    toml::from_str::<HashMap<String, Vec<T>>>(file).unwrap_or_default().into_values().flatten().collect()
}

static UNITS: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
    let units: Vec<Unit> = list(include_str!("../../../../schemas/ccda/units.toml"));
    units
        .into_iter()
        .flat_map(|unit| unit.written.into_iter().map(move |written| (folded(&written), unit.ucum.clone())))
        .collect()
});

/// Code and name by SNOMED CT code or word.
static ROUTES: LazyLock<HashMap<String, (String, String)>> = LazyLock::new(|| {
    let routes: Vec<Route> = list(include_str!("../../../../schemas/ccda/routes.toml"));
    let said = |route: Route| {
        let known = (route.nci, route.name);
        route.snomed.into_iter().chain(route.words).map(move |said| (folded(&said), known.clone()))
    };
    routes.into_iter().flat_map(said).collect()
});

static TIMINGS: LazyLock<Vec<Timing>> = LazyLock::new(|| list(include_str!("../../../../schemas/ccda/timings.toml")));

static NEGATIVES: LazyLock<Vec<Negative>> = LazyLock::new(|| list(include_str!("../../../../schemas/ccda/negatives.toml")));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::ucum;

    #[test]
    fn the_files_are_read_and_every_unit_is_ucum() {
        assert!(!ROUTES.is_empty() && !TIMINGS.is_empty() && !NEGATIVES.is_empty() && UNITS.len() > 200);
        for (written, unit) in UNITS.iter() {
            assert!(ucum::is_unit(unit), "{written}: {unit}");
        }
        let listed: usize =
            list::<Unit>(include_str!("../../../../schemas/ccda/units.toml")).iter().map(|u| u.written.len()).sum();
        assert!(listed >= UNITS.len());
    }

    #[test]
    fn units_that_legacy_systems_print() {
        let pq = |value: &str, unit: &str| Some(Value::Quantity(Quantity { value: value.into(), unit: Some(unit.into()) }));
        for (given, want) in [
            (json!({"value": 120, "unit": "mmHg"}), pq("120", "mm[Hg]")),
            (json!({"value": 120, "unit": "MM HG"}), pq("120", "mm[Hg]")),
            (json!({"value": 7, "unit": "K/uL", "system": UCUM, "code": "10*3/uL"}), pq("7", "10*3/uL")),
            (json!({"value": 7, "unit": "K/uL"}), pq("7", "10*3/uL")),
            (json!({"value": 90, "unit": "MG/DL"}), pq("90", "mg/dL")),
            (json!({"value": 72, "unit": "beats/min"}), pq("72", "/min")),
            (json!({"value": 5, "unit": "wibble"}), Some(Value::Text("5 wibble".into()))),
        ] {
            assert_eq!(measured(Node::new(&given)), want, "{given}");
        }
        let long: Json = serde_json::from_str(r#"{"value":1.2300,"unit":"mg/dl"}"#).unwrap();
        assert_eq!(measured(Node::new(&long)), pq("1.2300", "mg/dL"), "digits stay");
    }

    #[test]
    fn routes_and_times() {
        let code = |value: Json| route(Node::new(&value), None);
        let oral = code(json!({"coding": [{"system": "http://snomed.info/sct", "code": "26643006"}]}));
        assert_eq!((oral.code.as_deref(), oral.null, oral.translations.len()), (Some("C38288"), None, 1), "SNOMED stands beside");
        assert_eq!(code(json!({"text": "PO"})).code.as_deref(), Some("C38288"));
        assert_eq!(code(json!({"coding": [{"system": NCI_URIS[0], "code": "C38276"}]})).code.as_deref(), Some("C38276"));
        let unknown = code(json!({"text": "through the ear of a friend"}));
        assert_eq!((unknown.code, unknown.null.map(|n| n.code())), (None, Some("OTH")));
        assert_eq!(timing("bid"), Some(Time::Every { value: "12".into(), unit: "h".into(), by_institution: true }));
        assert_eq!(timing("whenever"), None);
    }

    #[test]
    fn only_what_says_none_is_a_negative() {
        let of = |kind: &str, value: Json| negative(kind, Node::new(&value));
        assert_eq!(of("allergy", json!({"text": "NKDA."})), Some(About::Drug));
        assert_eq!(of("allergy", json!({"coding": [{"code": "716186003"}]})), Some(About::Any));
        assert_eq!(of("allergy", json!({"text": "No known latex allergy"})), Some(About::WordsOnly));
        assert_eq!(of("allergy", json!({"text": "Nka-like reaction to penicillin"})), None);
        assert_eq!(of("problem", json!({"coding": [{"code": "160245001"}]})), Some(About::Any));
        assert_eq!(of("problem", json!({"coding": [{"code": "716186003"}]})), None, "of another kind");
    }
}

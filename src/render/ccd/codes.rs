//! Codes of FHIR records as those of CDA: URIs to OIDs, which of several codings leads, and what stands beside it.
//!
//! Not for: value sets of one section (`sections`).

use super::cda::{Code, Null};
use super::ids::uuid_of_uri;
use super::narrative::Anchor;
use crate::formats::code_systems::{is_uuid, oid_of_uri};
use crate::formats::fhir::node::Node;

pub const LOINC: &str = "2.16.840.1.113883.6.1";
pub const SNOMED: &str = "2.16.840.1.113883.6.96";
pub const RXNORM: &str = "2.16.840.1.113883.6.88";
pub const ICD10CM: &str = "2.16.840.1.113883.6.90";
pub const ACT_CODE: &str = "2.16.840.1.113883.5.4";
pub const ACT_CLASS: &str = "2.16.840.1.113883.5.6";

/// URIs, as `preferred` systems are named.
pub const LOINC_URI: &str = "http://loinc.org";
pub const SNOMED_URI: &str = "http://snomed.info/sct";
pub const RXNORM_URI: &str = "http://www.nlm.nih.gov/research/umls/rxnorm";
pub const CVX_URI: &str = "http://hl7.org/fhir/sid/cvx";

/// A CodeableConcept (or Coding): the first coding of the systems in `preferred` (URIs, best first) leads and the other
/// codings stand as translations; without one, `OTH` leads and all codings are translations. With `preferred` empty, any
/// coding may lead. A concept that says nothing is `UNK`. `original`: where the source's words stand.
pub fn code(concept: Node<'_>, preferred: &[&str], original: Option<Anchor>) -> Code {
    let mut codings: Vec<Node<'_>> = Vec::new();
    let own = concept.at("code").exists().then_some(concept);
    for coding in concept.at("coding").items().chain(own).filter(|c| c.at("code").text().is_some()) {
        let key = |c: &Node<'_>| (c.at("system").text(), c.at("code").text());
        if !codings.iter().any(|known| key(known) == key(&coding)) {
            codings.push(coding);
        }
    }
    let leads = |coding: &Node<'_>, uri: &str| coding.at("system").text().as_deref() == Some(uri) && is_writable(*coding);
    let lead = match preferred {
        [] => codings.iter().position(|coding| is_writable(*coding) && null_flavor(coding).is_none()),
        _ => preferred.iter().find_map(|uri| codings.iter().position(|coding| leads(coding, uri))),
    };
    // That it is not known, said with a code, is a null flavor and no code.
    let told = codings.iter().find_map(null_flavor);
    let mut code = match lead {
        Some(at) => coding(codings.remove(at)),
        None if told.is_some() => null(told.unwrap_or(Null::Unknown)),
        None if codings.is_empty() && concept.at("text").text().is_none() => null(Null::Unknown),
        None => null(Null::Other),
    };
    code.original = original;
    code.translations = codings.into_iter().filter(|c| null_flavor(c).is_none()).map(coding).collect();
    code
}

/// One coding. A code that CDA cannot hold, since there is white space in it, stands in the name.
pub fn coding(coding: Node<'_>) -> Code {
    if let Some(why) = null_flavor(&coding) {
        return null(why);
    }
    let system = coding.at("system").text().unwrap_or_default();
    let words = coding.at("display").text().map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
    let mut code = Code { display: words, ..Code::default() };
    if !system.is_empty() {
        let (oid, name) = system_of(&system);
        (code.system, code.system_name) = (Some(oid), name);
    }
    let Some(given) = coding.at("code").text() else { return Code { null: Some(Null::Unknown), ..code } };
    if is_writable(coding) {
        code.code = Some(given);
    } else {
        let whole = format!("{given}: {}", code.display.unwrap_or_default());
        (code.null, code.display) = (Some(Null::Other), Some(whole.trim_end_matches([':', ' ']).to_owned()));
    }
    code
}

/// The OID of a system. One without gets the UUID (version 5) of its URI, and the URI as its name.
pub fn system_of(uri: &str) -> (String, Option<String>) {
    if let Some(oid) = oid_of_uri(uri) {
        return (oid.into_owned(), None);
    }
    match uri.strip_prefix("urn:uuid:").filter(|uuid| is_uuid(uuid)) {
        Some(uuid) => (uuid.to_owned(), None),
        None => (uuid_of_uri(uri), Some(uri.to_owned())),
    }
}

/// The null flavor that a coding says in place of a code.
fn null_flavor(coding: &Node<'_>) -> Option<Null> {
    if coding.at("system").text().as_deref() != Some("http://terminology.hl7.org/CodeSystem/v3-NullFlavor") {
        return None;
    }
    let code = coding.at("code").text()?;
    Some(Null::ALL.into_iter().find(|null| null.code() == code).unwrap_or(Null::NoInformation))
}

/// Whether the coding's code can be an attribute of CDA's type `cs`.
fn is_writable(coding: Node<'_>) -> bool {
    coding.at("code").text().is_some_and(|code| !code.contains(char::is_whitespace))
}

/// A code that this software writes by itself.
pub fn fixed(code: &str, system: &str, display: &str) -> Code {
    Code { code: Some(code.to_owned()), system: Some(system.to_owned()), display: Some(display.to_owned()), ..Code::default() }
}

/// No code, and why.
pub fn null(null: Null) -> Code {
    Code { null: Some(null), ..Code::default() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_preferred_system_leads_and_nothing_is_lost() {
        let concept = json!({"coding":[
            {"system":"urn:archive:old:dx","code":"D 1","display":"old words"},
            {"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"I10","display":"Hypertension"},
            {"system":SNOMED_URI,"code":"38341003"},
            {"system":SNOMED_URI,"code":"38341003"}],"text":"BP"});
        let got = code(Node::new(&concept), &[SNOMED_URI], Some(Anchor("a-1".into())));
        assert_eq!((got.code.as_deref(), got.system.as_deref(), got.null), (Some("38341003"), Some(SNOMED), None));
        let [local, icd] = got.translations.as_slice() else { panic!("{got:?}") };
        assert_eq!((local.code.as_deref(), local.display.as_deref()), (None, Some("D 1: old words")), "white space is no code");
        assert_eq!(local.system_name.as_deref(), Some("urn:archive:old:dx"));
        assert_eq!(icd.system.as_deref(), Some(ICD10CM));

        let got = code(Node::new(&concept), &[LOINC_URI], None);
        assert_eq!((got.code, got.null, got.translations.len()), (None, Some(Null::Other), 3));
        assert_eq!(code(Node::new(&json!({"text":"x"})), &[], None).null, Some(Null::Other));
        assert_eq!(code(Node::new(&json!({})), &[], None).null, Some(Null::Unknown));
        let coding = json!({"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB"});
        assert_eq!(code(Node::new(&coding), &[], None).system.as_deref(), Some(ACT_CODE));
    }
}

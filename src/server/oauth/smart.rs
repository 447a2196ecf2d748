//! `/.well-known/smart-configuration`: how programs get tokens for `/fhir`, made from the configuration, so that it lists what
//! is so and nothing else (SMART App Launch 2.2 "Conformance").
//!
//! Not for: how the viewer itself signs in elsewhere.

use serde_json::{Map, Value, json};

use crate::access::Public;
use crate::config::IssuerUse;
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::Call;

use super::token_endpoint;

/// Granular scopes that US Core asks a server to know (US Core 7, "SMART on FHIR Obligations").
#[rustfmt::skip]
const CATEGORIES: [(&str, &str, &[&str]); 6] = [
    ("Condition", "http://hl7.org/fhir/us/core/CodeSystem/condition-category", &["health-concern"]),
    ("Condition", "http://terminology.hl7.org/CodeSystem/condition-category", &["encounter-diagnosis", "problem-list-item"]),
    ("Observation", "http://terminology.hl7.org/CodeSystem/observation-category", &["laboratory", "social-history", "survey", "vital-signs"]),
    ("Observation", "http://hl7.org/fhir/us/core/CodeSystem/us-core-category", &["sdoh"]),
    ("DocumentReference", "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category", &["clinical-note"]),
    ("*", "", &[]),
];

pub fn configuration(call: &Call) -> Result<Answer, ApiError> {
    Ok(Public(Body::json(&document(call))?).into())
}

/// How tokens are got: from this archive by programs, and from an issuer by people.
pub fn document(call: &Call) -> Value {
    let resource_issuer = call.app.issuers.all().find(|issuer| issuer.serves(IssuerUse::Resource));
    let discovered = resource_issuer.and_then(|issuer| issuer.discovery());
    let endpoint = |name: &str| discovered.as_ref()?.get(name).and_then(Value::as_str).map(str::to_string);
    let mut document = Map::new();
    let mut put = |name: &str, value: Value| document.insert(name.into(), value);
    let (mut contexts, mut capabilities) = (Vec::new(), Vec::new());
    if let Some(issuer) = resource_issuer {
        put("issuer", issuer.row().iss.clone().into());
        for name in ["authorization_endpoint", "jwks_uri"] {
            if let Some(address) = endpoint(name) {
                put(name, address.into());
            }
        }
        contexts.push("user");
        capabilities.push("permission-user");
        if issuer.row().patient_namespace.is_some() {
            contexts.push("patient");
            capabilities.push("permission-patient");
        }
    }
    // The one grant of the one token endpoint that this document can name. A person's program exchanges its code where the
    // person signed in, by the issuer's own document.
    if let Some(own) = token_endpoint(call) {
        put("introspection_endpoint", own.replace(super::TOKEN_PATH, "/oauth/introspect").into());
        put("token_endpoint", own.into());
        put("token_endpoint_auth_methods_supported", json!(["private_key_jwt"]));
        put("token_endpoint_auth_signing_alg_values_supported", json!(["RS384", "ES384"]));
        put("grant_types_supported", json!(["client_credentials"]));
        contexts.push("system");
        capabilities.push("client-confidential-asymmetric");
    } else {
        put("grant_types_supported", json!([]));
    }
    capabilities.extend(["permission-v1", "permission-v2"]);
    put("code_challenge_methods_supported", json!(["S256"]));
    put("scopes_supported", json!(scopes(&contexts)));
    put("capabilities", json!(capabilities));
    Value::Object(document)
}

fn scopes(contexts: &[&str]) -> Vec<String> {
    let of_kind = |kind: &str, system: &str, code: &str| match code {
        "" => format!("{kind}.rs"),
        code => format!("{kind}.rs?category={system}|{code}"),
    };
    let kinds = || {
        CATEGORIES.iter().flat_map(|(kind, system, codes)| {
            let codes: &[&str] = if codes.is_empty() { &[""] } else { codes };
            codes.iter().map(move |code| of_kind(kind, system, code))
        })
    };
    contexts.iter().flat_map(|context| kinds().map(move |scope| format!("{context}/{scope}"))).collect()
}

//! `GET /metadata`: the CapabilityStatement, made from the route table and the search parameters, so that it says
//! what the server does and nothing else.
//!
//! Not for: declaring anything by hand that a table already says.

use serde_json::{Value, json};

use crate::access::Public;
use crate::model::Kind;
use crate::server::answer::{Answer, ApiError, Body, FHIR_JSON};
use crate::server::call::Call;
use crate::server::routes::{Area, Route, routes};

use super::search::params::{self, Param, Type};

/// Interactions of FHIR's `restful-interaction` that a resource can have; a route's summary names one of them or an operation.
const INTERACTIONS: [&str; 4] = ["read", "vread", "history-instance", "search-type"];

pub fn metadata(call: &Call) -> Result<Answer, ApiError> {
    super::want_json(call)?;
    Ok(Public(Body::new(FHIR_JSON, statement(&call.base).to_string())).into())
}

/// The statement for a server at `base`.
pub fn statement(base: &str) -> Value {
    let resources: Vec<Value> = Kind::all().filter(|kind| served(*kind)).map(resource).collect();
    json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-11-22",
        "kind": "instance",
        "fhirVersion": "4.0.1",
        "format": ["json", "application/fhir+json"],
        "instantiates": ["http://hl7.org/fhir/us/core/CapabilityStatement/us-core-server"],
        "software": {"name": "Chartkeep", "version": env!("CARGO_PKG_VERSION")},
        "implementation": {
            "description": "A read-only archive of retired health record systems. Nothing can be created, changed or deleted; \
                            searches name a patient or an id; JSON only.",
            "url": format!("{base}/fhir")
        },
        "rest": [{
            "mode": "server",
            "security": {
                "service": [{
                    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/restful-security-service", "code": "SMART-on-FHIR"}],
                    "text": "OAuth2 with the scopes of SMART on FHIR"
                }],
                "description": "Every request but this one needs a bearer token (RFC 6750) and is entered in the access log. \
                                How tokens are got stands at .well-known/smart-configuration."
            },
            "resource": resources,
        }]
    })
}

/// Types that are never stored as records of a patient's chart or its surroundings.
fn served(kind: Kind) -> bool {
    !["Parameters", "OperationOutcome", "Bundle", "CapabilityStatement"].contains(&kind.name())
}

fn resource(kind: Kind) -> Value {
    let interactions: Vec<Value> =
        INTERACTIONS.iter().filter(|code| offers(kind, code)).map(|code| json!({"code": code})).collect();
    let parameters: Vec<Value> = params::common().iter().chain(params::params_of(kind)).map(parameter).collect();
    let references = params::params_of(kind).iter().filter(|param| param.of == Type::Reference);
    let includes: Vec<String> = references.map(|param| format!("{kind}:{}", param.name)).collect();
    let mut resource = json!({
        "type": kind.name(),
        "interaction": interactions,
        "versioning": "versioned",
        "readHistory": true,
        "conditionalRead": "not-match",
        "searchParam": parameters,
    });
    if !includes.is_empty() {
        resource["searchInclude"] = json!(includes);
    }
    if params::has_patient(kind) {
        resource["searchRevInclude"] = json!(["Provenance:target"]);
    }
    let operations: Vec<Value> = routes()
        .iter()
        .filter(|route| {
            [format!("/fhir/{kind}/{{id}}/$"), format!("/fhir/{kind}/$")].iter().any(|head| route.path.starts_with(head))
        })
        .map(|route| json!({"name": route.summary, "definition": definition(kind, route.summary)}))
        .collect();
    if !operations.is_empty() {
        resource["operation"] = json!(operations);
    }
    resource
}

/// Where an operation is defined: by FHIR, by US Core, or here alone.
fn definition(kind: Kind, operation: &str) -> String {
    match operation {
        "docref" => "http://hl7.org/fhir/us/core/OperationDefinition/docref".into(),
        "ccd" => format!("urn:chartkeep:OperationDefinition:{kind}-ccd"),
        _ => format!("http://hl7.org/fhir/OperationDefinition/{kind}-{operation}"),
    }
}

/// Whether a route offers this interaction for the kind.
fn offers(kind: Kind, code: &str) -> bool {
    let fits = |route: &Route| {
        let segment = route.path.split('/').nth(2).unwrap_or("");
        route.area() == Area::Fhir && route.summary == code && (segment == "{kind}" || segment == kind.name())
    };
    routes().iter().any(fits)
}

fn parameter(param: &Param) -> Value {
    json!({"name": param.name, "type": param.of.name()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statement_and_the_route_table_say_the_same() {
        let statement = statement("https://archive.example.org");
        let resources = statement["rest"][0]["resource"].as_array().unwrap();
        let declared: std::collections::BTreeSet<&str> = resources
            .iter()
            .flat_map(|resource| {
                let codes = resource["interaction"].as_array().unwrap().iter().map(|i| i["code"].as_str().unwrap());
                codes.chain(resource["operation"].as_array().into_iter().flatten().map(|o| o["name"].as_str().unwrap()))
            })
            .chain(["capabilities", "smart-configuration"])
            .collect();
        let routed: std::collections::BTreeSet<&str> =
            routes().iter().filter(|route| route.area() == Area::Fhir).map(|route| route.summary).collect();
        assert_eq!(declared, routed);
        let patient = &resources[0];
        assert_eq!(patient["operation"][0]["definition"], "http://hl7.org/fhir/OperationDefinition/Patient-everything");
        for resource in resources {
            let kind = Kind::from_name(resource["type"].as_str().unwrap()).unwrap();
            assert_eq!(resource["interaction"].as_array().unwrap().len(), 4, "{kind}");
            for declared in resource["searchParam"].as_array().unwrap() {
                let param = params::find(kind, declared["name"].as_str().unwrap()).unwrap();
                assert_eq!(param.of.name(), declared["type"]);
            }
        }
    }
}

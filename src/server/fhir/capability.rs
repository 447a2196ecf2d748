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

/// What groups are here.
const GROUPS: &str = "To programs that may export, each source system of the archive is a group: its patients. The group's id is the \
                      name of the source system. Groups without a patient are listed to such programs alone, without their members.";

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
        "instantiates": [
            "http://hl7.org/fhir/us/core/CapabilityStatement/us-core-server",
            "http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data",
        ],
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
            "operation": operations(&["/fhir/$".to_string()], |operation| definition(None, operation)),
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
    if kind.name() == "Group" {
        resource["documentation"] = GROUPS.into();
    }
    let heads = [format!("/fhir/{kind}/{{id}}/$"), format!("/fhir/{kind}/$")];
    let operations = operations(&heads, |operation| definition(Some(kind), operation));
    if !operations.is_empty() {
        resource["operation"] = json!(operations);
    }
    resource
}

/// The operations whose paths begin with one of these, each once.
fn operations(heads: &[String], definition: impl Fn(&str) -> String) -> Vec<Value> {
    let mut found: Vec<Value> = Vec::new();
    for route in routes().iter().filter(|route| heads.iter().any(|head| route.path.starts_with(head))) {
        let operation = json!({"name": route.summary, "definition": definition(route.summary)});
        if !found.contains(&operation) {
            found.push(operation);
        }
    }
    found
}

/// Where an operation is defined: by FHIR, by US Core, by Bulk Data, or here alone; without a kind that of the whole system.
fn definition(kind: Option<Kind>, operation: &str) -> String {
    let bulk = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition";
    match (operation, kind) {
        ("docref", _) => "http://hl7.org/fhir/us/core/OperationDefinition/docref".into(),
        ("ccd", Some(kind)) => format!("urn:chartkeep:OperationDefinition:{kind}-ccd"),
        ("export", Some(kind)) => format!("{bulk}/{}-export", kind.name().to_ascii_lowercase()),
        ("export", None) => format!("{bulk}/export"),
        (_, Some(kind)) => format!("http://hl7.org/fhir/OperationDefinition/{kind}-{operation}"),
        (_, None) => format!("http://hl7.org/fhir/OperationDefinition/-s-{operation}"),
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
            // What a program is sent to by an export stands in no statement.
            .chain(["capabilities", "smart-configuration", "export-status", "export-file"])
            .collect();
        let routed: std::collections::BTreeSet<&str> =
            routes().iter().filter(|route| route.area() == Area::Fhir).map(|route| route.summary).collect();
        assert_eq!(declared, routed);
        let patient = &resources[0];
        let of_patient: Vec<_> =
            patient["operation"].as_array().unwrap().iter().map(|o| o["definition"].as_str().unwrap()).collect();
        let everything = "http://hl7.org/fhir/OperationDefinition/Patient-everything";
        let export = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/patient-export";
        assert!(of_patient.contains(&everything) && of_patient.iter().filter(|o| **o == export).count() == 1);
        let of_system = statement["rest"][0]["operation"].as_array().unwrap();
        assert_eq!((of_system.len(), of_system[0]["name"].as_str()), (1, Some("export")));
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

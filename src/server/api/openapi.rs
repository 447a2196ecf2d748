//! `GET /api/v1/openapi.json`: the OpenAPI 3.1 document, made from the route table and the shapes.
//!
//! Not for: FHIR, whose CapabilityStatement says the same about `/fhir`.

use utoipa::ToSchema;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, PathItem, PathsBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, Content, InfoBuilder, OpenApi, OpenApiBuilder, Ref, Required, ResponseBuilder};

use crate::access::Public;
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::Call;
use crate::server::routes::{Area, Door, Method, Route, routes};

use super::shapes;

const SECURITY: &str = "token";
const RELEASES: &str = "/api/v1/releases";

/// Query parameters and body of a route: what the table itself does not say.
struct Detail {
    path: &'static str,
    query: &'static [(&'static str, &'static str)],
    body: &'static str,
}

const PAGE: [(&str, &str); 2] = [("offset", "Hits to skip."), ("limit", "Hits of the page, at most 100.")];
const SEARCH: [(&str, &str); 9] = [
    ("q", "Words, and phrases in double quotes; all must occur."),
    ("kind", "Resource types, parted by commas."),
    ("type", "Document or result type codes, parted by commas."),
    ("source", "Source systems, parted by commas."),
    ("from", "First day, YYYY-MM-DD."),
    ("to", "Last day, YYYY-MM-DD."),
    ("sort", "`newest`, else best first."),
    PAGE[0],
    PAGE[1],
];

const REPORT: [(&str, &str); 14] = [
    ("patient", "Key of the patient: `patient`, `patient-days`, `disclosures`."),
    ("user", "Account or subject of the person: `user`."),
    ("issuer", "Who vouches for the person; `local` when not given."),
    ("from", "First day, or an instant."),
    ("to", "Last day, or an instant."),
    ("version", "`plain` for a lay reader, `full` with every field of every entry."),
    ("sort", "Key of a column; with `-` before it from the largest."),
    ("offset", "Rows to skip."),
    ("limit", "Rows of the page, at most 1000."),
    ("until", "As the first page said it, so that the pages fit together."),
    ("format", "`json`, or `csv` for all rows."),
    ("all", "`1`: `volume` with days that do not stand out."),
    ("summarised", "`1`: `disclosures` with one row for several to one recipient for one purpose."),
    ("request", "Number of a request: `disclosures` with what answered it alone."),
];

#[rustfmt::skip]
const DETAILS: [Detail; 13] = [
    Detail { path: "/api/v1/me", query: &[], body: "Me" },
    Detail { path: "/api/v1/patients", query: &[("q", "Names in any order, birth date, number or phone."), PAGE[0], PAGE[1]], body: "Patients" },
    Detail { path: "/api/v1/patients/{patient}", query: &[], body: "Cover" },
    Detail { path: "/api/v1/patients/{patient}/records", query: &[("kind", "Resource types, parted by commas."), ("newest", "At most this many of each type, the newest.")], body: "" },
    Detail { path: "/api/v1/patients/{patient}/series", query: &[("code", "Code of the Observation, as recorded.")], body: "Series" },
    Detail { path: "/api/v1/patients/{patient}/search", query: &SEARCH, body: "Hits" },
    Detail { path: "/api/v1/search", query: &SEARCH, body: "Hits" },
    Detail { path: "/api/v1/access", query: &[("patient", "Key of the patient.")], body: "AccessEntries" },
    Detail { path: "/api/v1/access/reports/{report}", query: &REPORT, body: "" },
    Detail { path: "/api/v1/accessions", query: &[], body: "Accessions" },
    Detail { path: "/api/v1/releases", query: &[("state", "`all`: also those that are over."), ("patient", "Key of a patient: the requests about this person.")], body: "" },
    Detail { path: "/api/v1/releases/papers", query: &[("name", "Name of the file."), ("kind", "request, authorization, consent, order, subpoena, identity or other.")], body: "" },
    Detail { path: "/api/v1/releases/{number}/patients/{subject}/pages/{page}", query: &[("width", "Width of the picture, at most 2400.")], body: "" },
];

pub fn document(_: &Call) -> Result<Answer, ApiError> {
    Ok(Public(Body::json(&build())?).into())
}

/// The document. Holds every route of the API, since it is made from the table.
pub fn build() -> OpenApi {
    let mut paths = PathsBuilder::new();
    for route in routes().iter().filter(|route| route.area() == Area::Api) {
        let method = if route.method == Method::Get { HttpMethod::Get } else { HttpMethod::Post };
        paths = paths.path(route.path, PathItem::new(method, operation(route)));
    }
    let mut components =
        ComponentsBuilder::new().security_scheme(SECURITY, SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    components = with::<shapes::Me>(components);
    components = with::<shapes::Patients>(components);
    components = with::<shapes::Cover>(components);
    components = with::<shapes::Series>(components);
    components = with::<shapes::Hits>(components);
    components = with::<shapes::AccessEntries>(components);
    components = with::<shapes::Accessions>(components);
    let description =
        "A read-only archive of retired health record systems. Errors are application/problem+json with a stable `code`.";
    OpenApiBuilder::new()
        .info(InfoBuilder::new().title("Chartkeep API").version("1").description(Some(description)).build())
        .paths(paths.build())
        .components(Some(components.build()))
        .build()
}

/// Adds a shape and every shape inside it.
fn with<T: ToSchema>(components: ComponentsBuilder) -> ComponentsBuilder {
    let mut inner = Vec::new();
    T::schemas(&mut inner);
    components.schema(T::name(), T::schema()).schemas_from_iter(inner)
}

fn operation(route: &Route) -> OperationBuilder {
    let detail = DETAILS.iter().find(|detail| detail.path == route.path);
    let text = || ObjectBuilder::new().schema_type(Type::String).build();
    let mut operation = OperationBuilder::new().summary(Some(route.summary));
    for name in route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
        let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Path).required(Required::True);
        operation = operation.parameter(parameter.schema(Some(text())).build());
    }
    for (name, meaning) in detail.map_or(&[][..], |detail| detail.query) {
        let parameter = ParameterBuilder::new().name(*name).parameter_in(ParameterIn::Query).required(Required::False);
        operation = operation.parameter(parameter.description(Some(*meaning)).schema(Some(text())).build());
    }
    let mut answer = ResponseBuilder::new().description("The answer; it stands in the access log before it leaves.");
    if let Some(body) = detail.map(|detail| detail.body).filter(|body| !body.is_empty()) {
        answer = answer.content("application/json", Content::new(Some(Ref::from_schema_name(body))));
    }
    operation = operation.response("200", answer.build());
    for (status, meaning) in
        [("401", "No valid token."), ("403", "The role may not do this."), ("404", "Not there, or not to be shown.")]
    {
        operation = operation.response(status, ResponseBuilder::new().description(meaning).build());
    }
    if route.method == Method::Post && route.path.starts_with(RELEASES) {
        let content = Content::new(Some(ObjectBuilder::new().build()));
        let body = RequestBodyBuilder::new().description(Some("JSON, as the release desk has it; for a paper its bytes."));
        operation = operation.request_body(Some(body.content("application/json", content).build()));
        if route.path.contains("{number}") && !route.path.ends_with("/pick") {
            let seen = ParameterBuilder::new().name("If-Match").parameter_in(ParameterIn::Header).required(Required::True);
            let seen = seen.description(Some("The `ETag` of the request as it was seen.")).schema(Some(text()));
            operation = operation.parameter(seen.build());
        }
        for (status, meaning) in [
            ("409", "Not in this state, or something is being made."),
            ("412", "Somebody changed the request since."),
            ("422", "Refused; the title says why."),
            ("428", "`If-Match` is missing."),
        ] {
            operation = operation.response(status, ResponseBuilder::new().description(meaning).build());
        }
    }
    match route.door {
        Door::Token => operation.security(SecurityRequirement::new(SECURITY, [""; 0])),
        _ => operation,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_names_every_route_and_every_shape_it_refers_to() {
        let document = serde_json::to_value(build()).unwrap();
        let paths = document["paths"].as_object().unwrap();
        for route in routes().iter().filter(|route| route.area() == Area::Api) {
            assert!(paths.contains_key(route.path), "{}", route.path);
        }
        assert!(DETAILS.iter().all(|detail| paths.contains_key(detail.path)));
        let text = document.to_string();
        for reference in text.split("#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(document["components"]["schemas"].get(name).is_some(), "{name}");
        }
    }
}

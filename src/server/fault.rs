//! An error in the form of the area that was asked: OperationOutcome, problem JSON, or a page.
//!
//! Not for: which errors there are (`answer`).

use super::answer::{ApiError, Body, FHIR_JSON};
use super::area::Area;
use super::call::Call;
use super::{fhir, pages};

/// As a page for the person signed in.
pub fn page(error: ApiError, call: &Call) -> Body {
    shown(pages::error_of(call, &error), error)
}

/// For a caller of whom nothing is known yet.
pub fn of_area(error: ApiError, area: Area) -> Body {
    let body = match area {
        Area::Fhir => Body::new(FHIR_JSON, fhir::outcome::json("error", error.issue, &error.text)),
        Area::Api | Area::Oauth | Area::Ops => {
            let problem = serde_json::json!({"status": error.status, "code": error.code, "title": error.text});
            Body::new("application/problem+json", problem.to_string())
        }
        Area::Viewer => pages::error_page(&error),
    };
    shown(body, error)
}

fn shown(mut body: Body, error: ApiError) -> Body {
    body.status = error.status;
    body.headers.extend(error.headers);
    body
}

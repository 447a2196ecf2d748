//! `GET /Binary/{id}`: an attachment in its own media type, or as a Binary resource when FHIR JSON is asked for
//! (FHIR R4 §2.40.3). Access is decided on the record that it belongs to.
//!
//! Not for: finding attachments; their ids stand in `attachment.url`.

use base64::Engine;

use crate::access::{Act, Scope};
use crate::model::{Document, DocumentId, Kind};
use crate::query::QueryError;
use crate::server::answer::{Answer, ApiError, Body, FHIR_JSON};
use crate::server::call::{Call, shown};
use crate::server::headers::DOCUMENT_POLICY;

use super::sight::Sight;

pub fn read(call: &Call) -> Result<Answer, ApiError> {
    let id = call.id_param("id")?;
    let sight = Sight::of(call)?;
    sight.want_any(Act::Read)?;
    let permit = call.ask(Scope::Record(Kind::BINARY, id.clone()))?;
    let found = call
        .archive()
        .document(&permit, &DocumentId(id))
        .and_then(|document| if sight.shows(Act::Read, &document.record) { Ok(document) } else { Err(QueryError::NotFound) });
    match found {
        // A Binary that was delivered as a record without data, or nothing.
        Err(QueryError::NotFound) => {
            drop(permit);
            super::read::read_of(call, Kind::BINARY)
        }
        Err(QueryError::OutOfScope) => Err(call.beyond(permit)),
        Err(other) => Err(other.into()),
        Ok(document) => {
            let entry = shown("document.view", [&document.record]);
            let body = if wants_resource(call) { resource(&document) } else { bytes(document) };
            Ok(permit.answer(body, entry)?.into())
        }
    }
}

/// The document itself, never to be run by a browser.
pub fn bytes(document: Document) -> Body {
    let kind = media_type(&document.content_type);
    let name = document.title.as_deref().unwrap_or("document");
    let name = percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC);
    Body::new(kind, document.bytes)
        .with("Content-Disposition", format!("attachment; filename*=UTF-8''{name}"))
        .with("Content-Security-Policy", DOCUMENT_POLICY)
}

/// The stored type when it is one, since it came from outside and becomes a header.
pub fn media_type(stored: &str) -> String {
    let plain = |c: u8| c.is_ascii_alphanumeric() || b"/+-._;= \"".contains(&c);
    let ok = stored.contains('/') && stored.len() <= 100 && stored.bytes().all(plain);
    if ok { stored.to_string() } else { "application/octet-stream".to_string() }
}

fn resource(document: &Document) -> Body {
    let data = base64::engine::general_purpose::STANDARD.encode(&document.bytes);
    let record = &document.record;
    if record.kind == Kind::BINARY {
        // Delivered as a record: it is itself, with the data back in place.
        let mut resource: serde_json::Value = serde_json::from_str(&record.json).unwrap_or_default();
        resource["data"] = data.into();
        return Body::new(FHIR_JSON, resource.to_string());
    }
    let resource = serde_json::json!({
        "resourceType": "Binary",
        "id": document.id.0.as_str(),
        "contentType": document.content_type,
        "securityContext": {"reference": format!("{}/{}", record.kind, record.id)},
        "data": data,
    });
    Body::new(FHIR_JSON, resource.to_string())
}

fn wants_resource(call: &Call) -> bool {
    let asked = call.query("_format").or_else(|| call.header("accept")).unwrap_or("").to_ascii_lowercase();
    asked == "json" || asked.contains("fhir+json") || asked.contains("fhir json") || asked.starts_with("application/json")
}

#[cfg(test)]
mod tests {
    use super::media_type;

    #[test]
    fn a_stored_type_cannot_smuggle_a_header() {
        assert_eq!(media_type("text/html; charset=utf-8"), "text/html; charset=utf-8");
        for bad in ["text/html\r\nX: y", "", "html", "текст/html"] {
            assert_eq!(media_type(bad), "application/octet-stream", "{bad:?}");
        }
    }
}

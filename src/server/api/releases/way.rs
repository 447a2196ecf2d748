//! The way out: handing packages out, fetching what was handed out (whole, or from where a download broke off), receipts.
//!
//! Not for: the recipient's own link (`pages::fetch`).

use serde_json::json;

use super::{fault, json_of, seen, tag, told_as, who};
use crate::release::desk::{Delivering, Handed};
use crate::server::answer::{Answer, ApiError, Body, JSON};
use crate::server::call::Call;
use crate::server::stream;

/// `POST /releases/{number}/deliver`: `{"channel": "portal", "tracking": "", "subjects": [], "is_encrypted": false}`. Secrets,
/// links and PINs in the answer are shown this once.
pub fn deliver(call: &Call) -> Result<Answer, ApiError> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct How {
        channel: String,
        #[serde(default)]
        tracking: String,
        #[serde(default)]
        subjects: Vec<usize>,
        #[serde(default)]
        is_encrypted: bool,
    }
    let How { channel, tracking, subjects, is_encrypted } = json_of(call)?;
    let how = Delivering { channel, tracking, subjects, is_encrypted };
    let handed = call.wait(call.app.desk.deliver(&seen(call)?, how, &who(call)?)).map_err(fault)?;
    let base = call.base.clone();
    told_as(Ok(handed), |handed| Ok(Body::json(&told(&handed, &base))?.with("ETag", tag(handed.seen.steps))))
}

fn told(handed: &Handed, base: &str) -> serde_json::Value {
    let number = &handed.seen.number;
    let file = |it: &crate::release::desk::HandedFile| {
        json!({
            "subject": it.subject, "name": it.name, "bytes": it.bytes, "sha256": it.sha256,
            "secret": it.secret.as_ref().map(|secret| secret.as_str()),
            "href": format!("/api/v1/releases/{number}/packages/{}", it.sha256),
        })
    };
    let link = |it: &crate::release::desk::Link| json!({ "subject": it.subject, "href": format!("{base}{}", it.path.as_str()), "pin": it.pin.as_str(), "expires": it.expires });
    json!({
        "number": number, "steps": handed.seen.steps, "handover": handed.handover,
        "files": handed.files.iter().map(file).collect::<Vec<_>>(),
        "links": handed.links.iter().map(link).collect::<Vec<_>>(),
        "receipt": format!("/api/v1/releases/{number}/receipts/{}", handed.handover),
    })
}

/// `GET /releases/{number}/packages/{sha256}`
pub fn package(call: &Call) -> Result<Answer, ApiError> {
    let found = call.wait(call.app.desk.package(call.param("number"), call.param("sha256"), &who(call)?));
    told_as(found, |it| {
        let tag = format!("\"{}\"", it.sha256);
        let wanted = stream::wanted(call, it.bytes, &tag);
        let body = stream::body(it.file, it.bytes, wanted, "application/zip", &tag)?;
        Ok(body.with("Content-Disposition", format!("attachment; filename=\"{}\"", it.name)))
    })
}

/// `GET /releases/{number}/receipts/{handover}`: the proof that a disclosure stands in the access log.
pub fn receipt(call: &Call) -> Result<Answer, ApiError> {
    let handover = call.param("handover").parse().map_err(|_| ApiError::not_found())?;
    let found = call.wait(call.app.desk.receipt(call.param("number"), handover, &who(call)?));
    told_as(found, |proof| Ok(Body::new(JSON, proof)))
}

//! Attachments: their bytes, their text, their pages as images.
//!
//! Not for: finding them; a record's `attachment.url` names them.

use crate::access::{Permit, Scope};
use crate::model::{Document, DocumentId, Kind};
use crate::render::page_images::turned_png;
use crate::server::answer::{Answer, ApiError, Body, TEXT};
use crate::server::call::{Call, shown};
use crate::server::fhir::binary;

/// Width of a page image in pixels, when the caller does not say, and at most.
const PAGE_WIDTH_DEFAULT: usize = 1200;
const PAGE_WIDTH_MAX: usize = 3000;

/// `GET /documents/{id}`
pub fn bytes(call: &Call) -> Result<Answer, ApiError> {
    let (permit, document) = open(call)?;
    let entry = shown("document.view", [&document.record]);
    let digest = document.sha256.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    Ok(permit.answer(binary::bytes(document).with("X-Content-SHA256", digest), entry)?.into())
}

/// `GET /documents/{id}/text`
pub fn text(call: &Call) -> Result<Answer, ApiError> {
    let (permit, document) = open(call)?;
    let entry = shown("document.view", [&document.record]);
    let text = crate::formats::text_of(&document.bytes, Some(&document.content_type)).text;
    Ok(permit.answer(Body::new(TEXT, text), entry)?.into())
}

/// `GET /documents/{id}/pages/{page}?width=&turn=`, where `page` is a number from 1 and `.png`; width in pixels before the page
/// is turned, to the right by 90, 180 or 270 degrees.
pub fn page(call: &Call) -> Result<Answer, ApiError> {
    let number = call.param("page").strip_suffix(".png").and_then(|n| n.parse::<u32>().ok()).filter(|n| *n > 0);
    let number = number.ok_or_else(ApiError::not_found)?;
    let width = call.number("width", PAGE_WIDTH_DEFAULT, PAGE_WIDTH_MAX)?;
    let quarters = (call.number("turn", 0, 270)? / 90) as u8;
    let (permit, document) = open(call)?;
    let entry = shown("document.view", [&document.record]);
    let kind = crate::formats::sniff(&document.bytes, Some(&document.content_type));
    match turned_png(&document.bytes, kind, number - 1, width as u32, quarters) {
        Ok(png) => Ok(permit.answer(Body::new("image/png", png), entry)?.into()),
        Err(error) => {
            tracing::debug!(%error, "a page was not drawn");
            // Nothing of the document leaves, but that it was asked for stands in the log.
            permit.answer((), entry)?;
            Err(ApiError::new(404, "no-such-page", "not-found", "This document has no such page that can be shown."))
        }
    }
}

/// The document with the permit under which it was read.
pub fn open(call: &Call) -> Result<(Permit, Document), ApiError> {
    let id = call.id_param("id")?;
    let permit = call.ask(Scope::Record(Kind::BINARY, id.clone()))?;
    let found = call.archive().document(&permit, &DocumentId(id));
    call.found(permit, "document.view", found)
}

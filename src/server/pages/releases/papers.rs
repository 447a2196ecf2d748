//! Papers that came with a request, put on file and read again; packages that were handed out.
//!
//! Not for: which kinds of files there may be (`release::desk`).

use crate::release::workflow::Move;
use crate::server::answer::{Answer, ApiError, Body, TEXT};
use crate::server::call::Call;
use crate::server::stream;

/// `POST /releases/{number}/papers` (`multipart/form-data`)
pub fn keep_paper(call: &Call) -> Result<Answer, ApiError> {
    let who = super::worker_of(call)?;
    let Some(file) = &call.file else {
        return super::request::draw(call, Some("Choose a file first.".into()), Vec::new(), 400);
    };
    let view = super::view(call, &who)?;
    let kept = super::desk(call).keep_paper(&file.bytes, &file.name, call.field("kind"), &who);
    let done = kept.and_then(|paper| {
        let mut request = view.value().case.request.clone();
        request.papers.push(paper);
        call.wait(super::desk(call).step(&super::seen(call), Move::Write { request: Box::new(request) }, &who))
    });
    super::then(call, done, |seen| format!("/releases/{}", seen.number))
}

/// `GET /releases/{number}/papers/{digest}`: to be saved, never shown as a page of ours.
pub fn paper(call: &Call) -> Result<Answer, ApiError> {
    let who = super::worker_of(call)?;
    let found = super::told(call, call.wait(super::desk(call).paper(call.param("number"), call.param("digest"), &who)))?;
    let body = found
        .map(|(paper, bytes)| Body::new(paper.media_type, bytes).with("Content-Disposition", super::to_be_saved(&paper.name)));
    Ok(body.into())
}

/// `GET /releases/{number}/files/{digest}`: whole, or a range of it.
pub fn file(call: &Call) -> Result<Answer, ApiError> {
    let who = super::worker_of(call)?;
    let found = super::told(call, call.wait(super::desk(call).package(call.param("number"), call.param("digest"), &who)))?;
    let mut fault = None;
    let body = found.map(|package| {
        let tag = format!("\"{}\"", package.sha256);
        let wanted = stream::wanted(call, package.bytes, &tag);
        let body = stream::body(package.file, package.bytes, wanted, "application/zip", &tag);
        let body = body.unwrap_or_else(|error| {
            fault = Some(error);
            Body::new(TEXT, "")
        });
        body.with("Content-Disposition", super::to_be_saved(&package.name))
    });
    fault.map_or_else(|| Ok(body.into()), Err)
}

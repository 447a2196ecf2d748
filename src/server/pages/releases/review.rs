//! Looking at pages, and sending them for approval.
//!
//! Not for: approving them (`approve`).

use std::collections::BTreeSet;

use crate::release::desk::{DeskError, PreviewTold, View};
use crate::release::ledger::Worker;
use crate::release::selection::Selection;
use crate::release::workflow::{Move, Refusal};
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::Call;
use crate::server::viewer::releases::{self, ReviewPage};

/// Said where a redaction that took nothing out was not confirmed.
pub(super) const NOT_IDLE: &str = "Some redactions took nothing out. Confirm that this is right, or change them.";

/// `GET /releases/{number}/review/{subject}?page=`
pub fn review(call: &Call) -> Result<Answer, ApiError> {
    draw(call, None, 200)
}

/// Pages that a person has looked at, of a subject's preview as it stands.
pub(super) fn seen_of(call: &Call, who: &Worker<'_>, view: &View, subject: usize) -> BTreeSet<u32> {
    let pages = view.case.preview.as_ref().and_then(|preview| preview.subjects.get(subject));
    pages.map_or_else(BTreeSet::new, |it| call.app.seen_pages.of(&who.actor.id, &it.pdf_sha256))
}

/// What the pages of a subject are of.
pub(super) fn contents(call: &Call, who: &Worker<'_>, subject: usize) -> Result<(Selection, PreviewTold), DeskError> {
    let (desk, number) = (super::desk(call), call.param("number"));
    let selection = call.wait(desk.selection(number, subject, who))?;
    let told = call.wait(desk.preview_told(number, subject, who))?;
    Ok((selection.into_inner(), told.into_inner()))
}

/// The redactions of a subject that took nothing out, in words.
pub(super) fn idle(call: &Call, who: &Worker<'_>, subject: usize) -> Result<Vec<String>, DeskError> {
    let (selection, told) = contents(call, who, subject)?;
    if told.idle.is_empty() {
        return Ok(Vec::new());
    }
    let redactions = call.wait(super::desk(call).redactions(call.param("number"), subject, who))?.into_inner();
    Ok(told.idle.iter().map(|cause| releases::redaction_in_words(*cause, &redactions, &selection)).collect())
}

/// Those of all patients of the request.
pub(super) fn idle_of_all(call: &Call, who: &Worker<'_>, view: &View) -> Result<Vec<String>, DeskError> {
    let of_each = (0..view.case.request.subjects.len()).map(|subject| idle(call, who, subject));
    Ok(of_each.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

fn draw(call: &Call, problem: Option<String>, status: u16) -> Result<Answer, ApiError> {
    let who = super::worker_of(call)?;
    let (view, subject) = (super::view(call, &who)?, super::number(call, "subject")?);
    let previewed = view.value().case.preview.as_ref().and_then(|it| it.subjects.get(subject)).cloned();
    let Some(previewed) = previewed else {
        return super::refused(call, DeskError::Refused(Refusal::NoPreview));
    };
    let last = u32::try_from(previewed.pages).unwrap_or(u32::MAX).max(1);
    let page = call.query("page").and_then(|page| page.parse::<u32>().ok()).unwrap_or(1).clamp(1, last);
    let (selection, told) = contents(call, &who, subject).map_err(super::fault)?;
    let idle = idle_of_all(call, &who, view.value()).map_err(super::fault)?;
    let words = super::told(call, call.wait(super::desk(call).page_words(call.param("number"), subject, page, &who)))?;
    call.app.seen_pages.note(&who.actor.id, &previewed.pdf_sha256, page);
    let seen = seen_of(call, &who, view.value(), subject);
    let frame = crate::server::pages::frame(call);
    let body = words.map(|words| {
        let page = ReviewPage {
            view: view.value(),
            looker: &super::looker(&who),
            subject,
            selection: &selection,
            told: &told,
            idle: &idle,
            page,
            seen: &|page| seen.contains(&page),
            words: &words,
            problem,
        };
        Body::html(releases::review(&frame, &page)).status(status)
    });
    Ok(body.into())
}

/// `POST /releases/{number}/review/{subject}`: the pages were looked at, and wait for approval.
pub fn reviewed(call: &Call) -> Result<Answer, ApiError> {
    let who = super::worker_of(call)?;
    let view = super::view(call, &who)?;
    if let Some(open) = unseen(call, &who, view.value()).map_err(super::fault)? {
        return draw(call, Some(open), 409);
    }
    if call.field("idle") != "1" && !idle_of_all(call, &who, view.value()).map_err(super::fault)?.is_empty() {
        return draw(call, Some(NOT_IDLE.into()), 400);
    }
    let done = call.wait(super::desk(call).step(&super::seen(call), Move::Review, &who));
    match done {
        Ok(seen) => Ok(super::on(format!("/releases/{}", seen.number))),
        Err(error) => match super::in_words(&error) {
            Some(words) => draw(call, Some(words), 409),
            None => Err(super::fault(error)),
        },
    }
}

/// For each patient: flagged pages, and how many of them this person has looked at.
pub(super) fn flagged(call: &Call, who: &Worker<'_>, view: &View) -> Result<Vec<(usize, usize)>, DeskError> {
    let count = |subject: usize| {
        let (selection, told) = contents(call, who, subject)?;
        let seen = seen_of(call, who, view, subject);
        let flagged = releases::flagged_pages(view, subject, &selection, &told);
        Ok((flagged.len(), flagged.iter().filter(|page| seen.contains(page)).count()))
    };
    (0..view.case.request.subjects.len()).map(count).collect()
}

/// What somebody still has to look at, in words.
pub(super) fn unseen(call: &Call, who: &Worker<'_>, view: &View) -> Result<Option<String>, DeskError> {
    let open: usize = flagged(call, who, view)?.into_iter().map(|(all, seen)| all - seen).sum();
    Ok((open > 0).then(|| format!("You have not looked at {open} of the flagged pages yet.")))
}

/// `GET /releases/{number}/pages/{subject}/{page}?w=`: a page as it would leave, as a picture.
pub fn page(call: &Call) -> Result<Answer, ApiError> {
    let who = super::worker_of(call)?;
    let subject = super::number(call, "subject")?;
    let page = call.param("page").strip_suffix(".png").and_then(|page| page.parse().ok()).ok_or_else(ApiError::not_found)?;
    let width = u32::try_from(call.number("w", 1100, 2400)?).unwrap_or(1100);
    let png = super::told(call, call.wait(super::desk(call).page_png(call.param("number"), subject, page, width, &who)))?;
    Ok(png.map(|png| Body::new("image/png", png)).into())
}

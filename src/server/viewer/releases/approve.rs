//! Approval by a second person: what exactly is approved, what they confirm in plain words, and that it is they.
//!
//! Not for: who may (`release::workflow`).

use askama::Template;

use super::super::ProofAsked;
use super::super::frame::Frame;
use super::super::text;
use super::head::{Head, Looker, name_of, party};
use super::{render, words};
use crate::release::desk::View;
use crate::release::request::Priority;
use crate::release::workflow::State;

pub struct ApprovePage<'a> {
    pub view: &'a View,
    pub looker: &'a Looker,
    /// For each patient: flagged pages, and how many of them this person has looked at.
    pub flagged: &'a [(usize, usize)],
    /// Records left out of each patient's package.
    pub left_out: u64,
    /// Redactions that took nothing out, in words.
    pub idle: &'a [String],
    pub proof: ProofAsked,
    pub again: String,
    pub problem: Option<String>,
}

struct Patient {
    name: String,
    about: String,
    href: String,
    is_seen: bool,
}

#[derive(Template)]
#[template(path = "release_approve.html")]
struct Page<'a> {
    frame: &'a Frame,
    page: &'a ApprovePage<'a>,
    head: Head,
    base: String,
    patients: Vec<Patient>,
    pages: String,
    recipient: String,
    digest: String,
    preview: String,
    preparer: String,
    verifier: String,
    flagged: usize,
    has_seen_all: bool,
    is_second: bool,
    is_waiting: bool,
    may_alone: bool,
}

pub fn approve(frame: &Frame, page: &ApprovePage<'_>) -> String {
    let (view, looker) = (page.view, page.looker);
    let case = &view.case;
    let base = format!("/releases/{}", case.number);
    let preview = case.preview.clone().unwrap_or_default();
    let had_a_hand = [&case.preparer, &case.verifier].into_iter().any(|it| it.as_ref() == Some(&looker.id))
        || case.redactors.contains(&looker.id);
    let patient = |(at, subject): (usize, &crate::release::request::Subject)| {
        let (flagged, seen) = page.flagged.get(at).copied().unwrap_or_default();
        let previewed = preview.subjects.get(at).cloned().unwrap_or_default();
        let exceptions = if previewed.exceptions > 0 {
            format!(", {} on no page", text::counted(previewed.exceptions, "item", "items"))
        } else {
            String::new()
        };
        Patient {
            name: subject.name.clone(),
            about: format!(
                "{}, you looked at {seen} of {}{exceptions}",
                text::counted(previewed.pages, "page", "pages"),
                text::counted(flagged as u64, "flagged page", "flagged pages")
            ),
            href: format!("{base}/review/{at}"),
            is_seen: seen == flagged,
        }
    };
    let name = |id: &Option<String>| id.as_ref().map_or_else(String::new, |id| name_of(view, id, looker));
    render(Page {
        frame,
        page,
        head: Head::new(view, "approve", looker),
        patients: case.request.subjects.iter().enumerate().map(patient).collect(),
        pages: text::counted(preview.subjects.iter().map(|it| it.pages).sum(), "page", "pages"),
        recipient: party(case.request.recipient()),
        digest: words::digest(&preview.digest()),
        preview: preview.digest(),
        preparer: name(&case.preparer),
        verifier: name(&case.verifier),
        flagged: page.flagged.iter().map(|(flagged, _)| flagged).sum(),
        has_seen_all: page.flagged.iter().all(|(flagged, seen)| flagged == seen),
        is_second: !had_a_hand,
        is_waiting: case.state == State::Reviewed,
        may_alone: case.request.priority == Priority::Emergency && view.basis.as_ref().is_some_and(|basis| basis.emergency),
        base,
    })
}

//! The page of one request: what is to be done next in one column, the facts beside it, and what was done.
//!
//! Not for: its records and pages (`pick`, `items`, `review`).

use askama::Template;

use super::super::frame::Frame;
use super::super::text;
use super::head::{Head, Looker, name_of, party, rank};
use super::{render, words};
use crate::release::basis::Rules;
use crate::release::desk::{JobKind, JobState, View};
use crate::release::request::Priority;
use crate::release::workflow::State;

/// What checking a package told.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    pub subject: usize,
    /// What was found wrong; nothing when it is whole.
    pub faults: Vec<String>,
    /// What was held against what.
    pub facts: Vec<String>,
}

pub struct RequestPage<'a> {
    pub view: &'a View,
    pub rules: &'a Rules,
    pub looker: &'a Looker,
    /// What went wrong with what was just asked for.
    pub problem: Option<String>,
    /// Packages that were just checked.
    pub checked: Vec<Checked>,
    /// Whether packages can be signed here.
    pub can_seal: bool,
    /// Patients of whom all there is can be had as one file: name and address.
    pub whole: Vec<(String, String)>,
}

struct CheckRow {
    code: String,
    words: String,
    yes: bool,
    no: bool,
    how: String,
    said: String,
}

/// A class that the request's document has to name before its records go out.
struct ClassRow {
    code: String,
    words: String,
    quoted: String,
}

struct SubjectRow {
    at: usize,
    name: String,
    is_found: bool,
    undecided: usize,
    flagged: usize,
    items: u64,
    pages: u64,
}

struct Working {
    words: String,
    is_running: bool,
    failed: Option<String>,
}

struct HandoverRow {
    at: usize,
    channel: String,
    tracking: String,
    entry: String,
}

struct Fact {
    name: &'static str,
    values: Vec<String>,
}

#[derive(Template)]
#[template(path = "release.html")]
struct Page<'a> {
    frame: &'a Frame,
    page: &'a RequestPage<'a>,
    head: Head,
    base: String,
    steps: i64,
    state: State,
    checks: Vec<CheckRow>,
    classes: Vec<ClassRow>,
    subjects: Vec<SubjectRow>,
    working: Option<Working>,
    /// Whether this person may be the second one.
    is_second: bool,
    preparer: String,
    facts: Vec<Fact>,
    papers: Vec<(String, String, String)>,
    handovers: Vec<HandoverRow>,
    rank: usize,
    review_due: Option<String>,
    can_review_alone: bool,
    is_held_by_me: bool,
    alone: Option<String>,
    extension_days: u16,
    is_emergency: bool,
}

impl Page<'_> {
    fn minute(&self, at: &i64) -> String {
        words::minute(*at)
    }

    fn is_resolved(&self) -> bool {
        !self.subjects.is_empty() && self.subjects.iter().all(|it| it.is_found)
    }

    fn pages(&self) -> u64 {
        self.subjects.iter().map(|it| it.pages).sum()
    }

    fn pages_text(&self) -> String {
        text::counted(self.pages(), "page", "pages")
    }

    fn digest(&self) -> String {
        self.page.view.case.preview.as_ref().map_or_else(String::new, |preview| words::digest(&preview.digest()))
    }

    fn subject(&self, at: &usize) -> &str {
        self.subjects.get(*at).map_or("", |it| it.name.as_str())
    }

    fn kinds(&self) -> &'static [(&'static str, &'static str)] {
        &words::PAPERS
    }

    fn size(&self, bytes: &u64) -> String {
        text::bytes(*bytes)
    }
}

pub fn request(frame: &Frame, page: &RequestPage<'_>) -> String {
    let (view, looker) = (page.view, page.looker);
    let case = &view.case;
    let had_a_hand = case.preparer.as_ref() == Some(&looker.id)
        || case.verifier.as_ref() == Some(&looker.id)
        || case.redactors.contains(&looker.id);
    let handover = |(at, it): (usize, &crate::release::workflow::Handover)| HandoverRow {
        at,
        channel: words::named(&words::CHANNELS, &it.channel),
        tracking: it.tracking.clone(),
        entry: it.disclosure_entry.clone(),
    };
    let paper = |it: &crate::release::request::Paper| {
        (
            it.name.clone(),
            format!("/releases/{}/papers/{}", case.number, it.sha256),
            format!("{}, {}", words::named(&words::PAPERS, &it.kind), text::bytes(it.bytes)),
        )
    };
    render(Page {
        frame,
        page,
        head: Head::new(view, "", looker),
        base: format!("/releases/{}", case.number),
        steps: view.seen.steps,
        state: case.state,
        checks: checks(page),
        classes: classes(view),
        subjects: subjects(view),
        working: working(view),
        is_second: !had_a_hand,
        preparer: case.preparer.as_ref().map_or_else(String::new, |id| name_of(view, id, looker)),
        facts: facts(view, looker),
        papers: case.request.papers.iter().map(paper).collect(),
        handovers: case.handovers.iter().enumerate().map(handover).collect(),
        rank: rank(view),
        review_due: case.review_due().map(words::minute),
        can_review_alone: !had_a_hand && case.approval.as_ref().is_some_and(|it| it.by != looker.id),
        is_held_by_me: case.held_by.as_ref() == Some(&looker.id),
        alone: case.approval.as_ref().and_then(|it| it.alone_because.clone()),
        extension_days: view.basis.as_ref().map_or(0, |basis| if case.is_extended { 0 } else { basis.extension_days }),
        is_emergency: case.request.priority == Priority::Emergency && view.basis.as_ref().is_some_and(|basis| basis.emergency),
    })
}

fn checks(page: &RequestPage<'_>) -> Vec<CheckRow> {
    let Some(basis) = &page.view.basis else { return Vec::new() };
    let row = |code: &String| {
        // The last answer to a check counts.
        let answer = page.view.case.request.checks.iter().rfind(|it| it.code == *code);
        CheckRow {
            code: code.clone(),
            words: page.rules.checks.get(code).cloned().unwrap_or_default(),
            yes: answer.is_some_and(|it| it.holds),
            no: answer.is_some_and(|it| !it.holds),
            how: answer.map_or_else(String::new, |it| it.how.clone()),
            said: answer
                .map_or_else(String::new, |it| format!("{}, {}", name_of(page.view, &it.by, page.looker), words::minute(it.at))),
        }
    };
    basis.checks.iter().map(row).collect()
}

fn classes(view: &View) -> Vec<ClassRow> {
    let Some(basis) = &view.basis else { return Vec::new() };
    let row = |code: &String| ClassRow {
        code: code.clone(),
        words: words::class(code),
        quoted: view
            .case
            .request
            .named_classes
            .iter()
            .find(|it| it.class == *code)
            .map_or_else(String::new, |it| it.words.clone()),
    };
    basis.named_classes.iter().map(row).collect()
}

fn subjects(view: &View) -> Vec<SubjectRow> {
    let case = &view.case;
    let row = |(at, subject): (usize, &crate::release::request::Subject)| {
        let assembled = case.assembly.as_ref().and_then(|it| it.subjects.get(at));
        SubjectRow {
            at,
            name: subject.name.clone(),
            is_found: !subject.keys.is_empty(),
            undecided: view.undecided.iter().filter(|(own, _)| *own == at).count(),
            flagged: assembled
                .map_or(0, |it| it.flagged.iter().map(|flag| flag.item).collect::<std::collections::BTreeSet<_>>().len()),
            items: assembled.map_or(0, |it| it.items),
            pages: case.preview.as_ref().and_then(|it| it.subjects.get(at)).map_or(0, |it| it.pages),
        }
    };
    case.request.subjects.iter().enumerate().map(row).collect()
}

fn working(view: &View) -> Option<Working> {
    let job = view.job.as_ref()?;
    let what = match job.kind {
        JobKind::Preview => "The pages are being made",
        JobKind::Seal => "The package is being built and signed",
    };
    let of = if job.of > 1 { format!(", {} of {} patients done", job.done, job.of) } else { String::new() };
    match &job.state {
        JobState::Done => None,
        JobState::Running => {
            Some(Working { words: format!("{what}{of}. Begun {}.", words::minute(job.begun)), is_running: true, failed: None })
        }
        JobState::Failed { why } => Some(Working { words: String::new(), is_running: false, failed: Some(why.clone()) }),
    }
}

fn facts(view: &View, looker: &Looker) -> Vec<Fact> {
    let (case, request) = (&view.case, &view.case.request);
    let lines = |party: &crate::release::request::Party| {
        let own = [self::party(party), party.relation.clone(), party.phone.clone(), party.email.clone()];
        own.into_iter().chain(party.address.iter().cloned()).filter(|line| !line.is_empty()).collect::<Vec<_>>()
    };
    let formats = [
        (request.formats.pdf, "PDF"),
        (request.formats.native, "archived files"),
        (request.formats.ndjson, "FHIR NDJSON"),
        (request.formats.ccd, "CCD made by the archive"),
    ];
    let expires = match (request.expires, &request.expires_with) {
        (Some(day), _) => vec![day.to_string()],
        (None, Some(event)) => vec![event.clone()],
        (None, None) => Vec::new(),
    };
    let bates = view.bates.iter().map(|range| match &range.void_because {
        None => format!("{}{} to {}", range.prefix, range.first, range.last),
        Some(why) => format!("{}{} to {}, void: {why}", range.prefix, range.first, range.last),
    });
    let fees = request
        .fees
        .iter()
        .map(|fee| format!("{}: {}.{:02} {}", fee.what, fee.cents / 100, (fee.cents % 100).abs(), fee.currency));
    let all = [
        ("Asked by", lines(&request.requester)),
        ("Goes to", request.recipient.as_ref().map(lines).unwrap_or_default()),
        ("Legal basis", view.basis.iter().flat_map(|basis| [basis.words.clone(), basis.citation.clone()]).collect()),
        ("Purpose", vec![request.purpose.clone()]),
        ("Ends", expires),
        ("Received", vec![words::day(case.received)]),
        ("Worked on by", vec![view.row.assignee.clone().unwrap_or_else(|| "nobody yet".into())]),
        (
            "Forms",
            vec![formats.iter().filter(|(is_wanted, _)| *is_wanted).map(|(_, words)| *words).collect::<Vec<_>>().join(", ")],
        ),
        (
            "Certificate",
            request
                .wants_certificate
                .then(|| request.certificate.clone().unwrap_or_else(|| "wanted".into()))
                .into_iter()
                .collect(),
        ),
        ("Delivery", vec![words::named(&words::CHANNELS, &request.delivery.channel), request.delivery.address.clone()]),
        ("Verified by", case.verifier.iter().map(|id| name_of(view, id, looker)).collect()),
        (
            "Approved by",
            case.approval.iter().map(|it| format!("{}, {}", name_of(view, &it.by, looker), words::minute(it.at))).collect(),
        ),
        ("Bates numbers", bates.collect()),
        ("Fees", fees.collect()),
    ];
    let keep = |(name, values): (&'static str, Vec<String>)| {
        let values: Vec<String> = values.into_iter().filter(|value| !value.is_empty()).collect();
        (!values.is_empty()).then_some(Fact { name, values })
    };
    all.into_iter().filter_map(keep).collect()
}

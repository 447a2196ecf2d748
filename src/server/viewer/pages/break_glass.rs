//! The form that opens restricted records of one patient, and the pages of its review.
//!
//! Not for: deciding or recording (`server::pages`).

use askama::Template;

use super::super::banner::Banner;
use super::super::frame::Frame;
use super::super::glass::class_names;
use super::super::table::{Cell, Paging, Row, Table};
use super::super::text;
use super::render;
use crate::model::{Chart, Label, PatientKey};

/// One reason to choose from.
#[derive(Clone, Debug)]
pub struct ReasonChoice {
    pub code: String,
    pub text: String,
    pub opens: Label,
}

impl ReasonChoice {
    fn kinds(&self, closed: &bool) -> String {
        match (*closed, self.opens.is_restricted()) {
            (false, _) => class_names(self.opens),
            (true, false) => "the chart".into(),
            (true, true) => format!("the chart, {}", class_names(self.opens)),
        }
    }
}

/// How the person has to prove that it is still he.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ProofAsked {
    #[default]
    Nothing,
    Password,
    Code,
    /// He signed in elsewhere, too long ago; there he can do it again.
    SignInAgain,
    /// He came by a signed address, and nobody can be asked: he has to be launched anew.
    Relaunch,
}

impl ProofAsked {
    /// Whether the form can be sent at all before something else is done.
    fn comes_first(&self) -> bool {
        matches!(self, ProofAsked::SignInAgain | ProofAsked::Relaunch)
    }
}

/// What the form shows: choices, and what was typed before it was refused. A secret is never given back.
#[derive(Clone, Debug, Default)]
pub struct BreakGlassForm {
    pub reasons: Vec<ReasonChoice>,
    pub chosen: String,
    pub text: String,
    pub personnel: String,
    pub facility: String,
    pub nature: String,
    /// Whether any reason opens records of 42 CFR Part 2, so that its fields are shown.
    pub asks_emergency: bool,
    pub proof: ProofAsked,
    /// Where to sign in again, and what that place is called.
    pub again: String,
    pub provider: String,
    pub problem: Option<String>,
}

#[derive(Template)]
#[template(path = "break_glass.html")]
struct Page<'a> {
    frame: &'a Frame,
    banner: Banner,
    form: &'a BreakGlassForm,
    closed: bool,
    patient: &'a str,
    back: String,
}

/// The form under who the patient is. No clinical content stands on it, no allergies and no counts.
pub fn break_glass(frame: &Frame, chart: &Chart, form: &BreakGlassForm) -> String {
    let back = format!("/patients/{}", chart.index.patient);
    render(Page { frame, banner: Banner::new(frame, chart), form, closed: false, patient: "", back })
}

#[derive(Template)]
#[template(path = "break_glass_closed.html")]
struct Closed<'a> {
    frame: &'a Frame,
    form: &'a BreakGlassForm,
    closed: bool,
    patient: &'a str,
    back: String,
}

/// The form for a chart that is closed to the reader.
pub fn break_glass_closed(frame: &Frame, patient: &PatientKey, form: &BreakGlassForm) -> String {
    render(Closed { frame, form, closed: true, patient: patient.as_str(), back: "/".into() })
}

/// A use, as the queue and its own page show it. No content of any record.
#[derive(Clone, Debug, Default)]
pub struct UseRow {
    pub id: String,
    /// Days and times in UTC, `YYYY-MM-DDThh:mm:ssZ`.
    pub started: String,
    pub due: String,
    pub overdue: bool,
    pub waits: bool,
    pub who: String,
    pub account: String,
    pub own: bool,
    /// The patient's key in this archive.
    pub patient: String,
    pub reason: String,
    pub kinds: String,
    pub verdict: Option<&'static str>,
    pub running: bool,
    pub answers: u64,
    pub records: u64,
}

#[derive(Template)]
#[template(path = "reviews.html")]
struct Queue<'a> {
    frame: &'a Frame,
    fact: String,
    overdue: usize,
    all: bool,
    table: Table,
    paging: Paging,
}

/// The queue: uses that wait for a verdict, overdue ones on top; with `all`, the decided ones too.
pub fn reviews(frame: &Frame, rows: &[UseRow], counts: (u64, u64), all: bool, offset: usize, size: usize) -> String {
    let columns = [
        ("Opened (UTC)", "date"),
        ("Who", ""),
        ("Patient", "drop"),
        ("Reason", ""),
        ("Shown under it", ""),
        ("Review by", "date"),
        ("State", ""),
    ];
    let (waiting, total) = counts;
    let table = Table::new("Uses of break-glass, overdue ones first", &columns, "No use of break-glass waits for review.");
    let path = if all { "/break-glass?state=all&page=" } else { "/break-glass?page=" };
    render(Queue {
        frame,
        fact: format!("{} to review, {} in all", text::count(waiting), text::count(total)),
        overdue: rows.iter().filter(|row| row.overdue).count(),
        all,
        table: table.rows(rows.iter().map(row).collect()),
        paging: Paging::of(offset, rows.len(), if all { total } else { waiting }, false, |p| format!("{path}{p}"), size),
    })
}

fn row(it: &UseRow) -> Row {
    let opened = match (it.running, it.records) {
        (true, _) => "still open".to_string(),
        (false, 0) => "nothing".to_string(),
        (false, records) => text::counted(records, "record", "records"),
    };
    let state = match (it.verdict, it.overdue, it.own) {
        (Some(verdict), false, _) => Cell::Tag(verdict.to_string(), tone(verdict)),
        (_, true, _) => Cell::Tag("Overdue".into(), "alert"),
        (None, false, true) => Cell::Text("Your own".into()),
        (None, false, false) => Cell::Text("To review".into()),
    };
    Row::new(vec![
        Cell::date(Some(&it.started)),
        Cell::main(Some(it.who.clone()), Some(format!("/break-glass/{}", it.id)), Some(it.account.clone())),
        Cell::Text(it.patient.clone()),
        Cell::main(Some(it.reason.clone()), None, Some(it.kinds.clone())),
        Cell::Text(opened),
        Cell::day(Some(&it.due)),
        state,
    ])
}

fn tone(verdict: &str) -> &'static str {
    match verdict {
        "Appropriate" => "good",
        "Inappropriate" => "alert",
        _ => "caution",
    }
}

/// One verdict that was given.
#[derive(Clone, Debug)]
pub struct VerdictRow {
    pub at: String,
    pub who: String,
    pub verdict: &'static str,
    pub comment: String,
}

/// All of one use.
#[derive(Clone, Debug, Default)]
pub struct UsePage {
    pub row: UseRow,
    /// Every key of the person that it opened.
    pub patients: String,
    pub written: String,
    /// 42 CFR 2.51(c): personnel, facility, nature.
    pub emergency: Option<(String, String, String)>,
    /// When it ended and why; `None` while it runs.
    pub ended: Option<(String, String)>,
    /// Kinds of data shown under it, as the log names them.
    pub domains: String,
    pub verdicts: Vec<VerdictRow>,
    pub may_review: bool,
    /// Whether this reader may go on to the report on the patient.
    pub may_report: bool,
    pub comment: String,
    pub problem: Option<String>,
}

#[derive(Template)]
#[template(path = "review.html")]
struct Detail<'a> {
    frame: &'a Frame,
    page: &'a UsePage,
    table: Table,
    began: String,
    due: String,
    shown: String,
}

impl Detail<'_> {
    /// An instant as people read it, without its seconds.
    fn minute(&self, at: &str) -> String {
        minute(at)
    }
}

fn minute(at: &str) -> String {
    let date = text::date(at);
    date.time.map_or(date.day.clone(), |time| format!("{} {time}", date.day))
}

pub fn review(frame: &Frame, page: &UsePage) -> String {
    let columns = [("Day and time (UTC)", "date"), ("Who", ""), ("Verdict", ""), ("Comment", "")];
    let row = |v: &VerdictRow| {
        Row::new(vec![
            Cell::date(Some(&v.at)),
            Cell::Text(v.who.clone()),
            Cell::Tag(v.verdict.into(), tone(v.verdict)),
            Cell::Text(v.comment.clone()),
        ])
    };
    let table = Table::new("Verdicts, oldest first", &columns, "No verdict yet.");
    let (records, answers) = (page.row.records, page.row.answers);
    let shown = match records {
        0 => "nothing".to_string(),
        _ => format!("{} in {}", text::counted(records, "record", "records"), text::counted(answers, "answer", "answers")),
    };
    render(Detail {
        frame,
        page,
        table: table.rows(page.verdicts.iter().map(row).collect()),
        began: minute(&page.row.started),
        due: text::date(&page.row.due).day,
        shown,
    })
}

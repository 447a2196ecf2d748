//! Where compliance begins, amounts over time, and the form of an export: the pages.
//!
//! Not for: one patient or one person (`looks`).

use askama::Template;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::columns::Chart;
use super::super::frame::Frame;
use super::super::html::url_part;
use super::super::log_status::{LogStatus, local};
use super::super::table::{Cell, Row, Table};
use super::super::text;
use super::render;
use crate::oversight::UserId;
use crate::oversight::columns::{Columns, Step};
use crate::oversight::integrity::Integrity;
use crate::oversight::projection::Seen;
use crate::oversight::reports::words;
use crate::oversight::volume::Volume;

/// What somebody has to do.
#[derive(Clone, Debug, Default)]
pub struct Waits {
    /// Uses of break-glass without a verdict, and those of them that are overdue; `None` for whoever may not review.
    pub reviews: Option<(u64, u64)>,
    pub signals: SignalsWait,
}

/// Signals of the last day.
#[derive(Clone, Debug, Default)]
pub struct SignalsWait {
    pub day: String,
    /// People flagged, and flags without a verdict; `None`: the day was not looked through yet.
    pub found: Option<(u64, u64)>,
}

/// What the log has under a text.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Key and acts.
    pub patient: Option<(String, u64)>,
    pub entry: Option<String>,
    pub people: Vec<(UserId, String)>,
}

/// What the page is made of.
pub struct StartPage<'a> {
    pub asked: &'a str,
    pub found: Option<&'a Found>,
    pub waits: Waits,
    pub integrity: &'a Integrity,
    /// This month's amounts.
    pub month: &'a Volume,
    pub month_name: String,
    pub newest: &'a [Seen],
    pub now: Timestamp,
    pub zone: TimeZone,
}

#[derive(Template)]
#[template(path = "access.html")]
struct Start<'a> {
    frame: &'a Frame,
    asked: &'a str,
    found: Option<&'a Found>,
    waits: &'a Waits,
    status: LogStatus,
    month: &'a str,
    amounts: Vec<(&'static str, String)>,
    recent: Table,
}

impl Start<'_> {
    fn user_href(&self, user: &UserId) -> String {
        user_href(user)
    }
}

fn user_href(user: &UserId) -> String {
    format!("/access/people?user={}&issuer={}", url_part(&user.subject), url_part(&user.issuer))
}

pub fn access_start(frame: &Frame, ask: &StartPage<'_>) -> String {
    let columns = [
        ("Day and time", "date"),
        ("Patient", ""),
        ("Who", ""),
        ("Stated purpose", "drop"),
        ("What happened", ""),
        ("Records", "num"),
    ];
    let row = |seen: &Seen| {
        let act = &seen.act;
        let name = if act.user_name.is_empty() { act.user.subject.clone() } else { act.user_name.clone() };
        let what = words::event(&act.event, act.outcome, act.records);
        let user = Some(user_href(&act.user)).filter(|_| !act.user.subject.is_empty());
        Row::new(vec![
            Cell::Text(local(act.at, &ask.zone)),
            match &act.patient {
                Some(patient) => Cell::link(Some(patient.to_string()), format!("/access?patient={patient}")),
                None => Cell::Blank,
            },
            match name.is_empty() {
                true => Cell::Text("the archive itself".into()),
                false => Cell::main(Some(name), user, Some(words::role(&act.role)).filter(|role| !role.is_empty())),
            },
            Cell::Text(words::purpose(act.purpose.as_deref().unwrap_or(""))),
            if act.outcome >= 8 { Cell::Tag(what, "caution") } else { Cell::Text(what) },
            Cell::count(act.records),
        ])
    };
    let month = ask.month;
    let sum = |columns: &Columns| text::count(columns.total());
    render(Start {
        frame,
        asked: ask.asked,
        found: ask.found,
        waits: &ask.waits,
        status: LogStatus::of(ask.integrity, ask.now, &ask.zone),
        month: &ask.month_name,
        amounts: vec![
            ("Charts opened", sum(&month.charts)),
            ("Searches", sum(&month.searches)),
            ("Uses of break-glass", sum(&month.break_glass)),
            ("Disclosures", sum(&month.disclosures)),
            ("Attempts refused", text::count(month.refused)),
        ],
        recent: Table::new("Newest acts", &columns, "Nothing happened yet.").rows(ask.newest.iter().map(row).collect()),
    })
}

/// What the page of amounts is made of.
pub struct VolumePage<'a> {
    pub volume: &'a Volume,
    pub from: String,
    pub to: String,
    pub step: Option<Step>,
}

#[derive(Template)]
#[template(path = "volume.html")]
struct Amounts<'a> {
    frame: &'a Frame,
    from: &'a str,
    to: &'a str,
    steps: Vec<(&'static str, &'static str, bool)>,
    sentence: String,
    charts: Vec<Chart>,
    stands: Vec<String>,
}

pub fn volume(frame: &Frame, ask: &VolumePage<'_>) -> String {
    let it = ask.volume;
    let chart = |columns: &Columns, one: &'static str, many: &'static str, what: &'static str| {
        let title = text::counted(columns.total(), one, many);
        Chart::of(columns, title, format!("per {}", columns.step.name()), what)
    };
    let sentence = format!(
        "From {} to {}, {} opened, {} made and {} refused; break-glass was used {} and {} left.",
        ask.from,
        ask.to,
        text::counted(it.charts.total(), "chart was", "charts were"),
        text::counted(it.searches.total(), "search was", "searches were"),
        text::counted(it.refused, "attempt was", "attempts were"),
        text::counted(it.break_glass.total(), "time", "times"),
        text::counted(it.disclosures.total(), "disclosure", "disclosures"),
    );
    let step = |step: Step, words: &'static str| (step.name(), words, ask.step == Some(step));
    render(Amounts {
        frame,
        from: &ask.from,
        to: &ask.to,
        steps: vec![step(Step::Day, "by day"), step(Step::Week, "by week"), step(Step::Month, "by month")],
        sentence,
        charts: vec![
            chart(&it.charts, "chart opened", "charts opened", "charts opened"),
            chart(&it.searches, "search", "searches", "searches"),
            chart(&it.break_glass, "use of break-glass", "uses of break-glass", "uses of break-glass"),
            chart(&it.disclosures, "disclosure", "disclosures", "disclosures"),
        ],
        stands: super::looks::stands(&it.stands_at),
    })
}

/// What the form of an export is made of.
pub struct ExportPage {
    pub from: String,
    pub to: String,
    pub patient: String,
    pub user: String,
    pub issuer: String,
    /// Rows of what is chosen now.
    pub rows: u64,
    pub most: u64,
}

#[derive(Template)]
#[template(path = "export.html")]
struct Export<'a> {
    frame: &'a Frame,
    page: &'a ExportPage,
    rows: String,
    most: String,
}

pub fn export(frame: &Frame, page: &ExportPage) -> String {
    render(Export { frame, page, rows: text::counted(page.rows, "row", "rows"), most: text::count(page.most) })
}

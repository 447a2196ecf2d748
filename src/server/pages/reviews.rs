//! The review of break-glass: the queue and one use, for reviewers and for compliance. Why, when, by whom and how much was
//! opened; no content of any record.
//!
//! Not for: breaking the glass (`break_glass`).

use jiff::Timestamp;

use crate::access::{Public, Role, entry};
use crate::audit::{BreakGlass, Entry, Outcome};
use crate::limits::BREAK_GLASS_TEXT_MAX;
use crate::model::PatientKey;
use crate::register::{BreakGlassUse, NewReview, RegisterError, Reviewed, Verdict, reason};
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::Call;
use crate::server::notices::review_days;
use crate::server::viewer::{self, UsePage, UseRow, VerdictRow};
use crate::server::watch::Opened;
use crate::server::{door, events};

const PAGE_SIZE: usize = 50;

/// Reviewers and compliance alone; a refusal is in the log before it is told.
fn reviewer(call: &Call) -> Result<(), ApiError> {
    let principal = call.principal()?;
    if matches!(principal.role, Role::Reviewer | Role::Compliance) {
        return Ok(());
    }
    let refused = Entry {
        outcome: Outcome::SeriousFailure,
        outcome_desc: Some("break-glass review refused: role".into()),
        ..entry("authz.denied", principal, &call.context)
    };
    events::write(call, refused)?;
    Err(ApiError::forbidden())
}

/// Writes that the queue or a use was looked at, and waits for the disk: only then anything is shown.
fn looked_at(call: &Call, uses: u64, patients: Vec<PatientKey>) -> Result<(), ApiError> {
    let mut looked = Entry { patients, ..entry("audit.query", call.principal()?, &call.context) };
    if let Some(query) = looked.query.as_mut() {
        query.text = Some("break-glass reviews".into());
        query.hits = Some(uses);
    }
    events::write(call, looked)
}

fn down(error: RegisterError) -> ApiError {
    door::register_down(&error)
}

fn instant(seconds: i64) -> String {
    Timestamp::from_second(seconds).unwrap_or_default().to_string()
}

fn verdict_name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Appropriate => "Appropriate",
        Verdict::Inappropriate => "Inappropriate",
        Verdict::NeedsInformation => "Needs information",
    }
}

fn row(call: &Call, reviewed: &Reviewed) -> UseRow {
    let (it, now) = (&reviewed.it, Timestamp::now().as_second());
    let due = reviewed.due(review_days(&call.app.config));
    let own = call.principal().is_ok_and(|p| p.issuer == it.issuer && p.subject.eq_ignore_ascii_case(&it.subject));
    UseRow {
        id: it.id.clone(),
        started: instant(it.started),
        due: instant(due),
        overdue: reviewed.is_open() && due < now,
        waits: reviewed.is_open(),
        who: it.name.clone(),
        account: if it.issuer == "local" { it.subject.clone() } else { format!("{} at {}", it.subject, it.issuer) },
        own,
        patient: it.patients.first().map(ToString::to_string).unwrap_or_default(),
        reason: reason(&it.reason_code).map_or_else(|| it.reason_code.clone(), |reason| reason.text.clone()),
        kinds: viewer::class_names(it.classes),
        verdict: reviewed.verdict.map(verdict_name),
        running: it.stopped.is_none() && it.expires > now,
        answers: it.answers,
        records: it.records,
    }
}

/// `GET /break-glass?state=all&page=`
pub fn queue(call: &Call) -> Result<Answer, ApiError> {
    reviewer(call)?;
    let (all, offset) = (call.query("state") == Some("all"), super::offset(call, PAGE_SIZE));
    let register = &call.app.register;
    let (found, counts) = call
        .wait(async {
            let page = register.reviews(all, offset as i64, PAGE_SIZE as i64).await?;
            Ok::<_, RegisterError>((page, register.review_counts().await?))
        })
        .map_err(down)?;
    looked_at(call, found.len() as u64, found.iter().flat_map(|reviewed| reviewed.it.patients.clone()).collect())?;
    let rows: Vec<UseRow> = found.iter().map(|reviewed| row(call, reviewed)).collect();
    let page = viewer::reviews(&super::frame(call), &rows, counts, all, offset, PAGE_SIZE);
    Ok(Public(Body::html(page)).into())
}

/// `GET /break-glass/{id}`
pub fn detail(call: &Call) -> Result<Answer, ApiError> {
    reviewer(call)?;
    show(call, String::new(), None, 200)
}

fn show(call: &Call, comment: String, problem: Option<String>, status: u16) -> Result<Answer, ApiError> {
    let register = &call.app.register;
    let found = call
        .wait(async {
            let it = register.break_glass(call.param("id")).await?;
            Ok::<_, RegisterError>((it, register.reviews_of(call.param("id")).await?))
        })
        .map_err(down)?;
    let (Some(it), given) = found else {
        looked_at(call, 0, Vec::new())?;
        return Err(ApiError::not_found());
    };
    looked_at(call, 1, it.patients.clone())?;
    let opened = Opened::under(&call.app.folder, &it).ok_or_else(ApiError::internal)?;
    let reviewed = Reviewed { verdict: given.last().map(|review| review.verdict), it };
    let (mut row, it) = (row(call, &reviewed), reviewed.it);
    (row.answers, row.records) = (opened.answers, opened.records);
    let verdict = |review: &crate::register::Review| VerdictRow {
        at: instant(review.at),
        who: review.name.clone(),
        verdict: verdict_name(review.verdict),
        comment: review.comment.clone(),
    };
    let page = UsePage {
        may_review: !row.own,
        may_report: call.principal()?.role == Role::Compliance,
        row,
        patients: it.patients.iter().map(PatientKey::as_str).collect::<Vec<_>>().join(", "),
        ended: ended(&it),
        written: it.reason_text,
        emergency: it.emergency.map(|e| (e.personnel, e.facility, e.nature)),
        domains: opened.domains.join(", "),
        verdicts: given.iter().map(verdict).collect(),
        comment,
        problem,
    };
    Ok(Public(Body::html(viewer::review(&super::frame(call), &page)).status(status)).into())
}

fn ended(it: &BreakGlassUse) -> Option<(String, String)> {
    let why = match it.stop_reason.as_deref() {
        Some("ended-by-user") => "ended by hand",
        Some("session-ended") => "the session ended",
        _ => "its time was up",
    };
    it.stopped.map(|at| (instant(at), why.to_string()))
}

/// `POST /break-glass/{id}`: the verdict is in the log before it counts.
pub fn review(call: &Call) -> Result<Answer, ApiError> {
    reviewer(call)?;
    let (id, principal) = (call.param("id"), call.principal()?);
    let comment: String = call.field("comment").trim().chars().take(BREAK_GLASS_TEXT_MAX).collect();
    let Some(verdict) = Verdict::from_name(call.field("verdict")) else {
        return show(call, comment, Some("Choose a verdict.".into()), 400);
    };
    if comment.is_empty() && verdict != Verdict::Appropriate {
        return show(call, comment, Some("Say in the comment why.".into()), 400);
    }
    let register = &call.app.register;
    let it = match call.wait(register.reviewable(id, &principal.issuer, &principal.subject)) {
        Ok(it) => it,
        Err(RegisterError::UnknownBreakGlass) => return Err(ApiError::not_found()),
        Err(RegisterError::OwnBreakGlass) => {
            let refused = Entry {
                outcome: Outcome::SeriousFailure,
                outcome_desc: Some("break-glass review refused: own use".into()),
                ..entry("authz.denied", principal, &call.context)
            };
            events::write(call, refused)?;
            return show(call, comment, Some("This use is your own: somebody else reviews it.".into()), 403);
        }
        Err(error) => return Err(down(error)),
    };
    let given = Entry {
        patients: it.patients.clone(),
        break_glass: Some(BreakGlass { id: it.id.clone(), reason_code: it.reason_code.clone(), ..BreakGlass::default() }),
        detail: vec![("verdict", verdict.name().to_string()), ("comment", comment.clone())],
        ..entry("btg.reviewed", principal, &call.context)
    };
    events::write(call, given)?;
    let review = NewReview {
        issuer: principal.issuer.clone(),
        subject: principal.subject.clone(),
        name: principal.name.clone(),
        verdict,
        comment,
    };
    call.wait(register.review(id, &review)).map_err(down)?;
    Ok(Public(Body::see_other("/break-glass")).into())
}

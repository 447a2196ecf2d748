//! The review of break-glass: the queue and one use, for reviewers and for compliance. Why, when, by whom and how much was
//! opened; no content of any record.
//!
//! Not for: breaking the glass (`break_glass`).

use jiff::Timestamp;

use crate::access::{Permit, Scope, Shown, entry};
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

/// What the log says of a look at the queue, or at one use.
fn looked_at(uses: u64, patients: Vec<PatientKey>) -> Shown {
    let query = Some("break-glass reviews".to_string());
    Shown { event: "audit.query", patients, hits: Some(uses), query, ..Shown::default() }
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
    let permit = call.ask(Scope::BreakGlassReviews)?;
    let (all, offset) = (call.query("state") == Some("all"), super::offset(call, PAGE_SIZE));
    let register = &call.app.register;
    let (found, counts) = call
        .wait(async {
            let page = register.reviews(all, offset as i64, PAGE_SIZE as i64).await?;
            Ok::<_, RegisterError>((page, register.review_counts().await?))
        })
        .map_err(down)?;
    let rows: Vec<UseRow> = found.iter().map(|reviewed| row(call, reviewed)).collect();
    let page = viewer::reviews(&super::frame(call), &rows, counts, all, offset, PAGE_SIZE);
    let patients = found.iter().flat_map(|reviewed| reviewed.it.patients.clone()).collect();
    Ok(permit.answer(Body::html(page), looked_at(found.len() as u64, patients))?.into())
}

/// `GET /break-glass/{id}`
pub fn detail(call: &Call) -> Result<Answer, ApiError> {
    show(call, call.ask(Scope::BreakGlassReviews)?, String::new(), None, 200)
}

fn show(call: &Call, permit: Permit, comment: String, problem: Option<&str>, status: u16) -> Result<Answer, ApiError> {
    let register = &call.app.register;
    let found = call
        .wait(async {
            let it = register.break_glass(call.param("id")).await?;
            Ok::<_, RegisterError>((it, register.reviews_of(call.param("id")).await?))
        })
        .map_err(down)?;
    let (Some(it), given) = found else {
        permit.answer((), looked_at(0, Vec::new()))?;
        return Err(ApiError::not_found());
    };
    let opened = Opened::under(&call.app, &it).ok_or_else(ApiError::internal)?;
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
        may_report: call.gate().would_allow(call.principal()?, &Scope::AuditLog(None), &call.context),
        row,
        patients: it.patients.iter().map(PatientKey::as_str).collect::<Vec<_>>().join(", "),
        ended: ended(&it),
        written: it.reason_text.clone(),
        emergency: it.emergency.clone().map(|e| (e.personnel, e.facility, e.nature)),
        domains: opened.domains.join(", "),
        verdicts: given.iter().map(verdict).collect(),
        comment,
        problem: problem.map(String::from),
    };
    let html = viewer::review(&super::frame(call), &page);
    Ok(permit.answer(Body::html(html).status(status), looked_at(1, it.patients))?.into())
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
    let permit = call.ask(Scope::BreakGlassReviews)?;
    let (id, principal) = (call.param("id"), call.principal()?);
    let comment: String = call.field("comment").trim().chars().take(BREAK_GLASS_TEXT_MAX).collect();
    let Some(verdict) = Verdict::from_name(call.field("verdict")) else {
        return show(call, permit, comment, Some("Choose a verdict."), 400);
    };
    if comment.is_empty() && verdict != Verdict::Appropriate {
        return show(call, permit, comment, Some("Say in the comment why."), 400);
    }
    let register = &call.app.register;
    let it = match call.wait(register.reviewable(id, &principal.issuer, &principal.subject)) {
        Ok(it) => it,
        Err(RegisterError::UnknownBreakGlass) => {
            permit.answer((), looked_at(0, Vec::new()))?;
            return Err(ApiError::not_found());
        }
        Err(RegisterError::OwnBreakGlass) => {
            let refused = Entry {
                outcome: Outcome::SeriousFailure,
                outcome_desc: Some("break-glass review refused: own use".into()),
                ..entry("authz.denied", principal, &call.context)
            };
            events::write(call, refused)?;
            return show(call, permit, comment, Some("This use is your own: somebody else reviews it."), 403);
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
    // Back to the report that the verdict was given on; any other address is none of ours.
    let back = Some(call.field("back")).filter(|back| back.starts_with("/access?") || back.starts_with("/access/people?"));
    Ok(permit.answer(Body::see_other(back.unwrap_or("/break-glass")), looked_at(1, it.patients))?.into())
}

//! Choosing what goes out: trying a scope, freezing it, and deciding about items that are flagged.
//!
//! Not for: what a scope takes (`release::selection`).

use jiff::civil::Date;

use crate::access::{Permit, Shown};
use crate::model::Record;
use crate::query::QueryError;
use crate::release::desk::{DeskError, Seen};
use crate::release::ledger::Worker;
use crate::release::request::Scope;
use crate::release::selection::Item;
use crate::release::workflow::{Decision, Move};
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::{Call, shown};
use crate::server::viewer::Frame;
use crate::server::viewer::releases::{self, ItemsPage, PickPage, Source};

/// `GET /releases/{number}/select?subject=`: by the scope of the request.
pub fn select(call: &Call) -> Result<Answer, ApiError> {
    let subject = call.number("subject", 0, 1000)?;
    draw(call, subject, None, None, 200)
}

/// `POST /releases/{number}/select`: tries another scope, or freezes it. The scope may hold words of the record, so that it is
/// sent and never stands in an address.
pub fn choose(call: &Call) -> Result<Answer, ApiError> {
    let who = super::worker_of(call)?;
    let subject = call.field("subject").parse().map_err(|_| ApiError::bad("There is no such patient in the request."))?;
    let view = super::view(call, &who)?;
    let before = &view.value().case.request.scope;
    let scope = match typed(call, before) {
        Ok(scope) => scope,
        Err(problem) => return draw(call, subject, None, Some(problem), 400),
    };
    if call.field("then") != "freeze" {
        return draw(call, subject, Some(scope), None, 200);
    }
    let mut request = view.value().case.request.clone();
    let is_other = *before != scope;
    request.scope = scope.clone();
    let done: Result<Seen, DeskError> = call.wait(async {
        let desk = super::desk(call);
        let mut seen = super::seen(call);
        if is_other {
            seen = desk.step(&seen, Move::Write { request: Box::new(request) }, &who).await?;
        }
        desk.assemble(&seen, &who).await
    });
    match done {
        Ok(seen) => Ok(super::on(format!("/releases/{}", seen.number))),
        Err(error) => match super::in_words(&error) {
            Some(words) => draw(call, subject, Some(scope), Some(words), 409),
            None => Err(super::fault(error)),
        },
    }
}

fn draw(call: &Call, subject: usize, scope: Option<Scope>, problem: Option<String>, status: u16) -> Result<Answer, ApiError> {
    let who = super::worker_of(call)?;
    let view = super::view(call, &who)?;
    let number = call.param("number");
    let scope = scope.unwrap_or_else(|| view.value().case.request.scope.clone());
    let pick = |scope: Scope| super::told(call, call.wait(super::desk(call).pick(number, subject, Some(scope), &who)));
    // What there is to tick is what there is before it is ticked.
    let wide = Scope { encounters: Vec::new(), sources: Vec::new(), authors: Vec::new(), text: None, ..scope.clone() };
    let whole = if wide == scope { None } else { Some(pick(wide)?) };
    let picked = pick(scope.clone())?;
    let frame = crate::server::pages::frame(call);
    let page = picked.map(|picked| {
        let page = PickPage {
            view: view.value(),
            looker: &super::looker(&who),
            subject,
            whole: whole.as_ref().map_or(&picked, |whole| whole.value()),
            picked: &picked,
            scope: &scope,
            problem,
        };
        Body::html(releases::pick(&frame, &page)).status(status)
    });
    Ok(page.into())
}

/// The scope of the form.
fn typed(call: &Call, before: &Scope) -> Result<Scope, String> {
    let day = |name: &str| match super::typed(call, name, 10) {
        text if text.is_empty() => Ok(None),
        text => text.parse::<Date>().map(Some).map_err(|_| "Write days as YYYY-MM-DD.".to_string()),
    };
    let all = |name: &str| call.form.iter().filter(|(own, _)| own == name).map(|(_, value)| value.clone()).collect::<Vec<_>>();
    let (from, to) = (day("from")?, day("to")?);
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        return Err("The last day is before the first.".into());
    }
    let set = super::typed(call, "record-set", 60);
    let is_same = before.record_set.split(' ').next() == Some(set.as_str());
    Ok(Scope {
        from,
        to,
        types: all("type"),
        // With its version, when it is the one that the request names already.
        record_set: if is_same { before.record_set.clone() } else { set },
        encounters: all("encounter"),
        sources: all("source"),
        authors: all("author"),
        text: Some(super::typed(call, "text", 200)).filter(|text| !text.is_empty()),
        all_versions: call.field("all-versions") == "1",
    })
}

/// `GET /releases/{number}/items/{subject}?n=&show=all`
pub fn items(call: &Call) -> Result<Answer, ApiError> {
    show_items(call, call.query("n").and_then(|n| n.parse().ok()), None, 200)
}

fn show_items(call: &Call, open: Option<usize>, problem: Option<String>, status: u16) -> Result<Answer, ApiError> {
    let who = super::worker_of(call)?;
    let (view, subject) = (super::view(call, &who)?, super::number(call, "subject")?);
    let selection = super::told(call, call.wait(super::desk(call).selection(call.param("number"), subject, &who)))?;
    let all = call.query("show") == Some("all");
    let (items, undecided) = (&selection.value().items, &view.value().undecided);
    let first_open = undecided.iter().find(|(own, _)| *own == subject).map(|(_, n)| *n);
    let first = items.iter().find(|item| all || !item.flags.is_empty()).map(|item| item.n);
    let open = open.or(first_open).or(first).unwrap_or(0);
    let source = items.iter().find(|item| item.n == open).and_then(|item| record_of(call, item));
    let frame = crate::server::pages::frame(call);
    let draw = |record: Option<&Record>, frame: &Frame| {
        let page = ItemsPage {
            view: view.value(),
            looker: &super::looker(&who),
            subject,
            selection: selection.value(),
            open,
            all,
            source: record.map(|record| Source { record }),
            problem,
        };
        Body::html(releases::items(frame, &page)).status(status)
    };
    match source {
        Some((permit, record)) => {
            let mut entry = shown("record.read", [&record]);
            let looked = call.app.directory.look(call.archive(), &permit, [&record]);
            looked.add_to(&mut entry);
            let frame = Frame { names: looked.names, ..frame };
            Ok(permit.answer(draw(Some(&record), &frame), entry)?.into())
        }
        None => {
            let body = draw(None, &frame);
            Ok(selection.map(|_| body).into())
        }
    }
}

/// The record of an item, where the reader's own rights show it; the selection is shown without it otherwise.
fn record_of(call: &Call, item: &Item) -> Option<(Permit, Record)> {
    let patient = crate::model::PatientKey::parse(&item.patient)?;
    let permit = call.ask_chart(&patient).ok()?;
    match call.archive().versions(&permit, item.kind()?, &item.archive_id()?) {
        Ok(versions) => match versions.into_iter().find(|record| record.version == item.version) {
            Some(record) => Some((permit, record)),
            None => nothing(permit),
        },
        Err(QueryError::OutOfScope) => {
            permit.refuse();
            None
        }
        Err(_) => nothing(permit),
    }
}

fn nothing(permit: Permit) -> Option<(Permit, Record)> {
    let _ = permit.answer((), Shown { event: "record.read", hits: Some(0), ..Shown::default() });
    None
}

/// `POST /releases/{number}/items/{subject}`: decides about one item, and goes on to the next.
pub fn decide(call: &Call) -> Result<Answer, ApiError> {
    let who = super::worker_of(call)?;
    let subject = super::number(call, "subject")?;
    let item: usize = call.field("item").parse().map_err(|_| ApiError::bad("There is no such item."))?;
    let reason = super::typed(call, "reason", 500);
    let decision = match call.field("decision") {
        _ if reason.is_empty() => return show_items(call, Some(item), Some("Say why, in a few words.".into()), 400),
        "include" => Decision::Include { reason },
        "exclude" => Decision::Exclude { reason },
        "redact" => Decision::Redact { reason },
        _ => return show_items(call, Some(item), Some("Choose what is done with it.".into()), 400),
    };
    match decided(call, &who, subject, item, decision) {
        Ok(to) => Ok(super::on(to)),
        Err(error) => match super::in_words(&error) {
            Some(words) => show_items(call, Some(item), Some(words), 409),
            None => Err(super::fault(error)),
        },
    }
}

/// Makes the step; gives where to go on: the next item that is not decided, or the same list.
fn decided(call: &Call, who: &Worker<'_>, subject: usize, item: usize, decision: Decision) -> Result<String, DeskError> {
    let seen = super::seen(call);
    call.wait(super::desk(call).decide(&seen, subject, item, decision, who))?;
    let own = format!("/releases/{}/items/{subject}", seen.number);
    if call.query("show") == Some("all") {
        return Ok(format!("{own}?n={item}&show=all#item"));
    }
    let view = call.wait(super::desk(call).get(&seen.number, who))?;
    let open: Vec<usize> = view.value().undecided.iter().filter(|(own, _)| *own == subject).map(|(_, n)| *n).collect();
    let next = open.iter().find(|n| **n > item).or(open.first());
    Ok(next.map_or(own.clone(), |n| format!("{own}?n={n}#item")))
}

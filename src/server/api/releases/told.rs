//! A request and the persons it may be about, as JSON.
//!
//! Not for: reading them (`release::desk`).

use serde_json::{Value, json};

use crate::model::PatientIdentity;
use crate::release::desk::{Candidate, View};
use crate::release::workflow::Preview;

pub fn view(view: &View) -> Value {
    let case = &view.case;
    let step =
        |it: &crate::release::desk::StepTold| json!({ "at": it.step.at, "who": it.who, "words": it.words, "entry": it.entry });
    let decision = |((subject, item), decision): &((usize, usize), crate::release::workflow::Decision)| json!({ "subject": subject, "item": item, "what": decision });
    let redactions: Vec<Value> =
        case.redactions.iter().map(|(subject, sha256)| json!({ "subject": subject, "sha256": sha256 })).collect();
    let range = |it: &crate::register::BatesRange| json!({ "prefix": it.prefix, "first": it.first, "last": it.last, "void": it.void_because });
    json!({
        "number": case.number, "state": case.state, "steps": view.seen.steps, "received": case.received,
        "due": view.row.due, "overdue": view.row.is_overdue, "assignee": view.row.assignee, "why": case.why,
        "request": case.request,
        "basis": view.basis.as_ref().map(|it| json!({ "code": it.code, "words": it.words, "citation": it.citation })),
        "incomplete": view.incomplete, "missing": view.missing,
        "undecided": view.undecided.iter().map(|(subject, item)| json!({ "subject": subject, "item": item })).collect::<Vec<_>>(),
        "assembly": case.assembly, "decisions": case.decisions.iter().map(decision).collect::<Vec<_>>(),
        "redactions": redactions,
        "preview": case.preview, "preview_sha256": case.preview.as_ref().map(Preview::digest),
        "approval": case.approval.as_ref().map(|it| {
            json!({ "at": it.at, "preview_sha256": it.preview_sha256, "alone_because": it.alone_because })
        }),
        "alone_review": case.alone_review.as_ref().map(|it| json!({ "at": it.at, "holds": it.holds, "words": it.words })),
        "review_due": view.row.review_due,
        "packages": case.packages, "handovers": case.handovers, "confirmed": case.is_confirmed, "links": view.links,
        "bates": view.bates.iter().map(range).collect::<Vec<_>>(),
        "history": view.history.iter().map(step).collect::<Vec<_>>(), "job": view.job,
    })
}

pub fn candidate(it: &Candidate) -> Value {
    let linked = it.hit.linked.iter().map(|linked| identity(linked.key.as_str(), &linked.identity));
    json!({
        "keys": it.keys, "agrees": it.agrees, "why": it.hit.why,
        "records": it.hit.patient.records,
        "identities": std::iter::once(identity(it.hit.patient.key.as_str(), &it.hit.patient.identity)).chain(linked).collect::<Vec<_>>(),
    })
}

fn identity(key: &str, it: &PatientIdentity) -> Value {
    json!({
        "key": key, "family": it.family, "given": it.given, "other_names": it.other_names, "sex": it.sex,
        "birth_date": it.birth_date.as_ref().map(|born| born.date_text()),
        "identifiers": it.identifiers.iter().map(|(system, value)| json!({ "system": system, "value": value })).collect::<Vec<_>>(),
        "phones": it.phones, "addresses": it.addresses,
    })
}

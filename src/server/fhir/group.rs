//! `Group` for programs that export: each source system of the archive is a group, its patients. Such a program finds the groups
//! here (`GET /fhir/Group`, `GET /fhir/Group/{id}`) and asks for one by `Group/{id}/$export`, which alone gives the members.
//!
//! To anybody else, and beside the name of a source system, `Group` is what an old system delivered of this type: read by its id,
//! searched in a chart. Not for: the export (`bulk`).

use serde_json::{Value, json};

use crate::access::{Act, Permit, Scope, Shown};
use crate::model::Kind;
use crate::query::Archive;
use crate::server::answer::{Answer, ApiError, Body, FHIR_JSON};
use crate::server::call::Call;

use super::search::{Question, page};
use super::sight::Sight;

/// What a group must have, whichever elements were asked for.
const MANDATORY: [&str; 2] = ["type", "actual"];

/// Whether a program asks that may export, so that groups are there for it.
fn is_for_export(call: &Call, kind: Kind) -> bool {
    let may_export = |principal| call.gate().would_allow(principal, &Scope::Bulk, &call.context);
    kind.name() == "Group" && call.principal().is_ok_and(may_export)
}

/// Whether a question by id is about a group of ours.
pub fn is_asked(call: &Call, kind: Kind, id: &str) -> bool {
    is_for_export(call, kind) && is_source(call.archive(), id)
}

fn is_source(archive: &Archive, id: &str) -> bool {
    archive.facts().source_systems.iter().any(|source| source == id)
}

/// Whether there is a group of this name for the holder of the permit: one whose patients are all hidden is not there.
pub fn is_there(archive: &Archive, permit: &Permit, id: &str) -> bool {
    is_source(archive, id) && permit.filter().allows_of(id, Kind::PATIENT)
}

/// `GET /fhir/Group` and `POST /fhir/Group/_search`; `None`: it is a question about records like any other.
pub fn search(call: &Call, kind: Kind) -> Result<Option<Answer>, ApiError> {
    if !is_for_export(call, kind) {
        return Ok(None);
    }
    let mut question = Question::parse(kind, call)?;
    let are_ours = |ids: &Vec<_>| ids.iter().all(|id: &crate::model::ArchiveId| is_source(call.archive(), id.as_str()));
    if question.patient.is_some() || !question.ids.as_ref().is_none_or(are_ours) {
        return Ok(None);
    }
    Sight::of(call)?.want(kind, Act::Search)?;
    if let Some((name, _)) =
        question.understood.iter().find(|(name, _)| ["_sort", "_include", "_revinclude"].contains(&name.as_str()))
    {
        return Err(ApiError::unsupported(format!("'{name}' is not offered for groups: they come in the order of their ids.")));
    }
    if !question.elements.is_empty() {
        question.elements.extend(MANDATORY.map(String::from));
    }
    let permit = call.ask(Scope::Bulk)?;
    let mut groups = groups(call, &permit, kind, Act::Search)?;
    groups.retain(|group| question.holds(group));
    let shown = Shown {
        event: "record.search",
        kinds: groups.first().map(|_| kind).into_iter().collect(),
        hits: Some(groups.len() as u64),
        query: Some(question.in_words()),
        ..Shown::default()
    };
    let bytes = page::made(call, &question, groups)?;
    Ok(Some(permit.answer(Body::new(FHIR_JSON, bytes), shown)?.into()))
}

/// `GET /fhir/Group/{id}` of a group of ours.
pub fn read(call: &Call, kind: Kind) -> Result<Answer, ApiError> {
    super::want_json(call)?;
    Sight::of(call)?.want(kind, Act::Read)?;
    let permit = call.ask(Scope::Bulk)?;
    let found = groups(call, &permit, kind, Act::Read)?.into_iter().find(|group| group["id"] == call.param("id"));
    let shown = Shown {
        event: "record.read",
        kinds: found.iter().map(|_| kind).collect(),
        hits: Some(u64::from(found.is_some())),
        query: Some("Group".into()),
        ..Shown::default()
    };
    match found {
        Some(group) => Ok(permit.answer(Body::new(FHIR_JSON, group.to_string()), shown)?.into()),
        None => {
            permit.answer((), shown)?;
            Err(ApiError::not_found())
        }
    }
}

/// The groups that this permit and the scopes of the token show, in the order of their ids.
fn groups(call: &Call, permit: &Permit, kind: Kind, act: Act) -> Result<Vec<Value>, ApiError> {
    let scopes = call.principal()?.scopes.as_deref();
    let mut names = call.archive().facts().source_systems;
    names.retain(|name| permit.filter().allows_of(name, kind) && is_there(call.archive(), permit, name));
    names.sort();
    let groups = names.into_iter().map(|name| group(&name));
    Ok(groups.filter(|group| scopes.is_none_or(|scopes| scopes.shows(kind, act, || group.clone()))).collect())
}

/// Members are given by the export, where each is shown or not by the rules for records.
fn group(source: &str) -> Value {
    json!({
        "resourceType": "Group",
        "id": source,
        "active": true,
        "type": "person",
        "actual": true,
        "name": format!("Patients of {source}"),
    })
}

//! Reading one record: the current version, a named version, and the list of versions.
//!
//! Not for: attachments (`binary`).

use crate::access::{Act, Permit, Scope};
use crate::model::{ArchiveId, Kind, Record};
use crate::query::QueryError;
use crate::server::answer::{Answer, ApiError, Body, FHIR_JSON};
use crate::server::call::{Call, shown};

use super::bundle::{Bundle, Mode, Type};
use super::links;
use super::search::etag;
use super::sight::Sight;
use super::splice::{last_updated, version_id, write_resource};

/// `GET /{kind}/{id}`
pub fn read(call: &Call) -> Result<Answer, ApiError> {
    let kind = super::kind(call)?;
    if super::audit_event::is_asked(call, kind) {
        super::want_json(call)?;
        return super::audit_event::read(call);
    }
    if super::group::is_asked(call, kind, call.param("id")) {
        return super::group::read(call, kind);
    }
    read_of(call, kind)
}

/// The record of this kind with the id of the path.
pub fn read_of(call: &Call, kind: Kind) -> Result<Answer, ApiError> {
    super::want_json(call)?;
    let id = call.id_param("id")?;
    let sight = Sight::of(call)?;
    sight.want(kind, Act::Read)?;
    let permit = call.ask(Scope::Record(kind, id.clone()))?;
    let found = call.archive().record(&permit, kind, &id).and_then(|record| seen(&sight, record));
    let (permit, mut record) = call.found(permit, "record.read", found)?;
    let added = links::complete(call, &permit, &mut record)?;
    let mut entry = shown("record.read", [&record]);
    entry.patients.extend(added.patients);
    // A 304 says that the reader's copy is current: a read like any other, so it is logged first.
    Ok(permit.answer(resource(call, &record, &added.tag), entry)?.into())
}

/// `GET /{kind}/{id}/_history/{version}`
pub fn vread(call: &Call) -> Result<Answer, ApiError> {
    super::want_json(call)?;
    let (kind, id) = (super::kind(call)?, call.id_param("id")?);
    let (permit, versions) = versions(call, kind, &id)?;
    let asked = call.param("version");
    match versions.iter().rev().find(|record| version_id(record) == asked) {
        Some(record) => {
            let entry = shown("record.read", [record]);
            Ok(permit.answer(resource(call, record, ""), entry)?.into())
        }
        None => {
            let mut entry = shown("record.read", []);
            entry.hits = Some(0);
            permit.answer((), entry)?;
            Err(ApiError::not_found())
        }
    }
}

/// `GET /{kind}/{id}/_history`: newest first.
pub fn history(call: &Call) -> Result<Answer, ApiError> {
    super::want_json(call)?;
    let (kind, id) = (super::kind(call)?, call.id_param("id")?);
    let (permit, versions) = versions(call, kind, &id)?;
    let links = [("self", format!("{}/fhir/{kind}/{id}/_history", call.base))];
    let size = versions.iter().map(|record| record.json.len() + 250).sum();
    let mut bundle = Bundle::new(&call.base, Type::History, Some(versions.len() as u64), &links, size);
    versions.iter().rev().for_each(|record| bundle.record(record, Mode::Match));
    let entry = shown("record.read", &versions);
    Ok(permit.answer(Body::new(FHIR_JSON, bundle.finish()), entry)?.into())
}

/// The versions that the token's scopes show, oldest first; none when they do not show the current one.
fn versions(call: &Call, kind: Kind, id: &ArchiveId) -> Result<(Permit, Vec<Record>), ApiError> {
    let sight = Sight::of(call)?;
    sight.want(kind, Act::Read)?;
    let permit = call.ask(Scope::Record(kind, id.clone()))?;
    let found = call.archive().versions(&permit, kind, id).and_then(|mut versions| {
        let current = versions.pop().ok_or(QueryError::NotFound)?;
        versions.retain(|version| sight.shows(Act::Read, version));
        versions.push(seen(&sight, current)?);
        Ok(versions)
    });
    call.found(permit, "record.read", found)
}

fn seen(sight: &Sight<'_>, record: Record) -> Result<Record, QueryError> {
    if sight.shows(Act::Read, &record) { Ok(record) } else { Err(QueryError::NotFound) }
}

/// The resource with its validators (`links` tells which were added), or 304 when the reader already has it (FHIR R4 §3.1.0.1.5).
fn resource(call: &Call, record: &Record, links: &str) -> Body {
    let tag = etag(record, links);
    let known = call.header("if-none-match").is_some_and(|tags| tags.split(',').any(|given| same_tag(given, &tag)));
    let mut body = if known {
        Body::new(FHIR_JSON, "").status(304)
    } else {
        let mut bytes = Vec::with_capacity(record.json.len() + 200);
        write_resource(&mut bytes, record);
        Body::new(FHIR_JSON, bytes)
    };
    if let Some(date) = last_updated(record).and_then(http_date) {
        body = body.with("Last-Modified", date);
    }
    body.with("ETag", tag)
}

/// Weak comparison (RFC 9110 §8.8.3.2).
fn same_tag(given: &str, tag: &str) -> bool {
    let given = given.trim();
    let opaque = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_string();
    given == "*" || opaque(given) == opaque(tag)
}

fn http_date(instant: &str) -> Option<String> {
    let stamp: jiff::Timestamp = instant.parse().ok()?;
    Some(stamp.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn validators_are_compared_weakly() {
        assert!(same_tag(" W/\"1\"", "W/\"1\"") && same_tag("\"1\"", "W/\"1\"") && same_tag("*", "W/\"1\""));
        assert!(!same_tag("W/\"2\"", "W/\"1\"") && !same_tag("", "W/\"1\""));
        assert_eq!(http_date("2014-03-02T08:00:00.5-05:00").unwrap(), "Sun, 02 Mar 2014 13:00:00 GMT");
        assert!(http_date("2014").is_none());
    }
}

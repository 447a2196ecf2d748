//! Accessions, the reconciliation of one, and its codes.
//!
//! Not for: the ledger itself (`ingest`).

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::{looked_at, saved_csv};
use crate::access::{Permit, Scope};
use crate::model::{AccessionId, Kind};
use crate::query::AccessionSummary;
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::Call;
use crate::server::viewer::{
    self, AccessionReport, AccessionRow, AccessionState, CodesFound, CodesPage, Declared, FileRow, Quarantine, SignOffRow,
    Totals, WithdrawnRow,
};
use crate::statements::{SignOff, Verdict};

/// `GET /accessions`
pub fn accessions(call: &Call) -> Result<Answer, ApiError> {
    let permit = call.ask(Scope::Accessions)?;
    let found = all(call, &permit)?;
    let rows: Vec<AccessionRow> = found.iter().map(accession_row).collect();
    let withdrawn = call.archive().custody(&permit)?.withdrawn;
    let withdrawn: Vec<WithdrawnRow> = withdrawn
        .into_iter()
        .map(|it| WithdrawnRow {
            id: it.accession.accession,
            source_system: it.accession.source_system,
            reason: it.reason,
            by: it.by,
            at: it.at,
            replaced_by: it.replaced_by,
        })
        .collect();
    let html = viewer::accessions(&super::super::frame(call), &rows, &withdrawn);
    Ok(permit.answer(Body::html(html), looked_at("accessions", rows.len() as u64))?.into())
}

/// In force and awaiting sign-off, in the order of publication.
fn all(call: &Call, permit: &Permit) -> Result<Vec<AccessionSummary>, ApiError> {
    let mut found = call.archive().accessions(permit)?;
    found.extend(call.archive().awaiting(permit)?);
    Ok(found)
}

/// The accession of the address. `None` is answered as absent, with its entry.
pub(super) fn named(call: &Call, permit: &Permit) -> Result<Option<(AccessionSummary, Vec<AccessionSummary>)>, ApiError> {
    let asked = call.param("accession");
    let found = all(call, permit)?;
    Ok(found.iter().find(|it| it.accession.as_str() == asked).cloned().map(|it| (it, found)))
}

pub(super) fn absent(permit: Permit, what: &str) -> ApiError {
    match permit.answer((), looked_at(what, 0)) {
        Ok(_) => ApiError::not_found(),
        Err(error) => error.into(),
    }
}

fn accession_row(it: &AccessionSummary) -> AccessionRow {
    AccessionRow {
        id: it.accession.to_string(),
        source_system: it.source_system.clone(),
        sealed: Some(it.sealed_at.clone()).filter(|at| !at.is_empty()),
        generation: it.generation,
        records: it.records,
        patients: it.patients,
        bytes: it.bytes,
        quarantined: it.quarantined,
        state: state_of(it),
    }
}

fn state_of(it: &AccessionSummary) -> AccessionState {
    let last = it.sign_offs.iter().rev().find(|(_, _, of_this_seal)| *of_this_seal);
    match last {
        _ if it.is_awaiting => AccessionState::Awaiting,
        None => AccessionState::InForce,
        Some((_, said, _)) if said.result == Verdict::Accepted => AccessionState::Signed,
        Some(_) => AccessionState::Rejected,
    }
}

/// `GET /accessions/{accession}?files=`: every record read, and what became of it.
pub fn accession(call: &Call) -> Result<Answer, ApiError> {
    let permit = call.ask(Scope::Accessions)?;
    let Some((it, others)) = named(call, &permit)? else { return Err(absent(permit, "accession")) };
    let codes = codes_of(call, &permit, &it)?;
    let page = call.query("files").and_then(|page| page.parse().ok());
    let html = viewer::accession(&super::super::frame(call), &report_of(&it, &others), &codes, page);
    Ok(permit.answer(Body::html(html), looked_at(format!("accession {}", it.accession), 1))?.into())
}

/// `GET /accessions/{accession}/files.csv`
pub fn files(call: &Call) -> Result<Answer, ApiError> {
    let permit = call.ask(Scope::Accessions)?;
    let Some((it, others)) = named(call, &permit)? else { return Err(absent(permit, "accession, saved")) };
    let report = report_of(&it, &others);
    let body = saved_csv(viewer::accession_csv(&report), &format!("{}-files.csv", it.accession));
    Ok(permit.answer(body, looked_at(format!("files of {}, saved", it.accession), report.files.len() as u64))?.into())
}

fn codes_of(call: &Call, permit: &Permit, it: &AccessionSummary) -> Result<CodesFound, ApiError> {
    if it.is_awaiting {
        return Ok(CodesFound::NotYet);
    }
    Ok(call.archive().codes(permit, &it.accession)?.into())
}

fn kind_asked(call: &Call) -> Option<Kind> {
    call.query("kind").and_then(Kind::from_name)
}

/// `GET /accessions/{accession}/codes?kind=&page=`
pub fn codes(call: &Call) -> Result<Answer, ApiError> {
    let permit = call.ask(Scope::Accessions)?;
    let Some((it, _)) = named(call, &permit)? else { return Err(absent(permit, "codes")) };
    let codes = codes_of(call, &permit, &it)?;
    let page = CodesPage {
        accession: it.accession.as_str(),
        source_system: &it.source_system,
        codes: &codes,
        kind: kind_asked(call),
        page: call.number("page", 1, 1_000)?,
    };
    let html = viewer::codes(&super::super::frame(call), &page);
    Ok(permit.answer(Body::html(html), looked_at(format!("codes of {}", it.accession), 1))?.into())
}

/// `GET /accessions/{accession}/codes.csv?kind=`
pub fn codes_csv(call: &Call) -> Result<Answer, ApiError> {
    let permit = call.ask(Scope::Accessions)?;
    let Some((it, _)) = named(call, &permit)? else { return Err(absent(permit, "codes, saved")) };
    let CodesFound::Counted(codes) = codes_of(call, &permit, &it)? else {
        permit.answer((), looked_at(format!("codes of {}, not counted yet", it.accession), 0))?;
        return Err(ApiError::new(503, "busy", "transient", "The codes are being counted. Try again in a minute.")
            .with("Retry-After", "30"));
    };
    let body =
        saved_csv(viewer::codes_csv(&codes, kind_asked(call), &super::super::today()), &format!("{}-codes.csv", it.accession));
    Ok(permit.answer(body, looked_at(format!("codes of {}, saved", it.accession), codes.unmapped.len() as u64))?.into())
}

pub(super) fn id_of(it: &AccessionSummary) -> &AccessionId {
    &it.accession
}

/// The page's view of a sealed report. A member that an older report lacks is left out.
fn report_of(it: &AccessionSummary, others: &[AccessionSummary]) -> AccessionReport {
    let json: Value = serde_json::from_str(&it.report_json).unwrap_or_default();
    let list = |name: &str| json.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let examples = list("quarantined");
    let first = |reason: &str| {
        let example = examples.iter().find(|example| text(example, "reason").starts_with(reason));
        example.map_or_else(String::new, |e| format!("{} item {}", text(e, "file"), number(e, "line")))
    };
    let reasons = json.get("quarantine_reasons").and_then(Value::as_object).into_iter().flatten();
    let quarantine = reasons
        .map(|(reason, count)| Quarantine {
            reason: reason.clone(),
            count: count.as_u64().unwrap_or_default(),
            first: first(reason),
        })
        .collect();
    let mut by_kind: Vec<(String, u64)> = it.by_kind.iter().map(|(kind, count)| (kind.clone(), *count)).collect();
    by_kind.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let read_again = |other: &&AccessionSummary| {
        let report: Value = serde_json::from_str(&other.report_json).unwrap_or_default();
        text(&report, "reprocess_of") == it.accession.as_str()
    };
    AccessionReport {
        row: accession_row(it),
        total: Totals {
            read: it.ledger.input,
            archived: it.ledger.archived,
            duplicates: it.ledger.duplicate,
            excluded: it.ledger.excluded,
            joined: it.ledger.joined,
            quarantined: it.ledger.quarantined,
        },
        versions: number(&json, "versions").min(it.ledger.archived),
        bytes_in: it.bytes_in,
        files: list("files").iter().map(|file| file_of(file, &json)).collect(),
        declared: declared_of(&json),
        by_kind,
        quarantine,
        read_again: others.iter().find(read_again).map(|other| other.accession.to_string()),
        sign_offs: it.sign_offs.iter().map(sign_off_row).collect(),
        years: years_of(&json),
        facts: facts_of(it, &json),
    }
}

fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_string()
}

fn number(value: &Value, name: &str) -> u64 {
    value.get(name).and_then(Value::as_u64).unwrap_or_default()
}

/// What the sending system declared beside the counts of files that came.
fn declared_of(report: &Value) -> Option<Declared> {
    let declared = report.get("declared")?;
    let words = |name: &str| declared.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let counts = |name: &str| declared.get(name).and_then(Value::as_object).into_iter().flatten();
    let files = report.get("files").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let came: BTreeSet<String> = files.iter().map(|file| text(file, "name")).collect();
    let missing = counts("files").filter(|(name, _)| !came.contains(*name));
    let read = report.get("by_kind").unwrap_or(&Value::Null);
    Some(Declared {
        from: words("from").chain(words("by")).collect::<Vec<_>>().join(", "),
        missing: missing.map(|(name, count)| (name.clone(), count.as_u64().unwrap_or_default())).collect(),
        kinds: counts("kinds")
            .map(|(kind, count)| (kind.clone(), count.as_u64().unwrap_or_default(), number(read, kind)))
            .collect(),
    })
}

fn file_of(value: &Value, report: &Value) -> FileRow {
    // Reports of the first version have no fates.
    let totals = value.get("fates").map(|fates| Totals {
        read: number(fates, "input"),
        archived: number(fates, "archived"),
        duplicates: number(fates, "duplicate"),
        excluded: number(fates, "excluded"),
        joined: number(fates, "joined"),
        quarantined: number(fates, "quarantined"),
    });
    FileRow {
        name: text(value, "name"),
        fate: text(value, "fate"),
        items: number(value, "items"),
        bytes: number(value, "bytes"),
        sha256: text(value, "sha256"),
        totals,
        declared: report.pointer("/declared/files").and_then(|files| files.get(text(value, "name"))?.as_u64()),
    }
}

fn years_of(report: &Value) -> BTreeMap<i32, BTreeMap<String, u64>> {
    let years = report.pointer("/profile/years").cloned().unwrap_or_default();
    serde_json::from_value(years).unwrap_or_default()
}

fn facts_of(it: &AccessionSummary, report: &Value) -> Vec<(String, String)> {
    let dangling = report.get("dangling").unwrap_or(&Value::Null);
    let or_none = |text: String| if text.is_empty() { "not recorded".to_string() } else { text };
    let mapping = match (text(report, "mapping"), text(report, "mapping_sha256")) {
        (version, digest) if digest.is_empty() => or_none(version),
        (version, digest) => format!("{version}, {digest}"),
    };
    vec![
        ("Sealed".into(), it.sealed_at.clone()),
        ("Merkle root".into(), it.merkle_root.clone()),
        ("Delivery’s digest".into(), or_none(text(report, "delivery_sha256"))),
        ("Mapping and its digest".into(), mapping),
        ("Zone of times that name none".into(), or_none(text(report, "time_zone"))),
        ("Read, and on disk".into(), format!("{}, {}", viewer::bytes(it.bytes_in), viewer::bytes(it.bytes))),
        ("Newest date in the data".into(), it.data_to.clone().unwrap_or_else(|| "not recorded".into())),
        (
            "References that lead nowhere".into(),
            format!("{}, to {} targets; kept as written", number(dangling, "references"), number(dangling, "targets")),
        ),
    ]
}

fn sign_off_row((at, it, of_this_seal): &(Timestamp, SignOff, bool)) -> SignOffRow {
    SignOffRow {
        at: at.strftime("%Y-%m-%d").to_string(),
        reviewer: it.reviewer.clone(),
        accepted: it.result == Verdict::Accepted,
        note: it.note.clone(),
        sampled: it.sample.len() as u64,
        seed: it.seed.clone(),
        of_this_seal: *of_this_seal,
    }
}

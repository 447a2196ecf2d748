//! The reports on the access log, for compliance; accessions, for the archivist.
//!
//! Not for: verifying the log.

use jiff::Timestamp;
use serde_json::Value;

use crate::access::{Public, Role, Scope, Shown};
use crate::model::PatientKey;
use crate::query::AccessionSummary;
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::api::access::{Asked, REPORT_PAGE, until_text};
use crate::server::call::Call;
use crate::server::viewer::{self, AccessReport, AccessionReport, AccessionRow, FileRow, Quarantine, SignOffRow, Totals};
use crate::statements::{SignOff, Verdict};

/// Delivered files listed in a report.
const FILES_SHOWN: usize = 500;

/// `GET /patients/{patient}/access`
pub fn who_looked_at(call: &Call) -> Result<Answer, ApiError> {
    super::looks::of_patient(call, &call.patient_param("patient")?)
}

/// `GET /access/reports/{report}`: a page of a report, or with `format=csv` or `json` the whole of it.
pub fn report(call: &Call) -> Result<Answer, ApiError> {
    if matches!(call.query("format"), Some("csv" | "json")) {
        return crate::server::api::access::report(call);
    }
    let parameters = call.query.iter().filter(|(name, value)| !value.is_empty() && name != "format").cloned().collect();
    page(call, &Asked::of(call, REPORT_PAGE)?, call.param("report"), parameters)
}

fn page(call: &Call, asked: &Asked, name: &str, parameters: Vec<(String, String)>) -> Result<Answer, ApiError> {
    asked.answer(call, |report| {
        let until = until_text(&report.stands_at);
        Ok(Body::html(viewer::access_report(&super::frame(call), &AccessReport { report, name, parameters, until: &until })))
    })
}

/// Records of one entry whose kinds are told on its page.
const TOLD: usize = 2_000;

/// `GET /access/entries/{entry}`: everything that one entry says, its records by kind and date.
pub fn entry(call: &Call) -> Result<Answer, ApiError> {
    let asked =
        call.param("entry").split_once(':').and_then(|(stream, seq)| Some((stream.to_string(), seq.parse::<u64>().ok()?)));
    let place = asked.ok_or_else(ApiError::not_found)?;
    let permit = call.ask(Scope::AuditLog(None))?;
    let projection = call.app.oversight()?;
    projection.catch_up()?;
    let found = projection.originals(std::slice::from_ref(&place))?.remove(&place);
    let line = found.as_ref().map(|original| original.line()).unwrap_or_default();
    let keys = line.patients.iter().filter_map(|patient| PatientKey::parse(&patient.archive_id));
    let shown = Shown {
        event: "audit.query",
        patients: keys.collect(),
        hits: Some(u64::from(found.is_some())),
        query: Some(format!("entry={}:{}", place.0, place.1)),
        ..Shown::default()
    };
    let Some(original) = found else {
        permit.answer((), shown)?;
        return Err(ApiError::not_found());
    };
    let places: Vec<_> = line.places().take(TOLD).collect();
    let told = call.archive().told(&permit, &places)?;
    let html = viewer::access_entry(&super::frame(call), &original, &line, &told);
    Ok(permit.answer(Body::html(html), shown)?.into())
}

/// `GET /accessions`
pub fn accessions(call: &Call) -> Result<Answer, ApiError> {
    let principal = call.principal()?;
    if principal.role == Role::Admin {
        // An administrator has no right to the archive's content; his tools are the command line's.
        return Ok(Public(super::error_of(call, &ApiError::forbidden())).into());
    }
    let permit = call.ask(Scope::Accessions)?;
    let found = call.archive().accessions(&permit)?;
    let rows: Vec<AccessionRow> = found.iter().map(accession_row).collect();
    let html = viewer::accessions(&super::frame(call), &rows);
    Ok(permit.answer(Body::html(html), shown_accessions(rows.len()))?.into())
}

fn shown_accessions(count: usize) -> Shown {
    Shown { event: "audit.query", hits: Some(count as u64), query: Some("accessions".into()), ..Shown::default() }
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
        state: "in force".into(),
    }
}

/// `GET /accessions/{accession}`: every record read, and what became of it.
pub fn accession(call: &Call) -> Result<Answer, ApiError> {
    let permit = call.ask(Scope::Accessions)?;
    let asked = call.param("accession");
    let found = call.archive().accessions(&permit)?;
    let Some(it) = found.iter().find(|it| it.accession.as_str() == asked) else {
        permit.answer((), shown_accessions(0))?;
        return Err(ApiError::not_found());
    };
    let html = viewer::accession(&super::frame(call), &report_of(it));
    Ok(permit.answer(Body::html(html), shown_accessions(1))?.into())
}

/// The page's view of a sealed report. A member that an older report lacks is left out.
fn report_of(it: &AccessionSummary) -> AccessionReport {
    let json: Value = serde_json::from_str(&it.report_json).unwrap_or_default();
    let list = |name: &str| json.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_string();
    let number = |value: &Value, name: &str| value.get(name).and_then(Value::as_u64).unwrap_or_default();
    let file = |value: &Value| FileRow {
        name: text(value, "name"),
        fate: text(value, "fate"),
        items: number(value, "items"),
        bytes: number(value, "bytes"),
        sha256: text(value, "sha256"),
    };
    let examples = list("quarantined");
    let first = |reason: &str| {
        let example = examples.iter().find(|example| text(example, "reason").starts_with(reason));
        example.map_or_else(String::new, |e| format!("{}, item {}", text(e, "file"), number(e, "line")))
    };
    let reasons = json.get("quarantine_reasons").and_then(Value::as_object).into_iter().flatten();
    let quarantine = reasons
        .map(|(reason, count)| Quarantine {
            reason: reason.clone(),
            count: count.as_u64().unwrap_or_default(),
            first: first(reason),
        })
        .collect();
    let dangling = json.get("dangling").unwrap_or(&Value::Null);
    let mut by_kind: Vec<(String, u64)> = it.by_kind.iter().map(|(kind, count)| (kind.clone(), *count)).collect();
    by_kind.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
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
        more_files: list("files").len().saturating_sub(FILES_SHOWN) as u64,
        files: list("files").iter().take(FILES_SHOWN).map(file).collect(),
        by_kind,
        quarantine,
        sign_offs: it.sign_offs.iter().map(sign_off_row).collect(),
        facts: vec![
            ("Merkle root".into(), it.merkle_root.clone()),
            ("Read".into(), viewer::bytes(it.bytes_in)),
            ("On disk".into(), viewer::bytes(it.bytes)),
            ("Newest date in the data".into(), it.data_to.clone().unwrap_or_else(|| "not recorded".into())),
            (
                "References that lead nowhere".into(),
                format!("{}, to {} targets; kept as written", number(dangling, "references"), number(dangling, "targets")),
            ),
        ],
    }
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

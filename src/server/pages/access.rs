//! Who looked at a chart, for compliance; accessions, for the archivist.
//!
//! Not for: verifying the log.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::access::{Public, Role, Scope, Shown};
use crate::audit::{self, Found};
use crate::model::{ChartIndex, PatientIdentity, PatientKey};
use crate::query::AccessionSummary;
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::api::access::{entries_about, shown_entries};
use crate::server::call::Call;
use crate::server::viewer::{
    self, AccessRow, AccessionReport, AccessionRow, FileRow, Quarantine, RecentRow, SignOffRow, Totals, WhoLooked,
};
use crate::statements::{SignOff, Verdict};

const PAGE_SIZE: usize = 50;
/// Entries of the log read for the newest accesses.
const RECENT_READ: usize = 500;
/// Delivered files listed in a report.
const FILES_SHOWN: usize = 500;

/// `GET /access?patient=`
pub fn who_looked(call: &Call) -> Result<Answer, ApiError> {
    let asked = call.query("patient").unwrap_or("").trim();
    match PatientKey::parse(asked) {
        Some(patient) => about(call, patient, asked),
        None => {
            // Only compliance may even see the empty form: the gate is asked, and what it allows is answered.
            let permit = call.ask(Scope::AuditLog(None))?;
            let recent = recent(call)?;
            let page = WhoLooked { asked, recent: &recent, page_size: PAGE_SIZE, ..WhoLooked::default() };
            let html = viewer::who_looked(&super::frame(call), &page);
            Ok(permit.answer(Body::html(html), shown_entries(None, recent.len()))?.into())
        }
    }
}

/// The newest entries that name a patient, a row for each patient named; at most a page of them.
fn recent(call: &Call) -> Result<Vec<RecentRow>, ApiError> {
    let query = audit::Query { limit: RECENT_READ, ..audit::Query::default() };
    let found = audit::read(&call.app.folder, &query).map_err(|error| {
        tracing::error!(%error, "the access log cannot be read");
        ApiError::internal()
    })?;
    let rows = found.iter().flat_map(|found| {
        let patients = found.entry.get("patients").and_then(Value::as_array).into_iter().flatten();
        let access = row(found);
        let key = |patient: &Value| patient.get("archive_id").and_then(Value::as_str).map(str::to_string);
        patients.filter_map(key).map(move |patient| RecentRow { access: access.clone(), patient })
    });
    Ok(rows.filter(|row| !row.access.is_about_log).take(PAGE_SIZE).collect())
}

/// `GET /patients/{patient}/access`
pub fn who_looked_at(call: &Call) -> Result<Answer, ApiError> {
    about(call, call.patient_param("patient")?, call.param("patient"))
}

fn about(call: &Call, patient: PatientKey, asked: &str) -> Result<Answer, ApiError> {
    let permit = call.ask(Scope::AuditLog(Some(patient.clone())))?;
    let found = entries_about(call, &patient)?;
    // Compliance sees who the chart is of when the archive allows it, and the bare key otherwise.
    let index = call.archive().chart_index(&permit, &patient).unwrap_or_else(|_| bare(&patient));
    let people: BTreeSet<String> = found.iter().map(|found| text(&found.entry, "/user/sub")).collect();
    let offset = super::offset(call, PAGE_SIZE);
    let rows: Vec<AccessRow> = found.iter().skip(offset).take(PAGE_SIZE).map(row).collect();
    let page = WhoLooked {
        asked,
        patient: Some(&index),
        rows: &rows,
        total: found.len() as u64,
        people: people.len() as u64,
        offset,
        page_size: PAGE_SIZE,
        ..WhoLooked::default()
    };
    let html = viewer::who_looked(&super::frame(call), &page);
    Ok(permit.answer(Body::html(html), shown_entries(Some(patient), found.len()))?.into())
}

fn bare(patient: &PatientKey) -> ChartIndex {
    ChartIndex {
        patient: patient.clone(),
        identity: PatientIdentity::default(),
        counts: Vec::new(),
        coverage: Vec::new(),
        cutover: None,
        linked: Vec::new(),
    }
}

fn text(entry: &Map<String, Value>, pointer: &str) -> String {
    let mut parts = pointer.split('/').skip(1);
    let first = parts.next().and_then(|name| entry.get(name));
    let value = parts.try_fold(first, |value, part| {
        let value = value?;
        Some(part.parse::<usize>().ok().and_then(|n| value.get(n)).or_else(|| value.get(part)))
    });
    value.flatten().and_then(Value::as_str).unwrap_or("").to_string()
}

fn row(found: &Found) -> AccessRow {
    let entry = &found.entry;
    let shown = entry.get("shown").and_then(Value::as_array);
    let records = shown.into_iter().flatten().filter_map(|group| group.get("count")?.as_u64()).sum();
    let name = text(entry, "/user/name");
    AccessRow {
        at: found.ts.to_string(),
        who: if name.is_empty() { text(entry, "/user/sub") } else { name },
        role: Role::from_name(&text(entry, "/user/roles/0")),
        purpose: purpose_in_words(&text(entry, "/purpose/0/code")),
        what: event_in_words(&text(entry, "/event"), records),
        records,
        from: Some(text(entry, "/net/ip")).filter(|ip| !ip.is_empty()),
        refused: text(entry, "/outcome") != "0",
        entry: format!("{}:{}", found.stream, found.seq),
        is_about_log: text(entry, "/event") == "audit.query",
    }
}

fn purpose_in_words(code: &str) -> String {
    let words = match code {
        "TREAT" => "Treatment",
        "HOPERAT" => "Operations",
        "HLEGAL" => "Legal request",
        "RECORDMGT" => "Records management",
        "PATRQT" => "Patient's request",
        "HCOMPL" => "Compliance",
        "HSYSADMIN" => "System administration",
        other => other,
    };
    words.to_string()
}

fn event_in_words(event: &str, records: u64) -> String {
    let words = match event {
        "patient.search" if records > 0 => "Found in a search, not opened",
        "patient.search" => "Searched for, not found",
        "record.read" if records > 0 => "Chart or record shown",
        "record.read" => "Asked for; nothing was shown",
        "record.search" => "Searched in the chart",
        "record.everything" => "Whole chart shown",
        "document.view" => "Document shown",
        "document.download" => "Document downloaded",
        "document.print" => "Document printed",
        "export.bulk.start" | "export.bulk.file" | "export.bulk.end" => "Exported",
        "authz.denied" => "Refused",
        "audit.query" => "Access log read",
        other => other,
    };
    words.to_string()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_becomes_a_row_for_lay_people() {
        let entry = serde_json::json!({
            "event": "record.read", "outcome": "0", "user": {"sub": "u1", "name": "Ann Quill", "roles": ["clinician"]},
            "purpose": [{"code": "TREAT"}], "net": {"ip": "10.0.0.1"}, "shown": [{"count": 3}, {"count": 4}]
        });
        let found =
            Found { stream: "s".into(), seq: 7, ts: jiff::Timestamp::UNIX_EPOCH, entry: entry.as_object().unwrap().clone() };
        let row = row(&found);
        assert_eq!((row.who.as_str(), row.role, row.records, row.refused), ("Ann Quill", Some(Role::Clinician), 7, false));
        assert_eq!((row.purpose.as_str(), row.what.as_str(), row.entry.as_str()), ("Treatment", "Chart or record shown", "s:7"));
        assert_eq!(event_in_words("patient.search", 0), "Searched for, not found");
    }
}

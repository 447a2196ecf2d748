//! All there is of one person, in a folder that explains itself: records as FHIR in lines, documents as files, and the source
//! records that they were made of (45 CFR 170.315(b)(10)).
//!
//! What the permit hides is not in it, and nothing says that there is any. Not for: packages with pages and a certificate
//! (`release`).

use std::collections::{BTreeSet, VecDeque};
use std::path::Path;

use super::ExportError;
use super::files::{FileEntry, Lines, folder, line_of, put, shown};
use super::manifest::Manifest;
use super::whole::{Ask, document_ids, documents};
use crate::access::{Permit, Scope, Shown, is_directory};
use crate::limits::{EXPORT_FILE_BYTES, PERSON_DIRECTORY_MAX};
use crate::model::{ArchiveId, Kind, PatientKey, Record};
use crate::query::{Archive, QueryError, Selection};

/// What the gate is asked for: leave for an export of the person who has this key.
pub fn scope(archive: &Archive, patient: &PatientKey) -> Scope {
    match archive.chart_scope(patient) {
        Scope::Person(keys) => Scope::Ehi(keys),
        _ => Scope::Ehi(vec![patient.clone()]),
    }
}

/// Writes the export of a person into an empty folder. `ask` gives permits of the [`scope`] of `patient`.
///
/// # Errors
/// `Query(NotFound)` for a patient who is not there or not to be seen.
pub fn person(archive: &Archive, ask: Ask<'_>, patient: &PatientKey, purpose: &str, dir: &Path) -> Result<Manifest, ExportError> {
    let about = "export of a person";
    let permit = ask()?;
    let keys = permit.scope().patients().to_vec();
    let chart = match archive.chart(&permit, patient, &Selection::default()) {
        Ok(chart) => chart,
        Err(error) => {
            if matches!(error, QueryError::NotFound) {
                permit.answer((), Shown { event: "export.bulk.file", hits: Some(0), ..Shown::default() })?;
            }
            return Err(error.into());
        }
    };
    let mut records = chart.records;
    records.extend(directory(archive, &permit, &records)?);
    let sources = archive.sources_of(&permit, patient)?;
    let entry = shown(about, &records);
    let records = permit.answer(records, entry)?.into_inner();

    folder(dir, "fhir")?;
    let name = |kind: Kind, number: u32| match number {
        1 => format!("fhir/{kind}.ndjson"),
        _ => format!("fhir/{kind}-{number}.ndjson"),
    };
    let mut lines = Lines::new(dir, EXPORT_FILE_BYTES, &name);
    for record in &records {
        lines.push(record.kind, &line_of(record.json.as_bytes()))?;
    }
    let facts = archive.facts();
    let mut manifest = Manifest::new("person", &facts.archive, &archive.state(), purpose);
    manifest.files = lines.finish()?;
    let holders: Vec<Record> = records.into_iter().filter(|record| !document_ids(&record.json).is_empty()).collect();
    manifest.files.extend(documents(archive, ask, about, &holders, dir, "documents")?);
    if !sources.is_empty() {
        folder(dir, "sources")?;
    }
    for (number, source) in sources.iter().enumerate() {
        manifest.files.extend(source_file(archive, ask, source, number, dir)?);
    }
    manifest.patients = shown_keys(archive, ask, patient, keys)?;
    manifest.write(dir)
}

/// The keys of the person that the export speaks of; one that is hidden is not named.
fn shown_keys(archive: &Archive, ask: Ask<'_>, patient: &PatientKey, keys: Vec<PatientKey>) -> Result<Vec<String>, ExportError> {
    if keys.len() <= 1 {
        return Ok(vec![patient.to_string()]);
    }
    let permit = ask()?;
    let linked = archive.patient_links(&permit, patient)?;
    let mut shown = vec![patient.to_string()];
    shown.extend(linked.iter().map(|(key, _)| key.to_string()));
    let entry = Shown { event: "export.bulk.file", query: Some("export of a person: keys".into()), ..Shown::default() };
    Ok(permit.answer(shown, entry)?.into_inner())
}

fn source_file(
    archive: &Archive,
    ask: Ask<'_>,
    source: &crate::query::SourceRef,
    number: usize,
    dir: &Path,
) -> Result<Option<FileEntry>, ExportError> {
    let permit = ask()?;
    let Some(item) = archive.source(&permit, source)? else {
        permit.answer((), Shown { event: "export.bulk.file", hits: Some(0), ..Shown::default() })?;
        return Ok(None);
    };
    let entry = Shown {
        event: "export.bulk.file",
        places: item.places.clone(),
        kinds: item.kinds.clone(),
        label: item.label,
        hits: Some(item.places.len() as u64),
        query: Some("export of a person: source record".into()),
        ..Shown::default()
    };
    let item = permit.answer(item, entry)?.into_inner();
    let path = format!("sources/{number:06}.{}", ending_of(&item.form));
    let entry = put(dir, path, "application/octet-stream", &item.bytes)?;
    let entry = entry.about("file", &item.file).about("number", &item.number.to_string());
    Ok(Some(entry.about("form", &item.form).about("accession", item.accession.as_str())))
}

/// The ending for a source record of this form (`hl7v2:ORU^R01`, `cda`, a table's name).
fn ending_of(form: &str) -> &'static str {
    match form.split(':').next().unwrap_or("") {
        "hl7v2" => "hl7",
        "cda" | "ccda" => "xml",
        _ => "txt",
    }
}

/// Those who wrote the records and the places where, and whom these name in turn.
fn directory(archive: &Archive, permit: &Permit, records: &[Record]) -> Result<Vec<Record>, ExportError> {
    let mut known: BTreeSet<(Kind, ArchiveId)> = records.iter().map(|record| (record.kind, record.id.clone())).collect();
    let mut waiting: VecDeque<(Kind, ArchiveId)> = records.iter().flat_map(|record| references(&record.json)).collect();
    let mut found = Vec::new();
    while let Some(name) = waiting.pop_front() {
        if !known.insert(name.clone()) {
            continue;
        }
        match archive.record(permit, name.0, &name.1) {
            Ok(record) => {
                waiting.extend(references(&record.json));
                found.push(record);
            }
            Err(QueryError::NotFound | QueryError::OutOfScope) => {}
            Err(error) => return Err(error.into()),
        }
        if found.len() == PERSON_DIRECTORY_MAX {
            break;
        }
    }
    found.sort_by(|a, b| (a.kind, &a.id).cmp(&(b.kind, &b.id)));
    Ok(found)
}

/// The directory records that a record refers to.
fn references(json: &str) -> Vec<(Kind, ArchiveId)> {
    let mut named = Vec::new();
    for (at, lead) in json.match_indices("\"reference\"") {
        let rest = json[at + lead.len()..].trim_start();
        let Some(text) = rest.strip_prefix(':').map(str::trim_start).and_then(|rest| rest.strip_prefix('"')) else { continue };
        let text = text.split('"').next().unwrap_or("");
        let name = text.split_once('/').and_then(|(kind, id)| Some((Kind::from_name(kind)?, ArchiveId::parse(id)?)));
        named.extend(name.filter(|(kind, _)| is_directory(*kind)));
    }
    named
}

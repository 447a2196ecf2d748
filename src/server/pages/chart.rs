//! The pages of a chart: sections, the trend of a test, single records, words found in it.
//!
//! Not for: documents (`documents`).

use std::collections::HashSet;

use crate::access::{Permit, Public, Scope, Shown};
use crate::model::{ArchiveId, Chart, Kind, PatientKey, Record};
use crate::query::{PageOf, QueryError, Selection, Source, TextHit, TextHits};
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::api;
use crate::server::call::{Call, shown, together};
use crate::server::viewer::{self, Frame, Names, Opened, Query, RecordPage, SearchPage, Section};

/// Records of a kind that the summary looks at: enough for what is current, and bounded for the largest chart.
const SUMMARY_NEWEST: usize = 1_000;
/// Records of a kind on any other page of a chart. A page that has more to show says so.
const SECTION_NEWEST: usize = 2_000;
/// Observations that are fetched one by one for a page whose newest ones are of another test.
const FETCHED_MAX: usize = 1_000;
const HITS_SIZE: usize = 20;
/// Stands where a code stands, for the page of corrections; no code has a space in it.
const CORRECTED: &str = "corrected records";

/// `GET /patients/{patient}`
pub fn summary(call: &Call) -> Result<Answer, ApiError> {
    page(call, Section::Summary)
}

/// `GET /patients/{patient}/{section}`
pub fn section(call: &Call) -> Result<Answer, ApiError> {
    let section =
        Section::from_slug(call.param("section")).filter(|section| !matches!(section, Section::Summary | Section::Timeline));
    page(call, section.ok_or_else(ApiError::not_found)?)
}

fn page(call: &Call, section: Section) -> Result<Answer, ApiError> {
    let newest = if section == Section::Summary { SUMMARY_NEWEST } else { SECTION_NEWEST };
    let mut selection = Selection { kinds: section.kinds(), newest: Some(newest) };
    if section == Section::Everything {
        let kind = call.query("kind").and_then(Kind::from_name);
        if let Some(kind) = kind.filter(|kind| call.query("source").is_none() && !banner_kinds().contains(kind)) {
            return page_of(call, kind);
        }
        // The list of kinds needs counts alone. What one source has is told apart after reading, as far back as asked for.
        selection.kinds = banner_kinds();
        selection.kinds.extend(kind);
        let until = super::offset(call, viewer::Paging::ROWS) + viewer::Paging::ROWS;
        selection.newest = Some(until.next_multiple_of(SECTION_NEWEST));
    }
    let until = super::offset(call, viewer::Paging::ROWS) + viewer::Paging::ROWS;
    if !matches!(section, Section::Summary | Section::Everything) {
        selection.newest = Some(until.next_multiple_of(newest));
    }
    if section == Section::Origins {
        selection.kinds = banner_kinds();
    }
    if section == Section::Corrections {
        return corrections(call);
    }
    with_chart(call, &selection, None, |frame, chart| Ok(viewer::section(frame, chart, section, &Query::new(call.query.clone()))))
}

/// All records of a kind, of which there may be as many as a chart holds: those of the page alone are read and named in the entry.
fn page_of(call: &Call, kind: Kind) -> Result<Answer, ApiError> {
    let rows = viewer::Paging::ROWS;
    let page = PageOf { kind, from: super::offset(call, rows), rows };
    let read = |permit: &Permit, patient: &PatientKey| call.archive().chart_page(permit, patient, page, banner_kinds());
    with_read(call, read, None, |frame, chart| {
        Ok(viewer::section(frame, chart, Section::Everything, &Query::new(call.query.clone())))
    })
}

/// Corrected records may be of any kind and age: those of the page are read by name.
fn corrections(call: &Call) -> Result<Answer, ApiError> {
    let selection = Selection { kinds: banner_kinds(), newest: None };
    with_chart(call, &selection, Some(CORRECTED), |frame, chart| {
        Ok(viewer::section(frame, chart, Section::Corrections, &Query::new(call.query.clone())))
    })
}

/// `GET /patients/{patient}/results/{code}`
pub fn trend(call: &Call) -> Result<Answer, ApiError> {
    let selection = Selection { kinds: Section::Vitals.kinds(), newest: Some(SECTION_NEWEST) };
    with_chart(call, &selection, Some(call.param("code")), |frame, chart| {
        viewer::trend(frame, chart, call.param("code"), &Query::new(call.query.clone())).ok_or_else(ApiError::not_found)
    })
}

/// Opens the chart, draws it, and answers with an entry that names every record that the page was given.
fn with_chart(
    call: &Call,
    selection: &Selection,
    code: Option<&str>,
    draw: impl FnOnce(&Frame, &Chart) -> Result<String, ApiError>,
) -> Result<Answer, ApiError> {
    with_read(call, |permit, patient| call.archive().chart(permit, patient, selection), code, draw)
}

/// The same with a chart that was read in another way.
fn with_read(
    call: &Call,
    read: impl FnOnce(&Permit, &PatientKey) -> Result<Chart, QueryError>,
    code: Option<&str>,
    draw: impl FnOnce(&Frame, &Chart) -> Result<String, ApiError>,
) -> Result<Answer, ApiError> {
    let patient = call.patient_param("patient")?;
    let permit = call.ask_chart(&patient)?;
    let found = read(&permit, &patient);
    let paper = super::paper(call, &permit, &patient);
    // A page that leaves on paper has the entry of a print, which says what it was.
    let event = if paper.is_asked() { "document.print" } else { "record.read" };
    let (permit, mut chart) = call.found(permit, event, found)?;
    if code == Some(CORRECTED) {
        fetch_corrected(call, &permit, &mut chart);
    } else {
        fetch_results(call, &permit, &mut chart, code);
    }
    let mut entry = shown(event, &chart.records);
    entry.hits = Some(chart.records.len() as u64);
    entry.query = paper.back.clone();
    if !entry.patients.contains(&patient) {
        entry.patients.push(patient);
    }
    let looked = call.app.directory.look(call.archive(), &permit, &chart.records);
    looked.add_to(&mut entry);
    match draw(&Frame { paper, ..super::chart_frame(call, &permit, &chart, looked.names) }, &chart) {
        Ok(page) => Ok(permit.answer(Body::html(page), entry)?.into()),
        Err(error) => {
            permit.answer((), entry)?;
            Err(error)
        }
    }
}

/// In a chart with more observations than a page reads, the newest are often all of one monitor. Adds those of the code
/// asked for, or else the results that the newest reports name.
fn fetch_results(call: &Call, permit: &Permit, chart: &mut Chart, code: Option<&str>) {
    let Some(kind) = Kind::from_name("Observation") else { return };
    let held = chart.index.counts.iter().find(|c| c.kind == kind).map_or(0, |c| c.count);
    let at_hand: HashSet<ArchiveId> = chart.records.iter().filter(|r| r.kind == kind).map(|r| r.id.clone()).collect();
    if at_hand.is_empty() || at_hand.len() as u64 >= held {
        return;
    }
    let wanted: Vec<ArchiveId> = match code {
        Some(code) => {
            let values = call.archive().series(permit, &chart.index.patient, code).unwrap_or_default();
            values.into_iter().rev().map(|value| value.record).collect()
        }
        None => chart.records.iter().rev().filter(|r| r.kind.name() == "DiagnosticReport").flat_map(results_of).collect(),
    };
    let missing = wanted.into_iter().filter(|id| !at_hand.contains(id)).take(FETCHED_MAX);
    let fetched: Vec<Record> = missing.filter_map(|id| call.archive().record(permit, kind, &id).ok()).collect();
    chart.records.extend(fetched);
}

/// Adds the corrected records, as many as a page of a chart reads.
fn fetch_corrected(call: &Call, permit: &Permit, chart: &mut Chart) {
    let Some(census) = call.app.tallies.of(call.archive(), chart, permit) else { return };
    let at_hand: HashSet<(Kind, ArchiveId)> = chart.records.iter().map(|r| (r.kind, r.id.clone())).collect();
    let missing = census.corrected(None).filter(|(kind, id)| !at_hand.contains(&(*kind, (*id).clone())));
    let found: Vec<Record> =
        missing.take(SECTION_NEWEST).filter_map(|(kind, id)| call.archive().record(permit, kind, id).ok()).collect();
    chart.records.extend(found);
}

/// The observations that a report names as its results.
fn results_of(report: &Record) -> Vec<ArchiveId> {
    let json: serde_json::Value = serde_json::from_str(&report.json).unwrap_or_default();
    let results = json.get("result").and_then(serde_json::Value::as_array).into_iter().flatten();
    let id = |result: &serde_json::Value| ArchiveId::parse(result.get("reference")?.as_str()?.strip_prefix("Observation/")?);
    results.filter_map(id).collect()
}

/// What the banner needs beside a record or a document.
pub fn banner_kinds() -> Vec<Kind> {
    ["Patient", "AllergyIntolerance"].into_iter().filter_map(Kind::from_name).collect()
}

/// `GET /patients/{patient}/records/{kind}/{id}`
pub fn record(call: &Call) -> Result<Answer, ApiError> {
    let patient = call.patient_param("patient")?;
    let permit = call.ask_chart(&patient)?;
    let found = call.archive().chart(&permit, &patient, &Selection { kinds: banner_kinds(), newest: None });
    let (permit, chart) = call.found(permit, "record.read", found)?;
    show_record(call, permit, Some(&chart))
}

/// `GET /records/{kind}/{id}`: a record without a patient, or reached without his chart.
pub fn record_alone(call: &Call) -> Result<Answer, ApiError> {
    let (kind, id) = (call.kind_param("kind")?, call.id_param("id")?);
    let permit = call.ask(Scope::Record(kind, id))?;
    show_record(call, permit, None)
}

fn show_record(call: &Call, permit: Permit, chart: Option<&Chart>) -> Result<Answer, ApiError> {
    let (kind, id): (Kind, ArchiveId) = (call.kind_param("kind")?, call.id_param("id")?);
    let found = call.archive().versions(&permit, kind, &id);
    let (permit, versions) = call.found(permit, "record.read", found)?;
    let asked = call.query("version").and_then(|version| version.parse::<u32>().ok());
    let record = match asked {
        Some(version) => versions.iter().find(|record| record.version == version),
        None => versions.last(),
    };
    let record: &Record = record.ok_or_else(ApiError::not_found)?;
    let origin = call.archive().origin(&permit, kind, &id, Some(record.version)).ok().map(|(_, origin)| origin);
    let reassigned = call.archive().reassignment(&permit, kind, &id);
    let intact = call.archive().intact(&permit, kind, &id, record.version).ok();
    let page = RecordPage { record, versions: &versions, origin: origin.as_ref(), intact, reassigned: reassigned.as_ref() };
    let made_with = match origin.as_ref().map(|o| &o.source) {
        Some(Source::Shown { beside, .. }) => beside.as_slice(),
        _ => &[],
    };
    let beside = chart.map_or(&[][..], |chart| &chart.records);
    let mut entry = shown("record.read", beside.iter().chain([record]).chain(made_with));
    let looked = call.app.directory.look(call.archive(), &permit, [record]);
    looked.add_to(&mut entry);
    let frame = match chart {
        Some(chart) => super::chart_frame(call, &permit, chart, looked.names),
        None => Frame { names: looked.names, ..super::frame(call) },
    };
    let html = viewer::record(&frame, chart, &page);
    Ok(permit.answer(Body::html(html), entry)?.into())
}

/// `GET /patients/{patient}/search?q=&page=`
pub fn search(call: &Call) -> Result<Answer, ApiError> {
    let patient = call.patient_param("patient")?;
    if call.query("q").is_none_or(|q| q.trim().is_empty()) {
        return Ok(Public(Body::see_other(format!("/patients/{patient}"))).into());
    }
    let mut question = api::search::read(call, Some(patient.clone()))?;
    (question.offset, question.limit) = (super::offset(call, HITS_SIZE), HITS_SIZE);
    let permit = call.ask_chart(&patient)?;
    let found = call.archive().chart(&permit, &patient, &Selection { kinds: banner_kinds(), newest: None });
    let (permit, chart) = call.found(permit, "record.search", found)?;
    let hits = call.archive().search_text(&permit, &question)?;
    let q = call.query("q").unwrap_or("").trim();
    let (opened, unseen) = (opened(call, &permit, &hits), call.archive().unseen(&permit));
    let page = SearchPage { q, found: Some(&hits), opened: &opened, unseen: &unseen, ..search_page(call, question.offset) };
    let frame = super::chart_frame(call, &permit, &chart, Names::default());
    let html = viewer::search(&frame, &chart, &page);
    let mut entry = api::search::shown_hits(call, Some(patient), &hits);
    let beside = shown("record.search", &chart.records);
    entry.places.extend(beside.places);
    entry.label = entry.label.union(beside.label);
    entry.kinds.extend(beside.kinds.into_iter().filter(|kind| !entry.kinds.contains(kind)).collect::<Vec<_>>());
    Ok(permit.answer(Body::html(html), entry)?.into())
}

/// A page of hits of this request, without the hits.
fn search_page<'a>(call: &Call, offset: usize) -> SearchPage<'a> {
    SearchPage { query: Query::new(call.query.clone()), offset, size: HITS_SIZE, ..SearchPage::default() }
}

/// The document that each hit opens, and how it stands. Reads what the hits name anyway.
fn opened(call: &Call, permit: &Permit, hits: &TextHits) -> Vec<Opened> {
    let record = |hit: &TextHit| call.archive().record(permit, hit.kind, &hit.id);
    hits.hits.iter().map(|hit| record(hit).map_or_else(|_| Opened::default(), |record| Opened::of(&record))).collect()
}

/// `GET /search?q=&page=`: words found in all charts, with whose each hit is.
pub fn search_all(call: &Call) -> Result<Answer, ApiError> {
    let q = call.query("q").unwrap_or("").trim();
    let frame = super::frame(call);
    let permit = call.ask(Scope::SearchAll)?;
    if q.is_empty() {
        let entry = Shown { event: "record.search", hits: Some(0), ..Shown::default() };
        return Ok(permit.answer(Body::html(viewer::search_all(&frame, &SearchPage::default())), entry)?.into());
    }
    let mut question = api::search::read(call, None)?;
    (question.offset, question.limit) = (super::offset(call, HITS_SIZE), HITS_SIZE);
    let hits = call.archive().search_text(&permit, &question)?;
    // Whose the hits are is another question than what they say, and has its own permit and entry.
    let finding = call.ask(Scope::FindPatients)?;
    let (mut patients, mut known) = (Vec::new(), Vec::new());
    for hit in &hits.hits {
        let id = hit.patient.as_ref().and_then(|patient| ArchiveId::parse(patient.as_str()));
        let record = id.and_then(|id| call.archive().record(&finding, Kind::PATIENT, &id).ok());
        let person = record.as_ref().map(|record| {
            let or_missing = |text: Option<String>| text.unwrap_or_else(|| "not recorded".into());
            (or_missing(viewer::name_in(&record.json)), or_missing(viewer::birth_date_in(&record.json)))
        });
        patients.push(person);
        known.extend(record);
    }
    let (opened, unseen) = (opened(call, &permit, &hits), call.archive().unseen(&permit));
    let page = SearchPage {
        q,
        found: Some(&hits),
        opened: &opened,
        patients: &patients,
        unseen: &unseen,
        ..search_page(call, question.offset)
    };
    let entry = api::search::shown_hits(call, None, &hits);
    let whose = finding.answer(Body::html(String::new()), shown("patient.search", &known))?;
    let answer = permit.answer(Body::html(viewer::search_all(&frame, &page)), entry)?;
    let both = together(vec![answer, whose]).ok_or_else(ApiError::internal)?;
    Ok(both.map(|mut bodies| bodies.swap_remove(0)).into())
}

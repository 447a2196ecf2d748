//! The timeline of a chart. A chart of usual size is read whole, so that everything stands with the encounter that it names;
//! of a large one, all encounters and the records of the asked year.
//!
//! Not for: markup (`viewer::timeline`), other pages of a chart (`chart`).

use crate::limits::{TIMELINE_ENCOUNTERS_MAX, TIMELINE_NEWEST, TIMELINE_WHOLE_MAX};
use crate::model::Kind;
use crate::query::{Between, Selection};
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::{Call, shown};
use crate::server::viewer::{self, Asked, Query};

use super::chart::banner_kinds;

/// `GET /patients/{patient}/timeline`
pub fn page(call: &Call) -> Result<Answer, ApiError> {
    let patient = call.patient_param("patient")?;
    let permit = call.ask_chart(&patient)?;
    let tied: Vec<Kind> = viewer::TIMELINE_KINDS.iter().filter_map(|name| Kind::from_name(name)).collect();
    let index = call.archive().chart_index(&permit, &patient);
    let (permit, index) = call.found(permit, "record.read", index)?;
    let held: u64 = index.counts.iter().filter(|count| tied.contains(&count.kind)).map(|count| count.count).sum();
    let is_whole = held <= TIMELINE_WHOLE_MAX;
    let mut selection = Selection { kinds: banner_kinds(), newest: Some(TIMELINE_ENCOUNTERS_MAX) };
    selection.kinds.extend(Kind::from_name("Encounter"));
    if is_whole {
        selection.kinds.extend(&tied);
    }
    let found = call.archive().chart(&permit, &patient, &selection);
    let (permit, mut chart) = call.found(permit, "record.read", found)?;
    let query = Query::new(call.query.clone());
    let mut passed_over = 0;
    if let Some((from, until)) = Asked::of(&chart, &query).span().filter(|_| !is_whole) {
        let wanted = Between { kinds: tied, from, until, newest: TIMELINE_NEWEST };
        let dated = call.archive().chart_between(&permit, &patient, &wanted)?;
        passed_over = dated.passed_over;
        chart.records.extend(dated.records);
    }
    let mut entry = shown("record.read", &chart.records);
    entry.hits = Some(chart.records.len() as u64);
    if !entry.patients.contains(&patient) {
        entry.patients.push(patient);
    }
    let looked = call.app.directory.look(call.archive(), &permit, &chart.records);
    looked.add_to(&mut entry);
    let frame = super::chart_frame(call, &permit, &chart, looked.names);
    let html = viewer::timeline(&frame, &chart, &query, passed_over);
    Ok(permit.answer(Body::html(html), entry)?.into())
}

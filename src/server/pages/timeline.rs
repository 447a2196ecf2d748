//! The timeline of a chart. A chart of usual size is read whole, so that everything stands with the encounter that it names;
//! of a large one, all encounters, the records of the asked year, and those around it that name an encounter of it.
//!
//! Not for: markup (`viewer::timeline`), other pages of a chart (`chart`).

use crate::access::Permit;
use crate::limits::{TIMELINE_AFTER_DAYS, TIMELINE_BEFORE_DAYS, TIMELINE_ENCOUNTERS_MAX, TIMELINE_NEWEST, TIMELINE_WHOLE_MAX};
use crate::model::{Chart, Kind, PatientKey};
use crate::query::{Between, Selection};
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::{Call, shown};
use crate::server::viewer::{self, Asked, Query, YearRead};

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
    } else if call.query("setting") == Some("procedure") {
        // The years of procedures are told from all of them, as those of encounters are.
        selection.kinds.extend(Kind::from_name("Procedure"));
    }
    let found = call.archive().chart(&permit, &patient, &selection);
    let (permit, mut chart) = call.found(permit, "record.read", found)?;
    let query = Query::new(call.query.clone());
    let asked = Asked::of(&chart, &query);
    let read = match asked.span().filter(|_| !is_whole) {
        Some(span) => {
            let wanted = tied.iter().copied().filter(|kind| !selection.kinds.contains(kind)).collect();
            read_year(call, &permit, &patient, &mut chart, (asked, span), wanted)?
        }
        None => YearRead::default(),
    };
    let mut entry = shown("record.read", &chart.records);
    entry.hits = Some(chart.records.len() as u64);
    if !entry.patients.contains(&patient) {
        entry.patients.push(patient);
    }
    let looked = call.app.directory.look(call.archive(), &permit, &chart.records);
    looked.add_to(&mut entry);
    let frame = super::chart_frame(call, &permit, &chart, looked.names);
    let html = viewer::timeline(&frame, &chart, &query, read);
    Ok(permit.answer(Body::html(html), entry)?.into())
}

/// Adds the records of a year, and those before and after it that name one of its encounters: what was ordered before a stay, what
/// a stay over the turn of the year brought, what was signed later.
fn read_year(
    call: &Call,
    permit: &Permit,
    patient: &PatientKey,
    chart: &mut Chart,
    (asked, (from, until)): (Asked, (i64, i64)),
    kinds: Vec<Kind>,
) -> Result<YearRead, ApiError> {
    const DAY_US: i64 = 86_400_000_000;
    let (encounters, last) = asked.encounters(chart);
    let before = from - TIMELINE_BEFORE_DAYS * DAY_US;
    // A stay that nobody closed must not make a page read the chart to its end.
    let ended = last.unwrap_or(until).clamp(until, until + 366 * DAY_US);
    let after = ended + TIMELINE_AFTER_DAYS * DAY_US;
    let mut passed_over = 0;
    for (from, until, is_year) in [(before, from, false), (from, until, true), (until, after, false)] {
        let wanted = Between { kinds: kinds.clone(), from, until, newest: TIMELINE_NEWEST };
        let dated = call.archive().chart_between(permit, patient, &wanted)?;
        passed_over += dated.passed_over;
        chart.records.extend(dated.records.into_iter().filter(|record| is_year || viewer::belongs_to(record, &encounters)));
    }
    Ok(YearRead { passed_over, span: Some((before, after)) })
}

//! The viewer's handlers: what a page needs is asked through the gate, and the viewer's page functions draw it.
//!
//! Not for: markup (`viewer`).

pub mod access;
pub mod account;
pub mod archivist;
pub mod break_glass;
pub mod cda;
pub mod chart;
pub mod documents;
mod evidence;
pub mod fetch;
pub mod find;
pub mod log;
pub mod looks;
pub mod oversee;
pub mod own_notes;
pub mod print;
pub mod proof;
pub mod releases;
pub mod reviews;
pub mod sessions;
pub mod sign;
pub mod signals;
pub mod timeline;

use crate::access::{Permit, Public, Role};
use crate::model::{Chart, PatientKey};
use crate::register::Who;

use super::answer::{Answer, ApiError, Body};
use super::call::Call;
use super::signin;
use super::viewer::{self, Assets, Frame, Glass, Message, Names, Paper, Person, Sources, Tone};

/// `GET /static/{version}/{name}`: immutable under the version that the pages name.
pub fn asset(call: &Call) -> Result<Answer, ApiError> {
    let (bytes, media_type) = Assets::get(call.param("name")).ok_or_else(ApiError::not_found)?;
    let mut body = Body::new(media_type, bytes.into_owned());
    if call.param("version") == Assets::version() {
        body = body.with("Cache-Control", "public, max-age=31536000, immutable");
    }
    Ok(Public(body).into())
}

/// What surrounds the page of this request. Holds no patient data but the path, which is the reader's own.
fn frame(call: &Call) -> Frame {
    let facts = call.archive().facts();
    let others = |role: Role| {
        let held = call.session.iter().flat_map(|session| session.roles.iter()).filter_map(|name| Role::from_name(name));
        held.filter(|held| *held != role).collect()
    };
    let person = call.principal().ok().map(|principal| Person {
        name: principal.name.clone(),
        role: principal.role,
        other_roles: others(principal.role),
        has_session: call.session.is_some(),
    });
    Frame {
        institution: call.app.config.institution.clone().unwrap_or_else(|| "Chartkeep".into()),
        records_to: facts.last_day.as_ref().map(|day| day.date_text().to_string()),
        person,
        csrf: call.session.as_ref().map_or_else(String::new, |session| session.csrf().to_string()),
        idle_s: call
            .session
            .as_ref()
            .map_or(0, |session| (session.ends - jiff::Timestamp::now().as_second()).max(1).unsigned_abs()),
        settings: call.session.as_ref().map(|session| session.settings).unwrap_or_default(),
        made: jiff::Zoned::now().strftime("%Y-%m-%d %H:%M %:z").to_string(),
        path: signin::window::bare_path(call.context.path.split('?').next().unwrap_or("")).to_string(),
        launched_by: launched_by(call),
        today: today(),
        sources: Sources::from_names(&facts.source_systems),
        names: Names::default(),
        census: None,
        only: None,
        declared_end: None,
        paper: Paper::default(),
        deliveries: Vec::new(),
        own_notes: None,
        glass: Glass::default(),
        accessions: facts.accessions,
        catalog: facts.catalog,
    }
}

/// What to call the EHR that opened this window, or this person's session.
fn launched_by(call: &Call) -> Option<String> {
    let session = call.session.as_ref().filter(|session| session.bound || call.window.is_some())?;
    match &session.who {
        Who::Outside { issuer, .. } => Some(call.app.elsewhere.name_of(issuer)),
        Who::Account(_) => None,
    }
}

/// What surrounds a page for someone who has not signed in here.
pub fn bare_frame(call: &Call) -> Frame {
    Frame { person: None, csrf: String::new(), idle_s: 0, ..frame(call) }
}

/// The frame of a page about this chart, with what its records refer to.
fn chart_frame(call: &Call, permit: &Permit, chart: &Chart, names: Names) -> Frame {
    let plain = frame(call);
    let census = call.app.tallies.of(call.archive(), chart, permit);
    // A source that this chart does not have is not there, whatever the archive holds.
    // Of documents several may be asked for at once, which narrows their list and nothing else.
    let mut letters = call.query.iter().filter(|(name, _)| name == "source").map(|(_, letters)| letters);
    let asked = letters.next().filter(|_| letters.next().is_none());
    let asked = asked.and_then(|letters| plain.sources.by_letters(letters)).map(|badge| badge.name);
    let only = asked.filter(|name| chart.index.coverage.iter().any(|of| *of.source_system == **name));
    let of_chart = |source_system: &str| chart.index.coverage.iter().any(|of| *of.source_system == *source_system);
    let declared = call.app.config.cutover.iter().filter(|(source_system, _)| of_chart(source_system)).map(|(_, day)| day);
    let declared_end = declared.max_by_key(|day| day.start_us()).cloned();
    let own_notes = own_notes::address(call, permit, &chart.index.patient);
    let deliveries = call.archive().deliveries_of(&chart.index);
    let glass = break_glass::state(permit, &chart.index.patient);
    Frame { names, census, only, declared_end, deliveries, own_notes, glass, ..plain }
}

/// A page of a chart on paper. Only for whoever treats the patient: others hand out records by a release. What is open under
/// break-glass stays on the screen.
fn paper(call: &Call, permit: &Permit, patient: &PatientKey) -> Paper {
    let treats = call.principal().is_ok_and(|principal| principal.role == Role::Clinician);
    let is_open = matches!(break_glass::state(permit, patient), Glass::Open { .. });
    if !treats || is_open {
        return Paper::default();
    }
    Paper::of(signin::window::bare_path(call.context.path.split('?').next().unwrap_or("")), &call.query)
}

fn today() -> String {
    jiff::Zoned::now().date().to_string()
}

/// An error of a signed-in reader as a page.
pub fn error_of(call: &Call, error: &ApiError) -> Body {
    let way_in = Some(error).filter(|error| error.code == "forbidden").and_then(|_| break_glass::way_in(call));
    page_of(&frame(call), error, &call.context.request_id, way_in)
}

/// An error that came before anyone was known.
pub fn error_page(error: &ApiError) -> Body {
    page_of(&Frame { today: today(), ..Frame::default() }, error, "", None)
}

/// `way_in`: where the reader can open in an emergency what he is refused.
fn page_of(frame: &Frame, error: &ApiError, request_id: &str, way_in: Option<String>) -> Body {
    let page = match error.code {
        "not-found" | "no-such-path" | "no-such-page" => viewer::not_here(frame),
        "log-unavailable" => viewer::log_down(frame, request_id),
        _ => {
            let refused = error.status < 500;
            let message = Message {
                tone: if refused { Tone::Caution } else { Tone::Error },
                title: if refused { "This cannot be shown".into() } else { "Something went wrong".into() },
                text: error.text.to_string(),
                link: Some(match way_in {
                    Some(path) => ("Open it in an emergency".into(), path),
                    None => ("Back to the start".into(), "/".into()),
                }),
                code: Some(request_id.to_string()).filter(|code| !code.is_empty()),
                ..Message::default()
            };
            viewer::message(frame, &message)
        }
    };
    Body::html(page)
}

/// Where a role begins.
pub fn home_of(role: Role) -> &'static str {
    match role {
        Role::Clinician | Role::Him => "/",
        Role::Compliance => "/access",
        Role::Archivist => "/accessions",
        Role::Admin => "/system",
        Role::Reviewer => "/break-glass",
        Role::Service => "/signin",
    }
}

/// The page number of a query, from 1, as hits to skip.
fn offset(call: &Call, size: usize) -> usize {
    let page = call.query("page").and_then(|page| page.parse::<usize>().ok()).unwrap_or(1);
    page.clamp(1, 2_000).saturating_sub(1) * size
}

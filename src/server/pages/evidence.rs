//! Evidence for an inquiry, saved from a page: the entries of the log that somebody asked for, each with the proof that it is in the
//! tree of a signed checkpoint. `chartkeep audit check-bundle` checks it without the archive.
//!
//! Not for: making a proof (`oversight::forms::bundle`), or larger amounts (`chartkeep audit bundle`).

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufWriter, Seek, SeekFrom, Write as _};

use jiff::civil::Date;

use crate::access::{Permit, Shown};
use crate::limits::EVIDENCE_ENTRIES_MAX;
use crate::oversight::forms::bundle;
use crate::oversight::projection::{Projection, Select};
use crate::oversight::verdicts;
use crate::server::answer::{Answer, ApiError};
use crate::server::call::Call;
use crate::server::stream::{self, Wanted};
use crate::signing::KeyRing;

/// Entries by stream.
type Entries = BTreeMap<String, BTreeSet<u64>>;

/// Packs the entries of a selection; with `signal=1` also what was found about the signals of that person and day. It leaves once the
/// log says so.
pub fn send(call: &Call, permit: Permit, select: &Select, (from, to): (Date, Date)) -> Result<Answer, ApiError> {
    let projection = call.app.oversight()?;
    projection.catch_up()?;
    let mut wanted = entries(projection, select)?;
    if call.query("signal") == Some("1") {
        add_verdicts(projection, select, from, &mut wanted)?;
    }
    let failed = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, "the evidence cannot be packed");
        ApiError::internal()
    };
    // What was written a moment ago is under a checkpoint then as well.
    call.gate().log().checkpoint().map_err(|error| failed(&error))?;
    let ring = KeyRing::load(&call.app.folder).map_err(|error| failed(&error))?;
    let mut file = tempfile::tempfile().map_err(|error| failed(&error))?;
    let mut out = BufWriter::new(&mut file);
    let packed = bundle::pack(projection, &ring, &wanted, &mut out).map_err(|error| failed(&error))?;
    out.flush().map_err(|error| failed(&error))?;
    drop(out);
    let length = file.seek(SeekFrom::End(0)).map_err(|error| failed(&error))?;
    let name = format!("attachment; filename=\"{from}-{to}-evidence.zip\"");
    let body = stream::body(file, length, Wanted::All, "application/zip", "\"once\"")?.with("Content-Disposition", name);
    let user = select.user.as_ref().map(|user| format!(" user={} issuer={}", user.subject, user.issuer)).unwrap_or_default();
    let shown = Shown {
        event: "audit.export",
        patients: select.patients.clone(),
        hits: Some(packed.entries),
        query: Some(format!("export form=evidence from={from} to={to}{user} entries={}", packed.entries)),
        ..Shown::default()
    };
    Ok(permit.answer(body, shown)?.into())
}

fn entries(projection: &Projection, select: &Select) -> Result<Entries, ApiError> {
    let acts = projection.acts(&Select { entries_only: false, limit: EVIDENCE_ENTRIES_MAX as u64 + 1, ..select.clone() })?;
    if acts.len() > EVIDENCE_ENTRIES_MAX {
        let text = "There is more than one bundle from a page holds: narrow the dates, or use “chartkeep audit bundle”.";
        return Err(ApiError::too_costly(text));
    }
    let mut wanted = Entries::new();
    for seen in acts {
        wanted.entry(seen.act.stream).or_default().insert(seen.act.seq);
    }
    Ok(wanted)
}

/// What compliance found about the signals of this person and day.
fn add_verdicts(projection: &Projection, select: &Select, day: Date, wanted: &mut Entries) -> Result<(), ApiError> {
    let is_about = |(user, patient): &verdicts::Signal| {
        let is_of_patient = patient.as_ref().is_some_and(|key| select.patients.contains(key));
        select.user.as_ref() == Some(user) && (select.patients.is_empty() || is_of_patient)
    };
    let given = verdicts::of_day(projection, day)?;
    for verdict in given.into_iter().filter(|(signal, _)| is_about(signal)).flat_map(|(_, verdicts)| verdicts) {
        wanted.entry(verdict.entry.0).or_default().insert(verdict.entry.1);
    }
    Ok(())
}

//! A bulk export being made: one thread, part by part; every line is written only after its record stands in the access log.
//!
//! Not for: what may be asked (`fhir::bulk`).

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::record::{Bulk, File, Level, State, What};
use super::{Job, now};
use crate::access::{Act, Gate, GateError, Principal, Scope, Scopes, Shown, entry};
use crate::durable;
use crate::export::{ExportError, FileEntry, Listing, Part, Shaped, Whole};
use crate::limits::BULK_KEPT_SECONDS;
use crate::model::{Kind, Label, PatientKey, Record};
use crate::query::{Archive, QueryError};
use crate::server::fhir::bulk::lines;
use crate::server::fhir::bulk::wanted::Wanted;
use crate::server::state::App;

/// Patients of a part, when they are named one by one.
const NAMED_AT_A_TIME: usize = 64;
/// How often it is asked whether the program may still act.
const STANDING_EVERY: Duration = Duration::from_secs(5);
/// Free bytes of the disk below which no further part is made.
const ROOM: u64 = 1 << 30;
/// The file that tells what could not be given.
const ERRORS: &str = "errors.ndjson";

/// Why a job ended early.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Export(#[from] ExportError),
    #[error("the program may not act any longer")]
    Barred,
    #[error("the disk has no room")]
    NoRoom,
    #[error("the request cannot be understood any longer")]
    Request,
}

impl From<GateError> for Fault {
    fn from(error: GateError) -> Fault {
        Fault::Export(error.into())
    }
}

impl From<QueryError> for Fault {
    fn from(error: QueryError) -> Fault {
        Fault::Export(error.into())
    }
}

impl From<durable::DurableError> for Fault {
    fn from(error: durable::DurableError) -> Fault {
        Fault::Export(error.into())
    }
}

/// Begins the work on a job in a thread of its own. Inside a tokio runtime, since the register is asked.
pub fn start_bulk(app: &Arc<App>, job: &Arc<Job>) {
    let (app, job) = (app.clone(), job.clone());
    let runtime = tokio::runtime::Handle::current();
    std::thread::spawn(move || {
        let what = job.record().what.clone();
        let What::Bulk(bulk) = what else { return };
        let made = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| make(&app, &job, &bulk, &runtime)));
        let ended = match made {
            Ok(Ok(())) => "done",
            // The next process goes on, or nobody wants it any longer.
            Ok(Err(Fault::Export(ExportError::Stopped))) if !job.cancelled.load(std::sync::atomic::Ordering::Relaxed) => return,
            Ok(Err(Fault::Export(ExportError::Stopped))) => "cancelled",
            Ok(Err(fault)) => {
                tracing::error!(%fault, "an export failed");
                failed(&job, words(&fault))
            }
            Err(_) => {
                tracing::error!("an export failed unexpectedly");
                failed(&job, "The export failed inside the archive.")
            }
        };
        if let Some(principal) = job.record().principal(&bulk) {
            let mut end = entry("export.bulk.end", &principal, &bulk.asked.context());
            end.detail = vec![("job", job.id.clone()), ("outcome", ended.to_string())];
            if app.gate.log().append(end).is_err() {
                tracing::error!("the end of an export could not be written to the access log");
            }
        }
    });
}

fn failed(job: &Job, why: &str) -> &'static str {
    job.update(|record| {
        record.state = State::Failed(why.into());
        record.expires = now() + BULK_KEPT_SECONDS;
    });
    "failed"
}

/// For the client.
fn words(fault: &Fault) -> &'static str {
    match fault {
        Fault::Barred => "The program may not act any longer.",
        Fault::Export(ExportError::Gate(GateError::Denied)) => "The export is not allowed any longer.",
        Fault::Export(ExportError::Gate(GateError::LogUnavailable)) => "The access log could not be written. Ask again later.",
        Fault::NoRoom => "The archive's disk has no room for the export.",
        _ => "The export failed inside the archive. Ask again.",
    }
}

fn make(app: &App, job: &Job, bulk: &Bulk, runtime: &tokio::runtime::Handle) -> Result<(), Fault> {
    let archive = app.archive.pinned();
    begin(job, &archive)?;
    let principal = job.record().principal(bulk).ok_or(Fault::Request)?;
    let wanted = Wanted::again(bulk).ok_or(Fault::Request)?;
    let work =
        Work { app, job, bulk, archive: &archive, principal: &principal, wanted: &wanted, label: Cell::new(Label::NORMAL) };
    let mut files = Vec::new();
    let mut missing = Vec::new();
    let mut asked = None;
    let parts = work.parts()?;
    for (at, part) in parts.iter().enumerate() {
        job.set_progress(at as u64, parts.len() as u64);
        if asked.is_none_or(|asked: Instant| asked.elapsed() > STANDING_EVERY) {
            asked = Some(Instant::now());
            stands(app, &principal, runtime)?;
        }
        if durable::free_bytes(&job.dir).is_some_and(|free| free < ROOM) {
            return Err(Fault::NoRoom);
        }
        let listing = work.part(part, at + 1)?;
        files.extend(listing.files);
        missing.extend(listing.left_out);
    }
    job.set_progress(parts.len() as u64, parts.len() as u64);
    let mut ready: Vec<File> = files.into_iter().map(|file| ready(file, false)).collect();
    ready.extend(errors(job, &missing)?);
    if !app.jobs.goes_on(job) {
        return Err(ExportError::Stopped.into());
    }
    job.update(|record| {
        record.files = ready;
        record.state = State::Done;
        record.expires = now() + BULK_KEPT_SECONDS;
    });
    Ok(())
}

/// Fixes the state of the archive and the time that the export speaks of. What an earlier process made of another state is
/// of no use.
fn begin(job: &Job, archive: &Archive) -> Result<(), Fault> {
    let state = archive.state();
    if job.record().archive != state {
        for folder in ["fhir", "parts"] {
            let folder = job.dir.join(folder);
            if folder.exists() {
                durable::remove_dir_all(&folder)?;
            }
        }
        job.update(|record| {
            record.archive = state;
            record.transaction_time = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
            record.label = 0;
        });
    }
    for folder in ["fhir", "parts"] {
        durable::create_dir_all(&job.dir.join(folder))?;
        durable::remove_temporaries(&job.dir.join(folder))?;
    }
    Ok(())
}

/// Whether the program is still registered and enabled. One that an outside issuer vouches for shows its token at each fetch.
fn stands(app: &App, principal: &Principal, runtime: &tokio::runtime::Handle) -> Result<(), Fault> {
    let Some(client) = principal.client_id.as_deref().filter(|_| app.tokens.is_own(&principal.issuer)) else { return Ok(()) };
    match runtime.block_on(app.register.client(client)) {
        Ok(found) if found.as_ref().is_none_or(|client| !client.disabled) => Ok(()),
        Ok(_) => Err(Fault::Barred),
        Err(error) => {
            tracing::error!(%error, "the register cannot be asked about a program");
            Err(Fault::Barred)
        }
    }
}

fn ready(file: FileEntry, is_error: bool) -> File {
    File {
        name: file.path.rsplit('/').next().unwrap_or("").to_string(),
        path: file.path,
        kind: file.kind.unwrap_or_default(),
        records: file.records.unwrap_or(0),
        bytes: file.bytes,
        sha256: file.sha256,
        is_error,
    }
}

/// Patients who were named and are not there, or not to be seen.
fn errors(job: &Job, missing: &[String]) -> Result<Option<File>, Fault> {
    if missing.is_empty() {
        return Ok(None);
    }
    let mut text = Vec::new();
    for patient in missing {
        let words = format!("Patient/{patient} is not in the archive, not of the group, or may not be shown.");
        text.extend_from_slice(&crate::server::fhir::outcome::json("error", "not-found", &words));
        text.push(b'\n');
    }
    let digest = durable::replace(&job.dir.join(ERRORS), &text)?;
    let mut file = ready(FileEntry::new(ERRORS.into(), "application/fhir+ndjson", digest), true);
    (file.kind, file.records) = ("OperationOutcome".into(), missing.len() as u64);
    Ok(Some(file))
}

/// One job under way.
struct Work<'a> {
    app: &'a App,
    job: &'a Job,
    bulk: &'a Bulk,
    archive: &'a Archive,
    principal: &'a Principal,
    wanted: &'a Wanted,
    /// Of everything written so far.
    label: Cell<Label>,
}

impl Work<'_> {
    fn source(&self) -> Option<&str> {
        match &self.bulk.level {
            Level::Source(source) => Some(source),
            Level::System | Level::Patients => None,
        }
    }

    fn gate(&self) -> &Gate {
        &self.app.gate
    }

    fn ask(&self) -> Result<crate::access::Permit, GateError> {
        self.gate().ask(self.principal, Scope::Bulk, self.bulk.asked.context())
    }

    fn about(&self) -> String {
        format!("bulk export {}", self.job.id)
    }

    fn parts(&self) -> Result<Vec<Part>, Fault> {
        if let Some(patients) = &self.bulk.patients {
            let keys: Vec<PatientKey> = patients.iter().filter_map(|key| PatientKey::parse(key)).collect();
            return Ok(keys.chunks(NAMED_AT_A_TIME).map(|keys| Part::Named(keys.to_vec())).collect());
        }
        let permit = self.ask()?;
        let parts = self.archive.parts(&permit, self.source())?;
        let found = Shown { event: "export.bulk.file", hits: Some(0), query: Some(self.about()), ..Shown::default() };
        let parts = permit.answer(parts, found)?.into_inner();
        Ok(parts.into_iter().map(Part::Cut).collect())
    }

    /// Writes one part, or finds it written.
    fn part(&self, part: &Part, number: usize) -> Result<Listing, Fault> {
        let dir = &self.job.dir;
        let path = format!("parts/{number:05}.json");
        if let Some((done, _)) = Listing::read(dir, &path)? {
            return Ok(done);
        }
        let goes_on = || self.app.jobs.goes_on(self.job);
        let about = self.about();
        let whole = Whole {
            archive: self.archive,
            source: self.source(),
            kinds: &self.wanted.kinds,
            directory_only: self.bulk.level != Level::System,
            with_documents: false,
            ask: &|| self.ask(),
            shape: &|permit, record| self.shape(permit, record),
            about: &about,
            goes_on: &goes_on,
        };
        let listing = whole.write(part, number, dir)?;
        let label = self.label.get();
        // Before the part counts as written: what it holds must be known whenever it is handed out.
        self.job.update(|record| record.label |= label.bits());
        listing.write(dir, &path)?;
        Ok(listing)
    }

    /// A record as one line, as reading it would show it, with addresses of documents that lead here from anywhere.
    fn shape(&self, permit: &crate::access::Permit, record: &Record) -> Result<Option<Shaped>, QueryError> {
        if !shows(self.principal.scopes.as_deref(), record) || !self.wanted.takes(self.archive, record) {
            return Ok(None);
        }
        let mut record = record.clone();
        let linked = crate::server::fhir::complete_links(self.archive, permit, &mut record)?;
        self.label.set(self.label.get().union(record.label));
        Ok(Some(Shaped { line: lines::of(&record, &self.bulk.asked.base), also: linked }))
    }
}

/// Whether the scopes show a record. The log of accesses is the compliance office's, whatever a scope says.
fn shows(scopes: Option<&Scopes>, record: &Record) -> bool {
    let parse = || serde_json::from_str(&record.json).unwrap_or(Value::Null);
    let is_log = Kind::from_name("AuditEvent") == Some(record.kind);
    !is_log && scopes.is_some_and(|scopes| scopes.shows(record.kind, Act::Search, parse))
}

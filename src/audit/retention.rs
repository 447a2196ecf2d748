//! Entries whose time is over: which segments may go, and letting them go without losing a proof.
//!
//! Whole segments go, and only closed ones: a note signed by the archive takes their place, and the hashes of the entries
//! stay. A segment stays when a single entry in it is too young, names a patient under hold, or one whose own time is not
//! over. Not for: deciding a patient's own time (`commands`), and the retention of records.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use serde_json::{Map, Value};

use crate::durable;
use crate::model::PatientKey;
use crate::signing::{KeyPurpose, KeyRing, Signer};

use super::checkpoint::notes;
use super::entry::{Action, Entry};
use super::folder::{CHECKPOINTS_FILE, LogFolder, Part, read};
use super::frame::{FrameReader, Next};
use super::read::for_each_entry;
use super::retired::Retired;
use super::state::State;
use super::tiles::Leaves;
use super::{AuditError, AuditLog, FOLDER, LogError};

/// No entry goes sooner than this, whatever is configured (45 CFR 164.316(b)(2)(i)).
pub const RETENTION_YEARS_MIN: u32 = 6;

/// Why a segment stays.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stays {
    TooYoung,
    /// A patient in it is under hold.
    Hold(PatientKey),
    /// The time of a patient in it is not over.
    Patient(PatientKey),
    /// It says that a hold ended whose beginning stays.
    EndOfHold,
}

/// A closed segment whose entries may or may not go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Candidate {
    pub stream: String,
    /// Number of its first entry.
    pub first: u64,
    /// Number of the first entry after it.
    pub end: u64,
    pub oldest: Timestamp,
    pub newest: Timestamp,
    pub bytes: u64,
    /// `None`: it may go.
    pub stays: Option<Stays>,
}

/// Who lets entries go, and why.
#[derive(Clone, Debug)]
pub struct Approval {
    pub operator: String,
    /// Another person than the operator.
    pub approver: String,
    pub reason: String,
}

/// Why nothing, or nothing more, was retired.
#[derive(Debug, thiserror::Error)]
pub enum RetireError {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Append(#[from] AuditError),
    #[error("entries of the last {RETENTION_YEARS_MIN} years always stay")]
    TooRecent,
    #[error("another person than the operator has to approve")]
    OnePerson,
    #[error("a reason is missing")]
    NoReason,
}

/// The latest time before which entries may go when they are kept for so many years.
pub fn cutoff(now: Timestamp, years: u32) -> Timestamp {
    let years = i64::from(years.max(RETENTION_YEARS_MIN)).years();
    now.to_zoned(TimeZone::UTC).checked_sub(years).map_or(Timestamp::UNIX_EPOCH, |then| then.timestamp())
}

/// The patients under hold, each with the time of its hold.
pub fn holds(archive: &Path) -> Result<BTreeMap<PatientKey, Timestamp>, LogError> {
    Ok(Holds::read(archive)?.in_force)
}

/// What the log says of holds.
struct Holds {
    in_force: BTreeMap<PatientKey, Timestamp>,
    /// Where each hold was set: stream and number.
    set: BTreeMap<PatientKey, Vec<(String, u64)>>,
    cleared: BTreeMap<PatientKey, Vec<(String, u64)>>,
}

impl Holds {
    fn read(archive: &Path) -> Result<Holds, LogError> {
        let folder = LogFolder::new(archive, FOLDER);
        let mut said: Vec<(Timestamp, String, u64, bool, Vec<PatientKey>)> = Vec::new();
        for stream in folder.streams()? {
            for_each_entry(&folder, &stream, |payload| {
                let set = memchr::memmem::find(payload, br#""event":"hold.set""#).is_some();
                let cleared = memchr::memmem::find(payload, br#""event":"hold.cleared""#).is_some();
                if (set || cleared)
                    && let Some(entry) = Brief::parse(payload)
                {
                    said.push((entry.ts, stream.clone(), entry.seq, set, entry.patients));
                }
                true
            })?;
        }
        said.sort();
        let mut holds = Holds { in_force: BTreeMap::new(), set: BTreeMap::new(), cleared: BTreeMap::new() };
        for (ts, stream, seq, set, patients) in said {
            for patient in patients {
                let places = if set { &mut holds.set } else { &mut holds.cleared };
                places.entry(patient.clone()).or_default().push((stream.clone(), seq));
                if set {
                    holds.in_force.entry(patient).or_insert(ts);
                } else {
                    holds.in_force.remove(&patient);
                }
            }
        }
        Ok(holds)
    }
}

/// The members of an entry that matter here.
struct Brief {
    ts: Timestamp,
    seq: u64,
    patients: Vec<PatientKey>,
}

impl Brief {
    fn parse(payload: &[u8]) -> Option<Brief> {
        let entry: Map<String, Value> = serde_json::from_slice(payload).ok()?;
        let named = entry.get("patients").and_then(Value::as_array).into_iter().flatten();
        let patients = named.filter_map(|p| PatientKey::parse(p.get("archive_id")?.as_str()?)).collect();
        Some(Brief { ts: entry.get("ts")?.as_str()?.parse().ok()?, seq: entry.get("seq")?.as_u64()?, patients })
    }
}

/// Looks at every closed segment. `person` gives all keys of a patient's person, `is_kept` says of a key that its own
/// time is not over.
pub fn candidates(
    archive: &Path,
    before: Timestamp,
    person: &dyn Fn(&PatientKey) -> Vec<PatientKey>,
    is_kept: &dyn Fn(&PatientKey) -> bool,
) -> Result<Vec<Candidate>, LogError> {
    let folder = LogFolder::new(archive, FOLDER);
    let holds = Holds::read(archive)?;
    // A hold on one key is a hold on the person.
    let held: BTreeSet<PatientKey> = holds.in_force.keys().flat_map(|key| person(key).into_iter().chain([key.clone()])).collect();
    let mut all = Vec::new();
    for stream in folder.streams()? {
        let parts = folder.parts(&stream)?;
        for (part, next) in parts.iter().zip(parts.iter().skip(1)) {
            let Part::Segment(first) = *part else { continue };
            let candidate = look_at(&folder, &stream, first, next.first(), before, &held, is_kept)?;
            all.extend(candidate);
        }
    }
    keep_ends_of_holds(&mut all, &holds);
    Ok(all)
}

fn look_at(
    folder: &LogFolder,
    stream: &str,
    first: u64,
    end: u64,
    before: Timestamp,
    held: &BTreeSet<PatientKey>,
    is_kept: &dyn Fn(&PatientKey) -> bool,
) -> Result<Option<Candidate>, LogError> {
    let path = folder.path.join(stream).join(folder.segment_name(first));
    let failed = |source| LogError::Read { path: path.clone(), source };
    let bytes = std::fs::metadata(&path).map_err(failed)?.len();
    let Some(mut frames) =
        FrameReader::new(BufReader::with_capacity(1 << 18, File::open(&path).map_err(failed)?)).map_err(failed)?
    else {
        return Ok(None);
    };
    let mut times: Option<(Timestamp, Timestamp)> = None;
    let mut stays = None;
    let mut is_head = true;
    while let Next::Frame { payload, .. } = frames.next().map_err(failed)? {
        if std::mem::replace(&mut is_head, false) {
            continue;
        }
        let Some(entry) = Brief::parse(&payload) else { continue };
        times = Some((times.map_or(entry.ts, |(oldest, _)| oldest), entry.ts));
        // Times only grow: the first entry that is too young decides.
        if entry.ts >= before {
            stays = Some(Stays::TooYoung);
            break;
        }
        stays = stays.or_else(|| {
            entry.patients.into_iter().find_map(|patient| {
                if held.contains(&patient) {
                    return Some(Stays::Hold(patient));
                }
                is_kept(&patient).then_some(Stays::Patient(patient))
            })
        });
    }
    let stream = stream.to_string();
    Ok(times.map(|(oldest, newest)| Candidate { stream, first, end, oldest, newest, bytes, stays }))
}

/// The end of a hold stays as long as its beginning, or the hold would come back.
fn keep_ends_of_holds(all: &mut [Candidate], holds: &Holds) {
    loop {
        let going = |place: &(String, u64)| {
            all.iter().position(|c| c.stays.is_none() && c.stream == place.0 && (c.first..c.end).contains(&place.1))
        };
        let staying = |patient: &PatientKey| holds.set.get(patient).into_iter().flatten().any(|place| going(place).is_none());
        let cleared = holds.cleared.iter().filter(|(patient, _)| staying(patient)).flat_map(|(_, places)| places);
        let found: Vec<usize> = cleared.filter_map(going).collect();
        if found.is_empty() {
            return;
        }
        for at in found {
            if let Some(candidate) = all.get_mut(at) {
                candidate.stays = Some(Stays::EndOfHold);
            }
        }
    }
}

/// Retires the segments that may go; gives their number and that of their entries. Each is proved against its checkpoint
/// and its hashes first, and its entry stands in the log before anything is removed.
///
/// # Errors
/// When the terms do not allow it, or a segment is not as it was signed: then nothing more is removed.
pub fn retire(
    archive: &Path,
    ring: &KeyRing,
    signer: &dyn Signer,
    log: &AuditLog,
    candidates: &[Candidate],
    approval: &Approval,
    template: &Entry,
) -> Result<(u64, u64), RetireError> {
    let folded = |name: &str| name.trim().to_lowercase();
    if folded(&approval.approver).is_empty() || folded(&approval.approver) == folded(&approval.operator) {
        return Err(RetireError::OnePerson);
    }
    if approval.reason.trim().is_empty() {
        return Err(RetireError::NoReason);
    }
    let going: Vec<&Candidate> = candidates.iter().filter(|c| c.stays.is_none()).collect();
    let limit = cutoff(Timestamp::now(), RETENTION_YEARS_MIN);
    if going.iter().any(|c| c.newest >= limit) {
        return Err(RetireError::TooRecent);
    }
    let folder = LogFolder::new(archive, FOLDER);
    // Nobody else retires at the same time.
    let _lock = folder.lock_list()?;
    let mut done = (0, 0);
    for candidate in going {
        let state = proved_end(&folder, ring, candidate)?;
        let retired = Retired {
            first: candidate.first,
            end: candidate.end,
            chain: state.chain,
            newest: candidate.newest,
            at: Timestamp::now(),
            operator: approval.operator.clone(),
            approver: approval.approver.clone(),
            reason: approval.reason.clone(),
        };
        let detail = vec![
            ("stream", candidate.stream.clone()),
            ("first", candidate.first.to_string()),
            ("end", candidate.end.to_string()),
            ("newest", candidate.newest.to_string()),
            ("approver", approval.approver.clone()),
            ("reason", approval.reason.clone()),
        ];
        log.append(Entry { event: "audit.retired", action: Action::Delete, detail, ..template.clone() })?;
        let dir = folder.path.join(&candidate.stream);
        let note = retired.sign(&folder.origin(&candidate.stream), signer);
        durable::replace(&dir.join(folder.retired_name(candidate.first)), note.as_bytes()).map_err(LogError::from)?;
        durable::remove_file(&dir.join(folder.segment_name(candidate.first))).map_err(LogError::from)?;
        done = (done.0 + 1, done.1 + (candidate.end - candidate.first));
    }
    Ok(done)
}

/// The state after a segment, once its entries are proved to be those of the checkpoint over them and their stored hashes
/// to be theirs.
fn proved_end(folder: &LogFolder, ring: &KeyRing, candidate: &Candidate) -> Result<State, LogError> {
    let name = folder.segment_name(candidate.first);
    let dir = folder.path.join(&candidate.stream);
    let path = dir.join(&name);
    let failed = |source| LogError::Read { path: path.clone(), source };
    let bad = |offset, what: &str| LogError::Damaged {
        file: format!("{}/{}/{name}", folder.name, candidate.stream),
        offset,
        what: what.to_string(),
    };
    let input = BufReader::with_capacity(1 << 18, File::open(&path).map_err(failed)?);
    let mut frames = FrameReader::new(input).map_err(failed)?.ok_or_else(|| bad(0, "not a log segment"))?;
    let Next::Frame { payload, .. } = frames.next().map_err(failed)? else { return Err(bad(0, "no head")) };
    let mut state = State::from_head(&payload).filter(|s| s.size() == candidate.first).ok_or_else(|| bad(0, "no head"))?;
    let mut leaves = Leaves::open(&dir, candidate.first)?.ok_or_else(|| bad(0, "the hashes of its entries are missing"))?;
    while let Next::Frame { offset, payload } = frames.next().map_err(failed)? {
        let bound = state.check(&payload).map_err(|(_, what)| bad(offset, what))?;
        let mut leaf = None;
        state.take(&payload, bound, |height, hash| {
            if height == 0 {
                leaf = Some(*hash);
            }
        });
        if leaves.next()? != leaf {
            return Err(bad(offset, "the stored hash of an entry is not its own"));
        }
    }
    let keys = ring.verifiers(KeyPurpose::Audit);
    let text = String::from_utf8_lossy(&read(&dir.join(CHECKPOINTS_FILE))?).into_owned();
    let origin = folder.origin(&candidate.stream);
    let is_signed = notes(&text)
        .into_iter()
        .filter_map(|note| super::checkpoint::Checkpoint::parse(note, &origin, &keys).ok())
        .any(|checkpoint| checkpoint.size == candidate.end && checkpoint.root == state.tree.root());
    if state.size() != candidate.end || !is_signed {
        return Err(bad(0, "no checkpoint vouches for its entries"));
    }
    Ok(state)
}

//! How the access log stands: its last signed checkpoints, what the copies outside say, and what the last check of every byte
//! found. All of it is read; the check itself is `audit::verify`, and each one leaves an entry.
//!
//! Not for: proof to others (`forms::bundle`), or mending. A log that is not in order is left as it is.

use std::path::Path;

use jiff::Timestamp;

use super::line::Line;
use super::projection::{OversightError, Projection, Select, StandsAt};
use crate::audit::{self, Outside, Report};

/// The fact of an `audit.verify` entry that tells it from a check of the whole archive, and its value.
pub const WHAT: &str = "what";
pub const AUDIT_LOG: &str = "audit log";
/// Checks looked through for the newest one of the log.
const CHECKS_MAX: u64 = 50;
/// After so many days without a check the page says that one is due.
pub const CHECK_DAYS: i64 = 7;

/// What a check found, as its entry says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Checked {
    /// Unix microseconds.
    pub at: i64,
    pub by: String,
    pub entries: u64,
    pub checkpoints: u64,
    /// Checkpoints kept outside that were compared.
    pub witnessed: u64,
    pub took_s: Option<u64>,
    pub findings: u64,
    /// Where the first thing wrong is, and what.
    pub first: Option<(String, u64, String)>,
    /// Number of its entry, `s0000:12`.
    pub entry: String,
}

/// One stream of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StreamStands {
    pub at: StandsAt,
    /// When the last entry under the checkpoint was written, in Unix microseconds.
    pub covered_to: Option<i64>,
    pub outside: Outside,
}

/// How the log stands.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Integrity {
    pub streams: Vec<StreamStands>,
    /// The newest check of the whole log.
    pub checked: Option<Checked>,
    /// Whether a copy outside is configured.
    pub has_witness: bool,
}

/// In a word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// The last check found something, or an outside copy says otherwise.
    Faulty,
    /// Checked, and in order.
    Sound,
    /// Checked and in order, too long ago.
    Due,
    NeverChecked,
}

impl Integrity {
    /// Reads how the log stands. Cheap: no entry is hashed anew.
    pub fn read(projection: &Projection, witness: Option<&Path>) -> Result<Integrity, OversightError> {
        projection.catch_up()?;
        let stands_at = projection.stands_at()?;
        let last = |at: &StandsAt| {
            let (size, _) = at.checkpoint.as_ref()?;
            Some((at.stream.clone(), size.min(&at.entries).checked_sub(1)?))
        };
        let places: Vec<(String, u64)> = stands_at.iter().filter_map(last).collect();
        let originals = projection.originals(&places)?;
        let streams = stands_at.into_iter().map(|at| StreamStands {
            covered_to: last(&at).and_then(|place| originals.get(&place)).map(|original| original.line().at()),
            outside: audit::outside_copy(projection.archive(), &at.stream, witness),
            at,
        });
        let streams = streams.collect();
        Ok(Integrity { streams, checked: newest_check(projection)?, has_witness: witness.is_some() })
    }

    pub fn entries(&self) -> u64 {
        self.streams.iter().map(|stream| stream.at.entries).sum()
    }

    /// The stream with the most entries stands for the log where there is room for one alone.
    pub fn main(&self) -> Option<&StreamStands> {
        self.streams.iter().max_by_key(|stream| stream.at.entries)
    }

    pub fn state(&self, now: Timestamp) -> State {
        let differs = self.streams.iter().any(|stream| stream.outside == Outside::Differs);
        match &self.checked {
            _ if differs => State::Faulty,
            Some(checked) if checked.findings > 0 => State::Faulty,
            Some(checked) if now.as_microsecond() - checked.at > CHECK_DAYS * 86_400_000_000 => State::Due,
            Some(_) => State::Sound,
            None => State::NeverChecked,
        }
    }
}

fn newest_check(projection: &Projection) -> Result<Option<Checked>, OversightError> {
    let select = Select { events: vec!["audit.verify".into()], entries_only: true, limit: CHECKS_MAX, ..Select::default() };
    let acts = projection.acts(&select)?;
    let places: Vec<(String, u64)> = acts.iter().map(|seen| (seen.act.stream.clone(), seen.act.seq)).collect();
    let originals = projection.originals(&places)?;
    let lines = places.iter().filter_map(|place| originals.get(place).map(|original| (place, original.line())));
    let of_log = lines.into_iter().find(|(_, line)| line.fact(WHAT).as_deref() == Some(AUDIT_LOG));
    Ok(of_log.map(|((stream, seq), line)| checked(&line, format!("{stream}:{seq}"))))
}

fn checked(line: &Line, entry: String) -> Checked {
    let number = |name: &str| line.fact(name).and_then(|text| text.parse::<u64>().ok());
    let first = line.fact("file").map(|file| (file, number("offset").unwrap_or(0), line.fact("fault").unwrap_or_default()));
    Checked {
        at: line.at(),
        by: line.user.name.some().or_else(|| line.user.sub.some()).unwrap_or_default(),
        entries: number("entries").unwrap_or(0),
        checkpoints: number("checkpoints").unwrap_or(0),
        witnessed: number("witnessed").unwrap_or(0),
        took_s: number("took_s"),
        findings: number("findings").unwrap_or(0),
        first,
        entry,
    }
}

/// The facts that the entry of a check says. Places and classes, no content.
pub fn facts(report: &Report, took_s: u64) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        (WHAT, AUDIT_LOG.to_string()),
        ("findings", report.findings.len().to_string()),
        ("entries", report.entries.to_string()),
        ("checkpoints", report.checkpoints.to_string()),
        ("witnessed", report.witnessed.to_string()),
        ("took_s", took_s.to_string()),
    ];
    if let Some(first) = report.findings.first() {
        facts.extend([("file", first.file.clone()), ("offset", first.offset.to_string())]);
        facts.push(("fault", format!("{} ({})", first.what, first.fault.name())));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{AuditLog, Entry, Outcome, verify_against};
    use crate::signing::KeyRing;

    fn check(archive: &Path, log: &AuditLog, witness: Option<&Path>) {
        let ring = KeyRing::load(archive).unwrap();
        let report = verify_against(archive, &ring, audit::Against { witness, from: None });
        let outcome = if report.ok() { Outcome::Success } else { Outcome::SeriousFailure };
        log.append(Entry { outcome, detail: facts(&report, 0), ..Entry::new("audit.verify") }).unwrap();
    }

    #[test]
    fn a_log_is_sound_once_it_was_checked_and_faulty_when_a_byte_is_another() {
        let (folder, log) = AuditLog::temporary();
        let archive = folder.path().join("archive");
        let projection = Projection::open(&archive).unwrap();
        let state = || Integrity::read(&projection, None).unwrap();
        log.append(Entry::new("app.start")).unwrap();
        assert_eq!(state().state(Timestamp::now()), State::NeverChecked);
        log.checkpoint().unwrap();
        check(&archive, &log, None);
        let sound = state();
        assert_eq!(sound.state(Timestamp::now()), State::Sound);
        assert!(sound.streams[0].covered_to.is_some() && sound.checked.as_ref().unwrap().entries > 0, "{sound:?}");
        let later = Timestamp::now() + jiff::SignedDuration::from_hours(24 * (CHECK_DAYS + 1));
        assert_eq!(sound.state(later), State::Due);

        std::fs::write(archive.join("audit/s0000/stray"), "x").unwrap();
        check(&archive, &log, None);
        let faulty = state();
        assert_eq!(faulty.state(Timestamp::now()), State::Faulty);
        let (file, _, what) = faulty.checked.unwrap().first.unwrap();
        assert!(file.ends_with("s0000/stray") && what.contains("stray"), "{file}: {what}");
    }

    #[test]
    fn an_outside_copy_agrees_lags_or_differs() {
        let (folder, log) = AuditLog::temporary();
        let archive = folder.path().join("archive");
        let witness = folder.path().join("witness");
        std::fs::create_dir(&witness).unwrap();
        let outside = |witness: Option<&Path>| audit::outside_copy(&archive, "s0000", witness);
        log.append(Entry::new("app.start")).unwrap();
        log.checkpoint().unwrap();
        assert_eq!(outside(None), Outside::NotKept);
        assert_eq!(outside(Some(&witness)), Outside::Nothing);
        let copy = witness.join("s0000.checkpoints");
        std::fs::copy(archive.join("audit/s0000/checkpoints"), &copy).unwrap();
        assert!(matches!(outside(Some(&witness)), Outside::Agrees { .. }), "{:?}", outside(Some(&witness)));
        log.append(Entry::new("app.stop")).unwrap();
        log.checkpoint().unwrap();
        assert!(matches!(outside(Some(&witness)), Outside::Behind { .. }), "{:?}", outside(Some(&witness)));
        let text = std::fs::read_to_string(&copy).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let root = lines[lines.iter().rposition(|line| *line == lines[0]).unwrap() + 2];
        let other = if root.starts_with('A') { "B" } else { "A" };
        std::fs::write(&copy, text.replace(root, &format!("{other}{}", &root[1..]))).unwrap();
        assert_eq!(outside(Some(&witness)), Outside::Differs);
    }
}

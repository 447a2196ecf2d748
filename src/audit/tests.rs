//! Behaviour of the log as a whole: concurrency, crashes, failures, tampering.
//!
//! Not for: single parts of it; their tests stand in their own files.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::folder::LogFolder;
use super::frame::{FrameReader, Next, SEGMENT_MARK, push_frame};
use super::outlet::Outlets;
use super::*;
use crate::model::PatientKey;
use crate::signing::{KeyPurpose, KeyRing, Signer, init_keys, load_signer};

pub(super) const OPTIONS: Options = Options {
    segment_bytes_max: 1 << 20,
    step_bytes: 4096,
    checkpoint_entries: 1_000,
    checkpoint_every: Duration::from_secs(60),
    reserve: Reserve { bytes: 0, percent: 0 },
};

pub(super) struct Fixture {
    pub(super) dir: tempfile::TempDir,
    pub(super) signer: Arc<dyn Signer + Send + Sync>,
}

impl Fixture {
    pub(super) fn new() -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        let private = dir.path().join("private");
        init_keys(&dir.path().join("archive"), &private).unwrap();
        let signer = Arc::new(load_signer(&private, KeyPurpose::Audit).unwrap());
        Fixture { dir, signer }
    }

    pub(super) fn archive(&self) -> PathBuf {
        self.dir.path().join("archive")
    }

    pub(super) fn stream_dir(&self) -> PathBuf {
        self.archive().join("audit/s0000")
    }

    pub(super) fn open(&self, options: Options) -> AuditLog {
        AuditLog::open_with(&self.archive(), self.signer.clone(), options).unwrap()
    }

    pub(super) fn stream(&self) -> (Stream, stream::Opened) {
        let options = StreamOptions { segment_bytes_max: OPTIONS.segment_bytes_max, step_bytes: OPTIONS.step_bytes };
        Stream::open(LogFolder::new(&self.archive(), FOLDER), self.signer.clone(), options).unwrap()
    }

    fn try_open(&self) -> Result<AuditLog, LogError> {
        AuditLog::open_with(&self.archive(), self.signer.clone(), OPTIONS)
    }

    pub(super) fn verify(&self) -> Report {
        verify(&self.archive(), &KeyRing::load(&self.archive()).unwrap())
    }

    /// The finding that there must be, and its text.
    pub(super) fn what(&self) -> String {
        let report = self.verify();
        assert!(!report.ok(), "nothing was found");
        report.findings[0].what.clone()
    }

    /// Segments of the first stream, oldest first.
    pub(super) fn segments(&self) -> Vec<PathBuf> {
        let folder = LogFolder::new(&self.archive(), FOLDER);
        folder.segments("s0000").unwrap().into_iter().map(|n| self.stream_dir().join(folder.segment_name(n))).collect()
    }

    pub(super) fn entries(&self) -> Vec<Map<String, Value>> {
        let query = Query { newest_first: false, limit: usize::MAX, ..Query::default() };
        read(&self.archive(), &query).unwrap().into_iter().map(|f| f.entry).collect()
    }
}

/// A log of one stream with `count` read entries over several segments, closed.
pub(super) fn written(count: usize, segment_bytes_max: u64) -> Fixture {
    let fixture = Fixture::new();
    let log = fixture.open(Options { segment_bytes_max, checkpoint_entries: 10, ..OPTIONS });
    for i in 0..count {
        log.append(entry(i)).unwrap();
    }
    drop(log);
    assert_eq!(fixture.verify().findings, []);
    fixture
}

pub(super) fn entry(number: usize) -> Entry {
    let patient = PatientKey::parse(&format!("mer.{}", number % 3)).unwrap();
    Entry {
        patients: vec![patient],
        user: Some(User { iss: "local".into(), sub: format!("u{}", number % 2), ..User::default() }),
        request_id: Some(number.to_string()),
        ..Entry::new("record.read")
    }
}

/// Every payload of a segment, its head included.
pub(super) fn payloads(path: &Path) -> Vec<Vec<u8>> {
    let bytes = fs::read(path).unwrap();
    let mut frames = FrameReader::new(&bytes[..]).unwrap().unwrap();
    let mut all = Vec::new();
    while let Next::Frame { payload, .. } = frames.next().unwrap() {
        all.push(payload);
    }
    all
}

/// Puts a copy of folder `from` in place of folder `to`.
pub(super) fn replace_folder(to: &Path, from: &Path) {
    if to.exists() {
        fs::remove_dir_all(to).unwrap();
    }
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            replace_folder(&target, &entry.path());
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Writes a segment anew, with right checksums.
pub(super) fn rewrite(path: &Path, payloads: &[Vec<u8>]) {
    let mut bytes = SEGMENT_MARK.to_vec();
    payloads.iter().for_each(|p| push_frame(&mut bytes, p));
    fs::write(path, bytes).unwrap();
}

#[test]
fn many_threads_make_one_gapless_chain() {
    let fixture = Fixture::new();
    let log = fixture.open(Options { segment_bytes_max: 40_000, checkpoint_entries: 50, ..OPTIONS });
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let log = log.clone();
            scope.spawn(move || {
                for i in 0..50 {
                    log.append(entry(thread * 50 + i)).unwrap();
                }
            });
        }
        // A check beside the writer finds nothing wrong.
        assert_eq!(fixture.verify().findings, []);
    });
    drop(log);
    let report = fixture.verify();
    assert_eq!((report.findings, report.entries, report.streams), (vec![], 402, 1));
    assert!(report.checkpoints >= 5 && fixture.segments().len() > 2);
    let numbers: Vec<u64> = fixture.entries().iter().map(|e| e["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..402).collect::<Vec<_>>());
}

#[test]
fn each_process_has_its_own_stream_and_streams_are_used_again() {
    let fixture = Fixture::new();
    let (one, two) = (fixture.open(OPTIONS), fixture.open(OPTIONS));
    assert_eq!((one.stream(), two.stream()), ("s0000", "s0001"));
    let ack = two.append(entry(0)).unwrap();
    assert_eq!((ack.stream.as_ref(), ack.seq), ("s0001", 1));
    drop(one);
    let again = fixture.open(OPTIONS);
    assert_eq!(again.stream(), "s0000");
    assert_eq!(again.append(entry(1)).unwrap().seq, 3);
    drop((two, again));
    let report = fixture.verify();
    assert_eq!((report.findings, report.streams), (vec![], 2));
}

#[test]
fn a_closed_log_ends_with_its_stop_under_a_checkpoint() {
    let (dir, log) = AuditLog::temporary();
    let other = log.clone();
    log.close();
    assert_eq!(other.append(entry(0)).unwrap_err(), AuditError::Failed);
    let archive = dir.path().join("archive");
    let report = verify(&archive, &KeyRing::load(&archive).unwrap());
    assert_eq!((report.findings, report.entries, report.checkpoints), (vec![], 2, 2));
}

#[test]
fn a_waiting_task_is_told_when_its_entry_is_durable() {
    let fixture = Fixture::new();
    let log = fixture.open(OPTIONS);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let ack = runtime.block_on(log.append_async(entry(0)).durable()).unwrap();
    assert_eq!(ack.seq, 1);
    log.enqueue(entry(1)).unwrap();
    log.checkpoint().unwrap();
    assert_eq!(fixture.entries().len(), 3);
    assert_eq!(log.append(Entry::new("no.such")).unwrap_err(), AuditError::UnknownEvent);
    let giant = Entry { shown: Vec::new(), patients: vec![PatientKey::parse("p").unwrap(); 300_000], ..entry(0) };
    assert_eq!(log.append(giant).unwrap_err(), AuditError::TooLarge);
    assert_eq!(log.append(entry(2)).unwrap().seq, 3);
}

#[test]
fn a_failed_log_takes_nothing_more() {
    let fixture = Fixture::new();
    let log = fixture.open(OPTIONS);
    log.append(entry(0)).unwrap();
    // The next segment cannot be made: its folder is gone.
    fs::rename(fixture.stream_dir(), fixture.archive().join("elsewhere")).unwrap();
    assert!(log.healthy());
    assert_eq!(log.checkpoint(), Err(AuditError::Failed));
    assert!(!log.healthy());
    assert_eq!(log.append(entry(1)).unwrap_err(), AuditError::Failed);
    fs::rename(fixture.archive().join("elsewhere"), fixture.stream_dir()).unwrap();
    assert_eq!(log.append(entry(2)).unwrap_err(), AuditError::Failed);
    drop(log);
    let log = fixture.open(OPTIONS);
    assert_eq!(log.append(entry(3)).unwrap().seq, 3);
    log.fail();
    assert_eq!(log.enqueue(entry(4)).unwrap_err(), AuditError::Failed);
}

#[cfg(target_os = "linux")]
#[test]
fn an_entry_that_does_not_reach_the_disk_is_not_acknowledged() {
    let fixture = Fixture::new();
    let (mut stream, _) = fixture.stream();
    stream.replace_file("/dev/full");
    let log = AuditLog::start(stream, Outlets::default(), OPTIONS).unwrap();
    let answers: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|i| {
                scope.spawn({
                    let log = log.clone();
                    move || log.append(entry(i))
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert_eq!(answers, vec![Err(AuditError::Failed); 4]);
    assert!(!log.healthy());
    drop(log);
    assert_eq!(fixture.entries().len(), 0);
    drop(fixture.open(OPTIONS));
    assert_eq!((fixture.entries().len(), fixture.verify().findings), (2, vec![]));
}

#[test]
fn entries_are_found_by_patient_user_event_and_time() {
    let fixture = written(30, 4_000);
    let find = |query: Query| read(&fixture.archive(), &query).unwrap();
    let of_patient = find(Query { patient: Some("mer.1".into()), limit: 4, ..Query::default() });
    let ids: Vec<&str> = of_patient.iter().map(|f| f.entry["req_id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["28", "25", "22", "19"]);
    let oldest = find(Query { user: Some("u1".into()), newest_first: false, limit: 2, ..Query::default() });
    assert_eq!(oldest.iter().map(|f| f.seq).collect::<Vec<_>>(), [2, 4]);
    assert_eq!(find(Query { event: Some("app.stop".into()), ..Query::default() }).len(), 1);
    let first = find(Query { to: Some(oldest[0].ts), ..Query::default() });
    assert_eq!(first.len(), 2);
    assert_eq!(find(Query { from: Some(oldest[0].ts), ..Query::default() }).len(), 30);
}

/// A log that ended without a stop, as after a kill: its last entry lies past the last checkpoint.
fn killed() -> (Fixture, PathBuf, Vec<u8>, usize) {
    let fixture = Fixture::new();
    let log = fixture.open(OPTIONS);
    log.append(entry(0)).unwrap();
    log.append(entry(1)).unwrap();
    log.fail();
    drop(log);
    let path = fixture.segments().remove(0);
    let bytes = fs::read(&path).unwrap();
    let end = bytes.iter().rposition(|b| *b != 0).unwrap() + 1;
    (fixture, path, bytes, end)
}

#[test]
fn a_write_torn_at_any_byte_is_recovered_once() {
    let (fixture, path, bytes, end) = killed();
    let last = payloads(&path).pop().unwrap().len() + 8;
    let checkpoints = fs::read(fixture.stream_dir().join("checkpoints")).unwrap();
    for cut in (end - last)..end {
        let mut torn = bytes.clone();
        torn[cut..end].fill(0);
        // Every other time the file itself ends there.
        torn.truncate(if cut % 2 == 0 { cut } else { bytes.len() });
        fs::write(&path, &torn).unwrap();
        fs::write(fixture.stream_dir().join("checkpoints"), &checkpoints).unwrap();
        drop(fixture.open(OPTIONS));
        let events: Vec<String> = fixture.entries().iter().map(|e| e["event"].as_str().unwrap().to_string()).collect();
        let recovered = if cut == end - last { vec![] } else { vec!["audit.recovered"] };
        let expected = [&["app.start", "record.read"][..], &recovered, &["app.start", "app.stop"]].concat();
        assert_eq!(events, expected, "cut at {cut} of {end}");
        assert_eq!(fixture.verify().findings, [], "cut at {cut}");
    }
    drop(fixture.open(OPTIONS));
    let recovered = fixture.entries().iter().filter(|e| e["event"] == "audit.recovered").count();
    assert_eq!(recovered, 1);
}

/// The child of the next test, which alone gives it a folder: appends until it is killed, and prints the number of each
/// acknowledged entry.
#[test]
fn append_until_killed() {
    let Some(dir) = std::env::var_os("CHARTKEEP_TEST_DIR").map(PathBuf::from) else { return };
    let signer = Arc::new(load_signer(&dir.join("private"), KeyPurpose::Audit).unwrap());
    let options = Options { segment_bytes_max: 20_000, checkpoint_entries: 7, ..OPTIONS };
    let log = AuditLog::open_with(&dir.join("archive"), signer, options).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let ack = log.append(entry(0)).unwrap();
                    println!("acknowledged {}", ack.seq);
                }
            });
        }
    });
}

/// Kills in an ordinary run; `CHARTKEEP_KILLS` asks for more, `CHARTKEEP_KILL_SEED` for others (`ops/kill`).
const KILLS: u64 = 4;

#[test]
fn a_killed_process_loses_nothing_acknowledged() {
    use std::io::{BufRead, BufReader};
    let asked = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (kills, seed) = (asked("CHARTKEEP_KILLS").unwrap_or(KILLS), asked("CHARTKEEP_KILL_SEED").unwrap_or(3));
    let fixture = Fixture::new();
    let (mut acknowledged, mut state) = (0, seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    for round in 0..kills {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "audit::tests::append_until_killed", "--nocapture"])
            .env("CHARTKEEP_TEST_DIR", fixture.dir.path())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut numbers: Vec<u64> = Vec::new();
        let number = |line: String| line.rsplit_once("acknowledged ").and_then(|(_, n)| n.parse().ok());
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        while numbers.len() < 5 + (state % 60) as usize {
            numbers.extend(number(lines.next().unwrap()));
        }
        std::thread::sleep(Duration::from_micros(state >> 40 & 0x1fff));
        child.kill().unwrap();
        child.wait().unwrap();
        // What was still in the pipe was acknowledged too; its last line may be cut.
        numbers.extend(lines.filter_map(number).collect::<Vec<_>>().split_last().map_or(&[][..], |(_, rest)| rest));
        acknowledged = acknowledged.max(numbers.into_iter().max().unwrap());
        // Opening it recovers it; that is looked at now and then, since every look reads all of it.
        drop(fixture.open(OPTIONS));
        if round < KILLS || round % 50 == 0 || round + 1 == kills {
            let entries = fixture.entries();
            assert!(acknowledged < entries.len() as u64, "an acknowledged entry is lost; seed {seed}, kill {round}");
            assert_eq!(fixture.verify().findings, [], "seed {seed}, kill {round}");
            let recovered = |entries: &[Map<String, Value>]| entries.iter().filter(|e| e["event"] == "audit.recovered").count();
            drop(fixture.open(OPTIONS));
            assert_eq!(recovered(&fixture.entries()), recovered(&entries), "recovered twice; seed {seed}, kill {round}");
        }
    }
    println!("{kills} kills with seed {seed}: {} entries, all acknowledged ones there", fixture.entries().len());
}

#[test]
fn a_torn_checkpoint_is_made_anew() {
    let (fixture, ..) = killed();
    let path = fixture.stream_dir().join("checkpoints");
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend_from_slice(b"chartkeep/audit/s0000\n3\nAAA");
    fs::write(&path, bytes).unwrap();
    assert_eq!(fixture.what(), "the last checkpoint is incomplete");
    drop(fixture.open(OPTIONS));
    assert_eq!(fixture.verify().findings, []);
}

#[test]
fn damage_that_no_crash_explains_refuses_to_start() {
    let fixture = written(30, 4_000);
    let last = fixture.segments().pop().unwrap();
    let good = fs::read(&last).unwrap();
    let end = good.iter().rposition(|b| *b != 0).unwrap();
    let mut flipped = good.clone();
    flipped[end - 5] ^= 1;
    fs::write(&last, flipped).unwrap();
    assert!(matches!(fixture.try_open(), Err(LogError::Damaged { .. })));
    fs::write(&last, good).unwrap();
    assert!(fixture.try_open().is_ok());
}

#[test]
fn a_key_that_the_archive_does_not_know_writes_nothing() {
    let (fixture, other) = (Fixture::new(), Fixture::new());
    let opened = AuditLog::open_with(&fixture.archive(), other.signer.clone(), OPTIONS);
    assert!(matches!(opened, Err(LogError::ForeignKey)));
    assert!(!fixture.archive().join("audit").exists());
}

#[test]
fn every_flipped_byte_is_found() {
    let fixture = written(3, 1_000);
    let ring = KeyRing::load(&fixture.archive()).unwrap();
    let mut files = fixture.segments();
    assert!(files.len() > 1);
    let (checkpoints, tiles) = (fixture.stream_dir().join("checkpoints"), fixture.stream_dir().join("tiles/0"));
    files.extend([checkpoints, tiles, fixture.archive().join("audit/streams")]);
    for file in files {
        let good = fs::read(&file).unwrap();
        // Every byte of what was written, and the ends of the reserved zeros.
        let end = good.iter().rposition(|b| *b != 0).unwrap() + 2;
        for at in (0..end.min(good.len())).chain([good.len() - 1]) {
            let mut bytes = good.clone();
            bytes[at] ^= 1 << (at % 8);
            fs::write(&file, &bytes).unwrap();
            assert!(!verify(&fixture.archive(), &ring).ok(), "{} byte {at}", file.display());
        }
        fs::write(&file, &good).unwrap();
    }
    fs::write(fixture.stream_dir().join("lock"), "x").unwrap();
    assert_eq!(fixture.what(), "a lock file is not empty");
}

#[test]
fn a_frame_taken_out_or_moved_is_found() {
    let fixture = written(30, 4_000);
    let path = fixture.segments().remove(0);
    let good = payloads(&path);
    let mut fewer = good.clone();
    fewer.remove(3);
    rewrite(&path, &fewer);
    assert_eq!(fixture.what(), "an entry is missing");
    let mut swapped = good.clone();
    swapped.swap(3, 4);
    rewrite(&path, &swapped);
    assert_eq!(fixture.what(), "entries stand in another order than they were written in");
    let mut changed = good.clone();
    changed[3] = String::from_utf8(changed[3].clone()).unwrap().replace("\"sub\":\"u", "\"sub\":\"v").into_bytes();
    assert_ne!(changed, good);
    rewrite(&path, &changed);
    assert_eq!(fixture.what(), "the hash chain is broken");
}

#[test]
fn a_shortened_log_is_found() {
    let fixture = written(30, 4_000);
    let segments = fixture.segments();
    let good = payloads(&segments[0]);
    rewrite(&segments[0], &good[..good.len() - 1]);
    assert_eq!(fixture.what(), "entries are missing at the end of a closed segment");
    rewrite(&segments[0], &good);
    assert!(fixture.verify().ok());

    let last = segments.last().unwrap();
    let good = payloads(last);
    rewrite(last, &good[..good.len() - 1]);
    assert_eq!(fixture.what(), "the log is shorter than its last checkpoint");
    assert!(matches!(fixture.try_open(), Err(LogError::Damaged { .. })));
    fs::remove_file(last).unwrap();
    assert_eq!(fixture.what(), "the log is shorter than its last checkpoint");
}

#[test]
fn an_old_segment_put_back_is_found() {
    let fixture = Fixture::new();
    let log = fixture.open(OPTIONS);
    log.append(entry(0)).unwrap();
    drop(log);
    let path = fixture.segments().remove(0);
    let old = fs::read(&path).unwrap();
    drop(fixture.open(OPTIONS));
    fs::write(&path, old).unwrap();
    assert_eq!(fixture.what(), "the log is shorter than its last checkpoint");
}

#[test]
fn checkpoints_rolled_back_are_found() {
    let fixture = written(30, 4_000);
    let path = fixture.stream_dir().join("checkpoints");
    let good = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = good.split_inclusive('\n').collect();
    for (kept, what) in [
        (lines.len() - 5, "the checkpoint of the last stop is missing"),
        (lines.len() - 10, "a checkpoint that an entry names is missing"),
        (5, "a checkpoint that an entry names is missing"),
    ] {
        fs::write(&path, lines[..kept].concat()).unwrap();
        assert_eq!(fixture.what(), what);
    }
    let without_one = [&lines[..5], &lines[10..]].concat().concat();
    fs::write(&path, without_one).unwrap();
    assert_eq!(fixture.what(), "an entry names another checkpoint than there is");
    fs::remove_file(&path).unwrap();
    assert!(!fixture.verify().ok());
}

#[test]
fn a_log_rebuilt_with_another_key_is_found() {
    let (fixture, other) = (written(30, 4_000), written(30, 4_000));
    replace_folder(&fixture.stream_dir(), &other.stream_dir());
    assert_eq!(fixture.what(), "a checkpoint is signed by an unknown key");
    // With the other archive's ring and list too, only keys held elsewhere tell.
    let trusted = KeyRing::load(&fixture.archive()).unwrap().verifiers(KeyPurpose::Audit);
    assert!(!KeyRing::load(&other.archive()).unwrap().check_against(&trusted).is_empty());
}

#[test]
fn a_stream_taken_away_is_found() {
    let fixture = Fixture::new();
    let (one, two) = (fixture.open(OPTIONS), fixture.open(OPTIONS));
    drop((one, two));
    let list = fixture.archive().join("audit/streams");
    fs::remove_dir_all(fixture.archive().join("audit/s0000")).unwrap();
    assert_eq!(fixture.what(), "the stream is missing");
    // Its line of the list as well: the other stream remembers that there were two.
    let text = fs::read_to_string(&list).unwrap();
    fs::write(&list, text.split_inclusive('\n').skip(4).collect::<String>()).unwrap();
    assert_eq!(fixture.what(), "the list of streams is shorter than it was");
}

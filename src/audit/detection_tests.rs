//! Everything that somebody could do to a log (spec audit.md §5.4), each with the class that a check must name.
//!
//! Not for: what a crash leaves behind (`tests`).

use std::fs;
use std::path::PathBuf;

use super::tests::{Fixture, OPTIONS, entry, payloads, replace_folder, rewrite};
use super::*;
use crate::config::AuditConfig;
use crate::signing::KeyRing;

/// What is done to a log, what a check says without a witness, and what it says with one. `None`: it finds nothing.
struct Case {
    name: &'static str,
    tamper: fn(&Log),
    alone: Option<Fault>,
    witnessed: Option<Fault>,
}

/// A log of several segments with its witness, and a copy of what it was some entries earlier.
struct Log {
    fixture: Fixture,
    witness: PathBuf,
    earlier: PathBuf,
}

impl Log {
    fn new() -> Log {
        let fixture = Fixture::new();
        let (witness, earlier) = (fixture.dir.path().join("witness"), fixture.dir.path().join("earlier"));
        fs::create_dir(&witness).unwrap();
        let log = Log { fixture, witness, earlier };
        log.write(0..25);
        replace_folder(&log.earlier, &log.audit());
        log.write(25..60);
        assert_eq!((log.find(false), log.find(true)), (None, None));
        log
    }

    /// One process that writes these entries.
    fn write(&self, numbers: std::ops::Range<usize>) {
        let options = Options { segment_bytes_max: 6_000, checkpoint_entries: 10, ..OPTIONS };
        let config = AuditConfig { witness: Some(self.witness.clone()), ..AuditConfig::default() };
        let log = AuditLog::open_all(&self.fixture.archive(), self.fixture.signer.clone(), options, &config).unwrap();
        numbers.for_each(|number| drop(log.append(entry(number)).unwrap()));
        log.close();
    }

    fn audit(&self) -> PathBuf {
        self.fixture.archive().join("audit")
    }

    fn report(&self, with_witness: bool) -> Report {
        let ring = KeyRing::load(&self.fixture.archive()).unwrap();
        let witness = with_witness.then_some(self.witness.as_path());
        verify_against(&self.fixture.archive(), &ring, Against { witness, from: None })
    }

    /// The class of the first finding.
    fn find(&self, with_witness: bool) -> Option<Fault> {
        self.report(with_witness).findings.first().map(|finding| finding.fault)
    }

    fn first_segment(&self) -> PathBuf {
        self.fixture.segments().remove(0)
    }

    fn last_segment(&self) -> PathBuf {
        self.fixture.segments().pop().unwrap()
    }

    fn change_first(&self, change: impl Fn(&mut Vec<Vec<u8>>)) {
        let mut all = payloads(&self.first_segment());
        change(&mut all);
        rewrite(&self.first_segment(), &all);
    }
}

fn flip(path: &std::path::Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

fn lines(path: &std::path::Path, keep: impl Fn(usize, usize) -> bool) {
    let text = fs::read_to_string(path).unwrap();
    let all: Vec<&str> = text.split_inclusive('\n').collect();
    let kept: String = all.iter().enumerate().filter(|(i, _)| keep(*i, all.len())).map(|(_, line)| *line).collect();
    fs::write(path, kept).unwrap();
}

/// A log of the same length with other entries, signed by the archive's own key.
fn rewritten(log: &Log) {
    fs::remove_dir_all(log.audit()).unwrap();
    let options = Options { segment_bytes_max: 6_000, checkpoint_entries: 10, ..OPTIONS };
    let other = log.fixture.open(options);
    (100..200).for_each(|number| drop(other.append(entry(number)).unwrap()));
    other.close();
}

/// A log of another archive, with that archive's keys.
fn foreign(log: &Log) {
    let other = Log::new();
    replace_folder(&log.audit(), &other.audit());
    replace_folder(&log.fixture.archive().join("keys"), &other.fixture.archive().join("keys"));
}

const CASES: &[Case] = &[
    Case { name: "nothing", tamper: |_| (), alone: None, witnessed: None },
    Case {
        name: "a byte of an entry flipped",
        tamper: |log| flip(&log.first_segment(), 900),
        alone: Some(Fault::Altered),
        witnessed: Some(Fault::Altered),
    },
    Case {
        name: "an entry changed, its checksum too",
        tamper: |log| {
            log.change_first(|all| {
                let text = String::from_utf8(all[4].clone()).unwrap();
                all[4] = text.replace("\"sub\":\"u", "\"sub\":\"v").into_bytes();
            });
        },
        alone: Some(Fault::Altered),
        witnessed: Some(Fault::Altered),
    },
    Case {
        name: "an entry taken out, checksums right",
        tamper: |log| log.change_first(|all| drop(all.remove(4))),
        alone: Some(Fault::Missing),
        witnessed: Some(Fault::Missing),
    },
    Case {
        name: "two entries swapped",
        tamper: |log| log.change_first(|all| all.swap(4, 5)),
        alone: Some(Fault::OutOfOrder),
        witnessed: Some(Fault::OutOfOrder),
    },
    Case {
        name: "an entry twice",
        tamper: |log| log.change_first(|all| all.insert(4, all[4].clone())),
        alone: Some(Fault::OutOfOrder),
        witnessed: Some(Fault::OutOfOrder),
    },
    Case {
        name: "a closed segment cut at an entry",
        tamper: |log| log.change_first(|all| drop(all.pop())),
        alone: Some(Fault::Truncated),
        witnessed: Some(Fault::Truncated),
    },
    Case {
        name: "a closed segment cut within an entry",
        tamper: |log| {
            let bytes = fs::read(log.first_segment()).unwrap();
            fs::write(log.first_segment(), &bytes[..bytes.len() - 7]).unwrap();
        },
        alone: Some(Fault::Truncated),
        witnessed: Some(Fault::Truncated),
    },
    Case {
        name: "a closed segment taken away",
        tamper: |log| fs::remove_file(&log.fixture.segments()[1]).unwrap(),
        alone: Some(Fault::Truncated),
        witnessed: Some(Fault::Truncated),
    },
    Case {
        name: "the end cut before the last checkpoint",
        tamper: |log| {
            let all = payloads(&log.last_segment());
            rewrite(&log.last_segment(), &all[..all.len() - 1]);
        },
        alone: Some(Fault::Truncated),
        witnessed: Some(Fault::Truncated),
    },
    Case {
        name: "a segment put in the place of another",
        tamper: |log| {
            fs::copy(&log.fixture.segments()[0], &log.fixture.segments()[1]).unwrap();
        },
        alone: Some(Fault::Replayed),
        witnessed: Some(Fault::Replayed),
    },
    Case {
        name: "the last segment of an earlier day put back",
        tamper: |log| {
            let all = payloads(&log.last_segment());
            rewrite(&log.last_segment(), &all[..2]);
        },
        alone: Some(Fault::Truncated),
        witnessed: Some(Fault::Truncated),
    },
    Case {
        name: "the checkpoints of an earlier day put back",
        tamper: |log| {
            fs::copy(log.earlier.join("s0000/checkpoints"), log.audit().join("s0000/checkpoints")).unwrap();
        },
        alone: Some(Fault::RolledBack),
        witnessed: Some(Fault::RolledBack),
    },
    Case {
        name: "the last checkpoint taken away",
        tamper: |log| lines(&log.audit().join("s0000/checkpoints"), |line, all| line < all - 5),
        alone: Some(Fault::RolledBack),
        witnessed: Some(Fault::RolledBack),
    },
    Case {
        name: "a checkpoint in between taken away",
        tamper: |log| lines(&log.audit().join("s0000/checkpoints"), |line, _| !(5..10).contains(&line)),
        alone: Some(Fault::RolledBack),
        witnessed: Some(Fault::RolledBack),
    },
    Case {
        name: "a byte of a stored hash flipped",
        tamper: |log| flip(&log.audit().join("s0000/tiles/0"), 70),
        alone: Some(Fault::Altered),
        witnessed: Some(Fault::Altered),
    },
    Case {
        name: "stored hashes taken away",
        tamper: |log| fs::remove_file(log.audit().join("s0000/tiles/0")).unwrap(),
        alone: Some(Fault::Missing),
        witnessed: Some(Fault::Missing),
    },
    Case {
        name: "hashes added",
        tamper: |log| {
            let mut bytes = fs::read(log.audit().join("s0000/tiles/0")).unwrap();
            bytes.extend_from_slice(&[7; 32]);
            fs::write(log.audit().join("s0000/tiles/0"), bytes).unwrap();
        },
        alone: Some(Fault::Stray),
        witnessed: Some(Fault::Stray),
    },
    Case {
        name: "a stream taken away",
        tamper: |log| fs::remove_dir_all(log.audit().join("s0000")).unwrap(),
        alone: Some(Fault::Missing),
        witnessed: Some(Fault::Missing),
    },
    Case {
        name: "a stream that nobody listed",
        tamper: |log| replace_folder(&log.audit().join("s0001"), &log.audit().join("s0000")),
        alone: Some(Fault::Stray),
        witnessed: Some(Fault::Stray),
    },
    Case {
        name: "everything made anew with another key",
        tamper: |log| replace_folder(&log.audit(), &Log::new().audit()),
        alone: Some(Fault::UnknownKey),
        witnessed: Some(Fault::UnknownKey),
    },
    Case {
        // Only keys held elsewhere tell (`KeyRing::check_against`), or a witness.
        name: "everything made anew with another key, which the ring names",
        tamper: foreign,
        alone: None,
        witnessed: Some(Fault::UnknownKey),
    },
    Case {
        name: "the log and its checkpoints of an earlier day put back, all of it",
        tamper: |log| replace_folder(&log.audit(), &log.earlier),
        alone: None,
        witnessed: Some(Fault::RolledBack),
    },
    Case {
        name: "everything made anew with the archive's own key",
        tamper: rewritten,
        alone: None,
        witnessed: Some(Fault::Rewritten),
    },
    Case {
        name: "the whole log taken away",
        tamper: |log| fs::remove_dir_all(log.audit()).unwrap(),
        alone: None,
        witnessed: Some(Fault::Missing),
    },
    Case {
        name: "a checkpoint of the witness changed",
        tamper: |log| flip(&log.witness.join("s0000.checkpoints"), 25),
        alone: None,
        witnessed: Some(Fault::Altered),
    },
];

#[test]
fn everything_that_can_be_done_to_a_log_is_found_and_named() {
    for case in CASES {
        let log = Log::new();
        (case.tamper)(&log);
        assert_eq!(log.find(false), case.alone, "{}, alone", case.name);
        assert_eq!(log.find(true), case.witnessed, "{}, with the witness", case.name);
    }
}

#[test]
fn the_first_bad_byte_is_named() {
    let log = Log::new();
    let path = log.first_segment();
    let lengths: Vec<usize> = payloads(&path).iter().map(Vec::len).collect();
    // The fourth entry: the mark, the head and three entries come before it.
    let offset: usize = 16 + lengths[..4].iter().map(|length| length + 8).sum::<usize>();
    flip(&path, offset + 8 + lengths[4] / 2);
    let finding = log.report(false).findings.remove(0);
    assert_eq!((finding.file.as_str(), finding.offset), ("audit/s0000/audit-00000000000000000000.log", offset as u64));
}

#[test]
fn a_check_goes_on_from_a_checkpoint_that_was_kept() {
    let log = Log::new();
    let text = fs::read_to_string(log.audit().join("s0000/checkpoints")).unwrap();
    let kept = log.fixture.dir.path().join("kept.txt");
    let notes = checkpoint::notes(&text);
    let middle = notes[notes.len() - 2];
    fs::write(&kept, middle).unwrap();
    let ring = KeyRing::load(&log.fixture.archive()).unwrap();
    let check = || verify_against(&log.fixture.archive(), &ring, Against { witness: None, from: Some(&kept) });
    let (all, some) = (log.report(false), check());
    assert_eq!((some.findings.as_slice(), some.witnessed), (&[][..], 1));
    assert!(some.entries > 0 && some.entries < all.entries, "{} of {}", some.entries, all.entries);
    // What lies before is not read again, what lies after is, and another log is not taken for this one.
    flip(&log.first_segment(), 900);
    assert!(check().ok() && !log.report(false).ok());
    flip(&log.last_segment(), 900);
    assert!(!check().ok());
    rewritten(&log);
    assert_eq!(check().findings[0].fault, Fault::Rewritten);
    fs::write(&kept, "nothing\n").unwrap();
    assert!(!check().ok());
}

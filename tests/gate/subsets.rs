//! Whatever the set of labelled records: what a clinician is told is what he would be told if they had never been
//! delivered. Two archives are made from one delivery, with the records labelled and without them, and compared.
//!
//! Not for: the shared archive over HTTP (`leak`).

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::OnceLock;

use chartkeep::access::{Gate, Permit, Policy, Principal, Purpose, RequestContext, Role, Scope, Shown};
use chartkeep::audit::AuditLog;
use chartkeep::model::{ArchiveId, DocumentId, Kind, PatientKey, archive_id};
use chartkeep::query::{Archive, Selection, TextQuestion};
use chartkeep::signing::{KeyPurpose, KeyRing, default_private_dir, load_signer};
use chartkeep::store::document_id;
use chartkeep::synth::Options;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use super::harness::is_restricted;
use crate::support::{Folder, Hospital, SOURCE, folder, ingest};

/// Cases of an ordinary run; `CHARTKEEP_HEAVY` asks for the long one.
const CASES: u32 = 4;
const CASES_HEAVY: u32 = 200;

/// One record of the delivery.
#[derive(Clone, Debug)]
struct Line {
    kind: Kind,
    id: String,
    json: Value,
}

/// Two patients, undamaged, without any label of their own, each record once.
fn lines() -> &'static [Line] {
    static LINES: OnceLock<Vec<Line>> = OnceLock::new();
    LINES.get_or_init(|| {
        let hospital = Hospital::new(&Options { patients: 2, seed: 7, damage: false, ..Options::default() });
        let mut lines = Vec::new();
        for file in hospital.files() {
            let text = std::fs::read_to_string(file).expect("the delivery reads");
            for line in text.lines().filter(|line| !line.trim().is_empty()) {
                let json: Value = serde_json::from_str(line).expect("undamaged");
                let kind = Kind::from_name(json["resourceType"].as_str().unwrap_or("")).expect("a type of FHIR");
                if !is_restricted(&json) {
                    lines.push(Line { kind, id: json["id"].as_str().expect("an id").into(), json });
                }
            }
        }
        lines
    })
}

/// An archive of the lines that `make` lets through, as it gives them.
fn archive(make: impl Fn(usize, &Line) -> Option<Value>) -> (Folder, PathBuf) {
    let home = folder();
    let delivery = home.path().join("delivery");
    std::fs::create_dir(&delivery).expect("a folder");
    let mut files: std::collections::BTreeMap<&str, String> = Default::default();
    for (at, line) in lines().iter().enumerate() {
        if let Some(json) = make(at, line) {
            let _ = writeln!(files.entry(line.kind.name()).or_default(), "{json}");
        }
    }
    for (kind, text) in files {
        std::fs::write(delivery.join(format!("{kind}.ndjson")), text).expect("written");
    }
    let archive = crate::support::init(&home);
    let run = ingest(&archive, &[&delivery]);
    assert!(matches!(run.code, Some(0 | 1)), "{run:?}");
    (home, archive)
}

/// A clinician at an archive, past HTTP.
struct Desk {
    archive: Archive,
    gate: Gate,
}

impl Desk {
    fn at(root: &Path) -> Desk {
        let ring = KeyRing::load(root).expect("keys");
        let signer = load_signer(&default_private_dir(root), KeyPurpose::Audit).expect("the key");
        let log = AuditLog::open(root, Arc::new(signer)).expect("the log opens");
        let archive = Archive::open(root, ring.verifiers(KeyPurpose::Seal), Default::default()).expect("the archive opens");
        Desk { archive, gate: Gate::new(log, Policy::built_in()) }
    }

    fn with<T>(&self, scope: Scope, ask: impl FnOnce(&Archive, &Permit) -> T) -> T {
        let clinician = Principal::operator("tester", Role::Clinician, Purpose::Treat);
        let permit = self.gate.ask(&clinician, scope, RequestContext::default()).expect("a clinician may ask this");
        let told = ask(&self.archive, &permit);
        permit.answer(told, Shown { event: "record.read", ..Shown::default() }).expect("logged").into_inner()
    }

    /// All that a clinician can get at, as text; places are left out, since ordinals and accessions differ.
    fn everything(&self, words: &BTreeSet<String>, hidden: &BTreeSet<usize>) -> Vec<(String, String)> {
        let mut told: Vec<(String, String)> = vec![("facts".into(), format!("{:?}", self.archive.facts().last_day))];
        let patients: Vec<&Line> = lines().iter().filter(|line| line.kind == Kind::PATIENT).collect();
        for patient in &patients {
            let key = PatientKey::parse(&patient.id).expect("a key");
            self.chart(&key, &mut told);
            for text in [patient.json["name"][0]["family"].as_str(), patient.json["birthDate"].as_str()].into_iter().flatten() {
                told.push((format!("find {text}"), self.find(text)));
            }
            for word in words {
                told.push((format!("search {word}"), self.search(&key, word)));
            }
        }
        // Single records: some that are labelled, and some of the others.
        let others = (0..lines().len()).step_by(lines().len() / 20 + 1).filter(|at| !hidden.contains(at));
        for at in hidden.iter().copied().step_by(hidden.len() / 20 + 1).chain(others) {
            let line = &lines()[at];
            told.push((format!("read {}/{}", line.kind, line.id), self.read(line)));
        }
        told
    }

    fn chart(&self, key: &PatientKey, told: &mut Vec<(String, String)>) {
        let scope = || Scope::Chart(key.clone());
        let index = self.with(scope(), |archive, permit| format!("{:?}", archive.chart_index(permit, key)));
        told.push((format!("cover of {key}"), index));
        for newest in [None, Some(3)] {
            let chart = self.with(scope(), |archive, permit| {
                let chart = archive.chart(permit, key, &Selection { kinds: Vec::new(), newest });
                chart.map(|chart| {
                    let records = chart.records.iter();
                    records.map(|r| format!("{} {} {:?} {}\n", r.version, r.id, r.label, r.json)).collect::<String>()
                })
            });
            told.push((format!("chart of {key}, newest {newest:?}"), format!("{chart:?}")));
        }
        for code in ["718-7", "8867-4", "8480-6", "4548-4", "29463-7"] {
            let series = self.with(scope(), |archive, permit| archive.series(permit, key, code));
            let points = series.map(|points| {
                points.into_iter().map(|p| (p.record, p.when, p.value, p.unit, p.flag, p.low, p.high)).collect::<Vec<_>>()
            });
            told.push((format!("series {code} of {key}"), format!("{points:?}")));
        }
    }

    fn find(&self, text: &str) -> String {
        self.with(Scope::FindPatients, |archive, permit| {
            let found = archive.find_patients(permit, text, 0, 50).expect("a question");
            let hits: Vec<_> = found
                .hits
                .into_iter()
                .map(|h| (h.patient.key, h.patient.identity, h.patient.records, h.patient.last_seen, h.why))
                .collect();
            format!("{} {hits:?} {:?}", found.total, found.understood)
        })
    }

    fn search(&self, key: &PatientKey, word: &str) -> String {
        let question =
            TextQuestion { words: vec![word.to_string()], patient: Some(key.clone()), limit: 50, ..TextQuestion::default() };
        self.with(Scope::Chart(key.clone()), |archive, permit| {
            let found = archive.search_text(permit, &question).expect("a question");
            let hits: Vec<_> = found
                .hits
                .iter()
                .map(|h| (h.kind, &h.id, &h.title, &h.author, &h.type_code, format!("{:?}", h.date), &h.snippet, &h.marks))
                .collect();
            let facets = (&found.kinds.values, &found.types.values, &found.sources.values, &found.years.values);
            format!("{} {hits:?} {facets:?} {}", found.total, found.not_searchable)
        })
    }

    fn read(&self, line: &Line) -> String {
        let id = ArchiveId::parse(&line.id).expect("an id");
        self.with(Scope::Record(line.kind, id.clone()), |archive, permit| {
            let versions = archive.versions(permit, line.kind, &id);
            let versions = versions.map(|all| all.into_iter().map(|r| (r.version, r.json)).collect::<Vec<_>>());
            // The number of its line is not compared: it counts the lines of the file.
            let original = archive.origin(permit, line.kind, &id, None).map(|(_, origin)| format!("{:?}", origin.source));
            let document: Option<DocumentId> = document_id(line.kind, &line.id, 0);
            let document = document.map(|document| archive.document(permit, &document).map(|d| (d.sha256, d.content_type)));
            let text = archive.text_of(permit, line.kind, &id);
            format!("{versions:?} {original:?} {document:?} {text:?}")
        })
    }
}

/// Words of the notes' titles and of ordinary prose, so that searches have something to find.
fn words() -> BTreeSet<String> {
    let mut words: BTreeSet<String> = ["the", "pain", "blood", "normal", "patient", "left", "history"].map(String::from).into();
    for line in lines().iter().filter(|line| line.kind.name() == "DiagnosticReport") {
        let conclusion = line.json["conclusion"].as_str().unwrap_or("");
        words.extend(conclusion.split_whitespace().filter(|word| word.len() > 6).take(1).map(str::to_string));
    }
    words.into_iter().take(15).collect()
}

fn labelled(json: &Value) -> Value {
    let mut json = json.clone();
    json["meta"]["security"] = json!([{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "V"}]);
    json
}

/// The same answers from an archive where these records are labelled and one that never had them.
fn compare(hidden: &BTreeSet<usize>) {
    let (_with_home, with) =
        archive(|at, line| Some(if hidden.contains(&at) { labelled(&line.json) } else { line.json.clone() }));
    // What is labelled because of these, and what the lists of codes label, is not there either.
    let accessions = crate::support::archive::accessions(&with).into_iter();
    let records = accessions.flat_map(|accession| crate::support::archive::records(&accession));
    let names: BTreeSet<(Kind, String)> = records.filter(|r| r.label.is_restricted()).map(|r| (r.kind, r.id)).collect();
    let is_labelled = |line: &Line| names.contains(&(line.kind, archive_id(SOURCE, line.kind.name(), &line.id).as_str().into()));
    let hidden: &BTreeSet<usize> = &lines().iter().enumerate().filter(|(_, line)| is_labelled(line)).map(|(at, _)| at).collect();
    let (_without_home, without) = archive(|at, line| (!hidden.contains(&at)).then(|| line.json.clone()));
    let words = words();
    let (with, without) = (Desk::at(&with).everything(&words, hidden), Desk::at(&without).everything(&words, hidden));
    for ((what, labelled), (_, absent)) in with.iter().zip(&without) {
        let differs = labelled.bytes().zip(absent.bytes()).position(|(a, b)| a != b).unwrap_or(labelled.len().min(absent.len()));
        let near = |text: &str| text.bytes().skip(differs.saturating_sub(60)).take(160).map(char::from).collect::<String>();
        assert!(labelled == absent, "{what}:\n  labelled … {}\n  absent   … {}", near(labelled), near(absent));
    }
}

/// Records that may carry a label here: those in a patient's chart. The patient's own record is left out: labelled, it
/// hides the whole chart, while without it the rest of the chart would stand there alone. So are practitioners and the
/// like: others name them by identifier (`Practitioner?identifier=…`), and such a reference is resolved for all readers.
fn may_be_hidden() -> Vec<usize> {
    let named = |line: &Line| ["subject", "patient", "beneficiary"].iter().any(|name| line.json[*name]["reference"].is_string());
    lines().iter().enumerate().filter(|(_, line)| named(line)).map(|(at, _)| at).collect()
}

#[test]
fn a_clinician_is_told_what_he_would_be_told_without_the_labelled_records() {
    let heavy = std::env::var_os("CHARTKEEP_HEAVY").is_some();
    let config = Config {
        cases: if heavy { CASES_HEAVY } else { CASES },
        max_shrink_iters: 0,
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[11; 32]));
    let candidates = may_be_hidden();
    let share = prop_oneof![Just(0.01), Just(0.2), Just(0.9)];
    let subset = (share, any::<u64>()).prop_map(move |(share, seed)| {
        let mut state = seed | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 11) as f64 / (1u64 << 53) as f64
        };
        candidates.iter().copied().filter(|_| next() < share).collect::<BTreeSet<usize>>()
    });
    let tried = runner.run(&subset, |hidden| {
        compare(&hidden);
        Ok(())
    });
    tried.unwrap();
}

/// What was wrong once: the days of a chart, of its cover and of the archive were taken from labelled records too, and
/// the hits of a patient search counted them.
#[test]
fn the_first_and_the_last_day_of_a_chart_are_not_those_of_labelled_records() {
    let day = |line: &Line| {
        let date = ["effectiveDateTime", "date", "recordedDate", "authoredOn", "issued", "created"];
        date.iter().find_map(|name| line.json[*name].as_str()).map(|date| date[..10].to_string())
    };
    let mut dated: Vec<(String, usize)> = may_be_hidden().into_iter().filter_map(|at| Some((day(&lines()[at])?, at))).collect();
    dated.sort();
    let fifth = dated.len() / 5;
    compare(&dated[..fifth].iter().chain(&dated[dated.len() - fifth..]).map(|(_, at)| *at).collect());
}

//! The mutation check: a good delivery of everything that is read, one byte of it damaged, through the real commands.
//! Every run must end archived, quarantined or refused by name; the ledger balances, and every delivered file comes back
//! byte for byte.
//!
//! Not for: heavier damage, which the readers get by themselves (`targets`).

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

use super::archive::chartkeep;
use super::dice::Dice;
use super::seeds::{self, Seed};
use super::worker;

/// Runs in an ordinary run of the tests; `CHARTKEEP_FUZZ_RUNS` asks for more.
pub const RUNS: u64 = 20;

const MAPPING: &str = r#"schema = 1
source = "old"
version = "1"
timezone = "America/Chicago"
null_tokens = ["NULL"]

[patients]
file = "patients.csv"
column = "id"
namespace = "old-pid"
create_stub = true

[[table]]
file = "patients.csv"
key = ["id"]
exclude = [{ rule = "test-patient", when = "name = 'Test'" }]
  [[table.emit]]
  resource = "Patient"
  id = { cols = ["id"], namespace = "old-pid" }
  [table.emit.fields]
  "name[0]" = { type = "human_name", family = "name" }
  birthDate = { type = "date", col = "born", formats = ["%Y-%m-%d"] }

[[table]]
file = "problems.csv"
key = ["id"]
  [[table.emit]]
  resource = "Condition"
  id = { cols = ["id"], namespace = "old-problem" }
  patient = "patient"
  [table.emit.fields]
  code = { type = "concept", col = "code", system = "http://hl7.org/fhir/sid/icd-10-cm", text = "words" }
  onsetDateTime = { type = "date_time", col = "since", formats = ["%m/%d/%Y"] }

[documents]
patient_namespace = "old-pid"
date_formats = ["%Y-%m-%d"]
[documents.manifest]
file = "scans/list.csv"
columns = { file = "path", patient = "patient", date = "date", type = "type" }
"#;

/// A good delivery: its files by name.
pub fn delivery() -> BTreeMap<String, Vec<u8>> {
    let pdf = seeds::pdf().swap_remove(0).bytes;
    let files: [(&str, Vec<u8>); 11] = [
        ("fhir/all.ndjson", format!("{}\n{}\n{}\n", seeds::PATIENT, seeds::RESULT, seeds::NOTE).into_bytes()),
        ("fhir/bundle.json", seeds::bundle().into_bytes()),
        ("fhir/more.ndjson.gz", seeds::gzipped(seeds::RESULT.replace("o1", "o2").as_bytes())),
        ("hl7/messages.hl7", seeds::MESSAGES.as_bytes().to_vec()),
        ("cda/summary.xml", seeds::DOCUMENT.as_bytes().to_vec()),
        ("patients.csv", b"id,name,born\r\n1,\"Ahlgren, Eva\",1955-07-03\r\n2,Weiss,NULL\r\n3,Test,1960-01-01\r\n".to_vec()),
        (
            "problems.csv",
            b"id,patient,code,words,since\n1,1,K80.20,\"Gallstone,\nsmall\",12/31/2010\n2,2,J45.9,Asthma,\n3,9,,Other,1/5/2011\n"
                .to_vec(),
        ),
        ("scans/list.csv", b"path,patient,date,type\nletter.pdf,1,2010-11-12,LET\nfax.rtf,2,,FAX\n".to_vec()),
        ("scans/letter.pdf", pdf),
        ("scans/fax.rtf", seeds::rtf().swap_remove(0).bytes),
        ("boxes.zip", seeds::containers().swap_remove(0).bytes),
    ];
    files.map(|(name, bytes)| (name.to_string(), bytes)).into()
}

/// Writes a delivery below a folder.
pub fn write(folder: &Path, files: &BTreeMap<String, Vec<u8>>) {
    for (name, bytes) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().expect("below a folder")).expect("it can be made");
        std::fs::write(path, bytes).expect("it is written");
    }
}

/// Writes the mapping of the delivery; gives its place.
pub fn mapping(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("mapping.toml");
    std::fs::write(&path, MAPPING).expect("it is written");
    path
}

/// The files of the delivery: one of them is damaged in each run.
pub fn seeds() -> Vec<Seed> {
    delivery().into_iter().map(|(name, bytes)| Seed { name, bytes }).collect()
}

/// How the runs ended.
static ENDS: [AtomicU64; 3] = [const { AtomicU64::new(0) }; 3];

/// How the runs ended, in words; empty when there were none.
pub fn summary() -> String {
    let [clean, found, refused] = ENDS.each_ref().map(|end| end.load(Ordering::Relaxed));
    if clean + found + refused == 0 {
        return String::new();
    }
    format!(", {clean} archived, {found} archived with records in quarantine, {refused} refused by name")
}

/// Damages one byte of a file, and takes the delivery in.
pub fn check(input: &Seed, dice: &mut Dice) {
    let home = tempfile::tempdir_in(worker::home()).expect("a folder");
    let [archive, folder] = ["archive", "delivery"].map(|name| home.path().join(name));
    copy(&empty().join("archive"), &archive);
    copy(&empty().join("archive.keys"), &home.path().join("archive.keys"));
    let mut files = delivery();
    let what = damage(files.get_mut(&input.name).expect("a file of the delivery"), dice);
    write(&folder, &files);
    let mapping = mapping(home.path());
    let words = ["ingest", "--json", "--threads", "2", "--source-system", "old", "--mapping"].map(Path::new);
    let run = output(words.into_iter().chain([mapping.as_path(), &archive, &folder]));
    let told = format!("{} {what}: {}", input.name, String::from_utf8_lossy(&run.stderr));
    assert!(!told.contains("panicked"), "a panic: {told}");
    let code = run.status.code().unwrap_or(-1);
    match code {
        0 | 1 => {
            let result = json(&run);
            let records = result["records"].as_object().unwrap_or_else(|| panic!("no totals: {told}"));
            let fates: u64 = records.iter().filter(|(name, _)| *name != "input").filter_map(|(_, n)| n.as_u64()).sum();
            assert_eq!(records["input"].as_u64(), Some(fates), "the ledger does not balance: {told} {result}");
            let words = ["verify", "--json", "--threads", "2"].map(Path::new).into_iter();
            let check = output(words.chain([archive.as_path(), Path::new("--delivery"), &folder]));
            let report = json(&check);
            assert!(check.status.code() == Some(0), "it does not check: {told} {report}");
            let delivered = report["rebuilt_files"].as_u64().unwrap_or(0);
            assert!(delivered as usize >= files.len(), "{delivered} files of {} come back: {told}", files.len());
        }
        2 => {
            assert!(told[input.name.len() + what.len()..].contains(&input.name), "an error that names no file: {told}");
            let catalogs = std::fs::read_dir(archive.join("catalog")).map(Iterator::count).unwrap_or(0);
            assert_eq!(catalogs, 1, "something was published: {told}");
        }
        _ => panic!("exit code {code}: {told}"),
    }
    ENDS[usize::try_from(code).expect("not negative")].fetch_add(1, Ordering::Relaxed);
}

/// Damages one byte; says how.
fn damage(bytes: &mut Vec<u8>, dice: &mut Dice) -> String {
    let at = dice.below(bytes.len());
    let how = match dice.below(4) {
        0 => {
            bytes[at] ^= 1 << dice.below(8);
            "flipped"
        }
        1 => {
            bytes.remove(at);
            "removed"
        }
        2 => {
            bytes.insert(at, dice.byte());
            "inserted"
        }
        _ => {
            bytes.insert(at, bytes[at]);
            "doubled"
        }
    };
    format!("byte {at} {how}")
}

/// The folder of an empty archive, made once per process and copied.
fn empty() -> &'static Path {
    static EMPTY: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = EMPTY.get_or_init(|| {
        let folder = tempfile::tempdir_in(worker::home()).expect("a folder");
        chartkeep(&[Path::new("init"), &folder.path().join("archive")]);
        folder
    });
    folder.path()
}

/// Copies a folder with all that is in it, empty folders too.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("it can be made");
    for entry in std::fs::read_dir(from).expect("it reads").flatten() {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(path, target).expect("it is copied");
        }
    }
}

fn output<'a>(words: impl Iterator<Item = &'a Path>) -> Output {
    Command::new(env!("CARGO_BIN_EXE_chartkeep")).args(words).output().expect("the binary starts")
}

/// The JSON object on the last line.
fn json(run: &Output) -> Value {
    let text = String::from_utf8_lossy(&run.stdout);
    let last = text.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|_| panic!("no JSON: {text} {}", String::from_utf8_lossy(&run.stderr)))
}

//! `chartkeep export`: the whole archive for a successor, taken up again after a sudden death; all there is of one person; and a
//! check that names what is missing, altered or added.
//!
//! Not for: FHIR Bulk Data over HTTP (`gate::bulk`), or reading an archive without this software (`exit`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chartkeep::synth::Options;
use serde_json::Value;

use crate::gate::harness::{key, stored};
use crate::sealed::files_below;
use crate::support::{Hospital, chartkeep, command, exported, folder, hospital, ingest, init, loaded};

fn export(archive: &Path, out: &Path, more: &[&str]) -> crate::support::Run {
    chartkeep([Path::new("export"), archive, out].into_iter().chain(more.iter().map(Path::new)))
}

fn check(dir: &Path) -> crate::support::Run {
    chartkeep([Path::new("export"), Path::new("--check"), dir])
}

fn content(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = files_below(dir).into_iter();
    files.map(|f| (f.strip_prefix(dir).expect("below").to_path_buf(), std::fs::read(&f).expect("readable"))).collect()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("there")).expect("JSON")
}

#[test]
fn the_whole_archive_leaves_with_its_originals_and_can_be_checked() {
    let home = folder();
    let out = home.path().join("out");
    export(loaded(), &out, &[]).expect(0);
    assert!(check(&out).expect(0).stdout.contains("0 faults"));
    let manifest = json(&out.join("manifest.json"));
    assert_eq!((manifest["what"].as_str(), manifest["purpose"].as_str()), (Some("archive"), Some("RECORDMGT")));
    assert!(!out.join("plan.json").exists());

    // Every current record once, whomever it names.
    let mut ids: Vec<(String, String)> = Vec::new();
    for kind in chartkeep::model::Kind::all() {
        for line in exported(&out, kind.name()).lines() {
            let record: Value = serde_json::from_str(line).expect("one record a line");
            assert_eq!(record["resourceType"], kind.name());
            ids.push((kind.name().into(), record["id"].as_str().expect("an id").into()));
        }
    }
    let mut expected: Vec<(String, String)> = stored().into_iter().map(|record| (record.kind.into(), record.id)).collect();
    ids.sort();
    expected.sort();
    expected.dedup();
    assert_eq!(ids, expected);

    // Every delivered file, byte for byte.
    let mut delivered: BTreeMap<String, PathBuf> = BTreeMap::new();
    for part in manifest["files"].as_array().expect("files").iter().filter(|f| f["path"].as_str().unwrap().contains("delivered-"))
    {
        let listing = json(&out.join(part["path"].as_str().expect("a path")));
        for file in listing["files"].as_array().expect("files") {
            let name = file["about"]["name"].as_str().expect("a name").to_string();
            delivered.insert(name, out.join(file["path"].as_str().expect("a path")));
        }
    }
    let came = files_below(&hospital().delivery());
    assert!(!came.is_empty() && manifest.get("left_out").is_none(), "{:?}", manifest.get("left_out"));
    for file in came {
        let name = file.strip_prefix(hospital().delivery()).expect("below").to_str().expect("plain").to_string();
        let given = delivered.get(&name).unwrap_or_else(|| panic!("{name} is not there"));
        assert!(std::fs::read(&file).unwrap() == std::fs::read(given).unwrap(), "{name} differs");
    }

    // Nothing of it goes unnoticed.
    let document = files_below(&out.join("documents")).remove(0);
    let bytes = std::fs::read(&document).expect("a document");
    std::fs::write(&document, [&bytes[..], b"x"].concat()).expect("writable");
    std::fs::write(out.join("fhir/Added.ndjson"), "{}").expect("writable");
    std::fs::remove_file(out.join("parts/00001.json")).expect("removable");
    let found = check(&out).expect(1).stdout;
    assert!(found.contains("fhir/Added.ndjson: is not part") && found.contains("parts/00001.json: is missing"), "{found}");
    export(loaded(), &out, &[]).expect(2);
}

#[test]
fn an_export_that_was_killed_goes_on_and_ends_as_if_nothing_had_been() {
    let hospital = Hospital::new(&Options { patients: 30, seed: 8, ..Options::default() });
    let home = folder();
    let archive = init(&home);
    ingest(&archive, &[&hospital.delivery()]).expect(1);
    let (whole, out) = (home.path().join("whole"), home.path().join("out"));
    let started = Instant::now();
    export(&archive, &whole, &[]).expect(0);
    let took = started.elapsed();

    let mut unfinished = 0;
    for part in [3u32, 4, 5, 6, 7] {
        let words = [Path::new("export"), &archive, &out];
        let mut process = command(words).stderr(std::process::Stdio::null()).spawn().expect("it starts");
        std::thread::sleep((took * part / 8).max(Duration::from_millis(20)));
        process.kill().expect("it can be killed");
        process.wait().expect("it ends");
        unfinished += u32::from(!out.join("manifest.json").exists());
        if out.join("manifest.json").exists() {
            break;
        }
    }
    assert!(unfinished > 0, "the kills came too late to show anything");
    if !out.join("manifest.json").exists() {
        let other = export(&archive, &out, &["--purpose", "HLEGAL"]);
        assert!(!out.join("plan.json").exists() || other.code == Some(2), "another purpose is another export");
        export(&archive, &out, &[]).expect(0);
    }
    check(&out).expect(0);
    assert!(content(&whole) == content(&out), "it differs from one that was never stopped");
    chartkeep([Path::new("audit"), Path::new("verify"), &archive]).expect(0);
}

#[test]
fn all_there_is_of_one_person_is_one_file_and_always_the_same() {
    let home = folder();
    let sample = &hospital().manifest.sample_patients[0];
    let patient = key(&sample.id);
    let mut packed = Vec::new();
    for name in ["first", "second"] {
        std::fs::create_dir(home.path().join(name)).expect("writable");
        let out = home.path().join(name).join("person.zip");
        export(loaded(), &out, &["--patient", &patient, "--purpose", "PATRQT"]).expect(0);
        packed.push(out);
    }
    assert!(std::fs::read(&packed[0]).unwrap() == std::fs::read(&packed[1]).unwrap(), "two exports of one state differ");
    let entries = crate::gate::harness::entries_by_request(loaded());
    let is_of_him = |entry: &&Value| {
        let patients = entry["patients"].as_array();
        entry["event"] == "export.bulk.file"
            && patients.is_some_and(|all| all.iter().any(|p| p["archive_id"] == patient.as_str()))
    };
    assert!(entries.values().flatten().filter(is_of_him).count() >= 2);
    let unpack = |zip: &Path| {
        let mut zip = zip::ZipArchive::new(std::fs::File::open(zip).expect("there")).expect("a ZIP");
        let mut files = BTreeMap::new();
        for at in 0..zip.len() {
            let mut file = zip.by_index(at).expect("a member");
            let name = file.name().expect("a name").into_owned();
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut file, &mut bytes).expect("it unpacks");
            files.insert(name.split_once('/').expect("in a folder").1.to_string(), bytes);
        }
        files
    };
    let files = unpack(&packed[0]);
    let manifest: Value = serde_json::from_slice(&files["manifest.json"]).expect("JSON");
    assert_eq!(manifest["patients"], serde_json::json!([patient]));
    assert!(files.contains_key("README.md") && files.contains_key("schemas/manifest.schema.json"));
    for file in manifest["files"].as_array().expect("files") {
        let bytes = &files[file["path"].as_str().expect("a path")];
        assert_eq!(file["bytes"].as_u64(), Some(bytes.len() as u64));
    }

    // Every record of his that this purpose covers, and nobody else's.
    let lines = files.iter().filter(|(name, _)| name.ends_with(".ndjson"));
    let records: Vec<Value> = lines
        .flat_map(|(_, bytes)| bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect::<Vec<_>>())
        .map(|line| serde_json::from_slice(line).expect("one record a line"))
        .collect();
    let of = |json: &Value| format!("{}/{}", json["resourceType"].as_str().unwrap(), json["id"].as_str().unwrap());
    let given: std::collections::BTreeSet<String> = records.iter().map(of).collect();
    assert_eq!(given.len(), records.len(), "each once");
    for record in stored() {
        let name = format!("{}/{}", record.kind, record.id);
        let is_directory = chartkeep::access::is_directory(chartkeep::model::Kind::from_name(record.kind).unwrap());
        if record.kind == "Patient" && record.id != patient {
            assert!(!given.contains(&name), "{name} is another's");
        } else if record.kind == "Patient" {
            assert!(given.contains(&name), "{name} is missing");
        } else if given.contains(&name) && !is_directory {
            assert!(record.original.windows(sample.id.len()).any(|at| at == sample.id.as_bytes()), "{name} is another's");
        }
    }
    assert!(records.iter().any(|record| record["resourceType"] == "Practitioner"), "who wrote them comes along");
}

#[test]
fn a_person_gets_the_messages_that_speak_of_nobody_else() {
    let message = |control: &str, patients: &[&str], family: &str| {
        let mut text = format!("MSH|^~\\&|REG|H|A|H|20200101||ADT^A08|{control}|P|2.5\rEVN|A08|20200101100000+0000\r");
        for patient in patients {
            text.push_str(&format!("PID|1||{patient}^^^H^MR||{family}^Ann||19500101|F\r"));
        }
        text
    };
    let home = folder();
    let archive = init(&home);
    let (own, other) = (message("1", &["77"], "Example"), message("2", &["88"], "Other"));
    let file = home.path().join("day.hl7");
    std::fs::write(&file, [own.as_str(), &other].concat()).expect("writable");
    ingest(&archive, &[&file]).expect(0);
    let out = home.path().join("out");
    export(&archive, &out, &["--patient", "mer.H.77", "--purpose", "PATRQT"]).expect(0);
    check(&out).expect(0);
    let sources: Vec<String> =
        files_below(&out.join("sources")).iter().map(|file| std::fs::read_to_string(file).expect("text")).collect();
    assert_eq!(sources, [own.trim_end()]);
    let manifest = json(&out.join("manifest.json"));
    let listed = manifest["files"].as_array().expect("files").iter().find(|f| f["path"] == "sources/000000.hl7").expect("listed");
    assert_eq!((listed["about"]["file"].as_str(), listed["about"]["number"].as_str()), (Some("day.hl7"), Some("1")));
    assert_eq!(listed["about"]["form"], "hl7v2:ADT^A08");
    export(&archive, &home.path().join("nobody"), &["--patient", "mer.H.99", "--purpose", "PATRQT"]).expect(2);
}

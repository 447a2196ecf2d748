//! The access log as it is handed out: exports that a FHIR library reads, evidence that a key alone proves, searches by FHIR,
//! reports by the command line and over HTTP.
//!
//! Not for: what a report says (`src/oversight`). Needs `python3` and PyPI, as `exit` does.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::{Folder, SOURCE, Server, chartkeep, command, folder, hospital, ingest, init, token};

/// An archive of its own with a served day behind it: a search, a chart, a refusal.
fn lived_in() -> (Folder, std::path::PathBuf, String) {
    let folder = folder();
    let archive = init(&folder);
    ingest(&archive, &[&hospital().delivery()]).expect(1);
    let sample = &hospital().manifest.sample_patients[0];
    let patient = chartkeep::model::archive_id(SOURCE, "Patient", &sample.id).as_str().to_string();
    let server = Server::start(&archive);
    let clinician = token(&archive, "clinician");
    let ask = |path: &str, token: &str| server.get(path, Some(token)).status;
    assert_eq!(ask(&format!("/api/v1/patients?q={}", sample.family), &clinician), 200);
    assert_eq!(ask(&format!("/fhir/Observation?patient={patient}&_count=3"), &clinician), 200);
    assert_eq!(ask(&format!("/fhir/Patient/{patient}"), &clinician), 200);
    assert_eq!(ask(&format!("/fhir/Patient/{patient}/$everything"), &clinician), 200);
    assert_eq!(ask(&format!("/api/v1/patients/{patient}/chart"), &token(&archive, "admin")), 403);
    (folder, archive, patient)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("plain names")
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).expect("written");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn what_is_exported_is_read_by_a_fhir_library_and_proved_by_a_key() {
    let (folder, archive, patient) = lived_in();
    let record =
        |words: &[&str]| chartkeep([&["disclosure", "record", text(&archive), "--patient", &patient][..], words].concat());
    record(&["--to", "=cmd|County", "--basis", "public-health", "--what", "Two reports", "--why", "Reportable"]).expect(0);
    record(&["--to", "x", "--basis", "because", "--what", "x", "--why", "x"]).expect(2);

    let out = folder.path().join("ndjson");
    chartkeep(["audit", "export", text(&archive), text(&out)]).expect(0);
    let events = lines(&out.join("AuditEvent.ndjson"));
    let manifest: Value = serde_json::from_slice(&std::fs::read(out.join("manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["rows"], events.len());
    let digest = sha256(&std::fs::read(out.join("AuditEvent.ndjson")).unwrap());
    assert_eq!(manifest["files"][0]["sha256"], digest);
    assert!(manifest["log"][0]["checkpoint"].is_array(), "{manifest}");
    for profile in ["PatientRead", "PatientQuery", "PrivacyDisclosure.Source"] {
        let claims = |event: &&Value| event["meta"]["profile"][0].as_str().is_some_and(|it| it.ends_with(profile));
        assert!(events.iter().any(|event| claims(&event)), "no {profile}");
    }
    read_by_a_library(&out.join("AuditEvent.ndjson"), events.len());

    let out = folder.path().join("csv");
    chartkeep(["audit", "export", text(&archive), text(&out), "--format", "csv", "--patient", &patient]).expect(0);
    let csv = std::fs::read_to_string(out.join("audit.csv")).unwrap();
    assert!(csv.starts_with("time_utc,stream,entry,") && csv.ends_with("\r\n"), "{csv}");
    assert!(csv.contains(",'=cmd|County,"), "{csv}");

    let out = folder.path().join("evidence");
    let bundle = chartkeep(["audit", "bundle", text(&archive), text(&out), "--patient", &patient]);
    assert!(matches!(bundle.code, Some(0 | 1)), "{bundle:?}");
    // The server has ended, so its stream is under a checkpoint; the entry about this very command may not be.
    let key = std::fs::read_to_string(out.join("keys.txt")).unwrap().trim().to_string();
    let checked = chartkeep(["audit", "check-bundle", text(&out), "--key", &key]);
    assert!(checked.stdout.contains(": entry "), "{checked:?}");
    let proved = std::fs::read_dir(&out)
        .unwrap()
        .flatten()
        .map(|it| it.path())
        .find(|it| it.extension().is_some_and(|e| e == "tlog-proof"));
    let payload = proved.expect("some entry is proved").with_extension("json");
    let forged = String::from_utf8(std::fs::read(&payload).unwrap()).unwrap().replacen("\"outcome\":\"", "\"outcome\":\"1", 1);
    std::fs::write(&payload, forged).unwrap();
    let checked = chartkeep(["audit", "check-bundle", text(&out), "--key", &key]);
    assert!(checked.code == Some(2) && checked.stdout.contains("not in the tree"), "{checked:?}");
}

#[test]
fn evidence_saved_from_a_page_is_proved_by_a_key_and_an_altered_entry_is_not() {
    let (folder, archive, patient) = lived_in();
    crate::gate::harness::add_account(&archive, "kim", "compliance");
    let server = Server::start(&archive);
    let browser = crate::gate::harness::Browser::sign_in(&server, "kim");
    let path = format!("/access/export?form=evidence&patient={patient}");
    let answer = browser.get(&path);
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/zip")), "{}", answer.text());
    let saved = folder.path().join("evidence.zip");
    std::fs::write(&saved, &answer.body).unwrap();
    let unpacked = folder.path().join("unpacked");
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(&answer.body)).expect("a ZIP");
    zip.extract(&unpacked).expect("it unpacks");
    let key = std::fs::read_to_string(unpacked.join("keys.txt")).unwrap().trim().to_string();
    for bundle in [&saved, &unpacked] {
        let checked = chartkeep(["audit", "check-bundle", text(bundle), "--key", &key]).expect(0);
        assert!(checked.stdout.contains("0 of them not proved"), "{checked:?}");
    }
    // One letter of one entry is another.
    let entries = std::fs::read_dir(&unpacked).unwrap().flatten().map(|it| it.path());
    let one = entries.filter(|path| path.extension().is_some_and(|it| it == "json")).min().expect("an entry");
    let altered = std::fs::read_to_string(&one).unwrap().replacen("\"outcome\":\"0\"", "\"outcome\":\"8\"", 1);
    std::fs::write(&one, altered).unwrap();
    let checked = chartkeep(["audit", "check-bundle", text(&unpacked), "--key", &key]);
    assert!(checked.code == Some(2) && checked.stdout.contains("1 of them not proved"), "{checked:?}");
    // Whoever is not compliance gets nothing, and what left is in the log.
    crate::gate::harness::add_account(&archive, "ann", "clinician");
    assert_eq!(crate::gate::harness::Browser::sign_in(&server, "ann").get(&path).status, 403);
    let asked = chartkeep::audit::Query { event: Some("audit.export".into()), ..Default::default() };
    let entries = chartkeep::audit::read(&archive, &asked).expect("the log reads");
    let told = entries.iter().map(|it| it.entry["query"]["clean"].as_str().unwrap_or_default().to_string());
    assert!(told.clone().any(|words| words.starts_with("export form=evidence")), "{:?}", told.collect::<Vec<_>>());
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Every line is an AuditEvent of R4 to PyPI's `fhir.resources`.
fn read_by_a_library(file: &Path, count: usize) {
    let python = crate::exit::python_with("test-venv-fhir", &["fhir.resources==7.1.0"], "fhir.resources.R4B.auditevent");
    let program = "import sys\n\
        from fhir.resources.R4B.auditevent import AuditEvent\n\
        lines = open(sys.argv[1], encoding='utf-8').read().split('\\n')\n\
        print(len([AuditEvent.parse_raw(line) for line in lines if line]))";
    let run = Command::new(python).args(["-c", program, text(file)]).output().expect("python runs");
    let said = String::from_utf8_lossy(&run.stdout).trim().to_string();
    assert_eq!(said, count.to_string(), "{}", String::from_utf8_lossy(&run.stderr));
}

#[test]
fn the_log_is_searched_as_fhir_by_compliance_alone() {
    let (_folder, archive, patient) = lived_in();
    let server = Server::start(&archive);
    let compliance = token(&archive, "compliance");
    let get = |path: &str| server.get(path, Some(&compliance));
    let total = |path: &str| {
        let answer = get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()["total"].as_u64().expect("a total")
    };
    let about = total(&format!("/fhir/AuditEvent?patient=Patient/{patient}"));
    assert!(about >= 4, "{about}");
    for (narrowed, is_some) in [
        ("subtype=read", true),
        ("subtype=search-type", true),
        ("subtype=operation", true),
        ("type=http://terminology.hl7.org/CodeSystem/audit-event-type|rest", true),
        ("type=rest&subtype=110122", false),
        ("outcome=8", true),
        ("action=R", true),
        ("address=127.0.0.1", true),
        ("address=10.9.9.9", false),
        ("date=ge2020-01-01", true),
        ("date=lt2020-01-01", false),
        ("purpose=TREAT", true),
        ("source=urn:uuid:00000000-0000-0000-0000-000000000000", false),
    ] {
        let found = total(&format!("/fhir/AuditEvent?patient={patient}&{narrowed}"));
        assert_eq!(found > 0, is_some, "{narrowed}");
        assert!(found < about + 100);
    }
    // Pages lead through everything once, whatever is logged meanwhile.
    let mut ids = Vec::new();
    let mut next = Some(format!("/fhir/AuditEvent?patient={patient}&_count=2"));
    while let Some(path) = next {
        let page = get(&path).json();
        ids.extend(page["entry"].as_array().into_iter().flatten().map(|it| it["resource"]["id"].as_str().unwrap().to_string()));
        let link = page["link"].as_array().unwrap().iter().find(|link| link["relation"] == "next").map(|it| it["url"].clone());
        next = link.map(|url| url.as_str().unwrap().strip_prefix(&server.address).unwrap().to_string());
    }
    let mut once = ids.clone();
    once.sort();
    once.dedup();
    assert_eq!(ids.len(), once.len());
    assert!(ids.len() as u64 >= about);
    let one = get(&format!("/fhir/AuditEvent/{}", ids[0]));
    assert_eq!((one.status, one.json()["id"].as_str()), (200, Some(ids[0].as_str())));
    assert_eq!(total(&format!("/fhir/AuditEvent?_id={}", ids[0])), 1);
    assert_eq!(get("/fhir/AuditEvent/nobody-0").status, 404);
    assert_eq!(get("/fhir/AuditEvent?nonsense=1").status, 400);
    assert_eq!(get(&format!("/fhir/AuditEvent?patient={patient}&_cursor=AAAA")).status, 400);
    let admin = token(&archive, "admin");
    assert_ne!(server.get("/fhir/AuditEvent", Some(&admin)).status, 200);
    // Every one of these questions is in the log itself.
    let asked = chartkeep::audit::Query { event: Some("audit.query".into()), ..Default::default() };
    let asked = chartkeep::audit::read(&archive, &asked).expect("the log reads").len();
    assert!(asked >= 15, "{asked}");
}

#[test]
fn reports_come_as_json_csv_and_page_and_each_is_an_entry() {
    let (_folder, archive, patient) = lived_in();
    let server = Server::start(&archive);
    let compliance = token(&archive, "compliance");
    let get = |path: &str| server.get(path, Some(&compliance));
    for report in ["patient", "patient-days", "disclosures", "break-glass", "volume", "user"] {
        let path = format!("/api/v1/access/reports/{report}?patient={patient}&user=tester");
        for version in ["plain", "full"] {
            let answer = get(&format!("{path}&version={version}"));
            assert_eq!(answer.status, 200, "{report} {version}: {}", answer.text());
            assert!(answer.json()["stands_at"][0]["entries"].as_u64().is_some_and(|n| n > 0));
        }
        let csv = get(&format!("{path}&format=csv"));
        assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
        assert!(csv.text().lines().next().is_some_and(|head| head.ends_with(",log_state")), "{}", csv.text());
    }
    let shown = get(&format!("/api/v1/access/reports/patient?patient={patient}")).json();
    let what: Vec<&str> = shown["rows"].as_array().unwrap().iter().map(|row| row["what"].as_str().unwrap()).collect();
    for expected in ["Found in a search", "Searched in the chart", "Whole chart handed over", "Chart or record shown", "Refused"]
    {
        assert!(what.contains(&expected), "{expected} in {what:?}");
    }
    assert_eq!(get("/api/v1/access/reports/nonsense").status, 404);
    assert_eq!(get("/api/v1/access/reports/patient?patient=").status, 400);
    assert_eq!(get("/api/v1/access/reports/patient?patient=x&sort=nonsense").status, 400);
    assert_eq!(server.get("/api/v1/access/reports/volume", Some(&token(&archive, "clinician"))).status, 403);
    let said = crate::support::command(["audit", "report", text(&archive), "patient", "--patient", &patient]).output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(said.contains("Something of this chart was shown") && said.contains("The log as of s0000"), "{said}");
    let rebuilt = command(["audit", "project", text(&archive), "--rebuild"]).output().unwrap();
    assert!(rebuilt.status.success());
}

#[test]
fn a_suspension_needs_paper_to_last() {
    let folder = folder();
    let archive = init(&folder);
    let suspend = |until: &str, written: bool| {
        let mut words = vec!["disclosure", "suspend", text(&archive), "--patient", "mer.1", "--agency", "State Police"];
        words.extend(["--until", until, "--statement", "Lt. Doe"]);
        words.extend(written.then_some("--written"));
        chartkeep(words)
    };
    suspend("2099-12-31", false).expect(2);
    suspend("2001-01-01", true).expect(2);
    let run = suspend("2099-12-31", true).expect(0);
    let id = run.stdout.split_whitespace().nth(1).unwrap().to_string();
    chartkeep(["disclosure", "resume", text(&archive), &id]).expect(0);
    chartkeep(["disclosure", "resume", text(&archive), &id]).expect(2);
    chartkeep(["disclosure", "account", text(&archive), "--patient", "mer.1"]).expect(0);
    assert_eq!(crate::support::audited(&archive, "disclosure.suspended").len(), 1);
    assert_eq!(crate::support::audited(&archive, "disclosure.resumed")[0]["agency"], "State Police");
}

/// A department that treated the first sample patient, as the delivery names it.
fn department_of_sample() -> String {
    let sample = &hospital().manifest.sample_patients[0].id;
    let subject = format!("Patient/{sample}");
    let text = std::fs::read_to_string(hospital().delivery().join("Encounter.ndjson")).expect("visits are delivered");
    // Some damage is planted: not every line is JSON.
    let visits: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let of_sample = visits.iter().find(|visit| visit["subject"]["reference"].as_str() == Some(&subject)).expect("a visit");
    of_sample["location"][0]["location"]["display"].as_str().expect("a place").to_string()
}

#[test]
fn who_opens_his_own_chart_is_worth_a_look_and_a_colleague_at_work_is_not() {
    let (folder, archive, patient) = lived_in();
    let today = jiff::Zoned::now().date().to_string();
    let workforce = folder.path().join("staff.csv");
    std::fs::write(&workforce, format!("user,given,surname,patient,job\ntester,Ada,Quill,{patient},nurse\n")).expect("written");
    let words = ["audit", "signals", text(&archive), "--day", &today, "--json"];
    let found = chartkeep(words.into_iter().chain(["--workforce", text(&workforce)])).expect(0).json();
    let flags = found["people"][0].as_array().expect("one person");
    assert_eq!((&flags[0]["user"], &flags[0]["patient"]), (&Value::from("tester"), &Value::from(patient.as_str())), "{found}");
    let evidence = flags[0]["evidence"].as_array().expect("evidence");
    assert!(evidence.iter().any(|line| line["words"].as_str().is_some_and(|words| words.contains("own chart"))), "{found}");
    // A visit to the user's own department speaks against it: the archive is asked which departments treated the patient.
    let in_department = |department: &str| {
        let staff = format!("user,patient,job,department\ntester,{patient},nurse,\"{department}\"\n");
        std::fs::write(&workforce, staff).expect("written");
        let found = chartkeep(words.into_iter().chain(["--workforce", text(&workforce)])).expect(0).json();
        let lines = found["people"][0][0]["evidence"].as_array().cloned().unwrap_or_default();
        lines.iter().filter_map(|line| line["words"].as_str().map(str::to_string)).collect::<Vec<_>>().join("\n")
    };
    let treated = in_department(&department_of_sample());
    let is_told = treated.contains("was treated in the user's department");
    assert!(is_told || treated.is_empty(), "with it the chart may be no flag at all, but no missing visit is: {treated}");
    let elsewhere = in_department("Coding");
    assert!(elsewhere.contains("No visit of the patient to the user's department"), "{elsewhere}");
    std::fs::write(&workforce, format!("user,given,surname,patient,job\ntester,Ada,Quill,{patient},nurse\n")).expect("written");
    // Without knowing that it is his own, one chart opened in the day's work is nothing.
    let plain = chartkeep(words).expect(0).json();
    assert_eq!(plain["people"].as_array().map(Vec::len), Some(0), "{plain}");

    let config = archive.join("chartkeep.toml");
    let before = std::fs::read_to_string(&config).expect("init wrote it");
    std::fs::write(&config, before.replace("[audit]\n", &format!("[audit]\nworkforce = '{}'\n", text(&workforce))))
        .expect("written");
    crate::gate::harness::add_account(&archive, "mia", "compliance");
    let server = Server::start(&archive);
    let browser = crate::gate::harness::Browser::sign_in(&server, "mia");
    let page = browser.get(&format!("/signals?day={today}"));
    assert_eq!(page.status, 200, "{}", page.text());
    assert!(page.text().contains(&patient) && page.text().contains("own chart"), "{}", page.text());
    assert_eq!(browser.get("/signals?day=2001-01-01").status, 200);
    // A day that has not come has no log, also at the end of the calendar.
    assert_eq!(browser.get("/signals?day=9999-12-31").status, 400);
    verdict_on_it(&archive, &browser, &page.text(), &today);
    log_checked_and_exported(&archive, &browser, &patient);
    let clinician = token(&archive, "clinician");
    assert_ne!(server.get(&format!("/signals?day={today}"), Some(&clinician)).status, 200);
}

/// A verdict is an entry, the signal has it from then on, and nobody judges what is not flagged.
fn verdict_on_it(archive: &Path, browser: &crate::gate::harness::Browser, page: &str, today: &str) {
    let hidden = |name: &str| {
        let rest = page.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap_or_else(|| panic!("no {name}: {page}"));
        percent_encoding::utf8_percent_encode(rest.split('"').next().unwrap(), percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let (user, issuer, patient) = (hidden("user"), hidden("issuer"), hidden("patient"));
    let send = |user: &str, verdict: &str, comment: &str| {
        let csrf = &browser.csrf;
        let form =
            format!("csrf={csrf}&day={today}&user={user}&issuer={issuer}&patient={patient}&verdict={verdict}&comment={comment}");
        browser.post("/signals", &[], &form).status
    };
    assert_eq!(send("nobody", "explained", "x"), 404);
    assert_eq!(send(&user, "explained", ""), 400);
    assert_eq!(send(&user, "guilty", "x"), 400);
    assert!(crate::support::audited(archive, "signal.reviewed").is_empty(), "nothing of this was a verdict");
    assert_eq!(send(&user, "followed-up", "Spoke+with+her"), 303);
    let detail = &crate::support::audited(archive, "signal.reviewed")[0];
    assert_eq!((&detail["verdict"], &detail["comment"]), (&Value::from("followed-up"), &Value::from("Spoke with her")));
    let after = browser.get(&format!("/signals?day={today}")).text();
    assert!(after.contains("To be followed up</span> ") && after.contains("Spoke with her"), "{after}");
}

/// The check of the log and an export leave their entries, and the pages say what was found.
fn log_checked_and_exported(archive: &Path, browser: &crate::gate::harness::Browser, patient: &str) {
    assert!(browser.get("/access").text().contains("The log has not been checked yet"));
    assert_eq!(browser.post("/access/log", &[], &format!("csrf={}", browser.csrf)).status, 303);
    let done = || crate::support::audited(archive, "audit.verify");
    for _ in 0..300 {
        if done().iter().any(|detail| detail["what"] == "audit log") {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert!(done().iter().any(|detail| detail["what"] == "audit log" && detail["findings"] == "0"), "{:?}", done());
    let page = browser.get(&format!("/access?patient={patient}")).text();
    assert!(page.contains("The log is complete and unaltered") && page.contains("shown something of this chart"), "{page}");
    assert!(browser.get(&format!("/access?patient={patient}&copy=1")).text().contains("What this report stands on"));
    assert!(browser.get("/access?q=nobody-of-that-name").text().contains("No archived record here"));
    for (form, media_type, first) in
        [("csv", "text/csv", "time_utc,"), ("ndjson", "application/fhir+ndjson", "{"), ("json", "application/x-ndjson", "{")]
    {
        let answer = browser.get(&format!("/access/export?patient={patient}&form={form}"));
        assert_eq!(answer.status, 200, "{form}");
        assert!(answer.header("content-type").is_some_and(|it| it.starts_with(media_type)), "{form}");
        assert!(answer.text().starts_with(first) && answer.text().contains(patient), "{form}: {}", answer.text());
    }
    let exports = chartkeep::audit::Query { event: Some("audit.export".into()), ..chartkeep::audit::Query::default() };
    let exports = chartkeep::audit::read(archive, &exports).expect("the log reads");
    assert_eq!(exports.len(), 3, "each export is an entry");
}

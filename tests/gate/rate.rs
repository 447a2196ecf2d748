//! Limits on what one caller may ask, over HTTP, each with its entry in the access log; and CORS by exact origin.
//!
//! Not for: how a limit counts (`server::rate`).

use std::path::Path;
use std::time::Duration;

use chartkeep::audit::Query;

use crate::support::{Server, folder, init, token};

fn archive_with(config: &str) -> (crate::support::Folder, std::path::PathBuf) {
    let folder = folder();
    let archive = init(&folder);
    std::fs::write(archive.join("chartkeep.toml"), format!("{config}{}", crate::support::ROOM)).expect("written");
    (folder, archive)
}

/// What the entries about limits say, once there are `count` of them: nobody waits for these entries to be written.
fn outcomes(archive: &Path, count: usize) -> Vec<String> {
    let question = Query { event: Some("auth.rate_limited".into()), newest_first: false, ..Query::default() };
    let mut said = Vec::new();
    for _ in 0..100 {
        let found = chartkeep::audit::read(archive, &question).expect("the audit log reads");
        said = found.iter().map(|found| found.entry["outcome_desc"].as_str().unwrap_or("").to_string()).collect();
        if said.len() >= count {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    said
}

#[test]
fn who_asks_too_often_waits_and_the_log_says_so_once() {
    let (_folder, archive) = archive_with("[http]\nrequests_per_second = 1\nrequests_burst = 5\nfailures_per_minute = 3\n");
    let him = token(&archive, "him");
    let other = token(&archive, "clinician");
    let server = Server::start(&archive);
    let answers: Vec<_> = (0..12).map(|_| server.get("/api/v1/me", Some(&him))).collect();
    let held: Vec<_> = answers.iter().filter(|answer| answer.status == 429).collect();
    assert!(held.len() >= 4, "{} of 12 held back", held.len());
    let wait: u64 = held[0].header("retry-after").expect("says when to come again").parse().expect("seconds");
    assert!(wait >= 1);
    assert_eq!(answers[0].status, 200);
    // Both tokens are of one account; the limit is the person's, whatever his role.
    assert_eq!(server.get("/api/v1/me", Some(&other)).status, 429);

    let forged: Vec<u16> = (0..6).map(|_| server.get("/api/v1/me", Some("a.b.c")).status).collect();
    assert_eq!(forged, [401, 401, 401, 429, 429, 429]);
    assert_eq!(outcomes(&archive, 2), ["requests", "tokens"]);
}

#[test]
fn searching_for_patients_has_a_limit_of_its_own() {
    let (_folder, archive) = archive_with("[http]\npatient_searches_per_minute = 2\n");
    let him = token(&archive, "him");
    let server = Server::start(&archive);
    let statuses: Vec<u16> = (0..4).map(|_| server.get("/api/v1/patients?q=moreno", Some(&him)).status).collect();
    assert_eq!(statuses, [200, 200, 429, 429]);
    assert_eq!(server.get("/api/v1/me", Some(&him)).status, 200);
    assert_eq!(outcomes(&archive, 1), ["patient-search"]);
}

#[test]
fn only_named_origins_read_fhir_from_elsewhere() {
    let (_folder, archive) = archive_with("[http]\norigins = [\"https://app.example.org\"]\n");
    let him = token(&archive, "him");
    let server = Server::start(&archive);
    let ask = |method: &str, path: &str, origin: &str| server.request(method, path, Some(&him), &[("Origin", origin)]);
    let allowed = |answer: &crate::support::Answer| answer.header("access-control-allow-origin").map(str::to_string);
    let named = "https://app.example.org";
    assert_eq!(allowed(&ask("GET", "/fhir/metadata", named)).as_deref(), Some(named));
    let preflight = ask("OPTIONS", "/fhir/Patient", named);
    assert_eq!((preflight.status, allowed(&preflight).as_deref()), (204, Some(named)));
    for (path, origin) in [
        ("/fhir/metadata", "https://app.example.org.evil.example"),
        ("/fhir/metadata", "null"),
        ("/fhir/metadata", "http://app.example.org"),
        ("/api/v1/me", named),
        ("/", named),
    ] {
        let answer = ask("GET", path, origin);
        assert_eq!(allowed(&answer), None, "{origin} at {path}");
        assert_eq!(answer.header("access-control-allow-credentials"), None);
    }
    assert_eq!(ask("OPTIONS", "/fhir/Patient", "https://other.example").status, 405);
}

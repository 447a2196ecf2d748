//! A disk that takes no more audit entries: nothing that must be logged leaves, and what need not be still does.
//!
//! Not for: how the log itself treats a failed write (`src/audit`).

use std::path::Path;
use std::process::Command;

use super::harness::{key, post};
use crate::support::{Server, chartkeep, copy, folder, hospital, loaded, token};

/// An archive of its own, like the shared one.
pub fn copied(home: &Path) -> std::path::PathBuf {
    let shared = loaded();
    let keys = |archive: &Path| archive.with_file_name(format!("{}.keys", archive.file_name().unwrap().to_string_lossy()));
    let own = home.join("archive");
    copy(shared, &own);
    copy(&keys(shared), &keys(&own));
    own
}

/// From now on no file of the process may grow: what a full disk does, with `EFBIG` for `ENOSPC`.
fn fill_disk(server: &Server) {
    let pid = server.pid().to_string();
    let done = Command::new("prlimit").args(["--pid", &pid, "--fsize=0"]).status().expect("prlimit of util-linux");
    assert!(done.success());
}

#[test]
fn when_the_access_log_cannot_be_written_nothing_is_shown() {
    let home = folder();
    let archive = copied(home.path());
    let token = token(&archive, "clinician");
    let patient = key(&hospital().manifest.sample_patients[0].id);
    // The signal of a full file would end the process; ignored, the write fails instead, as on a full disk.
    let server = Server::start_under(&archive, &["sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""]);
    let chart = format!("/api/v1/patients/{patient}/chart");
    assert_eq!(server.get(&chart, Some(&token)).status, 200);
    assert_eq!(server.get("/readyz", None).status, 200);

    fill_disk(&server);
    let family = &hospital().manifest.sample_patients[0].family;
    for path in [
        chart.clone(),
        format!("/api/v1/patients/{patient}"),
        format!("/api/v1/patients?q={family}"),
        format!("/api/v1/patients/{patient}/search?q=blood"),
        format!("/fhir/Patient/{patient}"),
        format!("/fhir/Patient/{patient}/$everything"),
        format!("/fhir/Observation?patient={patient}"),
        format!("/fhir/Patient?family={family}"),
    ] {
        let answer = server.get(&path, Some(&token));
        assert_eq!(answer.status, 503, "{path}: {}", answer.text());
        assert!(!answer.text().contains(family.as_str()), "{path}");
        assert!(answer.header("retry-after").is_some(), "{path}");
        if path.starts_with("/fhir") {
            assert_eq!(answer.json()["resourceType"], "OperationOutcome", "{path}");
        }
    }
    assert_eq!(server.get("/fhir/metadata", None).status, 200);
    assert_eq!(server.get("/healthz", None).status, 200);
    assert_eq!(server.get("/readyz", None).status, 503);
    assert_ne!(post(&server, "/signin", None, &[], "user=nobody&password=x").status, 303);
    drop(server);

    // With room again the log goes on where it stood.
    let server = Server::start(&archive);
    assert_eq!(server.get(&chart, Some(&token)).status, 200);
    drop(server);
    chartkeep([Path::new("audit"), Path::new("verify"), &archive]).expect(0);
}

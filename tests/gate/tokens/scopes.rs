//! What the scopes of a token let be seen, by every way to a record.
//!
//! Not for: the grammar (`src/access/scopes_tests.rs`).

use serde_json::Value;

use super::super::harness::{entries_by_request, post};
use super::{CATEGORY, Place, ids};
use crate::support::chartkeep;

/// What stands at a place for a token.
#[derive(Debug)]
enum Seen {
    Status(u16),
    /// 200, and these records.
    Ids(&'static [&'static str]),
}

use Seen::{Ids, Status};

#[test]
fn a_scope_of_laboratory_shows_no_vital_sign_by_any_way() {
    let place = Place::new();
    let scope = format!("patient/Observation.rs?category={CATEGORY}|laboratory patient/Patient.rs patient/Practitioner.r");
    let token = place.scoped(&scope, Some("E-77"));
    let laboratory: &[(&str, Seen)] = &[
        ("/fhir/Observation/mer.lab", Status(200)),
        ("/fhir/Observation/mer.vital", Status(404)),
        ("/fhir/Observation/mer.vital/_history", Status(404)),
        ("/fhir/Observation/mer.vital/_history/1", Status(404)),
        ("/fhir/Observation/mer.lab/_history", Ids(&["mer.lab"])),
        ("/fhir/Observation?patient=mer.m1", Ids(&["mer.lab"])),
        ("/fhir/Observation?patient=mer.m1&_summary=count", Ids(&[])),
        ("/fhir/Observation?_id=mer.lab,mer.vital", Ids(&["mer.lab"])),
        ("/fhir/Observation?_id=mer.vital", Ids(&[])),
        ("/fhir/Observation?patient=mer.m1&category=vital-signs", Ids(&[])),
        ("/fhir/Observation?patient=mer.m1&_include=Observation:has-member", Ids(&["mer.lab"])),
        ("/fhir/Observation?patient=mer.m1&_include=Observation:performer", Ids(&["mer.doc", "mer.lab"])),
        ("/fhir/Observation?patient=mer.m1&_revinclude=Provenance:target", Ids(&["mer.lab"])),
        ("/fhir/Patient/mer.m1/$everything", Ids(&["mer.lab", "mer.m1"])),
        ("/fhir/Practitioner/mer.doc", Status(200)),
        ("/fhir/DocumentReference/mer.note", Status(403)),
        ("/fhir/DocumentReference?patient=mer.m1", Status(403)),
        ("/fhir/Provenance/mer.prov", Status(403)),
        ("/fhir/AuditEvent?patient=mer.m1", Status(403)),
        // Another patient, by every way.
        ("/fhir/Patient/mer.m2", Status(404)),
        ("/fhir/Observation/mer.otherlab", Status(404)),
        ("/fhir/Observation?patient=mer.m2", Ids(&[])),
        ("/fhir/Patient/mer.m2/$everything", Ids(&[])),
        ("/fhir/Patient?family=Marigold", Ids(&["mer.m1"])),
        ("/fhir/Patient?_id=mer.m2", Ids(&[])),
        ("/fhir/Observation?code=718-7", Status(400)),
        ("/fhir/Patient?_has:Observation:patient:code=718-7", Status(400)),
        ("/fhir/Observation?patient.family=Marigold", Status(400)),
    ];
    check(&place, &token, "lab", laboratory);
    // The same ways, for one whose scopes leave nothing out.
    let open = place.scoped("user/*.rs", None);
    check(
        &place,
        &open,
        "open",
        &[
            ("/fhir/Observation/mer.vital/_history", Ids(&["mer.vital"])),
            ("/fhir/Observation?_id=mer.lab,mer.vital", Ids(&["mer.lab", "mer.vital"])),
            (
                "/fhir/Observation?patient=mer.m1&category=laboratory&_include=Observation:has-member",
                Ids(&["mer.lab", "mer.vital"]),
            ),
            ("/fhir/Observation?patient=mer.m1&category=vital-signs", Ids(&["mer.vital"])),
            ("/fhir/Patient/mer.m1/$everything", Ids(&["mer.lab", "mer.m1", "mer.note", "mer.vital"])),
            ("/fhir/Patient?family=Marigold", Ids(&["mer.m1", "mer.m2"])),
        ],
    );
    // Searches by form are searches.
    let form = post(&place.server, "/fhir/Observation/_search", Some(&token), &[], "patient=mer.m1");
    assert_eq!(ids(&form), ["mer.lab"]);
    assert_eq!(place.get("/fhir/Observation?patient=mer.m1&_summary=count", &token, "c").json()["total"], 1);
    assert_eq!(place.get("/fhir/Patient/mer.m1/$everything?_count=1", &token, "c").json()["total"], 2);
    for path in ["/api/v1/me", "/api/v1/patients/mer.m1/chart", "/api/v1/records/Observation/mer.vital"] {
        let answer = place.get(path, &token, "api");
        assert_eq!((answer.status, answer.json()["code"].as_str()), (403, Some("insufficient-scope")), "{path}");
    }
}

#[test]
fn letters_and_contexts_are_kept_apart() {
    let place = Place::new();
    let binary = binary_of(&place, "mer.note");
    let other = binary_of(&place, "mer.othernote");
    let reads = place.scoped("user/Observation.r user/DocumentReference.r", None);
    check(
        &place,
        &reads,
        "reads",
        &[
            ("/fhir/Observation/mer.vital", Status(200)),
            ("/fhir/Observation?patient=mer.m1", Status(403)),
            ("/fhir/Observation?_id=mer.vital", Status(403)),
            ("/fhir/Patient/mer.m1/$everything", Status(403)),
            (&binary, Status(200)),
            (&other, Status(200)),
        ],
    );
    let searches = place.scoped("user/Observation.s", None);
    check(
        &place,
        &searches,
        "searches",
        &[
            ("/fhir/Observation/mer.vital", Status(403)),
            ("/fhir/Observation/mer.vital/_history", Status(403)),
            ("/fhir/Observation?patient=mer.m1", Ids(&["mer.lab", "mer.vital"])),
            ("/fhir/Patient/mer.m1/$everything", Ids(&["mer.lab", "mer.vital"])),
            ("/fhir/Patient?family=Marigold", Status(403)),
            (&binary, Status(403)),
        ],
    );
    let documents = place.scoped("patient/DocumentReference.rs", Some("E-77"));
    check(&place, &documents, "documents", &[(&binary, Status(200)), (&other, Status(404))]);
    // A bound token is bound in all that it grants.
    let mixed = place.scoped("patient/Patient.r user/Observation.rs", Some("E-77"));
    check(
        &place,
        &mixed,
        "mixed",
        &[("/fhir/Observation/mer.lab", Status(200)), ("/fhir/Observation/mer.otherlab", Status(404))],
    );
    for (name, scope, patient) in [
        ("no patient", "patient/*.rs", None),
        ("a patient of nobody here", "patient/*.rs", Some("E-78")),
        ("scopes of a program", "system/*.rs", None),
        ("no scope", "openid profile", None),
        ("writing", "user/*.cud", None),
    ] {
        let token = place.scoped(scope, patient);
        for path in ["/fhir/Patient/mer.m1", "/fhir/Observation?patient=mer.m1", "/api/v1/me"] {
            assert_eq!(place.get(path, &token, "none").status, 403, "{name}: {path}");
        }
    }
    let whole = place.scoped("chartkeep", None);
    assert_eq!(place.get("/api/v1/patients/mer.m1/chart", &whole, "whole").status, 200);
    assert_eq!(place.get("/fhir/Observation/mer.vital", &whole, "whole").status, 200);
    // The archive's own tokens are narrowed alike.
    let archive = place.archive.to_str().expect("plain names");
    let words =
        ["token", archive, "--user", "tester", "--role", "clinician", "--scope", "patient/Observation.rs", "--patient", "mer.m2"];
    let own = chartkeep(words).expect(0).stdout.trim().to_string();
    check(
        &place,
        &own,
        "own",
        &[
            ("/fhir/Observation?patient=mer.m2", Ids(&["mer.otherlab"])),
            ("/fhir/Observation/mer.lab", Status(404)),
            ("/fhir/Patient/mer.m2", Status(403)),
            ("/api/v1/patients/mer.m2", Status(403)),
        ],
    );
}

/// Asks for each path, and looks into the entries.
fn check(place: &Place, token: &str, name: &str, rows: &[(&str, Seen)]) {
    for (at, (path, expected)) in rows.iter().enumerate() {
        let answer = place.get(path, token, &format!("{name}-{at}"));
        match expected {
            // A patient who cannot be seen is either not there or empty.
            Ids([]) if answer.status != 200 => assert!([403, 404].contains(&answer.status), "{name} {path}: {}", answer.text()),
            Ids(expected) => {
                assert_eq!(answer.status, 200, "{name} {path}: {}", answer.text());
                assert_eq!(ids(&answer), *expected, "{name} {path}");
            }
            Status(status) => assert_eq!(answer.status, *status, "{name} {path}: {}", answer.text()),
        }
        if answer.status == 403 && answer.header("www-authenticate").is_some() {
            assert!(answer.header("www-authenticate").is_some_and(|text| text.contains("insufficient_scope")), "{name} {path}");
        }
    }
    let entries = entries_by_request(&place.archive);
    for (at, (path, expected)) in rows.iter().enumerate() {
        if matches!(expected, Status(400)) {
            continue;
        }
        let of_this = entries.get(&format!("{name}-{at}")).unwrap_or_else(|| panic!("no entry: {name} {path}"));
        let is_denied = of_this.iter().any(|entry| entry["event"] == "authz.denied");
        assert!(is_denied || !matches!(expected, Status(403)), "{name} {path}: {of_this:?}");
        let shown: Vec<&Value> = of_this.iter().filter(|entry| entry.get("shown").is_some()).collect();
        assert!(shown.is_empty() || !matches!(expected, Status(403 | 404)), "{name} {path}: {of_this:?}");
    }
}

/// Where the attachment of a document is.
fn binary_of(place: &Place, id: &str) -> String {
    let token = place.scoped("user/DocumentReference.r", None);
    let document = place.get(&format!("/fhir/DocumentReference/{id}"), &token, "binary").json();
    let url = document["content"][0]["attachment"]["url"].as_str().expect("an address").to_string();
    format!("/fhir/{url}")
}

//! The whole table over HTTP: roles, states of a credential, classes of records and ways to them, every cell asserted.
//!
//! Not for: the same table asked of the policy itself (`schemas/policy-cases.toml`), break-glass (`break_glass`), text search
//! (`leak`), or which routes a role has at all (`routes`).

use std::path::{Path, PathBuf};

use chartkeep::model::archive_id;
use serde_json::json;

use crate::support::{Answer, Folder, SOURCE, Server, chartkeep, folder, ingest, init, token};

/// Codes of `meta.security`, and who sees such a record without more: `c`linician, `h`im.
const CLASSES: [(&str, &str); 14] = [
    ("N", "ch"),
    ("R", "ch"),
    ("VIP", "ch"),
    ("EMP", "ch"),
    ("V", "h"),
    ("SUD", "h"),
    ("MH", "h"),
    ("HIV", "h"),
    ("GDIS", "h"),
    ("SEX", "h"),
    ("SDV", "h"),
    ("MINOR", "h"),
    ("XYZZY", "h"),
    ("PSYTHPN", ""),
];

/// Ways to a record: `{id}` is its id, `{key}` its patient's key. Each holds a word that no other does.
const WAYS: [&str; 8] = [
    "/fhir/Condition/{id}",
    "/fhir/Condition/{id}/_history",
    "/fhir/Condition?_id={id}",
    "/fhir/Condition?patient={key}&_count=100",
    "/fhir/Patient/{key}/$everything?_count=100",
    "/api/v1/records/Condition/{id}",
    "/api/v1/records/Condition/{id}/original",
    "/api/v1/patients/{key}/chart",
];

/// What a caller holds, and whom the records that he may see must be of.
struct Caller {
    name: &'static str,
    token: Option<String>,
    /// The letter in [`CLASSES`]; `-` sees nothing.
    sees: char,
    fhir_only: bool,
    /// Bound to this patient.
    bound: Option<&'static str>,
    refused: bool,
}

fn word(code: &str, patient: &str) -> String {
    format!("zq{}{patient}", code.to_lowercase())
}

fn key(patient: &str) -> String {
    archive_id(SOURCE, "Patient", patient).as_str().to_string()
}

fn made(home: &Folder) -> PathBuf {
    let archive = init(home);
    let delivery = home.path().join("delivery");
    std::fs::create_dir(&delivery).expect("made");
    let mut lines = String::new();
    for patient in ["p1", "p2"] {
        let name = json!([{ "family": format!("Quill-{patient}"), "given": ["Ann"] }]);
        lines.push_str(&format!("{}\n", json!({ "resourceType": "Patient", "id": patient, "name": name })));
        for (code, _) in CLASSES {
            let record = json!({
                "resourceType": "Condition", "id": format!("{patient}-{code}"), "meta": { "security": [{ "code": code }] },
                "code": { "text": word(code, patient) }, "subject": { "reference": format!("Patient/{patient}") },
            });
            lines.push_str(&format!("{record}\n"));
        }
    }
    std::fs::write(delivery.join("all.ndjson"), lines).expect("written");
    ingest(&archive, &[&delivery]).expect(0);
    archive
}

fn bound_token(archive: &Path, patient: &str) -> String {
    let archive = archive.to_str().expect("plain names");
    let key = key(patient);
    let words =
        ["token", archive, "--user", "tester", "--role", "clinician", "--scope", "patient/*.rs", "--patient", key.as_str()];
    chartkeep(words).expect(0).stdout.trim().to_string()
}

fn callers(archive: &Path, elsewhere: &Path) -> Vec<Caller> {
    let caller = |name, token, sees| Caller { name, token, sees, fhir_only: false, bound: None, refused: false };
    let refused = |name, token| Caller { refused: true, ..caller(name, token, '-') };
    let bound = |name, patient| Caller {
        fhir_only: true,
        bound: Some(patient),
        ..caller(name, Some(bound_token(archive, patient)), 'c')
    };
    let of = |role| Some(token(archive, role));
    let mut forged = token(archive, "him");
    // The signature of another message.
    let tail = token(archive, "clinician");
    forged.truncate(forged.rfind('.').expect("three parts"));
    forged.push_str(&tail[tail.rfind('.').expect("three parts")..]);
    vec![
        refused("nobody", None),
        refused("no token at all", Some("a.b.c".into())),
        refused("a forged signature", Some(forged)),
        refused("another archive's him", Some(token(elsewhere, "him"))),
        caller("clinician", of("clinician"), 'c'),
        caller("him", of("him"), 'h'),
        caller("compliance", of("compliance"), '-'),
        caller("archivist", of("archivist"), '-'),
        caller("admin", of("admin"), '-'),
        caller("reviewer", of("reviewer"), '-'),
        bound("clinician bound to p1", "p1"),
        bound("clinician bound to p2", "p2"),
    ]
}

#[test]
fn every_caller_sees_of_every_class_by_every_way_what_the_table_says() {
    let (home, other) = (folder(), folder());
    let archive = made(&home);
    let elsewhere = init(&other);
    let server = Server::start(&archive);
    let mut cells = 0;
    for caller in callers(&archive, &elsewhere) {
        for way in WAYS {
            for patient in ["p1", "p2"] {
                for (code, seen_by) in CLASSES {
                    let word = word(code, patient);
                    let id = archive_id(SOURCE, "Condition", &format!("{patient}-{code}")).as_str().to_string();
                    let path = way.replace("{id}", &id).replace("{key}", &key(patient));
                    let answer = server.get(&path, caller.token.as_deref());
                    let is_reachable = !(caller.fhir_only && way.starts_with("/api"));
                    let is_own = caller.bound.is_none_or(|bound| bound == patient);
                    let expected = seen_by.contains(caller.sees) && is_reachable && is_own;
                    check(&answer, &word, expected, caller.refused, &format!("{} {way} {patient} {code}", caller.name));
                    cells += 1;
                }
            }
        }
    }
    assert_eq!(cells, 12 * WAYS.len() * 2 * CLASSES.len());
}

/// Classes that a policy may show to a clinician, by the code of [`CLASSES`] that puts a record in them.
const GRANTABLE: [(&str, &str); 10] = [
    ("R", "restricted"),
    ("V", "very-restricted"),
    ("MH", "mental-health"),
    ("HIV", "hiv"),
    ("GDIS", "genetic"),
    ("SEX", "reproductive"),
    ("SDV", "violence"),
    ("MINOR", "minor"),
    ("VIP", "vip"),
    ("EMP", "workforce"),
];

#[test]
fn whatever_a_policy_says_nothing_else_is_seen_by_any_way() {
    let home = folder();
    let archive = made(&home);
    let token = token(&archive, "clinician");
    let config = std::fs::read_to_string(archive.join("chartkeep.toml")).expect("init wrote it");
    std::fs::write(archive.join("chartkeep.toml"), format!("[access]\npolicy = \"policy.toml\"\n{config}")).expect("written");
    // Any numbers will do, as long as a failure can be had again.
    for picks in [0b00_0000_0000_u32, 0b11_1111_1111, 0b01_0011_0101, 0b10_1100_1010, 0b00_1010_0111] {
        let is_picked = |at: usize| picks >> at & 1 == 1;
        let sees: Vec<String> =
            GRANTABLE.iter().enumerate().filter(|(at, _)| is_picked(*at)).map(|(_, (_, class))| format!("\"{class}\"")).collect();
        let policy = format!(
            "schema = 1\nname = \"random\"\nversion = \"{picks}\"\n[[rule]]\nid = \"clinician\"\neffect = \"permit\"\n\
             roles = [\"clinician\"]\nrights = [\"find-patients\", \"chart\", \"record\"]\npurposes = [\"TREAT\"]\nsees = [{}]\n",
            sees.join(", ")
        );
        std::fs::write(archive.join("policy.toml"), policy).expect("written");
        let server = Server::start(&archive);
        for way in WAYS {
            for (code, _) in CLASSES {
                let at = GRANTABLE.iter().position(|(of, _)| *of == code);
                let expected = code == "N" || at.is_some_and(is_picked);
                let id = archive_id(SOURCE, "Condition", &format!("p1-{code}")).as_str().to_string();
                let answer = server.get(&way.replace("{id}", &id).replace("{key}", &key("p1")), Some(&token));
                check(&answer, &word(code, "p1"), expected, false, &format!("{picks:b} {way} {code}"));
            }
        }
    }
}

fn check(answer: &Answer, word: &str, expected: bool, refused: bool, cell: &str) {
    let text = answer.text();
    assert_eq!(text.contains(word), expected, "{cell}: {} {text}", answer.status);
    if refused {
        assert_eq!(answer.status, 401, "{cell}");
    } else {
        assert!([200, 403, 404].contains(&answer.status), "{cell}: {}", answer.status);
    }
    assert!(!expected || answer.status == 200, "{cell}");
}

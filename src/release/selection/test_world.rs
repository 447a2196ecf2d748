//! Small archives to choose from in tests: deliveries of a few records, with a gate, and what a request takes of Ann.
//!
//! Not for: the tests (`tests`).

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::*;
use crate::access::{Gate, Permit, Policy, Principal, Purpose, RequestContext, Role};
use crate::model::PatientKey;
use crate::query::Archive;
use crate::release::basis::Rules;
use crate::release::request::{Request, Subject};
use crate::signing::KeyPurpose;
use crate::small_archive::SmallArchive;
use crate::statements::{Statement, StatementLog};

/// A record of the source system `mer` about the patient `ann`.
pub fn record(kind: &str, id: &str, rest: Value) -> Value {
    let mut json = json!({"resourceType": kind, "id": id, "subject": {"reference": "Patient/ann"}});
    if kind == "AllergyIntolerance" || kind == "Immunization" {
        json["patient"] = json["subject"].take();
    }
    for (member, value) in rest.as_object().cloned().unwrap_or_default() {
        json[member] = value;
    }
    json
}

pub fn patient(id: &str, family: &str, birth: &str, number: &str) -> Value {
    json!({"resourceType": "Patient", "id": id, "name": [{"family": family, "given": ["Ann"]}], "birthDate": birth,
        "identifier": [{"type": {"coding": [{"code": "MR"}]}, "value": number}]})
}

pub fn ann() -> Value {
    patient("ann", "Quill", "1957-03-14", "12345")
}

/// A document of these bytes.
pub fn document(id: &str, media: &str, bytes: &[u8], rest: Value) -> Value {
    let attachment = json!({"contentType": media, "data": STANDARD.encode(bytes), "title": id});
    let mut json = record("DocumentReference", id, json!({"status": "current", "docStatus": "final", "date": "2015-05-02"}));
    json["content"] = json!([{"attachment": attachment}]);
    for (member, value) in rest.as_object().cloned().unwrap_or_default() {
        json[member] = value;
    }
    json
}

pub fn labelled(mut json: Value, code: &str) -> Value {
    json["meta"]["security"] = json!([{"code": code}]);
    json
}

/// An archive of deliveries, with its gate.
pub struct House {
    _home: tempfile::TempDir,
    small: SmallArchive,
    pub gate: Gate,
}

impl House {
    pub fn of(deliveries: &[(&str, Vec<Value>)]) -> House {
        let scratch = tempfile::tempdir().unwrap();
        let file = |(n, (source, records)): (usize, &(&str, Vec<Value>))| {
            let path = scratch.path().join(format!("{n}.ndjson"));
            let lines: Vec<String> = records.iter().map(Value::to_string).collect();
            std::fs::write(&path, lines.join("\n") + "\n").unwrap();
            ((*source).to_owned(), path)
        };
        House::with(&deliveries.iter().enumerate().map(file).collect::<Vec<_>>())
    }

    pub fn of_folder(folder: &Path) -> House {
        House::with(&[("mer".to_owned(), folder.to_owned())])
    }

    pub fn with(deliveries: &[(String, std::path::PathBuf)]) -> House {
        let home = tempfile::tempdir().unwrap();
        let small = SmallArchive::new(home.path());
        deliveries.iter().for_each(|(source, path)| small.take(source, path));
        let gate = Gate::new(small.log(), Policy::built_in());
        House { _home: home, small, gate }
    }

    pub fn say(&self, statements: &[Statement]) {
        let log = StatementLog::open(&self.small.root, Arc::new(self.small.signer(KeyPurpose::Audit))).unwrap();
        log.append("local", "him", statements).unwrap();
    }

    pub fn archive(&self) -> Archive {
        self.small.open()
    }

    pub fn permit(&self, archive: &Archive, key: &str, purpose: Purpose) -> Permit {
        let principal = Principal::local("him", "Him", Role::Him, purpose, "00");
        let scope = archive.chart_scope(&PatientKey::parse(key).unwrap());
        self.gate.ask(&principal, scope, RequestContext::default()).unwrap()
    }

    /// What a request takes of Ann.
    pub fn choose(&self, request: &Request) -> Selection {
        self.choose_of("mer.ann", request).unwrap()
    }

    pub fn choose_of(&self, key: &str, request: &Request) -> Result<Selection, SelectionFault> {
        let (archive, rules) = (self.archive(), Rules::shipped().unwrap());
        let basis = rules.basis(&request.basis).unwrap();
        let permit = self.permit(&archive, key, purpose(basis).unwrap());
        let mut request = request.clone();
        if request.subjects.is_empty() {
            let keys = permit.scope().patients().iter().map(ToString::to_string).collect();
            request.subjects = vec![Subject { keys, ..Subject::default() }];
        }
        let selection = choose(&archive, &permit, &request, 0, "2026-000001", &rules, &RecordSets::shipped().unwrap());
        let held = archive.inventory(&permit).unwrap().total();
        permit.refuse();
        let selection = selection?;
        assert_eq!(placed(&selection), held, "every record has its place");
        let holdings: u64 = selection.coverage.searched.iter().map(|it| it.records).sum();
        let moved = selection.excluded.iter().filter(|it| it.why == "reassigned").map(|it| it.count).sum::<u64>();
        assert_eq!(holdings + moved, held);
        for (n, item) in selection.items.iter().enumerate() {
            assert_eq!((item.n, item.flags.len()), (n, item.reasons.len()));
            let place = item.place().unwrap();
            let permit = self.permit(&archive, key, purpose(basis).unwrap());
            let taken = archive.taken(&permit, &place).unwrap();
            assert_eq!(item.sha256, sha256_hex(&taken.original));
            permit.refuse();
        }
        Ok(selection)
    }
}

pub fn placed(selection: &Selection) -> u64 {
    let out: u64 = selection.excluded.iter().map(|it| it.count).sum();
    let beyond: u64 = selection.beyond.iter().map(|it| it.count).sum();
    selection.items.len() as u64 + out + beyond
}

/// A request on this basis, for everything that its record set has.
pub fn request(basis: &str) -> Request {
    Request { basis: basis.into(), ..Request::default() }
}

pub fn ids(selection: &Selection) -> Vec<&str> {
    selection.items.iter().map(|it| it.id.trim_start_matches("mer.")).collect()
}

pub fn flags_of<'s>(selection: &'s Selection, id: &str) -> Vec<&'s str> {
    let item = selection.items.iter().find(|it| it.id.ends_with(id)).unwrap_or_else(|| panic!("{id} is no item"));
    item.flags.iter().map(String::as_str).collect()
}

/// Why a record stays out; `beyond` when it is in no list.
pub fn why<'s>(selection: &'s Selection, id: &str) -> &'s str {
    let is_it = |it: &&Exclusion| it.id.ends_with(id);
    let out = selection.excluded.iter().find(is_it).map(|it| it.why.as_str());
    let item = selection.items.iter().any(|it| it.id.ends_with(id)).then_some("item");
    out.or(item).unwrap_or("beyond")
}

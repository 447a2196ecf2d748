//! What makes a package of one chart without a server: the archive with its keys, leave to read, everything that the patient may
//! have of his records, and the plan and build record of a package of them.
//!
//! Shared by `benches/release.rs` and `tests/packages.rs`. Not for: measuring it, or checking what was made.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use chartkeep::access::{Gate, Permit, Policy, Principal, Purpose, RequestContext, Role};
use chartkeep::audit::AuditLog;
use chartkeep::config::Config;
use chartkeep::model::{PatientKey, hex};
use chartkeep::query::Archive;
use chartkeep::release::basis::Rules;
use chartkeep::release::build::{BuildRecord, Made, Plan, VERSION, Workshop, generator};
use chartkeep::release::request::{Formats, Request, Subject};
use chartkeep::release::selection::{RecordSets, Selection, choose};
use chartkeep::release::shelf::Shelf;
use chartkeep::signing::{KeyPurpose, KeyRing, Signer, SigningKey, default_private_dir, load_signer};

/// The patient whose chart it is.
pub const PERSON: &str = "7c1c9a4e-0d31-4c6b-a5a7-2f7d6e0b9c11";
const BASIS: &str = "patient-access";
const REQUEST: &str = "2026-000001";

/// An archive that packages are made from.
pub struct Packer {
    pub archive: Archive,
    log: AuditLog,
    pub shelf: Shelf,
    pub signer: SigningKey,
    config: Config,
    gate: Gate,
    rules: Rules,
}

impl Packer {
    pub fn open(root: &Path) -> Packer {
        let private = default_private_dir(root);
        let ring = KeyRing::load(root).expect("keys");
        let signer = load_signer(&private, KeyPurpose::Audit).expect("a key");
        let log = AuditLog::open(root, Arc::new(signer)).expect("a log");
        Packer {
            archive: Archive::open(root, ring.verifiers(KeyPurpose::Seal), BTreeMap::new()).expect("an archive"),
            gate: Gate::new(log.clone(), Policy::built_in()),
            log,
            shelf: Shelf::of(root),
            signer: load_signer(&private, KeyPurpose::Release).expect("a key"),
            config: Config::load(root).expect("a configuration"),
            rules: Rules::shipped().expect("rules"),
        }
    }

    /// Ends the log; permits are gone by then.
    pub fn close(&self) {
        self.log.close();
    }

    /// Leave to read the chart.
    pub fn permit(&self) -> Permit {
        let purpose = self.rules.basis(BASIS).and_then(|basis| Purpose::from_code(&basis.purpose)).expect("a purpose");
        let principal = Principal::operator("packer", Role::Him, purpose);
        let key = PatientKey::parse(PERSON).expect("a key");
        self.gate.ask(&principal, self.archive.chart_scope(&key), RequestContext::default()).expect("a permit")
    }

    pub fn shop<'a>(&'a self, permit: &'a Permit, threads: usize) -> Workshop<'a> {
        Workshop { archive: &self.archive, permit, shelf: &self.shelf, config: &self.config, threads }
    }

    /// All that the patient may have.
    pub fn chosen(&self, permit: &Permit) -> Selection {
        let subject = Subject { name: "Ann Quill".into(), keys: vec![PERSON.into()], ..Subject::default() };
        let request = Request { subjects: vec![subject], basis: BASIS.into(), ..Request::default() };
        let sets = RecordSets::shipped().expect("record sets");
        choose(&self.archive, permit, &request, 0, REQUEST, &self.rules, &sets).expect("a selection")
    }

    pub fn plan(&self, chosen: &Selection, formats: Formats) -> Plan {
        Plan {
            v: VERSION,
            request: REQUEST.into(),
            selection_sha256: self.shelf.put(&chosen.to_bytes()).expect("kept"),
            received: "2026-11-23T12:00:00Z".into(),
            made: "2026-11-23T12:00:00Z".into(),
            formats,
            bates: Some(("RIV26-".into(), 8)),
            generator: generator(),
            ..Plan::default()
        }
    }

    /// What approval adds; how many numbers it takes is not said yet.
    pub fn record(&self, made: &Made) -> BuildRecord {
        BuildRecord {
            v: VERSION,
            plan_sha256: made.previewed.plan_sha256.clone(),
            pdf_sha256: made.previewed.pdf_sha256.clone(),
            package_id: "0198f3c2-7d11-7c55-9f5e-6a0f5d3c1b2a".into(),
            approved: "2026-11-24T08:30:00Z".into(),
            bates_first: Some(1),
            key: self.signer.key_name().to_owned(),
            key_public: hex(&self.signer.public_key()),
            ..BuildRecord::default()
        }
    }
}

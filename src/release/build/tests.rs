//! A frozen selection becomes a preview and a package; both again are the same bytes; whatever changed on the way is refused.
//!
//! Not for: how pages look (`paper`), or who may do this (`workflow`).

mod planted;
mod whole;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::*;
use crate::access::{Filter, Scope};
use crate::audit::AuditLog;
use crate::model::{DocumentId, PatientKey};
use crate::release::package::{verify, wrap};
use crate::release::redaction::{Reason, Redactions, Term};
use crate::release::selection::{self, Attachment, Item, Origin, Person, Selection};
use crate::release::workflow::Package;
use crate::signing::{KeyPurpose, KeyRing, Signer as _, SigningKey};
use crate::small_archive::{NOW, SmallArchive};
use crate::store::document_id;

const REQUEST: &str = "2026-000001";
const PERSON: &str = "7c1c9a4e-0d31-4c6b-a5a7-2f7d6e0b9c11";

/// An archive of two deliveries, what is chosen of it, and where packages are made.
struct World {
    home: PathBuf,
    _folder: Option<tempfile::TempDir>,
    archive: Archive,
    log: AuditLog,
    shelf: Shelf,
    config: Config,
    key: SigningKey,
    permit: Permit,
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Notes, results, a document of three files; another person's records stand between them.
fn story(source: &str, notes: usize) -> String {
    let mut lines = Vec::new();
    let other = "0c1c9a4e-0d31-4c6b-a5a7-2f7d6e0b9c12";
    for (at, key) in [PERSON, other].iter().enumerate() {
        lines.push(format!(
            r#"{{"resourceType":"Patient","id":"{key}","name":[{{"family":"Quill{at}","given":["Ann"]}}],"birthDate":"1957-03-14"}}"#
        ));
        for n in 0..notes {
            let text = base64(format!("Seen with pain of the chest, visit {n}. Warfarin was stopped.").as_bytes());
            lines.push(format!(
                r#"{{"resourceType":"DocumentReference","id":"{source}-d{at}-{n}","subject":{{"reference":"Patient/{key}"}},"date":"2015-01-{:02}T10:00:00Z","content":[{{"attachment":{{"contentType":"text/plain","title":"Note {n}","data":"{text}"}}}}]}}"#,
                n % 28 + 1
            ));
            lines.push(format!(
                r#"{{"resourceType":"Observation","id":"{source}-o{at}-{n}","status":"final","subject":{{"reference":"Patient/{key}"}},"code":{{"text":"Haemoglobin"}},"effectiveDateTime":"2016-01-{:02}","valueQuantity":{{"value":{n},"unit":"g/dL"}}}}"#,
                n % 28 + 1
            ));
        }
    }
    let files = [
        ("application/xml", "<ClinicalDocument xmlns=\"urn:hl7-org:v3\"><title>Visit</title></ClinicalDocument>"),
        ("application/dicom", "no picture at all"),
        ("text/plain", "A letter"),
    ];
    let content: Vec<String> = files
        .iter()
        .map(|(media, text)| format!(r#"{{"attachment":{{"contentType":"{media}","data":"{}"}}}}"#, base64(text.as_bytes())))
        .collect();
    lines.push(format!(
        r#"{{"resourceType":"DocumentReference","id":"{source}-files","subject":{{"reference":"Patient/{PERSON}"}},"date":"2017-01-02T10:00:00Z","content":[{}]}}"#,
        content.join(",")
    ));
    lines.join("\n") + "\n"
}

impl World {
    fn new(notes: usize) -> World {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().to_path_buf();
        let small = SmallArchive::new(&home);
        for source in ["mer", "pvs"] {
            small.take_lines(source, &story(source, notes));
        }
        World { _folder: Some(folder), ..World::at(&home) }
    }

    /// The world that another process made.
    fn at(home: &Path) -> World {
        let small = SmallArchive::at(home);
        let log = small.log();
        let permit = Permit::for_test(Scope::Person(vec![PatientKey::parse(PERSON).unwrap()]), Filter::default(), &log);
        World {
            home: home.to_path_buf(),
            _folder: None,
            archive: small.open(),
            log,
            shelf: Shelf::of(&small.root),
            config: Config::default(),
            key: small.signer(KeyPurpose::Release),
            permit,
        }
    }

    fn root(&self) -> PathBuf {
        self.home.join("archive")
    }

    fn shop(&self, threads: usize) -> Workshop<'_> {
        Workshop { archive: &self.archive, permit: &self.permit, shelf: &self.shelf, config: &self.config, threads }
    }

    /// All of the person's chart, frozen.
    fn selection(&self) -> Selection {
        let key = PatientKey::parse(PERSON).unwrap();
        let mut records = self.archive.chart(&self.permit, &key, &crate::query::Selection::default()).unwrap().records;
        records.sort_by(|a, b| (a.kind.name(), a.id.as_str()).cmp(&(b.kind.name(), b.id.as_str())));
        let items = records.iter().enumerate().map(|(n, record)| self.item(n, record)).collect();
        Selection {
            v: selection::VERSION,
            request: REQUEST.into(),
            keys: vec![PERSON.into()],
            patient: Person { name: "QUILL, Ann".into(), birth_date: "1957-03-14".into(), ..Person::default() },
            record_set: "designated-record-set 1".into(),
            items,
            ..Selection::default()
        }
    }

    fn item(&self, n: usize, record: &crate::model::Record) -> Item {
        let taken = self.archive.taken(&self.permit, &record.place).unwrap();
        let attachments = (0..3).filter_map(|at| {
            let id: DocumentId = document_id(record.kind, record.id.as_str(), at)?;
            let document = self.archive.document(&self.permit, &id).ok()?;
            Some(Attachment {
                id: id.0.as_str().to_owned(),
                media_type: document.content_type.clone(),
                title: document.title.clone(),
                bytes: document.bytes.len() as u64,
                sha256: hex(&document.sha256),
                pages: None,
            })
        });
        Item {
            n,
            section: "notes".into(),
            kind: record.kind.name().into(),
            id: record.id.as_str().into(),
            accession: record.place.accession.as_str().into(),
            generation: record.place.generation,
            ordinal: record.place.ordinal,
            version: record.version,
            versions: 1,
            patient: PERSON.into(),
            title: format!("{} {n}", record.kind.name()),
            date: Some("2015-01-02".into()),
            source: Origin { system: record.source_system.to_string(), file: "mer.ndjson".into(), number: 1 },
            sha256: sha256_hex(&taken.original),
            attachments: attachments.collect(),
            ..Item::default()
        }
    }

    fn plan(&self, selection: &Selection, formats: Formats) -> Plan {
        Plan {
            v: VERSION,
            request: REQUEST.into(),
            selection_sha256: self.shelf.put(&selection.to_bytes()).unwrap(),
            received: NOW.into(),
            made: NOW.into(),
            requester: Party { name: "R. Quester".into(), ..Party::default() },
            recipient: Party { name: "R. Quester".into(), ..Party::default() },
            authority: manifest::Coded { code: "patient-access".into(), words: "Patient access".into() },
            purpose: "own use".into(),
            formats,
            bates: Some(("RIV26-".into(), 8)),
            generator: generator(),
            ..Plan::default()
        }
    }

    /// What approval adds, with numbers that fit.
    fn record(&self, made: &Made) -> BuildRecord {
        let mut record = BuildRecord {
            v: VERSION,
            plan_sha256: made.previewed.plan_sha256.clone(),
            pdf_sha256: made.previewed.pdf_sha256.clone(),
            package_id: "0198f3c2-7d11-7c55-9f5e-6a0f5d3c1b2a".into(),
            approved: "2026-11-24T08:30:00Z".into(),
            bates_first: Some(41),
            key: self.key.key_name().into(),
            key_public: hex(&self.key.public_key()),
            ..BuildRecord::default()
        };
        record.bates_count = numbers(&self.shop(2), &record, &made.told).unwrap();
        record
    }

    fn sealed(&self, plan: &Plan) -> (BuildRecord, Package) {
        let made = preview(&self.shop(2), plan).unwrap();
        let record = self.record(&made);
        let package = seal(&self.shop(2), &record, &self.key).unwrap();
        (record, package)
    }

    fn check(&self, package: &Package) -> verify::Report {
        let report = verify::verify(self.shelf.open(&package.package_sha256).unwrap(), &self.key.verifier()).unwrap();
        assert!(report.holds(), "{:?}", report.findings);
        report
    }

    fn member(&self, package: &Package, path: &str) -> Vec<u8> {
        let mut zip = zip::ZipArchive::new(self.shelf.open(&package.package_sha256).unwrap()).unwrap();
        let mut bytes = Vec::new();
        zip.by_name(&format!("ROI-{REQUEST}/{path}")).unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    }
}

const ALL: Formats = Formats { pdf: true, native: true, ndjson: true, ccd: true };

fn paths(report: &verify::Report) -> Vec<&str> {
    report.manifest.as_ref().unwrap().files.iter().map(|file| file.path.as_str()).collect()
}

#[test]
fn a_selection_becomes_a_package_that_anybody_can_check() {
    let world = World::new(40);
    let selection = world.selection();
    let mut plan = world.plan(&selection, ALL);
    plan.consents = vec![world.shelf.put(b"%PDF-1.4 consent").unwrap()];
    plan.excluded = vec![3];
    let (record, package) = world.sealed(&plan);
    let report = world.check(&package);
    let manifest = report.manifest.clone().unwrap();
    assert_eq!(manifest.items.len(), selection.items.len() - 1);
    let left_out = format!("{}/{}", selection.items[3].kind, selection.items[3].id);
    assert!(manifest.items.iter().all(|item| item.record != left_out));
    assert_eq!(report.proofs, manifest.items.len() as u64, "every record has its place proved");
    assert_eq!(report.originals, manifest.items.len() as u64, "and its bytes");
    assert_eq!(report.pages, package.pages);
    assert_eq!((package.first_bates.as_str(), manifest.bates.unwrap().pages), ("RIV26-00000041", package.pages));
    let paths = paths(&report);
    for path in ["release.pdf", "ccd.xml", "consent/1.pdf", "fhir/Observation.ndjson", "VERIFY.txt", "LICENSE-verify.txt"] {
        assert!(paths.contains(&path), "{path} of {paths:?}");
    }
    assert_eq!(paths.iter().filter(|path| path.ends_with(".dcm")).count(), 2);
    let ndjson = String::from_utf8(world.member(&package, "fhir/Observation.ndjson")).unwrap();
    let chosen = manifest.items.iter().filter(|item| item.record.starts_with("Observation/")).count();
    assert_eq!(ndjson.lines().count(), chosen);
    assert!(ndjson.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
    assert_eq!(world.member(&package, "consent/1.pdf"), b"%PDF-1.4 consent");
    assert_eq!(world.shelf.get(&package.build_sha256).unwrap(), record.to_bytes());
    // The leaves of the accessions are kept; a file of them that was changed is made anew.
    let leaves: Vec<PathBuf> =
        std::fs::read_dir(world.root().join("releases/leaves")).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(leaves.len(), 2);
    let mut bytes = std::fs::read(&leaves[0]).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&leaves[0], bytes).unwrap();
    assert_eq!(seal(&world.shop(1), &record, &world.key).unwrap(), package);
}

#[test]
fn a_sheet_stands_where_a_document_was_taken_out_and_counts_for_no_item() {
    let world = World::new(6);
    let selection = world.selection();
    let last = selection.items.len() - 1;
    let mut plan = world.plan(&selection, Formats::default());
    plan.excluded = vec![2, 3, last];
    let plain = preview(&world.shop(2), &plan).unwrap().told;
    plan.slip_sheets = true;
    let (_, package) = world.sealed(&plan);
    world.check(&package);
    let made = preview(&world.shop(1), &plan).unwrap();
    let told = &made.told;
    assert_eq!((told.pages, told.around), (plain.pages + 3, plain.around + 3));
    let counts = |told: &Told| told.items.iter().map(|item| (item.n, item.pages)).collect::<Vec<_>>();
    assert_eq!(counts(told), counts(&plain));
    let file = world.shelf.get(&told.pdf_sha256).unwrap();
    let words = |page: u64| crate::formats::pdf::page_text(&file, page as usize - 1).unwrap();
    let sheets: Vec<u64> = (1..=told.pages).filter(|page| words(*page).contains("Document withheld")).collect();
    let of = |n: usize| told.items.iter().find(|item| item.n == n).unwrap();
    let (after, end) = (of(1).first + of(1).pages, of(last - 1).first + of(last - 1).pages);
    assert_eq!(sheets, [after, after + 1, end]);
    assert_eq!(of(4).first, after + 2);
    assert!(words(of(4).first).contains(&selection.items[4].title));
    assert!(!words(after).contains(&selection.items[2].title));
}

#[test]
fn the_same_record_gives_the_same_bytes_whatever_the_threads() {
    let world = World::new(30);
    let plan = world.plan(&world.selection(), ALL);
    let one = preview(&world.shop(1), &plan).unwrap();
    let record = world.record(&one);
    assert_eq!(preview(&world.shop(3), &plan).unwrap().previewed, one.previewed);
    let package = seal(&world.shop(1), &record, &world.key).unwrap();
    assert_eq!(seal(&world.shop(4), &record, &world.key).unwrap(), package);
    let rebuilt = rebuild(&world.shop(3), &package).unwrap();
    assert_eq!(rebuilt.differences, []);
    assert_eq!(rebuilt.package_sha256.as_deref(), Some(package.package_sha256.as_str()));
    // Without the package as it left, the manifest tells.
    let gone = Package { package_sha256: "0".repeat(64), ..package.clone() };
    assert_eq!(rebuild(&world.shop(1), &gone).unwrap().differences, []);
    let other = Package { manifest_sha256: "0".repeat(64), ..gone };
    assert_eq!(rebuild(&world.shop(1), &other).unwrap().differences.len(), 1);
    assert!(
        std::fs::read_dir(world.root().join("releases/making")).unwrap().all(|it| it.unwrap().path().is_file()),
        "only locks stay"
    );
}

#[test]
fn what_is_not_as_it_was_approved_is_not_sealed() {
    let world = World::new(3);
    let plan = world.plan(&world.selection(), Formats::default());
    let made = preview(&world.shop(1), &plan).unwrap();
    let record = world.record(&made);
    let seal = |record: &BuildRecord| seal(&world.shop(1), record, &world.key);
    let other = BuildRecord { pdf_sha256: "0".repeat(64), ..record.clone() };
    assert!(matches!(seal(&other), Err(BuildFault::NotThePreview)));
    let few = BuildRecord { bates_count: record.bates_count - 1, ..record.clone() };
    assert!(matches!(seal(&few), Err(BuildFault::Numbers { .. })));
    let key = BuildRecord { key: "another".into(), ..record.clone() };
    assert!(matches!(seal(&key), Err(BuildFault::OtherKey(_))));
    let mut older = plan.clone();
    older.generator.version = "0.0.1".into();
    assert!(matches!(preview(&world.shop(1), &older), Err(BuildFault::OtherSoftware { .. })));
    let foreign = Plan { request: "2026-000002".into(), ..plan.clone() };
    assert!(matches!(preview(&world.shop(1), &foreign), Err(BuildFault::Foreign(_))));
    for change in [
        |item: &mut Item| item.sha256 = "0".repeat(64),
        |item: &mut Item| item.ordinal += 1,
        |item: &mut Item| item.accession = "20000101T000000Z-none".into(),
        |item: &mut Item| item.attachments.iter_mut().for_each(|file| file.sha256 = "0".repeat(64)),
    ] {
        let mut selection = world.selection();
        change(&mut selection.items[1]);
        let plan = world.plan(&selection, Formats::default());
        assert!(matches!(preview(&world.shop(2), &plan), Err(BuildFault::Changed(_))));
    }
    assert!(seal(&record).is_ok());
}

#[test]
fn of_what_is_redacted_nothing_goes_as_it_is() {
    let world = World::new(5);
    let selection = world.selection();
    let item = selection.items.iter().find(|item| item.attachments.len() == 3).unwrap().n;
    let redactions = Redactions {
        v: 1,
        selection_sha256: selection.digest(),
        reasons: vec![Reason { code: "R-1".into(), words: "Another person".into() }],
        terms: vec![Term { text: "letter".into(), item: Some(item), reason: "R-1".into(), ..Term::default() }],
        ..Redactions::default()
    };
    let mut plan = world.plan(&selection, ALL);
    plan.redactions_sha256 = Some(world.shelf.put(&redactions.to_bytes()).unwrap());
    let (_, package) = world.sealed(&plan);
    let report = world.check(&package);
    let prefix = format!("{:05}-", item + 1);
    assert!(!paths(&report).iter().any(|path| path.contains(&prefix)), "{:?}", paths(&report));
    let manifest = report.manifest.as_ref().unwrap();
    let own = &manifest.items[item];
    assert!(own.redacted && own.original_sha256.is_empty() && own.proof.as_ref().unwrap().salt.is_empty());
    let id = own.record.split_once('/').unwrap().1;
    let ndjson = String::from_utf8(world.member(&package, "fhir/DocumentReference.ndjson")).unwrap();
    assert!(!ndjson.contains(id));
    // The same letter came from the other source too, and is not redacted there.
    assert_eq!(String::from_utf8(world.member(&package, "ccd.xml")).unwrap().matches("A letter").count(), 1);
    assert_eq!(report.proofs, manifest.items.len() as u64, "its place is proved all the same");
    let made = preview(&world.shop(1), &plan).unwrap();
    let log = world.shelf.get(&made.told.redaction_log_sha256.unwrap()).unwrap();
    assert!(String::from_utf8(log).unwrap().contains("R-1"));
}

#[test]
fn a_package_of_many_pages_comes_in_volumes_that_count_on() {
    let world = World::new(30);
    let mut plan = world.plan(&world.selection(), Formats::default());
    let whole = preview(&world.shop(2), &plan).unwrap();
    plan.volume_pages = whole.told.around + whole.told.items.iter().map(|item| item.pages).sum::<u64>() / 3;
    let (record, package) = world.sealed(&plan);
    let report = world.check(&package);
    let volumes: Vec<&str> = paths(&report).into_iter().filter(|path| path.ends_with(".pdf")).collect();
    assert!(volumes.len() > 1 && volumes[0] == "release-001.pdf", "{volumes:?}");
    assert_eq!(report.pages, record.bates_count);
}

#[test]
fn the_approval_is_proved_under_the_key_of_the_log() {
    let world = World::new(2);
    let principal = crate::access::Principal::operator("ann", crate::access::Role::Him, crate::access::Purpose::Legal);
    let approved = |request: &str| {
        let mut entry = crate::access::entry("release.approved", &principal, &crate::access::RequestContext::default());
        entry.detail = vec![("request", request.to_owned())];
        let ack = world.log.append(entry).unwrap();
        world.log.checkpoint().unwrap();
        ack
    };
    let ring = KeyRing::load(&world.root()).unwrap();
    let made = preview(&world.shop(1), &world.plan(&world.selection(), Formats::default())).unwrap();
    let package = |request: &str| {
        let ack = approved(request);
        let (audit, digest) = audit_proof(&world.root(), &ring, &world.shelf, &ack.stream, ack.seq).unwrap();
        let record = BuildRecord { audit: Some(audit), audit_proof_sha256: Some(digest), ..world.record(&made) };
        seal(&world.shop(1), &record, &world.key).unwrap()
    };
    let report = |package: &Package, keys: &[crate::signing::VerifierKey]| {
        let file = world.shelf.open(&package.package_sha256).unwrap();
        verify::verify_with(file, &[world.key.verifier()], keys).unwrap()
    };
    let keys = ring.verifiers(KeyPurpose::Audit);
    let good = package(REQUEST);
    assert!(report(&good, &keys).holds() && report(&good, &keys).is_approval_proved);
    assert!(report(&good, &[]).holds() && !report(&good, &[]).is_approval_proved);
    let stranger = SigningKey::random("chartkeep-audit-9").unwrap().verifier();
    assert!(!report(&good, &[stranger]).holds());
    assert!(!report(&package("2026-000099"), &keys).holds(), "the approval of another request");
}

#[test]
fn a_package_is_wrapped_for_the_way() {
    let world = World::new(2);
    let (_, package) = world.sealed(&world.plan(&world.selection(), Formats::default()));
    let secret = wrap::Secret::random().unwrap();
    let out = world.home.join("wrapped.zip");
    let file = File::create_new(&out).unwrap();
    wrap::wrap(world.shelf.open(&package.package_sha256).unwrap(), package.bytes, "ROI.zip", &secret, file).unwrap();
    let mut zip = zip::ZipArchive::new(File::open(&out).unwrap()).unwrap();
    let mut inside = Vec::new();
    zip.by_index_decrypt(0, secret.show().as_bytes()).unwrap().read_to_end(&mut inside).unwrap();
    assert_eq!(sha256_hex(&inside), package.package_sha256);
}

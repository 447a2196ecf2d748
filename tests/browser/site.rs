//! A site for whole tasks: the made-up hospital of `chartkeep demo`, from two old systems, with a day of work in its access log,
//! served, with somebody of each role. Made by the first test that asks and shared by all.
//!
//! Not for: what people do there (`tasks`).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use chartkeep::model::archive_id;
use chartkeep::store::document_id;
use chartkeep::synth::{MANIFEST_FILE_NAME, Manifest, SamplePatient};
use serde_json::Value;

use crate::gate::harness::{Browser, PASSWORD, add_account};
use crate::support::{Folder, ROOM, Server, chartkeep, folder};

/// As many as it takes to have everything: the last but two has values of HbA1c, two stays and an operation.
const PATIENTS: &str = "18";
const FAMILY: &str = "Lefèvre";
const GIVEN: &str = "Margaret";

/// What the demo's configuration says, without its limits on how fast one may ask.
const CONFIG: &str = "institution = \"Example Valley Health (made up)\"\n\n[cutover]\nmer = \"2024-06-30\"\nhbi = \"2024-06-30\"\n\n\
    [http]\nrequests_per_second = 100000\nrequests_burst = 100000\npatient_searches_per_minute = 100000\nfailures_per_minute = 100000\n\n\
    [custodian]\nname = \"Example Valley Health (made up)\"\naddress = [\"1 Valley Road\"]\ncity = \"Bellwether\"\nstate = \"NH\"\n\
    postal_code = \"03599\"\ntelephone = \"+1-603-555-0100\"\n\n[release]\nbates_prefix = \"EVH\"\n\n";

/// Who works here: account, role.
pub const PEOPLE: [(&str, &str); 6] = [
    ("site-clinician", "clinician"),
    ("site-him", "him"),
    ("site-compliance", "compliance"),
    ("site-reviewer", "reviewer"),
    ("site-archivist", "archivist"),
    ("site-admin", "admin"),
];

pub struct Site {
    pub server: Server,
    /// What tasks call by a name: whom they are about, and where things are.
    pub facts: BTreeMap<&'static str, String>,
    _home: Folder,
}

/// The site, opened by the first test that asks and closed after the last.
pub fn site() -> Arc<Site> {
    static SITE: Mutex<Weak<Site>> = Mutex::new(Weak::new());
    let mut held = SITE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(site) = held.upgrade() {
        return site;
    }
    let site = Arc::new(Site::new());
    *held = Arc::downgrade(&site);
    site
}

impl Site {
    fn new() -> Site {
        let home = folder();
        let dir = home.path().join("demo");
        std::fs::create_dir(&dir).expect("made");
        let audit = ROOM.replace("[audit]", "[audit]\nworkforce = \"workforce.csv\"\nnews = \"news.csv\"");
        std::fs::write(dir.join("chartkeep.toml"), format!("{CONFIG}{audit}")).expect("written");
        let dir_text = dir.to_str().expect("plain names");
        chartkeep(["demo", "--dir", dir_text, "--patients", PATIENTS, "--no-serve"]).expect(0);
        let archive = dir.join("archive");
        for (name, role) in PEOPLE {
            add_account(&archive, name, role);
        }
        let mut facts = facts(&dir, &archive);
        let server = Server::start(&archive);
        let accession = format!("/accessions/{}/quarantine", facts["accession"]);
        let (used, _) = first_link(&server, "site-reviewer", "/break-glass", "/break-glass/");
        let (kept, _) = first_link(&server, "site-archivist", &accession, &format!("{accession}/"));
        let (pair, name) = first_link(&server, "site-archivist", "/identity", "/identity/");
        let (one, other) = pair.split_once('/').expect("two keys");
        facts.extend([("use", used), ("kept", kept), ("one", one.into()), ("other", other.into()), ("name-of-one", name)]);
        Site { server, facts, _home: home }
    }
}

/// Where the first link of a page that begins so leads, from there on, and what it says; some pages have it after a while.
fn first_link(server: &Server, account: &str, page: &str, link: &str) -> (String, String) {
    let browser = Browser::sign_in(server, account);
    for _ in 0..100 {
        let html = browser.get(page).text();
        if let Some(rest) = html.split(&format!("href=\"{link}")).nth(1) {
            let (href, words) = rest.split_once('>').expect("a whole tag");
            let href = href.split(['"', '?', '#']).next().unwrap_or_default();
            return (href.to_string(), words.split('<').next().unwrap_or_default().to_string());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    panic!("no link to {link} on {page}");
}

fn facts(dir: &Path, archive: &Path) -> BTreeMap<&'static str, String> {
    let manifest = std::fs::read(dir.join("delivery").join(MANIFEST_FILE_NAME)).expect("a manifest");
    let manifest: Manifest = serde_json::from_slice(&manifest).expect("JSON");
    let is_she = |person: &&SamplePatient| person.family == FAMILY && person.given == GIVEN;
    let person = manifest.sample_patients.iter().find(is_she).expect("the seed of the demo has her");
    let both = manifest.sample_patients.first().expect("somebody whom both systems knew");
    let key = |person: &SamplePatient| archive_id("mer", "Patient", &person.id).as_str().to_string();
    let is_restricted = |person: &&SamplePatient| manifest.restricted_markers.iter().any(|marker| marker.patient == person.id);
    let restricted = manifest.sample_patients.iter().find(is_restricted).expect("somebody with restricted notes");
    let catalog = crate::support::archive::in_force(archive);
    let mut facts = BTreeMap::from([
        ("family", person.family.clone()),
        ("given", person.given.clone()),
        ("born", person.birth_date.clone()),
        ("mrn", person.mrn.clone()),
        ("patient", key(person)),
        ("both", key(both)),
        ("accession", catalog.accessions[0].accession.to_string()),
        ("restricted", key(restricted)),
        ("password", PASSWORD.to_string()),
    ]);
    facts.extend(documents(archive));
    facts.extend(allergy(archive));
    facts
}

/// Somebody whose allergy is told with its reaction.
fn allergy(archive: &Path) -> BTreeMap<&'static str, String> {
    let all = crate::support::archive::accessions(archive);
    let mut records = all.iter().take(1).flat_map(crate::support::archive::records);
    let found = records.find_map(|record| {
        let json: Value = serde_json::from_slice(&record.original).ok()?;
        let text = |at: &str| json.pointer(at)?.as_str().map(str::to_string);
        let patient = text("/patient/reference")?.strip_prefix("Patient/")?.to_string();
        let reaction =
            text("/reaction/0/manifestation/0/text").or_else(|| text("/reaction/0/manifestation/0/coding/0/display"))?;
        let is_open = record.kind.name() == "AllergyIntolerance" && !record.label.is_restricted();
        is_open.then_some(BTreeMap::from([("allergic", patient), ("substance", text("/code/text")?), ("reaction", reaction)]))
    });
    found.expect("somebody with an allergy")
}

/// What documents are called by tasks: the id, and whose each is.
const FORMATS: [(&str, &str, &str); 6] = [
    ("text/plain", "text", "text-of"),
    ("text/html", "html", "html-of"),
    ("application/pdf", "pdf", "pdf-of"),
    ("application/rtf", "rtf", "rtf-of"),
    ("application/xml", "cda", "cda-of"),
    ("image/tiff", "tiff", "tiff-of"),
];

/// A document of each format that anybody may read.
fn documents(archive: &Path) -> BTreeMap<&'static str, String> {
    let mut found = BTreeMap::new();
    let all = crate::support::archive::accessions(archive);
    let records = all.iter().flat_map(crate::support::archive::records);
    for record in records.filter(|record| record.kind.name() == "DocumentReference" && !record.label.is_restricted()) {
        let Ok(json) = serde_json::from_slice::<Value>(&record.original) else { continue };
        let format = json["content"][0]["attachment"]["contentType"].as_str().unwrap_or("").split(';').next();
        let patient = json["subject"]["reference"].as_str().and_then(|reference| reference.strip_prefix("Patient/"));
        let (Some(format), Some(patient)) = (format, patient) else { continue };
        if let Some((_, name, of)) = FORMATS.iter().find(|(media_type, ..)| *media_type == format) {
            let id = document_id(record.kind, &record.id, 0).expect("an id").0.as_str().to_string();
            found.entry(*name).or_insert(id);
            found.entry(*of).or_insert_with(|| patient.to_string());
        }
    }
    found
}

//! An archive with documents for the browser, a server over it, a listener that must hear nothing, and readers signed in.
//!
//! Not for: what the pages must be.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use chartkeep::model::Kind;
use chartkeep::store::document_id;

use crate::gate::harness::{self, add_account};
use crate::support::issuer::Listener;
use crate::support::{Answer, Folder, Server, folder, ingest, init};

use super::attacks;
use super::chrome::Chrome;

pub struct World {
    pub archive: PathBuf,
    pub server: Server,
    pub evil: Listener,
    /// Addresses of documents by their titles.
    pages: BTreeMap<String, String>,
    _home: Folder,
}

/// The world, made by the first test that asks and gone after the last.
pub fn world() -> Arc<World> {
    static WORLD: Mutex<Weak<World>> = Mutex::new(Weak::new());
    let mut held = WORLD.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(world) = held.upgrade() {
        return world;
    }
    let world = Arc::new(World::new());
    *held = Arc::downgrade(&world);
    world
}

impl World {
    fn new() -> World {
        let (home, evil) = (folder(), Listener::start("heard", ""));
        let delivery = home.path().join("delivery");
        std::fs::create_dir(&delivery).expect("made");
        let write = |name: &str, bytes: &[u8]| std::fs::write(delivery.join(name), bytes).expect("written");
        for attack in attacks::all(&evil.address) {
            write(&format!("{}.xml", attack.name), &attack.document);
        }
        write("example.xml", example().as_bytes());
        let body = |file| format!("<nonXMLBody><text mediaType=\"text/plain\"><reference value=\"{file}\"/></text></nonXMLBody>");
        write("scan-beside.xml", attacks::with_body("scan-beside", &body("beside.txt")).as_bytes());
        write("beside.txt", b"Words of the file beside.\n");
        write("scan-missing.xml", attacks::with_body("scan-missing", &body("not-there.txt")).as_bytes());
        let many = "<paragraph>Seen and well.</paragraph>\n".repeat(4_000);
        write("long.xml", attacks::with_narrative("long", &many, "").as_bytes());
        let archive = init(&home);
        // Exit code 1: what cannot be read is in quarantine.
        ingest(&archive, &[&delivery]).expect(1);
        let stored = stored_in_cda(&archive);
        let server = Server::start(&archive);
        for role in ["clinician", "archivist"] {
            add_account(&archive, &format!("browser-{role}"), role);
        }
        World { archive, server, evil, pages: stored, _home: home }
    }

    pub fn page_of(&self, title: &str) -> Option<String> {
        self.pages.get(title).cloned()
    }
}

/// The documents of an archive whose originals are CDA, by title.
fn stored_in_cda(archive: &Path) -> BTreeMap<String, String> {
    use chartkeep::model::ArchiveId;
    let accession = &crate::support::archive::accessions(archive)[0];
    let mut pages = BTreeMap::new();
    let mut patient = String::new();
    for record in crate::support::archive::records(accession) {
        if record.kind == Kind::PATIENT {
            patient = record.id.clone();
        }
        if record.kind.name() != "DocumentReference" {
            continue;
        }
        let json: serde_json::Value = serde_json::from_slice(&record.original).expect("JSON");
        let id = document_id(record.kind, ArchiveId::parse(&record.id).expect("an id").as_str(), 0).expect("an id");
        pages.insert(json["description"].as_str().unwrap_or_default().to_string(), id.0.as_str().to_string());
    }
    pages.into_iter().map(|(title, id)| (title, format!("/patients/{patient}/documents/{id}"))).collect()
}

/// Someone signed in, in the browser or beside it.
pub struct Signed<'w> {
    browser: harness::Browser<'w>,
    /// What all addresses of the server begin with.
    pub own: String,
}

impl<'w> Signed<'w> {
    pub fn new(world: &'w World, role: &str) -> Signed<'w> {
        let browser = harness::Browser::sign_in(&world.server, &format!("browser-{role}"));
        Signed { browser, own: format!("{}/", world.server.address).trim_end_matches('/').to_string() }
    }

    pub fn in_as(world: &'w World, chrome: &Chrome, role: &str) -> Signed<'w> {
        let signed = Signed::new(world, role);
        signed.give_to(chrome);
        signed
    }

    /// At another server, with an account that is there.
    pub fn known(server: &'w Server, name: &str) -> Signed<'w> {
        Signed { browser: harness::Browser::sign_in(server, name), own: server.address.clone() }
    }

    pub fn csrf(&self) -> &str {
        &self.browser.csrf
    }

    pub fn post(&self, path: &str, form: &str) -> Answer {
        self.browser.post(path, &[], form)
    }

    /// `sid=…`
    pub fn cookie(&self) -> &str {
        &self.browser.cookie
    }

    pub fn give_to(&self, chrome: &Chrome) {
        chrome.open(&self.url("/healthz"));
        chrome.set_cookie(&self.browser.cookie);
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.own)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.browser.get(path)
    }
}

/// A document with everything that narrative can hold, in an order that no clinician would choose.
fn example() -> String {
    const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAIAAAB7QOjdAAAAD0lEQVR4nGNYtfuMoJIxAAuEApgXs7SOAAAAAElFTkSuQmCC";
    let section = |code: &str, title: &str, rest: &str| {
        format!(
            "<component><section><code code=\"{code}\" codeSystem=\"2.16.840.1.113883.6.1\"/><title>{title}</title>{rest}</section></component>"
        )
    };
    let heads: String = (1..=14).map(|n| format!("<th scope=\"col\">2024-{n:02}</th>")).collect();
    let cells: String = (1..=14).map(|n| format!("<td>13{n}.25 mmol/L</td>")).collect();
    let finding = |name: &str| {
        format!(
            "<entry><observation classCode=\"OBS\" moodCode=\"EVN\"><code code=\"1\" displayName=\"{name}\"/></observation></entry>"
        )
    };
    let sections = [
        section("48768-6", "Payers", "<text><paragraph>Example Insurance</paragraph></text>"),
        section(
            "29762-2",
            "Social history",
            "<text><list><caption>Habits</caption><item>Never <content styleCode=\"Bold\">smoked</content></item><item><caption>Drinks</caption>wine</item></list><paragraph>See <linkHtml href=\"https://www.example.org/advice?x=1\">the advice</linkHtml> and <linkHtml href=\"javascript:alert(1)\">this</linkHtml>.</paragraph></text>",
        ),
        section(
            "30954-2",
            "Results",
            &format!(
                "<text><table><caption>Sodium</caption><thead><tr><th>Test</th>{heads}</tr></thead><tbody><tr><th scope=\"row\">Sodium</th>{cells}</tr></tbody></table></text>{}",
                finding("Sodium")
            ),
        ),
        section(
            "11450-4",
            "Problems",
            &format!(
                "<text><table><thead><tr><th>Problem</th><th>Since</th></tr></thead><tbody><tr ID=\"p1\"><td>Asthma<footnote ID=\"f1\">As told by the patient.</footnote></td><td>1999</td></tr><tr><td>Gout <content revised=\"delete\">of the left hand</content><content revised=\"insert\">of the left foot</content></td><td>2015<footnoteRef IDREF=\"f1\"/></td></tr></tbody></table></text>{}{}{}",
                finding("Asthma"),
                finding("Anaemia"),
                finding("Cataract")
            ),
        ),
        section("48765-2", "Allergies", "<text><paragraph styleCode=\"xAlert\">Penicillin: anaphylaxis</paragraph></text>"),
        section(
            "10160-0",
            "Medications",
            &format!("<text><paragraph>Aspirin 81 mg daily</paragraph></text>{}", finding("Aspirin")),
        ),
        section("47519-4", "Procedures", "<text/>"),
        section(
            "18748-4",
            "Images",
            &format!(
                "<text><paragraph>The knee:</paragraph><renderMultiMedia referencedObject=\"MM1\"><caption>Left knee</caption></renderMultiMedia></text><entry><observationMedia classCode=\"OBS\" moodCode=\"EVN\" ID=\"MM1\"><value mediaType=\"image/png\" representation=\"B64\">{PNG}</value></observationMedia></entry>"
            ),
        ),
        section(
            "8648-8",
            "Hospital course",
            "<confidentialityCode code=\"R\"/><text><paragraph>Came with a cough.</paragraph><content styleCode=\"xMono\">BP   120/80\nHR   60</content></text><component><section><title>First day</title><text>Better</text><component><section><title>Night</title><text>Slept</text></section></component></section></component>",
        ),
    ];
    attacks::with_body("example", &format!("<structuredBody>{}</structuredBody>", sections.concat()))
}

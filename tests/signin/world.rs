//! An archive with four patients and a crosswalk, two real identity providers in a process of their own
//! (`tests/oidc/provider.mjs`), and a server that knows them.
//!
//! Not for: assertions.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::support::{Folder, Server, chartkeep, copy, folder, ingest, init};

/// The secret of signed launches.
pub const LAUNCH_SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

/// The patients of the archive: id, family, given, birth date, sex.
const PATIENTS: [(&str, &str, &str, &str, &str); 4] = [
    ("p1", "Quill", "Ann", "1957-03-14", "female"),
    ("p2", "Rivers", "Tom", "1962-11-02", "male"),
    ("p3", "Stone", "Eve", "1971-05-30", "female"),
    ("p4", "Upton", "Max", "1988-01-09", "male"),
];

/// The archive without its configuration, made once.
fn prepared() -> &'static Path {
    static ARCHIVE: OnceLock<(Folder, PathBuf)> = OnceLock::new();
    let (_, archive) = ARCHIVE.get_or_init(|| {
        let folder = folder();
        let archive = init(&folder);
        let delivery = folder.path().join("delivery");
        std::fs::create_dir(&delivery).expect("a folder");
        let lines: String = PATIENTS.iter().map(|patient| format!("{}\n", patient_json(*patient, "identifier"))).collect();
        std::fs::write(delivery.join("Patient.ndjson"), lines).expect("written");
        let lines: String = therapy().iter().map(|record| format!("{record}\n")).collect();
        std::fs::write(delivery.join("Therapy.ndjson"), lines).expect("written");
        ingest(&archive, &[&delivery]).expect(0);
        (folder, archive)
    });
    archive
}

/// Psychotherapy notes about `p1`: by Ann as a practitioner of the archive, by Ann by her number alone, by another, by nobody.
fn therapy() -> Vec<Value> {
    let npi = |value: &str| json!({"system": "http://hl7.org/fhir/sid/us-npi", "value": value});
    let practitioner = |id: &str, number: &str| json!({"resourceType": "Practitioner", "id": id, "name": [{"family": id}], "identifier": [npi(number)]});
    let note = |id: &str, author: Value| {
        json!({
            "resourceType": "DocumentReference", "id": id, "status": "current", "type": {"text": format!("Session {id}")},
            "meta": {"security": [{"code": "PSYTHPN"}]}, "subject": {"reference": "Patient/p1"}, "date": "2012-03-04T10:00:00Z",
            "author": author, "content": [{"attachment": {"contentType": "text/plain", "data": base64std(&format!("words-{id}"))}}]
        })
    };
    vec![
        practitioner("ann", "1234567893"),
        practitioner("bob", "1987654320"),
        note("one", json!([{"reference": "Practitioner/ann"}])),
        note("two", json!([{"identifier": npi("1234567893")}])),
        note("three", json!([{"reference": "Practitioner/bob"}])),
        note("four", json!([{"display": "1234567893"}])),
        note("five", json!([{"identifier": {"system": "urn:staff", "value": "1234567893"}}])),
    ]
}

fn base64std(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn patient_json((id, family, given, born, sex): (&str, &str, &str, &str, &str), with: &str) -> Value {
    json!({
        "resourceType": "Patient", "id": id, "name": [{"family": family, "given": [given]}], "birthDate": born, "gender": sex,
        with: [{"system": "urn:mer", "value": format!("M-{id}"), "type": {"coding": [{"code": "MR"}]}}]
    })
}

pub struct World {
    _server: Server,
    pub archive: PathBuf,
    /// The issuers, and the FHIR base of the EHR.
    pub idp: String,
    pub ehr: String,
    pub fhir: String,
    /// The public address of the archive.
    pub public: String,
    provider: Child,
    _folder: Folder,
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.provider.kill();
        let _ = self.provider.wait();
    }
}

impl World {
    /// `None` where the test command was told that it has to do without.
    pub fn new() -> Option<World> {
        World::with(&[], "")
    }

    /// With further options of `serve`, and further lines in the EHR's row.
    pub fn with(options: &[&str], of_ehr: &str) -> Option<World> {
        let packages = packages()?;
        let folder = folder();
        let archive = folder.path().join("archive");
        copy(prepared(), &archive);
        copy(&prepared().with_extension("keys"), &archive.with_extension("keys"));
        let port = free_port();
        let public = format!("http://127.0.0.1:{port}");
        let secrets = Secrets::write(&folder);
        let (provider, said) = start_providers(&packages, &public, &secrets);
        let text = |name: &str| said[name].as_str().expect("an address").to_string();
        let (idp, ehr, fhir) = (text("idp"), text("ehr"), text("fhir"));
        let config = configuration(&public, &idp, &ehr, &fhir, of_ehr) + crate::support::ROOM;
        std::fs::write(archive.join("chartkeep.toml"), config).expect("written");
        for (name, bytes) in secrets.files() {
            std::fs::write(archive.join(name), bytes).expect("written");
        }
        let crosswalk = folder.path().join("mpi.csv");
        std::fs::write(&crosswalk, CROSSWALK).expect("written");
        let import = ["identity", "import", archive.to_str().expect("a plain name"), crosswalk.to_str().expect("plain")];
        chartkeep(import.into_iter().chain(["--by", "A. Example"])).expect(0);
        let listen = format!("127.0.0.1:{port}");
        let server = Server::start_at(&archive, &listen, options);
        Some(World { _server: server, archive, idp, ehr, fhir, public, provider, _folder: folder })
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.public)
    }

    /// The address with which the EHR launches the viewer on one of its patients.
    pub fn launch(&self, patient: &str) -> String {
        let handle = base64url(json!({"patient": patient, "encounter": "e-1"}).to_string().as_bytes());
        self.url(&format!("/launch?iss={}&launch={handle}", escape(&self.fhir)))
    }

    pub fn sign_in(&self) -> String {
        self.url(&format!("/signin/start?issuer={}", escape(&self.idp)))
    }

    /// Entries of an event, oldest first.
    pub fn entries(&self, event: &str) -> Vec<Value> {
        let question = chartkeep::audit::Query {
            event: Some(event.into()),
            newest_first: false,
            limit: usize::MAX,
            ..chartkeep::audit::Query::default()
        };
        let found = chartkeep::audit::read(&self.archive, &question).expect("the log reads");
        found.into_iter().map(|found| Value::Object(found.entry)).collect()
    }

    /// The newest entry of an event.
    pub fn newest(&self, event: &str) -> Value {
        self.entries(event).pop().unwrap_or_else(|| panic!("no entry {event}"))
    }
}

/// The EHR's patients, and what the crosswalk says of them. `E-4` is known to nobody; `E-3` is another person than the
/// crosswalk has it.
const CROSSWALK: &str = "\
local id,authority,enterprise id
p1,mer,1
E-1,new-ehr,1
p2,mer,2
E-2,new-ehr,2
p3,mer,3
E-3,new-ehr,3
p4,mer,4
e-1,new-ehr,4
";

fn ehr_patients() -> Value {
    let of = |id: &str, family: &str, given: &str, born: &str, sex: &str| patient_json((id, family, given, born, sex), "link");
    json!({
        "E-1": of("E-1", "QUILL", "Ann", "1957-03-14", "female"),
        "E-2": of("E-2", "Rivers", "Tom", "1962-11-02", "male"),
        "E-3": of("E-3", "Stone", "Eve", "1971-05-03", "female"),
        "E-4": of("E-4", "Nobody", "Known", "1950-01-01", "female"),
    })
}

fn people() -> Value {
    json!({
        "ann": {"name": "Ann Clinician", "groups": ["Clinicians", "Other"], "npi": "1234567893", "fhirUser": "Practitioner/1"},
        "bea": {"name": "Bea Both", "groups": ["Clinicians", "HIM"]},
        "carl": {"name": "Carl Nobody", "groups": ["Other"]},
        "dora": {"name": "Dora Two", "groups": ["Privacy", "Archive"]},
    })
}

fn configuration(public: &str, idp: &str, ehr: &str, fhir: &str, of_ehr: &str) -> String {
    format!(
        r#"
[http]
failures_per_minute = 1000
requests_per_second = 1000
requests_burst = 1000

[access]
public_url = "{public}"

[[access.issuer]]
iss = "{idp}"
name = "the hospital"
use = ["sign-in"]
client_id = "archive"
client_key_file = "client.pem"
algorithms = ["ES256"]
roles_claim = "groups"
roles = {{ Clinicians = "clinician", HIM = "him", Privacy = "compliance", Archive = "archivist" }}

[[access.issuer]]
iss = "{ehr}"
name = "NewEHR"
use = ["launch"]
client_id = "viewer"
client_secret_file = "client.secret"
algorithms = ["RS256"]
fhir_base = "{fhir}"
jwks_url = "{ehr}/jwks"
patient_namespace = "new-ehr"
roles = {{ "*" = "clinician" }}
{of_ehr}

[[access.signed_launch]]
name = "old-portal"
secret_file = "launch.secret"
patient_namespace = "new-ehr"
"#
    )
}

struct Secrets {
    key: String,
    secret: &'static str,
}

impl Secrets {
    fn write(_folder: &Folder) -> Secrets {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).expect("a key");
        Secrets { key: key.serialize_pem(), secret: "a-client-secret-with: odd % signs" }
    }

    fn files(&self) -> [(&'static str, Vec<u8>); 3] {
        [
            ("client.pem", self.key.clone().into_bytes()),
            ("client.secret", format!("{}\n", self.secret).into_bytes()),
            ("launch.secret", LAUNCH_SECRET.to_vec()),
        ]
    }
}

/// The folder with the provider's packages, which `ops/test` fills.
fn packages() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/oidc");
    if folder.join("node_modules/oidc-provider").is_dir() {
        return Some(folder);
    }
    let without = std::env::var_os("CHARTKEEP_OFFLINE").is_some();
    assert!(without, "the identity provider of the tests is not there: run ops/test, which needs node and npm");
    None
}

fn start_providers(packages: &Path, public: &str, secrets: &Secrets) -> (Child, Value) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oidc/provider.mjs");
    // Node looks for packages beside the script. Another test may be writing the same bytes: each has its own copy.
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let own = packages.join(format!("provider-{}-{number}.mjs", std::process::id()));
    std::fs::copy(script, &own).expect("copied");
    let mut process = Command::new("node")
        .arg(&own)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("node starts");
    let settings = json!({
        "archive": public, "people": people(), "patients": ehr_patients(),
        "client_key": secrets.key, "client_secret": secrets.secret,
    });
    writeln!(process.stdin.as_mut().expect("piped"), "{settings}").expect("taken");
    let mut lines = BufReader::new(process.stdout.take().expect("piped")).lines();
    let line = lines.next().and_then(Result::ok).expect("a line");
    // Reads on: what it says further must not end it.
    std::thread::spawn(move || lines.for_each(drop));
    let _ = std::fs::remove_file(own);
    (process, serde_json::from_str(&line).expect("the providers say where they are"))
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}

pub fn escape(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

pub fn base64url(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

//! Break-glass as a person meets it: what opens for whom and for how long, what refuses it, who is told, who reviews.
//!
//! Not for: the policy's own table of what may be opened (`src/access`), or the register's part (`src/register`).

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chartkeep::audit::Query;
use serde_json::{Value, json};
use sqlx::Connection;

use super::harness::{Browser, PASSWORD, add_account, key, post};
use crate::support::{Answer, Folder, Server, chartkeep, command, folder, ingest, init, token};

/// An archive with three patients; two have a condition of each class that matters here.
struct Place {
    _home: Folder,
    archive: PathBuf,
    server: Server,
    notices: Receiver<(String, Value)>,
}

impl Place {
    /// The same with its configuration read anew.
    fn restarted(self) -> Place {
        let Place { _home, archive, server, notices } = self;
        drop(server);
        let server = Server::start(&archive);
        Place { _home, archive, server, notices }
    }
}

const CLASSES: [(&str, &str); 4] =
    [("marker-plain", "N"), ("marker-hiv", "HIV"), ("marker-substance", "SUD"), ("marker-psychotherapy", "PSYTHPN")];

fn delivery(home: &Path) -> PathBuf {
    let folder = home.join("delivery");
    std::fs::create_dir(&folder).expect("made");
    let (mut patients, mut conditions) = (String::new(), String::new());
    for patient in ["p1", "p2", "p3"] {
        let name = json!([{ "family": format!("Quill-{patient}"), "given": ["Ann"] }]);
        let patient_json = json!({ "resourceType": "Patient", "id": patient, "name": name, "birthDate": "1957-03-14" });
        patients.push_str(&format!("{patient_json}\n"));
        for (text, code) in CLASSES.iter().filter(|(_, code)| patient != "p3" || *code == "N") {
            let condition = json!({
                "resourceType": "Condition", "id": format!("{patient}-{code}"),
                "meta": { "security": [{ "code": code }] },
                "code": { "text": format!("{text}-{patient}") },
                "subject": { "reference": format!("Patient/{patient}") },
            });
            conditions.push_str(&format!("{condition}\n"));
        }
    }
    let letter = |id: &str, code: &str, media_type: &str, text: &str| {
        json!({
            "resourceType": "DocumentReference", "id": id, "status": "current", "meta": { "security": [{ "code": code }] },
            "type": { "text": format!("Letter {id}") }, "subject": { "reference": "Patient/p1" }, "date": "2012-03-04T10:00:00Z",
            "content": [{ "attachment": { "contentType": media_type, "data": STANDARD.encode(text) } }],
        })
    };
    let letters = [
        letter("plain", "N", "text/plain", "words-of-plain <b>\n  and more"),
        letter("markup", "N", "text/html", "<p>words-of-markup</p><script>alert(1)</script>"),
        letter("hiv", "HIV", "text/plain", "words-of-hiv"),
    ];
    let letters: String = letters.iter().map(|letter| format!("{letter}\n")).collect();
    std::fs::write(folder.join("DocumentReference.ndjson"), letters).expect("written");
    std::fs::write(folder.join("Patient.ndjson"), patients).expect("written");
    std::fs::write(folder.join("Condition.ndjson"), conditions).expect("written");
    folder
}

/// Takes notices; refuses the first, so that it has to be sent again.
fn listener() -> (u16, Receiver<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let (send, receive) = channel();
    std::thread::spawn(move || {
        for (n, stream) in listener.incoming().flatten().enumerate() {
            let mut reader = BufReader::new(stream);
            let (mut authorization, mut length) = (String::new(), 0);
            for line in reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty()) {
                let (name, value) = line.split_once(": ").unwrap_or((&line, ""));
                match name.to_ascii_lowercase().as_str() {
                    "authorization" => authorization = value.to_string(),
                    "content-length" => length = value.parse().expect("a number"),
                    _ => {}
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).expect("the whole body");
            let status = if n == 0 { "503 Later" } else { "200 OK" };
            let _ = write!(reader.get_mut(), "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            if n > 0 && send.send((authorization, serde_json::from_slice(&body).expect("JSON"))).is_err() {
                return;
            }
        }
    });
    (port, receive)
}

fn place() -> Place {
    let home = folder();
    let archive = init(&home);
    ingest(&archive, &[&delivery(home.path())]).expect(0);
    let (port, notices) = listener();
    std::fs::write(archive.join("secret"), "a secret of the webhook\n").expect("written");
    let config = archive.join("chartkeep.toml");
    let told = format!("[notices]\nwebhook = \"http://127.0.0.1:{port}/notice\"\nwebhook_secret_file = \"secret\"\n");
    let before = std::fs::read_to_string(&config).expect("init wrote it");
    std::fs::write(config, before + &told).expect("written");
    for (name, role) in [("ann", "clinician"), ("bob", "clinician"), ("rex", "reviewer"), ("mia", "compliance"), ("hal", "him")] {
        add_account(&archive, name, role);
    }
    let server = Server::start(&archive);
    Place { _home: home, archive, server, notices }
}

/// Changes the register past the server, as time would.
fn pass(place: &Place, statement: &'static str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(place.archive.join("register.db"));
        let mut connection = sqlx::SqliteConnection::connect_with(&options).await.expect("the register opens");
        sqlx::query(statement).execute(&mut connection).await.expect("it is changed");
        connection.close().await.expect("closed");
    });
}

fn events(place: &Place, event: &str) -> Vec<Value> {
    let query = Query { event: Some(event.into()), newest_first: false, limit: usize::MAX, ..Query::default() };
    let found = chartkeep::audit::read(&place.archive, &query).expect("the log reads");
    found.into_iter().map(|found| Value::Object(found.entry)).collect()
}

/// The markers that a page of problems shows.
fn seen(browser: &Browser, patient: &str) -> Vec<&'static str> {
    let page = browser.get(&format!("/patients/{}/problems", key(patient)));
    assert_eq!(page.status, 200, "{}", page.text());
    let text = page.text();
    CLASSES.iter().map(|(marker, _)| *marker).filter(|marker| text.contains(marker)).collect()
}

fn ask(browser: &Browser, patient: &str, fields: &str) -> Answer {
    let form = format!("csrf={}&{fields}", browser.csrf);
    browser.post(&format!("/patients/{}/break-glass", key(patient)), &[], &form)
}

const EMERGENCY: &str = "reason=medical-emergency&personnel=Dr+Okafor&facility=North+ward&nature=Found+unconscious";

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}: not within a minute");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn glass_opens_the_stated_kinds_of_one_chart_for_one_person_until_it_ends() {
    let place = place();
    let ann = Browser::sign_in(&place.server, "ann");
    let bob = Browser::sign_in(&place.server, "bob");
    for patient in ["p1", "p2", "p3"] {
        assert_eq!(seen(&ann, patient), ["marker-plain"]);
        let page = ann.get(&format!("/patients/{}", key(patient))).text();
        assert!(page.contains("Some kinds of records are restricted here"), "by policy alone, whether any is there or not");
    }
    refusals(&ann);
    assert_eq!(seen(&ann, "p1"), ["marker-plain"], "a refusal opens nothing");

    let before = Instant::now();
    let opened = ask(&ann, "p1", &format!("{EMERGENCY}&text=Found+unconscious+at+the+bus+stop"));
    assert_eq!(
        (opened.status, opened.header("location")),
        (303, Some(format!("/patients/{}", key("p1")).as_str())),
        "{}",
        opened.text()
    );
    assert_eq!(seen(&ann, "p1"), ["marker-plain", "marker-hiv", "marker-substance"], "notes of psychotherapy never");
    assert_eq!(seen(&ann, "p2"), ["marker-plain"], "another patient");
    assert_eq!(seen(&bob, "p1"), ["marker-plain"], "another person");
    let second = Browser::sign_in(&place.server, "ann");
    assert_eq!(seen(&second, "p1"), ["marker-plain"], "another session of the same person");
    let token = token(&place.archive, "clinician");
    let by_token = place.server.get(&format!("/fhir/Condition?patient={}", key("p1")), Some(&token)).text();
    assert!(by_token.contains("marker-plain") && !by_token.contains("marker-hiv"), "a token carries no grant");
    let asked = post(&place.server, &format!("/patients/{}/break-glass", key("p1")), Some(&token), &[], EMERGENCY);
    assert_eq!((asked.status, asked.header("location")), (303, Some("/signin")), "nor can it ask for one");
    let page = ann.get(&format!("/patients/{}/problems", key("p1"))).text();
    assert!(page.contains("Restricted records are open until") && page.contains("End now"));

    let (authorization, notice) = place.notices.recv_timeout(Duration::from_secs(60)).expect("a notice");
    assert!(before.elapsed() < Duration::from_secs(60), "within a minute, though the first attempt was refused");
    assert_eq!(authorization, "Bearer a secret of the webhook");
    assert_eq!(
        (&notice["event"], &notice["user"]["sub"], &notice["reason"]),
        (&json!("btg.start"), &json!("ann"), &json!("medical-emergency"))
    );
    assert_eq!(notice["patient"], key("p1"));
    assert!(!notice.to_string().contains("bus stop") && !notice.to_string().contains("Quill"), "{notice}");

    let start = &events(&place, "btg.start")[0];
    let id = start["btg"]["id"].as_str().expect("its id").to_string();
    assert_eq!(notice["id"], id);
    assert_eq!(start["btg"]["reason_text"], "Found unconscious at the bus stop");
    assert_eq!((&start["detail"]["personnel"], &start["detail"]["facility"]), (&json!("Dr Okafor"), &json!("North ward")));
    let under = events(&place, "record.read").iter().filter(|read| read["btg"]["id"] == id.as_str()).count();
    assert!(under >= 2, "what was read under it says so");

    let end = format!("/patients/{}/break-glass/stop", key("p1"));
    assert_eq!(ann.post(&end, &[], "csrf=wrong").status, 403);
    assert_eq!(ann.post(&end, &[], &format!("csrf={}", ann.csrf)).status, 303);
    assert_eq!(seen(&ann, "p1"), ["marker-plain"]);
    let stop = &events(&place, "btg.stop")[0];
    assert_eq!((&stop["btg"]["id"], &stop["detail"]["why"]), (&json!(id), &json!("ended-by-user")));
    until("the notice's two entries", || events(&place, "notice.sent").len() == 1);
    assert_eq!(events(&place, "notice.failed").len(), 1);
}

/// Every way to ask wrongly: status and what is said.
fn refusals(ann: &Browser) {
    let long = "text=Found+unconscious+at+the+stop";
    for (fields, status, said) in [
        (String::new(), 400, "Choose one of the reasons"),
        (format!("reason=curiosity&{long}"), 400, "Choose one of the reasons"),
        ("reason=urgent-care".to_string(), 400, "at least 15 characters"),
        ("reason=urgent-care&text=a+b+c+d+e+f+g+h+i+j+k+l+m+n".to_string(), 400, "at least 15 characters"),
        (format!("reason=medical-emergency&{long}"), 400, "treating clinician"),
        (format!("reason=medical-emergency&personnel=Dr+O&facility=+&nature=x&{long}"), 400, "treating clinician"),
    ] {
        let answer = ask(ann, "p1", &fields);
        assert_eq!(answer.status, status, "{fields}: {}", answer.text());
        assert!(answer.text().contains(said), "{fields}: {}", answer.text());
    }
    let path = format!("/patients/{}/break-glass", key("p1"));
    assert_eq!(ann.post(&path, &[], &format!("csrf=wrong&{EMERGENCY}&{long}")).status, 403, "a form from elsewhere");
    assert_eq!(ask(ann, "nobody", &format!("{EMERGENCY}&{long}")).status, 404);
}

#[test]
fn a_use_ends_by_itself_needs_a_fresh_proof_and_is_bounded_in_number() {
    let place = place();
    let mut ann = Browser::sign_in(&place.server, "ann");
    pass(&place, "UPDATE sessions SET auth_time = auth_time - 3600");
    let form = |text: &str| format!("reason=urgent-care&text={text}");
    let page = ann.get(&format!("/patients/{}/break-glass", key("p1"))).text();
    assert!(page.contains("name=\"password\""), "an old proof is not enough");
    for (proof, status) in [("", 403), ("&password=wrong", 403)] {
        assert_eq!(ask(&ann, "p1", &format!("{}{proof}", form("The+first+reason+of+all"))).status, status, "{proof:?}");
        assert_eq!(seen(&ann, "p1"), ["marker-plain"]);
    }
    let proof = format!("{}&password={}", form("The+first+reason+of+all"), PASSWORD.replace(' ', "+"));
    let opened = ask(&ann, "p1", &proof);
    assert_eq!(opened.status, 303, "{}", opened.text());
    let cookie = opened.header("set-cookie").expect("a new session id").split(';').next().expect("its pair").to_string();
    assert_ne!(cookie, ann.cookie);
    assert_eq!(ann.get("/").status, 303, "the old id is void");
    ann.cookie = cookie;
    assert_eq!(seen(&ann, "p1"), ["marker-plain", "marker-hiv"], "this reason opens no substance use records");
    let page = ann.get("/").text();
    ann.csrf = page.split("name=\"csrf\" value=\"").nth(1).expect("a form").split('"').next().expect("closed").to_string();

    pass(&place, "UPDATE break_glass SET expires = unixepoch()");
    assert_eq!(seen(&ann, "p1"), ["marker-plain"], "at its second");
    until("the end is in the log", || events(&place, "btg.stop").iter().any(|stop| stop["detail"]["why"] == "expired"));
    assert_eq!(ask(&ann, "p1", &form("the+FIRST+reason,+of+all")).status, 400, "the same words again");
    for (patient, text) in [("p2", "The+second+reason+of+all"), ("p3", "The+third+reason+of+them")] {
        let answer = ask(&ann, patient, &form(text));
        assert_eq!(answer.status, 303, "{}", answer.text());
    }
    let again = ask(&ann, "p2", &form("What+is+open+already+stays+so"));
    assert!(again.status == 400 && again.text().contains("opens nothing"), "{}", again.text());
    let fourth = ask(&ann, "p1", &form("The+fourth+reason+of+them"));
    assert_eq!(fourth.status, 429);
    assert!(fourth.text().contains("health information desk"), "it says what to do");

    let id = events(&place, "btg.start").len();
    assert_eq!(id, 3);
    let signed_out = ann.post("/signout", &[], &format!("csrf={}", ann.csrf));
    assert_eq!(signed_out.status, 303);
    until("both ends are in the log", || {
        events(&place, "btg.stop").iter().filter(|stop| stop["detail"]["why"] == "session-ended").count() == 2
    });
}

#[test]
fn every_use_is_reviewed_by_someone_else() {
    let place = place();
    let ann = Browser::sign_in(&place.server, "ann");
    assert_eq!(ask(&ann, "p1", "reason=urgent-care&text=Chest+pain+since+the+morning").status, 303);
    assert_eq!(seen(&ann, "p1").len(), 2);
    let id = events(&place, "btg.start")[0]["btg"]["id"].as_str().expect("its id").to_string();
    let path = format!("/break-glass/{id}");
    for (name, allowed) in [("rex", true), ("mia", true), ("hal", false), ("bob", false)] {
        let browser = Browser::sign_in(&place.server, name);
        for page in ["/break-glass", path.as_str()] {
            let answer = browser.get(page);
            assert_eq!(answer.status, if allowed { 200 } else { 403 }, "{name} {page}");
            assert_eq!(answer.text().contains("Chest pain since the morning"), allowed && page == path, "{name} {page}");
            assert!(!answer.text().contains("marker-") && !answer.text().contains("Quill"), "no content of records");
        }
    }
    let rex = Browser::sign_in(&place.server, "rex");
    assert_eq!(rex.get(&format!("/patients/{}", key("p1"))).status, 403, "a reviewer opens no chart");
    for (form, status, said) in [
        ("", 400, "Choose a verdict"),
        ("verdict=fine", 400, "Choose a verdict"),
        ("verdict=inappropriate&comment=+", 400, "Say in the comment why"),
        ("verdict=needs-information&comment=Asked+the+ward", 303, ""),
        ("verdict=appropriate", 303, ""),
    ] {
        let answer = rex.post(&path, &[], &format!("csrf={}&{form}", rex.csrf));
        assert_eq!(answer.status, status, "{form}: {}", answer.text());
        assert!(answer.text().contains(said), "{form}");
        let waits = rex.get("/break-glass").text().contains(&id);
        assert_eq!(waits, form != "verdict=appropriate", "{form}");
    }
    let verdicts: Vec<Value> = events(&place, "btg.reviewed").into_iter().map(|it| it["detail"]["verdict"].clone()).collect();
    assert_eq!(verdicts, ["needs-information", "appropriate"]);

    // At the command line: the same queue, and again not by the one who broke the glass.
    let archive = place.archive.to_str().expect("plain names");
    let listed = chartkeep(["break-glass", "list", archive, "--all", "--json"]).expect(0);
    assert_eq!((&listed.json()["verdict"], &listed.json()["user"]["sub"]), (&json!("appropriate"), &json!("ann")));
    let review = |operator: &str, verdict: &str| {
        let words = ["break-glass", "review", archive, id.as_str(), "--verdict", verdict, "--comment", "looked into"];
        let done = command(words).env("SUDO_USER", operator).output().expect("it runs");
        done.status.code()
    };
    assert_eq!((review("ann", "appropriate"), review("root", "inappropriate")), (Some(2), Some(0)));
    pass(&place, "DELETE FROM break_glass_reviews");
    pass(&place, "UPDATE break_glass SET started = started - 8 * 86400");
    assert!(rex.get("/break-glass").text().contains("One use is overdue"));
    assert_eq!(chartkeep(["break-glass", "list", archive]).code, Some(1));
}

#[test]
fn when_nothing_can_be_written_down_nothing_opens() {
    let place = place();
    let archive = place.archive.clone();
    drop(place.server);
    let server = Server::start_under(&archive, &["sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""]);
    let ann = Browser::sign_in(&server, "ann");
    let pid = server.pid().to_string();
    let full = std::process::Command::new("prlimit").args(["--pid", &pid, "--fsize=0"]).status().expect("prlimit of util-linux");
    assert!(full.success());
    let answer = ask(&ann, "p1", "reason=urgent-care&text=Chest+pain+since+the+morning");
    assert_eq!(answer.status, 503, "{}", answer.text());
    drop(server);
    let listed = chartkeep(["break-glass", "list", archive.to_str().expect("plain names"), "--all", "--json"]).expect(0);
    assert_eq!(listed.stdout, "", "no use is in force or ever was");
}

#[test]
fn a_document_is_printed_once_that_is_in_the_log_and_never_under_glass() {
    let place = place();
    let ann = Browser::sign_in(&place.server, "ann");
    let reason = "reason=urgent-care&text=Chest+pain+since+the+morning";
    assert_eq!(ask(&ann, "p1", reason).status, 303);
    let notes = ann.get(&format!("/patients/{}/notes", key("p1"))).text();
    let address = |title: &str| {
        let link = notes.split("href=\"").find(|rest| {
            let address = rest.split('"').next().unwrap_or_default();
            address.contains("/documents/") && rest.contains(&format!("Letter {title}"))
        });
        format!("{}/print", link.expect("its row").split('"').next().expect("closed"))
    };
    for (title, words, strict) in [("plain", "words-of-plain &#60;b&#62;", false), ("markup", "words-of-markup", true)] {
        let before = events(&place, "document.print").len();
        let page = ann.get(&address(title));
        let (text, entries) = (page.text(), events(&place, "document.print"));
        assert!(page.status == 200 && text.contains(words), "{title}: {text}");
        assert!(text.contains("Quill-p1") && text.contains("Not the certified record."), "{title}: {text}");
        assert!(!text.contains("alert(1)"), "{title}");
        assert_eq!(page.header("content-security-policy").unwrap_or("").starts_with("sandbox;"), strict, "{title}");
        assert_eq!(entries.len(), before + 1, "{title}");
        let entry = &entries[before];
        assert_eq!(entry["patients"][0]["archive_id"], key("p1"), "{title}: {entry}");
        let shown: u64 = entry["shown"].as_array().into_iter().flatten().filter_map(|group| group["count"].as_u64()).sum();
        assert_eq!(shown, 2, "the document and whose it is: {entry}");
    }
    let refused = ann.get(&address("hiv"));
    assert_eq!(refused.status, 403, "{}", refused.text());
    assert!(!refused.text().contains("words-of-hiv"));
    assert_eq!(events(&place, "authz.denied").pop().expect("an entry")["outcome_desc"], "chart refused: break-glass-stays");
    assert_eq!(events(&place, "document.print").len(), 2);
    let bob = Browser::sign_in(&place.server, "bob");
    assert_eq!(bob.get(&address("hiv")).status, 404, "not there without glass");
}

/// The built-in policy, where a clinician opens only charts of people for whom he cares.
fn with_relations() -> String {
    let built_in = include_str!("../../schemas/policy.toml");
    let old = "rights = [\"find-patients\", \"chart\", \"record\"]\npurposes = [\"TREAT\", \"ETREAT\"]";
    assert!(built_in.contains(old));
    let new = "rights = [\"chart\", \"record\"]\nrelation = true\npurposes = [\"TREAT\", \"ETREAT\"]";
    let find = "\n[[rule]]\nid = \"clinician-finds\"\neffect = \"permit\"\nroles = [\"clinician\"]\nrights = [\"find-patients\"]\n\
                purposes = [\"TREAT\"]\nsees = []\n";
    built_in.replacen(old, new, 1) + find
}

#[test]
fn a_closed_chart_is_opened_in_an_emergency_and_looks_like_one_that_is_not_there() {
    let place = place();
    std::fs::write(place.archive.join("site.toml"), with_relations()).expect("written");
    let config = place.archive.join("chartkeep.toml");
    let before = std::fs::read_to_string(&config).expect("it is there");
    std::fs::write(&config, before + "[access]\npolicy = \"site.toml\"\n").expect("written");
    let place = place.restarted();
    let ann = Browser::sign_in(&place.server, "ann");
    // Word for word the same for a patient whom nobody has, but for the key that was asked for and the request's own id.
    let plain = |path: &str, patient: &str| {
        let answer = ann.get(&path.replace("{}", &key(patient)));
        let id = answer.header("x-request-id").expect("an id").to_string();
        (answer.status, answer.text().replace(&key(patient), "KEY").replace(&id, "ID"))
    };
    for (path, status) in [
        ("/patients/{}", 403),
        ("/patients/{}/problems", 403),
        ("/patients/{}/break-glass", 200),
        ("/records/Patient/{}", 403),
        ("/api/v1/patients/{}", 403),
    ] {
        let (here, nowhere) = (plain(path, "p1"), plain(path, "nobody"));
        assert_eq!(here, nowhere, "{path}");
        assert_eq!(here.0, status, "{path}: {}", here.1);
    }
    let refused = ann.get(&format!("/patients/{}", key("p1"))).text();
    assert!(refused.contains(&format!("/patients/{}/break-glass", key("p1"))), "{refused}");
    let form = ann.get(&format!("/patients/{}/break-glass", key("p1"))).text();
    assert!(form.contains("You do not have a recorded reason to see this chart") && !form.contains("Quill"), "{form}");
    for name in ["rex", "mia"] {
        let other = Browser::sign_in(&place.server, name);
        let refused = other.get(&format!("/patients/{}", key("p1")));
        assert!(refused.status == 403 && !refused.text().contains("emergency"), "{name} has no way in");
    }

    let opened = ask(&ann, "p1", "reason=urgent-care&text=Chest+pain+since+the+morning");
    assert_eq!(opened.status, 303, "{}", opened.text());
    assert_eq!(seen(&ann, "p1"), ["marker-plain", "marker-hiv"]);
    assert_eq!(ann.get(&format!("/patients/{}", key("p2"))).status, 403, "no other chart");
    // Whoever breaks the glass on nobody finds nobody, and that he did stands in the log and in the queue.
    assert_eq!(ask(&ann, "nobody", "reason=urgent-care&text=Somebody+who+was+never+here").status, 303);
    assert_eq!(ann.get(&format!("/patients/{}", key("nobody"))).status, 404);
    assert_eq!(events(&place, "btg.start").len(), 2);
}

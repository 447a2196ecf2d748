//! Documents of a chart as a reader meets them: their list, what is checked when one is opened, and what is not shown when the
//! check fails.
//!
//! Not for: labels (`leak`, `subsets`), how pages look (`browser`).

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::harness::{Browser, add_account, entries_by_request, key};
use crate::support::{Answer, Folder, Server, folder, ingest, init};

struct Place {
    _home: Folder,
    archive: PathBuf,
    server: Server,
}

const WORDS: &str = "Continue metoprolol succinate once daily.";

/// One patient with a text, an HTML page and a C-CDA document.
fn place() -> Place {
    let home = folder();
    let archive = init(&home);
    let delivery = home.path().join("delivery");
    std::fs::create_dir(&delivery).expect("made");
    let patient = json!({ "resourceType": "Patient", "id": "p1", "name": [{ "family": "Quill", "given": ["Ann"] }], "birthDate": "1957-03-14" });
    let letter = |id: &str, title: &str, date: &str, media_type: &str, text: &str| {
        json!({
            "resourceType": "DocumentReference", "id": id, "status": "current", "docStatus": "final", "type": { "text": title },
            "subject": { "reference": "Patient/p1" }, "date": date,
            "content": [{ "attachment": { "contentType": media_type, "data": STANDARD.encode(text) } }],
        })
    };
    let html = format!("<h1>Letter</h1><p>{WORDS}</p><script>alert(1)</script>");
    let cda = include_str!("../fixtures/documents/small.cda.xml");
    let long = format!("HISTORY:\n{WORDS}\n\nPLAN:\n{}", "Nothing else was said. ".repeat(400));
    let letters = [
        letter("text", "Discharge summary", "2023-10-02", "text/plain", &long),
        letter("html", "Letter", "2022-01-01", "text/html", &html),
        letter("cda", "Summary of care", "2021-05-05", "text/xml", cda),
        letter("other", "Letter", "2020-05-05", "text/plain", "Nothing of note."),
    ];
    let lines: String = letters.iter().map(|letter| format!("{letter}\n")).collect();
    std::fs::write(delivery.join("DocumentReference.ndjson"), lines).expect("written");
    std::fs::write(delivery.join("Patient.ndjson"), format!("{patient}\n")).expect("written");
    ingest(&archive, &[&delivery]).expect(0);
    add_account(&archive, "ann", "clinician");
    let server = Server::start(&archive);
    Place { _home: home, archive, server }
}

/// The address of a document's page, by its title in the list.
fn address(ann: &Browser<'_>, title: &str) -> String {
    let list = ann.get(&format!("/patients/{}/notes", key("p1"))).text();
    let link = list
        .split("href=\"")
        .find(|rest| rest.contains("/documents/") && rest.split("</a>").next().is_some_and(|row| row.contains(title)));
    link.expect("its row").split('"').next().expect("closed").to_string()
}

/// The archive's file whose name ends so; there is one.
fn file(root: &Path, end: &str) -> PathBuf {
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).expect("read").map(|e| e.expect("read").path()) {
            match path.is_dir() {
                true => folders.push(path),
                false if path.to_string_lossy().ends_with(end) => return path,
                false => {}
            }
        }
    }
    panic!("no file {end}");
}

fn entry_of<'a>(entries: &'a std::collections::BTreeMap<String, Vec<Value>>, answer: &Answer) -> &'a [Value] {
    answer.header("x-request-id").and_then(|id| entries.get(id)).map_or(&[][..], Vec::as_slice)
}

#[test]
fn words_are_found_in_the_list_and_marked_in_each_form_of_a_document() {
    let place = place();
    let ann = Browser::sign_in(&place.server, "ann");
    let notes = format!("/patients/{}/notes", key("p1"));
    let list = ann.get(&format!("{notes}?q=metoprolol"));
    let text = list.text();
    assert!(text.contains("3 of 4 contain it") && text.contains("<mark>metoprolol</mark>"), "{text}");
    let narrowed = ann.get(&format!("{notes}?q=metoprolol&type=Letter")).text();
    assert!(narrowed.contains("<strong>1 document</strong> of 3") && narrowed.contains("3 of 4 contain it"), "{narrowed}");
    let entries = entries_by_request(&place.archive);
    assert!(
        entry_of(&entries, &list).iter().any(|e| e["event"]["code"] == "record.search" || e.to_string().contains("metoprolol"))
    );

    for (title, form, marked) in [
        ("Discharge summary", "", "<mark id=\"hit-1\">metoprolol</mark>"),
        ("Summary of care", "", "<mark id=\"hit-1\">metoprolol</mark>"),
        ("Summary of care", "/xml", "<mark id=\"hit-1\">metoprolol</mark>"),
        ("Letter", "", "data-hits=\"1\""),
    ] {
        let page = ann.get(&format!("{}{form}?q=metoprolol", address(&ann, title)));
        let text = page.text();
        assert!(page.status == 200 && text.contains(marked), "{title}{form}: {text}");
        assert!(text.contains("Digest checked at opening") && text.contains("DocumentReference.ndjson"), "{title}{form}: {text}");
        assert!(!text.contains("alert(1)"), "{title}{form}");
    }
    let id = address(&ann, "Letter").rsplit('/').next().expect("an id").to_string();
    let framed = ann.get(&format!("/documents/{id}/body?q=metoprolol"));
    assert!(framed.text().contains("<mark id=\"hit-1\">metoprolol</mark>") && !framed.text().contains("alert(1)"));
}

#[test]
fn beside_a_cda_document_only_the_script_of_this_answer_may_run() {
    let place = place();
    let ann = Browser::sign_in(&place.server, "ann");
    let path = address(&ann, "Summary of care");
    let nonce_of = |answer: &Answer| {
        let policy = answer.header("content-security-policy").unwrap_or_default().to_string();
        assert!(policy.starts_with("default-src 'none'; script-src 'nonce-"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("script-src 'self'"), "{policy}");
        policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).unwrap_or_default().to_string()
    };
    let (first, second) = (ann.get(&path), ann.get(&path));
    let (a, b) = (nonce_of(&first), nonce_of(&second));
    assert!(a.len() >= 24 && a != b, "a number for each answer");
    let text = first.text();
    assert_eq!(text.matches("<script ").count(), text.matches(&format!("nonce=\"{a}\"")).count());
    for way in ["/coded", "/xml"] {
        let page = ann.get(&format!("{path}{way}"));
        assert!(page.status == 200 && page.text().contains("aria-current=\"true\""), "{way}");
    }
    assert_eq!(ann.get(&format!("{}/coded", address(&ann, "Discharge summary"))).status, 404);
}

#[test]
fn content_that_does_not_match_its_digest_is_not_shown_in_any_form() {
    let place = place();
    let ann = Browser::sign_in(&place.server, "ann");
    let path = address(&ann, "Discharge summary");
    let id = path.rsplit('/').next().expect("an id").to_string();
    let forms = [
        path.clone(),
        format!("{path}/print"),
        format!("/documents/{id}/original"),
        format!("/documents/{id}/body"),
        format!("/documents/{id}/page/1.png"),
    ];
    assert!(ann.get(&path).text().contains(WORDS));
    // A bit of the stored bytes is turned over, behind the server's back.
    let pack = file(&place.archive, "documents/p0000.pack");
    let mut bytes = std::fs::read(&pack).expect("read");
    let good = bytes.clone();
    let mut found = 0;
    for at in (8..bytes.len()).step_by(97) {
        bytes.clone_from(&good);
        bytes[at] ^= 0x10;
        std::fs::write(&pack, &bytes).expect("written");
        for form in &forms {
            let answer = ann.get(form);
            let text = answer.text();
            assert!(answer.status == 200 || !text.contains("Nothing else was said"), "{form}, byte {at}");
            if answer.status == 200 {
                // The bit was another document's, or of a place that is not read.
                assert!(!text.contains("does not match"), "{form}, byte {at}");
            } else if *form == path {
                found += 1;
                assert!(answer.status == 500 && text.contains("does not match its digest"), "{form}, byte {at}: {text}");
                assert!(text.contains("Quill") && text.contains("Discharge summary"), "whose and which is said: {text}");
                assert!(!text.contains("/original\"") && !text.contains("Digest checked"), "{text}");
            }
        }
    }
    assert!(found > 0, "no turned bit met the document");
    std::fs::write(&pack, &good).expect("written");
    assert!(ann.get(&path).text().contains(WORDS));
}

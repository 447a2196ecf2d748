//! The archivist's workspace as a browser meets it: an item in quarantine by its form alone, a decision about two patients after
//! a second look, and pages that others do not get.
//!
//! Not for: the comparison of patients (`src/identity`), or which role may ask what (`src/access/policy`).

use chartkeep::audit::Query;
use serde_json::json;

use super::harness::{Browser, add_account};
use crate::support::{Server, audited, folder, ingest_from, init};

/// Two sources that know the same woman, and a line that is no record.
const BROKEN: &str = "{ \"Quillfeather\": \"1957-03-14\", broken";

#[test]
fn an_archivist_decides_after_a_second_look_and_sees_no_word_of_what_is_in_quarantine() {
    let home = folder();
    let archive = init(&home);
    let woman = |id: &str| {
        let name = json!([{"family": "Quillfeather", "given": ["Marigold", "Anne"]}]);
        json!({"resourceType": "Patient", "id": id, "name": name, "birthDate": "1957-03-14", "gender": "female",
            "telecom": [{"system": "phone", "value": "312-555-0142"}]})
    };
    let file = |name: &str, text: String| {
        let path = home.path().join(name);
        std::fs::write(&path, text).expect("a writable folder");
        path
    };
    let first = ingest_from("mer", &archive, &[&file("mer.ndjson", format!("{}\n{BROKEN}\n", woman("m1")))]).expect(1).json();
    ingest_from("hbi", &archive, &[&file("hbi.ndjson", format!("{}\n", woman("h1")))]).expect(0);
    let accession = first["accession"].as_str().expect("a name");
    for (name, role) in [("hale", "archivist"), ("okafor", "clinician")] {
        add_account(&archive, name, role);
    }
    let server = Server::start(&archive);
    let hale = Browser::sign_in(&server, "hale");

    let report = hale.get(&format!("/accessions/{accession}")).text();
    assert!(report.contains("Every record is accounted for.") && report.contains("not given"), "{report}");
    let list = hale.get(&format!("/accessions/{accession}/quarantine")).text();
    assert!(list.contains("item 2") && !list.contains("broken"), "{list}");
    let item = hale.get(&format!("/accessions/{accession}/quarantine/1")).text();
    assert!(item.contains("Xxxxxxxxxxxx") && item.contains("9999-99-99"), "{item}");
    assert!(!item.contains("Quillfeather") && !item.contains("1957"), "{item}");
    let question = Query { event: Some("document.view".into()), limit: usize::MAX, ..Query::default() };
    let looked = chartkeep::audit::read(&archive, &question).expect("the log reads");
    let looked: Vec<String> = looked.into_iter().map(|found| serde_json::Value::Object(found.entry).to_string()).collect();
    assert!(looked.len() == 1 && looked[0].contains("kept item 1.0") && !looked[0].contains("Quillfeather"), "{looked:?}");

    // Looking at an accession is no look into the access log.
    let looked = |event: &str| {
        let question = Query { event: Some(event.into()), limit: usize::MAX, ..Query::default() };
        let found = chartkeep::audit::read(&archive, &question).expect("the log reads");
        found.iter().filter_map(|it| it.entry["query"]["clean"].as_str().map(String::from)).collect::<Vec<_>>()
    };
    let as_such = looked("archive.viewed");
    for what in [format!("accession {accession}"), format!("quarantine of {accession}")] {
        assert!(as_such.contains(&what), "{what} is not in {as_such:?}");
    }
    assert_eq!(looked("audit.query"), Vec::<String>::new());

    // Others see none of it.
    let okafor = Browser::sign_in(&server, "okafor");
    for path in ["/identity", "/system", "/system/users", "/system/policy", "/accessions"] {
        assert_eq!(okafor.get(path).status, 403, "{path}");
        assert_eq!(hale.get(path).status, 200, "{path}");
    }

    // The pair, side by side; the first press says nothing.
    let pairs = hale.get("/identity").text();
    let at = pairs.find("/identity/").expect("a pair is proposed");
    let path: String = pairs[at..].chars().take_while(|c| *c != '"').collect();
    assert!(hale.get(&path).text().contains("agrees"));
    let form = |more: &str| format!("csrf={}&decision=link&reason=Same+card+seen+by+both{more}", hale.csrf);
    assert_eq!(hale.post(&path, &[], &format!("csrf={}&decision=link&reason=no", hale.csrf)).status, 400);
    let again = hale.post(&path, &[], &form(""));
    assert!(again.status == 200 && again.text().contains("Yes, say so"), "{}", again.text());
    assert!(audited(&archive, "identity.changed").is_empty());
    let said = hale.post(&path, &[], &form("&confirm=yes"));
    assert_eq!((said.status, said.header("location")), (303, Some("/identity?said=link")), "{}", said.text());
    assert!(hale.get("/identity").text().contains("No pair waits"), "it is decided");
    assert_eq!(hale.post(&path, &[], &form("&confirm=yes")).status, 409, "and said once");
    let shown = crate::support::chartkeep(["identity".as_ref(), "show".as_ref(), archive.as_path(), "mer.m1".as_ref()]).expect(0);
    assert!(shown.stdout.contains("hbi.h1") && shown.stdout.contains("hale"), "{}", shown.stdout);
}

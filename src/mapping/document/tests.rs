//! Loose documents by manifest and by path: which file is which document, and what is said of those that are none.
//!
//! Not for: the documents' text.

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::pattern::Pattern;
use super::*;
use crate::mapping::Mapper;

const FILES: [(&str, u64); 6] = [
    ("export/index.csv", 900),
    ("export/Scans/2014/A 12.TIF", 70_000),
    ("export/notes/n1.rtf", 10),
    ("export/notes/lost.pdf", 11),
    ("export/case/x.txt", 1),
    ("export/case/X.txt", 2),
];

fn rules(text: &str) -> Rules {
    toml::from_str(text).unwrap()
}

fn by_manifest() -> Rules {
    rules(
        r#"
        patient_namespace = "MRN"
        encounter_namespace = "VISIT"
        date_formats = ["%m/%d/%Y %H:%M", "%m/%d/%Y", "%Y"]
        null = ["NULL"]
        [manifest]
        file = "export/index.csv"
        strip = ['D:\Images']
        columns = { file = "PATH", patient = "PID", date = "DocDate", type = "TYPE", author = "BY", title = "TITLE", encounter = "ENC" }
        [types.PN]
        display = "Progress note"
        loinc = "11506-3"
        security = ["R", "PSY"]
        "#,
    )
}

const MANIFEST: &str = "\u{feff}path,PID,docdate,TYPE,BY,TITLE,ENC,more\r\n\
    \\\\srv\\share\\scans\\2014\\a 12.tif,123,07/04/2014 09:30,PN,\"Ahl, Ida\",NULL,77,\r\n\
    D:\\Images\\notes\\N1.rtf,124,07/05/2014,XX,,\"A \"\"title\"\"\",,\r\n\
    .\\Notes\\n1.rtf,125,1987,PN,,,,\r\n\
    gone/away.pdf,123,,,,,,\r\n\
    notes/lost.pdf,,,,,,,\r\n\
    too,few\r\n\
    case/X.txt,9,31/31/2014,,,,,\r\n\
    ../notes/n1.rtf,9,,,,,,\r\n";

fn index() -> Index {
    Index::load(&by_manifest(), Some(MANIFEST.into()), FILES).unwrap()
}

fn mapped(index: &Index, file: &str, head: &[u8]) -> Mapped {
    let zone = TimeZone::get("America/Chicago").unwrap();
    index.map(head, &Context { source_system: "old", zone: &zone, file, offset: 0 })
}

fn json_of(mapped: &Mapped) -> Vec<Value> {
    mapped.resources.iter().map(|resource| serde_json::from_slice(resource).unwrap()).collect()
}

fn codes(mapped: &Mapped) -> Vec<&str> {
    mapped.findings.iter().map(|finding| finding.code).collect()
}

#[test]
fn a_row_and_its_file_make_a_document() {
    let mapped = mapped(&index(), "export/Scans/2014/A 12.TIF", b"II*\0\x08\0\0\0");
    assert_eq!(
        (mapped.kind.as_str(), &mapped.fate, codes(&mapped)),
        ("file:image/tiff", &Fate::Archived, vec!["time.zone-assumed"])
    );
    let wanted = json!({
        "resourceType": "DocumentReference",
        "id": "file.MRN.123.export_2fScans_2f2014_2fA_2012_2eTIF",
        "meta": { "security": [
            { "system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R" },
            { "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "PSY" },
        ] },
        "status": "current",
        "type": {
            "coding": [
                { "system": "urn:archive:old:document-type", "code": "PN", "display": "Progress note" },
                { "system": "http://loinc.org", "code": "11506-3" },
            ],
            "text": "PN",
        },
        "subject": { "reference": "Patient/MRN.123" },
        "date": "2014-07-04T09:30:00-05:00",
        "author": [{ "display": "Ahl, Ida" }],
        "content": [{ "attachment": {
            "contentType": "image/tiff",
            "url": "export/Scans/2014/A%2012.TIF",
            "size": 70_000,
            "title": "Progress note",
            "creation": "2014-07-04T09:30:00-05:00",
        } }],
        "context": { "encounter": [{ "reference": "Encounter/VISIT.77" }] },
    });
    assert_eq!(json_of(&mapped), [wanted]);
}

#[test]
fn one_file_may_stand_in_several_charts_and_is_what_its_bytes_say() {
    let mapped = mapped(&index(), "export/notes/n1.rtf", b"%PDF-1.4");
    let made = json_of(&mapped);
    let patients: Vec<_> = made.iter().map(|document| &document["subject"]["reference"]).collect();
    assert_eq!(patients, ["Patient/MRN.124", "Patient/MRN.125"]);
    let attachments: Vec<_> = made.iter().map(|document| &document["content"][0]["attachment"]).collect();
    assert_eq!(attachments[0]["contentType"], "application/pdf");
    assert_eq!((&attachments[0]["title"], &attachments[0]["creation"]), (&json!("A \"title\""), &json!("2014-07-05")));
    assert_eq!((&attachments[1]["title"], &attachments[1]["creation"]), (&json!("Progress note"), &json!("1987")));
    assert_eq!(made[0].get("date"), None, "a day is no instant");
    assert_eq!(codes(&mapped), ["document.type-mismatch"]);
}

#[test]
fn rows_without_a_file_and_files_without_a_row_are_told() {
    let index = index();
    let problems: Vec<_> = index.problems().iter().map(|problem| problem.code).collect();
    assert_eq!(problems, ["document-missing", "key-null", "field-count", "document-missing"]);
    for problem in index.problems() {
        let row = &MANIFEST[problem.offset as usize..][..problem.length as usize];
        assert!(["gone", "note", "too,", "../n"].iter().any(|start| row.starts_with(start)) && !row.ends_with('\n'), "{row}");
        assert!(matches!(index.row_fate(problem.offset), Fate::Quarantined(reason) if reason.starts_with(problem.code)));
    }
    assert_eq!(index.row_fate(MANIFEST.find("\\\\srv").unwrap() as u64), Fate::Joined);
    assert_eq!(index.unindexed(FILES.map(|(name, _)| name)), ["export/notes/lost.pdf", "export/case/x.txt"]);
    let lost = mapped(&index, "export/notes/lost.pdf", b"%PDF-1.4");
    assert!(
        lost.resources.is_empty() && matches!(&lost.fate, Fate::Quarantined(reason) if reason.starts_with("document-unindexed"))
    );
    let wrong_date = mapped(&index, "export/case/X.txt", b"text");
    assert_eq!((json_of(&wrong_date).len(), codes(&wrong_date)), (1, vec!["date-invalid"]));
}

#[test]
fn manifests_in_other_encodings_and_with_other_delimiters() {
    let rules =
        rules("[manifest]\nfile = 'i'\ndelimiter = '|'\nbelow = 'docs/'\ncolumns = { file = 'F', patient = 'P', title = 'T' }");
    let title = |bytes: Vec<u8>| {
        let index = Index::load(&rules, Some(bytes), [("docs/a.txt", 1)]).unwrap();
        index.describe("docs/a.txt").first().map(|entry| entry.title.clone())
    };
    let table = "F|P|T\na.txt|1|Übersicht\n";
    assert_eq!(title(table.into()).as_deref(), Some("Übersicht"));
    assert_eq!(title(table.chars().map(|c| c as u32 as u8).collect()).as_deref(), Some("Übersicht"));
    let utf16 = [0xFEFF].into_iter().chain(table.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    assert_eq!(title(utf16).as_deref(), Some("Übersicht"));
    assert_eq!(title(table.replace('\n', "\r").into()).as_deref(), Some("Übersicht"), "line ends of old Macs");
    let missing = Index::load(&rules, Some(b"F|X\n".to_vec()), []);
    assert!(missing.is_err_and(|error| error.to_string() == "the manifest of documents, i, has no column P"));
    assert!(matches!(Index::load(&rules, None, []), Err(IndexError::NoManifest(_))));
    assert!(Index::load(&rules, Some(b"F|P|T".to_vec()), []).unwrap().problems().is_empty());
}

#[test]
fn a_path_says_what_a_document_is() {
    let rules = rules("pattern = '{patient}/{date:%Y%m%d}_{type}_{*}.{ext}'\npatient_namespace = 'MRN'");
    let index = Index::load(&rules, None, [("scans.zip/out/0012/20140704_PN_page 1.tif", 5)]).unwrap();
    let mapped = mapped(&index, "scans.zip/out/0012/20140704_PN_page 1.tif", b"GIF89a");
    let made = &json_of(&mapped)[0];
    assert_eq!((&made["subject"]["reference"], &made["type"]["text"]), (&json!("Patient/MRN.0012"), &json!("PN")));
    let attachment = &made["content"][0]["attachment"];
    assert_eq!(
        (&attachment["creation"], &attachment["size"], &attachment["title"]),
        (&json!("2014-07-04"), &json!(5), &json!("PN"))
    );
    assert_eq!(index.unindexed(["readme.txt", "12/2014_x.tif"]), ["readme.txt", "12/2014_x.tif"]);
}

#[test]
fn patterns() {
    let entry = |pattern: &str, path: &str| Pattern::parse(pattern).unwrap().entry(path);
    let said = |pattern: &str, path: &str| entry(pattern, path).map(|e| (e.patient, e.kind, e.date));
    let is = |a: &str, b: &str, c: &str| Some((a.to_string(), b.to_string(), c.to_string()));
    assert_eq!(said("{patient}_{type}.{ext}", "a/1_b_c.d.pdf"), is("1", "b_c", ""), "the shortest that fits comes first");
    assert_eq!(said("{date:%Y-%m-%d}{type}-{patient}.PDF", "2014-01-02Lab-7.pdf"), is("7", "Lab", "2014-01-02"));
    assert_eq!(said("pat/{patient}/{*}", "x/PAT/ä/"), is("ä", "", ""));
    assert_eq!(said("{patient}/{*}.txt", "a/b/c/.txt"), is("c", "", ""));
    assert_eq!(said("{patient}.txt", ".txt"), None);
    assert_eq!(said("{patient}.txt", "a.txt/"), None);
    assert_eq!(said("{date:%y}{patient}", "é7"), is("7", "", "é"));
    assert_eq!(said("{date:%y}{patient}", "aé7"), None, "never cuts a letter in two");
    for wrong in ["{patient}{type}", "{patient", "{who}_{patient}", "{patient:%Y}", "{type}.pdf", "{*}{patient}"] {
        assert!(Pattern::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn rules_are_strict() {
    assert!(toml::from_str::<Rules>("pattren = 'x'").is_err());
    assert!(toml::from_str::<Rules>("[manifest]\nfile = 'x'\ncolumns = { file = 'a', patient = 'b', page = 'c' }").is_err());
    assert!(toml::from_str::<Rules>("[types.A]\ncode = 'x'").is_err());
}

mod any_input {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_manifest_is_read(bytes in prop::collection::vec(prop::sample::select(b"PATHID,\"\r\n\\a./|\xff".to_vec()), 0..200)) {
            let rules = rules("[manifest]\nfile = 'i'\ncolumns = { file = 'PATH', patient = 'PID' }");
            let manifest = [b"PATH,PID\n".as_slice(), &bytes].concat();
            let index = Index::load(&rules, Some(manifest), [("a", 1), ("A/P", 1)]).unwrap();
            for file in ["a", "A/P"] {
                for entry in index.describe(file) {
                    prop_assert!(!entry.patient.is_empty());
                }
            }
        }

        #[test]
        fn what_a_pattern_reads_it_read_from_the_path(
            pattern in "[a/_]{0,2}\\{patient\\}[_/.a]\\{type\\}(_\\{\\*\\})?[.a]{0,2}",
            path in "[a/_.b]{0,30}",
        ) {
            if let Some(entry) = Pattern::parse(&pattern).unwrap().entry(&path) {
                let any = if pattern.contains("{*}") { path.clone() } else { String::new() };
                let filled = pattern.replace("{patient}", &entry.patient).replace("{type}", &entry.kind);
                let (head, tail) = filled.split_once("{*}").unwrap_or((&filled, ""));
                prop_assert!(any.contains(head) || path.ends_with(&filled));
                prop_assert!(path.ends_with(tail) && !entry.patient.contains('/'));
            }
        }
    }
}

//! Messages, documents and rows through the whole ingest: kept whole, mapped, versioned, linked to their source.
//!
//! Not for: what a field becomes (`mapping` has tests of its own).

use std::path::{Path, PathBuf};

use chartkeep::store::Accession;
use serde_json::Value;

use crate::support::archive::{accessions, ledger};
use crate::support::{Folder, chartkeep, folder, ingest, init};

/// Three registrations of one patient, of which the last stands first, a repetition, a result and its correction.
const MESSAGES: &[&str] = &[
    "MSH|^~\\&|REG|H|A|H|20200301100000+0000||ADT^A08|3|P|2.5\rEVN|A08|20200301100000+0000\r\
     PID|1||77^^^H^MR||Example^Ann||19800102|F|||3 New St^^Town^^11111\r",
    "MSH|^~\\&|REG|H|A|H|20200101100000+0000||ADT^A04|1|P|2.5\rEVN|A04|20200101100000+0000\r\
     PID|1||77^^^H^MR||Example^Ann||19800102|F|||1 Old St^^Town^^11111\r",
    "MSH|^~\\&|REG|H|A|H|20200201100000+0000||ADT^A08|2|P|2.5\rEVN|A08|20200201100000+0000\r\
     PID|1||77^^^H^MR||Example^Ann||19800102|F|||1 Old St^^Town^^11111\r",
    "MSH|^~\\&|LAB|H|A|H|20200102100000+0000||ORU^R01|4|P|2.5\rPID|1||77^^^H^MR||Example^Ann||19800102|F\r\
     OBR|1||F1^LAB|GLU^Glucose^L|||20200102090000+0000||||||||||||||||||F\r\
     OBX|1|NM|GLU^Glucose^L||5.5|mmol/L|3.9-5.6|N|||F|||20200102090000+0000\r",
    "MSH|^~\\&|LAB|H|A|H|20200103100000+0000||ORU^R01|5|P|2.5\rPID|1||77^^^H^MR||Example^Ann||19800102|F\r\
     OBR|1||F1^LAB|GLU^Glucose^L|||20200102090000+0000||||||||||||||||||C\r\
     OBX|1|NM|GLU^Glucose^L||6.5|mmol/L|3.9-5.6|H|||C|||20200102090000+0000\r",
];

fn delivered(home: &Folder, name: &str, text: &str) -> PathBuf {
    let path = home.path().join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    path
}

/// All records of a type as exported.
fn exported(home: &Folder, archive: &Path, kind: &str) -> Vec<Value> {
    let out = home.path().join(format!("out-{kind}"));
    chartkeep(["export".as_ref(), archive, &out]).expect(0);
    crate::support::exported(&out, kind).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn outcomes(accession: &Accession) -> Vec<(u64, u32, String, String)> {
    ledger(accession).into_iter().map(|r| (r.item, r.entry, r.kind, r.outcome)).collect()
}

#[test]
fn later_messages_become_versions_and_what_only_repeats_does_not() {
    let home = folder();
    let archive = init(&home);
    let file = delivered(&home, "feed/day.hl7", &MESSAGES.concat());
    let result = ingest(&archive, &[&file]).expect(0).json();
    assert_eq!((&result["records"]["input"], &result["records"]["archived"]), (&5.into(), &5.into()));

    let patients = exported(&home, &archive, "Patient");
    assert_eq!(patients.len(), 1, "the current version alone is shown");
    assert_eq!(patients[0]["address"][0]["line"][0], "3 New St", "the latest by the time of the event, not by the file");
    let results = exported(&home, &archive, "Observation");
    assert_eq!((results.len(), &results[0]["valueQuantity"]["value"]), (1, &serde_json::json!(6.5)));

    let accession = &accessions(&archive)[0];
    let of_patients: Vec<_> = outcomes(accession).into_iter().filter(|r| r.2 == "Patient").map(|r| (r.0, r.3)).collect();
    let repeated = of_patients.iter().filter(|(_, outcome)| outcome == "derived-duplicate").map(|(item, _)| *item);
    assert!(repeated.collect::<Vec<_>>().contains(&2), "the second registration says again what the first said: {of_patients:?}");
    assert!(outcomes(accession).iter().any(|r| r.2 == "Observation" && r.3 == "derived-version"));

    // The original of a record is the message that it was made of.
    let name = format!("Observation/{}", results[0]["id"].as_str().unwrap());
    let original = chartkeep(["export".as_ref(), archive.as_path(), "--original".as_ref(), name.as_ref()]).expect(0);
    assert_eq!(original.stdout, MESSAGES[4].trim_end());
    chartkeep(["verify".as_ref(), archive.as_path(), "--delivery".as_ref(), &home.path().join("feed")]).expect(0);
}

#[test]
fn a_message_delivered_twice_is_a_duplicate_and_one_about_nobody_is_archived() {
    let home = folder();
    let archive = init(&home);
    let nobody = "MSH|^~\\&|A|H|B|H|20200101||ACK^A01|9|P|2.5\rMSA|AA|1\r";
    let file = delivered(&home, "twice.hl7", &[MESSAGES[0], nobody, MESSAGES[0]].concat());
    let result = ingest(&archive, &[&file]).expect(0).json();
    let records = |member: &str| result["records"][member].as_u64().unwrap();
    assert_eq!((records("input"), records("archived"), records("duplicate")), (3, 2, 1));
    let accession = &accessions(&archive)[0];
    let of_items: Vec<_> = outcomes(accession).into_iter().filter(|r| r.1 == 0).map(|r| (r.2, r.3)).collect();
    let expected = [("hl7v2:ADT^A08", "archived"), ("hl7v2:ACK^A01", "archived"), ("hl7v2:ADT^A08", "duplicate")];
    assert_eq!(of_items, expected.map(|(kind, outcome)| (kind.to_string(), outcome.to_string())));
    chartkeep(["verify".as_ref(), archive.as_path(), "--delivery".as_ref(), &file]).expect(0);
}

#[test]
fn a_merge_that_comes_before_the_patients_is_known_of_both() {
    let home = folder();
    let archive = init(&home);
    let merge = "MSH|^~\\&|REG|H|A|H|20200401100000+0000||ADT^A40^ADT_A39|6|P|2.5\rEVN|A40|20200401100000+0000\r\
                 PID|1||77^^^H^MR||Example^Ann\rMRG|88^^^H^MR\r";
    let other = MESSAGES[1].replace("|77^^^H^MR|", "|88^^^H^MR|").replace("|1|P|", "|8|P|");
    let file = delivered(&home, "merge.hl7", &[merge, &other, MESSAGES[1], MESSAGES[3]].concat());
    ingest(&archive, &[&file]).expect(0);
    let list = || chartkeep(["identity".as_ref(), "list".as_ref(), archive.as_path()]).expect(0).stdout;
    assert!(list().contains("mer.H.77") && list().contains("mer.H.88"), "{}", list());
    let merged = exported(&home, &archive, "Patient");
    assert_eq!(merged.len(), 2, "both keys stay, each with its own record");
}

#[test]
fn rows_of_a_mapped_table_are_records_of_their_own() {
    let home = folder();
    let archive = init(&home);
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/legacy");
    for (name, folder) in [("hartwell-pm", "hartwell"), ("lindenhof", "lindenhof")] {
        let source = fixtures.join(folder);
        let words = ["ingest", "--json", "--source-system", name, "--mapping", name].map(Path::new);
        let run = chartkeep(words.into_iter().chain([archive.as_path(), &source]));
        assert!(matches!(run.code, Some(0 | 1)), "{run:?}");
        chartkeep(["verify".as_ref(), archive.as_path(), "--delivery".as_ref(), &source]).expect(0);
    }
    for accession in accessions(&archive) {
        let seal = &accession.seal;
        assert!(seal.derived.made > 0 && seal.derived.mapping_sha256.len() == 64, "{:?}", seal.derived);
        assert!(seal.by_kind.keys().any(|kind| kind.starts_with("row:")), "{:?}", seal.by_kind);
        let rows = ledger(&accession);
        let spans: Vec<_> = rows.iter().filter(|r| r.span.is_some()).collect();
        assert_eq!(spans.len() as u64, seal.ledger.input, "every row has its place in its file");
    }
}

/// A mapping that does not know one of the words in a column, and one that does.
fn mapping(sexes: &str) -> String {
    format!(
        "schema = 1\nsource = \"tiny\"\nversion = \"1\"\n[values.sex]\n{sexes}\n[[table]]\nfile = \"patients.csv\"\nkey = [\"ID\"]\n\
         [[table.emit]]\nresource = \"Patient\"\nid = {{ cols = [\"ID\"], namespace = \"tiny\" }}\n[table.emit.fields]\n\
         \"name[0].family\" = {{ col = \"NAME\" }}\ngender = {{ type = \"code\", col = \"SEX\", values = \"sex\" }}\n"
    )
}

#[test]
fn quarantined_rows_are_read_again_with_a_mended_mapping() {
    let home = folder();
    let archive = init(&home);
    let table = delivered(&home, "tables/patients.csv", "ID,NAME,SEX\n1,Example,W\n2,Sample,D\n3,Muster,M\n");
    let old = delivered(&home, "old.toml", &mapping("W = \"female\"\nM = \"male\""));
    let new = delivered(&home, "new.toml", &mapping("W = \"female\"\nM = \"male\"\nD = \"other\""));
    let words = ["ingest", "--json", "--source-system", "tiny", "--mapping"].map(Path::new);
    let result = chartkeep(words.into_iter().chain([old.as_path(), &archive, &table])).expect(1).json();
    assert_eq!((&result["records"]["archived"], &result["records"]["quarantined"]), (&2.into(), &1.into()));
    let accession = result["accession"].as_str().unwrap();

    let reprocess =
        |mapping: &Path| chartkeep([Path::new("reprocess"), &archive, Path::new(accession), Path::new("--mapping"), mapping]);
    reprocess(&new).expect(0);
    let patients = exported(&home, &archive, "Patient");
    assert_eq!(patients.len(), 3, "{patients:?}");
    let both = accessions(&archive);
    assert_eq!(both[1].seal.reprocess_of.as_deref(), Some(accession));
    assert_eq!((both[0].seal.ledger.quarantined, both[1].seal.ledger.archived), (1, 1));
    reprocess(&new).expect(2);
    chartkeep(["verify".as_ref(), archive.as_path(), "--delivery".as_ref(), &table]).expect(0);
}

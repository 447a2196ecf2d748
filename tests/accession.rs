//! A wrong accession is withdrawn and restored, one that needs sign-off awaits it: readers see it or not, and its files
//! are kept and checked throughout.
//!
//! Not for: making accessions (`ingest`).

use std::path::Path;

use crate::support::{ROOM, audited, chartkeep, folder, ingest, init};

fn exported(archive: &Path, out: &Path) -> bool {
    chartkeep(["export".as_ref(), archive, out]).expect(0);
    !crate::support::exported(out, "Patient").is_empty()
}

#[test]
fn a_withdrawn_accession_is_not_read_but_kept_and_comes_back() {
    let home = folder();
    let archive = init(&home);
    let records = home.path().join("all.ndjson");
    std::fs::write(&records, "{\"resourceType\":\"Patient\",\"id\":\"1\"}\n").unwrap();
    let accession = ingest(&archive, &[&records]).expect(0).json()["accession"].as_str().unwrap().to_string();
    let change = |what: &str| {
        chartkeep([
            Path::new("accession"),
            Path::new(what),
            &archive,
            Path::new(&accession),
            Path::new("--reason"),
            Path::new("wrong extract"),
        ])
    };
    assert!(exported(&archive, &home.path().join("before")));

    change("withdraw").expect(0);
    assert!(!exported(&archive, &home.path().join("withdrawn")));
    chartkeep(["verify".as_ref(), archive.as_path()]).expect(0);
    let again = ingest(&archive, &[&records]).expect(2);
    assert!(again.stderr.contains("withdrawn"), "{}", again.stderr);
    change("withdraw").expect(2);

    change("restore").expect(0);
    assert!(exported(&archive, &home.path().join("after")));
    chartkeep(["verify".as_ref(), archive.as_path(), "--delivery".as_ref(), &records]).expect(0);

    // What is kept out of force is checked all the same.
    change("withdraw").expect(0);
    let seal = archive.join("accessions").join(&accession).join("0001/charts/p0000.frames");
    let mut bytes = std::fs::read(&seal).unwrap();
    bytes[20] ^= 1;
    std::fs::write(&seal, bytes).unwrap();
    chartkeep(["verify".as_ref(), archive.as_path()]).expect(2);
}

#[test]
fn where_publishing_needs_sign_off_nobody_reads_a_delivery_before_it_is_accepted() {
    let home = folder();
    let archive = init(&home);
    std::fs::write(archive.join("chartkeep.toml"), format!("publish_needs_signoff = true\n{ROOM}")).unwrap();
    let records = home.path().join("all.ndjson");
    std::fs::write(&records, "{\"resourceType\":\"Patient\",\"id\":\"1\"}\n{ broken").unwrap();
    let sealed = ingest(&archive, &[&records]).expect(1).json();
    assert_eq!(sealed["awaits_signoff"], true);
    let accession = sealed["accession"].as_str().unwrap();
    let run = |words: &[&str], more: &[&str]| {
        chartkeep(words.iter().chain(&[archive.to_str().unwrap()]).chain(more).map(std::ffi::OsStr::new))
    };
    let verified = || run(&["verify"], &["--delivery", records.to_str().unwrap()]).expect(0);
    let draw = |name: &str| {
        let page = home.path().join(name);
        run(&["signoff", "sample"], &[accession, "--seed", "s-1", "--out", page.to_str().unwrap()]).expect(0);
        std::fs::read_to_string(page).unwrap()
    };
    let record = |result: &str| {
        let who = ["--sample", "400", "--seed", "s-1", "--reviewer", "Dr. A. Quill", "--note", "Seen."];
        run(&["signoff", "record"], &[&[accession][..], &who, &["--result", result]].concat()).expect(0).stdout
    };
    let change = |what: &str| run(&["accession", what], &[accession, "--reason", "wrong extract"]).expect(0);
    let listed = |place: &str| {
        let listed = run(&["accession", "list", "--json"], &[]).expect(0).json();
        listed[place].as_array().unwrap().iter().any(|a| a["accession"] == accession)
    };

    assert!(listed("awaiting_signoff") && !listed("in_force"));
    assert!(!exported(&archive, &home.path().join("awaiting")));
    verified();
    // It is known, and what comes after it waits for it.
    assert_eq!(ingest(&archive, &[&records]).expect(0).json()["awaits_signoff"], true);
    let later = home.path().join("later.ndjson");
    std::fs::write(&later, "{\"resourceType\":\"Patient\",\"id\":\"2\"}\n").unwrap();
    assert!(ingest(&archive, &[&later]).expect(2).stderr.contains("awaits sign-off"));
    verified();

    // Whoever reviews it sees its report, its quarantine, and records beside their source.
    assert!(run(&["report"], &[]).expect(0).stdout.contains("Not signed off yet"));
    assert_eq!(run(&["quarantine", "show"], &[accession, "1"]).expect(0).stdout, "{ broken");
    assert_eq!(draw("page.html").matches("<article>").count(), 1);

    // Rejected, it can be taken out; brought back, it still awaits.
    assert!(record("rejected").contains("accession withdraw"));
    change("withdraw");
    assert!(!listed("awaiting_signoff"));
    is_sound(&archive);
    change("restore");
    assert!(listed("awaiting_signoff"));
    assert!(!exported(&archive, &home.path().join("rejected")));

    record("accepted");
    assert!(listed("in_force") && !listed("awaiting_signoff"));
    assert!(exported(&archive, &home.path().join("accepted")));
    verified();
    // Once accepted it is restored into force.
    change("withdraw");
    change("restore");
    assert!(listed("in_force"));
    let done: Vec<_> = audited(&archive, "archive.maintained");
    assert!(done.iter().any(|d| d["what"] == "accession accept" && d["accession"] == accession), "{done:?}");
    ingest(&archive, &[&later]).expect(0);
}

#[test]
fn what_is_kept_awaiting_sign_off_is_checked() {
    let home = folder();
    let archive = init(&home);
    std::fs::write(archive.join("chartkeep.toml"), format!("publish_needs_signoff = true\n{ROOM}")).unwrap();
    let records = home.path().join("all.ndjson");
    std::fs::write(&records, "{\"resourceType\":\"Patient\",\"id\":\"1\"}\n").unwrap();
    let accession = ingest(&archive, &[&records]).expect(0).json()["accession"].as_str().unwrap().to_string();
    chartkeep(["compact".as_ref(), archive.as_path()]).expect(0);
    is_sound(&archive);
    let frames = archive.join("accessions").join(&accession).join("0001/charts/p0000.frames");
    let mut bytes = std::fs::read(&frames).unwrap();
    bytes[20] ^= 1;
    std::fs::write(&frames, bytes).unwrap();
    chartkeep(["verify".as_ref(), archive.as_path()]).expect(2);
}

fn is_sound(archive: &Path) {
    chartkeep(["verify".as_ref(), archive]).expect(0);
}

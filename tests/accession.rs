//! A wrong accession is withdrawn and restored: readers see it or not, and its files are kept and checked throughout.
//!
//! Not for: making accessions (`ingest`).

use std::path::Path;

use crate::support::{chartkeep, folder, ingest, init};

fn exported(archive: &Path, out: &Path) -> bool {
    chartkeep(["export".as_ref(), archive, out]).expect(0);
    out.join("Patient.ndjson").exists()
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

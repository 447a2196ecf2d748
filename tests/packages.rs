//! A package as somebody outside meets it: checked by the command line with nothing but a public key.
//!
//! Not for: how packages are made (`src/release/build`), or the way of a request (`src/release/desk`).

use std::path::{Path, PathBuf};

use chartkeep::release::build::{numbers, preview, seal};
use chartkeep::release::package::wrap;
use chartkeep::release::request::Formats;

use crate::packer::{PERSON, Packer};
use crate::support::{Folder, chartkeep, folder, ingest_from, init};

/// A chart of notes and results.
fn delivery(to: &Path) {
    let mut lines = vec![format!(
        r#"{{"resourceType":"Patient","id":"{PERSON}","name":[{{"family":"Quill","given":["Ann"]}}],"birthDate":"1957-03-14"}}"#
    )];
    for n in 0..20 {
        lines.push(format!(
            r#"{{"resourceType":"DocumentReference","id":"d{n}","status":"current","subject":{{"reference":"Patient/{PERSON}"}},"date":"2015-01-{:02}","content":[{{"attachment":{{"contentType":"text/plain","data":"U2VlbiB3aXRoIHBhaW4u"}}}}]}}"#,
            n + 1
        ));
        lines.push(format!(
            r#"{{"resourceType":"Observation","id":"o{n}","status":"final","code":{{"text":"Haemoglobin"}},"subject":{{"reference":"Patient/{PERSON}"}},"effectiveDateTime":"2016-01-{:02}","valueQuantity":{{"value":{n},"unit":"g/dL"}}}}"#,
            n + 1
        ));
    }
    std::fs::write(to, lines.join("\n") + "\n").expect("written");
}

/// An archive, and a package of all of its one chart beside it.
fn package(home: &Folder) -> (PathBuf, PathBuf) {
    let root = init(home);
    let file = home.path().join("chart.ndjson");
    delivery(&file);
    ingest_from("mer", &root, &[&file]).expect(0);
    let packer = Packer::open(&root);
    let permit = packer.permit();
    let shop = packer.shop(&permit, 2);
    let formats = Formats { native: true, ndjson: true, ..Formats::default() };
    let plan = packer.plan(&packer.chosen(&permit), formats);
    let made = preview(&shop, &plan).expect("a preview");
    let mut record = packer.record(&made);
    record.bates_count = numbers(&shop, &record, &made.told).expect("numbers");
    let package = seal(&shop, &record, &packer.signer).expect("a package");
    drop(permit);
    packer.close();
    let file = home.path().join("ROI-2026-000001.zip");
    std::fs::write(&file, packer.shelf.get(&package.package_sha256).expect("kept")).expect("written");
    (root, file)
}

#[test]
fn a_package_is_checked_with_a_public_key_alone() {
    let home = folder();
    let (root, file) = package(&home);
    let keys = home.path().join("hospital.keys");
    std::fs::write(&keys, chartkeep([Path::new("release"), Path::new("keys"), &root]).expect(0).stdout).expect("written");
    // No archive is needed from here on.
    std::fs::rename(&root, home.path().join("elsewhere")).expect("moved");
    let verify = |file: &Path, more: &[&str]| {
        let words = ["release", "verify", file.to_str().expect("plain"), "--key", keys.to_str().expect("plain")];
        chartkeep(words.into_iter().chain(more.iter().copied()))
    };
    let said = verify(&file, &[]).expect(0).stdout;
    assert!(said.contains("holds: nothing was altered") && said.contains("2026-000001"), "{said}");
    let json = verify(&file, &["--json"]).expect(0).json();
    assert_eq!((json["holds"].as_bool(), json["proofs"].as_u64()), (Some(true), json["records"].as_u64()));
    assert_eq!(json["originals"], json["records"]);

    let whole = std::fs::read(&file).expect("read");
    let other = home.path().join("other.zip");
    let mut changed = whole.clone();
    let at = whole.len() / 2;
    changed[at] ^= 1;
    std::fs::write(&other, &changed).expect("written");
    let said = verify(&other, &[]).expect(1).stdout;
    assert!(said.contains("does NOT hold"), "{said}");
    std::fs::write(&other, &whole[..whole.len() - 100]).expect("written");
    verify(&other, &[]).expect(1);
    // Another archive's key.
    let strangers = folder();
    let strange = chartkeep([Path::new("release"), Path::new("keys"), &init(&strangers)]).expect(0).stdout;
    std::fs::write(&keys, strange).expect("written");
    assert!(verify(&file, &[]).expect(1).stdout.contains("manifest.jws"));
    std::fs::write(&keys, "no key at all\n").expect("written");
    verify(&file, &[]).expect(2);
    verify(&home.path().join("nowhere.zip"), &[]).expect(2);
    let secret = wrap::Secret::random().expect("random");
    let wrapped = std::fs::File::create_new(home.path().join("wrapped.zip")).expect("created");
    wrap::wrap(whole.as_slice(), whole.len() as u64, "ROI.zip", &secret, wrapped).expect("wrapped");
    assert!(verify(&home.path().join("wrapped.zip"), &[]).code == Some(2));
}

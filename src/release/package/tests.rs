//! A package checks out, and no byte of it can be another without being named.
//!
//! Not for: what its pages say.

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};

use super::manifest::{Accession, File, Inclusion, Item, MANIFEST, Manifest, ManifestFault, VERSION};
use super::*;
use crate::merkle;
use crate::signing::SigningKey;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

const FOLDER: &str = "ROI-2026-000001";

type Files = BTreeMap<String, Vec<u8>>;

fn key() -> SigningKey {
    SigningKey::random("release-test").unwrap()
}

fn content() -> BTreeMap<String, Vec<u8>> {
    let pages: Vec<u8> = (0..5_000_u32).flat_map(|it| it.to_le_bytes()).collect();
    BTreeMap::from([
        ("01-records.pdf".to_owned(), pages),
        ("native/letter (2).txt".to_owned(), b"Dear colleague".to_vec()),
        ("VERIFY.txt".to_owned(), b"How to check this".to_vec()),
    ])
}

fn manifest(files: &BTreeMap<String, Vec<u8>>) -> Manifest {
    let leaves = [b"one".as_slice(), b"two"].map(merkle::leaf_hash);
    let mut tree = merkle::Tree::default();
    leaves.iter().for_each(|leaf| tree.push(*leaf));
    let proof = Inclusion {
        accession: "acc-1".into(),
        index: 1,
        salt: String::new(),
        leaf: BASE64.encode(leaves[1]),
        path: vec![BASE64.encode(leaves[0])],
    };
    Manifest {
        v: VERSION,
        package_id: "0198f3c2-7d11-7c55-9f5e-6a0f5d3c1b2a".into(),
        request_no: "2026-000001".into(),
        files: files
            .iter()
            .map(|(path, bytes)| File {
                path: path.clone(),
                bytes: bytes.len() as u64,
                sha256: sha256_hex(bytes),
                media_type: "application/octet-stream".into(),
                pages: None,
            })
            .collect(),
        items: vec![Item { n: 1, proof: Some(proof), ..Item::default() }],
        accessions: vec![Accession { id: "acc-1".into(), records: 2, root: BASE64.encode(tree.root()), ..Accession::default() }],
        ..Manifest::default()
    }
}

fn pack(files: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let sizes = files.iter().map(|(path, bytes)| (path.clone(), bytes.len() as u64)).collect();
    let out = container::write(Cursor::new(Vec::new()), FOLDER, &sizes, |path| Ok(Cursor::new(files[path].clone())));
    out.unwrap().into_inner()
}

fn package(key: &SigningKey, manifest: &Manifest, mut files: BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let bytes = manifest.to_bytes();
    let (jws, signature) = seal::sign(&bytes, key);
    files.insert(MANIFEST.into(), bytes);
    files.insert(seal::JWS.into(), jws.into_bytes());
    files.insert(seal::SIG.into(), signature.to_vec());
    pack(&files)
}

fn check(bytes: &[u8], key: &SigningKey) -> verify::Report {
    verify::verify(Cursor::new(bytes.to_vec()), &key.verifier()).unwrap()
}

fn named(bytes: &[u8], key: &SigningKey) -> Vec<String> {
    check(bytes, key).findings.into_iter().map(|it| it.item).collect()
}

#[test]
fn a_package_checks_out_and_is_the_same_bytes_again() {
    let key = key();
    let made = package(&key, &manifest(&content()), content());
    let report = check(&made, &key);
    assert!(report.holds(), "{:?}", report.findings);
    assert_eq!((report.files, report.proofs), (3, 1));
    assert_eq!(package(&key, &manifest(&content()), content()), made);
}

#[test]
fn every_byte_counts() {
    let key = key();
    let made = package(&key, &manifest(&content()), content());
    let files = content();
    for at in (0..made.len()).step_by(7).chain(made.len() - 200..made.len()) {
        let mut other = made.clone();
        other[at] ^= 0x40;
        assert!(!check(&other, &key).holds(), "byte {at}");
    }
    // A byte of a file is told by the file's name.
    let inside = made.windows(14).position(|bytes| bytes == b"Dear colleague").unwrap();
    let mut other = made.clone();
    other[inside] ^= 1;
    assert_eq!(named(&other, &key), ["native/letter (2).txt"]);
    for cut in [0, 1, 100, made.len() / 2, made.len() - 1] {
        assert!(!check(&made[..cut], &key).holds(), "cut at {cut}");
    }
    let longer = [made.as_slice(), b"x"].concat();
    assert!(!check(&longer, &key).holds());
    assert_eq!(files.len(), 3);
}

#[test]
fn files_added_missing_exchanged_or_renamed_are_named() {
    let key = key();
    let whole = manifest(&content());
    let with = |change: fn(&mut Files)| {
        let mut files = content();
        change(&mut files);
        named(&package(&key, &whole, files), &key)
    };
    assert_eq!(with(|files| drop(files.insert("extra.txt".into(), vec![1]))), ["extra.txt"]);
    assert_eq!(with(|files| drop(files.remove("VERIFY.txt"))), ["VERIFY.txt"]);
    let swapped = with(|files| {
        let (a, b) = (files["VERIFY.txt"].clone(), files["native/letter (2).txt"].clone());
        files.insert("VERIFY.txt".into(), b);
        files.insert("native/letter (2).txt".into(), a);
    });
    assert_eq!(swapped, ["VERIFY.txt", "native/letter (2).txt"]);
    let renamed = with(|files| {
        let bytes = files.remove("VERIFY.txt").unwrap();
        files.insert("README.txt".into(), bytes);
    });
    assert_eq!(renamed, ["README.txt", "VERIFY.txt"]);
}

#[test]
fn another_manifest_or_key_does_not_pass() {
    let (key, other) = (key(), key());
    let mut files = content();
    files.insert("VERIFY.txt".into(), b"How to be fooled".to_vec());
    let forged = package(&other, &manifest(&files), files);
    let items = named(&forged, &key);
    assert_eq!(items, [seal::JWS, seal::SIG]);
    assert!(check(&forged, &other).holds(), "it is a whole package of the other key");

    let mut lies = manifest(&content());
    lies.items[0].proof.as_mut().unwrap().index = 0;
    assert_eq!(named(&package(&key, &lies, content()), &key), ["item 1"]);
}

#[test]
fn a_manifest_is_read_strictly() {
    let bytes = manifest(&content()).to_bytes();
    assert_eq!(Manifest::parse(&bytes).unwrap().to_bytes(), bytes);
    let text = String::from_utf8(bytes).unwrap();
    let twice = text.replacen("{\"accessions\"", "{\"v\":1,\"accessions\"", 1);
    let unknown = text.replacen("{\"accessions\"", "{\"a\":1,\"accessions\"", 1);
    let spaced = text.replacen(",", ", ", 1);
    let newer = text.replace("\"v\":1,", "\"v\":2,");
    assert!(matches!(Manifest::parse(twice.as_bytes()), Err(ManifestFault::Form { .. })));
    assert!(matches!(Manifest::parse(unknown.as_bytes()), Err(ManifestFault::Form { .. })));
    assert_eq!(Manifest::parse(spaced.as_bytes()), Err(ManifestFault::NotCanonical));
    assert_eq!(Manifest::parse(newer.as_bytes()), Err(ManifestFault::Version(2)));
}

#[test]
fn a_signature_of_another_form_does_not_count() {
    let key = key();
    let (jws, signature) = seal::sign(b"{}", &key);
    let public = key.verifier().public_key();
    assert_eq!(seal::check_jws(&jws, b"{}", &public), Ok(()));
    assert_eq!(seal::check(&signature, b"{}", &public), Ok(()));
    assert_eq!(seal::check_jws(&jws, b"{ }", &public), Err(seal::SealFault::Wrong));
    let coded = |header: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(header);
    let kid = seal::key_id(&public);
    let sound = format!(r#"{{"alg":"EdDSA","b64":false,"crit":["b64"],"kid":"{kid}","typ":"roi-manifest+jws"}}"#);
    let tail = jws.split_once("..").unwrap().1;
    for (from, to) in
        [("EdDSA", "none"), ("false", "true"), ("[\"b64\"]", "[]"), ("roi-manifest+jws", "JWT"), ("\"kid\"", "\"jwk\"")]
    {
        let header = sound.replace(from, to);
        assert_ne!(header, sound);
        assert!(seal::check_jws(&format!("{}..{tail}", coded(&header)), b"{}", &public).is_err(), "{header}");
    }
}

#[test]
fn names_that_a_system_reads_otherwise_cannot_be_packed() {
    for name in ["../x", "/x", "a//b", "a/./b", "C:\\x", "a\0b", "x.", " x", "", "naïve.txt"] {
        assert!(!container::is_plain(name), "{name:?}");
        let members = BTreeMap::from([(name.to_owned(), 1)]);
        let written = container::write(Cursor::new(Vec::new()), FOLDER, &members, |_| Ok(Cursor::new(vec![0])));
        assert!(written.is_err(), "{name:?}");
    }
    // One made by others with such a name is refused by its name, not unpacked.
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    zip.start_file(format!("{FOLDER}/../../etc/x"), stored).unwrap();
    zip.write_all(b"x").unwrap();
    let mut bytes = Vec::new();
    let mut made = zip.finish().unwrap();
    made.set_position(0);
    made.read_to_end(&mut bytes).unwrap();
    assert!(!check(&bytes, &key()).holds());
}

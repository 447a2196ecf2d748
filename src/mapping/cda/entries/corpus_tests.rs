//! All documents of the corpus: whatever is made of their entries is FHIR that the archive can take.
//!
//! Not for: what an entry means (`tests`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use crate::formats::fhir::{Shape, Tokenizer};
use crate::mapping::Context;
use crate::mapping::cda::{Rules, map};

fn files(folder: &Path, out: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() { files(&path, out) } else { out.push(path) }
    }
}

#[test]
fn every_record_of_the_corpus_is_taken() {
    let Some(corpus) = std::env::var_os("CHARTKEEP_CORPUS") else {
        println!("not run: CHARTKEEP_CORPUS names no corpus");
        return;
    };
    let mut paths = Vec::new();
    files(&Path::new(&corpus).join("ccda"), &mut paths);
    let (mut kinds, mut findings, mut entries, mut named) = (BTreeMap::new(), BTreeMap::new(), 0u32, 0u32);
    for path in &paths {
        let bytes = std::fs::read(path).unwrap();
        let zone = TimeZone::UTC;
        let cx = Context { source_system: "old", zone: &zone, file: "document.xml", offset: 0 };
        let mapped = map(&bytes, &Rules::default(), &cx);
        entries += mapped.units;
        for finding in &mapped.findings {
            let key = if finding.code == "cda.entry-not-mapped" {
                format!("{} {}", finding.code, finding.note)
            } else {
                finding.code.to_owned()
            };
            *findings.entry(key).or_insert(0u32) += 1;
        }
        for json in &mapped.resources {
            let mut tokens = Tokenizer::default();
            tokens.cut(json).unwrap_or_else(|e| panic!("{e} in {}", path.display()));
            Shape::new(&tokens.template)
                .unwrap_or_else(|e| panic!("{} in {}: {}", e.code(), path.display(), String::from_utf8_lossy(json)));
            let value: serde_json::Value = serde_json::from_slice(json).unwrap();
            let kind = value["resourceType"].as_str().unwrap().to_owned();
            named += u32::from(value["id"].is_string());
            *kinds.entry(kind).or_insert(0u32) += 1;
        }
    }
    println!("{} files, {entries} entries, {named} resources with an id\n{kinds:#?}\n{findings:#?}", paths.len());
}

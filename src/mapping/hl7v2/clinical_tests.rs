//! What messages become on the clinical side, by kind of message. Not for: patients and visits.

use std::path::Path;

use jiff::tz::TimeZone;
use serde_json::Value as Json;

use super::{Rules, map};
use crate::formats::fhir::{Shape, Tokenizer};
use crate::formats::hl7v2::Splitter;
use crate::mapping::{Context, Cutter, Mapped};

fn mapped(text: &str) -> Mapped {
    let cx = Context { source_system: "old", zone: &TimeZone::UTC, file: "in/a b.hl7", offset: 1000 };
    map(text.as_bytes(), &Rules::default(), &cx)
}

/// Every resource of the delivered corpus is one that the archive takes.
#[test]
fn corpus_gives_resources_that_the_archive_takes() {
    let Ok(corpus) = std::env::var("CHARTKEEP_CORPUS") else {
        println!("not run: CHARTKEEP_CORPUS is not set");
        return;
    };
    let (mut kinds, mut codes) =
        (std::collections::BTreeMap::<String, usize>::new(), std::collections::BTreeMap::<String, usize>::new());
    let mut folders = vec![Path::new(&corpus).join("hl7v2")];
    let mut messages = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            let mut items = Vec::new();
            Splitter::default().cut(&bytes, true, &mut items);
            for item in items {
                messages += 1;
                let cx = Context { source_system: "old", zone: &TimeZone::UTC, file: "f.hl7", offset: item.start as u64 };
                let out = map(&bytes[item], &Rules::default(), &cx);
                for finding in &out.findings {
                    *codes.entry(finding.code.into()).or_default() += 1;
                }
                for json in &out.resources {
                    let mut tokens = Tokenizer::default();
                    tokens.cut(json).unwrap();
                    let shape = Shape::new(&tokens.template).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(json)));
                    *kinds.entry(shape.kind().name().to_string()).or_default() += 1;
                    println!("@@{}", String::from_utf8_lossy(json));
                }
            }
        }
    }
    println!("{messages} messages: {kinds:?}; findings: {codes:?}");
    assert!(messages > 200 && kinds.len() > 8);
}

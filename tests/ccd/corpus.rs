//! Every patient of the open FHIR corpus as a document. A sample runs with the tests, all with `ops/ccda`.
//!
//! Not for: how the corpus is ingested (`crate::corpus`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chartkeep::render::ccd::ccd;
use serde_json::Value;

use super::charts::{Made, of_parts};

/// Patients with their records, by file: what names no patient of its own is the directory of all that follow in that file.
pub fn patients(folder: &Path) -> Vec<Made> {
    let mut by_group: BTreeMap<PathBuf, Vec<Value>> = BTreeMap::new();
    for file in files_below(folder) {
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        let text = text.trim_start_matches('\u{feff}');
        // Lines of one folder belong together, and so do the entries of one Bundle.
        if file.extension().is_some_and(|e| e == "ndjson") {
            let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            by_group.entry(file.parent().unwrap_or(folder).to_path_buf()).or_default().extend(lines);
        } else if let Ok(value) = serde_json::from_str::<Value>(text) {
            by_group.entry(file).or_default().extend(unbundled(value));
        }
    }
    by_group.into_values().flat_map(split).collect()
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// The entries of a Bundle, their references by `urn:uuid:…` made `Type/id`.
fn unbundled(bundle: Value) -> Vec<Value> {
    if bundle["resourceType"] != "Bundle" {
        return vec![bundle];
    }
    let entries = || bundle["entry"].as_array().into_iter().flatten();
    let names: BTreeMap<&str, String> = entries()
        .filter_map(|e| {
            let name = format!("{}/{}", e["resource"]["resourceType"].as_str()?, e["resource"]["id"].as_str()?);
            Some((e["fullUrl"].as_str()?, name))
        })
        .collect();
    let mut found: Vec<Value> = entries().map(|e| e["resource"].clone()).filter(Value::is_object).collect();
    found.iter_mut().for_each(|resource| rename(resource, &names));
    found
}

fn rename(value: &mut Value, names: &BTreeMap<&str, String>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, names)),
        Value::Object(members) => {
            for (key, member) in members.iter_mut() {
                match member.as_str().and_then(|text| names.get(text)) {
                    Some(name) if key == "reference" => *member = name.clone().into(),
                    _ => rename(member, names),
                }
            }
        }
        _ => {}
    }
}

fn split(resources: Vec<Value>) -> Vec<Made> {
    let subject = |r: &Value| {
        let places = [&r["subject"], &r["patient"], &r["beneficiary"]];
        places.into_iter().find_map(|p| p["reference"].as_str()?.rsplit("Patient/").next().map(str::to_owned))
    };
    let directory: Vec<Value> =
        resources.iter().filter(|r| r["resourceType"] != "Patient" && subject(r).is_none()).cloned().collect();
    let of = |patient: &Value| {
        let id = patient["id"].as_str()?.to_owned();
        let own = resources.iter().filter(|r| subject(r).as_deref() == Some(&id) && r["id"].is_string());
        Some(of_parts(vec![patient.clone()], own.cloned().collect(), directory.clone()))
    };
    resources.iter().filter(|r| r["resourceType"] == "Patient").filter_map(of).collect()
}

#[test]
fn patients_of_the_open_corpus_give_valid_documents() {
    let Some(corpus) = std::env::var_os("CHARTKEEP_CORPUS").map(PathBuf::from) else {
        println!("not run: CHARTKEEP_CORPUS does not name the sample corpus");
        return;
    };
    let all = std::env::var_os("CHARTKEEP_CCDA_CHARTS").is_some();
    let home = crate::support::folder();
    let mut found = patients(&corpus.join("fhir-bundles"));
    found.extend(patients(&corpus.join("fhir-ndjson")));
    assert!(found.len() > 20, "this is not the whole corpus");
    // Spread over the corpus, since its parts differ.
    let every = if all { 1 } else { found.len().div_ceil(8) };
    let mut files = Vec::new();
    for (number, made) in found.iter().enumerate().filter(|(number, _)| number % every == 0) {
        let bytes = made.with_chart(ccd);
        let bytes = bytes.unwrap_or_else(|fault| panic!("patient {number} of the corpus: {fault}"));
        files.push(super::write(home.path(), &format!("corpus-{number:03}"), &bytes));
    }
    super::validate(&files);
}

//! Summaries of charts over HTTP: listed by `$docref`, made by `$ccd`, with every record that the reader may see and no other.
//!
//! Not for: whether such a document is valid (`crate::ccd`).

use super::harness::{House, entries_by_request, house, key, shown, stored};
use crate::support::{hospital, loaded};

/// Kinds that a summary has entries for, each under the record's own name.
const CODED: [&str; 5] = ["AllergyIntolerance", "Condition", "Immunization", "Procedure", "Encounter"];

fn patient() -> String {
    key(&hospital().manifest.sample_patients[0].id)
}

/// The address of the summary that `$docref` lists, without the server's own.
fn address(house: &House, query: &str) -> Option<String> {
    let answer = house.get("him", &format!("/fhir/DocumentReference/$docref?{query}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let bundle = answer.json();
    assert_eq!(bundle["type"], "searchset");
    let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
    assert_eq!(bundle["total"], entries.len());
    let made = entries.into_iter().find(|e| e["fullUrl"].as_str().is_some_and(|url| url.starts_with("urn:uuid:")))?;
    let url = made["resource"]["content"][0]["attachment"]["url"].as_str()?.to_owned();
    Some(url.strip_prefix(&house.server.address).expect("our own").to_owned())
}

#[test]
fn a_summary_is_listed_and_its_address_gives_the_same_bytes_each_time() {
    let (house, patient) = (house(), patient());
    let path = address(&house, &format!("patient={patient}")).expect("a summary is listed");
    let (first, second) = (house.get("him", &path), house.get("him", &path));
    assert_eq!((first.status, first.header("content-type")), (200, Some("application/hl7-v3+xml")));
    assert!(first.text().contains("<ClinicalDocument") && first.body == second.body);
    let of_type = |token: &str| address(&house, &format!("patient={patient}&type={token}")).is_some();
    assert!(of_type("34133-9") && of_type("http://loinc.org%7C34133-9") && !of_type("34117-2"));
    assert!(address(&house, &format!("patient=Patient/{patient}&on-demand=false")).is_none());
    for (query, status) in [("", 400), ("patient=nobody", 404), (&*format!("patient={patient}&on-demand=maybe"), 400)] {
        assert_eq!(house.get("him", &format!("/fhir/DocumentReference/$docref?{query}")).status, status, "{query}");
    }
    for (query, status) in [("created=yesterday", 400), ("start=2014-99-01", 400), ("start=2015-01-02&end=2015-01-01", 400)] {
        assert_eq!(house.get("him", &format!("/fhir/Patient/{patient}/$ccd?{query}")).status, status, "{query}");
    }
    assert_eq!(house.get("him", "/fhir/Patient/nobody/$ccd").status, 404);
}

#[test]
fn a_summary_holds_what_the_reader_may_see_and_its_entry_names_all_of_it() {
    let house = house();
    for (number, sample) in hospital().manifest.sample_patients.iter().take(4).enumerate() {
        let patient = key(&sample.id);
        let name = format!("summary-{number}");
        let path = format!("/fhir/Patient/{patient}/$ccd?created=2025-01-02T15:04:05Z");
        let answer = house.server.request("GET", &path, Some(house.token("clinician")), &[("x-request-id", &name)]);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let text = answer.text();
        let records = stored();
        for record in records.iter().filter(|r| r.names(&patient) && CODED.contains(&r.kind)) {
            let is_there = text.contains(&format!("\"{}/{}\"", record.kind, record.id));
            assert_eq!(is_there, !record.restricted, "{}/{}", record.kind, record.id);
        }
        let entries = entries_by_request(loaded());
        let [entry] = entries[&name].as_slice() else { panic!("one entry for one answer") };
        let seen = records.iter().filter(|r| r.names(&patient) && !r.restricted).count() as u64;
        assert_eq!(entry["event"], "record.everything");
        assert!(shown(entry) > seen / 2, "records of the chart and those of the directory");
    }
}

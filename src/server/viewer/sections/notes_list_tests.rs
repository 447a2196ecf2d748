//! The list of documents: counts that add up, filters that can be taken back, an open document that keeps its list.
//!
//! Not for: the page around the list (`gallery`, and the browser tests).

use serde_json::json;

use super::*;
use crate::model::{AccessionId, ChartIndex, Label, PatientIdentity, PatientKey, Place};

/// Documents of two sources and three years, some of them by the same author; the last is the newest.
fn chart() -> Chart {
    let documents = [
        ("d1", "Letter", "2012-04", "pvs", None, "current", "image/tiff"),
        ("d2", "Discharge summary", "2018-01-21", "hbi", Some("R. Mbeki-Test, MD"), "current", "text/plain"),
        ("d3", "Discharge summary", "2023-10-02", "hbi", Some("R. Mbeki-Test, MD"), "current", "text/plain"),
        ("d4", "Progress note", "2023-11-02", "mer", Some("K. Silva-Test, MD"), "superseded", "text/rtf"),
        ("d5", "Progress note", "2023-11-03", "mer", Some("K. Silva-Test, MD"), "current", "text/rtf"),
    ];
    let key = PatientKey::parse("p1").unwrap();
    type Told = (&'static str, &'static str, &'static str, &'static str, Option<&'static str>, &'static str, &'static str);
    let record = |(at, (id, title, date, source, author, status, format)): (usize, &Told)| {
        let author = author.map(|name| json!([{ "display": name }])).unwrap_or_default();
        let replaces =
            if *id == "d5" { json!([{"code": "replaces", "target": {"reference": "DocumentReference/d4"}}]) } else { json!([]) };
        let json = json!({"resourceType": "DocumentReference", "id": id, "status": status, "docStatus": "final", "type": {"text": title},
            "date": date, "author": author, "relatesTo": replaces,
            "content": [{"attachment": {"contentType": format, "url": format!("Binary/{id}-0")}}]});
        Record {
            kind: Kind::from_name("DocumentReference").unwrap(),
            id: ArchiveId::parse(id).unwrap(),
            original_id: (*id).into(),
            patient: Some(key.clone()),
            place: Place { accession: AccessionId::parse("acc-0011223344556677").unwrap(), generation: 1, ordinal: at as u64 },
            source_system: (*source).into(),
            version: 1,
            label: Label::NORMAL,
            json: json.to_string().into(),
        }
    };
    let index = ChartIndex {
        patient: key.clone(),
        identity: PatientIdentity::default(),
        counts: vec![],
        coverage: vec![],
        cutover: None,
        linked: vec![],
    };
    Chart { index, records: documents.iter().enumerate().map(record).collect() }
}

fn found(chart: &Chart, ids: &[&str]) -> TextHits {
    let hit = |r: &Record| TextHit {
        kind: r.kind,
        id: r.id.clone(),
        patient: r.patient.clone(),
        place: r.place.clone(),
        source_system: r.source_system.to_string(),
        type_code: None,
        title: String::new(),
        author: None,
        date: None,
        snippet: String::new(),
        marks: vec![],
        occurs: 0,
        section: None,
    };
    let hits: Vec<_> = chart.records.iter().filter(|r| ids.contains(&r.id.as_str())).map(hit).collect();
    TextHits { total: hits.len() as u64, hits, not_searchable: 1, ..TextHits::default() }
}

fn query(pairs: &[(&str, &str)]) -> Query {
    Query::new(pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect())
}

fn sums(list: &DocumentList) -> Vec<u64> {
    let of = |g: &Group| g.choices.iter().chain(&g.more).map(|c| c.count.parse::<u64>().unwrap()).sum();
    list.groups.iter().map(of).collect()
}

#[test]
fn every_group_adds_up_to_the_documents_that_hold_the_words() {
    let (frame, chart) = (Frame::default(), chart());
    for (ids, total) in [(None, 5), (Some(&["d1", "d3", "d4"][..]), 3), (Some(&[][..]), 0)] {
        let found = ids.map(|ids| found(&chart, ids));
        for filters in [&[][..], &[("type", "Discharge summary")], &[("year", "2023"), ("author", "nobody")]] {
            let list = Listing::new(&frame, &chart, &query(filters), found.as_ref(), None).part("/n", false);
            assert_eq!(sums(&list), [total; 6], "{filters:?}");
            let kinds: Vec<_> = list.groups[0].choices.iter().map(|c| c.value.as_str()).collect();
            assert_eq!(kinds.len(), 3, "a choice that no document has stays: {kinds:?}");
        }
    }
}

#[test]
fn choices_of_a_group_widen_and_groups_narrow() {
    let (frame, chart) = (Frame::default(), chart());
    let of = |filters: &[(&str, &str)], ids: Option<&[&str]>| {
        let found = ids.map(|ids| found(&chart, ids));
        let list = Listing::new(&frame, &chart, &query(filters), found.as_ref(), None).part("/n", false);
        list.rows
            .iter()
            .map(|r| r.href.split(['/', '?', '-']).find(|p| p.len() == 2 && p.starts_with('d')).unwrap_or("?").to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(of(&[], None), ["d5", "d4", "d3", "d2", "d1"]);
    assert_eq!(of(&[("year", "2023"), ("year", "2012")], None), ["d5", "d4", "d3", "d1"]);
    assert_eq!(of(&[("year", "2023"), ("source", "hbi")], None), ["d3"]);
    assert_eq!(of(&[("year", "2023")], Some(&["d1", "d4"])), ["d4"]);
    assert_eq!(of(&[("state", "Replaced by a newer one")], None), ["d4"]);
    assert_eq!(of(&[("state", "gone")], None), Vec::<String>::new());
}

#[test]
fn each_filter_can_be_taken_back_alone_and_the_open_document_keeps_the_list() {
    let (frame, chart) = (Frame::default(), chart());
    let filters = query(&[("year", "2023"), ("source", "hbi"), ("q", "a b")]);
    let all = found(&chart, &["d1", "d2", "d3", "d4", "d5"]);
    let open = chart.records.iter().find(|r| r.id.as_str() == "d3");
    let listing = Listing::new(&frame, &chart, &filters, Some(&all), open);
    let list = listing.part("/n", true);
    let chips: Vec<_> = list.chips.iter().map(|(words, href)| (words.as_str(), href.as_str())).collect();
    assert_eq!(
        chips,
        [
            ("Source: hbi", "/n?year=2023&q=a%20b"),
            ("Year: 2023", "/n?source=hbi&q=a%20b"),
            ("Words: a b", "/n?source=hbi&year=2023"),
        ]
    );
    assert!(list.rows.iter().all(|r| r.is_open && r.href.ends_with("?source=hbi&year=2023&q=a%20b")));
    assert_eq!(listing.neighbours(), (None, None));
    let listing = Listing::new(&frame, &chart, &query(&[("source", "hbi")]), None, open);
    assert_eq!(listing.neighbours(), (None, Some("/patients/p1/documents/d2-0?source=hbi".into())));
    // Open, but not among those that pass.
    let listing = Listing::new(&frame, &chart, &query(&[("source", "mer")]), None, open);
    assert!(listing.part("/n", true).is_outside);
    assert_eq!(listing.neighbours(), (None, None));
}

#[test]
fn the_newer_document_is_named_by_what_it_replaces() {
    let (frame, chart) = (Frame::default(), chart());
    let listing = Listing::new(&frame, &chart, &query(&[]), None, None);
    let record = |id: &str| chart.records.iter().find(|r| r.id.as_str() == id).unwrap();
    assert_eq!(listing.newer_than(record("d4")).as_deref(), Some("/patients/p1/documents/d5-0"));
    assert_eq!(listing.newer_than(record("d3")), None);
}

#[test]
fn a_long_list_comes_in_pages_and_opens_at_the_open_document() {
    let (frame, small) = (Frame::default(), chart());
    let mut chart = small.clone();
    chart.records = (0..2_000)
        .map(|i| {
            let mut r = small.records[i % 5].clone();
            r.id = ArchiveId::parse(&format!("n{i:04}")).unwrap();
            r.json = r.json.replace("Mbeki", &format!("Mbeki{}", i % 400)).into();
            r
        })
        .collect();
    let open = chart.records[3].clone();
    let listing = Listing::new(&frame, &chart, &query(&[]), None, Some(&open));
    let list = listing.part("/n", true);
    assert!(list.rows.iter().any(|r| r.is_open), "the page of the open document is shown");
    let html = list.to_string();
    assert!(html.len() < 100_000, "{} bytes", html.len());
    assert!(html.matches('<').count() / 2 < 1_500, "{} elements", html.matches('<').count() / 2);
    assert_eq!(Listing::new(&frame, &chart, &query(&[("page", "999999")]), None, None).part("/n", false).rows.len(), ROWS);
    let author = &list.groups[3];
    let (rest, rest_n) = author.rest.clone().unwrap();
    assert!(rest.ends_with("more"));
    let listed: u64 = author.choices.iter().chain(&author.more).map(|c| c.count.replace(',', "").parse::<u64>().unwrap()).sum();
    assert_eq!(listed + rest_n.replace(',', "").parse::<u64>().unwrap(), 2_000);
}

//! Every page from made-up data: tests that hold for all of them, and, when `CHARTKEEP_GALLERY` names a folder, the
//! pages written there to be looked at. `CHARTKEEP_GALLERY_DATA` may name a folder of FHIR NDJSON files.
//!
//! Not for: tests of one module (they stand beside it).
#![allow(clippy::single_range_in_vec_init, reason = "one mark is a list of one range")]

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::access::Role;
use crate::model::{
    AccessionId, ArchiveId, Chart, ChartIndex, Coverage, DocumentId, Kind, KindCount, Label, LinkedPatient, PatientIdentity,
    PatientIndexDoc, PatientKey, Place, Record, When,
};
use crate::oversight::projection::StandsAt;
use crate::oversight::reports::{ByDay, Cell as Said, Column, Report, Version};
use crate::query::{Facet, Likeness, Matched, Origin, Outline, PatientHit, PatientHits, Source, TextHit, TextHits, Unseen};

const SOURCES: [&str; 3] = ["Meridian Ambulatory", "Harbor Inpatient", "Paper scans"];

fn frame(role: Option<Role>, path: &str) -> Frame {
    Frame {
        institution: "Example Valley Health".into(),
        records_to: Some("2025-12-31".into()),
        person: role.map(|role| Person::new("R. Okafor-Test, MD", role)),
        csrf: "token".into(),
        path: path.into(),
        launched_by: None,
        today: "2026-11-22".into(),
        names: Names::default(),
        census: None,
        only: None,
        declared_end: When::parse("2025-12-31"),
        paper: Paper::default(),
        deliveries: Vec::new(),
        idle_s: 0,
        settings: crate::register::Settings::default(),
        made: "2026-11-22 09:14 -05:00".into(),
        own_notes: None,
        glass: Glass::Offered { href: "/patients/x/break-glass".into() },
        sources: Sources::from_names(SOURCES),
        accessions: 9,
        catalog: 7,
    }
}

fn record(value: &Value, source: &str, ordinal: u64) -> Record {
    let id = value["id"].as_str().unwrap_or("x");
    let patient = value.get("subject").or_else(|| value.get("patient")).and_then(|r| r["reference"].as_str());
    let patient = patient.and_then(|r| r.strip_prefix("Patient/")).unwrap_or(id);
    Record {
        kind: value["resourceType"].as_str().and_then(Kind::from_name).unwrap_or(Kind::PATIENT),
        id: ArchiveId::parse(id).unwrap(),
        original_id: id.into(),
        patient: PatientKey::parse(patient),
        place: Place { accession: AccessionId::parse("acc-0011223344556677").unwrap(), generation: 1, ordinal },
        source_system: source.into(),
        version: 1,
        label: Label::NORMAL,
        json: value.to_string().into(),
    }
}

/// A chart of these resources; the source of each goes by its year, so that all badges occur.
fn chart(resources: &[Value]) -> Chart {
    let date = |v: &Value| fhir::date_of(fhir::Node::new(v)).unwrap_or_default();
    let mut sorted: Vec<&Value> = resources.iter().collect();
    sorted.sort_by_key(|v| (v["resourceType"].as_str().and_then(Kind::from_name), date(v)));
    let source = |v: &Value| match date(v).get(..4).and_then(|y| y.parse::<u32>().ok()) {
        Some(2021..=2023) => SOURCES[1],
        Some(..2008) => SOURCES[2],
        _ => SOURCES[0],
    };
    let records: Vec<Record> = sorted.iter().enumerate().map(|(i, v)| record(v, source(v), i as u64)).collect();
    let mut counts: Vec<KindCount> = Vec::new();
    for r in &records {
        match counts.iter_mut().find(|c| c.kind == r.kind) {
            Some(c) => c.count += 1,
            None => counts.push(KindCount { kind: r.kind, count: 1 }),
        }
    }
    let coverage = SOURCES.iter().filter_map(|s| {
        let mut dates: Vec<When> = sorted.iter().filter(|v| source(v) == *s).filter_map(|v| When::parse(&date(v))).collect();
        dates.sort_by_key(When::start_us);
        Some(Coverage {
            source_system: (*s).into(),
            first: Some(dates.first()?.clone()),
            last: dates.last().cloned(),
            records: 1,
        })
    });
    let patient = sorted.first().copied().cloned().unwrap_or_default();
    let text = |v: &Value| v.as_str().map(str::to_string);
    let identity = PatientIdentity {
        family: text(&patient["name"][0]["family"]),
        given: patient["name"][0]["given"].as_array().map_or(vec![], |g| g.iter().filter_map(text).collect()),
        other_names: vec!["Brackenfield (to 1984)".into()],
        birth_date: patient["birthDate"].as_str().and_then(When::parse),
        deceased: text(&patient["deceasedDateTime"]),
        sex: text(&patient["gender"]),
        identifiers: vec![("Medical Record Number".into(), "0048-1173".into()), ("SS".into(), "999-97-5316".into())],
        phones: vec!["(555) 010-0142".into()],
        addresses: vec!["17 Madeup Lane, Sampleton 00501".into()],
    };
    let key = PatientKey::parse(patient["id"].as_str().unwrap_or("none")).unwrap();
    let index = ChartIndex {
        patient: key,
        identity,
        counts,
        coverage: coverage.collect(),
        cutover: When::parse("2025-12-31"),
        linked: vec![],
    };
    Chart { index, records }
}

/// A small patient whose records miss fields, hold wrong types, and carry markup where text belongs.
fn odd_patient() -> Vec<Value> {
    let evil = "<script>alert(1)</script>";
    let mut all = vec![
        json!({"resourceType":"Patient","id":"odd-1","name":[{"family":evil,"given":[evil]}],"gender":evil,"birthDate":"1957-03"}),
        json!({"resourceType":"Observation","id":"o1","category":"laboratory","code":7,"valueQuantity":{"value":"x"}}),
        json!({"resourceType":"Observation","id":"o2","category":[{"coding":[{"code":"laboratory"}]}],"code":{"text":evil},
            "effectiveDateTime":"2020-13-40","valueQuantity":{"value":1e300,"unit":evil},"referenceRange":[{"low":{"value":"a"}}]}),
        json!({"resourceType":"Observation","id":"o3","category":[{"coding":[{"code":"laboratory"}]}],"code":{"text":"Culture"},
            "effectiveDateTime":"2020-01-02T10:00:00Z","valueString":evil,"interpretation":[{"text":evil}]}),
        json!({"resourceType":"Observation","id":"o4","category":[{"coding":[{"code":"vital-signs"}]}],"component":[{},{"code":5}]}),
        json!({"resourceType":"DiagnosticReport","id":"d1","code":{"text":evil},"result":[{"reference":5},{}]}),
        json!({"resourceType":"DocumentReference","id":"n1","type":{"text":evil},"content":[{"attachment":{"url":"Binary/../x"}}]}),
    ];
    for kind in
        ["Condition", "AllergyIntolerance", "MedicationRequest", "Encounter", "Immunization", "Procedure", "Flag", "ImagingStudy"]
    {
        all.push(json!({"resourceType":kind,"id":"empty"}));
        all.push(
            json!({"resourceType":kind,"id":"wrong","code":[[]],"status":{},"period":[],"clinicalStatus":"active","reaction":[1],
            "category":{"a":[]},"participant":"x","dosageInstruction":[null],"subject":7}),
        );
    }
    all
}

/// The chart as it stands, and with JSON that is none.
fn odd_charts() -> Vec<Chart> {
    let odd = chart(&odd_patient());
    let mut broken = odd.clone();
    for r in &mut broken.records {
        r.json = Arc::from("{ not json");
    }
    let mut empty = odd.clone();
    empty.records.clear();
    let linked = LinkedPatient {
        key: PatientKey::parse("odd-2").unwrap(),
        identity: odd.index.identity.clone(),
        source_system: SOURCES[1].into(),
        place: odd.records[0].place.clone(),
        label: Label::NORMAL,
        reasons: vec!["Linked with odd-1: by ann, 2026-11-22: <script>".into()],
    };
    broken.index.linked = vec![linked; 6];
    empty.index =
        ChartIndex { cutover: None, coverage: vec![], counts: vec![], identity: PatientIdentity::default(), ..empty.index };
    vec![odd, broken, empty]
}

fn hits(charts: &[Chart]) -> PatientHits {
    let hit = |c: &Chart| PatientHit {
        patient: PatientIndexDoc {
            chart_label: crate::model::Label::NORMAL,
            key: c.index.patient.clone(),
            source_system: SOURCES[0].into(),
            place: Place { accession: AccessionId::parse("acc-0011223344556677").unwrap(), generation: 1, ordinal: 0 },
            label: Label::NORMAL,
            identity: c.index.identity.clone(),
            records: c.records.len() as u64,
            last_seen: c.index.coverage.last().and_then(|c| c.last.clone()),
        },
        score: 1.0,
        why: vec!["family name".into(), "start of given name".into(), "birth year".into()],
        matched: vec![Matched::Name("allen".into()), Matched::Born("1958".into())],
        linked: c.index.linked.clone(),
    };
    PatientHits {
        hits: charts.iter().map(hit).collect(),
        total: charts.len() as u64,
        total_capped: false,
        understood: vec![("family or given name".into(), "allen".into()), ("birth year".into(), "1958".into())],
    }
}

/// Name and HTML of every page that speaks of this chart.
fn chart_pages(chart: &Chart) -> Vec<(String, String)> {
    let clinician = frame(Some(Role::Clinician), "/patients/x");
    let mut pages: Vec<(String, String)> = Section::all()
        .filter(|s| *s != Section::Timeline)
        .map(|s| {
            (
                format!("chart-{}", if s.slug().is_empty() { "summary" } else { s.slug() }),
                section(&clinician, chart, s, &Query::default()),
            )
        })
        .collect();
    let ask = |pairs: &[(&str, &str)]| Query::new(pairs.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect());
    pages.push((
        "chart-abnormal".into(),
        section(&clinician, chart, Section::Results, &ask(&[("abnormal", "1"), ("to", "999999")])),
    ));
    pages.push((
        "chart-kind".into(),
        section(&clinician, chart, Section::Everything, &ask(&[("kind", "Observation"), ("page", "0")])),
    ));
    let timelines: [(&str, Vec<(&str, &str)>); 3] =
        [("", vec![]), ("-open", vec![("encounter", "wrong")]), ("-untied", vec![("untied", "1"), ("year", "2020")])];
    for (name, query) in timelines {
        pages.push((format!("chart-timeline{name}"), timeline(&clinician, chart, &ask(&query), YearRead::default())));
    }
    for code in ["4548-4", "2160-0", "85354-9", "718-7"] {
        pages.extend(trend(&clinician, chart, code, &Query::default()).map(|html| (format!("trend-{code}"), html)));
    }
    for r in chart.records.iter().filter(|r| r.kind.name() != "DocumentReference") {
        let name = format!("record-{}", r.kind);
        if !pages.iter().any(|(n, _)| *n == name) {
            let origin = Origin {
                file: "fhir/Condition.ndjson".into(),
                number: 12,
                span: None,
                form: None,
                mapping: None,
                time_zone: None,
                repeated: 0,
                source: Source::Shown { bytes: vec![7; 32], beside: Vec::new() },
            };
            let page = RecordPage { record: r, versions: &[], origin: Some(&origin), intact: Some(true), reassigned: None };
            pages.push((name, super::record(&clinician, Some(chart), &page)));
        }
    }
    let documents: Vec<&Record> = chart.records.iter().filter(|r| r.kind.name() == "DocumentReference").rev().collect();
    if let Some(r) = documents.get(3.min(documents.len().saturating_sub(1))) {
        let bodies = [
            (
                "text",
                DocumentBody::Text(text_example(
                    "HISTORY:\nSeen <b>today</b>.\n\nASSESSMENT AND PLAN:\nRest.".into(),
                    vec![0..7],
                )),
            ),
            ("html", DocumentBody::Html(2)),
            ("scan", DocumentBody::Scan(scan_example(None))),
            ("pdf", DocumentBody::Scan(scan_example(Some("Seen <b>today</b>. Metoprolol.")))),
            ("cda", DocumentBody::Rendered(cda_example())),
            ("xml", DocumentBody::Source(crate::render::cda::xml::source(b"<a>b</a>", 1), 0)),
            ("coded", DocumentBody::Coded(vec![coded_example()])),
            ("none", DocumentBody::None("It is a video.".into())),
            ("damaged", DocumentBody::Damaged),
        ];
        for (name, body) in bodies {
            let body = match (&body, note_text(r)) {
                (DocumentBody::Text(..), Some(text)) => DocumentBody::Text(text_example(text, Vec::new())),
                _ => body,
            };
            let id = DocumentId(ArchiveId::parse(&format!("{}-0", r.id)).unwrap());
            let page = DocumentPage {
                id: &id,
                record: r,
                content_type: "text/plain",
                title: None,
                bytes: 61_204,
                sha256: [0x9f; 32],
                body,
                is_xml: ["cda", "coded", "xml"].contains(&name),
                coded: ["cda", "coded", "xml"].contains(&name).then_some(41),
                q: if name == "text" { "" } else { "<b>" },
                unsearched: (name == "scan").then_some("It is a picture."),
                provenance: Provenance {
                    delivery: "Accession acc-0011223344556677, sealed 2026-11-04".into(),
                    file: Some("DocumentReference.ndjson, record 4".into()),
                    checked: "09:12:44 UTC".into(),
                },
                nonce: if name == "cda" { "bm9uY2U" } else { "" },
            };
            let filters = ask(&[("year", "2023"), ("state", "<b>")]);
            let listing = Listing::new(&clinician, chart, &filters, None, Some(r));
            pages.push((format!("document-{name}"), document(&clinician, chart, &page, &listing)));
        }
    }
    let found = text_hits(chart);
    pages.push(("chart-search".into(), search(&clinician, chart, &asked("metoprolol", &found))));
    pages.push(("chart-search-none".into(), search(&clinician, chart, &asked("<b>", &TextHits::default()))));
    let reports = frame(Some(Role::Compliance), "/access");
    for version in [Version::Plain, Version::Full] {
        let report = access_report_example(version);
        let parameters = vec![("patient".to_string(), chart.index.patient.to_string()), ("sort".into(), "-time".into())];
        let ask =
            AccessReport { report: &report, name: "patient", parameters, until: "s0000-4182911", page_size: 100, is_copy: false };
        pages.push((format!("access-{}", version.name()), access_report(&reports, &ask)));
    }
    pages.extend(super::gallery_log::pages(&reports));
    pages
}

fn cda_example() -> Rendered {
    let view = crate::render::cda::view::View::Clinical { only: ["1".to_string()].into(), folded: false };
    Rendered { body: "<p>Seen <b>today</b>.</p>".into(), view, language: Some("en-US".into()), ..Rendered::default() }
}

fn text_example(text: String, marks: Vec<std::ops::Range<usize>>) -> TextBody {
    TextBody { text, found: marks.len() as u64, marks, part: 1, parts: 2 }
}

fn scan_example(words: Option<&str>) -> Scan {
    Scan {
        pages: 118,
        number: 40,
        zoom: Zoom::Fit,
        turn: 90,
        words: words.map(str::to_string),
        marks: if words.is_some() { vec![5..8] } else { vec![] },
        found: if words.is_some() { vec![(3, 2), (41, 1)] } else { vec![] },
    }
}

fn coded_example() -> CodedSection {
    CodedSection { heading: "Problems <b>".into(), entries: vec![("act".into(), "Asthma <b>".into(), false)], total: 3 }
}

fn note_text(r: &Record) -> Option<String> {
    use base64::Engine as _;
    let value: Value = serde_json::from_str(&r.json).ok()?;
    let data = value["content"][0]["attachment"]["data"].as_str()?;
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(data).ok()?).ok()
}

fn access_report_example(version: Version) -> Report {
    let columns = vec![
        Column::new("time", "Day and time"),
        Column::new("who", "Who"),
        Column::new("what", "What happened"),
        Column::new("records", "Records"),
    ];
    let row = |i: u64| {
        vec![
            Said::Time { at: i.cast_signed(), text: format!("2026-11-2{i} 09:1{i}") },
            Said::Text(format!("Dr. Example {i}")),
            Said::Text("Chart or record shown, <b>under</b> break-glass".into()),
            Said::Count(i * 1_111),
        ]
    };
    let stands_at = vec![StandsAt { stream: "s0000".into(), entries: 4_182_911, checkpoint: Some((4_182_000, "Kr8=".into())) }];
    Report {
        name: "patient",
        title: "Who saw a patient's chart",
        version,
        about: vec![("Patient key".into(), "mer.123".into())],
        summary: "Something of this chart was shown 73 times to 17 people; 1 attempt was refused.".into(),
        columns,
        rows: (0..4).map(row).collect(),
        total: 73,
        offset: 0,
        by_day: Some(ByDay {
            what: "Times shown",
            days: (1..28).map(|day| (jiff::civil::date(2026, 11, day), u64::from(day.unsigned_abs()) * 7 % 11)).collect(),
        }),
        notes: vec!["A note.".into()],
        stands_at,
        made_at: jiff::Timestamp::UNIX_EPOCH,
        zone: "America/Chicago".into(),
    }
}

fn text_hits(chart: &Chart) -> TextHits {
    let snippet = "…continue metoprolol succinate 100 mg once daily; hold if heart rate below 55…";
    let hit = |r: &Record| TextHit {
        kind: r.kind,
        id: r.id.clone(),
        patient: r.patient.clone(),
        place: r.place.clone(),
        source_system: r.source_system.to_string(),
        type_code: None,
        title: "Discharge summary".into(),
        author: Some("R. Mbeki-Test, MD".into()),
        date: Some("2023-10-02".into()),
        snippet: snippet.into(),
        marks: vec![12..22],
        occurs: 3,
        section: Some("Hospital course".into()),
    };
    TextHits {
        hits: chart.records.iter().rev().take(5).map(hit).collect(),
        total: 5,
        sources: Facet { values: vec![(SOURCES[0].into(), 4), (SOURCES[1].into(), 1)] },
        years: Facet { values: vec![("2023".into(), 5)] },
        not_searchable: 118,
        ..TextHits::default()
    }
}

fn other_pages(charts: &[Chart]) -> Vec<(String, String)> {
    let clinician = frame(Some(Role::Clinician), "/");
    let archivist = frame(Some(Role::Archivist), "/accessions");
    let found = hits(charts);
    let unseen = [
        Unseen::SetAside { source_system: SOURCES[0].into(), records: 23 },
        Unseen::NotInForce { source_system: SOURCES[2].into(), deliveries: 1 },
    ];
    let outline = |chart: &Chart| Outline { coverage: chart.index.coverage.clone(), alike: Some((0, Likeness::MayBeOne)) };
    let outlines: Vec<Outline> = charts.iter().map(outline).collect();
    let ask = FindPage {
        q: "allen nan 1958",
        answer: Some(&found),
        page_size: 20,
        unseen: &unseen,
        outlines: &outlines,
        ..FindPage::default()
    };
    let none = PatientHits { hits: vec![], total: 0, total_capped: false, understood: vec![] };
    let file = |name: &str, items| FileRow { name: name.into(), items, fate: "records".into(), ..FileRow::default() };
    let row = AccessionRow {
        id: "acc-0011223344556677".into(),
        source_system: SOURCES[0].into(),
        sealed: Some("2026-11-04".into()),
        generation: 1,
        records: 12_101_004,
        patients: 214_008,
        bytes: 4_100_223_001,
        quarantined: 741,
        state: AccessionState::Signed,
    };
    let report = AccessionReport {
        row: row.clone(),
        total: Totals { read: 15_000, archived: 14_994, duplicates: 4, quarantined: 2, excluded: 0, joined: 0 },
        files: vec![file("Observation.ndjson", 10_000), file("Condition.ndjson", 5_000)],
        versions: 90,
        bytes_in: 38_000_000,
        read_again: None,
        years: [(2004, [("Observation".to_string(), 90)].into()), (2007, [("Observation".to_string(), 70)].into())].into(),
        by_kind: vec![("Observation".into(), 10_000), ("Condition".into(), 5_000)],
        quarantine: vec![Quarantine {
            reason: "Line is not JSON".into(),
            count: 2,
            first: "Observation.ndjson line 771,204".into(),
        }],
        facts: vec![("Merkle root".into(), "9f2c 41d0 77ab".into())],
        sign_offs: vec![SignOffRow {
            at: "2026-11-06".into(),
            reviewer: "Dr. A. Quill".into(),
            accepted: true,
            note: "All 400 agree with their source.".into(),
            sampled: 400,
            seed: "7f3a91c2".into(),
            of_this_seal: true,
        }],
        declared: Some(Declared { from: "manifest.toml".into(), missing: vec![("NOTES.csv".into(), 7)], kinds: vec![] }),
    };
    let wrong = SignIn {
        user: "okafor".into(),
        next: "/".into(),
        asks_code: true,
        problem: Some("The name, the password or the code is not right.".into()),
        providers: vec![("Example Valley Health".into(), "/signin/start?issuer=x".into())],
        no_accounts: false,
    };
    vec![
        ("find".into(), find(&clinician, &ask)),
        ("find-none".into(), find(&clinician, &FindPage { q: "zzz", answer: Some(&none), ..FindPage::default() })),
        ("find-empty".into(), find(&clinician, &FindPage::default())),
        ("find-little".into(), find(&clinician, &FindPage { q: "a", ..FindPage::default() })),
        ("sign-in".into(), sign_in(&frame(None, "/signin"), &SignIn::default())),
        ("sign-in-wrong".into(), sign_in(&frame(None, "/signin"), &wrong)),
        ("not-here".into(), not_here(&clinician)),
        ("log-down".into(), log_down(&clinician, "K7-2291")),
        ("launch-stopped".into(), message(&clinician, &stopped())),
        ("accessions".into(), accessions(&archivist, std::slice::from_ref(&row), &[])),
        ("accession".into(), accession(&archivist, &report, &CodesFound::Counting, None)),
        ("search-all".into(), search_all(&frame(Some(Role::Him), "/search"), &asked("<b>", &TextHits::default()))),
        ("search-all-start".into(), search_all(&frame(Some(Role::Him), "/search"), &SearchPage::default())),
    ]
}

/// A launch whose patient the EHR and the archive tell differently.
fn stopped() -> Message {
    let side = |what, current: &str, archived: &str| Side {
        what,
        current: current.into(),
        archived: archived.into(),
        differs: current != archived,
    };
    Message {
        tone: Tone::Error,
        title: "This may be a different person. The chart was not opened.".into(),
        text: "HIM has been told. Check the patient in the EHR, and open the archive from there again.".into(),
        sides: vec![side("Name", "Quillfeather, M.", "Quillfeather, <b>Marian</b> A."), side("Born", "1957-03-14", "1957-03-14")],
        ..Message::default()
    }
}

fn asked<'a>(q: &'a str, found: &'a TextHits) -> SearchPage<'a> {
    SearchPage { q, found: Some(found), size: 10, ..SearchPage::default() }
}

/// What the content policy forbids, and what every page must have.
fn check(name: &str, html: &str) {
    assert!(html.ends_with("</html>"), "{name} is whole");
    assert_eq!(html.matches("<h1").count(), 1, "{name} has one h1");
    for bad in ["<script>", " style=", " onclick", "javascript:", "NaN", "inf\"", "href=\"http"] {
        assert!(!html.contains(bad), "{name} holds {bad}");
    }
    for (i, part) in html.split("<table").enumerate().skip(1) {
        assert!(part.contains("<caption"), "{name}, table {i} has a caption");
    }
}

#[test]
fn odd_records_make_whole_pages_without_markup_of_their_own() {
    for chart in odd_charts() {
        for (name, html) in chart_pages(&chart).into_iter().chain(other_pages(std::slice::from_ref(&chart))) {
            check(&name, &html);
        }
    }
}

#[test]
fn an_unreadable_date_and_a_missing_value_are_said() {
    let odd = &odd_charts()[0];
    let clinician = frame(Some(Role::Clinician), "/");
    let page = section(&clinician, odd, Section::Allergies, &Query::default());
    assert!(page.contains("not recorded"));
    let results = section(&clinician, odd, Section::Results, &Query::default());
    assert!(results.contains("Culture"), "a text-only result has its row");
}

#[test]
fn a_linked_key_stands_in_the_banner_and_beside_its_hit() {
    let charts = odd_charts();
    let clinician = frame(Some(Role::Clinician), "/patients/odd-1");
    let page = section(&clinician, &charts[1], Section::Summary, &Query::default());
    assert_eq!(page.matches("Open under this number").count(), 4);
    assert!(page.contains("And under 2 more numbers.") && page.contains("Linked with odd-1: by ann"));
    let answer = hits(&charts);
    let found = find(&clinician, &FindPage { q: "odd", answer: Some(&answer), page_size: 20, ..FindPage::default() });
    assert!(
        found.contains("Also known here as")
            && !section(&clinician, &charts[0], Section::Summary, &Query::default()).contains("Why one person?")
    );
}

/// Writes every page to the folder of `CHARTKEEP_GALLERY`, to be looked at in a browser.
#[test]
fn gallery() {
    let Ok(folder) = std::env::var("CHARTKEEP_GALLERY") else { return };
    let data = std::env::var("CHARTKEEP_GALLERY_DATA").unwrap_or_default();
    let mut by_patient: std::collections::BTreeMap<String, Vec<Value>> = std::collections::BTreeMap::new();
    for entry in std::fs::read_dir(&data).into_iter().flatten().flatten() {
        if entry.path().extension().is_some_and(|e| e == "ndjson") {
            for line in std::fs::read_to_string(entry.path()).unwrap().lines() {
                let mut v: Value = serde_json::from_str(line).unwrap();
                let own = v["id"].as_str().unwrap_or_default().to_string();
                if v["resourceType"] == "DocumentReference" {
                    v["content"][0]["attachment"]["url"] = format!("Binary/{own}-0").into();
                }
                let owner = v.get("subject").or_else(|| v.get("patient")).and_then(|r| r["reference"].as_str());
                let owner = owner.and_then(|r| r.strip_prefix("Patient/")).map_or(own, str::to_string);
                by_patient.entry(owner).or_default().push(v);
            }
        }
    }
    let mut charts: Vec<Chart> = by_patient.values().map(|v| chart(v)).collect();
    charts.sort_by_key(|c| std::cmp::Reverse(c.records.len()));
    let first = charts.first().cloned().unwrap_or_else(|| chart(&odd_patient()));
    charts.truncate(5);
    for (name, html) in chart_pages(&first).into_iter().chain(other_pages(&charts)) {
        std::fs::write(format!("{folder}/{name}.html"), html).unwrap();
    }
    for name in
        ["chartkeep.css", "widths.css", "oversight.css", "documents.css", "cda.css", "chartkeep.js", "documents.js", "mark.svg"]
            .into_iter()
            .map(str::to_string)
            .chain(fonts())
    {
        let path = format!("{folder}{}", Assets::url(&name));
        std::fs::create_dir_all(std::path::Path::new(&path).parent().unwrap()).unwrap();
        std::fs::write(path, Assets::get(&name).unwrap().0).unwrap();
    }
}

fn fonts() -> Vec<String> {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/web/static/fonts");
    std::fs::read_dir(dir).unwrap().flatten().map(|e| format!("fonts/{}", e.file_name().to_string_lossy())).collect()
}

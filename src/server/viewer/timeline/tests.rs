//! What the timeline says of encounters and of what names them, on a made-up chart.
//!
//! Not for: reading the records of a year out of an archive (`query::between`).

use serde_json::{Value, json};

use super::*;
use crate::model::{
    AccessionId, ArchiveId, ChartIndex, Coverage, Kind, KindCount, Label, PatientIdentity, PatientKey, Place, Record, When,
};

fn record(value: &Value, ordinal: u64) -> Record {
    let id = ArchiveId::parse(value["id"].as_str().unwrap()).unwrap();
    Record {
        kind: Kind::from_name(value["resourceType"].as_str().unwrap()).unwrap(),
        original_id: id.as_str().into(),
        id,
        patient: PatientKey::parse("p1"),
        place: Place { accession: AccessionId::parse("acc-0011223344556677").unwrap(), generation: 1, ordinal },
        source_system: "Meridian Ambulatory".into(),
        version: 1,
        label: Label::NORMAL,
        json: value.to_string().into(),
    }
}

/// A chart of these resources, oldest first as a chart is.
fn chart(resources: &[Value]) -> Chart {
    let records: Vec<Record> = resources.iter().zip(0..).map(|(value, at)| record(value, at)).collect();
    let mut counts: Vec<KindCount> = Vec::new();
    for record in &records {
        match counts.iter_mut().find(|count| count.kind == record.kind) {
            Some(count) => count.count += 1,
            None => counts.push(KindCount { kind: record.kind, count: 1 }),
        }
    }
    let coverage = Coverage {
        source_system: "Meridian Ambulatory".into(),
        first: When::parse("2015-01-01"),
        last: When::parse("2023-06-30"),
        records: records.len() as u64,
    };
    let index = ChartIndex {
        patient: PatientKey::parse("p1").unwrap(),
        identity: PatientIdentity::default(),
        counts,
        coverage: vec![coverage],
        cutover: When::parse("2023-06-30"),
        linked: Vec::new(),
    };
    Chart { index, records }
}

fn encounter(id: &str, class: &str, start: Option<&str>) -> Value {
    json!({"resourceType":"Encounter","id":id,"class":{"code":class},"type":[{"text":format!("Visit {id}")}],
        "period": start.map_or(json!({}), |start| json!({"start": start}))})
}

fn potassium(id: &str, date: &str, value: f64, encounter: Option<&str>) -> Value {
    let mut value = json!({"resourceType":"Observation","id":id,"category":[{"coding":[{"code":"laboratory"}]}],
        "code":{"coding":[{"code":"2823-3"}],"text":"Potassium"},"effectiveDateTime":date,
        "valueQuantity":{"value":value,"unit":"mmol/L"}});
    if let Some(encounter) = encounter {
        value["encounter"] = json!({"reference": format!("Encounter/{encounter}")});
    }
    value
}

fn example() -> Chart {
    chart(&[
        encounter("old", "AMB", Some("2005-03-01")),
        encounter("clinic", "AMB", Some("2022-02-02T09:00:00Z")),
        encounter("stay", "IMP", Some("2023-02-02")),
        encounter("none", "EMER", None),
        potassium("k1", "2023-02-02", 5.41, Some("stay")),
        potassium("k2", "2023-02-04", 4.9, Some("stay/_history/2")),
        potassium("k3", "2023-02-02", 4.27, None),
        potassium("k4", "2023-02-02", 4.3, Some("clinic")),
        potassium("k5", "2023-02-02", 4.3, Some("elsewhere")),
    ])
}

fn page(chart: &Chart, pairs: &[(&str, &str)]) -> String {
    let query = Query::new(pairs.iter().map(|(name, value)| ((*name).to_string(), (*value).to_string())).collect());
    timeline(&Frame::default(), chart, &query, YearRead::default())
}

#[test]
fn each_record_stands_where_its_source_tied_it_and_nowhere_else() {
    let chart = example();
    let closed = page(&chart, &[]);
    assert!(closed.contains("<h2 id=\"year-title\">2023</h2>"), "the newest year is open");
    assert!(closed.contains("<span>2 results</span>"), "{closed}");
    assert!(closed.contains("Not tied to any encounter in 2023:</strong> 1 result."), "{closed}");
    assert!(
        closed.contains("Of 2023, 1 record belongs to encounters of another year, and 1 record names an encounter that is not")
    );
    let open = page(&chart, &[("encounter", "stay")]);
    assert!(open.contains("5.41") && open.contains("to 4.9 mmol/L") && !open.contains("4.27"), "first to last value");
    let untied = page(&chart, &[("year", "2023"), ("untied", "1")]);
    assert!(untied.contains("4.27") && !untied.contains("5.41"));
}

#[test]
fn years_without_records_are_hatched_only_where_no_source_held_them() {
    let html = page(&example(), &[]);
    assert!(html.contains("gap hatched\"><span><b>2006–2014</b>"), "{html}");
    assert!(html.contains("gap\"><span><b>2015–2021</b><span class=\"sub\">no encounters"), "{html}");
    let drawn = html.matches("url(#hatch)").count();
    assert!(drawn >= 2, "the cutover's year is hatched after its day, and the banner: {drawn}");
}

#[test]
fn an_encounter_without_a_date_has_its_own_line() {
    let chart = example();
    assert!(page(&chart, &[]).contains("<b>No date</b>"));
    let undated = page(&chart, &[("year", "undated")]);
    assert!(undated.contains("Visit none") && undated.contains("date not recorded") && !undated.contains("Visit stay"));
    assert!(page(&chart, &[("encounter", "none")]).contains("id=\"open\""), "found by its id alone");
}

#[test]
fn a_year_with_thousands_of_encounters_is_paged_and_stays_small() {
    let day = |n: usize| format!("2021-{:02}-{:02}", n / 28 % 12 + 1, n % 28 + 1);
    let many: Vec<Value> = (0..3_000).map(|n| encounter(&format!("e{n}"), "AMB", Some(&day(n)))).collect();
    let html = page(&chart(&many), &[("year", "2021"), ("page", "75")]);
    assert!(html.contains("Encounters 2,961 to 3,000 of 3,000"), "{}", html.len());
    assert!(html.len() < 300_000 && html.matches("<li").count() < 200, "{} bytes", html.len());
}

#[test]
fn what_an_address_asks_for_is_a_year_or_the_newest() {
    let chart = example();
    for (pairs, asked) in [
        (vec![], Asked::Year(2023)),
        (vec![("year", "2005")], Asked::Year(2005)),
        (vec![("year", "undated")], Asked::Undated),
        (vec![("year", "99999999999")], Asked::Year(2023)),
        (vec![("encounter", "clinic")], Asked::Year(2022)),
        (vec![("encounter", "<b>")], Asked::Year(2023)),
    ] {
        let query = Query::new(pairs.iter().map(|(a, b): &(&str, &str)| (a.to_string(), b.to_string())).collect());
        assert_eq!(Asked::of(&chart, &query), asked, "{pairs:?}");
    }
}

fn procedure(id: &str, name: &str, date: Option<&str>, encounter: Option<&str>) -> Value {
    let mut value = json!({"resourceType":"Procedure","id":id,"code":{"text":name},"status":"completed"});
    if let Some(date) = date {
        value["performedDateTime"] = json!(date);
    }
    if let Some(encounter) = encounter {
        value["encounter"] = json!({"reference": format!("Encounter/{encounter}")});
    }
    value
}

#[test]
fn procedures_have_a_choice_with_years_of_their_own_and_say_in_which_encounter_they_were_done() {
    let chart = chart(&[
        encounter("clinic", "AMB", Some("2022-02-02T09:00:00Z")),
        encounter("stay", "IMP", Some("2023-02-02")),
        procedure("p1", "Arthroscopy", Some("2019-03"), None),
        procedure("p2", "Colonoscopy", Some("2022-02-02"), Some("clinic")),
        procedure("p3", "Biopsy", None, None),
    ]);
    let all = page(&chart, &[]);
    assert!(all.contains("Procedures 3") && all.contains("<h2 id=\"year-title\">2023</h2>"), "{all}");
    let listed = page(&chart, &[("setting", "procedure")]);
    assert!(listed.contains("<h2 id=\"year-title\">2022</h2>"), "the newest year with a procedure is open: {listed}");
    assert!(
        listed.contains("Colonoscopy") && listed.contains("in Visit clinic of 2022-02-02") && !listed.contains("Arthroscopy")
    );
    assert!(listed.contains("Procedures by month") && listed.contains("no procedures") && listed.contains("<b>No date</b>"));
    assert!(listed.contains("year=2019&#38;setting=procedure"), "{listed}");
    assert!(page(&chart, &[("setting", "procedure"), ("year", "2019")]).contains("Arthroscopy"));
}

#[test]
fn a_record_of_another_year_stands_with_the_encounter_that_it_names() {
    let mut late = potassium("k9", "2024-01-20", 3.33, Some("stay"));
    late["effectiveDateTime"] = json!("2024-01-20");
    let chart = chart(&[encounter("stay", "IMP", Some("2023-12-30")), late]);
    let asked = Asked::Year(2023);
    let (ids, last) = asked.encounters(&chart);
    assert!(ids.contains("stay") && ids.len() == 1 && last == When::parse("2023-12-30").map(|when| when.start_us()));
    assert!(belongs_to(&chart.records[1], &ids) && !belongs_to(&chart.records[0], &ids));
    let query = Query::new(vec![("year".into(), "2023".into()), ("encounter".into(), "stay".into())]);
    let day = |text: &str| When::parse(text).unwrap().start_us();
    let read = YearRead { passed_over: 0, span: Some((day("2022-12-01"), day("2024-04-02"))) };
    let html = timeline(&Frame::default(), &chart, &query, read);
    assert!(html.contains("3.33") && html.contains("1 record belongs to them"), "{html}");
    assert!(html.contains("what belongs to these encounters is looked for from 2022-12-01 to 2024-04-02"), "{html}");
}

//! Tests of profiles and drafts by behaviour: the traps of real extracts, each planted in a small table.
//!
//! Not for: the parts by themselves; those stand beside them.

use jiff::civil::date;

use super::draft::draft;
use super::{ColumnProfile, Profile, TableProfile, TableProfiler, notes};
use crate::formats::table::{RowCutter, detect, read_header};

/// The profile of files given as name and content.
fn profile(files: &[(&str, &str)]) -> Profile {
    let (mut profile, mut keys) = (Profile::default(), Vec::new());
    for (name, content) in files {
        let bytes = content.as_bytes();
        let (dialect, findings) = detect(bytes);
        let header = read_header(bytes, &dialect);
        let mut rows = Vec::new();
        RowCutter::new(&dialect).cut(bytes, true, &mut rows);
        let mut profiler = TableProfiler::new(name, dialect, &findings, &header, date(2025, 6, 1));
        for row in rows {
            profiler.see(&bytes[row.clone()], row.start as u64);
        }
        let (table, table_keys) = profiler.finish(bytes.len() as u64);
        profile.tables.push(table);
        keys.push(table_keys);
    }
    profile.link(&keys);
    profile
}

fn table(content: &str) -> TableProfile {
    profile(&[("t.csv", content)]).tables.remove(0)
}

/// The profile of one column of values.
fn column(values: &[&str]) -> ColumnProfile {
    let rows: String = values.iter().enumerate().map(|(n, value)| format!("r{n},{value}\n")).collect();
    table(&format!("row_id,x_date\n{rows}")).columns.remove(1)
}

fn codes(profile: &Profile) -> Vec<String> {
    notes(profile).into_iter().map(|note| format!("{}.{} {}", note.file, note.column, note.code)).collect()
}

#[test]
fn types_are_what_nearly_all_values_are() {
    for (values, kind) in [
        (&["1", "20", "-3"][..], "integer"),
        (&["1", "2.5", ".5"], "decimal"),
        (&["Y", "N", "Y"], "boolean"),
        (&["0", "1", "12"], "integer"),
        (&["2019-01-02", "2019-02-03"], "date"),
        (&["2019-01-02 03:04", "2019-02-03 04:05"], "datetime"),
        (&["20190102", "20190203"], "date"),
        (&["20199902", "20190299", "31415926"], "integer"),
        (&["3edac2e3-d223-6fae-d515-daf96ef6bc76", "3edac2e3-d223-6fae-d515-daf96ef6bc77"], "uuid"),
        (&["F", "M", "U", "F"], "code"),
        (&["a word", "two words"], "text"),
        (&["", "NULL", "\\N"], "empty"),
    ] {
        assert_eq!(column(values).kind, kind, "{values:?}");
    }
    let mostly = column(&["1"; 39].into_iter().chain(["x"]).collect::<Vec<_>>());
    assert_eq!((mostly.kind, mostly.conforming), ("integer", 97.5));
}

#[test]
fn nulls_zeros_in_front_and_spreadsheet_numbers_are_told() {
    let c = column(&["007", "1.23E+05", " 12 ", "NULL", "", "N/A", "NULL"]);
    assert_eq!(c.nulls.iter().map(|(token, n)| (token.as_str(), *n)).collect::<Vec<_>>(), [("", 1), ("N/A", 1), ("NULL", 2)]);
    assert_eq!((c.filled, c.zero_led, c.scientific, c.padded), (3, 1, 1, 1));
    assert_eq!((c.least.as_str(), c.greatest.as_str(), c.completeness()), ("007", "1.23E+05", 42.8));
}

#[test]
fn suspicious_dates_are_counted_and_left_out_of_the_range() {
    let c = column(&["2019-01-02", "1900-01-01", "2999-12-31", "0000-00-00", "2019-02-30", "2031-01-01", "1850-05-05"]);
    let dates = c.dates.expect("a column of dates");
    assert_eq!((dates.earliest.as_str(), dates.latest.as_str()), ("1850-05-05", "2031-01-01"));
    assert_eq!((dates.impossible, dates.before_1900, dates.in_future), (2, 1, 1));
    let sentinels: Vec<&str> = dates.sentinels.iter().map(|(day, _)| day.as_str()).collect();
    assert_eq!(sentinels, ["0000-00-00", "1900-01-01", "2999-12-31"]);
}

#[test]
fn day_and_month_stay_open_until_a_value_decides() {
    let formats = |values: &[&str]| {
        let dates = column(values).dates.expect("dates");
        (dates.formats.into_iter().map(|(format, _)| format).collect::<Vec<_>>(), dates.is_ambiguous)
    };
    assert_eq!(formats(&["01/02/2019", "03/04/2019"]), (vec!["%m/%d/%Y".to_string()], true));
    assert_eq!(formats(&["01/02/2019", "13/04/2019"]), (vec!["%d/%m/%Y".to_string()], false));
    assert_eq!(formats(&["01/02/2019", "12/24/2019"]), (vec!["%m/%d/%Y".to_string()], false));
}

#[test]
fn rows_that_cannot_be_read_and_rows_that_come_twice() {
    let t = table("id,name\n1,\"a\"\n2,b,c\n3,\"x\"y\n1,\"a\"\n4,d\n");
    assert_eq!((t.rows, t.faulty_rows(), t.duplicate_rows), (5, 2, 1));
    let fault = t.faults["field-count"];
    assert_eq!((fault.rows, fault.first_row, fault.first_offset), (1, 2, 14));
    assert_eq!(t.faults["quote"].first_row, 3);
}

#[test]
fn keys_links_and_orphans() {
    let patients: String = (1000..1100).map(|n| format!("{n},Name{n},1950-01-02\n")).collect();
    let visits: String = (0..300).map(|n| format!("{},{},2019-01-02\n", 1 + n, 1000 + n % 110)).collect();
    let profile = profile(&[
        ("PATIENT.csv", &format!("PATIENT_ID,NAME,DOB\n{patients}")),
        ("VISIT.csv", &format!("VISIT_ID,PATIENT_ID,VISIT_DATE\n{visits}")),
    ]);
    assert_eq!(profile.tables.iter().map(TableProfile::key).collect::<Vec<_>>(), [Some("PATIENT_ID"), Some("VISIT_ID")]);
    let [link] = profile.links.as_slice() else { panic!("{:?}", profile.links) };
    assert_eq!(
        (link.column.as_str(), link.parent_file.as_str(), link.parent_column.as_str()),
        ("PATIENT_ID", "PATIENT.csv", "PATIENT_ID")
    );
    assert_eq!((link.values, link.orphan_values, link.orphan_rows, link.is_exact), (100, 10, 20, true));
    assert!(codes(&profile).contains(&"VISIT.csv.PATIENT_ID orphans".to_string()));
}

#[test]
fn gaps_in_the_years_are_missing_extracts_but_thin_beginnings_are_not() {
    let years = (1990..2020).filter(|year| !(2008..2010).contains(year) && (*year > 2000 || *year == 1990));
    let rows: String =
        years.flat_map(|year| (0..if year == 1990 { 1 } else { 30 }).map(move |n| format!("{year}{n},{year}-03-04\n"))).collect();
    let t = table(&format!("id,taken\n{rows}"));
    let volume = t.volume.expect("a volume");
    assert_eq!((volume.column.as_str(), volume.gaps.as_slice()), ("taken", &[2008, 2009][..]));
}

#[test]
fn identifiers_in_a_column_of_codes_are_flagged() {
    let c = table("id,status_code,note\n1,A,call 555-123-4567\n2,999-12-3456,x\n");
    assert!(c.columns[1].has("identifiers-in-code-column") && !c.columns[2].has("identifiers-in-code-column"));
    assert_eq!((c.columns[1].ssn_like, c.columns[2].phone_like), (1, 1));
}

#[test]
fn memory_does_not_grow_with_the_rows() {
    let rows: String = (0..30_000).map(|n| format!("{n},{}\n", n % 7)).collect();
    let t = table(&format!("id,code\n{rows}"));
    assert_eq!((t.columns[0].distinct, t.columns[1].distinct, t.columns[1].top.len()), (30_000, 7, 7));
    assert_eq!(t.columns[1].top[0], ("0".to_string(), 4286));
}

#[test]
fn a_draft_names_patients_formats_and_doubts() {
    let profile = profile(&[
        (
            "PATIENTS.txt",
            "PATIENT_ID|LAST_NAME|FIRST_NAME|Date of Birth|SEX|SHOE SIZE\n100001|Li|Ann|01/13/1950|F|7\n100002|Ray|Bo|02/24/1960|M|9\n100003|Zed|Cy|03/05/1970|X|NULL\n",
        ),
        (
            "PROBLEMS.txt",
            "PROBLEM_ID|PATIENT_ID|CODE|DESCRIPTION|ONSET_DATE\n900001|100001|E11.9|Diabetes|2019-01-02\n900002|100002|I10|Pressure|1900-01-01\n900003|100002|J45.1|Asthma|2018-02-03\n",
        ),
    ]);
    let text = draft(&profile, "old");
    let file: toml::Table = text.parse().unwrap_or_else(|e| panic!("{e}\n{text}"));
    if let Err(e) = crate::mapping::settings::Settings::parse(&text) {
        panic!("{e}\n{text}");
    }
    assert_eq!(file["patients"]["column"].as_str(), Some("PATIENT_ID"));
    assert_eq!(file["null_tokens"].as_array().map(Vec::len), Some(1));
    assert_eq!(file["date_sentinels"][0].as_str(), Some("1900-01-01"));
    let (patients, problems) = (&file["table"][0]["emit"][0], &file["table"][1]["emit"][0]);
    assert_eq!(patients["resource"].as_str(), Some("Patient"));
    assert_eq!(patients["fields"]["birthDate"]["formats"][0].as_str(), Some("%m/%d/%Y"));
    assert_eq!(patients["fields"]["name[0]"]["family"].as_str(), Some("LAST_NAME"));
    assert_eq!(patients["residual"].as_bool(), Some(true));
    assert_eq!(problems["patient"].as_str(), Some("PATIENT_ID"));
    assert_eq!(problems["resource"].as_str(), Some("Condition"));
    assert!(text.contains("# X = \"\"  # ? what it stands for"), "{text}");
}

#[test]
fn a_draft_of_nothing_is_still_a_mapping_file() {
    for files in [&[][..], &[("a.csv", "")], &[("a\"b.csv", "x\ny,\"\n")]] {
        let text = draft(&profile(files), "old \"one\"");
        assert!(text.parse::<toml::Table>().is_ok(), "{text}");
    }
}

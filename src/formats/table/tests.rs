//! Tests of the table reader by behaviour: every trap of real extracts, and that it never matters how a file is cut into
//! blocks.
//!
//! Not for: mappings.

use proptest::prelude::*;

use super::*;
use crate::limits::{TABLE_FIELDS_MAX, TABLE_ROW_BYTES_MAX};

/// A file of the corpus; `None`, and a line saying so, without it.
fn corpus(name: &str) -> Option<Vec<u8>> {
    let Some(corpus) = std::env::var_os("CHARTKEEP_CORPUS") else {
        println!("not run: CHARTKEEP_CORPUS is not set");
        return None;
    };
    Some(std::fs::read(std::path::Path::new(&corpus).join(name)).expect("a file of the corpus"))
}

fn dialect(toml: &str) -> Dialect {
    #[derive(serde::Deserialize)]
    struct Holder {
        dialect: Dialect,
    }
    toml::from_str::<Holder>(&format!("dialect = {toml}")).expect("a dialect").dialect
}

/// The rows of a file, each as its fields or the code of its fault.
fn read(bytes: &[u8], dialect: &Dialect) -> Vec<Result<Vec<String>, &'static str>> {
    let mut ranges = Vec::new();
    assert_eq!(RowCutter::new(dialect).cut(bytes, true, &mut ranges), bytes.len());
    let mut scratch = Scratch::default();
    let parse = |range| {
        let row = Row::parse(&bytes[range], dialect, &mut scratch).map_err(|fault| fault.code)?;
        let fields: Vec<String> = row.iter().map(String::from).collect();
        assert!(
            fields.iter().enumerate().all(|(n, field)| row.get(n) == Some(field.as_str())) && row.get(fields.len()).is_none()
        );
        Ok(fields)
    };
    ranges.into_iter().map(parse).collect()
}

/// The same of a file that is read without a fault.
#[track_caller]
fn fields(bytes: &[u8], dialect: &Dialect) -> Vec<Vec<String>> {
    read(bytes, dialect).into_iter().map(|row| row.expect("a row without fault")).collect()
}

fn in_blocks(bytes: &[u8], dialect: &Dialect, sizes: &[usize]) -> Vec<std::ops::Range<usize>> {
    let (mut cutter, mut done, mut end, mut rows) = (RowCutter::new(dialect), 0, 0, Vec::new());
    let mut sizes = sizes.iter().cycle();
    while done < bytes.len() || end < bytes.len() {
        end = (end + sizes.next().copied().unwrap_or(1).max(1)).min(bytes.len());
        let mut items = Vec::new();
        let consumed = cutter.cut(&bytes[done..end], end == bytes.len(), &mut items);
        rows.extend(items.into_iter().map(|item| item.start + done..item.end + done));
        done += consumed;
    }
    rows
}

fn utf16(text: &str, is_little: bool) -> Vec<u8> {
    text.encode_utf16().flat_map(|unit| if is_little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
}

#[test]
fn quotes_hold_delimiters_line_ends_and_quotes() {
    let text = b"id,note\r\n1,\"a, \"\"b\"\"\r\nc\"\r\n\r\n2,5\" tall\r\n3,\"\"\r\n4,";
    let rows = fields(text, &Dialect::default());
    assert_eq!(rows, [["1", "a, \"b\"\r\nc"], ["2", "5\" tall"], ["3", ""], ["4", ""]]);
}

#[test]
fn backslashes_escape_quotes_delimiters_and_line_ends() {
    let quoted = dialect(r#"{ escape = "backslash", header = false }"#);
    let text = b"1,\"say \\\"hi\\\", \\\\ \nx\",a\\,b\n2,\\N,\\\\host\\share\n";
    assert_eq!(fields(text, &quoted), [["1", "say \"hi\", \\ \nx", "a,b"], ["2", "\\N", "\\host\\share"]]);
    let copy = dialect(r#"{ delimiter = "tab", quote = "none", escape = "backslash", header = false }"#);
    assert_eq!(fields(b"1\ta\\nb\\tc\\\nd\t\"x\n", &copy), [["1", "a\nb\tc\nd", "\"x"]]);
    // A delimiter that was escaped begins no field, so no quoted field begins behind it.
    assert_eq!(fields(b"a\\,\"b,c\n2,3\n", &quoted), [["a,\"b", "c"], ["2", "3"]]);
}

#[test]
fn a_bad_quote_costs_its_row_only() {
    let plain = dialect("{ header = false }");
    let rows = read(b"1,\"open\n2,\"good\"\n3,x\n4,\"a\"b\n5,\"last", &plain);
    let unclosed = Err("quote-unterminated");
    assert_eq!(rows[0], unclosed);
    assert_eq!(rows[1], Ok(vec!["2".into(), "good".into()]));
    assert_eq!(rows[2], Ok(vec!["3".into(), "x".into()]));
    assert_eq!((&rows[3], &rows[4], rows.len()), (&Err("quote"), &unclosed, 5));
    // With nothing behind it that looks like a quote, the bound ends the search; rows behind it are read.
    let mut long = b"1,\"open\n".to_vec();
    long.extend(std::iter::repeat_n(&b"2,plain\n"[..], TABLE_ROW_BYTES_MAX / 8 + 10).flatten());
    let mut ranges = Vec::new();
    RowCutter::new(&plain).cut(&long, true, &mut ranges);
    assert_eq!(ranges.len(), 1 + TABLE_ROW_BYTES_MAX / 8 + 10);
    assert_eq!(in_blocks(&long, &plain, &[1 << 20]), ranges);
}

#[test]
fn a_row_of_a_million_fields_is_refused_and_no_header() {
    let (plain, named) = (dialect("{ header = false }"), dialect("{ header = true }"));
    let wide = |fields: usize| vec![b','; fields - 1];
    assert_eq!(read(&wide(TABLE_FIELDS_MAX), &plain)[0].as_ref().map(Vec::len), Ok(TABLE_FIELDS_MAX));
    assert_eq!(read(&wide(1_000_000), &plain)[0], Err("too-many-fields"));
    assert!(super::read_header(&wide(1_000_000), &named).is_empty());
}

#[test]
fn utf16_is_cut_by_characters() {
    // U+0A0A holds the byte of a line feed twice, U+2C22 those of a comma and a quote.
    let text = "\u{feff}id,name\r\n1,\u{0a0a}\u{2c22}\r\n2,\"Ærø,\n😀\"\r\n";
    for (is_little, name) in [(true, "utf-16le"), (false, "utf-16be")] {
        let bytes = utf16(text, is_little);
        let (found, _) = detect(&bytes);
        assert_eq!(found.encoding.name(), name);
        assert_eq!(fields(&bytes, &found), [["1", "\u{0a0a}\u{2c22}"], ["2", "Ærø,\n😀"]]);
        assert_eq!(read_header(&bytes, &found), ["id", "name"]);
        assert_eq!(in_blocks(&bytes, &found, &[1]), in_blocks(&bytes, &found, &[1000]));
        // A file cut inside a character ends in a faulty row, not in a lost one.
        assert_eq!(read(&bytes[..bytes.len() - 7], &found).last(), Some(&Err("encoding")));
    }
    // Without its mark.
    assert_eq!(detect(&utf16("id;name\n1;a\n2;b\n", true)).0.encoding, TextEncoding::Utf16Le);
}

#[test]
fn encodings_are_told_and_wrong_bytes_are_faults() {
    let old = b"id,name\n1,M\xfcller\n2,Jos\xe9\n";
    let (found, findings) = detect(old);
    assert_eq!(found.encoding, TextEncoding::Windows1252);
    assert!(findings.iter().any(|f| f.code == "table.encoding" && f.offset == 11 && f.note.contains("windows-1252")));
    assert_eq!(fields(old, &found), [["1", "Müller"], ["2", "José"]]);
    assert_eq!(read(old, &Dialect::default()), [Err("encoding"), Err("encoding")]);
    let mixed = "id,name\n1,Müller\n2,Zoë\n3,Jos".bytes().chain(*b"\xe9\n").collect::<Vec<u8>>();
    let (found, _) = detect(&mixed);
    assert_eq!(found.encoding, TextEncoding::Mixed);
    assert_eq!(fields(&mixed, &found), [["1", "Müller"], ["2", "Zoë"], ["3", "José"]]);
}

#[test]
fn nul_bytes_end_marks_and_line_ends_of_all_kinds() {
    let comma = Dialect::default();
    let mut scratch = Scratch::default();
    let row = Row::parse(b"a\0\0,b", &comma, &mut scratch).unwrap();
    assert_eq!((row.get(0), row.get(1), row.nuls), (Some("a"), Some("b"), 2));
    assert_eq!(fields(b"h,i\n1,2\r\r\n\n3,4\n\x1a", &comma), [["1", "2"], ["3", "4"]]);
    let mac = b"id,x\r1,a\r2,\"b\rc\"\r";
    let (found, _) = detect(mac);
    assert_eq!(fields(mac, &found), [["1", "a"], ["2", "b\rc"]]);
    // SQL Server's bcp: CR LF between rows, single line feeds in fields, no quotes.
    let bcp = b"id|note|by\r\n1|first\nsecond|x\r\n2|plain|y\r\n3|a\nb\nc|z\r\n4|d|w\r\n";
    let (found, _) = detect(bcp);
    assert_eq!(found.line_end, LineEnd::Crlf);
    assert_eq!(fields(bcp, &found)[0], ["1", "first\nsecond", "x"]);
}

#[test]
fn a_cut_off_file_keeps_its_last_line() {
    assert_eq!(fields(b"id,name\n1,a\n2,b", &Dialect::default()), [["1", "a"], ["2", "b"]]);
    assert_eq!(fields(b"id,name", &Dialect::default()).len(), 0);
    assert_eq!(fields(b"", &Dialect::default()).len(), 0);
    let mut scratch = Scratch::default();
    let fault = Row::parse(b"2", &Dialect::default(), &mut scratch).unwrap().expect_fields(2).unwrap_err();
    assert_eq!((fault.code, fault.field), ("field-count", 1));
}

#[test]
fn fixed_width_counts_characters() {
    let text = "00017Ærø  19500102\n00018Li   19600304\n00019Long\n00020Li   19600304surplus\n";
    let columns = r#"{ columns = [{ name = "id", start = 1, len = 5 }, { name = "name", start = 6, len = 5 }, { name = "born", start = 11, len = 8 }] }"#;
    let rows = read(text.as_bytes(), &dialect(columns));
    assert_eq!(rows[0], Ok(vec!["00017".into(), "Ærø".into(), "19500102".into()]));
    assert_eq!(rows[2], Ok(vec!["00019".into(), "Long".into(), String::new()]));
    assert_eq!(rows[3], Err("field-count"));
    let spaced = b"ID    NAME     BORN\n00017 Smith    19500102\n00018 Li       19600304\n00019 O'Hara   19700506\n";
    let (found, _) = detect(spaced);
    assert_eq!(read_header(spaced, &found), ["ID", "NAME", "BORN"]);
    assert_eq!(fields(spaced, &found)[2], ["00019", "O'Hara", "19700506"]);
}

#[test]
fn dialects_are_found() {
    for (text, wanted) in [
        ("id\tname\n1\tA, B\n2\tC, D\n", r#"{ delimiter = "tab", quote = '"', header = true, encoding = "utf-8" }"#),
        ("id|name|at\n1|\"A\"|12:30\n2|C|12:31\n", r#"{ delimiter = "|", quote = '"', header = true, encoding = "utf-8" }"#),
        ("1;Smith;1950-01-02\n2;Li;1960-03-04\n", r#"{ delimiter = ";", quote = '"', header = false, encoding = "utf-8" }"#),
        (
            "id,h\n1,5\" tall\n2,\"6 ft\n3,\"7 ft\n4,x\n",
            r#"{ delimiter = ",", quote = "none", header = true, encoding = "utf-8" }"#,
        ),
        (
            "id,note\n1,\"say \\\"hi\\\", he\"\n2,\"b\"\n",
            r#"{ delimiter = ",", quote = '"', escape = "backslash", header = true, encoding = "utf-8" }"#,
        ),
        (
            "1\tSmith\t\\N\n2\tLi\ta\\tb\n",
            r#"{ delimiter = "tab", quote = "none", escape = "backslash", header = false, encoding = "utf-8" }"#,
        ),
        ("a^b^c\n1^2^3\n4^5^6\n", r#"{ delimiter = "^", quote = '"', header = true, encoding = "utf-8" }"#),
    ] {
        let (found, _) = detect(text.as_bytes());
        assert_eq!(found.to_toml(), wanted, "{text}");
        assert_eq!(dialect(&found.to_toml()), found);
    }
    let (found, findings) = detect(b"just one column\nof words\n");
    assert!(findings.iter().any(|f| f.code == "table.one-column"), "{found:?} {findings:?}");
}

#[test]
fn a_dialect_that_cannot_be_is_refused() {
    for wrong in [
        r#"{ delimiter = "::" }"#,
        r#"{ delimiter = "none" }"#,
        r#"{ delimiter = "\"" }"#,
        r#"{ delimiter = "é" }"#,
        r#"{ quotes = "x" }"#,
        r#"{ encoding = "latin-9" }"#,
        r#"{ names = ["a"] }"#,
        r#"{ columns = [] }"#,
        r#"{ columns = [{ name = "a", start = 0, len = 1 }] }"#,
        r#"{ delimiter = ",", columns = [{ name = "a", start = 1, len = 1 }] }"#,
    ] {
        assert!(toml::from_str::<std::collections::HashMap<String, Dialect>>(&format!("dialect = {wrong}")).is_err(), "{wrong}");
    }
}

#[test]
fn the_spectrum_of_csv_files() {
    let wanted: [(&str, Vec<Vec<&str>>); 8] = [
        ("comma_in_quotes", vec![vec!["John", "Doe", "120 any st.", "Anytown, WW", "08123"]]),
        ("empty", vec![vec!["1", "", ""], vec!["2", "3", "4"]]),
        ("escaped_quotes", vec![vec!["1", "ha \"ha\" ha"], vec!["3", "4"]]),
        ("json", vec![vec!["1", "{\"type\": \"Point\", \"coordinates\": [102.0, 0.5]}"]]),
        ("newlines", vec![vec!["1", "2", "3"], vec!["Once upon \na time", "5", "6"], vec!["7", "8", "9"]]),
        ("quotes_and_newlines", vec![vec!["1", "ha \n\"ha\" \nha"], vec!["3", "4"]]),
        ("simple", vec![vec!["1", "2", "3"]]),
        ("utf8", vec![vec!["1", "2", "3"], vec!["4", "5", "ʤ"]]),
    ];
    for (name, wanted) in wanted {
        let Some(bytes) = corpus(&format!("csv/csv-spectrum/{name}.csv")) else { return };
        let (found, _) = detect(&bytes);
        assert_eq!(found, Dialect::default(), "{name}");
        assert_eq!(fields(&bytes, &found), wanted, "{name}");
    }
}

proptest! {
    #[test]
    fn blocks_of_any_size_give_the_same_rows(
        bytes in proptest::collection::vec(prop_oneof![
            4 => prop::sample::select(&b",\"\n\r\\a\0"[..]), 1 => any::<u8>()], 0..200),
        sizes in proptest::collection::vec(1usize..20, 1..8),
        which in 0usize..DIALECTS.len(),
    ) {
        let dialect = dialect(DIALECTS[which]);
        let whole = in_blocks(&bytes, &dialect, &[1000]);
        prop_assert_eq!(in_blocks(&bytes, &dialect, &sizes), whole.clone());
        let mut end = 0;
        for row in whole {
            prop_assert!(row.start >= end && row.end > row.start && row.end <= bytes.len());
            end = row.end;
        }
        read(&bytes, &dialect);
        let (found, _) = detect(&bytes);
        read(&bytes, &found);
        read_header(&bytes, &found);
    }

    #[test]
    fn what_is_written_is_read(rows in proptest::collection::vec(proptest::collection::vec("[a,\"\n\r é]{0,6}", 2..3), 1..6)) {
        let quoted = |field: &String| format!("\"{}\"", field.replace('"', "\"\""));
        let lines: Vec<String> = rows.iter().map(|row| row.iter().map(quoted).collect::<Vec<_>>().join(",")).collect();
        let text = format!("h,i\n{}\n", lines.join("\n"));
        prop_assert_eq!(fields(text.as_bytes(), &Dialect::default()), rows);
    }
}

const DIALECTS: [&str; 8] = [
    "{}",
    "{ header = false, encoding = \"utf-16le\" }",
    "{ encoding = \"utf-16be\", escape = \"backslash\" }",
    "{ escape = \"backslash\", header = false }",
    "{ quote = \"none\", escape = \"backslash\", encoding = \"windows-1252\" }",
    "{ line_end = \"crlf\", header = false, encoding = \"utf-8-or-windows-1252\" }",
    "{ line_end = \"cr\" }",
    "{ columns = [{ name = \"a\", start = 2, len = 3 }, { name = \"b\", start = 1, len = 9 }] }",
];

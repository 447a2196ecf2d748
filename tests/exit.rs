//! The exit: with our software absent, a Python script gives back every record and document byte for byte, and DuckDB
//! reads every table.
//!
//! Not for: `chartkeep export`. Needs `python3` and PyPI; the environment is kept in `target/test-venv`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::sealed::{Fixture, files_below, succeed, text};

const PACKAGES: [&str; 2] = ["zstandard", "duckdb"];

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?} cannot be started: {e}"));
    assert!(output.status.success(), "{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A Python with the packages; made once.
fn python() -> PathBuf {
    python_with("test-venv", &PACKAGES, &PACKAGES.join(", "))
}

/// A Python in an environment of its own with these packages, of which these names can be imported; made once.
pub fn python_with(environment: &str, packages: &[&str], imports: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name(environment);
    let python = dir.join("bin/python");
    let imports = format!("import {imports}");
    let is_ready = || Command::new(&python).args(["-c", &imports]).output().is_ok_and(|o| o.status.success());
    if !is_ready() {
        run(Command::new("python3").args(["-m", "venv", text(&dir)]));
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(packages));
    }
    python
}

/// The lines of the delivery's files of records, trimmed, each once.
fn delivered_lines(delivery: &Path) -> BTreeSet<Vec<u8>> {
    let files = files_below(delivery).into_iter().filter(|f| f.extension().is_some_and(|e| e == "ndjson"));
    files
        .flat_map(|f| std::fs::read(f).unwrap().split(|b| *b == b'\n').map(|l| l.trim_ascii().to_vec()).collect::<Vec<_>>())
        .filter(|line| !line.is_empty())
        .collect()
}

#[test]
fn records_documents_and_tables_are_read_without_chartkeep() {
    let fixture = Fixture::new(12, 3);
    let python = python();
    let accession = fixture.accession();
    let out = fixture.delivery.with_file_name("out");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("ops/exit/read_archive.py");
    run(Command::new(&python).args([text(&script), text(&accession), text(&out)]));
    records_are_those_delivered(&fixture, &out);
    documents_are_those_delivered(&fixture, &out);
    tables_have_the_rows_of_the_charts(&python, &accession, &out);
    // Packed smaller, it reads the same.
    succeed(&["compact", text(&fixture.archive)]);
    let again = fixture.delivery.with_file_name("again");
    run(Command::new(&python).args([text(&script), text(&accession), text(&again)]));
    let content = |dir: &Path| -> Vec<(PathBuf, Vec<u8>)> {
        let files = files_below(dir).into_iter();
        files.map(|f| (f.strip_prefix(dir).unwrap().to_path_buf(), std::fs::read(&f).unwrap())).collect()
    };
    assert!(content(&out) == content(&again), "the compacted accession reads otherwise");
}

fn written_lines(out: &Path) -> BTreeMap<String, Vec<Vec<u8>>> {
    let files = files_below(out).into_iter().filter(|f| f.extension().is_some_and(|e| e == "ndjson"));
    files
        .map(|f| {
            let kind = f.file_stem().unwrap().to_string_lossy().into_owned();
            let lines = std::fs::read(&f).unwrap().split(|b| *b == b'\n').filter(|l| !l.is_empty()).map(<[u8]>::to_vec).collect();
            (kind, lines)
        })
        .collect()
}

fn seal(accession: &Path) -> Value {
    let note = std::fs::read_to_string(accession.join("seal.json")).unwrap();
    serde_json::Deserializer::from_str(&note).into_iter::<Value>().next().unwrap().unwrap()
}

fn records_are_those_delivered(fixture: &Fixture, out: &Path) {
    let seal = seal(&fixture.accession());
    let written: Vec<Vec<u8>> = written_lines(out).into_values().flatten().collect();
    assert_eq!(written.len() as u64, seal["records"].as_u64().unwrap());
    let written: BTreeSet<Vec<u8>> = written.into_iter().collect();
    assert_eq!(written.len() as u64, seal["records"].as_u64().unwrap(), "a record was written twice");
    let delivered = delivered_lines(&fixture.delivery);
    assert!(written.is_subset(&delivered), "a record differs from what was delivered");
    // What is left is what was quarantined: kept whole.
    let kept: BTreeSet<Vec<u8>> = files_below(&out.join("documents/kept")).iter().map(|f| std::fs::read(f).unwrap()).collect();
    assert!(delivered.difference(&written).all(|line| kept.contains(line)), "a line is neither a record nor kept");
}

fn documents_are_those_delivered(fixture: &Fixture, out: &Path) {
    let came = files_below(&fixture.delivery);
    let others = came.iter().filter(|f| !f.extension().is_some_and(|e| e == "ndjson" || e == "json"));
    let mut count = 0;
    for path in others {
        let name = path.strip_prefix(&fixture.delivery).unwrap();
        let written = std::fs::read(out.join("documents/delivered").join(name)).unwrap();
        assert!(written == std::fs::read(path).unwrap(), "{} differs", name.display());
        count += 1;
    }
    assert!(count > 0, "the delivery holds no files beside the records");
    let attached = files_below(&out.join("documents/attached")).len() as u64;
    assert_eq!(attached, seal(&fixture.accession())["documents"].as_u64().unwrap());
}

fn tables_have_the_rows_of_the_charts(python: &Path, accession: &Path, out: &Path) {
    let program = "import duckdb, json, pathlib, sys\n\
        tables = sorted(pathlib.Path(sys.argv[1]).glob('*/tables/*'))\n\
        count = lambda t: duckdb.sql(f\"select count(*) from '{t}/*.parquet'\").fetchall()[0][0]\n\
        print(json.dumps({t.name: count(t) for t in tables}))";
    let counted: BTreeMap<String, u64> =
        serde_json::from_str(&run(Command::new(python).args(["-c", program, text(accession)]))).unwrap();
    let written = written_lines(out);
    assert!(counted.len() > 20, "{counted:?}");
    for (kind, rows) in counted {
        assert_eq!(Some(rows as usize), written.get(&kind).map(Vec::len), "rows of {kind}");
    }
    // The ledger tells the same by itself.
    let program = "import duckdb, json, sys\n\
        rows = duckdb.sql(f\"select kind, count(*) from '{sys.argv[1]}/0001/ledger/records.parquet' \
        where outcome <> 'envelope' group by kind\").fetchall()\n\
        print(json.dumps(dict(rows)))";
    let ledger: Value = serde_json::from_str(&run(Command::new(python).args(["-c", program, text(accession)]))).unwrap();
    assert_eq!(
        ledger.as_object().map(|o| o.iter().collect::<BTreeMap<_, _>>()),
        seal(accession)["by_kind"].as_object().map(|o| o.iter().collect())
    );
}

//! The house rules: what may import what, how a file opens, where files are written and routes made, and that the
//! documents say what is true.
//!
//! Not for: what the product does.

mod source;

use std::collections::{BTreeMap, BTreeSet};

use crate::support::chartkeep;
use source::{Source, file, files, product};

const LINES_MAX: usize = 600;

/// Fails with all breaches at once.
#[track_caller]
fn demand(rule: &str, breaches: Vec<String>) {
    assert!(breaches.is_empty(), "{rule}:\n  {}", breaches.join("\n  "));
}

/// One row of the table in ARCHITECTURE.md.
struct Row {
    layer: u32,
    may: BTreeSet<String>,
}

/// The layer table as ARCHITECTURE.md states it: `| layer | modules | what | may import |`. In the last column `0–1`
/// stands for all modules of these layers.
fn layers() -> BTreeMap<String, Row> {
    let text = file("ARCHITECTURE.md").text;
    let table = text.split("| layer | module |").nth(1).expect("ARCHITECTURE.md has the layer table");
    let rows: Vec<(u32, Vec<&str>, &str)> = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            (cells[0].parse().expect("a layer is a number"), quoted(cells[1]), cells[3])
        })
        .collect();
    let of_layers = |first: u32, last: u32| {
        rows.iter().filter(move |row| (first..=last).contains(&row.0)).flat_map(|row| row.1.iter().map(ToString::to_string))
    };
    let mut layers = BTreeMap::new();
    for (layer, modules, allowed) in &rows {
        let mut may: BTreeSet<String> = quoted(allowed).into_iter().map(String::from).collect();
        if let Some((first, last)) = allowed.split(',').next().and_then(|range| range.split_once('–')) {
            may.extend(of_layers(first.parse().expect("a layer"), last.parse().expect("a layer")));
        } else if let Ok(only) = allowed.split(',').next().unwrap_or_default().parse() {
            may.extend(of_layers(only, only));
        }
        for module in modules {
            layers.insert((*module).to_string(), Row { layer: *layer, may: may.clone() });
        }
    }
    layers
}

/// The words between backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn modules_import_only_what_the_layer_table_allows() {
    let layers = layers();
    let mut breaches = Vec::new();
    for (module, row) in &layers {
        let upward = row.may.iter().filter(|other| layers.get(*other).is_none_or(|other| other.layer > row.layer));
        breaches.extend(upward.map(|other| format!("the table lets {module} import {other}, which is above it or nowhere")));
        let mutual = row.may.iter().filter(|other| layers.get(*other).is_some_and(|other| other.may.contains(module)));
        breaches.extend(mutual.map(|other| format!("the table lets {module} and {other} import each other")));
    }
    for source in product() {
        match source.module() {
            "lib" => {
                let declared = source.text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
                let missing = declared.filter(|module| !layers.contains_key(*module));
                breaches.extend(missing.map(|module| format!("{module} is not in the table")));
            }
            "main" => {
                let others = source.text.matches("chartkeep::").count() - source.text.matches("chartkeep::commands::").count();
                breaches.extend((others > 0).then(|| format!("{} may name commands only", source.name)));
            }
            module => {
                let row = layers.get(module).unwrap_or_else(|| panic!("{} belongs to no module of the table", source.name));
                let names = source.names();
                let outside = names.iter().filter(|name| !row.may.contains(*name));
                breaches.extend(outside.map(|name| format!("{} imports {name}", source.name)));
            }
        }
    }
    demand("imports outside the layer table of ARCHITECTURE.md", breaches);
}

#[test]
fn the_server_cannot_name_the_store_and_render_cannot_read() {
    let layers = layers();
    for absent in ["store", "index", "ingest", "sources"] {
        assert!(!layers["server"].may.contains(absent), "the table must keep {absent} from the server");
    }
    let render: Vec<&str> = layers["render"].may.iter().map(String::as_str).collect();
    assert_eq!(render, ["formats", "limits", "model"], "render gets values and gives bytes");
    let reads = ["std::fs", "std::net", "std::env", "std::process"];
    demand("render, formats and model read nothing", uses(&["render", "formats", "model"], &reads, &[]));
}

/// Places in the product that use one of `words`, in the modules named (all when none), but for the files allowed.
fn uses(modules: &[&str], words: &[&str], allowed: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for source in product() {
        let asked = modules.is_empty() || modules.contains(&source.module());
        if asked && !allowed.iter().any(|prefix| source.name.starts_with(prefix)) {
            let used = words.iter().filter(|word| has_word(&source.text, word));
            found.extend(used.map(|word| format!("{} uses {word}", source.name)));
        }
    }
    found
}

/// Whether `text` holds `word`, not as the end of a longer name.
fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

#[test]
fn only_the_gate_makes_permits() {
    let mut breaches = Vec::new();
    for source in product().iter().filter(|source| source.module() != "access") {
        for maker in ["Permit {", "Maintenance {", "Audited {", "Audited("] {
            let made = source.text.match_indices(maker).filter(|(at, _)| {
                let before = source.text[..*at].trim_end();
                let is_part_of_a_name = source.text[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
                !is_part_of_a_name && !["->", "impl", "for", "&", "mut"].iter().any(|word| before.ends_with(word))
            });
            breaches.extend(made.map(|_| format!("{} makes {maker}", source.name)));
        }
    }
    demand("permits and audited answers are made in access alone", breaches);
}

#[test]
fn routes_are_made_in_one_place() {
    let routing = ["web::get", "web::post", "web::route", "web::resource", "web::scope", ".route(", "#[get(", "#[post("];
    demand("actix-web routing outside the router", uses(&[], &routing, &["src/server/router.rs", "src/server/routes.rs"]));
}

#[test]
fn files_are_written_through_durable() {
    let writing = [
        "fs::write(",
        "fs::rename(",
        "fs::remove",
        "fs::create",
        "fs::copy(",
        "fs::hard_link(",
        "fs::set_permissions(",
        "File::create",
        "OpenOptions",
    ];
    let allowed = [
        "src/durable",
        // A made-up delivery can be made again, and is not synced.
        "src/synth/delivery.rs",
        // Scratch of an ingest, which is worth nothing after a crash.
        "src/sources/scratch.rs",
        "src/ingest/spill.rs",
        "src/ingest/gather.rs",
        // Takes the folder of private keys away from others; writes nothing.
        "src/signing/ring.rs",
    ];
    demand("files are created, changed or removed outside durable", uses(&[], &writing, &allowed));
}

#[test]
fn connections_are_opened_by_outbound_alone() {
    let opening = ["ureq::", "TcpStream", "UdpSocket", "ClientConnection", "ToSocketAddrs"];
    demand("network connections are opened outside outbound", uses(&[], &opening, &["src/outbound/"]));
}

#[test]
fn nothing_is_unsafe_or_left_to_do() {
    assert!(file("Cargo.toml").text.contains("unsafe_code = \"forbid\""));
    let words = ["unsafe ", "todo!(", "unimplemented!(", "dbg!("];
    demand("unsafe or unfinished code", uses(&[], &words, &[]));
    let mut breaches = Vec::new();
    let all = files("src", &[".rs"]).into_iter().chain(files("tests", &[".rs"]));
    // This file has to name the marks that it looks for.
    for source in all.filter(|source| source.name != "tests/house.rs") {
        let marks = ["FIXME", "TODO", "#[ignore"].into_iter().filter(|mark| source.text.contains(mark));
        breaches.extend(marks.map(|mark| format!("{}: {mark}", source.name)));
    }
    demand("work left for later, or tests that do not run", breaches);
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    let mut breaches = Vec::new();
    for source in ["src", "tests", "benches"].iter().flat_map(|folder| files(folder, &[".rs"])) {
        let head: Vec<&str> = source.text.lines().map_while(|line| line.strip_prefix("//!")).collect();
        let head = head.iter().flat_map(|line| line.split_whitespace()).collect::<Vec<_>>().join(" ");
        // A case that must not compile is one sentence long: its name and its head say all there is.
        let is_case = source.name.starts_with("tests/compile_fail/");
        if !head.contains('.') || !(is_case || head.contains("Not for")) {
            breaches.push(format!("{}: opens with `//!`, what it is for, and a line \"Not for: …\"", source.name));
        }
    }
    let opens = |source: &Source, with: &[&str]| with.iter().any(|start| source.text.trim_start().starts_with(start));
    for (folder, ending, with) in [
        ("web", ".html", &["{#"][..]),
        ("web", ".css", &["/*"]),
        ("web", ".js", &["//", "/*"]),
        ("ops", ".py", &["#", "\"\"\""]),
        ("tests", ".py", &["#", "\"\"\""]),
        ("ops", ".sh", &["#"]),
        ("src", ".sql", &["--"]),
        ("schemas", ".toml", &["#", "kind = "]),
    ] {
        let bare = files(folder, &[ending]).into_iter().filter(|source| !opens(source, with));
        breaches.extend(bare.map(|source| format!("{}: opens with a comment", source.name)));
    }
    // A table's schema says what the table is in a member of its own, which the documentation shows.
    let silent = files("schemas/tables", &[".toml"]).into_iter().filter(|source| !source.text.contains("\nmeaning = \""));
    breaches.extend(silent.map(|source| format!("{}: has a `meaning`", source.name)));
    for name in ["Cargo.toml", "rustfmt.toml", "askama.toml", "clippy.toml"] {
        breaches.extend((!file(name).text.starts_with('#')).then(|| format!("{name}: opens with a comment")));
    }
    demand("files that do not say what they are for", breaches);
}

#[test]
fn files_stay_short() {
    let folders = ["src", "tests", "benches", "web", "ops"];
    let all = folders.iter().flat_map(|folder| files(folder, &[".rs", ".py", ".js", ".css", ".html", ".sh"]));
    let long = all.filter(|source| source.text.lines().count() >= LINES_MAX);
    demand("files too long to be one thing", long.map(|source| source.name).collect());
}

/// Commands that a help text lists.
fn listed(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    lines.take_while(|line| line.starts_with("  ")).filter_map(|line| Some(line.split_whitespace().next()?.to_string())).collect()
}

#[test]
fn every_command_explains_itself_with_an_example() {
    let mut waiting: Vec<Vec<String>> = listed(&chartkeep(["--help"]).expect(0).stdout).into_iter().map(|c| vec![c]).collect();
    assert!(waiting.len() > 5, "{waiting:?}");
    let mut breaches = Vec::new();
    while let Some(words) = waiting.pop() {
        let help = chartkeep(words.iter().map(String::as_str).chain(["--help"])).expect(0).stdout;
        let below = listed(&help);
        if below.is_empty() && !help.contains(&format!("chartkeep {}", words.join(" "))) {
            breaches.push(format!("chartkeep {} --help shows no example of itself", words.join(" ")));
        }
        waiting.extend(below.into_iter().filter(|word| word != "help").map(|word| [words.clone(), vec![word]].concat()));
    }
    demand("commands without an example", breaches);
}

#[test]
fn the_readme_names_the_commands_that_there_are() {
    let readme = file("README.md").text;
    for command in ["\ncargo run --release -- demo\n", "\nops/test\n"] {
        assert!(readme.contains(command), "README.md states {command:?} on a line of its own");
    }
    let there_are: BTreeSet<String> = listed(&chartkeep(["--help"]).expect(0).stdout).into_iter().collect();
    let words = |lead: &str| -> BTreeSet<String> {
        let after = readme
            .split(lead)
            .skip(1)
            .map(|rest| rest.chars().take_while(|c: &char| c.is_ascii_lowercase() || *c == '-').collect());
        after.filter(|word: &String| !word.is_empty()).collect()
    };
    let named: BTreeSet<String> = words("`chartkeep ").union(&words("cargo run --release -- ")).cloned().collect();
    assert_eq!(named, there_are, "left: commands that README.md names; right: commands that the binary has");
}

#[test]
fn documents_name_files_that_exist() {
    let top = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut breaches = Vec::new();
    for name in ["README.md", "ARCHITECTURE.md", "EVIDENCE.md", "ops/README.md", "ops/asvs.md"] {
        let document = file(name);
        for word in quoted(&document.text) {
            let is_path =
                ["src/", "tests/", "web/", "ops/", "schemas/", "benches/", ".ci/"].iter().any(|top| word.starts_with(top));
            let is_plain = !word.contains(['*', '<', ' ', '\n']);
            if is_path && is_plain && !top.join(word.split("::").next().unwrap_or(word)).exists() {
                breaches.push(format!("{name} names {word}"));
            }
        }
    }
    demand("documents that name files that do not exist", breaches);
}

//! The project's own files as the house rules see them: which there are, their code without tests and comments, and
//! what of the crate they name.
//!
//! Not for: the rules.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A file of this project.
pub struct Source {
    /// From the top of the project, with `/`.
    pub name: String,
    pub text: String,
}

/// All files below a folder of the project whose names end so.
pub fn files(folder: &str, endings: &[&str]) -> Vec<Source> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders = vec![top.join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if endings.iter().any(|ending| path.to_string_lossy().ends_with(ending)) {
                found.push(read(top, path));
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// One file of the project.
pub fn file(name: &str) -> Source {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    read(top, top.join(name))
}

fn read(top: &Path, path: PathBuf) -> Source {
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let name = path.strip_prefix(top).expect("below the top").to_string_lossy().replace('\\', "/");
    Source { name, text }
}

/// The product's code: every file of `src/` without its tests.
pub fn product() -> Vec<Source> {
    let mut sources = files("src", &[".rs"]);
    let tests: BTreeSet<String> = sources.iter().flat_map(test_files).collect();
    let is_test = |name: &str| tests.iter().any(|test| name.strip_prefix(test).is_some_and(|rest| rest.starts_with(['.', '/'])));
    sources.retain(|source| !is_test(&source.name));
    for source in &mut sources {
        source.text = code(&source.text);
    }
    sources
}

/// Files that a file declares for tests only, as paths without the ending: `#[cfg(test)] mod x;`, with or without a
/// `#[path]` of its own.
fn test_files(source: &Source) -> Vec<String> {
    let here = source.name.rsplit_once('/').map_or("", |(folder, _)| folder);
    let below = source.name.trim_end_matches("/mod.rs").trim_end_matches("/lib.rs").trim_end_matches(".rs");
    let mut found = Vec::new();
    for item in source.text.split("#[cfg(test)]\n").skip(1) {
        let mut lines = item.lines().map(str::trim);
        let first = lines.next().unwrap_or_default();
        if let Some(file) = first.strip_prefix("#[path = \"").and_then(|rest| rest.strip_suffix(".rs\"]")) {
            found.push(format!("{here}/{file}"));
        } else if let Some((_, name)) = first.strip_suffix(';').and_then(|item| item.rsplit_once("mod ")) {
            found.push(format!("{below}/{name}"));
        }
    }
    found
}

/// Text without comments and without what is compiled for tests only. Relies on the form that rustfmt gives.
fn code(text: &str) -> String {
    let mut kept = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim() == "#[cfg(test)]" {
            let closing = format!("{}}}", &line[..line.len() - line.trim_start().len()]);
            // One item: attributes, then a line that ends it or opens a block that another line closes.
            let first = lines.by_ref().find(|line| !line.trim_start().starts_with("#[")).unwrap_or_default();
            if first.ends_with('{') {
                lines.by_ref().find(|line| **line == closing);
            }
        } else if !line.trim_start().starts_with("//") {
            kept.push_str(line.split(" // ").next().unwrap_or(line));
            kept.push('\n');
        }
    }
    kept
}

impl Source {
    /// The module of the crate's top level that this file belongs to.
    pub fn module(&self) -> &str {
        let below = self.name.strip_prefix("src/").unwrap_or(&self.name);
        below.split(['/', '.']).next().unwrap_or(below)
    }

    /// Top-level modules of the crate that this file names, by `crate::` or by enough of `super::`.
    pub fn names(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for (at, _) in self.text.match_indices("crate::") {
            if !self.text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
                found.extend(heads(&self.text[at + "crate::".len()..]));
            }
        }
        let is_folder = self.name.ends_with("/mod.rs");
        let depth = self.name.matches('/').count() - usize::from(is_folder);
        let way_up = "super::".repeat(depth);
        if depth > 0 {
            for (at, _) in self.text.match_indices(&way_up) {
                found.extend(heads(&self.text[at + way_up.len()..]));
            }
        }
        found.remove("super");
        found.remove(self.module());
        found
    }
}

/// The first names of a path or of a group of paths: `a::b` gives a; `{a::{b, c}, d}` gives a and d.
fn heads(rest: &str) -> Vec<String> {
    let word = |text: &str| text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    if !rest.starts_with('{') {
        return vec![word(rest)];
    }
    let mut names = Vec::new();
    let mut depth = 0;
    for (at, c) in rest.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        if depth == 1 && matches!(c, '{' | ',') {
            names.push(word(&rest[at + 1..]));
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

#[test]
fn imports_are_found_in_every_form() {
    let source = |name: &str, text: &str| Source { name: name.into(), text: code(text) };
    let text = "\
//! See crate::comment.
use crate::{audit::{Entry, Log}, model};
use crate::store::Accession; // not crate::index
pub(in crate::query) fn f() { crate::render::g(); }
use super::super::access::Permit;
use super::sibling;
#[cfg(test)]
mod tests {
    use crate::server;
    fn f() {}
}
fn last() { crate::limits::X }
";
    let names = source("src/query/chart.rs", text).names();
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["access", "audit", "limits", "model", "render", "store"]);
    assert!(source("src/query/mod.rs", "use super::index::Hit;\n").names().contains("index"));
    let text = "#[cfg(test)]\nmod gallery;\n#[cfg(test)]\n#[path = \"token_tests.rs\"]\nmod tests;\n".to_string();
    let declaring = Source { name: "src/query/mod.rs".into(), text };
    assert_eq!(test_files(&declaring), ["src/query/gallery", "src/query/token_tests"]);
}

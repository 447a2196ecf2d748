//! The fields of one table as they are written down: columns found by their names, each used once, each with a comment on
//! how far it is filled and of its type.
//!
//! Not for: which element takes which column (`elements`).

use std::collections::BTreeSet;
use std::fmt::Write;

use super::super::links::table_stem;
use super::super::names::squeezed;
use super::super::{ColumnProfile, Profile, TableProfile};
use super::text::{one_line, text};

/// The fields of one table in the making.
pub struct Sheet<'p> {
    pub profile: &'p Profile,
    pub table: &'p TableProfile,
    pub source: &'p str,
    used: BTreeSet<String>,
    pub lines: String,
    /// `[values.…]` that the fields name.
    pub sets: Vec<String>,
}

/// A column as an expression names it.
pub fn expression(name: &str) -> String {
    let is_plain =
        name.starts_with(|c: char| c.is_alphabetic() || c == '_') && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    let keywords = ["and", "or", "not", "in", "is", "null", "matches", "true", "false", "if"];
    let is_keyword = keywords.iter().any(|word| name.eq_ignore_ascii_case(word));
    if is_plain && !is_keyword { name.to_string() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

impl<'p> Sheet<'p> {
    pub fn new(profile: &'p Profile, table: &'p TableProfile, source: &'p str) -> Sheet<'p> {
        Sheet { profile, table, source, used: BTreeSet::new(), lines: String::new(), sets: Vec::new() }
    }

    /// The first filled, unused column that is called one of these names, or ends in one of them. It counts as used.
    pub fn take(&mut self, names: &[&str]) -> Option<&'p ColumnProfile> {
        let free: Vec<&'p ColumnProfile> =
            self.table.columns.iter().filter(|c| c.filled > 0 && !self.used.contains(&c.name)).collect();
        let find = |fits: &dyn Fn(&str, &str) -> bool| {
            names.iter().find_map(|name| free.iter().copied().find(|c| fits(&squeezed(&c.name), name)))
        };
        let found =
            find(&|column, name| column == name).or_else(|| find(&|column, name| name.len() > 3 && column.ends_with(name)))?;
        self.used.insert(found.name.clone());
        Some(found)
    }

    /// The same of columns that hold dates.
    pub fn take_date(&mut self, names: &[&str]) -> Option<&'p ColumnProfile> {
        let held: Vec<String> = self.table.columns.iter().filter(|c| !c.is_date()).map(|c| c.name.clone()).collect();
        let hidden: Vec<String> = held.into_iter().filter(|name| self.used.insert(name.clone())).collect();
        let found = self.take(names);
        for name in hidden {
            self.used.remove(&name);
        }
        found
    }

    /// Counts a column as used.
    pub fn mark(&mut self, name: &str) -> Option<&'p ColumnProfile> {
        self.used.insert(name.to_string());
        self.table.column(name)
    }

    /// Columns that hold something and that no field uses.
    pub fn unused(&self, beside: &[Option<&str>]) -> Vec<&'p str> {
        let is_used = |name: &str| self.used.contains(name) || beside.contains(&Some(name));
        self.table.columns.iter().filter(|c| c.filled > 0 && !is_used(&c.name)).map(|c| c.name.as_str()).collect()
    }

    /// Writes a field; `parts` are the members of its inline table.
    pub fn field(&mut self, path: &str, parts: &[String], columns: &[&ColumnProfile], doubt: &str) {
        let is_bare = path.bytes().all(|b| b.is_ascii_alphanumeric());
        let path = if is_bare { path.to_string() } else { text(path) };
        let mut notes: Vec<String> =
            columns.iter().map(|c| c.completeness()).filter(|p| *p < 100.0).map(|p| format!("{p} % filled")).collect();
        notes.truncate(1);
        for column in columns.iter().filter(|c| c.conforming < 100.0) {
            notes.push(format!("{} % of {} are of the type {}", column.conforming, one_line(&column.name), column.kind));
        }
        if columns.iter().any(|c| c.dates.as_ref().is_some_and(|dates| dates.is_ambiguous)) {
            notes.push("? day and month cannot be told apart".into());
        }
        if !doubt.is_empty() {
            notes.push(format!("? {doubt}"));
        }
        let comment = if notes.is_empty() { String::new() } else { format!("  # {}", notes.join("; ")) };
        // Writing to a string cannot fail.
        let _ = writeln!(self.lines, "  {path} = {{ {} }}{comment}", parts.join(", "));
    }

    /// A column as it is.
    pub fn plain(&mut self, path: &str, names: &[&str]) {
        if let Some(column) = self.take(names) {
            self.field(path, &[format!("col = {}", text(&column.name))], &[column], "");
        }
    }

    /// A date or a time.
    pub fn date(&mut self, path: &str, field_type: &str, column: &ColumnProfile) {
        let mut parts = vec![format!("type = \"{field_type}\""), format!("col = {}", text(&column.name))];
        parts.extend(formats(&[column]));
        self.field(path, &parts, &[column], "");
    }

    /// A period of one or two dates.
    pub fn period(&mut self, path: &str, start: &ColumnProfile, end: Option<&ColumnProfile>) {
        let mut parts = vec!["type = \"period\"".to_string(), format!("start = {}", text(expression(&start.name)))];
        parts.extend(end.map(|end| format!("end = {}", text(expression(&end.name)))));
        let columns: Vec<&ColumnProfile> = [start].into_iter().chain(end).collect();
        parts.extend(formats(&columns));
        self.field(path, &parts, &columns[..1], "");
    }

    /// A code with its words.
    pub fn concept(&mut self, path: &str, codes: &[&str], words: &[&str], about: &str) {
        let (code, display) = (self.take(codes), self.take(words));
        let mut parts = vec!["type = \"concept\"".to_string()];
        let Some(column) = code.or(display) else { return };
        let (system, doubt) = system(column, about, self.source, self.table);
        parts.push(format!("system = {}", text(system)));
        parts.push(format!("col = {}", text(&column.name)));
        if let (Some(_), Some(display)) = (code, display) {
            parts.push(format!("display = {}", text(expression(&display.name))));
        }
        self.field(path, &parts, &[column], doubt);
    }

    /// A set of values with what its codes stand for; the ones that nobody knows wait for a person.
    pub fn values(&mut self, name: &str, column: &ColumnProfile, known: &[(&str, &str)]) -> String {
        let name = format!("{}-{name}", table_stem(&self.table.file));
        let mut set = format!("[values.{}]\n", key(&name));
        for (value, _) in column.top.iter().take(20) {
            let meaning = known.iter().find(|(from, _)| value.eq_ignore_ascii_case(from));
            let _ = match meaning {
                Some((_, to)) => writeln!(set, "{} = {}", key(value), text(to)),
                None => writeln!(set, "# {} = \"\"  # ? what it stands for", key(value)),
            };
        }
        self.sets.push(set);
        name
    }
}

/// A key of TOML.
fn key(name: &str) -> String {
    let is_bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if is_bare { name.to_string() } else { text(one_line(name)) }
}

/// `formats = […]`, unless all are ISO's.
fn formats(columns: &[&ColumnProfile]) -> Option<String> {
    let all = columns.iter().filter_map(|c| c.dates.as_ref()).flat_map(|dates| &dates.formats);
    let mut formats: Vec<&str> = Vec::new();
    for (format, _) in all {
        if !formats.contains(&format.as_str()) {
            formats.push(format);
        }
    }
    let is_iso = formats.is_empty() || formats == ["iso"];
    let list = || formats.iter().map(text).collect::<Vec<_>>().join(", ");
    (!is_iso).then(|| format!("formats = [{}]", list()))
}

/// The code system by the look of the codes, and what to doubt about it.
fn system(column: &ColumnProfile, about: &str, source: &str, table: &TableProfile) -> (String, &'static str) {
    let all: u64 = column.patterns.iter().map(|(_, count)| count).sum();
    let share = |fits: &dyn Fn(&str) -> bool| {
        let fitting: u64 = column.patterns.iter().filter(|(pattern, _)| fits(pattern)).map(|(_, count)| count).sum();
        all > 0 && fitting * 10 >= all * 7
    };
    let digits = column.kind == "integer";
    let is_loinc = share(&|p| ["9(3)-9", "9(4)-9", "9(5)-9"].contains(&p));
    let is_icd10 = share(&|p| p.starts_with("A9(2)") && p.len() < 16);
    let known = match about {
        "drug" if digits && column.longest <= 7 => "http://www.nlm.nih.gov/research/umls/rxnorm",
        "drug" if share(&|p| ["9(11)", "9(5)-9(4)-9(2)", "9(5)-9(3)-9(2)", "9(4)-9(4)-9(2)"].contains(&p)) => {
            "http://hl7.org/fhir/sid/ndc"
        }
        "vaccine" if digits && column.longest <= 3 => "http://hl7.org/fhir/sid/cvx",
        "procedure" if digits && column.shortest == 5 && column.longest == 5 => "http://www.ama-assn.org/go/cpt",
        "test" | "finding" if is_loinc => "http://loinc.org",
        "finding" if is_icd10 => "http://hl7.org/fhir/sid/icd-10-cm",
        "finding" | "procedure" | "visit" if digits && column.shortest >= 6 => "http://snomed.info/sct",
        _ => "",
    };
    if known.is_empty() {
        let local = format!("urn:archive:{source}:{}", super::super::super::id::id(&[&table_stem(&table.file), &column.name]));
        (local, "codes of the old system, or of which code system")
    } else {
        (known.to_string(), "the code system by the look of the codes")
    }
}

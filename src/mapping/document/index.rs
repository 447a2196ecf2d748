//! The index of loose documents: which delivered file is which document, for all files of a delivery at once.
//!
//! Not for: what becomes of a document (`map`).

use std::collections::HashMap;

use xxhash_rust::xxh3::xxh3_128;

use super::pattern::Pattern;
use super::table::{Fields, Row, Table};
use super::{Entry, Manifest, Rules, map};
use crate::limits;
use crate::mapping::{Context, Fate, Mapped, Mapper};

/// Why an index cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    #[error("the pattern for documents: {0}")]
    Pattern(String),
    #[error("the manifest of documents, {0}, is not in the delivery")]
    NoManifest(String),
    #[error("the manifest of documents, {file}, has no column {column}")]
    NoColumn { file: String, column: String },
    #[error("the manifest of documents, {0}, is larger than {max} bytes", max = limits::DOCUMENT_INDEX_BYTES_MAX)]
    TooLarge(String),
    #[error("the delimiter of the manifest of documents must be one ASCII character")]
    Delimiter,
}

/// A row of the manifest that names no document.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Problem {
    /// Place of the row in the manifest's content.
    pub offset: u64,
    pub length: u32,
    /// Reason code.
    pub code: &'static str,
}

/// What the rules say of the documents of a delivery. Names are held as digests: there may be millions.
pub struct Index {
    rules: Rules,
    pattern: Option<Pattern>,
    listed: Option<Listed>,
    /// Digest of the name and size of each file, sorted.
    files: Vec<(u128, u64)>,
    /// Digest of a file's name and a row of the manifest that names it, sorted.
    rows: Vec<(u128, Row)>,
    problems: Vec<Problem>,
}

/// The manifest and where its columns stand.
struct Listed {
    table: Table,
    width: usize,
    file: usize,
    patient: usize,
    date: Option<usize>,
    kind: Option<usize>,
    author: Option<usize>,
    title: Option<usize>,
    encounter: Option<usize>,
    description: Option<usize>,
}

impl Index {
    /// Reads the manifest, whose content is given when the rules name one, and finds its documents among the files of
    /// the delivery (name, size).
    pub fn load<'a>(
        rules: &Rules,
        manifest: Option<Vec<u8>>,
        files: impl IntoIterator<Item = (&'a str, u64)>,
    ) -> Result<Index, IndexError> {
        let pattern = rules.pattern.as_deref().map(Pattern::parse).transpose().map_err(IndexError::Pattern)?;
        let mut index =
            Index { rules: rules.clone(), pattern, listed: None, files: Vec::new(), rows: Vec::new(), problems: Vec::new() };
        // Names without regard to case; `None` where two files differ in case alone.
        let mut folded: HashMap<u128, Option<u128>> = HashMap::new();
        for (name, size) in files {
            let file = digest(name);
            index.files.push((file, size));
            if rules.manifest.is_some() {
                folded.entry(digest(&name.to_lowercase())).and_modify(|one| *one = None).or_insert(Some(file));
            }
        }
        index.files.sort_unstable();
        if let Some(rule) = &rules.manifest {
            let bytes = manifest.ok_or_else(|| IndexError::NoManifest(rule.file.clone()))?;
            index.read_manifest(rule, bytes, &folded)?;
        }
        Ok(index)
    }

    fn read_manifest(&mut self, rule: &Manifest, bytes: Vec<u8>, folded: &HashMap<u128, Option<u128>>) -> Result<(), IndexError> {
        if bytes.len() > limits::DOCUMENT_INDEX_BYTES_MAX {
            return Err(IndexError::TooLarge(rule.file.clone()));
        }
        let delimiter = u8::try_from(rule.delimiter).ok().filter(u8::is_ascii).ok_or(IndexError::Delimiter)?;
        let table = Table::new(bytes, delimiter);
        let mut header = None;
        table.each_row(|_, fields| {
            header = Some((0..fields.len()).map(|number| table.text(fields.get(number))).collect::<Vec<_>>());
            false
        });
        let listed = Listed::new(table, &header.unwrap_or_default(), rule)?;
        let places = Places::new(rule);
        let mut is_header = true;
        listed.table.each_row(|row, fields| {
            if std::mem::take(&mut is_header) {
                return true;
            }
            let field = |number: usize| value(&self.rules, listed.table.text(fields.get(number)));
            let problem = |code| Problem { offset: row.offset, length: row.length, code };
            if fields.len() != listed.width {
                self.problems.push(problem("field-count"));
                return true;
            }
            let path = field(listed.file);
            if path.is_empty() || field(listed.patient).is_empty() {
                self.problems.push(problem("key-null"));
                return true;
            }
            match places.find(&path, &self.files, folded) {
                Some(file) => self.rows.push((file, row)),
                None => self.problems.push(problem("document-missing")),
            }
            true
        });
        self.rows.sort_unstable();
        self.listed = Some(listed);
        Ok(())
    }

    /// What the manifest says of a file, one entry for each row that names it; where it says nothing, what its path says.
    pub fn describe(&self, file: &str) -> Vec<Entry> {
        let digest = digest(file);
        let from = self.rows.partition_point(|(name, _)| *name < digest);
        let rows = self.rows[from..].iter().take_while(|(name, _)| *name == digest);
        let entries: Vec<Entry> =
            self.listed.iter().flat_map(|listed| rows.clone().map(|(_, row)| listed.entry(&self.rules, *row))).collect();
        if entries.is_empty() && !self.is_manifest(file) {
            return self.pattern.iter().filter_map(|pattern| pattern.entry(file)).collect();
        }
        entries
    }

    pub fn is_manifest(&self, file: &str) -> bool {
        self.rules.manifest.as_ref().is_some_and(|manifest| manifest.file == file)
    }

    /// Rows of the manifest that name no document, with the reason, in their order: `document-missing`, `field-count`,
    /// `key-null`.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// What becomes of the row of the manifest that begins at this place.
    pub fn row_fate(&self, offset: u64) -> Fate {
        match self.problems.binary_search_by_key(&offset, |problem| problem.offset) {
            Ok(found) => Fate::Quarantined(format!("{}: row of the manifest at byte {offset}", self.problems[found].code)),
            Err(_) => Fate::Joined,
        }
    }

    /// Those of the files about which nothing is said (`document-unindexed`).
    pub fn unindexed<'a>(&self, files: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
        files.into_iter().filter(|file| !self.is_manifest(file) && self.describe(file).is_empty()).collect()
    }

    fn size(&self, file: &str) -> Option<u64> {
        let digest = digest(file);
        let found = self.files.binary_search_by_key(&digest, |(name, _)| *name).ok()?;
        Some(self.files[found].1)
    }
}

impl Mapper for Index {
    /// Maps a loose document by its first bytes.
    fn map(&self, bytes: &[u8], cx: &Context<'_>) -> Mapped {
        let size = self.size(cx.file).unwrap_or(bytes.len() as u64);
        map(&self.rules, bytes, size, &self.describe(cx.file), cx)
    }
}

fn digest(name: &str) -> u128 {
    xxh3_128(name.as_bytes())
}

/// A field's text, empty where it stands for nothing.
fn value(rules: &Rules, text: String) -> String {
    if rules.null.contains(&text) { String::new() } else { text }
}

impl Listed {
    fn new(table: Table, header: &[String], rule: &Manifest) -> Result<Listed, IndexError> {
        let columns = &rule.columns;
        let find = |name: &String| {
            let found = header.iter().position(|column| column.trim_start_matches('\u{feff}').eq_ignore_ascii_case(name));
            found.ok_or_else(|| IndexError::NoColumn { file: rule.file.clone(), column: name.clone() })
        };
        let maybe = |name: &Option<String>| name.as_ref().map(find).transpose();
        Ok(Listed {
            width: header.len(),
            file: find(&columns.file)?,
            patient: find(&columns.patient)?,
            date: maybe(&columns.date)?,
            kind: maybe(&columns.r#type)?,
            author: maybe(&columns.author)?,
            title: maybe(&columns.title)?,
            encounter: maybe(&columns.encounter)?,
            description: maybe(&columns.description)?,
            table,
        })
    }

    fn entry(&self, rules: &Rules, row: Row) -> Entry {
        let fields: Fields = self.table.fields(row);
        let text = |column: Option<usize>| column.map_or(String::new(), |n| value(rules, self.table.text(fields.get(n))));
        Entry {
            patient: text(Some(self.patient)),
            date: text(self.date),
            date_format: None,
            kind: text(self.kind),
            author: text(self.author),
            title: text(self.title),
            encounter: text(self.encounter),
            description: text(self.description),
        }
    }
}

/// How the manifest's paths become names of delivered files.
struct Places {
    strip: Vec<String>,
    /// Folders in which its paths may begin, each empty or with a `/` behind it.
    folders: Vec<String>,
}

impl Places {
    fn new(rule: &Manifest) -> Places {
        let folders = match &rule.below {
            Some(below) => vec![folder(below)],
            None => vec![rule.file.rsplit_once('/').map_or(String::new(), |(beside, _)| folder(beside)), String::new()],
        };
        Places { strip: rule.strip.iter().map(|beginning| folder(&plain_path(beginning))).collect(), folders }
    }

    /// The file that a path of the manifest names: without regard to case, unless two files differ in that alone.
    fn find(&self, path: &str, files: &[(u128, u64)], folded: &HashMap<u128, Option<u128>>) -> Option<u128> {
        let path = plain_path(path);
        let cut = |beginning: &String| {
            let head = path.get(..beginning.len())?;
            (!beginning.is_empty() && head.to_lowercase() == beginning.to_lowercase()).then(|| &path[beginning.len()..])
        };
        let path = self.strip.iter().find_map(cut).unwrap_or(&path);
        self.folders.iter().find_map(|folder| {
            let name = format!("{folder}{path}");
            let exact = digest(&name);
            match folded.get(&digest(&name.to_lowercase()))? {
                Some(file) => Some(*file),
                None => files.binary_search_by_key(&exact, |(file, _)| *file).is_ok().then_some(exact),
            }
        })
    }
}

/// A folder's name with one `/` behind it; empty for the top.
fn folder(name: &str) -> String {
    let name = name.trim_matches('/');
    if name.is_empty() { String::new() } else { format!("{name}/") }
}

/// A path as old systems write it, with `/`, and without drive, server, share and leading `./`.
fn plain_path(path: &str) -> String {
    let path = path.trim().replace('\\', "/");
    let mut rest = path.as_str();
    if let Some(shared) = rest.strip_prefix("//") {
        // //server/share/path
        rest = shared.splitn(3, '/').nth(2).unwrap_or_default();
    } else if rest.as_bytes().get(1) == Some(&b':') && rest.as_bytes()[0].is_ascii_alphabetic() {
        rest = &rest[2..];
    }
    let parts = rest.split('/').filter(|part| !matches!(*part, "" | "."));
    parts.collect::<Vec<_>>().join("/")
}

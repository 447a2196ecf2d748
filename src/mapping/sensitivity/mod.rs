//! Which sensitivity label a record gets: code lists that are built in (`schemas/sensitivity`), and the rules of the site.
//! Both are data of one form, each with its owner, date and citation.
//!
//! A rule says for which sources and kinds it stands, and by what it knows a record: codes, names of medicines,
//! departments, titles, security labels, patients. Rules only ever add classes, so a site's file can tighten and never widen.
//! Everything is worked out once for each shape of record (`plan`), since codes and texts lie in the leaves.
//!
//! Not for: storing labels (`store::labels`), what is labelled because of what it refers to (`links`, `ingest::labels`), or
//! what a label hides from whom (`access`).

mod links;
mod plan;
mod text;

use std::collections::BTreeSet;
use std::sync::Arc;

use ahash::AHashMap;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::model::{Class, Kind, Label, hex};

pub use links::Links;
pub use plan::Plan;
use text::{Phrases, Words};

#[derive(rust_embed::RustEmbed)]
#[folder = "schemas/sensitivity/"]
struct Lists;

/// Most bytes of a site's file of rules.
pub const FILE_BYTES_MAX: usize = 8 << 20;

/// Why a file of rules is refused. What stands in it may name patients, so the text does not repeat it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RulesError {
    #[error("line {line}: {what}")]
    Form { line: usize, what: String },
    #[error("rule {number} names the class {class:?}, which there is not")]
    Class { number: usize, class: String },
    #[error("rule {number} names the kind {kind:?}, which is no type of FHIR R4")]
    Kind { number: usize, kind: String },
    #[error("rule {0} says neither for what it stands nor by what it knows a record")]
    Empty(usize),
    #[error("rule {0} holds an empty word, code or prefix")]
    Blank(usize),
}

/// A file of rules as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    version: String,
    date: String,
    owner: String,
    /// Where it comes from: law, value set, decision of the site.
    citation: String,
    #[serde(default, rename = "rule")]
    rules: Vec<Rule>,
}

/// One rule. `sources` and `kinds` say for what it stands (none: for all); any one of the signs is enough; a rule without
/// a sign stands for every record of its sources and kinds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    class: String,
    /// For people.
    #[serde(default, rename = "why")]
    _why: String,
    #[serde(default)]
    sources: Vec<String>,
    #[serde(default)]
    kinds: Vec<String>,
    #[serde(default)]
    codes: Vec<Codes>,
    /// Names of substances and brands, looked for word by word in what a medication is called.
    #[serde(default)]
    medicines: Vec<String>,
    /// Words in the name of a department, service, place or its reference. Of an encounter they hold for all that
    /// happened in it.
    #[serde(default)]
    departments: Vec<String>,
    /// Words in what a document, or a section of it, is called.
    #[serde(default)]
    titles: Vec<String>,
    /// Codes of security labels that the source made up.
    #[serde(default)]
    security: Vec<String>,
    /// Patients, by id or any identifier as the source writes them; the class goes to the Patient record.
    #[serde(default)]
    patients: Vec<String>,
}

/// Codes of one system.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Codes {
    /// One of the short names below, or a URI.
    system: String,
    #[serde(default)]
    codes: Vec<String>,
    /// Everything below a code: `F10` means F10.20 too.
    #[serde(default)]
    prefixes: Vec<String>,
}

/// Short names of code systems, with the URIs under which sources write them.
const SYSTEMS: [(&str, &[&str]); 8] = [
    (
        "icd-10-cm",
        &[
            "http://hl7.org/fhir/sid/icd-10-cm",
            "http://hl7.org/fhir/sid/icd-10",
            "urn:oid:2.16.840.1.113883.6.90",
            "urn:oid:2.16.840.1.113883.6.3",
        ],
    ),
    (
        "icd-9-cm",
        &[
            "http://hl7.org/fhir/sid/icd-9-cm",
            "http://terminology.hl7.org/CodeSystem/icd9cm",
            "urn:oid:2.16.840.1.113883.6.103",
            "urn:oid:2.16.840.1.113883.6.104",
        ],
    ),
    ("snomed-ct", &["http://snomed.info/sct", "urn:oid:2.16.840.1.113883.6.96"]),
    ("loinc", &["http://loinc.org", "urn:oid:2.16.840.1.113883.6.1"]),
    ("rxnorm", &["http://www.nlm.nih.gov/research/umls/rxnorm", "urn:oid:2.16.840.1.113883.6.88"]),
    ("cpt", &["http://www.ama-assn.org/go/cpt", "urn:oid:2.16.840.1.113883.6.12"]),
    (
        "hcpcs",
        &[
            "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
            "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
            "urn:oid:2.16.840.1.113883.6.285",
        ],
    ),
    ("v3-act-code", &["http://terminology.hl7.org/CodeSystem/v3-ActCode", "urn:oid:2.16.840.1.113883.5.4"]),
];

/// A code as compared: without dots and blanks, in capitals, since sources write `F10.20`, `F1020` and `f10.20`.
fn plain(code: &str) -> String {
    code.chars().filter(|c| !matches!(c, '.' | ' ')).flat_map(char::to_uppercase).collect()
}

/// All rules in force: the built-in lists, and the site's.
#[derive(Clone, Debug)]
pub struct Rules {
    files: Vec<File>,
    sha256: String,
}

impl Rules {
    /// The built-in lists with the rules of a site, if it has any.
    pub fn read(site: Option<&str>) -> Result<Rules, RulesError> {
        let (mut hash, mut files) = (Sha256::new(), Vec::new());
        let mut take = |text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
            read(text).map(|file| files.push(file))
        };
        for name in Lists::iter().collect::<BTreeSet<_>>() {
            let bytes = Lists::get(&name).map(|file| file.data).unwrap_or_default();
            take(&String::from_utf8_lossy(&bytes))?;
        }
        site.map(take).transpose()?;
        Ok(Rules { files, sha256: hex(&hash.finalize()) })
    }

    /// SHA-256 over all lists and the site's file, hex.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Names and versions of all lists.
    pub fn version(&self) -> String {
        self.files.iter().map(|file| format!("{}|{}", file.name, file.version)).collect::<Vec<_>>().join(", ")
    }

    /// (name, version, date, owner, citation) of each list.
    pub fn lists(&self) -> impl Iterator<Item = [&str; 5]> {
        self.files.iter().map(|f| [&f.name, &f.version, &f.date, &f.owner, &f.citation].map(String::as_str))
    }

    /// The rules that stand for one source system, ready to be asked.
    pub fn of_source(&self, source_system: &str) -> Arc<SourceRules> {
        let mut rules = SourceRules { source_system: source_system.to_string(), ..SourceRules::default() };
        let all = self.files.iter().flat_map(|file| &file.rules);
        for rule in all.filter(|rule| rule.sources.is_empty() || rule.sources.iter().any(|s| s == source_system)) {
            rules.add(rule);
        }
        Arc::new(rules)
    }
}

fn read(text: &str) -> Result<File, RulesError> {
    let file: File = toml::from_str(text).map_err(|e| {
        let at = e.span().map_or(0, |span| span.start);
        let line = text.get(..at).map_or(1, |before| before.matches('\n').count() + 1);
        RulesError::Form { line, what: e.message().to_string() }
    })?;
    for (number, rule) in file.rules.iter().enumerate().map(|(at, rule)| (at + 1, rule)) {
        if Class::from_name(&rule.class).is_none() {
            return Err(RulesError::Class { number, class: rule.class.clone() });
        }
        if let Some(kind) = rule.kinds.iter().find(|kind| Kind::from_name(kind).is_none()) {
            return Err(RulesError::Kind { number, kind: kind.clone() });
        }
        let codes = || rule.codes.iter().flat_map(|list| list.codes.iter().chain(&list.prefixes));
        let has_sign = codes().next().is_some()
            || [&rule.medicines, &rule.departments, &rule.titles, &rule.security, &rule.patients].iter().any(|l| !l.is_empty());
        if !has_sign && (rule.sources.is_empty() && rule.kinds.is_empty() || !rule.codes.is_empty()) {
            return Err(RulesError::Empty(number));
        }
        let mut words = rule.medicines.iter().chain(&rule.departments).chain(&rule.titles);
        let mut plain_words = rule.sources.iter().chain(&rule.security).chain(&rule.patients);
        let is_blank = codes().any(|code| plain(code).is_empty())
            || words.any(|word| text::words(word).next().is_none())
            || plain_words.any(|word| word.trim().is_empty());
        if is_blank {
            return Err(RulesError::Blank(number));
        }
    }
    Ok(file)
}

/// Codes of one system, for some kinds or all.
#[derive(Clone, Debug, Default)]
struct Table {
    systems: Vec<String>,
    kinds: Vec<Kind>,
    exact: AHashMap<String, Label>,
    prefixes: AHashMap<String, Label>,
    /// The lengths that prefixes have.
    lengths: BTreeSet<usize>,
}

impl Table {
    fn label(&self, code: &str) -> Label {
        let code = plain(code);
        let mut label = self.exact.get(&code).copied().unwrap_or_default();
        for length in &self.lengths {
            if let Some(found) = code.get(..*length).and_then(|start| self.prefixes.get(start)) {
                label = label.union(*found);
            }
        }
        label
    }

    fn is_of(&self, system: &str, kind: Kind) -> bool {
        (self.kinds.is_empty() || self.kinds.contains(&kind)) && self.systems.iter().any(|s| s == system)
    }
}

/// The rules of one source system.
#[derive(Debug, Default)]
pub struct SourceRules {
    source_system: String,
    /// Rules without a sign: kinds (none: all) and what they put on each record.
    everywhere: Vec<(Vec<Kind>, Label)>,
    tables: Vec<Table>,
    medicines: Words,
    /// Kinds (none: all) and words.
    departments: Vec<(Vec<Kind>, Phrases)>,
    titles: Vec<(Vec<Kind>, Phrases)>,
    security: AHashMap<String, Label>,
    patients: AHashMap<String, Label>,
}

impl SourceRules {
    fn add(&mut self, rule: &Rule) {
        let label = Class::from_name(&rule.class).map_or(Label::of(Class::Unknown), Label::of);
        let kinds: Vec<Kind> = rule.kinds.iter().filter_map(|kind| Kind::from_name(kind)).collect();
        for list in &rule.codes {
            let table = self.table(&list.system, &kinds);
            let add = |to: &mut AHashMap<String, Label>, code: &str| {
                let held = to.entry(plain(code)).or_default();
                *held = held.union(label);
            };
            list.codes.iter().for_each(|code| add(&mut table.exact, code));
            for prefix in &list.prefixes {
                add(&mut table.prefixes, prefix);
                table.lengths.insert(plain(prefix).len());
            }
        }
        rule.medicines.iter().for_each(|name| self.medicines.add(name, label));
        for (to, list) in [(&mut self.departments, &rule.departments), (&mut self.titles, &rule.titles)] {
            if !list.is_empty() {
                let mut phrases = Phrases::default();
                list.iter().for_each(|words| phrases.add(words, label));
                to.push((kinds.clone(), phrases));
            }
        }
        for (to, words) in [(&mut self.security, &rule.security), (&mut self.patients, &rule.patients)] {
            for word in words {
                let held = to.entry(word.trim().to_string()).or_default();
                *held = held.union(label);
            }
        }
        let signs = [&rule.medicines, &rule.departments, &rule.titles, &rule.security, &rule.patients];
        if rule.codes.is_empty() && signs.iter().all(|words| words.is_empty()) {
            self.everywhere.push((kinds, label));
        }
    }

    fn table(&mut self, system: &str, kinds: &[Kind]) -> &mut Table {
        let known = SYSTEMS.iter().find(|(name, _)| *name == system);
        let systems = known.map_or_else(|| vec![system.to_string()], |(_, uris)| uris.iter().map(ToString::to_string).collect());
        let at = self.tables.iter().position(|table| table.systems == systems && table.kinds == kinds);
        let at = at.unwrap_or_else(|| {
            self.tables.push(Table { systems, kinds: kinds.to_vec(), ..Table::default() });
            self.tables.len() - 1
        });
        &mut self.tables[at]
    }

    /// What the rules put on every record of a kind.
    pub fn of_kind(&self, kind: Kind) -> Label {
        let found = self.everywhere.iter().filter(|(kinds, _)| kinds.is_empty() || kinds.contains(&kind));
        found.fold(Label::NORMAL, |all, (_, label)| all.union(*label))
    }

    /// What a code puts on a record of a kind.
    pub fn of_code(&self, kind: Kind, system: &str, code: &str) -> Label {
        let tables = self.tables.iter().filter(|table| table.is_of(system, kind));
        tables.fold(Label::NORMAL, |all, table| all.union(table.label(code)))
    }

    /// What the name of a medication puts on its record.
    pub fn of_medicine(&self, name: &str) -> Label {
        self.medicines.label(name)
    }

    /// What the name of a department, service or place puts on a record of a kind.
    pub fn of_department(&self, kind: Kind, name: &str) -> Label {
        of_phrases(&self.departments, kind, name)
    }

    /// What the title of a document or of a section of it puts on a record of a kind.
    pub fn of_title(&self, kind: Kind, title: &str) -> Label {
        of_phrases(&self.titles, kind, title)
    }

    /// What a security code puts on a record: its own meaning, which no rule takes away, and what the site says of it.
    pub fn of_security(&self, code: &str) -> Label {
        Label::of_security_code(code).union(self.security.get(code).copied().unwrap_or_default())
    }

    /// What an id or identifier puts on a Patient.
    pub fn of_patient(&self, name: &str) -> Label {
        self.patients.get(name.trim()).copied().unwrap_or_default()
    }

    fn knows_patients(&self) -> bool {
        !self.patients.is_empty()
    }
}

fn of_phrases(lists: &[(Vec<Kind>, Phrases)], kind: Kind, text: &str) -> Label {
    let found = lists.iter().filter(|(kinds, _)| kinds.is_empty() || kinds.contains(&kind));
    found.fold(Label::NORMAL, |all, (_, phrases)| all.union(phrases.label(text)))
}

/// Kinds that say who and where, and nothing of any patient: a department there labels what happened in it, not itself.
pub fn is_directory(kind: Kind) -> bool {
    matches!(kind.name(), "Location" | "Organization" | "HealthcareService" | "PractitionerRole" | "Practitioner" | "Endpoint")
}

#[cfg(test)]
mod tests;

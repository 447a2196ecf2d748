//! Definitions of an organisation's records as data (`schemas/release/record-sets.toml`): the sections of a package, which records
//! each holds, what stays out, and what the automatic checks look for.
//!
//! Not for: which classes of records a legal basis opens (`basis`), or choosing (`choose`).

use std::path::Path;

use serde::Deserialize;

use super::traits::Traits;
use crate::model::{Class, Kind, Label};
use crate::release::basis::Rules;

/// The definitions as a file has them.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordSets {
    pub version: String,
    pub owner: String,
    pub date: toml::value::Datetime,
    pub citation: String,
    pub checks: Checks,
    /// In the order of a package.
    pub section: Vec<Section>,
    pub out: Vec<Out>,
    pub set: Vec<RecordSet>,
    /// The text that they were read from; selections name its digest.
    #[serde(skip)]
    pub text: String,
}

/// What the automatic checks look for.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checks {
    pub late_days: u32,
    /// Names of classes.
    pub sensitive: Vec<String>,
    /// Years of age, the second not included.
    pub minor_from: i64,
    pub minor_until: i64,
    pub minor_classes: Vec<String>,
}

/// A section of a package.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    pub code: String,
    pub title: String,
    /// Several sections that a request may ask for by one name.
    #[serde(default)]
    pub group: Option<String>,
    /// Goes with every release, whatever is asked for.
    #[serde(default)]
    pub always: bool,
    pub holds: Vec<Rule>,
}

/// A rule fits when each list that it has does.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    pub kinds: Vec<String>,
    pub categories: Vec<String>,
    pub types: Vec<String>,
    pub words: Vec<String>,
    pub media: Vec<String>,
}

/// Records that stay out of the sets that say so.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Out {
    pub code: String,
    pub words: String,
    pub holds: Vec<Rule>,
    /// Only records of one of these statuses; empty: of any.
    #[serde(default)]
    pub statuses: Vec<String>,
    #[serde(default)]
    pub unless_in_encounter: bool,
}

/// A definition of records.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordSet {
    pub code: String,
    pub version: String,
    pub words: String,
    pub citation: String,
    /// Codes of sections that are chosen unless the request says otherwise.
    pub sections: Vec<String>,
    /// Codes of sections that are chosen when the request names them.
    pub if_named: Vec<String>,
    /// Nothing but records of this class, beside what goes with every release.
    #[serde(default)]
    pub only_class: Option<String>,
    /// Codes of what stays out.
    pub out: Vec<String>,
}

/// Why definitions cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SetsError {
    #[error("the definitions of records cannot be read: {0}")]
    Form(#[from] toml::de::Error),
    #[error("the definitions of records: {0}")]
    Content(String),
    #[error("the file of definitions of records cannot be read: {0}")]
    File(#[from] std::io::Error),
}

impl RecordSets {
    /// The definitions of this version of the software.
    ///
    /// # Errors
    /// None, unless the file that the program was built with is wrong; a test holds that it is not.
    pub fn shipped() -> Result<RecordSets, SetsError> {
        RecordSets::parse(include_str!("../../../schemas/release/record-sets.toml"))
    }

    /// The site's definitions, when it has its own.
    ///
    /// # Errors
    /// As `parse`; a file that is not there.
    pub fn load(own: Option<&Path>) -> Result<RecordSets, SetsError> {
        own.map_or_else(RecordSets::shipped, |path| RecordSets::parse(&crate::release::own_text(path)?))
    }

    /// Refuses rules of which a basis asks for a definition that is not here.
    pub fn serves(&self, rules: &Rules) -> Result<(), SetsError> {
        match rules.basis.iter().find(|basis| self.set(&basis.record_set).is_none()) {
            Some(basis) => {
                Err(SetsError::Content(format!("no set is called {}, which basis {} asks for", basis.record_set, basis.code)))
            }
            None => Ok(()),
        }
    }

    /// Reads and checks definitions.
    ///
    /// # Errors
    /// What is wrong, with its place: a code twice, an unknown kind, class, section or rule, no section that takes all the rest.
    pub fn parse(text: &str) -> Result<RecordSets, SetsError> {
        let mut sets: RecordSets = toml::from_str(text)?;
        sets.text = text.to_owned();
        sets.check().map_err(SetsError::Content)?;
        Ok(sets)
    }

    fn check(&self) -> Result<(), String> {
        let sections: Vec<&str> = self.section.iter().map(|it| it.code.as_str()).collect();
        let outs: Vec<&str> = self.out.iter().map(|it| it.code.as_str()).collect();
        let codes: Vec<&str> = self.set.iter().map(|it| it.code.as_str()).collect();
        for list in [&sections, &outs, &codes] {
            if let Some((at, code)) = list.iter().enumerate().find(|(at, code)| list.iter().take(*at).any(|it| it == *code)) {
                return Err(format!("{code} stands twice (number {})", at + 1));
            }
        }
        let rules = self.section.iter().flat_map(|it| &it.holds).chain(self.out.iter().flat_map(|it| &it.holds));
        if let Some(kind) = rules.flat_map(|rule| &rule.kinds).find(|kind| Kind::from_name(kind).is_none()) {
            return Err(format!("no kind of record is called {kind}"));
        }
        let takes_rest = |section: &Section| section.holds.contains(&Rule::default());
        if self.section.iter().filter(|it| takes_rest(it)).count() != 1 {
            return Err("exactly one section takes what no rule names: holds = [{}]".into());
        }
        let named = self.set.iter().filter_map(|set| set.only_class.as_ref());
        let classes = self.checks.sensitive.iter().chain(&self.checks.minor_classes).chain(named);
        if let Some(class) = classes.into_iter().find(|class| Class::from_name(class).is_none()) {
            return Err(format!("no class is called {class}"));
        }
        for set in &self.set {
            if let Some(code) = set.sections.iter().chain(&set.if_named).find(|code| !sections.contains(&code.as_str())) {
                return Err(format!("{}: no section is called {code}", set.code));
            }
            if let Some(code) = set.if_named.iter().find(|code| set.sections.contains(code)) {
                return Err(format!("{}: section {code} stands in both lists", set.code));
            }
            if let Some(code) = set.out.iter().find(|code| !outs.contains(&code.as_str())) {
                return Err(format!("{}: nothing that stays out is called {code}", set.code));
            }
        }
        Ok(())
    }

    /// A definition by its name, or by its name and version: `legal-health-record`, `legal-health-record 1`.
    pub fn set(&self, name: &str) -> Option<&RecordSet> {
        let (code, version) = name.split_once(' ').map_or((name, None), |(code, version)| (code, Some(version)));
        self.set.iter().find(|set| set.code == code && version.is_none_or(|version| version == set.version))
    }

    /// The number of the section that a record is of.
    pub fn section_of(&self, record: &Traits) -> usize {
        let mut best: (u8, usize) = (0, self.section.len().saturating_sub(1));
        for (number, section) in self.section.iter().enumerate() {
            for said in section.holds.iter().filter(|rule| rule.fits(record)).map(Rule::says) {
                // The first of equal ones stays.
                if said > best.0 {
                    best = (said, number);
                }
            }
        }
        if best.0 > 0 {
            return best.1;
        }
        self.section.iter().position(|it| it.holds.contains(&Rule::default())).unwrap_or(best.1)
    }

    /// What a section is called; its code when no section has it.
    pub fn title<'a>(&'a self, code: &'a str) -> &'a str {
        self.section.iter().find(|it| it.code == code).map_or(code, |it| it.title.as_str())
    }

    /// Whether a request may ask for this: the code of a section, or the name of a group.
    pub fn is_type(&self, name: &str) -> bool {
        self.section.iter().any(|section| section.is_called(name))
    }

    /// The rule by which a record stays out of a set, if any does.
    pub fn kept_out(&self, set: &RecordSet, record: &Traits) -> Option<&Out> {
        self.out.iter().filter(|out| set.out.contains(&out.code)).find(|out| out.holds_of(record))
    }

    /// The rule of unsigned drafts, for flags.
    pub fn is_unsigned(&self, record: &Traits) -> bool {
        let unsigned = self.out.iter().find(|out| out.code == "unsigned");
        unsigned.is_some_and(|out| record.statuses.iter().any(|status| out.statuses.contains(status)))
    }
}

impl Section {
    pub fn is_called(&self, name: &str) -> bool {
        self.code == name || self.group.as_deref() == Some(name)
    }
}

impl Checks {
    pub fn sensitive(&self) -> Label {
        label(&self.sensitive)
    }

    pub fn minor(&self) -> Label {
        label(&self.minor_classes)
    }
}

fn label(names: &[String]) -> Label {
    names.iter().filter_map(|name| Class::from_name(name)).collect()
}

impl Out {
    fn holds_of(&self, record: &Traits) -> bool {
        self.holds.iter().any(|rule| rule.fits(record))
            && (self.statuses.is_empty() || record.statuses.iter().any(|status| self.statuses.contains(status)))
            && !(self.unless_in_encounter && record.encounter.is_some())
    }
}

impl Rule {
    fn fits(&self, record: &Traits) -> bool {
        let shares = |list: &[String], of: &[String]| list.is_empty() || list.iter().any(|it| of.contains(it));
        (self.kinds.is_empty() || self.kinds.iter().any(|kind| kind == record.kind.name()))
            && shares(&self.categories, &record.categories)
            && shares(&self.types, &record.types)
            && (self.words.is_empty() || self.words.iter().any(|words| record.says(words)))
            && (self.media.is_empty() || self.media.iter().any(|media| record.media.starts_with(media)))
    }

    /// How much the rule says: types more than words, these more than categories, media types, kinds.
    fn says(&self) -> u8 {
        let lists = [&self.types, &self.words, &self.categories, &self.media, &self.kinds];
        lists.iter().fold(0, |all, list| all << 1 | u8::from(!list.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn section(kind: &str, mut value: serde_json::Value) -> String {
        let sets = RecordSets::shipped().unwrap();
        value["resourceType"] = kind.into();
        let traits = Traits::of(Kind::from_name(kind).unwrap(), &value);
        sets.section[sets.section_of(&traits)].code.clone()
    }

    #[test]
    fn every_kind_has_its_section_and_every_basis_its_set() {
        let sets = RecordSets::shipped().unwrap();
        for kind in Kind::all() {
            let number = sets.section_of(&Traits::of(kind, &json!({})));
            let named: Vec<&str> = sets
                .section
                .iter()
                .filter(|it| it.holds.iter().any(|rule| rule.kinds.iter().any(|name| name == kind.name()) && rule.says() == 1))
                .map(|it| it.code.as_str())
                .collect();
            let expected = if named.is_empty() { vec!["other"] } else { named };
            assert_eq!(expected, [sets.section[number].code.as_str()], "{kind}: one section, named once by kind alone");
        }
        for basis in crate::release::basis::Rules::shipped().unwrap().basis {
            assert!(sets.set(&basis.record_set).is_some(), "{}", basis.code);
        }
        for set in &sets.set {
            assert_eq!(sets.set(&format!("{} {}", set.code, set.version)).map(|it| &it.code), Some(&set.code));
            assert!(sets.set(&format!("{} 99", set.code)).is_none());
        }
    }

    #[test]
    fn the_rule_that_says_most_wins() {
        let coded = |code: &str| json!({"coding": [{"code": code}]});
        let note = |code: &str, media: &str| json!({"type": coded(code), "content": [{"attachment": {"contentType": media, "url": "x"}}]});
        for (kind, value, expected) in [
            ("Observation", json!({}), "results-other"),
            ("Observation", json!({"category": [coded("vital-signs")]}), "vitals"),
            ("Observation", json!({"category": [coded("laboratory")]}), "results-laboratory"),
            ("Observation", json!({"category": [coded("laboratory")], "code": coded("600-7")}), "results-microbiology"),
            ("DiagnosticReport", json!({"category": [coded("LAB")], "code": coded("11529-5")}), "results-pathology"),
            ("DiagnosticReport", json!({"category": [coded("RAD")]}), "imaging"),
            ("DocumentReference", note("11506-3", "text/plain"), "notes-progress"),
            ("DocumentReference", note("11506-3", "image/tiff"), "notes-progress"),
            ("DocumentReference", note("local", "image/tiff"), "scanned"),
            ("DocumentReference", note("local", "text/plain"), "notes-other"),
            ("DocumentReference", json!({"type": {"text": "Consent for surgery"}}), "consents"),
            ("DocumentReference", json!({"description": "Letter to the insurer"}), "correspondence"),
            ("DocumentReference", json!({"description": "Letterhead"}), "notes-other"),
            ("DocumentReference", note("11504-8", "application/pdf"), "procedures"),
            ("Claim", json!({}), "billing"),
            ("Basic", json!({}), "other"),
        ] {
            assert_eq!(section(kind, value.clone()), expected, "{kind} {value}");
        }
    }

    #[test]
    fn what_stays_out_depends_on_the_set() {
        let sets = RecordSets::shipped().unwrap();
        let kind = Kind::from_name("DocumentReference").unwrap();
        for (value, legal, designated) in [
            (json!({"docStatus": "final"}), None, None),
            (json!({"docStatus": "preliminary"}), Some("unsigned"), None),
            (json!({"type": {"text": "Incident Report"}}), Some("incident-report"), Some("incident-report")),
            (json!({"description": "Peer-review of the case"}), Some("peer-review"), Some("peer-review")),
            (json!({"description": "Outside records"}), Some("other-facility"), None),
            (json!({"description": "Outside records", "context": {"encounter": [{"reference": "Encounter/1"}]}}), None, None),
        ] {
            let traits = Traits::of(kind, &value);
            for (set, expected) in [("legal-health-record", legal), ("designated-record-set", designated)] {
                let out = sets.kept_out(sets.set(set).unwrap(), &traits).map(|out| out.code.as_str());
                assert_eq!(out, expected, "{set} {value}");
            }
        }
    }

    #[test]
    fn faulty_definitions_are_refused_with_their_place() {
        let shipped = include_str!("../../../schemas/release/record-sets.toml");
        for (from, to, what) in [
            ("code = \"contacts\"", "code = \"demographics\"", "demographics stands twice"),
            ("\"RelatedPerson\"", "\"Relative\"", "no kind of record is called Relative"),
            ("holds = [{}]", "holds = [{ kinds = [\"Basic\"] }]", "exactly one section"),
            ("if_named = [\"billing\"", "if_named = [\"bills\"", "no section is called bills"),
            ("out = [\"peer-review\"", "out = [\"gossip\"", "nothing that stays out is called gossip"),
            ("only_class = \"psychotherapy-notes\"", "only_class = \"secret\"", "no class is called secret"),
        ] {
            assert!(shipped.contains(from), "{from}");
            let error = RecordSets::parse(&shipped.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        }
    }
}

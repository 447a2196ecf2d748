//! The form of a policy file: TOML to rules, with every fault named by its line. `schemas/policy.schema.json` says the same
//! for editors.
//!
//! Not for: what no file may say (`floor`).

use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;
use std::path::PathBuf;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, de::Error as _};
use toml::Spanned;

use super::rule::{Breaks, Effect, Facts, Rule};
use super::{Right, decide};
use crate::access::{Channel, Purpose, Role};
use crate::limits::POLICY_RULES_MAX;
use crate::model::{Class, Kind, Label};

/// One thing wrong with a policy or a table of cases.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// From 1.
    pub line: usize,
    pub text: String,
}

impl Fault {
    pub(super) fn at(text: &str, offset: usize, words: impl Into<String>) -> Fault {
        let line = text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1;
        Fault { line, text: words.into() }
    }

    pub(super) fn of_toml(text: &str, error: &toml::de::Error) -> Fault {
        Fault::at(text, error.span().map_or(0, |span| span.start), error.message())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.text)
    }
}

/// Why a policy file or a table of cases is refused.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    #[error("{path}: {source}", path = path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{path}: larger than a policy may be", path = path.display())]
    TooLarge { path: PathBuf },
    #[error("{path} is refused:{list}", path = path.display(), list = listed(faults))]
    Faulty { path: PathBuf, faults: Vec<Fault> },
}

fn listed(faults: &[Fault]) -> String {
    faults.iter().map(|fault| format!("\n  {fault}")).collect()
}

/// A name out of a closed list.
pub(super) trait Term: Sized {
    /// What it is the name of.
    const WHAT: &'static str;
    fn named(name: &str) -> Option<Self>;
    /// All names, for the message about one that is not among them; empty when there are too many.
    fn all() -> Vec<&'static str>;
}

macro_rules! term {
    ($type:ty, $what:literal, $named:expr, $all:expr) => {
        impl Term for $type {
            const WHAT: &'static str = $what;
            fn named(name: &str) -> Option<Self> {
                $named(name)
            }
            fn all() -> Vec<&'static str> {
                $all
            }
        }
    };
}

term!(Role, "role", Role::from_name, Role::ALL.map(Role::name).to_vec());
term!(Purpose, "purpose of use", Purpose::from_code, Purpose::ALL.map(Purpose::code).to_vec());
term!(Class, "class", Class::from_name, Class::ALL.map(Class::name).to_vec());
term!(Kind, "kind of record", Kind::from_name, Vec::new());
term!(
    Right,
    "right",
    |name: &str| Right::ALL.into_iter().find(|right| right.name() == name),
    Right::ALL.map(Right::name).to_vec()
);
term!(
    Channel,
    "channel",
    |name: &str| Channel::ALL.into_iter().find(|channel| channel.name() == name),
    Channel::ALL.map(Channel::name).to_vec()
);

/// A [`Term`] as it is read; an unknown name is an error with its place.
pub(super) struct Named<T>(pub T);

impl<'de, T: Term> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Named<T>, D::Error> {
        struct Reader<T>(PhantomData<T>);
        impl<T: Term> Visitor<'_> for Reader<T> {
            type Value = Named<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "the name of a {}", T::WHAT)
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Named<T>, E> {
                let known = T::all();
                let list = if known.is_empty() { String::new() } else { format!("; there are {}", known.join(", ")) };
                T::named(name).map(Named).ok_or_else(|| E::custom(format!("\"{name}\" is no {}{list}", T::WHAT)))
            }
        }
        deserializer.deserialize_str(Reader(PhantomData))
    }
}

pub(super) type Names<T> = Option<Vec<Named<T>>>;

pub(super) fn list<T>(names: Names<T>) -> Option<Vec<T>> {
    names.map(|names| names.into_iter().map(|name| name.0).collect())
}

fn label(names: Vec<Named<Class>>) -> Label {
    names.into_iter().map(|name| name.0).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyText {
    #[serde(deserialize_with = "schema")]
    #[allow(dead_code, reason = "checked when it is read")]
    schema: u32,
    name: String,
    version: String,
    #[serde(default)]
    rule: Vec<RuleText>,
}

/// The one form that this program reads.
pub(super) fn schema<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        1 => Ok(1),
        other => Err(D::Error::custom(format!("schema {other} is not known; this program reads schema 1"))),
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum EffectName {
    Permit,
    Deny,
    Hide,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ScopeName {
    System,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleText {
    id: Spanned<String>,
    #[serde(default)]
    note: String,
    effect: EffectName,
    roles: Names<Role>,
    rights: Names<Right>,
    purposes: Names<Purpose>,
    channels: Names<Channel>,
    facilities: Option<Vec<String>>,
    departments: Option<Vec<String>>,
    relation: Option<bool>,
    scopes: Option<ScopeName>,
    sees: Names<Class>,
    breaks: Option<Vec<BreaksText>>,
    unless_facilities: Option<Vec<String>>,
    unless_departments: Option<Vec<String>>,
    unless_relation: Option<bool>,
    classes: Names<Class>,
    sources: Option<Vec<String>>,
    kinds: Names<Kind>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BreaksText {
    classes: Vec<Named<Class>>,
    reasons: Option<Vec<String>>,
}

/// A policy as read: rules, each with the offset of its id.
pub(super) struct PolicyFile {
    pub name: String,
    pub version: String,
    pub rules: Vec<(Rule, usize)>,
}

/// Reads the text; every rule that is put together wrongly is a fault.
pub(super) fn read(text: &str) -> Result<PolicyFile, Vec<Fault>> {
    let file: PolicyText = toml::from_str(text).map_err(|error| vec![Fault::of_toml(text, &error)])?;
    let (mut rules, mut faults, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    if file.rule.len() > POLICY_RULES_MAX {
        faults.push(Fault::at(text, 0, format!("more than {POLICY_RULES_MAX} rules")));
    }
    for rule in file.rule {
        let Range { start, .. } = rule.id.span();
        let id = rule.id.get_ref().clone();
        let wrong = |words: &str| Fault::at(text, start, format!("rule {id}: {words}"));
        faults.extend(misfits(&rule).map(wrong));
        if !is_id(&id) {
            faults.push(Fault::at(
                text,
                start,
                "an id is 1 to 64 lower-case letters, digits and hyphens, and none of the program's own",
            ));
        } else if !seen.insert(id.clone()) {
            faults.push(wrong("a rule of this id stands further up"));
        }
        rules.push((rule.into_rule(), start));
    }
    if faults.is_empty() { Ok(PolicyFile { name: file.name, version: file.version, rules }) } else { Err(faults) }
}

fn is_id(id: &str) -> bool {
    let plain = (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    plain && ![decide::NO_RULE, decide::BOUND, decide::NARROW_SCOPES].contains(&id)
}

/// Members that do not belong to the rule's effect, and lists that say nothing.
fn misfits(rule: &RuleText) -> impl Iterator<Item = &'static str> {
    let is_permit = rule.effect == EffectName::Permit;
    let of_permit = rule.facilities.is_some()
        || rule.departments.is_some()
        || rule.relation.is_some()
        || rule.scopes.is_some()
        || rule.sees.is_some()
        || rule.breaks.is_some();
    let of_others = rule.unless_facilities.is_some() || rule.unless_departments.is_some() || rule.unless_relation.is_some();
    let of_hide = rule.classes.is_some() || rule.sources.is_some() || rule.kinds.is_some();
    let is_hide = rule.effect == EffectName::Hide;
    let names_nobody = rule.roles.is_none() || rule.rights.is_none() || rule.purposes.is_none();
    let says_no = rule.relation == Some(false) || rule.unless_relation == Some(false);
    let lists = [&rule.facilities, &rule.departments, &rule.unless_facilities, &rule.unless_departments, &rule.sources];
    let is_empty = lists.into_iter().flatten().any(Vec::is_empty)
        || rule.roles.as_ref().is_some_and(Vec::is_empty)
        || rule.rights.as_ref().is_some_and(Vec::is_empty)
        || rule.purposes.as_ref().is_some_and(Vec::is_empty)
        || rule.channels.as_ref().is_some_and(Vec::is_empty)
        || rule.breaks.iter().flatten().any(|breaks| breaks.reasons.as_ref().is_some_and(Vec::is_empty));
    let checks = [
        (
            !is_permit && of_permit,
            "facilities, departments, relation, scopes, sees and breaks belong to a permit; deny and hide have unless_…",
        ),
        (is_permit && of_others, "unless_… belongs to deny and hide; a permit names what it demands"),
        (!is_hide && of_hide, "classes, sources and kinds belong to hide; a permit names what it `sees`"),
        (is_hide && !of_hide, "hides nothing; name classes, sources or kinds"),
        (is_permit && names_nobody, "a permit names its roles, rights and purposes"),
        (says_no, "relation and unless_relation are true or left out"),
        (is_empty, "a list is empty; leave it out where it should name all"),
    ];
    checks.into_iter().filter(|(is_wrong, _)| *is_wrong).map(|(_, words)| words)
}

impl RuleText {
    fn into_rule(self) -> Rule {
        let effect = match self.effect {
            EffectName::Permit => Effect::Permit {
                sees: label(self.sees.unwrap_or_default()),
                breaks: self.breaks.unwrap_or_default().into_iter().map(BreaksText::into_breaks).collect(),
                system_scope: self.scopes.is_some(),
            },
            EffectName::Deny => Effect::Deny,
            EffectName::Hide => Effect::Hide {
                classes: label(self.classes.unwrap_or_default()),
                sources: self.sources.unwrap_or_default().into_iter().collect(),
                kinds: list(self.kinds).unwrap_or_default().into_iter().collect(),
            },
        };
        Rule {
            id: self.id.into_inner().into(),
            note: self.note,
            effect,
            roles: list(self.roles),
            rights: list(self.rights),
            purposes: list(self.purposes),
            channels: list(self.channels),
            facts: Facts {
                facilities: self.facilities.or(self.unless_facilities),
                departments: self.departments.or(self.unless_departments),
                relation: self.relation.or(self.unless_relation).unwrap_or(false),
            },
        }
    }
}

impl BreaksText {
    fn into_breaks(self) -> Breaks {
        Breaks { classes: label(self.classes), reasons: self.reasons }
    }
}

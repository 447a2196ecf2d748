//! SMART on FHIR scopes, versions 1 and 2: the grammar, and what a set of them allows (SMART App Launch 2.2, "Scopes and
//! Launch Context"; spec access.md §4).
//!
//! Not for: the person's own permission, which is the ceiling (`policy`). Scopes narrow and never widen: what cannot be
//! understood grants nothing, and never makes another scope of the same token void.

use serde_json::Value;

use crate::limits::TOKEN_SCOPES_MAX;
use crate::model::Kind;

/// The scope by which a token asks for all that the person's role allows, at `/fhir` and `/api`. SMART has no word for it.
const WHOLE: &str = "chartkeep";
/// Parameters by whose value a scope may narrow.
const NARROWED_BY: [&str; 3] = ["category", "type", "status"];

/// Who holds a token, which decides the scopes that can count in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Holder {
    Person,
    /// A client that acts for nobody.
    Client,
}

/// What is done with a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    /// By its id: read, vread, history.
    Read,
    /// Found by a search, or listed as part of a chart.
    Search,
    /// Brought along by another record: either leave is enough, since its id is known and it could be looked for.
    Include,
}

/// The scopes of a token, parsed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Scopes {
    /// As the token says them, for the audit entry.
    pub text: String,
    rules: Vec<Rule>,
    whole: bool,
}

/// One scope that grants something.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Rule {
    context: Context,
    /// `None`: of any kind.
    kind: Option<Kind>,
    read: bool,
    search: bool,
    /// All of them must hold.
    only: Vec<Condition>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Context {
    Patient,
    User,
    System,
}

/// `category=system|code`
#[derive(Clone, PartialEq, Eq, Debug)]
struct Condition {
    element: &'static str,
    /// `None`: any; empty: none.
    system: Option<String>,
    code: String,
}

impl Scopes {
    /// Reads the scopes of a token.
    pub fn parse(text: &str) -> Scopes {
        let words = || text.split(' ').filter(|word| !word.is_empty()).take(TOKEN_SCOPES_MAX);
        let rules: Vec<Rule> = words().filter_map(Rule::parse).collect();
        let is_smart = |word: &str| ["patient/", "user/", "system/"].iter().any(|context| word.starts_with(context));
        // Beside SMART scopes it would widen them.
        let whole = words().any(|word| word == WHOLE) && !words().any(is_smart);
        Scopes { text: text.to_string(), rules, whole }
    }

    /// The same in the hands of `holder`: `system/` counts for a client alone, `user/` and `patient/` for a person alone.
    #[must_use]
    pub fn held_by(mut self, holder: Holder) -> Scopes {
        self.rules.retain(|rule| (rule.context == Context::System) == (holder == Holder::Client));
        self
    }

    /// Whether the token asks for all that the role allows, of anybody.
    pub fn is_whole(&self) -> bool {
        let is_all = |rule: &Rule| rule.kind.is_none() && rule.read && rule.search && rule.only.is_empty();
        self.whole || !self.binds_to_patient() && self.rules.iter().any(is_all)
    }

    /// Whether the token speaks for a program and no person.
    pub fn speaks_for_system(&self) -> bool {
        self.rules.iter().any(|rule| rule.context == Context::System)
    }

    pub fn grants_any(&self) -> bool {
        self.whole || !self.rules.is_empty()
    }

    /// Whether the token speaks of one patient. Then it speaks of no other: what it grants of a `user/` scope is narrowed to
    /// him too.
    pub fn binds_to_patient(&self) -> bool {
        self.rules.iter().any(|rule| rule.context == Context::Patient)
    }

    /// The same without a patient to be bound to: what speaks of him grants nothing.
    #[must_use]
    pub fn without_patient(mut self) -> Scopes {
        self.rules.retain(|rule| rule.context != Context::Patient);
        self
    }

    /// Whether any scope lets `act` be done with some record of this kind.
    pub fn permits(&self, kind: Kind, act: Act) -> bool {
        self.whole || self.rules.iter().any(|rule| rule.is_for(kind, act))
    }

    /// Whether any scope lets `act` be done with some record of some kind.
    pub fn permits_any(&self, act: Act) -> bool {
        self.whole || self.rules.iter().any(|rule| rule.allows(act))
    }

    /// Whether `act` may be done with this record; its resource is only asked for when a scope looks into it.
    pub fn shows(&self, kind: Kind, act: Act, resource: impl FnOnce() -> Value) -> bool {
        let mut fitting = self.rules.iter().filter(|rule| rule.is_for(kind, act)).peekable();
        if self.whole || fitting.clone().any(|rule| rule.only.is_empty()) {
            return true;
        }
        if fitting.peek().is_none() {
            return false;
        }
        let resource = resource();
        fitting.any(|rule| rule.only.iter().all(|condition| condition.holds(&resource)))
    }

    /// Whether every word of `asked` is a `system/` scope that lies within these; what a client may be given.
    pub fn cover(&self, asked: &str) -> bool {
        let mut words = asked.split(' ').filter(|word| !word.is_empty()).peekable();
        words.peek().is_some()
            && words.all(|word| {
                let rule = Rule::parse(word).filter(|rule| rule.context == Context::System);
                rule.is_some_and(|rule| self.rules.iter().any(|own| own.holds_within(&rule)))
            })
    }
}

impl Rule {
    /// `None` for a scope that is of another grammar, or grants nothing here: the archive is read-only.
    fn parse(word: &str) -> Option<Rule> {
        let (context, rest) = word.split_once('/')?;
        let context = match context {
            "patient" => Context::Patient,
            "user" => Context::User,
            "system" => Context::System,
            _ => return None,
        };
        let (place, query) = rest.split_once('?').map_or((rest, None), |(place, query)| (place, Some(query)));
        let (kind, letters) = place.split_once('.')?;
        let kind = match kind {
            "*" => None,
            name => Some(Kind::from_name(name)?),
        };
        let (read, search) = letters_of(letters)?;
        let only = match query {
            None => Vec::new(),
            Some(query) => query.split('&').map(Condition::parse).collect::<Option<_>>()?,
        };
        (read || search).then_some(Rule { context, kind, read, search, only })
    }

    fn allows(&self, act: Act) -> bool {
        match act {
            Act::Read => self.read,
            Act::Search => self.search,
            Act::Include => self.read || self.search,
        }
    }

    fn is_for(&self, kind: Kind, act: Act) -> bool {
        self.kind.is_none_or(|own| own == kind) && self.allows(act)
    }

    /// Whether all that `other` grants, this grants.
    fn holds_within(&self, other: &Rule) -> bool {
        self.context == other.context
            && (self.kind.is_none() || self.kind == other.kind)
            && (self.read || !other.read)
            && (self.search || !other.search)
            && self.only.iter().all(|condition| other.only.contains(condition))
    }
}

/// Read and search of a suffix: letters of `cruds` in that order, each once; or the words of version 1.
fn letters_of(suffix: &str) -> Option<(bool, bool)> {
    match suffix {
        "read" | "*" => return Some((true, true)),
        "write" => return Some((false, false)),
        _ => {}
    }
    let mut left = "cruds";
    for letter in suffix.chars() {
        let at = left.find(letter)?;
        left = left.get(at + 1..)?;
    }
    (!suffix.is_empty()).then(|| (suffix.contains('r'), suffix.contains('s')))
}

impl Condition {
    /// One code and nothing else: no modifier, no alternatives, no escapes.
    fn parse(pair: &str) -> Option<Condition> {
        let (name, value) = pair.split_once('=')?;
        let element = *NARROWED_BY.iter().find(|element| **element == name)?;
        if value.contains([',', '\\', '$', '%', '"']) {
            return None;
        }
        let (system, code) = match value.split_once('|') {
            Some((system, code)) => (Some(system.to_string()), code),
            None => (None, value),
        };
        (!code.is_empty() && !code.contains('|')).then(|| Condition { element, system, code: code.to_string() })
    }

    fn holds(&self, resource: &Value) -> bool {
        resource.get(self.element).is_some_and(|value| self.is_in(value))
    }

    /// In a code, a Coding, a CodeableConcept, or a list of any of these.
    fn is_in(&self, value: &Value) -> bool {
        match value {
            Value::String(code) => *code == self.code && self.system.as_deref().is_none_or(str::is_empty),
            Value::Array(several) => several.iter().any(|one| self.is_in(one)),
            Value::Object(members) => match members.get("coding") {
                Some(codings) => self.is_in(codings),
                None => {
                    let system = members.get("system").and_then(Value::as_str).unwrap_or("");
                    let is_of_system = self.system.as_deref().is_none_or(|wanted| wanted == system);
                    is_of_system && members.get("code").and_then(Value::as_str) == Some(&self.code)
                }
            },
            _ => false,
        }
    }
}

#[cfg(test)]
#[path = "scopes_tests.rs"]
mod tests;

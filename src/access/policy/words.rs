//! A policy's rules in words, for a page that shows them; what the file says and no more.
//!
//! Not for: deciding (`decide`), or the names in a file (`terms`).

use super::Policy;
use super::cases::words as classes_in_words;
use super::rule::{Effect, Facts, Rule};
use crate::access::Channel;

/// One rule, each part in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RuleWords {
    pub id: String,
    pub note: String,
    /// `permits`, `denies` or `hides`.
    pub effect: &'static str,
    pub who: String,
    pub what: String,
    /// Codes of purposes.
    pub purposes: String,
    pub by: &'static str,
    /// What of labelled records shows, or what it takes away.
    pub labels: String,
    /// What must be true beside, or what exempts.
    pub facts: String,
}

impl Policy {
    /// The rules in the order of the file.
    pub fn in_words(&self) -> Vec<RuleWords> {
        self.rules.iter().map(words_of).collect()
    }
}

fn words_of(rule: &Rule) -> RuleWords {
    let list = |names: Option<Vec<&str>>| names.map_or_else(|| "all".to_string(), |names| names.join(", "));
    let (effect, labels) = match &rule.effect {
        Effect::Permit { sees, breaks, .. } => {
            let opened = breaks.iter().map(|it| match &it.reasons {
                None => format!("break-glass opens {}", classes_in_words(it.classes)),
                Some(only) => format!("break-glass opens {} for {}", classes_in_words(it.classes), only.join(", ")),
            });
            let seen = if sees.is_restricted() { classes_in_words(*sees) } else { "none".into() };
            ("permits", std::iter::once(seen).chain(opened).collect::<Vec<_>>().join("; "))
        }
        Effect::Deny => ("denies", String::new()),
        Effect::Hide { classes, sources, kinds } => {
            let classes = classes.is_restricted().then(|| classes_in_words(*classes));
            let kinds = kinds.iter().map(|kind| kind.name().to_string());
            ("hides", classes.into_iter().chain(sources.iter().cloned()).chain(kinds).collect::<Vec<_>>().join(", "))
        }
    };
    let is_system = matches!(rule.effect, Effect::Permit { system_scope: true, .. });
    RuleWords {
        id: rule.id.to_string(),
        note: rule.note.clone(),
        effect,
        who: list(rule.roles.as_ref().map(|roles| roles.iter().map(|role| role.name()).collect())),
        what: list(rule.rights.as_ref().map(|rights| rights.iter().map(|right| right.name()).collect())),
        purposes: list(rule.purposes.as_ref().map(|all| all.iter().map(|purpose| purpose.code()).collect())),
        by: match rule.channels.as_deref() {
            Some([Channel::CommandLine]) => "at the archive's own machine",
            Some([Channel::Network]) => "over the network",
            _ => "any way",
        },
        labels,
        facts: facts_of(&rule.facts, is_system),
    }
}

fn facts_of(facts: &Facts, is_system: bool) -> String {
    let named = |what: &str, list: &Option<Vec<String>>| list.as_ref().map(|names| format!("{what} {}", names.join(", ")));
    let all = [
        named("of the facility", &facts.facilities),
        named("of the department", &facts.departments),
        facts.relation.then(|| "a care relation to the patient".to_string()),
        is_system.then(|| "system/ scopes of the token".to_string()),
    ];
    all.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_of_the_built_in_policy_is_told_whole() {
        let rules = Policy::built_in().in_words();
        assert_eq!(rules.len(), Policy::built_in().rules().count());
        let of = |id: &str| rules.iter().find(|rule| rule.id == id).unwrap();
        let clinician = of("clinician-treats");
        assert_eq!((clinician.effect, clinician.who.as_str(), clinician.by), ("permits", "clinician", "any way"));
        assert!(clinician.labels.contains("substance-use for medical-emergency, threat-to-life"), "{}", clinician.labels);
        assert_eq!(of("archivist-reviews-identity").labels, "none");
        assert_eq!(of("service-by-system-scope").facts, "system/ scopes of the token");
        assert_eq!(of("him-exports-for-requests").by, "at the archive's own machine");
    }
}

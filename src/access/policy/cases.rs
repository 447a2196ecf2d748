//! Tables of cases: what a policy is expected to decide, run against it cell by cell (`chartkeep policy test`).
//!
//! Not for: the gate; nothing here is asked for a real request.

use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;

use super::file::{Fault, Named, Names, PolicyError, schema};
use super::terms::smart;
use super::{Allowed, Decision, Policy, Question, Right, decide};
use crate::access::{BreakGlassGrant, Channel, Principal, Purpose, Role, Scope};
use crate::limits::POLICY_BYTES_MAX;
use crate::model::{ArchiveId, Class, Kind, Label, PatientKey};

/// The moment of every case, in Unix seconds.
const NOW: i64 = 1_000_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CasesText {
    #[serde(deserialize_with = "schema")]
    #[allow(dead_code, reason = "checked when it is read")]
    schema: u32,
    case: Vec<CaseText>,
}

/// One `[[case]]`: every combination of its lists is a cell. A list that is left out stands for all there is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseText {
    name: Spanned<String>,
    roles: Names<Role>,
    rights: Names<Right>,
    purposes: Names<Purpose>,
    channels: Names<Channel>,
    facility: Option<String>,
    department: Option<String>,
    /// National Provider Identifier.
    npi: Option<String>,
    /// Whether a care relation to the patient is on file.
    #[serde(default)]
    relation: bool,
    /// SMART scopes of the token.
    scopes: Option<String>,
    /// Whether the question comes by a FHIR route, which applies scopes itself.
    #[serde(default)]
    fhir: bool,
    bound: Option<Whom>,
    break_glass: Option<GrantText>,
    /// Kind of the record, for the right `record`; Observation when left out.
    kind: Option<Named<Kind>>,
    expect: Verdict,
    /// The rule that wins.
    rule: Option<String>,
    /// Exactly the labelled classes that are shown.
    sees: Names<Class>,
    /// Exactly the classes that a break-glass could still open.
    withheld: Names<Class>,
    /// Exactly the source systems and kinds that are hidden.
    hidden_sources: Option<Vec<String>>,
    hidden_kinds: Names<Kind>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Allow,
    Deny,
}

/// Of which patient something is: the one whom the question is about, or another.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Whom {
    Same,
    Other,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GrantText {
    /// All when left out.
    classes: Names<Class>,
    reason: String,
    #[serde(default)]
    over: bool,
    #[serde(default)]
    other_patient: bool,
}

/// A table of cases, read and checked.
pub struct Cases {
    cases: Vec<(CaseText, usize)>,
}

/// What became of one case.
#[derive(Clone, Debug)]
pub struct CaseOutcome {
    pub name: String,
    /// Of the case in its file, from 1.
    pub line: usize,
    pub cells: Vec<CellOutcome>,
}

/// One combination of a case's lists, and what the policy decides of it.
#[derive(Clone, Debug)]
pub struct CellOutcome {
    pub role: Role,
    pub right: Right,
    pub purpose: Purpose,
    pub channel: Channel,
    pub decision: Decision,
    /// What was expected, where the policy decides otherwise.
    pub mismatch: Option<String>,
}

impl CaseOutcome {
    pub fn holds(&self) -> bool {
        self.cells.iter().all(|cell| cell.mismatch.is_none())
    }
}

impl CellOutcome {
    /// `allow` or `deny`.
    pub fn verdict(&self) -> &'static str {
        match self.decision {
            Decision::Allow(_) => "allow",
            Decision::Deny(_) => "deny",
        }
    }

    /// The rule that won.
    pub fn rule(&self) -> &str {
        match &self.decision {
            Decision::Allow(allowed) => allowed.rules.first().map_or("", |rule| rule),
            Decision::Deny(denied) => &denied.rule,
        }
    }
}

impl Cases {
    /// # Errors
    /// When the file cannot be read or is no table of cases; a misspelt name is told with its line.
    pub fn load(path: &Path) -> Result<Cases, PolicyError> {
        let unreadable = |source| PolicyError::Unreadable { path: path.to_path_buf(), source };
        if std::fs::metadata(path).map_err(unreadable)?.len() > POLICY_BYTES_MAX {
            return Err(PolicyError::TooLarge { path: path.to_path_buf() });
        }
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        Cases::parse(&text).map_err(|fault| PolicyError::Faulty { path: path.to_path_buf(), faults: vec![fault] })
    }

    pub fn parse(text: &str) -> Result<Cases, Fault> {
        let read: CasesText = toml::from_str(text).map_err(|error| Fault::of_toml(text, &error))?;
        let placed = read.case.into_iter().map(|case| {
            let line = Fault::at(text, case.name.span().start, "").line;
            (case, line)
        });
        Ok(Cases { cases: placed.collect() })
    }

    pub fn run(&self, policy: &Policy) -> Vec<CaseOutcome> {
        self.cases.iter().map(|(case, line)| case.run(policy, *line)).collect()
    }
}

/// The patient of the questions, and another one.
fn patient(whom: Whom) -> PatientKey {
    let name = if whom == Whom::Same { "case.1" } else { "case.2" };
    PatientKey(ArchiveId::parse(name).unwrap_or_else(|| unreachable!("a plain name")))
}

impl CaseText {
    fn run(&self, policy: &Policy, line: usize) -> CaseOutcome {
        let mut cells = Vec::new();
        for role in of(&self.roles, &Role::ALL) {
            for right in of(&self.rights, &Right::ALL) {
                for purpose in of(&self.purposes, &Purpose::ALL) {
                    for channel in of(&self.channels, &Channel::ALL) {
                        let decision = self.decide(policy, &self.principal(role, purpose, channel), right);
                        let mismatch = self.mismatch(&decision);
                        cells.push(CellOutcome { role, right, purpose, channel, decision, mismatch });
                    }
                }
            }
        }
        CaseOutcome { name: self.name.get_ref().clone(), line, cells }
    }

    fn principal(&self, role: Role, purpose: Purpose, channel: Channel) -> Principal {
        let mut principal = match channel {
            Channel::CommandLine => Principal::operator("case", role, purpose),
            Channel::Network => Principal::without_credentials("urn:example:cases", "case", "case", role, purpose),
        };
        principal.attributes.facility = self.facility.clone();
        principal.attributes.department = self.department.clone();
        principal.attributes.npi = self.npi.clone();
        principal.scopes = self.scopes.as_deref().map(|scopes| smart::scopes(scopes, role));
        principal.bound_to = self.bound.map(patient);
        principal.grants = self.break_glass.iter().map(GrantText::grant).collect();
        principal
    }

    fn decide(&self, policy: &Policy, principal: &Principal, right: Right) -> Decision {
        let patients = [patient(Whom::Same)];
        let scope = self.scope(right);
        let is_about_him = right.is_of_one_person();
        let question = Question {
            principal,
            scope: &scope,
            patients: if is_about_him { &patients } else { &[] },
            bound: principal.bound_to.as_slice(),
            related: if is_about_him && self.relation { &patients } else { &[] },
            applies_scopes: self.fhir,
            now: NOW,
        };
        decide(policy, &question)
    }

    fn scope(&self, right: Right) -> Scope {
        let patient = patient(Whom::Same);
        match right {
            Right::FindPatients => Scope::FindPatients,
            Right::Chart => Scope::Chart(patient),
            Right::Record => {
                let observation = || Kind::from_name("Observation").unwrap_or(Kind::PATIENT);
                Scope::Record(self.kind.as_ref().map_or_else(observation, |kind| kind.0), patient.0)
            }
            Right::SearchAll => Scope::SearchAll,
            Right::Everything => Scope::Everything,
            Right::AuditLog => Scope::AuditLog(None),
            Right::Accessions => Scope::Accessions,
            Right::IdentityReview => Scope::IdentityReview,
            Right::Quarantine => Scope::Quarantine,
            Right::BreakGlassReviews => Scope::BreakGlassReviews,
            Right::Accounts => Scope::Accounts,
            Right::Policy => Scope::Policy,
            Right::OwnNotes => Scope::OwnNotes(vec![patient]),
            Right::Bulk => Scope::Bulk,
            Right::Ehi => Scope::Ehi(vec![patient]),
            Right::Releases => Scope::Releases,
            Right::QuarantineMasked => Scope::QuarantineMasked,
            Right::System => Scope::System,
        }
    }

    /// What was expected otherwise, in words.
    fn mismatch(&self, decision: &Decision) -> Option<String> {
        let rule = |won: Option<&Arc<str>>| {
            let expected = self.rule.as_deref()?;
            (won.map(|won| won.as_ref()) != Some(expected)).then(|| format!("expected the rule {expected}"))
        };
        match (decision, self.expect) {
            (Decision::Allow(allowed), Verdict::Allow) => {
                rule(allowed.rules.first()).or_else(|| self.classes_differ(allowed)).or_else(|| self.hides_otherwise(allowed))
            }
            (Decision::Deny(denied), Verdict::Deny) => rule(Some(&denied.rule)),
            (_, Verdict::Allow) => Some("expected allow".into()),
            (_, Verdict::Deny) => Some("expected deny".into()),
        }
    }

    fn classes_differ(&self, allowed: &Allowed) -> Option<String> {
        let shown: Label = Class::ALL.into_iter().filter(|class| !allowed.filter.hide.holds(*class)).collect();
        let differs = |what: &str, wanted: &Names<Class>, got: Label| {
            let wanted: Label = wanted.as_ref()?.iter().map(|class| class.0).collect();
            (wanted != got).then(|| format!("expected {what} {}, got {}", words(wanted), words(got)))
        };
        differs("to be seen", &self.sees, shown).or_else(|| differs("to be withheld", &self.withheld, allowed.withheld))
    }

    fn hides_otherwise(&self, allowed: &Allowed) -> Option<String> {
        let (sources, kinds) = (&allowed.filter.hide_sources, &allowed.filter.hide_kinds);
        let sources_differ = self.hidden_sources.as_ref().is_some_and(|wanted| !sources.iter().eq(wanted));
        let wanted = self.hidden_kinds.as_ref().map(|names| names.iter().map(|kind| kind.0).collect());
        let kinds_differ = wanted.is_some_and(|wanted: std::collections::BTreeSet<Kind>| wanted != *kinds);
        (sources_differ || kinds_differ).then(|| format!("hides the sources {sources:?} and the kinds {kinds:?}"))
    }
}

impl GrantText {
    fn grant(&self) -> BreakGlassGrant {
        let all = || Class::ALL.to_vec();
        BreakGlassGrant {
            id: "case".into(),
            patients: vec![patient(if self.other_patient { Whom::Other } else { Whom::Same })],
            classes: self
                .classes
                .as_ref()
                .map_or_else(all, |names| names.iter().map(|name| name.0).collect())
                .into_iter()
                .collect(),
            reason_code: self.reason.clone(),
            expires: if self.over { NOW } else { NOW + 1 },
        }
    }
}

/// The names that a list gives, or all.
fn of<T: Copy>(names: &Names<T>, all: &[T]) -> Vec<T> {
    names.as_ref().map_or_else(|| all.to_vec(), |names| names.iter().map(|name| name.0).collect())
}

/// The classes of a label by name.
pub(super) fn words(label: Label) -> String {
    let names: Vec<&str> = label.classes().map(Class::name).collect();
    if names.is_empty() { "nothing".into() } else { names.join(", ") }
}

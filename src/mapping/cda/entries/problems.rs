//! Problems, diagnoses and concerns → Condition.
//!
//! The act around a problem says whether the *concern* is still followed, not whether the problem is over: that lies in
//! the status observation and the times of the problem itself. A problem that is said not to be there becomes a refuted
//! Condition, never an active one; "no known problems" becomes none.
//!
//! Not for: reasons of other entries, which stay codes in them.

use super::super::types::Concept;
use super::read::{Span, is_any, is_assertion, is_negated, key, name, related, related_as, status};
use super::rules::{Rule, Topic, rule};
use super::values::quantity;
use super::work::{Ref, Scope, Work};
use crate::formats::cda::Element;
use crate::mapping::fhir::Object;
use crate::mapping::systems::Coding;

const CLINICAL: &str = "http://terminology.hl7.org/CodeSystem/condition-clinical";
const VERIFICATION: &str = "http://terminology.hl7.org/CodeSystem/condition-ver-status";
const CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/condition-category";
const US_CATEGORY: &str = "http://hl7.org/fhir/us/core/CodeSystem/condition-category";

/// Codes that name no problem but the idea of one: negated, or alone, they say that none is known.
const ANY_PROBLEM: [&str; 9] =
    ["55607006", "404684003", "64572001", "282291009", "418799008", "409586006", "248536006", "373930000", "29308-4"];
/// Codes that say that no problem is known.
const NO_PROBLEM: [&str; 3] = ["160245001", "102499006", "1149222004"];

/// Statuses of a problem, SNOMED CT, as those of a Condition.
const STATUSES: [(&str, &str); 11] = [
    ("55561003", "active"),
    ("90734009", "active"),
    ("7087005", "active"),
    ("73425007", "inactive"),
    ("392521001", "inactive"),
    ("413322009", "resolved"),
    ("723506003", "resolved"),
    ("277022003", "remission"),
    ("246455001", "recurrence"),
    ("255227004", "recurrence"),
    ("263855007", "relapse"),
];

impl<'a> Work<'a> {
    /// The problems of a concern (or of an act that gathers diagnoses); false when there is none inside.
    pub fn problem_concern(&mut self, act: Element<'a>, scope: Scope<'a>) -> bool {
        let mut found = false;
        let scope = scope.within(act);
        for (_, inside) in related(act) {
            if inside.is("observation") && rule(inside, scope.topic) == Some(Rule::Problem) {
                self.problem(inside, scope);
                found = true;
            }
        }
        found
    }

    /// One problem. Gives what a diagnosis of an encounter may refer to.
    pub fn problem(&mut self, entry: Element<'a>, scope: Scope<'a>) -> Option<Ref> {
        let code = self.problem_code(entry);
        let is_any_problem = code.is_empty() || is_any(&code, &ANY_PROBLEM);
        let says_none = is_any(&code, &NO_PROBLEM) || name(&code).to_ascii_lowercase().starts_with("no known");
        if says_none || is_negated(entry) && is_any_problem {
            self.none_known += 1;
            return None;
        }
        if code.is_empty() {
            self.empty(entry);
            return None;
        }
        // The diagnosis of a visit is another record than the problem of the list, though exporters give both one id.
        let is_diagnosis = self.category(scope).code == "encounter-diagnosis";
        let what = if is_diagnosis { format!("diagnosis {}", key(&code)) } else { key(&code).to_owned() };
        let mut draft = self.begin_as("Condition", entry, &what);
        let mut o = draft.resource.object();
        self.write_problem(&mut o, entry, &code, &scope);
        Some(self.keep(draft, name(&code)))
    }

    /// What the problem is: the value; in old documents the code, when that is more than "a problem".
    fn problem_code(&self, entry: Element<'a>) -> Concept {
        let value = self.concept(entry.child("value"));
        if !value.is_empty() {
            return value;
        }
        let code = self.concept(entry.child("code"));
        if !is_any(&code, &ANY_PROBLEM) && !is_assertion(&code) && !code.codings.is_empty() {
            return code;
        }
        Concept { codings: Vec::new(), text: self.short_words(entry.child("text")) }
    }

    fn write_problem(&self, o: &mut Object<'_>, entry: Element<'a>, code: &Concept, scope: &Scope<'a>) {
        let span = self.span(entry.child("effectiveTime"));
        let refuted = is_negated(entry);
        let clinical = if refuted { "" } else { self.clinical_status(entry, &span, scope) };
        let coded = |system: &str, code: &str| [Coding::new(system, code, "")];
        o.concept("clinicalStatus", &coded(CLINICAL, clinical), "");
        o.concept("verificationStatus", &coded(VERIFICATION, if refuted { "refuted" } else { "" }), "");
        o.array("category", |list| list.concept(&[self.category(*scope)], ""));
        if let Some(severity) = related_as(entry, &["22.4.8", "1.55"], "SEV") {
            self.concept(severity.child("value")).write(o, "severity");
        }
        code.write(o, "code");
        o.array("bodySite", |list| {
            entry.children("targetSiteCode").map(|site| self.concept(Some(site))).for_each(|c| list.concept(&c.codings, &c.text));
        });
        self.subject(o, "subject");
        self.encounter(o, "encounter", entry);
        self.onset(o, entry, &span);
        if matches!(clinical, "inactive" | "resolved" | "remission" | "") {
            o.text("abatementDateTime", &span.high);
        }
        o.text("recordedDate", &self.authored(entry, scope));
        self.author(o, "recorder", entry, scope);
        self.informant(o, "asserter", entry);
        self.notes(o, entry, &[]);
    }

    fn onset(&self, o: &mut Object<'_>, entry: Element<'a>, span: &Span) {
        if !span.start().is_empty() {
            o.text("onsetDateTime", span.start());
        } else if let Some(age) = related_as(entry, &["22.4.31", "1.38"], "445518008").and_then(|age| age.child("value")) {
            o.object("onsetAge", |o| {
                quantity(o, "", age.attr("value"), if age.attr("unit").is_empty() { "a" } else { age.attr("unit") })
            });
        }
    }

    /// Whether a problem is active: the date of its end says most, then its status, then the concern around it.
    fn clinical_status(&self, entry: Element<'a>, span: &Span, scope: &Scope<'a>) -> &'static str {
        let said = related_as(entry, &["22.4.6", "1.50"], "33999-4").map(|status| self.concept(status.child("value")));
        let said = said.map_or("", |value| problem_status(&value));
        let concern = scope.around.concern;
        match (said, concern) {
            (said @ ("inactive" | "resolved" | "remission"), _) => said,
            _ if !span.high.is_empty() => "resolved",
            ("", "completed") if span.ended => "resolved",
            ("", "completed" | "aborted" | "suspended") => "inactive",
            ("", _) if scope.topic == Topic::PastIllness => "inactive",
            ("", "active") => "active",
            ("", _) if matches!(scope.topic, Topic::Problems | Topic::Concerns) && status(entry) != "completed" => {
                problem_act(entry)
            }
            (said, _) => said,
        }
    }

    fn category(&self, scope: Scope<'a>) -> Coding {
        match scope.topic {
            _ if scope.around.is_diagnosis => Coding::new(CATEGORY, "encounter-diagnosis", "Encounter Diagnosis"),
            Topic::Concerns => Coding::new(US_CATEGORY, "health-concern", "Health Concern"),
            Topic::Diagnoses | Topic::Encounters | Topic::Procedures => {
                Coding::new(CATEGORY, "encounter-diagnosis", "Encounter Diagnosis")
            }
            _ => Coding::new(CATEGORY, "problem-list-item", "Problem List Item"),
        }
    }
}

/// The status of a problem by its code, else by its words.
fn problem_status(value: &Concept) -> &'static str {
    let coded = STATUSES.iter().find(|(code, _)| is_any(value, &[code]));
    let words = name(value).to_ascii_lowercase();
    let said = || STATUSES.iter().find(|(_, status)| words.starts_with(status));
    coded.or_else(said).map_or("", |(_, status)| status)
}

/// The status of an observation that stands alone in the list of problems.
fn problem_act(entry: Element<'_>) -> &'static str {
    match status(entry) {
        "active" => "active",
        "aborted" | "suspended" => "inactive",
        _ => "",
    }
}

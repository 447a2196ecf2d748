//! Visits and stays told by entries → Encounter, with their diagnoses.
//!
//! Not for: the visit that the whole document is about (`super::super::encounter`).

use super::super::types::Concept;
use super::allergies::absent;
use super::read::{Span, name, related, status};
use super::rules::{Rule, Topic, has, rule};
use super::work::{Ref, Scope, Work};
use crate::formats::cda::Element;
use crate::mapping::fhir::Object;
use crate::mapping::systems::Coding;

const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";

/// Codes of kinds of encounter that say of which class it was.
const CLASSES: [(&str, &[&str]); 4] = [
    ("VR", &["VR"]),
    ("EMER", &["EMER", "99281", "99282", "99283", "99284", "99285", "4525004", "50849002"]),
    (
        "IMP",
        &[
            "IMP",
            "ACUTE",
            "NONAC",
            "99221",
            "99222",
            "99223",
            "99231",
            "99232",
            "99233",
            "99238",
            "99239",
            "32485007",
            "183452005",
            "8715000",
            "394656005",
        ],
    ),
    (
        "AMB",
        &[
            "AMB",
            "99201",
            "99202",
            "99203",
            "99204",
            "99205",
            "99211",
            "99212",
            "99213",
            "99214",
            "99215",
            "99241",
            "99242",
            "99243",
            "99244",
            "99245",
            "185349003",
            "185345009",
            "270427003",
            "11429006",
            "308335008",
            "33022008",
            "390906007",
        ],
    ),
];

impl<'a> Work<'a> {
    pub fn encounter_entry(&mut self, entry: Element<'a>, scope: Scope<'a>) {
        let kind = self.code_or_text(entry);
        let span = self.span(entry.child("effectiveTime"));
        if kind.is_empty() && span.is_empty() {
            self.empty(entry);
            return;
        }
        let diagnoses = self.diagnoses(entry, scope);
        // Others refer to it by its id alone.
        let mut draft = self.begin_as("Encounter", entry, "");
        let mut o = draft.resource.object();
        o.text("status", encounter_status(entry, &span));
        o.object("class", |o| class(o, &kind));
        let of_kind: Vec<Coding> = kind.codings.iter().filter(|coding| coding.system != ACT_CODE).cloned().collect();
        o.array("type", |list| list.concept(&of_kind, &kind.text));
        self.subject(&mut o, "subject");
        o.array("participant", |list| {
            for entity in self.performers(entry) {
                list.object(|o| {
                    o.object("individual", |o| self.party(o, entity));
                });
            }
        });
        span.write_period(&mut o, "period");
        o.array("reasonCode", |list| self.reasons(list, entry));
        o.array("diagnosis", |list| {
            for diagnosis in &diagnoses {
                list.object(|o| {
                    o.reference("condition", diagnosis.kind, &diagnosis.id, &diagnosis.display);
                });
            }
        });
        let discharge = entry.child("sdtc:dischargeDispositionCode").or_else(|| entry.child("dischargeDispositionCode"));
        o.object("hospitalization", |o| self.concept(discharge).write(o, "dischargeDisposition"));
        o.array("location", |list| {
            for place in self.places(entry) {
                list.object(|o| {
                    o.reference("location", "", "", &place);
                });
            }
        });
        self.keep(draft, name(&kind));
    }

    /// The diagnoses of a visit, each a Condition.
    fn diagnoses(&mut self, entry: Element<'a>, scope: Scope<'a>) -> Vec<Ref> {
        let scope = Scope { topic: Topic::Encounters, ..scope.within(entry) };
        let mut found = Vec::new();
        for (_, act) in related(entry) {
            if has(act, &["22.4.19"]) && act.is("observation") {
                continue;
            }
            match rule(act, Topic::Encounters) {
                Some(Rule::Problem) => found.extend(self.problem(act, scope)),
                Some(Rule::ProblemConcern) => {
                    let scope = scope.within(act);
                    for (_, problem) in related(act).filter(|(_, act)| act.is("observation")) {
                        if rule(problem, Topic::Encounters) == Some(Rule::Problem) {
                            found.extend(self.problem(problem, scope));
                        }
                    }
                }
                _ => {}
            }
        }
        found
    }
}

/// An entry about a visit tells of the past: one with a time has been.
fn encounter_status(entry: Element<'_>, span: &Span) -> &'static str {
    match status(entry) {
        "active" => "in-progress",
        "cancelled" | "aborted" => "cancelled",
        "nullified" => "entered-in-error",
        "completed" => "finished",
        _ if !span.point.is_empty() || !span.high.is_empty() => "finished",
        _ => "unknown",
    }
}

/// The class: a code of ActCode among those of the kind, or what the kind stands for.
fn class(o: &mut Object<'_>, kind: &Concept) {
    let words = kind.text.to_ascii_lowercase();
    let by_words = || match words.as_str() {
        "inpatient" | "inpatient encounter" => Some("IMP"),
        "emergency" | "emergency room" | "ed visit" => Some("EMER"),
        "outpatient" | "ambulatory" | "office visit" | "clinic visit" => Some("AMB"),
        _ => None,
    };
    let known = kind.codings.iter().find_map(|coding| {
        let class = CLASSES.iter().find(|(_, codes)| codes.contains(&coding.code.as_str()));
        class.map(|(class, _)| *class)
    });
    match known.or_else(by_words) {
        Some(class) => Coding::new(ACT_CODE, class, "").write(o),
        // FHIR wants one.
        None => absent(o, "UNK"),
    }
}

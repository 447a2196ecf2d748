//! Results, vital signs, social history, functional status and other observations → Observation; panels of results →
//! DiagnosticReport.
//!
//! What is said about advance directives becomes an Observation and not a Consent: the entry tells what the patient
//! wishes ("resuscitation: full code") and perhaps where a paper lies; who consented to what rule, which a Consent
//! states, is not in it.
//!
//! Not for: the types of values (`values`).

use super::super::types::Concept;
use super::read::{is_assertion, is_negated, name, related, status};
use super::rules::{Topic, has};
use super::values::{absent_reason, pq};
use super::work::{Ref, Scope, Work};
use crate::formats::cda::Element;
use crate::mapping::fhir::{Array, Object, decimal};
use crate::mapping::systems::Coding;

const CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/observation-category";
const ABSENT: &str = "http://terminology.hl7.org/CodeSystem/data-absent-reason";
const LOINC: &str = "http://loinc.org";

impl<'a> Work<'a> {
    /// A panel: its observations, and a report that names them.
    pub fn result_organizer(&mut self, organizer: Element<'a>, scope: Scope<'a>) {
        let inside = scope.within(organizer);
        let results: Vec<Ref> = members(organizer).filter_map(|entry| self.observation(entry, inside)).collect();
        let code = self.concept(organizer.child("code"));
        let mut draft = self.begin("DiagnosticReport", organizer, &code);
        let mut o = draft.resource.object();
        o.text("status", report_status(organizer));
        o.array("category", |list| {
            list.concept(&[Coding::new("http://terminology.hl7.org/CodeSystem/v2-0074", "LAB", "Laboratory")], "");
            self.own_categories(list, organizer);
        });
        // Without a code of the panel, its only result says what the report is.
        let text = if results.len() == 1 { results[0].display.as_str() } else { "Results" };
        if name(&code).is_empty() {
            o.concept("code", &[], text)
        } else {
            o.concept("code", &code.codings, &code.text)
        };
        self.subject(&mut o, "subject");
        self.encounter(&mut o, "encounter", organizer);
        self.organizer_when(organizer).write(&mut o, "effective");
        o.array("performer", |list| self.doers(list, organizer, &scope));
        o.array("specimen", |list| {
            let specimen = self.specimen(organizer.child("specimen"));
            list.reference("", "", &specimen);
        });
        o.array("result", |list| {
            results.iter().filter(|r| !r.id.is_empty()).for_each(|r| list.reference(r.kind, &r.id, &r.display));
        });
        self.keep(draft, name(&code));
    }

    /// When the panel was made; one that does not say so, when its first result was.
    fn organizer_when(&self, organizer: Element<'a>) -> super::read::Span {
        let own = self.span(organizer.child("effectiveTime"));
        if !own.is_empty() {
            return own;
        }
        members(organizer).map(|entry| self.span(entry.child("effectiveTime"))).find(|s| !s.is_empty()).unwrap_or_default()
    }

    /// An organizer whose observations stand for themselves; false when it holds none.
    pub fn organizer(&mut self, organizer: Element<'a>, scope: Scope<'a>) -> bool {
        let mut found = false;
        let scope = scope.within(organizer);
        for (_, entry) in related(organizer) {
            found |= self.statement(entry, scope);
        }
        found
    }

    /// One observation; none when it holds neither a code nor a value.
    pub fn observation(&mut self, entry: Element<'a>, scope: Scope<'a>) -> Option<Ref> {
        let code = self.observation_code(entry, &scope);
        let has_value = entry.children("value").any(|v| v.null_flavor().is_empty() || v.elements().next().is_some());
        if code.is_empty() && !has_value {
            self.empty(entry);
            return None;
        }
        // The value tells apart what only asserts something, and the time what is measured again.
        let when = self.when(entry, &scope);
        let mut what = super::read::key(&code).to_owned();
        if is_assertion(&code) {
            what = entry.child("value").map(|v| self.value_words(v)).unwrap_or_default();
        }
        let what = format!("{what} {}", when.start());
        // A report refers to its results, so these have a name even where the exporter gave them none.
        let in_panel = scope.topic == Topic::Results && scope.around.is_organizer;
        let value = if in_panel { entry.child("value").map(|v| self.value_words(v)).unwrap_or_default() } else { String::new() };
        let mut draft = self.begin_told("Observation", entry, what.trim(), &[super::read::key(&code), when.start(), &value]);
        let mut o = draft.resource.object();
        o.text("status", observation_status(entry));
        o.array("category", |list| {
            list.concept(&[category(scope.topic, entry)], "");
            self.own_categories(list, entry);
        });
        code.write(&mut o, "code");
        self.subject(&mut o, "subject");
        let mut encounter = self.encounter_of(entry);
        if encounter.is_empty() {
            encounter = scope.around.encounter.map(|e| self.encounter_id(e)).unwrap_or_default();
        }
        o.reference("encounter", "Encounter", &encounter, "");
        when.write(&mut o, "effective");
        o.array("performer", |list| self.doers(list, entry, &scope));
        self.values(&mut o, entry, &code);
        o.array("interpretation", |list| {
            for interpretation in entry.children("interpretationCode").map(|i| self.concept(Some(i))) {
                list.concept(&interpretation.codings, &interpretation.text);
            }
        });
        self.notes(&mut o, entry, &[]);
        self.concept(entry.child("targetSiteCode")).write(&mut o, "bodySite");
        self.concept(entry.child("methodCode")).write(&mut o, "method");
        o.reference("specimen", "", "", &self.specimen(entry.child("specimen").or(scope.around.specimen)));
        o.array("referenceRange", |list| self.ranges(list, entry));
        let kept = self.keep(draft, name(&code));
        self.inside_observation(entry, scope);
        Some(kept)
    }

    /// Problems and scales that an observation carries inside are records too.
    fn inside_observation(&mut self, entry: Element<'a>, scope: Scope<'a>) {
        let scope = scope.within(entry);
        for (_, act) in related(entry) {
            let is_own = has(act, &["22.4.69", "22.4.86", "22.4.138", "22.4.50", "15.3.1"]) && act.child("code").is_some();
            if is_own {
                self.statement(act, scope);
            }
        }
    }

    fn observation_code(&self, entry: Element<'a>, scope: &Scope<'a>) -> Concept {
        let mut code = self.code_or_text(entry);
        if has(entry, &["22.4.78"]) && code.codings.iter().all(|c| c.code != "72166-2") {
            code.codings.insert(0, Coding::new(LOINC, "72166-2", "Tobacco smoking status"));
        } else if is_assertion(&code) && (code.text.is_empty() || code.text.eq_ignore_ascii_case("assertion")) {
            code.text = words_for(scope.topic).to_owned();
        }
        code
    }

    /// The value, or why there is none. Of further values each is a component.
    fn values(&self, o: &mut Object<'_>, entry: Element<'a>, code: &Concept) {
        let mut values = entry.children("value");
        let Some(first) = values.next() else {
            return;
        };
        if is_negated(entry) {
            let words = self.value_words(first);
            let of = if words.is_empty() { name(code) } else { &words };
            o.concept("valueCodeableConcept", &[], &format!("Not: {of}"));
            return;
        }
        if !self.value(o, entry, first) {
            let null_flavor = first.null_flavor();
            o.concept("dataAbsentReason", &[Coding::new(ABSENT, absent_reason(null_flavor), "")], "");
        }
        o.array("component", |list| {
            for value in values {
                list.object(|o| {
                    let mut with_value = false;
                    code.write(o, "code");
                    with_value |= self.value(o, entry, value);
                    if !with_value {
                        o.concept("dataAbsentReason", &[Coding::new(ABSENT, absent_reason(value.null_flavor()), "")], "");
                    }
                });
            }
        });
    }

    fn ranges(&self, list: &mut Array<'_>, entry: Element<'a>) {
        for range in entry.children("referenceRange").filter_map(|r| r.child("observationRange")) {
            let value = range.child("value");
            let end = |name: &str| value.and_then(|v| v.child(name)).filter(|e| decimal(e.attr("value")).is_some());
            let text = self.words(range.child("text"));
            let text = if text.is_empty() && end("low").or(end("high")).is_none() {
                value.map(|v| self.value_words(v)).unwrap_or_default()
            } else {
                text
            };
            list.object(|o| {
                for name in ["low", "high"] {
                    if let Some(end) = end(name) {
                        o.object(name, |o| pq(o, "", end));
                    }
                }
                o.text("text", &text);
            });
        }
    }

    /// Who did it; who wrote it where that is not said.
    pub fn doers(&self, list: &mut Array<'_>, entry: Element<'a>, scope: &Scope<'a>) {
        let mut performers = self.performers(entry);
        if performers.is_empty() {
            performers.extend(scope.around.performer.and_then(|performer| performer.child("assignedEntity")));
        }
        if performers.is_empty() {
            let author = entry.child("author").or(scope.around.author);
            performers.extend(author.and_then(|author| author.child("assignedAuthor")));
        }
        performers.iter().for_each(|entity| list.object(|o| self.party(o, *entity)));
    }

    fn specimen(&self, specimen: Option<Element<'a>>) -> String {
        let kind = specimen.and_then(|specimen| specimen.path(&["specimenRole", "specimenPlayingEntity"]));
        let code = self.concept(kind.and_then(|kind| kind.child("code")));
        if code.is_empty() { self.words(kind.and_then(|kind| kind.child("name"))) } else { name(&code).to_owned() }
    }

    /// Categories that the entry gives itself.
    fn own_categories(&self, list: &mut Array<'_>, entry: Element<'a>) {
        for category in entry.children("sdtc:category").map(|c| self.concept(Some(c))) {
            list.concept(&category.codings, &category.text);
        }
    }
}

/// The observations of a panel; a panel in a panel is read by its observations.
fn members<'a>(organizer: Element<'a>) -> impl Iterator<Item = Element<'a>> {
    let direct = related(organizer).map(|(_, act)| act);
    direct.flat_map(|act| {
        let inner: Vec<Element<'a>> = if act.is("organizer") { related(act).map(|(_, act)| act).collect() } else { vec![act] };
        inner.into_iter().filter(|act| act.is("observation"))
    })
}

fn report_status(organizer: Element<'_>) -> &'static str {
    match status(organizer) {
        "completed" => "final",
        "active" => "partial",
        "held" | "suspended" | "new" => "registered",
        "aborted" | "cancelled" => "cancelled",
        "nullified" => "entered-in-error",
        _ => "unknown",
    }
}

fn observation_status(entry: Element<'_>) -> &'static str {
    match status(entry) {
        "completed" => "final",
        "active" => "preliminary",
        "held" | "suspended" | "new" => "registered",
        "aborted" | "cancelled" => "cancelled",
        "nullified" => "entered-in-error",
        _ => "unknown",
    }
}

fn category(topic: Topic, entry: Element<'_>) -> Coding {
    let is_vital = has(entry, &["22.4.27"]);
    let (code, display) = match topic {
        Topic::Vitals => ("vital-signs", "Vital Signs"),
        _ if is_vital => ("vital-signs", "Vital Signs"),
        Topic::Results => ("laboratory", "Laboratory"),
        Topic::Social => ("social-history", "Social History"),
        Topic::Procedures => ("procedure", "Procedure"),
        Topic::Exam => ("exam", "Exam"),
        Topic::Directives => return Coding::new(LOINC, "42348-3", "Advance directives"),
        _ if has(entry, &["22.4.38", "22.4.78", "22.4.85", "22.4.200"]) => ("social-history", "Social History"),
        _ if has(entry, &["22.4.2"]) && topic == Topic::Other => ("laboratory", "Laboratory"),
        _ => ("survey", "Survey"),
    };
    Coding::new(CATEGORY, code, display)
}

/// What an observation that only asserts its value is about.
fn words_for(topic: Topic) -> &'static str {
    match topic {
        Topic::Functional => "Functional status",
        Topic::Mental => "Mental status",
        Topic::Social => "Social history",
        Topic::Results => "Result",
        Topic::Vitals => "Vital sign",
        Topic::Directives => "Advance directive",
        Topic::Exam => "Physical finding",
        _ => "Finding",
    }
}

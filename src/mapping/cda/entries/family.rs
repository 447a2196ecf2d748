//! What is known of the health of relatives → FamilyMemberHistory.
//!
//! Not for: the patient's own problems.

use super::super::types;
use super::read::{is_any, is_negated, name, related, related_as, status};
use super::rules::has;
use super::values::quantity;
use super::work::Work;
use crate::formats::cda::Element;
use crate::mapping::fhir::{Array, Object};

impl<'a> Work<'a> {
    pub fn family(&mut self, organizer: Element<'a>) {
        let related_subject = organizer.path(&["subject", "relatedSubject"]);
        let mut relation = self.concept(related_subject.and_then(|s| s.child("code")));
        let person = related_subject.and_then(|s| s.child("subject"));
        let observations: Vec<_> = related(organizer).map(|(_, act)| act).filter(|act| act.is("observation")).collect();
        let says_nothing = |entry: &Element<'a>| is_negated(*entry) && is_any(&self.concept(entry.child("value")), &["64572001"]);
        if relation.is_empty() && !observations.is_empty() && observations.iter().all(says_nothing) {
            self.none_known += 1;
            return;
        }
        if relation.is_empty() && observations.is_empty() {
            self.empty(organizer);
            return;
        }
        if relation.is_empty() {
            relation.text = "Not recorded".to_owned();
        }
        let mut draft = self.begin("FamilyMemberHistory", organizer, &relation);
        let mut o = draft.resource.object();
        o.text("status", if status(organizer) == "completed" { "completed" } else { "partial" });
        self.subject(&mut o, "patient");
        o.text("name", &person.and_then(|p| p.child("name")).map(|n| types::name_line(&n)).unwrap_or_default());
        relation.write(&mut o, "relationship");
        self.relative(&mut o, person, &observations);
        let (not_so, so): (Vec<_>, Vec<_>) = observations.iter().partition(|entry| is_negated(**entry));
        let not_so = not_so.into_iter().filter_map(|entry: &Element<'a>| Some(self.value_words(entry.child("value")?)));
        let not_so: Vec<_> = not_so.filter(|words| !words.is_empty()).map(|words| format!("Not: {words}")).collect();
        self.notes(&mut o, organizer, &not_so);
        o.array("condition", |list| so.iter().for_each(|entry| self.condition_of_relative(list, **entry)));
        self.keep(draft, name(&relation));
    }

    fn relative(&self, o: &mut Object<'_>, person: Option<Element<'a>>, observations: &[Element<'a>]) {
        let part = |name: &str| person.and_then(|person| person.child(name));
        self.concept(part("administrativeGenderCode")).write(o, "sex");
        o.text("bornDate", self.span(part("birthTime")).start().get(..10).unwrap_or_default());
        let died = self.span(part("sdtc:deceasedTime"));
        let says = part("sdtc:deceasedInd").map_or("", |flag| flag.attr("value"));
        let died_of = observations.iter().any(|entry| related_as(*entry, &["22.4.47", "1.42"], "").is_some());
        if let Some(date) = died.start().get(..10) {
            o.text("deceasedDate", date);
        } else {
            let dead = match says {
                "true" => Some(true),
                "false" => Some(false),
                _ => died_of.then_some(true),
            };
            o.boolean("deceasedBoolean", dead);
        }
    }

    fn condition_of_relative(&self, list: &mut Array<'_>, entry: Element<'a>) {
        let mut code = self.concept(entry.child("value"));
        if code.is_empty() {
            code.text = self.short_words(entry.child("text"));
        }
        if code.is_empty() {
            return;
        }
        let age = related_as(entry, &["22.4.31", "1.38"], "445518008").and_then(|age| age.child("value"));
        let died_of = related(entry).any(|(_, act)| has(act, &["22.4.47", "1.42"]));
        list.object(|o| {
            code.write(o, "code");
            o.boolean("contributedToDeath", died_of.then_some(true));
            match age {
                Some(age) => {
                    let unit = if matches!(age.attr("unit"), "" | "1" | "Y") { "a" } else { age.attr("unit") };
                    o.object("onsetAge", |o| quantity(o, "", age.attr("value"), unit));
                }
                None => {
                    o.text("onsetString", self.span(entry.child("effectiveTime")).start());
                }
            }
        });
    }
}

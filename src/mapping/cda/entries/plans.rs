//! What was planned → ServiceRequest; what was aimed at → Goal. (Planned drugs are requests like others: `medications`.)
//!
//! A planned visit is a ServiceRequest too: an entry says what is wanted and perhaps when, not that anyone has a slot.
//!
//! Not for: assessments in words, which stay narrative.

use super::read::{is_negated, name, related, related_as, status};
use super::rules::has;
use super::values::pq;
use super::work::{Scope, Work};
use crate::formats::cda::Element;
use crate::mapping::fhir::{Array, decimal};
use crate::mapping::systems::Coding;

impl<'a> Work<'a> {
    pub fn planned(&mut self, entry: Element<'a>, scope: Scope<'a>) {
        let mut code = self.code_or_text(entry);
        // Some put all that they know of a planned visit into another one inside it.
        let inner = related(entry).map(|(_, act)| act).find(|act| act.is("encounter"));
        if code.is_empty()
            && let Some(inner) = inner
        {
            code = self.code_or_text(inner);
        }
        if code.is_empty() && entry.is("supply") {
            code = self.product_of(entry.child("product"));
        }
        let is_instruction = has(entry, &["22.4.20", "1.49"]);
        let told = if is_instruction { self.words(entry.child("text")) } else { String::new() };
        if code.is_empty() && told.is_empty() {
            self.empty(entry);
            return;
        }
        let mut span = self.span(entry.child("effectiveTime"));
        if span.is_empty() {
            span = self.span(inner.and_then(|inner| inner.child("effectiveTime")));
        }
        let mut draft = self.begin("ServiceRequest", entry, &code);
        let mut o = draft.resource.object();
        o.text(
            "status",
            match status(entry) {
                "active" => "active",
                "completed" => "completed",
                "aborted" | "cancelled" => "revoked",
                "held" | "suspended" => "on-hold",
                "new" => "draft",
                "nullified" => "entered-in-error",
                _ => "unknown",
            },
        );
        o.text(
            "intent",
            match entry.attr("moodCode") {
                "RQO" => "order",
                "PRP" | "ARQ" => "proposal",
                _ => "plan",
            },
        );
        o.array("category", |list| {
            if is_instruction {
                list.concept(&[Coding::new("http://snomed.info/sct", "409073007", "Education")], "");
            }
        });
        o.boolean("doNotPerform", is_negated(entry).then_some(true));
        code.write(&mut o, "code");
        if let Some(value) = entry.child("value") {
            let words = self.value_words(value);
            o.array("orderDetail", |list| list.concept(&self.concept(Some(value)).codings, &words));
        }
        self.subject(&mut o, "subject");
        self.encounter(&mut o, "encounter", entry);
        span.write(&mut o, "occurrence");
        o.text("authoredOn", &self.authored(entry, &scope));
        self.author(&mut o, "requester", entry, &scope);
        o.array("performer", |list| self.performers(entry).into_iter().for_each(|entity| list.object(|o| self.party(o, entity))));
        o.array("locationReference", |list| self.places(entry).iter().for_each(|place| list.reference("", "", place)));
        o.array("reasonCode", |list| self.reasons(list, entry));
        o.array("bodySite", |list| self.sites(list, entry));
        self.notes(&mut o, entry, &[]);
        if told != code.text {
            o.text("patientInstruction", &told);
        }
        self.keep(draft, name(&code));
    }

    pub fn goal(&mut self, entry: Element<'a>, scope: Scope<'a>) {
        let mut what = self.code_or_text(entry);
        let value = entry.child("value");
        let is_text = value.is_some_and(|value| matches!(value.xsi_type(), "ST" | "ED" | ""));
        let words = value.map(|value| self.value_words(value)).unwrap_or_default();
        // A goal in words is what it is about, whatever code of a goal stands beside it.
        if is_text && !words.is_empty() {
            what.text = words.clone();
        } else if super::read::is_assertion(&what) && !words.is_empty() {
            what = self.concept(value);
            what.text = words.clone();
        }
        if what.is_empty() {
            self.empty(entry);
            return;
        }
        let span = self.span(entry.child("effectiveTime"));
        let mut draft = self.begin("Goal", entry, &what);
        let mut o = draft.resource.object();
        o.text(
            "lifecycleStatus",
            match status(entry) {
                "completed" => "completed",
                "aborted" | "cancelled" => "cancelled",
                "held" | "suspended" => "on-hold",
                "new" => "proposed",
                "nullified" => "entered-in-error",
                _ => "active",
            },
        );
        if let Some(progress) = related_as(entry, &["22.4.110"], "") {
            self.concept(progress.child("value")).write(&mut o, "achievementStatus");
        }
        what.write(&mut o, "description");
        self.subject(&mut o, "subject");
        o.text("startDate", span.start().get(..10).unwrap_or(span.start()));
        o.array("target", |list| self.target(list, entry, is_text, &span.high));
        self.author(&mut o, "expressedBy", entry, &scope);
        self.notes(&mut o, entry, &[]);
        self.keep(draft, name(&what));
    }

    /// The measure aimed at, and until when.
    fn target(&self, list: &mut Array<'_>, entry: Element<'a>, is_text: bool, until: &str) {
        let measured = self.concept(entry.child("code"));
        list.object(|o| {
            if let Some(value) = entry.child("value").filter(|_| !is_text && !super::read::is_assertion(&measured)) {
                let end = |name: &str| value.child(name).filter(|e| decimal(e.attr("value")).is_some());
                measured.write(o, "measure");
                if decimal(value.attr("value")).is_some() {
                    o.object("detailQuantity", |o| pq(o, "", value));
                } else if end("low").or(end("high")).is_some() {
                    o.object("detailRange", |o| {
                        for name in ["low", "high"] {
                            if let Some(end) = end(name) {
                                o.object(name, |o| pq(o, "", end));
                            }
                        }
                    });
                } else {
                    let detail = self.concept(Some(value));
                    detail.write(o, "detailCodeableConcept");
                }
            }
            o.text("dueDate", until.get(..10).unwrap_or(until));
        });
    }

    /// The statements inside an entry that says nothing itself; false when none is understood.
    pub fn container(&mut self, entry: Element<'a>, scope: Scope<'a>) -> bool {
        let mut found = false;
        let scope = scope.within(entry);
        for (_, act) in related(entry) {
            found |= self.statement(act, scope);
        }
        found
    }
}

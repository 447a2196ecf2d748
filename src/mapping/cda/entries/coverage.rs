//! Insurance → Coverage.
//!
//! Not for: authorizations and bills.

use super::super::types;
use super::read::{name, related};
use super::rules::has;
use super::work::Work;
use crate::formats::cda::Element;
use crate::mapping::systems::Coding;

impl<'a> Work<'a> {
    /// The policies of a coverage activity, in the order in which they pay; a policy that stands alone.
    pub fn coverage(&mut self, entry: Element<'a>) -> bool {
        if has(entry, &["22.4.61", "1.26"]) {
            self.policy(entry, "");
            return true;
        }
        let mut found = false;
        for link in entry.children("entryRelationship") {
            let order = link.child("sequenceNumber").map_or("", |n| n.attr("value"));
            for policy in link.children("act") {
                self.policy(policy, order);
                found = true;
            }
        }
        found
    }

    fn policy(&mut self, policy: Element<'a>, order: &str) {
        let kind = self.concept(policy.child("code"));
        let role = |typed: &str| policy.children("participant").find(|p| p.attr("typeCode") == typed);
        let (covered, holder) = (role("COV"), role("HLD"));
        let covered_role = covered.and_then(|p| p.child("participantRole"));
        let holder_role = holder.and_then(|p| p.child("participantRole"));
        let payers: Vec<_> = self.performers(policy).into_iter().filter(|entity| !is_guarantor(*entity)).collect();
        let number = |role: Option<Element<'a>>| {
            let ids = role.map(|role| types::ids(&role)).unwrap_or_default();
            ids.into_iter().find(|ii| !ii.attr("extension").is_empty()).map_or("", |ii| ii.attr("extension"))
        };
        let display = payers.first().map(|payer| self.party_words(*payer)).unwrap_or_default();
        if kind.is_empty() && display.is_empty() && number(covered_role).is_empty() {
            self.empty(policy);
            return;
        }
        let mut draft = self.begin("Coverage", policy, &kind);
        let mut o = draft.resource.object();
        o.text("status", if super::read::status(policy) == "cancelled" { "cancelled" } else { "active" });
        kind.write(&mut o, "type");
        o.reference("policyHolder", "", "", &holder_role.map(|r| types::party_line(&r)).unwrap_or_default());
        let own = number(covered_role);
        o.text("subscriberId", if own.is_empty() { number(holder_role) } else { own });
        self.subject(&mut o, "beneficiary");
        self.concept(covered_role.and_then(|role| role.child("code"))).write(&mut o, "relationship");
        let time = covered.and_then(|p| p.child("time")).or_else(|| policy.child("effectiveTime"));
        self.span(time).write_period(&mut o, "period");
        o.array("payor", |list| match display.is_empty() {
            true => list.reference("", "", "Not recorded"),
            false => payers.iter().for_each(|payer| list.object(|o| self.party(o, *payer))),
        });
        let group = types::ids(&policy).into_iter().find(|ii| !ii.attr("extension").is_empty());
        let plan = related(policy).map(|(_, act)| act).find(|act| act.attr("moodCode") == "DEF");
        let plan = plan.map(|plan| self.code_or_text(plan)).map(|plan| name(&plan).to_owned()).unwrap_or_default();
        o.array("class", |list| {
            for (class, value) in [("group", group.map_or("", |ii| ii.attr("extension"))), ("plan", plan.as_str())] {
                if !value.is_empty() {
                    list.object(|o| {
                        o.concept("type", &[Coding::new("http://terminology.hl7.org/CodeSystem/coverage-class", class, "")], "");
                        o.text("value", value);
                    });
                }
            }
        });
        o.number("order", order);
        self.keep(draft, name(&kind));
    }
}

fn is_guarantor(entity: Element<'_>) -> bool {
    entity.child("code").is_some_and(|code| code.attr("code") == "GUAR")
}

//! Allergies and intolerances → AllergyIntolerance.
//!
//! "No known allergies" is a record of its own, as US Core has it: someone asked. A section without entries is not that.
//!
//! Not for: reactions to vaccines and drugs, which stay with those.

use super::super::types::Concept;
use super::read::{is_any, is_bare, is_negated, name, related, related_as};
use super::rules::{Rule, Topic, has, rule};
use super::values::absent_reason;
use super::work::{Scope, Work};
use crate::formats::cda::Element;
use crate::mapping::fhir::{Array, Object};
use crate::mapping::systems::Coding;

const CLINICAL: &str = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical";
const VERIFICATION: &str = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification";
const SNOMED: &str = "http://snomed.info/sct";

/// Kinds of allergy (SNOMED CT, and those of ActCode in old documents): type and category.
const KINDS: [(&str, &str, &str); 23] = [
    ("416098002", "allergy", "medication"),
    ("59037007", "intolerance", "medication"),
    ("419511003", "", "medication"),
    ("414285001", "allergy", "food"),
    ("235719002", "intolerance", "food"),
    ("418471000", "", "food"),
    ("426232007", "allergy", "environment"),
    ("232347008", "allergy", "environment"),
    ("419199007", "allergy", ""),
    ("106190000", "allergy", ""),
    ("420134006", "", ""),
    ("418038007", "", ""),
    ("ALG", "allergy", ""),
    ("OINT", "intolerance", ""),
    ("DALG", "allergy", "medication"),
    ("DINT", "intolerance", "medication"),
    ("DNAINT", "intolerance", "medication"),
    ("FALG", "allergy", "food"),
    ("FINT", "intolerance", "food"),
    ("FNAINT", "intolerance", "food"),
    ("EALG", "allergy", "environment"),
    ("EINT", "intolerance", "environment"),
    ("ENAINT", "intolerance", "environment"),
];

/// Statements that no allergy is known.
const NONE_KNOWN: [&str; 6] = ["716186003", "409137002", "429625007", "428607008", "160244002", "1003774007"];

/// Severities, SNOMED CT.
const SEVERITIES: [(&str, &str); 7] = [
    ("255604002", "mild"),
    ("371923003", "moderate"),
    ("6736007", "moderate"),
    ("371924009", "severe"),
    ("24484000", "severe"),
    ("399166001", "severe"),
    ("442452003", "severe"),
];

impl<'a> Work<'a> {
    /// The allergies of a concern; false when there is none inside.
    pub fn allergy_concern(&mut self, act: Element<'a>, scope: Scope<'a>) -> bool {
        let mut found = false;
        let scope = scope.within(act);
        for (_, inside) in related(act) {
            if inside.is("observation") && rule(inside, Topic::Allergies) == Some(Rule::Allergy) {
                self.allergy(inside, scope);
                found = true;
            }
        }
        found
    }

    pub fn allergy(&mut self, entry: Element<'a>, scope: Scope<'a>) {
        let value = self.concept(entry.child("value"));
        let of_code = self.concept(entry.child("code"));
        let kind = KINDS
            .iter()
            .find(|(code, _, _)| is_any(&value, &[code]))
            .or_else(|| KINDS.iter().find(|(c, _, _)| is_any(&of_code, &[c])));
        let mut code = self.substance(entry);
        let is_none = |code: &Concept| is_any(code, &NONE_KNOWN) || name(code).to_ascii_lowercase().starts_with("no known");
        let mut refuted = is_negated(entry);
        if code.is_empty() && is_none(&value) || code.is_empty() && kind.is_none() && !value.is_empty() {
            code = value.clone();
        }
        if refuted && (code.is_empty() || is_none(&code)) {
            code = none_known(kind.map_or("", |(_, _, category)| category));
            refuted = false;
        }
        // The words may stand where the kind of allergy has its own.
        if is_bare(&code) {
            let original = entry.child("value").and_then(|value| value.child("originalText"));
            let words = [original, entry.child("text")].into_iter().map(|text| self.short_words(text));
            code.text = words.into_iter().find(|words| !words.is_empty()).unwrap_or_default();
        }
        // Some say that there are none in words only, beside an entry that leaves the substance out.
        if code.is_empty() && kind.is_some() && self.says_none_known(&scope) {
            code = none_known(kind.map_or("", |(_, _, category)| category));
        }
        if code.is_empty() {
            self.empty(entry);
            return;
        }
        let mut draft = self.begin("AllergyIntolerance", entry, &code);
        let mut o = draft.resource.object();
        let clinical = if refuted { "inactive" } else { self.allergy_status(entry, &scope) };
        o.concept("clinicalStatus", &[Coding::new(CLINICAL, clinical, "")], "");
        o.concept("verificationStatus", &[Coding::new(VERIFICATION, if refuted { "refuted" } else { "" }, "")], "");
        if let Some((_, of_type, category)) = kind {
            o.text("type", of_type).array("category", |list| list.text(category));
        }
        o.text("criticality", self.criticality(entry));
        code.write(&mut o, "code");
        self.subject(&mut o, "patient");
        self.encounter(&mut o, "encounter", entry);
        o.text("onsetDateTime", self.span(entry.child("effectiveTime")).start());
        o.text("recordedDate", &self.authored(entry, &scope));
        self.author(&mut o, "recorder", entry, &scope);
        self.informant(&mut o, "asserter", entry);
        self.notes(&mut o, entry, &[]);
        o.array("reaction", |list| self.reactions(list, entry));
        self.keep(draft, name(&code));
    }

    fn says_none_known(&self, scope: &Scope<'a>) -> bool {
        let narrative = scope.section.child("text").map(|text| self.narrative(text)).unwrap_or_default();
        narrative.len() < 1000 && narrative.to_ascii_lowercase().contains("no known")
    }

    /// What the patient is allergic to.
    fn substance(&self, entry: Element<'a>) -> Concept {
        let roles = entry.children("participant").filter_map(|p| p.child("participantRole"));
        for entity in roles.filter_map(|role| role.child("playingEntity")) {
            let mut substance = self.concept(entity.child("code"));
            if substance.text.is_empty() {
                substance.text = self.words(entity.child("name"));
            }
            if !substance.is_empty() {
                return substance;
            }
        }
        Concept::default()
    }

    /// An allergy of which nothing says that it is over is active: silence must not hide it.
    fn allergy_status(&self, entry: Element<'a>, scope: &Scope<'a>) -> &'static str {
        let said = related_as(entry, &["22.4.28", "1.39"], "33999-4").map(|status| self.concept(status.child("value")));
        let words = said.as_ref().map_or("", |value| name(value)).to_ascii_lowercase();
        let is = |code: &str, word: &str| said.as_ref().is_some_and(|v| is_any(v, &[code])) || words.starts_with(word);
        let concern = scope.around.concern;
        match concern {
            _ if is("55561003", "active") => "active",
            _ if is("413322009", "resolved") => "resolved",
            _ if is("73425007", "inactive") => "inactive",
            _ if !self.span(entry.child("effectiveTime")).high.is_empty() => "resolved",
            "completed" | "aborted" | "suspended" => "inactive",
            _ => "active",
        }
    }

    fn criticality(&self, entry: Element<'a>) -> &'static str {
        let value = related_as(entry, &["22.4.145"], "82606-5").and_then(|c| c.child("value"));
        match value.map_or("", |value| value.attr("code")) {
            "CRITL" => "low",
            "CRITH" => "high",
            "CRITU" => "unable-to-assess",
            _ => "",
        }
    }

    fn reactions(&self, list: &mut Array<'_>, entry: Element<'a>) {
        let of_allergy = severity_of(entry);
        let mut any = false;
        for (how, act) in related(entry) {
            let is_reaction = has(act, &["22.4.9", "1.54"]) || how == "MFST";
            if !act.is("observation") || !is_reaction || is_negated(act) {
                continue;
            }
            let mut manifestation = self.concept(act.child("value"));
            if manifestation.is_empty() {
                manifestation.text = self.short_words(act.child("text"));
            }
            let severity = severity_of(act).or(of_allergy);
            if !manifestation.is_empty() || severity.is_some() {
                any = true;
                let onset = self.span(act.child("effectiveTime"));
                list.object(|o| self.reaction(o, &manifestation, onset.start(), severity));
            }
        }
        if !any && of_allergy.is_some() {
            list.object(|o| self.reaction(o, &Concept::default(), "", of_allergy));
        }
    }

    fn reaction(&self, o: &mut Object<'_>, manifestation: &Concept, onset: &str, severity: Option<Element<'a>>) {
        o.array("manifestation", |list| match manifestation.is_empty() {
            false => list.concept(&manifestation.codings, &manifestation.text),
            // FHIR wants one; that it is not known is not made up.
            true => list.object(|o| absent(o, "UNK")),
        });
        let said = self.concept(severity.and_then(|severity| severity.child("value")));
        let (known, words) = (SEVERITIES.iter().find(|(code, _)| is_any(&said, &[code])), name(&said).to_ascii_lowercase());
        let by_words = || SEVERITIES.iter().find(|(_, severity)| words.contains(severity));
        let severity = known.or_else(by_words).map_or("", |(_, severity)| *severity);
        if severity.is_empty() && !said.is_empty() {
            o.text("description", &format!("Severity: {}", name(&said)));
        }
        o.text("onset", onset).text("severity", severity);
    }
}

fn severity_of(entry: Element<'_>) -> Option<Element<'_>> {
    related_as(entry, &["22.4.8", "1.55"], "SEV")
}

/// The code for the statement that none is known, by the category that was negated.
fn none_known(category: &str) -> Concept {
    let (code, display) = match category {
        "medication" => ("409137002", "No known drug allergy"),
        "food" => ("429625007", "No known food allergy"),
        "environment" => ("428607008", "No known environmental allergy"),
        _ => ("716186003", "No known allergy"),
    };
    Concept { codings: vec![Coding::new(SNOMED, code, display)], text: display.to_owned() }
}

/// The extension by which FHIR says why a required element is not there.
pub fn absent(o: &mut Object<'_>, null_flavor: &str) {
    o.array("extension", |list| {
        list.object(|o| {
            o.text("url", "http://hl7.org/fhir/StructureDefinition/data-absent-reason");
            o.text("valueCode", absent_reason(null_flavor));
        });
    });
}

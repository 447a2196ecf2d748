//! What an entry tells, read with its document at hand: words in the narrative, codes, times, people, reasons.
//!
//! Not for: what its elements say by themselves (`read`), what it becomes.

use super::super::types::{self, Concept};
use super::read::{Span, is_assertion, is_negated, related};
use super::rules::has;
use super::work::{Scope, Work};
use crate::formats::cda::{Element, text_of};
use crate::mapping::fhir::{Array, Object};

/// Longest words of a code that are believed. A reference that brings in more than that points at a whole table.
const WORDS_MAX: usize = 400;

/// Words that stand where nothing is known.
fn is_filler(words: &str) -> bool {
    const FILLERS: [&str; 9] = [
        "no information",
        "no information available",
        "no information present",
        "no data",
        "no data available",
        "not available",
        "n/a",
        "unknown",
        "-",
    ];
    FILLERS.contains(&words.trim_end_matches('.').to_ascii_lowercase().as_str())
}

impl<'a> Work<'a> {
    /// The words of a text element, its own or those in the narrative that it points to, on one line.
    pub fn words(&self, text: Option<Element<'a>>) -> String {
        let Some(text) = text else { return String::new() };
        let own = types::spaced(&text.text());
        if own.is_empty() { types::spaced(&self.referenced(text)) } else { own }
    }

    /// The narrative that a text element points to, with its lines. All of a document's entries together may bring in only
    /// so much: a thousand of them may point to one long text.
    pub fn referenced(&self, text: Element<'a>) -> String {
        let reference = text.child("reference").map_or("", |reference| reference.attr("value"));
        let id = reference.strip_prefix('#').unwrap_or(reference);
        let target = self.document.by_id(id).filter(|_| !id.is_empty());
        target.map(|target| self.narrative(target)).unwrap_or_default()
    }

    /// The text of a piece of narrative, as long as the document may ask for more.
    pub fn narrative(&self, target: Element<'a>) -> String {
        let Some(left) = self.known.text_left.get().checked_sub(1 + target.descendants().count()) else { return String::new() };
        let words = text_of(&target);
        self.known.text_left.set(left.saturating_sub(words.len()));
        words
    }

    /// A coded value: its codes and translations, and the words of the source for it.
    pub fn concept(&self, coded: Option<Element<'a>>) -> Concept {
        let Some(coded) = coded else { return Concept::default() };
        let mut concept = Concept::default();
        for cd in std::iter::once(coded).chain(coded.children("translation")) {
            let known = |new: &crate::mapping::systems::Coding| {
                concept.codings.iter().any(|c| (&c.system, &c.code) == (&new.system, &new.code))
            };
            let coding = types::coding(&cd, self.cx).filter(|new| !known(new));
            concept.codings.extend(coding);
        }
        let text = self.words(coded.child("originalText"));
        let text = if concept.codings.is_empty() && is_filler(&text) { String::new() } else { text };
        concept.text = match text.len() {
            1..=WORDS_MAX => text,
            _ => {
                let all = std::iter::once(coded).chain(coded.children("translation"));
                all.map(|cd| cd.attr("displayName")).find(|name| !name.is_empty()).unwrap_or_default().to_owned()
            }
        };
        concept
    }

    /// The `code` of an entry; without one, the words of its `text`.
    pub fn code_or_text(&self, entry: Element<'a>) -> Concept {
        let mut code = self.concept(entry.child("code"));
        if code.is_empty() || is_assertion(&code) && code.text.is_empty() {
            code.text = self.short_words(entry.child("text"));
        }
        code
    }

    /// The words of a text element when they are few enough to be a name.
    pub fn short_words(&self, text: Option<Element<'a>>) -> String {
        let words = self.words(text);
        if words.len() > WORDS_MAX || is_filler(&words) { String::new() } else { words }
    }

    pub fn span(&self, time: Option<Element<'a>>) -> Span {
        let Some(time) = time else { return Span::default() };
        let bound = |name: &str| time.child(name).map(|e| types::time(&e, self.cx).text).unwrap_or_default();
        let point = types::time(&time, self.cx).text;
        Span {
            point: if point.is_empty() { bound("center") } else { point },
            low: bound("low"),
            high: bound("high"),
            ended: time.child("high").is_some_and(|high| high.null_flavor() == "UNK"),
        }
    }

    /// When an entry was so; an entry in an organizer may leave it to that.
    pub fn when(&self, entry: Element<'a>, scope: &Scope<'a>) -> Span {
        let own = self.span(entry.child("effectiveTime"));
        if own.is_empty() { self.span(scope.around.time) } else { own }
    }

    /// When the author wrote it.
    pub fn authored(&self, entry: Element<'a>, scope: &Scope<'a>) -> String {
        self.author_element(entry, scope).and_then(|a| a.child("time")).map(|t| types::start(&t, self.cx)).unwrap_or_default()
    }

    fn author_element(&self, entry: Element<'a>, scope: &Scope<'a>) -> Option<Element<'a>> {
        entry.child("author").or(scope.around.author)
    }

    /// A member that refers to who wrote it.
    pub fn author(&self, o: &mut Object<'_>, key: &str, entry: Element<'a>, scope: &Scope<'a>) {
        if let Some(entity) = self.author_element(entry, scope).and_then(|author| author.child("assignedAuthor")) {
            o.object(key, |o| self.party(o, entity));
        }
    }

    /// A member that refers to who told it.
    pub fn informant(&self, o: &mut Object<'_>, key: &str, entry: Element<'a>) {
        let informant = entry.child("informant");
        let entity = informant.and_then(|i| i.child("assignedEntity").or_else(|| i.child("relatedEntity")));
        if let Some(entity) = entity {
            o.object(key, |o| self.party(o, entity));
        }
    }

    /// Who did it.
    pub fn performers(&self, entry: Element<'a>) -> Vec<Element<'a>> {
        entry.children("performer").filter_map(|performer| performer.child("assignedEntity")).collect()
    }

    /// A Reference to someone by words and number.
    pub fn party(&self, o: &mut Object<'_>, entity: Element<'a>) {
        types::party(o, &entity);
        if types::party_line(&entity).is_empty() {
            o.text("display", &self.party_words(entity));
        }
    }

    /// The name of someone, found by the id where the entry gives no more.
    pub fn party_words(&self, entity: Element<'a>) -> String {
        let own = types::party_line(&entity);
        if !own.is_empty() {
            return own;
        }
        let ids = types::ids(&entity);
        ids.iter().find_map(|ii| self.known.people.get(&(ii.attr("root"), ii.attr("extension")))).cloned().unwrap_or_default()
    }

    /// The members `subject` (or `patient`) and `encounter` (or `context`).
    pub fn subject(&self, o: &mut Object<'_>, key: &str) {
        o.reference(key, "Patient", &self.about.patient, "");
    }

    pub fn encounter(&self, o: &mut Object<'_>, key: &str, entry: Element<'a>) {
        o.reference(key, "Encounter", &self.encounter_of(entry), "");
    }

    /// Annotations: the comments related to an entry, and further remarks.
    pub fn notes(&self, o: &mut Object<'_>, entry: Element<'a>, more: &[String]) {
        o.array("note", |list| {
            for (_, act) in related(entry) {
                let is_comment = has(act, &["22.4.64", "1.40"]) || act.child("code").is_some_and(|c| c.attr("code") == "48767-8");
                if is_comment {
                    list.object(|o| {
                        o.text("text", &self.words(act.child("text")));
                    });
                }
            }
            more.iter().for_each(|text| {
                list.object(|o| {
                    o.text("text", text);
                });
            });
        });
    }

    /// Why: the values of the indications related to an entry.
    pub fn reasons(&self, list: &mut Array<'_>, entry: Element<'a>) {
        for (how, act) in related(entry) {
            let is_problem = has(act, &["22.4.19", "1.28", "22.4.4"]);
            if act.is("observation") && (has(act, &["22.4.19"]) || how == "RSON" && is_problem) && !is_negated(act) {
                let value = self.concept(act.child("value"));
                list.concept(&value.codings, &value.text);
            }
        }
    }
}

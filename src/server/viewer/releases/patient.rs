//! Who a patient of the request is: persons of the archive side by side with what the request says, and nobody proposed.
//!
//! Not for: finding them (`release::desk`).

use askama::Template;

use super::super::banner::{self, Name};
use super::super::frame::Frame;
use super::super::source::Badge;
use super::super::text;
use super::head::{Head, Looker};
use super::render;
use crate::model::LinkedPatient;
use crate::release::desk::{Candidate, View};
use crate::release::request::Subject;

pub struct PatientPage<'a> {
    pub view: &'a View,
    pub looker: &'a Looker,
    pub subject: usize,
    pub candidates: &'a [Candidate],
    pub problem: Option<String>,
}

/// A fact of a person beside what the request says of it.
struct Fact {
    name: &'static str,
    values: Vec<String>,
    /// `None`: the request does not say.
    agrees: Option<bool>,
}

struct Person {
    name: String,
    href: String,
    why: String,
    facts: Vec<Fact>,
    badge: Badge,
    linked: Vec<String>,
    keys: String,
    is_chosen: bool,
    agrees: bool,
}

#[derive(Template)]
#[template(path = "release_patient.html")]
struct Page<'a> {
    frame: &'a Frame,
    page: &'a PatientPage<'a>,
    head: Head,
    base: String,
    asked: Subject,
    persons: Vec<Person>,
}

pub fn patient(frame: &Frame, page: &PatientPage<'_>) -> String {
    let case = &page.view.case;
    let asked = case.request.subjects.get(page.subject).cloned().unwrap_or_default();
    let person = |candidate: &Candidate| person(frame, candidate, &asked);
    render(Page {
        frame,
        page,
        head: Head::new(page.view, "whose records", page.looker),
        base: format!("/releases/{}", case.number),
        persons: page.candidates.iter().map(person).collect(),
        asked,
    })
}

fn same_words(one: &str, other: &str) -> bool {
    let words = |text: &str| {
        let mut words: Vec<String> =
            text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
        words.sort_unstable();
        words
    };
    let (one, other) = (words(one), words(other));
    // A request seldom writes a middle name.
    !one.is_empty() && one.iter().all(|word| other.contains(word))
}

fn person(frame: &Frame, candidate: &Candidate, asked: &Subject) -> Person {
    let (it, identity) = (&candidate.hit.patient, &candidate.hit.patient.identity);
    let name = Name::of(identity).listed();
    let born = identity.birth_date.as_ref().map(|born| born.date_text().to_string());
    let names: Vec<String> = std::iter::once(name.clone()).chain(identity.other_names.iter().cloned()).collect();
    let has = |wanted: &String| identity.identifiers.iter().any(|(_, own)| own.eq_ignore_ascii_case(wanted.trim()));
    let missing = || text::NOT_RECORDED.to_string();
    let mut facts = vec![
        Fact { name: "Name", agrees: Some(names.iter().any(|own| same_words(&asked.name, own))), values: names },
        Fact {
            name: "Born",
            agrees: asked.birth_date.as_ref().map(|wanted| born.as_deref() == Some(wanted.trim())),
            values: vec![born.unwrap_or_else(missing)],
        },
        Fact { name: "Sex", values: vec![identity.sex.as_deref().map_or_else(missing, text::sentence)], agrees: None },
        Fact {
            name: "Numbers",
            values: banner::record_numbers(identity),
            agrees: (!asked.numbers.is_empty()).then(|| asked.numbers.iter().all(has)),
        },
        Fact { name: "Address", values: identity.addresses.clone(), agrees: None },
        Fact {
            name: "Last seen",
            values: vec![it.last_seen.as_ref().map_or_else(missing, |day| day.date_text().to_string())],
            agrees: None,
        },
        Fact { name: "Records", values: vec![text::count(it.records)], agrees: None },
    ];
    if let Some(died) = banner::died(identity) {
        facts.insert(3, Fact { name: "Died", values: vec![died], agrees: None });
    }
    let linked = |other: &LinkedPatient| {
        let born = other.identity.birth_date.as_ref().map_or(text::NOT_RECORDED, |born| born.date_text());
        format!("{}, born {born}, {}", Name::of(&other.identity).listed(), other.source_system)
    };
    Person {
        name,
        href: format!("/patients/{}", it.key),
        badge: frame.badge(&it.source_system),
        why: candidate.hit.why.join(", "),
        facts,
        linked: candidate.hit.linked.iter().map(linked).collect(),
        keys: candidate.keys.join(" "),
        is_chosen: asked.keys == candidate.keys,
        agrees: candidate.agrees,
    }
}

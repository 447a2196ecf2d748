//! Allergies and intolerances, from AllergyIntolerance.
//!
//! A refuted or mistaken record makes no statement and stands in the narrative as what it is. "No known allergies" is a negated
//! statement, and only where the source recorded it.
//!
//! Not for: reactions to a vaccine (`immunizations`).

use super::routing::Place;
use super::rows::{
    Frame, Sheet, about, comment, concepts_words, date_words, entry, joined, name_words, notes, part, part_id, section, snomed,
    status_words, when_words, word,
};
use super::tables::{About, negative};
use crate::formats::fhir::node::{Node, concept};
use crate::render::ccd::cda::{
    Bound, Class, Code, Entry, Null, Participant, Player, Related, Section, Template, Time, Ts, Value,
};
use crate::render::ccd::chart::Item;
use crate::render::ccd::codes::{self, ACT_CLASS, ACT_CODE, LOINC, RXNORM_URI, SNOMED, SNOMED_URI, fixed};
use crate::render::ccd::context::Context;
use crate::render::ccd::narrative::Anchor;
use crate::render::ccd::values;

const FRAME: Frame = Frame {
    templates: [
        Template::both("2.16.840.1.113883.10.20.22.2.6.1", "2015-08-01"),
        Template::both("2.16.840.1.113883.10.20.22.2.6", "2015-08-01"),
    ],
    code: "48765-2",
    display: "Allergies and adverse reactions Document",
    title: "Allergies and Intolerances",
};
const CONCERN: Template = Template::both("2.16.840.1.113883.10.20.22.4.30", "2015-08-01");
const OBSERVATION: Template = Template::both("2.16.840.1.113883.10.20.22.4.7", "2014-06-09");
const REACTION: Template = Template::both("2.16.840.1.113883.10.20.22.4.9", "2014-06-09");
const SEVERITY: Template = Template::both("2.16.840.1.113883.10.20.22.4.8", "2014-06-09");
const CRITICALITY: Template = Template::root("2.16.840.1.113883.10.20.22.4.145");
const STATUS: Template = Template::both("2.16.840.1.113883.10.20.22.4.28", "2019-06-20");

/// Systems of substances, as the guide prefers them.
const SUBSTANCES: [&str; 6] = [
    RXNORM_URI,
    "http://fdasis.nlm.nih.gov",
    SNOMED_URI,
    "http://va.gov/terminology/medrt",
    "http://hl7.org/fhir/ndfrt",
    "http://hl7.org/fhir/sid/cvx",
];

const COLUMNS: [&str; 11] =
    ["Substance", "Kind", "Reaction", "Severity", "Criticality", "Status", "Since", "Recorded", "Codes", "Source", "Comment"];

pub fn allergies(cx: &Context<'_>) -> Section {
    let mut sheet = Sheet::new("allergy", &COLUMNS);
    let entries: Vec<Entry> = cx.placed(Place::Allergies).iter().filter_map(|item| allergy(cx, &mut sheet, item)).collect();
    section(cx, &FRAME, vec![sheet], entries)
}

/// One manifestation of a reaction, and where its words stand.
struct Manifestation<'a> {
    reaction: Node<'a>,
    manifestation: Option<Node<'a>>,
    row: Anchor,
    words: Option<Anchor>,
}

/// Where the words of an allergy stand.
struct Told<'a> {
    row: Anchor,
    substance: Option<Anchor>,
    note: Option<Anchor>,
    manifestations: Vec<Manifestation<'a>>,
}

fn allergy<'a>(cx: &Context<'a>, sheet: &mut Sheet, item: &Item<'a>) -> Option<Entry> {
    let root = item.root();
    let told = tell(sheet, item);
    let verification = word(root.at("verificationStatus"));
    if matches!(verification.as_str(), "refuted" | "entered-in-error") {
        return None;
    }
    let negated = negative("allergy", root.at("code"));
    if negated == Some(About::WordsOnly) {
        return None;
    }
    let observation = observation(cx, item, &told, negated);
    Some(concern(cx, item, &told.row, observation))
}

/// The rows of an allergy: one for each manifestation.
fn tell<'a>(sheet: &mut Sheet, item: &Item<'a>) -> Told<'a> {
    let root = item.root();
    let mut all = manifestations(root).into_iter();
    let first = all.next();
    let row = sheet.row();
    let substance = sheet.cite("substance", &substance_words(root));
    let kinds: Vec<String> = root.at("category").items().filter_map(|c| c.text()).chain(root.at("type").text()).collect();
    sheet.say(kinds.join(", "));
    let words = tell_reaction(sheet, first.as_ref());
    sheet.say(root.at("criticality").text().map(|text| status_words(&text)).unwrap_or_default());
    sheet.say(statuses(root));
    let last = root.at("lastOccurrence").text().map(|t| format!("last {}", date_words(&t))).unwrap_or_default();
    sheet.say(joined(&[when_words(root, "onset"), last], ", "));
    sheet.say(
        root.at("recordedDate").text().or_else(|| root.at("assertedDate").text()).map(|t| date_words(&t)).unwrap_or_default(),
    );
    let mut concepts = vec![root.at("code")];
    for reaction in root.at("reaction").items() {
        concepts.push(reaction.at("substance"));
        concepts.extend(reaction.at("manifestation").items());
    }
    let note = sheet.tail(item, &concepts, &notes(root));
    let mut told = Vec::new();
    if let Some((reaction, manifestation)) = first {
        told.push(Manifestation { reaction, manifestation, row: row.clone(), words });
    }
    for next in all {
        let row = sheet.row();
        sheet.say("");
        sheet.say("");
        let words = tell_reaction(sheet, Some(&next));
        told.push(Manifestation { reaction: next.0, manifestation: next.1, row, words });
    }
    Told { row, substance, note, manifestations: told }
}

/// The cells of one manifestation.
fn tell_reaction(sheet: &mut Sheet, next: Option<&(Node<'_>, Option<Node<'_>>)>) -> Option<Anchor> {
    let Some((reaction, manifestation)) = next else {
        sheet.say("");
        sheet.say("");
        return None;
    };
    let words = manifestation.and_then(concept).or_else(|| reaction.at("description").text()).unwrap_or_default();
    let anchor = sheet.cite("reaction", &words);
    let told =
        |label: &str, text: Option<String>| text.filter(|t| *t != words).map(|t| format!("{label}{t}")).unwrap_or_default();
    let substance = concept(reaction.at("substance"));
    let more = [
        reaction.at("severity").text().unwrap_or_default(),
        told("", reaction.at("description").text()),
        told("to ", substance),
        told("by ", concept(reaction.at("exposureRoute"))),
        told("on ", reaction.at("onset").text().map(|t| date_words(&t))),
        notes(*reaction),
    ];
    sheet.say(joined(&more, "; "));
    anchor
}

/// Each reaction with each of its manifestations; a reaction without any stands once.
fn manifestations(root: Node<'_>) -> Vec<(Node<'_>, Option<Node<'_>>)> {
    let mut all = Vec::new();
    for reaction in root.at("reaction").items() {
        let named: Vec<Node<'_>> = reaction.at("manifestation").items().filter(|m| concept(*m).is_some()).collect();
        match named.is_empty() {
            true => all.push((reaction, None)),
            false => all.extend(named.into_iter().map(|m| (reaction, Some(m)))),
        }
    }
    all
}

fn substance_words(root: Node<'_>) -> String {
    let by_reaction = || Some(concepts_words(root.at("reaction").first().at("substance"))).filter(|words| !words.is_empty());
    concept(root.at("code")).or_else(by_reaction).unwrap_or_else(|| name_words(root.at("code"), root))
}

fn statuses(root: Node<'_>) -> String {
    let verification = word(root.at("verificationStatus"));
    let said = match verification.as_str() {
        "refuted" => "refuted: the source says that this is not so".to_owned(),
        other => status_words(other),
    };
    let said = if verification.is_empty() { String::new() } else { said };
    joined(&[status_words(&word(root.at("clinicalStatus"))), said], ", ")
}

fn concern(cx: &Context<'_>, item: &Item<'_>, row: &Anchor, observation: Entry) -> Entry {
    let root = item.root();
    // The concern is over when the source says so; silence must not hide an allergy.
    let is_over = matches!(word(root.at("clinicalStatus")).as_str(), "inactive" | "resolved");
    let recorded = root.at("recordedDate").text().or_else(|| root.at("assertedDate").text());
    let low = recorded.and_then(|text| values::ts(&text)).map_or(Bound::Null(Null::Unknown), Bound::Given);
    let time = Time::Span { low: Some(low), high: is_over.then_some(Bound::Null(Null::Unknown)) };
    Entry {
        class: Class::Act,
        templates: vec![CONCERN],
        ids: vec![part_id(&cx.id(item), "concern")],
        code: Some(fixed("CONC", ACT_CLASS, "Concern")),
        text: Some(row.clone()),
        status: Some(if is_over { "completed" } else { "active" }),
        times: vec![time],
        related: vec![Related { type_code: "SUBJ", is_inverted: false, entry: observation }],
        ..Entry::default()
    }
}

fn observation(cx: &Context<'_>, item: &Item<'_>, told: &Told<'_>, negated: Option<About>) -> Entry {
    let root = item.root();
    let mut own = entry(cx, item, Class::Observation, OBSERVATION, &told.row);
    own.negated = negated.map(|_| true);
    own.code = Some(fixed("ASSERTION", ACT_CODE, "Assertion"));
    own.status = Some("completed");
    let clinical = word(root.at("clinicalStatus"));
    let onset = values::time(root, "onset").and_then(|time| values::start(&time).cloned());
    own.times = vec![since(onset, negated.is_some(), clinical == "resolved")];
    own.values = vec![Value::Code(kind(root, negated))];
    own.participants = vec![substance(root, told, negated.is_some())];
    let status = clinical_status(&clinical).map(|value| Entry {
        class: Class::Observation,
        templates: vec![STATUS],
        code: Some(fixed("33999-4", LOINC, "Status")),
        status: Some("completed"),
        values: vec![Value::CodeCe(value)],
        ..Entry::default()
    });
    let criticality = criticality(root).map(|value| Entry {
        class: Class::Observation,
        templates: vec![CRITICALITY],
        code: Some(fixed("82606-5", LOINC, "Allergy or intolerance criticality")),
        status: Some("completed"),
        values: vec![Value::Code(value)],
        ..Entry::default()
    });
    if negated.is_none() {
        own.related.extend(status.into_iter().chain(criticality).map(about));
        let whole = cx.id(item);
        let reactions = told.manifestations.iter().enumerate().map(|(at, told)| reaction(&whole, at + 1, told));
        own.related.extend(reactions.map(|entry| Related { type_code: "MFST", is_inverted: true, entry }));
    }
    own.related.extend(comment(told.note.clone()));
    own
}

/// Since when; the end of what is over is not told by FHIR.
fn since(onset: Option<Ts>, is_negated: bool, is_resolved: bool) -> Time {
    let unknown = if is_negated { Null::NoInformation } else { Null::Unknown };
    let low = onset.map_or(Bound::Null(unknown), Bound::Given);
    Time::Span { low: Some(low), high: is_resolved.then_some(Bound::Null(Null::Unknown)) }
}

/// The kind of allergy (value set 2.16.840.1.113883.3.88.12.3221.6.2), by type and category.
fn kind(root: Node<'_>, negated: Option<About>) -> Code {
    let mut categories: Vec<String> = root.at("category").items().map(word).collect();
    categories.dedup();
    let category = match categories.as_slice() {
        [one] => one.as_str(),
        _ => "",
    };
    let (code, display) = match (negated, word(root.at("type")).as_str(), category) {
        (Some(About::Drug), _, _) => ("416098002", "Allergy to drug"),
        (Some(About::Food), _, _) => ("414285001", "Allergy to food"),
        (Some(_), _, _) => ("419199007", "Allergy to substance"),
        (_, "allergy", "medication") => ("416098002", "Allergy to drug"),
        (_, "allergy", "food") => ("414285001", "Allergy to food"),
        (_, "allergy", _) => ("419199007", "Allergy to substance"),
        (_, "intolerance", "medication") => ("59037007", "Intolerance to drug"),
        (_, "intolerance", "food") => ("235719002", "Intolerance to food"),
        (_, "", "medication") => ("419511003", "Propensity to adverse reactions to drug"),
        (_, "", "food") => ("418471000", "Propensity to adverse reactions to food"),
        (_, "", "environment" | "biologic") => ("418038007", "Propensity to adverse reactions to substance"),
        _ => ("420134006", "Propensity to adverse reaction"),
    };
    fixed(code, SNOMED, display)
}

fn substance(root: Node<'_>, told: &Told<'_>, is_negated: bool) -> Participant {
    let mut code = match is_negated {
        true => codes::null(Null::NotApplicable),
        false if root.at("code").exists() => codes::code(root.at("code"), &SUBSTANCES, None),
        false => codes::code(root.at("reaction").first().at("substance").first(), &SUBSTANCES, None),
    };
    code.original = told.substance.clone();
    Participant {
        on_participation: Vec::new(),
        type_code: "CSM",
        class_code: Some("MANU"),
        templates: Vec::new(),
        time: None,
        ids: Vec::new(),
        code: None,
        addresses: Vec::new(),
        telecoms: Vec::new(),
        player: Some(Player { is_device: false, class_code: Some("MMAT"), code: Some(code), name: None }),
        scoper: None,
    }
}

fn reaction(whole: &crate::render::ccd::cda::Id, number: usize, told: &Manifestation<'_>) -> Entry {
    let mut own = part(whole, &format!("reaction-{number}"), Class::Observation, REACTION, &told.row);
    own.code = Some(fixed("ASSERTION", ACT_CODE, "Assertion"));
    own.status = Some("completed");
    let onset = told.reaction.at("onset").text().and_then(|text| values::ts(&text));
    own.times = onset.map(|ts| Time::Span { low: Some(Bound::Given(ts)), high: None }).into_iter().collect();
    own.values = vec![Value::Code(match (told.manifestation, &told.words) {
        (Some(manifestation), words) => snomed(manifestation, words.clone()),
        (None, Some(words)) => Code { original: Some(words.clone()), ..codes::null(Null::Other) },
        (None, None) => codes::null(Null::Unknown),
    })];
    let severity = match word(told.reaction.at("severity")).as_str() {
        "mild" => Some(fixed("255604002", SNOMED, "Mild")),
        "moderate" => Some(fixed("6736007", SNOMED, "Moderate")),
        "severe" => Some(fixed("24484000", SNOMED, "Severe")),
        _ => None,
    };
    own.related.extend(severity.map(|value| {
        about(Entry {
            class: Class::Observation,
            templates: vec![SEVERITY],
            code: Some(fixed("SEV", ACT_CODE, "Severity")),
            text: Some(told.row.clone()),
            status: Some("completed"),
            values: vec![Value::Code(value)],
            ..Entry::default()
        })
    }));
    own
}

fn clinical_status(status: &str) -> Option<Code> {
    match status {
        "active" => Some(fixed("55561003", SNOMED, "Active")),
        "inactive" => Some(fixed("73425007", SNOMED, "Inactive")),
        "resolved" => Some(fixed("413322009", SNOMED, "Problem resolved")),
        _ => None,
    }
}

fn criticality(root: Node<'_>) -> Option<Code> {
    const VALUES: &str = "2.16.840.1.113883.5.1063";
    match word(root.at("criticality")).as_str() {
        "low" => Some(fixed("CRITL", VALUES, "low criticality")),
        "high" => Some(fixed("CRITH", VALUES, "high criticality")),
        "unable-to-assess" => Some(fixed("CRITU", VALUES, "unable to assess criticality")),
        _ => None,
    }
}

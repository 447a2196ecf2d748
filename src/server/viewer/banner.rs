//! The banner: who the patient is, which allergies were recorded, which years each source holds. On every chart page,
//! in one place and one form.
//!
//! Not for: comparing two patients' identities (the launch does that), or clinical rows (`sections`).

use askama::Template;

use crate::model::{Chart, ChartIndex, LinkedPatient, PatientIdentity, When};

use super::fhir::{self, Item};
use super::frame::Frame;
use super::glass::Glass;
use super::html::Markup;
use super::sections::allergies;
use super::source::Badge;
use super::svg::{self, Span};
use super::text;

/// What the banner says. An absent field says "not recorded".
#[derive(Template)]
#[template(path = "parts/banner.html")]
pub struct Banner {
    pub name: Name,
    pub born: String,
    pub ages: String,
    pub sex: String,
    pub died: Option<String>,
    /// Birth date and sex as the sources say them: each once, with badges where they differ.
    pub born_said: Vec<Said>,
    pub sex_said: Vec<Said>,
    pub differs: bool,
    pub numbers: Vec<(String, Option<Badge>)>,
    pub more_numbers: usize,
    pub formerly: Option<String>,
    /// Names under the person's other numbers that are not this one, and where they stand.
    pub other_names: Vec<(String, Vec<Badge>)>,
    pub linked: Vec<Linked>,
    pub more_linked: usize,
    /// `None`: not asked for on this page.
    pub allergies: Vec<AllergyLine>,
    pub more_allergies: usize,
    pub no_allergies: &'static str,
    /// One source says that there are none, another names some.
    pub allergies_differ: bool,
    /// For the line that stays.
    pub allergies_counted: String,
    pub allergies_href: String,
    /// How this chart came to be open.
    pub opened: String,
    pub coverage: Markup,
    pub end: End,
    pub glass: Glass,
    pub own_notes: Option<String>,
    /// For the form that ends it.
    pub csrf: String,
}

impl askama::filters::HtmlSafe for Banner {}

/// A patient's name in its two parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    pub family: String,
    pub given: String,
}

/// One allergy of the banner.
pub struct AllergyLine {
    pub substance: String,
    pub reaction: String,
    pub severe: bool,
    /// Of the sources that say so.
    pub badges: Vec<Badge>,
}

/// One value of an identity, and the sources that say it; no badges where all agree.
pub struct Said {
    pub value: String,
    pub badges: Vec<Badge>,
}

/// Where the records end: the declared cutover or the newest record.
#[derive(Clone, Debug)]
pub struct End {
    pub us: i64,
    pub day: String,
    /// Some day is known at all; and somebody declared it: it is not only the newest that the sources hold.
    pub known: bool,
    pub declared: bool,
}

/// The same person under another key. Name and birth date stand there as that source wrote them: a reader sees at once when
/// they differ.
pub struct Linked {
    pub name: String,
    pub born: String,
    pub sex: String,
    pub numbers: Vec<String>,
    pub badge: Badge,
    pub href: String,
    pub reasons: Vec<String>,
}

/// Linked keys that are named; the others are counted.
const LINKED_SHOWN: usize = 4;
const NUMBERS_SHOWN: usize = 5;
const ALLERGIES_SHOWN: usize = 3;

impl Linked {
    pub fn of(frame: &Frame, linked: &LinkedPatient) -> Linked {
        let identity = &linked.identity;
        Linked {
            name: Name::of(identity).listed(),
            born: born(identity),
            sex: sex(identity),
            numbers: record_numbers(identity),
            badge: frame.badge(&linked.source_system),
            href: format!("/patients/{}", linked.key),
            reasons: linked.reasons.clone(),
        }
    }
}

impl Name {
    pub fn of(identity: &PatientIdentity) -> Name {
        let given = identity.given.join(" ");
        match (&identity.family, given.is_empty()) {
            (Some(family), _) => Name { family: family.clone(), given },
            (None, false) => Name { family: String::new(), given },
            (None, true) => Name { family: "Name not recorded".into(), given },
        }
    }

    /// `Family, Given`, as in lists.
    pub fn listed(&self) -> String {
        match (self.family.is_empty(), self.given.is_empty()) {
            (false, false) => format!("{}, {}", self.family, self.given),
            (true, _) => self.given.clone(),
            (_, true) => self.family.clone(),
        }
    }
}

impl End {
    pub fn of(index: &ChartIndex, frame: &Frame) -> End {
        let newest = || index.coverage.iter().filter_map(|c| c.last.as_ref()).max_by_key(|w| w.start_us());
        let declared = frame.declared_end.as_ref();
        match declared.or(index.cutover.as_ref()).or_else(newest) {
            Some(w) => End { us: w.start_us(), day: w.date_text().to_string(), known: true, declared: declared.is_some() },
            None => {
                let us = When::parse(&frame.today).map_or(0, |w| w.start_us());
                End { us, day: "last record".into(), known: false, declared: false }
            }
        }
    }
}

/// Numbers that people call medical record numbers, else the first number that is not a social security number.
pub fn record_numbers(identity: &PatientIdentity) -> Vec<String> {
    let plain = |label: &str| label.to_lowercase();
    let is_mrn = |l: &str| matches!(plain(l).as_str(), "mr" | "mrn") || plain(l).contains("medical record");
    let is_secret = |l: &str| plain(l).contains("ssn") || plain(l).contains("social security") || plain(l) == "ss";
    let mrns: Vec<String> = identity.identifiers.iter().filter(|(l, _)| is_mrn(l)).map(|(_, v)| v.clone()).collect();
    if !mrns.is_empty() {
        return mrns;
    }
    identity.identifiers.iter().filter(|(l, _)| !is_secret(l)).map(|(_, v)| v.clone()).take(1).collect()
}

/// "67 y at cutover, 69 y today", or the age at death.
pub fn ages(identity: &PatientIdentity, end: Option<&End>, today: &str) -> String {
    let Some(birth) = &identity.birth_date else { return String::new() };
    let died = identity.deceased.as_deref().filter(|d| When::parse(d).is_some());
    if let Some(age) = died.and_then(|d| text::age(birth, d)) {
        return format!("{age} at death");
    }
    let at_end = end.filter(|e| e.known).and_then(|e| text::age(birth, &e.day)).map(|a| format!("{a} at cutover"));
    let now = identity.deceased.is_none().then(|| text::age(birth, today)).flatten().map(|a| format!("{a} today"));
    [at_end, now].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// "Died 2016-01-09", or "Died, date not recorded".
pub fn died(identity: &PatientIdentity) -> Option<String> {
    match identity.deceased.as_deref()? {
        "false" => None,
        date if When::parse(date).is_some() => Some(format!("Died {}", text::date(date).day)),
        _ => Some("Died, date not recorded".into()),
    }
}

impl Banner {
    pub fn new(frame: &Frame, chart: &Chart) -> Banner {
        let index = &chart.index;
        let identity = &index.identity;
        let end = End::of(index, frame);
        let source = source_of_patient(frame, chart);
        let items = fhir::items(chart, &["AllergyIntolerance"]);
        let (lines, allergies_differ) = allergy_lines(frame, &items);
        let held: u64 = index.counts.iter().filter(|c| c.kind.name() == "AllergyIntolerance").map(|c| c.count).sum();
        // What was not read is more, whatever it says; what was read and is no longer active is not.
        let unread = (held as usize).saturating_sub(items.len());
        let (born_said, sex_said) = (said(frame, &source, index, born), said(frame, &source, index, sex));
        let (numbers, more_numbers) = numbers(frame, &source, index);
        Banner {
            name: Name::of(identity),
            born: born(identity),
            ages: ages(identity, Some(&end), &frame.today),
            sex: sex(identity),
            died: died(identity),
            differs: born_said.len() > 1 || sex_said.len() > 1,
            born_said,
            sex_said,
            numbers,
            more_numbers,
            formerly: (!identity.other_names.is_empty()).then(|| identity.other_names.join("; ")),
            other_names: other_names(frame, index),
            linked: index.linked.iter().take(LINKED_SHOWN).map(|linked| Linked::of(frame, linked)).collect(),
            more_linked: index.linked.len().saturating_sub(LINKED_SHOWN),
            more_allergies: lines.len().saturating_sub(ALLERGIES_SHOWN) + unread,
            no_allergies: match (held, items.is_empty()) {
                (0, true) => "None recorded",
                (_, false) if lines.is_empty() => "None active at cutover",
                _ => "",
            },
            allergies_differ,
            allergies_counted: match (held, lines.iter().all(|line| line.substance.starts_with("No known"))) {
                (0, _) => "No allergies recorded".into(),
                (_, true) if lines.is_empty() => "No active allergies".into(),
                (_, true) => "No known allergies".into(),
                _ => text::counted((lines.len() + unread) as u64, "allergy", "allergies"),
            },
            allergies: lines.into_iter().take(ALLERGIES_SHOWN).collect(),
            opened: match &frame.launched_by {
                Some(ehr) => format!("Opened from {ehr}; what both say of name, birth date and sex was compared and agrees."),
                None => "Opened in this archive by search.".into(),
            },
            allergies_href: format!("/patients/{}/allergies", index.patient),
            coverage: coverage(frame, index, &end),
            end,
            glass: frame.glass.clone(),
            own_notes: frame.own_notes.clone(),
            csrf: frame.csrf.clone(),
        }
    }
}

fn source_of_patient(frame: &Frame, chart: &Chart) -> Option<Badge> {
    let own = chart
        .records
        .iter()
        .find(|r| r.kind == crate::model::Kind::PATIENT && r.id == chart.index.patient.0)
        .map(|r| &r.source_system);
    let only = || (chart.index.coverage.len() == 1).then(|| chart.index.coverage.first().map(|c| &c.source_system)).flatten();
    own.or_else(only).map(|s| frame.badge(s))
}

fn born(identity: &PatientIdentity) -> String {
    identity.birth_date.as_ref().map_or(text::NOT_RECORDED.into(), |born| born.date_text().to_string())
}

fn sex(identity: &PatientIdentity) -> String {
    identity.sex.as_deref().map_or(text::NOT_RECORDED.into(), text::sentence)
}

/// Everyone that the person is here: source and identity, the key of this chart first.
fn known_as<'a>(
    frame: &Frame,
    own: &Option<Badge>,
    index: &'a ChartIndex,
) -> impl Iterator<Item = (Option<Badge>, &'a PatientIdentity)> {
    let linked = index.linked.iter().map(|linked| (Some(frame.badge(&linked.source_system)), &linked.identity));
    std::iter::once((own.clone(), &index.identity)).chain(linked.collect::<Vec<_>>())
}

/// What the sources say of one thing, each value once. A source that is silent contradicts nobody.
fn said(frame: &Frame, own: &Option<Badge>, index: &ChartIndex, of: fn(&PatientIdentity) -> String) -> Vec<Said> {
    let mut all: Vec<Said> = Vec::new();
    for (badge, identity) in known_as(frame, own, index) {
        let value = of(identity);
        if value == text::NOT_RECORDED {
            continue;
        }
        match all.iter_mut().find(|said| said.value == value) {
            Some(said) => add(&mut said.badges, badge),
            None => all.push(Said { value, badges: badge.into_iter().collect() }),
        }
    }
    match all.as_mut_slice() {
        [] => all.push(Said { value: text::NOT_RECORDED.into(), badges: Vec::new() }),
        [one] => one.badges.clear(),
        _ => {}
    }
    all
}

fn add(badges: &mut Vec<Badge>, badge: Option<Badge>) {
    badges.extend(badge.filter(|badge| !badges.iter().any(|known| known.name == badge.name)));
}

/// The record numbers of all sources, each once, and how many more there are.
fn numbers(frame: &Frame, own: &Option<Badge>, index: &ChartIndex) -> (Vec<(String, Option<Badge>)>, usize) {
    let mut all: Vec<(String, Option<Badge>)> = Vec::new();
    for (badge, identity) in known_as(frame, own, index) {
        for number in record_numbers(identity) {
            let is_known = |(known, of): &(String, Option<Badge>)| {
                *known == number && of.as_ref().map(|b| &b.name) == badge.as_ref().map(|b| &b.name)
            };
            if !all.iter().any(is_known) {
                all.push((number, badge.clone()));
            }
        }
    }
    let more = all.len().saturating_sub(NUMBERS_SHOWN);
    all.truncate(NUMBERS_SHOWN);
    (all, more)
}

/// Names under other numbers that differ from this one in more than case.
fn other_names(frame: &Frame, index: &ChartIndex) -> Vec<(String, Vec<Badge>)> {
    let own = Name::of(&index.identity).listed();
    let mut all: Vec<(String, Vec<Badge>)> = Vec::new();
    for linked in &index.linked {
        let name = Name::of(&linked.identity).listed();
        let badge = Some(frame.badge(&linked.source_system));
        if name.to_lowercase() == own.to_lowercase() {
            continue;
        }
        let is_room = all.len() < LINKED_SHOWN;
        match all.iter_mut().find(|(known, _)| *known == name) {
            Some((_, badges)) => add(badges, badge),
            None if !is_room => {}
            None => all.push((name, badge.into_iter().collect())),
        }
    }
    all
}

/// Active allergies, severe ones first; what two sources say in the same words is one line with both badges. Whether one of them
/// says that there are none while another names some: then the names stand alone, and the banner says that sources differ.
fn allergy_lines(frame: &Frame, items: &[Item<'_>]) -> (Vec<AllergyLine>, bool) {
    let mut active: Vec<_> =
        items.iter().map(|item| (allergies::View::of(item), item)).filter(|(view, _)| view.is_active()).collect();
    active.sort_by_key(|(view, _)| (view.none_known, !view.severe));
    let differ = active.iter().any(|(view, _)| view.none_known) && active.iter().any(|(view, _)| !view.none_known);
    active.retain(|(view, _)| !(differ && view.none_known));
    let mut lines: Vec<AllergyLine> = Vec::new();
    for (view, item) in active {
        let badge = Some(frame.badge(&item.record.source_system));
        let reaction = match (&view.reaction, view.none_known) {
            (_, true) => String::new(),
            (Some(reaction), _) => reaction.clone(),
            (None, _) => "reaction not recorded".into(),
        };
        let substance = view.substance.clone().unwrap_or_else(|| "Substance not recorded".into());
        let folded = |text: &str| text.to_lowercase();
        let is_same = |line: &&mut AllergyLine| {
            folded(&line.substance) == folded(&substance) && folded(&line.reaction) == folded(&reaction)
        };
        match lines.iter_mut().find(is_same) {
            Some(line) => {
                line.severe |= view.severe;
                add(&mut line.badges, badge);
            }
            None => lines.push(AllergyLine { substance, reaction, severe: view.severe, badges: badge.into_iter().collect() }),
        }
    }
    (lines, differ)
}

fn coverage(frame: &Frame, index: &ChartIndex, end: &End) -> Markup {
    let spans: Vec<Span> = index
        .coverage
        .iter()
        .filter_map(|c| {
            let (first, last) = (c.first.as_ref()?, c.last.as_ref()?);
            let badge = frame.badge(&c.source_system);
            Some(Span {
                words: format!("{} from {} to {}", badge.name, first.date_text(), last.date_text()),
                letters: badge.letters,
                hue: badge.hue,
                from: first.start_us(),
                to: last.start_us(),
            })
        })
        .collect();
    if spans.is_empty() {
        return Markup::default();
    }
    svg::coverage(&spans, end.us, &end.day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_banner_never_shows_a_social_security_number() {
        let identity = PatientIdentity {
            identifiers: vec![
                ("Social Security Number".into(), "999-97-5316".into()),
                ("Medical Record Number".into(), "M1".into()),
            ],
            ..PatientIdentity::default()
        };
        assert_eq!(record_numbers(&identity), ["M1"]);
        let only = PatientIdentity { identifiers: vec![("SS".into(), "999".into())], ..PatientIdentity::default() };
        assert!(record_numbers(&only).is_empty());
    }

    #[test]
    fn a_nameless_patient_is_said_to_be_so() {
        assert_eq!(Name::of(&PatientIdentity::default()).listed(), "Name not recorded");
    }
}

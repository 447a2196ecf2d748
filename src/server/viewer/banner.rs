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
    pub numbers: Vec<(String, Option<Badge>)>,
    pub formerly: Option<String>,
    pub linked: Vec<Linked>,
    pub more_linked: usize,
    /// `None`: not asked for on this page.
    pub allergies: Vec<AllergyLine>,
    pub more_allergies: usize,
    pub no_allergies: &'static str,
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
}

/// Where the records end: the declared cutover or the newest record.
#[derive(Clone, Debug)]
pub struct End {
    pub us: i64,
    pub day: String,
    pub known: bool,
}

/// The same person under another key. Name and birth date stand there as that source wrote them: a reader sees at once when
/// they differ.
pub struct Linked {
    pub name: String,
    pub born: String,
    pub numbers: Vec<String>,
    pub badge: Badge,
    pub href: String,
    pub reasons: Vec<String>,
}

/// Linked keys that are named; the others are counted.
const LINKED_SHOWN: usize = 4;

impl Linked {
    pub fn of(frame: &Frame, linked: &LinkedPatient) -> Linked {
        let identity = &linked.identity;
        Linked {
            name: Name::of(identity).listed(),
            born: identity.birth_date.as_ref().map_or(text::NOT_RECORDED.into(), |born| born.date_text().to_string()),
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
        let when = index.cutover.as_ref().or_else(newest);
        match when {
            Some(w) => End { us: w.start_us(), day: w.date_text().to_string(), known: true },
            None => {
                let us = When::parse(&frame.today).map_or(0, |w| w.start_us());
                End { us, day: "last record".into(), known: false }
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
        let lines = allergy_lines(&items);
        let held: u64 = index.counts.iter().filter(|c| c.kind.name() == "AllergyIntolerance").map(|c| c.count).sum();
        let shown = lines.len().min(3);
        Banner {
            name: Name::of(identity),
            born: identity.birth_date.as_ref().map_or(text::NOT_RECORDED.into(), |b| b.date_text().to_string()),
            ages: ages(identity, Some(&end), &frame.today),
            sex: identity.sex.as_deref().map_or(text::NOT_RECORDED.into(), text::sentence),
            died: died(identity),
            numbers: record_numbers(identity).into_iter().map(|n| (n, source.clone())).collect(),
            formerly: (!identity.other_names.is_empty()).then(|| identity.other_names.join("; ")),
            linked: index.linked.iter().take(LINKED_SHOWN).map(|linked| Linked::of(frame, linked)).collect(),
            more_linked: index.linked.len().saturating_sub(LINKED_SHOWN),
            more_allergies: (held as usize).max(lines.len()) - shown,
            no_allergies: if held == 0 && lines.is_empty() { "None recorded" } else { "" },
            allergies: lines.into_iter().take(3).collect(),
            opened: match &frame.launched_by {
                Some(ehr) => format!("Opened from {ehr}."),
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

fn allergy_lines(items: &[Item<'_>]) -> Vec<AllergyLine> {
    let mut active: Vec<_> = items.iter().map(allergies::View::of).filter(|a| a.is_active()).collect();
    active.sort_by_key(|a| !a.severe);
    active
        .into_iter()
        .map(|a| AllergyLine {
            reaction: match (&a.reaction, a.none_known) {
                (_, true) => String::new(),
                (Some(r), _) => r.clone(),
                (None, _) => "reaction not recorded".into(),
            },
            severe: a.severe,
            substance: a.substance.unwrap_or_else(|| "Substance not recorded".into()),
        })
        .collect()
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

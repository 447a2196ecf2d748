//! One found patient: his row in the list, and the card that asks whether it is he.
//!
//! Not for: the page around them (`find`).

use super::super::super::banner::{self, Linked, Name};
use super::super::super::frame::Frame;
use super::super::super::html::Markup;
use super::super::super::source::Badge;
use super::super::super::text;
use super::Alike;
use super::marks::{Marks, Pieces};
use super::years::Years;
use crate::model::{PatientIdentity, When};
use crate::query::{Likeness, Outline, PatientHit};

/// Where a hit stands in its list.
pub struct Place<'a> {
    /// The address of the page with this row chosen.
    pub choose: String,
    pub chosen: bool,
    pub outline: &'a Outline,
    /// The row above it that it could be taken for.
    pub alike: Option<(usize, Alike)>,
    pub years: Option<&'a Years>,
}

/// A record number with the system that gave it.
pub struct Number {
    pub pieces: Pieces,
    pub badge: Badge,
}

pub struct Hit {
    pub href: String,
    pub choose: String,
    pub name: Pieces,
    pub listed: String,
    pub other_names: Pieces,
    pub born: Pieces,
    pub person: String,
    pub died: Option<String>,
    pub numbers: Vec<Number>,
    pub town: String,
    pub phone: Phone,
    pub last_seen: String,
    /// The source whose records reach that day.
    pub last_in: Option<Badge>,
    pub records: String,
    pub years: Markup,
    pub badges: Vec<Badge>,
    pub linked: Vec<Linked>,
    pub why: String,
    pub alike: Option<String>,
    pub chosen: bool,
}

/// The end of a phone number: enough to compare, not enough to call.
pub struct Phone {
    pub end: Option<String>,
    pub matched: bool,
}

/// The identity card of one row.
pub struct Card {
    pub name: Name,
    pub href: String,
    pub died: Option<String>,
    pub lines: Vec<(&'static str, Vec<String>)>,
    pub numbers: Vec<Number>,
    pub chosen: bool,
}

pub fn hit(frame: &Frame, hit: &PatientHit, place: &Place<'_>) -> Hit {
    let identity = &hit.patient.identity;
    let marks = Marks(&hit.matched);
    let born = identity.birth_date.as_ref().map_or(text::NOT_RECORDED, |born| born.date_text());
    let sex = identity.sex.as_deref().unwrap_or("sex not recorded");
    let ages = ages(frame, identity);
    let listed = Name::of(identity).listed();
    let end = identity.phones.iter().map(|phone| tail(phone)).find(|end| marks.phone(end));
    let matched = end.is_some();
    Hit {
        href: format!("/patients/{}", hit.patient.key),
        choose: place.choose.clone(),
        name: marks.name(&listed),
        listed,
        other_names: marks.name(&identity.other_names.join("; ")),
        born: marks.born(born),
        person: if ages.is_empty() { sex.to_string() } else { format!("{ages}, {sex}") },
        died: banner::died(identity),
        numbers: numbers(frame, hit),
        town: identity.addresses.first().map_or("Address not recorded".into(), |address| town(address)),
        phone: Phone { end: end.or_else(|| identity.phones.first().map(|phone| tail(phone))), matched },
        last_seen: last_seen(hit, place.outline),
        last_in: newest(place.outline).map(|(source, _)| frame.badge(source)),
        records: records(hit, place.outline),
        years: place.years.map_or_else(Markup::default, |years| years.draw(frame, &place.outline.coverage)),
        badges: badges(frame, hit, place.outline),
        linked: hit.linked.iter().map(|linked| Linked::of(frame, linked)).collect(),
        why: sentence(&hit.why),
        alike: place.alike.map(|(other, how)| alike(other, how)),
        chosen: place.chosen,
    }
}

pub fn card(frame: &Frame, hit: &PatientHit, place: &Place<'_>) -> Card {
    let identity = &hit.patient.identity;
    let ages = ages(frame, identity);
    let born = identity.birth_date.as_ref().map_or(text::NOT_RECORDED.to_string(), |born| born.date_text().to_string());
    let or_missing = |list: &[String]| if list.is_empty() { vec![text::NOT_RECORDED.to_string()] } else { list.to_vec() };
    let mut lines = vec![
        ("Born", vec![if ages.is_empty() { born } else { format!("{born} ({ages})") }]),
        ("Sex", vec![identity.sex.as_deref().map_or(text::NOT_RECORDED.into(), text::sentence)]),
    ];
    if !identity.other_names.is_empty() {
        lines.push(("Other names", identity.other_names.clone()));
    }
    lines.push(("Address", or_missing(&identity.addresses)));
    lines.push(("Phone", or_missing(&identity.phones)));
    let last_in = newest(place.outline).map_or(String::new(), |(source, _)| format!(", {}", frame.badge(source).letters));
    lines.push(("Last seen", vec![format!("{}{last_in}", last_seen(hit, place.outline))]));
    lines.push(("Archived", vec![records(hit, place.outline)]));
    Card {
        name: Name::of(identity),
        href: format!("/patients/{}", hit.patient.key),
        died: banner::died(identity),
        lines,
        numbers: numbers(frame, hit),
        chosen: place.chosen,
    }
}

fn ages(frame: &Frame, identity: &PatientIdentity) -> String {
    banner::ages(identity, None, &frame.today).replace(" today", "")
}

/// The medical record numbers under all keys, and whatever other number was asked for; never a social security number.
fn numbers(frame: &Frame, hit: &PatientHit) -> Vec<Number> {
    let marks = Marks(&hit.matched);
    let own = (&hit.patient.identity, &hit.patient.source_system);
    let others = hit.linked.iter().map(|linked| (&linked.identity, &linked.source_system));
    let mut found: Vec<(String, &str)> = Vec::new();
    for (identity, source) in std::iter::once(own).chain(others) {
        let asked = identity.identifiers.iter().filter(|(label, value)| !is_secret(label) && marks.has_number(value));
        for number in banner::record_numbers(identity).into_iter().chain(asked.map(|(_, value)| value.clone())) {
            if !found.iter().any(|(known, from)| *known == number && *from == &**source) {
                found.push((number, source));
            }
        }
    }
    found.into_iter().map(|(number, source)| Number { pieces: marks.number(&number), badge: frame.badge(source) }).collect()
}

fn is_secret(label: &str) -> bool {
    let label = label.to_lowercase();
    label == "ss" || label.contains("ssn") || label.contains("social security")
}

fn badges(frame: &Frame, hit: &PatientHit, outline: &Outline) -> Vec<Badge> {
    let mut sources: Vec<&str> = outline.coverage.iter().map(|it| &*it.source_system).collect();
    if sources.is_empty() {
        sources.push(&hit.patient.source_system);
    }
    sources.into_iter().map(|source| frame.badge(source)).collect()
}

/// The newest day under any of his keys, as his chart tells it.
fn last_seen(hit: &PatientHit, outline: &Outline) -> String {
    let newest = newest(outline).map(|(_, when)| when);
    newest.or(hit.patient.last_seen.as_ref()).map_or(text::NOT_RECORDED.into(), |when: &When| when.date_text().to_string())
}

/// The source that was last to hold anything, and when.
fn newest(outline: &Outline) -> Option<(&str, &When)> {
    let last = outline.coverage.iter().filter_map(|it| Some((&*it.source_system, it.last.as_ref()?)));
    last.max_by_key(|(_, when)| when.start_us())
}

fn records(hit: &PatientHit, outline: &Outline) -> String {
    let all: u64 = outline.coverage.iter().map(|it| it.records).sum();
    text::counted(if outline.coverage.is_empty() { hit.patient.records } else { all }, "record", "records")
}

/// An address without its first line, where it has one: in a list the town tells namesakes apart, and the street is the card's.
fn town(address: &str) -> String {
    let parts: Vec<&str> = address.split(", ").collect();
    parts[parts.len().saturating_sub(3).min(1)..].join(", ")
}

fn tail(phone: &str) -> String {
    let digits: Vec<char> = phone.chars().filter(char::is_ascii_digit).collect();
    digits[digits.len().saturating_sub(4)..].iter().collect()
}

fn sentence(why: &[String]) -> String {
    let joined = why.join(", ");
    let mut chars = joined.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}

/// How a row stands to one above it.
fn alike(other: usize, how: Alike) -> String {
    let which = match other {
        0 => "the first".to_string(),
        1 => "the second".to_string(),
        2 => "the third".to_string(),
        n => format!("row {}", n + 1),
    };
    match how {
        Alike::Name => format!("The same name as {which}. Compare the full birth date and the numbers."),
        Alike::Told(Likeness::SaidToBeTwo) => {
            format!("Much like {which}. Somebody has confirmed that they are different people.")
        }
        Alike::Told(Likeness::MayBeOne) => {
            format!("May be the same person as {which}. Nobody has linked them: each chart holds its own records.")
        }
        Alike::Told(Likeness::Namesakes) => {
            format!("Family name and birth year of {which}. Compare the full birth date and the numbers.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_shows_the_town_and_the_end_of_the_phone() {
        for (address, wanted) in [
            ("17 Madeup Lane, Sampleton, OH, 00501", "Sampleton, OH, 00501"),
            ("17 Madeup Lane, Apt 2, Sampleton, OH, 00501", "Apt 2, Sampleton, OH, 00501"),
            ("Sampleton, OH", "Sampleton, OH"),
            ("Sampleton", "Sampleton"),
            ("17 Madeup Lane, Sampleton, OH", "17 Madeup Lane, Sampleton, OH"),
        ] {
            assert_eq!(town(address), wanted);
        }
        assert_eq!((tail("(555) 010-0142"), tail("12")), ("0142".into(), "12".into()));
    }
}

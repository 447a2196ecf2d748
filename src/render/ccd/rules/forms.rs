//! How values are written: times, codes, units, ids, templates in both forms, anchors and the references to them.
//!
//! Not for: what has to be there (`entries`, `header`).

use std::collections::HashSet;

use super::{Breach, Held, demand};
use crate::formats::code_systems::{is_oid, is_uuid};
use crate::formats::ucum;
use crate::render::ccd::cda::{
    Assigned, Author, Bound, Code, Entry, Id, Organization, Participant, Product, Quantity, Section, Template, Time, Ts, Value,
};
use crate::render::ccd::narrative::Anchor;
use crate::render::ccd::values::is_decimal;

/// Templates that did not stand in C-CDA R1.1, by their roots below 2.16.840.1.113883.10.20.22.
const BORN_LATER: [&str; 28] = [
    "2.56", "2.58", "2.60", "2.61", "2.62", "2.65", "2.500", "4.109", "4.110", "4.111", "4.112", "4.113", "4.115", "4.120",
    "4.121", "4.122", "4.129", "4.130", "4.131", "4.132", "4.133", "4.134", "4.200", "4.201", "4.202", "4.500", "4.500.1",
    "4.147",
];

/// Each template that stood in R1.1 is declared in both forms, and no other.
pub fn templates(templates: &[Template]) -> Held {
    for template in templates.iter().filter(|t| t.extension.is_some()) {
        let below = template.root.strip_prefix("2.16.840.1.113883.10.20.22.").unwrap_or_default();
        let is_new = BORN_LATER.contains(&below);
        demand(is_new || template.is_old, "1198-32936", "a template of R1.1 is declared with its root alone as well")?;
    }
    demand(templates.iter().all(|t| is_oid(t.root)), "CDA", "a template's root is an OID")
}

pub fn ts(ts: &Ts) -> Held {
    let (digits, zone) = ts.0.split_at(ts.0.find(['+', '-']).unwrap_or(ts.0.len()));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let has_length = matches!(whole.len(), 4 | 6 | 8 | 10 | 12 | 14) && (digits.len() == whole.len() || whole.len() == 14);
    let is_zone = zone.is_empty() || whole.len() > 8 && zone.len() == 5 && is_number(zone.get(1..).unwrap_or_default());
    demand(is_number(whole) && is_number(fraction) && has_length && is_zone, "CDA-TS", "a time is written as HL7 does")
}

fn bound(bound: &Bound<Ts>) -> Held {
    if let Bound::Given(given) = bound { ts(given) } else { Ok(()) }
}

fn time(time: &Time) -> Held {
    match time {
        Time::At(given) => ts(given),
        Time::Span { low, high } => low.iter().chain(high).try_for_each(bound),
        Time::Every { value, unit, .. } => {
            demand(is_decimal(value) && ucum::is_unit(unit), "CDA-PQ", "a period is a number with a unit of UCUM")
        }
        Time::Null(_) | Time::Event(_) => Ok(()),
    }
}

pub fn code(code: &Code) -> Held {
    let is_system = |system: &String| is_oid(system) || is_uuid(system);
    demand(code.system.as_ref().is_none_or(is_system), "CDA-CD", "a code system is an OID or a UUID")?;
    let is_code = |code: &String| !code.is_empty() && !code.contains(char::is_whitespace);
    demand(code.code.as_ref().is_none_or(is_code), "CDA-CD", "a code has no white space")?;
    demand(code.code.is_none() || code.null.is_none(), "CDA-CD", "a code that is given has no null flavor")?;
    code.translations.iter().try_for_each(self::code)
}

fn quantity(quantity: &Quantity) -> Held {
    demand(is_decimal(&quantity.value), "CDA-PQ", "a quantity is a number")?;
    demand(quantity.unit.as_deref().is_none_or(ucum::is_unit), "CDA-PQ", "a unit is one of UCUM")
}

fn value(value: &Value) -> Held {
    match value {
        Value::Code(given) | Value::CodeCe(given) => code(given),
        Value::Quantity(given) => quantity(given),
        Value::Range { low, high } => low.iter().chain(high).try_for_each(|(given, _)| quantity(given)),
        Value::Integer(digits) => {
            let digits = digits.strip_prefix('-').unwrap_or(digits);
            demand(!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()), "CDA-INT", "an integer is one")
        }
        Value::Time(given) => time(given),
        Value::Text(_) | Value::Boolean(_) | Value::Null(..) => Ok(()),
    }
}

pub fn ids(ids: &[Id]) -> Held {
    for id in ids {
        let (root, extension) = match id {
            Id::Given { root, extension } => (Some(root), extension),
            Id::Null { root, extension, .. } => (root.as_ref(), extension),
        };
        demand(root.is_none_or(|root| is_oid(root) || is_uuid(root)), "CDA-II", "the root of an id is an OID or a UUID")?;
        demand(extension.as_ref().is_none_or(|e| !e.is_empty()), "CDA-II", "the extension of an id is not empty")?;
    }
    Ok(())
}

pub fn organization(organization: &Organization) -> Held {
    ids(&organization.ids)
}

pub fn assigned(assigned: &Assigned) -> Held {
    ids(&assigned.ids)?;
    assigned.code.iter().try_for_each(code)?;
    assigned.organization.iter().try_for_each(organization)
}

pub fn author(author: &Author) -> Held {
    templates(&author.templates)?;
    bound(&author.time)?;
    assigned(&author.assigned)
}

fn participant(participant: &Participant) -> Held {
    templates(&participant.templates)?;
    ids(&participant.ids)?;
    participant.time.iter().try_for_each(time)?;
    participant.code.iter().try_for_each(code)?;
    participant.player.iter().filter_map(|player| player.code.as_ref()).try_for_each(code)
}

fn product(product: &Product) -> Held {
    templates(&product.templates)?;
    ids(&product.ids)?;
    code(&product.code)?;
    product.manufacturer.iter().try_for_each(organization)
}

/// All that a statement says itself, without what is inside it.
pub fn entry(entry: &Entry) -> Held {
    templates(&entry.templates)?;
    ids(&entry.ids)?;
    let codes = [&entry.code, &entry.disposition, &entry.priority, &entry.route, &entry.administration_unit, &entry.specimen];
    codes.into_iter().flatten().try_for_each(code)?;
    entry.interpretations.iter().chain(&entry.methods).chain(&entry.target_sites).try_for_each(code)?;
    entry.times.iter().try_for_each(time)?;
    entry.values.iter().chain(&entry.precondition).try_for_each(value)?;
    if let Some(Bound::Given(dose)) = &entry.dose {
        quantity(dose)?;
    }
    entry.rate.iter().chain(&entry.quantity).try_for_each(quantity)?;
    entry.ranges.iter().filter_map(|range| range.value.as_ref()).try_for_each(value)?;
    if let Some(subject) = &entry.subject {
        code(&subject.relationship)?;
        subject.birth.iter().try_for_each(ts)?;
    }
    entry.product.iter().try_for_each(product)?;
    for performer in &entry.performers {
        performer.time.iter().try_for_each(time)?;
        assigned(&performer.assigned)?;
    }
    entry.authors.iter().try_for_each(author)?;
    entry.informants.iter().try_for_each(organization)?;
    entry.participants.iter().try_for_each(participant)
}

/// Anchors are names of XML, each once in the document, and every reference leads to one.
pub fn anchors(sections: &[Section]) -> Held {
    let mut known: HashSet<&Anchor> = HashSet::new();
    for section in sections {
        let narrative = &section.narrative;
        let rows = narrative.tables.iter().flat_map(|table| &table.rows);
        let cells = rows.clone().flat_map(|row| row.cells.iter().filter_map(|cell| cell.anchor.as_ref()));
        let all = rows.map(|row| &row.anchor).chain(cells).chain(narrative.passages.iter().map(|passage| &passage.anchor));
        for anchor in all {
            demand(is_name(&anchor.0) && known.insert(anchor), "XML-ID", "an anchor is a name and stands once in a document")
                .map_err(|breach| breach.within(section.title))?;
        }
    }
    for section in sections {
        for given in &section.entries {
            references(&given.entry, &known).map_err(|breach| breach.within(section.title))?;
        }
    }
    Ok(())
}

/// Whether a text is a name of XML without a colon (NCName), of those characters that are used here.
fn is_name(text: &str) -> bool {
    let is_part = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && text.bytes().all(is_part)
}

fn references(entry: &Entry, known: &HashSet<&Anchor>) -> Held {
    let resolves = |anchor: &Anchor| match known.contains(anchor) {
        true => Ok(()),
        false => Err(Breach::new("1198-reference", "a reference leads to the narrative")),
    };
    entry.text.iter().try_for_each(resolves)?;
    let original = |code: &Code| code.original.iter().try_for_each(resolves);
    let codes = [&entry.code, &entry.disposition, &entry.priority, &entry.route, &entry.administration_unit, &entry.specimen];
    codes.into_iter().flatten().try_for_each(original)?;
    entry.interpretations.iter().chain(&entry.methods).chain(&entry.target_sites).try_for_each(original)?;
    for value in entry.values.iter().chain(&entry.precondition) {
        if let Value::Code(code) | Value::CodeCe(code) = value {
            original(code)?;
        }
    }
    entry.product.iter().try_for_each(|product| original(&product.code))?;
    entry.subject.iter().try_for_each(|subject| original(&subject.relationship))?;
    let players =
        entry.participants.iter().flat_map(|p| p.code.iter().chain(p.player.iter().filter_map(|player| player.code.as_ref())));
    players.into_iter().try_for_each(original)?;
    let inner = entry.related.iter().map(|related| &related.entry).chain(&entry.components);
    inner.into_iter().try_for_each(|entry_inside| references(entry_inside, known))
}

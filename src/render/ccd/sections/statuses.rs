//! Functional status and mental status: scales, questionnaires and judgements, each an assessment scale observation.
//!
//! Not for: which of the two a finding belongs to (`routing`).

use crate::render::ccd::cda::{Section, Template, Value};
use crate::render::ccd::context::Context;

use super::findings;
use super::questionnaires::{self, SCALE};
use super::routing::Place;
use super::sheet::{Sheet, Spec};
use super::words;

const FUNCTIONAL: Spec = Spec {
    prefix: "functional",
    code: ("47420-5", "Functional status assessment note"),
    title: "Functional Status",
    templates: &[Template::both("2.16.840.1.113883.10.20.22.2.14", "2014-06-09")],
    with_entries: &[],
    needs_entries: false,
    columns: findings::COLUMNS,
};

const MENTAL: Spec = Spec {
    prefix: "mental",
    code: ("10190-7", "Mental status Narrative"),
    title: "Mental Status",
    // Born with R2.1, so declared with its extension alone.
    templates: &[Template::new("2.16.840.1.113883.10.20.22.2.56", "2015-08-01")],
    with_entries: &[],
    needs_entries: false,
    columns: findings::COLUMNS,
};

pub fn functional(cx: &Context<'_>) -> Section {
    section(cx, &FUNCTIONAL, Place::FunctionalStatus)
}

pub fn mental(cx: &Context<'_>) -> Section {
    section(cx, &MENTAL, Place::MentalStatus)
}

fn section(cx: &Context<'_>, spec: &'static Spec, place: Place) -> Section {
    let mut sheet = Sheet::new(cx, spec);
    for item in cx.placed(place) {
        if item.kind == "QuestionnaireResponse" {
            questionnaires::add(&mut sheet, &item);
            continue;
        }
        let said = findings::row(&mut sheet, &item);
        if words::is_mistaken(item.root()) {
            continue;
        }
        let mut entry = findings::entry(cx, &item, &said);
        entry.templates.push(SCALE);
        // The template wants a value; a panel has its members' instead.
        if entry.values.is_empty() {
            entry.values.push(Value::Null("CD", findings::absence(item.root())));
        }
        sheet.push(entry);
    }
    sheet.finish()
}

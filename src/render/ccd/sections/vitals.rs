//! Vital signs: measurements, those of one time in one organizer.
//!
//! What was filed as a vital sign and is no number with a unit stands beside them as a result: the template takes nothing else.
//!
//! Not for: measurements that the source filed elsewhere.

use std::collections::HashMap;

use super::observation::{COLUMNS, RESULT, tell};
use super::routing::Place;
use super::rows::{Frame, Sheet, part_id, section, when_words};
use crate::render::ccd::cda::{Class, Entry, Null, Section, Template, Time, Value};
use crate::render::ccd::codes::{LOINC, SNOMED, fixed};
use crate::render::ccd::context::Context;
use crate::render::ccd::values;

const FRAME: Frame = Frame {
    templates: [
        Template::both("2.16.840.1.113883.10.20.22.2.4.1", "2015-08-01"),
        Template::both("2.16.840.1.113883.10.20.22.2.4", "2015-08-01"),
    ],
    code: "8716-3",
    display: "Vital signs",
    title: "Vital Signs",
};
/// Vital Signs Organizer, Vital Sign Observation.
const ORGANIZER: Template = Template::both("2.16.840.1.113883.10.20.22.4.26", "2015-08-01");
const VITAL: Template = Template::both("2.16.840.1.113883.10.20.22.4.27", "2014-06-09");
/// Result Organizer.
const RESULTS: Template = Template::both("2.16.840.1.113883.10.20.22.4.1", "2015-08-01");

/// What was measured at one time.
#[derive(Debug)]
struct Moment {
    time: Option<Time>,
    vitals: Vec<Entry>,
    others: Vec<Entry>,
}

pub fn vitals(cx: &Context<'_>) -> Section {
    let mut sheet = Sheet::new("vital", &COLUMNS);
    let mut moments: Vec<Moment> = Vec::new();
    // By time and source: two systems do not share an organizer.
    let mut known: HashMap<(String, &str), usize> = HashMap::new();
    for item in cx.placed(Place::VitalSigns) {
        let parts = tell(cx, &mut sheet, &item, "").parts;
        let root = item.root();
        let key = (when_words(root, "effective"), item.source);
        let at = *known.entry(key).or_insert(moments.len());
        if at == moments.len() {
            moments.push(Moment { time: values::time(root, "effective"), vitals: Vec::new(), others: Vec::new() });
        }
        let Some(moment) = moments.get_mut(at) else { continue };
        for part in parts {
            match is_vital(&part) {
                true => moment.vitals.push(vital(part)),
                false => moment.others.push(part),
            }
        }
    }
    let has_vitals = moments.iter().any(|moment| !moment.vitals.is_empty());
    // The section must hold an organizer of vital signs, or nothing but words.
    let entries = if has_vitals { moments.into_iter().filter_map(organizer).collect() } else { Vec::new() };
    section(cx, &FRAME, vec![sheet], entries)
}

/// A measurement that was made, with its unit.
fn is_vital(entry: &Entry) -> bool {
    entry.status == Some("completed") && matches!(entry.values.as_slice(), [Value::Quantity(quantity)] if quantity.unit.is_some())
}

fn vital(mut entry: Entry) -> Entry {
    entry.templates = vec![VITAL];
    // Words alone are no interpretation here.
    entry.interpretations.retain(|code| code.code.is_some());
    entry
}

fn organizer(moment: Moment) -> Option<Entry> {
    let Moment { time, vitals, others } = moment;
    let first = vitals.first().or(others.first())?;
    let mut organizer = Entry {
        class: Class::Organizer,
        class_code: Some("CLUSTER"),
        ids: first.ids.iter().take(1).map(|id| part_id(id, "vitals")).collect(),
        text: first.text.clone(),
        informants: first.informants.clone(),
        status: Some("completed"),
        ..Entry::default()
    };
    if vitals.is_empty() {
        debug_assert!(others.iter().all(|entry| entry.templates == [RESULT]));
        organizer.templates = vec![RESULTS];
        organizer.code = first.code.clone();
        organizer.status = first.status;
        organizer.times = time.map(|time| values::both_bounds(Some(time))).into_iter().collect();
    } else {
        let mut code = fixed("46680005", SNOMED, "Vital signs");
        code.translations =
            vec![fixed("74728-7", LOINC, "Vital signs, weight, height, head circumference, oxygen saturation and BMI panel")];
        organizer.templates = vec![ORGANIZER];
        organizer.code = Some(code);
        organizer.times = vec![time.unwrap_or(Time::Null(Null::Unknown))];
    }
    organizer.components = vitals.into_iter().chain(others).collect();
    Some(organizer)
}

//! Procedures (PR1).
//!
//! Not for: procedures that were ordered (`orders`) or charged (`financial`).

use jiff::ToSpan;
use jiff::civil::DateTime;

use super::group::Group;
use super::types::words;
use crate::formats::hl7v2::Segment;
use crate::mapping::fhir::Resource;
use crate::mapping::systems::Coding;
use crate::mapping::time::{Time, offset_in};
use crate::mapping::{Mapped, id};

const SNOMED: &str = "http://snomed.info/sct";

pub(super) fn map(group: &Group<'_>, out: &mut Mapped) {
    if !group.holds_diagnoses() {
        return;
    }
    for pr1 in group.all_of("PR1") {
        if !words(pr1.field(3)).is_empty() || !pr1.field(4).text().is_empty() {
            out.resources.push(procedure(group, pr1));
        }
    }
}

/// PR1-19 names a procedure; without it, what was done and when.
fn name(group: &Group<'_>, pr1: Segment<'_>) -> String {
    let (owner, own) = (group.owner(), group.ei_parts(pr1.field(19)));
    if owner.is_empty() {
        return String::new();
    }
    if !own[1].is_empty() {
        return id::id(&[owner, "procedure", &own[0], &own[1]]);
    }
    let code = pr1.field(3).text();
    let what = if code.is_empty() { words(pr1.field(3)) } else { code.into_owned() };
    let what = if what.is_empty() { pr1.field(4).text().into_owned() } else { what };
    id::id(&[owner, "procedure", &pr1.field(5).text(), &what])
}

fn procedure(group: &Group<'_>, pr1: Segment<'_>) -> Vec<u8> {
    let mut resource = Resource::new("Procedure", &name(group, pr1));
    resource.meta(&group.made, &[]);
    let mut o = resource.object();
    o.array("identifier", |list| group.ei(list, pr1.field(19), ""));
    o.text("status", if pr1.field(20).text() == "D" { "entered-in-error" } else { "completed" });
    group.concept(&mut o, "category", pr1.field(6), "HL70230");
    // Before 2.5 the coding system stood in a field of its own, the words in another.
    let codings = group.codings(pr1.field(3), &pr1.field(2).text());
    let (text, described) = (words(pr1.field(3)), pr1.field(4).text());
    let is_code = text == pr1.field(3).text() && !described.is_empty();
    o.concept("code", &codings, if text.is_empty() || is_code { &described } else { &text });
    o.reference("subject", "Patient", &group.patient, "");
    o.reference("encounter", "Encounter", &group.encounter, "");
    let start = group.time(pr1.field(5));
    match end(&start, &pr1.field(7).text(), group) {
        Some(end) => o.period("performedPeriod", &start.text, &end),
        None => o.text("performedDateTime", &start.text),
    };
    o.array("performer", |list| {
        let roles = [(8, "88189002", "Anesthesiologist"), (11, "304292004", "Surgeon"), (12, "", "")];
        for (field, code, display) in roles {
            for xcn in pr1.field(field).repetitions().filter(|xcn| !group.xcn_display(*xcn).is_empty()) {
                list.object(|o| {
                    o.concept("function", &[Coding::new(SNOMED, code, display)], "");
                    group.xcn(o, "actor", xcn);
                });
            }
        }
    });
    o.array("reasonCode", |list| group.concept_in(list, pr1.field(15), ""));
    o.array("note", |list| {
        for modifier in pr1.field(16).repetitions().filter(|m| !words(*m).is_empty()) {
            list.object(|o| {
                let (code, words) = (modifier.text(), words(modifier));
                let text = if code == words { code.into_owned() } else { format!("{code} {words}") };
                o.text("text", &format!("Modifier: {}", text.trim()));
            });
        }
    });
    resource.finish()
}

/// The end, when the start is told to the minute and PR1-7 says how many minutes it took.
fn end(start: &Time, minutes: &str, group: &Group<'_>) -> Option<String> {
    let minutes = minutes.split('.').next()?.parse::<i32>().ok().filter(|m| (1..=100_000).contains(m))?;
    let (civil, offset) = start.instant().split_at_checked(19)?;
    let civil: DateTime = civil.parse().ok()?;
    let civil = civil.checked_add(i64::from(minutes).minutes()).ok()?;
    let offset = if start.zone_assumed { offset_in(group.cx.zone, civil) } else { offset.trim_start_matches(is_fraction).into() };
    Some(format!("{}{offset}", civil.strftime("%Y-%m-%dT%H:%M:%S")))
}

fn is_fraction(c: char) -> bool {
    c == '.' || c.is_ascii_digit()
}

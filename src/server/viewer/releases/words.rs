//! What the workspace calls things: states, flags, sections, classes, kinds of papers, days until something is due.
//!
//! Not for: words of a legal basis or a check (`schemas/release`).

use std::sync::OnceLock;

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil::Date};

use super::super::glass::class_name;
use super::super::text;
use crate::model::Class;
use crate::release::desk::Row;
use crate::release::selection::sets::RecordSets;
use crate::release::workflow::State;

/// The sections that this version of the software knows, for their titles.
fn sets() -> Option<&'static RecordSets> {
    static SETS: OnceLock<Option<RecordSets>> = OnceLock::new();
    SETS.get_or_init(|| RecordSets::shipped().ok()).as_ref()
}

/// Types of records that a request may name, in the order of a package: sections, and groups of them under one name.
pub fn types() -> Vec<(String, String)> {
    let mut types: Vec<(String, String)> = Vec::new();
    for it in sets().into_iter().flat_map(|sets| &sets.section).filter(|it| !it.always) {
        let (code, title) = match &it.group {
            Some(group) => (group.clone(), text::sentence(group)),
            None => (it.code.clone(), it.title.clone()),
        };
        if !types.iter().any(|(known, _)| *known == code) {
            types.push((code, title));
        }
    }
    types
}

/// The group that a section belongs to; itself when to none.
pub fn group_of(code: &str) -> &str {
    let section = sets().and_then(|sets| sets.section.iter().find(|it| it.code == code));
    section.and_then(|it| it.group.as_deref()).unwrap_or(code)
}

/// A section as people call it.
pub fn section(code: &str) -> String {
    let own = sets().and_then(|sets| sets.section.iter().find(|it| it.code == code));
    own.map_or_else(|| text::sentence(code), |it| it.title.clone())
}

/// Why somebody has to look at an item.
pub fn flag(why: &str) -> String {
    let words = match why {
        "wrong-patient" => "May be another person’s record",
        "out-of-range" => "Outside the dates asked for",
        "no-date" => "Has no date",
        "sensitive" => "Carries a sensitive label",
        "unreadable" => "Cannot be read or drawn",
        "duplicate" => "Looks like another item",
        "unsigned" => "Never signed",
        "superseded" => "Replaced by a newer version",
        "late-filed" => "Filed long after the service",
        "entered-in-error" => "Entered in error, says the source",
        "third-party" => "Speaks of another person",
        "legal-hold" => "Speaks of a legal hold: see whether one has to be set",
        "minor" => "Minor’s care: check the state rule",
        other => return text::sentence(other),
    };
    words.to_string()
}

/// What goes out within another record and is not withheld.
pub const CARRIED: &str = "carried";

/// Why records stay out.
pub fn exclusion(why: &str) -> String {
    let words = match why {
        "class" => "Class of records that the basis does not open",
        "record-set" => "Not in the record set",
        "basis" => "The legal basis leaves it out",
        "wrong-patient" => "Another person’s record",
        "reassigned" => "Given back to another person",
        CARRIED => "Goes out inside the record that names it",
        "not-permitted" => "Not for the person who prepares this",
        other => return text::sentence(other),
    };
    words.to_string()
}

/// A state in words, and the tone of its tag.
pub fn state(state: State) -> (&'static str, &'static str) {
    match state {
        State::Draft => ("Draft", "plain"),
        State::Verifying => ("Being verified", "plain"),
        State::NeedsInfo => ("Needs information", "caution"),
        State::Scoped => ("Verified", "plain"),
        State::Assembled => ("Chosen", "plain"),
        State::Reviewed => ("Waits for approval", "caution"),
        State::Approved => ("Approved", "good"),
        State::Sealed => ("Sealed", "good"),
        State::Delivered => ("Delivered", "good"),
        State::Closed => ("Closed", "plain"),
        State::OnHold => ("On hold", "caution"),
        State::Rejected => ("Rejected", "plain"),
        State::Cancelled => ("Cancelled", "plain"),
        State::Superseded => ("Replaced by another", "plain"),
        State::Revoked => ("Authorization revoked", "alert"),
    }
}

/// The state of a row, by its name.
pub fn state_of(name: &str) -> State {
    State::ALL.into_iter().find(|state| state.name() == name).unwrap_or_default()
}

/// A class of records as people call it.
pub fn class(code: &str) -> String {
    Class::from_name(code).map_or_else(|| text::sentence(code), |class| text::sentence(class_name(class)))
}

/// A digest as people compare it: its beginning and end in groups of four.
pub fn digest(hex: &str) -> String {
    match (hex.get(..4), hex.get(4..8), hex.get(hex.len().saturating_sub(4)..)) {
        (Some(first), Some(second), Some(last)) if hex.len() > 12 => format!("{first} {second} … {last}"),
        _ => hex.to_string(),
    }
}

/// Papers that come with a request.
pub const PAPERS: [(&str, &str); 7] = [
    ("request", "The request itself"),
    ("authorization", "Authorization"),
    ("consent", "Consent under 42 CFR Part 2"),
    ("order", "Court order"),
    ("subpoena", "Subpoena"),
    ("identity", "Proof of identity or authority"),
    ("other", "Another paper"),
];

/// Ways in which a package leaves.
pub const CHANNELS: [(&str, &str); 5] = [
    ("portal", "Link for the recipient, once"),
    ("mail", "Mail"),
    ("media", "Encrypted disc or stick"),
    ("pickup", "Picked up in person"),
    ("print", "Printed"),
];

pub fn named(list: &[(&'static str, &'static str)], code: &str) -> String {
    list.iter().find(|(own, _)| *own == code).map_or_else(|| code.to_string(), |(_, words)| (*words).to_string())
}

/// The day of an instant, at the archive.
pub fn day(at: i64) -> String {
    civil(at).map_or_else(String::new, |day| day.to_string())
}

/// The day and minute of an instant, at the archive.
pub fn minute(at: i64) -> String {
    let zoned = Timestamp::from_second(at).map(|at| at.to_zoned(TimeZone::system()));
    zoned.map_or_else(|_| String::new(), |at| at.strftime("%Y-%m-%d %H:%M").to_string())
}

fn civil(at: i64) -> Option<Date> {
    Timestamp::from_second(at).ok().map(|at| at.to_zoned(TimeZone::system()).date())
}

/// How far off something due is: in words, and the tone of that.
pub fn due_in(due: i64, now: i64) -> (String, &'static str) {
    let (Some(due), Some(today)) = (civil(due), civil(now)) else { return (String::new(), "plain") };
    let days = (due - today).get_days();
    match days {
        ..-1 => (format!("{} days late", -days), "alert"),
        -1 => ("1 day late".into(), "alert"),
        0 => ("today".into(), "caution"),
        1 => ("tomorrow".into(), "caution"),
        2..=7 => (format!("in {days} days"), "caution"),
        _ => (format!("in {days} days"), "plain"),
    }
}

/// When a request that nobody works on any more was due does not matter: its clock stands.
pub fn is_running(row: &Row) -> bool {
    let state = state_of(&row.state);
    !state.is_final() && !state.is_out()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_as_the_calendar_has_them() {
        const DAY: i64 = 24 * 60 * 60;
        let now = Timestamp::from_second(1_780_000_000).unwrap().to_zoned(TimeZone::system()).date();
        let noon = now.at(12, 0, 0, 0).to_zoned(TimeZone::system()).unwrap().timestamp().as_second();
        for (days, words, tone) in [
            (-2, "2 days late", "alert"),
            (-1, "1 day late", "alert"),
            (0, "today", "caution"),
            (1, "tomorrow", "caution"),
            (7, "in 7 days", "caution"),
            (8, "in 8 days", "plain"),
        ] {
            assert_eq!(due_in(noon + days * DAY, noon), (words.to_string(), tone));
        }
    }
}

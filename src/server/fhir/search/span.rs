//! Dates as spans of time, and what the comparators of a date search mean between two spans (FHIR R4 §3.1.1.5.5,
//! §3.1.1.4.5). A value covers all that its precision leaves open: `2014` is the whole year.
//!
//! Not for: reading dates (`model::When`).

use crate::model::{Precision, When};

const MINUTE_US: i64 = 60_000_000;

/// A half-open span, held twice: on the world's clock, and on the clock of the place that wrote it.
///
/// A question without an offset (`2014-03-02`) means the day as the source wrote it, which may be another day in UTC;
/// a question with an offset means instants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    utc: (i64, i64),
    local: (i64, i64),
    has_offset: bool,
}

impl Span {
    /// The span of one date or time; `None` when it is not one.
    pub fn of(text: &str) -> Option<Span> {
        let when = When::parse(text)?;
        let start = when.start_us();
        let end = match when.precision() {
            Precision::Year => next_year(&when)?,
            Precision::Month => next_month(&when)?,
            Precision::Day => start.checked_add(24 * 60 * MINUTE_US)?,
            Precision::Minute => start + MINUTE_US,
            Precision::Second => start + 1_000_000,
            Precision::Fraction => start + 1,
        };
        let shift = i64::from(when.offset_min().unwrap_or(0)) * MINUTE_US;
        Some(Span { utc: (start, end), local: (start + shift, end + shift), has_offset: when.offset_min().is_some() })
    }

    /// The span of a `Period`; an end that is not given is open.
    pub fn between(start: Option<&str>, end: Option<&str>) -> Option<Span> {
        let (from, to) = (start.and_then(Span::of), end.and_then(Span::of));
        if from.is_none() && to.is_none() {
            return None;
        }
        let open = Span { utc: (i64::MIN, i64::MAX), local: (i64::MIN, i64::MAX), has_offset: false };
        let (a, b) = (from.unwrap_or(open), to.unwrap_or(open));
        Some(Span { utc: (a.utc.0, b.utc.1), local: (a.local.0, b.local.1), has_offset: a.has_offset || b.has_offset })
    }

    /// Where it begins on the world's clock, for sorting.
    pub fn start(self) -> i64 {
        self.utc.0
    }

    /// The two spans on the clock that the question speaks of.
    fn on_one_clock(self, question: Span) -> ((i64, i64), (i64, i64)) {
        if question.has_offset { (self.utc, question.utc) } else { (self.local, question.local) }
    }
}

/// The prefix of a date, number or quantity in a search.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Comparator {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    StartsAfter,
    EndsBefore,
}

impl Comparator {
    /// Parts `ge2014` into comparator and value; `None` for `ap` and anything else that is two letters but no comparator.
    pub fn split(text: &str) -> Option<(Comparator, &str)> {
        let prefix = text.get(..2).filter(|p| p.bytes().all(|b| b.is_ascii_lowercase()));
        let comparator = match prefix {
            None => return Some((Comparator::Equal, text)),
            Some("eq") => Comparator::Equal,
            Some("ne") => Comparator::NotEqual,
            Some("gt") => Comparator::Greater,
            Some("lt") => Comparator::Less,
            Some("ge") => Comparator::GreaterOrEqual,
            Some("le") => Comparator::LessOrEqual,
            Some("sa") => Comparator::StartsAfter,
            Some("eb") => Comparator::EndsBefore,
            Some(_) => return None,
        };
        Some((comparator, &text[2..]))
    }

    /// Whether a value of a resource answers the question.
    pub fn holds(self, value: Span, question: Span) -> bool {
        let ((start, end), (from, to)) = value.on_one_clock(question);
        let within = from <= start && end <= to;
        match self {
            Comparator::Equal => within,
            Comparator::NotEqual => !within,
            Comparator::Greater => end > to,
            Comparator::Less => start < from,
            Comparator::GreaterOrEqual => end > to || within,
            Comparator::LessOrEqual => start < from || within,
            Comparator::StartsAfter => start >= to,
            Comparator::EndsBefore => end <= from,
        }
    }
}

fn next_year(when: &When) -> Option<i64> {
    let year: u32 = when.text().get(..4)?.parse().ok()?;
    Some(if year == 9999 { i64::MAX / 2 } else { When::parse(&format!("{:04}", year + 1))?.start_us() })
}

fn next_month(when: &When) -> Option<i64> {
    let (year, month): (u32, u32) = (when.text().get(..4)?.parse().ok()?, when.text().get(5..7)?.parse().ok()?);
    match (year, month) {
        (9999, 12) => Some(i64::MAX / 2),
        (_, 12) => next_year(when),
        _ => Some(When::parse(&format!("{year:04}-{:02}", month + 1))?.start_us()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(question: &str, value: &str) -> bool {
        let (comparator, date) = Comparator::split(question).unwrap();
        let value = match value.split_once('/') {
            Some((start, end)) => {
                Span::between(Some(start).filter(|s| !s.is_empty()), Some(end).filter(|s| !s.is_empty())).unwrap()
            }
            None => Span::of(value).unwrap(),
        };
        comparator.holds(value, Span::of(date).unwrap())
    }

    #[test]
    fn a_year_covers_its_days_and_a_day_does_not_cover_its_year() {
        for value in ["2014", "2014-01", "2014-12-31", "2014-12-31T23:59:59.999999Z", "2014-03-02T10:00:00-05:00"] {
            assert!(holds("2014", value), "{value}");
            assert!(!holds("ne2014", value), "{value}");
            assert!(holds("ge2014", value) && holds("le2014", value), "{value}");
            assert!(!holds("gt2014", value) && !holds("lt2014", value), "{value}");
        }
        assert!(!holds("2014-03-02", "2014"), "the source said only the year");
        assert!(!holds("2014", "2015-01-01") && !holds("2014", "2013-12-31"));
    }

    #[test]
    fn comparators_reach_up_to_the_edge() {
        assert!(holds("gt2014-03-02", "2014-03-03") && !holds("gt2014-03-02", "2014-03-02"));
        assert!(holds("lt2014-03-02", "2014-03-01T23:59:59Z") && !holds("lt2014-03-02", "2014-03-02T00:00:00Z"));
        assert!(holds("gt2014-03-02", "2014"), "part of the year lies after the day");
        assert!(holds("lt2014-03-02", "2014"), "and part before");
        assert!(holds("sa2014-03-02", "2014-03-03T00:00:00Z") && !holds("sa2014-03-02", "2014"));
        assert!(holds("eb2014-03-02", "2014-03-01") && !holds("eb2014-03-02", "2014"));
        assert!(holds("eq2014-02", "2014-02-28") && !holds("eq2014-02", "2014-03-01"));
        assert!(holds("2014-12", "2014-12-31") && holds("9999-12", "9999-12-31") && holds("9999", "9999-12-31"));
        assert!(Comparator::split("ap2014").is_none());
    }

    #[test]
    fn a_day_is_the_day_of_the_place_that_wrote_it() {
        assert!(holds("2014-03-02", "2014-03-02T23:30:00-05:00"), "already the 3rd in UTC");
        assert!(!holds("2014-03-03", "2014-03-02T23:30:00-05:00"));
        assert!(holds("ge2014-03-03T04:30:00Z", "2014-03-02T23:30:00-05:00"), "with an offset, instants are compared");
        assert!(!holds("gt2014-03-03T04:30:00Z", "2014-03-02T23:30:00-05:00"));
    }

    #[test]
    fn periods_may_be_open() {
        assert!(holds("ge2020", "2014-01-01/") && holds("gt2020", "2014-01-01/"), "still going on");
        assert!(!holds("sa2013", "/2014-01-01") && holds("lt2010", "/2014-01-01"));
        assert!(holds("2014", "2014-02-01/2014-03-01") && !holds("2014", "2013-12-01/2014-03-01"));
        assert!(Span::between(None, None).is_none());
    }
}

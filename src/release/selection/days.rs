//! Days of service against the days that were asked for, when dates are partial, times carry zones, and service goes on for a
//! while.
//!
//! Not for: which member of a record is its date (`traits`, the tables of `store`).

use jiff::civil::{Date, date};

use crate::model::{Precision, When};

/// How a service stands to the days that were asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fit {
    Inside,
    /// Not told by what the source gives: a year for a day, a time of another zone at the edge.
    Perhaps,
    Outside,
    /// There is no date.
    Unknown,
}

/// Hours by which the hospital's day may differ from that of a time in UTC: zones reach from UTC-12 to UTC+14.
const WEST_US: i64 = 12 * 3_600_000_000;
const EAST_US: i64 = 14 * 3_600_000_000;

/// First and last day that a date may mean. A time with an offset is of the day that the source wrote; one in UTC may be of the
/// day before or after, where the hospital lies.
fn span(when: &When) -> Option<(Date, Date)> {
    let text = when.date_text();
    let number = |range: std::ops::Range<usize>| text.get(range).and_then(|part| part.parse::<i16>().ok());
    let year = number(0..4)?;
    match when.precision() {
        Precision::Year => Some((date(year.max(1), 1, 1), date(year.max(1), 12, 31))),
        Precision::Month => {
            let first = Date::new(year, i8::try_from(number(5..7)?).ok()?, 1).ok()?;
            Some((first, first.last_of_month()))
        }
        Precision::Day => text.parse().ok().map(|day| (day, day)),
        _ if when.offset_min() == Some(0) => {
            let at = |us: i64| jiff::Timestamp::from_microsecond(when.start_us().saturating_add(us)).ok();
            let day = |us: i64| at(us).map(|at| at.to_zoned(jiff::tz::TimeZone::UTC).date());
            day(-WEST_US).zip(day(EAST_US))
        }
        _ => text.parse().ok().map(|day| (day, day)),
    }
}

/// A service from `start` on, until `end` where it has one, against the days from `from` to `to`, both inclusive. A service that
/// reaches into them is inside.
pub fn fit(start: Option<&When>, end: Option<&When>, from: Option<Date>, to: Option<Date>) -> Fit {
    let Some((first, last)) = start.and_then(span) else { return Fit::Unknown };
    let (end_first, end_last) = end.and_then(span).filter(|(_, latest)| *latest >= first).unwrap_or((first, last));
    let not_after = |day: Date| to.is_none_or(|to| day <= to);
    let not_before = |day: Date| from.is_none_or(|from| day >= from);
    match () {
        () if not_after(last) && not_before(end_first) => Fit::Inside,
        () if not_after(first) && not_before(end_last.max(last)) => Fit::Perhaps,
        () => Fit::Outside,
    }
}

/// Whole days from one to the other, as written; `None` when either is not known to the day.
pub fn between(start: &When, end: &When) -> Option<i32> {
    let day = |when: &When| (when.precision() >= Precision::Day).then(|| when.date_text().parse::<Date>().ok()).flatten();
    Some(day(start)?.until(day(end)?).ok()?.get_days())
}

/// Age in whole years on the day of a service; `None` when either is not known to the day.
pub fn age(birth: &When, on: &When) -> Option<i64> {
    let day = |when: &When| (when.precision() >= Precision::Day).then(|| when.date_text().parse::<Date>().ok()).flatten();
    let (birth, on) = (day(birth)?, day(on)?);
    let years = i64::from(on.year()) - i64::from(birth.year());
    Some(if (on.month(), on.day()) < (birth.month(), birth.day()) { years - 1 } else { years })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_partial_dates_and_zones() {
        use Fit::{Inside, Outside, Perhaps, Unknown};
        let asked = (Some(date(2015, 3, 1)), Some(date(2015, 4, 30)));
        for (start, end, expected) in [
            ("2015-03-01", "", Inside),
            ("2015-04-30T23:59:59-05:00", "", Inside),
            ("2015-02-28", "", Outside),
            ("2015-05-01", "", Outside),
            ("2015-03", "", Inside),
            ("2015", "", Perhaps),
            ("2014", "", Outside),
            ("2015-05", "", Outside),
            // The evening of 30 April in Chicago, and the morning of 1 May there.
            ("2015-05-01T02:00:00Z", "", Perhaps),
            ("2015-05-01T13:00:00Z", "", Outside),
            ("2015-03-01T03:00:00Z", "", Perhaps),
            ("2015-03-20T03:00:00Z", "", Inside),
            ("2015-04-30T23:30:00+00:00", "", Perhaps),
            // As written where the source gives its own offset.
            ("2015-05-01T00:30:00-05:00", "", Outside),
            // Admitted before, discharged inside; and all around.
            ("2015-02-20", "2015-03-02", Inside),
            ("2015-02-20", "2015-02-25", Outside),
            ("2015-01-01", "2015-12-31", Inside),
            ("2015-02", "2015-03", Inside),
            ("2014", "2015", Perhaps),
            // An end before the start says nothing.
            ("2015-03-05", "2014-01-01", Inside),
            ("", "", Unknown),
        ] {
            let (start, end) = (When::parse(start), When::parse(end));
            assert_eq!(fit(start.as_ref(), end.as_ref(), asked.0, asked.1), expected, "{start:?} {end:?}");
        }
        let year = When::parse("2015");
        assert_eq!(fit(year.as_ref(), None, None, Some(date(2015, 12, 31))), Inside);
        assert_eq!(fit(year.as_ref(), None, Some(date(2015, 1, 1)), None), Inside);
        assert_eq!(fit(year.as_ref(), None, None, None), Inside);
    }

    #[test]
    fn ages_and_distances_are_told_where_days_are_known() {
        let when = |text| When::parse(text).unwrap();
        assert_eq!(age(&when("2001-05-03"), &when("2015-05-02T10:00:00Z")), Some(13));
        assert_eq!(age(&when("2001-05-03"), &when("2015-05-03")), Some(14));
        assert_eq!(age(&when("2001-05"), &when("2015-05-03")), None);
        assert_eq!(between(&when("2015-02-27"), &when("2015-03-31T08:00:00-05:00")), Some(32));
    }
}

//! Dates as people type them: a day, or an instant.
//!
//! Not for: dates of records (`model::When`).

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// The beginning of a day or an instant, in Unix microseconds.
pub fn from(text: &str, zone: &TimeZone) -> Option<i64> {
    match text.parse::<Date>() {
        Ok(day) if text.len() == 10 => Some(day.to_zoned(zone.clone()).ok()?.timestamp().as_microsecond()),
        _ => instant(text),
    }
}

/// The end of a day, or an instant: what is before it counts.
pub fn to(text: &str, zone: &TimeZone) -> Option<i64> {
    match text.parse::<Date>() {
        Ok(day) if text.len() == 10 => Some(day.tomorrow().ok()?.to_zoned(zone.clone()).ok()?.timestamp().as_microsecond()),
        _ => instant(text),
    }
}

fn instant(text: &str) -> Option<i64> {
    // An unescaped `+` of an address arrives as a blank.
    text.replace(' ', "+").parse::<Timestamp>().ok().map(Timestamp::as_microsecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_whole_where_it_is_read() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let hours = |a: i64, b: i64| (b - a) / 3_600_000_000;
        let day = |text| (from(text, &zone).unwrap(), to(text, &zone).unwrap());
        let (a, b) = day("2026-03-29");
        assert_eq!(hours(a, b), 23, "the day on which the clocks go forward");
        assert_eq!(from("2026-03-28T23:00:00Z", &zone), Some(a));
        assert!(from("yesterday", &zone).is_none() && to("2026-13-01", &zone).is_none());
    }
}

//! Days and moments of the made-up hospital: day numbers in, FHIR date texts out.
//!
//! Not for: reading dates (`model::When`), or the clock: the hospital's time ends on a fixed day.

use super::json::{Emit, Json};

/// A day, counted from 1970-01-01.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Day(pub i32);

impl Day {
    /// The day on which the old system was retired: nothing is later.
    pub const CUTOVER: Day = Day(19_904); // 2024-06-30
    /// The day on which the old system was started: nothing but births and onsets is earlier.
    pub const OPENING: Day = Day(14_245); // 2009-01-01

    #[must_use]
    pub fn plus(self, days: i64) -> Day {
        Day(self.0 + days as i32)
    }

    pub fn until(self, later: Day) -> i64 {
        i64::from(later.0) - i64::from(self.0)
    }

    pub fn years_until(self, later: Day) -> i64 {
        let ((y0, m0, d0), (y1, m1, d1)) = (self.civil(), later.civil());
        y1 - y0 - i64::from((m1, d1) < (m0, d0))
    }

    /// Year, month and day of the Gregorian calendar, by counting years from March (so that the leap day comes last).
    pub fn civil(self) -> (i64, i64, i64) {
        let days = i64::from(self.0) + 719_468;
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        (year_of_era + era * 400 + i64::from(month <= 2), month, day)
    }

    /// `08/14/2013`, as people of this hospital write in notes.
    pub fn us(self) -> String {
        let (y, m, d) = self.civil();
        format!("{m:02}/{d:02}/{y:04}")
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (y, m, d) = self.civil();
        write!(f, "{y:04}-{m:02}-{d:02}")
    }
}

impl Emit for Day {
    fn emit(&self, out: &mut Json) {
        out.bytes.push(b'"');
        push_day(*self, &mut out.bytes);
        out.bytes.push(b'"');
    }
}

/// A minute of a day, in the hospital's own time zone (US Eastern, summer time taken by month).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Moment {
    pub day: Day,
    pub minute: i32,
}

impl Moment {
    pub fn new(day: Day, minute: i64) -> Moment {
        Moment { day: day.plus(minute.div_euclid(1440)), minute: minute.rem_euclid(1440) as i32 }
    }

    #[must_use]
    pub fn plus_minutes(self, minutes: i64) -> Moment {
        Moment::new(self.day, i64::from(self.minute) + minutes)
    }
}

impl Emit for Moment {
    fn emit(&self, out: &mut Json) {
        let (_, month, _) = self.day.civil();
        out.bytes.push(b'"');
        push_day(self.day, &mut out.bytes);
        out.bytes.push(b'T');
        push_two(i64::from(self.minute / 60), &mut out.bytes);
        out.bytes.push(b':');
        push_two(i64::from(self.minute % 60), &mut out.bytes);
        out.bytes.extend_from_slice(if (4..=10).contains(&month) { b":00-04:00\"" } else { b":00-05:00\"" });
    }
}

/// A date of which only so much is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Partial {
    Day(Day),
    Month(Day),
    Year(Day),
}

impl Emit for Partial {
    fn emit(&self, out: &mut Json) {
        let (day, length) = match self {
            Partial::Day(day) => (*day, 10),
            Partial::Month(day) => (*day, 7),
            Partial::Year(day) => (*day, 4),
        };
        let mut text = Vec::with_capacity(10);
        push_day(day, &mut text);
        out.bytes.push(b'"');
        out.bytes.extend_from_slice(&text[..length]);
        out.bytes.push(b'"');
    }
}

fn push_day(day: Day, out: &mut Vec<u8>) {
    let (y, m, d) = day.civil();
    push_two(y / 100, out);
    push_two(y % 100, out);
    out.push(b'-');
    push_two(m, out);
    out.push(b'-');
    push_two(d, out);
}

fn push_two(number: i64, out: &mut Vec<u8>) {
    out.push(b'0' + (number / 10 % 10) as u8);
    out.push(b'0' + (number % 10) as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_read_as_the_calendar_says() {
        assert_eq!(Day::CUTOVER.to_string(), "2024-06-30");
        assert_eq!(Day::OPENING.to_string(), "2009-01-01");
        assert_eq!(Day(0).plus(-1).to_string(), "1969-12-31");
        assert_eq!(Day(11_016).us(), "02/29/2000");
        assert_eq!(Day(11_016).years_until(Day(19_782)), 24);
        let mut out = Json::default();
        Moment::new(Day::CUTOVER, -1).emit(&mut out);
        Partial::Month(Day::CUTOVER).emit(&mut out);
        assert_eq!(out.bytes, br#""2024-06-29T23:59:00-04:00""2024-06""#);
    }
}

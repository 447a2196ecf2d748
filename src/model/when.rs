//! `When`: a date or time with the precision that the source gave, and no more.
//!
//! Not for: time zones of places, durations, or the clock.

/// How much of a date a source gave.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Precision {
    Year,
    Month,
    Day,
    Minute,
    Second,
    Fraction,
}

/// A FHIR `date`, `dateTime` or `instant` (FHIR R4 §2.24.0.1). The text is kept as given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct When {
    text: String,
    precision: Precision,
    start_us: i64,
    offset_min: Option<i16>,
}

impl When {
    /// Reads `YYYY`, `YYYY-MM`, `YYYY-MM-DD`, `YYYY-MM-DDThh:mm[:ss[.f…]][Z|±hh:mm]`; `None` for anything else,
    /// impossible calendar dates included.
    pub fn parse(text: &str) -> Option<When> {
        let b = text.as_bytes();
        let two = |i: usize| -> Option<i64> {
            let (x, y) = (*b.get(i)?, *b.get(i + 1)?);
            (x.is_ascii_digit() && y.is_ascii_digit()).then(|| i64::from(x - b'0') * 10 + i64::from(y - b'0'))
        };
        let year = two(0)? * 100 + two(2)?;
        let (mut month, mut day, mut secs, mut us) = (1, 1, 0, 0);
        let mut precision = Precision::Year;
        let mut offset = None;
        if b.len() > 4 {
            month = two(5).filter(|m| b[4] == b'-' && (1..=12).contains(m))?;
            precision = Precision::Month;
        }
        if b.len() > 7 {
            day = two(8).filter(|d| b[7] == b'-' && (1..=days_in_month(year, month)).contains(d))?;
            precision = Precision::Day;
        }
        let mut at = 10;
        if b.len() > 10 {
            let (h, m) = (two(11)?, two(14)?);
            if !(b[10] == b'T' && b.get(13) == Some(&b':') && h < 24 && m < 60) {
                return None;
            }
            secs = h * 3600 + m * 60;
            precision = Precision::Minute;
            at = 16;
            if b.get(at) == Some(&b':') {
                let s = two(17).filter(|s| *s <= 60)?;
                secs += s;
                precision = Precision::Second;
                at = 19;
            }
            if precision == Precision::Second && b.get(at) == Some(&b'.') {
                let digits = b[at + 1..].iter().take_while(|c| c.is_ascii_digit()).count();
                if digits == 0 {
                    return None;
                }
                for i in 0..6 {
                    us = us * 10 + if i < digits { i64::from(b[at + 1 + i] - b'0') } else { 0 };
                }
                precision = Precision::Fraction;
                at += 1 + digits;
            }
            match b.get(at) {
                None => {}
                Some(b'Z') => {
                    offset = Some(0);
                    at += 1;
                }
                Some(sign @ (b'+' | b'-')) => {
                    let (h, m) = (two(at + 1)?, two(at + 4)?);
                    if b.get(at + 3) != Some(&b':') || h > 14 || m > 59 {
                        return None;
                    }
                    let minutes = h * 60 + m;
                    offset = Some(if *sign == b'-' { -minutes } else { minutes });
                    at += 6;
                }
                Some(_) => return None,
            }
        }
        let end = match precision {
            Precision::Year => 4,
            Precision::Month => 7,
            Precision::Day => 10,
            _ => at,
        };
        if b.len() != end {
            return None;
        }
        let start_us = (days_from_civil(year, month, day) * 86_400 + secs - offset.unwrap_or(0) * 60) * 1_000_000 + us;
        Some(When { text: text.to_string(), precision, start_us, offset_min: offset.map(|o| o as i16) })
    }

    /// As the source wrote it.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// The first instant that the value may mean, in microseconds since 1970-01-01T00:00:00Z. A value without an
    /// offset is read as UTC: good for ordering, not for claims.
    pub fn start_us(&self) -> i64 {
        self.start_us
    }

    /// The offset given, in minutes east of UTC.
    pub fn offset_min(&self) -> Option<i16> {
        self.offset_min
    }

    /// `YYYY-MM-DD`, `YYYY-MM` or `YYYY`: the calendar date as written.
    pub fn date_text(&self) -> &str {
        &self.text[..self.text.len().min(10)]
    }
}

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar.
pub(crate) fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y - era * 400;
    let doy = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    era * 146_097 + doe - 719_468
}

/// The date that lies `days` after 1970-01-01, as (year, month, day).
pub(crate) fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z - era * 146_097;
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month, day)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_precision_and_refuses_the_impossible() {
        assert_eq!(When::parse("2014").unwrap().precision(), Precision::Year);
        assert_eq!(When::parse("2014-02").unwrap().precision(), Precision::Month);
        let w = When::parse("2024-02-29T08:50:00.5-05:00").unwrap();
        assert_eq!((w.precision(), w.offset_min(), w.start_us()), (Precision::Fraction, Some(-300), 1_709_214_600_500_000));
        for bad in ["2023-02-29", "2014-13", "2014-1", "20140101", "2014-01-01T25:00Z", "2014-01-01T10:00:00.Z", "é014", ""] {
            assert!(When::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn civil_days_go_both_ways() {
        for days in [-719_468, -1, 0, 59, 11_016, 19_782, 20_000, 2_932_896] {
            let (y, m, d) = civil_from_days(days);
            assert_eq!(days_from_civil(y, m, d), days);
        }
    }
}

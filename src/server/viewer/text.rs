//! How counts, dates, ages and values are written (spec of the viewer, "Numbers, dates, words").
//!
//! Not for: reading them out of resources (`fhir`), or rounding: precision is shown as given.

use crate::model::{Precision, When, civil_from_days};

pub const NOT_RECORDED: &str = "not recorded";

/// A date as shown: the day with the precision given, and the time beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Date {
    pub day: String,
    pub time: Option<String>,
}

/// A date as written by the source. What cannot be read is quoted as it stands.
pub fn date(text: &str) -> Date {
    let Some(when) = When::parse(text) else {
        return Date { day: format!("“{}”, date as written", text.trim()), time: None };
    };
    let time = (when.precision() >= Precision::Minute).then(|| {
        let clock = text.get(11..16).unwrap_or_default();
        match when.offset_min() {
            Some(0) => format!("{clock} UTC"),
            Some(m) => format!("{clock} {}{:02}:{:02}", if m < 0 { '−' } else { '+' }, m.abs() / 60, m.abs() % 60),
            None => clock.to_string(),
        }
    });
    Date { day: when.date_text().to_string(), time }
}

/// Only the day, or "not recorded".
pub fn day(text: Option<&str>) -> String {
    text.map_or_else(|| NOT_RECORDED.to_string(), |t| date(t).day)
}

/// The day of an instant, in UTC.
pub fn day_of(us: i64) -> String {
    let (year, month, day) = civil_from_days(us.div_euclid(86_400_000_000));
    format!("{year:04}-{month:02}-{day:02}")
}

/// A count with its thousands set apart.
pub fn count(n: u64) -> String {
    group(&n.to_string())
}

/// `1 result`, `2 results`.
pub fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

fn group(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// A value as archived, with a true minus sign and thousands set apart; every digit and trailing zero kept.
pub fn value(raw: &str) -> String {
    let (sign, rest) = match raw.strip_prefix('-') {
        Some(rest) => ("−", rest),
        None => ("", raw),
    };
    let (whole, fraction) = rest.split_once('.').map_or((rest, None), |(w, f)| (w, Some(f)));
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !fraction.is_none_or(digits) {
        return raw.to_string();
    }
    match fraction {
        Some(f) => format!("{sign}{}.{f}", group(whole)),
        None => format!("{sign}{}", group(whole)),
    }
}

/// The age on a day, in years; under two years in months, under one month in days. `None` when a date is too coarse.
pub fn age(birth: &When, on: &str) -> Option<String> {
    let parts = |t: &str| -> Option<(i64, i64, i64)> {
        Some((t.get(0..4)?.parse().ok()?, t.get(5..7)?.parse().ok()?, t.get(8..10)?.parse().ok()?))
    };
    let (by, bm, bd) = parts(birth.date_text())?;
    let (y, m, d) = parts(on)?;
    let months = (y - by) * 12 + (m - bm) - i64::from(d < bd);
    match months {
        i64::MIN..=-1 => None,
        0 => Some(format!("{} d", (days(on)? - days(birth.date_text())?))),
        1..=23 => Some(format!("{months} mo")),
        _ => Some(format!("{} y", months / 12)),
    }
}

fn days(text: &str) -> Option<i64> {
    When::parse(text.get(0..10)?).map(|w| w.start_us() / 86_400_000_000)
}

/// Bytes with separators below 10,000, else in KiB, MiB or GiB.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if n < 10_000 {
        return format!("{} bytes", count(n));
    }
    let (mut size, mut unit) = (n as f64 / 1024.0, 0);
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

/// A digest in groups of four hex digits.
pub fn digest(bytes: &[u8]) -> String {
    let hex: Vec<String> = bytes.chunks(2).map(|c| c.iter().map(|b| format!("{b:02x}")).collect()).collect();
    hex.join(" ")
}

/// A word of the standard for people: first letter large, hyphens and underscores as spaces.
pub fn sentence(code: &str) -> String {
    let text = code.replace(['-', '_'], " ");
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}

/// `effectiveDateTime` as `Effective date time`.
pub fn field_name(name: &str) -> String {
    let mut out = String::new();
    for (i, c) in name.chars().enumerate() {
        match c {
            '_' if i == 0 => {}
            c if i == 0 => out.extend(c.to_uppercase()),
            c if c.is_ascii_uppercase() => {
                out.push(' ');
                out.push(c.to_ascii_lowercase());
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_keep_their_precision_and_offset() {
        assert_eq!(date("2013-08").day, "2013-08");
        let d = date("2023-10-02T16:40:11-05:00");
        assert_eq!((d.day.as_str(), d.time.as_deref()), ("2023-10-02", Some("16:40 −05:00")));
        assert_eq!(date("31/02/2011").day, "“31/02/2011”, date as written");
        assert_eq!(day(None), "not recorded");
    }

    #[test]
    fn values_keep_every_digit() {
        for (raw, shown) in
            [("10.0", "10.0"), ("1840", "1,840"), ("-0.5", "−0.5"), ("1:128", "1:128"), ("< 0.01", "< 0.01"), ("1e3", "1e3")]
        {
            assert_eq!(value(raw), shown);
        }
        assert_eq!(count(1_234_567), "1,234,567");
    }

    #[test]
    fn ages_are_months_and_days_for_the_youngest() {
        let born = When::parse("1957-03-14").unwrap();
        assert_eq!(age(&born, "2024-06-30").as_deref(), Some("67 y"));
        assert_eq!(age(&born, "2024-03-13").as_deref(), Some("66 y"));
        let young = When::parse("2024-05-20").unwrap();
        assert_eq!(age(&young, "2024-06-05").as_deref(), Some("16 d"));
        assert_eq!(age(&young, "2025-05-20").as_deref(), Some("12 mo"));
        assert_eq!(age(&When::parse("1957").unwrap(), "2024-06-30"), None);
        assert_eq!(age(&young, "2020-01-01"), None);
    }
}

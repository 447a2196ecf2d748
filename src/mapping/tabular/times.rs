//! Times in the formats that a mapping file names, as FHIR `date` and `dateTime`. A format says all that a text may be:
//! nothing is guessed, and the precision is that of the format.
//!
//! Not for: times of HL7 v2 and CDA (`mapping::time`).

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};

use crate::mapping::time::offset_in;

/// How a time is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Format {
    /// ISO 8601 as FHIR, SQL and most programs write it: `2019`, `2019-02`, `2019-02-03`, with a time after `T` or a space,
    /// to the minute or finer, with or without an offset.
    Iso,
    /// Letters, digits and `%` directives.
    Pattern(Vec<Item>),
    /// Whole or broken units since an instant: `epoch:s`, `epoch:ms`.
    Epoch { per_second: i64 },
    /// Units since a local date: `days:1899-12-30`, `seconds:1960-01-01`.
    Since { start: Date, unit_seconds: i64 },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Item {
    Literal(char),
    Year,
    /// Two digits; years from 50 on are of the twentieth century.
    ShortYear,
    Month,
    MonthName,
    Day,
    Hour,
    Hour12,
    Minute,
    Second,
    /// Digits behind the second.
    Fraction,
    /// AM or PM.
    Half,
    /// `Z`, `+hh:mm`, `+hhmm`.
    Offset,
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

impl Format {
    pub fn parse(text: &str) -> Result<Format, String> {
        if text == "iso" {
            return Ok(Format::Iso);
        }
        if let Some((unit, start)) = text.split_once(':').filter(|(unit, _)| ["epoch", "days", "seconds"].contains(unit)) {
            return match (unit, start) {
                ("epoch", "s") => Ok(Format::Epoch { per_second: 1 }),
                ("epoch", "ms") => Ok(Format::Epoch { per_second: 1000 }),
                ("epoch", _) => Err("an epoch counts `s` or `ms`".into()),
                _ => {
                    let start = start.parse().map_err(|_| format!("`{text}` does not name a date"))?;
                    Ok(Format::Since { start, unit_seconds: if unit == "days" { 86_400 } else { 1 } })
                }
            };
        }
        let mut items = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            items.push(if c == '%' { directive(chars.next())? } else { Item::Literal(c) });
        }
        if !items.iter().any(|item| matches!(item, Item::Year | Item::ShortYear)) {
            return Err(format!("the format `{text}` has no year"));
        }
        Ok(Format::Pattern(items))
    }
}

fn directive(c: Option<char>) -> Result<Item, String> {
    Ok(match c {
        Some('Y') => Item::Year,
        Some('y') => Item::ShortYear,
        Some('m') => Item::Month,
        Some('b') => Item::MonthName,
        Some('d') => Item::Day,
        Some('H') => Item::Hour,
        Some('I') => Item::Hour12,
        Some('M') => Item::Minute,
        Some('S') => Item::Second,
        Some('f') => Item::Fraction,
        Some('p') => Item::Half,
        Some('z') => Item::Offset,
        Some('%') => Item::Literal('%'),
        other => return Err(format!("a format knows no `%{}`", other.map(String::from).unwrap_or_default())),
    })
}

/// What a text says of a time.
#[derive(Default)]
struct Parts<'a> {
    year: i16,
    month: Option<i8>,
    day: Option<i8>,
    hour: Option<i8>,
    minute: Option<i8>,
    second: Option<i8>,
    fraction: &'a str,
    is_afternoon: Option<bool>,
    offset: &'a str,
}

/// The time as FHIR `date` or `dateTime`, by the first format that fits; `None` when none does.
pub fn read(text: &str, formats: &[Format], zone: &TimeZone) -> Option<String> {
    let text = text.trim();
    formats.iter().find_map(|format| match format {
        Format::Iso => parts_iso(text)?.write(zone),
        Format::Pattern(items) => parts(text, items)?.write(zone),
        Format::Epoch { per_second } => {
            let (count, fraction) = count(text)?;
            let per_second = *per_second;
            let nanos =
                i128::from(count) * 1_000_000_000 / i128::from(per_second) + i128::from(fraction) / i128::from(per_second);
            let instant = Timestamp::from_nanosecond(nanos).ok()?;
            Some(local(instant.to_zoned(zone.clone()).datetime(), zone))
        }
        Format::Since { start, unit_seconds } => {
            let (count, fraction) = count(text)?;
            let seconds = count.checked_mul(*unit_seconds)?;
            let rest = fraction * unit_seconds / 1_000_000_000;
            if *unit_seconds > 1 && fraction == 0 {
                return Some(start.checked_add(span(seconds)?).ok()?.to_string());
            }
            let moment = start.to_datetime(jiff::civil::Time::midnight()).checked_add(span(seconds.checked_add(rest)?)?).ok()?;
            Some(local(moment, zone))
        }
    })
}

/// The instant at which a date begins.
pub fn midnight(date: &str, zone: &TimeZone) -> Option<String> {
    let date: Date = date.parse().ok()?;
    Some(local(date.to_datetime(jiff::civil::Time::midnight()), zone))
}

fn span(seconds: i64) -> Option<Span> {
    0.seconds().try_seconds(seconds).ok()
}

/// A whole number and billionths.
fn count(text: &str) -> Option<(i64, i64)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    let (count, fraction) = (whole.parse::<i64>().ok()?, digits.parse::<i64>().ok()?);
    Some((count, if whole.starts_with('-') { -fraction } else { fraction }))
}

fn local(civil: DateTime, zone: &TimeZone) -> String {
    let fraction = civil.subsec_nanosecond();
    let mut out = civil.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    if fraction != 0 {
        let digits = format!("{fraction:09}");
        out.push('.');
        out.push_str(digits.trim_end_matches('0'));
    }
    out.push_str(&offset_in(zone, civil));
    out
}

/// Takes `from` to `to` digits off the front.
fn digits<'a>(text: &mut &'a str, from: usize, to: usize) -> Option<&'a str> {
    let found = text.bytes().take(to).take_while(u8::is_ascii_digit).count();
    let (front, rest) = text.split_at_checked(found).filter(|_| found >= from)?;
    *text = rest;
    Some(front)
}

fn number(text: &mut &str, from: usize, to: usize) -> Option<i8> {
    digits(text, from, to)?.parse().ok()
}

fn offset<'a>(text: &mut &'a str) -> Option<&'a str> {
    let whole = *text;
    if let Some(rest) = text.strip_prefix(['Z', 'z']) {
        *text = rest;
        return Some("Z");
    }
    *text = text.strip_prefix(['+', '-'])?;
    let hours = number(text, 2, 2)?;
    *text = text.strip_prefix(':').unwrap_or(text);
    let minutes = if text.starts_with(|c: char| c.is_ascii_digit()) { number(text, 2, 2)? } else { 0 };
    (hours <= 14 && minutes < 60).then(|| &whole[..whole.len() - text.len()])
}

/// Patterns without a separator between two numbers (`%Y%m%d`) take two digits each; others one or two.
fn parts<'a>(text: &'a str, items: &[Item]) -> Option<Parts<'a>> {
    let mut text = text;
    let mut parts = Parts::default();
    for (at, item) in items.iter().enumerate() {
        let is_tight = |other: Option<&Item>| other.is_some_and(|item| !matches!(item, Item::Literal(_)));
        let before = at.checked_sub(1).and_then(|before| items.get(before));
        let least = if is_tight(before) || is_tight(items.get(at + 1)) { 2 } else { 1 };
        match item {
            Item::Literal(c) => text = text.strip_prefix(*c)?,
            Item::Year => parts.year = digits(&mut text, 4, 4)?.parse().ok()?,
            Item::ShortYear => {
                let year: i16 = digits(&mut text, 2, 2)?.parse().ok()?;
                parts.year = if year < 50 { 2000 + year } else { 1900 + year };
            }
            Item::Month => parts.month = Some(number(&mut text, least, 2)?),
            Item::MonthName => {
                let name = text.get(..3)?;
                let month = MONTHS.iter().position(|month| month.eq_ignore_ascii_case(name))?;
                parts.month = i8::try_from(month + 1).ok();
                text = text.get(3..)?;
            }
            Item::Day => parts.day = Some(number(&mut text, least, 2)?),
            Item::Hour | Item::Hour12 => parts.hour = Some(number(&mut text, least, 2)?),
            Item::Minute => parts.minute = Some(number(&mut text, 2, 2)?),
            Item::Second => parts.second = Some(number(&mut text, 2, 2)?),
            Item::Fraction => parts.fraction = digits(&mut text, 1, 9)?,
            Item::Half => {
                let half = text.get(..2)?;
                parts.is_afternoon = Some(half.eq_ignore_ascii_case("pm"));
                if !half.eq_ignore_ascii_case("am") && !half.eq_ignore_ascii_case("pm") {
                    return None;
                }
                text = text.get(2..)?;
            }
            Item::Offset => parts.offset = offset(&mut text)?,
        }
    }
    text.is_empty().then_some(parts)
}

fn parts_iso(text: &str) -> Option<Parts<'_>> {
    let mut text = text;
    let mut parts = Parts { year: digits(&mut text, 4, 4)?.parse().ok()?, ..Parts::default() };
    for step in 0..3 {
        if text.is_empty() {
            return Some(parts);
        }
        text = text.strip_prefix(if step < 2 { ['-', '-'] } else { ['T', ' '] })?;
        let found = Some(number(&mut text, 2, 2)?);
        match step {
            0 => parts.month = found,
            1 => parts.day = found,
            _ => parts.hour = found,
        }
    }
    text = text.strip_prefix(':')?;
    parts.minute = Some(number(&mut text, 2, 2)?);
    if let Some(rest) = text.strip_prefix(':') {
        text = rest;
        parts.second = Some(number(&mut text, 2, 2)?);
        if let Some(rest) = text.strip_prefix('.') {
            text = rest;
            parts.fraction = digits(&mut text, 1, 9)?;
        }
    }
    text = text.trim_start();
    if !text.is_empty() {
        parts.offset = offset(&mut text)?;
    }
    text.is_empty().then_some(parts)
}

impl Parts<'_> {
    fn write(&self, zone: &TimeZone) -> Option<String> {
        use std::fmt::Write;
        let hour = match (self.hour, self.is_afternoon) {
            (Some(hour @ 1..=12), Some(afternoon)) => Some(hour % 12 + if afternoon { 12 } else { 0 }),
            (Some(_), Some(_)) => return None,
            (hour, None) => hour,
            (None, Some(_)) => return None,
        };
        let clock = (hour.unwrap_or(0), self.minute.unwrap_or(0), self.second.unwrap_or(0));
        let (month, day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
        let civil = DateTime::new(self.year, month, day, clock.0, clock.1, clock.2.min(59), 0).ok()?;
        if self.year < 100 || clock.2 > 60 {
            return None;
        }
        let mut out = String::with_capacity(32);
        write!(out, "{:04}", self.year).ok()?;
        if self.month.is_some() {
            write!(out, "-{month:02}").ok()?;
        }
        if self.month.is_some() && self.day.is_some() {
            write!(out, "-{day:02}").ok()?;
        }
        if hour.is_none() || self.day.is_none() {
            return Some(out);
        }
        write!(out, "T{:02}:{:02}:{:02}", clock.0, clock.1, clock.2).ok()?;
        if !self.fraction.is_empty() {
            out.push('.');
            out.push_str(self.fraction);
        }
        match self.offset {
            "" => out.push_str(&offset_in(zone, civil)),
            "Z" => out.push('Z'),
            given => {
                let digits: String = given[1..].chars().filter(char::is_ascii_digit).collect();
                write!(out, "{}{}:{}", &given[..1], &digits[..2], digits.get(2..4).unwrap_or("00")).ok()?;
            }
        }
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, format: &str) -> String {
        let zone = TimeZone::get("America/Chicago").unwrap();
        read(text, &[Format::parse(format).unwrap()], &zone).unwrap_or_default()
    }

    #[test]
    fn formats_say_what_a_text_may_be() {
        for (text, format, wanted) in [
            ("2019", "iso", "2019"),
            ("2019-02", "iso", "2019-02"),
            ("2019-02-03", "iso", "2019-02-03"),
            ("2019-02-03 14:05", "iso", "2019-02-03T14:05:00-06:00"),
            ("2019-07-03T14:05:06.120Z", "iso", "2019-07-03T14:05:06.120Z"),
            ("2019-07-03 14:05:06 +0200", "iso", "2019-07-03T14:05:06+02:00"),
            ("2019-13-01", "iso", ""),
            ("2019-02-30", "iso", ""),
            ("2019-02-03T14", "iso", ""),
            ("20190203", "%Y%m%d", "2019-02-03"),
            ("2019023", "%Y%m%d", ""),
            ("2/3/2019", "%m/%d/%Y", "2019-02-03"),
            ("02/03/2019 12:30 AM", "%m/%d/%Y %I:%M %p", "2019-02-03T00:30:00-06:00"),
            ("03-Jul-98", "%d-%b-%y", "1998-07-03"),
            ("03-Jul-98x", "%d-%b-%y", ""),
            ("0", "epoch:s", "1969-12-31T18:00:00-06:00"),
            ("1562180706500", "epoch:ms", "2019-07-03T14:05:06.5-05:00"),
            ("43499", "days:1899-12-30", "2019-02-03"),
            ("43499.25", "days:1899-12-30", "2019-02-03T06:00:00-06:00"),
            ("99999999999999999", "days:1899-12-30", ""),
            ("", "iso", ""),
            ("äöü", "%d-%b-%y", ""),
        ] {
            assert_eq!(of(text, format), wanted, "{text} as {format}");
        }
        assert!(Format::parse("%d.%m.").is_err() && Format::parse("%Q").is_err() && Format::parse("days:x").is_err());
    }
}

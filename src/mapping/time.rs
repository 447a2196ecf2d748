//! Times as HL7 v2 and CDA write them (`YYYY[MM[DD[HH[MM[SS[.S…]]]]]][±ZZZZ]`), as FHIR `date`, `dateTime` and `instant`.
//!
//! The precision given is kept. FHIR demands an offset behind a time: one that is missing is taken from the zone of the
//! source, and the caller is told.
//!
//! Not for: times of other formats (a mapping file names them).

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// A time read from a source.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Time {
    /// FHIR dateTime; empty when the text was no time.
    pub text: String,
    /// Whether the offset came from the zone of the source.
    pub zone_assumed: bool,
}

impl Time {
    /// The date alone.
    pub fn date(&self) -> &str {
        self.text.get(..10).unwrap_or(&self.text)
    }

    /// FHIR instant: to the second; empty when the time is less precise.
    pub fn instant(&self) -> &str {
        if self.text.len() >= 20 { &self.text } else { "" }
    }
}

/// Reads a time. Gives an empty one for text that is none, for months, days and hours that do not exist, and for the
/// fillers `0`, `00000000`.
pub fn read(text: &str, zone: &TimeZone) -> Time {
    parse(text.trim(), zone).unwrap_or_default()
}

fn parse(text: &str, zone: &TimeZone) -> Option<Time> {
    let (main, offset) = match text.find(['+', '-', 'Z']) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    if !offset.is_empty() && offset_text(offset).is_none() {
        return None;
    }
    let (digits, fraction) = main.split_once('.').unwrap_or((main, ""));
    if !digits.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize, to: usize| digits.get(from..to);
    let year = part(0, 4)?;
    let number = |text: &str| text.parse::<i8>().ok();
    if year < "0100" {
        return None;
    }
    let date_text = match digits.len() {
        4 => year.to_string(),
        6 => format!("{year}-{}", part(4, 6)?),
        8 | 10 | 12 | 14 => format!("{year}-{}-{}", part(4, 6)?, part(6, 8)?),
        _ => return None,
    };
    let (month, day) = (part(4, 6).map_or(Some(1), number)?, part(6, 8).map_or(Some(1), number)?);
    let hour = part(8, 10).map_or(Some(0), number)?;
    let (minute, second) = (part(10, 12).map_or(Some(0), number)?, part(12, 14).map_or(Some(0), number)?);
    // A leap second is the second after it.
    let civil = DateTime::new(year.parse().ok()?, month, day, hour, minute, second.min(59), 0).ok()?;
    if digits.len() < 10 {
        return Some(Time { text: date_text, zone_assumed: false });
    }
    let (offset, zone_assumed) = match offset_text(offset) {
        Some(offset) => (offset, false),
        None => (offset_in(zone, civil), true),
    };
    // Minutes are the least that FHIR can say of a time; seconds stand there only when they were given.
    let mut out = format!("{date_text}T{hour:02}:{minute:02}:{second:02}");
    if digits.len() == 14 && !fraction.is_empty() {
        out.push('.');
        out.push_str(&fraction[..fraction.len().min(6)]);
    }
    out.push_str(&offset);
    Some(Time { text: out, zone_assumed })
}

/// `+HHMM`, `+HH:MM`, `+HH` or `Z` as FHIR writes it.
fn offset_text(text: &str) -> Option<String> {
    if text == "Z" {
        return Some("Z".into());
    }
    let (sign, rest) = (text.get(..1).filter(|s| *s == "+" || *s == "-")?, text.get(1..)?);
    let digits: String = rest.chars().filter(|c| *c != ':').collect();
    let digits = if digits.len() == 2 { format!("{digits}00") } else { digits };
    let is_offset = digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit()) && *"1400" >= *digits;
    is_offset.then(|| format!("{sign}{}:{}", &digits[..2], &digits[2..]))
}

/// The offset of a zone at a local time; the earlier one where a clock was set back.
pub fn offset_in(zone: &TimeZone, civil: DateTime) -> String {
    let seconds = zone.to_ambiguous_zoned(civil).compatible().map_or(0, |z| z.offset().seconds());
    if seconds == 0 {
        return "Z".into();
    }
    let sign = if seconds < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", seconds.abs() / 3600, seconds.abs() / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precision_is_kept_and_zones_are_told() {
        let zone = TimeZone::get("America/Chicago").unwrap();
        let of = |text: &str| read(text, &zone);
        for (text, wanted, assumed) in [
            ("2019", "2019", false),
            ("201902", "2019-02", false),
            ("20190203", "2019-02-03", false),
            ("201902031405", "2019-02-03T14:05:00-06:00", true),
            ("20190703140506.1234-0500", "2019-07-03T14:05:06.1234-05:00", false),
            ("20190703140506+00:00", "2019-07-03T14:05:06+00:00", false),
            ("20190703140506", "2019-07-03T14:05:06-05:00", true),
            ("00000000", "", false),
            ("20191301", "", false),
            ("2019-02-03", "", false),
            ("x", "", false),
            ("", "", false),
        ] {
            assert_eq!(of(text), Time { text: wanted.into(), zone_assumed: assumed }, "{text}");
        }
        assert_eq!((of("20190703140506").date(), of("2019").instant()), ("2019-07-03", ""));
    }
}

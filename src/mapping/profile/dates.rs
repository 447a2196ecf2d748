//! Recognises dates by how they are written, with the format that a mapping file would name for them.
//!
//! Not for: reading them (`tabular::times`); day and month of `01/02/2003` stay open until other values decide.

use jiff::civil::Date;

/// A text that has the form of a date.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seen {
    pub form: Form,
    pub has_time: bool,
    /// `None` when there is no such day. Of an open form the day as month/day/year, or else as day/month/year.
    pub date: Option<Date>,
    /// The first number can only be a day.
    pub day_first: bool,
    /// The second number can only be a day.
    pub month_first: bool,
}

/// How a text is written: the parts of its date, then of its time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Form {
    date: DateForm,
    separator: u8,
    time: TimeForm,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum DateForm {
    YearMonthDay,
    /// Month and day, in either order, then the year.
    Open,
    OpenShort,
    DayNameYear,
    DayNameShort,
    NameDayYear,
    Compact,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
struct TimeForm {
    /// 0 none, else the character before the hour.
    lead: u8,
    has_seconds: bool,
    has_fraction: bool,
    /// 0 none, 1 without a blank before it, 2 with one.
    half: u8,
    has_offset: bool,
}

impl Form {
    /// The format in a mapping file. Open forms need to be told whether the day comes first.
    pub fn pattern(self, day_first: bool) -> String {
        let is_iso = self.date == DateForm::YearMonthDay && self.separator == b'-' && self.time.half == 0;
        if is_iso {
            return "iso".to_string();
        }
        let order = match self.date {
            DateForm::YearMonthDay => ["%Y", "%m", "%d"],
            DateForm::Open if day_first => ["%d", "%m", "%Y"],
            DateForm::Open => ["%m", "%d", "%Y"],
            DateForm::OpenShort if day_first => ["%d", "%m", "%y"],
            DateForm::OpenShort => ["%m", "%d", "%y"],
            DateForm::DayNameYear => ["%d", "%b", "%Y"],
            DateForm::DayNameShort => ["%d", "%b", "%y"],
            DateForm::NameDayYear => ["%b", "%d", "%Y"],
            DateForm::Compact => ["%Y", "%m", "%d"],
        };
        let mut out = match self.separator {
            0 => order.concat(),
            b',' => format!("{} {}, {}", order[0], order[1], order[2]),
            separator => order.join(&char::from(separator).to_string()),
        };
        self.time.write(&mut out, self.date == DateForm::Compact);
        out
    }

    /// Whether day and month cannot be told apart by their place.
    pub fn is_open(self) -> bool {
        matches!(self.date, DateForm::Open | DateForm::OpenShort)
    }

    /// Digits alone, which may as well be a number.
    pub fn is_compact(self) -> bool {
        self.date == DateForm::Compact
    }
}

impl TimeForm {
    fn write(self, out: &mut String, is_compact: bool) {
        if self.lead == 0 {
            return;
        }
        if self.lead != b'0' {
            out.push(char::from(self.lead));
        }
        let colon = if is_compact && self.lead == b'0' { "" } else { ":" };
        out.push_str(if self.half > 0 { "%I" } else { "%H" });
        out.push_str(colon);
        out.push_str("%M");
        if self.has_seconds {
            out.push_str(colon);
            out.push_str("%S");
        }
        if self.has_fraction {
            out.push_str(".%f");
        }
        if self.half > 0 {
            out.push_str(if self.half == 2 { " %p" } else { "%p" });
        }
        if self.has_offset {
            out.push_str("%z");
        }
    }
}

/// Recognises a date, with or without a time behind it.
pub fn recognise(text: &str) -> Option<Seen> {
    if !(6..=40).contains(&text.len()) || !text.is_ascii() {
        return None;
    }
    let mut reader = Reader { bytes: text.as_bytes() };
    let (date_form, separator, [a, b, c]) = reader.date()?;
    let time = if reader.bytes.is_empty() { TimeForm::default() } else { reader.time(date_form == DateForm::Compact)? };
    let form = Form { date: date_form, separator, time };
    let of = |year: u32, month: u32, day: u32| {
        Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
    };
    let long = |year: u32| if year < 50 { 2000 + year } else { 1900 + year };
    let (mut day_first, mut month_first) = (false, false);
    let date = match date_form {
        DateForm::YearMonthDay | DateForm::Compact => of(a, b, c),
        DateForm::Open | DateForm::OpenShort => {
            let year = if date_form == DateForm::Open { c } else { long(c) };
            let (as_month, as_day) = (of(year, a, b), of(year, b, a));
            (day_first, month_first) = (as_month.is_none() && as_day.is_some(), as_day.is_none() && as_month.is_some());
            as_month.or(as_day)
        }
        DateForm::DayNameYear => of(c, b, a),
        DateForm::DayNameShort => of(long(c), b, a),
        DateForm::NameDayYear => of(c, a, b),
    };
    Some(Seen { form, has_time: time.lead != 0, date, day_first, month_first })
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl Reader<'_> {
    /// A number and how many digits it has.
    fn number(&mut self) -> Option<(u32, usize)> {
        let digits = self.bytes.iter().take_while(|b| b.is_ascii_digit()).count();
        let (front, rest) = self.bytes.split_at_checked(digits).filter(|_| (1..=9).contains(&digits))?;
        self.bytes = rest;
        Some((front.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0')), digits))
    }

    fn digits(&mut self, digits: usize) -> Option<u32> {
        let (front, rest) = self.bytes.split_at_checked(digits)?;
        self.bytes = rest;
        front.iter().all(u8::is_ascii_digit).then(|| front.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
    }

    fn eat(&mut self, byte: u8) -> Option<()> {
        self.bytes = self.bytes.strip_prefix(&[byte])?;
        Some(())
    }

    fn month_name(&mut self) -> Option<u32> {
        const MONTHS: [&[u8; 3]; 12] =
            [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];
        let (front, rest) = self.bytes.split_at_checked(3)?;
        let month = MONTHS.iter().position(|month| front.eq_ignore_ascii_case(*month))?;
        self.bytes = rest;
        u32::try_from(month + 1).ok()
    }

    fn date(&mut self) -> Option<(DateForm, u8, [u32; 3])> {
        if self.bytes.first()?.is_ascii_alphabetic() {
            let month = self.month_name()?;
            self.eat(b' ')?;
            while self.eat(b' ').is_some() {}
            let (day, _) = self.number()?;
            let separator = if self.eat(b',').is_some() { b',' } else { b' ' };
            self.eat(b' ')?;
            let (year, 4) = self.number()? else { return None };
            return Some((DateForm::NameDayYear, separator, [month, day, year]));
        }
        let all = self.bytes.iter().take_while(|b| b.is_ascii_digit()).count();
        if matches!(all, 8 | 12 | 14) {
            return Some((DateForm::Compact, 0, [self.digits(4)?, self.digits(2)?, self.digits(2)?]));
        }
        let (a, a_digits) = self.number()?;
        let separator = *self.bytes.first().filter(|b| b"-/. ".contains(b))?;
        self.eat(separator)?;
        if self.bytes.first()?.is_ascii_alphabetic() {
            let month = self.month_name().filter(|_| a_digits <= 2)?;
            self.eat(separator)?;
            return match self.number()? {
                (year, 4) => Some((DateForm::DayNameYear, separator, [a, month, year])),
                (year, 2) => Some((DateForm::DayNameShort, separator, [a, month, year])),
                _ => None,
            };
        }
        let (b, b_digits) = self.number()?;
        self.eat(separator)?;
        let (c, c_digits) = self.number()?;
        match (a_digits, b_digits, c_digits) {
            (4, 1 | 2, 1 | 2) => Some((DateForm::YearMonthDay, separator, [a, b, c])),
            (1 | 2, 1 | 2, 4) => Some((DateForm::Open, separator, [a, b, c])),
            (1 | 2, 1 | 2, 2) if separator != b' ' && separator != b'.' => Some((DateForm::OpenShort, separator, [a, b, c])),
            _ => None,
        }
    }

    fn time(&mut self, is_compact: bool) -> Option<TimeForm> {
        let mut form = TimeForm::default();
        if is_compact && self.bytes.first()?.is_ascii_digit() {
            form.lead = b'0';
            self.digits(4)?;
            form.has_seconds = !self.bytes.is_empty() && self.digits(2).is_some();
        } else {
            form.lead = *self.bytes.first().filter(|b| b"T ".contains(b))?;
            self.eat(form.lead)?;
            while self.eat(b' ').is_some() {}
            self.number().filter(|(hour, digits)| *digits <= 2 && *hour <= 24)?;
            self.eat(b':')?;
            self.number().filter(|(minute, digits)| *digits == 2 && *minute < 60)?;
            if self.eat(b':').is_some() {
                self.number().filter(|(second, digits)| *digits == 2 && *second <= 60)?;
                form.has_seconds = true;
            }
        }
        if self.eat(b'.').is_some() {
            self.number()?;
            form.has_fraction = true;
        }
        let blank = self.eat(b' ').is_some();
        if let [b'A' | b'P' | b'a' | b'p', b'M' | b'm', rest @ ..] = self.bytes {
            self.bytes = rest;
            form.half = if blank { 2 } else { 1 };
        }
        form.has_offset = match self.bytes {
            [] => false,
            b"Z" | [b'+' | b'-', _, _] => true,
            [b'+' | b'-', rest @ ..] => matches!(rest.len(), 4 | 5) && rest.iter().all(|b| b.is_ascii_digit() || *b == b':'),
            _ => return None,
        };
        Some(form)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_have_the_formats_of_a_mapping_file() {
        for (text, format, date) in [
            ("2019-02-03", "iso", "2019-02-03"),
            ("2019-02-03T04:05:06Z", "iso", "2019-02-03"),
            ("2019-02-03 04:05:06.123+01:00", "iso", "2019-02-03"),
            ("2019/02/03", "%Y/%m/%d", "2019-02-03"),
            ("02/03/2019", "%m/%d/%Y", "2019-02-03"),
            ("2/13/19 4:05", "%m/%d/%y %H:%M", "2019-02-13"),
            ("02/03/2019 04:05:06 PM", "%m/%d/%Y %I:%M:%S %p", "2019-02-03"),
            ("Feb  3 2019 12:00AM", "%b %d %Y %I:%M%p", "2019-02-03"),
            ("Feb 3, 2019", "%b %d, %Y", "2019-02-03"),
            ("27-OCT-1999", "%d-%b-%Y", "1999-10-27"),
            ("27-Oct-99", "%d-%b-%y", "1999-10-27"),
            ("20190203", "%Y%m%d", "2019-02-03"),
            ("20190203040506", "%Y%m%d%H%M%S", "2019-02-03"),
            ("03.02.2019", "%m.%d.%Y", "2019-03-02"),
        ] {
            let seen = recognise(text).unwrap_or_else(|| panic!("{text} is a date"));
            assert_eq!(
                (seen.form.pattern(false).as_str(), seen.date.map(|d| d.to_string()).as_deref()),
                (format, Some(date)),
                "{text}"
            );
        }
        for text in
            ["", "12345", "1.2.840.113", "192.168.0.1", "999-17-5017", "2019-02-03x", "Mayo 3 2019", "1-1-1", "555-123-4567"]
        {
            assert_eq!(recognise(text), None, "{text}");
        }
        for text in ["2019-02-30", "00000000", "13/13/2019", "0000-00-00"] {
            assert_eq!(recognise(text).map(|seen| seen.date), Some(None), "{text}");
        }
        let day_first = recognise("13/02/2019").unwrap();
        assert!(day_first.day_first && !day_first.month_first && day_first.form.is_open());
        assert_eq!(day_first.form.pattern(true), "%d/%m/%Y");
    }
}

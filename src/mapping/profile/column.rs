//! The statistics of one column, a value at a time.
//!
//! Not for: what other columns say about it (`table`, `links`).

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt::Write;

use jiff::civil::Date;

use super::dates::{self, Form, Seen};
use super::top::Top;
use super::values::{Values, hash};
use super::{ColumnProfile, Dates, names, percent, phi};
use crate::limits::PROFILE_VALUES_MAX;

/// What old systems write where there is nothing. `0` and `UNKNOWN` are answers.
const NULLS: [&str; 16] =
    ["NULL", "null", "Null", "\\N", "(null)", "N/A", "n/a", "NA", "#N/A", "None", "none", "nil", "-", "--", "NaN", "nan"];
/// Days that stand for "none" or "for ever".
const SENTINELS: [(i16, i8, i8); 10] = [
    (1, 1, 1),
    (1753, 1, 1),
    (1799, 12, 31),
    (1800, 1, 1),
    (1841, 1, 1),
    (1899, 12, 30),
    (1900, 1, 1),
    (1901, 1, 1),
    (2999, 12, 31),
    (9999, 12, 31),
];
const TOP_ROOM: usize = 2000;
const TOP_SHOWN: usize = 50;
const PATTERNS_SHOWN: usize = 5;
/// Share of values that must be of a type for the column to be of it.
const CONFORMING: f64 = 0.95;
/// Longest text that has a pattern.
const PATTERN_TEXT_MAX: usize = 64;

/// A column being looked at.
pub struct Column {
    profile: ColumnProfile,
    pub values: Values,
    /// None once nearly every value turned out to be new.
    top: Option<Top>,
    patterns: Top,
    pattern: String,
    least_number: Option<(f64, String)>,
    greatest_number: Option<(f64, String)>,
    kinds: Kinds,
    dates: DateCounts,
    today: Date,
}

#[derive(Default)]
struct Kinds {
    integer: u64,
    decimal: u64,
    boolean: u64,
    uuid: u64,
    /// Short, without blanks.
    word: u64,
}

#[derive(Default)]
struct DateCounts {
    all: u64,
    with_time: u64,
    compact: u64,
    impossible: u64,
    before_1900: u64,
    in_future: u64,
    day_first: u64,
    month_first: u64,
    forms: BTreeMap<Form, u64>,
    sentinels: BTreeMap<String, u64>,
    range: Option<(Date, Date)>,
    years: BTreeMap<i16, u64>,
}

impl Column {
    pub fn new(name: &str, today: Date) -> Column {
        Column {
            profile: ColumnProfile { name: name.to_string(), shortest: usize::MAX, ..ColumnProfile::default() },
            values: Values::default(),
            top: Some(Top::new(TOP_ROOM)),
            patterns: Top::new(500),
            pattern: String::new(),
            least_number: None,
            greatest_number: None,
            kinds: Kinds::default(),
            dates: DateCounts::default(),
            today,
        }
    }

    /// Takes in one field.
    pub fn see(&mut self, field: &str) {
        let value = field.trim();
        if value.is_empty() || NULLS.contains(&value) {
            let count = self.profile.nulls.get_mut(value);
            match count {
                Some(count) => *count += 1,
                None => drop(self.profile.nulls.insert(value.to_string(), 1)),
            }
            return;
        }
        let p = &mut self.profile;
        p.filled += 1;
        p.padded += u64::from(value.len() < field.len());
        p.shortest = p.shortest.min(value.len());
        p.longest = p.longest.max(value.len());
        if p.filled == 1 || value < p.least.as_str() {
            head(value).clone_into(&mut p.least);
        }
        if value > p.greatest.as_str() {
            head(value).clone_into(&mut p.greatest);
        }
        let looks = phi::look(value);
        p.ssn_like += u64::from(looks.ssn);
        p.phone_like += u64::from(looks.phone);
        p.email_like += u64::from(looks.email);
        self.values.add(hash(value), PROFILE_VALUES_MAX);
        if let Some(top) = &mut self.top {
            top.add(value);
            let is_hopeless =
                !top.is_exact() && self.profile.filled > 100_000 && self.values.distinct() * 2 > self.profile.filled;
            if is_hopeless {
                self.top = None;
            }
        }
        if value.len() <= PATTERN_TEXT_MAX {
            pattern(value, &mut self.pattern);
            self.patterns.add(&self.pattern);
        }
        self.classify(value);
    }

    fn classify(&mut self, value: &str) {
        let k = &mut self.kinds;
        k.word += u64::from(value.len() <= 40 && !value.bytes().any(|b| b == b' '));
        k.uuid += u64::from(is_uuid(value));
        let is_boolean =
            ["y", "n", "t", "f", "0", "1", "yes", "no", "true", "false"].iter().any(|b| value.eq_ignore_ascii_case(b));
        k.boolean += u64::from(is_boolean);
        let body = value.strip_prefix(['-', '+']).unwrap_or(value);
        let is_like_number = body.starts_with(|c: char| c.is_ascii_digit() || c == '.')
            && body.bytes().all(|b| b.is_ascii_digit() || b"eE+-.".contains(&b));
        let number = if is_like_number { value.parse::<f64>().ok() } else { None };
        if let Some(number) = number {
            let is_integer = body.bytes().all(|b| b.is_ascii_digit());
            k.integer += u64::from(is_integer);
            k.decimal += 1;
            self.profile.scientific += u64::from(body.contains(['e', 'E']));
            self.profile.zero_led += u64::from(is_integer && body.len() > 1 && body.starts_with('0'));
            keep(&mut self.least_number, number, value, Ordering::Less);
            keep(&mut self.greatest_number, number, value, Ordering::Greater);
        }
        if let Some(seen) = dates::recognise(value) {
            self.dates.see(value, &seen, self.today);
        }
    }

    /// The profile, and the values for whoever compares columns.
    pub fn finish(self) -> (ColumnProfile, Values) {
        let mut p = self.profile;
        p.distinct = self.values.distinct();
        p.distinct_is_exact = self.values.is_exact();
        if p.filled == 0 {
            p.shortest = 0;
        }
        (p.kind, p.conforming) = self.kinds.verdict(&p, &self.dates);
        if matches!(p.kind, "integer" | "decimal") {
            p.least = self.least_number.map(|(_, text)| text).unwrap_or_default();
            p.greatest = self.greatest_number.map(|(_, text)| text).unwrap_or_default();
        }
        // What occurs once is no frequent value.
        let most = self.top.map(|top| top.most(TOP_SHOWN)).unwrap_or_default();
        let counted = most.into_iter().map(|(text, least)| {
            let count = self.values.count(hash(&text)).unwrap_or(least);
            (text, count.max(least))
        });
        p.top = counted.filter(|(_, count)| *count > 1 || p.filled < 50).collect();
        p.top.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        p.patterns = self.patterns.most(PATTERNS_SHOWN);
        if p.kind == "date" || p.kind == "datetime" {
            p.dates = Some(self.dates.finish());
        }
        p.hints = names::hints(&p);
        (p, self.values)
    }
}

impl Kinds {
    fn verdict(&self, p: &ColumnProfile, dates: &DateCounts) -> (&'static str, f64) {
        if p.filled == 0 {
            return ("empty", 100.0);
        }
        let is_most = |count: u64| count as f64 >= p.filled as f64 * CONFORMING;
        let sound = dates.all - dates.impossible;
        // Eight digits are a date only when nearly all of them are on the calendar.
        let are_dates = is_most(dates.all) && (dates.compact == 0 || is_most(sound + dates.zeros()));
        if are_dates {
            return (if dates.with_time * 2 > dates.all { "datetime" } else { "date" }, percent(sound, p.filled));
        }
        if self.boolean == p.filled && (p.distinct == 2 || (p.distinct == 1 && self.integer == 0)) {
            return ("boolean", percent(self.boolean, p.filled));
        }
        // A few whole numbers among decimals are decimals too, and the other way round.
        let integer = if self.integer < self.decimal { 0 } else { self.integer };
        for (kind, count) in [("uuid", self.uuid), ("integer", integer), ("decimal", self.decimal)] {
            if is_most(count) {
                return (kind, percent(count, p.filled));
            }
        }
        let is_code = is_most(self.word) && (p.distinct <= 50 || p.distinct * 20 <= p.filled);
        if is_code { ("code", percent(self.word, p.filled)) } else { ("text", 100.0) }
    }
}

impl DateCounts {
    fn see(&mut self, value: &str, seen: &Seen, today: Date) {
        self.all += 1;
        self.with_time += u64::from(seen.has_time);
        self.compact += u64::from(seen.form.is_compact());
        self.day_first += u64::from(seen.day_first);
        self.month_first += u64::from(seen.month_first);
        let Some(date) = seen.date else {
            self.impossible += 1;
            if value.bytes().all(|b| !b.is_ascii_digit() || b == b'0') {
                *self.sentinels.entry(value.to_string()).or_default() += 1;
            }
            return;
        };
        *self.forms.entry(seen.form).or_default() += 1;
        if SENTINELS.contains(&(date.year(), date.month(), date.day())) || date.year() >= 2900 {
            if self.sentinels.len() < 20 {
                *self.sentinels.entry(date.to_string()).or_default() += 1;
            }
            return;
        }
        self.before_1900 += u64::from(date.year() < 1900);
        self.in_future += u64::from(date > today);
        self.range = Some(self.range.map_or((date, date), |(first, last)| (first.min(date), last.max(date))));
        *self.years.entry(date.year()).or_default() += 1;
    }

    /// Zeros in the place of a date.
    fn zeros(&self) -> u64 {
        self.sentinels.iter().filter(|(text, _)| text.bytes().all(|b| !b.is_ascii_digit() || b == b'0')).map(|(_, n)| n).sum()
    }

    fn finish(self) -> Dates {
        let mut formats: BTreeMap<String, u64> = BTreeMap::new();
        let is_open = self.forms.keys().any(|form| form.is_open());
        for (form, count) in &self.forms {
            *formats.entry(form.pattern(self.day_first > self.month_first)).or_default() += count;
        }
        let mut formats: Vec<(String, u64)> = formats.into_iter().collect();
        formats.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let text = |date: Option<Date>| date.map(|date| date.to_string()).unwrap_or_default();
        Dates {
            formats,
            is_ambiguous: is_open && (self.day_first > 0) == (self.month_first > 0),
            earliest: text(self.range.map(|(first, _)| first)),
            latest: text(self.range.map(|(_, last)| last)),
            impossible: self.impossible,
            sentinels: self.sentinels.into_iter().collect(),
            before_1900: self.before_1900,
            in_future: self.in_future,
            years: self.years,
        }
    }
}

fn keep(best: &mut Option<(f64, String)>, number: f64, text: &str, when: Ordering) {
    if best.as_ref().is_none_or(|(old, _)| number.partial_cmp(old) == Some(when)) {
        *best = Some((number, text.to_string()));
    }
}

fn is_uuid(value: &str) -> bool {
    let bytes = value.trim_start_matches('{').trim_end_matches('}').as_bytes();
    let dashes = [8, 13, 18, 23];
    bytes.len() == 36
        && bytes.iter().enumerate().all(|(at, b)| if dashes.contains(&at) { *b == b'-' } else { b.is_ascii_hexdigit() })
}

/// The beginning of a value, for showing.
fn head(value: &str) -> &str {
    &value[..value.floor_char_boundary(120)]
}

/// Digits as `9`, capitals as `A`, small letters as `a`, runs with their length; everything else as it is.
fn pattern(value: &str, out: &mut String) {
    out.clear();
    let class = |c: char| match c {
        _ if c.is_numeric() => '9',
        _ if c.is_uppercase() => 'A',
        _ if c.is_alphabetic() => 'a',
        _ => c,
    };
    let mut chars = value.chars().map(class).peekable();
    while let Some(c) = chars.next() {
        let mut run = 1;
        while chars.next_if_eq(&c).is_some() {
            run += 1;
        }
        out.push(c);
        if run > 1 {
            // Writing to a string cannot fail.
            let _ = write!(out, "({run})");
        }
    }
}

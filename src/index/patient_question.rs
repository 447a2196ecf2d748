//! Reads what a person typed into the patient box: a list of things asked, each with every way that it can be meant.
//!
//! Not for: looking anything up (`patients`).

use super::names;
use crate::names::tokens;

/// Most things asked at once; the rest of an overlong question is not read.
const ASKED_MAX: usize = 12;
const TEXT_BYTES_MAX: usize = 256;
/// Years of birth that four digits may mean.
const YEARS: std::ops::RangeInclusive<u32> = 1850..=2100;
/// Words before a value that only name it.
const NAMES_OF_FIELDS: [&str; 6] = ["dob", "mrn", "born", "phone", "tel", "name"];

/// One meaning of a typed piece.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reading {
    Name(String),
    /// Year, month, day.
    BirthDate(u32, u32, u32),
    /// Year, month.
    BirthMonthOfYear(u32, u32),
    BirthYear(u32),
    /// A month of any year.
    BirthMonth(u32),
    Number(String),
    /// Digits only.
    Phone(String),
}

impl Reading {
    fn words(&self) -> &'static str {
        match self {
            Reading::Name(_) => "family or given name",
            Reading::BirthDate(..) => "birth date",
            Reading::BirthMonthOfYear(..) | Reading::BirthMonth(_) => "birth month",
            Reading::BirthYear(_) => "birth year",
            Reading::Number(_) => "record number",
            Reading::Phone(_) => "phone",
        }
    }

    fn text(&self) -> String {
        match self {
            Reading::Name(text) | Reading::Number(text) | Reading::Phone(text) => text.clone(),
            Reading::BirthDate(y, m, d) => format!("{y:04}-{m:02}-{d:02}"),
            Reading::BirthMonthOfYear(y, m) => format!("{y:04}-{m:02}"),
            Reading::BirthYear(y) => y.to_string(),
            Reading::BirthMonth(m) => format!("{m:02}"),
        }
    }
}

/// One thing asked: a patient must match at least one of its readings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asked {
    pub readings: Vec<Reading>,
}

impl Asked {
    /// (what it was taken for, its value), for people.
    pub fn understood(&self) -> (String, String) {
        let mut words: Vec<&str> = Vec::new();
        let mut values: Vec<String> = Vec::new();
        for reading in &self.readings {
            if !words.contains(&reading.words()) {
                words.push(reading.words());
            }
            if !values.contains(&reading.text()) {
                values.push(reading.text());
            }
        }
        (words.join(", "), values.join(" or "))
    }
}

/// Everything asked in `text`, in order.
pub fn parse(text: &str) -> Vec<Asked> {
    let text = &text[..text.floor_char_boundary(TEXT_BYTES_MAX)];
    let pieces: Vec<&str> = text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';')).filter_map(value_of).collect();
    let (mut asked, mut i) = (Vec::new(), 0);
    while i < pieces.len() && asked.len() < ASKED_MAX {
        let rest = &pieces[i..];
        if let Some((reading, used)) = spaced_phone(rest).or_else(|| spaced_date(rest)) {
            asked.push(Asked { readings: vec![reading] });
            i += used;
            continue;
        }
        let next_is_year = rest.get(1).is_some_and(|p| year(p).is_some());
        asked.extend(one(rest[0], next_is_year));
        i += 1;
    }
    asked.truncate(ASKED_MAX);
    asked
}

/// The piece without the name of its field in front: `dob:1957` is 1957, `MRN` alone is nothing.
fn value_of(piece: &str) -> Option<&str> {
    let is_field = |word: &str| NAMES_OF_FIELDS.contains(&word.to_ascii_lowercase().as_str());
    let value = match piece.split_once([':', '#', '=']) {
        Some((field, value)) if is_field(field) || field.is_empty() => value,
        _ if matches!(piece.to_ascii_lowercase().as_str(), "dob" | "mrn") => "",
        _ => piece,
    };
    value.chars().any(char::is_alphanumeric).then_some(value)
}

/// `(555) 123-4567`, `555 123 4567`, `+1 555 123 4567`.
fn spaced_phone(pieces: &[&str]) -> Option<(Reading, usize)> {
    const SHAPES: [&[usize]; 6] = [&[1, 3, 3, 4], &[3, 3, 4], &[1, 3, 7], &[3, 7], &[1, 10], &[6, 4]];
    SHAPES.iter().find_map(|shape| {
        let taken = pieces.get(..shape.len())?;
        let digits: Vec<String> = taken.iter().map(|p| phone_digits(p)).collect::<Option<_>>()?;
        let fits = digits.iter().zip(*shape).all(|(d, length)| d.len() == *length);
        fits.then(|| (Reading::Phone(digits.concat()), shape.len()))
    })
}

/// The digits of a piece that holds nothing but digits and the marks of phone numbers.
fn phone_digits(piece: &str) -> Option<String> {
    let plain = piece.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | '(' | ')' | '-' | '.'));
    plain.then(|| piece.chars().filter(char::is_ascii_digit).collect())
}

/// `14 mar 1957`, `March 14th 1957`, and with blanks `14 3 1957`, `1957 3 14`.
fn spaced_date(pieces: &[&str]) -> Option<(Reading, usize)> {
    let [a, b, c] = *pieces.get(..3)?.as_array::<3>()?;
    let (day_of, number) = (|p: &str| small(p.trim_end_matches(|c: char| c.is_ascii_alphabetic())), small);
    let date = if let (Some(d), Some(m), Some(y)) = (day_of(a), month(b), year(c)) {
        checked(y, m, d)
    } else if let (Some(m), Some(d), Some(y)) = (month(a), day_of(b), year(c)) {
        checked(y, m, d)
    } else if let (Some(x), Some(y), Some(year)) = (number(a), number(b), year(c)) {
        checked(year, x, y).or_else(|| checked(year, y, x))
    } else if let (Some(y), Some(m), Some(d)) = (year(a), number(b), number(c)) {
        checked(y, m, d)
    } else {
        None
    };
    date.map(|reading| (reading, 3))
}

/// What one piece may mean; a name with a hyphen asks for each of its parts.
fn one(piece: &str, next_is_year: bool) -> Vec<Asked> {
    let mut readings = dates(piece);
    let number = names::number(piece);
    let has_digit = number.bytes().any(|b| b.is_ascii_digit());
    if has_digit {
        if let Some(digits) = phone_digits(piece).filter(|d| matches!(d.len(), 4 | 7 | 10 | 11)) {
            readings.push(Reading::Phone(digits));
        }
        if number.len() >= 3 {
            readings.push(Reading::Number(number.clone()));
        }
        if readings.is_empty() || number.bytes().any(|b| !b.is_ascii_digit()) && dates(piece).is_empty() {
            readings.push(Reading::Name(number));
        }
        return vec![Asked { readings }];
    }
    let whole: Vec<String> = piece.split(['-', '.', '/', '_', '–']).filter_map(|p| tokens(p).pop()).collect();
    let mut asked: Vec<Asked> = whole.into_iter().map(|name| Asked { readings: vec![Reading::Name(name)] }).collect();
    if let (true, Some(month), [one]) = (next_is_year, month(piece), asked.as_mut_slice()) {
        one.readings.insert(0, Reading::BirthMonth(month));
    }
    asked
}

/// The dates that one piece without blanks may mean, the likeliest first.
fn dates(piece: &str) -> Vec<Reading> {
    let parts: Vec<&str> = piece.split(['-', '/', '.']).collect();
    match parts.as_slice() {
        [one] => run_of_digits(one).or_else(|| day_month_year(one).map(|r| vec![r])).unwrap_or_default(),
        [a, b] => {
            let either = match (year(a), year(b)) {
                (Some(y), _) => month_number(b).map(|m| (y, m)),
                (_, Some(y)) => month_number(a).map(|m| (y, m)),
                _ => None,
            };
            either.map(|(y, m)| Reading::BirthMonthOfYear(y, m)).into_iter().collect()
        }
        [a, b, c] => match (year(a), month(a), month(b)) {
            (Some(y), _, _) => month_number(b).zip(small(c)).and_then(|(m, d)| checked(y, m, d)).into_iter().collect(),
            (_, Some(m), _) => in_years(c, |y| small(b).and_then(|d| checked(y, m, d))),
            (_, _, Some(m)) => in_years(c, |y| small(a).and_then(|d| checked(y, m, d))),
            _ => in_years(c, |y| {
                let (x, z) = small(a).zip(small(b))?;
                checked(y, x, z).or_else(|| checked(y, z, x))
            }),
        },
        _ => Vec::new(),
    }
}

/// `1957`, `03141957`, `19570314`, `14031957`.
fn run_of_digits(piece: &str) -> Option<Vec<Reading>> {
    if !piece.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    if let Some(y) = year(piece) {
        return Some(vec![Reading::BirthYear(y)]);
    }
    if piece.len() != 8 {
        return Some(Vec::new());
    }
    let american = year(&piece[4..]).and_then(|y| checked(y, small(&piece[..2])?, small(&piece[2..4])?));
    let european = year(&piece[4..]).and_then(|y| checked(y, small(&piece[2..4])?, small(&piece[..2])?));
    let standard = year(&piece[..4]).and_then(|y| checked(y, small(&piece[4..6])?, small(&piece[6..])?));
    Some(american.or(european).into_iter().chain(standard).collect())
}

/// `14mar1957`.
fn day_month_year(piece: &str) -> Option<Reading> {
    let from = piece.find(|c: char| c.is_ascii_alphabetic())?;
    let to = piece.rfind(|c: char| c.is_ascii_alphabetic())? + 1;
    checked(year(&piece[to..])?, month(&piece[from..to])?, small(&piece[..from])?)
}

/// The readings for a year of four digits, or of two in either century.
fn in_years(text: &str, date: impl Fn(u32) -> Option<Reading>) -> Vec<Reading> {
    if let Some(y) = year(text) {
        return date(y).into_iter().collect();
    }
    match small(text).filter(|_| text.len() == 2) {
        Some(y) => [1900 + y, 2000 + y].into_iter().filter_map(date).collect(),
        None => Vec::new(),
    }
}

fn year(text: &str) -> Option<u32> {
    let digits = text.len() == 4 && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|y| digits && YEARS.contains(y))
}

/// A number of one or two digits.
fn small(text: &str) -> Option<u32> {
    let digits = matches!(text.len(), 1 | 2) && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

fn month_number(text: &str) -> Option<u32> {
    month(text).or_else(|| small(text).filter(|m| (1..=12).contains(m)))
}

/// A month's name in English or Spanish, or its first three letters.
fn month(text: &str) -> Option<u32> {
    const MONTHS: [&[&str]; 12] = [
        &["january", "enero", "ene"],
        &["february", "febrero"],
        &["march", "marzo"],
        &["april", "abril", "abr"],
        &["may", "mayo"],
        &["june", "junio"],
        &["july", "julio"],
        &["august", "agosto", "ago"],
        &["september", "septiembre", "sept"],
        &["october", "octubre"],
        &["november", "noviembre"],
        &["december", "diciembre", "dic"],
    ];
    let text = text.trim_end_matches('.').to_lowercase();
    let found = MONTHS.iter().position(|names| names.contains(&text.as_str()) || text.len() == 3 && names[0].starts_with(&text));
    found.map(|i| i as u32 + 1)
}

/// The date, when the calendar has it.
fn checked(year: u32, month: u32, day: u32) -> Option<Reading> {
    crate::model::When::parse(&format!("{year:04}-{month:02}-{day:02}")).map(|_| Reading::BirthDate(year, month, day))
}

#[cfg(test)]
mod tests {
    use super::Reading::*;
    use super::*;

    fn first(text: &str) -> Reading {
        let asked = parse(text);
        assert_eq!(asked.len(), 1, "{text}: {asked:?}");
        asked[0].readings[0].clone()
    }

    #[test]
    fn a_birth_date_is_understood_in_its_usual_forms() {
        let forms = [
            "1957-03-14",
            "1957/3/14",
            "3/14/1957",
            "03-14-1957",
            "14.3.1957",
            "14 mar 1957",
            "March 14, 1957",
            "14-Mar-1957",
            "14mar1957",
            "mar 14th 1957",
            "03141957",
            "19570314",
            "14031957",
            "DOB: 3/14/1957",
            "3/14/57",
            "3 14 1957",
            "14 marzo 1957",
        ];
        for form in forms {
            assert_eq!(first(form), BirthDate(1957, 3, 14), "{form}");
        }
        assert_eq!(first("1957-03"), BirthMonthOfYear(1957, 3));
        assert_eq!(first("3/1957"), BirthMonthOfYear(1957, 3));
        assert_eq!(first("mar-1957"), BirthMonthOfYear(1957, 3));
        assert_eq!(first("1957"), BirthYear(1957));
    }

    #[test]
    fn a_month_before_a_year_may_also_be_a_name() {
        let asked = parse("may 1957");
        assert_eq!(asked[0].readings, [BirthMonth(5), Name("may".into())]);
        assert_eq!(asked[1].readings[0], BirthYear(1957));
        assert_eq!(parse("may quill")[0].readings, [Name("may".into())]);
    }

    #[test]
    fn phones_numbers_and_names_are_told_apart_where_possible() {
        for phone in ["(555) 123-4567", "555 123 4567", "555-123-4567", "5551234567", "(555) 1234567"] {
            assert_eq!(first(phone), Phone("5551234567".into()), "{phone}");
        }
        assert_eq!(first("+1 555 123 4567"), Phone("15551234567".into()));
        assert_eq!(first("MRN:A-00123"), Number("a00123".into()));
        assert_eq!(parse("1957")[0].readings, [BirthYear(1957), Phone("1957".into()), Number("1957".into())]);
        let names = parse("Quill, Marianne García-López O'Brien");
        let names: Vec<_> = names.iter().map(|a| a.readings[0].clone()).collect();
        assert_eq!(names, ["quill", "marianne", "garcia", "lopez", "obrien"].map(|n| Name(n.into())));
    }

    #[test]
    fn nothing_odd_breaks_it() {
        for text in
            ["", " ,; ", "mrn", "#", "////", "99/99/9999", "é/é/é", "--", "2023-02-29", &"9 ".repeat(500), "(((", "１９５７"]
        {
            assert!(parse(text).len() <= ASKED_MAX);
        }
        assert!(parse("mrn #").is_empty());
    }
}

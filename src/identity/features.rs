//! What of a patient is compared with other patients, and the comparison of two.
//!
//! Not for: choosing whom to compare (`candidates`).

use serde_json::Value;

use super::weights::{Level, Weights, weights};
use crate::model::{PatientIdentity, PatientKey, When};
use crate::names::{fold, nicknames, sound, tokens};

/// Given names that registrations write before a child has one.
const NAMELESS: [&str; 14] = [
    "baby", "boy", "girl", "bb", "bg", "babyboy", "babygirl", "newborn", "infant", "male", "female", "unknown", "twin", "triplet",
];

/// One patient as compared.
#[derive(Clone, Debug)]
pub struct Features {
    pub key: PatientKey,
    pub family: Vec<String>,
    pub given: Vec<String>,
    /// Tokens of former and other names.
    pub other: Vec<String>,
    /// `YYYY`, `YYYYMM` or `YYYYMMDD`, as far as recorded.
    pub born: String,
    pub sex: Option<String>,
    pub addresses: Vec<String>,
    /// The last ten digits of each number.
    pub phones: Vec<String>,
    pub ssn4: Option<String>,
    /// Which child of a multiple birth.
    pub birth_order: Option<i64>,
}

impl Features {
    /// From who a patient is, and the Patient resource itself.
    pub fn of(key: &PatientKey, identity: &PatientIdentity, json: &Value) -> Features {
        let mut given: Vec<String> = identity.given.iter().flat_map(|name| tokens(name)).collect();
        if given.iter().any(|name| NAMELESS.contains(&name.as_str())) {
            given.clear();
        }
        let born = identity.birth_date.as_ref().map_or(String::new(), |born| born.date_text().replace('-', ""));
        let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
        let phones = identity.phones.iter().map(|phone| digits(phone)).filter(|digits| digits.len() >= 7);
        let is_ssn = |label: &str| label == "ss" || label.contains("ssn") || label.contains("social security");
        let ssn = identity.identifiers.iter().filter(|(label, _)| is_ssn(&label.to_lowercase()));
        let ssn4 = ssn.map(|(_, value)| digits(value)).filter(|number| number.len() >= 4 && !is_one_digit(number));
        Features {
            key: key.clone(),
            family: identity.family.iter().flat_map(|name| tokens(name)).collect(),
            given,
            other: identity.other_names.iter().flat_map(|name| tokens(name)).collect(),
            born,
            sex: identity.sex.clone().filter(|sex| sex != "unknown"),
            addresses: identity.addresses.iter().map(|address| address_key(address)).filter(|key| key.len() > 4).collect(),
            phones: phones.filter(|number| !is_one_digit(number)).map(|number| last(&number, 10)).collect(),
            ssn4: ssn4.map(|number| last(&number, 4)).next(),
            birth_order: json.get("multipleBirthInteger").and_then(Value::as_i64),
        }
    }
}

fn is_one_digit(number: &str) -> bool {
    number.bytes().all(|b| Some(b) == number.bytes().next())
}

/// The last characters of a number in digits.
fn last(digits: &str, count: usize) -> String {
    digits.get(digits.len().saturating_sub(count)..).unwrap_or(digits).to_string()
}

/// An address without what people write in different ways: letters, digits and the usual short forms.
fn address_key(address: &str) -> String {
    let words = fold(address);
    let words = words.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let short = |word: &str| {
        const SHORT: [(&str, &str); 10] = [
            ("street", "st"),
            ("avenue", "ave"),
            ("road", "rd"),
            ("drive", "dr"),
            ("lane", "ln"),
            ("boulevard", "blvd"),
            ("court", "ct"),
            ("apartment", "apt"),
            ("north", "n"),
            ("south", "s"),
        ];
        SHORT.iter().find(|(long, _)| *long == word).map_or(word, |(_, short)| short).to_string()
    };
    words.map(short).collect::<Vec<_>>().join(" ")
}

/// How one field of two patients agrees.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Agreement {
    pub field: &'static str,
    pub level: &'static str,
    /// In bits.
    pub weight: f64,
}

/// The sum of the weights of what both have, in bits, and how each field agrees. The order of the two does not matter.
pub fn compare(a: &Features, b: &Features) -> (f64, Vec<Agreement>) {
    let table = weights();
    let mut found = Vec::new();
    let mut add = |field: &'static str, list: &'static [Level], level: Option<&str>| {
        if let Some(level) = level.and_then(|level| list.iter().find(|l| l.level == level)) {
            found.push(Agreement { field, level: &level.level, weight: level.weight() });
        }
    };
    let (family, given) = (family_level(a, b, table), given_level(a, b, table));
    let is_swapped = given == Some("different") && family == Some("different") && are_swapped(a, b);
    if is_swapped {
        add("names", &table.names, Some("swapped"));
    } else {
        add("family", &table.family, family);
        add("given", &table.given, given);
    }
    let born = birth_level(&a.born, &b.born);
    let ssn4 = a.ssn4.as_ref().zip(b.ssn4.as_ref()).map(|(a, b)| same_or_different(a == b));
    add("birth date", &table.birth_date, born);
    add("sex", &table.sex, a.sex.as_ref().zip(b.sex.as_ref()).map(|(a, b)| same_or_different(a == b)));
    add("address", &table.address, overlap(&a.addresses, &b.addresses));
    add("phone", &table.phone, overlap(&a.phones, &b.phones));
    add("SSN-4", &table.ssn4, ssn4);
    let have_other_names = given == Some("different") && !is_swapped && family != Some("different");
    let have_other_order = a.birth_order.zip(b.birth_order).is_some_and(|(a, b)| a != b);
    if born == Some("same") && (have_other_names || have_other_order) && ssn4 != Some("same") {
        found.push(Agreement { field: "birth", level: "as of twins", weight: table.twins });
    }
    (found.iter().map(|agreement| agreement.weight).sum(), found)
}

fn same_or_different(same: bool) -> &'static str {
    if same { "same" } else { "different" }
}

/// Whether two lists share a value; `None` when one of them is empty.
fn overlap(a: &[String], b: &[String]) -> Option<&'static str> {
    (!a.is_empty() && !b.is_empty()).then(|| same_or_different(a.iter().any(|value| b.contains(value))))
}

fn family_level(a: &Features, b: &Features, table: &Weights) -> Option<&'static str> {
    if a.family.is_empty() || b.family.is_empty() {
        return None;
    }
    let meets = |names: &[String], others: &[String]| names.iter().any(|name| others.contains(name));
    if meets(&a.family, &b.family) || meets(&a.family, &b.other) || meets(&b.family, &a.other) {
        return Some("same");
    }
    let alike = a.family.iter().any(|x| b.family.iter().any(|y| are_alike(x, y, table)));
    Some(if alike { "similar" } else { "different" })
}

fn given_level(a: &Features, b: &Features, table: &Weights) -> Option<&'static str> {
    if a.given.is_empty() || b.given.is_empty() {
        return None;
    }
    let any = |test: &dyn Fn(&str, &str) -> bool| a.given.iter().any(|x| b.given.iter().any(|y| test(x, y)));
    let is_initial = |x: &str, y: &str| (x.len() == 1 && y.starts_with(x)) || (y.len() == 1 && x.starts_with(y));
    // A middle initial that two siblings share says nothing of their first names.
    let first = a.given.first().zip(b.given.first());
    Some(if any(&|x, y| x == y && x.len() > 1) {
        "same"
    } else if any(&|x, y| nicknames(x).iter().any(|n| n == y)) {
        "nickname"
    } else if any(&|x, y| are_alike(x, y, table)) {
        "similar"
    } else if first.is_some_and(|(x, y)| is_initial(x, y)) {
        "initial"
    } else {
        "different"
    })
}

fn are_alike(a: &str, b: &str, table: &Weights) -> bool {
    let heard = sound(a);
    (!heard.is_empty() && heard == sound(b) && strsim::jaro_winkler(a, b) > 0.75) || strsim::jaro_winkler(a, b) >= table.similar
}

fn are_swapped(a: &Features, b: &Features) -> bool {
    let meets = |names: &[String], others: &[String]| names.iter().any(|name| name.len() > 1 && others.contains(name));
    meets(&a.family, &b.given) && meets(&a.given, &b.family)
}

fn birth_level(a: &str, b: &str) -> Option<&'static str> {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    if short.is_empty() {
        return None;
    }
    if short.len() < 8 {
        return Some(if long.starts_with(short) { "same as far as recorded" } else { "different" });
    }
    if a == b {
        return Some("same");
    }
    let part = |text: &str, from: usize, to: usize| text.get(from..to).unwrap_or("").to_string();
    if part(a, 0, 4) == part(b, 0, 4) && part(a, 4, 6) == part(b, 6, 8) && part(a, 6, 8) == part(b, 4, 6) {
        return Some("day and month swapped");
    }
    let differ: Vec<usize> = (0..8).filter(|at| a.as_bytes().get(*at) != b.as_bytes().get(*at)).collect();
    let is_transposed = matches!(differ.as_slice(), [x, y] if *y == x + 1
        && a.as_bytes().get(*x) == b.as_bytes().get(*y) && a.as_bytes().get(*y) == b.as_bytes().get(*x));
    Some(if differ.len() == 1 || is_transposed { "one digit differs" } else { "different" })
}

/// The birth date with day and month in each other's place, when that is a date.
pub(super) fn swapped_birth_date(born: &str) -> Option<String> {
    let (year, month, day) = (born.get(..4)?, born.get(4..6)?, born.get(6..8)?);
    When::parse(&format!("{year}-{day}-{month}")).map(|_| format!("{year}{day}{month}"))
}

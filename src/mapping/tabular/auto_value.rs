//! What kind of value a text is: a quantity, a range, a titre, or words. Whatever is not plainly one of the first stays
//! words, as it stands.
//!
//! Not for: codes.

use crate::mapping::fhir::decimal;

/// A result, as read from a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value<'a> {
    Quantity {
        comparator: &'static str,
        number: String,
        unit: &'a str,
    },
    Range {
        low: String,
        high: String,
        unit: &'a str,
    },
    /// `1:128`
    Titre {
        numerator: String,
        denominator: String,
    },
    Words(&'a str),
}

/// Reads a value; `unit` is what stands beside it, and is preferred to a unit inside the text.
pub fn read<'a>(text: &'a str, unit: &'a str) -> Value<'a> {
    let text = text.trim();
    quantity(text, unit).or_else(|| range(text, unit)).or_else(|| titre(text)).unwrap_or(Value::Words(text))
}

fn quantity<'a>(text: &'a str, unit: &'a str) -> Option<Value<'a>> {
    let (comparator, rest) = [("<=", "<="), (">=", ">="), ("≤", "<="), ("≥", ">="), ("<", "<"), (">", ">")]
        .into_iter()
        .find_map(|(sign, comparator)| Some((comparator, text.strip_prefix(sign)?.trim_start())))
        .unwrap_or(("", text));
    let (number, inside) = number(rest)?;
    let unit = with_unit(inside, unit)?;
    Some(Value::Quantity { comparator, number, unit })
}

/// A number at the front, and what follows it.
fn number(text: &str) -> Option<(String, &str)> {
    let signed = text.strip_prefix(['-', '+']).unwrap_or(text);
    let end = signed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(signed.len());
    let end = end + (text.len() - signed.len());
    let (front, rest) = text.split_at_checked(end)?;
    // `.` alone at the end of a sentence is no part of a number, and no number ends in it.
    Some((decimal(front).filter(|_| !front.ends_with('.'))?, rest))
}

/// The unit of a number; `None` when what follows the number is none. A unit behind the number begins with a letter or a
/// sign of a unit, is one word, and does not contradict the one beside it.
fn with_unit<'a>(inside: &'a str, beside: &'a str) -> Option<&'a str> {
    let inside = inside.trim();
    if inside.is_empty() || inside == beside {
        return Some(beside);
    }
    let is_unit = inside.len() <= 20
        && inside.starts_with(|c: char| c.is_alphabetic() || c == '%' || c == '/' || c == '[')
        && !inside.contains(|c: char| c.is_whitespace() || c == ',' || c == ':' || c == ';');
    // A longer word may be anything (`3 times`), and an exponent is none.
    let is_exponent = inside.starts_with(['e', 'E']) && inside[1..].starts_with(|c: char| c.is_ascii_digit() || "+-".contains(c));
    let is_short = inside.chars().count() <= 4 || inside.contains(['/', '%', '[']);
    (is_unit && is_short && !is_exponent && beside.is_empty()).then_some(inside)
}

/// `3.5-5.0`, `3.5 - 5.0 mmol/L`: the first is not above the second.
fn range<'a>(text: &'a str, unit: &'a str) -> Option<Value<'a>> {
    let (low, rest) = number(text)?;
    let rest = rest.trim_start();
    let rest = rest.strip_prefix(['-', '–']).or_else(|| rest.strip_prefix("to "))?;
    let (high, inside) = number(rest.trim_start())?;
    let is_ordered = low.parse::<f64>().ok()? <= high.parse::<f64>().ok()?;
    let unit = with_unit(inside, unit)?;
    is_ordered.then_some(Value::Range { low, high, unit })
}

fn titre(text: &str) -> Option<Value<'_>> {
    let (one, dilution) = text.split_once(':')?;
    let is_whole = |s: &str| !s.is_empty() && s.len() <= 7 && s.bytes().all(|b| b.is_ascii_digit());
    let (one, dilution) = (one.trim(), dilution.trim());
    let is_titre = one == "1" && is_whole(dilution);
    is_titre.then(|| Value::Titre { numerator: one.into(), denominator: dilution.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str, unit: &str) -> String {
        match read(text, unit) {
            Value::Quantity { comparator, number, unit } => format!("q {comparator}{number} {unit}"),
            Value::Range { low, high, unit } => format!("r {low} {high} {unit}"),
            Value::Titre { numerator, denominator } => format!("t {numerator} {denominator}"),
            Value::Words(words) => format!("w {words}"),
        }
    }

    #[test]
    fn a_text_is_what_it_plainly_is() {
        for (text, unit, wanted) in [
            ("5.40", "mg/dL", "q 5.40 mg/dL"),
            ("< 5", "", "q <5 "),
            (">=10", "U/L", "q >=10 U/L"),
            ("-0.5", "", "q -0.5 "),
            ("98 %", "", "q 98 %"),
            ("5.4 mg/dL", "mg/dL", "q 5.4 mg/dL"),
            ("5.4mmol/L", "mg/dL", "w 5.4mmol/L"),
            ("3.5-5.0", "", "r 3.5 5.0 "),
            ("3 - 5 /hpf", "", "r 3 5 /hpf"),
            ("2019-02", "", "w 2019-02"),
            ("2019-02-03", "", "w 2019-02-03"),
            ("1:128", "", "t 1 128"),
            ("12:30", "", "w 12:30"),
            ("120/80", "mm[Hg]", "w 120/80"),
            ("3 times", "", "w 3 times"),
            ("3 times daily", "", "w 3 times daily"),
            ("Positive", "", "w Positive"),
            ("1,234", "", "w 1,234"),
            ("1.23E+05", "", "w 1.23E+05"),
            ("5.", "", "w 5."),
            ("<", "", "w <"),
            ("", "", "w "),
        ] {
            assert_eq!(told(text, unit), wanted, "{text}");
        }
    }
}

//! Reference ranges as laboratories print them: `3.5-5.1`, `<200`, `>= 60`, `0.5 to 1.2`.
//!
//! Not for: ranges in words; their text is kept as it is.

/// The bounds of a printed range; `None` where it is not one of the plain forms. Either bound may be absent, not both.
pub fn bounds(text: &str) -> Option<(Option<&str>, Option<&str>)> {
    let text = text.trim();
    for sign in ["<=", "=<", "≤", "<"] {
        if let Some(high) = text.strip_prefix(sign) {
            return number(high).map(|high| (None, Some(high)));
        }
    }
    for sign in [">=", "=>", "≥", ">"] {
        if let Some(low) = text.strip_prefix(sign) {
            return number(low).map(|low| (Some(low), None));
        }
    }
    for between in [" to ", " - ", "–", "—"] {
        if let Some((low, high)) = text.split_once(between) {
            return Some((Some(number(low)?), Some(number(high)?)));
        }
    }
    // The first hyphen behind a digit parts the bounds: in `-2--1` and `-2-3` the others are signs.
    let at = text.char_indices().skip(1).find(|(_, c)| *c == '-')?.0;
    let (low, high) = (text.get(..at)?, text.get(at + 1..)?);
    Some((Some(number(low)?), Some(number(high)?)))
}

fn number(text: &str) -> Option<&str> {
    let text = text.trim();
    crate::mapping::fhir::decimal(text).map(|_| text)
}

#[cfg(test)]
mod tests {
    use super::bounds;

    #[test]
    fn printed_ranges() {
        for (text, low, high) in [
            ("3.5-5.1", Some("3.5"), Some("5.1")),
            (" 0.5 - 1.2 ", Some("0.5"), Some("1.2")),
            ("-2--1", Some("-2"), Some("-1")),
            ("4 to 11", Some("4"), Some("11")),
            ("4–11", Some("4"), Some("11")),
            ("<200", None, Some("200")),
            ("<= 5", None, Some("5")),
            (">60", Some("60"), None),
            ("≥1.5", Some("1.5"), None),
        ] {
            assert_eq!(bounds(text), Some((low, high)), "{text}");
        }
        for text in ["", "negative", "1:40-1:80", "M 4-5", "3.5-5.1 mmol/L", "<", "-", "5", "2019-01-02"] {
            assert_eq!(bounds(text), None, "{text}");
        }
    }
}

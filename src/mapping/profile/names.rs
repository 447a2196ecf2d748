//! What the name of a column suggests.
//!
//! Not for: more than a suggestion. Everything that rests on a name is marked for a person to look at.

use super::ColumnProfile;

/// The words of a name: `BENE_BIRTH_DT`, `patientId` and `Date of birth` each in small letters.
pub fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = ' ';
    for c in name.chars() {
        let begins = !before.is_alphanumeric() || (before.is_lowercase() && c.is_uppercase());
        if c.is_alphanumeric() {
            if begins {
                words.push(String::new());
            }
            if let Some(word) = words.last_mut() {
                word.extend(c.to_lowercase());
            }
        }
        before = c;
    }
    words
}

/// A name without its separators and in small letters, for comparing: `patientid`.
pub fn squeezed(name: &str) -> String {
    words(name).concat()
}

/// Hints from the name and from the values of a column.
pub fn hints(p: &ColumnProfile) -> Vec<&'static str> {
    let words = words(&p.name);
    let squeezed = words.concat();
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let ends = |list: &[&str]| list.iter().any(|end| squeezed.ends_with(end));
    let mut hints = Vec::new();
    let mut add = |is: bool, hint: &'static str| {
        if is {
            hints.push(hint);
        }
    };
    add(
        has(&["id", "key", "mrn", "ssn", "uid", "guid", "number", "num", "nbr"]) || ends(&["id", "key", "guid"]),
        "named-like-id",
    );
    let is_code = has(&["code", "cd", "system", "status", "type", "class", "category", "modality"]) || ends(&["code", "status"]);
    add(is_code, "named-like-code");
    let is_date = has(&["date", "dt", "dob", "time", "birth", "datetime", "timestamp", "start", "stop", "begin", "end"])
        || ends(&["date", "birthdate", "dttm", "datetime"]);
    add(is_date, "named-like-date");
    add(is_date && p.filled > 0 && !p.is_date(), "date-name-without-dates");
    let identifies = p.ssn_like + p.phone_like + p.email_like;
    let is_code_column = is_code || p.kind == "code";
    let expected =
        has(&["ssn", "social", "phone", "tel", "fax", "mobile", "email", "mail", "contact", "npi"]) || ends(&["phone"]);
    add(is_code_column && !expected && identifies > 0, "identifiers-in-code-column");
    add(is_code_column && p.longest > 60 && p.kind == "text", "free-text-in-code-column");
    add(p.scientific > 0 && p.kind != "decimal", "scientific-numbers");
    add(p.filled > 0 && p.distinct == 1, "one-value");
    hints
}

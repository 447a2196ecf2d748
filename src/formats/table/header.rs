//! Whether the first row of a table names its columns.
//!
//! Not for: what the names mean.

/// Whether the first of these rows is a header: its fields differ from each other, are no values, and the columns below
/// look otherwise.
pub(super) fn is_header(rows: &[Vec<String>]) -> bool {
    let Some((first, rest)) = rows.split_first() else { return true };
    let names: Vec<String> = first.iter().map(|name| name.trim().to_ascii_lowercase()).collect();
    let mut sorted: Vec<&String> = names.iter().filter(|name| !name.is_empty()).collect();
    sorted.sort_unstable();
    let are_distinct = sorted.windows(2).all(|pair| pair[0] != pair[1]);
    if sorted.len() * 2 <= names.len() || !are_distinct || names.iter().any(|name| is_value(name)) {
        return false;
    }
    let score: i32 = names.iter().enumerate().map(|(place, name)| evidence(name, rest, place)).sum();
    score > 0 || (score == 0 && rest.is_empty()) || (score == 0 && names.iter().all(|name| is_identifier(name)))
}

/// For (positive) or against a column's first field being its name.
fn evidence(name: &str, rest: &[Vec<String>], place: usize) -> i32 {
    let values: Vec<String> =
        rest.iter().filter_map(|row| row.get(place)).map(|v| v.trim().to_ascii_lowercase()).filter(|v| !v.is_empty()).collect();
    let words =
        ["id", "name", "date", "code", "birth", "time", "type", "desc", "status", "sex", "gender", "addr", "num", "no", "key"];
    let is_word = words.iter().any(|word| name.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| part.ends_with(word)));
    let is_unlike = !values.is_empty() && values.iter().filter(|v| is_value(v)).count() * 10 >= values.len() * 9;
    let is_repeated = values.iter().any(|v| v == name);
    i32::from(is_word) + i32::from(is_unlike) * 2 - i32::from(is_repeated) * 2
}

/// A number, a date, a UUID: nothing that a column is called.
fn is_value(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let only = |others: &[u8]| text.bytes().all(|b| b.is_ascii_digit() || others.contains(&b));
    let is_uuid = text.len() == 36 && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    is_uuid || (digits > 0 && (only(b"+-.,/: tzTZ()") || digits * 2 > text.len().max(8)))
}

fn is_identifier(name: &str) -> bool {
    let is_letter = |c: char| c.is_alphanumeric() || matches!(c, '_' | ' ' | '.' | '#' | '-' | '/' | '(' | ')');
    (1..=64).contains(&name.len()) && name.chars().all(is_letter) && name.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

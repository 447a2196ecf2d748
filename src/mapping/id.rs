//! Ids of mapped resources: pure functions of what the source calls a thing.
//!
//! Not for: archive ids (`model::archive_id` makes them of these).

/// Joins what names a thing in its source (assigning authority, number …) to one id. Different parts never give the
/// same id: letters, digits and hyphens stay, every other byte is written as `_` and two hex digits, parts are joined by
/// `.`, and empty parts at the front are left out. Empty when the last part is empty: without its number a thing has no
/// name.
pub fn id(parts: &[&str]) -> String {
    if parts.last().is_none_or(|last| last.trim().is_empty()) {
        return String::new();
    }
    let mut out = String::with_capacity(parts.iter().map(|part| part.len() + 1).sum());
    for part in parts {
        let part = part.trim();
        if out.is_empty() && part.is_empty() {
            continue;
        }
        if !out.is_empty() {
            out.push('.');
        }
        for byte in part.bytes() {
            if byte.is_ascii_alphanumeric() || byte == b'-' {
                out.push(char::from(byte));
            } else {
                out.push('_');
                for digit in [byte >> 4, byte & 15] {
                    out.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::id;

    #[test]
    fn parts_stay_apart() {
        assert_eq!(id(&["HOSP", "123-4"]), "HOSP.123-4");
        assert_eq!(id(&["", "123"]), "123");
        assert_eq!(id(&["HOSP", ""]), "");
        assert_ne!(id(&["a.b", "c"]), id(&["a", "b.c"]));
        assert_eq!(id(&["a", "", "c"]), "a..c");
        assert_eq!(id(&["ä/1"]), "_c3_a4_2f1");
    }
}

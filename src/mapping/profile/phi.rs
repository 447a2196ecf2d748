//! Whether a text holds what looks like a social security number, a telephone number or an e-mail address.
//!
//! Not for: taking them out.

/// Longest text that is looked at, in bytes; notes are expected to hold such things.
const TEXT_MAX: usize = 200;

/// What a text looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Looks {
    pub ssn: bool,
    pub phone: bool,
    pub email: bool,
}

/// Looks at a text.
pub fn look(text: &str) -> Looks {
    if text.len() > TEXT_MAX || text.len() < 7 {
        return Looks::default();
    }
    let mut looks = Looks { email: is_email(text), ..Looks::default() };
    if text.bytes().filter(u8::is_ascii_digit).count() < 9 {
        return looks;
    }
    // Groups of digits, each with the byte in front of it.
    let (mut groups, mut before) = ([(0u8, 0usize); 3], 0u8);
    let mut digits = 0;
    for byte in text.bytes().chain([b' ']) {
        if byte.is_ascii_digit() {
            digits += 1;
            continue;
        }
        if digits > 0 {
            groups = [groups[1], groups[2], (before, digits)];
            let joined = groups[1].0 == b'-' && groups[2].0 == b'-';
            let lengths = groups.map(|(_, digits)| digits);
            looks.ssn |= joined && lengths == [3, 2, 4] && byte != b'-';
            let is_phone = lengths == [3, 3, 4] && b"-. ".contains(&groups[2].0) && b"-. )".contains(&groups[1].0);
            looks.phone |= is_phone && byte != b'-';
            digits = 0;
        }
        // `(555) 123`: the bracket says more than the blank.
        before = if byte == b' ' && before == b')' { before } else { byte };
    }
    looks
}

fn is_email(text: &str) -> bool {
    let Some((user, host)) = text.split_once('@') else { return false };
    let is_word = |c: char| c.is_ascii_alphanumeric();
    user.ends_with(is_word) && host.starts_with(is_word) && host.contains('.') && !text.contains("://")
}

#[cfg(test)]
mod tests {
    use super::look;

    #[test]
    fn looks() {
        for (text, wanted) in [
            ("999-17-5017", (true, false, false)),
            ("call 555-123-4567 soon", (false, true, false)),
            ("(555) 123-4567", (false, true, false)),
            ("555.123.4567", (false, true, false)),
            ("mail a.b@example.org", (false, false, true)),
            ("2019-02-03 04:05", (false, false, false)),
            ("123e4567-e89b-12d3-a456-426614174000", (false, false, false)),
            ("1.2.840.113619", (false, false, false)),
        ] {
            let looks = look(text);
            assert_eq!((looks.ssn, looks.phone, looks.email), wanted, "{text}");
        }
    }
}

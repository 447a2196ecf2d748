//! Text made harmless for HTML, inside and outside of attribute values.
//!
//! Not for: which elements are written (`narrative`, `cda`), XML (`ccd`).

/// Bytes at which something other than plain text may begin: markup, control characters, and the first bytes of C1 controls and of
/// characters that turn the direction of text.
const SPECIAL: [bool; 256] = special();

const fn special() -> [bool; 256] {
    let mut table = [false; 256];
    let mut at = 0;
    while at < 0x20 {
        table[at] = !matches!(at as u8, b'\t' | b'\n' | b'\r');
        at += 1;
    }
    let others = [b'&', b'<', b'>', b'"', b'\'', 0x7F, 0xC2, 0xD8, 0xE2];
    let mut at = 0;
    while at < others.len() {
        table[others[at] as usize] = true;
        at += 1;
    }
    table
}

/// Characters that turn the order of the text around them (Unicode TR 9).
pub(super) fn is_direction(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}' | '\u{061C}')
}

/// Writes text with its markup escaped. `odd` writes what is to stand for a control character that HTML forbids, or for a
/// character that turns the direction of text.
pub(super) fn html(text: &str, out: &mut String, odd: impl Fn(char, &mut String)) {
    let (mut from, mut at) = (0, 0);
    while let Some(byte) = text.as_bytes().get(at) {
        if !SPECIAL[usize::from(*byte)] {
            at += 1;
            continue;
        }
        // Special bytes are ASCII, or the first of their character.
        let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) else { break };
        let next = at + c.len_utf8();
        let escaped = match c {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '"' => "&quot;",
            '\'' => "&#39;",
            c if c.is_control() || is_direction(c) => "",
            _ => {
                at = next;
                continue;
            }
        };
        out.push_str(text.get(from..at).unwrap_or_default());
        out.push_str(escaped);
        if escaped.is_empty() {
            odd(c, out);
        }
        (from, at) = (next, next);
    }
    out.push_str(text.get(from..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_controls_and_directions_are_told_apart_from_text() {
        let mut out = String::new();
        html("a<b>&\"'é\u{b0}\u{85}\u{202e}…\0\n‰ø", &mut out, |c, out| out.push_str(&format!("[{:x}]", c as u32)));
        assert_eq!(out, "a&lt;b&gt;&amp;&quot;&#39;é\u{b0}[85][202e]…[0]\n‰ø");
    }
}

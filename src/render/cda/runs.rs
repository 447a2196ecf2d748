//! Text as it is printed: nothing in it that turns the direction of what stands around it.
//!
//! Not for: styled words (`prose`).

use crate::render::escape::is_direction;
use crate::render::pdf::content::Run;

/// A run without style. Characters that turn the direction of text are shown as what they are.
pub(super) fn plain(text: &str) -> Run {
    Run { text: shown(text), ..Run::default() }
}

/// Text as it is printed.
pub(super) fn shown(text: &str) -> String {
    let is_odd = |c: char| is_direction(c) || c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    if !text.contains(is_odd) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            c if is_direction(c) => out.push_str(&format!("[U+{:04X}]", c as u32)),
            c if is_odd(c) => out.push('\u{FFFD}'),
            c => out.push(c),
        }
    }
    out
}

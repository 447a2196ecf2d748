//! The words of an expression.
//!
//! Not for: their grammar (`parse`).

use super::ExprError;

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Token {
    /// A name as it stands: a keyword, a function, a column.
    Word(String),
    /// A column in double quotes, for names with other characters.
    Quoted(String),
    Text(String),
    Number(String),
    Sign(&'static str),
    End,
}

/// Longer ones first, so that `<=` is not `<` and `=`.
const SIGNS: [&str; 10] = ["<=", ">=", "!=", "<>", "=", "<", ">", "(", ")", ","];

/// All words with their places; the last is the end.
pub fn tokens(text: &str) -> Result<Vec<(Token, usize)>, ExprError> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let first = rest.chars().next().unwrap_or(' ');
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (token, length) = if first == '\'' || first == '"' {
            let (content, length) = quoted(rest, first).ok_or_else(|| ExprError::new("a quote that is not closed", at))?;
            (if first == '"' { Token::Quoted(content) } else { Token::Text(content) }, length)
        } else if first.is_ascii_digit() || (first == '-' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) {
            let end = rest[1..].find(|c: char| !c.is_ascii_digit() && c != '.').map_or(rest.len(), |end| end + 1);
            (Token::Number(rest[..end].to_string()), end)
        } else if first.is_alphabetic() || first == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            (Token::Word(rest[..end].to_string()), end)
        } else if first == '.' {
            (Token::Sign("."), 1)
        } else {
            let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
            let sign = sign.ok_or_else(|| ExprError::new("a character that means nothing here", at))?;
            (Token::Sign(sign), sign.len())
        };
        out.push((token, at));
        at += length;
    }
    out.push((Token::End, text.len()));
    Ok(out)
}

/// What stands between quotes (a doubled one stands for itself), and how long it is with them.
fn quoted(text: &str, quote: char) -> Option<(String, usize)> {
    let mut content = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c != quote {
            content.push(c);
        } else if chars.peek().is_some_and(|(_, next)| *next == quote) {
            content.push(quote);
            chars.next();
        } else {
            return Some((content, at + 1));
        }
    }
    None
}

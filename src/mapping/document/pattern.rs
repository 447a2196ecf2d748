//! Paths that tell what a document is: a pattern of literal text and named parts, held against the end of a path.
//!
//! Not for: regular expressions; a part is as short as the rest allows, and never holds a `/`.

use jiff::fmt::strtime;

use super::Entry;

/// A piece of a pattern.
#[derive(Clone, Debug)]
enum Token {
    Literal(String),
    Part {
        name: Name,
        /// Length in bytes, for dates whose form has a fixed one.
        width: Option<usize>,
        date_format: Option<String>,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Name {
    Patient,
    Date,
    Type,
    Author,
    Title,
    Encounter,
    Description,
    /// The ending, which is not believed.
    Ext,
    /// Anything, or nothing.
    Any,
}

const NAMES: [(&str, Name); 9] = [
    ("patient", Name::Patient),
    ("date", Name::Date),
    ("type", Name::Type),
    ("author", Name::Author),
    ("title", Name::Title),
    ("encounter", Name::Encounter),
    ("description", Name::Description),
    ("ext", Name::Ext),
    ("*", Name::Any),
];

/// A pattern, checked.
#[derive(Clone, Debug)]
pub(super) struct Pattern(Vec<Token>);

/// Longest path that is held against a pattern, in bytes.
const PATH_MAX: usize = 8192;

impl Pattern {
    /// Reads a pattern; says what is wrong with it.
    pub fn parse(text: &str) -> Result<Pattern, String> {
        let mut tokens = Vec::new();
        let mut rest = text;
        while let Some((literal, after)) = rest.split_once('{') {
            let (part, behind) = after.split_once('}').ok_or("a brace is not closed")?;
            if !literal.is_empty() {
                tokens.push(Token::Literal(literal.to_owned()));
            }
            let (name, format) = part.split_once(':').map_or((part, None), |(name, format)| (name, Some(format)));
            let known = NAMES.iter().find(|(known, _)| *known == name);
            let (_, name) = known.ok_or_else(|| format!("no part is called {name}"))?;
            if format.is_some() && *name != Name::Date {
                return Err("only a date has a form".into());
            }
            let width = format.and_then(fixed_width);
            let is_open = |token: Option<&Token>| matches!(token, Some(Token::Part { width: None, .. }));
            if is_open(tokens.last()) && width.is_none() {
                return Err("two parts stand side by side, and nothing tells where one ends".into());
            }
            tokens.push(Token::Part { name: *name, width, date_format: format.map(str::to_owned) });
            rest = behind;
        }
        if !rest.is_empty() {
            tokens.push(Token::Literal(rest.to_owned()));
        }
        if !tokens.iter().any(|token| matches!(token, Token::Part { name: Name::Patient, .. })) {
            return Err("no part says whose the document is".into());
        }
        Ok(Pattern(tokens))
    }

    /// What a path says; `None` when it does not fit.
    pub fn entry(&self, path: &str) -> Option<Entry> {
        if path.len() > PATH_MAX {
            return None;
        }
        let fits = self.fits(path.as_bytes());
        let starts = std::iter::once(0).chain(memchr::memchr_iter(b'/', path.as_bytes()).map(|at| at + 1));
        let mut at = starts.into_iter().find(|at| fits[0][*at])?;
        let mut entry = Entry::default();
        for (number, token) in self.0.iter().enumerate() {
            match token {
                Token::Literal(literal) => at += literal.len(),
                Token::Part { name, width, date_format } => {
                    let least = width.unwrap_or(usize::from(*name != Name::Any));
                    let end = (at + least..=path.len()).find(|end| fits[number + 1][*end])?;
                    let text = path.get(at..end)?.to_owned();
                    match name {
                        Name::Patient => entry.patient = text,
                        Name::Date => (entry.date, entry.date_format) = (text, date_format.clone()),
                        Name::Type => entry.kind = text,
                        Name::Author => entry.author = text,
                        Name::Title => entry.title = text,
                        Name::Encounter => entry.encounter = text,
                        Name::Description => entry.description = text,
                        Name::Ext | Name::Any => {}
                    }
                    at = end;
                }
            }
        }
        Some(entry)
    }

    /// For each token and each place: whether the tokens from there on fit the rest of the path. Filled from the end, so
    /// the time is that of the table.
    fn fits(&self, path: &[u8]) -> Vec<Vec<bool>> {
        let mut fits = vec![vec![false; path.len() + 1]; self.0.len() + 1];
        fits[self.0.len()][path.len()] = true;
        for (number, token) in self.0.iter().enumerate().rev() {
            let (before, after) = fits.split_at_mut(number + 1);
            let (here, next) = (&mut before[number], &after[0]);
            for at in (0..=path.len()).rev() {
                here[at] = match token {
                    Token::Literal(literal) => {
                        let end = at + literal.len();
                        path.get(at..end).is_some_and(|bytes| bytes.eq_ignore_ascii_case(literal.as_bytes())) && next[end]
                    }
                    Token::Part { width: Some(width), .. } => {
                        path.get(at..at + width).is_some_and(|bytes| !bytes.contains(&b'/')) && next[at + width]
                    }
                    Token::Part { name, width: None, .. } => {
                        let goes_on = path.get(at).is_some_and(|byte| *byte != b'/');
                        (*name == Name::Any && next[at]) || (goes_on && (next[at + 1] || here[at + 1]))
                    }
                };
            }
        }
        fits
    }
}

/// The length of dates of this form, if all have the same.
fn fixed_width(format: &str) -> Option<usize> {
    let mut width = 0;
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        width += match c {
            '%' => match chars.next()? {
                'Y' => 4,
                'y' | 'm' | 'd' | 'H' | 'I' | 'M' | 'S' | 'p' => 2,
                'j' | 'b' => 3,
                _ => return None,
            },
            c => c.len_utf8(),
        };
    }
    // A form that cannot be used at all is found when it is first tried on a date of the right length.
    strtime::format(format, jiff::civil::date(2000, 1, 1).at(0, 0, 0, 0)).ok().map(|_| width)
}

//! A value of a message: a field, one repetition of it, a component or a subcomponent.
//!
//! One type for all four, since a value that does not split further is its own only repetition, component and
//! subcomponent: senders leave out whatever they can.
//!
//! Not for: types of values (times, names, codes), which are the mapper's.

use std::borrow::Cow;
use std::ops::Range;

use super::escape;
use super::syntax::Syntax;

#[derive(Clone, Copy)]
pub struct Value<'m> {
    raw: &'m str,
    /// Place of `raw` in the text of the message.
    start: usize,
    syntax: &'m Syntax,
}

impl<'m> Value<'m> {
    pub(super) fn new(raw: &'m str, start: usize, syntax: &'m Syntax) -> Value<'m> {
        Value { raw, start, syntax }
    }

    /// As it stands in the message, with its delimiters and escapes.
    pub fn raw(&self) -> &'m str {
        self.raw
    }

    /// Nothing stated: no text, or delimiters and spaces only.
    pub fn is_empty(&self) -> bool {
        let s = self.syntax;
        self.raw.bytes().all(|b| b == b' ' || b == s.repetition || b == s.component || b == s.sub)
    }

    /// Stated to be empty: `""`.
    pub fn is_null(&self) -> bool {
        self.raw.trim() == "\"\""
    }

    /// The first repetition's first component's first subcomponent, without escapes and outer spaces; empty for null.
    pub fn text(&self) -> Cow<'m, str> {
        if self.raw.is_empty() {
            return Cow::Borrowed("");
        }
        let s = self.syntax;
        let is_end = |b| b == s.repetition || b == s.component || b == s.sub;
        let far = |bytes: &[u8]| memchr::memchr3(s.repetition, s.component, s.sub, bytes);
        let end = find(self.raw.as_bytes(), is_end, far).unwrap_or(self.raw.len());
        let raw = self.raw[..end].trim();
        if raw == "\"\"" { Cow::Borrowed("") } else { escape::unescape(raw, s) }
    }

    /// All of it without escapes: delimiters stay where they are, and so do spaces. For text whose sender did not escape.
    pub fn whole(&self) -> Cow<'m, str> {
        if self.is_null() { Cow::Borrowed("") } else { escape::unescape(self.raw, self.syntax) }
    }

    pub fn repetitions(&self) -> impl Iterator<Item = Value<'m>> + use<'m> {
        Parts { rest: Some(*self), delimiter: self.syntax.repetition }
    }

    /// Component `n` of the first repetition, from 1.
    pub fn component(&self, n: usize) -> Value<'m> {
        let (component, repetition) = (self.syntax.component, self.syntax.repetition);
        let is_end = |b| b == component || b == repetition;
        let far = |bytes: &[u8]| memchr::memchr2(component, repetition, bytes);
        let (mut rest, mut start, mut before) = (self.raw, self.start, n);
        while !rest.is_empty() && before > 0 {
            let end = find(rest.as_bytes(), is_end, far);
            if before == 1 {
                return Value { raw: &rest[..end.unwrap_or(rest.len())], start, syntax: self.syntax };
            }
            let Some(at) = end.filter(|&at| rest.as_bytes()[at] == component) else { break };
            (rest, start, before) = (&rest[at + 1..], start + at + 1, before - 1);
        }
        Value { raw: "", start: self.start, syntax: self.syntax }
    }

    /// The components of the first repetition.
    pub fn components(&self) -> impl Iterator<Item = Value<'m>> + use<'m> {
        Parts { rest: Some(self.first(self.syntax.repetition)), delimiter: self.syntax.component }
    }

    /// Subcomponent `n` of the first component of the first repetition, from 1.
    pub fn sub(&self, n: usize) -> Value<'m> {
        self.component(1).part(self.syntax.sub, n)
    }

    /// The bytes of the message in which it stands; `None` when the message had to be transcoded, and for an absent value.
    pub fn span(&self) -> Option<Range<usize>> {
        let start = self.syntax.base? + self.start;
        (!self.raw.is_empty()).then(|| start..start + self.raw.len())
    }

    fn first(&self, delimiter: u8) -> Value<'m> {
        self.part(delimiter, 1)
    }

    fn part(&self, delimiter: u8, n: usize) -> Value<'m> {
        let nothing = Value { raw: "", start: self.start, syntax: self.syntax };
        let Some(before) = n.checked_sub(1).filter(|_| !self.raw.is_empty()) else { return nothing };
        Parts { rest: Some(*self), delimiter }.nth(before).unwrap_or(nothing)
    }
}

/// The pieces of a value between delimiters; at least one.
struct Parts<'m> {
    rest: Option<Value<'m>>,
    delimiter: u8,
}

impl<'m> Iterator for Parts<'m> {
    type Item = Value<'m>;

    fn next(&mut self) -> Option<Value<'m>> {
        let all = self.rest.take()?;
        let Some(at) = find(all.raw.as_bytes(), |b| b == self.delimiter, |far| memchr::memchr(self.delimiter, far)) else {
            return Some(all);
        };
        // Delimiters are ASCII, so both cuts are between characters.
        let (head, tail) = (&all.raw[..at], &all.raw[at + 1..]);
        self.rest = Some(Value { raw: tail, start: all.start + at + 1, syntax: all.syntax });
        Some(Value { raw: head, ..all })
    }
}

/// Most pieces end after a few characters, where a plain loop is quicker; `far` goes through what is longer.
#[inline]
fn find(bytes: &[u8], is_end: impl Fn(u8) -> bool, far: impl Fn(&[u8]) -> Option<usize>) -> Option<usize> {
    const NEAR: usize = 24;
    let (near, rest) = bytes.split_at(bytes.len().min(NEAR));
    near.iter().position(|&b| is_end(b)).or_else(|| if rest.is_empty() { None } else { Some(NEAR + far(rest)?) })
}

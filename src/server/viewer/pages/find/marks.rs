//! Which letters of what is shown of a patient were matched, so that they can be underlined.
//!
//! Not for: why he was found (`index`).

use crate::names::{fold, sound, tokens};
use crate::query::Matched;

/// A text in pieces, the matched ones told apart.
pub type Pieces = Vec<(String, bool)>;

/// What of a hit was matched.
pub struct Marks<'a>(pub &'a [Matched]);

impl Marks<'_> {
    /// A name of several parts, each marked from its start on.
    pub fn name(&self, text: &str) -> Pieces {
        let mut out = Pieces::new();
        let mut rest = text;
        while !rest.is_empty() {
            let is_part = |c: char| c.is_alphanumeric() || matches!(c, '\'' | '’' | '‘' | '`' | 'ʼ');
            let part = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
            let (part, after) = rest.split_at(part);
            let marked = self.letters(part);
            let cut = part.char_indices().nth(marked).map_or(part.len(), |(at, _)| at);
            push(&mut out, &part[..cut], true);
            push(&mut out, &part[cut..], false);
            let gap = after.find(is_part).unwrap_or(after.len());
            push(&mut out, &after[..gap], false);
            rest = &after[gap..];
        }
        out
    }

    /// How many letters of one part of a name are marked.
    fn letters(&self, part: &str) -> usize {
        if part.is_empty() {
            return 0;
        }
        let (all, forms) = (part.chars().count(), tokens(part));
        let of = |matched: &Matched| match matched {
            Matched::Name(name) if forms.contains(name) => all,
            Matched::Sound(heard) if forms.iter().any(|form| sound(form) == *heard) => all,
            // Folding may make two letters of one, so the start is measured folded.
            Matched::Start(start) if fold(part).starts_with(start.as_str()) => {
                (1..=all).find(|n| fold(&first(part, *n)).starts_with(start.as_str())).unwrap_or(all)
            }
            _ => 0,
        };
        self.0.iter().map(of).max().unwrap_or(0)
    }

    /// A birth date, `YYYY-MM-DD` or coarser.
    pub fn born(&self, text: &str) -> Pieces {
        let typed = |matched: &Matched| match matched {
            Matched::Born(digits) => digits.len(),
            _ => 0,
        };
        let digits = self.0.iter().map(typed).max().unwrap_or(0);
        let month = digits < 6 && self.0.contains(&Matched::BirthMonth);
        let to = match digits {
            8.. => 10,
            6.. => 7,
            4.. => 4,
            _ => 0,
        };
        let mut out = Pieces::new();
        for (at, letter) in text.char_indices() {
            push(&mut out, &text[at..at + letter.len_utf8()], at < to || month && (5..7).contains(&at));
        }
        out
    }

    /// A record number; the end of it alone where only that was typed.
    pub fn number(&self, text: &str) -> Pieces {
        let plain: String = fold(text).chars().filter(|c| c.is_alphanumeric()).collect();
        let mut out = Pieces::new();
        if self.0.iter().any(|it| matches!(it, Matched::Number(number) if *number == plain)) {
            push(&mut out, text, true);
            return out;
        }
        let end = self.0.iter().find_map(|it| match it {
            Matched::NumberEnd(end) if plain.ends_with(end.as_str()) => Some(end.chars().count()),
            _ => None,
        });
        let cut = end.and_then(|letters| {
            let mut marks = text.char_indices().rev().filter(|(_, c)| c.is_alphanumeric());
            marks.nth(letters.checked_sub(1)?).map(|(at, _)| at)
        });
        let (before, marked) = text.split_at(cut.unwrap_or(text.len()));
        push(&mut out, before, false);
        push(&mut out, marked, true);
        out
    }

    /// Whether a phone number that ends with these digits was matched.
    pub fn phone(&self, end: &str) -> bool {
        self.0.iter().any(|it| matches!(it, Matched::Phone(digits) if !end.is_empty() && digits.ends_with(end)))
    }

    /// Whether this identifier was matched, whatever it is.
    pub fn has_number(&self, text: &str) -> bool {
        self.number(text).iter().any(|(_, on)| *on)
    }
}

fn first(text: &str, letters: usize) -> String {
    text.chars().take(letters).collect()
}

fn push(out: &mut Pieces, piece: &str, on: bool) {
    match out.last_mut() {
        _ if piece.is_empty() => {}
        Some((last, was)) if *was == on => last.push_str(piece),
        _ => out.push((piece.to_string(), on)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(pieces: &Pieces) -> String {
        pieces.iter().map(|(text, on)| if *on { format!("[{text}]") } else { text.clone() }).collect()
    }

    #[test]
    fn matched_letters_are_told_apart() {
        let start = |text: &str| Matched::Start(text.into());
        let rows = [
            (vec![start("quill"), start("mari")], "Quillfeather, Marigold Anne", "[Quill]feather, [Mari]gold Anne"),
            (vec![Matched::Name("garcia".into())], "García-López, Ana", "[García]-López, Ana"),
            (vec![Matched::Name("obrien".into())], "O’Brien, Ann", "[O’Brien], Ann"),
            (vec![Matched::Sound(sound("smith"))], "Smyth, Jo", "[Smyth], Jo"),
            (vec![start("stras")], "Straße, Éa", "[Straß]e, Éa"),
            (vec![start("e")], "Éa", "[É]a"),
            (vec![], "", ""),
        ];
        for (matched, text, wanted) in rows {
            assert_eq!(shown(&Marks(&matched).name(text)), wanted);
        }
    }

    #[test]
    fn dates_and_numbers_are_marked_as_far_as_they_were_typed() {
        let born = |digits: &str| Matched::Born(digits.into());
        for (matched, text, wanted) in [
            (born("1957"), "1957-03-14", "[1957]-03-14"),
            (born("195703"), "1957-03-14", "[1957-03]-14"),
            (born("19570314"), "1957-03-14", "[1957-03-14]"),
            (Matched::BirthMonth, "1957-03-14", "1957-[03]-14"),
        ] {
            assert_eq!(shown(&Marks(&[matched]).born(text)), wanted);
        }
        for (matched, wanted) in [
            (Matched::Number("00481173".into()), "[0048-1173]"),
            (Matched::NumberEnd("1173".into()), "0048-[1173]"),
            (Matched::NumberEnd("81173".into()), "004[8-1173]"),
            (Matched::Number("1".into()), "0048-1173"),
        ] {
            assert_eq!(shown(&Marks(&[matched]).number("0048-1173")), wanted);
        }
        assert!(Marks(&[Matched::Phone("5550142".into())]).phone("0142"));
    }
}

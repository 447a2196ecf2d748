//! The most frequent texts of a column, in bounded memory (Misra and Gries: when there is no room, every count goes down
//! by one, so what occurs often stays).
//!
//! Not for: exact counts of rare texts.

use ahash::AHashMap;

/// Longest text that is kept, in bytes; longer ones are told apart by their beginning.
const TEXT_MAX: usize = 120;

/// Texts and how often they occurred.
#[derive(Clone)]
pub struct Top {
    counts: AHashMap<Box<str>, u64>,
    room: usize,
    is_exact: bool,
}

impl Top {
    pub fn new(room: usize) -> Top {
        Top { counts: AHashMap::new(), room, is_exact: true }
    }

    pub fn add(&mut self, text: &str) {
        let text = &text[..text.floor_char_boundary(TEXT_MAX)];
        if let Some(count) = self.counts.get_mut(text) {
            *count += 1;
        } else if self.counts.len() < self.room {
            self.counts.insert(text.into(), 1);
        } else {
            self.is_exact = false;
            self.counts.retain(|_, count| {
                *count -= 1;
                *count > 0
            });
        }
    }

    /// Whether every text was counted every time.
    pub fn is_exact(&self) -> bool {
        self.is_exact
    }

    /// The most frequent texts, most frequent first. Where not exact, counts are the least that is certain.
    pub fn most(&self, number: usize) -> Vec<(String, u64)> {
        let mut all: Vec<(&str, u64)> = self.counts.iter().map(|(text, count)| (&**text, *count)).collect();
        all.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        all.into_iter().take(number).map(|(text, count)| (text.to_string(), count)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_frequent_stays() {
        let mut top = Top::new(50);
        for n in 0..10_000 {
            top.add(&n.to_string());
            top.add(if n % 3 == 0 { "a" } else { "b" });
        }
        let names: Vec<String> = top.most(2).into_iter().map(|(text, _)| text).collect();
        assert_eq!((names, top.is_exact()), (vec!["b".to_string(), "a".to_string()], false));
    }
}

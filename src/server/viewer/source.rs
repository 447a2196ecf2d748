//! Source badges: which old system an item came from, in three letters and a hue, the same on every page.
//!
//! Not for: what a source held (the chart's coverage says that).

use askama::Template;

/// The source systems of the archive in their fixed order. The letters identify, the hue only helps.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    badges: Vec<Badge>,
}

/// One badge. Draws itself with its full name for pointer and screen reader.
#[derive(Clone, Debug, Template)]
#[template(path = "parts/badge.html")]
pub struct Badge {
    pub letters: String,
    /// 1 to 8; the first three are the tokens of the standard.
    pub hue: usize,
    pub name: String,
}

impl askama::filters::HtmlSafe for Badge {}

impl Sources {
    /// Badges for these systems, hue by order, letters made unique.
    pub fn from_names<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Sources {
        let mut sources = Sources::default();
        for name in names {
            sources.add(name.as_ref(), None);
        }
        sources
    }

    /// One more system, with the letters that the site chose for it.
    pub fn add(&mut self, name: &str, letters: Option<&str>) {
        if self.badges.iter().any(|b| b.name == name) {
            return;
        }
        let mut code = letters.map_or_else(|| letters_of(name), str::to_string);
        let mut n = 2;
        while self.badges.iter().any(|b| b.letters == code) {
            code = format!("{}{n}", code.chars().take(2).collect::<String>());
            n += 1;
        }
        self.badges.push(Badge { letters: code, hue: self.badges.len() % 8 + 1, name: name.to_string() });
    }

    pub fn badge(&self, name: &str) -> Badge {
        let known = self.badges.iter().find(|b| b.name == name);
        known.cloned().unwrap_or_else(|| Badge { letters: letters_of(name), hue: 8, name: name.to_string() })
    }

    /// The system of these letters.
    pub fn by_letters(&self, letters: &str) -> Option<Badge> {
        self.badges.iter().find(|b| b.letters == letters).cloned()
    }

    pub fn len(&self) -> usize {
        self.badges.len()
    }

    pub fn is_empty(&self) -> bool {
        self.badges.is_empty()
    }
}

/// Three letters out of a name: initials of three words, two letters and one of two, the first three of one.
fn letters_of(name: &str) -> String {
    let words: Vec<Vec<char>> = name
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| !w.is_empty())
        .map(|w| w.chars().flat_map(char::to_uppercase).collect())
        .collect();
    let letters: String = match words.as_slice() {
        [] => "SRC".to_string(),
        [one] => one.iter().take(if one.len() == 4 { 4 } else { 3 }).collect(),
        [a, b] => a.iter().take(2).chain(b.first()).collect(),
        [a, b, c, ..] => [a, b, c].iter().filter_map(|w| w.first()).collect(),
    };
    letters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_unique_and_hues_go_by_order() {
        let s = Sources::from_names(["Meridian Ambulatory", "Meridian Archive", "Harbor Inpatient Care", "PVS"]);
        let of = |n: &str| (s.badge(n).letters, s.badge(n).hue);
        assert_eq!(of("Meridian Ambulatory"), ("MEA".into(), 1));
        assert_eq!(of("Meridian Archive"), ("ME2".into(), 2));
        assert_eq!(of("Harbor Inpatient Care"), ("HIC".into(), 3));
        assert_eq!(of("PVS").0, "PVS");
        assert_eq!(of("<unknown>").0, "UNK");
    }
}

//! A page of a chart on paper: where it is asked for, so that printing has its own entry in the access log, and the way back.
//!
//! Not for: what changes on paper (the style sheets), or a document by itself (`pages::print`).

use super::html::url_part;

/// Of one page.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Paper {
    /// Where it is set for paper; `None` where this reader does not print.
    pub href: Option<String>,
    /// The way back, when it was asked for on paper.
    pub back: Option<String>,
}

impl Paper {
    /// For the page at this address: its path, and what its query asks for.
    pub fn of(path: &str, query: &[(String, String)]) -> Paper {
        let kept = query.iter().filter(|(name, _)| name != "print");
        let kept: Vec<String> = kept.map(|(name, value)| format!("{}={}", url_part(name), url_part(value))).collect();
        let asked = query.iter().any(|(name, value)| name == "print" && value == "1");
        let join = |parts: &[String]| if parts.is_empty() { path.to_string() } else { format!("{path}?{}", parts.join("&")) };
        let printed: Vec<String> = kept.iter().cloned().chain(["print=1".to_string()]).collect();
        Paper { href: (!asked).then(|| join(&printed)), back: asked.then(|| join(&kept)) }
    }

    pub fn is_asked(&self) -> bool {
        self.back.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_leads_to_itself_on_paper_and_back_with_all_that_it_was_asked_for() {
        let query = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect::<Vec<_>>();
        let screen = Paper::of("/patients/p/results", &query(&[("test", "a&b"), ("source", "MER")]));
        assert_eq!(screen.href.as_deref(), Some("/patients/p/results?test=a%26b&source=MER&print=1"));
        assert!(!screen.is_asked() && !Paper::of("/patients/p", &query(&[("print", "")])).is_asked());
        let paper = Paper::of("/patients/p/results", &query(&[("test", "a&b"), ("print", "1")]));
        assert_eq!((paper.href, paper.back.as_deref()), (None, Some("/patients/p/results?test=a%26b")));
        assert_eq!(Paper::of("/patients/p", &query(&[("print", "1")])).back.as_deref(), Some("/patients/p"));
    }
}

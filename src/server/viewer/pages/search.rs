//! Words found in a chart: hits with their snippets, and what could not be searched.
//!
//! Not for: searching (`query`).

use askama::Template;

use super::super::frame::Frame;
use super::super::html::url_part;
use super::super::source::Badge;
use super::super::table::Paging;
use super::super::text;
use super::{Shell, render};
use crate::model::Chart;
use crate::query::{TextHit, TextHits};

struct Hit {
    href: String,
    title: String,
    date: String,
    author: String,
    badge: Badge,
    snippet: Vec<(String, bool)>,
}

#[derive(Template)]
#[template(path = "search.html")]
struct Page<'a> {
    frame: &'a Frame,
    shell: Shell,
    q: &'a str,
    count: String,
    hits: Vec<Hit>,
    facets: Vec<(&'static str, Vec<(String, String)>)>,
    paging: Paging,
    not_searchable: Option<String>,
    find: String,
}

/// The page of hits. `offset` hits come before the first one given, `size` stand on a page.
pub fn search(frame: &Frame, chart: &Chart, q: &str, found: &TextHits, offset: usize, size: usize) -> String {
    let mut shell = Shell::new(frame, chart, None);
    shell.q = q.to_string();
    let base = shell.nav.base.clone();
    let href = |page| format!("{base}/search?q={}&page={page}", url_part(q));
    let facet = |name, facet: &crate::query::Facet| {
        (name, facet.values.iter().take(8).map(|(v, n)| (v.clone(), text::count(*n))).collect::<Vec<_>>())
    };
    let facets = [facet("Source", &found.sources), facet("Year", &found.years)];
    render(Page {
        frame,
        q,
        count: text::counted(found.total, "record contains it", "records contain it"),
        hits: found.hits.iter().map(|h| hit(frame, h, &base)).collect(),
        facets: facets.into_iter().filter(|(_, v)| !v.is_empty()).collect(),
        paging: Paging::of(offset, found.hits.len(), found.total, false, href, size),
        not_searchable: (found.not_searchable > 0).then(|| text::counted(found.not_searchable, "document", "documents")),
        find: format!("/?q={}", url_part(q)),
        shell,
    })
}

fn hit(frame: &Frame, hit: &TextHit, base: &str) -> Hit {
    Hit {
        href: format!("{base}/records/{}/{}", hit.kind, hit.id),
        title: hit.title.clone(),
        date: text::day(hit.date.as_deref()),
        author: hit.author.clone().unwrap_or_else(|| "author not recorded".into()),
        badge: frame.badge(&hit.source_system),
        snippet: pieces(&hit.snippet, &hit.marks),
    }
}

/// A snippet in pieces, the marked ones told apart. Ranges that do not fit the text are ignored.
fn pieces(snippet: &str, marks: &[std::ops::Range<usize>]) -> Vec<(String, bool)> {
    let (mut out, mut at) = (Vec::new(), 0);
    for m in marks {
        let (Some(before), Some(word)) = (snippet.get(at..m.start), snippet.get(m.clone())) else { continue };
        out.push((before.to_string(), false));
        out.push((word.to_string(), true));
        at = m.end;
    }
    out.push((snippet.get(at..).unwrap_or_default().to_string(), false));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_marks_do_no_harm() {
        let text =
            |p: Vec<(String, bool)>| p.into_iter().map(|(t, on)| if on { format!("[{t}]") } else { t }).collect::<String>();
        assert_eq!(text(pieces("für Metoprolol", &[5..15])), "für [Metoprolol]");
        assert_eq!(text(pieces("für", &[2..3, 9..12])), "für");
    }
}

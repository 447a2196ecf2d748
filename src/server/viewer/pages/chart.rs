//! The pages of a chart's sections, and the trend of one test.
//!
//! Not for: documents and single records (`document`, `record`).

use askama::Template;

use super::super::chart_nav::Section;
use super::super::frame::Frame;
use super::super::html::url_part;
use super::super::query::Query;
use super::super::sections::notes_list::Listing;
use super::super::sections::results::{OneTest, Sheet};
use super::super::sections::{self, Ask, Body};
use super::super::source::Badge;
use super::{Shell, render};
use crate::model::{Chart, KindCount};

#[derive(Template)]
#[template(path = "section.html")]
struct Listed<'a> {
    frame: &'a Frame,
    shell: Shell,
    heading: &'static str,
    body: Body,
    choice: Vec<SourceChoice>,
}

#[derive(Template)]
#[template(path = "results.html")]
struct Results<'a> {
    frame: &'a Frame,
    shell: Shell,
    heading: &'static str,
    href: String,
    sheet: Sheet,
    choice: Vec<SourceChoice>,
}

impl Results<'_> {
    /// The address of all tests, or of those with a value outside its range; a chosen source stays chosen.
    fn narrowed(&self, abnormal: bool) -> String {
        let source = self.sheet.source.as_ref().map(|letters| format!("source={}", url_part(letters)));
        let parts: Vec<String> = abnormal.then(|| "abnormal=1".to_string()).into_iter().chain(source).collect();
        if parts.is_empty() { self.href.clone() } else { format!("{}?{}", self.href, parts.join("&")) }
    }
}

#[derive(Template)]
#[template(path = "trend.html")]
struct TrendPage<'a> {
    frame: &'a Frame,
    shell: Shell,
    href: String,
    test: OneTest,
}

/// The page of a section; the summary is one of them. `chart.records` must cover [`Section::kinds`].
pub fn section(frame: &Frame, chart: &Chart, section: Section, query: &Query) -> String {
    let shell = Shell::new(frame, chart, Some(section));
    let base = shell.nav.base.clone();
    let href = if section == Section::Summary { base.clone() } else { format!("{base}/{}", section.slug()) };
    let narrowed = only(frame, chart);
    let chart = narrowed.as_ref().unwrap_or(chart);
    let ask = Ask { frame, chart, query, href: href.clone() };
    let end = shell.banner.end.clone();
    let heading = section.title();
    let body = match section {
        Section::Summary => return super::summary::summary(&ask, shell, &end),
        Section::Results | Section::Vitals => {
            let mut sheet = sections::results::sheet(&ask, &end, section == Section::Vitals);
            if let Some(words) = sections::capped(&ask, section.kinds_shown()) {
                sheet.fact = format!("{}, from {words} observations", sheet.fact);
            }
            let choice = choice(frame, chart, &href, &sheet.keep);
            return render(Results { frame, shell, heading, href, sheet, choice });
        }
        Section::Notes => return super::document::documents(frame, chart, &Listing::new(frame, chart, query, None, None)),
        Section::Problems => sections::problems::body(&ask),
        Section::Allergies => sections::allergies::body(&ask),
        Section::Medications => sections::medications::body(&ask),
        Section::Immunizations => sections::immunizations::body(&ask),
        Section::Encounters => sections::encounters::body(&ask),
        Section::Procedures => sections::procedures::body(&ask),
        Section::Origins => sections::origins::body(&ask),
        Section::Everything => sections::everything::body(&ask),
        other => sections::listed::body(&ask, other),
    };
    let mut body = body;
    if let Some(words) = sections::capped(&ask, section.kinds_shown()) {
        body.fact = if body.fact.is_empty() { words } else { format!("{} ({words})", body.fact) };
    }
    let choice = choice(frame, chart, &href, "");
    render(Listed { frame, shell, heading, body, choice })
}

/// The chart as one source holds it, when one was asked for: its records and counts.
pub fn only(frame: &Frame, chart: &Chart) -> Option<Chart> {
    let source = frame.only.as_deref()?;
    let mut narrowed = chart.clone();
    narrowed.records.retain(|record| *record.source_system == *source);
    if let Some(census) = &frame.census {
        narrowed.index.counts = census.kinds(Some(source)).into_iter().map(|(kind, count)| KindCount { kind, count }).collect();
    }
    Some(narrowed)
}

/// One choice of the source filter.
pub struct SourceChoice {
    /// `None`: all sources.
    pub badge: Option<Badge>,
    pub href: String,
    pub current: bool,
}

/// "All sources | MER | HBI"; none where the chart has one source. `keep` is what else of the address stays, from `&` on.
pub fn choice(frame: &Frame, chart: &Chart, href: &str, keep: &str) -> Vec<SourceChoice> {
    let sources = chart.index.coverage.iter().map(|c| frame.badge(&c.source_system));
    let every = keep.strip_prefix('&').map_or(href.to_string(), |keep| format!("{href}?{keep}"));
    let all = SourceChoice { badge: None, href: every, current: frame.only.is_none() };
    let one = |badge: Badge| SourceChoice {
        href: format!("{href}?source={}{keep}", url_part(&badge.letters)),
        current: frame.only.as_ref() == Some(&badge.name),
        badge: Some(badge),
    };
    let found: Vec<_> = std::iter::once(all).chain(sources.map(one)).collect();
    if found.len() > 2 { found } else { Vec::new() }
}

/// The trend of one code with its values as a table, `?page=` of them. `None` when the chart holds no such code; `chart.records` must
/// cover the kinds of [`Section::Results`].
pub fn trend(frame: &Frame, chart: &Chart, code: &str, query: &Query) -> Option<String> {
    let shell = Shell::new(frame, chart, Some(Section::Results));
    let href = format!("{}/results", shell.nav.base);
    let ask = Ask { frame, chart, query, href: href.clone() };
    let test = sections::results::one(&ask, &shell.banner.end, code)?;
    Some(render(TrendPage { frame, shell, href, test }))
}

//! The summary of a chart: the panels that a clinician looks at first, of all sources or of one.
//!
//! Not for: what each panel lists (`sections`), or the timeline, which the strip leads to (`timeline`).

use askama::Template;

use super::super::banner::End;
use super::super::chart_nav::{self, Section};
use super::super::fhir;
use super::super::frame::Frame;
use super::super::html::{Markup, escape, url_part};
use super::super::panel::Panel;
use super::super::sections::{self, Ask};
use super::super::source::Badge;
use super::super::table::{Cell, Row, Table};
use super::super::text;
use super::{Shell, render};
use crate::model::Chart;

/// Vaccines that the summary names; the others are behind the link.
const VACCINES: usize = 6;

#[derive(Template)]
#[template(path = "summary.html")]
struct Summary<'a> {
    frame: &'a Frame,
    shell: Shell,
    fact: String,
    choices: Vec<Choice>,
    strip: Panel,
    results: Panel,
    problems: Panel,
    medications: Panel,
    documents: Panel,
    allergies: Panel,
    immunizations: Panel,
}

/// One source in the choice above the panels; without a badge: all of them.
struct Choice {
    badge: Option<Badge>,
    href: String,
    current: bool,
}

/// The page. `source=` in its address, by the letters of a badge, leaves that source's records alone.
pub fn summary(ask: &Ask<'_>, shell: Shell, end: &End) -> String {
    let index = &ask.chart.index;
    let badges: Vec<Badge> = index.coverage.iter().map(|c| ask.frame.badge(&c.source_system)).collect();
    let chosen = ask.query.get("source").and_then(|letters| badges.iter().find(|badge| badge.letters == letters)).cloned();
    let narrowed = chosen.as_ref().map(|badge| of_source(ask.chart, badge));
    let of_one = narrowed.as_ref().map(|chart| Ask { frame: ask.frame, chart, query: ask.query, href: ask.href.clone() });
    let shown = of_one.as_ref().unwrap_or(ask);
    let held = |section: Section| chart_nav::held(index, section.kinds_shown());
    let page = Summary {
        frame: ask.frame,
        fact: fact(ask.chart, chosen.as_ref(), end),
        choices: choices(&ask.href, badges, chosen.as_ref()),
        strip: sections::encounters::strip(shown, end, held(Section::Encounters))
            .link("Open timeline", format!("{}/timeline", ask.href)),
        results: sections::results::summary(shown, end).class("wide-2"),
        problems: sections::problems::summary(shown, held(Section::Problems)),
        medications: sections::medications::summary(shown, held(Section::Medications)),
        documents: sections::notes::summary(shown, held(Section::Notes)),
        allergies: Panel { note: contradiction(shown), ..sections::allergies::summary(shown) },
        immunizations: immunizations(shown, held(Section::Immunizations)),
        shell,
    };
    render(page)
}

/// The chart as one source holds it. Counts stay those of the whole chart, to which the links of the panels lead.
fn of_source(chart: &Chart, badge: &Badge) -> Chart {
    let mut index = chart.index.clone();
    index.coverage.retain(|c| *c.source_system == *badge.name);
    let records = chart.records.iter().filter(|record| *record.source_system == *badge.name).cloned().collect();
    Chart { index, records }
}

fn fact(chart: &Chart, chosen: Option<&Badge>, end: &End) -> String {
    let index = &chart.index;
    let when = if end.known { format!("on {}", end.day) } else { "at its last record".into() };
    let systems = match (chosen, index.coverage.len()) {
        (Some(badge), _) => badge.name.clone(),
        (None, 1) => "one old system".to_string(),
        (None, 2) => "two old systems".to_string(),
        (None, 3) => "three old systems".to_string(),
        (None, n) => format!("{n} old systems"),
    };
    let of_source = |badge: &Badge| index.coverage.iter().find(|c| *c.source_system == *badge.name).map_or(0, |c| c.records);
    let records = chosen.map_or_else(|| chart_nav::held_in_all(index), of_source);
    format!("What {systems} held {when}. {}. Nothing here is updated.", text::counted(records, "record", "records"))
}

fn choices(href: &str, badges: Vec<Badge>, chosen: Option<&Badge>) -> Vec<Choice> {
    if badges.len() < 2 {
        return badges.into_iter().map(|badge| Choice { badge: Some(badge), href: href.to_string(), current: true }).collect();
    }
    let all = Choice { badge: None, href: href.to_string(), current: chosen.is_none() };
    let one = |badge: Badge| Choice {
        href: format!("{href}?source={}", url_part(&badge.letters)),
        current: chosen.is_some_and(|chosen| chosen.name == badge.name),
        badge: Some(badge),
    };
    std::iter::once(all).chain(badges.into_iter().map(one)).collect()
}

/// Said where one record states that there is no allergy and another names one.
fn contradiction(ask: &Ask<'_>) -> Markup {
    let items = fhir::items(ask.chart, &["AllergyIntolerance"]);
    let active: Vec<_> =
        items.iter().map(|item| (sections::allergies::View::of(item), item)).filter(|(view, _)| view.is_active()).collect();
    let denies = active.iter().find(|(view, _)| view.none_known);
    let Some((_, item)) = denies.filter(|_| active.iter().any(|(view, _)| !view.none_known)) else {
        return Markup::default();
    };
    let when = fhir::date_of(item.root());
    Markup::trusted(format!(
        r#"<p class="hint"><span class="tag caution">Sources differ</span> {} also lists “no known allergies” ({}). Both are kept.</p>"#,
        escape(&ask.frame.badge(&item.record.source_system).letters),
        escape(&text::day(when.as_deref()))
    ))
}

/// Each vaccine by its newest dose, with how many are recorded.
fn immunizations(ask: &Ask<'_>, total: u64) -> Panel {
    let items = fhir::named_items(ask.chart, &ask.frame.names, &["Immunization"]);
    let mut vaccines: Vec<(String, &fhir::Item<'_>, u64)> = Vec::new();
    for item in items.iter().filter(|item| item.root().at("status").text().as_deref() != Some("not-done")) {
        let name = fhir::concept(item.root().at("vaccineCode")).unwrap_or_else(|| "Vaccine not recorded".into());
        match vaccines.iter_mut().find(|(known, ..)| *known == name) {
            Some((_, _, doses)) => *doses += 1,
            None => vaccines.push((name, item, 1)),
        }
    }
    let row = |(name, item, doses): &(String, &fhir::Item<'_>, u64)| {
        let when = fhir::date_of(item.root()).or_else(|| item.root().at("occurrenceString").text());
        let sub = (*doses > 1).then(|| format!("{} recorded, newest shown", text::count(*doses)));
        Row::new(vec![
            Cell::main(Some(name.clone()), Some(item.href()), sub),
            Cell::day(when.as_deref()),
            Cell::Badge(ask.frame.badge(&item.record.source_system)),
        ])
    };
    let columns = [("Vaccine", ""), ("Newest", "date"), ("Source", "src")];
    let sources: Vec<&str> = ask.chart.index.coverage.iter().map(|c| &*c.source_system).collect();
    let empty = match sources.is_empty() {
        true => "No immunizations in this archive.".to_string(),
        false => format!("No immunizations from {}. Nothing of this kind was delivered for this patient.", sources.join(", ")),
    };
    let fact = if vaccines.is_empty() { String::new() } else { text::counted(vaccines.len() as u64, "vaccine", "vaccines") };
    let rows = vaccines.iter().take(VACCINES).map(row).collect();
    Panel::of_table("Immunizations", fact, Table::new("Immunizations, newest dose of each", &columns, empty).rows(rows))
        .link(format!("All {}", text::count(total)), format!("{}/immunizations", ask.href))
}

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
use super::chart::{SourceChoice, choice};
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
    choice: Vec<SourceChoice>,
    strip: Panel,
    results: Panel,
    problems: Panel,
    medications: Panel,
    documents: Panel,
    allergies: Panel,
    immunizations: Panel,
}

/// The page. `ask.chart` is what the chosen source holds, where one was chosen.
pub fn summary(ask: &Ask<'_>, shell: Shell, end: &End) -> String {
    let index = &ask.chart.index;
    let held = |section: Section| chart_nav::held(index, section.kinds_shown());
    let chosen = ask.frame.only.as_deref().map(|source| ask.frame.badge(source));
    // What a panel leads to is of the same source.
    let kept = |mut panel: Panel| {
        if let (Some((_, href)), Some(badge)) = (&mut panel.link, &chosen) {
            href.push_str(&format!("?source={}", url_part(&badge.letters)));
        }
        panel
    };
    let strip = sections::encounters::strip(ask, end, held(Section::Encounters));
    let page = Summary {
        frame: ask.frame,
        fact: fact(ask.chart, chosen.as_ref(), end),
        choice: choice(ask.frame, ask.chart, &ask.href, ""),
        strip: strip.link("Open timeline", format!("{}/timeline", ask.href)),
        results: kept(sections::results::summary(ask, end).class("wide-2")),
        problems: kept(sections::problems::summary(ask, held(Section::Problems))),
        medications: kept(sections::medications::summary(ask, held(Section::Medications))),
        documents: kept(sections::notes::summary(ask, held(Section::Notes))),
        allergies: kept(Panel { note: contradiction(ask), ..sections::allergies::summary(ask) }),
        immunizations: kept(immunizations(ask, held(Section::Immunizations))),
        shell,
    };
    render(page)
}

fn fact(chart: &Chart, chosen: Option<&Badge>, end: &End) -> String {
    let when = if end.known { format!("on {}", end.day) } else { "at its last record".into() };
    let systems = match (chosen, chart.index.coverage.len()) {
        (Some(badge), _) => badge.name.clone(),
        (None, 1) => "one old system".to_string(),
        (None, 2) => "two old systems".to_string(),
        (None, 3) => "three old systems".to_string(),
        (None, n) => format!("{n} old systems"),
    };
    let records = text::counted(chart_nav::held_in_all(&chart.index), "record", "records");
    format!("What {systems} held {when}. {records}. Nothing here is updated.")
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
    let empty = match items.len() as u64 {
        0 => sections::nothing(ask, Section::Immunizations, "immunizations"),
        refused => format!("None recorded as given; {} of one not given.", text::counted(refused, "record", "records")).into(),
    };
    let fact = if vaccines.is_empty() { String::new() } else { text::counted(vaccines.len() as u64, "vaccine", "vaccines") };
    let rows = vaccines.iter().take(VACCINES).map(row).collect();
    Panel::of_table("Immunizations", fact, Table::new("Immunizations, newest dose of each", &columns, empty).rows(rows))
        .link(format!("All {}", text::count(total)), format!("{}/immunizations", ask.href))
}

//! The timeline: years at the side, the encounters of the open year, and what belongs to each, as the sources tied it.
//!
//! List and drawing are made of the same encounters, or of procedures where these were asked for. What names no encounter is tied
//! to none: the archive does not guess.
//! Not for: reading (`server::pages::timeline`), or the strip of the summary (`sections::encounters`).

mod asked;
mod belongs;
mod rail;
mod visit;

use std::collections::HashMap;

use askama::Template;

pub use asked::{Asked, YearRead, belongs_to};
pub use belongs::KINDS;
use belongs::{Group, Listed, Thing};
use rail::{Rail, Row, rail};
use visit::{Setting, Visit};

use super::banner::End;
use super::chart_nav::Section;
use super::fhir;
use super::frame::Frame;
use super::html::{Markup, url_part};
use super::pages::chart::{SourceChoice, choice, only};
use super::pages::{Shell, render};
use super::query::Query;
use super::source::Badge;
use super::table::Paging;
use super::text;
use crate::model::Chart;

/// Encounters on one page of a year.
const PAGE: usize = 40;

#[derive(Template)]
#[template(path = "timeline.html")]
struct Page<'a> {
    frame: &'a Frame,
    shell: Shell,
    fact: String,
    choices: Vec<Choice>,
    choice: Vec<SourceChoice>,
    /// What the rail and the list have: encounters or procedures.
    what: &'static str,
    rail: Rail,
    year: Year,
    empty: String,
}

/// One kind of encounter in the choice above the list.
struct Choice {
    words: String,
    href: String,
    current: bool,
}

/// The open year.
struct Year {
    title: String,
    fact: String,
    earlier: Option<(i32, String)>,
    later: Option<(i32, String)>,
    entries: Vec<Entry>,
    paging: Paging,
    /// Said of records that are tied to no encounter, or to one of another year.
    untied: Option<Untied>,
    elsewhere: Option<String>,
    /// Between which days records of these encounters were looked for, where not in the whole chart.
    around: Option<String>,
    partly: Option<String>,
}

struct Untied {
    words: String,
    title: String,
    href: String,
    groups: Option<Vec<Listed>>,
}

/// One encounter of the year.
struct Entry {
    href: String,
    date: text::Date,
    until: Option<String>,
    setting: Setting,
    badge: Badge,
    title: String,
    place: String,
    reason: Option<String>,
    part_of: Option<String>,
    tally: Vec<String>,
    record: String,
    /// Its groups, when it is open.
    groups: Option<Vec<Listed>>,
}

impl Entry {
    fn shape(&self) -> Markup {
        let hue = self.badge.hue;
        let drawn = match self.setting {
            Setting::Stay => format!(r#"<rect class="f{hue}" x="1" y="4" width="12" height="8"/>"#),
            Setting::Emergency => format!(r#"<path class="f{hue}" d="M7 3l5.5 10h-11z"/>"#),
            Setting::Visit => format!(r#"<rect class="f{hue}" x="5.5" y="1" width="3" height="14"/>"#),
            Setting::Procedure => format!(r#"<path class="f{hue}" d="M7 2l5.5 6l-5.5 6l-5.5 -6z"/>"#),
        };
        Markup::trusted(format!(
            r#"<svg class="shape" width="14" height="16" viewBox="0 0 14 16" aria-hidden="true">{drawn}</svg>"#
        ))
    }
}

/// The page. `chart.records` must hold the encounters, the procedures where these were asked for, and the records of [`KINDS`]
/// that lie in the asked year or belong to its encounters.
pub fn timeline(frame: &Frame, chart: &Chart, query: &Query, read: YearRead) -> String {
    let shell = Shell::new(frame, chart, Section::from_slug("timeline"));
    let end = shell.banner.end.clone();
    let narrowed = only(frame, chart);
    let made = Maker::new(frame, narrowed.as_ref().unwrap_or(chart), query, read);
    render(made.page(shell, &end))
}

/// Everything that the page is made of.
struct Maker<'a> {
    frame: &'a Frame,
    chart: &'a Chart,
    query: &'a Query,
    asked: Asked,
    setting: Option<Setting>,
    /// Newest first, those without a date last.
    visits: Vec<Visit<'a>>,
    procedures: Vec<Visit<'a>>,
    things: Vec<Thing<'a>>,
    /// Place of each encounter among the visits, by id.
    at: HashMap<String, usize>,
    read: YearRead,
}

impl<'a> Maker<'a> {
    fn new(frame: &'a Frame, chart: &'a Chart, query: &'a Query, read: YearRead) -> Maker<'a> {
        let listed = |kind: &str, of: fn(fhir::Item<'a>) -> Visit<'a>| {
            let mut listed: Vec<Visit<'a>> = fhir::named_items(chart, &frame.names, &[kind]).into_iter().map(of).collect();
            listed.sort_by_key(|visit| std::cmp::Reverse(visit.us.unwrap_or(i64::MIN)));
            listed
        };
        let (visits, procedures) = (listed("Encounter", Visit::of), listed("Procedure", Visit::of_procedure));
        let at = visits.iter().enumerate().map(|(at, visit)| (visit.id().to_string(), at)).collect();
        let things = fhir::named_items(chart, &frame.names, &KINDS).into_iter().map(Thing::of).collect();
        let setting = query.get("setting").and_then(Setting::from_code);
        Maker { frame, chart, query, asked: Asked::of(chart, query), setting, visits, procedures, things, at, read }
    }

    fn is_of_procedures(&self) -> bool {
        self.setting == Some(Setting::Procedure)
    }

    /// What was asked for: encounters of all kinds, or procedures.
    fn listed(&self) -> &[Visit<'a>] {
        if self.is_of_procedures() { &self.procedures } else { &self.visits }
    }

    fn page(&self, shell: Shell, end: &End) -> Page<'a> {
        let index = &self.chart.index;
        let chosen = match self.asked {
            Asked::Year(year) => Some(year),
            Asked::Undated => None,
        };
        let passes = |visit: &&Visit<'_>| self.setting.is_none_or(|setting| visit.setting == setting);
        let held = super::chart_nav::held(index, &["Encounter"]);
        let read = self.visits.len() as u64;
        let ends = (self.visits.iter().rev().find_map(Visit::year), self.visits.first().and_then(|visit| visit.from.as_deref()));
        let span = match ends {
            (Some(first), Some(last)) => format!(", {first} to {}", text::date(last).day),
            _ => String::new(),
        };
        let counted = match read < held {
            true => format!("The newest {} of {} encounters", text::count(read), text::count(held)),
            false => text::counted(held, "encounter", "encounters"),
        };
        let drawn: Vec<Visit<'_>> = match self.setting {
            None => Vec::new(),
            Some(_) => self.visits.iter().filter(passes).map(|visit| Visit::of(fhir::Item::new(visit.item.record))).collect(),
        };
        let drawn = match self.setting {
            None | Some(Setting::Procedure) => self.listed(),
            Some(_) => &drawn,
        };
        Page {
            frame: self.frame,
            fact: format!("{counted}{span}, and what belongs to them"),
            choices: self.choices(),
            choice: choice(self.frame, self.chart, &self.base(), &self.setting_kept()),
            what: if self.is_of_procedures() { "procedures" } else { "encounters" },
            rail: rail(
                drawn,
                &index.coverage,
                end,
                chosen,
                if self.is_of_procedures() { "no procedures" } else { "no encounters" },
                &|year| self.address(year, ""),
            ),
            year: self.year(),
            empty: match held {
                0 => "No encounters in this archive for this patient. Notes, results and orders are in their sections.".into(),
                _ => String::new(),
            },
            shell,
        }
    }

    fn base(&self) -> String {
        format!("/patients/{}/timeline", self.chart.index.patient)
    }

    /// The address of a year, with what else is asked there.
    fn address(&self, year: &str, rest: &str) -> String {
        format!("{}?year={year}{}{}{rest}", self.base(), self.source_kept(), self.setting_kept())
    }

    fn setting_kept(&self) -> String {
        self.setting.map_or(String::new(), |setting| format!("&setting={}", setting.code()))
    }

    fn source_kept(&self) -> String {
        let letters = self.frame.only.as_deref().map(|only| self.frame.badge(only).letters);
        letters.map_or(String::new(), |letters| format!("&source={}", url_part(&letters)))
    }

    fn choices(&self) -> Vec<Choice> {
        let year = format!("{}?year={}{}", self.base(), self.asked.code(), self.source_kept());
        let all = Choice { words: "All".into(), href: year.clone(), current: self.setting.is_none() };
        let count = |setting: Setting| match setting {
            Setting::Procedure => super::chart_nav::held(&self.chart.index, &["Procedure"]),
            other => self.visits.iter().filter(|visit| visit.setting == other).count() as u64,
        };
        let of = |setting: Setting| Choice {
            words: format!("{} {}", setting.title(), text::count(count(setting))),
            href: format!("{year}&setting={}", setting.code()),
            current: self.setting == Some(setting),
        };
        std::iter::once(all).chain(Setting::ALL.into_iter().chain([Setting::Procedure]).map(of)).collect()
    }

    /// Whether an encounter is of the open year.
    fn is_here(&self, visit: &Visit<'_>) -> bool {
        self.asked.holds(visit)
    }

    fn year(&self) -> Year {
        let all: Vec<&Visit<'a>> = self.listed().iter().filter(|visit| self.is_here(visit)).collect();
        let shown: Vec<&Visit<'a>> =
            all.iter().copied().filter(|visit| self.setting.is_none_or(|setting| visit.setting == setting)).collect();
        let own = self.by_visit();
        let open = self.query.get("encounter");
        // The page that holds the open encounter, unless another was asked for.
        let of_open = || shown.iter().position(|visit| Some(visit.id()) == open).map(|at| at / PAGE + 1);
        let page = self.query.number("page").or_else(of_open).unwrap_or(1).clamp(1, shown.len().div_ceil(PAGE).max(1));
        let start = (page - 1) * PAGE;
        let entries: Vec<Entry> =
            shown.iter().skip(start).take(PAGE).map(|visit| self.entry(visit, own.get(visit.id()), page, open)).collect();
        let code = self.asked.code();
        let paging = Paging::of(
            start,
            entries.len(),
            shown.len() as u64,
            false,
            |page| self.address(&code, &format!("&page={page}")),
            PAGE,
        );
        let (untied, elsewhere) = self.outside();
        let what = if self.is_of_procedures() { "Procedures" } else { "Encounters" };
        let belonging: usize = all.iter().filter_map(|visit| own.get(visit.id())).map(Vec::len).sum();
        let fact = self.counted(&all, belonging);
        let (earlier, later) = self.neighbours();
        Year {
            title: match self.asked {
                Asked::Year(year) => year.to_string(),
                Asked::Undated => "Date not recorded".into(),
            },
            fact,
            earlier,
            later,
            entries,
            paging: Paging { words: paging.words.replacen("Rows", what, 1), ..paging },
            untied,
            elsewhere,
            around: self.read.span.filter(|_| !self.is_of_procedures()).map(|(from, until)| {
                let (from, until) = (text::day_of(from), text::day_of(until));
                format!("In a chart of this size, what belongs to these encounters is looked for from {from} to {until}.")
            }),
            partly: (self.read.passed_over > 0).then(|| {
                format!(
                    "This year has more records than one page reads: {} older ones are not counted here. Their sections hold them.",
                    text::count(self.read.passed_over)
                )
            }),
        }
    }

    /// "16 encounters: 1 hospital stay, 15 clinic and other. 402 records belong to them."
    fn counted(&self, all: &[&Visit<'_>], belonging: usize) -> String {
        if self.is_of_procedures() {
            return text::counted(all.len() as u64, "procedure", "procedures");
        }
        let kinds = Setting::ALL.map(|s| (s, all.iter().filter(|v| v.setting == s).count()));
        let kinds: Vec<String> = kinds.into_iter().filter(|(_, n)| *n > 0).map(|(s, n)| s.counted(n)).collect();
        let mut fact = text::counted(all.len() as u64, "encounter", "encounters");
        if kinds.len() > 1 {
            fact = format!("{fact}: {}", kinds.join(", "));
        }
        let belonging = text::counted(belonging as u64, "record belongs", "records belong");
        if all.is_empty() { fact } else { format!("{fact}. {belonging} to them.") }
    }

    /// The records of each encounter, by its id.
    fn by_visit(&self) -> HashMap<&str, Vec<&Thing<'a>>> {
        let mut own: HashMap<&str, Vec<&Thing<'a>>> = HashMap::new();
        for thing in &self.things {
            for id in &thing.encounters {
                own.entry(id).or_default().push(thing);
            }
        }
        own
    }

    fn entry(&self, visit: &Visit<'a>, own: Option<&Vec<&Thing<'a>>>, page: usize, open: Option<&str>) -> Entry {
        let things: &[&Thing<'a>] = own.map_or(&[], Vec::as_slice);
        let is_open = open == Some(visit.id());
        let code = self.asked.code();
        let at_page = if page > 1 { format!("&page={page}") } else { String::new() };
        let opened = self.address(&code, &format!("{at_page}&encounter={}", url_part(visit.id())));
        let groups = || {
            let href = format!("{opened}&all=");
            belongs::listed(self.frame, &self.chart.index, things, self.query.get("all"), &href)
        };
        let part = if self.is_of_procedures() { "in" } else { "part of" };
        let part_of = visit.part_of.as_ref().and_then(|id| self.visits.get(*self.at.get(id)?)).map(|whole| {
            format!("{part} {} of {}", whole.what.as_deref().unwrap_or("the encounter"), text::day(whole.from.as_deref()))
        });
        let place = [visit.place.clone(), visit.with.clone()].into_iter().flatten().collect::<Vec<_>>().join(", ");
        Entry {
            href: match (visit.setting, is_open) {
                (Setting::Procedure, _) => visit.item.href(),
                (_, true) => self.address(&code, &at_page),
                (_, false) => format!("{opened}#open"),
            },
            date: match visit.from.as_deref().or(visit.to.as_deref()) {
                Some(date) => text::date(date),
                None => text::Date { day: "date not recorded".into(), time: None },
            },
            until: visit.until(),
            setting: visit.setting,
            badge: self.frame.badge(&visit.item.record.source_system),
            title: visit.title(),
            place: if place.is_empty() { "place not recorded".into() } else { place },
            reason: visit.reason.clone(),
            part_of,
            tally: belongs::tallied(things),
            record: visit.item.href(),
            groups: (is_open && !self.is_of_procedures()).then(groups),
        }
    }

    /// What is dated in the open year and belongs to none of its encounters: tied to none at all, or to one of another year or
    /// one that is not here.
    fn outside(&self) -> (Option<Untied>, Option<String>) {
        let Asked::Year(year) = self.asked else { return (None, None) };
        let of_year = || self.things.iter().filter(move |thing| thing.year() == Some(year));
        let untied: Vec<&Thing<'a>> = of_year().filter(|thing| thing.encounters.is_empty()).collect();
        let (mut other_year, mut missing) = (0_u64, 0_u64);
        for thing in of_year().filter(|thing| !thing.encounters.is_empty()) {
            let known: Vec<_> = thing.encounters.iter().filter_map(|id| self.visits.get(*self.at.get(id)?)).collect();
            match known.iter().any(|visit| self.is_here(visit)) {
                true => {}
                false if known.is_empty() => missing += 1,
                false => other_year += 1,
            }
        }
        let mut words = Vec::new();
        if other_year > 0 {
            words
                .push(format!("{} to encounters of another year", text::counted(other_year, "record belongs", "records belong")));
        }
        if missing > 0 {
            words.push(format!(
                "{} an encounter that is not in this archive",
                text::counted(missing, "record names", "records name")
            ));
        }
        let elsewhere = (!words.is_empty()).then(|| format!("Of {year}, {}.", words.join(", and ")));
        if untied.is_empty() {
            return (None, elsewhere);
        }
        let code = year.to_string();
        let is_open = self.query.get("untied").is_some();
        let href = self.address(&code, "&untied=1");
        let groups = is_open
            .then(|| belongs::listed(self.frame, &self.chart.index, &untied, self.query.get("all"), &format!("{href}&all=")));
        let told = Untied {
            words: belongs::tallied(&untied).join(", "),
            title: format!("Not tied to any encounter in {year}:"),
            href: if is_open { self.address(&code, "") } else { format!("{href}#open") },
            groups,
        };
        (Some(told), elsewhere)
    }

    /// The nearest years with encounters before and after the open one.
    fn neighbours(&self) -> (Option<YearLink>, Option<YearLink>) {
        let years = || self.listed().iter().filter_map(Visit::year);
        let link = |year: i32| (year, self.address(&year.to_string(), ""));
        match self.asked {
            Asked::Year(open) => {
                (years().filter(|year| *year < open).max().map(link), years().filter(|year| *year > open).min().map(link))
            }
            Asked::Undated => (None, years().min().map(link)),
        }
    }
}

/// A year and the address at which it is open.
type YearLink = (i32, String);

#[cfg(test)]
mod tests;

//! Problems and diagnoses (`Condition`): what, since when, until when, with the status that the source gave.
//!
//! The summary has the active ones in the order of the weight that the source gave them: by severity, then what stood on its
//! problem list, then what it calls a disorder before what it calls a finding or a situation; then the newest first.
//!
//! Not for: deciding what is still active; "active at cutover" is the source's own word.

use super::super::alike::{self, Alike, Moment, Traits, What};
use super::super::fhir::{self, Item};
use super::super::panel::Panel;
use super::super::table::{Cell, Row, Table};
use super::super::text;
use super::{Ask, Body, LOOK_THE_SAME, Section, nothing, tally};

/// Problems on the summary.
const ROWS: usize = 9;

struct View<'a> {
    item: Item<'a>,
    name: Option<String>,
    since: Option<String>,
    ended: Option<String>,
    status: Option<String>,
    verification: Option<String>,
    category: Option<String>,
}

impl<'a> View<'a> {
    fn of(item: Item<'a>) -> View<'a> {
        let root = item.root();
        let onset = ["onsetDateTime", "onsetString"].iter().find_map(|k| root.at(k).text());
        let onset = onset.or_else(|| root.at("onsetPeriod").at("start").text());
        View {
            name: fhir::concept(root.at("code")),
            since: onset.or_else(|| root.at("recordedDate").text()),
            ended: root.at("abatementDateTime").text().or_else(|| root.at("abatementPeriod").at("end").text()),
            status: fhir::code(root.at("clinicalStatus")).or_else(|| fhir::concept(root.at("clinicalStatus"))),
            verification: fhir::code(root.at("verificationStatus")).filter(|v| v != "confirmed"),
            category: root.at("category").first().value().and_then(|v| fhir::concept(fhir::Node::new(v))),
            item,
        }
    }

    fn traits(&self) -> Traits {
        Traits {
            what: What::of(self.item.root().at("code")),
            moment: Moment::Since { onset: self.since.clone(), is_open: self.is_active() },
            source: self.item.record.source_system.to_string(),
            facts: vec![
                ("status", self.status.clone()),
                ("verification", self.verification.clone()),
                ("since", self.since.clone()),
                ("end", self.ended.clone()),
            ],
        }
    }

    fn is_active(&self) -> bool {
        matches!(self.status.as_deref(), Some("active" | "recurrence" | "relapse"))
    }

    /// How heavily the source took it; less is heavier.
    fn weight(&self) -> (u8, bool, bool) {
        let root = self.item.root();
        let severity = root.at("severity");
        let words = fhir::concept(severity).unwrap_or_default().to_lowercase();
        let is = |codes: &str, word: &str| fhir::code(severity).as_deref() == Some(codes) || words.contains(word);
        let severity = match () {
            () if is("24484000", "severe") => 0,
            () if is("6736007", "moderate") => 1,
            () if is("255604002", "mild") => 3,
            () => 2,
        };
        let on_list = root.at("category").items().any(|c| fhir::code(c).as_deref() == Some("problem-list-item"));
        let name = self.name.as_deref().unwrap_or_default();
        (severity, !on_list, name.ends_with("(finding)") || name.ends_with("(situation)"))
    }

    fn is_refuted(&self) -> bool {
        matches!(self.verification.as_deref(), Some("entered-in-error" | "refuted"))
    }
}

fn views<'a>(ask: &Ask<'a>) -> Vec<View<'a>> {
    ask.items(&["Condition"]).into_iter().map(View::of).collect()
}

pub fn body(ask: &Ask<'_>) -> Body {
    let views = views(ask);
    let active = views.iter().filter(|v| v.is_active() && !v.is_refuted()).count();
    let fact = tally(&[(active, "active at cutover"), (views.len() - active, "other")]);
    let (on, off): (Vec<_>, Vec<_>) = views.iter().partition(|v| v.is_active() && !v.is_refuted());
    let named = |v: &View<'_>| (v.name.clone().unwrap_or_else(|| text::NOT_RECORDED.into()), v.traits(), row(ask, v));
    let rows = on.into_iter().chain(off).map(named).collect();
    let columns =
        [("Problem", ""), ("Status", ""), ("Since", "date"), ("Ended", "date drop"), ("Kind", "drop"), ("Source", "src")];
    let table = Table::new("Problems, active ones first", &columns, nothing(ask, Section::Problems, "problems"));
    let (table, paging) = ask.grouped(table, rows, LOOK_THE_SAME);
    Body { fact, panels: vec![Panel { table: Some(table), paging, ..Panel::default() }] }
}

fn row(ask: &Ask<'_>, v: &View<'_>) -> Row {
    let status = match (&v.status, v.is_active()) {
        (_, _) if v.is_refuted() => Cell::Tag(text::sentence(v.verification.as_deref().unwrap_or_default()), "caution"),
        (Some(s), true) => Cell::Tag(text::sentence(s), "plain"),
        (Some(s), false) => Cell::Text(text::sentence(s)),
        (None, _) => Cell::Missing,
    };
    let sub = v.verification.as_deref().filter(|_| !v.is_refuted()).map(text::sentence);
    Row::new(vec![
        Cell::main(v.name.clone(), Some(v.item.href()), sub),
        status,
        Cell::day(v.since.as_deref()),
        Cell::optional(v.ended.as_deref().map(|d| text::date(d).day)),
        Cell::optional(v.category.clone()),
        ask.badge(&v.item),
    ])
}

/// The active problems for the summary.
pub fn summary(ask: &Ask<'_>, total: u64) -> Panel {
    let views = views(ask);
    let active: Vec<&View<'_>> = views.iter().filter(|v| v.is_active() && !v.is_refuted()).collect();
    let fact = tally(&[(active.len(), "active"), (views.len() - active.len(), "resolved or other")]);
    let groups = weighed(active);
    let columns = [("Active at cutover", ""), ("Since", "date"), ("Source", "src")];
    let mut table = Table::new("Problems active at cutover", &columns, nothing(ask, Section::Problems, "problems"));
    table.group(None, groups.iter().take(ROWS).filter_map(|group| line(ask, group, None)).collect());
    if groups.is_empty() {
        let others = alike::group(views.iter().filter(|v| !v.is_refuted()).collect(), |v| v.traits());
        let status = |group: &Alike<&View<'_>>| {
            let status = group.lead().and_then(|v| v.status.clone());
            Some(status.map_or_else(|| "status not recorded".into(), |status| text::sentence(&status)))
        };
        let rows = others.iter().take(ROWS).filter_map(|group| line(ask, group, status(group))).collect();
        table.group(Some("None was active at cutover. Resolved or other".into()), rows);
    }
    Panel::of_table("Problems", fact, table).link(format!("All {}", text::count(total)), format!("{}/problems", ask.href))
}

/// What looks the same stands together; the heaviest first, and of equals the newest.
fn weighed<'v, 'a>(active: Vec<&'v View<'a>>) -> Vec<Alike<&'v View<'a>>> {
    let mut groups = alike::group(active, |v| v.traits());
    let weight = |group: &Alike<&View<'_>>| group.items.iter().map(|v| v.weight()).min();
    let newest = |group: &Alike<&View<'_>>| group.items.iter().filter_map(|v| v.since.clone()).max();
    groups.sort_by_cached_key(|group| (weight(group), std::cmp::Reverse(newest(group))));
    groups
}

/// A problem noted at several visits is one line here, since its earliest date says the most; how many records is said.
fn line(ask: &Ask<'_>, group: &Alike<&View<'_>>, status: Option<String>) -> Option<Row> {
    let dated = group.items.iter().filter(|v| v.since.is_some());
    let first = dated.min_by(|a, b| a.since.cmp(&b.since)).or(group.lead())?;
    let sub: Vec<String> = [status, ask.told(group)].into_iter().flatten().collect();
    Some(Row::new(vec![
        Cell::main(first.name.clone(), Some(first.item.href()), (!sub.is_empty()).then(|| sub.join("; "))),
        Cell::day(first.since.as_deref()),
        ask.badges(group),
    ]))
}

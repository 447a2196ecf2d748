//! Problems and diagnoses (`Condition`): what, since when, until when, with the status that the source gave.
//!
//! Not for: deciding what is still active; "active at cutover" is the source's own word.

use super::super::alike::{Moment, Traits, What};
use super::super::fhir::{self, Item};
use super::super::panel::Panel;
use super::super::table::{Cell, Row, Table};
use super::super::text;
use super::{Ask, Body, nothing, tally};

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
    let table = Table::new("Problems, active ones first", &columns, nothing(ask, "problems"));
    let (table, paging) = ask.grouped(table, rows);
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
    let active: Vec<_> = views.iter().filter(|v| v.is_active() && !v.is_refuted()).collect();
    let fact = tally(&[(active.len(), "active"), (views.len() - active.len(), "resolved or other")]);
    // A problem noted at several visits is one line here, since its earliest date says the most.
    let mut rows: Vec<Row> = Vec::new();
    let mut named: Vec<&str> = Vec::new();
    for v in &active {
        let name = v.name.as_deref().unwrap_or(text::NOT_RECORDED);
        if !named.contains(&name) {
            named.push(name);
            let same = active.iter().rev().find(|o| o.name == v.name).unwrap_or(v);
            rows.push(Row::new(vec![
                Cell::main(v.name.clone(), Some(same.item.href()), None),
                Cell::day(same.since.as_deref()),
                ask.badge(&same.item),
            ]));
        }
    }
    rows.truncate(9);
    let empty = if views.is_empty() { nothing(ask, "problems") } else { "No problem was active at cutover.".into() };
    let columns = [("Active at cutover", ""), ("Since", "date"), ("Source", "src")];
    Panel::of_table("Problems", fact, Table::new("Problems active at cutover", &columns, empty).rows(rows))
        .link(format!("All {}", text::count(total)), format!("{}/problems", ask.href))
}

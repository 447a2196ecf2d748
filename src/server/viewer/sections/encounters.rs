//! Encounters: when, what kind, where, with whom, why; and their lanes in the summary's strip.
//!
//! Not for: what belongs to an encounter (the timeline brings that).

use super::super::alike::{Moment, Traits, What};
use super::super::banner::End;
use super::super::fhir::{self, Item};
use super::super::html::Markup;
use super::super::panel::Panel;
use super::super::svg::{self, Lane, Mark, Shape};
use super::super::table::{Cell, Row, Table};
use super::super::text;
use super::{Ask, Body, LOOK_THE_SAME, Section, nothing};
use crate::model::When;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Setting {
    Stay,
    Emergency,
    Visit,
}

struct View<'a> {
    item: Item<'a>,
    from: Option<String>,
    to: Option<String>,
    what: Option<String>,
    setting: Setting,
    class: Option<String>,
    place: Option<String>,
    with: Option<String>,
    reason: Option<String>,
}

impl<'a> View<'a> {
    fn of(item: Item<'a>) -> View<'a> {
        let root = item.root();
        let class = root.at("class");
        let code = class.at("code").text().or_else(|| fhir::code(class)).unwrap_or_default();
        let people: Vec<_> = root.at("participant").items().filter_map(|p| item.reference(p.at("individual"))).collect();
        View {
            from: root.at("period").at("start").text(),
            to: root.at("period").at("end").text(),
            what: fhir::concepts(root.at("type")).or_else(|| fhir::concept(root.at("serviceType"))),
            setting: match code.as_str() {
                "IMP" | "ACUTE" | "NONAC" | "SS" | "OBSENC" | "inpatient" => Setting::Stay,
                "EMER" | "emergency" => Setting::Emergency,
                _ => Setting::Visit,
            },
            class: class.at("display").text().or_else(|| fhir::concept(class)).map(|c| text::sentence(&c)),
            place: place(&item),
            with: (!people.is_empty()).then(|| people.join(", ")),
            reason: fhir::concepts(root.at("reasonCode")),
            item,
        }
    }

    /// Nights between the first and the last day of a stay.
    fn nights(&self) -> Option<i64> {
        let day = |t: &Option<String>| When::parse(t.as_deref()?.get(..10)?).map(|w| w.start_us() / 86_400_000_000);
        let nights = day(&self.to)? - day(&self.from)?;
        (self.setting == Setting::Stay && nights > 0).then_some(nights)
    }

    /// A kind of encounter that begins on one day looks the same, whatever else is said of it.
    fn traits(&self) -> Traits {
        let coded = self.item.root().at("type").first();
        let what = if coded.exists() { What::of(coded) } else { What::named(self.what.as_deref().or(self.class.as_deref())) };
        let until = self.to.as_deref().map(|to| text::date(to).day);
        Traits {
            what,
            moment: Moment::On(self.from.clone()),
            source: self.item.record.source_system.to_string(),
            facts: vec![
                ("setting", self.class.clone()),
                ("end", until),
                ("place", self.place.clone()),
                ("reason", self.reason.clone()),
            ],
        }
    }

    fn mark(&self, hue: usize) -> Option<Mark> {
        let from = When::parse(self.from.as_deref()?)?.start_us();
        let to = self.to.as_deref().and_then(When::parse).map_or(from, |w| w.start_us());
        Some(Mark { from, to: to.max(from), hue })
    }
}

fn place(item: &Item<'_>) -> Option<String> {
    let root = item.root();
    let location = root.at("location").items().find_map(|l| item.reference(l.at("location")));
    location.or_else(|| item.reference(root.at("serviceProvider")))
}

pub fn body(ask: &Ask<'_>) -> Body {
    let views: Vec<_> = ask.items(&["Encounter"]).into_iter().map(View::of).collect();
    let of = |s: Setting| views.iter().filter(|v| v.setting == s).count();
    let fact = super::tally(&[
        (of(Setting::Stay), if of(Setting::Stay) == 1 { "hospital stay" } else { "hospital stays" }),
        (of(Setting::Emergency), "emergency"),
        (of(Setting::Visit), "clinic and other"),
    ]);
    let row = |v: &View<'_>| {
        let nights = v.nights().map(|n| text::counted(n as u64, "night", "nights"));
        let until = match (v.nights(), v.to.as_deref()) {
            (Some(_), Some(end)) => Some(format!("to {}", text::date(end).day)),
            _ => None,
        };
        let sub = [v.class.clone(), nights, until].into_iter().flatten().collect::<Vec<_>>().join(", ");
        let row = Row::new(vec![
            Cell::date(v.from.as_deref()),
            Cell::main(v.what.clone(), Some(v.item.href()), (!sub.is_empty()).then_some(sub)),
            Cell::text(v.reason.clone()),
            Cell::text(v.place.clone()),
            Cell::text(v.with.clone()),
            ask.badge(&v.item),
        ]);
        let name = v.what.as_deref().unwrap_or(text::NOT_RECORDED);
        (format!("{name}, {}", text::day(v.from.as_deref())), v.traits(), row)
    };
    let rows = views.iter().map(row).collect();
    let columns =
        [("Date and time", "date"), ("Encounter", ""), ("For", ""), ("Where", "drop"), ("With", "drop"), ("Source", "src")];
    let table = Table::new("Encounters, newest first", &columns, nothing(ask, Section::Encounters, "encounters"));
    let (table, paging) = ask.grouped(table, rows, LOOK_THE_SAME);
    Body { fact, panels: vec![Panel { table: Some(table), paging, ..Panel::default() }] }
}

/// The strip of the summary: encounters and procedures over the years.
pub fn strip(ask: &Ask<'_>, end: &End, total: u64) -> Panel {
    let views: Vec<_> = ask.items(&["Encounter"]).into_iter().map(View::of).collect();
    let hue = |item: &Item<'_>| ask.frame.badge(&item.record.source_system).hue;
    let lane = |name, shape, setting| {
        let marks = views.iter().filter(|v| v.setting == setting).filter_map(|v| v.mark(hue(&v.item))).collect();
        Lane { name, shape, marks }
    };
    let procedures = ask.items(&["Procedure"]).into_iter().filter_map(|i| {
        let from = When::parse(&fhir::date_of(i.root())?)?.start_us();
        Some(Mark { from, to: from, hue: hue(&i) })
    });
    let lanes = [
        lane("Hospital stays", Shape::Stay, Setting::Stay),
        lane("Emergency", Shape::Triangle, Setting::Emergency),
        lane("Clinic visits", Shape::Tick, Setting::Visit),
        Lane { name: "Procedures", shape: Shape::Diamond, marks: procedures.collect() },
    ];
    let first = lanes.iter().flat_map(|l| &l.marks).map(|m| m.from).min();
    let fact = match (views.last(), views.first()) {
        (Some(oldest), Some(newest)) => format!(
            "{}, first {}, last {}{}",
            text::count(total),
            text::day(oldest.from.as_deref()),
            text::day(newest.from.as_deref()),
            newest.what.as_ref().map_or(String::new(), |w| format!(" ({w})"))
        ),
        _ => String::new(),
    };
    let mut panel = Panel { title: "Encounters".into(), fact, class: "full", ..Panel::default() };
    match first {
        Some(first) => {
            let wide = svg::strip(&lanes, first, end.us, &end.day, 1144);
            let narrow = svg::strip(&lanes, first, end.us, &end.day, 734);
            panel.drawing = Markup::trusted(format!("{wide}{narrow}"));
        }
        None => panel.table = Some(Table::new("Encounters", &[], nothing(ask, Section::Encounters, "dated encounters"))),
    }
    panel.link("All encounters", format!("{}/encounters", ask.href))
}

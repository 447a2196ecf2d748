//! Allergies and intolerances: substance, reaction, severity. "None recorded" and "no known allergies" stay two facts.
//!
//! Not for: the banner's layout (`banner` takes its lines from [`View`]).

use super::super::alike::{self, Moment, Traits, What};
use super::super::fhir::{self, Item};
use super::super::panel::Panel;
use super::super::table::{Cell, Row, Table};
use super::super::text;
use super::{Ask, Body, LOOK_THE_SAME, Section, nothing, tally};

pub struct View {
    pub substance: Option<String>,
    pub reaction: Option<String>,
    /// The record states that there is no known allergy.
    pub none_known: bool,
    pub severe: bool,
    severity: Option<String>,
    criticality: Option<String>,
    status: Option<String>,
    verification: Option<String>,
    date: Option<String>,
    category: Option<String>,
}

impl View {
    pub fn of(item: &Item<'_>) -> View {
        let root = item.root();
        let substance = fhir::concept(root.at("code"));
        let code = fhir::code(root.at("code"));
        let none_known = matches!(code.as_deref(), Some("716186003" | "409137002" | "428607008"))
            || substance.as_ref().is_some_and(|s| s.to_lowercase().starts_with("no known"));
        let reactions = || root.at("reaction").items();
        let words: Vec<_> =
            reactions().filter_map(|r| fhir::concepts(r.at("manifestation")).or_else(|| r.at("description").text())).collect();
        let severity = reactions()
            .filter_map(|r| r.at("severity").text())
            .max_by_key(|s| ["mild", "moderate", "severe"].iter().position(|w| w == s));
        let criticality = root.at("criticality").text();
        View {
            substance: substance.or_else(|| reactions().find_map(|r| fhir::concept(r.at("substance")))),
            reaction: (!words.is_empty()).then(|| words.join(", ")),
            none_known,
            severe: severity.as_deref() == Some("severe") || criticality.as_deref() == Some("high"),
            severity,
            criticality,
            status: fhir::code(root.at("clinicalStatus")),
            verification: fhir::code(root.at("verificationStatus")),
            date: root.at("onsetDateTime").text().or_else(|| root.at("recordedDate").text()),
            category: root.at("category").first().text(),
        }
    }

    /// Neither inactive nor withdrawn; a record without a status counts as active, since silence must not hide an allergy.
    pub fn is_active(&self) -> bool {
        !matches!(self.status.as_deref(), Some("inactive" | "resolved"))
            && !matches!(self.verification.as_deref(), Some("entered-in-error" | "refuted"))
    }

    fn traits(&self, item: &Item<'_>) -> Traits {
        Traits {
            what: What::of(item.root().at("code")),
            moment: Moment::Always,
            source: item.record.source_system.to_string(),
            facts: vec![
                ("status", self.status.clone()),
                ("verification", self.verification.clone()),
                ("reaction", self.reaction.clone()),
                ("severity", self.severity.clone()),
                ("criticality", self.criticality.clone()),
                ("date", self.date.clone()),
            ],
        }
    }

    fn told(&self) -> String {
        let reaction = self.reaction.clone().unwrap_or_else(|| "Reaction not recorded".into());
        match &self.severity {
            Some(s) => format!("{reaction}, {s}"),
            None => format!("{reaction}, severity not recorded"),
        }
    }

    fn name(&self, href: String) -> Cell {
        Cell::Main {
            text: self.substance.clone().unwrap_or_else(|| text::NOT_RECORDED.into()),
            href: Some(href),
            sub: (!self.none_known).then(|| self.told()),
            strong: true,
            alert: self.severe && self.is_active(),
        }
    }
}

/// Active first, severe first among them.
fn views<'a>(ask: &Ask<'a>) -> Vec<(View, Item<'a>)> {
    let items = ask.items(&["AllergyIntolerance"]);
    let mut views: Vec<_> = items.into_iter().map(|i| (View::of(&i), i)).collect();
    views.sort_by_key(|(v, _)| (!v.is_active(), !v.severe));
    views
}

pub fn body(ask: &Ask<'_>) -> Body {
    let views = views(ask);
    let active = views.iter().filter(|(v, _)| v.is_active()).count();
    let row = |(v, item): &(View, Item<'_>)| {
        let row = Row::new(vec![
            v.name(item.href()),
            Cell::text(v.status.as_deref().map(text::sentence)),
            Cell::optional(v.verification.as_deref().map(text::sentence)),
            Cell::optional(v.criticality.as_deref().map(text::sentence)),
            Cell::optional(v.category.as_deref().map(text::sentence)),
            Cell::day(v.date.as_deref()),
            ask.badge(item),
        ]);
        (v.substance.clone().unwrap_or_else(|| text::NOT_RECORDED.into()), v.traits(item), row)
    };
    let rows = views.iter().map(row).collect();
    let columns = [
        ("Substance and reaction", ""),
        ("Status", ""),
        ("Verification", "drop"),
        ("Criticality", "drop"),
        ("Category", "drop"),
        ("Recorded", "date"),
        ("Source", "src"),
    ];
    let table = Table::new("Allergies, active and severe ones first", &columns, nothing(ask, Section::Allergies, "allergies"));
    let (table, paging) = ask.grouped(table, rows, LOOK_THE_SAME);
    let fact = tally(&[(active, "active at cutover"), (views.len() - active, "inactive or refuted")]);
    Body { fact, panels: vec![Panel { table: Some(table), paging, ..Panel::default() }] }
}

pub fn summary(ask: &Ask<'_>) -> Panel {
    let views = views(ask);
    let active: Vec<&(View, Item<'_>)> = views.iter().filter(|(v, _)| v.is_active()).collect();
    let named = active.iter().filter(|(v, _)| !v.none_known).count();
    let fact = tally(&[(named, "active")]);
    let groups = alike::group(active, |(v, item)| v.traits(item));
    let row = |group: &alike::Alike<&(View, Item<'_>)>| {
        let (v, item) = group.lead()?;
        let mut name = v.name(item.href());
        if let (Cell::Main { sub, .. }, Some(told)) = (&mut name, ask.told(group)) {
            *sub = Some(sub.take().map_or(told.clone(), |sub| format!("{sub}; {told}")));
        }
        Some(Row::new(vec![name, Cell::day(v.date.as_deref()), ask.badges(group)]))
    };
    let rows = groups.iter().take(8).filter_map(row).collect();
    let columns = [("Substance and reaction", ""), ("Recorded", "date"), ("Source", "src")];
    let empty = "No allergy is recorded. That is not the same as “no known allergies”.";
    Panel::of_table("Allergies", fact, Table::new("Active allergies", &columns, empty).rows(rows))
        .link("Details", format!("{}/allergies", ask.href))
}

//! One encounter, or one procedure, as the timeline shows it: when, what kind, where, with whom, why.
//!
//! Not for: the table of all encounters (`sections::encounters`), or what belongs to one (`belongs`).

use super::super::fhir::{self, Item};
use super::super::text;
use crate::model::When;

/// The lane of an encounter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Setting {
    Stay,
    Emergency,
    Visit,
    /// No encounter, but what was done in one, or in none.
    Procedure,
}

impl Setting {
    /// Of encounters.
    pub const ALL: [Setting; 3] = [Setting::Stay, Setting::Emergency, Setting::Visit];

    pub fn code(self) -> &'static str {
        match self {
            Setting::Stay => "stay",
            Setting::Emergency => "emergency",
            Setting::Visit => "visit",
            Setting::Procedure => "procedure",
        }
    }

    pub fn from_code(code: &str) -> Option<Setting> {
        Setting::ALL.into_iter().chain([Setting::Procedure]).find(|setting| setting.code() == code)
    }

    /// For the choice above the list.
    pub fn title(self) -> &'static str {
        match self {
            Setting::Stay => "Hospital",
            Setting::Emergency => "Emergency",
            Setting::Visit => "Clinic and other",
            Setting::Procedure => "Procedures",
        }
    }

    /// "1 hospital stay".
    pub fn counted(self, n: usize) -> String {
        let (one, many) = match self {
            Setting::Stay => ("hospital stay", "hospital stays"),
            Setting::Emergency => ("emergency", "emergency"),
            Setting::Visit => ("clinic or other", "clinic and other"),
            Setting::Procedure => ("procedure", "procedures"),
        };
        text::counted(n as u64, one, many)
    }

    /// By the class code that FHIR and version 2 use.
    fn of_class(code: &str) -> Setting {
        match code {
            "IMP" | "ACUTE" | "NONAC" | "SS" | "OBSENC" | "I" | "inpatient" => Setting::Stay,
            "EMER" | "E" | "emergency" => Setting::Emergency,
            _ => Setting::Visit,
        }
    }
}

pub struct Visit<'a> {
    pub item: Item<'a>,
    pub from: Option<String>,
    pub to: Option<String>,
    pub us: Option<i64>,
    pub what: Option<String>,
    pub setting: Setting,
    pub place: Option<String>,
    pub with: Option<String>,
    pub reason: Option<String>,
    /// Id of the encounter that this was part of.
    pub part_of: Option<String>,
}

impl<'a> Visit<'a> {
    pub fn of(item: Item<'a>) -> Visit<'a> {
        let root = item.root();
        let class = root.at("class");
        let code = class.at("code").text().or_else(|| fhir::code(class)).unwrap_or_default();
        let people: Vec<_> = root.at("participant").items().filter_map(|p| item.reference(p.at("individual"))).collect();
        let located = root.at("location").items().find_map(|l| item.reference(l.at("location")));
        let (from, to) = (root.at("period").at("start").text(), root.at("period").at("end").text());
        let readable = |text: &Option<String>| When::parse(text.as_deref()?).map(|when| when.start_us());
        let worded = fhir::concepts(root.at("type")).or_else(|| fhir::concept(root.at("serviceType")));
        Visit {
            us: readable(&from).or_else(|| readable(&to)),
            setting: Setting::of_class(&code),
            what: worded.or_else(|| class.at("display").text().or_else(|| fhir::concept(class)).map(|c| text::sentence(&c))),
            place: located.or_else(|| item.reference(root.at("serviceProvider"))),
            with: (!people.is_empty()).then(|| people.join(", ")),
            reason: fhir::concepts(root.at("reasonCode")),
            part_of: id_in(root.at("partOf")),
            from,
            to,
            item,
        }
    }

    /// A procedure in the same terms.
    pub fn of_procedure(item: Item<'a>) -> Visit<'a> {
        let root = item.root();
        let period = root.at("performedPeriod");
        let people: Vec<_> = root.at("performer").items().filter_map(|p| item.reference(p.at("actor"))).collect();
        let (from, to) = (fhir::date_of(root), period.at("end").text());
        let what = fhir::concept(root.at("code")).unwrap_or_else(|| "Procedure, kind not recorded".into());
        Visit {
            us: from.as_deref().and_then(When::parse).map(|when| when.start_us()),
            setting: Setting::Procedure,
            what: Some(what),
            place: item.reference(root.at("location")),
            with: (!people.is_empty()).then(|| people.join(", ")),
            reason: fhir::concepts(root.at("reasonCode")),
            part_of: id_in(root.at("encounter")),
            from,
            to,
            item,
        }
    }

    pub fn id(&self) -> &str {
        self.item.record.id.as_str()
    }

    /// The date that it is filed under, when it can be read.
    fn dated(&self) -> Option<&str> {
        [&self.from, &self.to].into_iter().flatten().map(String::as_str).find(|date| When::parse(date).is_some())
    }

    pub fn year(&self) -> Option<i32> {
        year_of(self.dated()?)
    }

    /// 1 to 12; `None` where the source gave the year alone.
    pub fn month(&self) -> Option<usize> {
        self.dated()?.get(5..7)?.parse().ok().filter(|month| (1..=12).contains(month))
    }

    /// Nights between the first and the last day of a stay.
    pub fn nights(&self) -> Option<i64> {
        let day = |t: &Option<String>| When::parse(t.as_deref()?.get(..10)?).map(|w| w.start_us().div_euclid(86_400_000_000));
        let nights = day(&self.to)? - day(&self.from)?;
        (self.setting == Setting::Stay && nights > 0).then_some(nights)
    }

    /// "Cardiology admission, 5 nights".
    pub fn title(&self) -> String {
        let what = self.what.clone().unwrap_or_else(|| "Encounter, kind not recorded".into());
        match self.nights() {
            Some(n) => format!("{what}, {}", text::counted(n.unsigned_abs(), "night", "nights")),
            None => what,
        }
    }

    /// The last day, where it is another than the first.
    pub fn until(&self) -> Option<String> {
        let (from, to) = (text::date(self.from.as_deref()?).day, text::date(self.to.as_deref()?).day);
        (to != from).then_some(to)
    }
}

/// The year of a date as written. `None` for what cannot be read.
pub fn year_of(date: &str) -> Option<i32> {
    When::parse(date)?;
    date.get(..4)?.parse().ok()
}

/// The id of the encounter that a Reference leads to.
pub fn id_in(reference: fhir::Node<'_>) -> Option<String> {
    let target = reference.at("reference").text()?;
    let target = target.split("/_history/").next().unwrap_or_default();
    target.strip_prefix("Encounter/").map(str::to_string)
}

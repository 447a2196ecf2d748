//! How a medication is taken: dose, route and times, in words and as FHIR says them.
//!
//! Not for: the medication itself (`medications`).

use super::super::types::Concept;
use super::read::{Span, name, related, related_as};
use super::values::{pq, quantity, unit};
use super::work::Work;
use crate::formats::cda::Element;
use crate::mapping::fhir::{Array, Object, decimal};

/// How often: a period, or an event of the day.
struct Frequency<'a> {
    low: &'a str,
    high: &'a str,
    unit: &'a str,
    event: &'a str,
}

/// Events of the day (TimingEvent) and their words.
const EVENTS: [(&str, &str); 15] = [
    ("AC", "before meals"),
    ("ACM", "before breakfast"),
    ("ACD", "before lunch"),
    ("ACV", "before dinner"),
    ("C", "with meals"),
    ("CM", "with breakfast"),
    ("CD", "with lunch"),
    ("CV", "with dinner"),
    ("HS", "at bedtime"),
    ("PC", "after meals"),
    ("PCM", "after breakfast"),
    ("PCD", "after lunch"),
    ("PCV", "after dinner"),
    ("WAKE", "after waking"),
    ("MORN", "in the morning"),
];

/// Units of a period: as written, FHIR's code, the word for several.
const PERIODS: [(&[&str], &str, &str); 7] = [
    (&["h", "hr", "hrs", "hour", "hours", "H"], "h", "hours"),
    (&["d", "day", "days", "D"], "d", "days"),
    (&["wk", "week", "weeks", "W"], "wk", "weeks"),
    (&["mo", "month", "months"], "mo", "months"),
    (&["a", "y", "yr", "year", "years"], "a", "years"),
    (&["min", "minute", "minutes"], "min", "minutes"),
    (&["s", "sec"], "s", "seconds"),
];

fn period_unit(unit: &str) -> Option<(&'static str, &'static str)> {
    PERIODS.iter().find(|(written, _, _)| written.contains(&unit)).map(|(_, code, words)| (*code, *words))
}

impl<'a> Frequency<'a> {
    fn of(entry: Element<'a>) -> Option<Frequency<'a>> {
        entry.children("effectiveTime").find_map(Frequency::read)
    }

    fn read(time: Element<'a>) -> Option<Frequency<'a>> {
        if let Some(event) = time.child("event").map(|event| event.attr("code")).filter(|code| !code.is_empty()) {
            return Some(Frequency { low: "", high: "", unit: "", event });
        }
        let period = time.child("period")?;
        let bound = |name: &str| period.child(name);
        let (low, high) = (bound("low").unwrap_or(period), bound("high").unwrap_or(period));
        let unit = [period, low, high].iter().map(|e| e.attr("unit")).find(|unit| !unit.is_empty()).unwrap_or_default();
        decimal(low.attr("value"))?;
        Some(Frequency { low: low.attr("value"), high: high.attr("value"), unit, event: "" })
    }

    fn words(&self) -> String {
        if !self.event.is_empty() {
            let known = EVENTS.iter().find(|(code, _)| *code == self.event);
            return known.map_or(self.event, |(_, words)| words).to_owned();
        }
        let unit = period_unit(self.unit).map_or(self.unit, |(_, words)| words);
        match (self.low, self.high) {
            ("1", "1" | "") => format!("every {}", unit.strip_suffix('s').unwrap_or(unit)),
            (low, high) if high.is_empty() || low == high => format!("every {low} {unit}"),
            (low, high) => format!("every {low} to {high} {unit}"),
        }
    }

    fn write(&self, o: &mut Object<'_>) {
        if EVENTS.iter().any(|(code, _)| *code == self.event) {
            o.array("when", |list| list.text(self.event));
        }
        if let Some((unit, _)) = period_unit(self.unit) {
            o.number("frequency", "1");
            o.number("period", self.low);
            if self.high != self.low {
                o.number("periodMax", self.high);
            }
            o.text("periodUnit", unit);
        }
    }
}

impl<'a> Work<'a> {
    /// From when to when: the interval among the times of an entry.
    pub fn course(&self, entry: Element<'a>) -> Span {
        let mut times = entry.children("effectiveTime").filter(|t| t.child("period").is_none() && t.child("event").is_none());
        times.find_map(|time| Some(self.span(Some(time))).filter(|span| !span.is_empty() || span.ended)).unwrap_or_default()
    }

    /// The one Dosage of an entry. `bounds`: whether to say there from when to when.
    pub fn dosage(&self, list: &mut Array<'_>, entry: Element<'a>, product: &Concept, bounds: Option<&Span>) {
        let frequency = Frequency::of(entry);
        let precondition = entry.children("precondition").find_map(|p| p.child("criterion"));
        let condition = precondition.map(|criterion| {
            let value = self.concept(criterion.child("value"));
            if value.is_empty() { self.code_or_text(criterion) } else { value }
        });
        let condition =
            condition.filter(|concept| !concept.is_empty() && !super::read::is_assertion(concept) || !concept.text.is_empty());
        let as_needed = precondition.is_some() && condition.is_none();
        let route = self.concept(entry.child("routeCode"));
        let site = self.concept(entry.child("approachSiteCode"));
        let mut text = self.sig(entry, product);
        if text.is_empty() {
            let parts = [
                self.dose_words(entry),
                name(&route).to_owned(),
                frequency.as_ref().map(Frequency::words).unwrap_or_default(),
                condition.as_ref().map(|c| format!("as needed: {}", name(c))).unwrap_or_default(),
                if as_needed { "as needed".to_owned() } else { String::new() },
            ];
            text = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
        }
        list.object(|o| {
            o.text("text", &text);
            o.text("patientInstruction", &self.instruction(entry));
            o.object("timing", |o| {
                o.object("repeat", |o| {
                    if let Some(span) = bounds {
                        span.write_period(o, "boundsPeriod");
                    }
                    if let Some(frequency) = &frequency {
                        frequency.write(o);
                    }
                });
            });
            o.boolean("asNeededBoolean", as_needed.then_some(true));
            if let Some(condition) = &condition {
                condition.write(o, "asNeededCodeableConcept");
            }
            site.write(o, "site");
            route.write(o, "route");
            o.array("doseAndRate", |list| list.object(|o| dose_and_rate(o, entry)));
            o.object("maxDosePerPeriod", |o| maximum(o, entry));
        });
    }

    /// The words of the prescription. The text of an entry is that, unless it is a whole row of the table, which names
    /// the drug too, or no more than that name.
    fn sig(&self, entry: Element<'a>, product: &Concept) -> String {
        let sig = related_as(entry, &["22.4.147"], "76662-6").map(|sig| self.words(sig.child("text")));
        sig.filter(|words| !words.is_empty()).unwrap_or_else(|| {
            let words = self.short_words(entry.child("text"));
            let drug = name(product).to_lowercase();
            let first = drug.split_whitespace().next().unwrap_or_default();
            if words.to_lowercase().contains(first) { String::new() } else { words }
        })
    }

    fn dose_words(&self, entry: Element<'a>) -> String {
        let Some(dose) = entry.child("doseQuantity") else { return String::new() };
        let part = |e: Element<'a>| super::super::types::spaced(&format!("{} {}", e.attr("value"), dose_unit(entry, e)));
        match (dose.attr("value").is_empty(), dose.child("low"), dose.child("high")) {
            (false, _, _) => part(dose),
            (_, Some(low), Some(high)) => format!("{} to {}", low.attr("value"), part(high)),
            (_, Some(one), None) | (_, None, Some(one)) => part(one),
            _ => String::new(),
        }
    }

    /// What the patient was told, in the instructions related to an entry.
    fn instruction(&self, entry: Element<'a>) -> String {
        let told = related(entry).filter(|(_, act)| super::rules::has(*act, &["22.4.20", "1.49"]));
        told.map(|(_, act)| self.words(act.child("text"))).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; ")
    }
}

/// The unit of a dose; a dose without one counts what the entry says is given (tablets).
fn dose_unit(entry: Element<'_>, dose: Element<'_>) -> String {
    let own = unit(dose);
    let given = || entry.child("administrationUnitCode").map_or("", |code| code.attr("displayName")).to_owned();
    if matches!(own.as_str(), "" | "1") { given() } else { own }
}

fn dose_and_rate(o: &mut Object<'_>, entry: Element<'_>) {
    for (key, element) in [("dose", "doseQuantity"), ("rate", "rateQuantity")] {
        let Some(of) = entry.child(element) else { continue };
        if let (Some(low), Some(high)) = (of.child("low"), of.child("high")) {
            o.object(&format!("{key}Range"), |o| {
                o.object("low", |o| pq(o, "", low)).object("high", |o| pq(o, "", high));
            });
        } else {
            let unit = if key == "dose" { dose_unit(entry, of) } else { unit(of) };
            let one = of.child("low").or(of.child("high")).unwrap_or(of);
            let unit = if unit.is_empty() { one.attr("unit").to_owned() } else { unit };
            o.object(&format!("{key}Quantity"), |o| quantity(o, "", one.attr("value"), &unit));
        }
    }
}

fn maximum(o: &mut Object<'_>, entry: Element<'_>) {
    let Some(max) = entry.child("maxDoseQuantity") else { return };
    let part = |name: &str| max.child(name).filter(|e| decimal(e.attr("value")).is_some());
    if let (Some(numerator), Some(denominator)) = (part("numerator"), part("denominator")) {
        o.object("numerator", |o| pq(o, "", numerator)).object("denominator", |o| pq(o, "", denominator));
    }
}

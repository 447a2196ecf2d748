//! Vaccinations: RXA, RXR and OBX of VXU as Immunization.
//!
//! Not for: the patient and the visit (`patient`, `visit`), forecasts: what was due is no record of care.

use super::blocks::{Block, parts};
use super::group::Group;
use super::order;
use super::results::{self, Entry};
use super::scope::{Names, Scope, annotation, first_of, note_text};
use super::types::{place, words};
use crate::formats::hl7v2::{Segment, Value};
use crate::mapping::Mapped;
use crate::mapping::fhir::{Object, decimal};
use crate::mapping::systems::Coding;

pub(super) fn map(group: &Group<'_>, out: &mut Mapped) {
    let scope = Scope::new(group);
    let mut names = Names::default();
    for block in Block::all(group) {
        for segments in parts(&block.rest, &["RXA"]) {
            let Some(rxa) = segments.iter().copied().find(|s| s.is("RXA")) else { continue };
            // 998 says that no vaccine was given: what is told stands in the OBX below.
            if rxa.field(5).text() != "998" {
                immunization(&scope, &block, rxa, segments, &mut names, out);
            }
        }
    }
    results::map_below(group, is_record_of_its_own, out);
}

/// What an OBX below a dose says about it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fact {
    FundingSource,
    Eligibility,
    VaccineType,
    Document,
    Published,
    Presented,
    DoseNumber,
    Series,
    Indication,
    Reaction,
    Other,
}

fn fact(code: &str) -> Fact {
    match code {
        "30963-3" => Fact::FundingSource,
        "64994-7" => Fact::Eligibility,
        "30956-7" | "38890-0" => Fact::VaccineType,
        "69764-9" => Fact::Document,
        "29768-9" => Fact::Published,
        "29769-7" => Fact::Presented,
        "30973-2" => Fact::DoseNumber,
        "59782-3" => Fact::Series,
        "59785-6" => Fact::Indication,
        "31044-1" => Fact::Reaction,
        _ => Fact::Other,
    }
}

/// Below no dose, or below one that was none: history of a disease, presumed immunity.
fn is_record_of_its_own(block: &Block<'_>) -> bool {
    block.first("RXA").is_none_or(|rxa| rxa.field(5).text() == "998")
}

fn immunization<'m>(
    scope: &Scope<'_, 'm>,
    block: &Block<'m>,
    rxa: Segment<'m>,
    segments: &[Segment<'m>],
    names: &mut Names,
    out: &mut Mapped,
) {
    let facts = entries(segments);
    let id = names.unique("Immunization", name(scope, block, rxa));
    let mut resource = scope.begin("Immunization", &id, &order::confidential(block));
    let mut o = resource.object();
    order::identifiers(scope, &mut o, block);
    let completion = rxa.field(20).text();
    o.text(
        "status",
        match (rxa.field(21).text().as_ref(), completion.as_ref()) {
            ("D", _) => "entered-in-error",
            (_, "RE" | "NA") => "not-done",
            _ => "completed",
        },
    );
    if let Some(reason) = rxa.field(18).repetitions().find(|r| !r.is_empty()) {
        scope.concept(&mut o, "statusReason", reason, "NIP002");
    }
    scope.required_concept(&mut o, "vaccineCode", rxa.field(5), "CVX");
    scope.subject(&mut o, "patient");
    scope.encounter(&mut o, "encounter");
    let given = scope.time_text(rxa.field(3));
    if given.is_empty() {
        o.text("occurrenceString", "unknown");
    } else {
        o.text("occurrenceDateTime", &given);
    }
    o.text("recorded", &scope.time_text(rxa.field(22)));
    source(scope, &mut o, rxa.field(9));
    administration(scope, &mut o, rxa, segments);
    performers(scope, &mut o, block, rxa);
    notes(scope, &mut o, rxa, segments, &facts);
    o.array("reasonCode", |list| {
        rxa.field(19).repetitions().for_each(|r| scope.concept_in(list, r, ""));
        of(&facts, Fact::Indication).for_each(|v| scope.concept_in(list, v, ""));
    });
    o.boolean("isSubpotent", (completion == "PA").then_some(true));
    education(scope, &mut o, &facts);
    o.array("programEligibility", |list| of(&facts, Fact::Eligibility).for_each(|v| scope.concept_in(list, v, "HL70064")));
    if let Some(funding) = of(&facts, Fact::FundingSource).next() {
        scope.concept(&mut o, "fundingSource", funding, "");
    }
    protocol(&mut o, &facts);
    out.resources.push(resource.finish());
}

/// Where, of which lot, how much and how.
fn administration(scope: &Scope<'_, '_>, o: &mut Object<'_>, rxa: Segment<'_>, segments: &[Segment<'_>]) {
    o.object("location", |o| {
        let stated = [place(rxa.field(27)), place(rxa.field(11)), rxa.field(11).text().into_owned()];
        o.text("display", &stated.into_iter().find(|t| !t.is_empty()).unwrap_or_default());
    });
    o.object("manufacturer", |o| {
        o.text("display", &words(rxa.field(17)));
    });
    o.text("lotNumber", &rxa.field(15).text()).text("expirationDate", scope.time(rxa.field(16)).date());
    if let Some(rxr) = segments.iter().find(|s| s.is("RXR")) {
        scope.concept(o, "site", rxr.field(2), "HL70163");
        scope.concept(o, "route", rxr.field(1), "HL70162");
    }
    // 999 is how senders write an amount that is not known.
    if let Some(dose) = decimal(&rxa.field(6).text()).filter(|d| d != "999") {
        o.object("doseQuantity", |q| {
            q.number("value", &dose);
            results::Unit::of(rxa.field(7)).write(q);
        });
    }
}

/// The order's number; `9999` stands in for none. Else the vaccine and the day.
fn name(scope: &Scope<'_, '_>, block: &Block<'_>, rxa: Segment<'_>) -> String {
    let (placer, filler) = order::numbers(block);
    let is_number = |n: &Value<'_>| n.text() != "9999";
    for (kind, number) in [("filler", filler.filter(is_number)), ("placer", placer.filter(is_number))] {
        if let Some(number) = number {
            return scope.name_of_order(kind, number, &[]);
        }
    }
    scope.name(&["vaccine", &rxa.field(3).text(), &rxa.field(5).text()])
}

/// RXA-9: `00` was given here, `01` to `08` are told by others.
fn source(scope: &Scope<'_, '_>, o: &mut Object<'_>, field: Value<'_>) {
    let code = field.repetitions().map(|r| r.text()).find(|c| c.len() == 2 && c.starts_with('0'));
    let is_here = code.map(|c| c == "00");
    o.boolean("primarySource", is_here);
    if is_here == Some(false) {
        scope.concept(o, "reportOrigin", field, "NIP001");
    }
}

fn performers(scope: &Scope<'_, '_>, o: &mut Object<'_>, block: &Block<'_>, rxa: Segment<'_>) {
    const FUNCTION: &str = "http://terminology.hl7.org/CodeSystem/v2-0443";
    o.array("performer", |list| {
        let given = rxa.field(10).repetitions().map(|p| (p, "AP", "Administering Provider"));
        let ordered = block.orc.map(|orc| orc.field(12)).into_iter().map(|p| (p, "OP", "Ordering Provider"));
        for (person, code, display) in given.chain(ordered).filter(|(p, ..)| !p.is_empty()) {
            list.object(|o| {
                o.concept("function", &[Coding::new(FUNCTION, code, display)], "");
                scope.xcn(o, "actor", person);
            });
        }
    });
}

/// The OBX of a dose with the notes below each.
fn entries<'m>(segments: &[Segment<'m>]) -> Vec<Entry<'m>> {
    let mut entries: Vec<Entry<'m>> = Vec::new();
    for &segment in segments {
        match segment.name() {
            "OBX" => entries.push(Entry::new(segment)),
            "NTE" => entries.last_mut().into_iter().for_each(|e| e.notes.push(segment)),
            _ => {}
        }
    }
    entries
}

fn of<'e, 'm>(entries: &'e [Entry<'m>], wanted: Fact) -> impl Iterator<Item = Value<'m>> + use<'e, 'm> {
    entries.iter().filter(move |e| fact(&e.code().text()) == wanted).map(|e| e.obx.field(5)).filter(|v| !v.is_empty())
}

/// What no element holds: reactions, the type of vaccine, and whatever else was told, each with its name.
fn notes<'m>(scope: &Scope<'_, 'm>, o: &mut Object<'_>, rxa: Segment<'m>, segments: &[Segment<'m>], facts: &[Entry<'m>]) {
    o.array("note", |list| {
        // RXA-9 holds notes too, where it is no information source.
        for note in rxa.field(9).repetitions().filter(|n| n.component(3).text() != "NIP001" && n.text().len() != 2) {
            annotation(list, &words(note));
        }
        let own: Vec<Segment<'m>> = segments.iter().copied().take_while(|s| !s.is("OBX")).filter(|s| s.is("NTE")).collect();
        annotation(list, &note_text(&own));
        for entry in facts {
            if matches!(fact(&entry.code().text()), Fact::Other | Fact::VaccineType | Fact::Reaction) {
                let said = [entry.words(scope), note_text(&entry.notes)];
                let said = said.into_iter().filter(|t| !t.trim().is_empty()).collect::<Vec<_>>().join("\n");
                if !said.is_empty() {
                    annotation(list, &format!("{}: {said}", words(entry.code())));
                }
            }
        }
    });
}

/// What the patient was given to read: OBX of one sub-id belong together.
fn education(scope: &Scope<'_, '_>, o: &mut Object<'_>, facts: &[Entry<'_>]) {
    let mut subs: Vec<String> = Vec::new();
    for entry in facts {
        let is_part = matches!(fact(&entry.code().text()), Fact::Document | Fact::Published | Fact::Presented);
        let sub = entry.obx.field(4).text().into_owned();
        if is_part && !subs.contains(&sub) && subs.len() < 100 {
            subs.push(sub);
        }
    }
    o.array("education", |list| {
        for sub in &subs {
            let of = |wanted: Fact| {
                let here = facts.iter().filter(|e| e.obx.field(4).text() == sub.as_str());
                first_of(here.filter(|e| fact(&e.code().text()) == wanted).map(|e| e.obx.field(5)))
            };
            list.object(|o| {
                o.text("documentType", &of(Fact::Document).map(words).unwrap_or_default());
                let time = |wanted: Fact| of(wanted).map(|v| scope.time_text(v)).unwrap_or_default();
                o.text("publicationDate", &time(Fact::Published)).text("presentationDate", &time(Fact::Presented));
            });
        }
    });
}

fn protocol(o: &mut Object<'_>, facts: &[Entry<'_>]) {
    let number =
        of(facts, Fact::DoseNumber).next().map(|v| if v.component(2).is_empty() { v.text() } else { v.component(2).text() });
    let series = of(facts, Fact::Series).next().map(words).unwrap_or_default();
    let Some(number) = number.filter(|n| !n.is_empty()) else { return };
    o.array("protocolApplied", |list| {
        list.object(|o| {
            o.text("series", &series).text("doseNumberString", &number);
        });
    });
}

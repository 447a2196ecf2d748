//! What was planned or ordered: orders, plans of care, appointments, tasks.
//!
//! The templates of planned acts hold what still stands. An order that was filled, stopped or refused keeps its true status,
//! and so is written without a template.
//!
//! Not for: drugs (with the medications), or what was aimed at (`goals`).

use crate::formats::fhir::node::{Node, concept, concepts};
use crate::render::ccd::cda::{Class, Code, Entry, Null, Section, Template, Time};
use crate::render::ccd::chart::Item;
use crate::render::ccd::codes::{self, LOINC_URI, SNOMED_URI};
use crate::render::ccd::context::Context;
use crate::render::ccd::narrative::Anchor;
use crate::render::ccd::values;

use super::encounters;
use super::routing::{Place, codings};
use super::sheet::{self, Sheet, Spec, related};
use super::words;

const SPEC: Spec = Spec {
    prefix: "plan",
    code: ("18776-5", "Plan of care note"),
    title: "Plan of Treatment",
    templates: &[Template::both("2.16.840.1.113883.10.20.22.2.10", "2014-06-09")],
    with_entries: &[],
    needs_entries: false,
    columns: &["Date", "What", "Kind", "For", "Details"],
};

const ACT: Template = Template::both("2.16.840.1.113883.10.20.22.4.39", "2014-06-09");
const ENCOUNTER: Template = Template::both("2.16.840.1.113883.10.20.22.4.40", "2014-06-09");
const PROCEDURE: Template = Template::both("2.16.840.1.113883.10.20.22.4.41", "2014-06-09");
const OBSERVATION: Template = Template::both("2.16.840.1.113883.10.20.22.4.44", "2014-06-09");

/// Systems of which an order's code may lead, best first.
const SYSTEMS: [&str; 4] = [LOINC_URI, SNOMED_URI, "http://www.ama-assn.org/go/cpt", "http://www.cms.gov/Medicare/Coding/ICD10"];

pub fn plan(cx: &Context<'_>) -> Section {
    let mut sheet = Sheet::new(cx, &SPEC);
    for item in cx.placed(Place::Plan) {
        let said = row(&mut sheet, &item);
        if !words::is_mistaken(item.root()) {
            let entry = planned(cx, &item, &said);
            sheet.push(entry);
        }
    }
    sheet.finish()
}

struct Said {
    row: Anchor,
    what: Option<Anchor>,
    reason: Option<Anchor>,
}

fn row(sheet: &mut Sheet<'_, '_>, item: &Item<'_>) -> Said {
    let (root, cx) = (item.root(), sheet.cx);
    let row = sheet.begin();
    sheet.say(dates(item));
    let what = sheet.key("what", subject(item));
    let kind = kind_name(item.kind);
    let intent = root.at("intent").text().filter(|intent| !kind.to_lowercase().contains(intent.as_str()));
    let kind = words::joined_by(", ", [Some(kind.to_owned()), intent, root.at("priority").text()]);
    sheet.say(kind);
    let reasons = root.at("reasonCode").items().map(concept);
    let referred = ["reasonReference", "addresses", "indication"].map(|name| words::references(cx, root, root.at(name)));
    let reason = sheet.key("reason", words::joined(reasons.chain(referred)));
    let details = details(cx, root);
    sheet.add(details);
    let listed = ["code", "category", "type", "serviceType", "reasonCode", "orderDetail", "performerType"];
    sheet.end(item, listed.iter().flat_map(|name| root.at(name).items()).collect::<Vec<_>>());
    Said { row, what, reason }
}

fn kind_name(kind: &str) -> &'static str {
    match kind {
        "CarePlan" => "Plan of care",
        "ServiceRequest" => "Order",
        "Appointment" => "Appointment",
        "AppointmentResponse" => "Answer to an appointment",
        "DeviceRequest" => "Order of a device",
        "NutritionOrder" => "Diet order",
        "CommunicationRequest" => "Request to tell",
        "RequestGroup" => "Group of orders",
        "Task" => "Task",
        "ImmunizationRecommendation" => "Recommended immunization",
        "VisionPrescription" => "Prescription of lenses",
        "SupplyRequest" => "Order of supplies",
        "Encounter" => "Planned encounter",
        _ => "Plan",
    }
}

/// When it is to be, and when it was written.
fn dates(item: &Item<'_>) -> Option<String> {
    let root = item.root();
    let due = ["occurrence", "period", "requestedPeriod", "executionPeriod"].iter().find_map(|name| words::when(root, name));
    let slot = words::period(root);
    let written = ["authoredOn", "dateTime", "created", "dateWritten", "date"].iter().find_map(|name| root.at(name).text());
    words::joined([due.or(slot), words::named("written", written.map(|text| words::date(&text)))])
}

/// What is planned, in the source's words.
fn subject(item: &Item<'_>) -> Option<String> {
    let root = item.root();
    let coded = ["code", "codeCodeableConcept", "itemCodeableConcept", "type", "serviceType", "appointmentType"];
    let words = || coded.iter().find_map(|name| concept(root.at(name)).or_else(|| concepts(root.at(name))));
    let vaccine = || words::joined(root.at("recommendation").items().map(|r| concepts(r.at("vaccineCode"))));
    let title = || root.at("title").text().or_else(|| root.at("description").text());
    let of_plan = || concepts(root.at("category"));
    // A plan of care is called by its title, an order by its code.
    match item.kind {
        "CarePlan" => title().or_else(of_plan),
        _ => words().or_else(vaccine).or_else(title).or_else(of_plan),
    }
}

fn details(cx: &Context<'_>, root: Node<'_>) -> Option<String> {
    let activities = root.at("activity").items().map(|activity| {
        let detail = activity.at("detail");
        let what = concept(detail.at("code")).or_else(|| detail.at("description").text());
        let what = what.or_else(|| words::reference(cx, root, activity.at("reference")));
        words::joined_by(", ", [what, detail.at("status").text().map(|status| words::sentence(&status).to_lowercase())])
    });
    let people = root.at("participant").items().map(|part| words::reference(cx, root, part.at("actor")));
    words::joined([
        words::named("Activities", words::joined(activities)),
        root.at("doNotPerform").text().filter(|text| text == "true").map(|_| "not to be done".to_owned()),
        concepts(root.at("orderDetail")),
        words::named("Body site", concepts(root.at("bodySite"))),
        words::named("Requested by", words::reference(cx, root, root.at("requester"))),
        words::named("By", words::references(cx, root, root.at("performer"))),
        words::named("With", words::joined(people)),
        words::named("Owner", words::reference(cx, root, root.at("owner"))),
        words::named("Where", words::references(cx, root, root.at("locationReference"))),
        words::named("Goals", words::references(cx, root, root.at("goal"))),
        words::named("Instruction", root.at("patientInstruction").text()),
        words::named("Description", root.at("description").text().filter(|_| root.at("title").exists())),
        words::named("Remark", words::notes(root).or_else(|| root.at("comment").text())),
    ])
}

/// Whether it still stands.
fn status(root: Node<'_>) -> Option<&'static str> {
    Some(match root.at("status").text().as_deref()? {
        "active" | "booked" | "accepted" | "in-progress" | "requested" | "received" | "ready" | "planned" | "arrived"
        | "checked-in" => "active",
        "completed" | "fulfilled" => "completed",
        "on-hold" | "waitlist" => "suspended",
        "draft" | "proposed" | "pending" => "new",
        "revoked" | "cancelled" | "noshow" | "rejected" | "failed" => "cancelled",
        _ => return None,
    })
}

fn planned(cx: &Context<'_>, item: &Item<'_>, said: &Said) -> Entry {
    let root = item.root();
    let (class, template) = shape(item);
    let mut entry = sheet::entry(cx, item, &said.row, class);
    entry.mood = Some(mood(item));
    entry.negated = (root.at("doNotPerform").text().as_deref() == Some("true")).then_some(true);
    entry.code = Some(code(item, said));
    entry.status = status(root);
    if entry.status == Some("active") {
        entry.templates.push(template);
    }
    let due = ["occurrence", "period", "requestedPeriod"].iter().find_map(|name| values::time(root, name));
    entry.times = due.or_else(|| slot(root)).into_iter().collect();
    entry.performers = root.at("performer").items().filter_map(|who| cx.performer_in(root, who)).collect();
    let people = root.at("participant").items().map(|part| part.at("actor"));
    let is_staff = |who: &Node<'_>| {
        who.at("reference").text().is_some_and(|at| at.starts_with("Practitioner") || at.starts_with("Organization"))
    };
    entry.performers.extend(people.filter(is_staff).filter_map(|who| cx.performer_in(root, who)));
    let places = root.at("locationReference").items();
    entry.participants = places.filter_map(|place| encounters::location(cx, root, place)).collect();
    entry.related =
        encounters::indications(cx, item, said.reason.as_ref()).into_iter().map(|reason| related("RSON", reason)).collect();
    entry
}

fn slot(root: Node<'_>) -> Option<Time> {
    values::span(root)
}

fn code(item: &Item<'_>, said: &Said) -> Code {
    let root = item.root();
    let names: &[&str] = match item.kind {
        "CarePlan" => &["category"],
        "Appointment" => &["serviceType", "appointmentType"],
        "DeviceRequest" => &["codeCodeableConcept"],
        "SupplyRequest" => &["itemCodeableConcept"],
        "Encounter" => &["type", "serviceType"],
        _ => &["code"],
    };
    let found = names.iter().flat_map(|name| root.at(name).items()).find(|node| concept(*node).is_some());
    let mut code = codes::code(found.unwrap_or(Node::none()), &SYSTEMS, said.what.clone());
    if code.code.is_none() && said.what.is_some() {
        code.null = Some(Null::Other);
    }
    code
}

/// What it is an order of, by its category; without one that says so, an act.
fn shape(item: &Item<'_>) -> (Class, Template) {
    let root = item.root();
    let of_category = |codes: &[&str]| {
        root.at("category").items().any(|category| codings(category).any(|(_, code)| codes.contains(&code.as_str())))
    };
    match item.kind {
        "Appointment" | "Encounter" => (Class::Encounter, ENCOUNTER),
        "ServiceRequest" if of_category(&["108252007", "363679005", "laboratory", "imaging", "LAB", "RAD"]) => {
            (Class::Observation, OBSERVATION)
        }
        "ServiceRequest" if of_category(&["387713003", "surgical-procedure", "procedure"]) => (Class::Procedure, PROCEDURE),
        _ => (Class::Act, ACT),
    }
}

/// Ordered, proposed, or planned; an appointment.
fn mood(item: &Item<'_>) -> &'static str {
    match (item.kind, item.root().at("intent").text().as_deref()) {
        ("Appointment", _) => "APT",
        (_, Some("order" | "original-order" | "reflex-order" | "filler-order" | "instance-order" | "directive")) => "RQO",
        (_, Some("proposal")) => "PRP",
        _ => "INT",
    }
}

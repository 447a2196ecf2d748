//! Visits and stays: what, when, where, with whom, why, and how they ended; episodes of care in words.
//!
//! A diagnosis of a visit stands among the problems as a whole. Here it is named in words and as the visit's indication, with
//! the problem's own id: a second copy of the problem would be read as another one.
//!
//! Not for: visits that were only planned (`plan`).

use serde_json::{Value as Json, json};

use crate::formats::fhir::node::{Node, concept, concepts};
use crate::render::ccd::cda::{Class, Entry, Id, Name, Null, Participant, Performer, Player, Section, Template, Time, Value};
use crate::render::ccd::chart::Item;
use crate::render::ccd::codes::{self, SNOMED, SNOMED_URI};
use crate::render::ccd::context::Context;
use crate::render::ccd::narrative::Anchor;
use crate::render::ccd::values;

use super::routing::Place;
use super::sheet::{self, Sheet, Spec, part_id, participant, related};
use super::words;

const SPEC: Spec = Spec {
    prefix: "encounter",
    code: ("46240-8", "History of Hospitalizations+Outpatient visits"),
    title: "Encounters",
    templates: &[Template::both("2.16.840.1.113883.10.20.22.2.22", "2015-08-01")],
    with_entries: &[Template::both("2.16.840.1.113883.10.20.22.2.22.1", "2015-08-01")],
    needs_entries: false,
    columns: &["Date", "Encounter", "For", "Where", "With", "Ended"],
};

const ACTIVITY: Template = Template::both("2.16.840.1.113883.10.20.22.4.49", "2015-08-01");
const LOCATION: Template = Template::root("2.16.840.1.113883.10.20.22.4.32");
const INDICATION: Template = Template::both("2.16.840.1.113883.10.20.22.4.19", "2014-06-09");

/// Systems of which a kind of encounter may lead, best first.
const KINDS: [&str; 3] = ["http://www.ama-assn.org/go/cpt", SNOMED_URI, "http://terminology.hl7.org/CodeSystem/v3-ActCode"];
const DISPOSITIONS: [&str; 2] =
    ["http://www.nubc.org/patient-discharge", "http://terminology.hl7.org/CodeSystem/discharge-disposition"];

pub fn encounters(cx: &Context<'_>) -> Section {
    let mut sheet = Sheet::new(cx, &SPEC);
    for item in cx.placed(Place::Encounters) {
        let said = row(&mut sheet, &item);
        if item.kind == "Encounter" && !words::is_mistaken(item.root()) {
            sheet.push(activity(cx, &item, &said));
        }
    }
    sheet.finish()
}

/// Where the words of a visit stand.
pub struct Said {
    pub row: Anchor,
    pub what: Option<Anchor>,
    pub reason: Option<Anchor>,
    pub ended: Option<Anchor>,
}

fn row(sheet: &mut Sheet<'_, '_>, item: &Item<'_>) -> Said {
    let (root, cx) = (item.root(), sheet.cx);
    let row = sheet.begin();
    sheet.say(words::when(root, "period"));
    let class = root.at("class");
    let class = class.at("display").text().or_else(|| class.at("code").text()).map(|class| format!("class {class}"));
    let kind = concepts(root.at("type")).or_else(|| concept(root.at("serviceType")));
    let what = sheet.key("what", words::joined_by(", ", [kind, class]));
    let reason = sheet.key("reason", reasons(cx, root));
    sheet.say(places(cx, root));
    let people = root.at("participant").items().map(|part| {
        let who = words::reference(cx, root, part.at("individual"))?;
        Some(words::joined_by(", ", [Some(who), concepts(part.at("type"))]).unwrap_or_default())
    });
    sheet.say(words::joined(people.chain([words::reference(cx, root, root.at("careManager"))])));
    let stay = root.at("hospitalization");
    let ended = sheet.key("ended", concept(stay.at("dischargeDisposition")));
    let coded = root.at("type").items().chain(root.at("reasonCode").items());
    let more =
        [root.at("class"), root.at("serviceType"), root.at("priority"), stay.at("admitSource"), stay.at("dischargeDisposition")];
    sheet.end(item, coded.chain(more).collect::<Vec<_>>());
    Said { row, what, reason, ended }
}

fn reasons(cx: &Context<'_>, root: Node<'_>) -> Option<String> {
    let said = root.at("reasonCode").items().map(concept);
    let diagnoses = root.at("diagnosis").items().map(|diagnosis| {
        let use_words = concept(diagnosis.at("use"));
        let what = words::reference(cx, root, diagnosis.at("condition"))?;
        Some(format!("{}: {what}", use_words.unwrap_or_else(|| "diagnosis".into())))
    });
    let referred = root.at("reasonReference").items().map(|reason| words::reference(cx, root, reason));
    words::joined(said.chain(referred).chain(diagnoses))
}

fn places(cx: &Context<'_>, root: Node<'_>) -> Option<String> {
    let places = root.at("location").items().map(|place| {
        let name = words::reference(cx, root, place.at("location"))?;
        words::joined_by(", ", [Some(name), words::period(place.at("period"))])
    });
    words::joined(places.chain([
        words::reference(cx, root, root.at("serviceProvider")),
        words::reference(cx, root, root.at("managingOrganization")),
    ]))
}

fn activity(cx: &Context<'_>, item: &Item<'_>, said: &Said) -> Entry {
    let root = item.root();
    let mut entry = sheet::entry(cx, item, &said.row, Class::Encounter);
    entry.templates.push(ACTIVITY);
    entry.code = Some(codes::code(Node::new(&kind(root)), &KINDS, said.what.clone()));
    entry.status = match root.at("status").text().as_deref() {
        Some("finished") => Some("completed"),
        Some("arrived" | "triaged" | "in-progress" | "onleave") => Some("active"),
        Some("cancelled") => Some("cancelled"),
        _ => None,
    };
    entry.times = vec![values::time(root, "period").unwrap_or(Time::Null(Null::Unknown))];
    let ended = root.at("hospitalization").at("dischargeDisposition");
    entry.disposition = concept(ended).map(|_| codes::code(ended, &DISPOSITIONS, said.ended.clone()));
    entry.performers = root.at("participant").items().filter_map(|part| performer(cx, root, part)).collect();
    entry.participants = root.at("location").items().filter_map(|place| location(cx, root, place.at("location"))).collect();
    entry.related = indications(cx, item, said.reason.as_ref()).into_iter().map(|reason| related("RSON", reason)).collect();
    entry
}

/// The types of a visit and its class as one concept: CDA has one code, with the others as translations.
pub fn kind(root: Node<'_>) -> Json {
    let types = root.at("type").items().flat_map(|kind| kind.at("coding").items());
    let class = Some(root.at("class")).filter(|class| class.at("code").exists());
    let service = root.at("serviceType").at("coding").items();
    let codings: Vec<&Json> = types.chain(service).chain(class).filter_map(Node::value).collect();
    json!({ "coding": codings, "text": concepts(root.at("type")) })
}

fn performer(cx: &Context<'_>, root: Node<'_>, part: Node<'_>) -> Option<Performer> {
    let mut performer = cx.performer_in(root, part.at("individual"))?;
    performer.time = values::span(part.at("period"));
    Some(performer)
}

/// Where it was. C-CDA wants a kind of place of its own value set, which the records do not have.
pub fn location(cx: &Context<'_>, root: Node<'_>, reference: Node<'_>) -> Option<Participant> {
    let name = words::reference(cx, root, reference)?;
    let found = reference.at("reference").text().and_then(|at| cx.resolve(&at));
    let mut place = participant("LOC", Some("SDLOC"));
    place.templates.push(LOCATION);
    place.ids.extend(found.as_ref().map(|item| cx.id(item)));
    let kinds = found.map(|item| item.root().at("type").first());
    place.code = Some(codes::code(kinds.unwrap_or(Node::none()), &["urn:oid:2.16.840.1.113883.6.259"], None));
    if let Some(item) = found {
        place.addresses.extend(values::address(item.root().at("address")));
        place.telecoms.extend(item.root().at("telecom").items().filter_map(values::telecom));
    }
    place.player = Some(Player { is_device: false, class_code: Some("PLC"), code: None, name: Some(Name::Whole(name)) });
    Some(place)
}

/// Reasons and diagnoses of a record as indications.
pub fn indications(cx: &Context<'_>, item: &Item<'_>, words_at: Option<&Anchor>) -> Vec<Entry> {
    let root = item.root();
    let coded = root.at("reasonCode").items().enumerate().filter(|(_, reason)| concept(*reason).is_some());
    let mut found: Vec<Entry> =
        coded.map(|(at, reason)| indication(part_id(cx, item, &format!("reason-{}", at + 1)), reason, words_at)).collect();
    let diagnoses = root.at("diagnosis").items().map(|diagnosis| diagnosis.at("condition"));
    for reference in root.at("reasonReference").items().chain(diagnoses) {
        let target = reference.at("reference").text().and_then(|at| cx.resolve(&at));
        if let Some(target) = target.filter(|target| target.kind == "Condition") {
            found.push(indication(cx.id(&target), target.root().at("code"), words_at));
        }
    }
    found
}

fn indication(id: Id, reason: Node<'_>, words_at: Option<&Anchor>) -> Entry {
    Entry {
        class: Class::Observation,
        templates: vec![INDICATION],
        ids: vec![id],
        code: Some(codes::fixed("404684003", SNOMED, "Finding")),
        status: Some("completed"),
        values: vec![Value::Code(codes::code(reason, &[SNOMED_URI], words_at.cloned()))],
        ..Entry::default()
    }
}

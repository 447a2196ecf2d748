//! Insurance: who pays, under which plan and number, for how long.
//!
//! Not for: bills and payments, which are listed with the additional records.

use crate::formats::fhir::node::{Node, concept};
use crate::render::ccd::cda::{Assigned, Class, Code, Entry, Id, Name, Null, Participant, Performer, Player, Section, Template};
use crate::render::ccd::chart::Item;
use crate::render::ccd::codes::{self, LOINC};
use crate::render::ccd::context::Context;
use crate::render::ccd::narrative::Anchor;
use crate::render::ccd::values;

use super::routing::Place;
use super::sheet::{self, Sheet, Spec, part_id, participant, related, unknown_id};
use super::words;

const SPEC: Spec = Spec {
    prefix: "payer",
    code: ("48768-6", "Payment sources Document"),
    title: "Insurance",
    templates: &[Template::both("2.16.840.1.113883.10.20.22.2.18", "2015-08-01")],
    with_entries: &[],
    needs_entries: false,
    columns: &["Period", "Payer", "Kind", "Plan", "Numbers", "Details"],
};

const COVERAGE: Template = Template::both("2.16.840.1.113883.10.20.22.4.60", "2015-08-01");
const POLICY: Template = Template::both("2.16.840.1.113883.10.20.22.4.61", "2015-08-01");
const PAYER: Template = Template::root("2.16.840.1.113883.10.20.22.4.87");
const COVERED: Template = Template::root("2.16.840.1.113883.10.20.22.4.89");
const HOLDER: Template = Template::root("2.16.840.1.113883.10.20.22.4.90");

const ROLE_CLASS: &str = "2.16.840.1.113883.5.110";
const ROLE_CODE: &str = "2.16.840.1.113883.5.111";
/// Systems of which a kind of insurance may lead, best first.
const KINDS: [&str; 3] =
    ["https://nahdo.org/sopt", "urn:oid:2.16.840.1.113883.3.221.5", "http://terminology.hl7.org/CodeSystem/v3-ActCode"];

pub fn payers(cx: &Context<'_>) -> Section {
    let mut sheet = Sheet::new(cx, &SPEC);
    for item in cx.placed(Place::Payers) {
        let root = item.root();
        let row = sheet.begin();
        sheet.say(words::when(root, "period"));
        sheet.say(words::references(cx, root, root.at("payor")));
        let kind = sheet.key("kind", concept(root.at("type")));
        let plan = sheet.key("plan", plan(root));
        sheet.add(numbers(root));
        sheet.add(details(cx, root));
        let classes = root.at("class").items().map(|class| class.at("type"));
        sheet.end(&item, [root.at("type"), root.at("relationship")].into_iter().chain(classes).collect::<Vec<_>>());
        if !words::is_mistaken(root) {
            sheet.push(coverage(cx, &item, &row, kind, plan));
        }
    }
    sheet.finish()
}

/// Group, plan and other classes of the policy.
fn plan(root: Node<'_>) -> Option<String> {
    let class = |class: Node<'_>| {
        let called = words::joined_by(" ", [class.at("name").text(), class.at("value").text()])?;
        words::joined_by(" ", [concept(class.at("type")), Some(called)])
    };
    words::joined(root.at("class").items().map(class).chain([root.at("network").text()]))
}

fn numbers(root: Node<'_>) -> Option<String> {
    let ids = root.at("identifier").items().map(|id| id.at("value").text());
    words::joined([
        words::named("Subscriber", root.at("subscriberId").text()),
        words::named("Dependent", root.at("dependent").text()),
        words::named("Policy", words::joined_by(", ", ids)),
    ])
}

fn details(cx: &Context<'_>, root: Node<'_>) -> Option<String> {
    words::joined([
        words::named("Holder", words::reference(cx, root, root.at("policyHolder"))),
        words::named("Subscriber", words::reference(cx, root, root.at("subscriber"))),
        words::named("Patient is", concept(root.at("relationship"))),
        words::named("Order of payment", root.at("order").text()),
    ])
}

/// The act of all coverage with the one policy of the record.
fn coverage(cx: &Context<'_>, item: &Item<'_>, row: &Anchor, kind: Option<Anchor>, plan: Option<Anchor>) -> Entry {
    let policy = policy(cx, item, row, kind, plan);
    Entry {
        class: Class::Act,
        templates: vec![COVERAGE],
        ids: vec![part_id(cx, item, "coverage")],
        code: Some(codes::fixed("48768-6", LOINC, "Payment sources")),
        text: Some(row.clone()),
        status: Some("completed"),
        informants: vec![cx.informant(item)],
        related: vec![related("COMP", policy)],
        ..Entry::default()
    }
}

fn policy(cx: &Context<'_>, item: &Item<'_>, row: &Anchor, kind: Option<Anchor>, plan: Option<Anchor>) -> Entry {
    let root = item.root();
    let mut entry = sheet::entry(cx, item, row, Class::Act);
    entry.templates.push(POLICY);
    let mut code = codes::code(root.at("type"), &KINDS, kind);
    // A kind of insurance has a translation to be valid.
    if code.translations.is_empty() {
        code.translations.push(Code { null: Some(Null::Unknown), ..Code::default() });
    }
    entry.code = Some(code);
    entry.status = Some("completed");
    entry.performers = vec![payer(cx, root)];
    entry.participants = vec![covered(root)];
    entry.participants.extend(holder(cx, root));
    let description = Entry {
        class: Class::Act,
        mood: Some("DEF"),
        ids: vec![part_id(cx, item, "plan")],
        code: Some(Code { null: Some(Null::NotApplicable), ..Code::default() }),
        text: Some(plan.unwrap_or_else(|| row.clone())),
        ..Entry::default()
    };
    entry.related = vec![related("REFR", description)];
    entry
}

/// The template has one payer; further ones stand in the row.
fn payer(cx: &Context<'_>, root: Node<'_>) -> Performer {
    let known = root.at("payor").items().find_map(|payer| cx.performer_in(root, payer));
    let unknown = || Assigned { ids: vec![unknown_id()], ..Assigned::default() };
    let mut assigned = known.map_or_else(unknown, |known| known.assigned);
    assigned.code = Some(codes::fixed("PAYOR", ROLE_CLASS, "invoice payor"));
    Performer { templates: vec![PAYER], type_code: Some("PRF"), time: None, assigned }
}

fn covered(root: Node<'_>) -> Participant {
    let mut covered = participant("COV", Some("PAT"));
    covered.on_participation.push(COVERED);
    covered.time = values::span(root.at("period"));
    covered.ids.push(member_id(root));
    covered.code = Some(relationship(root));
    covered
}

fn member_id(root: Node<'_>) -> Id {
    let number = root.at("subscriberId").text().map(|number| {
        // The payer's own numbers: their root is that of the policy's identifier, when it has one.
        let root = root.at("identifier").items().find_map(|id| values::identifier(id));
        match root {
            Some(Id::Given { root, .. }) => Id::Given { root, extension: Some(number) },
            _ => Id::Null { null: Null::Unknown, root: None, extension: Some(number) },
        }
    });
    number.unwrap_or_else(unknown_id)
}

/// What the patient is to the subscriber.
fn relationship(root: Node<'_>) -> Code {
    let concept = root.at("relationship");
    let said = concept.at("coding").items().find_map(|coding| coding.at("code").text());
    let (code, display) = match said.as_deref() {
        Some("self" | "SELF") => ("SELF", "self"),
        Some("spouse" | "SPS") => ("SPS", "spouse"),
        Some("child" | "CHILD") => ("CHILD", "child"),
        Some("parent" | "PRN") => ("PRN", "parent"),
        _ => return codes::code(concept, &["http://terminology.hl7.org/CodeSystem/v3-RoleCode"], None),
    };
    let mut known = codes::fixed(code, ROLE_CODE, display);
    known.translations = concept.at("coding").items().map(codes::coding).collect();
    known
}

fn holder(cx: &Context<'_>, root: Node<'_>) -> Option<Participant> {
    let reference = if root.at("policyHolder").exists() { root.at("policyHolder") } else { root.at("subscriber") };
    let found = cx.performer_in(root, reference)?.assigned;
    let mut holder = participant("HLD", None);
    holder.on_participation.push(HOLDER);
    holder.ids = found.ids;
    holder.addresses = found.addresses;
    holder.telecoms = found.telecoms;
    let name = found.person.or_else(|| found.organization?.name.map(Name::Whole));
    holder.player = name.map(|name| Player { is_device: false, class_code: None, code: None, name: Some(name) });
    Some(holder)
}

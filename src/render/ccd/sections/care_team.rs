//! Care teams and their members.
//!
//! Not for: who did what (the records' own performers and authors).

use crate::formats::fhir::node::{Node, concepts};
use crate::render::ccd::cda::{Class, Entry, Performer, Section, Template, Time};
use crate::render::ccd::chart::Item;
use crate::render::ccd::codes::{self, LOINC, SNOMED_URI};
use crate::render::ccd::context::Context;
use crate::render::ccd::narrative::Anchor;
use crate::render::ccd::values;

use super::findings::from_low;
use super::routing::Place;
use super::sheet::{self, Sheet, Spec, part_id};
use super::words;

const SPEC: Spec = Spec {
    prefix: "team",
    code: ("85847-2", "Patient Care team information"),
    title: "Care Teams",
    templates: &[
        Template::new("2.16.840.1.113883.10.20.22.2.500", "2019-07-01"),
        Template::new("2.16.840.1.113883.10.20.22.2.500", "2022-06-01"),
    ],
    with_entries: &[],
    needs_entries: false,
    columns: &["Period", "Team", "Members", "Details"],
};

const TEAM: [Template; 2] = [
    Template::new("2.16.840.1.113883.10.20.22.4.500", "2019-07-01"),
    Template::new("2.16.840.1.113883.10.20.22.4.500", "2022-06-01"),
];
const MEMBER: [Template; 2] = [
    Template::new("2.16.840.1.113883.10.20.22.4.500.1", "2019-07-01"),
    Template::new("2.16.840.1.113883.10.20.22.4.500.1", "2022-06-01"),
];

pub fn care_team(cx: &Context<'_>) -> Section {
    let mut sheet = Sheet::new(cx, &SPEC);
    for item in cx.placed(Place::CareTeam) {
        let root = item.root();
        let row = sheet.begin();
        sheet.say(words::when(root, "period"));
        let what = sheet.key("what", root.at("name").text().or_else(|| concepts(root.at("category"))));
        sheet.say(words::joined(root.at("participant").items().map(|member| member_words(cx, root, member))));
        let details = words::joined([
            words::named(
                "For",
                words::joined([concepts(root.at("reasonCode")), words::references(cx, root, root.at("reasonReference"))]),
            ),
            words::named("Managed by", words::references(cx, root, root.at("managingOrganization"))),
            words::named("Remark", words::notes(root)),
        ]);
        sheet.add(details);
        let roles = root.at("participant").items().flat_map(|member| member.at("role").items());
        sheet.end(&item, root.at("category").items().chain(root.at("reasonCode").items()).chain(roles).collect::<Vec<_>>());
        let members = members(cx, &item, &row);
        // The organizer has members or is not valid; a team of nobody known stands in its words.
        if !words::is_mistaken(root) && !members.is_empty() {
            sheet.push(team(cx, &item, row, what, members));
        }
    }
    sheet.finish()
}

fn member_words(cx: &Context<'_>, root: Node<'_>, member: Node<'_>) -> Option<String> {
    let who = words::reference(cx, root, member.at("member"));
    let on_behalf = words::named("for", words::reference(cx, root, member.at("onBehalfOf")));
    words::joined_by(", ", [who, concepts(member.at("role")), on_behalf, words::period(member.at("period"))])
}

fn team(cx: &Context<'_>, item: &Item<'_>, row: Anchor, what: Option<Anchor>, members: Vec<Entry>) -> Entry {
    let mut entry = sheet::entry(cx, item, &row, Class::Organizer);
    entry.class_code = Some("CLUSTER");
    entry.templates.extend(TEAM);
    let mut code = codes::fixed("86744-0", LOINC, "Care team");
    code.original = what;
    entry.code = Some(code);
    entry.status = Some(status(item.root()));
    entry.times = vec![from_low(values::time(item.root(), "period"))];
    entry.components = members;
    entry
}

fn status(root: Node<'_>) -> &'static str {
    match root.at("status").text().as_deref() {
        Some("proposed") => "new",
        Some("suspended") => "suspended",
        Some("inactive") => "completed",
        _ => "active",
    }
}

fn members(cx: &Context<'_>, item: &Item<'_>, row: &Anchor) -> Vec<Entry> {
    let root = item.root();
    let of_team = values::time(root, "period");
    let members = root.at("participant").items().enumerate();
    let entry = |(at, member): (usize, Node<'_>)| {
        let mut performer = cx.performer_in(root, member.at("member"))?;
        let role = member.at("role").first();
        if concepts(role).is_some() {
            performer.assigned.code = Some(codes::code(role, &["http://nucc.org/provider-taxonomy", SNOMED_URI], None));
        }
        Some(Entry {
            class: Class::Act,
            class_code: Some("PCPR"),
            templates: MEMBER.to_vec(),
            ids: vec![part_id(cx, item, &format!("member-{}", at + 1))],
            code: Some(codes::fixed("85847-2", LOINC, "Patient Care team information")),
            text: Some(row.clone()),
            status: Some(status(root)),
            times: vec![from_low(period(member).or_else(|| of_team.clone()))],
            performers: vec![Performer { type_code: Some("PRF"), ..performer }],
            ..Entry::default()
        })
    };
    members.filter_map(entry).collect()
}

fn period(member: Node<'_>) -> Option<Time> {
    values::span(member.at("period"))
}

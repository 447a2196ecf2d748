//! Procedures, from Procedure: what was done to the patient, and what was not done though it was meant to be.
//!
//! Advice and other services that change no body are acts; all else is a procedure.
//!
//! Not for: what is planned.

use super::routing::Place;
use super::rows::{
    Frame, Sheet, comment, concepts_words, entry, indications, joined, name_words, notes, reasons_once, section, snomed,
    status_words, when_words, who, word,
};
use crate::formats::fhir::node::{Node, concept};
use crate::render::ccd::cda::{Class, Entry, Null, Section, Template, Time};
use crate::render::ccd::chart::Item;
use crate::render::ccd::codes::{self, SNOMED_URI};
use crate::render::ccd::context::Context;
use crate::render::ccd::narrative::Anchor;
use crate::render::ccd::values;

const FRAME: Frame = Frame {
    templates: [
        Template::both("2.16.840.1.113883.10.20.22.2.7.1", "2014-06-09"),
        Template::both("2.16.840.1.113883.10.20.22.2.7", "2014-06-09"),
    ],
    code: "47519-4",
    display: "History of Procedures Document",
    title: "Procedures",
};
const PROCEDURE: Template = Template::both("2.16.840.1.113883.10.20.22.4.14", "2014-06-09");
const ACT: Template = Template::both("2.16.840.1.113883.10.20.22.4.12", "2014-06-09");
/// Systems of procedures, as the guide prefers them.
const SYSTEMS: [&str; 8] = [
    SNOMED_URI,
    "http://www.ama-assn.org/go/cpt",
    "http://www.cms.gov/Medicare/Coding/ICD10",
    "http://hl7.org/fhir/sid/icd-10-pcs",
    "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
    "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
    "http://www.ada.org/cdt",
    "http://loinc.org",
];
/// Categories of acts that change no body (SNOMED CT): psychiatry, counselling, education, social service.
const ACTS: [&str; 4] = ["24642003", "409063005", "409073007", "410606002"];

const COLUMNS: [&str; 10] = ["Date", "Procedure", "Status", "Site", "By", "Reason", "Result", "Codes", "Source", "Comment"];

pub fn procedures(cx: &Context<'_>) -> Section {
    let mut sheet = Sheet::new("procedure", &COLUMNS);
    let records = cx.placed(Place::Procedures);
    let entries = records.iter().filter_map(|item| procedure(cx, &mut sheet, item)).collect();
    section(cx, &FRAME, vec![sheet], entries)
}

/// Where the words of a procedure stand.
struct Told {
    row: Anchor,
    name: Option<Anchor>,
    site: Option<Anchor>,
    reason: Option<Anchor>,
    note: Option<Anchor>,
}

fn procedure(cx: &Context<'_>, sheet: &mut Sheet, item: &Item<'_>) -> Option<Entry> {
    let root = item.root();
    let told = tell(cx, sheet, item);
    let time = values::time(root, "performed");
    let status = match word(root.at("status")).as_str() {
        // What was never begun is no event, and a mistake is none either.
        "entered-in-error" | "preparation" => return None,
        "in-progress" | "on-hold" => "active",
        "not-done" => "cancelled",
        "stopped" => "aborted",
        _ => "completed",
    };
    let is_act = word(root.at("category")).split_whitespace().any(|code| ACTS.contains(&code));
    let (class, template) = if is_act { (Class::Act, ACT) } else { (Class::Procedure, PROCEDURE) };
    let mut own = entry(cx, item, class, template, &told.row);
    own.negated = (status == "cancelled").then_some(true);
    own.code = Some(codes::code(root.at("code"), &SYSTEMS, told.name));
    own.status = Some(status);
    own.times = vec![time.unwrap_or(Time::Null(Null::Unknown))];
    if class == Class::Procedure {
        own.target_sites = root.at("bodySite").items().map(|site| snomed(site, told.site.clone())).collect();
    }
    own.performers = root.at("performer").items().filter_map(|who| cx.performer(who.at("actor"))).collect();
    own.related.extend(indications(&cx.id(item), root, told.reason.as_ref()));
    own.related.extend(comment(told.note));
    Some(own)
}

fn tell(cx: &Context<'_>, sheet: &mut Sheet, item: &Item<'_>) -> Told {
    let root = item.root();
    let row = sheet.row();
    sheet.say(when_words(root, "performed"));
    let name = sheet.cite("name", &name_words(root.at("code"), root));
    let status = match word(root.at("status")).as_str() {
        "not-done" => "not done".to_owned(),
        other => status_words(other),
    };
    sheet.say(joined(&[status, concepts_words(root.at("statusReason"))], ": "));
    let site = sheet.cite("site", &concepts_words(root.at("bodySite")));
    let names: Vec<String> = root.at("performer").items().filter_map(|p| who(cx, item, p.at("actor"))).collect();
    sheet.say(joined(&[names.join(", "), who(cx, item, root.at("location")).unwrap_or_default()], "; "));
    let reason = sheet.cite("reason", &reasons(cx, item));
    sheet.say(findings(cx, item));
    let concepts: Vec<Node<'_>> = [root.at("code"), root.at("category")].into_iter().chain(root.at("bodySite").items()).collect();
    let note = sheet.tail(item, &concepts, &notes(root));
    Told { row, name, site, reason, note }
}

/// Why it was done.
fn reasons(cx: &Context<'_>, item: &Item<'_>) -> String {
    let root = item.root();
    let references: Vec<String> = root.at("reasonReference").items().filter_map(|reason| who(cx, item, reason)).collect();
    reasons_once(concepts_words(root.at("reasonCode")), references)
}

/// What came of it, and what was used.
fn findings(cx: &Context<'_>, item: &Item<'_>) -> String {
    let root = item.root();
    let named = |label: &str, words: String| if words.is_empty() { words } else { format!("{label}: {words}") };
    let references = |list: Node<'_>| list.items().filter_map(|r| who(cx, item, r)).collect::<Vec<_>>().join("; ");
    let parts = [
        named("outcome", concept(root.at("outcome")).unwrap_or_default()),
        named("complication", concepts_words(root.at("complication"))),
        named("follow-up", concepts_words(root.at("followUp"))),
        named("report", references(root.at("report"))),
        named("used", joined(&[concepts_words(root.at("usedCode")), references(root.at("usedReference"))], "; ")),
    ];
    joined(&parts, "; ")
}

//! How a document is built up: a Composition with its sections and the records made of their entries.
//!
//! Not for: the narrative, which lies in the document and is read there.

use super::types::{self, Concept};
use super::{About, Part, reference};
use crate::formats::cda::{Document, Element};
use crate::mapping::fhir::{Array, Object, Resource};
use crate::mapping::systems::Coding;
use crate::mapping::{Context, Mapped};

/// Sections nested deeper stand beside the one they lie in, so that the resource stays readable everywhere.
const DEPTH_MAX: usize = 20;

/// Makes the Composition and gives its id.
pub(super) fn map(document: &Document<'_>, parts: &[Part<'_>], about: &About, cx: &Context<'_>, out: &mut Mapped) -> String {
    if parts.is_empty() {
        return String::new();
    }
    let id = reference::id_of(document, about);
    let mut resource = Resource::new("Composition", &id);
    resource.meta(&about.last_updated, &about.security);
    let mut o = resource.object();
    if let Some(ii) = document.header("setId").or_else(|| document.header("id")).filter(|ii| !ii.attr("root").is_empty()) {
        o.object("identifier", |o| types::identifier(o, &ii));
    }
    o.text("status", "final");
    concept(document, "code", cx).write(&mut o, "type");
    o.reference("subject", "Patient", &about.patient, "");
    o.reference("encounter", "Encounter", &about.encounter, "");
    o.text("date", &about.time);
    o.array("author", |list| reference::authors(list, document));
    o.text("title", &reference::title(document, cx));
    o.text("confidentiality", document.header("confidentialityCode").map_or("", |code| code.attr("code")));
    o.array("attester", |list| {
        attester(list, "legal", document.header("legalAuthenticator"), cx);
        for authenticator in document.root().children("authenticator") {
            attester(list, "professional", Some(authenticator), cx);
        }
    });
    o.object("custodian", |o| reference::custodian(o, document));
    o.array("relatesTo", |list| {
        for (code, ii) in reference::related(document) {
            list.object(|o| {
                o.text("code", code).object("targetIdentifier", |o| types::identifier(o, &ii));
            });
        }
    });
    o.array("event", |list| {
        for event in document.root().children("documentationOf").filter_map(|of| of.child("serviceEvent")) {
            service_event(document, list, &event, cx);
        }
    });
    o.array("section", |list| sections(list, document, parts, 1, cx));
    out.resources.push(resource.finish());
    id
}

fn concept(document: &Document<'_>, name: &str, cx: &Context<'_>) -> Concept {
    document.header(name).map(|code| types::concept(document, &code, cx)).unwrap_or_default()
}

fn attester(list: &mut Array<'_>, mode: &str, of: Option<Element<'_>>, cx: &Context<'_>) {
    let Some(of) = of else { return };
    list.object(|o| {
        o.text("mode", mode);
        o.text("time", &of.child("time").map(|time| types::start(&time, cx)).unwrap_or_default());
        o.object("party", |o| of.child("assignedEntity").iter().for_each(|entity| types::party(o, entity)));
    });
}

fn service_event(document: &Document<'_>, list: &mut Array<'_>, event: &Element<'_>, cx: &Context<'_>) {
    let code = event.child("code").map(|code| types::concept(document, &code, cx)).unwrap_or_default();
    let (start, end) = event.child("effectiveTime").map(|time| types::interval(&time, cx)).unwrap_or_default();
    list.object(|o| {
        o.array("code", |list| list.concept(&code.codings, &code.text));
        o.period("period", &start, &end);
    });
}

fn sections(list: &mut Array<'_>, document: &Document<'_>, parts: &[Part<'_>], depth: usize, cx: &Context<'_>) {
    for part in parts {
        list.object(|o| {
            section(o, document, part, cx);
            if depth < DEPTH_MAX {
                o.array("section", |list| sections(list, document, &part.inside, depth + 1, cx));
            }
        });
        if depth == DEPTH_MAX {
            sections(list, document, &part.inside, depth, cx);
        }
    }
}

fn section(o: &mut Object<'_>, document: &Document<'_>, part: &Part<'_>, cx: &Context<'_>) {
    let section = &part.section;
    o.text("title", &section.title());
    section.code().map(|code| types::concept(document, &code, cx)).unwrap_or_default().write(o, "code");
    o.array("entry", |list| {
        for made in &part.made {
            list.object(|o| {
                o.text("reference", made);
            });
        }
    });
    let reason = match section.element.null_flavor() {
        "" => return,
        "NASK" => "notasked",
        "MSK" => "withheld",
        _ => "unavailable",
    };
    let system = "http://terminology.hl7.org/CodeSystem/list-empty-reason";
    o.concept("emptyReason", &[Coding::new(system, reason, "")], "");
}

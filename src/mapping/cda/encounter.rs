//! The visit that a document belongs to: `componentOf/encompassingEncounter` as an Encounter.
//!
//! Not for: visits listed in sections (`entries`).

use super::About;
use super::types::{self, Concept};
use crate::formats::cda::{Document, Element};
use crate::mapping::fhir::{Object, Resource};
use crate::mapping::systems::Coding;
use crate::mapping::{Context, Mapped};

const CLASS: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
const NULL_FLAVOR: &str = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor";

/// Makes an Encounter when the visit has an id, and gives that id.
pub(super) fn map(document: &Document<'_>, about: &About, cx: &Context<'_>, out: &mut Mapped) -> String {
    let Some(visit) = document.encompassing_encounter() else { return String::new() };
    let id = types::id_of(&visit);
    if !id.is_empty() && !about.patient.is_empty() {
        // As an entry about it is named (`entries`): one visit is told of in many documents.
        let id = format!("{}..{id}", about.patient);
        out.resources.push(encounter(document, &visit, &id, about, cx));
        return id;
    }
    String::new()
}

fn encounter(document: &Document<'_>, visit: &Element<'_>, id: &str, about: &About, cx: &Context<'_>) -> Vec<u8> {
    let (start, end) = visit.child("effectiveTime").map(|time| types::interval(&time, cx)).unwrap_or_default();
    let code = visit.child("code").map(|code| types::concept(document, &code, cx)).unwrap_or_default();
    let (class, kind): (Vec<Coding>, Vec<Coding>) = code.codings.into_iter().partition(|c| c.system == CLASS);
    let class = class.into_iter().next().unwrap_or_else(|| Coding::new(NULL_FLAVOR, "UNK", "unknown"));
    let mut resource = Resource::new("Encounter", id);
    resource.meta(&about.last_updated, &about.security);
    let mut o = resource.object();
    o.array("identifier", |list| types::identifiers(list, visit));
    // A document does not say how far the visit had come; one with an end is over.
    o.text("status", if end.is_empty() { "unknown" } else { "finished" });
    o.object("class", |o| class.write(o));
    o.array("type", |list| list.concept(&kind, &code.text));
    o.reference("subject", "Patient", &about.patient, "");
    o.array("participant", |list| {
        for (entity, code) in participants(visit) {
            list.object(|o| {
                o.array("type", |list| {
                    list.concept(&[Coding::new("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", code, "")], "");
                });
                o.object("individual", |o| types::party(o, &entity));
            });
        }
    });
    o.period("period", &start, &end);
    o.object("hospitalization", |o| {
        let code = visit.child("dischargeDispositionCode").or_else(|| visit.child("sdtc:dischargeDispositionCode"));
        let disposition: Concept = code.map(|code| types::concept(document, &code, cx)).unwrap_or_default();
        disposition.write(o, "dischargeDisposition");
    });
    o.array("location", |list| {
        list.object(|o| {
            o.object("location", |o| facility(o, visit));
        });
    });
    o.object("serviceProvider", |o| {
        let provider = visit.path(&["location", "healthCareFacility", "serviceProviderOrganization", "name"]);
        o.text("display", &provider.map(|name| types::name_line(&name)).unwrap_or_default());
    });
    resource.finish()
}

/// Who took part, each with the code of the participation.
fn participants<'t>(visit: &Element<'t>) -> Vec<(Element<'t>, &'t str)> {
    let responsible = visit.children("responsibleParty").map(|party| (party, "PPRF"));
    let others = visit.children("encounterParticipant").map(|party| (party, party.attr("typeCode")));
    let named = |(party, code): (Element<'t>, &'t str)| party.child("assignedEntity").map(|entity| (entity, code));
    let of = responsible.chain(others).filter_map(named);
    of.filter(|(entity, _)| !types::party_line(entity).is_empty()).collect()
}

/// The place of a visit, as words and number.
fn facility(o: &mut Object<'_>, visit: &Element<'_>) {
    let Some(facility) = visit.path(&["location", "healthCareFacility"]) else { return };
    let name = facility.path(&["location", "name"]).map(|name| types::name_line(&name)).unwrap_or_default();
    if name.is_empty() {
        return;
    }
    if let Some(ii) = types::ids(&facility).iter().find(|ii| !ii.attr("extension").is_empty()) {
        o.object("identifier", |o| types::identifier(o, ii));
    }
    o.text("display", &name);
}

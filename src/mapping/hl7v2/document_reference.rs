//! What every DocumentReference has, its category and its contents; and those of documents that stand below no report.
//!
//! Not for: documents with a header of their own (`documents`).

use super::attachment::Attachment;
use super::scope::{Names, Scope};
use crate::formats::hl7v2::Segment;
use crate::mapping::Mapped;
use crate::mapping::fhir::Object;
use crate::mapping::systems::Coding;

/// A document of an OBX that stands below no report.
pub(super) fn stray(scope: &Scope<'_, '_>, obx: Segment<'_>, document: &Attachment, names: &mut Names, out: &mut Mapped) {
    let id = {
        let (code, sub, time) = (obx.field(3).text(), obx.field(4).text(), obx.field(14).text());
        scope.name(&["document", &scope.encounter, &time, &sub, &code])
    };
    let id = names.unique("DocumentReference", id);
    let mut resource = scope.begin("DocumentReference", &id, &[obx.field(13)]);
    let mut o = resource.object();
    let is_withdrawn = matches!(obx.field(11).text().as_ref(), "D" | "W");
    o.text("status", if is_withdrawn { "entered-in-error" } else { "current" });
    scope.required_concept(&mut o, "type", obx.field(3), "");
    o.array("category", |list| list.concept(&[note_category()], ""));
    scope.subject(&mut o, "subject");
    o.text("date", scope.time(obx.field(14)).instant());
    o.array("author", |list| obx.field(16).repetitions().for_each(|p| scope.xcn_in(list, p)));
    content(&mut o, std::slice::from_ref(document), "");
    o.object("context", |o| {
        o.array("encounter", |list| {
            if !scope.encounter.is_empty() {
                list.reference("Encounter", &scope.encounter, "");
            }
        });
    });
    out.resources.push(resource.finish());
}

pub(super) fn note_category() -> Coding {
    const CATEGORY: &str = "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category";
    Coding::new(CATEGORY, "clinical-note", "Clinical Note")
}

/// The contents; FHIR demands one, so a document that was only announced has a title.
pub(super) fn content(o: &mut Object<'_>, contents: &[Attachment], title: &str) {
    o.array("content", |list| {
        for attachment in contents {
            list.object(|o| {
                o.object("attachment", |o| attachment.write(o));
            });
        }
        if contents.is_empty() {
            list.object(|o| {
                o.object("attachment", |o| {
                    o.text("title", if title.is_empty() { "No content was sent" } else { title });
                });
            });
        }
    });
}

//! Notes that lie in sections → DocumentReference with their text; care teams → CareTeam.
//!
//! Not for: the document itself, which has a DocumentReference of its own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::read::{name, related};
use super::work::{Scope, Work};
use crate::formats::cda::{Element, text_of};
use crate::formats::sniff;
use crate::mapping::systems::Coding;

const CATEGORY: &str = "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category";

/// The content of a note: media type and base64.
struct Content {
    media_type: String,
    data: String,
}

impl<'a> Work<'a> {
    pub fn note_activity(&mut self, entry: Element<'a>, scope: Scope<'a>) {
        let mut kind = self.concept(entry.child("code"));
        // The code of all notes says less than the translation beside it.
        if let Some(own) = kind.codings.iter().find(|coding| coding.code != "34109-9" && !coding.display.is_empty())
            && (kind.text.is_empty() || kind.codings.iter().any(|c| c.code == "34109-9" && c.display == kind.text))
        {
            kind.text = own.display.clone();
        }
        let Some(content) = self.content(entry, &scope) else {
            self.empty(entry);
            return;
        };
        let section = super::super::types::spaced(&scope.section.child("title").map(|t| t.text()).unwrap_or_default());
        let title = if name(&kind).is_empty() { section } else { name(&kind).to_owned() };
        let when = self.span(entry.child("effectiveTime"));
        let what = format!("{} {}", super::read::key(&kind), when.start());
        let mut draft = self.begin_as("DocumentReference", entry, what.trim());
        let mut o = draft.resource.object();
        o.text("status", "current");
        kind.write(&mut o, "type");
        o.array("category", |list| list.concept(&[Coding::new(CATEGORY, "clinical-note", "Clinical Note")], ""));
        self.subject(&mut o, "subject");
        let written = self.authored(entry, &scope);
        o.text("date", if written.len() >= 20 { &written } else { "" });
        o.array("author", |list| {
            for author in entry.children("author").filter_map(|a| a.child("assignedAuthor")) {
                list.object(|o| self.party(o, author));
            }
        });
        o.array("content", |list| {
            list.object(|o| {
                o.object("attachment", |o| {
                    o.text("contentType", &content.media_type).text("data", &content.data).text("title", &title);
                    o.text("creation", &written);
                });
            });
        });
        o.object("context", |o| {
            let encounter = self.encounter_of(entry);
            o.array("encounter", |list| list.reference("Encounter", &encounter, ""));
            when.write_period(o, "period");
        });
        self.keep(draft, &title);
    }

    /// The file inside the entry, or the narrative that it points to; where it points nowhere and is the only entry, that
    /// of its section.
    fn content(&self, entry: Element<'a>, scope: &Scope<'a>) -> Option<Content> {
        let text = entry.child("text")?;
        let own = text.text();
        if text.attr("representation") == "B64" && !own.trim().is_empty() {
            let data: String = own.split_whitespace().collect();
            let bytes = STANDARD.decode(&data).ok()?;
            let media_type = sniff::sniff(&bytes, Some(text.attr("mediaType"))).media_type().to_owned();
            return Some(Content { media_type, data });
        }
        let mut words = if own.trim().is_empty() { self.referenced(text) } else { text_of(&text) };
        if words.trim().is_empty() && scope.section.children("entry").nth(1).is_none() {
            words = scope.section.child("text").map(|text| self.narrative(text)).unwrap_or_default();
        }
        let words = words.trim();
        (!words.is_empty()).then(|| Content { media_type: "text/plain; charset=utf-8".to_owned(), data: STANDARD.encode(words) })
    }

    pub fn team(&mut self, organizer: Element<'a>) {
        let members: Vec<_> = related(organizer).flat_map(|(_, act)| act.children("performer").map(move |p| (act, p))).collect();
        if members.is_empty() {
            self.empty(organizer);
            return;
        }
        let kind = related(organizer).map(|(_, act)| act).find(|act| super::rules::has(*act, &["22.4.500.2"]));
        let mut draft = self.begin_as("CareTeam", organizer, "");
        let mut o = draft.resource.object();
        o.text(
            "status",
            match super::read::status(organizer) {
                "active" => "active",
                "completed" | "aborted" => "inactive",
                "suspended" | "held" => "suspended",
                "nullified" => "entered-in-error",
                _ => "",
            },
        );
        let category = self.concept(kind.and_then(|kind| kind.child("value")));
        o.array("category", |list| list.concept(&category.codings, &category.text));
        o.text("name", &self.words(organizer.path(&["code", "originalText"])));
        self.subject(&mut o, "subject");
        self.span(organizer.child("effectiveTime")).write_period(&mut o, "period");
        o.array("participant", |list| {
            for (act, performer) in &members {
                list.object(|o| {
                    let entity = performer.child("assignedEntity");
                    let role = performer.child("sdtc:functionCode").or_else(|| performer.child("functionCode"));
                    let role = self.concept(role.or_else(|| entity.and_then(|e| e.child("code"))));
                    o.array("role", |list| list.concept(&role.codings, &role.text));
                    if let Some(entity) = entity {
                        o.object("member", |o| self.party(o, entity));
                    }
                    self.span(act.child("effectiveTime")).write_period(o, "period");
                });
            }
        });
        self.keep(draft, "Care team");
    }
}

//! One patient's part of a message, with what every mapper needs to know beside its segments.
//!
//! Not for: making resources.

use super::rules::Rules;
use crate::formats::hl7v2::{Message, Segment, Value};
use crate::mapping::time::{self, Time};
use crate::mapping::{Context, Mapped, id};
use crate::model::Finding;

/// The segments of a message that speak of one patient, or all of them when it speaks of one at most.
pub struct Group<'m> {
    pub message: &'m Message<'m>,
    pub segments: Vec<Segment<'m>>,
    pub rules: &'m Rules,
    pub cx: &'m Context<'m>,
    /// MSH-9.1, `ORU`.
    pub code: String,
    /// MSH-9.2, `R01`.
    pub event: String,
    /// When this state was made (EVN-2, else MSH-7), as an instant for `meta.lastUpdated`; empty when not told.
    pub made: String,
    /// The id of the Patient; empty when there is none.
    pub patient: String,
    /// The id of the Encounter; empty when there is none.
    pub encounter: String,
}

impl<'m> Group<'m> {
    /// Cuts a message into groups, one for each PID; what stands before the first PID belongs to the first.
    pub fn all(message: &'m Message<'m>, rules: &'m Rules, cx: &'m Context<'m>) -> Vec<Group<'m>> {
        let (code, event) = message.code_and_event();
        let mut groups: Vec<Vec<Segment<'m>>> = vec![Vec::new()];
        let mut has_patient = false;
        for segment in message.segments().skip(1) {
            if segment.is("PID") && std::mem::replace(&mut has_patient, true) {
                groups.push(Vec::new());
            }
            if let Some(group) = groups.last_mut() {
                group.push(segment);
            }
        }
        let new = |segments| {
            let mut group = Group {
                message,
                segments,
                rules,
                cx,
                code: code.trim().to_ascii_uppercase(),
                event: event.trim().to_ascii_uppercase(),
                made: String::new(),
                patient: String::new(),
                encounter: String::new(),
            };
            let recorded = message.first("EVN").map(|evn| group.time(evn.field(2)).instant().to_owned());
            let sent = || group.time(message.header().field(7)).instant().to_owned();
            group.made = recorded.filter(|t| !t.is_empty()).unwrap_or_else(sent);
            group.patient = group.patient_id();
            group.encounter = group.encounter_id();
            group
        };
        groups.into_iter().map(new).collect()
    }

    /// The first segment of that name.
    pub fn first(&self, name: &str) -> Option<Segment<'m>> {
        self.all_of(name).next()
    }

    /// The segments of that name.
    pub fn all_of<'g>(&'g self, name: &'g str) -> impl Iterator<Item = Segment<'m>> + 'g {
        self.segments.iter().copied().filter(move |segment| segment.is(name))
    }

    /// `meta.lastUpdated` of the patient, the visit and what else every message repeats in passing: only a registration
    /// tells their state, and an order that leaves half of it out must not pass for the newer version.
    pub fn made_by_registration(&self) -> &str {
        if matches!(self.code.as_str(), "ADT" | "BAR") { &self.made } else { "" }
    }

    /// Whether DG1 and PR1 speak of the patient or the visit, and not of an order.
    pub fn holds_diagnoses(&self) -> bool {
        matches!(self.code.as_str(), "ADT" | "BAR" | "DFT" | "REF" | "RRI" | "PPR")
    }

    /// What a diagnosis or a procedure is named after: the visit, else the patient.
    pub fn owner(&self) -> &str {
        if self.encounter.is_empty() { &self.patient } else { &self.encounter }
    }

    /// A TS or DTM.
    pub fn time(&self, value: Value<'_>) -> Time {
        let text = value.text();
        if text.is_empty() || self.rules.null_times.iter().any(|null| *null == text) {
            return Time::default();
        }
        time::read(&text, self.cx.zone)
    }

    /// A TS or DTM as FHIR dateTime; empty when it is none.
    pub fn time_text(&self, value: Value<'_>) -> String {
        self.time(value).text
    }

    /// Tells of something odd in a segment; `note` says where and what, never the content.
    pub fn note(&self, out: &mut Mapped, code: &'static str, segment: Segment<'_>, note: &str) {
        let offset = segment.offset() as u64;
        if out.findings.len() < 1000 {
            out.findings.push(Finding { code, offset, note: format!("{} {note}", segment.name()) });
        }
    }

    /// Who assigned a number: namespace, else universal id, else the site's own. Arguments are the parts of an HD.
    pub fn authority(&self, namespace: &str, universal: &str) -> String {
        let stated = if namespace.is_empty() { universal } else { namespace };
        if stated.is_empty() { self.rules.site_authority.clone() } else { stated.to_owned() }
    }

    /// The id of the patient whom a CX names; empty when it holds no number.
    pub fn id_of_cx(&self, cx: Value<'_>) -> String {
        let authority = cx.component(4);
        id::id(&[&self.authority(&authority.sub(1).text(), &authority.sub(2).text()), &cx.text()])
    }

    /// Of several CX, the one by which this site knows a patient.
    pub fn preferred_cx(&self, field: Value<'m>) -> Option<Value<'m>> {
        let stated = || field.repetitions().filter(|cx| !cx.text().is_empty());
        let of_authority =
            |wanted: &String| stated().find(|cx| [1, 2].iter().any(|&n| cx.component(4).sub(n).text() == wanted.as_str()));
        let of_type = |wanted: &String| stated().find(|cx| cx.component(5).text().eq_ignore_ascii_case(wanted));
        let rules = self.rules;
        let by_authority = rules.patient_id_authorities.iter().find_map(of_authority);
        by_authority.or_else(|| rules.patient_id_types.iter().find_map(of_type)).or_else(|| stated().next())
    }

    /// PID-3, else the older PID-2 and PID-4. A patient without any number gets the message's name, so that what the
    /// message says stays together and with nobody else.
    fn patient_id(&self) -> String {
        let Some(pid) = self.first("PID") else { return String::new() };
        if let Some(cx) = [3, 2, 4].into_iter().find_map(|n| self.preferred_cx(pid.field(n))) {
            return self.id_of_cx(cx);
        }
        if (5..=11).all(|n| pid.field(n).is_empty()) {
            return String::new();
        }
        let header = self.message.header();
        let place = pid.index().to_string();
        let control = header.field(10).text();
        if control.is_empty() { String::new() } else { id::id(&["unidentified", &header.field(3).text(), &control, &place]) }
    }

    /// PV1-19, else PV1-50, else the account (PID-18), else patient and time of admission. A number without an
    /// authority may be one of the patient's own, so it counts for him alone.
    fn encounter_id(&self) -> String {
        let Some(pv1) = self.first("PV1") else { return String::new() };
        let number = [19, 50].into_iter().map(|n| pv1.field(n)).find(|cx| !cx.text().is_empty());
        let account = || self.first("PID").map(|pid| pid.field(18)).filter(|cx| !cx.text().is_empty());
        if let Some((kind, cx)) = number.map(|cx| ("visit", cx)).or_else(|| account().map(|cx| ("account", cx))) {
            return self.id_of_visit(kind, cx, &self.patient);
        }
        let admitted = pv1.field(44).text();
        if self.patient.is_empty() { String::new() } else { id::id(&[&self.patient, "admitted", &admitted]) }
    }

    /// The id of the Encounter of a visit or account number. `kind` is `visit` or `account`.
    pub fn id_of_visit(&self, kind: &str, cx: Value<'_>, patient: &str) -> String {
        let authority = cx.component(4);
        let authority = self.authority(&authority.sub(1).text(), &authority.sub(2).text());
        let owner = if authority.is_empty() { patient } else { &authority };
        id::id(&[owner, kind, &cx.text()])
    }
}

//! One audit entry: who did what, when, from where, to whose records (spec audit.md §2 and §3).
//!
//! Not for: its place in the chain; `seq`, `prev`, `id`, `ts` and `cp` are put in by the stream that takes it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::limits::AUDIT_TEXT_MAX;
use crate::model::{Kind, Label, PatientKey, Place};

use super::hex;

/// Every event that may be logged (spec audit.md §2).
pub const EVENTS: &[&str] = &[
    "app.start",
    "app.stop",
    "audit.start",
    "audit.stop",
    "audit.verify",
    "audit.query",
    "audit.export",
    "audit.recovered",
    "audit.key_rotated",
    "audit.published",
    "audit.retired",
    "auth.login",
    "auth.login_failed",
    "auth.logout",
    "auth.session_expired",
    "auth.token_issued",
    "auth.token_introspected",
    "auth.token_rejected",
    "auth.token_revoked",
    "auth.launch",
    "auth.step_up",
    "auth.session_ended",
    "auth.rate_limited",
    "authz.denied",
    "authz.abandoned",
    "patient.search",
    "record.read",
    "record.search",
    "record.everything",
    "document.view",
    "document.download",
    "document.print",
    "export.bulk.start",
    "export.bulk.file",
    "export.bulk.end",
    "release.viewed",
    "release.changed",
    "release.created",
    "release.approved",
    "release.delivered",
    "release.fetched",
    "release.refused",
    "disclosure",
    "disclosure.suspended",
    "disclosure.resumed",
    "btg.start",
    "btg.use",
    "btg.stop",
    "btg.reviewed",
    "signal.reviewed",
    "notice.sent",
    "notice.failed",
    "alert.seen",
    "policy.changed",
    "user.created",
    "user.disabled",
    "user.role_changed",
    "user.credential_changed",
    "user.unlocked",
    "client.created",
    "client.disabled",
    "relation.imported",
    "label.changed",
    "identity.changed",
    "identity.reviewed",
    "hold.set",
    "hold.cleared",
    "ingest.run",
    "archive.maintained",
    "archive.viewed",
    "config.changed",
];

/// Facts of a `disclosure` entry: what left, and what for.
pub const DESCRIPTION: &str = "description";
pub const PURPOSE: &str = "purpose";

/// What was done, as a code of FHIR `audit-event-action`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Action {
    Create,
    Read,
    Update,
    Delete,
    #[default]
    Execute,
}

impl Action {
    pub fn code(self) -> &'static str {
        match self {
            Action::Create => "C",
            Action::Read => "R",
            Action::Update => "U",
            Action::Delete => "D",
            Action::Execute => "E",
        }
    }
}

/// How it ended, as a code of FHIR `audit-event-outcome`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Outcome {
    #[default]
    Success,
    MinorFailure,
    SeriousFailure,
    MajorFailure,
}

impl Outcome {
    pub fn code(self) -> &'static str {
        match self {
            Outcome::Success => "0",
            Outcome::MinorFailure => "4",
            Outcome::SeriousFailure => "8",
            Outcome::MajorFailure => "12",
        }
    }
}

/// Who. Identity is (`iss`, `sub`), never the name.
#[derive(Clone, Debug, Default)]
pub struct User {
    pub iss: String,
    pub sub: String,
    pub name: String,
    pub roles: Vec<String>,
}

/// The question, for searches and requests.
#[derive(Clone, Debug, Default)]
pub struct QueryText {
    pub method: String,
    /// Path and query as received.
    pub path: String,
    /// As understood, in words or parameters.
    pub text: Option<String>,
    pub hits: Option<u64>,
}

/// One use of break-glass (spec audit.md §3 `btg`).
#[derive(Clone, Debug, Default)]
pub struct BreakGlass {
    pub id: String,
    pub reason_code: String,
    /// What the person wrote; only in the entry that begins it.
    pub reason_text: Option<String>,
    /// RFC 3339.
    pub expires: Option<String>,
}

/// Who received what left the organisation (spec audit.md §3 `recipient`).
#[derive(Clone, Debug, Default)]
pub struct Recipient {
    pub name: String,
    pub organisation: Option<String>,
    pub address: Option<String>,
    /// Legal basis, a code of the accounting rules.
    pub authority: Option<String>,
}

/// What is to be logged. Only `event` must be set; what is empty is left out.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// One of [`EVENTS`].
    pub event: &'static str,
    pub action: Action,
    pub outcome: Outcome,
    pub outcome_desc: Option<String>,
    pub user: Option<User>,
    /// SHA-256 of the session id cut to 16 bytes, in hex.
    pub session: Option<String>,
    /// `jti` of the bearer token.
    pub token_id: Option<String>,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
    /// Patients whose data leave, or whom the question was about.
    pub patients: Vec<PatientKey>,
    /// Every record shown.
    pub shown: Vec<Place>,
    /// Kinds shown.
    pub kinds: Vec<Kind>,
    /// Highest label shown.
    pub label: Label,
    /// Code of v3-ActReason.
    pub purpose: Option<&'static str>,
    /// A second purpose: `BTG` beside the person's own under a break-glass.
    pub also_purpose: Option<&'static str>,
    pub query: Option<QueryText>,
    pub request_id: Option<String>,
    /// OAuth client that asked.
    pub client_id: Option<String>,
    /// SMART scopes of the token, as it said them.
    pub scopes: Option<String>,
    /// SHA-256 of the policy that decided, in hex.
    pub policy: Option<Arc<str>>,
    /// The use of break-glass that this belongs to.
    pub break_glass: Option<BreakGlass>,
    /// To whom it went, for disclosures.
    pub recipient: Option<Recipient>,
    /// Facts of particular events, in words of a program (accession id, discarded bytes …): no record content.
    pub detail: Vec<(&'static str, String)>,
}

impl Entry {
    pub fn new(event: &'static str) -> Entry {
        Entry { event, ..Entry::default() }
    }

    /// The members of the entry but those of the chain.
    pub(crate) fn members(&self) -> Map<String, Value> {
        let mut all = Map::new();
        let mut put = |name: &str, value: Value| {
            if !is_empty(&value) {
                all.insert(name.to_string(), value);
            }
        };
        put("event", json!(self.event));
        put("action", json!(self.action.code()));
        put("outcome", json!(self.outcome.code()));
        put("outcome_desc", opt(self.outcome_desc.as_deref()));
        put("user", self.user.as_ref().map_or(Value::Null, user_value));
        put("client", client_value(self));
        put("net", object([("ip", opt(self.ip.as_deref())), ("ua", opt(self.user_agent.as_deref()))]));
        put("patients", self.patients.iter().map(|p| json!({ "archive_id": p.as_str() })).collect());
        put("shown", shown_value(&self.shown));
        put("domains", domains(&self.kinds).into_iter().map(Value::from).collect());
        put("labels", self.label.classes().map(|class| Value::from(class.name())).collect());
        let purposes = self.purpose.into_iter().chain(self.also_purpose);
        put("purpose", purposes.map(|code| json!({ "code": code, "system": ACT_REASON })).collect());
        put("query", self.query.as_ref().map_or(Value::Null, query_value));
        put("req_id", opt(self.request_id.as_deref()));
        put("policy", opt(self.policy.as_deref()));
        put("btg", self.break_glass.as_ref().map_or(Value::Null, break_glass_value));
        put("recipient", self.recipient.as_ref().map_or(Value::Null, recipient_value));
        put("detail", object(self.detail.iter().map(|(name, text)| (*name, text_value(text)))));
        put("build", json!(env!("CARGO_PKG_VERSION")));
        put("v", json!(1));
        all
    }
}

const ACT_REASON: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";

fn user_value(user: &User) -> Value {
    object([
        ("iss", text_value(&user.iss)),
        ("sub", text_value(&user.sub)),
        ("name", text_value(&user.name)),
        ("roles", user.roles.iter().map(|r| text_value(r)).collect()),
    ])
}

fn client_value(entry: &Entry) -> Value {
    object([
        ("client_id", opt(entry.client_id.as_deref())),
        ("scope", opt(entry.scopes.as_deref())),
        ("session", opt(entry.session.as_deref())),
        ("token_jti", opt(entry.token_id.as_deref())),
    ])
}

fn break_glass_value(used: &BreakGlass) -> Value {
    object([
        ("id", text_value(&used.id)),
        ("reason_code", text_value(&used.reason_code)),
        ("reason_text", opt(used.reason_text.as_deref())),
        ("expires", opt(used.expires.as_deref())),
    ])
}

fn recipient_value(recipient: &Recipient) -> Value {
    object([
        ("name", text_value(&recipient.name)),
        ("org", opt(recipient.organisation.as_deref())),
        ("address", opt(recipient.address.as_deref())),
        ("authority", opt(recipient.authority.as_deref())),
    ])
}

fn query_value(query: &QueryText) -> Value {
    object([
        ("method", text_value(&query.method)),
        ("path", text_value(&query.path)),
        ("clean", opt(query.text.as_deref())),
        ("hits", query.hits.map_or(Value::Null, Value::from)),
    ])
}

/// Records by accession and generation, their ordinals as ranges: `0-339,512`.
fn shown_value(places: &[Place]) -> Value {
    let mut groups: BTreeMap<(&str, u32), Vec<u64>> = BTreeMap::new();
    for place in places {
        groups.entry((place.accession.as_str(), place.generation)).or_default().push(place.ordinal);
    }
    groups
        .into_iter()
        .map(|((accession, generation), mut ordinals)| {
            ordinals.sort_unstable();
            ordinals.dedup();
            let count = ordinals.len();
            json!({ "accession": accession, "count": count, "generation": generation, "ordinals": ranges(&ordinals) })
        })
        .collect()
}

fn ranges(sorted: &[u64]) -> String {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for ordinal in sorted {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == *ordinal => *last = *ordinal,
            _ => runs.push((*ordinal, *ordinal)),
        }
    }
    let texts = runs.iter().map(|(a, b)| if a == b { a.to_string() } else { format!("{a}-{b}") });
    texts.collect::<Vec<_>>().join(",")
}

/// The ordinals that a text of ranges names; `None` when it is not one. The inverse of what entries hold.
pub fn parse_ranges(text: &str) -> Option<Vec<std::ops::RangeInclusive<u64>>> {
    let number = |t: &str| t.parse::<u64>().ok();
    text.split(',')
        .map(|part| match part.split_once('-') {
            Some((a, b)) => Some(number(a)?..=number(b)?),
            None => number(part).map(|n| n..=n),
        })
        .collect()
}

/// Categories of data as ASTM E2147-18 §7.1.9 wants them told apart.
fn domains(kinds: &[Kind]) -> Vec<&'static str> {
    let mut all: Vec<&str> = kinds.iter().map(|k| domain(k.name())).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn domain(kind: &str) -> &'static str {
    match kind {
        "Patient" | "RelatedPerson" | "Person" => "demographics",
        "AllergyIntolerance" => "allergies",
        "Condition" => "problems",
        "Immunization" | "ImmunizationEvaluation" | "ImmunizationRecommendation" => "immunizations",
        "Observation" | "DiagnosticReport" | "Specimen" => "results",
        "Procedure" => "procedures",
        "Encounter" | "EpisodeOfCare" | "Appointment" => "encounters",
        "DocumentReference" | "Composition" | "Binary" | "ClinicalImpression" => "documents",
        "ImagingStudy" | "Media" => "images",
        "CarePlan" | "CareTeam" | "Goal" | "ServiceRequest" => "plans",
        "Coverage" | "Claim" | "ClaimResponse" | "ExplanationOfBenefit" | "Account" | "ChargeItem" | "Invoice" => "billing",
        "Consent" => "consents",
        _ if kind.starts_with("Medication") => "meds",
        _ => "other",
    }
}

fn object<'a>(members: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    members.into_iter().filter(|(_, v)| !is_empty(v)).map(|(name, value)| (name.to_string(), value)).collect()
}

fn opt(text: Option<&str>) -> Value {
    text.map_or(Value::Null, text_value)
}

/// A text from outside, cut when too long; the digest of the whole then stands beside it.
fn text_value(text: &str) -> Value {
    if text.len() <= AUDIT_TEXT_MAX {
        return json!(text);
    }
    let end = text.floor_char_boundary(AUDIT_TEXT_MAX);
    json!({ "sha256": hex(&Sha256::digest(text.as_bytes())), "text": text[..end], "truncated": true })
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::json::canonical;
    use super::*;
    use crate::model::AccessionId;

    fn place(ordinal: u64) -> Place {
        Place { accession: AccessionId::parse("acc-0123456789abcdef").unwrap(), generation: 1, ordinal }
    }

    #[test]
    fn a_chart_of_340_records_is_an_entry_under_a_kilobyte() {
        let entry = Entry {
            action: Action::Read,
            user: Some(User { iss: "local".into(), sub: "u-1".into(), name: "Dr. A".into(), roles: vec!["clinician".into()] }),
            session: Some("00112233445566778899aabbccddeeff".into()),
            ip: Some("10.0.0.1".into()),
            patients: vec![PatientKey::parse("mer.123").unwrap()],
            shown: (0..340).rev().chain([512, 512]).map(place).collect(),
            kinds: vec![Kind::PATIENT, Kind::from_name("Observation").unwrap(), Kind::from_name("Condition").unwrap()],
            purpose: Some("TREAT"),
            query: Some(QueryText { method: "GET".into(), path: "/chart/mer.123".into(), ..QueryText::default() }),
            request_id: Some("r-1".into()),
            ..Entry::new("record.read")
        };
        let text = String::from_utf8(canonical(&entry.members())).unwrap();
        assert!(text.len() < 900, "{} bytes", text.len());
        assert!(text.contains(r#""count":341,"generation":1,"ordinals":"0-339,512""#), "{text}");
        assert!(text.contains(r#""domains":["demographics","problems","results"]"#), "{text}");
        assert_eq!(parse_ranges("0-339,512").unwrap(), [0..=339, 512..=512]);
    }

    #[test]
    fn nothing_that_is_empty_is_written_and_long_text_is_cut() {
        let bare = String::from_utf8(canonical(&Entry::new("app.start").members())).unwrap();
        let expected = r#""event":"app.start","outcome":"0","v":1}"#;
        assert!(bare.ends_with(expected) && !bare.contains("null"), "{bare}");
        let agent = format!("a{}", "é".repeat(AUDIT_TEXT_MAX / 2));
        let entry = Entry { user_agent: Some(agent.clone()), ..Entry::new("auth.login") };
        let members = entry.members();
        let cut = &members["net"]["ua"];
        assert_eq!((cut["truncated"].as_bool(), cut["text"].as_str().unwrap().len()), (Some(true), AUDIT_TEXT_MAX - 1));
        assert_eq!(cut["sha256"], hex(&Sha256::digest(agent.as_bytes())));
    }
}

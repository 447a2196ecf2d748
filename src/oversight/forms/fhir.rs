//! An entry as FHIR R4 AuditEvents, one for each patient that it names, after IHE BALP where a profile of it fits (spec
//! audit.md §4).
//!
//! A pure function of the entry. Not for: searching (`server::fhir`), or files (`commands`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value, json};

use super::fhir_codes::{APPLICATION_AGENT, Code, DESTINATION, OWN_EVENT, SOURCE, Shape, codes};
use crate::oversight::line::{Line, Text};

pub use super::fhir_codes::events_of;

const ENTITY_TYPE: &str = "http://terminology.hl7.org/CodeSystem/audit-entity-type";
const OBJECT_ROLE: &str = "http://terminology.hl7.org/CodeSystem/object-role";
const ACT_REASON: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
const SNOMED: &str = "http://snomed.info/sct";
const BALP: &str = "https://profiles.ihe.net/ITI/BALP";

/// The archive that wrote the log, as its entries name it to others.
#[derive(Clone, Debug)]
pub struct Site {
    /// A URI, `urn:uuid:…`.
    pub archive: String,
    /// Host under which it is reached, or the machine's name.
    pub host: String,
}

/// The events of an entry: one for each patient, or one when it names none. Their ids are `{entry id}-{number}`.
pub fn events(line: &Line, site: &Site) -> Vec<Value> {
    if line.patients.is_empty() {
        return vec![event(line, site, 0)];
    }
    (0..line.patients.len()).map(|number| event(line, site, number)).collect()
}

/// The event of one patient of the entry, by his number in it.
pub fn event(line: &Line, site: &Site, number: usize) -> Value {
    let (kind, subtype, shape) = codes(&line.event);
    let patient = line.patients.get(number).map(|patient| patient.archive_id.as_str());
    let mut subtypes: Vec<Value> = subtype.into_iter().map(coding).collect();
    if !matches!(shape, Shape::Read | Shape::Search | Shape::Operation | Shape::Disclosure) || line.event.starts_with("document.")
    {
        subtypes.push(json!({ "system": OWN_EVENT, "code": line.event }));
    }
    let mut event = Map::new();
    event.insert("resourceType".into(), json!("AuditEvent"));
    event.insert("id".into(), json!(format!("{}-{number}", line.id)));
    if let Some(profile) = profile(line, shape, patient.is_some()) {
        let profile = format!("{BALP}/StructureDefinition/IHE.BasicAudit.{profile}");
        event.insert("meta".into(), json!({ "profile": [profile] }));
    }
    event.insert("type".into(), coding(kind));
    event.insert("subtype".into(), json!(subtypes));
    event.insert("action".into(), json!(action(line, shape)));
    event.insert("recorded".into(), json!(line.ts));
    event.insert("outcome".into(), json!(line.outcome));
    put_text(&mut event, "outcomeDesc", &line.outcome_desc);
    put_list(&mut event, "purposeOfEvent", purposes(line));
    event.insert("agent".into(), json!(agents(line, site, shape)));
    event.insert("source".into(), source(site));
    put_list(&mut event, "entity", entities(line, shape, patient));
    Value::Object(event)
}

/// The BALP profile that the event conforms to. Those profiles are of success, with somebody who asked and a request.
fn profile(line: &Line, shape: Shape, has_patient: bool) -> Option<&'static str> {
    let is_complete = line.outcome == "0" && !line.user.sub.is_empty();
    match shape {
        _ if !is_complete => None,
        Shape::Read if line.records() == 0 => None,
        Shape::Read if has_patient => Some("PatientRead"),
        Shape::Read => Some("Read"),
        Shape::Search if line.query.path.is_empty() => None,
        Shape::Search if has_patient => Some("PatientQuery"),
        Shape::Search => Some("Query"),
        Shape::Disclosure if has_patient && !line.recipient.name.is_empty() => Some("PrivacyDisclosure.Source"),
        _ => None,
    }
}

fn action(line: &Line, shape: Shape) -> &str {
    match shape {
        Shape::Read | Shape::Disclosure | Shape::Export | Shape::LogRead => "R",
        Shape::Search | Shape::Operation | Shape::SignIn | Shape::Denied | Shape::BreakGlass => "E",
        Shape::Other if line.action.is_empty() => "E",
        Shape::Other => &line.action,
    }
}

fn coding(code: Code) -> Value {
    json!({ "system": code.system, "code": code.code, "display": code.display })
}

fn concept(code: Code) -> Value {
    json!({ "coding": [coding(code)] })
}

fn identifier(system: &str, value: &str) -> Value {
    json!({ "identifier": { "system": system, "value": value } })
}

fn put_text(object: &mut Map<String, Value>, name: &str, text: &Text) {
    if !text.is_empty() {
        object.insert(name.into(), json!(clean(&text.to_string())));
    }
}

fn put_list(object: &mut Map<String, Value>, name: &str, list: Vec<Value>) {
    if !list.is_empty() {
        object.insert(name.into(), Value::Array(list));
    }
}

/// A text as FHIR R4 lets a string be: no control characters but tab and line ends, never blank.
fn clean(text: &str) -> String {
    let kept: String =
        text.chars().map(|c| if c.is_control() && !matches!(c, '\t' | '\n' | '\r') { '\u{fffd}' } else { c }).collect();
    if kept.trim().is_empty() { "\u{fffd}".into() } else { kept }
}

fn purposes(line: &Line) -> Vec<Value> {
    let of = |code: &str| json!({ "coding": [{ "system": ACT_REASON, "code": code }] });
    let mut all: Vec<Value> = line.purpose.iter().map(|purpose| of(&purpose.code)).collect();
    if !line.btg.id.is_empty() {
        all.retain(|purpose| purpose["coding"][0]["code"] != "BTG");
        let mut purpose = of("BTG");
        if let Some(reason) = line.btg.reason_text.some().or_else(|| line.btg.reason_code.some()) {
            purpose["text"] = json!(clean(&reason));
        }
        all.push(purpose);
    }
    all
}

/// The issuer as the system of an identifier, which is a URI.
fn system_of(issuer: &Text) -> String {
    let text = issuer.as_str();
    let is_uri = text.contains(':') && !text.contains(char::is_whitespace);
    if is_uri { text.to_string() } else { format!("urn:chartkeep:issuer:{}", text.replace(char::is_whitespace, "-")) }
}

fn agents(line: &Line, site: &Site, shape: Shape) -> Vec<Value> {
    let user = user_agent(line, shape);
    let is_alone = user.is_none();
    let mut agents = Vec::new();
    match shape {
        Shape::Read | Shape::Export => {
            agents.push(client_agent(line, DESTINATION, is_alone));
            agents.push(server_agent(site, SOURCE));
        }
        Shape::Search | Shape::Operation => {
            agents.push(client_agent(line, SOURCE, is_alone));
            agents.push(server_agent(site, DESTINATION));
        }
        Shape::Disclosure => return disclosure_agents(line, site),
        Shape::Denied => {
            agents.push(client_agent(line, APPLICATION_AGENT, is_alone));
            let server = "http://terminology.hl7.org/CodeSystem/extra-security-role-type";
            let authorizer = Code { system: server, code: "authserver", display: "authorization server" };
            agents.push(server_agent(site, authorizer));
        }
        _ => agents.push(client_agent(line, APPLICATION_AGENT, is_alone)),
    }
    agents.extend(user);
    agents.extend(token_agent(line));
    agents
}

fn client_agent(line: &Line, role: Code, is_requestor: bool) -> Value {
    let name = line
        .client
        .client_id
        .some()
        .unwrap_or_else(|| if line.query.method.as_str() == "CLI" { "command-line".into() } else { "browser".into() });
    let mut agent = json!({
        "type": concept(role),
        "who": identifier("urn:chartkeep:client", &clean(&name)),
        "requestor": is_requestor,
    });
    if let Some(ip) = line.net.ip.some() {
        agent["network"] = json!({ "address": clean(&ip), "type": "2" });
    }
    if let Some(software) = line.net.ua.some() {
        agent["name"] = json!(clean(&software));
    }
    agent
}

fn server_agent(site: &Site, role: Code) -> Value {
    json!({
        "type": concept(role),
        "who": identifier("urn:ietf:rfc:3986", &site.archive),
        "requestor": false,
        "network": { "address": site.host, "type": "1" },
    })
}

/// Whoever asked. Nobody is named who has proved nothing: a failed sign-in tells what was typed as an alternative id.
fn user_agent(line: &Line, shape: Shape) -> Option<Value> {
    if line.user.sub.is_empty() {
        return None;
    }
    let participation = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
    let recipient = Code { system: participation, code: "IRCP", display: "information recipient" };
    let subject = clean(line.user.sub.as_str());
    let mut agent = json!({ "type": concept(recipient), "requestor": true });
    let is_unproven = shape == Shape::SignIn && line.outcome != "0" || line.user.iss.as_str() == "unauthenticated";
    if is_unproven {
        agent["altId"] = json!(subject);
    } else {
        agent["who"] = identifier(&system_of(&line.user.iss), &subject);
        if let (Some(who), Some(name)) = (agent["who"].as_object_mut(), line.user.name.some()) {
            who.insert("display".into(), json!(clean(&name)));
        }
        let roles: Vec<Value> =
            line.user.roles.iter().filter_map(Text::some).map(|role| json!({ "text": clean(&role) })).collect();
        if !roles.is_empty() {
            agent["role"] = Value::Array(roles);
        }
    }
    if !line.policy.is_empty() {
        agent["policy"] = json!([policy_uri(line.policy.as_str())]);
    }
    Some(agent)
}

/// A policy by its digest, as `agent.policy` names it.
pub fn policy_uri(digest: &str) -> String {
    format!("urn:chartkeep:policy:sha256:{digest}")
}

fn token_agent(line: &Line) -> Option<Value> {
    let token = line.client.token_jti.some()?;
    let oauth = Code {
        system: "https://profiles.ihe.net/ITI/BALP/CodeSystem/UserAgentTypes",
        code: "UserOauthAgent",
        display: "User OAuth Agent participant",
    };
    let id: String = token.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect();
    Some(json!({
        "type": concept(oauth),
        "who": identifier(&system_of(&line.user.iss), &clean(line.user.sub.as_str())),
        "requestor": false,
        "policy": [format!("urn:ietf:params:oauth:jti:{id}")],
    }))
}

fn disclosure_agents(line: &Line, site: &Site) -> Vec<Value> {
    let source = server_agent(site, SOURCE);
    let name = line.recipient.name.some().unwrap_or_else(|| "not recorded".into());
    let who = match line.recipient.org.some() {
        Some(organisation) => format!("{name}, {organisation}"),
        None => name,
    };
    let address = line.recipient.address.some().unwrap_or_else(|| "not recorded".into());
    let recipient = json!({
        "type": concept(DESTINATION),
        "who": { "display": clean(&who) },
        "requestor": false,
        "network": { "address": clean(&address), "type": "5" },
    });
    let custodian = Code { system: SNOMED, code: "159541003", display: "Record keeping/library clerk" };
    let authorizer = Code { system: SNOMED, code: "429577009", display: "Patient authorization" };
    let by = identifier(&system_of(&line.user.iss), &clean(line.user.sub.as_str()));
    let basis = line.recipient.authority.some().unwrap_or_else(|| "not recorded".into());
    vec![
        source,
        recipient,
        json!({ "type": concept(custodian), "who": by, "requestor": true }),
        json!({ "type": concept(authorizer), "who": identifier("urn:chartkeep:legal-basis", &clean(&basis)), "requestor": false }),
    ]
}

fn source(site: &Site) -> Value {
    let kind = "http://terminology.hl7.org/CodeSystem/security-source-type";
    let mut observer = identifier("urn:ietf:rfc:3986", &site.archive);
    observer["display"] = json!("Chartkeep");
    json!({
        "site": site.host,
        "observer": observer,
        "type": [{ "system": kind, "code": "4", "display": "Application Server" }],
    })
}

fn entities(line: &Line, shape: Shape, patient: Option<&str>) -> Vec<Value> {
    let mut all = Vec::new();
    if matches!(shape, Shape::Search | Shape::Operation | Shape::LogRead) && !line.query.path.is_empty() {
        all.push(query_entity(line));
    } else if line.records() > 0 || shape == Shape::Disclosure || shape == Shape::Export {
        all.push(data_entity(line, shape));
    }
    if let Some(patient) = patient {
        let mut entity = entity("1", "Person", "1", "Patient");
        entity["what"] = json!({ "reference": format!("Patient/{patient}") });
        all.push(entity);
    }
    if !line.btg.id.is_empty() {
        let mut entity = entity("2", "System Object", "13", "Security Resource");
        entity["what"] = identifier("urn:chartkeep:break-glass", &clean(line.btg.id.as_str()));
        all.push(entity);
    }
    if let Some(request) = line.req_id.some() {
        let kind = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType";
        all.push(json!({
            "what": { "identifier": { "value": clean(&request) } },
            "type": { "system": kind, "code": "XrequestId" },
        }));
    }
    if shape == Shape::Other && !line.detail.is_empty() {
        let mut entity = entity("2", "System Object", "20", "Job");
        entity["what"] = identifier("urn:chartkeep:entry", &line.id);
        entity["detail"] = facts(line);
        all.push(entity);
    }
    all
}

fn entity(kind: &str, kind_words: &str, role: &str, role_words: &str) -> Value {
    json!({
        "type": { "system": ENTITY_TYPE, "code": kind, "display": kind_words },
        "role": { "system": OBJECT_ROLE, "code": role, "display": role_words },
    })
}

/// The request as it came; how many answers it had does not belong here (BALP).
fn query_entity(line: &Line) -> Value {
    let mut entity = entity("2", "System Object", "24", "Query");
    let mut raw = format!("{} {}", line.query.method, line.query.path);
    if let Some(id) = line.req_id.some() {
        raw.push_str(&format!("\nX-Request-Id: {id}"));
    }
    entity["query"] = json!(BASE64.encode(raw));
    if let Some(text) = line.query.clean.some() {
        entity["description"] = json!(clean(&text));
    }
    entity
}

/// All records shown, as one entity: a single record by its name or place, more of them by their entry, with their places
/// beside.
fn data_entity(line: &Line, shape: Shape) -> Value {
    let is_document = line.event.starts_with("document.");
    let mut entity = match shape {
        Shape::Export => entity("2", "System Object", "20", "Job"),
        _ if is_document => entity("2", "System Object", "3", "Report"),
        _ => entity("2", "System Object", "4", "Domain Resource"),
    };
    let single = line.shown.first().filter(|group| line.shown.len() == 1 && group.count == 1);
    entity["what"] = match (named_in(line.query.path.as_str()), single) {
        (Some(reference), Some(_)) => json!({ "reference": reference }),
        (_, Some(group)) => {
            identifier("urn:chartkeep:record", &format!("{}/{}/{}", group.accession, group.generation, group.ordinals))
        }
        _ => identifier("urn:chartkeep:entry", &line.id),
    };
    if !line.labels.is_empty() {
        let labels = line.labels.iter().map(|label| json!({ "system": "urn:chartkeep:sensitivity", "code": label }));
        entity["securityLabel"] = labels.collect();
    }
    let mut details: Vec<Value> = line
        .shown
        .iter()
        .map(|group| json!({ "type": format!("{}/{}", group.accession, group.generation), "valueString": group.ordinals }))
        .collect();
    if shape == Shape::Disclosure {
        details.extend(facts(line).as_array().cloned().unwrap_or_default());
    }
    if !details.is_empty() {
        entity["detail"] = Value::Array(details);
    }
    entity
}

fn facts(line: &Line) -> Value {
    let facts = line.detail.iter().filter(|(_, value)| !value.is_empty());
    facts.map(|(name, value)| json!({ "type": name, "valueString": clean(&value.to_string()) })).collect()
}

/// `Type/id` when the path of a request reads one resource.
fn named_in(path: &str) -> Option<String> {
    let rest = path.strip_prefix("/fhir/")?.split(['?', '#']).next()?;
    let mut parts = rest.split('/');
    let (kind, id) = (parts.next()?, parts.next()?);
    let kind = crate::model::Kind::from_name(kind)?;
    let id = crate::model::ArchiveId::parse(id)?;
    Some(format!("{}/{id}", kind.name()))
}

//! The data types of CDA (II, CD, TS, IVL_TS, PN, AD, TEL) as those of FHIR.
//!
//! Not for: which element goes where.

use jiff::tz::TimeZone;

use crate::formats::cda::{Document, Element, Node, text_of};
use crate::mapping::fhir::{Array, Object};
use crate::mapping::systems::{Coding, uri_of_oid, uri_of_v2};
use crate::mapping::time::{self, Time};
use crate::mapping::{Context, id};

/// The root of social security numbers.
pub const SSN: &str = "2.16.840.1.113883.4.1";
const NPI: &str = "2.16.840.1.113883.4.6";

/// The instance identifiers of an element that name something: those with an extension, then those that are a root only.
pub fn ids<'t>(element: &Element<'t>) -> Vec<Element<'t>> {
    let named = |id: &Element<'_>| id.null_flavor().is_empty() && !id.attr("root").is_empty() || !id.attr("extension").is_empty();
    let (mut ids, bare): (Vec<_>, Vec<_>) = element.children("id").filter(named).partition(|id| !id.attr("extension").is_empty());
    ids.extend(bare);
    ids
}

/// The id of a resource after the first identifier of an element. A root alone counts only when it is a UUID: an OID alone
/// is, more often than not, the name of the system and stands on all that it made.
pub fn id_of(element: &Element<'_>) -> String {
    ids(element).iter().map(id_from).find(|id| !id.is_empty()).unwrap_or_default()
}

/// The id of a resource after one identifier.
pub fn id_from(ii: &Element<'_>) -> String {
    let (root, extension) = (ii.attr("root"), ii.attr("extension"));
    match extension.is_empty() {
        false => id::id(&[root, extension]),
        true if is_uuid(root) => id::id(&[&root.to_ascii_lowercase()]),
        true => String::new(),
    }
}

fn is_uuid(text: &str) -> bool {
    let dashed = |at: usize| matches!(at, 8 | 13 | 18 | 23);
    text.len() == 36 && text.bytes().enumerate().all(|(at, b)| if dashed(at) { b == b'-' } else { b.is_ascii_hexdigit() })
}

/// An Identifier: number and who gave it.
pub fn identifier(o: &mut Object<'_>, ii: &Element<'_>) {
    let (root, extension) = (ii.attr("root"), ii.attr("extension"));
    if extension.is_empty() {
        let scheme = if is_uuid(root) { "urn:uuid:" } else { "urn:oid:" };
        o.text("system", "urn:ietf:rfc:3986").text("value", &format!("{scheme}{root}"));
    } else {
        o.text("system", &system_of_root(root)).text("value", extension);
    }
    o.object("assigner", |a| {
        a.text("display", ii.attr("assigningAuthorityName"));
    });
}

fn system_of_root(root: &str) -> String {
    if is_uuid(root) { format!("urn:uuid:{}", root.to_ascii_lowercase()) } else { uri_of_oid(root).into_owned() }
}

/// All identifiers of an element.
pub fn identifiers(list: &mut Array<'_>, element: &Element<'_>) {
    for ii in ids(element) {
        list.object(|o| identifier(o, &ii));
    }
}

/// The code that an element itself carries, without translations.
pub fn coding(cd: &Element<'_>, cx: &Context<'_>) -> Option<Coding> {
    let code = cd.attr("code");
    if code.is_empty() {
        return None;
    }
    let (oid, name) = (cd.attr("codeSystem"), cd.attr("codeSystemName"));
    let system = match (oid, name) {
        ("", "") => "".into(),
        ("", name) => uri_of_v2(name, cx.source_system),
        // A system without an OID, as this archive itself writes it: a UUID for machines, the URI as its name.
        (uuid, uri) if is_uuid(uuid) && (uri.starts_with("urn:") || uri.contains("://")) => uri.to_owned().into(),
        (oid, _) => uri_of_oid(oid),
    };
    Some(Coding::new(system, code, cd.attr("displayName")))
}

/// Most translations of one code that are looked at.
const CODINGS_MAX: usize = 100;

/// A CodeableConcept: code and translations, each once, and the words.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Concept {
    pub codings: Vec<Coding>,
    pub text: String,
}

impl Concept {
    pub fn is_empty(&self) -> bool {
        self.codings.is_empty() && self.text.is_empty()
    }

    pub fn write(&self, o: &mut Object<'_>, key: &str) {
        o.concept(key, &self.codings, &self.text);
    }
}

/// A coded value. Its words are the original text, found through its reference into the narrative where it is one, else
/// the name of the code.
pub fn concept(document: &Document<'_>, cd: &Element<'_>, cx: &Context<'_>) -> Concept {
    let mut codings: Vec<Coding> = Vec::new();
    for cd in std::iter::once(*cd).chain(cd.children("translation")).take(CODINGS_MAX) {
        codings.extend(coding(&cd, cx).filter(|new| !codings.iter().any(|c| (&c.system, &c.code) == (&new.system, &new.code))));
    }
    let text = cd.child("originalText").map(|text| words(document, &text)).unwrap_or_default();
    let names = std::iter::once(*cd).chain(cd.children("translation")).map(|cd| cd.attr("displayName"));
    let text = if text.is_empty() { names.into_iter().find(|n| !n.is_empty()).unwrap_or("").to_owned() } else { text };
    Concept { codings, text }
}

/// The words of an `originalText`: its own, else those that its reference points to. Longer narrative than is ever the
/// words for a code is left where it is: any number of codes may point to it.
fn words(document: &Document<'_>, text: &Element<'_>) -> String {
    const EXTENT_MAX: usize = 4096;
    let own = text_of(text);
    if !own.is_empty() {
        return own;
    }
    let target = text.child("reference").and_then(|reference| document.referenced(reference.attr("value")));
    target.filter(|target| target.extent() <= EXTENT_MAX).map(|target| text_of(&target)).unwrap_or_default()
}

/// A point in time (TS): its `value`.
pub fn time(ts: &Element<'_>, cx: &Context<'_>) -> Time {
    read_time(ts.attr("value"), cx.zone)
}

/// Also takes the ISO 8601 form that some write (`2019-02-03T14:05:00-05:00`).
fn read_time(text: &str, zone: &TimeZone) -> Time {
    let dashed = text.len() >= 7 && text.as_bytes()[4] == b'-' && text.bytes().take(4).all(|b| b.is_ascii_digit());
    if !dashed {
        return time::read(text, zone);
    }
    let (date, clock) = text.split_once(['T', ' ']).unwrap_or((text, ""));
    let end = clock.find(['+', '-', 'Z']).unwrap_or(clock.len());
    time::read(&format!("{}{}{}", date.replace('-', ""), clock[..end].replace(':', ""), &clock[end..]), zone)
}

/// An interval (IVL_TS) or a point: start and end as FHIR dateTime; a point is both the start and the end.
pub fn interval(ivl: &Element<'_>, cx: &Context<'_>) -> (String, String) {
    let bound = |name: &str| ivl.child(name).map(|e| time(&e, cx).text).unwrap_or_default();
    let (low, high) = (bound("low"), bound("high"));
    if !low.is_empty() || !high.is_empty() {
        return (low, high);
    }
    let center = bound("center");
    let point = if center.is_empty() { time(ivl, cx).text } else { center };
    (point.clone(), point)
}

/// The first time that an interval or point tells.
pub fn start(ivl: &Element<'_>, cx: &Context<'_>) -> String {
    let (low, high) = interval(ivl, cx);
    if low.is_empty() { high } else { low }
}

/// A name (PN, ON) as one line: with text between the parts as it is written, else in the usual order.
pub fn name_line(name: &Element<'_>) -> String {
    const ORDER: [&str; 4] = ["prefix", "given", "family", "suffix"];
    let mut parts: Vec<(usize, String)> = Vec::new();
    let (mut has_text, several) = (false, has_family(name));
    for node in name.nodes() {
        match node {
            Node::Text(text) => {
                has_text |= !text.trim().is_empty();
                parts.push((0, text.to_owned()));
            }
            Node::Element(part) if part.name() != "validTime" && !(several && is_birth(&part)) => {
                let rank = ORDER.iter().position(|kind| *kind == part.name()).unwrap_or(ORDER.len());
                parts.push((rank, part.text().into_owned()));
            }
            Node::Element(_) => {}
        }
    }
    if !has_text {
        parts.sort_by_key(|(rank, _)| *rank);
    }
    let line = parts.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join(" ");
    spaced(&line).replace(" ,", ",").trim_end_matches(',').to_owned()
}

/// Whether a name has a family name that is not the one of birth (`BR`). Without one, that is the name: systems put this
/// and other qualifiers (`CL`, called) on parts as they please.
fn has_family(name: &Element<'_>) -> bool {
    name.children("family").any(|family| !is_birth(&family) && !family.text().trim().is_empty())
}

fn is_birth(part: &Element<'_>) -> bool {
    part.is("family") && part.attr("qualifier") == "BR"
}

/// White space in order.
pub fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// HumanNames of the `name`s of a person.
pub fn human_names(list: &mut Array<'_>, person: &Element<'_>) {
    for (number, name) in person.children("name").enumerate() {
        // A further name with a part from birth is the one from birth.
        let is_born = number > 0 && name.elements().any(|part| part.attr("qualifier") == "BR");
        list.object(|o| name_members(o, &name, if is_born { "maiden" } else { name_use(&name) }));
        let born: Vec<String> = match has_family(&name) {
            true => name.children("family").filter(is_birth).map(|family| spaced(&family.text())).collect(),
            false => Vec::new(),
        };
        list.object(|o| {
            if !born.join("").is_empty() {
                o.text("use", "maiden").text("family", &born.join(" "));
            }
        });
    }
}

fn name_use(name: &Element<'_>) -> &'static str {
    let of = name.attr("use").split_whitespace().find_map(|u| match u {
        "L" | "C" | "OR" => Some("official"),
        "P" | "A" => Some("nickname"),
        "ASGN" => Some("usual"),
        "OLD" => Some("old"),
        "ANON" => Some("anonymous"),
        _ => None,
    });
    of.unwrap_or("")
}

/// The HumanName of a `name`.
pub fn human_name(o: &mut Object<'_>, name: &Element<'_>) {
    name_members(o, name, name_use(name));
}

fn name_members(o: &mut Object<'_>, name: &Element<'_>, of: &str) {
    let line = name_line(name);
    if line.is_empty() {
        return;
    }
    let several = has_family(name);
    let parts =
        |kind: &'static str| name.children(kind).filter(|part| !(several && is_birth(part))).map(|part| spaced(&part.text()));
    o.text("use", of).text("text", &line);
    o.text("family", &parts("family").collect::<Vec<_>>().join(" "));
    for kind in ["given", "prefix", "suffix"] {
        o.array(kind, |a| parts(kind).for_each(|text| a.text(&text)));
    }
    if let Some(valid) = name.child("validTime") {
        let date = |bound: &str| {
            valid.child(bound).map(|e| read_time(e.attr("value"), &TimeZone::UTC).date().to_owned()).unwrap_or_default()
        };
        o.period("period", &date("low"), &date("high"));
    }
}

/// ContactPoints of the `telecom`s of an element.
pub fn telecoms(list: &mut Array<'_>, element: &Element<'_>) {
    for telecom in element.children("telecom") {
        let value = telecom.attr("value");
        let (scheme, rest) = value.split_once(':').unwrap_or(("", value));
        let (system, value) = match scheme.to_ascii_lowercase().as_str() {
            "tel" => ("phone", rest),
            "fax" | "x-text-fax" => ("fax", rest),
            "mailto" => ("email", rest),
            "http" | "https" | "ftp" => ("url", value),
            "" if value.contains('@') => ("email", value),
            "" if value.bytes().any(|b| b.is_ascii_digit()) => ("phone", value),
            _ => ("other", value),
        };
        if value.trim().is_empty() {
            continue;
        }
        let of = telecom.attr("use").split_whitespace().find_map(|u| match u {
            "MC" => Some("mobile"),
            "H" | "HP" | "HV" => Some("home"),
            "WP" | "DIR" | "PUB" => Some("work"),
            "TMP" => Some("temp"),
            "BAD" | "OLD" => Some("old"),
            _ => None,
        });
        list.object(|o| {
            o.text("system", system).text("value", value).text("use", of.unwrap_or(""));
        });
    }
}

/// Addresses of the `addr`s of an element.
pub fn addresses(list: &mut Array<'_>, element: &Element<'_>) {
    for addr in element.children("addr") {
        list.object(|o| address(o, &addr));
    }
}

/// One Address.
pub fn address(o: &mut Object<'_>, addr: &Element<'_>) {
    const LINES: [&str; 12] = [
        "streetAddressLine",
        "houseNumber",
        "houseNumberNumeric",
        "direction",
        "streetName",
        "streetNameBase",
        "streetNameType",
        "additionalLocator",
        "unitType",
        "unitID",
        "postBox",
        "careOf",
    ];
    let part = |name: &str| addr.child(name).map(|e| spaced(&e.text())).unwrap_or_default();
    let (whole, pieces): (Vec<_>, Vec<_>) =
        addr.elements().filter(|e| LINES.contains(&e.name())).partition(|e| e.name() == "streetAddressLine");
    let pieces = pieces.iter().map(|e| e.text().into_owned()).collect::<Vec<_>>().join(" ");
    let own: Vec<&str> = addr.nodes().filter_map(|node| if let Node::Text(text) = node { Some(text) } else { None }).collect();
    let text = spaced(&own.join(" "));
    let is_empty = text.is_empty() && addr.elements().all(|e| e.text().trim().is_empty());
    if is_empty {
        return;
    }
    let uses = addr.attr("use");
    let of = uses.split_whitespace().find_map(|u| match u {
        "H" | "HP" | "HV" => Some("home"),
        "WP" | "DIR" | "PUB" => Some("work"),
        "TMP" => Some("temp"),
        "BAD" | "OLD" => Some("old"),
        _ => None,
    });
    o.text("use", of.unwrap_or(""));
    o.text("type", if uses.split_whitespace().any(|u| u == "PST") { "postal" } else { "" });
    o.text("text", &text);
    o.array("line", |a| {
        whole.iter().for_each(|line| a.text(&spaced(&line.text())));
        a.text(&spaced(&pieces));
    });
    o.text("city", &part("city")).text("district", &part("county")).text("state", &part("state"));
    o.text("postalCode", &part("postalCode")).text("country", &part("country"));
}

/// Who is meant by an assigned person, device or organization (`assignedAuthor`, `assignedEntity`,
/// `relatedEntity` …): a Reference by words and number.
pub fn party(o: &mut Object<'_>, entity: &Element<'_>) {
    let ids = ids(entity);
    let of = ids.iter().find(|ii| ii.attr("root") == NPI).or(ids.iter().find(|ii| !ii.attr("extension").is_empty()));
    let display = party_line(entity);
    if display.is_empty() && of.is_none() {
        return;
    }
    if let Some(ii) = of {
        o.object("identifier", |o| identifier(o, ii));
    }
    o.text("display", &display);
}

/// The words for an assigned person, device or organization.
pub fn party_line(entity: &Element<'_>) -> String {
    let name = |of: &[&str]| entity.path(of).map(|n| name_line(&n)).filter(|n| !n.is_empty());
    let person = ["assignedPerson", "relatedPerson", "associatedPerson", "informationRecipient", "playingEntity"];
    let person = person.iter().find_map(|kind| name(&[kind, "name"]));
    let device = || {
        let device = entity.child("assignedAuthoringDevice")?;
        let part = |of: &str| device.child(of).map(|e| spaced(&e.text())).filter(|t| !t.is_empty());
        part("softwareName").or_else(|| part("manufacturerModelName"))
    };
    let organizations = ["representedOrganization", "scopingOrganization", "receivedOrganization"];
    let organization = || organizations.iter().find_map(|kind| name(&[kind, "name"]));
    person.or_else(device).or_else(organization).unwrap_or_default()
}

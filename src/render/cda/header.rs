//! The header of a CDA document as panels of facts (CDA R2 §4.2, spec ccda-render.md §4): everyone whom it names, with all
//! names, numbers and addresses.
//!
//! Not for: how facts become rows (`facts`), the body.

use crate::formats::cda::{Document, Element};

use super::Options;
use super::facts::{Rows, is_bookkeeping, plain};
use super::page::{Confidentiality, Page, Panel, Row, Running};
use super::values::{SSN_ROOT, identifier, interval, name, null_flavor_words, spaced, time};
use super::warnings::Warnings;

/// A page with its header and no body yet.
pub(super) fn page(document: &Document<'_>, options: Options, warnings: &mut Warnings) -> Page {
    let root = document.root();
    let patients: Vec<Panel> = root.children("recordTarget").map(|target| patient(document, target, options)).collect();
    match patients.len() {
        0 => warnings.add("no-patient", ""),
        1 => {}
        _ => warnings.add("multiple-patients", ""),
    }
    let language = document.header("languageCode").map(|l| l.attr("code").to_owned()).filter(|tag| !tag.is_empty());
    let mut facts = vec![facts(document, options)];
    facts.extend(root.children("componentOf").flat_map(|of| of.children("encompassingEncounter")).map(|encounter| {
        let mut rows = Rows::new(document, options.mask_ids);
        rows.inside(encounter, &ENCOUNTER_PEOPLE);
        relabelled(rows.panel("Encounter"))
    }));
    facts.extend(signatures(document, options));
    facts.retain(|panel| !panel.rows.is_empty());
    Page {
        title: title(document),
        language,
        confidentiality: document.header("confidentialityCode").map(confidentiality).unwrap_or_default(),
        patients,
        document: facts,
        others: others(document, options),
        running: running(document),
        created: document.header("effectiveTime").and_then(|time| seconds(time.attr("value"))).unwrap_or_default(),
        ..Page::default()
    }
}

fn title(document: &Document<'_>) -> String {
    let code = document.header("code");
    let words = [
        document.title(),
        code.map_or("", |code| code.attr("displayName")).to_owned(),
        code.filter(|code| code.attr("code") == "34133-9").map_or("", |_| "Summarization of episode note").to_owned(),
    ];
    words.into_iter().find(|words| !words.is_empty()).unwrap_or_else(|| "Clinical document".into())
}

/// v3-Confidentiality (2.16.840.1.113883.5.25).
pub(super) fn confidentiality(element: Element<'_>) -> Confidentiality {
    match (element.attr("code"), null_flavor_words(element.null_flavor())) {
        ("N", _) => Confidentiality::Normal,
        ("R", _) => Confidentiality::Restricted,
        ("V", _) => Confidentiality::VeryRestricted,
        ("", Some(words)) => Confidentiality::Other(words.to_owned()),
        ("", None) => Confidentiality::NotGiven,
        (code, _) => Confidentiality::Other(code.to_owned()),
    }
}

/// What a printed page says of whose it is.
fn running(document: &Document<'_>) -> Running {
    let role = document.patient_roles().next();
    let patient = role.and_then(|role| role.child("patient"));
    let names = patient.into_iter().flat_map(|patient| patient.children("name").collect::<Vec<_>>());
    let legal = names.clone().find(|name| name.attr("use").split_ascii_whitespace().any(|u| u == "L"));
    let born = patient.and_then(|patient| patient.child("birthTime")).and_then(interval);
    // The number alone: where it comes from stands on the first page, and no social security number belongs on every one.
    let id = |element: Element<'_>| {
        let short = element.children("id").filter(|id| id.attr("root") != SSN_ROOT).map(|id| id.attr("extension"));
        let short = short.filter(|extension| !extension.is_empty()).map(str::to_owned).next();
        short.or_else(|| element.children("id").find_map(|id| identifier(id, true))).unwrap_or_default()
    };
    Running {
        patient: legal.or_else(|| names.clone().next()).and_then(name).unwrap_or_else(|| "Name not given".into()),
        born: born.unwrap_or_else(|| "not given".into()),
        number: role.map(id).unwrap_or_default(),
        document: id(document.root()),
        created: document.header("effectiveTime").and_then(interval).unwrap_or_default(),
    }
}

/// A point in time (TS) in seconds since 1970; a day without a clock is its midnight, a clock without an offset is UTC.
fn seconds(value: &str) -> Option<i64> {
    let digits = value.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
    let part = |range: std::ops::Range<usize>| digits.get(range).and_then(|part| part.parse::<i8>().ok());
    let year = digits.get(0..4)?.parse().ok()?;
    let date = jiff::civil::Date::new(year, part(4..6).unwrap_or(1), part(6..8).unwrap_or(1)).ok()?;
    let (hour, minute, second) = (part(8..10).unwrap_or(0), part(10..12).unwrap_or(0), part(12..14).unwrap_or(0));
    let clock = jiff::civil::Time::new(hour, minute, second, 0).ok()?;
    let seconds = date.to_datetime(clock).to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second();
    let zone = value.find(['+', '-']).and_then(|at| value.get(at..));
    let offset = zone.and_then(|zone| Some((zone.get(1..3)?.parse::<i64>().ok()?, zone.get(3..5)?.parse::<i64>().ok()?)));
    let offset = offset.map_or(0, |(hours, minutes)| hours * 3_600 + minutes * 60);
    Some(if zone.is_some_and(|zone| zone.starts_with('-')) { seconds + offset } else { seconds - offset })
}

fn patient(document: &Document<'_>, target: Element<'_>, options: Options) -> Panel {
    let mut rows = Rows::new(document, options.mask_ids);
    rows.inside(target, &[]);
    let born = target.path(&["patientRole", "patient", "birthTime"]).map_or("", |time| time.attr("value"));
    let made = document.header("effectiveTime").map_or("", |time| time.attr("value"));
    rows.put("age", age(born, made));
    ["name", "birthTime", "administrativeGenderCode", "id"].into_iter().for_each(|name| rows.must(name));
    rows.panel("Patient")
}

/// How old a patient was on the document's day: in years, small children in months.
fn age(born: &str, made: &str) -> Option<String> {
    let months = |value: &str| {
        let part = |range: std::ops::Range<usize>| value.get(range).and_then(|digits| digits.parse::<i32>().ok());
        let (year, month, day) = (part(0..4)?, part(4..6)?, part(6..8)?);
        (1..=12).contains(&month).then_some((year * 12 + month - 1, day))
    };
    let ((born, birthday), (made, day)) = (months(born)?, months(made)?);
    let age = made - born - i32::from(day < birthday);
    match age {
        ..0 => None,
        0..24 => Some(format!("{age} months when the document was made")),
        _ => Some(format!("{} years when the document was made", age / 12)),
    }
}

/// Elements of the header that have a place of their own, beside participations.
const ELSEWHERE: [&str; 16] = [
    "title",
    "code",
    "id",
    "effectiveTime",
    "setId",
    "versionNumber",
    "languageCode",
    "confidentialityCode",
    "component",
    "recordTarget",
    "legalAuthenticator",
    "componentOf",
    "documentationOf",
    "relatedDocument",
    "inFulfillmentOf",
    "authorization",
];

/// The document itself. What the header says and nobody foresaw stands here as well.
fn facts(document: &Document<'_>, options: Options) -> Panel {
    let mut rows = Rows::new(document, options.mask_ids);
    let root = document.root();
    rows.put_as("Created", root.children("effectiveTime").filter_map(interval));
    rows.must_as("Created");
    for (name, label) in [("code", "Kind"), ("id", "Document number")] {
        let words: Vec<String> = root.children(name).filter_map(|element| rows.datum(element)).collect();
        rows.put_as(label, words);
        rows.must_as(label);
    }
    rows.put_as("Series", root.children("setId").filter_map(|id| identifier(id, false)));
    rows.put_as("Version", root.children("versionNumber").filter_map(|version| rows_datum(document, version)));
    rows.put_as("Language", root.children("languageCode").filter_map(|language| rows_datum(document, language)));
    rows.put_as("Confidentiality", root.children("confidentialityCode").filter_map(|code| confidentiality_words(document, code)));
    for element in root.elements() {
        let Some(lines) = related(&rows, element) else { continue };
        let label = match element.name() {
            "relatedDocument" => "Related document",
            "inFulfillmentOf" => "Order",
            _ => "Consent",
        };
        rows.put_as(label, lines);
    }
    // What nobody foresaw stands here too.
    let is_elsewhere = |name: &str| is_bookkeeping(name) || ELSEWHERE.contains(&name);
    for element in root.elements().filter(|element| !is_elsewhere(element.name()) && heading(*element).is_none()) {
        rows.element(element, &[]);
    }
    rows.panel("Document")
}

fn rows_datum(document: &Document<'_>, element: Element<'_>) -> Option<String> {
    Rows::new(document, false).datum(element)
}

fn confidentiality_words(document: &Document<'_>, code: Element<'_>) -> Option<String> {
    let known = match confidentiality(code) {
        Confidentiality::Normal => "Normal",
        Confidentiality::Restricted => "Restricted",
        Confidentiality::VeryRestricted => "Very restricted",
        _ => return rows_datum(document, code),
    };
    let display = spaced(code.attr("displayName"));
    let is_same = display.is_empty() || display.eq_ignore_ascii_case(known);
    Some(if is_same { known.to_owned() } else { format!("{known} [{display}]") })
}

/// Lines of an element that ties the document to another, to an order or to a consent.
fn related(rows: &Rows<'_, '_>, element: Element<'_>) -> Option<Vec<String>> {
    let kind = match (element.name(), element.attr("typeCode")) {
        ("relatedDocument", "RPLC") => "replaces",
        ("relatedDocument", "APND") => "is an addendum to",
        ("relatedDocument", "XFRM") => "is a transformation of",
        ("relatedDocument", other) => other,
        ("inFulfillmentOf" | "authorization", _) => "",
        _ => return None,
    };
    let mut lines = rows.lines_as_written(element);
    if let Some(first) = lines.first_mut() {
        *first = format!("{kind} {first}").trim().to_owned();
    }
    Some(lines)
}

/// The encounter's facts by names of their own.
fn relabelled(mut panel: Panel) -> Panel {
    for row in &mut panel.rows {
        match row.label.as_ref() {
            "Role" => row.label = "Kind".into(),
            "Number" => row.label = "Encounter number".into(),
            _ => {}
        }
    }
    panel
}

fn signatures(document: &Document<'_>, options: Options) -> Vec<Panel> {
    let signers = document.root().children("legalAuthenticator");
    let mut panels: Vec<Panel> = signers.map(|signer| signature(document, signer, options, "Legal authenticator")).collect();
    if panels.is_empty() {
        let mut rows = Rows::new(document, options.mask_ids);
        rows.put("signature", ["Not legally authenticated".to_owned()]);
        panels.push(rows.panel("Legal authenticator"));
    }
    panels
}

fn signature(document: &Document<'_>, signer: Element<'_>, options: Options, heading: &'static str) -> Panel {
    let mut rows = Rows::new(document, options.mask_ids);
    let code = signer.child("signatureCode").map_or("", |code| code.attr("code"));
    if code != "S" && heading.starts_with("Legal") {
        rows.put("signature", ["Not legally authenticated".to_owned()]);
    }
    let said = match code {
        "S" => "Signed (S)".to_owned(),
        "X" => "To be signed (X)".to_owned(),
        "I" => "Signature intended (I)".to_owned(),
        "" => "No signature code".to_owned(),
        other => format!("Signature code {other}"),
    };
    let when = signer.child("time").and_then(|at| match time(at.attr("value")) {
        value if value.is_empty() => interval(at),
        value => Some(value),
    });
    rows.put("signature", [when.map_or(said.clone(), |when| format!("{said}, {when}"))]);
    rows.inside(signer, &["time", "signatureCode"]);
    rows.panel(heading)
}

const ENCOUNTER_PEOPLE: [&str; 2] = ["responsibleParty", "encounterParticipant"];

/// What a panel of one participation is called; none when it is no participation.
fn heading(element: Element<'_>) -> Option<String> {
    let kind = element.attr("typeCode");
    Some(match (element.name(), kind) {
        ("author", _) => "Author".into(),
        ("dataEnterer", _) => "Entered by".into(),
        ("informant", _) => "Informant".into(),
        ("custodian", _) => "Custodian".into(),
        ("informationRecipient", "TRC") => "Recipient of a copy".into(),
        ("informationRecipient", _) => "Recipient".into(),
        ("authenticator", _) => "Authenticator".into(),
        ("participant", _) => participant(element),
        ("performer", "PPRF") => "Care team, primary performer".into(),
        ("performer", _) => "Care team".into(),
        ("responsibleParty", _) => "Responsible for the encounter".into(),
        ("encounterParticipant", "ATND") => "Encounter: attending".into(),
        ("encounterParticipant", "ADM") => "Encounter: admitted by".into(),
        ("encounterParticipant", "DIS") => "Encounter: discharged by".into(),
        ("encounterParticipant", "CON") => "Encounter: consultant".into(),
        ("encounterParticipant", "REF") => "Encounter: referred by".into(),
        ("encounterParticipant", _) => "Encounter: participant".into(),
        _ => return None,
    })
}

fn participant(element: Element<'_>) -> String {
    let class = element.child("associatedEntity").map_or("", |entity| entity.attr("classCode"));
    let class = match class {
        "NOK" => "Next of kin",
        "ECON" => "Emergency contact",
        "GUAR" => "Guarantor",
        "GUARD" => "Guardian",
        "PAYOR" => "Payer",
        "PRS" => "Personal relation",
        "HLD" | "POLHOLD" => "Policy holder",
        "COVPTY" => "Covered party",
        "CAREGIVER" => "Caregiver",
        "AGNT" => "Agent",
        "PAT" => "Patient",
        "PROV" => "Provider",
        "" => "Participant",
        other => other,
    };
    let kind = match element.attr("typeCode") {
        "" | "IND" => "",
        "HLD" => "holder",
        "COV" => "covered",
        "VRF" => "verifier",
        "CALLBCK" => "to be called back",
        "REF" => "referrer",
        "AUT" => "author",
        other => other,
    };
    if kind.is_empty() { class.to_owned() } else { format!("{class}, {kind}") }
}

/// Everyone else, in the order of the header, and last which specifications the document follows.
fn others(document: &Document<'_>, options: Options) -> Vec<Panel> {
    let mut panels = Vec::new();
    let mut push = |panel: Panel| panels.extend(Some(panel).filter(|panel| !panel.rows.is_empty()));
    let root = document.root();
    for element in root.elements() {
        match element.name() {
            "authenticator" => push(signature(document, element, options, "Authenticator")),
            "documentationOf" => {
                for event in element.children("serviceEvent") {
                    let mut rows = Rows::new(document, options.mask_ids);
                    rows.inside(event, &["performer"]);
                    push(service(rows, event));
                    event.children("performer").for_each(|performer| push(person(document, performer, options)));
                }
            }
            "componentOf" => {
                let people = element.children("encompassingEncounter").flat_map(|encounter| encounter.elements());
                let people = people.filter(|person| ENCOUNTER_PEOPLE.contains(&person.name()));
                people.for_each(|party| push(person(document, party, options)));
            }
            _ if heading(element).is_some() => push(person(document, element, options)),
            _ => {}
        }
    }
    for (name, heading) in [("author", "Author"), ("custodian", "Custodian")] {
        if root.child(name).is_none() {
            let mut rows = Rows::new(document, options.mask_ids);
            rows.must("name");
            push(rows.panel(heading));
        }
    }
    push(specifications(document));
    panels
}

fn person(document: &Document<'_>, element: Element<'_>, options: Options) -> Panel {
    let mut rows = Rows::new(document, options.mask_ids);
    rows.inside(element, &[]);
    if rows.is_empty() {
        rows.must("name");
    }
    rows.panel(heading(element).unwrap_or_else(|| plain(element.name())))
}

fn service(rows: Rows<'_, '_>, event: Element<'_>) -> Panel {
    let mut panel = relabelled(rows.panel("Service"));
    for row in &mut panel.rows {
        if row.label == "Encounter number" {
            row.label = "Number".into();
        }
    }
    let class = event.attr("classCode");
    if !class.is_empty() && class != "PCPR" {
        panel.rows.push(Row { label: "Class".into(), lines: vec![class.to_owned()] });
    }
    panel
}

fn specifications(document: &Document<'_>) -> Panel {
    let mut rows = Rows::new(document, false);
    let root = document.root();
    let id = |element: Element<'_>| {
        let (root, extension) = (element.attr("root"), element.attr("extension"));
        if extension.is_empty() { root.to_owned() } else { format!("{root}, {extension}") }
    };
    rows.put_as("Realm", root.children("realmCode").map(|realm| realm.attr("code").to_owned()));
    rows.put_as("Type", root.children("typeId").map(id));
    rows.put_as("Templates", root.children("templateId").map(id));
    let code = document.header("code").map(|code| {
        let system = [code.attr("codeSystemName"), code.attr("codeSystem")].join(" ");
        format!("{} {}", code.attr("code"), system.trim()).trim().to_owned()
    });
    rows.put_as("Code", code);
    rows.panel("Specifications")
}

/// Authors, informants and subjects that a section names for itself.
pub(super) fn section_people(document: &Document<'_>, section: Element<'_>, options: Options) -> Vec<Row> {
    let label = |name: &str| match name {
        "author" => Some("Author"),
        "informant" => Some("Informant"),
        "subject" => Some("Subject"),
        "participant" => Some("Participant"),
        _ => None,
    };
    let rows = Rows::new(document, options.mask_ids);
    let people = section.elements().filter_map(|element| Some((label(element.name())?, rows.lines(element))));
    people.filter(|(_, lines)| !lines.is_empty()).map(|(label, lines)| Row { label: label.into(), lines }).collect()
}

/// What a document says of itself by HL7 DS4P: its section of privacy markings, to stand right below the banner as well.
pub(super) fn privacy(document: &Document<'_>, sections: &[Element<'_>]) -> Option<Panel> {
    const SECTION: &str = "2.16.840.1.113883.3.3251.1.5";
    let has = |element: Element<'_>, root: &str| element.children("templateId").any(|id| id.attr("root") == root);
    let is_markings = |section: &&Element<'_>| {
        let code = section.child("code").map_or("", |code| code.attr("code"));
        has(**section, SECTION) || code == "57017-6"
    };
    let section = sections.iter().find(is_markings)?;
    let mut rows = Rows::new(document, false);
    for mark in section.descendants().filter(|element| element.name() == "observation") {
        let label = match () {
            () if has(mark, "2.16.840.1.113883.3.445.12") => "Confidentiality",
            () if has(mark, "2.16.840.1.113883.3.445.22") => "Purpose of use",
            () if has(mark, "2.16.840.1.113883.3.445.23") => "Refrain from",
            () if has(mark, "2.16.840.1.113883.3.445.14") => "Obligation",
            () => "Marking",
        };
        let values: Vec<String> = mark.children("value").filter_map(|value| marking(document, value)).collect();
        rows.put_as(label, values);
    }
    let words = section.children("text").map(|text| spaced(&crate::formats::cda::text_of(&text)));
    rows.put_as("As written", words.collect::<Vec<_>>());
    Some(rows.panel("Privacy markings")).filter(|panel| !panel.rows.is_empty())
}

/// A marking's words with its code, which policies are known by.
fn marking(document: &Document<'_>, value: Element<'_>) -> Option<String> {
    let words = rows_datum(document, value)?;
    let code = value.attr("code");
    Some(if code.is_empty() || words.contains(code) { words } else { format!("{words} ({code})") })
}

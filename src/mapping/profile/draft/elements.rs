//! Which column becomes which element, resource by resource, by what columns are commonly called.
//!
//! Not for: certainty.

use super::super::ColumnProfile;
use super::super::links::table_stem;
use super::columns::{Sheet, expression};
use super::tables::{Plan, Purpose};
use super::text::text;

const CODES: [&str; 7] = ["code", "codevalue", "icd10", "icdcode", "dxcode", "cd", "conceptid"];
const WORDS: [&str; 7] = ["description", "display", "codedescription", "desc", "name", "term", "text"];
const STARTS: [&str; 12] = [
    "start",
    "startdate",
    "starttime",
    "begin",
    "begindate",
    "onset",
    "onsetdate",
    "date",
    "datetime",
    "fromdate",
    "admitdate",
    "recorded",
];
const ENDS: [&str; 10] =
    ["stop", "stopdate", "stoptime", "end", "enddate", "endtime", "resolved", "resolveddate", "todate", "dischargedate"];

/// Adds the fields of a table.
pub fn add(sheet: &mut Sheet<'_>, purpose: Purpose, plan: &Plan) {
    match purpose {
        Purpose::Patient => patient(sheet, plan),
        Purpose::Organization | Purpose::Practitioner => party(sheet, purpose),
        Purpose::Encounter => encounter(sheet, plan),
        Purpose::Condition => condition(sheet, plan),
        Purpose::Allergy => allergy(sheet, plan),
        Purpose::Medication => medication(sheet, plan),
        Purpose::Immunization => event(sheet, plan, "vaccineCode", "vaccine", "occurrenceDateTime"),
        Purpose::Procedure => event(sheet, plan, "code", "procedure", "performedDateTime"),
        Purpose::Observation => observation(sheet, plan),
        Purpose::CarePlan => care_plan(sheet, plan),
        Purpose::Device => device(sheet),
        Purpose::Unknown | Purpose::Lookup => unknown(sheet, plan),
    }
}

fn constant(sheet: &mut Sheet<'_>, path: &str, value: &str, doubt: &str) {
    sheet.field(path, &["type = \"code\"".into(), format!("value = {}", text(value))], &[], doubt);
}

/// A status that follows from whether there is an end.
fn status(sheet: &mut Sheet<'_>, path: &str, system: &str, end: Option<&ColumnProfile>, [open, closed]: [&str; 2]) {
    let kind =
        if system.is_empty() { "type = \"code\"".to_string() } else { format!("type = \"coding\", system = {}", text(system)) };
    match end {
        Some(end) => {
            let expr = format!("if({} is null, '{open}', '{closed}')", expression(&end.name));
            sheet.field(path, &[kind, format!("expr = {}", text(expr))], &[], "by whether there is an end");
        }
        None => sheet.field(path, &[kind, format!("value = {}", text(open))], &[], "for all rows"),
    }
}

/// A reference to the resource that a column points at.
fn reference(sheet: &mut Sheet<'_>, plan: &Plan, path: &str, purpose: Purpose) {
    let Some((column, parent)) = plan.target(sheet.profile, sheet.table, purpose) else { return };
    let Some(column) = sheet.mark(column) else { return };
    let mut parts = vec![
        "type = \"reference\"".to_string(),
        format!("resource = \"{}\"", purpose.resource()),
        format!("col = {}", text(&column.name)),
    ];
    if plan.has_several(purpose) {
        parts.push(format!("namespace = {}", text(table_stem(parent))));
    }
    sheet.field(path, &parts, &[column], "");
}

fn patient(sheet: &mut Sheet<'_>, plan: &Plan) {
    let key = plan.patients.as_ref().and_then(|(_, key)| sheet.mark(key));
    let mut identifiers = Vec::new();
    if let Some(key) = key {
        identifiers.push((key, format!("urn:archive:{}:{}", sheet.source, table_stem(&sheet.table.file)), ""));
    }
    for (names, system, doubt) in [
        (&["mrn", "medicalrecordnumber", "chartnumber"][..], "mrn", "whose number it is"),
        (&["ssn", "socialsecuritynumber"], "http://hl7.org/fhir/sid/us-ssn", ""),
    ] {
        if let Some(column) = sheet.take(names) {
            let is_url = system.starts_with("http");
            identifiers.push((
                column,
                if is_url { system.into() } else { format!("urn:archive:{}:{system}", sheet.source) },
                doubt,
            ));
        }
    }
    for (number, (column, system, doubt)) in identifiers.into_iter().enumerate() {
        let parts =
            ["type = \"identifier\"".into(), format!("system = {}", text(system)), format!("col = {}", text(&column.name))];
        sheet.field(&format!("identifier[{number}]"), &parts, &[column], doubt);
    }
    name(sheet);
    telecom(sheet);
    gender(sheet);
    if let Some(born) = sheet.take_date(&["birthdate", "dateofbirth", "dob", "birthdt", "birthday", "born"]) {
        sheet.date("birthDate", "date", born);
    }
    if let Some(died) = sheet.take_date(&["deathdate", "dateofdeath", "deathdt", "deceaseddate", "dod"]) {
        sheet.date("deceasedDateTime", "date_time", died);
    }
    address(sheet);
    if let Some(marital) = sheet.take(&["marital", "maritalstatus"]) {
        let system = text(format!("urn:archive:{}:marital", sheet.source));
        let parts = ["type = \"concept\"".into(), format!("system = {system}"), format!("col = {}", text(&marital.name))];
        sheet.field("maritalStatus", &parts, &[marital], "codes of the old system");
    }
}

fn name(sheet: &mut Sheet<'_>) {
    let family = sheet.take(&["last", "lastname", "lname", "familyname", "surname", "family", "srnmname"]);
    let given = sheet.take(&["first", "firstname", "fname", "givenname", "given", "gvnname"]);
    let middle = sheet.take(&["middle", "middlename", "mname", "middleinitial", "mdlname"]);
    if family.is_none() && given.is_none() {
        if let Some(whole) = sheet.take(&["name", "fullname", "patientname", "displayname"]) {
            let parts = ["type = \"human_name\"".into(), format!("text = {}", text(expression(&whole.name)))];
            sheet.field("name[0]", &parts, &[whole], "one text: family and given names stay together");
        }
        return;
    }
    let mut parts = vec!["type = \"human_name\"".to_string()];
    parts.extend(family.map(|c| format!("family = {}", text(expression(&c.name)))));
    let givens: Vec<String> = given.into_iter().chain(middle).map(|c| text(expression(&c.name))).collect();
    if !givens.is_empty() {
        parts.push(format!("given = [{}]", givens.join(", ")));
    }
    parts.extend(sheet.take(&["prefix", "title"]).map(|c| format!("prefix = {}", text(expression(&c.name)))));
    parts.extend(sheet.take(&["suffix"]).map(|c| format!("suffix = {}", text(expression(&c.name)))));
    let columns: Vec<&ColumnProfile> = family.into_iter().collect();
    sheet.field("name[0]", &parts, &columns, "");
}

fn telecom(sheet: &mut Sheet<'_>) {
    let mut number = 0;
    for (system, usage, names) in [
        ("phone", "home", &["homephone", "phonehome"][..]),
        ("phone", "mobile", &["mobile", "cellphone", "mobilephone", "cell"]),
        ("phone", "work", &["workphone", "phonework"]),
        ("phone", "", &["phone", "phonenumber", "telephone", "tel"]),
        ("email", "", &["email", "emailaddress"]),
    ] {
        let Some(column) = sheet.take(names) else { continue };
        let mut parts = vec![
            "type = \"contact_point\"".to_string(),
            format!("system = \"{system}\""),
            format!("col = {}", text(&column.name)),
        ];
        if !usage.is_empty() {
            parts.push(format!("use = \"{usage}\""));
        }
        sheet.field(&format!("telecom[{number}]"), &parts, &[column], "");
        number += 1;
    }
}

fn gender(sheet: &mut Sheet<'_>) {
    let known = [
        ("M", "male"),
        ("F", "female"),
        ("male", "male"),
        ("female", "female"),
        ("O", "other"),
        ("other", "other"),
        ("U", "unknown"),
        ("unknown", "unknown"),
    ];
    let Some(column) = sheet.take(&["gender", "sex", "sexcode", "sexidentcd", "administrativesex"]) else { return };
    let set = sheet.values("gender", column, &known);
    let parts = [
        "type = \"code\"".into(),
        format!("col = {}", text(&column.name)),
        format!("values = {}", text(set)),
        "default_when_unmapped = \"unknown\"".into(),
    ];
    let is_known = column.top.iter().all(|(value, _)| known.iter().any(|(from, _)| value.eq_ignore_ascii_case(from)));
    sheet.field("gender", &parts, &[column], if is_known { "" } else { "what the codes stand for" });
}

fn address(sheet: &mut Sheet<'_>) {
    let line = sheet.take(&["address", "address1", "addressline1", "street", "addr1", "line1adr"]);
    let second = sheet.take(&["address2", "addressline2", "addr2", "line2adr"]);
    let lines: Vec<String> = line.into_iter().chain(second).map(|c| text(expression(&c.name))).collect();
    let mut parts = vec!["type = \"address\"".to_string()];
    if !lines.is_empty() {
        parts.push(format!("line = [{}]", lines.join(", ")));
    }
    for (member, names) in [
        ("city", &["city", "cityname", "town"][..]),
        ("district", &["county"]),
        ("state", &["state", "statecd", "statecode", "province", "stateheadquartered"]),
        ("postal_code", &["zip", "zipcode", "postalcode", "postcode", "zipcd"]),
        ("country", &["country", "countrycode"]),
    ] {
        parts.extend(sheet.take(names).map(|c| format!("{member} = {}", text(expression(&c.name)))));
    }
    if parts.len() > 1 {
        let columns: Vec<&ColumnProfile> = line.into_iter().collect();
        sheet.field("address[0]", &parts, &columns, "");
    }
}

fn party(sheet: &mut Sheet<'_>, purpose: Purpose) {
    sheet.field("active", &["type = \"boolean\"".into(), "value = true".into()], &[], "");
    if purpose == Purpose::Practitioner {
        name(sheet);
        telecom(sheet);
        address(sheet);
        gender(sheet);
    } else {
        sheet.plain("name", &["name", "organizationname", "facilityname"]);
        telecom(sheet);
        address(sheet);
    }
}

fn encounter(sheet: &mut Sheet<'_>, plan: &Plan) {
    let (start, end) = (sheet.take_date(&STARTS), sheet.take_date(&ENDS));
    status(sheet, "status", "", end, ["in-progress", "finished"]);
    if let Some(class) = sheet.take(&["class", "encounterclass", "visittype", "patientclass"]) {
        let known = [
            ("ambulatory", "AMB"),
            ("outpatient", "AMB"),
            ("O", "AMB"),
            ("wellness", "AMB"),
            ("emergency", "EMER"),
            ("E", "EMER"),
            ("inpatient", "IMP"),
            ("I", "IMP"),
            ("home", "HH"),
            ("virtual", "VR"),
            ("urgentcare", "AMB"),
        ];
        let set = sheet.values("class", class, &known);
        let system = text("http://terminology.hl7.org/CodeSystem/v3-ActCode");
        let parts = [
            "type = \"coding\"".into(),
            format!("system = {system}"),
            format!("col = {}", text(&class.name)),
            format!("values = {}", text(set)),
            "default_when_unmapped = \"AMB\"".into(),
        ];
        sheet.field("class", &parts, &[class], "what the classes stand for");
    } else {
        let system = text("http://terminology.hl7.org/CodeSystem/v3-ActCode");
        sheet.field(
            "class",
            &["type = \"coding\"".into(), format!("system = {system}"), "value = \"AMB\"".into()],
            &[],
            "for all rows",
        );
    }
    sheet.concept("type[0]", &CODES, &WORDS, "visit");
    reference(sheet, plan, "participant[0].individual", Purpose::Practitioner);
    if let Some(start) = start {
        sheet.period("period", start, end);
    }
    sheet.concept("reasonCode[0]", &["reasoncode"], &["reasondescription", "reason"], "finding");
    reference(sheet, plan, "serviceProvider", Purpose::Organization);
}

fn condition(sheet: &mut Sheet<'_>, plan: &Plan) {
    let (start, end) = (sheet.take_date(&STARTS), sheet.take_date(&ENDS));
    let system = "http://terminology.hl7.org/CodeSystem/condition-clinical";
    status(sheet, "clinicalStatus.coding[0]", system, end, ["active", "resolved"]);
    sheet.concept("code", &CODES, &WORDS, "finding");
    reference(sheet, plan, "encounter", Purpose::Encounter);
    if let Some(start) = start {
        sheet.date("onsetDateTime", "date_time", start);
    }
    if let Some(end) = end {
        sheet.date("abatementDateTime", "date_time", end);
    }
}

fn allergy(sheet: &mut Sheet<'_>, plan: &Plan) {
    let (start, end) = (sheet.take_date(&STARTS), sheet.take_date(&ENDS));
    let system = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical";
    status(sheet, "clinicalStatus.coding[0]", system, end, ["active", "resolved"]);
    sheet.concept("code", &CODES, &["description", "display", "allergen", "substance", "desc", "name"], "substance");
    reference(sheet, plan, "encounter", Purpose::Encounter);
    if let Some(start) = start {
        sheet.date("recordedDate", "date_time", start);
    }
    sheet.concept(
        "reaction[0].manifestation[0]",
        &["reaction1", "reactioncode"],
        &["description1", "reaction", "reactiontext"],
        "finding",
    );
}

fn medication(sheet: &mut Sheet<'_>, plan: &Plan) {
    let (start, end) = (sheet.take_date(&STARTS), sheet.take_date(&ENDS));
    status(sheet, "status", "", end, ["active", "stopped"]);
    constant(sheet, "intent", "order", "");
    let codes = ["code", "rxnorm", "rxcui", "ndc", "ndccode", "drugcode", "medicationcode", "medid"];
    sheet.concept(
        "medicationCodeableConcept",
        &codes,
        &["description", "drugname", "medication", "medicationname", "drug", "display", "name"],
        "drug",
    );
    reference(sheet, plan, "encounter", Purpose::Encounter);
    if let Some(start) = start {
        sheet.date("authoredOn", "date_time", start);
    }
    sheet.concept("reasonCode[0]", &["reasoncode"], &["reasondescription", "reason"], "finding");
    sheet.plain("dosageInstruction[0].text", &["sig", "directions", "instructions", "dosage"]);
    if let (Some(start), Some(end)) = (start, end) {
        sheet.period("dispenseRequest.validityPeriod", start, Some(end));
    }
}

/// Something that was done once.
fn event(sheet: &mut Sheet<'_>, plan: &Plan, code: &str, about: &str, at: &str) {
    let (start, end) = (sheet.take_date(&STARTS), sheet.take_date(&ENDS));
    constant(sheet, "status", "completed", "for all rows");
    sheet.concept(code, &["code", "cvx", "cpt", "cptcode", "vaccinecode", "procedurecode", "cd"], &WORDS, about);
    reference(sheet, plan, "encounter", Purpose::Encounter);
    match (start, end) {
        (Some(start), Some(end)) if about == "procedure" => sheet.period("performedPeriod", start, Some(end)),
        (Some(start), _) => sheet.date(at, "date_time", start),
        _ => {}
    }
    if about == "vaccine" {
        sheet.plain("lotNumber", &["lot", "lotnumber", "lotno"]);
    } else {
        sheet.concept("reasonCode[0]", &["reasoncode"], &["reasondescription", "reason"], "finding");
    }
}

fn observation(sheet: &mut Sheet<'_>, plan: &Plan) {
    let when = sheet.take_date(&[
        "observationdate",
        "resultdate",
        "collected",
        "collectiondate",
        "obsdate",
        "date",
        "datetime",
        "start",
        "time",
    ]);
    constant(sheet, "status", "final", "for all rows");
    sheet.concept("category[0]", &["category"], &[], "category");
    sheet.concept(
        "code",
        &["code", "loinc", "loinccode", "testcode", "obscode", "hdid", "cd"],
        &["description", "testname", "display", "test", "name", "desc"],
        "test",
    );
    reference(sheet, plan, "encounter", Purpose::Encounter);
    if let Some(when) = when {
        sheet.date("effectiveDateTime", "date_time", when);
    }
    if let Some(value) = sheet.take(&["value", "result", "resultvalue", "obsvalue", "numericresult", "answer"]) {
        let mut parts = vec!["type = \"auto_value\"".to_string(), format!("col = {}", text(&value.name))];
        parts.extend(
            sheet.take(&["units", "unit", "uom", "resultunits"]).map(|c| format!("unit = {}", text(expression(&c.name)))),
        );
        sheet.field("value", &parts, &[value], "");
    }
    sheet.concept("interpretation[0]", &["abnormal", "abnormalflag", "flag", "interpretation"], &[], "flag");
    sheet.plain("referenceRange[0].text", &["referencerange", "range", "refrange", "normalrange"]);
}

fn care_plan(sheet: &mut Sheet<'_>, plan: &Plan) {
    let (start, end) = (sheet.take_date(&STARTS), sheet.take_date(&ENDS));
    status(sheet, "status", "", end, ["active", "completed"]);
    constant(sheet, "intent", "plan", "");
    sheet.concept("category[0]", &CODES, &WORDS, "finding");
    reference(sheet, plan, "encounter", Purpose::Encounter);
    if let Some(start) = start {
        sheet.period("period", start, end);
    }
}

fn device(sheet: &mut Sheet<'_>) {
    sheet.plain("udiCarrier[0].carrierHRF", &["udi"]);
    let end = sheet.take_date(&ENDS);
    status(sheet, "status", "", end, ["active", "inactive"]);
    sheet.plain("serialNumber", &["serial", "serialnumber"]);
    sheet.concept("type", &CODES, &WORDS, "finding");
}

/// Rows that nothing is known of keep all their columns.
fn unknown(sheet: &mut Sheet<'_>, plan: &Plan) {
    let stem = table_stem(&sheet.table.file);
    let system = text(format!("urn:archive:{}:table", sheet.source));
    sheet.field(
        "code.coding[0]",
        &["type = \"coding\"".into(), format!("system = {system}"), format!("value = {}", text(stem))],
        &[],
        "",
    );
    let names: Vec<&str> = sheet.table.volume.iter().map(|volume| volume.column.as_str()).collect();
    let names: Vec<String> = names.into_iter().map(super::super::names::squeezed).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    if let Some(when) = sheet.take_date(&names).filter(|_| plan.patients.is_some()) {
        sheet.date("created", "date", when);
    }
}

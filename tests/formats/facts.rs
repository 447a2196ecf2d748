//! What an archive's export says of each patient, put so that two archives can be compared whatever form they came in.
//!
//! Not for: what may differ (`differences`).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// One thing that is said of a patient. Fields that nothing is said about are left out.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Fact {
    pub what: &'static str,
    pub fields: BTreeMap<&'static str, String>,
}

impl Fact {
    fn new(what: &'static str, fields: impl IntoIterator<Item = (&'static str, String)>) -> Fact {
        Fact { what, fields: fields.into_iter().filter(|(_, value)| !value.is_empty()).collect() }
    }

    pub fn get(&self, field: &str) -> &str {
        self.fields.get(field).map_or("", String::as_str)
    }
}

/// By medical record number.
pub type Facts = BTreeMap<String, Vec<Fact>>;

/// Makes the facts of a record.
type Maker = fn(&Export<'_>, &Value) -> Vec<Fact>;

/// An export, read.
struct Export<'a> {
    dir: &'a Path,
    records: HashMap<String, Vec<Value>>,
    /// Medical record numbers and visit numbers, by reference.
    mrns: HashMap<String, String>,
    visits: HashMap<String, String>,
    /// Medications by reference, and Binaries.
    named: HashMap<String, Value>,
}

/// Reads the folder that `chartkeep export` wrote.
pub fn read(dir: &Path) -> Facts {
    let mut records: HashMap<String, Vec<Value>> = HashMap::new();
    for (kind, lines) in files(dir) {
        records.insert(kind, lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect());
    }
    let all = |kind: &str| records.get(kind).into_iter().flatten();
    let name = |record: &Value| format!("{}/{}", text(record, "/resourceType"), text(record, "/id"));
    let mrns = all("Patient").map(|patient| (name(patient), mrn(patient))).collect();
    let visits = all("Encounter").map(|visit| (name(visit), said(visit, "/identifier/0/value"))).collect();
    let named = all("Medication").chain(all("Binary")).map(|record| (name(record), record.clone())).collect();
    Export { dir, mrns, visits, named, records }.facts()
}

/// The NDJSON files: type and lines.
fn files(dir: &Path) -> Vec<(String, String)> {
    let names = std::fs::read_dir(dir.join("fhir")).unwrap().map(|entry| entry.unwrap().file_name());
    let kinds: BTreeSet<String> = names.filter_map(|name| Some(name.to_str()?.split('.').next()?.to_string())).collect();
    kinds.into_iter().map(|kind| (kind.clone(), crate::support::exported(dir, &kind))).collect()
}

/// Records of each type.
pub fn counts(dir: &Path) -> BTreeMap<String, u64> {
    files(dir).into_iter().map(|(kind, lines)| (kind, lines.lines().count() as u64)).collect()
}

fn mrn(patient: &Value) -> String {
    let all = list(patient, "/identifier").iter();
    let mut own = all.filter(|i| text(i, "/system") == "urn:oid:2.16.840.1.113883.19.5.99.1");
    own.next().map(|i| text(i, "/value").to_owned()).unwrap_or_default()
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn said(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn list<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Codes with their systems, and the text.
fn concept(value: &Value) -> String {
    let codes = list(value, "/coding").iter().map(|c| format!("{}|{}", text(c, "/system"), text(c, "/code")));
    let mut parts: Vec<String> = codes.collect();
    parts.extend(Some(text(value, "/text").to_owned()).filter(|t| !t.is_empty()));
    parts.join(" ")
}

fn sensitivity(record: &Value) -> String {
    list(record, "/meta/security").iter().map(|c| text(c, "/code")).collect::<Vec<_>>().join(" ")
}

/// What several elements say, in an order of its own.
fn each(values: &[Value], say: impl Fn(&Value) -> String) -> String {
    let mut all: Vec<String> = values.iter().map(say).collect();
    all.sort();
    all.join("; ")
}

impl Export<'_> {
    fn all(&self, kind: &str) -> &[Value] {
        self.records.get(kind).map_or(&[], Vec::as_slice)
    }

    fn facts(&self) -> Facts {
        let mut facts = Facts::new();
        let makers: [(&str, Maker); 12] = [
            ("Patient", |_, r| vec![patient(r)]),
            ("RelatedPerson", |_, r| vec![relative(r)]),
            ("Encounter", |_, r| vec![visit(r)]),
            ("Condition", |export, r| vec![export.problem(r)]),
            ("AllergyIntolerance", |_, r| vec![allergy(r)]),
            ("MedicationRequest", |export, r| vec![export.ordered(r)]),
            ("MedicationStatement", |export, r| vec![export.reported(r)]),
            ("MedicationDispense", |export, r| vec![export.handed_out(r)]),
            ("MedicationAdministration", |export, r| vec![export.given(r)]),
            ("Observation", |export, r| export.results(r)),
            ("Immunization", |export, r| vec![export.vaccine(r)]),
            ("DocumentReference", |export, r| vec![export.document(r)]),
        ];
        for (kind, make) in makers {
            for record in self.all(kind) {
                let subject = ["/subject/reference", "/patient/reference"].map(|at| text(record, at));
                let own = format!("Patient/{}", text(record, "/id"));
                let subject = if kind == "Patient" { &own } else { subject.into_iter().find(|s| !s.is_empty()).unwrap_or("") };
                // Documents may come without the patient's own record; his number stands in the reference.
                let last = subject.rsplit(['.', '/']).next().unwrap_or_default();
                let mrn = self.mrns.get(subject).map_or(last, String::as_str);
                facts.entry(mrn.to_owned()).or_default().extend(make(self, record));
            }
        }
        facts.values_mut().for_each(|all| all.sort());
        facts
    }

    /// The number of the visit that a reference names.
    fn visit_of(&self, record: &Value, pointer: &str) -> String {
        let reference = text(record, pointer);
        let last = || reference.rsplit('.').next().filter(|number| number.starts_with('V')).unwrap_or_default();
        self.visits.get(reference).map_or(last(), String::as_str).to_owned()
    }

    fn medicine(&self, record: &Value) -> String {
        let own = record.get("medicationCodeableConcept").or_else(|| record.pointer("/contained/0/code"));
        let named = || self.named.get(text(record, "/medicationReference/reference")).map(|drug| &drug["code"]);
        own.or_else(named).map(concept).unwrap_or_default()
    }

    fn problem(&self, r: &Value) -> Fact {
        Fact::new(
            "problem",
            [
                ("code", concept(&r["code"])),
                ("status", said(r, "/clinicalStatus/coding/0/code")),
                ("verified", said(r, "/verificationStatus/coding/0/code")),
                ("category", said(r, "/category/0/coding/0/code")),
                ("onset", said(r, "/onsetDateTime")),
                ("end", said(r, "/abatementDateTime")),
                ("recorded", said(r, "/recordedDate")),
                ("visit", self.visit_of(r, "/encounter/reference")),
                ("sensitivity", sensitivity(r)),
            ],
        )
    }

    fn ordered(&self, r: &Value) -> Fact {
        Fact::new(
            "medicine ordered",
            [
                ("medicine", self.medicine(r)),
                ("status", said(r, "/status")),
                ("when", said(r, "/authoredOn")),
                ("by", said(r, "/requester/display")),
                ("how", said(r, "/dosageInstruction/0/text")),
                ("how often", often(&r["dosageInstruction"][0]["timing"])),
                ("quantity", said(r, "/dispenseRequest/quantity/value")),
                ("refills", said(r, "/dispenseRequest/numberOfRepeatsAllowed")),
                ("visit", self.visit_of(r, "/encounter/reference")),
                ("sensitivity", sensitivity(r)),
            ],
        )
    }

    fn reported(&self, r: &Value) -> Fact {
        let how = said(r, "/dosage/0/text");
        Fact::new("medicine reported", [("medicine", self.medicine(r)), ("when", said(r, "/dateAsserted")), ("how", how)])
    }

    fn handed_out(&self, r: &Value) -> Fact {
        Fact::new(
            "medicine handed out",
            [
                ("medicine", self.medicine(r)),
                ("when", said(r, "/whenHandedOver")),
                ("how", said(r, "/dosageInstruction/0/text")),
                ("quantity", said(r, "/quantity/value")),
                ("days", said(r, "/daysSupply/value")),
                ("sensitivity", sensitivity(r)),
            ],
        )
    }

    fn given(&self, r: &Value) -> Fact {
        Fact::new(
            "medicine given",
            [
                ("medicine", self.medicine(r)),
                ("when", said(r, "/effectiveDateTime")),
                ("by", said(r, "/performer/0/actor/display")),
                ("dose", said(r, "/dosage/dose/value") + " " + text(r, "/dosage/dose/unit")),
                ("how", said(r, "/dosage/text")),
                ("route", concept(&r["dosage"]["route"])),
                ("note", said(r, "/note/0/text")),
                ("visit", self.visit_of(r, "/context/reference")),
                ("sensitivity", sensitivity(r)),
            ],
        )
    }

    /// A value, or one for each component.
    fn results(&self, r: &Value) -> Vec<Fact> {
        let fact = |code: &Value, of: &Value| {
            Fact::new(
                "result",
                [
                    ("code", concept(code)),
                    ("value", value(of)),
                    ("when", said(r, "/effectiveDateTime")),
                    ("status", said(r, "/status")),
                    ("category", said(r, "/category/0/coding/0/code")),
                    ("flag", said(r, "/interpretation/0/coding/0/code")),
                    ("low", said(r, "/referenceRange/0/low/value")),
                    ("high", said(r, "/referenceRange/0/high/value")),
                    ("note", said(r, "/note/0/text")),
                    ("visit", self.visit_of(r, "/encounter/reference")),
                    ("sensitivity", sensitivity(r)),
                ],
            )
        };
        let parts = list(r, "/component");
        if parts.is_empty() { vec![fact(&r["code"], r)] } else { parts.iter().map(|p| fact(&p["code"], p)).collect() }
    }

    fn vaccine(&self, r: &Value) -> Fact {
        Fact::new(
            "immunization",
            [
                ("vaccine", concept(&r["vaccineCode"])),
                ("when", said(r, "/occurrenceDateTime")),
                ("status", said(r, "/status")),
                ("why not", concept(&r["statusReason"])),
                ("lot", said(r, "/lotNumber")),
                ("visit", self.visit_of(r, "/encounter/reference")),
            ],
        )
    }

    fn document(&self, r: &Value) -> Fact {
        let attachment = &r["content"][0]["attachment"];
        let media = text(attachment, "/contentType");
        let bytes = self.bytes(attachment);
        let content = match std::str::from_utf8(&bytes) {
            Ok(text) if media.starts_with("text/plain") => text.to_owned(),
            _ => STANDARD.encode(Sha256::digest(&bytes)),
        };
        Fact::new(
            "document",
            [
                ("type", concept(&r["type"])),
                ("title", said(attachment, "/title")),
                ("when", said(r, "/date")),
                ("by", said(r, "/author/0/display")),
                ("media", media.to_owned()),
                ("content", content),
                ("visit", self.visit_of(r, "/context/encounter/0/reference")),
                ("sensitivity", sensitivity(r)),
            ],
        )
    }

    fn bytes(&self, attachment: &Value) -> Vec<u8> {
        let data = |value: &Value| STANDARD.decode(text(value, "/data")).unwrap();
        let Some(id) = text(attachment, "/url").strip_prefix("Binary/") else { return data(attachment) };
        match crate::support::exported_document(self.dir, id) {
            Some(bytes) => bytes,
            None => self.named.get(text(attachment, "/url")).map(data).unwrap_or_default(),
        }
    }
}

/// How many times a day, or the code for it.
fn often(timing: &Value) -> String {
    let times = said(timing, "/repeat/frequency");
    if times.is_empty() { said(timing, "/code/text") } else { times }
}

fn value(of: &Value) -> String {
    if let Some(quantity) = of.get("valueQuantity") {
        let parts = ["/comparator", "/value", "/unit", "/code"].map(|at| said(quantity, at));
        return parts.into_iter().filter(|p| !p.is_empty()).collect::<Vec<_>>().join(" ");
    }
    match of.get("valueCodeableConcept") {
        Some(coded) => concept(coded),
        None => said(of, "/valueString"),
    }
}

fn patient(r: &Value) -> Fact {
    let category = |name: &str| {
        let extensions = list(r, "/extension").iter();
        let found = extensions.filter(|e| text(e, "/url").ends_with(name)).flat_map(|e| list(e, "/extension"));
        each(&found.cloned().collect::<Vec<_>>(), |part| said(part, "/valueCoding/code") + text(part, "/valueString"))
    };
    let ssn = list(r, "/identifier").iter().find(|i| text(i, "/system").ends_with("us-ssn"));
    let given = |name: &Value| list(name, "/given").iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ");
    let name = |name: &Value| format!("{}: {} {}", text(name, "/use"), given(name), text(name, "/family"));
    let contact = |c: &Value| format!("{} {} {}", text(c, "/system"), text(c, "/use"), text(c, "/value"));
    Fact::new(
        "patient",
        [
            ("name", each(list(r, "/name"), name)),
            ("born", said(r, "/birthDate")),
            ("sex", said(r, "/gender")),
            ("race", category("us-core-race")),
            ("ethnicity", category("us-core-ethnicity")),
            ("contact", each(list(r, "/telecom"), contact)),
            ("address", each(list(r, "/address"), address)),
            ("marital status", said(r, "/maritalStatus/coding/0/code")),
            ("language", said(r, "/communication/0/language/coding/0/code")),
            ("died", said(r, "/deceasedDateTime")),
            ("order of birth", said(r, "/multipleBirthInteger")),
            ("ssn", ssn.map(|i| said(i, "/value")).unwrap_or_default()),
        ],
    )
}

fn address(a: &Value) -> String {
    let parts = ["/use", "/line/0", "/city", "/state", "/postalCode", "/country", "/period/end"].map(|at| text(a, at));
    parts.join(" ")
}

fn relative(r: &Value) -> Fact {
    Fact::new(
        "relative",
        [
            ("relation", said(r, "/relationship/0/coding/0/code")),
            ("name", text(r, "/name/0/given/0").to_owned() + " " + text(r, "/name/0/family")),
            ("contact", said(r, "/telecom/0/value")),
            ("address", each(list(r, "/address"), address)),
        ],
    )
}

fn visit(r: &Value) -> Fact {
    Fact::new(
        "visit",
        [
            ("number", said(r, "/identifier/0/value")),
            ("class", said(r, "/class/code")),
            ("type", concept(&r["type"][0])),
            ("status", said(r, "/status")),
            ("start", said(r, "/period/start")),
            ("end", said(r, "/period/end")),
            ("by", said(r, "/participant/0/individual/display")),
            ("why", concept(&r["reasonCode"][0])),
            ("where", said(r, "/location/0/location/display")),
            ("then", said(r, "/hospitalization/dischargeDisposition/coding/0/code")),
            ("sensitivity", sensitivity(r)),
        ],
    )
}

fn allergy(r: &Value) -> Fact {
    let reaction = &r["reaction"][0];
    Fact::new(
        "allergy",
        [
            ("to", concept(&r["code"])),
            ("category", said(r, "/category/0")),
            ("criticality", said(r, "/criticality")),
            ("status", said(r, "/clinicalStatus/coding/0/code")),
            ("verified", said(r, "/verificationStatus/coding/0/code")),
            ("recorded", said(r, "/recordedDate")),
            ("reaction", concept(&reaction["manifestation"][0])),
            ("severity", said(reaction, "/severity")),
        ],
    )
}

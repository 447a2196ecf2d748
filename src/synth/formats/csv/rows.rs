//! Which table a record goes to, and what stands in its row.
//!
//! Not for: how rows and codes are written (`table`).

use serde_json::Value;

use super::super::records::{list, number, text};
use super::layout::{
    ALLERGIES, DOSES, FILLS, HOME_MEDS, NOTES, ORDERS, PATIENTS, POLICIES, PROBLEMS, PROCEDURES, RELATIVES, REPORTS, RESULTS,
    SCANS, SHOTS, SIGNS, VISITS,
};
use super::table::{Table, date};
use super::{Extract, mark};
use crate::synth::SynthError;
use crate::synth::sink::Type;

/// One in so many rows of some tables comes with a deleted one beside it.
const DELETED_EVERY: u64 = 40;

type Done = Result<(), SynthError>;

impl Extract<'_, '_> {
    pub fn row(&mut self, kind: Type, record: &Value) -> Done {
        match kind {
            Type::Encounter => self.visit_row(record),
            Type::Condition => self.problem(record),
            Type::AllergyIntolerance => self.allergy(record),
            Type::MedicationRequest => self.order(record),
            Type::MedicationStatement => self.home_medicine(record),
            Type::MedicationAdministration => self.dose(record),
            Type::MedicationDispense => self.fill(record),
            Type::Observation => self.observation(record),
            Type::DiagnosticReport => self.report(record),
            Type::Immunization => self.shot(record),
            Type::Procedure => self.procedure(record),
            Type::FamilyMemberHistory => self.relative(record),
            Type::Coverage => self.policy(record),
            Type::DocumentReference => self.document(record),
            _ => Ok(()),
        }
    }

    pub fn patient_row(&mut self) -> Done {
        let patient = self.records.patient();
        let named = |of: &str| list(patient, "/name").iter().find(|name| text(name, "/use") == of).unwrap_or(&Value::Null);
        let phone = |of: &str| list(patient, "/telecom").iter().find(|t| text(t, "/use") == of).map_or("", |t| text(t, "/value"));
        let ssn = list(patient, "/identifier").get(1).map_or("", |identifier| text(identifier, "/value"));
        let order = number(patient, "/multipleBirthInteger");
        let group = |place: usize| text(patient, &format!("/extension/{place}/extension/0/valueCoding/code"));
        let cells = [
            self.person.mrn.as_str(),
            text(patient, "/name/0/family"),
            text(patient, "/name/0/given/0"),
            text(patient, "/name/0/given/1"),
            text(named("nickname"), "/given/0"),
            text(named("maiden"), "/family"),
            if text(patient, "/gender") == "female" { "F" } else { "M" },
            &date(text(patient, "/birthDate")),
            &date(text(patient, "/deceasedDateTime")),
            ssn,
            text(patient, "/address/0/line/0"),
            text(patient, "/address/0/city"),
            text(patient, "/address/0/state"),
            text(patient, "/address/0/postalCode"),
            text(patient, "/address/1/line/0"),
            text(patient, "/address/1/city"),
            text(patient, "/address/1/state"),
            text(patient, "/address/1/postalCode"),
            &date(text(patient, "/address/1/period/end")),
            phone("home"),
            phone("mobile"),
            race(group(0)),
            if group(1) == "2135-2" { "Y" } else { "N" },
            text(patient, "/communication/0/language/coding/0/code"),
            text(patient, "/maritalStatus/coding/0/code"),
            &order,
            &date(text(patient, "/meta/lastUpdated")),
            "",
        ];
        self.write(&PATIENTS, &cells)
    }

    fn visit_row(&mut self, visit: &Value) -> Done {
        let (kind, reason) = (self.code("VISIT", &visit["type"][0]), self.code("PROBLEM", &visit["reasonCode"][0]));
        let user = self.user(&visit["participant"][0]["individual"]);
        let class = match text(visit, "/class/code") {
            "EMER" => "E",
            "IMP" => "I",
            "VR" => "T",
            _ => "O",
        };
        let disposition = match text(visit, "/hospitalization/dischargeDisposition/coding/0/code") {
            "home" => "1",
            "snf" => "3",
            _ => "",
        };
        let cells = [
            text(visit, "/identifier/0/value"),
            &self.person.mrn,
            &kind,
            class,
            &date(text(visit, "/period/start")),
            &date(text(visit, "/period/end")),
            text(visit, "/location/0/location/display"),
            &user,
            &reason,
            disposition,
            mark(visit),
            &date(text(visit, "/meta/lastUpdated")),
            "",
        ];
        self.write(&VISITS, &cells)
    }

    fn problem(&mut self, problem: &Value) -> Done {
        let own = without(&problem["code"], "http://hl7.org/fhir/sid/icd-10-cm");
        let (code, icd) = (self.code("PROBLEM", &own), text(problem, "/code/coding/1/code"));
        let (visit, user) = (self.visit(problem), self.user(&problem["recorder"]));
        let acute = text(problem, "/category/0/coding/0/code") == "encounter-diagnosis";
        let state = if text(problem, "/clinicalStatus/coding/0/code") == "resolved" { "R" } else { "A" };
        let no = self.next(&PROBLEMS);
        let (onset, resolved) = (date(text(problem, "/onsetDateTime")), date(text(problem, "/abatementDateTime")));
        let entered = date(text(problem, "/recordedDate"));
        let kind = if acute { "V" } else { "L" };
        let pat = self.person.mrn.clone();
        let cells = [&no, &pat, &visit, &code, icd, kind, state, &onset, &resolved, &entered, &user, mark(problem), ""];
        self.write(&PROBLEMS, &cells)?;
        if !self.is_deletion(&PROBLEMS) {
            return Ok(());
        }
        let no = self.next(&PROBLEMS);
        self.deleted(&PROBLEMS, &[&no, &pat, &visit, &code, icd, kind, "A", &onset, "", &entered, &user, mark(problem), "X"])
    }

    fn allergy(&mut self, allergy: &Value) -> Done {
        let (code, reaction) =
            (self.code("ALLERGEN", &allergy["code"]), self.code("REACTION", &allergy["reaction"][0]["manifestation"][0]));
        let category = text(allergy, "/category/0").get(..1).unwrap_or_default().to_ascii_uppercase();
        let severity = match text(allergy, "/reaction/0/severity") {
            "mild" => "1",
            "severe" => "3",
            _ => "",
        };
        let entered = date(text(allergy, "/recordedDate"));
        let (no, pat) = (self.next(&ALLERGIES), self.person.mrn.clone());
        self.write(&ALLERGIES, &[&no, &pat, &code, &category, &reaction, severity, &entered, ""])?;
        if !self.is_deletion(&ALLERGIES) {
            return Ok(());
        }
        let no = self.next(&ALLERGIES);
        self.deleted(&ALLERGIES, &[&no, &pat, &code, &category, "", "", &entered, "X"])
    }

    /// The drug by its own number. A strength is part of it.
    fn drug(&mut self, record: &Value) -> String {
        let drug = self.records.medicine(record);
        self.code("DRUG", drug)
    }

    fn order(&mut self, order: &Value) -> Done {
        let (drug, visit, user) = (self.drug(order), self.visit(order), self.user(&order["requester"]));
        let (no, pat) = (self.next(&ORDERS), self.person.mrn.clone());
        let state = text(order, "/status").get(..1).unwrap_or_default().to_ascii_uppercase();
        let cells = [
            &no,
            &pat,
            &visit,
            &drug,
            text(order, "/dosageInstruction/0/text"),
            &number(order, "/dosageInstruction/0/timing/repeat/frequency"),
            &state,
            &date(text(order, "/authoredOn")),
            &user,
            &number(order, "/dispenseRequest/numberOfRepeatsAllowed"),
            &number(order, "/dispenseRequest/quantity/value"),
            mark(order),
            "",
        ];
        self.write(&ORDERS, &cells)
    }

    fn home_medicine(&mut self, taken: &Value) -> Done {
        let (drug, visit) = (self.drug(taken), self.visit(taken));
        let (no, pat) = (self.next(&HOME_MEDS), self.person.mrn.clone());
        let (sig, asked) = (text(taken, "/dosage/0/text"), date(text(taken, "/dateAsserted")));
        self.write(&HOME_MEDS, &[&no, &pat, &visit, &drug, sig, &asked, mark(taken)])
    }

    fn dose(&mut self, dose: &Value) -> Done {
        let (drug, visit, user) = (self.drug(dose), self.visit(dose), self.user(&dose["performer"][0]["actor"]));
        let (no, pat) = (self.next(&DOSES), self.person.mrn.clone());
        let (sig, given) = (text(dose, "/dosage/text"), date(text(dose, "/effectiveDateTime")));
        let amount = number(dose, "/dosage/dose/value");
        self.write(&DOSES, &[&no, &pat, &visit, &drug, sig, &amount, &given, &user, mark(dose)])
    }

    fn fill(&mut self, fill: &Value) -> Done {
        let drug = self.drug(fill);
        let (no, pat) = (self.next(&FILLS), self.person.mrn.clone());
        let (quantity, days) = (number(fill, "/quantity/value"), number(fill, "/daysSupply/value"));
        let (sig, given) = (text(fill, "/dosageInstruction/0/text"), date(text(fill, "/whenHandedOver")));
        self.write(&FILLS, &[&no, &pat, &drug, sig, &quantity, &days, &given, mark(fill)])
    }

    fn observation(&mut self, observation: &Value) -> Done {
        match text(observation, "/category/0/coding/0/code") {
            "laboratory" => self.result(observation),
            _ => self.sign(observation),
        }
    }

    /// Tests with a number have codes of the system's own; what came in words from outside kept its LOINC.
    fn result(&mut self, result: &Value) -> Done {
        let in_words = result["valueQuantity"].is_null();
        let (code, system) = match in_words {
            true => (text(result, "/code/coding/0/code").to_owned(), "LN"),
            false => (self.code("TEST", &result["code"]), "L"),
        };
        if in_words {
            self.odile.dictionary.standard("TEST", &code, text(result, "/code/text"));
        }
        let quantity = &result["valueQuantity"];
        let value = format!("{}{}", text(quantity, "/comparator"), number(quantity, "/value"));
        let value = if in_words { text(result, "/valueString") } else { &value };
        let (no, pat, visit) = (self.next(&RESULTS), self.person.mrn.clone(), self.visit(result));
        let (low, high) = (number(result, "/referenceRange/0/low/value"), number(result, "/referenceRange/0/high/value"));
        let (taken, reported) = (date(text(result, "/effectiveDateTime")), date(text(result, "/issued")));
        let state = text(result, "/status").get(..1).unwrap_or_default().to_ascii_uppercase();
        let (units, flag) = (text(quantity, "/code"), text(result, "/interpretation/0/coding/0/code"));
        let remark = text(result, "/note/0/text");
        let cells = [
            &no,
            &pat,
            &visit,
            &code,
            system,
            value,
            units,
            &low,
            &high,
            flag,
            &state,
            &taken,
            &reported,
            remark,
            mark(result),
            "",
        ];
        self.write(&RESULTS, &cells)?;
        if !self.is_deletion(&RESULTS) {
            return Ok(());
        }
        let no = self.next(&RESULTS);
        let cells = [
            &no,
            &pat,
            &visit,
            &code,
            system,
            "0",
            units,
            &low,
            &high,
            "",
            "F",
            &taken,
            &reported,
            "wrong tube",
            mark(result),
            "X",
        ];
        self.deleted(&RESULTS, &cells)
    }

    fn sign(&mut self, sign: &Value) -> Done {
        let (code, answer) = (self.code("SIGN", &sign["code"]), self.code("ANSWER", &sign["valueCodeableConcept"]));
        let (no, pat, visit) = (self.next(&SIGNS), self.person.mrn.clone(), self.visit(sign));
        let parts = list(sign, "/component");
        let part = |place: usize| parts.get(place).map(|part| number(part, "/valueQuantity/value")).unwrap_or_default();
        let (value, second, units) = match parts.is_empty() {
            true => (number(sign, "/valueQuantity/value"), String::new(), text(sign, "/valueQuantity/code")),
            false => (part(0), part(1), "mm[Hg]"),
        };
        let taken = date(text(sign, "/effectiveDateTime"));
        self.write(&SIGNS, &[&no, &pat, &visit, &code, &value, &second, units, &answer, &taken, mark(sign)])
    }

    fn report(&mut self, report: &Value) -> Done {
        let (panel, visit) = (self.code("PANEL", &report["code"]), self.visit(report));
        let (no, pat) = (self.next(&REPORTS), self.person.mrn.clone());
        let section = text(report, "/category/0/coding/0/code");
        let (taken, reported) = (date(text(report, "/effectiveDateTime")), date(text(report, "/issued")));
        let conclusion = text(report, "/conclusion");
        self.write(&REPORTS, &[&no, &pat, &visit, &panel, section, &taken, &reported, conclusion, mark(report)])
    }

    fn shot(&mut self, shot: &Value) -> Done {
        let (no, pat, visit) = (self.next(&SHOTS), self.person.mrn.clone(), self.visit(shot));
        let cvx = text(shot, "/vaccineCode/coding/0/code");
        self.odile.dictionary.standard("CVX", cvx, text(shot, "/vaccineCode/text"));
        let refused = if text(shot, "/status") == "not-done" { "Y" } else { "" };
        let given = date(text(shot, "/occurrenceDateTime"));
        self.write(&SHOTS, &[&no, &pat, &visit, cvx, &given, text(shot, "/lotNumber"), refused])
    }

    fn procedure(&mut self, procedure: &Value) -> Done {
        let (code, visit) = (self.code("PROCEDURE", &procedure["code"]), self.visit(procedure));
        let (no, pat, user) = (self.next(&PROCEDURES), self.person.mrn.clone(), self.user(&procedure["performer"][0]["actor"]));
        let start = date(text(procedure, "/performedPeriod/start"));
        let end = date(text(procedure, "/performedPeriod/end"));
        self.write(&PROCEDURES, &[&no, &pat, &visit, &code, &start, &end, &user])
    }

    fn relative(&mut self, relative: &Value) -> Done {
        let (no, pat) = (self.next(&RELATIVES), self.person.mrn.clone());
        let illness = self.code("PROBLEM", &relative["condition"][0]["code"]);
        let relation = text(relative, "/relationship/coding/0/code");
        let (onset, asked) = (text(relative, "/condition/0/onsetString"), date(text(relative, "/date")));
        self.write(&RELATIVES, &[&no, &pat, relation, &illness, onset, &asked])
    }

    fn policy(&mut self, policy: &Value) -> Done {
        let (no, pat) = (self.next(&POLICIES), self.person.mrn.clone());
        let (from, until) = (date(text(policy, "/period/start")), date(text(policy, "/period/end")));
        let (payer, group) = (text(policy, "/payor/0/display"), text(policy, "/class/0/value"));
        self.write(&POLICIES, &[&no, &pat, payer, text(policy, "/subscriberId"), group, &from, &until])
    }

    /// Text lies in the table; other files lie in a folder, and an index names them.
    fn document(&mut self, document: &Value) -> Done {
        let media = text(document, "/content/0/attachment/contentType");
        let bytes = self.records.document(document);
        let (visit, pat) = (self.visit(document), self.person.mrn.clone());
        let (kind, written) = (short(text(document, "/type/coding/0/code")), date(text(document, "/date")));
        if media.starts_with("text/") {
            let (no, user) = (self.next(&NOTES), self.user(&document["author"][0]));
            let media = if media.starts_with("text/html") { "H" } else { "T" };
            let note = String::from_utf8_lossy(&bytes);
            return self.write(&NOTES, &[&no, &pat, &visit, kind, &written, &user, mark(document), media, &note]);
        }
        let (ending, media) = match media {
            "application/pdf" => ("pdf", media),
            "image/tiff" => ("tif", media),
            _ => ("rtf", "application/rtf"),
        };
        let number: String = text(document, "/id").chars().filter(|c| *c != '-').take(12).collect();
        let file = format!("SCANS/{pat}/{number}.{ending}");
        self.out.file(&file, &bytes)?;
        self.out.count(&file, &format!("file:{media}"), 1);
        let kind = format!("{kind}{}", mark(document));
        // As the old system's clients saw it.
        let path = format!("\\\\ODILE\\DOCS\\{}", file.replace('/', "\\"));
        let (author, title) = (text(document, "/author/0/display"), text(document, "/content/0/attachment/title"));
        let cells = [path.as_str(), &pat, &written, &kind, author, title, &visit];
        self.odile.export.row(self.out, &SCANS, super::Use::Lookup, &cells)
    }

    /// Whether the row just written is one that gets a deleted one beside it.
    fn is_deletion(&self, table: &Table) -> bool {
        self.next(table).parse::<u64>().is_ok_and(|number| number % DELETED_EVERY == 1)
    }
}

fn race(code: &str) -> &'static str {
    match code {
        "2106-3" => "W",
        "2054-5" => "B",
        "2028-9" => "A",
        "1002-5" => "N",
        "2076-8" => "P",
        _ => "",
    }
}

/// The system's own code for a kind of document.
fn short(loinc: &str) -> &'static str {
    match loinc {
        "11506-3" => "PN",
        "18842-5" => "DS",
        "11488-4" => "CN",
        "11504-8" => "ON",
        "51852-2" => "LT",
        "34748-4" => "TN",
        _ => "EN",
    }
}

/// A concept without the codings of one system.
fn without(concept: &Value, system: &str) -> Value {
    let mut concept = concept.clone();
    if let Some(codings) = concept["coding"].as_array_mut() {
        codings.retain(|coding| text(coding, "/system") != system);
    }
    concept
}

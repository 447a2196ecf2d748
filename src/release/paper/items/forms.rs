//! The forms: for each kind that people know by sight, what its page says first, in which order and as which tables. What a form
//! does not name follows after it (`further`), so a form can only ever put things in order.
//!
//! Not for: results (`results`), wording (`words`).

use serde_json::Value;

use super::blocks::{cell, head_cell, heading, kept, label_line};
use super::further::{each, lines_of};
use super::reading::Reading;
use super::results;
use crate::render::pdf::content::{Block, Table};

/// A label with the elements whose values stand behind it.
type Row = (&'static str, &'static [&'static str]);

/// A list of a record as a table: its element, its title, its columns.
struct Grid(&'static str, &'static str, &'static [Row]);

/// What comes first on the page of a kind.
struct Form {
    kind: &'static str,
    rows: &'static [Row],
    /// Words that a reader came for: set as text, under a heading.
    texts: &'static [(&'static str, &'static str)],
    grids: &'static [Grid],
}

#[rustfmt::skip]
const FORMS: &[Form] = &[
    Form {
        kind: "Patient",
        rows: &[
            ("Name", &["name"]), ("Born", &["birthDate"]), ("Sex", &["gender"]),
            ("Died", &["deceasedDateTime", "deceasedBoolean"]), ("Numbers", &["identifier"]), ("Address", &["address"]),
            ("Contact", &["telecom"]), ("Marital status", &["maritalStatus"]), ("Multiple birth", &["multipleBirthBoolean", "multipleBirthInteger"]),
            ("General practitioner", &["generalPractitioner"]), ("Organization", &["managingOrganization"]),
        ],
        texts: &[],
        grids: &[
            Grid("contact", "Contacts", &[("Relation", &["relationship"]), ("Name", &["name"]), ("Contact", &["telecom"]), ("Address", &["address"])]),
            Grid("communication", "Languages", &[("Language", &["language"]), ("Preferred", &["preferred"])]),
        ],
    },
    Form {
        kind: "AllergyIntolerance",
        rows: &[
            ("Substance", &["code"]), ("Status", &["clinicalStatus"]), ("Verification", &["verificationStatus"]), ("Type", &["type"]),
            ("Category", &["category"]), ("Criticality", &["criticality"]), ("Onset", &["onsetDateTime", "onsetAge", "onsetPeriod", "onsetRange", "onsetString"]),
            ("Last occurrence", &["lastOccurrence"]), ("Recorded", &["recordedDate"]), ("Recorded by", &["recorder"]), ("Asserted by", &["asserter"]),
            ("Notes", &["note"]),
        ],
        texts: &[],
        grids: &[Grid("reaction", "Reactions", &[
            ("Reaction", &["manifestation"]), ("Severity", &["severity"]), ("Description", &["description"]), ("When", &["onset"]),
            ("Substance", &["substance"]), ("Route", &["exposureRoute"]), ("Note", &["note"]),
        ])],
    },
    Form {
        kind: "Condition",
        rows: &[
            ("Problem", &["code"]), ("Status", &["clinicalStatus"]), ("Verification", &["verificationStatus"]), ("Category", &["category"]),
            ("Severity", &["severity"]), ("Body site", &["bodySite"]),
            ("Onset", &["onsetDateTime", "onsetAge", "onsetPeriod", "onsetRange", "onsetString"]),
            ("Resolved", &["abatementDateTime", "abatementAge", "abatementPeriod", "abatementRange", "abatementString"]),
            ("Recorded", &["recordedDate"]), ("Recorded by", &["recorder"]), ("Asserted by", &["asserter"]), ("Encounter", &["encounter"]),
            ("Notes", &["note"]),
        ],
        texts: &[],
        grids: &[],
    },
    Form {
        kind: "MedicationRequest",
        rows: &[
            ("Medication", &["medicationCodeableConcept", "medicationReference"]), ("Directions", &["dosageInstruction"]),
            ("Order", &["intent"]), ("Status", &["status"]), ("Reason of status", &["statusReason"]), ("Ordered", &["authoredOn"]),
            ("Ordered by", &["requester"]), ("Reason", &["reasonCode", "reasonReference"]), ("Dispense", &["dispenseRequest"]),
            ("Substitution", &["substitution"]), ("Category", &["category"]), ("Priority", &["priority"]), ("Encounter", &["encounter"]),
            ("Notes", &["note"]),
        ],
        texts: &[],
        grids: &[],
    },
    Form {
        kind: "MedicationStatement",
        rows: &[
            ("Medication", &["medicationCodeableConcept", "medicationReference"]), ("Dosage", &["dosage"]), ("Status", &["status"]),
            ("Taken", &["effectiveDateTime", "effectivePeriod"]), ("Stated", &["dateAsserted"]), ("Source of the statement", &["informationSource"]),
            ("Reason", &["reasonCode", "reasonReference"]), ("Notes", &["note"]),
        ],
        texts: &[],
        grids: &[],
    },
    Form {
        kind: "MedicationAdministration",
        rows: &[
            ("Medication", &["medicationCodeableConcept", "medicationReference"]), ("Given", &["effectiveDateTime", "effectivePeriod"]),
            ("Dosage", &["dosage"]), ("Status", &["status"]), ("Reason of status", &["statusReason"]), ("Given by", &["performer"]),
            ("Order", &["request"]), ("Reason", &["reasonCode", "reasonReference"]), ("Encounter", &["context"]), ("Notes", &["note"]),
        ],
        texts: &[],
        grids: &[],
    },
    Form {
        kind: "MedicationDispense",
        rows: &[
            ("Medication", &["medicationCodeableConcept", "medicationReference"]), ("Quantity", &["quantity"]), ("Days of supply", &["daysSupply"]),
            ("Directions", &["dosageInstruction"]), ("Status", &["status"]), ("Prepared", &["whenPrepared"]), ("Handed over", &["whenHandedOver"]),
            ("Dispensed by", &["performer"]), ("Order", &["authorizingPrescription"]), ("Notes", &["note"]),
        ],
        texts: &[],
        grids: &[],
    },
    Form {
        kind: "Immunization",
        rows: &[
            ("Vaccine", &["vaccineCode"]), ("Given", &["occurrenceDateTime", "occurrenceString"]), ("Status", &["status"]),
            ("Reason of status", &["statusReason"]), ("Dose", &["doseQuantity"]), ("Route", &["route"]), ("Site", &["site"]), ("Lot", &["lotNumber"]),
            ("Expires", &["expirationDate"]), ("Manufacturer", &["manufacturer"]), ("Given by", &["performer"]), ("Place", &["location"]),
            ("First-hand record", &["primarySource"]), ("Origin of the report", &["reportOrigin"]), ("Reason", &["reasonCode"]), ("Notes", &["note"]),
        ],
        texts: &[],
        grids: &[
            Grid("reaction", "Reactions", &[("Date", &["date"]), ("Reaction", &["detail"]), ("Reported by patient", &["reported"])]),
            Grid("protocolApplied", "Protocol", &[
                ("Series", &["series"]), ("Disease", &["targetDisease"]), ("Dose", &["doseNumberPositiveInt", "doseNumberString"]),
                ("Of", &["seriesDosesPositiveInt", "seriesDosesString"]), ("Authority", &["authority"]),
            ]),
        ],
    },
    Form {
        kind: "DiagnosticReport",
        rows: &[
            ("Report", &["code"]), ("Status", &["status"]), ("Category", &["category"]), ("Of", &["effectiveDateTime", "effectivePeriod"]),
            ("Issued", &["issued"]), ("Performed by", &["performer"]), ("Interpreted by", &["resultsInterpreter"]), ("Specimen", &["specimen"]),
            ("Order", &["basedOn"]), ("Encounter", &["encounter"]), ("Imaging study", &["imagingStudy"]), ("Images", &["media"]), ("Files", &["presentedForm"]),
        ],
        texts: &[("conclusion", "Conclusion")],
        grids: &[],
    },
    Form {
        kind: "DocumentReference",
        rows: &[
            ("Document", &["type"]), ("Description", &["description"]), ("Category", &["category"]), ("Date", &["date"]), ("Author", &["author"]),
            ("Authenticated by", &["authenticator"]), ("State of the document", &["docStatus"]), ("Status", &["status"]),
            ("Custodian", &["custodian"]), ("Context", &["context"]), ("Security", &["securityLabel"]), ("Related", &["relatesTo"]), ("Files", &["content"]),
        ],
        texts: &[],
        grids: &[],
    },
    Form {
        kind: "Encounter",
        rows: &[
            ("Visit", &["type"]), ("Class", &["class"]), ("Service", &["serviceType"]), ("Period", &["period"]), ("Status", &["status"]),
            ("Priority", &["priority"]), ("Reason", &["reasonCode", "reasonReference"]), ("Length", &["length"]), ("Hospital stay", &["hospitalization"]),
            ("Organization", &["serviceProvider"]), ("Part of", &["partOf"]),
        ],
        texts: &[],
        grids: &[
            Grid("participant", "Participants", &[("Who", &["individual"]), ("Role", &["type"]), ("Period", &["period"])]),
            Grid("location", "Places", &[("Place", &["location"]), ("Status", &["status"]), ("Kind", &["physicalType"]), ("Period", &["period"])]),
            Grid("diagnosis", "Diagnoses", &[("Diagnosis", &["condition"]), ("Use", &["use"]), ("Rank", &["rank"])]),
            Grid("statusHistory", "Earlier states", &[("Status", &["status"]), ("Period", &["period"])]),
        ],
    },
    Form {
        kind: "Procedure",
        rows: &[
            ("Procedure", &["code"]), ("Performed", &["performedDateTime", "performedPeriod", "performedString", "performedAge", "performedRange"]),
            ("Status", &["status"]), ("Reason of status", &["statusReason"]), ("Category", &["category"]), ("Body site", &["bodySite"]),
            ("Reason", &["reasonCode", "reasonReference"]), ("Outcome", &["outcome"]), ("Complication", &["complication", "complicationDetail"]),
            ("Follow-up", &["followUp"]), ("Report", &["report"]), ("Place", &["location"]), ("Encounter", &["encounter"]), ("Notes", &["note"]),
        ],
        texts: &[],
        grids: &[
            Grid("performer", "Performed by", &[("Who", &["actor"]), ("Role", &["function"]), ("For", &["onBehalfOf"])]),
            Grid("focalDevice", "Devices", &[("Action", &["action"]), ("Device", &["manipulated"])]),
        ],
    },
    Form {
        kind: "ServiceRequest",
        rows: &[
            ("Ordered", &["code"]), ("Details", &["orderDetail"]), ("Status", &["status"]), ("Intent", &["intent"]), ("Priority", &["priority"]),
            ("Category", &["category"]), ("Do not perform", &["doNotPerform"]), ("Written", &["authoredOn"]), ("Ordered by", &["requester"]),
            ("Wanted", &["occurrenceDateTime", "occurrencePeriod", "occurrenceTiming"]), ("Performer", &["performer"]),
            ("Reason", &["reasonCode", "reasonReference"]), ("Body site", &["bodySite"]), ("Specimen", &["specimen"]),
            ("Instructions to the patient", &["patientInstruction"]), ("Encounter", &["encounter"]), ("Notes", &["note"]),
        ],
        texts: &[],
        grids: &[],
    },
    Form {
        kind: "CareTeam",
        rows: &[
            ("Team", &["name"]), ("Status", &["status"]), ("Category", &["category"]), ("Period", &["period"]),
            ("Reason", &["reasonCode", "reasonReference"]), ("Organization", &["managingOrganization"]), ("Contact", &["telecom"]), ("Notes", &["note"]),
        ],
        texts: &[],
        grids: &[Grid("participant", "Members", &[("Who", &["member"]), ("Role", &["role"]), ("For", &["onBehalfOf"]), ("Period", &["period"])])],
    },
    Form {
        kind: "CarePlan",
        rows: &[
            ("Plan", &["title"]), ("Description", &["description"]), ("Status", &["status"]), ("Intent", &["intent"]), ("Category", &["category"]),
            ("Period", &["period"]), ("Written", &["created"]), ("Author", &["author"]), ("Addresses", &["addresses"]), ("Goals", &["goal"]),
            ("Care team", &["careTeam"]), ("Notes", &["note"]),
        ],
        texts: &[],
        grids: &[],
    },
    Form {
        kind: "Goal",
        rows: &[
            ("Goal", &["description"]), ("Status", &["lifecycleStatus"]), ("Achievement", &["achievementStatus"]), ("Category", &["category"]),
            ("Priority", &["priority"]), ("Start", &["startDate", "startCodeableConcept"]), ("Stated by", &["expressedBy"]), ("Addresses", &["addresses"]),
            ("Outcome", &["outcomeCode", "outcomeReference"]), ("Notes", &["note"]),
        ],
        texts: &[],
        grids: &[],
    },
    Form {
        kind: "FamilyMemberHistory",
        rows: &[
            ("Relation", &["relationship"]), ("Name", &["name"]), ("Sex", &["sex"]), ("Born", &["bornPeriod", "bornDate", "bornString"]),
            ("Age", &["ageAge", "ageRange", "ageString"]), ("Died", &["deceasedBoolean", "deceasedAge", "deceasedRange", "deceasedDate", "deceasedString"]),
            ("Status", &["status"]), ("Date", &["date"]), ("Notes", &["note"]),
        ],
        texts: &[],
        grids: &[Grid("condition", "Conditions", &[
            ("Condition", &["code"]), ("Onset", &["onsetAge", "onsetRange", "onsetPeriod", "onsetString"]), ("Outcome", &["outcome"]),
            ("Contributed to death", &["contributedToDeath"]), ("Note", &["note"]),
        ])],
    },
    Form {
        kind: "Consent",
        rows: &[
            ("Consent", &["scope"]), ("Category", &["category"]), ("Status", &["status"]), ("Given", &["dateTime"]), ("Given by", &["performer"]),
            ("Organization", &["organization"]), ("Source", &["sourceAttachment", "sourceReference"]), ("Rule", &["policyRule"]), ("Policy", &["policy"]),
        ],
        texts: &[],
        grids: &[Grid("verification", "Verified", &[("Verified", &["verified"]), ("With", &["verifiedWith"]), ("Date", &["verificationDate"])])],
    },
    Form {
        kind: "Appointment",
        rows: &[
            ("Appointment", &["appointmentType"]), ("Service", &["serviceType"]), ("Start", &["start"]), ("End", &["end"]), ("Minutes", &["minutesDuration"]),
            ("Status", &["status"]), ("Why cancelled", &["cancelationReason"]), ("Reason", &["reasonCode", "reasonReference"]), ("Description", &["description"]),
            ("Comment", &["comment"]), ("Booked", &["created"]), ("Instructions to the patient", &["patientInstruction"]),
        ],
        texts: &[],
        grids: &[Grid("participant", "Participants", &[
            ("Who", &["actor"]), ("Role", &["type"]), ("Required", &["required"]), ("Status", &["status"]), ("Period", &["period"]),
        ])],
    },
    Form {
        kind: "Claim",
        rows: &[
            ("Claim", &["type"]), ("Use", &["use"]), ("Status", &["status"]), ("Written", &["created"]), ("Services of", &["billablePeriod"]),
            ("Provider", &["provider"]), ("Insurer", &["insurer"]), ("Facility", &["facility"]), ("Priority", &["priority"]), ("Total", &["total"]),
        ],
        texts: &[],
        grids: &[
            Grid("diagnosis", "Diagnoses", &[("No.", &["sequence"]), ("Diagnosis", &["diagnosisCodeableConcept", "diagnosisReference"]), ("Type", &["type"])]),
            Grid("procedure", "Procedures", &[("No.", &["sequence"]), ("Procedure", &["procedureCodeableConcept", "procedureReference"]), ("Date", &["date"])]),
            Grid("insurance", "Insurance", &[("No.", &["sequence"]), ("Billed", &["focal"]), ("Coverage", &["coverage"])]),
            Grid("item", "Items", &[
                ("No.", &["sequence"]), ("Service", &["productOrService"]), ("Date", &["servicedDate", "servicedPeriod"]), ("Quantity", &["quantity"]),
                ("Unit price", &["unitPrice"]), ("Net", &["net"]), ("Diagnosis", &["diagnosisSequence"]), ("Encounter", &["encounter"]),
            ]),
        ],
    },
    Form {
        kind: "ExplanationOfBenefit",
        rows: &[
            ("Claim", &["type"]), ("Use", &["use"]), ("Status", &["status"]), ("Outcome", &["outcome"]), ("Disposition", &["disposition"]),
            ("Written", &["created"]), ("Services of", &["billablePeriod"]), ("Provider", &["provider"]), ("Insurer", &["insurer"]),
            ("Facility", &["facility"]), ("Payment", &["payment"]),
        ],
        texts: &[],
        grids: &[
            Grid("diagnosis", "Diagnoses", &[("No.", &["sequence"]), ("Diagnosis", &["diagnosisCodeableConcept", "diagnosisReference"]), ("Type", &["type"])]),
            Grid("item", "Items", &[
                ("No.", &["sequence"]), ("Service", &["productOrService"]), ("Date", &["servicedDate", "servicedPeriod"]), ("Quantity", &["quantity"]),
                ("Net", &["net"]), ("Encounter", &["encounter"]),
            ]),
            Grid("total", "Totals", &[("What", &["category"]), ("Amount", &["amount"])]),
        ],
    },
    Form {
        kind: "Coverage",
        rows: &[
            ("Insurance", &["type"]), ("Status", &["status"]), ("Payer", &["payor"]), ("Subscriber", &["subscriber"]), ("Subscriber number", &["subscriberId"]),
            ("Beneficiary", &["beneficiary"]), ("Relation", &["relationship"]), ("Period", &["period"]),
        ],
        texts: &[],
        grids: &[Grid("class", "Classes", &[("Class", &["type"]), ("Value", &["value"]), ("Name", &["name"])])],
    },
    Form {
        kind: "Composition",
        rows: &[
            ("Document", &["title"]), ("Type", &["type"]), ("Status", &["status"]), ("Category", &["category"]), ("Date", &["date"]),
            ("Author", &["author"]), ("Attested", &["attester"]), ("Custodian", &["custodian"]), ("Encounter", &["encounter"]),
        ],
        texts: &[],
        grids: &[],
    },
    Form {
        kind: "Communication",
        rows: &[
            ("Topic", &["topic"]), ("Category", &["category"]), ("Status", &["status"]), ("Sent", &["sent"]), ("Received", &["received"]),
            ("From", &["sender"]), ("To", &["recipient"]), ("Medium", &["medium"]), ("Reason", &["reasonCode", "reasonReference"]),
            ("Encounter", &["encounter"]),
        ],
        texts: &[],
        grids: &[],
    },
    Form {
        kind: "Specimen",
        rows: &[
            ("Specimen", &["type"]), ("Number", &["accessionIdentifier"]), ("Status", &["status"]), ("Received", &["receivedTime"]),
            ("Collection", &["collection"]), ("Condition", &["condition"]), ("Notes", &["note"]),
        ],
        texts: &[],
        grids: &[],
    },
    Form {
        kind: "Device",
        rows: &[
            ("Device", &["type", "deviceName"]), ("Unique number", &["udiCarrier"]), ("Manufacturer", &["manufacturer"]), ("Model", &["modelNumber"]),
            ("Serial number", &["serialNumber"]), ("Lot", &["lotNumber"]), ("Status", &["status"]), ("Made", &["manufactureDate"]),
            ("Expires", &["expirationDate"]), ("Notes", &["note"]),
        ],
        texts: &[],
        grids: &[],
    },
];

impl Reading<'_> {
    /// The record in the form of its kind, then everything else that it says.
    pub fn pages(&self, kind: &str) -> Vec<Block> {
        let mut out = Vec::new();
        if let Some(form) = FORMS.iter().find(|form| form.kind == kind) {
            self.rows(form.rows, &mut out);
            form.texts.iter().for_each(|(key, title)| self.text(key, title, &mut out));
            if kind == "DiagnosticReport" {
                out.append(&mut results::of_report(self));
            }
            form.grids.iter().for_each(|grid| out.extend(self.grid(grid)));
        }
        match kind {
            "Observation" => out.append(&mut results::of_observation(self)),
            "Composition" => out.append(&mut self.sections()),
            "QuestionnaireResponse" => out.append(&mut self.answers()),
            _ => {}
        }
        if let Some(text) = self.root.get("text") {
            out.append(&mut self.narrative(text, "Text of the source"));
        }
        let mut rest = self.further();
        if !rest.is_empty() && !out.is_empty() {
            out.push(heading("Further details"));
        }
        out.append(&mut rest);
        out
    }

    /// Labels with their values, one line for each.
    pub fn rows(&self, rows: &[Row], out: &mut Vec<Block>) {
        let mut facts: Vec<(String, Vec<String>)> = Vec::new();
        for (label, keys) in rows {
            let mut lines = Vec::new();
            for key in *keys {
                let Some(value) = self.root.get(*key) else { continue };
                lines.extend(each(value).map(|item| self.phrase(key, item)).filter(|line| !line.is_empty()));
            }
            if !lines.is_empty() {
                facts.push(((*label).to_owned(), lines));
            }
        }
        if !facts.is_empty() {
            out.push(Block::Facts(facts));
        }
    }

    /// A text that a reader came for.
    fn text(&self, key: &str, title: &str, out: &mut Vec<Block>) {
        let Some(value) = self.root.get(key).filter(|value| self.has_more(value)) else { return };
        out.push(label_line(title));
        match lines_of(value) {
            Some(text) => {
                self.pass(value);
                out.extend(kept(text));
            }
            None => out.push(super::blocks::paragraph(&self.phrase(key, value))),
        }
    }

    /// A list as a table; columns of which no row says anything are left out.
    fn grid(&self, grid: &Grid) -> Option<Block> {
        let Grid(key, title, columns) = grid;
        let value = self.root.get(*key).filter(|value| self.has_more(value))?;
        let rows: Vec<Vec<String>> = each(value).map(|item| self.cells(item, columns)).collect();
        let used: Vec<bool> =
            (0..columns.len()).map(|at| rows.iter().any(|row| row.get(at).is_some_and(|it| !it.is_empty()))).collect();
        if !used.contains(&true) {
            return None;
        }
        let kept = |at: &usize| used.get(*at) == Some(&true);
        let head = columns.iter().enumerate().filter(|(at, _)| kept(at)).map(|(_, (label, _))| head_cell(label)).collect();
        let row = |row: Vec<String>| row.into_iter().enumerate().filter(|(at, _)| kept(at)).map(|(_, text)| cell(text)).collect();
        let caption = vec![super::blocks::run(title)];
        Some(Block::Table(Table { caption, head: vec![head], body: rows.into_iter().map(row).collect(), ..Table::default() }))
    }

    fn cells(&self, item: &Value, columns: &[Row]) -> Vec<String> {
        let cell = |keys: &[&str]| {
            let words = keys.iter().filter_map(|key| item.get(*key).map(|value| self.phrase(key, value)));
            super::words::joined("; ", words)
        };
        columns.iter().map(|(_, keys)| cell(keys)).collect()
    }

    /// The sections of a composed document, as authored.
    fn sections(&self) -> Vec<Block> {
        let mut out = Vec::new();
        let mut waiting: Vec<(&Value, u8)> = Vec::new();
        waiting.extend(self.root.get("section").into_iter().flat_map(each).map(|section| (section, 4)));
        waiting.reverse();
        while let Some((section, level)) = waiting.pop() {
            let title = section.get("title").map(|value| self.phrase("title", value)).unwrap_or_default();
            if !title.is_empty() {
                let words = vec![super::blocks::run(&title)];
                out.push(Block::Heading { level, words, anchor: None, outline: None });
            }
            if let Some(text) = section.get("text") {
                out.append(&mut self.narrative(text, "Text"));
            }
            let inner: Vec<&Value> = section.get("section").into_iter().flat_map(each).collect();
            waiting.extend(inner.into_iter().rev().map(|inner| (inner, (level + 1).min(6))));
        }
        out
    }

    /// Questions with their answers, nested as they were asked.
    fn answers(&self) -> Vec<Block> {
        let mut out = Vec::new();
        let mut waiting: Vec<&Value> = self.root.get("item").into_iter().flat_map(each).collect();
        waiting.reverse();
        let mut facts: Vec<(String, Vec<String>)> = Vec::new();
        while let Some(item) = waiting.pop() {
            let (text, link) = (item.get("text"), item.get("linkId"));
            let question = text.map(|text| self.phrase("text", text)).unwrap_or_default();
            let link = link.map(|link| self.phrase("linkId", link)).unwrap_or_default();
            let answers: Vec<&Value> = item.get("answer").into_iter().flat_map(each).collect();
            let lines: Vec<String> =
                answers.iter().filter_map(|answer| value_of(answer)).map(|(key, value)| self.phrase(key, value)).collect();
            let name = if question.is_empty() { link } else { format!("{question} [{link}]") };
            facts.push((name, if lines.is_empty() { vec![String::new()] } else { lines }));
            let inner = answers.iter().flat_map(|answer| answer.get("item").into_iter().flat_map(each));
            let mut inner: Vec<&Value> = item.get("item").into_iter().flat_map(each).chain(inner).collect();
            inner.reverse();
            waiting.append(&mut inner);
        }
        if !facts.is_empty() {
            out.push(Block::Facts(facts));
        }
        out
    }
}

/// `value[x]` of an answer.
fn value_of(answer: &Value) -> Option<(&String, &Value)> {
    answer.as_object()?.iter().find(|(key, _)| key.starts_with("value"))
}

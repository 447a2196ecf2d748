//! Allergies, problems, procedures, immunizations, visits, habits, and what runs in the family.
//!
//! Not for: drugs (`drugs`) and measured values (`results`).

use serde_json::Value;

use super::super::records::{list, text};
use super::parts::{
    ACT_CLASS, ACT_CODE, Form, LOINC, Row, SNOMED, Section, at, code, day, fixed, id, span, stamp, status, template, words,
};
use super::xml::Xml;
use super::{ORGANIZATIONS, Summary, first_code, name};
use crate::synth::sink::Type;

const VISITS: &str = "2.16.840.1.113883.19.5.99.2";
const CRITICALITY: &str = "2.16.840.1.113883.5.1063";
const UDI: &str = "2.16.840.1.113883.3.3719";

static ALLERGIES: Form = Form {
    template: ("22.2.6.1", "2015-08-01"),
    loinc: "48765-2",
    title: "Allergies and Intolerances",
    prefix: "allergy",
    columns: &["Substance", "Reaction", "Severity", "Recorded"],
};

static PROBLEMS: Form = Form {
    template: ("22.2.5.1", "2015-08-01"),
    loinc: "11450-4",
    title: "Problems",
    prefix: "problem",
    columns: &["Problem", "Since", "Until", "Status"],
};

static PROCEDURES: Form = Form {
    template: ("22.2.7.1", "2014-06-09"),
    loinc: "47519-4",
    title: "Procedures",
    prefix: "procedure",
    columns: &["Procedure", "Date", "Device"],
};

static IMMUNIZATIONS: Form = Form {
    template: ("22.2.2.1", "2015-08-01"),
    loinc: "11369-6",
    title: "Immunizations",
    prefix: "shot",
    columns: &["Vaccine", "Date", "Status", "Lot"],
};

static ENCOUNTERS: Form = Form {
    template: ("22.2.22.1", "2015-08-01"),
    loinc: "46240-8",
    title: "Encounters",
    prefix: "visit",
    columns: &["Kind", "From", "Place", "Reason"],
};

static SOCIAL: Form = Form {
    template: ("22.2.17", "2015-08-01"),
    loinc: "29762-2",
    title: "Social History",
    prefix: "habit",
    columns: &["Habit", "Status", "Date"],
};

static FAMILY: Form = Form {
    template: ("22.2.15", "2015-08-01"),
    loinc: "10157-6",
    title: "Family History",
    prefix: "relative",
    columns: &["Relative", "Condition", "Onset"],
};

/// An observation, its claim to a template and its id written.
fn observation(x: &mut Xml, of: (&str, &str), record: Option<&Value>, inner: impl FnOnce(&mut Xml)) {
    x.tag("observation", &[("classCode", "OBS"), ("moodCode", "EVN")], |x| {
        template(x, of.0, of.1);
        record.iter().for_each(|record| id(x, record));
        inner(x);
    });
}

/// A coded value that stands in the program.
fn value(x: &mut Xml, code: &str, system: &str, words: &str) {
    x.empty("value", &[("xsi:type", "CD"), ("code", code), ("codeSystem", system), ("displayName", words)]);
}

fn related(x: &mut Xml, how: &str, inverted: bool, inner: impl FnOnce(&mut Xml)) {
    x.tag("entryRelationship", &[("typeCode", how), ("inversionInd", if inverted { "true" } else { "" })], inner);
}

/// The act around a problem or an allergy that says whether it is still looked after.
fn concern(x: &mut Xml, of: &str, record: &Value, ended: &str, inner: impl FnOnce(&mut Xml)) {
    x.tag("act", &[("classCode", "ACT"), ("moodCode", "EVN")], |x| {
        template(x, of, "2015-08-01");
        x.empty("id", &[("root", text(record, "/id")), ("extension", "concern")]);
        x.empty("code", &[("code", "CONC"), ("codeSystem", ACT_CLASS)]);
        status(x, if ended.is_empty() { "active" } else { "completed" });
        span(x, "", text(record, "/recordedDate"), ended);
        related(x, "SUBJ", false, inner);
    });
}

/// The status that is said of an entry: active or resolved.
fn said_status(x: &mut Xml, of: (&str, &str), resolved: bool) {
    related(x, "REFR", false, |x| {
        observation(x, of, None, |x| {
            fixed(x, "code", "33999-4", LOINC, "Status");
            status(x, "completed");
            let (code, words) = if resolved { ("413322009", "Problem resolved") } else { ("55561003", "Active") };
            let kind = if of.0 == "22.4.28" { "CE" } else { "CD" };
            x.empty("value", &[("xsi:type", kind), ("code", code), ("codeSystem", SNOMED), ("displayName", words)]);
        });
    });
}

impl Summary<'_> {
    pub fn allergies(&self) -> Section {
        let mut section = Section::new(&ALLERGIES);
        for allergy in self.all(Type::AllergyIntolerance) {
            self.tell(Type::AllergyIntolerance);
            let reaction = &allergy["reaction"][0];
            let recorded = text(allergy, "/recordedDate");
            let row = section.row(&[
                name(allergy, "/code"),
                name(reaction, "/manifestation/0"),
                text(reaction, "/severity"),
                &day(recorded),
            ]);
            section.entry(|x| concern(x, "22.4.30", allergy, "", |x| self.allergy(x, allergy, &row)));
        }
        section
    }

    fn allergy(&self, x: &mut Xml, allergy: &Value, row: &Row) {
        let is_none = first_code(allergy, "/code") == "716186003";
        let (kind, kind_words) = match text(allergy, "/category/0") {
            "medication" => ("416098002", "Allergy to drug"),
            "food" => ("414285001", "Allergy to food"),
            "environment" => ("426232007", "Environmental allergy"),
            _ => ("419199007", "Allergy to substance"),
        };
        let negated = if is_none { "true" } else { "" };
        x.tag("observation", &[("classCode", "OBS"), ("moodCode", "EVN"), ("negationInd", negated)], |x| {
            template(x, "22.4.7", "2014-06-09");
            id(x, allergy);
            x.empty("code", &[("code", "ASSERTION"), ("codeSystem", ACT_CODE)]);
            words(x, row.whole());
            status(x, "completed");
            span(x, "", "", "");
            value(x, kind, SNOMED, kind_words);
            time_only(x, text(allergy, "/recordedDate"));
            x.tag("participant", &[("typeCode", "CSM")], |x| {
                x.tag("participantRole", &[("classCode", "MANU")], |x| {
                    x.tag("playingEntity", &[("classCode", "MMAT")], |x| match is_none {
                        true => x.empty("code", &[("nullFlavor", "NA")]),
                        false => code(x, "code", "", &allergy["code"], &row.cell(0)),
                    });
                });
            });
            said_status(x, ("22.4.28", "2019-06-20"), false);
            for reaction in list(allergy, "/reaction") {
                related(x, "MFST", true, |x| self.reaction(x, allergy, reaction, row));
            }
            criticality(x, text(allergy, "/criticality"));
        });
    }

    fn reaction(&self, x: &mut Xml, allergy: &Value, reaction: &Value, row: &Row) {
        observation(x, ("22.4.9", "2014-06-09"), None, |x| {
            x.empty("id", &[("root", text(allergy, "/id")), ("extension", "reaction")]);
            x.empty("code", &[("code", "ASSERTION"), ("codeSystem", ACT_CODE)]);
            words(x, &row.cell(1));
            status(x, "completed");
            code(x, "value", "CD", &reaction["manifestation"][0], &row.cell(1));
            related(x, "SUBJ", true, |x| {
                observation(x, ("22.4.8", "2014-06-09"), None, |x| {
                    fixed(x, "code", "SEV", ACT_CODE, "Severity");
                    words(x, &row.cell(2));
                    status(x, "completed");
                    let severe = text(reaction, "/severity") == "severe";
                    let (code, words) = if severe { ("24484000", "Severe") } else { ("255604002", "Mild") };
                    value(x, code, SNOMED, words);
                });
            });
        });
    }

    pub fn problems(&self) -> Section {
        let mut section = Section::new(&PROBLEMS);
        for problem in self.all(Type::Condition).filter(|problem| !is_diagnosis(problem)) {
            self.tell(Type::Condition);
            let (since, until) = (text(problem, "/onsetDateTime"), text(problem, "/abatementDateTime"));
            let clinical = first_code(problem, "/clinicalStatus");
            let row = section.row(&[name(problem, "/code"), &day(since), &day(until), clinical]);
            section.entry(|x| concern(x, "22.4.3", problem, until, |x| self.problem(x, problem, &row)));
        }
        section
    }

    fn problem(&self, x: &mut Xml, problem: &Value, row: &Row) {
        observation(x, ("22.4.4", "2015-08-01"), Some(problem), |x| {
            problem_type(x);
            words(x, row.whole());
            status(x, "completed");
            let until = text(problem, "/abatementDateTime");
            span(x, "", text(problem, "/onsetDateTime"), until);
            code(x, "value", "CD", &problem["code"], &row.cell(0));
            self.staff.author(x, text(problem, "/recordedDate"), &problem["recorder"]);
            said_status(x, ("22.4.6", "2019-06-20"), !until.is_empty());
        });
    }

    pub fn procedures(&self) -> Section {
        let mut section = Section::new(&PROCEDURES);
        let mut devices = self.all(Type::Device);
        for procedure in self.all(Type::Procedure) {
            self.tell(Type::Procedure);
            let device = if first_code(procedure, "/code") == "609588000" { devices.next() } else { None };
            device.iter().for_each(|_| self.tell(Type::Device));
            let start = text(procedure, "/performedPeriod/start");
            let row = section.row(&[name(procedure, "/code"), &day(start), device.map_or("", |device| name(device, "/type"))]);
            section.entry(|x| {
                x.tag("procedure", &[("classCode", "PROC"), ("moodCode", "EVN")], |x| {
                    template(x, "22.4.14", "2014-06-09");
                    id(x, procedure);
                    code(x, "code", "", &procedure["code"], &row.cell(0));
                    words(x, row.whole());
                    status(x, "completed");
                    span(x, "IVL_TS", start, text(procedure, "/performedPeriod/end"));
                    self.staff.performer(x, &procedure["performer"][0]["actor"]);
                    device.iter().for_each(|device| implant(x, device));
                });
            });
        }
        section
    }

    pub fn immunizations(&self) -> Section {
        let mut section = Section::new(&IMMUNIZATIONS);
        for shot in self.all(Type::Immunization) {
            self.tell(Type::Immunization);
            let (given, state) = (text(shot, "/occurrenceDateTime"), text(shot, "/status"));
            let row = section.row(&[name(shot, "/vaccineCode"), &day(given), state, text(shot, "/lotNumber")]);
            let refused = if state == "not-done" { "true" } else { "false" };
            section.entry(|x| {
                let attrs = [("classCode", "SBADM"), ("moodCode", "EVN"), ("negationInd", refused)];
                x.tag("substanceAdministration", &attrs, |x| immunization(x, shot, &row));
            });
        }
        section
    }

    pub fn encounters(&self) -> Section {
        let mut section = Section::new(&ENCOUNTERS);
        for visit in self.all(Type::Encounter) {
            self.tell(Type::Encounter);
            let (place, start) = (text(visit, "/location/0/location/display"), text(visit, "/period/start"));
            let row = section.row(&[name(visit, "/type/0"), &day(start), place, name(visit, "/reasonCode/0")]);
            section.entry(|x| {
                x.tag("encounter", &[("classCode", "ENC"), ("moodCode", "EVN")], |x| self.encounter(x, visit, &row));
            });
        }
        section
    }

    fn encounter(&self, x: &mut Xml, visit: &Value, row: &Row) {
        template(x, "22.4.49", "2015-08-01");
        x.empty("id", &[("root", VISITS), ("extension", text(visit, "/identifier/0/value"))]);
        let mut kind = visit["type"][0].clone();
        if let Some(codings) = kind["coding"].as_array_mut() {
            codings.push(visit["class"].clone());
        }
        code(x, "code", "", &kind, &row.cell(0));
        words(x, row.whole());
        status(x, "completed");
        span(x, "", text(visit, "/period/start"), text(visit, "/period/end"));
        if !visit["hospitalization"].is_null() {
            code(x, "sdtc:dischargeDispositionCode", "", &visit["hospitalization"]["dischargeDisposition"], "");
        }
        self.staff.performer(x, &visit["participant"][0]["individual"]);
        x.tag("participant", &[("typeCode", "LOC")], |x| {
            x.tag("participantRole", &[("classCode", "SDLOC")], |x| {
                template(x, "22.4.32", "");
                let place = text(visit, "/location/0/location/reference").trim_start_matches("Location/");
                x.empty("id", &[("root", ORGANIZATIONS), ("extension", place)]);
                fixed(x, "code", "1160-1", "2.16.840.1.113883.6.259", "Urgent Care Center");
                super::parts::address(x);
                x.tag("playingEntity", &[("classCode", "PLC")], |x| {
                    x.leaf("name", &[], text(visit, "/location/0/location/display"));
                });
            });
        });
        for reason in list(visit, "/reasonCode") {
            related(x, "RSON", false, |x| {
                observation(x, ("22.4.19", "2014-06-09"), None, |x| {
                    x.empty("id", &[("root", text(visit, "/id")), ("extension", "reason")]);
                    problem_type(x);
                    status(x, "completed");
                    code(x, "value", "CD", reason, &row.cell(3));
                });
            });
        }
        let here = format!("Encounter/{}", text(visit, "/id"));
        let mine = |problem: &&Value| is_diagnosis(problem) && text(problem, "/encounter/reference") == here;
        for diagnosis in self.all(Type::Condition).filter(mine) {
            self.tell(Type::Condition);
            related(x, "COMP", false, |x| {
                x.tag("act", &[("classCode", "ACT"), ("moodCode", "EVN")], |x| {
                    template(x, "22.4.80", "2015-08-01");
                    fixed(x, "code", "29308-4", LOINC, "Diagnosis");
                    related(x, "SUBJ", false, |x| self.diagnosis(x, diagnosis));
                });
            });
        }
    }

    /// The diagnosis of a visit; its words are those of its code.
    fn diagnosis(&self, x: &mut Xml, diagnosis: &Value) {
        observation(x, ("22.4.4", "2015-08-01"), Some(diagnosis), |x| {
            problem_type(x);
            status(x, "completed");
            let until = text(diagnosis, "/abatementDateTime");
            span(x, "", text(diagnosis, "/onsetDateTime"), until);
            code(x, "value", "CD", &diagnosis["code"], "");
            self.staff.author(x, text(diagnosis, "/recordedDate"), &diagnosis["recorder"]);
            said_status(x, ("22.4.6", "2019-06-20"), !until.is_empty());
        });
    }

    pub fn social(&self) -> Section {
        let mut section = Section::new(&SOCIAL);
        let habits = self.all(Type::Observation).filter(|o| first_code(o, "/category/0") == "social-history");
        for habit in habits {
            self.tell(Type::Observation);
            let when = text(habit, "/effectiveDateTime");
            let row = section.row(&[name(habit, "/code"), name(habit, "/valueCodeableConcept"), &day(when)]);
            section.entry(|x| {
                observation(x, ("22.4.78", "2014-06-09"), Some(habit), |x| {
                    code(x, "code", "", &habit["code"], &row.cell(0));
                    words(x, row.whole());
                    status(x, "completed");
                    at(x, when);
                    code(x, "value", "CD", &habit["valueCodeableConcept"], &row.cell(1));
                });
            });
        }
        section
    }

    pub fn family(&self) -> Section {
        let mut section = Section::new(&FAMILY);
        for relative in self.all(Type::FamilyMemberHistory) {
            self.tell(Type::FamilyMemberHistory);
            let condition = &relative["condition"][0];
            let onset = text(condition, "/onsetString");
            let row = section.row(&[name(relative, "/relationship"), name(condition, "/code"), onset]);
            section.entry(|x| {
                x.tag("organizer", &[("classCode", "CLUSTER"), ("moodCode", "EVN")], |x| {
                    template(x, "22.4.45", "2015-08-01");
                    id(x, relative);
                    status(x, "completed");
                    x.tag("subject", &[], |x| {
                        x.tag("relatedSubject", &[("classCode", "PRS")], |x| {
                            code(x, "code", "", &relative["relationship"], "");
                        });
                    });
                    x.tag("component", &[], |x| illness(x, relative, condition, &row));
                });
            });
        }
        section
    }
}

/// When something was written down, where nobody stands for it.
fn time_only(x: &mut Xml, time: &str) {
    x.tag("author", &[], |x| {
        template(x, "22.4.119", "");
        x.empty("time", &[("value", &stamp(time))]);
        x.tag("assignedAuthor", &[], |x| x.empty("id", &[("root", ORGANIZATIONS), ("extension", "retired-ehr")]));
    });
}

fn is_diagnosis(problem: &Value) -> bool {
    first_code(problem, "/category/0") == "encounter-diagnosis"
}

fn problem_type(x: &mut Xml) {
    x.tag("code", &[("code", "64572001"), ("codeSystem", SNOMED), ("displayName", "Condition")], |x| {
        fixed(x, "translation", "75323-6", LOINC, "Condition");
    });
}

fn criticality(x: &mut Xml, criticality: &str) {
    let (code, words) = match criticality {
        "high" => ("CRITH", "high criticality"),
        "low" => ("CRITL", "low criticality"),
        _ => return,
    };
    related(x, "SUBJ", true, |x| {
        observation(x, ("22.4.145", ""), None, |x| {
            fixed(x, "code", "82606-5", LOINC, "Criticality");
            status(x, "completed");
            value(x, code, CRITICALITY, words);
        });
    });
}

fn implant(x: &mut Xml, device: &Value) {
    x.tag("participant", &[("typeCode", "DEV")], |x| {
        x.tag("participantRole", &[("classCode", "MANU")], |x| {
            template(x, "22.4.37", "");
            x.empty("id", &[("root", UDI), ("extension", text(device, "/udiCarrier/0/carrierHRF"))]);
            x.tag("playingDevice", &[], |x| code(x, "code", "", &device["type"], ""));
            x.tag("scopingEntity", &[], |x| x.empty("id", &[("root", UDI)]));
        });
    });
}

fn immunization(x: &mut Xml, shot: &Value, row: &Row) {
    template(x, "22.4.52", "2015-08-01");
    id(x, shot);
    words(x, row.whole());
    status(x, "completed");
    at(x, text(shot, "/occurrenceDateTime"));
    x.tag("consumable", &[], |x| {
        x.tag("manufacturedProduct", &[("classCode", "MANU")], |x| {
            template(x, "22.4.54", "2014-06-09");
            x.tag("manufacturedMaterial", &[], |x| {
                code(x, "code", "", &shot["vaccineCode"], &row.cell(0));
                let lot = text(shot, "/lotNumber");
                if !lot.is_empty() {
                    x.leaf("lotNumberText", &[], lot);
                }
            });
        });
    });
    for reason in list(shot, "/statusReason/coding") {
        related(x, "RSON", false, |x| {
            observation(x, ("22.4.53", "2014-06-09"), None, |x| {
                x.empty("id", &[("root", text(shot, "/id")), ("extension", "reason")]);
                fixed(x, "code", text(reason, "/code"), super::parts::oid(text(reason, "/system")), "Patient objection");
                status(x, "completed");
            });
        });
    }
}

/// The illness of a relative.
fn illness(x: &mut Xml, relative: &Value, condition: &Value, row: &Row) {
    observation(x, ("22.4.46", "2015-08-01"), None, |x| {
        x.empty("id", &[("root", text(relative, "/id")), ("extension", "condition")]);
        problem_type(x);
        words(x, row.whole());
        status(x, "completed");
        at(x, "");
        code(x, "value", "CD", &condition["code"], &row.cell(1));
        let age = text(condition, "/onsetString").trim_start_matches("about age ");
        related(x, "SUBJ", true, |x| {
            observation(x, ("22.4.31", ""), None, |x| {
                fixed(x, "code", "445518008", SNOMED, "Age At Onset");
                status(x, "completed");
                x.empty("value", &[("xsi:type", "PQ"), ("value", age), ("unit", "a")]);
            });
        });
    });
}

//! Medications: what was ordered, what the patient says to take, what was handed out, what was given on the ward.
//!
//! Not for: vaccines (`history`).

use serde_json::Value;

use super::super::records::{number, text};
use super::parts::{Form, LOINC, Row, Section, at, code, day, fixed, id, span, stamp, status, template, words};
use super::xml::Xml;
use super::{ORGANIZATIONS, Summary};
use crate::synth::sink::Type;

static MEDICATIONS: Form = Form {
    template: ("22.2.1.1", "2014-06-09"),
    loinc: "10160-0",
    title: "Medications",
    prefix: "drug",
    columns: &["Medication", "Directions", "Date", "Status"],
};

static ADMINISTERED: Form = Form {
    template: ("22.2.38", "2014-06-09"),
    loinc: "29549-3",
    title: "Medications Administered",
    prefix: "dose",
    columns: &["Medication", "Directions", "Given"],
};

fn administration(x: &mut Xml, mood: &str, inner: impl FnOnce(&mut Xml)) {
    x.tag("substanceAdministration", &[("classCode", "SBADM"), ("moodCode", mood)], |x| {
        template(x, "22.4.16", "2014-06-09");
        inner(x);
    });
}

impl Summary<'_> {
    pub fn medications(&self) -> Section {
        let mut section = Section::new(&MEDICATIONS);
        for order in self.all(Type::MedicationRequest) {
            self.tell(Type::MedicationRequest);
            let drug = self.records.medicine(order);
            let (sig, when) = (text(order, "/dosageInstruction/0/text"), text(order, "/authoredOn"));
            let row = section.row(&[text(drug, "/text"), sig, &day(when), text(order, "/status")]);
            section.entry(|x| administration(x, "INT", |x| self.order(x, order, drug, &row)));
        }
        for taken in self.all(Type::MedicationStatement) {
            self.tell(Type::MedicationStatement);
            let drug = self.records.medicine(taken);
            let when = text(taken, "/dateAsserted");
            let row =
                section.row(&[text(drug, "/text"), text(taken, "/dosage/0/text"), &day(when), "taken, as the patient says"]);
            section.entry(|x| {
                administration(x, "EVN", |x| {
                    id(x, taken);
                    words(x, row.whole());
                    status(x, text(taken, "/status"));
                    span(x, "IVL_TS", "", "");
                    x.empty("doseQuantity", &[("nullFlavor", "UNK")]);
                    product(x, "consumable", drug, &row);
                    told(x, when);
                    directions(x, &row);
                });
            });
        }
        section
    }

    fn order(&self, x: &mut Xml, order: &Value, drug: &Value, row: &Row) {
        id(x, order);
        words(x, row.whole());
        status(x, if text(order, "/status") == "stopped" { "aborted" } else { text(order, "/status") });
        let when = text(order, "/authoredOn");
        span(x, "IVL_TS", when, "");
        let times = number(order, "/dosageInstruction/0/timing/repeat/frequency").parse::<u32>().unwrap_or(1).max(1);
        x.tag("effectiveTime", &[("xsi:type", "PIVL_TS"), ("operator", "A"), ("institutionSpecified", "true")], |x| {
            x.empty("period", &[("value", &(24 / times).to_string()), ("unit", "h")]);
        });
        x.empty("doseQuantity", &[("nullFlavor", "UNK")]);
        product(x, "consumable", drug, row);
        self.staff.author(x, when, &order["requester"]);
        directions(x, row);
        x.tag("entryRelationship", &[("typeCode", "REFR")], |x| self.supply_order(x, order, when));
        let mine = format!("MedicationRequest/{}", text(order, "/id"));
        let given = self.all(Type::MedicationDispense);
        for supply in given.filter(|supply| text(supply, "/authorizingPrescription/0/reference") == mine) {
            self.tell(Type::MedicationDispense);
            x.tag("entryRelationship", &[("typeCode", "REFR")], |x| dispense(x, supply, drug, row));
        }
    }

    fn supply_order(&self, x: &mut Xml, order: &Value, when: &str) {
        x.tag("supply", &[("classCode", "SPLY"), ("moodCode", "INT")], |x| {
            template(x, "22.4.17", "2014-06-09");
            x.empty("id", &[("root", text(order, "/id")), ("extension", "supply")]);
            status(x, "completed");
            span(x, "IVL_TS", when, "");
            let again = number(order, "/dispenseRequest/numberOfRepeatsAllowed").parse::<u32>().unwrap_or(0) + 1;
            x.empty("repeatNumber", &[("value", &again.to_string())]);
            x.empty("quantity", &[("value", &number(order, "/dispenseRequest/quantity/value"))]);
        });
    }

    pub fn administered(&self) -> Section {
        let mut section = Section::new(&ADMINISTERED);
        for dose in self.all(Type::MedicationAdministration) {
            self.tell(Type::MedicationAdministration);
            let drug = self.records.medicine(dose);
            let when = text(dose, "/effectiveDateTime");
            let row = section.row(&[text(drug, "/text"), text(dose, "/dosage/text"), &day(when)]);
            section.entry(|x| {
                administration(x, "EVN", |x| {
                    id(x, dose);
                    words(x, row.whole());
                    status(x, "completed");
                    at(x, when);
                    fixed(x, "routeCode", "C38288", "2.16.840.1.113883.3.26.1.1", "Oral");
                    let unit = text(dose, "/dosage/dose/code");
                    x.empty("doseQuantity", &[("value", &number(dose, "/dosage/dose/value")), ("unit", unit)]);
                    product(x, "consumable", drug, &row);
                    self.staff.performer(x, &dose["performer"][0]["actor"]);
                });
            });
        }
        section
    }
}

fn product(x: &mut Xml, name: &str, drug: &Value, row: &Row) {
    x.tag(name, &[], |x| {
        x.tag("manufacturedProduct", &[("classCode", "MANU")], |x| {
            template(x, "22.4.23", "2014-06-09");
            x.tag("manufacturedMaterial", &[], |x| code(x, "code", "", drug, &row.cell(0)));
        });
    });
}

/// When the patient said so.
fn told(x: &mut Xml, when: &str) {
    x.tag("author", &[], |x| {
        template(x, "22.4.119", "");
        x.empty("time", &[("value", &stamp(when))]);
        x.tag("assignedAuthor", &[], |x| x.empty("id", &[("root", ORGANIZATIONS), ("extension", "patient")]));
    });
}

/// The directions in words.
fn directions(x: &mut Xml, row: &Row) {
    x.tag("entryRelationship", &[("typeCode", "COMP")], |x| {
        x.tag("substanceAdministration", &[("classCode", "SBADM"), ("moodCode", "INT")], |x| {
            template(x, "22.4.147", "");
            fixed(x, "code", "76662-6", LOINC, "Instructions Medication");
            words(x, &row.cell(1));
            x.tag("consumable", &[], |x| {
                x.tag("manufacturedProduct", &[], |x| x.empty("manufacturedLabeledDrug", &[("nullFlavor", "NA")]));
            });
        });
    });
}

fn dispense(x: &mut Xml, supply: &Value, drug: &Value, row: &Row) {
    x.tag("supply", &[("classCode", "SPLY"), ("moodCode", "EVN")], |x| {
        template(x, "22.4.18", "2014-06-09");
        id(x, supply);
        status(x, "completed");
        at(x, text(supply, "/whenHandedOver"));
        x.empty("quantity", &[("value", &number(supply, "/quantity/value"))]);
        product(x, "product", drug, row);
    });
}

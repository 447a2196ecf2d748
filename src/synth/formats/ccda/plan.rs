//! What is intended, and who pays.
//!
//! Not for: orders of drugs (`drugs`).

use serde_json::Value;

use super::super::records::text;
use super::parts::{ACT_CODE, Form, LOINC, Row, Section, day, fixed, id, span, status, template, words};
use super::xml::Xml;
use super::{ORGANIZATIONS, Summary, name};
use crate::synth::sink::Type;

static GOALS: Form =
    Form { template: ("22.2.60", ""), loinc: "61146-7", title: "Goals", prefix: "goal", columns: &["Goal", "Since", "Until"] };

static PAYERS: Form = Form {
    template: ("22.2.18", "2015-08-01"),
    loinc: "48768-6",
    title: "Payers",
    prefix: "payer",
    columns: &["Payer", "Member", "Group", "Since"],
};

impl Summary<'_> {
    pub fn goals(&self) -> Section {
        let mut section = Section::new(&GOALS);
        for goal in self.all(Type::Goal) {
            self.tell(Type::Goal);
            let (since, until) = (text(goal, "/startDate"), text(goal, "/target/0/dueDate"));
            let row = section.row(&[name(goal, "/description"), &day(since), &day(until)]);
            section.entry(|x| {
                x.tag("observation", &[("classCode", "OBS"), ("moodCode", "GOL")], |x| {
                    template(x, "22.4.121", "");
                    id(x, goal);
                    x.tag("code", &[("nullFlavor", "OTH")], |x| {
                        x.tag("originalText", &[], |x| x.empty("reference", &[("value", &row.cell(0))]));
                    });
                    words(x, row.whole());
                    status(x, "active");
                    span(x, "", since, until);
                });
            });
        }
        section
    }

    pub fn payers(&self) -> Section {
        let mut section = Section::new(&PAYERS);
        for coverage in self.all(Type::Coverage) {
            self.tell(Type::Coverage);
            let since = text(coverage, "/period/start");
            let group = text(coverage, "/class/0/value");
            let payer = text(coverage, "/payor/0/display");
            let row = section.row(&[payer, text(coverage, "/subscriberId"), group, &day(since)]);
            section.entry(|x| activity(x, coverage, &row));
        }
        section
    }
}

fn activity(x: &mut Xml, coverage: &Value, row: &Row) {
    x.tag("act", &[("classCode", "ACT"), ("moodCode", "EVN")], |x| {
        template(x, "22.4.60", "2015-08-01");
        x.empty("id", &[("root", text(coverage, "/id")), ("extension", "coverage")]);
        fixed(x, "code", "48768-6", LOINC, "Payment sources");
        words(x, row.whole());
        status(x, "completed");
        x.tag("entryRelationship", &[("typeCode", "COMP")], |x| {
            x.empty("sequenceNumber", &[("value", "1")]);
            x.tag("act", &[("classCode", "ACT"), ("moodCode", "EVN")], |x| policy(x, coverage));
        });
    });
}

fn policy(x: &mut Xml, coverage: &Value) {
    template(x, "22.4.61", "2015-08-01");
    let group = text(coverage, "/class/0/value");
    x.empty("id", &[("root", text(coverage, "/id")), ("extension", group)]);
    x.tag("code", &[("code", "EHCPOL"), ("codeSystem", ACT_CODE), ("displayName", "extended healthcare")], |x| {
        fixed(x, "translation", "5", "2.16.840.1.113883.3.221.5", "Private health insurance");
    });
    status(x, "completed");
    let payer = text(coverage, "/payor/0/display");
    let payer_id = text(coverage, "/payor/0/reference").trim_start_matches("Organization/");
    x.tag("performer", &[("typeCode", "PRF")], |x| {
        template(x, "22.4.87", "");
        x.tag("assignedEntity", &[], |x| {
            x.empty("id", &[("root", ORGANIZATIONS), ("extension", payer_id)]);
            fixed(x, "code", "PAYOR", "2.16.840.1.113883.5.110", "Payor");
            x.tag("representedOrganization", &[], |x| x.leaf("name", &[], payer));
        });
    });
    x.tag("participant", &[("typeCode", "COV")], |x| {
        template(x, "22.4.89", "");
        span_of(x, coverage);
        x.tag("participantRole", &[("classCode", "PAT")], |x| {
            x.empty("id", &[("root", ORGANIZATIONS), ("extension", text(coverage, "/subscriberId"))]);
            fixed(x, "code", "SELF", "2.16.840.1.113883.5.111", "self");
        });
    });
    x.tag("entryRelationship", &[("typeCode", "REFR")], |x| {
        x.tag("act", &[("classCode", "ACT"), ("moodCode", "DEF")], |x| {
            x.empty("id", &[("root", text(coverage, "/id")), ("extension", "plan")]);
            x.tag("code", &[("nullFlavor", "UNK")], |_| {});
            x.leaf("text", &[], &format!("{payer}, employer group"));
        });
    });
}

/// From when to when somebody is covered.
fn span_of(x: &mut Xml, coverage: &Value) {
    x.tag("time", &[], |x| {
        x.empty("low", &[("value", &super::parts::stamp(text(coverage, "/period/start")))]);
        let until = super::parts::stamp(text(coverage, "/period/end"));
        if !until.is_empty() {
            x.empty("high", &[("value", &until)]);
        }
    });
}

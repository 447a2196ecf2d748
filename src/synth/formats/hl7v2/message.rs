//! Messages in the making: segments, fields by number, and FHIR values in the data types of HL7 v2.
//!
//! Not for: what a message is about.

use serde_json::Value;

use super::super::records::{Records, list, text};
use crate::synth::terms::{CVX, ICD10, LOINC, RXNORM, SNOMED, UCUM};

/// The authority of the hospital's own numbers.
pub(super) const HOSPITAL: &str = "SOH";

/// A message without its header, which is written when its batch is.
pub(super) struct Message {
    /// Type, event and structure: `ORU^R01^ORU_R01`.
    pub kind: &'static str,
    /// When it was sent.
    pub at: String,
    /// The segments behind MSH, each ended by CR.
    pub body: String,
    /// What was planted with it, and whom it concerns.
    pub planted: Option<(&'static str, String)>,
}

impl Message {
    pub fn new(kind: &'static str, at: &str) -> Message {
        Message { kind, at: time(at), body: String::new(), planted: None }
    }

    /// Adds a segment: fields by number, in order, their contents written as HL7 wants them.
    pub fn segment(&mut self, name: &str, fields: &[(usize, String)]) -> &mut Message {
        self.body.push_str(name);
        let mut last = 0;
        for (number, content) in fields.iter().filter(|(_, content)| !content.is_empty()) {
            self.body.extend(std::iter::repeat_n('|', number - last));
            self.body.push_str(content);
            last = *number;
        }
        self.body.push('\r');
        self
    }
}

/// Text with its delimiters escaped; line ends as `\.br\`.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '|' => out.push_str("\\F\\"),
            '^' => out.push_str("\\S\\"),
            '&' => out.push_str("\\T\\"),
            '~' => out.push_str("\\R\\"),
            '\\' => out.push_str("\\E\\"),
            '\n' => out.push_str("\\.br\\"),
            '\r' => {}
            c => out.push(c),
        }
    }
    out
}

/// A FHIR date or dateTime as TS: the precision stays, the offset too.
pub(super) fn time(fhir: &str) -> String {
    let (day, clock) = fhir.split_once('T').unwrap_or((fhir, ""));
    let (clock, offset) = clock.split_at(clock.find(['+', '-', 'Z']).unwrap_or(clock.len()));
    let digits = |text: &str| text.replace(['-', ':'], "");
    let sign = offset.get(..1).unwrap_or_default();
    format!("{}{}{sign}{}", digits(day), digits(clock), digits(offset))
}

/// A FHIR dateTime so many minutes later, with the same offset.
pub(super) fn later(fhir: &str, minutes: i64) -> String {
    let (civil, offset) = fhir.split_at_checked(19).unwrap_or((fhir, ""));
    let moved = civil.parse::<jiff::civil::DateTime>().and_then(|at| at.checked_add(jiff::Span::new().minutes(minutes)));
    moved.map_or(fhir.to_owned(), |at| format!("{}{offset}", at.strftime("%Y-%m-%dT%H:%M:%S")))
}

/// Components, without those at the end that are empty.
pub(super) fn parts<const N: usize>(parts: [&str; N]) -> String {
    parts.map(plain).join("^").trim_end_matches('^').to_owned()
}

/// A CodeableConcept as CWE: two codes with their systems, and the text where it says more than the first display.
pub(super) fn concept(concept: &Value) -> String {
    let codings = list(concept, "/coding");
    let mut out = Vec::new();
    for coding in codings.iter().take(2) {
        out.extend([plain(text(coding, "/code")), plain(text(coding, "/display")), system(text(coding, "/system")).to_owned()]);
    }
    let said = text(concept, "/text");
    if !said.is_empty() && said != codings.first().map_or("", |coding| text(coding, "/display")) {
        out.resize(8, String::new());
        out.push(plain(said));
    }
    out.join("^").trim_end_matches('^').to_owned()
}

/// The names of table 0396.
fn system(uri: &str) -> &'static str {
    match uri {
        LOINC => "LN",
        SNOMED => "SCT",
        RXNORM => "RXNORM",
        ICD10 => "I10C",
        CVX => "CVX",
        UCUM => "UCUM",
        "urn:oid:2.16.840.1.113883.6.238" => "CDCREC",
        _ => "99SOH",
    }
}

/// A number of the hospital's own, of a kind of number (`D` for documents): short, as old systems count, and the same
/// whenever the thing is told.
pub(super) fn number(kind: &str, record: &Value) -> String {
    let digits: String = text(record, "/id").chars().filter(|c| *c != '-').take(14).collect();
    format!("{kind}{}^{HOSPITAL}", digits.to_ascii_uppercase())
}

/// A member of staff as XCN: number, family, given, degree.
pub(super) fn staff(records: &Records<'_>, reference: &Value) -> String {
    let Some(person) = records.staff(reference) else { return String::new() };
    let (npi, name) = (text(person, "/identifier/0/value"), &person["name"][0]);
    let degree = text(reference, "/display").rsplit_once(", ").map_or("", |(_, degree)| degree);
    let (family, given) = (plain(text(name, "/family")), plain(text(name, "/given/0")));
    format!("{npi}^{family}^{given}^^^^{degree}^^NPI&2.16.840.1.113883.4.6&ISO^L^^^NPI")
}

/// A HumanName as XPN.
pub(super) fn name(name: &Value) -> String {
    let kind = match text(name, "/use") {
        "official" => "L",
        "maiden" => "M",
        "nickname" => "N",
        _ => "",
    };
    parts([text(name, "/family"), text(name, "/given/0"), text(name, "/given/1"), "", "", "", kind])
}

/// An Address as XAD.
pub(super) fn address(address: &Value) -> String {
    let kind = if text(address, "/use") == "old" { "BA" } else { "H" };
    let of = |key: &str| plain(text(address, key));
    let (line, city, state) = (of("/line/0"), of("/city"), of("/state"));
    let (zip, country, end) = (of("/postalCode"), of("/country"), time(text(address, "/period/end")));
    format!("{line}^^{city}^{state}^{zip}^{country}^{kind}^^^^^^^{end}").trim_end_matches('^').to_owned()
}

/// A ContactPoint as XTN.
pub(super) fn telephone(contact: &Value) -> String {
    let (usage, equipment) = if text(contact, "/use") == "mobile" { ("PRS", "CP") } else { ("PRN", "PH") };
    parts([text(contact, "/value"), usage, equipment])
}

/// Several values of one field.
pub(super) fn repeated(values: &[Value], write: impl Fn(&Value) -> String) -> String {
    values.iter().map(write).collect::<Vec<_>>().join("~")
}

/// Sensitivity labels as codes of table 0177, which calls treatment for alcohol and drugs `ETH`.
pub(super) fn confidentiality(labels: &[&str]) -> String {
    labels.iter().map(|code| if *code == "SUD" { "ETH" } else { code }).collect::<Vec<_>>().join("~")
}

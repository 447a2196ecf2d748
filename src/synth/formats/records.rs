//! One patient's FHIR records, read back from what would have been delivered.
//!
//! Not for: making them.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::synth::sink::{Sink, Type};

/// The records that the whole hospital shares.
pub(super) struct Shared {
    /// By `Type/id`, and by NPI.
    named: HashMap<String, Value>,
}

impl Shared {
    pub fn new(sink: &Sink) -> Shared {
        let mut named = HashMap::new();
        for kind in [Type::Organization, Type::Location, Type::Practitioner, Type::Medication] {
            for record in read(sink, kind) {
                if kind == Type::Practitioner {
                    named.insert(text(&record, "/identifier/0/value").to_owned(), record.clone());
                }
                named.insert(format!("{}/{}", kind.name(), text(&record, "/id")), record);
            }
        }
        Shared { named }
    }
}

/// What the records of one patient say.
pub(super) struct Records<'a> {
    /// By the number of their type.
    own: Vec<Vec<Value>>,
    shared: &'a Shared,
    /// Documents that lie beside the NDJSON: path and bytes.
    files: &'a [(String, Vec<u8>)],
}

impl<'a> Records<'a> {
    pub fn new(sink: &'a Sink, shared: &'a Shared) -> Records<'a> {
        let own = Type::ALL.iter().map(|&kind| read(sink, kind)).collect();
        Records { own, shared, files: &sink.attachments }
    }

    /// The records of one type, in the order in which they were made.
    pub fn all(&self, kind: Type) -> &[Value] {
        self.own.get(kind as usize).map_or(&[], Vec::as_slice)
    }

    /// The patient.
    pub fn patient(&self) -> &Value {
        self.all(Type::Patient).first().unwrap_or(&Value::Null)
    }

    /// The record of the patient's own that a reference names.
    pub fn target(&self, kind: Type, reference: &str) -> Option<&Value> {
        let id = reference.strip_prefix(kind.name())?.strip_prefix('/')?;
        self.all(kind).iter().find(|record| text(record, "/id") == id)
    }

    /// The member of staff whom a reference names, by id or by NPI.
    pub fn staff(&self, reference: &Value) -> Option<&Value> {
        let name = text(reference, "/reference");
        self.shared.named.get(name.rsplit_once('|').map_or(name, |(_, npi)| npi))
    }

    /// What the record of a medicine says it is: its own concept, that of a contained Medication, or of the formulary.
    pub fn medicine<'r>(&'r self, record: &'r Value) -> &'r Value {
        let own = record.get("medicationCodeableConcept").or_else(|| record.pointer("/contained/0/code"));
        let of_formulary = || self.shared.named.get(text(record, "/medicationReference/reference")).map(|drug| &drug["code"]);
        own.or_else(of_formulary).unwrap_or(&Value::Null)
    }

    /// The bytes of a DocumentReference's document: inline, in a Binary, or beside the NDJSON.
    pub fn document(&self, reference: &Value) -> Vec<u8> {
        let attachment = &reference["content"][0]["attachment"];
        let url = text(attachment, "/url");
        if let Some((_, bytes)) = self.files.iter().find(|(path, _)| path == url) {
            return bytes.clone();
        }
        let binary = self.target(Type::Binary, url).map_or("", |binary| text(binary, "/data"));
        let inline = text(attachment, "/data");
        STANDARD.decode(if inline.is_empty() { binary } else { inline }).unwrap_or_default()
    }
}

fn read(sink: &Sink, kind: Type) -> Vec<Value> {
    let lines = sink.files[kind as usize].json.bytes.split(|b| *b == b'\n');
    lines.filter_map(|line| serde_json::from_slice(line).ok()).collect()
}

/// The string at a JSON pointer; empty when there is none.
pub(super) fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The number at a JSON pointer, with its digits as written; empty when there is none.
pub(super) fn number(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).filter(|v| v.is_number()).map(ToString::to_string).unwrap_or_default()
}

/// The elements of an array.
pub(super) fn list<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The codes of a record's sensitivity labels.
pub(super) fn labels(record: &Value) -> Vec<&str> {
    list(record, "/meta/security").iter().map(|coding| text(coding, "/code")).collect()
}

//! Writes a searchset or history Bundle as bytes, entry by entry, without parsing a resource.
//!
//! Not for: which records belong into it.

use super::splice::write_resource;
use crate::model::Record;

/// `Bundle.type`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Type {
    SearchSet,
    History,
}

/// `Bundle.entry.search.mode`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Match,
    Include,
}

/// A Bundle in the making.
pub struct Bundle<'a> {
    bytes: Vec<u8>,
    base: &'a str,
    kind: Type,
    first: bool,
}

impl<'a> Bundle<'a> {
    /// `base` is the site's root (`https://host`); links are (relation, absolute URL); `capacity` a guess of the size.
    pub fn new(base: &'a str, kind: Type, total: Option<u64>, links: &[(&str, String)], capacity: usize) -> Bundle<'a> {
        let mut bytes = Vec::with_capacity(capacity + 1024);
        let name = if kind == Type::History { "history" } else { "searchset" };
        bytes.extend_from_slice(format!("{{\"resourceType\":\"Bundle\",\"type\":\"{name}\"").as_bytes());
        if let Some(total) = total {
            bytes.extend_from_slice(format!(",\"total\":{total}").as_bytes());
        }
        if !links.is_empty() {
            let links: Vec<_> =
                links.iter().map(|(relation, url)| serde_json::json!({"relation": relation, "url": url})).collect();
            bytes.extend_from_slice(b",\"link\":");
            bytes.extend_from_slice(serde_json::Value::Array(links).to_string().as_bytes());
        }
        Bundle { bytes, base, kind, first: true }
    }

    pub fn record(&mut self, record: &Record, mode: Mode) {
        self.open(record);
        write_resource(&mut self.bytes, record);
        self.close(record, mode);
    }

    /// A record whose resource was cut down or rewritten by the caller.
    pub fn shaped(&mut self, record: &Record, resource: &serde_json::Value, mode: Mode) {
        self.open(record);
        self.bytes.extend_from_slice(resource.to_string().as_bytes());
        self.close(record, mode);
    }

    /// A resource that is made with the answer and stored nowhere; `name` is its URN or address.
    pub fn made(&mut self, name: &str, resource: &serde_json::Value) {
        self.comma();
        let entry = serde_json::json!({"fullUrl": name, "resource": resource, "search": {"mode": "match"}});
        self.bytes.extend_from_slice(entry.to_string().as_bytes());
    }

    /// An OperationOutcome about the search itself.
    pub fn outcome(&mut self, outcome: &serde_json::Value) {
        self.comma();
        self.bytes.extend_from_slice(format!("{{\"resource\":{outcome},\"search\":{{\"mode\":\"outcome\"}}}}").as_bytes());
    }

    pub fn finish(mut self) -> Vec<u8> {
        self.bytes.extend_from_slice(if self.first { b"}" } else { b"]}" });
        self.bytes
    }

    fn comma(&mut self) {
        self.bytes.extend_from_slice(if self.first { b",\"entry\":[" } else { b"," });
        self.first = false;
    }

    fn open(&mut self, record: &Record) {
        self.comma();
        for part in ["{\"fullUrl\":\"", self.base, "/fhir/", record.kind.name(), "/", record.id.as_str(), "\",\"resource\":"] {
            self.bytes.extend_from_slice(part.as_bytes());
        }
    }

    fn close(&mut self, record: &Record, mode: Mode) {
        match (self.kind, mode) {
            (Type::SearchSet, Mode::Match) => self.bytes.extend_from_slice(b",\"search\":{\"mode\":\"match\"}}"),
            (Type::SearchSet, Mode::Include) => self.bytes.extend_from_slice(b",\"search\":{\"mode\":\"include\"}}"),
            (Type::History, _) => {
                // FHIR R4 bdl-4: a history entry has a request; these versions are all that the source delivered.
                let url = format!("{}/{}", record.kind.name(), record.id);
                let entry =
                    format!(",\"request\":{{\"method\":\"PUT\",\"url\":\"{url}\"}},\"response\":{{\"status\":\"200\"}}}}");
                self.bytes.extend_from_slice(entry.as_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::record;
    use super::*;

    #[test]
    fn a_bundle_is_json_with_none_one_or_more_entries() {
        let observation = record("Observation", r#"{"resourceType":"Observation","id":"a"}"#);
        for count in 0..3 {
            for kind in [Type::SearchSet, Type::History] {
                let links = [("self", "https://x/fhir/Observation?code=\"<&".to_string())];
                let mut bundle = Bundle::new("https://x", kind, Some(7), &links, 0);
                (0..count).for_each(|_| bundle.record(&observation, Mode::Include));
                let read: serde_json::Value = serde_json::from_slice(&bundle.finish()).unwrap();
                assert_eq!(read["total"], 7);
                assert_eq!(read["link"][0]["url"], links[0].1);
                // FHIR R4: an array may not be empty.
                assert_eq!(read.get("entry").and_then(|entries| entries.as_array()).map(Vec::len), (count > 0).then_some(count));
                if count > 0 {
                    assert_eq!(read["entry"][0]["fullUrl"], "https://x/fhir/Observation/a");
                    assert_eq!(read["entry"][0].get("search").is_some(), kind == Type::SearchSet);
                    assert_eq!(read["entry"][0].get("request").is_some(), kind == Type::History);
                }
            }
        }
        let mut warned = Bundle::new("https://x", Type::SearchSet, None, &[], 0);
        warned.outcome(&super::super::outcome::value("warning", "not-supported", "\"x\""));
        let read: serde_json::Value = serde_json::from_slice(&warned.finish()).unwrap();
        assert_eq!((read.get("total"), &read["entry"][0]["search"]["mode"]), (None, &serde_json::json!("outcome")));
    }
}

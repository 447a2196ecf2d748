//! Where copies of a log go: checkpoints to a witness folder and to a syslog collector, entries too when configured.
//!
//! Nothing here is waited for. Not for: what makes an entry durable (`stream`).

use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::config::AuditConfig;
use crate::limits::SYSLOG_MESSAGE_MAX;
use crate::outbound::{Severity, Syslog};

use super::folder::LogFolder;
use super::witness::Witness;
use super::{LogError, hex};

/// The folder of an archive that buffers messages for the collector.
const BUFFER_FOLDER: &str = "syslog";

/// What a message is, for filters of the collector. The body is JSON, so it is not called `DICOM+RFC3881`, which
/// promises the XML of DICOM.
const ENTRY: &str = "AUDIT+ENTRY";
const CHECKPOINT: &str = "AUDIT+CHECKPOINT";
const ALARM: &str = "AUDIT+ALARM";

/// The outlets of one stream.
#[derive(Debug, Default)]
pub(super) struct Outlets {
    witness: Option<Witness>,
    syslog: Option<Syslog>,
    stream: String,
    with_entries: bool,
}

impl Outlets {
    pub(super) fn start(config: &AuditConfig, archive: &Path, folder: &LogFolder, stream: &str) -> Result<Outlets, LogError> {
        let syslog = match &config.syslog {
            Some(target) => Some(Syslog::start(target, &archive.join(BUFFER_FOLDER))?),
            None => None,
        };
        let witness = match &config.witness {
            Some(dir) => {
                let (told, stream_name) = (syslog.clone(), stream.to_string());
                let alarm = move |what: &'static str| alarm(told.as_ref(), &stream_name, what);
                Some(Witness::start(dir.clone(), folder, stream, alarm)?)
            }
            None => None,
        };
        let with_entries = config.syslog.as_ref().is_some_and(|target| target.entries);
        Ok(Outlets { witness, syslog, stream: stream.to_string(), with_entries })
    }

    pub(super) fn syslog(&self) -> Option<&Syslog> {
        self.syslog.as_ref()
    }

    pub(super) fn wants_entries(&self) -> bool {
        self.with_entries
    }

    /// A checkpoint that is on disk.
    pub(super) fn checkpoint(&self, note: &str) {
        if let Some(witness) = &self.witness {
            witness.poke();
        }
        if let Some(syslog) = &self.syslog {
            syslog.send(Severity::Notice, CHECKPOINT, &json!({ "checkpoint": note, "stream": self.stream }).to_string());
        }
    }

    /// An entry that is on disk. One too long for a message is named by its number and digest.
    pub(super) fn entry(&self, payload: &[u8]) {
        let Some(syslog) = &self.syslog else { return };
        let stub = || {
            let entry: Value = serde_json::from_slice(payload).unwrap_or_default();
            let of = |name: &str| entry.get(name).cloned().unwrap_or_default();
            let sha256 = hex(&Sha256::digest(payload));
            json!({ "event": of("event"), "id": of("id"), "seq": of("seq"), "sha256": sha256, "truncated": true, "ts": of("ts") })
        };
        // The payload is the canonical JSON of an object, so it begins with a brace.
        let text = std::str::from_utf8(payload).ok().and_then(|text| text.strip_prefix('{'));
        let whole = text.map(|rest| format!("{{\"stream\":\"{}\",{rest}", self.stream));
        let text = whole.filter(|text| text.len() <= SYSLOG_MESSAGE_MAX).unwrap_or_else(|| {
            let mut stub = stub();
            if let Some(members) = stub.as_object_mut() {
                members.insert("stream".into(), self.stream.as_str().into());
            }
            stub.to_string()
        });
        syslog.send(Severity::Notice, ENTRY, &text);
    }

    pub(super) fn alarm(&self, what: &'static str) {
        alarm(self.syslog.as_ref(), &self.stream, what);
    }

    /// Lets what is on its way go out, within bounds.
    pub(super) fn close(self) {
        if let Some(witness) = self.witness {
            witness.close();
        }
    }
}

fn alarm(syslog: Option<&Syslog>, stream: &str, what: &'static str) {
    if let Some(syslog) = syslog {
        syslog.send(Severity::Warning, ALARM, &json!({ "alarm": what, "stream": stream }).to_string());
    }
}

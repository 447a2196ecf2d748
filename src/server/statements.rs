//! What people say at a page of who is who: appended to the archive's statements, as the command line appends its own.
//!
//! The stream is taken when the first statement comes, so that a server at which nobody says anything leaves nothing behind.
//! Not for: the audit entry, which comes first and is the handler's; nor what follows from a statement (`query`).

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::access::Principal;
use crate::signing::Signer;
use crate::statements::{Statement, StatementError, StatementLog};

pub struct Statements {
    folder: PathBuf,
    signer: Option<Arc<dyn Signer + Send + Sync>>,
    log: Mutex<Option<StatementLog>>,
}

impl Statements {
    pub(super) fn new(folder: PathBuf, signer: Option<Arc<dyn Signer + Send + Sync>>) -> Statements {
        Statements { folder, signer, log: Mutex::new(None) }
    }

    /// Appends what a person says, under his own name, and waits until it is on disk.
    ///
    /// # Errors
    /// `Failed` without a signer, and after an error of writing: nothing more is taken until a restart then.
    pub fn say(&self, who: &Principal, statement: Statement) -> Result<(), StatementError> {
        let signer = self.signer.clone().ok_or(StatementError::Failed)?;
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let opened = match log.take() {
            Some(opened) => opened,
            None => StatementLog::open(&self.folder, signer)?,
        };
        let said = opened.append(&who.issuer, &who.subject, &[statement]);
        *log = Some(opened);
        said
    }
}

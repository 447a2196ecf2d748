//! The release desk as an operator at the command line meets it.
//!
//! Not for: what the desk does (`release::desk`).

use std::path::Path;
use std::sync::Arc;

use crate::access::{Principal, Purpose, RequestContext, Role};
use crate::commands::operator::{Workplace, operator_name};
use crate::config::Config;
use crate::query::Archive;
use crate::register::{REGISTER_FILE, Register, SessionTimes};
use crate::release::desk::{Desk, worker};
use crate::release::ledger::Worker;
use crate::signing::{KeyPurpose, Signer};

/// Desk and operator.
pub struct Office {
    pub desk: Arc<Desk>,
    principal: Principal,
    context: RequestContext,
}

impl Office {
    pub fn worker(&self) -> Worker<'_> {
        worker(&self.principal, &self.context)
    }
}

/// Opens the desk of an archive and does something at it. The access log is closed afterwards.
pub fn at_the_desk<T>(archive: &Path, command: &str, work: impl AsyncFnOnce(&Office) -> anyhow::Result<T>) -> anyhow::Result<T> {
    let workplace = Workplace::open(archive)?;
    let config = Config::load(archive)?;
    let opened = Archive::open(archive, workplace.ring.verifiers(KeyPurpose::Seal), config.cutover.clone())?;
    let gate = workplace.gate()?;
    // Whoever only looks needs no key.
    let signer = workplace.signer(KeyPurpose::Release).ok().map(|key| Arc::new(key) as Arc<dyn Signer + Send + Sync>);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = runtime.block_on(async {
        let register = Register::open(&archive.join(REGISTER_FILE), SessionTimes::default()).await?;
        let desk = Desk::new(opened, gate, register, archive.to_path_buf(), config, signer)?;
        let office = Office {
            desk: Arc::new(desk),
            principal: Principal::operator(&operator_name(), Role::Him, Purpose::Legal),
            context: RequestContext {
                request_id: uuid::Uuid::now_v7().to_string(),
                method: "CLI".into(),
                path: command.into(),
                ..RequestContext::default()
            },
        };
        work(&office).await
    });
    workplace.log.close();
    done
}

//! The operator who looks into the access log: its projection, the gate, and the entry that says that he looked.
//!
//! Not for: what a command hands out.

use std::path::Path;

use anyhow::Context;

use super::operator::{Workplace, operator_name};
use crate::access::{Gate, Principal, Purpose, RequestContext, Role, Scope, Shown};
use crate::config::Config;
use crate::model::PatientKey;
use crate::oversight::Projection;
use crate::query::Archive;
use crate::signing::KeyPurpose;

/// Compliance at the command line.
pub(super) struct Overseer {
    pub workplace: Workplace,
    pub projection: Projection,
    gate: Gate,
    /// `None` when the archive holds nothing that could be opened: the log can be read all the same.
    archive: Option<Archive>,
}

impl Overseer {
    pub(super) fn open(archive: &Path) -> anyhow::Result<Overseer> {
        let workplace = Workplace::open(archive)?;
        let projection = Projection::open(archive)?;
        let config = Config::load(archive)?;
        let gate = workplace.gate()?;
        let archive = Archive::open(archive, workplace.ring.verifiers(KeyPurpose::Seal), config.cutover).ok();
        Ok(Overseer { workplace, projection, gate, archive })
    }

    /// All keys of the person whom a key is of, that one first.
    pub(super) fn person(&self, key: &str) -> anyhow::Result<Vec<PatientKey>> {
        let key = PatientKey::parse(key).context("not a patient key")?;
        let scope = self.archive.as_ref().map(|archive| archive.chart_scope(&key));
        Ok(scope.map_or_else(|| vec![key], |scope| scope.patients().to_vec()))
    }

    /// Lets a value go that was made of the log, once the entry about it is on disk. `make` gives the value, how many rows
    /// it has, and the question in words.
    pub(super) fn answer<T>(
        &self,
        command: &str,
        event: &'static str,
        patients: &[PatientKey],
        make: impl FnOnce(&Projection) -> anyhow::Result<(T, u64, String)>,
    ) -> anyhow::Result<T> {
        let principal = Principal::operator(&operator_name(), Role::Compliance, Purpose::Compliance);
        let context = RequestContext {
            request_id: uuid::Uuid::now_v7().to_string(),
            method: "CLI".into(),
            path: command.into(),
            ..RequestContext::default()
        };
        let permit = self.gate.ask(&principal, Scope::AuditLog(patients.first().cloned()), context)?;
        let (value, hits, query) = make(&self.projection)?;
        let shown = Shown { event, patients: patients.to_vec(), hits: Some(hits), query: Some(query), ..Shown::default() };
        Ok(permit.answer(value, shown)?.into_inner())
    }

    /// The archive, when there is one to open.
    pub(super) fn opened(&self) -> Option<&Archive> {
        self.archive.as_ref()
    }

    pub(super) fn close(self) {
        self.workplace.log.close();
    }
}

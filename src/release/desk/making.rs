//! What the desk has others make: selections, previews, packages. One place for every call, so that each is asked the same way
//! by everything above.
//!
//! Not for: keeping steps (`jobs`, `choosing`).

use std::collections::BTreeSet;

use zeroize::Zeroizing;

use super::*;
use crate::release::build::{BuildRecord, Plan, Workshop};
use crate::release::redaction::Redactions;
use crate::release::request::Request;
use crate::release::selection::{self, Selection};
use crate::release::workflow::{Package, Previewed};

impl Desk {
    /// What goes out of a subject's records.
    pub(super) fn choose(
        &self,
        permit: &Permit,
        request: &Request,
        subject: usize,
        number: &str,
    ) -> Result<Selection, DeskError> {
        let _ = permit;
        let keys = request.subjects.get(subject).map(|it| it.keys.clone()).unwrap_or_default();
        Ok(Selection {
            v: selection::VERSION,
            request: number.to_owned(),
            subject,
            keys,
            basis: request.basis.clone(),
            scope: request.scope.clone(),
            ..Selection::default()
        })
    }

    pub(super) fn estimate(&self, selection: &Selection) -> u64 {
        selection.items.len() as u64
    }

    pub(super) fn make_pages(&self, shop: &Workshop<'_>, plan: &Plan) -> Result<Previewed, DeskError> {
        let text = format!("preview of {}", plan.request);
        let pdf_sha256 = shop.shelf.put(text.as_bytes())?;
        Ok(Previewed { plan_sha256: shop.shelf.put(&plan.to_bytes())?, pdf_sha256, pages: 1, exceptions: 0 })
    }

    pub(super) async fn make_package(
        &self,
        shop: &Workshop<'_>,
        record: BuildRecord,
        previewed: &Previewed,
        number: &str,
    ) -> Result<Package, DeskError> {
        let _ = (previewed, number);
        let text = format!("package {}", record.package_id);
        let package_sha256 = shop.shelf.put(text.as_bytes())?;
        Ok(Package {
            manifest_sha256: package_sha256.clone(),
            package_sha256,
            build_sha256: shop.shelf.put(&record.to_bytes())?,
            pages: 1,
            bytes: text.len() as u64,
            ..Package::default()
        })
    }

    /// The texts, volumes and numbers that a plan has.
    pub(super) fn with_texts(&self, plan: Plan, case: &Case, classes: &BTreeSet<String>) -> Result<Plan, DeskError> {
        let _ = (case, classes);
        Ok(plan)
    }

    /// Where the approval stands in the access log, with the proof of it.
    pub(super) fn with_proof(&self, record: &mut BuildRecord, entry: Option<&str>) -> Result<(), DeskError> {
        let _ = (record, entry);
        Ok(())
    }

    pub(super) fn check_redactions(&self, case: &Case, subject: usize, redactions: &Redactions) -> Result<(), DeskError> {
        let _ = (case, subject, redactions);
        Ok(())
    }

    pub(super) fn pages_of_items(&self, previewed: &Previewed) -> Result<Vec<(usize, u32, u32)>, DeskError> {
        let _ = previewed;
        Ok(Vec::new())
    }

    /// The encrypted form of a package: the digest of its file, its size, and what opens it.
    pub(super) fn wrap(&self, package: &Package, name: &str) -> Result<(String, u64, Zeroizing<String>), DeskError> {
        let _ = (package, name);
        Err(DeskError::NoKey)
    }
}

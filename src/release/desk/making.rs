//! What the desk has others make: selections, previews, packages. One place for every call, so that each is asked the same way
//! by everything above.
//!
//! Not for: keeping steps (`jobs`, `choosing`).

use std::collections::BTreeSet;
use std::io::{BufWriter, IntoInnerError};

use zeroize::Zeroizing;

use super::looking::PreviewTold;
use super::*;
use crate::durable;
use crate::release::build::{self, BuildFault, BuildRecord, Plan, Workshop};
use crate::release::package::wrap::{Secret, wrap};
use crate::release::package::{container::ContainerFault, hex};
use crate::release::paper::front::{self, Texts};
use crate::release::redaction::Redactions;
use crate::release::request::Request;
use crate::release::selection::{self, Selection};
use crate::release::shelf::digest_of;
use crate::release::workflow::{Package, Previewed};
use crate::signing::KeyRing;

impl Desk {
    /// What goes out of a subject's records.
    pub(super) fn choose(
        &self,
        permit: &Permit,
        request: &Request,
        subject: usize,
        number: &str,
    ) -> Result<Selection, DeskError> {
        Ok(selection::choose(&self.archive, permit, request, subject, number, &self.rules, &self.sets)?)
    }

    pub(super) fn make_pages(&self, shop: &Workshop<'_>, plan: &Plan) -> Result<Previewed, DeskError> {
        Ok(build::preview(shop, plan)?.previewed)
    }

    /// Gives the package its numbers and makes it.
    pub(super) async fn make_package(
        &self,
        shop: &Workshop<'_>,
        mut record: BuildRecord,
        previewed: &Previewed,
        number: &str,
    ) -> Result<Package, DeskError> {
        let signer = self.signer.as_ref().ok_or(DeskError::NoKey)?;
        record.key = signer.key_name().to_owned();
        record.key_public = hex(&signer.public_key());
        let plan: Plan = self.kept(&previewed.plan_sha256)?;
        if let Some((prefix, _)) = &plan.bates {
            let count = build::numbers(shop, &record, &build::told(shop.shelf, previewed)?)?;
            let range = self.register.give_bates(prefix, i64::try_from(count).unwrap_or(i64::MAX), number).await?;
            (record.bates_first, record.bates_count) = (u64::try_from(range.first).ok(), count);
        }
        Ok(build::seal(shop, &record, &**signer)?)
    }

    /// A plan with the texts that go along, its volumes and numbers, and what pages say of the archive. The texts lie on the
    /// shelf then, so that the same pages can be made when the site's texts are others.
    pub(super) fn with_texts(&self, mut plan: Plan, case: &Case, classes: &BTreeSet<String>) -> Result<Plan, DeskError> {
        let config = &self.config.release;
        let basis = self.rules.basis(&case.request.basis).ok_or(DeskError::Refused(Refusal::UnknownBasis))?;
        let texts = Texts::load(config.texts.as_deref())?;
        plan.notices = texts.notices_for(basis, &classes.iter().map(String::as_str).collect())?;
        texts.check(&plan.notices)?;
        if case.request.wants_certificate {
            let name = case.request.certificate.as_deref().unwrap_or(CERTIFICATE);
            plan.certificate = Some(texts.certificate(name)?);
        }
        for file in texts.files(&plan)? {
            self.shelf.put(&file)?;
        }
        let year: String = plan.made.chars().skip(2).take(2).collect();
        plan.bates = config.bates_prefix.as_ref().map(|prefix| (format!("{prefix}{year}-"), config.bates_digits));
        (plan.volume_pages, plan.volume_bytes) = (config.volume_pages, config.volume_mib << 20);
        (plan.tells_withheld, plan.slip_sheets) = (config.tells_withheld, config.slip_sheets);
        plan.generator = build::generator();
        plan.custodian = front::custodian(&self.config);
        plan.provenance = front::provenance(&self.archive, &self.frozen(case, plan.subject)?);
        Ok(plan)
    }

    /// Where the approval stands in the access log, with the proof of it.
    pub(super) fn with_proof(&self, record: &mut BuildRecord, entry: Option<&str>) -> Result<(), DeskError> {
        let Some((stream, seq)) = entry.and_then(handing::place_of) else { return Ok(()) };
        let ring = KeyRing::load(&self.folder).map_err(handing::ProofFault::from)?;
        // A checkpoint covers it by then.
        self.prove(stream, seq)?;
        let (audit, sha256) = build::audit_proof(&self.folder, &ring, &self.shelf, stream, seq)?;
        (record.audit, record.audit_proof_sha256) = (Some(audit), Some(sha256));
        Ok(())
    }

    pub(super) fn check_redactions(&self, case: &Case, subject: usize, redactions: &Redactions) -> Result<(), DeskError> {
        let selection = self.frozen(case, subject)?;
        redactions
            .check(&selection)
            .map_err(|faults| DeskError::Redactions(faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")))
    }

    pub(super) fn told(&self, previewed: &Previewed) -> Result<PreviewTold, DeskError> {
        let page = |page: u64| u32::try_from(page).unwrap_or(u32::MAX);
        let told = build::told(&self.shelf, previewed)?;
        let paged = told.items.iter().filter(|item| item.pages > 0);
        let items = paged.map(|item| (item.n, page(item.first), page(item.first + item.pages - 1))).collect();
        Ok(PreviewTold { items, unread: told.unread, idle: told.idle })
    }

    /// The encrypted form of a package: the digest of its file, its size, and what opens it.
    pub(super) fn wrap(&self, package: &Package, name: &str) -> Result<(String, u64, Zeroizing<String>), DeskError> {
        let secret = Secret::random().ok_or(crate::register::RegisterError::NoRandomness)?;
        let bench = self.shelf.bench()?;
        let path = bench.file("wrapped.zip");
        let file = BufWriter::with_capacity(1 << 20, durable::create_new(&path).map_err(BuildFault::from)?);
        let from = self.shelf.open(&package.package_sha256)?;
        let written = wrap(from, package.bytes, &format!("{name}.zip"), &secret, file).map_err(BuildFault::from)?;
        let synced = written.into_inner().map_err(IntoInnerError::into_error).and_then(|file| file.sync_all());
        synced.map_err(|error| BuildFault::from(ContainerFault::Write(error)))?;
        let opened = std::fs::File::open(&path).map_err(BuildFault::from)?;
        let bytes = opened.metadata().map_err(BuildFault::from)?.len();
        let sha256 = digest_of(opened).map_err(BuildFault::from)?;
        self.shelf.take(&path, &sha256)?;
        Ok((sha256, bytes, Zeroizing::new(secret.show().to_owned())))
    }
}

/// The certificate when none is named: of no one state.
const CERTIFICATE: &str = "fre-902-11";

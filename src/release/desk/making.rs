//! What the desk has others make: selections, previews, packages. One place for every call, so that each is asked the same way
//! by everything above.
//!
//! Not for: keeping steps (`jobs`, `choosing`).

use std::collections::BTreeSet;
use std::io::{BufWriter, IntoInnerError};

use zeroize::Zeroizing;

use super::*;
use crate::durable;
use crate::release::build::{self, BuildFault, BuildRecord, Custodian, Plan, Provenance, Workshop};
use crate::release::package::wrap::{Secret, wrap};
use crate::release::package::{container::ContainerFault, hex};
use crate::release::paper::front::Texts;
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
        plan.custodian = self.custodian();
        let selection = self.frozen(case, plan.subject)?;
        let accessions: BTreeSet<&str> = selection.items.iter().map(|item| item.accession.as_str()).collect();
        let accessions: Vec<&str> = accessions.into_iter().collect();
        plan.provenance = self.archive.provenance(&accessions).into_iter().map(provenance).collect();
        Ok(plan)
    }

    fn custodian(&self) -> Custodian {
        let (keeper, contact) = (&self.config.custodian, &self.config.release.contact);
        let name = keeper.name.clone().or_else(|| self.config.institution.clone()).unwrap_or_default();
        let place = [&keeper.city, &keeper.state, &keeper.postal_code].into_iter().flatten();
        let place = place.map(String::as_str).collect::<Vec<_>>().join(" ");
        let address = keeper.address.iter().cloned().chain((!place.is_empty()).then_some(place)).collect();
        Custodian {
            name,
            department: contact.department.clone().unwrap_or_default(),
            address,
            phone: contact.phone.clone().or_else(|| keeper.telephone.clone()).unwrap_or_default(),
            email: contact.email.clone().unwrap_or_default(),
            hours: contact.hours.clone().unwrap_or_default(),
        }
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

    pub(super) fn pages_of_items(&self, previewed: &Previewed) -> Result<Vec<(usize, u32, u32)>, DeskError> {
        let page = |page: u64| u32::try_from(page).unwrap_or(u32::MAX);
        let told = build::told(&self.shelf, previewed)?;
        let paged = told.items.iter().filter(|item| item.pages > 0);
        Ok(paged.map(|item| (item.n, page(item.first), page(item.first + item.pages - 1))).collect())
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

fn provenance(it: crate::query::Provenance) -> Provenance {
    Provenance {
        accession: it.accession,
        system: it.source_system,
        data_to: it.data_to,
        sealed: it.sealed_at,
        made_by: it.made_by,
        mapping: it.mapping,
        mapping_sha256: it.mapping_sha256,
        time_zone: it.time_zone,
        delivery_sha256: it.delivery_sha256,
        records: it.records,
        merkle_root: it.merkle_root,
        input: it.ledger.input,
        archived: it.ledger.archived,
        duplicate: it.ledger.duplicate,
        quarantined: it.ledger.quarantined,
        excluded: it.ledger.excluded,
        joined: it.ledger.joined,
        derived: it.derived,
    }
}

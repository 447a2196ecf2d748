//! What a preview and a package are made from, out of a request as it stands.
//!
//! Not for: making them (`making`).

use std::collections::BTreeSet;

use super::*;
use crate::release::build::{BuildRecord, Plan, VERSION};
use crate::release::package::manifest;
use crate::release::selection::Selection;
use crate::release::workflow::{Decision, Previewed};

impl Desk {
    /// The plan of a subject's pages, asked for at `at`.
    ///
    /// # Errors
    /// What has to be there before pages are made: redactions of items that are to be redacted, the consent that goes along,
    /// approved texts of the notices.
    pub(super) fn plan(&self, case: &Case, subject: usize, at: i64) -> Result<Plan, DeskError> {
        let request = &case.request;
        let basis = self.rules.basis(&request.basis).ok_or(DeskError::Refused(Refusal::UnknownBasis))?;
        let selection = self.frozen(case, subject)?;
        let redactions = self.redacted(case, subject)?;
        let decided = case.decisions.iter().filter(|((of, _), _)| *of == subject);
        let mut excluded = Vec::new();
        for ((_, item), decision) in decided {
            match decision {
                Decision::Exclude { .. } => excluded.push(*item),
                Decision::Redact { .. } => {
                    let by_term = redactions.terms.iter().any(|term| term.item.is_none_or(|of| of == *item));
                    if !by_term && !redactions.regions.iter().any(|region| region.item == *item) {
                        return Err(DeskError::NotRedacted(*item + 1));
                    }
                }
                Decision::Include { .. } => {}
            }
        }
        excluded.sort_unstable();
        let is_consent = |kind: &str| kind == "consent" || kind == "authorization";
        let consents: Vec<String> = match basis.encloses_consent {
            true => request.papers.iter().filter(|paper| is_consent(&paper.kind)).map(|paper| paper.sha256.clone()).collect(),
            false => Vec::new(),
        };
        if basis.encloses_consent && consents.is_empty() {
            return Err(DeskError::NoConsent);
        }
        let plan = Plan {
            v: VERSION,
            request: case.number.clone(),
            subject,
            selection_sha256: selection.digest(),
            redactions_sha256: case.redactions.get(&subject).filter(|digest| !digest.is_empty()).cloned(),
            excluded,
            received: instant(case.received),
            made: instant(at),
            requester: request.requester.clone(),
            recipient: request.recipient().clone(),
            authority: manifest::Coded { code: basis.code.clone(), words: basis.words.clone() },
            citation: basis.citation.clone(),
            purpose: request.purpose.clone(),
            formats: request.formats,
            consents,
            ..Plan::default()
        };
        self.with_texts(plan, case, &classes_out(&selection, case, subject))
    }

    /// What the package of a subject is made from.
    pub(super) async fn record(&self, entered: &Entered, previewed: &Previewed, key: &str) -> Result<BuildRecord, DeskError> {
        let case = &entered.case;
        let approval = case.approval.as_ref().ok_or(DeskError::Refused(Refusal::NotNow(case.state)))?;
        let ids = [&case.verifier, &case.preparer, &case.reviewer].into_iter().flatten().chain([&approval.by]);
        let names = self.names(ids.map(String::as_str)).await?;
        let at_of = |wanted: fn(&Move) -> bool| {
            let last = entered.history.iter().rfind(|it| wanted(&it.step.made));
            last.map(|it| (it.step.by.clone(), it.step.at))
        };
        let roles = [
            ("verified", at_of(|made| matches!(made, Move::Accept))),
            ("prepared", at_of(|made| matches!(made, Move::Assemble(_)))),
            ("reviewed", at_of(|made| matches!(made, Move::Review))),
            ("approved", at_of(is_approval)),
        ];
        let approvals = roles.into_iter().filter_map(|(role, made)| {
            let (by, at) = made?;
            Some(manifest::Approval { role: role.into(), name: names.get(&by).cloned().unwrap_or(by), at: instant(at) })
        });
        let supersedes = case.request.supersedes.clone();
        let mut record = BuildRecord {
            v: VERSION,
            plan_sha256: previewed.plan_sha256.clone(),
            pdf_sha256: previewed.pdf_sha256.clone(),
            package_id: uuid::Uuid::new_v4().to_string(),
            approved: instant(approval.at),
            approvals: approvals.collect(),
            supersedes,
            key: key.to_owned(),
            ..BuildRecord::default()
        };
        let entry = entered.history.iter().rfind(|it| is_approval(&it.step.made)).and_then(|it| it.entry.as_deref());
        self.with_proof(&mut record, entry)?;
        Ok(record)
    }
}

fn is_approval(made: &Move) -> bool {
    matches!(made, Move::Approve { .. } | Move::ApproveAlone { .. })
}

/// Classes of the records that go out: they say which notices go along.
fn classes_out(selection: &Selection, case: &Case, subject: usize) -> BTreeSet<String> {
    let stays = |n: usize| {
        let decided = case.decisions.iter().find(|(place, _)| *place == (subject, n));
        matches!(decided, Some((_, Decision::Exclude { .. })))
    };
    let out = selection.items.iter().filter(|item| !stays(item.n));
    out.flat_map(|item| item.classes.iter().cloned()).collect()
}

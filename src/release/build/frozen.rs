//! What pages take from the archive beside the records that go out is taken once, when the preview is made, and kept in the plan.
//!
//! Not for: the records themselves, which are read again each time (`job`).

use std::collections::{BTreeMap, BTreeSet};

use super::job::Job;
use super::{BuildFault, Frozen, Plan, Workshop, line};
use crate::access::is_directory;
use crate::limits::RELEASE_NAMES_MAX;
use crate::model::{ArchiveId, Kind};
use crate::query::TakenWith;
use crate::release::paper::items::{named, references};
use crate::release::selection::Item;

/// The plan with all that its pages need.
pub fn frozen(shop: &Workshop<'_>, plan: &Plan) -> Result<Plan, BuildFault> {
    let mut plan = plan.clone();
    let cutover = shop.config.cutover.iter().map(|(source, day)| (source.clone(), day.text().to_owned())).collect();
    let mut keeper = shop.config.custodian.clone();
    keeper.name = keeper.name.or_else(|| shop.config.institution.clone());
    plan.frozen = Frozen { names: BTreeMap::new(), keeper, cutover };
    let job = Job::open(shop, plan.clone())?;
    plan.frozen.names = names(&job)?;
    Ok(plan)
}

/// Names of what the records refer to. A record that stays out is not named: its name could tell why.
fn names(job: &Job<'_>) -> Result<BTreeMap<String, String>, BuildFault> {
    let out: BTreeSet<String> = job.items().iter().map(|item| format!("{}/{}", item.kind, item.id)).collect();
    let (mut referred, mut own) = (BTreeSet::new(), BTreeMap::new());
    let runs = job.runs(0..job.out.len());
    let read = |at: usize| {
        let told = |(item, found): (&Item, TakenWith)| {
            let json = found.taken.record.json;
            (format!("{}/{}", item.kind, item.id), references(&json), named(&json))
        };
        Ok(job.taken(runs.get(at).cloned().unwrap_or_default(), false)?.into_iter().map(told).collect::<Vec<_>>())
    };
    line::in_order(job.threads, runs.len(), read, |line| -> Result<(), BuildFault> {
        for run in line {
            for (record, to, name) in run? {
                referred.extend(to);
                own.extend(name.map(|name| (record, name)));
            }
        }
        Ok(())
    })??;
    let mut names = BTreeMap::new();
    for reference in referred.into_iter().take(RELEASE_NAMES_MAX) {
        let name = if out.contains(&reference) { own.remove(&reference) } else { of_directory(job, &reference) };
        names.extend(name.map(|name| (reference, name)));
    }
    Ok(names)
}

/// What a practitioner, an organization, a place is called. One that cannot be read stays without its name.
fn of_directory(job: &Job<'_>, reference: &str) -> Option<String> {
    let (kind, id) = reference.split_once('/')?;
    let (kind, id) = (Kind::from_name(kind)?, ArchiveId::parse(id)?);
    if !is_directory(kind) || !job.shop.permit.covers_record(kind, &id, None) {
        return None;
    }
    let record = job.shop.archive.record(job.shop.permit, kind, &id).ok()?;
    named(&record.json).filter(|_| record.patient.is_none())
}

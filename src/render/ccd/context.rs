//! What the sections of one document share: the chart in the order of the document, its scope, and who says so.
//!
//! Not for: any section's own content.

use std::collections::HashMap;

use crate::formats::fhir::node::{Node, date_of};

use super::cda::{Author, Id, Organization, Performer};
use super::{Chart, Item, Request};

/// One document being made.
#[derive(Debug)]
pub struct Context<'a> {
    pub chart: &'a Chart<'a>,
    pub request: &'a Request,
    /// By `Kind/id`.
    by_name: HashMap<String, Item<'a>>,
}

impl<'a> Context<'a> {
    pub fn new(chart: &'a Chart<'a>, request: &'a Request) -> Context<'a> {
        let all = chart.patients.iter().chain(&chart.records).chain(&chart.directory);
        let by_name = all.map(|item| (format!("{}/{}", item.kind, item.id), *item)).collect();
        Context { chart, request, by_name }
    }

    /// The records of these kinds that the request asks for: newest first, those without a date last, then by id.
    pub fn records(&self, kinds: &[&str]) -> Vec<Item<'a>> {
        let mut found: Vec<(String, Item<'a>)> = self
            .chart
            .records
            .iter()
            .filter(|item| kinds.contains(&item.kind))
            .map(|item| (date_of(item.root()).unwrap_or_default(), *item))
            .filter(|(date, item)| self.is_asked(date, item))
            .collect();
        found.sort_by(|(a, x), (b, y)| b.cmp(a).then_with(|| (x.kind, x.id).cmp(&(y.kind, y.id))));
        found.into_iter().map(|(_, item)| item).collect()
    }

    /// Whether a record lies in the encounter and days of the request. One without a date is taken unless an encounter is asked
    /// for: leaving it out would hide it.
    fn is_asked(&self, date: &str, item: &Item<'a>) -> bool {
        if let Some(encounter) = &self.request.encounter {
            let is_it = item.kind == "Encounter" && item.id == encounter;
            if !is_it && item.encounter != Some(encounter.as_str()) {
                return false;
            }
        }
        if date.is_empty() {
            return true;
        }
        // A partial date lies in a range when any of its days does.
        let within = |bound: &str| &date[..date.len().min(bound.len()).min(10)];
        let after = self.request.from.as_deref().is_none_or(|from| within(from) >= &from[..within(from).len()]);
        let before = self.request.to.as_deref().is_none_or(|to| within(to) <= &to[..within(to).len()]);
        after && before
    }

    /// What a relative reference (`Practitioner/…`) leads to, if it is in the chart or the directory.
    pub fn resolve(&self, reference: &str) -> Option<Item<'a>> {
        self.by_name.get(reference).copied()
    }

    /// The id of a record in the document: the archive's own name of it, so that the same record has the same id in every
    /// document.
    pub fn id(&self, item: &Item<'_>) -> Id {
        Id::Given { root: self.request.archive.clone(), extension: Some(format!("{}/{}", item.kind, item.id)) }
    }

    /// The legacy system, as informant.
    pub fn informant(&self, item: &Item<'_>) -> Organization {
        Organization { name: Some(item.source.to_owned()), ..Organization::default() }
    }

    /// Who recorded it (Author Participation); empty when the record names nobody.
    pub fn authors(&self, _item: &Item<'_>) -> Vec<Author> {
        Vec::new()
    }

    /// Who did it, from a FHIR Reference to a practitioner or organization.
    pub fn performer(&self, _reference: Node<'_>) -> Option<Performer> {
        None
    }
}

impl<'a> Item<'a> {
    pub fn root(&self) -> Node<'a> {
        Node::new(self.value)
    }
}

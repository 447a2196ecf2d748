//! What the sections of one document share: the chart in the order of the document, and its scope.
//!
//! Not for: who says so (`people`), any section's own content.

use std::collections::{HashMap, HashSet};

use crate::formats::fhir::node::date_of;

use super::cda::{Id, Organization};
use super::chart::{Chart, Item, Request, is_asked};
use super::sections::routing::{Place, Places, section_of};

/// One document being made.
#[derive(Debug)]
pub struct Context<'a> {
    pub chart: &'a Chart<'a>,
    pub request: &'a Request,
    /// By `Kind/id`.
    by_name: HashMap<String, Item<'a>>,
    /// Provenance records by what they are about.
    pub(super) provenance: HashMap<String, Vec<Item<'a>>>,
    /// The records of each section.
    places: Places<'a>,
}

impl<'a> Context<'a> {
    pub fn new(chart: &'a Chart<'a>, request: &'a Request) -> Context<'a> {
        let all = chart.patients.iter().chain(&chart.records).chain(&chart.directory);
        let by_name = all.map(|item| (format!("{}/{}", item.kind, item.id), *item)).collect();
        let mut provenance: HashMap<String, Vec<Item<'a>>> = HashMap::new();
        for item in chart.records.iter().filter(|item| item.kind == "Provenance") {
            for target in item.root().at("target").items().filter_map(|target| target.at("reference").text()) {
                provenance.entry(target).or_default().push(*item);
            }
        }
        let mut cx = Context { chart, request, by_name, provenance, places: Places::new() };
        cx.place();
        cx
    }

    /// Puts all records that the request asks for into their places.
    fn place(&mut self) {
        let kinds: HashSet<&str> = self.chart.records.iter().map(|item| item.kind).collect();
        for item in self.records(&kinds.into_iter().collect::<Vec<_>>()) {
            self.places.entry(section_of(&item)).or_default().push(item);
        }
    }

    /// The records of a place, in the order of the document.
    pub fn placed(&self, place: Place) -> Vec<Item<'a>> {
        self.places.get(&place).cloned().unwrap_or_default()
    }

    /// The records of these kinds that the request asks for: newest first, those without a date last, then by id.
    pub fn records(&self, kinds: &[&str]) -> Vec<Item<'a>> {
        let mut found: Vec<(String, Item<'a>)> = self
            .chart
            .records
            .iter()
            .filter(|item| kinds.contains(&item.kind))
            .map(|item| (date_of(item.root()).unwrap_or_default(), *item))
            .filter(|(date, item)| is_asked(self.request, date, item))
            .collect();
        found.sort_by(|(a, x), (b, y)| b.cmp(a).then_with(|| (x.kind, x.id).cmp(&(y.kind, y.id))));
        found.into_iter().map(|(_, item)| item).collect()
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
        let id = Id::Given { root: self.request.archive.clone(), extension: Some(format!("system/{}", item.source)) };
        Organization { ids: vec![id], name: Some(item.source.to_owned()), ..Organization::default() }
    }
}

//! What the sections of one document share: the chart in the order of the document, its scope, and who says so.
//!
//! Not for: any section's own content.

use std::collections::HashMap;

use crate::formats::fhir::node::{Node, date_of};

use super::cda::{Assigned, Author, Bound, Id, Null, Organization, Performer, Template, Ts};
use super::sections::routing::{self, Places};
use super::values::ts;
use super::{Chart, Item, Request, people};

/// Author Participation.
pub const AUTHOR_PARTICIPATION: Template = Template::root("2.16.840.1.113883.10.20.22.4.119");

/// One document being made.
#[derive(Debug)]
pub struct Context<'a> {
    pub chart: &'a Chart<'a>,
    pub request: &'a Request,
    /// By `Kind/id`.
    by_name: HashMap<String, Item<'a>>,
    /// Provenance records by what they are about.
    provenance: HashMap<String, Vec<Item<'a>>>,
    /// The records of each section.
    pub(super) places: Places<'a>,
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
        cx.places = routing::places(&cx);
        cx
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

    /// Who recorded it, and when (Author Participation); empty when neither the record nor a Provenance names anybody.
    pub fn authors(&self, item: &Item<'_>) -> Vec<Author> {
        let root = item.root();
        let of = |place: &str| root.at(place).items().filter_map(|who| self.party(item, who)).collect::<Vec<_>>();
        let time = AUTHORED.iter().find_map(|place| ts(&root.at(place).text()?));
        let named = AUTHORS.iter().map(|place| of(place)).find(|found| !found.is_empty());
        if let Some(named) = named {
            return named.into_iter().map(|assigned| author(time.clone(), assigned)).collect();
        }
        let provenance = self.provenance.get(&format!("{}/{}", item.kind, item.id)).into_iter().flatten();
        provenance.flat_map(|made| self.provenance_authors(made)).collect()
    }

    fn provenance_authors(&self, made: &Item<'a>) -> Vec<Author> {
        let time = made.root().at("recorded").text().and_then(|text| ts(&text));
        let is_author =
            |agent: &Node<'_>| agent.at("type").at("coding").items().any(|c| c.at("code").text().as_deref() == Some("author"));
        let agents = made.root().at("agent").items().filter(is_author);
        agents.filter_map(|agent| self.party(made, agent.at("who"))).map(|assigned| author(time.clone(), assigned)).collect()
    }

    /// Who did it, from a FHIR Reference to a practitioner or organization; `None` when it names nobody.
    pub fn performer(&self, reference: Node<'_>) -> Option<Performer> {
        self.performer_in(Node::none(), reference)
    }

    /// As `performer`, for a Reference of a record that may lead to a resource contained in it.
    pub fn performer_in(&self, record: Node<'_>, reference: Node<'_>) -> Option<Performer> {
        let assigned = people::assigned(self, record, reference)?;
        Some(Performer { templates: Vec::new(), type_code: None, time: None, assigned: people::without_device(assigned) })
    }

    /// Who is meant by a Reference of a record.
    pub fn party(&self, item: &Item<'_>, reference: Node<'_>) -> Option<Assigned> {
        people::assigned(self, item.root(), reference)
    }
}

pub(super) fn is_asked(request: &Request, date: &str, item: &Item<'_>) -> bool {
    if let Some(encounter) = &request.encounter {
        let is_it = item.kind == "Encounter" && item.id == encounter;
        if !is_it && item.encounter != Some(encounter.as_str()) {
            return false;
        }
    }
    if date.is_empty() {
        return true;
    }
    // A partial date lies in a range when any of its days does.
    let shared = |bound: &str| date.len().min(bound.len()).min(10);
    let after = request.from.as_deref().is_none_or(|from| date.get(..shared(from)) >= from.get(..shared(from)));
    let before = request.to.as_deref().is_none_or(|to| date.get(..shared(to)) <= to.get(..shared(to)));
    after && before
}

/// Elements that say who recorded something, and when; the first that is there counts.
const AUTHORS: [&str; 6] = ["recorder", "author", "requester", "asserter", "informationSource", "assessor"];
const AUTHORED: [&str; 8] =
    ["recordedDate", "authoredOn", "dateAsserted", "assertedDate", "recorded", "issued", "date", "created"];

fn author(time: Option<Ts>, assigned: Assigned) -> Author {
    let time = time.map_or(Bound::Null(Null::Unknown), Bound::Given);
    Author { templates: vec![AUTHOR_PARTICIPATION], time, assigned }
}

impl<'a> Item<'a> {
    pub fn root(&self) -> Node<'a> {
        Node::new(self.value)
    }
}

//! Who is meant by a FHIR Reference: a practitioner with number, name, address and organization, as CDA's assigned entities
//! have them; and who recorded or did what a record tells of.
//!
//! Not for: the patient (`header`), or which element of a record names a performer (`sections`).

use super::cda::{Assigned, Author, Bound, Code, Device, Id, Name, Null, Organization, Performer, Template, Ts};
use super::chart::Item;
use super::codes;
use super::context::Context;
use super::values::{address, identifier, name, telecom, ts};
use crate::formats::fhir::node::{Node, concept};

const NPI: &str = "2.16.840.1.113883.4.6";
const TAXONOMY: &str = "http://nucc.org/provider-taxonomy";
/// Author Participation.
pub const AUTHOR_PARTICIPATION: Template = Template::root("2.16.840.1.113883.10.20.22.4.119");
/// A role leads to a practitioner and an organization, and an organization to nobody.
const HOPS_MAX: usize = 3;

/// Elements that say who recorded something, and when; the first that is there counts.
const AUTHORS: [&str; 6] = ["recorder", "author", "requester", "asserter", "informationSource", "assessor"];
const AUTHORED: [&str; 8] =
    ["recordedDate", "authoredOn", "dateAsserted", "assertedDate", "recorded", "issued", "date", "created"];

impl<'a> Context<'a> {
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
        let assigned = assigned(self, record, reference)?;
        Some(Performer { templates: Vec::new(), type_code: None, time: None, assigned: without_device(assigned) })
    }

    /// Who is meant by a Reference of a record.
    pub fn party(&self, item: &Item<'_>, reference: Node<'_>) -> Option<Assigned> {
        assigned(self, item.root(), reference)
    }
}

fn author(time: Option<Ts>, assigned: Assigned) -> Author {
    let time = time.map_or(Bound::Null(Null::Unknown), Bound::Given);
    Author { templates: vec![AUTHOR_PARTICIPATION], time, assigned }
}

/// Whom a Reference of `record` names; `None` when it names nobody.
pub fn assigned(cx: &Context<'_>, record: Node<'_>, reference: Node<'_>) -> Option<Assigned> {
    hop(cx, record, reference, HOPS_MAX)
}

fn hop(cx: &Context<'_>, record: Node<'_>, reference: Node<'_>, left: usize) -> Option<Assigned> {
    // Some elements hold a list of references, or the reference in `actor` or `individual`.
    let at = reference.at("reference").text();
    let (display, left) = (reference.at("display").text(), left.checked_sub(1)?);
    let mut found = match &at {
        Some(at) => match at.strip_prefix('#') {
            Some(inside) => {
                let is_it = |r: &Node<'_>| r.at("id").text().as_deref() == Some(inside);
                record.at("contained").items().find(is_it).map(|r| resource(cx, record, r, left))
            }
            None => cx.resolve(at).map(|item| {
                let mut found = resource(cx, item.root(), item.root(), left);
                if found.ids.is_empty() {
                    found.ids.push(cx.id(&item));
                }
                found
            }),
        },
        None => None,
    }
    .unwrap_or_default();
    if found.person.is_none() && found.device.is_none() && found.organization.is_none() {
        by_words(&mut found, reference, at.as_deref(), display?);
    }
    if let Some(id) = identifier(reference.at("identifier")).filter(|_| found.ids.is_empty()) {
        found.ids.push(id);
    }
    if found.ids.is_empty() {
        let archive = || cx.request.archive.clone();
        found.ids.push(match at.filter(|at| !at.starts_with('#')) {
            Some(at) => Id::Given { root: archive(), extension: Some(at) },
            None => Id::Null { null: Null::Unknown, root: None, extension: None },
        });
    }
    Some(found)
}

/// What the words of a Reference say of somebody who is not in the archive.
fn by_words(found: &mut Assigned, reference: Node<'_>, at: Option<&str>, display: String) {
    let kind = reference.at("type").text().or_else(|| Some(at?.split_once('/')?.0.to_owned())).unwrap_or_default();
    match kind.as_str() {
        "Organization" | "CareTeam" | "HealthcareService" | "Location" => {
            found.organization = Some(Organization { name: Some(display), ..Organization::default() });
        }
        "Device" => found.device = Some(Device { model: display.clone(), software: display }),
        _ => found.person = Some(Name::Whole(display)),
    }
}

fn resource(cx: &Context<'_>, record: Node<'_>, root: Node<'_>, left: usize) -> Assigned {
    let mut found = Assigned {
        ids: ids(root),
        addresses: root.at("address").items().filter_map(address).collect(),
        telecoms: root.at("telecom").items().filter_map(telecom).collect(),
        ..Assigned::default()
    };
    match root.at("resourceType").text().as_deref() {
        Some("PractitionerRole") => {
            let practitioner = hop(cx, record, root.at("practitioner"), left).unwrap_or_default();
            let organization = hop(cx, record, root.at("organization"), left).and_then(|o| o.organization);
            found.person = practitioner.person;
            found.ids = [practitioner.ids, found.ids].concat();
            found.addresses.extend(practitioner.addresses);
            found.telecoms.extend(practitioner.telecoms);
            found.organization = organization;
            found.code = role(root);
        }
        Some("Organization" | "CareTeam" | "HealthcareService" | "Location") => {
            let organization = Organization {
                ids: std::mem::take(&mut found.ids),
                name: root.at("name").text(),
                telecoms: std::mem::take(&mut found.telecoms),
                addresses: std::mem::take(&mut found.addresses),
            };
            found.organization = organization.name.is_some().then_some(organization);
        }
        Some("Device") => {
            let words = root.at("deviceName").items().find_map(|n| n.at("name").text()).or_else(|| concept(root.at("type")));
            found.device = words.map(|words| Device {
                model: root.at("modelNumber").text().unwrap_or_else(|| words.clone()),
                software: root.at("version").items().find_map(|v| v.at("value").text()).unwrap_or(words),
            });
        }
        _ => found.person = root.at("name").items().find_map(name),
    }
    found
}

/// What a practitioner is, by the provider taxonomy where it is known.
fn role(root: Node<'_>) -> Option<Code> {
    let concepts = || root.at("specialty").items().chain(root.at("code").items());
    let of = |code: &Code| code.code.is_some();
    let by_taxonomy = concepts().map(|c| codes::code(c, &[TAXONOMY], None)).find(of);
    by_taxonomy.or_else(|| concepts().map(|c| codes::code(c, &[], None)).find(of))
}

/// Numbers of somebody, the national one first.
fn ids(root: Node<'_>) -> Vec<Id> {
    let mut ids: Vec<Id> = root.at("identifier").items().filter_map(identifier).collect();
    let is_national = |id: &Id| matches!(id, Id::Given { root, .. } if root == NPI);
    ids.sort_by_key(|id| !is_national(id));
    ids
}

/// An assigned entity is a person or an organization. A device that did something stands in the words of its role.
pub fn without_device(mut assigned: Assigned) -> Assigned {
    if let Some(device) = assigned.device.take() {
        let words = Code { null: Some(Null::Other), display: Some(device.model), ..Code::default() };
        assigned.code.get_or_insert(words);
    }
    assigned
}

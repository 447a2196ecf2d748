//! Which references of a record carry a label to it: what it is made of, why it was done, where it happened.
//!
//! A report of a labelled result is labelled, and so is a prescription for a labelled problem: both tell of it. That
//! something happened in the same encounter tells nothing, unless the encounter's department is what the label is for.
//! Not for: following the references (`ingest::labels`).

use super::plan::without_numbers;
use crate::formats::fhir::{Role, Shape};

/// The leaves of a shape that lead to other records whose labels count.
#[derive(Clone, Debug, Default)]
pub struct Links {
    /// Parts and reasons: their labels are this record's too.
    pub parts: Vec<usize>,
    /// Places: the label of their department is this record's too.
    pub places: Vec<usize>,
    /// The encounter: the label of its department is this record's too.
    pub encounters: Vec<usize>,
    /// Addresses of attachments. One that leads to a Binary gives it this record's label, and has its.
    pub attachments: Vec<usize>,
}

/// By the last members of the path.
const PARTS: [&str; 15] = [
    "result",
    "hasMember",
    "derivedFrom",
    "section.entry",
    "entry.item",
    "medicationReference",
    "reasonReference",
    "diagnosis.condition",
    "diagnosisReference",
    "procedureReference",
    "addresses",
    "problem",
    "focus",
    "detail",
    "itemReference",
];
const PLACES: [&str; 6] =
    ["location", "location.location", "serviceProvider", "custodian", "managingOrganization", "healthcareService"];
const ENCOUNTERS: [&str; 3] = ["encounter", "context", "context.encounter"];

impl Links {
    pub fn of(shape: &Shape) -> Links {
        let mut links = Links::default();
        for (leaf, (path, role)) in shape.paths().iter().zip(shape.roles()).enumerate() {
            if *role == Role::AttachmentUrl {
                links.attachments.push(leaf);
            }
            if *role != Role::Reference {
                continue;
            }
            let path = without_numbers(path);
            let Some(owner) = path.strip_suffix(".reference") else { continue };
            let ends_with = |ends: &&&str| owner.strip_suffix(**ends).is_some_and(|head| head.is_empty() || head.ends_with('.'));
            if PARTS.iter().any(|end| ends_with(&end)) {
                links.parts.push(leaf);
            } else if PLACES.contains(&owner) {
                links.places.push(leaf);
            } else if ENCOUNTERS.contains(&owner) {
                links.encounters.push(leaf);
            }
        }
        links
    }

    pub fn is_empty(&self) -> bool {
        [&self.parts, &self.places, &self.encounters, &self.attachments].iter().all(|leaves| leaves.is_empty())
    }
}

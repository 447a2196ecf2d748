//! The labels of a chart: what the rules say of each record, and what records have from each other. A report is labelled as
//! its results are, a document and its Binary as each other, a prescription as the problem it is for, and whatever
//! happened in an encounter as its department is.
//!
//! The same work labels records as they arrive and labels an accession anew when the rules have changed (`relabel`). A
//! compartment without any label costs a look at each record's own and no more.
//!
//! Not for: what the rules are (`mapping::sensitivity`), or the labels' file (`store::labels`).

use std::io::Read;

use ahash::AHashMap;

use super::error::IngestError;
use super::spread::archive_name;
use crate::formats::fhir::{Shape, Target, leaf_text, target};
use crate::mapping::sensitivity::{FILE_BYTES_MAX, Links, Plan, Rules, SourceRules, is_directory};
use crate::model::{Kind, Label, is_true_uuid};
use crate::store::StoreError;
use crate::store::layout::Layout;
use crate::store::locator::name_hash;
use crate::store::manifest::LabelRules;

/// The site's rules, in the folder of the archive.
pub const SITE_FILE: &str = "sensitivity.toml";

/// The rules in force for an archive. A site's file that cannot be read or understood stops whatever asked: records must
/// not be labelled by less than the site wants.
pub fn rules(layout: &Layout) -> Result<Rules, IngestError> {
    let path = layout.root().join(SITE_FILE);
    let refused = |what: String| IngestError::Delivery(format!("{SITE_FILE}: {what}"));
    let site = match std::fs::File::open(&path) {
        Ok(file) => {
            let mut text = String::new();
            file.take(FILE_BYTES_MAX as u64 + 1).read_to_string(&mut text).map_err(StoreError::read(&path))?;
            Some(text)
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
        Err(e) => return Err(StoreError::read(&path)(e).into()),
    };
    if site.as_ref().is_some_and(|text| text.len() > FILE_BYTES_MAX) {
        return Err(refused("larger than 8 MiB".into()));
    }
    Rules::read(site.as_deref()).map_err(|e| refused(e.to_string()))
}

/// As the manifest names them.
pub fn named(rules: &Rules) -> LabelRules {
    LabelRules { version: rules.version(), sha256: rules.sha256().into() }
}

/// What labels the records of one shape.
#[derive(Debug)]
pub struct ShapeLabels {
    pub plan: Plan,
    pub links: Links,
}

impl ShapeLabels {
    pub fn of(rules: &std::sync::Arc<SourceRules>, shape: &Shape) -> ShapeLabels {
        ShapeLabels { plan: rules.plan(shape), links: Links::of(shape) }
    }
}

/// What labelled records without a patient (medicines, places) give to those that refer to them, by the hash of a name.
pub type Beyond = AHashMap<u64, Label>;

/// The names under which references ask for a record: its type and id, and a UUID by itself, as bundles have it.
pub fn names(kind: Kind, id: &str) -> impl Iterator<Item = u64> {
    let alone = is_true_uuid(id).then(|| name_hash("", id.as_bytes()));
    std::iter::once(name_hash(kind.name(), id.as_bytes())).chain(alone)
}

/// The name that a reference asks for.
fn asked(source_system: &str, reference: &str) -> Option<u64> {
    match target(reference) {
        Target::Local(kind, id) => Some(name_hash(kind.name(), archive_name(source_system, kind, Some(id), b"").as_bytes())),
        Target::Urn(urn) => urn.strip_prefix("urn:uuid:").filter(|id| is_true_uuid(id)).map(|id| name_hash("", id.as_bytes())),
        _ => None,
    }
}

/// A record of the compartment in work, as far as labels go.
struct Held {
    ordinal: u64,
    kind: Kind,
    names: Vec<u64>,
    label: Label,
    /// What its department says.
    place: Label,
    parts: Vec<u64>,
    places: Vec<u64>,
    encounters: Vec<u64>,
    attachments: Vec<u64>,
}

/// The records of a compartment while they are labelled.
pub struct Compartment<'a> {
    source_system: &'a str,
    held: Vec<Held>,
}

/// What came of it.
#[derive(Default)]
pub struct Settled {
    /// Ordinal and label of each labelled record, by ordinal.
    pub labels: Vec<(u64, Label)>,
    /// Names of Binaries outside the compartment, and what the documents in it give to them.
    pub attached: Vec<(u64, Label)>,
}

impl<'a> Compartment<'a> {
    pub fn new(source_system: &'a str) -> Compartment<'a> {
        Compartment { source_system, held: Vec::new() }
    }

    /// Takes a record with the label that it has by itself.
    pub fn take<'x>(
        &mut self,
        (ordinal, kind, id): (u64, Kind, &str),
        label: Label,
        labels: &ShapeLabels,
        leaf: impl Fn(usize) -> &'x [u8] + Copy,
    ) {
        let asked = |leaves: &[usize]| leaves.iter().filter_map(|at| asked(self.source_system, &leaf_text(leaf(*at)))).collect();
        let links = &labels.links;
        let held = Held {
            ordinal,
            kind,
            names: names(kind, id).collect(),
            label,
            place: labels.plan.place(leaf),
            parts: asked(&links.parts),
            places: asked(&links.places),
            encounters: asked(&links.encounters),
            attachments: asked(&links.attachments),
        };
        self.held.push(held);
    }

    /// Follows the references until nothing changes.
    pub fn settle(mut self, beyond: &Beyond) -> Settled {
        self.take_places(beyond);
        let mut dependents: AHashMap<u64, Vec<usize>> = AHashMap::new();
        let mut binaries: AHashMap<u64, usize> = AHashMap::new();
        for (at, held) in self.held.iter().enumerate() {
            for name in held.parts.iter().chain(&held.attachments) {
                dependents.entry(*name).or_default().push(at);
            }
            if held.kind == Kind::BINARY {
                binaries.extend(held.names.iter().map(|name| (*name, at)));
            }
        }
        // A document gives its label to its Binary as well.
        for held in self.held.iter().filter(|held| !held.attachments.is_empty()) {
            let own = held.attachments.iter().filter_map(|name| binaries.get(name).copied());
            for name in &held.names {
                dependents.entry(*name).or_default().extend(own.clone());
            }
        }
        let mut changed: Vec<usize> = (0..self.held.len()).filter(|at| self.held[*at].label.is_restricted()).collect();
        while let Some(at) = changed.pop() {
            let (names, label) = (self.held[at].names.clone(), self.held[at].label);
            for to in names.iter().filter_map(|name| dependents.get(name)).flatten() {
                let whole = self.held[*to].label.union(label);
                if whole != self.held[*to].label {
                    self.held[*to].label = whole;
                    changed.push(*to);
                }
            }
        }
        let mut settled = Settled::default();
        for held in self.held.iter().filter(|held| held.label.is_restricted()) {
            settled.labels.push((held.ordinal, held.label));
            let outside = held.attachments.iter().filter(|name| !binaries.contains_key(name));
            settled.attached.extend(outside.map(|name| (*name, held.label)));
        }
        settled
    }

    /// What departments and records beyond the compartment say.
    fn take_places(&mut self, beyond: &Beyond) {
        let mut encounters: AHashMap<u64, Label> = AHashMap::new();
        for held in &mut self.held {
            let given = held.places.iter().filter_map(|name| beyond.get(name));
            held.place = given.fold(held.place, |all, label| all.union(*label));
            if held.kind.name() == "Encounter" && held.place.is_restricted() {
                for name in &held.names {
                    let known = encounters.entry(*name).or_default();
                    *known = known.union(held.place);
                }
            }
        }
        for held in &mut self.held {
            let own = held.encounters.iter().filter_map(|name| encounters.get(name));
            let others = held.parts.iter().chain(&held.attachments).filter_map(|name| beyond.get(name));
            // A place is no secret; that somebody was there is.
            let place = if is_directory(held.kind) { Label::NORMAL } else { held.place };
            held.label = own.chain(others).fold(held.label.union(place), |all, label| all.union(*label));
        }
    }
}

/// The labels of a part with what documents elsewhere give to its Binaries, by ordinal, each ordinal once.
pub fn with_attached(labels: &mut Vec<(u64, Label)>, binaries: &[(u64, u64)], attached: &Beyond) {
    if attached.is_empty() {
        return;
    }
    labels.extend(binaries.iter().filter_map(|(name, ordinal)| Some((*ordinal, *attached.get(name)?))));
    labels.sort_unstable_by_key(|(ordinal, _)| *ordinal);
    labels.dedup_by(|(later, label), (ordinal, kept)| {
        let is_same = later == ordinal;
        if is_same {
            *kept = kept.union(*label);
        }
        is_same
    });
}

/// Labels by name, those of one name together.
pub fn gathered(labels: impl IntoIterator<Item = (u64, Label)>) -> Beyond {
    let mut all = Beyond::new();
    for (name, label) in labels {
        let held = all.entry(name).or_default();
        *held = held.union(label);
    }
    all
}

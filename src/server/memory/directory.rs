//! Names of the people, organizations, places and medications that a page's records refer to: each is read once under the
//! page's own permit, kept for the next page, and named in the page's audit entry.
//!
//! Not for: patients' records. What names a patient is never kept here.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use crate::access::{Permit, Shown};
use crate::model::{ArchiveId, Kind, Label, Place, Record};
use crate::query::Archive;
use crate::server::viewer::{Names, name_in};

/// Names kept, over all pages; when they are more, the memory begins anew.
const KEPT_MAX: usize = 20_000;
/// Names looked up for one page; the records beyond are shown without.
const PAGE_MAX: usize = 1_000;

type Name = (Kind, ArchiveId);

/// One directory record as far as pages need it.
#[derive(Clone, Debug)]
struct Known {
    name: String,
    place: Place,
    label: Label,
    /// The person behind a role.
    practitioner: Option<Name>,
}

/// The names read so far from the catalog in force.
#[derive(Debug, Default)]
pub struct Directory {
    kept: Mutex<(u64, HashMap<Name, Known>)>,
}

/// What a page shows of the directory.
#[derive(Debug, Default)]
pub struct Looked {
    pub names: Names,
    used: Vec<(Kind, Place, Label)>,
}

impl Looked {
    /// Adds the directory records to the account of what was shown.
    pub fn add_to(&self, shown: &mut Shown) {
        for (kind, place, label) in &self.used {
            shown.places.push(place.clone());
            shown.label = shown.label.union(*label);
            if !shown.kinds.contains(kind) {
                shown.kinds.push(*kind);
            }
        }
    }
}

impl Directory {
    /// The names of everything in the directory that `records` refer to without saying its name, as far as the permit
    /// covers it. What cannot be read stays without a name: a page is not refused for it.
    pub fn look<'r>(&self, archive: &Archive, permit: &Permit, records: impl IntoIterator<Item = &'r Record>) -> Looked {
        let mut wanted = BTreeSet::new();
        for record in records {
            references(&record.json, &mut |kind, id| {
                if wanted.len() < PAGE_MAX && permit.covers_record(kind, &id, None) {
                    wanted.insert((kind.name(), id));
                }
            });
        }
        let mut looked = Looked::default();
        for (kind, id) in wanted {
            let Some(kind) = Kind::from_name(kind) else { continue };
            let Some(known) = self.known(archive, permit, &(kind, id.clone())) else { continue };
            let mut name = known.name.clone();
            if let Some(person) = &known.practitioner
                && let Some(who) = self.known(archive, permit, person)
            {
                name = if name.is_empty() { who.name.clone() } else { format!("{}, {name}", who.name) };
                looked.used.push((person.0, who.place, who.label));
            }
            if !name.is_empty() {
                looked.names.add(format!("{kind}/{id}"), name);
                looked.used.push((kind, known.place, known.label));
            }
        }
        looked
    }

    fn known(&self, archive: &Archive, permit: &Permit, name: &Name) -> Option<Known> {
        let catalog = archive.facts().catalog;
        let held = {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.0 != catalog || kept.1.len() >= KEPT_MAX {
                *kept = (catalog, HashMap::new());
            }
            kept.1.get(name).cloned()
        };
        let known = held.or_else(|| self.read(archive, permit, name));
        known.filter(|known| permit.filter().allows(known.label))
    }

    fn read(&self, archive: &Archive, permit: &Permit, name: &Name) -> Option<Known> {
        let record = archive.record(permit, name.0, &name.1).ok().filter(|record| record.patient.is_none());
        let known = record.map(known);
        // What this permit hides is not remembered as absent: the next reader may be allowed to see it.
        if let Some(known) = &known {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.1.insert(name.clone(), known.clone());
        }
        known
    }
}

fn known(record: Record) -> Known {
    let is_role = record.kind.name() == "PractitionerRole";
    let mut practitioner = None;
    if is_role {
        references(&record.json, &mut |kind, id| {
            if kind.name() == "Practitioner" {
                practitioner = Some((kind, id));
            }
        });
    }
    Known { name: name_in(&record.json).unwrap_or_default(), place: record.place, label: record.label, practitioner }
}

/// Calls `found` for each literal reference in `json` that no display follows. A scan instead of a parse: it runs over
/// every record of a page, and a reference missed or found too many costs a name or a look-up, nothing else.
fn references(json: &str, found: &mut dyn FnMut(Kind, ArchiveId)) {
    for part in json.split("\"reference\"").skip(1) {
        let Some(value) = part.trim_start().strip_prefix(':').and_then(|v| v.trim_start().strip_prefix('"')) else { continue };
        let Some((target, rest)) = value.split_once('"') else { continue };
        let next = rest.trim_start().strip_prefix(',').map_or("", str::trim_start);
        if next.starts_with("\"display\"") {
            continue;
        }
        let mut steps = target.split('/');
        if let (Some(kind), Some(id)) = (steps.next().and_then(Kind::from_name), steps.next().and_then(ArchiveId::parse)) {
            found(kind, id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::references;

    #[test]
    fn only_nameless_literal_references_are_looked_up() {
        let json = r#"{"a":{"reference":"Practitioner/mer.1","display":"Ann"},"b":{"reference": "Organization/mer.2"},
            "c":{"reference":"urn:uuid:1"},"d":{"reference":"Location/mer.3/_history/2"},"e":"reference"}"#;
        let mut found = Vec::new();
        references(json, &mut |kind, id| found.push(format!("{kind}/{id}")));
        assert_eq!(found, ["Organization/mer.2", "Location/mer.3"]);
    }
}

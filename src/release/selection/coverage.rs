//! What was searched, what could not be, and what the preparer of a release may know only as a number.
//!
//! Not for: choosing (`choose`).

use super::{Coverage, Exclusion, Searched};
use crate::model::Class;
use crate::query::Inventory;

/// What the permit hides and what was moved away: counts.
pub fn hidden(inventory: &Inventory<'_>) -> Vec<Exclusion> {
    let hidden = inventory.hidden.iter().map(|it| {
        let classes: Vec<&str> = it.classes.classes().map(Class::name).collect();
        let detail =
            if classes.is_empty() { "source, kind or patient hidden by the policy".to_owned() } else { classes.join(", ") };
        let (kind, why) = (it.kind.name().to_owned(), "not-permitted".to_owned());
        Exclusion { kind, why, detail, count: it.count, ..Exclusion::default() }
    });
    let moved = inventory.moved_away.iter().map(|(kind, count)| {
        let detail = "filed under this patient by the source, and moved to another by a statement".to_owned();
        let (kind, why) = (kind.name().to_owned(), "reassigned".to_owned());
        Exclusion { kind, why, detail, count: *count, ..Exclusion::default() }
    });
    hidden.chain(moved).collect()
}

/// What was searched. `not_searchable`: files without words, when words are asked for.
pub fn coverage(inventory: &Inventory<'_>, not_searchable: u64) -> Coverage {
    let searched = inventory.holdings.iter().map(|it| Searched {
        accession: it.accession.clone(),
        system: it.source_system.clone(),
        first: it.first.clone(),
        last: it.last.clone(),
        records: it.records,
        quarantined: it.quarantined,
    });
    let mut lines = Vec::new();
    for it in inventory.holdings.iter().filter(|it| it.quarantined > 0) {
        let items = if it.quarantined == 1 { "1 item" } else { &format!("{} items", it.quarantined) };
        lines.push(format!(
            "Delivery {} of {}: {items} could not be read; whose they are is not known.",
            it.accession, it.source_system
        ));
    }
    lines.extend(inventory.set_aside.iter().cloned());
    let mut systems: Vec<&str> = inventory.holdings.iter().map(|it| it.source_system.as_str()).collect();
    systems.sort_unstable();
    systems.dedup();
    systems.retain(|system| inventory.holdings.iter().all(|it| it.source_system != *system || it.records == 0));
    lines.extend(systems.iter().map(|system| format!("{system} was searched and holds nothing of this patient.")));
    if not_searchable > 0 {
        lines.push(format!(
            "{not_searchable} documents are pictures without a text layer and could not be searched for the words asked for."
        ));
    }
    Coverage { searched: searched.collect(), not_loaded: lines }
}

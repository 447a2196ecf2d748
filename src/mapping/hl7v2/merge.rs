//! Who is who: merges, moves and links of patients (MRG, and pairs of PID).
//!
//! The PID of such a message names the patient that remains; it is no new version of him.
//!
//! Not for: carrying merges out, or chains of them (`ingest`).

use super::group::Group;
use crate::formats::hl7v2::{Segment, Value};
use crate::limits::HL7V2_IDENTIFIERS_MAX;
use crate::mapping::{IdentityEvent, Mapped};

/// What an event of ADT does to identities.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    /// MRG-1 goes up in PID-3.
    Merge,
    /// Two PID are one person, or are not.
    Link,
    Unlink,
    /// A visit, an account or a number goes from the patient of MRG to that of PID: two charts change, and which records
    /// move cannot be told from the message alone.
    Move,
    /// Accounts or visits of one patient.
    Within,
}

fn act(event: &str) -> Option<Act> {
    Some(match event {
        "A18" | "A30" | "A34" | "A36" | "A39" | "A40" | "A46" | "A47" => Act::Merge,
        "A24" => Act::Link,
        "A37" => Act::Unlink,
        "A43" | "A44" | "A45" => Act::Move,
        "A35" | "A41" | "A42" | "A48" | "A49" | "A50" | "A51" => Act::Within,
        _ => return None,
    })
}

/// Maps a message about identities; false when it is none.
pub(super) fn map(groups: &[Group<'_>], out: &mut Mapped) -> bool {
    let Some(first) = groups.first().filter(|g| g.code == "ADT") else { return false };
    let Some(act) = act(&first.event) else { return false };
    match act {
        Act::Link | Act::Unlink => link(groups, act, out),
        _ => groups.iter().for_each(|group| one(group, act, out)),
    }
    true
}

fn one(group: &Group<'_>, act: Act, out: &mut Mapped) {
    let mut merges = group.all_of("MRG").peekable();
    let (Some(pid), Some(first)) = (group.first("PID"), merges.peek().copied()) else {
        let place = if group.first("PID").is_some() { "no MRG" } else { "no PID" };
        return unclear(out, "merge-ambiguous", place);
    };
    match act {
        Act::Move => {
            group.note(out, "moved", first, "moves a number, an account or a visit to another patient");
            unclear(out, "moved", "a number, an account or a visit of MRG goes to the patient of PID");
        }
        Act::Within => group.note(out, "account-or-visit-merge", first, "changes accounts or visits of one patient"),
        _ => merges.for_each(|mrg| merge(group, pid, mrg, out)),
    }
}

/// Each number of MRG-1 is held against those of PID-3 by type and authority; the patient of PID remains.
fn merge<'m>(group: &Group<'m>, pid: Segment<'m>, mrg: Segment<'m>, out: &mut Mapped) {
    let stated = |field: Value<'m>| field.repetitions().take(HL7V2_IDENTIFIERS_MAX).filter(|cx| !cx.text().is_empty());
    let prior = |n: usize| stated(mrg.field(n)).collect::<Vec<_>>();
    // MRG-4 held the number in versions before 2.3.1, and for A30.
    let priors = [1, 4].into_iter().map(prior).find(|list| !list.is_empty()).unwrap_or_default();
    let all = || [3, 2, 4].into_iter().flat_map(|n| stated(pid.field(n)));
    let mut done = Vec::new();
    for old in &priors {
        let from = group.id_of_cx(*old);
        if from == group.patient {
            group.note(out, "merge-noop", mrg, "merges a patient with himself");
        } else if !group.patient.is_empty() && all().any(|new| is_alike(*old, new)) && !done.contains(&from) {
            out.identity.push(IdentityEvent::Merge { from: from.clone(), into: group.patient.clone(), at: at(group) });
            done.push(from);
        } else if !done.contains(&from) {
            group.note(out, "merge-ambiguous", mrg, "MRG-1 names no number of the type and authority of one in PID-3");
            unclear(out, "merge-ambiguous", "MRG-1 and PID-3");
        }
    }
    if priors.is_empty() {
        group.note(out, "merge-ambiguous", mrg, "holds no number of a patient");
        unclear(out, "merge-ambiguous", "MRG-1");
    }
    if !mrg.field(3).is_empty() || !mrg.field(5).is_empty() {
        group.note(out, "account-or-visit-merge", mrg, "changes accounts or visits as well");
    }
}

/// What one of them leaves out is no difference.
fn is_alike(old: Value<'_>, new: Value<'_>) -> bool {
    let alike = |a: &str, b: &str| a.is_empty() || b.is_empty() || a.eq_ignore_ascii_case(b);
    let authority = |cx: Value<'_>| [1, 2].map(|n| cx.component(4).sub(n).text().into_owned());
    let ([a, a_oid], [b, b_oid]) = (authority(old), authority(new));
    alike(&old.component(5).text(), &new.component(5).text()) && alike(&a, &b) && alike(&a_oid, &b_oid)
}

fn link(groups: &[Group<'_>], act: Act, out: &mut Mapped) {
    let mut named: Vec<&Group<'_>> = groups.iter().filter(|g| !g.patient.is_empty()).collect();
    named.dedup_by(|a, b| a.patient == b.patient);
    let (Some(first), true) = (named.first(), named.len() > 1) else {
        return unclear(out, "link-ambiguous", "PID: fewer than two patients");
    };
    for other in &named[1..] {
        let (a, b, at) = (first.patient.clone(), other.patient.clone(), at(first));
        if act == Act::Link {
            out.identity.push(IdentityEvent::Link { a, b, at });
            continue;
        }
        // No event undoes a merge by its name: senders part the patients with A37, whatever had made them one.
        out.identity.push(IdentityEvent::Unlink { a: a.clone(), b: b.clone(), at: at.clone() });
        out.identity.push(IdentityEvent::Unmerge { from: b.clone(), into: a.clone(), at: at.clone() });
        out.identity.push(IdentityEvent::Unmerge { from: a, into: b, at });
    }
}

fn at(group: &Group<'_>) -> Option<String> {
    (!group.made.is_empty()).then(|| group.made.clone())
}

fn unclear(out: &mut Mapped, code: &str, place: &str) {
    out.identity.push(IdentityEvent::Unclear(format!("{code}: {place}")));
}

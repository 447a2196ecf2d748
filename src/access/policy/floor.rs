//! What no policy file can loosen: a site may make its policy tighter than these bounds, never wider.
//!
//! Not for: the form of a file (`file`), or what a question's credential rules out (`decide`).

use super::Right;
use super::rule::{Effect, Rule};
use crate::access::{Channel, Purpose, Role};
use crate::model::{Class, Label};

/// Roles that never see words of patients' records; the archivist but for who the patients are, where nothing is labelled.
const WITHOUT_RECORDS: [Role; 4] = [Role::Compliance, Role::Archivist, Role::Admin, Role::Reviewer];
/// Roles that never see whom the log is about.
const WITHOUT_LOG: [Role; 2] = [Role::Archivist, Role::Admin];
/// What is only done on the archive's own machine.
const AT_THE_MACHINE: [Right; 2] = [Right::Everything, Right::Quarantine];
/// What no break-glass opens: the notes of a psychotherapist, and what nobody knows the meaning of.
const UNBREAKABLE: [Class; 2] = [Class::PsychotherapyNotes, Class::Unknown];

/// Breaches of the bounds, each with the offset of its rule.
pub(super) fn breaches(rules: &[(Rule, usize)]) -> Vec<(usize, String)> {
    let breaches_of = |(rule, at): &(Rule, usize)| {
        let words = breaches_of(rule).into_iter();
        words.map(|words| (*at, format!("rule {}: {words}", rule.id))).collect::<Vec<_>>()
    };
    rules.iter().flat_map(breaches_of).collect()
}

fn shows_what_it_must_not(role: Role, right: Right) -> bool {
    let is_identity = role == Role::Archivist && right == Right::IdentityReview;
    WITHOUT_RECORDS.contains(&role) && right.shows_records() && !is_identity
}

fn breaches_of(rule: &Rule) -> Vec<&'static str> {
    let Effect::Permit { sees, breaks, system_scope } = &rule.effect else { return Vec::new() };
    let (roles, rights) = (rule.roles.as_deref().unwrap_or_default(), rule.rights.as_deref().unwrap_or_default());
    let purposes = rule.purposes.as_deref().unwrap_or_default();
    let speaks_of = |list: &[Role]| roles.iter().any(|role| list.contains(role));
    let gives = |wanted: fn(Right) -> bool| rights.iter().any(|right| wanted(*right));
    let is_him_alone = roles.iter().all(|role| *role == Role::Him);
    let is_at_the_machine = rule.channels.as_deref() == Some(&[Channel::CommandLine]);
    let is_of_some_place = rule.facts.facilities.is_some() || rule.facts.departments.is_some();
    let unbreakable: Label = UNBREAKABLE.into_iter().collect();
    let breaks_freely = breaks.iter().any(|breaks| breaks.classes.holds(Class::SubstanceUse) && breaks.reasons.is_none());
    let checks = [
        (
            roles.iter().any(|role| rights.iter().any(|right| shows_what_it_must_not(*role, *right))),
            "compliance, archivist, admin and reviewer never see patients' records",
        ),
        (
            speaks_of(&[Role::Archivist]) && gives(|right| right == Right::IdentityReview) && sees.is_restricted(),
            "the archivist reviews the identity of patients whose records carry no label",
        ),
        (speaks_of(&WITHOUT_LOG) && rights.contains(&Right::AuditLog), "archivist and admin never read the access log"),
        (
            gives(|right| AT_THE_MACHINE.contains(&right)) && !is_at_the_machine,
            "export-everything and quarantine need channels = [\"command-line\"]",
        ),
        (
            rights.contains(&Right::Bulk) && roles != [Role::Service],
            "bulk-export is for programs of their own: role service alone",
        ),
        (rights.contains(&Right::Ehi) && !is_him_alone, "export-person is for him alone"),
        (rights.contains(&Right::Releases) && !is_him_alone, "releases are worked on by him alone"),
        (sees.holds(Class::Unknown) && !is_him_alone, "him alone sees the class unknown"),
        (
            sees.holds(Class::PsychotherapyNotes) && !is_him_alone && rights != [Right::OwnNotes],
            "psychotherapy-notes are seen by him alone, or with the one right own-notes by their originator",
        ),
        (
            sees.holds(Class::SubstanceUse) && !is_him_alone && !is_of_some_place,
            "substance-use is seen by him, or by named facilities or departments (42 CFR Part 2)",
        ),
        (
            breaks.iter().any(|breaks| breaks.classes.intersects(unbreakable)),
            "no break-glass opens psychotherapy-notes or unknown",
        ),
        (breaks_freely, "a break-glass opens substance-use for named reasons alone (42 CFR 2.51)"),
        (
            !breaks.is_empty() && !gives(Right::is_of_one_person),
            "a break-glass is about one person: it needs the right chart or record",
        ),
        (
            rule.facts.relation && rights.iter().any(|right| !right.is_of_one_person()),
            "a relation is to one person: with it go the rights chart and record alone",
        ),
        (purposes.contains(&Purpose::BreakGlass), "BTG is no purpose that a rule permits; it comes with a break-glass"),
        (
            speaks_of(&[Role::Service]) && gives(Right::shows_records) && !system_scope,
            "a service reads records by scopes = \"system\" alone",
        ),
    ];
    checks.into_iter().filter(|(is_breach, _)| *is_breach).map(|(_, words)| words).collect()
}

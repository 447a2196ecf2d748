//! What every policy keeps to, whatever its rules say: random policies, random questions. Not for: the built-in policy.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::super::rule::{Breaks, Facts};
use super::super::*;
use crate::access::{BreakGlassGrant, Channel, Principal, Purpose, Role, Scope};
use crate::model::{ArchiveId, Kind, Label, PatientKey};

const NOW: i64 = 1_000;
const PLACES: [&str; 3] = ["west", "east", "psychiatry"];
const KEYS: [&str; 3] = ["mer.1", "mer.2", "pvs.1"];
const REASONS: [&str; 2] = ["medical-emergency", "own-patient"];

fn label() -> impl Strategy<Value = Label> {
    subsequence(Class::ALL.to_vec(), 0..=Class::ALL.len()).prop_map(|classes| classes.into_iter().collect())
}

fn key() -> impl Strategy<Value = PatientKey> {
    select(KEYS.to_vec()).prop_map(|key| PatientKey::parse(key).unwrap())
}

fn some<T: Clone + std::fmt::Debug + 'static>(all: &[T]) -> impl Strategy<Value = Option<Vec<T>>> + use<T> {
    option::weighted(0.7, subsequence(all.to_vec(), 1..=all.len()))
}

fn places() -> impl Strategy<Value = Option<Vec<String>>> {
    option::weighted(0.15, subsequence(PLACES.map(String::from).to_vec(), 1..3))
}

fn breaks() -> impl Strategy<Value = Breaks> {
    (label(), some(&REASONS.map(String::from))).prop_map(|(classes, reasons)| Breaks { classes, reasons })
}

fn effect() -> impl Strategy<Value = Effect> {
    let kinds = subsequence(["Observation", "Claim"].to_vec(), 0..=2)
        .prop_map(|names| names.into_iter().filter_map(Kind::from_name).collect());
    let sources = subsequence(["mer", "pvs"].to_vec(), 0..=2).prop_map(|names| names.into_iter().map(String::from).collect());
    prop_oneof![
        24 => (label(), vec(breaks(), 0..3), any::<bool>())
            .prop_map(|(sees, breaks, system_scope)| Effect::Permit { sees, breaks, system_scope }),
        1 => Just(Effect::Deny), // rare, since it outweighs all
        5 => (label(), sources, kinds).prop_map(|(classes, sources, kinds)| Effect::Hide { classes, sources, kinds }),
    ]
}

fn rule() -> impl Strategy<Value = Rule> {
    let lists = (some(&Role::ALL), some(&Right::ALL), some(&Purpose::ALL), some(&Channel::ALL));
    (effect(), lists, places(), places(), prop::bool::weighted(0.25)).prop_map(
        |(effect, lists, facilities, departments, relation)| {
            let (roles, rights, purposes, channels) = lists;
            let facts = Facts { facilities, departments, relation };
            let rule = Rule { id: "r".into(), note: String::new(), effect, roles, rights, purposes, channels, facts };
            inside(rule)
        },
    )
}

/// Most random permits would breach what no file can loosen: they are brought inside of it, and often near the questions.
fn inside(mut rule: Rule) -> Rule {
    let Effect::Permit { sees, breaks, system_scope } = &mut rule.effect else { return rule };
    let role = rule.roles.as_ref().and_then(|roles| roles.first()).copied().unwrap_or(Role::Clinician);
    let never: Label = [Class::PsychotherapyNotes, Class::Unknown].into_iter().collect();
    if role != Role::Him {
        let of_a_place = rule.facts.facilities.is_some() || rule.facts.departments.is_some();
        *sees = sees.without(never).without(if of_a_place { Label::NORMAL } else { Label::of(Class::SubstanceUse) });
    }
    for one in breaks {
        one.classes = one.classes.without(never);
        one.reasons.get_or_insert_with(|| vec![REASONS[0].into()]);
    }
    *system_scope = *system_scope && role == Role::Service;
    let mut rights = rule.rights.take().unwrap_or_else(|| Right::ALL.to_vec());
    rights.extend([Right::Chart, Right::Record]);
    rights.retain(|right| {
        let at_the_machine = rule.channels.as_deref() == Some(&[Channel::CommandLine]);
        (at_the_machine || ![Right::Everything, Right::Quarantine].contains(right))
            && (role == Role::Him || ![Right::Releases, Right::Ehi].contains(right))
            && (role == Role::Service || *right != Right::Bulk)
            && (!rule.facts.relation || right.is_of_one_person())
    });
    let mut purposes = rule.purposes.take().unwrap_or_default();
    purposes.push(Purpose::Treat);
    purposes.retain(|purpose| *purpose != Purpose::BreakGlass);
    Rule { roles: Some(vec![role]), rights: Some(rights), purposes: Some(purposes), ..rule }
}

/// A policy of those rules that a file could hold.
fn policy() -> impl Strategy<Value = Policy> {
    vec(rule(), 1..10).prop_map(|rules| {
        let rules = rules.into_iter().filter(|rule| floor::breaches(&[(rule.clone(), 0)]).is_empty());
        let numbered = rules.enumerate().map(|(number, rule)| Rule { id: format!("r{number}").into(), ..rule });
        Policy::of("random".into(), "1".into(), numbered.collect(), "")
    })
}

fn grant() -> impl Strategy<Value = BreakGlassGrant> {
    (subsequence(KEYS.to_vec(), 1..=3), label(), select(REASONS.to_vec()), NOW - 1..NOW + 4).prop_map(
        |(keys, classes, reason, expires)| {
            let patients = keys.into_iter().filter_map(PatientKey::parse).collect();
            BreakGlassGrant { id: format!("{reason}{expires}"), patients, classes, reason_code: reason.into(), expires }
        },
    )
}

fn smart() -> impl Strategy<Value = Option<String>> {
    let words = ["user/*.rs", "system/*.rs", "patient/*.rs", "system/Observation.rs?category=laboratory", "openid"];
    option::weighted(0.15, subsequence(words.to_vec(), 0..=words.len())).prop_map(|words| Some(words?.join(" ")))
}

fn principal() -> impl Strategy<Value = Principal> {
    let place = || option::of(select(PLACES.to_vec()).prop_map(String::from));
    // Half of them are such as the rules mostly speak of.
    let role = prop_oneof![Just(Role::Clinician), Just(Role::Him), select(Role::ALL.to_vec())];
    let purpose = prop_oneof![Just(Purpose::Treat), select(Purpose::ALL.to_vec())];
    let who = (role, purpose, select(Channel::ALL.to_vec()));
    (who, place(), place(), smart(), option::weighted(0.2, key()), vec(grant(), 0..3)).prop_map(
        |((role, purpose, channel), facility, department, scopes, bound_to, grants)| {
            let mut principal = match channel {
                Channel::CommandLine => Principal::operator("op", role, purpose),
                Channel::Network => Principal::local("ann", "Ann", role, purpose, "00"),
            };
            (principal.attributes.facility, principal.attributes.department) = (facility, department);
            principal.scopes = scopes.map(|scopes| terms::smart::scopes(&scopes, role));
            (principal.bound_to, principal.grants) = (bound_to, grants);
            principal
        },
    )
}

/// A question with everything that it speaks of.
#[derive(Clone, Debug)]
struct Asking {
    principal: Principal,
    scope: Scope,
    patients: Vec<PatientKey>,
    related: Vec<PatientKey>,
    applies_scopes: bool,
}

fn asking() -> impl Strategy<Value = Asking> {
    let scope = prop_oneof![
        8 => key().prop_map(Scope::Chart),
        4 => select(vec!["Observation", "Claim", "Practitioner"])
            .prop_map(|kind| Scope::Record(Kind::from_name(kind).unwrap(), ArchiveId::parse("mer.o1").unwrap())),
        4 => select(vec![Scope::FindPatients, Scope::SearchAll, Scope::Everything, Scope::AuditLog(None), Scope::Accessions,
            Scope::IdentityReview, Scope::Quarantine, Scope::BreakGlassReviews, Scope::Accounts, Scope::Policy,
            Scope::Bulk, Scope::Releases, Scope::QuarantineMasked, Scope::System, Scope::Ehi(vec![PatientKey::parse("mer.1").unwrap()])]),
    ];
    (principal(), scope, vec(key(), 0..3), vec(key(), 0..3), any::<bool>()).prop_map(
        |(principal, scope, of_record, related, applies_scopes)| {
            let patients = if matches!(scope, Scope::Record(..)) { of_record } else { scope.patients().to_vec() };
            Asking { principal, scope, patients, related, applies_scopes }
        },
    )
}

impl Asking {
    fn decide(&self, policy: &Policy) -> Decision {
        let Asking { principal, scope, patients, related, applies_scopes } = self;
        let bound = principal.bound_to.as_slice();
        decide(policy, &Question { principal, scope, patients, bound, related, applies_scopes: *applies_scopes, now: NOW })
    }

    /// The same question with one fact less, in every way.
    fn with_less(&self) -> Vec<Asking> {
        let mut less = Vec::new();
        let mut put = |change: &dyn Fn(&mut Asking)| {
            let mut other = self.clone();
            change(&mut other);
            less.push(other);
        };
        put(&|it| it.principal.attributes.facility = None);
        put(&|it| it.principal.attributes.department = None);
        put(&|it| it.applies_scopes = false);
        put(&|it| it.related.clear());
        for at in 0..self.related.len() {
            put(&move |it| drop(it.related.remove(at)));
        }
        for at in 0..self.principal.grants.len() {
            put(&move |it| drop(it.principal.grants.remove(at)));
            put(&move |it| it.principal.grants[at].expires = NOW);
            put(&move |it| it.principal.grants[at].classes = Label::NORMAL);
        }
        let words: Vec<String> = self.principal.scopes.iter().flat_map(|it| it.text.split(' ').map(String::from)).collect();
        // A `patient/` scope binds the token; without it there is more of other patients, which the door sees to.
        for at in (0..words.len()).filter(|at| !words[*at].starts_with("patient/")) {
            let mut words = words.clone();
            words.remove(at);
            put(&move |it| it.principal.scopes = Some(terms::smart::scopes(&words.join(" "), it.principal.role)));
        }
        less
    }
}

/// Whether `small` opens nothing that `large` does not.
fn is_within(small: &Decision, large: &Decision) -> bool {
    match (small, large) {
        (Decision::Deny(_), _) => true,
        (Decision::Allow(_), Decision::Deny(_)) => false,
        (Decision::Allow(small), Decision::Allow(large)) => {
            let (small, large) = (&small.filter, &large.filter);
            !large.hide.without(small.hide).is_restricted()
                && large.hide_sources.is_subset(&small.hide_sources)
                && large.hide_kinds.is_subset(&small.hide_kinds)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Without an attribute, a relation, a grant, a class of it, a word of the scopes: never more.
    #[test]
    fn who_has_less_to_show_never_sees_more(policy in policy(), asking in asking()) {
        let decision = asking.decide(&policy);
        for less in asking.with_less() {
            prop_assert!(is_within(&less.decide(&policy), &decision), "{less:?}");
        }
    }

    /// One more denial or hiding rule, or one permit less: never more. The order of the rules changes nothing but the name of
    /// the one that won.
    #[test]
    fn a_tighter_policy_never_shows_more(policy in policy(), more in rule(), asking in asking(), at in any::<prop::sample::Index>()) {
        let decision = asking.decide(&policy);
        let with = |rules: Vec<Rule>| asking.decide(&Policy::of("other".into(), "2".into(), rules, ""));
        if !matches!(more.effect, Effect::Permit { .. }) {
            let mut rules = policy.rules.clone();
            rules.insert(at.index(rules.len() + 1), more);
            prop_assert!(is_within(&with(rules), &decision));
        }
        for at in (0..policy.rules.len()).filter(|at| matches!(policy.rules[*at].effect, Effect::Permit { .. })) {
            let mut rules = policy.rules.clone();
            rules.remove(at);
            prop_assert!(is_within(&with(rules), &decision));
        }
        let turned = with(policy.rules.iter().rev().cloned().collect());
        prop_assert!(is_within(&turned, &decision) && is_within(&decision, &turned));
    }

    /// A label more on a record never brings it to light; what nobody knows the meaning of is for him alone, and no
    /// break-glass opens that or a psychotherapist's notes.
    #[test]
    fn a_label_more_never_shows_more(policy in policy(), asking in asking(), label in label(), other in label(), later in 14u32..32) {
        let Decision::Allow(allowed) = asking.decide(&policy) else { return Ok(()) };
        let filter = &allowed.filter;
        prop_assert!(filter.allows(label) || !filter.allows(label.union(other)));
        let unknown = [Label::of(Class::Unknown), Label::from_bits(1 << later)];
        let is_him = asking.principal.role == Role::Him;
        prop_assert!(is_him || unknown.iter().all(|label| !filter.allows(*label)));
        prop_assert_eq!(filter.allows(unknown[0]), filter.allows(unknown[1]));
        prop_assert!(is_him || !filter.allows(Label::of(Class::PsychotherapyNotes)));
        for class in [Class::Unknown, Class::PsychotherapyNotes] {
            prop_assert!(!allowed.opened.holds(class) && !allowed.withheld.holds(class));
        }
        prop_assert!(!allowed.opened.intersects(filter.hide), "what is opened shows");
        prop_assert!(!allowed.withheld.without(filter.hide).is_restricted(), "what is withheld is hidden");
    }

    /// A grant counts in its time, for its patients, inside charts; what it could do more is what the offer says.
    #[test]
    fn a_break_glass_opens_what_was_offered_and_nothing_else(policy in policy(), asking in asking(), reason in select(REASONS.to_vec())) {
        let mut without = asking.clone();
        without.principal.grants.clear();
        let counts = |grant: &&BreakGlassGrant| {
            let of_all = !asking.patients.is_empty() && asking.patients.iter().all(|patient| grant.patients.contains(patient));
            grant.expires > NOW && of_all && Right::of(&asking.scope).is_of_one_person()
        };
        if !asking.principal.grants.iter().any(|grant| counts(&grant)) {
            prop_assert_eq!(asking.decide(&policy), without.decide(&policy));
        }
        let Asking { principal, scope, patients, related, applies_scopes } = &without;
        let bound = principal.bound_to.as_slice();
        let question = Question { principal, scope, patients, bound, related, applies_scopes: *applies_scopes, now: NOW };
        let offer = break_glass_offer(&policy, &question);
        let mut broken = without.clone();
        broken.principal.grants = vec![BreakGlassGrant {
            id: "g".into(), patients: patients.clone(), classes: Label::EVERY, reason_code: reason.into(), expires: NOW + 1,
        }];
        match (without.decide(&policy), broken.decide(&policy)) {
            (Decision::Allow(before), Decision::Allow(after)) => {
                let opened = before.filter.hide.without(after.filter.hide);
                prop_assert!(!opened.without(offer.unwrap_or_default()).is_restricted());
            }
            (Decision::Deny(_), Decision::Allow(after)) => {
                prop_assert!(offer.is_some_and(|offer| !after.opened.without(offer).is_restricted()));
            }
            (_, Decision::Deny(_)) => {}
        }
    }

    /// Whoever is bound to a patient reads nothing of another, and nothing that is about many.
    #[test]
    fn a_bound_principal_stays_with_his_patient(policy in policy(), mut asking in asking(), own in key()) {
        asking.principal.bound_to = Some(own.clone());
        let Decision::Allow(allowed) = asking.decide(&policy) else { return Ok(()) };
        match &asking.scope {
            Scope::Chart(patient) => prop_assert_eq!(patient, &own),
            Scope::Record(..) => {
                let limit = allowed.limit.unwrap();
                prop_assert!(limit.iter().all(|patient| *patient == own));
            }
            other => prop_assert!(false, "{other:?}"),
        }
    }

    /// Where no route applies them, scopes that leave anything out open nothing.
    #[test]
    fn narrow_scopes_stay_with_fhir(policy in policy(), mut asking in asking(), scope in select(vec!["user/Observation.rs", "system/*.r?category=x", ""])) {
        asking.principal.scopes = Some(terms::smart::scopes(scope, asking.principal.role));
        asking.applies_scopes = false;
        prop_assert!(matches!(asking.decide(&policy), Decision::Deny(_)));
    }
}

/// The generators above reach what they are for.
#[test]
fn random_policies_permit_open_and_refuse() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut allowed, mut opened, mut withheld, mut limited, mut denied) = (0, 0, 0, 0, 0);
    for _ in 0..2_500 {
        let (policy, asking) = (policy(), asking()).new_tree(&mut runner).unwrap().current();
        match asking.decide(&policy) {
            Decision::Allow(it) => {
                allowed += 1;
                opened += usize::from(it.opened.is_restricted());
                withheld += usize::from(it.withheld.is_restricted());
                limited += usize::from(it.limit.is_some());
            }
            Decision::Deny(_) => denied += 1,
        }
    }
    let seen = format!("{allowed} allowed, {opened} opened, {withheld} withheld, {limited} limited, {denied} denied");
    assert!(allowed > 100 && opened > 10 && withheld > 20 && limited > 20 && denied > 100, "{seen}");
}

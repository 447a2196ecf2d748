//! The grammar of scopes row by row, and what sets of them allow. Not for: the routes that ask (`tests/gate/tokens`).

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn kind(name: &str) -> Kind {
    Kind::from_name(name).unwrap()
}

fn of_person(text: &str) -> Scopes {
    Scopes::parse(text).held_by(Holder::Person)
}

/// What one scope lets be done with an Observation, as letters.
fn letters(scope: &str) -> String {
    let holder = if scope.starts_with("system/") { Holder::Client } else { Holder::Person };
    let scopes = Scopes::parse(scope).held_by(holder);
    let acts = [(Act::Read, 'r'), (Act::Search, 's')];
    acts.iter().filter(|(act, _)| scopes.permits(kind("Observation"), *act)).map(|(_, letter)| *letter).collect()
}

#[test]
fn the_grammar_is_read_strictly() {
    for (scope, expected) in [
        ("patient/Observation.rs", "rs"),
        ("user/Observation.r", "r"),
        ("system/Observation.s", "s"),
        ("user/*.cruds", "rs"),
        ("user/Observation.cud", ""),
        ("user/Observation.read", "rs"),
        ("user/Observation.write", ""),
        ("user/Observation.*", "rs"),
        ("patient/*.*", "rs"),
        ("user/*.read", "rs"),
        ("user/Patient.rs", ""),
        ("user/Observation.sr", ""),
        ("user/Observation.rr", ""),
        ("user/Observation.dus", ""),
        ("user/Observation.rsx", ""),
        ("user/Observation.", ""),
        ("user/Observation", ""),
        ("user/observation.rs", ""),
        ("user/Nonsense.rs", ""),
        ("User/Observation.rs", ""),
        ("group/Observation.rs", ""),
        ("user/Observation.RS", ""),
        ("user/Observation.rs?category=laboratory", "rs"),
        ("user/Observation.rs?category=http://x|laboratory&status=final", "rs"),
        ("user/Observation.rs?code=718-7", ""),
        ("user/Observation.rs?category:in=x", ""),
        ("user/Observation.rs?category=a,b", ""),
        ("user/Observation.rs?category=", ""),
        ("user/Observation.rs?category=http://x|", ""),
        ("user/Observation.rs?category=a|b|c", ""),
        ("user/Observation.rs?category=a&code=b", ""),
        ("user/Observation.rs?", ""),
        ("user/Observation.read?category=a", "rs"),
        ("openid fhirUser launch/patient offline_access", ""),
        ("user/Nonsense.rs user/Observation.sr user/Observation.r", "r"),
    ] {
        assert_eq!(letters(scope), expected, "{scope}");
    }
}

#[test]
fn scopes_of_programs_and_of_people_do_not_stand_in_for_each_other() {
    for (text, holder) in [("system/*.rs", Holder::Person), ("user/*.rs patient/*.rs", Holder::Client)] {
        assert!(!Scopes::parse(text).held_by(holder).grants_any(), "{text}");
    }
    assert!(of_person("chartkeep openid").is_whole());
    assert!(!of_person("chartkeep user/Patient.r").is_whole(), "beside SMART scopes it widens nothing");
    assert!(!of_person("chartkeep user/Patient.zz").is_whole());
    assert!(!of_person("chartkeeper").grants_any() && !of_person("").grants_any());
    let bound = of_person("user/Observation.rs patient/Patient.rs");
    assert!(bound.binds_to_patient());
    let loose = bound.without_patient();
    assert!(!loose.permits(Kind::PATIENT, Act::Read) && loose.permits(kind("Observation"), Act::Read));
}

#[test]
fn a_narrowed_scope_shows_what_has_the_code_and_nothing_else() {
    const SYSTEM: &str = "http://terminology.hl7.org/CodeSystem/observation-category";
    let lab = json!({"category": [{"coding": [{"system": SYSTEM, "code": "laboratory"}]}], "status": "final"});
    let vital = json!({"category": [{"coding": [{"system": SYSTEM, "code": "vital-signs"}]}], "status": "final"});
    let foreign = json!({"category": [{"coding": [{"system": "http://other", "code": "laboratory"}]}]});
    let bare = json!({"category": [{"coding": [{"code": "laboratory"}], "text": "laboratory"}]});
    let none = json!({"status": "laboratory"});
    let shows = |scope: &str, resource: &Value| of_person(scope).shows(kind("Observation"), Act::Read, || resource.clone());
    let exact = format!("patient/Observation.rs?category={SYSTEM}|laboratory");
    for (scope, expected) in [
        (exact.as_str(), [true, false, false, false, false]),
        ("user/Observation.rs?category=laboratory", [true, false, true, true, false]),
        ("user/Observation.rs?category=|laboratory", [false, false, false, true, false]),
        ("user/Observation.rs?status=final", [true, true, false, false, false]),
        ("user/Observation.rs?status=final&category=laboratory", [true, false, false, false, false]),
        ("user/Observation.rs?category=laboratory user/Observation.rs?category=vital-signs", [true, true, true, true, false]),
        ("user/Observation.rs?category=laboratory user/Observation.r", [true; 5]),
        ("user/Observation.r?category=laboratory user/Observation.s", [true, false, true, true, false]),
        ("user/*.rs?category=laboratory", [true, false, true, true, false]),
        ("user/Condition.rs", [false; 5]),
    ] {
        let got = [&lab, &vital, &foreign, &bare, &none].map(|resource| shows(scope, resource));
        assert_eq!(got, expected, "{scope}");
    }
    let condition = json!({"category": [{"coding": [{"system": SYSTEM, "code": "laboratory"}]}]});
    assert!(!of_person(&exact).shows(kind("Condition"), Act::Read, || condition));
}

#[test]
fn what_came_along_needs_either_leave() {
    for (scope, expected) in [("user/Observation.r", true), ("user/Observation.s", true), ("user/Observation.cud", false)] {
        assert_eq!(of_person(scope).permits(kind("Observation"), Act::Include), expected, "{scope}");
    }
    assert!(of_person("user/Observation.s").permits_any(Act::Search) && !of_person("user/Observation.s").permits_any(Act::Read));
}

#[test]
fn a_client_may_ask_for_part_of_what_it_is_registered_for() {
    let registered =
        Scopes::parse("system/Patient.rs system/Observation.rs?category=laboratory system/Condition.r").held_by(Holder::Client);
    for (asked, expected) in [
        ("system/Patient.rs", true),
        ("system/Patient.r system/Condition.r", true),
        ("system/Patient.read", true),
        ("system/Observation.r?category=laboratory", true),
        ("system/Observation.r?category=laboratory&status=final", true),
        ("system/Observation.r", false),
        ("system/Observation.r?category=vital-signs", false),
        ("system/Condition.rs", false),
        ("system/*.r", false),
        ("user/Patient.rs", false),
        ("system/Patient.rs openid", false),
        ("system/Patient.cud", false),
        ("", false),
        (" ", false),
    ] {
        assert_eq!(registered.cover(asked), expected, "{asked}");
    }
    assert!(Scopes::parse("system/*.rs").held_by(Holder::Client).cover("system/Observation.rs?category=a system/Patient.s"));
}

proptest! {
    /// Taking a scope away never shows more, and what a scope says in no grammar shows nothing more.
    #[test]
    fn fewer_scopes_show_no_more(chosen in proptest::collection::vec(0usize..9, 0..6), drop in 0usize..6, record in 0usize..3) {
        const ALL: [&str; 9] = [
            "user/Observation.rs", "user/*.r", "user/Observation.s?category=laboratory", "patient/Condition.rs", "user/Observation.sr",
            "user/*.s?status=final", "user/Observation.r?category=vital-signs", "openid", "user/Observation.rs?code=x",
        ];
        let records = [
            json!({"category": [{"coding": [{"code": "laboratory"}]}]}),
            json!({"category": [{"coding": [{"code": "vital-signs"}]}], "status": "final"}),
            json!({}),
        ];
        let words: Vec<&str> = chosen.iter().map(|at| ALL[*at]).collect();
        let mut fewer = words.clone();
        if drop < fewer.len() {
            fewer.remove(drop);
        }
        for act in [Act::Read, Act::Search, Act::Include] {
            for name in ["Observation", "Condition"] {
                let shows = |words: &[&str]| of_person(&words.join(" ")).shows(kind(name), act, || records[record].clone());
                prop_assert!(!shows(&fewer) || shows(&words));
            }
        }
    }
}

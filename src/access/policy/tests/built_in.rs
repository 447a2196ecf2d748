//! The built-in policy: who may ask for what, as a table to read. Not for: policies of sites.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::super::*;
use crate::access::{Channel, Principal, Purpose, Role, Scope};
use crate::model::{ArchiveId, Kind, Label, PatientKey};

fn patient() -> PatientKey {
    PatientKey::parse("mer.1").unwrap()
}

/// One scope for each right, in the order of `Right::ALL`.
fn scopes() -> [Scope; 18] {
    [
        Scope::FindPatients,
        Scope::Chart(patient()),
        Scope::Record(Kind::PATIENT, ArchiveId::parse("mer.1").unwrap()),
        Scope::SearchAll,
        Scope::Everything,
        Scope::AuditLog(Some(patient())),
        Scope::Accessions,
        Scope::IdentityReview,
        Scope::Quarantine,
        Scope::BreakGlassReviews,
        Scope::Accounts,
        Scope::Policy,
        Scope::OwnNotes(vec![patient()]),
        Scope::Bulk,
        Scope::Ehi(vec![patient()]),
        Scope::Releases,
        Scope::QuarantineMasked,
        Scope::System,
    ]
}

fn principal(role: Role, purpose: Purpose, channel: Channel, scopes: Option<&str>) -> Principal {
    let mut principal = match channel {
        Channel::CommandLine => Principal::operator("op", role, purpose),
        Channel::Network => Principal::local("ann", "Ann", role, purpose, "00"),
    };
    principal.attributes.npi = Some("1234567893".into());
    principal.scopes = scopes.map(|scopes| terms::smart::scopes(scopes, role));
    principal
}

fn ask(principal: &Principal, scope: &Scope) -> Decision {
    let patients = [patient()];
    let nobody: &[PatientKey] = &[];
    let question =
        Question { principal, scope, patients: &patients, bound: nobody, related: nobody, applies_scopes: true, now: 0 };
    decide(&Policy::built_in(), &question)
}

/// What shows beside one's own psychotherapy notes.
const OWN_NOTES: [Class; 6] =
    [Class::PsychotherapyNotes, Class::MentalHealth, Class::Restricted, Class::VeryRestricted, Class::Vip, Class::Workforce];

/// Denied for the `r`ole, `c`hannel, `p`urpose or `s`copes; allowed with labelled records: `0` none, `3` restricted, VIP and
/// workforce, `P` what goes with one's own psychotherapy notes, `H` all but these, `*` all there are.
fn cell(decision: &Decision) -> char {
    let of = |names: &[Class]| Label::EVERY.without(names.iter().copied().collect());
    let him: Vec<Class> = Class::ALL.into_iter().filter(|class| *class != Class::PsychotherapyNotes).collect();
    match decision {
        Decision::Allow(allowed) => match allowed.filter.hide {
            hide if hide == Label::EVERY => '0',
            hide if hide == of(&[Class::Restricted, Class::Vip, Class::Workforce]) => '3',
            hide if hide == Label::of(Class::PsychotherapyNotes) => {
                assert!(him.iter().all(|class| !hide.holds(*class)));
                'H'
            }
            hide if hide == of(&OWN_NOTES) => 'P',
            hide if hide == Label::NORMAL => '*',
            other => panic!("shows {}", cases::words(Label::EVERY.without(other))),
        },
        Decision::Deny(denied) => match denied.reason {
            DenyReason::Role => 'r',
            DenyReason::Channel => 'c',
            DenyReason::Purpose => 'p',
            DenyReason::Scopes => 's',
            other => panic!("{other:?}"),
        },
    }
}

/// Columns in the order of `Right::ALL`: find, chart, record, search all, export, log, accessions, identity, quarantine,
/// break-glass reviews, accounts, policy, own notes, bulk export, export of a person, releases, masked
/// quarantine, system. Each role for its usual purpose.
#[test]
fn every_role_and_right_is_decided_as_written_here() {
    use Channel::{CommandLine, Network};
    let table = [
        (Role::Clinician, Network, None, "333rrrrrrrrrPrrrrr"),
        (Role::Him, Network, None, "HHHHcrrHcrrrrrH0rr"),
        (Role::Compliance, Network, None, "rrrrr0rrr0rrrrrrrr"),
        (Role::Archivist, Network, None, "rrrrrr00rr00rrrr00"),
        (Role::Admin, Network, None, "rrrrrrrrrr00rrrrr0"),
        (Role::Reviewer, Network, None, "rrrrrrrrr0rrrrrrrr"),
        (Role::Service, Network, None, "sssrrrrrrrrrrsrrrr"),
        (Role::Clinician, CommandLine, None, "333rrrrrrrrrPrrrrr"),
        (Role::Him, CommandLine, None, "H**H*rr**rrrrrH0rr"),
        (Role::Compliance, CommandLine, None, "rrrrr0rrr0rrrrrrrr"),
        (Role::Archivist, CommandLine, None, "rrrrrr00rr00rrrr00"),
        (Role::Admin, CommandLine, None, "rrrrrrrrrr00rrrrr0"),
        (Role::Reviewer, CommandLine, None, "rrrrrrrrr0rrrrrrrr"),
        (Role::Service, CommandLine, None, "cccrrrrrrrrrrcrrrr"),
        (Role::Clinician, Network, Some("user/Observation.rs"), "333rrrrrrrrrPrrrrr"),
        (Role::Him, Network, Some("user/*.rs"), "HHHHcrrHcrrrrrH0rr"),
        (Role::Compliance, Network, Some("user/*.rs system/*.rs"), "rrrrr0rrr0rrrrrrrr"),
        (Role::Archivist, Network, Some("user/*.rs system/*.rs"), "rrrrrr00rr00rrrr00"),
        (Role::Admin, Network, Some("user/*.rs system/*.rs"), "rrrrrrrrrr00rrrrr0"),
        (Role::Reviewer, Network, Some("user/*.rs system/*.rs"), "rrrrrrrrr0rrrrrrrr"),
        (Role::Service, Network, Some("user/*.rs"), "sssrrrrrrrrrrsrrrr"),
        (Role::Service, Network, Some("system/*.rs"), "000rrrrrrrrrr0rrrr"),
        (Role::Service, CommandLine, Some("system/*.rs"), "cccrrrrrrrrrrcrrrr"),
    ];
    for role in Role::ALL {
        for channel in Channel::ALL {
            assert!(
                table.iter().any(|row| (row.0, row.1, row.2) == (role, channel, None)),
                "{role:?} by {channel:?} has its row"
            );
        }
    }
    for (scope, right) in scopes().iter().zip(Right::ALL) {
        assert_eq!(Right::of(scope), right, "a column for each right");
    }
    for (role, channel, smart, expected) in table {
        let principal = principal(role, role.usual_purpose(), channel, smart);
        let got: String = scopes().iter().map(|scope| cell(&ask(&principal, scope))).collect();
        assert_eq!(got, expected, "{role:?} by {channel:?} with {smart:?}");
    }
}

/// The purposes for which anything at all is allowed, per role.
#[test]
fn a_purpose_foreign_to_the_role_opens_nothing() {
    use Purpose::*;
    let allowed: [(Role, &[Purpose]); 7] = [
        (Role::Clinician, &[Treat, Operations, EmergencyTreat]),
        (
            Role::Him,
            &[
                Treat,
                Operations,
                Legal,
                RecordManagement,
                PatientRequest,
                FamilyRequest,
                PowerOfAttorney,
                Payment,
                PublicHealth,
                Research,
            ],
        ),
        (Role::Compliance, &[Compliance]),
        (Role::Archivist, &[Operations, RecordManagement, SystemAdministration]),
        (Role::Admin, &[SystemAdministration]),
        (Role::Reviewer, &[Compliance]),
        (Role::Service, &[Treat, Operations, RecordManagement]),
    ];
    for (role, purposes) in allowed {
        for purpose in Purpose::ALL {
            let open = |channel| {
                let principal = principal(role, purpose, channel, (role == Role::Service).then_some("system/*.rs"));
                scopes().iter().any(|scope| matches!(ask(&principal, scope), Decision::Allow(_)))
            };
            assert_eq!(Channel::ALL.into_iter().any(open), purposes.contains(&purpose), "{role:?} for {purpose:?}");
        }
    }
}

#[test]
fn the_table_of_cases_holds_and_leaves_no_cell_out() {
    let outcomes = Cases::parse(include_str!("../../../../schemas/policy-cases.toml")).unwrap().run(&Policy::built_in());
    let mut cells = BTreeSet::new();
    for case in &outcomes {
        for cell in &case.cells {
            assert_eq!(cell.mismatch, None, "line {}, {}: {cell:?}", case.line, case.name);
            cells.insert(format!("{:?} {:?} {:?} {:?}", cell.role, cell.right, cell.purpose, cell.channel));
        }
    }
    assert_eq!(cells.len(), Role::ALL.len() * Right::ALL.len() * Purpose::ALL.len() * Channel::ALL.len());
}

#[test]
fn a_case_that_does_not_hold_is_told() {
    let case = |more: &str| {
        let text = format!(
            "schema = 1\n[[case]]\nname = \"x\"\nroles = [\"clinician\"]\nrights = [\"chart\"]\npurposes = [\"TREAT\"]\n{more}"
        );
        let outcome = Cases::parse(&text).unwrap().run(&Policy::built_in()).remove(0);
        assert_eq!((outcome.line, outcome.cells.len(), outcome.holds()), (3, 2, false), "{more}");
        outcome.cells[0].mismatch.clone().unwrap()
    };
    assert_eq!(case("expect = \"deny\""), "expected deny");
    assert_eq!(case("expect = \"allow\"\nrule = \"other\""), "expected the rule other");
    assert_eq!(case("expect = \"allow\"\nsees = [\"hiv\"]"), "expected to be seen hiv, got restricted, vip, workforce");
    assert_eq!(case("expect = \"allow\"\nwithheld = []").split(", got").next(), Some("expected to be withheld nothing"));
    assert!(case("expect = \"allow\"\nhidden_kinds = [\"Claim\"]").starts_with("hides"));
    assert!(case("expect = \"allow\"\nhidden_sources = [\"mer\"]").starts_with("hides"));
    for (text, line) in [
        ("schema = 1\n[[case]]\nname = \"x\"\nexpect = \"perhaps\"", 4),
        ("schema = 1\n[[case]]\nname = \"x\"\nroles = [\"nurse\"]\nexpect = \"deny\"", 4),
        ("schema = 1\n[[case]]\nname = \"x\"\nexpect = \"deny\"\ncolour = 1", 5),
        ("schema = 2\ncase = []", 1),
    ] {
        assert_eq!(Cases::parse(text).err().unwrap().line, line, "{text}");
    }
}

#[test]
fn the_digest_is_that_of_the_file_and_changes_with_every_byte() {
    let policy = Policy::built_in();
    let file = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schemas/policy.toml");
    assert_eq!(*policy.digest(), *hex(&Sha256::digest(std::fs::read(&file).unwrap())));
    assert_eq!(policy.digest(), Policy::load(&file).unwrap().digest());
    assert_ne!(policy.digest(), Policy::parse(&format!("{BUILT_IN}\n")).unwrap().digest());
    assert!(policy.rules().count() > 8 && policy.name() == "built-in", "the built-in policy reads");
}

#[test]
fn substance_use_names_its_reasons_and_the_others_none() {
    let policy = Policy::built_in();
    assert_eq!(policy.reasons_for(Class::SubstanceUse), ["medical-emergency", "threat-to-life"]);
    assert!(policy.reasons_for(Class::Hiv).is_empty());
}

/// The schema for editors lists the members and names that the reader takes.
#[test]
fn the_schema_for_editors_says_what_the_reader_says() {
    let text = include_str!("../../../../schemas/policy.schema.json");
    let schema: Json = serde_json::from_str(text).unwrap();
    let names = |definition: &str| -> Vec<String> {
        let list = schema.pointer(&format!("/$defs/{definition}/enum")).and_then(Json::as_array).unwrap();
        list.iter().map(|name| name.as_str().unwrap().to_string()).collect()
    };
    assert_eq!(names("role"), Role::ALL.map(Role::name));
    assert_eq!(names("right"), Right::ALL.map(Right::name));
    assert_eq!(
        names("purpose"),
        Purpose::ALL.into_iter().filter(|p| *p != Purpose::BreakGlass).map(Purpose::code).collect::<Vec<_>>()
    );
    assert_eq!(names("channel"), Channel::ALL.map(Channel::name));
    assert_eq!(names("class"), Class::ALL.map(Class::name));
    // Each member that the schema names is one that the reader knows, and the other way round.
    let members = |pointer: &str| -> BTreeSet<String> {
        schema.pointer(pointer).and_then(Json::as_object).unwrap().keys().cloned().collect()
    };
    let told = |text: &str| -> BTreeSet<String> {
        let fault = Policy::parse(text).unwrap_err().remove(0).text;
        fault.split('`').skip(1).step_by(2).filter(|name| *name != "colour").map(String::from).collect()
    };
    assert_eq!(members("/properties"), told("colour = 1"));
    assert_eq!(members("/$defs/rule/properties"), told("[[rule]]\ncolour = 1"));
    assert_eq!(members("/$defs/breaks/properties"), told("[[rule]]\nbreaks = [{ colour = 1 }]"));
}

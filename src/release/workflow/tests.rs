//! The course of requests: each guard refuses, and no row of moves brings a package out past them.
//!
//! Not for: how steps are kept (`ledger`).

use proptest::prelude::*;

use super::*;
use crate::release::request::{Delivery, Party, Priority, Subject};

const NOW: i64 = 1_780_000_000;

fn him(id: &str) -> Actor {
    Actor { id: id.into(), is_him: true, stepped_up: true }
}

fn rules() -> Rules {
    Rules::shipped().unwrap()
}

fn request(basis: &str) -> Request {
    Request {
        requester: Party { name: "R. Quester".into(), address: vec!["1 Main Street".into()], ..Party::default() },
        subjects: vec![Subject { name: "Someone".into(), ..Subject::default() }],
        basis: basis.into(),
        purpose: "as asked".into(),
        expires: Some(jiff::civil::date(2100, 1, 1)),
        delivery: Delivery { channel: "mail".into(), ..Delivery::default() },
        ..Request::default()
    }
}

fn make(case: &mut Case, made: Move, who: &str) -> Result<(), Refusal> {
    case.make(made, &him(who), NOW, &rules()).map(|_| ())
}

fn yes(code: &str) -> Move {
    Move::Answer { check: Check { code: code.into(), holds: true, how: "seen".into(), ..Check::default() } }
}

fn assembly(flagged: &[usize]) -> Assembly {
    let flagged = flagged.iter().map(|item| Flag { item: *item, why: "wrong-patient".into() }).collect();
    Assembly { subjects: vec![Assembled { selection_sha256: "s".into(), items: 9, flagged }] }
}

fn pages(pdf: &str) -> Preview {
    Preview { subjects: vec![Previewed { pdf_sha256: pdf.into(), ..Previewed::default() }] }
}

fn preview() -> Move {
    Move::Preview(pages("p"))
}

fn approve() -> Move {
    Move::Approve { preview_sha256: pages("p").digest(), saw_flagged: true }
}

fn alone(reason: &str) -> Move {
    Move::ApproveAlone { preview_sha256: pages("p").digest(), reason: reason.into() }
}

fn decide(item: usize, decision: Decision) -> Move {
    Move::Decide { subject: 0, item, decision }
}

fn redact(digest: &str) -> Move {
    Move::Redact { subject: 0, redactions_sha256: digest.into() }
}

fn package(pdf: &str) -> Move {
    let packages = vec![Package { manifest_sha256: "m".into(), ..Package::default() }];
    Move::Seal { preview_sha256: pages(pdf).digest(), packages }
}

fn deliver(entry: &str, manifest: &str) -> Move {
    let disclosure_entry = entry.into();
    Move::Deliver(Handover { channel: "mail".into(), disclosure_entry, manifests: vec![manifest.into()], ..Handover::default() })
}

/// A case brought up to `Scoped` by ann.
fn scoped(basis: &str) -> Case {
    let mut case = Case::new("2026-000001".into(), NOW);
    make(&mut case, Move::Write { request: Box::new(request(basis)) }, "ann").unwrap();
    make(&mut case, Move::Submit { waits: false }, "ann").unwrap();
    if case.state == State::NeedsInfo {
        make(&mut case, Move::Submit { waits: false }, "ann").unwrap();
    }
    make(&mut case, Move::Identify { subject: 0, keys: vec!["mer.1".into()] }, "ann").unwrap();
    for check in &rules().basis(basis).unwrap().checks {
        make(&mut case, yes(check), "ann").unwrap();
    }
    make(&mut case, Move::Accept, "ann").unwrap();
    case
}

#[test]
fn a_request_goes_from_receipt_to_delivery_and_replays_the_same() {
    let rules = rules();
    for basis in rules.basis.iter().map(|basis| basis.code.as_str()) {
        let mut case = scoped(basis);
        let mut steps = Vec::new();
        for (made, who) in [
            (Move::Assemble(assembly(&[3])), "ben"),
            (decide(3, Decision::Exclude { reason: "another person's".into() }), "ben"),
            (redact("r"), "ben"),
            (preview(), "ben"),
            (Move::Review, "cleo"),
            (approve(), "cleo"),
            (package("p"), "ben"),
            (deliver("e-1", "m"), "ben"),
            (deliver("e-2", "m"), "ben"),
            (Move::Confirm { how: "signed slip".into() }, "ben"),
            (Move::Close, "ben"),
        ] {
            let told = format!("{basis}: {made:?}");
            steps.push(case.make(made, &him(who), NOW, &rules).unwrap_or_else(|refusal| panic!("{told}: {refusal}")));
        }
        assert_eq!((case.state, case.handovers.len(), case.is_confirmed), (State::Closed, 2, true), "{basis}");
        let stored: Vec<Step> = serde_json::from_str(&serde_json::to_string(&steps).unwrap()).unwrap();
        assert_eq!(stored, steps);
    }
}

#[test]
fn each_guard_refuses() {
    let rules = rules();
    let mut fresh = Case::new("2026-000001".into(), NOW);
    assert!(matches!(make(&mut fresh, Move::Submit { waits: false }, "ann"), Err(Refusal::Incomplete(_))));
    let outsider = Actor { id: "x".into(), ..Actor::default() };
    assert_eq!(fresh.make(Move::Assign { to: "x".into() }, &outsider, NOW, &rules), Err(Refusal::NotHim));

    let mut waits = Case::new("2026-000002".into(), NOW);
    make(&mut waits, Move::Write { request: Box::new(request("subpoena")) }, "ann").unwrap();
    make(&mut waits, Move::Submit { waits: false }, "ann").unwrap();
    assert_eq!(waits.state, State::NeedsInfo, "a subpoena waits for its assurance");

    let mut open = Case::new("2026-000003".into(), NOW);
    make(&mut open, Move::Write { request: Box::new(request("patient-access")) }, "ann").unwrap();
    make(&mut open, Move::Submit { waits: false }, "ann").unwrap();
    assert_eq!(make(&mut open, Move::Accept, "ann"), Err(Refusal::Unresolved));
    make(&mut open, Move::Identify { subject: 0, keys: vec!["mer.1".into()] }, "ann").unwrap();
    assert!(matches!(make(&mut open, Move::Accept, "ann"), Err(Refusal::Unverified(open)) if open.len() == 1));
    make(&mut open, yes("identity"), "ann").unwrap();
    let no = Check { code: "identity".into(), holds: false, ..Check::default() };
    make(&mut open, Move::Answer { check: no }, "ann").unwrap();
    assert!(matches!(make(&mut open, Move::Accept, "ann"), Err(Refusal::Unverified(_))), "the last answer counts");

    let mut case = scoped("authorization");
    make(&mut case, Move::Assemble(assembly(&[3, 4])), "ben").unwrap();
    assert_eq!(make(&mut case, Move::Review, "cleo"), Err(Refusal::Undecided(2)));
    assert_eq!(make(&mut case, preview(), "ben"), Err(Refusal::Undecided(2)));
    for item in [3, 4] {
        make(&mut case, decide(item, Decision::Include { reason: "looked at".into() }), "ben").unwrap();
    }
    assert_eq!(make(&mut case, decide(9, Decision::Include { reason: "looked at".into() }), "ben"), Err(Refusal::NoItem));
    assert_eq!(make(&mut case, decide(3, Decision::Exclude { reason: " ".into() }), "ben"), Err(Refusal::NoReason));
    assert_eq!(make(&mut case, Move::Review, "cleo"), Err(Refusal::NoPreview));
    assert_eq!(make(&mut case, Move::Preview(Preview::default()), "ben"), Err(Refusal::NotForEach));
    make(&mut case, preview(), "ben").unwrap();
    make(&mut case, redact("r"), "dora").unwrap();
    assert_eq!(make(&mut case, Move::Review, "cleo"), Err(Refusal::NoPreview), "a redaction makes other pages");
    make(&mut case, preview(), "ben").unwrap();
    for who in ["ben", "dora"] {
        assert_eq!(make(&mut case, Move::Review, who), Err(Refusal::SamePerson), "{who} had a hand in it");
    }
    assert_eq!(make(&mut case, approve(), "cleo"), Err(Refusal::NotNow(State::Assembled)));
    make(&mut case, Move::Review, "cleo").unwrap();
    assert_eq!(make(&mut case, approve(), "ben"), Err(Refusal::SamePerson), "who prepared it");
    assert_eq!(make(&mut case, approve(), "ann"), Err(Refusal::SamePerson), "who verified it");
    assert_eq!(make(&mut case, approve(), "dora"), Err(Refusal::SamePerson), "who redacted it");
    let other = Move::Approve { preview_sha256: "other".into(), saw_flagged: true };
    assert_eq!(make(&mut case, other, "cleo"), Err(Refusal::NotTheApproved));
    let unseen = Move::Approve { preview_sha256: pages("p").digest(), saw_flagged: false };
    assert_eq!(make(&mut case, unseen, "cleo"), Err(Refusal::Unseen));
    let tired = Actor { stepped_up: false, ..him("cleo") };
    assert_eq!(case.make(approve(), &tired, NOW, &rules), Err(Refusal::StepUp));
    assert_eq!(make(&mut case, alone("bleeding"), "ben"), Err(Refusal::NoEmergency));
    make(&mut case, approve(), "cleo").unwrap();
    assert!(case.approved().is_some() && case.sealed().is_none());
    assert_eq!(make(&mut case, package("other"), "ben"), Err(Refusal::NotTheApproved));
    make(&mut case, package("p"), "ben").unwrap();
    assert!(case.approved().is_none() && case.sealed().is_some());
    assert_eq!(make(&mut case, deliver("", "m"), "ben"), Err(Refusal::NoDisclosure));
    assert_eq!(make(&mut case, deliver("e", "other"), "ben"), Err(Refusal::NotTheApproved));
    make(&mut case, Move::Revoke { on: "2026-05-01".into() }, "ann").unwrap();
    assert_eq!(case.state, State::Revoked);
    assert_eq!(make(&mut case, deliver("e", "m"), "ben"), Err(Refusal::NotNow(State::Revoked)));
}

#[test]
fn an_authorization_ends() {
    let mut case = scoped("authorization");
    case.request.expires = Some(jiff::civil::date(2026, 5, 1));
    assert_eq!(make(&mut case, Move::Assemble(assembly(&[])), "ben"), Err(Refusal::Expired));
    case.request.expires = None;
    assert_eq!(make(&mut case, Move::Assemble(assembly(&[])), "ben"), Err(Refusal::NoExpiry));
    case.request.expires_with = Some("end of the lawsuit".into());
    make(&mut case, Move::Assemble(assembly(&[])), "ben").unwrap();
}

#[test]
fn a_change_after_approval_voids_it() {
    let mut case = scoped("patient-access");
    let moves = [Move::Assemble(assembly(&[])), preview(), Move::Review, approve()];
    for (made, who) in moves.into_iter().zip(["ben", "ben", "ben", "cleo"]) {
        make(&mut case, made, who).unwrap();
    }
    let mut other = case.request.clone();
    other.scope.text = Some("knee".into());
    make(&mut case, Move::Write { request: Box::new(other) }, "ben").unwrap();
    assert_eq!((case.state, case.approval.is_some(), case.assembly.is_some()), (State::Scoped, false, false));
    assert!(!case.request.checks.is_empty(), "who was verified still is");
    let mut other = case.request.clone();
    other.subjects[0].name = "Someone Else".into();
    make(&mut case, Move::Write { request: Box::new(other) }, "ben").unwrap();
    assert_eq!((case.state, case.verifier.is_some()), (State::Verifying, false), "another patient is verified anew");
    assert!(case.request.subjects[0].keys.is_empty());
}

#[test]
fn in_an_emergency_of_treatment_one_person_may_do_it() {
    let mut case = scoped("treatment");
    let mut urgent = case.request.clone();
    urgent.priority = Priority::Emergency;
    make(&mut case, Move::Write { request: Box::new(urgent) }, "ann").unwrap();
    make(&mut case, Move::Assemble(assembly(&[])), "ann").unwrap();
    make(&mut case, preview(), "ann").unwrap();
    assert_eq!(make(&mut case, alone(" "), "ann"), Err(Refusal::NoReason));
    make(&mut case, alone("in surgery"), "ann").unwrap();
    assert!(case.approval.unwrap().alone_because.is_some());
}

#[test]
fn the_due_date_is_extended_once_and_only_where_the_law_has_it() {
    let rules = rules();
    let mut case = scoped("patient-access");
    let basis = rules.basis("patient-access").unwrap();
    let before = case.due(basis);
    make(&mut case, Move::Extend { notice: "letter".into() }, "ann").unwrap();
    assert_eq!(case.due(basis) - before, 30 * 86_400);
    assert_eq!(make(&mut case, Move::Extend { notice: "letter".into() }, "ann"), Err(Refusal::NoExtension));
    assert_eq!(make(&mut scoped("subpoena"), Move::Extend { notice: "letter".into() }, "ann"), Err(Refusal::NoExtension));
}

/// A move of any kind by anyone, in any order.
fn any_move() -> impl Strategy<Value = (Move, String)> {
    let bases = ["patient-access", "authorization", "treatment", "subpoena"];
    let checks: Vec<String> = rules().checks.keys().cloned().collect();
    let written = (prop::sample::select(bases.to_vec()), any::<bool>()).prop_map(|(basis, is_urgent)| {
        let priority = if is_urgent { Priority::Emergency } else { Priority::Routine };
        Move::Write { request: Box::new(Request { priority, ..request(basis) }) }
    });
    let made = prop_oneof![
        written,
        Just(Move::Submit { waits: false }),
        Just(Move::Identify { subject: 0, keys: vec!["mer.1".into()] }),
        (prop::sample::select(checks), any::<bool>())
            .prop_map(|(code, holds)| Move::Answer { check: Check { code, holds, ..Check::default() } }),
        Just(Move::Accept),
        prop::sample::select(vec![assembly(&[]), assembly(&[1])]).prop_map(Move::Assemble),
        Just(decide(1, Decision::Include { reason: "seen".into() })),
        prop::sample::select(vec!["", "r"]).prop_map(redact),
        prop::sample::select(vec!["p", "q"]).prop_map(|pdf| Move::Preview(pages(pdf))),
        Just(Move::Review),
        Just(approve()),
        Just(alone("now")),
        prop::sample::select(vec!["p", "q"]).prop_map(package),
        prop::sample::select(vec!["", "e"]).prop_map(|entry| deliver(entry, "m")),
        Just(Move::Hold { matter: "suit".into() }),
        Just(Move::Resume),
        Just(Move::Revoke { on: "2026-01-01".into() }),
    ];
    (made, prop::sample::select(vec!["ann".to_owned(), "ben".to_owned(), "cleo".to_owned()]))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// From a verified request on, whatever people do in whatever order: nothing is handed out without a second person (or an
    /// emergency of treatment), without its entry in the log, or after a revocation; and the steps replay to the same case.
    #[test]
    fn no_row_of_moves_gets_past_the_guards(moves in prop::collection::vec(any_move(), 0..60), basis in 0_usize..3) {
        let rules = rules();
        let mut case = scoped(["patient-access", "authorization", "treatment"][basis]);
        let start = case.clone();
        let mut steps = Vec::new();
        for (made, who) in moves {
            let before = case.clone();
            match case.make(made, &him(&who), NOW, &rules) {
                Ok(step) => steps.push(step),
                Err(_) => prop_assert_eq!(&before, &case),
            }
            if case.state == State::Approved {
                let approval = case.approval.as_ref().unwrap();
                let others = [case.preparer.as_deref(), case.verifier.as_deref()];
                let is_second = !others.contains(&Some(approval.by.as_str()));
                let is_emergency = case.request.basis == "treatment" && case.request.priority == Priority::Emergency;
                prop_assert!(is_second || (approval.alone_because.is_some() && is_emergency));
                prop_assert!(case.request.revoked.is_none() && case.verifier.is_some());
                prop_assert_eq!(case.preview.as_ref().map(Preview::digest), Some(approval.preview_sha256.clone()));
                let is_redacted = case.redactions.values().any(|digest| !digest.is_empty());
                prop_assert!(!is_redacted || is_emergency || case.reviewer.as_ref().is_some_and(|it| !case.redactors.contains(it)));
            }
            if case.handovers.len() > before.handovers.len() {
                prop_assert!(!before.packages.is_empty() && before.approval.is_some() && before.request.revoked.is_none());
                prop_assert!(!case.handovers.last().unwrap().disclosure_entry.is_empty());
            }
        }
        let mut again = start;
        steps.iter().for_each(|step| again.take(step));
        prop_assert_eq!(again, case);
    }
}

//! Two people at the desk, over an archive that holds nothing: who may what, what stands in the log, what a crash leaves.
//! Selections and packages of records are tested over the made-up hospital.
//!
//! Not for: HTTP (`server::api::releases`), or the guards one by one (`workflow`).

mod killed;

use std::time::Duration;

use super::*;
use crate::access::Policy;
use crate::audit::Query;
use crate::register::{PendingHandover, RegisterError, SessionTimes};
use crate::release::redaction::{Cause, Reason, Redactions, Term};
use crate::release::request::{Check, Delivery, Party, Priority, Subject};
use crate::release::selection::SetsError;
use crate::release::workflow::{Decision, Handover, State};
use crate::signing::{KeyPurpose, KeyRing};
use crate::small_archive::SmallArchive;

struct World {
    desk: Arc<Desk>,
    people: BTreeMap<&'static str, Principal>,
    context: RequestContext,
    _folder: Option<tempfile::TempDir>,
}

const PERSON: &str = "7c1c9a4e-0d31-4c6b-a5a7-2f7d6e0b9c11";
const OTHER: &str = "0c1c9a4e-0d31-4c6b-a5a7-2f7d6e0b9c12";

/// Two patients with a few results each; one result of the first is labelled as of substance use treatment.
fn story() -> String {
    let mut lines = Vec::new();
    for (at, key) in [PERSON, OTHER].iter().enumerate() {
        lines.push(format!(
            r#"{{"resourceType":"Patient","id":"{key}","name":[{{"family":"Quill{at}","given":["Ann"]}}],"birthDate":"1957-03-14","identifier":[{{"value":"M-{at}"}}]}}"#
        ));
        for n in 0..4 {
            let security = if n == 3 { r#","meta":{"security":[{"code":"ETH"}]}"# } else { "" };
            lines.push(format!(
                r#"{{"resourceType":"Observation","id":"o{at}-{n}"{security},"status":"final","subject":{{"reference":"Patient/{key}"}},"code":{{"text":"Haemoglobin"}},"effectiveDateTime":"2016-01-0{}","valueQuantity":{{"value":{n},"unit":"g/dL"}}}}"#,
                n + 1
            ));
        }
    }
    lines.join("\n") + "\n"
}

async fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    SmallArchive::new(folder.path()).take_lines("mer", &story());
    let world = World::at(folder.path()).await;
    World { _folder: Some(folder), ..world }
}

impl World {
    /// The world that another process made, or an earlier one.
    async fn at(home: &std::path::Path) -> World {
        let small = SmallArchive::at(home);
        let register = Register::open(&home.join("register.db"), SessionTimes::default()).await.unwrap();
        let signer = Arc::new(small.signer(KeyPurpose::Release));
        let gate = Gate::new(small.log(), Policy::built_in());
        let mut config = Config::default();
        config.release.bates_prefix = Some("RIV".into());
        let desk = Desk::new(small.open(), gate, register, small.root, config, Some(signer)).unwrap();
        let person = |name: &str, role: Role, proved: i64| {
            let mut it = Principal::local(name, name, role, role.usual_purpose(), "00");
            it.attributes.auth_time = Some(now() - proved);
            it
        };
        let people = [
            ("ann", person("ann", Role::Him, 0)),
            ("ben", person("ben", Role::Him, 0)),
            ("tired", person("cleo", Role::Him, 3_600)),
            ("clinician", person("doc", Role::Clinician, 0)),
            ("compliance", person("carl", Role::Compliance, 0)),
        ];
        World { desk: Arc::new(desk), people: people.into(), context: RequestContext::default(), _folder: None }
    }

    fn who(&self, name: &str) -> Worker<'_> {
        worker(&self.people[name], &self.context)
    }

    async fn step(&self, seen: &Seen, made: Move, who: &str) -> Result<Seen, DeskError> {
        self.desk.step(seen, made, &self.who(who)).await
    }

    async fn state(&self, number: &str) -> State {
        self.desk.ledger().get(number).await.unwrap().case.state
    }

    /// Waits for a job and gives what is seen after it.
    async fn done(&self, job: Job) -> Seen {
        for _ in 0..3_000 {
            match self.desk.job(&job.number).unwrap().state {
                JobState::Running => tokio::time::sleep(Duration::from_millis(20)).await,
                JobState::Done => break,
                JobState::Failed { why } => panic!("{why}"),
            }
        }
        let steps = self.desk.ledger().get(&job.number).await.unwrap().steps;
        Seen { number: job.number, steps }
    }

    fn events(&self, event: &str) -> Vec<serde_json::Map<String, serde_json::Value>> {
        let query = Query { event: Some(event.into()), newest_first: false, limit: 1_000, ..Query::default() };
        crate::audit::read(&self.desk.folder, &query).unwrap().into_iter().map(|it| it.entry).collect()
    }

    /// A request up to `Scoped`.
    async fn scoped(&self, request: Request) -> Seen {
        let checks = self.desk.rules.basis(&request.basis).unwrap().checks.clone();
        let mut seen = self.desk.open(request, now() - 100, &self.who("ann")).await.unwrap();
        let mut moves = vec![Move::Submit { waits: false }, Move::Identify { subject: 0, keys: vec![PERSON.into()] }];
        moves.extend(
            checks
                .into_iter()
                .map(|code| Move::Answer { check: Check { code, holds: true, how: "seen".into(), ..Check::default() } }),
        );
        moves.push(Move::Accept);
        for made in moves {
            seen = self.step(&seen, made, "ann").await.unwrap();
        }
        seen
    }

    async fn previewed(&self, request: Request) -> Seen {
        let seen = self.scoped(request).await;
        let mut seen = self.desk.assemble(&seen, &self.who("ann")).await.unwrap();
        let view = self.desk.get(&seen.number, &self.who("ann")).await.unwrap().into_inner();
        for (subject, item) in view.undecided {
            let decision = Decision::Include { reason: "looked at".into() };
            seen = self.desk.decide(&seen, subject, item, decision, &self.who("ann")).await.unwrap();
        }
        let job = self.desk.preview(&seen, &self.who("ann")).await.unwrap();
        self.done(job).await
    }

    async fn sealed(&self, request: Request) -> Seen {
        let seen = self.previewed(request).await;
        let seen = self.step(&seen, Move::Review, "ann").await.unwrap();
        let seen = self.step(&seen, self.approve(&seen.number).await, "ben").await.unwrap();
        let job = self.desk.seal(&seen, &self.who("ann")).await.unwrap();
        self.done(job).await
    }

    async fn approve(&self, number: &str) -> Move {
        let preview = self.desk.ledger().get(number).await.unwrap().case.preview.unwrap();
        Move::Approve { preview_sha256: preview.digest(), saw_flagged: true }
    }
}

fn request() -> Request {
    Request {
        requester: Party { name: "R. Quester".into(), address: vec!["1 Main Street".into()], ..Party::default() },
        subjects: vec![Subject { name: "Someone".into(), birth_date: Some("1957-03-14".into()), ..Subject::default() }],
        basis: "patient-access".into(),
        purpose: "own use".into(),
        delivery: Delivery { channel: "portal".into(), ..Delivery::default() },
        ..Request::default()
    }
}

fn portal() -> Delivering {
    Delivering { channel: "portal".into(), tracking: "T-1".into(), ..Delivering::default() }
}

mod sites;

#[tokio::test]
async fn two_people_bring_a_request_to_its_recipient_and_each_look_is_in_the_log() {
    let world = world().await;
    let sealed = world.sealed(request()).await;
    let handed = world.desk.deliver(&sealed, portal(), &world.who("ann")).await.unwrap().into_inner();
    assert_eq!(world.state(&sealed.number).await, State::Delivered);
    let view = world.desk.get(&sealed.number, &world.who("ben")).await.unwrap().into_inner();
    assert_eq!((view.history.len() as i64, view.seen.steps), (handed.seen.steps, handed.seen.steps));
    assert!(view.history.iter().all(|step| step.entry.as_deref().is_some_and(|at| at.contains('/')) && !step.who.is_empty()));
    assert!(view.missing.is_empty() && view.incomplete.is_empty());
    let entries = world.events("disclosure");
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["patients"][0]["archive_id"], PERSON);
    assert_eq!(entries[0]["detail"]["request"], sealed.number.as_str());
    let looks = world.events(VIEWED).len();
    let board = world.desk.list(false, &world.who("ben")).await.unwrap().into_inner();
    assert_eq!((board.len(), board[0].patients[0].as_str()), (1, "Someone"));
    assert_eq!(world.events(VIEWED).len(), looks + 1);

    // The same package again is another handing out and no other package.
    let again = world.desk.deliver(&handed.seen, Delivering { channel: "mail".into(), ..portal() }, &world.who("ann")).await;
    let again = again.unwrap().into_inner();
    assert_eq!((again.handover, again.files[0].sha256.clone()), (1, handed.files[0].sha256.clone()));
    assert_eq!(world.events("disclosure").len(), 2);
    let file = world.desk.package(&sealed.number, &again.files[0].sha256, &world.who("ann")).await.unwrap().into_inner();
    assert_eq!(crate::release::shelf::digest_of(file.file).unwrap(), file.sha256);
    let seen = world.step(&again.seen, Move::Confirm { how: "signed slip".into() }, "ann").await.unwrap();
    world.step(&seen, Move::Close, "ann").await.unwrap();
}

#[tokio::test]
async fn who_may_not_is_refused_and_who_saw_an_older_state_is_told() {
    let world = world().await;
    let seen = world.desk.open(request(), now(), &world.who("ann")).await.unwrap();
    for name in ["clinician", "compliance"] {
        let who = world.who(name);
        let denied = |error: DeskError| matches!(error, DeskError::Gate(crate::access::GateError::Denied));
        assert!(denied(world.desk.get(&seen.number, &who).await.unwrap_err()), "{name}");
        assert!(denied(world.desk.list(true, &who).await.unwrap_err()), "{name}");
        assert!(denied(world.desk.open(request(), now(), &who).await.unwrap_err()), "{name}");
        assert!(denied(world.step(&seen, Move::Submit { waits: false }, name).await.unwrap_err()), "{name}");
        assert!(denied(world.desk.keep_paper(b"%PDF-1.4", "a", "order", &who).unwrap_err()), "{name}");
        assert!(denied(world.desk.deliver(&seen, portal(), &who).await.unwrap_err()), "{name}");
        assert!(denied(world.desk.candidates(&seen.number, 0, &who).await.unwrap_err()), "{name}");
    }
    assert!(world.events("authz.denied").len() >= 12);
    let later = world.step(&seen, Move::Submit { waits: false }, "ann").await.unwrap();
    assert!(matches!(world.step(&seen, Move::Submit { waits: false }, "ben").await, Err(DeskError::Moved)));
    assert!(matches!(world.step(&later, Move::Supersede { by: "x".into() }, "ann").await, Err(DeskError::NotHere)));
    let nobody = Move::Identify { subject: 0, keys: vec![PERSON.into(), OTHER.into()] };
    assert!(matches!(world.step(&later, nobody, "ann").await, Err(DeskError::NotOnePerson)));
    assert!(matches!(world.desk.get("2026-999999", &world.who("ann")).await, Err(DeskError::Unknown)));
    assert!(matches!(world.desk.open(request(), now() + 1_000, &world.who("ann")).await, Err(DeskError::Received)));
    assert!(matches!(
        world.desk.pick(&seen.number, 0, None, &world.who("ann")).await,
        Err(DeskError::Refused(Refusal::Unresolved))
    ));
}

#[tokio::test]
async fn approval_and_delivery_ask_for_a_second_person_who_signed_in_just_now() {
    let world = world().await;
    let seen = world.previewed(request()).await;
    let seen = world.step(&seen, Move::Review, "ann").await.unwrap();
    let approve = || world.approve(&seen.number);
    let refused = |result: Result<Seen, DeskError>| match result.unwrap_err() {
        DeskError::Refused(refusal) => refusal,
        other => panic!("{other}"),
    };
    assert_eq!(refused(world.step(&seen, approve().await, "ann").await), Refusal::SamePerson);
    assert_eq!(refused(world.step(&seen, approve().await, "tired").await), Refusal::StepUp);
    let alone = Move::ApproveAlone { preview_sha256: String::new(), reason: "now".into() };
    assert!(matches!(refused(world.step(&seen, alone, "ben").await), Refusal::NotTheApproved));
    assert!(matches!(world.desk.seal(&seen, &world.who("ann")).await, Err(DeskError::Refused(Refusal::NotNow(_)))));
    let seen = world.step(&seen, approve().await, "ben").await.unwrap();
    let job = world.desk.seal(&seen, &world.who("ann")).await.unwrap();
    let seen = world.done(job).await;
    let late = world.desk.deliver(&seen, portal(), &world.who("tired")).await.unwrap_err();
    assert!(matches!(late, DeskError::Refused(Refusal::StepUp)));
    assert!(world.events("disclosure").is_empty(), "what is refused is no disclosure");
}

#[tokio::test]
async fn an_emergency_is_released_alone_and_waits_on_the_board_for_somebody_else() {
    let world = world().await;
    let urgent = Request { basis: "treatment".into(), priority: Priority::Emergency, ..request() };
    let seen = world.previewed(urgent).await;
    let preview_sha256 = world.desk.ledger().get(&seen.number).await.unwrap().case.preview.unwrap().digest();
    let seen = world.step(&seen, Move::ApproveAlone { preview_sha256, reason: "in surgery".into() }, "ann").await.unwrap();
    let job = world.desk.seal(&seen, &world.who("ann")).await.unwrap();
    let seen = world.done(job).await;
    let seen = world.desk.deliver(&seen, portal(), &world.who("ann")).await.unwrap().into_inner().seen;
    let board = world.desk.list(false, &world.who("ben")).await.unwrap().into_inner();
    let due = board[0].review_due.unwrap();
    assert!(due > now() && due < now() + 5 * 86_400);
    assert!(matches!(world.step(&seen, Move::Close, "ann").await, Err(DeskError::Refused(Refusal::ReviewFirst))));
    let review = |holds| Move::ReviewAlone { holds, words: "it was".into() };
    assert!(matches!(world.step(&seen, review(true), "ann").await, Err(DeskError::Refused(Refusal::SamePerson))));
    let seen = world.step(&seen, review(true), "ben").await.unwrap();
    assert_eq!(world.desk.list(false, &world.who("ben")).await.unwrap().into_inner()[0].review_due, None);
    world.step(&seen, Move::Close, "ann").await.unwrap();
}

#[tokio::test]
async fn a_crash_between_disclosure_and_step_is_made_good_when_the_request_is_next_opened() {
    let world = world().await;
    let sealed = world.sealed(request()).await;
    let case = world.desk.ledger().get(&sealed.number).await.unwrap().case;
    let handover =
        Handover { channel: "mail".into(), manifests: vec![case.packages[0].manifest_sha256.clone()], ..Handover::default() };
    let begun = |id: &str, at: i64| PendingHandover {
        id: id.into(),
        number: sealed.number.clone(),
        by: "local ann".into(),
        at,
        handover: serde_json::to_string(&handover).unwrap(),
    };
    // Cut off before the disclosure: it never happened.
    world.desk.register.begin_handover(&begun("never", now() - 600)).await.unwrap();
    let view = world.desk.get(&sealed.number, &world.who("ben")).await.unwrap().into_inner();
    assert_eq!(view.case.state, State::Sealed);
    assert!(world.desk.register.pending_handovers(&sealed.number).await.unwrap().is_empty());
    // Under way just now: left alone.
    world.desk.register.begin_handover(&begun("now", now())).await.unwrap();
    world.desk.get(&sealed.number, &world.who("ben")).await.unwrap();
    assert_eq!(world.desk.register.pending_handovers(&sealed.number).await.unwrap().len(), 1);
    // Cut off after it: it happened, by whom it was.
    let mut entry = entry("disclosure", &world.people["ann"], &world.context);
    entry.detail = vec![("request", sealed.number.clone()), ("handover", "now".into())];
    world.desk.log().append(entry).unwrap();
    let view = world.desk.get(&sealed.number, &world.who("ben")).await.unwrap().into_inner();
    assert_eq!((view.case.state, view.case.handovers.len()), (State::Delivered, 1));
    assert_eq!(view.history.last().unwrap().step.by, "local ann");
    assert!(view.case.handovers[0].disclosure_entry.contains('/'));
    assert!(world.desk.register.pending_handovers(&sealed.number).await.unwrap().is_empty());
    let again = world.desk.get(&sealed.number, &world.who("ben")).await.unwrap().into_inner();
    assert_eq!(again.case.handovers.len(), 1);
}

#[tokio::test]
async fn a_link_gives_the_package_once_to_who_knows_birth_date_and_pin() {
    let world = world().await;
    let sealed = world.sealed(request()).await;
    let handed = world.desk.deliver(&sealed, portal(), &world.who("ann")).await.unwrap().into_inner();
    let link = &handed.links[0];
    assert!(!format!("{handed:?}").contains(link.pin.as_str()));
    let token = link.path.strip_prefix("/r/").unwrap().to_owned();
    let ask = async |born: &str, pin: &str| world.desk.fetch(&token, born, pin, &world.context).await;
    assert!(matches!(world.desk.fetch("another", "1957-03-14", &link.pin, &world.context).await, Err(NotFetched::NoLink)));
    assert!(matches!(ask("1957-03-15", &link.pin).await, Err(NotFetched::Wrong { left: 4, .. })));
    assert!(matches!(ask("1957-03-14", "AAAAA").await, Err(NotFetched::Wrong { left: 3, .. })));
    assert_eq!(world.events("release.refused").len(), 2);
    let mut spoken = link.pin.to_lowercase();
    spoken.insert(5, '-');
    let file = ask("1957-03-14", &spoken).await.unwrap().into_inner();
    assert_eq!(file.sha256, handed.files[0].sha256);
    assert_eq!(world.events("release.fetched").len(), 1);
    assert!(matches!(ask("1957-03-14", &link.pin).await, Err(NotFetched::NoLink)), "once");

    let again = world.desk.deliver(&handed.seen, portal(), &world.who("ann")).await.unwrap().into_inner();
    let link = &again.links[0];
    let token = link.path.strip_prefix("/r/").unwrap();
    for _ in 0..5 {
        world.desk.fetch(token, "1900-01-01", "wrong", &world.context).await.unwrap_err();
    }
    let locked = world.desk.fetch(token, "1957-03-14", &link.pin, &world.context).await;
    assert!(matches!(locked, Err(NotFetched::NoLink)), "five wrong answers end it");
    assert!(!world.desk.is_link(token).await.unwrap());

    let third = world.desk.deliver(&again.seen, portal(), &world.who("ann")).await.unwrap().into_inner();
    world.step(&third.seen, Move::Revoke { on: "2026-11-20".into() }, "ann").await.unwrap();
    let token = third.links[0].path.strip_prefix("/r/").unwrap();
    let revoked = world.desk.fetch(token, "1957-03-14", &third.links[0].pin, &world.context).await;
    assert!(matches!(revoked, Err(NotFetched::NoLink)), "what was not fetched before a revocation stays");
}

#[tokio::test]
async fn a_hold_stops_everything_until_somebody_else_ends_it() {
    let world = world().await;
    let sealed = world.sealed(request()).await;
    let held = world.step(&sealed, Move::Hold { matter: "Doe v. Roe".into() }, "ann").await.unwrap();
    for made in [Move::Cancel { reason: "no".into() }, Move::Reject { reason: "no".into() }, Move::Close] {
        assert!(matches!(world.step(&held, made, "ben").await, Err(DeskError::Refused(Refusal::NotNow(State::OnHold)))));
    }
    let out = world.desk.deliver(&held, portal(), &world.who("ben")).await;
    assert!(matches!(out, Err(DeskError::Refused(Refusal::NotNow(State::OnHold)))));
    assert!(matches!(world.step(&held, Move::Resume, "ann").await, Err(DeskError::Refused(Refusal::SamePerson))));
    let key = PatientKey::parse(PERSON).unwrap();
    assert!(crate::audit::holds(&world.desk.folder).unwrap().contains_key(&key), "the log's own entries are kept too");

    // Another request holds the same patient: the end of one hold does not end the other.
    let other = world.scoped(request()).await;
    let other = world.step(&other, Move::Hold { matter: "Roe v. Doe".into() }, "ann").await.unwrap();
    world.step(&held, Move::Resume, "ben").await.unwrap();
    assert!(crate::audit::holds(&world.desk.folder).unwrap().contains_key(&key));
    world.step(&other, Move::Resume, "ben").await.unwrap();
    assert!(crate::audit::holds(&world.desk.folder).unwrap().is_empty());
    assert_eq!(world.state(&sealed.number).await, State::Sealed);
}

#[tokio::test]
async fn papers_are_told_by_their_bytes_and_shown_with_their_request_alone() {
    let world = world().await;
    let who = world.who("ann");
    for (bytes, kind) in
        [(&b"MZ\x90\x00\x03"[..], "order"), (b"", "order"), (b"%PDF-1.4\n", "gossip"), (b"PK\x03\x04aaaa", "order")]
    {
        assert!(matches!(world.desk.keep_paper(bytes, "a", kind, &who), Err(DeskError::Paper(_))), "{kind}");
    }
    let paper = world.desk.keep_paper(b"%PDF-1.4\n%%EOF", "../../order.pdf", "order", &who).unwrap();
    assert_eq!((paper.name.as_str(), paper.media_type.as_str()), ("order.pdf", "application/pdf"));
    let seen = world.desk.open(Request { papers: vec![paper.clone()], ..request() }, now(), &who).await.unwrap();
    let (_, bytes) = world.desk.paper(&seen.number, &paper.sha256, &who).await.unwrap().into_inner();
    assert!(bytes.starts_with(b"%PDF"));
    let other = world.desk.open(request(), now(), &who).await.unwrap();
    assert!(matches!(world.desk.paper(&other.number, &paper.sha256, &who).await, Err(DeskError::NotThere)));
    let mut request = request();
    request.papers = vec![crate::release::request::Paper { sha256: "0".repeat(64), ..paper }];
    let unkept = world.step(&other, Move::Write { request: Box::new(request) }, "ann").await;
    assert!(matches!(unkept, Err(DeskError::NotThere)));
}

#[tokio::test]
async fn a_request_that_takes_anothers_place_names_it() {
    let world = world().await;
    let sealed = world.sealed(request()).await;
    let delivered = world.desk.deliver(&sealed, portal(), &world.who("ann")).await.unwrap().into_inner();
    let new = world.desk.supersede(&delivered.seen, &world.who("ben")).await.unwrap();
    assert_eq!(world.state(&sealed.number).await, State::Superseded);
    let case = world.desk.ledger().get(&new.number).await.unwrap().case;
    assert_eq!((case.state, case.request.supersedes.as_deref()), (State::Draft, Some(sealed.number.as_str())));
    let token = delivered.links[0].path.strip_prefix("/r/").unwrap();
    assert!(!world.desk.is_link(token).await.unwrap(), "what it replaces is not fetched any more");
    let moved = world.desk.supersede(&delivered.seen, &world.who("ben")).await;
    assert!(matches!(moved, Err(DeskError::Moved)));
    let closed = world.desk.register.add_release_step(&new.number, 0, "{}", &Default::default(), |_| Ok(String::new())).await;
    assert!(matches!(closed, Err(RegisterError::ReleaseMoved)));
}

#[tokio::test]
async fn what_leaves_is_what_was_seen_and_proves_its_approval_and_its_disclosure() {
    let world = world().await;
    let sealed = world.sealed(request()).await;
    let who = world.who("ann");
    let number = &sealed.number;
    let case = world.desk.ledger().get(number).await.unwrap().case;
    assert_eq!(case.packages[0].first_bates.len(), "RIV26-00000001".len());
    let selection = world.desk.selection(number, 0, &who).await.unwrap().into_inner();
    assert!(selection.items.len() >= 3, "the person's records are there");
    let png = world.desk.page_png(number, 0, 1, 400, &who).await.unwrap().into_inner();
    assert!(png.starts_with(b"\x89PNG"));
    let pages = world.desk.preview_told(number, 0, &who).await.unwrap().into_inner().items;
    let (_, first, last) = pages[0];
    let mut words = String::new();
    for page in first..=last {
        words += &world.desk.page_words(number, 0, page, &who).await.unwrap().into_inner();
    }
    assert!(words.contains("Haemoglobin") || words.contains("Quill0"), "{words}");
    assert!(matches!(world.desk.page_png(number, 0, 9_999, 400, &who).await, Err(DeskError::NotThere)));

    let how = Delivering { is_encrypted: true, channel: "media".into(), ..Delivering::default() };
    let handed = world.desk.deliver(&sealed, how, &who).await.unwrap().into_inner();
    assert!(handed.files[0].secret.as_ref().unwrap().len() > 20 && handed.links.is_empty());
    let wrapped = world.desk.package(number, &handed.files[0].sha256, &who).await.unwrap().into_inner();
    assert!(crate::release::package::wrap::is_wrapped(wrapped.file));
    let plain = world.desk.package(number, &case.packages[0].package_sha256, &who).await.unwrap().into_inner();
    let ring = KeyRing::load(&world.desk.folder).unwrap();
    let (keys, log) = (ring.verifiers(KeyPurpose::Release), ring.verifiers(KeyPurpose::Audit));
    let report = crate::release::package::verify::verify_with(plain.file, &keys, &log).unwrap();
    assert!(report.holds(), "{:?}", report.findings);
    let receipt = world.desk.receipt(number, 0, &who).await.unwrap().into_inner();
    let proof = crate::audit::Proof::parse(std::str::from_utf8(&receipt).unwrap()).unwrap();
    let crate::audit::Proved::Entry { entry, .. } = crate::audit::check_proof(&proof, &log).unwrap() else { panic!() };
    assert!(entry.unwrap().contains("\"disclosure\""));
    let range = &world.desk.register.bates_of(number).await.unwrap()[0];
    assert_eq!((range.last - range.first + 1, range.void_because.as_deref()), (case.packages[0].pages as i64, None));
    assert!(matches!(world.desk.package(number, &selection.digest(), &who).await, Err(DeskError::NotThere)));
}

#[tokio::test]
async fn records_under_part_2_wait_for_the_sites_notice_and_for_the_consent() {
    let world = world().await;
    let who = world.who("ann");
    let mut asked = Request { basis: "part2-consent".into(), expires: Some(jiff::civil::date(2100, 1, 1)), ..request() };
    let seen = world.scoped(asked.clone()).await;
    let seen = world.desk.assemble(&seen, &who).await.unwrap();
    let mut seen = seen;
    for (subject, item) in world.desk.get(&seen.number, &who).await.unwrap().into_inner().undecided {
        let decision = Decision::Include { reason: "looked at".into() };
        seen = world.desk.decide(&seen, subject, item, decision, &who).await.unwrap();
    }
    assert!(matches!(world.desk.preview(&seen, &who).await, Err(DeskError::NoConsent)));
    asked.papers = vec![world.desk.keep_paper(b"%PDF-1.4\n%%EOF", "consent.pdf", "consent", &who).unwrap()];
    let seen = world.scoped(asked).await;
    let mut seen = world.desk.assemble(&seen, &who).await.unwrap();
    for (subject, item) in world.desk.get(&seen.number, &who).await.unwrap().into_inner().undecided {
        let decision = Decision::Include { reason: "looked at".into() };
        seen = world.desk.decide(&seen, subject, item, decision, &who).await.unwrap();
    }
    let refused = world.desk.preview(&seen, &who).await;
    assert!(matches!(refused, Err(DeskError::Text(crate::release::paper::front::TextFault::Unapproved { .. }))), "{refused:?}");
}

#[tokio::test]
async fn what_is_to_be_redacted_has_to_be_and_another_person_looks_at_it() {
    let world = world().await;
    let (ann, ben) = (world.who("ann"), world.who("ben"));
    let seen = world.scoped(request()).await;
    let seen = world.desk.assemble(&seen, &ann).await.unwrap();
    let item = world.desk.selection(&seen.number, 0, &ann).await.unwrap().into_inner().items.len() - 1;
    let mut seen = world.desk.decide(&seen, 0, item, Decision::Redact { reason: "third party".into() }, &ann).await.unwrap();
    for (subject, item) in world.desk.get(&seen.number, &ann).await.unwrap().into_inner().undecided {
        seen = world.desk.decide(&seen, subject, item, Decision::Include { reason: "seen".into() }, &ann).await.unwrap();
    }
    assert!(matches!(world.desk.preview(&seen, &ann).await, Err(DeskError::NotRedacted(_))));
    let term = |text: &str| Term { text: text.into(), reason: "R-1".into(), ..Term::default() };
    let reasons = vec![Reason { code: "R-1".into(), words: "third party".into() }];
    let bad = Redactions { terms: vec![Term { reason: "R-9".into(), ..term("Haemoglobin") }], ..Redactions::default() };
    assert!(matches!(world.desk.redact(&seen, 0, bad, &ann).await, Err(DeskError::Redactions(_))));
    let good = Redactions { terms: vec![term("Haemoglobin"), term("Zauberberg")], reasons, ..Redactions::default() };
    let seen = world.desk.redact(&seen, 0, good, &ann).await.unwrap();
    let kept = world.desk.redactions(&seen.number, 0, &ben).await.unwrap().into_inner();
    assert_eq!((kept.terms[0].by.as_str(), kept.selection_sha256.len()), ("local ann", 64));
    let job = world.desk.preview(&seen, &ann).await.unwrap();
    assert!(matches!(world.desk.preview(&seen, &ann).await, Err(DeskError::Busy | DeskError::Moved)), "one at a time");
    let seen = world.done(job).await;
    assert!(matches!(world.step(&seen, Move::Review, "ann").await, Err(DeskError::Refused(Refusal::SamePerson))));
    let told = world.desk.preview_told(&seen.number, 0, &ben).await.unwrap().into_inner();
    assert_eq!((told.unread, told.idle), (vec![], vec![Cause::Term(1)]), "a word that stands nowhere is told");
    let (_, first, last) = told.items[0];
    for page in first..=last {
        let words = world.desk.page_words(&seen.number, 0, page, &ben).await.unwrap().into_inner();
        assert!(!words.to_lowercase().contains("haemoglobin"));
    }
    world.step(&seen, Move::Review, "ben").await.unwrap();
}

#[tokio::test]
async fn candidates_are_shown_side_by_side_and_nobody_is_chosen() {
    let world = world().await;
    let mut asked = request();
    asked.subjects[0] = Subject {
        name: "Quill0".into(),
        birth_date: Some("1957-03-14".into()),
        numbers: vec!["M-0".into()],
        ..Subject::default()
    };
    let seen = world.desk.open(asked, now(), &world.who("ann")).await.unwrap();
    let found = world.desk.candidates(&seen.number, 0, &world.who("ann")).await.unwrap().into_inner();
    let first = found.iter().find(|it| it.keys == [PERSON]).unwrap();
    assert!(first.agrees && found.iter().filter(|it| it.agrees).count() == 1);
    let case = world.desk.ledger().get(&seen.number).await.unwrap().case;
    assert!(case.request.subjects[0].keys.is_empty());
}

#[tokio::test]
async fn a_package_that_could_not_be_made_leaves_no_numbers_behind() {
    let world = world().await;
    let seen = world.previewed(request()).await;
    let seen = world.step(&seen, Move::Review, "ann").await.unwrap();
    let seen = world.step(&seen, world.approve(&seen.number).await, "ben").await.unwrap();
    // What a cut-off sealing leaves: numbers, and no step.
    world.desk.register.give_bates("RIV26-", 7, &seen.number).await.unwrap();
    let job = world.desk.seal(&seen, &world.who("ann")).await.unwrap();
    let seen = world.done(job).await;
    let ranges = world.desk.register.bates_of(&seen.number).await.unwrap();
    assert_eq!((ranges.len(), ranges[0].void_because.is_some(), ranges[1].void_because.is_some()), (2, true, false));
    assert_eq!(ranges[1].first, 8);
    world.step(&seen, Move::Cancel { reason: "withdrawn".into() }, "ann").await.unwrap();
    let ranges = world.desk.register.bates_of(&seen.number).await.unwrap();
    assert!(ranges.iter().all(|range| range.void_because.is_some()), "nothing left, so no number is in use");
}

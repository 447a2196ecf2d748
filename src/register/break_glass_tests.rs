//! Behaviour of break-glass in the register: what refuses a use, how it ends, who reviews it, how notices wait.
//!
//! Not for: what a use opens (`access`), or the server's part in it.

use super::*;
use crate::model::{Class, Label, PatientKey};

async fn register() -> (Register, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let register = Register::open(&folder.path().join(REGISTER_FILE), SessionTimes::default()).await.unwrap();
    let ann = NewAccount { name: "ann".into(), display_name: "Ann".into(), roles: vec!["clinician".into()] };
    register.add_account(&ann, "correct horse").await.unwrap();
    (register, folder)
}

fn new(session: &str, text: &str) -> NewBreakGlass {
    NewBreakGlass {
        issuer: "local".into(),
        subject: "ann".into(),
        name: "Ann".into(),
        role: "clinician".into(),
        session: session.into(),
        patients: ["mer.1", "pvs.7"].into_iter().filter_map(PatientKey::parse).collect(),
        classes: Label::of(Class::Hiv).union(Label::of(Class::MentalHealth)),
        reason_code: "medical-emergency".into(),
        reason_text: text.into(),
        emergency: None,
    }
}

/// A use in force, in a live session.
async fn broken(register: &Register, text: &str) -> (StartedSession, BreakGlassUse) {
    let session = register.start_session("ann", "clinician").await.unwrap();
    let begun = register.begin_break_glass(new(&session.session.audit_id, text)).await.unwrap().unwrap();
    register.confirm_break_glass(&begun.id, &[]).await.unwrap();
    (session, begun)
}

async fn in_force(register: &Register, session: &StartedSession) -> usize {
    register.break_glass_in_force("local", "ann", &session.session.audit_id).await.unwrap().len()
}

#[tokio::test]
async fn what_refuses_a_use() {
    let (register, _folder) = register().await;
    broken(&register, "Found unconscious at the bus stop").await;
    let nobody = NewBreakGlass { patients: Vec::new(), ..new("s", "Chest pain since the morning") };
    for (asked, refusal) in [
        (new("s", ""), BreakGlassRefusal::ShortReason),
        (new("s", "fourteen chars"), BreakGlassRefusal::ShortReason),
        (new("s", "a              b   c      d        e"), BreakGlassRefusal::ShortReason),
        (new("s", "Found unconscious at the bus stop"), BreakGlassRefusal::RepeatedReason),
        (new("s", "  found UNCONSCIOUS, at the bus-stop!"), BreakGlassRefusal::RepeatedReason),
        (nobody, BreakGlassRefusal::Nobody),
    ] {
        let text = asked.reason_text.clone();
        assert_eq!(register.begin_break_glass(asked).await.unwrap().unwrap_err(), refusal, "{text:?}");
    }
    let another = NewBreakGlass { subject: "bob".into(), ..new("s", "Found unconscious at the bus stop") };
    assert!(register.begin_break_glass(another).await.unwrap().is_ok(), "what another person said does not count");
    for text in ["Second emergency of the night", "Third emergency of the night"] {
        assert!(register.begin_break_glass(new("s", text)).await.unwrap().is_ok());
    }
    let fourth = register.begin_break_glass(new("s", "Fourth emergency of the night")).await.unwrap().unwrap_err();
    assert!(matches!(fourth, BreakGlassRefusal::TooMany { again_at } if (3590..=3600).contains(&(again_at - now()))));
    sqlx::query("UPDATE break_glass SET started = started - 3601").execute(&register.pool).await.unwrap();
    assert!(register.begin_break_glass(new("s", "Fifth emergency, an hour later")).await.unwrap().is_ok());
}

#[tokio::test]
async fn many_at_once_do_not_pass_the_bound() {
    let (register, _folder) = register().await;
    let asked: Vec<_> = (0..8)
        .map(|n| {
            let register = register.clone();
            tokio::spawn(async move {
                register.begin_break_glass(new("s", &format!("Emergency of number {n}"))).await.unwrap().is_ok()
            })
        })
        .collect();
    let mut begun = 0;
    for one in asked {
        begun += usize::from(one.await.unwrap());
    }
    assert_eq!(begun, 3);
}

#[tokio::test]
async fn a_use_opens_nothing_before_it_is_confirmed_and_for_nobody_else() {
    let (register, _folder) = register().await;
    let session = register.start_session("ann", "clinician").await.unwrap();
    let begun =
        register.begin_break_glass(new(&session.session.audit_id, "Chest pain since the morning")).await.unwrap().unwrap();
    assert_eq!(in_force(&register, &session).await, 0);
    assert_eq!(register.break_glass(&begun.id).await.unwrap(), None, "nor is there anything to review");
    register.confirm_break_glass(&begun.id, &[]).await.unwrap();
    let found = register.break_glass_in_force("local", "ann", &session.session.audit_id).await.unwrap();
    assert_eq!((found.len(), found[0].patients.len(), found[0].classes), (1, 2, begun.classes));
    for (issuer, subject, session) in [
        ("local", "bob", session.session.audit_id.as_str()),
        ("https://ehr.example", "ann", &session.session.audit_id),
        ("local", "ann", "another session"),
    ] {
        assert!(register.break_glass_in_force(issuer, subject, session).await.unwrap().is_empty(), "{issuer} {subject}");
    }
    let withdrawn = register.begin_break_glass(new("s", "A log that takes no entry")).await.unwrap().unwrap();
    register.withdraw_break_glass(&withdrawn.id).await.unwrap();
    assert!(matches!(register.confirm_break_glass(&withdrawn.id, &[]).await, Err(RegisterError::UnknownBreakGlass)));
    register.withdraw_break_glass(&begun.id).await.unwrap();
    assert_eq!(in_force(&register, &session).await, 1, "what is in force cannot be withdrawn");
}

#[tokio::test]
async fn a_use_ends_by_hand_by_time_and_with_its_session() {
    let (register, _folder) = register().await;
    let (session, by_hand) = broken(&register, "Ended by hand, after a while").await;
    assert!(register.stop_break_glass(&by_hand.id, "ended-by-user").await.unwrap());
    assert!(!register.stop_break_glass(&by_hand.id, "ended-by-user").await.unwrap());
    assert_eq!(in_force(&register, &session).await, 0);

    let (session, by_time) = broken(&register, "Ended by the clock, unlike that").await;
    sqlx::query("UPDATE break_glass SET expires = ? WHERE id = ?")
        .bind(now())
        .bind(&by_time.id)
        .execute(&register.pool)
        .await
        .unwrap();
    assert_eq!(in_force(&register, &session).await, 0, "at that second, before anybody has swept");

    let (session, by_session) = broken(&register, "Ended by signing out of it all").await;
    register.expire_break_glass().await.unwrap();
    assert_eq!(in_force(&register, &session).await, 1);
    register.end_session(&session.id).await.unwrap();
    register.expire_break_glass().await.unwrap();

    let ended = register.break_glass_to_be_logged().await.unwrap();
    let why = |id: &str| ended.iter().find(|it| it.id == id).unwrap().stop_reason.clone().unwrap();
    assert_eq!(why(&by_hand.id), "ended-by-user");
    assert_eq!(why(&by_time.id), "expired");
    assert_eq!(why(&by_session.id), "session-ended");
    for it in &ended {
        register.break_glass_logged(&it.id, 2, 7).await.unwrap();
    }
    assert!(register.break_glass_to_be_logged().await.unwrap().is_empty());
    assert_eq!(register.break_glass(&by_hand.id).await.unwrap().unwrap().records, 7);
}

#[tokio::test]
async fn nobody_reviews_his_own_use_and_a_question_stays_in_the_queue() {
    let (register, _folder) = register().await;
    let (_, older) = broken(&register, "The older one of the two uses").await;
    let (_, newer) = broken(&register, "The newer one of the two uses").await;
    sqlx::query("UPDATE break_glass SET started = started - 60 WHERE id = ?")
        .bind(&older.id)
        .execute(&register.pool)
        .await
        .unwrap();
    let verdict = |issuer: &str, subject: &str, verdict| NewReview {
        issuer: issuer.into(),
        subject: subject.into(),
        name: subject.into(),
        verdict,
        comment: "seen".into(),
    };
    for (issuer, subject) in [("local", "ann"), ("local", "ANN"), ("cli", "ann")] {
        let own = register.review(&older.id, &verdict(issuer, subject, Verdict::Appropriate)).await;
        assert!(matches!(own, Err(RegisterError::OwnBreakGlass)), "{issuer} {subject}");
    }
    let unknown = register.review("no such use", &verdict("local", "rex", Verdict::Appropriate)).await;
    assert!(matches!(unknown, Err(RegisterError::UnknownBreakGlass)));

    let ids = |found: Vec<Reviewed>| found.into_iter().map(|reviewed| reviewed.it.id).collect::<Vec<_>>();
    assert_eq!(ids(register.reviews(false, 0, 10).await.unwrap()), [older.id.clone(), newer.id.clone()], "longest waiting first");
    register.review(&newer.id, &verdict("local", "rex", Verdict::NeedsInformation)).await.unwrap();
    assert_eq!(register.review_counts().await.unwrap(), (2, 2), "a question is no verdict");
    register.review(&older.id, &verdict("local", "rex", Verdict::Appropriate)).await.unwrap();
    assert_eq!(ids(register.reviews(false, 0, 10).await.unwrap()), std::slice::from_ref(&newer.id));
    assert_eq!(ids(register.reviews(true, 0, 10).await.unwrap()), [newer.id.clone(), older.id.clone()]);
    register.review(&newer.id, &verdict("cli", "root", Verdict::Inappropriate)).await.unwrap();
    assert_eq!(register.review_counts().await.unwrap(), (0, 2));
    let given = register.reviews_of(&newer.id).await.unwrap();
    assert_eq!(
        given.iter().map(|review| review.verdict).collect::<Vec<_>>(),
        [Verdict::NeedsInformation, Verdict::Inappropriate]
    );
    let reviewed = Reviewed { it: newer, verdict: None };
    assert_eq!(reviewed.due(7) - reviewed.it.started, 7 * 86_400);
}

#[tokio::test]
async fn a_notice_waits_longer_after_each_failure_and_is_taken_up_once() {
    let (register, _folder) = register().await;
    let begun = register.begin_break_glass(new("s", "Chest pain since the morning")).await.unwrap().unwrap();
    register.confirm_break_glass(&begun.id, &[(Channel::Webhook, "{}".into())]).await.unwrap();
    let first = register.due_notices(10).await.unwrap();
    assert_eq!((first.len(), first[0].about.as_str(), first[0].attempts), (1, begun.id.as_str(), 1));
    assert!(register.due_notices(10).await.unwrap().is_empty(), "another process does not get it too");
    let mut waits = Vec::new();
    for attempts in [1, 2, 3, 8, 9, 40] {
        register.notice_later(&Notice { attempts, ..first[0].clone() }).await.unwrap();
        let next: i64 = sqlx::query_scalar("SELECT next_try FROM notices").fetch_one(&register.pool).await.unwrap();
        waits.push(next - now());
    }
    let expected = [2, 4, 8, 256, 300, 300];
    assert!(waits.iter().zip(expected).all(|(wait, expected)| (expected - 1..=expected).contains(wait)), "{waits:?}");
    sqlx::query("UPDATE notices SET next_try = 0").execute(&register.pool).await.unwrap();
    assert_eq!(register.due_notices(10).await.unwrap()[0].attempts, 2);
    register.notice_done(first[0].number).await.unwrap();
    sqlx::query("UPDATE notices SET next_try = 0").execute(&register.pool).await.unwrap();
    assert!(register.due_notices(10).await.unwrap().is_empty());
}

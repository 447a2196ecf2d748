//! Behaviour of the register: lock-out, sessions, several processes at once. Not for: HTTP.

use super::*;

const PASSWORD: &str = "correct horse";

struct Fixture {
    register: Register,
    folder: tempfile::TempDir,
}

/// A register with one account, `ann`, clinician and him.
async fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let register = Register::open(&folder.path().join(REGISTER_FILE), SessionTimes::default()).await.unwrap();
    register.add_account(&new_account("ann"), PASSWORD).await.unwrap();
    Fixture { register, folder }
}

fn new_account(name: &str) -> NewAccount {
    NewAccount { name: name.into(), display_name: "Ann Example".into(), roles: vec!["clinician".into(), "him".into()] }
}

/// Makes time pass, as far as the file is concerned.
async fn pass(register: &Register, seconds: i64) {
    for statement in [
        "UPDATE sessions SET last_seen = last_seen - ?1, created = created - ?1",
        "UPDATE accounts SET locked_until = max(locked_until - ?1, 0) WHERE locked_until > ?1",
    ] {
        sqlx::query(statement).bind(seconds).execute(&register.pool).await.unwrap();
    }
}

async fn attempt(register: &Register, password: &str) -> Result<String, LoginRefusal> {
    register.login("ann", password, "").await.unwrap().map(|account| account.name)
}

#[tokio::test]
async fn an_account_signs_in_with_its_password_only() {
    let Fixture { register, folder: _folder } = fixture().await;
    assert_eq!(attempt(&register, PASSWORD).await, Ok("ann".into()));
    assert_eq!(attempt(&register, "wrong horse").await, Err(LoginRefusal::WrongPassword));
    assert_eq!(register.login("ANN", PASSWORD, "").await.unwrap().unwrap().name, "ann");
    assert_eq!(register.login("bob", PASSWORD, "").await.unwrap(), Err(LoginRefusal::UnknownAccount));
    assert!(matches!(register.add_account(&new_account("Ann"), PASSWORD).await, Err(RegisterError::Exists)));
    assert!(matches!(register.add_account(&new_account("a b"), PASSWORD).await, Err(RegisterError::BadName)));
    assert!(matches!(
        register.add_account(&new_account("bob"), "short").await,
        Err(RegisterError::BadPassword(PasswordRefusal::TooShort))
    ));
    let stored: String = sqlx::query_scalar("SELECT password_hash FROM accounts").fetch_one(&register.pool).await.unwrap();
    assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
}

#[tokio::test]
async fn five_failures_lock_an_account_even_for_the_right_password() {
    let Fixture { register, folder: _folder } = fixture().await;
    for _ in 0..4 {
        assert_eq!(attempt(&register, "wrong horse").await, Err(LoginRefusal::WrongPassword));
    }
    assert_eq!(attempt(&register, PASSWORD).await, Ok("ann".into()), "four failures do not lock, and success starts anew");
    for n in 1..=5 {
        let refusal = if n < 5 { LoginRefusal::WrongPassword } else { LoginRefusal::LockedNow };
        assert_eq!(attempt(&register, "wrong horse").await, Err(refusal));
    }
    assert_eq!(attempt(&register, PASSWORD).await, Err(LoginRefusal::Locked));
    register.login("bob", PASSWORD, "").await.unwrap().unwrap_err();
    let unmatched: i64 = sqlx::query_scalar("SELECT count FROM unmatched_logins").fetch_one(&register.pool).await.unwrap();
    assert_eq!(unmatched, 2, "an attempt on no account or a locked one is written down like any other");
    assert!(register.account("ann").await.unwrap().unwrap().locked_until.is_some());
    sqlx::query("UPDATE accounts SET locked_until = ?").bind(now()).execute(&register.pool).await.unwrap();
    assert_eq!(attempt(&register, "wrong horse").await, Err(LoginRefusal::WrongPassword), "the count starts anew after a lock");
    assert_eq!(attempt(&register, PASSWORD).await, Ok("ann".into()));
}

#[tokio::test]
async fn many_attempts_at_once_do_not_pass_the_bound() {
    let Fixture { register, folder: _folder } = fixture().await;
    let attempts: Vec<_> = (0..12)
        .map(|_| {
            let register = register.clone();
            tokio::spawn(async move { attempt(&register, "wrong horse").await })
        })
        .collect();
    let mut tried = 0;
    for outcome in attempts {
        let tries = [Err(LoginRefusal::WrongPassword), Err(LoginRefusal::LockedNow)];
        tried += usize::from(tries.contains(&outcome.await.unwrap()));
    }
    assert_eq!(tried, 5);
}

#[tokio::test]
async fn disabling_ends_sessions_and_refuses_sign_in() {
    let Fixture { register, folder: _folder } = fixture().await;
    let started = register.start_session("ann", "clinician").await.unwrap();
    assert!(register.session(&started.id, Activity::Person).await.unwrap().is_some());
    assert_eq!(register.set_disabled("ann", true).await.unwrap(), 1);
    assert_eq!(register.session(&started.id, Activity::Person).await.unwrap(), None);
    assert_eq!(attempt(&register, PASSWORD).await, Err(LoginRefusal::Disabled));
    assert!(matches!(register.start_session("ann", "clinician").await, Err(RegisterError::Unknown)));
    register.set_disabled("ann", false).await.unwrap();
    assert_eq!(attempt(&register, PASSWORD).await, Ok("ann".into()));
    assert!(matches!(register.set_disabled("bob", true).await, Err(RegisterError::Unknown)));
}

#[tokio::test]
async fn a_new_password_replaces_the_old_and_ends_sessions() {
    let Fixture { register, folder: _folder } = fixture().await;
    let started = register.start_session("ann", "clinician").await.unwrap();
    assert_eq!(register.set_password("ann", "battery staple").await.unwrap(), 1);
    assert_eq!(register.session(&started.id, Activity::Person).await.unwrap(), None);
    assert_eq!(attempt(&register, PASSWORD).await, Err(LoginRefusal::WrongPassword));
    assert_eq!(attempt(&register, "battery staple").await, Ok("ann".into()));
    assert!(matches!(register.set_password("bob", PASSWORD).await, Err(RegisterError::Unknown)));
}

#[tokio::test]
async fn a_session_ends_by_idleness_by_age_and_by_losing_its_role() {
    let Fixture { register, folder: _folder } = fixture().await;
    let start = || async { register.start_session("ann", "clinician").await.unwrap().id };
    let live = async |id: &str, activity| register.session(id, activity).await.unwrap().is_some();

    let id = start().await;
    pass(&register, 14 * 60).await;
    assert!(live(&id, Activity::Script).await);
    pass(&register, 2 * 60).await;
    assert!(!live(&id, Activity::Person).await, "a script's polling does not keep it alive");

    let id = start().await;
    for _ in 0..51 {
        pass(&register, 14 * 60).await;
        assert!(live(&id, Activity::Person).await);
    }
    pass(&register, 7 * 60).await;
    assert!(!live(&id, Activity::Person).await, "12 hours are the end even for the busy");

    let id = start().await;
    sqlx::query("UPDATE accounts SET roles = 'him'").execute(&register.pool).await.unwrap();
    assert!(!live(&id, Activity::Person).await);
    register.sweep().await.unwrap();
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM sessions").fetch_one(&register.pool).await.unwrap();
    assert_eq!(left, 1, "only the one that is within its times");
}

#[tokio::test]
async fn a_session_id_is_never_stored_and_a_new_role_brings_a_new_id() {
    let Fixture { register, folder } = fixture().await;
    let first = register.start_session("ann", "clinician").await.unwrap();
    assert_eq!(first.id.len(), 43);
    assert!(matches!(register.start_session("ann", "admin").await, Err(RegisterError::RoleNotHeld)));
    assert!(matches!(register.switch_role(&first.id, "admin").await, Err(RegisterError::RoleNotHeld)));
    let second = register.switch_role(&first.id, "him").await.unwrap().unwrap();
    assert_eq!(register.session(&first.id, Activity::Person).await.unwrap(), None);
    let session = register.session(&second.id, Activity::Person).await.unwrap().unwrap();
    assert_eq!(session.role, "him");
    assert_ne!(session.audit_id, first.session.audit_id);
    assert!(session.csrf_matches(second.session.csrf()) && !session.csrf_matches(first.session.csrf()));
    assert!(register.switch_role(&first.id, "him").await.unwrap().is_none());

    assert!(!format!("{second:?}").contains(second.session.csrf()) && !format!("{second:?}").contains(second.id.as_str()));
    register.close().await;
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(memchr::memmem::find(&bytes, second.id.as_bytes()).is_none());
    }
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let Fixture { register: _register, folder } = fixture().await;
    let mut files = 0;
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", file.file_name());
        files += 1;
    }
    assert!(files >= 2, "the write-ahead log lies beside the register");
}

#[tokio::test]
async fn signing_out_ends_one_or_all_sessions() {
    let Fixture { register, folder: _folder } = fixture().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(register.start_session("ann", "him").await.unwrap().id);
    }
    register.end_session(&ids[0]).await.unwrap();
    assert!(register.session(&ids[0], Activity::Person).await.unwrap().is_none());
    assert!(register.session(&ids[1], Activity::Person).await.unwrap().is_some());
    assert_eq!(register.end_sessions_of("ann").await.unwrap(), 2);
}

#[tokio::test]
async fn a_revoked_token_is_remembered_until_it_would_have_ended() {
    let Fixture { register, folder: _folder } = fixture().await;
    register.revoke_token("old", now() - 3600).await.unwrap();
    register.revoke_token("new", now() + 3600).await.unwrap();
    register.revoke_token("new", now() + 3600).await.unwrap();
    register.sweep().await.unwrap();
    let revoked = async |names: &[&str], issuer: &str, subject: &str, issued: i64| {
        register.is_token_revoked(TokenMark { names, issuer, subject, issued }).await.unwrap()
    };
    assert!(!revoked(&["old"], "urn:a", "ann", 0).await);
    assert!(revoked(&["new"], "urn:a", "ann", 0).await && revoked(&["other", "new"], "urn:a", "ann", 0).await, "by any name");
    assert!(!revoked(&["other"], "urn:a", "ann", 0).await);

    register.revoke_tokens_of("urn:a", "ann").await.unwrap();
    register.revoke_tokens_of("urn:a", "ann").await.unwrap();
    register.sweep().await.unwrap();
    for (issuer, subject, issued, expected) in [
        ("urn:a", "ann", now() - 60, true),
        ("urn:a", "ann", 0, true),
        ("urn:a", "ann", now() + 60, false),
        ("urn:a", "bob", now() - 60, false),
        ("urn:b", "ann", now() - 60, false),
    ] {
        assert_eq!(revoked(&["other"], issuer, subject, issued).await, expected, "{issuer} {subject} {issued}");
    }
    let aged = "UPDATE revoked_subjects SET until = until - 2 * 86400";
    sqlx::query(aged).execute(&register.pool).await.unwrap();
    register.sweep().await.unwrap();
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM revoked_subjects").fetch_one(&register.pool).await.unwrap();
    assert_eq!(left, 0, "no token lives so long");
}

#[tokio::test]
async fn an_alert_waits_until_it_is_seen_and_is_told_once() {
    let Fixture { register, folder: _folder } = fixture().await;
    let alert = |detail: &str| NewAlert {
        about: "context-mismatch",
        patients: ["mer.a", "mer.b"].into_iter().filter_map(crate::model::PatientKey::parse).collect(),
        detail: detail.into(),
        issuer: "https://ehr".into(),
        subject: "u1".into(),
        name: "Ann Example".into(),
    };
    let notices = [(Channel::Webhook, "{}".to_string())];
    for _ in 0..3 {
        register.raise_alert(&alert("birth-date"), &notices).await.unwrap();
    }
    register.raise_alert(&alert("family-name"), &notices).await.unwrap();
    let seen = register.unseen_alerts(10).await.unwrap();
    let told: Vec<(&str, i64)> = seen.iter().map(|alert| (alert.detail.as_str(), alert.times)).collect();
    assert_eq!(told, [("family-name", 1), ("birth-date", 3)]);
    assert_eq!((seen[1].patients.len(), register.due_notices(10).await.unwrap().len()), (2, 2));

    register.alert_seen(seen[1].number, "local", "hal").await.unwrap();
    assert_eq!(register.unseen_alert(seen[1].number).await.unwrap(), None);
    register.raise_alert(&alert("birth-date"), &notices).await.unwrap();
    assert_eq!(register.unseen_alerts(10).await.unwrap().len(), 2, "the same again, after it was seen, is new");
}

/// As `serve` and several `user add` do: each with its own connection, all opening a file that is not there yet.
#[test]
fn several_processes_open_and_write_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(REGISTER_FILE);
    std::thread::scope(|scope| {
        for n in 0..6 {
            let path = &path;
            scope.spawn(move || {
                let register = BlockingRegister::open(path).unwrap();
                register.add_account(&new_account(&format!("user{n}")), PASSWORD).unwrap();
                for _ in 0..5 {
                    register.revoke_token(&format!("token{n}"), now()).unwrap();
                }
            });
        }
    });
    assert_eq!(BlockingRegister::open(&path).unwrap().accounts().unwrap().len(), 6);
}

#[tokio::test]
async fn a_register_of_a_newer_version_is_refused() {
    let Fixture { register, folder } = fixture().await;
    sqlx::query("PRAGMA user_version = 99").execute(&register.pool).await.unwrap();
    let again = Register::open(&folder.path().join(REGISTER_FILE), SessionTimes::default()).await;
    assert!(matches!(again, Err(RegisterError::TooNew(99))));
}

/// Enrols `ann` in a second factor; gives its secret and recovery codes.
async fn enrol(register: &Register, session: &str) -> (String, Vec<String>) {
    register.begin_second_factor("ann").await.unwrap();
    let secret = register.pending_second_factor("ann").await.unwrap().unwrap().secret.to_string();
    assert!(!register.pending_fits("ann", "000000").await.unwrap() || totp::code_at(&secret, now()) == "000000");
    // A step back, so that the present step is still unused.
    let code = totp::code_at(&secret, now() - 30);
    let codes = register.confirm_second_factor("ann", &code, session).await.unwrap().unwrap();
    (secret, codes.iter().map(|code| code.to_string()).collect())
}

#[tokio::test]
async fn with_a_second_factor_a_sign_in_needs_both_and_each_code_counts_once() {
    let Fixture { register, folder: _folder } = fixture().await;
    let (kept, other) =
        (register.start_session("ann", "him").await.unwrap(), register.start_session("ann", "him").await.unwrap());
    assert!(!register.any_second_factor().await.unwrap());
    let (secret, recovery) = enrol(&register, &kept.id).await;
    assert!(register.session(&kept.id, Activity::Person).await.unwrap().unwrap().has_second_factor);
    assert_eq!(register.session(&other.id, Activity::Person).await.unwrap(), None, "sessions of one factor have ended");
    assert!(register.any_second_factor().await.unwrap());
    assert_eq!((recovery.len(), register.recovery_codes_left("ann").await.unwrap()), (10, 10));

    let used = totp::code_at(&secret, now() - 30);
    let fresh = totp::code_at(&secret, now());
    for (password, code, outcome) in [
        (PASSWORD, "", Err(LoginRefusal::WrongCode)),
        (PASSWORD, "123", Err(LoginRefusal::WrongCode)),
        (PASSWORD, used.as_str(), Err(LoginRefusal::CodeUsed)),
        ("wrong horse", fresh.as_str(), Err(LoginRefusal::WrongPassword)),
        (PASSWORD, fresh.as_str(), Ok(())),
        (PASSWORD, fresh.as_str(), Err(LoginRefusal::CodeUsed)),
        (PASSWORD, recovery[0].as_str(), Ok(())),
        (PASSWORD, recovery[0].as_str(), Err(LoginRefusal::WrongCode)),
        (PASSWORD, &recovery[1].to_lowercase(), Ok(())),
    ] {
        assert_eq!(register.login("ann", password, code).await.unwrap().map(|_| ()), outcome, "{password} {code}");
    }
    assert_eq!(register.recovery_codes_left("ann").await.unwrap(), 8);
    let proved = register.prove("ann", PASSWORD, "").await.unwrap().unwrap_err();
    assert_eq!(proved, LoginRefusal::WrongCode, "in a session the password alone proves nothing then");
    assert!(register.prove("ann", "", &recovery[2]).await.unwrap().is_ok());

    assert!(register.remove_second_factor("ann", "").await.unwrap());
    assert_eq!(attempt(&register, PASSWORD).await, Ok("ann".into()));
    assert_eq!(register.recovery_codes_left("ann").await.unwrap(), 0);
    assert_eq!(register.prove("ann", "wrong horse", "").await.unwrap().unwrap_err(), LoginRefusal::WrongPassword);
    assert!(register.prove("ann", PASSWORD, "").await.unwrap().is_ok());
}

#[tokio::test]
async fn wrong_codes_lock_like_wrong_passwords_and_each_lock_is_longer() {
    let Fixture { register, folder: _folder } = fixture().await;
    let session = register.start_session("ann", "him").await.unwrap();
    enrol(&register, &session.id).await;
    for n in 1..=5 {
        let refusal = if n < 5 { LoginRefusal::WrongCode } else { LoginRefusal::LockedNow };
        assert_eq!(attempt(&register, PASSWORD).await, Err(refusal), "attempt {n}");
    }
    let mut minutes = Vec::new();
    for _ in 0..6 {
        let until = register.account("ann").await.unwrap().unwrap().locked_until.unwrap();
        minutes.push((until - now() + 30) / 60);
        sqlx::query("UPDATE accounts SET locked_until = ?").bind(now()).execute(&register.pool).await.unwrap();
        for _ in 0..5 {
            attempt(&register, "wrong horse").await.unwrap_err();
        }
    }
    assert_eq!(minutes, [15, 30, 60, 120, 240, 240]);
    assert!(register.unlock("ann").await.unwrap());
    assert_eq!(attempt(&register, PASSWORD).await, Err(LoginRefusal::WrongCode));
    assert!(!register.unlock("ann").await.unwrap());
}

#[tokio::test]
async fn a_one_time_password_ends_and_its_holder_chooses_another() {
    let Fixture { register, folder: _folder } = fixture().await;
    let terms = Terms { must_change: true, ends: Some(now() + 60) };
    register.set_password_on("ann", "given by the desk", terms).await.unwrap();
    assert_eq!(attempt(&register, "given by the desk").await, Ok("ann".into()));
    let session = register.start_session("ann", "him").await.unwrap();
    assert!(session.session.must_change);
    let change = |old: &'static str, new: &'static str| register.may_change_password("ann", old, new);
    assert_eq!(change("wrong", "my own words").await.unwrap(), Err(LoginRefusal::WrongPassword));
    let same = change("given by the desk", "given by the desk").await;
    assert!(matches!(same, Err(RegisterError::BadPassword(PasswordRefusal::Same))));
    assert_eq!(change("given by the desk", "my own words").await.unwrap(), Ok(()));
    register.change_password("ann", "my own words", &session.id).await.unwrap();
    assert!(!register.session(&session.id, Activity::Person).await.unwrap().unwrap().must_change, "the session goes on");
    assert_eq!(attempt(&register, "my own words").await, Ok("ann".into()));

    register.set_password_on("ann", "given by the desk", Terms { ends: Some(now()), ..terms }).await.unwrap();
    assert_eq!(attempt(&register, "given by the desk").await, Err(LoginRefusal::PasswordEnded));
}

#[tokio::test]
async fn a_renewed_session_has_another_id_and_a_fresh_proof() {
    let Fixture { register, folder: _folder } = fixture().await;
    let first = register.start_session("ann", "him").await.unwrap();
    sqlx::query("UPDATE sessions SET auth_time = auth_time - 3600").execute(&register.pool).await.unwrap();
    let before = register.session(&first.id, Activity::Person).await.unwrap().unwrap();
    assert!(before.auth_time <= now() - 3600);
    let renewed = register.renew_session(&first.id).await.unwrap().unwrap();
    assert_eq!(register.session(&first.id, Activity::Person).await.unwrap(), None);
    let after = register.session(&renewed.id, Activity::Person).await.unwrap().unwrap();
    assert!(after.auth_time >= now() - 5 && after.audit_id != before.audit_id && after.role == "him");
}

fn dr_seven(issuer: &str) -> Outside {
    Outside {
        issuer: issuer.into(),
        subject: "7".into(),
        name: "Dr. Seven".into(),
        roles: vec!["clinician".into(), "him".into()],
        attributes: "{}".into(),
        provider_sid: Some("s-1".into()),
        auth_time: now(),
    }
}

#[tokio::test]
async fn a_person_of_a_provider_keeps_his_windows_when_he_is_launched_again_and_nobody_elses() {
    let Fixture { register, folder: _folder } = fixture().await;
    let launched = Begin::Launched { embedded: false };
    let patient = |key: &str| crate::model::PatientKey::parse(key).unwrap();
    let first = register.start_outside_session(None, &dr_seven("https://a"), "clinician", launched).await.unwrap();
    assert!(first.session.bound && first.session.who.account().is_none());
    let one = register.open_context(&first.id, &patient("p1")).await.unwrap();
    let again = register.start_outside_session(Some(&first.id), &dr_seven("https://a"), "clinician", launched).await.unwrap();
    assert!(again.id != first.id && register.session(&first.id, Activity::Person).await.unwrap().is_none());
    let two = register.open_context(&again.id, &patient("p2")).await.unwrap();
    for (window, key) in [(&one, "p1"), (&two, "p2")] {
        assert_eq!(register.context(&again.id, &window.id).await.unwrap().unwrap().patient, patient(key));
    }
    let switched = register.switch_role(&again.id, "him").await.unwrap().unwrap();
    assert!(register.context(&switched.id, &one.id).await.unwrap().is_some(), "another role, the same windows");

    // The same subject at another issuer is another person: the old session ends, with its windows.
    let other = register.start_outside_session(Some(&switched.id), &dr_seven("https://b"), "clinician", launched).await.unwrap();
    assert!(register.session(&switched.id, Activity::Person).await.unwrap().is_none());
    assert_eq!(register.context(&other.id, &one.id).await.unwrap(), None);
    let wrong = register.start_outside_session(None, &dr_seven("https://b"), "admin", launched).await;
    assert!(matches!(wrong, Err(RegisterError::RoleNotHeld)));

    // Leaving the patient, and launches beside that.
    register.unbind(&other.id).await.unwrap();
    let beside = register.start_outside_session(Some(&other.id), &dr_seven("https://b"), "clinician", launched).await.unwrap();
    assert!(!beside.session.bound);
    for n in 0..=crate::limits::CONTEXTS_MAX {
        register.open_context(&beside.id, &patient(&format!("q{n}"))).await.unwrap();
    }
    let open: i64 = sqlx::query_scalar("SELECT count(*) FROM contexts").fetch_one(&register.pool).await.unwrap();
    assert_eq!(open, crate::limits::CONTEXTS_MAX);

    // The provider ends what is his.
    assert!(register.end_outside_sessions("https://a", Some("7"), None).await.unwrap().is_empty());
    assert!(register.end_outside_sessions("https://b", None, None).await.unwrap().is_empty());
    assert_eq!(register.end_outside_sessions("https://b", None, Some("s-1")).await.unwrap().len(), 1);
    assert!(register.sessions(None).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_sign_in_comes_back_once_to_the_browser_that_began_it() {
    let Fixture { register, folder: _folder } = fixture().await;
    let (one, two) = (
        register.send_away("https://a", false, "/", None).await.unwrap(),
        register.send_away("https://b", true, "/", Some("u1")).await.unwrap(),
    );
    assert_eq!((one.state.len(), one.verifier.len()), (43, 43));
    assert!(register.come_back(&one.state, &two.cookie).await.unwrap().is_none());
    let back = register.come_back(&one.state, &one.cookie).await.unwrap().unwrap();
    assert_eq!((back.issuer.as_str(), back.launched, back.nonce.as_str()), ("https://a", false, one.nonce.as_str()));
    assert!(register.come_back(&one.state, &one.cookie).await.unwrap().is_none(), "once");
    sqlx::query("UPDATE signins SET expires = ?").bind(now()).execute(&register.pool).await.unwrap();
    assert!(register.come_back(&two.state, &two.cookie).await.unwrap().is_none(), "ten minutes");
    assert!(register.use_once("https://a", "t", now() + 60).await.unwrap());
    assert!(!register.use_once("https://a", "t", now() + 60).await.unwrap());
    assert!(register.use_once("https://b", "t", now() + 60).await.unwrap());
}

#[tokio::test]
async fn what_a_person_chose_is_there_in_every_session_of_his_and_of_nobody_else() {
    let Fixture { register, folder: _folder } = fixture().await;
    register.add_account(&new_account("bob"), PASSWORD).await.unwrap();
    let (ann, bob) = (register.start_session("ann", "him").await.unwrap(), register.start_session("bob", "him").await.unwrap());
    assert_eq!(ann.session.settings, Settings::default());
    for theme in Theme::ALL {
        let chosen = Settings { theme, single_keys: theme == Theme::System };
        register.keep_settings(&ann.session.who, chosen).await.unwrap();
        let again = register.start_session("ann", "clinician").await.unwrap();
        let before = register.session(&ann.id, Activity::Script).await.unwrap().unwrap();
        assert_eq!((again.session.settings, before.settings), (chosen, chosen));
        assert_eq!(Theme::from_name(theme.name()), Some(theme));
    }
    assert_eq!(register.session(&bob.id, Activity::Script).await.unwrap().unwrap().settings, Settings::default());
    // The same name at another issuer is another person.
    let other = Who::Outside { issuer: "https://idp.example".into(), subject: "bob".into() };
    register.keep_settings(&other, Settings { theme: Theme::Dark, single_keys: false }).await.unwrap();
    assert_eq!(register.session(&bob.id, Activity::Script).await.unwrap().unwrap().settings, Settings::default());
}

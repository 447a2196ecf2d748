//! Breaking the glass on one patient's chart: the form, its checks, the entry that must be durable before anything opens, and
//! what the door takes from the register for each request.
//!
//! Not for: what may be opened at all (`access`), or the review afterwards (`reviews`).

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::access::{BreakGlassGrant, Permit, Principal, Purpose, Shown, entry};
use crate::audit::{BreakGlass, Entry, Outcome};
use crate::limits::BREAK_GLASS_TEXT_MAX;
use crate::model::{Chart, Class, Label, PatientKey};
use crate::query::Selection;
use crate::register::{
    BreakGlassRefusal, BreakGlassUse, Emergency, NewBreakGlass, Reason, Register, RegisterError, reason, reasons,
};
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::{Call, shown};
use crate::server::viewer::{self, BreakGlassForm, Glass, Names, ProofAsked, ReasonChoice};
use crate::server::{door, events, notices};

use super::chart::banner_kinds;

/// Seconds after which a person proves again who he is before he opens anything (spec access.md §9).
const PROOF_FRESH_S: i64 = 15 * 60;
/// Longest other field of the form, in characters.
const FIELD_MAX: usize = 500;

/// The grants of a person in his session, as the register has them now.
pub async fn in_force(register: &Register, principal: &Principal) -> Result<Vec<BreakGlassGrant>, RegisterError> {
    let Some(session) = &principal.session else { return Ok(Vec::new()) };
    let uses = register.break_glass_in_force(&principal.issuer, &principal.subject, session).await?;
    let grant = |it: BreakGlassUse| BreakGlassGrant {
        id: it.id,
        patients: it.patients,
        classes: it.classes,
        reason_code: it.reason_code,
        expires: it.expires,
    };
    Ok(uses.into_iter().map(grant).collect())
}

/// What the policy withholds from this reader that glass can be broken for, whatever the chart holds.
fn withheld(permit: &Permit) -> Label {
    let never = Label::of(Class::PsychotherapyNotes).union(Label::of(Class::Unknown));
    let all: Label = Class::ALL.into_iter().collect();
    let hidden = all.without(all.without(permit.filter().hide));
    hidden.without(never)
}

/// What the banner of a chart says.
pub fn state(permit: &Permit, patient: &PatientKey) -> Glass {
    let path = format!("/patients/{patient}/break-glass");
    let open: Vec<&BreakGlassGrant> = permit.principal().grants.iter().filter(|grant| grant.patients.contains(patient)).collect();
    let Some(last) = open.iter().map(|grant| grant.expires).max() else {
        let offered = reasons().iter().any(|reason| reason.opened_of(withheld(permit)).is_restricted());
        return if offered { Glass::Offered { href: path } } else { Glass::Whole };
    };
    let kinds = open.iter().fold(Label::NORMAL, |all, grant| all.union(grant.classes));
    let until = Timestamp::from_second(last).unwrap_or_default().to_zoned(TimeZone::system());
    Glass::Open {
        kinds: viewer::class_names(kinds),
        until: until.strftime("%H:%M").to_string(),
        minutes: (last - now()).max(0).div_euclid(60) + 1,
        end: format!("{path}/stop"),
    }
}

fn now() -> i64 {
    Timestamp::now().as_second()
}

/// `GET /patients/{patient}/break-glass`
pub fn form(call: &Call) -> Result<Answer, ApiError> {
    show(call, BreakGlassForm::default(), 200)
}

/// The form under the patient's banner, with what was typed.
fn show(call: &Call, typed: BreakGlassForm, status: u16) -> Result<Answer, ApiError> {
    let (permit, chart) = chart(call)?;
    let breakable = withheld(&permit);
    let choice = |reason: &Reason| ReasonChoice {
        code: reason.code.clone(),
        text: reason.text.clone(),
        opens: reason.opened_of(breakable),
    };
    let choices: Vec<ReasonChoice> = reasons().iter().map(choice).filter(|choice| choice.opens.is_restricted()).collect();
    let form = BreakGlassForm {
        asks_emergency: choices.iter().any(|choice| choice.opens.holds(Class::SubstanceUse)),
        reasons: choices,
        proof: proof_asked(call),
        ..typed
    };
    let mut entry = shown("record.read", &chart.records);
    if !entry.patients.contains(&chart.index.patient) {
        entry.patients.push(chart.index.patient.clone());
    }
    let frame = super::chart_frame(call, &permit, &chart, Names::default());
    Ok(permit.answer(Body::html(viewer::break_glass(&frame, &chart, &form)).status(status), entry)?.into())
}

/// The chart as far as its banner needs it.
fn chart(call: &Call) -> Result<(Permit, Chart), ApiError> {
    let patient = call.patient_param("patient")?;
    let permit = call.ask_chart(&patient)?;
    let found = call.archive().chart(&permit, &patient, &Selection { kinds: banner_kinds(), newest: None });
    call.found(permit, "record.read", found)
}

fn proof_asked(call: &Call) -> ProofAsked {
    let Ok(principal) = call.principal() else { return ProofAsked::SignInAgain };
    let fresh = principal.attributes.auth_time.is_some_and(|at| now() - at <= PROOF_FRESH_S);
    match &call.session {
        _ if fresh => ProofAsked::Nothing,
        Some(session) if principal.issuer == "local" && session.has_second_factor => ProofAsked::Code,
        Some(_) if principal.issuer == "local" => ProofAsked::Password,
        _ => ProofAsked::SignInAgain,
    }
}

/// What was typed, within bounds.
fn typed(call: &Call) -> BreakGlassForm {
    let field = |name: &str, most: usize| {
        let kept = call.field(name).chars().filter(|c| !c.is_control() || *c == '\n');
        kept.take(most).collect::<String>().trim().to_string()
    };
    BreakGlassForm {
        chosen: field("reason", 64),
        text: field("text", BREAK_GLASS_TEXT_MAX),
        personnel: field("personnel", FIELD_MAX),
        facility: field("facility", FIELD_MAX),
        nature: field("nature", FIELD_MAX),
        ..BreakGlassForm::default()
    }
}

/// `POST /patients/{patient}/break-glass`
pub fn open(call: &Call) -> Result<Answer, ApiError> {
    let patient = call.patient_param("patient")?;
    let typed = typed(call);
    let refused = |status: u16, code: &str, problem: String| {
        log_refusal(call, &patient, code)?;
        show(call, BreakGlassForm { problem: Some(problem), ..typed.clone() }, status)
    };
    let (permit, _) = chart(call)?;
    let (breakable, patients) = (withheld(&permit), permit.scope().patients().to_vec());
    permit.answer((), Shown { event: "record.read", patients: patients.clone(), hits: Some(0), ..Shown::default() })?;
    let Some(reason) = reason(&typed.chosen) else {
        return refused(400, "no-reason", "Choose one of the reasons.".into());
    };
    let classes = reason.opened_of(breakable);
    let emergency =
        Emergency { personnel: typed.personnel.clone(), facility: typed.facility.clone(), nature: typed.nature.clone() };
    let asks_emergency = classes.holds(Class::SubstanceUse);
    if asks_emergency && [&emergency.personnel, &emergency.facility, &emergency.nature].iter().any(|text| text.is_empty()) {
        let problem = "For records of substance use treatment, name the treating clinician, the facility and the emergency.";
        return refused(400, "emergency-not-described", problem.into());
    }
    // Asked last of what costs nothing, so that a wrong form does not count as a wrong password.
    let cookie = match prove(call)? {
        Proved::Fresh => None,
        Proved::Now(cookie) => Some(cookie),
        Proved::Not => return refused(403, "not-proved", "That is not right. Prove again that it is you.".into()),
    };
    let principal = cookie.as_ref().map_or_else(|| call.principal().cloned(), |(_, principal)| Ok(principal.clone()))?;
    let new = NewBreakGlass {
        issuer: principal.issuer.clone(),
        subject: principal.subject.clone(),
        name: principal.name.clone(),
        role: principal.role.name().into(),
        session: principal.session.clone().ok_or_else(ApiError::forbidden)?,
        patients,
        classes,
        reason_code: reason.code.clone(),
        reason_text: typed.text.clone(),
        emergency: asks_emergency.then_some(emergency),
    };
    let with_cookie = |answer: Body| match &cookie {
        Some((header, _)) => answer.with("Set-Cookie", header.clone()),
        None => answer,
    };
    match begin(call, &principal, new)? {
        Ok(()) => Ok(crate::access::Public(with_cookie(Body::see_other(format!("/patients/{patient}")))).into()),
        Err(refusal) => {
            let (status, problem) = in_words(refusal);
            log_refusal(call, &patient, refusal.code())?;
            // A renewed session has another form token: the form is asked for anew.
            match cookie {
                Some(_) => Ok(crate::access::Public(
                    with_cookie(super::error_of(call, &ApiError::new(status, "break-glass-refused", "forbidden", problem)))
                        .status(status),
                )
                .into()),
                None => show(call, BreakGlassForm { problem: Some(problem), ..typed.clone() }, status),
            }
        }
    }
}

/// Begins a use: a row that opens nothing, the durable entry, and only then the use itself with its notices.
fn begin(call: &Call, principal: &Principal, new: NewBreakGlass) -> Result<Result<(), BreakGlassRefusal>, ApiError> {
    let register = &call.app.register;
    let down = |error: RegisterError| door::register_down(&error);
    let begun = match call.wait(register.begin_break_glass(new)).map_err(down)? {
        Ok(begun) => begun,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if let Err(error) = events::write(call, start_entry(call, principal, &begun)) {
        call.wait(register.withdraw_break_glass(&begun.id)).map_err(down)?;
        return Err(error);
    }
    let notices = notices::of_break_glass(&call.app, &begun);
    call.wait(register.confirm_break_glass(&begun.id, &notices)).map_err(down)?;
    metrics::counter!("chartkeep_break_glass_total").increment(1);
    Ok(Ok(()))
}

fn in_words(refusal: BreakGlassRefusal) -> (u16, String) {
    match refusal {
        BreakGlassRefusal::ShortReason => (400, "Say in at least 15 characters what makes it necessary.".into()),
        BreakGlassRefusal::RepeatedReason => {
            (400, "You have given this reason before, word for word. Say what makes it necessary this time.".into())
        }
        BreakGlassRefusal::Nothing => (400, "This reason opens nothing here. Choose another.".into()),
        BreakGlassRefusal::TooMany { again_at } => {
            let at = Timestamp::from_second(again_at).unwrap_or_default().to_zoned(TimeZone::system());
            let text = format!(
                "You have opened restricted records three times within the hour, and no more can be opened before {}. If care \
                 cannot wait, call the health information desk: its people see these records and can read them to you.",
                at.strftime("%H:%M")
            );
            (429, text)
        }
    }
}

enum Proved {
    /// The proof of before is fresh enough.
    Fresh,
    /// Just now: the session has a new id, in this cookie, and this principal.
    Now((String, Principal)),
    Not,
}

/// Asks for a fresh proof where the last one is old. A good one gives the session another id (spec access.md §10).
fn prove(call: &Call) -> Result<Proved, ApiError> {
    let asked = proof_asked(call);
    if asked == ProofAsked::Nothing {
        return Ok(Proved::Fresh);
    }
    let (Some(session), true) = (&call.session, asked != ProofAsked::SignInAgain) else { return Ok(Proved::Not) };
    let down = |error: RegisterError| door::register_down(&error);
    let register = &call.app.register;
    let proof = register.prove(&session.account, call.field("password"), call.field("code"));
    if let Err(refusal) = call.wait(proof).map_err(down)? {
        events::own_account(call, "auth.step_up", Some(refusal.code()), Vec::new())?;
        return Ok(Proved::Not);
    }
    events::own_account(call, "auth.step_up", None, Vec::new())?;
    let id = call.cookie(call.session_cookie()).unwrap_or("");
    let renewed = call.wait(register.renew_session(id)).map_err(down)?.ok_or_else(ApiError::login)?;
    let principal = door::principal(&renewed.session).ok_or_else(ApiError::internal)?;
    Ok(Proved::Now((super::sign::cookie(call, &renewed.id, ""), principal)))
}

fn log_refusal(call: &Call, patient: &PatientKey, code: &str) -> Result<(), ApiError> {
    let refused = Entry {
        outcome: Outcome::SeriousFailure,
        outcome_desc: Some(format!("break-glass refused: {code}")),
        patients: vec![patient.clone()],
        ..entry("authz.denied", call.principal()?, &call.context)
    };
    events::write(call, refused)
}

/// The entry that begins a use: with the reason as it was written, and what 42 CFR 2.51(c) asks for.
fn start_entry(call: &Call, principal: &Principal, it: &BreakGlassUse) -> Entry {
    let mut detail = vec![("classes", class_codes(it.classes))];
    if let Some(emergency) = &it.emergency {
        detail.push(("personnel", emergency.personnel.clone()));
        detail.push(("facility", emergency.facility.clone()));
        detail.push(("nature", emergency.nature.clone()));
    }
    Entry {
        patients: it.patients.clone(),
        purpose: Some(Purpose::BreakGlass.code()),
        break_glass: Some(BreakGlass {
            id: it.id.clone(),
            reason_code: it.reason_code.clone(),
            reason_text: Some(it.reason_text.clone()),
            expires: Timestamp::from_second(it.expires).ok().map(|at| at.to_string()),
        }),
        detail,
        ..entry("btg.start", principal, &call.context)
    }
}

/// Names of classes as policies and entries write them.
pub fn class_codes(label: Label) -> String {
    label.classes().map(Class::name).collect::<Vec<_>>().join(" ")
}

/// `POST /patients/{patient}/break-glass/stop`: ends what this person has open in this chart.
pub fn stop(call: &Call) -> Result<Answer, ApiError> {
    let patient = call.patient_param("patient")?;
    let own = call.principal()?.grants.iter().filter(|grant| grant.patients.contains(&patient));
    for grant in own {
        call.wait(call.app.register.stop_break_glass(&grant.id, "ended-by-user")).map_err(|error| door::register_down(&error))?;
    }
    crate::server::watch::log_ends(&call.app).map_err(|()| ApiError::log_unavailable())?;
    Ok(crate::access::Public(Body::see_other(format!("/patients/{patient}"))).into())
}

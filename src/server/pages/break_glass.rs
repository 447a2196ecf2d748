//! Breaking the glass on one patient's chart: the form, its checks, and the entry that must be durable before anything opens.
//!
//! Not for: what may be opened at all (`access`), or the review afterwards (`reviews`).

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::access::{BreakGlassGrant, Permit, Principal, Public, Purpose, Shown, entry};
use crate::audit::{BreakGlass, Entry, Outcome};
use crate::limits::BREAK_GLASS_TEXT_MAX;
use crate::model::{Chart, Class, Kind, Label, PatientKey};
use crate::query::Selection;
use crate::register::{BreakGlassRefusal, BreakGlassUse, Emergency, NewBreakGlass, Reason, RegisterError, reason, reasons};
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::{Call, shown};
use crate::server::viewer::{self, BreakGlassForm, Glass, Names, ReasonChoice};
use crate::server::{door, events, notices, signin};

use super::proof::{self, Proved};

/// Seconds after which a person proves again who he is before he opens anything (spec access.md §9).
const PROOF_FRESH_S: i64 = 15 * 60;
/// Longest other field of the form, in characters.
const FIELD_MAX: usize = 500;

/// What the banner of a chart says.
pub fn state(permit: &Permit, patient: &PatientKey) -> Glass {
    let path = format!("/patients/{patient}/break-glass");
    let open: Vec<&BreakGlassGrant> = permit.principal().grants.iter().filter(|grant| grant.patients.contains(patient)).collect();
    let Some(last) = open.iter().map(|grant| grant.expires).max() else {
        let offered = reasons().iter().any(|reason| reason.opened_of(permit.withheld()).is_restricted());
        return if offered { Glass::Offered { href: path } } else { Glass::Whole };
    };
    let kinds = open.iter().fold(Label::NORMAL, |all, grant| all.union(grant.classes));
    let until = Timestamp::from_second(last).unwrap_or_default().to_zoned(TimeZone::system());
    Glass::Open {
        kinds: viewer::class_names(kinds),
        until: until.strftime("%H:%M").to_string(),
        minutes: ((last - now()).max(0) + 59).div_euclid(60),
        end: format!("{path}/stop"),
    }
}

fn now() -> i64 {
    Timestamp::now().as_second()
}

/// `GET /patients/{patient}/break-glass`
pub fn form(call: &Call) -> Result<Answer, ApiError> {
    Offer::of(call)?.show(call, BreakGlassForm::default(), 200)
}

/// What there is to be opened at a chart.
struct Offer {
    /// Whose chart it is, and nothing else of it; `None` where the policy closes the whole chart to this reader.
    seen: Option<(Permit, Chart)>,
    /// Every key of the person.
    patients: Vec<PatientKey>,
    classes: Label,
}

impl Offer {
    fn of(call: &Call) -> Result<Offer, ApiError> {
        let patient = call.patient_param("patient")?;
        let scope = call.archive().chart_scope(&patient);
        let patients = scope.patients().to_vec();
        let offered = call.gate().break_glass_offer(call.principal()?, &scope, &call.context);
        let classes = offered.unwrap_or(Label::NORMAL);
        let permit = match call.ask(scope) {
            Ok(permit) => permit,
            Err(_) if offered.is_some() => return Ok(Offer { seen: None, patients, classes }),
            Err(error) => return Err(error),
        };
        let found = call.archive().chart(&permit, &patient, &Selection { kinds: vec![Kind::PATIENT], newest: None });
        Ok(Offer { seen: Some(call.found(permit, "record.read", found)?), patients, classes })
    }

    /// What a reason opens here; `None` when that is nothing. Of a closed chart it is the chart itself, and maybe more.
    fn opened_by(&self, reason: &Reason) -> Option<Label> {
        let opened = reason.opened_of(self.classes);
        (opened.is_restricted() || self.seen.is_none()).then_some(opened)
    }

    /// The form, with what was typed.
    fn show(self, call: &Call, typed: BreakGlassForm, status: u16) -> Result<Answer, ApiError> {
        let choice = |reason: &Reason| {
            let opens = self.opened_by(reason)?;
            Some(ReasonChoice { code: reason.code.clone(), text: reason.text.clone(), opens })
        };
        let reasons: Vec<ReasonChoice> = reasons().iter().filter_map(choice).collect();
        let asks_emergency = reasons.iter().any(|choice| choice.opens.holds(Class::SubstanceUse));
        let form = BreakGlassForm {
            asks_emergency,
            reasons,
            proof: proof::asked(call, PROOF_FRESH_S),
            again: signin::again_address(&call.context.path),
            provider: call.principal().map_or_else(|_| String::new(), |principal| call.app.elsewhere.name_of(&principal.issuer)),
            ..typed
        };
        let Some((permit, chart)) = self.seen else {
            let patient = call.patient_param("patient")?;
            let page = viewer::break_glass_closed(&super::frame(call), &patient, &form);
            return Ok(Public(Body::html(page).status(status)).into());
        };
        let mut entry = shown("record.read", &chart.records);
        if !entry.patients.contains(&chart.index.patient) {
            entry.patients.push(chart.index.patient.clone());
        }
        let frame = super::chart_frame(call, &permit, &chart, Names::default());
        Ok(permit.answer(Body::html(viewer::break_glass(&frame, &chart, &form)).status(status), entry)?.into())
    }
}

/// Where a reader whom the policy refuses a chart can open it, for the page that refuses. By policy alone: the same whether
/// there is such a patient or not.
pub fn way_in(call: &Call) -> Option<String> {
    let patient = PatientKey::parse(call.param("patient")).filter(|_| call.session.is_some())?;
    let scope = call.archive().chart_scope(&patient);
    call.gate().break_glass_offer(call.principal().ok()?, &scope, &call.context)?;
    Some(format!("/patients/{patient}/break-glass")).filter(|_| !call.context.path.contains("/break-glass"))
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
    let offer = Offer::of(call)?;
    let refused = |offer: Offer, status: u16, code: &str, problem: String| {
        log_refusal(call, &patient, code)?;
        offer.show(call, BreakGlassForm { problem: Some(problem), ..typed.clone() }, status)
    };
    let Some(reason) = reason(&typed.chosen) else {
        return refused(offer, 400, "no-reason", "Choose one of the reasons.".into());
    };
    let Some(classes) = offer.opened_by(reason) else {
        return refused(offer, 400, "nothing-to-open", "This reason opens nothing here. Choose another.".into());
    };
    let emergency =
        Emergency { personnel: typed.personnel.clone(), facility: typed.facility.clone(), nature: typed.nature.clone() };
    let asks_emergency = classes.holds(Class::SubstanceUse);
    if asks_emergency && [&emergency.personnel, &emergency.facility, &emergency.nature].iter().any(|text| text.is_empty()) {
        let problem = "For records of substance use treatment, name the treating clinician, the facility and the emergency.";
        return refused(offer, 400, "emergency-not-described", problem.into());
    }
    // Asked last of what costs nothing, so that a wrong form does not count as a wrong password.
    let cookie = match proof::prove(call, PROOF_FRESH_S)? {
        Proved::Fresh => None,
        Proved::Now(renewed) => Some(*renewed),
        Proved::Not => return refused(offer, 403, "not-proved", "That is not right. Prove again that it is you.".into()),
    };
    let principal = cookie.as_ref().map_or_else(|| call.principal().cloned(), |(_, principal)| Ok(principal.clone()))?;
    let new = NewBreakGlass {
        issuer: principal.issuer.clone(),
        subject: principal.subject.clone(),
        name: principal.name.clone(),
        role: principal.role.name().into(),
        session: principal.session.clone().ok_or_else(ApiError::forbidden)?,
        patients: offer.patients.clone(),
        classes,
        reason_code: reason.code.clone(),
        reason_text: typed.text.clone(),
        emergency: asks_emergency.then_some(emergency),
    };
    let answer = match begin(call, &principal, new)? {
        Ok(()) => Body::see_other(format!("/patients/{patient}")),
        Err(refusal) => {
            let (status, problem) = in_words(refusal);
            if cookie.is_none() {
                return refused(offer, status, refusal.code(), problem);
            }
            // A renewed session has another form token: this page has no form, and the way back makes it anew.
            log_refusal(call, &patient, refusal.code())?;
            super::error_of(call, &ApiError::new(status, "break-glass-refused", "forbidden", problem)).status(status)
        }
    };
    // What the banner was to show is not shown: the next page asks for itself.
    if let Some((permit, _)) = offer.seen {
        permit.answer((), Shown { event: "record.read", patients: offer.patients, hits: Some(0), ..Shown::default() })?;
    }
    let answer = match cookie {
        Some((header, _)) => answer.with("Set-Cookie", header),
        None => answer,
    };
    Ok(Public(answer).into())
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
        BreakGlassRefusal::Nobody => (400, "There is nobody whose records could be opened.".into()),
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
    let mut detail = vec![("classes", it.classes.codes())];
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

/// `POST /patients/{patient}/break-glass/stop`: ends what this person has open in this chart.
pub fn stop(call: &Call) -> Result<Answer, ApiError> {
    let patient = call.patient_param("patient")?;
    let own = call.principal()?.grants.iter().filter(|grant| grant.patients.contains(&patient));
    for grant in own {
        call.wait(call.app.register.stop_break_glass(&grant.id, "ended-by-user")).map_err(|error| door::register_down(&error))?;
    }
    crate::server::watch::log_ends(&call.app).map_err(|()| ApiError::log_unavailable())?;
    Ok(Public(Body::see_other(format!("/patients/{patient}"))).into())
}

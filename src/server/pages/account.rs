//! One's own account: overview, password, second factor.
//!
//! Not for: signing in (`sign`), what its holder owes before anything else opens (`owed`), or the accounts of others (`commands::user`).

use crate::access::Public;
use crate::register::{LoginRefusal, PasswordRefusal, RegisterError, Session, Settings, Theme};
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::Call;
use crate::server::owed::{SECOND_FACTOR, needs_second_factor};
use crate::server::viewer::{self, AccountPage, FactorPage, FactorState, PasswordPage};
use crate::server::{door, events};

/// Within so many seconds of signing in, setting up a second factor needs no password again.
const FRESH_S: i64 = 15 * 60;
const NOT_RIGHT: &str = "That is not right. After some wrong attempts the account is locked for a while.";

/// The session of a local account; people whom an identity provider vouches for have nothing to change here.
fn own(call: &Call) -> Result<&Session, ApiError> {
    call.session.as_ref().filter(|session| session.who.account().is_some()).ok_or_else(ApiError::not_found)
}

fn account_of(session: &Session) -> &str {
    session.who.account().unwrap_or_default()
}

fn down(error: RegisterError) -> ApiError {
    door::register_down(&error)
}

/// `GET /account`
pub fn overview(call: &Call) -> Result<Answer, ApiError> {
    let mut page = AccountPage { issuer: kept_by(call)?, ..AccountPage::default() };
    if let Ok(session) = own(call) {
        page.recovery_codes = call.wait(call.app.register.recovery_codes_left(account_of(session))).map_err(down)?;
        page.has_second_factor = session.has_second_factor;
        page.second_factor_required = needs_second_factor(call, session);
        page.account = Some(account_of(session).to_string());
    }
    page.done = match call.query("done") {
        Some("password") => Some("Your password is changed. Your other sessions have ended."),
        Some("settings") => Some("Your choice is kept, on every computer that you sign in from."),
        Some("second-factor") => Some("The second factor is turned off. Your other sessions have ended."),
        _ => None,
    };
    Ok(Public(Body::html(viewer::account(&super::frame(call), &page))).into())
}

/// `POST /account/settings`: the colours of one's pages, and whether single keys do something.
pub fn keep_settings(call: &Call) -> Result<Answer, ApiError> {
    let session = call.session.as_ref().ok_or_else(ApiError::login)?;
    let theme = Theme::from_name(call.field("theme")).ok_or_else(|| ApiError::bad("There is no such choice of colours."))?;
    let settings = Settings { theme, single_keys: call.field("single_keys") == "on" };
    call.wait(call.app.register.keep_settings(&session.who, settings)).map_err(down)?;
    Ok(Public(Body::see_other("/account?done=settings")).into())
}

/// What to call the one who keeps the account of somebody from elsewhere.
fn kept_by(call: &Call) -> Result<String, ApiError> {
    let issuer = &call.principal()?.issuer;
    Ok(Some(call.app.elsewhere.name_of(issuer)).filter(|name| !name.is_empty()).unwrap_or_else(|| issuer.clone()))
}

/// `GET /account/password`
pub fn password_form(call: &Call) -> Result<Answer, ApiError> {
    let forced = own(call)?.must_change;
    password_page(call, PasswordPage { forced, problem: None }, 200)
}

fn password_page(call: &Call, page: PasswordPage, status: u16) -> Result<Answer, ApiError> {
    Ok(Public(Body::html(viewer::password(&super::frame(call), &page)).status(status)).into())
}

/// `POST /account/password`
pub fn change_password(call: &Call) -> Result<Answer, ApiError> {
    let session = own(call)?;
    let (old, new) = (call.field("old"), call.field("new"));
    let refused = |problem: String, status: u16| {
        password_page(call, PasswordPage { forced: session.must_change, problem: Some(problem) }, status)
    };
    if new != call.field("again") {
        return refused("The new password was written in two different ways.".into(), 400);
    }
    let detail = || vec![("account", account_of(session).to_string()), ("changed", "password".to_string())];
    match call.wait(call.app.register.may_change_password(account_of(session), old, new)) {
        Ok(Ok(())) => {}
        Ok(Err(refusal)) => {
            events::own_account(call, "user.credential_changed", Some(refusal.code()), detail())?;
            return refused(NOT_RIGHT.into(), 403);
        }
        Err(RegisterError::BadPassword(why)) => return refused(sentence(why), 400),
        Err(error) => return Err(down(error)),
    }
    events::own_account(call, "user.credential_changed", None, detail())?;
    call.wait(call.app.register.change_password(account_of(session), new, own_cookie(call))).map_err(down)?;
    Ok(Public(Body::see_other("/account?done=password")).into())
}

fn sentence(why: PasswordRefusal) -> String {
    let text = why.to_string();
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}

fn own_cookie(call: &Call) -> &str {
    call.cookie(call.session_cookie()).unwrap_or("")
}

/// `GET /account/second-factor`
pub fn second_factor_form(call: &Call) -> Result<Answer, ApiError> {
    factor_page(call, own(call)?, None, 200)
}

/// The page as it stands: the secret that waits, the factor in force, or the offer to set one up.
fn factor_page(call: &Call, session: &Session, problem: Option<&str>, status: u16) -> Result<Answer, ApiError> {
    let register = &call.app.register;
    let pending = call.wait(register.pending_second_factor(account_of(session))).map_err(down)?;
    let state = match pending {
        Some(enrolment) => {
            let institution = call.app.config.institution.as_deref().unwrap_or("Chartkeep");
            FactorState::shown(&enrolment.address(institution, account_of(session)), &enrolment.secret)
        }
        None if session.has_second_factor => {
            FactorState::On { recovery_codes: call.wait(register.recovery_codes_left(account_of(session))).map_err(down)? }
        }
        None => FactorState::Off,
    };
    factor_answer(call, session, state, problem, status)
}

fn factor_answer(
    call: &Call,
    session: &Session,
    state: FactorState,
    problem: Option<&str>,
    status: u16,
) -> Result<Answer, ApiError> {
    let required = needs_second_factor(call, session);
    let page = FactorPage {
        state,
        required,
        forced: required && !session.has_second_factor,
        asks_password: !is_fresh(session),
        problem: problem.map(String::from),
    };
    Ok(Public(Body::html(viewer::second_factor(&super::frame(call), &page)).status(status)).into())
}

fn is_fresh(session: &Session) -> bool {
    jiff::Timestamp::now().as_second() - session.auth_time < FRESH_S
}

/// `POST /account/second-factor`: one step of setting up, changing or leaving it.
pub fn second_factor(call: &Call) -> Result<Answer, ApiError> {
    let session = own(call)?;
    match call.field("step") {
        "confirm" => confirm(call, session),
        step @ ("begin" | "codes" | "remove") => {
            if !(step == "begin" && !session.has_second_factor && is_fresh(session)) {
                let (password, code) = (call.field("password"), call.field("code"));
                let proved = call.wait(call.app.register.login(account_of(session), password, code)).map_err(down)?;
                if let Err(refusal) = proved {
                    return not_proved(call, session, refusal);
                }
            }
            change(call, session, step)
        }
        _ => Err(ApiError::bad("There is no such step.")),
    }
}

fn not_proved(call: &Call, session: &Session, refusal: LoginRefusal) -> Result<Answer, ApiError> {
    events::own_account(call, "auth.step_up", Some(refusal.code()), Vec::new())?;
    factor_page(call, session, Some(NOT_RIGHT), 403)
}

fn change(call: &Call, session: &Session, step: &str) -> Result<Answer, ApiError> {
    let (register, account) = (&call.app.register, account_of(session));
    let log = |what: &str| {
        let detail = vec![("account", account.to_string()), ("changed", what.to_string())];
        events::own_account(call, "user.credential_changed", None, detail)
    };
    match step {
        "codes" if session.has_second_factor => {
            log("recovery codes")?;
            let codes = call.wait(register.new_recovery_codes(account)).map_err(down)?;
            let codes = codes.iter().map(|code| code.to_string()).collect();
            factor_answer(call, session, FactorState::Codes(codes), None, 200)
        }
        "remove" if !needs_second_factor(call, session) => {
            log("second factor removed")?;
            call.wait(register.remove_second_factor(account, own_cookie(call))).map_err(down)?;
            Ok(Public(Body::see_other("/account?done=second-factor")).into())
        }
        "begin" => {
            call.wait(register.begin_second_factor(account)).map_err(down)?;
            Ok(Public(Body::see_other(SECOND_FACTOR)).into())
        }
        _ => Err(ApiError::forbidden()),
    }
}

fn confirm(call: &Call, session: &Session) -> Result<Answer, ApiError> {
    let (register, account, code) = (&call.app.register, account_of(session), call.field("code"));
    let detail = || vec![("account", account.to_string()), ("changed", "second factor".to_string())];
    if !call.wait(register.pending_fits(account, code)).map_err(down)? {
        events::own_account(call, "user.credential_changed", Some("wrong-code"), detail())?;
        let problem = "This is not the code that the app shows now. Check the time on your phone, and write the next code.";
        return factor_page(call, session, Some(problem), 400);
    }
    events::own_account(call, "user.credential_changed", None, detail())?;
    match call.wait(register.confirm_second_factor(account, code, own_cookie(call))).map_err(down)? {
        Some(codes) => {
            let codes = codes.iter().map(|code| code.to_string()).collect();
            factor_answer(call, session, FactorState::Codes(codes), None, 200)
        }
        None => factor_page(call, session, Some("The code ran out meanwhile. Write the next one."), 400),
    }
}

//! Writing a request down: reading its form, and saying beside each field what is missing.
//!
//! Not for: what a request must hold (`release::request`).

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::access::Public;
use crate::release::desk::Seen;
use crate::release::paper::front::Texts;
use crate::release::request::{Delivery, Fee, Formats, Note, Party, Priority, Request, Subject};
use crate::release::workflow::Move;
use crate::server::answer::{Answer, ApiError, Body};
use crate::server::call::Call;
use crate::server::viewer::releases::{self, FormPage};

/// Patients that one request may have.
const SUBJECTS_MAX: usize = 20;

type Problems = BTreeMap<&'static str, String>;

/// `GET /releases/new?basis=`
pub fn fresh(call: &Call) -> Result<Answer, ApiError> {
    super::worker_of(call)?;
    let basis = call.query("basis").unwrap_or("").to_string();
    let request = Request { basis, ..Request::default() };
    let form = Form { received: today().to_string(), request, ..Form::default() };
    Ok(Public(form.draw(call, None, -1, 200)).into())
}

/// `GET /releases/{number}/edit`
pub fn edit(call: &Call) -> Result<Answer, ApiError> {
    let who = super::worker_of(call)?;
    let view = super::view(call, &who)?;
    let page = view.map(|view| {
        let mut request = view.case.request.clone();
        let asks_basis = call.query("basis") == Some("");
        if let Some(basis) = call.query("basis").filter(|code| !code.is_empty()) {
            request.basis = basis.to_string();
        }
        let received =
            jiff::Timestamp::from_second(view.case.received).map(|at| at.to_zoned(jiff::tz::TimeZone::system()).date());
        let problems = missing(&view.case.request);
        let form = Form {
            request,
            received: received.map_or_else(|_| String::new(), |day| day.to_string()),
            problems: if view.case.state == crate::release::workflow::State::Draft { problems } else { Problems::new() },
            asks_basis,
            ..Form::default()
        };
        form.draw(call, Some(&view.case.number), view.seen.steps, 200)
    });
    Ok(page.into())
}

/// `POST /releases/new`
pub fn open(call: &Call) -> Result<Answer, ApiError> {
    let who = super::worker_of(call)?;
    let mut form = Form::typed(call, &Request::default(), &who.actor.id);
    let received = form.received.parse::<Date>().ok().filter(|day| *day <= today());
    if received.is_none() {
        form.problems.insert("received", "The day it was received, not after today".into());
    }
    if call.field("then") == "submit" {
        form.problems.extend(missing(&form.request));
    }
    let (Some(received), true, false) = (received, form.problems.is_empty(), call.field("then") == "more") else {
        return form.again(call, None, -1);
    };
    let at = if received == today() { jiff::Timestamp::now().as_second() } else { noon(received) };
    let desk = super::desk(call);
    let opened = call.wait(desk.open(form.request, at, &who)).map_err(super::fault)?;
    if call.field("then") != "submit" {
        return Ok(super::on(format!("/releases/{}", opened.number)));
    }
    // Should verification not begin, the request is written down all the same, and its page says what is in the way.
    let number = opened.number.clone();
    let _ = call.wait(desk.step(&opened, Move::Submit { waits: false }, &who));
    Ok(super::on(format!("/releases/{number}")))
}

/// `POST /releases/{number}/edit`
pub fn change(call: &Call) -> Result<Answer, ApiError> {
    let who = super::worker_of(call)?;
    let view = super::view(call, &who)?;
    let form = Form::typed(call, &view.value().case.request, &who.actor.id);
    let seen: Seen = super::seen(call);
    if call.field("then") == "more" || !form.problems.is_empty() {
        let number = seen.number.clone();
        let status = if form.problems.is_empty() { 200 } else { 400 };
        return Ok(view.map(|_| form.draw(call, Some(&number), seen.steps, status)).into());
    }
    let done = call.wait(super::desk(call).step(&seen, Move::Write { request: Box::new(form.request) }, &who));
    super::then(call, done, |seen| format!("/releases/{}", seen.number))
}

/// What was typed, and what is wrong with it.
#[derive(Default)]
struct Form {
    request: Request,
    received: String,
    note: String,
    problems: Problems,
    asks_basis: bool,
}

impl Form {
    fn again(self, call: &Call, number: Option<&str>, steps: i64) -> Result<Answer, ApiError> {
        let status = if self.problems.is_empty() { 200 } else { 400 };
        Ok(Public(self.draw(call, number, steps, status)).into())
    }

    fn draw(&self, call: &Call, number: Option<&str>, steps: i64, status: u16) -> Body {
        let page = FormPage {
            number,
            steps,
            rules: &super::desk(call).rules,
            request: &self.request,
            received: &self.received,
            problems: &self.problems,
            note: &self.note,
            certificates: &certificates(call),
            asks_basis: self.asks_basis,
        };
        Body::html(releases::form(&crate::server::pages::frame(call), &page)).status(status)
    }

    /// The form's fields over what the request was before: what the form does not ask stays.
    fn typed(call: &Call, before: &Request, by: &str) -> Form {
        let mut problems = Problems::new();
        let text = |name: &str, most: usize| super::typed(call, name, most);
        let is_on = |name: &str| call.field(name) == "1";
        let mut day = |name: &'static str| {
            let typed = text(name, 30);
            let day = typed.parse::<Date>().ok();
            if !typed.is_empty() && day.is_none() {
                problems.insert(name, "A day as YYYY-MM-DD".into());
            }
            day
        };
        let mut request = before.clone();
        (request.scope.from, request.scope.to, request.expires) = (day("from"), day("to"), day("expires"));
        if let (Some(from), Some(to)) = (request.scope.from, request.scope.to)
            && from > to
        {
            problems.insert("to", "The last day is before the first".into());
        }
        request.basis = text("basis", 60);
        request.requester = party(call, "requester");
        request.recipient = Some(party(call, "recipient")).filter(|party| *party != Party::default());
        request.subjects = subjects(call, before);
        request.purpose = text("purpose", 500);
        request.scope.types = types(call, &before.scope.types);
        if request.basis != before.basis {
            request.scope.record_set =
                super::desk(call).rules.basis(&request.basis).map_or_else(String::new, |it| it.record_set.clone());
        }
        request.expires_with = Some(text("expires-with", 300)).filter(|event| !event.is_empty());
        request.formats = Formats { pdf: true, native: is_on("native"), ndjson: is_on("ndjson"), ccd: is_on("ccd") };
        request.delivery =
            Delivery { channel: text("channel", 20), address: text("delivery-address", 300), is_encrypted: is_on("encrypted") };
        request.wants_certificate = is_on("certificate-wanted");
        request.certificate = Some(text("certificate", 80)).filter(|name| !name.is_empty());
        request.priority = match call.field("priority") {
            "urgent" => Priority::Urgent,
            "emergency" => Priority::Emergency,
            _ => Priority::Routine,
        };
        let note = text("note", 2000);
        let is_kept = call.field("then") != "more";
        if !note.is_empty() && is_kept {
            request.notes.push(Note { text: note.clone(), by: by.to_string(), at: jiff::Timestamp::now().as_second() });
        }
        match fee(&text("fee-what", 200), &text("fee-amount", 12)) {
            Ok(Some(fee)) if is_kept => request.fees.push(fee),
            Ok(_) => {}
            Err(()) => {
                problems.insert("fee-amount", "An amount like 12.50".into());
            }
        }
        Form { request, received: text("received", 10), note, problems, asks_basis: false }
    }
}

/// The types that are ticked. The form speaks of groups: sections that were chosen one by one stay as they were.
fn types(call: &Call, before: &[String]) -> Vec<String> {
    let ticked = call.form.iter().filter(|(name, _)| name == "type").map(|(_, code)| code);
    let kept = |code: &String| {
        let own: Vec<String> = before.iter().filter(|it| releases::group_of(it) == code).cloned().collect();
        if own.is_empty() { vec![code.clone()] } else { own }
    };
    ticked.flat_map(kept).collect()
}

fn party(call: &Call, who: &str) -> Party {
    let text = |name: &str, most: usize| super::typed(call, &format!("{who}-{name}"), most);
    let lines = text("address", 1000);
    Party {
        name: text("name", 200),
        organisation: text("organisation", 200),
        address: lines.lines().map(|line| line.trim().to_string()).filter(|line| !line.is_empty()).take(10).collect(),
        phone: text("phone", 100),
        email: text("email", 200),
        relation: text("relation", 200),
    }
}

/// The patients of the form; a patient who is written as before stays found.
fn subjects(call: &Call, before: &Request) -> Vec<Subject> {
    let mut subjects: Vec<Subject> = Vec::new();
    for at in 0..SUBJECTS_MAX {
        let text = |name: &str| super::typed(call, &format!("subject-{at}-{name}"), 300);
        let numbers = text("numbers");
        let subject = Subject {
            name: text("name"),
            birth_date: Some(text("born")).filter(|born| !born.is_empty()),
            numbers: numbers.split([',', ';']).map(|it| it.trim().to_string()).filter(|it| !it.is_empty()).collect(),
            keys: before.subjects.get(at).map(|it| it.keys.clone()).unwrap_or_default(),
        };
        if !subject.name.is_empty() || subject.birth_date.is_some() || !subject.numbers.is_empty() {
            subjects.push(subject);
        }
    }
    if call.field("then") == "more" && subjects.len() < SUBJECTS_MAX {
        subjects.push(Subject::default());
    }
    subjects
}

/// A fee of a form; none when nothing was typed.
fn fee(what: &str, amount: &str) -> Result<Option<Fee>, ()> {
    if what.is_empty() && amount.is_empty() {
        return Ok(None);
    }
    let (whole, part) = amount.split_once('.').unwrap_or((amount, "00"));
    let digits = |text: &str, most: usize| (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if what.is_empty() || !digits(whole, 7) || !(part.len() == 2 && digits(part, 2)) {
        return Err(());
    }
    let cents = whole.parse::<i64>().map_err(|_| ())? * 100 + part.parse::<i64>().map_err(|_| ())?;
    Ok(Some(Fee { what: what.to_string(), cents, currency: "USD".into() }))
}

/// The certificates of the site: name and title. A site whose texts cannot be read hears of it when pages are made.
fn certificates(call: &Call) -> Vec<(String, String)> {
    let texts = Texts::load(call.app.config.release.texts.as_deref());
    texts.map_or_else(|_| Vec::new(), |texts| texts.certificates().map(|it| (it.name.clone(), it.title.clone())).collect())
}

/// What the request lacks, by the field where it is typed.
fn missing(request: &Request) -> Problems {
    let field = |words: &str| match words {
        "who asks" => ("requester-name", "Who asks: a name or an organisation"),
        "the purpose" => ("purpose", "What the records are wanted for"),
        "the patient" | "the patient's name as on the request" => ("subject-0-name", "The patient’s name as on the request"),
        "how it is to be delivered" => ("channel", "How it is to be delivered"),
        "the recipient's address" => ("requester-address", "The address of who gets the records"),
        _ => ("basis", "The legal basis"),
    };
    request.missing().into_iter().map(field).map(|(field, words)| (field, words.to_string())).collect()
}

fn today() -> Date {
    jiff::Zoned::now().date()
}

/// The middle of a day, for what is known by its day alone.
fn noon(day: Date) -> i64 {
    day.at(12, 0, 0, 0).to_zoned(jiff::tz::TimeZone::system()).map_or(0, |at| at.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fee_is_counted_in_cents_and_nothing_is_guessed() {
        let cents = |amount: &str| fee("copies", amount).map(|fee| fee.map(|fee| fee.cents));
        assert_eq!(cents("12.50"), Ok(Some(1250)));
        assert_eq!(cents("7"), Ok(Some(700)));
        for amount in ["", "12,50", "1.5", "-1.00", "1.000", "12345678.00", "x"] {
            assert_eq!(cents(amount), Err(()), "{amount}");
        }
        assert_eq!(fee("", ""), Ok(None));
    }

    #[test]
    fn whatever_a_request_lacks_is_named_beside_a_field_of_the_form() {
        let problems = missing(&Request::default());
        let fields: Vec<&str> = problems.keys().copied().collect();
        assert_eq!(fields, ["basis", "channel", "purpose", "requester-address", "requester-name", "subject-0-name"]);
    }
}
